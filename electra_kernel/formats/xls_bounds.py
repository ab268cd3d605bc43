"""How much an old Excel workbook (.xls) will take, told from its records before the library reads it.

What may live here: as much of Microsoft's compound files (MS-CFB) and of the BIFF records in them (MS-XLS) as is needed
to add up the areas and the texts of the sheets. No cell is read here.

The library holds the whole area that the cells of each listed sheet span, and each cell its text, although the file has
every text once only; a few bytes can so become any amount of memory.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import unpack_from

_ENTRY = 128
_FREE = 0xFFFFFFFA  # this and above: no sector
_NAMES = frozenset(("workbook", "book"))
# Records by their numbers (MS-XLS 2.3).
_EOF, _BOUNDSHEET, _SST, _CONTINUE = 0x000A, 0x0085, 0x00FC, 0x003C
_LABELSST, _MULRK, _MULBLANK = 0x00FD, 0x00BD, 0x00BE
#: Records of one cell; each begins with its row and column.
_CELLS = frozenset(
    (0x0006, 0x0201, 0x0203, 0x0204, 0x0205, 0x027E, 0x00D6, _LABELSST, _MULRK, _MULBLANK, 0x0206, 0x0406)
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What the sheets of a workbook take: rows × columns of their areas, and the characters of their texts."""

    cells: int
    texts: int


def taken(data: bytes) -> Taken:
    """What a workbook takes when it is read.

    Raises:
        ValueError: it is damaged, or lists sheets that overlap.
    """
    try:
        cells = texts = 0
        for stream in _streams(data):
            found = _of_stream(stream)
            cells, texts = cells + found.cells, texts + found.texts
    except (struct.error, IndexError) as error:
        raise ValueError("its structure is damaged") from error
    return Taken(cells, texts)


# ------------------------------------------------------------------------------------------------ compound file
def _streams(data: bytes) -> Iterator[bytes]:
    """The streams that may be the workbook."""
    size = 1 << min(unpack_from("<H", data, 30)[0], 16)
    if size not in (512, 4096):
        raise ValueError("its sectors have a size that none may have")
    files = _Sectors(data, size)
    directory = files.chain(unpack_from("<I", data, 48)[0])
    entries = [directory[at : at + _ENTRY] for at in range(0, len(directory), _ENTRY)]
    small, cutoff, first_small = 1 << 6, unpack_from("<I", data, 56)[0], unpack_from("<I", data, 60)[0]
    for entry in entries:
        name = entry[: max(unpack_from("<H", entry, 64)[0] - 2, 0)].decode("utf-16-le", "replace")
        start, length = unpack_from("<II", entry, 116)
        if name.lower() not in _NAMES:
            continue
        if length >= cutoff:
            yield files.chain(start)[:length]
        else:
            within = files.chain(unpack_from("<I", entries[0], 116)[0])
            table = files.chain(first_small)
            yield _follow(within, 0, small, unpack_from(f"<{len(table) // 4}I", table), start)[:length]


