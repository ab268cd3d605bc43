"""Requests for transfer, SWIFT MT101: read into orders, written. FIN, MT101.

One message can debit several accounts; each account, currency, bearer of charges and instruction (23E: URGP, SDVA, CORT,
INTC) becomes an order of its own, and the parts of a chain (28D) are orders of their own too. Field 21 is the customer's reference where field 70 names none
(``/ROC/``), and the instruction's where it does. Field 21R asks for one booking and is the payment's id.

What an MT101 cannot carry: purposes, parties behind the accounts, structured references as such, names over two lines
of 33, addresses over three lines, signs outside the X character set. ``write_told`` says what of that it met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeAlias

from electra_kernel.formats import mt, mt_kinds, mt_letters, mt_values
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.mt_orders import (
    CATEGORY_PURPOSES,
    CHARGES,
    SERVICE_LEVELS,
    bank_of,
    created,
    instructions,
    kind_of_order,
    midnight,
    money_of,
    not_kept,
    noted_reference,
    own_reference,
    read_remittance,
    short_reference,
    tell_finer,
    tell_losses,
    tell_services,
    tell_tracking,
    write_charges,
    write_money,
    write_remittance,
)
from electra_kernel.formats.mt_parties import read_party, write_party
from electra_kernel.orders.model import NOBODY, NOT_PROVIDED, Order, Transaction
from electra_kernel.vocabulary.errors import ElectraError, Problem
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party


def detect(data: bytes) -> bool:
    """Whether the bytes are requests for transfer (MT101)."""
    return mt_kinds.kind_of(data) == "101"


# --------------------------------------------------------------------------------------------------------- read
def read(data: bytes, source: str) -> Reading:
    """A file of requests as orders; messages of other types are told by name.

    Raises:
        UnreadableFile: no payment in it that can be read.
    """
    problems = Problems(source)
    found = mt.fields(data, problems)
    orders: list[Order] = []
    for message in mt.messages(found):
        kind = message.kind or mt_kinds.kind_by_tags(found.tags(message.first, message.stop))
        if kind == "101":
            orders.extend(_Request(found, message, problems).orders())
        else:
            mt.other_message(kind, found, message, problems)
    if not orders:
        why = next((problem.text for problem in problems.rows()), "")
        raise unreadable(
            source, "no-message", f"No payment in the file can be read. {why}".rstrip(), "Correct it.", field="32B"
        )
    return Reading(format="mt101", orders=tuple(orders), problems=problems.rows())


@dataclass(slots=True)
class _Payment:
    """Sequence B: one payment as its fields say it."""

    line: int
    reference: str = ""
    money: Money | None = None
    debtor: Party | None = None
    counterparty: Party = NOBODY
    remittance: str = ""
    customer_reference: str = ""
    charges: str = ""
    bank: str = ""
    service_level: str = ""
    category_purpose: str = ""


#: What the payments of one order have in common: debtor, currency, bearer of charges, service level, purpose.
_Key: TypeAlias = tuple[Party, str, str, str, str]


@dataclass(slots=True)
class _Head:
    """Sequence A: what is said for all payments."""

    reference: str = ""
    batch: str = ""
    day: date | None = None
    debtor: Party = NOBODY
    bank: str = ""
    initiator: str = ""
    charges: str = ""
    payments: list[_Payment] = field(default_factory=list)


class _Request:
    """Reads one message."""

    def __init__(self, found: mt.Fields, message: mt.Message, problems: Problems) -> None:
        self._found, self._message, self._problems = found, message, problems
        self._head = _Head()
        self._line = 0

    def orders(self) -> list[Order]:
        """The message's payments by account, currency and bearer of charges, in order."""
        for number in range(self._message.first, self._message.stop):
            self._line = int(self._found.lines[number])
            self._field(self._found.tag(number), self._found.value(number))
        head = self._head
        tell_tracking(self._found, self._message, self._problems)
        if not head.reference:
            self._error("20", "missing", "The request has no reference.")
        if head.day is None:
            self._error("30", "date", "The request names no execution date that can be read; it is left out.")
            return []
        groups: dict[_Key, list[Transaction]] = {}
        for payment in head.payments:
            transaction = self._transaction(payment)
            if transaction is not None:
                debtor = payment.debtor or head.debtor
                if payment.bank and not debtor.bic:
                    debtor = replace(debtor, bic=payment.bank)
                common = (payment.charges or head.charges, payment.service_level, payment.category_purpose)
                groups.setdefault((debtor, transaction.amount.currency, *common), []).append(transaction)
        return [
            self._order(key, tuple(transactions), head.day, number if len(groups) > 1 else 0)
            for number, (key, transactions) in enumerate(groups.items(), 1)
        ]

    def _error(self, tag: str, rule: str, text: str) -> None:
        self._problems.error(self._line, tag, rule, text, "Correct the file, or ask its maker.")

    def _order(self, key: _Key, transactions: tuple[Transaction, ...], day: date, number: int) -> Order:
        head, (debtor, currency, charges, service, purpose) = self._head, key
        if head.bank and not debtor.bic:
            debtor = replace(debtor, bic=head.bank)
        suffix = f"-{number}" if number else ""
        return Order(
            message_id=f"{head.reference}{suffix}",
            payment_id=f"{head.batch or head.reference}{suffix}",
            kind=kind_of_order(currency, debtor),
            debtor=debtor,
            execution_date=day,
            created=created(self._found, self._message) or midnight(day),
            transactions=transactions,
            initiator=head.initiator,
            batch_booking=True if head.batch else None,
            charge_bearer=charges,
            service_level=service,
            category_purpose=purpose,
        )

    def _transaction(self, payment: _Payment) -> Transaction | None:
        self._line = payment.line
        if payment.money is None:
            self._error("32B", "amount", f"Payment {payment.reference} is left out: it has no amount above nothing.")
            return None
        tell_finer(payment.money, self._problems, payment.line, "32B")
        if payment.counterparty == NOBODY:
            self._error("59", "missing", f"Payment {payment.reference} names no beneficiary.")
        own = "" if payment.reference in mt.NO_REFERENCE else payment.reference
        named = payment.customer_reference
        return Transaction(
            amount=payment.money,
            counterparty=payment.counterparty,
            remittance=payment.remittance,
            end_to_end_id=named or own or NOT_PROVIDED,
            instruction_id=own if named else "",
            position=payment.line,
        )

    def _field(self, tag: str, value: str) -> None:
        head = self._head
        if tag == "21":
            head.payments.append(_Payment(self._line, value))
        elif head.payments:
            self._of_payment(head.payments[-1], tag, value)
        else:
            self._of_head(head, tag, value)

    def _of_head(self, head: _Head, tag: str, value: str) -> None:
        if tag == "20":
            head.reference = value
        elif tag == "21R":
            head.batch = value
        elif tag == "30":
            head.day = mt_values.day_of(value)
        elif tag == "71A":
            head.charges = CHARGES.get(value, "")
        elif tag in ("50L", "50C"):
            head.initiator = value
        elif tag[:2] == "50":
            head.debtor = self._party(tag, value)
        elif tag == "52A":
            head.bank = bank_of(self._problems, self._line, tag, value)
        elif tag != "28D":
            not_kept(self._problems, self._line, tag, value)

    def _of_payment(self, payment: _Payment, tag: str, value: str) -> None:
        if tag == "32B":
            payment.money = money_of(value)
        elif tag == "71A":
            payment.charges = CHARGES.get(value, "")
        elif tag[:2] == "50" and tag not in ("50L", "50C"):
            payment.debtor = self._party(tag, value)
        elif tag == "52A":
            payment.bank = bank_of(self._problems, self._line, tag, value)
        elif tag == "57A":
            bic = bank_of(self._problems, self._line, tag, value)
            payment.counterparty = replace(payment.counterparty, bic=bic)
        elif tag[:2] == "59":
            bic = payment.counterparty.bic
            party = self._party(tag, value)
            payment.counterparty = replace(party, bic=party.bic or bic)
        elif tag == "70":
            payment.remittance, payment.customer_reference = read_remittance(value)
        else:
            self._beside(payment, tag, value)

    def _beside(self, payment: _Payment, tag: str, value: str) -> None:
        """Instructions and notes; of these an order has a place for some."""
        if tag == "23E" and value in SERVICE_LEVELS and not payment.service_level:
            payment.service_level = value
        elif tag == "23E" and value in CATEGORY_PURPOSES and not payment.category_purpose:
            payment.category_purpose = value
        elif tag == "72":
            reference, notes = noted_reference(value)
            payment.customer_reference = payment.customer_reference or reference
            if notes:
                not_kept(self._problems, self._line, tag, notes)
        else:
            not_kept(self._problems, self._line, tag, value)

    def _party(self, tag: str, value: str) -> Party:
        party, left = read_party(value)
        for line in left:
            not_kept(self._problems, self._line, tag, line)
        return party


