"""The desk behind the EBICS engine: users, rights, orders, files to fetch, and the state between two requests.

What may live here: ``electra_kernel.ebics.desk.Desk`` over the bank's database. What is done with a payment is in
``payments``, what administrative downloads say in ``information``.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from electra_kernel.bank import (
    authority,
    entitlement,
    information,
    notifications,
    payees,
    payments,
    people,
    profile,
    statements,
    waiting,
)
from electra_kernel.bank.clock import bank_now
from electra_kernel.bank.database import (
    Database,
    certificates,
    deliveries,
    documents,
    events,
    fetched,
    get_fact,
    insert_row,
    next_number,
    nonces,
    order_hashes,
    orders,
    protocol_marks,
    rights,
    users,
)
from electra_kernel.bank.ledger import customer_accounts
from electra_kernel.bank.reports import Protocol, Refusal, Subject, record, report, service_of, service_row
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
#: Service options that change nothing of what is done here. Any other names a service this bank does not have.
_OPTIONS = {"BTU": frozenset({"", "URG", "XCH"}), "BTD": frozenset({"", "SCT"})}
_ORDER_ID_FIRST, _ORDER_ID_REST = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: ISO 20022 Max35Text: longer ids cannot come back in a report.
_ID_LENGTH = 35
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
#: ISO 20022 reasons for a file that contradicts itself, by the rule it breaks.
_FILE_REASONS = {"control-sum": "AM10", "transaction-count": "AM19"}


@dataclass(frozen=True, slots=True)
class _Verdict:
    """How the reception of an order ends: the last row of the protocol, and the refusal the client is told, if any."""

    reason: str = ""
    text: str = ""
    refusal: DeskRefusal | None = None
    taken: bool = True


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
            return _read_user(connection, partner_id, user_id)

    def newcomer(self, partner_id: str, user_id: str) -> BankUser | None:
        """The subscriber that sends its first keys, enrolled now where the bank admits everybody."""
        with self._database.read() as connection:
            found = _read_user(connection, partner_id, user_id)
            known_partner = partner_id == get_fact(connection, "partner")
        if found is None and self._admit and known_partner and _USER_ID.fullmatch(user_id):
            with self._database.write() as connection:
                found = _read_user(connection, partner_id, user_id)
                if found is None:
                    enrol(connection, partner_id, user_id, user_id)
                    found = _read_user(connection, partner_id, user_id)
        return found

    def keep_certificates(
        self, partner_id: str, user_id: str, keys: Mapping[KeyUse, bytes], signature_version: str = ""
    ) -> str:
        """Keep what INI, HIA or H3K brought and move the user's state on."""
        with self._database.write() as connection:
            user = _read_user(connection, partner_id, user_id)
            if user is None or user.state in (UserState.INITIALISED, UserState.READY, UserState.LOCKED):
                raise DeskRefusal("091002", "The user is unknown, or its keys are already here.")
            held = {} if user.state is UserState.SUSPENDED else dict(user.certificates)
            if held.keys() & keys.keys():
                raise DeskRefusal("091002", "These keys are already here.")
            held |= keys
            _keep_keys(connection, user, held, signature_version)
            order_id = _new_order_id(connection, partner_id)
            kind = "INI" if KeyUse.SIGNATURE in keys else "HIA"
            kind = "H3K" if len(keys) == len(KeyUse) else kind
            whose = Protocol(partner_id=partner_id, user_id=user_id, admin_type=kind, order_id=order_id)
            record(connection, whose, "FILE_UPLOAD", at=self._clock(), reason="TS01")
            if self._admit and len(held) == len(KeyUse):
                activate(connection, partner_id, user_id, at=self._clock())
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
            user = _read_user(connection, partner_id, user_id)
            if user is None or user.state is not UserState.READY:
                raise DeskRefusal("091002", "Only a ready user changes keys.")
            _keep_keys(connection, user, {**user.certificates, **keys}, signature_version, state=UserState.READY)
            whose = Protocol(partner_id=partner_id, user_id=user_id, admin_type=kind, order_id=order_id)
            record(connection, whose, "FILE_UPLOAD", at=self._clock(), reason="TS01")
            record(connection, whose, "ES_VERIFICATION", at=self._clock(), reason="DS01")
            record(connection, whose, "ORDER_HAC_FINAL_POS", at=self._clock())

    def suspend(self, partner_id: str, user_id: str) -> str:
        """Suspend a user at its own wish. The keys stay on record until new ones arrive."""
        with self._database.write() as connection:
            here = (users.c.partner_id == partner_id, users.c.user_id == user_id)
            connection.execute(update(users).where(*here).values(state=UserState.SUSPENDED.value))
            order_id = _new_order_id(connection, partner_id)
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
            if _right(connection, partner_id, user_id, admin_type, service) is not None:
                return
            withdrawn = people.is_withdrawn(connection, partner_id, service.name if service else admin_type)
            if withdrawn or _right(connection, partner_id, None, admin_type, service) is not None:
                raise DeskRefusal("090003", f"{user_id} has no right to {service or admin_type}.")
        if service is None:
            raise DeskRefusal("091006", f"This bank does not offer {admin_type}.")
        raise DeskRefusal("091005", f"This bank does not offer {service}.")

    # ------------------------------------------------------------------------------------------------ orders
    def new_order_id(self, partner_id: str) -> str:
        """An order id of this partner's that nobody else gets."""
        with self._database.write() as connection:
            return _new_order_id(connection, partner_id)

    def order_known(self, partner_id: str, digest: bytes) -> bool:
        """Whether an order with this hash was taken before."""
        with self._database.read() as connection:
            return _order_with(connection, partner_id, digest) is not None

    def order_of(self, transaction_id: bytes) -> str | None:
        """The id of the order that came in this transaction, or ``None``."""
        with self._database.read() as connection:
            return _order_of(connection, transaction_id)

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
            taken = _order_of(connection, transaction_id)
            if taken is not None:
                return taken
            # Here and not before: another process may be taking the same order. Some clients hash it as a whole.
            digests = {upload.digest, order_digest(upload.data), raw_digest(upload.data)}
            if any(_order_with(connection, upload.partner_id, digest) is not None for digest in digests):
                raise DeskRefusal("091122", "These data were taken before.")
            order_id, verdict = _take(connection, self._clock, upload, transaction_id, reading)
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
        whose = Protocol(
            partner_id=upload.partner_id,
            user_id=upload.user_id,
            admin_type=upload.admin_type,
            service=upload.service,
            order_id=upload.order_id,
        )
        # Without the hash: it was only claimed, and whoever looks for an order by its hash must not find these rows.
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
            return waiting.digests(waiting.found(connection, (partner_id, user_id), service, eds).data)

    def decide(self, decision: Decision) -> str:
        """Take a signature over a waiting order, or the word to cancel it; an order with enough of them is carried out."""
        signer, now = (decision.partner_id, decision.user_id), self._clock()
        with self._database.read() as connection:
            data = waiting.found(connection, signer, decision.service, decision.eds).data
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
                _carry_out(connection, row, waiting.whose(row, decision), reading, now=now, at=at)
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
                data, last = _protocol(connection, request, self._clock())
                return self._keep_delivery(connection, request, data, event=last)
            data = information.document(
                connection, request.admin_type, request.partner_id, request.user_id, request.version
            )
            return self._keep_delivery(connection, request, data)

    def _deliver_documents(self, connection: Connection, request: DownloadRequest) -> Delivery:
        rows = _chosen(connection, request)
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
                _mark_fetched(connection, row, self._clock())


