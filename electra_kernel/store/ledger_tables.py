"""The ledger's tables on disk: Delta tables of Parquet files, each changed in one commit, and read as they were agreed.

What may live here: files, commits and versions; what is a new row, and what stands, is decided elsewhere.

An append changes several tables. When all are committed their versions are written to ``versions.json`` in one move: who
reads sees all of an append or nothing of it. What a dead append left beyond the agreed versions is taken back by the next.

Every file carries the first and the last day of its rows, so what cannot matter is not opened. Small files are joined
with others of their size, ordered by day, when there are many (``JOIN_AT``): every row is written a few times, however
large the ledger grows, and no append waits for more than the joining of ``TIERS[-1]`` * ``JOIN_AT`` rows. Files that were
replaced stay for a week (Delta's default) because an expression made before still reads them.

To open a Delta table is to read its log. So who appends again follows the tables that are open (``Tables``), and reads
only what others have written meanwhile.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS, STATEMENTS
from electra_kernel.store.files import write_private_file
from electra_kernel.vocabulary.errors import ElectraError

#: The parts of ``entries`` and ``details``: booked by a statement; what may give way yet; what gave way.
FIRM, OPEN, GONE = "firm", "open", "gone"
#: The column that names the part in the Delta tables; the files do not carry it.
PART = "part"

#: As many files of one tier (by rows: fewer than this, and not fewer than the tier before) are joined; what is larger is
#: left alone. A joined file is of the next tier, or soon will be, so that its rows are not joined again with every few.
JOIN_AT = 16
TIERS = (16, 256, 4096, 65536)

#: How files are written: amounts as integers, which are read fastest, and so many rows that several threads have work.
_WRITTEN: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,
    "store_decimal_as_integer": True,
    "row_group_size": 122_880,
}

#: Who opens a table reads what was committed since its last checkpoint: Delta's default of a hundred takes noticeably long.
_CONFIGURATION: dict[str, str | None] = {"delta.checkpointInterval": "20"}

#: Nothing is loaded from a network at run time.
OFFLINE: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}

_VERSIONS = "versions.json"


class DamagedLedger(ElectraError):
    """A table of the ledger cannot be read."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table lies on the disk.

    Attributes:
        name: its folder.
        schema: the columns of its files.
        day: the column whose least and greatest value are known of every file; empty for none.
        parted: whether its rows are parted into ``FIRM``, ``OPEN`` and ``GONE``.
    """

    name: str
    schema: pa.Schema
    day: str = ""
    parted: bool = False

    @property
    def stored(self) -> pa.Schema:
        """The columns of the Delta table."""
        return self.schema.append(pa.field(PART, pa.string())) if self.parted else self.schema


#: The payments have no day of their own; theirs is their entry's.
DAY = "day"
LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("statements", STATEMENTS, "to_date"),
        Layout("entries", ENTRIES, "booking_date", parted=True),
        Layout("details", DETAILS.append(pa.field(DAY, pa.date32())), DAY, parted=True),
        Layout("balances", BALANCES, "date"),
        Layout("problems", PROBLEMS),
    )
}


@dataclass(frozen=True, slots=True)
class File:
    """One Parquet file: its days are those of its rows that have one, ``undated`` the number of the others."""

    path: str
    size: int
    rows: int
    part: str
    first: date | None
    last: date | None
    undated: int

    def touches(self, first: date | None, last: date | None, *, undated: bool) -> bool:
        """Whether it has rows of these days, or of none where that is asked for."""
        if undated and self.undated:
            return True
        if first is None or last is None or self.first is None or self.last is None:
            return False
        return self.first <= last and first <= self.last


@dataclass(frozen=True, slots=True)
class Days:
    """The days of some rows: the least, the greatest, and whether any has none."""

    first: date | None
    last: date | None
    undated: bool

    @classmethod
    def of(cls, column: Any) -> Days:
        """The days of a column."""
        ends = pc.min_max(column).as_py()
        return cls(ends["min"], ends["max"], column.null_count > 0)

    def among(self, files: Iterable[File]) -> list[File]:
        """The files that have rows of these days."""
        return [file for file in files if file.touches(self.first, self.last, undated=self.undated)]


_here = threading.local()


@contextmanager
def engine() -> Iterator[None]:
    """What is asked inside, in this thread, is asked of one engine, which is not started and ended each time."""
    with duckdb.connect(config=OFFLINE) as _here.engine:
        try:
            yield
        finally:
            del _here.engine


@contextmanager
def asking() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to ask with; its tables are temporary and its own."""
    open_one = getattr(_here, "engine", None)
    with open_one.cursor() if open_one is not None else duckdb.connect(config=OFFLINE) as query:
        yield query


