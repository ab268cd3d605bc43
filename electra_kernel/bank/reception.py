"""Taking an order: who signed it with which right, whether it can be carried out, and every row of the protocol about it.

What may live here: what happens to an order between its arrival and its execution, or its wait for signatures. What is done
with its payments is in ``payments``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from electra_kernel.bank import authority, entitlement, orderdata, payees, payments, subscribers, waiting
from electra_kernel.bank.clock import bank_now
from electra_kernel.bank.database import insert_row, next_number, order_hashes, orders
from electra_kernel.bank.ledger import customer_accounts
from electra_kernel.bank.reports import Protocol, Refusal, Subject, record, report, service_row
from electra_kernel.ebics.desk import DeskRefusal, Upload
from electra_kernel.ebics.signature import order_digest
from electra_kernel.formats.base import Reading
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError

_ORDER_ID_FIRST, _ORDER_ID_REST = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: ISO 20022 Max35Text: longer ids cannot come back in a report.
_ID_LENGTH = 35
#: ISO 20022 reasons for a file that contradicts itself, by the rule it breaks.
_FILE_REASONS = {"control-sum": "AM10", "transaction-count": "AM19"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the reception of an order ends: the last row of the protocol, and the refusal the client is told, if any."""

    reason: str = ""
    text: str = ""
    refusal: DeskRefusal | None = None
    taken: bool = True


def new_order_id(connection: Connection, partner_id: str) -> str:
    """Four characters, a letter first, unique for the partner (schema type OrderIDType)."""
    number = next_number(connection, f"order-id {partner_id}") - 1
    rest = ""
    for _ in range(3):
        number, digit = divmod(number, len(_ORDER_ID_REST))
        rest = _ORDER_ID_REST[digit] + rest
    if number >= len(_ORDER_ID_FIRST):
        raise DeskRefusal("091119", "The bank has no order ids left; start a new one.")
    return _ORDER_ID_FIRST[number] + rest


def order_of(connection: Connection, transaction_id: bytes) -> str | None:
    """The id of the order that came in this transaction, or ``None``."""
    return connection.scalar(select(orders.c.order_id).where(orders.c.transaction_id == transaction_id))


def order_with(connection: Connection, partner_id: str, digest: bytes) -> str | None:
    """An order taken with this hash: the one its sender announced, or the one the specification makes of its data."""
    same = select(order_hashes.c.order).where(order_hashes.c.digest == digest)
    here = (orders.c.partner_id == partner_id, orders.c.state != "refused")
    by_hash = (orders.c.digest == digest) | orders.c.id.in_(same)
    return connection.scalar(select(orders.c.order_id).where(*here, by_hash).limit(1))


def protocol_of(upload: Upload, order_id: str, digest: bytes | None = None) -> Protocol:
    """For the customer protocol: who sent what, and the order's hash where it was found to be its own."""
    return Protocol(
        partner_id=upload.partner_id,
        user_id=upload.user_id,
        admin_type=upload.admin_type,
        service=upload.service,
        order_id=order_id,
        digest=digest,
    )


def take(
    connection: Connection, clock: Clock, upload: Upload, transaction_id: bytes, reading: Reading | ElectraError
) -> tuple[str, Verdict]:
    """Take an order that was never taken before, with every row of the protocol about it; gives its id and how it ended."""
    order_id = upload.order_id or new_order_id(connection, upload.partner_id)
    whose = protocol_of(upload, order_id, upload.digest)
    now, at = clock(), bank_now(connection, clock)
    # Without SignatureFlag an order is authorised on paper. This bank takes the paper as given where a user who may
    # sign has signed for the transport, and says so in its protocol.
    record(
        connection,
        whose,
        "FILE_UPLOAD",
        at=now,
        reason="TS01" if upload.signature_flag else "TS04",
        text=upload.file_name,
    )
    sums = entitlement.sums_of(reading.orders) if isinstance(reading, Reading) else {}
    classes, lacking = _classes(connection, upload, sums)
    needed = _signatures_needed(connection, upload)
    lack = _lack_of_authority(upload, list(classes.values()), needed)
    if lack and lacking:
        lack = Verdict(lacking[0].reason, lacking[0].text, lacking[0], taken=False)
    waits = needed > 0 and (payees.asks(upload.service) or _waits_for_others(upload, lack))
    if waits:
        lack = None
    checked = lack or Verdict("DS01")
    record(connection, whose, "ES_VERIFICATION", at=now, reason=checked.reason, text=checked.text)
    verdict = lack or _unusable(reading)
    key = _keep_order(connection, upload, transaction_id, order_id, reading, verdict, at)
    if verdict is None and isinstance(reading, Reading) and waits:
        if payees.asks(upload.service):
            # Signatures given before the result was known release nothing: whoever sent the order decides again.
            classes = {}
            subject = Subject(partner_id=upload.partner_id, message_id=_message_id(reading), format=reading.format)
            found = payees.check(connection, subject, reading.orders, at=at)
            record(connection, whose, "ADDITIONAL", at=now, reason="TS04", text=found.words)
            if not found.complete:
                payees.leave_open(connection, key)
        entitlement.keep_sums(connection, key, sums)
        waiting.put(connection, key, reading, classes, needed=needed, at=at)
        record(connection, whose, "VEU_FORWARDING", at=now, reason="DS06")
        return order_id, Verdict()
    if verdict is None and isinstance(reading, Reading):
        verdict = _process(connection, upload.partner_id, key, reading, at)
    elif isinstance(reading, Reading) and lack is None:
        _report_unusable(connection, upload, reading, at)
    verdict = verdict or Verdict()
    final = "ORDER_HAC_FINAL_NEG" if verdict.reason else "ORDER_HAC_FINAL_POS"
    record(connection, whose, final, at=now, reason=verdict.reason, text=verdict.text)
    return order_id, verdict


