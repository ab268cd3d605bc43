"""Records as data: the kinds of records of a bank's own format, how they follow one another, and what they say of one
another (counts and sums). Shared by fixed width, delimited text and XML; how a file is cut into records is theirs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple, TypeGuard

from electra_kernel.formats.base import Problems
from electra_kernel.formats.fields import BadValue, Field, LayoutError, Total, Value, Values, nearest

#: After so many problems of one file the rest are counted only.
MOST_PROBLEMS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Fields that repeat inside a record; a row holds a list of dicts under its name. Fixed width only.

    Attributes:
        starts: the first column of each repetition, from 1.
        length: the columns of one repetition.
        fields: their starts count from the repetition's first column.
        count: the field that says how many are there; where empty, those that are not blank.
    """

    name: str
    starts: tuple[int, ...]
    length: int
    fields: tuple[Field, ...]
    count: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One kind of record.

    Attributes:
        name: how rows call it.
        marks: what tells it apart: (first column from 1, or the column's name or the number in delimited text; the texts
            that may stand there). A record without marks is taken where no other fits.
        fields: in any order.
        groups: repeating fields.
        length: its columns; 0 for those of its fields.
        shortest: how short a line may be without a word, where blanks at its end are not always written.
        after: the records it may follow; ``""`` is the start of the file. Anything where empty.
        most: how many of it one file may hold; any number where 0.
    """

    name: str
    marks: tuple[tuple[int | str, tuple[str, ...]], ...] = ()
    fields: tuple[Field, ...] = ()
    groups: tuple[Group, ...] = ()
    length: int = 0
    shortest: int = 0
    after: tuple[str, ...] = ()
    most: int = 0


class Row(NamedTuple):
    """One record as read: its kind, its line (or number) in the file, its values, and its text as it stood."""

    record: str
    line: int
    values: Values
    text: str


# ------------------------------------------------------------------------------------ records among one another
def with_signs(record: Record, values: Mapping[str, Value]) -> Values:
    """A row to be written, with the sign marks that its amounts mean.

    Raises:
        BadValue: a mark that is given contradicts its amount.
    """
    filled = dict(values)
    for spec in record.fields:
        amount = filled.get(spec.name)
        if not spec.sign_field or not _is_exact(amount):
            continue
        marks, others = (spec.negative, spec.positive) if amount < 0 else (spec.positive, spec.negative)
        given = filled.get(spec.sign_field)
        if given is None or given == "":
            if not marks and amount < 0:
                raise BadValue("sign", f"{amount} is negative and no mark says so", "Give a positive amount.")
            filled[spec.sign_field] = marks[0] if marks else given
        elif amount and str(given) in others and str(given) not in marks:
            raise BadValue("sign", f"the mark {given!r} contradicts {amount}", "Leave the mark out.")
    return filled


def _is_exact(value: Value) -> TypeGuard[int | Decimal]:
    """Whether it can be compared and summed; what is not is refused when its field is written."""
    return isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite())


class Totals:
    """The counts and sums of a file while it is read or written."""

    def __init__(self, records: Iterable[Record]) -> None:
        #: Each total has a place: hashing one for every record of a file takes longer than counting it.
        places: dict[Total, int] = {}
        self._said: dict[str, list[tuple[Field, Total, int]]] = {}
        for record in records:
            totals = [
                (spec, spec.total, places.setdefault(spec.total, len(places)))
                for spec in record.fields
                if spec.total is not None
            ]
            if totals:
                self._said[record.name] = totals
        self._adds: dict[str, list[tuple[int, Total]]] = defaultdict(list)
        self._resets: dict[str, list[tuple[int, Total]]] = defaultdict(list)
        for total, place in places.items():
            for name in total.of:
                self._adds[name].append((place, total))
            if total.since:
                self._resets[total.since].append((place, total))
        self._now: list[Decimal | int | None] = [0] * len(places)
        #: Headers whose promise is still to be kept: by the total's place, (field, total, value, record, line).
        self._open: dict[int, tuple[Field, Total, Value, str, int]] = {}

    def says(self, record: str) -> Sequence[tuple[Field, Total, int]]:
        """The fields of a record that are totals, with their places."""
        return self._said.get(record, ())

    def add(self, record: str, values: Mapping[str, Value]) -> None:
        """Count one record; starts anew where a total says so."""
        for place, _ in self._resets.get(record, ()):
            self._now[place] = 0
        for place, total in self._adds.get(record, ()):
            if total.where is None or total.where.holds(values):
                self._now[place] = _plus(self._now[place], total, values)

    def value(self, spec: Field, total: Total, place: int) -> Value:
        """The total as of now, or ``None`` where a broken record makes it unknown."""
        now = self._now[place]
        if now is None:
            return None
        if total.modulo and spec.length:
            now = now % 10**spec.length
        return str(int(now)) if spec.type in ("digits", "text", "raw") else now

    def check(self, record: str, line: int, values: Mapping[str, Value]) -> Iterator[tuple[str, str, int, str, str]]:
        """Count one record that was read, and compare what it says: (record, field, line, rule, text)."""
        for place, total in self._resets.get(record, ()):
            if total.ahead:
                yield from self._closed(place)
        self.add(record, values)
        for spec, total, place in self._said.get(record, ()):
            given = values.get(spec.name)
            if given is None or given == "":
                continue
            if total.ahead:
                self._open[place] = (spec, total, given, record, line)
            elif (found := _compared(spec, total, given, self.value(spec, total, place))) is not None:
                yield (record, spec.name, line, *found)

    def close(self) -> Iterator[tuple[str, str, int, str, str]]:
        """At the end of the file: what headers promised and did not keep."""
        for place in list(self._open):
            yield from self._closed(place)

    def _closed(self, place: int) -> Iterator[tuple[str, str, int, str, str]]:
        if (promise := self._open.pop(place, None)) is None:
            return
        spec, total, given, record, line = promise
        if (found := _compared(spec, total, given, self.value(spec, total, place))) is not None:
            yield (record, spec.name, line, *found)


def _plus(now: Decimal | int | None, total: Total, values: Mapping[str, Value]) -> Decimal | int | None:
    if now is None:
        return None
    if not total.field:
        return now + 1
    value = values.get(total.field)
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() else None
    if not _is_exact(value):
        return None
    exact = Decimal(value)
    return now + (abs(exact) if total.absolute else exact)


def _compared(spec: Field, total: Total, given: Value, counted: Value) -> tuple[str, str] | None:
    if isinstance(given, str) and isinstance(counted, str):
        given, counted = given.lstrip("0"), counted.lstrip("0")
    if counted is None or given == counted:
        return None
    what = f"the sum of {total.field}" if total.field else "the number of records"
    rule = "sum" if total.field else "count"
    return rule, f"{what} ({', '.join(total.of)}) is said to be {given or 0} and is {counted or 0}"


class Reports:
    """The problems of one read: each with its line and columns, at most ``MOST_PROBLEMS`` of them."""

    def __init__(self, problems: Problems) -> None:
        self._problems, self._count = problems, 0

    def error(self, line: int | None, field: str, rule: str, text: str, repair: str) -> None:
        """Something that makes a row unusable as it is."""
        self._count += 1
        if self._count <= MOST_PROBLEMS:
            self._problems.error(line, field, rule, text, repair)

    def warn(self, line: int | None, field: str, rule: str, text: str, repair: str) -> None:
        """Something the user should know; the row stays usable."""
        self._count += 1
        if self._count <= MOST_PROBLEMS:
            self._problems.warn(line, field, rule, text, repair)

    def warn_once(self, field: str, rule: str, text: str, repair: str, line: int | None = None) -> None:
        """A warning, once for each rule and field."""
        self._problems.warn_once(field, rule, text, repair, line)

    def close(self) -> None:
        """Tell how many more there were."""
        if self._count > MOST_PROBLEMS:
            more = f"{self._count - MOST_PROBLEMS:,} more problems are not listed."
            self._problems.error(None, "file", "more-problems", more, "Check that it is a file of this kind.")


@dataclass(slots=True)
class Succession:
    """Whether records follow one another as they may: ``after`` of each, and how a file may end."""

    records: Mapping[str, Record]
    ends: tuple[str, ...] = ()
    before: str = field(default="")

    def check(self, row: Row, reports: Reports) -> None:
        """Report a record that may not stand where it stands."""
        record = self.records[row.record]
        if record.after and self.before not in record.after:
            where = f"after {self.before!r}" if self.before else "at the start of the file"
            wanted = ", ".join(repr(name) if name else "the start of the file" for name in record.after)
            reports.error(
                row.line,
                row.record,
                "order",
                f"A record {row.record!r} stands {where}; it may follow {wanted}.",
                "A record is missing or doubled before it: fetch the file again.",
            )
        self.before = row.record

    def close(self, reports: Reports) -> None:
        """Report a file that ends where it may not."""
        if self.ends and self.before not in self.ends:
            reports.error(
                None,
                "file",
                "truncated",
                f"The file ends with {self.before or 'nothing'!r} and not with {' or '.join(self.ends)}.",
                "It is cut off: fetch or export it again.",
            )


def checked(rows: Iterable[Row], records: Iterable[Record], ends: tuple[str, ...], reports: Reports) -> Iterator[Row]:
    """The same rows, while their order, counts and sums are looked at."""
    known = {record.name: record for record in records}
    totals, succession = Totals(known.values()), Succession(known, ends)
    counts: Counter[str] = Counter()
    for row in rows:
        succession.check(row, reports)
        counts[row.record] += 1
        if counts[row.record] - 1 == known[row.record].most > 0:
            said = f"More than {known[row.record].most} records {row.record!r} stand in one file."
            reports.error(row.line, row.record, "most", said, "Split the file.")
        for fault in totals.check(row.record, row.line, row.values):
            _tell(fault, reports)
        yield row
    for fault in totals.close():
        _tell(fault, reports)
    succession.close(reports)
    reports.close()


def _tell(fault: tuple[str, str, int, str, str], reports: Reports) -> None:
    record, name, line, rule, said = fault
    text = said[0].upper() + said[1:] + "."
    reports.error(line, f"{record}.{name}", rule, text, "Records are missing or doubled: fetch the file again.")


def with_totals(rows: list[tuple[str, Values]], records: Iterable[Record]) -> list[tuple[str, Values]]:
    """Rows to be written, with their sign marks, counts and sums filled in; changes them in place.

    Raises:
        LayoutError: one that is given is not right, or a record is unknown.
    """
    known = {record.name: record for record in records}
    counts: Counter[str] = Counter()
    for number, (name, values) in enumerate(rows, 1):
        if name not in known:
            said = f"{name!r} is no record of this format."
            raise LayoutError(said, where=f"row {number}", repair=nearest(name, known))
        counts[name] += 1
        if counts[name] > known[name].most > 0:
            said = f"A file holds at most {known[name].most} records {name!r}."
            raise LayoutError(said, where=f"row {number}", repair="Write several files.")
        try:
            values.update(with_signs(known[name], values))
        except BadValue as error:
            raise LayoutError(f"{name}: {error.said}.", where=f"row {number}", repair=error.repair) from error
    _fill_ahead(rows, known.values())
    totals = Totals(known.values())
    for number, (name, values) in enumerate(rows, 1):
        totals.add(name, values)
        for spec, total, place in totals.says(name):
            if not total.ahead:
                _fill(values, spec, totals.value(spec, total, place), number)
    return rows


def _fill_ahead(rows: list[tuple[str, Values]], records: Iterable[Record]) -> None:
    """Totals of headers: counted from the end backwards."""
    specs = [(record.name, spec, spec.total) for record in records for spec in record.fields if spec.total]
    for header, spec, total in specs:
        if not total.ahead:
            continue
        backwards = replace(total, since="", ahead=False)
        one = Totals([Record(name=header, fields=(replace(spec, total=backwards),))])
        for number in range(len(rows), 0, -1):
            name, values = rows[number - 1]
            one.add(name, values)
            if name == header:
                _fill(values, spec, one.value(spec, backwards, 0), number)
            if name == total.since:
                one = Totals([Record(name=header, fields=(replace(spec, total=backwards),))])


def _fill(values: Values, spec: Field, counted: Value, number: int) -> None:
    given = values.get(spec.name)
    if given is None or given == "":
        values[spec.name] = counted
    elif str(given).lstrip("0") != str(counted).lstrip("0") and given != counted:
        said = f"{spec.name} is given as {given} and is {counted}."
        raise LayoutError(said, where=f"row {number}", repair="Leave it out: it is filled in.")
