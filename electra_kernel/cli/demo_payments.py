"""The demonstration's payments in Excel: two hundred lines of a month's suppliers, a few of them wrong on purpose."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import xlsxwriter

from electra_kernel.vocabulary.accounts import hungarian_digits_agree, parse_account

LINES = 200

_HEADER = ("Name", "Account", "Amount", "Currency", "Reference", "Remittance")
_FIRST = (
    "Alföldi",
    "Balatoni",
    "Csepeli",
    "Dunai",
    "Egri",
    "Győri",
    "Hegyaljai",
    "Kőbányai",
    "Mátrai",
    "Őrségi",
    "Tiszai",
)
_TRADE = (
    "Acélmű",
    "Bútorgyár",
    "Fűszerkereskedés",
    "Gépipari",
    "Irodaszer",
    "Logisztika",
    "Nyomda",
    "Öntöde",
    "Villamossági",
)
_FORM = ("Kft.", "Zrt.", "Bt.")

#: What is wrong in which line (counted among the payments): a column and the text that stands there instead.
_MISTAKES: dict[int, tuple[int, str]] = {
    11: (1, "HU42 1177 3016 1111 1018 0000 0001"),
    37: (2, "-5"),
    64: (2, "1e3"),
    90: (0, ""),
    121: (2, "0.001"),
    150: (5, "Számla " + "2026/0150 " * 20),
    177: (3, "HUX"),
}


def payments_workbook(seed: int) -> bytes:
    """An .xlsx with a header row and ``LINES`` payments; the same seed gives the same lines."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("Suppliers")
        sheet.set_column(0, 5, 28)
        sheet.write_row(0, 0, _HEADER, workbook.add_format({"bold": True}))
        for number, line in enumerate(_lines(seed), 1):
            for column, text in enumerate(line):
                sheet.write_string(number, column, text)
    return buffer.getvalue()


def _lines(seed: int) -> Iterator[list[str]]:
    chance = random.Random(seed)  # noqa: S311 - play data, not a secret
    for number in range(1, LINES + 1):
        line = [
            f"{chance.choice(_FIRST)} {chance.choice(_TRADE)} {chance.choice(_FORM)}",
            _account(chance),
            str(chance.randrange(4_000, 900_000)),
            "HUF",
            f"INV-2026-{number:04d}",
            f"Számla 2026/{number:04d}",
        ]
        if number in _MISTAKES:
            column, text = _MISTAKES[number]
            line[column] = text
        yield line


def _account(chance: random.Random) -> str:
    """A Hungarian account whose check digits hold, as an IBAN."""
    bank = f"{chance.choice((104, 107, 109, 116, 117, 120))}{chance.randrange(10**4):04d}"
    own = f"{chance.randrange(10**15):015d}"
    digits = next(
        number
        for first in range(10)
        for last in range(10)
        if hungarian_digits_agree(number := f"{bank}{first}{own}{last}")
    )
    return parse_account(digits)
