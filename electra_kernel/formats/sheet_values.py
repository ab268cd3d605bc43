"""Dates and amounts of a sheet's columns: what one cell means is decided over the whole column, never cell by cell.

The rules.

* Dates: the order (year, month, day) in which most cells of all date columns are dates. Where several orders are
  possible and give other days, the one that leaves the rows in order counts, else days first (months first where the
  separator is ``/`` and the decimal sign a point); a warning says so.
* Days that are all numbers of five digits are what a spreadsheet keeps for a day (since 1900), and a warning says so.
* Amounts: the decimal sign is what the cells of all columns of money prove: the last of two different separators, one
  not followed by exactly three digits, or one behind more than three digits. Where nothing proves it, a cell that
  could mean either is refused. Numbers of a spreadsheet are their 15 digits, which is what it keeps.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from electra_kernel.formats.grids import Cell, plain
from electra_kernel.formats.sheet_words import MONTHS, SYMBOLS
from electra_kernel.vocabulary.money import MAX_FRACTION_DIGITS, MAX_INTEGER_DIGITS, is_currency

_SEPARATED = re.compile(r"([0-9]{1,4})[./: -]{1,2}([0-9]{1,2}|[^\W\d_]{3,12}\.?)[./:, -]{1,2}([0-9]{1,4})\.?")
_EIGHT = re.compile(r"[0-9]{8}")
_MONTH_FIRST = re.compile(r"([^\W\d_]{3,12})\.? ([0-9]{1,2}),? ([0-9]{4})")
#: What may follow a date: a time, or the day as of which it counts.
_TIME = re.compile(r"(?:[T ,]{1,2}[0-9]{1,2}[:.][0-9]{2}| as of ).{0,20}$", re.DOTALL)
#: The orders of year, month and day.
ORDERS = ("ymd", "dmy", "mdy")
#: Years of two digits up to this one are of this century.
_CENTURY = 70
_FIRST_YEAR, _LAST_YEAR = 1900, 2199


# ------------------------------------------------------------------------------------------------------- dates
@dataclass(frozen=True, slots=True)
class Dates:
    """How a sheet writes its dates; ``doubt`` says why it might be otherwise, empty where it cannot."""

    order: str
    doubt: str = ""

    def day(self, cell: Cell) -> date | None:
        """The day of a cell, or ``None`` where it is none."""
        if self.order == SERIAL:
            return _serial_day(cell)
        if isinstance(cell, datetime):
            return cell.date()
        if isinstance(cell, date):
            return cell
        if isinstance(cell, float) and cell.is_integer():
            cell = f"{cell:.0f}"
        return _day(str(cell), self.order) if isinstance(cell, str | int) else None


def dates_of(columns: Iterable[Sequence[Cell]], *, months_first: bool) -> Dates:
    """How these columns of dates are written, by the rule above.

    Args:
        columns: the cells of each column of dates.
        months_first: whether months come first where nothing decides.
    """
    columns = [list(cells) for cells in columns]
    if all(set(map(type, cells)) == {date} for cells in columns):
        return Dates("ymd")
    filled = [cell for cells in columns for cell in cells if cell not in ("", None)]
    if filled and all(_serial_day(cell) is not None for cell in filled):
        said = f"The dates, such as {filled[0]}, were taken for numbers of days since 1900, as spreadsheets keep them."
        return Dates(SERIAL, said)
    texts = [[str(cell) for cell in cells if isinstance(cell, str | int) and cell] for cells in columns]
    every = Counter(text for cells in texts for text in cells)
    found = {order: {text: _day(text, order) for text in every} for order in ORDERS}
    possible = {order: sum(every[text] for text, day in days.items() if day) for order, days in found.items()}
    most = max(possible.values())
    best = [order for order in ORDERS if possible[order] == most]
    if len(best) > 1 and "ymd" in best and found["ymd"] != found[best[-1]]:
        best.remove("ymd")  # years of two digits come first only where nothing else can be meant
    if len(best) == 1 or all(found[order] == found[best[0]] for order in best):
        return Dates(best[0])
    example = next(text for text in every if len({found[order][text] for order in best}) > 1)
    sorted_ones = [order for order in best if all(_in_order([found[order][text] for text in cells]) for cells in texts)]
    if len(sorted_ones) == 1:
        why = "as only so the rows are in order"
        return Dates(sorted_ones[0], _doubt(example, sorted_ones[0], why))
    usual = "mdy" if months_first and "mdy" in best else "dmy" if "dmy" in best else best[0]
    return Dates(usual, _doubt(example, usual, "as is usual where amounts are written so"))


#: Days as a spreadsheet counts them: the number of days since the last but one day of 1899, some decades around now.
SERIAL = "serial"
_ZERO_DAY, _FIRST_SERIAL, _LAST_SERIAL = date(1899, 12, 30), 20_000, 80_000


def _serial_day(cell: Cell) -> date | None:
    if isinstance(cell, str) and re.fullmatch(r"[0-9]{5}(?:[.,]0+)?", cell.strip()):
        cell = int(cell.strip()[:5])
    if isinstance(cell, bool) or not isinstance(cell, int | float) or not _FIRST_SERIAL <= cell < _LAST_SERIAL:
        return None
    return _ZERO_DAY + timedelta(days=int(cell))


def _doubt(example: str, order: str, why: str) -> str:
    first = {"m": "the month", "d": "the day", "y": "the year"}[order[0]]
    return f"The dates, such as {example[:20]}, can be read in several ways; {first} was taken to come first, {why}."


def _in_order(days: Sequence[date | None]) -> bool:
    known = [day for day in days if day is not None]
    return known == sorted(known) or known == sorted(known, reverse=True)


def _day(text: str, order: str) -> date | None:
    bare = _TIME.sub("", text.strip()[:60])
    if order == "mdy" and "." in bare and bare[:1].isdigit():
        return None  # nobody writes months first with points
    if (match := _SEPARATED.fullmatch(bare)) is not None:
        given = dict(zip(order, match.groups(), strict=True))
    elif _EIGHT.fullmatch(bare):
        given = {"ymd": _cut(bare, "ymd", 4), "dmy": _cut(bare, "dmy", 2), "mdy": _cut(bare, "mdy", 2)}[order]
    elif (match := _MONTH_FIRST.fullmatch(bare)) is not None:
        given = dict(zip("mdy", match.groups(), strict=True))
    else:
        return None
    return _date(given)


def _cut(text: str, order: str, first: int) -> dict[str, str]:
    return dict(zip(order, (text[:first], text[first : first + 2], text[first + 2 :]), strict=True))


def _date(given: dict[str, str]) -> date | None:
    year, month, day = given["y"], given["m"], given["d"]
    if not month[:1].isdigit():
        month = str(MONTHS.get(plain(month), 0))
    if not (year.isdigit() and day.isdigit() and len(year) in (2, 4) and len(day) <= 2 and len(month) <= 2):
        return None
    number = int(year) + (0 if len(year) == 4 else 2000 if int(year) < _CENTURY else 1900)
    try:
        return date(number, int(month), int(day)) if _FIRST_YEAR <= number <= _LAST_YEAR else None
    except ValueError:
        return None


# ----------------------------------------------------------------------------------------------------- amounts
_CORE = re.compile(r"[0-9][0-9.,'’ \xa0\u2009\u202f]{0,40}|[.,][0-9]{1,20}")
_SPACES = "'’ \xa0\u2009\u202f"
_MINUSES = "-−–"


@dataclass(frozen=True, slots=True)
class Amount:
    """A cell's number with what stood around it: its sign (``None`` where not written) and its currency, if any."""

    number: Decimal
    negative: bool | None
    currency: str = ""

    @property
    def signed(self) -> Decimal:
        """The number with the sign that is written, positive where none is."""
        return -self.number if self.negative and self.number else self.number


