"""The tables of the workbench's database. What may live here: tables and column types, no query.

A change here needs a new file under ``migrations/versions`` and its name in ``SCHEMA_VERSION``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)

#: The newest migration's revision: what this code reads and writes.
SCHEMA_VERSION = "0002"

metadata = MetaData()


def as_text(moment: datetime) -> str:
    """An aware moment as sortable text in UTC, always with microseconds: ``2026-01-31T09:30:00.000000+00:00``."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime kept as text, so that it is the same in every database."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Python to database."""
        return None if value is None else as_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Database to Python."""
        return None if value is None else datetime.fromisoformat(value)


#: ``at`` and ``data`` are plain text: the hash covers them letter for letter.
journal = Table(
    "journal",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

#: One row: the end of the chain, so that a row taken off the end is missed too.
journal_head = Table(
    "journal_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

archive = Table(
    "archive",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("at", Moment, nullable=False),
)

connections = Table(
    "connections",
    metadata,
    Column("name", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("ca_file", Text),
    Column("host", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("signature_version", Text, nullable=False),
    Column("signature_certificate", LargeBinary),
    Column("authentication_certificate", LargeBinary),
    Column("encryption_certificate", LargeBinary),
    Column("bank_authentication", LargeBinary),
    Column("bank_encryption", LargeBinary),
    Column("created", Moment, nullable=False),
    Column("certified", Boolean, nullable=False, server_default=false()),
    Column("issuers", LargeBinary),
)

#: No state: it is derived from the journal's events.
orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("year", Integer, nullable=False, index=True),
    Column("serial", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message_id", Text, nullable=False, unique=True),
    Column("document", ForeignKey("archive.sha256"), nullable=False),
    Column("format", Text, nullable=False),
    Column("connection", ForeignKey("connections.name")),
    Column("source", Text, nullable=False),
    Column("source_name", Text, nullable=False),
    Column("created", Moment, nullable=False),
)
