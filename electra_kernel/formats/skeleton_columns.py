"""The values of very many like records as columns: one comparison of bytes for all records of a layout at once.

What may live here: which records are laid out alike, and their values as Arrow columns. No message of any bank lives here.

A *layout* is a record with its texts taken out, white space between its tags included. The first record of a layout is
parsed by lxml (``skeletons.shape_of``); every other one is proved to have the same bytes between its texts, eight bytes
at a time, for all records together. As texts hold no ``<``, the place of each value then follows from the places of the
tags. What has too many layouts, or a record that is none, is left to the way that goes from record to record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats.mt_columns import Column, slices
from electra_kernel.formats.skeletons import NotPlain, Places, Records, Shape, as_parsed, shape_of

#: From so many records on columns are worth their while; with more layouts than that they are not.
FEWEST, _MOST_LAYOUTS = 256, 48
#: So many layouts have to hold most records, or the rest is not tried.
_FIRST_LAYOUTS = 8
#: So many records and bytes are compared at a time: they stay in the processor's cache.
_AT_A_TIME, _BYTES_AT_A_TIME = 1024, 1 << 20
#: So much white space around a text is taken away here.
_MOST_BLANKS = 64
_TAG = re.compile(rb"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Layout:
    """Records that have the same bytes but for the texts of their leaves.

    Attributes:
        shape: what lxml found in the first of them.
        rows: their numbers within the run.
        starts, ends: the byte offsets of the texts, a row for each record and a column for each leaf.
    """

    shape: Shape
    rows: Places
    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]


class Run:
    """The records of one run, by layouts, and their values as columns."""

    def __init__(self, records: Records, first: int, layouts: Sequence[Layout], count: int) -> None:
        self.layouts, self.count = layouts, count
        self._data = pa.py_buffer(records.data)
        self._starts = records.found.starts[first : first + count].astype(np.int32)
        self._has_references = b"&" in records.data
        self._has_returns = b"\r" in records.data

    def column(self, places: Sequence[int]) -> Column | None:
        """The texts of one leaf of each layout, stripped; empty where a layout's place is -1.

        Args:
            places: of each layout the number of a leaf, or -1.

        Returns:
            Texts in the order of the records; ``None`` where no layout has such a leaf.

        Raises:
            NotPlain: a reference that is not XML's own.
        """
        if all(place < 0 for place in places):
            return None
        starts = self._starts.copy()
        ends = starts.copy()
        for layout, place in zip(self.layouts, places, strict=True):
            if place >= 0:
                starts[layout.rows], ends[layout.rows] = layout.starts[:, place], layout.ends[:, place]
        column = slices(self._data, starts, ends)
        return self._parsed(column) if self._has_references or self._has_returns else column

    def of_layout(self, number: int, place: int, part: slice) -> Column:
        """The texts of one leaf in some records of one layout."""
        layout = self.layouts[number]
        column = slices(self._data, layout.starts[part, place], layout.ends[part, place])
        return self._parsed(column) if self._has_references or self._has_returns else column

    def _parsed(self, column: Column) -> Column:
        marked = pc.or_(pc.match_substring(column, "&"), pc.match_substring(column, "\r"))
        if not pc.any(marked).as_py():
            return column
        meant = [as_parsed(text).strip(" \t\r\n") for text in column.filter(marked).to_pylist()]
        return pc.replace_with_mask(column, marked, pa.array(meant, pa.string()))


def run_of(records: Records, first: int, after: int) -> Run | None:
    """The records ``first`` to ``after`` - 1 by their layouts; ``None`` where they are to be read one by one.

    Raises:
        NotPlain: a record is not what the quick way can be sure of.
    """
    count = after - first
    found, layouts = _Matcher(records, first, after), list[Layout]()
    left = np.arange(count)
    while len(left):
        if len(layouts) == _MOST_LAYOUTS or (len(layouts) == _FIRST_LAYOUTS and len(left) > count // 2):
            return None
        layout = found.layout(left)
        layouts.append(layout)
        left = np.setdiff1d(left, layout.rows, assume_unique=True)
    return Run(records, first, layouts, count)


class _Matcher:
    """Tells which records of a run are laid out like one of them."""

    def __init__(self, records: Records, first: int, after: int) -> None:
        found = records.found
        self.records, self.data, self.marks = records, records.data, found.marks
        self.bytes = np.frombuffer(records.data, np.uint8)
        self.firsts, self.lasts = found.firsts[first:after], found.lasts[first:after]
        self.starts, self.ends = found.starts[first:after], found.ends[first:after]
        self.sizes, self.lengths = self.lasts - self.firsts + 1, self.ends - self.starts

    def layout(self, rows: Places) -> Layout:
        """The layout of the first of some records, and those of them that have it.

        Raises:
            NotPlain: the record is not what the quick way can be sure of.
        """
        number = int(rows[0])
        record = self.data[self.starts[number] : self.ends[number]]
        tags = _TAG.findall(record)
        if len(tags) != self.sizes[number]:
            raise NotPlain  # an attribute holds a "<" or a ">"
        shape = shape_of(b"".join(tags).decode("latin-1"), self.records.namespaces, patterned=True)
        literals = list(_literals(record, tags, {place for place in shape.texts if place >= 0}))
        leaves = [(place, len(tags[place])) if place >= 0 else (0, 0) for place in shape.texts]
        # A record that is shorter than what it must hold is left alone, so no byte is compared twice.
        size = sum(literal.end - literal.start for literal in literals)
        alike = rows[(self.sizes[rows] == len(tags)) & (self.lengths[rows] >= size)]
        step = max(1, min(_AT_A_TIME, _BYTES_AT_A_TIME // size))
        parts = [
            self._part(alike[place : place + step], record, literals, leaves) for place in range(0, len(alike), step)
        ]
        found, starts, ends = map(np.concatenate, zip(*parts, strict=True))
        return Layout(shape, found, starts, ends)

    def _part(
        self, rows: Places, record: bytes, literals: Sequence[_Literal], leaves: Sequence[tuple[int, int]]
    ) -> tuple[Places, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Those of some records that have all literals of a record, and where the texts of their leaves stand."""
        for literal in literals:
            rows = self._with(rows, record[literal.start : literal.end], literal.tag)
        places, lengths = np.array(leaves, np.int64).T
        tags = self.firsts[rows][:, None] + places
        starts = self.marks[tags] + lengths.astype(np.int32)
        ends = self.marks[tags + 1]
        ends[:, lengths == 0] = starts[:, lengths == 0]
        self._strip(starts, ends)
        return rows, starts, ends

    def _with(self, rows: Places, literal: bytes, tag: int) -> Places:
        """Those of some records in which a literal stands from the start of a tag on."""
        size = len(literal)
        at = self.marks[self.firsts[rows] + tag].astype(np.int64)
        inside = at <= len(self.data) - size
        if not inside.all():
            rows, at = rows[inside], at[inside]
        stretches = np.ndarray((len(self.data) - size + 1,), f"V{size}", self.data, strides=(1,))
        same = stretches[at].view(np.uint8).reshape(len(rows), size) == np.frombuffer(literal, np.uint8)
        return rows if same.all() else rows[same.all(axis=1)]

    def _strip(self, starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32]) -> None:
        """Leave white space out at both ends of the texts; there are no control characters among them."""
        for _ in range(_MOST_BLANKS):
            before = (starts < ends) & (self.bytes[starts] <= ord(" "))
            starts[before] += 1
            after = (starts < ends) & (self.bytes[ends - 1] <= ord(" "))
            ends[after] -= 1
            if not before.any() and not after.any():
                return
        raise NotPlain


@dataclass(frozen=True, slots=True)
class _Literal:
    """A stretch of a record between two texts: the number of its first tag, and where it stands in the record."""

    tag: int
    start: int
    end: int


def _literals(record: bytes, tags: Sequence[bytes], leaves: set[int]) -> Iterable[_Literal]:
    """The stretches between the texts of leaves.

    Raises:
        NotPlain: there is text beside the leaves' own.
    """
    place, first, start = 0, 0, 0
    for number, tag in enumerate(tags):
        place += len(tag)
        after = record.find(b"<", place)
        if number in leaves or after < 0:
            yield _Literal(first, start, place)
            first, start = number + 1, after
        elif record[place:after].strip(b" \t\r\n"):
            raise NotPlain
        place = after
