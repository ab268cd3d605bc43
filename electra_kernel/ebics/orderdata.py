"""Order data of key management: INI, HIA, H3K, HPB, PUB, HCA and HCS (spec 3.0.2, 4.4 to 4.6).

Keys are DER bytes (see ``keys``). EBICS 3.0 carries certificates only; EBICS 2.5 carries the numbers of the key, with its
certificate beside them where there is one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from electra_kernel.ebics.keys import end_certificate, is_bare, key_value, public_key_of
from electra_kernel.ebics.tree import add, binary, find, serialise, start, text
from electra_kernel.ebics.version import DSIG, VERSIONS, EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml

#: What is signed to give an access up: SPR has no order data, its signature is over one blank (spec 3.0.2, 4.5).
SUSPENSION = b" "
_SIGNATURE_KEY = "SignaturePubKeyOrderData"
_PEM = b"-----BEGIN CERTIFICATE-----"


class NoCertificate(ValueError):
    """A key came as numbers where only certificates are allowed."""


@dataclass(frozen=True, slots=True)
class SignatureKey:
    """INI and PUB: the signature key of a user and the scheme (``A005``, ``A006``) it signs with."""

    certificate: bytes
    version: str
    partner_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class TransportCertificates:
    """HIA and HCA: the authentication and encryption keys of a user, with their versions."""

    authentication: bytes
    encryption: bytes
    partner_id: str
    user_id: str
    authentication_version: str = "X002"
    encryption_version: str = "E002"


@dataclass(frozen=True, slots=True)
class AllKeys:
    """HCS and H3K: all three keys of a user at once."""

    signature: SignatureKey
    transport: TransportCertificates


@dataclass(frozen=True, slots=True)
class BankCertificates:
    """HPB: the bank's authentication and encryption keys."""

    authentication: bytes
    encryption: bytes
    host_id: str


def _number(value: int) -> str:
    return b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode("ascii")


def _add_value(info: etree._Element, key: rsa.RSAPublicKey) -> None:
    numbers, value = key.public_numbers(), add(add(info, "PubKeyValue"), "RSAKeyValue", space=DSIG)
    add(value, "Modulus", _number(numbers.n))
    add(value, "Exponent", _number(numbers.e))


def _add_certificates(info: etree._Element, certificate: bytes, issuers: Sequence[bytes]) -> None:
    node = add(info, "X509Data", space=DSIG)
    for each in (certificate, *issuers):
        add(node, "X509Certificate", b64encode(each).decode("ascii"))


def _add_key(info: etree._Element, der: bytes, version: EbicsVersion, issuers: Sequence[bytes] = ()) -> None:
    if not is_bare(der):
        _add_certificates(info, der, issuers)
    elif not version.key_values:
        raise NoCertificate(f"{version.protocol} carries certificates only")
    if version.key_values:
        _add_value(info, public_key_of(der))


def _add_transport(
    root: etree._Element, keys: TransportCertificates, version: EbicsVersion, kind: str, issuers: Sequence[bytes]
) -> None:
    for use, der, number in (
        ("Authentication", keys.authentication, keys.authentication_version),
        ("Encryption", keys.encryption, keys.encryption_version),
    ):
        info = add(root, f"{use}{kind}")
        _add_key(info, der, version, issuers)
        add(info, f"{use}Version", number)


def _add_owner(root: etree._Element, keys: SignatureKey | TransportCertificates) -> None:
    add(root, "PartnerID", keys.partner_id)
    add(root, "UserID", keys.user_id)


