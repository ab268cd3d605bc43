"""What the bank tells about itself: HTD, HKD, HPD, HAA and the customer protocol, out of its database.

What may live here: administrative downloads. What they look like on the wire is in ``electra_kernel.ebics``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from electra_kernel.bank import entitlement
from electra_kernel.bank.authority import class_of
from electra_kernel.bank.database import documents, fetched, get_fact, next_number, rights, users
from electra_kernel.bank.ledger import customer_accounts
from electra_kernel.bank.payees import granted, kept_as
from electra_kernel.bank.profile import order_types
from electra_kernel.bank.reports import service_of
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.desk import DeskRefusal, UserState
from electra_kernel.ebics.hac import HacEvent, write_hac
from electra_kernel.ebics.info import (
    AccountInfo,
    BankParameters,
    OrderInfo,
    Permission,
    SubscriberInfo,
    UserInfo,
    write_haa,
    write_hkd,
    write_hpd,
    write_htd,
)
from electra_kernel.ebics.ptk import write_ptk
from electra_kernel.ebics.version import H005, VERSIONS, EbicsVersion

#: UserID@Status in HTD and HKD. The schema allows 0 to 99 and names none; 1 is what banks tell of a ready user.
STATUS = {
    UserState.NEW.value: 0,
    UserState.READY.value: 1,
    UserState.INI.value: 2,
    UserState.HIA.value: 3,
    UserState.INITIALISED.value: 4,
    UserState.SUSPENDED.value: 5,
    UserState.LOCKED.value: 6,
}


def document(
    connection: Connection, admin_type: str, partner_id: str, user_id: str, version: EbicsVersion = H005
) -> bytes:
    """The order data of an administrative download, in the form of the version.

    Raises:
        DeskRefusal: 091006 for a type this bank does not have; 090005 where nothing waits (HAA).
    """
    types = order_types(connection)
    match admin_type:
        case "HTD":
            return write_htd(_subscriber(connection, partner_id, user_id), version, types)
        case "HKD":
            return write_hkd(_customer(connection, partner_id, user_id), version, types)
        case "HPD":
            return write_hpd(_parameters(connection), version)
        case "HAA":
            waiting = _waiting(connection, partner_id, user_id)
            if not waiting:
                raise DeskRefusal("090005")
            return write_haa(waiting, version, types)
    raise DeskRefusal("091006", f"This bank does not offer {admin_type}.")


def protocol(
    connection: Connection, rows: Iterable[Any], created: datetime, *, as_text: bool, version: EbicsVersion = H005
) -> bytes:
    """Rows of the customer protocol as the document HAC delivers, or as the text of PTK."""
    told = [
        HacEvent(
            action=row.action,
            at=row.at,
            admin_type=row.admin_type,
            order_id=row.order_id,
            partner_id=row.partner_id,
            user_id=row.user_id,
            service=service_of(row.service),
            digest=row.digest,
            reason=row.reason,
            text=row.text,
        )
        for row in rows
    ]
    types = order_types(connection)
    if as_text:
        return write_ptk(told, bank=get_fact(connection, "bank"), created=created, types=types)
    bic = get_fact(connection, "bic")
    message_id = f"{bic}-HAC-{next_number(connection, 'protocol'):08d}"
    return write_hac(told, bank_bic=bic, message_id=message_id, created=created, version=version, types=types)


def _customer(connection: Connection, partner_id: str, user_id: str) -> list[SubscriberInfo]:
    """Every user of the customer; the one who asks gives the customer's own part."""
    query = select(users.c.user_id).where(users.c.partner_id == partner_id).order_by(users.c.user_id)
    others = [each for each in connection.scalars(query) if each != user_id]
    return [_subscriber(connection, partner_id, each) for each in (user_id, *others)]


def _subscriber(connection: Connection, partner_id: str, user_id: str) -> SubscriberInfo:
    here = (users.c.partner_id == partner_id, users.c.user_id == user_id)
    user = connection.execute(select(users).where(*here)).one()
    rows = _rights(connection, partner_id, user_id)
    bic = get_fact(connection, "bic")
    return SubscriberInfo(
        host_id=get_fact(connection, "host"),
        name=get_fact(connection, "company"),
        country=get_fact(connection, "region"),
        orders=tuple(
            OrderInfo(
                admin_type=row.admin_type,
                description=description,
                service=service,
                signatures=row.signatures,
            )
            for row in rows
            for service, description in _services(row)
        ),
        accounts=tuple(
            AccountInfo(
                id=f"ACC{account.id}",
                iban=account.number,
                bic=bic,
                holder=account.owner,
                currency=account.currency,
                description=account.name,
            )
            for account in customer_accounts(connection, partner_id)
        ),
        user=UserInfo(
            user_id=user_id,
            name=user.name,
            status=STATUS[user.state],
            permissions=tuple(
                permission
                for row in rows
                for service, _ in _services(row)
                for permission in _permissions(connection, user, row, service)
            ),
        ),
    )


def _permissions(connection: Connection, user: Any, row: Any, service: Service | None) -> list[Permission]:
    """A right as HTD tells it: one for each account where the user's accounts or amounts are limited."""
    plain = Permission(admin_type=row.admin_type, service=service, level=_level(connection, user, row))
    signer = (user.partner_id, user.user_id)
    if not row.signatures or service is None:
        return [plain]
    usable = entitlement.usable_accounts(connection, signer)
    ceilings = entitlement.limits_of(connection, signer, service.name)
    if usable is None and not ceilings:
        return [plain]
    return [
        replace(
            plain,
            account_id=f"ACC{account.id}",
            limit=ceilings.get(account.currency),
            currency=account.currency,
        )
        for account in customer_accounts(connection, user.partner_id)
        if usable is None or account.number in usable
    ]


def _level(connection: Connection, user: Any, row: Any) -> str:
    service = _service(row)
    if not row.signatures or service is None:
        return ""
    return class_of(connection, user.partner_id, (user.partner_id, user.user_id), service)


def _rights(connection: Connection, partner_id: str, user_id: str) -> Sequence[Any]:
    query = select(rights).where(rights.c.partner_id == partner_id, rights.c.user_id == user_id)
    return connection.execute(
        query.order_by(rights.c.admin_type, rights.c.service, rights.c.message, rights.c.container)
    ).all()


def _services(row: Any) -> Sequence[tuple[Service | None, str]]:
    return granted(row) or [(None, row.description)]


def _service(row: Any) -> Service | None:
    if not row.service:
        return None
    return Service(name=row.service, message=row.message, container=row.container)


def _parameters(connection: Connection) -> BankParameters:
    urls = tuple(url for key in ("https", "http") if (url := get_fact(connection, f"url-{key}")))
    return BankParameters(
        # The schema wants an address; a bank that was never served is on this machine and nowhere else.
        urls=urls or ("https://127.0.0.1",),
        institute=get_fact(connection, "bank"),
        host_id=get_fact(connection, "host"),
        protocols=tuple(version.protocol for version in VERSIONS.values()),
        supports=frozenset({"Recovery", "X509Data", "ClientDataDownload", "DownloadableOrderData"}),
    )


def _waiting(connection: Connection, partner_id: str, user_id: str) -> list[Service]:
    """The services for which something waits that the user has not fetched."""
    have = select(fetched.c.document).where(fetched.c.user_id == user_id)
    query = select(documents.c.message).where(documents.c.partner_id == partner_id, documents.c.id.not_in(have))
    messages = set(connection.scalars(query.distinct()))
    rows = _rights(connection, partner_id, user_id)
    return [service for row in rows for service, _ in granted(row) if kept_as(service) in messages]
