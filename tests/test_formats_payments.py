"""Payments in CSV and Excel: recognised headers, good rows kept, every bad row told, hostile files refused."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import grids, payment_columns, payment_rows, payments
from electra_kernel.formats.base import Problems, Reading
from electra_kernel.formats.payment_tables import payment_entries
from electra_kernel.formats.payments import ColumnMap
from electra_kernel.orders.model import NOT_PROVIDED, Transaction
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party

IBAN = "HU42117730161111101800000000"
HEADER = "Name;Account;Amount;Currency;Reference;Remittance;BIC\n"
_TEXT = st.text(alphabet="ABCxyzáőű &<>'\";,=019/-", min_size=1, max_size=34).map(str.strip).filter(bool)
_MAYBE = st.one_of(st.just(""), _TEXT)
_TRANSACTIONS = st.lists(
    st.builds(
        Transaction,
        amount=st.builds(Money, st.decimals("0.01", "999999999.99", places=2), st.sampled_from(["EUR", "HUF"])),
        counterparty=st.builds(
            Party,
            name=_TEXT,
            account=st.sampled_from([IBAN, "DE89370400440532013000"]),
            bic=st.sampled_from(["", "OTPVHUHB"]),
            address=st.builds(Address, street=_MAYBE, town=_MAYBE, country=st.sampled_from(["", "HU"])),
            identification=_MAYBE,
        ),
        remittance=_MAYBE,
        structured_reference=st.sampled_from(["", "RF18539007547034"]),
        end_to_end_id=st.one_of(st.just(NOT_PROVIDED), _TEXT),
        instruction_id=_MAYBE,
        purpose=st.sampled_from(["", "SALA"]),
        ultimate_debtor=_MAYBE,
        ultimate_creditor=_MAYBE,
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda line: line.end_to_end_id,
)


def _row(
    name: str = "Partner", account: str = IBAN, amount: str = "12.50", currency: str = "EUR", rest: str = ";;"
) -> str:
    return f"{name};{account};{amount};{currency};{rest}\n"


def _problems(rows: str, header: str = HEADER) -> list[tuple[int | None, str, str]]:
    reading = formats.read((header + rows).encode(), "sheet.csv")
    return [(problem.position, problem.field, problem.rule) for problem in reading.problems]


def _workbook(rows: list[list[object]], formulas: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = workbook.add_worksheet()
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write(number, place, cell)
    for cell, value in (formulas or {}).items():
        sheet.write_formula(cell, "=1/0", None, value)
    workbook.close()
    return out.getvalue()


@pytest.mark.parametrize("write", [payments.write_csv, payments.write_xlsx])
@settings(max_examples=40, deadline=None)
@given(transactions=_TRANSACTIONS)
def test_payments_read_back_as_they_were_written(write: object, transactions: list[Transaction]) -> None:
    assert callable(write)
    data = write(transactions)
    assert data == write(transactions)
    reading = formats.read(data, "wrongly-named.pdf")
    assert reading.problems == ()
    assert [replace(line, position=None) for line in reading.transactions] == transactions


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1250", "iso8859-2"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_hungarian_headers_below_a_preamble_are_recognised(encoding: str, delimiter: str) -> None:
    lines = [
        "Átutalások 2026. március",
        "",
        "KEDVEZMÉNYEZETT NEVE;Számlaszám;Összeg (HUF);Közlemény",
        "Kővári Őrs Kft.;11773016-11111018-00000000;1 234.50;márciusi díj",
    ]
    data = "\r\n".join(line.replace(";", delimiter) for line in lines).encode(encoding)
    reading = formats.read(data, "x")
    (line,) = reading.transactions
    assert (line.counterparty.name, line.counterparty.account) == ("Kővári Őrs Kft.", IBAN)
    assert (line.amount, line.remittance) == (Money(Decimal("1234.50"), "HUF"), "márciusi díj")
    assert line.position == 4
    told = {problem.rule for problem in reading.problems}
    assert told == (set() if encoding.startswith("utf") else {"encoding"})


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (_row(name=""), ("name", "missing")),
        (_row(account=""), ("account", "missing")),
        (_row(account="HU43117730161111101800000000"), ("account", "account")),
        (_row(account="11773016-11111019-00000000"), ("account", "account")),
        (_row(amount=""), ("amount", "missing")),
        (_row(amount="twelve"), ("amount", "amount")),
        (_row(amount="1.234"), ("amount", "amount")),
        (_row(amount="-5"), ("amount", "amount-not-positive")),
        (_row(amount="0.00"), ("amount", "amount-not-positive")),
        (_row(amount="1.2345"), ("amount", "amount-decimals")),
        (_row(amount="10.5", currency="JPY"), ("amount", "amount-decimals")),
        (_row(currency="EUX"), ("currency", "currency")),
        (_row(currency=""), ("currency", "currency")),
        (_row(name="N" * 141), ("name", "too-long")),
        (_row(rest=f";{'r' * 141};"), ("remittance", "too-long")),
        (_row(rest=f"{'e' * 36};;"), ("end_to_end_id", "too-long")),
        (_row(name="a\x00b"), ("name", "control-character")),
        (_row(name='"a\nb"'), ("name", "control-character")),
        (_row(rest=";;NOBIC"), ("bic", "bic")),
        (_row(rest=";;;more"), ("row", "too-many-cells")),
    ],
)
def test_a_bad_row_is_left_out_and_told_with_line_field_and_rule(row: str, problem: tuple[str, str]) -> None:
    reading = formats.read((HEADER + _row() + row + _row(name="Last")).encode(), "sheet.csv")
    assert [(found.position, found.field, found.rule) for found in reading.problems] == [(3, *problem)]
    assert [line.counterparty.name for line in reading.transactions] == ["Partner", "Last"]
    assert reading.problems[0].repair


_ODD: list[object] = [
    *("", " ", "x", "?", "a\nb", "a\u00adb", "\u00a0", "É" * 150, "y" * 80, f"{'street ' * 15}1", grids.ERROR_CELL),
    *("1", "12,5", "1.234", "1 234.50", "1.234,5", "0,00", "-3", "7.125", "1e5", "00012.30", "9" * 14, "٣"),
    *(5.0, 12.5, 0.1 + 0.2, 1e15, 1e16, -1.0, 0.0, 1.5e-7, 12, True, None, date(2026, 1, 2), timedelta(hours=3)),
    *(IBAN, IBAN.lower(), "11773016-11111018-00000000", "021000021-123456", "DE893704004405320130 00", "DE0"),
    *("OTPVHUHB", "CHASUS33", "chasus33xxx", "NOBIC", "EUR", "huf", "JPY", "KWD", "EUX", NOT_PROVIDED, "E1", "E2"),
]
_LIKELY: dict[str, list[object]] = {
    "account": [IBAN, "021000021-123456", "11773016-11111018-00000000"],
    "bic": ["CHASUS33", "OTPVHUHB", ""],
    "end_to_end_id": ["E1", "E2", "E3", 4.0, NOT_PROVIDED],
    "amount": [5.0, 12.5, "12,5", "1 234.50", "1.234,5"],
}
_FULL = {"name": "Partner", "account": IBAN, "amount": "12.50", "currency": "EUR"}


def _rows_of(choice: Random) -> tuple[list[str], list[tuple[int, list[object]]]]:
    """Columns and rows, most of them right."""
    others = choice.sample([*payment_rows.LIMITS], choice.randrange(4))
    names = list(dict.fromkeys([*_FULL, "bic", "end_to_end_id", *others][choice.choice([0, 0, 0, 1]) :]))
    rows = []
    for number in range(choice.randrange(1, 12)):
        cells = [choice.choice(_LIKELY.get(name, [_FULL.get(name, "")])) for name in names]
        for _ in range(choice.choice([0, 0, 0, 1, 2])):
            cells[choice.randrange(len(cells))] = choice.choice(_ODD)
        cells += choice.choice([[], [], [], [], [""], ["more"], [" ", 5.0]])
        rows.append((number + 2, cells[: choice.choice([99, 99, 99, 4])]))
    return names, rows


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32), cut=st.integers(1, 7), usual=st.sampled_from(["EUR", "EUR", "JPY", ""]))
def test_rows_by_columns_and_rows_one_by_one_give_the_same_payments_and_problems(
    seed: int, cut: int, usual: str
) -> None:
    names, rows = _rows_of(Random(seed))
    arguments = {name: place for place, name in enumerate(names)}, len(names), usual
    one, other = Problems("s"), Problems("s")
    single, columns = payment_rows.RowReader(*arguments, one), payment_columns.Reader(*arguments, other)
    made = [found for row in rows if (found := single.transaction(*row)) is not None]
    for start in range(0, len(rows), cut):
        columns.take(rows[start : start + cut])
    reading, objects = (Reading(format="f", transactions=found) for found in (columns.payments(), tuple(made)))
    tables = payment_entries(reading, "s"), payment_entries(objects, "s")
    assert tables[0].equals(tables[1])
    assert list(reading.transactions) == made
    assert [str(found.amount.amount) for found in made] == [str(found.amount.amount) for found in reading.transactions]
    assert other.rows() == one.rows()


def test_an_address_that_no_line_holds_is_told_and_the_other_rows_are_read() -> None:
    data = f"Name;IBAN;Amount EUR;Address\nA;{IBAN};1;{'x' * 90}\nB;{IBAN};2;Road 1\n".encode()
    reading = formats.read(data, "p.csv")
    assert [line.counterparty.name for line in reading.transactions] == ["B"]
    assert [(row.position, row.field) for row in reading.problems] == [(2, "address")]


def test_cells_that_are_wrong_are_no_double_references() -> None:
    rows = _row(rest=f"{'e' * 36};;") * 2 + _row(rest="?;;") * 2
    assert _problems(rows) == [
        *((place, "end_to_end_id", "too-long") for place in (2, 3)),
        (5, "end_to_end_id", "duplicate-end-to-end-id"),
    ]


def _tabs(**sheets: list[list[object]]) -> bytes:
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    for tab, rows in sheets.items():
        sheet = workbook.add_worksheet(tab)
        for number, row in enumerate(rows):
            sheet.write_row(number + 2, 1, row)
    workbook.close()
    return out.getvalue()


def test_problems_name_the_sheet_of_a_workbook_of_several_and_further_sheets_of_payments_are_told() -> None:
    header: list[object] = ["Name", "IBAN", "Amount EUR"]
    march: list[list[object]] = [header, ["A", IBAN, 5], ["B", "no account", 5]]
    reading = formats.read(_tabs(Notes=[["x"]], March=march, April=[header, ["C", IBAN, 7]]), "p.xlsx")
    assert [line.position for line in reading.transactions] == [4]
    assert [(row.position, row.rule, row.severity) for row in reading.problems] == [
        (None, "sheet-unread", "warning"),
        (5, "account", "error"),
    ]
    assert "'April'" in reading.problems[0].text
    assert reading.problems[1].text.startswith("Sheet 'March': ")
    (alone,) = formats.read(_tabs(March=march), "p.xlsx").problems
    assert alone.text.startswith("'no account' is")


def test_every_wrong_cell_of_a_row_is_told_at_once() -> None:
    assert _problems(_row(name="", account="x", amount="y")) == [
        (2, "amount", "amount"),
        (2, "account", "account"),
        (2, "name", "missing"),
    ]


def test_a_reference_that_stands_twice_is_told_and_empty_ones_are_not() -> None:
    rows = _row(rest="E1;;") + _row() + _row(rest="E1;;") + _row()
    assert _problems(rows) == [(4, "end_to_end_id", "duplicate-end-to-end-id")]


def test_empty_rows_are_passed_over_and_lines_inside_quotes_are_counted() -> None:
    rows = ";;;;;;\n\n" + _row(rest=';"two\nlines";') + _row(amount="x")
    assert [place for place, _, _ in _problems(rows)] == [4, 6]


def test_a_national_number_is_taken_only_where_the_country_of_the_bank_has_no_ibans() -> None:
    american = _row(account="021000021-123456", rest=";;CHASUS33")
    german = _row(account="021000021-123456", rest=";;COBADEFF")
    reading = formats.read((HEADER + american + german).encode(), "x")
    assert [line.counterparty.account for line in reading.transactions] == ["021000021-123456"]
    assert [problem.position for problem in reading.problems] == [3]


def test_named_columns_and_a_given_currency_are_used() -> None:
    data = f"Wer,Wohin,Wieviel,Name\nPartner,{IBAN},5,other\n".encode()
    columns = ColumnMap(name="wer", account="WOHIN", amount="Wieviel")
    (line,) = payments.read(data, "x", columns, "EUR").transactions
    assert (line.counterparty.name, line.amount) == ("Partner", Money(Decimal(5), "EUR"))
    (same,) = formats.read_payments(data, "x", columns, "EUR").transactions
    assert same == line
    with pytest.raises(UnreadableFile, match="currency"):
        payments.read(data, "x", columns)
    with pytest.raises(UnreadableFile, match="Wohim"):
        payments.read(data, "x", replace(columns, account="Wohim"), "EUR")


def test_numbers_in_a_sheet_are_taken_as_they_are_shown_or_refused() -> None:
    header = ["Name", "Account", "Amount", "Currency", "Reference"]
    data = _workbook(
        [
            header,
            ["A", IBAN, 1234.56, "EUR", 1001],
            ["B", IBAN, 0.125, "EUR", "x"],
            ["C", 1177301611111018, 10, "HUF", "y"],
            ["D", IBAN, True, "EUR", "z"],
            ["E", IBAN, 1e300, "EUR", 1.5],
        ]
    )
    reading = formats.read(data, "x")
    (line,) = reading.transactions
    assert (line.amount, line.end_to_end_id) == (Money(Decimal("1234.56"), "EUR"), "1001")
    assert [(problem.position, problem.rule) for problem in reading.problems] == [
        (3, "amount-decimals"),
        (4, "number-as-text"),
        (5, "amount"),
        (6, "number-as-text"),
        (6, "amount"),
    ]


def test_a_formula_that_failed_is_refused_not_taken_for_an_empty_cell() -> None:
    rows: list[list[object]] = [["Name", "Account", "Amount EUR", "Remittance"], ["A", IBAN, 5, "text"]]
    reading = formats.read(_workbook(rows, {"D2": "#N/A"}), "x")
    assert reading.transactions == ()
    assert [(problem.position, problem.field, problem.rule) for problem in reading.problems] == [
        (2, "remittance", "formula-error")
    ]


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr("xl/workbook.xml", "<workbook/>")
        with container.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(1100):
                part.write(bytes(2**20))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\0\1\2" * 40, "binary"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04 broken", "ZIP"),
        (b"just some words\n", "plain text"),
        (b"a;b;c\n1;2;3\n1;2;3\n", "without a header"),
        (b"{}", "JSON"),
        (b"<html><body>x</body></html>", "begins with html"),
        (b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><A/></Document>', "camt.054.001.08"),
        ((HEADER + '"open;1\n').encode(), "cannot be read"),
        (b"Name;Account;Amount\nA;B;1\n", "currency"),
    ],
)
def test_a_file_of_no_use_is_refused_saying_what_it_looks_like(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words) as caught:
        formats.read(data, "file")
    assert caught.value.repair


def test_a_workbook_that_inflates_beyond_measure_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="inflates"):
        payments.read(_bomb(), "x")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_sheets_give_problems_or_one_error_never_another_exception(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from(_WHOLE)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=4))
    with suppress(UnreadableFile):
        formats.read(bytes(damaged), "x")
    with suppress(UnreadableFile):
        payments.read(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]), "x")


_WHOLE = [
    (HEADER + _row() * 3).encode(),
    (HEADER + _row(name="Kővári") * 3).encode("utf-16"),
    _workbook([["Name", "Account", "Amount", "Currency"], ["A", IBAN, 5, "EUR"]]),
]


def test_a_statement_is_no_file_of_payments() -> None:
    data = (
        b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>1</Id></Stmt>'
        b"</BkToCstmrStmt></Document>"
    )
    with pytest.raises(UnreadableFile, match="no payments"):
        formats.read_payments(data, "x")
    with pytest.raises(UnreadableFile, match="no statements"):
        formats.read_tables((HEADER + _row()).encode(), "x")


def test_two_columns_for_the_amount_are_refused_and_not_chosen_from() -> None:
    data = f"Name;IBAN;Value;Amount;Currency\nA;{IBAN};1;2;EUR\n".encode()
    with pytest.raises(UnreadableFile, match="Value, Amount"):
        formats.read(data, "p.csv")
    chosen = payments.read(data, "p.csv", ColumnMap(amount="Amount"))
    assert [line.amount.amount for line in chosen.transactions] == [Decimal(2)]


def test_a_second_column_for_a_reference_is_told_and_the_first_is_read() -> None:
    data = f"Name;IBAN;Amount EUR;Reference;Invoice number\nA;{IBAN};1;R1;I1\n".encode()
    reading = formats.read(data, "p.csv")
    assert reading.transactions[0].end_to_end_id == "R1"
    assert [(row.rule, row.field, row.severity) for row in reading.problems] == [
        ("column-twice", "end_to_end_id", "warning")
    ]


def test_amounts_of_three_decimals_read_back_from_a_written_sheet() -> None:
    data = f"Name;IBAN;Amount KWD\nA;{IBAN};1.2340\nB;{IBAN};0.125\n".encode()
    read = formats.read(data, "p.csv").transactions
    for written in (payments.write_csv(read), payments.write_xlsx(read)):
        assert [line.amount for line in formats.read(written, "w").transactions] == [line.amount for line in read]


def test_times_and_durations_in_an_amount_column_are_problems() -> None:
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = workbook.add_worksheet()
    for place, title in enumerate(("Name", "IBAN", "Amount EUR")):
        sheet.write_string(0, place, title)
    for row, shown in enumerate(("hh:mm", "[h]:mm"), 1):
        sheet.write_string(row, 0, "A")
        sheet.write_string(row, 1, IBAN)
        sheet.write_number(row, 2, 1.5, workbook.add_format({"num_format": shown}))
    workbook.close()
    reading = formats.read(out.getvalue(), "p.xlsx")
    assert reading.transactions == ()
    assert [(row.position, row.rule) for row in reading.problems] == [(2, "amount"), (3, "amount")]


def test_a_sheet_whose_cells_lie_far_apart_is_refused_before_memory_is_taken_for_it() -> None:
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = workbook.add_worksheet()
    for place, title in enumerate(("Name", "IBAN", "Amount EUR")):
        sheet.write_string(0, place, title)
    sheet.write_string(1_048_575, 16_383, "x")
    workbook.close()
    with pytest.raises(UnreadableFile, match="far apart"):
        formats.read(out.getvalue(), "p.xlsx")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "password-protected"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "OpenDocument"),
    ],
)
def test_other_spreadsheets_are_refused_by_name_with_named_columns_too(data: bytes, words: str) -> None:
    for read in (lambda: formats.read(data, "x"), lambda: payments.read(data, "x", ColumnMap(name="Name"))):
        with pytest.raises(UnreadableFile, match=words):
            read()


def test_a_workbook_cut_short_is_called_a_damaged_workbook() -> None:
    whole = payments.write_xlsx(formats.read(f"Name;IBAN;Amount EUR\nA;{IBAN};1\n".encode(), "x").transactions)
    with pytest.raises(UnreadableFile, match="workbook cannot be read"):
        formats.read(whole[:-100], "x.xlsx")


def test_columns_nobody_reads_are_named_once_and_bars_may_stand_between_cells() -> None:
    text = HEADER.replace("\n", ";Cost centre;Empty\n").replace(";", "|") + _row(rest="||").replace(";", "|")
    text = text.rstrip("\n") + "|4711|\n"
    reading = formats.read(text.encode(), "pays.csv")
    told = [(problem.rule, problem.severity) for problem in reading.problems]
    assert (len(reading.transactions), told) == (1, [("column-unread", "warning")])
    assert "Cost centre" in reading.problems[0].text
    assert "Empty" not in reading.problems[0].text
