"""What holds for every test: strangers judge whatever our two sides of EBICS send, whichever test sends it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.judges import Judge, listening

# The same examples in every run, so that a run says something of the change and not of its luck; `make fuzz` looks for
# new ones. Neither asks how fast the machine is, and what a test writes into its folder for one example does no harm to
# the next. A test that names checks of its own to leave out names these two as well.
_ANY_MACHINE = settings(
    deadline=None, suppress_health_check=(HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
)
settings.register_profile("same examples", _ANY_MACHINE, derandomize=True, database=None)
settings.register_profile("new examples", _ANY_MACHINE)
settings.load_profile("same examples")


@pytest.fixture(scope="session", autouse=True)
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """Fails at the end of a run in which a document broke its schema, or xmlsec1 found a signature wrong."""
    listener = Judge(tmp_path_factory.mktemp("judged"))
    with listening(listener):
        yield listener
    assert listener.wrong == []
