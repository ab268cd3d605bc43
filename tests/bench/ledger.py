"""How fast the ledger is: statements, reports and notifications mixed, appended in few large files and in many small ones.

``python -m tests.bench.ledger 1000000 [small appends]`` measures one million entries; without a number, ten millions.
Its queries are compared with bare DuckDB over one Parquet file of the entries that stand; a small append with the same
append to a ledger of a tenth; two processes that append at once with one that appends as much alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.analysis import position
from electra_kernel.statements.columns import AMOUNT, BALANCES, DETAILS, ENTRIES, PROBLEMS, STATEMENTS, StatementTables
from electra_kernel.statements.model import NOTIFICATION, REPORT, STATEMENT
from electra_kernel.store import Store
from electra_kernel.vocabulary.dates import system_clock
from tests.bench.figures import Figure
from tests.bench.measure import Result, compare

ROWS, SMALL = 10_000_000, 40
_ACCOUNTS, _DAYS, _FILES = 40, 3 * 365, 20
_FIRST = date(2022, 1, 3)
_CENT = pa.scalar(Decimal("0.01"))
#: Of the entries, those that statements tell; the others were told before, by reports and notifications.
_SHARES = ((STATEMENT, 0.6), (REPORT, 0.3), (NOTIFICATION, 0.1))


def run(rows: int = ROWS, small: int = SMALL) -> Iterator[Result | Figure]:
    """All comparisons of this file.

    Args:
        rows: entries in the ledger.
        small: how many files of one statement and one report are appended one by one.
    """
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "bench", system_clock) as store:
        whole = 0.0
        early = 0.0
        for number in range(_FILES):
            tables = _file(number, rows // _FILES)
            start = perf_counter()
            store.ledger.append(tables)
            whole += perf_counter() - start
            if number == _FILES // 10:
                early = _small_appends(store, small, _day(number + 1))
        name = f"ledger, {rows:,} entries"
        yield Figure(f"{name}, {_FILES} large appends", f"{whole:8.3f} s, {rows / whole:,.0f} entries a second")
        late = _small_appends(store, small, _day(_FILES))
        bare_at = "as often with a tenth in the ledger"
        yield Result(f"{name}, {small} small appends (CPU)", late, bare_at, early, "does not grow with the ledger: 1")
        yield _two_at_once(Path(folder) / "bench", small, name)
        yield from _queries(store, Path(folder) / "bare.parquet", name)
        known = _file(_FILES // 2, rows // _FILES)
        some = {part: getattr(known, part).slice(0, 1000) for part in _PARTS}
        inside = pc.is_in(known.details["entry_id"], value_set=some["entries"]["entry_id"].combine_chunks())
        known = StatementTables(**{**some, "details": known.details.filter(inside)})
        again = store.ledger.append(known)
        if again.entries or again.details:
            raise AssertionError("known entries were taken again")
        yield compare(
            f"{name}, 1,000 known ones again",
            lambda: store.ledger.append(known),
            "1,000 new ones",
            lambda: store.ledger.append(_file(next(_numbers), 1000, step=1)),
            "the lower the better",
        )


_PARTS = ("entries", "details", "balances", "problems", "statements")
_numbers = iter(range(_FILES * 50, 10**9))


def _queries(store: Store, bare: Path, name: str) -> Iterator[Result | Figure]:
    store.ledger.entries().to_parquet(str(bare))
    with duckdb.connect() as query:
        query.execute(f"CREATE VIEW bare AS FROM read_parquet('{bare}')")

        def plain(select: str) -> list[tuple[Any, ...]]:
            return query.sql(select).fetchall()

        net = "SELECT account, date_trunc('month', booking_date)::DATE AS m, sum(amount) FROM bare GROUP BY ALL"
        if sorted(_rows(_net(store))) != sorted(plain(net)):
            raise AssertionError("the ledger's figures are not those of the bare file")
        beside, bar = "bare DuckDB, one file", "≤ 1 s at 10,000,000"
        yield compare(f"{name}, net by account and month", lambda: _net(store), beside, lambda: plain(net), bar)
        yield _processor(f"{name}, net by account and month", lambda: _net(store))
        told = "bare DuckDB, one file of those that stand"
        yield compare(f"{name}, net of all that was ever told", lambda: _net(store, everything=True), told,
                      lambda: plain(net), bar)  # fmt: skip
        since = _FIRST + timedelta(days=_DAYS - 30)
        account = _account(7)
        some = f"FROM bare WHERE account = '{account}' AND booking_date >= DATE '{since}'"
        yield compare(f"{name}, one account's last month", lambda: _some(store, account, since), beside,
                      lambda: query.sql(some).to_arrow_table(), "the lower the better")  # fmt: skip
        sums = "SELECT account, currency, sum(amount) FROM bare WHERE status = 'BOOK' GROUP BY ALL"

        def positions() -> pa.Table:
            return position(store.ledger.entries(), store.ledger.balances()).to_pyarrow()

        yield compare(f"{name}, position", positions, "bare sums by account", lambda: plain(sums), bar)
        yield _processor(f"{name}, position", positions)


def _processor(name: str, work: Callable[[], object]) -> Figure:
    """What it takes of the processors, which others that are busy meanwhile hardly change."""
    start = process_time()
    work()
    return Figure(
        name, f"{process_time() - start:8.3f} s of the processors, all cores together; bar ≤ 1 s at 10,000,000"
    )


def _net(store: Store, *, everything: bool = False) -> pa.Table:
    entries = store.ledger.entries(everything=everything)
    month = entries.booking_date.truncate("M").name("month")
    table: pa.Table = entries.group_by(entries.account, month).agg(net=entries.amount.sum()).to_pyarrow()
    return table


def _some(store: Store, account: str, since: date) -> pa.Table:
    entries = store.ledger.entries()
    table: pa.Table = entries.filter(entries.account == account, entries.booking_date >= since).to_pyarrow()
    return table


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


def _small_appends(store: Store, count: int, day: date) -> float:
    """Seconds of the processor for files of ten entries: an account's report, and then its statement."""
    store.ledger.append(_small(day, REPORT, f"{day}-first"))
    start = process_time()
    for number in range(count):
        day += timedelta(days=number % 2 == 0)
        store.ledger.append(_small(day, (STATEMENT, REPORT)[number % 2 == 0], f"{day}-{number}"))
    return process_time() - start


