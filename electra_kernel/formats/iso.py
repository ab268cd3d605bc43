"""What the ISO 20022 readers and writers share: finding the message in its envelope, plain-named elements,
texts, moments, byte offsets, and escaping. No message lives here.

Messages are known by the local name of their body and the version in its namespace, so prefixes, envelopes
(business message, SOAP, a bank's own) and national namespaces that name the version are all read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias, cast
from xml.parsers import expat

from lxml import etree

from electra_kernel.formats.base import Problems, unreadable
from electra_kernel.formats.xml_mends import as_one, declared_first, mended
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Address
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

Element: TypeAlias = etree._Element

_VERSION = re.compile(r"(?:pain|camt|pacs)\.[0-9]{3}\.[0-9]{3}\.[0-9]{2}")
_DECIMAL = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,5})?")
_XML_DECIMAL = re.compile(r"\+?(?=\.?[0-9])[0-9]{0,40}\.?[0-9]{0,40}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,17})?")
_RATE = re.compile(r"[0-9]{1,8}(?:\.[0-9]{1,10})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")
_BASIC_DATE = re.compile(r"[0-9]{8}(?=T|$)")
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEAD = 65_536
_COUNTRY = re.compile("[A-Z]{2}")
_ADDRESS_LINES = 7


@dataclass(frozen=True, slots=True)
class Head:
    """The first elements of an XML file as (local name, namespace), in file order."""

    elements: tuple[tuple[str, str], ...]

    def body(self, name: str) -> str | None:
        """The namespace of the first element of this local name, or ``None`` where there is none."""
        return next((namespace for local, namespace in self.elements if local == name), None)


def looks_like_xml(data: bytes) -> bool:
    """Whether the bytes begin as XML does, in UTF-8, Latin-1 or UTF-16."""
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"<") or data[:4] in (b"\xff\xfe<\0", b"\xfe\xff\0<", b"<\0?\0", b"\0<\0?")


def head(data: bytes) -> Head:
    """The elements that start within the first 64 KiB. Raises nothing: what cannot be parsed ends the list."""
    if not looks_like_xml(data):
        return Head(())
    start = data[:_HEAD]
    found = _head(declared_first(start))
    return found if found.elements else _head(mended(start)[0])


@lru_cache(maxsize=4)
def _head(start: bytes) -> Head:
    """Asked for by each format in turn until one knows the file, so the last few are kept."""
    pull = etree.XMLPullParser(events=("start",), resolve_entities=False, no_network=True, load_dtd=False)
    found: list[tuple[str, str]] = []
    # What stands before the place where the parser stops is known all the same.
    with suppress(etree.XMLSyntaxError, ValueError, LookupError):
        pull.feed(start)
    with suppress(etree.XMLSyntaxError, ValueError, LookupError):
        for _, element in cast("Iterator[tuple[str, Element]]", pull.read_events()):
            namespace, _, local = element.tag.rpartition("}")
            found.append((local, namespace[1:]))
    return Head(tuple(found))


def version_in(namespace: str) -> str:
    """The message version a namespace names, such as ``pain.001.001.09``; empty where it names none."""
    match = _VERSION.search(namespace)
    return match[0] if match else ""


def tell_unnamed(version: str, problems: Problems) -> None:
    """Tell that the version had to be assumed."""
    problems.warn_once(
        "Document",
        "version-unnamed",
        f"The file does not name its version; it was read as {version}.",
        "Ask its maker to state the ISO 20022 namespace.",
    )


def plain_names(body: Element) -> None:
    """Take away namespaces and comments, in place."""
    etree.strip_tags(body, etree.Comment)
    for element in body.iter():
        name = element.tag
        if isinstance(name, str) and name[0] == "{":
            element.tag = name.rpartition("}")[2]


def parsed(data: bytes, source: str, problems: Problems) -> Element:
    """The root of a document; what it says wrong of itself (``xml_mends``) is mended and told.

    Several documents one after the other come as the children of one element.

    Raises:
        UnreadableFile: not well-formed, or hostile.
    """
    try:
        return parse_xml(data)
    except HostileXml as error:
        root = _mended_root(data, problems)
        if root is None:
            raise refused(error, data, source) from error
        return root


def _mended_root(data: bytes, problems: Problems) -> Element | None:
    text, mends = mended(data)
    for candidate in (text if mends else None, as_one(text)):
        if candidate is None:
            continue
        with suppress(HostileXml):
            root = parse_xml(candidate)
            if candidate is not text and any(
                (words or "").strip() for words in (root.text, *(each.tail for each in root))
            ):
                return None
            for mend in mends:
                problems.warn(mend.position, "Document", mend.rule, mend.text, mend.repair)
            return root
    return None


def bodies(root: Element, source: str, name: str) -> list[Element]:
    """The elements of this local name, refused where there is none."""
    found = list(root.iter("{*}" + name))
    if not found:
        raise unreadable(
            source, "no-message", f"The file is XML but holds no {name}.", "Import a file of this kind.", field=name
        )
    return found


def the_one_body(root: Element, source: str, name: str) -> Element:
    """The one element of this local name, refused where there is none or several."""
    found = bodies(root, source, name)
    if len(found) > 1:
        raise unreadable(
            source,
            "several-messages",
            f"The file holds {len(found)} messages.",
            "Split it into one file for each message.",
            field=name,
        )
    return found[0]


def refused(error: ElectraError, data: bytes, source: str) -> ElectraError:
    """A parser's refusal as the one error for an unreadable file, with the byte offset of the line it stopped at."""
    line = getattr(error, "line", 0)
    return unreadable(source, "xml", error.what, error.repair, position=_offset_of_line(data, line))


