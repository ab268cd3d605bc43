"""`electra keys …`, `electra order` and `electra watch` as people start them, against a real bank."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from electra_kernel import Workbench
from electra_kernel.workbench.sandbox import Sandbox
from tests.processes import ROOT
from tests.test_workbench import DEBTOR, payment

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox.start(tmp_path_factory.mktemp("bank"), admit=True)
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, bank: Sandbox) -> Path:
    place = tmp_path_factory.mktemp("treasury")
    (place / "password").write_text(PASSWORD)
    workbench = Workbench.open(place / "w", passwords=lambda _: PASSWORD)
    info = bank.info
    connection = workbench.connect(info.https, host=info.host, partner=info.partner, user="CLI", ca=info.ca, name="cli")
    connection.initialise(info.fingerprints)
    order = workbench.orders.new([payment()], debtor=DEBTOR)
    order.sign()
    order.send()
    workbench.close()
    return place


def started(folder: Path, *words: str, workbench: str = "w") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "electra_kernel", *words, "--workbench", str(folder / workbench)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ELECTRA_PASSWORD_FILE": str(folder / "password")}
    return subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )


def electra(folder: Path, *words: str, workbench: str = "w") -> tuple[int, str, str]:
    process = started(folder, *words, workbench=workbench)
    out, errors = process.communicate(timeout=300)
    return process.returncode, out, errors


def test_a_letter_is_written_in_a_language_and_a_form(folder: Path) -> None:
    assert electra(folder, "keys", "letter", "l.pdf", "--language", "hu")[0] == 0
    assert (folder / "l.pdf").read_bytes().startswith(b"%PDF")
    assert electra(folder, "keys", "letter", "l.html", "--language", "de")[0] == 0
    assert "Initialisierungsbrief" in (folder / "l.html").read_text("utf-8")
    code, _, errors = electra(folder, "keys", "letter", "l.pdf", "--language", "xx")
    assert code == 1
    assert "en, de, fr, hu" in errors


def test_keys_are_exported_and_restored_into_another_workbench(folder: Path) -> None:
    assert electra(folder, "keys", "export", "k.keys")[0] == 0
    code, _, errors = electra(folder, "keys", "export", "k.keys")
    assert code == 1
    assert "Whose: " in errors
    code, out, errors = electra(folder, "keys", "restore", "k.keys", workbench="again")
    assert code == 0, errors
    assert "cli is ready" in out
    assert electra(folder, "keys", "password", workbench="again")[0] == 0


def test_an_order_tells_its_story(folder: Path) -> None:
    (number,) = Workbench.open(folder / "w").orders
    code, out, errors = electra(folder, "order", number)
    assert code == 0, errors
    assert "CLI signed (A006)" in out
    assert "the bank took it (order id " in out


def test_watching_prints_news_and_ends_with_ctrl_c(folder: Path, bank: Sandbox) -> None:
    process = started(folder, "watch")
    assert process.stdout is not None
    said = [process.stdout.readline()]
    bank.run("clock", "--advance", "1")
    # News may be told before the word that it is listened for.
    while not all(any(word in line for line in said) for word in ("Watching cli", "new entries")):
        said.append(process.stdout.readline())
        assert said[-1], said
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Connection" in out


def test_keys_are_changed_given_up_and_begun_anew(folder: Path, bank: Sandbox) -> None:
    restored = electra(
        folder, "keys", "restore", "k.keys", "--name", "mine", "--ca", str(bank.info.ca), workbench="life"
    )
    assert restored[0] == 0
    code, out, errors = electra(folder, "keys", "change", "transport", workbench="life")
    assert code == 0, errors
    assert "authentication " in out
    assert electra(folder, "keys", "version", "H004", workbench="life")[0] == 0
    code, out, _ = electra(folder, "connections", workbench="life")
    assert "EBICS 2.5 (H004)" in out
    assert electra(folder, "keys", "version", "H005", workbench="life")[0] == 0
    code, out, errors = electra(folder, "connections", "mine", "--fetch", workbench="life")
    assert code == 0, errors
    for words in ("State at the bank: ready", "E: signs alone", "HU42 1177 3016"):
        assert words in out
    assert "nan" not in out
    code, out, errors = electra(folder, "keys", "suspend", "--yes", workbench="life")
    assert code == 0, errors
    assert "electra keys renew" in out
    code, out, errors = electra(folder, "statements", "--fetch", workbench="life")
    assert code == 1
    assert "given up" in errors
    code, out, errors = electra(folder, "keys", "renew", workbench="life")
    assert code == 0, errors
    assert "mine is ready" in out


# Last: from here on there are two connections.
def test_a_bank_is_named_where_there_are_several_and_may_have_order_types_of_its_own(
    folder: Path, bank: Sandbox
) -> None:
    own, info = folder / "own.toml", bank.info
    place = ("--host", info.host, "--partner", info.partner, "--ca", str(info.ca))
    code, _, errors = electra(folder, "connect", info.https, *place, "--user", "TWO", "--profile", "none.toml")
    assert code == 1
    assert "own order types cannot be read" in errors
    own.write_text("")
    code, _, errors = electra(folder, "connect", info.https, *place, "--user", "TWO", "--profile", str(own))
    assert (code, "Whose: what was given" in errors) == (1, True)
    own.write_text('[[order]]\ncode = "XYZ"\ndirection = "upload"\nservice = "SCT"\nmessage = "pain.001"\n')
    code, _, errors = electra(folder, "connect", info.https, *place, "--user", "TWO", "--profile", str(own))
    assert code == 0, errors
    code, _, errors = electra(folder, "statements", "--fetch")
    assert code == 1
    assert "Add --connection with one of: cli, " in errors
    # Its keys were changed from another folder meanwhile: that the bank says so shows that the bank named was asked.
    code, _, errors = electra(folder, "statements", "--fetch", "--connection", "cli")
    assert (code, "The bank refuses CLI" in errors) == (1, True), errors
