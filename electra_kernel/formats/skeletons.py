"""Reading an XML file of very many like records at the speed of a scan, exactly.

What may live here: cutting the records out of a document and finding their values. No message of any bank lives here.

The records of one file are nearly all made of the same tags. A record without its texts is its *skeleton*: a skeleton is
parsed once, by lxml, into a ``Shape`` that knows the path of every value; all further records of that skeleton are only
matched against it. What is left of the document once the records are taken out is parsed as usual. A match proves that
the record is well-formed, because its tags are those of a record that was parsed and its texts hold no ``<`` and no
reference but those of XML itself.

That holds for plain documents: UTF-8, without comments, CDATA sections or processing instructions. Any other is parsed
as a whole first and brought into that form, and so is every document in which something does not fit; so the quick way
decides nothing about right and wrong.

Where the records stand is found for all of them at once (``cut``). They are then matched one by one (``Records.of``) or,
where there are many, whole columns at a time (``skeleton_columns``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from lxml import etree

from electra_kernel.vocabulary.xml import HostileXml, parse_xml

#: The attribute by which the element that stands for a run of records names it.
RUN = "electra-run"

Places: TypeAlias = npt.NDArray[np.int64]
_SPACE = " \t\r\n"
_BLANKS = b" \t\r\n"
_TEXTS = re.compile(r">[^<]*<")
_TAGS = re.compile(r"<[^>]*>")
_BETWEEN = re.compile(r">([^<]*)(?=<)")
_REFERENCE = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,9})|#x([0-9A-Fa-f]{1,8}));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ASCII, _UTF_8 = (b"us-ascii", b"ascii"), b"utf-8"
_BLOCK = 1 << 18
_LARGEST = 2**31 - 1
_MOST_SHAPES = 500  # so many skeletons get a pattern of their own; the records of further ones are taken apart singly
_RECENT = 4


class NotPlain(Exception):
    """The document has something that the quick way leaves to the parser."""


@dataclass(slots=True, eq=False)
class Shape:
    """What records of one skeleton have in common.

    Attributes:
        paths: the path of plain names of every leaf, in the file's order.
        attributes: the attributes of every leaf.
    """

    paths: tuple[str, ...]
    attributes: tuple[dict[str, str], ...]
    pattern: re.Pattern[str] | None
    texts: tuple[int, ...] = field(default=())
    """Of every leaf the place of its text among all texts between tags; -1 for ``<X/>``."""


#: One record: its shape, the text of every leaf (stripped), and the byte offset of its start tag.
Record: TypeAlias = tuple[Shape, list[str], int | None]


class Records:
    """The records of a document, run by run.

    Attributes:
        data: the document.
        found: where its records stand.
        positions: the byte offset of every record in the user's file, where that is not ``data``.
    """

    def __init__(self, data: bytes, found: Found, positions: list[int | None] | None) -> None:
        self.data, self.found, self.positions = data, found, positions
        self._ascii = data.isascii()
        self._shapes: dict[str, Shape] = {}
        self._recent: list[Shape] = []
        self.namespaces: dict[str | None, str] = {}

    @cached_property
    def _text(self) -> str:
        """A Latin-1 view of UTF-8 bytes, so that a place in it is a byte offset; values are decoded one by one."""
        return self.data.decode("latin-1")

    def run(self, placeholder: etree._Element) -> tuple[int, int]:
        """The first record that a placeholder stands for, and the one after the last."""
        number = int(placeholder.get(RUN, ""))
        if placeholder.nsmap != self.namespaces:  # what a prefix means may be another thing here
            self.namespaces, self._shapes, self._recent = dict(placeholder.nsmap), {}, []
        return int(self.found.bounds[number]), int(self.found.bounds[number + 1])

    def position(self, number: int) -> int | None:
        """The byte offset of a record in the user's file."""
        return int(self.found.starts[number]) if self.positions is None else self.positions[number]

    def of(self, placeholder: etree._Element) -> Iterator[Record]:
        """The records that a placeholder stands for.

        Raises:
            NotPlain: a record is not what the quick way can be sure of.
        """
        first, after = self.run(placeholder)
        text, places = self._text, self.positions
        latest: Shape | None = None
        match: Callable[..., re.Match[str] | None] | None = None
        starts, ends = self.found.starts[first:after].tolist(), self.found.ends[first:after].tolist()
        for index, (start, end) in enumerate(zip(starts, ends, strict=True), first):
            found = match(text, start, end) if match is not None else None
            if found is not None and found.end() == end and latest is not None:
                shape, values = latest, list(found.groups())
            else:
                shape, values = self._match(start, end)
                latest, match = shape, shape.pattern.match if shape.pattern is not None else None
            if text.find("&", start, end) >= 0 or text.find("\r", start, end) >= 0:
                values = [as_parsed(value) if "&" in value or "\r" in value else value for value in values]
            if not self._ascii:
                values = [value if value.isascii() else value.encode("latin-1").decode() for value in values]
            yield shape, [value.strip(_SPACE) for value in values], start if places is None else places[index]

    def _match(self, start: int, end: int) -> tuple[Shape, list[str]]:
        for shape in self._recent:
            found = shape.pattern.match(self._text, start, end) if shape.pattern else None
            if found is not None and found.end() == end:
                return shape, list(found.groups())
        chunk = self._text[start:end]
        skeleton = _TEXTS.sub("><", chunk)
        known = self._shapes.get(skeleton)
        if known is None:
            known = shape_of(skeleton, self.namespaces, patterned=len(self._shapes) < _MOST_SHAPES)
            if known.pattern is not None:
                self._shapes[skeleton] = known
        if known.pattern is not None:
            self._recent = [known, *(shape for shape in self._recent if shape is not known)][:_RECENT]
        texts = _BETWEEN.findall(chunk)
        return known, [texts[place] if place >= 0 else "" for place in known.texts]


