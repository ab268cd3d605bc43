"""``electra lab``: JupyterLab with the Electra kernel, and a sandbox bank for as long as it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from electra_kernel.cli.tables import say
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.sandbox import SANDBOX_VARIABLE, Sandbox
from electra_kernel.workbench.workbench import FOLDER_VARIABLE


def run_lab(folder: Path, *, browser: bool) -> int:
    """Start the bank, run JupyterLab until it ends, stop the bank; returns JupyterLab's exit status."""
    root = folder.resolve()
    if not root.is_dir():
        raise ElectraError("There is no such folder.", where=str(folder), repair="Make it, or name another one.")
    workbench = Path(os.environ.get(FOLDER_VARIABLE, root / "treasury"))
    sandbox = Sandbox.start(workbench / "sandbox", admit=True)
    say(f"Sandbox bank: {sandbox.info.https} (host {sandbox.info.host}, partner {sandbox.info.partner})")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
    command += ["--ServerApp.ip=127.0.0.1", "--MappingKernelManager.default_kernel_name=electra"]
    if not browser:
        command.append("--no-browser")
    environment = {**os.environ, FOLDER_VARIABLE: str(workbench), SANDBOX_VARIABLE: sandbox.words}
    try:
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - our own interpreter
    except KeyboardInterrupt:
        return 0
    finally:
        sandbox.stop()
