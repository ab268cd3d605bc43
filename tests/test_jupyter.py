"""The extension and the kernelspec: a real kernel, a real shell."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from jupyter_client.connect import LocalPortCache
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager, start_new_kernel
from jupyter_core.paths import jupyter_config_path

import electra_kernel
from electra_kernel.jupyter.errors import error_html, error_text
from electra_kernel.jupyter.lazy import Lazy
from electra_kernel.vocabulary.errors import ElectraError
from tests.ports import own_ports

KERNELSPEC = Path(electra_kernel.__file__).parent / "jupyter" / "kernelspec"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("ELECTRA_WORKBENCH", str(tmp_path / "treasury"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "electra_kernel")
    yield shell
    wb = shell.user_ns.get("wb")
    if not isinstance(wb, Lazy):
        wb.close()
    shell.history_manager.end_session()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The kernel "Electra", started as JupyterLab starts it."""
    folder = tmp_path_factory.mktemp("kernel")
    environment = {**os.environ, "ELECTRA_WORKBENCH": str(folder / "treasury"), "IPYTHONDIR": str(folder / "ipython")}
    with pytest.MonkeyPatch.context() as patch:
        # The ports it would find are free now, and taken by others before the kernel has them.
        patch.setattr(LocalPortCache, "find_available_port", lambda *_: own_ports())
        manager, client = start_new_kernel(startup_timeout=300, kernel_name="electra", env=environment, cwd=folder)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def ask(kernel: Any, code: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run a cell; its reply and what it displayed."""
    shown: list[dict[str, Any]] = []
    reply = kernel.execute_interactive(code, timeout=300, output_hook=shown.append)
    return reply["content"], [message["content"] for message in shown if "data" in message["content"]]


def test_the_kernelspec_is_installed_and_starts_the_environments_own_python():
    specs = KernelSpecManager()
    assert "electra" in specs.find_kernel_specs(), "reinstall the project: pip install -e ."
    spec = specs.get_kernel_spec("electra")
    assert spec.display_name == "Electra"
    assert {file.name for file in Path(spec.resource_dir).iterdir()} == {file.name for file in KERNELSPEC.iterdir()}
    assert KernelManager(kernel_name="electra").format_kernel_cmd()[0] == sys.executable


def test_the_electra_kernel_has_the_workbench_and_opens_it_on_first_use(kernel):
    reply, _ = ask(kernel, "import os; os.path.exists(os.environ['ELECTRA_WORKBENCH'])")
    assert reply["status"] == "ok"
    reply, shown = ask(kernel, "assert not os.path.exists(os.environ['ELECTRA_WORKBENCH'])\nlen(wb.orders)")
    assert reply["status"] == "ok", reply
    assert shown[-1]["data"]["text/plain"] == "0"
    reply, shown = ask(kernel, "isinstance(wb, type(Workbench.open())), wb")
    assert reply["status"] == "ok"
    assert shown[-1]["data"]["text/plain"].startswith("(True, Workbench treasury")


def test_an_error_of_ours_is_a_few_plain_lines_and_the_cell_still_fails(kernel):
    reply, shown = ask(kernel, "wb.orders.read('nowhere.xlsx')")
    assert (reply["status"], reply["ename"]) == ("error", "FileNotReadable")
    what, cause, whose, outcome, repair = shown[-1]["data"]["text/plain"].splitlines()
    assert what == "nowhere.xlsx: The file cannot be read."
    assert cause.startswith("Cause: ")
    assert whose == "Whose: what was given: a file, a word or a number"
    assert outcome == "Orders and data: Nothing was changed."
    assert repair.startswith("Repair: ")
    assert "Traceback" not in "".join(reply["traceback"])


def test_a_folder_that_cannot_be_opened_is_told_at_first_use_and_the_kernel_lives(kernel):
    ask(kernel, "open('a-file', 'w').close(); before = os.environ['ELECTRA_WORKBENCH']")
    ask(kernel, "os.environ['ELECTRA_WORKBENCH'] = 'a-file'")
    reply, shown = ask(kernel, "del wb\n%reload_ext electra_kernel\nwb.orders")
    assert reply["status"] == "error"
    assert "a-file" in shown[-1]["data"]["text/plain"]
    assert "Repair:" in shown[-1]["data"]["text/plain"]
    reply, _ = ask(kernel, "os.environ['ELECTRA_WORKBENCH'] = before; wb.orders")
    assert reply["status"] == "ok"


def test_magics_show_what_the_workbench_says(shell):
    assert list(shell.run_line_magic("orders", "").columns) == list(shell.user_ns["wb"].orders.table().columns)
    assert len(shell.run_line_magic("outbox", "")) == 0
    assert "book_balance" in shell.run_line_magic("position", "2026-01-31").columns


def test_a_magic_that_cannot_be_done_tells_the_next_step(shell):
    with capture_output() as shown:
        result = shell.run_cell("%fetch")
    assert not result.success
    assert "Repair: Run wb.connect_sandbox()" in shown.stdout
    with capture_output() as shown:
        shell.run_cell("%position tomorrow")
    assert "'tomorrow' is not a date." in shown.stdout


def test_errors_are_escaped_where_they_become_html():
    error = ElectraError("<img src=x onerror=alert(1)>", cause="a & b", repair="Use <b>.", where="<i>.csv")
    html = error_html(error)
    assert "<img" not in html
    assert "<i>" not in html
    assert "a &amp; b" in html
    assert error_text(error).splitlines()[0] == "<i>.csv: <img src=x onerror=alert(1)>"


def test_a_lazy_value_is_made_once_and_takes_its_own_place():
    namespace: dict[str, Any] = {}
    made: list[str] = []
    namespace["word"] = lazy = Lazy(namespace, "word", lambda: made.append("x") or "electra")
    assert made == []
    assert lazy.upper() == "ELECTRA"
    assert namespace["word"] == "electra"
    assert (repr(lazy), made) == ("'electra'", ["x"])


def test_loading_the_extension_imports_nothing_heavy():
    heavy = ("pandas", "ibis", "pyarrow", "lxml", "deltalake", "ipywidgets", "electra_kernel.workbench.workbench")
    code = (
        "import sys; from electra_kernel.jupyter.extension import load;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_jupyterlab_asks_nothing_of_the_internet():
    found = [Path(folder) / "jupyter_lab_config.json" for folder in jupyter_config_path()]
    settings = [json.loads(file.read_text()) for file in found if file.exists()]
    assert any(
        each.get("LabApp", {}).get("news_url", "") is None
        and each["LabApp"].get("check_for_updates_class", "").endswith("NeverCheckForUpdate")
        for each in settings
    )
