"""The command ``electra``: one front door. Each command only reads its arguments, calls a public function and shows."""

from __future__ import annotations

import contextlib
import os
import sys

from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.faults import explain


def main() -> None:
    """Run the command line; an error of ours, or of a disk, is one plain message and exit status 1."""
    from electra_kernel.cli.app import app

    try:
        app()
    except ElectraError as error:
        print(f"Error: {explain(error).line()}", file=sys.stderr)  # noqa: T201 - the command line's own voice
        sys.exit(1)
    except OSError as error:
        # What could not be written may still wait in the stream, and would fail once more at the end of the program.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        place = f"{error.filename}: " if error.filename else ""
        cause = error.strerror or str(error)
        print(  # noqa: T201 - the command line's own voice
            f"Error: {place}{cause}. Repair: Check the place, the free space on its disk and your rights to it.",
            file=sys.stderr,
        )
        sys.exit(1)
