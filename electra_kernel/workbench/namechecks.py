"""Names of payees checked by the bank before it pays: the result is shown, and the order released or cancelled as a whole.

The rule: nothing is released before the bank has told its result. Dropping a single payment means a new order.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import pandas as pd

from electra_kernel import formats
from electra_kernel.channels.base import ChannelError
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.ebics.signature import order_digest, raw_digest
from electra_kernel.orders.lifecycle import EventKind, OrderEvent, State
from electra_kernel.orders.status import StatusReport, TransactionStatus
from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.passwords import PasswordSource

if TYPE_CHECKING:
    from electra_kernel.workbench.orders import TrackedOrder
    from electra_kernel.workbench.waiting import WaitingItem

#: How the journal names the source of such a result.
SOURCE = "VOP"
#: Results of one payment (ISO 20022 ExternalPaymentTransactionStatus1Code) in words.
WORDS = {"RCVC": "match", "RVMC": "close match", "RVNM": "no match", "RVNA": "not possible", "PDNG": "pending"}
#: Of a whole order (ExternalPaymentGroupStatus1Code): complete, with names that differ, not complete.
_GROUPS = {"RCVC": "every name matches", "RVCM": "some names do not match", "RVNC": "not complete yet"}
_UNFINISHED = frozenset({"RVNC", "PDNG"})
_COLUMNS = ["payee", "account", "amount", "currency", "result", "held name"]
#: Where the bank still lets an order go.
_UNDECIDED = frozenset({State.RECEIVED, State.NAME_CHECK_PENDING, State.AWAITING_SIGNATURES})


class NamesNotCheckedYet(ElectraError):
    """The bank has not told whether the names are right."""


class NothingToDecide(ElectraError):
    """The order does not wait at the bank."""


def is_result(report: StatusReport, order: TrackedOrder) -> bool:
    """Whether a status report tells of checked names, and not of a payment.

    ``PDNG`` alone is said of both: it tells of names while the order waits for their check.
    """
    statuses = _statuses(report) | {report.group_status}
    if statuses & ((WORDS.keys() | _GROUPS.keys()) - {"PDNG"}):
        return True
    return "PDNG" in statuses and order.checks_names and order.status in (State.RECEIVED, State.NAME_CHECK_PENDING)


def note_result(order: TrackedOrder, report: StatusReport, file: str) -> None:
    """Write a result into the order's journal; ``file`` is its place in the archive."""
    words = _GROUPS.get(report.group_status, "")
    order.note(
        EventKind.BANK_STATUS,
        state=State.NAME_CHECK_PENDING.value,
        source=SOURCE,
        reason=f"{words} ({report.group_status})" if words else report.group_status,
        file=file,
    )


def name_checks(order: TrackedOrder) -> pd.DataFrame:
    """What the bank found out about each payee, in the order of the payments.

    Returns:
        One row a payment: payee, account, amount (Decimal), currency, result (match, close match, no match, not
        possible, pending, not told), held name (given for close matches only).

    Raises:
        NamesNotCheckedYet: the bank has told nothing.
    """
    told = _by_payment(order, _report(order))
    rows = [
        (
            payment.counterparty.name,
            format_account(payment.counterparty.account),
            payment.amount.amount,
            payment.amount.currency,
            "not told" if row is None else WORDS.get(row.status, row.status),
            "" if row is None else "; ".join(reason.text for reason in row.reasons if reason.text),
        )
        for payment, row in zip(order.order.transactions, told, strict=True)
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _report(order: TrackedOrder) -> StatusReport:
    results = [event for event in order.history if _is_result_event(event)]
    if not results:
        raise NamesNotCheckedYet(
            f"The bank has not told whether the names of the order {order.id} are right.",
            cause="its report has not been fetched yet." if order.checks_names else "it was not asked to check them.",
            repair="Run order.follow()." if order.checks_names else "Send an order with order.send(check_names=True).",
        )
    sha = str(results[-1].data["file"])
    message_id = order.record.message_id
    reports = formats.read(order.archived(sha), sha).reports
    return next(report for report in reports if report.original_message_id == message_id)


def _is_result_event(event: OrderEvent) -> bool:
    return event.kind is EventKind.BANK_STATUS and event.data.get("source") == SOURCE


def _by_payment(order: TrackedOrder, report: StatusReport) -> list[TransactionStatus | None]:
    """The row of each payment: by its place where the bank tells of all, else by its ids where these are not repeated."""
    payments, rows = order.order.transactions, report.transactions
    if [row.end_to_end_id for row in rows] == [payment.end_to_end_id or "NOTPROVIDED" for payment in payments]:
        return list(rows)
    return [
        found[0]
        if len(found := [row for row in rows if row.end_to_end_id == (payment.end_to_end_id or "NOTPROVIDED")]) == 1
        else None
        for payment in payments
    ]


def _unfinished(report: StatusReport) -> bool:
    """Whether names are still being checked: as the bank says of the whole, else as it says of any payment."""
    if report.group_status:
        return report.group_status in _UNFINISHED
    return bool(_statuses(report) & _UNFINISHED)


def _statuses(report: StatusReport) -> set[str]:
    return {row.status for row in report.transactions} | {row.status for row in report.payments}


def release(order: TrackedOrder, ask: PasswordSource | None) -> None:
    """Sign the waiting order at the bank, now that the result is known (HVE)."""
    if _unfinished(_report(order)):
        raise NamesNotCheckedYet(
            f"The bank still checks names of the order {order.id}.", repair="Run order.follow() again later."
        )
    item = _waiting(order)
    if item is None:
        return
    item.show()
    item.sign(ask=ask)
    user = item.connection.record.user
    order.note(EventKind.BANK_STATUS, state=State.AWAITING_SIGNATURES.value, source="HVE", reason=f"released by {user}")
    _look(order)


def cancel(order: TrackedOrder, ask: PasswordSource | None) -> None:
    """Give the waiting order up at the bank (HVS)."""
    item = _waiting(order)
    if item is None:
        return
    item.cancel(ask=ask)
    order.note(EventKind.CANCELLED, at_bank=1, user=item.connection.record.user)
    _look(order)


def _waiting(order: TrackedOrder) -> WaitingItem | None:
    """The order as the bank holds it; ``None`` where an earlier try, whose answer was lost, has decided it already."""
    if order.status in _UNDECIDED:
        mine = (order.digest, raw_digest(order.document), order_digest(order.document))
        found = next((item for item in order.connection.waiting() if item.told.digest in mine), None)
        if found is not None:
            return found
        order.follow()
        if order.status not in _UNDECIDED:
            return None
    raise NothingToDecide(
        f"The order {order.id} does not wait at the bank.",
        cause=f"it is {order.status.value}.",
        repair="See order.events() for what happened to it.",
    )


def _look(order: TrackedOrder) -> None:
    """See at once what became of it; that this cannot be seen now changes nothing of what was decided."""
    with suppress(ChannelError, EbicsError):
        order.follow()


def choice(history: list[OrderEvent]) -> bool:
    """Whether the latest wish to send the order was one to have its names checked."""
    wishes: list[Mapping[str, object]] = [event.data for event in history if event.kind is EventKind.QUEUED]
    return bool(wishes and wishes[-1].get("check_names"))
