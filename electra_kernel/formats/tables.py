"""The ledger's columns as a table: JSON, Parquet, CSV and Excel as ``electra read --out`` writes them, read back.

The rules.

* A table is known by the ledger's column names (``statements.columns``): ``entry_id``, ``amount`` and ``currency`` must
  be there, others may be missing; columns of other names are named in a warning and not read.
* JSON is a list of objects; amounts are texts there, and numbers are taken digit by digit as they are written. In every
  kind amounts are plain decimals with a point, dates are ISO dates; of a moment its day in its own zone counts.
* Nothing is chosen from: two columns of one name refuse the file, a JSON object with a name twice its row. Amounts that
  are binary numbers are the shortest decimal that stands for them, which is told; those of 32 bits and less, of which
  seven digits are right, are refused.
* Ids are worked out anew from what a row says, so a row that is in the ledger already is known again, and none can
  pass for another. ``source`` and ``position`` become the table's own.
* The payments inside batched bookings are not in such a table; where it says there were some, a warning says they are
  missing. A row with a wrong cell is left out and told.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from electra_kernel.formats import grids
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.grids import Row
from electra_kernel.statements.columns import ENTRIES, StatementTables
from electra_kernel.statements.model import NOTIFICATION, REPORT, STATEMENT, Entry, EntryDetail, Statement
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.money import is_currency
from electra_kernel.vocabulary.parties import Address, Party

_NEEDED = frozenset(("entry_id", "amount", "currency"))
_HEAD = 4096
#: All rows are held as objects, of some kilobytes each.
_MAX_ROWS = 2_000_000
_BATCH = 16_384
_MAX_INFLATED = 4 * 2**30
#: Magic numbers of Parquet: plain, and with a footer that is encrypted.
_MAGIC, _SEALED = b"PAR1", b"PARE"
_REPAIR = "Write the table again with electra read FILE --out TABLE."
_DETAIL = (
    *("remittance", "structured_reference", "end_to_end_id", "mandate_id", "creditor_id"),
    *("original_amount", "original_currency", "exchange_rate", "charges"),
)
_KINDS = (REPORT, NOTIFICATION)


def detect(data: bytes) -> bool:
    """Whether the bytes are a table with the ledger's columns."""
    if _is_parquet(data):
        return True
    if grids.is_workbook(data):
        return any(_is_header(rows[:1]) for rows in grids.heads(data))
    start = data[:_HEAD]
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        return b'"entry_id"' in start
    names = start.partition(b"\n")[0].decode("utf-8-sig", "replace")
    return {name.strip(' \r"') for name in names.split(",")} >= _NEEDED


def _is_parquet(data: bytes) -> bool:
    return data[:4] == _MAGIC or (data[:4] == data[-4:] == _SEALED and len(data) > 2 * len(_SEALED))


def read(data: bytes, source: str) -> Reading:
    """Read a table into statements, as its rows name them.

    Raises:
        UnreadableFile: damaged, too large, or without the columns that are needed.
    """
    grids.check_size(data, source)
    problems = Problems(source)
    if _is_parquet(data):
        name, rows = "parquet", _parquet(data, source, problems)
    elif grids.is_workbook(data):
        name, rows = "xlsx", _grid(_workbook(data, source), source, problems)
    elif data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        name, rows = "json", _json(data, source, problems)
    else:
        name, rows = "csv", _grid(grids.text_rows(_text(data, source), ",", source), source, problems)
    found = [(number, values) for number, cells in rows if (values := _values(number, cells, problems)) is not None]
    if any((values["details"] or 0) > 1 for _, values in found):
        said = "The payments inside batched bookings are not in the table; the bookings are whole."
        problems.warn(None, "details", "details-missing", said, "Read the bank's own file where they matter.")
    _tell_gaps(found, problems)
    return Reading(format=f"{name} table", statements=_statements(found), problems=problems.rows())


def read_tables(data: bytes, source: str) -> StatementTables:
    """The same in the ledger's columns; none of its rows need be right.

    Raises:
        UnreadableFile: as ``read``.
    """
    reading = read(data, source)
    return tables_of(reading.statements, source, reading.problems)


