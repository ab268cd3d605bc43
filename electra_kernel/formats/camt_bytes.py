"""What the bytes of a part of a camt report say as they stand: characters, references, tags and where texts end.

What may live here: looks over whole byte strings, without a parser. They go block by block, so that what numpy makes on
the way stays in the processor's cache: that is what their speed comes from. All positions are byte offsets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Letters: TypeAlias = npt.NDArray[np.uint8]
Places: TypeAlias = npt.NDArray[np.int64]

#: Bytes that are looked at together: smaller ones cost more hand-overs between threads than the cache saves.
BLOCK = 2**20
#: Bytes in which tags are counted together: a multiple of eight, and few enough for counts of one byte.
CELL = 1024

#: Which bytes are white space.
BLANK = np.isin(np.arange(256), [9, 10, 13, 32])

#: The references that every parser knows, without the mark they begin with.
_KNOWN = tuple(np.frombuffer(name, np.uint8) for name in (b"amp;", b"lt;", b"gt;", b"quot;", b"apos;"))
#: U+FFFE and U+FFFF in UTF-8, which XML does not know.
_NO_CHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")


def letters_of(text: bytes) -> Letters:
    """The bytes of a text as numbers, not copied."""
    return np.frombuffer(text, np.uint8)


def plain_characters(text: bytes) -> bool:
    """Whether there are no controls, no bytes that are no UTF-8, and only the five references that everyone knows."""
    # One byte is found at memory's speed, and these are rare.
    if b"]" in text and b"]]>" in text:
        return False
    letters = letters_of(text)
    if not _no_controls(letters) or not _known_references(letters):
        return False
    if text.isascii():
        return True
    ends = pa.py_buffer(np.array([0, len(text)], np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(text)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return not (b"\xef" in text and any(each in text for each in _NO_CHARACTERS))


def _no_controls(letters: Letters) -> bool:
    low = sum(int(np.count_nonzero(block < 32)) for _, block in _blocks(letters))
    # Line ends are nearly all of them, so the others are counted only where there are others.
    low -= count(letters, b"\n")
    return low == 0 or low == count(letters, b"\t") + count(letters, b"\r")


def _known_references(letters: Letters) -> bool:
    at = places_of(letters, b"&")
    following = letters.take(at[:, None] + np.arange(1, 6), mode="clip")
    known = np.zeros(len(at), np.bool_)
    for name in _KNOWN:
        known |= (following[:, : len(name)] == name).all(axis=1)
    return bool(known.all())


def count(letters: Letters, mark: bytes) -> int:
    """How often one byte stands in them."""
    return sum(int(np.count_nonzero(block == mark[0])) for _, block in _blocks(letters))


def places_of(letters: Letters, mark: bytes) -> Places:
    """Where one byte stands."""
    found = [np.flatnonzero(block == mark[0]) + start for start, block in _blocks(letters)]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def tags_by_cell(letters: Letters) -> Places:
    """How many tags begin in each ``CELL`` of bytes."""
    counts = []
    for _, block in _blocks(letters):
        begins = np.zeros(-(-len(block) // CELL) * CELL, np.bool_)
        np.equal(block, ord("<"), out=begins[: len(block)])
        # Eight bytes are added at once: none of them comes to more than 128.
        eights = begins.view(np.uint64).reshape(-1, CELL // 8).sum(axis=1)
        counts.append(eights.view(np.uint8).reshape(-1, 8).sum(axis=1, dtype=np.int64))
    return np.concatenate(counts) if counts else np.zeros(0, np.int64)


def most_tags_within(cells: Places, length: int) -> int:
    """No ``length`` bytes in a row hold more tags than this, by what ``tags_by_cell`` counted."""
    sums = np.concatenate(([0], np.cumsum(cells)))
    # So many bytes touch at most so many cells.
    touched = min(-(-length // CELL) + 1, len(cells))
    return int((sums[touched:] - sums[: len(sums) - touched]).max(initial=0))


def short_attributes(letters: Letters) -> bool:
    """Whether every equals sign is that of an attribute of three characters such as ``Ccy="EUR"``: no tag's mark is in it."""
    at = places_of(letters, b"=")
    if len(at) and at[-1] + 5 >= len(letters):
        return False
    quoted = (letters[at + 1] == ord('"')) & (letters[at + 5] == ord('"'))
    marks = (letters[at + 2] == ord("<")) | (letters[at + 3] == ord("<")) | (letters[at + 4] == ord("<"))
    return bool((quoted & ~marks).all())


def declares(text: bytes, mark: bytes) -> bool:
    """Whether ``<`` followed by ``mark`` stands anywhere; the rare second character is searched."""
    at = text.find(mark)
    while at > 0:
        if text[at - 1] == 0x3C:
            return True
        at = text.find(mark, at + 1)
    return False


def ends_of_texts(letters: Letters) -> Places:
    """Where texts end: those of elements without children, and those that stand beside an element's children.

    Of well-formed text only, without declarations and the like.
    """
    found = []
    after_closing = True
    for start, block in _blocks(letters):
        marks = np.flatnonzero(block == ord("<")) + start
        if not len(marks):
            continue
        closing, before = letters.take(marks + 1, mode="clip") == ord("/"), letters[marks - 1]
        follows_closing = np.concatenate(([after_closing], closing[:-1]))
        # A closing tag right after an opening one, with something between them.
        text = closing & ~follows_closing
        found.append(marks[(before != ord(">")) & (text | ~BLANK[before]) & (marks > 0)])
        after_closing = bool(closing[-1])
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _blocks(letters: Letters) -> Iterator[tuple[int, Letters]]:
    for start in range(0, len(letters), BLOCK):
        yield start, letters[start : start + BLOCK]
