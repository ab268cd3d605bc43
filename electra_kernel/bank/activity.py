"""A day in the life of the company's accounts: what customers, suppliers, the card house and the bank itself book.

What may live here: bookings made of a seed and a day, nothing else. The same seed and day give the same bookings.
Suppliers, salaries and taxes belong to the history only: from the bank's first day on the company orders them itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from sqlalchemy import Connection, select

from electra_kernel.bank.database import counterparties
from electra_kernel.bank.ledger import Account, Booking, Posting, balance, customer_accounts, own_account
from electra_kernel.statements.model import Entry, EntryDetail
from electra_kernel.vocabulary.dates import BusinessCalendar
from electra_kernel.vocabulary.parties import Address, Party

#: ISO 20022 bank transaction codes by what was booked, for an account in HUF and for one in another currency.
RECEIVED = {"HUF": "PMNT-RCDT-DMCT", "EUR": "PMNT-RCDT-ESCT"}
SENT = {"HUF": "PMNT-ICDT-DMCT", "EUR": "PMNT-ICDT-ESCT"}
_YEARLY_INTEREST = Decimal("0.015")
_MONTHLY_FEE = {"HUF": Decimal(4900), "EUR": Decimal(15)}
#: Smallest and largest amount of one payment.
_RECEIPT = {"HUF": (90_000, 2_400_000), "EUR": (800, 18_000)}
_PURCHASE = {"HUF": (60_000, 1_300_000), "EUR": (500, 9_000)}


@dataclass(frozen=True, slots=True)
class _Day:
    """One business day and what the bookings are drawn from."""

    connection: Connection
    day: date
    random: Random
    last_of_month: bool

    def parties(self, role: str, currency: str) -> list[Party]:
        query = select(counterparties).where(counterparties.c.role == role, counterparties.c.currency == currency)
        return [party_of(row) for row in self.connection.execute(query.order_by(counterparties.c.account))]

    def amount(self, bounds: tuple[int, int], currency: str) -> Decimal:
        low, high = bounds
        if currency == "HUF":
            return Decimal(self.random.randrange(low // 5, high // 5) * 5)
        return Decimal(self.random.randrange(low * 100, high * 100)).scaleb(-2)


def party_of(row: Any) -> Party:
    """A counterparty's row as a party."""
    address = Address(street=row.street, post_code=row.post_code, town=row.town, country=row.country)
    return Party(name=row.name, account=row.account, bic=row.bic, address=address)


def bookings_of(
    connection: Connection, seed: str, day: date, calendar: BusinessCalendar, *, history: bool
) -> list[Booking]:
    """What is booked on a business day beside the orders of the customers.

    Args:
        seed: with ``day`` it decides everything that looks like chance.
        history: whether the company's own payments (suppliers, salaries, taxes) happen too.
    """
    random = Random(f"{seed}:{day.isoformat()}")  # noqa: S311 - invented bookings, not secrets
    last = calendar.next_business_day(day + timedelta(days=1)).month != day.month
    today = _Day(connection, day, random, last)
    made: list[Booking] = []
    for account in customer_accounts(connection):
        made += _receipts(today, account)
        if history:
            made += _purchases(today, account)
        if account.currency == "HUF":
            made += _card_sales(today, account)
            if history:
                made += _monthly_payments(today, account, calendar)
        if last:
            made += _month_end(today, account)
    return made


def _receipts(today: _Day, account: Account) -> Iterator[Booking]:
    payers = today.parties("customer", account.currency)
    often = (1, 2, 2, 3, 4) if account.currency == "HUF" else (0, 0, 1, 1)
    for number in range(today.random.choice(often)):
        payer = today.random.choice(payers)
        amount = today.amount(_RECEIPT[account.currency], account.currency)
        invoice = f"{today.day:%Y}{today.random.randrange(100, 9999):04d}"
        structured = creditor_reference(invoice) if today.random.random() < 0.3 else ""
        detail = EntryDetail(
            amount=amount,
            currency=account.currency,
            counterparty=payer,
            remittance="" if structured else f"Invoice {invoice}",
            structured_reference=structured,
            end_to_end_id=f"INV-{invoice}-{number}",
        )
        yield _against_clearing(today, account, _entry(today, account, RECEIVED[account.currency], (detail,)))


def _purchases(today: _Day, account: Account) -> Iterator[Booking]:
    sellers = today.parties("supplier", account.currency)
    often = (1, 1, 2, 3) if account.currency == "HUF" else (0, 0, 1)
    for number in range(today.random.choice(often)):
        detail = EntryDetail(
            amount=-today.amount(_PURCHASE[account.currency], account.currency),
            currency=account.currency,
            counterparty=today.random.choice(sellers),
            remittance=f"Order {today.random.randrange(10_000, 99_999)}, thank you",
            end_to_end_id=f"PO{today.day:%y%m%d}{number:02d}",
        )
        yield _against_clearing(today, account, _entry(today, account, SENT[account.currency], (detail,)))


