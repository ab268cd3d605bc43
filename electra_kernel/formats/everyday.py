"""What formats of home and office programs share (OFX, QIF): text in an uncertain character set, signed amounts.

No format lives here. Their amounts carry signs and are written by programs, so the rule differs from that for amounts
a person types (``vocabulary.money.parse_amount``): one separator is always the decimal sign.
"""

from __future__ import annotations

import codecs
import re
from decimal import Decimal

from electra_kernel.formats.base import Problems
from electra_kernel.formats.iso import amount_text
from electra_kernel.vocabulary.money import MAX_FRACTION_DIGITS, MAX_INTEGER_DIGITS

_SIGNED = re.compile(r"([+-]?)([0-9]{0,40})(?:[.,]([0-9]{0,40}))?")
_GROUPED = re.compile(r"([+-]?)([0-9]{1,3}(?:([,.' ])[0-9]{3})(?:\3[0-9]{3}){0,12})(?:[.,]([0-9]{0,40}))?")
_TOO_MUCH = Decimal(10) ** MAX_INTEGER_DIGITS
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def decode(data: bytes, problems: Problems, declared: str = "cp1252") -> str:
    """Text that is UTF-8 where it can be (or UTF-16 with a mark), else in the declared character set.

    Headers of such files lie about the character set; bytes that are valid UTF-8 and not ASCII are nothing else. Bytes
    that the declared set does not know become U+FFFD and a warning. Control characters become spaces.
    """
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        text = data.decode("utf-16", "replace")  # OFX 2 is XML, which stays in UTF-16
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode(declared, "replace")
    at = text.find("\ufffd")
    if at >= 0:
        line = text.count("\n", 0, at) + 1
        problems.warn(
            line,
            "file",
            "character-set",
            f"Letters of line {line} (and perhaps others) cannot be told from their bytes; they are shown as \ufffd.",
            "Export the file in UTF-8.",
        )
    return _CONTROLS.sub(" ", text)


def signed_amount(text: str) -> Decimal | None:
    """An amount with its sign, or ``None`` where it is none or has more digits than the ledger holds.

    Digits with at most one decimal sign, point or comma; or grouped by threes with another separator. ``1,234`` from a
    program is one and 234 thousandths, ``1,234.00`` is a thousand and more.
    """
    amount = _figure(text)
    if amount is None or int(amount.as_tuple().exponent) < -MAX_FRACTION_DIGITS:
        return None
    return amount


def near_amount(text: str, line: int, field: str, problems: Problems) -> Decimal | None:
    """As ``signed_amount``, but one with more decimals than the ledger holds is rounded, half to even, and told.

    Programs write what they computed; no format of them says how many decimals there may be (OFX 2.2, section 3.2.9.1).
    """
    amount = _figure(text)
    if amount is None or int(amount.as_tuple().exponent) >= -MAX_FRACTION_DIGITS:
        return amount
    rounded = round(amount, MAX_FRACTION_DIGITS)
    problems.warn(
        line,
        field,
        "amount-decimals",
        f"{text.strip()[:60]} has more decimals than the ledger holds; {rounded:f} was read.",
        "Compare it with the bank's own statement.",
    )
    return rounded if abs(rounded) < _TOO_MUCH else None


def _figure(text: str) -> Decimal | None:
    """What digits say, exactly, without zeros at the end beyond the ledger's decimals; ``None`` before too many digits."""
    cleaned = text.strip()
    found = _SIGNED.fullmatch(cleaned)
    if found is not None:
        sign, whole, decimals = found[1], found[2], found[3] or ""
    else:
        found = _GROUPED.fullmatch(cleaned)
        if found is None or (found[4] is None and len(found[2]) < len("1.234.567")):
            return None
        sign, whole, decimals = found[1], found[2].replace(found[3], ""), found[4] or ""
    decimals = decimals.rstrip("0") if len(decimals) > MAX_FRACTION_DIGITS else decimals
    whole = whole.lstrip("0")
    if not any(letter.isdigit() for letter in cleaned):
        return None
    return Decimal(f"{sign}{whole or '0'}.{decimals or '0'}") if len(whole) <= MAX_INTEGER_DIGITS else None


def signed_text(amount: Decimal) -> str:
    """A signed amount as plain digits with a point."""
    return f"{'-' if amount < 0 else ''}{amount_text(abs(amount))}"


def one_line(text: str) -> str:
    """A text for one line of a file: control characters and line ends become single spaces."""
    return " ".join(_CONTROLS.sub(" ", text).split())
