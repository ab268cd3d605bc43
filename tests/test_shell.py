"""``electra`` in the shell: what is typed wrongly, what is not there, orders given up, connections with a name of one's own."""

from __future__ import annotations

import ssl
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from electra_kernel import Workbench
from electra_kernel.cli import in_the_shell, main
from electra_kernel.orders.lifecycle import State
from electra_kernel.store.orders import EventKind
from electra_kernel.vocabulary.errors import ElectraError, cause_of
from electra_kernel.vocabulary.faults import explain
from electra_kernel.workbench.orders import OrderNotReady
from tests.connection_house import (
    PASSWORD,
    Line,
    connected,
    desk_fixture,  # noqa: F401
    line_fixture,  # noqa: F401
    quick_keys_fixture,  # noqa: F401
    workbench_fixture,  # noqa: F401
)
from tests.ebics_house import HOST, PARTNER, USER, DictDesk
from tests.test_workbench import DEBTOR, payment

#: A port of this machine at which nobody listens.
_NOBODY = "http://127.0.0.1:9/ebics"
#: What no user should have to understand.
_PYTHON = (
    "Traceback",
    "Errno",
    "None",
    "codec",
    "argument",
    "parameter",
    "Input should",
    "Value error",
    "_ssl.c",
    "…)",
)


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("ELECTRA_PASSWORD_FILE", "password")


