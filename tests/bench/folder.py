"""A folder of small files (MT940, camt.053, CSV in turn) into a new workbench, against less work of the same kind.

Against what any program must do (read each file, hash it, write it again and wait until it is on the disk); against the
same with one process; and, for its MT940 files alone, against a peer that parses them and keeps nothing. A folder of
five times as many costs five times as much; all of it a second time, where everything is known, costs no more.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from electra_kernel import Workbench
from electra_kernel.formats.conversion import written_statements
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.parties import Party
from electra_kernel.workbench import limits
from tests.bench.measure import Result, compare_with, seconds

#: Another number with ``python -m tests.bench.folder 4000``.
COUNT = 2_000
#: How many times as many files the large folder has.
TIMES = 5


def _statement(number: int) -> Statement:
    day = date(2026, 1, number % 27 + 1)
    detail = EntryDetail(counterparty=Party(name=f"Partner {number}"), remittance=f"Invoice {number}")
    entry = Entry(
        amount=Decimal(number % 9_973 + 1) / 100,
        currency="EUR",
        booking_date=day,
        value_date=day,
        bank_reference=f"B{number}",
        details=(detail,),
    )
    balances = tuple(
        Balance(kind=kind, amount=amount, currency="EUR", date=day)
        for kind, amount in (("OPBD", Decimal(0)), ("CLBD", entry.amount * 2))
    )
    entries = (entry, replace(entry, bank_reference=f"C{number}"))
    account = f"DE{number:020d}"
    return Statement(
        identification=f"S{number}", account=account, currency="EUR", balances=balances, entries=entries, sequence=1
    )


def _csv(number: int) -> bytes:
    head = "Account;Booking date;Amount;Balance;Currency;Counterparty;Text;Transaction ID\n"
    rows = (f"DE{number:020d};2026-01-05;1,50;{total};EUR;Partner;Invoice;B{total}\n" for total in ("1,50", "3,00"))
    return (head + "".join(rows)).encode()


def write_files(folder: Path, count: int) -> None:
    """``count`` files of two entries each, every one of an account of its own."""
    now = datetime(2026, 2, 1, tzinfo=UTC)
    for number in range(count):
        kind = ("mt940", "camt.053", "csv")[number % 3]
        data = _csv(number) if kind == "csv" else written_statements([_statement(number)], kind, now)
        (folder / f"{number}.{kind}").write_bytes(data or b"")


def _floor(files: Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        hashes = set()
        for file in files.iterdir():
            data = file.read_bytes()
            hashes.add(hashlib.sha256(data).hexdigest())
            with (Path(name) / file.name).open("wb") as copy:
                copy.write(data)
                copy.flush()
                os.fsync(copy.fileno())
        return len(hashes)


def _read(files: Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        table = Workbench.open(name).statements.read(files)
        if set(table["outcome"]) != {"read"} or table["new"].sum() != 2 * len(table):
            raise AssertionError(table[table["outcome"] != "read"].to_string())
        return len(table)


def _alone(files: Path) -> int:
    """As ``_read``, with one process."""
    before = limits.LIMITS
    limits.LIMITS = replace(before, reader_files=sys.maxsize, reader_bytes=sys.maxsize)
    try:
        return _read(files)
    finally:
        limits.LIMITS = before


def _parsed(files: Path) -> int:
    """The MT940 files alone, by a peer."""
    peer = import_module("mt940")
    count = sum(len(list(peer.parse(file.read_text()))) for file in files.glob("*.mt940"))
    if count != 2 * len(list(files.glob("*.mt940"))):
        raise AssertionError(f"the peer finds {count} entries")
    return count


def run(count: int = COUNT) -> Iterator[Result]:
    """The workbench against each of them, over the same files."""
    others: dict[str, tuple[Callable[[], object], str]] = {}
    with tempfile.TemporaryDirectory() as name:
        files = Path(name)
        write_files(files, count)
        others["reading, hashing and keeping them"] = lambda: _floor(files), "none"
        others["one process"] = lambda: _alone(files), "≤ 0.8 where two cores are free"
        if find_spec("mt940"):
            others["mt-940 parsing a third of them"] = lambda: _parsed(files), "none"
        yield from compare_with(f"folder of {count:,} small files, into the ledger", lambda: _read(files), others)
    yield from _linear(count)


def _linear(count: int) -> Iterator[Result]:
    """A small folder, a large one, and the large one again, one after the other in one ledger each."""
    with (
        tempfile.TemporaryDirectory() as few,
        tempfile.TemporaryDirectory() as many,
        tempfile.TemporaryDirectory() as at,
    ):
        write_files(Path(few), count)
        write_files(Path(many), TIMES * count)
        small = seconds(lambda: _read(Path(few)))
        workbench = Workbench.open(at)
        large, again = (seconds(lambda: workbench.statements.read(many)) for _ in range(2))
    name = f"folder of {TIMES * count:,} small files"
    rate = f"{name}, {TIMES * count / large:,.0f} files/s"
    yield Result(rate, large, f"{TIMES} folders of {count:,}", TIMES * small, "≤ 1.1")
    yield Result(f"{name}, a second time", again, "the first time", large, "≤ 1")


if __name__ == "__main__":
    for result in run(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT):
        print(result)
