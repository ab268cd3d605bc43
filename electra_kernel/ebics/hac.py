"""HAC, the bank's protocol of every event, as pain.002.001.03 (EBICS 3.0.2, chapter 10): events read and written.

One ``OrgnlPmtInfAndSts`` is one event, oldest first. The digest of the order (32 bytes) does not fit the 35 characters of
an identification, so it is written as a line of additional information, ``DataDigest: `` and 64 hexadecimal digits.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from electra_kernel.ebics.btf import FileFormat, Service
from electra_kernel.ebics.documents import moment, read_moment
from electra_kernel.ebics.ordertypes import FILE_TYPES, ORDER_TYPES, Code, OrderTypes, business_of, code_of
from electra_kernel.ebics.tree import add, binary, children, find, serialise, start, text
from electra_kernel.ebics.version import H005, EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"
FINAL_POSITIVE, FINAL_NEGATIVE = "ORDER_HAC_FINAL_POS", "ORDER_HAC_FINAL_NEG"
#: What reasons mean, for people; a bank's own ones are shown as they are.
REASONS = {
    "TS01": "it arrived whole",
    "DS01": "a signature was checked and fits",
    "DS05": "the signature was passed on",
    "DS07": "it is done",
    "TA01": "the transfer was broken off",
    "TD01": "there were no data",
    "TD02": "the data cannot be read",
    "TD03": "the data have the wrong structure",
    "DS02": "a signer cancelled it",
    "DS04": "it was refused",
    "DS06": "it was put among the orders that wait for signatures",
    "DS08": "the data cannot be decompressed",
    "DS09": "the data cannot be decrypted",
    "DS0A": "signatures are missing",
    "DS0B": "a signature is wrong",
    "DS0C": "a signer's key is locked",
    "DS0D": "a signer's key is not active",
    "DS0E": "the bank does not have a signer's key",
    "DS0F": "the authority that issued a signer's certificate is not known",
    "DS0G": "a signer may not sign orders of this kind",
    "DS0H": "a signer may not sign for this account",
    "DS14": "a signer is not known",
    "DS15": "the same signature came twice",
    "DS16": "a signature was made in a version that is not taken",
    "DS17": "a signature belongs to another order",
    "DS18": "it was sent before",
    "DS19": "a signer's rights do not suffice",
    "DS24": "it waited for signatures for too long",
    "DS25": "it was deleted",
    "DS26": "the same person signed twice",
    "DS27": "a signer is not activated",
    "ID01": "the original order is missing",
    "AM21": "the amount is above a limit",
}
_LINE = 105
_DIGEST = re.compile(r"DataDigest:\s*([0-9A-Fa-f]{64})\s*")
#: Names of the parts of a BTF in the list of identifications, with the attribute of ``Service`` each stands for.
_SERVICE = {
    "ServiceName": "name",
    "Scope": "scope",
    "ServiceOption": "option",
    "ContainerType": "container",
    "MsgName": "message",
    "MsgVariant": "variant",
    "MsgVersion": "version",
    "MsgFormat": "format",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HacEvent:
    """One event.

    Attributes:
        action: such as ``FILE_UPLOAD``, ``ES_VERIFICATION``, ``ORDER_HAC_FINAL_POS``.
        at: when it happened, aware, UTC.
        admin_type: of the order, such as ``BTU``; service: its BTF.
        digest: the 32-byte order hash; ``None`` where the bank does not tell it.
        reason: code such as ``TS01`` or ``DS0B``; empty where there is none.
        text: the bank's words; a line each.
    """

    action: str
    at: datetime
    admin_type: str = ""
    order_id: str = ""
    partner_id: str = ""
    user_id: str = ""
    service: Service | None = None
    digest: bytes | None = None
    reason: str = ""
    text: str = ""

    @property
    def reason_words(self) -> str:
        """The reason for people, with its code in brackets; empty where there is none."""
        words = REASONS.get(self.reason, "")
        return f"{words} ({self.reason})" if words else self.reason

    @property
    def final(self) -> bool:
        """Whether it ends the order's story at the bank's gate."""
        return self.action in {FINAL_POSITIVE, FINAL_NEGATIVE}


def _called(event: HacEvent, version: EbicsVersion, types: OrderTypes) -> dict[str, str]:
    """The order type of EBICS 2.5; a service that has none there is told as in 3.0."""
    code = None if event.service is None else code_of(event.admin_type, event.service, types)
    if version.services or (code is None and event.service is not None):
        return {"AdminOrderType": event.admin_type}
    if isinstance(code, FileFormat):
        return {"OrderType": FILE_TYPES[event.admin_type], "FileFormat": code.name}
    return {"OrderType": code or event.admin_type}


def _identifications(event: HacEvent, version: EbicsVersion, types: OrderTypes) -> dict[str, str]:
    named = {"PartnerID": event.partner_id, "UserID": event.user_id, **_called(event, version, types)}
    if event.service is not None and "OrderType" not in named:
        named |= {name: str(getattr(event.service, attribute)) for name, attribute in _SERVICE.items()}
    named |= {"OrderID": event.order_id, "TimeStamp": moment(event.at)}
    return {name: value for name, value in named.items() if value}


def _lines(event: HacEvent) -> list[str]:
    lines = [part for line in event.text.splitlines() for part in textwrap.wrap(line, _LINE)]
    return lines if event.digest is None else [*lines, f"DataDigest: {event.digest.hex()}"]


def _add_event(report: etree._Element, event: HacEvent, version: EbicsVersion, types: OrderTypes) -> None:
    node = add(report, "OrgnlPmtInfAndSts")
    add(node, "OrgnlPmtInfId", event.action)
    info = add(node, "StsRsnInf")
    organisation = add(add(add(info, "Orgtr"), "Id"), "OrgId")
    for name, value in _identifications(event, version, types).items():
        other = add(organisation, "Othr")
        add(other, "Id", value)
        add(add(other, "SchmeNm"), "Prtry", name)
    if event.reason:
        add(add(info, "Rsn"), "Cd", event.reason)
    for line in _lines(event):
        add(info, "AddtlInf", line)


def write_hac(
    events: Sequence[HacEvent],
    *,
    bank_bic: str,
    message_id: str,
    created: datetime,
    version: EbicsVersion = H005,
    types: OrderTypes = ORDER_TYPES,
) -> bytes:
    """The protocol as a document; events in the order they happened, orders named as ``version`` does."""
    root = start(f"{{{NAMESPACE}}}Document")
    report = add(root, "CstmrPmtStsRpt")
    header = add(report, "GrpHdr")
    add(header, "MsgId", message_id)
    add(header, "CreDtTm", moment(created))
    other = add(add(add(add(header, "InitgPty"), "Id"), "OrgId"), "Othr")
    add(other, "Id", bank_bic)
    group = add(report, "OrgnlGrpInfAndSts")
    add(group, "OrgnlMsgId", "EBICS")
    add(group, "OrgnlMsgNmId", "EBICS")
    for event in events:
        _add_event(report, event, version, types)
    return serialise(root)


def _business(named: Mapping[str, str], types: OrderTypes) -> tuple[str, Service | None]:
    admin_type = named.get("AdminOrderType") or named.get("OrderType", "")
    if named.get("ServiceName"):
        return admin_type, Service(**{attribute: named.get(name, "") for name, attribute in _SERVICE.items()})
    code: Code = FileFormat(named["FileFormat"]) if "FileFormat" in named else admin_type
    known = business_of(code, types)
    return (admin_type, None) if known is None else (known.admin_type, known.service)


def _digest(named: Mapping[str, str], lines: Sequence[str]) -> tuple[bytes | None, list[str]]:
    rest, found = list[str](), None
    for line in lines:
        match = _DIGEST.fullmatch(line)
        if match:
            found = bytes.fromhex(match[1])
        else:
            rest.append(line)
    if found is None and "DataDigest" in named:
        value = named["DataDigest"]
        found = bytes.fromhex(value) if len(value) == 64 else binary(value)
    return found, rest


def _read_event(node: etree._Element, types: OrderTypes) -> HacEvent:
    info = find(node, "StsRsnInf")
    named = {
        text(other, "SchmeNm/Prtry"): text(other, "Id") for other in children(find(info, "Orgtr/Id/OrgId"), "Othr")
    }
    admin_type, service = _business(named, types)
    digest, lines = _digest(named, [(line.text or "").strip() for line in children(info, "AddtlInf")])
    return HacEvent(
        action=text(node, "OrgnlPmtInfId"),
        at=read_moment(named.get("TimeStamp", "")),
        admin_type=admin_type,
        order_id=named.get("OrderID", ""),
        partner_id=named.get("PartnerID", ""),
        user_id=named.get("UserID", ""),
        service=service,
        digest=digest,
        reason=text(info, "Rsn/Cd") or text(info, "Rsn/Prtry"),
        text="\n".join(lines),
    )


def read_hac(data: bytes, types: OrderTypes = ORDER_TYPES) -> tuple[HacEvent, ...]:
    """The events of a protocol, in its order; order types of EBICS 2.5 become the services they mean.

    Raises:
        ValueError: it is another document, or an event has no readable time or digest; HostileXml: it is no XML.
    """
    root = parse_xml(data)
    if root.tag != f"{{{NAMESPACE}}}Document":
        raise ValueError(f"{root.tag} is not a pain.002.001.03 document")
    return tuple(_read_event(node, types) for node in children(find(root, "CstmrPmtStsRpt"), "OrgnlPmtInfAndSts"))
