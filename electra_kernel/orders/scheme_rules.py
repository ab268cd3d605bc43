"""Rules of one scheme or country: SEPA collections, Swiss QR-bills, Hungarian instant payments.

What may live here: rule functions as in ``rules``, for what not every scheme has. Their limits are data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from electra_kernel.orders.model import Transaction
from electra_kernel.orders.rules import Case, Fault
from electra_kernel.vocabulary.money import format_amount
from electra_kernel.vocabulary.parties import Address
from electra_kernel.vocabulary.references import creditor_id_agrees, is_qr_iban, is_qr_reference

# SEPA collections.


def creditor_id(case: Case) -> Iterator[Fault]:
    """The creditor has an identifier of the scheme, with right check digits."""
    given = case.order.creditor_id
    owned = {each.mandate.creditor_id for each in case.order.transactions if each.mandate}
    for identifier in {given, *owned} - {""}:
        if not creditor_id_agrees(identifier):
            text = f"{identifier[:40]!r} is no creditor identifier: its shape or check digits are wrong."
            yield Fault("creditor_id", text, "Copy it from the letter of the authority that gave it.")
    if not given and (not owned or "" in owned):
        yield Fault("creditor_id", "The creditor identifier is missing.", "Give the one you collect under.")


def due_date(case: Case) -> Iterator[Fault]:
    """A collection reaches the bank in time, and not too early."""
    day, limits = case.order.execution_date, case.limits
    earliest = case.today
    for _ in range(limits.lead_days):
        earliest = case.calendar.next_business_day(earliest + timedelta(days=1))
    if case.today <= day < earliest:
        yield Fault("execution_date", f"The bank cannot collect on {day} any more.", f"Choose {earliest} or later.")
    latest = case.today + timedelta(days=limits.most_days_ahead)
    if limits.most_days_ahead and day > latest:
        text = f"The due date {day} is more than {limits.most_days_ahead} days ahead."
        yield Fault("execution_date", text, "Send it later, or ask the bank whether it keeps it until then.", "warning")


def mandate(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """A collection stands on a mandate that was signed."""
    given = transaction.mandate
    if given is None or not given.identification:
        yield Fault("mandate", "The mandate is missing.", "Give the mandate's identification.")
        return
    if given.signed is None:
        yield Fault("mandate.signed", "The day the mandate was signed is missing.", "Give it from the mandate.")
    elif given.signed > case.order.execution_date:
        text = f"The mandate was signed on {given.signed}, after the collection's due date."
        yield Fault("mandate.signed", text, "Correct the day.")
    limits = case.limits
    if len(given.identification) > limits.identification or re.search(
        f"[^{limits.identification_characters}]", given.identification
    ):
        text = f"{given.identification[:40]!r} does not fit the scheme."
        repair = f"At most {limits.identification} letters, digits and plain signs, as the debtor's mandate says."
        yield Fault("mandate", text, repair)


def sequence(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """A collection says which of its mandate's it is."""
    given, known = transaction.mandate, case.limits.sequences
    if given is not None and given.sequence not in known:
        said = f"{given.sequence[:10]!r} is no sequence" if given.sequence else "The sequence is missing"
        yield Fault("mandate.sequence", f"{said}.", f"Use one of {', '.join(known)}.")


def address_needed(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """The debtor's address is given where the scheme needs it: accounts outside the European Economic Area."""
    party, countries = transaction.counterparty, case.limits.address_needed_in
    if party.account[:2] in countries and party.address == Address():
        text = f"The debtor's account is in {party.account[:2]}, outside the European Economic Area, and its address is missing."
        yield Fault("counterparty.address", text, "Give at least town and country of the debtor.")


# Swiss QR-bills.


def qr_reference(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """A QR-IBAN goes with a QR reference, and a QR reference with a QR-IBAN, in a payment within Switzerland."""
    account, reference = transaction.counterparty.account, transaction.structured_reference
    compact = "".join(reference.split())
    if not is_qr_iban(account):
        if re.fullmatch("[0-9]{27}", compact):
            text = "A QR reference goes with a QR-IBAN only."
            yield Fault("structured_reference", text, "Copy account and reference from the same QR-bill.")
        return
    if not is_qr_reference(compact):
        said = f"{reference[:40]!r} is not one" if reference else "none is given"
        text = f"A QR-IBAN needs a QR reference of 27 digits; {said}."
        yield Fault("structured_reference", text, "Copy the reference from the QR-bill.")
    if case.order.kind == "sepa":
        text = "A QR-IBAN is paid within Switzerland, and not by a SEPA transfer."
        yield Fault("counterparty.account", text, "Send it as another transfer, without the service level SEPA.")
    amount, limits = transaction.amount, case.limits
    if amount.currency not in limits.qr_currencies:
        text = f"A QR-bill is paid in {' or '.join(limits.qr_currencies)}, not in {amount.currency}."
        yield Fault("currency", text, "Pay it in the currency of the bill.")
    elif amount.amount > limits.qr_amount_most:
        most = format_amount(limits.qr_amount_most, amount.currency)
        yield Fault("amount", f"A QR-bill asks for {most} at most.", "Copy the amount from the QR-bill.")


# Hungarian instant payments.


def instant_today(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """An instant payment is executed at once: its order names no later day."""
    if case.order.execution_date > case.today:
        text = f"A payment for {case.order.execution_date} is not executed at once."
        yield Fault("execution_date", text, f"Choose {case.today}, or send it as an ordinary transfer.")
