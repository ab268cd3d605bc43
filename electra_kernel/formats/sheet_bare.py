"""Statement sheets without a row of names: their columns told by what stands in all of their cells, or not read at all.

The rule. Rows have as many cells (all but a few, which are told). A column of days, one of money with a sign (or marks beside it), or one of money
whose balances prove the rows; two columns of money that exclude each other are debits and credits as far as a third one
of balances proves which. Where the cells leave a choice the sheet is refused. What is left over is text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from electra_kernel.formats.grids import Cell, Row, plain
from electra_kernel.formats.sheet_rows import text_of
from electra_kernel.formats.sheet_values import Amount, amounts_of, dates_of
from electra_kernel.formats.sheet_words import CREDITS, DEBITS
from electra_kernel.vocabulary.money import is_currency

#: Fewer rows prove nothing; more columns are no statement's.
_FEWEST, _WIDEST = 2, 40
#: The share of rows that must have as many cells; the others are told as the rows they are.
_ALIKE = 0.95
#: What a cell of money looks like: decimals of two digits, or a sign.
_MONEY = re.compile(r"[0-9][.,][0-9]{2}(?:\D|$)|^\s*[+-]")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[0-9A-Z ]{11,40}")
_NUMBER = re.compile(r"[0-9]{6,34}")
#: Names of the columns, as the reader of sheets knows them.
_TEXT, _NAMES = "Text", ("Booking date", "Value date", "Date")
_Money = Mapping[int, Sequence[Amount | None]]


def named(rows: Sequence[Row]) -> list[Row] | None:
    """The rows with a row of names above them, ``None`` where their cells do not tell what they are."""
    every = [row for row in rows if any(text_of(cell) for cell in row[1])]
    width = Counter(len(cells) for _, cells in every).most_common(1)[0][0] if every else 0
    filled = [row for row in every if len(row[1]) == width]
    if len(filled) < max(_FEWEST, _ALIKE * len(every)) or not 3 <= width <= _WIDEST:
        return None
    columns = [[text_of(cells[place]) for _, cells in filled] for place in range(width)]
    days = [place for place, cells in enumerate(columns) if _are_days(cells, [row[1][place] for row in filled])]
    names = {place: _plain_kind(cells) for place, cells in enumerate(columns) if place not in days}
    money = _money(columns, [place for place, name in names.items() if name == _TEXT])
    found = _amounts(money, any(name == "D/C" for name in names.values()))
    if not days or found is None:
        return None
    names |= found | dict(zip(days, _NAMES, strict=False))
    return [(0, [names.get(place, "") for place in range(width)]), *every]


def _are_days(cells: Sequence[str], raw: Sequence[Cell]) -> bool:
    dates = dates_of([raw], months_first=True)
    return all(cells) and all(dates.day(cell) is not None for cell in raw)


def _plain_kind(cells: Sequence[str]) -> str:
    """The name of a column that is neither days nor money."""
    filled = [cell for cell in cells if cell]
    if not filled:
        return ""
    if all(is_currency(cell) for cell in filled):
        return "Currency"
    if all(plain(cell) in DEBITS | CREDITS for cell in filled) and len(filled) == len(cells):
        return "D/C"
    same = len(set(filled)) == 1 and len(filled) == len(cells)
    if all(_IBAN.fullmatch(cell) for cell in filled):
        return "Own account" if same else "Counterparty account"
    return "Own account" if same and _NUMBER.fullmatch(filled[0]) else _TEXT


def _money(columns: Sequence[Sequence[str]], places: Sequence[int]) -> _Money:
    """The columns of which every filled cell is an amount, and most look like one."""
    written = amounts_of(Counter(cell for place in places for cell in columns[place] if _MONEY.search(cell)))
    found = {}
    for place in places:
        filled = [cell for cell in columns[place] if cell]
        amounts = [written.amount(cell) if cell else None for cell in columns[place]]
        sure = sum(bool(_MONEY.search(cell)) for cell in filled)
        if 2 * sure >= len(filled) and sum(amount is not None for amount in amounts) == len(filled):
            found[place] = amounts
    return found


def _amounts(money: _Money, marked: bool) -> dict[int, str] | None:
    whole = [place for place, amounts in money.items() if all(amount is not None for amount in amounts)]
    if len(money) == len(whole) == 1:
        place = whole[0]
        signed = any(amount.negative for amount in money[place] if amount is not None)
        return {place: "Amount"} if signed or marked else None
    for balance in whole:
        others = [place for place in money if place != balance]
        if found := _proved(money, others, balance):
            return found
    return None


def _proved(money: _Money, others: Sequence[int], balance: int) -> dict[int, str] | None:
    """The names of columns of money that a column of balances proves."""
    after = [amount.signed if amount else Decimal(0) for amount in money[balance]]
    ways = [("Amount",)] if len(others) == 1 else [("Debit", "Credit"), ("Credit", "Debit")] if len(others) == 2 else []
    for names in ways:
        moves = [
            sum(_signed(money[place][row], name) for place, name in zip(others, names, strict=True))
            for row in range(len(after))
        ]
        if any(moves) and _follow(moves, after):
            return dict(zip(others, names, strict=True)) | {balance: "Balance"}
    return None


def _signed(amount: Amount | None, name: str) -> Decimal:
    if amount is None:
        return Decimal(0)
    return -abs(amount.signed) if name == "Debit" else amount.signed


def _follow(moves: Sequence[Decimal | int], after: Sequence[Decimal]) -> bool:
    """Whether each balance is the one before, or the one below, and the row's amount."""
    forward = all(two == one + move for (one, two), move in zip(pairwise(after), moves[1:], strict=True))
    return forward or all(one == two + move for (one, two), move in zip(pairwise(after), moves[:-1], strict=True))
