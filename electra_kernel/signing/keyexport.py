"""Keys that travel: the keys and certificates of one connection in one file under a password.

The file is text (RFC 7468): what the connection is, as JSON; each key as PKCS#8 under scrypt at a cost that OpenSSL opens;
each certificate; and a seal, so that nothing in it can be exchanged by whoever does not know the password. What may live
here: the file's shape, written and read. Where it is put is somebody else's business.
"""

from __future__ import annotations

import base64
import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from asn1crypto import pem
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from electra_kernel.signing.passwordkey import EXCHANGE, KeyFileError, open_key, protect_key

_FACTS, _KEY, _CERTIFICATE, _SEAL = (
    "ELECTRA KEY EXPORT",
    "ENCRYPTED PRIVATE KEY",
    "CERTIFICATE",
    "ELECTRA KEY EXPORT SEAL",
)
_WORDS = "Keys of the connection {name!r}, exported by the Electra workbench. They open with the password they were exported under.\n"
_MAX_BYTES = 256 * 1024
_MOST_KEYS = 8
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExport:
    """What an export holds.

    Attributes:
        facts: what the connection is: texts, and lists and mappings of them.
        keys: private keys by use; not shown.
        certificates: X.509 DER by use, one for each key.
    """

    facts: Mapping[str, Any]
    keys: Mapping[str, RSAPrivateKey] = field(repr=False)
    certificates: Mapping[str, bytes]


def write_export(export: KeyExport, password: str) -> bytes:
    """The file.

    Raises:
        WeakPassword: the password is too short.
        KeyFileError: keys and certificates do not belong together.
    """
    _check_pairs(export.keys, export.certificates)
    uses = sorted(export.keys)
    facts = json.dumps({"version": 1, "uses": uses, **export.facts}, sort_keys=True).encode()
    text = _WORDS.format(name=export.facts.get("name", "")).encode("ascii", "backslashreplace")
    text += _armoured(_FACTS, facts)
    for use in uses:
        text += protect_key(export.keys[use], password, cost=EXCHANGE)
        text += _armoured(_CERTIFICATE, export.certificates[use])
    return text + _armoured(_SEAL, export.keys[uses[0]].sign(_sealed(text), _PSS, utils.Prehashed(hashes.SHA256())))


def read_export(data: bytes, password: str) -> KeyExport:
    """Read a file that ``write_export`` wrote.

    Raises:
        WrongPassword: nothing was done; it may be tried as often as one likes.
        KeyFileError: the file is none, is damaged, or was changed by somebody.
    """
    facts, locked, certificates, seal = _parts(data)
    uses = facts["uses"]
    keys = {use: open_key(each, password) for use, each in zip(uses, locked, strict=True)}
    found = dict(zip(uses, certificates, strict=True))
    _check_pairs(keys, found)
    covered = data[: data.index(f"-----BEGIN {_SEAL}-----".encode())]
    try:
        keys[uses[0]].public_key().verify(seal, _sealed(covered), _PSS, utils.Prehashed(hashes.SHA256()))
    except InvalidSignature:
        raise KeyFileError(
            "The key export was changed after it was written.",
            cause="its seal does not fit what it says.",
            repair="Do not use it; take another copy.",
        ) from None
    return KeyExport(facts=facts, keys=keys, certificates=found)


def _sealed(text: bytes) -> bytes:
    # The words before keep this signature from ever being one of an order or a message.
    return sha256(b"Electra key export, version 1\n" + text).digest()


def _armoured(label: str, data: bytes) -> bytes:
    lines = "\n".join(textwrap.wrap(base64.b64encode(data).decode(), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


def _check_pairs(keys: Mapping[str, RSAPrivateKey], certificates: Mapping[str, bytes]) -> None:
    for use, key in keys.items():
        try:
            known = _public_key(certificates[use])
        except (ValueError, KeyError, UnsupportedAlgorithm):
            raise _no_export(f"the certificate of the {use} key is missing or damaged") from None
        if known != key.public_key():
            raise _no_export(f"the certificate of the {use} key belongs to another key")


def _public_key(der: bytes) -> object:
    """Of a certificate, or the bare key that stands in the place of one."""
    try:
        return x509.load_der_x509_certificate(der).public_key()
    except ValueError:
        return load_der_public_key(der)


def _parts(data: bytes) -> tuple[dict[str, Any], list[bytes], list[bytes], bytes]:
    """Facts, locked keys, certificates and seal; every one of them where it should be."""
    if len(data) > _MAX_BYTES:
        raise _no_export("it is larger than any export")
    try:
        blocks = list(_blocks(data))
        facts = json.loads(blocks[0][1])
        labels = [label for label, _ in blocks]
        count = len(facts["uses"])
        right = [_FACTS, *[_KEY, _CERTIFICATE] * count, _SEAL]
        if labels != right or not 0 < count <= _MOST_KEYS or facts["version"] != 1 or len(set(facts["uses"])) != count:
            raise _no_export("its parts are not those of an export")
        contents = [content for _, content in blocks]
        return facts, contents[1:-1:2], contents[2:-1:2], contents[-1]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        raise _no_export("it is cut off, damaged, or something else") from None


def _blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    for label, _, content in pem.unarmor(data, multiple=True):
        yield label, content


def _no_export(cause: str) -> KeyFileError:
    return KeyFileError(
        "This is not a key export of the workbench.",
        cause=f"{cause}.",
        repair="Choose the file that was written when the keys were exported.",
    )
