"""The bytes of a camt report, cut at its entries: what stands around them, and parts of whole entries to read at once.

What may live here: encodings, where entries start and end, and the skeleton, which is the document without its entries.
The skeleton is parsed strictly as it comes; in it a placeholder stands for each run of entries, which proves that they
stand in a report and in which. Anything that is not plain (comments that hide entries, mixed prefixes …) is refused here.
Memory: one part at a time; a single entry larger than a part is kept whole.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from lxml import etree

from electra_kernel.formats import camt_bytes, iso
from electra_kernel.formats.camt_columns import Indices, NotPlain
from electra_kernel.formats.camt_messages import Message
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

#: How many bytes are taken together; smaller costs time, larger memory.
PART = 16 * 2**20

#: What stands between two entries, or an entry itself, may not be larger: memory has to stay bounded.
_MOST = 256 * 2**20

#: A strict parser takes no longer text (libxml2: 10,000,000 bytes).
_LONGEST = 10_000_000

#: Nor does it take elements deeper than about 250 (libxml2); what is as deep as this here is left to it.
_DEEPEST = 200

_DECLARED = re.compile(rb"""^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["'][^>]*\?>""")
#: Character sets of one byte that Python decodes as an XML parser does, and whose letters below 128 are ASCII. Python
#: knows codecs beside them that are none of XML's, some of which take the square of the length.
_ONE_BYTE = re.compile(r"iso-8859-[0-9]{1,2}|windows-125[0-9]")
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def encoding_of(start: bytes) -> str:
    """The encoding of a document by its first bytes: empty for UTF-8, ``utf-16``, or a character set of one byte.

    Raises:
        NotPlain: any other.
    """
    encoding = "utf-16" if start[:2] in _UTF16_MARKS else ""
    declared = _DECLARED.match(start[:512])
    if declared is not None:
        encoding = declared[1].decode().lower()
    elif not encoding and 0 in start[:4]:
        raise NotPlain("an encoding without a name")
    if encoding in ("", "utf-8", "utf8", "us-ascii"):
        return ""
    if encoding != "utf-16" and not _ONE_BYTE.fullmatch(encoding):
        raise NotPlain(f"the encoding {encoding}")
    return encoding


def pieces_of(data: bytes) -> Iterator[bytes]:
    """A document at hand, in pieces."""
    return (data[start : start + PART] for start in range(0, len(data), PART))


def from_utf16(data: bytes) -> bytes:
    """A whole UTF-16 document as UTF-8, without its declaration."""
    try:
        text = data.decode("utf-16")
    except UnicodeError as error:
        raise NotPlain("broken UTF-16") from error
    return _DECLARATION.sub("", text, count=1).encode()


#: More characters than a declaration, or the tag of an entry, has.
_TAG = 512


def is_utf16(pieces: Iterable[bytes]) -> tuple[bool, Iterator[bytes]]:
    """Whether a document in pieces is UTF-16, by its first bytes; and its pieces."""
    left, start = iter(pieces), b""
    for piece in left:
        start += piece
        if len(start) >= len(codecs.BOM_UTF16):
            break
    return start[:2] in _UTF16_MARKS, chain([start], left)


