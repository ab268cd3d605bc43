"""The bank's side of INI, HIA, H3K and HPB: taking a user's keys and giving the bank's (spec 3.0.2, 4.4)."""

from __future__ import annotations

from contextlib import suppress

from lxml import etree

from electra_kernel.ebics import envelope, orderdata
from electra_kernel.ebics.desk import BankUser, DeskRefusal, KeyUse, UserState
from electra_kernel.ebics.documents import KIND_ATTRIBUTES, Answer, Kind, OrderDetails, Request
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.ebics.gate import Gate, details_of, encryption_for
from electra_kernel.ebics.keychecks import check_keys, read_keys
from electra_kernel.ebics.keys import bare, is_bare
from electra_kernel.ebics.signature import order_digest, raw_digest, read_signatures, verify_order_signature
from electra_kernel.ebics.tree import binary
from electra_kernel.ebics.witness import Check, carries, checking, remark
from electra_kernel.vocabulary.xml import HostileXml

_LIMIT = 2**20
#: In which states a user may send which keys. Who suspended the access himself may begin anew (spec 3.0.2, 4.5).
_STATES = {
    "INI": {UserState.NEW, UserState.HIA, UserState.SUSPENDED},
    "HIA": {UserState.NEW, UserState.INI, UserState.SUSPENDED},
    "H3K": {UserState.NEW, UserState.SUSPENDED},
}
_KINDS = {Kind.UNSECURED: frozenset({"INI", "HIA"}), Kind.UNSIGNED: frozenset({"H3K"})}


def take_keys(gate: Gate, request: Request) -> Answer:
    """INI, HIA or H3K. Nothing proves who sends it; the letter does, later, or the CA that issued the certificates."""
    details, version = details_of(request), request.version
    kind = details.admin_type
    if kind not in _KINDS[request.kind]:
        other = "This bank does not offer HSA: send INI and HIA." if kind == "HSA" else ""
        raise DeskRefusal("091006", other or f"{kind} is not sent by {request.kind.value}.")
    _check_attribute(gate, request, details)
    checking(Check.STATE)
    user = gate.desk.newcomer(request.partner_id, request.user_id)
    if user is None or user.state not in _STATES[kind]:
        remark(f"{request.user_id} is {'unknown' if user is None else f'in the state {user.state.value}'}")
        raise DeskRefusal("091002")
    checking(Check.ENVELOPE)
    data = _unpacked(request.order_data)
    carries(data)
    sent, scheme = read_keys(kind, data, (request.partner_id, request.user_id), version)
    checking(Check.KEYS)
    check_keys(gate, sent, _held(user), version)
    if kind == "H3K":
        checking(Check.SIGNATURES)
        _check_own_signature(gate, request, data, sent[KeyUse.SIGNATURE])
    checking(Check.DESK)
    order_id = gate.desk.keep_certificates(request.partner_id, request.user_id, sent, scheme)
    return Answer(version=version, order_id=order_id)


def _check_attribute(gate: Gate, request: Request, details: OrderDetails) -> None:
    # Some clients send H3K with the attribute of an order; it only says again what the kind of the request says.
    told = request.version.services or (details.admin_type == "H3K" and not gate.strict)
    if not told and details.attribute != KIND_ATTRIBUTES[request.kind]:
        raise DeskRefusal("091121", f"{details.admin_type} goes with {KIND_ATTRIBUTES[request.kind]}.")


def _held(user: BankUser) -> dict[KeyUse, bytes]:
    return {} if user.state is UserState.SUSPENDED else dict(user.certificates)


def _unpacked(content: str) -> bytes:
    try:
        return envelope.inflate(binary(content), _LIMIT)
    except (EbicsError, ValueError) as error:
        raise DeskRefusal("090004", str(error)) from error


def _check_own_signature(gate: Gate, request: Request, data: bytes, certificate: bytes) -> None:
    """H3K is signed with the very key it brings: whoever sends it has it (spec 3.0.2, 4.4.1.4)."""
    try:
        content = _signature_data(gate, request.signature_data)
        (signature,) = read_signatures(content, request.version, strict=gate.strict)
    except (HostileXml, ValueError) as error:
        raise DeskRefusal("091111", "H3K carries one signature.") from error
    for digest in (order_digest(data),) if gate.strict else (order_digest(data), raw_digest(data)):
        with suppress(EbicsError):
            return verify_order_signature(certificate, digest, signature.value, signature.version)
    raise DeskRefusal("091301")


def _signature_data(gate: Gate, content: str) -> bytes:
    """The signature of H3K is compressed only; some clients also encrypt it with a key of zeros, which hides nothing."""
    if not gate.strict:
        with suppress(EbicsError, ValueError):
            return envelope.unseal(content, bytes(envelope.KEY_BYTES), _LIMIT)
    return _unpacked(content)


def give_keys(gate: Gate, root: etree._Element, request: Request) -> Answer:
    """HPB: the bank's keys, encrypted for the user: without certificates for one who came without (EBICS 2.5)."""
    details = details_of(request)
    if details.admin_type != "HPB":
        raise DeskRefusal("091006", "Only HPB is asked for without key digests.")
    _check_attribute(gate, request, details)
    user = gate.entered(root, request)
    own = gate.keys.authentication_der, gate.keys.encryption_der
    if request.version.key_values and is_bare(user.certificates[KeyUse.AUTHENTICATION]):
        own = bare(own[0]), bare(own[1])
    key = envelope.new_key()
    data = orderdata.write_hpb(orderdata.BankCertificates(*own, gate.host_id), request.version)
    carries(data)
    return Answer(version=request.version, encryption=encryption_for(user, key), order_data=envelope.seal(data, key))
