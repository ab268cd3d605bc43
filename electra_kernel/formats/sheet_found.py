"""What was found in a sheet, as arrays, however it was read: ordinary rows as columns, the others one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats.sheet_columns import STEPS, Ordinary
from electra_kernel.formats.sheet_rows import Booked
from electra_kernel.statements.columns import ENTRIES
from electra_kernel.statements.model import Statement
from electra_kernel.statements.tables import entries_of


@dataclass(frozen=True, slots=True)
class Found:
    """The entries of a sheet in the order of its rows; the arrays have one value for each.

    Attributes:
        entries: columns ``ENTRIES`` without ids and source; empty where they are wanted as objects.
        owners: the place of each among the objects it was made of.
        accounts, currencies: whose and of what they are.
        amounts, balances: in the ledger's smallest steps (int64).
        balanced: where a balance stands beside the row.
        booked: where it is booked and not pending.
        directed: where something beside its sign told an amount's direction.
        days: the day of each (date32).
        told: rows that tell a balance and are no entry.
    """

    entries: pa.Table
    owners: Any
    accounts: Sequence[str]
    currencies: Sequence[str]
    positions: Any
    amounts: Any
    balances: Any
    balanced: Any
    booked: Any
    directed: Any
    days: pa.Array
    told: Sequence[Booked]

    def keys(self) -> dict[tuple[str, str], Any]:
        """The places of the entries of each account and currency, in the order in which these come first."""
        known: dict[tuple[str, str], int] = {}
        pairs = zip(self.accounts, self.currencies, strict=True)
        distinct = set(pairs)
        if len(distinct) == 1:
            places = {distinct.pop(): np.arange(len(self.accounts))}
        else:
            pairs = zip(self.accounts, self.currencies, strict=True)
            codes = np.fromiter((known.setdefault(pair, len(known)) for pair in pairs), np.int64, len(self.accounts))
            places = {pair: np.flatnonzero(codes == code) for pair, code in known.items()}
        return places | {
            pair: np.zeros(0, np.int64) for each in self.told if (pair := (each.account, each.currency)) not in places
        }


def found_of(rows: Sequence[Booked]) -> Found:
    """Rows that were read one by one."""
    owners = [owner for owner, row in enumerate(rows) if row.entry is not None]
    entries = [entry for row in rows if (entry := row.entry) is not None]
    count = len(owners)

    def array(values: Any, kind: Any) -> Any:
        return np.fromiter(values, kind, count)

    return Found(
        entries=ENTRIES.empty_table(),
        owners=array(owners, np.int64),
        accounts=[rows[owner].account for owner in owners],
        currencies=[rows[owner].currency for owner in owners],
        positions=array((rows[owner].position for owner in owners), np.int64),
        amounts=array((int(entry.amount * STEPS) for entry in entries), np.int64),
        balances=array((int((rows[owner].balance or 0) * STEPS) for owner in owners), np.int64),
        balanced=array((rows[owner].balance is not None for owner in owners), np.bool_),
        booked=array((entry.status == "BOOK" for entry in entries), np.bool_),
        directed=array((rows[owner].directed for owner in owners), np.bool_),
        days=pa.array([rows[owner].day for owner in owners], pa.date32()),
        told=[row for row in rows if row.kind],
    )


def joined(ordinary: Ordinary, rows: Sequence[Booked]) -> Found:
    """Ordinary rows and those that were read one by one, in the order of the sheet."""
    entries, others = ordinary.entries, found_of(rows)
    single = [(_owner(row), entry) for row in rows if (entry := row.entry) is not None]
    order = slice(None)
    if single:
        entries = pa.concat_tables([entries, entries_of(single, "")])
        order = np.argsort(entries["position"].to_numpy(), kind="stable")  # type: ignore[assignment]
        entries = entries.take(pa.array(order))
    days = entries["booking_date"].combine_chunks()
    return Found(
        entries=entries,
        owners=np.arange(len(entries)),
        accounts=entries["account"].fill_null("").to_pylist(),
        currencies=entries["currency"].fill_null("").to_pylist(),
        positions=entries["position"].to_numpy(),
        amounts=np.concatenate((ordinary.amounts, others.amounts))[order],
        balances=np.concatenate((ordinary.balances, others.balances))[order],
        balanced=np.concatenate((ordinary.balanced, others.balanced))[order],
        booked=pc.equal(entries["status"], "BOOK").to_numpy(),
        directed=np.concatenate((ordinary.directed, others.directed))[order],
        days=days.chunk(0) if isinstance(days, pa.ChunkedArray) else days,
        told=others.told,
    )


def _owner(row: Booked) -> Statement:
    return Statement(identification="", account=row.account, currency=row.currency, balances=(), entries=())