@dataclass(frozen=True, slots=True)
class Amounts:
    """How a sheet writes its amounts: ``point`` is the decimal sign, empty where nothing proves it."""

    point: str

    def amount(self, cell: Cell, decimals: int = MAX_FRACTION_DIGITS) -> Amount | None:
        """The amount of a cell, or ``None`` where it is none, could mean two, or has more digits than the ledger.

        Args:
            cell: text, or a spreadsheet's number.
            decimals: how many of them the ledger holds; ten of a rate.
        """
        if isinstance(cell, bool) or cell is None:
            return None
        if isinstance(cell, int | float):
            return _of_number(cell, decimals)
        parts = _parts(cell) if isinstance(cell, str) else None
        if parts is None:
            return None
        core, negative, currency = parts
        number = _number(core, self.point, decimals)
        return None if number is None else Amount(number, negative, currency)


def amounts_of(cells: Mapping[Cell, int], points: int = 0, commas: int = 0) -> Amounts:
    """How cells of money are written, by the rule above.

    Args:
        cells: how often each cell occurs.
        points: how many further cells prove a decimal point.
        commas: how many further cells prove a decimal comma.
    """
    votes = Counter({".": points, ",": commas})
    for cell, count in cells.items():
        if isinstance(cell, str) and (parts := _parts(cell)) is not None:
            votes[_proved_point(parts[0])] += count
    return Amounts("" if votes["."] == votes[","] else "." if votes["."] > votes[","] else ",")


