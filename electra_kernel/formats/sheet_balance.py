"""The proof of a sheet by its column of balances: every balance is the one before plus the row's amount.

The rule. Rows may run forward or backward in time, and the balance may be that after the row or that before it. The
way that fits the most rows is taken; where it fits all, opening and closing balance follow. Where none does, but each
balance is another row's balance and amount, the rows are merely out of order. Otherwise each row that does not follow
is a problem, or, where hardly any does, the column is no running balance and one warning says so.

Amounts are whole numbers of the ledger's smallest step (``sheet_columns.STEPS``): 18 digits, so that the sum of two of
them still is one of 64 bits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from electra_kernel.formats.base import Problems
from electra_kernel.formats.sheet_columns import STEPS
from electra_kernel.statements.columns import AMOUNT
from electra_kernel.statements.model import Balance

_REPAIR = "A row is missing, doubled or changed: ask for the export again."
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Moves:
    """The booked rows of one account, in the order of the sheet, as arrays.

    Attributes:
        positions: their lines.
        amounts, balances: in the ledger's smallest steps (int64).
        balanced: where a balance stands beside the row.
        first, last: the first and last of their days.
        backward: whether the days run backward.
    """

    positions: Any
    amounts: Any
    balances: Any
    balanced: Any
    first: date
    last: date
    backward: bool


def amount_of(steps: int) -> Decimal:
    """Steps as an amount, of two decimals where it has no more."""
    amount = Decimal(int(steps)).scaleb(-AMOUNT.scale)
    return amount.quantize(_CENT) if int(steps) % (STEPS // 100) == 0 else amount


@dataclass(frozen=True, slots=True)
class _Chain:
    """Rows in one direction, with the balances before and after each, if the balance stands for what the way says."""

    rows: Any
    before: Any
    after: Any

    def breaks(self) -> Any:
        """The places in ``rows`` that do not begin with what the one before ended with."""
        return np.flatnonzero(self.after[:-1] != self.before[1:]) + 1

    def ends(self) -> tuple[int, int] | None:
        """First and last balance where all rows make one chain in some order."""
        before, after = Counter(self.before.tolist()), Counter(self.after.tolist())
        first, last = list((before - after).elements()), list((after - before).elements())
        return (first[0], last[0]) if len(first) == len(last) == 1 else None


def proved_balances(moves: Moves, currency: str, problems: Problems) -> tuple[Balance, ...]:
    """Opening and closing balance by the running balances, none where there are none or they prove nothing."""
    count, known = len(moves.amounts), int(np.count_nonzero(moves.balanced))
    if not known:
        return ()
    start = int(moves.positions[np.argmax(moves.balanced)])
    if known < count:
        said = f"{count - known} of {count} rows have no balance beside them; the rows are not proved by them."
        problems.warn(start, "balance", "running-balance", said, "Ask for the export again.")
        return ()
    directions = (False, True) if moves.backward else (True, False)
    ways = [_chain(moves, forward=forward, after=after) for after in (True, False) for forward in directions]
    best = min(ways, key=lambda way: len(way.breaks()))
    breaks = best.breaks()
    if len(breaks) and (ends := ways[0].ends()) is not None:
        said = "The rows are not in the order of their balances, which prove each other nevertheless."
        problems.warn(start, "balance", "row-order", said, "None: no row is missing.")
        return _pair(moves, *ends, currency)
    if len(breaks) * 2 > max(count - 1, 1):
        said = "The column of balances does not run with the rows; it proves nothing."
        problems.warn(start, "balance", "running-balance", said, "Ask the bank what it holds.")
        return ()
    for place in breaks:
        begins, ended = amount_of(best.before[place]), amount_of(best.after[place - 1])
        said = f"The row begins with a balance of {begins:f}, but the row before it ends with {ended:f}."
        problems.error(int(best.rows[place]), "balance", "running-balance", said, _REPAIR)
    return _pair(moves, int(best.before[0]), int(best.after[-1]), currency)


def _chain(moves: Moves, *, forward: bool, after: bool) -> _Chain:
    step = 1 if forward else -1
    amounts, balances, rows = moves.amounts[::step], moves.balances[::step], moves.positions[::step]
    return _Chain(rows, balances - amounts, balances) if after else _Chain(rows, balances, balances + amounts)


def _pair(moves: Moves, first: int, last: int, currency: str) -> tuple[Balance, ...]:
    opening = Balance(kind="OPBD", amount=amount_of(first), currency=currency, date=moves.first)
    return opening, Balance(kind="CLBD", amount=amount_of(last), currency=currency, date=moves.last)
