"""Statements in sheets: many dialects, one meaning; doubt is told, and no figure is guessed."""

from __future__ import annotations

import csv
import io
import zipfile
from contextlib import suppress
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from struct import pack

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import sheets, xls_bounds
from electra_kernel.formats.base import Reading
from electra_kernel.statements.columns import StatementTables
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile


def _read(text: str, encoding: str = "utf-8") -> Reading:
    data = text.encode(encoding)
    assert formats.detect(data, "sheet.csv").name == "sheet"
    return formats.read(data, "sheet.csv")


def _rules(reading: Reading) -> list[tuple[int | None, str, str]]:
    return [(problem.position, problem.rule, problem.severity) for problem in reading.problems]


def _amounts(reading: Reading) -> list[Decimal]:
    return [entry.amount for statement in reading.statements for entry in statement.entries]


def test_running_balances_prove_the_rows_and_give_opening_and_closing() -> None:
    reading = _read(
        "Date,Description,Amount,Currency,Balance,Account\n2026-03-20,Pay,2500.00,EUR,5000.00,DE12\n2026-03-21,Rent,-1200.00,EUR,3800.00,DE12\n"
    )
    statement = reading.statements[0]
    assert [(each.kind, each.amount, each.date) for each in statement.balances] == [
        ("OPBD", Decimal("2500.00"), date(2026, 3, 20)),
        ("CLBD", Decimal("3800.00"), date(2026, 3, 21)),
    ]
    assert (statement.account, statement.currency, _rules(reading)) == ("DE12", "EUR", [])


def test_rows_may_run_backward_and_a_missing_row_is_told_with_its_line() -> None:
    head = "Buchungstag;Wertstellung;Auftraggeber / Empfänger;Verwendungszweck;Betrag (EUR);Saldo;Kontonummer\n"
    rows = [
        "03.03.2026;04.03.2026;A;x;-1.000,00;500,00;1\n",
        "02.03.2026;02.03.2026;B;y;300,50;1.500,00;1\n",
        "01.03.2026;01.03.2026;C;z;-0,50;1.199,50;1\n",
    ]
    whole = _read(head + "".join(rows), "cp1252")
    assert _rules(whole) == [(None, "encoding", "warning")]
    assert whole.statements[0].balances[0].amount == Decimal("1200.00")
    assert whole.statements[0].entries[0].details[0].counterparty.name == "A"  # type: ignore[union-attr]
    broken = _read(head + "".join([*rows[:1], "02.03.2026;02.03.2026;B;y;300,51;1.500,00;1\n", *rows[2:]]))
    assert (3, "running-balance", "error") in _rules(broken)


