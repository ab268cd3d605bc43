"""Orders that wait for signatures: kept, listed, looked into, signed and cancelled (EBICS 3.0.2, chapter 8).

What may live here: the store of the distributed electronic signature. The rule when an order is authorised is in
``authority``; what happens to an order that is, is the desk's and ``payments``' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select, update

from electra_kernel.bank import authority, entitlement, orderdata, payees
from electra_kernel.bank.database import events, get_fact, orders, signatures, users, waiting
from electra_kernel.bank.profile import order_types
from electra_kernel.bank.reports import Protocol, record, service_of
from electra_kernel.ebics import eds
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.desk import Decision, DeskRefusal, DownloadRequest, Upload
from electra_kernel.ebics.edsparams import EdsParams
from electra_kernel.ebics.signature import order_digest, raw_digest
from electra_kernel.ebics.version import H005, EbicsVersion
from electra_kernel.formats import pain001
from electra_kernel.formats.base import Reading
from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.money import format_amount

#: State of an order that waits, and of one that was given up: like a refused one it may be sent again.
WAITS, GIVEN_UP = "waiting", "refused"
#: Without a right to the kind of order there is nothing more to say; with one it is told what the signature is not good for.
_NO_RIGHT = "090003"
#: The scheme a hash goes with where the sender's own is not known.
_SCHEME = "A006"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a signature on a waiting order was taken: ``complete`` once the order is authorised, or ``refusal``."""

    complete: bool = False
    refusal: DeskRefusal | None = None


# ------------------------------------------------------------------------------------------------------ arrival
def classes_of(connection: Connection, upload: Upload) -> dict[tuple[str, str], str]:
    """The class in which each signer of an upload signs it; empty for who may not."""
    if upload.service is None:
        return {}
    return {
        signer: authority.class_of(connection, upload.partner_id, signer, upload.service) for signer in upload.signers
    }


def put(
    connection: Connection,
    key: int,
    reading: Reading,
    classes: Mapping[tuple[str, str], str],
    *,
    needed: int,
    at: datetime,
) -> None:
    """Let an order wait, with the signatures that count so far.

    Args:
        key: of the order's row, whose state becomes ``waiting``.
        needed: signatures this kind of order wants.
    """
    payments = [payment for order in reading.orders for payment in order.transactions]
    currencies = {payment.amount.currency for payment in payments}
    total = sum((payment.amount.amount for payment in payments), Decimal(0))
    connection.execute(
        waiting.insert().values(
            order=key,
            needed=needed,
            count=len(payments),
            total=f"{total:f}" if len(currencies) == 1 else "",
            currency=currencies.pop() if len(currencies) == 1 else "",
            payer=reading.orders[0].debtor.account,
            first_payee=payments[0].counterparty.name if payments else "",
        )
    )
    connection.execute(update(orders).where(orders.c.id == key).values(state=WAITS))
    for signer, level in classes.items():
        if authority.may_sign(level):
            _sign(connection, key, signer, level, at)


def _sign(connection: Connection, key: int, signer: tuple[str, str], level: str, at: datetime) -> None:
    number = len(_signatures(connection, key)) + 1
    row = {"partner_id": signer[0], "user_id": signer[1], "number": number, "level": level, "at": at}
    connection.execute(signatures.insert().values(order=key, **row))


def _signatures(connection: Connection, key: int) -> Sequence[Any]:
    query = (
        select(signatures, users.c.name)
        .join(
            users,
            (users.c.partner_id == signatures.c.partner_id) & (users.c.user_id == signatures.c.user_id),
            isouter=True,
        )
        .where(signatures.c.order == key)
    )
    return connection.execute(query.order_by(signatures.c.number)).all()


# -------------------------------------------------------------------------------------------------------- looks
def answer(connection: Connection, request: DownloadRequest, version: EbicsVersion) -> bytes:
    """The order data of HVU, HVZ, HVD or HVT."""
    asked = request.eds
    if asked is None:
        raise DeskRefusal("091112", f"{request.admin_type} has parameters of its own.")
    signer = (request.partner_id, request.user_id)
    if request.admin_type in ("HVU", "HVZ"):
        listed = _listed(connection, signer, asked.filters, version)
        if not listed:
            raise DeskRefusal("090005")
        return eds.write_waiting(listed, version, details=request.admin_type == "HVZ", types=order_types(connection))
    row = _find(connection, signer, request.service, asked, "091007")
    if row.state != WAITS:
        raise DeskRefusal("091114")
    if request.admin_type == "HVD":
        return eds.write_state(_state(connection, row), version)
    data = orderdata.read(connection, row.id)
    return data if asked.complete else _payments(data, row.order_id, asked, version)


