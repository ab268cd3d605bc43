"""What requests and answers say, as plain values, and the pieces of XML both have in common. No checks of keys here."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from lxml import etree

from electra_kernel.ebics.btf import FileFormat, Service
from electra_kernel.ebics.edsparams import DECISIONS, EDS_TYPES, LISTS, EdsParams
from electra_kernel.ebics.ordertypes import (
    DOWNLOAD,
    FILE_TYPES,
    ORDER_TYPES,
    UPLOAD,
    Code,
    OrderTypes,
    business_of,
    code_of,
)
from electra_kernel.ebics.tree import add, binary, children, find, flag, start, text
from electra_kernel.ebics.version import DSIG, SHA256, EbicsVersion

#: Largest document taken from the other side, in bytes: one segment of 1 MiB and its envelope, with room to spare.
DOCUMENT_LIMIT = 4 * 2**20


class Kind(StrEnum):
    """Root elements of requests."""

    HEV = "ebicsHEVRequest"
    UNSECURED = "ebicsUnsecuredRequest"
    UNSIGNED = "ebicsUnsignedRequest"
    NO_KEY_DIGESTS = "ebicsNoPubKeyDigestsRequest"
    NORMAL = "ebicsRequest"


#: Orders that are a signature and nothing else: the whole transaction is its first request, without segments.
SIGNATURE_ONLY = DECISIONS | {"SPR"}
#: What the order attribute of EBICS 2.5 says (spec 2.5, 3.11): data and signature, data alone, signature alone.
DATA_AND_SIGNATURE, DATA_ALONE, SIGNATURE_ALONE = "OZHNN", "DZHNN", "UZHNN"
#: Order attributes that follow from the kind of request.
KIND_ATTRIBUTES = {Kind.UNSECURED: "DZNNN", Kind.UNSIGNED: "OZNNN", Kind.NO_KEY_DIGESTS: "DZHNN"}


class Phase(StrEnum):
    """Phases of a transaction."""

    INITIALISATION = "Initialisation"
    TRANSFER = "Transfer"
    RECEIPT = "Receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDetails:
    """Which order a transaction is about, in the words of EBICS 3.0 whatever the version.

    ``start`` and ``end`` are inclusive days; ``eds`` is for HVU … HVS only. ``code`` is the order type or file format where
    the document names the business by one; ``attribute`` the order attribute as it was read (EBICS 2.5).
    """

    admin_type: str
    service: Service | None = None
    start: date | None = None
    end: date | None = None
    signature_flag: bool = False
    request_eds: bool = False
    file_name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    eds: EdsParams | None = None
    code: Code | None = None
    attribute: str = field(default="", compare=False)


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
    order_types: OrderTypes = field(default_factory=lambda: ORDER_TYPES, compare=False, repr=False)


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
    try:
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{value!r} is no moment of this calendar") from error


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


def _params_name(details: OrderDetails, version: EbicsVersion) -> str:
    name = details.admin_type
    own = name in {UPLOAD, DOWNLOAD} or details.eds is not None
    if not version.services and details.eds is None:
        own, name = isinstance(details.code, FileFormat), FILE_TYPES.get(name, name)
        if details.parameters and details.start is None and not own:
            return "GenericOrderParams"
    return f"{name}OrderParams" if own else "StandardOrderParams"


def add_code(parent: etree._Element, code: Code, admin_type: str) -> None:
    """Write an order type, with its file format where it is FUL or FDL (EBICS 2.5)."""
    if isinstance(code, FileFormat):
        add(parent, "OrderType", FILE_TYPES[admin_type])
        add_format(parent, code)
    else:
        add(parent, "OrderType", code)


def add_format(parent: etree._Element, code: FileFormat) -> None:
    """Write a file format (schema type FileFormatType)."""
    add(parent, "FileFormat", code.name, **({"CountryCode": code.country} if code.country else {}))


def read_code(parent: etree._Element | None) -> Code:
    """The order type, or the file format where there is one; empty where there is neither."""
    node = find(parent, "FileFormat")
    if node is None:
        return text(parent, "OrderType")
    return FileFormat((node.text or "").strip(), node.get("CountryCode", ""))


def known_code(admin_type: str, service: Service | None, types: OrderTypes) -> Code:
    """The code for a service.

    Raises:
        ValueError: there is none, so EBICS 2.5 cannot name it.
    """
    found = None if service is None else code_of(admin_type, service, types)
    if found is None:
        raise ValueError(f"EBICS 2.5 has no order type for {service or admin_type}")
    return found


def _add_eds(
    params: etree._Element, details: OrderDetails, eds: EdsParams, version: EbicsVersion, types: OrderTypes
) -> None:
    """Parameters of HVU and HVZ (filters), and of HVD, HVT, HVE and HVS (group HVRequestStructure)."""
    if details.admin_type in LISTS:
        _add_filters(params, eds, version, types)
        return
    add(params, "PartnerID", eds.partner_id)
    if not version.services:
        add_code(params, details.code or known_code(UPLOAD, details.service, types), UPLOAD)
    elif details.service is not None:
        add_service(params, details.service)
    add(params, "OrderID", eds.order_id)
    if details.admin_type == "HVT":
        flags = {"fetchLimit": str(eds.limit), "fetchOffset": str(eds.offset)}
        add(params, "OrderFlags", completeOrderData=str(eds.complete).lower(), **flags)


def _add_filters(params: etree._Element, eds: EdsParams, version: EbicsVersion, types: OrderTypes) -> None:
    if version.services:
        for each in eds.filters:
            add_service(params, each, "ServiceFilter")
        return
    codes = [known_code(UPLOAD, each, types) for each in eds.filters]
    if codes:
        names = (FILE_TYPES[UPLOAD] if isinstance(code, FileFormat) else code for code in codes)
        add(params, "OrderTypes", " ".join(dict.fromkeys(names)))


def _read_filters(params: etree._Element | None, types: OrderTypes) -> tuple[Service, ...]:
    named = [(code, business_of(code, types)) for code in text(params, "OrderTypes").split()]
    filters = [read_service(each) for each in children(params, "ServiceFilter")]
    # An order type nobody knows fits no order; it does not widen the list to all of them. FUL alone names no kind of file.
    others = (
        Service("" if code in FILE_TYPES.values() else code, "") if each is None else each.service
        for code, each in named
    )
    return tuple(filter(None, [*filters, *others]))


def _read_eds(params: etree._Element | None, types: OrderTypes) -> EdsParams:
    flags = find(params, "OrderFlags")
    return EdsParams(
        filters=_read_filters(params, types),
        partner_id=text(params, "PartnerID"),
        order_id=text(params, "OrderID"),
        complete=flags is not None and flag(flags.get("completeOrderData")),
        limit=0 if flags is None else read_count(flags.get("fetchLimit", "0")),
        offset=0 if flags is None else read_count(flags.get("fetchOffset", "0")),
    )


def _add_order_type(
    node: etree._Element, details: OrderDetails, version: EbicsVersion, types: OrderTypes
) -> FileFormat | None:
    if version.services:
        add(node, version.order_type, details.admin_type)
        return None
    code: Code = details.admin_type
    if code in {UPLOAD, DOWNLOAD}:
        code = details.code or known_code(details.admin_type, details.service, types)
    written = code if isinstance(code, FileFormat) else None
    add(node, version.order_type, FILE_TYPES[details.admin_type] if written else str(code))
    attribute = DATA_AND_SIGNATURE if details.signature_flag else DATA_ALONE
    add(node, "OrderAttribute", SIGNATURE_ALONE if details.admin_type in SIGNATURE_ONLY else attribute)
    return written


def add_details(
    static: etree._Element, details: OrderDetails, version: EbicsVersion, types: OrderTypes = ORDER_TYPES
) -> None:
    """Write OrderDetails with its parameters.

    Raises:
        ValueError: the version names business by order types, and ``types`` has none for this service.
    """
    node = add(static, "OrderDetails")
    file_format = _add_order_type(node, details, version, types)
    params = add(node, _params_name(replace(details, code=file_format), version))
    if details.eds is not None:
        _add_eds(params, details, details.eds, version, types)
        return
    if version.services:
        _add_service_params(params, details)
    _add_range(params, details)
    for name, value in details.parameters.items():
        parameter = add(params, "Parameter")
        add(parameter, "Name", name)
        add(parameter, "Value", value, Type="string")
    if file_format is not None:
        add_format(params, file_format)


def _add_service_params(params: etree._Element, details: OrderDetails) -> None:
    if details.service is not None:
        add_service(params, details.service)
    if details.file_name:
        params.set("fileName", details.file_name)
    if details.signature_flag and details.admin_type == UPLOAD:
        add(params, "SignatureFlag", **({"requestEDS": "true"} if details.request_eds else {}))


def _read_date(params: etree._Element | None, path: str) -> date | None:
    value = text(params, path)
    return date.fromisoformat(value[:10]) if value else None


def _params(node: etree._Element) -> etree._Element | None:
    for child in node:
        if isinstance(child.tag, str) and etree.QName(child).localname.endswith("OrderParams"):
            return child
    return None


def _read_business(
    node: etree._Element, params: etree._Element | None, version: EbicsVersion, types: OrderTypes
) -> tuple[str, Service | None, Code | None]:
    """Order type, service, and the code that named them. Order types of EBICS 2.5 are understood in 3.0 too."""
    admin_type, service = text(node, version.order_type), read_service(find(params, "Service"))
    if admin_type in {UPLOAD, DOWNLOAD} or not admin_type:
        return admin_type, service, None
    code: Code = read_code(params) if find(params, "FileFormat") is not None else admin_type
    if admin_type in EDS_TYPES:
        named = None if version.services else read_code(params)
        known = business_of(named, types) if named else None
        return admin_type, service if known is None else known.service, named or None
    known = business_of(code, types)
    wrapper = "" if params is None else etree.QName(params).localname.removesuffix("OrderParams")
    if wrapper in {UPLOAD, DOWNLOAD} and (service or known):
        return wrapper, service or (known.service if known else None), code
    return (admin_type, service, code) if known is None else (known.admin_type, service or known.service, code)


def read_details(node: etree._Element, version: EbicsVersion, types: OrderTypes = ORDER_TYPES) -> OrderDetails:
    """Read OrderDetails, tolerant of what real clients write (a SignatureFlag with text, for one).

    Raises:
        ValueError: a date cannot be read.
    """
    params = _params(node)
    mark, attribute = find(params, "SignatureFlag"), text(node, "OrderAttribute")
    admin_type, service, code = _read_business(node, params, version, types)
    marked = mark is not None and (mark.text or "").strip().lower() != "false"
    return OrderDetails(
        admin_type=admin_type,
        service=service,
        start=_read_date(params, "DateRange/Start"),
        end=_read_date(params, "DateRange/End"),
        signature_flag=marked if version.services else attribute in {DATA_AND_SIGNATURE, SIGNATURE_ALONE},
        # EBICS 2.5 has no such flag: signatures that are missing may always be added where the bank offers it.
        request_eds=flag(None if mark is None else mark.get("requestEDS"))
        if version.services
        else attribute == DATA_AND_SIGNATURE,
        file_name="" if params is None else params.get("fileName", ""),
        parameters={text(each, "Name"): text(each, "Value") for each in children(params, "Parameter")},
        eds=_read_eds(params, types) if admin_type in EDS_TYPES else None,
        code=code if code != admin_type else None,
        attribute=attribute,
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
