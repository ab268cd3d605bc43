"""Which entries of the ledger stand, where several files tell of one booking.

What may live here: rules as Ibis expressions over the ledger's tables; nothing is ever taken out of the tables. The rules:

1. What a statement says stands.
2. An entry of an intraday report or notification stands until a statement covers its day (booking date, else value date,
   else the day of the report): one of the same account and currency, of a period with that day, not made before the
   report. It also gives way to a statement's entry with the same reference of the bank and the same amount.
3. A notification's entry gives way to a report in the same two ways; for want of the times of making, by reference only.
4. A pending entry gives way to a booked one with the same reference and amount.
5. Where an entry that stands has no payments, and one that gave way has the same account, currency, amount and
   reference of the bank, and payments (a batch of which the statement gives the total only), the payments and what they
   tell are taken from it.
"""

from __future__ import annotations

from typing import Any

import ibis

from electra_kernel.statements.model import NOTIFICATION, REPORT, STATEMENT

#: What tells a booking from others wherever it is told.
_SAME = ("account", "currency", "amount", "bank_reference")
_NO_REFERENCE = ("NONREF", "NOTPROVIDED")
#: What an entry takes from the payments that are told elsewhere; the rest is its own.
_TAKEN = (
    *("counterparty_name", "counterparty_account", "counterparty_bic", "counterparty_address", "remittance"),
    *("structured_reference", "end_to_end_id", "mandate_id", "creditor_id", "original_amount", "original_currency"),
    *("exchange_rate", "charges", "additional_information"),
)


def soft(entries: Any) -> Any:
    """Entries that may give way: those of no statement, and those that are not booked."""
    return entries.filter(_is(entries, REPORT) | _is(entries, NOTIFICATION) | (entries.status != "BOOK"))


def standing_entries(entries: Any, statements: Any) -> Any:
    """The entries that stand, in the columns of ``entries``, with the payments' words where rule 5 brings them."""
    gone = _gone(entries, statements)
    stand, given = entries.anti_join(gone, "entry_id").view(), _named(_givers(entries, gone)).view()
    joined = stand.left_join(given, [stand[name] == given[f"given_{name}"] for name in _SAME])
    bare = (joined.details == 0) & (joined.status == "BOOK")
    taken = {
        name: ibis.ifelse(bare, ibis.coalesce(joined[name], joined[f"given_{name}"]), joined[name]) for name in _TAKEN
    }
    taken["details"] = ibis.ifelse(bare & joined.given_details.notnull(), joined.given_details, joined.details)
    return joined.mutate(**taken).select(*entries.columns)


def standing_details(details: Any, entries: Any, statements: Any) -> Any:
    """The payments of the entries that stand, in the columns of ``details``."""
    gone = _gone(entries, statements)
    own = details.anti_join(gone, "entry_id")
    bare = entries.filter((entries.details == 0) & (entries.status == "BOOK")).anti_join(gone, "entry_id").view()
    given = _named(_givers(entries, gone)).view()
    taken = bare.join(given, [bare[name] == given[f"given_{name}"] for name in _SAME])
    taken = taken.select("entry_id", "given_entry_id")
    moved = details.rename(given_entry_id="entry_id").join(taken, "given_entry_id").select(*details.columns)
    return own.union(moved)


def _named(givers: Any) -> Any:
    return givers.rename({f"given_{name}": name for name in givers.columns})


def _is(entries: Any, kind: str) -> Any:
    return entries.entry_id.startswith(f"{kind}-")


def _referenced(entries: Any) -> Any:
    return entries.filter(entries.bank_reference.notnull() & entries.bank_reference.notin(_NO_REFERENCE))


def _gone(entries: Any, statements: Any) -> Any:
    """The ids of the entries that gave way."""
    told = soft(entries)
    made = statements.group_by("source", "account", "statement").aggregate(created=statements.created.max())
    news = told.filter(_is(told, REPORT) | _is(told, NOTIFICATION)).left_join(made, ["source", "account", "statement"])
    news = news.mutate(day=ibis.coalesce(news.booking_date, news.value_date, news.created.date()))
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


def _covered(news: Any, covering: Any, *, timeless: bool) -> Any:
    """The ids of news of days that were covered later; ``timeless`` where a missing time of making counts as later."""
    over = covering.select(
        covering_account="account",
        covering_currency="currency",
        first="from_date",
        last="to_date",
        made="created",
    )
    news, over = news.view(), over.view()
    later = over.made >= news.created
    if timeless:
        later = later | over.made.isnull() | news.created.isnull()
    same = [news.account == over.covering_account, news.currency == over.covering_currency]
    return news.join(over, [*same, news.day >= over["first"], news.day <= over["last"], later]).select("entry_id")


def _alike(told: Any, by: Any) -> Any:
    """The ids of entries that others tell with the same reference and amount."""
    known = _referenced(by).select(*_SAME).distinct()
    return _referenced(told).view().semi_join(known.view(), _SAME).select("entry_id")


def _givers(entries: Any, gone: Any) -> Any:
    """Of the entries that gave way those with payments, one for each booking."""
    told = _referenced(entries.filter(entries.details > 0)).semi_join(gone, "entry_id")
    first = told.mutate(rank=ibis.row_number().over(ibis.window(group_by=_SAME, order_by="entry_id")))
    return first.filter(first["rank"] == 0).select(*_SAME, *_TAKEN, "details", "entry_id")
