"""Entry ids: the content key by which an entry is known however often its statement is imported.

The rule. The key is a hash (BLAKE2b, 128 bits) over account, currency, status, booking date, value date, signed amount, the reversal
mark and the bank's reference of the entry. Where the bank gives none (nothing, ``NONREF`` or ``NOTPROVIDED``) the
statement's identification, the entry's reference, the end-to-end id, the remittance and the counterparty's account
stand in its place. Entries of one file that agree in all of this are told apart by their running number among each
other, so two identical rows stay two, and the same file read again gives the same ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: Separates the fields of a key; it cannot stand in XML, and no bank text format uses it inside a field.
_SEPARATOR = "\x1f"
_ALWAYS = ("account", "currency", "status", "booking_date", "value_date", "amount", "reversal")
_WITHOUT_REFERENCE = ("statement", "entry_reference", "end_to_end_id", "remittance", "counterparty_account")
_NO_REFERENCE = pa.array(["NONREF", "NOTPROVIDED"])


def entry_ids(columns: pa.Table) -> pa.Array:
    """The id of every row.

    Args:
        columns: one row an entry, with the columns of the ledger (``entry_id`` is not looked at).

    Returns:
        32 hexadecimal digits for each row, all different.
    """
    reference = columns["bank_reference"]
    reference = pc.if_else(pc.is_in(reference, value_set=_NO_REFERENCE), pa.scalar(None, pa.string()), reference)
    stated = _joined([columns[name] for name in _ALWAYS])
    if reference.null_count:
        reference = pc.coalesce(reference, _joined([columns[name] for name in _WITHOUT_REFERENCE]))
    keys = pc.binary_join_element_wise(stated, reference, _SEPARATOR)
    return pa.array(_numbered(keys.cast(pa.binary()).to_pylist()), pa.string())


def _joined(columns: Sequence[Any]) -> Any:
    written = [pc.cast(column, pa.string()) for column in columns]
    return pc.binary_join_element_wise(*written, _SEPARATOR, null_handling="replace", null_replacement="")


def _numbered(keys: Sequence[bytes]) -> list[str]:
    if len(set(keys)) == len(keys):
        return [_digest(key) for key in keys]
    ids: list[str] = []
    seen: dict[bytes, int] = {}
    for key in keys:
        number = seen.get(key, 0)
        seen[key] = number + 1
        ids.append(_digest(key if not number else b"%b%b%d" % (key, _SEPARATOR.encode(), number)))
    return ids


def _digest(key: bytes) -> str:
    return blake2b(key, digest_size=16).hexdigest()
