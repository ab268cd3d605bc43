"""A bank of dictionaries and a client with real keys, for tests of the EBICS room. Keys are made once per run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import shake_256

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.client import Client, Exchange, Subscriber
from electra_kernel.ebics.client import Upload as UploadExchange
from electra_kernel.ebics.desk import (
    BankUser,
    Delivery,
    DeskRefusal,
    DownloadRequest,
    KeyUse,
    TransactionRecord,
    Upload,
    UserState,
)
from electra_kernel.ebics.keys import BankKeys, TransportKeys, certificate_der, certificate_for, generate_key
from electra_kernel.ebics.ordertypes import business_of, code_of
from electra_kernel.ebics.server import Limits, Server
from electra_kernel.ebics.signature import OrderSignature, order_digest
from electra_kernel.ebics.version import H005, EbicsVersion
from tests.shared import SHARED

HOST, PARTNER, USER, SECOND = "ELECTRABANK", "PARTNER1", "ANNA", "BELA"
PAYMENTS = Service(name="SCT", message="pain.001", scope="HU")
STATEMENTS = Service(name="EOP", message="camt.053", scope="HU", container="ZIP", version="08")
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


#: The version the client of these tests speaks; a test file that runs in every version sets it by ``speak``.
_SPOKEN = [H005]


def speak(version: EbicsVersion) -> EbicsVersion:
    """Make every client of these tests speak this version from now on."""
    _SPOKEN[0] = version
    return version


def spoken() -> EbicsVersion:
    """The version that is spoken now."""
    return _SPOKEN[0]


def as_seen(service: Service) -> Service:
    """A service as the other side sees it: EBICS 2.5 has an order type for it, which says less."""
    if spoken().services:
        return service
    code = code_of("BTU" if service.message.startswith("pain.001") else "BTD", service)
    known = None if code is None else business_of(code)
    assert known is not None
    return known.service


def clock() -> datetime:
    """The one time of these tests."""
    return NOW


def noise(size: int) -> bytes:
    """Bytes that do not compress, the same in every run."""
    return shake_256(b"noise").digest(size)


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    """A 2048-bit key, one per name and run."""
    return generate_key(2048)


@cache
def certificate(name: str, use: KeyUse) -> bytes:
    """DER of a self-signed certificate of the key called ``name``."""
    return certificate_der(certificate_for(key(name), use, common_name=name, not_before=NOW))


@cache
def transport_keys(name: str) -> TransportKeys:
    """X002 and E002 of a bank or a user."""
    authentication, encryption = key(f"{name}-x"), key(f"{name}-e")
    return TransportKeys(
        authentication,
        certificate_for(authentication, KeyUse.AUTHENTICATION, common_name=name, not_before=NOW),
        encryption,
        certificate_for(encryption, KeyUse.ENCRYPTION, common_name=name, not_before=NOW),
    )


def bank_keys() -> BankKeys:
    """The bank's certificates, as a client has them after HPB."""
    keys = transport_keys("bank")
    return BankKeys(keys.authentication_der, keys.encryption_der)