def _small(day: date, kind: str, source: str) -> StatementTables:
    numbers = np.arange(10) + day.toordinal() * 10
    return _tables(numbers, np.full(10, (day - _FIRST).days), np.full(10, 3), kind, source)


_SECOND = """
import sys
from datetime import date, timedelta
from pathlib import Path
from electra_kernel.store import Store
from electra_kernel.vocabulary.dates import system_clock
from tests.bench import ledger
day = date.fromisoformat(sys.argv[3])
with Store.open(Path(sys.argv[1]), system_clock) as store:
    ledger._small_appends(store, 0, day)
    print("ready", flush=True)
    sys.stdin.readline()
    ledger._small_appends(store, int(sys.argv[2]), day)
"""


def _two_at_once(folder: Path, count: int, name: str) -> Result:
    """The seconds of two processes that append at once, beside those of one of them alone."""
    alone = _processes(folder, count, [1])
    return Result(
        f"{name}, two processes, {count} small appends each", _processes(folder, count, [2, 3]), "one", alone, "≤ 2"
    )


def _processes(folder: Path, count: int, numbers: list[int]) -> float:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _SECOND, str(folder), str(count), str(_day(_FILES) + timedelta(days=1000 * number))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in numbers
    ]
    for process in running:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise AssertionError("a process did not open the ledger")
    start = perf_counter()
    for process in running:
        _go(process)
    if any(process.wait() for process in running):
        raise AssertionError("a process could not append")
    return perf_counter() - start


