"""Opening a workbench: what is made, what is refused, and that several processes may do so at once."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from electra_kernel.store import Busy, Store
from electra_kernel.store.database import DamagedDatabase, Database, NewerWorkbench, _configuration
from electra_kernel.store.keys import KeyExists, NoSuchKey
from electra_kernel.store.settings import BadSettings
from electra_kernel.store.store import NotAWorkbench
from electra_kernel.store.tables import SCHEMA_VERSION, metadata
from electra_kernel.vocabulary.dates import system_clock
from tests.processes import finish, start


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_workbench_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Store.open(tmp_path / "deep" / "treasury", system_clock) as store:
            store.keys.put("signature", b"secret")
            store.journal.append("workbench", "opened")
            sha = store.archive.put(b"bytes", name="file")
            folder = store.folder
            files = [
                "electra.db",
                "electra.db-wal",
                "electra.toml",
                "keys/signature.key",
                f"archive/{sha[:2]}/{sha[2:]}",
            ]
            assert {name: _mode(folder / name) for name in files} == dict.fromkeys(files, 0o600)
            folders = [".", "ledger", "archive", "keys", "locks", f"archive/{sha[:2]}"]
            assert {name: _mode(folder / name) for name in folders} == dict.fromkeys(folders, 0o700)
    finally:
        os.umask(before)


def test_the_settings_are_written_with_their_defaults_and_read_back(tmp_path: Path) -> None:
    name = 'A "quoted" name with ékezet and 😀'
    with Store.open(tmp_path / name, system_clock) as store:
        assert store.settings.edition == "standard"
        assert store.settings.name == name.replace("😀", "?")
    (tmp_path / name / "electra.toml").write_text('edition = "xl"\nholder = "Kft."\n')
    with Store.open(tmp_path / name, system_clock) as store:
        assert (store.settings.name, store.settings.edition) == (name, "xl")
        assert store.settings.more == {"holder": "Kft."}


@pytest.mark.parametrize(
    ("text", "word"),
    [("edition =\n", "line 1"), ('edition = "huge"', "light, standard, xl"), ("name = 3", "text in quotes")],
)
def test_settings_that_mean_nothing_are_refused_with_their_place(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "electra.toml").write_text(text)
    with pytest.raises(BadSettings, match=word) as caught:
        Store.open(tmp_path, system_clock)
    assert caught.value.where.endswith("electra.toml")


def test_a_file_is_no_workbench(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotAWorkbench, match="this is a file"):
        Store.open(tmp_path / "file", system_clock)
    with pytest.raises(NotAWorkbench, match="cannot be made"):
        Store.open(tmp_path / "file" / "below", system_clock)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(NotAWorkbench, match="cannot be made or written"):
        Store.open(tmp_path / "below", system_clock)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder here that refuses even the superuser")
def test_a_folder_in_which_nobody_may_write_is_refused() -> None:
    for folder in ("/proc/treasury", "/proc/self"):
        with pytest.raises(NotAWorkbench, match="cannot be made or written"):
            Store.open(folder, system_clock)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    Store.open(tmp_path, system_clock).close()
    with sqlite3.connect(tmp_path / "electra.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(NewerWorkbench, match="9999"):
        Store.open(tmp_path, system_clock)


@pytest.mark.parametrize("place", [0, 4096, 8192])
def test_a_damaged_database_is_refused(tmp_path: Path, place: int) -> None:
    Store.open(tmp_path, system_clock).close()
    with (tmp_path / "electra.db").open("r+b") as file:
        file.seek(place)
        file.write(b"\xa5" * 2048)
    with pytest.raises(DamagedDatabase, match="backup"):
        Store.open(tmp_path, system_clock)


def test_two_processes_open_a_new_workbench_at_once(tmp_path: Path) -> None:
    code = """
while not (folder.parent / "go").exists():
    pass
with Store.open(folder, system_clock) as store:
    store.journal.append("process", "opened", {"pid": os.getpid()})
"""
    processes = [start(code, tmp_path / "treasury") for _ in range(3)]
    (tmp_path / "go").touch()
    for process in processes:
        finish(process)
    with Store.open(tmp_path / "treasury", system_clock) as store:
        assert {event.data["pid"] for event in store.journal.events()} == {process.pid for process in processes}
        store.journal.verify()


def test_the_migrations_make_exactly_the_tables_of_this_version(tmp_path: Path) -> None:
    database = Database.in_file(tmp_path / "electra.db")
    database.migrate()
    assert ScriptDirectory.from_config(_configuration()).get_current_head() == SCHEMA_VERSION
    seen = inspect(database.engine)
    made = {
        (table, column["name"], column["nullable"])
        for table in set(seen.get_table_names()) - {"alembic_version"}
        for column in seen.get_columns(table)
    }
    meant = {
        (table.name, column.name, column.nullable) for table in metadata.tables.values() for column in table.columns
    }
    assert made == meant
    for table in metadata.tables.values():
        assert {index["name"] for index in seen.get_indexes(table.name)} == {index.name for index in table.indexes}
        assert len(seen.get_foreign_keys(table.name)) == len(table.foreign_keys)
    database.close()


def test_a_lock_is_held_by_one_process_and_busy_says_who_has_it(tmp_path: Path) -> None:
    code = """
with Store.open(folder, system_clock) as store, store.lock("connection/house bank", purpose="sending order 2026-0001"):
    print("held", flush=True)
    time.sleep(60)
"""
    holder = start(code, tmp_path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with Store.open(tmp_path, system_clock) as store:
        with pytest.raises(Busy) as caught, store.lock("connection/house bank", wait=0):
            pass
        assert f"process {holder.pid} " in str(caught.value)
        assert "sending order 2026-0001" in str(caught.value)
        assert "Repair" in str(caught.value)
        with store.lock("another", wait=0):
            pass
        holder.kill()
        holder.communicate()
        with store.lock("connection/house bank", wait=5):
            pass


def test_a_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        with pytest.raises(ZeroDivisionError), store.lock("work"):
            1 / 0  # noqa: B018
        with store.lock("work", wait=0), pytest.raises(Busy), store.lock("work", wait=0):
            pass


def test_keys_keep_their_bytes_and_their_place_whatever_their_name(tmp_path: Path) -> None:
    with Store.open(tmp_path / "treasury", system_clock) as store:
        names = ["../escape", "house bank-signature", "..", ".hidden", "é", "a%2Fb"]
        for name in names:
            store.keys.put(name, name.encode())
        assert store.keys.names() == sorted(names)
        assert [store.keys.get(name) for name in names] == [name.encode() for name in names]
        assert [path.name for path in tmp_path.iterdir()] == ["treasury"]
        assert len(list((tmp_path / "treasury" / "keys").iterdir())) == len(names)
        with pytest.raises(KeyExists):
            store.keys.put("é", b"other")
        store.keys.put("é", b"other", replace=True)
        assert store.keys.get("é") == b"other"
        with pytest.raises(NoSuchKey, match="nothing"):
            store.keys.get("nothing")


def test_connections_of_an_older_workbench_are_kept_with_the_forms_their_keys_had(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        store.connections.add("old", url="https://bank.example", host="H", partner="P", user="U")
    with sqlite3.connect(tmp_path / "electra.db") as connection:
        for column in ("certified", "issuers"):
            connection.execute(f"ALTER TABLE connections DROP COLUMN {column}")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    with Store.open(tmp_path, system_clock) as store:
        record = store.connections.get("old")
        assert (record.protocol, record.certified, record.issuers) == ("H005", False, ())
        assert store.connections.update("old", certified=True, issuers=(b"one", b"two")) == store.connections.get("old")
