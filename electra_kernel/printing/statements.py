"""The paper of a statement: opening, every booking, closing, and what does not add up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from electra_kernel.printing.paper import amount, day, joined, short_day, typeset
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.errors import Problem

_BALANCES = {
    "OPBD": "Opening balance", "PRCD": "Previous closing balance", "CLBD": "Closing balance",
    "ITBD": "Interim balance", "CLAV": "Closing available balance", "OPAV": "Opening available balance",
    "ITAV": "Interim available balance", "FWAV": "Forward available balance", "XPCD": "Expected balance",
}  # fmt: skip
_STATUS = {"PDNG": "pending", "INFO": "for information"}


def statement_pdf(statement: Statement, problems: Sequence[Problem] = (), *, printed: datetime) -> bytes:
    """A statement on paper.

    Args:
        statement: with any number of entries; the payments of a batched booking stand under it.
        problems: what does not add up; printed before the bookings, never left out.
        printed: the moment that stands on the paper.

    Returns:
        A PDF of one or more A4 pages.
    """
    booked = [entry.amount for entry in statement.entries if entry.status == "BOOK"]
    credits_, debits = [value for value in booked if value > 0], [value for value in booked if value < 0]
    data = {
        "account": format_account(statement.account),
        "owner": statement.owner,
        "currency": statement.currency,
        "facts": [[name, value] for name, value in _facts(statement) if value],
        "balances": [_balance(balance) for balance in statement.balances],
        "sums": [
            ["In", str(len(credits_)), amount(sum(credits_, Decimal(0)), statement.currency)],
            ["Out", str(len(debits)), amount(sum(debits, Decimal(0)), statement.currency)],
        ],
        "entries": [_entry(entry, statement.currency) for entry in statement.entries],
        "problems": [[problem.text, problem.repair] for problem in problems],
        "note": statement.additional_information,
    }
    return typeset("statement", data, printed)


def _facts(statement: Statement) -> list[tuple[str, str]]:
    number = "" if statement.sequence is None else str(statement.sequence)
    period = " to ".join(part for part in (day(statement.from_date), day(statement.to_date)) if part)
    return [
        ("Statement", number or statement.identification),
        ("Identification", statement.identification if number else ""),
        ("Period", period),
        ("Made by the bank", day(statement.created.date()) if statement.created else ""),
        ("Bank", statement.bank_bic),
    ]


def _balance(balance: Balance) -> list[str]:
    name = _BALANCES.get(balance.kind, f"Balance {balance.kind}")
    return [name, day(balance.date), f"{amount(balance.amount, balance.currency)}\u00a0{balance.currency}"]


def _entry(entry: Entry, currency: str) -> dict[str, object]:
    """One booking; its only payment stands in its own row, several stand under it."""
    own = entry.details[0] if len(entry.details) == 1 else EntryDetail()
    marks = [_STATUS.get(entry.status, ""), "reversal" if entry.reversal else ""]
    code = entry.bank_transaction_code or entry.proprietary_code
    note = entry.additional_information
    return {
        "booked": short_day(entry.booking_date),
        "value": short_day(entry.value_date),
        "name": own.counterparty.name if own.counterparty else note or "Booking",
        "text": joined(*_texts(own), note if own.counterparty else ""),
        "small": "\u2002".join(part for part in (code, entry.bank_reference, *marks) if part),
        "amount": _with_currency(entry.amount, entry.currency, currency),
        "negative": entry.amount < 0,
        "details": [_detail(detail, currency) for detail in entry.details] if len(entry.details) > 1 else [],
    }


def _detail(detail: EntryDetail, currency: str) -> list[str]:
    shown = "" if detail.amount is None else _with_currency(detail.amount, detail.currency or currency, currency)
    return [detail.counterparty.name if detail.counterparty else "", joined(*_texts(detail)), shown]


def _texts(detail: EntryDetail) -> list[str]:
    account = format_account(detail.counterparty.account) if detail.counterparty else ""
    original = ""
    if detail.original_amount is not None:
        rate = f" at {detail.exchange_rate}" if detail.exchange_rate is not None else ""
        shown = amount(detail.original_amount, detail.original_currency)
        original = f"{shown}\u00a0{detail.original_currency}{rate}"
    reference = "" if detail.end_to_end_id in ("", "NOTPROVIDED") else detail.end_to_end_id
    return [account, detail.remittance, "\u2002".join(filter(None, (detail.structured_reference, reference))), original]


def _with_currency(value: Decimal, currency: str, account_currency: str) -> str:
    shown = amount(value, currency)
    return shown if currency == account_currency else f"{shown}\u00a0{currency}"
