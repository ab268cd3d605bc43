"""Answers to requests to call payments back: camt.029 (resolution of investigation) to bytes and back.

Every version is read by its names; those are written whose schema is known. Source: ISO 20022 message definition
reports, exceptions and investigations.
"""

from __future__ import annotations

from electra_kernel.formats import answers, iso
from electra_kernel.formats.base import Problems, Reading
from electra_kernel.orders.cancellation import CancellationAnswer
from electra_kernel.orders.status import PaymentStatus, TransactionStatus
from electra_kernel.vocabulary.errors import ElectraError

BODY = "RsltnOfInvstgtn"
VERSIONS = ("camt.029.001.09",)
_READ = tuple(f"camt.029.001.{number:02}" for number in range(1, 15))
_REPEATS = ("OrgnlTxRef", "OrgnlCreDtTm", "OrgnlNbOfTxs", "OrgnlCtrlSum", "NbOfTxsPerCxlSts")
_GROUP, _BLOCK = "CxlDtls/OrgnlGrpInfAndSts", "CxlDtls/OrgnlPmtInfAndSts"
_LINES = (f"{_BLOCK}/TxInfAndSts", "CxlDtls/TxInfAndSts")
#: The original message that a transaction names by itself.
_ORIGINAL = "TxInfAndSts/OrgnlGrpInf"
_CASE = f"{_LINES[1]}/RslvdCase/Id"
_CORRESPONDENTS = ("Agt/FinInstnId/BICFI", "Agt/FinInstnId/BIC", "Agt/FinInstnId/Nm", "Pty/Nm")
_CARRIED = frozenset(
    {
        *(
            "Assgnmt/Id",
            "Assgnmt/CreDtTm",
            "RslvdCase/Id",
            "Sts/Conf",
            f"{_GROUP}/OrgnlMsgId",
            f"{_GROUP}/OrgnlMsgNmId",
        ),
        *(f"{_GROUP}/GrpCxlSts", f"{_BLOCK}/OrgnlPmtInfId", f"{_BLOCK}/PmtInfCxlSts"),
        *(f"Assgnmt/{side}/{part}" for side in ("Assgnr", "Assgne") for part in _CORRESPONDENTS),
        *(
            f"{place}/CxlStsRsnInf/{part}"
            for place in (_GROUP, _BLOCK, *_LINES)
            for part in ("Rsn/Cd", "Rsn/Prtry", "AddtlInf")
        ),
        *(f"{line}/{part}" for line in _LINES for part in ("OrgnlInstrId", "OrgnlEndToEndId", "TxCxlSts")),
        "CxlDtls/TxInfAndSts/OrgnlTxId",
    }
)


def detect(data: bytes) -> bool:
    """Whether the bytes hold a resolution of an investigation."""
    return iso.head(data).body(BODY) is not None


# -------------------------------------------------------------------------------------------------------- read
def read(data: bytes, source: str) -> Reading:
    """Read an answer: one value for each original message it speaks of, one without where it names none.

    Raises:
        UnreadableFile: not such a message, or without a head.
    """
    problems = Problems(source)
    body, version = answers.parse(data, source, BODY, _READ, VERSIONS[-1], problems)
    answers.required_body(body.find("Assgnmt"), source, BODY, "sender")
    answers.tell_uncarried(body, BODY, _CARRIED | _implied(body), _REPEATS, problems)
    parts: list[iso.Element | None] = [*body.findall("CxlDtls")]
    found = tuple(_answer(body, part, problems) for part in parts or [None])
    return Reading(format=version, answers=found, problems=problems.rows())


def _implied(body: iso.Element) -> frozenset[str]:
    """The creator of the case where that is who is answered, and what all transactions of an original name alike."""
    creator, assignee = answers.correspondent(body, "RslvdCase/Cretr"), answers.correspondent(body, "Assgnmt/Assgne")
    implied = {f"RslvdCase/Cretr/{part}" for part in _CORRESPONDENTS} if creator == assignee else set()
    if not iso.text(body, "RslvdCase/Id") and _the_one(body, _CASE):
        implied.add(_CASE)
    parts = body.findall("CxlDtls")
    for name in ("OrgnlMsgId", "OrgnlMsgNmId"):
        path = f"{_ORIGINAL}/{name}"
        if all(_the_one(part, path) and not iso.text(part, f"OrgnlGrpInfAndSts/{name}") for part in parts):
            implied.add(f"CxlDtls/{path}")
    return frozenset(implied)


def _the_one(element: iso.Element | None, path: str) -> str:
    """What all transactions name alike; empty where they name nothing, or differ."""
    found = set(iso.texts(element, path))
    return found.pop() if len(found) == 1 else ""


