"""Subscribers as the desk sees them: their keys, the state these put them into, and what they may send and fetch.

What may live here: reading and moving on one subscriber's rows. What the clerk changes is in ``people``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from electra_kernel.bank import payees, profile
from electra_kernel.bank.database import certificates, events, rights, users
from electra_kernel.bank.reports import Protocol, record
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.desk import BankUser, KeyUse, UserState
from electra_kernel.vocabulary.errors import ElectraError

#: Service options that change nothing of what is done here. Any other names a service this bank does not have.
_OPTIONS = {"BTU": frozenset({"", "URG", "XCH"}), "BTD": frozenset({"", "SCT"})}


def read_user(connection: Connection, partner_id: str, user_id: str) -> BankUser | None:
    """The subscriber with its keys, or ``None``."""
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


def keep_keys(
    connection: Connection,
    user: BankUser,
    held: Mapping[KeyUse, bytes],
    version: str,
    *,
    state: UserState | None = None,
) -> None:
    """Keep these keys in the place of those there were; the state is the one they lead to, unless it is given."""
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
    user = read_user(connection, partner_id, user_id)
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


def right_to(
    connection: Connection, partner_id: str, user_id: str | None, admin_type: str, service: Service | None
) -> Any:
    """The row that permits this to the user (or to anybody), or ``None``. The scope is never looked at."""
    kind = direction(admin_type, service)
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


def direction(admin_type: str, service: Service | None) -> str:
    """Some clients put a legacy order code beside a service: the service says which way the data go."""
    if service is None or admin_type in ("BTU", "BTD"):
        return admin_type
    return "BTU" if service.message.startswith("pain.001") else "BTD"
