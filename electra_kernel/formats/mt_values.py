"""SWIFT MT: dates, amounts and texts inside fields, as they are read. Fields and messages are in ``mt``, writing in ``mt_letters``.

Source: SWIFT User Handbook, FIN (field formats).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats.base import Problems
from electra_kernel.vocabulary.money import currency_decimals, is_currency


def day_of(written: str) -> date | None:
    """A date ``YYMMDD``; years from 80 on are of the last century (FIN). ``None`` where there is no such day."""
    if len(written) != 6 or not written.isascii() or not written.isdigit():
        return None
    year = int(written[:2])
    try:
        return date(year + (1900 if year >= 80 else 2000), int(written[2:4]), int(written[4:]))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def entry_day(written: str, value: date) -> date | None:
    """An entry date ``MMDD`` in the year that brings it nearest to the value date: 1231 may lie in the year before."""
    days = []
    for year in (value.year - 1, value.year, value.year + 1):
        try:
            days.append(date(year, int(written[:2]), int(written[2:])))
        except ValueError:
            continue
    return min(days, key=lambda day: abs((day - value).days), default=None)


_AMOUNT = re.compile(r"([0-9]{0,40})[,.]?([0-9]{0,40})")


def amount_of(written: str) -> Decimal | None:
    """An amount such as ``1234,``, ``1234,5`` or ``,5``; ``None`` where it is none or has more digits than are kept.

    Several points or commas are read as groups of thousands where the last one is the only decimal sign.
    """
    written = written.replace(" ", "")
    if written.count(",") == 1 and "." in written.partition(",")[0]:
        written = written.replace(".", "")
    match = _AMOUNT.fullmatch(written)
    if match is None or not (match[1] or match[2]):
        return None
    whole, fraction = match[1].lstrip("0") or "0", match[2].rstrip("0")
    if len(whole) > 13 or len(fraction) > 5:
        return None
    return Decimal(f"{whole}.{fraction}" if fraction else whole)


def decimals_of(currency: str) -> int:
    """How many decimal places an amount of a currency may have (FIN, error T43); two of one that is not known."""
    return currency_decimals(currency) if is_currency(currency) else 2


def is_multiple(amount: Decimal, currency: str) -> bool:
    """Whether an amount has no more decimal places than its currency."""
    return -int(amount.normalize().as_tuple().exponent) <= decimals_of(currency)


def too_fine(amounts: pa.ChunkedArray, currency: str) -> pa.ChunkedArray:
    """Which amounts have more decimal places than their currency."""
    try:
        amounts.cast(pa.decimal128(18, decimals_of(currency)))
    except pa.ArrowInvalid:
        return pc.not_equal(pc.round(amounts, decimals_of(currency)), amounts)
    return pa.chunked_array([pa.repeat(pa.scalar(False), len(amounts))])


def tell_decimals(problems: Problems, tag: str, line: int, amount: Decimal, currency: str, count: int = 1) -> None:
    """Tell an amount that is finer than its currency; it is kept as it is written."""
    more = f" (and {count - 1} more)" if count > 1 else ""
    text = (
        f"{amount.normalize():f} {currency}{more} has more decimal places than {currency} has; it is read as written."
    )
    problems.warn_once(tag, "decimals", text, "Ask the bank whether its comma sets thousands apart.", line)


def lines_of(value: str) -> list[str]:
    """The lines of a value, without blanks at their ends and without empty ones."""
    return [stripped for line in value.split("\n") if (stripped := line.strip())]


#: Width of a line of field 86 (FIN: 6*65x).
LINE = 65


def unfolded(text: str, width: int = LINE) -> str:
    """Lines as one text: a full line goes on, a shorter one ends with a blank."""
    if "\n" not in text:
        return text.strip()
    parts: list[str] = []
    for line in text.split("\n"):
        if line.strip():
            parts.append(line if len(line) >= width else f"{line.rstrip()} ")
    return "".join(parts).strip()


#: Field 72 (FIN: 6*35x): a line that goes on with the one before begins with two slashes.
NARRATIVE, GOES_ON = 35, "//"


def narrative(value: str) -> str:
    """Field 72 as one text."""
    parts: list[str] = []
    for line in value.split("\n"):
        body = line.removeprefix(GOES_ON)
        if body.strip():
            parts.append(body if len(line) >= NARRATIVE else f"{body.rstrip()} ")
    return "".join(parts).strip()
