"""What happens to a payment order: formal checks when it arrives, execution when its date has come.

What may live here: the bank's rules for payments and their booking. Who may send what is the desk's business.
Reception refuses what can never be paid (account, currency, date, duplicate message); execution refuses what cannot
be paid today (funds) or what the creditor's bank sends back at once (closed and blocked accounts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, select

from electra_kernel.bank import orderdata
from electra_kernel.bank.database import blocks, counterparties, insert_row, orders, rejections
from electra_kernel.bank.ledger import (
    Account,
    Booking,
    Posting,
    account_of,
    balance,
    book,
    customer_accounts,
    own_account,
)
from electra_kernel.bank.reports import BlockOutcome, Refusal, Subject, group_status, render, report
from electra_kernel.bank.seed import calendar_of
from electra_kernel.formats import camt053, pain001
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.accounts import AccountError, parse_account
from electra_kernel.vocabulary.parties import Party

#: How many days late an order may come, and how long ahead.
_DAYS_LATE, _DAYS_AHEAD = 15, 365

#: Payments that are told on trial in one go: the words of a large order are never held all at once.
_TRIED_AT_ONCE = 2_000

_IBAN_SHAPE = re.compile(r"[A-Z]{2}[0-9]{2}")

#: ISO 20022 bank transaction code of a sent transfer by the kind of order.
_CODES = {"domestic": "PMNT-ICDT-DMCT", "sepa": "PMNT-ICDT-ESCT", "cross-border": "PMNT-ICDT-XBCT"}
_SALARY, _BETWEEN_CUSTOMERS = "PMNT-ICDT-SALA", "PMNT-RCDT-BOOK"


@dataclass(frozen=True, slots=True)
class _Context:
    """What blocks are executed by: all customers' accounts by number, and accounts elsewhere that always fail."""

    accounts: Mapping[str, Account]
    clearing: Mapping[str, Account]
    trouble: Mapping[str, Refusal]


def accept(connection: Connection, order_key: int, read: Sequence[Order], *, format_name: str, at: datetime) -> str:
    """Check an order's blocks, keep what is to be executed, and report its reception.

    Returns:
        ``ACCP``, ``PART`` or ``RJCT``.
    """
    row = connection.execute(select(*orderdata.COLUMNS).where(orders.c.id == order_key)).one()
    subject = Subject(partner_id=row.partner_id, message_id=row.message_id, format=format_name)
    duplicate = _duplicate_message(connection, row)
    outcomes = []
    for number, order in enumerate(read):
        refusals = _formal_refusals(connection, row.partner_id, order, at.date(), duplicate)
        status = _status(len(order.transactions), len(refusals), "ACCP")
        block = insert_row(
            connection,
            blocks,
            order=order_key,
            number=number,
            payment_id=order.payment_id,
            execution_date=order.execution_date,
            state="rejected" if status == "RJCT" else "pending",
        )
        _keep(connection, block, refusals)
        outcomes.append(BlockOutcome(order, status, refusals))
    status = group_status([outcome.status for outcome in outcomes], "RJCT")
    reasons = [duplicate] if duplicate else []
    report(connection, subject, outcomes, status=status, at=at, every=False, refusals=reasons)
    return status


def check_tellable(read: Sequence[Order], *, format_name: str, at: datetime) -> None:
    """See that everything an order says can be told again, in a report and on statements of both sides.

    An order is refused for it when it arrives: later, when a day is closed, it would be in everybody's way.

    Raises:
        ElectraError: an id, a name or a text is too long for the messages it would come back in.
    """
    for order in read:
        subject = Subject(partner_id="", message_id=order.message_id, format=format_name)
        for start in range(0, max(len(order.transactions), 1), _TRIED_AT_ONCE):
            part = replace(order, transactions=order.transactions[start : start + _TRIED_AT_ONCE])
            render(subject, [BlockOutcome(part, "ACSC")], message_id="trial", status="ACSC", at=at, every=True)
            _try_statement(order, [_sent(order, part.transactions)], at)
        received = [_received(order, payment) for payment in order.transactions[:1]]
        total = -sum((payment.amount.amount for payment in order.transactions), Decimal(0))
        _try_statement(order, [replace(_sent(order, order.transactions[:1]), amount=total, details=()), *received], at)


def _try_statement(order: Order, entries: Sequence[Entry], at: datetime) -> None:
    trial = Statement(
        identification="trial",
        account=order.debtor.account,
        currency=order.currency,
        balances=(Balance(kind="CLBD", amount=Decimal(0), currency=order.currency, date=at.date()),),
        entries=tuple(replace(entry, booking_date=at.date(), value_date=at.date()) for entry in entries),
    )
    camt053.write([trial], message_id="trial", created=at)


def _keep(connection: Connection, block: int, refusals: Mapping[int, Refusal]) -> None:
    if refusals:
        connection.execute(
            rejections.insert(),
            [
                {"block": block, "number": number, "code": refusal.code, "text": refusal.text}
                for number, refusal in refusals.items()
            ],
        )


def _status(transactions: int, refused: int, good: str) -> str:
    if refused >= transactions:
        return "RJCT"
    return "PART" if refused else good


