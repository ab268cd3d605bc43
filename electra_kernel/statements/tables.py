"""Statements as the ledger's tables: objects in, columns out. The columns themselves are in ``columns``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa

from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS, STATEMENTS, StatementTables
from electra_kernel.statements.keys import entry_ids
from electra_kernel.statements.model import Entry, EntryDetail, Statement
from electra_kernel.statements.proof import closing_of, opening_of
from electra_kernel.vocabulary.errors import Problem

_NOTHING = EntryDetail()
_NO_ID = "-"
#: Columns that an entry without a word of its own takes from its only detail.
_TEXTS = (
    "bank_transaction_code",
    "proprietary_code",
    "bank_reference",
    "remittance",
    "structured_reference",
    "end_to_end_id",
    "mandate_id",
    "creditor_id",
)


def tables_of(statements: Sequence[Statement], source: str, problems: Sequence[Problem] = ()) -> StatementTables:
    """The ledger's tables of some statements of one file.

    An entry with exactly one detail carries the detail's columns: where both say something, the entry's word counts
    (additional information: both, separated by a space). Batched entries have their details in their own table, each
    with the entry's reversal mark, source and position.

    Args:
        statements: in the order of the file.
        source: SHA-256 of the archived bytes, or the file's name.
        problems: rows for the problems table.
    """
    rows = [(statement, entry) for statement in statements for entry in statement.entries]
    entries = entries_of(rows, source)
    details, owners = details_of(rows, source)
    ids = entry_ids(entries, [statement.kind for statement, _ in rows])
    return StatementTables(
        entries=with_ids(entries, ids),
        details=with_ids(details, ids.take(pa.array(owners, pa.int64()))),
        balances=balances_of(statements),
        problems=problems_of(problems),
        statements=statements_of(
            [(statement, booked_span([entry.booking_date for entry in statement.entries])) for statement in statements],
            source,
        ),
    )


@dataclass(frozen=True, slots=True)
class Span:
    """How many entries a statement has, and the first and last of their booking dates."""

    entries: int
    first: date | None
    last: date | None


def booked_span(days: Sequence[date | None]) -> Span:
    """The span of entries with these booking dates."""
    known = [day for day in days if day is not None]
    return Span(len(days), min(known, default=None), max(known, default=None))


def period_of(statement: Statement, span: Span) -> tuple[date | None, date | None]:
    """The first and last day a statement speaks of.

    Its last day is its closing balance's, else what it says itself, else that of its last entry or of its making. Its
    first day is what it says itself, else the day after its opening balance's where it closes later (the day itself
    where not); never later than its first entry.
    """
    opening, closing = opening_of(statement), closing_of(statement)
    made = statement.created.date() if statement.created else None
    last = closing.date if closing else statement.to_date or span.last or made
    first = statement.from_date
    if first is None and opening is not None:
        later = last is not None and opening.date < last
        first = opening.date + timedelta(days=1) if later else opening.date
    return min((day for day in (first, span.first) if day is not None), default=last), last


def statements_of(statements: Sequence[tuple[Statement, Span]], source: str) -> pa.Table:
    """One row a statement, report or notification."""
    rows = []
    for statement, span in statements:
        first, last = period_of(statement, span)
        created, opening, closing = statement.created, opening_of(statement), closing_of(statement)
        rows.append(
            {
                "statement": statement.identification,
                "account": statement.account,
                "currency": statement.currency,
                "sequence": statement.sequence,
                "kind": statement.kind,
                "from_date": first,
                "to_date": last,
                "created": created.replace(tzinfo=UTC) if created and created.tzinfo is None else created,
                "opening": opening.amount if opening else None,
                "closing": closing.amount if closing else None,
                "entries": span.entries,
                "source": source,
            }
        )
    return _table(rows, STATEMENTS)


def joined_tables(parts: Sequence[StatementTables]) -> StatementTables:
    """The parts of one file as one."""
    names = [field.name for field in fields(StatementTables)]
    return StatementTables(**{name: pa.concat_tables([getattr(part, name) for part in parts]) for name in names})


def with_ids(rows: pa.Table, ids: pa.Array) -> pa.Table:
    """Rows with their entry ids in the first column."""
    return rows.set_column(0, ENTRIES.field("entry_id"), ids)


def entries_of(rows: Sequence[tuple[Statement, Entry]], source: str) -> pa.Table:
    """One row an entry; the ids are still to be filled in."""
    return _table([_entry_row(statement, entry, source) for statement, entry in rows], ENTRIES)


def details_of(rows: Sequence[tuple[Statement, Entry]], source: str) -> tuple[pa.Table, list[int]]:
    """One row a payment of each batched entry, and the number of its entry in ``rows``; ids still to be filled in."""
    owners = [
        (number, place)
        for number, (_, entry) in enumerate(rows)
        if len(entry.details) > 1
        for place in range(len(entry.details))
    ]
    details = [_detail_row(place, rows[number][1], source) for number, place in owners]
    return _table(details, DETAILS), [number for number, _ in owners]


def balances_of(statements: Sequence[Statement]) -> pa.Table:
    """The balances of some statements, one row each."""
    rows = [
        {
            "account": statement.account,
            "currency": balance.currency,
            "statement": statement.identification,
            "kind": balance.kind,
            "date": balance.date,
            "amount": balance.amount,
        }
        for statement in statements
        for balance in statement.balances
    ]
    return _table(rows, BALANCES)


def problems_of(problems: Sequence[Problem]) -> pa.Table:
    """Problems as rows."""
    rows = [problem.as_row() for problem in problems]
    return pa.Table.from_pylist(rows, PROBLEMS) if rows else no_rows(PROBLEMS)


@cache
def no_rows(schema: pa.Schema) -> pa.Table:
    """The one empty table of a schema: tables never change, and making one costs as much as filling it."""
    return schema.empty_table()


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows to a table; empty texts become null."""
    if not rows:
        return no_rows(schema)
    # A struct of all columns is made in one go, twice as quick as column by column where rows are few.
    given = [{name: value for name, value in row.items() if value != ""} for row in rows]
    batch = pa.RecordBatch.from_struct_array(pa.array(given, _struct(schema)))
    return pa.Table.from_batches([batch], schema)


