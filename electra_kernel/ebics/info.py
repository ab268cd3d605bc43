"""What a bank tells about itself and its users: HTD, HKD, HPD and HAA as values, read and written (spec 3.0.2, chapter 9).

Values speak of services whatever the version. EBICS 2.5 names them by order types: what has none there is left out when
written, and what stands in no table is read as an order type of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from lxml import etree

from electra_kernel.ebics.btf import FileFormat, Service
from electra_kernel.ebics.documents import add_format, add_service, read_code, read_count, read_service
from electra_kernel.ebics.ordertypes import FILE_TYPES, ORDER_TYPES, UPLOAD, Code, OrderTypes, business_of, code_of
from electra_kernel.ebics.tree import add, children, find, flag, serialise, start, text
from electra_kernel.ebics.version import EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountInfo:
    """An account a customer may use: IBAN or national number (or both), and its bank.

    ``services`` are the BTFs the account may be used for: ``None`` all, an empty tuple none. EBICS 2.5 asks for ``bic``.
    """

    id: str
    iban: str = ""
    national: str = ""
    national_format: str = ""
    bic: str = ""
    holder: str = ""
    currency: str = "EUR"
    description: str = ""
    services: tuple[Service, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderInfo:
    """A kind of order the bank offers. ``signatures`` is how many are needed; 0 for downloads.

    ``code`` is how EBICS 2.5 called it where it was read there.
    """

    admin_type: str
    description: str
    service: Service | None = None
    signatures: int = 0
    code: Code | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A right of a user. ``level`` is E, A, B, T or empty (downloads); ``limit`` in ``currency``, ``None`` unlimited."""

    admin_type: str
    service: Service | None = None
    level: str = ""
    account_id: str = ""
    limit: Decimal | None = None
    currency: str = "EUR"
    code: Code | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """A user and its rights. ``status`` is the bank's number (1: ready)."""

    user_id: str
    permissions: tuple[Permission, ...]
    status: int = 1
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberInfo:
    """HTD: the customer, its accounts, what the bank offers it, and the user who asks. HKD: the same for each user."""

    host_id: str
    user: UserInfo
    orders: tuple[OrderInfo, ...]
    accounts: tuple[AccountInfo, ...] = ()
    name: str = ""
    street: str = ""
    post_code: str = ""
    city: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankParameters:
    """HPD: addresses, versions and what of the optional parts the bank supports."""

    urls: tuple[str, ...]
    institute: str
    host_id: str = ""
    protocols: tuple[str, ...] = ("H005",)
    authentications: tuple[str, ...] = ("X002",)
    encryptions: tuple[str, ...] = ("E002",)
    signatures: tuple[str, ...] = ("A005", "A006")
    supports: frozenset[str] = field(default_factory=frozenset)


#: Optional parts named in HPD, in the schema's order. Certificates are optional in EBICS 2.5 only.
OPTIONS = ("Recovery", "PreValidation", "X509Data", "ClientDataDownload", "DownloadableOrderData")


def _options(version: EbicsVersion) -> tuple[str, ...]:
    return tuple(name for name in OPTIONS if version.key_values or name != "X509Data")


def _parse(data: bytes, name: str, version: EbicsVersion) -> etree._Element:
    root = parse_xml(data)
    if root.tag != version.tag(name):
        raise ValueError(f"{root.tag} is not {name}")
    return root


def _optional(parent: etree._Element, name: str, value: str) -> None:
    if value:
        add(parent, name, value)


def _add_account(parent: etree._Element, account: AccountInfo, version: EbicsVersion, types: OrderTypes) -> None:
    node = add(parent, "AccountInfo", ID=account.id, Currency=account.currency)
    if account.description:
        node.set("Description", account.description)
    if account.iban:
        add(node, "AccountNumber", account.iban, international="true")
    if account.national:
        add(node, "NationalAccountNumber", account.national, format=account.national_format or "other")
    if account.bic:
        add(node, "BankCode", account.bic, international="true")
    _optional(node, "AccountHolder", account.holder)
    if account.services is not None:
        usage = add(node, "UsageOrderTypes")
        if not version.services:
            usage.text = _code_list(account.services, types)
            return
        for service in account.services:
            add_service(usage, service)


