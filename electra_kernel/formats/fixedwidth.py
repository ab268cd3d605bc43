"""Fixed-width records: a layout is data, bytes become rows and rows bytes. No format lives here; each is a ``Layout``.

The rules.

* Records stand in lines, several of them in one line, or one after another without line ends: the file itself shows which.
* A file in UTF-8 where a set of one byte a character is agreed on is read as what it is, and told (``true_encoding``).
* A record is told by its marks; one without marks is taken where no other fits.
* A line shorter than its record counts as filled with blanks, with a warning where more is missing than ``shortest``
  allows; longer than it, the rest must be blank. Empty lines and the end mark of DOS (0x1A) are passed over.
* Control characters count as blanks and are told. Whatever cannot be read stays in the row's text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import pairwise
from typing import Any, TypeAlias

from electra_kernel.formats.base import Problems
from electra_kernel.formats.fields import (
    SIGNS,
    TYPES,
    ZONES,
    BadValue,
    Field,
    LayoutError,
    Total,
    Values,
    When,
    date_pattern,
    finish,
    nearest,
    reader_of,
    shown,
    write_value,
)
from electra_kernel.formats.records import Group, Record, Reports, Row, checked, with_totals

__all__ = [
    "Field",
    "Group",
    "Layout",
    "LayoutError",
    "Record",
    "Row",
    "Total",
    "When",
    "read",
    "read_lines",
    "write",
]

#: What one field becomes: its name, its columns from 0, and the function that reads it.
_Step: TypeAlias = tuple[str, int, int, Callable[[str], Any]]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_DOS_END = "\x1a"
#: Latin letters, and the dashes, quotation marks and signs of currencies that stand with them.
_LATIN = re.compile("[\u00a0-\u024f\u2010-\u2044\u20a0-\u20bf]")
#: How much of a file ``detect`` looks at.
_HEAD = 4_096


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A fixed-width format.

    Attributes:
        name: its short name, for problems.
        records: the kinds of records, in the order in which marks are tried.
        encoding: a Python codec: ``cp852``, ``iso-8859-2``, ``cp037`` …
        line_end: what is written after each record; empty for none. Both are read.
        ends: the records with which a file may end; any where empty.
    """

    name: str
    records: tuple[Record, ...]
    encoding: str = "ascii"
    line_end: str = "\r\n"
    ends: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_encoding(self.encoding)
        zones = _zones(self.encoding)
        object.__setattr__(self, "records", tuple(_placed(_zoned(record, zones)) for record in self.records))
        names = [record.name for record in self.records]
        if len(set(names)) != len(names):
            raise LayoutError(f"The layout {self.name} has two records of one name.", repair="Rename one.")

    @cached_property
    def plans(self) -> Mapping[str, _Plan]:
        """The compiled records by name."""
        return {record.name: _Plan(record) for record in self.records}

    @cached_property
    def longest(self) -> int:
        """The length of the longest record."""
        return max(record.length for record in self.records)

    @cached_property
    def shortest(self) -> int:
        """The length of the shortest record: no longer line holds several."""
        return min(record.length for record in self.records)

    def plan_of(self, text: str, at: int = 0) -> _Plan | None:
        """The record whose marks stand in a text from a place on, or ``None``."""
        for plan in self.plans.values():
            if all(text.startswith(texts, at + place) for place, texts in plan.marks):
                return plan
        return None

    def end_within(self, text: str, at: int = 0) -> int:
        """Where the record at a place of a line ends and another one begins; 0 where none does."""
        if (plan := self.plan_of(text, at)) is None or len(text) - at <= (end := plan.record.length):
            return 0
        following = self.plan_of(text, at + end)
        known = following is not None and following.marks and following.record
        return at + end if known and len(text) - at - end >= (known.shortest or known.length) else 0

    def detect(self, data: bytes) -> bool:
        """Whether the first record is one a file may start with, has its length, and every constant of it stands."""
        text = self.decode_head(data)
        if text is None:
            return False
        line = re.split("[\r\n\x85]", text, maxsplit=1)[0]
        plan = self.plan_of(line)
        if plan is None or not (plan.marks and _may_start(plan.record)):
            return False
        length = plan.record.length
        line = next(_apart([(1, line)], self))[1]
        if len(line) < len(text) and not (plan.record.shortest or 1) <= len(line.rstrip()) <= length:
            return False
        broken: list[str] = []
        plan.values(line[:length].ljust(length), lambda name, *_: broken.append(name))
        return len(line) >= (plan.record.shortest or 1) and not broken

    def decode_head(self, data: bytes) -> str | None:
        """The first characters of a file, without empty lines; ``None`` where they are not in the encoding."""
        try:
            text = codecs.getincrementaldecoder(true_encoding(data[:_HEAD], self.encoding))().decode(data[:_HEAD])
        except UnicodeError:  # also a profile in UTF-16, and a file without its mark
            return None
        return text.lstrip("\ufeff\r\n")