def _tell_gaps(rows: Sequence[tuple[int, Mapping[str, Any]]], problems: Problems) -> None:
    """What rows lack that the ledger can do without, once for each."""
    for number, row in rows:
        currency = row["currency"] or ""
        if not is_currency(currency):
            said = f"{currency[:10]!r} is no currency; the row keeps it." if currency else "The row has no currency."
            problems.warn_once("currency", "currency", said, "Write a code such as EUR or HUF.", number)
        if row["booking_date"] is None and (row["status"] or "BOOK") == "BOOK":
            problems.warn_once("booking_date", "missing", "A booking has no date; it is kept without.", _REPAIR, number)


# ------------------------------------------------------------------------------------------------------- rows
def _text(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise unreadable(source, "encoding", "The table is not UTF-8.", _REPAIR, position=error.start) from error


def _is_header(rows: Sequence[Row]) -> bool:
    return bool(rows) and {cell for cell in rows[0][1] if isinstance(cell, str)} >= _NEEDED


def _workbook(data: bytes, source: str) -> list[Row]:
    found = next((sheet.rows() for sheet in grids.sheets(data, source) if _is_header(sheet.head())), None)
    if found is None:
        raise _no_columns(source)
    return found


def _grid(rows: Sequence[Row], source: str, problems: Problems) -> Iterable[tuple[int, Mapping[str, Any]]]:
    if not _is_header(rows):
        raise _no_columns(source)
    names = [str(cell) for cell in rows[0][1]]
    _check_names(names, source)
    _tell_others(names, problems)
    for number, cells in rows[1:]:
        if len(cells) > len(names):
            said = f"The row has {len(cells)} cells; the header has {len(names)}."
            problems.error(number, "row", "too-many-cells", said, _REPAIR)
        elif any(cell not in ("", None) for cell in cells):
            yield number, dict(zip(names, cells, strict=False))


def _no_columns(source: str) -> UnreadableFile:
    said = f"The table lacks columns of the ledger: it needs {', '.join(sorted(_NEEDED))}."
    return unreadable(source, "columns", said, _REPAIR, field="header")


def _check_names(names: Sequence[str], source: str) -> None:
    """Refuse two columns of one name."""
    if twice := sorted({name for name in names if name in ENTRIES.names and names.count(name) > 1}):
        said = f"Several columns have the name {twice[0]}."
        raise unreadable(source, "column-twice", said, "Remove or rename the one that does not count.", field=twice[0])


def _tell_others(names: Iterable[str], problems: Problems) -> None:
    if left := [name for name in dict.fromkeys(names) if name not in ENTRIES.names]:
        problems.warn(None, "header", "column-unread", grids.unread_words(left), "Rename those that should count.")


def _json(data: bytes, source: str, problems: Problems) -> Iterable[tuple[int, Mapping[str, Any]]]:
    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no number")

    text = _text(data, source)
    try:
        rows = json.loads(
            text, parse_float=_Number, parse_int=_whole, parse_constant=refuse, object_pairs_hook=_once_each
        )
    except (ValueError, RecursionError) as error:
        cause = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise unreadable(source, "json", f"The JSON cannot be read: {cause[:100]}.", _REPAIR) from error
    if not all(isinstance(row, dict) for row in rows):
        raise unreadable(source, "json", "The JSON is no list of objects.", _REPAIR)
    if _HALF.search(text):
        rows = [type(row)({_mended(name): _mended(value) for name, value in row.items()}) for row in rows]
    names = dict.fromkeys(name for row in rows for name in row)
    if not names.keys() >= _NEEDED:
        raise _no_columns(source)
    _tell_others(names, problems)
    return _without_doubled(rows, problems)


#: Half of a character of two halves, which JSON can write by itself and no text can hold.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def _mended(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, _Number):
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Number(str):
    """A JSON number as it is written."""

    __slots__ = ()


class _Doubled(dict[str, Any]):
    """A JSON object with a name twice."""


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _Doubled(made)


def _without_doubled(rows: Sequence[Mapping[str, Any]], problems: Problems) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, row in enumerate(rows, 1):
        if isinstance(row, _Doubled):
            said = "The object has a name twice; the row is left out."
            problems.error(number, "row", "name-twice", said, "Remove the one that does not count.")
        else:
            yield number, row


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= 20 else _Number(digits)


def _parquet(data: bytes, source: str, problems: Problems) -> Iterable[tuple[int, Mapping[str, Any]]]:
    try:
        return list(enumerate(_parquet_rows(data, source, problems), 1))
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        cause = str(error).splitlines()[0][:100] if str(error) else "it is damaged"
        if "crypt" in str(error):
            said, repair = "The Parquet file is encrypted.", "Write it again without encryption."
            raise unreadable(source, "encrypted", said, repair) from error
        raise unreadable(source, "parquet", f"The Parquet file cannot be read: {cause}.", _REPAIR) from error


def _parquet_rows(data: bytes, source: str, problems: Problems) -> Iterator[Mapping[str, Any]]:
    file = pa.parquet.ParquetFile(pa.BufferReader(data))
    meta = file.metadata
    inflated = sum(meta.row_group(group).total_byte_size for group in range(meta.num_row_groups))
    if meta.num_rows > _MAX_ROWS or inflated > _MAX_INFLATED:
        raise unreadable(
            source, "size", f"The table has more than {_MAX_ROWS:,} rows, or too much in them.", "Split it."
        )
    schema = file.schema_arrow
    if not set(schema.names) >= _NEEDED:
        raise _no_columns(source)
    _check_names(schema.names, source)
    _check_types(schema, source, problems)
    _tell_others(schema.names, problems)
    for batch in file.iter_batches(_BATCH, columns=[name for name in schema.names if name in ENTRIES.names]):
        plain = [_days(column) if pa.types.is_timestamp(column.type) else column for column in batch.columns]
        yield from pa.RecordBatch.from_arrays(plain, names=batch.schema.names).to_pylist()


def _days(column: pa.Array) -> pa.Array:
    """The days of moments, in the zone that their column names."""
    return column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.date32(), safe=False)


