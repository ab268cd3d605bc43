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
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from lxml import etree

from electra_kernel.vocabulary.xml import HostileXml, parse_xml

#: The attribute by which the element that stands for a run of records names it.
RUN = "electra-run"

_SPACE = " \t\r\n"
_BLANK = re.compile(r"[ \t\r\n]*")
_TEXTS = re.compile(r">[^<]*<")
_TAGS = re.compile(r"<[^>]*>")
_BETWEEN = re.compile(r">([^<]*)(?=<)")
_REFERENCE = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,9})|#x([0-9A-Fa-f]{1,8}));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ASCII, _UTF_8 = (b"us-ascii", b"ascii"), b"utf-8"
#: Bytes that XML 1.0 does not allow in UTF-8: control characters.
_ALLOWED = bytes(code for code in range(256) if code >= 32 or code in (9, 10, 13))
_MOST_SHAPES = 500  # so many skeletons get a pattern of their own; the records of further ones are taken apart singly
_RECENT = 4


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause the cyclic garbage collector: a million small values without cycles would be walked through again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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

    The text is a Latin-1 view of UTF-8 bytes, so that a place in it is a byte offset; values are decoded one by one.
    """

    def __init__(self, text: str, runs: list[list[tuple[int, int]]], positions: list[int | None] | None) -> None:
        self._text, self._runs, self._positions = text, runs, positions
        self._ascii = text.isascii()
        self._firsts: list[int] = []
        count = 0
        for run in runs:
            self._firsts.append(count)
            count += len(run)
        self._shapes: dict[str, Shape] = {}
        self._recent: list[Shape] = []
        self._namespaces: dict[str | None, str] = {}

    def of(self, placeholder: etree._Element) -> Iterator[Record]:
        """The records that a placeholder stands for.

        Raises:
            NotPlain: a record is not what the quick way can be sure of.
        """
        number = int(placeholder.get(RUN, ""))
        if placeholder.nsmap != self._namespaces:  # what a prefix means may be another thing here
            self._namespaces, self._shapes, self._recent = dict(placeholder.nsmap), {}, []
        text, places, first = self._text, self._positions, self._firsts[number]
        latest: Shape | None = None
        match: Callable[..., re.Match[str] | None] | None = None
        for index, (start, end) in enumerate(self._runs[number], first):
            found = match(text, start, end) if match is not None else None
            if found is not None and found.end() == end and latest is not None:
                shape, values = latest, list(found.groups())
            else:
                shape, values = self._match(start, end)
                latest, match = shape, shape.pattern.match if shape.pattern is not None else None
            if text.find("&", start, end) >= 0 or text.find("\r", start, end) >= 0:
                values = [_as_parsed(value) if "&" in value or "\r" in value else value for value in values]
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
            known = _shape(skeleton, self._namespaces, patterned=len(self._shapes) < _MOST_SHAPES)
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
    if len(records) != len(positions):
        raise NotPlain
    return _cut(etree.tostring(root, encoding="UTF-8", xml_declaration=False), name, positions)


def _cut(data: bytes, name: str, positions: list[int | None] | None) -> Cut:
    text = data.decode("latin-1")
    first = re.search(rf"<((?:[\w.-]+:)?{name})[ >/\t\r\n]", text)
    opening, closing = (f"<{first[1]}", f"</{first[1]}>") if first else ("", "")
    shell, runs = _without(text, opening, closing)
    if _has_markup(shell, 5):
        raise NotPlain
    try:
        root = parse_xml(shell.encode("latin-1"))
    except HostileXml as error:
        raise NotPlain from error
    if sum(1 for _ in root.iter("{*}" + name)) != len(runs):
        raise NotPlain  # records of another prefix are left in the shell
    return Cut(root, Records(text, runs, positions))


def _require_plain(data: bytes) -> None:
    if b"]]>" in data or data.translate(None, _ALLOWED):
        raise NotPlain
    declared = _ENCODING.match(data[:200].removeprefix(b"\xef\xbb\xbf"))
    encoding = declared[1].lower() if declared else _UTF_8
    if data.isascii() and encoding in (*_ASCII, _UTF_8):
        return
    if encoding != _UTF_8 or b"\xef\xbf\xbe" in data or b"\xef\xbf\xbf" in data:
        raise NotPlain
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise NotPlain from error


def _has_markup(text: str, start: int = 0) -> bool:
    """Whether there are comments, CDATA sections, a document type or processing instructions beside the declaration."""
    return "<!" in text or text.find("<?", start) >= 0


def _without(text: str, opening: str, closing: str) -> tuple[str, list[list[tuple[int, int]]]]:
    """The text with one empty element for each run of records, and where the records stand."""
    pieces: list[str] = []
    runs: list[list[tuple[int, int]]] = []
    done, at = 0, text.find(opening) if opening else -1
    while at >= 0:
        pieces.append(f'{text[done:at]}{opening} {RUN}="{len(runs)}"/>')
        run: list[tuple[int, int]] = []
        while text.startswith(opening, at):
            done = _end(text, at, opening, closing)
            run.append((at, done))
            at = done if text.startswith("<", done) else _BLANK.match(text, done).end()  # type: ignore[union-attr]
        runs.append(run)
        at = text.find(opening, done)
    pieces.append(text[done:])
    return "".join(pieces), runs


def _end(text: str, at: int, opening: str, closing: str) -> int:
    """Where the record that starts at ``at`` ends."""
    after = at + len(opening)
    if text.startswith(">", after) and (end := text.find(closing, after)) >= 0:
        return end + len(closing)
    tag_end = after if text.startswith(">", after) else text.find(">", at)
    if tag_end < 0 or text[after] not in " >/\t\r\n":
        raise NotPlain
    if text[tag_end - 1] == "/":
        return tag_end + 1
    end = text.find(closing, tag_end)
    if end < 0:
        raise NotPlain
    return end + len(closing)


# ------------------------------------------------------------------------------------------------------ shapes
def _shape(skeleton: str, namespaces: dict[str | None, str], *, patterned: bool) -> Shape:
    if _has_markup(skeleton):
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


def _as_parsed(value: str) -> str:
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