def true_encoding(data: bytes, agreed: str) -> str:
    """The encoding a file is in: the agreed one, unless its bytes can only be UTF-8.

    Where a set of one byte a character is agreed on, a byte order mark is no accident, nor is a whole text of valid sequences
    that are characters of that set or Latin letters and signs. Letters of that set may well happen to be a sequence of another
    script.

    Args:
        data: the file, or its beginning: the last character may be cut.
        agreed: a Python codec.
    """
    if not _is_bytewise(agreed) or data.isascii():
        return agreed
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8"
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return agreed
    meant = "".join(letter for letter in set(text) if not _LATIN.fullmatch(letter))
    try:
        meant.encode(agreed)
    except UnicodeEncodeError:
        return "utf-8" if codecs.lookup(agreed).name == "ascii" else agreed
    return "utf-8"


@cache
def _is_bytewise(encoding: str) -> bool:
    """Whether it is ASCII and one character for each byte above it; EBCDIC and the sets of several bytes are not."""
    upper = bytes(range(128, 256)).decode(encoding, "replace")
    return len(upper) == 128 and b"A0".decode(encoding, "replace") == "A0"


def tell_encoding(data: bytes, agreed: str, reports: Reports) -> str:
    """The encoding a file is in, as ``true_encoding`` says; another than the agreed one is told."""
    found = true_encoding(data, agreed)
    if found != agreed:
        said = f"The file is in Unicode (UTF-8 or UTF-16) and not in {agreed}, as agreed; it was read as what it is."
        reports.warn_once("file", "encoding", said, f"Have it made in {agreed} before it is sent to a bank.", 1)
    return found


def check_encoding(encoding: str) -> None:
    """Refuse what is no character set; makes those of EBCDIC known that Python has not."""
    try:
        text = _is_text(encoding)
    except LookupError:
        try:
            import ebcdic  # noqa: F401 - makes its codecs known; thirty tables that few need

            text = _is_text(encoding)
        except LookupError:
            text = False
    if not text:
        raise LayoutError(
            f"{encoding!r} is no known encoding.",
            repair="Use utf-8, iso-8859-2, cp1250, cp852; of EBCDIC cp037, cp500, cp1140, cp870 or cp1141.",
        )


def _is_text(encoding: str) -> bool:
    return codecs.lookup(encoding)._is_text_encoding  # rot13 and hex are codecs, too


def _zones(encoding: str) -> str:
    """What stands for overpunched digits: bytes C0 to C9 and D0 to D9 of an EBCDIC set, which may be national letters there."""
    if _is_ebcdic(encoding):
        return bytes([*range(0xC0, 0xCA), *range(0xD0, 0xDA)]).decode(encoding, "replace")
    return ZONES


def _is_ebcdic(encoding: str) -> bool:
    return bytes(range(0xF0, 0xFA)).decode(encoding, "replace") == "0123456789"


