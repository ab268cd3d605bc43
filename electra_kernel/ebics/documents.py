"""What requests and answers say, as plain values, and the pieces of XML both have in common. No checks of keys here."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

from lxml import etree

from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.edsparams import EDS_TYPES, LISTS, EdsParams
from electra_kernel.ebics.tree import add, binary, children, find, flag, start, text
from electra_kernel.ebics.version import DSIG, SHA256, EbicsVersion

#: Largest document taken from the other side, in bytes: one segment of 1 MiB and its envelope, with room to spare.
DOCUMENT_LIMIT = 4 * 2**20


class Kind(StrEnum):
    """Root elements of requests."""

    HEV = "ebicsHEVRequest"
    UNSECURED = "ebicsUnsecuredRequest"
    NO_KEY_DIGESTS = "ebicsNoPubKeyDigestsRequest"
    NORMAL = "ebicsRequest"


class Phase(StrEnum):
    """Phases of a transaction."""

    INITIALISATION = "Initialisation"
    TRANSFER = "Transfer"
    RECEIPT = "Receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDetails:
    """Which order a transaction is about. ``start`` and ``end`` are inclusive days; ``eds`` is for HVU … HVS only."""

    admin_type: str
    service: Service | None = None
    start: date | None = None
    end: date | None = None
    signature_flag: bool = False
    request_eds: bool = False
    file_name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    eds: EdsParams | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDigests:
    """SHA-256 of the bank's authentication and encryption key, as the client believes them to be."""

    authentication: bytes
    encryption: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """For whom data are encrypted (digest of that key) and the transaction key in its RSA wrapping."""

    receiver_digest: bytes
    wrapped_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. What a phase does not use is empty."""

    version: EbicsVersion
    kind: Kind = Kind.NORMAL
    host_id: str = ""
    partner_id: str = ""
    user_id: str = ""
    system_id: str = ""
    product: str = ""
    language: str = "en"
    nonce: bytes = b""
    timestamp: datetime | None = None
    details: OrderDetails | None = None
    bank_digests: KeyDigests | None = None
    segments: int | None = None
    transaction_id: bytes = b""
    phase: Phase | None = None
    segment_number: int | None = None
    last_segment: bool = False
    encryption: Encryption | None = None
    signature_data: str = ""
    data_digest: bytes = b""
    signature_version: str = ""
    order_data: str = ""
    receipt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. ``phase`` is ``None`` in answers to key management (INI, HIA, HPB), which EBICS leaves unsigned."""

    version: EbicsVersion
    phase: Phase | None = None
    transaction_id: bytes = b""
    segments: int | None = None
    segment_number: int | None = None
    last_segment: bool = False
    order_id: str = ""
    technical: str = "000000"
    report: str = ""
    business: str = "000000"
    encryption: Encryption | None = None
    order_data: str = ""


def new_root(name: str, version: EbicsVersion) -> etree._Element:
    """A root that declares the two namespaces every signed document needs on it, with Version and Revision."""
    root = start(version.tag(name), ds=DSIG)
    root.set("Version", version.protocol)
    root.set("Revision", "1")
    return root