# ------------------------------------------------------------------------------------------------------- users
def _read_user(connection: Connection, partner_id: str, user_id: str) -> BankUser | None:
    here = (users.c.partner_id == partner_id, users.c.user_id == user_id)
    row = connection.execute(select(users).where(*here)).one_or_none()
    if row is None:
        return None
    query = select(certificates).where(certificates.c.partner_id == partner_id, certificates.c.user_id == user_id)
    return BankUser(
        partner_id=partner_id,
        user_id=user_id,
        state=UserState(row.state),
        certificates={KeyUse(key.use): key.certificate for key in connection.execute(query)},
        signature_version=row.signature_version,
    )


def _keep_keys(
    connection: Connection,
    user: BankUser,
    held: Mapping[KeyUse, bytes],
    version: str,
    *,
    state: UserState | None = None,
) -> None:
    here = (certificates.c.partner_id == user.partner_id, certificates.c.user_id == user.user_id)
    connection.execute(delete(certificates).where(*here))
    connection.execute(
        certificates.insert(),
        [
            {"partner_id": user.partner_id, "user_id": user.user_id, "use": use.value, "certificate": der}
            for use, der in held.items()
        ],
    )
    came = UserState.INI if KeyUse.SIGNATURE in held else UserState.HIA
    state = state or (UserState.INITIALISED if len(held) == len(KeyUse) else came)
    connection.execute(
        update(users)
        .where(users.c.partner_id == user.partner_id, users.c.user_id == user.user_id)
        .values(state=state.value, signature_version=version or user.signature_version)
    )