@dataclass(frozen=True, slots=True)
class Cut:
    """A document without its records, each run of which is one empty element with the attribute ``RUN``."""

    root: etree._Element
    records: Records


def cut(data: bytes, name: str) -> Cut:
    """Take the records out of a plain document.

    Args:
        data: the file.
        name: the local name of the records' element.

    Raises:
        NotPlain: the document has to be parsed as a whole.
    """
    _require_plain(data)
    return _cut(data, name, None)


def cut_parsed(root: etree._Element, name: str, positions: list[int | None]) -> Cut:
    """Take the records out of a document that was parsed as a whole, without comments and processing instructions.

    Args:
        root: the parsed document; its records lose their namespace.
        name: the local name of the records' element.
        positions: the byte offset of every record.

    Raises:
        NotPlain: the records stand one in another.
    """
    records = list(root.iter("{*}" + name))
    for record in records:
        record.tag = name
        if not len(record) and not record.text:
            record.text = " "  # else it would have no end tag of its own
    if len(records) != len(positions):
        raise NotPlain
    return _cut(etree.tostring(root, encoding="UTF-8", xml_declaration=False), name, positions)


def _cut(data: bytes, name: str, positions: list[int | None] | None) -> Cut:
    found = _found(data, name)
    if any(_has_markup(data, start, end) for start, end in _outside(data, found)):
        raise NotPlain  # looked for where it stands: the rest of a file may be as long as the file
    try:
        root = parse_xml(_shell(data, found))
    except HostileXml as error:
        raise NotPlain from error
    if sum(1 for _ in root.iter("{*}" + name)) != len(found.bounds) - 1:
        raise NotPlain  # records of another prefix are left in the shell
    return Cut(root, Records(data, found, positions))


def _require_plain(data: bytes) -> None:
    if (b"]" in data and b"]]>" in data) or _has_controls(data) or len(data) > _LARGEST:
        raise NotPlain
    declared = _ENCODING.match(data[:200].removeprefix(b"\xef\xbb\xbf"))
    encoding = declared[1].lower() if declared else _UTF_8
    if data.isascii() and encoding in (*_ASCII, _UTF_8):
        return
    if encoding != _UTF_8 or b"\xef\xbf\xbe" in data or b"\xef\xbf\xbf" in data:
        raise NotPlain
    try:
        whole = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, len(data)], np.int32)), pa.py_buffer(data))
        whole.validate(full=True)  # without a copy, which a decoder would make
    except pa.ArrowInvalid as error:
        raise NotPlain from error


def _has_controls(data: bytes) -> bool:
    """Whether there are bytes that XML 1.0 does not allow in UTF-8: control characters."""
    values = np.frombuffer(data, np.uint8)
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        # Differences of bytes wrap around, so one comparison is a range: 14–31, 11–12.
        if (block - 14 < 18).any() or (block < 9).any() or (block - 11 < 2).any():
            return True
    return False


