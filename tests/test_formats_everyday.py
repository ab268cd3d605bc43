"""Formats of home and office programs: OFX and QIF."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import ofx, qif
from electra_kernel.formats.everyday import signed_amount
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.parties import Party
from tests.shared import SHARED, needs_shared

CREATED = datetime(2026, 1, 31, 12, tzinfo=UTC)
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=20).map(
    lambda text: " ".join(text.split())
)
AMOUNTS = st.decimals(Decimal("-9999999999.99"), Decimal("9999999999.99"), places=2, allow_nan=False)
DAYS = st.dates(date(1971, 1, 1), date(2069, 12, 31))


def entry_of(amount: Decimal, day: date, name: str, memo: str, number: str, kind: str, currency: str) -> Entry:
    detail = EntryDetail(
        amount=amount, currency=currency, counterparty=Party(name=name) if name else None, remittance=memo
    )
    return Entry(
        amount=amount,
        currency=currency,
        booking_date=day,
        value_date=None,
        entry_reference=number,
        proprietary_code=kind,
        details=(detail,),
    )


def statement_of(entries: tuple[Entry, ...], currency: str, balances: tuple[Balance, ...]) -> Statement:
    days = [entry.booking_date for entry in entries if entry.booking_date]
    last = max(days, default=None)
    return Statement(
        identification=f"{last:%Y%m%d}" if last else "",
        account="HU42117730161111101800000000",
        currency=currency,
        balances=balances,
        entries=entries,
        from_date=min(days, default=None),
        to_date=last,
    )


def without_places(statement: Statement) -> list[Entry]:
    return [
        Entry(**{name: getattr(entry, name) for name in Entry.__dataclass_fields__ if name != "position"})
        for entry in statement.entries
    ]


# -- OFX ---------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(AMOUNTS, DAYS, TEXTS, TEXTS, TEXTS, st.sampled_from(["DEBIT", "FEE", "INT"])), max_size=4))
def test_what_is_written_as_ofx_is_read_again(rows: list[tuple[Decimal, date, str, str, str, str]]) -> None:
    entries = tuple(entry_of(*row, "EUR") for row in rows)
    balances = (Balance(kind="CLBD", amount=Decimal("-12.30"), currency="EUR", date=date(2026, 1, 31)),)
    written = statement_of(entries, "EUR", balances)
    reading = formats.read(ofx.write([written], created=CREATED), "x")
    assert reading.format == "OFX"
    (again,) = reading.statements
    assert without_places(again) == without_places(written)
    assert (again.account, again.currency, again.balances) == (written.account, "EUR", balances)
    assert [problem.rule for problem in reading.problems if problem.rule != "sign"] == ["balance-missing"]


OLD = b"""OFXHEADER:100
DATA:OFXSGML
CHARSET:1252

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>HUF<BANKACCTFROM><ACCTID>1177 3016</BANKACCTFROM><BANKTRANLIST>
<!-- <STMTTRN> -->
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260130120000.000[-5:EST]<TRNAMT>-1234,50<FITID>A&amp;1<NAME>K\xe1v\xe9<MEMO>
<CHECKNUM>77
</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260131<TRNAMT>1e3<FITID>2</STMTTRN>
</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


def test_ofx_without_closing_tags_is_read_and_a_strange_amount_is_told_with_its_line() -> None:
    reading = formats.read(OLD, "old.qfx")
    (statement,) = reading.statements
    (entry,) = statement.entries
    assert (entry.amount, entry.currency, entry.booking_date) == (Decimal("-1234.50"), "HUF", date(2026, 1, 30))
    assert (entry.bank_reference, entry.entry_reference, entry.position) == ("A&1", "77", 7)
    assert entry.details[0].counterparty == Party(name="Kávé")
    assert [(problem.rule, problem.position) for problem in reading.problems if problem.severity == "error"] == [
        ("amount", 10)
    ]


def test_an_amount_of_more_decimals_than_the_ledger_holds_is_rounded_and_told_and_not_left_out() -> None:
    data = OLD.replace(b"-1234,50", b"-2863.2522955731815").replace(b"1e3", b"0.000005")
    reading = formats.read(data, "computed.ofx")
    assert [entry.amount for entry in reading.statements[0].entries] == [Decimal("-2863.25230"), Decimal(0)]
    told = [(problem.position, problem.text) for problem in reading.problems if problem.rule == "amount-decimals"]
    assert [line for line, _ in told] == [7, 10]
    assert "-2863.2522955731815" in told[0][1]
    assert "-2863.25230 was read" in told[0][1]
    assert not [problem for problem in reading.problems if problem.severity == "error"]
    register = formats.read(b"!Type:Bank\nD01/31/2026\nT-10.1234567\n^\n", "x.qif")
    assert register.statements[0].entries[0].amount == Decimal("-10.12346")
    assert "amount-decimals" in {problem.rule for problem in register.problems}
    most = OLD.replace(b"1e3", b"9999999999999.999999")
    assert "amount" in {problem.rule for problem in formats.read(most, "x").problems}


