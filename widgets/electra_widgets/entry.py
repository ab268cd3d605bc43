"""What a person typed, read into payments and an order, or into messages for the fields. No widgets here.

What may live here: functions from texts to values. The rules an order must keep are the rulebooks'; this file says
which field of the form a broken rule belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from electra_kernel import Workbench
from electra_kernel.orders.kinds import KINDS, kind_for
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.orders.rulebooks import check
from electra_kernel.vocabulary.accounts import format_account, parse_account
from electra_kernel.vocabulary.dates import BusinessCalendar
from electra_kernel.vocabulary.errors import ElectraError, Problem, Severity
from electra_kernel.vocabulary.money import Money, format_amount, is_currency, parse_amount
from electra_kernel.vocabulary.parties import Party
from electra_kernel.workbench.orders import TrackedOrder

Value = TypeVar("Value")

_ZERO = Decimal(0)
#: Stands in where the form's own currency cannot be read, so that the payments are read all the same.
_ANY_CURRENCY = "EUR"

#: Where a rule's field stands in the form; what is not listed belongs to the form as a whole.
_FIELDS: Mapping[str, str] = {
    "counterparty.name": "name",
    "counterparty.account": "account",
    "counterparty.bic": "account",
    "amount": "amount",
    "remittance": "remittance",
    "end_to_end_id": "reference",
    "structured_reference": "reference",
    "currency": "kind",
    "kind": "kind",
    "execution_date": "execution_date",
    "debtor.account": "debtor",
    "debtor.name": "debtor",
}

_CREDITOR_REFERENCE = re.compile(r"RF[0-9]{2}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DebitAccount:
    """An account of the customer that may pay: at which connection, its IBAN, holder and currency."""

    connection: str
    account: str
    holder: str
    currency: str
    description: str = ""

    def __str__(self) -> str:
        name = f"{self.description}, " if self.description else ""
        return f"{name}{self.currency}, {format_account(self.account)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentTexts:
    """One payment as it was typed."""

    name: str = ""
    account: str = ""
    amount: str = ""
    remittance: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTexts:
    """A whole form as it was filled in."""

    debtor: DebitAccount | None
    kind: str
    currency: str
    execution_date: date | None
    payments: tuple[PaymentTexts, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """What is wrong with a field. ``payment`` counts from 0, ``None`` for the order; ``field`` is empty for the form."""

    payment: int | None
    field: str
    text: str
    severity: Severity = "error"


def debit_accounts(workbench: Workbench) -> list[DebitAccount]:
    """Every account that can pay, of every connection that is ready.

    Raises:
        ElectraError: the bank has to be asked and cannot be.
    """
    return [
        DebitAccount(line.name, each.iban or each.national, each.holder, each.currency, each.description)
        for line in workbench.connections.values()
        if line.ready
        for each in line.info().accounts
    ]


def likely_kind(debtor: DebitAccount) -> str:
    """The kind of order that mostly goes out from an account."""
    return kind_for(debtor.currency, "", debtor.account[:2]).code


def currency_of(kind: str, debtor: DebitAccount | None) -> str:
    """The currency of a kind that has only one, else the account's."""
    own = KINDS[kind].currencies
    return own[0] if len(own) == 1 else (debtor.currency if debtor else "")


def first_execution_date(kind: str, today: date) -> date:
    """The first day from today on that a kind of order settles on."""
    return BusinessCalendar(KINDS[kind].calendar).next_business_day(today)


def read_payment(texts: PaymentTexts, currency: str, place: int) -> tuple[Transaction | None, list[Message]]:
    """Read one payment.

    Args:
        texts: what was typed.
        currency: ISO 4217, of the order.
        place: counts from 0; the transaction's position counts from 1.

    Returns:
        The transaction, or ``None`` and a message for each field that cannot be read.
    """
    messages: list[Message] = []

    def read(field: str, reader: Callable[[str], Value], text: str, missing: str) -> Value | None:
        if not text.strip():
            messages.append(Message(place, field, missing))
            return None
        try:
            return reader(text)
        except ElectraError as error:
            messages.append(Message(place, field, _in_a_line(error)))
            return None

    name = read("name", str.strip, texts.name, "Who is paid? Give the account holder's name.")
    account = read("account", parse_account, texts.account, "Give the payee's account from the invoice.")
    amount = read("amount", parse_amount, texts.amount, "Give the amount, such as 1234.56.")
    if name is None or account is None or amount is None:
        return None, messages
    reference = texts.reference.strip()
    structured = "".join(reference.split()).upper() if _CREDITOR_REFERENCE.match(reference) else ""
    payment = Transaction(
        amount=Money(amount, currency),
        counterparty=Party(name=name, account=account),
        remittance=texts.remittance.strip(),
        structured_reference=structured,
        end_to_end_id=NOT_PROVIDED if structured or not reference else reference,
        position=place + 1,
    )
    return payment, messages


