"""Running the notebooks as tests: each in a workbench of its own, with a password nobody types, nothing written here."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest
from jupyter_client.connect import LocalPortCache

from tests.ports import own_ports

_prepared: dict[Path, Path] = {}
#: Seconds; generous, for a machine ten times slower and busy.
_PATIENCE = 300

# The ports that a kernel's manager finds are free then, and taken by another kernel before its own has them.
LocalPortCache.find_available_port = lambda *_: own_ports()  # type: ignore[method-assign]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before a notebook's kernel starts (nbval starts it with this process's environment), give it its own folders."""
    notebook = item.path
    if notebook.suffix != ".ipynb":
        return
    if notebook not in _prepared:
        factory: pytest.TempPathFactory = item.config._tmp_path_factory  # type: ignore[attr-defined]
        folder = _prepared[notebook] = factory.mktemp(notebook.stem)
        (folder / "password").write_text(secrets.token_urlsafe(18) + "\n", "utf-8")
        (folder / "password").chmod(0o600)
    item.config.option.nbval_kernel_startup_timeout = _PATIENCE
    item.output_timeout = _PATIENCE  # type: ignore[attr-defined]
    folder = _prepared[notebook]
    os.environ["ELECTRA_WORKBENCH"] = str(folder / "treasury")
    os.environ["ELECTRA_PASSWORD_FILE"] = str(folder / "password")
    os.environ["IPYTHONDIR"] = str(folder / "ipython")
