"""Requests to call payments back: camt.055 (a customer's) and camt.056 (between banks) to bytes and back.

Every version is read by its names; those are written whose schema is known. Source: ISO 20022 message definition
reports, exceptions and investigations.
"""

from __future__ import annotations

from collections.abc import Iterable

from electra_kernel.formats import answers, iso
from electra_kernel.formats.base import Problems, Reading
from electra_kernel.orders.cancellation import CancellationRequest, PaymentCancellation, TransactionCancellation
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money, is_currency

BODY, BETWEEN_BANKS = "CstmrPmtCxlReq", "FIToFIPmtCxlReq"
VERSIONS = ("camt.055.001.08",)
VERSIONS_BETWEEN_BANKS = ("camt.056.001.08", "camt.056.001.12")
_READ = tuple(f"camt.055.001.{number:02}" for number in range(1, 13))
_READ_BETWEEN_BANKS = tuple(f"camt.056.001.{number:02}" for number in range(1, 13))
_REPEATS = ("OrgnlTxRef", "OrgnlCreDtTm", "NbOfTxs", "CtrlSum")
_REASON = ("Rsn/Cd", "Rsn/Prtry", "AddtlInf")
_GROUP = "Undrlyg/OrgnlGrpInfAndCxl"
_BLOCK = "Undrlyg/OrgnlPmtInfAndCxl"
_CORRESPONDENTS = ("Agt/FinInstnId/BICFI", "Agt/FinInstnId/BIC", "Agt/FinInstnId/Nm", "Pty/Nm")
_COMMON = ("CxlId", "OrgnlInstrId", "OrgnlEndToEndId", "OrgnlUETR", *(f"CxlRsnInf/{part}" for part in _REASON))
_CARRIED = frozenset(
    {
        *("Assgnmt/Id", "Assgnmt/CreDtTm", "Case/Id", f"{_GROUP}/OrgnlMsgId", f"{_GROUP}/OrgnlMsgNmId"),
        *(f"{_GROUP}/GrpCxl", f"{_BLOCK}/PmtCxlId", f"{_BLOCK}/OrgnlPmtInfId", f"{_BLOCK}/PmtInfCxl"),
        *(f"Assgnmt/{side}/{part}" for side in ("Assgnr", "Assgne") for part in _CORRESPONDENTS),
        *(f"{place}/CxlRsnInf/{part}" for place in (_GROUP, _BLOCK) for part in _REASON),
        *(f"{_BLOCK}/TxInf/{part}" for part in _COMMON),
        *(f"{_BLOCK}/TxInf/{part}" for part in ("OrgnlInstdAmt", "OrgnlReqdExctnDt", "OrgnlReqdExctnDt/Dt")),
        *(
            f"{_BLOCK}/TxInf/OrgnlReqdColltnDt",
            f"{_BLOCK}/OrgnlGrpInf/OrgnlMsgId",
            f"{_BLOCK}/OrgnlGrpInf/OrgnlMsgNmId",
        ),
        *(f"Undrlyg/TxInf/{part}" for part in _COMMON),
        *(f"Undrlyg/TxInf/{part}" for part in ("OrgnlTxId", "OrgnlIntrBkSttlmAmt", "OrgnlIntrBkSttlmDt")),
        *("Undrlyg/TxInf/OrgnlGrpInf/OrgnlMsgId", "Undrlyg/TxInf/OrgnlGrpInf/OrgnlMsgNmId"),
    }
)


def detect(data: bytes) -> bool:
    """Whether the bytes hold a customer's request."""
    return iso.head(data).body(BODY) is not None


def detect_between_banks(data: bytes) -> bool:
    """Whether the bytes hold a request between banks."""
    return iso.head(data).body(BETWEEN_BANKS) is not None


# -------------------------------------------------------------------------------------------------------- read
def read(data: bytes, source: str) -> Reading:
    """Read a customer's request: one value for each original message it is about.

    Raises:
        UnreadableFile: not such a message, or it names no original.
    """
    return _read(data, source, BODY, _READ, VERSIONS[-1])


def read_between_banks(data: bytes, source: str) -> Reading:
    """Read a request between banks, as ``read`` does."""
    return _read(data, source, BETWEEN_BANKS, _READ_BETWEEN_BANKS, VERSIONS_BETWEEN_BANKS[0])


def _read(data: bytes, source: str, name: str, versions: tuple[str, ...], usual: str) -> Reading:
    problems = Problems(source)
    body, version = answers.parse(data, source, name, versions, usual, problems)
    answers.required_body(body.find("Undrlyg"), source, name, "original message")
    answers.tell_uncarried(body, name, _CARRIED | _implied(body), _REPEATS, problems)
    requests = tuple(_request(body, part, problems) for part in body.findall("Undrlyg"))
    return Reading(format=version, cancellations=requests, problems=problems.rows())