def _zoned(record: Record, zones: str) -> Record:
    if zones == ZONES:
        return record
    return replace(record, fields=tuple(replace(spec, zones=zones) for spec in record.fields))


def _may_start(record: Record) -> bool:
    return not record.after or "" in record.after


# ------------------------------------------------------------------------------------------------ records compiled
def _placed(record: Record) -> Record:
    """The record with every start and its length filled in; refuses what contradicts itself."""
    fields, at = [], 1
    for spec in record.fields:
        placed = replace(spec, start=spec.start or at)
        at = placed.start + placed.length
        fields.append(placed)
    ends = [spec.start + spec.length - 1 for spec in fields]
    ends += [start + group.length - 1 for group in record.groups for start in group.starts]
    ends += [place + len(text) - 1 for place, texts in record.marks for text in texts if isinstance(place, int)]
    length = record.length or max(ends, default=0)
    made = replace(record, fields=tuple(fields), length=length)
    _check_record(made, max(ends, default=0))
    return made


def _check_record(record: Record, last: int) -> None:
    where = f"record {record.name}"
    if last > record.length > 0:
        raise LayoutError(
            f"A field ends in column {last}, and the record has {record.length}.", where=where, repair="Correct one."
        )
    for place, texts in record.marks:
        if not isinstance(place, int) or place < 1 or not texts:
            raise LayoutError(f"The mark {place!r} is no column.", where=where, repair="Give a column from 1.")
    inner = [spec for group in record.groups for spec in group.fields]
    for spec in (*record.fields, *inner):
        check_field(spec, where)
        if spec.length < 1:
            raise LayoutError(
                f"The field {spec.name!r} has no length.", where=_field_place(where, spec.name), repair="Give one."
            )
    check_names(record, where)
    _check_overlaps(record, where)


def _field_place(where: str, name: str) -> str:
    return f"{where}, field {name}" if where and name else where


def check_field(spec: Field, where: str) -> None:
    """Refuse a field whose description contradicts itself."""
    where = _field_place(where, spec.name)
    if spec.type not in TYPES:
        raise LayoutError(
            f"The type {spec.type!r} of {spec.name!r} is unknown.", where=where, repair=nearest(spec.type, TYPES)
        )
    if spec.sign not in SIGNS:
        raise LayoutError(
            f"The sign {spec.sign!r} of {spec.name!r} is unknown.", where=where, repair=nearest(spec.sign, SIGNS)
        )
    if len(spec.filler) != 1:
        raise LayoutError(f"The fill of {spec.name!r} is not one character.", where=where, repair="Give one character.")
    if spec.type == "date":
        date_pattern(spec.date, where)


def check_names(record: Record, where: str) -> None:
    names = [spec.name for spec in record.fields if spec.name] + [group.name for group in record.groups]
    conditional = {spec.name for spec in record.fields if spec.only_if}
    if double := next((name for name in names if names.count(name) > 1 and name not in conditional), None):
        raise LayoutError(f"Two fields are called {double!r}.", where=_field_place(where, double), repair="Rename one.")
    asked = [(spec, spec.sign_field) for spec in record.fields] + [
        (spec, spec.decimals_field) for spec in record.fields
    ]
    asked += [(spec, spec.only_if.field) for spec in record.fields if spec.only_if]
    for spec, name in asked:
        if name and name not in names:
            said = f"{spec.name!r} asks the field {name!r}, which is none."
            raise LayoutError(said, where=_field_place(where, spec.name), repair=nearest(name, names))


def _check_overlaps(record: Record, where: str) -> None:
    placed = sorted(record.fields, key=lambda spec: spec.start)
    for before, after in pairwise(placed):
        if before.start + before.length > after.start and not (before.only_if and after.only_if):
            raise LayoutError(
                f"The fields {before.name!r} and {after.name!r} overlap in column {after.start}.",
                where=_field_place(where, after.name or before.name),
                repair="Correct start or length, or give both a condition.",
            )


