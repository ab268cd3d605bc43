"""A national file that breaks off anywhere says so, and gives nothing that the whole file does not give."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import pytest

from electra_kernel import formats
from electra_kernel.formats import cfonb160, dtaus
from electra_kernel.formats.base import Reading
from electra_kernel.vocabulary.errors import UnreadableFile
from tests import (
    test_formats_bai2,
    test_formats_cfonb,
    test_formats_cfonb160,
    test_formats_cfonb240,
    test_formats_coda,
    test_formats_dtaus,
    test_formats_nacha,
    test_formats_norma43_abo,
)


class Case(NamedTuple):
    """A whole file, where cutting begins and ends, the rules that may tell a cut, and which pieces count as whole."""

    data: bytes
    first: int
    behind: int
    rules: frozenset[str]
    is_whole: Callable[[bytes], bool] = lambda piece: False


_TRUNCATED = frozenset({"truncated", "length"})
_SUMS = frozenset({"sum", "count"})
_SPANISH = test_formats_norma43_abo.plain("norma43")
_CZECH = test_formats_norma43_abo.plain("abo")
CASES = {
    "bai2": Case(test_formats_bai2.FILE, 60, 3, _SUMS | {"truncated"}),
    "cfonb120": Case(test_formats_cfonb.plain(), 125, 20, _TRUNCATED | {"balance-missing"}),
    "cfonb160": Case(
        cfonb160.write(
            test_formats_cfonb160.order_of(
                test_formats_cfonb160.payment(text="X" * 40), test_formats_cfonb160.payment()
            )
        ),
        165,
        200,
        _TRUNCATED,
    ),
    "cfonb240": Case(test_formats_cfonb240.FILE, 50, 3, _TRUNCATED),
    "coda": Case(test_formats_coda.plain(), 140, 80, _TRUNCATED | _SUMS),
    "dtaus": Case(
        dtaus.write(
            test_formats_dtaus.order_of(test_formats_dtaus.payment(text="LONG " * 20), test_formats_dtaus.payment())
        ),
        6,
        130,
        _TRUNCATED,
    ),
    "nacha": Case(test_formats_nacha.FILE, 100, 94 * 9 + 80, _TRUNCATED),
    # What is cut off behind the last figure cannot be seen: blanks, and a text's end in ABO.
    "norma43": Case(
        _SPANISH, 90, 4, _TRUNCATED | _SUMS | {"balance", "balance-missing"}, lambda piece: b"000006" in piece
    ),
    "abo": Case(
        _CZECH, 130, 4, _TRUNCATED | _SUMS | {"balance", "balance-missing"}, lambda piece: piece.count(b"\r\n075") == 2
    ),
}
_STEP = 23


def _amounts(reading: Reading) -> list[Decimal]:
    booked = [entry.amount for statement in reading.statements for entry in statement.entries]
    return booked + [item.amount.amount for order in reading.orders for item in order.transactions]


@pytest.mark.parametrize("name", CASES)
def test_a_file_cut_anywhere_says_so_and_invents_nothing(name: str) -> None:
    case = CASES[name]
    whole = _amounts(formats.read(case.data, "x"))
    for cut in range(case.first, len(case.data) - case.behind, _STEP):
        try:
            reading = formats.read(case.data[:cut], "x")
        except UnreadableFile:
            continue
        told = {problem.rule for problem in reading.problems}
        assert case.is_whole(case.data[:cut]) or told & case.rules, cut
        # The last may be of a record that was cut; the company's own entry of a NACHA batch may be told from none.
        certain = _amounts(reading)[:-1]
        assert name == "nacha" or certain == whole[: len(certain)], cut
