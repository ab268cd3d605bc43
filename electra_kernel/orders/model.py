"""The order and its transactions: small immutable values, for payments and for collections (direct debits).

What may live here: what every kind of order has in common. Rules are in ``rulebooks``, states in ``lifecycle``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

#: ISO 20022's word for a payment whose payer gave no reference.
NOT_PROVIDED = "NOTPROVIDED"

#: What stands for the old account where a debtor has changed it and kept the mandate (EPC130-08, amendment details).
SAME_MANDATE_NEW_ACCOUNT = "SMNDA"

#: The order's own side where the file names none: not yet known, or not this side's business.
NOBODY = Party(name="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What was different about a mandate before it was changed (ISO 20022 AmdmntInfDtls); empty where it was not.

    Attributes:
        mandate: the mandate's id before.
        creditor_id: the creditor's scheme id before.
        creditor_name: the creditor's name before.
        debtor_account: the debtor's account before; ``SMNDA`` where it is only said that it was another.
        debtor_bic: the debtor's bank before; ``SMNDA`` in the same sense.
    """

    mandate: str = ""
    creditor_id: str = ""
    creditor_name: str = ""
    debtor_account: str = ""
    debtor_bic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """The debtor's permission that a collection stands on.

    Attributes:
        identification: the mandate's id (SEPA: at most 35 characters; Hungarian collections: the payer's number at
            the collector). Empty where the file names none.
        signed: the day it was signed; ``None`` where the scheme asks for none.
        sequence: ``FRST``, ``RCUR``, ``OOFF``, ``FNAL`` or ``RPRE``; empty where the scheme knows none.
        creditor_id: the creditor's scheme id, only where it is not the order's.
        amendment: what changed since the last collection; ``None`` where nothing did.
    """

    identification: str = ""
    signed: date | None = None
    sequence: str = ""
    creditor_id: str = ""
    amendment: Amendment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One payment or collection inside an order.

    Attributes:
        amount: what the counterparty gets, or in a collection gives; positive.
        counterparty: who is paid; in a collection, who pays.
        remittance: free text to the counterparty.
        structured_reference: a creditor reference (ISO 11649, ``RF…``) or the like; empty where none.
        end_to_end_id: travels unchanged to the counterparty, at most 35 characters.
        instruction_id: travels to the bank only.
        purpose: ISO external purpose code such as ``SALA``; empty where none.
        ultimate_debtor, ultimate_creditor: names of the parties behind the accounts; empty where none.
        position: the line (or byte offset) of the file it was read from.
        mandate: what a collection stands on; ``None`` for a payment.
        paid_in: the currency in which the counterparty is paid where ``amount`` is its equivalent, to be debited (ISO 20022
            EqvtAmt, CcyOfTrf); empty where the amount itself is paid.
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
    mandate: Mandate | None = None
    paid_in: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One kind, one account of the customer's, one execution date, 1…n transactions.

    Attributes:
        message_id: unique per order; the same bytes keep it for ever (ISO 20022 MsgId, at most 35 characters).
        payment_id: ISO 20022 PmtInfId.
        kind: a key of ``kinds.KINDS``.
        debtor: who pays, with the account that is debited; ``NOBODY`` in a collection, whose debtors are its
            counterparties.
        creditor: who collects, with the account that is credited; ``None`` for payments.
        creditor_id: the scheme's id of who collects (SEPA creditor identifier); empty where none.
        execution_date: requested execution date; in a collection, the day the debtors are to be debited.
        created: aware UTC moment of creation.
        initiator: name of the initiating party; the own side's where empty.
        batch_booking: one booking for all (True), one each (False), the bank's default (None).
        charge_bearer: ``SLEV``, ``SHAR``, ``DEBT``, ``CRED`` or empty.
        service_level: ISO 20022 SvcLvl/Cd such as ``URGP``, where it is not the kind's own.
        local_instrument: ISO 20022 LclInstrm/Cd such as ``INST``, where it is not the kind's own.
        transactions: in order; a tuple, or what is equal to one and makes its objects only when asked for them.
        category_purpose: ISO 20022 CtgyPurp/Cd of the whole order, such as ``SALA``; empty where none.
    """

    message_id: str
    payment_id: str
    kind: str
    debtor: Party = field(default=NOBODY)
    execution_date: date
    created: datetime
    transactions: Sequence[Transaction] = field(default=())
    initiator: str = ""
    batch_booking: bool | None = None
    charge_bearer: str = ""
    creditor: Party | None = None
    creditor_id: str = ""
    service_level: str = ""
    local_instrument: str = ""
    category_purpose: str = ""

    @property
    def collects(self) -> bool:
        """Whether money comes in by it: a collection (direct debit)."""
        return self.creditor is not None

    @property
    def own(self) -> Party:
        """The customer's side: who pays, or in a collection who collects."""
        return self.debtor if self.creditor is None else self.creditor

    @property
    def currency(self) -> str:
        """The currency of the first transaction; empty for an order without any."""
        return self.transactions[0].amount.currency if self.transactions else ""

    @property
    def control_sum(self) -> Decimal:
        """The sum of all amounts as plain numbers, whatever their currency (ISO 20022 CtrlSum)."""
        return sum((transaction.amount.amount for transaction in self.transactions), Decimal(0))
