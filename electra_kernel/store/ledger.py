"""The ledger: Delta tables that only grow: statements, their entries, details, balances and problems, once each.

What may live here: appending each row once, and reading through Ibis on DuckDB. Columns are in ``statements.columns``.

Rows are told apart by their keys (``KEYS``). Each table is compared with what it holds by itself, so an append that
died between two tables is made whole by the next append of the same file, and nothing comes twice.

No partitions: a treasury has few accounts and appends a small file a statement, and partitions would cut these small
files smaller still. Instead small files are joined once there are many (``COMPACT_AT``); rows arrive in order of time,
so the files' own minima and maxima let DuckDB skip what a period does not touch. Files that were joined stay for a week
(Delta's default) because an expression made before still reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from deltalake import DeltaTable, WriterProperties, write_deltalake
from pyarrow.dataset import dataset

from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS, STATEMENTS, StatementTables
from electra_kernel.store import standing
from electra_kernel.store.doubles import doubles_of, without, without_doubles
from electra_kernel.store.locks import Locks
from electra_kernel.vocabulary.errors import ElectraError, Problem

SCHEMAS: dict[str, pa.Schema] = {
    "statements": STATEMENTS,
    "entries": ENTRIES,
    "details": DETAILS,
    "balances": BALANCES,
    "problems": PROBLEMS,
}

#: What makes a row the same row.
KEYS: dict[str, tuple[str, ...]] = {
    "entries": ("entry_id",),
    "details": ("entry_id", "detail"),
    "balances": ("account", "currency", "statement", "kind", "date"),
    "statements": ("source", "account", "currency", "statement", "sequence", "kind"),
    "problems": tuple(name for name in PROBLEMS.names if name != "text"),
}

#: A table of this many files is joined to few; a file of ``_TARGET_SIZE`` bytes or more is left alone.
COMPACT_AT = 64
_TARGET_SIZE = 256 * 1024 * 1024

#: Nothing is loaded from a network at run time.
_OFFLINE: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}

_WRITER = WriterProperties(compression="ZSTD", compression_level=3)


class DamagedLedger(ElectraError):
    """A table of the ledger cannot be read."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append brought.

    Attributes:
        entries, details, balances: rows that are new in the ledger.
        known: entries that were there already, or came twice in what was given.
        by_source: new entries of each source that brought any.
        conflicts: as rows of ``problems``, balances that the ledger holds with another amount, and statements that it
            holds from another file in another dress; the first one stays.
    """

    entries: int
    details: int
    balances: int
    known: int
    by_source: Mapping[str, int] = field(default_factory=dict, compare=False)
    conflicts: tuple[Problem, ...] = ()


class Ledger:
    """The ledger of one workbench. Appends queue up behind one another, also between processes; readers never wait.

    Args:
        folder: holds one Delta table a folder.
        locks: the workbench's locks.
    """

    def __init__(self, folder: Path, locks: Locks) -> None:
        self._folder, self._locks = folder, locks
        self._backend: Any = None
        self._views: dict[str, Any] = {}
        self._soft: dict[str, bool] = {}
        self._guard = RLock()

    def append(self, *files: StatementTables, sources: Sequence[str] = ()) -> Appended:
        """Append what files say, each row once for ever. Many small files are quickest in one call.

        A balance that is there already with another amount is not taken; it becomes a problem.

        Args:
            files: tables in the schemas of ``statements.columns``.
            sources: the SHA-256 of each file, for problems with its balances; balances do not carry it themselves.

        Raises:
            ValueError: a table has not the ledger's columns, or an amount does not fit them exactly.
            Busy: another process has been appending for more than ten minutes.
        """
        given = {name: _gather(name, files) for name in SCHEMAS}
        known = given["entries"].num_rows
        with self._locks.hold("ledger", purpose="writing statements to the ledger", wait=600):
            given, doubles = without_doubles(given, {name: self._files(name) for name in ("statements", "entries")})
            added = {name: self._append_table(name, rows) for name, rows in given.items() if name != "problems"}
            conflicts = doubles + self._conflicts(_with_sources(files, sources))
            noted = pa.Table.from_pylist([conflict.as_row() for conflict in conflicts], schema=SCHEMAS["problems"])
            self._append_table("problems", pa.concat_tables([given["problems"], noted]))
        new = {name: rows.num_rows for name, rows in added.items()}
        return Appended(
            entries=new["entries"],
            details=new["details"],
            balances=new["balances"],
            known=known - new["entries"],
            by_source=Counter(added["entries"].column("source").to_pylist()),
            conflicts=conflicts,
        )

    def append_large(
        self, entries: Sequence[Path], details: Sequence[Path], rest: StatementTables, *, source: str
    ) -> Appended:
        """Append one file that does not fit into memory, as ``append`` does; only one part of it is held at a time.

        Args:
            entries, details: Parquet files in the ledger's columns, in order, of a file that is known to be whole.
            rest: its balances, problems and statements.
            source: the file's SHA-256.
        """
        total = sum(pyarrow.parquet.read_metadata(file).num_rows for file in entries)
        with self._locks.hold("ledger", purpose="writing statements to the ledger", wait=600):
            held = {name: self._files(name) for name in ("statements", "entries")}
            doubles, told = doubles_of(rest.statements, dataset(entries) if entries else ENTRIES.empty_table(), held)
            left_out: list[Any] = []

            def kept(part: pa.Table) -> pa.Table:
                """What is no double's; the ids of the others are noted, for their payments."""
                stay = without(part, doubles)
                gone = pc.invert(pc.is_in(part["entry_id"], value_set=stay["entry_id"].combine_chunks()))
                left_out.extend(part["entry_id"].filter(gone).to_pylist())
                return stay

            def of_kept(part: pa.Table) -> pa.Table:
                return part.filter(pc.invert(pc.is_in(part["entry_id"], value_set=pa.array(left_out, pa.string()))))

            some = doubles.num_rows > 0
            new = {
                "entries": self._append_parts("entries", entries, kept if some else None),
                "details": self._append_parts("details", details, of_kept if some else None),
            }
        appended = self.append(rest, sources=[source])
        return Appended(
            entries=new["entries"],
            details=new["details"],
            balances=appended.balances,
            known=total - new["entries"],
            by_source={source: new["entries"]},
            conflicts=told + appended.conflicts,
        )

    def _append_parts(self, name: str, files: Sequence[Path], kept: Callable[[pa.Table], pa.Table] | None) -> int:
        """Append the new rows of some files in one commit; how many they were."""
        table = self._open(name) or DeltaTable.create(str(self._folder / name), schema=SCHEMAS[name], mode="ignore")
        held, count = table.file_uris(), 0

        def fresh() -> Iterator[pa.RecordBatch]:
            nonlocal count
            for file in files:
                part = pyarrow.parquet.read_table(file, schema=SCHEMAS[name])
                part = _unknown(kept(part) if kept else part, KEYS[name], held)
                count += part.num_rows
                yield from part.to_batches()

        reader = pa.RecordBatchReader.from_batches(SCHEMAS[name], fresh())
        write_deltalake(table, reader, mode="append", writer_properties=_WRITER)
        return count

    def entries(self, *, everything: bool = False) -> Any:
        """The entries that stand (``store.standing``) as an ibis table, columns ``statements.columns.ENTRIES``, as of now.

        Args:
            everything: also those that gave way to what a statement says.
        """
        table = self._table("entries")
        return table if everything or not self._has_soft() else standing.standing_entries(table, self.statements())

    def details(self, *, everything: bool = False) -> Any:
        """The payments inside these entries' batched bookings, columns ``statements.columns.DETAILS``, as of now."""
        table = self._table("details")
        if everything or not self._has_soft():
            return table
        return standing.standing_details(table, self._table("entries"), self.statements())

    def statements(self) -> Any:
        """Every statement, report and notification, columns ``statements.columns.STATEMENTS``, as of now."""
        return self._table("statements")

    def balances(self) -> Any:
        """Every balance, columns ``statements.columns.BALANCES``, as of now."""
        return self._table("balances")

    def problems(self) -> Any:
        """Everything that was strange in a statement, columns ``statements.columns.PROBLEMS``, as of now."""
        return self._table("problems")

    def _has_soft(self) -> bool:
        """Whether any entry may give way: asked once for each state of the table."""
        table = self._table("entries")
        name = table.get_name()
        with self._guard:
            if name not in self._soft:
                self._soft[name] = bool(standing.soft(table).limit(1).count().execute())
            return self._soft[name]

    def _files(self, name: str) -> list[str]:
        table = self._open(name)
        return list(table.file_uris()) if table else []

    def _append_table(self, name: str, rows: pa.Table) -> pa.Table:
        """Append the rows that are new and return them."""
        if rows.num_rows == 0:
            return rows
        table = self._open(name)
        fresh = _unknown(rows, KEYS[name], table.file_uris() if table else [])
        if fresh.num_rows == 0:
            return fresh
        if table is None:
            table = DeltaTable.create(str(self._folder / name), schema=SCHEMAS[name], mode="ignore")
        write_deltalake(table, fresh, mode="append", writer_properties=_WRITER)
        _join_small_files(table)
        return fresh

    def _conflicts(self, balances: pa.Table) -> tuple[Problem, ...]:
        """Balances whose key the ledger holds with another amount."""
        table = self._open("balances")
        if table is None or balances.num_rows == 0:
            return ()
        keys = KEYS["balances"]
        with duckdb.connect(config=_OFFLINE) as query:
            query.register("given", balances)
            same = " AND ".join(f'held."{key}" IS NOT DISTINCT FROM given."{key}"' for key in keys)
            query.execute(
                "SELECT DISTINCT given.*, held.amount AS known FROM given "  # noqa: S608
                f"JOIN read_parquet(?) held ON {same} WHERE held.amount IS DISTINCT FROM given.amount ORDER BY ALL",
                [table.file_uris()],
            )
            return tuple(map(_conflict, query.fetch_arrow_table().to_pylist()))

    def _open(self, name: str) -> DeltaTable | None:
        path = self._folder / name
        if not DeltaTable.is_deltatable(str(path)):
            return None
        try:
            return DeltaTable(str(path))
        except Exception as error:
            raise DamagedLedger(
                f"The ledger's table {name} cannot be read.",
                cause=f"{error}.",
                repair="Put the folder back from a backup, or move it away and import the archived statements again.",
                where=str(path),
            ) from error

    def _table(self, name: str) -> Any:
        table = self._open(name)
        files = sorted(table.file_uris()) if table else []
        version = table.version() if table and files else "none"
        view = f"{name}_{version}"
        with self._guard:
            if view not in self._views:
                self._views[view] = self._view(view, files, SCHEMAS[name])
            return self._views[view]

    def _view(self, view: str, files: Sequence[str], schema: pa.Schema) -> Any:
        """An ibis table over Parquet files, or over nothing. One backend for all, so that they can be joined."""
        if self._backend is None:
            self._backend = ibis.duckdb.connect(**_OFFLINE)
        if files:
            return self._backend.read_parquet(files, table_name=view)
        self._backend.con.register(view, schema.empty_table())
        return self._backend.table(view)


