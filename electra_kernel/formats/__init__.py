"""Bank formats: one file each, reads and writes bytes. No I/O. ``detect`` tells them apart by content.

A new format is one file and one row in ``FORMATS``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from electra_kernel.formats import (
    abo,
    bai2,
    camt029,
    camt052,
    camt053,
    camt054,
    camt055,
    camt086,
    cfonb120,
    cfonb160,
    cfonb240,
    coda,
    datev,
    dtaus,
    epcqr,
    giro,
    grids,
    hctqr,
    iso,
    mt101,
    mt103,
    mt900,
    mt940,
    mt942,
    mt_kinds,
    nacha,
    norma43,
    ofx,
    pain001,
    pain002,
    pain008,
    payments,
    profiles,
    qif,
    sheets,
    swissqr,
    tables,
    unpublished,
)
from electra_kernel.formats.base import Format, Reading, unreadable
from electra_kernel.formats.carried import not_carried
from electra_kernel.formats.conversion import WRITTEN, written_and_told, written_bills
from electra_kernel.formats.conversion_orders import WRITTEN_PAYMENTS, Missing, written_payments
from electra_kernel.formats.payments import ColumnMap
from electra_kernel.formats.wide import either_width, narrowed
from electra_kernel.orders.model import NOBODY
from electra_kernel.statements.columns import StatementTables
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.dates import system_clock
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Party

__all__ = [
    "FORMATS",
    "NO_STATEMENTS",
    "Format",
    "Reading",
    "convert",
    "detect",
    "read",
    "read_payments",
    "read_tables",
    "tables_by",
    "with_dates",
]

#: The rule that a file of payments breaks where statements are wanted.
NO_STATEMENTS = "no-statements"

#: Measured: what camt's fast way needs for its start alone, the exact way needs for some thirty entries.
_CAMT_TABLES_FROM = 12 * 1024
#: The same for sheets: some twenty rows.
_SHEET_TABLES_FROM = 2 * 1024

_KNOWN: tuple[Format, ...] = (
    Format(
        name="pain.001",
        title="Credit transfer orders (pain.001, every version from .03)",
        extensions=(".xml",),
        detect=pain001.detect,
        read=pain001.read,
        write=pain001.write,
    ),
    Format(
        name="pain.008",
        title="Collections: direct debit orders (pain.008, every version from .02)",
        extensions=(".xml",),
        detect=pain008.detect,
        read=pain008.read,
        write=pain008.write,
    ),
    Format(
        name="pain.002",
        title="Status reports (pain.002, every version from .03)",
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
        tables_from=_CAMT_TABLES_FROM,
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
        tables_from=_CAMT_TABLES_FROM,
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
        tables_from=_CAMT_TABLES_FROM,
        batches=camt054.read_batches,
    ),
    Format(
        name="camt.086",
        title="Bills of the bank's services (camt.086, every version)",
        extensions=(".xml",),
        detect=camt086.detect,
        read=camt086.read,
        write=camt086.write,
    ),
    Format(
        name="camt.055",
        title="Requests to call an order back (camt.055)",
        extensions=(".xml",),
        detect=camt055.detect,
        read=camt055.read,
        write=camt055.write,
    ),
    Format(
        name="camt.056",
        title="Requests to call a payment back, between banks (camt.056)",
        extensions=(".xml",),
        detect=camt055.detect_between_banks,
        read=camt055.read_between_banks,
        write=camt055.write_between_banks,
    ),
    Format(
        name="camt.029",
        title="Answers to requests to call payments back (camt.029)",
        extensions=(".xml",),
        detect=camt029.detect,
        read=camt029.read,
        write=camt029.write,
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
        name="ofx",
        title="Statements of OFX, QFX and QBO (OFX 1.6 and 2.2)",
        extensions=(".ofx", ".qfx", ".qbo"),
        detect=ofx.detect,
        read=ofx.read,
        write=ofx.write,
    ),
    Format(
        name="qif",
        title="Registers of accounts in QIF",
        extensions=(".qif",),
        detect=qif.detect,
        read=qif.read,
        write=qif.write,
    ),
    Format(
        name="coda",
        title="Coded statements of Belgian banks (CODA 2)",
        extensions=(".cod", ".bc2"),
        detect=coda.detect,
        read=coda.read,
        write=coda.write,
    ),
    Format(
        name="cfonb120",
        title="Statements of French banks (CFONB 120)",
        extensions=(".cfonb", ".cfo", ".afb", ".txt"),
        detect=cfonb120.detect,
        read=cfonb120.read,
        write=cfonb120.write,
    ),
    Format(
        name="cfonb160",
        title="French transfers and collections before SEPA (CFONB 160)",
        extensions=(".cfonb", ".txt"),
        detect=cfonb160.detect,
        read=partial(cfonb160.read, clock=system_clock),  # of the year the file gives one digit
        write=cfonb160.write,
    ),
    Format(
        name="cfonb240",
        title="Single operations reported by French banks (CFONB 240)",
        extensions=(".cfonb", ".txt"),
        detect=cfonb240.detect,
        read=cfonb240.read,
        write=cfonb240.write,
    ),
    Format(
        name="norma43",
        title="Statements of Spanish banks (Norma 43)",
        extensions=(".n43", ".q43", ".txt"),
        detect=norma43.detect,
        read=norma43.read,
        write=norma43.write,
    ),
    Format(
        name="abo",
        title="Statements of Czech and Slovak banks (ABO, GPC)",
        extensions=(".gpc", ".abo"),
        detect=abo.detect,
        read=abo.read,
        write=abo.write,
    ),
    Format(
        name="bai2",
        title="Cash management balance reports (BAI2)",
        extensions=(".bai", ".bai2", ".txt"),
        detect=bai2.detect,
        read=bai2.read,
        write=bai2.write,
    ),
    Format(
        name="mt900",
        title="Confirmations of debit and credit (SWIFT MT900, MT910)",
        extensions=(".900", ".910"),
        detect=mt900.detect,
        read=mt900.read,
        write=mt900.write,
    ),
    Format(
        name="mt101",
        title="Requests for transfer (SWIFT MT101)",
        extensions=(".101",),
        detect=mt101.detect,
        read=mt101.read,
        write=mt101.write,
    ),
    Format(
        name="mt103",
        title="Customer credit transfers (SWIFT MT103)",
        extensions=(".103",),
        detect=mt103.detect,
        read=mt103.read,
        write=mt103.write,
    ),
    Format(
        name="epc-qr",
        title="The text of a SEPA payment code (EPC QR, GiroCode)",
        extensions=(".txt",),
        detect=epcqr.detect,
        read=epcqr.read,
        write=epcqr.write,
    ),
    Format(
        name="swiss-qr",
        title="The text of a Swiss QR-bill",
        extensions=(".txt",),
        detect=swissqr.detect,
        read=swissqr.read,
        write=swissqr.write,
    ),
    Format(
        name="hct-qr",
        title="The text of a Hungarian payment code (MNB QR, qvik)",
        extensions=(".txt",),
        detect=hctqr.detect,
        read=hctqr.read_payment,
        write=hctqr.write,
    ),
    Format(
        name="giro",
        title="Hungarian group transfers and collections (GIRO: ATUTAL, TOMEGA, BESZED)",
        extensions=(".121", ".CAT", ".txt"),
        detect=giro.detect,
        read=giro.read,
        write=giro.write,
    ),
    Format(
        name="dtaus",
        title="German transfers and collections before SEPA (DTAUS0)",
        extensions=(".dta", ".txt", ".ctl"),
        detect=dtaus.detect,
        read=dtaus.read,
        write=dtaus.write,
    ),
    Format(
        name="datev",
        title="Booking batches of German bookkeeping (DATEV EXTF Buchungsstapel)",
        extensions=(".csv",),
        detect=datev.detect,
        read=datev.read,
        write=datev.write,
    ),
    Format(
        name="nacha",
        title="American transfers and collections (NACHA, ACH)",
        extensions=(".ach", ".txt"),
        detect=nacha.detect,
        read=nacha.read,
        write=nacha.write,
    ),
    *(profiles.as_format(profile) for profile in profiles.shipped()),
    Format(
        name="table",
        title="Entries in the ledger's columns (JSON, Parquet, CSV, Excel), as electra read writes them",
        extensions=(".json", ".parquet", ".csv", ".xlsx"),
        detect=tables.detect,
        read=tables.read,
        tables=tables.read_tables,
    ),
    Format(
        name="sheet",
        title="Account statements in delimited text and Excel sheets",
        extensions=(".csv", ".xlsx", ".tsv", ".txt"),
        detect=sheets.detect,
        read=sheets.read,
        tables=sheets.read_tables,
        tables_from=_SHEET_TABLES_FROM,
    ),
    Format(
        name="xlsx",
        title="Payments in an Excel sheet",
        extensions=(".xlsx",),
        detect=grids.is_workbook,
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

FORMATS: tuple[Format, ...] = tuple(either_width(known) for known in _KNOWN)


def detect(data: bytes, source: str, own: Sequence[Format] = ()) -> Format:
    """The format of a file by its content; its name is not looked at.

    Args:
        data: the file's bytes.
        source: its name, or the SHA-256 of its bytes.
        own: formats of the user's own (``profiles.as_format``); they are looked at first.

    Raises:
        UnreadableFile: empty, or of no format that is read; the error says what the file looks like, or which format
            without a public layout it is.
    """
    if not data.strip(b"\0 \t\r\n"):
        raise unreadable(source, "empty", "The file is empty.", "Fetch or export it again.")
    wide, data = data, narrowed(data)
    found = next((known for known in own if known.detect(data) or (data is not wide and known.detect(wide))), None)
    if found is None and (refusal := unpublished.recognised(data, source)) is not None:
        raise refusal
    found = found or next((known for known in FORMATS if known.detect(data)), None)
    if found is None and (refusal := unpublished.recognised(data, source, unpublished.KNOWN_BY_WIDTH)) is not None:
        raise refusal
    if found is None:
        known_names = ", ".join(known.name for known in (*own, *FORMATS))
        raise unreadable(
            source,
            "format",
            f"The file looks like {mt_kinds.looks_like(data) or sheets.looks_like(data) or iso.looks_like(data)}.",
            f"Files that are read: {known_names}.",
        )
    return found


def with_dates(order: str) -> Format:
    """The format of sheets of statements whose dates are in an order that the user says: one of ``own`` below.

    Args:
        order: ``dmy``, ``mdy`` or ``ymd``, where nothing in a sheet settles it.

    Raises:
        ElectraError: there is no such order.
    """
    sheet = next(known for known in FORMATS if known.name == "sheet")
    before = FORMATS[: FORMATS.index(sheet)]
    return replace(
        sheet,
        detect=lambda data: (
            sheet.detect(data)
            and not any(known.detect(data) for known in before)
            and unpublished.recognised(data, "") is None
        ),
        **sheets.with_dates(order),
    )


def read(data: bytes, source: str, own: Sequence[Format] = ()) -> Reading:
    """Read a file of any known format.

    Args:
        data: the file's bytes.
        source: its name, or the SHA-256 of its bytes; problems name it.
        own: formats of the user's own, looked at first.

    Raises:
        UnreadableFile: of no known format, or broken so that nothing can be used.
    """
    return detect(data, source, own).read(data, source)


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


def convert(
    reading: Reading, to: str, *, now: datetime, debtor: Party = NOBODY, execution_date: date | None = None
) -> tuple[bytes, tuple[str, ...]]:
    """Statements, payments or bills in another format, and what it could not carry, told by reading it back (``carried``).

    Args:
        reading: what a file says.
        to: a format's short name, an ending, or an ISO 20022 message with its version.
        now: when the file is made, where the original does not say so of itself.
        debtor: name and account of who pays (in collections, of who collects), where the original does not say it.
        execution_date: for payments without a day; by default the next business day.

    Raises:
        ElectraError: nothing of the kind is written so, or something that the format needs is missing.
    """
    found: tuple[bytes, tuple[str, ...]] | None = None
    if reading.statements:
        found = written_and_told(reading.statements, to, now)
        known = f"Statements become: {', '.join(WRITTEN)}."
    elif reading.orders or reading.transactions:
        data = written_payments(reading, to, now, Missing(own=debtor, execution_date=execution_date))
        found = None if data is None else (data, ())
        known = f"Payments become: {', '.join(WRITTEN_PAYMENTS)}."
    elif reading.billing:
        data = written_bills(reading.billing, to, now)
        found = None if data is None else (data, ())
        known = f"Bills become: {', '.join(camt086.VERSIONS)}, or a table (csv, xlsx, parquet, json)."
    else:
        known = "Files of statements, of payments and of bills can be written in other formats."
    if found is None:
        raise ElectraError(f"A {reading.format} cannot be written as {to or 'a file without an ending'}.", repair=known)
    return found[0], (*found[1], *lost(reading, read(found[0], "written")))


def lost(before: Reading, after: Reading) -> tuple[str, ...]:
    """What a written file does not carry; nothing for a request about an order, which is no copy of it."""
    return () if after.cancellations else not_carried(before, after)


_SHEETS = ("xlsx", "csv")


def read_tables(data: bytes, source: str, own: Sequence[Format] = ()) -> StatementTables:
    """Read a file of statements into the ledger's columns, the fast way where the format has one.

    Args:
        data: the file's bytes.
        source: its name, or the SHA-256 of its bytes.
        own: formats of the user's own, looked at first.

    Raises:
        UnreadableFile: of no known format, broken, or without statements. Nothing half read is ever returned.
    """
    return tables_by(detect(data, source, own), data, source)


def tables_by(found: Format, data: bytes, source: str) -> StatementTables:
    """Read a file of a known format of statements into the ledger's columns.

    Raises:
        UnreadableFile: broken, or without statements.
    """
    if found.tables is not None and len(data) >= found.tables_from:
        return found.tables(data, source)
    reading = found.read(data, source)
    if not reading.statements:
        raise unreadable(
            source, NO_STATEMENTS, f"The file is a {reading.format} and holds no statements.", "Import a statement."
        )
    return tables_of(reading.statements, source, reading.problems)