# --------------------------------------------------------------------------------------------------- reception
def _duplicate_message(connection: Connection, row: Any) -> Refusal | None:
    query = select(orders.c.order_id).where(
        orders.c.partner_id == row.partner_id,
        orders.c.message_id == row.message_id,
        orders.c.state != "refused",
        orders.c.id < row.id,
    )
    earlier = connection.execute(query.order_by(orders.c.id)).first()
    if earlier is None:
        return None
    return Refusal("DU01", f"The message id {row.message_id} was used before, by order {earlier.order_id}.")


def _formal_refusals(
    connection: Connection, partner_id: str, order: Order, today: date, duplicate: Refusal | None
) -> dict[int, Refusal]:
    refusal = duplicate or _block_refusal(connection, partner_id, order, today)
    if refusal is not None:
        return dict.fromkeys(range(len(order.transactions)), refusal)
    account = account_of(connection, order.debtor.account)
    currency = account.currency if account else ""
    # Large orders pay the same accounts again and again: each is judged once.
    judged = {number: _account_refusal(number) for number in {pay.counterparty.account for pay in order.transactions}}
    found = {}
    for number, transaction in enumerate(order.transactions):
        wrong = _amount_refusal(transaction, currency) or judged[transaction.counterparty.account]
        if wrong is not None:
            found[number] = wrong
    return found


def _block_refusal(connection: Connection, partner_id: str, order: Order, today: date) -> Refusal | None:
    account = account_of(connection, order.debtor.account)
    if account is None or account.partner_id != partner_id:
        return Refusal("AC01", f"The debtor's account {order.debtor.account} is not yours at this bank.")
    if order.execution_date < today - timedelta(days=_DAYS_LATE):
        return Refusal("DT01", f"The execution date {order.execution_date} is more than {_DAYS_LATE} days past.")
    if order.execution_date > today + timedelta(days=_DAYS_AHEAD):
        return Refusal("DT01", f"The execution date {order.execution_date} is more than {_DAYS_AHEAD} days ahead.")
    return None


def _amount_refusal(transaction: Transaction, currency: str) -> Refusal | None:
    amount = transaction.amount
    if amount.currency != currency:
        return Refusal("AM03", f"{amount.currency} cannot be paid from an account in {currency}.")
    if amount.amount <= 0:
        return Refusal("AM01", "The amount is zero or below.")
    return None


def _account_refusal(number: str) -> Refusal | None:
    """Numbers that are no IBAN by their shape are national numbers abroad, of which nothing is known here."""
    if number and not _IBAN_SHAPE.match(number):
        return None
    try:
        parse_account(number)
    except AccountError as error:
        return Refusal("AC03", str(error.what)[:105])
    return None


# --------------------------------------------------------------------------------------------------- execution
def execute_due(
    connection: Connection, at: datetime, read: Mapping[int, Sequence[Order]] = MappingProxyType({})
) -> int:
    """Execute every kept block whose date has come, where the bank settles today.

    Args:
        read: by the key of an order what was just read of it, so that large ones are not read twice.

    Returns:
        how many blocks were executed or refused.
    """
    today = at.date()
    if not calendar_of(connection).is_business_day(today):
        return 0
    query = (
        select(blocks, orders.c.partner_id, orders.c.message_id, orders.c.format)
        .join(orders, orders.c.id == blocks.c.order)
        .where(blocks.c.state == "pending", blocks.c.execution_date <= today)
        .order_by(blocks.c.id)
    )
    due = connection.execute(query).all()
    if not due:
        return 0
    context = _context(connection)
    for key, rows in groupby(due, key=lambda row: row.order):
        _execute_order(connection, context, list(rows), at, read.get(key))
    return len(due)


def _context(connection: Connection) -> _Context:
    accounts = {account.number: account for account in customer_accounts(connection)}
    currencies = {account.currency for account in accounts.values()}
    refusing = connection.execute(select(counterparties).where(counterparties.c.refusal != ""))
    return _Context(
        accounts,
        {currency: own_account(connection, "CLEARING", currency) for currency in sorted(currencies)},
        {row.account: Refusal(row.refusal, row.refusal_text) for row in refusing},
    )


def _execute_order(
    connection: Connection, context: _Context, rows: Sequence[Any], at: datetime, read: Sequence[Order] | None
) -> None:
    first = rows[0]
    held = pain001.read(orderdata.read(connection, first.order), first.message_id).orders if read is None else read
    outcomes = [_execute_block(connection, context, row, held[row.number], at.date()) for row in rows]
    subject = Subject(partner_id=first.partner_id, message_id=first.message_id, format=first.format)
    states = connection.scalars(select(blocks.c.state).where(blocks.c.order == first.order)).all()
    report(connection, subject, outcomes, status=_order_status(states), at=at, every=True)


def _order_status(states: Sequence[str]) -> str:
    """Of the whole order, by the states of its blocks: some still to come, or some refused, make it ``PART``."""
    statuses = {"executed": "ACSC", "rejected": "RJCT", "part-executed": "PART", "pending": "ACCP"}
    return group_status([statuses[state] for state in states], "RJCT")


