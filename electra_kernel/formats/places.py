"""Where a problem of a file stands, in words. Positions are lines in text and sheets and byte offsets in XML; people look for
lines and columns. No I/O: whoever has the bytes hands them over.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import chain

from electra_kernel.formats import iso, ofx

#: Bytes of UTF-8 that begin no character.
_CONTINUES = bytes(range(0x80, 0xC0))


@dataclass(slots=True)
class _Lines:
    """The lines of a file while its bytes pass: the last one's number, its characters so far, and whether they are blanks."""

    end: bytes
    wide: bool
    number: int = 1
    letters: int = 0
    blank: bool = True

    def pass_by(self, data: bytes) -> None:
        data = data.removeprefix(codecs.BOM_UTF8)
        if count := data.count(self.end):
            self.number, self.letters, self.blank = self.number + count, 0, True
            data = data.rpartition(self.end)[2]
        self.letters += len(data) // 2 if self.wide else len(data.translate(None, _CONTINUES))
        self.blank = self.blank and not data.strip(b" \t\r\0\xff\xfe")

    def here(self) -> str:
        """The place as words; the column is left out where nothing but blanks stands before it."""
        return f"line {self.number}" + ("" if self.blank else f", column {self.letters + 1}")


def places(positions: Collection[int], pieces: Iterable[bytes]) -> dict[int, str]:
    """The words for some positions of a file's problems, such as ``line 7`` or ``line 1, column 4711``.

    Columns count characters of UTF-8 and UTF-16, from 1, and bytes in other encodings.

    Args:
        positions: as the problems say them.
        pieces: the file's bytes, in order, in any number of pieces; of text none but the first is looked at.
    """
    if not positions:
        return {}
    rest = iter(pieces)
    first = next(rest, b"")
    if not _in_bytes(first):
        return {position: f"line {position}" for position in positions}
    wide = first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    lines = _Lines(_line_end(first, wide=wide), wide, letters=-wide)
    found, start = dict[int, str](), 0
    waiting = sorted(set(positions), reverse=True)
    for piece in chain([first], rest):
        at = 0
        while waiting and waiting[-1] <= start + len(piece):
            place = waiting.pop()
            lines.pass_by(piece[at : place - start])
            at = place - start
            found[place] = lines.here()
        if not waiting:
            break
        lines.pass_by(piece[at:])
        start += len(piece)
    return found | {place: lines.here() for place in waiting}


def place_in(data: bytes, position: int) -> str:
    """The words for one position, as ``places``."""
    return places([position], [data])[position]


def _in_bytes(first: bytes) -> bool:
    """Whether positions are byte offsets: in XML, apart from OFX, which is read as text in either of its forms."""
    return iso.looks_like_xml(first) and not ofx.detect(first)


def _line_end(first: bytes, *, wide: bool) -> bytes:
    end = b"\n" if b"\n" in first or b"\r" not in first else b"\r"
    if not wide:
        return end
    return end + b"\0" if first[:2] == codecs.BOM_UTF16_LE else b"\0" + end
