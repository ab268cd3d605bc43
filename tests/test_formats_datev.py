"""DATEV: booking batches of German bookkeeping."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import datev
from electra_kernel.statements.model import NOTIFICATION, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from electra_kernel.vocabulary.parties import Party
from tests.shared import SHARED, needs_shared

BANK = "DE89370400440532013000"
SETTINGS: dict[str, Any] = {
    "accounts": {BANK: "1200"},
    "contra": "1590",
    "consultant": 29098,
    "client": 55003,
    "fiscal_year": date(2025, 7, 1),
    "created": datetime(2026, 3, 31, 12, tzinfo=UTC),
    "title": "Bank",
}


def entry_of(cents: int, text: str, name: str, reference: str, day: date) -> Entry:
    amount = Decimal(cents).scaleb(-2)
    detail = EntryDetail(amount=amount, currency="EUR", counterparty=Party(name=name), remittance=text)
    return Entry(
        amount=amount, currency="EUR", booking_date=day, value_date=day, entry_reference=reference, details=(detail,)
    )


def statement_of(*entries: Entry) -> Statement:
    return Statement(identification="1", account=BANK, currency="EUR", balances=(), entries=entries)


DAY = date(2026, 2, 28)
BOOKED = entry_of(-12345, "Miete Februar", "Haus GmbH", "R-1", DAY)
WORDS = st.text("abc ABC 0189;\"'äöüß€.-/", max_size=700).map(lambda text: " ".join(text.split()))
ENTRIES = st.lists(
    st.builds(
        entry_of,
        st.integers(1, 10**12 - 1).flatmap(lambda cents: st.sampled_from([cents, -cents])),
        WORDS,
        st.text("Abc ;ß", max_size=60).map(lambda text: " ".join(text.split())),
        st.from_regex(r"[A-Za-z0-9$%&*+/-]{0,36}", fullmatch=True),
        st.dates(date(2025, 7, 1), date(2026, 6, 30)),
    ),
    min_size=1,
    max_size=4,
)


@given(ENTRIES)
def test_what_is_written_is_read_again(entries: list[Entry]) -> None:
    reading = formats.read(datev.write([statement_of(*entries)], **SETTINGS), "x")
    assert reading.problems == ()
    (statement,) = reading.statements
    assert (statement.account, statement.currency, statement.kind) == ("1200", "EUR", NOTIFICATION)
    found = [
        (one.amount, one.booking_date, one.entry_reference, one.details[0].remittance, one.details[0].counterparty)
        for one in statement.entries
    ]
    assert found == [
        (one.amount, one.booking_date, one.entry_reference, text, Party(name=name, account="1590"))
        for one in entries
        for name in [one.details[0].counterparty.name if one.details[0].counterparty else ""]
        for text in [one.details[0].remittance or name]
    ]


def test_a_batch_has_the_head_headings_and_lines_of_the_format() -> None:
    head, headings, line, end = datev.write([statement_of(BOOKED)], **SETTINGS).decode("cp1252").split("\r\n")
    assert head == (
        '"EXTF";700;21;"Buchungsstapel";13;20260331120000000;;"RE";"";"";29098;55003;20250701;4;20260228;20260228;'
        '"Bank";"";1;0;0;"EUR";;"";;;"";;;"";""'
    )
    assert (len(headings.split(";")), end) == (125, "")
    cells = line.split(";")
    assert len(cells) == 125
    assert cells[:2] + cells[6:8] == ["123,45", '"H"', "1200", "1590"]
    assert (cells[9], cells[10], cells[13]) == ("2802", '"R-1"', '"Miete Februar"')
    assert cells[47:49] == ['"Name"', '"Haus GmbH"']


def test_contra_accounts_are_found_by_account_or_name_and_batches_are_booked_payment_by_payment() -> None:
    details = tuple(
        EntryDetail(amount=Decimal(cents), currency="EUR", counterparty=Party(name=name, account=account))
        for cents, name, account in ((-1, "A", ""), (-2, "B", "IT60X0542811101000000123456"))
    )
    batch = replace(BOOKED, amount=Decimal(-3), details=details)
    odd = replace(batch, amount=Decimal(-4))
    contras = {"A": "70001", "IT60X0542811101000000123456": "70002"}
    data = datev.write([statement_of(batch, odd)], **SETTINGS, contras=contras)
    (statement,) = formats.read(data, "x").statements
    found = [
        (one.amount, one.details[0].counterparty.account) for one in statement.entries if one.details[0].counterparty
    ]
    assert found == [(Decimal(-1), "70001"), (Decimal(-2), "70002"), (Decimal(-4), "1590")]


def test_general_reversals_and_foreign_amounts_are_read_in_the_batchs_currency() -> None:
    data = datev.write([statement_of(BOOKED, BOOKED)], **SETTINGS).decode("cp1252").split("\r\n")
    reversed_, foreign = data[2].split(";"), data[3].split(";")
    reversed_[117] = '"G"'
    foreign[2:6] = ['"USD"', "1,2345", "100,00", '"EUR"']
    first, second = (
        formats.read("\r\n".join([*data[:2], ";".join(reversed_), ";".join(foreign)]).encode("cp1252"), "x")
        .statements[0]
        .entries
    )
    assert (first.amount, first.reversal) == (Decimal("123.45"), True)
    detail = second.details[0]
    assert (second.amount, second.currency) == (Decimal("-100.00"), "EUR")
    assert (detail.original_amount, detail.original_currency) == (Decimal("123.45"), "USD")
    assert detail.exchange_rate == Decimal("1.2345")


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        ("123,45", "123.45", "amount", 3),
        ("123,45", "-123,45", "amount", 3),
        ('"H"', '"X"', "side", 3),
        (";2802;", ";3002;", "date", 3),
        (";2802;", ";9902;", "date", 3),
        (";1200;", ";12A0;", "account", 3),
        (";1200;1590;", ";1200;1590;;", "length", 3),
        ('"Miete Februar";', '"Miete Februar";1', "not-carried", 3),
        (";13;", ";99;", "version", 1),
        ('"EUR"', '"EURO"', "currency", 1),
        ("20250701", "20251301", "date", 1),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, rule: str, line: int) -> None:
    text = datev.write([statement_of(BOOKED, BOOKED)], **SETTINGS).decode("cp1252")
    assert old in text
    reading = formats.read(text.replace(old, new, 1).encode("cp1252"), "x")
    assert (rule, line) in {(problem.rule, problem.position) for problem in reading.problems}


@pytest.mark.parametrize("cut", range(3, 2_900, 149))
def test_a_file_cut_anywhere_says_so_or_lost_no_booking_it_shows(cut: int) -> None:
    data = datev.write([statement_of(BOOKED, BOOKED)], **SETTINGS)
    assert len(data) > cut
    try:
        reading = formats.read(data[:cut], "x")
    except UnreadableFile:
        return
    rules = {problem.rule for problem in reading.problems}
    assert {"length", "empty"} & rules or data[cut : cut + 1] in b"\r\n"
    assert all(entry.amount == BOOKED.amount for one in reading.statements for entry in one.entries)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"accounts": {}}, "no account of the ledger"),
        ({"contra": "X"}, "is no account"),
        ({"fiscal_year": date(2024, 7, 1)}, "not in the fiscal year"),
        ({"length": 9}, "4 to 8 digits"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ElectraError, match=said):
        datev.write([statement_of(BOOKED)], **{**SETTINGS, **change})


def test_several_currencies_small_change_and_no_entries_are_refused_and_accents_kept_where_they_can_be() -> None:
    for entries, said in (
        ((BOOKED, replace(BOOKED, currency="HUF")), "in EUR, HUF"),
        ((replace(BOOKED, amount=Decimal("0.001")),), "does not fit"),
        ((), "no currency"),
    ):
        with pytest.raises(ElectraError, match=said):
            datev.write([statement_of(*entries)], **SETTINGS)
    data = datev.write([statement_of(entry_of(1, "Őszi díj", "", "", DAY))], **SETTINGS)
    assert b"Oszi d\xedj" in data


def test_no_batch_counts_in_a_balance() -> None:
    reading = formats.read(datev.write([statement_of(BOOKED)], **SETTINGS), "x")
    assert {entry.status for one in reading.statements for entry in one.entries} == {"INFO"}
    tables = formats.read_tables(datev.write([statement_of(BOOKED)], **SETTINGS), "x")
    assert tables.entries.num_rows == 1


@needs_shared
def test_the_sample_batch_is_read_and_the_other_samples_are_refused_by_name() -> None:
    files = {file.name: file.read_bytes() for file in (SHARED / "samples" / "datev").rglob("*.csv")}
    assert len(files) == 3
    reading = formats.read(files.pop("EXTF_Buchungsstapel.csv"), "x")
    assert reading.problems == ()
    found = [(one.account, entry.amount, entry.booking_date) for one in reading.statements for entry in one.entries]
    assert found == [
        ("1200", Decimal("-24.95"), date(2018, 2, 21)),
        ("10000", Decimal("5950.00"), date(2018, 2, 22)),
    ]
    for name, said in (("Stammdaten", "customers and suppliers"), ("Kontenbeschriftungen", "captions of accounts")):
        with pytest.raises(UnreadableFile, match=said):
            formats.read(files[f"EXTF_{name}.csv"], "x")
