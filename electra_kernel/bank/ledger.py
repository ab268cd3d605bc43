"""The bank's books: double entry. Every booking is postings that add up to nothing in each currency.

What may live here: booking, balances, and the check of the books. No payment rules, no formats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, select, type_coerce

from electra_kernel.bank.database import Amount, accounts, bookings, details, entries, next_id, postings
from electra_kernel.statements.model import Entry, EntryDetail
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Address, Party

#: Bookings written at once: bounds the memory of an order of any size.
_CHUNK = 2_000


class Unbalanced(ElectraError):
    """Postings that do not add up to nothing. Nothing of them is booked."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account in the books. ``partner_id`` is empty for the bank's own."""

    id: int
    number: str
    currency: str
    name: str
    owner: str
    partner_id: str


@dataclass(frozen=True, slots=True)
class Posting:
    """One leg. A customer's leg carries the entry that the statement will show; its amount is the leg's."""

    account: Account
    amount: Decimal
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """What is booked as one."""

    text: str
    postings: tuple[Posting, ...]


def account_of(connection: Connection, number: str) -> Account | None:
    """The account with this number at this bank."""
    row = connection.execute(select(accounts).where(accounts.c.number == number)).one_or_none()
    return None if row is None else _account(row)


def customer_accounts(connection: Connection, partner_id: str | None = None) -> list[Account]:
    """Customers' accounts, or one partner's, in the order they were opened."""
    query = select(accounts).where(accounts.c.partner_id.is_not(None)).order_by(accounts.c.id)
    if partner_id is not None:
        query = query.where(accounts.c.partner_id == partner_id)
    return [_account(row) for row in connection.execute(query)]


def own_account(connection: Connection, use: str, currency: str) -> Account:
    """The bank's own account for a use (``CLEARING``, ``FEES``, …) in a currency; opened when first needed."""
    number = f"{use} {currency}"
    found = account_of(connection, number)
    if found is None:
        connection.execute(
            accounts.insert().values(number=number, currency=currency, name=use.title(), owner="", partner_id=None)
        )
        found = account_of(connection, number)
        assert found is not None
    return found


def _account(row: Any) -> Account:
    return Account(row.id, row.number, row.currency, row.name, row.owner, row.partner_id or "")


def book(connection: Connection, day: date, batch: Iterable[Booking]) -> None:
    """Book on a day; entries get a bank reference of 16 characters where they have none.

    Raises:
        Unbalanced: a booking's legs do not add up to nothing in each currency.
    """
    bookings_left = iter(batch)
    while chunk := list(islice(bookings_left, _CHUNK)):
        _book(connection, day, chunk)


def _book(connection: Connection, day: date, chunk: Sequence[Booking]) -> None:
    booking, posting = next_id(connection, bookings), next_id(connection, postings)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in chunk:
        _must_balance(item)
        rows["bookings"].append({"id": booking, "day": day, "text": item.text})
        for leg in item.postings:
            rows["postings"].append(
                {"id": posting, "booking": booking, "account": leg.account.id, "amount": leg.amount}
            )
            if leg.entry is not None:
                reference = leg.entry.bank_reference or f"{day:%y%m%d}{posting:010d}"
                rows["entries"].append(_entry_row(posting, day, reference, leg.entry))
                rows["details"].extend(_detail_rows(posting, reference, leg.entry))
            posting += 1
        booking += 1
    for table in (bookings, postings, entries, details):
        if rows[table.name]:
            connection.execute(table.insert(), rows[table.name])


def _must_balance(item: Booking) -> None:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for leg in item.postings:
        sums[leg.account.currency] += leg.amount
        if leg.entry is not None and leg.entry.amount != leg.amount:
            raise Unbalanced(f"{item.text}: the entry says {leg.entry.amount}, the posting {leg.amount}.")
    wrong = {currency: total for currency, total in sums.items() if total}
    if wrong or not item.postings:
        raise Unbalanced(f"{item.text}: the postings do not add up to nothing: {wrong}.")


