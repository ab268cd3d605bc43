"""SWIFT orders (MT101, MT103) as banks write them: what an order has a place for is carried, the rest is told by name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from electra_kernel import formats
from electra_kernel.formats import mt101, mt103
from electra_kernel.formats.base import Reading
from electra_kernel.formats.mt_parties import read_party
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party

TRANSFER = (
    "{1:F01BANKDEFFXXXX0000000000}{2:O1031405260227BANKBEBBXXXX00000000002602271405N}"
    "{3:{108:X}{121:eb6305c9-1f7f-49de-aed0-16487c27b42d}}{4:\r\n"
    ":20:TR-7\r\n:13C:/SNDTIME/1405+0100\r\n:23B:CRED\r\n:23E:SDVA\r\n:23E:INTC\r\n:23E:PHOB/123\r\n:26T:K90\r\n"
    ":32A:260227EUR1235,16\r\n:33B:USD1300,00\r\n:36:0,9501\r\n:50F:/DE02120300000000202051\r\n1/Muster Handels GmbH\r\n"
    "2/Weg 1\r\n3/DE/Berlin\r\n7/DE/HRB 123\r\n:52A:/D/12345\r\nBANKDEFF\r\n:53A:BANKUS33\r\n:56A:BANKGB2L\r\n"
    ":57A://FW021000089\r\nCHASUS33\r\n:59F:/123456789\r\n1/Acme Inc\r\n3/US/New York\r\n:70:Invoice 9\r\n:71A:SHA\r\n"
    ":71F:USD10,\r\n:71F:USD5,\r\n:72:/ROC/E2E-9\r\n/ACC/credit at once\r\n:77B:/BENEFRES/US//goods\r\n-}"
)


def told(reading: Reading) -> dict[str, tuple[str, int | None]]:
    return {problem.field: (problem.text, problem.position) for problem in reading.problems}


def test_a_transfer_carries_what_an_order_has_a_place_for() -> None:
    reading = formats.read(TRANSFER.encode(), "file")
    (order,) = reading.orders
    assert order == Order(
        message_id="TR-7",
        payment_id="TR-7",
        kind=order.kind,
        debtor=Party(
            name="Muster Handels GmbH",
            account="DE02120300000000202051",
            bic="BANKDEFF",
            address=Address(street="Weg 1", town="Berlin", country="DE"),
            identification="HRB 123",
        ),
        execution_date=date(2026, 2, 27),
        created=datetime(2026, 2, 27, 14, 5, tzinfo=UTC),
        charge_bearer="SHAR",
        service_level="SDVA",
        category_purpose="INTC",
        transactions=(
            Transaction(
                amount=Money(Decimal("1235.16"), "EUR"),
                counterparty=Party(
                    name="Acme Inc",
                    account="123456789",
                    bic="CHASUS33",
                    address=Address(town="New York", country="US"),
                ),
                remittance="Invoice 9",
                end_to_end_id="E2E-9",
                position=2,
            ),
        ),
    )


def test_what_a_transfer_says_beside_is_told_by_name_with_its_line() -> None:
    problems = told(formats.read(TRANSFER.encode(), "file"))
    assert set(problems) == {"121", "13C", "23E", "26T", "33B", "36", "52A", "53A", "56A", "57A", "71F", "72", "77B"}
    for tag, words in {
        "121": "tracking id (UETR) ('eb6305c9",
        "33B": "the amount and currency that were ordered ('USD1300,00'), has",
        "36": "the exchange rate ('0,9501')",
        "71F": "the sender's charges ('USD10,')",
        "72": "('/ACC/credit at once')",
        "57A": "('//FW021000089')",
        "77B": "regulatory reporting",
    }.items():
        assert words in problems[tag][0]
    assert problems["33B"][1] == 10


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ((":20:TR-7\r\n", ""), "20", "missing"),
        (("EUR1235,16", "JPY1235,16"), "32A", "decimals"),
        ((":59F:/123456789\r\n1/Acme Inc\r\n3/US/New York\r\n", ""), "59", "missing"),
        (("/ROC/E2E-9", "/RETN/99"), "72", "return"),
    ],
)
def test_a_transfer_that_lacks_or_overdoes_something_is_told(change: tuple[str, str], field: str, rule: str) -> None:
    reading = formats.read(TRANSFER.replace(*change).encode(), "file")
    assert (field, rule) in {(problem.field, problem.rule) for problem in reading.problems}
    assert len(reading.orders) == 1


@pytest.mark.parametrize(
    ("value", "party"),
    [
        ("/DE1\nMax Muster\nWeg 1\n10115 Berlin", Party(name="Max Muster", account="DE1", address=Address(lines=("Weg 1", "10115 Berlin")))),
        ("NIDN/DE/121231\n1/Max\n1/Muster\n2/Weg 1\n2/Haus 2\n3/DE/Berlin", Party(name="Max Muster", identification="121231", address=Address(street="Weg 1, Haus 2", town="Berlin", country="DE"))),
        ("/12345\n1/Max Muster\n3/DE\n6/DE/BANK/77123\n8/45", Party(name="Max Muster", account="12345", identification="7712345", address=Address(country="DE"))),
        ("/C/12345\nBANKDEFFXXX", Party(name="", account="12345", bic="BANKDEFFXXX")),
        ("BANKDEFF", Party(name="", bic="BANKDEFF")),
    ],
)  # fmt: skip
def test_parties_of_every_option_are_read(value: str, party: Party) -> None:
    assert read_party(value) == (party, [])


def test_lines_of_a_party_without_a_place_are_handed_back() -> None:
    party, left = read_party("/1\n1/Max\n4/19800101\n5/DE/Berlin")
    assert party.name == "Max"
    assert left == ["4/19800101", "5/DE/Berlin"]


REQUEST = (
    ":20:RQ-1\r\n:28D:1/1\r\n:50H:/DE02120300000000202051\r\nMuster\r\n:30:260227\r\n"
    ":21:P1\r\n:23E:URGP\r\n:32B:EUR5,\r\n:33B:USD6,\r\n:59:/DE89370400440532013000\r\nA\r\n:71A:SHA\r\n:36:0,83\r\n"
    ":21:P2\r\n:23E:CORT\r\n:23E:HOLD/pickup\r\n:32B:EUR7,\r\n:52A:BANKDEFF\r\n:59:/DE89370400440532013000\r\nB\r\n:71A:SHA\r\n"
    ":21:P3\r\n:32B:EUR9,\r\n:57D://SC123456\r\nSome Bank\r\n:59:/123\r\nC\r\n:71A:SHA\r\n-\r\n"
)


def test_payments_of_a_request_with_other_instructions_are_orders_of_their_own() -> None:
    reading = formats.read(REQUEST.encode(), "file")
    found = [(each.service_level, each.category_purpose, each.debtor.bic, each.control_sum) for each in reading.orders]
    assert found == [("URGP", "", "", Decimal(5)), ("", "CORT", "BANKDEFF", Decimal(7)), ("", "", "", Decimal(9))]
    problems = told(reading)
    assert set(problems) == {"33B", "36", "23E", "57D"}
    assert "HOLD/pickup" in problems["23E"][0]


@pytest.mark.parametrize(
    ("service", "purpose", "lost"),
    [("URGP", "", False), ("SDVA", "INTC", False), ("", "CORT", False), ("", "SALA", True), ("SEPA", "", True)],
)
def test_instructions_are_written_and_read_again(service: str, purpose: str, lost: bool) -> None:
    order = Order(
        message_id="M-1",
        payment_id="M-1",
        kind="sepa",
        debtor=Party(name="Muster", account="DE02120300000000202051"),
        execution_date=date(2026, 2, 27),
        created=datetime(2026, 2, 27, tzinfo=UTC),
        charge_bearer="SHAR",
        service_level=service,
        category_purpose=purpose,
        transactions=(
            Transaction(
                amount=Money(Decimal(5), "EUR"),
                counterparty=Party(name="A", account="DE89370400440532013000"),
                end_to_end_id="E-1",
            ),
        ),
    )
    for writer in (mt101, mt103):
        data, problems = writer.write_told([order])
        (read,) = formats.read(data, "file").orders
        assert bool([problem for problem in problems if problem.rule == "service"]) is lost
        assert (read.service_level, read.category_purpose) == (("", "") if lost else (service, purpose))
