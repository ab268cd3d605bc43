"""The notebooks that come with the package: where they are, and running one to HTML without a browser."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import electra_kernel
from electra_kernel.vocabulary.errors import ElectraError


def notebook_folder() -> Path:
    """Beside the package in a checkout, under ``share/electra`` where it was installed.

    Raises:
        ElectraError: the installation has no notebooks.
    """
    beside = Path(electra_kernel.__file__).parents[1] / "notebooks"
    installed = Path(sys.prefix) / "share" / "electra" / "notebooks"
    for folder in (beside, installed):
        if folder.is_dir():
            return folder
    raise ElectraError("The notebooks are not installed.", repair="Install the package again.")


def run_notebook(notebook: Path, environment: Mapping[str, str]) -> bytes:
    """Run a notebook in a kernel of its own and return it as one HTML page.

    Args:
        notebook: the .ipynb file; it is not changed.
        environment: variables for the kernel.

    Raises:
        ElectraError: a cell failed; the error carries its words.
    """
    import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbconvert import HTMLExporter

    pages = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    place = {"metadata": {"path": str(notebook.parent)}}
    with TemporaryDirectory() as private:
        # Over files of this user, not over ports of this machine that everybody could listen to.
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{private}/kernel")
        client = NotebookClient(pages, km=manager, timeout=300, resources=place, extra_arguments=["--log-level=ERROR"])
        try:
            client.execute(env={**os.environ, **environment})
        except CellExecutionError as error:
            raise ElectraError(
                "A cell of the notebook failed.", where=notebook.name, cause=str(error)[-800:]
            ) from error
    # No script from elsewhere: the page must open on a machine that may ask nothing of the internet.
    urls = dict.fromkeys(("mathjax_url", "require_js_url", "jquery_url", "widget_renderer_url"), "")
    exporter = HTMLExporter(**urls)  # type: ignore[no-untyped-call]
    html, _ = exporter.from_notebook_node(pages)
    return html.encode()
