"""Small tools on Arrow text columns that the readers of SWIFT MT share. No knowledge of any message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Column: TypeAlias = pa.Array
Indices: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

NULL = pa.scalar(None, pa.string())


def slices(buffer: bytes | pa.Buffer, starts: npt.NDArray[Any], ends: npt.NDArray[Any]) -> Column:
    """Texts cut out of one UTF-8 buffer; ``starts`` and ``ends`` rise and do not overlap."""
    if not len(starts):
        return pa.array([], pa.string())
    offsets = np.empty(2 * len(starts), np.int32)
    offsets[0::2], offsets[1::2] = starts, ends
    held = buffer if isinstance(buffer, pa.Buffer) else pa.py_buffer(buffer)
    pieces = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), held)
    return pieces.take(pa.array(np.arange(0, len(offsets), 2)))


def firsts_of(keys: Indices, values: Indices) -> Indices:
    """The value beside the first of each run of equal keys."""
    if not len(keys):
        return values
    return values[np.concatenate(([True], keys[1:] != keys[:-1]))]


def mask(column: Any) -> Mask:
    """A boolean column as a mask; null counts as false."""
    known = pc.fill_null(column, False) if column.null_count else column
    return np.asarray(known.to_numpy(zero_copy_only=False), dtype=np.bool_)


@cache
def _looked_up(values: tuple[str, ...]) -> pc.SetLookupOptions:
    return pc.SetLookupOptions(value_set=pa.array(values))


def among(texts: Column, *values: str) -> Column:
    """Which texts are one of some values; null is none of them."""
    return pc.is_in(texts, options=_looked_up(values))


def nulled(texts: Column, *empties: str) -> Column:
    """Trimmed texts; empty ones, and those among ``empties``, are null."""
    if texts.null_count == len(texts):
        return texts
    texts = pc.ascii_trim_whitespace(texts)
    if not empties:
        shortest = pc.min(pc.binary_length(texts)).as_py()
        return pc.if_else(pc.equal(texts, ""), NULL, texts) if shortest == 0 else texts
    return pc.if_else(among(texts, "", *empties), NULL, texts)


def joined(parts: Sequence[Column], separator: str) -> Column:
    """Texts side by side, without the null ones; null where all are."""
    present = [part for part in parts if part.null_count < len(part)] or list(parts[:1])
    whole = present[0]
    for part in present[1:]:
        whole = pc.coalesce(pc.binary_join_element_wise(whole, part, separator), whole, part)
    return whole


def marked(mark: str, texts: Column) -> Column:
    """Texts with a mark before each; null stays null."""
    return texts if texts.null_count == len(texts) else pc.binary_join_element_wise(pa.scalar(mark), texts, "")


#: Up to how many rows Python's own work is quicker: Arrow makes ready anew at each call.
FEW = 64


def matched_in(texts: Column, pattern: str, names: Sequence[str]) -> tuple[dict[str, Column], Indices]:
    """The named groups of a pattern of the whole of each text, as columns, and which texts do not match.

    A group that takes no part is an empty text; of a text that does not match all groups are null.

    Args:
        texts: what is matched.
        pattern: from ``^`` to ``$``, in words that RE2 and Python read alike.
        names: the groups that are wanted.
    """
    if len(texts) > FEW:
        matched = pc.extract_regex(texts, pattern)
        groups = dict(zip([each.name for each in matched.type], matched.flatten(), strict=True))
        return {name: groups[name] for name in names}, np.flatnonzero(mask(pc.is_null(matched)))
    rows = [None if text is None else re.fullmatch(pattern, text) for text in texts.to_pylist()]
    parts = {name: pa.array([None if row is None else row[name] or "" for row in rows], pa.string()) for name in names}
    return parts, np.flatnonzero([row is None for row in rows])


def any_valid(columns: Sequence[Column]) -> Column:
    """Which rows hold something in at least one column."""
    saying = [column for column in columns if column.null_count < len(column)] or list(columns[:1])
    known = pc.is_valid(saying[0])
    for column in saying[1:]:
        known = pc.or_(known, pc.is_valid(column))
    return known
