"""Kinds of orders: one table. A new kind is a new row (and, where it has rules of its own, a rulebook)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of order.

    Attributes:
        code: its key, as stored and typed.
        title: its name for people.
        currencies: the currencies it may carry; empty for any.
        service_level: ISO 20022 SvcLvl/Cd that marks it; empty where none does.
        rulebook: the key of its rules in ``rulebooks.RULEBOOKS``.
        calendar: the region whose settlement days count (``BusinessCalendar``).
    """

    code: str
    title: str
    currencies: tuple[str, ...]
    service_level: str
    rulebook: str
    calendar: str


KINDS = {
    kind.code: kind
    for kind in (
        Kind("domestic", "HUF transfer", ("HUF",), "", "domestic", "HU"),
        Kind("sepa", "SEPA transfer", ("EUR",), "SEPA", "sepa", "TARGET"),
        Kind("cross-border", "Cross-border transfer", (), "", "common", "TARGET"),
    )
}


def kind_for(currency: str, service_level: str, debtor_country: str) -> Kind:
    """The kind a payment file means by its currency, service level and debtor's country."""
    if service_level == "SEPA" and currency == "EUR":
        return KINDS["sepa"]
    if currency == "HUF" and debtor_country == "HU":
        return KINDS["domestic"]
    return KINDS["sepa"] if currency == "EUR" and not service_level else KINDS["cross-border"]