def _execute_block(connection: Connection, context: _Context, row: Any, order: Order, today: date) -> BlockOutcome:
    account = context.accounts[order.debtor.account]
    refusals = {
        rejection.number: Refusal(rejection.code, rejection.text)
        for rejection in connection.execute(select(rejections).where(rejections.c.block == row.id))
    }
    fresh = _execution_refusals(context, order, balance(connection, account), refusals)
    _keep(connection, row.id, fresh)
    refusals |= fresh
    paid = [payment for number, payment in enumerate(order.transactions) if number not in refusals]
    book(connection, today, _bookings(context, order, paid))
    status = _status(len(order.transactions), len(refusals), "ACSC")
    state = {"ACSC": "executed", "PART": "part-executed", "RJCT": "rejected"}[status]
    connection.execute(blocks.update().where(blocks.c.id == row.id).values(state=state))
    return BlockOutcome(order, status, refusals)


def _execution_refusals(
    context: _Context, order: Order, funds: Decimal, known: Mapping[int, Refusal]
) -> dict[int, Refusal]:
    found: dict[int, Refusal] = {}
    left: dict[int, Transaction] = {}
    for number, payment in enumerate(order.transactions):
        refusal = _creditor_refusal(context, payment)
        if number not in known and refusal is not None:
            found[number] = refusal
        elif number not in known:
            left[number] = payment
    return found | _without_funds(funds, left, together=_as_one(order))


def _creditor_refusal(context: _Context, payment: Transaction) -> Refusal | None:
    number = payment.counterparty.account
    account = context.accounts.get(number)
    if account is not None and account.currency != payment.amount.currency:
        return Refusal("AM03", f"The creditor's account is in {account.currency}.")
    return context.trouble.get(number)


def _as_one(order: Order) -> bool:
    """Whether the payments are booked as one: as asked, and where nothing is asked, several are."""
    return len(order.transactions) > 1 if order.batch_booking is None else order.batch_booking


def _without_funds(funds: Decimal, left: Mapping[int, Transaction], *, together: bool) -> dict[int, Refusal]:
    refusal = Refusal("AM04", "There are not enough funds on the account.")
    if together:
        total = sum((payment.amount.amount for payment in left.values()), Decimal(0))
        return dict.fromkeys(left, refusal) if total > funds else {}
    found = {}
    for number, payment in left.items():
        if payment.amount.amount > funds:
            found[number] = refusal
        else:
            funds -= payment.amount.amount
    return found


# ----------------------------------------------------------------------------------------------------- booking
def _bookings(context: _Context, order: Order, paid: Sequence[Transaction]) -> Iterator[Booking]:
    if paid and _as_one(order):
        yield _booking(context, order, paid)
    else:
        yield from (_booking(context, order, (payment,)) for payment in paid)


def _booking(context: _Context, order: Order, payments: Sequence[Transaction]) -> Booking:
    entry = _sent(order, payments)
    legs = (
        Posting(context.accounts[order.debtor.account], entry.amount, entry),
        *_credits(context, order, payments),
    )
    return Booking(f"Order {order.message_id} {order.payment_id}", legs)


def _sent(order: Order, payments: Sequence[Transaction]) -> Entry:
    """What the payer's statement shows."""
    code = _CODES.get(order.kind, _CODES["cross-border"])
    return Entry(
        amount=-sum((payment.amount.amount for payment in payments), Decimal(0)),
        currency=order.currency,
        booking_date=None,
        value_date=None,
        bank_transaction_code=_SALARY if all(payment.purpose == "SALA" for payment in payments) else code,
        entry_reference=order.payment_id,
        additional_information=f"Order {order.payment_id}, {len(payments)} payments" if len(payments) > 1 else "",
        details=tuple(_detail(payment, payment.counterparty, -payment.amount.amount) for payment in payments),
    )


def _credits(context: _Context, order: Order, payments: Sequence[Transaction]) -> Iterator[Posting]:
    """The other legs: to customers of this bank one each, to all others together through clearing."""
    outside = Decimal(0)
    for payment in payments:
        account = context.accounts.get(payment.counterparty.account)
        if account is None:
            outside += payment.amount.amount
        else:
            yield Posting(account, payment.amount.amount, _received(order, payment))
    if outside:
        yield Posting(context.clearing[payments[0].amount.currency], outside)


def _received(order: Order, payment: Transaction) -> Entry:
    """What the statement of a payee at this bank shows."""
    return Entry(
        amount=payment.amount.amount,
        currency=payment.amount.currency,
        booking_date=None,
        value_date=None,
        bank_transaction_code=_BETWEEN_CUSTOMERS,
        details=(_detail(payment, order.debtor, payment.amount.amount),),
    )


def _detail(payment: Transaction, counterparty: Party, amount: Decimal) -> EntryDetail:
    return EntryDetail(
        amount=amount,
        currency=payment.amount.currency,
        counterparty=counterparty,
        remittance=payment.remittance,
        structured_reference=payment.structured_reference,
        end_to_end_id=payment.end_to_end_id,
    )