def _read_value(info: etree._Element | None) -> rsa.RSAPublicKey | None:
    node = find(info, "PubKeyValue")
    value = None if node is None else node.find(f"{{{DSIG}}}RSAKeyValue")
    if value is None:
        return None
    modulus, exponent = (int.from_bytes(binary(text(value, name)), "big") for name in ("Modulus", "Exponent"))
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _read_key(root: etree._Element, use: str, version: EbicsVersion, info: etree._Element | None = None) -> bytes:
    info = find(root, f"{use}PubKeyInfo") if info is None else info
    nodes = [] if info is None else info.findall(f"{{{DSIG}}}X509Data/{{{DSIG}}}X509Certificate")
    value = _read_value(info)
    if not nodes and (value is None or not version.key_values):
        raise NoCertificate(f"the {use.lower()} key is not in a certificate")
    if not nodes and value is not None:
        return key_value(value)
    certificate = end_certificate([_der(node.text or "") for node in nodes])
    if value is not None and public_key_of(certificate).public_numbers() != value.public_numbers():
        raise ValueError(f"the {use.lower()} key is not the one in its certificate")
    return certificate


def _der(content: str) -> bytes:
    """A certificate's DER out of ds:X509Certificate; some clients put the text of a PEM file into the base64."""
    plain = binary(content)
    if not plain.lstrip().startswith(_PEM):
        return plain
    return binary(plain.partition(_PEM)[2].partition(b"-----END")[0].decode("ascii"))


def _parse(data: bytes, *tags: str) -> etree._Element:
    root = parse_xml(data)
    if root.tag not in tags:
        raise ValueError(f"{root.tag} is not {tags[0]}")
    return root


def write_ini(key: SignatureKey, version: EbicsVersion, issuers: Sequence[bytes] = ()) -> bytes:
    """``SignaturePubKeyOrderData``, of INI and PUB. ``issuers`` are the certificates of the CAs above the key's own."""
    root = start(version.signature_tag(_SIGNATURE_KEY), ds=DSIG)
    info = add(root, "SignaturePubKeyInfo")
    _add_key(info, key.certificate, version, issuers)
    add(info, "SignatureVersion", key.version)
    _add_owner(root, key)
    return serialise(root)


def read_ini(data: bytes, version: EbicsVersion) -> SignatureKey:
    """Read ``SignaturePubKeyOrderData``; some clients write it in the namespace of the other version.

    Raises:
        ValueError: it is another document, or has no key (``NoCertificate``: no certificate where one must be);
            HostileXml: it is no XML.
    """
    others = [each.signature_tag(_SIGNATURE_KEY) for each in VERSIONS.values()]
    root = _parse(data, version.signature_tag(_SIGNATURE_KEY), *others)
    key, number = _read_key(root, "Signature", version), text(root, "SignaturePubKeyInfo/SignatureVersion")
    return SignatureKey(key, number, text(root, "PartnerID"), text(root, "UserID"))


def write_hia(
    keys: TransportCertificates,
    version: EbicsVersion,
    issuers: Sequence[bytes] = (),
    *,
    name: str = "HIARequestOrderData",
) -> bytes:
    """``HIARequestOrderData``, or with ``name`` ``HCARequestOrderData``, which is built alike."""
    root = start(version.tag(name), ds=DSIG)
    _add_transport(root, keys, version, "PubKeyInfo", issuers)
    _add_owner(root, keys)
    return serialise(root)


def _read_transport(root: etree._Element, version: EbicsVersion) -> TransportCertificates:
    return TransportCertificates(
        _read_key(root, "Authentication", version),
        _read_key(root, "Encryption", version),
        text(root, "PartnerID"),
        text(root, "UserID"),
        text(root, "AuthenticationPubKeyInfo/AuthenticationVersion"),
        text(root, "EncryptionPubKeyInfo/EncryptionVersion"),
    )


def read_hia(data: bytes, version: EbicsVersion, *, name: str = "HIARequestOrderData") -> TransportCertificates:
    """Read ``HIARequestOrderData``, or with ``name`` ``HCARequestOrderData``.

    Raises:
        ValueError: it is another document, or has no keys; HostileXml: it is no XML.
    """
    return _read_transport(_parse(data, version.tag(name)), version)


