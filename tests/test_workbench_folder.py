"""A folder of mixed files: each told by its content, one table of what was read, skipped, doubted and refused."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
import pytest

from electra_kernel import Workbench
from electra_kernel.cli.reading import read_files
from electra_kernel.statements.columns import StatementTables
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.text import escape
from electra_kernel.workbench import limits, readers, reading
from electra_kernel.workbench.importing import Import
from electra_kernel.workbench.reading import FileRead, Own
from electra_kernel.workbench.sources import found_in, sources

_MT940 = b":20:S1\r\n:25:12345/1\r\n:28C:1/1\r\n:60F:C260101EUR1000,00\r\n:61:2601020102D10,00NTRFA//B\r\n:86:x\r\n:62F:C260102EUR990,00\r\n-\r\n"
_FILES = {
    "a.txt": _MT940,
    "b.xml": b"Date,Amount,Balance,Currency,Account\n2026-01-31,1.00,1.00,EUR,X\n",
    "doubt.csv": b"Date,Amount,Currency,Account\n2026-01-31,1.00,EUR,Y\n",
    "pay.csv": b"Name;IBAN;Amount;Currency\nPartner;DE89370400440532013000;5,00;EUR\n",
    "photo.jpg": b"\xff\xd8\xff\xe0" + bytes(range(256)),
    "deep/copy.sta": _MT940,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in _FILES.items():
        file = tmp_path / "files" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path / "files"


def test_a_mixed_folder_ends_in_one_table_of_what_became_of_each_file(tmp_path: Path, folder: Path) -> None:
    wb = Workbench.open(tmp_path / "wb")
    table = wb.statements.read(folder).set_index("name")
    assert dict(table["outcome"]) == {
        "a.txt": "read",
        "b.xml": "read",
        "deep/copy.sta": "read",
        "doubt.csv": "doubtful",
        "pay.csv": "skipped",
        "photo.jpg": "refused",
    }
    assert dict(table["format"])["a.txt"] == "mt940"
    assert "holds no statements" in str(table.loc["pay.csv", "reason"])
    assert "credits" in str(table.loc["doubt.csv", "reason"])
    assert (table["new"].sum(), len(wb.statements.entries())) == (3, 3)
    assert set(wb.statements.problems()["source"]) >= {table.loc["photo.jpg", "source"]}
    assert table.loc["pay.csv", "source"] not in set(wb.statements.problems()["source"])


def test_a_folder_put_into_the_ledger_in_several_goes_is_the_same_as_in_one(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "more.sta").write_bytes(statement(7))
    tables, entries = [], []
    # A file of few rows weighs something too: thousands of them are not held until the end.
    for name, held in (("one", limits.LIMITS.append_bytes), ("several", 60_000), ("each", 1)):
        monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, append_bytes=held))
        wb = Workbench.open(tmp_path / name)
        tables.append(wb.statements.read(folder))
        entries.append(wb.statements.entries())
        appended = len(list((tmp_path / name / "ledger" / "entries" / "_delta_log").glob("*.json")))
        assert (appended > 2) == (name != "one"), name
    for table, rows in zip(tables[1:], entries[1:], strict=True):
        pd.testing.assert_frame_equal(table, tables[0])
        pd.testing.assert_frame_equal(rows, entries[0])


def test_the_shell_reads_folders_and_tells_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_files([folder], folder.parent / "all.csv") == 1
    out = capsys.readouterr().out
    assert "5 rows in" in out
    assert all(word in out for word in ("doubtful", "refused", "mt940", "photo.jpg"))


def test_many_files_are_archived_together_and_each_once_under_its_first_name(tmp_path: Path) -> None:
    store = Workbench.open(tmp_path / "wb").store
    files = [("a", b"1"), ("b", b"2"), ("c", b"1")]
    hashes = store.archive.put_many(files)
    assert hashes[0] == hashes[2] != hashes[1]
    assert sorted(each.name for each in store.archive.all()) == ["a", "b"]
    assert [store.archive.get(sha256) for sha256 in hashes] == [data for _, data in files]
    assert store.archive.put_many([]) == []


# ---------------------------------------------------------------------------------------------- several processes
@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is many is a matter of measure; here two files are, and two processes read them, a few at a time."""
    monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, reader_files=2, batch_files=3))
    monkeypatch.setattr(readers, "cores", lambda: 2)


