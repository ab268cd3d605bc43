"""What a file says that is no table: reports about orders, requests to call them back, and the answers, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from electra_kernel.formats.base import Reading
from electra_kernel.orders.cancellation import CancellationAnswer, CancellationRequest
from electra_kernel.orders.status import PaymentStatus, StatusReason, StatusReport, TransactionStatus


def notices(reading: Reading) -> list[str]:
    """One line for each thing that is told, in the order of the file."""
    lines = [line for report in reading.reports for line in _report(report)]
    lines += [line for request in reading.cancellations for line in _request(request)]
    return lines + [line for answer in reading.answers for line in _answer(answer)]


def _report(report: StatusReport) -> Iterator[str]:
    original = f"{report.original_message_id} ({report.original_format or 'format not named'})"
    yield f"Report on {original}: {_status(report.group_status, report.reasons)}"
    yield from _parts(report.payments, report.transactions)


def _request(request: CancellationRequest) -> Iterator[str]:
    what = "all of" if request.whole else "parts of"
    yield f"Request to call back {what} {request.original_message_id}{_because(request.reasons)}"
    for payment in request.payments:
        part = "all of" if payment.whole else "parts of"
        yield f"  {part} payment {payment.payment_id}{_because(payment.reasons)}"
    for each in request.transactions:
        amount = f", {each.amount}" if each.amount else ""
        name = each.end_to_end_id or each.instruction_id or each.transaction_id or each.uetr or "without a reference"
        yield f"  transaction {name}{amount}{_because(each.reasons)}"


def _answer(answer: CancellationAnswer) -> Iterator[str]:
    about = answer.original_message_id or answer.case or "a request"
    status = answer.group_status or answer.confirmation
    yield f"Answer about calling back {about}: {_status(status, answer.reasons)}"
    yield from _parts(answer.payments, answer.transactions)


def _parts(payments: Sequence[PaymentStatus], transactions: Sequence[TransactionStatus]) -> Iterator[str]:
    for payment in payments:
        yield f"  payment {payment.payment_id}: {_status(payment.status, payment.reasons)}"
    for each in transactions:
        name = each.end_to_end_id or each.instruction_id or each.bank_reference or "without a reference"
        yield f"  transaction {name}: {_status(each.status, each.reasons)}"


def _status(status: str, reasons: Sequence[StatusReason]) -> str:
    return f"{status or 'no status of its own'}{_because(reasons)}"


def _because(reasons: Sequence[StatusReason]) -> str:
    told = "; ".join(" ".join(part for part in (reason.code, reason.text) if part) for reason in reasons)
    return f", because {told}" if told else ""
