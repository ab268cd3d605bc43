"""CODA: coded statements of Belgian banks."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import coda
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from electra_kernel.vocabulary.parties import Party
from tests.shared import SHARED, needs_shared

DAY = date(2026, 1, 30)
#: Bytes that only go on in UTF-8: without them no text in ISO 8859-1 can be mistaken for it.
CONTINUING = "".join(map(chr, range(0x80, 0xC0)))
LETTERS = st.characters(max_codepoint=0xFF, categories=("L", "N", "P"), exclude_characters=CONTINUING)
WORDS = st.text(LETTERS, max_size=12)
TEXTS = st.lists(WORDS.filter(bool), max_size=10).map(" ".join)
AMOUNTS = st.decimals(Decimal("-999999999.999"), Decimal("999999999.999"), places=3).filter(bool)


@st.composite
def details(draw: st.DrawFn, amount: Decimal, code: str) -> EntryDetail:
    name, account = draw(WORDS), draw(st.sampled_from(["", "BE62510007547061"]))
    party = Party(name=name, account=account, bic=draw(st.sampled_from(["", "GEBABEBB"])) if name or account else "")
    reference, mandate = draw(
        st.sampled_from([("", ""), ("+++010/8068/17183+++", ""), ("RF18539007547034", ""), ("", "MANDATE-1")])
    )
    return EntryDetail(
        amount=amount,
        currency="EUR",
        counterparty=party if name or account else None,
        remittance="" if reference else draw(TEXTS)[: 60 if mandate else 149].strip(),
        structured_reference=reference,
        mandate_id=mandate,
        creditor_id="BE51ZZZ0123456789" if mandate else "",
        end_to_end_id=draw(st.sampled_from(["", "E2E-1"])),
        proprietary_code=code,
        bank_reference=draw(st.from_regex(r"[A-Z0-9]{0,21}", fullmatch=True)),
    )


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    amounts = draw(st.lists(AMOUNTS, min_size=1, max_size=3).filter(sum))
    batch = len(amounts) > 1
    parts = tuple(draw(details(amount, "50150000" if batch else "00150000")) for amount in amounts)
    return Entry(
        amount=sum(amounts, Decimal(0)),
        currency="EUR",
        booking_date=draw(st.sampled_from([DAY, None])),
        value_date=draw(st.sampled_from([DAY, None])),
        proprietary_code="10150000" if batch else "00150000",
        bank_reference="WHOLE" if batch else parts[0].bank_reference,
        additional_information=draw(WORDS) if batch else "",
        details=parts,
    )


def statement_of(booked: tuple[Entry, ...]) -> Statement:
    opening = Decimal("-12.345")
    closing = opening + sum((entry.amount for entry in booked), Decimal(0))
    return Statement(
        identification="2026-007",
        account="BE75363112201051",
        currency="EUR",
        balances=tuple(
            Balance(kind=kind, amount=amount, currency="EUR", date=DAY)
            for kind, amount in (("OPBD", opening), ("CLBD", closing))
        ),
        entries=booked,
        sequence=7,
        to_date=DAY,
        owner="Company",
        bank_bic="BBRUBEBB",
    )


@given(st.lists(entries(), max_size=3))
def test_what_is_written_is_read_again(booked: list[Entry]) -> None:
    written = statement_of(tuple(booked))
    both = [written, replace(written, account="BE62510007547061")]
    reading = formats.read(coda.write(both, created=DAY), "x.cod")
    assert reading.problems == ()
    for again, sent in zip(reading.statements, both, strict=True):
        tables = [tables_of([one], "x") for one in (again, sent)]
        for name in ("entries", "details", "balances"):
            first, second = (getattr(one, name) for one in tables)
            left = [column for column in first.column_names if column != "position"]
            assert first.select(left).to_pylist() == second.select(left).to_pylist()


def plain() -> bytes:
    detail = EntryDetail(amount=Decimal(5), currency="EUR", remittance="Invoice 7", counterparty=Party(name="Café"))
    entry = Entry(
        amount=Decimal(5), currency="EUR", booking_date=DAY, value_date=DAY, bank_reference="R1", details=(detail,)
    )
    return coda.write([statement_of((entry, entry))], created=DAY)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"9               000008", b"9               000007", "count"),
        (b"000000000010000", b"000000000010001", "sum"),
        (b"300126", b"310226", "date"),
        (b"2100010000", b"21A0010000", "number"),
        (b"2100020000", b"2100090001", "order"),
        (b"2300020000", b"2500020000", "record"),
        (b"000000000005000", b"00000000005.000", "number"),
        (b"8   BE75", b"8   BE76", "account"),
    ],
)
def test_what_is_wrong_is_told(old: bytes, new: bytes, rule: str) -> None:
    data = plain()
    assert old in data
    reading = formats.read(data.replace(old, new, 1), "x.cod")
    assert rule in {problem.rule for problem in reading.problems}
    assert all(problem.position or problem.rule in ("balance", "truncated") for problem in reading.problems)


def test_a_file_in_code_page_or_utf8_is_read_alike() -> None:
    names = [
        formats.read(data, "x").statements[0].entries[0].details[0].counterparty
        for data in (plain(), plain().decode("iso-8859-1").encode())
    ]
    assert names == [Party(name="Café"), Party(name="Café")]


def test_a_text_that_does_not_fit_and_a_statement_without_balances_are_not_written() -> None:
    detail = EntryDetail(amount=Decimal(5), remittance="x" * 150)
    entry = Entry(amount=Decimal(5), currency="EUR", booking_date=DAY, value_date=DAY, details=(detail,))
    with pytest.raises(ElectraError, match="communication"):
        coda.write([statement_of((entry,))], created=DAY)
    nothing = Statement(identification="1", account="1", currency="EUR", balances=(), entries=())
    with pytest.raises(ElectraError, match="balance"):
        coda.write([nothing], created=DAY)


@needs_shared
def test_every_sample_is_read_whole() -> None:
    files = [file for file in sorted((SHARED / "samples" / "coda").rglob("*")) if file.is_file()]
    assert len(files) >= 10
    proved = 0
    for file in files:
        data = file.read_bytes()
        reading = formats.read(data, file.name)
        assert reading.format == "CODA"
        told = sum(max(len(entry.details), 1) for one in reading.statements for entry in one.entries)
        batches = sum(len(entry.details) > 1 for one in reading.statements for entry in one.entries)
        assert told + batches == len(re.findall(rb"(?m)^21", data))
        # What the authors of these files changed by hand is told; nothing else is.
        told_rules = {problem.rule for problem in reading.problems}
        assert told_rules <= {"count", "sum", "balance", "character-set", "account"}
        proved += "balance" not in told_rules
    assert proved >= 5


def test_a_file_of_a_version_that_is_not_known_is_told_and_read_as_the_latest() -> None:
    assert plain()[127:128] == b"2"
    data = plain()[:127] + b"5" + plain()[128:]
    reading = formats.read(data, "x")
    assert [(row.position, row.rule) for row in reading.problems if row.severity == "error"] == [(1, "version")]
    assert reading.statements == formats.read(plain(), "x").statements
    with pytest.raises(UnreadableFile, match="no statement"):
        formats.read(data[:128], "x")
