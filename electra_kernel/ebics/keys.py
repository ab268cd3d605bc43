"""RSA keys, their self-signed certificates and fingerprints. Where private keys are kept is not this room's business."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
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


def public_key_of(der: bytes) -> rsa.RSAPublicKey:
    """The RSA key inside a certificate."""
    return read_certificate(der)[1]


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate's DER in upper-case hex pairs, as letters print it (spec 3.0, 11.5)."""
    return sha256(certificate).digest().hex(" ").upper()


def certificate_digest(certificate: bytes) -> bytes:
    """SHA-256 of a certificate's DER: how EBICS 3.0 names a key (spec 3.0.2, 5.5.1.1)."""
    return sha256(certificate).digest()


def number_digest(key: rsa.RSAPublicKey) -> bytes:
    """SHA-256 of ``hex(e) hex(n)``: how EBICS 2.5 names a key (spec 2.5, 4.4.1.2.3), and some 3.0 peers still do."""
    numbers = key.public_numbers()
    return sha256(f"{numbers.e:x} {numbers.n:x}".encode("ascii")).digest()


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
    """The bank's two certificates as DER, as HPB brought them. HPB is unsigned: compare the fingerprints by letter."""

    authentication: bytes
    encryption: bytes

    def fingerprints(self) -> tuple[str, str]:
        """Fingerprints of the authentication (X002) and the encryption (E002) certificate."""
        return fingerprint(self.authentication), fingerprint(self.encryption)
