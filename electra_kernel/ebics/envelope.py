"""The envelope E002: zlib, AES-128-CBC, RSA (spec 3.0.2, chapter 11.3), and guarded opening. Bytes in, bytes out."""

from __future__ import annotations

import secrets
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from io import BytesIO

from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import ANSIX923

from electra_kernel.ebics.errors import EbicsError

KEY_BYTES = 16
_BLOCK = 16
_ZERO_IV = bytes(_BLOCK)
#: Bytes, or characters of base64, that are worked on at once: a multiple of 3, 4 and 16.
_PIECE = 3 * 2**18
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
    return _unpadded(plain)


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
    """Compress, encrypt, and write as base64 text. Works in pieces: large data are held once, not at every step."""
    engine, padder = zlib.compressobj(), ANSIX923(_BLOCK * 8).padder()
    encryptor = Cipher(AES(key), CBC(_ZERO_IV)).encryptor()
    parts, rest, whole = list[str](), b"", memoryview(data)
    for start in range(0, len(data), _PIECE):
        rest += encryptor.update(padder.update(engine.compress(whole[start : start + _PIECE])))
        ready = len(rest) - len(rest) % 3
        parts.append(b64encode(rest[:ready]).decode("ascii"))
        rest = rest[ready:]
    last = encryptor.update(padder.update(engine.flush()) + padder.finalize()) + encryptor.finalize()
    parts.append(b64encode(rest + last).decode("ascii"))
    return "".join(parts)


def unseal(content: str | Iterable[str], key: bytes, limit: int = INFLATED_LIMIT) -> bytes:
    """The reverse of ``seal``, of one text or of one in parts, which are never put together.

    Raises:
        EnvelopeDamaged: not base64, wrong key, damaged or cut; TooLarge: beyond ``limit`` bytes.
    """
    engine, plain = zlib.decompressobj(), BytesIO()
    parts = (content,) if isinstance(content, str) else content
    try:
        for piece in _decrypted(_decoded(parts), key):
            if engine.eof:
                continue
            # One byte more than allowed is enough to know.
            plain.write(engine.decompress(piece, limit + 1 - plain.tell()))
            if plain.tell() > limit:
                raise TooLarge(limit)
    except zlib.error as error:
        raise EnvelopeDamaged(f"The compressed data are damaged ({error}).") from error
    if not engine.eof:
        raise EnvelopeDamaged("The compressed data end too early.")
    return plain.getvalue()


def _decoded(parts: Iterable[str]) -> Iterator[bytes]:
    """The bytes of base64 text, wherever it is cut or broken into lines."""
    rest, ended = "", False
    for part in parts:
        for start in range(0, len(part), _PIECE):
            text = rest + "".join(part[start : start + _PIECE].split())
            ready = len(text) - len(text) % 4
            rest = text[ready:]
            if ready:
                yield _whole_groups(text[:ready], ended)
                ended = text[ready - 1] == "="
    if rest:
        raise EnvelopeDamaged("The text is not base64.")


def _whole_groups(text: str, ended: bool) -> bytes:
    try:
        if not ended:
            return b64decode(text, validate=True)
    except ValueError:
        pass
    raise EnvelopeDamaged("The text is not base64.")


def _decrypted(pieces: Iterable[bytes], key: bytes) -> Iterator[bytes]:
    """What was encrypted, without its padding; as ``decrypt``."""
    decryptor, held, size = Cipher(AES(key), CBC(_ZERO_IV)).decryptor(), b"", 0
    for piece in pieces:
        size += len(piece)
        plain = held + decryptor.update(piece)
        # The last block is known only at the end.
        held = plain[-_BLOCK:]
        yield plain[:-_BLOCK]
    if not size or size % _BLOCK:
        raise EnvelopeDamaged("The encrypted data are not whole blocks; something is missing.")
    yield _unpadded(held)


def _unpadded(plain: bytes) -> bytes:
    if not 1 <= plain[-1] <= _BLOCK:
        raise EnvelopeDamaged("The padding is impossible; another key was used.")
    return plain[: -plain[-1]]