@pytest.fixture(name="shell")
def shell_fixture(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Types a command; gives its exit status and what it wrote to both streams."""

    def typed(*words: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["electra", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    return typed


_WRONG = {
    "nonsense": "There is no command nonsense.",
    "read": "FILES is missing.",
    "read --nonsense x": "There is no option --nonsense.",
    "convert a": "OUT is missing.",
    "convert a b c": "There is no place for c.",
    "convert a b --on tomorrow": "--on takes a date.",
    "convert a b --to": "--to needs a value.",
    "connect": "URL is missing.",
    "connect https://bank.example": "--host is missing.",
    "demo --seed abc": "--seed takes a whole number.",
    "watch --every abc": "--every takes a number.",
    "names 1 --release --cancel": "Give --release or --cancel, not both.",
    "keys version": "EBICS is missing.",
    "bank serve --port 99999999": "--port is 65535 at most.",
    "bank log --last -3": "--last is 0 at least.",
}


@pytest.mark.parametrize("words", _WRONG)
def test_a_command_line_that_is_wrong_is_told_in_one_plain_line(shell, words: str) -> None:
    status, out, err = shell(*words.split())
    assert (status, out) == (2, "")
    assert err.startswith("Error: electra")
    assert err.count("\n") == 1
    assert _WRONG[words] in err
    assert err.endswith("--help.\n")
    assert not [word for word in _PYTHON if word in err]


_WORKBENCH_COMMANDS = (
    "orders", "send x", "cancel x", "names x", "to-sign", "sign x", "statements", "connections", "disconnect x",
    "order x", "watch", "keys letter a.pdf", "keys export a", "keys password", "keys change", "keys suspend --yes",
    "keys renew", "keys version H005",
)  # fmt: skip


@pytest.mark.parametrize("words", _WORKBENCH_COMMANDS)
def test_a_command_without_its_workbench_says_so_and_makes_none(shell, words: str, tmp_path: Path) -> None:
    for place in ("nowhere", "text.txt"):
        status, _, err = shell(*words.split(), "--workbench", place)
        assert status == 1
        assert f"Error: {place}: There is no workbench here." in err
        assert "Repair: Name its folder with --workbench DIR." in err
    assert not (tmp_path / "nowhere").exists()


_IDS = f"--host {HOST} --partner {PARTNER} --user {USER} -w wb"
_FAILS = {
    "lab nowhere": "There is no such folder.",
    "demo --out text.txt": "A file stands where a folder is needed.",
    "bank log --data nowhere": "There is no sandbox bank in nowhere.",
    "keys restore nowhere": "No such file or directory.",
    "keys restore folder": "Is a directory.",
    f"connect {_NOBODY} {_IDS}": "Connection refused.",
    f"connect {_NOBODY} {_IDS} --ca nowhere": "No such file or directory.",
    f"connect {_NOBODY} {_IDS} --ca text.txt": "no certificate or crl found.",
    f"connect {_NOBODY} {_IDS} --profile binary": "it is no TOML: it is not text in UTF-8.",
    f"connect ftp://x {_IDS}": "orders and statements travel over https only.",
    f"connect {_NOBODY} --host {HOST} --partner P_P --user {USER} -w wb": "has a form EBICS does not allow.",
}


@pytest.mark.parametrize("words", _FAILS)
def test_what_cannot_be_done_is_told_with_cause_and_repair(shell, words: str) -> None:
    status, _, err = shell(*words.split())
    assert status == 1
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert _FAILS[words] in err
    assert "Repair: " in err
    assert not [word for word in _PYTHON if word in err]
    if words.endswith("P_P --user ANNA -w wb"):
        assert "Whose: what was given" in err


def test_settings_and_password_files_that_are_no_text_are_told_in_plain_words(
    shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wb").mkdir()
    (tmp_path / "wb" / "electra.toml").write_bytes(b"\xff\xfe")
    assert "Cause: it is not text in UTF-8." in shell("orders", "-w", "wb")[2]
    (tmp_path / "empty").write_text("")
    for name, cause in (
        ("empty", "it is empty."),
        ("folder", "Is a directory."),
        ("binary", "it is not text in UTF-8."),
    ):
        monkeypatch.setenv("ELECTRA_PASSWORD_FILE", name)
        assert f"Cause: {cause}" in shell("keys", "restore", "text.txt", "-w", "wb2")[2]


def test_a_connection_is_called_as_it_is_named(shell) -> None:
    words = f"connect {_NOBODY} {_IDS}".split()
    assert shell(*words, "--name", "house bank")[0] == 1  # nobody is there; the connection is kept for the next try
    assert shell(*words)[0] == 1
    workbench = Workbench.open("wb")
    assert list(workbench.connections) == [f"{HOST}-{USER}".lower(), "house bank"]
    workbench.close()
    other = " ".join(words).replace(USER, "BELA").split()
    status, _, err = shell(*other, "--name", "house bank")
    assert status == 1
    assert "Choose another name: --name NAME." in err
    # There are no keys whose password could be changed.
    status, _, err = shell("keys", "password", "--connection", "house bank", "-w", "wb")
    assert status == 1
    assert "has no keys yet. " in err


def test_an_order_that_was_never_sent_is_given_up_after_a_yes(
    shell, workbench: Workbench, desk: DictDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(workbench, desk)
    order = workbench.orders.new([payment()], debtor=DEBTOR).sign()
    place = ("--workbench", workbench.folder)
    answers = iter([False, True])
    monkeypatch.setattr("typer.confirm", lambda _: next(answers))
    status, out, _ = shell("cancel", order.id, *place)
    assert (status, order.status) == (0, State.PART_SIGNED)
    assert "Nothing was cancelled." in out
    status, out, _ = shell("cancel", order.id, *place)
    assert (status, order.status) == (0, State.CANCELLED)
    assert out.endswith(f"The order {order.id} is cancelled.\n")
    for command in ("cancel", "send"):
        status, _, err = shell(command, order.id, "--yes", *place)
        assert status == 1
        assert "cancelled" in err
        assert "Repair: " in err
    with pytest.raises(ElectraError, match="is cancelled"):
        order.send()


def test_what_the_bank_has_is_not_given_up_here(shell, workbench: Workbench, desk: DictDesk) -> None:
    connected(workbench, desk)
    order = workbench.orders.new([payment()], debtor=DEBTOR).sign().send()
    status, out, err = shell("cancel", order.id, "--yes", "--workbench", workbench.folder)
    assert (status, out) == (1, "")
    assert "cannot be cancelled. Cause: it is received." in err
    with pytest.raises(OrderNotReady):
        order.must_be_cancellable()


def test_signatures_stay_readable_when_their_connection_is_gone(workbench: Workbench, desk: DictDesk) -> None:
    connection = connected(workbench, desk)
    order = workbench.orders.new([payment()], debtor=DEBTOR, connection=connection.name).sign()
    before = order.signatures
    assert [(each.partner_id, each.user_id) for each in before] == [(PARTNER, USER)]
    order.send()
    order.note(EventKind.BANK_STATUS, state="executed", source="HAC")
    workbench.connections.remove(connection.name)
    assert order.signatures == before
    # A later connection of the same name may be another customer's.
    workbench.connect(_NOBODY, host=HOST, partner="OTHER", user=USER, name=connection.name)
    assert order.signatures == before


def test_a_signature_of_an_older_workbench_is_shown_without_what_was_not_noted(
    workbench: Workbench, desk: DictDesk
) -> None:
    connection = connected(workbench, desk)
    order = workbench.orders.new([payment()], debtor=DEBTOR, connection=connection.name)
    older = {
        "user": USER,
        "connection": connection.name,
        "required": 1,
        "scheme": "A006",
        "digest": "",
        "value": "AA==",
    }
    order.note(EventKind.SIGNED, **older)
    (there,) = order.signatures
    assert there.partner_id == PARTNER
    order.cancel()
    workbench.connections.remove(connection.name)
    assert order.signatures == (replace(there, partner_id=""),)


def test_a_language_without_a_letter_is_refused_before_keys_are_sent(
    workbench: Workbench, desk: DictDesk, line: Line
) -> None:
    connection = workbench.connect("https://bank.example/ebics", host=HOST, partner=PARTNER, user=USER)
    sent = line.count
    with pytest.raises(ElectraError, match="not written in 'xx'"):
        connection.initialise(language="xx")
    assert (line.count, connection.begun) == (sent, False)
    ready = connected(workbench, desk)
    before, sent = ready.hashes(), line.count
    with pytest.raises(ElectraError, match="not written in 'xx'"):
        ready.change_keys("transport", language="xx")
    assert (ready.hashes(), line.count) == (before, sent)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file or directory", "x"), "No such file or directory."),
        (ConnectionRefusedError("[Errno 111] Connection refused"), "Connection refused."),
        (ssl.SSLError(1, "[SSL: BAD] certificate verify failed: expired (_ssl.c:1006)"), "certificate verify failed: expired."),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "it is not text in UTF-8."),
        (TimeoutError(), "timeout error."),
        (ValueError("Why?"), "Why?"),
    ],
)  # fmt: skip
def test_a_cause_needs_no_python_to_be_understood(error: Exception, words: str) -> None:
    assert cause_of(error) == words


def test_every_part_of_an_error_in_one_line_is_a_sentence() -> None:
    line = explain(ElectraError("No", cause="because", repair="Do")).line()
    assert line == (
        "No. Cause: because. Whose: what was given: a file, a word or a number. "
        "Orders and data: Nothing was changed. Repair: Do."
    )
    assert in_the_shell("or cancel them (order.cancel()), then") == "or cancel them (electra cancel ID), then"
