"""Files cut into the rows of a profile, and rows put together again: delimited text and XML. Fixed width has its own engine.

Both read their fields by the rules of ``formats.fields`` and check order and totals by those of ``formats.records``.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, cast

from lxml import etree

from electra_kernel.formats import fixedwidth, iso
from electra_kernel.formats.base import Problems, unreadable
from electra_kernel.formats.fields import (
    BadValue,
    Field,
    LayoutError,
    Values,
    finish,
    nearest,
    reader_of,
    shown,
    write_value,
)
from electra_kernel.formats.profiles.model import Part, Profile
from electra_kernel.formats.records import Record, Reports, Row, checked, with_totals
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_HEAD = 65_536
_STEP = re.compile(r"(@?[^\[\]/@]+)(?:\[([1-9][0-9]?)\])?")


def rows_of(data: bytes, profile: Profile, source: str, problems: Problems) -> Iterator[Row]:
    """The rows of a file of this profile; what is wrong goes to ``problems``.

    Raises:
        UnreadableFile: a header without the columns the profile names, or XML that is broken or of another root.
    """
    if profile.layout is not None:
        return fixedwidth.read(data, profile.layout, problems)
    reports = Reports(problems)
    cut = _delimited_rows if profile.shape == "delimited" else _xml_rows
    records = [part.record for part in profile.parts]
    return checked(cut(data, profile, source, reports), records, profile.ends, reports)


def bytes_of(rows: Iterable[tuple[str, Mapping[str, Any]]], profile: Profile) -> bytes:
    """A file of this profile from its rows.

    Raises:
        LayoutError: something does not fit; names the row and field.
    """
    if profile.layout is not None:
        return fixedwidth.write(rows, profile.layout)
    filled = with_totals([(name, dict(values)) for name, values in rows], [part.record for part in profile.parts])
    return _delimited_bytes(filled, profile) if profile.shape == "delimited" else _xml_bytes(filled, profile)


def looks_right(data: bytes, profile: Profile) -> bool:
    """Whether the bytes are of this profile, by what stands at their beginning; raises nothing."""
    if profile.layout is not None:
        return profile.layout.detect(data)
    if profile.shape == "xml":
        head = iso.head(data)
        return bool(head.elements) and head.elements[0][0] == profile.root
    return _looks_delimited(data, profile)


# -------------------------------------------------------------------------------------------------- one record's values
class _Reader:
    """Reads the values of one kind of record from texts by source."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.plain: list[tuple[Field, Callable[[str], Any]]] = []
        self.later: list[tuple[Field, Callable[[str], Any]]] = []
        self.limits = [(spec.name, spec.source, spec.length) for spec in part.record.fields if spec.length]
        for spec in part.record.fields:
            depends = spec.only_if or spec.sign_field or spec.decimals_field
            (self.later if depends else self.plain).append((spec, reader_of(spec)))

    def values(self, text_of: Callable[[str], str], line: int, reports: Reports) -> Values:
        values: Values = {}
        self._tell_lengths(text_of, line, reports)
        for spec, convert in self.plain:
            try:
                values[spec.name] = convert(text_of(spec.source))
            except BadValue as error:
                values[spec.name] = None
                self._tell(spec, error, line, reports)
        for spec, convert in self.later:
            if spec.only_if is not None and not spec.only_if.holds(values):
                continue
            try:
                values[spec.name] = finish(spec, convert(text_of(spec.source)), values)
            except BadValue as error:
                values[spec.name] = None
                self._tell(spec, error, line, reports)
        values.pop("", None)
        return values

    def _tell_lengths(self, text_of: Callable[[str], str], line: int, reports: Reports) -> None:
        for name, source, most in self.limits:
            if (found := len(text_of(source))) > most:
                said = f"{source} has {found} characters where {most} are agreed; all were read."
                reports.warn(
                    line, f"{self.part.record.name}.{name}", "length", said, "Shorten it before it is sent on."
                )

    def _tell(self, spec: Field, error: BadValue, line: int, reports: Reports) -> None:
        where = f"{self.part.record.name}.{spec.name or spec.source}"
        reports.error(line, where, error.rule, f"{spec.source}: {error.said}.", error.repair)


def _readers(profile: Profile) -> Mapping[str, _Reader]:
    return {part.record.name: _Reader(part) for part in profile.parts}


