"""``electra doctor``: what is installed, reachable and misconfigured, each with its repair."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pandas as pd
from packaging.requirements import Requirement

from electra_kernel.cli.tables import show
from electra_kernel.vocabulary.errors import ElectraError

#: A finding: what was looked at, whether it is well, and the repair where it is not.
Finding = tuple[str, str, str]

_PACKAGE = "electra-workbench"


def examine(workbench: Path) -> bool:
    """Look at everything and show it; returns whether all is well."""
    findings = [*_packages(), *_kernel(), *_workbench(workbench)]
    show(pd.DataFrame(findings, columns=["what", "state", "repair"]))
    return all(state in ("well", "none yet") for _, state, _ in findings)


def _packages() -> Iterator[Finding]:
    for text in requires(_PACKAGE) or []:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            yield wanted.name, "not installed", f"pip install '{wanted}'"
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            yield wanted.name, f"version {found}", f"pip install '{wanted}'"
    yield f"Python {sys.version.split()[0]} and every package", "well", ""


def _kernel() -> Iterator[Finding]:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("electra")
    except NoSuchKernel:
        yield "kernel Electra", "not installed", "pip install --force-reinstall electra-workbench"
        return
    well = "--ext=electra_kernel" in json.dumps(spec.argv)
    yield (
        "kernel Electra",
        "well" if well else "another kernel of this name",
        "" if well else "jupyter kernelspec remove electra",
    )


def _workbench(folder: Path) -> Iterator[Finding]:
    from electra_kernel import Workbench
    from electra_kernel.workbench.standing import SHELL

    if not (folder / "electra.toml").exists():
        yield f"workbench {folder}", "none yet", ""
        return
    try:
        workbench = Workbench.open(folder)
    except ElectraError as error:
        yield f"workbench {folder}", error.what, error.repair
        return
    try:
        workbench.store.journal.verify()
        yield f"workbench {folder}, its journal", "well", ""
    except ElectraError as error:
        yield f"journal of {folder}", error.what, error.repair
    for line in workbench.connections.values():
        step = line.step_for(SHELL)
        yield f"connection {line.name}", "well" if line.ready and not step else line.state, step
    workbench.close()