def scan(files: Sequence[File], schema: pa.Schema, column: str = "", days: Days | None = None) -> str:
    """SQL that reads files, each row with its ``filename``; of no files, no row of these columns.

    Args:
        files, schema: the files and their columns.
        column, days: where given, only rows with these days in this column, asked so that the rest is not unpacked.
    """
    if days is None:
        return f"(SELECT * FROM {_read(files, schema)})"  # noqa: S608
    dated, undated = [file for file in files if file.first], [file for file in files if file.undated and days.undated]
    ways = []
    if undated:
        ways.append(f"SELECT * FROM {_read(undated, schema)} WHERE {column} IS NULL")  # noqa: S608
    if dated and days.first:
        between = f"{column} BETWEEN DATE '{days.first}' AND DATE '{days.last}'"
        ways.append(f"SELECT * FROM {_read(dated, schema)} WHERE {between}")  # noqa: S608
    return f"({' UNION ALL '.join(ways)})" if ways else scan((), schema)


def _read(files: Sequence[File], schema: pa.Schema) -> str:
    if files:
        listed = ", ".join("'" + file.path.replace("'", "''") + "'" for file in files)
        return f"read_parquet([{listed}], filename = true, hive_partitioning = false)"
    nothing = ", ".join(f'CAST(NULL AS {_SQL_TYPES[str(column.type)]}) AS "{column.name}"' for column in schema)
    return f"(SELECT {nothing}, '' AS filename WHERE false)"


_SQL_TYPES = {
    "string": "VARCHAR",
    "date32[day]": "DATE",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "bool": "BOOLEAN",
    "decimal128(18, 5)": "DECIMAL(18, 5)",
    "decimal128(18, 10)": "DECIMAL(18, 10)",
    "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
}


