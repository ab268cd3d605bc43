"""Payments in another format: which names mean which writer, and what a writer needs that a file does not say.

What may live here: names, and orders made of payments whose file names no debtor. How a format is written is in its own
file; what it could not carry is told by ``carried``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from electra_kernel.formats import (
    camt055,
    cfonb160,
    clearing,
    dtaus,
    epcqr,
    giro,
    hctqr,
    mt101,
    mt103,
    nacha,
    pain001,
    pain008,
    payments,
    swissqr,
)
from electra_kernel.formats.base import Reading
from electra_kernel.orders.cancellation import cancellation_of
from electra_kernel.orders.kinds import kind_for
from electra_kernel.orders.model import NOBODY, NOT_PROVIDED, Order, Transaction
from electra_kernel.orders.status import StatusReason
from electra_kernel.vocabulary.dates import BusinessCalendar
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Party

_LONGEST_ID = 35
#: Formats in which each payment stands for itself: no debtor, no date.
_PAYMENTS: Mapping[str, Callable[[Sequence[Transaction]], bytes]] = {
    "csv": payments.write_csv,
    "xlsx": payments.write_xlsx,
    "epc-qr": lambda found: epcqr.write(_the_one(found, "epc-qr")),
    "swiss-qr": lambda found: swissqr.write(_the_one(found, "swiss-qr")),
}
_ORDERS: Mapping[str, Callable[[Sequence[Order]], bytes]] = {
    "mt101": mt101.write,
    "mt103": mt103.write,
    "dtaus": dtaus.write,
    "cfonb160": cfonb160.write,
    **{message.lower(): lambda found, message=message: giro.write(found, message=message) for message in giro.MESSAGES},  # type: ignore[misc]
}
_HUNGARIAN_CODE = "hct-qr"
_MESSAGES = {"pain.001": pain001, "pain.008": pain008}
_OTHER_NAMES = {"101": "mt101", "103": "mt103"}
#: Every name that ``written_payments`` knows, apart from versions of ISO 20022 messages.
WRITTEN_PAYMENTS = (*_MESSAGES, "camt.055", *_ORDERS, "nacha", *_PAYMENTS, _HUNGARIAN_CODE)
_BUDAPEST = ZoneInfo("Europe/Budapest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What is to be taken where the file of payments does not say it.

    Attributes:
        own: the customer's side: who pays and the account that is debited; in collections who collects.
        execution_date: for payments without a day; by default the next business day after ``now``'s.
    """

    own: Party = NOBODY
    execution_date: date | None = None


def written_payments(reading: Reading, wanted: str, now: datetime, missing: Missing) -> bytes | None:
    """The payments of a file in the format of a name; ``None`` where no payment is written so.

    Of a file with transfers and collections, a format that holds one of both gets these.

    Args:
        reading: with orders or payments.
        wanted: a format's short name, an ending, or an ISO 20022 message with its version.
        now: when orders and requests are made that the file does not have.
        missing: what the file does not say.

    Raises:
        ElectraError: something that the format needs is missing or does not fit.
    """
    name = _OTHER_NAMES.get(wanted.lower(), wanted.lower())
    if name == "xml":
        name = "pain.008" if reading.orders and all(order.collects for order in reading.orders) else "pain.001"
    if name in (*_PAYMENTS, _HUNGARIAN_CODE):
        return _payments_alone(reading, name, missing)
    if name == "nacha":
        return _nacha(orders_of(reading, now, missing))
    if name in ("camt.055", *camt055.VERSIONS):
        return _called_back(reading, name, now)
    message = _MESSAGES.get(name[:8])
    if message is not None and name in (name[:8], *message.VERSIONS):
        orders = _blocks(orders_of(reading, now, missing), collects=message is pain008)
        written: bytes = message.write(orders, version=message.USUAL if name == name[:8] else name)
        return written
    if name in _ORDERS:
        return _ORDERS[name](orders_of(reading, now, missing))
    return None


def orders_of(reading: Reading, now: datetime, missing: Missing) -> tuple[Order, ...]:
    """The orders of a file, and its payments without a debtor as orders of one currency each.

    Raises:
        ElectraError: payments without a debtor, and none is said; or the file names another account than is said.
    """
    if reading.transactions and not missing.own.account:
        raise _unsaid("which account pays", account=True, name=not missing.own.name)
    made = [*reading.orders, *_new_orders(reading.transactions, now, missing)]
    return tuple(_with_own(order, missing.own) for order in made)


def _unsaid(what: str, *, account: bool, name: bool) -> ElectraError:
    options = " ".join(["--debtor IBAN"] * account + ['--debtor-name "NAME"'] * name)
    return ElectraError(
        f"The file does not say {what}.", repair=f"Say it with {options} (in Python: debtor=Party(name=…, account=…))."
    )


def _new_orders(found: Iterable[Transaction], now: datetime, missing: Missing) -> Iterable[Order]:
    by_currency: dict[str, list[Transaction]] = {}
    for item in found:
        by_currency.setdefault(item.amount.currency, []).append(item)
    message_id = f"E{now:%y%m%d%H%M%S}"  # SWIFT MT holds 16 characters
    for number, (currency, items) in enumerate(by_currency.items(), 1):
        kind = kind_for(currency, "", missing.own.account[:2])
        day = missing.execution_date or BusinessCalendar(kind.calendar).next_business_day(now.date())
        yield Order(
            message_id=message_id,
            payment_id=f"{message_id}-{number}",
            kind=kind.code,
            execution_date=day,
            created=now.replace(microsecond=0),
            transactions=tuple(items),
        )


