"""Orders as rows, and their events in the journal. What may live here: the table ``orders``; states are derived.

An order's row and the event that tells of it are written in one transaction: there is never one without the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from electra_kernel.orders.lifecycle import EDITABLE_STATES, EventKind, OrderEvent, State, state_of
from electra_kernel.store.archive import NotInArchive
from electra_kernel.store.connections import NoSuchConnection
from electra_kernel.store.database import Database
from electra_kernel.store.journal import Journal, JournalEvent
from electra_kernel.store.tables import archive, connections, orders
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError


class NoSuchOrder(ElectraError, KeyError):
    """No order has this id."""


class OrderExists(ElectraError):
    """An order with this message id is there already. ``order_id`` is that order."""

    def __init__(self, message_id: str, order_id: str) -> None:
        self.order_id = order_id
        super().__init__(
            f"Order {order_id} has the message id {message_id} already.",
            cause="two orders with one message id would look like one payment made twice.",
            repair=f"Go on with order {order_id}, or give the new order a message id of its own.",
        )


class OrderNotEditable(ElectraError):
    """The order is past the point up to which it may be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """An order as it is kept.

    Attributes:
        id: short and readable, such as ``2026-0001``.
        kind: a key of ``orders.kinds.KINDS``.
        message_id: ISO 20022 MsgId; unique.
        document: SHA-256, in the archive, of the exact bytes that are signed and sent.
        format: of these bytes, such as ``pain.001.001.09``.
        connection: name of the connection it goes over; ``None`` until one is chosen.
        source: SHA-256 of the file it was made from; empty where it was made in a form.
        source_name: that file's name.
        created: aware UTC moment.
    """

    id: str
    kind: str
    message_id: str
    document: str
    format: str
    connection: str | None
    source: str
    source_name: str
    created: datetime


_COLUMNS = [orders.c[name] for name in OrderRecord.__dataclass_fields__]


