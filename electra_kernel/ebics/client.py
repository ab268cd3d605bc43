"""The client's engine: exchanges that give the next document to send and take the bank's answer. No I/O, no state kept.

Every exchange works the same way, whatever carries its documents:

    while (document := exchange.request()) is not None:
        exchange.answer(post(document))

``request`` gives the same bytes until ``answer`` was called, so a document whose answer was lost can be sent again.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from datetime import date
from typing import Generic, TypeVar

from lxml import etree

from electra_kernel.ebics import authsignature, envelope, orderdata
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.codes import BENIGN, NO_DATA, OK, RECOVERY
from electra_kernel.ebics.documents import (
    DOCUMENT_LIMIT,
    Answer,
    Encryption,
    KeyDigests,
    Kind,
    OrderDetails,
    Phase,
    Request,
)
from electra_kernel.ebics.errors import (
    BankSignatureInvalid,
    EbicsError,
    LocalProtocolError,
    RemoteProtocolError,
    bank_refusal,
)
from electra_kernel.ebics.keys import BankKeys, TransportKeys, certificate_digest, number_digest, public_key_of
from electra_kernel.ebics.requests import write_request
from electra_kernel.ebics.responses import KEY_ANSWER, SIGNED_ANSWER, read_answer, read_hev_answer
from electra_kernel.ebics.segments import SEGMENT_SIZE, Collector, split
from electra_kernel.ebics.signature import OrderSignature, order_digest, write_signatures
from electra_kernel.ebics.tree import local, serialise
from electra_kernel.ebics.version import H005, EbicsVersion
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

Result = TypeVar("Result")

_RECOVERIES = 5
_SEGMENT_COUNT_LIMIT = 10_000
_NO_PARAMETERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who speaks to which bank, in which version."""

    host_id: str
    partner_id: str
    user_id: str
    version: EbicsVersion = H005


@dataclass(frozen=True, slots=True)
class Client:
    """Opens exchanges for one subscriber.

    Attributes:
        subscriber: host, partner, user and version.
        keys: the subscriber's X002 and E002 key pairs.
        bank: the bank's certificates, once HPB brought them and the letter confirmed them; ``None`` before.
        clock: gives the time that requests carry.
        product: how the program names itself to the bank, at most 64 characters.
        number_digests: name the bank's keys by exponent and modulus (as EBICS 2.5 does) instead of by certificate; some
            banks want it (they answer 091008 otherwise).
        segment_size: characters of base64 in one segment.
        inflated_limit: largest download after inflation, in bytes.
    """

    subscriber: Subscriber
    keys: TransportKeys
    bank: BankKeys | None
    clock: Clock
    _: KW_ONLY
    product: str = "Electra"
    number_digests: bool = False
    segment_size: int = SEGMENT_SIZE
    inflated_limit: int = envelope.INFLATED_LIMIT

    def hev(self) -> Hev:
        """Which versions the bank speaks. Neither side is proved: HEV is unsigned."""
        return Hev(self)

    def ini(self, signature_certificate_der: bytes, signature_version: str = "A006") -> SendKeys:
        """Send the signature certificate. Unsigned: the letter proves it."""
        subscriber = self.subscriber
        key = orderdata.SignatureKey(
            signature_certificate_der, signature_version, subscriber.partner_id, subscriber.user_id
        )
        return SendKeys(self, "INI", orderdata.write_ini(key, subscriber.version))

    def hia(self) -> SendKeys:
        """Send the authentication and encryption certificates. Unsigned: the letter proves them."""
        subscriber, keys = self.subscriber, self.keys
        sent = orderdata.TransportCertificates(
            keys.authentication_der, keys.encryption_der, subscriber.partner_id, subscriber.user_id
        )
        return SendKeys(self, "HIA", orderdata.write_hia(sent, subscriber.version))

    def hpb(self) -> Hpb:
        """Fetch the bank's keys. The answer is unsigned: compare the fingerprints with the bank's letter."""
        return Hpb(self)

    def upload(
        self,
        service: Service,
        data: bytes,
        signatures: Sequence[OrderSignature],
        *,
        file_name: str = "",
        parameters: Mapping[str, str] = _NO_PARAMETERS,
        signature_flag: bool = True,
        request_eds: bool = False,
    ) -> Upload:
        """Send an order (BTU): exactly these bytes, with signatures made over ``order_digest(data)``.

        Without ``signature_flag`` the signatures only prove transport and the order is authorised outside EBICS; with
        ``request_eds`` signatures that are missing may be added at the bank.
        """
        details = OrderDetails(
            admin_type="BTU",
            service=service,
            signature_flag=signature_flag,
            request_eds=request_eds,
            file_name=file_name,
            parameters=parameters,
        )
        return Upload(self, details, data, signatures)

    def download(
        self,
        *,
        service: Service | None = None,
        admin_type: str = "BTD",
        start: date | None = None,
        end: date | None = None,
        parameters: Mapping[str, str] = _NO_PARAMETERS,
    ) -> Download:
        """Fetch data: of a service (BTD), or of an administrative type such as HAC, HTD, HPD or HAA."""
        if (service is None) == (admin_type == "BTD"):
            raise LocalProtocolError(
                "A download is for a service or for an administrative order type, and not both.",
                repair="Give service=… or admin_type=….",
            )
        if (start is None) != (end is None) or (start is not None and end is not None and start > end):
            raise LocalProtocolError(
                "A period needs a first and a last day, in this order.", repair="Give start=… and end=…, or neither."
            )
        details = OrderDetails(admin_type=admin_type, service=service, start=start, end=end, parameters=parameters)
        return Download(self, details)

    def _bank(self) -> BankKeys:
        if self.bank is None:
            raise LocalProtocolError(
                "The bank's keys are not known yet.",
                repair="Fetch them (HPB) and confirm their fingerprints with the bank's letter.",
            )
        return self.bank

    def _digest(self, certificate: bytes) -> bytes:
        if self.number_digests:
            return number_digest(public_key_of(certificate))
        return certificate_digest(certificate)


