"""What the protocol engine of the bank asks of the bank behind it: plain data and one Protocol.

The engine (``server``) proves who speaks and that a document is whole; the desk knows users, rights, orders and files
and keeps all state. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.edsparams import EdsParams
from electra_kernel.ebics.version import H005, EbicsVersion


class UserState(StrEnum):
    """States of a subscriber at the bank (spec 3.0.2, 4.4).

    Who suspended the access himself (SPR) may send new keys at once; who was locked by the bank is reset by the bank first.
    """

    NEW = "new"
    INI = "ini-received"
    HIA = "hia-received"
    INITIALISED = "initialised"
    READY = "ready"
    SUSPENDED = "suspended"
    LOCKED = "locked"


class KeyUse(StrEnum):
    """What a subscriber's certificate is for."""

    SIGNATURE = "signature"
    AUTHENTICATION = "authentication"
    ENCRYPTION = "encryption"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankUser:
    """A subscriber as the bank knows it.

    ``certificates`` holds X.509 DER by use, or the bare key where it came without one (EBICS 2.5); absent where not yet sent.
    """

    partner_id: str
    user_id: str
    state: UserState
    certificates: Mapping[KeyUse, bytes] = field(default_factory=dict)
    signature_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An order whose data are whole and whose signatures were verified by the engine.

    ``digest`` is the 32-byte order hash (CR, LF and Ctrl-Z removed, or raw where the client hashed so).
    ``signers`` are (partner id, user id) in the order of their signatures; empty where the client sent none.
    ``signature_flag`` tells whether the client wants the signatures to authorise; ``request_eds`` whether missing
    signatures may be added later.
    """

    partner_id: str
    user_id: str
    admin_type: str
    service: Service | None
    data: bytes
    digest: bytes
    signers: tuple[tuple[str, str], ...]
    signature_flag: bool
    request_eds: bool = False
    file_name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadRequest:
    """What a subscriber asks for: an administrative type (HAC, HTD, HPD, HAA …) or ``BTD`` with a service.

    ``version`` is the one the subscriber speaks: administrative data differ in form.

    ``eds`` is there for HVU, HVZ, HVD and HVT; with HVD and HVT ``service`` is the one of the order asked about.
    """

    partner_id: str
    user_id: str
    admin_type: str
    service: Service | None = None
    start: date | None = None
    end: date | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    eds: EdsParams | None = None
    version: EbicsVersion = H005


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verified signature over a waiting order: one more that authorises it (HVE), or the word to give it up (HVS).

    ``digest`` is the hash the signature was made over. The signer may belong to another customer than the order
    (``eds.partner_id``).
    """

    partner_id: str
    user_id: str
    admin_type: str
    service: Service | None
    eds: EdsParams
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Order data for a download. ``token`` comes back with the receipt, so that the desk knows what was fetched.

    Large ``data`` come in pieces, so that they are never held as a whole.
    """

    data: bytes | Iterable[bytes]
    token: str


class Direction(StrEnum):
    """Which way the order data go."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionRecord:
    """An open EBICS transaction as the desk keeps it between two requests.

    ``context`` is the engine's own JSON text (order details, transaction key wrapped, signatures …): the desk stores it
    and gives it back untouched. Segments are base64 text as received or to be sent, numbered from 1.
    """

    transaction_id: bytes
    direction: Direction
    partner_id: str
    user_id: str
    segments: int
    context: str
    opened: datetime


class DeskRefusal(Exception):
    """The desk refuses; ``code`` is a six-digit EBICS return code such as ``090003``, ``text`` says why in words.

    ``reason`` is the code for the customer protocol (HAC) where it says more than the return code.
    """

    def __init__(self, code: str, text: str = "", *, reason: str = "") -> None:
        self.code, self.text, self.reason = code, text, reason
        super().__init__(f"{code} {text}".strip())


class Desk(Protocol):
    """The bank behind the engine. Every method that refuses raises ``DeskRefusal``."""

    def user(self, partner_id: str, user_id: str) -> BankUser | None:
        """The subscriber, or ``None`` where the bank does not know it."""

    def newcomer(self, partner_id: str, user_id: str) -> BankUser | None:
        """The subscriber that sends its first keys; a bank that admits everybody enrols it now."""

    def keep_certificates(
        self, partner_id: str, user_id: str, certificates: Mapping[KeyUse, bytes], signature_version: str = ""
    ) -> str:
        """Keep what INI or HIA brought, move the user's state on, and return the order id."""

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
        """Put what a ready user sent by PUB, HCA or HCS (``kind``) in the place of the old keys; they count at once."""

    def suspend(self, partner_id: str, user_id: str) -> str:
        """Suspend a ready user at its own wish (SPR), and return the order id. INI and HIA may follow."""

    def remember_nonce(self, nonce: bytes, timestamp: datetime) -> bool:
        """Remember a request's nonce; ``False`` where it was seen before."""

    def may(self, partner_id: str, user_id: str, admin_type: str, service: Service | None) -> None:
        """Pass, or refuse: 091005/091006 unknown or unsupported order type, 090003 no right to it."""

    def new_order_id(self, partner_id: str) -> str:
        """An order id that was never given to this partner: announced with an upload, and the order's own later."""

    def order_known(self, partner_id: str, digest: bytes) -> bool:
        """Whether an order with this hash arrived before (double-upload control, 091122)."""

    def order_of(self, transaction_id: bytes) -> str | None:
        """The id of the order that came in this transaction; ``None`` where none was taken from it."""

    def receive(self, upload: Upload, transaction_id: bytes) -> str:
        """Take a whole, verified order and return its order id. Called once per transaction."""

    def refused(self, upload: Upload, refusal: DeskRefusal) -> None:
        """Tell in the customer protocol of an upload that came in whole and was refused; ``upload`` is without its data.

        Does nothing where the protocol tells of that order already.
        """

    def waiting_digests(
        self, partner_id: str, user_id: str, service: Service | None, eds: EdsParams
    ) -> tuple[bytes, bytes]:
        """The hashes over which this user may sign a waiting order: without CR, LF and Ctrl-Z, and of all bytes.

        Refuses with 091114 where no such order waits, 091115 where it is final, 090003 without a right to sign it.
        """

    def decide(self, decision: Decision) -> str:
        """Add a signature to a waiting order, or cancel it, and return the id of this step.

        Refuses with 090003 (no right), 091306 (signed before), 091114, 091115, 091301 (another hash).
        """

    def deliver(self, request: DownloadRequest) -> Delivery:
        """The data asked for; refuses with 090005 where there is none."""

    def receipt(self, token: str, *, positive: bool) -> None:
        """The client has (or has not) the delivery safe."""

    def open_transaction(self, record: TransactionRecord, segments: Mapping[int, str]) -> None:
        """Keep a new transaction with the segments known so far (all of a download, none of an upload)."""

    def transaction(self, transaction_id: bytes) -> TransactionRecord | None:
        """An open transaction, or ``None``."""

    def keep_segment(self, transaction_id: bytes, number: int, text: str) -> None:
        """Keep one segment of an open transaction."""

    def count_segments(self, transaction_id: bytes, segments: int) -> None:
        """Put right how many segments a transaction has, which was opened before the last one was made."""

    def arrived(self, transaction_id: bytes, number: int) -> bool:
        """Whether this segment of a transaction is here."""

    def segment(self, transaction_id: bytes, number: int) -> str | None:
        """One segment of a transaction, or ``None`` where it has not arrived."""

    def close_transaction(self, transaction_id: bytes) -> None:
        """Forget a transaction and its segments."""