def statement(number: int) -> bytes:
    return _MT940.replace(b":25:12345/1", b":25:12345/%d" % number)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def children() -> set[str]:
    """The processes that any thread of this one has started and that are still there."""
    found = set[str]()
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread ended meanwhile
            found.update(task.read_text().split())
    return found


def test_several_processes_read_a_folder_exactly_as_one_does(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {f"more/{number}.sta": statement(number) for number in range(20)})
    one = Workbench.open(tmp_path / "one")
    alone = one.statements.read(folder)
    monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, reader_files=2, batch_files=3))
    monkeypatch.setattr(readers, "cores", lambda: 2)
    two = Workbench.open(tmp_path / "two")
    pd.testing.assert_frame_equal(two.statements.read(folder), alone)
    for name in ("entries", "balances", "problems", "details"):
        held, said = (getattr(each.statements, name)() for each in (two, one))
        pd.testing.assert_frame_equal(held, said, check_like=True)


@pytest.mark.usefixtures("several")
def test_where_no_process_can_be_started_the_files_are_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "_COMMAND", ("-c", "raise SystemExit(3)"))
    files = write(tmp_path / "files", {f"{number}.sta": statement(number) for number in range(9)})
    assert set(Workbench.open(tmp_path / "wb").statements.read(files)["outcome"]) == {"read"}


@pytest.mark.usefixtures("several")
def test_an_import_that_is_interrupted_leaves_no_process_and_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write(tmp_path / "files", {f"{number}.sta": statement(number) for number in range(40)})
    wb, before, steps = Workbench.open(tmp_path / "wb"), children(), iter(range(8))

    def interrupted() -> None:
        if next(steps, None) is None:
            assert children() - before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Import(wb.store, interrupted).take(sources(found_in(files)), count=40)
    assert children() <= before
    assert len(wb.statements.entries()) == 0
    monkeypatch.setattr(readers, "cores", lambda: 1)
    assert wb.statements.read(files)["new"].sum() == 40


def test_what_was_read_goes_from_process_to_process_whole() -> None:
    results = [reading.read_one(data, name, Own()) for name, data in _FILES.items()]
    assert {each.name for each in fields(StatementTables)} == set(reading._SCHEMAS)
    for there, here in zip(reading.unpack_read(reading.pack_read(results).to_pybytes()), results, strict=True):
        assert (there.format, there.refusal) == (here.format, here.refusal)
        for name in reading._SCHEMAS if here.tables else ():
            assert getattr(there.tables, name).equals(getattr(here.tables, name))
    files = list(_FILES.items())
    assert reading.unpack_files(reading.pack_files(files).to_pybytes()) == files
    cut = io.BytesIO(b"A" + (99).to_bytes(8, "big") + b"half")
    assert reading.receive(cut) is None


def test_a_fault_of_a_reader_is_a_row_and_loses_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(reading.formats, "tables_by", fails)
    result = reading.read_one(_MT940, "a", Own())
    assert result == FileRead("mt940", refusal=result.refusal)
    assert result.refusal is not None
    assert "ZeroDivisionError" in result.refusal.text


# ------------------------------------------------------------------------------------- archives, links, devices
def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as container:
        for name, data in files.items():
            container.writestr(name, data)
    return packed.getvalue()


def test_zip_archives_are_read_member_by_member_also_inside_one_another_and_kept_as_they_came(tmp_path: Path) -> None:
    inner = _zip({"c.sta": statement(3), "pay.csv": _FILES["pay.csv"]})
    whole = _zip({"a.sta": statement(1), "b/b.sta": statement(2), "in.zip": inner, "__MACOSX/._a": b"x", "e.sta": b""})
    files = write(tmp_path / "files", {"day.zip": whole, "d.sta": statement(4)})
    wb = Workbench.open(tmp_path / "wb")
    table = wb.statements.read(files).set_index("name")
    assert table["outcome"].to_dict() == {
        "d.sta": "read",
        "day.zip/a.sta": "read",
        "day.zip/b/b.sta": "read",
        "day.zip/in.zip/c.sta": "read",
        "day.zip/in.zip/pay.csv": "skipped",
        "day.zip/e.sta": "refused",
    }
    assert wb.store.archive.get(wb.store.archive.hash(whole)) == whole
    assert wb.store.archive.get(str(table.loc["day.zip/b/b.sta", "source"])) == statement(2)
    assert wb.statements.read(files / "day.zip")["new"].sum() == 0
    assert read_files([files / "day.zip"], tmp_path / "all.csv") == 1