def _offset_of_line(data: bytes, line: int) -> int | None:
    if line <= 0:
        return None
    offset = 0
    for _ in range(line - 1):
        offset = data.find(b"\n", offset) + 1
        if not offset:
            return None
    return offset


def known_version(body: Element, versions: tuple[str, ...], usual: str, problems: Problems) -> str:
    """The version a body's namespace names, told where it is none of ``versions``; ``usual`` where it names none.

    Messages are read by local names, so a version that came later is read as well, as far as its names are known.
    """
    namespace = etree.QName(body.tag).namespace or ""
    version = version_in(namespace)
    if version and version not in versions:
        problems.warn_once(
            "Document",
            "version-unproved",
            f"The file is a {version}; what it holds is read by the names that {usual} knows.",
            f"Compare it with the original, or ask for it as {usual}.",
        )
    elif not version:
        tell_unnamed(usual, problems)
    return version or usual


# ---------------------------------------------------------------------------------------------------- elements
def text(element: Element | None, path: str = "") -> str:
    """The text at a path of plain names, stripped: of the first element there that has one; empty where there is none."""
    if element is None:
        return ""
    found = element.find(path) if path else element
    if found is None:
        return ""
    own = _own_text(found).strip(" \t\r\n")
    return own or (next(iter(texts(element, path)), "") if path else "")


def _own_text(element: Element) -> str:
    """An element's text, whole also where a stray element cuts it in two."""
    own = str(element.text or "")
    return own if not len(element) else own + "".join([str(child.tail or "") for child in element])


def first_text(element: Element | None, *paths: str) -> str:
    """The first text that is not empty among several paths."""
    return next((found for path in paths if (found := text(element, path))), "")


def texts(element: Element | None, path: str) -> list[str]:
    """All texts at a path, stripped, without the empty ones."""
    if element is None:
        return []
    return [stripped for found in element.findall(path) if (stripped := _own_text(found).strip(" \t\r\n"))]


def leaf_paths(element: Element, apart: set[str]) -> Iterator[tuple[str, Element]]:
    """Every element without children below ``element``, with its path of plain names; children in ``apart`` left out."""
    stack: list[tuple[str, Element]] = [
        (str(child.tag), child) for child in reversed(element) if child.tag not in apart
    ]
    while stack:
        path, current = stack.pop()
        if len(current):
            stack.extend((f"{path}/{child.tag}", child) for child in reversed(current))
        else:
            yield path, current


# ------------------------------------------------------------------------------------------------ plain values
def decimal_or_none(value: str) -> Decimal | None:
    """An ISO 20022 amount: digits with at most 5 decimals after a point, no minus; ``None`` for anything else.

    XML Schema's other ways to write the same number (``.50``, ``12.``, ``+1``, ``1.000000``) are read as well.
    """
    if not _DECIMAL.fullmatch(value):
        if not _XML_DECIMAL.fullmatch(value):
            return None
        whole, _, fraction = value.lstrip("+").partition(".")
        value = f"{whole.lstrip('0') or '0'}.{fraction.rstrip('0') or '0'}"
    return Decimal(value) if _DECIMAL.fullmatch(value) else None


def rate_or_none(value: str) -> Decimal | None:
    """An exchange rate: at most 8 digits before and 10 after the point; ``None`` for anything else."""
    return Decimal(value) if _RATE.fullmatch(value) else None


def number_or_none(value: str) -> Decimal | None:
    """An ISO 20022 DecimalNumber: a count or a rate in percent, with at most 17 decimals; ``None`` for anything else."""
    return Decimal(value) if _NUMBER.fullmatch(value) else None


def number_text(value: Decimal) -> str:
    """A count or a rate as plain digits (DecimalNumber).

    Raises:
        ElectraError: more than 18 digits or 17 decimals.
    """
    whole, _, fraction = f"{value:f}".partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > 17 or len(whole.lstrip("-0")) + len(fraction) > 18:
        raise ElectraError(
            f"The number {f'{value:f}'[:40]} has too many digits for the file.", repair="At most 18 digits in all."
        )
    return f"{whole}.{fraction}" if fraction else whole


