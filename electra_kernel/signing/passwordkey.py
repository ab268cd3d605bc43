"""The password key: an RSA key in a PKCS#8 file under a password, and signing with it.

What may live here: the file's shape (RFC 5958 EncryptedPrivateKeyInfo, RFC 8018 PBES2, RFC 7914 scrypt, AES-256-CBC)
and the two signature schemes. Where the file is kept is somebody else's business, and no password is remembered.
"""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass

from asn1crypto import core, pem
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, utils
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7

from electra_kernel.signing.signer import Scheme
from electra_kernel.vocabulary.errors import ElectraError

#: A new password has at least this many characters: whoever steals the file may guess without anybody noticing.
MIN_PASSWORD_LENGTH = 12
_MAX_PASSWORD_LENGTH = 1024
#: EBICS 3.0.2, chapter 14: signature keys have at least 2,048 bits.
_MIN_KEY_BITS = 2048
_MAX_FILE_BYTES = 64 * 1024
#: What a file may ask of this machine: 256 MiB of memory, and eight times the work of a key of our own.
_MAX_MEMORY, _MAX_WORK, _MAX_SALT = 256 * 2**20, 8 * 2**20, 128

_PBES2, _SCRYPT = "1.2.840.113549.1.5.13", "1.3.6.1.4.1.11591.4.11"
#: AES in CBC mode by OID (NIST), with the key's bytes.
_AES_CBC = {"2.16.840.1.101.3.4.1.42": 32, "2.16.840.1.101.3.4.1.22": 24, "2.16.840.1.101.3.4.1.2": 16}
_AES_256_CBC = "2.16.840.1.101.3.4.1.42"
_PEM_LABEL = "ENCRYPTED PRIVATE KEY"


class KeyFileError(ElectraError):
    """Bytes that are not a key file this workbench opens."""


class WrongPassword(ElectraError):
    """The password does not open the key."""

    def __init__(self) -> None:
        super().__init__(
            "The password does not open the key.",
            cause="it is mistyped, or belongs to another key.",
            repair="Type it again; nothing was changed and no attempt is counted.",
        )


class WeakPassword(ElectraError):
    """A new password that is too short, or too long to be one."""


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """What one guess at the password costs (RFC 7914): ``n`` a power of two, memory 128·n·r bytes, work n·r·p."""

    n: int
    r: int = 8
    p: int = 1

    @property
    def bearable(self) -> bool:
        """Whether this machine may be asked to pay it: keeps a hostile file from taking all memory or time."""
        if self.n < 2 or self.n & (self.n - 1) or self.r < 1 or self.p < 1:
            return False
        return 128 * self.n * self.r <= _MAX_MEMORY and self.n * self.r * self.p <= _MAX_WORK


#: For keys that stay here: half a second and 128 MiB a guess.
OWN_USE = ScryptCost(2**17)
#: For keys that other programs open: OpenSSL 3.0 refuses n of 2^15 and more.
EXCHANGE = ScryptCost(2**14, p=5)


