"""What a conversion did not carry over, told by reading back what was written: column by column, row by row.

The rule. The original and the file that was written are put into the same columns (statements into the ledger's,
orders into their fields). Rows are matched by their amounts, in order. Where a matched row has nothing, or something
else, in a column that the original fills, the column and the number of such rows are told: of statements by the ledger's
names, of payments in words. Nothing is known of any format here, so nothing can be forgotten.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

import pyarrow as pa

from electra_kernel.formats.base import Reading
from electra_kernel.orders.model import NOT_PROVIDED
from electra_kernel.statements import model
from electra_kernel.statements.billing import BilledAmount, BilledService, BillingStatement
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
    if before.billing:
        return (*_bills(before.billing, after.billing),)
    return (*_told_of_payments(_payments(before), _payments(after)),)


# -------------------------------------------------------------------------------------------------- statements
def _statements(before: Sequence[Statement], after: Sequence[Statement]) -> Iterable[str]:
    one, two = tables_of(before, "-"), tables_of(after, "-")
    first, second = _rows(one.entries), _rows(two.entries)
    yield from _compared(first, second, "entries")
    yield from _compared(_with_account(one.details, first), _with_account(two.details, second), "payments of batches")
    # That a statement is called otherwise is told of its entries; of its balances it would seem that they are gone.
    kept, found = ([row | {"statement": ""} if first else row for row in _rows(table.balances)] for table in (one, two))
    lost = Counter(map(_key, kept)) - Counter(map(_key, found))
    if lost:
        kinds = ", ".join(sorted({dict(key)["kind"] for key in lost}))
        yield f"{lost.total()} of {one.balances.num_rows} balances ({kinds})"
    beside = sum(not _says(now, then) for then, now in zip_longest(before, after) if then is not None)
    if beside:
        yield f"what stands beside entries and balances in {_of(beside, len(before), 'statements')}"


def _says(now: Statement | None, then: Statement) -> bool:
    """Whether a statement has the other's additional information and what it says that has no field, wherever it stands."""
    words = model.in_words(now.additional_information, now.others) if now is not None else ""
    wanted = [then.additional_information, *(model.in_words("", (pair,)) for pair in then.others)]
    return all(each in words for each in wanted)


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    return list(table.to_pylist())


def _with_account(details: pa.Table, entries: Sequence[_Row]) -> list[dict[str, Any]]:
    """Details with the account of their entries, by which they are matched."""
    accounts = {row["entry_id"]: row["account"] for row in entries}
    return [{**row, "account": accounts.get(row["entry_id"])} for row in _rows(details)]


def _key(row: _Row) -> tuple[tuple[str, Any], ...]:
    return tuple(row.items())


def _bills(before: Sequence[BillingStatement], after: Sequence[BillingStatement]) -> Iterable[str]:
    for noun in ("services", "amounts"):
        one, two = ([_charged(item) for bill in bills for item in getattr(bill, noun)] for bills in (before, after))
        yield from _compared(one, two, f"{noun} of bills")
    one, two = ([_flat(bill, leave=("services", "amounts")) for bill in bills] for bills in (before, after))
    yield from _compared(one, two, "bills")


def _charged(item: BilledService | BilledAmount) -> dict[str, Any]:
    """A service or an amount of a bill by its fields, with the amount by which it is matched."""
    return {"amount": item.charge if isinstance(item, BilledService) else item.amount, **_flat(item)}


# ------------------------------------------------------------------------------------------------------ orders
#: Whose a field is, by what its name begins with; the first that fits counts.
_OWNERS = {
    "order_debtor_": "the debtor's ",
    "order_creditor_id": "the creditor's scheme id",
    "order_creditor_": "the creditor's ",
    "order_": "the order's ",
    "counterparty_": "the partner's ",
    "mandate_amendment_": "the mandate's earlier ",
    "mandate_": "the mandate's ",
    "": "the ",
}
#: Fields whose names are no plain words.
_PLAIN = {
    "account": "account",
    "address_building": "house number",
    "address_lines": "address lines",
    "amendment": "amendment",
    "amount_amount": "amount",
    "amount_currency": "currency",
    "batch_booking": "wish for one booking",
    "bic": "bank (BIC)",
    "created": "creation time",
    "creditor_id": "creditor's scheme id",
    "debtor_bic": "debtor's bank",
    "end_to_end_id": "end-to-end id",
    "identification": "id",
    "initiator": "initiator",
    "paid_in": "currency in which it is paid",
    "payment_id": "payment block id",
    "purpose": "purpose code",
    "remittance": "text to the partner",
    "sequence": "sequence (first, recurrent, last)",
    "signed": "day of signing",
    "structured_reference": "structured reference",
}


