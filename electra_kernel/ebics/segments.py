"""Segments: sealed bytes cut to what one document may carry as base64, and counted as they arrive (spec 3.0.2, chapter 7)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from io import SEEK_END
from typing import BinaryIO

from electra_kernel.ebics.errors import LocalProtocolError, RemoteProtocolError

#: Characters of base64 in one segment that this side sends. The limit is "1 MB", which some peers read as 1 000 000.
SEGMENT_SIZE = 1_000_000
#: Characters of base64 in one segment that is taken from others (1 MiB).
SEGMENT_LIMIT = 1_048_576


def cut(pieces: Iterable[bytes], size: int = SEGMENT_SIZE) -> Iterator[str]:
    """Base64 segments of ``size`` characters out of bytes that come in pieces; the last one may be shorter.

    No more is held than one segment and one piece.
    """
    wanted, held = bytes_in(size), bytearray()
    for piece in pieces:
        held += piece
        while len(held) > wanted:
            yield b64encode(held[:wanted]).decode("ascii")
            del held[:wanted]
    yield b64encode(held).decode("ascii")


def bytes_in(size: int) -> int:
    """How many bytes a segment of ``size`` characters carries. Whole groups of four stay together."""
    if size < 4 or size % 4:
        raise LocalProtocolError("A segment's size must be a positive multiple of four characters.")
    return size // 4 * 3


class Outgoing:
    """The segments of an order that is sent, kept sealed in a binary file (one in memory, or one on a disk).

    Each can be had again as often as the bank asks for it. Raises ``LocalProtocolError`` for a size that tears groups.
    """

    def __init__(self, file: BinaryIO, size: int = SEGMENT_SIZE) -> None:
        self._file, self._part = file, bytes_in(size)
        self._length = file.seek(0, SEEK_END)

    def fill(self, pieces: Iterable[bytes]) -> None:
        """Put the sealed order into the file, which is empty."""
        self._length = sum(self._file.write(piece) for piece in pieces)

    def __len__(self) -> int:
        """How many segments there are."""
        return max(-(-self._length // self._part), 1)

    def __getitem__(self, number: int) -> str:
        """Segment ``number``, from 1."""
        self._file.seek((number - 1) * self._part)
        return b64encode(self._file.read(self._part)).decode("ascii")


class Counter:
    """Counts a download's segments: each exactly once, in order, until the one that says it is the last.

    The last segment ends the transfer, not the announced count (spec 3.0.2, 5.6.1.2): a bank may stop before it.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self.received, self.complete = limit, 0, False

    def add(self, number: int, content: str, *, last: bool) -> None:
        """Take segment ``number`` (from 1).

        Raises:
            RemoteProtocolError: it is not the next one, it is empty, or there are too many.
        """
        if self.complete or number != self.received + 1:
            raise RemoteProtocolError(
                f"The bank sent segment {number}, but segment {self.received + 1} was due.",
                repair="Fetch again.",
            )
        if not content:
            raise RemoteProtocolError(f"Segment {number} of the bank's data is empty.", repair="Fetch again.")
        if number > self._limit:
            raise RemoteProtocolError(
                f"The bank sends more than {self._limit} segments.", repair="Ask for a shorter period."
            )
        self.received, self.complete = number, last
