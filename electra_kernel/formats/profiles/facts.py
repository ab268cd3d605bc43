"""What the rows of a profile say, by column, and what a row must hold to say it: the way between fields and columns.

A fact is one value under the name of its column (``model.COLUMNS``). What facts make together, statements and orders, is in
``statements`` and ``orders``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from electra_kernel.formats.base import Problems
from electra_kernel.formats.fields import Field, LayoutError, Values, shown
from electra_kernel.formats.hungarian import from_giro, to_giro
from electra_kernel.formats.profiles.model import JOINED, Meaning, Part, fields_of
from electra_kernel.formats.records import Row

Facts = dict[str, Any]


def facts_of(row: Row, part: Part, problems: Problems) -> Facts:
    """What a row says: its columns with their values, those that are empty left out."""
    facts: Facts = {**part.fixed}
    for name, meaning in part.meanings.items():
        value = row.values.get(name)
        if value is None or value == "":
            continue
        value = _understood(value, meaning, row, problems)
        before = facts.get(meaning.column)
        if isinstance(before, str) and before and meaning.column not in part.fixed:
            value = before + ("" if meaning.column in JOINED else " ") + str(value)
        facts[meaning.column] = value
    return _with_accounts(facts, part, row, problems)


def _understood(value: Any, meaning: Meaning, row: Row, problems: Problems) -> Any:
    if not meaning.translate:
        return value
    if (word := meaning.translate.get(str(value))) is None:
        said = f"{shown(str(value))} is not among the words that the profile translates."
        problems.error(row.line, f"{row.record}.{meaning.column}", "translate", said, "Add it to translate.")
        return value
    return word


def _with_accounts(facts: Facts, part: Part, row: Row, problems: Problems) -> Facts:
    for column in {meaning.column for meaning in part.meanings.values() if meaning.account}:
        if column in facts:
            facts[column], right = from_giro(str(facts[column]))
            if not right:
                said = f"{shown(facts[column])} is not an account number: its length or a check digit is wrong."
                problems.warn(row.line, f"{row.record}.{column}", "account", said, "Ask the file's maker.")
    return facts


def values_of(facts: Mapping[str, Any], part: Part) -> Values:
    """A row that says these facts; what the record has no field for is left out.

    Raises:
        LayoutError: a text does not fit the fields for it.
    """
    fields, values = fields_of(part.record), Values()
    by_column: dict[str, list[tuple[Field, Meaning]]] = {}
    for name, meaning in part.meanings.items():
        by_column.setdefault(meaning.column, []).append((fields[name], meaning))
    for column, targets in by_column.items():
        value = facts.get(column)
        if value is None or value == "":
            continue
        value = _as_written(value, targets[0][1], column)
        if len(targets) == 1:
            values[targets[0][0].name] = value
        else:
            values.update(_spread(str(value), [spec for spec, _ in targets], column))
    return values


def _as_written(value: Any, meaning: Meaning, column: str) -> Any:
    if meaning.account:
        return to_giro(str(value))
    if not meaning.translate:
        return value
    found = next((word for word, said in meaning.translate.items() if said == str(value)), None)
    if found is None:
        raise LayoutError(f"{column} is {value!r}, for which the format has no word.", repair="Add it to translate.")
    return found


def _spread(text: str, fields: list[Field], column: str) -> Values:
    """One text over several fields: cut anywhere where parts are joined without a blank, else between words."""
    values, rest = Values(), text
    for spec in fields:
        if not spec.length or len(rest) <= spec.length:
            piece = rest
        elif column in JOINED:
            piece = rest[: spec.length]
        else:
            piece = rest[: rest.rfind(" ", 0, spec.length + 1)].rstrip() if " " in rest[: spec.length + 1] else ""
        values[spec.name] = piece
        rest = rest[len(piece) :].lstrip()
        if rest and not piece:
            break  # a word that is longer than its field would come back in two
    if rest:
        said = f"{column} has {len(text)} characters; {shown(rest)} does not fit its {len(fields)} fields."
        raise LayoutError(said, where=column, repair="Shorten it; nothing is cut by itself.")
    return values
