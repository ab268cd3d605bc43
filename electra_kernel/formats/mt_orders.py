"""What the order messages MT101 and MT103 share: dates and amounts, charges, remittance, and orders made of fields.

Source: FIN, category 1. What an order message says and an order has no room for is told, field by field, once.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from electra_kernel.formats import mt, mt_letters, mt_values
from electra_kernel.formats.base import Problems
from electra_kernel.formats.mt_parties import read_party
from electra_kernel.orders.kinds import kind_for
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money, is_currency
from electra_kernel.vocabulary.parties import Party

#: Field 71A ↔ ISO 20022 charge bearer.
CHARGES = {"SHA": "SHAR", "OUR": "DEBT", "BEN": "CRED"}
_WRITTEN = {**{iso: fin for fin, iso in CHARGES.items()}, "SLEV": "SHA", "": "SHA"}
_MONEY = re.compile(r"([A-Z]{3})([0-9., ]+)")
_REFERENCE = re.compile(r"/ROC/(.*?)(?:///?(?!/)(.*)|$)", re.DOTALL)
#: The customer's reference where a bank writes it among its own notes (field 72).
_NOTED_REFERENCE = re.compile(r"(?:^|\s)/(?:ROC|EREF|EToE)/([^/\s][^/]*)", re.IGNORECASE)
#: Instructions (field 23E) that an order has a place for.
SERVICE_LEVELS = ("SDVA", "URGP")
CATEGORY_PURPOSES = ("CORT", "INTC")
#: What fields are that an order has no room for, in words.
_NAMES = {
    "121": "the payment's tracking id (UETR)",
    "13C": "the bank's time of settlement",
    "21F": "the reference of the foreign exchange deal",
    "23B": "the kind of bank operation",
    "23E": "an instruction",
    "25A": "the account for charges",
    "26T": "the type of transaction",
    "33B": "the amount and currency that were ordered",
    "36": "the exchange rate",
    "52": "the bank of who pays, by name or account",
    "53": "the sender's correspondent bank",
    "54": "the receiver's correspondent bank",
    "55": "a reimbursement bank",
    "56": "an intermediary bank",
    "57": "the bank of who is paid, by name, account or clearing code",
    "71F": "the sender's charges",
    "71G": "the receiver's charges",
    "72": "the banks' notes to each other",
    "77": "regulatory reporting",
}
_WIDTH, _LINES = 35, 4


def money_of(written: str) -> Money | None:
    """``EUR1234,5``; ``None`` where it is no amount above nothing in a currency."""
    match = _MONEY.fullmatch(written)
    amount = mt_values.amount_of(match[2]) if match else None
    if match is None or amount is None or amount <= 0 or not is_currency(match[1]):
        return None
    return Money(amount, match[1])


def tell_finer(money: Money | None, problems: Problems, line: int, tag: str) -> None:
    """Tell an amount with more decimal places than its currency has."""
    if money is not None and not mt_values.is_multiple(money.amount, money.currency):
        mt_values.tell_decimals(problems, tag, line, money.amount, money.currency)


_INPUT_TIME = re.compile(rb"\{2:O[0-9]{3}([0-9]{4})([0-9]{6})")
_UETR = re.compile(rb"\{121:([0-9A-Za-z-]{1,40})\}")
_HEADERS = 400


def created(found: mt.Fields, message: mt.Message) -> datetime | None:
    """When the sender gave the message to the network (block 2 of an output message)."""
    before = int(found.starts[message.first])
    matches = list(_INPUT_TIME.finditer(found.text, max(0, before - _HEADERS), before))
    match = matches[-1] if matches else None
    day = mt_values.day_of(match[2].decode()) if match else None
    if match is None or day is None or int(match[1][:2]) > 23 or int(match[1][2:]) > 59:
        return None
    return midnight(day).replace(hour=int(match[1][:2]), minute=int(match[1][2:]))


def tell_tracking(found: mt.Fields, message: mt.Message, problems: Problems) -> None:
    """Tell the UETR of block 3, which an order has no room for."""
    before = int(found.starts[message.first])
    match = _UETR.search(found.text, max(0, before - _HEADERS), before)
    if match:
        not_kept(problems, int(found.lines[message.first]), "121", match[1].decode())


def bank_of(problems: Problems, line: int, tag: str, value: str) -> str:
    """The BIC of a bank's field (52A, 57A); an account or clearing code beside it is told."""
    party, left = read_party(value)
    for text in [*left, *([f"/{party.account}"] if party.account else [])]:
        not_kept(problems, line, tag, text)
    return party.bic


def noted_reference(value: str) -> tuple[str, str]:
    """The customer's reference in field 72, and the notes without it."""
    text = mt_values.narrative(value)
    match = _NOTED_REFERENCE.search(text)
    if match is None:
        return "", text
    return match[1].strip(), f"{text[: match.start()]} {text[match.end() :]}".strip()


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
    text = mt_values.unfolded(value, _WIDTH)
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
    lines = mt_letters.folded(text, _WIDTH)
    if len(lines) > _LINES:
        told("70", "length", f"Remittance is cut at {_LINES} lines of {_WIDTH} characters.")
    return "\n".join(lines[:_LINES])


def plain(tag: str, text: str, told: mt.Told) -> str:
    """Text in the X character set; told where that changes it."""
    written = mt_letters.plain(text.replace("\n", " ")).strip()
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
    return f"{money.currency}{mt_letters.amount_text(money.amount)}"


def own_reference(each: Transaction) -> str:
    """The customer's reference; empty where there is none."""
    return "" if each.end_to_end_id == NOT_PROVIDED else each.end_to_end_id


def tell_losses(each: Transaction, told: mt.Told) -> None:
    """What no order message has a field for."""
    if each.purpose:
        told("70", "purpose", "Purpose codes are not carried.")
    if each.ultimate_debtor or each.ultimate_creditor:
        told("50", "ultimate", "Parties behind the accounts are not carried.")


def instructions(order: Order) -> list[tuple[str, str]]:
    """Field 23E for what of an order's service and purpose it has codes for."""
    given = ((order.service_level, SERVICE_LEVELS), (order.category_purpose, CATEGORY_PURPOSES))
    return [("23E", code) for code, known in given if code in known]


def tell_services(order: Order, told: mt.Told) -> None:
    """What of an order's service and purpose field 23E has no code for."""
    carried = {code for _, code in instructions(order)}
    if {order.service_level, order.local_instrument, order.category_purpose} - carried - {""}:
        told("23E", "service", "Service level, local instrument and category purpose are not carried.")


def short_reference(tag: str, value: str) -> str:
    """A reference of 16 characters, neither beginning nor ending with a slash, without two in a row.

    Raises:
        ElectraError: it does not fit.
    """
    if not value or value[0] == "/" or value[-1] == "/" or "//" in value:
        raise ElectraError(
            f"{value!r} cannot be the reference in field {tag}.", repair="Use up to 16 letters and digits."
        )
    return mt_letters.checked(tag, value, 16)


def not_kept(problems: Problems, line: int, tag: str, value: str) -> None:
    """Tell a field that an order has no room for."""
    name = _NAMES.get(tag) or _NAMES.get(tag[:2])
    problems.warn_once(
        tag,
        "not-kept",
        f"Field {tag}{f', {name}' if name else ''} ({' '.join(value.split())[:60]!r}){',' if name else ''} has no place in "
        "an order and is left out.",
        "Check whether it matters for this payment.",
        line,
    )
