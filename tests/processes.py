"""Other processes for tests: real ones, started with the code they run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: What every such process starts with; its arguments are ``sys.argv[1:]``, the first the workbench's folder.
PREAMBLE = """
import os, sys, time
from pathlib import Path
from electra_kernel.store import Store
from electra_kernel.vocabulary.dates import system_clock
folder = Path(sys.argv[1])
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start Python code in a process of its own."""
    command = [sys.executable, "-c", PREAMBLE + code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[str], *, code: int = 0) -> str:
    """Wait for a process to end as it should; give what it printed."""
    output, errors = process.communicate(timeout=300)
    assert process.returncode == code, errors
    return output