def read_order(texts: OrderTexts, now: datetime, today: date) -> tuple[Order | None, list[Message]]:
    """Read a form and check it by the rulebook of its kind, without making an order.

    Returns:
        The order, or ``None`` where anything is an error; and every message, warnings among them. The order's ids are
        those of a form: making it gives it its own.
    """
    general = _order_messages(texts)
    currency = texts.currency if is_currency(texts.currency) else _ANY_CURRENCY
    read = [read_payment(payment, currency, place) for place, payment in enumerate(texts.payments)]
    messages = general + [message for _, found in read for message in found]
    if texts.debtor is None or texts.execution_date is None or general:
        return None, messages
    payments = tuple(payment for payment, _ in read if payment)
    order = Order(
        message_id="FORM",
        payment_id="FORM-1",
        kind=texts.kind,
        debtor=Party(name=texts.debtor.holder, account=texts.debtor.account),
        execution_date=texts.execution_date,
        created=now,
        transactions=payments,
    )
    if payments or not texts.payments:
        messages += map(_message, check(order, today=today, calendar=BusinessCalendar(KINDS[texts.kind].calendar)))
    is_wrong = any(message.severity == "error" for message in messages)
    return (None if is_wrong else order), messages


def make_order(workbench: Workbench, texts: OrderTexts) -> tuple[TrackedOrder | None, list[Message]]:
    """Check a form and make its order in the workbench; nothing is made where anything is an error.

    Raises:
        ElectraError: the workbench cannot keep it.
    """
    order, messages = read_order(texts, workbench.clock(), workbench.today())
    if order is None or texts.debtor is None:
        return None, messages
    made = workbench.orders.new(
        order.transactions,
        debtor=order.debtor.account,
        debtor_name=order.debtor.name,
        kind=order.kind,
        execution_date=order.execution_date,
        connection=texts.debtor.connection,
    )
    made.check()
    return made, messages


def total_text(payments: Sequence[PaymentTexts], currency: str) -> str:
    """``Total: 3 500.00 HUF in 2 payments``, of the amounts that can be read."""
    amounts = []
    for payment in payments:
        try:
            amounts.append(parse_amount(payment.amount))
        except ElectraError:
            continue
    if not is_currency(currency):
        return ""
    total = f"{format_amount(sum(amounts, start=_ZERO), currency)} {currency}"
    unread = len(payments) - len(amounts)
    rest = f"; {unread} without a readable amount" if unread else ""
    return f"Total: {total} in {_count(len(amounts), 'payment')}{rest}"


def summary(messages: Sequence[Message]) -> str:
    """How many things are wrong, in words; empty where nothing is."""
    errors = sum(message.severity == "error" for message in messages)
    warnings = len(messages) - errors
    parts = [_count(errors, "problem")] * bool(errors) + [_count(warnings, "warning")] * bool(warnings)
    return " and ".join(parts)


def _order_messages(texts: OrderTexts) -> list[Message]:
    found = []
    if texts.debtor is None:
        found.append(Message(None, "debtor", "Choose the account that pays."))
    if texts.execution_date is None:
        found.append(Message(None, "execution_date", "Choose the day of execution."))
    if not is_currency(texts.currency):
        found.append(Message(None, "currency", "Use a three-letter code, such as HUF or EUR."))
    return found


def _message(problem: Problem) -> Message:
    place = None if problem.position is None else problem.position - 1
    field = _FIELDS.get(problem.field, "")
    text = f"{problem.text} {problem.repair}"
    return Message(place, field, text if field else f"{problem.field}: {text}", problem.severity)


def _in_a_line(error: ElectraError) -> str:
    cause = f"{error.cause[:1].upper()}{error.cause[1:].rstrip('.')}." if error.cause else ""
    return " ".join(part for part in (error.what, cause, error.repair) if part)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
