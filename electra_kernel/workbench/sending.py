"""Sending and following orders: arrival is proved, never assumed.

The rule: before bytes of an order leave, the journal says so (``sending``). An order whose sending was cut off is looked
up at the bank (HAC, by its hash) before anything is sent again, and a bank that still gets it twice refuses it by its
hash (EBICS return code 091122), which is a proof of arrival too. A large upload that was cut off is first gone on with,
in the transaction that the bank still has open; only where it has none the order is sent anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from electra_kernel import formats
from electra_kernel.channels.base import BankUnreachable, ChannelError
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.client import Upload
from electra_kernel.ebics.errors import BankRefusal, EbicsError, LocalProtocolError, OrderAlreadyThere
from electra_kernel.ebics.hac import FINAL_NEGATIVE, FINAL_POSITIVE, HacEvent, read_hac
from electra_kernel.ebics.segments import bytes_in
from electra_kernel.orders.lifecycle import EventKind, State
from electra_kernel.orders.status import StatusReport
from electra_kernel.vocabulary.errors import ElectraError, Problem, UnreadableFile
from electra_kernel.workbench import namechecks
from electra_kernel.workbench.fetching import Fetched, fetched
from electra_kernel.workbench.progress import shown
from electra_kernel.workbench.services import (
    name_check_services,
    order_service,
    others_must_sign,
    signatures_required,
    status_services,
)
from electra_kernel.workbench.unfinished import Unfinished, sweep

if TYPE_CHECKING:
    from electra_kernel.workbench.connections import Connection, Conversation
    from electra_kernel.workbench.orders import TrackedOrder
    from electra_kernel.workbench.workbench import Workbench

#: Signed, sent off, and not yet proved to have arrived.
WAITING = frozenset({State.QUEUED, State.SENT})

#: What may be sent: also with fewer signatures than the bank wants, which then collects the others.
_SENDABLE = WAITING | {State.SIGNED, State.PART_SIGNED}

#: Where uploads under way are kept.
_OUTGOING = "outgoing"
#: The bank knows the transaction no more, has given it up, or does not let it be gone on with.
_CANNOT_GO_ON = frozenset({"091101", "091102", "091104", "091105", "061101"})

#: ISO 20022 status codes (ExternalPaymentGroupStatus1Code) as states of an order.
_STATES_BY_STATUS = {
    "RCVD": State.RECEIVED,
    "ACTC": State.ACCEPTED,
    "ACCP": State.ACCEPTED,
    "ACSP": State.ACCEPTED,
    "ACWC": State.ACCEPTED,
    "PATC": State.ACCEPTED,
    "PDNG": State.ACCEPTED,
    "ACSC": State.EXECUTED,
    "ACCC": State.EXECUTED,
    "PART": State.PART_EXECUTED,
    "RJCT": State.REJECTED,
}

_STATES_BY_ACTION = {
    "VEU_FORWARDING": State.AWAITING_SIGNATURES,
    FINAL_POSITIVE: State.ACCEPTED,
    FINAL_NEGATIVE: State.REJECTED,
}
#: Only an order that arrived and was taken has such events, whatever became of it then.
_WAITED = "VEU_"
#: Action and reason: put where orders wait, and signed there.
_FORWARDED, _SIGNED_THERE = ("VEU_FORWARDING", "DS06"), ("VEU_VERIFICATION", "DS01")


class NotSignedYet(ElectraError):
    """The order lacks signatures, so it cannot be sent."""


def signatures_needed(connection: Connection, kind: str) -> int:
    """How many signatures the bank wants for this kind of order; at least one."""
    info = connection.info()
    return signatures_required(order_service(kind, info), info)


def send(workbench: Workbench, order: TrackedOrder, *, check_names: bool | None = None) -> None:
    """Bring a signed order to the bank, exactly once however often this is called.

    Where the bank wants more signatures than the order has, it waits there for the others' (``Workbench.to_sign``).

    Args:
        check_names: whether the bank checks the names of payees first; as wished before by default, else not.

    Raises:
        NotPermitted: the bank does not check names for this user and kind of order. Nothing was done.
        NotSignedYet: nobody has signed it.
        ElectraError: it is cancelled.
        ChannelError, EbicsError: the bank was not reached, the line broke, or the bank refused. The order stays in the
            outbox; send again later.
    """
    if order.status not in _SENDABLE:
        if order.status in (State.DRAFT, State.READY):
            raise NotSignedYet(f"The order {order.id} is {order.status.value}.", repair="Sign it first: order.sign().")
        if order.status is State.CANCELLED:
            raise ElectraError(f"The order {order.id} is cancelled.", repair="Make it anew from its file.")
        return  # it has arrived already
    connection = workbench.connections.default(order.record.connection or None)
    with workbench.store.lock(f"order-{order.id}"):
        if order.status not in _SENDABLE:
            return  # another program has just sent it
        checked = order.checks_names if check_names is None else check_names
        order_service(order.record.kind, connection.info(), check_names=checked)
        wish = {"check_names": 1} if checked else {}
        order.note(EventKind.QUEUED, connection=connection.name, **wish, **_lacking(order, connection))
        with connection.conversation() as talk:
            sweep(workbench.store.folder / _OUTGOING, lambda: {each.id for each in workbench.orders.outbox()})
            unfinished = _unfinished(workbench, order, connection)
            if not _has_arrived(workbench, order, talk) and not _go_on(workbench, order, connection, talk, unfinished):
                _upload(order, connection, talk, unfinished)
            unfinished.forget()


def _lacking(order: TrackedOrder, connection: Connection) -> dict[str, int]:
    lacking = signatures_needed(connection, order.record.kind) - len(order.signers)
    return {"lacking": lacking} if lacking > 0 else {}


def _has_arrived(workbench: Workbench, order: TrackedOrder, talk: Conversation) -> bool:
    """Whether an earlier attempt, cut off in the middle, did reach the bank; asks only where there was one."""
    attempts = [event for event in order.history if event.kind is EventKind.SENDING]
    if not attempts:
        return False
    # First what is new at the bank: that needs no agreement on what day it is.
    try:
        _take_protocol(workbench, order.connection, talk)
    except (ChannelError, EbicsError):
        if order.status in WAITING:
            raise  # else the bank's word was heard, and only the receipt for it was lost
    if order.status not in WAITING:
        return True
    # Then what somebody else may have fetched. A day more on both sides: the bank may count its days in another zone.
    start = min(attempt.at for attempt in attempts).date() - timedelta(days=1)
    download = talk.client.download(admin_type="HAC", start=start, end=workbench.today() + timedelta(days=1))
    talk.run(download)
    if download.data is None:
        return False
    proof = proof_of_arrival(read_hac(download.data), order.digest)
    talk.acknowledge(download)
    if proof is not None:
        order.note(EventKind.RECEIVED, order_id=proof.order_id, proof="HAC")
    return proof is not None


def proof_of_arrival(events: Iterable[HacEvent], digest: bytes) -> HacEvent | None:
    """The event that proves that the bank took an order with this hash; what it took and refused is no proof.

    Args:
        events: the bank's protocol (HAC).
        digest: the order's 32-byte hash.
    """
    protocol = list(events)
    refused = {event.order_id for event in protocol if event.action == FINAL_NEGATIVE}
    refused -= {event.order_id for event in protocol if event.action.startswith(_WAITED)}
    return next((event for event in protocol if event.digest == digest and event.order_id not in refused), None)


def _unfinished(workbench: Workbench, order: TrackedOrder, connection: Connection) -> Unfinished:
    record, service = connection.record, _service(order, connection)
    way = f"{connection.name} {record.host} {record.partner} {record.user} {record.protocol} {service}"
    return Unfinished(workbench.store.folder / _OUTGOING, order.id, way)


def _service(order: TrackedOrder, connection: Connection) -> Service:
    return order_service(order.record.kind, connection.info(), check_names=order.checks_names)


def _go_on(
    workbench: Workbench, order: TrackedOrder, connection: Connection, talk: Conversation, unfinished: Unfinished
) -> bool:
    """Go on with an upload that was cut off; whether the order has arrived by this."""
    with unfinished.found(order.digest) as kept:
        if kept is None:
            return False
        state, file = kept
        try:
            upload = talk.client.resume(state, file)
        except LocalProtocolError:
            return False
        order.note(EventKind.SENDING, connection=connection.name, segment=state.arrived + 1, segments=state.segments)
        upload.watcher = lambda *_: unfinished.note(upload.state, file)
        try:
            _carry(order, talk, upload)
        except BankRefusal as error:
            unfinished.forget()
            if error.code in _CANNOT_GO_ON:
                return _has_arrived(workbench, order, talk)  # it may have come to its end after the bank was asked
            order.note(EventKind.NOT_SENT, reason=str(error))
            raise
    return True


def _upload(order: TrackedOrder, connection: Connection, talk: Conversation, unfinished: Unfinished) -> None:
    info, service = connection.info(), _service(order, connection)
    document, in_doubt = order.document, order.status is State.SENT  # an attempt may still be on its way in the bank
    with ExitStack() as stack:
        # What fits into one segment is sent anew as easily as it is gone on with.
        large = len(document) > bytes_in(talk.client.segment_size)
        file = stack.enter_context(unfinished.begun()) if large else None
        upload = talk.client.upload(
            service,
            document,
            order.signatures,
            file_name=f"{order.id}.xml",
            request_eds=order.checks_names or others_must_sign(service, info, len(order.signers)),
            file=file,
        )
        if file is not None:
            upload.watcher = lambda *_: unfinished.note(upload.state, file)
        order.note(EventKind.SENDING, connection=connection.name, service=str(service))
        try:
            _carry(order, talk, upload)
        except BankUnreachable as error:
            if not in_doubt:
                order.note(EventKind.NOT_SENT, reason=str(error))
            raise
        except BankRefusal as error:
            unfinished.forget()
            order.note(EventKind.NOT_SENT, reason=str(error))
            raise


def _carry(order: TrackedOrder, talk: Conversation, upload: Upload) -> None:
    """Carry an upload to its end and note that it arrived."""
    with shown(upload, f"Sending {order.id}"):
        try:
            order_id = talk.run(upload)
        except OrderAlreadyThere:
            order.note(EventKind.RECEIVED, order_id="", proof="the bank already has it")
        else:
            order.note(EventKind.RECEIVED, order_id=order_id, proof="the bank's answer")


def follow(workbench: Workbench, connection: Connection) -> int:
    """Fetch the bank's news (HAC and pain.002) and write it into the journal of the orders it is about.

    Returns:
        How many orders had news.
    """
    moved: set[str] = set()
    with connection.conversation() as talk:
        moved |= _take_protocol(workbench, connection, talk)
        info = connection.info()
        for service in (*status_services(info), *name_check_services(info)):
            with fetched(workbench.store, connection, talk, service=service) as files:
                for file in files:
                    moved |= _take_status_report(workbench, file)
    return len(moved)


def _take_protocol(workbench: Workbench, connection: Connection, talk: Conversation) -> set[str]:
    """Fetch what is new in the bank's protocol and note it."""
    with fetched(workbench.store, connection, talk, admin_type="HAC") as files:
        return set[str]().union(*(_take_hac(workbench, file) for file in files))


