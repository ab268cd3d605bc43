"""Norma 43 of Spanish banks and ABO of Czech and Slovak banks: fixed-width statements."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import abo, norma43
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import currency_of_number, number_of_currency
from electra_kernel.vocabulary.parties import Party
from tests.shared import SHARED, needs_shared

DAY = date(2026, 1, 30)
LATIN = st.text(st.sampled_from("ABCxyzéáí.,-/19"), min_size=1, max_size=12)
AMOUNTS = st.decimals(Decimal("-99999999.99"), Decimal("99999999.99"), places=2).filter(bool)


def texts(words: int) -> st.SearchStrategy[str]:
    return st.lists(LATIN, max_size=words).map(" ".join)


@st.composite
def spanish(draw: st.DrawFn) -> Entry:
    amount, original = draw(AMOUNTS), draw(st.sampled_from([None, Decimal("12.34")]))
    detail = EntryDetail(
        amount=amount,
        currency="EUR",
        remittance=draw(texts(12)),
        original_amount=original,
        original_currency="USD" if original is not None else "",
    )
    return Entry(
        amount=amount,
        currency="EUR",
        booking_date=DAY,
        value_date=draw(st.sampled_from([DAY, None])),
        proprietary_code="04/016",
        bank_reference=draw(st.sampled_from(["", "REF 1"])),
        entry_reference=draw(st.sampled_from(["", "7"])),
        details=(detail,),
    )


@st.composite
def czech(draw: st.DrawFn) -> Entry:
    amount, party = draw(AMOUNTS), draw(st.sampled_from(["", "19-2000145399/0800", "123/0100", "77"]))
    detail = EntryDetail(
        amount=amount,
        currency="CZK",
        counterparty=Party(name=draw(LATIN), account=party) if party else None,
        remittance=draw(texts(8)),
        structured_reference=draw(st.sampled_from(["", "/VS123", "/VS1/SS2/KS558", "/KS308"])),
    )
    return Entry(
        amount=amount,
        currency="CZK",
        booking_date=DAY,
        value_date=draw(st.sampled_from([DAY, None])),
        reversal=draw(st.booleans()),
        bank_reference=draw(st.sampled_from(["", "13874030997", "A REFERENCE OF 26 SIGNS"])),
        details=(detail,),
    )


def statement_of(account: str, currency: str, booked: Sequence[Entry]) -> Statement:
    opening = Decimal("-12.30")
    closing = opening + sum((entry.amount for entry in booked), Decimal(0))
    return Statement(
        identification="20260130",
        account=account,
        currency=currency,
        balances=tuple(
            Balance(kind=kind, amount=amount, currency=currency, date=DAY)
            for kind, amount in (("OPBD", opening), ("CLBD", closing))
        ),
        entries=tuple(booked),
        from_date=DAY,
        to_date=DAY,
        owner="Company",
    )


SPANISH, CZECH = "888855551111111111", "0000002501129872"


def check_round_trip(written: Statement, write: Callable[[Sequence[Statement]], bytes], width: int) -> None:
    both = [written, replace(written, account=f"{written.account[:-1]}9")]
    data = write(both)
    assert {len(line) for line in data.split(b"\r\n")[:-1]} == {width}
    reading = formats.read(data, "x")
    assert reading.problems == ()
    for again, sent in zip(reading.statements, both, strict=True):
        first, second = (tables_of([one], "x").entries.drop_columns("position") for one in (again, sent))
        assert first.to_pylist() == second.to_pylist()
        assert replace(again, entries=()) == replace(sent, entries=())


@given(st.lists(spanish(), max_size=3))
def test_what_is_written_as_norma_43_is_read_again(booked: list[Entry]) -> None:
    check_round_trip(statement_of(SPANISH, "EUR", booked), norma43.write, 80)


@given(st.lists(czech(), max_size=3))
def test_what_is_written_as_abo_is_read_again(booked: list[Entry]) -> None:
    check_round_trip(statement_of(CZECH, "CZK", booked), abo.write, 128)


def plain(kind: str) -> bytes:
    account, currency, write = (SPANISH, "EUR", norma43.write) if kind == "norma43" else (CZECH, "CZK", abo.write)
    detail = EntryDetail(amount=Decimal("-5.00"), currency=currency, remittance="Café 7")
    entry = Entry(amount=Decimal("-5.00"), currency=currency, booking_date=DAY, value_date=DAY, details=(detail,))
    return write([statement_of(account, currency, (entry, entry))])


@pytest.mark.parametrize(
    ("kind", "old", "new", "rule"),
    [
        ("norma43", b"100000000000500", b"100000000000600", "sum"),
        ("norma43", b"100000000000500", b"200000000000500", "count"),
        ("norma43", b"100000000000500", b"300000000000500", "sign"),
        ("norma43", b"100000000000500", b"1000000000005.0", "number"),
        ("norma43", b"260130", b"260230", "date"),
        ("norma43", b"000006", b"000007", "count"),
        ("norma43", b"2301Caf", b"2501Caf", "record"),
        ("norma43", b"978", b"000", "currency"),
        ("abo", b"0000000005001", b"0000000006001", "sum"),
        ("abo", b"0000000005001", b"0000000005003", "value"),
        ("abo", b"0000000005001", b"00000000050.1", "number"),
        ("abo", b"0750000002501129872", b"0750000002501129873", "account"),
        ("abo", b"078Caf", b"077Caf", "record"),
        ("abo", b"300126", b"310226", "date"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(kind: str, old: bytes, new: bytes, rule: str) -> None:
    data = plain(kind)
    assert old in data
    reading = formats.read(data.replace(old, new, 1), "x")
    assert rule in {problem.rule for problem in reading.problems}
    assert all(problem.position or problem.rule in ("balance", "balance-missing") for problem in reading.problems)


def test_accounts_that_do_not_fit_are_not_written() -> None:
    for write in (norma43.write, abo.write):
        with pytest.raises(ElectraError, match="digits"):
            write([statement_of("HU42117730161111101800000000", "EUR", ())])


def test_currencies_have_numbers_and_numbers_have_currencies() -> None:
    assert [currency_of_number(number_of_currency(code)) for code in ("HUF", "EUR", "CZK")] == ["HUF", "EUR", "CZK"]
    assert [currency_of_number(number) for number in ("", "000", "EUR")] == ["", "", ""]


@needs_shared
@pytest.mark.parametrize(
    ("folder", "ending", "mark", "name", "proved"),
    [("norma43", ".n43", rb"(?m)^22", "Norma 43", 2), ("gpc_abo", ".gpc", rb"(?m)^075", "ABO", 1)],
)
def test_every_sample_is_read_whole(folder: str, ending: str, mark: bytes, name: str, proved: int) -> None:
    right = 0
    files = sorted((SHARED / "samples" / folder).rglob(f"*{ending}"))
    assert files
    for file in files:
        data = file.read_bytes()
        reading = formats.read(data, file.name)
        assert reading.format == name
        assert sum(len(one.entries) for one in reading.statements) == len(re.findall(mark, data))
        right += not reading.problems
    assert right >= proved


def test_movements_without_money_count_by_their_mark() -> None:
    data = plain("norma43").replace(b"100000000000500", b"100000000000000")
    data = data.replace(b"0000200000000001000", b"0000200000000000000", 1)
    assert {problem.rule for problem in formats.read(data, "x").problems} == {"balance"}
