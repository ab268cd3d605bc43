"""Exchanges: the one shape every conversation with a bank has, and those of key management (HEV, INI, HIA, H3K, HPB)."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from lxml import etree

from electra_kernel.ebics import authsignature, envelope, orderdata
from electra_kernel.ebics.codes import BENIGN, OK
from electra_kernel.ebics.documents import DOCUMENT_LIMIT, Answer, Kind, OrderDetails, Request
from electra_kernel.ebics.errors import EbicsError, LocalProtocolError, RemoteProtocolError, bank_refusal
from electra_kernel.ebics.keys import BankKeys, public_key_of
from electra_kernel.ebics.requests import write_request
from electra_kernel.ebics.responses import KEY_ANSWER, read_answer, read_hev_answer
from electra_kernel.ebics.session import Session
from electra_kernel.ebics.signature import OrderSignature, write_signatures
from electra_kernel.ebics.tree import local, serialise
from electra_kernel.ebics.version import H005, EbicsVersion
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

Result = TypeVar("Result")
_TIMED = frozenset({Kind.NO_KEY_DIGESTS, Kind.NORMAL})


class Exchange(ABC, Generic[Result]):
    """One conversation with the bank."""

    def __init__(self, session: Session) -> None:
        self._session, self._version = session, session.subscriber.version
        self._waiting: bytes | None = None
        self._over = False
        #: Called after each answer that was taken, with what ``progress`` says then.
        self.watcher: Callable[[int, int], None] | None = None

    @property
    def progress(self) -> tuple[int, int]:
        """How many segments are there or here, and of how many; 0 of 0 where nothing travels in segments."""
        return 0, 0

    @property
    def over(self) -> bool:
        """Whether nothing more is to be sent, and nothing can be."""
        return self._over

    def request(self) -> bytes | None:
        """The next document to POST; ``None`` when nothing (more) is to be sent now."""
        if self._waiting is None and not self._over:
            self._waiting = self._next()
        return self._waiting

    def answer(self, document: bytes) -> None:
        """Take the bank's answer to the last request.

        Raises:
            BankRefusal: the bank said no, with its code; the exchange is over.
            BankSignatureInvalid: the answer is not proved to be the bank's; the same request may be sent again.
            RemoteProtocolError: the answer makes no sense; the same request may be sent again.
        """
        if self._waiting is None:
            raise LocalProtocolError("There is no request the answer could belong to.")
        root = _parse(document)
        self._take(root)
        self._waiting = None
        if self.watcher is not None:
            self.watcher(*self.progress)

    @property
    @abstractmethod
    def result(self) -> Result:
        """What came of it.

        Raises:
            LocalProtocolError: the exchange is not that far yet.
        """

    @abstractmethod
    def _next(self) -> bytes | None:
        """Build the next document."""

    @abstractmethod
    def _take(self, root: etree._Element) -> None:
        """Use an answer; where it raises, nothing of the answer stays."""

    def _refuse(self, code: str, report: str, level: str) -> None:
        self._over, self._waiting = True, None
        raise bank_refusal(code, report, level=level)

    def _check_codes(self, answer: Answer) -> None:
        if answer.technical not in BENIGN:
            self._refuse(answer.technical, answer.report, "technical")
        if answer.business not in BENIGN:
            self._refuse(answer.business, answer.report, "business")

    def _base(self, kind: Kind, details: OrderDetails) -> Request:
        subscriber = self._session.subscriber
        return Request(
            version=self._version,
            kind=kind,
            host_id=subscriber.host_id,
            partner_id=subscriber.partner_id,
            user_id=subscriber.user_id,
            product=self._session.product,
            details=details,
            order_types=self._session.order_types,
            nonce=secrets.token_bytes(16) if kind in _TIMED else b"",
            timestamp=self._session.clock() if kind in _TIMED else None,
        )

    def _signed(self, request: Request) -> bytes:
        root = write_request(request)
        authsignature.sign(root, self._session.keys.authentication_key)
        return serialise(root)


def _parse(document: bytes) -> etree._Element:
    if len(document) > DOCUMENT_LIMIT:
        raise RemoteProtocolError(
            "The bank's answer is too large.",
            cause=f"It has {len(document)} bytes; {DOCUMENT_LIMIT} are allowed.",
            repair="Try again; if it stays so, tell the bank.",
        )
    try:
        return parse_xml(document)
    except HostileXml as error:
        raise RemoteProtocolError(
            "The bank's answer is no EBICS document.", cause=error.what, repair="Check the bank's address; try again."
        ) from error


def read_proved(root: etree._Element, version: EbicsVersion) -> Answer:
    """What an answer says, once it is known whose it is."""
    try:
        return read_answer(root, version)
    except ValueError as error:
        raise RemoteProtocolError(
            "The bank's answer cannot be read.", cause=str(error), repair="Try again; if it stays so, tell the bank."
        ) from error


def unfinished(what: str) -> LocalProtocolError:
    """The error for a result that is asked for too early."""
    return LocalProtocolError(f"{what} is not known yet.", repair="Go on with request() and answer().")


class Hev(Exchange[Mapping[str, str]]):
    """HEV: ``result`` maps protocols to releases, such as ``{"H005": "03.00"}``. It needs no keys and no user."""

    _spoken: Mapping[str, str] | None = None

    def __init__(self, host_id: str) -> None:
        # Neither a session nor a version stands behind this question: it is what one asks before there are any.
        self._host_id = host_id
        self._waiting, self._over, self.watcher = None, False, None

    @property
    def result(self) -> Mapping[str, str]:
        """Protocols and their releases."""
        if self._spoken is None:
            raise unfinished("What the bank speaks")
        return self._spoken

    def _next(self) -> bytes:
        request = Request(version=H005, kind=Kind.HEV, host_id=self._host_id)
        return serialise(write_request(request))

    def _take(self, root: etree._Element) -> None:
        try:
            code, report, spoken = read_hev_answer(root)
        except ValueError as error:
            raise RemoteProtocolError("The bank's answer cannot be read.", cause=str(error)) from error
        if code != OK:
            self._refuse(code, report, "technical")
        self._spoken, self._over = spoken, True


class _KeyManagement(Exchange[Result]):
    """What INI, HIA and HPB share: one unsigned answer."""

    def _take(self, root: etree._Element) -> None:
        if root.tag != self._version.tag(KEY_ANSWER):
            raise RemoteProtocolError(
                f"The bank answered with {local(root)}, not with {KEY_ANSWER}.", repair="Check the bank's address."
            )
        answer = read_proved(root, self._version)
        self._check_codes(answer)
        self._use(answer)
        self._over = True

    @abstractmethod
    def _use(self, answer: Answer) -> None:
        """Use an answer that says all is well."""


class SendKeys(_KeyManagement[str]):
    """INI, HIA or H3K: ``result`` is the bank's order id, empty where it gives none.

    H3K carries a signature over its order data, made with the new signature key.
    """

    def __init__(
        self, session: Session, admin_type: str, order_data: bytes, signatures: Sequence[OrderSignature] = ()
    ) -> None:
        super().__init__(session)
        self._type, self._data, self._signatures = admin_type, order_data, tuple(signatures)
        self._order_id: str | None = None

    @property
    def result(self) -> str:
        """The bank's order id."""
        if self._order_id is None:
            raise unfinished("The order id")
        return self._order_id

    def _next(self) -> bytes:
        kind = Kind.UNSIGNED if self._signatures else Kind.UNSECURED
        request = replace(self._base(kind, OrderDetails(admin_type=self._type)), order_data=_packed(self._data))
        if self._signatures:
            request = replace(request, signature_data=_packed(write_signatures(self._signatures, self._version)))
        return serialise(write_request(request))

    def _use(self, answer: Answer) -> None:
        self._order_id = answer.order_id


