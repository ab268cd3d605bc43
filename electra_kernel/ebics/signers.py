"""The bank's look at electronic signatures: opened, and each checked against its signer's key and state. Nothing else."""

from __future__ import annotations

from electra_kernel.ebics import envelope
from electra_kernel.ebics.desk import DeskRefusal, KeyUse, UserState
from electra_kernel.ebics.documents import Request
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.ebics.gate import Gate
from electra_kernel.ebics.signature import (
    OrderSignature,
    read_signatures,
    verify_message_signature,
    verify_order_signature,
)
from electra_kernel.ebics.version import EbicsVersion
from electra_kernel.ebics.witness import Check, SignatureSeen, checking, signed
from electra_kernel.vocabulary.xml import HostileXml

_SIGNATURES_LIMIT = 2**20


def open_signatures(gate: Gate, content: str, key: bytes, version: EbicsVersion) -> tuple[OrderSignature, ...]:
    """The signatures in a request's SignatureData (091111 where they cannot be read)."""
    try:
        return read_signatures(envelope.unseal(content, key, _SIGNATURES_LIMIT), version, strict=gate.strict)
    except (EbicsError, HostileXml, ValueError) as error:
        raise DeskRefusal("091111", str(error)) from error


def signature_alone(gate: Gate, request: Request, kind: str) -> tuple[OrderSignature, ...]:
    """The signatures of an order that is a signature and nothing else: HVE, HVS and SPR (NumSegments 0)."""
    encryption = request.encryption
    if encryption is None:
        raise DeskRefusal("091112", f"{kind} carries a signature.")
    if request.segments:
        raise DeskRefusal("091113", f"{kind} carries a signature and no order data.")
    if not gate.names_key(encryption.receiver_digest, gate.keys.encryption_der, request.version):
        raise DeskRefusal("091008", "The signature is encrypted for another key.")
    checking(Check.ENVELOPE)
    try:
        key = envelope.unwrap_key(encryption.wrapped_key, gate.keys.encryption_key)
    except envelope.EnvelopeDamaged as error:
        raise DeskRefusal("091111", error.cause) from error
    return open_signatures(gate, request.signature_data, key, request.version)


def check_announced(gate: Gate, request: Request, digests: tuple[bytes, ...], words: str) -> None:
    """DataDigest of a signature that comes alone is the hash it signs (091301 where it is another).

    Some clients leave it empty. It tells nothing that the signature does not prove, so only a strict bank insists on it.
    """
    if not request.version.data_digest or request.data_digest in gate.hashes(digests):
        return
    if gate.strict or request.data_digest:
        raise DeskRefusal("091301", words)


def check_signers(
    gate: Gate, partner_id: str, signatures: tuple[OrderSignature, ...], digests: tuple[bytes, ...]
) -> tuple[tuple[str, str], ...]:
    """Who signed, as (partner id, user id), once every signature is proved.

    Args:
        partner_id: the customer that sends; signers of another are refused (091120).
        digests: the order's hash as the specification makes it, and that of all its bytes, as some clients make it.
    """
    signers: list[tuple[str, str]] = []
    for signature in signatures:
        if signature.partner_id != partner_id:
            raise DeskRefusal("091120")
        _check_signature(gate, signature, digests)
        signer = (signature.partner_id, signature.user_id)
        if signer in signers:
            raise DeskRefusal("091306")
        signers.append(signer)
    return tuple(signers)


def _check_signature(gate: Gate, signature: OrderSignature, digests: tuple[bytes, ...]) -> None:
    user = gate.desk.user(signature.partner_id, signature.user_id)
    if user is None:
        raise DeskRefusal("091304")
    certificate = user.certificates.get(KeyUse.SIGNATURE)
    if user.state is not UserState.READY or certificate is None:
        locked = user.state in (UserState.SUSPENDED, UserState.LOCKED)
        words = f"{user.user_id} cannot sign now: its state is {user.state.value}."
        raise DeskRefusal("091305", words, reason="DS0C" if locked else "DS0D")
    if gate.strict and user.signature_version not in ("", signature.version):
        words = f"{user.user_id} signs with {user.signature_version}, and this is {signature.version}."
        raise DeskRefusal("091301", words, reason="DS16")
    # The specification hashes the order without CR, LF and Ctrl-Z; some clients hash all of it.
    for digest, hashed in zip(gate.hashes(digests), ("stripped", "raw"), strict=False):
        if _fits(gate, certificate, digest, signature):
            return _seen(signature, hashed)
    _seen(signature, "none")
    raise DeskRefusal("091301")


def _fits(gate: Gate, certificate: bytes, digest: bytes, signature: OrderSignature) -> bool:
    try:
        verify_order_signature(certificate, digest, signature.value, signature.version)
    except EbicsError:
        if gate.strict or signature.version != "A006":
            return False
    else:
        return True
    try:
        verify_message_signature(certificate, digest, signature.value)
    except EbicsError:
        return False
    return True


def _seen(signature: OrderSignature, hashed: str) -> None:
    signed(SignatureSeen(signature.partner_id, signature.user_id, signature.version, hashed))
