"""A JupyterLab server on loopback and a page of it in a real browser."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic", "--no-first-run"]


@contextmanager
def lab_server(root: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """JupyterLab with ``root`` as its files; yields its address with the token. Settings are of its own folder."""
    port, token, home = _free_port(), secrets.token_hex(16), root / ".home"
    settings = home / "settings" / "@jupyter-widgets" / "jupyterlab-manager"
    settings.mkdir(parents=True)
    # The widgets' state is saved with the notebook: the case in which a careless form would save a password.
    (settings / "plugin.jupyterlab-settings").write_text(json.dumps({"saveState": True}))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"]
    command += ["--LabApp.expose_app_in_browser=True", f"--LabApp.user_settings_dir={home / 'settings'}"]
    own = {name: str(home / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    with (root / ".lab.log").open("wb") as log:
        server = subprocess.Popen(command, env={**os.environ, **environment, **own}, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api?token={token}", server)
        yield f"http://127.0.0.1:{port}/lab?token={token}"
    finally:
        server.terminate()
        server.wait(20)


def open_notebook(page: Any, address: str, name: str) -> None:
    """Open a notebook and wait until its kernel is ready."""
    page.goto(address)
    page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
    page.evaluate(
        """async (path) => {
            await jupyterapp.restored;
            const panel = await jupyterapp.commands.execute('docmanager:open', {path});
            await panel.context.ready;
            await panel.sessionContext.ready;
            await panel.sessionContext.session.kernel.info;
            jupyterapp.shell.activateById(panel.id);
        }""",
        name,
    )


def run_cell(page: Any, number: int) -> None:
    """Run one cell, counted from 0, and wait until the kernel has done it."""
    page.evaluate(
        """async (number) => {
            jupyterapp.shell.currentWidget.content.activeCellIndex = number;
            await jupyterapp.commands.execute('notebook:run-cell');
        }""",
        number,
    )


def save(page: Any) -> None:
    """Save the notebook."""
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise AssertionError("JupyterLab did not start")