class Exchange(ABC, Generic[Result]):
    """One conversation with the bank."""

    def __init__(self, client: Client) -> None:
        self._client, self._version = client, client.subscriber.version
        self._waiting: bytes | None = None
        self._over = False

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
        subscriber = self._client.subscriber
        return Request(
            version=self._version,
            kind=kind,
            host_id=subscriber.host_id,
            partner_id=subscriber.partner_id,
            user_id=subscriber.user_id,
            product=self._client.product,
            details=details,
            nonce=b"" if kind is Kind.UNSECURED else secrets.token_bytes(16),
            timestamp=None if kind is Kind.UNSECURED else self._client.clock(),
        )

    def _signed(self, request: Request) -> bytes:
        root = write_request(request)
        authsignature.sign(root, self._client.keys.authentication_key)
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


def _read(root: etree._Element, version: EbicsVersion) -> Answer:
    try:
        return read_answer(root, version)
    except ValueError as error:
        raise RemoteProtocolError(
            "The bank's answer cannot be read.", cause=str(error), repair="Try again; if it stays so, tell the bank."
        ) from error


def _unfinished(what: str) -> LocalProtocolError:
    return LocalProtocolError(f"{what} is not known yet.", repair="Go on with request() and answer().")


class Hev(Exchange[Mapping[str, str]]):
    """HEV: ``result`` maps protocols to releases, such as ``{"H005": "03.00"}``."""

    _spoken: Mapping[str, str] | None = None

    @property
    def result(self) -> Mapping[str, str]:
        """Protocols and their releases."""
        if self._spoken is None:
            raise _unfinished("What the bank speaks")
        return self._spoken

    def _next(self) -> bytes:
        request = Request(version=self._version, kind=Kind.HEV, host_id=self._client.subscriber.host_id)
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
        answer = _read(root, self._version)
        self._check_codes(answer)
        self._use(answer)
        self._over = True

    @abstractmethod
    def _use(self, answer: Answer) -> None:
        """Use an answer that says all is well."""


