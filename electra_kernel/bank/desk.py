"""The desk behind the EBICS engine: users, rights, orders, files to fetch, and the state between two requests.

What may live here: ``electra_kernel.ebics.desk.Desk`` over the bank's database. Whose keys and rights count is in
``subscribers``, how an order is taken in ``reception``, what a download brings in ``handout``.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from electra_kernel.bank import (
    handout,
    information,
    notifications,
    orderdata,
    payments,
    people,
    reception,
    statements,
    subscribers,
    waiting,
)
from electra_kernel.bank.clock import bank_now
from electra_kernel.bank.database import Database, deliveries, events, get_fact, nonces, users
from electra_kernel.bank.reports import Protocol, record, service_row
from electra_kernel.bank.seed import enrol
from electra_kernel.bank.transactions import Transactions, Waiting, content, zipped
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.desk import (
    BankUser,
    Decision,
    Delivery,
    DeskRefusal,
    DownloadRequest,
    KeyUse,
    Upload,
    UserState,
)
from electra_kernel.ebics.edsparams import LISTS, LOOKS, EdsParams
from electra_kernel.ebics.signature import order_digest, raw_digest
from electra_kernel.formats import pain001
from electra_kernel.formats.base import Reading
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError

#: How long a nonce is remembered; a request with an older timestamp cannot be told from a repeated one.
_NONCE_RETENTION = timedelta(hours=24)
_DELIVERY_LIFE = timedelta(days=2)
#: The customer protocol as values and as text.
_PROTOCOLS = frozenset({"HAC", "PTK"})
_USER_ID = re.compile(r"[a-zA-Z0-9,=]{1,35}")
#: EBICS reasons of the protocol for return codes of orders that never reached a clerk (spec 3.0.2, HAC).
_REFUSAL_REASONS = {
    "090004": "DS09",
    "091111": "DS0B",
    "091117": "DS08",
    "091120": "DS14",
    "091122": "DS18",
    "091301": "DS0B",
    "091304": "DS14",
    "091305": "DS0D",
    "091306": "DS26",
}


class BankDesk(Transactions):
    """The sandbox bank as the EBICS engine sees it.

    Args:
        clock: real time, for nonces, time limits and the customer protocol; the bank's business date is in the database.
        admit: enrol any user id of the partner, and activate a user as soon as the keys have arrived.
    """

    def __init__(self, database: Database, clock: Clock, *, admit: bool = False) -> None:
        super().__init__(database, clock)
        self._admit = admit

    # ------------------------------------------------------------------------------------------------- users
    def user(self, partner_id: str, user_id: str) -> BankUser | None:
        """The subscriber, or ``None``."""
        with self._database.read() as connection:
            return subscribers.read_user(connection, partner_id, user_id)

    def newcomer(self, partner_id: str, user_id: str) -> BankUser | None:
        """The subscriber that sends its first keys, enrolled now where the bank admits everybody."""
        with self._database.read() as connection:
            found = subscribers.read_user(connection, partner_id, user_id)
            known_partner = partner_id == get_fact(connection, "partner")
        if found is None and self._admit and known_partner and _USER_ID.fullmatch(user_id):
            with self._database.write() as connection:
                found = subscribers.read_user(connection, partner_id, user_id)
                if found is None:
                    enrol(connection, partner_id, user_id, user_id)
                    found = subscribers.read_user(connection, partner_id, user_id)
        return found

    def keep_certificates(
        self, partner_id: str, user_id: str, keys: Mapping[KeyUse, bytes], signature_version: str = ""
    ) -> str:
        """Keep what INI, HIA or H3K brought and move the user's state on."""
        with self._database.write() as connection:
            user = subscribers.read_user(connection, partner_id, user_id)
            if user is None or user.state in (UserState.INITIALISED, UserState.READY, UserState.LOCKED):
                raise DeskRefusal("091002", "The user is unknown, or its keys are already here.")
            held = {} if user.state is UserState.SUSPENDED else dict(user.certificates)
            if held.keys() & keys.keys():
                raise DeskRefusal("091002", "These keys are already here.")
            held |= keys
            subscribers.keep_keys(connection, user, held, signature_version)
            order_id = reception.new_order_id(connection, partner_id)
            kind = "INI" if KeyUse.SIGNATURE in keys else "HIA"
            kind = "H3K" if len(keys) == len(KeyUse) else kind
            whose = Protocol(partner_id=partner_id, user_id=user_id, admin_type=kind, order_id=order_id)
            record(connection, whose, "FILE_UPLOAD", at=self._clock(), reason="TS01")
            if self._admit and len(held) == len(KeyUse):
                subscribers.activate(connection, partner_id, user_id, at=self._clock())
            return order_id

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
        """Put new keys in the place of the old ones; the user stays ready."""
        with self._database.write() as connection:
            user = subscribers.read_user(connection, partner_id, user_id)
            if user is None or user.state is not UserState.READY:
                raise DeskRefusal("091002", "Only a ready user changes keys.")
            subscribers.keep_keys(
                connection, user, {**user.certificates, **keys}, signature_version, state=UserState.READY
            )
            whose = Protocol(partner_id=partner_id, user_id=user_id, admin_type=kind, order_id=order_id)
            record(connection, whose, "FILE_UPLOAD", at=self._clock(), reason="TS01")
            record(connection, whose, "ES_VERIFICATION", at=self._clock(), reason="DS01")
            record(connection, whose, "ORDER_HAC_FINAL_POS", at=self._clock())

    def suspend(self, partner_id: str, user_id: str) -> str:
        """Suspend a user at its own wish. The keys stay on record until new ones arrive."""
        with self._database.write() as connection:
            here = (users.c.partner_id == partner_id, users.c.user_id == user_id)
            connection.execute(update(users).where(*here).values(state=UserState.SUSPENDED.value))
            order_id = reception.new_order_id(connection, partner_id)
            whose = Protocol(partner_id=partner_id, user_id=user_id, admin_type="SPR", order_id=order_id)
            record(connection, whose, "ES_UPLOAD", at=self._clock(), reason="TS01")
            record(connection, whose, "ES_VERIFICATION", at=self._clock(), reason="DS01")
            record(connection, whose, "ORDER_HAC_FINAL_POS", at=self._clock())
            return order_id

    def remember_nonce(self, nonce: bytes, timestamp: datetime) -> bool:
        """Remember a nonce; false for a repeated one and for one older than the bank's memory."""
        oldest = self._clock() - _NONCE_RETENTION
        if timestamp < oldest:
            return False
        with self._database.write(durable=False) as connection:
            connection.execute(delete(nonces).where(nonces.c.timestamp < oldest))
            added = insert(nonces).values(nonce=nonce, timestamp=timestamp).on_conflict_do_nothing()
            return bool(connection.execute(added).rowcount)

    def may(self, partner_id: str, user_id: str, admin_type: str, service: Service | None) -> None:
        """Pass, or refuse an unknown order type (091005, 091006) or one without a right to it (090003)."""
        with self._database.read() as connection:
            if subscribers.right_to(connection, partner_id, user_id, admin_type, service) is not None:
                return
            withdrawn = people.is_withdrawn(connection, partner_id, service.name if service else admin_type)
            if withdrawn or subscribers.right_to(connection, partner_id, None, admin_type, service) is not None:
                raise DeskRefusal("090003", f"{user_id} has no right to {service or admin_type}.")
        if service is None:
            raise DeskRefusal("091006", f"This bank does not offer {admin_type}.")
        raise DeskRefusal("091005", f"This bank does not offer {service}.")

    # ------------------------------------------------------------------------------------------------ orders
    def new_order_id(self, partner_id: str) -> str:
        """An order id of this partner's that nobody else gets."""
        with self._database.write() as connection:
            return reception.new_order_id(connection, partner_id)

    def order_known(self, partner_id: str, digest: bytes) -> bool:
        """Whether an order with this hash was taken before."""
        with self._database.read() as connection:
            return reception.order_with(connection, partner_id, digest) is not None

    def order_of(self, transaction_id: bytes) -> str | None:
        """The id of the order that came in this transaction, or ``None``."""
        with self._database.read() as connection:
            return reception.order_of(connection, transaction_id)

    def receive(self, upload: Upload, transaction_id: bytes) -> str:
        """Take an order, once: everything of it is in the database when this returns, or nothing."""
        reading: Reading | ElectraError
        try:
            reading = pain001.read(upload.data, upload.file_name or "order")
            if not any(problem.severity == "error" for problem in reading.problems):
                payments.check_tellable(reading.orders, format_name=reading.format, at=self._clock())
        except ElectraError as error:
            reading = error
        with self._database.write() as connection:
            taken = reception.order_of(connection, transaction_id)
            if taken is not None:
                return taken
            # Here and not before: another process may be taking the same order. Some clients hash it as a whole.
            digests = {upload.digest, order_digest(upload.data), raw_digest(upload.data)}
            if any(reception.order_with(connection, upload.partner_id, digest) is not None for digest in digests):
                raise DeskRefusal("091122", "These data were taken before.")
            order_id, verdict = reception.take(connection, self._clock, upload, transaction_id, reading)
        # The refusal leaves after the commit: the protocol keeps the row that tells of it.
        if verdict.refusal is not None:
            raise verdict.refusal
        return order_id

    # ------------------------------------------------------------------------------------- waiting signatures
    def refused(self, upload: Upload, refusal: DeskRefusal) -> None:
        """Three rows in the protocol: it came, this is why it was refused, and that was the end of it."""
        if not upload.order_id:
            return
        told = select(events.c.id).where(events.c.partner_id == upload.partner_id, events.c.order_id == upload.order_id)
        reason = refusal.reason or _REFUSAL_REASONS.get(refusal.code, "DS04")
        # Without the hash: it was only claimed, and whoever looks for an order by its hash must not find these rows.
        whose = reception.protocol_of(upload, upload.order_id)
        with self._database.write() as connection:
            if connection.execute(told.limit(1)).one_or_none() is not None:
                return
            now = self._clock()
            record(connection, whose, "FILE_UPLOAD", at=now, reason="TS01", text=upload.file_name)
            record(connection, whose, "ES_VERIFICATION", at=now, reason=reason, text=refusal.text)
            record(connection, whose, "ORDER_HAC_FINAL_NEG", at=now, reason=reason, text=refusal.text)

    def waiting_digests(
        self, partner_id: str, user_id: str, service: Service | None, eds: EdsParams
    ) -> tuple[bytes, bytes]:
        """The hashes over which this user may sign a waiting order."""
        with self._database.read() as connection:
            row = waiting.found(connection, (partner_id, user_id), service, eds)
            return waiting.digests(orderdata.read(connection, row.id))

    def decide(self, decision: Decision) -> str:
        """Take a signature over a waiting order, or the word to cancel it; an order with enough of them is carried out."""
        signer, now = (decision.partner_id, decision.user_id), self._clock()
        with self._database.read() as connection:
            row = waiting.found(connection, signer, decision.service, decision.eds)
            data = orderdata.read(connection, row.id) if decision.admin_type == "HVE" else b""
        reading = pain001.read(data, decision.eds.order_id) if decision.admin_type == "HVE" else None
        outcome = waiting.Outcome()
        with self._database.write() as connection:
            row = waiting.found(connection, signer, decision.service, decision.eds)
            at = bank_now(connection, self._clock)
            if reading is None:
                waiting.cancel(connection, row, decision, now=now)
            else:
                outcome = waiting.sign(connection, row, decision, now=now, at=at)
            if outcome.complete and reading is not None:
                reception.carry_out(connection, row, waiting.whose(row, decision), reading, now=now, at=at)
        # The refusal leaves after the commit: the protocol keeps the row that tells of it.
        if outcome.refusal is not None:
            raise outcome.refusal
        return decision.eds.order_id

    # --------------------------------------------------------------------------------------------- downloads
    def deliver(self, request: DownloadRequest) -> Delivery:
        """What the subscriber asks for; without dates only what this user has not fetched yet."""
        told: bytes | None = None
        if request.admin_type in LISTS | LOOKS:
            # A look into a large order takes a while, and nobody shall wait for it who writes.
            with self._database.read() as connection:
                told = waiting.answer(connection, request, request.version)
        with self._database.write(durable=False) as connection:
            connection.execute(delete(deliveries).where(deliveries.c.made < self._clock() - _DELIVERY_LIFE))
            if told is not None:
                return self._keep_delivery(connection, request, told)
            if request.service is not None and request.service.message == notifications.MESSAGE:
                data = notifications.grant(connection, request.partner_id, request.user_id, self._clock())
                return self._keep_delivery(connection, request, data)
            if request.service is not None:
                return self._deliver_documents(connection, request)
            if request.admin_type in _PROTOCOLS:
                data, last = handout.protocol(connection, request, self._clock())
                return self._keep_delivery(connection, request, data, event=last)
            data = information.document(
                connection, request.admin_type, request.partner_id, request.user_id, request.version
            )
            return self._keep_delivery(connection, request, data)

    def _deliver_documents(self, connection: Connection, request: DownloadRequest) -> Delivery:
        rows = handout.chosen(connection, request)
        chosen = [Waiting(row.id, row.name, row.created, row.size) for row in rows]
        data: bytes | Iterable[bytes]
        if request.service is not None and request.service.container == "ZIP":
            data = zipped(self._database, chosen)
        elif len(rows) == 1:
            data = content(self._database, chosen[0])
        else:
            made = [statements.read_statement(connection, row.statement) for row in rows]
            data = statements.write_file(connection, made, request.service.message if request.service else "")
        return self._keep_delivery(connection, request, data, documents_sent=[row.id for row in rows])

    def _keep_delivery(
        self,
        connection: Connection,
        request: DownloadRequest,
        data: bytes | Iterable[bytes],
        *,
        documents_sent: Sequence[int] = (),
        event: int | None = None,
    ) -> Delivery:
        token = secrets.token_hex(16)
        connection.execute(
            deliveries.insert().values(
                token=token,
                partner_id=request.partner_id,
                user_id=request.user_id,
                admin_type=request.admin_type,
                service=service_row(request.service),
                documents=list(documents_sent),
                event=event,
                made=self._clock(),
            )
        )
        return Delivery(data=data, token=token)

    def receipt(self, token: str, *, positive: bool) -> None:
        """Mark as fetched what the user now has; a negative receipt leaves everything to be fetched again."""
        with self._database.write() as connection:
            row = connection.execute(select(deliveries).where(deliveries.c.token == token)).one_or_none()
            if row is None:
                return
            connection.execute(delete(deliveries).where(deliveries.c.token == token))
            if positive:
                handout.mark_fetched(connection, row, self._clock())
