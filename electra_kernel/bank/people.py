"""The people of the bank's customers as the clerk keeps them: who they are and in which class they sign.

What may live here: changes to users that no EBICS order makes. What keys and orders change is the desk's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from electra_kernel.bank.authority import CLASSES
from electra_kernel.bank.database import certificates, get_fact, levels, mandates, rights, users, withdrawn
from electra_kernel.bank.seed import enrol, grant
from electra_kernel.ebics.desk import UserState
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


# ---------------------------------------------------------------------------------------------------- lock and reset
def known_user(connection: Connection, partner_id: str, user_id: str) -> tuple[str, str]:
    """The user as (partner id, user id); the company's where no partner is named.

    Raises:
        ElectraError: there is none.
    """
    partner_id = partner_id or get_fact(connection, "partner")
    here = (users.c.partner_id == partner_id, users.c.user_id == user_id)
    if connection.execute(select(users.c.state).where(*here)).one_or_none() is None:
        raise ElectraError(
            f"There is no user {user_id} of {partner_id}.", repair="`electra bank status` lists the users."
        )
    return partner_id, user_id


def lock(connection: Connection, signer: tuple[str, str]) -> None:
    """Shut a user out: nothing it sends or signs counts, and no new keys are taken, until the bank resets it."""
    _set_state(connection, signer, UserState.LOCKED)


def reset(connection: Connection, signer: tuple[str, str]) -> None:
    """Let a user begin anew: its keys are forgotten, and it may send INI and HIA (or H3K) as on its first day."""
    here = (certificates.c.partner_id == signer[0], certificates.c.user_id == signer[1])
    connection.execute(delete(certificates).where(*here))
    _set_state(connection, signer, UserState.NEW)


def _set_state(connection: Connection, signer: tuple[str, str], state: UserState) -> None:
    here = (users.c.partner_id == signer[0], users.c.user_id == signer[1])
    connection.execute(update(users).where(*here).values(state=state.value))


# ------------------------------------------------------------------------------------------------------------ rights
def withdraw(connection: Connection, signer: tuple[str, str], name: str) -> None:
    """Take a right from a user: to an order type such as ``HAC``, or to every kind of a service such as ``SCT``."""
    _check_right(connection, name)
    whose = {"partner_id": signer[0], "user_id": signer[1]}
    connection.execute(insert(withdrawn).values(**whose, name=name).on_conflict_do_nothing())
    here = (rights.c.partner_id == signer[0], rights.c.user_id == signer[1])
    connection.execute(delete(rights).where(*here, (rights.c.service == name) | (rights.c.admin_type == name)))


def give_back(connection: Connection, signer: tuple[str, str], name: str) -> None:
    """Give a right back that was taken from a user."""
    _check_right(connection, name)
    here = (withdrawn.c.partner_id == signer[0], withdrawn.c.user_id == signer[1], withdrawn.c.name == name)
    connection.execute(delete(withdrawn).where(*here))
    grant(connection, *signer)


def is_withdrawn(connection: Connection, partner_id: str, name: str) -> bool:
    """Whether the right was taken from a user of this customer: then it is one this bank has."""
    here = (withdrawn.c.partner_id == partner_id, withdrawn.c.name == name)
    return connection.scalar(select(withdrawn.c.user_id).where(*here).limit(1)) is not None


def _check_right(connection: Connection, name: str) -> None:
    known = set(connection.scalars(select(rights.c.service).distinct())) - {""}
    known |= set(connection.scalars(select(rights.c.admin_type).where(rights.c.service == "").distinct()))
    known |= set(connection.scalars(select(withdrawn.c.name).distinct()))
    if name not in known:
        raise ElectraError(
            f"{name!r} is no order type or service of this bank.", repair=f"Choose one of: {', '.join(sorted(known))}."
        )
