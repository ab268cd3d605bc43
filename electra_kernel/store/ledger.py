"""The ledger: Delta tables that only grow: statements, their entries, details, balances and problems, once each.

What may live here: appending each row once, and reading through Ibis on DuckDB. Columns are in ``statements.columns``,
the tables on the disk in ``ledger_tables``, what an append does to entries and payments in ``ledger_taking``.

An append is seen whole or not at all. It decides once what gives way (``standing``), so that reading needs no rule:
the figures of ten million entries are one look at the columns that are asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import RLock
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from pyarrow.dataset import dataset

from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS, STATEMENTS, StatementTables
from electra_kernel.store.doubles import doubles_of, without, without_doubles
from electra_kernel.store.ledger_tables import (
    GONE,
    LAYOUTS,
    OFFLINE,
    Change,
    DamagedLedger,
    Days,
    Tables,
    agreed,
    asking,
    engine,
    files_of,
    mark_of,
    open_table,
    scan,
)
from electra_kernel.store.ledger_taking import Taking, fresh_rows
from electra_kernel.store.locks import Locks
from electra_kernel.vocabulary.errors import Problem

__all__ = ["KEYS", "SCHEMAS", "Appended", "DamagedLedger", "Ledger"]

SCHEMAS: dict[str, pa.Schema] = {
    "statements": STATEMENTS,
    "entries": ENTRIES,
    "details": DETAILS,
    "balances": BALANCES,
    "problems": PROBLEMS,
}

#: What makes a row the same row; those of entries and payments are in ``ledger_taking``.
KEYS: dict[str, tuple[str, ...]] = {
    "balances": ("account", "currency", "statement", "kind", "date"),
    "statements": ("source", "account", "currency", "statement", "sequence", "kind"),
    "problems": tuple(name for name in PROBLEMS.names if name != "text"),
}


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
        self._tables = Tables(folder)
        self._backend: Any = None
        self._views: dict[tuple[Any, ...], Any] = {}
        self._numbers = count()
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
        with engine(), self._changing() as tables:
            given, doubles = without_doubles(given, tables)
            taking = Taking(tables, given["statements"])
            entries = taking.entries(given["entries"])
            details = taking.details(given["details"], given["entries"])
            taking.finish()
            balances, conflicts = self._rest(tables, given, doubles, _with_sources(files, sources))
        return Appended(
            entries=entries.num_rows,
            details=details,
            balances=balances,
            known=known - entries.num_rows,
            by_source=Counter(entries.column("source").to_pylist()),
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
        told_of = dataset(list(entries)) if entries else ENTRIES.empty_table()
        with engine(), self._changing() as tables:
            doubles, told = doubles_of(rest.statements, told_of, tables)
            taking, left_out, new = Taking(tables, rest.statements), list[str](), Counter[str]()
            for file in entries:
                part = pyarrow.parquet.read_table(file, schema=ENTRIES)
                stay = without(part, doubles) if doubles.num_rows else part
                left_out += _missing(part, stay)
                new["entries"] += taking.entries(stay).num_rows
            for file in details:
                part = pyarrow.parquet.read_table(file, schema=DETAILS)
                part = part.filter(pc.invert(pc.is_in(part["entry_id"], value_set=pa.array(left_out, pa.string()))))
                new["details"] += taking.details(part, told_of)
            taking.finish()
            given = {name: _gather(name, [rest]) for name in SCHEMAS}
            balances, conflicts = self._rest(tables, given, told, _with_sources([rest], [source]))
        return Appended(
            entries=new["entries"],
            details=new["details"],
            balances=balances,
            known=total - new["entries"],
            by_source={source: new["entries"]},
            conflicts=conflicts,
        )

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Change]]:
        """The tables, to be changed by this process alone; what was changed is seen by others afterwards, all at once."""
        with self._locks.hold("ledger", purpose="writing statements to the ledger", wait=600):
            tables = self._tables.begin()
            yield tables
            self._tables.finish(tables)

    def _rest(
        self,
        tables: Mapping[str, Change],
        given: Mapping[str, pa.Table],
        doubles: tuple[Problem, ...],
        balances: pa.Table,
    ) -> tuple[int, tuple[Problem, ...]]:
        """Take balances, statements and problems; how many balances are new, and what was in conflict."""
        conflicts = doubles + _conflicts(balances, tables["balances"])
        noted = pa.Table.from_pylist([conflict.as_row() for conflict in conflicts], schema=PROBLEMS)
        fresh = fresh_rows(given["balances"], KEYS["balances"], tables["balances"])
        tables["balances"].add(fresh)
        rows = {"statements": given["statements"], "problems": pa.concat_tables([given["problems"], noted])}
        for name, those in rows.items():
            tables[name].add(fresh_rows(those, KEYS[name], tables[name]))
        return fresh.num_rows, conflicts

    def entries(self, *, everything: bool = False) -> Any:
        """The entries that stand (``store.standing``) as an ibis table, columns ``statements.columns.ENTRIES``, as of now.

        Args:
            everything: also those that gave way to what a statement says.
        """
        return self._table("entries", everything=everything)

    def details(self, *, everything: bool = False) -> Any:
        """The payments inside these entries' batched bookings, columns ``statements.columns.DETAILS``, as of now."""
        return self._table("details", everything=everything)

    def statements(self) -> Any:
        """Every statement, report and notification, columns ``statements.columns.STATEMENTS``, as of now."""
        return self._table("statements")

    def balances(self) -> Any:
        """Every balance, columns ``statements.columns.BALANCES``, as of now."""
        return self._table("balances")

    def problems(self) -> Any:
        """Everything that was strange in a statement, columns ``statements.columns.PROBLEMS``, as of now."""
        return self._table("problems")

    def _table(self, name: str, *, everything: bool = False) -> Any:
        versions = agreed(self._folder)
        version = None if versions is None else versions.get(name, 0)
        mark = None if version is None else mark_of(self._folder, name, version)
        known = (name, everything, version, mark)
        with self._guard:
            # A version without a mark may be another one the next time.
            if mark is None or known not in self._views:
                table = open_table(self._folder, name, version)
                files = [file.path for file in files_of(table, LAYOUTS[name]) if everything or file.part != GONE]
                self._views[known] = self._view(f"{name}_{next(self._numbers)}", files, SCHEMAS[name])
            return self._views[known]

    def _view(self, view: str, files: Sequence[str], schema: pa.Schema) -> Any:
        """An ibis table over Parquet files, or over nothing. One backend for all, so that they can be joined."""
        if self._backend is None:
            self._backend = ibis.duckdb.connect(**OFFLINE)
        if files:
            table = self._backend.read_parquet(files, table_name=view, hive_partitioning=False)
            return table.select(*schema.names)
        self._backend.con.register(view, schema.empty_table())
        return self._backend.table(view)


def _missing(part: pa.Table, stay: pa.Table) -> list[str]:
    """The ids of the entries that do not stay."""
    if part.num_rows == stay.num_rows:
        return []
    gone = pc.invert(pc.is_in(part["entry_id"], value_set=stay["entry_id"].combine_chunks()))
    ids: list[str] = part["entry_id"].filter(gone).to_pylist()
    return ids


def _conflicts(given: pa.Table, held: Change) -> tuple[Problem, ...]:
    """Balances whose key the ledger holds with another amount."""
    days = Days.of(given["date"])
    files = days.among(held.files)
    if not files:
        return ()
    keys = KEYS["balances"]
    with asking() as query:
        query.register("given", given)
        same = " AND ".join(f'held."{key}" IS NOT DISTINCT FROM given."{key}"' for key in keys)
        rows = query.execute(
            "SELECT DISTINCT given.*, held.amount AS known FROM given "  # noqa: S608
            f"JOIN {scan(files, BALANCES, 'date', days)} held ON {same} "
            "WHERE held.amount IS DISTINCT FROM given.amount ORDER BY ALL"
        )
        return tuple(map(_conflict, rows.to_arrow_table().to_pylist()))


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
