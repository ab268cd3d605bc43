"""Changes of keys cut off anywhere, also by kill -9: both sides hold the same keys in the end, and nothing half-done stays."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel import Workbench
from electra_kernel.channels.base import ChannelError
from electra_kernel.ebics.desk import UserState
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.connections import NotReady
from electra_kernel.workbench.keychanges import KINDS
from electra_kernel.workbench.sandbox import Sandbox
from tests.connection_house import PASSWORD, Killed, opened, quick_keys_fixture  # noqa: F401
from tests.ebics_house import PARTNER, USER, DictDesk
from tests.processes import start
from tests.test_keychanges import copied, made_fixture, works  # noqa: F401

MODES = ("unreached", "answer lost", "nonsense", "killed before", "killed after")


@settings(max_examples=60, deadline=None)
@given(
    what=st.sampled_from(sorted(KINDS)),
    breaks=st.lists(st.tuples(st.integers(1, 4), st.sampled_from(MODES)), min_size=1, max_size=3),
)
def test_wherever_a_change_is_cut_off_both_sides_hold_the_same_keys_in_the_end(
    made: tuple[Path, DictDesk], tmp_path: Path, what: str, breaks: list[tuple[int, str]]
) -> None:
    folder, desk, line = copied(made, tmp_path / "w")
    begun = False
    for exchanges, mode in breaks:
        with opened(folder, line) as wb:
            connection = wb.connections.default()
            line.break_in(exchanges, mode)
            try:
                if begun and connection._line.standing.changing is not None:
                    connection.finish_change()
                elif not begun:
                    begun = True
                    connection.change_keys(what)
            except (ChannelError, EbicsError, Killed):
                pass
    line.fail_at = 0
    with opened(folder, line) as wb:
        connection = wb.connections.default()
        works(connection, desk)
        wb.store.journal.verify()
        connection.change_keys("all")
        works(connection, desk)


@pytest.mark.parametrize("mode", MODES)
def test_giving_up_that_was_cut_off_is_finished_by_whoever_comes_next(
    made: tuple[Path, DictDesk], tmp_path: Path, mode: str
) -> None:
    folder, desk, line = copied(made, tmp_path / "w")
    with opened(folder, line) as wb:
        line.break_in(1, mode)
        with pytest.raises((ElectraError, Killed)):
            wb.connections.default().suspend()
    with opened(folder, line) as wb:
        connection = wb.connections.default()
        assert "connection.suspend()" in connection.next_step
        with pytest.raises(NotReady, match="given up"):
            connection.info(refresh=True)
        assert desk.users[PARTNER, USER].state is UserState.SUSPENDED
        assert connection.state == "given up"


# -- kill -9, against a bank that is a process of its own --------------------------------------------------------------

#: Changes keys over a line on which this process dies at the n-th exchange from now, before or after the bank answers.
_DIES = """
import signal
from electra_kernel import Workbench
from electra_kernel.channels.internet import InternetChannel
at, when, what, password = int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
class Dying:
    count = 0
    def __init__(self, record):
        self.channel = InternetChannel(record.url, ca=Path(record.ca_file))
    def exchange(self, document):
        Dying.count += 1
        if (Dying.count, when) == (at, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        answer = self.channel.exchange(document)
        if (Dying.count, when) == (at, "after"):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    def close(self):
        self.channel.close()
wb = Workbench.open(folder, passwords=lambda _: password, open_channel=Dying)
connection = wb.connections.default()
connection.suspend() if what == "suspend" else connection.change_keys(what)
"""


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox.start(tmp_path_factory.mktemp("bank"), admit=True)
    yield sandbox
    sandbox.stop()


@pytest.mark.parametrize(
    ("what", "at", "when"),
    [
        ("all", 1, "after"),
        ("all", 2, "before"),
        ("all", 2, "after"),
        ("signature", 2, "after"),
        ("suspend", 1, "after"),
    ],
)
def test_a_process_that_is_killed_leaves_a_connection_that_goes_on_by_itself(
    bank: Sandbox, tmp_path: Path, what: str, at: int, when: str
) -> None:
    told, user = bank.info, f"KILL{what}{at}{when}"
    wb = Workbench.open(tmp_path / "w", passwords=lambda _: PASSWORD)
    connection = wb.connect(told.https, host=told.host, partner=told.partner, user=user, ca=told.ca)
    assert connection.initialise(told.fingerprints) == ""
    before = dict(connection.hashes())
    wb.close()
    process = start(_DIES, tmp_path / "w", at, when, what, PASSWORD)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, errors
    wb = Workbench.open(tmp_path / "w", passwords=lambda _: PASSWORD)
    connection = wb.connections.default()
    assert connection.next_step
    if what == "suspend":
        with pytest.raises(NotReady, match="given up"):
            connection.info(refresh=True)
        assert connection.initialise() == ""
    assert connection.info(refresh=True).user.user_id == user
    assert (connection.next_step, connection.state) == ("", "ready")
    assert dict(connection.hashes()) != before
    connection.change_keys("signature")  # signed with the key that counts
    assert [name for name in wb.store.keys.names() if name.endswith("-next")] == []
    wb.close()
