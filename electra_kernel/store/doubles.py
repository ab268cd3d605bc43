"""One statement in two dresses: an MT940 and a camt.053 of the same day must not book everything twice.

What may live here: telling such statements apart from others before they are appended. The rule: a statement is already
in the ledger where it holds one of the same account and currency that closes on the same day, opens and closes with the
same balances, and adds up. Where opening and closing are equal (so that nothing follows from them) the amounts of the
entries have to be the same as well. The statement that came first stays; the other's balances are kept, its entries are
not, and a problem says so. The same statement in the same dress is known by its entries' ids (``statements.keys``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from electra_kernel.vocabulary.errors import Problem

_OFFLINE: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}

_FIND = """
WITH pairs AS (
  SELECT g.number, g.source, g.account, g.statement, g.opening = g.closing AS still, g.closing - g.opening AS net,
         h.source AS first_source, h.statement AS first_statement, h.number AS first_number
  FROM given g JOIN known h
    ON h.account = g.account AND h.currency = g.currency AND h.to_date = g.to_date AND h.opening = g.opening
   AND h.closing = g.closing AND (h.source, h.statement) IS DISTINCT FROM (g.source, g.statement)
   AND (h.number IS NULL OR h.number < g.number)
  WHERE g.kind = 'statement' AND h.kind = 'statement' AND g.entries > 0
), moved AS (
  SELECT number, first_source, first_statement, any_value(still) AS still, any_value(net) AS net,
         sum(e.amount) AS total, list_sort(list(e.amount)) AS amounts
  FROM pairs JOIN held e
    ON e.source = first_source AND e.account = pairs.account AND e.statement = first_statement AND e.status = 'BOOK'
  GROUP BY ALL
), own AS (
  SELECT number, list_sort(list(e.amount)) AS amounts
  FROM (SELECT DISTINCT number, source, account, statement FROM pairs) p JOIN fresh e
    ON e.source = p.source AND e.account = p.account AND e.statement = p.statement AND e.status = 'BOOK'
  GROUP BY number
)
SELECT number, min(first_statement) AS first
FROM moved LEFT JOIN own USING (number)
WHERE total = net AND (NOT still OR moved.amounts = own.amounts)
GROUP BY number
"""


def without_doubles(
    given: Mapping[str, pa.Table], files: Mapping[str, Sequence[str]]
) -> tuple[dict[str, pa.Table], tuple[Problem, ...]]:
    """The tables without the entries of statements that are there already in another dress, and what is told of these.

    Args:
        given: what is to be appended, by the ledger's names of tables.
        files: the Parquet files of what the ledger holds, of ``statements`` and ``entries``.
    """
    statements = given["statements"]
    numbers = pa.array(range(statements.num_rows), pa.int64())
    if not statements.num_rows:
        return dict(given), ()
    with duckdb.connect(config=_OFFLINE) as query:
        query.register("new_statements", statements.append_column("number", numbers))
        query.register("fresh", given["entries"].select(_LOOKED_AT))
        query.execute("CREATE VIEW given AS SELECT * FROM new_statements")
        held = _held(files["statements"], "*, NULL AS number")
        query.execute("CREATE VIEW known AS SELECT * FROM new_statements" + held)  # noqa: S608
        looked_at = ", ".join(_LOOKED_AT)
        held = _held(files["entries"], looked_at)
        query.execute("CREATE VIEW held AS SELECT * FROM fresh" + held)  # noqa: S608
        found = query.execute(_FIND).fetchall()
        if not found:
            return dict(given), ()
        doubles = statements.take(pa.array([number for number, _ in found], pa.int64()))
        query.register("doubles", doubles)
        kept = _kept(query, given)
    told = zip(doubles.to_pylist(), (first for _, first in found), strict=True)
    return kept, tuple(_told(row, first) for row, first in told)


_LOOKED_AT = ["source", "account", "statement", "status", "amount"]


def _held(files: Sequence[str], columns: str) -> str:
    """What the ledger's files hold, to be put after a SELECT; file names stand in quotes."""
    if not files:
        return ""
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f" UNION ALL BY NAME SELECT {columns} FROM read_parquet([{listed}])"  # noqa: S608


_STAYING = """
SELECT "row" FROM rows r WHERE NOT EXISTS (
  SELECT 1 FROM doubles d WHERE d.source = r.source AND d.account = r.account AND d.statement = r.statement
) ORDER BY 1
"""


def _kept(query: Any, given: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Entries of the doubles out, and their payments with them."""
    entries = given["entries"]
    rows = pa.array(range(entries.num_rows), pa.int64())
    query.register("rows", entries.select(["entry_id", *_LOOKED_AT]).append_column("row", rows))
    taken = query.execute(_STAYING)
    stay = entries.take(taken.to_arrow_table()["row"])
    details = given["details"]
    query.register(
        "parts", details.select(["entry_id"]).append_column("row", pa.array(range(details.num_rows), pa.int64()))
    )
    query.register("stay", stay.select(["entry_id"]))
    taken = query.execute('SELECT "row" FROM parts WHERE entry_id IN (SELECT entry_id FROM stay) ORDER BY 1')
    return {**given, "entries": stay, "details": details.take(taken.to_arrow_table()["row"])}


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
