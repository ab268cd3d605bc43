"""A folder of mixed files: each told by its content, one table of what was read, skipped, doubted and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from electra_kernel import Workbench
from electra_kernel.cli.files import read_files

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
        "copy.sta": "read",
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
