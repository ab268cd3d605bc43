"""Where the money is: positions on a day, and balances day by day, by booking date and by value date.

The book balance starts from what the bank reports (a closing balance, or an opening one as the close of the day before)
and adds what is booked since. The value-dated balance is B(d) = B0 + Σ amounts with value date ≤ d: the book balance
without what is booked and valued later, with what is valued and booked later. An entry without a value date is valued
when it is booked. Only entries with status BOOK count.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import ibis

from electra_kernel.statements.columns import AMOUNT

#: An account in one currency: what a position, a balance and a flow belong to.
ACCOUNT = ("account", "currency")
#: Sums of the ledger's decimal128(18, 5) have room for every sum.
SUM = f"decimal(38, {AMOUNT.scale})"

_CLOSING, _OPENING, _AVAILABLE = "CLBD", ("OPBD", "PRCD"), ("CLAV", "ITAV")


def position(entries: Any, balances: Any, on: date | None = None) -> Any:
    """The position of every account on a day.

    Args:
        entries, balances: ibis tables with the ledger's columns.
        on: the day; by default, for each account, the last day that the ledger knows of it.

    Returns:
        An ibis expression, one row an account and currency, ordered by them: ``account``, ``currency``; ``on``;
        ``as_of``, the date of the last closing balance up to ``on`` (where several statements close on it, the one
        that is last by its identification); ``closing_balance`` on it; ``booked_since``; ``book_balance``, the sum of
        both; ``value_balance`` by value date; ``available_balance``, the last one the bank reports up to ``on``.
        Balances are null where the bank reports none, and never guessed. Amounts are decimal(38, 5).
    """
    known = _known(entries, balances)
    if on is not None:
        known = known.mutate(on=ibis.literal(on, "date"))
    closing = _latest(balances.filter(balances.kind == _CLOSING), known, "as_of", "closing_balance")
    available = _latest(balances.filter(balances.kind.isin(_AVAILABLE)), known, "available_on", "available_balance")
    joined = _with(_with(known, closing, ACCOUNT), available, ACCOUNT)
    booked = _booked(entries)
    moves = joined.select(*ACCOUNT, "on", "as_of").join(booked, ACCOUNT)
    by_booking = moves.booking_day <= moves.on
    sums = moves.group_by(ACCOUNT).aggregate(
        since=moves.amount.sum(where=by_booking & (moves.as_of.isnull() | (moves.booking_day > moves.as_of))),
        booked=moves.amount.sum(where=by_booking),
        valued=moves.amount.sum(where=moves.value_day <= moves.on),
    )
    whole = _with(joined, sums, ACCOUNT)
    book = whole.closing_balance + _or_zero(whole.since)
    return whole.select(
        *ACCOUNT,
        "on",
        "as_of",
        closing_balance=whole.closing_balance.cast(SUM),
        booked_since=_or_zero(whole.since),
        book_balance=book.cast(SUM),
        value_balance=(book - _or_zero(whole.booked) + _or_zero(whole.valued)).cast(SUM),
        available_balance=whole.available_balance.cast(SUM),
    ).order_by(ACCOUNT)


def daily_balances(entries: Any, balances: Any) -> Any:
    """The balance of every account at the end of every calendar day.

    Args:
        entries, balances: ibis tables with the ledger's columns.

    Returns:
        An ibis expression, one row an account, currency and day, from the first balance the bank reports to the last day
        that the ledger knows of: ``account``, ``currency``, ``day``, ``booked`` (the day's net), ``book_balance``,
        ``value_balance``. Each day starts from the last balance the bank reports, so a missing statement shows as a
        step and does not shift the days after the next one. Accounts without any balance have no rows.
    """
    anchors = _anchors(balances)
    days = _days(entries, anchors, balances)
    moves = _daily_moves(entries, days)
    running = ibis.window(group_by=ACCOUNT, order_by="day", preceding=None, following=0)
    filled = _with(days, moves, (*ACCOUNT, "day"))
    filled = filled.mutate(booked=_or_zero(filled.booked), valued=_or_zero(filled.valued))
    summed = filled.mutate(
        total_booked=filled.booked.sum().over(running), total_valued=filled.valued.sum().over(running)
    )
    at_anchor = _with(summed, anchors, (*ACCOUNT, "day"))
    at_anchor = at_anchor.mutate(start=at_anchor.amount.cast(SUM) - at_anchor.total_booked)
    # The number of balances reported so far tells which of them a day starts from.
    numbered = at_anchor.mutate(reported=at_anchor.start.count().over(running))
    started = numbered.mutate(start=numbered.start.max().over(ibis.window(group_by=[*ACCOUNT, "reported"])))
    return started.select(
        *ACCOUNT,
        "day",
        booked=started.booked.cast(SUM),
        book_balance=(started.start + started.total_booked).cast(SUM),
        value_balance=(started.start + started.total_valued).cast(SUM),
    ).order_by([*ACCOUNT, "day"])


def _booked(entries: Any) -> Any:
    """What is booked, a row for each pair of days; what has neither day cannot be placed and is left to the proofs.

    Summed first, because everything after it joins: millions of entries are a few thousand pairs of days.
    """
    booked = entries.filter(entries.status == "BOOK")
    dated = booked.select(
        *ACCOUNT,
        booking_day=ibis.coalesce(booked.booking_date, booked.value_date),
        value_day=ibis.coalesce(booked.value_date, booked.booking_date),
        amount=booked.amount,
    ).filter(ibis._.booking_day.notnull())
    summed = dated.group_by([*ACCOUNT, "booking_day", "value_day"]).aggregate(amount=dated.amount.sum())
    return summed.mutate(amount=summed.amount.cast(SUM))


def _known(entries: Any, balances: Any) -> Any:
    """Every account with the last day that the ledger knows of it."""
    booked = _booked(entries)
    seen = booked.select(*ACCOUNT, day=booked.booking_day).union(balances.select(*ACCOUNT, day=balances.date))
    return seen.group_by(ACCOUNT).aggregate(on=seen.day.max())


def _latest(balances: Any, known: Any, day: str, amount: str) -> Any:
    """The last of these balances of every account, up to its day ``on``."""
    upto = balances.join(known, ACCOUNT)
    upto = upto.filter(upto.date <= upto.on)
    return _last_of_a_kind(upto, ACCOUNT).select(*ACCOUNT, **{day: "date", amount: "amount"})


def _last_of_a_kind(balances: Any, group: tuple[str, ...]) -> Any:
    """One row a group: the latest date, then the longest and last identification (``9`` before ``10``)."""
    order = [balances.date.desc(), balances.statement.length().desc(), balances.statement.desc()]
    ranked = balances.mutate(rank=ibis.row_number().over(ibis.window(group_by=group, order_by=order)))
    return ranked.filter(ranked["rank"] == 0).drop("rank")


def _anchors(balances: Any) -> Any:
    """What the bank reports, as the balance at the end of a day: one row an account and day."""
    closing = balances.filter(balances.kind == _CLOSING)
    closing = closing.select(*ACCOUNT, "statement", "date", "amount", day=closing.date, weight=1)
    opening = balances.filter(balances.kind.isin(_OPENING))
    before = opening.date - ibis.interval(days=1)
    opening = opening.select(*ACCOUNT, "statement", "date", "amount", day=before.cast("date"), weight=0)
    both = closing.union(opening)
    order = [both.weight.desc(), both.statement.length().desc(), both.statement.desc()]
    ranked = both.mutate(rank=ibis.row_number().over(ibis.window(group_by=[*ACCOUNT, "day"], order_by=order)))
    return ranked.filter(ranked["rank"] == 0).select(*ACCOUNT, "day", "amount")


def _days(entries: Any, anchors: Any, balances: Any) -> Any:
    """Every calendar day of every account from its first reported balance on."""
    first = anchors.group_by(ACCOUNT).aggregate(first=anchors.day.min())
    span = first.join(_known(entries, balances), ACCOUNT)
    step = ibis.interval(days=1)
    after = (span.on + step).cast("timestamp")
    days = ibis.range(span["first"].cast("timestamp"), after, step).unnest().cast("date")
    return span.select(*ACCOUNT, "first", day=days)


def _daily_moves(entries: Any, days: Any) -> Any:
    """The net of every day by booking and by value date; what lies before an account's first day counts on that day."""
    first = days.select(*ACCOUNT, "first").distinct()
    booked = _booked(entries).join(first, ACCOUNT)
    zero = ibis.literal(0).cast(SUM)
    by_booking = booked.select(
        *ACCOUNT, day=ibis.greatest(booked.booking_day, booked["first"]), booked=booked.amount, valued=zero
    )
    by_value = booked.select(
        *ACCOUNT, day=ibis.greatest(booked.value_day, booked["first"]), booked=zero, valued=booked.amount
    )
    moves = by_booking.union(by_value)
    return moves.group_by([*ACCOUNT, "day"]).aggregate(booked=moves.booked.sum(), valued=moves.valued.sum())


def _with(left: Any, right: Any, keys: tuple[str, ...]) -> Any:
    """``left`` with the columns of ``right`` beside it, null where there is no row; both may stem from the same table."""
    joined = left.view().left_join(right.view(), keys)
    return joined.drop(*(f"{key}_right" for key in keys))


def _or_zero(amount: Any) -> Any:
    return ibis.coalesce(amount, ibis.literal(0).cast(SUM)).cast(SUM)
