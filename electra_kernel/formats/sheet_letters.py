"""The character set of a sheet that is not Unicode, from evidence: names of columns that are known, then usual letters.

The rule. UTF-8 (with or without a mark) and UTF-16 are what they are. A file that is UTF-8 but for a few bytes is UTF-8
with these bytes shown as U+FFFD. Otherwise that character set counts in which the most names of a header are known, and
among equals the one whose letters are the most usual in its languages.
"""

from __future__ import annotations

from electra_kernel.formats import grids
from electra_kernel.formats.base import Problems, unreadable
from electra_kernel.formats.grids import plain
from electra_kernel.formats.sheet_names import FIELD_OF

_START = 65_536
#: Lines that are looked at for a header, and letters of each.
_LINES, _LINE = 60, 2_000
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЭЮЯ№«»"
#: Character sets, the likelier first, with letters that are usual in their languages.
_LETTERS = {
    "cp1250": "áéíóöőúüűÁÉÍÓÖŐÚÜŰěščřžýůťďňłąęśźżćńăâîșțŁŚŻČŠŘŽäß€–„”",
    "cp1252": "äöüÄÖÜßéèêëàâçîïôùûñíóúáÉÈÊËÀÂÇÎÏÔÙÛÑåÅøØæÆãõºª€£–’",
    "iso8859-2": "áéíóöőúüűÁÉÍÓÖŐÚÜŰěščřžýůťďňłąęśźżćńŁŚŻČŠŘŽäß",
    "cp1257": "ąčęėįšųūžĄČĘĖĮŠŲŪŽāēģīķļņõäöü„“",
    "cp852": "áéíóöőúüűÁÉÍÓÖŐÚÜŰěščřžýůťďňłąęśźżćńŁŚŻČŠŘŽäß",
    "cp1254": "çğıöşüÇĞİÖŞÜâ",
    "cp1251": _CYRILLIC,
}
#: Taken only where a header is known in them: any bytes make letters there.
_BY_HEADER = ("cp1253", "cp1255", "koi8-r", "cp866", "gb18030", "big5", "shift_jis", "euc_kr")


def decoded(data: bytes, source: str, problems: Problems) -> str:
    """A sheet's text.

    Raises:
        UnreadableFile: with rule ``encoding``, where the bytes are no text.
    """
    try:
        text, name = grids.decode(data, whole=True)
        if name in ("UTF-8", "UTF-16"):
            return text
    except UnicodeDecodeError as error:
        if data[:40].count(0):
            words = "The file is not text in a known encoding."
            raise unreadable(source, "encoding", words, "Save it as UTF-8.", position=error.start) from error
    text = data.decode("utf-8-sig", "replace")
    wrong = text.count("\ufffd")
    if sum(letter > "\x7f" for letter in text) > 4 * wrong:
        line = text.count("\n", 0, text.find("\ufffd")) + 1
        said = f"{wrong} letters, first in line {line}, are not UTF-8 as the others are; they are shown as \ufffd."
        problems.warn(line, "file", "encoding", said, "Ask for the export again.")
        return text
    best = guessed(data)
    said = f"The file is not UTF-8; it was read as {best}."
    problems.warn(None, "file", "encoding", said, "Check the accented letters.")
    return data.decode(best, "replace")


def start_of(data: bytes) -> str:
    """The beginning of a sheet's text, to tell what it is; empty where it is no text."""
    text = ""
    try:
        text, name = grids.decode(data[:_START], whole=False)
    except UnicodeDecodeError:
        if data[:40].count(0):
            return ""
        name = ""
    return text if name in ("UTF-8", "UTF-16") else data[:_START].decode(guessed(data), "replace")


def guessed(data: bytes) -> str:
    """The character set of bytes that are not Unicode."""
    first = next((place for place, byte in enumerate(data) if byte > 0x7F), 0)
    sample = data[:_START] + (data[first : first + _START] if first >= _START else b"")
    best, most = "cp1250", (-1, -len(sample))
    for name in (*_LETTERS, *_BY_HEADER):
        text = sample.decode(name, "replace")
        found = (known_names(text), _usual(text, _LETTERS[name]) if name in _LETTERS else -len(sample))
        if found > most:
            best, most = name, found
    return best


def known_names(text: str) -> int:
    """How many names of columns are known in the line that has the most of them."""
    lines = [line[:_LINE] for line in text[:_START].splitlines()[:_LINES]]
    return max((_known(line, delimiter) for line in lines for delimiter in grids.DELIMITERS), default=0)


def _known(line: str, delimiter: str) -> int:
    return sum(plain(name) in FIELD_OF for name in line.split(delimiter)) if delimiter in line else 0


def _usual(text: str, letters: str) -> int:
    return sum(1 if letter in letters else -1 for letter in text if letter > "\x7f")
