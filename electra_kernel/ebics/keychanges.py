"""The bank's side of PUB, HCA, HCS and SPR: a ready user changes keys, or gives the access up (spec 3.0.2, 4.5 and 4.6).

Changes travel as ordinary uploads under one signature with the old signature key; new keys count at once.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from electra_kernel.ebics.desk import DeskRefusal, Direction, TransactionRecord
from electra_kernel.ebics.documents import Answer, Phase, Request
from electra_kernel.ebics.gate import Gate
from electra_kernel.ebics.keychecks import check_keys, read_keys
from electra_kernel.ebics.orderdata import SUSPENSION
from electra_kernel.ebics.signature import order_digest
from electra_kernel.ebics.signers import check_announced, check_signers, signature_alone
from electra_kernel.ebics.version import EbicsVersion
from electra_kernel.ebics.witness import Check, checking

#: New signature key, new transport keys, all three.
KEY_CHANGES = frozenset({"PUB", "HCA", "HCS"})
#: Order types every ready user has a right to: they concern the user's own keys only.
OWN_KEYS = KEY_CHANGES | {"SPR"}


def take_change(
    gate: Gate,
    record: TransactionRecord,
    kind: str,
    data: bytes,
    signers: tuple[tuple[str, str], ...],
    version: EbicsVersion,
    order_id: str,
) -> str:
    """Put the keys in the order data in the place of the old ones; gives the order id back."""
    owner = record.partner_id, record.user_id
    if signers != (owner,):
        raise DeskRefusal("090003", f"{kind} carries exactly one signature, the user's own.")
    checking(Check.KEYS)
    sent, scheme = read_keys(kind, data, owner, version)
    user = gate.desk.user(*owner)
    check_keys(gate, sent, {} if user is None else user.certificates, version)
    checking(Check.DESK)
    gate.desk.change_keys(*owner, kind, sent, scheme, order_id=order_id)
    return order_id


def take_suspension(gate: Gate, request: Request) -> Answer:
    """SPR: a signature over one blank, and no order data. The user is suspended when this returns."""
    checking(Check.ANNOUNCEMENT)
    digest = order_digest(SUSPENSION)
    signatures = signature_alone(gate, request, "SPR")
    checking(Check.DIGEST)
    check_announced(gate, request, (digest,), "SPR signs one blank.")
    checking(Check.SIGNATURES)
    owner = request.partner_id, request.user_id
    if check_signers(gate, request.partner_id, signatures, (digest, digest)) != (owner,):
        raise DeskRefusal("090003", "SPR carries exactly one signature, the user's own.")
    checking(Check.DESK)
    answer = Answer(version=request.version, phase=Phase.INITIALISATION, order_id=gate.desk.suspend(*owner))
    return answer if gate.strict else replace(answer, transaction_id=_left_open(gate, request, answer.order_id))


def _left_open(gate: Gate, request: Request, order_id: str) -> bytes:
    """Some clients send a transfer although there is nothing to transfer; a strict bank does not wait for them."""
    record = TransactionRecord(
        transaction_id=secrets.token_bytes(16),
        direction=Direction.UPLOAD,
        partner_id=request.partner_id,
        user_id=request.user_id,
        segments=0,
        context=order_id,
        opened=gate.clock(),
    )
    gate.desk.open_transaction(record, {})
    return record.transaction_id


def answer_transfer(gate: Gate, request: Request, record: TransactionRecord) -> Answer:
    """The transfer after SPR: nothing is taken, and the order id is told once more."""
    gate.desk.close_transaction(record.transaction_id)
    return Answer(
        version=request.version,
        phase=Phase.TRANSFER,
        transaction_id=record.transaction_id,
        segment_number=request.segment_number or 1,
        last_segment=True,
        order_id=record.context,
    )
