"""The ledger's columns as a table: JSON, Parquet, CSV and Excel as ``electra read --out`` writes them, read back.

The rules.

* A table is known by the ledger's column names (``statements.columns``): ``entry_id``, ``amount`` and ``currency`` must
  be there, others may be missing; columns of other names are named in a warning and not read.
* JSON is a list of objects; amounts are texts there, and numbers are taken as they are written. In every kind amounts
  are plain decimals with a point, dates are ISO dates.
* Ids are worked out anew from what a row says, so a row that is in the ledger already is known again, and none can
  pass for another. ``source`` and ``position`` become the table's own.
* The payments inside batched bookings are not in such a table; where it says there were some, a warning says they are
  missing. A row with a wrong cell is left out and told.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from electra_kernel.formats import grids
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.grids import Row
from electra_kernel.statements.columns import ENTRIES
from electra_kernel.statements.model import NOTIFICATION, REPORT, STATEMENT, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.parties import Address, Party

_NEEDED = frozenset(("entry_id", "amount", "currency"))
_HEAD = 4096
_MAX_ROWS = 20_000_000
_MAX_INFLATED = 4 * 2**30
_MAGIC = b"PAR1"
_REPAIR = "Write the table again with electra read FILE --out TABLE."
_DETAIL = (
    *("remittance", "structured_reference", "end_to_end_id", "mandate_id", "creditor_id"),
    *("original_amount", "original_currency", "exchange_rate", "charges"),
)
_KINDS = (REPORT, NOTIFICATION)


def detect(data: bytes) -> bool:
    """Whether the bytes are a table with the ledger's columns."""
    if data[:4] == _MAGIC:
        return True
    if grids.is_workbook(data):
        return any(_is_header(rows[:1]) for rows in grids.heads(data))
    start = data[:_HEAD]
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        return b'"entry_id"' in start
    names = start.partition(b"\n")[0].decode("utf-8-sig", "replace")
    return {name.strip(' \r"') for name in names.split(",")} >= _NEEDED


def read(data: bytes, source: str) -> Reading:
    """Read a table into statements, as its rows name them.

    Raises:
        UnreadableFile: damaged, too large, or without the columns that are needed.
    """
    grids.check_size(data, source)
    problems = Problems(source)
    if data[:4] == _MAGIC:
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
    return Reading(format=f"{name} table", statements=_statements(found), problems=problems.rows())


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


def _tell_others(names: Iterable[str], problems: Problems) -> None:
    if left := [name for name in dict.fromkeys(names) if name not in ENTRIES.names]:
        problems.warn(None, "header", "column-unread", grids.unread_words(left), "Rename those that should count.")


def _json(data: bytes, source: str, problems: Problems) -> Iterable[tuple[int, Mapping[str, Any]]]:
    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no number")

    try:
        rows = json.loads(_text(data, source), parse_float=str, parse_int=_whole, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        cause = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise unreadable(source, "json", f"The JSON cannot be read: {cause[:100]}.", _REPAIR) from error
    if not all(isinstance(row, dict) for row in rows):
        raise unreadable(source, "json", "The JSON is no list of objects.", _REPAIR)
    if not rows or not all(row.keys() >= _NEEDED for row in rows):
        raise _no_columns(source)
    _tell_others((name for row in rows for name in row), problems)
    return enumerate(rows, 1)


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= 20 else digits


def _parquet(data: bytes, source: str, problems: Problems) -> Iterable[tuple[int, Mapping[str, Any]]]:
    try:
        file = pa.parquet.ParquetFile(pa.BufferReader(data))
        meta = file.metadata
        inflated = sum(meta.row_group(group).total_byte_size for group in range(meta.num_row_groups))
        if meta.num_rows > _MAX_ROWS or inflated > _MAX_INFLATED:
            raise unreadable(source, "size", "The table is too large to be read at once.", "Split it.")
        names = file.schema_arrow.names
        if not set(names) >= _NEEDED:
            raise _no_columns(source)
        table = file.read(columns=[name for name in names if name in ENTRIES.names])
        _tell_others(names, problems)
        return enumerate(table.to_pylist(), 1)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        cause = str(error).splitlines()[0][:100] if str(error) else "it is damaged"
        raise unreadable(source, "parquet", f"The Parquet file cannot be read: {cause}.", _REPAIR) from error


# ------------------------------------------------------------------------------------------------------- cells
_DECIMAL = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,12})?")
_INTEGER = re.compile(r"-?[0-9]{1,18}")


def _decimal(text: str, kind: pa.DataType) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ValueError(text)
    number = Decimal(text)
    whole, _, fraction = format(abs(number), "f").partition(".")
    if len(whole.lstrip("0")) > kind.precision - kind.scale or len(fraction.rstrip("0")) > kind.scale:
        raise ValueError(text)
    return number


def _cell(value: Any, kind: pa.DataType) -> Any:
    """A cell as its column's type; raises ``ValueError`` where it is none."""
    if value is None or value == "":
        return None
    if pa.types.is_date(kind):
        if isinstance(value, date):
            return value.date() if isinstance(value, datetime) else value
        return date.fromisoformat(str(value)[:10])
    if pa.types.is_decimal(kind):
        return _decimal(format(value, "f") if isinstance(value, Decimal) else str(value), kind)
    if pa.types.is_boolean(kind):
        return {"true": True, "false": False}[str(value).lower()]
    if pa.types.is_integer(kind):
        text = f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
        if not _INTEGER.fullmatch(text):
            raise ValueError(text)
        return int(text)
    if not isinstance(value, str):
        raise ValueError(str(value))
    return value


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
    return values


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
