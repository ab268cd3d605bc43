"""Changing keys at the bank (PUB, HCA, HCS) and giving the access up (SPR), so that nothing half-done stays.

The rule of a change: the new keys lie on the disk under the password, and the journal has the very request with its
signature, before anything leaves. From then on the bank may have either keys. Whoever comes next finds out which: the new
ones first, then the old ones, and with the old ones sends the same request again. Only a clear refusal drops the new keys.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

from electra_kernel.ebics.client import Client, Upload
from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.errors import BankRefusal, OrderAlreadyThere
from electra_kernel.ebics.keys import TransportKeys
from electra_kernel.ebics.orderdata import SUSPENSION
from electra_kernel.ebics.signature import OrderSignature, order_digest
from electra_kernel.orders.lifecycle import EventKind, State
from electra_kernel.signing.passwordkey import PasswordKey
from electra_kernel.store.journal import JournalEvent
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench import keyfiles
from electra_kernel.workbench.lines import STATE_REFUSALS, Line, NotReady
from electra_kernel.workbench.standing import (
    CHANGED,
    KEPT,
    NOT_SUSPENDED,
    SUSPENDED,
    SUSPENDING,
    certificates_of,
)

if TYPE_CHECKING:
    from electra_kernel.workbench.broughtkeys import NewKeys

_TRANSPORT = (KeyUse.AUTHENTICATION, KeyUse.ENCRYPTION)
#: What is changed: the order type that does it, and which keys it brings.
KINDS: Mapping[str, tuple[str, tuple[KeyUse, ...]]] = {
    "signature": ("PUB", (KeyUse.SIGNATURE,)),
    "transport": ("HCA", _TRANSPORT),
    "all": ("HCS", tuple(KeyUse)),
}
#: Codes after which the bank may yet have taken the change: its own trouble, or a transaction whose end was lost.
_UNCERTAIN = frozenset({"061099", "091101", "091102", "091116", "061101"})
#: How a bank that has the new signature key answers one made with the old one.
_OTHER_SIGNATURE_KEY = "091301"
#: Signed orders that are not proved to be at the bank.
_NOT_ARRIVED = frozenset({State.PART_SIGNED, State.SIGNED, State.QUEUED, State.SENT})


class OrdersUnderWay(ElectraError):
    """Orders signed with the old key have not arrived: a new key would make their signatures worthless."""


def kind_of(what: str) -> tuple[str, tuple[KeyUse, ...]]:
    """The order type that changes ``signature``, ``transport`` or ``all`` keys, and the keys it brings."""
    if what not in KINDS:
        raise ElectraError(f"{what!r} are no keys that can be changed.", repair=f"Choose one of: {', '.join(KINDS)}.")
    return KINDS[what]


def waiting_orders(line: Line) -> list[str]:
    """Ids of orders with a signature of this connection's user that are not proved to be at the bank."""
    orders = line.store.orders
    open_ones = [order_id for order_id, state in orders.states().items() if state in _NOT_ARRIVED]
    return [order_id for order_id in open_ones if _signed_over(line, order_id)]


def _signed_over(line: Line, order_id: str) -> bool:
    signed = False
    for event in line.store.orders.events(order_id):
        if event.kind in (EventKind.CREATED, EventKind.EDITED):
            signed = False
        elif event.kind is EventKind.SIGNED and event.data.get("connection") == line.name:
            signed = True
    return signed


