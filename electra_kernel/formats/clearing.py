"""Accounts that are no IBANs, as bank code and number: ``091000019/4711``, ``37040044/532013000``. ISO 20022 names their bank by
its clearing system (``ClrSysMmbId``) and gives the number alone (``Othr``); this is the way between the two.

Source: ISO 20022 external code set ClearingSystemIdentification; the routing number's check digit: American Bankers
Association, key to routing numbers.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: How bank code and number of a clearing system look.
_PARTS = {"USABA": re.compile("([0-9]{9})/([^/]{1,17})"), "DEBLZ": re.compile("([0-9]{8})/([0-9]{1,10})")}


class Domestic(NamedTuple):
    """An account of a clearing system: the system's code, the bank's, and the number."""

    system: str
    member: str
    number: str


def parted(account: str) -> Domestic | None:
    """An account in its parts; ``None`` where it is not written as bank code and number."""
    if "/" not in account:
        return None  # an IBAN, as nearly all are
    for system, pattern in _PARTS.items():
        found = pattern.fullmatch(account)
        if found is not None and (system != "USABA" or check_digit(found[1]) == found[1][8]):
            return Domestic(system, found[1], found[2])
    return None


def joined(system: str, member: str, number: str) -> str:
    """The account of a bank's member id and a number; empty where they are not of a system that is written so."""
    account = f"{member}/{number}"
    found = parted(account)
    return account if found is not None and found.system == system else ""


def check_digit(routing: str) -> str:
    """The ninth digit of a routing number: the weights 3, 7, 1 over the first eight."""
    return str(-sum(int(digit) * (3, 7, 1)[place % 3] for place, digit in enumerate(routing[:8])) % 10)