class _Plan:
    """One record, ready to be read and written fast."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.marks = tuple((int(place) - 1, texts) for place, texts in record.marks)
        plain: list[_Step] = []
        #: Fields that need others of their record first.
        self.later: list[tuple[Field, _Step]] = []
        for spec in record.fields:
            step = (spec.name, spec.start - 1, spec.start - 1 + spec.length, reader_of(spec))
            if spec.only_if or spec.sign_field or spec.decimals_field:
                self.later.append((spec, step))
            elif spec.name or spec.const is not None:
                plain.append(step)
        self.plain = tuple(plain)
        self.groups = tuple((group, _placed_group(group)) for group in record.groups)
        self.names = frozenset([spec.name for spec in record.fields] + [group.name for group in record.groups]) - {""}

    def values(self, text: str, report: Callable[[str, int, int, BadValue], object]) -> Values:
        """The values of a line that has the record's full length."""
        values: Values = {}
        for name, start, end, convert in self.plain:
            try:
                values[name] = convert(text[start:end])
            except BadValue as error:
                values[name] = None
                report(name, start, end, error)
        for spec, (name, start, end, convert) in self.later:
            if spec.only_if is not None and not spec.only_if.holds(values):
                continue
            try:
                values[name] = finish(spec, convert(text[start:end]), values)
            except BadValue as error:
                values[name] = None
                report(name, start, end, error)
        for group, inner in self.groups:
            values[group.name] = _repetitions(group, inner, text, values, report)
        values.pop("", None)
        return values


def _placed_group(group: Group) -> _Plan:
    return _Plan(_placed(Record(name=group.name, fields=group.fields, length=group.length)))


def _repetitions(
    group: Group, inner: _Plan, text: str, values: Values, report: Callable[[str, int, int, BadValue], object]
) -> list[Values]:
    starts = group.starts
    said = values.get(group.count) if group.count else None
    if said is not None:
        starts = starts[: int(said)]
    found = []
    for start in starts:
        part = text[start - 1 : start - 1 + group.length]
        if said is None and not part.strip():
            continue

        def told(name: str, first: int, last: int, error: BadValue, at: int = start - 1) -> None:
            report(f"{group.name}.{name}", at + first, at + last, error)

        found.append(inner.values(part, told))
    return found


# ------------------------------------------------------------------------------------------------------- reading
def read(data: bytes, layout: Layout, problems: Problems) -> Iterator[Row]:
    """Read a file record by record; everything that is wrong goes to ``problems`` while the rows come.

    Args:
        data: the file's bytes.
        layout: what it is made of.
        problems: takes up to ``MOST_PROBLEMS`` problems with their lines (or record numbers, without line ends).

    Yields:
        A row for each record known; values that cannot be read are ``None``. Records of no known kind are told only.
    """
    return read_lines(_apart(_texts(data, layout, problems), layout), layout, problems)


def read_lines(lines: Iterable[tuple[int, str]], layout: Layout, problems: Problems) -> Iterator[Row]:
    """The same for records that were cut already: their numbers and texts."""
    reports = Reports(problems)
    return checked(_rows(lines, layout, reports), layout.records, layout.ends, reports)


def _rows(lines: Iterable[tuple[int, str]], layout: Layout, reports: Reports) -> Iterator[Row]:
    plan: _Plan | None = None
    line, text = 0, ""

    def report(name: str, start: int, end: int, error: BadValue) -> None:
        where = f"{plan.record.name if plan else ''}.{name or 'filler'}"
        columns = f"Columns {start + 1}–{end}" if end > start + 1 else f"Column {end}"
        reports.error(line, where, error.rule, f"{columns}: {error.said}.", error.repair)

    for line, text in lines:
        clean = without_controls(text, line, reports)
        if not clean.strip(" \t" + _DOS_END):
            continue
        plan = layout.plan_of(clean)
        if plan is None:
            said = f"{shown(clean[:20])} begins no known record."
            reports.error(line, "record", "record", said, "Check that it is a file of this kind.")
            continue
        yield Row(plan.record.name, line, plan.values(_of_length(clean, plan.record, line, reports), report), text)