def _card_sales(today: _Day, account: Account) -> Iterator[Booking]:
    """On Tuesdays the card house pays the week's sales as one booking, and takes its fee the next day's value."""
    if today.day.weekday() != 1:
        return
    house = today.parties("acquirer", account.currency)[0]
    sales = tuple(
        EntryDetail(
            amount=today.amount((2_000, 60_000), account.currency),
            currency=account.currency,
            counterparty=house,
            remittance=f"Terminal {today.random.randrange(1, 4)} sale {number + 1}",
            end_to_end_id=f"POS{today.day:%y%m%d}{number:03d}",
        )
        for number in range(today.random.randrange(4, 12))
    )
    total = sum((sale.amount for sale in sales if sale.amount is not None), Decimal(0))
    yield _against_clearing(today, account, _entry(today, account, "PMNT-MCRD-POSP", sales, text="Card sales"))
    fee = EntryDetail(
        amount=-rounded(total * Decimal("0.012"), account.currency),
        currency=account.currency,
        counterparty=house,
        remittance="Card acceptance fee",
    )
    value = today.day + timedelta(days=1)
    yield _against_clearing(today, account, _entry(today, account, "PMNT-MCRD-FEES", (fee,), value=value))


def _monthly_payments(today: _Day, account: Account, calendar: BusinessCalendar) -> Iterator[Booking]:
    def falls(day_of_month: int) -> bool:
        return calendar.next_business_day(today.day.replace(day=day_of_month)) == today.day

    if falls(10):
        wages = tuple(
            EntryDetail(
                amount=-today.amount((380_000, 720_000), account.currency),
                currency=account.currency,
                counterparty=person,
                remittance=f"Salary {today.day:%Y-%m}",
                end_to_end_id=f"SAL{today.day:%Y%m}{number:03d}",
            )
            for number, person in enumerate(today.parties("employee", account.currency))
        )
        yield _against_clearing(today, account, _entry(today, account, "PMNT-ICDT-SALA", wages, text="Salaries"))
    for day_of_month, role, words, low, high in (
        (5, "landlord", "Rent", 1_450_000, 1_450_005),
        (12, "authority", "Payroll tax and contributions", 3_100_000, 3_600_000),
        (20, "authority", "Value added tax", 2_000_000, 6_000_000),
    ):
        if falls(day_of_month):
            detail = EntryDetail(
                amount=-today.amount((low, high), account.currency),
                currency=account.currency,
                counterparty=today.parties(role, account.currency)[0],
                remittance=f"{words} {today.day:%Y-%m}",
                end_to_end_id=f"{role[:4].upper()}{today.day:%Y%m%d}",
            )
            yield _against_clearing(today, account, _entry(today, account, SENT[account.currency], (detail,)))


def _month_end(today: _Day, account: Account) -> Iterator[Booking]:
    """Interest on the balance before today's bookings, and the fee for keeping the account."""
    base = max(balance(today.connection, account), Decimal(0))
    interest = rounded(base * _YEARLY_INTEREST * today.day.day / 365, account.currency)
    for amount, own, code, words in (
        (interest, "INTEREST", "ACMT-MCOP-INTR", f"Credit interest {_YEARLY_INTEREST:.2%} a year"),
        (-_MONTHLY_FEE[account.currency], "FEES", "ACMT-MDOP-CHRG", "Account keeping fee"),
    ):
        if amount:
            entry = _entry(today, account, code, (), text=f"{words} {today.day:%Y-%m}", amount=amount)
            other = own_account(today.connection, own, account.currency)
            yield Booking(words, (Posting(account, amount, entry), Posting(other, -amount)))


def _entry(
    today: _Day,
    account: Account,
    code: str,
    details: Sequence[EntryDetail],
    *,
    text: str = "",
    amount: Decimal | None = None,
    value: date | None = None,
) -> Entry:
    total = sum((detail.amount for detail in details if detail.amount is not None), Decimal(0))
    return Entry(
        amount=total if amount is None else amount,
        currency=account.currency,
        booking_date=today.day,
        value_date=value or today.day,
        bank_transaction_code=code,
        additional_information=text,
        details=tuple(details),
    )


def _against_clearing(today: _Day, account: Account, entry: Entry) -> Booking:
    clearing = own_account(today.connection, "CLEARING", account.currency)
    text = entry.additional_information or entry.bank_transaction_code
    return Booking(text, (Posting(account, entry.amount, entry), Posting(clearing, -entry.amount)))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """To whole forints, or to cents."""
    step = Decimal(1) if currency == "HUF" else Decimal("0.01")
    return amount.quantize(step, ROUND_HALF_UP)


def creditor_reference(number: str) -> str:
    """An RF creditor reference (ISO 11649) for a number."""
    return f"RF{98 - int(f'{number}271500') % 97:02d}{number}"
