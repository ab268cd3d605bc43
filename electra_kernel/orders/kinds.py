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
        local_instrument: ISO 20022 LclInstrm/Cd that marks it; empty where none does.
        collects: whether money comes in by it (direct debits).
    """

    code: str
    title: str
    currencies: tuple[str, ...]
    service_level: str
    rulebook: str
    calendar: str
    local_instrument: str = ""
    collects: bool = False


KINDS = {
    kind.code: kind
    for kind in (
        Kind("domestic", "HUF transfer", ("HUF",), "", "domestic", "HU"),
        Kind("sepa", "SEPA transfer", ("EUR",), "SEPA", "sepa", "TARGET"),
        Kind("cross-border", "Cross-border transfer", (), "", "common", "TARGET"),
        Kind(
            "sepa-core-collection",
            "SEPA core collection",
            ("EUR",),
            "SEPA",
            "sepa-core",
            "TARGET",
            "CORE",
            collects=True,
        ),
        Kind(
            "sepa-b2b-collection", "SEPA B2B collection", ("EUR",), "SEPA", "sepa-b2b", "TARGET", "B2B", collects=True
        ),
        Kind("domestic-collection", "HUF collection", ("HUF",), "", "domestic-collection", "HU", collects=True),
        Kind("collection", "Other collection", (), "", "collection", "TARGET", collects=True),
    )
}

#: The kinds a customer pays by: what is entered, signed and sent.
TRANSFERS = {code: kind for code, kind in KINDS.items() if not kind.collects}


def kind_for(currency: str, service_level: str, debtor_country: str) -> Kind:
    """The kind a payment file means by its currency, service level and debtor's country."""
    if service_level == "SEPA" and currency == "EUR":
        return KINDS["sepa"]
    if currency == "HUF" and debtor_country == "HU":
        return KINDS["domestic"]
    return KINDS["sepa"] if currency == "EUR" and not service_level else KINDS["cross-border"]


def collection_kind_for(currency: str, service_level: str, local_instrument: str, creditor_country: str) -> Kind:
    """The kind a file of collections means by its currency, service level, local instrument and creditor's country.

    ``COR1``, the core scheme with a shorter time that ended in November 2017, counts as core.
    """
    if currency == "EUR" and service_level in ("", "SEPA") and local_instrument in _SEPA_COLLECTIONS:
        return KINDS[_SEPA_COLLECTIONS[local_instrument]]
    if currency == "HUF" and creditor_country == "HU" and not local_instrument:
        return KINDS["domestic-collection"]
    return KINDS["collection"]


_SEPA_COLLECTIONS = {
    "CORE": "sepa-core-collection",
    "COR1": "sepa-core-collection",
    "B2B": "sepa-b2b-collection",
}