def test_archives_that_are_damaged_locked_empty_or_bombs_are_refused_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, container_least=10_000, container_files=20))
    good = _zip({"a.sta": statement(1), "b.sta": statement(2)})
    locked = bytearray(good)
    for mark in (b"PK\x01\x02", b"PK\x03\x04"):
        locked[locked.index(mark) + (8 if mark[2] == 1 else 6)] |= 1
    deep = good
    for _ in range(5):
        deep = _zip({"in.zip": deep})
    files = {
        "cut.zip": good[:-30],
        "locked.zip": bytes(locked),
        "empty.zip": _zip({}),
        "bomb.zip": _zip({"zeros": bytes(20_000_000)}),
        "many.zip": _zip({str(number): b"x" for number in range(21)}),
        "deep.zip": deep,
        "wrong.zip": good.replace(b"PK\x01\x02", b"PK\x01\x00"),
    }
    table = Workbench.open(tmp_path / "wb").statements.read(write(tmp_path / "files", files)).set_index("name")
    reasons = table[table["outcome"] == "refused"]["reason"].to_dict()
    assert set(reasons) == {
        *("cut.zip", "locked.zip/a.sta", "empty.zip", "bomb.zip", "many.zip", "wrong.zip"),
        "deep.zip/in.zip/in.zip",
    }
    assert "password" in reasons["locked.zip/a.sta"]
    assert "more than any bank" in reasons["bomb.zip"]
    assert "more than any bank" in reasons["many.zip"]
    assert table["entries"].sum() == 1


def test_gzip_holds_one_file_which_is_read_also_in_archives_and_kept_as_it_came(tmp_path: Path) -> None:
    packed = gzip.compress(statement(1))
    two = gzip.compress(statement(3)[:50]) + gzip.compress(statement(3)[50:])
    files = {
        "a.sta.gz": packed,
        "day.zip": _zip({"b.sta.GZ": gzip.compress(statement(2)), "pay.gz": gzip.compress(_FILES["pay.csv"])}),
        "two.gz": two,
        "in.gz": gzip.compress(_zip({"d.sta": statement(4)})),
    }
    wb = Workbench.open(tmp_path / "wb")
    table = wb.statements.read(write(tmp_path / "files", files)).set_index("name")
    assert table["outcome"].to_dict() == {
        "a.sta.gz/a.sta": "read",
        "day.zip/b.sta.GZ/b.sta": "read",
        "day.zip/pay.gz/pay": "skipped",
        "two.gz/two": "read",
        "in.gz/in/d.sta": "read",
    }
    assert wb.store.archive.get(wb.store.archive.hash(packed)) == packed
    assert str(table.loc["a.sta.gz/a.sta", "source"]) == wb.store.archive.hash(statement(1))
    assert read_files([tmp_path / "files/a.sta.gz"], tmp_path / "all.csv") == 0


def test_gzip_that_is_cut_damaged_or_a_bomb_is_refused_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, container_least=10_000, container_ratio=20))
    good = gzip.compress(statement(1))
    bomb = gzip.compress(bytes(20_000_000))
    files = {
        "cut.gz": good[:-5],
        "head.gz": good[:6],
        "sum.gz": good[:-8] + bytes(8),
        "bomb.gz": bomb,
        "lies.gz": bomb[:-4] + (5).to_bytes(4, "little"),
        "tail.gz": good + b"more",
        "deep.gz": gzip.compress(gzip.compress(gzip.compress(good))),
    }
    table = Workbench.open(tmp_path / "wb").statements.read(write(tmp_path / "files", files)).set_index("name")
    reasons = table[table["outcome"] == "refused"]["reason"].to_dict()
    assert set(reasons) == {"cut.gz", "head.gz", "sum.gz", "bomb.gz", "lies.gz", "tail.gz", "deep.gz/deep/deep"}
    assert "more than any bank" in reasons["bomb.gz"]
    assert "more than any bank" in reasons["lies.gz"]
    assert "gzip file cannot be unpacked" in reasons["cut.gz"]