def domain(code: str) -> str:
    """``Domn`` of a bank transaction code such as ``PMNT-RCDT-ESCT``."""
    if not code:
        return ""
    # The schema wants all three parts; NTAV is ISO's word for a part that is not available.
    codes = [*code.split("-"), "NTAV", "NTAV"]
    family = f"<Fmly>{tag('Cd', codes[1], 4)}{tag('SubFmlyCd', codes[2], 4)}</Fmly>"
    return f"<Domn>{tag('Cd', codes[0], 4)}{family}</Domn>"


def compact(value: str) -> str:
    """An account number without white space."""
    return "".join(part for part in re.split(r"[ \t\r\n]+", value))


def date_or_none(value: str) -> date | None:
    """The date an ISO date or date-time begins with, as the bank wrote it; ``None`` where it is none.

    The basic form of ISO 8601 (``20260131``), which XML Schema does not know, is read as well.
    """
    length = 10 if _DATE.match(value) else 8
    if length == 8 and not _BASIC_DATE.match(value):
        return None
    try:
        return date.fromisoformat(value[:length])
    except ValueError:
        return None


def moment_or_none(value: str) -> datetime | None:
    """An ISO date-time as an aware UTC moment; one without an offset is taken for UTC."""
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment


def moment_text(moment: datetime) -> str:
    """An aware moment as ISO 20022 ISODateTime in UTC."""
    if moment.tzinfo is None:
        raise ElectraError("A moment without a time zone cannot be written.", repair="Give an aware UTC datetime.")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def amount_text(amount: Decimal) -> str:
    """An amount as plain digits, with at least two decimals and no exponent.

    Raises:
        ElectraError: more than 18 digits or 5 decimals, which ISO 20022 cannot carry.
    """
    written = str(amount)
    if written[-3:-2] == "." and len(written) <= 16 and written.isascii() and "E" not in written:
        return written  # two decimals, as nearly all amounts have
    written = f"{amount:f}"
    whole, _, fraction = written.partition(".")
    if len(fraction) > 2:
        fraction = fraction.rstrip("0")
    if len(fraction) > 5 or len(whole) > 13:
        raise ElectraError(
            f"The amount {written[:40]} has too many digits for the file.",
            repair="At most 13 digits before and 5 after the decimal point.",
        )
    return f"{whole}.{fraction}" if len(fraction) >= 2 else f"{whole}.{fraction:0<2}"


# ------------------------------------------------------------------------------------------------ byte offsets
def offsets(data: bytes, name: str, count: int) -> list[int | None]:
    """Byte offsets of the ``count`` elements of a local name, in file order, in the original bytes.

    Start tags are searched as text first; where that finds another number (comments, CDATA), a parser counts.
    """
    found = _search_offsets(data, name)
    if len(found) != count:
        found = _parsed_offsets(data, name)
    return list(found) if len(found) == count else [None] * count


def all_offsets(data: bytes, root: Element) -> Sequence[int]:
    """The byte offset of every element of a document, in file order; of its line where a parser counts them otherwise."""
    lines = [int(getattr(each, "sourceline", 0) or 0) for each in root.iter() if isinstance(each.tag, str)]
    found = _parsed_offsets(data, "")
    if len(found) == len(lines):
        return found
    starts = [0, *(match.end() for match in re.finditer(b"\n", data))]
    return [starts[min(line, len(starts)) - 1] if line else 0 for line in lines]


def _search_offsets(data: bytes, name: str) -> list[int]:
    """Where the start tags stand, taking the first one's prefix for all; finds nothing in UTF-16."""
    first = re.search(rb"<(?:[\w.-]+:)?" + name.encode() + rb"[ >/\t\r\n]", data)
    if first is None:
        return []
    pattern = re.compile(re.escape(first[0][:-1]) + rb"[ >/\t\r\n]")
    return [match.start() for match in pattern.finditer(data)]


