"""The table of what is proved is whole, and says what pytest finds."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

from electra_kernel.bank.explain import ORDER_TYPES as WORDS
from electra_kernel.ebics import enrolment, server
from electra_kernel.ebics.documents import SIGNATURE_ONLY
from electra_kernel.ebics.edsparams import EDS_TYPES
from electra_kernel.ebics.ordertypes import FILE_TYPES, business_of
from electra_kernel.ebics.version import VERSIONS

ROOT = Path(__file__).resolve().parents[1]


def _tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_tables", ROOT / "docs" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def engine() -> set[str]:
    """Every order type the bank's engine does something of its own for."""
    handled = server._FETCHING | server._SENDING | SIGNATURE_ONLY | EDS_TYPES | set(enrolment._STATES)
    return {*handled, "HEV", "HPB", *FILE_TYPES.values()}


def _wanted() -> set[tuple[str, str, str]]:
    spoken = {version.protocol: version for version in VERSIONS.values()}
    refused = {(order_type, protocol, "bank") for order_type in _tables().REFUSED for protocol in spoken}
    return refused | {
        (order_type, protocol, side)
        for order_type, protocol, side in product(engine() | set(_tables().SERVICES), spoken, ("bank", "client"))
        # Orders that carry any file by a name of its own are of the versions before BTF.
        if not (order_type in FILE_TYPES.values() and spoken[protocol].services)
    }


def test_every_order_type_of_the_engine_is_proved_in_every_version_on_both_sides():
    assert sorted(_wanted() - set(_tables().proofs())) == []


def test_nothing_is_claimed_for_order_types_the_engine_does_not_know():
    assert sorted(set(_tables().proofs()) - _wanted()) == []


def test_every_order_type_of_the_engine_has_words_in_the_log_and_the_table():
    assert set(WORDS) == engine()


def test_services_with_rules_of_their_own_are_order_types_of_the_table_and_what_is_refused_is_none():
    assert all(business_of(code) for code in _tables().SERVICES)
    assert not set(_tables().REFUSED) & engine()


def test_an_order_type_without_a_test_is_noticed(tmp_path: Path):
    (tmp_path / "test_one.py").write_text(
        "import pytest\n@pytest.mark.ebics(order_type='BTU', version=('H005', 'H004'), side='bank')\ndef test_a(): ...\n"
    )
    found = _tables().proofs(tmp_path)
    assert found == {("BTU", version, "bank"): ("test_one.py::test_a",) for version in ("H005", "H004")}
    assert ("BTD", "H005", "bank") in _wanted() - set(found)


def test_the_marks_that_are_read_are_those_that_pytest_collects():
    proved = _tables().proofs()
    named = {name for names in proved.values() for name in names}
    files = sorted({f"tests/{name.partition('::')[0]}" for name in named})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-m", "ebics", *files]
    collected = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line.partition("[")[0] for line in collected.stdout.splitlines() if "::" in line]
    if any(name.startswith("interop/") for name in named):
        pytest.importorskip("painfree")
    assert {line.removeprefix("tests/") for line in lines} == named
