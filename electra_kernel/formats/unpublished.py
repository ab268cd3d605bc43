"""Formats whose layout is not public: recognised by what is known of their frames, and refused by name, so that none of them is
ever read as another format. The repair is a profile of the user's own (docs/formats.md).

Sources: BKR IG1 standards, volume III (contents: names and lengths of the group messages); the help pages of Electra internet
banks (lengths of the export of statements, and of the record of transfers); Treasury, Egységes Kincstári fileszerkezet, 2014.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from electra_kernel.formats.base import unreadable
from electra_kernel.vocabulary.errors import UnreadableFile

#: How much of a file is looked at; the longest frame has 941 characters.
_START = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpublished:
    """One such format: its name for people, and whether the beginning of a file, without empty lines, is of it."""

    name: str
    fits: Callable[[bytes], bool]


def _begins(pattern: bytes, *, width: int = 0) -> Callable[[bytes], bool]:
    """A beginning of this pattern; with ``width`` its first line has so many characters, or the file no line ends at all."""
    compiled = re.compile(pattern, re.DOTALL)

    def fits(start: bytes) -> bool:
        line = re.split(b"[\r\n]", start, maxsplit=1)[0]
        right = not width or len(line) == width or (len(line) == len(start) and len(line) > width)
        return right and compiled.match(line) is not None

    return fits


def _all_wide(width: int) -> Callable[[bytes], bool]:
    """Lines that all have this width, of which none is a table's."""

    def fits(start: bytes) -> bool:
        lines = [line for line in start.split(b"\n")[: _START // width] if line.strip()]
        widths = {len(line.rstrip(b"\r")) for line in lines if len(line) >= width or line is not lines[-1]}
        return widths == {width} and b"  " in start[:width] and start[:2].isalnum()

    return fits


#: In the order in which they are tried.
KNOWN: tuple[Unpublished, ...] = (
    Unpublished(name="a report on a group message of GIRO (STATUS, ST.122)", fits=_begins(b"01STATUS")),
    Unpublished(name="a report on the cover of a group message of GIRO (FEDSTA, FS.123)", fits=_begins(b"01FEDSTA")),
    Unpublished(name="an itemised report on a group message of GIRO (DETSTA)", fits=_begins(b"01DETSTA")),
    Unpublished(name="mandates of group collections of GIRO (FELHAT)", fits=_begins(b"01FELHAT")),
    Unpublished(name="postal payments in a group message of GIRO (PKUTAL, PK.131)", fits=_begins(b"01PKUTAL")),
    Unpublished(
        name="an account statement of UniCredit's electronic banking (STMNTEI)",
        fits=_begins(rb"86.{4}[0-9 -]{24}(?:19|20)[0-9]{6}", width=353),
    ),
    Unpublished(
        name="an account statement exported by an Electra internet bank (.STM, .CAM)",
        fits=_begins(rb"11.{8}[0-9 -]{24}[A-Z]{3}", width=933),
    ),
    Unpublished(
        name="a file of the Hungarian Treasury (ERA, Egységes Kincstári fileszerkezet)",
        fits=_begins(rb"01(?:19|20)[0-9]{6}(?:19|20)[0-9]{12}.{74}\.", width=99),
    ),
)
#: Known by the width of their lines alone: only where the file is nothing else.
KNOWN_BY_WIDTH: tuple[Unpublished, ...] = (
    Unpublished(name="transfers of Electra in lines of 940 characters (.HUF, EDIFACT PAYORD)", fits=_all_wide(940)),
)


def recognised(data: bytes, source: str, among: Sequence[Unpublished] = KNOWN) -> UnreadableFile | None:
    """The refusal of a file of such a format; ``None`` for any other. Raises nothing."""
    start = data[:_START].removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    known = next((each for each in among if each.fits(start)), None)
    if known is None:
        return None
    return unreadable(
        source,
        "unpublished",
        f"The file is {known.name}; the layout of its fields is not public, so it is not read.",
        "Ask your bank for the description, let `electra formats new --from FILE` make a first profile of it and mend that.",
    )