def activate(connection: Connection, partner_id: str, user_id: str, *, at: datetime) -> None:
    """Make an initialised user ready: the clerk has compared the letters.

    Raises:
        ElectraError: the user is unknown, or its keys are not all here.
    """
    user = _read_user(connection, partner_id, user_id)
    if user is None:
        raise ElectraError(f"There is no user {user_id}.", repair="`electra bank status` lists the users.")
    if user.state is not UserState.INITIALISED:
        raise ElectraError(
            f"{user_id} cannot be activated.",
            cause=f"its state is {user.state.value}.",
            repair="Nothing to do." if user.state is UserState.READY else "Send both INI and HIA first.",
        )
    here = (users.c.partner_id == partner_id, users.c.user_id == user_id)
    connection.execute(update(users).where(*here).values(state=UserState.READY.value))
    query = select(events.c.admin_type, events.c.order_id).where(
        events.c.partner_id == partner_id, events.c.user_id == user_id, events.c.admin_type.in_(("INI", "HIA", "H3K"))
    )
    for row in connection.execute(query.distinct().order_by(events.c.order_id)).all():
        whose = Protocol(partner_id=partner_id, user_id=user_id, admin_type=row.admin_type, order_id=row.order_id)
        record(connection, whose, "ORDER_HAC_FINAL_POS", at=at)


def _right(
    connection: Connection, partner_id: str, user_id: str | None, admin_type: str, service: Service | None
) -> Any:
    """The row that permits this to the user (or to anybody), or ``None``. The scope is never looked at."""
    kind = _direction(admin_type, service)
    if service is not None and not _has_option(connection, kind, service):
        return None
    query = select(rights).where(
        rights.c.partner_id == partner_id,
        rights.c.admin_type == kind,
        rights.c.service == (service.name if service else ""),
        rights.c.message == (service.message if service else ""),
        rights.c.container == (service.container if service else ""),
    )
    if user_id is not None:
        query = query.where(rights.c.user_id == user_id)
    return connection.execute(query.limit(1)).one_or_none()


def _has_option(connection: Connection, kind: str, service: Service) -> bool:
    known = service.option in _OPTIONS.get(kind, {""}) or payees.offers(kind, service)
    return known or profile.has_option(connection, kind, service)


def _direction(admin_type: str, service: Service | None) -> str:
    """Some clients put a legacy order code beside a service: the service says which way the data go."""
    if service is None or admin_type in ("BTU", "BTD"):
        return admin_type
    return "BTU" if service.message.startswith("pain.001") else "BTD"


def _new_order_id(connection: Connection, partner_id: str) -> str:
    """Four characters, a letter first, unique for the partner (schema type OrderIDType)."""
    number = next_number(connection, f"order-id {partner_id}") - 1
    rest = ""
    for _ in range(3):
        number, digit = divmod(number, len(_ORDER_ID_REST))
        rest = _ORDER_ID_REST[digit] + rest
    if number >= len(_ORDER_ID_FIRST):
        raise DeskRefusal("091119", "The bank has no order ids left; start a new one.")
    return _ORDER_ID_FIRST[number] + rest