def _listed(
    connection: Connection, signer: tuple[str, str], filters: Sequence[Service], version: EbicsVersion
) -> list[eds.WaitingOrder]:
    query = (
        select(*orderdata.COLUMNS, orderdata.SIZE, waiting, users.c.name, users.c.signature_version)
        .join(waiting, waiting.c.order == orders.c.id)
        .join(users, (users.c.partner_id == orders.c.partner_id) & (users.c.user_id == orders.c.user_id))
        .where(orders.c.state == WAITS, orders.c.partner_id.in_(authority.owners(connection, signer)))
    )
    types = order_types(connection)
    return [
        _told(connection, row, service, signer)
        for row in connection.execute(query.order_by(orders.c.id))
        if (service := service_of(row.service)) is not None
        and _fits(service, filters)
        and eds.nameable(service, version, types)
        and authority.may_sign(authority.class_of(connection, row.partner_id, signer, service))
        and entitlement.lack(connection, signer, service.name, entitlement.kept_sums(connection, row.id)) is None
    ]


def began_to_wait(connection: Connection, signer: tuple[str, str], since: int) -> bool:
    """Whether an order that waits for this user's signature was put where orders wait after an event of the protocol."""
    owners = authority.owners(connection, signer)
    new = select(events.c.partner_id, events.c.order_id).where(
        events.c.id > since, events.c.partner_id.in_(owners), events.c.action == "VEU_FORWARDING"
    )
    put_there = {(row.partner_id, row.order_id) for row in connection.execute(new)}
    return bool(put_there) and any(
        told.ready and (told.originator.partner_id, told.order_id) in put_there
        for told in _listed(connection, signer, (), H005)
    )


def _fits(service: Service, filters: Sequence[Service]) -> bool:
    """Whether one filter has nothing that differs; what a filter leaves empty fits all."""
    return not filters or any(
        all(getattr(each, name) in ("", getattr(service, name)) for name in Service.__slots__) for each in filters
    )


def _told(connection: Connection, row: Any, service: Service, signer: tuple[str, str]) -> eds.WaitingOrder:
    signed = _signatures(connection, row.id)
    return eds.WaitingOrder(
        service=service,
        order_id=row.order_id,
        size=max(row.size, 1),
        ready=signer not in {(each.partner_id, each.user_id) for each in signed},
        required=authority.wanted([each.level for each in signed], row.needed),
        done=len(signed),
        signers=_signers(signed),
        originator=eds.Signer(partner_id=row.partner_id, user_id=row.user_id, name=row.name, at=row.received),
        note=row.file_name,
        digest=row.digest,
        scheme=row.signature_version or _SCHEME,
        data_available=True,
        details_available=True,
        count=row.count,
        total=Decimal(row.total) if row.total else None,
        currency=row.currency,
        first_party=row.first_payee,
        first_account=row.payer,
    )


def _signers(signed: Sequence[Any]) -> tuple[eds.Signer, ...]:
    return tuple(
        eds.Signer(partner_id=each.partner_id, user_id=each.user_id, name=each.name or "", at=each.at, level=each.level)
        for each in signed
    )


def _find(
    connection: Connection, signer: tuple[str, str], service: Service | None, asked: EdsParams, no_right: str
) -> Any:
    """A waiting (or final) order this user may sign; one of another customer's does not exist for it (091114)."""
    query = (
        select(*orderdata.COLUMNS, orderdata.SIZE, waiting, users.c.name, users.c.signature_version)
        .join(waiting, waiting.c.order == orders.c.id)
        .join(users, (users.c.partner_id == orders.c.partner_id) & (users.c.user_id == orders.c.user_id))
        .where(orders.c.partner_id == asked.partner_id, orders.c.order_id == asked.order_id)
    )
    row = connection.execute(query).one_or_none()
    if row is None or asked.partner_id not in authority.owners(connection, signer):
        raise DeskRefusal("091114")
    kept = service_of(row.service)
    if kept is None or (service is not None and (service.name, service.message) != (kept.name, kept.message)):
        raise DeskRefusal("091114", f"The order {asked.order_id} is not of that kind.")
    if not authority.may_sign(authority.class_of(connection, asked.partner_id, signer, kept)):
        raise DeskRefusal(no_right, f"{signer[1]} may not sign the order {asked.order_id}.")
    lack = entitlement.lack(connection, signer, kept.name, entitlement.kept_sums(connection, row.id))
    if lack is not None:
        raise lack if no_right == _NO_RIGHT else DeskRefusal(no_right, lack.text)
    return row


