"""Who may authorise an order: signature classes E, A, B and T, and the rule when enough have signed (EBICS 3.0.2, 3.14).

What may live here: classes, the rule, and who may sign for whom. What waits for signatures is in ``waiting``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from electra_kernel.bank.database import levels, mandates, rights, users
from electra_kernel.ebics.btf import Service

#: E signs alone; A and B sign together with another, of whom one is E or A; T only proves who sends.
CLASSES = ("E", "A", "B", "T")
_COUNTING, _FIRST = frozenset("EAB"), frozenset("EA")


def authorised(classes: Sequence[str], needed: int) -> bool:
    """Whether signatures of these classes, each of another user, authorise an order.

    Args:
        classes: of everybody who signed; T does not count.
        needed: how many signatures the kind of order wants, at least 1. Whoever is not E never signs alone.
    """
    counting = [each for each in classes if each in _COUNTING]
    if needed <= 1 and "E" in counting:
        return True
    return len(counting) >= max(needed, 2) and not _FIRST.isdisjoint(counting)


def wanted(classes: Sequence[str], needed: int) -> int:
    """How many signatures the order needs in all, given those it has: what a client is told."""
    done = sum(each in _COUNTING for each in classes)
    if authorised(classes, needed):
        return max(done, 1)
    return max(needed, done + 1, 1)


def lacks_first(classes: Iterable[str]) -> bool:
    """Whether nobody of class E or A is among them."""
    return _FIRST.isdisjoint(classes)


def upload_right(connection: Connection, partner_id: str, user_id: str, service: Service) -> Any:
    """The row by which a user may send this kind of order, or ``None``. The scope is never looked at."""
    return connection.execute(
        select(rights).where(
            rights.c.partner_id == partner_id,
            rights.c.user_id == user_id,
            rights.c.admin_type == "BTU",
            rights.c.service == service.name,
            rights.c.message == service.message,
            rights.c.container == service.container,
        )
    ).one_or_none()


def class_of(connection: Connection, owner: str, signer: tuple[str, str], service: Service) -> str:
    """The class in which a user signs orders of ``owner``: E, A, B, T, or empty for who may not at all.

    Args:
        owner: the customer whose order it is. Users of another customer need a mandate of the owner.
        signer: partner id and user id.
    """
    partner_id, user_id = signer
    if upload_right(connection, partner_id, user_id, service) is None:
        return ""
    if partner_id != owner and not _mandated(connection, owner, signer):
        return ""
    own = select(levels.c.level).where(
        levels.c.partner_id == partner_id, levels.c.user_id == user_id, levels.c.service == service.name
    )
    usual = select(users.c.authorisation).where(users.c.partner_id == partner_id, users.c.user_id == user_id)
    return str(connection.scalar(own) or connection.scalar(usual) or "")


def may_sign(level: str) -> bool:
    """Whether a signature of this class counts."""
    return level in _COUNTING


def owners(connection: Connection, signer: tuple[str, str]) -> list[str]:
    """The customers whose orders a user may look at: its own, and those that gave it a mandate."""
    given = select(mandates.c.owner).where(mandates.c.partner_id == signer[0], mandates.c.user_id == signer[1])
    return [signer[0], *connection.scalars(given.order_by(mandates.c.owner))]


def _mandated(connection: Connection, owner: str, signer: tuple[str, str]) -> bool:
    return owner in owners(connection, signer)