def _code_list(services: Sequence[Service], types: OrderTypes) -> str:
    """Order types of services, whichever way they go; a file format stands in the list as FUL or FDL."""
    found = {way: [code_of(way, each, types) for each in services] for way in FILE_TYPES}
    names = [FILE_TYPES[way] if isinstance(code, FileFormat) else code for way in found for code in found[way] if code]
    return " ".join(dict.fromkeys(names))


def _read_account(node: etree._Element, version: EbicsVersion, types: OrderTypes) -> AccountInfo:
    numbers = {flag(each.get("international")): (each.text or "").strip() for each in children(node, "AccountNumber")}
    codes = {flag(each.get("international")): (each.text or "").strip() for each in children(node, "BankCode")}
    national, usage = find(node, "NationalAccountNumber"), find(node, "UsageOrderTypes")
    return AccountInfo(
        id=node.get("ID", ""),
        iban=numbers.get(True, ""),
        national=text(node, "NationalAccountNumber") or numbers.get(False, ""),
        national_format="" if national is None else national.get("format", ""),
        bic=codes.get(True, ""),
        holder=text(node, "AccountHolder"),
        currency=node.get("Currency", "EUR"),
        description=node.get("Description", ""),
        services=None if usage is None else _services(usage, version, types),
    )


def _services(parent: etree._Element, version: EbicsVersion, types: OrderTypes) -> tuple[Service, ...]:
    if version.services:
        return tuple(service for node in children(parent, "Service") if (service := read_service(node)))
    # An account's list is the element's own text, that of HAA stands in a child.
    codes = (parent.text or "").split() or text(parent, "OrderTypes").split()
    return tuple(known.service for code in codes if (known := business_of(code, types)))


def _name(order: OrderInfo | Permission, types: OrderTypes) -> Code | None:
    """How EBICS 2.5 calls it; ``None`` where it cannot."""
    if order.code is not None or order.service is None:
        return order.code or order.admin_type
    return code_of(order.admin_type, order.service, types)


def _add_order(parent: etree._Element, order: OrderInfo, version: EbicsVersion, types: OrderTypes) -> None:
    node = add(parent, "OrderInfo")
    if version.services:
        add(node, version.order_type, order.admin_type)
        if order.service is not None:
            add_service(node, order.service)
    else:
        code, way = _name(order, types), order.admin_type
        add(node, version.order_type, FILE_TYPES[way] if isinstance(code, FileFormat) else code)
        if isinstance(code, FileFormat):
            add_format(node, code)
        add(node, "TransferType", "Upload" if way == UPLOAD or order.signatures else "Download")
    add(node, "Description", order.description)
    if order.signatures:
        add(node, "NumSigRequired", str(order.signatures))


def _business(code: Code, types: OrderTypes) -> tuple[str, Service | None]:
    known = business_of(code, types)
    return (str(code), None) if known is None else (known.admin_type, known.service)


def _read_order(node: etree._Element, version: EbicsVersion, types: OrderTypes) -> OrderInfo:
    admin_type, service, code = text(node, version.order_type), read_service(find(node, "Service")), None
    if not version.services:
        code = read_code(node)
        admin_type, service = _business(code, types)
    return OrderInfo(
        admin_type=admin_type,
        description=text(node, "Description"),
        service=service,
        signatures=read_count(text(node, "NumSigRequired") or "0"),
        code=code,
    )


def _add_permission(parent: etree._Element, permission: Permission, version: EbicsVersion, types: OrderTypes) -> None:
    node = add(parent, "Permission")
    if permission.level:
        node.set("AuthorisationLevel", permission.level)
    if version.services:
        add(node, version.order_type, permission.admin_type)
        if permission.service is not None:
            add_service(node, permission.service)
    else:
        code = _name(permission, types)
        add(node, "OrderTypes", FILE_TYPES[permission.admin_type] if isinstance(code, FileFormat) else code)
        if isinstance(code, FileFormat):
            add_format(node, code)
    _optional(node, "AccountID", permission.account_id)
    if permission.limit is not None:
        add(node, "MaxAmount", f"{permission.limit:f}", Currency=permission.currency)


