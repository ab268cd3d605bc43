"""Fields as data: what a field of a bank's own format holds, how it is read from its text and written back. Shared by
fixed width, delimited text and XML; records, their order and totals are in ``records``.

The rules.

* Text that is not what its field wants raises ``BadValue``, which says the rule, the fault and the repair.
* Nothing is cut, rounded or replaced when written: what does not fit raises ``BadValue``, too.
* Amounts are ``Decimal``; an empty text is ``""``, an empty number or date ``None``. A date of zeros is empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, TypeAlias

from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import MAX_FRACTION_DIGITS, MAX_INTEGER_DIGITS

Value: TypeAlias = Any
Values: TypeAlias = dict[str, Value]

TYPES = ("text", "raw", "digits", "integer", "amount", "date")
SIGNS = ("", "leading", "trailing", "overpunch")
#: Zoned digits of a plus and of a minus: the bytes C0 to C9 and D0 to D9 of EBCDIC, in its sets without national letters.
ZONES = "{ABCDEFGHI}JKLMNOPQR"
_SHOWN = 40


class LayoutError(ElectraError):
    """A layout that contradicts itself, or a row that does not fit it."""


class BadValue(ValueError):
    """Text that is not what its field wants: the broken rule, what is wrong, and what to do."""

    def __init__(self, rule: str, said: str, repair: str) -> None:
        self.rule, self.said, self.repair = rule, said, repair
        super().__init__(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A condition on another field of the same record: it holds one of these values (or, with ``differs``, none)."""

    field: str
    values: tuple[str, ...]
    differs: bool = False

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether the condition is met by a record's values."""
        value = values.get(self.field)
        return (("" if value is None else str(value)) in self.values) != self.differs


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A number that says something of other records: checked when read, filled in when written.

    Attributes:
        of: the records that are counted or summed; the record itself may be among them.
        field: the field that is summed; the records are counted where it is empty.
        since: the record at which the count starts anew; the whole file where empty.
        where: only records that meet this.
        ahead: the records counted come after this one (a header that tells what follows).
        absolute: amounts count without their signs.
        modulo: only the last digits that the field has room for are compared (hash totals).
    """

    of: tuple[str, ...]
    field: str = ""
    since: str = ""
    where: When | None = None
    ahead: bool = False
    absolute: bool = False
    modulo: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record.

    Attributes:
        name: its key in a row; empty for filler.
        start: its first column, from 1; 0 for right after the field before. Fixed width only.
        length: its columns; in delimited text and XML the most characters it may have, 0 for any.
        type: ``text`` (blanks around it do not count), ``raw`` (as it stands), ``digits`` (text of digits, zeros kept),
            ``integer``, ``amount`` or ``date``.
        source: the column's name or number in delimited text; the path in XML.
        align, fill: ``left`` and blank for text, ``right`` and ``0`` for numbers, where not given.
        const: what always stands there; checked, and written.
        default: what is written where the row has nothing.
        required: must not be empty.
        values: the only values allowed.
        decimals: implied decimals of an amount; with ``point`` the decimals that are written.
        decimals_field: the field of the same record that says how many decimals are implied.
        point, group: the decimal sign (empty where it is implied) and the thousands separator.
        before, behind: what stands at a number and is none of it, such as ``$`` or `` Ft``; a sign stands outside it.
        sign: ``leading``, ``trailing`` or ``overpunch`` (zoned: ``{A…I`` plus, ``}J…R`` minus); none where empty.
        plus: what is written for a positive sign.
        sign_field, negative, positive: the field that holds the sign as a mark, and its marks.
        date: the layout, of ``YYYY YY MM M DD D DDD hh mm ss`` and literal characters; ``DDD`` is the day of the year.
        pivot: two-digit years from here on belong to the last century.
        zones: the ten characters of an overpunched plus and the ten of a minus, as the character set has them.
        unknown: what fills a number that is not given, where zeros would say that it is zero.
        only_if: the field is there only where this holds; fields that exclude one another may share columns.
        total: what the number says of other records.
    """

    name: str
    start: int = 0
    length: int = 0
    type: str = "text"
    _: KW_ONLY
    source: str = ""
    align: str = ""
    fill: str = ""
    const: str | None = None
    default: Value = None
    required: bool = False
    values: tuple[str, ...] = ()
    decimals: int = 0
    decimals_field: str = ""
    point: str = ""
    group: str = ""
    before: str = ""
    behind: str = ""
    sign: str = ""
    plus: str = ""
    sign_field: str = ""
    negative: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    date: str = "YYYYMMDD"
    pivot: int = 70
    zones: str = ZONES
    unknown: str = ""
    only_if: When | None = None
    total: Total | None = None

    @property
    def numeric(self) -> bool:
        """Whether it is filled from the right with zeros by default."""
        return self.type in ("integer", "amount", "digits")

    @property
    def filler(self) -> str:
        """What fills the columns that the value leaves."""
        return self.fill or ("0" if self.numeric else " ")


