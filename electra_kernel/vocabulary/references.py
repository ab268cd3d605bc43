"""References and identifiers with check digits: creditor identifiers (SEPA), QR-IBANs and QR references (Switzerland).

What may live here: whether a text is one of them. What follows from it is a rulebook's or a format's matter.
"""

from __future__ import annotations

import re

from electra_kernel.vocabulary.accounts import is_iban

_CREDITOR_ID = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Za-z0-9+?/:().,' -]{1,28}")
#: Institution numbers that Swiss banks keep for accounts of QR-bills (SIX, QR-IID and QR-IBAN, 1.0, 2.1).
_QR_INSTITUTIONS = (30000, 31999)
#: The carry of the check digit modulo 10, recursive: the next row begins where the last digit ended.
_CARRY = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)


def creditor_id_agrees(identifier: str) -> bool:
    """Whether a SEPA creditor identifier has right check digits (EPC262-08: ISO 7064 mod 97-10, business code left out)."""
    if not _CREDITOR_ID.fullmatch(identifier):
        return False
    national = re.sub("[^A-Za-z0-9]", "", identifier[7:]).upper()
    digits = "".join(str(int(letter, 36)) for letter in national + identifier[:2])
    return bool(national) and int(digits + identifier[2:4]) % 97 == 1


def is_qr_iban(account: str) -> bool:
    """Whether a compact account number is the IBAN of an account for QR-bills."""
    if account[:2] not in ("CH", "LI") or not account[4:9].isdigit():
        return False
    first, last = _QR_INSTITUTIONS
    return first <= int(account[4:9]) <= last and is_iban(account)


def is_qr_reference(reference: str) -> bool:
    """Whether a compact text is a QR reference: 27 digits, the last a check digit (modulo 10, recursive)."""
    if not re.fullmatch("[0-9]{27}", reference):
        return False
    carry = 0
    for digit in reference[:-1]:
        carry = _CARRY[(carry + int(digit)) % 10]
    return (10 - carry) % 10 == int(reference[-1])