def without_controls(text: str, line: int, reports: Reports) -> str:
    """Text with blanks in place of control characters, which are told."""
    if text.isprintable() or (found := _CONTROL.search(text.rstrip(_DOS_END))) is None:
        return text
    reports.error(
        line,
        "record",
        "control",
        f"Column {found.start() + 1}: a control character (code {ord(found[0])}) stands there; it counts as a blank.",
        "Check the encoding, or export the file again.",
    )
    return _CONTROL.sub(" ", text)


def _of_length(text: str, record: Record, line: int, reports: Reports) -> str:
    length = record.length
    if len(text) == length:
        return text
    if len(text) < length:
        if len(text) < (record.shortest or length):
            reports.warn_once(
                record.name,
                "length",
                f"The record {record.name!r} has {len(text)} of {length} characters; the rest counts as blank.",
                "Check that nothing was cut off.",
                line,
            )
        return text.ljust(length)
    if text[length:].strip(" \t" + _DOS_END):
        reports.error(
            line,
            record.name,
            "length",
            f"The record {record.name!r} has {len(text)} characters instead of {length}: {shown(text[length:])} is left over.",
            "Check that it is a file of this kind; the rest was not read.",
        )
    return text[:length]


def _texts(data: bytes, layout: Layout, problems: Problems) -> Iterator[tuple[int, str]]:
    encoding = layout.encoding
    if encoding.replace("_", "-").lower().startswith("utf-16"):
        data, encoding = data.decode(encoding, "replace").encode(), "utf-8"
    reports = Reports(problems)
    encoding = tell_encoding(data, encoding, reports)
    data = data.removeprefix(codecs.BOM_UTF8)
    decode = codecs.lookup(encoding).decode
    ends = _line_ends(data, encoding)
    if (
        ends
        and ends not in (body := data.rstrip(ends + b"\r"))
        and layout.end_within(body[:_HEAD].decode(encoding, "replace"))
    ):
        data, ends = body, b""  # a last line end only: the records stand one after another
    parts = _split(data, ends) if ends else _blocks(data, layout, encoding, reports)
    for number, part in parts:
        try:
            yield number, decode(part)[0]
        except UnicodeDecodeError as error:
            said = f"Column {error.start + 1}: the byte 0x{part[error.start]:02X} is not {encoding}."
            reports.error(number, "record", "encoding", said, "Choose the encoding of the file's maker.")
            yield number, decode(part, "replace")[0]


def _line_ends(data: bytes, encoding: str) -> bytes:
    """What ends the lines of a file: LF, CR, or one of EBCDIC's; empty where nothing does."""
    for end in ("\n", "\x85", "\r"):
        try:
            found = end.encode(encoding)
        except UnicodeEncodeError:
            continue
        if len(found) == 1 and found in data:
            return found
    return b""


def _split(data: bytes, end: bytes) -> Iterator[tuple[int, bytes]]:
    start, number, size = 0, 0, len(data)
    empty = re.compile(b"(?:\r?" + re.escape(end) + b")+")
    while start < size:
        number += 1
        stop = data.find(end, start)
        stop = size if stop < 0 else stop
        if stop - start < 2 and (run := empty.match(data, start)):  # millions of empty lines are passed over at once
            number += data.count(end, start, run.end()) - 1
            start = run.end()
            continue
        yield number, data[start:stop].removesuffix(b"\r")
        start = stop + 1


def _apart(lines: Iterable[tuple[int, str]], layout: Layout) -> Iterator[tuple[int, str]]:
    """Records that stand one after another in a line, each by itself: all of them have the line's number."""
    for number, text in lines:
        at, size = 0, len(text)
        while size - at > layout.shortest and (end := layout.end_within(text, at)):
            yield number, text[at:end]
            at = end
        yield number, text[at:] if at else text


