"""Real-time notifications at the bank: tokens that open a line, and what is news to whom (DK Anlage 2, V1.0).

What may live here: the table of tokens, and reading what is new out of the database. The line itself is in ``push``.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from urllib.parse import urlsplit

from sqlalchemy import Column, Connection, Integer, LargeBinary, String, Table, delete, func, select

from electra_kernel.bank import waiting
from electra_kernel.bank.database import (
    Database,
    Moment,
    documents,
    events,
    fetched,
    get_fact,
    metadata,
    rights,
    set_fact,
    users,
)
from electra_kernel.bank.payees import granted, kept_as
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.desk import DeskRefusal, UserState
from electra_kernel.ebics.notifications import WSSPARAM, BankWords, NewData, NotificationAccess, write_access

MESSAGE = WSSPARAM.message
#: Where the line is opened, on the ports of http and https.
PATH = "/notifications"
_LIFE = timedelta(hours=1)
#: A user that asks and never listens holds no more than so many tokens.
_TOKENS_A_USER = 20

#: Only the hash of a token is kept: whoever reads the file cannot listen with it.
tokens = Table(
    "notification_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("partner_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("one_time", Integer, nullable=False),
    Column("valid_until", Moment, nullable=False),
)


class Offer(StrEnum):
    """How the bank lets clients listen: a token for each connection, one for an hour, or not at all."""

    ONE_TIME = "one-time"
    REUSABLE = "reusable"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the bank's records go: last row of the protocol, last document, business date."""

    event: int
    document: int
    day: str


def offer(database: Database, how: Offer) -> None:
    """Decide how clients may listen."""
    with database.write() as connection:
        set_fact(connection, "notifications", how.value)


def grant(connection: Connection, partner_id: str, user_id: str, now: datetime) -> bytes:
    """The order data of wssparam: where to listen, and a token for this user.

    Raises:
        DeskRefusal: 091005 where the bank offers no notifications.
    """
    how, address = get_fact(connection, "notifications", Offer.ONE_TIME.value), get_fact(connection, "url-https")
    if how == Offer.OFF or not address:
        raise DeskRefusal("091005", "This bank offers no real-time notifications.")
    _forget_old_tokens(connection, partner_id, user_id, now)
    token, until = secrets.token_urlsafe(32), (now + _LIFE).replace(microsecond=0)
    connection.execute(
        tokens.insert().values(
            token_hash=_hash(token),
            partner_id=partner_id,
            user_id=user_id,
            one_time=how == Offer.ONE_TIME,
            valid_until=until,
        )
    )
    return write_access(
        NotificationAccess(
            url=urlsplit(address)._replace(scheme="wss", path=PATH).geturl(),
            token=token,
            one_time=how == Offer.ONE_TIME,
            valid_until=until,
            partner_id=partner_id,
            user_id=user_id,
        )
    )


def redeem(connection: Connection, name: str, token: str, now: datetime) -> tuple[str, str] | None:
    """Whose line a name and a token open, as (partner id, user id); ``None`` where they open none.

    Args:
        name: ``PARTNERID_USERID``, or ``PARTNERID`` alone.
    """
    partner_id, _, user_id = name.partition("_")
    row = connection.execute(
        select(tokens).where(
            tokens.c.token_hash == _hash(token), tokens.c.partner_id == partner_id, tokens.c.valid_until > now
        )
    ).one_or_none()
    if row is None or user_id not in ("", row.user_id) or not _ready(connection, partner_id, row.user_id):
        return None
    if row.one_time:
        connection.execute(delete(tokens).where(tokens.c.token_hash == row.token_hash))
    return partner_id, row.user_id


def mark(connection: Connection) -> Mark:
    """How far the records go now: three looks at the ends of indexes."""
    return Mark(
        connection.scalar(select(func.max(events.c.id))) or 0,
        connection.scalar(select(func.max(documents.c.id))) or 0,
        get_fact(connection, "date"),
    )


def news(connection: Connection, partner_id: str, user_id: str, since: Mark) -> list[NewData | BankWords] | None:
    """What became new for a user after ``since``; ``None`` where the user may no longer listen."""
    if not _ready(connection, partner_id, user_id):
        return None
    told: list[NewData | BankWords] = []
    services = _new_services(connection, partner_id, user_id, since)
    types = _new_types(connection, partner_id, user_id, since)
    if services or types:
        told.append(NewData(partner_id=partner_id, user_id=user_id, services=services, admin_types=types))
    if (day := get_fact(connection, "date")) != since.day:
        words = (("EN", f"The bank's business date is now {day}."), ("HU", f"A bank üzleti napja most: {day}."))
        told.append(BankWords(texts=words))
    return told


def _new_services(connection: Connection, partner_id: str, user_id: str, since: Mark) -> tuple[Service, ...]:
    had = select(fetched.c.document).where(fetched.c.user_id == user_id)
    query = select(documents.c.message).where(
        documents.c.id > since.document, documents.c.partner_id == partner_id, documents.c.id.not_in(had)
    )
    messages = set(connection.scalars(query.distinct()))
    if not messages:
        return ()
    permitted = select(rights).where(
        rights.c.partner_id == partner_id,
        rights.c.user_id == user_id,
        rights.c.admin_type == "BTD",
    )
    rows = connection.execute(permitted.order_by(rights.c.service, rights.c.message, rights.c.container))
    return tuple(service for row in rows for service, _ in granted(row) if kept_as(service) in messages)


def _new_types(connection: Connection, partner_id: str, user_id: str, since: Mark) -> tuple[str, ...]:
    """``HAC`` where the protocol has new rows, ``HVU`` where an order began to wait for this user's signature.

    What a user fetched is no news: fetching would never end.
    """
    new = select(events.c.id).where(
        events.c.id > since.event, events.c.partner_id == partner_id, events.c.action != "FILE_DOWNLOAD"
    )
    told = ["HAC"] if connection.scalar(new.limit(1)) is not None else []
    if waiting.began_to_wait(connection, (partner_id, user_id), since.event):
        told.append("HVU")
    may = select(rights.c.admin_type).where(
        rights.c.partner_id == partner_id, rights.c.user_id == user_id, rights.c.admin_type.in_(told)
    )
    return tuple(sorted(set(connection.scalars(may))))


def _forget_old_tokens(connection: Connection, partner_id: str, user_id: str, now: datetime) -> None:
    connection.execute(delete(tokens).where(tokens.c.valid_until <= now))
    here = (tokens.c.partner_id == partner_id, tokens.c.user_id == user_id)
    newest = select(tokens.c.token_hash).where(*here).order_by(tokens.c.valid_until.desc()).limit(_TOKENS_A_USER - 1)
    connection.execute(delete(tokens).where(*here, tokens.c.token_hash.not_in(newest)))


def _ready(connection: Connection, partner_id: str, user_id: str) -> bool:
    here = (users.c.partner_id == partner_id, users.c.user_id == user_id)
    return connection.scalar(select(users.c.state).where(*here)) == UserState.READY.value


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