def test_the_character_set_is_told_from_the_bytes_and_not_from_the_header() -> None:
    utf8 = OLD.replace(b"K\xe1v\xe9", "Kávé".encode())
    for data in (utf8, utf8.decode().encode("utf-16")):
        party = formats.read(data, "x").statements[0].entries[0].details[0].counterparty
        assert party is not None
        assert party.name == "Kávé"


@pytest.mark.parametrize("cut", range(120, len(OLD) - 8, 37))
def test_ofx_cut_anywhere_says_so_and_keeps_what_is_whole(cut: int) -> None:
    try:
        reading = formats.read(OLD[:cut], "cut.ofx")
    except UnreadableFile:
        return
    assert "truncated" in {problem.rule for problem in reading.problems}
    assert tables_of(reading.statements, "x", reading.problems).entries.num_rows <= 1


# -- QIF ---------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(AMOUNTS, DAYS, TEXTS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=4))
def test_what_is_written_as_qif_is_read_again(rows: list[tuple[Decimal, date, str, str, str, str]]) -> None:
    entries = tuple(
        entry_of(amount, day, f"x{name}", memo, number, kind, "") for amount, day, name, memo, number, kind in rows
    )
    # A day that could be no month makes the order of the dates certain.
    entries += (entry_of(Decimal(1), date(2026, 1, 31), "x", "", "", "", ""),)
    opening = (Balance(kind="OPBD", amount=Decimal("5.00"), currency="", date=date(1970, 12, 31)),)
    written = statement_of(entries, "", opening)
    reading = formats.read(qif.write([written]), "x")
    (again,) = reading.statements
    assert [(one.amount, one.booking_date, one.details[0].remittance) for one in again.entries] == [
        (one.amount, one.booking_date, one.details[0].remittance) for one in written.entries
    ]
    assert again.balances == opening
    assert {problem.rule for problem in reading.problems} == {"currency"}
    assert repr(again)
    assert "<table" in again._repr_html_()


def qif_of(*days: str) -> bytes:
    records = "".join(f"D{day}\nT-5.00\nPShop\n^\n" for day in days)
    return f"!Account\nNGiro\nTBank\n^\n!Type:Bank\n{records}".encode()


@pytest.mark.parametrize(
    ("days", "first", "doubtful"),
    [
        (("01/02/2026", "01/31/2026"), date(2026, 1, 2), False),
        (("01/02/2026", "31/01/2026"), date(2026, 2, 1), False),
        (("01/02/2026",), date(2026, 1, 2), True),
        (("02/02/2026",), date(2026, 2, 2), False),
        (("2026-02-01",), date(2026, 2, 1), False),
        (("1/ 2'26", "1/31'26"), date(2026, 1, 2), False),
        (("31.12.99",), date(1999, 12, 31), False),
    ],
)
def test_the_order_of_dates_is_the_one_that_all_of_them_allow(
    days: tuple[str, ...], first: date, doubtful: bool
) -> None:
    reading = formats.read(qif_of(*days), "x.qif")
    assert reading.statements[0].entries[0].booking_date == first
    assert ("date-order" in {problem.rule for problem in reading.problems}) is doubtful


def test_a_split_that_does_not_make_the_whole_is_told_and_kept() -> None:
    data = qif_of("01/31/2026").replace(b"PShop\n", b"PShop\nSFood\n$-3.00\nSFuel\nE5 l\n$-1.50\n")
    reading = formats.read(data, "x.qif")
    assert [detail.amount for detail in reading.statements[0].entries[0].details] == [Decimal("-3.00"), Decimal("-1.5")]
    assert [(problem.rule, problem.position) for problem in reading.problems][1:] == [("details-sum", 6)]


def test_a_qif_cut_off_or_without_money_says_so() -> None:
    cut = formats.read(qif_of("01/31/2026")[:-2], "x.qif")
    assert "truncated" in {problem.rule for problem in cut.problems}
    with pytest.raises(UnreadableFile, match="no register"):
        formats.read(b"!Type:Invst\nD1/1/26\n^\n", "x.qif")


