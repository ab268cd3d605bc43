"""What one append does to the ledger's entries and payments: which are new, which give way, which take payments.

What may live here: work on tables that are being changed (``ledger_tables.Change``), by whoever holds the ledger's lock.
Nothing here looks at all of the ledger. A row that is known has the same day (an entry's id is made of its booking
date), so known rows are looked for among the files of their days only. What can give way to what is near it in time
(``standing.NEAR``), so the rules of ``standing`` are asked of the days around those that are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from electra_kernel.statements.columns import DETAILS, ENTRIES, STATEMENTS
from electra_kernel.store import standing
from electra_kernel.store.ledger_tables import DAY, FIRM, GONE, LAYOUTS, OPEN, TIERS, Change, Days, File, asking, scan

_NEAR = timedelta(days=standing.NEAR)
_COPIES = pa.schema([("entry_id", pa.string()), ("giver", pa.string()), (DAY, pa.date32()), ("given", pa.date32())])


def fresh_rows(rows: pa.Table, keys: Sequence[str], change: Change) -> pa.Table:
    """The rows whose keys are neither in the table nor in an earlier row; an absent value equals an absent value.

    Rows with the same keys have the same day.
    """
    day = change.layout.day
    days = Days.of(rows[day]) if day else None
    files = days.among(change.files) if days else change.files
    with asking() as query:
        query.register("given", rows.select(keys).append_column("row", pa.array(range(rows.num_rows), pa.int64())))
        names = ", ".join(f'"{key}"' for key in keys)
        query.execute(f'CREATE TEMP TABLE firsts AS SELECT min("row") AS "row", {names} FROM given GROUP BY {names}')  # noqa: S608
        if files:
            # The semi join first: it keeps only keys that were given, so memory does not grow with the ledger.
            same = " AND ".join(f'held."{key}" IS NOT DISTINCT FROM firsts."{key}"' for key in keys)
            query.execute(
                f"CREATE TEMP TABLE known AS SELECT {names} FROM {scan(files, change.layout.schema, day, days)} held "  # noqa: S608
                f"WHERE EXISTS (SELECT 1 FROM firsts WHERE {same})"
            )
            same = same.replace("held.", "known.")
            query.execute(f"DELETE FROM firsts WHERE EXISTS (SELECT 1 FROM known WHERE {same})")  # noqa: S608
        chosen = query.sql('SELECT "row" FROM firsts ORDER BY "row"').to_arrow_table()
    return rows if chosen.num_rows == rows.num_rows else rows.take(chosen.column("row"))


class Taking:
    """The entries and payments of one append; a large file brings them in parts, all entries first.

    Args:
        tables: the ledger's tables, being changed.
        statements: what the append brings of statements, reports and notifications.
    """

    def __init__(self, tables: dict[str, Change], statements: pa.Table) -> None:
        self._entries, self._details, self._held_statements = tables["entries"], tables["details"], tables["statements"]
        self._statements = statements
        self._copies: list[pa.Table] = []

    def entries(self, given: pa.Table) -> pa.Table:
        """Take the entries that are new, and let what gives way give way; the new ones."""
        fresh = fresh_rows(given, ["entry_id"], self._entries)
        if fresh.num_rows or self._statements.num_rows:
            self._settle(fresh)
        return fresh

    def details(self, given: pa.Table, entries: Any) -> int:
        """Take the payments that are new, once their entries were taken; how many they are.

        Where an entry is known, and had no payments when it came first, it stays without.

        Args:
            given: columns ``statements.columns.DETAILS``.
            entries: all the entries given, a table or a dataset.
        """
        if not given.num_rows:
            return 0
        with asking() as query:
            query.register("given", given.append_column("row", pa.array(range(given.num_rows), pa.int64())))
            query.register("entries", entries)
            dated = _rows(
                query,
                f"SELECT {_listed(DETAILS, 'g')}, e.booking_date AS {DAY} FROM given g LEFT JOIN "  # noqa: S608
                "(SELECT entry_id, any_value(booking_date) AS booking_date FROM entries GROUP BY entry_id) e "
                "ON e.entry_id = g.entry_id ORDER BY row",
                LAYOUTS["details"].schema,
            )
            fresh = fresh_rows(dated, ["entry_id", "detail"], self._details)
            days = Days.of(fresh[DAY])
            query.register("new", fresh)
            # An entry that is known without payments stays so: with them its amount would count twice.
            held = scan(days.among(self._entries.files), ENTRIES, "booking_date", days)
            bare = f"SELECT entry_id FROM {held} WHERE details = 0"  # noqa: S608
            fresh = _rows(query, f"FROM new ANTI JOIN ({bare}) USING (entry_id)", fresh.schema)
            held = scan(days.among(_of(self._entries, GONE)), ENTRIES, "booking_date", days)
            query.register("fresh", fresh)
            query.execute(f"CREATE TEMP TABLE gone AS SELECT entry_id FROM {held}")  # noqa: S608
            for part, rows in self._parted(query, "fresh").items():
                self._details.add(rows, part)
        new: int = fresh.num_rows
        return new

    def finish(self) -> None:
        """Give the entries that take payments those of the entries that gave way."""
        copies = pa.concat_tables([_COPIES.empty_table(), *self._copies])
        if not copies.num_rows:
            return
        days = Days.of(copies["given"])
        with asking() as query:
            query.register("copies", copies)
            columns = ", ".join(f'd."{name}"' for name in DETAILS.names if name != "entry_id")
            held = scan(days.among(self._details.files), LAYOUTS["details"].schema, DAY, days)
            taken = f"SELECT c.entry_id, {columns}, c.{DAY} FROM {held} d JOIN copies c ON d.entry_id = c.giver "  # noqa: S608
            taken += "ORDER BY c.entry_id, d.detail"
            self._details.add(_rows(query, taken, LAYOUTS["details"].schema), FIRM)

    def _settle(self, fresh: pa.Table) -> None:
        with asking() as query:
            query.register("fresh", fresh)
            query.execute(f"CREATE TEMP TABLE soft AS {_rule('soft')}")
            any_soft = bool(query.sql("SELECT count(*) FROM soft").fetchall()[0][0])
            around = _around(self._days_given(fresh))
            near = around.among(_of(self._entries, OPEN)) + around.among(_of(self._entries, GONE))
            if not near and not any_soft:
                self._entries.add(fresh, FIRM)
                return
            # What is firm and held matters only to what is new and may give way.
            near += around.among(_of(self._entries, FIRM)) if any_soft else []
            self._judge(query, near, around)
            self._move_details(query, around)
            self._move_entries(query, fresh, near, around)

    def _days_given(self, fresh: pa.Table) -> Days:
        columns = [fresh["booking_date"], fresh["value_date"]]
        columns += [self._statements["from_date"], self._statements["to_date"]]
        return Days.of(pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.date32()))

    def _judge(self, query: Any, files: Sequence[File], around: Days) -> None:
        """Tables ``near`` (with part and file), ``gone`` (the ids that give way now) and ``takings``."""
        columns = ", ".join(standing.LOOKED_AT)
        query.register("new_statements", self._statements)
        query.execute(
            "CREATE TEMP TABLE accounts AS SELECT account FROM fresh UNION SELECT account FROM new_statements"
        )
        query.execute(f"CREATE TEMP TABLE near AS SELECT {columns}, '' AS part, '' AS filename FROM fresh")  # noqa: S608
        of_accounts = "account IN (SELECT account FROM accounts)"
        for part in sorted({file.part for file in files}):
            held = scan([file for file in files if file.part == part], ENTRIES, "booking_date", around)
            query.execute(
                f"INSERT INTO near SELECT {columns}, '{part}', filename FROM {held} "  # noqa: S608
                f"WHERE {of_accounts}"
            )
        wide = _around(around)
        held = scan(wide.among(self._held_statements.files), STATEMENTS, "to_date", wide)
        names = _listed(STATEMENTS, "s")
        query.execute(
            f"CREATE TEMP TABLE near_statements AS SELECT {names} FROM new_statements s UNION ALL "  # noqa: S608
            f"SELECT {names} FROM {held} s WHERE {of_accounts}"
        )
        self._add_own_statements(query)
        query.execute(f"CREATE TEMP TABLE giving AS {_rule('gone')}")
        query.execute(f"CREATE TEMP TABLE before AS SELECT entry_id FROM near WHERE part = '{GONE}'")  # noqa: S608
        query.execute("CREATE TEMP TABLE gone AS FROM giving EXCEPT FROM before")
        query.execute("CREATE TEMP TABLE gone_ids AS FROM gone UNION FROM before")
        query.execute(f"CREATE TEMP TABLE takings AS {_rule('takings')}")
        dated = f"SELECT t.entry_id, t.giver, n.booking_date AS {DAY}, g.booking_date AS given FROM takings t "  # noqa: S608
        dated += "JOIN near n USING (entry_id) JOIN near g ON g.entry_id = t.giver"
        self._copies.append(_rows(query, dated, _COPIES))

    def _add_own_statements(self, query: Any) -> None:
        """Add to ``near_statements`` those that entries near are of, but that end on days far away.

        Of these come the times of making, and the days of entries that have none.
        """
        own = "SELECT DISTINCT source, account, coalesce(statement, '') AS statement FROM {}"
        query.execute(f"CREATE TEMP TABLE away AS {own.format('near')} EXCEPT {own.format('near_statements')}")
        if query.sql("SELECT 1 FROM away LIMIT 1").fetchall():
            held = scan(self._held_statements.files, STATEMENTS)
            query.execute(
                f"INSERT INTO near_statements SELECT {_listed(STATEMENTS, 's')} FROM {held} s SEMI JOIN away a "  # noqa: S608
                "ON s.source = a.source AND s.account = a.account AND coalesce(s.statement, '') = a.statement"
            )

    def _move_details(self, query: Any, around: Days) -> None:
        """Take the payments of what gives way from those that stand."""
        files = around.among(_of(self._details, FIRM))
        if not files:
            return
        held = scan(files, LAYOUTS["details"].schema, DAY, around)
        touched = query.sql(f"SELECT DISTINCT filename FROM {held} WHERE entry_id IN (SELECT entry_id FROM gone)")  # noqa: S608
        for file in _named(files, touched):
            self._details.drop(file)
            for part, rows in self._parted(query, scan([file], LAYOUTS["details"].schema)).items():
                for piece in _apart(rows, rows[DAY], around):
                    self._details.add(piece, part)

    def _parted(self, query: Any, source: str) -> dict[str, pa.Table]:
        """Payments of a source by part: those of entries in the table ``gone``, and the others."""
        schema = LAYOUTS["details"].schema
        select = f"SELECT {_listed(schema, 'd')} FROM {source} d {{}} JOIN gone USING (entry_id)"  # noqa: S608
        return {part: _rows(query, select.format(way), schema) for part, way in ((FIRM, "ANTI"), (GONE, "SEMI"))}

    def _move_entries(self, query: Any, fresh: pa.Table, near: Sequence[File], around: Days) -> None:
        """Add what is new, and write anew the files of which rows give way or take payments."""
        givers = _named(near, query.sql("SELECT filename FROM near WHERE entry_id IN (SELECT giver FROM takings)"))
        taken = ", ".join(standing.TAKEN)
        query.execute(
            f"CREATE TEMP TABLE words AS SELECT t.entry_id, {taken}, details FROM takings t JOIN "  # noqa: S608
            f"(SELECT entry_id AS giver, {taken}, details FROM fresh UNION ALL "
            f"SELECT entry_id, {taken}, details FROM {scan(givers, ENTRIES, 'booking_date', around)}) USING (giver)"
        )
        ids = {name: _ids(query, name) for name in ("gone", "takings", "soft")}
        changing = "entry_id IN (SELECT entry_id FROM gone UNION SELECT entry_id FROM takings)"
        touched = _named(near, query.sql(f"SELECT DISTINCT filename FROM near WHERE {changing}"))  # noqa: S608
        soft = pc.is_in(fresh["entry_id"], value_set=ids["soft"])
        sources = [(fresh.filter(pc.invert(soft)), FIRM), (fresh.filter(soft), OPEN)]
        sources += [(pyarrow.parquet.read_table(file.path).cast(ENTRIES), file.part) for file in touched]
        leaving = []
        for rows, part in sources:
            goes, takes = (pc.is_in(rows["entry_id"], value_set=ids[name]) for name in ("gone", "takings"))
            leaving.append(rows.filter(goes))
            with_words = _with_words(query, rows.filter(takes))
            stay = pa.concat_tables([rows.filter(pc.invert(pc.or_(goes, takes))), with_words])
            for piece in _apart(stay, stay["booking_date"], around):
                self._entries.add(piece, part)
        for file in touched:
            self._entries.drop(file)
        self._entries.add(pa.concat_tables(leaving), GONE)


def _apart(rows: pa.Table, days: Any, near: Days) -> list[pa.Table]:
    """Rows of a file that has to be written anew; of a large one those near by themselves, so that the rest stays next time."""
    if rows.num_rows < TIERS[-1] or near.first is None or near.last is None:
        return [rows]
    inside = pc.and_(pc.greater_equal(days, pa.scalar(near.first)), pc.less_equal(days, pa.scalar(near.last)))
    inside = pc.fill_null(inside, near.undated)
    return [rows.filter(inside), rows.filter(pc.invert(inside))]


def _of(change: Change, part: str) -> list[File]:
    return [file for file in change.files if file.part == part]


def _named(files: Sequence[File], names: Any) -> list[File]:
    """The files that a query names."""
    wanted = {name for (name,) in names.fetchall()}
    return [file for file in files if file.path in wanted]


def _listed(schema: pa.Schema, table: str) -> str:
    return ", ".join(f'{table}."{name}"' for name in schema.names)


def _rows(query: Any, select: str, schema: pa.Schema) -> pa.Table:
    return query.sql(select).to_arrow_table().select(schema.names).cast(schema)


def _ids(query: Any, table: str) -> Any:
    return query.sql(f"SELECT entry_id FROM {table}").to_arrow_table()["entry_id"].cast(pa.string()).combine_chunks()  # noqa: S608


def _with_words(query: Any, rows: pa.Table) -> pa.Table:
    """Rows that take payments, with what they take (the table ``words``)."""
    if not rows.num_rows:
        return rows
    query.register("taking", rows)
    taken = {name: f'coalesce(r."{name}", w."{name}")' for name in standing.TAKEN}
    taken["details"] = "coalesce(w.details, r.details)"
    columns = ", ".join(f'{taken.get(name, "r." + name)} AS "{name}"' for name in ENTRIES.names)
    return _rows(query, f"SELECT {columns} FROM taking r LEFT JOIN words w USING (entry_id)", ENTRIES)  # noqa: S608


def _around(days: Days) -> Days:
    """The days near some days, and those without a day."""
    if days.first is None or days.last is None:
        return Days(None, None, undated=True)
    least, most = days.first - date.min, date.max - days.last
    return Days(days.first - min(_NEAR, least), days.last + min(_NEAR, most), undated=True)


@cache
def _rule(name: str) -> str:
    """A rule of ``standing`` as SQL over the tables ``fresh``, ``near``, ``near_statements`` and ``gone_ids``."""
    if name == "soft":
        fresh = ibis.table(ENTRIES, name="fresh")
        expression = fresh.filter(standing.soft(fresh)).select("entry_id")
    else:
        near = ibis.table(pa.schema([ENTRIES.field(column) for column in standing.LOOKED_AT]), name="near")
        ids = ibis.table({"entry_id": "string"}, name="gone_ids")
        statements = ibis.table(STATEMENTS, name="near_statements")
        expression = standing.gone(near, statements) if name == "gone" else standing.takings(near, ids)
    return str(ibis.to_sql(expression, dialect="duckdb"))