def moment(value: datetime) -> str:
    """A timestamp in UTC to the second."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_moment(value: str) -> datetime:
    """An ``xs:dateTime``; without a zone it is taken as UTC.

    Raises:
        ValueError: it is none.
    """
    read = datetime.fromisoformat(value)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def read_hex(value: str) -> bytes:
    """16 bytes in hexadecimal, either case.

    Raises:
        ValueError: they are not.
    """
    read = bytes.fromhex(value)
    if len(read) != 16:
        raise ValueError(f"{value!r} is not 16 bytes in hexadecimal")
    return read


def read_count(value: str) -> int:
    """A number of at most ten digits.

    Raises:
        ValueError: it is none.
    """
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        raise ValueError(f"{value!r} is not a count")
    return int(value)


def base64_text(data: bytes) -> str:
    """Base64 on one line."""
    return b64encode(data).decode("ascii")


def add_service(parent: etree._Element, service: Service, name: str = "Service") -> None:
    """Write a BTF (schema type RestrictedServiceType, or ServiceType for a filter, which may leave any part out)."""
    node = add(parent, name)
    if service.name:
        add(node, "ServiceName", service.name)
    if service.scope:
        add(node, "Scope", service.scope)
    if service.option:
        add(node, "ServiceOption", service.option)
    if service.container:
        add(node, "Container", containerType=service.container)
    marks = {"variant": service.variant, "version": service.version, "format": service.format}
    if service.message:
        add(node, "MsgName", service.message, **{name: value for name, value in marks.items() if value})


def read_service(node: etree._Element | None) -> Service | None:
    """Read a BTF; ``None`` where there is none."""
    if node is None:
        return None
    container, message = find(node, "Container"), find(node, "MsgName")
    marks: Mapping[str, str] = {} if message is None else {str(k): str(v) for k, v in message.attrib.items()}
    return Service(
        name=text(node, "ServiceName"),
        message=text(node, "MsgName"),
        scope=text(node, "Scope"),
        option=text(node, "ServiceOption"),
        container="" if container is None else container.get("containerType", ""),
        variant=marks.get("variant", ""),
        version=marks.get("version", ""),
        format=marks.get("format", ""),
    )


def _add_range(params: etree._Element, details: OrderDetails) -> None:
    if details.start is None or details.end is None:
        return
    node = add(params, "DateRange")
    add(node, "Start", details.start.isoformat())
    add(node, "End", details.end.isoformat())


def _params_name(details: OrderDetails) -> str:
    own = details.admin_type in {"BTU", "BTD"} or details.eds is not None
    return f"{details.admin_type}OrderParams" if own else "StandardOrderParams"


def _add_eds(params: etree._Element, details: OrderDetails, eds: EdsParams) -> None:
    """Parameters of HVU and HVZ (filters), and of HVD, HVT, HVE and HVS (group HVRequestStructure)."""
    for each in eds.filters:
        add_service(params, each, "ServiceFilter")
    if details.admin_type in LISTS:
        return
    add(params, "PartnerID", eds.partner_id)
    if details.service is not None:
        add_service(params, details.service)
    add(params, "OrderID", eds.order_id)
    if details.admin_type == "HVT":
        flags = {"fetchLimit": str(eds.limit), "fetchOffset": str(eds.offset)}
        add(params, "OrderFlags", completeOrderData=str(eds.complete).lower(), **flags)


def _read_eds(params: etree._Element | None) -> EdsParams:
    flags = find(params, "OrderFlags")
    return EdsParams(
        filters=tuple(found for each in children(params, "ServiceFilter") if (found := read_service(each))),
        partner_id=text(params, "PartnerID"),
        order_id=text(params, "OrderID"),
        complete=flags is not None and flag(flags.get("completeOrderData")),
        limit=0 if flags is None else read_count(flags.get("fetchLimit", "0")),
        offset=0 if flags is None else read_count(flags.get("fetchOffset", "0")),
    )


def add_details(static: etree._Element, details: OrderDetails, version: EbicsVersion) -> None:
    """Write OrderDetails with its parameters."""
    node = add(static, "OrderDetails")
    add(node, version.order_type, details.admin_type)
    params = add(node, _params_name(details))
    if details.eds is not None:
        _add_eds(params, details, details.eds)
        return
    if details.service is not None:
        add_service(params, details.service)
    if details.file_name:
        params.set("fileName", details.file_name)
    if details.signature_flag:
        add(params, "SignatureFlag", **({"requestEDS": "true"} if details.request_eds else {}))
    _add_range(params, details)
    for name, value in details.parameters.items():
        parameter = add(params, "Parameter")
        add(parameter, "Name", name)
        add(parameter, "Value", value, Type="string")


def _read_date(params: etree._Element | None, path: str) -> date | None:
    value = text(params, path)
    return date.fromisoformat(value[:10]) if value else None


def _params(node: etree._Element) -> etree._Element | None:
    for child in node:
        if isinstance(child.tag, str) and etree.QName(child).localname.endswith("OrderParams"):
            return child
    return None


def read_details(node: etree._Element, version: EbicsVersion) -> OrderDetails:
    """Read OrderDetails, tolerant of what real clients write (a SignatureFlag with text, for one).

    Raises:
        ValueError: a date cannot be read.
    """
    params = _params(node)
    mark = find(params, "SignatureFlag")
    admin_type = text(node, version.order_type)
    return OrderDetails(
        admin_type=admin_type,
        service=read_service(find(params, "Service")),
        start=_read_date(params, "DateRange/Start"),
        end=_read_date(params, "DateRange/End"),
        signature_flag=mark is not None and (mark.text or "").strip().lower() != "false",
        request_eds=mark is not None and flag(mark.get("requestEDS")),
        file_name="" if params is None else params.get("fileName", ""),
        parameters={text(each, "Name"): text(each, "Value") for each in children(params, "Parameter")},
        eds=_read_eds(params) if admin_type in EDS_TYPES else None,
    )


def add_encryption(parent: etree._Element, encryption: Encryption, version: EbicsVersion) -> None:
    """Write DataEncryptionInfo, marked as signed."""
    node = add(parent, "DataEncryptionInfo", authenticate="true")
    digest = base64_text(encryption.receiver_digest)
    add(node, "EncryptionPubKeyDigest", digest, Version=version.encryption, Algorithm=SHA256)
    add(node, "TransactionKey", base64_text(encryption.wrapped_key))


def read_encryption(transfer: etree._Element | None) -> Encryption | None:
    """Read DataEncryptionInfo; ``None`` where there is none.

    Raises:
        ValueError: it is not base64.
    """
    node = find(transfer, "DataEncryptionInfo")
    if node is None:
        return None
    return Encryption(
        receiver_digest=binary(text(node, "EncryptionPubKeyDigest")), wrapped_key=binary(text(node, "TransactionKey"))
    )
