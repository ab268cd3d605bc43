"""Verification of payee as a user of the workbench and of the shell meets it, with a bank in a process of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from electra_kernel import Workbench
from electra_kernel.bank.seed import MAIN_ACCOUNT
from electra_kernel.channels.base import ChannelError
from electra_kernel.cli.app import app
from electra_kernel.orders.lifecycle import EventKind, State
from electra_kernel.orders.model import Transaction
from electra_kernel.orders.status import StatusReport, TransactionStatus
from electra_kernel.workbench.namechecks import NamesNotCheckedYet, NothingToDecide, is_result, note_result
from electra_kernel.workbench.orders import TrackedOrder
from electra_kernel.workbench.sandbox import Sandbox
from electra_kernel.workbench.services import NotPermitted
from tests.bank_house import payment
from tests.slow.test_workbench_eds import Line, of_the_letter
from tests.test_vop import HELD, PRINTER, SLOW, four

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox.start(tmp_path_factory.mktemp("bank"), admit=True)
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="module", params=["H005", "H004"])
def treasury(tmp_path_factory: pytest.TempPathFactory, house: Sandbox, request) -> Iterator[Workbench]:
    workbench = Workbench.open(tmp_path_factory.mktemp("treasury"), passwords=lambda _: PASSWORD)
    info = house.info
    connection = workbench.connect(
        info.https,
        host=info.host,
        partner=info.partner,
        user=f"V{request.param}",
        ca=info.ca,
        version=request.param,
    )
    assert connection.initialise(of_the_letter(house, {"H005": "3.0", "H004": "2.5"}[request.param])) == ""
    yield workbench
    workbench.close()


def sent(treasury: Workbench, *payments: Transaction, check_names: bool | None = True) -> TrackedOrder:
    made = treasury.orders.new(payments or four().transactions, debtor=MAIN_ACCOUNT)
    return made.sign().send(check_names=check_names)


def own_state(house: Sandbox, made: TrackedOrder) -> list[tuple[str, int]]:
    """The order in the bank's own database: its state, and how many of its blocks were kept to be paid."""
    with sqlite3.connect(f"file:{house.data / 'bank.db'}?mode=ro", uri=True) as connection:
        query = 'SELECT state, (SELECT count(*) FROM blocks WHERE blocks."order" = orders.id) FROM orders WHERE message_id = ?'
        return connection.execute(query, (made.record.message_id,)).fetchall()


@pytest.mark.ebics(order_type=("BTU", "BTD", "HVE", "CTV", "VPZ"), version=("H005", "H004"), side=("bank", "client"))
def test_the_result_is_shown_in_words_and_the_released_order_is_executed(treasury: Workbench, house: Sandbox) -> None:
    made = sent(treasury)
    with pytest.raises(NamesNotCheckedYet):
        made.release()
    assert own_state(house, made) == [("waiting", 0)]
    assert made.follow() is State.NAME_CHECK_PENDING
    table = made.name_checks()
    assert list(table["result"]) == ["match", "close match", "no match", "not possible"]
    assert list(table["held name"]) == ["", HELD, "", ""]
    assert list(table["payee"])[2] == "Somebody Else Ltd."
    made.release()
    assert own_state(house, made) == [("taken", 1)]
    house.run("clock", "--advance", "1")
    assert made.follow() is State.EXECUTED
    assert list(made.name_checks()["result"]) == list(table["result"])
    with pytest.raises(NothingToDecide):
        made.cancel_at_bank()


@pytest.mark.ebics(order_type=("BTU", "BTD", "HVE", "CTV", "VPZ"), version=("H005", "H004"), side=("bank", "client"))
def test_a_result_that_is_not_complete_is_shown_and_releases_nothing(treasury: Workbench, house: Sandbox) -> None:
    made = sent(treasury, payment("5", SLOW, name="Lassú Posta Kft."), payment("6", PRINTER, name=HELD))
    assert made.follow() is State.NAME_CHECK_PENDING
    assert list(made.name_checks()["result"]) == ["pending", "match"]
    with pytest.raises(NamesNotCheckedYet, match="still checks"):
        made.release()
    assert own_state(house, made) == [("waiting", 0)]
    house.run("clock", "--advance", "1")
    assert made.follow() is State.NAME_CHECK_PENDING
    assert list(made.name_checks()["result"]) == ["match", "match"]
    assert made.release().status in (State.ACCEPTED, State.EXECUTED)