def signature(data: bytes, user: str = USER, scheme: str = "A006", *, digest: bytes | None = None) -> OrderSignature:
    """A user's electronic signature over an order."""
    own, message = key(f"{user}-a"), digest or order_digest(data)
    if scheme == "A006":
        value = own.sign(message, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    else:
        value = own.sign(message, padding.PKCS1v15(), Prehashed(SHA256()))
    return OrderSignature(scheme, value, PARTNER, user)


def ready_user(user: str = USER) -> BankUser:
    """A user the bank has activated."""
    keys = transport_keys(user)
    return BankUser(
        partner_id=PARTNER,
        user_id=user,
        state=UserState.READY,
        certificates={
            KeyUse.SIGNATURE: certificate(f"{user}-a", KeyUse.SIGNATURE),
            KeyUse.AUTHENTICATION: keys.authentication_der,
            KeyUse.ENCRYPTION: keys.encryption_der,
        },
        signature_version="A006",
    )


@dataclass
class DictDesk:
    """A bank's desk over dictionaries."""

    users: dict[tuple[str, str], BankUser] = field(default_factory=dict)
    orders: list[Upload] = field(default_factory=list)
    taken: dict[bytes, str] = field(default_factory=dict)
    mail: dict[str, bytes] = field(default_factory=dict)
    receipts: list[tuple[str, bool]] = field(default_factory=list)
    asked: list[DownloadRequest] = field(default_factory=list)
    forbidden: dict[str, str] = field(default_factory=dict)
    nonces: set[bytes] = field(default_factory=set)
    told: list[tuple[str, str]] = field(default_factory=list)
    records: dict[bytes, TransactionRecord] = field(default_factory=dict)
    parts: dict[bytes, dict[int, str]] = field(default_factory=dict)

    def user(self, partner_id: str, user_id: str) -> BankUser | None:
        return self.users.get((partner_id, user_id))

    def newcomer(self, partner_id: str, user_id: str) -> BankUser | None:
        return self.user(partner_id, user_id)

    def keep_certificates(
        self, partner_id: str, user_id: str, certificates: Mapping[KeyUse, bytes], signature_version: str = ""
    ) -> str:
        old = self.users[partner_id, user_id]
        held = {} if old.state is UserState.SUSPENDED else old.certificates
        came = UserState.INI if KeyUse.SIGNATURE in certificates else UserState.HIA
        self.users[partner_id, user_id] = replace(
            old,
            state=UserState.INITIALISED if len({**held, **certificates}) == len(KeyUse) else came,
            certificates={**held, **certificates},
            signature_version=signature_version or old.signature_version,
        )
        return "A001" if KeyUse.SIGNATURE in certificates else "A002"

    def change_keys(
        self,
        partner_id: str,
        user_id: str,
        kind: str,
        keys: Mapping[KeyUse, bytes],
        signature_version: str = "",
        *,
        order_id: str,
    ) -> None:
        old = self.users[partner_id, user_id]
        version = signature_version or old.signature_version
        self.users[partner_id, user_id] = replace(
            old, certificates={**old.certificates, **keys}, signature_version=version
        )

    def suspend(self, partner_id: str, user_id: str) -> str:
        self.users[partner_id, user_id] = replace(self.users[partner_id, user_id], state=UserState.SUSPENDED)
        return "A009"

    def activate(self, user: str = USER) -> None:
        self.users[PARTNER, user] = replace(self.users[PARTNER, user], state=UserState.READY)

    def remember_nonce(self, nonce: bytes, timestamp: datetime) -> bool:
        fresh = nonce not in self.nonces
        self.nonces.add(nonce)
        return fresh

    def may(self, partner_id: str, user_id: str, admin_type: str, service: Service | None) -> None:
        wanted = admin_type if service is None else service.name
        if wanted in self.forbidden:
            raise DeskRefusal(self.forbidden[wanted])

    def new_order_id(self, partner_id: str) -> str:
        return f"U{len(self.orders) + 1:03d}"

    def refused(self, upload: Upload, refusal: DeskRefusal) -> None:
        self.told.append((upload.order_id, refusal.code))

    def order_known(self, partner_id: str, digest: bytes) -> bool:
        return any(order.partner_id == partner_id and order.digest == digest for order in self.orders)

    def order_of(self, transaction_id: bytes) -> str | None:
        return self.taken.get(transaction_id)

    def receive(self, upload: Upload, transaction_id: bytes) -> str:
        self.orders.append(upload)
        self.taken[transaction_id] = f"U{len(self.orders):03d}"
        return self.taken[transaction_id]

    def deliver(self, request: DownloadRequest) -> Delivery:
        self.asked.append(request)
        wanted = request.admin_type if request.service is None else request.service.name
        if wanted not in self.mail:
            raise DeskRefusal("090005")
        return Delivery(data=self.mail[wanted], token=wanted)

    def receipt(self, token: str, *, positive: bool) -> None:
        self.receipts.append((token, positive))
        if positive:
            self.mail.pop(token, None)

    def open_transaction(self, record: TransactionRecord, segments: Mapping[int, str]) -> None:
        self.records[record.transaction_id], self.parts[record.transaction_id] = record, dict(segments)

    def transaction(self, transaction_id: bytes) -> TransactionRecord | None:
        return self.records.get(transaction_id)

    def keep_segment(self, transaction_id: bytes, number: int, text: str) -> None:
        self.parts[transaction_id][number] = text

    def segment(self, transaction_id: bytes, number: int) -> str | None:
        return self.parts[transaction_id].get(number)

    def count_segments(self, transaction_id: bytes, segments: int) -> None:
        self.records[transaction_id] = replace(self.records[transaction_id], segments=segments)

    def arrived(self, transaction_id: bytes, number: int) -> bool:
        return number in self.parts[transaction_id]

    def close_transaction(self, transaction_id: bytes) -> None:
        self.records.pop(transaction_id, None)
        self.parts.pop(transaction_id, None)


def open_desk(*users: str) -> DictDesk:
    """A desk that knows these users (ANNA where none is named), all active."""
    return DictDesk(users={(PARTNER, user): ready_user(user) for user in users or (USER,)})


def new_desk() -> DictDesk:
    """A desk that knows ANNA by name only: no keys, not active."""
    return DictDesk(users={(PARTNER, USER): BankUser(partner_id=PARTNER, user_id=USER, state=UserState.NEW)})


def server(
    desk: DictDesk, *, limits: Limits | None = None, strict: bool = False, at: Callable[[], datetime] = clock
) -> Server:
    """The bank's engine over a desk."""
    return Server(HOST, transport_keys("bank"), desk, at, limits=limits, strict=strict)


def client(user: str = USER, *, segment_size: int = 400, bank: BankKeys | None = None, **options: bool) -> Client:
    """A client that knows the bank's keys. Small segments, so that small data have many."""
    return Client(
        Subscriber(HOST, PARTNER, user, spoken()),
        transport_keys(user),
        bank or bank_keys(),
        clock,
        segment_size=segment_size,
        number_digests=options.get("number_digests", False),
        certificates=options.get("certificates", False),
    )


def upload(data: bytes, *users: str, scheme: str = "A006", segment_size: int = 400) -> UploadExchange:
    """An upload of ``data`` signed by these users (ANNA where none is named), sent by ANNA."""
    signatures = [signature(data, user, scheme) for user in users or (USER,)]
    return client(segment_size=segment_size).upload(PAYMENTS, data, signatures)


def run(exchange: Exchange[object], bank: Server, seen: list[bytes] | None = None) -> None:
    """Carry every document there and back; ``seen`` collects them all."""
    while (request := exchange.request()) is not None:
        answer = bank.handle(request)
        if seen is not None:
            seen += [request, answer]
        exchange.answer(answer)


@cache
def schema(path: str) -> etree.XMLSchema:
    """One of the published schemas, by its path below ``schemas``."""
    return etree.XMLSchema(etree.parse(str(SHARED / "schemas" / path), etree.XMLParser(no_network=True)))


#: The published schema of each namespace that is sent.
SCHEMAS = {
    "urn:org:ebics:H004": "ebics/H004/ebics_H004.xsd",
    "urn:org:ebics:H005": "ebics/H005/ebics_H005.xsd",
    "http://www.ebics.org/S001": "ebics/S001/ebics_signature.xsd",
    "http://www.ebics.org/S002": "ebics/S002/ebics_signature_S002.xsd",
    "http://www.ebics.org/H000": "ebics/H000/ebics_hev.xsd",
    "urn:iso:std:iso:20022:tech:xsd:pain.002.001.03": "iso20022/pain.002.001.03.xsd",
}


def schema_errors(document: bytes) -> list[str]:
    """What the published schema of this document's namespace finds wrong with it."""
    root = etree.fromstring(document)
    path = SCHEMAS[etree.QName(root).namespace or ""]
    checker = schema(path)
    checker.validate(root)
    return [f"{each.line}: {each.message}" for each in checker.error_log]
