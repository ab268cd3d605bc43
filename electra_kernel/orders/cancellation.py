"""Calling an order back: the request for its cancellation and the answer to it, as small immutable values.

What may live here: what the messages say. Whether money comes back is told by the answer and by statements.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.orders.status import PaymentStatus, StatusReason, TransactionStatus
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCancellation:
    """A payment block that is called back, or in which some transactions are.

    Attributes:
        payment_id: the block's id in the original order.
        whole: whether all of it is called back.
        reasons: why; empty where each transaction says so itself.
        cancellation_id: an id of this part of the request; empty where none.
    """

    payment_id: str
    whole: bool = False
    reasons: tuple[StatusReason, ...] = ()
    cancellation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionCancellation:
    """One transaction that is called back.

    Attributes:
        payment_id: the payment block it stood in; empty between banks.
        end_to_end_id, instruction_id, transaction_id, uetr: as in the original; empty where not given.
        amount: the original amount; ``None`` where not given.
        execution_date: the day the original was to be executed, between banks was settled.
        collection_date: the day the original was to be collected.
        reasons: why: an ISO external cancellation reason code (``DUPL``, ``CUST``, ``FRAD`` …) and words.
        cancellation_id: an id of this part of the request; empty where none.
    """

    payment_id: str = ""
    end_to_end_id: str = ""
    instruction_id: str = ""
    transaction_id: str = ""
    uetr: str = ""
    amount: Money | None = None
    execution_date: date | None = None
    collection_date: date | None = None
    reasons: tuple[StatusReason, ...] = ()
    cancellation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationRequest:
    """A request about one original message (camt.055 from a customer, camt.056 between banks).

    Attributes:
        message_id: the request's own id (Assgnmt/Id).
        created: aware UTC moment.
        assigner, assignee: who asks and who is asked: a bank by its BIC, a customer by its name.
        case: the id of the case it belongs to; empty where none.
        original_message_id, original_format: the message that is called back, such as ``pain.001.001.09``.
        whole: whether all of the message is called back.
        reasons: why; empty where its parts say so themselves.
        payments, transactions: the parts that are called back, in the order of the request.
    """

    message_id: str
    created: datetime
    assigner: Party
    assignee: Party
    original_message_id: str
    original_format: str
    case: str = ""
    whole: bool = False
    reasons: tuple[StatusReason, ...] = ()
    payments: tuple[PaymentCancellation, ...] = ()
    transactions: tuple[TransactionCancellation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationAnswer:
    """The answer to a request about one original message (camt.029, resolution of investigation).

    Attributes:
        message_id: the answer's own id (Assgnmt/Id).
        created: aware UTC moment.
        assigner, assignee: who answers, and whom.
        case: the id of the case that is resolved; empty where none.
        confirmation: the verdict on the whole request: ``CNCL`` (cancelled), ``RJCR`` (refused), ``PDCR`` (pending),
            ``PECR`` (partly executed) … (ISO external investigation execution confirmation code).
        original_message_id, original_format: the message the request was about; empty where the answer leaves them out.
        group_status: the verdict on that message (``ACCR``, ``PACR``, ``RJCR`` …); empty where none.
        reasons: why.
        payments, transactions: verdicts on its parts: ``ACCR`` accepted, ``RJCR`` refused, ``PDCR`` pending.
    """

    message_id: str
    created: datetime
    assigner: Party
    assignee: Party
    confirmation: str
    case: str = ""
    original_message_id: str = ""
    original_format: str = ""
    group_status: str = ""
    reasons: tuple[StatusReason, ...] = ()
    payments: tuple[PaymentStatus, ...] = ()
    transactions: tuple[TransactionStatus, ...] = ()


def cancellation_of(
    order: Order,
    *,
    message_id: str,
    created: datetime,
    original_format: str,
    reason: StatusReason,
    transactions: Iterable[Transaction] = (),
) -> CancellationRequest:
    """The request that calls an order back.

    Args:
        order: as it was sent.
        message_id: a new id for the request.
        created: aware UTC moment.
        original_format: the format it was sent in, such as ``pain.001.001.09``.
        reason: why, such as ``StatusReason(code="DUPL")``.
        transactions: only these of the order; all of it where none are given.
    """
    own = order.own
    chosen = tuple(
        TransactionCancellation(
            payment_id=order.payment_id,
            end_to_end_id="" if each.end_to_end_id == NOT_PROVIDED else each.end_to_end_id,
            instruction_id=each.instruction_id,
            amount=each.amount,
            execution_date=None if order.collects else order.execution_date,
            collection_date=order.execution_date if order.collects else None,
            reasons=(reason,),
        )
        for each in transactions
    )
    block = PaymentCancellation(payment_id=order.payment_id, whole=not chosen, reasons=() if chosen else (reason,))
    return CancellationRequest(
        message_id=message_id,
        created=created,
        assigner=Party(name=order.initiator or own.name),
        assignee=Party(name="" if own.bic else NOT_PROVIDED, bic=own.bic),
        original_message_id=order.message_id,
        original_format=original_format,
        payments=(block,),
        transactions=chosen,
    )