# ---------------------------------------------------------------------------------------------- one value, read
def reader_of(spec: Field) -> Callable[[str], Value]:
    """The function that reads one field from its text; it raises ``BadValue``.

    The sign of a mark field and decimals of another field are not yet applied: ``finish`` does that.
    """
    convert = _READERS[spec.type](spec)
    if spec.const is not None:
        return _constant_reader(spec, convert)
    if spec.required or spec.values:
        return _strict_reader(spec, convert)
    return convert


def _constant_reader(spec: Field, convert: Callable[[str], Value]) -> Callable[[str], Value]:
    wanted = (spec.const or "").strip()

    def read(text: str) -> Value:
        if text.strip() != wanted:
            raise BadValue("constant", f"{shown(text)} stands where {wanted!r} must", "Check the kind of file.")
        return convert(text)

    return read


def _strict_reader(spec: Field, convert: Callable[[str], Value]) -> Callable[[str], Value]:
    allowed, required = frozenset(spec.values), spec.required

    def read(text: str) -> Value:
        value = convert(text)
        if value is None or value == "":
            if required:
                raise BadValue("required", "nothing stands where a value must", "Ask the file's maker to fill it in.")
        elif allowed and str(value) not in allowed:
            choices = ", ".join(spec.values[:12])
            raise BadValue("value", f"{shown(text)} is not one of {choices}", "Ask what the value means.")
        return value

    return read


def _text_reader(spec: Field) -> Callable[[str], str]:
    fill = spec.filler
    if fill == " ":
        return str.strip
    if spec.align == "right":
        return lambda text: text.strip().lstrip(fill)
    return lambda text: text.strip().rstrip(fill)


def _raw_reader(_spec: Field) -> Callable[[str], str]:
    return str


def _digits_reader(_spec: Field) -> Callable[[str], str]:
    def read(text: str) -> str:
        bare = text.strip()
        if bare and not (bare.isascii() and bare.isdigit()):
            raise BadValue("digits", f"{shown(text)} holds more than digits", "Only 0 to 9 may stand there.")
        return bare

    return read


def _overpunched(zones: str) -> Callable[[str], tuple[bool, str]]:
    digits = {letter: (number > 9, str(number % 10)) for number, letter in enumerate(zones)}

    def read(text: str) -> tuple[bool, str]:
        negative, digit = digits.get(text[-1:], (False, text[-1:]))
        return negative, text[:-1] + digit

    return read


def _leading(text: str) -> tuple[bool, str]:
    return (text[0] == "-", text[1:].lstrip(" ")) if text[0] in "+-" else (False, text)


def _trailing(text: str) -> tuple[bool, str]:
    return (text[-1] == "-", text[:-1].rstrip(" ")) if text[-1] in "+-" else (False, text)


_SIGN_READERS: Mapping[str, Callable[[str], tuple[bool, str]]] = {"leading": _leading, "trailing": _trailing}


def _sign_reader(spec: Field) -> Callable[[str], tuple[bool, str]]:
    return _overpunched(spec.zones) if spec.sign == "overpunch" else _SIGN_READERS.get(spec.sign, _unsigned)


def _unsigned(text: str) -> tuple[bool, str]:
    return False, text


def _not_a_number(text: str, spec: Field) -> BadValue:
    wanted = "a number" + (f" with {spec.point!r} before the decimals" if spec.point else "")
    return BadValue("number", f"{shown(text)} is not {wanted}", "Correct the digits, or the sign rule of the field.")


