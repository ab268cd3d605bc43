"""Containers (ZIP) that hold bank files, as banks deliver statements: opened within bounds, one member at a time.

What may live here: what is in a container, and what of it is refused. Nothing is ever written under a member's name.
"""

from __future__ import annotations

import io
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from electra_kernel.formats.base import unreadable
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.workbench import limits

_BEGIN = (b"PK\x03\x04", b"PK\x05\x06")
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
    """

    name: str
    size: int
    _container: zipfile.ZipFile
    _info: zipfile.ZipInfo

    @property
    def file_name(self) -> str:
        """Its name in the container alone."""
        return self._info.filename

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            UnreadableFile: damaged, under a password, or packed in a way that is not known.
        """
        try:
            return self._container.read(self._info)
        except _BROKEN as error:
            raise _refused(self.name, error) from error

    def copy_to(self, place: Path) -> None:
        """Write its bytes to a place, piece by piece.

        Raises:
            UnreadableFile: as for ``read``.
        """
        try:
            with self._container.open(self._info) as packed, place.open("wb") as out:
                shutil.copyfileobj(packed, out, 1024 * 1024)
        except _BROKEN as error:
            raise _refused(self.name, error) from error


def begins(data: bytes) -> bool:
    """Whether bytes begin as a container does."""
    return data[:4] in _BEGIN


@contextmanager
def opened(place: Path | bytes, name: str, budget: Budget) -> Iterator[Sequence[Member] | None]:
    """The files in a container; ``None`` for an office document, which is a file of its own.

    Args:
        place: where it is, or its bytes.
        name: its name, for people.
        budget: what may come out of it; it is used up by what is in it.

    Raises:
        UnreadableFile: damaged, empty, or too much for the budget.
    """
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
    return [Member(f"{name}/{info.filename}", info.file_size, container, info) for info in infos]


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _was_office(place: Path | bytes) -> bool:
    """Whether a damaged container was a workbook: its reader says more about it."""
    if isinstance(place, bytes):
        return b"xl/work" in place
    with place.open("rb") as file:
        return b"xl/work" in file.read(1024 * 1024)


def _refused(name: str, error: BaseException) -> UnreadableFile:
    locked = "password" in str(error)
    return unreadable(
        name,
        "zip",
        "The ZIP archive is under a password." if locked else f"The ZIP archive cannot be unpacked: {error}.",
        "Unpack it, and read the files." if locked else "Fetch or pack it again.",
        field="container",
    )
