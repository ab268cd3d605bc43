"""A profile from its TOML text: every key is checked, and whatever is wrong is told with file, line, key and repair."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from electra_kernel.formats.fields import TYPES, Field, LayoutError, Total, When, nearest
from electra_kernel.formats.fixedwidth import Layout, check_encoding, check_field, check_names
from electra_kernel.formats.profiles.model import (
    COLUMN_TYPES,
    COLUMNS,
    KINDS,
    ROLES,
    SHAPES,
    Meaning,
    Part,
    Profile,
    ProfileError,
)
from electra_kernel.formats.records import Record

Table: TypeAlias = Mapping[str, Any]

_LINE_ENDS = {"crlf": "\r\n", "lf": "\n", "none": ""}
_MAX_BYTES = 2**20
_TOML_PLACE = re.compile(r" \(at line ([0-9]+), column ([0-9]+)\)")
#: Columns in which a zero would say something that nobody has said.
_NEVER_ZERO = frozenset(
    {"balance", "opening_balance", "closing_balance", "original_amount", "exchange_rate", "charges"}
)
_TEXTS = (list, str)
#: Keys and what they may hold.
_PROFILE_KEYS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("name", "title", "shape", "kind", "encoding", "line_end", "separator", "quote"), str),
    **dict.fromkeys(("root", "namespace"), str),
    **dict.fromkeys(("extensions", "ends", "ignore"), list),
    "header": bool,
    "skip": int,
    "fixed": dict,
    "record": list,
}
_RECORD_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "name": str,
    "role": str,
    "path": str,
    "marks": list,
    "fields": list,
    "length": int,
    "shortest": int,
    "most": int,
    "after": list,
    "fixed": dict,
}
_FIELD_KEYS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("name", "type", "path", "align", "fill", "const", "default", "decimals_field", "point"), str),
    **dict.fromkeys(("before", "behind"), str),
    **dict.fromkeys(("group", "sign", "plus", "sign_field", "date", "to", "account", "since"), str),
    **dict.fromkeys(("at", "length", "decimals", "pivot"), int),
    **dict.fromkeys(("required", "ahead", "absolute", "modulo"), bool),
    **dict.fromkeys(("values", "negative", "positive", "count", "sum"), _TEXTS),
    "column": (str, int),
    "only_if": dict,
    "where": dict,
    "translate": dict,
}
_PLAIN_FIELD_KEYS = (
    *("align", "fill", "const", "default", "required", "decimals", "decimals_field", "point", "group"),
    *("before", "behind", "sign", "plus", "sign_field", "date", "pivot"),
)
_TOTAL_KEYS = ("since", "where", "ahead", "absolute", "modulo")


#: How records and fields are looked for, blanks left out.
_NAMED = "name={}"


def _bare(line: str, step: str) -> str:
    return line.replace(" ", "").replace("\t", "") if step.startswith('"') else line


class _Place:
    """Where in the file something is said: the path of keys, and the line found from it."""

    def __init__(self, text: str, file: str, steps: tuple[str, ...] = ()) -> None:
        self.text, self.file, self.steps = text, file, steps

    def at(self, *steps: str) -> _Place:
        return _Place(self.text, self.file, (*self.steps, *steps))

    def __str__(self) -> str:
        line = self._line()
        named = " ".join(self.steps)
        return ", ".join(part for part in (self.file, f"line {line}" if line else "", named) if part)

    def _line(self) -> int:
        """The first line that holds the last step, after those that hold the steps before it."""
        lines, found = self.text.splitlines(), 0
        for step in self.steps:
            wanted, start = _NAMED.format(step) if step.startswith('"') else step, max(found - 1, 0)
            rest = enumerate(lines[start:], start + 1)
            found = next((number for number, line in rest if wanted in _bare(line, step)), found)
        return found

    def error(self, what: str, repair: str, cause: str = "") -> ProfileError:
        return ProfileError(what, where=str(self), cause=cause, repair=repair)


def parse(text: str, file: str) -> Profile:
    """A profile from its text.

    Args:
        text: TOML.
        file: its name, which errors tell.

    Raises:
        ProfileError: the first thing that is wrong, with its line and key.
    """
    place = _Place(text, file)
    if len(text) > _MAX_BYTES:
        raise place.error("The profile is larger than a megabyte.", "Is this a profile?")
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = _TOML_PLACE.search(str(error))
        raise ProfileError(
            "The profile is not TOML.",
            where=f"{file}, line {found[1]}, column {found[2]}" if found else file,
            cause=f"{_TOML_PLACE.sub('', str(error))}.",
            repair="Correct that line: texts stand in quotation marks, entries of a list are parted by commas.",
        ) from error
    for key in ("record", "fields"):
        if isinstance(table.get(key), dict):
            raise place.at(f"[{key}]").error(
                f"[{key}] begins a table of its own.", f"Write [[{key}]], with two brackets."
            )
    _check_keys(table, _PROFILE_KEYS, place)
    return _Builder(table, place).profile()


class _Builder:
    def __init__(self, table: Table, place: _Place) -> None:
        self.table, self.place = table, place
        self.shape = self._choice("shape", SHAPES)
        self.kind = self._choice("kind", KINDS)

    def _choice(self, key: str, choices: Sequence[str]) -> str:
        given = self.table.get(key)
        if given not in choices:
            what = f"{key} is {given!r}." if given is not None else f"The profile does not say its {key}."
            raise self.place.at(*([key] if given is not None else [])).error(
                what, f'Write {key} = "{choices[0]}" (or {", ".join(choices[1:])}).'
            )
        return str(given)

    def profile(self) -> Profile:
        table, place = self.table, self.place
        name = str(table.get("name", ""))
        if not name or not name.replace("-", "").replace(".", "").replace("_", "").isalnum():
            raise place.at(*(["name"] if name else [])).error(
                "The profile has no usable name.", 'Write name = "my-bank": letters, digits, hyphens.'
            )
        records = table.get("record", [])
        if not records or not all(isinstance(record, dict) for record in records):
            raise place.error("The profile has no records.", "Write [[record]] with a name and fields for each kind.")
        parts = tuple(self._part(record, number) for number, record in enumerate(records, 1))
        self._check_names(parts)
        encoding, line_end = table.get("encoding", "utf-8"), table.get("line_end", "crlf")
        if line_end not in _LINE_ENDS:
            raise place.at("line_end").error(f"line_end is {line_end!r}.", "Use crlf, lf or none.")
        try:
            check_encoding(encoding)
        except LayoutError as error:
            raise place.at("encoding").error(error.what, error.repair) from error
        return Profile(
            name=name,
            title=table.get("title", name),
            shape=self.shape,
            kind=self.kind,
            parts=parts,
            encoding=encoding,
            line_end=_LINE_ENDS[line_end],
            extensions=_texts(table, "extensions", place),
            ends=self._known(table, "ends", place, {part.record.name for part in parts}),
            separator=self._one_character("separator", ";"),
            quote=self._one_character("quote", '"'),
            header=table.get("header", True),
            skip=table.get("skip", 0),
            ignore=_texts(table, "ignore", place),
            root=self._root(),
            namespace=self._namespace(),
            fixed=self._fixed(table, place),
            layout=self._layout(name, encoding, line_end, parts),
        )

    def _one_character(self, key: str, default: str) -> str:
        given = str(self.table.get(key, default))
        if len(given) != 1 and not (key == "quote" and not given):
            raise self.place.at(key).error(f"{key} is not one character.", f'Write {key} = "{default}".')
        return given

    def _namespace(self) -> str:
        namespace = str(self.table.get("namespace", ""))
        if namespace and (self.shape != "xml" or not namespace.isprintable() or " " in namespace):
            said = "Only XML has a namespace, a name without blanks."
            raise self.place.at("namespace").error(said, "Leave it out, or write it as it stands after xmlns.")
        return namespace

    def _root(self) -> str:
        root = str(self.table.get("root", ""))
        if (self.shape == "xml") != bool(root):
            raise self.place.error("Only XML has a root, and it needs one.", 'Write root = "Name" for shape = "xml".')
        return root

    def _layout(self, name: str, encoding: str, line_end: str, parts: Sequence[Part]) -> Layout | None:
        if self.shape != "fixed":
            return None
        try:
            layout = Layout(
                name=name,
                encoding=encoding,
                line_end=_LINE_ENDS[line_end],
                records=tuple(part.record for part in parts),
                ends=tuple(self.table.get("ends", ())),
            )
            _ = layout.plans
        except LayoutError as error:
            raise self._placed(error) from error
        return layout

    def _placed(self, error: LayoutError) -> ProfileError:
        """What the engine refuses, at the record and the field that it names."""
        record, _, field = error.where.removeprefix("record ").partition(", field ")
        steps = [f'"{name}"' for name in (record, field) if name]
        return self.place.at(*steps).error(error.what, error.repair, error.cause)

    # ------------------------------------------------------------------------------------------------ records
    def _part(self, table: Table, number: int) -> Part:
        name = table.get("name")
        if not isinstance(name, str) or not name:
            raise self.place.at("[[record]]").error(f"Record {number} has no name.", 'Write name = "item".')
        place = self.place.at(f'"{name}"')
        _check_keys(table, _RECORD_KEYS, place)
        role = table.get("role", "")
        if role and role not in ROLES[self.kind]:
            raise place.at("role").error(f"{role!r} is no role in a {self.kind}.", nearest(role, ROLES[self.kind]))
        fields, meanings = list[Field](), dict[str, Meaning]()
        for given in table.get("fields", []):
            spec, meaning = self._field(given, place)
            fields.append(spec)
            if meaning is not None:
                meanings[spec.name] = meaning
        record = Record(
            name=name,
            marks=tuple(self._mark(mark, place) for mark in table.get("marks", [])),
            fields=tuple(fields),
            length=table.get("length", 0),
            shortest=table.get("shortest", 0),
            most=table.get("most", 0),
            after=tuple("" if each == "start" else each for each in _texts(table, "after", place)),
        )
        if self.shape != "fixed":
            self._check_free_record(record)
        path = table.get("path", "")
        if (self.shape == "xml") != bool(path):
            raise place.error("Records of XML, and only they, have a path.", 'Write path = "Transaction" (or ".").')
        return Part(record=record, role=role, meanings=meanings, fixed=self._fixed(table, place), path=path)

    def _check_free_record(self, record: Record) -> None:
        try:
            check_names(record, f"record {record.name}")
            for spec in record.fields:
                check_field(spec, f"record {record.name}")
        except LayoutError as error:
            raise self._placed(error) from error

    def _mark(self, mark: Any, place: _Place) -> tuple[int | str, tuple[str, ...]]:
        place = place.at("marks")
        if not isinstance(mark, dict) or set(mark) != {"at", "is"} or not isinstance(mark["at"], (int, str)):
            raise place.error("A mark says where it stands and what it is.", 'Write marks = [{ at = 1, is = "02" }].')
        return mark["at"], _texts(mark, "is", place)

    def _field(self, given: Any, place: _Place) -> tuple[Field, Meaning | None]:
        if not isinstance(given, dict):
            raise place.at("fields").error("A field is not a table.", 'Write { name = "amount", length = 10 }.')
        name = str(given.get("name", ""))
        place = place.at(f'"{name}"') if name else place
        _check_keys(given, _FIELD_KEYS, place)
        kind = given.get("type", "text")
        if kind not in TYPES:
            raise place.at("type").error(f"{kind!r} is no type.", nearest(kind, TYPES))
        spec = Field(
            name,
            given.get("at", 0),
            given.get("length", 0),
            kind,
            source=self._source(given, name, place),
            values=_texts(given, "values", place),
            negative=_texts(given, "negative", place),
            positive=_texts(given, "positive", place),
            only_if=_when(given, "only_if", place),
            total=_total(given, place),
            unknown=" " if given.get("to") in _NEVER_ZERO else "",
            **{key: given[key] for key in _PLAIN_FIELD_KEYS if key in given},
        )
        return spec, self._meaning(given, spec, place)

    def _source(self, given: Table, name: str, place: _Place) -> str:
        """The column or path; a field without one is called as its column."""
        wrong = {"fixed": ("column", "path"), "delimited": ("path", "at"), "xml": ("column", "at")}[self.shape]
        for key in wrong:
            if key in given:
                raise place.at(key).error(f"{key} has no meaning in {self.shape} files.", "Take it out.")
        if self.shape == "fixed":
            return ""
        source = str(given.get("column" if self.shape == "delimited" else "path", name))
        if not source:
            raise place.error("A field has neither a name nor a place.", "Give it one.")
        return source

    def _meaning(self, given: Table, spec: Field, place: _Place) -> Meaning | None:
        column = given.get("to", "")
        if not column:
            for key in ("account", "translate"):
                if key in given:
                    raise place.at(key).error(f"{key} says something of a column that is not given.", 'Write to = "…".')
            return None
        if column not in COLUMNS[self.kind]:
            raise place.at("to").error(
                f"{column!r} is no column of a {self.kind}.", nearest(column, COLUMNS[self.kind])
            )
        wanted = COLUMN_TYPES.get(column)
        if wanted and spec.type not in wanted and "translate" not in given:
            raise place.at("to").error(
                f"The column {column!r} wants a field of type {wanted[0]}.", f'Write type = "{wanted[0]}".'
            )
        if given.get("account", "") not in ("", "giro"):
            raise place.at("account").error(f"{given['account']!r} is no form of account.", 'Use account = "giro".')
        translate = {str(key): str(value) for key, value in given.get("translate", {}).items()}
        if len(set(translate.values())) != len(translate) and self.kind == "payment":
            raise place.at("translate").error("Two words become one, and could not be written.", "Keep one of them.")
        return Meaning(column=column, account=given.get("account", ""), translate=translate)

    # ------------------------------------------------------------------------------------- across the records
    def _fixed(self, table: Table, place: _Place) -> dict[str, str]:
        for key, value in table.get("fixed", {}).items():
            if key not in COLUMNS[self.kind]:
                raise place.at("fixed", key).error(f"{key!r} is no column.", nearest(key, COLUMNS[self.kind]))
            if COLUMN_TYPES.get(key) or not isinstance(value, str):
                raise place.at("fixed", key).error(f"{key!r} cannot be fixed.", "Only texts can be.")
        return dict(table.get("fixed", {}))

    def _known(self, table: Table, key: str, place: _Place, names: set[str]) -> tuple[str, ...]:
        given = _texts(table, key, place)
        for name in given:
            if name not in names:
                raise place.at(key).error(f"{name!r} is no record.", nearest(name, names))
        return given

    def _check_names(self, parts: Sequence[Part]) -> None:
        names = [part.record.name for part in parts]
        for part in parts:
            place = self.place.at(f'"{part.record.name}"')
            if names.count(part.record.name) > 1:
                raise place.error(f"Two records are called {part.record.name!r}.", "Rename one.")
            self._known({"after": [name for name in part.record.after if name]}, "after", place, set(names))
            for spec in part.record.fields:
                if spec.total is not None:
                    self._check_total(spec.total, {each.record.name: each.record for each in parts}, place)
        if not any(part.role in ("entry", "payment") for part in parts):
            role = "entry" if self.kind == "statement" else "payment"
            raise self.place.error(f"No record is the {role}.", f'Write role = "{role}" into one of them.')

    @staticmethod
    def _check_total(total: Total, records: Mapping[str, Record], place: _Place) -> None:
        for name in (*total.of, *([total.since] if total.since else [])):
            if name not in records:
                raise place.at(name).error(f"{name!r} is no record.", nearest(name, records))
        for name in total.of if total.field else ():
            fields = [spec.name for spec in records[name].fields]
            if total.field not in fields:
                raise place.at(total.field).error(
                    f"{name!r} has no field {total.field!r}.", nearest(total.field, fields)
                )


# -------------------------------------------------------------------------------------------------- small tables
def _check_keys(table: Table, known: Mapping[str, type | tuple[type, ...]], place: _Place) -> None:
    for key, value in table.items():
        if key not in known:
            raise place.at(key).error(f"The key {key!r} is unknown.", nearest(key, known))
        wanted = known[key]
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            kinds = wanted if isinstance(wanted, tuple) else (wanted,)
            names = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}
            raise place.at(key).error(
                f"{key} is {value!r}"[:80] + ".", f"It must be {' or '.join(names[kind] for kind in kinds)}."
            )
        if isinstance(value, int) and not isinstance(value, bool) and not 0 <= value <= 100_000:
            raise place.at(key).error(f"{key} is {value}.", "It must lie between 0 and 100000.")


def _texts(table: Table, key: str, place: _Place) -> tuple[str, ...]:
    given = table.get(key, [])
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise place.at(key).error(f"{key} is not a list of texts.", f'Write {key} = ["…"].')
    return tuple(given)


def _when(table: Table, key: str, place: _Place) -> When | None:
    given = table.get(key)
    if given is None:
        return None
    words = set(given) - {"field"}
    if not isinstance(given.get("field"), str) or words not in ({"is"}, {"is_not"}):
        raise place.at(key).error(
            f"{key} names no field and value.", f'Write {key} = {{ field = "kind", is = ["A"] }} (or is_not).'
        )
    word = words.pop()
    return When(field=given["field"], values=_texts(given, word, place), differs=word == "is_not")


def _total(table: Table, place: _Place) -> Total | None:
    asked = [key for key in ("count", "sum") if key in table]
    if not asked:
        for key in _TOTAL_KEYS:
            if key in table:
                raise place.at(key).error(f"{key} belongs to a count or a sum.", 'Write count = "item" as well.')
        return None
    if len(asked) > 1:
        raise place.error("A field is a count or a sum, not both.", "Keep one.")
    of, field = _texts(table, asked[0], place), ""
    if asked[0] == "sum":
        pairs = [each.partition(".") for each in of]
        fields = {field for _, _, field in pairs}
        if len(fields) != 1 or "" in fields:
            raise place.at("sum").error(
                "A sum names one field of one or several records.", 'Write sum = "item.amount".'
            )
        of, field = tuple(record for record, _, _ in pairs), fields.pop()
    return Total(
        of=of,
        field=field,
        since=table.get("since", ""),
        where=_when(table, "where", place),
        ahead=table.get("ahead", False),
        absolute=table.get("absolute", False),
        modulo=table.get("modulo", False),
    )