class _Algorithm(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [("algorithm", core.ObjectIdentifier), ("parameters", core.Any, {"optional": True})]  # noqa: RUF012


class _ScryptParameters(core.Sequence):  # type: ignore[misc]
    _fields = [  # noqa: RUF012
        ("salt", core.OctetString),
        ("n", core.Integer),
        ("r", core.Integer),
        ("p", core.Integer),
        ("key_length", core.Integer, {"optional": True}),
    ]


class _Pbes2Parameters(core.Sequence):  # type: ignore[misc]
    _fields = [("key_derivation", _Algorithm), ("encryption", _Algorithm)]  # noqa: RUF012


class _EncryptedKey(core.Sequence):  # type: ignore[misc]
    _fields = [("algorithm", _Algorithm), ("data", core.OctetString)]  # noqa: RUF012


@dataclass(frozen=True, slots=True)
class _Envelope:
    salt: bytes
    cost: ScryptCost
    key_length: int
    iv: bytes
    data: bytes


def protect_key(key: RSAPrivateKey, password: str, *, cost: ScryptCost = OWN_USE) -> bytes:
    """Put a key under a password.

    Args:
        key: the key; at least 2,048 bits.
        password: what people type; Unicode is brought to NFC, so that the same word opens it on every keyboard.
        cost: what one guess costs; ``EXCHANGE`` for keys that other programs open.

    Returns:
        PEM text of a PKCS#8 EncryptedPrivateKeyInfo under PBES2 with scrypt and AES-256-CBC.

    Raises:
        WeakPassword: the password is too short.
        KeyFileError: the cost is not one that this machine would open again.
    """
    check_new_password(password)
    if not cost.bearable:
        raise KeyFileError(f"A key under {cost} could not be opened again.", repair="Use OWN_USE or EXCHANGE.")
    salt, iv = os.urandom(16), os.urandom(16)
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES256(_derive(password, salt, cost, 32)), modes.CBC(iv)).encryptor()
    data = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    derivation = _ScryptParameters({"salt": salt, "n": cost.n, "r": cost.r, "p": cost.p, "key_length": 32})
    parameters = _Pbes2Parameters(
        {
            "key_derivation": _Algorithm({"algorithm": _SCRYPT, "parameters": derivation}),
            "encryption": _Algorithm({"algorithm": _AES_256_CBC, "parameters": core.OctetString(iv)}),
        }
    )
    document = _EncryptedKey({"algorithm": _Algorithm({"algorithm": _PBES2, "parameters": parameters}), "data": data})
    return bytes(pem.armor(_PEM_LABEL, document.dump()))


def open_key(data: bytes, password: str) -> RSAPrivateKey:
    """Open a key file (PEM or DER).

    Raises:
        WrongPassword: the password does not open it; opening may be tried again as often as one likes.
        KeyFileError: not a key file, or one that asks for an unreasonable amount of memory or time.
    """
    envelope = _envelope(data)
    secret = _derive(password, envelope.salt, envelope.cost, envelope.key_length)
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(envelope.iv)).decryptor()
    unpadder = PKCS7(128).unpadder()
    try:
        plain = unpadder.update(decryptor.update(envelope.data) + decryptor.finalize()) + unpadder.finalize()
        key = serialization.load_der_private_key(plain, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Neither the padding nor the key inside makes sense; the traceback could show secret bytes, so it ends here.
        raise WrongPassword from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _MIN_KEY_BITS:
        raise KeyFileError(
            "The file holds a key that orders cannot be signed with.",
            repair=f"Use an RSA key of at least {_MIN_KEY_BITS} bits.",
        )
    return key


def check_new_password(password: str) -> None:
    """Pass, or say what is wrong with a password that is to be set.

    Raises:
        WeakPassword: shorter than ``MIN_PASSWORD_LENGTH`` characters once spaces around it are left out, or too long.
    """
    if len(password.strip()) < MIN_PASSWORD_LENGTH:
        raise WeakPassword(
            "The password is too short.",
            cause="whoever copies the key file can guess at it unnoticed.",
            repair=f"Use at least {MIN_PASSWORD_LENGTH} characters; a few words in a row are easy to remember.",
        )
    if len(password) > _MAX_PASSWORD_LENGTH:
        raise WeakPassword("The password is too long.", repair=f"Use at most {_MAX_PASSWORD_LENGTH} characters.")


class PasswordKey:
    """A signer whose key was opened with a password. It fulfils ``signer.Signer`` and shows nothing of the key."""

    __slots__ = ("_key",)

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key

    @classmethod
    def open(cls, data: bytes, password: str) -> PasswordKey:
        """Open a key file; raises as ``open_key`` does."""
        return cls(open_key(data, password))

    @property
    def public_key(self) -> RSAPublicKey:
        """The public half, to compare with a certificate."""
        return self._key.public_key()

    def sign(self, order_digest: bytes, scheme: Scheme) -> bytes:
        """Sign an order's hash (EBICS 3.0.2, 14.1.4).

        Args:
            order_digest: the 32-byte SHA-256 of the order data.
            scheme: ``A005`` signs the digest as it is (RSASSA-PKCS1-v1_5, SHA-256); ``A006`` takes the digest as the
                *message* of RSASSA-PSS (SHA-256, MGF1 with SHA-256, 32 bytes of salt), so it hashes twice.

        Returns:
            As many bytes as the key's modulus has.

        Raises:
            ElectraError: the digest is not 32 bytes, or the scheme is unknown.
        """
        if len(order_digest) != 32:
            raise ElectraError(
                f"An order hash has 32 bytes, not {len(order_digest)}.", repair="Sign the SHA-256 of the order data."
            )
        if scheme == "A006":
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
            return self._key.sign(order_digest, pss, hashes.SHA256())
        if scheme == "A005":
            return self._key.sign(order_digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))
        raise ElectraError(f"{scheme!r} is not a signature scheme.", repair="Use A005 or A006.")

    def __repr__(self) -> str:
        return f"<PasswordKey RSA {self._key.key_size}>"

    def __reduce__(self) -> str:
        raise TypeError("A password key is not pickled: it would leave its secret behind.")


