"""Locks between processes: one file each under ``locks/``. The system frees a lock when its holder dies.

What may live here: taking a lock and saying who holds it. What a lock protects is the caller's business.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from electra_kernel.store.files import PRIVATE_FILE, make_private_folder, write_private_file
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError


class Busy(ElectraError):
    """Somebody else is doing this at the moment."""


class Locks:
    """The locks of one workbench.

    Args:
        folder: where the lock files live.
        clock: says since when a lock is held, for the others to read.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    @contextmanager
    def hold(self, name: str, *, purpose: str = "", wait: float = 10.0) -> Iterator[None]:
        """Hold the lock ``name`` for the length of a ``with`` block, alone among all processes and threads.

        Args:
            name: what is locked, such as ``ledger`` or ``connection/house bank``.
            purpose: what is being done, told to whoever finds it busy.
            wait: seconds to wait for it to become free.

        Raises:
            Busy: it is still held after ``wait`` seconds; says by whom, since when and for what.
        """
        make_private_folder(self._folder)
        path = self._folder / f"{quote(name, safe='')}.lock"
        holder = path.with_suffix(".holder")
        lock = FileLock(path, mode=PRIVATE_FILE)
        try:
            lock.acquire(timeout=max(wait, 0.0))
        except Timeout:
            raise _busy(name, holder) from None
        try:
            write_private_file(holder, self._describe(purpose or name))
            yield
        finally:
            lock.release()

    def _describe(self, purpose: str) -> bytes:
        since = self._clock().isoformat(timespec="seconds")
        facts = {"process": os.getpid(), "computer": socket.gethostname(), "since": since, "purpose": purpose}
        return json.dumps(facts).encode()


def _busy(name: str, holder: Path) -> Busy:
    try:
        facts = json.loads(holder.read_bytes())
        who = f"process {facts['process']} on {facts['computer']} holds it since {facts['since']} for: {facts['purpose']}."
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process holds it."
    return Busy(
        f"The workbench is busy: {name}.",
        cause=who,
        repair="Wait until that work is done, then try again. If it hangs, end that process: the lock frees itself.",
    )
