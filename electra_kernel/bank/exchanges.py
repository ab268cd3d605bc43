"""The bank's log of exchanges: one JSON object a line, in a file for the bank's eyes only, never larger than its bound.

What may live here: appending, rotating and following the file. What a record says is made by ``explain``.
"""

from __future__ import annotations

import json
import os
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from electra_kernel.bank.explain import record_of
from electra_kernel.ebics.witness import Sight
from electra_kernel.vocabulary.dates import Clock

_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class LogBounds:
    """How much is kept: bytes of one file, of which there are two; transactions whose beginning is remembered."""

    file: int = 8 * 2**20
    transactions: int = 1_000


class ExchangeLog:
    """Keeps what a server's witness is told. May be called by several threads at once."""

    def __init__(self, folder: Path, clock: Clock, bounds: LogBounds | None = None) -> None:
        self._path, self._clock, self._bounds = log_path(folder), clock, bounds or LogBounds()
        self._lock = Lock()
        #: What the first request of a transaction asked; its further requests do not say it again.
        self._asked: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def __call__(self, sight: Sight) -> None:
        """Keep one exchange."""
        record = record_of(sight, self._clock())
        with self._lock:
            self._complete(record)
            self._append(json.dumps(record, ensure_ascii=True).encode("ascii") + b"\n")

    def _complete(self, record: dict[str, Any]) -> None:
        transaction = record.get("transaction")
        if not transaction:
            return
        if record["order"]:
            self._asked[transaction] = {"order": record["order"], "service": record["service"]}
            while len(self._asked) > self._bounds.transactions:
                self._asked.popitem(last=False)
        else:
            record.update(self._asked.get(transaction, {}))

    def _append(self, line: bytes) -> None:
        if self._path.exists() and self._path.stat().st_size + len(line) > self._bounds.file:
            self._path.replace(older_path(self._path))
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line if _ends_whole(handle) else b"\n" + line)
        finally:
            os.close(handle)


def _ends_whole(handle: int) -> bool:
    size = os.fstat(handle).st_size
    return size == 0 or os.pread(handle, 1, size - 1) == b"\n"


def log_path(folder: Path) -> Path:
    """Where the log of the bank in ``folder`` is."""
    return folder / "exchanges.jsonl"


def older_path(path: Path) -> Path:
    """Where a full log goes; it takes the place of the one before."""
    return path.with_suffix(".1.jsonl")


def read_log(folder: Path, last: int | None = None) -> list[dict[str, Any]]:
    """The records that are kept, oldest first; the ``last`` ones only where a number is given."""
    return _tail(_older(folder) + _whole(log_path(folder)), last)


def follow(folder: Path, last: int | None = None) -> Iterator[dict[str, Any]]:
    """The ``last`` records, then every further one as it comes, without end."""
    path, records = log_path(folder), _older(folder)
    source = path.open("rb") if path.exists() else None
    try:
        yield from _tail(records + (list(_records(source)) if source else []), last)
        while True:
            moved = _moved(path, source)
            if source is not None:
                yield from _records(source)
            if moved:
                if source is not None:
                    source.close()
                source = path.open("rb")
                continue
            time.sleep(_POLL_SECONDS)
    finally:
        if source is not None:
            source.close()


def _older(folder: Path) -> list[dict[str, Any]]:
    return _whole(older_path(log_path(folder)))


def _whole(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open("rb") as source:
        return list(_records(source))


def _tail(records: list[dict[str, Any]], last: int | None) -> list[dict[str, Any]]:
    return records if last is None else records[max(len(records) - last, 0) :]


def _moved(path: Path, source: BinaryIO | None) -> bool:
    try:
        there = path.stat().st_ino
    except FileNotFoundError:
        return False
    return source is None or there != os.fstat(source.fileno()).st_ino


def _records(source: BinaryIO) -> Iterator[dict[str, Any]]:
    """Whole lines from here on; a line that is still being written is left for the next time."""
    while True:
        start = source.tell()
        line = source.readline()
        if not line.endswith(b"\n"):
            source.seek(start)
            return
        try:
            record = json.loads(line)
        except ValueError:
            # The rest of a line that was torn when the bank was killed.
            continue
        yield record
