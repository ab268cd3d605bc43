"""The order and its transactions: small immutable values.

What may live here: what every kind of order has in common. Rules are in ``rulebooks``, states in ``lifecycle``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

#: ISO 20022's word for a payment whose payer gave no reference.
NOT_PROVIDED = "NOTPROVIDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One payment inside an order.

    Attributes:
        amount: what the counterparty gets; positive.
        counterparty: who is paid.
        remittance: free text to the counterparty.
        structured_reference: a creditor reference (ISO 11649, ``RF…``) or the like; empty where none.
        end_to_end_id: travels unchanged to the counterparty, at most 35 characters.
        instruction_id: travels to the bank only.
        purpose: ISO external purpose code such as ``SALA``; empty where none.
        ultimate_debtor, ultimate_creditor: names of the parties behind the accounts; empty where none.
        position: the line (or byte offset) of the file it was read from.
    """

    amount: Money
    counterparty: Party
    remittance: str = ""
    structured_reference: str = ""
    end_to_end_id: str = NOT_PROVIDED
    instruction_id: str = ""
    purpose: str = ""
    ultimate_debtor: str = ""
    ultimate_creditor: str = ""
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One kind, one debtor account, one execution date, 1…n transactions.

    Attributes:
        message_id: unique per order; the same bytes keep it for ever (ISO 20022 MsgId, at most 35 characters).
        payment_id: ISO 20022 PmtInfId.
        kind: a key of ``kinds.KINDS``.
        debtor: who pays, with the account that is debited.
        execution_date: requested execution date.
        created: aware UTC moment of creation.
        initiator: name of the initiating party; the debtor's where empty.
        batch_booking: one booking for all (True), one each (False), the bank's default (None).
        charge_bearer: ``SLEV``, ``SHAR``, ``DEBT``, ``CRED`` or empty.
    """

    message_id: str
    payment_id: str
    kind: str
    debtor: Party
    execution_date: date
    created: datetime
    transactions: tuple[Transaction, ...] = field(default=())
    initiator: str = ""
    batch_booking: bool | None = None
    charge_bearer: str = ""

    @property
    def currency(self) -> str:
        """The currency of the first transaction; empty for an order without any."""
        return self.transactions[0].amount.currency if self.transactions else ""

    @property
    def control_sum(self) -> Decimal:
        """The sum of all amounts as plain numbers, whatever their currency (ISO 20022 CtrlSum)."""
        return sum((transaction.amount.amount for transaction in self.transactions), Decimal(0))