def change(line: Line, kind: str, new: NewKeys, password: str) -> None:
    """Put new keys in the place of the old ones, at the bank first.

    Args:
        kind: ``PUB``, ``HCA`` or ``HCS``.
        new: the keys it brings.
        password: that opens the old keys; the new ones are put under it too.

    Raises:
        OrdersUnderWay: orders signed with the old key have not arrived. Nothing was changed.
        WrongPassword: nothing was changed.
        BankRefusal: the bank does not take the keys; the old ones stay.
        ChannelError, EbicsError: the line broke; whether the bank has the new keys shows at the next contact.
    """
    if KeyUse.SIGNATURE in new.keys:
        check_no_orders_wait(line)
    record = line.record
    line.open_transport(record.certificates, password)
    signer = PasswordKey(line.open_key(KeyUse.SIGNATURE, password))
    keyfiles.keep_next(line.store, line.name, new.keys, password)
    after = {**record.certificates, **new.certificates}
    transport = line.open_transport(after, password)
    line.store.connections.update(line.name, issuers=tuple(dict.fromkeys((*record.issuers, *new.issuers))))
    data = _order_data(line, kind, after, transport)
    digest = order_digest(data)
    line.changing(
        kind=kind,
        certificates={use.value: base64.b64encode(der).decode() for use, der in new.certificates.items()},
        document=line.store.archive.put(data, name=f"{line.name}-{kind}.xml", media_type="application/xml"),
        scheme=record.signature_version,
        value=base64.b64encode(signer.sign(digest, record.signature_version)).decode(),
        hashes=line.hashes(new.certificates),
    )
    finish(line)


def check_no_orders_wait(line: Line) -> None:
    """Refuse a new signature key while orders carry signatures of the old one and have not arrived.

    Raises:
        OrdersUnderWay: names them.
    """
    if waiting := waiting_orders(line):
        raise OrdersUnderWay(
            f"Orders signed with the old key have not arrived: {', '.join(waiting)}.",
            where=line.name,
            cause="the bank would refuse their signatures as soon as it has the new key.",
            repair="Send them first (wb.orders.send_outbox()), or cancel them (order.cancel()), then change the key.",
        )


def _order_data(line: Line, kind: str, after: Mapping[KeyUse, bytes], transport: TransportKeys) -> bytes:
    signature = (after[KeyUse.SIGNATURE], line.record.signature_version)
    with line.talk() as talk:
        return talk.client.key_data(
            kind,
            signature=signature if kind in {"PUB", "HCS"} else None,
            transport=transport if kind in {"HCA", "HCS"} else None,
        )


def finish(line: Line) -> bool:
    """Bring a change of keys to its end, whatever became of it: find out which keys the bank has, and go on from there.

    Returns:
        whether the new keys count now; also ``False`` where no change was open.

    Raises:
        BankRefusal: the bank does not take the change; the old keys stay, and the new ones are dropped.
        ChannelError, EbicsError: it is still not known; nothing is lost.
    """
    changing = line.standing.changing
    if changing is None or changing.data["kind"] == "INI":
        return False
    after = {**line.record.certificates, **certificates_of(changing)}
    if after == dict(line.record.certificates) or _knows(line, changing, after):
        return _take(line, changing, after)
    return _send(line, changing, after)


def _knows(line: Line, changing: JournalEvent, after: Mapping[KeyUse, bytes]) -> bool:
    """Whether the bank has the new keys, as far as its gate tells: a new signature key shows when it is used only."""
    line.unlock()
    if changing.data["kind"] == "PUB" or not _sent_before(line, changing):
        return False
    return accepts(line, after)


def accepts(line: Line, certificates: Mapping[KeyUse, bytes]) -> bool:
    """Whether the bank speaks with the holder of these transport keys: it gives its own keys (HPB) to nobody else."""
    try:
        with line.talk(certificates) as talk:
            talk.run(talk.client.hpb())
    except BankRefusal as refusal:
        if refusal.code not in STATE_REFUSALS:
            raise
        return False
    return True


def _sent_before(line: Line, changing: JournalEvent) -> bool:
    events = line.events("keys-sending")
    return any(event.number > changing.number for event in events)


def _send(line: Line, changing: JournalEvent, after: Mapping[KeyUse, bytes]) -> bool:
    again = _sent_before(line, changing)
    line.note("keys-sending", kind=changing.data["kind"])
    try:
        with line.talk() as talk:
            talk.run(_upload(line, talk.client, changing))
    except OrderAlreadyThere:
        pass  # an earlier attempt arrived
    except BankRefusal as refusal:
        if refusal.code in _UNCERTAIN:
            raise
        if not (again and _taken_meanwhile(line, refusal, changing, after)):
            _drop(line, changing, refusal)
            raise line.refused(refusal) if refusal.code in STATE_REFUSALS else refusal from None
    return _take(line, changing, after)


