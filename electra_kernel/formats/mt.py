"""SWIFT MT: what every message has in common. Bytes to fields with their lines, and fields to messages. No message lives
here; which one a file holds is told by ``mt_kinds``. What stands in a field is read by ``mt_values`` and written by ``mt_letters``.

Sources: SWIFT User Handbook, FIN (blocks); DFÜ-Abkommen, annex 3, chapter 8, for files
without blocks. The grammar is read with tolerance, because banks write it so: blocks or none, header lines of the
bank's own, any mix of line ends, blank lines, ends of messages left out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats.base import Problems, unreadable
from electra_kernel.formats.mt_columns import Indices, Mask, slices
from electra_kernel.formats.mt_kinds import BLOCK_2, HEADER_LINE, title
from electra_kernel.formats.wide import narrowed

Bytes: TypeAlias = npt.NDArray[np.uint8]
#: Takes field, rule and text of what a writer leaves out.
Told: TypeAlias = Callable[[str, str, str], None]

#: Arrow's texts are addressed with 31 bits.
_LARGEST = 2**31 - 64
#: A field longer than this is no field: the rest of it is told and left out.
LONGEST_FIELD = 100_000
#: References that say that there is none.
NO_REFERENCE = ("NONREF", "NOREF")
ASK = "Ask the bank for a corrected statement."

# ------------------------------------------------------------------------------------------------ character sets
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
#: Character sets tried for texts that are not UTF-8, and the letters that speak for a country's.
_LETTERS = {
    "HU": "áéíóöőúüűÁÉÍÓÖŐÚÜŰ",
    "PL": "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ",
    "CZ": "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ",
    "SK": "áäčďéíĺľňóôŕšťúýžÁÄČĎÉÍĹĽŇÓÔŔŠŤÚÝŽ",
    "SI": "čšžČŠŽ",
    "HR": "čćđšžČĆĐŠŽ",
    "RO": "ăâîșțşţĂÂÎȘȚŞŢ",
}
_CENTRAL = ("cp1250", "iso8859_2", "cp852")
_COUNTRY = re.compile(
    rb":25P?:/?([A-Z]{2})[0-9]{2}|\{1:F01[A-Z]{4}([A-Z]{2})|:25P?:[A-Z]{4}([A-Z]{2})[A-Z0-9]{2}"
    # An account in the country's own spelling: its currency, the first two letters of which are the country's.
    rb"|:60[FM]:[CD][0-9]{6}(HU|PL|CZ|RO)[FNK]"
)


def as_utf8(data: bytes, problems: Problems) -> bytes:
    """A file as UTF-8 with plain line ends; what had to be assumed or replaced is told.

    Raises:
        UnreadableFile: larger than 2 GB.
    """
    if len(data) > _LARGEST:
        raise unreadable(problems.source, "size", "The file is larger than 2 GB.", "Split it by statement.")
    data = narrowed(data).removeprefix(b"\xef\xbb\xbf")
    if b"\r" in data:
        data = _plain_ends(data)
    if not data.isascii():
        data = _decoded(data, problems)
    letters = np.frombuffer(data, np.uint8)
    plain_ones = np.count_nonzero(letters == 10) + np.count_nonzero(letters == 9)
    found = _CONTROLS.search(data) if np.count_nonzero(letters < 32) != plain_ones else None
    if found is not None:
        # Blocks of FIN may stand between SOH and ETX; that is the line's, not the message's.
        if _CONTROLS.search(data.translate(None, b"\x01\x02\x03\x1a")):
            problems.warn(
                data.count(b"\n", 0, found.start()) + 1,
                "file",
                "control-character",
                f"The file holds the control character U+{found[0][0]:04X}; such characters are read as spaces.",
                "Fetch the file again; it may be damaged.",
            )
        data = _CONTROLS.sub(b" ", data)
    return data


def _plain_ends(data: bytes) -> bytes:
    """Line ends as line feeds. Where every carriage return stands before one, taking them out is faster."""
    if data.count(b"\r\n") == data.count(b"\r"):
        return data.translate(None, b"\r")
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _decoded(data: bytes, problems: Problems) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        encoding = _encoding_of(data)
        problems.warn(
            data.count(b"\n", 0, error.start) + 1,
            "file",
            "encoding",
            f"The file is not UTF-8; it was read as {encoding.replace('cp', 'Windows-', 1).replace('iso8859_', 'ISO-8859-')}.",
            "Compare names with letters beyond A to Z, and ask the bank for its character set.",
        )
        return data.decode(encoding, "replace").encode()
    return data


def _encoding_of(data: bytes) -> str:
    found = _COUNTRY.search(data)
    country = next((group.decode() for group in found.groups() if group), "") if found else ""
    letters = _LETTERS.get(country)
    if not letters:
        return "cp1252"
    strange = bytes(byte for byte in data[:1_000_000] if byte > 127)
    return max(_CENTRAL, key=lambda name: sum(letter in letters for letter in strange.decode(name, "replace")))


# -------------------------------------------------------------------------------------------------------- fields
@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a file, in order.

    Attributes:
        text: the file as UTF-8 with plain line ends.
        codes: the tag of each field as a number, for comparing whole columns (``code_of``).
        starts, ends: where in ``text`` each value lies, continuation lines included.
        lines: the line (1-based) of each field.
        breaks: the numbers of the fields before which an end of message or a block stands.
        kinds: for such a field the message type its block or header line names, where it names one.
        strange: lines outside any field that are neither blank nor a known header: line number and text.
    """

    text: bytes
    codes: Indices
    starts: Indices
    ends: Indices
    lines: Indices
    breaks: frozenset[int]
    kinds: dict[int, str]
    strange: list[tuple[int, str]]

    def __len__(self) -> int:
        return len(self.codes)

    def tag(self, number: int) -> str:
        """The tag of one field, upper case, such as ``61`` or ``60F``."""
        return int(self.codes[number]).to_bytes(3, "big").decode().strip()

    def tags(self, first: int, stop: int) -> set[str]:
        """The different tags among some fields."""
        found = pc.unique(pa.array(self.codes[first:stop])).to_pylist()
        return {code.to_bytes(3, "big").decode().strip() for code in found}

    def value(self, number: int) -> str:
        """The value of one field, without blanks at its edges."""
        return self.text[self.starts[number] : self.ends[number]].decode().strip()

    def values(self, numbers: Indices) -> pa.Array:
        """The values of some fields as one column."""
        return slices(self.text, self.starts[numbers], self.ends[numbers])


