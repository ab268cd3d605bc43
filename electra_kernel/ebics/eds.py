"""The distributed electronic signature (EDS): what a bank tells of orders that wait for signatures (spec 3.0.2, chapter 8).

What may live here: the order data of HVU, HVZ, HVD and HVT as values, written for the bank and read for the client. The
parameters of these order types are in ``edsparams``, who may sign what is the bank's business.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from lxml import etree

from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.documents import (
    add_code,
    add_service,
    base64_text,
    moment,
    read_code,
    read_count,
    read_moment,
    read_service,
)
from electra_kernel.ebics.ordertypes import ORDER_TYPES, UPLOAD, OrderTypes, business_of, code_of
from electra_kernel.ebics.tree import add, binary, children, find, flag, serialise, start, text
from electra_kernel.ebics.version import EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml

_NAME, _NOTE = 140, 255
#: What stands for a bank that is not known, where a version wants one named (ISO 20022's word).
_NO_BANK = "NOTPROVIDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed, or who sent, an order: ``level`` is E, A, B or T; empty for whoever only sent it."""

    partner_id: str
    user_id: str
    at: datetime
    name: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingOrder:
    """One order that waits, as HVU lists it; the second half is told by HVZ only.

    Attributes:
        service: what is to be done; order_id: the bank's id, unique within ``originator.partner_id``.
        size: bytes of the order data.
        ready: whether the user who asks may sign now; false once this user has signed.
        required: signatures the order needs in all; done: how many it has.
        signers: in the order of their signatures; originator: who sent it.
        note: the sender's words (AdditionalOrderInfo).
        digest: the 32-byte hash that signatures cover; scheme: with which the hash goes, such as ``A006``.
        data_available, details_available: whether HVT gives the original data, and single payments.
        count: how many payments; total, currency: their sum; first_party: the first payee; first_account: who pays.
    """

    service: Service
    order_id: str
    size: int
    ready: bool
    required: int
    done: int
    originator: Signer
    signers: tuple[Signer, ...] = ()
    note: str = ""
    digest: bytes = b""
    scheme: str = ""
    data_available: bool = False
    details_available: bool = False
    count: int | None = None
    total: Decimal | None = None
    currency: str = ""
    first_party: str = ""
    first_account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """One waiting order as HVD tells it; ``display`` is a text for people, as the bank wrote it."""

    digest: bytes
    scheme: str
    display: bytes
    size: int
    data_available: bool = True
    details_available: bool = True
    signers: tuple[Signer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment of a waiting order as HVT tells it: who pays whom, how much and when. Accounts may be empty strings."""

    amount: Decimal
    currency: str
    payer_account: str
    payee_account: str
    payer: str = ""
    payee: str = ""
    payee_bank: str = ""
    execution_date: date | None = None
    message: str = ""
    purpose: str = ""


# ------------------------------------------------------------------------------------------------ kinds of order
def nameable(service: Service, version: EbicsVersion, types: OrderTypes = ORDER_TYPES) -> bool:
    """Whether a version of EBICS has a name for this kind of order: 2.5 needs an order type for it."""
    return version.services or code_of(UPLOAD, service, types) is not None


def _add_kind(node: etree._Element, service: Service, version: EbicsVersion, types: OrderTypes) -> None:
    code = None if version.services else code_of(UPLOAD, service, types)
    if version.services:
        add_service(node, service)
    elif code is not None:
        add_code(node, code, UPLOAD)
    else:
        raise ValueError(f"{version.protocol} has no order type for {service}")


def _read_kind(node: etree._Element, version: EbicsVersion, types: OrderTypes) -> Service:
    if version.services:
        service = read_service(find(node, "Service"))
    else:
        code = read_code(node)
        business = business_of(code, types)
        # An order type of this bank alone is shown as the bank wrote it.
        service = Service(str(code), "") if business is None else business.service
    if service is None:
        raise ValueError("an order lacks its service")
    return service


# -------------------------------------------------------------------------------------------------------- people
def _add_person(parent: etree._Element, element: str, person: Signer) -> None:
    node = add(parent, element)
    add(node, "PartnerID", person.partner_id)
    add(node, "UserID", person.user_id)
    if person.name:
        add(node, "Name", person.name[:_NAME])
    add(node, "Timestamp", moment(person.at))
    if element == "SignerInfo":
        add(node, "Permission", AuthorisationLevel=person.level)


def _read_person(node: etree._Element) -> Signer:
    permission = find(node, "Permission")
    return Signer(
        partner_id=text(node, "PartnerID"),
        user_id=text(node, "UserID"),
        name=text(node, "Name"),
        at=read_moment(text(node, "Timestamp")),
        level="" if permission is None else permission.get("AuthorisationLevel", ""),
    )


def _read_signers(node: etree._Element) -> tuple[Signer, ...]:
    return tuple(_read_person(each) for each in children(node, "SignerInfo"))


def _read_hash(node: etree._Element | None) -> tuple[bytes, str]:
    mark = find(node, "DataDigest")
    return (b"", "") if mark is None else (binary((mark.text or "").strip()), mark.get("SignatureVersion", ""))


def _word(value: bool) -> str:
    return str(value).lower()


def _amount(value: str) -> Decimal:
    try:
        return Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is no amount") from error


def _parse(data: bytes, name: str, version: EbicsVersion) -> etree._Element:
    root = parse_xml(data)
    if root.tag != version.tag(name):
        raise ValueError(f"{root.tag} is not {name}")
    return root


# ----------------------------------------------------------------------------------------------------- HVU and HVZ
def write_waiting(
    orders: Sequence[WaitingOrder], version: EbicsVersion, *, details: bool, types: OrderTypes = ORDER_TYPES
) -> bytes:
    """The list of waiting orders: with ``details`` as HVZ gives it, otherwise as HVU does. Never empty (090005).

    Args:
        types: order types of the bank, for versions that know no services.

    Raises:
        ValueError: this version has no name for a kind of order; see ``nameable``.
    """
    root = start(version.tag("HVZResponseOrderData" if details else "HVUResponseOrderData"))
    for order in orders:
        node = add(root, "OrderDetails")
        _add_kind(node, order.service, version, types)
        add(node, "OrderID", order.order_id)
        if details:
            add(node, "DataDigest", base64_text(order.digest), SignatureVersion=order.scheme)
            add(node, "OrderDataAvailable", _word(order.data_available))
        add(node, "OrderDataSize", str(order.size))
        if details:
            add(node, "OrderDetailsAvailable", _word(order.details_available))
            _add_totals(node, order, version)
        numbers = {"NumSigRequired": str(order.required), "NumSigDone": str(order.done)}
        add(node, "SigningInfo", readyToBeSigned=_word(order.ready), **numbers)
        for signer in order.signers:
            _add_person(node, "SignerInfo", signer)
        _add_person(node, "OriginatorInfo", order.originator)
        if order.note and version.services:
            add(node, "AdditionalOrderInfo", order.note[:_NOTE])
    return serialise(root)


def _add_totals(node: etree._Element, order: WaitingOrder, version: EbicsVersion) -> None:
    if order.count is not None:
        add(node, "TotalOrders", str(order.count))
    if order.total is not None:
        add(node, "TotalAmount", f"{order.total:f}", isCredit="true")
    if order.currency:
        add(node, "Currency", order.currency)
    if not (order.first_party or order.first_account):
        return
    first = add(node, "FirstOrderInfo")
    if order.first_party:
        add(first, "OrderPartyInfo", order.first_party)
    if order.first_account:
        account = add(first, "AccountInfo")
        _add_number(account, order.first_account)
        _add_bank(account, "", version)


def read_waiting(data: bytes, version: EbicsVersion, types: OrderTypes = ORDER_TYPES) -> tuple[WaitingOrder, ...]:
    """The waiting orders of an answer to HVU or HVZ.

    Raises:
        ValueError: it is another document, or a value has the wrong form; HostileXml: it is no XML.
    """
    root = parse_xml(data)
    if root.tag not in {version.tag("HVUResponseOrderData"), version.tag("HVZResponseOrderData")}:
        raise ValueError(f"{root.tag} is no list of waiting orders")
    return tuple(_read_order(node, version, types) for node in children(root, "OrderDetails"))


def _read_order(node: etree._Element, version: EbicsVersion, types: OrderTypes) -> WaitingOrder:
    signing, originator = find(node, "SigningInfo"), find(node, "OriginatorInfo")
    if signing is None or originator is None:
        raise ValueError("a waiting order lacks its signatures or its sender")
    digest, scheme = _read_hash(node)
    count, total = text(node, "TotalOrders"), text(node, "TotalAmount")
    return WaitingOrder(
        service=_read_kind(node, version, types),
        order_id=text(node, "OrderID"),
        size=read_count(text(node, "OrderDataSize")),
        ready=flag(signing.get("readyToBeSigned")),
        required=read_count(signing.get("NumSigRequired", "")),
        done=read_count(signing.get("NumSigDone", "")),
        originator=_read_person(originator),
        signers=_read_signers(node),
        note=text(node, "AdditionalOrderInfo"),
        digest=digest,
        scheme=scheme,
        data_available=flag(text(node, "OrderDataAvailable")),
        details_available=flag(text(node, "OrderDetailsAvailable")),
        count=read_count(count) if count else None,
        total=_amount(total) if total else None,
        currency=text(node, "Currency"),
        first_party=text(node, "FirstOrderInfo/OrderPartyInfo"),
        first_account=_read_number(find(node, "FirstOrderInfo/AccountInfo")),
    )


# ------------------------------------------------------------------------------------------------------------- HVD
def write_state(state: OrderState, version: EbicsVersion) -> bytes:
    """``HVDResponseOrderData``."""
    root = start(version.tag("HVDResponseOrderData"))
    add(root, "DataDigest", base64_text(state.digest), SignatureVersion=state.scheme)
    add(root, "DisplayFile", b64encode(state.display).decode("ascii"))
    add(root, "OrderDataAvailable", _word(state.data_available))
    add(root, "OrderDataSize", str(state.size))
    add(root, "OrderDetailsAvailable", _word(state.details_available))
    for signer in state.signers:
        _add_person(root, "SignerInfo", signer)
    return serialise(root)


def read_state(data: bytes, version: EbicsVersion) -> OrderState:
    """Read ``HVDResponseOrderData``; errors as in ``read_waiting``."""
    root = _parse(data, "HVDResponseOrderData", version)
    digest, scheme = _read_hash(root)
    return OrderState(
        digest=digest,
        scheme=scheme,
        display=binary(text(root, "DisplayFile")),
        size=read_count(text(root, "OrderDataSize")),
        data_available=flag(text(root, "OrderDataAvailable")),
        details_available=flag(text(root, "OrderDetailsAvailable")),
        signers=_read_signers(root),
    )


# ------------------------------------------------------------------------------------------------------------- HVT
def write_payments(payments: Sequence[Payment], total: int, version: EbicsVersion) -> bytes:
    """``HVTResponseOrderData``: some payments of an order that has ``total`` of them."""
    root = start(version.tag("HVTResponseOrderData"))
    add(root, "NumOrderInfos", str(total))
    for payment in payments:
        node = add(root, "OrderInfo")
        if payment.message and version.services:
            add(node, "MsgName", payment.message)
        payer = _add_account(node, "Originator", payment.payer_account)
        _add_holder(payer, "Originator", "", payment.payer, version)
        payee = _add_account(node, "Recipient", payment.payee_account)
        _add_holder(payee, "Recipient", payment.payee_bank, payment.payee, version)
        if payment.execution_date is not None:
            add(node, "ExecutionDate", payment.execution_date.isoformat())
        add(node, "Amount", f"{payment.amount:f}", isCredit="true", Currency=payment.currency)
        if payment.purpose:
            add(node, "Description", payment.purpose, Type="Purpose")
    return serialise(root)


def _is_iban(number: str) -> bool:
    return len(number) > 4 and number[:2].isalpha() and number[2:4].isdigit()


def _add_number(node: etree._Element, number: str, **role: str) -> None:
    if _is_iban(number):
        add(node, "AccountNumber", number, international="true", **role)
    else:
        add(node, "NationalAccountNumber", number, format="other", **role)


def _add_account(parent: etree._Element, role: str, number: str) -> etree._Element:
    node = add(parent, "AccountInfo")
    _add_number(node, number, Role=role)
    return node


def _add_bank(node: etree._Element, bank: str, version: EbicsVersion, **role: str) -> None:
    if bank:
        add(node, "BankCode", bank, international="true", **role)
    elif version.account_banks:
        add(node, "NationalBankCode", _NO_BANK, format="other", **role)


def _add_holder(node: etree._Element, role: str, bank: str, holder: str, version: EbicsVersion) -> None:
    _add_bank(node, bank, version, Role=role)
    if holder:
        add(node, "AccountHolder", holder, Role=role)


def _read_number(node: etree._Element | None) -> str:
    return text(node, "AccountNumber") or text(node, "NationalAccountNumber")


def read_payments(data: bytes, version: EbicsVersion) -> tuple[int, tuple[Payment, ...]]:
    """How many payments the order has, and those the answer to HVT tells; errors as in ``read_waiting``."""
    root = _parse(data, "HVTResponseOrderData", version)
    return read_count(text(root, "NumOrderInfos")), tuple(_read_payment(node) for node in children(root, "OrderInfo"))


def _read_payment(node: etree._Element) -> Payment:
    accounts = {_role(each): each for each in children(node, "AccountInfo")}
    payer, payee, amount = accounts.get("Originator"), accounts.get("Recipient"), find(node, "Amount")
    if amount is None:
        raise ValueError("a payment lacks its amount")
    day = text(node, "ExecutionDate")
    purposes = [each for each in children(node, "Description") if each.get("Type") == "Purpose"]
    return Payment(
        amount=_amount((amount.text or "").strip()),
        currency=amount.get("Currency", ""),
        payer_account=_read_number(payer),
        payee_account=_read_number(payee),
        payer=text(payer, "AccountHolder"),
        payee=text(payee, "AccountHolder"),
        payee_bank=text(payee, "BankCode"),
        execution_date=date.fromisoformat(day[:10]) if day else None,
        message=text(node, "MsgName"),
        purpose=(purposes[0].text or "").strip() if purposes else "",
    )


def _role(account: etree._Element) -> str:
    return next((str(each.get("Role")) for each in account if isinstance(each.tag, str) and each.get("Role")), "")