def _integer_reader(spec: Field) -> Callable[[str], int | None]:
    signed = _sign_reader(spec)
    blank = spec.filler if spec.filler != "0" else " "

    def read(text: str) -> int | None:
        bare = text.strip().strip(blank).replace(spec.group, "") if spec.group else text.strip().strip(blank)
        bare = _alone(bare, spec) if spec.before or spec.behind else bare
        if not bare:
            return None
        negative, digits = signed(bare)
        if not (digits.isascii() and digits.isdigit()) or len(digits) > _SHOWN:
            raise _not_a_number(text, spec)
        return -int(digits) if negative else int(digits)

    return read


def _amount_reader(spec: Field) -> Callable[[str], Decimal | None]:
    signed = _sign_reader(spec)
    blank = spec.filler if spec.filler != "0" else " "
    point, group, decimals = spec.point, spec.group, 0 if spec.decimals_field else spec.decimals
    # What another field makes decimals of is measured when that is known.
    most = MAX_INTEGER_DIGITS + (MAX_FRACTION_DIGITS if spec.decimals_field else 0)

    def read(text: str) -> Decimal | None:
        bare = text.strip().strip(blank)
        bare = _alone(bare, spec) if spec.before or spec.behind else bare
        if not bare:
            return None
        negative, digits = signed(bare)
        if group:
            digits = digits.replace(group, "")
        if point:
            whole, _, fraction = digits.partition(point)
        elif decimals:
            digits = digits.rjust(decimals + 1, "0")
            whole, fraction = digits[:-decimals], digits[-decimals:]
        else:
            whole, fraction = digits, ""
        if not ((both := whole + fraction).isascii() and both.isdigit()):
            raise _not_a_number(text, spec)
        if len(whole) > most and len(whole.lstrip("0")) > most:
            raise _too_large(text)
        if len(fraction) > MAX_FRACTION_DIGITS:
            if fraction[MAX_FRACTION_DIGITS:].strip("0"):
                raise _too_large(text)
            fraction = fraction[:MAX_FRACTION_DIGITS]
        number = Decimal(f"{whole or '0'}.{fraction}" if fraction else whole)
        return -number if negative else number

    return read


def _alone(text: str, spec: Field) -> str:
    """A number without what stands before and behind it; its sign stays."""
    first, last = text[:1] if text[:1] in "+-" else "", text[-1:] if text[-1:] in "+-" else ""
    bare = text.removeprefix(first).removesuffix(last).strip()
    return f"{first}{bare.removeprefix(spec.before.strip()).removesuffix(spec.behind.strip()).strip()}{last}"


def _too_large(text: str) -> BadValue:
    most = f"{MAX_INTEGER_DIGITS} digits before and {MAX_FRACTION_DIGITS} after the decimal sign"
    return BadValue("amount-size", f"{shown(text)} has more digits than an amount may", f"At most {most} are kept.")


_TOKENS = re.compile("YYYY|YY|MM?|DDD|DD?|hh|mm|ss|\\*|.", re.DOTALL)
_TOKEN_PATTERNS = {
    "YYYY": "(?P<year>[0-9]{4})",
    "YY": "(?P<short>[0-9]{2})",
    "MM": "(?P<month>[0-9]{2})",
    "M": "(?P<month>[0-9]{1,2})",
    "DD": "(?P<day>[0-9]{2})",
    "D": "(?P<day>[0-9]{1,2})",
    "DDD": "(?P<ordinal>[0-9]{3})",
    "hh": "(?:[01][0-9]|2[0-3])",
    "mm": "[0-5][0-9]",
    "ss": "[0-6][0-9]",
    "*": ".{0,40}",
}


def date_pattern(layout: str, where: str = "") -> re.Pattern[str]:
    """A date layout as a regular expression.

    Raises:
        LayoutError: it names no year or no day, or one of them twice.
    """
    tokens = _TOKENS.findall(layout)
    kinds = [token[0] for token in tokens if token in _TOKEN_PATTERNS and token[0] in "YMD"]
    if sorted(kinds) not in (["D", "M", "Y"], ["D", "Y"]) or (len(kinds) == 2 and "DDD" not in tokens):
        raise LayoutError(
            f"{layout!r} is not a date layout.",
            where=where,
            cause="it needs one year, one month and one day, or a year and the day of the year.",
            repair="Use YYYY or YY, MM or M, DD or D (or DDD for the day of the year), such as DD.MM.YYYY.",
        )
    return re.compile("".join(_TOKEN_PATTERNS.get(token, re.escape(token)) for token in tokens), re.DOTALL)


