"""Answers as documents: ``write_answer`` builds them for the bank, ``read_answer`` reads them for the client."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from electra_kernel.ebics.codes import OK, lookup
from electra_kernel.ebics.documents import (
    Answer,
    Phase,
    add_encryption,
    new_root,
    read_count,
    read_encryption,
    read_hex,
)
from electra_kernel.ebics.tree import add, children, find, flag, start, text
from electra_kernel.ebics.version import H005, HEV, EbicsVersion

SIGNED_ANSWER, KEY_ANSWER, HEV_ANSWER = "ebicsResponse", "ebicsKeyManagementResponse", "ebicsHEVResponse"
_REPORT_LENGTH = 256


def report_text(code: str, words: str = "", version: EbicsVersion = H005) -> str:
    """``[EBICS_NAME] words``, on one printable line and within the schema's 256 characters."""
    said = "".join(each if each.isprintable() else " " for each in words or lookup(code).meaning)
    name = version.code_names.get(code, lookup(code).name)
    return " ".join(f"[{name}] {said}".split())[:_REPORT_LENGTH]


def _add_mutable(header: etree._Element, answer: Answer) -> None:
    mutable = add(header, "mutable")
    if answer.phase is not None:
        add(mutable, "TransactionPhase", answer.phase.value)
    if answer.segment_number is not None:
        add(mutable, "SegmentNumber", str(answer.segment_number), lastSegment=str(answer.last_segment).lower())
    if answer.order_id:
        add(mutable, "OrderID", answer.order_id)
    add(mutable, "ReturnCode", answer.technical)
    code = answer.technical if answer.technical != OK else answer.business
    add(mutable, "ReportText", answer.report or report_text(code))


def write_answer(answer: Answer) -> etree._Element:
    """The answer as a document that is not yet signed; one without a phase is a key management answer."""
    root = new_root(SIGNED_ANSWER if answer.phase is not None else KEY_ANSWER, answer.version)
    header = add(root, "header", authenticate="true")
    static = add(header, "static")
    if answer.transaction_id:
        add(static, "TransactionID", answer.transaction_id.hex().upper())
    if answer.segments is not None:
        add(static, "NumSegments", str(answer.segments))
    _add_mutable(header, answer)
    body = add(root, "body")
    if answer.order_data:
        transfer = add(body, "DataTransfer")
        if answer.encryption is not None:
            add_encryption(transfer, answer.encryption, answer.version)
        add(transfer, "OrderData", answer.order_data)
    add(body, "ReturnCode", answer.business, authenticate="true")
    return root


def read_answer(root: etree._Element, version: EbicsVersion) -> Answer:
    """What an answer says.

    Raises:
        ValueError: a value does not have the form it must have, or a part is missing.
    """
    static, mutable, body = find(root, "header/static"), find(root, "header/mutable"), find(root, "body")
    technical, business = text(mutable, "ReturnCode"), text(body, "ReturnCode")
    if not technical or not business:
        raise ValueError("a return code is missing")
    phase, number, transfer = (
        text(mutable, "TransactionPhase"),
        find(mutable, "SegmentNumber"),
        find(body, "DataTransfer"),
    )
    segments, transaction = text(static, "NumSegments"), text(static, "TransactionID")
    return Answer(
        version=version,
        phase=Phase(phase) if phase else None,
        transaction_id=read_hex(transaction) if transaction else b"",
        segments=read_count(segments) if segments else None,
        segment_number=None if number is None else read_count((number.text or "").strip()),
        last_segment=number is not None and flag(number.get("lastSegment")),
        order_id=text(mutable, "OrderID"),
        technical=technical,
        report=text(mutable, "ReportText"),
        business=business,
        encryption=read_encryption(transfer),
        order_data="".join(text(transfer, "OrderData").split()),
    )


def write_hev_answer(code: str, versions: Mapping[str, str]) -> etree._Element:
    """The answer to HEV; ``versions`` maps a protocol such as ``H005`` to a release such as ``03.00``."""
    root = start(f"{{{HEV}}}{HEV_ANSWER}")
    state = add(root, "SystemReturnCode")
    add(state, "ReturnCode", code)
    add(state, "ReportText", report_text(code))
    for protocol, release in versions.items():
        add(root, "VersionNumber", release, ProtocolVersion=protocol)
    return root


def read_hev_answer(root: etree._Element) -> tuple[str, str, dict[str, str]]:
    """Return code, report text and the versions spoken, by protocol.

    Raises:
        ValueError: it is no answer to HEV.
    """
    code = text(root, "SystemReturnCode/ReturnCode")
    if root.tag != f"{{{HEV}}}{HEV_ANSWER}" or not code:
        raise ValueError("it is no answer to HEV")
    spoken = {node.get("ProtocolVersion", ""): (node.text or "").strip() for node in children(root, "VersionNumber")}
    return code, text(root, "SystemReturnCode/ReportText"), spoken