def test_an_order_is_made_of_a_packed_file_and_found_by_it_and_several_files_are_not_one(tmp_path: Path) -> None:
    wb = Workbench.open(tmp_path / "wb")
    sheet = gzip.compress(_FILES["pay.csv"])
    files = write(
        tmp_path / "files",
        {"pay.csv.gz": sheet, "one.zip": _zip({"pay.csv": _FILES["pay.csv"]}), "two.zip": _zip({"a": b"1", "b": b"2"})},
    )
    for name in ("pay.csv.gz", "one.zip"):
        order = wb.orders.read(files / name, debtor="HU42117730161111101800000000", debtor_name="Electra Kft.")
        found = wb.orders.find(files / name)
        assert found is not None
        assert found.id == order.id
    with pytest.raises(UnreadableFile, match="2 files"):
        wb.orders.read(files / "two.zip", debtor="HU42117730161111101800000000")


def test_large_members_of_archives_are_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.test_formats_camt053 import _entry, _file

    monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, large=500, piece=700))
    data = _file(_entry() * 9, closing="190.00")
    files = write(tmp_path / "files", {"day.zip": _zip({"large.xml": data, "small.sta": statement(1)})})
    wb = Workbench.open(tmp_path / "wb")
    table = wb.statements.read(files).set_index("name")
    assert table["entries"].to_dict() == {"day.zip/large.xml": 9, "day.zip/small.sta": 1}
    assert wb.store.archive.get(str(table.loc["day.zip/large.xml", "source"])) == data


def test_links_pipes_and_files_that_are_gone_are_told_and_nothing_waits_for_them(tmp_path: Path) -> None:
    files = write(tmp_path / "files", {"a.sta": statement(1), ".hidden/b.sta": b"", "~$lock.xlsx": b"x"})
    os.mkfifo(files / "pipe")
    for name, target in {"link.sta": "a.sta", "gone.sta": "nowhere", "zero": "/dev/zero", "loop": "."}.items():
        (files / name).symlink_to(target)
    table = Workbench.open(tmp_path / "wb").statements.read(files).set_index("name")
    assert table["outcome"].to_dict() == {
        "a.sta": "read",
        "gone.sta": "refused",
        "link.sta": "read",
        "loop": "skipped",
        "pipe": "skipped",
        "zero": "skipped",
    }
    assert table["new"].sum() == 1
    assert "link to a folder" in str(table.loc["loop", "reason"])


def test_of_many_files_those_to_look_at_come_first_with_every_reason_in_full_and_all_are_counted(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, {f"more/{number}.sta": statement(number) for number in range(60)})
    write(folder, {"<b>.csv": b"Date,Amount,Currency,Account\n2026-01-31,1.00,EUR,Y\n"})
    table = Workbench.open(tmp_path / "wb").statements.read(folder)
    html = table._repr_html_()
    assert "67 files: 63 read, 2 doubtful, 1 skipped, 1 refused; 65 entries. Shown: 4" in html
    assert html.index("photo.jpg") < html.index("pay.csv") < html.index("doubt.csv")
    assert "&lt;b&gt;.csv" in html
    assert "more/7.sta" not in html
    assert max(table["reason"].map(len)) > 60
    assert all(escape(reason) in html for reason in table["reason"])
    capsys.readouterr()
    assert read_files([folder], None) == 1
    told = capsys.readouterr()
    assert "67 files: 64 read, 2 doubtful, 1 refused" in told.out
    assert "more/7.sta" not in told.out
    assert len(told.err.splitlines()) < 5


def test_more_rows_than_fit_a_screen_are_counted_and_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"2026-01-05;{number},50;{number};EUR;DE01;B{number}\n" for number in range(1, 251))
    head = "Booking date;Amount;Text;Currency;Account;Transaction ID\n"
    files = write(tmp_path, {"long.csv": (head + rows).encode()})
    read_files([files / "long.csv"], None)
    out = capsys.readouterr().out
    assert "the first 200 of 250 rows" in out
