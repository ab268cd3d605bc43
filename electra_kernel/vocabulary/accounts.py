"""Account numbers: IBAN (ISO 13616), BIC (ISO 9362) and the Hungarian domestic number.

An account number travels as its compact text; these functions read what people type and say what is wrong with it.
"""

from __future__ import annotations

import re
import warnings
from functools import cache, lru_cache

from schwifty import BIC, IBAN, registry
from schwifty.exceptions import SchwiftyException

from electra_kernel.vocabulary.errors import ElectraError

#: The weights of a Hungarian account's digits, and the two parts over which they run, each with a check digit at its end.
HUNGARIAN_WEIGHTS = (9, 7, 3, 1)
HUNGARIAN_GROUPS = (slice(0, 8), slice(8, None))


class AccountError(ElectraError):
    """Text that is not an account number."""


def hungarian_digits_agree(number: str) -> bool:
    """Whether both check digits of a Hungarian account hold.

    Args:
        number: 16 or 24 digits, without separators.

    The weights 9, 7, 3, 1 run over the first 8 digits and over the rest; each sum must be divisible by ten.
    """
    if not re.fullmatch(r"[0-9]{16}(?:[0-9]{8})?", number):
        return False
    return all(
        sum(int(digit) * HUNGARIAN_WEIGHTS[i % 4] for i, digit in enumerate(group)) % 10 == 0
        for group in (number[part] for part in HUNGARIAN_GROUPS)
    )


def parse_account(text: str) -> str:
    """Read an IBAN, or a Hungarian domestic number of 2×8 or 3×8 digits, into a compact IBAN.

    Raises:
        AccountError: a wrong length, country, check digit or character; the error names which.
    """
    compact = re.sub(r"[\s-]", "", text).upper()
    if re.fullmatch(r"[0-9]{16}|[0-9]{24}", compact):
        return _hungarian_iban(compact, text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            iban = IBAN(compact, validate_bban=False)
    except SchwiftyException as error:
        raise AccountError(
            f"{text[:40]!r} is not an account number.",
            cause=str(error) or "it is not an IBAN.",
            repair="Copy the IBAN from the partner's invoice again.",
        ) from error
    if compact.startswith("HU") and not hungarian_digits_agree(compact[4:]):
        raise _wrong_check_digit(text)
    return str(iban)


def _hungarian_iban(digits: str, text: str) -> str:
    if not hungarian_digits_agree(digits):
        raise _wrong_check_digit(text)
    return str(IBAN.from_bban("HU", digits.ljust(24, "0"), validate_bban=False))


def _wrong_check_digit(text: str) -> AccountError:
    return AccountError(
        f"The Hungarian account {text[:40]!r} has a wrong check digit.",
        cause="a digit is mistyped or two are swapped.",
        repair="Copy the account number from the partner's invoice again.",
    )


@lru_cache(maxsize=65_536)  # a file names the same accounts again and again
def is_iban(text: str) -> bool:
    """Whether ``text`` is a compact, valid IBAN."""
    if _is_certainly_an_iban(text):
        return True
    try:
        return parse_account(text) == text
    except AccountError:
        return False


@cache
def iban_shape(country: str) -> tuple[int, re.Pattern[str], str] | None:
    """Of a country's IBANs the length, the form of what follows the check digits, and the country's letters as digits."""
    try:
        spec = registry.get_iban_spec(country)
    except (SchwiftyException, KeyError):
        return None
    return spec.iban_length, spec.regex, "".join(str(int(letter, 36)) for letter in country)


def _is_certainly_an_iban(account: str) -> bool:
    """The quick way past ``parse_account`` for accounts of digits alone (ISO 13616); says no where it is not sure."""
    bban, shape = account[4:], iban_shape(account[:2])
    if shape is None or len(account) != shape[0] or not account.isascii() or not account[2:].isdigit():
        return False
    checked = account[2:4]
    if not "02" <= checked <= "98" or int(bban + shape[2] + checked) % 97 != 1 or not shape[1].match(bban):
        return False
    return not account.startswith("HU") or hungarian_digits_agree(bban)


def parse_bic(text: str) -> str:
    """Read a BIC of 8 or 11 characters.

    Raises:
        AccountError: wrong length or characters.
    """
    try:
        return str(BIC(text.strip().upper()))
    except SchwiftyException as error:
        raise AccountError(
            f"{text[:20]!r} is not a BIC.",
            cause=str(error),
            repair="A BIC has 8 or 11 letters and digits, such as OTPVHUHB.",
        ) from error


def format_account(account: str) -> str:
    """An IBAN in groups of four, for people; any other number as it is."""
    return " ".join(account[i : i + 4] for i in range(0, len(account), 4)) if is_iban(account) else account