def _implied(body: iso.Element) -> frozenset[str]:
    """The creator of the case where that is who asks."""
    creator, assigner = answers.correspondent(body, "Case/Cretr"), answers.correspondent(body, "Assgnmt/Assgnr")
    return frozenset(f"Case/Cretr/{part}" for part in _CORRESPONDENTS) if creator == assigner else frozenset()


def _request(body: iso.Element, part: iso.Element, problems: Problems) -> CancellationRequest:
    group, blocks = part.find("OrgnlGrpInfAndCxl"), part.findall("OrgnlPmtInfAndCxl")
    named = [group, *part.iterfind(".//OrgnlGrpInf")]
    original = next((iso.text(each, "OrgnlMsgId") for each in named if iso.text(each, "OrgnlMsgId")), "")
    if not original:
        text = "The request does not name the message that is called back."
        problems.error(None, "Undrlyg", "missing", text, "Ask its sender for a whole one.")
    transactions = [
        _transaction(element, iso.text(block, "OrgnlPmtInfId"), problems)
        for block in blocks
        for element in block.findall("TxInf")
    ]
    return CancellationRequest(
        message_id=answers.wanted(body, "Assgnmt/Id", problems),
        created=answers.moment(iso.text(body, "Assgnmt/CreDtTm"), "Assgnmt/CreDtTm", problems),
        assigner=answers.correspondent(body, "Assgnmt/Assgnr"),
        assignee=answers.correspondent(body, "Assgnmt/Assgne"),
        case=iso.text(body, "Case/Id"),
        original_message_id=original,
        original_format=next((iso.text(each, "OrgnlMsgNmId") for each in named if iso.text(each, "OrgnlMsgNmId")), ""),
        whole=_yes(group, "GrpCxl", problems),
        reasons=() if group is None else answers.reasons(group, "CxlRsnInf"),
        payments=tuple(
            PaymentCancellation(
                payment_id=iso.text(block, "OrgnlPmtInfId"),
                whole=_yes(block, "PmtInfCxl", problems),
                reasons=answers.reasons(block, "CxlRsnInf"),
                cancellation_id=iso.text(block, "PmtCxlId"),
            )
            for block in blocks
        ),
        transactions=(*transactions, *(_transaction(element, "", problems) for element in part.findall("TxInf"))),
    )


def _yes(element: iso.Element | None, path: str, problems: Problems) -> bool:
    value = iso.text(element, path)
    if value not in ("", "true", "1", "false", "0"):
        problems.error(None, path, "boolean", f"{value[:20]!r} is not true or false.", "Ask its sender to correct it.")
    return value in ("true", "1")


def _transaction(element: iso.Element, payment_id: str, problems: Problems) -> TransactionCancellation:
    executed = iso.first_text(element, "OrgnlReqdExctnDt/Dt", "OrgnlReqdExctnDt", "OrgnlIntrBkSttlmDt")
    collected = iso.text(element, "OrgnlReqdColltnDt")
    for written in (executed, collected):
        if written and iso.date_or_none(written) is None:
            text = f"{written[:40]!r} is not a date."
            problems.error(None, "TxInf", "date", text, "Ask its sender to correct it.")
    return TransactionCancellation(
        payment_id=payment_id,
        end_to_end_id=iso.text(element, "OrgnlEndToEndId"),
        instruction_id=iso.text(element, "OrgnlInstrId"),
        transaction_id=iso.text(element, "OrgnlTxId"),
        uetr=iso.text(element, "OrgnlUETR"),
        amount=_amount(element, problems),
        execution_date=iso.date_or_none(executed),
        collection_date=iso.date_or_none(collected),
        reasons=answers.reasons(element, "CxlRsnInf"),
        cancellation_id=iso.text(element, "CxlId"),
    )


def _amount(element: iso.Element, problems: Problems) -> Money | None:
    found = element.find("OrgnlInstdAmt")
    found = element.find("OrgnlIntrBkSttlmAmt") if found is None else found
    if found is None:
        return None
    amount, currency = iso.decimal_or_none(iso.text(found)), str(found.get("Ccy", ""))
    if amount is None or not is_currency(currency):
        text = f"{iso.text(found)[:40]!r} {currency[:10]} is not an amount of money; it is left out."
        problems.error(None, str(found.tag), "amount", text, "Ask its sender to correct it.")
        return None
    return Money(amount, currency)