# -------------------------------------------------------------------------------------------------------- write
def write(orders: Sequence[Order]) -> bytes:
    """Orders as messages without blocks, one each, ended by a hyphen.

    Raises:
        ElectraError: no order, a collection, or an id, account or amount that does not fit.
    """
    return write_told(orders)[0]


def write_told(orders: Sequence[Order]) -> tuple[bytes, tuple[Problem, ...]]:
    """As ``write``, and what was left out or changed, one row for each order and reason."""
    if not orders:
        raise ElectraError("There is no order to write.", repair="Give at least one.")
    written: list[str] = []
    told: list[Problem] = []
    for order in orders:
        problems = Problems(order.message_id)
        written.append(_message(order, problems))
        told.extend(problems.rows())
    return "".join(written).encode("ascii"), tuple(told)


def _message(order: Order, problems: Problems) -> str:
    if order.collects:
        raise ElectraError("An MT101 carries no collections.", repair="Write them as pain.008.")

    def told(tag: str, rule: str, text: str) -> None:
        problems.warn_once(tag, rule, text, "Choose pain.001 where this must be carried.")

    _tell_order(order, told)
    fields = [("20", short_reference("20", order.message_id))]
    if order.batch_booking:
        fields.append(("21R", short_reference("21R", order.payment_id)))
    fields.append(("28D", "1/1"))
    if order.initiator:
        fields.append(("50L", mt_letters.plain(order.initiator)[:35].strip()))
    fields.append(write_party("50", "H", order.debtor, told))
    if order.debtor.bic:
        fields.append(("52A", mt_letters.checked("52A", order.debtor.bic, 11)))
    fields.append(("30", f"{order.execution_date:%y%m%d}"))
    charges = write_charges(order.charge_bearer, told)
    for each in order.transactions:
        fields.extend(_payment(each, charges, instructions(order), told))
    return mt_letters.message_text(fields) + "-\r\n"


