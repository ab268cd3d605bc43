"""CFONB 240: single operations as French banks report them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.statements.model import NOTIFICATION
from electra_kernel.vocabulary.errors import UnreadableFile

OURS, THEIRS = "300010012300000012345", "20041010050500013M026"


def head(number: int = 1, foreign: str = "E    ", code: str = "  ") -> str:
    return f"31{number:06d}{code}310126{foreign}{OURS}{'EXEMPLE SARL':24}".ljust(240)


def operation(
    number: int, code: str, cents: int, first: str, second: str, text: str = "", tail: str = "", foreign: str = "E    "
) -> str:
    parties = f"{first}{'DUPONT':24}123456     {second}{'EXEMPLE SARL':24}"
    return f"34{number:06d}{code}310126{foreign}{parties}REF001{'BANQUE':24}{text:62}{tail:>14}{cents:012d}"


def foot(number: int, cents: int) -> str:
    return f"39{number:06d}  310126     {OURS}{'EXEMPLE SARL':24}".ljust(228) + f"{cents:012d}"


def file_of(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("iso-8859-1")


FILE = file_of(
    head(),
    operation(2, "20", 12345, THEIRS, OURS, "FACTURE 4711"),
    operation(3, "80", 100, THEIRS, OURS, "ABONNEMENT"),
    operation(4, "21", 500, OURS, THEIRS, "RETOUR", "04"),
    operation(5, "81", 700, OURS, THEIRS),
    foot(6, 13645),
)


def test_operations_are_entries_with_their_sign_and_the_other_party() -> None:
    reading = formats.read(FILE, "x")
    assert reading.problems == ()
    (statement,) = reading.statements
    assert (statement.account, statement.currency, statement.kind) == (OURS, "EUR", NOTIFICATION)
    found = [(one.amount, one.proprietary_code, one.reversal, one.booking_date) for one in statement.entries]
    day = date(2026, 1, 31)
    assert found == [
        (Decimal("123.45"), "20", False, day),
        (Decimal("-1.00"), "80", False, day),
        (Decimal("5.00"), "21", True, day),
        (Decimal("-7.00"), "81", True, day),
    ]
    assert {one.details[0].counterparty.account for one in statement.entries if one.details[0].counterparty} == {THEIRS}
    assert [one.details[0].remittance for one in statement.entries[:3]] == ["FACTURE 4711", "ABONNEMENT", "RETOUR"]
    assert statement.entries[2].additional_information == "Rejected, reason 04"


@given(st.lists(st.tuples(st.sampled_from(["20", "28", "80", "86"]), st.integers(1, 10**10)), max_size=5))
def test_every_operation_is_an_entry_and_sums_are_checked(rows: list[tuple[str, int]]) -> None:
    lines = [operation(place, code, cents, THEIRS, OURS) for place, (code, cents) in enumerate(rows, 2)]
    total = sum(cents for _, cents in rows)
    (statement,) = formats.read(file_of(head(), *lines, foot(len(rows) + 2, total)), "x").statements
    signs = [(1 if code in ("20", "28") else -1) * Decimal(cents).scaleb(-2) for code, cents in rows]
    assert [entry.amount for entry in statement.entries] == signs
    wrong = formats.read(file_of(head(), *lines, foot(len(rows) + 2, total + 1)), "x")
    assert [problem.rule for problem in wrong.problems] == ["sum"]


def test_other_currencies_and_amounts_from_abroad_are_read() -> None:
    foreign = operation(2, "20", 12345, THEIRS, OURS, foreign=" 3TND")
    abroad = operation(3, "77", 100, THEIRS, OURS).replace("BANQUE         ", "USD150,5       ")
    (statement,) = formats.read(file_of(head(), foreign, abroad, foot(4, 12445)), "x").statements
    first, second = statement.entries
    assert (first.amount, first.currency) == (Decimal("12.345"), "TND")
    assert (second.details[0].original_amount, second.details[0].original_currency) == (Decimal("150.5"), "USD")


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        (b"000000013645", b"000000013646", "sum", 6),
        (b"34000003", b"34000004", "count", 3),
        (b"3400000380", b"3400000340", "operation", 3),
        (b"3400000380", b"3400000323", "operation", 3),
        (b"000000012345", b"0000000123X5", "number", 2),
        (b"31012" + b"6E    20041", b"310226E    20041", "date", 2),
        (b"39000006  310126     30001", b"39000006  310126     30002", "account", 6),
        (b"34000005", b"35000005", "record", 5),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: bytes, new: bytes, rule: str, line: int) -> None:
    reading = formats.read(FILE.replace(old, new, 1), "x")
    assert (rule, line) in {(problem.rule, problem.position) for problem in reading.problems}


@pytest.mark.parametrize("cut", range(50, 1440, 97))
def test_a_file_cut_anywhere_says_so(cut: int) -> None:
    try:
        reading = formats.read(FILE[:cut], "x")
    except UnreadableFile:
        return
    assert {"truncated", "length"} & {problem.rule for problem in reading.problems}
