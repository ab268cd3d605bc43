"""What a person is about to sign, and the steps of signing and sending. No widgets here."""

from __future__ import annotations

from electra_kernel.orders.kinds import KINDS
from electra_kernel.orders.lifecycle import State
from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.money import format_amount
from electra_kernel.workbench.orders import TrackedOrder

#: How many payments are shown before signing; the largest first.
SHOWN_PAYMENTS = 5

_SIGNABLE = frozenset({State.DRAFT, State.READY, State.PART_SIGNED})
_SENDABLE = frozenset({State.PART_SIGNED, State.SIGNED, State.QUEUED, State.SENT})


def what_is_signed(order: TrackedOrder) -> list[tuple[str, str]]:
    """The order's facts as (label, text): who pays what, when, and the hash that the signature covers."""
    value = order.order
    return [
        ("Order", f"{order.id}, {KINDS[value.kind].title}"),
        ("Paid by", value.debtor.name),
        ("From", format_account(value.debtor.account)),
        ("Payments", str(len(value.transactions))),
        ("Total", f"{format_amount(value.control_sum, value.currency)} {value.currency}"),
        ("Execution date", value.execution_date.isoformat()),
        ("Signed by", ", ".join(order.signers) or "nobody yet"),
        ("Hash", order.digest.hex()),
    ]


def largest_payments(order: TrackedOrder) -> list[tuple[str, str, str]]:
    """The largest payments, at most ``SHOWN_PAYMENTS``, as (payee, account, amount)."""
    by_size = sorted(order.order.transactions, key=lambda payment: payment.amount.amount, reverse=True)
    return [
        (payment.counterparty.name, format_account(payment.counterparty.account), str(payment.amount))
        for payment in by_size[:SHOWN_PAYMENTS]
    ]


def why_not_sign(order: TrackedOrder) -> str:
    """Why this user cannot sign now; empty where nothing stands in the way."""
    status, user = order.status, order.connection.record.user
    if user in order.signers and status in (State.PART_SIGNED, State.SIGNED):
        return f"{user} has signed."
    if status not in _SIGNABLE:
        return f"The order is {status.value}."
    return ""


def why_not_send(order: TrackedOrder) -> str:
    """Why the order cannot go out after this user's signature; empty where nothing stands in the way."""
    if order.status in _SENDABLE or not why_not_sign(order):
        return ""
    return f"The order is {order.status.value}."


def what_sending_does(order: TrackedOrder) -> str:
    """What becomes of an order that this user has signed and others have still to; empty where nothing is to be said."""
    if order.status is not State.PART_SIGNED or not why_not_sign(order):
        return ""
    return (
        "Another signature is missing. Let another user sign here; or send the order as it is, and it waits at the bank "
        "until somebody else has signed it there."
    )


def sign(order: TrackedOrder, password: str) -> str:
    """Sign the order; returns what to tell the user.

    Raises:
        WrongPassword: nothing was done.
        ElectraError: the order cannot be signed; the error says why.
    """
    connection = order.connection
    connection.unlock(lambda _: password)
    order.sign(connection=connection.name, ask=lambda _: password)
    return f"Signed by {', '.join(order.signers)}. The order is {order.status.value}."


def sign_and_send(order: TrackedOrder, password: str) -> str:
    """Sign the order where this user has not yet, and bring it to the bank; returns what to tell the user.

    An order that lacks another signature after this user's stays here, so that another user may sign it; asked once
    more, it is sent as it is, and waits at the bank.

    Raises:
        WrongPassword: nothing was done.
        ElectraError: it could not be signed or sent; a signed order stays in the outbox.
    """
    order.connection.unlock(lambda _: password)
    if not why_not_sign(order):
        sign(order, password)
        if order.status is State.PART_SIGNED:
            return f"Signed. {what_sending_does(order)}"
    waits = order.status is State.PART_SIGNED
    order.send()
    if waits:
        return (
            "Sent as it is. The order waits at the bank until somebody else has signed it there: wb.to_sign() lists it."
        )
    return f"Sent. The order is {order.status.value} at the bank."