def _read_permissions(node: etree._Element, version: EbicsVersion, types: OrderTypes) -> list[Permission]:
    """One element of EBICS 2.5 may name several order types; each becomes a right of its own."""
    if version.services:
        return [_read_permission(node, text(node, version.order_type), read_service(find(node, "Service")))]
    file_format = find(node, "FileFormat")
    codes: list[Code] = [*text(node, "OrderTypes").split()] if file_format is None else [read_code(node)]
    return [_read_permission(node, *_business(code, types), code) for code in codes]


def _read_permission(
    node: etree._Element, admin_type: str, service: Service | None, code: Code | None = None
) -> Permission:
    amount = find(node, "MaxAmount")
    try:
        limit = None if amount is None else Decimal((amount.text or "").strip())
    except InvalidOperation as error:
        raise ValueError("a limit is no amount") from error
    return Permission(
        admin_type=admin_type,
        service=service,
        level=node.get("AuthorisationLevel", ""),
        account_id=text(node, "AccountID"),
        limit=limit,
        currency="EUR" if amount is None else amount.get("Currency", "EUR"),
        code=code,
    )


def write_htd(info: SubscriberInfo, version: EbicsVersion, types: OrderTypes = ORDER_TYPES) -> bytes:
    """``HTDResponseOrderData``."""
    return _write_customer("HTDResponseOrderData", [info], version, types)


def write_hkd(infos: Sequence[SubscriberInfo], version: EbicsVersion, types: OrderTypes = ORDER_TYPES) -> bytes:
    """``HKDResponseOrderData``: the customer as the first of its users sees it, and every user."""
    return _write_customer("HKDResponseOrderData", infos, version, types)


def _write_customer(name: str, infos: Sequence[SubscriberInfo], version: EbicsVersion, types: OrderTypes) -> bytes:
    root = start(version.tag(name))
    _add_partner(root, infos[0], version, types)
    for info in infos:
        user = add(root, "UserInfo")
        add(user, "UserID", info.user.user_id, Status=str(info.user.status))
        _optional(user, "Name", info.user.name)
        for permission in info.user.permissions:
            if version.services or _name(permission, types):
                _add_permission(user, permission, version, types)
    return serialise(root)


def _add_partner(root: etree._Element, info: SubscriberInfo, version: EbicsVersion, types: OrderTypes) -> None:
    partner = add(root, "PartnerInfo")
    address = add(partner, "AddressInfo")
    for name, value in (("Name", info.name), ("Street", info.street), ("PostCode", info.post_code)):
        _optional(address, name, value)
    _optional(address, "City", info.city)
    _optional(address, "Country", info.country)
    add(add(partner, "BankInfo"), "HostID", info.host_id)
    for account in info.accounts:
        _add_account(partner, account, version, types)
    for order in info.orders:
        if version.services or _name(order, types):
            _add_order(partner, order, version, types)


def _read_user(node: etree._Element, version: EbicsVersion, types: OrderTypes) -> UserInfo:
    identity = find(node, "UserID")
    return UserInfo(
        user_id=text(node, "UserID"),
        status=read_count("0" if identity is None else identity.get("Status", "0")),
        name=text(node, "Name"),
        permissions=tuple(
            right for each in children(node, "Permission") for right in _read_permissions(each, version, types)
        ),
    )


def read_htd(data: bytes, version: EbicsVersion, types: OrderTypes = ORDER_TYPES) -> SubscriberInfo:
    """Read ``HTDResponseOrderData``.

    Raises:
        ValueError: it is another document, names no user, or a value has the wrong form; HostileXml: it is no XML.
    """
    return _read_customer("HTDResponseOrderData", data, version, types)[0]


