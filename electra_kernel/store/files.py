"""Writing files so that a crash leaves the old one or the new one, never half of one. Nothing else lives here."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

#: Only the owner reads and writes.
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def make_private_folder(folder: Path) -> None:
    """Create ``folder`` and its missing parents for the owner alone; a folder that is there keeps its mode."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def write_private_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` whole and on the disk (temporary file, fsync, rename), mode 0600.

    Raises:
        OSError: the disk is full or the folder cannot be written; ``path`` is then as it was.
    """
    _write(path, lambda file: file.write(data))


def copy_private_file(path: Path, source: Path) -> None:
    """Put a copy of ``source`` at ``path``, as ``write_private_file`` does, piece by piece.

    Raises:
        OSError: as there, or ``source`` cannot be read.
    """
    with source.open("rb") as original:
        _write(path, lambda file: shutil.copyfileobj(original, file, 1024 * 1024))


def _write(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    make_private_folder(path.parent)
    # mkstemp makes the file with mode 0600, whatever the umask.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk too, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
