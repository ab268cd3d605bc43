"""``electra demo`` as a user runs it: whole, cut off at each step and run again, and with nothing to stand on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

STEPS = 7


def demo(out: Path) -> subprocess.Popen[str]:
    home = out.parent / "home"
    home.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "electra_kernel", "demo", "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "HOME": str(home)},
    )


def killed_at(out: Path, step: int) -> None:
    """Run the demonstration and kill it without warning as soon as it says that ``step`` begins."""
    running = demo(out)
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith(f"[{step}/{STEPS}]"):
            break
    running.send_signal(signal.SIGKILL)
    running.stdout.close()
    running.wait()


def orders_at_the_bank(out: Path) -> list[dict[str, str]]:
    command = [sys.executable, "-m", "electra_kernel", "bank", "status", "--data", str(out / "bank"), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return list(json.loads(said)["orders"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A demonstration that was killed at the beginning of each step, one after the other, and then run to its end."""
    out = tmp_path_factory.mktemp("demo") / "out"
    for step in range(1, STEPS + 1):
        killed_at(out, step)
    last = demo(out)
    said, _ = last.communicate(timeout=900)
    assert last.returncode == 0, said
    return out, said


def report_of(out: Path) -> dict[str, dict[str, Any]]:
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert report["ok"] is True
    return {step["name"]: step for step in report["steps"]}


def test_killed_at_every_step_and_run_again_it_leads_to_exactly_one_order(finished: tuple[Path, str]) -> None:
    out, _ = finished
    assert len(orders_at_the_bank(out)) == 1


def test_its_report_has_the_figures_of_every_step(finished: tuple[Path, str]) -> None:
    out, said = finished
    steps = report_of(out)
    assert len(steps) == STEPS
    assert all(step["ok"] for step in steps.values())
    assert steps["order"]["transactions"] == steps["payments"]["transactions"] == 193
    assert steps["follow"]["order_state"] == "executed"
    assert steps["statements"]["entries"] > 0
    assert steps["statements"]["balances_proved"] is True
    assert steps["statements"]["appended_by_second_fetch"] == 0
    assert len(re.findall(r"^\[\d/\d\] ", said, re.MULTILINE)) == STEPS


def test_its_files_are_what_they_are_called(finished: tuple[Path, str]) -> None:
    out, _ = finished
    files = report_of(out)["reports"]["files"]
    for name in files:
        data = (out / name).read_bytes()
        assert data.startswith(b"%PDF") if name.endswith(".pdf") else b"<html" in data[:200].lower()
    assert {"order.pdf", "statement.pdf", "statement-analysis.html"} <= set(files)
    page = (out / "statement-analysis.html").read_text("utf-8")
    assert not re.search(r"<(script|link)[^>]+(src|href)=\"https?://", page)


def test_a_second_run_finds_everything_done_and_sends_nothing(finished: tuple[Path, str]) -> None:
    out, _ = finished
    again = demo(out)
    said, _ = again.communicate(timeout=900)
    assert again.returncode == 0, said
    assert len(orders_at_the_bank(out)) == 1


def test_the_password_is_in_no_file_but_its_own(finished: tuple[Path, str]) -> None:
    out, said = finished
    file = out / "password"
    secret = file.read_text("utf-8").strip()
    assert file.stat().st_mode & 0o077 == 0
    assert secret not in said
    for other in out.rglob("*"):
        if other.is_file() and other != file:
            assert secret.encode() not in other.read_bytes(), other


def test_a_bank_that_cannot_start_is_one_clear_error_and_exit_status_1(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "bank").write_text("in the way")
    failed = demo(out)
    said, _ = failed.communicate(timeout=900)
    assert failed.returncode == 1
    assert "Traceback" not in said