def _date_reader(spec: Field) -> Callable[[str], date | None]:
    pattern, known = date_pattern(spec.date), dict[str, date | None]()
    empty = frozenset(" 0/.-")

    def read(text: str) -> date | None:
        if text in known:
            return known[text]
        bare = text.strip()
        if frozenset(bare) <= empty:
            return None
        found = pattern.fullmatch(bare)
        day = _day_of(found.groupdict(), spec.pivot) if found else None
        if day is None:
            said = f"{shown(text)} is not a date that exists ({spec.date})"
            raise BadValue("date", said, "Correct the date, or the date layout of the field.")
        if len(known) < 10_000:
            known[text] = day
        return day

    return read


def _day_of(found: Mapping[str, str], pivot: int) -> date | None:
    if (short := found.get("short")) is not None:
        year = int(short) + (1900 if int(short) >= pivot else 2000)
    else:
        year = int(found["year"])
    try:
        if (ordinal := found.get("ordinal")) is None:
            return date(year, int(found["month"]), int(found["day"]))
        first = date(year, 1, 1).toordinal()
        return day if int(ordinal) and (day := date.fromordinal(first + int(ordinal) - 1)).year == year else None
    except (ValueError, OverflowError):
        return None


_READERS: Mapping[str, Callable[[Field], Callable[[str], Value]]] = {
    "text": _text_reader,
    "raw": _raw_reader,
    "digits": _digits_reader,
    "integer": _integer_reader,
    "amount": _amount_reader,
    "date": _date_reader,
}


def finish(spec: Field, value: Value, values: Mapping[str, Value]) -> Value:
    """A number with the decimals and the sign that other fields of its record give; raises ``BadValue``."""
    if value is None:
        return None
    if spec.decimals_field:
        value = _scaled(value, values.get(spec.decimals_field))
    if spec.sign_field:
        mark = values.get(spec.sign_field)
        mark = "" if mark is None else str(mark)
        if mark in spec.negative:
            return -value
        if spec.positive and mark not in spec.positive:
            known = ", ".join(repr(each) for each in (*spec.positive, *spec.negative))
            said = f"the sign {mark!r} in {spec.sign_field} is not one of {known}"
            raise BadValue("sign", said, "Ask the file's maker what it means.")
    return value


def _scaled(value: Decimal, decimals: Value) -> Decimal:
    text = ("" if decimals is None else str(decimals).strip()) or "0"
    if not (text.isascii() and text.isdigit()) or int(text) > MAX_FRACTION_DIGITS:
        raise BadValue("decimals", f"{text[:9]!r} is not a number of decimals", f"At most {MAX_FRACTION_DIGITS}.")
    scaled = value.scaleb(-int(text))
    if abs(scaled) >= 10**MAX_INTEGER_DIGITS:
        raise _too_large(str(scaled))
    return scaled


# ------------------------------------------------------------------------------------------- one value, written
def write_value(spec: Field, value: Value, *, pad: bool, values: Mapping[str, Value] | None = None) -> str:
    """A value as the field's text, padded to its length with ``pad``.

    Args:
        spec: the field.
        value: of its type, or ``None``.
        pad: fixed width; otherwise ``length`` is a limit only.
        values: the record's other values, where the field has its sign or decimals there.

    Raises:
        BadValue: the value does not fit; nothing is ever cut.
    """
    if value is None or value == "":
        value = spec.const if spec.const is not None else spec.default
    if value is None or value == "":
        if spec.required:
            raise BadValue("required", "nothing is given where a value must be", "Give it.")
        return _padded(spec, "", pad) if not spec.numeric else _padded_number(spec, "", "", pad)
    if spec.const is not None and str(value) != spec.const:
        raise BadValue("constant", f"{shown(str(value))} is given where {spec.const!r} must stand", "Leave it out.")
    if spec.values and str(value) not in spec.values:
        raise BadValue("value", f"{shown(str(value))} is not one of {', '.join(spec.values[:12])}", "Give one of them.")
    return _WRITERS[spec.type](spec, value, pad, values or {})


def _write_text(spec: Field, value: Value, pad: bool, _values: Mapping[str, Value]) -> str:
    return _padded(spec, str(value), pad)