def _check_types(schema: pa.Schema, source: str, problems: Problems) -> None:
    """Refuse amounts that cannot be exact, and tell what is taken from something else."""
    for field in schema:
        wanted = ENTRIES.field(field.name).type if field.name in ENTRIES.names else None
        if wanted is None:
            continue
        if pa.types.is_decimal(wanted) and pa.types.is_floating(field.type):
            if not pa.types.is_float64(field.type):
                said = (
                    f"The column {field.name} holds binary numbers of {field.type.bit_width} bits, too few for amounts."
                )
                raise unreadable(source, "inexact", said, "Write amounts as decimals or texts.", field=field.name)
            said = "The column holds binary numbers; each was taken as the shortest decimal that stands for it."
            problems.warn(None, field.name, "binary-numbers", said, "Write amounts as decimals or texts.")
        if pa.types.is_date(wanted) and pa.types.is_timestamp(field.type) and field.type.tz:
            said = f"The column holds moments; of each the day in the zone {field.type.tz[:40]} was taken."
            problems.warn(None, field.name, "moments", said, "None, where that is the bank's zone.")


# ------------------------------------------------------------------------------------------------------- cells
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}[0-9:.,Zz+-]{0,22})?|[0-9]{8}")
_DECIMAL = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,80})?")
#: As programs write numbers in JSON.
_SCIENTIFIC = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}")
_INTEGER = re.compile(r"-?[0-9]{1,18}")


def _decimal(text: str, kind: pa.DataType) -> Decimal:
    if not (_DECIMAL.fullmatch(text) or (isinstance(text, _Number) and _SCIENTIFIC.fullmatch(text))):
        raise ValueError(text)
    number = Decimal(text)
    whole, _, fraction = format(number.copy_abs(), "f").partition(".")
    if len(whole.lstrip("0")) > kind.precision - kind.scale or len(fraction.rstrip("0")) > kind.scale:
        raise ValueError(text)
    return number or abs(number)


