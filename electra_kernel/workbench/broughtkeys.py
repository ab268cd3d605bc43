"""Keys that come from elsewhere: made by an authority or a company, with the certificates that were issued for them.

What may live here: reading PKCS#12 and PEM files into keys, certificates and their issuers. Nothing is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.keys import KEY_BITS, certificate_der, certificate_for, generate_key
from electra_kernel.store import ConnectionRecord
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.files import read_file
from electra_kernel.workbench.passwords import PasswordSource

_LEAST_BITS = 2048
_MOST_BYTES = 256 * 1024
#: Which private key is for what, by the name the user gives it.
USES = {use.value: use for use in KeyUse}


class KeyNotUsable(ElectraError):
    """A key that was brought cannot be used with a bank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKeys:
    """New keys before anybody has them.

    Attributes:
        keys: private keys by use; not shown.
        certificates: their certificates, DER.
        issuers: certificates of the authorities above them, DER; empty where they are self-signed.
    """

    keys: Mapping[KeyUse, RSAPrivateKey]
    certificates: Mapping[KeyUse, bytes]
    issuers: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"<NewKeys {', '.join(self.keys)}>"


def make_keys(record: ConnectionRecord, uses: tuple[KeyUse, ...], clock: Clock) -> NewKeys:
    """Keys of our own with self-signed certificates."""
    keys = {use: generate_key(KEY_BITS) for use in uses}
    name = f"{record.partner} {record.user}"
    certificates = {
        use: certificate_der(certificate_for(key, use, common_name=name, not_before=clock()))
        for use, key in keys.items()
    }
    return NewKeys(keys=keys, certificates=certificates)


def bring_keys(files: Mapping[str, str | Path], uses: tuple[KeyUse, ...], ask: PasswordSource, clock: Clock) -> NewKeys:
    """Keys from files: PKCS#12 (``.p12``, ``.pfx``), or PEM with key and certificates in one file.

    Args:
        files: one file for each use: ``signature``, ``authentication``, ``encryption``.
        uses: which are needed.
        ask: where the password of each file comes from.
        clock: to see whether the certificates are valid now.

    Raises:
        KeyNotUsable: a file is missing, cannot be opened, or its key cannot be used with a bank. Nothing was changed.
    """
    if {USES.get(use) for use in files} != set(uses):
        raise KeyNotUsable(
            f"Keys were given for {', '.join(files) or 'nothing'}.",
            repair=f"Give one file for each of: {', '.join(uses)}.",
        )
    found = {USES[use]: _read(Path(path), ask) for use, path in files.items()}
    for use, (key, certificate, _) in found.items():
        _check(key, certificate, Path(files[use.value]), clock)
    numbers = {use: key.public_key().public_numbers() for use, (key, _, _) in found.items()}
    if KeyUse.SIGNATURE in numbers and list(numbers.values()).count(numbers[KeyUse.SIGNATURE]) > 1:
        raise KeyNotUsable(
            "The signature key must differ from the other keys.", repair="Take a certificate with a key of its own."
        )
    issuers = dict.fromkeys(der for _, _, above in found.values() for der in above)
    return NewKeys(
        keys={use: key for use, (key, _, _) in found.items()},
        certificates={use: certificate_der(certificate) for use, (_, certificate, _) in found.items()},
        issuers=tuple(issuers),
    )


def issued_by_authority(certificates: Mapping[KeyUse, bytes]) -> bool:
    """Whether an authority issued every one of these certificates: then the bank can check them without a letter."""
    read = [x509.load_der_x509_certificate(der) for der in certificates.values()]
    return bool(read) and all(each.issuer != each.subject for each in read)


_Read = tuple[RSAPrivateKey, x509.Certificate, tuple[bytes, ...]]


def _read(path: Path, ask: PasswordSource) -> _Read:
    data = read_file(path)
    if len(data) > _MOST_BYTES:
        raise _unusable(path, "it is larger than any key")
    password = ask(f"Password of the file {path.name}").encode()
    try:
        key, certificate, above = _pem(data, password) if b"-----BEGIN" in data else _pkcs12(data, password)
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm):
        raise _unusable(path, "the password does not open it, or it holds no key with a certificate") from None
    if not isinstance(key, RSAPrivateKey):
        raise _unusable(path, "its key is not RSA, which is what EBICS uses")
    return key, certificate, tuple(map(certificate_der, above))


def _pkcs12(data: bytes, password: bytes) -> tuple[object, x509.Certificate, list[x509.Certificate]]:
    key, certificate, above = pkcs12.load_key_and_certificates(data, password or None)
    if key is None or certificate is None:
        raise ValueError("no key with a certificate")
    return key, certificate, above


def _pem(data: bytes, password: bytes) -> tuple[object, x509.Certificate, list[x509.Certificate]]:
    key = load_pem_private_key(data, password if b"ENCRYPTED" in data else None)
    certificates = x509.load_pem_x509_certificates(data)
    own = next(each for each in [*certificates, None] if each is None or each.public_key() == key.public_key())
    if own is None:
        raise ValueError("no certificate of this key")
    return key, own, [each for each in certificates if each is not own]


def _check(key: RSAPrivateKey, certificate: x509.Certificate, path: Path, clock: Clock) -> None:
    if certificate.public_key() != key.public_key():
        raise _unusable(path, "its certificate belongs to another key")
    if key.key_size < _LEAST_BITS:
        raise _unusable(path, f"its key has {key.key_size} bits; {_LEAST_BITS} are the least")
    if not certificate.not_valid_before_utc <= clock() <= certificate.not_valid_after_utc:
        raise _unusable(
            path,
            f"its certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d} to "
            f"{certificate.not_valid_after_utc:%Y-%m-%d} only",
        )


def _unusable(path: Path, cause: str) -> KeyNotUsable:
    return KeyNotUsable(
        "This key cannot be used with a bank.",
        where=path.name,
        cause=f"{cause}.",
        repair="Give a PKCS#12 or PEM file with the key, its certificate and those above it.",
    )
