"""Hungarian group messages in fixed width (BKR IG1 standards, volume III; "UGIRO"): group transfers ATUTAL, the banks' longer
variant TOMEGA, and group collections BESZED. Read and written.

The rules.

* A message is a head (01, 174 characters), items (02, 249; TOMEGA 275) and a foot (03, 24) with count and sum. Text is IBM 852,
  lines end with CR LF, amounts are whole forints. A file may hold several messages.
* One message is one order; a collection's items with another due date than the head's are an order of their own.
* The message number (date and number of the day) is the order's message id. The holder of the account is the counterparty, the
  initiator's customer where it is another person the ultimate party. The customer's number is the end-to-end id of a transfer
  and the mandate of a collection.
* An account whose last eight digits are zeros is written with 16 digits and blanks, as the standard does for short accounts.
* What an order has no place for (purpose code, message to the bank, duplicate mark) is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from electra_kernel.formats import fixedwidth
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.fields import LayoutError, Values
from electra_kernel.formats.fixedwidth import Field, Layout, Record, Total
from electra_kernel.formats.hungarian import from_giro, to_giro
from electra_kernel.formats.records import Row
from electra_kernel.orders.kinds import KINDS
from electra_kernel.orders.model import NOT_PROVIDED, Mandate, Order, Transaction
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party

MESSAGES = ("ATUTAL", "TOMEGA", "BESZED")

#: How much of an ATUTAL's text the payee's bank gets (F217 of the interbank message).
_TEXT_THAT_ARRIVES = 18
_NUMBER = re.compile("[0-9]{12}")


def _layout(message: str) -> Layout:
    dated = message != "ATUTAL"
    return Layout(
        name=message,
        encoding="cp852",
        ends=("foot",),
        records=(
            Record(
                name="head",
                length=174,
                shortest=104,
                marks=((1, ("01",)), (3, (message,))),
                after=("", "foot"),
                fields=(
                    Field("", 1, 2, const="01"),
                    Field("message", 3, 6, const=message),
                    Field("duplicate", 9, 1, default="0"),
                    Field("initiator", 10, 13, required=True),
                    Field("made", 23, 8, "date", required=True),
                    Field("number", 31, 4, "digits", required=True),
                    Field("account", 35, 24, required=True),
                    Field("day", 59, 8, "date", required=True),
                    Field("purpose", 67, 3),
                    Field("name", 70, 35, required=True),
                    Field("text", 105, 70),
                ),
            ),
            Record(
                name="item",
                length=275 if message == "TOMEGA" else 249,
                shortest=144,
                marks=((1, ("02",)),),
                after=("head", "item"),
                fields=(
                    Field("", 1, 2, const="02"),
                    Field("number", 3, 6, "integer", total=Total(of=("item",), since="head")),
                    Field("day", 9, 8, "date") if dated else Field("reserved", 9, 8),
                    Field("amount", 17, 10, "amount", required=True),
                    Field("account", 27, 24, required=True),
                    Field("customer", 51, 24),
                    Field("customer_name", 75, 35),
                    Field("customer_address", 110, 35),
                    Field("holder", 145, 35),
                    Field("text", 180, 96 if message == "TOMEGA" else 70),
                ),
            ),
            Record(
                name="foot",
                length=24,
                marks=((1, ("03",)),),
                after=("item",),
                fields=(
                    Field("", 1, 2, const="03"),
                    Field("count", 3, 6, "integer", total=Total(of=("item",), since="head")),
                    Field("sum", 9, 16, "amount", total=Total(of=("item",), field="amount", since="head")),
                ),
            ),
        ),
    )


_LAYOUTS = {message: _layout(message) for message in MESSAGES}


def message_of(data: bytes) -> str:
    """Which message a file begins with; empty where it is none of these."""
    start = data[:80].lstrip(b"\xef\xbb\xbf\r\n")
    name = start[2:8].decode("ascii", "replace")
    return name if start[:2] == b"01" and name in MESSAGES else ""


def detect(data: bytes) -> bool:
    """Whether the bytes begin with the head of a group message."""
    return bool(message_of(data))


# ------------------------------------------------------------------------------------------------------------- reading
@dataclass(slots=True)
class _Message:
    head: Values
    line: int
    by_day: dict[date, list[Transaction]] = field(default_factory=dict)


def read(data: bytes, source: str) -> Reading:
    """Read group messages: transfers and collections become orders, what is wrong problems.

    Raises:
        UnreadableFile: no group message.
    """
    message = message_of(data)
    if not message:
        raise unreadable(source, "format", "The file is no group message.", f"It begins with 01 and {MESSAGES}.")
    problems = Problems(source)
    orders: list[Order] = []
    for found in _messages(fixedwidth.read(data, _LAYOUTS[message], problems), message, problems):
        orders += _orders(found, message, problems)
    return Reading(format=message, orders=tuple(orders), problems=problems.rows())


def _messages(rows: Iterable[Row], message: str, problems: Problems) -> Iterator[_Message]:
    current: _Message | None = None
    for row in rows:
        if row.record == "head":
            if current is not None:
                yield current
            current = _Message(row.values, row.line)
            _tell_head(row, problems)
        elif row.record == "item" and current is not None:
            item = _transaction(row, message, problems)
            day = row.values.get("day") if message == "BESZED" else None
            day = day or current.head.get("day")
            if item is not None and day is not None:
                current.by_day.setdefault(day, []).append(item)
            _tell_item(row, current.head, message, problems)
    if current is not None:
        yield current


def _tell_head(row: Row, problems: Problems) -> None:
    for name, what in (("purpose", "The purpose code"), ("text", "The message to the bank"), ("duplicate", "The mark")):
        value = row.values.get(name)
        if value and value != "0":
            said = f"{what} {value!r} has no place in an order and was not carried over."
            problems.warn(row.line, f"head.{name}", "not-carried", said, "Give it again when the file is written.")


def _tell_item(row: Row, head: Values, message: str, problems: Problems) -> None:
    if message == "ATUTAL" and len(row.values.get("text") or "") > _TEXT_THAT_ARRIVES:
        said = f"Only the first {_TEXT_THAT_ARRIVES} characters of the text reach the payee."
        problems.warn_once("item.text", "text-length", said, "Put what matters first.", row.line)
    if message == "TOMEGA" and (row.values.get("day") or head.get("day")) != head.get("day"):
        said = f"The item's value date {row.values['day']} is not the message's {head.get('day')}, which was taken."
        problems.warn(row.line, "item.day", "value-date", said, "Split the message by date.")


def _transaction(row: Row, message: str, problems: Problems) -> Transaction | None:
    values = row.values
    if values["amount"] is None or not values["account"]:
        said = "The item has no amount or account that can be read; it was left out."
        problems.error(row.line, "item", "item", said, "Correct it and read the file again.")
        return None
    account, right = from_giro(values["account"])
    if not right:
        said = f"{account!r} is not an account number: its length or a check digit is wrong."
        problems.error(row.line, "item.account", "account", said, "Ask the partner for the account number.")
    customer, holder = values["customer_name"] or "", values["holder"] or ""
    name, behind = holder or customer, customer if holder and customer != holder else ""
    address, collects = values["customer_address"] or "", message == "BESZED"
    number = values["customer"] or ""
    return Transaction(
        amount=Money(values["amount"], "HUF"),
        counterparty=Party(name=name, account=account, address=Address(lines=(address,) if address else ())),
        remittance=values["text"] or "",
        end_to_end_id=NOT_PROVIDED if collects else number or NOT_PROVIDED,
        ultimate_creditor="" if collects else behind,
        ultimate_debtor=behind if collects else "",
        mandate=Mandate(identification=number) if collects else None,
        position=row.line,
    )


def _orders(found: _Message, message: str, problems: Problems) -> Iterator[Order]:
    head = found.head
    if head["made"] is None or not head["number"] or head["day"] is None or not head["account"]:
        said = "The head's date, number or account cannot be read; its items were left out."
        problems.error(found.line, "head", "head", said, "Correct it and read the file again.")
        return
    account, right = from_giro(head["account"])
    if not right:
        said = f"{account!r} is not an account number: its length or a check digit is wrong."
        problems.error(found.line, "head.account", "account", said, "Correct the initiator's account.")
    own = Party(name=head["name"] or "", account=account, identification=head["initiator"] or "")
    number = f"{head['made']:%Y%m%d}{head['number']}"
    for place, (day, items) in enumerate(found.by_day.items()):
        collects = message == "BESZED"
        side: dict[str, Any] = {"creditor": own, "creditor_id": own.identification} if collects else {"debtor": own}
        yield Order(
            message_id=number if place == 0 else f"{number}-{place + 1}",
            payment_id=number if place == 0 else f"{number}-{place + 1}",
            kind=KINDS["domestic-collection" if collects else "domestic"].code,
            execution_date=day,
            created=datetime.combine(head["made"], time(), UTC),
            transactions=tuple(items),
            **side,
        )


# ------------------------------------------------------------------------------------------------------------- writing
def write(
    orders: Order | Iterable[Order],
    *,
    message: str = "",
    number: int = 1,
    initiator: str = "",
    purpose: str = "",
    text: str = "",
    duplicate: str = "0",
) -> bytes:
    """Write orders as group messages, one each.

    Args:
        orders: HUF transfers, or collections; not both.
        message: ``ATUTAL``, ``TOMEGA`` or ``BESZED``; told from the orders where not given.
        number: the first message's number of the day, where an order's message id is not date and number (12 digits).
        initiator: the id at GIRO (``A`` and the tax number's eight digits, or ``A…T…``) where the order's own side has none.
        purpose: the three-letter purpose code that the bank agreed.
        text: a message to the bank that keeps the account.
        duplicate: ``0`` for an original, another mark as the bank agreed.

    Raises:
        LayoutError: a text is too long, an amount has decimals or another currency, an account is not Hungarian.
    """
    given = [orders] if isinstance(orders, Order) else list(orders)
    message = message or ("BESZED" if given and given[0].collects else "ATUTAL")
    if message not in MESSAGES or not given or any(order.collects != (message == "BESZED") for order in given):
        raise LayoutError(
            f"These orders are no {message}.", repair="Transfers are ATUTAL or TOMEGA, collections BESZED."
        )
    rows: list[tuple[str, Values]] = []
    for place, order in enumerate(given):
        head = _head(order, number + place, initiator)
        rows.append(("head", {**head, "purpose": purpose, "text": text, "duplicate": duplicate}))
        rows += [("item", _item(item, order, message)) for item in order.transactions]
        rows.append(("foot", {}))
    return fixedwidth.write(rows, _LAYOUTS[message])


def _head(order: Order, number: int, initiator: str) -> Values:
    made: date = order.created.date()
    counted = f"{number:04d}"
    if _NUMBER.fullmatch(order.message_id) and order.message_id[:8] == f"{made:%Y%m%d}":
        counted = order.message_id[8:]
    who = initiator or order.own.identification or order.creditor_id
    if not who:
        raise LayoutError(
            "The order does not say the initiator's id.",
            repair="Give initiator='A' and the first eight digits of the tax number (in the shell: --debtor-id A…).",
        )
    return {
        "initiator": who,
        "made": made,
        "number": counted,
        "account": _account(order.own.account),
        "day": order.execution_date,
        "name": order.own.name,
    }


def _account(account: str) -> str:
    digits = to_giro(account)
    if not re.fullmatch("[0-9]{16}|[0-9]{24}", digits):
        raise LayoutError(f"{account[:40]!r} is not a Hungarian account.", repair="Group messages know no other.")
    return digits


def _item(item: Transaction, order: Order, message: str) -> Values:
    if item.amount.currency != "HUF" or item.amount.amount <= Decimal(0):
        raise LayoutError(f"{item.amount} cannot be carried.", repair="Group messages carry positive forints.")
    party, collects = item.counterparty, message == "BESZED"
    behind = item.ultimate_debtor if collects else item.ultimate_creditor
    reference = "" if item.end_to_end_id == NOT_PROVIDED else item.end_to_end_id
    values: Values = {
        "amount": item.amount.amount,
        "account": _account(party.account),
        "customer": (item.mandate.identification if item.mandate else "") if collects else reference,
        "customer_name": behind or party.name,
        "customer_address": str(party.address),
        "holder": party.name,
        "text": item.remittance,
    }
    if message != "ATUTAL":
        values["day"] = order.execution_date
    return values
