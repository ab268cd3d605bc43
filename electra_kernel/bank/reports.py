"""What the bank tells of orders: payment status reports (pain.002) and the rows of the customer protocol (HAC).

What may live here: making reports and keeping them for fetching. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from electra_kernel.bank.database import documents, events, get_fact, next_number
from electra_kernel.ebics.btf import Service
from electra_kernel.formats import pain002
from electra_kernel.orders.model import Order
from electra_kernel.orders.status import PaymentStatus, StatusReason, StatusReport, TransactionStatus

MESSAGE = "pain.002"
#: The version of the answer that belongs to the version of the order.
_ANSWERS = {"pain.001.001.03": "pain.002.001.03", "pain.001.001.09": "pain.002.001.10"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is refused: an ISO 20022 external status reason and words."""

    code: str
    text: str

    @property
    def reason(self) -> StatusReason:
        """The refusal as a report says it."""
        return StatusReason(code=self.code, text=self.text)


@dataclass(frozen=True, slots=True)
class BlockOutcome:
    """How one payment block stands: its status, and the transactions that were refused by their place in it."""

    order: Order
    status: str
    refusals: Mapping[int, Refusal] = field(default_factory=dict)

    def transactions(self, *, every: bool) -> list[TransactionStatus]:
        """Statuses of the refused transactions, or of every one."""
        return [
            TransactionStatus(
                payment_id=self.order.payment_id,
                status="RJCT" if number in self.refusals else self._good,
                end_to_end_id=transaction.end_to_end_id,
                instruction_id=transaction.instruction_id,
                reasons=(self.refusals[number].reason,) if number in self.refusals else (),
            )
            for number, transaction in enumerate(self.order.transactions)
            if every or number in self.refusals
        ]

    @property
    def _good(self) -> str:
        return "ACSC" if self.status in ("ACSC", "PART") else "ACCP"


def group_status(statuses: Sequence[str], good: str) -> str:
    """One status for several: the common one, or ``PART``."""
    return next(iter(set(statuses)), good) if len(set(statuses)) <= 1 else "PART"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The order a report speaks of."""

    partner_id: str
    message_id: str
    format: str


def report(
    connection: Connection,
    subject: Subject,
    outcomes: Sequence[BlockOutcome],
    *,
    status: str,
    at: datetime,
    every: bool,
    refusals: Sequence[Refusal] = (),
) -> None:
    """Make a pain.002 in the version that answers the order's, and keep it for fetching.

    Args:
        status: of the whole order.
        every: whether all transactions are listed, or only those that were refused.
        refusals: reasons of the whole order's status.
    """
    number = next_number(connection, "report")
    message_id = f"{get_fact(connection, 'bic')}-PSR-{number:08d}"
    connection.execute(
        documents.insert().values(
            partner_id=subject.partner_id,
            message=MESSAGE,
            day=at.date(),
            created=at,
            name=f"{at:%Y-%m-%d}_{MESSAGE}_{number:08d}.xml",
            data=render(subject, outcomes, message_id=message_id, status=status, at=at, every=every, refusals=refusals),
        )
    )


def render(
    subject: Subject,
    outcomes: Sequence[BlockOutcome],
    *,
    message_id: str,
    status: str,
    at: datetime,
    every: bool,
    refusals: Sequence[Refusal] = (),
) -> bytes:
    """The report as bytes; the arguments are those of ``report``.

    Raises:
        ElectraError: an id or a text of the order does not fit into a report.
    """
    made = StatusReport(
        message_id=message_id,
        created=at,
        original_message_id=subject.message_id,
        original_format=subject.format,
        group_status=status,
        reasons=tuple(refusal.reason for refusal in refusals),
        payments=tuple(
            PaymentStatus(payment_id=outcome.order.payment_id, status=outcome.status) for outcome in outcomes
        ),
        transactions=tuple(row for outcome in outcomes for row in outcome.transactions(every=every)),
    )
    return pain002.write(made, version=_ANSWERS.get(subject.format, "pain.002.001.10"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Who did what, for the rows of the customer protocol."""

    partner_id: str
    user_id: str
    admin_type: str
    service: Service | None = None
    order_id: str = ""
    digest: bytes | None = None


def record(
    connection: Connection, whose: Protocol, action: str, *, at: datetime, reason: str = "", text: str = ""
) -> None:
    """Add one row to the customer protocol.

    Args:
        action: such as ``FILE_UPLOAD`` or ``ORDER_HAC_FINAL_POS``.
        reason: an EBICS reason code such as ``TS01``; empty where the action has none.
    """
    connection.execute(
        events.insert().values(
            partner_id=whose.partner_id,
            user_id=whose.user_id,
            at=at,
            action=action,
            admin_type=whose.admin_type,
            order_id=whose.order_id,
            service=service_row(whose.service),
            digest=whose.digest,
            reason=reason,
            text=text,
        )
    )


def service_row(service: Service | None) -> dict[str, Any] | None:
    """A service as it is kept."""
    return None if service is None else asdict(service)


def service_of(row: Mapping[str, Any] | None) -> Service | None:
    """A service as it was kept."""
    return None if row is None else Service(**row)
