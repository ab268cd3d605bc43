"""Accounts by whole columns: the rules of ``accounts`` for very many numbers at once.

What may live here: arithmetic over Arrow columns of account numbers. The rules themselves are in ``accounts``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.vocabulary.accounts import HUNGARIAN_GROUPS, HUNGARIAN_WEIGHTS, iban_shape


def are_ibans(accounts: pa.Array) -> bool:
    """Whether every text is empty or a compact, valid IBAN: the same as ``is_iban`` of each (ISO 13616)."""
    countries: Any = pc.utf8_slice_codeunits(accounts, 0, 2).dictionary_encode()
    for number, country in enumerate(countries.dictionary.to_pylist()):
        some = accounts if len(countries.dictionary) == 1 else accounts.filter(pc.equal(countries.indices, number))
        if country and not _of_country(some, country):
            return False
    return True


def _of_country(accounts: pa.Array, country: str) -> bool:
    shape = iban_shape(country)
    if shape is None:
        return False
    length, domestic, _ = shape
    if not pc.all(pc.match_substring_regex(accounts, f"^[A-Z]{{2}}[0-9]{{2}}[0-9A-Z]{{{length - 4}}}$")).as_py():
        return False
    if not pc.all(pc.match_substring_regex(pc.utf8_slice_codeunits(accounts, 4), domestic.pattern)).as_py():
        return False
    letters = np.frombuffer("".join(accounts.to_pylist()).encode(), np.uint8).reshape(len(accounts), length)
    values = np.where(letters >= ord("A"), letters - (ord("A") - 10), letters - ord("0")).astype(np.int32)
    return _modulo_97(values) and (country != "HU" or _hungarian(values[:, 4:]))


def _modulo_97(values: npt.NDArray[np.int32]) -> bool:
    """Whether the check digits of accounts are right, a row of digits and letters' numbers each."""
    rest = np.zeros(len(values), np.int32)
    for place in (*range(4, values.shape[1]), 0, 1, 2, 3):
        value = values[:, place]
        rest = (rest * np.where(value > 9, 100, 10) + value) % 97
    checked = values[:, 2] * 10 + values[:, 3]
    return not ((rest != 1) | (checked < 2) | (checked > 98)).any()


def _hungarian(digits: npt.NDArray[np.int32]) -> bool:
    groups = (digits[:, group] for group in HUNGARIAN_GROUPS)
    return not any((group @ np.resize(HUNGARIAN_WEIGHTS, group.shape[1]) % 10).any() for group in groups)