def _take_hac(workbench: Workbench, file: Fetched) -> set[str]:
    """Note what the protocol says of our orders; one order at the bank after the other."""
    ours_by_digest = workbench.store.orders.signed_digests()
    ours_by_bank_id = workbench.store.orders.received_ids()
    at_the_bank: dict[str, list[HacEvent]] = {}
    for event in read_hac(file.data):
        at_the_bank.setdefault(event.order_id, []).append(event)
    moved = set[str]()
    # Refused attempts last: by then it is known under which id the order did arrive.
    for bank_id, events in sorted(at_the_bank.items(), key=lambda item: _refused(item[1])):
        digest = next((event.digest for event in events if event.digest), b"")
        order_id = ours_by_digest.get(digest) or ours_by_bank_id.get(bank_id)
        if order_id is not None:
            _note_protocol(workbench.orders[order_id], bank_id, events, file)
            moved.add(order_id)
    return moved


def _note_protocol(order: TrackedOrder, bank_id: str, events: list[HacEvent], file: Fetched) -> None:
    """Note how one order fared at the bank.

    An attempt that the bank refused does not count against the order once it arrived under another id, or while it
    waits to be sent again.
    """
    refused = _refused(events)
    if not refused and (order.status in WAITING or not order.bank_id):
        order.note(EventKind.RECEIVED, order_id=bank_id, proof="HAC")
    if order.status in WAITING or (refused and order.bank_id not in ("", bank_id)):
        return
    for event in events:
        state = _state_by(event, names_checked=order.checks_names)
        # Who gave the order up at the bank is not told that the bank refused it.
        if state and not (state is State.REJECTED and order.status is State.CANCELLED):
            about = {"reason": _words(event), "happened": event.at.isoformat()}
            _note_status(order, state, "HAC", same=about, file=file.sha256)