def _go(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.write("go\n")
        process.stdin.flush()


def _day(file: int) -> date:
    return _FIRST + timedelta(days=file * _DAYS // _FILES)


def _account(number: int) -> str:
    return f"HU42117730161111101800{number:06d}"


def _file(number: int, count: int, *, step: int = 0) -> StatementTables:
    """All that the banks told in one of the periods: notifications first, then reports, then statements of the same."""
    firm = int(count * _SHARES[0][1])
    begin = _day(number).toordinal() - _FIRST.toordinal() if not step else _DAYS + number % 300
    span = max(1, _DAYS // _FILES) if not step else 1
    parts, made = [], 0
    for kind, share in reversed(_SHARES):
        rows = int(count * share)
        numbers = np.arange(rows) % firm + number * 10_000_000
        days = begin + (np.arange(rows) % firm) * span // firm
        parts.append(_tables(numbers, days, (np.arange(rows) % firm) % _ACCOUNTS, kind, f"{kind}-{number}"))
        made += rows
    return StatementTables(*(pa.concat_tables([getattr(each, name) for each in parts]) for name in _PARTS))


def _tables(numbers: Any, days: Any, owners: Any, kind: str, source: str) -> StatementTables:
    """Entries with these numbers: the same number is the same booking, whoever tells it; a tenth are batches of two."""
    count = len(numbers)
    prefix = "" if kind == STATEMENT else f"{kind}-"
    cents = pa.array((numbers * 7919) % 10_000_000 - 5_000_000)
    dates = pa.array((days + (_FIRST - date(1970, 1, 1)).days).astype("int32")).cast(pa.date32())
    accounts = pa.array([_account(number) for number in range(_ACCOUNTS)]).take(pa.array(owners))
    text = pc.binary_join_element_wise(pa.scalar("invoice"), pc.cast(cents, pa.string()), " ")
    said = pc.binary_join_element_wise(pc.cast(accounts, pa.string()), pc.cast(dates, pa.string()), "/")
    batches = (numbers % 10 == 0) & (kind != STATEMENT)
    given = {
        "entry_id": pa.array([f"{prefix}{n * 0x9E3779B97F4A7C15 % 2**64:016x}{n:016x}" for n in numbers.tolist()]),
        "account": accounts,
        "currency": pa.array(["HUF"] * count),
        "statement": said,
        "booking_date": dates,
        "value_date": dates,
        "status": pa.array(["BOOK"] * count),
        "amount": pc.cast(pc.multiply(pc.cast(cents, pa.decimal128(19, 0)), _CENT), AMOUNT),
        "bank_reference": pa.array([f"B{n}" for n in numbers.tolist()]),
        "remittance": text,
        "counterparty_name": text,
        "details": pa.array(np.where(batches, 2, 0).astype("int32")),
        "source": pa.array([source] * count),
        "position": pa.array(np.arange(count)),
    }
    entries = _filled(ENTRIES, given, count)
    inside = entries.filter(pa.array(batches))
    details = pa.concat_tables(
        [
            _filled(DETAILS, {**{name: inside[name] for name in ("entry_id", "amount", "source")},
                              "detail": pa.array(np.full(inside.num_rows, number, "int32"))}, inside.num_rows)
            for number in range(2)
        ]
    )  # fmt: skip
    return StatementTables(entries, details, *_told(entries, kind, source))


def _told(entries: pa.Table, kind: str, source: str) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Balances, problems and statements: one a day and account."""
    days = entries.group_by(["account", "booking_date", "statement"]).aggregate(
        [("amount", "sum"), ("amount", "count")]
    )
    count, hour = days.num_rows, {NOTIFICATION: 8, REPORT: 12, STATEMENT: 22}[kind]
    made = pc.add(pc.cast(days["booking_date"], pa.timestamp("us", "UTC")), pa.scalar(timedelta(hours=hour)))
    statements = {
        **{name: days[name] for name in ("statement", "account")},
        "currency": pa.array(["HUF"] * count),
        "kind": pa.array([kind] * count),
        "from_date": days["booking_date"],
        "to_date": days["booking_date"],
        "created": made,
        "entries": pc.cast(days["amount_count"], pa.int64()),
        "source": pa.array([source] * count),
    }
    balances = {
        **{name: statements[name] for name in ("account", "currency", "statement")},
        "kind": pa.array(["CLBD"] * count),
        "date": days["booking_date"],
        "amount": pc.cast(days["amount_sum"], AMOUNT),
    }
    told = _filled(BALANCES, balances, count) if kind == STATEMENT else BALANCES.empty_table()
    return told, PROBLEMS.empty_table(), _filled(STATEMENTS, statements, count)


def _filled(schema: pa.Schema, given: dict[str, Any], count: int) -> pa.Table:
    columns = [
        given[field.name].cast(field.type) if field.name in given else pa.nulls(count, field.type) for field in schema
    ]
    return pa.table(columns, schema=schema)


if __name__ == "__main__":
    asked = [int(argument) for argument in sys.argv[1:]]
    for result in run(*asked):
        print(result, flush=True)