# ------------------------------------------------------------------------------------------------------ orders
def _order_of(connection: Connection, transaction_id: bytes) -> str | None:
    return connection.scalar(select(orders.c.order_id).where(orders.c.transaction_id == transaction_id))


def _order_with(connection: Connection, partner_id: str, digest: bytes) -> str | None:
    """An order taken with this hash: the one its sender announced, or the one the specification makes of its data."""
    same = select(order_hashes.c.order).where(order_hashes.c.digest == digest)
    here = (orders.c.partner_id == partner_id, orders.c.state != "refused")
    by_hash = (orders.c.digest == digest) | orders.c.id.in_(same)
    return connection.scalar(select(orders.c.order_id).where(*here, by_hash).limit(1))


def _take(
    connection: Connection, clock: Clock, upload: Upload, transaction_id: bytes, reading: Reading | ElectraError
) -> tuple[str, _Verdict]:
    order_id = upload.order_id or _new_order_id(connection, upload.partner_id)
    whose = Protocol(
        partner_id=upload.partner_id,
        user_id=upload.user_id,
        admin_type=upload.admin_type,
        service=upload.service,
        order_id=order_id,
        digest=upload.digest,
    )
    now, at = clock(), bank_now(connection, clock)
    # Without SignatureFlag an order is authorised on paper. This bank takes the paper as given where a user who may
    # sign has signed for the transport, and says so in its protocol.
    record(
        connection,
        whose,
        "FILE_UPLOAD",
        at=now,
        reason="TS01" if upload.signature_flag else "TS04",
        text=upload.file_name,
    )
    sums = entitlement.sums_of(reading.orders) if isinstance(reading, Reading) else {}
    classes, lacking = _classes(connection, upload, sums)
    needed = _signatures_needed(connection, upload)
    lack = _lack_of_authority(upload, list(classes.values()), needed)
    if lack and lacking:
        lack = _Verdict(lacking[0].reason, lacking[0].text, lacking[0], taken=False)
    waits = needed > 0 and (payees.asks(upload.service) or _waits_for_others(upload, lack))
    if waits:
        lack = None
    checked = lack or _Verdict("DS01")
    record(connection, whose, "ES_VERIFICATION", at=now, reason=checked.reason, text=checked.text)
    verdict = lack or _unusable(reading)
    key = _keep_order(connection, upload, transaction_id, order_id, reading, verdict, at)
    if verdict is None and isinstance(reading, Reading) and waits:
        if payees.asks(upload.service):
            # Signatures given before the result was known release nothing: whoever sent the order decides again.
            classes = {}
            subject = Subject(partner_id=upload.partner_id, message_id=_message_id(reading), format=reading.format)
            found = payees.check(connection, subject, reading.orders, at=at)
            record(connection, whose, "ADDITIONAL", at=now, reason="TS04", text=found.words)
            if not found.complete:
                payees.leave_open(connection, key)
        entitlement.keep_sums(connection, key, sums)
        waiting.put(connection, key, reading, classes, needed=needed, at=at)
        record(connection, whose, "VEU_FORWARDING", at=now, reason="DS06")
        return order_id, _Verdict()
    if verdict is None and isinstance(reading, Reading):
        verdict = _process(connection, upload.partner_id, key, reading, at)
    elif isinstance(reading, Reading) and lack is None:
        _report_unusable(connection, upload, reading, at)
    verdict = verdict or _Verdict()
    final = "ORDER_HAC_FINAL_NEG" if verdict.reason else "ORDER_HAC_FINAL_POS"
    record(connection, whose, final, at=now, reason=verdict.reason, text=verdict.text)
    return order_id, verdict


def _classes(
    connection: Connection, upload: Upload, sums: entitlement.Sums
) -> tuple[dict[tuple[str, str], str], list[DeskRefusal]]:
    """The class in which each signer signs, and why signatures of a class that would count are not good for this order."""
    classes, lacking = waiting.classes_of(connection, upload), list[DeskRefusal]()
    for signer, level in classes.items():
        lack = entitlement.lack(connection, signer, upload.service.name if upload.service else "", sums)
        if lack is not None and authority.may_sign(level):
            classes[signer] = ""
            lacking.append(lack)
    return classes, lacking