def _write_digits(spec: Field, value: Value, pad: bool, _values: Mapping[str, Value]) -> str:
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        raise BadValue("digits", f"{shown(text)} holds more than digits", "Only 0 to 9 may stand there.")
    return _padded(spec, text, pad)


def _write_number(spec: Field, value: Value, pad: bool, values: Mapping[str, Value]) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise BadValue("number", f"{shown(str(value))} is not an exact number", "Give an int or a Decimal.")
    number = Decimal(value)
    if not number.is_finite():
        raise BadValue("number", f"{number} is not a number", "Give a finite amount.")
    decimals = spec.decimals if spec.type == "amount" else 0
    if spec.decimals_field:
        decimals = int(values.get(spec.decimals_field) or 0)
    whole, _, fraction = format(number.copy_abs(), "f").partition(".")
    if len(kept := fraction.rstrip("0")) > decimals:
        raise BadValue("decimals", f"{number} has more than {decimals} decimals", "Round it before, knowingly.")
    fraction = kept.ljust(decimals, "0")
    digits = whole + (spec.point if decimals else "") + fraction
    digits = f"{spec.before}{digits}{spec.behind}"
    negative = number < 0
    if not negative or spec.sign_field:
        return _padded_number(spec, digits, spec.plus if spec.sign in ("leading", "trailing") else "", pad)
    if not spec.sign:
        raise BadValue("sign", f"{number} is negative and the field has no sign", "Give a positive amount.")
    return _padded_number(spec, digits, "-", pad)


def _padded_number(spec: Field, digits: str, sign: str, pad: bool) -> str:
    if spec.sign == "overpunch" and digits:
        digits, sign = digits[:-1] + spec.zones[int(digits[-1]) + 10 * (sign == "-")], ""
    if spec.sign == "trailing":
        body, before, after = digits, "", sign
    else:
        body, before, after = digits, sign, ""
    if pad and spec.filler == "0" and digits:
        body = body.rjust(spec.length - len(sign), "0")
    elif pad and not digits:
        body = (spec.unknown or spec.filler) * spec.length
    return _padded(spec, before + body + after, pad)


def _write_date(spec: Field, value: Value, pad: bool, _values: Mapping[str, Value]) -> str:
    if not isinstance(value, date):
        raise BadValue("date", f"{shown(str(value))} is not a date", "Give a date.")
    return _padded(spec, format_date(value, spec.date), pad)


def format_date(day: date, layout: str) -> str:
    """A date in a layout; times in it are midnight."""
    parts = {
        "YYYY": f"{day.year:04d}",
        "YY": f"{day.year % 100:02d}",
        "MM": f"{day.month:02d}",
        "M": str(day.month),
        "DD": f"{day.day:02d}",
        "D": str(day.day),
        "DDD": f"{day.timetuple().tm_yday:03d}",
        "hh": "00",
        "mm": "00",
        "ss": "00",
        "*": "",
    }
    return "".join(parts.get(token, token) for token in _TOKENS.findall(layout))


_WRITERS: Mapping[str, Callable[[Field, Value, bool, Mapping[str, Value]], str]] = {
    "text": _write_text,
    "raw": _write_text,
    "digits": _write_digits,
    "integer": _write_number,
    "amount": _write_number,
    "date": _write_date,
}


def _padded(spec: Field, text: str, pad: bool) -> str:
    if spec.length and len(text) > spec.length:
        said = f"{shown(text)} has {len(text)} characters where {spec.length} fit"
        raise BadValue("length", said, "Shorten it; nothing is cut by itself.")
    if not pad:
        return text
    right = spec.align == "right" if spec.align else spec.numeric
    return text.rjust(spec.length, spec.filler) if right else text.ljust(spec.length, spec.filler)


def shown(text: str) -> str:
    """Text from a file in quotation marks, cut to what a message can carry."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def continued(lines: Iterable[str]) -> str:
    """One text of lines of one width as they stand: a line that is full goes on in the next without a blank."""
    return " ".join("".join(line if line[-1:].strip() else f"{line.rstrip()} " for line in lines).split())


def nearest(name: str, known: Iterable[str]) -> str:
    """``Did you mean …?`` where a known name is near; otherwise all of them."""
    names = list(known)
    close = get_close_matches(name, names, 1, 0.6)
    return f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(sorted(names))[:300]}."
