"""Interest: day counts, simple interest, and the interest of an account over its daily balances.

Exact decimals in, exact decimals out: every rounding is asked for. Day counts follow the 2006 ISDA Definitions, 4.16.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Literal

from electra_kernel.vocabulary.money import currency_decimals

#: ``30E/360 ISDA`` takes the last day of February for a 30th; ``30E/360`` does not.
Basis = Literal["ACT/360", "ACT/365", "ACT/ACT", "30E/360", "30E/360 ISDA"]


@dataclass(frozen=True, slots=True)
class Interest:
    """Interest of an account: ``credit`` for the customer and ``debit`` against, both positive; rounded as asked."""

    credit: Decimal
    debit: Decimal

    @property
    def net(self) -> Decimal:
        """What the customer gets; negative where the customer pays."""
        return self.credit - self.debit


def year_fraction(start: date, end: date, basis: Basis) -> Fraction:
    """The part of a year from ``start`` to ``end``, the last day not counted; exact."""
    return _FRACTIONS[basis](start, end)


def days_30e_360(start: date, end: date) -> int:
    """Days by 30E/360 (4.16(g)): a 31st counts as a 30th."""
    return _days_of_360(start, min(start.day, 30), end, min(end.day, 30))


def days_30e_360_isda(start: date, end: date) -> int:
    """Days by 30E/360 ISDA (4.16(h)), for a period that does not end at maturity: the last of a month is its 30th."""
    return _days_of_360(start, _day_or_30(start), end, _day_or_30(end))


def interest_for(amount: Decimal, rate: Decimal, start: date, end: date, basis: Basis, currency: str) -> Decimal:
    """Simple interest on an amount, rounded half up to the currency's decimals.

    Args:
        amount: principal in ``currency``.
        rate: a year's rate as a fraction: ``Decimal("0.045")`` is 4.5 %.
        start, end: first day, and the day after the last.
        basis: the day count.
        currency: ISO 4217 code.
    """
    exact = Fraction(amount) * Fraction(rate) * year_fraction(start, end, basis)
    return _rounded(exact, currency_decimals(currency))


def account_interest(
    balances: Iterable[Decimal],
    *,
    credit_rate: Decimal,
    debit_rate: Decimal,
    days_in_year: Literal[360, 365, 366],
    decimals: int = 2,
    rounded: Literal["total", "daily"] = "total",
) -> Interest:
    """Interest over the end-of-day balances of consecutive calendar days.

    Σ max(B, 0)·rc/basis for credit and Σ max(−B, 0)·rd/basis for debit.

    Args:
        balances: value-dated balances, one a calendar day (``position.daily_balances``).
        credit_rate, debit_rate: a year's rates as fractions, both positive where the customer gets and pays.
        days_in_year: the basis that a day is divided by.
        decimals: digits after the point of the result.
        rounded: ``total`` sums the balances first and rounds once; ``daily`` rounds every day's interest. Banks do
            either, and the difference is what an audit finds.

    Raises:
        ValueError: a balance is not a Decimal; a binary fraction has lost what this counts.
    """
    credit = debit = Fraction(0)
    for balance in balances:
        if not isinstance(balance, Decimal):
            raise ValueError(f"A balance is a Decimal, not {type(balance).__name__}.")
        rate = credit_rate if balance > 0 else debit_rate
        day = abs(Fraction(balance)) * Fraction(rate) / days_in_year
        if rounded == "daily":
            day = Fraction(_rounded(day, decimals))
        if balance > 0:
            credit += day
        else:
            debit += day
    return Interest(_rounded(credit, decimals), _rounded(debit, decimals))


def _rounded(value: Fraction, decimals: int) -> Decimal:
    """Half up, away from zero, from the exact value: no step in between rounds."""
    scaled = abs(value) * 10**decimals
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    with localcontext(prec=len(str(whole)) + decimals + 2, rounding=ROUND_HALF_UP):
        return Decimal(whole if value >= 0 else -whole).scaleb(-decimals)


def _days_of_360(start: date, first: int, end: date, last: int) -> int:
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first


def _day_or_30(day: date) -> int:
    return 30 if day.day == calendar.monthrange(day.year, day.month)[1] else day.day


def _actual_actual(start: date, end: date) -> Fraction:
    """4.16(b): days in leap years by 366, the others by 365."""
    total = Fraction(0)
    for year in range(start.year, end.year + 1):
        first, last = max(start, date(year, 1, 1)), min(end, date(year + 1, 1, 1)) if year < date.max.year else end
        total += Fraction((last - first).days, 366 if calendar.isleap(year) else 365)
    return total


_FRACTIONS: dict[Basis, Callable[[date, date], Fraction]] = {
    "ACT/360": lambda start, end: Fraction((end - start).days, 360),
    "ACT/365": lambda start, end: Fraction((end - start).days, 365),
    "ACT/ACT": _actual_actual,
    "30E/360": lambda start, end: Fraction(days_30e_360(start, end), 360),
    "30E/360 ISDA": lambda start, end: Fraction(days_30e_360_isda(start, end), 360),
}