@cache
def _struct(schema: pa.Schema) -> pa.DataType:
    return pa.struct(list(schema))


def _entry_row(statement: Statement, entry: Entry, source: str) -> dict[str, Any]:
    only = entry.details[0] if len(entry.details) == 1 else _NOTHING
    row = _shared_columns(only)
    row.update({name: value for name in _TEXTS if (value := getattr(entry, name, ""))})
    row.update(
        entry_id=_NO_ID,
        account=statement.account,
        currency=entry.currency,
        statement=statement.identification,
        sequence=statement.sequence,
        booking_date=entry.booking_date,
        value_date=entry.value_date,
        status=entry.status,
        amount=entry.amount,
        reversal=entry.reversal,
        entry_reference=entry.entry_reference,
        original_amount=_either(entry.original_amount, only.original_amount),
        original_currency=entry.original_currency if entry.original_amount is not None else only.original_currency,
        exchange_rate=_either(entry.exchange_rate, only.exchange_rate),
        charges=_either(entry.charges, only.charges),
        details=len(entry.details),
        additional_information=" ".join(part for part in (entry.words(), only.words()) if part),
        source=source,
        position=entry.position,
    )
    return row


def _detail_row(place: int, entry: Entry, source: str) -> dict[str, Any]:
    detail = entry.details[place]
    return {
        **_shared_columns(detail),
        "entry_id": _NO_ID,
        "detail": place,
        "amount": detail.amount,
        "reversal": entry.reversal,
        "source": source,
        "position": entry.position,
    }


def _shared_columns(detail: EntryDetail) -> dict[str, Any]:
    party = detail.counterparty
    row: dict[str, Any] = {name: getattr(detail, name) for name in _TEXTS}
    row.update(
        counterparty_name=party.name if party else None,
        counterparty_account=party.account if party else None,
        counterparty_bic=party.bic if party else None,
        counterparty_address=str(party.address) if party else None,
        original_amount=detail.original_amount,
        original_currency=detail.original_currency,
        exchange_rate=detail.exchange_rate,
        charges=detail.charges,
        additional_information=detail.words(),
    )
    return row


def _either(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    return second if first is None else first