def _cell(value: Any, kind: pa.DataType) -> Any:
    """A cell as its column's type; raises ``ValueError`` where it is none."""
    if value is None or value == "":
        return None
    if pa.types.is_date(kind):
        return _day(value)
    if pa.types.is_decimal(kind):
        if not isinstance(value, str):
            value = format(value, "f") if isinstance(value, Decimal) else str(value)
        return _decimal(value, kind)
    if pa.types.is_boolean(kind):
        return {"true": True, "false": False}[str(value).lower()]
    if pa.types.is_integer(kind):
        return _integer(value)
    if not isinstance(value, str) or isinstance(value, _Number):
        raise ValueError(str(value))
    return value


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    if not _DAY.fullmatch(str(value)):
        raise ValueError(str(value))
    return date.fromisoformat(str(value)[:10])


def _integer(value: Any) -> int:
    text = f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
    text = text.removesuffix(".0") if isinstance(value, _Number) else text
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _values(number: int, cells: Mapping[str, Any], problems: Problems) -> dict[str, Any] | None:
    """A row in the ledger's types, or ``None`` where a cell is wrong, which is told."""
    values: dict[str, Any] = {}
    for field in ENTRIES:
        try:
            values[field.name] = _cell(cells.get(field.name), field.type)
        except (ValueError, KeyError):
            said = f"{str(cells[field.name])[:40]!r} is no {_WORDS.get(str(field.type), 'text')}; the row is left out."
            problems.error(number, field.name, "cell", said, _REPAIR)
            return None
    if values["amount"] is None:
        problems.error(number, "amount", "missing", "The row has no amount; it is left out.", _REPAIR)
        return None
    if values["status"] and not _STATUS.fullmatch(values["status"]):
        said = f"{values['status'][:10]!r} is no status; the row is left out."
        problems.error(number, "status", "status", said, "Write one of BOOK, PDNG, INFO.")
        return None
    return values


#: A code of ISO 20022; banks send others than those three, too.
_STATUS = re.compile(r"[A-Z]{4}")
_WORDS = {"date32[day]": "date", "bool": "true or false", "int32": "whole number", "int64": "whole number"} | {
    str(field.type): "amount that the ledger holds" for field in ENTRIES if pa.types.is_decimal(field.type)
}


# -------------------------------------------------------------------------------------------------- statements
def _statements(rows: Sequence[tuple[int, Mapping[str, Any]]]) -> tuple[Statement, ...]:
    groups = defaultdict[tuple[Any, ...], list[tuple[int, Mapping[str, Any]]]](list)
    for number, row in rows:
        kind = next((each for each in _KINDS if (row["entry_id"] or "").startswith(f"{each}-")), STATEMENT)
        groups[kind, row["account"], row["statement"], row["sequence"], row["currency"]].append((number, row))
    return tuple(
        Statement(
            identification=statement or "",
            account=account or "",
            currency=currency or "",
            sequence=sequence,
            balances=(),
            entries=tuple(_entry(number, row) for number, row in group),
            kind=kind,
        )
        for (kind, account, statement, sequence, currency), group in groups.items()
    )


def _entry(number: int, row: Mapping[str, Any]) -> Entry:
    def text(name: str) -> str:
        return row[name] or ""

    where = text("counterparty_address")
    party = Party(
        name=text("counterparty_name"),
        account=text("counterparty_account"),
        bic=text("counterparty_bic"),
        address=Address(lines=(where,) if where else ()),
    )
    given = {name: row[name] for name in _DETAIL if row[name] is not None}
    detail = EntryDetail(amount=row["amount"], counterparty=party if party != _NOBODY else None, **given)
    return Entry(
        amount=row["amount"],
        currency=text("currency"),
        booking_date=row["booking_date"],
        value_date=row["value_date"],
        status=text("status") or "BOOK",
        reversal=bool(row["reversal"]),
        bank_transaction_code=text("bank_transaction_code"),
        proprietary_code=text("proprietary_code"),
        bank_reference=text("bank_reference"),
        entry_reference=text("entry_reference"),
        additional_information=text("additional_information"),
        details=(detail,) if given or party != _NOBODY or row["details"] == 1 else (),
        position=number,
    )


_NOBODY = Party(name="")
