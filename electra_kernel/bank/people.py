"""The people of the bank's customers as the clerk keeps them: who they are and in which class they sign.

What may live here: changes to users that no EBICS order makes. Keys and states are the desk's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from electra_kernel.bank.authority import CLASSES
from electra_kernel.bank.database import get_fact, levels, mandates, rights, users
from electra_kernel.bank.seed import enrol
from electra_kernel.vocabulary.errors import ElectraError

_ID = re.compile(r"[a-zA-Z0-9,=]{1,35}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user as the clerk writes it down.

    Attributes:
        user_id: the EBICS user id; partner_id: its customer, empty for the company.
        name: empty leaves the name as it is (a new user's is its id).
        level: signature class E, A, B or T; empty leaves it as it is (a new user's is E).
        service: the class counts for this service only, such as ``SCT``; empty for all.
    """

    user_id: str
    partner_id: str = ""
    name: str = ""
    level: str = ""
    service: str = ""


def write_down(connection: Connection, person: Person) -> bool:
    """Add a user, or change its name or class. Somebody of another customer may then sign the company's orders.

    Returns:
        whether the user is new.

    Raises:
        ElectraError: an id, a class or a service is none; nothing was changed.
    """
    company = get_fact(connection, "partner")
    partner_id = person.partner_id or company
    _check(connection, partner_id, person)
    here = (users.c.partner_id == partner_id, users.c.user_id == person.user_id)
    new = connection.execute(select(users).where(*here)).one_or_none() is None
    usual = "" if person.service else person.level
    if new:
        enrol(connection, partner_id, person.user_id, person.name or person.user_id, usual or "E")
        if partner_id != company:
            connection.execute(mandates.insert().values(partner_id=partner_id, user_id=person.user_id, owner=company))
    changes = {name: value for name, value in (("name", person.name), ("authorisation", usual)) if value}
    if changes:
        connection.execute(update(users).where(*here).values(**changes))
    if person.service and person.level:
        _set_level(connection, partner_id, person)
    return new


def _check(connection: Connection, partner_id: str, person: Person) -> None:
    for value, what in ((person.user_id, "user id"), (partner_id, "partner id")):
        if not _ID.fullmatch(value):
            raise ElectraError(
                f"{value!r} is no {what} EBICS allows.", repair="Use 1 to 35 letters, digits, commas and equals signs."
            )
    if person.level and person.level not in CLASSES:
        raise ElectraError(
            f"{person.level!r} is no signature class.",
            repair="Choose E (signs alone), A or B (sign together with another), or T (only sends).",
        )
    check_service(connection, person.service)


def check_service(connection: Connection, service: str) -> None:
    """Refuse a service that is none of the bank's for orders; empty stands for all of them."""
    known = set(connection.scalars(select(rights.c.service).where(rights.c.admin_type == "BTU").distinct()))
    if service and service not in known:
        raise ElectraError(
            f"This bank takes no orders of the service {service!r}.",
            repair=f"Choose one of: {', '.join(sorted(known))}.",
        )


def _set_level(connection: Connection, partner_id: str, person: Person) -> None:
    row = insert(levels).values(
        partner_id=partner_id, user_id=person.user_id, service=person.service, level=person.level
    )
    connection.execute(
        row.on_conflict_do_update(index_elements=["partner_id", "user_id", "service"], set_={"level": person.level})
    )