@pytest.mark.parametrize(
    ("text", "amounts", "currency"),
    [
        ("Date opération;Libellé;Débit;Crédit;Devise\n2/4/2026;Loyer;1234,56;;EUR\n25/4/2026;Paie;;3500,00;EUR\n", ["-1234.56", "3500.00"], "EUR"),
        ("Fecha|Concepto|Importe|Moneda\n2026-04-02|Alquiler|-1.234,56|EUR\n2026-04-03|Pan|1,5|EUR\n", ["-1234.56", "1.5"], "EUR"),
        ("Datum,Naam / Omschrijving,Rekening,Af Bij,Bedrag (EUR)\n20200213,Kosten,NL1,Af,\"1,25\"\n20200214,Loon,NL1,Bij,\"1,25\"\n", ["-1.25", "1.25"], "EUR"),
        ("Könyvelés dátuma\tÉrtéknap\tÖsszeg\tDevizanem\tKözlemény\n2026.03.01.\t2026.03.01.\t-1 000\tHUF\tdíj\n2026.03.12.\t2026.03.12.\t12 500\tHUF\tbér\n", ["-1000", "12500"], "HUF"),
        ("Data księgowania;Kwota;Waluta;Tytuł\n01-02-2026;-12,30;PLN;a\n28-02-2026;5,00;PLN;b\n", ["-12.30", "5.00"], "PLN"),
        ("Datum zaúčtování;Částka;Měna;Poznámka\n1. 2. 2026;-12,30;CZK;a\n28. 2. 2026;5,00;CZK;b\n", ["-12.30", "5.00"], "CZK"),
        ("Data contabile;Dare;Avere;Divisa;Causale\n01/02/2026;12,30;;EUR;a\n28/02/2026;;5,00;EUR;b\n", ["-12.30", "5.00"], "EUR"),
        ("Bokföringsdag;Belopp;Valuta;Rubrik\n2026-02-01;-12,30;SEK;a\n", ["-12.30"], "SEK"),
        ("Posted Date,Amount,Currency,Description\n01/31/2026,($12.30),USD,a\n02/01/2026,\"$1,005.00\",USD,b\n", ["-12.30", "1005.00"], "USD"),
    ],
)  # fmt: skip
def test_dialects_of_many_languages_mean_the_same(text: str, amounts: list[str], currency: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        reading = _read(text, encoding)
        assert _amounts(reading) == [Decimal(each) for each in amounts]
        assert {statement.currency for statement in reading.statements} == {currency}
        assert all(entry.booking_date for statement in reading.statements for entry in statement.entries)
        assert not [problem for problem in reading.problems if problem.severity == "error"]


def test_what_stands_above_names_account_and_currency_and_sums_below_are_told() -> None:
    text = "Exported;today\nIBAN;DE89 3704 0044 0532 0130 00\nWährung:;EUR\n\nBuchungstag;Betrag;Text\n13.01.2026;-1,00;a\nSumme;-1,00;\n"
    reading = _read(text)
    statement = reading.statements[0]
    assert (statement.account, statement.currency) == ("DE89370400440532013000", "EUR")
    assert (7, "row-passed", "warning") in _rules(reading)
    assert "Exported" in statement.additional_information


def test_dates_are_decided_over_the_column_and_doubt_is_told() -> None:
    clear = _read("Date,Amount,Balance\n01/02/2026,1.00,1.00\n31/02/2026,1.00,2.00\n13/02/2026,1.00,3.00\n")
    assert (3, "date", "error") in _rules(clear)
    assert clear.statements[0].entries[0].booking_date == date(2026, 2, 1)
    doubtful = _read("Date,Amount,Balance\n01/02/2026,1.00,1.00\n")
    assert "date-order" in {rule for _, rule, _ in _rules(doubtful)}


def test_an_amount_that_may_mean_two_things_is_left_out_and_another_cell_may_prove_it() -> None:
    doubtful = _read("Booking date;Amount;Currency\n2026-01-01;-1.234;EUR\n")
    assert (_amounts(doubtful), _rules(doubtful)[0]) == ([], (2, "amount-doubtful", "error"))
    proved = _read("Booking date;Amount;Currency\n2026-01-01;-1.234;EUR\n2026-01-02;0,50;EUR\n")
    assert _amounts(proved) == [Decimal(-1234), Decimal("0.50")]


def test_a_mark_that_contradicts_the_sign_and_cells_beyond_the_header_are_problems() -> None:
    reading = _read(
        "Date;D/C;Amount;Currency\n2026-01-01;D;-5,00;EUR\n2026-01-02;C;-5,00;EUR\n2026-01-03;D;-1,00;EUR;x\n"
    )
    assert [rule[:2] for rule in _rules(reading)[:2]] == [(3, "sign"), (4, "too-many-cells")]
    assert _amounts(reading) == [Decimal("-5.00")]


def test_positive_amounts_alone_are_doubted_and_unread_columns_named() -> None:
    reading = _read("Date,Merchant Name,Amount,Loyalty points\n2026-01-01,Shop,5.00,17\n")
    assert {"sign", "column-unread", "currency", "account"} <= {rule for _, rule, _ in _rules(reading)}
    assert "Loyalty points" in next(problem.text for problem in reading.problems if problem.rule == "column-unread")


def test_payments_stay_payments_and_statements_statements() -> None:
    payments = "Name;IBAN;Amount;Currency;Date\nPartner;DE89370400440532013000;5,00;EUR;2026-01-01\n"
    assert formats.detect(payments.encode(), "p").name == "csv"
    assert formats.detect(payments.replace("5,00", "-5,00").encode(), "p").name == "sheet"
    assert formats.detect(payments.replace("Date", "Booking date").encode(), "p").name == "sheet"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Date,Fund,Amount,Shares,Total Shares\n2026-01-01,X,5.00,1,1\n", "securities"),
        ("Date,Balance\n2026-01-01,5.00\n2026-01-02,5.00\n", "balances without bookings"),
        ("col1,col2\na,b\nc,d\n", "without a header"),
    ],
)
def test_what_is_no_statement_is_refused_for_what_it_is(text: str, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        formats.read(text.encode(), "x.csv")


def test_a_quotation_mark_without_an_end_is_refused_and_one_inside_a_text_is_told() -> None:
    with pytest.raises(UnreadableFile, match="quotes"):
        formats.read(b'Booking date,Amount\n2026-01-01,"5.00\n', "x.csv")
    reading = _read('Booking date,Amount,Text\n2026-01-01,5.00,"a "b" c"\n')
    assert (2, "quotes", "warning") in _rules(reading)


def _workbook(rows: list[list[object]]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write(number, place, cell)
    book.close()
    return out.getvalue()


def test_excel_keeps_fifteen_digits_and_typed_dates() -> None:
    data = _workbook(
        [
            ["Statement of", "HU42117730161111101800000000"],
            ["Booking date", "Description", "Amount (HUF)", "Balance"],
            [datetime(2026, 1, 2), "in", 0.1 + 0.2, 1.3],
            [datetime(2026, 1, 3), "out", -1, 0.3],
        ]
    )
    assert formats.detect(data, "x").name == "sheet"
    reading = formats.read(data, "x")
    assert _amounts(reading) == [Decimal("0.3"), Decimal(-1)]
    assert reading.statements[0].account == "HU42117730161111101800000000"
    assert [balance.amount for balance in reading.statements[0].balances] == [Decimal("1.0"), Decimal("0.3")]


_ROWS = st.lists(
    st.tuples(
        st.dates(date(2000, 1, 1), date(2060, 12, 31)),
        st.decimals("-99999999.99", "99999999.99", places=2),
        st.text("abcŐű ;,\"'x1", max_size=12),
    ),
    min_size=1,
    max_size=8,
)


@given(_ROWS, st.sampled_from([".", ","]), st.sampled_from([";", "\t", "|"]), st.sampled_from(["%Y-%m-%d", "%d.%m.%Y"]))
@settings(max_examples=40, deadline=None)
def test_what_a_program_writes_is_read_as_it_was(
    rows: list[tuple[date, Decimal, str]], point: str, mark: str, layout: str
) -> None:
    lines, balance = [mark.join(("Account", "Booking date", "Amount", "Balance", "Currency", "Text"))], Decimal(7)
    for day, amount, text in rows:
        balance += amount
        cells = [f"{amount:f}".replace(".", point), f"{balance:f}".replace(".", point)]
        quoted = '"' + text.replace('"', '""') + '"'
        lines.append(mark.join(("X1", day.strftime(layout), *cells, "EUR", quoted)))
    reading = _read("\n".join(lines) + "\n")
    statement = reading.statements[0]
    assert [entry.amount for entry in statement.entries] == [amount for _, amount, _ in rows]
    if not [problem for problem in reading.problems if problem.rule in ("date-order", "row-order")]:
        assert [entry.booking_date for entry in statement.entries] == [day for day, _, _ in rows]
        assert (statement.balances[0].amount, statement.balances[1].amount) == (Decimal(7), balance)


@given(st.binary(max_size=200))
@settings(max_examples=80, deadline=None)
def test_bytes_after_a_header_are_read_or_refused_never_a_crash(tail: bytes) -> None:
    with suppress(UnreadableFile):
        reading = sheets.read(b"Date,Amount,Balance,Currency\n" + tail, "x")
        assert len(_amounts(reading)) <= tail.count(b"\n") + tail.count(b"\r") + 1


_CELLS = {
    "Booking date": ["2026-01-05", "2026-01-06 10:00", "31.12.2025", "", "nonsense", "Total"],
    "Amount": ["1.50", "-2.00", "+3", "1,000.25", "(4.00)", "5.00 EUR", "6.00-", "", "x", "-0.00", "12345678.12345"],
    "Balance": ["1.50", "-2.00", "", "x"],
    "D/C": ["", "D", "C"],
    "Currency": ["EUR", "", "HUF", "€", "nothing"],
    "Account": ["", "A1", "DE89 3704 0044 0532 0130 00"],
    "Payee": ["", "Payee & Söhne"],
    "Payer": ["Payer\u00a0AG", ""],
    "Text": ["Rent", "Opening balance", "Total", "a  b", "line\nline", "\x07bell", "x" * 12_000],
    "Memo": ["Rent", "", "more"],
    "Status": ["", "pending", "declined"],
    "Fee": ["", "0.10", "x"],
    "Exchange rate": ["", "1.0812345678", "x"],
    "Time": ["", "10:00"],
    "Date": ["", "2026-01-04"],
}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_rows_read_as_columns_and_one_by_one_are_the_same(data: st.DataObject) -> None:
    names = ["Booking date", "Amount", *data.draw(st.lists(st.sampled_from([*_CELLS][2:]), unique=True))]
    row = st.tuples(*(st.one_of(st.just(_CELLS[name][0]), st.sampled_from(_CELLS[name])) for name in names))
    rows = data.draw(st.lists(row.map(list), min_size=1, max_size=12))
    rows[0] += data.draw(st.sampled_from([[], [""], ["too much"]]))
    out = io.StringIO(newline="")
    csv.writer(out).writerows([names, *rows])
    sheet = out.getvalue().encode()
    reading, tables = sheets.read(sheet, "s"), sheets.read_tables(sheet, "s")
    single = tables_of(reading.statements, "s", reading.problems)
    for each in fields(StatementTables):
        assert getattr(tables, each.name).to_pylist() == getattr(single, each.name).to_pylist(), each.name


@pytest.mark.parametrize(
    ("text", "encoding", "amounts", "currency"),
    [
        (
            "Дата операции;Описание;Расход;Приход;Валюта счета\n31.05.2026;Аренда;10,50;;RUB\n",
            "cp1251",
            ["-10.50"],
            "RUB",
        ),
        ("交易日期,摘要,支出,收入,余额,币种\n2026-05-31,房租,10.50,,89.50,CNY\n", "gb18030", ["-10.50"], "CNY"),
        ("תאריך,תיאור,חובה,זכות,יתרה\n31/05/2026,שכר,,10.50,100.50\n", "utf-8", ["10.50"], ""),
        (
            "Completed Date , Description , Paid Out (SEK) , Paid In (SEK)\n18 Jun 2026 , shop , 272.50 ,\n",
            "utf-8",
            ["-272.50"],
            "SEK",
        ),
        ("Date,Payee,Memo,Outflow,Inflow\n2026-12-21,Somebody,,300.00,\n", "utf-8", ["-300.00"], ""),
        ("Datum;Text;Belopp;Saldo\n2026-01-17;Butik;-144,75 kr;419,87 kr\n", "utf-8", ["-144.75"], ""),
        (
            "Datum proběhlo;Datum zaúčtování;Zpráva;Částka;Měna\nx;27.05.2026;Žluťoučký kůň;-1,00;CZK\n",
            "cp852",
            ["-1.00"],
            "CZK",
        ),
    ],
)
def test_other_scripts_and_character_sets_mean_the_same(
    text: str, encoding: str, amounts: list[str], currency: str
) -> None:
    reading = _read(text, encoding)
    assert _amounts(reading) == list(map(Decimal, amounts))
    assert reading.statements[0].currency == currency


def test_a_few_broken_letters_in_a_file_of_unicode_stay_a_few_broken_letters() -> None:
    data = "Date,Amount,Text\n2026-01-31,-1.50,Müller Böhm Žižka\n".encode() + b"2026-01-31,-2.50,M\xfcller\n"
    reading = formats.read(data, "s")
    assert [entry.details[0].remittance for entry in reading.statements[0].entries] == [
        "Müller Böhm Žižka",
        "M\ufffdller",
    ]
    assert (3, "encoding", "warning") in _rules(reading)


def test_where_only_credits_are_marked_the_rest_are_debits_and_told() -> None:
    reading = _read("Date,Text,Amount,\n2026-03-28,shop,£99.99,\n2026-04-21,paid,£10.00,CR\n")
    assert _amounts(reading) == [Decimal("-99.99"), Decimal("10.00")]
    assert (None, "sign", "warning") in _rules(reading)


def test_a_mark_that_says_neither_debit_nor_credit_is_a_problem_and_never_a_credit() -> None:
    rows = "2026-03-28,10.00,expense\n2026-03-29,11.00,income\n2026-03-30,12.00,neutral\n"
    reading = _read(f"Date,Amount,In/Out\n{rows}")
    assert _amounts(reading) == [Decimal("-10.00"), Decimal("11.00")]
    assert (4, "mark", "error") in _rules(reading)


def test_the_other_partys_column_is_preferred_to_one_that_may_be_the_holders() -> None:
    head = "Rekeningnummer;Naam;Datum;Bedrag;Munt;BIC;Naam tegenpartij;BIC tegenpartij\n"
    party = _read(f"{head}BE68539007547034;ME;28/02/2026;-3,40;EUR;KREDBEBB;YOU;GEBABEBB\n").statements[0].entries[0]
    assert party.details[0].counterparty is not None
    assert (party.details[0].counterparty.name, party.details[0].counterparty.bic) == ("YOU", "GEBABEBB")


def test_rows_of_balances_beside_the_bookings_prove_them() -> None:
    rows = "31/12/25;;;100,00;SALDO INIZIALE\n03/01/26;03/01/26;2,90;;BOLLO\n31/01/26;;;97,10;SALDO FINALE\n"
    reading = _read(f"Data;Valuta;Addebiti;Accrediti;Descrizione\n{rows}")
    assert [str(balance.amount) for balance in reading.statements[0].balances] == ["100.00", "97.10"]
    assert not [problem for problem in reading.problems if problem.severity == "error"]


@pytest.mark.parametrize(
    ("rows", "amounts", "balances"),
    [
        ("18.09.2026;HOFER;18.09.2026;-33,87;EUR;\n19.09.2026;SPAR;19.09.2026;10,00;EUR;\n", ["-33.87", "10.00"], []),
        (
            "07 Nov 2026;credit;;£500,00;£500,00\n09 Nov 2026;shop;£20,00;;£480,00\n",
            ["500.00", "-20.00"],
            ["0.00", "480.00"],
        ),
        (
            "2026-01-05;shop;8.19;D;AT611904300234573201\n2026-01-06;pay;9.00;C;AT611904300234573201\n",
            ["-8.19", "9.00"],
            [],
        ),
    ],
)
def test_a_sheet_without_names_is_read_where_its_cells_leave_no_choice(
    rows: str, amounts: list[str], balances: list[str]
) -> None:
    reading = _read(rows)
    assert _amounts(reading) == list(map(Decimal, amounts))
    assert [str(each.amount) for each in reading.statements[0].balances] == balances
    assert (None, "no-names", "warning") in _rules(reading)


@pytest.mark.parametrize(
    "rows",
    [
        "01/09/2026;shop;8.19;;1000.00\n02/18/2026;shop;8.55;;1000.00\n",  # balances that prove nothing
        "01/09/2026;shop;8.19\n02/18/2026;shop;8.55\n",  # no direction
        "one;two;-3.00\nfour;five;6.00\n",  # no day
    ],
)
def test_a_sheet_without_names_whose_cells_leave_a_choice_is_refused(rows: str) -> None:
    with pytest.raises(UnreadableFile):
        formats.read(rows.encode(), "s")


def test_rows_of_nothing_but_text_continue_the_row_above_and_sums_are_checked() -> None:
    rows = "18/04/2026,CARD,6.66,\n,COFFEE SHOP,,\n19/04/2026,PAY,,10.00\nTotal,,6.66,11.00\n"
    reading = _read(f"Date,Description,Withdrawals (SGD),Deposits (SGD)\n{rows}")
    assert [entry.details[0].remittance for entry in reading.statements[0].entries] == ["CARD COFFEE SHOP", "PAY"]
    assert (5, "sum", "warning") in _rules(reading)


def test_where_all_marks_contradict_all_signs_the_marks_count_and_it_is_told() -> None:
    reading = _read("Date,D/C,Amount\n2026-01-17,DEBIT,30.00\n2026-01-19,CREDIT,-500.00\n")
    assert _amounts(reading) == [Decimal("-30.00"), Decimal("500.00")]
    assert (None, "sign", "warning") in _rules(reading)


def test_every_sheet_of_a_workbook_that_is_a_statement_is_read() -> None:
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out)
    for name, account in (("One", "A1"), ("Notes", ""), ("Two", "A2"), ("Old", "A3")):
        sheet = workbook.add_worksheet(name)
        if name == "Old":
            sheet.hide()
        for row, cells in enumerate([["Account", "Booking date", "Amount"], [account, "2026-01-05", -1.25]]):
            if account:
                sheet.write_row(row, 0, cells)
    workbook.close()
    reading = formats.read(out.getvalue(), "s.xlsx")
    assert (None, "hidden", "warning") in _rules(reading)
    assert [(each.account, each.entries[0].amount) for each in reading.statements] == [
        ("A1", Decimal("-1.25")),
        ("A2", Decimal("-1.25")),
    ]


def test_of_several_columns_of_one_meaning_the_first_is_read_and_sides_tell_the_other_party() -> None:
    head = "Date;Amount;Currency;Creditor Name;Creditor IBAN;Debtor Name;Debtor IBAN;Currency\n"
    rows = "2026-01-05;-1.50;EUR;You;DE89370400440532013000;Me;AT611904300234573201;USD\n"
    (entry,) = _read(head + rows + rows.replace("-1.50", "1.50", 1)).statements[0].entries[:1]
    assert entry.details[0].counterparty is not None
    assert (entry.details[0].counterparty.account, entry.currency) == ("DE89370400440532013000", "EUR")
    other = _read(head + rows + rows.replace("-1.50", "1.50", 1)).statements[0].entries[1].details[0].counterparty
    assert other is not None
    assert other.account == "AT611904300234573201"


def test_an_account_may_stand_below_its_label() -> None:
    text = "From;Account number;Balance\n01.01.2026;1234567;12,00\n\nDate;Amount;Text\n2026-01-05;-1,50;Rent\n"
    assert _read(text).statements[0].account == "1234567"


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1\u202f234,50-", "-1234.50"),
        ("1\u00a0234,50", "1234.50"),
        ("1’234’567,50", "1234567.50"),
        ("(3,00)", "-3.00"),
        ("-0,00", "0.00"),
        ("7,00 DR", "-7.00"),
        ("8,00CR", "8.00"),
        ("−9,00", "-9.00"),
        ("- 6,00 €", "-6.00"),
    ],
)
def test_amounts_are_read_however_they_are_grouped_and_signed(text: str, amount: str) -> None:
    (found, _) = _amounts(_read(f"Date;Amount;Text\n2026-01-05;{text};x\n2026-01-06;-1,00;y\n"))
    assert found == Decimal(amount)
    assert not found.is_signed() or found