def _packed(data: bytes) -> str:
    return b64encode(envelope.deflate(data)).decode("ascii")


class Hpb(_KeyManagement[BankKeys]):
    """HPB: ``result`` are the bank's certificates, not yet to be trusted."""

    _keys: BankKeys | None = None

    @property
    def result(self) -> BankKeys:
        """The bank's certificates."""
        if self._keys is None:
            raise unfinished("The bank's keys")
        return self._keys

    def _next(self) -> bytes:
        return self._signed(self._base(Kind.NO_KEY_DIGESTS, OrderDetails(admin_type="HPB")))

    def _use(self, answer: Answer) -> None:
        if answer.encryption is None:
            raise RemoteProtocolError("The bank's answer holds no keys.", repair="Try again.")
        try:
            key = envelope.unwrap_key(answer.encryption.wrapped_key, self._session.keys.encryption_key)
            data = envelope.unseal(answer.order_data, key, DOCUMENT_LIMIT)
            sent = orderdata.read_hpb(data, self._version)
            sizes = [public_key_of(der).key_size for der in (sent.authentication, sent.encryption)]
        except (EbicsError, HostileXml, ValueError) as error:
            raise RemoteProtocolError(
                "The bank's keys cannot be read.", cause=str(error), repair="Try again."
            ) from error
        if sent.host_id != self._session.subscriber.host_id:
            raise RemoteProtocolError(
                f"The keys are those of the host {sent.host_id!r}.", repair="Compare the host id with the contract."
            )
        least, most = self._version.key_bits
        if not all(least <= size <= most for size in sizes):
            raise RemoteProtocolError(
                f"The bank's keys have {sizes[0]} and {sizes[1]} bits; {least} to {most} are safe.",
                repair="Do not use this bank's EBICS access; tell the bank.",
            )
        self._keys = BankKeys(sent.authentication, sent.encryption)
