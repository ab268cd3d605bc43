"""Changes of keys cut off anywhere, also by kill -9: both sides hold the same keys in the end, and nothing half-done stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from electra_kernel.channels.base import ChannelError
from electra_kernel.ebics.desk import UserState
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.connections import NotReady
from electra_kernel.workbench.keychanges import KINDS
from tests.connection_house import Killed, opened, quick_keys_fixture  # noqa: F401
from tests.ebics_house import PARTNER, USER, DictDesk
from tests.test_keychanges import copied, made_fixture, works  # noqa: F401

MODES = ("unreached", "answer lost", "nonsense", "killed before", "killed after")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
