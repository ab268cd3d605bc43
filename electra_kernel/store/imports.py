"""Which archived files are wholly in the ledger. What may live here: the rows of the table ``imports``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from electra_kernel.store.database import Database
from electra_kernel.store.tables import imports
from electra_kernel.vocabulary.dates import Clock


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """A statement file whose rows are all in the ledger.

    Attributes:
        document: SHA-256 of the file in the archive.
        format: such as ``camt.053.001.08``.
        entries: entries it brought.
        known: entries of it that the ledger had already.
        at: aware UTC moment of the import.
    """

    document: str
    format: str
    entries: int
    known: int
    at: datetime


class Imports:
    """The imported statement files of one workbench."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def add(self, document: str, *, format: str, entries: int, known: int) -> ImportRecord:  # noqa: A002
        """Note that a file is wholly in the ledger, after the ledger took it; the first note of a file stands."""
        with self._database.write() as connection:
            row = connection.execute(select(imports).where(imports.c.document == document)).one_or_none()
            if row is not None:
                return ImportRecord(**row._mapping)
            added = ImportRecord(document, format, entries, known, self._clock())
            connection.execute(
                insert(imports).values(document=document, format=format, entries=entries, known=known, at=added.at)
            )
        return added

    def find(self, document: str) -> ImportRecord | None:
        """The import of the file with this SHA-256, or ``None`` where it has still to be imported."""
        with self._database.read() as connection:
            row = connection.execute(select(imports).where(imports.c.document == document)).one_or_none()
        return None if row is None else ImportRecord(**row._mapping)

    def all(self) -> list[ImportRecord]:
        """Every import, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(imports).order_by(imports.c.at, imports.c.document)).all()
        return [ImportRecord(**row._mapping) for row in rows]
