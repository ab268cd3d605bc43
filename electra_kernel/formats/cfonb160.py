"""CFONB 160, French orders of before SEPA: transfers (operation 02) and collections (08, 85), read and written.

Source: CFONB, Remises informatisées d'ordres de virement et de prélèvement, as banks publish its layout for ETEBAC. Records
of 160 characters: 03 heads a remittance with its issuer, 06 is a payment, 07 says more of it, 08 holds the sum.

The rules.

* A remittance is an order. An account is bank, branch and number as they stand (5, 5 and 11 characters), as in a CFONB
  statement; the national number of the issuer is the creditor's id, the internal reference the instruction id.
* The file gives of a year its last digit only: the latest such year is taken that is at most one year ahead of the day of
  reading (or, in francs, in which there were francs), and told.
* The file says not when it was made: that is the day of execution. Transfers without a day are for the day of reading, which is
  told.
* Operations other than these are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from electra_kernel.formats import fixedwidth
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.fields import LayoutError, Values, continued
from electra_kernel.formats.fixedwidth import Field, Layout, Record, Total
from electra_kernel.formats.records import Row
from electra_kernel.orders.kinds import KINDS
from electra_kernel.orders.model import NOBODY, Mandate, Order, Transaction
from electra_kernel.vocabulary.accounts import is_iban
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

_WIDTH, _TEXT, _REFERENCE = 160, 31, 7
_HEAD = re.compile(rb"[\r\n]*03([0-9]{2}).{21}[0-9 ]{5}.{50}[EF ].{5}[0-9A-Z]{16}", re.DOTALL)
_TRANSFER, _COLLECTIONS = "02", ("08", "85")
_CURRENCIES = {"E": "EUR", "F": "FRF"}
#: The last day on which a payment could be in francs (Regulation (EC) 974/98, article 13).
_LAST_OF = {"FRF": date(2001, 12, 31)}
_AHEAD = timedelta(days=366)
#: How many decades back a day is sought: the format is younger.
_DECADES = 5
_ASK = "Have the file made again, or correct it."


def _account_fields() -> tuple[Field, ...]:
    return (
        Field("branch", 87, 5, required=True),
        Field("account", 92, 11, required=True),
        Field("bank", 150, 5, required=True),
    )


def _amount(name: str, total: Total | None = None) -> Field:
    return Field(name, 103, 16, "amount", decimals=2, required=True, total=total)


_LAYOUT = Layout(
    name="CFONB 160",
    encoding="iso-8859-1",
    ends=("total",),
    records=(
        Record(
            name="head",
            length=_WIDTH,
            shortest=154,
            marks=((1, ("03",)),),
            after=("", "total"),
            fields=(
                Field("operation", 3, 2, required=True),
                Field("issuer", 13, 6),
                Field("day", 26, 5, "digits"),
                Field("name", 31, 24),
                Field("reference", 55, 7),
                Field("currency", 81, 1, values=tuple(_CURRENCIES)),
                *_account_fields(),
            ),
        ),
        Record(
            name="payment",
            length=_WIDTH,
            shortest=154,
            marks=((1, ("06",)),),
            after=("head", "payment", "more"),
            fields=(
                Field("operation", 3, 2, required=True),
                Field("issuer", 13, 6),
                Field("reference", 19, 12),
                Field("name", 31, 24),
                Field("domicile", 55, 20),
                Field("abroad", 75, 12),
                _amount("amount"),
                Field("text", 119, _TEXT, "raw"),
                *_account_fields(),
            ),
        ),
        Record(
            name="more",
            length=_WIDTH,
            shortest=119,
            marks=((1, ("07",)),),
            after=("payment", "more"),
            fields=(
                Field("operation", 3, 2),
                Field("issuer", 13, 6),
                Field("reference", 19, 12),
                Field("text", 119, _TEXT, "raw"),
            ),
        ),
        Record(
            name="total",
            length=_WIDTH,
            shortest=118,
            marks=((1, ("08",)),),
            after=("head", "payment", "more"),
            fields=(
                Field("operation", 3, 2, required=True),
                Field("issuer", 13, 6),
                _amount("sum", Total(of=("payment",), field="amount", since="head")),
            ),
        ),
    ),
)


def detect(data: bytes) -> bool:
    """Whether the bytes begin with the head of a remittance."""
    return _HEAD.match(data[: _WIDTH + 8]) is not None


# -------------------------------------------------------------------------------------------------------- read
@dataclass(slots=True)
class _Payment:
    row: Row
    texts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Remittance:
    head: Row
    payments: list[_Payment] = field(default_factory=list)


def read(data: bytes, source: str, clock: Clock) -> Reading:
    """Read remittances into orders.

    Args:
        data: the file's bytes.
        source: its name or hash, for problems.
        clock: the day of reading, from which the decade of the dates is told.

    Raises:
        UnreadableFile: no remittance of transfers or collections.
    """
    problems = Problems(source)
    found = _remittances(fixedwidth.read(data, _LAYOUT, problems), problems)
    today = clock().date()
    orders = [order for place, one in enumerate(found, 1) for order in _orders(one, place, today, problems)]
    if not orders:
        told = sorted(problems.rows(), key=lambda one: one.rule not in ("operation", "date"))
        said = f"The CFONB file orders nothing that can be read. {told[0].text if told else 'It is empty.'}"
        raise unreadable(source, "incomplete", said, "Have it made again.")
    return Reading(format="CFONB 160", orders=tuple(orders), problems=problems.rows())


def _remittances(rows: Iterable[Row], problems: Problems) -> list[_Remittance]:
    found: list[_Remittance] = []
    for row in rows:
        if row.record == "head":
            found.append(_Remittance(row))
        elif not found:
            problems.error(row.line, row.record, "order", "It stands in no remittance; it is left out.", _ASK)
        else:
            _check_issuer(found[-1].head, row, problems)
            _take(found[-1], row, problems)
    return found


def _check_issuer(head: Row, row: Row, problems: Problems) -> None:
    for name in ("operation", "issuer"):
        if row.values[name] != head.values[name]:
            said = f"The {name} is {row.values[name]!r}, and {head.values[name]!r} in the head of the remittance."
            problems.error(row.line, f"{row.record}.{name}", "contradiction", said, _ASK)


def _take(remittance: _Remittance, row: Row, problems: Problems) -> None:
    if row.record == "more" and remittance.payments:
        remittance.payments[-1].texts.append(row.values["text"])
    elif row.record == "payment" and not row.values["amount"]:
        said = "The payment has no amount that can be read; it is left out."
        problems.error(row.line, "payment.amount", "amount", said, _ASK)
    elif row.record == "payment":
        remittance.payments.append(_Payment(row, [row.values["text"]]))
        for name, what in (("domicile", "name of the bank"), ("abroad", "statement of a payment abroad")):
            if row.values[name].strip("0 "):
                said = f"The {what} {row.values[name]!r} has no place in an order and was not carried over."
                problems.warn_once(f"payment.{name}", "not-carried", said, "Nothing to do.", row.line)


def _orders(remittance: _Remittance, place: int, today: date, problems: Problems) -> Iterator[Order]:
    head, line = remittance.head.values, remittance.head.line
    operation = head["operation"]
    collects = operation in _COLLECTIONS
    if not collects and operation != _TRANSFER:
        said = f"The operation {operation!r} is not read: only transfers (02) and collections (08, 85) are."
        problems.error(line, "head.operation", "operation", said, "Ask for a file of one of these.")
        return
    currency = _CURRENCIES.get(head["currency"] or "E", "EUR")
    if not collects and head["day"] == "":
        day: date | None = today
        said = f"The remittance names no day of execution: {today}, the day of reading, was taken."
        problems.warn_once("head.day", "no-day", said, "Set the day before the order is signed.", line)
    else:
        day = _day(head["day"] or "", _LAST_OF.get(currency, today + _AHEAD), line, problems)
    if day is None or not remittance.payments:
        return
    if not head["currency"]:
        said = "The remittance names no currency; it was read as euro."
        problems.warn(line, "head.currency", "currency", said, "Ask which it is.")
    own = Party(name=head["name"], account=_account(head))
    message = f"CFONB{day:%y%m%d}-{place}"
    yield Order(
        message_id=message,
        payment_id=head["reference"] or message,
        kind=KINDS["collection" if collects else "cross-border"].code,
        debtor=NOBODY if collects else own,
        creditor=own if collects else None,
        creditor_id=head["issuer"] if collects else "",
        execution_date=day,
        created=datetime.combine(day, time(), UTC),
        transactions=tuple(_transaction(one, currency, collects=collects) for one in remittance.payments),
    )


def _day(text: str, latest: date, line: int, problems: Problems) -> date | None:
    """The latest day up to a limit that ``DDMMY`` may mean; ``None``, told, where it means none."""
    day = max((found for found in _days(text, latest) if found <= latest), default=None)
    if day is None:
        said = f"{text!r} is no day that exists (DDMMY); the payments are left out."
        problems.error(line, "head.day", "date", said, _ASK)
    else:
        said = f"The file gives only the last digit of the year: {day.year} was taken."
        problems.warn_once("head.day", "year", said, "Check the date before the order is signed.", line)
    return day


def _days(text: str, latest: date) -> Iterator[date]:
    if len(text) != 5:
        return
    for decade in range(latest.year // 10, latest.year // 10 - _DECADES, -1):
        try:
            yield date(10 * decade + int(text[4]), int(text[2:4]), int(text[:2]))
        except ValueError:
            continue


def _account(values: Values) -> str:
    return f"{values['bank']}{values['branch']}{values['account']}"


def _transaction(payment: _Payment, currency: str, *, collects: bool) -> Transaction:
    values = payment.row.values
    return Transaction(
        amount=Money(values["amount"], currency),
        counterparty=Party(name=values["name"], account=_account(values)),
        remittance=continued(payment.texts),
        instruction_id=values["reference"],
        mandate=Mandate() if collects else None,
        position=payment.row.line,
    )


# ------------------------------------------------------------------------------------------------------- write
def write(orders: Order | Iterable[Order], *, issuer: str = "", operation: str = "") -> bytes:
    """Orders as remittances in ISO 8859-1, one each.

    Not carried: addresses, banks by BIC, mandates, end-to-end ids, structured references, ultimate parties, the
    century of the date.

    Args:
        orders: transfers or collections in euro (or, for archives, in French francs), of one currency each.
        issuer: the national number of the issuer (six digits), where a collection has none as its creditor's id.
        operation: ``85`` for collections at short notice; otherwise 02 or 08.

    Raises:
        LayoutError: a text is too long or not in ISO 8859-1, an account is not French, an amount does not fit.
    """
    rows: list[tuple[str, Values]] = []
    for order in [orders] if isinstance(orders, Order) else orders:
        code = (operation or _COLLECTIONS[0]) if order.collects else _TRANSFER
        if order.collects and code not in _COLLECTIONS:
            raise LayoutError(f"{code!r} is no operation of collections.", repair="Choose 08 or 85.")
        same = {"operation": code, "issuer": issuer or order.creditor_id}
        letter = next((letter for letter, name in _CURRENCIES.items() if name == order.currency), "")
        if not letter or any(item.amount.currency != order.currency for item in order.transactions):
            raise LayoutError(f"An order in {order.currency} cannot be carried.", repair="One of euros or francs can.")
        head = {
            **same,
            "day": f"{order.execution_date:%d%m}{order.execution_date.year % 10}",
            "name": order.own.name,
            "reference": order.payment_id if len(order.payment_id) <= _REFERENCE else "",
            "currency": letter,
        }
        rows.append(("head", {**head, **french(order.own.account)}))
        for item in order.transactions:
            rows += _rows_of(item, same)
        rows.append(("total", same))
    return fixedwidth.write(rows, _LAYOUT)


def _rows_of(item: Transaction, same: Values) -> Iterator[tuple[str, Values]]:
    if item.amount.amount <= 0:
        raise LayoutError(f"{item.amount} cannot be carried.", repair="Give a positive amount.")
    text = " ".join(item.remittance.split())
    lines = [text[at : at + _TEXT] for at in range(0, len(text), _TEXT)] or [""]
    if len(lines) > 2:
        said = f"The text has {len(text)} characters where {2 * _TEXT} fit."
        raise LayoutError(said, repair="Shorten it; nothing is cut by itself.")
    values = {"reference": item.instruction_id, "name": item.counterparty.name, "amount": item.amount.amount}
    yield "payment", {**same, **values, "text": lines[0], **french(item.counterparty.account)}
    for line in lines[1:]:
        yield "more", {**same, "reference": item.instruction_id, "text": line}


def french(account: str) -> Values:
    """Bank, branch and number of an account: given so, or as a French IBAN, which is made of them and a key.

    Raises:
        LayoutError: it is neither.
    """
    digits = account[4:25] if account.startswith("FR") and is_iban(account) else account
    if not re.fullmatch("[0-9]{10}[0-9A-Z]{11}", digits):
        said = f"{account[:40]!r} is not a French account."
        raise LayoutError(said, repair="Give bank, branch and number (21 characters), or a French IBAN.")
    return {"bank": digits[:5], "branch": digits[5:10], "account": digits[10:]}