# ------------------------------------------------------------------------------------------------------- write
def write(request: CancellationRequest, *, version: str = VERSIONS[-1]) -> bytes:
    """A customer's request as a schema-valid document: UTF-8, one line, the same bytes for the same request.

    Transactions stand in the payment block they name; a block that only its transactions name is added.

    Raises:
        ElectraError: an unknown version, or something the message cannot hold.
    """
    if version not in VERSIONS:
        raise ElectraError(f"{version!r} is not written.", repair=f"Use one of {', '.join(VERSIONS)}.")
    if any(each.transaction_id for each in request.transactions):
        raise ElectraError("A customer's request knows no transaction id of the banks.", repair="Leave it out.")
    blocks = {each.payment_id: [_block(each)] for each in request.payments}
    if len(blocks) < len(request.payments):
        raise ElectraError("Two parts of the request name the same payment block.", repair="Make one of them.")
    for each in request.transactions:
        block = blocks.setdefault(each.payment_id, [_block(PaymentCancellation(payment_id=each.payment_id))])
        block.append(_transaction_text(each, _customers_details(each)))
    inside = _group(request) + "".join(
        f"<OrgnlPmtInfAndCxl>{''.join(parts)}</OrgnlPmtInfAndCxl>" for parts in blocks.values()
    )
    return _document(request, version, BODY, inside)


def write_between_banks(request: CancellationRequest, *, version: str = VERSIONS_BETWEEN_BANKS[0]) -> bytes:
    """A request between banks, as ``write`` does; it knows no payment blocks.

    Raises:
        ElectraError: an unknown version, or something the message cannot hold.
    """
    if version not in VERSIONS_BETWEEN_BANKS:
        raise ElectraError(f"{version!r} is not written.", repair=f"Use one of {', '.join(VERSIONS_BETWEEN_BANKS)}.")
    if request.payments or any(each.payment_id or each.collection_date for each in request.transactions):
        raise ElectraError("A request between banks knows no payment blocks.", repair="Write it as a camt.055.")
    inside = _group(request) + "".join(_transaction_text(each, _banks_details(each)) for each in request.transactions)
    return _document(request, version, BETWEEN_BANKS, inside)


def _document(request: CancellationRequest, version: str, name: str, inside: str) -> bytes:
    head = answers.assignment(request.message_id, request.assigner, request.assignee, request.created)
    case = answers.case_text("Case", request.case, request.assigner)
    return iso.document(version, f"<{name}>{head}{case}<Undrlyg>{inside}</Undrlyg></{name}>")


def _group(request: CancellationRequest) -> str:
    tag = iso.tag
    if not request.original_message_id:
        raise ElectraError("The request does not name the message that is called back.", repair="Give its id.")
    return (
        f"<OrgnlGrpInfAndCxl>{tag('OrgnlMsgId', request.original_message_id, 35)}"
        f"{tag('OrgnlMsgNmId', request.original_format or 'NOTPROVIDED', 35)}{_indicator('GrpCxl', request.whole)}"
        f"{answers.reasons_text(request.reasons, 'CxlRsnInf')}</OrgnlGrpInfAndCxl>"
    )


def _indicator(name: str, value: bool) -> str:
    return f"<{name}>true</{name}>" if value else ""


def _block(payment: PaymentCancellation) -> str:
    return (
        f"{iso.tag('PmtCxlId', payment.cancellation_id, 35)}"
        f"{iso.tag('OrgnlPmtInfId', payment.payment_id or 'NOTPROVIDED', 35)}{_indicator('PmtInfCxl', payment.whole)}"
        f"{answers.reasons_text(payment.reasons, 'CxlRsnInf')}"
    )


def _transaction_text(each: TransactionCancellation, details: Iterable[str]) -> str:
    tag = iso.tag
    return (
        f"<TxInf>{tag('CxlId', each.cancellation_id, 35)}{tag('OrgnlInstrId', each.instruction_id, 35)}"
        f"{tag('OrgnlEndToEndId', each.end_to_end_id, 35)}{''.join(details)}"
        f"{answers.reasons_text(each.reasons, 'CxlRsnInf')}</TxInf>"
    )


def _customers_details(each: TransactionCancellation) -> Iterable[str]:
    yield iso.tag("OrgnlUETR", each.uetr, 36)
    yield _amount_text("OrgnlInstdAmt", each.amount)
    if each.execution_date:
        yield f"<OrgnlReqdExctnDt><Dt>{each.execution_date.isoformat()}</Dt></OrgnlReqdExctnDt>"
    if each.collection_date:
        yield f"<OrgnlReqdColltnDt>{each.collection_date.isoformat()}</OrgnlReqdColltnDt>"


def _banks_details(each: TransactionCancellation) -> Iterable[str]:
    yield iso.tag("OrgnlTxId", each.transaction_id, 35)
    yield iso.tag("OrgnlUETR", each.uetr, 36)
    yield _amount_text("OrgnlIntrBkSttlmAmt", each.amount)
    if each.execution_date:
        yield f"<OrgnlIntrBkSttlmDt>{each.execution_date.isoformat()}</OrgnlIntrBkSttlmDt>"


def _amount_text(name: str, amount: Money | None) -> str:
    return f'<{name} Ccy="{amount.currency}">{iso.amount_text(amount.amount)}</{name}>' if amount else ""