def _tell_order(order: Order, told: mt.Told) -> None:
    if order.initiator and mt_letters.plain(order.initiator)[:35].strip() != order.initiator:
        told("50L", "characters", "The initiator is written in 35 characters of the X character set.")
    tell_services(order, told)
    if order.batch_booking is False or (not order.batch_booking and order.payment_id != order.message_id):
        told("21R", "batch", "The payment's id is carried where one booking is asked for only.")


def _payment(each: Transaction, charges: str, services: list[tuple[str, str]], told: mt.Told) -> list[tuple[str, str]]:
    tell_losses(each, told)
    reference = own_reference(each)
    own, named = each.instruction_id or reference or "NONREF", ""
    if each.instruction_id or len(own) > 16 or mt_letters.plain(own) != own or "//" in own or "/" in (own[0], own[-1]):
        own, named = each.instruction_id or "NONREF", mt_letters.checked("70", reference or NOT_PROVIDED, 35)
    fields = [("21", short_reference("21", own)), *services, ("32B", write_money(each.amount))]
    if each.counterparty.bic:
        fields.append(("57A", mt_letters.checked("57A", each.counterparty.bic, 11)))
    fields.append(write_party("59", "", each.counterparty, told))
    return [*fields, ("70", write_remittance(each, named, told)), ("71A", charges)]
