"""The command ``electra``: one front door. Each command only reads its arguments, calls a public function and shows."""

from __future__ import annotations

import sys

from electra_kernel.vocabulary.errors import ElectraError


def main() -> None:
    """Run the command line; an error of ours is one plain message and exit status 1."""
    from electra_kernel.cli.app import app

    try:
        app()
    except ElectraError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - the command line's own voice
        sys.exit(1)