def write_hcs(keys: AllKeys, version: EbicsVersion, issuers: Sequence[bytes] = ()) -> bytes:
    """``HCSRequestOrderData``: the signature key stands in the namespace of signatures."""
    root = start(version.tag("HCSRequestOrderData"), ds=DSIG, esig=version.signature_namespace)
    _add_transport(root, keys.transport, version, "PubKeyInfo", issuers)
    info = add(root, "SignaturePubKeyInfo", space=version.signature_namespace)
    _add_key(info, keys.signature.certificate, version, issuers)
    add(info, "SignatureVersion", keys.signature.version)
    _add_owner(root, keys.signature)
    return serialise(root)


def read_hcs(data: bytes, version: EbicsVersion) -> AllKeys:
    """Read ``HCSRequestOrderData``.

    Raises:
        ValueError: it is another document, or has no keys; HostileXml: it is no XML.
    """
    root = _parse(data, version.tag("HCSRequestOrderData"))
    info = root.find(version.signature_tag("SignaturePubKeyInfo"))
    key, transport = _read_key(root, "Signature", version, info), _read_transport(root, version)
    signature = SignatureKey(key, text(info, "SignatureVersion"), transport.partner_id, transport.user_id)
    return AllKeys(signature, transport)


def write_h3k(keys: AllKeys, version: EbicsVersion, issuers: Sequence[bytes] = ()) -> bytes:
    """``H3KRequestOrderData``: certificates only, in every version.

    Raises:
        NoCertificate: one of the keys has no certificate.
    """
    signature, transport = keys.signature, keys.transport
    if any(is_bare(der) for der in (signature.certificate, transport.authentication, transport.encryption)):
        raise NoCertificate("H3K carries certificates only")
    root = start(version.tag("H3KRequestOrderData"), ds=DSIG)
    for use, der, number in (
        ("Signature", signature.certificate, signature.version),
        ("Authentication", transport.authentication, transport.authentication_version),
        ("Encryption", transport.encryption, transport.encryption_version),
    ):
        info = add(root, f"{use}CertificateInfo")
        _add_certificates(info, der, issuers)
        add(info, f"{use}Version", number)
    _add_owner(root, signature)
    return serialise(root)


def read_h3k(data: bytes, version: EbicsVersion) -> AllKeys:
    """Read ``H3KRequestOrderData``.

    Raises:
        ValueError: it is another document, or has no certificates; HostileXml: it is no XML.
    """
    root = _parse(data, version.tag("H3KRequestOrderData"))
    owner = text(root, "PartnerID"), text(root, "UserID")
    read = {
        use: (
            _read_key(root, use, version, find(root, f"{use}CertificateInfo")),
            text(root, f"{use}CertificateInfo/{use}Version"),
        )
        for use in ("Signature", "Authentication", "Encryption")
    }
    (authentication, x), (encryption, e) = read["Authentication"], read["Encryption"]
    return AllKeys(
        SignatureKey(*read["Signature"], *owner), TransportCertificates(authentication, encryption, *owner, x, e)
    )


def write_hpb(keys: BankCertificates, version: EbicsVersion) -> bytes:
    """``HPBResponseOrderData``."""
    root = start(version.tag("HPBResponseOrderData"), ds=DSIG)
    own = TransportCertificates(
        keys.authentication, keys.encryption, "", "", version.authentication, version.encryption
    )
    _add_transport(root, own, version, "PubKeyInfo", ())
    add(root, "HostID", keys.host_id)
    return serialise(root)


def read_hpb(data: bytes, version: EbicsVersion) -> BankCertificates:
    """Read ``HPBResponseOrderData``.

    Raises:
        ValueError: it is another document, or has no keys; HostileXml: it is no XML.
    """
    root = _parse(data, version.tag("HPBResponseOrderData"))
    authentication, encryption = _read_key(root, "Authentication", version), _read_key(root, "Encryption", version)
    return BankCertificates(authentication, encryption, text(root, "HostID"))
