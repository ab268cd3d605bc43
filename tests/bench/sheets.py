"""Sheets of 100,000 rows: statements in CSV and Excel, payments in Excel, and writing them, against the bare library.

The bare library is what any reader must do first: Python's ``csv`` into rows of texts, calamine into rows of cells,
xlsxwriter from rows of texts. Beside CSV stands pyarrow's own reader, which takes every cell as it comes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import xlsxwriter
from python_calamine import CalamineWorkbook

from electra_kernel import formats
from electra_kernel.formats import payments
from electra_kernel.orders.model import Transaction
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party
from tests.bench.measure import Result, compare

COUNT = 100_000
ACCOUNT, OTHER = "HU42117730161111101800000000", "DE89370400440532013000"
_HEADER = (
    *("Account", "Booking date", "Value date", "Amount", "Currency", "Balance", "Counterparty", "Counterparty account"),
    *("Counterparty BIC", "Remittance information", "Transaction ID"),
)


def _rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Bookings with their running balance; amounts in cents."""
    balance = 0
    for number in range(count):
        cents = (number % 99_991 + 1) * (1 if number % 3 else -1)
        balance += cents
        day = date(2026, 1, 1) + timedelta(days=number // 300)
        yield (
            *(ACCOUNT, day, day, cents, "EUR", balance, f"Partner & Söhne {number % 977}", OTHER, "COBADEFFXXX"),
            *(f"Invoice {number} of January", f"REF{number:012}"),
        )


def statement_csv(count: int = COUNT) -> bytes:
    """A statement as banks export it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_HEADER)
    for row in _rows(count):
        cells = [str(cell) if isinstance(cell, date) else cell for cell in row]
        cells[3], cells[5] = Decimal(row[3]).scaleb(-2), Decimal(row[5]).scaleb(-2)
        writer.writerow(cells)
    return out.getvalue().encode()


def statement_xlsx(count: int = COUNT) -> bytes:
    """The same as a workbook with dates and numbers."""
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet, days = workbook.add_worksheet(), workbook.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, _HEADER)
    for number, row in enumerate(_rows(count), 1):
        for place, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write_datetime(number, place, datetime(cell.year, cell.month, cell.day), days)
            elif isinstance(cell, int):
                sheet.write_number(number, place, cell / 100)
            else:
                sheet.write_string(number, place, cell)
    workbook.close()
    return out.getvalue()


def transactions(count: int = COUNT) -> list[Transaction]:
    """Payments of a transfer run."""
    return [
        Transaction(
            amount=Money(Decimal(number % 99_991 + 1).scaleb(-2), "EUR"),
            counterparty=Party(name=f"Partner & Söhne {number % 977}", account=OTHER, bic="COBADEFFXXX"),
            remittance=f"Invoice {number} of January",
            end_to_end_id=f"E2E-{number}",
        )
        for number in range(count)
    ]


def _calamine(data: bytes) -> int:
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return len(workbook.get_sheet_by_index(0).to_python(skip_empty_area=False))


def _xlsxwriter(rows: list[list[str]]) -> int:
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = workbook.add_worksheet()
    for number, row in enumerate(rows):
        for place, text in enumerate(row):
            if text:
                sheet.write_string(number, place, text)
    workbook.close()
    return len(out.getvalue())


def _tables(data: bytes) -> Callable[[], int]:
    """This project's way into the ledger's columns, once its figures have been seen to be right."""
    tables = formats.read_tables(data, "bench")
    total = Decimal(sum(row[3] for row in _rows(COUNT))).scaleb(-2)
    if (len(tables.entries), pc.sum(tables.entries["amount"]).as_py()) != (COUNT, total):
        raise AssertionError(tables.problems.to_pylist()[:3])
    return lambda: len(formats.read_tables(data, "bench").entries)


def run() -> Iterator[Result]:
    """All comparisons of this file."""
    name, text, book = f"{COUNT:,} rows", statement_csv(), statement_xlsx()
    ours = _tables(text)
    yield compare(
        f"CSV statement, {name}, to the ledger's columns",
        ours,
        "csv module",
        lambda: len(list(csv.reader(io.StringIO(text.decode(), newline="")))),
        "near",
    )
    yield compare(
        "the same",
        ours,
        "pyarrow.csv, nothing looked at",
        lambda: len(pyarrow.csv.read_csv(pa.BufferReader(text))),
        "near",
    )
    ours = _tables(book)
    yield compare(
        f"Excel statement, {name}, to the ledger's columns", ours, "calamine", lambda: _calamine(book), "≤ 2 ×"
    )
    paid = transactions()
    sheet = payments.write_xlsx(paid)
    if len(payments.read(sheet, "bench").transactions) != COUNT:
        raise AssertionError("payments were lost")
    yield compare(
        f"Excel payments, {name}, to columns and problems",
        lambda: len(formats.read_payments(sheet, "bench").transactions),
        "calamine",
        lambda: _calamine(sheet),
        "≤ 2 ×",
    )
    yield compare(
        "the same, and every transaction as an object",
        lambda: len(list(formats.read_payments(sheet, "bench").transactions)),
        "calamine",
        lambda: _calamine(sheet),
        "near",
    )
    cells = [
        list(map(str, row))
        for row in CalamineWorkbook.from_filelike(io.BytesIO(sheet)).get_sheet_by_index(0).to_python()
    ]
    yield compare(
        f"Excel payments, {name}, written",
        lambda: len(payments.write_xlsx(paid)),
        "xlsxwriter",
        lambda: _xlsxwriter(cells),
        "≤ 2 ×",
    )


if __name__ == "__main__":
    for result in run():
        print(result, flush=True)
