"""The bank's engine: one document in, one document out, nothing remembered here. All state is the desk's.

What a request is proved against, in this order (codes of spec 3.0.2, Annex 1): form (061002, 091010), host (091011), time
(091103), user and AuthSignature (061001), nonce (091103; only proved requests can use one up), state (091002), bank keys
(091008), kind of order and right (091005, 091006, 090003), parameters (091112), and with the last segment the data.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from cryptography import x509
from lxml import etree

from electra_kernel.ebics import authsignature, decisions, downloads, enrolment
from electra_kernel.ebics.btf import FileFormat
from electra_kernel.ebics.codes import OK, lookup
from electra_kernel.ebics.desk import Desk, DeskRefusal, Direction
from electra_kernel.ebics.documents import (
    DATA_ALONE,
    DATA_AND_SIGNATURE,
    SIGNATURE_ALONE,
    SIGNATURE_ONLY,
    Answer,
    Kind,
    OrderDetails,
    Phase,
    Request,
)
from electra_kernel.ebics.edsparams import DECISIONS
from electra_kernel.ebics.gate import Gate, Limits, check_form, details_of
from electra_kernel.ebics.keychanges import KEY_CHANGES, OWN_KEYS, answer_transfer, take_suspension
from electra_kernel.ebics.keys import BankServerKeys
from electra_kernel.ebics.ordertypes import UPLOAD, OrderTypes, with_profile
from electra_kernel.ebics.requests import read_request
from electra_kernel.ebics.responses import report_text, write_answer, write_hev_answer
from electra_kernel.ebics.tree import local, serialise
from electra_kernel.ebics.uploads import Uploads
from electra_kernel.ebics.version import H005, HEV, VERSIONS, EbicsVersion
from electra_kernel.ebics.witness import Check, Sight, Witness, belongs_to, checking, watching
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

__all__ = ["Limits", "Server"]

_log = logging.getLogger(__name__)
#: Order types that only fetch. Order data sent under one of them would be an order under a right to read.
_FETCHING = frozenset({"BTD", "HTD", "HKD", "HPD", "HAA", "HAC", "PTK", "HVU", "HVZ", "HVD", "HVT"})
_BEGINNING = 2048
_SENDING = KEY_CHANGES | {UPLOAD}
_UNSIGNED = frozenset({Kind.UNSECURED, Kind.UNSIGNED, Kind.NO_KEY_DIGESTS})


class Server:
    """The protocol engine of one bank host.

    Args:
        host_id: the bank's host id.
        keys: the bank's X002 and E002 key pairs.
        desk: the bank behind it; keeps every state.
        clock: the bank's time.
        limits: sizes, and the tolerance for clocks.
        strict: name keys by certificate only, as the specification says, and look at key usage and validity of
            certificates. Off by default: real clients differ in all three.
        order_types: the bank's own order types and the services they mean, before the standard ones.
        witness: is told what was seen of every request, once it is answered.
        authorities: where there are any, users' keys come in certificates that one of them issued (091214).
    """

    def __init__(
        self,
        host_id: str,
        keys: BankServerKeys,
        desk: Desk,
        clock: Clock,
        *,
        limits: Limits | None = None,
        strict: bool = False,
        order_types: OrderTypes | None = None,
        witness: Witness | None = None,
        authorities: Sequence[x509.Certificate] = (),
    ) -> None:
        self._witness, self._order_types = witness, with_profile(order_types)
        self._gate = Gate(
            host_id=host_id,
            keys=keys,
            desk=desk,
            clock=clock,
            limits=limits or Limits(),
            strict=strict,
            authorities=tuple(authorities),
        )
        self._uploads = Uploads(self._gate)

    def handle(self, document: bytes) -> bytes:
        """Answer one request. Never raises: whatever goes wrong becomes an EBICS return code."""
        with watching(document, wanted=self._witness is not None) as sight:
            sight.answer_document = self._handle(document, sight)
        if self._witness is not None:
            try:
                self._witness(sight)
            except Exception:
                _log.exception("a request was answered, but its witness failed")
        return sight.answer_document

    def _handle(self, document: bytes, sight: Sight) -> bytes:
        request = Request(version=_guessed(document))
        try:
            checking(Check.FORM)
            root = self._parse(document)
            version = VERSIONS.get(etree.QName(root).namespace or "", H005)
            request = replace(request, version=version, order_types=self._order_types)
            if root.tag == f"{{{HEV}}}{Kind.HEV.value}":
                return self._hev(root, sight)
            request = replace(request, kind=_kind(root, request))
            sight.request = request = _read(root, request)
            check_form(request)
            self._gate.check_manners(root, request)
            return self._send(self._answer(root, request), sight)
        except DeskRefusal as refusal:
            return self._refused(request, refusal, sight)
        except Exception:
            _log.exception("a request ended in an internal error")
            return self._refused(request, DeskRefusal("061099"), sight)

    def _parse(self, document: bytes) -> etree._Element:
        if len(document) > self._gate.limits.document:
            raise DeskRefusal("091009", f"A document may have {self._gate.limits.document} bytes.")
        try:
            return parse_xml(document)
        except HostileXml as error:
            raise DeskRefusal("061002", error.what) from error

    def _hev(self, root: etree._Element, sight: Sight) -> bytes:
        checking(Check.HOST)
        host = root.findtext(f"{{{HEV}}}HostID", "").strip()
        sight.request = Request(version=H005, kind=Kind.HEV, host_id=host)
        sight.answer = Answer(version=H005, technical=OK if host == self._gate.host_id else "091011")
        if host != self._gate.host_id:
            sight.refusal = DeskRefusal("091011")
            return serialise(write_hev_answer("091011", {}))
        return serialise(write_hev_answer(OK, {each.protocol: each.release for each in VERSIONS.values()}))

    def _answer(self, root: etree._Element, request: Request) -> Answer:
        checking(Check.HOST)
        if request.host_id != self._gate.host_id:
            raise DeskRefusal("091011")
        if request.kind in {Kind.UNSECURED, Kind.UNSIGNED}:
            return enrolment.take_keys(self._gate, request)
        if request.kind is Kind.NO_KEY_DIGESTS:
            return enrolment.give_keys(self._gate, root, request)
        if request.phase is Phase.INITIALISATION:
            return self._initialise(root, request)
        return self._continue(root, request)

    def _initialise(self, root: etree._Element, request: Request) -> Answer:
        details, user = details_of(request), self._gate.entered(root, request)
        self._gate.check_bank_keys(request)
        checking(Check.RIGHT)
        _check_named(details)
        # What an order of the EDS is about is another order, to which the desk looks itself.
        about = details.service if details.eds is None else None
        if details.admin_type not in OWN_KEYS:
            self._gate.desk.may(request.partner_id, request.user_id, details.admin_type, about)
        checking(Check.PARAMETERS)
        _check_attribute(request, details)
        _check_params(details)
        if details.admin_type == "SPR":
            return take_suspension(self._gate, request)
        if details.admin_type in DECISIONS:
            return decisions.take_decision(self._gate, request, details)
        if request.encryption is not None or request.segments is not None or details.admin_type in _SENDING:
            if details.admin_type in _FETCHING:
                raise DeskRefusal("091112", f"{details.admin_type} fetches; it carries no order.")
            return self._uploads.open(request, details)
        return downloads.open_download(self._gate, request, details, user)

    def _continue(self, root: etree._Element, request: Request) -> Answer:
        checking(Check.TRANSACTION)
        record = self._gate.desk.transaction(request.transaction_id)
        if record is None:
            raise DeskRefusal("091101")
        belongs_to(record)
        user = self._gate.authenticated(root, record.partner_id, record.user_id)
        if record.segments == 0:
            return answer_transfer(self._gate, request, record)
        self._gate.check_ready(user)
        if request.phase is Phase.RECEIPT:
            return downloads.take_receipt(self._gate, request, record)
        if record.direction is Direction.UPLOAD:
            return self._uploads.take(request, record)
        return downloads.give_segment(self._gate, request, record)

    def _send(self, answer: Answer, sight: Sight) -> bytes:
        sight.answer = answer
        root = write_answer(answer)
        if answer.phase is not None:
            authsignature.sign(root, self._gate.keys.authentication_key)
        return serialise(root)

    def _refused(self, request: Request, refusal: DeskRefusal, sight: Sight) -> bytes:
        sight.refusal = refusal
        code, version = request.version.code_stand_ins.get(refusal.code, refusal.code), request.version
        technical = lookup(code).level == "technical"
        answer = Answer(
            version=request.version,
            technical=code if technical else OK,
            business=OK if technical else code,
            report=report_text(code, refusal.text or lookup(refusal.code).meaning, version),
        )
        if request.kind not in _UNSIGNED:
            answer = replace(
                answer,
                phase=request.phase or Phase.INITIALISATION,
                transaction_id=request.transaction_id,
                segment_number=request.segment_number or None,
                last_segment=request.last_segment,
            )
        return self._send(answer, sight)


def _guessed(document: bytes) -> EbicsVersion:
    """The version in which a document that cannot be read is refused: the one it names near its beginning."""
    return next((each for space, each in VERSIONS.items() if space.encode() in document[:_BEGINNING]), H005)


def _kind(root: etree._Element, request: Request) -> Kind:
    try:
        kind = Kind(local(root))
    except ValueError as error:
        raise DeskRefusal("061002", f"{local(root)} is no EBICS request.") from error
    if root.tag != request.version.tag(kind.value):
        raise DeskRefusal("061002", "This host does not speak that version of EBICS.")
    return kind


def _read(root: etree._Element, request: Request) -> Request:
    try:
        return read_request(root, request)
    except ValueError as error:
        raise DeskRefusal("091010", str(error)) from error


def _check_attribute(request: Request, details: OrderDetails) -> None:
    """The order attribute of EBICS 2.5 says what the request carries (091121 where it does not)."""
    if request.version.services:
        return
    if details.admin_type in SIGNATURE_ONLY:
        fitting = {SIGNATURE_ALONE}
    else:
        sends = request.encryption is not None or request.segments is not None
        fitting = {DATA_AND_SIGNATURE, DATA_ALONE} if sends else {DATA_ALONE}
    if details.attribute not in fitting:
        raise DeskRefusal("091121", f"{details.code or details.admin_type} goes with {' or '.join(sorted(fitting))}.")


def _check_named(details: OrderDetails) -> None:
    if details.admin_type in {"BTU", "BTD"} and (details.service is None or not details.service.name):
        raise DeskRefusal("091112", "A service (BTF) is missing.")
    if isinstance(details.code, FileFormat) and details.service is None:
        raise DeskRefusal("091005", f"This bank does not know the file format {details.code}.")


def _check_params(details: OrderDetails) -> None:
    if details.start is not None and details.end is not None and details.start > details.end:
        raise DeskRefusal("091112", "The period ends before it starts.")