def _waits_for_others(upload: Upload, lack: _Verdict | None) -> bool:
    return lack is not None and upload.signature_flag and upload.request_eds


def _signatures_needed(connection: Connection, upload: Upload) -> int:
    """How many signatures this kind of order wants; 0 where the user may not send it at all.

    A right to fetch names no signatures; an order that comes under it has no right.
    """
    if _direction(upload.admin_type, upload.service) != "BTU":
        return 0
    right = _right(connection, upload.partner_id, upload.user_id, upload.admin_type, upload.service)
    return 0 if right is None else max(right.signatures, 1)


def _lack_of_authority(upload: Upload, classes: Sequence[str], needed: int) -> _Verdict | None:
    if not needed:
        words = f"A right to {upload.service or upload.admin_type} is no right to send orders."
    elif authority.authorised(classes, needed):
        return None
    else:
        entitled = [level for level in classes if authority.may_sign(level)]
        words = f"{len(entitled)} signatures with a right to this order; {authority.wanted(classes, needed)} needed."
        if entitled and authority.lacks_first(entitled):
            words = f"{words} One of them must be of class E or A."
    return _Verdict("DS0A", words, DeskRefusal("090003", words), taken=False)


def _unusable(reading: Reading | ElectraError) -> _Verdict | None:
    if isinstance(reading, ElectraError):
        words = reading.what
        return _Verdict("TD03", words, DeskRefusal("090004", words), taken=False)
    wrong = [problem for problem in reading.problems if problem.severity == "error"]
    if not wrong and reading.orders:
        return None
    words = wrong[0].text if wrong else "The file holds no payment."
    # Where the message can be named, the client learns more from the report than from a return code.
    refusal = None if 0 < len(_message_id(reading)) <= _ID_LENGTH else DeskRefusal("090004", words)
    return _Verdict("TD03", words, refusal, taken=False)


def _message_id(reading: Reading | ElectraError) -> str:
    return reading.orders[0].message_id if isinstance(reading, Reading) and reading.orders else ""


def _keep_order(
    connection: Connection,
    upload: Upload,
    transaction_id: bytes,
    order_id: str,
    reading: Reading | ElectraError,
    verdict: _Verdict | None,
    at: datetime,
) -> int:
    key = insert_row(
        connection,
        orders,
        partner_id=upload.partner_id,
        user_id=upload.user_id,
        order_id=order_id,
        admin_type=upload.admin_type,
        service=service_row(upload.service),
        digest=upload.digest,
        transaction_id=transaction_id,
        message_id=_message_id(reading),
        format=reading.format if isinstance(reading, Reading) else "",
        file_name=upload.file_name,
        data=upload.data,
        received=at,
        state="taken" if verdict is None or verdict.taken else "refused",
        refusal=verdict.text if verdict else "",
    )
    connection.execute(order_hashes.insert().values(order=key, digest=order_digest(upload.data)))
    return key


def _carry_out(
    connection: Connection, row: Any, whose: Protocol, reading: Reading, *, now: datetime, at: datetime
) -> None:
    """Do what an order asks for that waited until it had enough signatures."""
    connection.execute(update(orders).where(orders.c.id == row.id).values(state="taken"))
    verdict = _process(connection, row.partner_id, row.id, reading, at) or _Verdict()
    final = "ORDER_HAC_FINAL_NEG" if verdict.reason else "ORDER_HAC_FINAL_POS"
    record(connection, whose, final, at=now, reason=verdict.reason, text=verdict.text)


def _process(connection: Connection, partner_id: str, key: int, reading: Reading, at: datetime) -> _Verdict | None:
    mine = {account.number for account in customer_accounts(connection, partner_id)}
    payments.accept(connection, key, reading.orders, format_name=reading.format, at=at)
    if not any(order.debtor.account in mine for order in reading.orders):
        return _Verdict("DS0H", "The debtor's account is not yours at this bank.")
    payments.execute_due(connection, at, {key: reading.orders})
    return None


