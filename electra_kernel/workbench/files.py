"""Files on the user's disk: read with a clear error, archived before they are parsed; problems as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from electra_kernel.statements.columns import PROBLEMS
from electra_kernel.store import Store
from electra_kernel.vocabulary.errors import ElectraError, Problem


def read_file(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        ElectraError: it is not there, is a folder, or may not be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ElectraError(
            "The file cannot be read.",
            where=str(path),
            cause=error.strerror or str(error),
            repair="Check the name and that you may read it.",
        ) from error


def archive_file(store: Store, data: bytes, name: str) -> str:
    """Keep the file's bytes before anything is done with them; returns their SHA-256."""
    return store.archive.put(data, name=name)


def problem_frame(problems: Sequence[Problem]) -> pd.DataFrame:
    """Problems as a table with the columns of the ledger's ``problems``."""
    return pd.DataFrame([problem.as_row() for problem in problems], columns=PROBLEMS.names)
