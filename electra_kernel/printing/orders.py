"""The paper of an order: who pays whom, how much, when, and who signed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from electra_kernel.orders.kinds import KINDS
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.printing.paper import amount, day, joined, moment, typeset
from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.money import Money

_CHARGES = {"SLEV": "as the scheme says", "SHAR": "shared", "DEBT": "paid by the payer", "CRED": "paid by the payee"}
_BOOKING = {True: "one for all payments", False: "one for each payment"}


def order_pdf(order: Order, *, status: str, signers: Sequence[str], printed: datetime) -> bytes:
    """An order on paper.

    Args:
        order: with any number of transactions.
        status: its state in words.
        signers: who signed so far, in order; empty where nobody did.
        printed: the moment that stands on the paper.

    Returns:
        A PDF of one or more A4 pages.
    """
    kind = KINDS[order.kind].title if order.kind in KINDS else order.kind
    data = {
        "kind": kind,
        "status": status,
        "number": order.message_id,
        "currency": order.currency,
        "total": _total(order),
        "debtor": {"name": order.debtor.name, "account": format_account(order.debtor.account)},
        "facts": [[name, value] for name, value in _facts(order) if value],
        "transactions": [_row(transaction) for transaction in order.transactions],
        "signers": list(signers),
    }
    return typeset("order", data, printed)


def _facts(order: Order) -> list[tuple[str, str]]:
    count = len(order.transactions)
    return [
        ("Execution date", day(order.execution_date)),
        ("Payments", f"{count:,}".replace(",", "\u00a0")),
        # Third: that column is the widest, and an id takes up to 35 letters without a blank.
        ("Payment id", order.payment_id if order.payment_id != order.message_id else ""),
        ("Created", moment(order.created)),
        ("Initiated by", order.initiator if order.initiator != order.debtor.name else ""),
        ("Booking", _BOOKING.get(order.batch_booking, "") if order.batch_booking is not None else ""),
        ("Charges", _CHARGES.get(order.charge_bearer, order.charge_bearer)),
    ]


def _total(order: Order) -> str:
    """The total where there is one currency; an order that mixes several (a draft with a problem) has none."""
    currencies = {transaction.amount.currency for transaction in order.transactions}
    return amount(order.control_sum, order.currency) if len(currencies) == 1 else ""


def _row(transaction: Transaction) -> list[str]:
    party = transaction.counterparty
    end_to_end = "" if transaction.end_to_end_id == NOT_PROVIDED else transaction.end_to_end_id
    account = "\u2002".join(part for part in (format_account(party.account), party.bic) if part)
    names = [
        f"for {transaction.ultimate_creditor}" if transaction.ultimate_creditor else "",
        f"on behalf of {transaction.ultimate_debtor}" if transaction.ultimate_debtor else "",
    ]
    return [
        party.name,
        joined(account, str(party.address), *names),
        joined(transaction.remittance, transaction.structured_reference),
        "\u2002".join(part for part in (end_to_end, transaction.purpose) if part),
        joined(_amount(transaction.amount), f"paid in {transaction.paid_in}" if transaction.paid_in else ""),
    ]


def _amount(money: Money) -> str:
    return f"{amount(money.amount, money.currency)}\u00a0{money.currency}"