def _state(connection: Connection, row: Any) -> eds.OrderState:
    signed = _signatures(connection, row.id)
    amount = f"{format_amount(Decimal(row.total), row.currency)} {row.currency}" if row.total else "several currencies"
    lines = [
        f"{get_fact(connection, 'bank')}: order {row.order_id} of {row.partner_id}, sent by {row.user_id} ({row.name})",
        f"{row.count} payments, {amount}, from {format_account(row.payer)}",
        f"The first is to {row.first_payee}.",
        f"Signed by: {', '.join(f'{each.user_id} ({each.level})' for each in signed) or 'nobody yet'}",
    ]
    return eds.OrderState(
        digest=row.digest,
        scheme=row.signature_version or _SCHEME,
        display="\n".join(lines).encode(),
        size=max(row.size, 1),
        signers=_signers(signed),
    )


def _payments(data: bytes, order_id: str, asked: EdsParams, version: EbicsVersion) -> bytes:
    held = [(order, each) for order in pain001.read(data, order_id).orders for each in order.transactions]
    if asked.offset >= len(held):
        raise DeskRefusal("091112", f"The order has {len(held)} payments.")
    end = asked.offset + asked.limit if asked.limit else len(held)
    told = [
        eds.Payment(
            amount=payment.amount.amount,
            currency=payment.amount.currency,
            payer=order.debtor.name,
            payer_account=order.debtor.account,
            payee=payment.counterparty.name,
            payee_account=payment.counterparty.account,
            payee_bank=payment.counterparty.bic,
            execution_date=order.execution_date,
            message="pain.001",
            purpose=payment.remittance or payment.structured_reference,
        )
        for order, payment in held[asked.offset : end]
    ]
    return eds.write_payments(told, len(held), version)


# ---------------------------------------------------------------------------------------------------- decisions
def found(connection: Connection, signer: tuple[str, str], service: Service | None, asked: EdsParams) -> Any:
    """The waiting order a user wants to sign or cancel, or a refusal: 091114, 091115, 090003, 091302, 091303."""
    row = _find(connection, signer, service, asked, _NO_RIGHT)
    if row.state != WAITS:
        raise DeskRefusal("091115", f"The order {asked.order_id} waits no more.")
    return row


def digests(data: bytes) -> tuple[bytes, bytes]:
    """The hashes a signature may be made over."""
    return order_digest(data), raw_digest(data)


def whose(row: Any, decision: Decision) -> Protocol:
    """For the customer protocol: the order's customer, and who decided."""
    return Protocol(
        partner_id=row.partner_id,
        user_id=decision.user_id,
        admin_type=decision.admin_type,
        service=service_of(row.service),
        order_id=row.order_id,
        digest=row.digest,
    )


def sign(connection: Connection, row: Any, decision: Decision, *, now: datetime, at: datetime) -> Outcome:
    """Add a signature to a waiting order.

    Args:
        now: real time, for the protocol; at: the bank's time.
    """
    signer, service = (decision.partner_id, decision.user_id), service_of(row.service)
    assert service is not None
    if payees.is_open(connection, row.id):
        raise DeskRefusal("090006", f"The names of the order {row.order_id} are still being checked.")
    signed, protocol = _signatures(connection, row.id), whose(row, decision)
    record(connection, protocol, "ES_UPLOAD", at=now, reason="TS01", text=_customer(row, decision))
    if signer in {(each.partner_id, each.user_id) for each in signed}:
        words = f"{decision.user_id} has signed this order already."
        record(connection, protocol, "VEU_VERIFICATION", at=now, reason="DS26", text=words)
        return Outcome(refusal=DeskRefusal("091306", words))
    level = authority.class_of(connection, row.partner_id, signer, service)
    _sign(connection, row.id, signer, level, at)
    record(connection, protocol, "VEU_VERIFICATION", at=now, reason="DS01", text=f"Signature class {level}.")
    if not authority.authorised([*(each.level for each in signed), level], row.needed):
        return Outcome()
    record(connection, protocol, "VEU_VERIFICATION_END", at=now, reason="DS05")
    return Outcome(complete=True)


def cancel(connection: Connection, row: Any, decision: Decision, *, now: datetime) -> None:
    """Give a waiting order up. It never was; the same data may be sent again."""
    words = f"Cancelled by {decision.user_id}. {_customer(row, decision)}".strip()
    connection.execute(update(orders).where(orders.c.id == row.id).values(state=GIVEN_UP, refusal=words))
    protocol = whose(row, decision)
    record(connection, protocol, "VEU_CANCEL_ORDER", at=now, reason="DS02", text=words)
    record(connection, protocol, "ORDER_HAC_FINAL_NEG", at=now, reason="DS02", text=words)


def _customer(row: Any, decision: Decision) -> str:
    return "" if decision.partner_id == row.partner_id else f"Of the customer {decision.partner_id}."