def test_days_that_are_numbers_of_a_spreadsheet_are_days_and_it_is_told() -> None:
    reading = _read("Date;Amount;Text\n46027;-1,00;x\n46028;-2,00;y\n")
    assert [entry.booking_date for entry in reading.statements[0].entries] == [date(2026, 1, 5), date(2026, 1, 6)]
    assert (None, "date-order", "warning") in _rules(reading)


def test_japanese_in_its_own_character_set_is_read() -> None:
    reading = _read('日付,摘要,お支払金額,お預り金額,差引残高\n2026/1/5,家賃,"80,000",,"1,220,000"\n', "shift_jis")
    assert _amounts(reading) == [Decimal("-80000")]


def test_charges_that_the_balances_count_besides_the_amounts_are_part_of_them() -> None:
    rows = "2026-10-01,-405.63,4.06,3768.16\n2026-10-02,-985.38,9.85,2772.93\n2026-10-03,-60.92,0.61,2711.40\n"
    reading = _read(f"Date,Amount,Fee,Balance\n{rows}")
    assert _amounts(reading) == [Decimal("-409.69"), Decimal("-995.23"), Decimal("-61.53")]
    assert [str(each.amount) for each in reading.statements[0].balances] == ["4177.85", "2711.40"]
    assert _rules(reading)[0] == (None, "charges", "warning")
    tables = sheets.read_tables(f"Date,Amount,Fee,Balance\n{rows}".encode(), "s")
    assert tables.entries["amount"].to_pylist() == _amounts(reading)


