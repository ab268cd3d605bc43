"""Money: a Decimal with its currency, and the one rule by which amounts are read from text.

What may live here: arithmetic within one currency, reading and showing amounts. No rounding policy of any bank.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from babel.core import get_global
from babel.numbers import get_currency_precision, list_currencies
from moneyed import CurrencyDoesNotExist, get_currency

from electra_kernel.vocabulary.errors import ElectraError

#: Digits before and after the point that the ledger's decimal128(18, 5) holds.
MAX_INTEGER_DIGITS, MAX_FRACTION_DIGITS = 13, 5

_PLAIN = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_GROUPED_THEN_DECIMAL = re.compile(r"[0-9]{1,3}(?:([ \u00a0\u202f'’.,])[0-9]{3})(?:\1[0-9]{3})*(?:([.,])[0-9]+)?")


class AmountError(ElectraError):
    """Text that is not an amount of money by the stated rule."""


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())


def is_currency(code: str) -> bool:
    """Whether ``code`` is a currency of ISO 4217 (three upper-case letters, past ones included)."""
    return code in _currencies()


def currency_of_number(number: str) -> str:
    """The letters of a currency given by its three digits (ISO 4217 numeric code): ``978`` is EUR; empty for none."""
    try:
        return str(get_currency(iso=number).code)
    except CurrencyDoesNotExist:
        return ""


def number_of_currency(code: str) -> str:
    """The three digits of a currency (ISO 4217 numeric code); empty for none."""
    try:
        return str(get_currency(code).numeric or "")
    except CurrencyDoesNotExist:
        return ""


@cache
def _in_use() -> frozenset[str]:
    """The currencies of a country today: gold, drawing rights, test codes and past currencies are of none."""
    lands = get_global("territory_currencies")
    nowhere = {code for code, *_ in lands["ZZ"]}
    return frozenset(code for codes in lands.values() for code, _, end, _ in codes if end is None) - nowhere


@cache
def currency_decimals(code: str) -> int:
    """Digits after the decimal point of the currency (ISO 4217, minor unit): HUF 2, JPY 0, KWD 3, CLF 4.

    What CLDR says instead is what is customary on price tags, which counts only where ISO 4217 has no minor unit (any more).
    """
    if not is_currency(code):
        raise AmountError(f"{code!r} is not a currency.", repair="Use a three-letter ISO 4217 code such as HUF or EUR.")
    if code in _in_use():
        with suppress(CurrencyDoesNotExist):
            return len(str(get_currency(code).sub_unit)) - 1
    return get_currency_precision(code)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency. Signed: credit is positive, debit negative.

    Raises:
        AmountError: the amount is not finite, or not a Decimal, or the currency is unknown.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal) or not self.amount.is_finite():
            raise AmountError(f"{self.amount!r} is not an amount.", repair="Give a finite Decimal, never a float.")
        if not is_currency(self.currency):
            raise AmountError(f"{self.currency!r} is not a currency.", repair="Use a three-letter ISO 4217 code.")

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __str__(self) -> str:
        return f"{format_amount(self.amount, self.currency)} {self.currency}"

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise AmountError(
                f"{self.currency} and {other.currency} cannot be added.", repair="Convert one of them first."
            )


def format_amount(amount: Decimal, currency: str) -> str:
    """``1234567.5`` in EUR as ``1 234 567.50`` (thin groups are plain spaces; at least the currency's decimals).

    Two decimals at least where the currency is not known: files leave it out, or write one that does not exist.
    """
    decimals = max(
        currency_decimals(currency) if is_currency(currency) else 2, -int(amount.normalize().as_tuple().exponent)
    )
    return f"{amount:,.{decimals}f}".replace(",", " ")


def parse_amount(text: str) -> Decimal:
    """Read an amount a person or another program wrote.

    The rule: digits, optionally grouped by threes with one kind of separator (space, apostrophe, point or comma),
    optionally followed by *another* separator (point or comma) and decimals. One lone separator is the decimal
    sign, except where exactly three digits follow it: ``1.234`` could mean either and is refused. Signs,
    exponents, ``NaN`` and currency symbols are refused.

    Raises:
        AmountError: the text breaks the rule; the error says how to write it.
    """
    cleaned = text.strip()
    if re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", cleaned) and not cleaned.startswith("0"):
        raise AmountError(
            f"{cleaned!r} is ambiguous: thousands or decimals?",
            repair=f"Write {cleaned[:-4]}{cleaned[-3:]} or {cleaned[:-4]}.{cleaned[-3:]}0.",
        )
    if _PLAIN.fullmatch(cleaned):
        return _bounded(Decimal(cleaned.replace(",", ".")), cleaned)
    match = _GROUPED_THEN_DECIMAL.fullmatch(cleaned)
    if match and match[1] != match[2]:
        whole, decimals = cleaned, ""
        if match[2]:
            whole, _, decimals = cleaned.rpartition(match[2])
        return _bounded(Decimal(whole.replace(match[1], "") + ("." + decimals if decimals else "")), cleaned)
    raise AmountError(
        f"{text[:40]!r} is not an amount.",
        repair="Write digits with one decimal point or comma, such as 1234.56; no sign, no exponent, no currency.",
    )


def _bounded(amount: Decimal, text: str) -> Decimal:
    _, digits, exponent = amount.as_tuple()
    fraction = -int(exponent)
    if len(digits) - fraction > MAX_INTEGER_DIGITS or fraction > MAX_FRACTION_DIGITS:
        raise AmountError(
            f"{text[:40]!r} has too many digits.",
            repair=f"At most {MAX_INTEGER_DIGITS} digits before and {MAX_FRACTION_DIGITS} after the decimal sign.",
        )
    return amount
