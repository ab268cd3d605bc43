"""The state machines of ``tests.transactions`` with many more examples, for the long campaign."""

from __future__ import annotations

import traceback

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.transactions import Fetching, Sending

MACHINES = {machine.__name__: machine for machine in (Sending, Fetching)}


def interleave(name: str, number: int, examples: int) -> str:
    """Run a machine; gives what was found wrong with it, empty where nothing was."""
    many = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    machine = seed(number)(type(name, (MACHINES[name],), {}))
    try:
        run_state_machine_as_test(machine, settings=many)
    except Exception:
        return traceback.format_exc()
    return ""
