"""How one file becomes the ledger's tables, or the reason why not: the one rule, wherever it is followed.

What may live here: that rule, and how what came of it travels between processes (``readers``): Arrow IPC in frames. No
file is opened here. This is what a reading process loads, so it imports the formats and nothing heavier.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import IO, Any

import pyarrow as pa

from electra_kernel import formats
from electra_kernel.formats import profiles
from electra_kernel.formats.base import Format
from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS, STATEMENTS, StatementTables
from electra_kernel.vocabulary.errors import Problem, UnreadableFile

_SCHEMAS = {
    "entries": ENTRIES,
    "details": DETAILS,
    "balances": BALANCES,
    "problems": PROBLEMS,
    "statements": STATEMENTS,
}
_OUTCOMES = pa.schema(
    [("format", pa.string()), ("refusal", pa.string()), *((f"{name}_rows", pa.int64()) for name in _SCHEMAS)]
)
_FILES = pa.schema([("source", pa.string()), ("data", pa.large_binary())])


@dataclass(frozen=True, slots=True)
class Own:
    """Formats of the user's own.

    Attributes:
        texts: the name and the text of each profile's file.
        always: whether the first counts for every file, whatever it looks like.
        dates: the order of day, month and year in sheets (``formats.with_dates``); empty where the sheets tell.
    """

    texts: tuple[tuple[str, str], ...] = ()
    always: bool = False
    dates: str = ""

    def formats(self) -> tuple[Format, ...]:
        """The same, as rows of the table of formats."""
        return _formats_of(self)

    def as_json(self) -> bytes:
        """For another process."""
        return json.dumps({"texts": self.texts, "always": self.always, "dates": self.dates}).encode()

    @classmethod
    def from_json(cls, said: bytes) -> Own:
        """What ``as_json`` said."""
        told = json.loads(said)
        return cls(tuple((name, text) for name, text in told["texts"]), told["always"], told["dates"])


@cache
def _formats_of(own: Own) -> tuple[Format, ...]:
    found = tuple(profiles.as_format(profiles.load(text.encode(), name)) for name, text in own.texts)
    if own.always:
        return tuple(replace(each, detect=_any) for each in found)
    return (*found, *([formats.with_dates(own.dates)] if own.dates else []))


def _any(data: bytes) -> bool:
    """Every file is of this format, because the user says so."""
    return data is not None


@dataclass(frozen=True, slots=True)
class FileRead:
    """What came of one file: its format where it has one, and either its tables or why there are none."""

    format: str
    tables: StatementTables | None = None
    refusal: Problem | None = None


def read_one(data: bytes, source: str, own: Own) -> FileRead:
    """Tell a file's format and read it; whatever happens, it says so and raises nothing.

    Args:
        data: the file's bytes.
        source: the SHA-256 of its bytes, or its name.
        own: formats of the user's own, looked at first.
    """
    name = ""
    try:
        found = formats.detect(data, source, own.formats())
        name = found.name
        return FileRead(name, formats.tables_by(found, data, source))
    except UnreadableFile as error:
        return FileRead(name, refusal=error.problem)
    except Exception as error:
        # A fault of a reader: this file is refused, the others of its folder are not lost.
        return FileRead(name, refusal=failed(source, f"the reader stopped at {type(error).__name__} ({error})"[:300]))


def failed(source: str, cause: str) -> Problem:
    """A file on which a reader failed, which is a fault of the program."""
    return Problem(
        source=source,
        position=None,
        field="file",
        rule="reader",
        text=f"The file could not be read to its end: {cause}.",
        repair="Fetch or export it again; if it stays so, report it with this file, which is a fault of the program.",
    )


# ------------------------------------------------------------------------------------------- between processes
#: The kinds of frames: formats of one's own, files to read; ready, one file done, what came of all.
OWN, ASK, READY, DONE, ANSWER = b"O", b"A", b"R", b"D", b"W"
_SIZE = 8


def send(stream: IO[bytes], kind: bytes, payload: bytes | memoryview | pa.Buffer = b"") -> None:
    """Write one frame: its kind, its length, its bytes."""
    stream.write(kind + len(payload).to_bytes(_SIZE, "big"))
    stream.write(payload)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    """The next frame; ``None`` where the other side has ended, even in the middle of one."""
    head = stream.read(1 + _SIZE)
    if len(head) < 1 + _SIZE:
        return None
    size = int.from_bytes(head[1:], "big")
    payload = stream.read(size)
    return (head[:1], payload) if len(payload) == size else None


def pack_files(files: Sequence[tuple[str, bytes]]) -> pa.Buffer:
    """Sources and bytes of some files, as a payload."""
    columns = [pa.array([source for source, _ in files]), pa.array([data for _, data in files], pa.large_binary())]
    return _stream([pa.Table.from_arrays(columns, schema=_FILES)])


def unpack_files(payload: bytes) -> list[tuple[str, bytes]]:
    """What ``pack_files`` packed."""
    (table,) = _tables(payload, 1)
    return list(zip(table["source"].to_pylist(), table["data"].to_pylist(), strict=True))


def pack_read(results: Sequence[FileRead]) -> pa.Buffer:
    """What came of some files, as a payload: one table of outcomes, then each of the ledger's tables of all files."""
    rows = []
    for each in results:
        told = json.dumps(each.refusal.as_row()) if each.refusal else None
        counts = {f"{name}_rows": getattr(each.tables, name).num_rows if each.tables else 0 for name in _SCHEMAS}
        rows.append({"format": each.format, "refusal": told, **counts})
    tables = [pa.Table.from_pylist(rows, _OUTCOMES)]
    for name, schema in _SCHEMAS.items():
        given = [getattr(each.tables, name) for each in results if each.tables]
        parts = [_fitted(table, schema) for table in given if table.num_rows]
        tables.append(pa.concat_tables(parts).combine_chunks() if parts else schema.empty_table())
    return _stream(tables)


def unpack_read(payload: bytes) -> list[FileRead]:
    """What ``pack_read`` packed, without copying it."""
    outcomes, *tables = _tables(payload, 1 + len(_SCHEMAS))
    given = dict(zip(_SCHEMAS, tables, strict=True))
    at = dict.fromkeys(_SCHEMAS, 0)
    results = []
    for row in outcomes.to_pylist():
        if row["refusal"] is not None:
            results.append(FileRead(row["format"], refusal=Problem(**json.loads(row["refusal"]))))
            continue
        parts: dict[str, Any] = {}
        for name in _SCHEMAS:
            count = row[f"{name}_rows"]
            parts[name] = given[name].slice(at[name], count) if count else _EMPTY[name]
            at[name] += count
        results.append(FileRead(row["format"], StatementTables(**parts)))
    return results


_EMPTY = {name: schema.empty_table() for name, schema in _SCHEMAS.items()}


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return table if table.schema.equals(schema) else table.select(schema.names).cast(schema)


def _stream(tables: Sequence[pa.Table]) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    for table in tables:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def _tables(payload: bytes, count: int) -> list[pa.Table]:
    source = pa.BufferReader(payload)
    return [pa.ipc.open_stream(source).read_all() for _ in range(count)]
