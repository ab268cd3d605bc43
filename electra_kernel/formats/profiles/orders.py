"""Rows of a profile as orders or payments, and orders as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from electra_kernel.formats.base import Problems
from electra_kernel.formats.fields import LayoutError, Values
from electra_kernel.formats.profiles.facts import Facts, facts_of, values_of
from electra_kernel.formats.profiles.model import ORDER_COLUMNS, Part, Profile
from electra_kernel.formats.records import Row
from electra_kernel.orders.kinds import kind_for
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party

#: Payments that differ in one of these belong to different orders.
_APART = ("debtor_account", "execution_date", "message_id", "payment_id")
_TEXTS = ("remittance", "structured_reference", "instruction_id", "purpose", "ultimate_debtor", "ultimate_creditor")


@dataclass(slots=True)
class _Draft:
    facts: Facts
    transactions: list[Transaction] = field(default_factory=list)


def orders_of(
    rows: Iterable[Row], profile: Profile, digest: str, problems: Problems
) -> tuple[tuple[Order, ...], tuple[Transaction, ...]]:
    """The orders of a file, and its payments where it names no account that pays.

    Payments under one header are one order unless they differ in account, date or currency.

    Args:
        rows: as they come.
        profile: what they mean.
        digest: a hash of the file: the message id where the file has none.
        problems: takes everything that is wrong.
    """
    parts = {part.record.name: part for part in profile.parts}
    common: Facts = {**profile.fixed}
    header: Facts = {}
    drafts: dict[tuple[Any, ...], _Draft] = {}
    headers = 0
    for row in rows:
        part = parts[row.record]
        if not part.role:
            continue
        facts = facts_of(row, part, problems)
        if part.role == "file":
            common.update(facts)
        elif part.role == "order":
            header, headers = facts, headers + 1
        elif part.role == "payment" and (item := _transaction(row, {**common, **header, **facts}, problems)):
            said = {name: value for name, value in {**common, **header, **facts}.items() if name in ORDER_COLUMNS}
            key = (headers, item.amount.currency, *(said.get(name) for name in _APART))
            drafts.setdefault(key, _Draft(said)).transactions.append(item)
    if "debtor_account" not in {name for each in drafts.values() for name in each.facts}:
        return (), tuple(item for each in drafts.values() for item in each.transactions)
    found = [_order(draft, f"{digest[:24]}-{number}", problems) for number, draft in enumerate(drafts.values(), 1)]
    left = [
        item
        for draft, order in zip(drafts.values(), found, strict=True)
        if order is None
        for item in draft.transactions
    ]
    return tuple(order for order in found if order is not None), tuple(left)


def _transaction(row: Row, facts: Facts, problems: Problems) -> Transaction | None:
    try:
        if facts.get("amount") is None:
            raise ElectraError(
                "The payment has no amount that can be read.", repair="Correct it and read the file again."
            )
        money = Money(Decimal(facts["amount"]), str(facts.get("currency", "")))
    except ElectraError as error:
        problems.error(row.line, f"{row.record}.amount", "amount", f"{error.what} It was left out.", error.repair)
        return None
    address = str(facts.get("counterparty_address", ""))
    texts: dict[str, Any] = {name: str(facts.get(name, "")) for name in _TEXTS}
    return Transaction(
        amount=money,
        counterparty=Party(
            name=str(facts.get("counterparty_name", "")),
            account=str(facts.get("counterparty_account", "")),
            bic=str(facts.get("counterparty_bic", "")),
            identification=str(facts.get("counterparty_identification", "")),
            address=Address(lines=(address,) if address else ()),
        ),
        end_to_end_id=str(facts.get("end_to_end_id") or NOT_PROVIDED),
        position=row.line,
        **texts,
    )


def _order(draft: _Draft, identification: str, problems: Problems) -> Order | None:
    facts = draft.facts
    day = facts.get("execution_date") or facts.get("created")
    if day is None:
        said = "The payments have no execution date; they were read without the account that pays."
        problems.error(None, "execution_date", "execution-date", said, "Read them into an order with a date.")
        return None
    address = str(facts.get("debtor_address", ""))
    account, currency = str(facts.get("debtor_account", "")), draft.transactions[0].amount.currency
    message = str(facts.get("message_id") or identification)
    return Order(
        message_id=message,
        payment_id=str(facts.get("payment_id") or message),
        kind=kind_for(currency, "", account[:2]).code,
        debtor=Party(
            name=str(facts.get("debtor_name", "")),
            account=account,
            bic=str(facts.get("debtor_bic", "")),
            identification=str(facts.get("debtor_identification", "")),
            address=Address(lines=(address,) if address else ()),
        ),
        execution_date=day,
        created=datetime.combine(facts.get("created") or day, time(), UTC),
        transactions=tuple(draft.transactions),
        initiator=str(facts.get("initiator", "")),
    )


# ------------------------------------------------------------------------------------------------------------- writing
def rows_for(orders: Sequence[Order], profile: Profile) -> Iterator[tuple[str, Values]]:
    """The rows that say these orders.

    Raises:
        LayoutError: a text does not fit, or orders differ in what the file says once for all.
    """
    if any(order.collects for order in orders):
        raise LayoutError(f"{profile.name} carries payments.", repair="Write collections as pain.008 or BESZED.")
    head, start, end = profile.of_role("file"), profile.of_role("order"), profile.of_role("end")
    payment = profile.of_role("payment")
    if payment is None:
        raise LayoutError("The profile has no record of the role 'payment'.", repair="Add one.")
    if head is not None:
        yield head.record.name, values_of(_one_for_all(orders, head), head)
    for order in orders:
        facts = order_facts(order)
        if start is not None:
            yield start.record.name, values_of(facts, start)
        for item in order.transactions:
            yield payment.record.name, values_of(facts | transaction_facts(item), payment)
        if start is not None and end is not None:
            yield end.record.name, values_of(facts, end)
    if start is None and end is not None:
        yield end.record.name, values_of({}, end)


def _one_for_all(orders: Sequence[Order], head: Part) -> Facts:
    columns = {meaning.column for meaning in head.meanings.values()}
    said = [{name: value for name, value in order_facts(order).items() if name in columns} for order in orders]
    if any(each != said[0] for each in said):
        raise LayoutError(
            "The file names the account or date once, and the orders differ.", repair="Write one file each."
        )
    return said[0] if said else {}


def order_facts(order: Order) -> Facts:
    """What an order says of itself, by column."""
    return {
        "message_id": order.message_id,
        "payment_id": order.payment_id,
        "debtor_name": order.debtor.name,
        "debtor_account": order.debtor.account,
        "debtor_bic": order.debtor.bic,
        "debtor_identification": order.debtor.identification,
        "debtor_address": str(order.debtor.address),
        "execution_date": order.execution_date,
        "created": order.created.date(),
        "initiator": order.initiator,
        "currency": order.currency,
    }


def transaction_facts(item: Transaction) -> Facts:
    """What a payment says, by column."""
    party = item.counterparty
    return {
        "amount": item.amount.amount,
        "currency": item.amount.currency,
        "counterparty_name": party.name,
        "counterparty_account": party.account,
        "counterparty_bic": party.bic,
        "counterparty_identification": party.identification,
        "counterparty_address": str(party.address),
        "end_to_end_id": "" if item.end_to_end_id == NOT_PROVIDED else item.end_to_end_id,
        **{name: getattr(item, name) for name in _TEXTS},
    }
