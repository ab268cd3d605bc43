"""Orders and collections of 100,000: written against sepaxml and pain001 where they are installed, read against a bare scan.

The peers are no dependency of the project: ``pip install sepaxml pain001`` beside it to compare with them.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.parsers import expat

from lxml import etree

from electra_kernel.formats import pain001, pain008
from electra_kernel.orders.model import Mandate, Order, Transaction
from electra_kernel.orders.rulebooks import check
from electra_kernel.vocabulary.dates import BusinessCalendar
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party
from tests.bench.measure import Result, compare

COUNT = 100_000
ACCOUNT = "HU42117730161111101800000000"
_PARTNERS = 20_000


def _iban(number: int) -> str:
    domestic = f"37040044{number:010d}"
    return f"DE{98 - int(domestic + '131400') % 97:02d}{domestic}"


def order(count: int = COUNT) -> Order:
    """An order of ``count`` payments to 20,000 partners with structured addresses."""
    partners = [
        Party(
            name=f"Partner and Sons {number}",
            account=_iban(number),
            bic="COBADEFFXXX",
            address=Address(
                street="Hauptstrasse", building=str(number % 199), post_code="10115", town="Berlin", country="DE"
            ),
        )
        for number in range(min(count, _PARTNERS))
    ]
    return Order(
        message_id="M1",
        payment_id="P1",
        kind="sepa",
        debtor=Party(name="We", account=ACCOUNT, bic="OTPVHUHB"),
        execution_date=date(2026, 2, 2),
        created=datetime(2026, 2, 1, 6, 0, tzinfo=UTC),
        transactions=tuple(
            Transaction(
                amount=Money(Decimal(number % 99_991 + 1) / 100, "EUR"),
                counterparty=partners[number % len(partners)],
                remittance=f"Invoice {number} of January",
                end_to_end_id=f"E2E-{number}",
            )
            for number in range(count)
        ),
    )


def collection(count: int = COUNT) -> Order:
    """The same as a collection on mandates."""
    made = order(count)
    lines = tuple(
        replace(line, mandate=Mandate(identification=f"M{number}", signed=date(2026, 1, 5), sequence="RCUR"))
        for number, line in enumerate(made.transactions)
    )
    return replace(
        made,
        kind="sepa-core-collection",
        creditor=made.debtor,
        creditor_id="DE98ZZZ09999999999",
        debtor=Party(name=""),
        transactions=lines,
    )


def _indented(data: bytes) -> bytes:
    root = etree.fromstring(data)
    etree.indent(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _scan(data: bytes) -> None:
    expat.ParserCreate().Parse(data, True)


def _sepaxml(made: Order) -> bytes:
    """What sepaxml's users write, without its own validation."""
    from sepaxml import SepaTransfer  # type: ignore[import-not-found]

    out = SepaTransfer(
        {"name": made.debtor.name, "IBAN": ACCOUNT, "BIC": "OTPVHUHB", "batch": True, "currency": "EUR"},
        schema="pain.001.001.03",
        clean=False,
    )
    for line in made.transactions:
        party = line.counterparty
        out.add_payment(
            {
                "name": party.name,
                "IBAN": party.account,
                "BIC": party.bic,
                "amount": int(line.amount.amount * 100),
                "execution_date": made.execution_date,
                "description": line.remittance,
                "endtoend_id": line.end_to_end_id,
            }
        )
    return bytes(out.export(validate=False))


def _with_lxml(made: Order) -> bytes:
    """The leaves of the transactions alone, written with lxml's incremental writer."""
    out = io.BytesIO()
    with etree.xmlfile(out, encoding="UTF-8") as xml, xml.element("Document"):
        for line in made.transactions:
            with xml.element("CdtTrfTxInf"):
                for path, value in _cells(line):
                    with xml.element(path):
                        xml.write(value)
    return out.getvalue()


def _cells(line: Transaction) -> Iterator[tuple[str, str]]:
    party = line.counterparty
    yield "EndToEndId", line.end_to_end_id
    yield "InstdAmt", str(line.amount.amount)
    yield "BICFI", party.bic
    yield "Nm", party.name
    yield "StrtNm", party.address.street
    yield "TwnNm", party.address.town
    yield "IBAN", party.account
    yield "Ustrd", line.remittance


def run() -> Iterator[Result]:
    """All comparisons of this file."""
    made = order()
    for name, peer, bar in (
        ("lxml xmlfile, leaves only", _with_lxml, "the lower the better"),
        ("sepaxml without its validation", _sepaxml, "≤ 0.125"),
    ):
        if peer is _sepaxml and importlib.util.find_spec("sepaxml") is None:
            print("sepaxml is not installed: pip install sepaxml to compare with it")
            continue
        yield compare(
            f"pain.001.001.09, {COUNT:,} transactions, written",
            lambda: pain001.write(made),
            name,
            lambda peer=peer: peer(made),  # type: ignore[misc]
            bar,
        )
    for title, reader, data in (
        ("pain.001.001.09", pain001.read, _indented(pain001.write(made))),
        ("pain.008.001.08", pain008.read, _indented(pain008.write(collection()))),
    ):
        yield compare(
            f"{title}, {COUNT:,} transactions, {len(data) / 1e6:.0f} MB, to orders",
            lambda reader=reader, data=data: reader(data, "bench"),  # type: ignore[misc]
            "bare expat scan",
            lambda data=data: _scan(data),  # type: ignore[misc]
            "≤ 3",
        )
    calendar = BusinessCalendar("TARGET")
    yield compare(
        f"rules of {COUNT:,} transactions",
        lambda: check(made, today=made.execution_date, calendar=calendar),
        "writing them",
        lambda: pain001.write(made),
        "the lower the better",
    )
