"""What a saved notebook may hold, and the way to save one: ``python -m tests.notebooks`` runs them all and saves them.

Only the outputs of checked cells (``# NBVAL_CHECK_OUTPUT``) are kept: they are what a run is compared with.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
CHECKED = "# NBVAL_CHECK_OUTPUT"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebooks() -> list[Path]:
    """The notebooks of the project."""
    return sorted(FOLDER.glob("*.ipynb"))


def clean(notebook: Any) -> Any:
    """Take away everything that is not text, code or the output of a checked cell; in place, and given back."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(notebook.cells, 1):
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            is_checked = CHECKED in cell.source
            # nbval compares only cells that were run, which it tells by their number.
            cell.execution_count = number if is_checked else None
            cell.outputs = [_numbered(output, number) for output in cell.outputs] if is_checked else []
    return notebook


def _numbered(output: Any, number: int) -> Any:
    if "execution_count" in output:
        output.execution_count = number
    return output


def run(file: Path, folder: Path) -> Any:
    """Run a notebook in a workbench of its own inside ``folder``."""
    password = folder / "password"
    if not password.exists():
        password.write_text(secrets.token_urlsafe(18) + "\n", "utf-8")
    notebook = nbformat.read(file, as_version=4)
    own = {
        "ELECTRA_WORKBENCH": folder / "treasury",
        "ELECTRA_PASSWORD_FILE": password,
        "IPYTHONDIR": folder / "ipython",
    }
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, **{name: str(value) for name, value in own.items()}})
    return notebook


def main(names: list[str]) -> None:
    """Run and save the named notebooks, or all."""
    for file in notebooks():
        if names and file.stem not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(clean(run(file, Path(folder))), file)
            print(f"{file.name} saved")


if __name__ == "__main__":
    main(sys.argv[1:])
