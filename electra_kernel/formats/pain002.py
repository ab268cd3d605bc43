"""Customer payment status report, pain.002.001.03 and later: status reports to bytes and back.

Every version is read by its names. The versions that are written differ by the statuses their schema knows (``_STATUSES``) only. Source: ISO 20022 message definition
reports; the external code lists are not repeated here.
"""

from __future__ import annotations

from collections.abc import Mapping

from electra_kernel.formats import answers, iso
from electra_kernel.formats.base import Problems, Reading
from electra_kernel.orders.status import PaymentStatus, StatusReport, TransactionStatus
from electra_kernel.vocabulary.errors import ElectraError

BODY = "CstmrPmtStsRpt"

_INDIVIDUAL = frozenset({"ACTC", "RJCT", "PDNG", "ACCP", "ACSP", "ACSC", "ACWC"})
#: Per version the statuses of groups and of transactions that the schema knows; ``None`` where any code will do.
_STATUSES: Mapping[str, tuple[frozenset[str], frozenset[str]] | None] = {
    "pain.002.001.03": (_INDIVIDUAL | {"PART", "RCVD"}, _INDIVIDUAL),
    "pain.002.001.10": None,
}
#: The versions that are written; the versions that are read whole; the one that is assumed where none is named.
VERSIONS = tuple(_STATUSES)
READ = (*(f"pain.002.001.{number:02}" for number in range(3, 16)), "pain.002.002.03", "pain.002.003.03")
USUAL = "pain.002.001.10"
#: What only repeats the original message.
_REPEATS = ("OrgnlTxRef", "OrgnlNbOfTxs", "OrgnlCtrlSum", "OrgnlCreDtTm", "NbOfTxsPerSts")
_REASON = ("Rsn/Cd", "Rsn/Prtry", "AddtlInf")
_GROUP, _BLOCK = "OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts"
_CARRIED = frozenset(
    {
        *("GrpHdr/MsgId", "GrpHdr/CreDtTm", f"{_GROUP}/OrgnlMsgId", f"{_GROUP}/OrgnlMsgNmId", f"{_GROUP}/GrpSts"),
        *(f"{_BLOCK}/OrgnlPmtInfId", f"{_BLOCK}/PmtInfSts"),
        *(f"{place}/StsRsnInf/{part}" for place in (_GROUP, _BLOCK, f"{_BLOCK}/TxInfAndSts") for part in _REASON),
        *(f"{_BLOCK}/TxInfAndSts/{part}" for part in ("OrgnlInstrId", "OrgnlEndToEndId", "TxSts", "AcctSvcrRef")),
    }
)


def detect(data: bytes) -> bool:
    """Whether the bytes hold a customer payment status report of any version."""
    return iso.head(data).body(BODY) is not None


# -------------------------------------------------------------------------------------------------------- read
def read(data: bytes, source: str) -> Reading:
    """Read a file into one status report. A moment without an offset is taken for UTC.

    Raises:
        UnreadableFile: not such a message, or it names no original message.
    """
    problems = Problems(source)
    body, version = answers.parse(data, source, BODY, READ, USUAL, problems)
    original = answers.required_body(body.find("OrgnlGrpInfAndSts"), source, BODY, "original message")
    answers.tell_uncarried(body, BODY, _CARRIED, _REPEATS, problems)
    blocks = body.findall("OrgnlPmtInfAndSts")
    report = StatusReport(
        message_id=answers.wanted(body, "GrpHdr/MsgId", problems),
        created=answers.moment(iso.text(body, "GrpHdr/CreDtTm"), "GrpHdr/CreDtTm", problems),
        original_message_id=answers.wanted(original, "OrgnlMsgId", problems),
        original_format=iso.text(original, "OrgnlMsgNmId"),
        group_status=iso.text(original, "GrpSts"),
        reasons=answers.reasons(original, "StsRsnInf"),
        payments=tuple(
            PaymentStatus(
                payment_id=iso.text(block, "OrgnlPmtInfId"),
                status=iso.text(block, "PmtInfSts"),
                reasons=answers.reasons(block, "StsRsnInf"),
            )
            for block in blocks
        ),
        transactions=tuple(
            _transaction(payment_id, element)
            for block, payment_id in ((block, iso.text(block, "OrgnlPmtInfId")) for block in blocks)
            for element in block.findall("TxInfAndSts")
        ),
    )
    return Reading(format=version, reports=(report,), problems=problems.rows())


def _transaction(payment_id: str, element: iso.Element) -> TransactionStatus:
    return TransactionStatus(
        payment_id=payment_id,
        status=iso.text(element, "TxSts"),
        end_to_end_id=iso.text(element, "OrgnlEndToEndId"),
        instruction_id=iso.text(element, "OrgnlInstrId"),
        reasons=answers.reasons(element, "StsRsnInf"),
        bank_reference=iso.text(element, "AcctSvcrRef"),
    )


# ------------------------------------------------------------------------------------------------------- write
def write(report: StatusReport, *, version: str = USUAL) -> bytes:
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
        f"{answers.reasons_text(report.reasons, 'StsRsnInf')}</OrgnlGrpInfAndSts>"
    )
    blocks = {payment.payment_id: [_block(payment)] for payment in report.payments}
    for transaction in report.transactions:
        block = blocks.setdefault(transaction.payment_id, [_block(PaymentStatus(payment_id=transaction.payment_id))])
        block.append(_transaction_element(transaction))
    # Put together once: the report on a large order is about as long as the order.
    pieces = [f"<{BODY}>{header}{original}"]
    for block in blocks.values():
        pieces += ("<OrgnlPmtInfAndSts>", *block, "</OrgnlPmtInfAndSts>")
        block.clear()
    pieces.append(f"</{BODY}>")
    return iso.document(version, *pieces)


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
        f"{answers.reasons_text(payment.reasons, 'StsRsnInf')}"
    )


def _transaction_element(transaction: TransactionStatus) -> str:
    tag = iso.tag
    return (
        f"<TxInfAndSts>{tag('OrgnlInstrId', transaction.instruction_id, 35)}"
        f"{tag('OrgnlEndToEndId', transaction.end_to_end_id, 35)}{tag('TxSts', transaction.status, 4)}"
        f"{answers.reasons_text(transaction.reasons, 'StsRsnInf')}{tag('AcctSvcrRef', transaction.bank_reference, 35)}</TxInfAndSts>"
    )
