"""The bank's side of INI, HIA and HPB: taking a user's certificates and giving the bank's (spec 3.0.2, 4.4)."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography import x509
from lxml import etree

from electra_kernel.ebics import envelope, orderdata
from electra_kernel.ebics.desk import DeskRefusal, KeyUse, UserState
from electra_kernel.ebics.documents import Answer, Request
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.ebics.gate import Gate, details_of, encryption_for
from electra_kernel.ebics.keys import UnusableCertificate, public_key_of, read_certificate
from electra_kernel.ebics.tree import binary
from electra_kernel.ebics.version import EbicsVersion
from electra_kernel.ebics.witness import Check, carries, checking, remark
from electra_kernel.vocabulary.xml import HostileXml

_LIMIT = 2**20
#: In which states a user may send which keys.
_STATES = {"INI": {UserState.NEW, UserState.HIA}, "HIA": {UserState.NEW, UserState.INI}}
_WRONG_LENGTH = {KeyUse.SIGNATURE: "091204", KeyUse.AUTHENTICATION: "091205", KeyUse.ENCRYPTION: "091206"}


def take_keys(gate: Gate, request: Request) -> Answer:
    """INI or HIA. Nothing proves who sends it; the letter does, later."""
    kind = details_of(request).admin_type
    if kind not in _STATES:
        raise DeskRefusal("091006", f"{kind} is not sent unsecured.")
    checking(Check.STATE)
    user = gate.desk.user(request.partner_id, request.user_id)
    if user is None or user.state not in _STATES[kind]:
        remark(f"{request.user_id} is {'unknown' if user is None else f'in the state {user.state.value}'}")
        raise DeskRefusal("091002")
    checking(Check.ENVELOPE)
    try:
        data = envelope.inflate(binary(request.order_data), _LIMIT)
        carries(data)
        certificates, scheme = (_ini if kind == "INI" else _hia)(data, request)
    except (EbicsError, HostileXml, ValueError) as error:
        raise DeskRefusal("090004", str(error)) from error
    checking(Check.KEYS)
    for use, certificate in certificates.items():
        _check_certificate(gate, certificate, use, request.version)
    _check_distinct({**user.certificates, **certificates})
    checking(Check.DESK)
    order_id = gate.desk.keep_certificates(request.partner_id, request.user_id, certificates, scheme)
    return Answer(version=request.version, order_id=order_id)


def give_keys(gate: Gate, root: etree._Element, request: Request) -> Answer:
    """HPB: the bank's certificates, encrypted for the user."""
    if details_of(request).admin_type != "HPB":
        raise DeskRefusal("091006", "Only HPB is asked for without key digests.")
    user = gate.entered(root, request)
    keys = orderdata.BankCertificates(gate.keys.authentication_der, gate.keys.encryption_der, gate.host_id)
    key = envelope.new_key()
    data = orderdata.write_hpb(keys, request.version)
    carries(data)
    content = envelope.seal(data, key)
    return Answer(version=request.version, encryption=encryption_for(user, key), order_data=content)


def _ini(data: bytes, request: Request) -> tuple[dict[KeyUse, bytes], str]:
    key = orderdata.read_ini(data, request.version)
    _check_owner(request, key.partner_id, key.user_id)
    if key.version not in request.version.signatures:
        raise DeskRefusal("091201")
    return {KeyUse.SIGNATURE: key.certificate}, key.version


def _hia(data: bytes, request: Request) -> tuple[dict[KeyUse, bytes], str]:
    keys = orderdata.read_hia(data, request.version)
    _check_owner(request, keys.partner_id, keys.user_id)
    if keys.authentication_version != request.version.authentication:
        raise DeskRefusal("091202")
    if keys.encryption_version != request.version.encryption:
        raise DeskRefusal("091203")
    return {KeyUse.AUTHENTICATION: keys.authentication, KeyUse.ENCRYPTION: keys.encryption}, ""


def _check_owner(request: Request, partner_id: str, user_id: str) -> None:
    if (partner_id, user_id) != (request.partner_id, request.user_id):
        raise DeskRefusal("090004", "The keys belong to another partner or user than the request.")


def _check_certificate(gate: Gate, der: bytes, use: KeyUse, version: EbicsVersion) -> None:
    try:
        certificate, key = read_certificate(der)
    except UnusableCertificate as error:
        raise DeskRefusal("091219", str(error)) from error
    least, most = version.key_bits
    if not least <= key.key_size <= most:
        raise DeskRefusal(_WRONG_LENGTH[use], f"The key has {key.key_size} bits; {least} to {most} are taken.")
    if not gate.strict:
        return
    _check_usage(certificate, use)
    now = gate.clock()
    if now > certificate.not_valid_after_utc:
        raise DeskRefusal("091208")
    if now < certificate.not_valid_before_utc:
        raise DeskRefusal("091209")


def _check_usage(certificate: x509.Certificate, use: KeyUse) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError) as error:
        raise DeskRefusal("091210", "The certificate does not say what it is for.") from error
    fits = {
        KeyUse.SIGNATURE: usage.content_commitment,
        KeyUse.AUTHENTICATION: usage.digital_signature,
        KeyUse.ENCRYPTION: usage.key_encipherment or usage.key_agreement,
    }
    if not fits[use]:
        raise DeskRefusal("091210")


def _check_distinct(certificates: Mapping[KeyUse, bytes]) -> None:
    # X002 and E002 may be one key; the signature key must be a key of its own (spec 3.0.2, 4.4.1).
    numbers = {use: public_key_of(der).public_numbers() for use, der in certificates.items()}
    own = numbers.pop(KeyUse.SIGNATURE, None)
    if own is not None and own in numbers.values():
        raise DeskRefusal("091218")
