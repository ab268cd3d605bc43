"""What a bank tells about itself and a user: HTD, HPD and HAA as values, read and written (spec 3.0.2, chapter 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from lxml import etree

from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.documents import add_service, read_count, read_service
from electra_kernel.ebics.tree import add, children, find, flag, serialise, start, text
from electra_kernel.ebics.version import EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountInfo:
    """An account a customer may use: IBAN or national number (or both), and its bank.

    ``services`` are the BTFs the account may be used for: ``None`` all, an empty tuple none.
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
    """A kind of order the bank offers. ``signatures`` is how many are needed; 0 for downloads."""

    admin_type: str
    description: str
    service: Service | None = None
    signatures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A right of a user. ``level`` is E, A, B, T or empty (downloads); ``limit`` in ``currency``, ``None`` unlimited."""

    admin_type: str
    service: Service | None = None
    level: str = ""
    account_id: str = ""
    limit: Decimal | None = None
    currency: str = "EUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """A user and its rights. ``status`` is the bank's number (1: ready)."""

    user_id: str
    permissions: tuple[Permission, ...]
    status: int = 1
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberInfo:
    """HTD: the customer, its accounts, what the bank offers it, and the user who asks."""

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


#: Optional parts named in HPD, in the schema's order.
OPTIONS = ("Recovery", "PreValidation", "ClientDataDownload", "DownloadableOrderData")


def _parse(data: bytes, name: str, version: EbicsVersion) -> etree._Element:
    root = parse_xml(data)
    if root.tag != version.tag(name):
        raise ValueError(f"{root.tag} is not {name}")
    return root


def _optional(parent: etree._Element, name: str, value: str) -> None:
    if value:
        add(parent, name, value)


def _add_account(parent: etree._Element, account: AccountInfo) -> None:
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
        for service in account.services:
            add_service(usage, service)


def _read_account(node: etree._Element) -> AccountInfo:
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
        services=None if usage is None else _services(usage),
    )


def _services(parent: etree._Element) -> tuple[Service, ...]:
    return tuple(service for node in children(parent, "Service") if (service := read_service(node)))


def _add_order(parent: etree._Element, order: OrderInfo, version: EbicsVersion) -> None:
    node = add(parent, "OrderInfo")
    add(node, version.order_type, order.admin_type)
    if order.service is not None:
        add_service(node, order.service)
    add(node, "Description", order.description)
    if order.signatures:
        add(node, "NumSigRequired", str(order.signatures))


def _read_order(node: etree._Element, version: EbicsVersion) -> OrderInfo:
    return OrderInfo(
        admin_type=text(node, version.order_type),
        description=text(node, "Description"),
        service=read_service(find(node, "Service")),
        signatures=read_count(text(node, "NumSigRequired") or "0"),
    )


def _add_permission(parent: etree._Element, permission: Permission, version: EbicsVersion) -> None:
    node = add(parent, "Permission")
    if permission.level:
        node.set("AuthorisationLevel", permission.level)
    add(node, version.order_type, permission.admin_type)
    if permission.service is not None:
        add_service(node, permission.service)
    _optional(node, "AccountID", permission.account_id)
    if permission.limit is not None:
        add(node, "MaxAmount", f"{permission.limit:f}", Currency=permission.currency)


def _read_permission(node: etree._Element, version: EbicsVersion) -> Permission:
    amount = find(node, "MaxAmount")
    try:
        limit = None if amount is None else Decimal((amount.text or "").strip())
    except InvalidOperation as error:
        raise ValueError("a limit is no amount") from error
    return Permission(
        admin_type=text(node, version.order_type),
        service=read_service(find(node, "Service")),
        level=node.get("AuthorisationLevel", ""),
        account_id=text(node, "AccountID"),
        limit=limit,
        currency="EUR" if amount is None else amount.get("Currency", "EUR"),
    )


def write_htd(info: SubscriberInfo, version: EbicsVersion) -> bytes:
    """``HTDResponseOrderData``."""
    root = start(version.tag("HTDResponseOrderData"))
    partner = add(root, "PartnerInfo")
    address = add(partner, "AddressInfo")
    for name, value in (("Name", info.name), ("Street", info.street), ("PostCode", info.post_code)):
        _optional(address, name, value)
    _optional(address, "City", info.city)
    _optional(address, "Country", info.country)
    add(add(partner, "BankInfo"), "HostID", info.host_id)
    for account in info.accounts:
        _add_account(partner, account)
    for order in info.orders:
        _add_order(partner, order, version)
    user = add(root, "UserInfo")
    add(user, "UserID", info.user.user_id, Status=str(info.user.status))
    _optional(user, "Name", info.user.name)
    for permission in info.user.permissions:
        _add_permission(user, permission, version)
    return serialise(root)


def _read_user(node: etree._Element | None, version: EbicsVersion) -> UserInfo:
    identity = find(node, "UserID")
    return UserInfo(
        user_id=text(node, "UserID"),
        status=read_count("0" if identity is None else identity.get("Status", "0")),
        name=text(node, "Name"),
        permissions=tuple(_read_permission(each, version) for each in children(node, "Permission")),
    )


def read_htd(data: bytes, version: EbicsVersion) -> SubscriberInfo:
    """Read ``HTDResponseOrderData``.

    Raises:
        ValueError: it is another document or a value has the wrong form; HostileXml: it is no XML.
    """
    root = _parse(data, "HTDResponseOrderData", version)
    partner, address = find(root, "PartnerInfo"), find(root, "PartnerInfo/AddressInfo")
    return SubscriberInfo(
        host_id=text(partner, "BankInfo/HostID"),
        user=_read_user(find(root, "UserInfo"), version),
        orders=tuple(_read_order(node, version) for node in children(partner, "OrderInfo")),
        accounts=tuple(_read_account(node) for node in children(partner, "AccountInfo")),
        name=text(address, "Name"),
        street=text(address, "Street"),
        post_code=text(address, "PostCode"),
        city=text(address, "City"),
        country=text(address, "Country"),
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
    for name in OPTIONS:
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


def write_haa(services: Sequence[Service], version: EbicsVersion) -> bytes:
    """``HAAResponseOrderData``: the services for which data wait to be fetched."""
    root = start(version.tag("HAAResponseOrderData"))
    for service in services:
        add_service(root, service)
    return serialise(root)


def read_haa(data: bytes, version: EbicsVersion) -> tuple[Service, ...]:
    """Read ``HAAResponseOrderData``.

    Raises:
        ValueError: it is another document; HostileXml: it is no XML.
    """
    return _services(_parse(data, "HAAResponseOrderData", version))
