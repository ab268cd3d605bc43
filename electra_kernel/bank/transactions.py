"""Open EBICS transactions and their segments in the bank's database, and large files taken out of it piece by piece.

What may live here: the part of ``electra_kernel.ebics.desk.Desk`` that keeps a transaction between two requests. A segment
is read and written alone, so that however large an order is the bank holds one segment of it at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert

from electra_kernel.bank.database import Database, documents, segments, transactions
from electra_kernel.ebics.desk import Direction, TransactionRecord
from electra_kernel.vocabulary.dates import Clock

#: How long a client may take between two steps of a transaction.
_TRANSACTION_LIFE = timedelta(hours=6)
#: Bytes of a large file that are held at once.
_PIECE = 2**18
#: Files up to this size, in bytes, are handed over whole.
WHOLE = 2**22


class Transactions:
    """Keeps transactions for the engine; several threads and processes may do so at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def open_transaction(self, opened: TransactionRecord, known: Mapping[int, str]) -> None:
        """Keep a new transaction; those that nobody went on with are forgotten."""
        limit = self._clock() - _TRANSACTION_LIFE
        with self._database.write(durable=False) as connection:
            stale = select(transactions.c.transaction_id).where(transactions.c.opened < limit)
            connection.execute(delete(segments).where(segments.c.transaction_id.in_(stale)))
            connection.execute(delete(transactions).where(transactions.c.opened < limit))
            connection.execute(
                transactions.insert().values(
                    transaction_id=opened.transaction_id,
                    direction=opened.direction.value,
                    partner_id=opened.partner_id,
                    user_id=opened.user_id,
                    segments=opened.segments,
                    context=opened.context,
                    opened=self._clock(),
                )
            )
            rows = [
                {"transaction_id": opened.transaction_id, "number": number, "text": text}
                for number, text in known.items()
            ]
            if rows:
                connection.execute(segments.insert(), rows)

    def transaction(self, transaction_id: bytes) -> TransactionRecord | None:
        """An open transaction, or ``None`` where there is none or its time is over."""
        limit = self._clock() - _TRANSACTION_LIFE
        query = select(transactions).where(
            transactions.c.transaction_id == transaction_id, transactions.c.opened >= limit
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return TransactionRecord(
            transaction_id=row.transaction_id,
            direction=Direction(row.direction),
            partner_id=row.partner_id,
            user_id=row.user_id,
            segments=row.segments,
            context=row.context,
            opened=row.opened,
        )

    def keep_segment(self, transaction_id: bytes, number: int, text: str) -> None:
        """Keep one segment; a repeated one takes the place of the first."""
        added = insert(segments).values(transaction_id=transaction_id, number=number, text=text)
        with self._database.write(durable=False) as connection:
            connection.execute(
                added.on_conflict_do_update(index_elements=["transaction_id", "number"], set_={"text": text})
            )

    def count_segments(self, transaction_id: bytes, count: int) -> None:
        """Put right how many segments a transaction has."""
        here = transactions.c.transaction_id == transaction_id
        with self._database.write(durable=False) as connection:
            connection.execute(update(transactions).where(here).values(segments=count))

    def arrived(self, transaction_id: bytes, number: int) -> bool:
        """Whether this segment is here."""
        query = select(segments.c.number).where(
            segments.c.transaction_id == transaction_id, segments.c.number == number
        )
        with self._database.read() as connection:
            return connection.execute(query).one_or_none() is not None

    def segment(self, transaction_id: bytes, number: int) -> str | None:
        """One segment, or ``None`` where it has not arrived."""
        query = select(segments.c.text).where(segments.c.transaction_id == transaction_id, segments.c.number == number)
        with self._database.read() as connection:
            return connection.scalar(query)

    def close_transaction(self, transaction_id: bytes) -> None:
        """Forget a transaction and its segments."""
        with self._database.write(durable=False) as connection:
            connection.execute(delete(segments).where(segments.c.transaction_id == transaction_id))
            connection.execute(delete(transactions).where(transactions.c.transaction_id == transaction_id))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A document that waits to be fetched: its number, name, size in bytes and the moment it was made. Never changes."""

    id: int
    name: str
    created: datetime
    size: int


def content(database: Database, document: Waiting) -> bytes | Iterable[bytes]:
    """The bytes of a document: whole where they are few, else in pieces."""
    pieces = _pieces(database, document)
    return b"".join(pieces) if document.size <= WHOLE else pieces


def _pieces(database: Database, document: Waiting) -> Iterator[bytes]:
    with database.read() as connection:
        driver: Any = connection.connection.driver_connection
        with driver.blobopen(documents.name, "data", document.id, readonly=True) as blob:
            while piece := blob.read(_PIECE):
                yield piece


def zipped(database: Database, waiting: Iterable[Waiting]) -> bytes | Iterable[bytes]:
    """A container with one file for each document; the same documents give the same bytes."""
    held = TemporaryFile()  # noqa: SIM115 - whoever takes the pieces closes it
    with ZipFile(held, "w", ZIP_DEFLATED) as archive:
        for each in waiting:
            info = ZipInfo(each.name, each.created.timetuple()[:6])
            info.compress_type, info.file_size = ZIP_DEFLATED, each.size
            with archive.open(info, "w") as member:
                for piece in _pieces(database, each):
                    member.write(piece)
    small = held.tell() <= WHOLE
    pieces = _read(held)
    return b"".join(pieces) if small else pieces


def _read(held: BinaryIO) -> Iterator[bytes]:
    with held:
        held.seek(0)
        while piece := held.read(_PIECE):
            yield piece
