"""Connections that are taken out of a workbench: what stays, what goes, and when it may not be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from electra_kernel import Workbench
from electra_kernel.channels.base import ChannelError
from electra_kernel.cli.app import app
from electra_kernel.ebics.desk import UserState
from electra_kernel.orders.lifecycle import State
from electra_kernel.store.connections import NoSuchConnection
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.removal import OrdersWait
from tests.connection_house import (
    URL,
    Line,
    connected,
    desk_fixture,  # noqa: F401
    line_fixture,  # noqa: F401
    quick_keys_fixture,  # noqa: F401
    workbench_fixture,  # noqa: F401
)
from tests.ebics_house import HOST, PARTNER, USER, DictDesk
from tests.test_workbench import DEBTOR, payment


def mistyped(workbench: Workbench) -> str:
    connection = workbench.connect(URL, host=HOST, partner=PARTNER, user="ANA")
    with pytest.raises((ElectraError, KeyError)):
        connection.initialise()
    return connection.name


def keys(workbench: Workbench) -> list[str]:
    return sorted(path.name for path in (workbench.folder / "keys").glob("*.key"))


@pytest.mark.parametrize("erase", [True, False])
def test_a_mistyped_connection_is_removed_with_its_keys_or_without(
    workbench: Workbench, desk: DictDesk, erase: bool
) -> None:
    right = connected(workbench, desk)
    before, name = keys(workbench), mistyped(workbench)
    own = [file for file in keys(workbench) if file not in before]
    assert len(own) == 3
    told = workbench.connections.remove(name, erase_keys=erase)
    assert list(workbench.connections) == [right.name]
    with pytest.raises(NoSuchConnection):
        workbench.connections[name]
    left = [file for file in keys(workbench) if file not in before]
    assert len(left) == (0 if erase else 3)
    assert all(" removed " in file for file in left)
    assert ("erased" in told, "kept" in told, "The bank" in told) == (erase, not erase, False)
    assert right.ready
    workbench.store.journal.verify()


def test_a_later_connection_of_the_same_name_begins_anew(workbench: Workbench, desk: DictDesk) -> None:
    first = connected(workbench, desk, name="bank")
    hashes = first.hashes()
    assert "The bank still takes orders of ANNA" in workbench.connections.remove("bank")
    assert not first.letter_file.exists()
    again = workbench.connect(URL, host=HOST, partner=PARTNER, user=USER, name="bank")
    assert (again.state, again.begun, again.hashes()) == ("being initialised", False, {})
    assert "Create your keys" in again.next_step
    # The bank forgets the old keys, and takes the new ones as from anybody who comes for the first time.
    desk.users[PARTNER, USER] = replace(desk.users[PARTNER, USER], state=UserState.NEW, certificates={})
    again.initialise()
    assert again.begun
    assert set(again.hashes().values()).isdisjoint(hashes.values())


def test_a_connection_on_which_orders_wait_is_not_removed(workbench: Workbench, desk: DictDesk, line: Line) -> None:
    connection = connected(workbench, desk)
    draft = workbench.orders.new([payment()], debtor=DEBTOR, connection=connection.name)
    order = workbench.orders.new([payment("7")], debtor=DEBTOR, connection=connection.name).sign()
    for _ in range(2):
        with pytest.raises(OrdersWait, match=order.id):
            workbench.connections.remove(connection.name, erase_keys=True)
        assert connection.ready
        assert len(keys(workbench)) == 3
        if order.status is State.SIGNED:
            line.break_in(1, "unreached")
            with pytest.raises(ChannelError):
                order.send()
    order.cancel()
    workbench.connections.remove(connection.name)
    # Orders stay, and what was not signed goes over any connection.
    assert [each.status for each in workbench.orders.values()] == [draft.status, State.CANCELLED]
    assert draft.record.connection is None


def test_the_same_in_the_shell(workbench: Workbench) -> None:
    name = mistyped(workbench)
    place = ("--workbench", str(workbench.folder))

    def shell(*words: str, typed: str = "") -> str:
        done = CliRunner().invoke(app, ["disconnect", name, *words, *place], input=typed)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    assert "Nothing was done" in shell(typed="n\n")
    assert name in workbench.connections
    told = shell("--erase-keys", "--yes")
    assert "Its keys are erased" in told
    assert list(workbench.connections) == []
    assert keys(workbench) == []


def test_what_is_not_there_is_not_removed(workbench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(NoSuchConnection):
        workbench.connections.remove("nobody")
