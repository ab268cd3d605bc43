"""What a user's signature is good for beside its class: which accounts, and up to which amounts (EBICS 3.0.2, 3.14 and HTD).

What may live here: rights to accounts and limits, and comparing an order with them. Signature classes are in ``authority``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from electra_kernel.bank.database import account_rights, limits, order_sums
from electra_kernel.ebics.desk import DeskRefusal
from electra_kernel.orders.model import Order
from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.money import format_amount

#: What an order pays in all, by account and currency.
Sums: TypeAlias = Mapping[tuple[str, str], Decimal]
#: Partner id and user id.
Signer: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Limit:
    """A user's signature is good up to ``amount`` for one order; ``service`` is empty for all services."""

    currency: str
    amount: Decimal
    service: str = ""


# --------------------------------------------------------------------------------------------------- what is asked
def sums_of(read: Iterable[Order]) -> Sums:
    """What the blocks of a file pay, by the account that pays and the currency."""
    sums: dict[tuple[str, str], Decimal] = {}
    for order in read:
        for payment in order.transactions:
            place = (order.debtor.account, payment.amount.currency)
            sums[place] = sums.get(place, Decimal(0)) + payment.amount.amount
    return sums


def keep_sums(connection: Connection, key: int, sums: Sums) -> None:
    """Keep the sums of an order, for those who sign it later."""
    rows = [
        {"order": key, "account": account, "currency": currency, "amount": f"{amount:f}"}
        for (account, currency), amount in sums.items()
    ]
    if rows:
        connection.execute(order_sums.insert(), rows)


def kept_sums(connection: Connection, key: int) -> Sums:
    """The sums of an order that was kept."""
    rows = connection.execute(select(order_sums).where(order_sums.c.order == key))
    return {(row.account, row.currency): Decimal(row.amount) for row in rows}


# --------------------------------------------------------------------------------------------------- what is given
def usable_accounts(connection: Connection, signer: Signer) -> frozenset[str] | None:
    """The accounts a user may order payments from; ``None`` for all of the customer's."""
    here = (account_rights.c.partner_id == signer[0], account_rights.c.user_id == signer[1])
    return frozenset(connection.scalars(select(account_rights.c.account).where(*here))) or None


def limits_of(connection: Connection, signer: Signer, service: str) -> dict[str, Decimal]:
    """A user's limits for orders of a service, by currency; one for the service goes before the general one."""
    here = (limits.c.partner_id == signer[0], limits.c.user_id == signer[1], limits.c.service.in_(("", service)))
    rows = connection.execute(select(limits).where(*here).order_by(limits.c.service))
    return {row.currency: Decimal(row.amount) for row in rows}


def lack(connection: Connection, signer: Signer, service: str, sums: Sums) -> DeskRefusal | None:
    """Why this user's signature is not good for such an order (091302, 091303); ``None`` where it is."""
    accounts, ceilings = usable_accounts(connection, signer), limits_of(connection, signer, service)
    by_currency: dict[str, Decimal] = {}
    for (account, currency), amount in sums.items():
        if accounts is not None and account not in accounts:
            words = f"{signer[1]} may not use the account {format_account(account)}."
            return DeskRefusal("091302", words, reason="DS0H")
        by_currency[currency] = by_currency.get(currency, Decimal(0)) + amount
    for currency, amount in by_currency.items():
        ceiling = ceilings.get(currency)
        if ceiling is not None and amount > ceiling:
            most = f"{format_amount(ceiling, currency)} {currency}"
            words = f"{signer[1]} signs orders of up to {most}; this one pays {format_amount(amount, currency)}."
            return DeskRefusal("091303", words, reason="AM21")
    return None


# ------------------------------------------------------------------------------------------------- what is changed
def set_limit(connection: Connection, signer: Signer, limit: Limit) -> None:
    """Give a user a limit, in the place of the one it had for this currency and service."""
    amount = f"{limit.amount:f}"
    row = insert(limits).values(
        partner_id=signer[0], user_id=signer[1], service=limit.service, currency=limit.currency, amount=amount
    )
    place = ["partner_id", "user_id", "service", "currency"]
    connection.execute(row.on_conflict_do_update(index_elements=place, set_={"amount": amount}))


def lift_limits(connection: Connection, signer: Signer) -> None:
    """Let a user sign orders of any amount."""
    connection.execute(delete(limits).where(limits.c.partner_id == signer[0], limits.c.user_id == signer[1]))


def set_accounts(connection: Connection, signer: Signer, numbers: Iterable[str]) -> None:
    """Let a user order payments from these accounts only; from all where none is named."""
    here = (account_rights.c.partner_id == signer[0], account_rights.c.user_id == signer[1])
    connection.execute(delete(account_rights).where(*here))
    rows = [{"partner_id": signer[0], "user_id": signer[1], "account": number} for number in sorted(set(numbers))]
    if rows:
        connection.execute(account_rights.insert(), rows)
