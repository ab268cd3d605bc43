"""BAI2: balance reports of North American banks."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import bai2
from electra_kernel.statements.model import REPORT, Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from tests.shared import SHARED, needs_shared

CREATED = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = date(2026, 1, 30)
FILE = b"""01,BANK,ME,260131,0713,1,80,,2/
02,ME,BANK,1,260130,2359,EUR,2/
03,12 34,,010,1000,,,015,3500,,,/
88,100,2750,2,,400,250,1,/
16,142,2500,S,1000,1000,500,REF1,MINE,Invoice 7, with a comma/
88,and more, of it
16,195,250,V,260202,1200,,,/
16,475,250,D,2,0,100,1,150,CHK,77,Check
16,890,,,,,Happy new year
49,10500,8/
98,10500,1,10/
99,10500,1,12/
"""


def entry_of(cents: int, words: str, reference: str, code: str, currency: str, value: bool) -> Entry:
    amount = Decimal(cents).scaleb(-2 if currency == "EUR" else 0)
    sign = 1 if code in ("142", "930") else -1
    detail = EntryDetail(amount=sign * amount, currency=currency, remittance=words)
    return Entry(
        amount=sign * amount,
        currency=currency,
        booking_date=DAY,
        value_date=date(2026, 2, 2) if value else None,
        proprietary_code=code,
        bank_reference=reference,
        details=(detail,),
    )


WORDS = st.lists(st.from_regex(r"[A-Za-z0-9.,:/-]{1,30}", fullmatch=True), max_size=12).map(" ".join)
REFERENCES = st.from_regex(r"[A-Z0-9]{0,16}", fullmatch=True)
ROWS = st.lists(
    st.tuples(st.integers(1, 10**12), WORDS, REFERENCES, st.sampled_from(["142", "475", "930", "960"]), st.booleans()),
    max_size=4,
)


@given(st.sampled_from(["EUR", "JPY"]), ROWS)
def test_what_is_written_is_read_again(currency: str, rows: list[tuple[int, str, str, str, bool]]) -> None:
    entries = tuple(entry_of(cents, words, ref, code, currency, value) for cents, words, ref, code, value in rows)
    opening = Decimal("-5")
    closing = opening + sum((entry.amount for entry in entries), Decimal(0))
    balances = tuple(
        Balance(kind=kind, amount=amount, currency=currency, date=DAY)
        for kind, amount in (("OPBD", opening), ("CLBD", closing))
    )
    written = Statement(
        identification="20260130",
        account="1234",
        currency=currency,
        balances=balances,
        entries=entries,
        from_date=DAY,
        to_date=DAY,
    )
    both = [written, replace(written, account="5678")]
    reading = formats.read(bai2.write(both, sender="BANK", receiver="ME", created=CREATED), "x")
    assert reading.problems == ()
    assert [again.account for again in reading.statements] == ["1234", "5678"]
    for again in reading.statements:
        assert (again.currency, again.balances) == (currency, balances)
        found = [
            (one.amount, one.value_date, one.proprietary_code, one.bank_reference, one.details[0].remittance)
            for one in again.entries
        ]
        assert found == [
            (one.amount, one.value_date, one.proprietary_code, one.bank_reference, one.details[0].remittance)
            for one in entries
        ]


def test_funds_types_continuations_and_texts_with_commas_are_read() -> None:
    reading = formats.read(FILE, "x.bai")
    (statement,) = reading.statements
    assert (statement.account, statement.currency) == ("1234", "EUR")
    assert [(entry.amount, entry.value_date, entry.bank_reference) for entry in statement.entries] == [
        (Decimal("25.00"), None, "REF1"),
        (Decimal("2.50"), date(2026, 2, 2), ""),
        (Decimal("-2.50"), None, "CHK"),
    ]
    assert statement.entries[0].details[0].remittance == "Invoice 7, with a comma and more, of it"
    assert [(problem.rule, problem.severity) for problem in reading.problems] == [("text", "warning")]


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        (b"49,10500,8/", b"49,10501,8/", "sum", 10),
        (b"98,10500,1,10/", b"98,10500,2,10/", "count", 11),
        (b"99,10500,1,12/", b"99,10500,1,13/", "count", 12),
        (b"16,142,2500", b"16,142,2.500", "amount", 5),
        (b"16,142,2500", b"16,999x,2500", "type-code", 5),
        (b"02,ME,BANK,1,260130", b"02,ME,BANK,1,260230", "date", 2),
        (b"100,2750,2", b"100,2751,2", "sum", 3),
        (b"99,10500,1,12/\n", b"", "truncated", 11),
        (b"49,10500,8/\n", b"", "order", 10),
        (b"16,475", b"17,475", "record", 8),
        (b"03,12 34,,", b"03,12 34,EURO,", "currency", 3),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: bytes, new: bytes, rule: str, line: int) -> None:
    reading = formats.read(FILE.replace(old, new), "x.bai")
    assert (rule, line) in {(problem.rule, problem.position) for problem in reading.problems}


def test_an_interim_report_is_no_statement() -> None:
    (statement,) = formats.read(FILE.replace(b"EUR,2/", b"EUR,3/"), "x.bai").statements
    assert statement.kind == REPORT


def test_a_file_without_accounts_and_a_statement_without_a_day_are_refused() -> None:
    with pytest.raises(UnreadableFile, match="no account"):
        formats.read(FILE.split(b"03,")[0], "x.bai")
    nameless = Statement(identification="1", account="1", currency="EUR", balances=(), entries=())
    with pytest.raises(ElectraError, match="no day"):
        bai2.write([nameless], sender="A", receiver="B", created=CREATED)


@needs_shared
def test_every_sample_is_read_whole_and_its_sums_are_right() -> None:
    files = sorted((SHARED / "samples" / "bai2").rglob("*.bai2"))
    assert files
    for file in files:
        data = file.read_bytes()
        reading = formats.read(data, file.name)
        assert sum(len(one.entries) for one in reading.statements) == len(re.findall(rb"(?m)^16,", data))
        assert not {problem.rule for problem in reading.problems} - {"balance", "balance-missing"}


def test_physical_records_of_a_fixed_length_may_share_a_line() -> None:
    lines = FILE.decode().splitlines()
    lines = [line if line.endswith("/") else f"{line}/" for line in lines]
    shared = "".join(f"{line:<80}" for line in lines)
    plain, packed = (formats.read(text.encode(), "x") for text in ("\n".join(lines), shared))
    assert [problem.rule for problem in packed.problems] == [problem.rule for problem in plain.problems] == ["text"]
    assert [replace(entry, position=None) for entry in packed.statements[0].entries] == [
        replace(entry, position=None) for entry in plain.statements[0].entries
    ]


def test_a_slash_in_a_text_ends_no_record() -> None:
    text = "PAID 12/16,000 and 7/ 16 to A/B"
    (statement,) = formats.read(FILE.replace(b"Invoice 7", text.encode()), "x").statements
    assert statement.entries[0].details[0].remittance.startswith(text)


def test_a_line_without_a_code_goes_on_with_an_open_text_only() -> None:
    wrapped = FILE.replace(b"Check\n", b"Check\nnumber 12\n88,of May\n").replace(b"49,10500,8/", b"49,10500,9/")
    wrapped = wrapped.replace(b"98,10500,1,10/", b"98,10500,1,11/").replace(b"99,10500,1,12/", b"99,10500,1,13/")
    reading = formats.read(wrapped, "x")
    assert {problem.rule for problem in reading.problems} == {"line-break", "text"}
    assert reading.statements[0].entries[2].details[0].remittance == "Check number 12 of May"
    ended = formats.read(FILE.replace(b"Check\n", b"Check/\nnumber 12\n"), "x")
    assert [problem.position for problem in ended.problems if problem.rule == "record"] == [9]


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        (b"100,2750,2,", b"100,9999,,", set()),  # the bank need not list what it sums up
        (b"100,2750,2,", b"100,9999,5,", set()),
        (b"100,2750,2,", b"100,9999,2,", {"sum"}),
        (b"80,,2/", b"80,,/", {"version"}),
        (b"1,80,,2/", b"FILE2,,,/", {"version"}),
    ],
)
def test_sums_of_what_is_not_listed_are_no_fault_and_a_version_stands_in_its_own_field(
    old: bytes, new: bytes, rules: set[str]
) -> None:
    difference = 9999 - 2750 if b"9999" in new else 0
    data = FILE.replace(old, new).replace(b",10500,", b",%d," % (10500 + difference))
    assert {problem.rule for problem in formats.read(data, "x").problems} - {"text"} == rules


def test_type_codes_of_loans_have_a_side() -> None:
    data = FILE.replace(b"16,195,", b"16,721,").replace(b"16,475,", b"16,760,")
    amounts = [entry.amount for entry in formats.read(data, "x").statements[0].entries]
    assert amounts == [Decimal("25.00"), Decimal("2.50"), Decimal("-2.50")]


@pytest.mark.parametrize(("currency", "closing"), [("RSD", "35.00"), ("JPY", "3500"), ("KWD", "3.500")])
def test_amounts_have_the_decimals_of_their_currency_and_not_those_of_its_price_tags(
    currency: str, closing: str
) -> None:
    (statement,) = formats.read(FILE.replace(b"EUR", currency.encode()), "x").statements
    balance = statement.balance("CLBD")
    assert balance is not None
    assert str(balance.amount) == closing
