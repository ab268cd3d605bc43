"""Containers that hold bank files, as banks deliver statements: ZIP archives of many, gzip of one. Opened within bounds.

What may live here: what is in a container, and what of it is refused. Nothing is ever written under a member's name.
"""

from __future__ import annotations

import gzip
import io
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from electra_kernel.formats.base import unreadable
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.workbench import limits

_BEGIN = (b"PK\x03\x04", b"PK\x05\x06")
#: RFC 1952, section 2.3.1: two bytes of identification, and the only method there is.
_GZIP = b"\x1f\x8b\x08"
_PIECE = 1024 * 1024
#: Office documents are containers too; these members tell them.
_OFFICE = frozenset(("[Content_Types].xml", "mimetype", "xl/workbook.xml"))
_BROKEN = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError, ValueError)


class Budget:
    """What may still come out of one container and those inside it."""

    def __init__(self, size: int) -> None:
        most = limits.LIMITS
        self.files, self.depth = most.container_files, most.container_depth
        self.bytes = min(most.container_bytes, max(most.container_least, most.container_ratio * size))

    def take(self, files: int, size: int) -> None:
        """Use some of it up.

        Raises:
            BadZipFile: there is not so much left.
        """
        self.files, self.bytes = self.files - files, self.bytes - size
        if self.files < 0 or self.bytes < 0:
            raise zipfile.BadZipFile("it unpacks to more than any bank sends")


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an open container.

    Attributes:
        name: its name there, for people only.
        size: how many bytes it has, and no more are ever read.
        file_name: its name in the container alone.
    """

    name: str
    size: int
    file_name: str
    _open: Callable[[], IO[bytes] | gzip.GzipFile]

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            UnreadableFile: damaged, under a password, or packed in a way that is not known.
        """
        try:
            with self._open() as packed:
                return packed.read()
        except _BROKEN as error:
            raise _refused(self.name, error) from error

    def copy_to(self, place: Path) -> None:
        """Write its bytes to a place, piece by piece.

        Raises:
            UnreadableFile: as for ``read``.
        """
        try:
            with self._open() as packed, place.open("wb") as out:
                shutil.copyfileobj(packed, out, _PIECE)
        except _BROKEN as error:
            raise _refused(self.name, error) from error


def begins(data: bytes) -> bool:
    """Whether bytes begin as a container does."""
    return data[:4] in _BEGIN or data.startswith(_GZIP)


def only_file(data: bytes, name: str) -> tuple[bytes, str]:
    """The bytes and the name of the one file in a container; of any other file its own.

    Raises:
        UnreadableFile: as for ``opened``; or the container holds several files.
    """
    if not begins(data):
        return data, name
    with opened(data, name, Budget(len(data))) as members:
        if members is None:
            return data, name
        if len(members) > 1:
            raise unreadable(
                name,
                "container",
                f"The archive holds {len(members)} files.",
                "Unpack it, and take the files one by one.",
                field="container",
            )
        return members[0].read(), members[0].file_name


@contextmanager
def opened(place: Path | bytes, name: str, budget: Budget) -> Iterator[Sequence[Member] | None]:
    """The files in a container, of gzip the only one; ``None`` for an office document, which is a file of its own.

    Args:
        place: where it is, or its bytes.
        name: its name, for people.
        budget: what may come out of it; it is used up by what is in it.

    Raises:
        UnreadableFile: damaged, empty, or too much for the budget.
    """
    if _is_gzip(place):
        yield [_gzip_member(place, name, budget)]
        return
    try:
        container = zipfile.ZipFile(io.BytesIO(place) if isinstance(place, bytes) else place)
    except _BROKEN as error:
        if _was_office(place):
            yield None
            return
        raise _refused(name, error) from error
    with container:
        if _OFFICE & set(container.namelist()):
            yield None
            return
        yield _members(container, name, budget)


def _members(container: zipfile.ZipFile, name: str, budget: Budget) -> list[Member]:
    infos = [info for info in container.infolist() if not info.is_dir() and not _hidden(info.filename)]
    try:
        if not infos:
            raise zipfile.BadZipFile("there is no file in it")
        budget.take(len(infos), sum(info.file_size for info in infos))
    except zipfile.BadZipFile as error:
        raise _refused(name, error) from error
    return [
        Member(f"{name}/{info.filename}", info.file_size, info.filename, partial(container.open, info))
        for info in infos
    ]


def _is_gzip(place: Path | bytes) -> bool:
    if isinstance(place, bytes):
        return place.startswith(_GZIP)
    with place.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def _gzip_member(place: Path | bytes, name: str, budget: Budget) -> Member:
    """The file in gzip. How large it is stands nowhere that can be trusted: it is unpacked once, piece by piece, to know."""
    file_name = Path(name).name
    file_name = file_name[:-3] if file_name.lower().endswith(".gz") else file_name
    size = 0
    try:
        with _gunzipped(place) as packed:
            while piece := packed.read(_PIECE):
                size += len(piece)
                if size > budget.bytes:
                    break
        budget.take(1, size)
    except _BROKEN as error:
        raise _refused(name, error, "gzip") from error
    return Member(f"{name}/{file_name}", size, file_name, partial(_gunzipped, place))


def _gunzipped(place: Path | bytes) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=io.BytesIO(place)) if isinstance(place, bytes) else gzip.open(place)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _was_office(place: Path | bytes) -> bool:
    """Whether a damaged container was a workbook: its reader says more about it."""
    if isinstance(place, bytes):
        return b"xl/work" in place
    with place.open("rb") as file:
        return b"xl/work" in file.read(1024 * 1024)


def _refused(name: str, error: BaseException, kind: str = "zip") -> UnreadableFile:
    locked = "password" in str(error)
    what = "ZIP archive" if kind == "zip" else "gzip file"
    return unreadable(
        name,
        kind,
        f"The {what} is under a password." if locked else f"The {what} cannot be unpacked: {str(error).rstrip('.')}.",
        "Unpack it, and read the files." if locked else "Fetch or pack it again.",
        field="container",
    )
