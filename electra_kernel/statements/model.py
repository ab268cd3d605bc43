"""Statement, entry, entry detail, balance: small immutable values.

What may live here: what a statement says. The ledger's columns are in ``columns``, the proof in ``proof``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.money import format_amount
from electra_kernel.vocabulary.parties import Party
from electra_kernel.vocabulary.text import html_table

#: What an account's report may be; see ``Statement.kind``.
STATEMENT, REPORT, NOTIFICATION = "statement", "report", "notification"

#: What has no column of its own: names, such as ``UETR``, and their texts, in order.
Others: TypeAlias = tuple[tuple[str, str], ...]

#: How many entries a notebook shows of one statement.
_SHOWN = 100
#: How much a notebook shows of what a statement says that has no field.
_OTHERS_SHOWN = 12

_BALANCE_NAMES = {
    "OPBD": "Opening balance",
    "PRCD": "Previous balance",
    "CLBD": "Closing balance",
    "ITBD": "Interim balance",
    "CLAV": "Available",
    "FWAV": "Forward available",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A balance of an account on a date.

    Attributes:
        kind: ISO code: ``OPBD`` opening booked, ``CLBD`` closing booked, ``ITBD`` interim, ``CLAV`` closing available …
        amount: signed, credit positive, in ``currency``.
    """

    kind: str
    amount: Decimal
    currency: str
    date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDetail:
    """One payment inside a booking. ``amount`` is signed like the entry's and ``None`` where the bank gives none.

    ``others`` stands beside the additional information and is told with it (``words``).

    ``counterparty`` is ``None`` where the bank names nobody; texts are empty where the bank gives none.
    """

    amount: Decimal | None = None
    currency: str = ""
    counterparty: Party | None = None
    remittance: str = ""
    structured_reference: str = ""
    end_to_end_id: str = ""
    mandate_id: str = ""
    creditor_id: str = ""
    bank_reference: str = ""
    bank_transaction_code: str = ""
    proprietary_code: str = ""
    original_amount: Decimal | None = None
    original_currency: str = ""
    exchange_rate: Decimal | None = None
    charges: Decimal | None = None
    additional_information: str = ""
    others: Others = ()

    def words(self) -> str:
        """The additional information and what has no column, as the ledger tells it."""
        return in_words(self.additional_information, self.others)


def in_words(text: str, others: Others) -> str:
    """A text and what has no column: ``the bank's text; UETR: 8a56…; cheque: 17``."""
    return "; ".join([text] * bool(text) + [f"{name}: {value}" for name, value in others])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One booking.

    Attributes:
        amount: signed, in the account's currency (or ``currency`` where the bank booked another).
        status: ``BOOK``, ``PDNG`` or ``INFO``.
        reversal: whether the bank marks it as the reversal of an earlier booking.
        bank_transaction_code: ISO domain-family-subfamily such as ``PMNT-RCDT-ESCT``.
        others: stands beside the additional information and is told with it (``words``).
        position: byte offset (XML) or line of the entry in its file.
    """

    amount: Decimal
    currency: str
    booking_date: date | None
    value_date: date | None
    status: str = "BOOK"
    reversal: bool = False
    bank_transaction_code: str = ""
    proprietary_code: str = ""
    bank_reference: str = ""
    entry_reference: str = ""
    original_amount: Decimal | None = None
    original_currency: str = ""
    exchange_rate: Decimal | None = None
    charges: Decimal | None = None
    additional_information: str = ""
    others: Others = ()
    details: tuple[EntryDetail, ...] = ()
    position: int | None = None

    def words(self) -> str:
        """The additional information and what has no column, as the ledger tells it."""
        return in_words(self.additional_information, self.others)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Statement:
    """One account's report.

    Attributes:
        identification: the bank's id of the statement.
        account: compact IBAN or national number as the bank prints it.
        currency: the account's currency; the closing balance's where the bank leaves it out.
        sequence: the bank's running number (electronic, else legal), or ``None``.
        created: when the bank made it, aware UTC where the bank gives an offset.
        kind: ``STATEMENT`` is the account's book of a period (camt.053, MT940); ``REPORT`` is news within the day
            (camt.052, MT942), ``NOTIFICATION`` news of single bookings (camt.054, MT900, MT910): both until a statement comes.
        others: what else the bank says of the account and the period: credit lines, interest, related accounts …
    """

    identification: str
    account: str
    currency: str
    balances: tuple[Balance, ...]
    entries: tuple[Entry, ...]
    sequence: int | None = None
    created: datetime | None = None
    from_date: date | None = None
    to_date: date | None = None
    owner: str = ""
    bank_bic: str = ""
    additional_information: str = field(default="")
    kind: str = STATEMENT
    others: Others = ()

    def balance(self, kind: str) -> Balance | None:
        """The first balance of a kind, or ``None``."""
        return next((balance for balance in self.balances if balance.kind == kind), None)

    def __repr__(self) -> str:
        return "\n".join(f"{name:<17}{value}" for name, value in self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        period = " to ".join(day.isoformat() for day in (self.from_date, self.to_date) if day)
        balances = [
            (_BALANCE_NAMES.get(each.kind, each.kind), f"{format_amount(each.amount, each.currency)} {each.currency}")
            for each in self.balances
        ]
        booked = [
            (name, f"{format_amount(total, self.currency)} {self.currency} in {count} entries")
            for name, total, count in (self._sum(1), self._sum(-1))
        ]
        facts = [
            ("Statement", self.identification),
            ("Account", f"{format_account(self.account)} {self.owner}".rstrip()),
            ("Period", period),
        ]
        return [fact for fact in (*facts, *balances, *booked, *self.others[:_OTHERS_SHOWN]) if fact[1]]

    def _sum(self, sign: int) -> tuple[str, Decimal, int]:
        amounts = [entry.amount for entry in self.entries if entry.status == "BOOK" and entry.amount * sign > 0]
        return "In" if sign > 0 else "Out", sum(amounts, Decimal(0)), len(amounts)

    def _repr_html_(self) -> str:
        rows = [
            (entry.booking_date, _who(entry), format_amount(entry.amount, entry.currency), entry.currency)
            for entry in self.entries[:_SHOWN]
        ]
        more = f" (the first {_SHOWN} of {len(self.entries)} entries)" if len(self.entries) > _SHOWN else ""
        head = html_table(("", ""), self._facts(), caption=f"Statement {self.identification}{more}")
        return head + html_table(("Booked", "Counterparty and text", "Amount", ""), rows)


def _who(entry: Entry) -> str:
    """Whom one entry is about and why, in one line."""
    if len(entry.details) > 1:
        return f"{len(entry.details)} payments {entry.additional_information}".rstrip()
    detail = entry.details[0] if entry.details else EntryDetail()
    name = detail.counterparty.name if detail.counterparty else ""
    return ", ".join(part for part in (name, detail.remittance or entry.additional_information) if part)
