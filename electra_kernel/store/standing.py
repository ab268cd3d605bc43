"""Which entries of the ledger stand, where several files tell of one booking.

What may live here: rules as Ibis expressions over entries and statements; who applies them, and keeps what comes of it,
is ``ledger_taking``. The rules:

1. What a statement says stands.
2. An entry of an intraday report or notification stands until a statement covers its day (booking date, else value date,
   else the day of the report): one of the same account and currency, of a period with that day, not made before the
   report. It also gives way to a statement's entry with the same reference of the bank and the same amount, of a day
   near its own (``NEAR``; banks use references again).
3. A notification's entry gives way to a report in the same two ways; for want of the times of making, by reference only.
4. A pending entry gives way to a booked one with the same reference and amount, of a day near its own.
5. Where an entry that stands has no payments, and one that gave way has the same account, currency, amount and
   reference of the bank, a day near its own, and payments (a batch of which the statement gives the total only), the
   payments and what they tell are taken from it; from the first that came.

All of them need more rows to hold, never fewer: an entry that gave way has given way for ever, whatever comes later.
"""

from __future__ import annotations

from typing import Any

import ibis

from electra_kernel.statements.model import NOTIFICATION, REPORT, STATEMENT

#: Days between what two files tell of one booking, at most.
NEAR = 10

#: The columns of entries that the rules look at.
LOOKED_AT = (
    *("entry_id", "account", "currency", "statement", "booking_date", "value_date", "status", "amount"),
    *("bank_reference", "details", "source"),
)
#: What an entry takes from the payments that are told elsewhere; the rest is its own.
TAKEN = (
    *("counterparty_name", "counterparty_account", "counterparty_bic", "counterparty_address", "remittance"),
    *("structured_reference", "end_to_end_id", "mandate_id", "creditor_id", "original_amount", "original_currency"),
    *("exchange_rate", "charges", "additional_information"),
)
#: What tells a booking from others wherever it is told.
_SAME = ("account", "currency", "amount", "bank_reference")
_NO_REFERENCE = ("NONREF", "NOTPROVIDED")


def soft(entries: Any) -> Any:
    """Whether an entry may give way: it is of no statement, or not booked. Null where the status is not known."""
    return _is(entries, REPORT) | _is(entries, NOTIFICATION) | (entries.status != "BOOK")


def gone(entries: Any, statements: Any) -> Any:
    """The ids (``entry_id``) of the entries that gave way.

    Args:
        entries: with the columns ``LOOKED_AT``.
        statements: with those of ``statements.columns.STATEMENTS``.
    """
    entries = _dated(entries, statements)
    told = entries.filter(soft(entries))
    news = told.filter(_is(told, REPORT) | _is(told, NOTIFICATION))
    firm = entries.filter(~_is(entries, REPORT) & ~_is(entries, NOTIFICATION) & (entries.status == "BOOK"))
    notified = news.filter(_is(news, NOTIFICATION))
    reported = entries.filter(_is(entries, REPORT))
    pending = told.filter(told.status != "BOOK")
    ways = [
        _covered(news, statements.filter(statements.kind == STATEMENT), timeless=True),
        _alike(told, firm),
        _covered(notified, statements.filter(statements.kind == REPORT), timeless=False),
        _alike(notified, reported),
        _alike(pending, entries.filter(entries.status == "BOOK")),
    ]
    return ibis.union(*ways, distinct=True)


def takings(entries: Any, gone_ids: Any) -> Any:
    """Which entries that stand take which payments: ``entry_id`` and ``giver``, one row an entry that takes.

    Args:
        entries: with the columns ``LOOKED_AT``.
        gone_ids: the ids of all that gave way, as ``gone`` gives them.
    """
    entries = entries.mutate(day=ibis.coalesce(entries.booking_date, entries.value_date))
    bare = _referenced(entries.filter((entries.details == 0) & (entries.status == "BOOK")))
    takers = bare.anti_join(gone_ids.view(), "entry_id").select("entry_id", *_SAME, "day").view()
    givers = _referenced(entries.filter(entries.details > 0)).semi_join(gone_ids.view(), "entry_id")
    givers = givers.select(giver="entry_id", given="day", **{f"given_{name}": name for name in _SAME}).view()
    pairs = takers.join(givers, [takers[name] == givers[f"given_{name}"] for name in _SAME])
    pairs = pairs.filter(_within(pairs.day, pairs.given))
    return pairs.group_by("entry_id").aggregate(giver=pairs.giver.min())


def _dated(entries: Any, statements: Any) -> Any:
    """Entries with the time their statement was made, and their day."""
    made = statements.group_by("source", "account", "statement").aggregate(created=statements.created.max())
    joined = entries.left_join(made, ["source", "account", "statement"])
    joined = joined.select(*LOOKED_AT, "created")
    return joined.mutate(day=ibis.coalesce(joined.booking_date, joined.value_date, joined.created.date()))


def _is(entries: Any, kind: str) -> Any:
    return entries.entry_id.startswith(f"{kind}-")


def _referenced(entries: Any) -> Any:
    return entries.filter(entries.bank_reference.notnull() & entries.bank_reference.notin(_NO_REFERENCE))


def _near(one: Any, other: Any) -> Any:
    """Days are near one another, or one is not known."""
    return one.isnull() | other.isnull() | _within(one, other)


def _within(one: Any, other: Any) -> Any:
    """Days are known, and near one another."""
    span = ibis.interval(days=NEAR)
    return (other >= one - span) & (other <= one + span)


def _covered(news: Any, covering: Any, *, timeless: bool) -> Any:
    """The ids of news of days that were covered later; ``timeless`` where a missing time of making counts as later."""
    over = covering.select(
        covering_account="account",
        covering_currency="currency",
        first="from_date",
        last="to_date",
        made="created",
    )
    # Each day and time of making is asked once, however many entries it has.
    asked = news.select("account", "currency", "day", "created").distinct()
    asked, over = asked.mutate(time=_time(asked)).view(), over.view()
    later = over.made >= asked.created
    if timeless:
        later = later | over.made.isnull() | asked.created.isnull()
    same = [asked.account == over.covering_account, asked.currency == over.covering_currency]
    covered = asked.join(over, [*same, asked.day >= over["first"], asked.day <= over["last"], later])
    covered = covered.select("account", "currency", "day", "time").distinct().view()
    news = news.mutate(time=_time(news)).view()
    return news.semi_join(covered, ["account", "currency", "day", "time"]).select("entry_id")


def _time(news: Any) -> Any:
    """The time of making, to be compared where it is not known too."""
    return ibis.coalesce(news.created.epoch_seconds(), -1)


def _alike(told: Any, by: Any) -> Any:
    """The ids of entries that others tell with the same reference and amount, of a day near theirs."""
    known = _referenced(by).select(by_day="day", **{f"by_{name}": name for name in _SAME}).distinct().view()
    told = _referenced(told).view()
    # A filter after the join, so that engines join by what is equal.
    pairs = told.join(known, [told[name] == known[f"by_{name}"] for name in _SAME])
    return pairs.filter(_near(pairs.day, pairs.by_day)).select("entry_id")
