"""Ports for tests that need the same ones again: no other test's process gets them, nor a program that opens a connection.

They lie below those that systems lend (from 32768 on) and below those among which a sandbox bank looks for its own.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from random import SystemRandom
from typing import IO

_RANGE = range(10_000, 20_000)
_held: list[IO[bytes]] = []


def own_ports(count: int = 1) -> int:
    """The first of some ports one behind the other, free now and this process's own until it ends."""
    folder = Path(tempfile.gettempdir()) / f"electra-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    firsts = _RANGE[::count]
    for first in SystemRandom().sample(firsts, len(firsts)):
        with suppress(OSError), ExitStack() as taken:
            locks = [taken.enter_context(_locked(folder, first + place)) for place in range(count)]
            taken.pop_all()
            _held.extend(locks)
            return first
    raise AssertionError("no port is free")


def _locked(folder: Path, port: int) -> IO[bytes]:
    """A lock on a port that is free; ``OSError`` where it is taken. The lock goes with the process."""
    lock = (folder / str(port)).open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
    except OSError:
        lock.close()
        raise
    return lock