def _blocks(data: bytes, layout: Layout, encoding: str, reports: Reports) -> Iterator[tuple[int, bytes]]:
    """Records one after another: each is as long as its kind says."""
    wide = 4 if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else 1
    at, number = 0, 0
    while at < len(data):
        number += 1
        text = data[at : at + layout.longest * wide].decode(encoding, "replace")
        plan = layout.plan_of(text)
        if plan is None:
            if text.strip(" \0" + _DOS_END):
                said = f"At byte {at} {shown(text[:20])} begins no known record; nothing after it was read."
                reports.error(number, "record", "record", said, "Check that it is a file of this kind.")
            return
        size = plan.record.length if wide == 1 else len(text[: plan.record.length].encode(encoding))
        yield number, data[at : at + size]
        at += size


# ------------------------------------------------------------------------------------------------------- writing
def write(rows: Iterable[tuple[str, Mapping[str, Any]]], layout: Layout) -> bytes:
    """Write records, with their marks, constants, counts and sums.

    Args:
        rows: the record's name and its values; what is a mark, a constant, a sign mark or a total may be left out.
        layout: what the file is made of.

    Raises:
        LayoutError: a value does not fit its field, a name is unknown, or a total that is given is not right.
    """
    filled = with_totals([(name, dict(values)) for name, values in rows], layout.records)
    lines = [_line(layout, number, name, values) for number, (name, values) in enumerate(filled, 1)]
    return b"".join(lines)


def _line(layout: Layout, number: int, name: str, values: Values) -> bytes:
    plan = layout.plans[name]
    if strange := next((key for key in values if key not in plan.names), None):
        raise LayoutError(
            f"The record {name!r} has no field {strange!r}.", where=f"row {number}", repair=nearest(strange, plan.names)
        )
    place = ""
    try:
        line = [" "] * plan.record.length
        for start, texts in plan.marks:
            line[start : start + len(texts[0])] = texts[0]
        for spec in plan.record.fields:
            place = spec.name
            if spec.only_if is None or spec.only_if.holds(values):
                line[spec.start - 1 : spec.start - 1 + spec.length] = _field_text(plan, spec, values)
        for group, inner in plan.groups:
            place = group.name
            _write_group(line, group, inner, values)
        text = "".join(line)
        place = ""
        return (text + layout.line_end).encode(layout.encoding)
    except BadValue as error:
        raise LayoutError(f"{error.said}.", where=f"row {number}, {name}.{place}", repair=error.repair) from error
    except UnicodeEncodeError as error:
        raise LayoutError(
            f"{error.object[error.start]!r} cannot be written in {layout.encoding}.",
            where=f"row {number}, {name}, column {error.start + 1}",
            repair="Replace the character.",
        ) from error


def _field_text(plan: _Plan, spec: Field, values: Values) -> str:
    """The text of one field; a mark that several records share is written as the row has it, else as the first."""
    value = values.get(spec.name)
    if (value is None or value == "") and spec.const is None and spec.default is None:
        for start, texts in plan.marks:
            if start == spec.start - 1 and len(texts[0]) == spec.length:
                return texts[0]
    return write_value(spec, value, pad=True, values=values)


def _write_group(line: list[str], group: Group, inner: _Plan, values: Values) -> None:
    parts = values.get(group.name) or []
    if len(parts) > len(group.starts):
        raise BadValue("repetitions", f"{len(parts)} are given where {len(group.starts)} fit", "Split the record.")
    for start, part in zip(group.starts, parts, strict=False):
        for spec in inner.record.fields:
            at = start - 1 + spec.start - 1
            if spec.only_if is None or spec.only_if.holds(part):
                line[at : at + spec.length] = _field_text(inner, spec, part)