def _ods(rows: str) -> bytes:
    """An OpenDocument spreadsheet of one table."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = f'<office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name="One">{rows}'
    content += "</table:table></office:spreadsheet></office:body></office:document-content>"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as container:
        container.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        container.writestr("META-INF/manifest.xml", "<manifest/>")
        container.writestr("content.xml", content)
    return out.getvalue()


def test_an_opendocument_sheet_is_read_and_one_that_repeats_cells_beyond_measure_refused() -> None:
    def row(*texts: str) -> str:
        cells = (
            f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>' for text in texts
        )
        return f"<table:table-row>{''.join(cells)}</table:table-row>"

    rows = row("Date", "Amount", "Text") + row("2026-01-05", "-1.50", "Rent")
    reading = formats.read(_ods(rows), "s.ods")
    assert (reading.format, _amounts(reading)) == ("ods statement", [Decimal("-1.50")])
    far = rows.replace("<table:table-row>", '<table:table-row table:number-rows-repeated="1048576">').replace(
        "<table:table-cell ", '<table:table-cell table:number-columns-repeated="16384" '
    )
    with pytest.raises(UnreadableFile, match="repeats"):
        sheets.read(_ods(far), "s.ods")


def test_french_capitals_in_latin_1_are_no_cyrillic() -> None:
    reading = sheets.read("Date,Libellé,Montant\n2026-03-22,DÉPÔT REÇU À L'ÉCHÉANCE,50.00\n".encode("cp1252"), "s")
    assert reading.statements[0].entries[0].details[0].remittance == "DÉPÔT REÇU À L'ÉCHÉANCE"
    short = sheets.read("Date,Remarque,Montant\n2026-03-22,DÉPÔT,50.00\n".encode("cp1252"), "s")
    assert short.statements[0].entries[0].details[0].remittance == "DÉPÔT"


def _record(kind: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return pack("<HH", kind, len(body)) + body


def _xls(cells: list[tuple[int, int, str]], listed: int = 1, texts: int | None = None) -> bytes:
    """An old workbook: a stream of BIFF8 records in a compound file; its one sheet may be listed several times."""
    words = list(dict.fromkeys(text for _, _, text in cells))
    shared = b"".join(pack("<HB", len(text), 1) + text.encode("utf-16-le") for text in words)
    begin, end = pack("<HHHHII", 0x600, 5, 0, 0, 0, 0), _record(0x0A)
    sheet = _record(0x809, pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
    sheet += b"".join(_record(0xFD, pack("<HHHI", row, col, 0, words.index(text))) for row, col, text in cells) + end
    sst = _record(0xFC, pack("<II", len(cells), len(words) if texts is None else texts), shared)
    lead = _record(0x809, begin)
    start = len(lead) + len(sst) + listed * 18 + len(end)
    bound = b"".join(_record(0x85, pack("<IHBB", start, 0, 6, 0), b"Tab%03d" % number) for number in range(listed))
    stream = lead + bound + sst + end + sheet
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    count = len(stream) // 512
    table = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, count + 2), 0xFFFFFFFE]
    table += [0xFFFFFFFF] * (128 - len(table))

    def entry(name: str, kind: int, child: int, first: int, size: int) -> bytes:
        letters = f"{name}\0".encode("utf-16-le")
        head = letters.ljust(64, b"\0") + pack("<HBBIII", len(letters), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
        return head + bytes(36) + pack("<IQ", first, size)

    directory = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry("Workbook", 2, 0xFFFFFFFF, 2, len(stream))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += bytes(10) + pack("<IIIIIIIII", 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0)
    header += pack("<I", 0xFFFFFFFF) * 108
    return header + pack("<128I", *table) + directory.ljust(512, b"\0") + stream


_OLD = [(0, 0, "Date"), (0, 1, "Amount"), (0, 2, "Balance"), (1, 0, "2026-01-02"), (1, 1, "-5,25"), (1, 2, "1,00")]


def test_an_old_workbook_is_read_and_what_it_takes_is_known_before() -> None:
    data = _xls(_OLD)
    assert xls_bounds.taken(data) == xls_bounds.Taken(cells=6, texts=36)
    assert formats.read_tables(data, "s.xls").entries["amount"].to_pylist() == [Decimal("-5.25000")]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_xls([*_OLD, (65_535, 255, "x")], listed=3), "too large"),
        (_xls([*_OLD, *((2, place, "x" * 20_000) for place in range(200))], listed=300), "too large"),
        (_xls(_OLD, texts=2**31), "cannot be read"),
        (_xls(_OLD)[:2000], "cannot be read"),
    ],
)
def test_an_old_workbook_that_would_fill_the_memory_is_refused_before_it_is_read(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        formats.read(data, "s.xls")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_old_workbooks_are_measured_or_refused(data: st.DataObject) -> None:
    damaged = bytearray(_xls(_OLD))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.sampled_from([0, 1, 2, 9, 255, 254]))
    with suppress(ValueError):
        xls_bounds.taken(bytes(damaged))


def test_a_workbook_whose_cells_repeat_a_long_text_beyond_measure_is_refused() -> None:
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out)
    sheet = workbook.add_worksheet()
    sheet.write_row(0, 0, ["Date", "Amount", "Balance"])
    for row in range(1, 36_000):
        sheet.write_string(row, 3, "x" * 32_000)
    workbook.close()
    with pytest.raises(UnreadableFile, match="repeat long texts"):
        formats.read(out.getvalue(), "s.xlsx")


_EITHER = b"Date,Amount,Balance,Currency,Account\n04/03/2026,-5.25,10.00,EUR,HU1\n04/03/2026,1.00,11.00,EUR,HU1\n"


@pytest.mark.parametrize(("order", "day"), [("dmy", date(2026, 3, 4)), ("mdy", date(2026, 4, 3))])
def test_the_user_settles_what_the_dates_of_a_sheet_leave_open(order: str, day: date) -> None:
    (warning,) = formats.read(_EITHER, "s.csv").problems
    assert (warning.rule, "--dates dmy" in warning.repair) == ("date-order", True)
    own = [formats.with_dates(order)]
    reading, tables = formats.read(_EITHER, "s.csv", own), formats.read_tables(_EITHER, "s.csv", own)
    assert reading.problems == ()
    assert {entry.booking_date for entry in reading.statements[0].entries} == {day}
    assert set(tables.entries["booking_date"].to_pylist()) == {day}


def test_an_order_that_the_dates_are_not_in_makes_problems_and_one_that_is_none_is_refused() -> None:
    data = _EITHER.replace(b"04/03/2026,1.00", b"25/03/2026,1.00")
    problems = formats.read(data, "s.csv", [formats.with_dates("mdy")]).problems
    assert [(row.position, row.rule) for row in problems] == [(3, "date")]
    with pytest.raises(ElectraError, match="no order"):
        formats.with_dates("day first")


def test_an_order_of_dates_changes_no_format_but_that_of_sheets() -> None:
    own = [formats.with_dates("dmy")]
    table = b"entry_id,account,currency,booking_date,amount,balance,status\nx,HU1,EUR,2026-01-02,1.00,,BOOK\n"
    for data in (table, b"Name;IBAN;Amount EUR\nA;HU42117730161111101800000000;1\n"):
        assert formats.detect(data, "s", own).name == formats.detect(data, "s").name != "sheet"


def test_problems_of_statements_name_the_sheet_of_a_workbook_of_several() -> None:
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    for tab in ("Giro", "Savings"):
        sheet = workbook.add_worksheet(tab)
        for number, row in enumerate([["Date", "Amount", "Balance", "Currency"], ["2026-01-02", "x", "1.00", "EUR"]]):
            sheet.write_row(number, 0, row)
    workbook.close()
    for problems in (formats.read(out.getvalue(), "s").problems, sheets.read(out.getvalue(), "s").problems):
        errors = [row for row in problems if row.rule == "amount"]
        assert [row.text.partition(":")[0] for row in errors] == ["Sheet 'Giro'", "Sheet 'Savings'"]
