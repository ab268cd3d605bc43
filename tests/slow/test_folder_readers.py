"""Processes that read a folder and break down or hang: real ones, told by the file itself to do so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from electra_kernel import Workbench
from electra_kernel.workbench import limits, readers
from tests.test_workbench_folder import children, several, statement, write

__all__ = ["several"]


@pytest.mark.usefixtures("several")
def test_files_on_which_a_reader_breaks_down_or_hangs_are_rows_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "_COMMAND", ("-P", "-m", "tests.breaking_reader"))
    monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, reader_file=15, reader_megabyte=0))
    files = {f"{number}.sta": statement(number) for number in range(9)}
    files |= {"2a.sta": b"BREAK DOWN", "5a.sta": b"HANG", "8a.sta": b"BREAK DOWN"}
    before = children()
    wb = Workbench.open(tmp_path / "wb")
    table = wb.statements.read(write(tmp_path / "files", files)).set_index("name")
    assert table["outcome"].to_dict() == {
        name: "refused" if name in ("2a.sta", "5a.sta", "8a.sta") else "read" for name in sorted(files)
    }
    assert "broke down" in str(table.loc["2a.sta", "reason"])
    assert "too long" in str(table.loc["5a.sta", "reason"])
    assert len(wb.statements.entries()) == 9
    assert children() <= before
