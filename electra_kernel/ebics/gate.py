"""The bank's gate: who speaks, is it now, is it the first time, and does he know the bank's keys. Shared by all steps."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography import x509
from lxml import etree

from electra_kernel.ebics import authsignature
from electra_kernel.ebics.desk import BankUser, Desk, DeskRefusal, KeyUse, UserState
from electra_kernel.ebics.documents import DOCUMENT_LIMIT, Encryption, Kind, OrderDetails, Phase, Request
from electra_kernel.ebics.envelope import wrap_key
from electra_kernel.ebics.keys import BankServerKeys, certificate_digest, key_digest, number_digest, public_key_of
from electra_kernel.ebics.segments import SEGMENT_LIMIT, SEGMENT_SIZE
from electra_kernel.ebics.version import H005, EbicsVersion
from electra_kernel.ebics.witness import Check, checking, remark
from electra_kernel.vocabulary.dates import Clock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the bank takes.

    Attributes:
        document: bytes of one document.
        segment: characters of base64 in one segment that is received.
        segment_sent: characters of base64 in one segment that is sent.
        segments: segments in one upload.
        order_data: bytes of an order after inflation.
        clock_difference: how far a request's timestamp may be from the bank's time.
    """

    document: int = DOCUMENT_LIMIT
    segment: int = SEGMENT_LIMIT
    segment_sent: int = SEGMENT_SIZE
    segments: int = 2_000
    order_data: int = 256 * 2**20
    clock_difference: timedelta = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One bank host: its name, keys, desk, time and rules, and the checks every request passes."""

    host_id: str
    keys: BankServerKeys
    desk: Desk
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    strict: bool = False
    authorities: tuple[x509.Certificate, ...] = ()

    def check_time(self, request: Request) -> None:
        """Refuse a request whose timestamp is missing or too far from the bank's time (091010, 091103)."""
        checking(Check.TIME)
        if not request.nonce or request.timestamp is None:
            raise DeskRefusal("091010", "Nonce or timestamp is missing.")
        if abs(self.clock() - request.timestamp) > self.limits.clock_difference:
            raise DeskRefusal("091103", "The request's time is too far from the bank's.")

    def check_nonce(self, request: Request) -> None:
        """Refuse a request that was seen before (091103)."""
        checking(Check.NONCE)
        if request.timestamp is None or not self.desk.remember_nonce(request.nonce, request.timestamp):
            raise DeskRefusal("091103")

    def authenticated(self, root: etree._Element, partner_id: str, user_id: str) -> BankUser:
        """The user whose key signed the whole document (061001).

        One code for all reasons, so that nobody finds out by asking which users exist (spec 3.0.2, 5.5.1.2.1).
        """
        checking(Check.AUTHENTICATION)
        user = self.desk.user(partner_id, user_id)
        certificate = None if user is None else user.certificates.get(KeyUse.AUTHENTICATION)
        if user is None or certificate is None:
            remark(f"{user_id} of {partner_id} {'is unknown' if user is None else 'has sent no authentication key'}")
            raise DeskRefusal("061001")
        try:
            authsignature.verify(root, public_key_of(certificate))
        except authsignature.AuthSignatureInvalid as error:
            remark(str(error))
            _log.info("the signature of %s/%s was refused: %s", partner_id, user_id, error)
            raise DeskRefusal("061001") from error
        return user

    def check_ready(self, user: BankUser) -> None:
        """Refuse a user that is not activated (091002)."""
        checking(Check.STATE)
        if user.state is not UserState.READY:
            remark(f"{user.user_id} is in the state {user.state.value}")
            raise DeskRefusal("091002", "The user is not active.")

    def entered(self, root: etree._Element, request: Request) -> BankUser:
        """All checks of a first request: time, user, replay, state."""
        self.check_time(request)
        user = self.authenticated(root, request.partner_id, request.user_id)
        self.check_nonce(request)
        self.check_ready(user)
        return user

    def names_key(self, digest: bytes, certificate: bytes, version: EbicsVersion = H005) -> bool:
        """Whether ``digest`` names this certificate: by the certificate, or by its numbers as EBICS 2.5 does.

        A strict gate takes numbers in a version that carries them only.
        """
        if digest == certificate_digest(certificate):
            return True
        return (version.key_values or not self.strict) and digest == number_digest(public_key_of(certificate))

    def hashes(self, digests: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Of an order's hashes those that count: a strict gate takes the specification's alone, without CR, LF and Ctrl-Z."""
        return digests[:1] if self.strict else digests

    def check_manners(self, root: etree._Element, request: Request) -> None:
        """At a strict gate, refuse what clients write in their own way and EBICS 3.0 does not know.

        A SignatureFlag with text breaks the schema (091010); order types of EBICS 2.5 name no business in 3.0 (091006).
        """
        details = request.details
        if not self.strict or not request.version.services or details is None:
            return
        mark = next(root.iter(request.version.tag("SignatureFlag")), None)
        if mark is not None and (mark.text or len(mark)):
            raise DeskRefusal("091010", "SignatureFlag is an empty element.")
        if details.code is not None and details.service is not None and details.eds is None:
            raise DeskRefusal("091006", f"{details.code} is an order type of EBICS 2.5; name the service (BTF).")

    def check_bank_keys(self, request: Request) -> None:
        """Refuse a request made for other bank keys (091008)."""
        checking(Check.BANK_KEYS)
        named = request.bank_digests
        if (
            named is None
            or not self.names_key(named.authentication, self.keys.authentication_der, request.version)
            or not self.names_key(named.encryption, self.keys.encryption_der, request.version)
        ):
            raise DeskRefusal("091008")


def check_form(request: Request) -> None:
    """Refuse a request that lacks what every one of its kind and phase has (091010), before anything is looked up."""
    if request.kind is Kind.NORMAL and request.phase is not Phase.INITIALISATION:
        if request.phase is None or not request.transaction_id:
            raise DeskRefusal("091010", "The phase or the transaction id is missing.")
        return
    details_of(request)
    if request.kind in {Kind.NORMAL, Kind.NO_KEY_DIGESTS} and (not request.nonce or request.timestamp is None):
        raise DeskRefusal("091010", "Nonce or timestamp is missing.")


def details_of(request: Request) -> OrderDetails:
    """The order details of a first request (091010 where they are missing)."""
    if request.details is None or not request.details.admin_type:
        raise DeskRefusal("091010", "The order type is missing.")
    return request.details


def encryption_for(user: BankUser, key: bytes) -> Encryption:
    """A transaction key wrapped for the user's E002 key."""
    certificate = user.certificates.get(KeyUse.ENCRYPTION)
    if certificate is None:
        raise DeskRefusal("091002", "The user has no encryption key.")
    return Encryption(receiver_digest=key_digest(certificate), wrapped_key=wrap_key(key, public_key_of(certificate)))
