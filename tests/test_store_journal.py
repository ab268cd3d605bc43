"""The journal only grows, and any change of any row is found."""

from __future__ import annotations

import sqlite3
import tempfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from electra_kernel.store import JournalBroken, Store
from electra_kernel.store.database import Database
from electra_kernel.store.journal import Journal, chain_hash
from electra_kernel.vocabulary.dates import system_clock
from tests.processes import finish, start

_COLUMNS = ("number", "at", "subject", "kind", "data", "previous", "hash")


def _journal(folder: Path, rows: int = 0) -> tuple[Journal, Database]:
    database = Database.in_file(folder / "electra.db")
    database.migrate()
    moments = iter(datetime(2026, 1, 31, tzinfo=UTC) + timedelta(seconds=second) for second in range(1000))
    journal = Journal(database, lambda: next(moments))
    for row in range(rows):
        journal.append(f"order:{row % 2}", "signed", {"row": row})
    return journal, database


def _tamper(folder: Path, *statements: tuple[str, tuple[Any, ...]]) -> None:
    """Change the file as somebody would who takes the guards away first."""
    connection = sqlite3.connect(folder / "electra.db")
    with connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement, values in statements:
            connection.execute(statement, values)
    connection.close()


def test_events_come_back_as_they_were_given(tmp_path: Path) -> None:
    journal, database = _journal(tmp_path)
    data = {"amount": Decimal("10.50"), "on": date(2026, 1, 2), "lines": [1, None, True], "text": "árvíz\x00😀"}
    written = journal.append("order:1", "created", data)
    journal.append("order:2", "created")
    assert journal.events("order:1") == [written]
    assert written.data == {"amount": "10.50", "on": "2026-01-02", "lines": [1, None, True], "text": "árvíz\x00😀"}
    assert [event.number for event in journal.events(kind="created")] == [1, 2]
    assert journal.head() == (2, journal.events()[-1].hash)
    journal.verify()
    database.close()


@pytest.mark.parametrize("value", [0.1, {"deep": [1.0]}, b"bytes", {1: "number"}, float("nan")])
def test_a_value_without_an_exact_word_is_refused_and_nothing_is_written(tmp_path: Path, value: object) -> None:
    journal, database = _journal(tmp_path)
    with pytest.raises(TypeError, match="the journal takes"):
        journal.append("order:1", "created", {"value": value})
    assert journal.events() == []
    database.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE journal SET kind = 'x'", "DELETE FROM journal WHERE number = 2", "DELETE FROM journal_head"]
)
def test_the_database_itself_refuses_to_change_the_journal(tmp_path: Path, statement: str) -> None:
    _journal(tmp_path, 3)[1].close()
    connection = sqlite3.connect(tmp_path / "electra.db")
    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        connection.execute(statement)
    connection.close()


def _rows(folder: Path) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / "electra.db")
    rows = connection.execute("SELECT * FROM journal ORDER BY number").fetchall()
    connection.close()
    return rows


@settings(max_examples=40, deadline=None)
@given(
    row=st.integers(1, 5),
    column=st.sampled_from(_COLUMNS[1:]),
    value=st.one_of(st.text(max_size=8), st.integers(-9, 9), st.binary(max_size=4)),
)
def test_any_altered_value_is_found_and_its_row_named(row: int, column: str, value: object) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal, database = _journal(folder, 5)
        before = _rows(folder)
        _tamper(folder, (f"UPDATE journal SET {column} = ? WHERE number = ?", (value, row)))
        assume(_rows(folder) != before)
        with pytest.raises(JournalBroken) as caught:
            journal.verify()
        assert caught.value.number == row
        database.close()


@pytest.mark.parametrize("row", [1, 3, 5])
def test_a_removed_row_is_found_and_named_even_the_last(tmp_path: Path, row: int) -> None:
    journal, database = _journal(tmp_path, 5)
    _tamper(tmp_path, ("DELETE FROM journal WHERE number = ?", (row,)))
    with pytest.raises(JournalBroken, match=f"row {row}") as caught:
        journal.verify()
    assert caught.value.number == row
    database.close()


def test_two_rows_in_each_others_place_are_found(tmp_path: Path) -> None:
    journal, database = _journal(tmp_path, 5)
    moves = [("UPDATE journal SET number = ? WHERE number = ?", pair) for pair in ((99, 2), (2, 4), (4, 99))]
    _tamper(tmp_path, *moves)
    with pytest.raises(JournalBroken) as caught:
        journal.verify()
    assert caught.value.number == 2
    database.close()


@pytest.mark.parametrize("row", [1, 3, 5])
def test_a_row_altered_together_with_its_hash_is_found_and_named(tmp_path: Path, row: int) -> None:
    journal, database = _journal(tmp_path, 5)
    connection = sqlite3.connect(tmp_path / "electra.db")
    values = connection.execute("SELECT * FROM journal WHERE number = ?", (row,)).fetchone()
    connection.close()
    forged = {**dict(zip(_COLUMNS, values, strict=True)), "kind": "cancelled"}
    _tamper(
        tmp_path,
        ("UPDATE journal SET kind = ?, hash = ? WHERE number = ?", (forged["kind"], chain_hash(forged), row)),
    )
    with pytest.raises(JournalBroken) as caught:
        journal.verify()
    assert caught.value.number == row
    database.close()


def test_a_row_put_behind_the_end_is_found(tmp_path: Path) -> None:
    journal, database = _journal(tmp_path, 2)
    _, last = journal.head()
    row = dict(zip(_COLUMNS[:-1], (3, "2026-01-31T00:00:00.000000+00:00", "order:1", "x", "{}", last), strict=True))
    _tamper(tmp_path, ("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", (*row.values(), chain_hash(row))))
    with pytest.raises(JournalBroken) as caught:
        journal.verify()
    assert caught.value.number == 3
    database.close()


def test_several_processes_append_to_one_chain(tmp_path: Path) -> None:
    code = """
with Store.open(folder, system_clock) as store:
    for turn in range(60):
        store.journal.append(f"process:{sys.argv[2]}", "turn", {"turn": turn})
"""
    Store.open(tmp_path, system_clock).close()
    for process in [start(code, tmp_path, name) for name in "abc"]:
        finish(process)
    with Store.open(tmp_path, system_clock) as store:
        store.journal.verify()
        assert [event.number for event in store.journal.events()] == list(range(1, 181))
        for name in "abc":
            assert [event.data["turn"] for event in store.journal.events(f"process:{name}")] == list(range(60))
