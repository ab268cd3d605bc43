"""The ledger takes each row once, exactly, whatever dies in between."""

from __future__ import annotations

import shutil
import signal
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS, StatementTables
from electra_kernel.store import Store, ledger_tables
from electra_kernel.store.ledger import Appended, DamagedLedger, Ledger
from electra_kernel.store.locks import Locks
from electra_kernel.vocabulary.dates import system_clock
from tests.processes import finish, start

_CENTS = st.decimals(Decimal("-9999999999999"), Decimal("9999999999999"), places=5)


def make_tables(first: int, last: int, source: str = "file") -> StatementTables:
    """One file with the entries first … last-1, each with two details, a balance an entry and one problem."""
    numbers = range(first, last)
    entries = [
        {"entry_id": f"{n:064x}", "account": "HU42", "currency": "HUF", "booking_date": date(2026, 1 + n % 12, 1)}
        | {"amount": Decimal(n) + Decimal("0.10000"), "details": 2, "source": source}
        for n in numbers
    ]
    details = [{"entry_id": f"{n:064x}", "detail": d, "amount": Decimal("0.05000")} for n in numbers for d in (0, 1)]
    balances = [{"account": "HU42", "statement": str(n), "kind": "CLBD", "amount": Decimal(n)} for n in numbers]
    problems = [{"source": source, "field": "Amt", "rule": "r", "text": "words", "severity": "warning"}]
    return StatementTables(
        pa.Table.from_pylist(entries, schema=ENTRIES),
        pa.Table.from_pylist(details, schema=DETAILS),
        pa.Table.from_pylist(balances, schema=BALANCES),
        pa.Table.from_pylist(problems, schema=PROBLEMS),
    )


def _ledger(folder: Path) -> Ledger:
    return Ledger(folder / "ledger", Locks(folder / "locks", system_clock))


def _sizes(ledger: Ledger) -> tuple[int, ...]:
    tables = (ledger.entries(), ledger.details(), ledger.balances(), ledger.problems())
    return tuple(int(table.count().execute()) for table in tables)


def _files(folder: Path) -> list[ledger_tables.File]:
    layout = ledger_tables.LAYOUTS["entries"]
    return ledger_tables.files_of(ledger_tables.open_table(folder, "entries"), layout)


def test_an_empty_ledger_gives_empty_tables_with_the_ledgers_columns(tmp_path: Path) -> None:
    empty, full = _ledger(tmp_path / "empty"), _ledger(tmp_path / "full")
    full.append(make_tables(0, 1))
    assert _sizes(empty) == (0, 0, 0, 0)
    assert empty.entries().schema() == full.entries().schema()
    assert empty.problems().schema() == full.problems().schema()
    assert list(empty.entries().columns) == ENTRIES.names
    assert list(empty.details().columns) == DETAILS.names
    assert list(empty.balances().columns) == BALANCES.names
    assert empty.entries().join(empty.balances(), "account").count().execute() == 0


def test_the_same_file_twice_appends_nothing(tmp_path: Path) -> None:
    ledger, tables = _ledger(tmp_path), make_tables(0, 3)
    assert ledger.append(tables) == Appended(entries=3, details=6, balances=3, known=0)
    assert ledger.append(tables) == Appended(entries=0, details=0, balances=0, known=3)
    assert ledger.append(make_tables(2, 5)) == Appended(entries=2, details=4, balances=2, known=1)
    assert _sizes(ledger) == (5, 10, 5, 1)
    assert _sizes(_ledger(tmp_path)) == (5, 10, 5, 1)