def _gather(name: str, files: Sequence[StatementTables]) -> pa.Table:
    """The table ``name`` of all files, exactly in the ledger's schema."""
    schema = SCHEMAS[name]
    return _joined([_fitted(getattr(file, name), schema) for file in files], schema)


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return table if table.schema.equals(schema) else table.select(schema.names).cast(schema)


def _joined(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Tables one after the other; many small pieces, over which every later step would stumble, become one."""
    filled = [table for table in tables if table.num_rows]
    joined = pa.concat_tables(filled) if filled else schema.empty_table()
    return joined.combine_chunks() if len(filled) > 1 else joined


def _with_sources(files: Sequence[StatementTables], sources: Sequence[str]) -> pa.Table:
    """Every balance of every file, each with its file's source; an empty one where it is not known."""
    named = [*sources, *[""] * (len(files) - len(sources))]
    counts = [file.balances.num_rows for file, _ in zip(files, named, strict=True)]
    owners = np.repeat(np.arange(len(files)), counts)
    column = pa.array(named, pa.string()).take(pa.array(owners, pa.int64()))
    return _gather("balances", files).append_column("source", column)


def _conflict(row: Mapping[str, Any]) -> Problem:
    place = "/".join(str(row[key]) for key in KEYS["balances"] if row[key] is not None)
    return Problem(
        source=row["source"],
        position=None,
        field=f"balance {place}",
        rule="balance-conflict",
        text=f"The balance is {row['amount']:f} here and {row['known']:f} in the ledger, which keeps what came first.",
        repair="Ask the bank which amount is right.",
    )


def _unknown(rows: pa.Table, keys: Sequence[str], files: Sequence[str]) -> pa.Table:
    """The rows whose keys are neither in ``files`` nor in an earlier row; an absent value equals an absent value."""
    with duckdb.connect(config=_OFFLINE) as query:
        query.register("given", rows.select(keys).append_column("row", pa.array(range(rows.num_rows), pa.int64())))
        names = ", ".join(f'"{key}"' for key in keys)
        query.execute(f'CREATE TEMP TABLE firsts AS SELECT min("row") AS "row", {names} FROM given GROUP BY {names}')  # noqa: S608
        if files:
            # The semi join first: it keeps only keys that were given, so memory does not grow with the ledger.
            same = " AND ".join(f'held."{key}" IS NOT DISTINCT FROM firsts."{key}"' for key in keys)
            query.execute(
                f"CREATE TEMP TABLE known AS SELECT {names} FROM read_parquet(?) held "  # noqa: S608
                f"WHERE EXISTS (SELECT 1 FROM firsts WHERE {same})",
                [list(files)],
            )
            same = same.replace("held.", "known.")
            query.execute(f"DELETE FROM firsts WHERE EXISTS (SELECT 1 FROM known WHERE {same})")  # noqa: S608
        chosen = query.sql('SELECT "row" FROM firsts ORDER BY "row"').to_arrow_table()
    return rows if chosen.num_rows == rows.num_rows else rows.take(chosen.column("row"))


def _join_small_files(table: DeltaTable) -> None:
    if len(table.file_uris()) < COMPACT_AT:
        return
    table.optimize.compact(target_size=_TARGET_SIZE, writer_properties=_WRITER)
    table.vacuum(dry_run=False)
