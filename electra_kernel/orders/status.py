"""A bank's answer to an order (ISO 20022 customer payment status report): small immutable values.

What may live here: what the report says. What it means for an order's state is the life cycle's matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReason:
    """Why a status was given: an ISO external status reason code (``AC01``) or the bank's own, and its words."""

    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentStatus:
    """The status of one payment block. ``status`` is empty where the bank only tells of its transactions."""

    payment_id: str
    status: str = ""
    reasons: tuple[StatusReason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionStatus:
    """The status of one transaction.

    Attributes:
        payment_id: the payment block it stood in.
        end_to_end_id, instruction_id: as in the original order; empty where the bank leaves them out.
        status: ``ACSC``, ``RJCT``, ``PDNG``, verification of payee ``RCVC``, ``RVMC``, ``RVNM``, ``RVNA`` …
        bank_reference: the bank's own reference of the transaction.
    """

    payment_id: str
    status: str
    end_to_end_id: str = ""
    instruction_id: str = ""
    reasons: tuple[StatusReason, ...] = ()
    bank_reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """One report about one original message.

    Attributes:
        message_id: the report's own id.
        created: aware UTC moment.
        original_message_id: the order's message id.
        original_format: such as ``pain.001.001.09``.
        group_status: ``ACCP``, ``PART``, ``RJCT`` … for the whole message; empty where the bank gives none.
        reasons: reasons of the group status.
        payments, transactions: statuses below it, in the order of the report.
    """

    message_id: str
    created: datetime
    original_message_id: str
    original_format: str
    group_status: str = ""
    reasons: tuple[StatusReason, ...] = ()
    payments: tuple[PaymentStatus, ...] = ()
    transactions: tuple[TransactionStatus, ...] = ()
