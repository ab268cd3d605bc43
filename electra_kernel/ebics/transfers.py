"""Uploads and downloads as the client sees them: announced, cut into segments, resumed, proved (spec 3.0.2, chapter 5)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from typing import BinaryIO

from lxml import etree

from electra_kernel.ebics import authsignature, envelope
from electra_kernel.ebics.codes import NO_DATA, RECOVERY
from electra_kernel.ebics.documents import Answer, Encryption, KeyDigests, Kind, OrderDetails, Phase, Request
from electra_kernel.ebics.errors import BankSignatureInvalid, EbicsError, LocalProtocolError, RemoteProtocolError
from electra_kernel.ebics.exchange import Exchange, Result, read_proved, unfinished
from electra_kernel.ebics.keys import certificate_digest, number_digest, public_key_of
from electra_kernel.ebics.responses import SIGNED_ANSWER, read_answer
from electra_kernel.ebics.segments import Counter, Outgoing
from electra_kernel.ebics.session import Session
from electra_kernel.ebics.signature import OrderSignature, order_digest, write_signatures
from electra_kernel.ebics.tree import local
from electra_kernel.ebics.version import EbicsVersion

_RECOVERIES = 5
_SEGMENT_COUNT_LIMIT = 10_000


class _Transaction(Exchange[Result]):
    """What uploads and downloads share: signed answers, a transaction id, phases."""

    def __init__(self, session: Session, details: OrderDetails) -> None:
        super().__init__(session)
        self._bank_keys, self._details = session.known_bank(), details
        self._phase = Phase.INITIALISATION
        self._transaction_id = b""

    @property
    def transaction_id(self) -> bytes:
        """16 bytes, given by the bank with its first answer; empty before."""
        return self._transaction_id

    def _opening(self) -> Request:
        digests = KeyDigests(
            authentication=self._session.key_name(self._bank_keys.authentication),
            encryption=self._session.key_name(self._bank_keys.encryption),
        )
        return replace(self._base(Kind.NORMAL, self._details), bank_digests=digests, phase=Phase.INITIALISATION)

    def _following(self, phase: Phase) -> Request:
        subscriber = self._session.subscriber
        return Request(
            version=self._version, host_id=subscriber.host_id, transaction_id=self._transaction_id, phase=phase
        )

    def _proved(self, root: etree._Element) -> Answer:
        if root.tag != self._version.tag(SIGNED_ANSWER):
            raise BankSignatureInvalid(
                f"The answer is {local(root)}, which carries no signature. {_claims(root, self._version)}"
            )
        try:
            authsignature.verify(root, public_key_of(self._bank_keys.authentication))
        except authsignature.AuthSignatureInvalid as error:
            raise BankSignatureInvalid(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        answer = read_proved(root, self._version)
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


def _claims(root: etree._Element, version: EbicsVersion) -> str:
    try:
        answer = read_answer(root, version)
    except ValueError:
        return ""
    return f"Without proof it says {answer.technical}/{answer.business} {answer.report}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """An upload under way, as it is kept: no secret, for the transaction key is not needed once the order is announced.

    Attributes:
        transaction_id: 16 bytes in hexadecimal, given by the bank.
        digest: the order's hash in hexadecimal.
        segments: how many there are; segment_size: characters of base64 in each.
        arrived: how many the bank has confirmed.
        order_id: given by the bank, empty where it gives none.
    """

    transaction_id: str
    digest: str
    segments: int
    segment_size: int
    arrived: int = 0
    order_id: str = ""

    def as_json(self) -> str:
        """For a file."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> UploadState:
        """The reverse.

        Raises:
            ValueError: it is no such text.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from error


class Upload(_Transaction[str]):
    """An order on its way to the bank: ``result`` is the bank's order id, empty where it gives none."""

    def __init__(
        self,
        session: Session,
        details: OrderDetails,
        data: bytes,
        signatures: Sequence[OrderSignature],
        file: BinaryIO | None = None,
    ) -> None:
        super().__init__(session, details)
        if not signatures:
            raise LocalProtocolError("An order without a signature cannot be sent.", repair="Sign it first.")
        self._digest = order_digest(data)
        self._key = envelope.new_key()
        self._segments = Outgoing(file or BytesIO(), session.segment_size)
        self._segments.fill(envelope.sealed(data, self._key))
        self._signatures = tuple(signatures)
        self._arrived, self._order_id = 0, ""
        self._recoveries, self._told = 0, -1

    @classmethod
    def resumed(cls, session: Session, kept: UploadState, file: BinaryIO) -> Upload:
        """Go on with an upload that was announced before, perhaps by another process.

        Args:
            kept: what ``state`` was after the announcement, or later.
            file: the sealed order, as the upload wrote it.

        Raises:
            LocalProtocolError: the file is not the one that belongs to it.
        """
        upload = cls.__new__(cls)
        _Transaction.__init__(upload, session, OrderDetails(admin_type=""))
        upload._digest, upload._key, upload._signatures = bytes.fromhex(kept.digest), b"", ()
        upload._segments = Outgoing(file, kept.segment_size)
        if len(upload._segments) != kept.segments:
            raise LocalProtocolError("The sealed order is not whole any more.", repair="Send the order anew.")
        upload._arrived, upload._order_id = min(kept.arrived, kept.segments - 1), kept.order_id
        upload._recoveries, upload._told = 0, -1
        upload._transaction_id, upload._phase = bytes.fromhex(kept.transaction_id), Phase.TRANSFER
        return upload

    @property
    def state(self) -> UploadState | None:
        """What it takes to go on with this upload later, beside its file; ``None`` before the bank took the announcement."""
        if not self._transaction_id:
            return None
        return UploadState(
            transaction_id=self._transaction_id.hex(),
            digest=self._digest.hex(),
            segments=len(self._segments),
            segment_size=self._session.segment_size,
            arrived=self._arrived,
            order_id=self._order_id,
        )

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
    def progress(self) -> tuple[int, int]:
        """Segments the bank has confirmed, and all."""
        return self._arrived, len(self._segments)

    @property
    def result(self) -> str:
        """The bank's order id."""
        if self._arrived < len(self._segments):
            raise unfinished("The order id")
        return self._order_id

    def _next(self) -> bytes:
        if self._phase is Phase.INITIALISATION:
            return self._signed(self._announcement())
        number = self._arrived + 1
        request = replace(
            self._following(Phase.TRANSFER),
            segment_number=number,
            last_segment=number == len(self._segments),
            order_data=self._segments[number],
        )
        return self._signed(request)

    def _announcement(self) -> Request:
        receiver = self._bank_keys.encryption
        return replace(
            self._opening(),
            segments=len(self._segments),
            encryption=Encryption(
                receiver_digest=self._session.key_name(receiver),
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

    def __init__(self, session: Session, details: OrderDetails) -> None:
        super().__init__(session, details)
        self._counter = Counter(_SEGMENT_COUNT_LIMIT)
        self._opener: envelope.Opener | None = None
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
        return self._counter.received

    @property
    def progress(self) -> tuple[int, int]:
        """Segments that are in, and how many the bank announced."""
        return self._counter.received, self._announced

    @property
    def result(self) -> bytes | None:
        """The data, or ``None`` where the bank has none."""
        if self._data is None and not self._nothing:
            raise unfinished("The data")
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
            number = self._counter.received + 1
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
        self._check_step(answer, self._counter.received + 1)
        if self._phase is Phase.RECEIPT:
            self._over = True
            return
        encryption = self._encryption_of(answer) if self._phase is Phase.INITIALISATION else None
        self._counter.add(self._counter.received + 1, answer.order_data, last=answer.last_segment)
        try:
            if encryption is not None:
                self._open(answer)
                self._phase, self._announced = Phase.TRANSFER, answer.segments or 1
                key = envelope.unwrap_key(encryption.wrapped_key, self._session.keys.encryption_key)
                self._opener = envelope.Opener(key, self._session.inflated_limit)
            self._unseal(answer)
        except EbicsError as error:
            # No use in fetching the rest. What was opened so far is let go.
            self._phase, self._waiting, self._opener = Phase.RECEIPT, None, None
            raise RemoteProtocolError(
                "The bank's data cannot be opened.",
                cause=str(error),
                repair="Acknowledge as not received; fetch again.",
            ) from error

    def _unseal(self, answer: Answer) -> None:
        if self._opener is None:
            raise LocalProtocolError("There is no key for this segment.")
        self._opener.add(answer.order_data)
        if self._counter.complete:
            self._data, self._opener = self._opener.finish(), None
            self._phase = Phase.RECEIPT

    def _encryption_of(self, answer: Answer) -> Encryption:
        own = self._session.keys.encryption_der
        if answer.encryption is None:
            raise RemoteProtocolError("The bank sent no transaction key.", repair="Fetch again.")
        if answer.encryption.receiver_digest not in {certificate_digest(own), number_digest(public_key_of(own))}:
            raise RemoteProtocolError(
                "The bank encrypted the data for another key than this user's.",
                repair="Ask the bank which encryption key it holds for this user.",
            )
        if not answer.transaction_id:
            raise RemoteProtocolError("The bank opened no transaction.", repair="Try again.")
        return answer.encryption