def _derive(password: str, salt: bytes, cost: ScryptCost, length: int) -> bytes:
    secret = unicodedata.normalize("NFC", password).encode("utf-8", errors="surrogatepass")
    return Scrypt(salt=salt, length=length, n=cost.n, r=cost.r, p=cost.p).derive(secret)


def _envelope(data: bytes) -> _Envelope:
    """The parameters and the encrypted bytes of a key file, bounded; ``KeyFileError`` where it is not one."""
    try:
        envelope = _read_envelope(data)
    except (ValueError, TypeError, OverflowError, KeyError) as error:
        raise _not_a_key_file(str(error).splitlines()[0][:200] if str(error) else "it is cut off or damaged") from None
    if not envelope.cost.bearable or len(envelope.salt) > _MAX_SALT:
        raise KeyFileError(
            "The key file asks for too much memory or time to open.",
            cause=f"its scrypt parameters are n={envelope.cost.n:.3g}, r={envelope.cost.r:.3g}, p={envelope.cost.p:.3g}.",
            repair="Do not trust this file; take the key from a copy of your own.",
        )
    return envelope


def _read_envelope(data: bytes) -> _Envelope:
    if len(data) > _MAX_FILE_BYTES:
        raise ValueError("it is larger than any key")
    if pem.detect(data):
        label, _, data = pem.unarmor(data)
        if label != _PEM_LABEL:
            raise ValueError(f"it holds a {label}, not an {_PEM_LABEL}")
    document = _EncryptedKey.load(data, strict=True)
    if document["algorithm"]["algorithm"].dotted != _PBES2:
        raise ValueError("it is not encrypted under PBES2 (RFC 8018)")
    pbes2 = document["algorithm"]["parameters"].parse(_Pbes2Parameters)
    derivation, encryption = pbes2["key_derivation"], pbes2["encryption"]
    if derivation["algorithm"].dotted != _SCRYPT:
        raise ValueError("its password is not stretched with scrypt (RFC 7914)")
    key_length = _AES_CBC.get(encryption["algorithm"].dotted)
    scrypt = derivation["parameters"].parse(_ScryptParameters)
    iv = encryption["parameters"].parse(core.OctetString).native
    encrypted = document["data"].native
    if key_length is None or scrypt["key_length"].native not in (None, key_length):
        raise ValueError("its cipher is not AES in CBC mode")
    if len(iv) != 16 or not encrypted or len(encrypted) % 16:
        raise ValueError("it is cut off or damaged")
    cost = ScryptCost(scrypt["n"].native, scrypt["r"].native, scrypt["p"].native)
    return _Envelope(scrypt["salt"].native, cost, key_length, iv, encrypted)


def _not_a_key_file(cause: str) -> KeyFileError:
    return KeyFileError(
        "This is not a key file of the workbench.",
        cause=f"{cause}.",
        repair="Choose the key file of this connection, or set up a new key.",
    )
