"""Guesses about a sample file: its encoding, its shape, and what the texts of a column look like. Nothing is decided here for good:
a proposal made of these guesses is a text that a person reads, and what it assumes is said.
"""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from electra_kernel.formats import grids, iso, sheet_letters
from electra_kernel.formats.fields import date_pattern
from electra_kernel.formats.records import MOST_PROBLEMS
from electra_kernel.formats.sheet_names import FIELD_OF
from electra_kernel.formats.sheet_words import CREDITS, DEBITS, SYMBOLS
from electra_kernel.vocabulary.money import is_currency

#: How much of a sample is looked at.
MOST_BYTES, MOST_LINES = 512 * 1024, MOST_PROBLEMS

#: How short and how long records without line ends are taken to be.
_SHORTEST, _LONGEST = 20, 2_000

_LETTERS = frozenset("áéíóöőúüűÁÉÍÓÖŐÚÜŰčšžřěýůťďňČŠŽŘÝąęłńśźżćŁŚŻäßôâîșțășțçèà–€")
_ENCODINGS = ("cp1250", "iso-8859-2", "cp852")
_EBCDIC = ("cp1140", "cp500", "cp037")
SEPARATORS = (";", "\t", ",", "|")
DATES = (
    *("YYYY-MM-DD", "YYYYMMDD", "DD.MM.YYYY", "YYYY.MM.DD", "YYYY.MM.DD.", "DD/MM/YYYY", "D.M.YYYY", "D/M/YYYY"),
    *("YYYY/MM/DD", "DD-MM-YYYY", "YYYY-MM-DDThh:mm:ss*", "YYYY-MM-DD hh:mm:ss*", "YYYY.MM.DD hh:mm*"),
    *("MM/DD/YYYY", "M/D/YYYY", "YYYY/M/D", "YYYY-M-D", "DD.MM.YY", "DD/MM/YY", "D/M/YY", "M/D/YY"),
    *("DDMMYYYY", "YYMMDD", "DDMMYY"),
)
#: Layouts that differ in what comes first, where the days of a sample do not tell.
_EITHER = {
    f"{day}/{month}/{year}": f"{month}/{day}/{year}"
    for day, month in (("DD", "MM"), ("D", "M"))
    for year in ("YYYY", "YY")
}
_NUMBER = re.compile(
    r"[+-]?[0-9]{1,3}(?:([ \u00a0.,'])[0-9]{3})*(?:([.,])[0-9]{1,5})?[+-]?|[+-]?[0-9]+(?:([.,])[0-9]{1,5})?[+-]?"
)
_IBAN = re.compile("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_GIRO = re.compile("[0-9]{8}-?[0-9]{8}(?:-?[0-9]{8})?")


def encoding_of(data: bytes) -> str:
    """The likeliest encoding of a text."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    part = data[:MOST_BYTES]
    if part.count(0x40) > part.count(0x20) and sum(0xF0 <= byte <= 0xF9 for byte in part[:4096]) * 5 > len(part[:4096]):
        return _EBCDIC[0]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(part)
    except UnicodeDecodeError:
        found = sheet_letters.guessed(part) if sheet_letters.known_names(part.decode("latin-1")) > 1 else ""
        if found and sheet_letters.known_names(part.decode(found, "replace")) > sheet_letters.known_names(
            part.decode("ascii", "replace")
        ):
            return found  # names of columns prove it
        return max(_ENCODINGS, key=lambda name: _score(part, name))
    return "utf-8"


def _score(data: bytes, encoding: str) -> int:
    text = data.decode(encoding, "replace")
    return sum(1 if letter in _LETTERS else -2 for letter in text if ord(letter) > 127)


def lines_of(data: bytes, encoding: str) -> list[str]:
    """The first lines of a text that are not empty."""
    text = data[:MOST_BYTES].decode(encoding, "replace").removeprefix("\ufeff")
    lines = re.split("\r\n|[\r\n\x85]", text)
    if len(data) > MOST_BYTES and len(lines) > 1:
        lines.pop()
    return [line for line in lines[:MOST_LINES] if line.strip(" \x1a")]


def width_of(text: str) -> int:
    """The length of the records in a text without line ends: that by which most of them begin alike; 0 where none does."""
    found: dict[int, float] = {}
    for width in range(_SHORTEST, min(len(text) // 2, _LONGEST) + 1):
        if len(text) % width and len(text) < MOST_BYTES:
            continue
        starts = [text[at : at + 2] for at in range(0, len(text) - width + 1, width)]
        if len(set(starts)) < len(starts) and all(start.isalnum() for start in starts):
            found[width] = len(set(starts)) / len(starts)
    return min(found, key=lambda width: found[width], default=0)


def shape_of(data: bytes, encoding: str) -> str:
    """``xml``, ``delimited`` or ``fixed``."""
    if iso.looks_like_xml(data):
        return "xml"
    return "delimited" if separator_of(lines_of(data, encoding)) else "fixed"


def separator_of(lines: Sequence[str]) -> str:
    """The separator that parts most lines into equally many cells, quotation marks heeded; empty where none does."""
    best, most = "", 1
    for separator in SEPARATORS:
        counts = Counter(len(row) for row in rows_of(lines, separator))
        width, times = counts.most_common(1)[0] if counts else (0, 0)
        quoted = sum(f'"{separator}' in line and line.count(separator) > 2 for line in lines) * 5 > len(lines) * 4
        if (times * 2 > sum(counts.values()) or quoted) and width > most:
            best, most = separator, width
    lengths = Counter(len(line) for line in lines)
    even = len(lines) > 2 and len(lengths) == 1
    return "" if even and most < 4 else best


def rows_of(lines: Sequence[str], separator: str) -> list[list[str]]:
    """Lines parted into cells."""
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        return []


@dataclass(frozen=True, slots=True)
class Look:
    """What the texts of one column look like: ``text``, ``digits``, ``integer``, ``amount``, ``date``, ``iban``, ``giro`` or
    ``currency``, with the date's layout, the number's signs, or the marks of debit and credit that stand there."""

    kind: str
    date: str = ""
    point: str = ""
    group: str = ""
    decimals: int = 0
    signed: str = ""
    marks: tuple[str, ...] = ()
    before: str = ""
    behind: str = ""


#: Marks by which banks tell debits from credits.
_SIDES = tuple(map(frozenset, (("C", "D"), ("CR", "DR"), ("+", "-"), ("K", "D"), ("T", "J"), ("S", "H"), ("C", "R"))))


def look_of(texts: Iterable[str]) -> Look:
    """What some texts have in common; the empty ones do not count."""
    given = [text.strip() for text in texts if text.strip(" 0")]
    if not given:
        return Look("text")
    marks = frozenset(given)
    if marks in _SIDES or (len(marks) > 1 and all(side_of(mark) for mark in marks)):
        return Look("text", marks=tuple(sorted(marks)))
    for kind, pattern in (("iban", _IBAN), ("giro", _GIRO)):
        if all(pattern.fullmatch(text.replace(" ", "")) for text in given):
            return Look(kind)
    if all(re.fullmatch("[A-Z]{3}", text) for text in given):
        return Look("currency")
    for layout in DATES:
        if all(_is_date(text, layout) for text in given):
            return Look("date", date=layout)
    return _number_look(given)


def side_of(mark: str) -> str:
    """``-`` for a mark of debits, ``+`` for one of credits, in many languages; empty for any other text."""
    plain = grids.plain(mark)
    return mark if mark in ("+", "-") else "-" if plain in DEBITS else "+" if plain in CREDITS else ""


def other_layout(layout: str, texts: Iterable[str]) -> str:
    """The layout that reads the same texts as other days, such as months before days; empty where there is none."""
    other = _EITHER.get(layout, "")
    return other if other and all(_is_date(text.strip(), other) for text in texts if text.strip()) else ""


def currency_in(texts: Iterable[str]) -> str:
    """The currency that stands as a word of its own in a name such as ``Betrag (EUR)``; empty where none does."""
    words = (word for text in texts for word in re.findall(r"(?<![^\W_])[A-Z]{3}(?![^\W_])", text))
    return next((word for word in words if is_currency(word)), "")


def _is_date(text: str, layout: str) -> bool:
    found = date_pattern(layout).fullmatch(text)
    if found is None:
        return False
    parts = found.groupdict()
    year = int(parts.get("year") or "20" + parts["short"])
    return 1990 <= year <= 2080 and 1 <= int(parts["month"]) <= 12 and 1 <= int(parts["day"]) <= 31


#: A number with a currency's sign or letters before or behind it.
_WITH_UNIT = re.compile(
    r"([+-]?) ?([^\W\d_]{1,4}|[$€£¥₽₴₺₹₪₩₫฿])?(\s?)([+-]?[0-9](?:[0-9.,' \u00a0]*[0-9])?)(\s?)([^\W\d_]{1,4}|[$€£¥₽₴₺₹₪₩₫฿])?([+-]?)"
)


def _number_look(given: Sequence[str]) -> Look:
    found = [_WITH_UNIT.fullmatch(text) for text in given]
    units = {(match[2] or "", match[6] or "") for match in found if match}
    if (
        all(found)
        and len(units) == 1
        and units != {("", "")}
        and all(map(unit_currency, filter(None, next(iter(units)))))
    ):
        plain = [f"{match[1]}{match[4].strip()}{match[7]}" for match in found if match]
        ((before, behind),) = units
        look, blank = _plain_number_look(plain), " " if any(match and (match[3] or match[5]) for match in found) else ""
        behind = f"{blank}{behind}" if behind else ""
        return (
            replace(look, before=f"{before}{blank}" if before else "", behind=behind) if look.kind != "text" else look
        )
    return _plain_number_look(given)


#: Signs of several currencies, and the one most files mean: a proposal says what it guessed.
_LIKELIEST = {"$": "USD", "¥": "JPY", "Ft": "HUF", "kr": "SEK"}


def unit_currency(unit: str) -> str:
    """The currency that a sign or a word beside a number names; empty where none does."""
    unit = unit.strip()
    return unit if is_currency(unit) else SYMBOLS.get(unit) or _LIKELIEST.get(unit, "")


def _plain_number_look(given: Sequence[str]) -> Look:
    matches = [_NUMBER.fullmatch(text) for text in given]
    if not all(matches):
        return Look("text")
    points = Counter(point for match in matches if match for point in (match[2], match[3]) if point)
    point = points.most_common(1)[0][0] if points else ""
    groups = {match[1] for match in matches if match and match[1]} - {point}
    leading = any(text[0] in "+-" for text in given)
    signed = "leading" if leading else "trailing" if any(text[-1] in "+-" for text in given) else ""
    plain = not point and not groups and not signed
    if plain and (len({len(text) for text in given}) == 1 or any(text.startswith("0") for text in given)):
        return Look("digits")
    if plain or len(groups) > 1:
        return Look("integer" if plain else "text")
    decimals = (
        max((len(text.rstrip("+-").rpartition(point)[2]) for text in given if point in text), default=0) if point else 0
    )
    return Look("amount", point=point, group="".join(groups), decimals=decimals, signed=signed)


def plain_name(text: str) -> str:
    """A name without case, accents and punctuation."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(re.sub("[^a-z0-9]+", " ", re.sub("([a-z])([A-Z])", r"\1 \2", bare).lower()).split())


#: What the names that sheets are read by mean in a profile. ``date`` is the booking's where no other is, ``sign`` its side.
_OF_SHEETS: Mapping[str, str] = {
    **{name: name for name in ("date", "amount", "debit", "credit", "sign", "balance", "currency", "remittance")},
    **{name: name for name in ("bank_reference", "entry_reference", "structured_reference", "end_to_end_id")},
    **{
        name: name for name in ("mandate_id", "creditor_id", "proprietary_code", "original_amount", "original_currency")
    },
    **{name: name for name in ("exchange_rate", "charges", "account")},
    **dict.fromkeys(("name", "payer", "payee"), "counterparty_name"),
    **dict.fromkeys(("payer_account", "payee_account", "other_account"), "counterparty_account"),
    "some_account": "account",
    "other_bic": "counterparty_bic",
    "address": "counterparty_address",
    "booking": "booking_date",
    "value": "value_date",
}
#: Columns of payments, whose names sheets of statements do not know.
_OF_PAYMENTS = ("execution_date", "debtor_account")
#: Words in names of columns that are made of several, and what such a column usually means; the first that fits counts.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "booking_date": (
        "booking date",
        "book date",
        "booked",
        "posting date",
        "konyveles",
        "konyvelesi datum",
        "buchungstag",
    ),
    "value_date": ("value date", "valuta", "erteknap", "wertstellung", "value"),
    "execution_date": ("execution date", "due date", "esedekesseg", "terhelesi nap"),
    "debit": ("debit", "terheles", "withdrawal", "paid out", "soll", "kiadas"),
    "credit": ("credit", "jovairas", "deposit", "paid in", "haben", "bevetel"),
    "balance": ("balance", "egyenleg", "saldo"),
    "currency": ("currency", "ccy", "deviza", "devizanem", "penznem", "wahrung"),
    "amount": ("amount", "osszeg", "betrag", "sum"),
    "counterparty_name": (
        *(
            "counterparty name",
            "partner name",
            "partner neve",
            "partner",
            "beneficiary name",
            "payee",
            "kedvezmenyezett",
        ),
        *("counterparty", "beneficiary", "name", "nev", "neve", "ellenoldali nev", "empfanger"),
    ),
    "counterparty_account": (
        *("counterparty account", "partner account", "partner szamlaszama", "partner szamla", "beneficiary account"),
        *("ellenszamla", "ellenoldali szamlaszam", "gegenkonto", "partner iban"),
    ),
    "counterparty_bic": ("bic", "swift"),
    "debtor_account": ("forras szamlaszam", "terhelendo szamla", "debtor account", "debit account", "ordering account"),
    "account": ("account", "szamla", "szamlaszam", "iban", "konto", "konyvelesi szamla"),
    "remittance": (
        "remittance",
        "kozlemeny",
        "details",
        "narrative",
        "text",
        "description",
        "memo",
        "verwendungszweck",
        "leiras",
    ),
    "end_to_end_id": (
        "end to end",
        "endtoend",
        "reference",
        "hivatkozas",
        "azonosito",
        "referenz",
        "egyedi azonositoja",
    ),
    "bank_reference": ("bank reference", "transaction id", "tranzakcio azonosito", "tranzakcioazonosito"),
    "proprietary_code": ("type", "code", "tipus", "tranzakcio tipusa", "jogcim", "forgalom tipusa"),
}


def meaning_of(name: str) -> str:
    """The column that a name usually means; empty where it is not known."""
    plain = plain_name(name)
    for column in _OF_PAYMENTS:
        if plain in _WORDS[column]:
            return column
    if found := FIELD_OF.get(grids.plain(name)) or FIELD_OF.get(plain):
        return _OF_SHEETS.get(found, "")
    for column, words in _WORDS.items():
        if any(re.search(rf"\b{re.escape(word)}\b", plain) for word in words):
            return column
    return ""


def known_names(names: Iterable[str]) -> int:
    """How many names of columns are known."""
    return sum(grids.plain(name) in FIELD_OF for name in names)
