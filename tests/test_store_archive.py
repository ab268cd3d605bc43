"""The archive keeps bytes as they came."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.store import Store
from electra_kernel.store.archive import ArchiveDamaged, NotInArchive
from electra_kernel.vocabulary.dates import system_clock
from tests.processes import finish, start


@settings(max_examples=25, deadline=None)
@given(data=st.binary(max_size=300))
def test_bytes_come_back_as_they_were_put(tmp_path: Path, data: bytes) -> None:
    with Store.open(tmp_path, system_clock) as store:
        sha = store.archive.put(data, name="file.xml", media_type="application/xml")
        assert sha == store.archive.hash(data) == hashlib.sha256(data).hexdigest()
        assert store.archive.get(sha) == data
        kept = store.archive.find(sha)
        assert kept is not None
        assert (kept.name, kept.media_type, kept.size) == ("file.xml", "application/xml", len(data))


def test_the_same_bytes_are_kept_once_under_their_first_name(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        sha = store.archive.put(b"same", name="first")
        path = tmp_path / "archive" / sha[:2] / sha[2:]
        written = path.stat()
        assert store.archive.put(b"same", name="second") == sha
        assert [file.name for file in store.archive.all()] == ["first"]
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_a_changed_or_missing_file_is_found(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        sha = store.archive.put(b"a statement", name="file")
        path = tmp_path / "archive" / sha[:2] / sha[2:]
        path.write_bytes(b"a Statement")
        with pytest.raises(ArchiveDamaged, match="no longer give the hash"):
            store.archive.get(sha)
        with pytest.raises(ArchiveDamaged):
            store.archive.put(b"a statement", name="file")
        assert path.read_bytes() == b"a Statement"
        path.unlink()
        with pytest.raises(ArchiveDamaged, match="gone"):
            store.archive.get(sha)
        assert store.archive.get(store.archive.put(b"a statement", name="file")) == b"a statement"


def test_what_was_never_archived_is_not_found(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        assert store.archive.find("ab" * 32) is None
        for name in ("ab" * 32, "../electra.toml", ""):
            with pytest.raises(NotInArchive):
                store.archive.get(name)


@pytest.mark.parametrize("point", ["os.fsync", "os.replace", "store._database.write"])
def test_a_process_that_dies_in_a_put_leaves_nothing_half_done(tmp_path: Path, point: str) -> None:
    code = """
with Store.open(folder, system_clock) as store:
    def die(*arguments):
        os._exit(9)
    if sys.argv[2].startswith("os."):
        setattr(os, sys.argv[2][3:], die)
    else:
        store.archive._database.write = die
    store.archive.put(b"the whole file", name="file")
"""
    finish(start(code, tmp_path, point), code=9)
    with Store.open(tmp_path, system_clock) as store:
        assert store.archive.all() == []
        sha = store.archive.put(b"the whole file", name="file")
        assert store.archive.get(sha) == b"the whole file"


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with Store.open(tmp_path, system_clock) as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="No space"):
                store.archive.put(b"data", name="file")
        assert [path for path in (tmp_path / "archive").rglob("*") if path.is_file()] == []
        assert store.archive.all() == []