def in_words(name: str) -> str:
    """A payment's or an order's field in words: ``counterparty_address_town`` is the partner's town."""
    start = next(start for start in _OWNERS if name.startswith(start))
    field = name.removeprefix(start)
    if not field:
        return _OWNERS[start]
    return _OWNERS[start] + _PLAIN.get(field, field.removeprefix("address_").replace("_", " "))


def _payments(reading: Reading) -> list[_Row]:
    rows: list[_Row] = []
    for number, order in enumerate(reading.orders):
        whole = {f"order_{name}": value for name, value in _flat(order, leave=("transactions", "history")).items()}
        rows += [whole | _flat(item) | {_ORDER: number} for item in order.transactions]
    return rows + [_flat(item) for item in reading.transactions]


#: The number of a row's order within its file.
_ORDER = "order"


def _told_of_payments(before: Sequence[_Row], after: Sequence[_Row]) -> Iterable[str]:
    """The fields of payments, counted in payments, and those of orders, counted in orders."""
    pairs, missing = _matched(before, after)
    yield from _told_of_rows(before, after, missing, "payments")
    of_payments = [({name: row[name] for name in row if not name.startswith("order")}, other) for row, other in pairs]
    firsts = {row[_ORDER]: (row, other) for row, other in reversed(pairs) if _ORDER in row}
    of_orders = [
        ({name: row[name] for name in row if name.startswith("order_")}, other) for row, other in firsts.values()
    ]
    for found, noun in ((of_payments, "payments"), (of_orders[::-1], "orders")):
        count = len(before) if noun == "payments" else len({row[_ORDER] for row in before if _ORDER in row})
        for name, number, is_lost in _differences(found):
            how = "" if is_lost else " as it was"
            yield f"{in_words(name)}{how} ({_of(number, count, noun)})"


def _of(number: int, count: int, noun: str) -> str:
    """``3 of 5 payments``, ``all 5 payments``, ``1 payment``."""
    if count == 1:
        return f"1 {noun.removesuffix('s')}"
    return f"all {count} {noun}" if number == count else f"{number} of {count} {noun}"


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
    yield from _told_of_rows(before, after, missing, noun)
    for name, count, is_lost in _differences(pairs):
        yield f"{name} in {count} {noun}" if is_lost else f"{name} as it was in {count} {noun}"


def _told_of_rows(before: Sequence[_Row], after: Sequence[_Row], missing: int, noun: str) -> Iterable[str]:
    if missing:
        yield f"{missing} of {len(before)} {noun} as a whole"
    if len(after) > len(before) - missing:
        yield f"(the file has {len(after) - len(before) + missing} {noun} more than the original)"


def _differences(pairs: Iterable[tuple[_Row, _Row]]) -> Iterable[tuple[str, int, bool]]:
    """Each column that is lost or changed, in how many rows, and whether it is lost; the lost ones first."""
    lost, changed = Counter[str](), Counter[str]()
    for one, two in pairs:
        for name, value in one.items():
            if name in _OWN or value in _NOTHING or (other := two.get(name)) == value:
                continue
            (lost if other in _NOTHING else changed)[name] += 1
    yield from ((name, count, True) for name, count in lost.items())
    yield from ((name, count, False) for name, count in changed.items())


def _matched(before: Sequence[_Row], after: Sequence[_Row]) -> tuple[list[tuple[_Row, _Row]], int]:
    """Pairs of the same amount, of the same account first, and how many rows have no partner."""
    waiting = defaultdict[Any, deque[int]](deque)
    for number, row in enumerate(after):
        waiting[_amount(row), _account(row)].append(number)
        waiting[_amount(row)].append(number)
    taken, pairs, missing = set[int](), [], 0
    for row in before:
        keys = ((_amount(row), _account(row)), _amount(row))
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


def _account(row: _Row) -> Any:
    return row.get("account", row.get("counterparty_account"))


def _amount(row: _Row) -> Any:
    return row.get("amount", row.get("amount_amount"))
