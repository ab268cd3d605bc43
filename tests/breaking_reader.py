"""A reading process that breaks down or hangs where a file says so: for tests of what becomes of such files."""

from __future__ import annotations

import os
import time

from electra_kernel.workbench import reader_process, reading
from electra_kernel.workbench.reading import FileRead, Own

_READ = reading.read_one


def read_or_break(data: bytes, source: str, own: Own) -> FileRead:
    """As ``reading.read_one``, but for files that are to break it."""
    if b"BREAK DOWN" in data:
        os._exit(9)
    if b"HANG" in data:
        time.sleep(3600)
    return _READ(data, source, own)


if __name__ == "__main__":
    reading.read_one = read_or_break
    reader_process.main()
