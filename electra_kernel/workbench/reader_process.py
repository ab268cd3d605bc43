"""A process that reads files for another: ``python -m electra_kernel.workbench.reader_process``. Nothing else lives here.

Frames (``reading``) come by standard input and go by standard output. It ends when its input does, and when whoever
started it is gone; an interrupt of the keyboard is for that one alone.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from threading import Thread
from typing import IO

from electra_kernel.workbench import reading

_LOOKED_FOR = 2.0


def main() -> None:
    """Read what is asked for until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked, told = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a library prints must not come between the frames.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # What was loaded stays until the end: the collector looks at what files leave behind alone, and between batches.
    gc.freeze()
    gc.disable()
    serve(asked, told)


def serve(asked: IO[bytes], told: IO[bytes]) -> None:
    """Answer frames until there are no more."""
    own = reading.Own()
    reading.send(told, reading.READY)
    while (frame := reading.receive(asked)) is not None:
        kind, payload = frame
        if kind == reading.OWN:
            own = reading.Own.from_json(payload)
            continue
        results = []
        for source, data in reading.unpack_files(payload):
            results.append(reading.read_one(data, source, own))
            reading.send(told, reading.DONE)
        reading.send(told, reading.ANSWER, reading.pack_read(results))
        del results, payload, frame
        gc.collect()


def _end_with(parent: int) -> None:
    """End, even in the midst of a file, when the one who asked is gone."""
    while os.getppid() == parent:
        time.sleep(_LOOKED_FOR)
    os._exit(1)


if __name__ == "__main__":
    main()
