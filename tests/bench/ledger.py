"""How fast the ledger is: net by account and month, beside a bare pyarrow group_by over the same rows in memory.

``python -m tests.bench.ledger 10000000`` measures ten million entries; without a number, one million.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.statements.columns import AMOUNT, BALANCES, DETAILS, ENTRIES, PROBLEMS, StatementTables
from electra_kernel.store import Store
from electra_kernel.vocabulary.dates import system_clock
from tests.bench.measure import Result, compare

ROWS = 1_000_000
_ACCOUNTS, _DAYS, _STEP = 40, 3 * 365, 1_000_000
_CENT = pa.scalar(Decimal("0.01"))


def run(rows: int = ROWS) -> Iterator[Result]:
    """All comparisons of this file."""
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "bench", system_clock) as store:
        parts = [_entries(start, min(_STEP, rows - start), rows) for start in range(0, rows, _STEP)]
        for part in parts:
            store.ledger.append(_tables(part))
        everything = pa.concat_tables(parts)
        if _figures(_net(store)) != _figures(_bare(everything)):
            raise AssertionError("the ledger's figures are not those of the bare group_by")
        beside = "pyarrow group_by in memory"
        yield compare(
            f"ledger, {rows:,} entries, net by account and month",
            lambda: _net(store),
            beside,
            lambda: _bare(everything),
            "≤ 1 s at 10,000,000",
        )
        known = _tables(parts[0].slice(0, 1000))
        yield compare(
            f"ledger, {rows:,} entries, 1,000 known ones again",
            lambda: store.ledger.append(known),
            beside,
            lambda: _bare(everything),
            "the lower the better",
        )


def _net(store: Store) -> pa.Table:
    entries = store.ledger.entries()
    month = entries.booking_date.truncate("M").name("month")
    table: pa.Table = entries.group_by(entries.account, month).agg(net=entries.amount.sum()).to_pyarrow()
    return table


def _bare(entries: pa.Table) -> pa.Table:
    month = pc.cast(pc.floor_temporal(entries.column("booking_date"), unit="month"), pa.date32())
    table = pa.table({"account": entries.column("account"), "month": month, "net": entries.column("amount")})
    return table.group_by(["account", "month"]).aggregate([("net", "sum")]).rename_columns(["account", "month", "net"])


def _figures(table: pa.Table) -> list[tuple[object, ...]]:
    return sorted((row["account"], row["month"], row["net"]) for row in table.to_pylist())


def _entries(start: int, count: int, total: int) -> pa.Table:
    """Entries in the order of their booking dates, as a life with banks brings them; the same each time."""
    numbers = np.arange(start, start + count)
    chance = np.random.default_rng(start)
    cents = chance.integers(-10_000_000, 10_000_000, count)
    days = pa.array((19_000 + numbers * _DAYS // total).astype("int32")).cast(pa.date32())
    accounts = pa.array([f"HU42117730161111101800{number:06d}" for number in range(_ACCOUNTS)])
    ids = pa.array([f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}{number:048x}" for number in numbers.tolist()])
    text = pc.binary_join_element_wise(pa.scalar("invoice"), pc.cast(pa.array(cents), pa.string()), " ")
    given = {
        "entry_id": ids,
        "account": accounts.take(pa.array(chance.integers(0, _ACCOUNTS, count))),
        "currency": pa.array(["HUF"] * count),
        "booking_date": days,
        "value_date": days,
        "status": pa.array(["BOOK"] * count),
        "amount": pc.cast(pc.multiply(pc.cast(pa.array(cents), pa.decimal128(19, 0)), _CENT), AMOUNT),
        "remittance": text,
        "counterparty_name": text,
        "source": pa.array([f"{start:064x}"] * count),
        "position": pa.array(numbers),
    }
    columns = [
        given[field.name].cast(field.type) if field.name in given else pa.nulls(count, field.type) for field in ENTRIES
    ]
    return pa.table(columns, schema=ENTRIES)


def _tables(entries: pa.Table) -> StatementTables:
    return StatementTables(entries, DETAILS.empty_table(), BALANCES.empty_table(), PROBLEMS.empty_table())


if __name__ == "__main__":
    for result in run(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS):
        print(result)
