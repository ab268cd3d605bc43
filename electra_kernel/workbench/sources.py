"""What there is to read: files of a folder, and files inside containers, each told whether it is held or too large for that.

What may live here: finding files, opening them, and saying why one is not read. What is in them is told elsewhere.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from electra_kernel.formats.base import Format, unreadable
from electra_kernel.vocabulary.errors import Problem, UnreadableFile
from electra_kernel.workbench import containers, limits
from electra_kernel.workbench.containers import Budget, Member
from electra_kernel.workbench.files import FileNotReadable, read_file
from electra_kernel.workbench.large import batch_format

#: Names of files that systems and programs leave in folders, for themselves.
_LEFT_BEHIND = frozenset(("thumbs.db", "desktop.ini"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One thing that was found.

    Attributes:
        name: its path below the folder; of a file in a container behind the container's name.
        data: its bytes, where they are held.
        path: where it is on the disk, where it is a file that is not held; only until the next one is asked for.
        format: its format, where it is read in parts.
        container: whether it only holds others, which come after it.
        problem: why it cannot be read.
        skipped: why it is not read, though nothing is wrong.
    """

    name: str
    data: bytes | None = None
    path: Path | None = None
    format: Format | None = None
    container: bool = False
    problem: Problem | None = None
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a folder, or what stands in its place: a reason, or a problem."""

    name: str
    path: Path
    size: int = 0
    skipped: str = ""
    problem: Problem | None = None


def found_in(folder: Path) -> list[Found]:
    """Everything under a folder, in order of names; what is hidden (a leading dot), or left behind by a system, is not meant.

    Links to files are followed, links to folders are not; devices and pipes are no files.
    """
    found = list[Found]()

    def closed(error: OSError) -> None:
        path = Path(error.filename)
        name = path.relative_to(folder).as_posix() if path != folder else folder.name
        found.append(Found(name, path, problem=unopened(name, _not_readable(path, error), what="folder")))

    for place, folders, names in os.walk(folder, onerror=closed):
        folders[:] = [name for name in folders if not _hidden(name)]
        for name in [*folders, *names]:
            path = Path(place, name)
            if not _hidden(name) and (name in names or path.is_symlink()):
                found.append(_looked_at(path, path.relative_to(folder).as_posix()))
    return sorted(found, key=lambda each: Path(each.name).parts)


def _hidden(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower() in _LEFT_BEHIND


def _looked_at(path: Path, name: str) -> Found:
    try:
        told = path.stat()
    except OSError as error:
        return Found(name, path, problem=unopened(name, _not_readable(path, error)))
    if stat.S_ISDIR(told.st_mode):
        return Found(name, path, skipped="A link to a folder is not followed; read that folder itself.")
    if not stat.S_ISREG(told.st_mode):
        return Found(name, path, skipped="It is no file but a device, a pipe or a socket.")
    return Found(name, path, told.st_size)


def _not_readable(path: Path, error: OSError) -> FileNotReadable:
    return FileNotReadable(
        "The file cannot be read.",
        where=str(path),
        cause=f"{error.strerror or error}.",
        repair="Check that it is there and that you may read it.",
    )


def unopened(name: str, error: FileNotReadable, what: str = "file") -> Problem:
    """A file or folder that cannot be opened, as a problem."""
    return Problem(
        source=name,
        position=None,
        field=what,
        rule="unreadable",
        text=f"The {what} cannot be opened: {error.cause}",
        repair=error.repair,
    )


def sources(files: Iterable[Found], more: Callable[[int], None] = lambda count: None) -> Iterator[Source]:
    """What is to be read of some files, one at a time, in their order; raises nothing.

    Args:
        files: as ``found_in`` gives them.
        more: told how many more files there are when a container is opened.
    """
    for file in files:
        if file.problem or file.skipped:
            yield Source(name=file.name, problem=file.problem, skipped=file.skipped)
            continue
        try:
            yield from source_of(file.path, file.name, more)
        except FileNotReadable as error:
            yield Source(name=file.name, problem=unopened(file.name, error))


def source_of(path: Path, name: str, more: Callable[[int], None] = lambda count: None) -> Iterator[Source]:
    """What is to be read of one file: the file itself, or a container and what is in it.

    Raises:
        FileNotReadable: it cannot be opened.
    """
    start, size = _start(path)
    if containers.begins(start):
        try:
            with containers.opened(path, name, budget := Budget(size)) as members:
                if members is not None:
                    yield _container(name, path, size)
                    more(len(members))
                    for member in members:
                        yield from _member(member, budget, more)
                    return
        except UnreadableFile as error:
            yield _container(name, path, size, error.problem)
            return
    yield _file(path, name, start, size)


def _start(path: Path) -> tuple[bytes, int]:
    """The first bytes of a file, and its size; of what is no plain file (a pipe), nothing."""
    try:
        told = path.stat()
        if not stat.S_ISREG(told.st_mode):
            return b"", 0
        with path.open("rb") as file:
            return file.read(limits.LIMITS.head if told.st_size >= limits.LIMITS.large else 4), told.st_size
    except OSError as error:
        raise _not_readable(path, error) from error


def _file(path: Path, name: str, start: bytes, size: int) -> Source:
    if size >= limits.LIMITS.large:
        if (found := batch_format(start)) is not None:
            return Source(name=name, path=path, format=found)
        if size > limits.LIMITS.whole:
            return Source(name=name, problem=_too_large(name, size))
    return Source(name=name, data=read_file(path))


def _container(name: str, path: Path, size: int, problem: Problem | None = None) -> Source:
    """A container is kept as it came, however large."""
    if size >= limits.LIMITS.large:
        return Source(name=name, path=path, container=True, problem=problem)
    return Source(name=name, data=read_file(path), container=True, problem=problem)


def _member(member: Member, budget: Budget, more: Callable[[int], None]) -> Iterator[Source]:
    try:
        if member.size >= limits.LIMITS.large:
            with tempfile.TemporaryDirectory(prefix="electra-") as folder:
                place = Path(folder, "member")
                member.copy_to(place)
                yield _file(place, member.name, _start(place)[0], member.size)
            return
        data = member.read()
        if containers.begins(data):
            yield from _inner(data, member.name, budget, more)
        else:
            yield Source(name=member.name, data=data)
    except UnreadableFile as error:
        yield Source(name=member.name, problem=error.problem)


def _inner(data: bytes, name: str, budget: Budget, more: Callable[[int], None]) -> Iterator[Source]:
    """A container in a container, or an office document."""
    budget.depth -= 1
    try:
        with containers.opened(data, name, budget) as members:
            if members is None:
                yield Source(name=name, data=data)
                return
            if budget.depth < 1:
                raise _too_deep(name)
            yield Source(name=name, data=data, container=True)
            more(len(members))
            for member in members:
                yield from _member(member, budget, more)
    finally:
        budget.depth += 1


def _too_large(name: str, size: int) -> Problem:
    return Problem(
        source=name,
        position=None,
        field="file",
        rule="size",
        text=f"The file has {size / 2**30:,.1f} GiB, and is of no format that is read in parts.",
        repair="Ask the bank for smaller files, or for camt.053.",
    )


def _too_deep(name: str) -> UnreadableFile:
    return unreadable(
        name,
        "zip",
        "The archive stands in too many others.",
        "Unpack it, and read the files.",
        field="container",
    )
