"""Parties: who pays, who is paid, and where they live."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address: structured, or up to a few free lines, or both (hybrid)."""

    street: str = ""
    building: str = ""
    post_code: str = ""
    town: str = ""
    country: str = ""
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        town = " ".join(part for part in (self.post_code, self.town) if part)
        street = " ".join(part for part in (self.street, self.building) if part)
        return ", ".join(part for part in (*self.lines, street, town, self.country) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side of a payment.

    Attributes:
        name: at most 140 characters in ISO 20022; rulebooks narrow it.
        account: compact IBAN, or a national number as the bank prints it; empty where unknown.
        bic: the account's bank (ISO 9362), empty where unknown.
        identification: an organisation's or person's id at the scheme, empty where unknown.
    """

    name: str
    account: str = ""
    bic: str = ""
    address: Address = field(default_factory=Address)
    identification: str = ""
