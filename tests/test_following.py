"""What the bank tells of orders, as the workbench notes it."""

from __future__ import annotations

from dataclasses import replace

from electra_kernel import Workbench
from electra_kernel.ebics.desk import UserState
from electra_kernel.ebics.hac import FINAL_POSITIVE, HacEvent, write_hac
from electra_kernel.orders.lifecycle import EventKind, State
from electra_kernel.workbench import sending
from tests.connection_house import (
    URL,
    bank_hashes,
    connected,
    desk_fixture,  # noqa: F401
    line_fixture,  # noqa: F401
    quick_keys_fixture,  # noqa: F401
    tell,
    workbench_fixture,  # noqa: F401
)
from tests.ebics_house import HOST, NOW, PARTNER, DictDesk, ready_user
from tests.test_workbench import DEBTOR, payment


def test_what_the_bank_tells_two_users_of_one_customer_is_told_once(workbench: Workbench, desk: DictDesk) -> None:
    first = connected(workbench, desk)
    desk.users[PARTNER, "BELA"] = replace(ready_user("BELA"), state=UserState.NEW, certificates={})
    second = workbench.connect(URL, host=HOST, partner=PARTNER, user="BELA")
    second.initialise()
    desk.activate("BELA")
    tell(desk, second.version)
    assert second.initialise(bank_hashes(second)) == ""
    order = workbench.orders.new([payment()], debtor=DEBTOR, connection=first.name).sign().send()
    told = [
        HacEvent(action="FILE_UPLOAD", at=NOW, admin_type="BTU", order_id=order.bank_id, digest=order.digest),
        HacEvent(action="VEU_FORWARDING", at=NOW, admin_type="BTU", order_id=order.bank_id, reason="DS06"),
        HacEvent(action=FINAL_POSITIVE, at=NOW, admin_type="BTU", order_id=order.bank_id),
    ]
    lengths = []
    for connection in (first, second, first):
        desk.mail["HAC"] = write_hac(told, bank_bic="ELTRHUHB", message_id="M1", created=NOW)
        assert sending.follow(workbench, connection) == 1
        lengths.append(len(order.history))
    assert order.status is State.ACCEPTED
    assert lengths == [lengths[0]] * 3
    assert [event.data["state"] for event in order.history if event.kind is EventKind.BANK_STATUS] == [
        "awaiting-signatures",
        "accepted",
    ]
