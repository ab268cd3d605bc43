"""Handing out files and the protocol: which of them are new to a user, and what counts as fetched.

What may live here: choosing what a download brings, and marking what was fetched. What administrative downloads say is in
``information``.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from electra_kernel.bank import information, payees, statements
from electra_kernel.bank.database import documents, events, fetched, protocol_marks
from electra_kernel.bank.reports import Protocol, record, service_of
from electra_kernel.ebics.desk import DeskRefusal, DownloadRequest


def chosen(connection: Connection, request: DownloadRequest) -> list[Any]:
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


def protocol(connection: Connection, request: DownloadRequest, now: datetime) -> tuple[bytes, int]:
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


def mark_fetched(connection: Connection, row: Any, at: datetime) -> None:
    """Note that a user has what a delivery (a row of ``deliveries``) brought."""
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