# ------------------------------------------------------------------------------------------------------ delimited text
def _decoded(data: bytes, profile: Profile, reports: Reports) -> str:
    encoding = fixedwidth.tell_encoding(data, profile.encoding, reports)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        said = f"The byte 0x{data[error.start]:02X} is not {encoding}; such bytes count as a question mark."
        reports.error(line, "record", "encoding", said, "Choose the encoding of the file's maker.")
        text = data.decode(encoding, "replace")
    text = text.removeprefix("\ufeff").rstrip("\x1a")
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        said = f"A control character (code {ord(found[0])}) stands there; it counts as a blank."
        reports.error(line, "record", "control", said, "Check the encoding, or export the file again.")
        text = _CONTROL.sub(" ", text)
    return text


def _csv_rows(text: str, profile: Profile) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with the lines they begin at. Raises csv.Error."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if profile.quote else csv.QUOTE_NONE
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=profile.separator, quotechar=profile.quote or None, quoting=quoting
    )
    first = 1
    for cells in reader:
        if first > profile.skip and any(cell.strip() for cell in cells):
            yield first, cells
        first = reader.line_num + 1


def _delimited_rows(data: bytes, profile: Profile, source: str, reports: Reports) -> Iterator[Row]:
    rows = _csv_rows(_decoded(data, profile, reports), profile)
    readers = _readers(profile)
    line = 0
    try:
        names = next(rows, (0, list[str]()))[1] if profile.header else []
        places = _places(names, profile, source)
        _tell_ignored(names, places, profile, reports)
        for line, cells in rows:
            yield from _delimited_row(line, cells, len(names), places, profile, readers, reports)
    except csv.Error as error:
        reports.error(line + 1, "record", "quotes", f"The line cannot be read: {error}.", "Check its quotation marks.")


def _delimited_row(
    line: int,
    cells: Sequence[str],
    width: int,
    places: Mapping[str, int],
    profile: Profile,
    readers: Mapping[str, _Reader],
    reports: Reports,
) -> Iterator[Row]:
    def text_of(column: str) -> str:
        place = places[column]
        return cells[place] if place < len(cells) else ""

    text = profile.separator.join(cells)
    part = next((part for part in profile.parts if _marked(part.record, text_of)), None)
    if part is None:
        said = f"{shown(text[:20])} begins no known record."
        reports.error(line, "record", "record", said, "Check that it is a file of this kind.")
        return
    needed = max((places[spec.source] + 1 for spec in part.record.fields), default=0)
    if len(cells) < needed:
        said = f"The row has {len(cells)} cells where {needed} are needed; the rest counts as empty."
        reports.warn_once(part.record.name, "short-row", said, "Check that nothing was cut off.", line)
    if width and any(cell.strip() for cell in cells[width:]):
        said = f"The row has {len(cells)} cells under {width} column names; the rest was not read."
        reports.error(line, part.record.name, "long-row", said, "Put a text with the separator in quotation marks.")
    yield Row(part.record.name, line, readers[part.record.name].values(text_of, line, reports), text)


def _marked(record: Record, text_of: Callable[[str], str]) -> bool:
    return all(text_of(str(place)).strip() in texts for place, texts in record.marks)


def _sources(profile: Profile) -> list[str]:
    """Every column the profile names, in order, once."""
    marks = [str(place) for part in profile.parts for place, _ in part.record.marks]
    fields = [spec.source for part in profile.parts for spec in part.record.fields]
    return list(dict.fromkeys([*fields, *marks]))


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _places(names: Sequence[str], profile: Profile, source: str) -> dict[str, int]:
    """Where each column of the profile stands in the file."""
    known: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        known.setdefault(_plain(name), []).append(place)
    places = {}
    for column in _sources(profile):
        found = known.get(_plain(column), [])
        if len(found) > 1:
            said = f"The header has {len(found)} columns called {column!r}."
            raise unreadable(source, "column-twice", said, "Name the column by its number.", field=column)
        if not found and not (column.isdigit() and int(column)):
            said = f"The header has no column {column!r}."
            raise unreadable(source, "header", said, nearest(column, names), field=column)
        places[column] = found[0] if found else int(column) - 1
    return places