class SendKeys(_KeyManagement[str]):
    """INI or HIA: ``result`` is the bank's order id, empty where it gives none."""

    def __init__(self, client: Client, admin_type: str, order_data: bytes) -> None:
        super().__init__(client)
        self._type, self._data = admin_type, order_data
        self._order_id: str | None = None

    @property
    def result(self) -> str:
        """The bank's order id."""
        if self._order_id is None:
            raise _unfinished("The order id")
        return self._order_id

    def _next(self) -> bytes:
        request = self._base(Kind.UNSECURED, OrderDetails(admin_type=self._type))
        content = b64encode(envelope.deflate(self._data)).decode("ascii")
        return serialise(write_request(replace(request, order_data=content)))

    def _use(self, answer: Answer) -> None:
        self._order_id = answer.order_id


class Hpb(_KeyManagement[BankKeys]):
    """HPB: ``result`` are the bank's certificates, not yet to be trusted."""

    _keys: BankKeys | None = None

    @property
    def result(self) -> BankKeys:
        """The bank's certificates."""
        if self._keys is None:
            raise _unfinished("The bank's keys")
        return self._keys

    def _next(self) -> bytes:
        return self._signed(self._base(Kind.NO_KEY_DIGESTS, OrderDetails(admin_type="HPB")))

    def _use(self, answer: Answer) -> None:
        if answer.encryption is None:
            raise RemoteProtocolError("The bank's answer holds no keys.", repair="Try again.")
        try:
            key = envelope.unwrap_key(answer.encryption.wrapped_key, self._client.keys.encryption_key)
            data = envelope.unseal(answer.order_data, key, DOCUMENT_LIMIT)
            sent = orderdata.read_hpb(data, self._version)
            public_key_of(sent.authentication), public_key_of(sent.encryption)
        except (EbicsError, HostileXml, ValueError) as error:
            raise RemoteProtocolError(
                "The bank's keys cannot be read.", cause=str(error), repair="Try again."
            ) from error
        if sent.host_id != self._client.subscriber.host_id:
            raise RemoteProtocolError(
                f"The keys are those of the host {sent.host_id!r}.", repair="Compare the host id with the contract."
            )
        self._keys = BankKeys(sent.authentication, sent.encryption)