def _entry_row(posting: int, day: date, reference: str, entry: Entry) -> dict[str, Any]:
    return {
        "posting": posting,
        "booking_date": day,
        "value_date": entry.value_date or day,
        "reversal": int(entry.reversal),
        "bank_transaction_code": entry.bank_transaction_code,
        "proprietary_code": entry.proprietary_code,
        "bank_reference": reference,
        "entry_reference": entry.entry_reference,
        "information": entry.additional_information,
    }


def _detail_rows(posting: int, reference: str, entry: Entry) -> Iterator[dict[str, Any]]:
    for number, detail in enumerate(entry.details):
        party = detail.counterparty or Party(name="")
        address = party.address
        yield {
            "posting": posting,
            "number": number,
            "amount": detail.amount,
            "currency": detail.currency or entry.currency,
            "name": party.name,
            "account": party.account,
            "bic": party.bic,
            "street": address.street,
            "building": address.building,
            "post_code": address.post_code,
            "town": address.town,
            "country": address.country,
            "lines": list(address.lines),
            "remittance": detail.remittance,
            "structured_reference": detail.structured_reference,
            "end_to_end_id": detail.end_to_end_id,
            "bank_reference": detail.bank_reference or (reference if len(entry.details) == 1 else ""),
            "information": detail.additional_information,
        }


def balance(connection: Connection, account: Account) -> Decimal:
    """What is on the account now, credit positive."""
    total = type_coerce(func.coalesce(func.sum(postings.c.amount), 0), Amount)
    value = connection.scalar(select(total).where(postings.c.account == account.id))
    return Decimal(0) if value is None else value


def totals(connection: Connection) -> dict[str, Decimal]:
    """The sum of all postings by currency: zero everywhere, or the books are broken."""
    total = type_coerce(func.sum(postings.c.amount), Amount)
    query = select(accounts.c.currency, total).join(postings, postings.c.account == accounts.c.id)
    return {row[0]: row[1] for row in connection.execute(query.group_by(accounts.c.currency))}


def entries_of(connection: Connection, account: Account, day: date) -> tuple[Entry, ...]:
    """What was booked on the account on a day, in the order it was booked, with all details."""
    query = (
        select(entries, postings.c.amount)
        .join(postings, postings.c.id == entries.c.posting)
        .where(postings.c.account == account.id, entries.c.booking_date == day)
        .order_by(entries.c.posting)
    )
    rows = connection.execute(query).all()
    known = _details_of(connection, account, day)
    return tuple(_entry(row, account.currency, known.get(row.posting, ())) for row in rows)


def _details_of(connection: Connection, account: Account, day: date) -> dict[int, tuple[EntryDetail, ...]]:
    query = (
        select(details)
        .join(entries, entries.c.posting == details.c.posting)
        .join(postings, postings.c.id == entries.c.posting)
        .where(postings.c.account == account.id, entries.c.booking_date == day)
        .order_by(details.c.posting, details.c.number)
    )
    found: dict[int, list[EntryDetail]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.posting].append(_detail(row))
    return {posting: tuple(rows) for posting, rows in found.items()}


def _entry(row: Any, currency: str, entry_details: tuple[EntryDetail, ...]) -> Entry:
    return Entry(
        amount=row.amount,
        currency=currency,
        booking_date=row.booking_date,
        value_date=row.value_date,
        reversal=bool(row.reversal),
        bank_transaction_code=row.bank_transaction_code,
        proprietary_code=row.proprietary_code,
        bank_reference=row.bank_reference,
        entry_reference=row.entry_reference,
        additional_information=row.information,
        details=entry_details,
    )


def _detail(row: Any) -> EntryDetail:
    address = Address(
        street=row.street,
        building=row.building,
        post_code=row.post_code,
        town=row.town,
        country=row.country,
        lines=tuple(row.lines),
    )
    party = Party(name=row.name, account=row.account, bic=row.bic, address=address)
    return EntryDetail(
        amount=row.amount,
        currency=row.currency,
        counterparty=party if row.name or row.account else None,
        remittance=row.remittance,
        structured_reference=row.structured_reference,
        end_to_end_id=row.end_to_end_id,
        bank_reference=row.bank_reference,
        additional_information=row.information,
    )
