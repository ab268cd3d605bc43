"""Segments: base64 text cut to what one document may carry, and put together again (spec 3.0.2, chapter 7)."""

from __future__ import annotations

from electra_kernel.ebics.errors import LocalProtocolError, RemoteProtocolError

#: Characters of base64 in one segment that this side sends. The limit is "1 MB", which some peers read as 1 000 000.
SEGMENT_SIZE = 1_000_000
#: Characters of base64 in one segment that is taken from others (1 MiB).
SEGMENT_LIMIT = 1_048_576


def split(content: str, size: int = SEGMENT_SIZE) -> list[str]:
    """Cut base64 text into segments of ``size`` characters, at least one. Whole groups of four stay together."""
    if size < 4 or size % 4:
        raise LocalProtocolError("A segment's size must be a positive multiple of four characters.")
    return [content[start : start + size] for start in range(0, len(content), size)] or [""]


class Collector:
    """Puts a download's segments together: each exactly once, in order, until the one that says it is the last.

    The last segment ends the transfer, not the announced count (spec 3.0.2, 5.6.1.2): a bank may stop before it.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._parts, self.complete = limit, list[str](), False

    @property
    def received(self) -> int:
        """How many segments are in."""
        return len(self._parts)

    def add(self, number: int, content: str, *, last: bool) -> None:
        """Take segment ``number`` (from 1).

        Raises:
            RemoteProtocolError: it is not the next one, it is empty, or there are too many.
        """
        if self.complete or number != len(self._parts) + 1:
            raise RemoteProtocolError(
                f"The bank sent segment {number}, but segment {len(self._parts) + 1} was due.",
                repair="Fetch again.",
            )
        if not content:
            raise RemoteProtocolError(f"Segment {number} of the bank's data is empty.", repair="Fetch again.")
        if number > self._limit:
            raise RemoteProtocolError(
                f"The bank sends more than {self._limit} segments.", repair="Ask for a shorter period."
            )
        self._parts.append(content)
        self.complete = last

    @property
    def parts(self) -> tuple[str, ...]:
        """The segments so far, in their order."""
        return tuple(self._parts)
