"""Electronic signatures of orders: hash, check, and the document that carries them (spec 3.0.2, chapter 14).

This room makes no signature: ``signing`` does, over the digest that ``order_digest`` gives.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from electra_kernel.ebics.errors import OrderSignatureInvalid
from electra_kernel.ebics.keys import public_key_of
from electra_kernel.ebics.tree import add, binary, children, serialise, start, text
from electra_kernel.ebics.version import VERSIONS, EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml

#: Bytes hashed at once, so that large orders are not copied.
_PIECE = 2**20
_UNHASHED = b"\r\n\x1a"


@dataclass(frozen=True, slots=True)
class OrderSignature:
    """One signature over an order.

    Attributes:
        version: ``A005`` or ``A006``.
        value: the signature's bytes.
        partner_id, user_id: who signed.
    """

    version: str
    value: bytes
    partner_id: str
    user_id: str


def order_digest(data: bytes) -> bytes:
    """The 32-byte hash that is signed: SHA-256 of the order without CR, LF and Ctrl-Z (spec 3.0.2, 14.1)."""
    total, whole = sha256(), memoryview(data)
    for place in range(0, len(data), _PIECE):
        total.update(bytes(whole[place : place + _PIECE]).translate(None, _UNHASHED))
    return total.digest()


def raw_digest(data: bytes) -> bytes:
    """SHA-256 of all bytes: what some clients sign instead."""
    return sha256(data).digest()


def verify_order_signature(certificate_der: bytes, digest: bytes, signature: bytes, scheme: str) -> None:
    """Check a signature over an order's digest.

    A005 is RSASSA-PKCS1-v1_5 over the digest itself. A006 is RSASSA-PSS (MGF1 SHA-256, salt 32) with the digest as the
    message, so it is hashed once more (spec 3.0.2, 14.1.4).

    Raises:
        OrderSignatureInvalid: it does not fit, or the scheme is neither A005 nor A006.
    """
    key = public_key_of(certificate_der)
    # Some clients write the number without its leading zeros; it is the same number.
    signature = signature.rjust((key.key_size + 7) // 8, b"\x00")
    try:
        if scheme == "A006":
            key.verify(signature, digest, padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32), SHA256())
        elif scheme == "A005":
            key.verify(signature, digest, padding.PKCS1v15(), Prehashed(SHA256()))
        else:
            raise OrderSignatureInvalid(
                f"The signature scheme {scheme!r} is not known.", repair="Sign with A006 or A005."
            )
    except (InvalidSignature, ValueError) as error:
        raise OrderSignatureInvalid(
            "A signature does not fit the order.",
            cause="The order was changed after it was signed, or another key signed it.",
            repair="Sign the order again.",
        ) from error


def verify_message_signature(certificate_der: bytes, digest: bytes, signature: bytes) -> None:
    """Check an A006 signature whose message was the order and not its digest: hashed once, as some clients do.

    It binds the order as firmly as the specification's form (spec 3.0.2, 14.1.4), so that a tolerant bank may take it.

    Raises:
        OrderSignatureInvalid: it does not fit.
    """
    try:
        public_key_of(certificate_der).verify(
            signature, digest, padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32), Prehashed(SHA256())
        )
    except (InvalidSignature, ValueError) as error:
        raise OrderSignatureInvalid("A signature does not fit the order.", repair="Sign the order again.") from error


def write_signatures(signatures: Sequence[OrderSignature], version: EbicsVersion) -> bytes:
    """The document ``UserSignatureData`` with all signatures, in their order."""
    root = start(version.signature_tag("UserSignatureData"))
    for signature in signatures:
        node = add(root, "OrderSignatureData")
        add(node, "SignatureVersion", signature.version)
        add(node, "SignatureValue", b64encode(signature.value).decode("ascii"))
        add(node, "PartnerID", signature.partner_id)
        add(node, "UserID", signature.user_id)
    return serialise(root)


def read_signatures(data: bytes, version: EbicsVersion, *, strict: bool = False) -> tuple[OrderSignature, ...]:
    """The signatures in a ``UserSignatureData`` document.

    Some clients write it in the namespace of the other version, which says the same; ``strict`` refuses that.

    Raises:
        ValueError: it is another document, or a signature is not complete.
        HostileXml: it is no XML.
    """
    root = parse_xml(data)
    if root.tag not in {
        each.signature_tag("UserSignatureData") for each in ((version,) if strict else VERSIONS.values())
    }:
        raise ValueError(f"{root.tag} is not UserSignatureData")
    signatures = tuple(
        OrderSignature(
            text(node, "SignatureVersion"),
            binary(text(node, "SignatureValue")),
            text(node, "PartnerID"),
            text(node, "UserID"),
        )
        for node in children(root, "OrderSignatureData")
    )
    if not all(each.version and each.value and each.user_id for each in signatures):
        raise ValueError("a signature lacks its version, value or user")
    return signatures
