"""Bounds of work with files: read once from ``limits.toml``. Nothing else lives here."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    Attributes:
        large: from this size on a file is read in parts; smaller ones are quicker at once.
        piece: how much of a large file is read at a time.
        head: how much of a large file is looked at to tell its format.
        whole: a file larger than this, of a format that is read as a whole only, is refused.
        batch_files, batch_bytes: how many files, or bytes of them, a reader gets at once.
        archive_files, archive_bytes: how many files, or bytes of them, are archived at once.
        append_bytes: how much of what was read is held before it is put into the ledger.
        reader_files, reader_bytes: from how many files, or bytes of them, on several processes read.
        readers: how many processes at most, on a machine with more cores.
        reader_held: from how much on that is being read no more is handed out.
        reader_start: how long a process may take to be ready.
        reader_file, reader_megabyte: how long a file may take, and how much longer for each MiB it has.
        container_files, container_bytes: how many files a container (ZIP, gzip) may hold, and how large all of them may be.
        container_least, container_ratio: how large they may be whatever the container's size; how many times larger
            than the container beyond that.
        container_depth: how many containers may stand inside one another.
    """

    large: int
    piece: int
    head: int
    whole: int
    batch_files: int
    batch_bytes: int
    archive_files: int
    archive_bytes: int
    append_bytes: int
    reader_files: int
    reader_bytes: int
    readers: int
    reader_held: int
    reader_start: int
    reader_file: int
    reader_megabyte: int
    container_files: int
    container_bytes: int
    container_least: int
    container_ratio: int
    container_depth: int


LIMITS = Limits(**tomllib.loads(files("electra_kernel.workbench").joinpath("limits.toml").read_text("utf-8")))