def _has_markup(data: bytes, start: int, end: int) -> bool:
    """Whether there are comments, CDATA sections, a document type or processing instructions beside the declaration."""
    return data.find(b"<!", start, end) >= 0 or data.find(b"<?", max(start, 5), end) >= 0


# ------------------------------------------------------------------------------------------------------ places
@dataclass(frozen=True, slots=True)
class Found:
    """Where the records of a document stand.

    Attributes:
        opening: their start tag without its end, as bytes.
        starts, ends: the byte offsets of each record's first byte and of the byte after its last.
        bounds: of each run the number of its first record, and at the end the number of all.
        marks: the byte offset of every ``<`` in the document.
        firsts, lasts: of each record the numbers of its start tag and its end tag among ``marks``.
    """

    opening: bytes
    starts: Places
    ends: Places
    bounds: Places
    marks: npt.NDArray[np.int32]
    firsts: Places
    lasts: Places


_NONE = np.zeros(0, np.int64)
_NONE_FOUND = Found(b"", _NONE, _NONE, np.zeros(1, np.int64), np.zeros(0, np.int32), _NONE, _NONE)


def words_of(data: bytes) -> npt.NDArray[np.uint64]:
    """The eight bytes from each byte on as one number, without a copy."""
    return np.ndarray((max(len(data) - 7, 0),), np.dtype("<u8"), data, strides=(1,))


def _found(data: bytes, name: str) -> Found:
    first = re.search(rb"<((?:[\w.-]+:)?" + name.encode() + rb")[ >/\t\r\n]", data)
    if first is None:
        return _NONE_FOUND
    opening, closing = b"<" + first[1], b"</" + first[1] + b">"
    marks, firsts, lasts = _marks(data, opening[:8], closing[:8])
    firsts = _equal(data, marks, firsts, opening)
    after = np.frombuffer(data, np.uint8)[marks[firsts] + len(opening)]
    firsts = firsts[(after <= ord(" ")) | (after == ord(">")) | (after == ord("/"))]
    lasts = _equal(data, marks, lasts, closing)
    if not len(firsts) and not len(lasts):
        return _NONE_FOUND
    if len(firsts) != len(lasts) or (firsts >= lasts).any() or (lasts[:-1] >= firsts[1:]).any():
        raise NotPlain
    starts, ends = marks[firsts].astype(np.int64), marks[lasts].astype(np.int64) + len(closing)
    joined = (lasts[:-1] + 1 == firsts[1:]) & _blank(data, ends[:-1], starts[1:])
    bounds = np.concatenate(([0], np.flatnonzero(~joined) + 1, [len(starts)]))
    return Found(opening, starts, ends, bounds, marks, firsts, lasts)


def _marks(data: bytes, *wanted: bytes) -> tuple[npt.NDArray[np.int32], Places, Places]:
    """Where every ``<`` stands, and the numbers of those at which either of two texts of eight bytes does."""
    values, words, count = np.frombuffer(data, np.uint8), words_of(data), 0
    one, two = (int.from_bytes(text, "little") for text in wanted)
    found: list[list[Any]] = [[], [], []]
    for start in range(0, len(values), _BLOCK):
        marks = np.flatnonzero(values[start : start + _BLOCK] == ord("<")) + start
        heads = words[marks[: np.searchsorted(marks, len(words))]]
        found[0].append(marks.astype(np.int32))
        found[1].append(np.flatnonzero(heads == one) + count)
        found[2].append(np.flatnonzero(heads == two) + count)
        count += len(marks)
    return np.concatenate(found[0]), np.concatenate(found[1]), np.concatenate(found[2])


def _equal(data: bytes, marks: npt.NDArray[np.int32], found: Places, text: bytes) -> Places:
    """Those of some marks at which a text of eight bytes or more stands, and a byte more."""
    words = words_of(data)
    found = found[marks[found] < len(data) - len(text)]
    for place in [*range(8, len(text) - 8, 8), len(text) - 8]:
        wanted = int.from_bytes(text[place : place + 8], "little")
        found = found[words[marks[found] + place] == wanted]
    return found