class Orders:
    """The orders of one workbench."""

    def __init__(self, database: Database, journal: Journal, clock: Clock) -> None:
        self._database, self._journal, self._clock = database, journal, clock

    def add(
        self,
        *,
        kind: str,
        message_id: str,
        document: str,
        format: str,  # noqa: A002
        connection: str | None = None,
        source: str = "",
        source_name: str = "",
        event: Mapping[str, Any] | None = None,
    ) -> OrderRecord:
        """Keep a new order and journal that it was created, with ``event`` as the particulars beside its attributes.

        Raises:
            OrderExists: an order has this message id.
            NotInArchive: the document was not archived first.
            NoSuchConnection: there is no such connection.
        """
        created = self._clock()
        with self._database.write() as writing:
            known = writing.execute(select(orders.c.id).where(orders.c.message_id == message_id)).scalar()
            if known is not None:
                raise OrderExists(message_id, known)
            _require_document(writing, document)
            _require_connection(writing, connection)
            query = select(func.coalesce(func.max(orders.c.serial), 0)).where(orders.c.year == created.year)
            serial = writing.execute(query).scalar_one() + 1
            row = OrderRecord(
                id=f"{created.year}-{serial:04d}",
                kind=kind,
                message_id=message_id,
                document=document,
                format=format,
                connection=connection,
                source=source,
                source_name=source_name,
                created=created,
            )
            values = {name: getattr(row, name) for name in OrderRecord.__dataclass_fields__}
            writing.execute(insert(orders).values(year=created.year, serial=serial, **values))
            facts = {**(event or {}), "document": document, "message_id": message_id, "order_kind": kind}
            self._journal.append_in(writing, subject_of(row.id), EventKind.CREATED, facts)
        return row

    def get(self, order_id: str) -> OrderRecord:
        """The order with this id.

        Raises:
            NoSuchOrder: there is none.
        """
        with self._database.read() as connection:
            return _row(connection, order_id)

    def find(self, message_id: str) -> OrderRecord | None:
        """The order with this message id, or ``None``."""
        with self._database.read() as connection:
            row = connection.execute(select(*_COLUMNS).where(orders.c.message_id == message_id)).one_or_none()
        return None if row is None else OrderRecord(**row._mapping)

    def all(self) -> list[OrderRecord]:
        """Every order, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(*_COLUMNS).order_by(orders.c.year, orders.c.serial)).all()
        return [OrderRecord(**row._mapping) for row in rows]

    def replace_document(
        self,
        order_id: str,
        document: str,
        *,
        message_id: str | None = None,
        format: str | None = None,  # noqa: A002
        event: Mapping[str, Any] | None = None,
    ) -> OrderRecord:
        """Give an order other bytes, before it is queued, and journal the edit, which voids its signatures.

        ``event`` are the edit's particulars, journalled beside the documents.

        Raises:
            OrderNotEditable: it is queued, at the bank, or ended.
            OrderExists: another order has the new message id.
        """
        with self._database.write() as writing:
            before = _row(writing, order_id)
            state = state_of(self._events_in(writing, order_id))
            if state not in EDITABLE_STATES:
                raise OrderNotEditable(
                    f"Order {order_id} can no longer be changed.",
                    cause=f"it is {state}.",
                    repair="Make a new order from it.",
                )
            _require_document(writing, document)
            changes = {
                "document": document,
                "message_id": message_id or before.message_id,
                "format": format or before.format,
            }
            query = select(orders.c.id).where(orders.c.message_id == changes["message_id"], orders.c.id != order_id)
            if (other := writing.execute(query).scalar()) is not None:
                raise OrderExists(changes["message_id"], other)
            writing.execute(update(orders).where(orders.c.id == order_id).values(**changes))
            facts = {
                **(event or {}),
                "document": document,
                "before": before.document,
                "message_id": changes["message_id"],
            }
            self._journal.append_in(writing, subject_of(order_id), EventKind.EDITED, facts)
            return _row(writing, order_id)

    def set_connection(self, order_id: str, connection: str | None) -> OrderRecord:
        """Choose the connection that the order goes over. Its bytes, and so its signatures, are not touched."""
        with self._database.write() as writing:
            _row(writing, order_id)
            _require_connection(writing, connection)
            writing.execute(update(orders).where(orders.c.id == order_id).values(connection=connection))
            return _row(writing, order_id)

    def record(self, order_id: str, kind: EventKind, data: Mapping[str, Any] | None = None) -> JournalEvent:
        """Journal what happened to an order.

        Raises:
            NoSuchOrder: there is no such order.
        """
        with self._database.write() as writing:
            _row(writing, order_id)
            return self._journal.append_in(writing, subject_of(order_id), kind, data)

    def events(self, order_id: str) -> list[OrderEvent]:
        """Everything that moved the order, oldest first. Journal rows of other kinds are left to ``journal.events``."""
        with self._database.read() as connection:
            return self._events_in(connection, order_id)

    def state(self, order_id: str) -> State:
        """Where the order is, derived from its events."""
        return state_of(self.events(order_id))

    def states(self) -> dict[str, State]:
        """Where every order is, by id, oldest first; one look at the journal for all of them."""
        happened: dict[str, list[OrderEvent]] = {record.id: [] for record in self.all()}
        by_subject = {subject_of(order_id): events for order_id, events in happened.items()}
        for event in self._journal.events():
            if event.subject in by_subject and event.kind in set(EventKind):
                by_subject[event.subject].append(OrderEvent(EventKind(event.kind), event.at, event.data))
        return {order_id: state_of(events) for order_id, events in happened.items()}

    def signed_digests(self) -> dict[bytes, str]:
        """The ids of orders by the 32-byte hash that was signed."""
        signed = self._journal.events(kind=EventKind.SIGNED)
        return {bytes.fromhex(event.data["digest"]): event.subject.removeprefix(subject_of("")) for event in signed}

    def received_ids(self) -> dict[str, str]:
        """The ids of orders by the bank's id, where the bank told one."""
        received = self._journal.events(kind=EventKind.RECEIVED)
        return {
            event.data["order_id"]: event.subject.removeprefix(subject_of(""))
            for event in received
            if event.data.get("order_id")
        }

    def _events_in(self, connection: Connection, order_id: str) -> list[OrderEvent]:
        kinds = set(EventKind)
        return [
            OrderEvent(EventKind(event.kind), event.at, event.data)
            for event in self._journal.events_in(connection, subject_of(order_id))
            if event.kind in kinds
        ]


def subject_of(order_id: str) -> str:
    """The journal's subject for an order: ``order:2026-0001``."""
    return f"order:{order_id}"


def _row(connection: Connection, order_id: str) -> OrderRecord:
    row = connection.execute(select(*_COLUMNS).where(orders.c.id == order_id)).one_or_none()
    if row is None:
        raise NoSuchOrder(f"There is no order {order_id}.", repair="Look at the list of orders for its number.")
    return OrderRecord(**row._mapping)


def _require_document(connection: Connection, document: str) -> None:
    if connection.execute(select(archive.c.sha256).where(archive.c.sha256 == document)).first() is None:
        raise NotInArchive(
            "The order's document is not in the archive.",
            cause=f"nothing with the SHA-256 {document} was archived.",
            repair="Put its bytes into the archive first.",
        )


def _require_connection(connection: Connection, name: str | None) -> None:
    known = select(connections.c.name).where(connections.c.name == name)
    if name is not None and connection.execute(known).first() is None:
        raise NoSuchConnection(f"There is no connection named {name}.", repair="Connect to the bank first.")
