"""The bank's side of a download: data, segments, receipt (spec 3.0.2, 5.6)."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace

from electra_kernel.ebics import envelope
from electra_kernel.ebics.codes import RECEIPT_NEGATIVE, RECEIPT_POSITIVE
from electra_kernel.ebics.desk import BankUser, DeskRefusal, Direction, DownloadRequest, TransactionRecord
from electra_kernel.ebics.documents import Answer, OrderDetails, Phase, Request
from electra_kernel.ebics.gate import Gate, encryption_for
from electra_kernel.ebics.segments import cut
from electra_kernel.ebics.witness import Check, belongs_to, carries, checking, remark


def open_download(gate: Gate, request: Request, details: OrderDetails, user: BankUser) -> Answer:
    """Fetch the data from the desk, open a transaction, and give the first segment."""
    wanted = DownloadRequest(
        partner_id=request.partner_id,
        user_id=request.user_id,
        admin_type=details.admin_type,
        service=details.service,
        start=details.start,
        end=details.end,
        parameters=details.parameters,
        version=request.version,
        eds=details.eds,
    )
    checking(Check.DESK)
    delivery = gate.desk.deliver(wanted)
    if isinstance(delivery.data, bytes):
        carries(delivery.data)
    else:
        remark("The data are large: they are sealed and kept piece by piece, and not shown here.")
    key = envelope.new_key()
    parts = cut(envelope.sealed(delivery.data, key), gate.limits.segment_sent)
    first, second = next(parts), next(parts, None)
    beginning = {1: first} if second is None else {1: first, 2: second}
    record = TransactionRecord(
        transaction_id=secrets.token_bytes(16),
        direction=Direction.DOWNLOAD,
        partner_id=request.partner_id,
        user_id=request.user_id,
        segments=len(beginning),
        context=json.dumps({"token": delivery.token}),
        opened=gate.clock(),
    )
    gate.desk.open_transaction(record, beginning)
    count = len(beginning)
    for text in parts:
        count += 1
        gate.desk.keep_segment(record.transaction_id, count, text)
    if count > len(beginning):
        record = replace(record, segments=count)
        gate.desk.count_segments(record.transaction_id, count)
    belongs_to(record)
    return Answer(
        version=request.version,
        phase=Phase.INITIALISATION,
        transaction_id=record.transaction_id,
        segments=count,
        segment_number=1,
        last_segment=count == 1,
        encryption=encryption_for(user, key),
        order_data=first,
    )


def give_segment(gate: Gate, request: Request, record: TransactionRecord) -> Answer:
    """Give one of the further segments, as often as it is asked for."""
    checking(Check.SEGMENT)
    number = request.segment_number or 0
    if number < 1:
        raise DeskRefusal("091113", "A transfer asks for a numbered segment.")
    if number > record.segments:
        raise DeskRefusal("091104")
    content = gate.desk.segment(record.transaction_id, number)
    if content is None:
        raise DeskRefusal("091101")
    return Answer(
        version=request.version,
        phase=Phase.TRANSFER,
        transaction_id=record.transaction_id,
        segment_number=number,
        last_segment=number == record.segments,
        order_data=content,
    )


def take_receipt(gate: Gate, request: Request, record: TransactionRecord) -> Answer:
    """Take the receipt: 0 marks the data as fetched, 1 keeps them for the next time."""
    checking(Check.DESK)
    if record.direction is not Direction.DOWNLOAD or request.receipt not in {0, 1}:
        raise DeskRefusal("091113", "A receipt is 0 or 1 and ends a download.")
    positive = request.receipt == 0
    gate.desk.receipt(json.loads(record.context)["token"], positive=positive)
    gate.desk.close_transaction(record.transaction_id)
    return Answer(
        version=request.version,
        phase=Phase.RECEIPT,
        transaction_id=record.transaction_id,
        technical=RECEIPT_POSITIVE if positive else RECEIPT_NEGATIVE,
    )