def agreed(folder: Path) -> dict[str, int] | None:
    """The versions that were agreed of every table; ``None`` where nothing was agreed yet."""
    try:
        text = (folder / _VERSIONS).read_text("utf-8")
    except FileNotFoundError:
        return None
    try:
        return {str(name): int(version) for name, version in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise _damaged("versions", folder / _VERSIONS, error) from error


def agree(folder: Path, versions: Mapping[str, int]) -> None:
    """Let these versions be what is read from now on."""
    write_private_file(folder / _VERSIONS, json.dumps(dict(versions)).encode())


def open_table(folder: Path, name: str, version: int | None = None) -> DeltaTable | None:
    """A table at a version (the newest by default); ``None`` where there is none yet."""
    path = folder / name
    if not DeltaTable.is_deltatable(str(path)):
        return None
    try:
        table = DeltaTable(str(path), version=version)
        stored = {column.name for column in table.schema().fields}
    except Exception as error:
        raise _damaged(name, path, error) from error
    if stored != set(LAYOUTS[name].stored.names):
        raise _damaged(name, path, f"Its columns are {', '.join(sorted(stored))}")
    return table


def mark_of(folder: Path, name: str, version: int) -> tuple[int, int, int] | None:
    """What tells one version of a table from that of any other table which ever stood there; ``None`` if it is not known."""
    try:
        commit = _commit(folder, name, version).stat()
    except OSError:
        return None
    return commit.st_ino, commit.st_mtime_ns, commit.st_size


def _commit(folder: Path, name: str, version: int) -> Path:
    return folder / name / "_delta_log" / f"{version:020d}.json"


def files_of(table: DeltaTable | None, layout: Layout) -> list[File]:
    """The files of a table as it stands, in the order in which they came."""
    if table is None:
        return []
    root = Path(table.table_uri.removeprefix("file://"))
    rows = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    found = [
        File(
            path=str(root / row["path"]),
            size=row["size_bytes"],
            rows=row["num_records"],
            part=row.get(f"partition.{PART}") or "",
            first=row.get(f"min.{layout.day}"),
            last=row.get(f"max.{layout.day}"),
            undated=row.get(f"null_count.{layout.day}") or 0,
        )
        for row in rows
    ]
    return sorted(found, key=lambda file: file.path)


def _damaged(name: str, path: Path, error: object) -> DamagedLedger:
    return DamagedLedger(
        f"The ledger's table {name} cannot be read.",
        cause=f"{error}.",
        repair="Put the folder back from a backup, or move it away and import the archived statements again.",
        where=str(path),
    )


@dataclass(slots=True)
class Change:
    """One table while it is changed; nothing of it is seen by others before ``commit``.

    Attributes:
        files: what the table consists of, with this change.
    """

    folder: Path
    layout: Layout
    table: DeltaTable | None
    files: list[File] = field(default_factory=list)
    _added: set[str] = field(default_factory=set)
    _dropped: list[File] = field(default_factory=list)
    _named: int = 0

    @property
    def _path(self) -> Path:
        return self.folder / self.layout.name

    def add(self, rows: pa.Table, part: str = "") -> None:
        """Write rows (the columns of the layout) to a new file of a part."""
        if not rows.num_rows:
            return
        path = self._new_path()
        pyarrow.parquet.write_table(rows.cast(self.layout.schema), path, **_WRITTEN)
        days = Days.of(rows[self.layout.day]) if self.layout.day else Days(None, None, undated=False)
        undated = rows[self.layout.day].null_count if self.layout.day else 0
        self._took(File(str(path), path.stat().st_size, rows.num_rows, part, days.first, days.last, undated))

    def _new_path(self) -> Path:
        """A place for a file: those that came later come later by name too, and are read in that order."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        version = 0 if self.table is None else self.table.version() + 1
        self._named += 1
        return self._path / f"{version:010d}-{self._named:06d}-{uuid4().hex}.parquet"

    def _took(self, file: File) -> None:
        self.files.append(file)
        self._added.add(file.path)

    def drop(self, file: File) -> None:
        """Take a file out; its rows are to be added again, or to another part."""
        self.files.remove(file)
        if file.path in self._added:
            self._added.discard(file.path)
        else:
            self._dropped.append(file)

    def commit(self) -> int:
        """Make the change the table's newest version, if there is any; the version."""
        if not self._added and not self._dropped:
            return self.table.version() if self.table is not None else 0
        stored, parts = self.layout.stored, [PART] if self.layout.parted else None
        if self.table is None:
            self.table = DeltaTable.create(
                str(self._path), schema=stored, mode="ignore", partition_by=parts, configuration=_CONFIGURATION
            )
        when = max((_milliseconds(path) for path in self._added), default=_milliseconds(str(self._path)))
        actions: list[AddAction | RemoveAction] = [self._remove(file, when) for file in self._dropped]
        actions += [self._add_action(file) for file in self.files if file.path in self._added]
        self.table.create_write_transaction(actions, "append", stored, parts)
        self.table.update_incremental()
        self._added, self._dropped = set(), []
        return self.table.version()

    def _values(self, file: File) -> dict[str, str | None]:
        return {PART: file.part} if self.layout.parted else {}

    def _remove(self, file: File, when: int) -> RemoveAction:
        return RemoveAction(Path(file.path).name, True, when, file.size, self._values(file))

    def _add_action(self, file: File) -> AddAction:
        day, told = self.layout.day, dict[str, Any]()
        if day:
            ends = {"minValues": file.first, "maxValues": file.last}
            told = {key: {day: value.isoformat()} if value else {} for key, value in ends.items()}
            told["nullCount"] = {day: file.undated}
        stats = json.dumps({"numRecords": file.rows, **told})
        return AddAction(Path(file.path).name, file.size, self._values(file), _milliseconds(file.path), True, stats)

    def join_small_files(self) -> bool:
        """Join files with others of their size where there are many, ordered by day; whether there were."""
        crowds = [crowd for part in sorted({file.part for file in self.files}) for crowd in self._crowds(part)]
        for crowd in crowds:
            self._join(crowd)
        return bool(crowds)

    def _crowds(self, part: str) -> Iterator[list[File]]:
        below = 0
        for tier in TIERS:
            crowd = [file for file in self.files if file.part == part and below <= file.rows < tier]
            if len(crowd) >= JOIN_AT:
                yield crowd
                return  # what comes of it counts the next time
            below = tier

    def _join(self, crowd: Sequence[File]) -> None:
        path = self._new_path()
        columns = ", ".join(f'"{name}"' for name in self.layout.schema.names)
        order = f'ORDER BY "{self.layout.day}"' if self.layout.day else ""
        with asking() as query:
            query.execute(
                f"COPY (SELECT {columns} FROM {scan(crowd, self.layout.schema)} {order}) "  # noqa: S608
                f"TO '{str(path).replace(chr(39), chr(39) * 2)}' (FORMAT parquet, COMPRESSION zstd)"
            )
        for file in crowd:
            self.drop(file)
        firsts = [file.first for file in crowd if file.first]
        lasts = [file.last for file in crowd if file.last]
        self._took(
            File(
                path=str(path),
                size=path.stat().st_size,
                rows=sum(file.rows for file in crowd),
                part=crowd[0].part,
                first=min(firsts, default=None),
                last=max(lasts, default=None),
                undated=sum(file.undated for file in crowd),
            )
        )

    def forget_replaced(self) -> None:
        """Delete files that were replaced more than a week ago."""
        if self.table is not None:
            self.table.vacuum(dry_run=False)


def _milliseconds(path: str) -> int:
    """When a file was written: Delta notes it of what comes and what goes, and no rule of ours looks at it."""
    return Path(path).stat().st_mtime_ns // 1_000_000


class Tables:
    """The tables of one ledger, to be changed by whoever holds its lock; what was open stays so from append to append.

    Args:
        folder: holds one Delta table a folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        #: What the last append left, each with the mark of its version; nothing where one failed.
        self._kept: dict[str, tuple[Change, tuple[int, int, int]]] = {}

    def begin(self) -> dict[str, Change]:
        """All tables, ready to be changed; what a dead append left is taken back."""
        kept, self._kept = self._kept, {}
        versions = agreed(self._folder)
        if versions is None:
            tables = {name: open_table(self._folder, name) for name in LAYOUTS}
            agree(self._folder, {name: table.version() for name, table in tables.items() if table is not None})
            return {name: self._change(name, table) for name, table in tables.items()}
        return {name: self._as_agreed(name, versions.get(name, 0), kept.get(name)) for name in LAYOUTS}

    def finish(self, tables: dict[str, Change]) -> None:
        """Commit all tables, and let that be what is read."""
        _agree(self._folder, tables)
        joined = [change for change in tables.values() if change.join_small_files()]
        if joined:
            _agree(self._folder, tables)
            for change in joined:
                change.forget_replaced()
            _agree(self._folder, tables)
        for name, change in tables.items():
            mark = mark_of(self._folder, name, change.table.version()) if change.table is not None else None
            if mark is not None:
                self._kept[name] = change, mark

    def _change(self, name: str, table: DeltaTable | None) -> Change:
        return Change(self._folder, LAYOUTS[name], table, files_of(table, LAYOUTS[name]))

    def _as_agreed(self, name: str, version: int, kept: tuple[Change, tuple[int, int, int]] | None) -> Change:
        table = None
        if kept is not None and kept[0].table is not None:
            table, known = kept[0].table, kept[0].table.version()
            if known > version or mark_of(self._folder, name, known) != kept[1]:
                table = None  # another table stands there now
            elif known == version and not _commit(self._folder, name, version + 1).exists():
                return Change(self._folder, LAYOUTS[name], table, kept[0].files)
            else:
                table.update_incremental()
        if table is None or table.version() < version:
            table = open_table(self._folder, name)
        if table is not None and table.version() != version:
            table.restore(version)
            table.update_incremental()
        return self._change(name, table)


def _agree(folder: Path, tables: Mapping[str, Change]) -> None:
    agree(folder, {name: change.commit() for name, change in tables.items()})