def _upload(line: Line, client: Client, changing: JournalEvent) -> Upload:
    record, told = line.record, changing.data
    signature = OrderSignature(told["scheme"], base64.b64decode(told["value"]), record.partner, record.user)
    return client.change_keys(told["kind"], line.store.archive.get(told["document"]), signature)


def _taken_meanwhile(line: Line, refusal: BankRefusal, changing: JournalEvent, after: Mapping[KeyUse, bytes]) -> bool:
    """Whether an earlier attempt arrived late, so that the bank has no ear any more for the old keys."""
    kind = changing.data["kind"]
    if kind in {"PUB", "HCS"} and refusal.code == _OTHER_SIGNATURE_KEY:
        return True
    if refusal.code not in STATE_REFUSALS:
        return False
    if kind != "PUB" and accepts(line, after):
        return True
    # Neither the old nor the new keys are taken: the user is locked, and the change stays open until that is over.
    raise line.refused(refusal) from refusal


def _take(line: Line, changing: JournalEvent, after: Mapping[KeyUse, bytes]) -> bool:
    """From here on the new keys count. Each step may be done twice."""
    if dict(line.record.certificates) != dict(after):
        line.store.connections.update(line.name, certificates=dict(after))
    keyfiles.take_next(line.store, line.name, certificates_of(changing))
    line.letter_file.unlink(missing_ok=True)  # it shows keys that count no more
    line.note(CHANGED, kind=changing.data["kind"], **line.hashes())
    return True


def _drop(line: Line, changing: JournalEvent, refusal: BankRefusal) -> None:
    line.note(KEPT, kind=changing.data["kind"], reason=str(refusal))
    keyfiles.drop_next(line.store, line.name, certificates_of(changing))


# -- giving the access up ---------------------------------------------------------------------------------------------


def suspend(line: Line, password: str) -> None:
    """Give the access up (SPR): the bank takes nothing from these keys any more.

    Orders that wait in the outbox do not hold this up: who suspects a thief must not be kept waiting.

    Raises:
        WrongPassword: nothing was done.
        BankRefusal: the bank does not take it; the access stays.
        ChannelError, EbicsError: whether the bank got it is not known; call it again.
    """
    record = line.record
    line.open_transport(record.certificates, password)
    signer = PasswordKey(line.open_key(KeyUse.SIGNATURE, password))
    value = signer.sign(order_digest(SUSPENSION), record.signature_version)
    line.note(SUSPENDING, scheme=record.signature_version, value=base64.b64encode(value).decode())
    finish_suspension(line, again=False)


def finish_suspension(line: Line, *, again: bool = True) -> bool:
    """Bring giving up to its end: say it once more; a bank that does not know the user any more has heard it.

    Returns:
        whether the access is given up now; also ``False`` where that was not wanted.
    """
    suspending = line.standing.suspending
    if suspending is None:
        return False
    record, told = line.record, suspending.data
    signature = OrderSignature(told["scheme"], base64.b64decode(told["value"]), record.partner, record.user)
    try:
        with line.talk() as talk:
            order_id = talk.run(talk.client.suspend(signature))
    except BankRefusal as refusal:
        if refusal.code not in STATE_REFUSALS:
            if refusal.code not in _UNCERTAIN:
                line.note(NOT_SUSPENDED, reason=str(refusal))
            raise
        if not again:
            line.note(NOT_SUSPENDED, reason=str(refusal))
            raise line.refused(refusal) from refusal
        order_id = ""
    line.note(SUSPENDED, order_id=order_id)
    return True


def settle(line: Line) -> None:
    """Before anything else is said: finish what was cut off.

    Raises:
        NotReady: the access is given up now.
    """
    if finish_suspension(line):
        raise NotReady(f"The access of {line.name!r} was given up.", repair="Create new keys: connection.initialise().")
    finish(line)