def _answer(body: iso.Element, part: iso.Element | None, problems: Problems) -> CancellationAnswer:
    group = None if part is None else part.find("OrgnlGrpInfAndSts")
    blocks = [] if part is None else part.findall("OrgnlPmtInfAndSts")
    lines = [(iso.text(block, "OrgnlPmtInfId"), line) for block in blocks for line in block.findall("TxInfAndSts")]
    lines += [("", line) for line in ([] if part is None else part.findall("TxInfAndSts"))]
    return CancellationAnswer(
        message_id=answers.wanted(body, "Assgnmt/Id", problems),
        created=answers.moment(iso.text(body, "Assgnmt/CreDtTm"), "Assgnmt/CreDtTm", problems),
        assigner=answers.correspondent(body, "Assgnmt/Assgnr"),
        assignee=answers.correspondent(body, "Assgnmt/Assgne"),
        case=iso.text(body, "RslvdCase/Id") or _the_one(body, _CASE),
        confirmation=iso.text(body, "Sts/Conf"),
        original_message_id=iso.text(group, "OrgnlMsgId") or _the_one(part, f"{_ORIGINAL}/OrgnlMsgId"),
        original_format=iso.text(group, "OrgnlMsgNmId") or _the_one(part, f"{_ORIGINAL}/OrgnlMsgNmId"),
        group_status=iso.text(group, "GrpCxlSts"),
        reasons=() if group is None else answers.reasons(group, "CxlStsRsnInf"),
        payments=tuple(
            PaymentStatus(
                payment_id=iso.text(block, "OrgnlPmtInfId"),
                status=iso.text(block, "PmtInfCxlSts"),
                reasons=answers.reasons(block, "CxlStsRsnInf"),
            )
            for block in blocks
        ),
        transactions=tuple(
            TransactionStatus(
                payment_id=payment_id,
                status=iso.text(line, "TxCxlSts"),
                end_to_end_id=iso.text(line, "OrgnlEndToEndId"),
                instruction_id=iso.text(line, "OrgnlInstrId"),
                reasons=answers.reasons(line, "CxlStsRsnInf"),
                bank_reference=iso.text(line, "OrgnlTxId"),
            )
            for payment_id, line in lines
        ),
    )


# ------------------------------------------------------------------------------------------------------- write
def write(answer: CancellationAnswer, *, version: str = VERSIONS[-1]) -> bytes:
    """An answer as a schema-valid document: UTF-8, one line, the same bytes for the same answer.

    Raises:
        ElectraError: an unknown version, no verdict, or something the message cannot hold.
    """
    if version not in VERSIONS:
        raise ElectraError(f"{version!r} is not written.", repair=f"Use one of {', '.join(VERSIONS)}.")
    if not answer.confirmation:
        raise ElectraError("The answer gives no verdict.", repair="Give a code such as CNCL, RJCR or PDCR.")
    head = answers.assignment(answer.message_id, answer.assigner, answer.assignee, answer.created)
    case = answers.case_text("RslvdCase", answer.case, answer.assignee)
    verdict = f"<Sts>{iso.tag('Conf', answer.confirmation, 4)}</Sts>"
    inside = _details(answer)
    details = f"<CxlDtls>{inside}</CxlDtls>" if inside else ""
    return iso.document(version, f"<{BODY}>{head}{case}{verdict}{details}</{BODY}>")


def _details(answer: CancellationAnswer) -> str:
    blocks = {each.payment_id: [_block(each)] for each in answer.payments}
    if len(blocks) < len(answer.payments):
        raise ElectraError("Two parts of the answer name the same payment block.", repair="Make one of them.")
    alone = []
    for each in answer.transactions:
        if not each.payment_id and "" not in blocks:
            alone.append(_transaction(each, iso.tag("OrgnlTxId", each.bank_reference, 35)))
        elif each.bank_reference:
            text = "An answer to a customer carries no transaction id of the banks."
            raise ElectraError(text, repair="Leave the bank's reference out.")
        else:
            empty = PaymentStatus(payment_id=each.payment_id)
            blocks.setdefault(each.payment_id, [_block(empty)]).append(_transaction(each, ""))
    return (
        _group(answer)
        + "".join(f"<OrgnlPmtInfAndSts>{''.join(parts)}</OrgnlPmtInfAndSts>" for parts in blocks.values())
        + "".join(alone)
    )


def _group(answer: CancellationAnswer) -> str:
    tag = iso.tag
    if not answer.original_message_id:
        if answer.group_status or answer.reasons:
            raise ElectraError("The answer does not name the message it speaks of.", repair="Give its id.")
        return ""
    return (
        f"<OrgnlGrpInfAndSts>{tag('OrgnlMsgId', answer.original_message_id, 35)}"
        f"{tag('OrgnlMsgNmId', answer.original_format or 'NOTPROVIDED', 35)}{tag('GrpCxlSts', answer.group_status, 4)}"
        f"{answers.reasons_text(answer.reasons, 'CxlStsRsnInf')}</OrgnlGrpInfAndSts>"
    )


def _block(payment: PaymentStatus) -> str:
    return (
        f"{iso.tag('OrgnlPmtInfId', payment.payment_id or 'NOTPROVIDED', 35)}"
        f"{iso.tag('PmtInfCxlSts', payment.status, 4)}{answers.reasons_text(payment.reasons, 'CxlStsRsnInf')}"
    )


def _transaction(each: TransactionStatus, reference: str) -> str:
    tag = iso.tag
    return (
        f"<TxInfAndSts>{tag('OrgnlInstrId', each.instruction_id, 35)}{tag('OrgnlEndToEndId', each.end_to_end_id, 35)}"
        f"{reference}{tag('TxCxlSts', each.status, 4)}{answers.reasons_text(each.reasons, 'CxlStsRsnInf')}</TxInfAndSts>"
    )