class _Transaction(Exchange[Result]):
    """What uploads and downloads share: signed answers, a transaction id, phases."""

    def __init__(self, client: Client, details: OrderDetails) -> None:
        super().__init__(client)
        self._bank_keys, self._details = client._bank(), details
        self._phase = Phase.INITIALISATION
        self._transaction_id = b""

    @property
    def transaction_id(self) -> bytes:
        """16 bytes, given by the bank with its first answer; empty before."""
        return self._transaction_id

    def _opening(self) -> Request:
        digests = KeyDigests(
            authentication=self._client._digest(self._bank_keys.authentication),
            encryption=self._client._digest(self._bank_keys.encryption),
        )
        return replace(self._base(Kind.NORMAL, self._details), bank_digests=digests, phase=Phase.INITIALISATION)

    def _following(self, phase: Phase) -> Request:
        subscriber = self._client.subscriber
        return Request(
            version=self._version, host_id=subscriber.host_id, transaction_id=self._transaction_id, phase=phase
        )

    def _proved(self, root: etree._Element) -> Answer:
        if root.tag != self._version.tag(SIGNED_ANSWER):
            raise BankSignatureInvalid(f"The answer is {local(root)}, which carries no signature. {_claims(root)}")
        try:
            authsignature.verify(root, public_key_of(self._bank_keys.authentication))
        except authsignature.AuthSignatureInvalid as error:
            raise BankSignatureInvalid(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        answer = _read(root, self._version)
        if self._transaction_id and answer.transaction_id not in {b"", self._transaction_id}:
            raise RemoteProtocolError("The answer belongs to another transaction.", repair="Send the request again.")
        return answer

    def _check_step(self, answer: Answer, number: int) -> None:
        # A late copy of an earlier answer is genuine and yet not the answer to this request.
        segment = answer.segment_number if self._phase is not Phase.RECEIPT else None
        if answer.phase is not self._phase or segment not in {None, number}:
            raise RemoteProtocolError("The answer belongs to another request.", repair="Send the request again.")

    def _open(self, answer: Answer) -> None:
        if not answer.transaction_id:
            raise RemoteProtocolError("The bank opened no transaction.", repair="Try again.")
        self._transaction_id = answer.transaction_id


def _claims(root: etree._Element) -> str:
    try:
        answer = read_answer(root, H005)
    except ValueError:
        return ""
    return f"Without proof it says {answer.technical}/{answer.business} {answer.report}"


class Upload(_Transaction[str]):
    """An order on its way to the bank: ``result`` is the bank's order id, empty where it gives none."""

    def __init__(
        self, client: Client, details: OrderDetails, data: bytes, signatures: Sequence[OrderSignature]
    ) -> None:
        super().__init__(client, details)
        if not signatures:
            raise LocalProtocolError("An order without a signature cannot be sent.", repair="Sign it first.")
        self._digest = order_digest(data)
        self._key = envelope.new_key()
        self._segments = split(envelope.seal(data, self._key), client.segment_size)
        self._signatures = tuple(signatures)
        self._arrived, self._order_id = 0, ""
        self._recoveries, self._told = 0, -1

    @property
    def digest(self) -> bytes:
        """The order's 32-byte hash, which the bank's HAC names too."""
        return self._digest

    @property
    def segments(self) -> int:
        """How many segments there are."""
        return len(self._segments)

    @property
    def sent(self) -> int:
        """How many segments the bank has confirmed."""
        return self._arrived

    @property
    def result(self) -> str:
        """The bank's order id."""
        if self._arrived < len(self._segments):
            raise _unfinished("The order id")
        return self._order_id

    def _next(self) -> bytes:
        if self._phase is Phase.INITIALISATION:
            return self._signed(self._announcement())
        number = self._arrived + 1
        request = replace(
            self._following(Phase.TRANSFER),
            segment_number=number,
            last_segment=number == len(self._segments),
            order_data=self._segments[number - 1],
        )
        return self._signed(request)

    def _announcement(self) -> Request:
        receiver = self._bank_keys.encryption
        return replace(
            self._opening(),
            segments=len(self._segments),
            encryption=Encryption(
                receiver_digest=self._client._digest(receiver),
                wrapped_key=envelope.wrap_key(self._key, public_key_of(receiver)),
            ),
            signature_data=envelope.seal(write_signatures(self._signatures, self._version), self._key),
            data_digest=self._digest,
            signature_version=self._signatures[0].version,
        )

    def _take(self, root: etree._Element) -> None:
        answer = self._proved(root)
        if answer.technical == RECOVERY and self._phase is Phase.TRANSFER:
            self._recover(answer)
            return
        self._check_codes(answer)
        self._check_step(answer, self._arrived + 1)
        self._order_id = answer.order_id or self._order_id
        if self._phase is Phase.INITIALISATION:
            self._open(answer)
            self._phase = Phase.TRANSFER
            return
        self._arrived += 1
        self._over = self._arrived == len(self._segments)

    def _recover(self, answer: Answer) -> None:
        # The recovery point is the last segment the bank has (spec 3.0.2, 5.5.2.2), so the next one is due. A bank that
        # tells the same point again means the segment itself.
        self._recoveries += 1
        if self._recoveries > _RECOVERIES:
            self._refuse(answer.technical, answer.report, "technical")
        point = 0 if answer.phase is Phase.INITIALISATION else answer.segment_number or 0
        start = point - 1 if point == self._told else point
        self._told, self._arrived = point, min(max(start, 0), len(self._segments) - 1)


class Download(_Transaction[bytes | None]):
    """Data on their way from the bank: ``result`` are the data, or ``None`` where the bank has none.

    When ``data`` are whole ``request`` gives ``None``: keep them safe, call ``acknowledge``, and go on with ``request`` and
    ``answer`` for the receipt. Until the bank has the receipt it offers the data again.
    """

    def __init__(self, client: Client, details: OrderDetails) -> None:
        super().__init__(client, details)
        self._collector = Collector(_SEGMENT_COUNT_LIMIT)
        self._encryption: Encryption | None = None
        self._announced, self._recoveries = 0, 0
        self._data: bytes | None = None
        self._receipt: bool | None = None
        self._nothing = False

    @property
    def data(self) -> bytes | None:
        """The data once all segments are in; ``None`` before, and where the bank has none."""
        return self._data

    @property
    def segments(self) -> int:
        """How many segments the bank announced; 0 before it did."""
        return self._announced

    @property
    def received(self) -> int:
        """How many segments are in."""
        return self._collector.received

    @property
    def result(self) -> bytes | None:
        """The data, or ``None`` where the bank has none."""
        if self._data is None and not self._nothing:
            raise _unfinished("The data")
        return self._data

    def acknowledge(self, positive: bool) -> None:
        """Make the receipt the next request: ``True`` once the data are safe, ``False`` to have them offered again."""
        if self._phase is not Phase.RECEIPT or self._receipt is not None:
            raise LocalProtocolError("There is nothing to acknowledge now.")
        if positive and self._data is None:
            raise LocalProtocolError("Data that could not be opened cannot be acknowledged as received.")
        self._receipt = positive

    def _next(self) -> bytes | None:
        if self._phase is Phase.INITIALISATION:
            return self._signed(self._opening())
        if self._phase is Phase.TRANSFER:
            number = self._collector.received + 1
            step = replace(
                self._following(Phase.TRANSFER), segment_number=number, last_segment=number == self._announced
            )
            return self._signed(step)
        if self._receipt is None:
            return None
        return self._signed(replace(self._following(Phase.RECEIPT), receipt=0 if self._receipt else 1))

    def _take(self, root: etree._Element) -> None:
        answer = self._proved(root)
        if NO_DATA in {answer.business, answer.technical} and self._phase is Phase.INITIALISATION:
            self._nothing = self._over = True
            return
        if answer.technical == RECOVERY and self._phase is Phase.TRANSFER and self._recoveries < _RECOVERIES:
            self._recoveries += 1
            return
        self._check_codes(answer)
        self._check_step(answer, self._collector.received + 1)
        if self._phase is Phase.RECEIPT:
            self._over = True
            return
        if self._phase is Phase.INITIALISATION:
            self._start(answer)
        self._collector.add(self._collector.received + 1, answer.order_data, last=answer.last_segment)
        self._phase = Phase.TRANSFER
        if self._collector.complete:
            self._finish()

    def _start(self, answer: Answer) -> None:
        own = self._client.keys.encryption_der
        if answer.encryption is None:
            raise RemoteProtocolError("The bank sent no transaction key.", repair="Fetch again.")
        if answer.encryption.receiver_digest not in {certificate_digest(own), number_digest(public_key_of(own))}:
            raise RemoteProtocolError(
                "The bank encrypted the data for another key than this user's.",
                repair="Ask the bank which encryption key it holds for this user.",
            )
        self._open(answer)
        self._encryption, self._announced = answer.encryption, answer.segments or 1

    def _finish(self) -> None:
        self._phase, self._waiting = Phase.RECEIPT, None
        try:
            wrapped = b"" if self._encryption is None else self._encryption.wrapped_key
            key = envelope.unwrap_key(wrapped, self._client.keys.encryption_key)
            self._data = envelope.unseal(self._collector.content(), key, self._client.inflated_limit)
        except EbicsError as error:
            raise RemoteProtocolError(
                "The bank's data cannot be opened.",
                cause=str(error),
                repair="Acknowledge as not received; fetch again.",
            ) from error