class _Sectors:
    """The sectors of a file, and the table that chains them."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size = data, size
        places = list(unpack_from("<109I", data, 76))
        following, each = unpack_from("<I", data, 68)[0], size // 4
        for _ in range(len(data) // size + 1):
            if following >= _FREE:
                break
            *more, following = unpack_from(f"<{each}I", data, (following + 1) * size)
            places += more
        else:
            raise ValueError("the list of its sectors has no end")
        table = list[int]()
        for place in places[: len(data) // size + 1]:
            if place < _FREE:
                table += unpack_from(f"<{each}I", data, (place + 1) * size)
        self._table = table

    def chain(self, start: int) -> bytes:
        """The sectors from one on, joined."""
        return _follow(self._data, self._size, self._size, self._table, start)


def _follow(data: bytes, offset: int, size: int, table: Sequence[int], start: int) -> bytes:
    parts, place = list[bytes](), start
    while place < _FREE:
        if len(parts) > len(table):
            raise ValueError("a chain of its sectors has no end")
        parts.append(data[offset + place * size : offset + (place + 1) * size])
        place = table[place]
    return b"".join(parts)


# ------------------------------------------------------------------------------------------------------ records
def _of_stream(stream: bytes) -> Taken:
    """What the sheets that a workbook lists take."""
    starts, lengths = list[int](), list[int]()
    for kind, at, length in _records(stream, 0):
        if kind == _BOUNDSHEET:
            starts.append(unpack_from("<I", stream, at)[0])
        elif kind == _SST:
            if unpack_from("<I", stream, at + 4)[0] > len(stream):
                raise ValueError("it tells of more texts than it can have")
            lengths = _Texts(stream, at, length).lengths
    known, walked = dict[int, Taken](), 0
    cells = texts = 0
    for start in starts:
        if start not in known:
            known[start], read = _of_sheet(stream, start, lengths)
            walked += read
            if walked > 2 * len(stream):
                raise ValueError("its sheets overlap")
        cells, texts = cells + known[start].cells, texts + known[start].texts
    return Taken(cells, texts)


def _records(stream: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Number, place and length of the records from one on, to the end of their part."""
    at = start
    while at + 4 <= len(stream):
        kind, length = unpack_from("<HH", stream, at)
        yield kind, at + 4, length
        if kind == _EOF:
            return
        at += 4 + length


def _of_sheet(stream: bytes, start: int, lengths: Sequence[int]) -> tuple[Taken, int]:
    """What a sheet takes, and how many bytes of it were walked through."""
    rows, columns, texts, end = [0xFFFF, 0], [0xFFFF, 0], 0, start
    for kind, at, length in _records(stream, start):
        end = at + length
        if kind in _CELLS and length >= 4:
            row, first = unpack_from("<HH", stream, at)
            last = unpack_from("<H", stream, end - 2)[0] if kind in (_MULRK, _MULBLANK) else first
            rows = [min(rows[0], row), max(rows[1], row)]
            columns = [min(columns[0], first), max(columns[1], last)]
            if kind == _LABELSST and (text := unpack_from("<I", stream, at + 6)[0]) < len(lengths):
                texts += lengths[text]
    area = max(rows[1] - rows[0] + 1, 0) * max(columns[1] - columns[0] + 1, 0)
    return Taken(area, texts), end - start


class _Texts:
    """The lengths of the shared texts (SST), which may go on in records that continue it."""

    def __init__(self, stream: bytes, at: int, length: int) -> None:
        self._stream, self._at, self._end = stream, at + 8, at + length
        #: In characters.
        self.lengths = list[int]()
        for _ in range(unpack_from("<I", stream, at + 4)[0]):
            if self._end - self._at < 3 and not self._next():
                break
            self.lengths.append(self._one())

    def _one(self) -> int:
        count, flags = unpack_from("<HB", self._stream, self._at)
        self._at += 3
        after = 0
        if flags & 8:
            after, self._at = 4 * unpack_from("<H", self._stream, self._at)[0], self._at + 2
        if flags & 4:
            after, self._at = after + unpack_from("<I", self._stream, self._at)[0], self._at + 4
        left, each = count, 1 + (flags & 1)
        while (here := max(self._end - self._at, 0) // each) < left:
            left -= here
            if not self._next():
                return int(count)
            each, self._at = 1 + (self._stream[self._at] & 1), self._at + 1
        self._at += left * each + after
        while self._at > self._end:
            over = self._at - self._end
            if not self._next():
                break
            self._at += over
        return int(count)

    def _next(self) -> bool:
        """Go to the record that continues, if one does."""
        if self._end + 4 > len(self._stream) or unpack_from("<H", self._stream, self._end)[0] != _CONTINUE:
            return False
        length = unpack_from("<H", self._stream, self._end + 2)[0]
        self._at, self._end = self._end + 4, self._end + 4 + length
        return True
