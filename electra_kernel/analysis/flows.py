"""What came in and went out: by month, by account, by counterparty; what the bank charged; how concentrated it is.

Only entries with status BOOK count. Inflow and outflow are both positive; ``net`` is their difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import ibis

from electra_kernel.analysis.position import ACCOUNT, SUM

#: Shares are decimals of eight places: a share is no money, but it is shown and compared as exactly.
SHARE = "decimal(9, 8)"

#: Sub-families of ISO 20022 bank transaction codes that mark a charge of the bank.
FEE_SUBFAMILIES = ("CHRG", "FEES", "COMM", "COMI", "COMT")
#: SWIFT MT940 field 61, transaction type: charges, commission, brokerage fee.
_FEE_TYPE = "^[NFS]?(CHG|COM|BRF)"


def payments(entries: Any, details: Any) -> Any:
    """One row a payment: an entry where it holds one payment, its details where it batches several.

    Args:
        entries, details: ibis tables with the ledger's columns.

    Returns:
        An ibis expression with the columns of ``entries``, and ``detail`` (null for an entry itself).
    """
    single = entries.filter(ibis.coalesce(entries.details, 0) <= 1).mutate(detail=ibis.null("int32"))
    batched = entries.filter(entries.details > 1)
    own = [name for name in details.columns if name != "entry_id"]
    heads = batched.drop(*(name for name in own if name in batched.columns))
    inside = heads.join(details, "entry_id")
    # Some engines know that an entry always has its id and a joined row might not; to a union these are two types.
    same = {"entry_id": ibis._.entry_id.nullif("")}
    return single.mutate(**same).union(inside.mutate(**same).select(single.columns))


def flows(entries: Any, by: Sequence[str] = ()) -> Any:
    """Inflow and outflow a month.

    Args:
        entries: ibis table with the ledger's columns (or ``payments``).
        by: further columns to tell apart, such as ``account`` or ``counterparty_name``.

    Returns:
        An ibis expression: ``month`` (its first day), ``currency``, the columns ``by``, ``inflow``, ``outflow``,
        ``net`` (decimal(38, 5)) and ``bookings``; ordered by all but the figures.
    """
    booked = entries.filter(entries.status == "BOOK")
    day = ibis.coalesce(booked.booking_date, booked.value_date)
    booked = booked.mutate(month=day.truncate("M").cast("date"))
    keys = ["month", "currency", *by]
    return _in_and_out(booked, keys).order_by(keys)


def counterparties(entries: Any) -> Any:
    """Inflow and outflow by counterparty: by account where the bank gives one, by name where not.

    Returns:
        An ibis expression: ``counterparty`` (the account, or the name), ``counterparty_name`` (the last by the alphabet
        where one account goes by several), ``names`` (how many it goes by), ``currency``, ``inflow``, ``outflow``,
        ``net``, ``bookings``.
    """
    booked = entries.filter(entries.status == "BOOK")
    booked = booked.mutate(counterparty=ibis.coalesce(booked.counterparty_account, booked.counterparty_name))
    booked = booked.filter(booked.counterparty.notnull())
    keys = ["counterparty", "currency"]
    names = booked.group_by(keys).aggregate(
        counterparty_name=booked.counterparty_name.max(), names=booked.counterparty_name.nunique()
    )
    figures = _in_and_out(booked, keys)
    joined = figures.join(names, keys)
    return joined.select(
        "counterparty", "counterparty_name", "names", "currency", "inflow", "outflow", "net", "bookings"
    ).order_by(keys)


def top_counterparties(entries: Any, count: int = 10, *, by: Literal["inflow", "outflow"] = "outflow") -> Any:
    """The ``count`` largest counterparties of every currency, largest first; columns as ``counterparties``."""
    parties = counterparties(entries)
    parties = parties.filter(parties[by] > 0)
    order = [parties[by].desc(), parties.counterparty]
    ranked = parties.mutate(rank=ibis.row_number().over(ibis.window(group_by="currency", order_by=order)))
    ranked = ranked.filter(ranked["rank"] < count)
    return ranked.order_by([ranked.currency, ranked["rank"]]).drop("rank")


def concentration(parties: Any, *, by: Literal["inflow", "outflow"] = "outflow") -> Any:
    """How much hangs on few: the Herfindahl-Hirschman index Σ s² of a currency's counterparties.

    Args:
        parties: what ``counterparties`` gives.
        by: whose shares.

    Returns:
        An ibis expression, one row a currency: ``currency``, ``total``, ``parties``, ``largest_share`` and ``hhi``; 1 is
        all with one, 1/n evenly spread over n. Shares are rounded to eight places before they are squared.
    """
    parties = parties.filter(parties[by] > 0)
    total = parties[by].sum().over(ibis.window(group_by="currency"))
    # Decimals divide as binary fractions in most engines; the cast brings the share, which is no money, back.
    shares = parties.mutate(share=(parties[by] / total).cast(SHARE))
    square = (shares.share.cast("decimal(18, 8)") * shares.share.cast("decimal(18, 8)")).cast("decimal(38, 16)")
    return (
        shares.group_by("currency")
        .aggregate(
            total=shares[by].sum(),
            parties=shares.count(),
            largest_share=shares.share.max(),
            hhi=square.sum().cast(SHARE),
        )
        .order_by("currency")
    )


def fees(entries: Any) -> Any:
    """What the bank charged a month: booked as entries of their own, and taken from payments.

    Returns:
        An ibis expression: ``month``, ``account``, ``currency``, ``booked`` (entries whose code marks a charge, net of
        refunds, positive), ``taken`` (the column ``charges`` of other entries, positive) and ``total``. Months
        without any are left out. ``taken`` assumes that charges are in the account's currency.
    """
    booked = entries.filter(entries.status == "BOOK")
    is_fee = booked.bank_transaction_code.split("-")[2].isin(FEE_SUBFAMILIES) | booked.proprietary_code.re_search(
        _FEE_TYPE
    )
    day = ibis.coalesce(booked.booking_date, booked.value_date)
    marked = booked.mutate(
        month=day.truncate("M").cast("date"), fee=ibis.coalesce(is_fee, False), amount=booked.amount.cast(SUM)
    )
    zero = ibis.literal(0).cast(SUM)
    keys = ["month", *ACCOUNT]
    sums = marked.group_by(keys).aggregate(
        booked=ibis.coalesce((-marked.amount).sum(where=marked.fee), zero).cast(SUM),
        taken=ibis.coalesce(marked.charges.cast(SUM).abs().sum(where=~marked.fee), zero).cast(SUM),
    )
    sums = sums.filter((sums.booked != 0) | (sums.taken != 0))
    return sums.mutate(total=(sums.booked + sums.taken).cast(SUM)).order_by(keys)


def _in_and_out(booked: Any, keys: Sequence[str]) -> Any:
    amount, zero = booked.amount.cast(SUM), ibis.literal(0).cast(SUM)
    return booked.group_by(list(keys)).aggregate(
        inflow=ibis.coalesce(amount.sum(where=amount > 0), zero).cast(SUM),
        outflow=ibis.coalesce((-amount).sum(where=amount < 0), zero).cast(SUM),
        net=ibis.coalesce(amount.sum(), zero).cast(SUM),
        bookings=booked.count(),
    )
