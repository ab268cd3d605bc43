"""RSA keys, their self-signed certificates and fingerprints. Where private keys are kept is not this room's business.

A public key is handed around as DER bytes: an X.509 certificate, or, where only numbers came (EBICS 2.5 without
certificates), the bare SubjectPublicKeyInfo of RFC 5280, 4.1.2.7. Every function that takes a key takes both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509.oid import NameOID

from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.errors import EbicsError

#: Length of new keys in bits; EBICS 3.0 asks for 2048 at least.
KEY_BITS = 3072

#: RFC 5280, 4.1.2.5: the date of a certificate that has no well-defined end.
_NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class UnusableCertificate(EbicsError):
    """A certificate that cannot be read, or holds no RSA key."""


def generate_key(bits: int = KEY_BITS) -> rsa.RSAPrivateKey:
    """A new RSA key of ``bits`` bits with the exponent 65537."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _key_usage(use: KeyUse) -> x509.KeyUsage:
    # Exactly one bit each, as in the certificates printed in the specification (3.0, 11.5.1 and 11.5.2).
    return x509.KeyUsage(
        digital_signature=use is KeyUse.AUTHENTICATION,
        content_commitment=use is KeyUse.SIGNATURE,
        key_encipherment=use is KeyUse.ENCRYPTION,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def certificate_for(
    key: rsa.RSAPrivateKey,
    use: KeyUse,
    *,
    common_name: str,
    not_before: datetime,
    not_after: datetime = _NO_END,
    serial: int | None = None,
) -> x509.Certificate:
    """A self-signed certificate for ``key``: the same arguments give the same bytes, so a letter can be printed again.

    ``serial`` comes from the key and its use where none is given.
    """
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    number = serial or int.from_bytes(sha256(use.encode() + public).digest()[:16], "big") >> 1
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(not_before.replace(microsecond=0))
        .not_valid_after(not_after)
        .add_extension(_key_usage(use), critical=True)
        .sign(key, hashes.SHA256())
    )


def certificate_der(certificate: x509.Certificate) -> bytes:
    """The certificate's DER bytes: what travels in INI, HIA and HPB."""
    return certificate.public_bytes(Encoding.DER)


def read_certificate(der: bytes) -> tuple[x509.Certificate, rsa.RSAPublicKey]:
    """A certificate and its RSA key.

    Raises:
        UnusableCertificate: the bytes are no X.509 certificate, or its key is not RSA.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
    except Exception as error:
        raise UnusableCertificate(
            "A certificate cannot be read.", cause=str(error), repair="Ask the sender for a valid X.509 certificate."
        ) from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise UnusableCertificate(
            "A certificate holds no RSA key.", repair="EBICS uses RSA only: ask the sender for an RSA certificate."
        )
    return certificate, key


def key_value(key: rsa.RSAPublicKey) -> bytes:
    """A public key without a certificate, as DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def bare(der: bytes) -> bytes:
    """The key without its certificate: how it travels in EBICS 2.5 where certificates are not used."""
    return key_value(public_key_of(der))


def is_bare(der: bytes) -> bool:
    """Whether the bytes are a bare key rather than a certificate."""
    try:
        load_der_public_key(der)
    except Exception:
        return False
    return True


def public_key_of(der: bytes) -> rsa.RSAPublicKey:
    """The RSA key inside a certificate, or the bare one.

    Raises:
        UnusableCertificate: it is neither, or not RSA.
    """
    try:
        key = load_der_public_key(der)
    except Exception:
        return read_certificate(der)[1]
    if not isinstance(key, rsa.RSAPublicKey):
        raise UnusableCertificate("A key is no RSA key.", repair="EBICS uses RSA only: ask the sender for an RSA key.")
    return key


def certificate_digest(certificate: bytes) -> bytes:
    """SHA-256 of a certificate's DER: how EBICS 3.0 names a key (spec 3.0.2, 5.5.1.1)."""
    return sha256(certificate).digest()


def number_digest(key: rsa.RSAPublicKey) -> bytes:
    """SHA-256 of ``hex(e) hex(n)``: how EBICS 2.5 names a key (spec 2.5, 4.4.1.2.3), and some 3.0 peers still do."""
    numbers = key.public_numbers()
    return sha256(f"{numbers.e:x} {numbers.n:x}".encode("ascii")).digest()


def key_digest(der: bytes) -> bytes:
    """How a key is named: by its certificate where it has one, else by its numbers."""
    return number_digest(public_key_of(der)) if is_bare(der) else certificate_digest(der)


def fingerprint(der: bytes) -> str:
    """The digest that names a key, in upper-case hex pairs as letters print it (spec 3.0, 11.5; spec 2.5, 11.5)."""
    return key_digest(der).hex(" ").upper()


def end_certificate(chain: Sequence[bytes]) -> bytes:
    """The user's own certificate among those of a chain: the one that issued none of the others.

    Raises:
        UnusableCertificate: one of them cannot be read; ValueError: there is none.
    """
    if not chain:
        raise ValueError("there is no certificate")
    if len(chain) == 1:
        return chain[0]
    read = [(der, read_certificate(der)[0]) for der in chain]
    issuers = {each.issuer for _, each in read if each.issuer != each.subject}
    return next((der for der, each in read if each.subject not in issuers), chain[0])


@dataclass(frozen=True, slots=True)
class TransportKeys:
    """The two key pairs that carry every document: X002 signs it, E002 opens what was encrypted for us."""

    authentication_key: rsa.RSAPrivateKey
    authentication_certificate: x509.Certificate
    encryption_key: rsa.RSAPrivateKey
    encryption_certificate: x509.Certificate

    @property
    def authentication_der(self) -> bytes:
        """DER of the X002 certificate."""
        return certificate_der(self.authentication_certificate)

    @property
    def encryption_der(self) -> bytes:
        """DER of the E002 certificate."""
        return certificate_der(self.encryption_certificate)


#: The bank's own two key pairs.
BankServerKeys: TypeAlias = TransportKeys


@dataclass(frozen=True, slots=True)
class BankKeys:
    """The bank's two keys as DER, as HPB brought them: certificates, or bare keys from a bank of EBICS 2.5 without them.

    HPB is unsigned: compare the fingerprints by letter.
    """

    authentication: bytes
    encryption: bytes

    def fingerprints(self) -> tuple[str, str]:
        """Fingerprints of the authentication (X002) and the encryption (E002) key."""
        return fingerprint(self.authentication), fingerprint(self.encryption)
