"""Hungarian accounts as bank files write them, and as the workbench has them."""

from __future__ import annotations

import re
from functools import lru_cache

from electra_kernel.vocabulary.accounts import AccountError, parse_account


@lru_cache(maxsize=65_536)  # a file names the same accounts again and again
def from_giro(text: str) -> tuple[str, bool]:
    """A domestic number of 16 or 24 digits as an IBAN, and whether its check digits hold; anything else as it stands.

    Separators do not count. A number that is wrong stays as its digits.
    """
    bare = re.sub(r"[\s-]", "", text)
    if not bare:
        return "", True
    try:
        return parse_account(bare), True
    except AccountError:
        return bare, False


def to_giro(account: str) -> str:
    """An IBAN of Hungary as domestic digits: 16 where the last eight are zeros, else 24; any other account as it stands."""
    digits = account[4:] if account.startswith("HU") and len(account) == 28 else account
    return digits[:16] if len(digits) == 24 and digits.endswith("00000000") else digits
