"""The archive: the original bytes of everything received and sent, by content hash, never rewritten.

A file with the SHA-256 ``abcdef…`` stands at ``archive/ab/cdef…``; its name and type stand in the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import insert, select

from electra_kernel.store.database import Database
from electra_kernel.store.files import copy_private_file, write_private_file
from electra_kernel.store.tables import archive
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError

#: How many files are written at a time; each waits for the disk by itself.
_WRITERS = 8
#: How many hashes one question to the database names.
_ASKED_AT_ONCE = 500


class NotInArchive(ElectraError):
    """Nothing with this hash was ever archived."""


class ArchiveDamaged(ElectraError):
    """A file in the archive is gone or no longer what it was."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """What the archive knows of a file.

    Attributes:
        sha256: the hash of its bytes, lower-case hex.
        name: the name it came with first.
        media_type: such as ``application/xml``.
        size: bytes.
        at: aware UTC moment at which it was archived first.
    """

    sha256: str
    name: str
    media_type: str
    size: int
    at: datetime


class Archive:
    """The archive of one workbench."""

    def __init__(self, folder: Path, database: Database, clock: Clock) -> None:
        self._folder, self._database, self._clock = folder, database, clock

    def put(self, data: bytes, *, name: str, media_type: str = "application/octet-stream") -> str:
        """Keep ``data`` for ever; give its SHA-256 in hex. The same bytes are kept once, under their first name.

        Raises:
            ArchiveDamaged: these bytes were archived before and the file was changed since.
        """
        return self.put_many([(name, data)], media_type=media_type)[0]

    def put_many(
        self, files: Sequence[tuple[str, bytes]], *, media_type: str = "application/octet-stream"
    ) -> list[str]:
        """Keep several files, each with its name, as ``put`` does: the disk is waited for once and not for each.

        Raises:
            ArchiveDamaged: as ``put``; those before it may be kept.
        """
        hashes = [self.hash(data) for _, data in files]
        first = {sha256: data for sha256, (_, data) in zip(reversed(hashes), reversed(files), strict=True)}
        if len(first) == 1:
            self._keep(*next(iter(first.items())))
        elif first:
            with ThreadPoolExecutor(_WRITERS) as writers:
                list(writers.map(self._keep, first.keys(), first.values()))
        self._index([(sha256, name, media_type, len(data)) for sha256, (name, data) in zip(hashes, files, strict=True)])
        return hashes

    def _keep(self, sha256: str, data: bytes) -> None:
        path = self._path(sha256)
        if path.exists():
            self._read(sha256)
        else:
            write_private_file(path, data)

    def put_file(self, file: Path, *, name: str, media_type: str = "application/octet-stream") -> str:
        """Keep a file of any size for ever, without holding it in memory; as ``put`` otherwise.

        Raises:
            ArchiveDamaged: as ``put``.
            OSError: the file cannot be read.
        """
        sha256 = hash_of(file)
        path = self._path(sha256)
        if path.exists():
            if hash_of(path) != sha256:
                raise _damaged(path, "its bytes no longer give the hash it is named by.")
        else:
            copy_private_file(path, file)
        self._index([(sha256, name, media_type, file.stat().st_size)])
        return sha256

    def _index(self, files: Sequence[tuple[str, str, str, int]]) -> None:
        # The file comes first: a crash in between leaves a file that the next put of the same bytes adds to the index.
        first = {file[0]: file for file in reversed(files)}
        hashes = list(dict.fromkeys(file[0] for file in files))
        with self._database.write() as connection:
            known = set[str]()
            for start in range(0, len(hashes), _ASKED_AT_ONCE):
                asked = archive.c.sha256.in_(hashes[start : start + _ASKED_AT_ONCE])
                known.update(connection.execute(select(archive.c.sha256).where(asked)).scalars())
            names = ("sha256", "name", "media_type", "size", "at")
            new = [first[sha256] for sha256 in hashes if sha256 not in known]
            rows = [dict(zip(names, (*file, self._clock()), strict=True)) for file in new]
            if rows:
                connection.execute(insert(archive), rows)

    @staticmethod
    def hash(data: bytes) -> str:
        """The SHA-256 in hex under which these bytes are, or would be, archived."""
        return hashlib.sha256(data).hexdigest()

    def get(self, sha256: str) -> bytes:
        """The bytes with this hash, checked against it.

        Raises:
            NotInArchive: there never was such a file.
            ArchiveDamaged: the file is gone or was changed.
        """
        if self.find(sha256) is None:
            raise NotInArchive(
                "The archive has no such file.",
                cause=f"nothing with the SHA-256 {sha256} was archived.",
                repair="Check the hash, or import the file again.",
            )
        return self._read(sha256)

    def find(self, sha256: str) -> ArchivedFile | None:
        """What is known of the file with this hash, or ``None``."""
        with self._database.read() as connection:
            row = connection.execute(select(archive).where(archive.c.sha256 == sha256)).one_or_none()
        return None if row is None else ArchivedFile(**row._mapping)

    def all(self) -> list[ArchivedFile]:
        """Every archived file, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(archive).order_by(archive.c.at, archive.c.sha256)).all()
        return [ArchivedFile(**row._mapping) for row in rows]

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256[2:]

    def _read(self, sha256: str) -> bytes:
        path = self._path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise _damaged(path, "the file is gone.") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _damaged(path, "its bytes no longer give the hash it is named by.")
        return data


def hash_of(file: Path) -> str:
    """The SHA-256 of a file's bytes in hexadecimal, by which the archive names them; never held whole."""
    with file.open("rb") as bytes_of:
        return hashlib.file_digest(bytes_of, "sha256").hexdigest()


def _damaged(path: Path, cause: str) -> ArchiveDamaged:
    return ArchiveDamaged(
        "A file in the archive is not what was archived.",
        cause=cause,
        repair="Put this file back from a backup; a changed file must be moved away first.",
        where=str(path),
    )