@cache
def code_of(tag: str) -> int:
    """A tag as a number: its letters, with trailing blanks."""
    return int.from_bytes(tag.upper().ljust(3).encode(), "big")


def among_tags(codes: Indices, tags: Iterable[str]) -> Mask:
    """Which codes are those of some tags."""
    chosen = np.zeros(len(codes), np.bool_)
    for tag in tags:
        chosen |= codes == code_of(tag)
    return chosen


#: Fields side by side: their own line ends are lost, and with them what is account, name and town.
_ON_ONE_LINE = re.compile(rb":20:[^\n:]{1,40}[ \t]:[0-9]{2}[A-Z]?:[^\n:]{0,100}[ \t]:[0-9]{2}[A-Z]?:")
_LOOKED_AT = 65_536
#: So many blanks may stand before a tag.
_INDENTED = 40
_BLOCK = re.compile(rb"[ \t]*\{[1-5S]?:")
_END = re.compile(rb"-(?:[ \t]*$|\}|XXX|[ \t]*\{5)")
_BIC_LINE = re.compile(rb"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?[ \t]*$|[0-9]{4} 01[A-Z0-9 ]{0,40}$|:[19][0-9]{2}:[ \t]*$")
#: Fields of a statement that are one line; what follows such a line belongs to no field.
_ONE_LINE = frozenset(
    (
        "20",
        "21",
        "28",
        "28C",
        "28D",
        "60F",
        "60M",
        "62F",
        "62M",
        "64",
        "65",
        "13D",
        "34F",
        "90C",
        "90D",
        "30",
        "32A",
        "32B",
    )
)


def fields(data: bytes, problems: Problems) -> Fields:
    """Cut a file into fields.

    Args:
        data: the file's bytes.
        problems: takes what had to be assumed.
    """
    text = as_utf8(data, problems)
    flat = _ON_ONE_LINE.search(text, 0, _LOOKED_AT)
    if flat is not None:
        problems.error(
            text.count(b"\n", 0, flat.start()) + 1,
            "file",
            "one-line",
            "Several fields stand on one line; where each of their lines ends is not known, so they are not read.",
            "Ask for the message with its line ends.",
        )
    if b"{4::" in text:
        text = text.replace(b"{4::", b"{4:\n:")
    padded = np.frombuffer(text + b"\n" + bytes(8), np.uint8)
    ends = np.flatnonzero(padded[: len(text) + 1] == 10)
    starts = np.concatenate(([0], ends[:-1] + 1))
    tagged, codes, values = _tag_lines(padded, starts)
    marks = _marks(text, padded, starts, ends, tagged, codes)
    return _Cutter(text, starts, ends).cut(tagged, codes, values, marks)


def _tag_lines(padded: Bytes, starts: Indices) -> tuple[Indices, Indices, Indices]:
    """Lines that begin with a tag: their numbers (0-based), the tags as numbers, and where their values start."""
    at = starts
    first = padded[at]
    if ((first == 32) | (first == 9)).any():
        # Some programs indent; blanks before a tag are skipped.
        at = starts.copy()
        for _ in range(_INDENTED):
            blank = (padded[at] == 32) | (padded[at] == 9)
            if not blank.any():
                break
            at = at + blank
    lines = np.flatnonzero(padded[at] == 58)
    at = at[lines]
    one, two, three, four = (padded[at + step].astype(np.int64) for step in (1, 2, 3, 4))
    digits = (one >= 48) & (one <= 57) & (two >= 48) & (two <= 57)
    ns = (one == 78) & (two == 83)
    upper = np.where((three >= 97) & (three <= 122), three - 32, three)
    letter = (upper >= 65) & (upper <= 90)
    short, spaced = (digits | ns) & (three == 58), (digits | ns) & (three == 32) & (four == 58)
    long = digits & letter & (four == 58)
    good = short | spaced | long
    code = (one << 16) | (two << 8) | np.where(long, upper, 32)
    value = at + np.where(short, 4, 5)
    return lines[good], code[good], value[good]