def _classes(
    connection: Connection, upload: Upload, sums: entitlement.Sums
) -> tuple[dict[tuple[str, str], str], list[DeskRefusal]]:
    """The class in which each signer signs, and why signatures of a class that would count are not good for this order."""
    classes, lacking = waiting.classes_of(connection, upload), list[DeskRefusal]()
    for signer, level in classes.items():
        lack = entitlement.lack(connection, signer, upload.service.name if upload.service else "", sums)
        if lack is not None and authority.may_sign(level):
            classes[signer] = ""
            lacking.append(lack)
    return classes, lacking


def _waits_for_others(upload: Upload, lack: Verdict | None) -> bool:
    return lack is not None and upload.signature_flag and upload.request_eds


def _signatures_needed(connection: Connection, upload: Upload) -> int:
    """How many signatures this kind of order wants; 0 where the user may not send it at all.

    A right to fetch names no signatures; an order that comes under it has no right.
    """
    if subscribers.direction(upload.admin_type, upload.service) != "BTU":
        return 0
    right = subscribers.right_to(connection, upload.partner_id, upload.user_id, upload.admin_type, upload.service)
    return 0 if right is None else max(right.signatures, 1)


def _lack_of_authority(upload: Upload, classes: Sequence[str], needed: int) -> Verdict | None:
    if not needed:
        words = f"A right to {upload.service or upload.admin_type} is no right to send orders."
    elif authority.authorised(classes, needed):
        return None
    else:
        entitled = [level for level in classes if authority.may_sign(level)]
        words = f"{len(entitled)} signatures with a right to this order; {authority.wanted(classes, needed)} needed."
        if entitled and authority.lacks_first(entitled):
            words = f"{words} One of them must be of class E or A."
    return Verdict("DS0A", words, DeskRefusal("090003", words), taken=False)


def _unusable(reading: Reading | ElectraError) -> Verdict | None:
    if isinstance(reading, ElectraError):
        words = reading.what
        return Verdict("TD03", words, DeskRefusal("090004", words), taken=False)
    wrong = [problem for problem in reading.problems if problem.severity == "error"]
    if not wrong and reading.orders:
        return None
    words = wrong[0].text if wrong else "The file holds no payment."
    # Where the message can be named, the client learns more from the report than from a return code.
    refusal = None if 0 < len(_message_id(reading)) <= _ID_LENGTH else DeskRefusal("090004", words)
    return Verdict("TD03", words, refusal, taken=False)


def _message_id(reading: Reading | ElectraError) -> str:
    return reading.orders[0].message_id if isinstance(reading, Reading) and reading.orders else ""


def _keep_order(
    connection: Connection,
    upload: Upload,
    transaction_id: bytes,
    order_id: str,
    reading: Reading | ElectraError,
    verdict: Verdict | None,
    at: datetime,
) -> int:
    key = insert_row(
        connection,
        orders,
        partner_id=upload.partner_id,
        user_id=upload.user_id,
        order_id=order_id,
        admin_type=upload.admin_type,
        service=service_row(upload.service),
        digest=upload.digest,
        transaction_id=transaction_id,
        message_id=_message_id(reading),
        format=reading.format if isinstance(reading, Reading) else "",
        file_name=upload.file_name,
        data=b"",
        received=at,
        state="taken" if verdict is None or verdict.taken else "refused",
        refusal=verdict.text if verdict else "",
    )
    orderdata.keep(connection, key, upload.data)
    connection.execute(order_hashes.insert().values(order=key, digest=order_digest(upload.data)))
    return key


def carry_out(
    connection: Connection, row: Any, whose: Protocol, reading: Reading, *, now: datetime, at: datetime
) -> None:
    """Do what an order asks for that waited until it had enough signatures."""
    connection.execute(update(orders).where(orders.c.id == row.id).values(state="taken"))
    verdict = _process(connection, row.partner_id, row.id, reading, at) or Verdict()
    final = "ORDER_HAC_FINAL_NEG" if verdict.reason else "ORDER_HAC_FINAL_POS"
    record(connection, whose, final, at=now, reason=verdict.reason, text=verdict.text)


def _process(connection: Connection, partner_id: str, key: int, reading: Reading, at: datetime) -> Verdict | None:
    mine = {account.number for account in customer_accounts(connection, partner_id)}
    payments.accept(connection, key, reading.orders, format_name=reading.format, at=at)
    if not any(order.debtor.account in mine for order in reading.orders):
        return Verdict("DS0H", "The debtor's account is not yours at this bank.")
    payments.execute_due(connection, at, {key: reading.orders})
    return None


def _report_unusable(connection: Connection, upload: Upload, reading: Reading, at: datetime) -> None:
    message_id = _message_id(reading)
    if not 0 < len(message_id) <= _ID_LENGTH:
        return
    refusals = [
        Refusal(_FILE_REASONS.get(problem.rule, "FF01"), problem.text[:105])
        for problem in reading.problems
        if problem.severity == "error"
    ]
    subject = Subject(partner_id=upload.partner_id, message_id=message_id, format=reading.format)
    report(connection, subject, (), status="RJCT", at=at, every=False, refusals=refusals)
