"""Payments in the ledger's columns, as the entries they will become: for tables and files, never for the ledger itself.

What may live here: what a payment fills of ``statements.columns.ENTRIES``, twice: from an object and from columns of
payments (``initiation_columns``), which need no objects for it. Both give the same cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats.base import Reading
from electra_kernel.formats.initiation_columns import Columns, Payments, side_by_side
from electra_kernel.formats.mt_columns import Column, nulled
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.statements.columns import ENTRIES

_PLAIN_TEXTS = ("remittance", "structured_reference")


def payment_entries(reading: Reading, source: str) -> pa.Table:
    """Every payment of a file as a row: money out negative, in (a collection) positive, status ``INFO``.

    Args:
        reading: what the file says.
        source: SHA-256 of its bytes, or its name.
    """
    tables = [_table(reading.transactions, None, source)]
    tables += [_table(order.transactions, order, source) for order in reading.orders]
    return pa.concat_tables(tables)


def _table(payments: Sequence[Transaction], order: Order | None, source: str) -> pa.Table:
    if isinstance(payments, Payments) and not payments.made:
        return _from_columns(payments, order, source)
    return _from_objects(payments, order, source)


# ---------------------------------------------------------------------------------------------- object by object
def _from_objects(payments: Iterable[Transaction], order: Order | None, source: str) -> pa.Table:
    rows = [_row(item, order, source) for item in payments]
    return pa.Table.from_pylist([{name: row.get(name) for name in ENTRIES.names} for row in rows], schema=ENTRIES)


def _row(item: Transaction, order: Order | None, source: str) -> dict[str, object]:
    party, mandate = item.counterparty, item.mandate
    given = {
        **_of_order(order),
        "currency": item.amount.currency,
        "amount": item.amount.amount if order is not None and order.collects else -item.amount.amount,
        "counterparty_name": party.name,
        "counterparty_account": party.account,
        "counterparty_bic": party.bic,
        "counterparty_address": str(party.address),
        "remittance": item.remittance,
        "structured_reference": item.structured_reference,
        "end_to_end_id": "" if item.end_to_end_id == NOT_PROVIDED else item.end_to_end_id,
        "mandate_id": mandate.identification if mandate else "",
        "creditor_id": (mandate.creditor_id if mandate else "") or (order.creditor_id if order else ""),
        "additional_information": f"paid in {item.paid_in}" if item.paid_in else "",
        "source": source,
        "position": item.position,
    }
    return {"entry_id": f"{source}:{item.position}"} | {name: value for name, value in given.items() if value != ""}


def _of_order(order: Order | None) -> dict[str, object]:
    """What all payments of an order share."""
    if order is None:
        return {"status": "INFO"}
    return {"status": "INFO", "account": order.own.account, "value_date": order.execution_date}


# ----------------------------------------------------------------------------------------------- whole columns
def _from_columns(payments: Payments, order: Order | None, source: str) -> pa.Table:
    columns, count = payments.columns, len(payments)
    positions = pa.array(payments.places, pa.int64())
    amounts = columns.amount.cast(ENTRIES.field("amount").type)
    found: dict[str, Any] = {
        "entry_id": pc.binary_join_element_wise(source, positions.cast(pa.string()), ":"),
        "currency": columns.currency.cast(pa.string()),
        "amount": amounts if order is not None and order.collects else pc.negate(amounts),
        "counterparty_address": _address(columns),
        "creditor_id": _creditor(columns, order, count),
        "position": positions,
        **{name: _nulled(columns.texts.get(name)) for name in _PLAIN_TEXTS},
        **{f"counterparty_{name}": _nulled(columns.party.get(name)) for name in ("name", "account", "bic")},
        "end_to_end_id": _nulled(columns.texts.get("end_to_end_id"), NOT_PROVIDED),
        "mandate_id": _nulled((columns.mandate or {}).get("identification")),
    }
    shared = {**_of_order(order), "source": source}
    filled = [
        _repeated(shared[field.name], field, count) if field.name in shared else found.get(field.name)
        for field in ENTRIES
    ]
    arrays = [
        pa.nulls(count, field.type) if column is None else column.cast(field.type)
        for column, field in zip(filled, ENTRIES, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=ENTRIES)


def _repeated(value: object, field: pa.Field, count: int) -> Column:
    return pa.repeat(pa.scalar(None if value == "" else value, field.type), count)


def _nulled(column: Column | None, *empties: str) -> Column | None:
    """Empty texts, and those among ``empties``, are null."""
    return None if column is None else nulled(column, *empties)


def _address(columns: Columns) -> Column | None:
    """As ``str`` of an ``Address``."""
    party = columns.party
    street = side_by_side([party.get("street"), party.get("building")], " ")
    town = side_by_side([party.get("post_code"), party.get("town")], " ")
    whole = side_by_side([*columns.lines, street, town, party.get("country")], ", ")
    return _nulled(whole)


def _creditor(columns: Columns, order: Order | None, count: int) -> Column | None:
    """The collection's own creditor id, else the order's."""
    own = (columns.mandate or {}).get("creditor_id")
    if own is None:
        return pa.repeat(order.creditor_id, count) if order is not None and order.creditor_id else None
    return _nulled(own if order is None else pc.if_else(pc.equal(own, ""), order.creditor_id, own))
