"""Transactions under everything that can happen to them; with many more examples in ``make fuzz``."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.transactions import Fetching, Sending

_FEW = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.ebics(order_type="BTU", version=("H005", "H004"), side=("bank", "client"))
def test_any_interleaving_of_loss_repetition_reordering_damage_and_crash_ends_in_exactly_one_order():
    run_state_machine_as_test(Sending, settings=_FEW)


@pytest.mark.ebics(order_type="BTD", version=("H005", "H004"), side=("bank", "client"))
def test_any_such_interleaving_gives_the_banks_data_and_acknowledges_only_what_was_put_away():
    run_state_machine_as_test(Fetching, settings=_FEW)
