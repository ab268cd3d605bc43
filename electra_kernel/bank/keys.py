"""The bank's keys in its folder: what EBICS signs and opens with, and the certificates of its https.

What may live here: making keys once, keeping them in files that only their owner reads, and the bank's letter.
A key and its certificate share a file that appears whole or not at all.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.keys import BankKeys, BankServerKeys, bare, certificate_for, fingerprint, generate_key
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError, cause_of

_CA_LIFE, _SERVER_LIFE, _RENEW_BEFORE = timedelta(days=3650), timedelta(days=397), timedelta(days=30)
_SKEW = timedelta(days=1)
_NAMES: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
)


class KeyFileBroken(ElectraError):
    """A key file of the bank that cannot be used."""


_Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_Pair = tuple[_Private, x509.Certificate]


def ebics_keys(folder: Path, host_id: str, clock: Clock) -> BankServerKeys:
    """The bank's X002 and E002 keys, made on first use."""

    def make(use: KeyUse) -> Callable[[], _Pair]:
        def fresh() -> _Pair:
            key = generate_key()
            name = f"{host_id} {use.value}"
            return key, certificate_for(key, use, common_name=name, not_before=clock() - _SKEW)

        return fresh

    folder = _key_folder(folder)
    authentication = _kept(folder / "authentication.pem", make(KeyUse.AUTHENTICATION))
    encryption = _kept(folder / "encryption.pem", make(KeyUse.ENCRYPTION))
    return BankServerKeys(_rsa(authentication[0]), authentication[1], _rsa(encryption[0]), encryption[1])


def public_keys(keys: BankServerKeys) -> BankKeys:
    """The certificates a client gets by HPB."""
    return BankKeys(keys.authentication_der, keys.encryption_der)


def _rsa(key: _Private) -> rsa.RSAPrivateKey:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyFileBroken("A key file of the bank holds no RSA key.", repair="Restore the folder from a backup.")
    return key


def _key_folder(folder: Path) -> Path:
    keys = folder / "keys"
    keys.mkdir(mode=0o700, exist_ok=True)
    return keys


def _kept(path: Path, make: Callable[[], _Pair]) -> _Pair:
    if not path.exists():
        key, certificate = make()
        write_private(path, _pem(key) + certificate.public_bytes(Encoding.PEM), once=True)
    try:
        content = path.read_bytes()
        key_read = load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except ValueError as error:
        raise KeyFileBroken(
            "A key file of the bank cannot be read.",
            where=str(path),
            cause=cause_of(error),
            repair="Restore it from a backup, or start a new bank in an empty folder.",
        ) from error
    if not isinstance(key_read, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyFileBroken("A key file holds a key of an unknown kind.", where=str(path), repair="Restore it.")
    return key_read, certificate


def _pem(key: _Private) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_private(path: Path, data: bytes, *, once: bool = False) -> None:
    """Write a file that only its owner reads, whole or not at all.

    Args:
        once: keep what another process put there first.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if not once:
        partial.replace(path)
        return
    with suppress(FileExistsError):
        path.hardlink_to(partial)
    partial.unlink()


# --------------------------------------------------------------------------------------------------------- TLS
def tls_context(folder: Path, clock: Clock) -> tuple[ssl.SSLContext, Path]:
    """The server's side of TLS for localhost and 127.0.0.1, and the file of the CA that clients trust.

    The CA is made once; the server's certificate is renewed before it ends.
    """
    keys, ca_file = _key_folder(folder), folder / "ca.pem"
    ca = _kept(keys / "tls-ca.pem", lambda: _new_ca(clock()))
    public = ca[1].public_bytes(Encoding.PEM)
    if not ca_file.exists() or ca_file.read_bytes() != public:
        write_private(ca_file, public)
        ca_file.chmod(0o644)
    server_file = keys / "tls-server.pem"
    if server_file.exists() and _kept(server_file, lambda: ca)[1].not_valid_after_utc < clock() + _RENEW_BEFORE:
        server_file.unlink()
    _kept(server_file, lambda: _new_server(ca, clock()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(server_file)
    return context, ca_file


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _new_ca(now: datetime) -> _Pair:
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("Electra sandbox bank CA, this machine only")
    builder = _certificate(name, name, key, now, _CA_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    # Whoever trusts this CA trusts it for this machine's own names and no other.
    permitted = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_network("127.0.0.0/8"))]
    builder = builder.add_extension(x509.NameConstraints(permitted, None), critical=True)
    return key, builder.sign(key, hashes.SHA256())


def _new_server(ca: _Pair, now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _certificate(_name("localhost"), ca[1].subject, key, now, _SERVER_LIFE)
    authority = ca[1].extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName(_NAMES), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority), False),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return key, builder.sign(ca[0], hashes.SHA256())


# ------------------------------------------------------------------------------------------------------ letter
def bank_hashes(keys: BankKeys) -> dict[str, str]:
    """The hash of each of the bank's keys as each version shows it, by title."""
    forms = (("EBICS 3.0, certificate", bytes), ("EBICS 2.5, exponent and modulus", bare))
    uses = (("X002", keys.authentication), ("E002", keys.encryption))
    return {f"{use}, {words}": fingerprint(form(der)) for words, form in forms for use, der in uses}


def bank_letter(bank: str, host_id: str, keys: BankKeys) -> str:
    """The letter by which a customer checks the keys that HPB brought (spec 3.0.2, 11.5)."""
    return "\n".join(
        (
            f"{bank}: the bank's keys",
            "",
            f"Host id  {host_id}",
            "",
            "Compare these fingerprints with what your program shows after HPB. If one differs, do not go on.",
            "EBICS 3.0 shows the SHA-256 of the certificate; EBICS 2.5 shows that of exponent and modulus.",
            "",
            *_letter_key("Authentication key X002", keys.authentication),
            *_letter_key("Encryption key E002", keys.encryption),
        )
    )


def _letter_key(title: str, der: bytes) -> list[str]:
    forms = (("EBICS 3.0, certificate", der), ("EBICS 2.5, exponent and modulus", bare(der)))
    return [row for name, form in forms for row in (f"{title} ({name})", *_lines(fingerprint(form)), "")]


def _lines(text: str) -> tuple[str, str]:
    half = len(text) // 2
    return text[:half].strip(), text[half:].strip()