def _blank(data: bytes, starts: Places, ends: Places) -> npt.NDArray[np.bool_]:
    """Which of some stretches of bytes hold white space only; there are no control characters among them."""
    values, blank, lengths = np.frombuffer(data, np.uint8), np.ones(len(starts), np.bool_), ends - starts
    for place in range(min(int(lengths.max(initial=0)), _LONGEST_GAP)):
        there = lengths > place
        blank[there] &= values[starts[there] + place] <= ord(" ")
    for number in np.flatnonzero(lengths > _LONGEST_GAP):
        blank[number] = not data[starts[number] : ends[number]].strip(_BLANKS)
    return blank


_LONGEST_GAP = 64


def _outside(data: bytes, found: Found) -> Iterator[tuple[int, int]]:
    """The parts of the document before, between and after the runs of records: where they start and end."""
    done = 0
    for first, after in pairwise(found.bounds.tolist()):
        yield done, int(found.starts[first])
        done = int(found.ends[after - 1])
    yield done, len(data)


def _shell(data: bytes, found: Found) -> bytes:
    """The document with one empty element for each run of records."""
    pieces = list[bytes]()
    for number, (start, end) in enumerate(_outside(data, found)):
        pieces += (data[start:end], found.opening + f' {RUN}="{number}"/>'.encode())
    return b"".join(pieces[:-1])


# ------------------------------------------------------------------------------------------------------ shapes
def shape_of(skeleton: str, namespaces: dict[str | None, str], *, patterned: bool) -> Shape:
    """The shape of a record without its texts.

    Raises:
        NotPlain: it is none that the quick way can be sure of.
    """
    if "<!" in skeleton or "<?" in skeleton:
        raise NotPlain
    record = _parsed(skeleton, namespaces)
    tags = _TAGS.findall(skeleton)
    if "".join(tags) != skeleton:
        raise NotPlain  # an attribute holds a ">"
    leaves, texts = [], []
    for element, (tag_number, tag) in zip(record.iter(), _starts(tags), strict=True):
        if not len(element):
            leaves.append(element)
            texts.append(-1 if tag.endswith("/>") else tag_number)
    return Shape(
        tuple(_path(leaf, record) for leaf in leaves),
        tuple({str(key): str(value) for key, value in leaf.attrib.items()} for leaf in leaves),
        _pattern(tags) if patterned else None,
        tuple(texts),
    )


def _parsed(skeleton: str, namespaces: dict[str | None, str]) -> etree._Element:
    wrapper = etree.Element("records", nsmap=namespaces)  # type: ignore[arg-type]
    opening = etree.tostring(wrapper, encoding="unicode").removesuffix("/>")
    try:
        (record,) = parse_xml(f"{opening}>{skeleton}</records>".encode("latin-1"))
    except (HostileXml, ValueError) as error:
        raise NotPlain from error
    return record


def _starts(tags: list[str]) -> Iterator[tuple[int, str]]:
    return ((number, tag) for number, tag in enumerate(tags) if not tag.startswith("</"))


def _path(leaf: etree._Element, record: etree._Element) -> str:
    names = []
    current: etree._Element | None = leaf
    while current is not None and current is not record:
        names.append(etree.QName(current.tag).localname)
        current = current.getparent()
    return "/".join(reversed(names))


def _pattern(tags: list[str]) -> re.Pattern[str]:
    """The tags in their order; a text between a start tag and its own end tag is a group, any other is blank."""
    parts = [re.escape(tags[0])]
    for before, tag in pairwise(tags):
        is_leaf = tag.startswith("</") and not before.startswith("</") and not before.endswith("/>")
        parts.append("([^<]*+)" if is_leaf else "()[ \t\r\n]*+" if tag.endswith("/>") else "[ \t\r\n]*+")
        parts.append(re.escape(tag))
    return re.compile("".join(parts))


def as_parsed(value: str) -> str:
    """A text as a parser gives it: line ends are newlines, XML's own references are what they stand for.

    Raises:
        NotPlain: a reference that is not XML's own.
    """
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    if value.count("&") == value.count("&amp;"):
        return value.replace("&amp;", "&")
    if value.count("&") != len(_REFERENCE.findall(value)):
        raise NotPlain
    return _REFERENCE.sub(_character, value)


def _character(match: re.Match[str]) -> str:
    if match[1]:
        return _NAMED[match[1]]
    code = int(match[2]) if match[2] else int(match[3], 16)
    if code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0xFFFF < code < 0x110000:
        return chr(code).encode().decode("latin-1")
    raise NotPlain
