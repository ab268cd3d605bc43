"""SWIFT advices (MT900, MT910): what is written is read again, and what cannot be carried is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.formats import mt, mt900, mt_kinds
from electra_kernel.statements.model import NOTIFICATION, Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Address, Party

DAY = date(2026, 2, 27)


def advice(entry: Entry, **change: object) -> Statement:
    whole = Statement(
        identification=entry.bank_reference,
        account="DE02120300000000202051",
        currency="EUR",
        balances=(),
        entries=(entry,),
        kind=NOTIFICATION,
    )
    return replace(whole, **change)  # type: ignore[arg-type]


def entry(**change: object) -> Entry:
    whole = Entry(amount=Decimal("12.5"), currency="EUR", booking_date=DAY, value_date=DAY, bank_reference="B-1")
    return replace(whole, **change)  # type: ignore[arg-type]


def again(data: bytes) -> list[Statement]:
    reading = mt900.read(data, "file")
    assert not reading.problems
    return [
        replace(each, entries=tuple(replace(one, position=None) for one in each.entries)) for each in reading.statements
    ]


plain = st.text("ABCXYZabc0189/-?:().,'+ ", max_size=190).map(lambda text: text.strip().lstrip("/"))
references = st.from_regex(r"\A[A-Z0-9]{1,16}\Z").filter(lambda text: text not in mt.NO_REFERENCE)
parties = st.one_of(
    st.none(),
    st.builds(
        Party,
        name=st.from_regex(r"\A[A-Z][a-z]{1,20} [A-Z]{1,10}\Z"),
        account=st.sampled_from(["DE89370400440532013000", "12345678"]),
        bic=st.sampled_from(["", "COBADEFFXXX"]),
        address=st.sampled_from([Address(), Address(lines=("Hauptstrasse 1", "10115 Berlin"))]),
    ),
    st.just(Party(name="", bic="COBADEFFXXX")),
)


@settings(max_examples=60)
@given(
    st.decimals("0.01", "99999999.99", places=2), st.booleans(), references, st.one_of(st.just(""), references),
    plain, parties, st.booleans(), st.sampled_from(["", "BANKDEFFXXX"]),
)  # fmt: skip
def test_what_is_written_as_an_advice_is_read_again(
    amount: Decimal, debit: bool, own: str, related: str, text: str, party: Party | None, dated: bool, bic: str
) -> None:
    one = entry(
        amount=-amount if debit else amount,
        bank_reference=own,
        entry_reference=related,
        additional_information=text,
        details=(EntryDetail(counterparty=party),) if party and not debit else (),
    )
    whole = advice(one, created=datetime(2026, 2, 27, 9, 5, tzinfo=UTC) if dated else None, bank_bic=bic)
    data, told = mt900.write_told([whole, whole])
    assert told == ()
    assert again(data) == [whole, whole]
    assert mt_kinds.kind_of(data) == ("900" if debit else "910")


def test_a_statement_of_several_entries_becomes_an_advice_each() -> None:
    entries = (entry(), entry(amount=Decimal(-3), bank_reference="B-2"), entry(status="PDNG", bank_reference="B-3"))
    whole = advice(
        entries[0],
        entries=entries,
        identification="STMT 1",
        balances=(Balance(kind="CLBD", amount=Decimal(1), currency="EUR", date=DAY),),
    )
    data, told = mt900.write_told([whole])
    assert [each.entries[0].amount for each in again(data)] == [Decimal("12.5"), Decimal(-3)]
    assert {problem.rule for problem in told} == {"status", "balance", "identification"}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"additional_information": "x" * 300}, "length"),
        ({"additional_information": "Ödegård & Söhne"}, "characters"),
        ({"bank_reference": "a reference of more than 16"}, "reference"),
        ({"booking_date": date(2026, 2, 26)}, "booking-date"),
        ({"charges": Decimal(-1)}, "more"),
        ({"details": (EntryDetail(remittance="R"),)}, "remittance"),
        ({"details": (EntryDetail(), EntryDetail())}, "details"),
        ({"amount": Decimal(-1), "details": (EntryDetail(counterparty=Party(name="A")),)}, "counterparty"),
    ],
)
def test_what_an_advice_cannot_carry_is_told(change: dict[str, object], rule: str) -> None:
    _, told = mt900.write_told([advice(entry(**change))])
    assert rule in {problem.rule for problem in told}


def test_what_would_be_no_advice_is_refused() -> None:
    with pytest.raises(ElectraError, match="no booked entry"):
        mt900.write([advice(entry(), entries=())])
    with pytest.raises(ElectraError, match="no account"):
        mt900.write([advice(entry(), account="")])
    with pytest.raises(ElectraError, match="no date"):
        mt900.write([advice(entry(value_date=None, booking_date=None))])


def test_who_paid_and_the_banks_notes_are_read() -> None:
    text = (
        ":910:\r\n:20:B1\r\n:21:INV 7\r\n:25:1234567\r\n:32A:260227EUR12,5\r\n:50F:/DE89370400440532013000\r\n1/Max Muster\r\n"
        "2/Weg 1\r\n3/DE/Berlin\r\n:52A:COBADEFFXXX\r\n:56A:BANKDEFF\r\n:72:/ACC/Bank Nr. 7\r\n//und mehr\r\n/INS/eins\r\n-\r\n"
    )
    ((one,),) = [each.entries for each in again(text.encode())]
    party = one.details[0].counterparty
    assert party == Party(
        name="Max Muster",
        account="DE89370400440532013000",
        bic="COBADEFFXXX",
        address=Address(street="Weg 1", town="Berlin", country="DE"),
    )
    assert one.additional_information == ":56A:BANKDEFF /ACC/Bank Nr. 7 und mehr /INS/eins"
    debit = text.replace(":910:", ":900:").replace(
        ":50F:/DE89370400440532013000\r\n1/Max Muster\r\n2/Weg 1\r\n3/DE/Berlin\r\n", ""
    )
    ((one,),) = [each.entries for each in again(debit.encode())]
    assert one.amount == Decimal("-12.5")
    assert one.details == ()
    assert one.additional_information.startswith(":52A:COBADEFFXXX")
