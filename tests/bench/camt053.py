"""Statements and orders at 100,000: reading against a bare scan, writing against lxml."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.parsers import expat

from lxml import etree

from electra_kernel.formats import camt053, pain001
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party
from tests.bench.measure import Result, compare

COUNT = 100_000
ACCOUNT = "HU42117730161111101800000000"
_CREATED = datetime(2026, 2, 1, 6, 0, tzinfo=UTC)


def _party(number: int) -> Party:
    return Party(
        name=f"Partner & Söhne {number % 977}",
        account="DE89370400440532013000",
        bic="COBADEFFXXX",
        address=Address(lines=(f"Hauptstraße {number % 199}", "10115 Berlin"), country="DE"),
    )


def statement(count: int = COUNT) -> bytes:
    """A camt.053.001.02 of ``count`` entries, each with one payment and its details, laid out as banks do: indented."""
    entries = []
    for number in range(count):
        amount = Decimal(number % 99_991 + 1) / 100 * (1 if number % 3 else -1)
        detail = EntryDetail(
            amount=amount,
            currency="EUR",
            counterparty=_party(number),
            remittance=f"Invoice {number} of January",
            end_to_end_id=f"E2E-{number}",
            bank_transaction_code="PMNT-RCDT-ESCT",
        )
        day = date(2026, 1, number % 28 + 1)
        entries.append(
            Entry(
                amount=amount,
                currency="EUR",
                booking_date=day,
                value_date=day,
                bank_reference=f"REF{number:012}",
                bank_transaction_code="PMNT-RCDT-ESCT",
                additional_information="SEPA credit transfer",
                details=(detail,),
            )
        )
    closing = sum((entry.amount for entry in entries), Decimal(0))
    balances = tuple(
        Balance(kind=kind, amount=amount, currency="EUR", date=date(2026, 1, 31))
        for kind, amount in (("OPBD", Decimal(0)), ("CLBD", closing))
    )
    made = Statement(
        identification="S1", account=ACCOUNT, currency="EUR", balances=balances, entries=tuple(entries), sequence=1
    )
    data = camt053.write([made], message_id="M1", created=_CREATED, version="camt.053.001.02")
    root = etree.fromstring(data)
    etree.indent(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def order(count: int = COUNT) -> Order:
    """An order of ``count`` payments."""
    return Order(
        message_id="M1",
        payment_id="P1",
        kind="sepa",
        debtor=Party(name="We", account=ACCOUNT),
        execution_date=date(2026, 2, 2),
        created=_CREATED,
        transactions=tuple(
            Transaction(
                amount=Money(Decimal(number % 99_991 + 1) / 100, "EUR"),
                counterparty=_party(number),
                remittance=f"Invoice {number} of January",
                end_to_end_id=f"E2E-{number}",
            )
            for number in range(count)
        ),
    )


def _scan(data: bytes) -> None:
    expat.ParserCreate().Parse(data, True)


def _with_lxml(made: Order) -> bytes:
    """The transactions alone, written with lxml's incremental writer."""
    out = io.BytesIO()
    with etree.xmlfile(out, encoding="UTF-8") as xml, xml.element("Document"):
        for line in made.transactions:
            with xml.element("CdtTrfTxInf"):
                for path, value in _cells(line):
                    with xml.element(path):
                        xml.write(value)
    return out.getvalue()


def _cells(line: Transaction) -> Iterator[tuple[str, str]]:
    yield "EndToEndId", line.end_to_end_id
    yield "InstdAmt", str(line.amount.amount)
    yield "BICFI", line.counterparty.bic
    yield "Nm", line.counterparty.name
    yield "Ctry", line.counterparty.address.country
    yield from (("AdrLine", text) for text in line.counterparty.address.lines)
    yield "IBAN", line.counterparty.account
    yield "Ustrd", line.remittance


def run() -> Iterator[Result]:
    """All comparisons of this file."""
    data = statement()
    name = f"camt.053.001.02, {COUNT:,} entries, {len(data) / 1e6:.0f} MB, to columns"
    yield compare(name, lambda: camt053.read_tables(data, "bench"), "bare expat scan", lambda: _scan(data), "≤ 1.5")
    made = order()
    yield compare(
        f"pain.001.001.09, {COUNT:,} transactions, written",
        lambda: pain001.write(made),
        "lxml xmlfile, leaves only",
        lambda: _with_lxml(made),
        "the lower the better",
    )
