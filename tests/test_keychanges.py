"""Keys exchanged at the bank: whatever breaks, and wherever, both sides hold the same keys in the end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from electra_kernel import Workbench
from electra_kernel.channels.base import ChannelError
from electra_kernel.ebics.desk import KeyUse, UserState
from electra_kernel.ebics.errors import BankRefusal
from electra_kernel.ebics.keys import fingerprint, generate_key, public_key_of
from electra_kernel.orders.lifecycle import EventKind
from electra_kernel.signing.passwordkey import WrongPassword
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.connections import Connection, NotReady
from electra_kernel.workbench.keychanges import KINDS, OrdersUnderWay
from electra_kernel.workbench.lines import AccessRefused
from tests.connection_house import (
    PASSWORD,
    Line,
    connected,
    desk_fixture,  # noqa: F401
    line_fixture,  # noqa: F401
    make_keys_quick,
    opened,
    quick_keys_fixture,  # noqa: F401
    tell,
    workbench_fixture,  # noqa: F401
)
from tests.ebics_house import PARTNER, USER, DictDesk, new_desk, server


def same_keys(connection: Connection, desk: DictDesk) -> bool:
    """Whether the bank holds exactly the keys that count here."""
    held = desk.users[PARTNER, USER].certificates
    return {use.value: fingerprint(der) for use, der in held.items()} == dict(connection.hashes())


def works(connection: Connection, desk: DictDesk) -> None:
    """The connection speaks with the bank, signs with the key the bank holds, and nothing half-done is left."""
    tell(desk, connection.version)
    assert connection.info(refresh=True).user.user_id == USER
    assert same_keys(connection, desk)
    assert connection.next_step == ""
    held = public_key_of(desk.users[PARTNER, USER].certificates[KeyUse.SIGNATURE])
    assert connection.signing_key(PASSWORD).public_key.public_numbers() == held.public_numbers()
    assert [name for name in connection._store.keys.names() if name.endswith("-next")] == []


@pytest.mark.parametrize(("what", "version"), [*((what, "H005") for what in KINDS), ("all", "H004")])
def test_new_keys_count_at_once_on_both_sides(workbench: Workbench, desk: DictDesk, what: str, version: str) -> None:
    connection = connected(workbench, desk, version=version)
    before, letter = dict(connection.hashes()), connection.letter_file.read_bytes()
    after = connection.change_keys(what)
    changed = {use for use in before if before[use] != after[use]}
    assert changed == {use.value for use in KINDS[what][1]}
    works(connection, desk)
    assert connection.letter_file.read_bytes() != letter
    page = "".join(connection.letter("de", "html").decode().split())
    assert all("".join(value.split()) in page for value in after.values())


# -- lines that break --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", name="made")
def made_fixture(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DictDesk]:
    """A ready connection on the disk and its bank, to be copied."""
    place, bank = tmp_path_factory.mktemp("made") / "w", new_desk()
    with pytest.MonkeyPatch.context() as patch:
        make_keys_quick(patch, "made")
        with opened(place, Line(server(bank))) as wb:
            connected(wb, bank)
    return place, bank


def copied(made: tuple[Path, DictDesk], place: Path) -> tuple[Path, DictDesk, Line]:
    folder, bank = made
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder, place)
    fresh = DictDesk(users=dict(bank.users))
    tell(fresh)
    return place, fresh, Line(server(fresh))


@pytest.mark.parametrize("what", ["signature", "all"])
def test_what_arrived_although_the_answer_was_lost_is_found_out_by_the_next_contact(
    made: tuple[Path, DictDesk], tmp_path: Path, what: str
) -> None:
    folder, desk, line = copied(made, tmp_path / "w")
    with opened(folder, line) as wb:
        connection = wb.connections.default()
        before = dict(connection.hashes())
        line.break_in(2, "answer lost")
        with pytest.raises(ChannelError):
            connection.change_keys(what)
        assert not same_keys(connection, desk)
        assert "was cut off" in connection.next_step
        assert "was cut off" in connection._repr_html_()
        with pytest.raises(ElectraError, match="cut off"):
            connection.export_keys(tmp_path / "copy.keys")
        connection.change_password(ask=lambda _: PASSWORD)
        tell(desk)
        connection.info(refresh=True)
        works(connection, desk)
        assert dict(connection.hashes()) != before


def test_a_change_that_the_bank_refuses_leaves_the_old_keys(
    made: tuple[Path, DictDesk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, desk, line = copied(made, tmp_path / "w")
    short = generate_key(1024)
    monkeypatch.setattr("electra_kernel.workbench.broughtkeys.generate_key", lambda bits: short)
    monkeypatch.setattr("electra_kernel.signing.passwordkey._MIN_KEY_BITS", 1024)
    with opened(folder, line) as wb:
        connection = wb.connections.default()
        before = dict(connection.hashes())
        with pytest.raises(BankRefusal, match="too short"):
            connection.change_keys("transport")
        assert dict(connection.hashes()) == before
        works(connection, desk)
        assert wb.store.journal.events(kind="keys-kept")


def test_a_wrong_password_changes_nothing(made: tuple[Path, DictDesk], tmp_path: Path) -> None:
    folder, desk, line = copied(made, tmp_path / "w")
    with opened(folder, line) as wb:
        connection = wb.connections.default()
        for action in (connection.change_keys, connection.suspend):
            with pytest.raises(WrongPassword):
                action(ask=lambda _: "guessed password")  # type: ignore[operator]
        assert line.count == 0
        works(connection, desk)
        with pytest.raises(ElectraError, match="signature, transport, all"):
            connection.change_keys("everything")


# -- orders under way --------------------------------------------------------------------------------------------------


def _order(wb: Workbench, connection: Connection, *kinds: EventKind) -> str:
    document = wb.store.archive.put(b"order", name="order.xml")
    record = wb.store.orders.add(
        kind="sepa", message_id=f"M{len(wb.orders)}", document=document, format="pain.001.001.09"
    )
    wb.store.orders.record(record.id, EventKind.CHECKED, {"problems": 0})
    for kind in kinds:
        wb.store.orders.record(record.id, kind, {"user": USER, "connection": connection.name, "required": 1})
    return record.id


@pytest.mark.parametrize(
    "kinds",
    [
        (EventKind.SIGNED,),
        (EventKind.SIGNED, EventKind.QUEUED, EventKind.SENDING),
    ],
)
def test_no_new_signature_key_while_orders_signed_with_the_old_one_have_not_arrived(
    made: tuple[Path, DictDesk], tmp_path: Path, kinds: tuple[EventKind, ...]
) -> None:
    folder, desk, line = copied(made, tmp_path / "w")
    with opened(folder, line) as wb:
        connection = wb.connections.default()
        number = _order(wb, connection, *kinds)
        for what in ("signature", "all"):
            with pytest.raises(OrdersUnderWay, match=number) as caught:
                connection.change_keys(what)
            assert "send_outbox" in caught.value.repair
        assert line.count == 0
        connection.change_keys("transport")  # signatures do not depend on these
        works(connection, desk)
        wb.store.orders.record(number, EventKind.RECEIVED, {"order_id": "A001"})
        if EventKind.QUEUED in kinds:
            connection.change_keys("signature")
            works(connection, desk)


# -- giving the access up ----------------------------------------------------------------------------------------------


def test_an_access_that_was_given_up_begins_again_with_new_keys(made: tuple[Path, DictDesk], tmp_path: Path) -> None:
    folder, desk, line = copied(made, tmp_path / "w")
    with opened(folder, line) as wb:
        connection = wb.connections.default()
        number = _order(wb, connection, EventKind.SIGNED, EventKind.QUEUED)
        before = dict(connection.hashes())
        step = connection.suspend()
        assert number in step
        assert desk.users[PARTNER, USER].state is UserState.SUSPENDED
        assert connection.state == "given up"
        assert "connection.initialise(new_keys=True)" in connection.next_step
        with pytest.raises(NotReady, match="not ready") as caught:
            connection.info(refresh=True)
        assert "given up" in caught.value.repair
        with pytest.raises(NotReady):
            connection.suspend()
        line.break_in(2, "answer lost")
        with pytest.raises(ChannelError):
            connection.initialise()
        assert "Print the letter" in connection.initialise()
        assert set(connection.hashes().values()).isdisjoint(before.values())
        desk.activate()
        tell(desk)
        assert connection.initialise() == ""  # the bank's keys are those trusted before
        works(connection, desk)


def test_keys_that_the_bank_no_longer_knows_are_told_in_words(made: tuple[Path, DictDesk], tmp_path: Path) -> None:
    folder, _, line = copied(made, tmp_path / "w")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder, elsewhere)
    with opened(elsewhere, line) as wb:
        wb.connections.default().change_keys("transport")
    with opened(folder, line) as wb:
        connection = wb.connections.default()
        with pytest.raises(AccessRefused) as caught:
            connection.info(refresh=True)
        assert caught.value.code == "061001"
        assert "changed on another machine" in connection.next_step
        for action in (connection.change_keys, connection.suspend):
            with pytest.raises(AccessRefused):
                action()  # type: ignore[operator]
        assert connection._line.standing.changing is None
        assert connection.state == "refused by the bank"
