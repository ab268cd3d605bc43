"""One statement in two dresses: an MT940 and a camt.053 of the same day must not book everything twice.

What may live here: telling such statements apart from others before they are appended. The rule: a statement is already
in the ledger where it holds one of the same account and currency that closes on the same day, opens and closes with the
same balances, and adds up. Where opening and closing are equal (so that nothing follows from them) the amounts of the
entries have to be the same as well. The statement that came first stays; the other's balances are kept, its entries are
not, and a problem says so, as often as it is given; of the one that stays, given again, nothing is said. The same
statement in the same dress is known by its entries' ids (``statements.keys``), but for one that stands twice in one file:
there its entries come again one by one, each the same in every column, and only the first of each is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.statements.columns import ENTRIES, STATEMENTS
from electra_kernel.statements.model import STATEMENT
from electra_kernel.store.ledger_tables import Change, Days, asking, scan
from electra_kernel.vocabulary.errors import Problem

#: Statements of one name in one file share their entries' name, so that the first of them speaks for all.
_GIVEN = "SELECT * FROM numbered QUALIFY number = min(number) OVER (PARTITION BY source, account, statement)"

_PAIRS = """
SELECT g.number, g.source, g.account, g.statement, g.opening = g.closing AS still, g.closing - g.opening AS net,
       h.source AS first_source, h.statement AS first_statement, h.entries AS first_entries,
       least(g.from_date, h.from_date) AS first, greatest(g.to_date, h.to_date) AS last
FROM given g JOIN known h
  ON h.account = g.account AND h.currency = g.currency AND h.to_date = g.to_date AND h.opening = g.opening
 AND h.closing = g.closing AND (h.source, h.statement) IS DISTINCT FROM (g.source, g.statement)
 AND (h.number IS NULL OR h.number < g.number)
WHERE g.kind = 'statement' AND h.kind = 'statement' AND g.entries > 0
"""

#: What the entries of the pairs' first statements come to, as far as they were found.
_MOVED = """
SELECT number, first_source, first_statement, any_value(still) AS still, any_value(net) AS net,
       any_value(first_entries) AS said, count(*) AS found,
       sum(e.amount) FILTER (e.status = 'BOOK') AS total,
       list_sort(list(e.amount) FILTER (e.status = 'BOOK')) AS amounts
FROM pairs JOIN held e ON e.source = first_source AND e.account = pairs.account AND e.statement = first_statement
GROUP BY ALL
"""

_FIND = """
WITH stored AS (
  SELECT DISTINCT number FROM pairs JOIN stored_entries s
    ON s.source = pairs.source AND s.account = pairs.account AND s.statement = pairs.statement
), own AS (
  SELECT number, list_sort(list(e.amount)) AS amounts
  FROM (SELECT DISTINCT number, source, account, statement FROM pairs) p JOIN fresh e
    ON e.source = p.source AND e.account = p.account AND e.statement = p.statement AND e.status = 'BOOK'
  GROUP BY number
)
SELECT number, min(first_statement) AS first
FROM moved LEFT JOIN own USING (number)
WHERE total = net AND (NOT still OR moved.amounts = own.amounts) AND number NOT IN (SELECT number FROM stored)
GROUP BY number
"""


def without_doubles(
    given: Mapping[str, pa.Table], held: Mapping[str, Change]
) -> tuple[dict[str, pa.Table], tuple[Problem, ...]]:
    """The tables without the entries of statements that are there already in another dress, and what is told of these.

    Args:
        given: what is to be appended, by the ledger's names of tables.
        held: the ledger's tables.
    """
    entries = without_repeats(given["statements"], given["entries"])
    doubles, told = doubles_of(given["statements"], entries, held)
    if doubles.num_rows:
        entries = without(entries, doubles)
    if entries.num_rows == given["entries"].num_rows:
        return dict(given), told
    details = given["details"]
    kept = pc.is_in(details["entry_id"], value_set=entries["entry_id"].combine_chunks())
    return {**given, "entries": entries, "details": details.filter(kept)}, told


def without_repeats(statements: pa.Table, entries: pa.Table) -> pa.Table:
    """Entries without those of a statement that stands in its file before, the same in all that it says."""
    named = statements.group_by(list(_NAME)).aggregate([("entries", "count"), ("entries", "min")]).to_pylist()
    alike = statements.group_by(statements.column_names).aggregate([([], "count_all")]).to_pylist()
    times = {tuple(row[name] for name in _NAME): row["count_all"] for row in alike if row["opening"] is not None}
    gone: list[int] = []
    for row in named:
        repeats, size = row["entries_count"], row["entries_min"]
        if repeats > 1 and size and times.get(tuple(row[name] for name in _NAME)) == repeats:
            gone += _repeated(entries, row, repeats, size)
    if not gone:
        return entries
    left = np.ones(entries.num_rows, np.bool_)
    left[gone] = False
    return entries.filter(pa.array(left))


_NAME = ("source", "account", "statement")


def _repeated(entries: pa.Table, name: Mapping[str, Any], repeats: int, size: int) -> list[int]:
    """The rows of a statement's entries after the first ``size``, where they say the same again ``repeats`` times."""
    rows = np.flatnonzero(np.logical_and.reduce([_is(entries[each], name[each]) for each in _NAME]))
    if len(rows) != repeats * size:
        return []
    said = entries.drop_columns(["entry_id", "position"])
    first, *others = [said.take(pa.array(rows[at : at + size])) for at in range(0, len(rows), size)]
    return rows[size:].tolist() if all(other.equals(first) for other in others) else []