def _tell_ignored(names: Sequence[str], places: Mapping[str, int], profile: Profile, reports: Reports) -> None:
    taken, known = set(places.values()), {_plain(name) for name in profile.ignore}
    left = [
        name for place, name in enumerate(names) if name.strip() and place not in taken and _plain(name) not in known
    ]
    if left:
        said = f"Columns that were not read: {', '.join(left)[:200]}."
        reports.warn_once("header", "columns", said, "Add them to the profile, or to its ignore list.")


def _looks_delimited(data: bytes, profile: Profile) -> bool:
    try:
        encoding = fixedwidth.true_encoding(data[:_HEAD], profile.encoding)
        text = codecs.getincrementaldecoder(encoding)().decode(data[:_HEAD])
        rows = _csv_rows(text.removeprefix("\ufeff"), profile)
        _, cells = next(rows, (0, []))
        places = _places(cells if profile.header else [], profile, "")
        if profile.header:
            return len(cells) > 1
        first = next((part for part in profile.parts if not part.record.after or "" in part.record.after), None)
        width = max(places.values(), default=0) + 1
        marked = first is not None and bool(first.record.marks)
        return marked and len(cells) >= min(width, 2) and _marked_cells(first, cells, places)
    except (UnicodeError, csv.Error, ElectraError):
        return False


def _marked_cells(part: Part | None, cells: Sequence[str], places: Mapping[str, int]) -> bool:
    return part is not None and _marked(
        part.record, lambda column: cells[places[column]] if places[column] < len(cells) else ""
    )


def _delimited_bytes(rows: Sequence[tuple[str, Values]], profile: Profile) -> bytes:
    named = [column for column in _sources(profile) if profile.header]
    places = {column: place for place, column in enumerate(named)} or _places((), profile, "")
    out = io.StringIO(newline="")
    out.write(
        (profile.line_end or "\r\n") * profile.skip
    )  # what stands above the names is not known; its lines are kept
    writer = csv.writer(
        out,
        delimiter=profile.separator,
        quotechar=profile.quote or None,
        quoting=csv.QUOTE_MINIMAL if profile.quote else csv.QUOTE_NONE,
        lineterminator=profile.line_end or "\r\n",
    )
    try:
        if named:
            writer.writerow(named)
        for number, (name, values) in enumerate(rows, 1):
            texts = _texts(profile.part(name).record, values, number)
            for place, marks in profile.part(name).record.marks:
                if not texts.get(str(place)):
                    texts[str(place)] = marks[0]
            cells = [""] * (max(places[column] for column in texts) + 1 if not named else len(named))
            for column, text in texts.items():
                cells[places[column]] = text
            writer.writerow(cells)
        return out.getvalue().encode(profile.encoding)
    except csv.Error as error:
        raise LayoutError(
            f"A text holds {profile.separator!r} and cannot be quoted.",
            cause=f"{error}.",
            repair="Replace the character.",
        ) from error
    except UnicodeEncodeError as error:
        raise _not_encodable(error, profile) from error


def _not_encodable(error: UnicodeEncodeError, profile: Profile) -> LayoutError:
    said = f"{error.object[error.start]!r} cannot be written in {profile.encoding}."
    return LayoutError(said, repair="Replace the character.")


def _texts(record: Record, values: Values, number: int) -> dict[str, str]:
    """The texts of a row by source."""
    known = {spec.name for spec in record.fields}
    if strange := next((name for name in values if name not in known), None):
        said = f"The record {record.name!r} has no field {strange!r}."
        raise LayoutError(said, where=f"row {number}", repair=nearest(strange, known))
    texts = {}
    for spec in record.fields:
        if spec.only_if is not None and not spec.only_if.holds(values):
            continue
        try:
            texts[spec.source] = write_value(spec, values.get(spec.name), pad=False, values=values)
        except BadValue as error:
            where = f"row {number}, {record.name}.{spec.name}"
            raise LayoutError(f"{error.said}.", where=where, repair=error.repair) from error
    return texts


