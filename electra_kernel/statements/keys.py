"""Entry ids: the content key by which an entry is known however often its statement is imported.

The rule. The key is a hash (BLAKE2b, 128 bits) over account, currency, status, booking date, value date, signed amount, the reversal
mark and the bank's reference of the entry. Where the bank gives none (nothing, ``NONREF`` or ``NOTPROVIDED``) the
statement's identification, the entry's reference, the end-to-end id, the remittance and the counterparty's account
stand in its place. Entries of one file that agree in all of this are told apart by their running number among each
other, so two identical rows stay two, and the same file read again gives the same ids.

What is no statement's has ids of its own, which begin with ``report-`` or ``notification-``: the same booking, told again
by the statement, is another row, and the ledger lets the statement's stand (``store.standing``). The identification of
a report or notification is no part of its key, because banks repeat the day's entries in each report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.statements.model import STATEMENT

#: Separates the fields of a key; it cannot stand in XML, and no bank text format uses it inside a field.
_SEPARATOR = "\x1f"
#: The length of a digest.
_BYTES = 16
_ALWAYS = ("account", "currency", "status", "booking_date", "value_date", "amount", "reversal")
_WITHOUT_REFERENCE = ("statement", "entry_reference", "end_to_end_id", "remittance", "counterparty_account")
_NO_REFERENCE = pa.array(["NONREF", "NOTPROVIDED"])


def entry_ids(columns: pa.Table, kinds: str | Sequence[str] = STATEMENT, seen: Seen | None = None) -> pa.Array:
    """The id of every row.

    Args:
        columns: one row an entry, with the columns of the ledger (``entry_id`` is not looked at).
        kinds: what the rows were reported in (``Statement.kind``): one for all, or one a row.
        seen: what came before of the same file, where it is read in parts; takes these rows too.

    Returns:
        32 hexadecimal digits for each row, all different; with the kind and a dash before them where the row is of no
        statement.
    """
    if not isinstance(kinds, str):
        return _ids_of_kinds(columns, kinds)
    reference = columns["bank_reference"]
    reference = pc.if_else(pc.is_in(reference, value_set=_NO_REFERENCE), pa.scalar(None, pa.string()), reference)
    stated = _joined([columns[name] for name in _ALWAYS])
    if reference.null_count:
        names = _WITHOUT_REFERENCE if kinds == STATEMENT else _WITHOUT_REFERENCE[1:]
        reference = pc.coalesce(reference, _joined([columns[name] for name in names]))
    keys = pc.binary_join_element_wise(stated, reference, _SEPARATOR)
    ids = _numbered(keys.cast(pa.binary()).to_pylist(), seen or Seen())
    return ids if kinds == STATEMENT else pc.binary_join_element_wise(f"{kinds}-", ids, "")


def _ids_of_kinds(columns: pa.Table, kinds: Sequence[str]) -> pa.Array:
    different = set(kinds)
    if len(different) < 2:
        return entry_ids(columns, next(iter(different), STATEMENT))
    ids: list[str] = [""] * columns.num_rows
    for kind in different:
        rows = [row for row, each in enumerate(kinds) if each == kind]
        found = entry_ids(columns.take(pa.array(rows, pa.int64())), kind).to_pylist()
        for row, one in zip(rows, found, strict=True):
            ids[row] = one
    return pa.array(ids, pa.string())


class Seen:
    """Which keys came before, in 16 bytes a key: sorted runs, joined as they grow."""

    def __init__(self) -> None:
        self._runs: list[Any] = []
        self._repeated: dict[bytes, int] = {}

    def numbers(self, digests: Sequence[bytes]) -> list[int]:
        """How often each of these came before; takes them as seen."""
        here = np.frombuffer(b"".join(digests), "S16")
        run = np.sort(here)
        known = np.zeros(len(here), np.bool_)
        for old in self._runs:
            places = np.minimum(np.searchsorted(old, here), len(old) - 1)
            known |= old[places] == here
        numbers = [0] * len(digests)
        counts = Counter(digests) if known.any() or (run[1:] == run[:-1]).any() else {}
        if counts:
            numbers = [
                self._number(digest, bool(again)) if again or counts[digest] > 1 else 0
                for digest, again in zip(digests, known, strict=True)
            ]
        self._keep(run)
        return numbers

    def _number(self, digest: bytes, known: bool) -> int:
        number = self._repeated.get(digest, int(known))
        self._repeated[digest] = number + 1
        return number

    def _keep(self, run: Any) -> None:
        if not len(run):
            return
        while self._runs and len(self._runs[-1]) <= len(run):
            run = np.sort(np.concatenate((self._runs.pop(), run)))
        self._runs.append(run)


def _joined(columns: Sequence[Any]) -> Any:
    written = [pc.cast(column, pa.string()) for column in columns]
    return pc.binary_join_element_wise(*written, _SEPARATOR, null_handling="replace", null_replacement="")


def _numbered(keys: Sequence[bytes], seen: Seen) -> pa.Array:
    digests = [blake2b(key, digest_size=_BYTES).digest() for key in keys]
    numbers = seen.numbers(digests)
    if any(numbers):
        digests = [
            _digest(b"%b%b%d" % (key, _SEPARATOR.encode(), number)) if number else digest
            for key, digest, number in zip(keys, digests, numbers, strict=True)
        ]
    # All digits in one go: as text, each id is a slice of them.
    ends = np.arange(0, 2 * _BYTES * len(digests) + 1, 2 * _BYTES, dtype=np.int32)
    text = pa.py_buffer(b"".join(digests).hex().encode())
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(ends), text)


def _digest(key: bytes) -> bytes:
    return blake2b(key, digest_size=_BYTES).digest()
