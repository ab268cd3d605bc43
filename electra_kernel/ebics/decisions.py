"""The bank's side of HVE and HVS: one signature over an order that waits, and no order data (spec 3.0.2, 8.3.4 and 8.3.5).

The whole transaction is its first step: it announces no segments, opens nothing, and is answered at once.
"""

from __future__ import annotations

from electra_kernel.ebics.desk import Decision, DeskRefusal
from electra_kernel.ebics.documents import Answer, OrderDetails, Phase, Request
from electra_kernel.ebics.gate import Gate
from electra_kernel.ebics.signers import check_announced, check_signers, signature_alone
from electra_kernel.ebics.witness import Check, checking


def take_decision(gate: Gate, request: Request, details: OrderDetails) -> Answer:
    """Prove the signature over the waiting order and hand the decision to the desk."""
    checking(Check.ANNOUNCEMENT)
    eds = details.eds
    if eds is None or not eds.order_id or not eds.partner_id:
        raise DeskRefusal("091112", f"{details.admin_type} names the order it is about.")
    signatures = signature_alone(gate, request, details.admin_type)
    if len(signatures) != 1:
        raise DeskRefusal("091113", f"{details.admin_type} carries exactly one signature.")
    checking(Check.DIGEST)
    digests = gate.desk.waiting_digests(request.partner_id, signatures[0].user_id, details.service, eds)
    check_announced(gate, request, digests, "The signature is over another order than the one that waits.")
    checking(Check.SIGNATURES)
    ((partner_id, user_id),) = check_signers(gate, request.partner_id, signatures, digests)
    checking(Check.DESK)
    order_id = gate.desk.decide(
        Decision(
            partner_id=partner_id,
            user_id=user_id,
            admin_type=details.admin_type,
            service=details.service,
            eds=eds,
            digest=request.data_digest or digests[0],
        )
    )
    return Answer(version=request.version, phase=Phase.INITIALISATION, order_id=order_id)
