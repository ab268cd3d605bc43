"""What a conversion did not carry over, told by reading back what was written: column by column, row by row.

The rule. The original and the file that was written are put into the same columns (statements into the ledger's,
orders into their fields). Rows are matched by their amounts, in order. Where a matched row has nothing, or something
else, in a column that the original fills, the column and the number of such rows are told. Nothing is known of any
format here, so nothing can be forgotten.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

import pyarrow as pa

from electra_kernel.formats.base import Reading
from electra_kernel.orders.model import NOT_PROVIDED
from electra_kernel.statements.model import Statement
from electra_kernel.statements.tables import tables_of

_Row: TypeAlias = Mapping[str, Any]
#: Columns that say where a row came from and not what it says.
_OWN = frozenset(("entry_id", "source", "position"))
_NOTHING = (None, "", (), NOT_PROVIDED)


def not_carried(before: Reading, after: Reading) -> tuple[str, ...]:
    """One sentence for each column that the written file lacks or says otherwise.

    Args:
        before: what was to be written.
        after: what the target's reader finds in the written file.
    """
    if before.statements:
        return (*_statements(before.statements, after.statements),)
    return tuple(_compared(_payments(before), _payments(after), "payments"))


# -------------------------------------------------------------------------------------------------- statements
def _statements(before: Sequence[Statement], after: Sequence[Statement]) -> Iterable[str]:
    one, two = tables_of(before, "-"), tables_of(after, "-")
    first, second = _rows(one.entries), _rows(two.entries)
    yield from _compared(first, second, "entries")
    yield from _compared(_with_account(one.details, first), _with_account(two.details, second), "payments of batches")
    lost = Counter(map(_key, _rows(one.balances))) - Counter(map(_key, _rows(two.balances)))
    if lost:
        kinds = ", ".join(sorted({dict(key)["kind"] for key in lost}))
        yield f"{lost.total()} of {one.balances.num_rows} balances ({kinds})"


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    return list(table.to_pylist())


def _with_account(details: pa.Table, entries: Sequence[_Row]) -> list[dict[str, Any]]:
    """Details with the account of their entries, by which they are matched."""
    accounts = {row["entry_id"]: row["account"] for row in entries}
    return [{**row, "account": accounts.get(row["entry_id"])} for row in _rows(details)]


def _key(row: _Row) -> tuple[tuple[str, Any], ...]:
    return tuple(row.items())


# ------------------------------------------------------------------------------------------------------ orders
def _payments(reading: Reading) -> list[_Row]:
    rows: list[_Row] = []
    for order in reading.orders:
        whole = {f"order_{name}": value for name, value in _flat(order, leave=("transactions", "history")).items()}
        rows += [whole | _flat(item) for item in order.transactions]
    return rows + [_flat(item) for item in reading.transactions]


def _flat(value: Any, prefix: str = "", leave: Sequence[str] = ()) -> dict[str, Any]:
    """The fields of an object and of the objects in it, as columns."""
    found: dict[str, Any] = {}
    for field in fields(value):
        if field.name in leave or field.name.startswith("_"):
            continue
        inner, name = getattr(value, field.name), f"{prefix}{field.name}"
        if is_dataclass(inner):
            found.update(_flat(inner, f"{name}_"))
        else:
            found[name] = inner
    return found


# ------------------------------------------------------------------------------------------------- comparison
def _compared(before: Sequence[_Row], after: Sequence[_Row], noun: str) -> Iterable[str]:
    pairs, missing = _matched(before, after)
    if missing:
        yield f"{missing} of {len(before)} {noun} as a whole"
    if len(after) > len(before) - missing:
        yield f"(the file has {len(after) - len(before) + missing} {noun} more than the original)"
    lost, changed = Counter[str](), Counter[str]()
    for one, two in pairs:
        for name, value in one.items():
            if name in _OWN or value in _NOTHING or (other := two.get(name)) == value:
                continue
            (lost if other in _NOTHING else changed)[name] += 1
    yield from (f"{name} in {count} {noun}" for name, count in lost.items())
    yield from (f"{name} as it was in {count} {noun}" for name, count in changed.items())


def _matched(before: Sequence[_Row], after: Sequence[_Row]) -> tuple[list[tuple[_Row, _Row]], int]:
    """Pairs of the same amount, of the same account first, and how many rows have no partner."""
    waiting = defaultdict[Any, deque[int]](deque)
    for number, row in enumerate(after):
        waiting[_amount(row), row.get("account")].append(number)
        waiting[_amount(row)].append(number)
    taken, pairs, missing = set[int](), [], 0
    for row in before:
        keys = ((_amount(row), row.get("account")), _amount(row))
        partner = next((found for key in keys if (found := _free(waiting[key], taken)) is not None), None)
        if partner is None:
            missing += 1
        else:
            taken.add(partner)
            pairs.append((row, after[partner]))
    return pairs, missing


def _free(waiting: deque[int], taken: set[int]) -> int | None:
    while waiting:
        if (number := waiting.popleft()) not in taken:
            return number
    return None


def _amount(row: _Row) -> Any:
    return row.get("amount", row.get("amount_amount"))