# -- both --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("-1,234.50", "-1234.50"),
        ("1.234", "1.234"),
        ("1.234.567", "1234567"),
        ("1 234,5", "1234.5"),
        ("+.5", "0.5"),
        ("-0", "0"),
        ("", None),
        ("-", None),
        ("1e3", None),
        ("NaN", None),
        ("1.2.3", None),
        ("12345678901234", None),
        ("0.000001", None),
        ("9" * 5000, None),
    ],
)
def test_signed_amounts_follow_one_rule(text: str, amount: str | None) -> None:
    assert signed_amount(text) == (None if amount is None else Decimal(amount))


def _raw_ofx(data: bytes) -> int:
    return len(re.findall(rb"(?i)<STMTTRN>", data))


def _raw_qif(data: bytes) -> int:
    return len(re.findall(rb"(?m)^D", data))


@needs_shared
@pytest.mark.parametrize(("kind", "raw"), [("ofx", _raw_ofx), ("qif", _raw_qif)])
def test_every_sample_is_read_whole_or_holds_no_statement(kind: str, raw: Callable[[bytes], int]) -> None:
    read = 0
    endings = {".ofx", ".qfx", ".qbo", ".xml"} if kind == "ofx" else {".qif"}
    for file in sorted(Path(SHARED / "samples" / kind).rglob("*")):
        if file.suffix not in endings:
            continue
        data = file.read_bytes()
        assert formats.detect(data, file.name).name == kind
        try:
            reading = formats.read(data, file.name)
        except UnreadableFile as error:
            assert "!Type:Invst" in data.decode() or raw(data) == 0, file
            assert error.problem.rule == "incomplete"  # noqa: PT017
            continue
        read += 1
        assert sum(len(statement.entries) for statement in reading.statements) == raw(data)
        assert not [problem for problem in reading.problems if problem.severity == "error"]
    assert read >= 10


# -- what is told --------------------------------------------------------------------------------------------------------


def _ofx(transactions: str, balances: str = "") -> bytes:
    head = "<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>A1</BANKACCTFROM>"
    return f"{head}<BANKTRANLIST>{transactions}</BANKTRANLIST>{balances}</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>".encode()


def test_signs_against_the_kind_repeated_ids_and_balances_without_a_day_are_told_and_pending_ones_read() -> None:
    rows = (
        "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>5.00<FITID>1</STMTTRN>\n"
        "<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260106<TRNAMT>6.00<FITID>1</STMTTRN>\n"
        "<STMTTRNP><TRNTYPE>DEBIT<DTTRAN>20260107<TRNAMT>-7.00<NAME>Shop</STMTTRNP>"
    )
    reading = formats.read(_ofx(rows, "<LEDGERBAL><BALAMT>4.00</LEDGERBAL>"), "s.ofx")
    assert [(entry.amount, entry.status) for entry in reading.statements[0].entries] == [
        (Decimal("5.00"), "BOOK"),
        (Decimal("6.00"), "BOOK"),
        (Decimal("-7.00"), "PDNG"),
    ]
    assert reading.statements[0].entries[2].booking_date == date(2026, 1, 7)
    rules = {problem.rule for problem in reading.problems}
    assert {"sign", "repeated-id", "balance"} <= rules


def test_positions_of_securities_alone_are_told_as_not_read() -> None:
    text = (
        b"<OFX><INVSTMTMSGSRSV1><INVSTMTTRNRS><INVSTMTRS><CURDEF>USD<INVACCTFROM><ACCTID>1</INVACCTFROM><INVPOSLIST><POSMF>"
        b"<UNITS>1</POSMF></INVPOSLIST></INVSTMTRS></INVSTMTTRNRS></INVSTMTMSGSRSV1></OFX>"
    )
    assert "securities" in {problem.rule for problem in formats.read(text, "s").problems}


def test_the_character_set_of_an_xml_declaration_counts_where_the_bytes_are_not_unicode() -> None:
    row = "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-5<FITID>1<NAME>Żółw</STMTTRN>"
    data = b'<?xml version="1.0" encoding="windows-1250"?>' + _ofx(row).decode().encode("cp1250")
    party = formats.read(data, "s").statements[0].entries[0].details[0].counterparty
    assert party is not None
    assert party.name == "Żółw"


def test_registers_of_other_kinds_without_names_stay_apart_and_eight_digits_are_a_day() -> None:
    text = b"!Type:Bank\nD20260105\nT-1.00\n^\n!Type:CCard\nD1/ 6'26\nT-2.00\n^\n!Type:Invst\nD1/6'26\nNBuy\n^\n"
    reading = formats.read(text, "s.qif")
    assert [(each.entries[0].amount, each.entries[0].booking_date) for each in reading.statements] == [
        (Decimal("-1.00"), date(2026, 1, 5)),
        (Decimal("-2.00"), date(2026, 1, 6)),
    ]
    assert "not-read" in {problem.rule for problem in reading.problems}