def _of_number(cell: float, decimals: int) -> Amount | None:
    number = Decimal(f"{cell:.15g}") if isinstance(cell, float) else Decimal(cell)
    if not number.is_finite() or not _fits(number, decimals):
        return None
    return Amount(abs(number), True if number < 0 else None)


def _fits(number: Decimal, decimals: int) -> bool:
    whole, _, fraction = format(number.copy_abs(), "f").partition(".")
    return len(whole.lstrip("0")) <= MAX_INTEGER_DIGITS and len(fraction.rstrip("0")) <= decimals


def _parts(text: str) -> tuple[str, bool | None, str] | None:
    """The digits of an amount, its sign, and the currency beside it; ``None`` where something else is there."""
    bare = text.strip(" \t\r\n\xa0'|")[:80]
    match = _CORE.search(bare)
    if match is None:
        return None
    around = f"{bare[: match.start()]} {bare[match.end() :]}".strip()
    negative: bool | None = None
    if "(" in around and ")" in around:
        around, negative = around.replace("(", " ").replace(")", " "), True
    for mark in (*_MINUSES, "+"):
        if mark in around:
            if negative is not None:
                return None
            around, negative = around.replace(mark, " ", 1), mark != "+"
    word = around.strip().strip(".")
    currency = SYMBOLS.get(word, word.upper())
    if not word or not currency:
        currency = ""
    elif word.upper() in ("DR", "CR") and negative is None:
        currency, negative = "", word.upper() == "DR"
    elif not is_currency(currency):
        return None
    return match[0].strip(_SPACES), negative, currency


_SEPARATORS = ".,"


def _proved_point(core: str) -> str:
    """The decimal sign where the digits prove it, else empty."""
    used = [letter for letter in core if letter in _SEPARATORS]
    if not used:
        return ""
    if len(set(used)) == 2:
        return used[-1]
    if len(used) > 1:
        return "." if used[0] == "," else ","
    whole, _, fraction = core.partition(used[0])
    grouped = len(whole) <= 3 and whole.strip("0") and len(fraction) == 3
    return "" if grouped else used[0]


def _number(core: str, point: str, decimals: int) -> Decimal | None:
    own, used = _proved_point(core), {letter for letter in core if letter in _SEPARATORS}
    if len(used) == 1 and ((not own and not point) or (own and point and own != point)):
        return None  # nothing proves what it means, or others prove the contrary
    sign = own or point
    whole, _, fraction = core.rpartition(sign) if sign and sign in core else (core, "", "")
    digits = _ungrouped(whole)
    if digits is None or (fraction and not fraction.isdigit()):
        return None
    number = Decimal(f"{digits or '0'}.{fraction or '0'}")
    return number if _fits(number, decimals) else None


_GROUPS = re.compile(r"[0-9]{1,3}(?:([.,'’ \xa0\u2009\u202f])[0-9]{2,3})(?:\1[0-9]{2,3})*")


def _ungrouped(whole: str) -> str | None:
    if whole.isdigit() or not whole:
        return whole
    match = _GROUPS.fullmatch(whole)
    if match is None or len(whole.rpartition(match[1])[2]) != 3:
        return None
    return whole.replace(match[1], "")