# ----------------------------------------------------------------------------------------------------------------- XML
def _xml_rows(data: bytes, profile: Profile, source: str, reports: Reports) -> Iterator[Row]:
    try:
        root = parse_xml(data)
    except HostileXml as error:
        raise iso.refused(error, data, source) from error
    if etree.QName(root.tag).localname != profile.root:
        said = f"The root element is {etree.QName(root.tag).localname[:60]!r} and not {profile.root!r}."
        raise unreadable(source, "root", said, "Choose the profile of this kind of file.", field="root")
    iso.plain_names(root)
    readers = _readers(profile)
    by_path: dict[str, list[Part]] = {}
    for part in profile.parts:
        by_path.setdefault(part.path.strip("/"), []).append(part)
    for (element, path), at in zip(_elements(root), iso.all_offsets(data, root), strict=True):
        for part in by_path.get(path, ()):

            def text_of(place: str, element: etree._Element = element) -> str:
                return _text_at(element, place)

            if _marked(part.record, text_of):
                values = readers[part.record.name].values(text_of, at, reports)
                yield Row(part.record.name, at, values, path)
                break


def _elements(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """Every element in the order of the file with its path from the root."""
    open_ones: list[str] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if not isinstance(element.tag, str):
            continue
        if event == "end":
            if element is not root:
                open_ones.pop()
        elif element is root:
            yield element, "."
        else:
            open_ones.append(str(element.tag))
            yield element, "/".join(open_ones)


def _text_at(element: etree._Element, path: str) -> str:
    """The text at a path such as ``Amount/@Currency`` or ``Text[2]``; empty where it is not there."""
    here: etree._Element | None = element
    for step in path.split("/"):
        if here is None:
            return ""
        if step.startswith("@"):
            return next(
                (str(value) for name, value in here.attrib.items() if etree.QName(name).localname == step[1:]), ""
            )
        if step != ".":
            here = _child(here, step)
    return "" if here is None or here.text is None else str(here.text).strip(" \t\r\n")


def _child(element: etree._Element, step: str) -> etree._Element | None:
    name, number = _named(step)
    found = element.findall(name)
    return found[number - 1] if len(found) >= number else None


def _named(step: str) -> tuple[str, int]:
    match = _STEP.fullmatch(step)
    if match is None:
        raise LayoutError(f"{step!r} is no step of a path.", repair="Write names, [numbers] and @attributes.")
    return match[1], int(match[2] or 1)


def _xml_bytes(rows: Sequence[tuple[str, Values]], profile: Profile) -> bytes:
    root = etree.Element(profile.root)
    last: dict[str, etree._Element] = {"": root}
    for number, (name, values) in enumerate(rows, 1):
        part = profile.part(name)
        element = _opened(part.path.strip("/"), last, root)
        texts = _texts(part.record, values, number)
        texts.update({str(place): marks[0] for place, marks in part.record.marks if not texts.get(str(place))})
        for path, text in texts.items():
            if text:
                _put(element, path, text, number)
    try:
        text = etree.tostring(_named_apart(root, profile.namespace), encoding="unicode", pretty_print=True)
        declared = f'<?xml version="1.0" encoding="{profile.encoding}"?>\n'
        return (declared + text).encode(profile.encoding)
    except UnicodeEncodeError as error:
        raise _not_encodable(error, profile) from error


def _named_apart(root: etree._Element, namespace: str) -> etree._Element:
    """The same tree in a namespace, which is declared once."""
    if not namespace:
        return root
    declared = cast("Mapping[str, str]", {None: namespace})
    other = etree.Element(f"{{{namespace}}}{root.tag}", nsmap=declared)
    other.text = root.text
    for name, value in root.attrib.items():
        other.set(name, value)
    other.extend(list(root))
    for element in other.iterdescendants():
        element.tag = f"{{{namespace}}}{element.tag}"
    return other


def _opened(path: str, last: dict[str, etree._Element], root: etree._Element) -> etree._Element:
    """A new element at the path, inside the newest of its parents."""
    if path in ("", "."):
        return root
    above, _, name = path.rpartition("/")
    parent = last.get(above)
    if parent is None:
        parent = _opened(above, last, root)
    element = etree.SubElement(parent, name)
    for known in [each for each in last if each.startswith(f"{path}/")]:
        del last[known]
    last[path] = element
    return element


def _put(element: etree._Element, path: str, text: str, number: int) -> None:
    for step in path.split("/"):
        if step.startswith("@"):
            element.set(step[1:], text)
            return
        if step == ".":
            continue
        name, place = _named(step)
        found = element.findall(name)
        while len(found) < place:
            found.append(etree.SubElement(element, name))
        element = found[place - 1]
    try:
        element.text = text
    except ValueError as error:
        raise LayoutError(
            "A text holds a control character.", where=f"row {number}, {path}", repair="Remove the character."
        ) from error