def _marks(text: bytes, padded: Bytes, starts: Indices, ends: Indices, tagged: Indices, codes: Indices) -> list[int]:
    """Lines (0-based) that end a message or begin a block."""
    first = padded[starts]
    found = []
    for line in np.flatnonzero((first == 45) | (first == 123) | (first == 32) & (padded[starts + 1] == 123)).tolist():
        written = text[starts[line] : min(ends[line], starts[line] + 200)]
        if _BLOCK.match(written):
            found.append(line)
        elif _END.match(written):
            after = int(np.searchsorted(tagged, line))
            # A lone hyphen inside a text ends nothing: after an end there comes another message, or nothing.
            if written.rstrip() != b"-" or after == len(tagged) or _may_begin(int(codes[after])):
                found.append(line)
    return found


_BEGINNINGS = frozenset(map(code_of, ("20", "25", "28", "28C")))


def _may_begin(code: int) -> bool:
    return code in _BEGINNINGS


class _Cutter:
    """Puts tag lines, ends and blocks together."""

    def __init__(self, text: bytes, starts: Indices, ends: Indices) -> None:
        self._text, self._starts, self._ends = text, starts, ends
        self._strange: list[tuple[int, str]] = []
        self._kinds: dict[int, str] = {}
        self._breaks: set[int] = set()

    def cut(self, tagged: Indices, codes: Indices, values: Indices, marks: list[int]) -> Fields:
        stops = np.concatenate((tagged[1:], [len(self._starts)]))
        mark_lines = np.asarray(marks, np.int64)
        if len(mark_lines):
            cut = np.searchsorted(mark_lines, tagged, side="right")
            inside = cut < len(mark_lines)
            nearest = np.where(inside, mark_lines[np.minimum(cut, len(mark_lines) - 1)], len(self._starts))
            last = np.minimum(stops, nearest)
        else:
            last = stops.copy()
        single = among_tags(codes, _ONE_LINE)
        last = np.where(single, np.minimum(last, tagged + 1), last)
        ends = np.maximum(self._ends[last - 1], values) if len(last) else last
        self._between(0, int(tagged[0]) if len(tagged) else len(self._starts), 0)
        for number in np.flatnonzero(last < stops).tolist():
            self._between(int(last[number]), int(stops[number]), number + 1)
        return Fields(
            self._text,
            codes,
            values,
            ends,
            tagged + 1,
            frozenset(self._breaks),
            self._kinds,
            self._strange,
        )

    def _between(self, first: int, stop: int, following: int) -> None:
        """Lines outside any field, before the field ``following``."""
        kind = ""
        for line in range(first, min(stop, first + 10_000)):
            written = self._text[self._starts[line] : min(self._ends[line], self._starts[line] + 400)]
            if not written.strip():
                continue
            block, header = BLOCK_2.search(written), HEADER_LINE.match(written)
            if block or header:
                kind = (block or header)[1].decode()  # type: ignore[index]
            if _BLOCK.match(written) or _END.match(written):
                self._breaks.add(following)
            elif not header and not _BIC_LINE.match(written):
                self._strange.append((line + 1, written.decode("utf-8", "replace").strip()))
        if kind:
            self._kinds[following] = kind
            self._breaks.add(following)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its type as its header says (empty where it has none) and the numbers of its fields."""

    kind: str
    first: int
    stop: int


def messages(found: Fields) -> list[Message]:
    """The messages of a file. One begins at :20:, at a block, or where a field comes again that a message has once."""
    starts: list[int] = []
    seen: set[str] = set()
    skeleton = np.flatnonzero(~among_tags(found.codes, ("61", "86", "NS"))).tolist()
    for place, number in enumerate(skeleton):
        tag = found.tag(number)
        group = tag[:2]
        following = found.tag(skeleton[place + 1])[:2] if place + 1 < len(skeleton) else ""
        again = group in seen and (group == "60" or (group == "25" and following in ("28", "60")))
        if not starts or tag == "20" or number in found.breaks or again:
            starts.append(number)
            seen = set()
        seen.add(group)
    if len(found) and (not starts or starts[0] != 0):
        starts.insert(0, 0)
    bounds = [*starts, len(found)]
    kinds = found.kinds
    parts = []
    for first, stop in itertools.pairwise(bounds):
        parts.append(Message(kinds.get(first, ""), first, stop))
    return parts


def other_message(kind: str, found: Fields, message: Message, problems: Problems) -> None:
    """Tell a message among others that is not of their type, by name."""
    named = f"MT{kind} ({title(kind) or 'of another kind'})" if kind else "a message of a kind that cannot be told"
    problems.error(
        int(found.lines[message.first]),
        "file",
        "message-type",
        f"The message is {'an ' if kind else ''}{named}; it is left out.",
        "Import it from a file of its own.",
    )
