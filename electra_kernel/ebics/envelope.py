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

    OpenSSL answers a wrong key with bytes of chance and of a length of chance (implicit rejection, against
    Bleichenbacher's attack). A few in a thousand have the length of a key; they are found when nothing opens with them.

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


def sealed(data: bytes | Iterable[bytes], key: bytes) -> Iterator[bytes]:
    """Compress and encrypt, piece by piece: whole blocks in every piece, and at least one piece.

    Args:
        data: all of it, or its pieces of any size as they come.
    """
    engine, padder = zlib.compressobj(), ANSIX923(_BLOCK * 8).padder()
    encryptor = Cipher(AES(key), CBC(_ZERO_IV)).encryptor()
    for piece in _pieces(data):
        if ready := encryptor.update(padder.update(engine.compress(piece))):
            yield ready
    yield encryptor.update(padder.update(engine.flush()) + padder.finalize()) + encryptor.finalize()


def _pieces(data: bytes | Iterable[bytes]) -> Iterator[bytes | memoryview]:
    if not isinstance(data, bytes):
        yield from data
        return
    whole = memoryview(data)
    for start in range(0, len(data), _PIECE):
        yield whole[start : start + _PIECE]


def seal(data: bytes, key: bytes) -> str:
    """Compress, encrypt, and write as one base64 text."""
    return b64encode(b"".join(sealed(data, key))).decode("ascii")


def unseal(content: str | Iterable[str], key: bytes, limit: int = INFLATED_LIMIT) -> bytes:
    """The reverse of ``seal``, of one text or of one in parts, which are never put together.

    Raises:
        EnvelopeDamaged: not base64, wrong key, damaged or cut; TooLarge: beyond ``limit`` bytes.
    """
    opener = Opener(key, limit)
    for part in (content,) if isinstance(content, str) else content:
        opener.add(part)
    return opener.finish()


class Opener:
    """Opens an envelope while it comes in: holds what was inside, never what it came in.

    Every method raises ``EnvelopeDamaged`` (not base64, wrong key, damaged or cut) or ``TooLarge`` (more than ``limit``
    bytes inside). After that, and after ``finish``, it is of no more use.
    """

    def __init__(self, key: bytes, limit: int = INFLATED_LIMIT) -> None:
        self._limit, self._engine, self._plain = limit, zlib.decompressobj(), BytesIO()
        self._decryptor = Cipher(AES(key), CBC(_ZERO_IV)).decryptor()
        self._text, self._ended, self._held, self._size = "", False, b"", 0

    def add(self, part: str) -> None:
        """Take the next part of the base64 text, wherever it is cut or broken into lines."""
        for start in range(0, len(part), _PIECE):
            text = self._text + "".join(part[start : start + _PIECE].split())
            ready = len(text) - len(text) % 4
            self._text = text[ready:]
            if ready:
                self._decrypt(_whole_groups(text[:ready], self._ended))
                self._ended = text[ready - 1] == "="

    def finish(self) -> bytes:
        """What was inside, once the last part was added."""
        if self._text:
            raise EnvelopeDamaged("The text is not base64.")
        if not self._size or self._size % _BLOCK:
            raise EnvelopeDamaged("The encrypted data are not whole blocks; something is missing.")
        self._inflate(_unpadded(self._held))
        if not self._engine.eof:
            raise EnvelopeDamaged("The compressed data end too early.")
        plain, self._plain = self._plain, BytesIO()
        # Nothing else refers to the buffer, so that it is handed over and not copied.
        return plain.getvalue()

    def _decrypt(self, piece: bytes) -> None:
        self._size += len(piece)
        plain = self._held + self._decryptor.update(piece)
        # The last block, which holds the padding, is known only at the end.
        self._held = plain[-_BLOCK:]
        self._inflate(plain[:-_BLOCK])

    def _inflate(self, piece: bytes) -> None:
        if self._engine.eof or not piece:
            return
        try:
            # One byte more than allowed is enough to know.
            self._plain.write(self._engine.decompress(piece, self._limit + 1 - self._plain.tell()))
        except zlib.error as error:
            raise EnvelopeDamaged(f"The compressed data are damaged ({error}).") from error
        if self._plain.tell() > self._limit:
            raise TooLarge(self._limit)


def _whole_groups(text: str, ended: bool) -> bytes:
    try:
        if not ended:
            return b64decode(text, validate=True)
    except ValueError:
        pass
    raise EnvelopeDamaged("The text is not base64.")


def _unpadded(plain: bytes) -> bytes:
    if not 1 <= plain[-1] <= _BLOCK:
        raise EnvelopeDamaged("The padding is impossible; another key was used.")
    return plain[: -plain[-1]]
