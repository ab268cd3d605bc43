"""A first profile from a sample file: what it is made of is guessed, what was guessed is said, and it reads the sample at once.

The rules. Columns are named by the words of their headers; a field whose texts do not all look alike stays text. A guess that
turns out wrong when the sample is read (a "date" that is none) is taken back to text. Nothing of this decides: the profile is a
text to be read, mended and kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from lxml import etree

from electra_kernel.formats import grids, iso, profiles
from electra_kernel.formats.base import Reading, unreadable
from electra_kernel.formats.profiles import guesses
from electra_kernel.formats.profiles.guesses import Look, look_of, meaning_of, side_of
from electra_kernel.formats.profiles.model import COLUMN_TYPES, COLUMNS
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

#: A line that is longer is taken for several records.
_ONE_RECORD = 200
#: How often wrong guesses are taken back.
_TRIES = 12
_NOTHING_FOUND = 'Name the fields that matter: to = "booking_date", to = "amount" and so on.'
#: More kinds of records than this are taken for none.
_MOST_KINDS = 12
#: So many rows of a title may stand above a table.
_TITLE = 60
#: Columns that may be made of several fields.
_SEVERAL = frozenset({"remittance"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed profile: its TOML, what it reads in the sample, and what a person must check."""

    text: str
    found: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Field:
    """A field to be: where it is, how it looks, what it may mean."""

    name: str
    place: str
    look: Look
    column: str = ""
    length: int = 0
    side: _Field | None = None