def _is(column: Any, value: str | None) -> Any:
    same = pc.is_null(column) if value is None else pc.fill_null(pc.equal(column, value), False)
    return same.to_numpy()


def doubles_of(statements: pa.Table, entries: Any, held: Mapping[str, Change]) -> tuple[pa.Table, tuple[Problem, ...]]:
    """The statements that are there already in another dress, and what is told of these.

    Args:
        statements, entries: what is to be appended; ``entries`` a table, or a dataset where it does not fit into memory.
        held: the ledger's tables.
    """
    if not pc.any(pc.and_(pc.equal(statements["kind"], STATEMENT), pc.greater(statements["entries"], 0))).as_py():
        return statements.slice(0, 0), ()
    numbers = pa.array(range(statements.num_rows), pa.int64())
    with asking() as query:
        query.register("numbered", statements.append_column("number", numbers))
        query.execute(f"CREATE TEMP VIEW given AS {_GIVEN}")
        query.register("new_entries", entries)
        query.execute(f"CREATE TEMP VIEW fresh AS SELECT {', '.join(_LOOKED_AT)} FROM new_entries")  # noqa: S608
        days = Days.of(statements["to_date"])
        known = scan(days.among(held["statements"].files), STATEMENTS, "to_date", days)
        query.execute(
            "CREATE TEMP VIEW known AS SELECT * FROM given UNION ALL BY NAME "  # noqa: S608
            f"SELECT *, NULL AS number FROM {known}"
        )
        query.execute(f"CREATE TEMP TABLE pairs AS {_PAIRS}")
        found = _judged(query, held["entries"]) if query.sql("SELECT 1 FROM pairs LIMIT 1").fetchall() else []
    doubles = statements.take(pa.array([number for number, _ in found], pa.int64()))
    told = zip(doubles.to_pylist(), (first for _, first in found), strict=True)
    return doubles, tuple(_told(row, first) for row, first in told)


def _judged(query: Any, entries: Change) -> list[tuple[int, str]]:
    """The numbers of the doubles among ``pairs``, each with the statement that came first.

    Entries are looked for in the ledger's files of the pairs' days first; in all of them only for those statements of
    which not every entry was found there (an entry booked long before its statement).
    """
    first, last = query.sql("SELECT min(first), max(last) FROM pairs").fetchall()[0]
    found = list[tuple[int, str]]()
    for files in (Days(first, last, undated=True).among(entries.files), entries.files):
        held = f"SELECT {', '.join(_LOOKED_AT)} FROM {scan(files, ENTRIES)}"  # noqa: S608
        query.execute(f"CREATE OR REPLACE TEMP VIEW stored_entries AS {held}")
        query.execute(f"CREATE OR REPLACE TEMP VIEW held AS FROM fresh UNION ALL {held}")
        query.execute(f"CREATE OR REPLACE TEMP TABLE moved AS {_MOVED}")
        found += query.execute(_FIND).fetchall()
        query.execute(
            "DELETE FROM pairs WHERE (number, first_source, first_statement) IN "
            "(SELECT (number, first_source, first_statement) FROM moved WHERE found >= said)"
        )
        query.execute("DELETE FROM pairs WHERE number IN (SELECT unnest(?::BIGINT[]))", [[one for one, _ in found]])
        if not query.sql("SELECT 1 FROM pairs LIMIT 1").fetchall():
            break
    return sorted(found)


def without(entries: pa.Table, doubles: pa.Table) -> pa.Table:
    """Entries without those of some statements."""
    rows = pa.array(range(entries.num_rows), pa.int64())
    with asking() as query:
        query.register("doubles", doubles)
        query.register("rows", entries.select(_LOOKED_AT).append_column("row", rows))
        return entries.take(query.execute(_STAYING).to_arrow_table()["row"])


_LOOKED_AT = ["source", "account", "statement", "status", "amount"]


_STAYING = """
SELECT "row" FROM rows r WHERE NOT EXISTS (
  SELECT 1 FROM doubles d WHERE d.source = r.source AND d.account = r.account AND d.statement = r.statement
) ORDER BY 1
"""


def _told(row: Mapping[str, Any], first: str) -> Problem:
    return Problem(
        source=row["source"],
        position=None,
        field=f"statement {row['statement']}",
        rule="same-statement",
        text=f"Statement {row['statement']} of account {row['account']} opens and closes as statement {first} does, which is "
        "in the ledger already; its entries were not added again.",
        repair="Nothing need be done. Import the account's statements in one format.",
        severity="warning",
    )
