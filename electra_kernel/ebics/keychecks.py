"""What a bank proves of keys a user sends, whichever order brings them: read, owned, of the right kind, fit for use.

Nothing is kept here. Certificates may be the user's own or issued by a CA; a bank that names authorities takes theirs only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from electra_kernel.ebics import orderdata
from electra_kernel.ebics.desk import DeskRefusal, KeyUse
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.ebics.gate import Gate
from electra_kernel.ebics.keys import UnusableCertificate, is_bare, public_key_of, read_certificate
from electra_kernel.ebics.orderdata import AllKeys, SignatureKey, TransportCertificates
from electra_kernel.ebics.version import EbicsVersion
from electra_kernel.vocabulary.xml import HostileXml

#: Keys by use, and the scheme of the signature key where there is one.
Sent = tuple[dict[KeyUse, bytes], str]
_WRONG_LENGTH = {KeyUse.SIGNATURE: "091204", KeyUse.AUTHENTICATION: "091205", KeyUse.ENCRYPTION: "091206"}


def read_keys(kind: str, data: bytes, owner: tuple[str, str], version: EbicsVersion) -> Sent:
    """The keys in the order data of INI, HIA, H3K, PUB, HCA or HCS.

    Args:
        owner: partner id and user id of the request; the order data must name the same.

    Raises:
        DeskRefusal: 090004 where they cannot be read, 091217 without a certificate where one must be, 091201 to 091203
            for key versions that are not in use.
    """
    try:
        return _READERS[kind](data, owner, version)
    except orderdata.NoCertificate as error:
        raise DeskRefusal("091217", str(error)) from error
    except (EbicsError, HostileXml, ValueError) as error:
        raise DeskRefusal("090004", str(error)) from error


def _signature(key: SignatureKey, owner: tuple[str, str], version: EbicsVersion) -> Sent:
    _check_owner(owner, key.partner_id, key.user_id)
    if key.version not in version.signatures:
        raise DeskRefusal("091201")
    return {KeyUse.SIGNATURE: key.certificate}, key.version


def _transport(keys: TransportCertificates, owner: tuple[str, str], version: EbicsVersion) -> Sent:
    _check_owner(owner, keys.partner_id, keys.user_id)
    if keys.authentication_version != version.authentication:
        raise DeskRefusal("091202")
    if keys.encryption_version != version.encryption:
        raise DeskRefusal("091203")
    return {KeyUse.AUTHENTICATION: keys.authentication, KeyUse.ENCRYPTION: keys.encryption}, ""


def _all(keys: AllKeys, owner: tuple[str, str], version: EbicsVersion) -> Sent:
    signature, scheme = _signature(keys.signature, owner, version)
    return {**signature, **_transport(keys.transport, owner, version)[0]}, scheme


def _ini(data: bytes, owner: tuple[str, str], version: EbicsVersion) -> Sent:
    return _signature(orderdata.read_ini(data, version), owner, version)


def _hia(data: bytes, owner: tuple[str, str], version: EbicsVersion) -> Sent:
    return _transport(orderdata.read_hia(data, version), owner, version)


def _hca(data: bytes, owner: tuple[str, str], version: EbicsVersion) -> Sent:
    return _transport(orderdata.read_hia(data, version, name="HCARequestOrderData"), owner, version)


def _hcs(data: bytes, owner: tuple[str, str], version: EbicsVersion) -> Sent:
    return _all(orderdata.read_hcs(data, version), owner, version)


def _h3k(data: bytes, owner: tuple[str, str], version: EbicsVersion) -> Sent:
    return _all(orderdata.read_h3k(data, version), owner, version)


_READERS: Mapping[str, Callable[[bytes, tuple[str, str], EbicsVersion], Sent]] = {
    "INI": _ini,
    "PUB": _ini,
    "HIA": _hia,
    "HCA": _hca,
    "HCS": _hcs,
    "H3K": _h3k,
}


def _check_owner(owner: tuple[str, str], partner_id: str, user_id: str) -> None:
    if (partner_id, user_id) != owner:
        raise DeskRefusal("090004", "The keys belong to another partner or user than the request.")


def check_keys(gate: Gate, sent: Mapping[KeyUse, bytes], held: Mapping[KeyUse, bytes], version: EbicsVersion) -> None:
    """Refuse keys that are too short or, at a strict gate, of the wrong use or time (091204 to 091210, 091219); keys no
    authority of the bank's issued, where it has any (091214, 091217); and keys of which the signature key is not one of its own beside those the user keeps (091218; spec 3.0.2, 4.4.1)."""
    for use, der in sent.items():
        _check_key(gate, der, use, version)
    numbers = {use: public_key_of(der).public_numbers() for use, der in {**held, **sent}.items()}
    own = numbers.pop(KeyUse.SIGNATURE, None)
    if own is not None and own in numbers.values():
        raise DeskRefusal("091218")


def _check_key(gate: Gate, der: bytes, use: KeyUse, version: EbicsVersion) -> None:
    try:
        key = public_key_of(der)
    except UnusableCertificate as error:
        raise DeskRefusal("091219", str(error)) from error
    least, most = version.key_bits
    if not least <= key.key_size <= most:
        raise DeskRefusal(_WRONG_LENGTH[use], f"The key has {key.key_size} bits; {least} to {most} are taken.")
    if is_bare(der):
        if gate.authorities:
            raise DeskRefusal("091217", "This bank takes keys only in certificates of an authority it trusts.")
        return
    certificate = read_certificate(der)[0]
    if gate.strict:
        _check_certificate(gate, certificate, use)
    if gate.authorities and not any(_issued(certificate, each) for each in gate.authorities):
        raise DeskRefusal("091214", f"This bank does not trust {certificate.issuer.rfc4514_string()[:100]}.")


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _check_certificate(gate: Gate, certificate: x509.Certificate, use: KeyUse) -> None:
    _check_usage(certificate, use)
    now = gate.clock()
    if now > certificate.not_valid_after_utc:
        raise DeskRefusal("091208")
    if now < certificate.not_valid_before_utc:
        raise DeskRefusal("091209")


def _check_usage(certificate: x509.Certificate, use: KeyUse) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError) as error:
        raise DeskRefusal("091210", "The certificate does not say what it is for.") from error
    fits = {
        KeyUse.SIGNATURE: usage.content_commitment,
        KeyUse.AUTHENTICATION: usage.digital_signature,
        KeyUse.ENCRYPTION: usage.key_encipherment or usage.key_agreement,
    }
    if not fits[use]:
        raise DeskRefusal("091210")