def read_hkd(data: bytes, version: EbicsVersion, types: OrderTypes = ORDER_TYPES) -> tuple[SubscriberInfo, ...]:
    """Read ``HKDResponseOrderData``: the customer with each of its users, in the bank's order.

    Raises:
        ValueError: it is another document, names no user, or a value has the wrong form; HostileXml: it is no XML.
    """
    return _read_customer("HKDResponseOrderData", data, version, types)


def _read_customer(name: str, data: bytes, version: EbicsVersion, types: OrderTypes) -> tuple[SubscriberInfo, ...]:
    root = _parse(data, name, version)
    partner, address = find(root, "PartnerInfo"), find(root, "PartnerInfo/AddressInfo")
    orders = tuple(_read_order(node, version, types) for node in children(partner, "OrderInfo"))
    accounts = tuple(_read_account(node, version, types) for node in children(partner, "AccountInfo"))
    users = [_read_user(node, version, types) for node in children(root, "UserInfo")]
    if not users:
        raise ValueError("it names no user")
    return tuple(
        SubscriberInfo(
            host_id=text(partner, "BankInfo/HostID"),
            user=user,
            orders=orders,
            accounts=accounts,
            name=text(address, "Name"),
            street=text(address, "Street"),
            post_code=text(address, "PostCode"),
            city=text(address, "City"),
            country=text(address, "Country"),
        )
        for user in users
    )


def write_hpd(parameters: BankParameters, version: EbicsVersion) -> bytes:
    """``HPDResponseOrderData``. Every optional part is named, with whether it is supported."""
    root = start(version.tag("HPDResponseOrderData"))
    access = add(root, "AccessParams")
    for url in parameters.urls:
        add(access, "URL", url)
    add(access, "Institute", parameters.institute)
    _optional(access, "HostID", parameters.host_id)
    protocol = add(root, "ProtocolParams")
    versions = add(protocol, "Version")
    add(versions, "Protocol", " ".join(parameters.protocols))
    add(versions, "Authentication", " ".join(parameters.authentications))
    add(versions, "Encryption", " ".join(parameters.encryptions))
    add(versions, "Signature", " ".join(parameters.signatures))
    for name in _options(version):
        add(protocol, name, supported=str(name in parameters.supports).lower())
    return serialise(root)


def _supported(protocol: etree._Element | None, name: str) -> bool:
    node = find(protocol, name)
    return node is not None and flag(node.get("supported", "true"))


def read_hpd(data: bytes, version: EbicsVersion) -> BankParameters:
    """Read ``HPDResponseOrderData``.

    Raises:
        ValueError: it is another document; HostileXml: it is no XML.
    """
    root = _parse(data, "HPDResponseOrderData", version)
    access, protocol = find(root, "AccessParams"), find(root, "ProtocolParams")
    versions = find(protocol, "Version")
    return BankParameters(
        urls=tuple((node.text or "").strip() for node in children(access, "URL")),
        institute=text(access, "Institute"),
        host_id=text(access, "HostID"),
        protocols=tuple(text(versions, "Protocol").split()),
        authentications=tuple(text(versions, "Authentication").split()),
        encryptions=tuple(text(versions, "Encryption").split()),
        signatures=tuple(text(versions, "Signature").split()),
        supports=frozenset(name for name in OPTIONS if _supported(protocol, name)),
    )


def write_haa(services: Sequence[Service], version: EbicsVersion, types: OrderTypes = ORDER_TYPES) -> bytes:
    """``HAAResponseOrderData``: the services for which data wait to be fetched."""
    root = start(version.tag("HAAResponseOrderData"))
    if not version.services:
        add(root, "OrderTypes", _code_list(services, types))
        return serialise(root)
    for service in services:
        add_service(root, service)
    return serialise(root)


def read_haa(data: bytes, version: EbicsVersion, types: OrderTypes = ORDER_TYPES) -> tuple[Service, ...]:
    """Read ``HAAResponseOrderData``.

    Raises:
        ValueError: it is another document; HostileXml: it is no XML.
    """
    return _services(_parse(data, "HAAResponseOrderData", version), version, types)