def test_rows_that_come_twice_in_one_call_are_appended_once(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    assert ledger.append(make_tables(0, 2), make_tables(1, 3), make_tables(0, 2)).entries == 3
    assert _sizes(ledger) == (3, 6, 3, 1)


def test_rows_are_read_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    ledger, numbers = _ledger(tmp_path), [7, 3, 11, 5, 2, 13, 0]
    for number in numbers:
        ledger.append(make_tables(number, number + 1, source=f"{number}"))
    assert ledger.problems().source.to_pyarrow().to_pylist() == [f"{number}" for number in numbers]
    assert ledger.balances().statement.to_pyarrow().to_pylist() == [f"{number}" for number in numbers]
    assert ledger.details().detail.to_pyarrow().to_pylist() == [0, 1] * len(numbers)
    assert _ledger(tmp_path).entries().source.to_pyarrow().to_pylist() == [f"{number}" for number in numbers]


def test_absent_key_columns_are_equal_to_one_another(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    balances = pa.Table.from_pylist([{"amount": Decimal(1)}, {"kind": "", "amount": Decimal(2)}], schema=BALANCES)
    problems = pa.Table.from_pylist([{"rule": "r", "text": "one"}, {"rule": "r", "text": "two"}], schema=PROBLEMS)
    tables = StatementTables(ENTRIES.empty_table(), DETAILS.empty_table(), balances, problems)
    assert ledger.append(tables).balances == 2
    assert ledger.append(tables).balances == 0
    assert ledger.problems().text.to_pyarrow().to_pylist() == ["one"]


@settings(max_examples=15, deadline=None)
@given(amounts=st.lists(_CENTS, min_size=1, max_size=20))
def test_amounts_and_their_sums_are_exact(amounts: list[Decimal]) -> None:
    rows = [{"entry_id": f"{n:064x}", "account": "A", "amount": amount} for n, amount in enumerate(amounts)]
    entries = pa.Table.from_pylist(rows, schema=ENTRIES)
    with tempfile.TemporaryDirectory() as folder:
        ledger = _ledger(Path(folder))
        ledger.append(StatementTables(entries, DETAILS.empty_table(), BALANCES.empty_table(), PROBLEMS.empty_table()))
        table = ledger.entries()
        assert table.order_by("entry_id").to_pyarrow().cast(ENTRIES).equals(entries)
        total = table.group_by("account").agg(net=table.amount.sum()).to_pyarrow()
        assert total.schema.field("net").type == pa.decimal128(38, 5)
        assert total.column("net").to_pylist() == [sum(amounts)]


def test_an_amount_that_does_not_fit_is_refused_and_nothing_is_appended(tmp_path: Path) -> None:
    ledger, tables = _ledger(tmp_path), make_tables(0, 1)
    finer = pa.array([Decimal("0.000001")], pa.decimal128(18, 6))
    entries = tables.entries.set_column(ENTRIES.get_field_index("amount"), "amount", finer)
    with pytest.raises(ValueError, match=r"scal|truncat"):
        ledger.append(StatementTables(entries, tables.details, tables.balances, tables.problems))
    assert _sizes(ledger) == (0, 0, 0, 0)


def test_a_table_keeps_saying_what_it_said_while_the_ledger_grows(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    ledger.append(make_tables(0, 2))
    before = ledger.entries()
    ledger.append(make_tables(2, 5))
    assert before.count().execute() == 2
    assert ledger.entries().count().execute() == 5


def test_many_small_files_are_joined_and_tables_made_before_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_tables, "JOIN_AT", 4)
    ledger = _ledger(tmp_path)
    for turn in range(3):
        ledger.append(make_tables(turn, turn + 1))
    before = ledger.entries()
    ledger.append(make_tables(3, 4))
    assert len(_files(tmp_path / "ledger")) == 1
    assert before.count().execute() == 3
    assert sorted(ledger.entries().amount.to_pyarrow().to_pylist()) == [Decimal(f"{n}.10000") for n in range(4)]
    assert ledger.append(make_tables(0, 4)).known == 4


def _rows_written(folder: Path) -> int:
    return sum(pq.read_metadata(file).num_rows for file in (folder / "ledger" / "entries").glob("*.parquet"))


def test_every_row_is_joined_once_a_tier_however_many_small_files_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_tables, "JOIN_AT", 2)
    monkeypatch.setattr(ledger_tables, "TIERS", (2, 4))
    ledger = _ledger(tmp_path)
    for turn in range(9):
        ledger.append(make_tables(turn, turn + 1))
    assert sorted(file.rows for file in _files(tmp_path / "ledger")) == [1, 4, 4]
    assert _rows_written(tmp_path) == 8 * 3 + 1
    assert sorted(ledger.entries().amount.to_pyarrow().to_pylist()) == [Decimal(f"{n}.10000") for n in range(9)]


def test_two_ledgers_that_append_in_turn_follow_one_another(tmp_path: Path) -> None:
    ledgers = [_ledger(tmp_path), _ledger(tmp_path)]
    for turn in range(6):
        assert ledgers[turn % 2].append(make_tables(turn, turn + 2)).entries == (2 if turn == 0 else 1)
    for ledger in ledgers:
        assert _sizes(ledger) == (7, 14, 7, 1)


def test_a_ledger_that_was_put_back_from_a_backup_while_it_was_open_is_what_counts(tmp_path: Path) -> None:
    ledger, folder, backup = _ledger(tmp_path), tmp_path / "ledger", tmp_path / "backup"
    ledger.append(make_tables(0, 2))
    shutil.copytree(folder, backup)
    ledger.append(make_tables(2, 3))
    shutil.rmtree(folder)
    shutil.copytree(backup, folder)
    assert _sizes(ledger) == (2, 4, 2, 1)
    # As many appends as before, of something else.
    assert _ledger(tmp_path).append(make_tables(20, 21)).entries == 1
    assert ledger.append(make_tables(2, 5)).entries == 3
    amounts = sorted(ledger.entries().amount.to_pyarrow().to_pylist())
    assert amounts == [Decimal(f"{n}.10000") for n in (0, 1, 2, 3, 4, 20)]


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    ledger.append(make_tables(0, 1))
    for log in (tmp_path / "ledger" / "entries" / "_delta_log").glob("*.json"):
        log.write_text("{not json")
    with pytest.raises(DamagedLedger, match="entries"):
        ledger.entries()


_APPEND = """
from tests.test_store_ledger import make_tables
from electra_kernel.store import ledger_tables
"""

_DIE = (
    _APPEND
    + """
point, after = sys.argv[2], sys.argv[3] == "after"
commit = ledger_tables.Change.commit
def dying_commit(change):
    mine = change.layout.name == point
    if mine and not after:
        os._exit(9)
    version = commit(change)
    if mine:
        os._exit(9)
    return version
ledger_tables.Change.commit = dying_commit
with Store.open(folder, system_clock) as store:
    store.ledger.append(make_tables(0, 3))
"""
)


@pytest.mark.parametrize(
    ("table", "when"),
    [("entries", "before"), ("entries", "after"), ("details", "after"), ("balances", "before"), ("problems", "after")],
)
def test_a_death_between_tables_leaves_nothing_and_the_next_append_makes_the_ledger_whole(
    tmp_path: Path, table: str, when: str
) -> None:
    finish(start(_DIE, tmp_path, table, when), code=9)
    with Store.open(tmp_path, system_clock) as store:
        assert _sizes(store.ledger) == (0, 0, 0, 0)
        assert store.ledger.append(make_tables(0, 3)).entries == 3
        assert _sizes(store.ledger) == (3, 6, 3, 1)
        assert store.ledger.append(make_tables(0, 3)) == Appended(entries=0, details=0, balances=0, known=3)


def test_what_another_process_left_when_it_died_is_taken_back_by_one_that_had_the_ledger_open(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        store.ledger.append(make_tables(10, 12))
        finish(start(_DIE, tmp_path, "details", "before"), code=9)
        assert _sizes(store.ledger) == (2, 4, 2, 1)
        assert store.ledger.append(make_tables(0, 3)).entries == 3
        assert _sizes(store.ledger) == _sizes(_ledger(tmp_path)) == (5, 10, 5, 1)


def test_a_process_killed_in_the_middle_of_appends_leaves_each_entry_once(tmp_path: Path) -> None:
    code = (
        _APPEND
        + """
with Store.open(folder, system_clock) as store:
    print("ready", flush=True)
    for turn in range(1000):
        store.ledger.append(make_tables(turn, turn + 1))
"""
    )
    process = start(code, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    seen = tmp_path / "ledger" / "entries" / "_delta_log"
    while len(list(seen.glob("*.json"))) < 4:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with Store.open(tmp_path, system_clock) as store:
        store.ledger.append(*(make_tables(turn, turn + 1) for turn in range(40)))
        entries, details, balances, problems = _sizes(store.ledger)
        distinct: Any = store.ledger.entries().entry_id.nunique().execute()
        assert entries == distinct == balances >= 40
        assert (details, problems) == (2 * entries, 1)


def test_two_processes_append_at_once_and_each_entry_is_there_once(tmp_path: Path) -> None:
    code = (
        _APPEND
        + """
with Store.open(folder, system_clock) as store:
    new = [store.ledger.append(make_tables(turn, turn + 4)).entries for turn in range(int(sys.argv[2]), 9)]
    print(sum(new))
"""
    )
    Store.open(tmp_path, system_clock).close()
    new = [int(finish(process)) for process in [start(code, tmp_path, first) for first in (0, 3)]]
    with Store.open(tmp_path, system_clock) as store:
        assert _sizes(store.ledger) == (12, 24, 12, 1)
        assert sum(new) == 12


def test_a_balance_that_comes_again_with_another_amount_is_a_problem_and_not_taken(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        tables = make_tables(0, 2)
        assert store.ledger.append(tables, sources=["a" * 64]).conflicts == ()
        twice = tables.balances.set_column(
            5, BALANCES.field("amount"), pa.array([Decimal(7), Decimal(8)], BALANCES.field("amount").type)
        )
        other = StatementTables(tables.entries, tables.details, twice, PROBLEMS.empty_table())
        for expected_rows in (2, 2):
            appended = store.ledger.append(other, sources=["b" * 64])
            assert [each.rule for each in appended.conflicts] == ["balance-conflict"] * 2
            problems = store.ledger.problems().to_pyarrow().to_pylist()
            told = [row for row in problems if row["rule"] == "balance-conflict"]
            assert len(told) == expected_rows
            assert {row["source"] for row in told} == {"b" * 64}
        assert store.ledger.balances().to_pyarrow().column("amount").to_pylist() == [Decimal(0), Decimal(1)]
