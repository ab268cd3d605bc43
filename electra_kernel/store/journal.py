"""The journal: the append-only, hash-chained record of what happened.

Each row's hash covers the hash before it and the row itself, so a row that is changed, taken out or moved is found and
named; the head row says where the chain ends, so that a row taken off the end is missed too. Whoever can rewrite the
whole database can rewrite the whole chain: ``head()`` is there to be kept elsewhere and compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from electra_kernel.store.database import Database
from electra_kernel.store.tables import as_text, journal, journal_head
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError

#: What stands before the first row.
START = "0" * 64


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """One row of the journal.

    Attributes:
        number: 1, 2, 3 … without a gap.
        at: aware UTC moment.
        subject: what it happened to, such as ``order:2026-0001``.
        kind: what happened.
        data: the particulars as they were given, read back from JSON (amounts and dates as text).
        hash: SHA-256 in hex over the hash before it and this row.
    """

    number: int
    at: datetime
    subject: str
    kind: str
    data: Mapping[str, Any]
    hash: str


class JournalBroken(ElectraError):
    """The journal was changed after it was written. ``number`` is the first row that is not as it was."""

    def __init__(self, number: int, cause: str) -> None:
        self.number = number
        super().__init__(
            f"The journal is broken at row {number}.",
            cause=cause,
            repair="Keep this folder as it is for whoever looks into it, and go on with a backup from before the change.",
        )


class Journal:
    """The journal of one workbench. Appends queue up behind one another, also between processes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def append(self, subject: str, kind: str, data: Mapping[str, Any] | None = None) -> JournalEvent:
        """Write down what happened; it is on the disk when this returns.

        Args:
            subject: what it happened to.
            kind: what happened.
            data: particulars; text, whole numbers, booleans, ``None``, lists and mappings of them. ``Decimal``, dates
                and moments become text.

        Raises:
            TypeError: ``data`` holds a float or something else that JSON has no exact word for.
        """
        with self._database.write() as connection:
            return self.append_in(connection, subject, kind, data)

    def append_many(self, subject: str, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write down several things of one kind, in their order, all of them or none; as ``append`` otherwise."""
        if rows:
            with self._database.write() as connection:
                self._append_rows(connection, subject, kind, rows)

    def append_in(
        self, connection: Connection, subject: str, kind: str, data: Mapping[str, Any] | None = None
    ) -> JournalEvent:
        """Write down what happened within a writing transaction, so that it stands or falls with it."""
        row = self._append_rows(connection, subject, kind, [data or {}])[0]
        return JournalEvent(
            row["number"], datetime.fromisoformat(row["at"]), subject, kind, json.loads(row["data"]), row["hash"]
        )

    def _append_rows(
        self, connection: Connection, subject: str, kind: str, given: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Put rows behind the chain's end, and the end behind them."""
        # On a server database this row is the queue of the writers; SQLite has only one writer anyway.
        head = connection.execute(select(journal_head).with_for_update()).one()
        number, previous, rows = head.number, head.hash, list[dict[str, Any]]()
        for data in given:
            number += 1
            row = {"number": number, "at": as_text(self._clock()), "subject": subject, "kind": kind}
            row |= {"data": canonical(dict(data)), "previous": previous}
            row["hash"] = previous = chain_hash(row)
            rows.append(row)
        connection.execute(insert(journal), rows)
        connection.execute(update(journal_head).values(number=number, hash=previous))
        return rows

    def events(self, subject: str | None = None, kind: str | None = None) -> list[JournalEvent]:
        """What happened, oldest first; of one subject or one kind where given."""
        with self._database.read() as connection:
            return self.events_in(connection, subject, kind)

    def events_in(
        self, connection: Connection, subject: str | None = None, kind: str | None = None
    ) -> list[JournalEvent]:
        """What happened, as a transaction sees it."""
        query = select(journal).order_by(journal.c.number)
        if subject is not None:
            query = query.where(journal.c.subject == subject)
        if kind is not None:
            query = query.where(journal.c.kind == kind)
        return [_event(row) for row in connection.execute(query)]

    def head(self) -> tuple[int, str]:
        """The number and hash of the last row: ``(0, "000…")`` for an empty journal."""
        with self._database.read() as connection:
            row = connection.execute(select(journal_head)).one()
            return row.number, row.hash

    def verify(self) -> None:
        """Check the whole chain.

        Raises:
            JournalBroken: names the first row that was altered, removed or moved.
        """
        with self._database.read() as connection:
            head = connection.execute(select(journal_head)).one_or_none()
            if head is None:
                raise JournalBroken(0, "the row that says where the journal ends was removed.")
            number, previous = 0, START
            rows = connection.execution_options(yield_per=1000).execute(select(journal).order_by(journal.c.number))
            for row in rows:
                number, previous = _follow(row, number, previous)
        if head.number > number:
            raise JournalBroken(number + 1, f"row {number + 1} was removed; the journal had {head.number} rows.")
        if head.number < number:
            raise JournalBroken(head.number + 1, f"row {head.number + 1} was put behind the journal's end.")
        if head.hash != previous:
            raise JournalBroken(number, f"row {number} was altered and its hash with it.")


def canonical(value: Any) -> str:
    """JSON in one exact form: keys sorted, no blanks, ASCII only; amounts, dates and moments as text.

    Raises:
        TypeError: for floats and for whatever JSON has no exact word for.
    """
    return json.dumps(_exact(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def chain_hash(row: Mapping[str, Any]) -> str:
    """The hash of a row: SHA-256 over the canonical JSON of all its columns but the hash itself."""
    covered = {name: row[name] for name in ("previous", "number", "at", "subject", "kind", "data")}
    return hashlib.sha256(canonical(covered).encode()).hexdigest()


def _exact(value: Any) -> Any:
    match value:
        case Enum():
            return _exact(value.value)
        case None | bool() | int() | str():
            return value
        case Decimal():
            return str(value)
        case datetime():
            return as_text(value)
        case date():
            return value.isoformat()
        case Mapping():
            return {_key(key): _exact(each) for key, each in value.items()}
        case list() | tuple():
            return [_exact(each) for each in value]
    raise TypeError(f"the journal takes text, whole numbers, amounts and dates, not {type(value).__name__}: {value!r}")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the journal takes text as names, not {type(key).__name__}: {key!r}")
    return str(key)


def _event(row: Row[Any]) -> JournalEvent:
    try:
        return JournalEvent(
            row.number, datetime.fromisoformat(row.at), row.subject, row.kind, json.loads(row.data), row.hash
        )
    except (TypeError, ValueError) as error:
        raise JournalBroken(row.number, f"row {row.number} cannot be read any more: {error}.") from error


def _follow(row: Row[Any], number: int, previous: str) -> tuple[int, str]:
    """One step along the chain, from the row before to ``row``."""
    if row.number != number + 1:
        raise JournalBroken(number + 1, f"row {number + 1} was removed or moved: row {row.number} comes next.")
    try:
        expected = chain_hash(dict(row._mapping))
    except TypeError:
        expected = ""  # a column holds bytes or a fraction now, which nothing here ever wrote
    if row.hash != expected:
        raise JournalBroken(row.number, f"row {row.number} was altered: its hash does not fit what it says.")
    if row.previous != previous:
        raise JournalBroken(max(number, 1), f"row {max(number, 1)} was altered and its hash with it.")
    return row.number, row.hash