def _note_status(order: TrackedOrder, state: State, source: str, *, same: dict[str, str], **more: str) -> None:
    """Note what the bank says of an order, once: two users of one customer are told the same.

    Args:
        same: by what a repeated word of the bank is known, beside its state.
    """
    word = {"state": state.value, "source": source, **same}
    if not any(word.items() <= event.data.items() for event in order.history if event.kind is EventKind.BANK_STATUS):
        order.note(EventKind.BANK_STATUS, **word, **more)


def _state_by(event: HacEvent, *, names_checked: bool) -> State | None:
    """Where an event leads. An order whose names are checked waits for its release first, and then for signatures."""
    if names_checked and event.action.startswith(_WAITED):
        first = {_FORWARDED: State.NAME_CHECK_PENDING, _SIGNED_THERE: State.AWAITING_SIGNATURES}
        return first.get((event.action, event.reason))
    return _STATES_BY_ACTION.get(event.action)


def _refused(events: Iterable[HacEvent]) -> bool:
    actions = [event.action for event in events]
    return FINAL_NEGATIVE in actions and not any(action.startswith(_WAITED) for action in actions)


def _words(event: HacEvent) -> str:
    return ". ".join(part for part in (event.reason_words, event.text) if part)


def _take_status_report(workbench: Workbench, file: Fetched) -> set[str]:
    try:
        reading = formats.read(file.data, file.sha256)
    except UnreadableFile as error:
        # It is in the archive and among the problems; left at the bank, it would bar the way of all later news.
        workbench.report_problem(error.problem)
        return set()
    by_message = {record.message_id: record.id for record in workbench.store.orders.all()}
    moved = set[str]()
    for report in reading.reports:
        order_id = by_message.get(report.original_message_id)
        if order_id is not None and namechecks.is_result(report, workbench.orders[order_id]):
            namechecks.note_result(workbench.orders[order_id], report, file.sha256)
            moved.add(order_id)
            continue
        state = _STATES_BY_STATUS.get(_status(report))
        if order_id is None or state is None:
            workbench.report_problem(_unmatched(report, file))
            continue
        _note_status(workbench.orders[order_id], state, "pain.002", same={"file": file.sha256}, reason=_reasons(report))
        moved.add(order_id)
    return moved


def _status(report: StatusReport) -> str:
    """The status of the whole order: the group's, else the one that all its payments share, else partly accepted."""
    below = {each.status for each in report.payments or report.transactions if each.status}
    return report.group_status or (below.pop() if len(below) == 1 else "PART" if below else "")


def _reasons(report: StatusReport) -> str:
    return "; ".join(" ".join(part for part in (reason.code, reason.text) if part) for reason in report.reasons)


def _unmatched(report: StatusReport, file: Fetched) -> Problem:
    return Problem(
        source=file.sha256,
        position=None,
        field="OrgnlMsgId",
        rule="unknown-order",
        text=f"The bank reports {_status(report) or 'no status'} for {report.original_message_id!r}, which is no order here.",
        repair="Perhaps another program sent it; the report is in the archive.",
        severity="warning",
    )