def _report_unusable(connection: Connection, upload: Upload, reading: Reading, at: datetime) -> None:
    message_id = _message_id(reading)
    if not 0 < len(message_id) <= _ID_LENGTH:
        return
    refusals = [
        Refusal(_FILE_REASONS.get(problem.rule, "FF01"), problem.text[:105])
        for problem in reading.problems
        if problem.severity == "error"
    ]
    subject = Subject(partner_id=upload.partner_id, message_id=message_id, format=reading.format)
    report(connection, subject, (), status="RJCT", at=at, every=False, refusals=refusals)


# --------------------------------------------------------------------------------------------------- downloads
def _chosen(connection: Connection, request: DownloadRequest) -> list[Any]:
    """Which of the documents that wait are handed out now; without their bytes."""
    service = request.service
    if service is None:
        raise DeskRefusal("091112", "The request names no service.")
    rows = _waiting(connection, request, payees.kept_as(service))
    if not rows:
        raise DeskRefusal("090005")
    if service.container == "ZIP" or service.message in statements.FORMS:
        return rows
    # One status report is one document: without a container they are handed out one by one, the oldest first.
    had = set(connection.scalars(select(fetched.c.document).where(fetched.c.user_id == request.user_id)))
    return [next((row for row in rows if row.id not in had), rows[-1])]


def _waiting(connection: Connection, request: DownloadRequest, message: str) -> list[Any]:
    columns = [documents.c.id, documents.c.name, documents.c.created, documents.c.statement]
    query = select(*columns, func.length(documents.c.data).label("size"))
    query = query.where(documents.c.partner_id == request.partner_id, documents.c.message == message)
    if request.start is None and request.end is None:
        have = select(fetched.c.document).where(fetched.c.user_id == request.user_id)
        query = query.where(documents.c.id.not_in(have))
    else:
        query = query.where(documents.c.day.between(request.start or date.min, request.end or date.max))
    return list(connection.execute(query.order_by(documents.c.id)))


def _protocol(connection: Connection, request: DownloadRequest, now: datetime) -> tuple[bytes, int]:
    """The customer protocol: the whole partner's rows that are new to this user, or those of the dates asked for."""
    query = select(events).where(events.c.partner_id == request.partner_id)
    if request.start is None and request.end is None:
        mark = select(protocol_marks.c.event).where(
            protocol_marks.c.partner_id == request.partner_id,
            protocol_marks.c.user_id == request.user_id,
            protocol_marks.c.admin_type == request.admin_type,
        )
        query = query.where(events.c.id > func.coalesce(mark.scalar_subquery(), 0))
    rows = [
        row
        for row in connection.execute(query.order_by(events.c.id))
        if (request.start or date.min) <= row.at.date() <= (request.end or date.max)
    ]
    if not rows:
        raise DeskRefusal("090005")
    # Rows asked for by date leave the mark where it is: earlier ones may still be new to the user.
    last = rows[-1].id if request.start is None and request.end is None else 0
    as_text = request.admin_type == "PTK"
    return information.protocol(connection, rows, now, as_text=as_text, version=request.version), last


def _mark_fetched(connection: Connection, row: Any, at: datetime) -> None:
    for document in row.documents:
        added = insert(fetched).values(document=document, user_id=row.user_id, at=at)
        connection.execute(added.on_conflict_do_nothing())
    if row.event:
        mark = insert(protocol_marks).values(
            partner_id=row.partner_id, user_id=row.user_id, admin_type=row.admin_type, event=row.event
        )
        further = func.max(protocol_marks.c.event, row.event)
        connection.execute(
            mark.on_conflict_do_update(index_elements=["partner_id", "user_id", "admin_type"], set_={"event": further})
        )
    if row.service is not None:
        whose = Protocol(
            partner_id=row.partner_id,
            user_id=row.user_id,
            admin_type=row.admin_type,
            service=service_of(row.service),
        )
        record(connection, whose, "FILE_DOWNLOAD", at=at, reason="TS01")
