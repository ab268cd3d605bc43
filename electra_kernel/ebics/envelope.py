"""The envelope E002: zlib, AES-128-CBC, RSA (spec 3.0.2, chapter 11.3), and guarded opening. Bytes in, bytes out."""

from __future__ import annotations

import secrets
import zlib
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import ANSIX923

from electra_kernel.ebics.errors import EbicsError
from electra_kernel.ebics.tree import binary

KEY_BYTES = 16
_BLOCK = 16
_ZERO_IV = bytes(_BLOCK)
#: Largest order data after inflation, in bytes.
INFLATED_LIMIT = 512 * 2**20


class EnvelopeDamaged(EbicsError):
    """An envelope that does not open: wrong key, cut, or no envelope at all."""

    def __init__(self, cause: str) -> None:
        super().__init__("Encrypted or compressed data cannot be opened.", cause=cause, repair="Ask for them again.")


class TooLarge(EbicsError):
    """Data that would inflate beyond the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "Compressed data would become too large.",
            cause=f"They inflate to more than {limit} bytes.",
            repair="Split them into smaller files.",
        )


def new_key() -> bytes:
    """A fresh transaction key: 16 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def wrap_key(key: bytes, receiver: rsa.RSAPublicKey) -> bytes:
    """The transaction key for the receiver's E002 key (RSAES-PKCS1-v1_5)."""
    return receiver.encrypt(key, rsa_padding.PKCS1v15())


def unwrap_key(wrapped: bytes, own: rsa.RSAPrivateKey) -> bytes:
    """The transaction key out of its RSA wrapping.

    Raises:
        EnvelopeDamaged: it was not wrapped for this key. Every failure has the same words, so that none of them tells
            an attacker how far the decryption came.
    """
    try:
        key = own.decrypt(wrapped, rsa_padding.PKCS1v15())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise EnvelopeDamaged("The transaction key was not made for this encryption key.")
    return key


def encrypt(data: bytes, key: bytes) -> bytes:
    """AES-128-CBC with a zero IV and ANSI X9.23 padding (spec 3.0.2, 11.3.2.1). The key is used for one order only."""
    padder = ANSIX923(_BLOCK * 8).padder()
    encryptor = Cipher(AES(key), CBC(_ZERO_IV)).encryptor()
    return encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()


def decrypt(data: bytes, key: bytes) -> bytes:
    """The reverse. Only the last byte of the padding is read: peers pad with X9.23, ISO 10126 or PKCS#7.

    Raises:
        EnvelopeDamaged: not whole blocks, or an impossible padding.
    """
    if not data or len(data) % _BLOCK:
        raise EnvelopeDamaged("The encrypted data are not whole blocks; something is missing.")
    decryptor = Cipher(AES(key), CBC(_ZERO_IV)).decryptor()
    plain = decryptor.update(data) + decryptor.finalize()
    if not 1 <= plain[-1] <= _BLOCK:
        raise EnvelopeDamaged("The padding is impossible; another key was used.")
    return plain[: -plain[-1]]


def deflate(data: bytes) -> bytes:
    """zlib (RFC 1950)."""
    return zlib.compress(data)


def inflate(data: bytes, limit: int = INFLATED_LIMIT) -> bytes:
    """The reverse, never to more than ``limit`` bytes.

    Raises:
        EnvelopeDamaged: not zlib, or cut off; TooLarge: beyond the limit.
    """
    engine = zlib.decompressobj()
    try:
        plain = engine.decompress(data, limit + 1)
    except zlib.error as error:
        raise EnvelopeDamaged(f"The compressed data are damaged ({error}).") from error
    if len(plain) > limit:
        raise TooLarge(limit)
    if not engine.eof:
        raise EnvelopeDamaged("The compressed data end too early.")
    return plain


def seal(data: bytes, key: bytes) -> str:
    """Compress, encrypt, and write as base64 text."""
    return b64encode(encrypt(deflate(data), key)).decode("ascii")


def unseal(content: str, key: bytes, limit: int = INFLATED_LIMIT) -> bytes:
    """The reverse of ``seal``.

    Raises:
        EnvelopeDamaged: not base64, wrong key, damaged or cut; TooLarge: beyond ``limit`` bytes.
    """
    try:
        encrypted = binary(content)
    except ValueError as error:
        raise EnvelopeDamaged("The text is not base64.") from error
    return inflate(decrypt(encrypted, key), limit)
