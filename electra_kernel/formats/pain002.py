"""Customer payment status report, pain.002.001.03 and .10: status reports to bytes and back.

The versions differ by the statuses their schema knows (``_STATUSES``) only. Source: ISO 20022 message definition
reports; the external code lists are not repeated here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from electra_kernel.formats import iso
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.orders.status import PaymentStatus, StatusReason, StatusReport, TransactionStatus
from electra_kernel.vocabulary.errors import ElectraError

BODY = "CstmrPmtStsRpt"

_INDIVIDUAL = frozenset({"ACTC", "RJCT", "PDNG", "ACCP", "ACSP", "ACSC", "ACWC"})
#: Per version the statuses of groups and of transactions that the schema knows; ``None`` where any code will do.
_STATUSES: Mapping[str, tuple[frozenset[str], frozenset[str]] | None] = {
    "pain.002.001.03": (_INDIVIDUAL | {"PART", "RCVD"}, _INDIVIDUAL),
    "pain.002.001.10": None,
}
VERSIONS = tuple(_STATUSES)


def detect(data: bytes) -> bool:
    """Whether the bytes hold a customer payment status report of any version."""
    return iso.head(data).body(BODY) is not None


# -------------------------------------------------------------------------------------------------------- read
def read(data: bytes, source: str) -> Reading:
    """Read a file into one status report. A moment without an offset is taken for UTC.

    Raises:
        UnreadableFile: not such a message, or it names no original message.
    """
    message = iso.parse_message(data, source, BODY, VERSIONS)
    problems, body = Problems(source), message.body
    message.warn_unnamed(problems)
    original = body.find("OrgnlGrpInfAndSts")
    if original is None:
        raise unreadable(
            source, "incomplete", "The report names no original message.", "Fetch the report again.", field=BODY
        )
    blocks = body.findall("OrgnlPmtInfAndSts")
    report = StatusReport(
        message_id=_wanted(body, "GrpHdr/MsgId", problems),
        created=_created(iso.text(body, "GrpHdr/CreDtTm"), problems),
        original_message_id=_wanted(original, "OrgnlMsgId", problems),
        original_format=iso.text(original, "OrgnlMsgNmId"),
        group_status=iso.text(original, "GrpSts"),
        reasons=_reasons(original),
        payments=tuple(
            PaymentStatus(
                payment_id=iso.text(block, "OrgnlPmtInfId"),
                status=iso.text(block, "PmtInfSts"),
                reasons=_reasons(block),
            )
            for block in blocks
        ),
        transactions=tuple(
            _transaction(payment_id, element)
            for block, payment_id in ((block, iso.text(block, "OrgnlPmtInfId")) for block in blocks)
            for element in block.findall("TxInfAndSts")
        ),
    )
    return Reading(format=message.version, reports=(report,), problems=problems.rows())


def _wanted(element: iso.Element, path: str, problems: Problems) -> str:
    value = iso.text(element, path)
    if not value:
        problems.error(None, path, "missing", f"The report gives no {path}.", "Ask the bank for a whole report.")
    return value


def _created(value: str, problems: Problems) -> datetime:
    moment = iso.moment_or_none(value)
    if moment is None:
        problems.error(
            None,
            "GrpHdr/CreDtTm",
            "moment",
            f"{value[:40]!r} is not a date and time.",
            "Ask the bank for a whole report.",
        )
    return moment or datetime.min.replace(tzinfo=UTC)


def _transaction(payment_id: str, element: iso.Element) -> TransactionStatus:
    return TransactionStatus(
        payment_id=payment_id,
        status=iso.text(element, "TxSts"),
        end_to_end_id=iso.text(element, "OrgnlEndToEndId"),
        instruction_id=iso.text(element, "OrgnlInstrId"),
        reasons=_reasons(element),
        bank_reference=iso.text(element, "AcctSvcrRef"),
    )


def _reasons(element: iso.Element) -> tuple[StatusReason, ...]:
    found = (
        StatusReason(code=iso.first_text(reason, "Rsn/Cd", "Rsn/Prtry"), text=" ".join(iso.texts(reason, "AddtlInf")))
        for reason in element.findall("StsRsnInf")
    )
    return tuple(reason for reason in found if reason != _NO_REASON)


_NO_REASON = StatusReason()


# ------------------------------------------------------------------------------------------------------- write
def write(report: StatusReport, *, version: str = "pain.002.001.10") -> bytes:
    """A report as a schema-valid document: UTF-8, one line, the same bytes for the same report.

    Transactions stand in the payment block they name; a block that only its transactions name is added.

    Raises:
        ElectraError: an unknown version, a status the version does not know, or a text that does not fit.
    """
    if version not in _STATUSES:
        raise ElectraError(f"{version!r} is not written.", repair=f"Use one of {', '.join(VERSIONS)}.")
    _check_statuses(report, version)
    tag = iso.tag
    header = (
        f"<GrpHdr>{tag('MsgId', report.message_id, 35)}<CreDtTm>{iso.moment_text(report.created)}</CreDtTm></GrpHdr>"
    )
    original = (
        f"<OrgnlGrpInfAndSts>{tag('OrgnlMsgId', report.original_message_id or 'NOTPROVIDED', 35)}"
        f"{tag('OrgnlMsgNmId', report.original_format or 'NOTPROVIDED', 35)}{tag('GrpSts', report.group_status, 4)}"
        f"{_written(report.reasons)}</OrgnlGrpInfAndSts>"
    )
    blocks = {payment.payment_id: [_block(payment)] for payment in report.payments}
    for transaction in report.transactions:
        block = blocks.setdefault(transaction.payment_id, [_block(PaymentStatus(payment_id=transaction.payment_id))])
        block.append(_transaction_element(transaction))
    body = "".join(f"<OrgnlPmtInfAndSts>{''.join(parts)}</OrgnlPmtInfAndSts>" for parts in blocks.values())
    return iso.document(version, f"<{BODY}>{header}{original}{body}</{BODY}>")


def _check_statuses(report: StatusReport, version: str) -> None:
    known = _STATUSES[version]
    if known is None:
        return
    groups = {report.group_status, *(payment.status for payment in report.payments)}
    strange = (groups - known[0]) | ({transaction.status for transaction in report.transactions} - known[1])
    if strange - {""}:
        raise ElectraError(
            f"{version} does not know the status {', '.join(sorted(strange - {''}))}.",
            repair=f"Write the report as {VERSIONS[-1]}.",
        )


def _block(payment: PaymentStatus) -> str:
    return (
        f"{iso.tag('OrgnlPmtInfId', payment.payment_id or 'NOTPROVIDED', 35)}{iso.tag('PmtInfSts', payment.status, 4)}"
        f"{_written(payment.reasons)}"
    )


def _transaction_element(transaction: TransactionStatus) -> str:
    tag = iso.tag
    return (
        f"<TxInfAndSts>{tag('OrgnlInstrId', transaction.instruction_id, 35)}"
        f"{tag('OrgnlEndToEndId', transaction.end_to_end_id, 35)}{tag('TxSts', transaction.status, 4)}"
        f"{_written(transaction.reasons)}{tag('AcctSvcrRef', transaction.bank_reference, 35)}</TxInfAndSts>"
    )


def _written(reasons: Sequence[StatusReason]) -> str:
    return "".join(f"<StsRsnInf>{_code(reason.code)}{''.join(_lines(reason.text))}</StsRsnInf>" for reason in reasons)


def _code(code: str) -> str:
    if not code:
        return ""
    return f"<Rsn>{iso.tag('Cd', code, 4) if len(code) <= 4 else iso.tag('Prtry', code, 35)}</Rsn>"


def _lines(words: str) -> Iterable[str]:
    return (iso.tag("AddtlInf", line, 105) for line in iso.lines_of(words, 105))