@dataclass(slots=True)
class _Draft:
    """A profile to be."""

    shape: str
    encoding: str
    kind: str = "statement"
    head: list[str] = field(default_factory=list)
    records: list[tuple[list[str], list[_Field]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    role: str = "entry"
    currency: str = ""


def propose(data: bytes, name: str) -> Proposal:
    """Propose a profile for files like a sample.

    Args:
        data: the sample.
        name: its file's name; the profile is called after it.

    Raises:
        UnreadableFile: the sample is empty, or XML that is broken.
    """
    if not data.strip(b"\0 \t\r\n"):
        raise unreadable(name, "empty", "The sample is empty.", "Choose a file with some records.")
    if grids.is_workbook(data):
        said = "The sample is an Excel workbook: its sheets are read without a profile."
        raise unreadable(name, "workbook", said, "Read it with electra read; for a profile, save it as CSV.")
    encoding = guesses.encoding_of(data)
    shape = guesses.shape_of(data, encoding)
    draft = {"xml": _xml, "delimited": _delimited, "fixed": _fixed}[shape](data, encoding, name)
    if encoding != "utf-8":
        draft.notes.append(f"The encoding was taken for {encoding}: look at the accented letters.")
    return _that_reads(draft, data, name)


def _that_reads(draft: _Draft, data: bytes, name: str) -> Proposal:
    """The proposal, with every guess that the sample contradicts taken back."""
    reading: Reading | None = None
    for _ in range(_TRIES):
        try:
            reading = profiles.read(data, profiles.parse(_text(draft, name), "proposal"), name)
        except UnreadableFile as error:
            draft.notes.append(f"{error.what} {error.repair}")
            break
        wrong = {problem.field for problem in reading.problems if problem.rule in _TAKEN_BACK}
        if not any(_is_wrong(each, head, wrong) for head, fields in draft.records for each in fields):
            break
        draft.records = [
            (head, [_plainer(each, head, draft) if _is_wrong(each, head, wrong) else each for each in fields])
            for head, fields in draft.records
        ]
    return Proposal(_text(draft, name), _found(reading), tuple(draft.notes))


def _is_wrong(each: _Field, head: Sequence[str], wrong: Collection[str]) -> bool:
    """Whether problems name a field of this record, or what it means, and its guess can still be taken back."""
    record = re.findall('name = "(.*)"', head[0])
    named = any(f"{name}.{each.name}" in wrong or f"{name}.{each.column}" in wrong for name in record)
    return each.look.kind != "text" and (named or each.name in wrong)


_TAKEN_BACK = frozenset({"number", "date", "digits", "amount-size", "account"})


def _plainer(each: _Field, head: Sequence[str], draft: _Draft) -> _Field:
    record = head[0].partition('"')[2].rstrip('"')
    draft.notes.append(f"{each.name} of {record} looked like {each.look.kind} at first; some of its texts do not.")
    column = "" if each.column in COLUMN_TYPES else each.column
    return replace(each, look=Look("text"), column=column)


def _found(reading: Reading | None) -> str:
    if reading is None:
        return "The sample cannot be read yet."
    entries = sum(len(statement.entries) for statement in reading.statements)
    payments = len(reading.transactions) + sum(len(order.transactions) for order in reading.orders)
    what = f"{entries} entries" if reading.statements or not payments else f"{payments} payments"
    errors = sum(problem.severity == "error" for problem in reading.problems)
    return f"It reads {what} in the sample, with {errors} errors."


# ---------------------------------------------------------------------------------------------------------------- TOML
def _text(draft: _Draft, name: str) -> str:
    title = re.sub(r"[^\w .-]", " ", name).strip() or "sample"
    label = re.sub("[^A-Za-z0-9]+", "-", name.rpartition(".")[0] or name).strip("-").lower() or "own-format"
    lines = [f"# Proposed from {title}. Check:", *(f"# - {_comment(note)}" for note in draft.notes)]
    lines += [f'name = "own-{label}"', f'title = "Files like {title}"', f'shape = "{draft.shape}"']
    lines += [f'kind = "{draft.kind}"', f'encoding = "{draft.encoding}"', *draft.head]
    columns = {each.column for _, fields in draft.records for each in fields}
    if "currency" not in columns:
        lines += ["", "[fixed]", f'currency = "{draft.currency or "HUF"}"']
    for head, fields in draft.records:
        lines += ["", "[[record]]", *head, "fields = [", *(_field_line(each, draft.shape) for each in fields), "]"]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _quoted(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _field_line(each: _Field, shape: str) -> str:
    look, parts = each.look, [f"name = {_quoted(each.name)}"]
    if shape == "fixed":
        parts += [f"at = {each.place}", f"length = {each.length}"]
    else:
        place = each.place if shape == "delimited" and each.place.isdigit() else _quoted(each.place)
        parts.append(f"{'column' if shape == 'delimited' else 'path'} = {place}")
    if look.kind in ("digits", "integer", "amount", "date"):
        parts.append(f'type = "{look.kind}"')
    if look.kind == "date":
        parts.append(f'date = "{look.date}"')
    if look.kind == "amount":
        parts.append(f"decimals = {look.decimals}")
        parts += [f"{key} = {_quoted(value)}" for key, value in _at_number(look) if value]
    if look.signed:
        parts.append(f'sign = "{look.signed}"')
    if each.side is not None:
        parts.append(f"sign_field = {_quoted(each.side.name)}")
        for key, side in (("negative", "-"), ("positive", "+")):
            parts.append(
                f"{key} = [{', '.join(_quoted(mark) for mark in each.side.look.marks if side_of(mark) == side)}]"
            )
    if each.column:
        parts.append(f'to = "{each.column}"')
        if look.kind == "giro":
            parts.append('account = "giro"')
    return f"  {{ {', '.join(parts)} }},"


def _at_number(look: Look) -> tuple[tuple[str, str], ...]:
    return ("point", look.point), ("group", look.group), ("before", look.before), ("behind", look.behind)


# ------------------------------------------------------------------------------------------------------ what they mean
def _with_meanings(fields: Sequence[_Field], draft: _Draft) -> list[_Field]:
    """The fields with the columns that their names and looks suggest, each column once."""
    wishes = {_wish(each) for each in fields}
    wished = [(each, _as_kind(_wish(each), draft.kind, wishes)) for each in fields]
    taken: set[str] = set()
    made = []
    for each, column in wished:
        fits = (
            column in COLUMNS[draft.kind] and _fits(column, each.look) and (column not in taken or column in _SEVERAL)
        )
        taken |= {column} if fits else set()
        look = (
            replace(each.look, kind="amount")
            if fits and each.look.kind in ("integer", "digits") and column in _AMOUNTS
            else each.look
        )
        made.append(replace(each, column=column if fits else "", look=look))
    if {"debit", "credit"} <= taken:
        made = [replace(each, column="") if each.column == "amount" else each for each in made]
    return _with_sides(_by_look(made, taken, draft), draft)


def _with_sides(fields: Sequence[_Field], draft: _Draft) -> list[_Field]:
    """The amount with the field that says its side, where there is just one and the amount has no sign of its own."""
    sides = [each for each in fields if each.look.marks and all(side_of(mark) for mark in each.look.marks)]
    amount = next((each for each in fields if each.column == "amount" and not each.look.signed), None)
    if draft.kind != "statement" or amount is None or len(sides) != 1:
        return list(fields)
    side = replace(sides[0], column="")
    down = " or ".join(mark for mark in side.look.marks if side_of(mark) == "-")
    draft.notes.append(f"{amount.name} was taken for negative where {side.name} is {down}.")
    return [side if each is sides[0] else replace(each, side=side) if each is amount else each for each in fields]


_AMOUNTS = frozenset(name for name, kinds in COLUMN_TYPES.items() if "amount" in kinds)


def _wish(each: _Field) -> str:
    return meaning_of(each.name) or meaning_of(each.place)


def _as_kind(column: str, kind: str, wishes: Collection[str]) -> str:
    if column == "date":
        column = "booking_date" if "booking_date" not in wishes else ""
    if kind == "statement":
        return column
    return _IN_PAYMENTS.get(column, column)


_IN_PAYMENTS = {
    "account": "counterparty_account",
    **dict.fromkeys(("booking_date", "value_date"), "execution_date"),
    **dict.fromkeys(("entry_reference", "bank_reference"), "end_to_end_id"),
}


def _fits(column: str, look: Look) -> bool:
    wanted = COLUMN_TYPES.get(column)
    if column == "currency":
        return look.kind in ("currency", "text")
    if wanted is None:
        return look.kind not in ("date", "amount")
    return look.kind in wanted or (look.kind == "digits" and "amount" in wanted)


def _by_look(fields: Sequence[_Field], taken: set[str], draft: _Draft) -> list[_Field]:
    """Columns for what no name explains: the first date, the first amount, the first currency."""
    first = "booking_date" if draft.kind == "statement" else "execution_date"
    wanted = {"date": first, "amount": "amount", "currency": "currency"}
    dated = {"booking_date", "value_date", "execution_date"} & taken
    made = []
    for each in fields:
        column = wanted.get(each.look.kind, "")
        open_still = column and column not in taken and not (column == first and dated)
        open_still = open_still and not (column == "amount" and {"debit", "credit"} & taken)
        if not each.column and open_still:
            each = replace(each, column=column)
            taken.add(column)
            draft.notes.append(f"{each.name} was taken for the {column.replace('_', ' ')} by its looks.")
        made.append(each)
    if not {"amount", "debit", "credit"} & taken:
        draft.notes.append(f"No amount was recognised. {_NOTHING_FOUND}")
    draft.notes += [
        f"{each.name} holds {' and '.join(each.look.marks)}: where they are the sides of the amount, write "
        f'sign_field = "{each.name}", negative and positive into it.'
        for each in made
        if each.look.marks and not all(map(side_of, each.look.marks)) and not any(other.look.signed for other in made)
    ]
    if "currency" not in taken:
        amounts = [each for each in made if each.look.kind in ("amount", "integer")]
        beside = (guesses.unit_currency(each.look.before or each.look.behind) for each in amounts)
        draft.currency = next(filter(None, beside), "") or guesses.currency_in(each.place for each in amounts)
        said = (
            f"was taken for {draft.currency} by its amounts or their names"
            if draft.currency
            else "is not named: HUF stands there"
        )
        draft.notes.append(f"The currency {said}, under [fixed].")
    return made


def _names(names: Sequence[str]) -> list[str]:
    """Names for fields: short, plain, each once."""
    plain = [guesses.plain_name(name).replace(" ", "_")[:40] or f"field_{place}" for place, name in enumerate(names, 1)]
    seen: Counter[str] = Counter()
    made = []
    for name in plain:
        seen[name] += 1
        made.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return made


# ------------------------------------------------------------------------------------------------------ delimited text
def _delimited(data: bytes, encoding: str, name: str) -> _Draft:
    lines = guesses.lines_of(data, encoding)
    separator = guesses.separator_of(lines)
    rows = guesses.rows_of(lines, separator)
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    start = _start(rows, width)
    header = guesses.known_names(rows[start]) > 1 or (
        all(cell and look_of([cell]).kind == "text" for cell in rows[start] if cell)
        and any(any(letter.isdigit() for letter in cell) for row in rows[start + 1 : start + 4] for cell in row)
    )
    body = [[*row, *[""] * width][:width] for row in rows[start + header :]]
    draft = _Draft("delimited", encoding)
    draft.head = [f"separator = {_separator(separator)}", f"header = {str(header).lower()}"]
    if start:
        above = data[: guesses.MOST_BYTES].decode(encoding, "replace").partition(lines[start])[0].count("\n")
        draft.head.append(f"skip = {above}")
        draft.notes.append(f"{above} lines above the table are passed over.")
    names = rows[start][:width] if header else [f"column {place}" for place in range(1, width + 1)]
    twice = {each for each, times in Counter(guesses.plain_name(each) for each in names).items() if times > 1}
    fields = [
        _Field(
            label,
            str(place + 1)
            if not header or not names[place] or guesses.plain_name(names[place]) in twice
            else names[place],
            look_of(row[place] for row in body),
        )
        for place, label in enumerate(_names(names))
    ]
    _choose_kind(draft, fields)
    for place, each in enumerate(fields):
        if each.look.kind == "date" and (other := guesses.other_layout(each.look.date, (row[place] for row in body))):
            draft.notes.append(f"The days of {each.name} may also be {other}: {each.look.date} was taken.")
    draft.records = [(['name = "row"', f'role = "{draft.role}"'], _with_meanings(fields, draft))]
    return draft


def _start(rows: Sequence[Sequence[str]], width: int) -> int:
    """The row of column names, which may have rows of a title above it; the first of full width where no name is known."""
    known = [guesses.known_names(row) for row in rows[:_TITLE]]
    best = known.index(max(known))
    return best if known[best] > 1 else next((place for place, row in enumerate(rows) if len(row) >= width), 0)


def _separator(separator: str) -> str:
    return '"\\t"' if separator == "\t" else f'"{separator}"'


def _choose_kind(draft: _Draft, fields: Sequence[_Field]) -> None:
    """A file is taken for payments where it names partners and amounts, and nothing that only statements have."""
    wishes = {_wish(each) for each in fields}
    of_statements = bool({"booking_date", "balance", "debit", "credit", "sign"} & wishes)
    of_statements = of_statements or any(each.look.signed for each in fields)
    if not of_statements and {"amount"} <= wishes and wishes & {"account", "counterparty_account"}:
        draft.kind, draft.role = "payment", "payment"
    draft.notes.append(
        f'It was taken for a file of {"payments" if draft.kind == "payment" else "entries"} (kind = "{draft.kind}").'
    )


# --------------------------------------------------------------------------------------------------------- fixed width
def _fixed(data: bytes, encoding: str, name: str) -> _Draft:
    lines = guesses.lines_of(data, encoding)
    if not lines:
        raise unreadable(name, "empty", "The sample holds no text.", "Choose a file with some records.")
    draft = _Draft("fixed", encoding)
    if len(lines) == 1 and len(lines[0]) > _ONE_RECORD:
        text, width = lines[0].rstrip("\x1a"), guesses.width_of(lines[0].rstrip("\x1a"))
        lines = [text[at : at + width] for at in range(0, len(text) - width + 1, width)] if width else lines
        draft.head.append('line_end = "none"')
        said = f"its records were taken to have {width} characters" if width else "fill in the length of its records"
        draft.notes.append(f"The file has no line ends: {said}.")
    marks = _marks(lines)
    by_mark: dict[str, list[str]] = {}
    for line in lines:
        by_mark.setdefault(line[:marks], []).append(line)
    most = max(by_mark, key=lambda mark: (len(by_mark[mark]), len(by_mark[mark][0])))
    draft.notes.append(
        f"Records are told apart by their first {marks} characters." if marks else "All records are alike."
    )
    draft.notes.append("Where fields begin and end was guessed from the sample: compare with your bank's description.")
    draft.notes.append("Amounts of digits alone have implied decimals: write decimals = 2 where they do.")
    for mark, of_mark in by_mark.items():
        width = max(len(line) for line in of_mark)
        shortest = min(len(line.rstrip()) for line in of_mark)
        fields = _segments([line.ljust(width) for line in of_mark], marks, mark == most)
        head = [f"name = {_quoted('record_' + (guesses.plain_name(mark).replace(' ', '_') or 'other'))}"]
        if mark == most:
            head.append('role = "entry"')
            fields = _with_meanings(fields, draft)
        head += [f"length = {width}", f"shortest = {max(shortest, 1)}"]
        if marks:
            head.append(f"marks = [{{ at = 1, is = {_quoted(mark)} }}]")
        draft.records.append((head, fields))
    return _with_apart_names(draft)


def _with_apart_names(draft: _Draft) -> _Draft:
    names = Counter(head[0] for head, _ in draft.records)
    if max(names.values()) > 1:
        for place, (head, _) in enumerate(draft.records, 1):
            head[0] = f'name = "record_{place}"'
    return draft


def _marks(lines: Sequence[str]) -> int:
    """How many first characters tell records apart: 0 where all lines are alike.

    The fewest for which lines that begin alike are equally long; where all lines are, two if that makes few kinds.
    """
    lengths = {len(line) for line in lines}
    for size in (2, 1) if len(lengths) == 1 else (1, 2, 3, 4):
        kinds: dict[str, set[int]] = {}
        for line in lines:
            kinds.setdefault(line[:size], set()).add(len(line))
        few = len(kinds) <= _MOST_KINDS and len(kinds) < len(lines)
        if few and all(len(each) == 1 and mark.strip() for mark, each in kinds.items()):
            return size
    return 2 if len({line[:2] for line in lines}) <= _MOST_KINDS else 0


def _segments(lines: Sequence[str], marks: int, main: bool) -> list[_Field]:
    """Fields between columns that are always blank; and where the kind of characters changes over all lines of a record,
    unless what stands between blanks is one date or amount."""
    kinds = [_kind_of({line[place] for line in lines}) for place in range(len(lines[0]))]
    fields = list[tuple[int, int]]()
    for start, end in _between_blanks(kinds, marks):
        if look_of(line[start:end] for line in lines).kind in _WHOLE:
            fields.append((start, end))
            continue
        cuts = [start, *(place for place in range(start + 1, end) if kinds[place] != kinds[place - 1]), end]
        for first, last in pairwise(cuts):
            fields += _split_dates(lines, first, last) if kinds[first] == "9" and main else [(first, last)]
    return [
        _Field(f"field_{start + 1}", str(start + 1), _fixed_look(lines, start, end), "", end - start)
        for start, end in fields
    ]


_WHOLE = frozenset({"amount", "date", "iban"})


def _between_blanks(kinds: Sequence[str], start: int) -> list[tuple[int, int]]:
    places = [place for place in range(start, len(kinds)) if kinds[place] != " "]
    starts = [place for place in places if place == start or kinds[place - 1] == " "]
    ends = [place + 1 for place in places if place + 1 == len(kinds) or kinds[place + 1] == " "]
    return list(zip(starts, ends, strict=True))


def _kind_of(letters: set[str]) -> str:
    if letters <= {" "}:
        return " "
    return "9" if all(letter.isdigit() for letter in letters) else "x"


def _split_dates(lines: Sequence[str], start: int, end: int) -> list[tuple[int, int]]:
    """A run of digits, parted at the first eight columns that are a date in every line."""
    for place in range(start, end - 7):
        if look_of(line[place : place + 8] for line in lines) == Look("date", date="YYYYMMDD"):
            parts = [(start, place), (place, place + 8)]
            return [part for part in parts if part[0] < part[1]] + (
                _split_dates(lines, place + 8, end) if place + 8 < end else []
            )
    return [(start, end)]


def _fixed_look(lines: Sequence[str], start: int, end: int) -> Look:
    look = look_of(line[start:end] for line in lines)
    if look.kind == "digits" and end - start >= 9 and len({line[start:end] for line in lines}) > 1:
        zeros = all(line[start] == "0" for line in lines)
        return Look("amount") if zeros else look
    return look if look.marks or (look.kind in ("digits", "date", "amount") and not look.group) else Look("text")


# ----------------------------------------------------------------------------------------------------------------- XML
def _xml(data: bytes, encoding: str, name: str) -> _Draft:
    try:
        root = parse_xml(data)
    except HostileXml as error:
        raise iso.refused(error, data, name) from error
    namespace = etree.QName(root.tag).namespace or ""
    iso.plain_names(root)
    paths = _paths(root)
    draft = _Draft("xml", "utf-8")
    draft.head = [f'root = "{etree.QName(root.tag).localname}"']
    draft.head += [f"namespace = {_quoted(namespace)}"] if namespace else []
    most = max(paths, key=lambda path: (len(paths[path]), -path.count("/")), default="")
    if not most:
        most, paths = ".", {".": [root]}
    draft.notes.append(f"Every {most} was taken for one row: {len(paths[most])} in the sample.")
    fields = _leaves(paths[most])
    _choose_kind(draft, fields)
    above, _, _ = most.rpartition("/")
    if above and draft.kind == "statement" and (around := _leaves(paths.get(above, []), deep=False)):
        draft.records.append(
            (['name = "group"', 'role = "statement"', f"path = {_quoted(above)}"], _of_statement(around))
        )
    draft.records.append(
        (['name = "row"', f'role = "{draft.role}"', f"path = {_quoted(most)}"], _with_meanings(fields, draft))
    )
    return draft


def _of_statement(fields: Sequence[_Field]) -> list[_Field]:
    wished = [(each, _wish(each)) for each in fields]
    return [replace(each, column=column if column in ("account", "currency") else "") for each, column in wished]


def _paths(root: etree._Element) -> Mapping[str, list[etree._Element]]:
    """The elements that hold others, by their paths from the root."""
    found: dict[str, list[etree._Element]] = {}
    tree = root.getroottree()
    for element in root.iter():
        if element is not root and isinstance(element.tag, str) and len(element):
            path = re.sub(r"\[[0-9]+\]", "", tree.getelementpath(element))
            found.setdefault(path, []).append(element)
    rows = {path: elements for path, elements in found.items() if len(elements) > 1}
    return rows and {
        path: elements for path, elements in found.items() if path in rows or any(row.startswith(path) for row in rows)
    }


def _leaves(elements: Sequence[etree._Element], *, deep: bool = True) -> list[_Field]:
    """The texts inside elements, by path."""
    texts: dict[str, list[str]] = {}
    for element in elements:
        for path, text in _texts_of(element, "", deep):
            texts.setdefault(path, []).append(text)
    return [
        _Field(label, path, look_of(texts[path]))
        for label, path in zip(_names([path.replace("/", " ") for path in texts]), texts, strict=True)
    ]


def _texts_of(element: etree._Element, above: str, deep: bool) -> list[tuple[str, str]]:
    found = [(f"{above}@{etree.QName(name).localname}", str(value)) for name, value in element.attrib.items()]
    counts: Counter[str] = Counter()
    for child in element:
        name = str(child.tag)
        counts[name] += 1
        step = f"{above}{name}" + (f"[{counts[name]}]" if counts[name] > 1 else "")
        if len(child) == 0:
            found.append((step, child.text or ""))
        if deep or len(child) == 0:
            found += _texts_of(child, f"{step}/", deep)
    return found
