"""What was sent against what was booked: every sent payment finds its booking, or is told to be open.

Two payments match when their reference and amount agree; a payment that was sent without a reference matches by the
payee's account and amount instead. Each payment and each booking is used once; of several that look alike the oldest
sent takes the oldest booked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ibis
import pyarrow as pa

from electra_kernel.orders.model import NOT_PROVIDED, Order
from electra_kernel.statements.columns import AMOUNT

_SENT = pa.schema(
    [
        ("order", pa.string()),
        ("number", pa.int64()),
        ("account", pa.string()),
        ("execution_date", pa.date32()),
        ("amount", AMOUNT),
        ("currency", pa.string()),
        ("counterparty_name", pa.string()),
        ("counterparty_account", pa.string()),
        ("end_to_end_id", pa.string()),
    ]
)


def sent_transactions(orders: Iterable[Order]) -> Any:
    """The transactions of sent orders as an ibis table.

    Returns:
        One row a transaction: ``order`` (message id), ``number`` (from 1), ``account`` (the debtor's),
        ``execution_date``, ``amount`` (positive, decimal(18, 5)), ``currency``, ``counterparty_name``,
        ``counterparty_account``, ``end_to_end_id`` (null where the payer gave none).
    """
    rows = [
        (
            order.message_id,
            number,
            order.debtor.account,
            order.execution_date,
            transaction.amount.amount,
            transaction.amount.currency,
            transaction.counterparty.name or None,
            transaction.counterparty.account or None,
            None if transaction.end_to_end_id in ("", NOT_PROVIDED) else transaction.end_to_end_id,
        )
        for order in orders
        for number, transaction in enumerate(order.transactions, start=1)
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(_SENT)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _SENT, strict=True)]
    return ibis.memtable(pa.Table.from_arrays(arrays, schema=_SENT))


def reconcile(sent: Any, payments: Any) -> Any:
    """Match sent payments with booked ones.

    Args:
        sent: as ``sent_transactions`` gives.
        payments: as ``flows.payments`` gives; debits with status BOOK take part.

    Returns:
        An ibis expression. Every sent payment and every booked debit stands in exactly one row: the columns of ``sent``
        (null where nothing was sent), ``entry_id``, ``detail``, ``booking_date``, ``booked_amount`` (signed),
        ``booked_counterparty``, ``booked_end_to_end_id`` (null where nothing was booked); ``match`` (``booked``, ``open``
        or ``not ordered``) and ``reason``.
    """
    left = _numbered(_keyed(sent), ["execution_date", "order", "number"])
    debits = payments.filter((payments.status == "BOOK") & (payments.amount < 0))
    right = _numbered(_keyed(debits), ["booking_date", "entry_id", "detail"])
    right = right.select(
        "entry_id",
        "detail",
        "booking_date",
        booked_amount=right.amount,
        booked_counterparty=right.counterparty_name,
        booked_end_to_end_id=right.end_to_end_id,
        **{f"booked_{name}": name for name in _MATCH},
    )
    joined = left.outer_join(right, [left[name] == right[f"booked_{name}"] for name in _MATCH])
    found = joined.order.notnull() & joined.entry_id.notnull()
    reference = ibis.ifelse(joined.end_to_end_id.notnull(), "reference and amount", "account and amount")
    return joined.mutate(
        match=ibis.cases((found, "booked"), (joined.order.notnull(), "open"), else_="not ordered"),
        reason=ibis.cases(
            (found, reference),
            (joined.order.notnull(), "no booking with this reference and amount"),
            else_="no sent payment with this reference and amount",
        ),
    ).drop(*_MATCH, *(f"booked_{name}" for name in _MATCH))


#: What must agree: the debited account, the currency, the amount, the reference (or payee), and the place among likes.
_MATCH = ("own", "unit", "size", "key", "turn")


def _keyed(rows: Any) -> Any:
    reference = rows.end_to_end_id.nullif(NOT_PROVIDED)
    by_account = ibis.literal("account:") + rows.counterparty_account
    key = ibis.coalesce(ibis.literal("id:") + reference, by_account)
    return rows.mutate(own=rows.account, unit=rows.currency, size=rows.amount.abs(), key=key)


def _numbered(rows: Any, order: list[str]) -> Any:
    likes = ibis.window(group_by=["own", "unit", "size", "key"], order_by=order)
    return rows.mutate(turn=ibis.row_number().over(likes))