def _with_own(order: Order, own: Party) -> Order:
    """The order with its own side filled in where the file leaves it out."""
    named = order.own
    if own.account and named.account and own.account != named.account:
        text = f"The file says that the account is {named.account}, and not {own.account}."
        raise ElectraError(text, repair="Leave out --debtor, or choose the right file.")
    filled = replace(
        named,
        name=named.name or own.name,
        account=named.account or own.account,
        bic=named.bic or own.bic,
        identification=named.identification or own.identification,
    )
    if filled == named:
        return order
    if order.collects:
        return replace(order, creditor=filled)
    return replace(order, debtor=filled, kind=order.kind if named.account else _kind_of(order, filled))


def _kind_of(order: Order, debtor: Party) -> str:
    """The kind of a transfer once it is known which account pays."""
    return kind_for(order.currency, order.service_level, debtor.account[:2]).code


def _blocks(orders: Sequence[Order], *, collects: bool) -> list[Order]:
    """The orders that go into a message, each with a payment id of its own.

    Raises:
        ElectraError: there are only others; or it is not said whose account it is.
    """
    found = [order for order in orders if order.collects == collects]
    if not found:
        text, repair = ("transfers", "pain.001") if collects else ("collections (direct debits)", "pain.008")
        raise ElectraError(f"The file holds {text} only.", repair=f"Write it as a {repair}.")
    for order in found:
        account, name = not order.own.account, not order.own.name
        if account or name:
            what = "which account the money goes to" if collects else "which account pays"
            holder = "who collects" if collects else "who pays"
            raise _unsaid(what if account else holder, account=account, name=name)
    taken = {order.payment_id for order in found}
    seen = set[str]()
    for place, order in enumerate(found):
        payment_id, number = order.payment_id, 1
        while payment_id in seen or (number > 1 and payment_id in taken):
            number += 1
            payment_id = f"{order.payment_id[: _LONGEST_ID - len(f'-{number}')]}-{number}"
        seen.add(payment_id)
        if payment_id != order.payment_id:
            found[place] = replace(order, payment_id=payment_id)
    return found


def _the_one(found: Sequence[Transaction], name: str) -> Transaction:
    if len(found) != 1:
        text = f"A {name} carries one payment; the file holds {len(found)}."
        raise ElectraError(text, repair="Write each payment as a code of its own.")
    return found[0]


def _payments_alone(reading: Reading, name: str, missing: Missing) -> bytes:
    if any(order.collects for order in reading.orders):
        text = f"A {name} of payments cannot say that they are collections."
        raise ElectraError(text, repair="Make a table of them with electra read … --out.")
    return _hungarian_code(reading, missing) if name == _HUNGARIAN_CODE else _PAYMENTS[name](_all_of(reading))


def _all_of(reading: Reading) -> list[Transaction]:
    return [*reading.transactions, *(item for order in reading.orders for item in order.transactions)]


def _hungarian_code(reading: Reading, missing: Missing) -> bytes:
    """The one payment as a code that holds until the end of its day, in Budapest.

    Raises:
        ElectraError: several payments, no day, no BIC, other money than whole forints, or an account abroad.
    """
    item = _the_one(_all_of(reading), "hct-qr")
    day = missing.execution_date or next((order.execution_date for order in reading.orders), None)
    if day is None:
        text = "A Hungarian payment code says until when it holds, and the file names no day."
        raise ElectraError(text, repair="Say it with --on 2026-12-31 (in Python: execution_date=…).")
    party = item.counterparty
    if not party.bic:
        text = "A Hungarian payment code names the bank of who is paid, and the file does not."
        raise ElectraError(text, repair="Add its BIC to the payment.")
    if item.amount.currency != "HUF":
        text = f"A Hungarian payment code carries forints and not {item.amount}."
        raise ElectraError(text, repair="Write it as epc-qr where it is in euro.")
    return hctqr.write(
        hctqr.PaymentCode(
            bic=party.bic,
            name=party.name,
            account=party.account,
            until=datetime.combine(day, time(23, 59, 59), _BUDAPEST),
            amount=item.amount.amount or None,
            purpose=item.purpose,
            remittance=item.remittance,
            reference="" if item.end_to_end_id == NOT_PROVIDED else item.end_to_end_id,
        )
    )


def _nacha(orders: Sequence[Order]) -> bytes:
    """Orders of one American bank, sent to that bank.

    Raises:
        ElectraError: the own account does not name an American bank, accounts of several banks, or no company id.
    """
    owns = [clearing.parted(order.own.account) for order in orders]
    banks = {own.member for own in owns if own is not None and own.system == "USABA"}
    if len(banks) != 1 or None in owns:
        text = "The file does not say which one American bank gets it: routing number and account of the own side."
        raise ElectraError(text, repair="Say it with --debtor 091000019/4711, and write a file for each bank.")
    origin = next((order.own.identification or order.creditor_id for order in orders), "")
    if not origin:
        raise ElectraError(
            "The file does not say the company's id, which American banks ask for.",
            repair="Say it with --debtor-id (up to ten characters, as agreed with the bank).",
        )
    return nacha.write(orders, destination=banks.pop(), origin=origin, company_id=origin)


def _called_back(reading: Reading, name: str, now: datetime) -> bytes | None:
    """The request that calls a file's order back, as the customer wishes."""
    if not reading.orders:
        return None
    if len(reading.orders) > 1:
        text = f"The file holds {len(reading.orders)} orders; one request calls back one."
        raise ElectraError(text, repair="Read them with wb.orders.read_all(…) and call each back.")
    order = reading.orders[0]
    request = cancellation_of(
        order,
        message_id=f"CXL{order.message_id}"[:_LONGEST_ID],
        created=now.replace(microsecond=0),
        original_format=reading.format,
        reason=StatusReason(code="CUST"),
    )
    return camt055.write(request, version=camt055.VERSIONS[-1] if name == "camt.055" else name)
