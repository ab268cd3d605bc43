"""Statements and notifications at 100,000: reading against a bare scan, memory of large files."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.parsers import expat

from lxml import etree

from electra_kernel.formats import camt053, camt054
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.parties import Address, Party
from electra_kernel.workbench.large import pieces
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


def statement(count: int = COUNT, module: Any = camt053, version: str = "camt.053.001.02") -> bytes:
    """A message of ``count`` entries, each with one payment and its details, laid out as banks do: indented."""
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
        identification="S1",
        account=ACCOUNT,
        currency="EUR",
        balances=() if module is camt054 else balances,
        entries=tuple(entries),
        sequence=1,
    )
    data = module.write([made], message_id="M1", created=_CREATED, version=version)
    root = etree.fromstring(data)
    etree.indent(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _scan(data: bytes) -> None:
    expat.ParserCreate().Parse(data, True)


@dataclass(frozen=True, slots=True)
class Peak:
    """One row: how much memory reading a file in parts took, beyond what the process had before."""

    name: str
    megabytes: float
    size: float

    def __str__(self) -> str:
        return f"{self.name:<52} {self.megabytes:8.0f} MB beyond the start, for {self.size:.0f} MB; bar: the same for any size"


def _memory(data: bytes) -> Iterator[Peak]:
    """Peaks of the file and of one five times as large, each read in a process of its own."""
    first, last = data.index(b"<Ntry>"), data.rindex(b"</Ntry>") + len(b"</Ntry>")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.xml"
        for times in (1, 5):
            with file.open("wb") as out:
                out.write(data[:first])
                for _ in range(times):
                    out.write(data[first:last])
                out.write(data[last:])
            told = subprocess.run(
                [sys.executable, "-m", "tests.bench.camt053", str(file)], capture_output=True, text=True, check=True
            )
            size = file.stat().st_size / 1e6
            yield Peak(f"camt.053 in parts, {COUNT * times:,} entries, {size:.0f} MB, peak", float(told.stdout), size)


def _peak(file: Path) -> float:
    """Megabytes that reading a file in parts took at most, beyond the start."""
    small = statement(100)
    for _ in camt053.read_batches([small], "warm"):
        pass
    before = _most()
    for _ in camt053.read_batches(pieces(file), "bench"):
        pass
    return _most() - before


def _most() -> float:
    """The most memory this process ever had, in megabytes. (What ``getrusage`` says is the starting process's too.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def run() -> Iterator[Result | Peak]:
    """All comparisons of this file."""
    data = statement()
    name = f"camt.053.001.02, {COUNT:,} entries, {len(data) / 1e6:.0f} MB, to columns"
    yield compare(name, lambda: camt053.read_tables(data, "bench"), "bare expat scan", lambda: _scan(data), "≤ 1.5")
    notified = statement(COUNT, camt054, "camt.054.001.08")
    name = f"camt.054.001.08, {COUNT:,} entries with details, {len(notified) / 1e6:.0f} MB, to columns"
    yield compare(
        name, lambda: camt054.read_tables(notified, "bench"), "bare expat scan", lambda: _scan(notified), "≤ 1.5"
    )
    yield from _memory(data)


if __name__ == "__main__":
    print(_peak(Path(sys.argv[1])))
