"""The bank's side of an upload: announcement, segments, and the whole order with its signatures (spec 3.0.2, 5.5)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import Lock

from electra_kernel.ebics import envelope
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.codes import RECOVERY
from electra_kernel.ebics.desk import DeskRefusal, Direction, TransactionRecord, Upload
from electra_kernel.ebics.documents import Answer, Encryption, OrderDetails, Phase, Request, base64_text
from electra_kernel.ebics.envelope import EnvelopeDamaged, TooLarge
from electra_kernel.ebics.gate import Gate
from electra_kernel.ebics.keychanges import KEY_CHANGES, take_change
from electra_kernel.ebics.signature import OrderSignature, order_digest, raw_digest
from electra_kernel.ebics.signers import check_signers, open_signatures
from electra_kernel.ebics.tree import binary
from electra_kernel.ebics.version import EbicsVersion
from electra_kernel.ebics.witness import Check, belongs_to, carries, checking

_UNDERRUN = "011101"
#: Characters of base64 that compression and encryption may add to an order that does not compress.
_ENVELOPE_ROOM = 2**20
#: Segments of an order that may be opened beside others.
_SMALL = 8
#: Lengths of DataDigest: of a hash; empty, and of a signature with a key of 2048 to 4096 bits, as some clients have it.
_DIGEST_BYTES = 32
_DIGESTS, _DIGESTS_TOLD = (_DIGEST_BYTES,), (0, _DIGEST_BYTES, *range(256, 513))


def _service_fields(service: Service | None) -> dict[str, str] | None:
    if service is None:
        return None
    return {name: str(getattr(service, name)) for name in Service.__slots__}


@dataclass(frozen=True, slots=True)
class _Announcement:
    """What the first request said, as it is kept between two requests."""

    admin_type: str
    service: Service | None
    signature_flag: bool
    request_eds: bool
    file_name: str
    parameters: dict[str, str]
    wrapped_key: bytes
    signatures: str
    digest: bytes
    order_id: str

    def as_json(self) -> str:
        """The announcement as the desk keeps it."""
        return json.dumps(
            {
                "admin_type": self.admin_type,
                "service": _service_fields(self.service),
                "signature_flag": self.signature_flag,
                "request_eds": self.request_eds,
                "file_name": self.file_name,
                "parameters": self.parameters,
                "wrapped_key": base64_text(self.wrapped_key),
                "signatures": self.signatures,
                "digest": self.digest.hex(),
                "order_id": self.order_id,
            }
        )


def _announcement(context: str) -> _Announcement:
    kept = json.loads(context)
    kept.setdefault("order_id", "")
    service = kept.pop("service")
    return _Announcement(
        service=None if service is None else Service(**service),
        wrapped_key=binary(kept.pop("wrapped_key")),
        digest=bytes.fromhex(kept.pop("digest")),
        **kept,
    )


def _locks() -> tuple[Lock, ...]:
    return tuple(Lock() for _ in range(64))


def _lock(locks: tuple[Lock, ...], name: bytes) -> Lock:
    return locks[sha256(name).digest()[0] % len(locks)]


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads at one gate. The locks keep apart what is sent at the same moment twice.

    A transaction takes one segment at a time: a client that died may have its last one under way in the bank while the
    next client goes on with it. Two copies of one order may come in two transactions. Large orders are opened one after
    the other, so that many clients need no more memory than one.
    """

    gate: Gate
    transactions: tuple[Lock, ...] = field(default_factory=_locks)
    orders: tuple[Lock, ...] = field(default_factory=_locks)
    large: Lock = field(default_factory=Lock)

    def open(self, request: Request, details: OrderDetails) -> Answer:
        """Take an announcement and open a transaction."""
        checking(Check.ANNOUNCEMENT)
        encryption, segments = self._check_announcement(request)
        checking(Check.DOUBLE)
        if request.data_digest and self.gate.desk.order_known(request.partner_id, request.data_digest):
            raise DeskRefusal("091122")
        kept = _Announcement(
            admin_type=details.admin_type,
            service=details.service,
            signature_flag=details.signature_flag,
            request_eds=details.request_eds,
            file_name=details.file_name,
            parameters=dict(details.parameters),
            wrapped_key=encryption.wrapped_key,
            signatures=request.signature_data,
            digest=request.data_digest if len(request.data_digest) == _DIGEST_BYTES else b"",
            # Given with the first answer already: there clients look for it (spec 3.0.2, 5.5.1.2).
            order_id=self.gate.desk.new_order_id(request.partner_id),
        )
        record = TransactionRecord(
            transaction_id=secrets.token_bytes(16),
            direction=Direction.UPLOAD,
            partner_id=request.partner_id,
            user_id=request.user_id,
            segments=segments,
            context=kept.as_json(),
            opened=self.gate.clock(),
        )
        belongs_to(record)
        self.gate.desk.open_transaction(record, {})
        return Answer(
            version=request.version,
            phase=Phase.INITIALISATION,
            transaction_id=record.transaction_id,
            order_id=kept.order_id,
        )

    def _check_announcement(self, request: Request) -> tuple[Encryption, int]:
        encryption, segments = request.encryption, request.segments
        if encryption is None or segments is None:
            raise DeskRefusal("091010", "An upload names its transaction key and its number of segments.")
        if not self.gate.names_key(encryption.receiver_digest, self.gate.keys.encryption_der, request.version):
            raise DeskRefusal("091008", "The data are encrypted for another key.")
        # Some clients put the signature there, or nothing. It is not what counts: the signatures are checked against the data.
        lengths = _DIGESTS if self.gate.strict else _DIGESTS_TOLD
        if request.version.data_digest and len(request.data_digest) not in lengths:
            raise DeskRefusal("091113", "DataDigest is the 32-byte hash of the order.")
        if segments < 1:
            raise DeskRefusal("091113", "An order has at least one segment.")
        if segments > self.gate.limits.segments:
            raise DeskRefusal("091118")
        return encryption, segments

    def take(self, request: Request, record: TransactionRecord) -> Answer:
        """Take a segment; with the last one, the order."""
        number = request.segment_number or 0
        answer = Answer(
            version=request.version,
            phase=Phase.TRANSFER,
            transaction_id=record.transaction_id,
            segment_number=number,
            last_segment=request.last_segment,
        )
        checking(Check.SEGMENT)
        self._check_segment(request, record, number)
        with _lock(self.transactions, record.transaction_id):
            if self.gate.desk.transaction(record.transaction_id) is None:
                raise DeskRefusal("091101")  # its last segment was still being worked on, and is done now
            return self._keep(request, record, answer, number)

    def _keep(self, request: Request, record: TransactionRecord, answer: Answer, number: int) -> Answer:
        if number > 1 and not self.gate.desk.arrived(record.transaction_id, number - 1):
            return self._recovery(answer, record)
        self.gate.desk.keep_segment(record.transaction_id, number, request.order_data)
        if not request.last_segment and number < record.segments:
            return answer
        order_id = self._finish(record, number, request.version)
        technical = _UNDERRUN if number < record.segments else "000000"
        return replace(answer, order_id=order_id, technical=technical)

    def _check_segment(self, request: Request, record: TransactionRecord, number: int) -> None:
        if number < 1 or not request.order_data:
            raise DeskRefusal("091113", "A transfer carries a numbered segment.")
        if number > record.segments:
            raise DeskRefusal("091104")
        if len(request.order_data) > self.gate.limits.segment:
            raise DeskRefusal("091009")

    def _recovery(self, answer: Answer, record: TransactionRecord) -> Answer:
        arrived = 0
        while self.gate.desk.arrived(record.transaction_id, arrived + 1):
            arrived += 1
        return replace(
            answer,
            technical=RECOVERY,
            phase=Phase.TRANSFER if arrived else Phase.INITIALISATION,
            segment_number=arrived or None,
            last_segment=False,
        )

    def _finish(self, record: TransactionRecord, count: int, version: EbicsVersion) -> str:
        # A bank that died after it had taken the order and before it closed the transaction is sent the last segment again.
        order_id = self.gate.desk.order_of(record.transaction_id)
        try:
            if order_id is None:
                with self.large if count > _SMALL else nullcontext():
                    order_id = self._receive(record, count, version)
        except DeskRefusal as refusal:
            self._tell(record, refusal)
            self.gate.desk.close_transaction(record.transaction_id)
            raise
        self.gate.desk.close_transaction(record.transaction_id)
        return order_id

    def _tell(self, record: TransactionRecord, refusal: DeskRefusal) -> None:
        announced = _announcement(record.context)
        whole = Upload(
            partner_id=record.partner_id,
            user_id=record.user_id,
            admin_type=announced.admin_type,
            service=announced.service,
            data=b"",
            digest=announced.digest,
            signers=(),
            signature_flag=announced.signature_flag,
            file_name=announced.file_name,
            order_id=announced.order_id,
        )
        self.gate.desk.refused(whole, refusal)

    def _receive(self, record: TransactionRecord, count: int, version: EbicsVersion) -> str:
        announced = _announcement(record.context)
        checking(Check.ENVELOPE)
        data, signatures = self._opened(record, announced, count, version)
        carries(data)
        checking(Check.DIGEST)
        digests = (order_digest(data), raw_digest(data))
        if announced.digest and announced.digest not in self.gate.hashes(digests):
            raise DeskRefusal("091301", "The order is not the one that was announced.")
        checking(Check.SIGNATURES)
        signers = check_signers(self.gate, record.partner_id, signatures, digests)
        if announced.admin_type in KEY_CHANGES:
            return take_change(self.gate, record, announced.admin_type, data, signers, version, announced.order_id)
        upload = Upload(
            partner_id=record.partner_id,
            user_id=record.user_id,
            admin_type=announced.admin_type,
            service=announced.service,
            data=data,
            digest=announced.digest or digests[0],
            signers=signers,
            signature_flag=announced.signature_flag,
            request_eds=announced.request_eds,
            file_name=announced.file_name,
            parameters=announced.parameters,
            order_id=announced.order_id,
        )
        with _lock(self.orders, record.partner_id.encode() + digests[0]):
            checking(Check.DOUBLE)
            if any(self.gate.desk.order_known(record.partner_id, digest) for digest in digests):
                raise DeskRefusal("091122")
            checking(Check.DESK)
            return self.gate.desk.receive(upload, record.transaction_id)

    def _opened(
        self, record: TransactionRecord, announced: _Announcement, count: int, version: EbicsVersion
    ) -> tuple[bytes, tuple[OrderSignature, ...]]:
        try:
            key = envelope.unwrap_key(announced.wrapped_key, self.gate.keys.encryption_key)
            data = envelope.unseal(self._segments(record, count), key, self.gate.limits.order_data)
        except TooLarge as error:
            raise DeskRefusal("091117") from error
        except EnvelopeDamaged as error:
            raise DeskRefusal("090004", error.cause) from error
        if not announced.signatures:
            return data, ()
        return data, open_signatures(self.gate, announced.signatures, key, version)

    def _segments(self, record: TransactionRecord, count: int) -> Iterator[str]:
        """The segments one by one; a missing one leaves a gap that no envelope survives."""
        room = self.gate.limits.order_data * 4 // 3 + _ENVELOPE_ROOM
        for number in range(1, count + 1):
            text = self.gate.desk.segment(record.transaction_id, number) or ""
            room -= len(text)
            if room < 0:
                raise DeskRefusal("091117", "The segments hold more than an order may have.")
            yield text
