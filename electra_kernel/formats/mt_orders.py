"""What the order messages MT101 and MT103 share: dates and amounts, charges, remittance, and orders made of fields.

Source: FIN, category 1. What an order message says and an order has no room for is told, field by field, once.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from electra_kernel.formats import mt
from electra_kernel.formats.base import Problems
from electra_kernel.orders.kinds import kind_for
from electra_kernel.orders.model import NOT_PROVIDED, Transaction
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money, is_currency
from electra_kernel.vocabulary.parties import Party

#: Field 71A ↔ ISO 20022 charge bearer.
CHARGES = {"SHA": "SHAR", "OUR": "DEBT", "BEN": "CRED"}
_WRITTEN = {**{iso: fin for fin, iso in CHARGES.items()}, "SLEV": "SHA", "": "SHA"}
_MONEY = re.compile(r"([A-Z]{3})([0-9., ]+)")
_REFERENCE = re.compile(r"/ROC/(.*?)(?:///?(?!/)(.*)|$)", re.DOTALL)
_WIDTH, _LINES = 35, 4


def money_of(written: str) -> Money | None:
    """``EUR1234,5``; ``None`` where it is no amount above nothing in a currency."""
    match = _MONEY.fullmatch(written)
    amount = mt.amount_of(match[2]) if match else None
    if match is None or amount is None or amount <= 0 or not is_currency(match[1]):
        return None
    return Money(amount, match[1])


def midnight(day: date) -> datetime:
    """A day's beginning: the moment of creation of a message that names none."""
    return datetime.combine(day, time(), UTC)


def kind_of_order(currency: str, debtor: Party) -> str:
    """The kind of an order by its currency and the country of the account that pays."""
    country = debtor.account[:2] if re.match("[A-Z]{2}[0-9]{2}", debtor.account) else ""
    return kind_for(currency, "", country).code


def read_remittance(value: str) -> tuple[str, str]:
    """Field 70 as text and the ordering customer's reference (``/ROC/…``), empty where it has none.

    The reference ends at ``///``, or at the end of the field.
    """
    text = mt.unfolded(value, _WIDTH)
    match = _REFERENCE.match(text)
    if match is None:
        return text, ""
    return (match[2] or "").strip(), match[1].strip()


def write_remittance(each: Transaction, reference: str, told: mt.Told) -> str:
    """Field 70: the reference where field 21 cannot carry it, then the text; four lines of 35."""
    text = plain("70", each.remittance, told)
    if each.structured_reference:
        told("70", "structured-reference", "Structured references become part of the text.")
        text = f"{text} {plain('70', each.structured_reference, told)}".lstrip()
    if text.startswith("/ROC/") and not reference:
        text = text[1:]
    if reference:
        text = f"/ROC/{reference}" + (f"///{text}" if text else "")
    lines = mt.folded(text, _WIDTH)
    if len(lines) > _LINES:
        told("70", "length", f"Remittance is cut at {_LINES} lines of {_WIDTH} characters.")
    return "\n".join(lines[:_LINES])


def plain(tag: str, text: str, told: mt.Told) -> str:
    """Text in the X character set; told where that changes it."""
    written = mt.plain(text.replace("\n", " ")).strip()
    if written != text:
        told(tag, "characters", f"{text[:40]!r} and the like are written in the X character set.")
    return written


def write_charges(bearer: str, told: mt.Told) -> str:
    """Field 71A, which every order message must have."""
    if bearer not in CHARGES.values():
        told("71A", "charges", "Who bears the charges is not said, or by rule; it is written as shared (SHA).")
    return _WRITTEN.get(bearer, "SHA")


def write_money(money: Money) -> str:
    """Currency and amount."""
    return f"{money.currency}{mt.amount_text(money.amount)}"


def own_reference(each: Transaction) -> str:
    """The customer's reference; empty where there is none."""
    return "" if each.end_to_end_id == NOT_PROVIDED else each.end_to_end_id


def tell_losses(each: Transaction, told: mt.Told) -> None:
    """What no order message has a field for."""
    if each.purpose:
        told("70", "purpose", "Purpose codes are not carried.")
    if each.ultimate_debtor or each.ultimate_creditor:
        told("50", "ultimate", "Parties behind the accounts are not carried.")


def short_reference(tag: str, value: str) -> str:
    """A reference of 16 characters, neither beginning nor ending with a slash, without two in a row.

    Raises:
        ElectraError: it does not fit.
    """
    if not value or value[0] == "/" or value[-1] == "/" or "//" in value:
        raise ElectraError(
            f"{value!r} cannot be the reference in field {tag}.", repair="Use up to 16 letters and digits."
        )
    return mt.checked(tag, value, 16)


def not_kept(problems: Problems, line: int, tag: str, value: str) -> None:
    """Tell a field that an order has no room for."""
    problems.warn_once(
        tag,
        "not-kept",
        f"Field {tag} ({' '.join(value.split())[:60]!r}) has no place in an order and is left out.",
        "Check whether it matters for this payment.",
        line,
    )
