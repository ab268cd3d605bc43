"""Order data of key management: what INI, HIA and HPB carry (spec 3.0.2, 4.4). Certificates only, as DER bytes."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

from lxml import etree

from electra_kernel.ebics.tree import add, binary, find, serialise, start, text
from electra_kernel.ebics.version import DSIG, EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml


@dataclass(frozen=True, slots=True)
class SignatureKey:
    """INI: the signature certificate of a user and the scheme (``A005``, ``A006``) it signs with."""

    certificate: bytes
    version: str
    partner_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class TransportCertificates:
    """HIA: the authentication and encryption certificates of a user, with their versions."""

    authentication: bytes
    encryption: bytes
    partner_id: str
    user_id: str
    authentication_version: str = "X002"
    encryption_version: str = "E002"


@dataclass(frozen=True, slots=True)
class BankCertificates:
    """HPB: the bank's authentication and encryption certificates."""

    authentication: bytes
    encryption: bytes
    host_id: str


def _add_key(root: etree._Element, use: str, certificate: bytes, key_version: str) -> None:
    info = add(root, f"{use}PubKeyInfo")
    content = b64encode(certificate).decode("ascii")
    add(add(info, "X509Data", space=DSIG), "X509Certificate", content)
    add(info, f"{use}Version", key_version)


def _read_key(root: etree._Element, use: str) -> tuple[bytes, str]:
    info = find(root, f"{use}PubKeyInfo")
    node = None if info is None else info.find(f"{{{DSIG}}}X509Data/{{{DSIG}}}X509Certificate")
    if node is None:
        raise ValueError(f"the {use.lower()} key is not in a certificate")
    return binary(node.text or ""), text(info, f"{use}Version")


def _parse(data: bytes, tag: str) -> etree._Element:
    root = parse_xml(data)
    if root.tag != tag:
        raise ValueError(f"{root.tag} is not {tag}")
    return root


def write_ini(key: SignatureKey, version: EbicsVersion) -> bytes:
    """``SignaturePubKeyOrderData``."""
    root = start(version.signature_tag("SignaturePubKeyOrderData"), ds=DSIG)
    _add_key(root, "Signature", key.certificate, key.version)
    add(root, "PartnerID", key.partner_id)
    add(root, "UserID", key.user_id)
    return serialise(root)


def read_ini(data: bytes, version: EbicsVersion) -> SignatureKey:
    """Read ``SignaturePubKeyOrderData``.

    Raises:
        ValueError: it is another document, or has no certificate; HostileXml: it is no XML.
    """
    root = _parse(data, version.signature_tag("SignaturePubKeyOrderData"))
    return SignatureKey(*_read_key(root, "Signature"), text(root, "PartnerID"), text(root, "UserID"))


def write_hia(keys: TransportCertificates, version: EbicsVersion) -> bytes:
    """``HIARequestOrderData``."""
    root = start(version.tag("HIARequestOrderData"), ds=DSIG)
    _add_key(root, "Authentication", keys.authentication, keys.authentication_version)
    _add_key(root, "Encryption", keys.encryption, keys.encryption_version)
    add(root, "PartnerID", keys.partner_id)
    add(root, "UserID", keys.user_id)
    return serialise(root)


def read_hia(data: bytes, version: EbicsVersion) -> TransportCertificates:
    """Read ``HIARequestOrderData``.

    Raises:
        ValueError: it is another document, or has no certificates; HostileXml: it is no XML.
    """
    root = _parse(data, version.tag("HIARequestOrderData"))
    (authentication, x), (encryption, e) = _read_key(root, "Authentication"), _read_key(root, "Encryption")
    return TransportCertificates(authentication, encryption, text(root, "PartnerID"), text(root, "UserID"), x, e)


def write_hpb(keys: BankCertificates, version: EbicsVersion) -> bytes:
    """``HPBResponseOrderData``."""
    root = start(version.tag("HPBResponseOrderData"), ds=DSIG)
    _add_key(root, "Authentication", keys.authentication, version.authentication)
    _add_key(root, "Encryption", keys.encryption, version.encryption)
    add(root, "HostID", keys.host_id)
    return serialise(root)


def read_hpb(data: bytes, version: EbicsVersion) -> BankCertificates:
    """Read ``HPBResponseOrderData``.

    Raises:
        ValueError: it is another document, or has no certificates; HostileXml: it is no XML.
    """
    root = _parse(data, version.tag("HPBResponseOrderData"))
    authentication, encryption = _read_key(root, "Authentication")[0], _read_key(root, "Encryption")[0]
    return BankCertificates(authentication, encryption, text(root, "HostID"))
