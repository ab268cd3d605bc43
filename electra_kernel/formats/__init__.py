"""Bank formats: one file each, reads and writes bytes. No I/O. ``detect`` tells them apart by content.

A new format is one file and one row in ``FORMATS``.
"""

from __future__ import annotations

from electra_kernel.formats import camt052, camt053, camt054, iso, mt, mt940, mt942, pain001, pain002, payments
from electra_kernel.formats.base import Format, Reading, unreadable
from electra_kernel.formats.payments import ColumnMap
from electra_kernel.statements.columns import StatementTables
from electra_kernel.statements.tables import tables_of

__all__ = ["FORMATS", "NO_STATEMENTS", "Format", "Reading", "detect", "read", "read_payments", "read_tables"]

#: The rule that a file of payments breaks where statements are wanted.
NO_STATEMENTS = "no-statements"

FORMATS: tuple[Format, ...] = (
    Format(
        name="pain.001",
        title="Credit transfer orders (pain.001.001.03 and .09)",
        extensions=(".xml",),
        detect=pain001.detect,
        read=pain001.read,
        write=pain001.write,
    ),
    Format(
        name="pain.002",
        title="Status reports (pain.002.001.03 and .10)",
        extensions=(".xml",),
        detect=pain002.detect,
        read=pain002.read,
        write=pain002.write,
    ),
    Format(
        name="camt.053",
        title="Account statements (camt.053, every version)",
        extensions=(".xml",),
        detect=camt053.detect,
        read=camt053.read,
        write=camt053.write,
        tables=camt053.read_tables,
        batches=camt053.read_batches,
    ),
    Format(
        name="camt.052",
        title="Intraday account reports (camt.052, every version)",
        extensions=(".xml",),
        detect=camt052.detect,
        read=camt052.read,
        write=camt052.write,
        tables=camt052.read_tables,
        batches=camt052.read_batches,
    ),
    Format(
        name="camt.054",
        title="Debit and credit notifications (camt.054, every version)",
        extensions=(".xml",),
        detect=camt054.detect,
        read=camt054.read,
        write=camt054.write,
        tables=camt054.read_tables,
        batches=camt054.read_batches,
    ),
    Format(
        name="mt940",
        title="Account statements (SWIFT MT940, MT950)",
        extensions=(".sta", ".940"),
        detect=mt940.detect,
        read=mt940.read,
        write=mt940.write,
        tables=mt940.read_tables,
    ),
    Format(
        name="mt942",
        title="Interim reports (SWIFT MT942, MT941)",
        extensions=(".942",),
        detect=mt942.detect,
        read=mt942.read,
        write=mt942.write,
        tables=mt942.read_tables,
    ),
    Format(
        name="xlsx",
        title="Payments in an Excel sheet",
        extensions=(".xlsx",),
        detect=payments.detect_xlsx,
        read=payments.read,
        write=payments.write_xlsx,
    ),
    Format(
        name="csv",
        title="Payments in delimited text",
        extensions=(".csv", ".txt", ".tsv"),
        detect=payments.detect_csv,
        read=payments.read,
        write=payments.write_csv,
    ),
)


def detect(data: bytes, source: str) -> Format:
    """The format of a file by its content; its name is not looked at.

    Raises:
        UnreadableFile: empty, or of no format that is read; the error says what the file looks like.
    """
    if not data.strip(b"\0 \t\r\n"):
        raise unreadable(source, "empty", "The file is empty.", "Fetch or export it again.")
    found = next((known for known in FORMATS if known.detect(data)), None)
    if found is None:
        known_names = ", ".join(known.name for known in FORMATS)
        raise unreadable(
            source,
            "format",
            f"The file looks like {mt.looks_like(data) or iso.looks_like(data)}.",
            f"Files that are read: {known_names}.",
        )
    return found


def read(data: bytes, source: str) -> Reading:
    """Read a file of any known format.

    Args:
        data: the file's bytes.
        source: its name, or the SHA-256 of its bytes; problems name it.

    Raises:
        UnreadableFile: of no known format, or broken so that nothing can be used.
    """
    return detect(data, source).read(data, source)


def read_payments(data: bytes, source: str, columns: ColumnMap | None = None, currency: str | None = None) -> Reading:
    """Read a file of payments: orders (pain.001), or the rows of a sheet as transactions.

    Args:
        data: the file's bytes.
        source: its name, or the SHA-256 of its bytes.
        columns: which column of a sheet means what; recognised where not given.
        currency: for a sheet that names none.

    Raises:
        UnreadableFile: of no known format, or no file of payments, or nothing in it can be used.
    """
    if columns is not None and not iso.looks_like_xml(data):
        return payments.read(data, source, columns, currency)
    found = detect(data, source)
    reading = payments.read(data, source, columns, currency) if found.name in _SHEETS else found.read(data, source)
    if reading.statements or reading.reports:
        raise unreadable(
            source,
            "no-payments",
            f"The file is a {reading.format} and holds no payments.",
            "Choose a file of payments.",
        )
    return reading


_SHEETS = ("xlsx", "csv")


def read_tables(data: bytes, source: str) -> StatementTables:
    """Read a file of statements into the ledger's columns, the fast way where the format has one.

    Raises:
        UnreadableFile: of no known format, broken, or without statements. Nothing half read is ever returned.
    """
    found = detect(data, source)
    if found.tables is not None:
        return found.tables(data, source)
    reading = found.read(data, source)
    if not reading.statements:
        raise unreadable(
            source, NO_STATEMENTS, f"The file is a {reading.format} and holds no statements.", "Import a statement."
        )
    return tables_of(reading.statements, source, reading.problems)
