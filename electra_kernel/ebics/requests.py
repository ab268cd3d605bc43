"""Requests as documents: ``write_request`` builds them strictly, ``read_request`` reads them tolerantly."""

from __future__ import annotations

from lxml import etree

from electra_kernel.ebics.documents import (
    KIND_ATTRIBUTES,
    KeyDigests,
    Kind,
    Phase,
    Request,
    add_details,
    add_encryption,
    base64_text,
    moment,
    new_root,
    read_count,
    read_details,
    read_encryption,
    read_hex,
    read_moment,
)
from electra_kernel.ebics.tree import add, binary, find, flag, local, start, text
from electra_kernel.ebics.version import HEV, SHA256


def _add_identity(static: etree._Element, request: Request) -> None:
    if request.nonce and request.timestamp is not None:
        add(static, "Nonce", request.nonce.hex().upper())
        add(static, "Timestamp", moment(request.timestamp))
    add(static, "PartnerID", request.partner_id)
    add(static, "UserID", request.user_id)
    if request.system_id:
        add(static, "SystemID", request.system_id)
    if request.product:
        add(static, "Product", request.product, Language=request.language)


def _add_bank_digests(static: etree._Element, request: Request) -> None:
    if request.bank_digests is None:
        return
    version, node = request.version, add(static, "BankPubKeyDigests")
    for name, key, digest in (
        ("Authentication", version.authentication, request.bank_digests.authentication),
        ("Encryption", version.encryption, request.bank_digests.encryption),
    ):
        add(node, name, base64_text(digest), Version=key, Algorithm=SHA256)


def _add_static(header: etree._Element, request: Request) -> None:
    static = add(header, "static")
    add(static, "HostID", request.host_id)
    if request.transaction_id:
        add(static, "TransactionID", request.transaction_id.hex().upper())
        return
    _add_identity(static, request)
    if request.details is not None and request.kind is Kind.NORMAL:
        add_details(static, request.details, request.version, request.order_types)
    elif request.details is not None:
        node = add(static, "OrderDetails")
        add(node, request.version.order_type, request.details.admin_type)
        if not request.version.services:
            add(node, "OrderAttribute", KIND_ATTRIBUTES[request.kind])
    _add_bank_digests(static, request)
    add(static, "SecurityMedium", "0000")
    if request.segments is not None:
        add(static, "NumSegments", str(request.segments))


def _add_mutable(header: etree._Element, request: Request) -> None:
    mutable = add(header, "mutable")
    if request.phase is not None:
        add(mutable, "TransactionPhase", request.phase.value)
    if request.segment_number is not None:
        add(mutable, "SegmentNumber", str(request.segment_number), lastSegment=str(request.last_segment).lower())


def _add_body(root: etree._Element, request: Request) -> None:
    body = add(root, "body")
    if request.encryption is not None:
        transfer = add(body, "DataTransfer")
        add_encryption(transfer, request.encryption, request.version)
        add(transfer, "SignatureData", request.signature_data, authenticate="true")
        if request.version.data_digest:
            digest = base64_text(request.data_digest)
            add(transfer, "DataDigest", digest, SignatureVersion=request.signature_version)
    elif request.kind is Kind.UNSIGNED:
        transfer = add(body, "DataTransfer")
        add(transfer, "SignatureData", request.signature_data, authenticate="true")
        add(transfer, "OrderData", request.order_data)
    elif request.order_data:
        add(add(body, "DataTransfer"), "OrderData", request.order_data)
    elif request.receipt is not None:
        add(add(body, "TransferReceipt", authenticate="true"), "ReceiptCode", str(request.receipt))


def write_request(request: Request) -> etree._Element:
    """The request as a document that is not yet signed."""
    if request.kind is Kind.HEV:
        hev = start(f"{{{HEV}}}{Kind.HEV.value}")
        add(hev, "HostID", request.host_id)
        return hev
    root = new_root(request.kind.value, request.version)
    header = add(root, "header", authenticate="true")
    _add_static(header, request)
    _add_mutable(header, request)
    _add_body(root, request)
    return root


def _read_digests(static: etree._Element | None) -> KeyDigests | None:
    node = find(static, "BankPubKeyDigests")
    if node is None:
        return None
    return KeyDigests(authentication=binary(text(node, "Authentication")), encryption=binary(text(node, "Encryption")))


def _read_segment(mutable: etree._Element | None) -> tuple[int | None, bool]:
    node = find(mutable, "SegmentNumber")
    if node is None:
        return None, False
    return read_count((node.text or "").strip()), flag(node.get("lastSegment"))


def _optional_count(value: str) -> int | None:
    return read_count(value) if value else None


def _signature_version(transfer: etree._Element | None) -> str:
    node = find(transfer, "DataDigest")
    return "" if node is None else node.get("SignatureVersion", "")


def read_request(root: etree._Element, template: Request) -> Request:
    """What a request says. ``template`` carries the version, which the caller chose by the namespace.

    Raises:
        ValueError: a value does not have the form it must have, or a part that every request has is missing.
    """
    static, mutable, body = find(root, "header/static"), find(root, "header/mutable"), find(root, "body")
    if static is None or mutable is None or body is None:
        raise ValueError("header or body is missing")
    order, phase, timestamp = find(static, "OrderDetails"), text(mutable, "TransactionPhase"), text(static, "Timestamp")
    nonce, transaction = text(static, "Nonce"), text(static, "TransactionID")
    number, last = _read_segment(mutable)
    transfer = find(body, "DataTransfer")
    return Request(
        version=template.version,
        order_types=template.order_types,
        kind=Kind(local(root)),
        host_id=text(static, "HostID"),
        partner_id=text(static, "PartnerID"),
        user_id=text(static, "UserID"),
        system_id=text(static, "SystemID"),
        product=text(static, "Product"),
        nonce=read_hex(nonce) if nonce else b"",
        timestamp=read_moment(timestamp) if timestamp else None,
        details=None if order is None else read_details(order, template.version, template.order_types),
        bank_digests=_read_digests(static),
        segments=_optional_count(text(static, "NumSegments")),
        transaction_id=read_hex(transaction) if transaction else b"",
        phase=Phase(phase) if phase else None,
        segment_number=number,
        last_segment=last,
        encryption=read_encryption(transfer),
        signature_data=text(transfer, "SignatureData"),
        data_digest=binary(text(transfer, "DataDigest")),
        signature_version=_signature_version(transfer),
        order_data="".join(text(transfer, "OrderData").split()),
        receipt=_optional_count(text(body, "TransferReceipt/ReceiptCode")),
    )
