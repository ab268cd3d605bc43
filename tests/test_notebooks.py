"""Saved notebooks hold text, code and checked totals: no secrets, no machine's own paths, no times of running."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import nbformat
import pytest

from tests.notebooks import CHECKED, clean, notebooks

NAMES = ("bulk-import-export", "cashpool-reporting", "statement-analysis")
each_notebook = pytest.mark.parametrize("file", notebooks(), ids=lambda file: file.stem)


def test_the_notebooks_are_there() -> None:
    assert tuple(file.stem for file in notebooks()) == NAMES


@each_notebook
def test_a_saved_notebook_holds_nothing_but_text_code_and_checked_outputs(file: Path) -> None:
    saved = file.read_text("utf-8")
    notebook = nbformat.reads(saved, as_version=4)
    nbformat.validate(notebook)
    kept = nbformat.writes(notebook)
    assert nbformat.writes(clean(nbformat.reads(saved, as_version=4))) == kept, "run: python -m tests.notebooks"
    assert "widget-state" not in saved


@each_notebook
def test_a_saved_notebook_has_no_secret_path_picture_or_time_of_running(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    outputs = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert not re.search(r"(?i)password|secret|PRIVATE KEY|token", outputs)
    for place in (str(Path.home()), str(file.parents[1]), tempfile.gettempdir(), "/home/", "C:\\"):
        assert place not in outputs
    assert not re.search(r"\d{2}:\d{2}:\d{2}", outputs)
    assert "image/" not in outputs
    assert "error" not in {output["output_type"] for cell in notebook.cells for output in cell.get("outputs", [])}


@each_notebook
def test_a_notebook_checks_its_totals_and_types_no_password(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    checked = [cell for cell in notebook.cells if cell.cell_type == "code" and CHECKED in cell.source]
    assert len(checked) >= 2
    assert all(cell.outputs for cell in checked), "run: python -m tests.notebooks"
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert not re.search(r"password\s*=|passwords\s*=|ask\s*=", code)