def test_a_report_that_says_nothing_but_pending_is_one_of_names_while_they_are_checked(treasury: Workbench) -> None:
    made = sent(treasury, payment("5", SLOW, name="Lassú Posta Kft."))
    report = StatusReport(
        message_id="R1",
        created=treasury.clock(),
        original_message_id=made.record.message_id,
        original_format="pain.001.001.09",
        transactions=(TransactionStatus(payment_id="P1", status="PDNG"),),
    )
    assert is_result(report, made)
    note_result(made, report, "")
    assert made.status is State.NAME_CHECK_PENDING
    usual = sent(treasury, payment("7", PRINTER, name=HELD), check_names=False)
    assert not is_result(report, usual)  # of a payment it is said too: that it is not executed yet
    made.cancel_at_bank()


@pytest.mark.ebics(order_type="HVS", version=("H005", "H004"), side=("bank", "client"))
def test_an_order_cancelled_after_the_result_is_never_executed(treasury: Workbench, house: Sandbox) -> None:
    made = sent(treasury)
    assert made.follow() is State.NAME_CHECK_PENDING
    assert made.cancel_at_bank().status is State.CANCELLED
    house.run("clock", "--advance", "2")
    assert made.follow() is State.CANCELLED
    assert own_state(house, made) == [("refused", 0)]
    with pytest.raises(NothingToDecide):
        made.release()


def test_the_same_in_the_shell(treasury: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    monkeypatch.setenv("ELECTRA_PASSWORD_FILE", str(secret))

    def shell(*words: str, typed: str = "") -> str:
        done = CliRunner().invoke(app, [*words, "--workbench", str(treasury.folder)], input=typed)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    paid, given_up = (treasury.orders.new(four().transactions, debtor=MAIN_ACCOUNT) for _ in range(2))
    assert "Nothing was sent" in shell("send", paid.id, "--check-names", typed="n\n")
    assert paid.status in (State.DRAFT, State.READY)
    for made in (paid, given_up):
        assert f"electra names {made.id}" in shell("send", made.id, "--check-names", typed="y\n")
    shell("send", paid.id, "--yes")  # once more: it has arrived already
    told = shell("names", paid.id, "--release", typed="n\n")
    assert ("close match" in told, HELD in told, "Nothing was released" in told) == (True, True, True)
    shell("names", paid.id, "--release", "--yes")
    assert paid.status in (State.ACCEPTED, State.EXECUTED)
    assert "cancelled" in shell("names", given_up.id, "--cancel", typed="y\n")
    assert given_up.status is State.CANCELLED


def test_an_order_that_is_sent_as_usual_is_not_checked(treasury: Workbench, house: Sandbox) -> None:
    made = sent(treasury, payment("5", PRINTER, name="Somebody Else"), check_names=None)
    assert made.status is State.RECEIVED
    assert own_state(house, made) == [("taken", 1)]
    made.follow()
    with pytest.raises(NamesNotCheckedYet, match="not told"):
        made.name_checks()


def test_where_the_bank_offers_no_check_nothing_is_sent(treasury: Workbench) -> None:
    made = treasury.orders.new([payment("5", PRINTER, name=HELD)], debtor=MAIN_ACCOUNT, kind="cross-border")
    with pytest.raises(NotPermitted):
        sending_of(made)
    assert EventKind.QUEUED not in [event.kind for event in made.history]


def sending_of(made: TrackedOrder) -> None:
    if made.check().empty:
        made.sign()
    made.send(check_names=True)


def test_a_release_whose_answer_was_lost_is_made_once_however_often_it_is_tried(tmp_path: Path, house: Sandbox) -> None:
    line = Line()
    workbench = Workbench.open(tmp_path / "w", passwords=lambda _: PASSWORD, open_channel=line.open)
    info = house.info
    connection = workbench.connect(info.https, host=info.host, partner=info.partner, user="VLOST", ca=info.ca)
    assert connection.initialise(info.fingerprints) == ""
    made = sent(workbench)
    made.follow()
    line.lose = 1
    with pytest.raises(ChannelError):
        made.release()
    assert own_state(house, made) == [("taken", 1)]
    assert made.release().status in (State.ACCEPTED, State.EXECUTED)
    assert own_state(house, made) == [("taken", 1)]
    workbench.close()