class FromUtf16:
    """A UTF-16 document in pieces as UTF-8 in pieces, without its declaration.

    Attributes:
        places: the byte offset, in the document as it came, of each entry met so far.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self.places = pieces, list[int]()
        self._tag: re.Pattern[str] | None = None
        self._at = 0

    def __iter__(self) -> Iterator[bytes]:
        """The pieces.

        Raises:
            NotPlain: broken UTF-16.
        """
        decoder = codecs.getincrementaldecoder("utf-16")()
        self._at = len(codecs.BOM_UTF16)
        text, first = "", True
        try:
            for piece in self._pieces:
                text += decoder.decode(piece)
                if first and len(text) < _TAG:
                    continue
                # A tag that may still go on waits for the next piece.
                open_tag = text.rfind("<", max(0, len(text) - _TAG))
                cut = open_tag if open_tag >= 0 else len(text)
                yield self._utf8(text[:cut], first)
                text, first = text[cut:], first and cut == 0
            text += decoder.decode(b"", final=True)
        except UnicodeError as error:
            raise NotPlain("broken UTF-16", self._at) from error
        yield self._utf8(text, first)

    def _utf8(self, text: str, first: bool) -> bytes:
        if self._tag is None and (found := re.search(r"<(?:[\w.-]+:)?Ntry[ >/\t\r\n]", text)):
            self._tag = re.compile(re.escape(found[0][:-1]) + r"[ >/\t\r\n]")
        done = 0
        for match in self._tag.finditer(text) if self._tag else ():
            self._at += len(text[done : match.start()].encode("utf-16-le"))
            done = match.start()
            self.places.append(self._at)
        self._at += len(text[done:].encode("utf-16-le"))
        return (_DECLARATION.sub("", text, count=1) if first else text).encode()


#: A declaration as it has to be. Any other stays where it is: the strict parser of the skeleton refuses it.
_DECLARATION = re.compile(
    r"""^\ufeff?<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(["'])1\.[01]\1"""
    r"""(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(["'])[A-Za-z][A-Za-z0-9._-]*\2)?"""
    r"""(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(["'])(?:yes|no)\3)?[ \t\r\n]*\?>"""
)


@dataclass(frozen=True, slots=True)
class Part:
    """Some entries that follow one another in the file.

    Attributes:
        document: ``<B><S>entries</S>…</B>`` in UTF-8 with plain line ends: one ``S`` for each run inside one report.
        reports: the number of the report of each run.
        counts: how many entries each run has.
        starts: the byte offset of each entry in the file.
        longest: how many bytes the longest entry has.
        entry: the text of one entry, by its number in the part.
        name: the name of the entries' element, with its prefix.
        heads: the element of the report of each run, as far as it was read.
    """

    document: bytes
    reports: list[int]
    counts: list[int]
    starts: Indices
    longest: int
    entry: Callable[[int], bytes]
    name: bytes = b"Ntry"
    heads: list[iso.Element] = field(default_factory=list)

    def check_tags(self) -> None:
        """Whether tags stand as a strict parser has them: xml2arrow looks at the columns it is asked for.

        Raises:
            NotPlain: no parser takes it.
        """
        letters = camt_bytes.letters_of(self.document)
        cells = camt_bytes.tags_by_cell(letters)
        # An entry has room for elements too deep only with enough tags.
        if camt_bytes.most_tags_within(cells, self.longest) >= 2 * _DEEPEST or not camt_bytes.short_attributes(letters):
            self._check_tags(letters)
        elif cells.sum() != camt_bytes.count(letters, b">"):
            self._parse_strictly()
        if self.longest > _LONGEST and np.diff(camt_bytes.places_of(letters, b"<")).max(initial=0) > _LONGEST:
            raise NotPlain("a text longer than any parser takes", int(self.starts[0]))

    def plain(self) -> bool:
        """Whether xml2arrow finds what a strict parser finds: nothing is hidden, and characters are what they are."""
        declared = any(camt_bytes.declares(self.document, mark) for mark in (b"!", b"?"))
        return not declared and camt_bytes.plain_characters(self.document)

    def ends_of_texts(self) -> Indices:
        """Where texts end in the document. Of a plain part only."""
        return camt_bytes.ends_of_texts(camt_bytes.letters_of(self.document))

    def entry_of(self, places: Indices) -> Indices:
        """The entry that each of these places of the document stands in."""
        tags = re.finditer(b"<" + re.escape(self.name) + rb"[ >/\t\r\n]", self.document)
        return np.searchsorted(np.asarray([tag.start() for tag in tags], np.int64), places, "right") - 1

    def _parse_strictly(self) -> None:
        """A mark stands in a text, which is right, or in an attribute, which is not: a strict parser knows."""
        try:
            parse_xml(self.document)
        except HostileXml as error:
            raise NotPlain(error.what, int(self.starts[0])) from error

    def _check_tags(self, letters: npt.NDArray[np.uint8]) -> None:
        """Whether tags begin and end in turn, and how deep they stand."""
        opens, closes = np.flatnonzero(letters == ord("<")), np.flatnonzero(letters == ord(">"))
        steps = np.where(letters[opens + 1] == ord("/"), -1, 1)
        if len(opens) == len(closes) and (opens < closes).all() and (closes[:-1] < opens[1:]).all():
            steps[letters[closes - 1] == ord("/")] = 0
        else:
            self._parse_strictly()
        if np.cumsum(steps).max(initial=0) > _DEEPEST:
            raise NotPlain("elements nested too deep", int(self.starts[0]))


class Cutter:
    """Takes a document piece by piece and gives parts; afterwards ``root`` is its skeleton."""

    def __init__(self, message: Message) -> None:
        self._message = message
        tags = (f"{{*}}{message.report}", "{*}Ntry")
        self._parser = etree.XMLPullParser(
            events=("start", "end"),
            tag=tags,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_pis=True,
            remove_comments=True,
        )
        self._name = b""
        self._encoding = ""
        self._placeholders = self._found = 0
        self._number = -1
        self._report: Any = None
        self.root: Any = None

    def parts(self, pieces: Iterable[bytes]) -> Iterator[Part]:
        """The parts of a document in pieces of any size.

        Raises:
            NotPlain: the document is not plain, or malformed around its entries.
        """
        buffer, base, want = b"", 0, 0
        for piece in pieces:
            buffer = buffer + piece if buffer else piece
            if len(buffer) < want:
                continue
            found = self._cut(buffer, base, last=False)
            if not found and len(buffer) > _MOST:
                raise NotPlain("an entry larger than any bank sends", base)
            # An entry, or a head, that is larger than a part: look again when there is twice as much.
            want = 0 if found else 2 * len(buffer)
            if found:
                part, used = found
                yield part
                buffer, base = buffer[used:], base + used
        found = self._cut(buffer, base, last=True)
        if found:
            part, used = found
            yield part
            buffer, base = buffer[used:], base + used
        self._feed(buffer, base)
        self._close(base)

    def _cut(self, buffer: bytes, base: int, *, last: bool) -> tuple[Part, int] | None:
        if not self._name and not self._begin(buffer):
            return None
        starts, ends = self._entries(buffer, last=last)
        if not len(starts):
            return None
        first = [0, *_breaks(buffer, starts, ends)]
        counts = np.diff([*first, len(starts)]).tolist()
        reports, heads, texts = [], [], list[bytes | memoryview]()
        view = memoryview(buffer)
        for number, count in zip(first, counts, strict=True):
            gap = buffer[ends[number - 1] if number else 0 : starts[number]]
            report, head = self._place(gap, base)
            reports.append(report)
            heads.append(head)
            texts += [b"</S><S>" if texts else b"<B><S>", view[starts[number] : ends[number + count - 1]]]
        document = self._utf8(b"".join([*texts, b"</S></B>"]))

        def entry(number: int) -> bytes:
            return self._utf8(buffer[starts[number] : ends[number]])

        longest = int((ends - starts).max())
        return Part(document, reports, counts, starts + base, longest, entry, self._name, heads), int(ends[-1])

    def _begin(self, buffer: bytes) -> bool:
        """Look for the first entry, whose prefix is taken for all; whether there is one."""
        first = re.search(rb"<((?:[\w.-]+:)?)Ntry[ >/\t\r\n]", buffer)
        if first is None:
            return False
        if _hides(buffer[: first.start()]):
            raise NotPlain("declarations or sections before the entries")
        self._name, self._encoding = first[1] + b"Ntry", encoding_of(buffer)
        return True

    def _entries(self, buffer: bytes, *, last: bool) -> tuple[Indices, Indices]:
        """Where each whole entry starts and ends; refused where the tags do not come in pairs, one after the other."""
        name = self._name
        found = [match.start() for match in re.finditer(re.escape(name) + rb"[ >/\t\r\n]", buffer)]
        at, letters = np.asarray(found, np.int64), np.frombuffer(buffer, np.uint8)
        at = at[at >= 1]
        before, two_before = letters[at - 1], letters[np.maximum(at - 2, 0)]
        opening = before == ord("<")
        closing = (before == ord("/")) & (two_before == ord("<")) & (at >= 2)
        at, opening = at[opening | closing], opening[opening | closing]
        if len(at) % 2 and not last:
            at, opening = at[:-1], opening[:-1]
        ends = at[1::2] + len(name) + 1
        if len(at) % 2 or not opening[::2].all() or opening[1::2].any() or (letters[ends - 1] != ord(">")).any():
            raise NotPlain("entries whose tags do not come in pairs")
        return at[::2] - 1, ends

    def _place(self, gap: bytes, base: int) -> tuple[int, iso.Element]:
        """Put a run of entries into the skeleton, after what stands before it; the report it stands in."""
        self._placeholders += 1
        self._feed(gap + b"<" + self._name + b"/>", base)
        if self._found != self._placeholders:
            raise NotPlain("entries in unusual places", base)
        return self._number, self._report

    def _feed(self, text: bytes, base: int) -> None:
        if self._found and _hides(text):
            raise NotPlain("comments or sections around entries", base)
        try:
            self._parser.feed(text)
            events = cast("Iterator[tuple[str, iso.Element]]", self._parser.read_events())
            for event, element in events:
                self._event(event, element, base)
        except (etree.XMLSyntaxError, ValueError, LookupError) as error:
            raise NotPlain(str(error), base) from error

    def _event(self, event: str, element: iso.Element, base: int) -> None:
        parent = element.getparent()
        if etree.QName(element.tag).localname == "Ntry":
            if event == "end":
                self._found += 1
                if parent is not self._report or len(element) or element.text:
                    raise NotPlain("entries in unusual places", base)
        elif event == "start" and parent is not None and etree.QName(parent.tag).localname == self._message.body:
            self._number += 1
            self._report = element

    def _close(self, base: int) -> None:
        try:
            self.root = self._parser.close()
        except (etree.XMLSyntaxError, ValueError) as error:
            raise NotPlain(str(error), base) from error
        if self.root.getroottree().docinfo.internalDTD is not None or self._found != self._placeholders:
            raise NotPlain("a document type, or entries in unusual places", base)

    def _utf8(self, text: bytes) -> bytes:
        if self._encoding:
            try:
                text = text.decode(self._encoding).encode()
            except (LookupError, UnicodeError) as error:
                raise NotPlain("characters that are none of the encoding") from error
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return text


def _breaks(buffer: bytes, starts: Indices, ends: Indices) -> list[int]:
    """The numbers of the entries before which anything but white space stands."""
    begins, lengths = ends[:-1], starts[1:] - ends[:-1]
    usual = int(np.bincount(np.minimum(lengths, 99)).argmax()) if len(lengths) else 0
    like = lengths == usual
    letters = np.frombuffer(buffer, np.uint8)
    broken = np.zeros(len(lengths), np.bool_)
    broken[like] = ~camt_bytes.BLANK[letters[begins[like][:, None] + np.arange(usual)]].all(axis=1)
    for number in np.flatnonzero(~like & (lengths > 0)).tolist():
        broken[number] = not buffer[begins[number] : starts[number + 1]].isspace()
    numbers: list[int] = (np.flatnonzero(broken) + 1).tolist()
    return numbers


_HIDING = re.compile(rb"<(?:!--|\?|!\[CDATA\[|!)")
_ENDS = {b"<!--": b"-->", b"<?": b"?>", b"<![CDATA[": b"]]>"}


def _hides(text: bytes) -> bool:
    """Whether a comment, section or instruction begins here that does not end here, so that it may hide what follows."""
    at = 0
    while (begin := _HIDING.search(text, at)) is not None:
        end = _ENDS.get(begin[0], b"")
        at = text.find(end, begin.end()) if end else -1
        if at < 0:
            return True
    return False
