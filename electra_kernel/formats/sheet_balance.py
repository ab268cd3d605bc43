"""The proof of a sheet by its column of balances: every balance is the one before plus the row's amount.

The rule. Rows may run forward or backward in time, and the balance may be that after the row or that before it. The
way that fits the most rows is taken; where it fits all, opening and closing balance follow. Where none does, but each
balance is another row's balance and amount, the rows are merely out of order. Otherwise each row that does not follow
is a problem, or, where hardly any does, the column is no running balance and one warning says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from electra_kernel.formats.base import Problems
from electra_kernel.formats.sheet_rows import Booked
from electra_kernel.statements.model import Balance

_REPAIR = "A row is missing, doubled or changed: ask for the export again."


@dataclass(frozen=True, slots=True)
class _Step:
    """A row with its balance before and after, if the balance stands for what the way says."""

    row: Booked
    before: Decimal
    after: Decimal


def proved_balances(group: Sequence[Booked], currency: str, problems: Problems) -> tuple[Balance, ...]:
    """Opening and closing balance by the running balances, none where there are none or they prove nothing."""
    rows = [
        each for each in group if each.entry is not None and each.balance is not None and each.entry.status == "BOOK"
    ]
    bookings = sum(each.entry is not None and each.entry.status == "BOOK" for each in group)
    if not rows:
        return ()
    if len(rows) < bookings:
        said = (
            f"{bookings - len(rows)} of {bookings} rows have no balance beside them; the rows are not proved by them."
        )
        problems.warn(rows[0].position, "balance", "running-balance", said, "Ask for the export again.")
        return ()
    ways = [_steps(rows, forward=forward, after=after) for after in (True, False) for forward in _directions(rows)]
    breaks = [_breaks(steps) for steps in ways]
    best = min(range(len(ways)), key=lambda way: len(breaks[way]))
    steps = ways[best]
    if breaks[best] and (ends := _chain(ways[0])) is not None:
        said = "The rows are not in the order of their balances, which prove each other nevertheless."
        problems.warn(rows[0].position, "balance", "row-order", said, "None: no row is missing.")
        return _pair(rows, *ends, currency)
    if len(breaks[best]) * 2 > max(len(rows) - 1, 1):
        said = "The column of balances does not run with the rows; it proves nothing."
        problems.warn(rows[0].position, "balance", "running-balance", said, "Ask the bank what it holds.")
        return ()
    for before, step in breaks[best]:
        said = f"The row begins with a balance of {step.before:f}, but the row before it ends with {before.after:f}."
        problems.error(step.row.position, "balance", "running-balance", said, _REPAIR)
    return _pair(rows, steps[0].before, steps[-1].after, currency)


def _directions(rows: Sequence[Booked]) -> tuple[bool, bool]:
    """Forward first, unless the dates run backward."""
    days = [row.day for row in rows if row.day is not None]
    return (False, True) if days and days[0] > days[-1] else (True, False)


def _steps(rows: Sequence[Booked], *, forward: bool, after: bool) -> list[_Step]:
    steps = []
    for row in rows if forward else reversed(rows):
        if row.entry is not None and row.balance is not None:
            change = row.entry.amount
            steps.append(
                _Step(row, row.balance - change, row.balance)
                if after
                else _Step(row, row.balance, row.balance + change)
            )
    return steps


def _breaks(steps: Sequence[_Step]) -> list[tuple[_Step, _Step]]:
    return [(one, two) for one, two in pairwise(steps) if one.after != two.before]


def _chain(steps: Sequence[_Step]) -> tuple[Decimal, Decimal] | None:
    """First and last balance where all rows make one chain in some order."""
    before, after = Counter(step.before for step in steps), Counter(step.after for step in steps)
    first, last = list((before - after).elements()), list((after - before).elements())
    return (first[0], last[0]) if len(first) == len(last) == 1 else None


def _pair(rows: Sequence[Booked], first: Decimal, last: Decimal, currency: str) -> tuple[Balance, ...]:
    days = [row.day for row in rows if row.day is not None]
    opening = Balance(kind="OPBD", amount=first, currency=currency, date=min(days))
    return opening, Balance(kind="CLBD", amount=last, currency=currency, date=max(days))
