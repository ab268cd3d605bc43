"""Many files read by several processes, one a core, and given back in their order; few files are read right here.

What may live here: processes, their number, and what becomes of files on which one dies or hangs. How a file is read is
in ``reading``, for both ways the same, so the result is the same too. A process is an interpreter of its own, not a copy
of this one: it may be started from a notebook, beside threads, and without ``if __name__ == "__main__"``.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from time import monotonic
from typing import Generic, Protocol, TypeVar

from electra_kernel.workbench import limits, reading
from electra_kernel.workbench.reading import FileRead, Own

#: How often it is looked whether a process hangs, in seconds.
_LOOKED_FOR = 1.0
_HOME = str(Path(__file__).parents[2])
_COMMAND = ("-P", "-m", "electra_kernel.workbench.reader_process")


class Given(Protocol):
    """A file to read."""

    @property
    def sha256(self) -> str:
        """The hash of its bytes, under which it is known."""

    @property
    def data(self) -> bytes:
        """Its bytes."""


File = TypeVar("File", bound=Given)


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_in_turn(
    files: Iterable[File], own: Own, *, count: int = 0, size: int = 0
) -> Generator[tuple[File, FileRead], None, None]:
    """Each file with what came of it, in the order given; only a few are held at a time. Close it when done.

    Args:
        files: what to read; they are taken as they are needed.
        own: formats of the user's own.
        count, size: how many files there are at least, and how many bytes, as far as is known; where there turn out to
            be many, several processes read the rest.
    """
    processes = min(cores(), limits.LIMITS.readers) if sys.executable else 1
    left, read, held = iter(files), 0, 0
    if processes < 2 or not _many(count, size):
        for file in left:
            yield file, reading.read_one(file.data, file.sha256, own)
            read, held = read + 1, held + len(file.data)
            if processes > 1 and _many(read, held):
                break
        else:
            return
    readers = _Readers[File](own, processes)
    try:
        yield from readers.read(left)
    finally:
        readers.close()


def _many(count: int, size: int) -> bool:
    return count >= limits.LIMITS.reader_files or (count > 1 and size >= limits.LIMITS.reader_bytes)


class _Ended(Exception):
    """A process ended, or was ended because it took too long, before it had answered.

    Attributes:
        at: the number of the file it had in hand; ``None`` where it had not even begun.
        late: whether it took too long.
    """

    def __init__(self, at: int | None, *, late: bool) -> None:
        self.at, self.late = at, late


class _Readers(Generic[File]):
    """Some processes that read, each spoken to by a thread of its own."""

    def __init__(self, own: Own, processes: int) -> None:
        self._own, self._processes = own, processes
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="reader")
        self._idle: SimpleQueue[_Process | None] = SimpleQueue()
        self._lock, self._running, self._closed, self._useless = Lock(), list[_Process](), False, False
        for _ in range(processes):
            self._idle.put(None)  # started when it is needed

    def read(self, files: Iterable[File]) -> Iterator[tuple[File, FileRead]]:
        """As ``read_in_turn``."""
        waiting: deque[tuple[list[File], Future[list[FileRead]]]] = deque()
        held = 0
        for batch in self._batches(files):
            waiting.append((batch, self._threads.submit(self._read, batch)))
            held += _size(batch)
            while len(waiting) > 1 and (len(waiting) > 4 * self._processes or held > limits.LIMITS.reader_held):
                held -= _size(waiting[0][0])
                yield from self._first(waiting)
        while waiting:
            yield from self._first(waiting)

    def close(self) -> None:
        """End all processes, whatever they are at."""
        with self._lock:
            self._closed = True
            for process in self._running:
                process.end()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _batches(self, files: Iterable[File]) -> Iterator[list[File]]:
        batch, size = list[File](), 0
        for file in files:
            batch.append(file)
            size += len(file.data)
            if len(batch) >= limits.LIMITS.batch_files or size >= limits.LIMITS.batch_bytes:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _first(self, waiting: deque[tuple[list[File], Future[list[FileRead]]]]) -> Iterator[tuple[File, FileRead]]:
        batch, future = waiting.popleft()
        while not wait([future], timeout=_LOOKED_FOR).done:
            for process in list(self._running):
                process.end_if_late()
        yield from zip(batch, future.result(), strict=True)

    def _read(self, files: Sequence[File]) -> list[FileRead]:
        """What came of some files. Where a process ends, the file in hand is tried once more by itself."""
        if self._useless:
            return [reading.read_one(file.data, file.sha256, self._own) for file in files]
        try:
            return self._ask(files)
        except _Ended as ended:
            if ended.at is None:
                self._useless = True
                return self._read(files)
            at = min(ended.at, len(files) - 1)
            if ended.late or len(files) == 1:
                cause = "it took too long" if ended.late else "the program that read it broke down"
                here = [FileRead("", refusal=reading.failed(files[at].sha256, cause))]
            else:
                here = self._read(files[at : at + 1])
            before, after = files[:at], files[at + 1 :]
            return [*(self._read(before) if before else []), *here, *(self._read(after) if after else [])]

    def _ask(self, files: Sequence[File]) -> list[FileRead]:
        process = self._idle.get()
        try:
            process = process or self._start()
            return process.read([(file.sha256, file.data) for file in files])
        except _Ended:
            if process is not None:
                self._forget(process)
                process = None
            raise
        finally:
            self._idle.put(process)

    def _start(self) -> _Process:
        with self._lock:
            if self._closed:
                raise _Ended(0, late=False)
            process = _Process(self._own)
            self._running.append(process)
            return process

    def _forget(self, process: _Process) -> None:
        process.end()
        with self._lock, suppress(ValueError):
            self._running.remove(process)


def _size(files: Sequence[Given]) -> int:
    return sum(len(file.data) for file in files)


class _Process:
    """One process that reads."""

    def __init__(self, own: Own) -> None:
        self._own, self._ready, self._late = own, False, False
        self._until = monotonic() + limits.LIMITS.reader_start
        # The same modules as here are found there, wherever they come from.
        places = os.pathsep.join([*(place for place in sys.path if place), _HOME])
        try:
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, *_COMMAND],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": places},
            )
        except OSError as error:
            raise _Ended(None, late=False) from error

    def read(self, files: Sequence[tuple[str, bytes]]) -> list[FileRead]:
        """What came of some files.

        Raises:
            _Ended: the process ended before it had answered.
        """
        done = 0
        asked, told = self._child.stdin, self._child.stdout
        assert asked is not None
        assert told is not None
        try:
            if not self._ready:
                reading.send(asked, reading.OWN, self._own.as_json())
            reading.send(asked, reading.ASK, reading.pack_files(files))
            if self._ready:
                self._until = monotonic() + self._allowed(files[0])
            while (frame := reading.receive(told)) is not None:
                kind, payload = frame
                if kind == reading.ANSWER:
                    self._until = math.inf
                    return reading.unpack_read(payload)
                done += kind == reading.DONE
                self._ready = True
                self._until = monotonic() + self._allowed(files[min(done, len(files) - 1)])
        except (OSError, ValueError):
            pass  # the pipe broke, or was closed
        raise _Ended(done if self._ready else None, late=self._late)

    def _allowed(self, file: tuple[str, bytes]) -> float:
        return limits.LIMITS.reader_file + limits.LIMITS.reader_megabyte * len(file[1]) / 2**20

    def end_if_late(self) -> None:
        """End it where it has been at one file for too long."""
        if monotonic() > self._until:
            self._late, self._until = True, math.inf
            self._child.kill()

    def end(self) -> None:
        """End it, whatever it is at; its thread is told by the end of its words."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
