"""The bank's own calendar day: what time it is at the bank, and what happens when the day moves on.

What may live here: reading and moving the business date. It never goes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from electra_kernel.bank import payees
from electra_kernel.bank.activity import bookings_of
from electra_kernel.bank.database import Database, get_fact, set_fact
from electra_kernel.bank.ledger import book
from electra_kernel.bank.payments import execute_due
from electra_kernel.bank.seed import calendar_of
from electra_kernel.bank.statements import close_day
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError


class ClockError(ElectraError):
    """The bank's clock was asked to do what it cannot."""


@dataclass(frozen=True, slots=True)
class DayReport:
    """What happened when one day ended and the next began.

    Attributes:
        day: the day that ended.
        entries: how many entries its statements hold; ``None`` where the bank rested and made none.
        executed: payment blocks executed or refused on the day that began.
    """

    day: date
    entries: int | None
    executed: int

    def __str__(self) -> str:
        closed = "no business day" if self.entries is None else f"closed, {self.entries} entries on its statements"
        next_day = self.day + timedelta(days=1)
        executed = f"; {self.executed} due payments executed on {next_day}" if self.executed else ""
        return f"{self.day:%Y-%m-%d %a}: {closed}{executed}"


def business_date(connection: Connection) -> date:
    """Today at the bank."""
    return date.fromisoformat(get_fact(connection, "date"))


def bank_now(connection: Connection, clock: Clock) -> datetime:
    """Now at the bank: its business date with the time of day of ``clock``, in UTC."""
    moment = clock()
    return datetime.combine(business_date(connection), moment.timetz())


def advance(database: Database, clock: Clock, *, to: date) -> list[DayReport]:
    """Move the business date forward, day by day: statements of the day that ends, payments due on the day that begins.

    Each day is all or nothing; a process that dies between days leaves the bank on a whole day.

    Raises:
        ClockError: ``to`` lies before the business date; nothing moved.
    """
    with database.read() as connection:
        today = business_date(connection)
    if to < today:
        raise ClockError(
            f"The bank's date is {today}; it cannot go back to {to}.",
            cause="statements of the days between were given out.",
            repair="Name a later date, or start a new bank in an empty folder.",
        )
    reports = []
    while today < to:
        with database.write() as connection:
            # Another process may have moved the clock meanwhile: the date that counts is the one under the lock.
            today = business_date(connection)
            if today < to:
                reports.append(_next_day(connection, clock, today))
                today += timedelta(days=1)
    return reports


def _next_day(connection: Connection, clock: Clock, today: date) -> DayReport:
    calendar, entries = calendar_of(connection), None
    if calendar.is_business_day(today):
        book(
            connection,
            today,
            bookings_of(connection, get_fact(connection, "seed"), today, calendar, history=False),
        )
        entries = close_day(connection, today)
    set_fact(connection, "date", (today + timedelta(days=1)).isoformat())
    payees.complete(connection, now=clock(), at=bank_now(connection, clock))
    return DayReport(today, entries, execute_due(connection, bank_now(connection, clock)))


def business_days_ahead(connection: Connection, days: int) -> date:
    """The date that many business days after today.

    Raises:
        ClockError: ``days`` is below zero.
    """
    if days < 0:
        raise ClockError("The bank's clock never goes back.", repair="Give a number of business days, 1 or more.")
    calendar, day = calendar_of(connection), business_date(connection)
    for _ in range(days):
        day = calendar.next_business_day(day + timedelta(days=1))
    return day
