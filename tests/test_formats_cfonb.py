"""CFONB 120: statements of French banks."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import cfonb120
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from electra_kernel.vocabulary.parties import Party
from tests.shared import SHARED, needs_shared

DAY = date(2026, 1, 30)
#: Bytes that only go on in UTF-8: without them no text in ISO 8859-1 can be mistaken for it.
CONTINUING = "".join(map(chr, range(0x80, 0xC0)))
LETTERS = st.characters(max_codepoint=0xFF, categories=("L", "N", "P"), exclude_characters=CONTINUING)
WORDS = st.text(LETTERS, min_size=1, max_size=12)
TEXTS = st.lists(WORDS, max_size=14).map(" ".join)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    amount = draw(st.decimals(Decimal("-99999999999.99"), Decimal("99999999999.99"), places=2).filter(bool))
    name, account = draw(TEXTS.map(lambda text: text[:70].strip())), draw(st.sampled_from(["", "FR7630001007941234"]))
    original = draw(st.sampled_from([None, Decimal("12.34"), Decimal(7)]))
    detail = EntryDetail(
        amount=amount,
        currency="EUR",
        counterparty=Party(name=name, account=account) if name or account else None,
        remittance=draw(TEXTS),
        structured_reference=draw(st.sampled_from(["", "RF18539007547034"])),
        end_to_end_id=draw(st.sampled_from(["", "E2E-1"])),
        mandate_id=draw(st.sampled_from(["", "RUM-1"])),
        original_amount=original,
        original_currency="USD" if original is not None else "",
        charges=draw(st.sampled_from([None, Decimal("-0.50")])),
    )
    return Entry(
        amount=amount,
        currency="EUR",
        booking_date=DAY,
        value_date=draw(st.sampled_from([DAY, None])),
        proprietary_code="9162/B1",
        bank_reference=draw(st.sampled_from(["", "REF1"])),
        entry_reference=draw(st.sampled_from(["", "MINE"])),
        details=(detail,),
    )


def statement_of(booked: tuple[Entry, ...]) -> Statement:
    opening = Decimal("-12.30")
    closing = opening + sum((entry.amount for entry in booked), Decimal(0))
    return Statement(
        identification="20260130",
        account="15589000009876543210A",
        currency="EUR",
        balances=tuple(
            Balance(kind=kind, amount=amount, currency="EUR", date=DAY)
            for kind, amount in (("OPBD", opening), ("CLBD", closing))
        ),
        entries=booked,
        from_date=DAY,
        to_date=DAY,
    )


@given(st.lists(entries(), max_size=3))
def test_what_is_written_is_read_again(booked: list[Entry]) -> None:
    written = statement_of(tuple(booked))
    both = [written, replace(written, account="15589000009876543210B")]
    data = cfonb120.write(both)
    assert {len(line) for line in data.decode("iso-8859-1").split("\r\n")[:-1]} == {120}
    reading = formats.read(data, "x.cfo")
    assert reading.problems == ()
    for again, sent in zip(reading.statements, both, strict=True):
        first, second = (tables_of([one], "x").entries.drop_columns("position") for one in (again, sent))
        assert first.to_pylist() == second.to_pylist()
        assert again.balances == sent.balances


def plain() -> bytes:
    detail = EntryDetail(amount=Decimal("-5.00"), currency="EUR", remittance="Café", end_to_end_id="E")
    entry = Entry(amount=Decimal("-5.00"), currency="EUR", booking_date=DAY, value_date=DAY, details=(detail,))
    return cfonb120.write([statement_of((entry, entry))])


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"0000000000050}", b"0000000000060}", "balance"),
        (b"0000000000050}", b"00000000005.0}", "number"),
        (b"300126", b"310226", "date"),
        (b"04155", b"04156", "account"),
        (b"05155", b"06155", "record"),
        (b"EUR2", b"EUR?", "decimals"),
        (b"07155", b"01155", "order"),
    ],
)
def test_what_is_wrong_is_told(old: bytes, new: bytes, rule: str) -> None:
    data = plain()
    assert old in data
    reading = formats.read(data.replace(old, new, 1), "x.cfo")
    assert rule in {problem.rule for problem in reading.problems}
    assert len(reading.statements[0].entries) >= 1


def test_movements_without_a_statement_are_kept_in_one_and_told() -> None:
    whole, middle = plain(), plain().split(b"\r\n", 1)[1]
    reading = formats.read(middle, "x.cfo")
    assert {problem.rule for problem in reading.problems} == {"order", "balance-missing"}
    assert [one.entries for one in tables_free(reading)] == [
        one.entries for one in tables_free(formats.read(whole, "x"))
    ]
    assert formats.read(whole + middle, "x.cfo").statements[1].balance("OPBD") is None


def tables_free(reading: formats.Reading) -> list[Statement]:
    """The statements of a reading, their entries without places in the file."""
    return [
        replace(one, entries=tuple(replace(entry, position=None) for entry in one.entries))
        for one in reading.statements
    ]


def test_a_file_without_movements_and_an_account_that_does_not_fit_are_refused() -> None:
    with pytest.raises(UnreadableFile, match="neither an old balance nor a movement"):
        formats.read(plain()[plain().rindex(b"07") :], "x.cfo")
    strange = Statement(identification="1", account="FR76", currency="EUR", balances=(), entries=())
    with pytest.raises(ElectraError, match="CFONB 120"):
        cfonb120.write([strange])


@needs_shared
def test_every_movement_of_every_sample_is_read() -> None:
    files = [file for file in sorted((SHARED / "samples" / "cfonb120").rglob("*")) if file.is_file()]
    assert files
    for file in files:
        data = file.read_bytes()
        if not (raw := len(re.findall(rb"(?m)^04", data))):
            continue
        assert sum(len(one.entries) for one in formats.read(data, file.name).statements) == raw, file


def test_a_currency_that_does_not_exist_ends_no_reading_and_amounts_keep_two_decimals() -> None:
    written = cfonb120.write([statement_of(())]).decode("iso-8859-1")
    lines = [line[:16] + "EUX " + line[20:] for line in written.splitlines()]
    (statement,) = formats.read("\r\n".join(lines).encode(), "file").statements
    assert [balance.amount for balance in statement.balances] == [Decimal("-12.30")] * 2
    assert "-12.30 EUX" in repr(statement)