def _parsed_offsets(data: bytes, name: str) -> list[int]:
    """Where the start tags of a local name stand, or of every name where it is empty."""
    # The mark of UTF-16 counts, whatever the declaration says.
    scan = expat.ParserCreate("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else None)
    found: list[int] = []

    def start(tag: str, _attributes: dict[str, str]) -> None:
        if not name or tag.rpartition(":")[2] == name:
            found.append(scan.CurrentByteIndex)

    scan.StartElementHandler = start
    try:
        scan.Parse(data, True)
    # expat tells an encoding of several bytes a letter in its own way.
    except (expat.ExpatError, ValueError):
        return []
    return found


# ----------------------------------------------------------------------------------------------------- writing
def escape(value: str) -> str:
    """Text for an XML element; line ends become references in ``document``."""
    if "&" in value or "<" in value or ">" in value:
        return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value


def tag(name: str, value: str, limit: int = 0) -> str:
    """``<name>value</name>``, or nothing where the value is empty.

    Raises:
        ElectraError: the value is longer than ``limit`` characters: it is never cut.
    """
    if not value:
        return ""
    if limit and len(value) > limit:
        raise ElectraError(
            f"{value[:20]!r}… has {len(value)} characters; {name} holds {limit}.", repair="Shorten the text yourself."
        )
    # As ``escape`` does: a call for each of a million texts would cost more than the work.
    if "&" in value or "<" in value or ">" in value:
        value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<{name}>{value}</{name}>"


def lines_of(free: str, limit: int = 140) -> list[str]:
    """Free text as lines of at most ``limit`` characters that make the same text again when joined by a space.

    Raises:
        ElectraError: a run of more characters than that without a space.
    """
    if len(free) <= limit:
        return [free] if free else []
    lines: list[str] = []
    for word in free.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= limit:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if "" in lines or max(map(len, lines)) > limit:
        raise ElectraError(
            f"The text {free[:20]!r}… cannot be split into lines of {limit}.", repair="Shorten it or add spaces."
        )
    return lines


def address(where: Address) -> str:
    """``PstlAdr`` in the schema's order, or nothing for an empty address.

    Raises:
        ElectraError: more lines, or longer parts, than the schema has room for, or no country's code.
    """
    if where.country and not _COUNTRY.fullmatch(where.country):
        raise ElectraError(f"{where.country[:10]!r} is no country.", repair="Use the two-letter code, such as HU.")
    if len(where.lines) > _ADDRESS_LINES:
        raise ElectraError(
            f"The address has {len(where.lines)} lines; the file holds {_ADDRESS_LINES}.", repair="Join some of them."
        )
    lines = "".join([tag("AdrLine", line, 70) for line in where.lines]) if where.lines else ""
    inside = (
        (tag("StrtNm", where.street, 70) if where.street else "")
        + (tag("BldgNb", where.building, 16) if where.building else "")
        + (tag("PstCd", where.post_code, 16) if where.post_code else "")
        + (tag("TwnNm", where.town, 35) if where.town else "")
        + (tag("Ctry", where.country, 2) if where.country else "")
        + lines
    )
    return f"<PstlAdr>{inside}</PstlAdr>" if inside else ""


def document(version: str, *parts: str) -> bytes:
    """The whole document as UTF-8 on one line.

    Args:
        version: the message with its version.
        parts: what stands inside ``Document``; many of them, so that a large text is put together once only.

    Raises:
        ElectraError: the texts hold a character that XML cannot carry.
    """
    opening = f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">'
    body = "".join([opening, *parts, "</Document>"])
    if not body.isprintable():
        if match := _UNSAFE.search(body):
            raise ElectraError(
                f"A text holds the character U+{ord(match[0]):04X}, which XML cannot carry.",
                repair="Remove the control character from the text.",
            )
        # Markup holds no line ends, so these stand in texts. As references they survive every reader, and the
        # order hash of EBICS, which drops line ends, covers them.
        body = body.replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")
    return body.encode()


# ------------------------------------------------------------------------------------------- files of other kinds
#: First bytes, what they mean, and what else stands near the beginning.
_MAGIC: tuple[tuple[bytes, str, *tuple[bytes, ...]], ...] = (
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Excel or Word file (.xls, .doc)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "an OpenDocument file (.ods, .odt)", b"mimetypeapplication/vnd.oasis.opendocument"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)


def looks_like(data: bytes) -> str:
    """What a file of no known format looks like, in words."""
    for magic, words, *inside in _MAGIC:
        if data.startswith(magic) and all(mark in data[:200] for mark in inside):
            return words
    elements = head(data).elements
    if elements:
        local, namespace = elements[0]
        inner = next((version for _, name in elements if (version := version_in(name))), "")
        return (
            f"the ISO 20022 message {inner}"
            if inner
            else f"XML that begins with {local} ({namespace or 'no namespace'})"
        )
    if looks_like_xml(data):
        return "broken XML"
    if b"\0" in data[:4096]:
        return "a binary file"
    if data.lstrip()[:1] in (b"{", b"["):
        return "JSON"
    lines = data[:4096].splitlines()[:-1]
    if any(sum(delimiter in line for line in lines) > len(lines) // 2 for delimiter in (b";", b",", b"\t")):
        statement, payments = "a statement (a date and an amount)", "payments (an amount, and an account or a name)"
        return f"a table in text without a header of {statement} or of {payments}"
    return "plain text of no known format"
