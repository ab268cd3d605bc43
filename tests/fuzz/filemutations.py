"""What is done to a bank file: its lines, tags, numbers, dates and encoding are damaged, beside its bytes and elements."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from random import Random

from electra_kernel.ebics.tree import serialise
from tests.fuzz.mutations import mutated_bytes, mutated_tree

_NUMBERS = (
    b"", b"0", b"-1", b"1e9", b"NaN", b"Infinity", b"999999999999999999", b"99999999999999", b"12345678901234567890123456789",
    b"0,001", b"1.234.567,89", b"1,234.56", b"\xd9\xa3", b"0.0000000001", b"-0", b"9" * 400, b",", b".5", b"5.", b"+7", b"0x1F",
    b"1_000", b"000000", b"99", b"31",
)  # fmt: skip
_DATES = (
    b"000000",
    b"999999",
    b"260230",
    b"20260230",
    b"2026-02-30",
    b"0001-01-01",
    b"9999-12-31",
    b"30.02.2026",
    b"00000000",
)
_LETTERS = (
    b"\xc3\xbc",
    b"\xff",
    b"\x00",
    b"\x1f",
    b"\t",
    b'"',
    b"'",
    b";",
    b":",
    b"?",
    b"/",
    b"\xe2\x80\xae",
    b"\xf0\x9d\x94\x98",
)
_ENCODINGS = ("utf-16", "utf-16-be", "utf-32", "latin-1", "utf-7", "cp500", "cp037", "cp852", "utf-8-sig")
_NUMBER, _ANY_DATE = re.compile(rb"[0-9]+(?:[.,][0-9]+)?"), re.compile(rb"[0-9]{4}-?[0-9]{2}-?[0-9]{2}|[0-9]{6}")
_TAG = re.compile(rb"(?m)^:[0-9]{2}[A-Z]?:|<[A-Z][A-Za-z0-9.]+>|^[0-9A-Z]{2}")
_ENDS = (b"\n", b"\r\n", b"\r", b"\n\n", b"\x85", b"")


def _one(pattern: re.Pattern[bytes], data: bytes, chance: Random, others: tuple[bytes, ...]) -> bytes:
    found = list(pattern.finditer(data))
    if not found:
        return data
    match = chance.choice(found)
    return data[: match.start()] + chance.choice(others) + data[match.end() :]


def _number(data: bytes, chance: Random) -> bytes:
    return _one(_NUMBER, data, chance, _NUMBERS)


def _date(data: bytes, chance: Random) -> bytes:
    return _one(_ANY_DATE, data, chance, _DATES)


def _tag(data: bytes, chance: Random) -> bytes:
    """A tag or record type becomes another of the file, or goes."""
    found = [match[0] for match in _TAG.finditer(data)]
    return _one(_TAG, data, chance, (*found[:40], b"")) if found else data


def _digit(data: bytes, chance: Random) -> bytes:
    """One digit or letter of the file becomes another: sums, check digits and counts no longer agree."""
    place = chance.randrange(max(len(data), 1))
    return data[:place] + chance.choice((b"0", b"1", b"9", b"A", b"z", b" ", b"-", b"}")) + data[place + 1 :]


def _letter(data: bytes, chance: Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(_LETTERS) + data[place:]


def _lines(data: bytes, chance: Random) -> bytes:
    """A line is lost, doubled, moved, cut, lengthened or many."""
    lines = data.splitlines(keepends=True) or [b""]
    place, kind = chance.randrange(len(lines)), chance.randrange(7)
    line = lines[place]
    if kind == 0:
        del lines[place]
    elif kind == 1:
        lines.insert(chance.randrange(len(lines) + 1), line)
    elif kind == 2:
        lines.insert(chance.randrange(len(lines)), lines.pop(place))
    elif kind == 3:
        lines[place] = line[: chance.randrange(len(line) + 1)]
    elif kind == 4:
        lines[place] = (
            line.rstrip(b"\r\n") + chance.choice((b" ", b"X", b"9", b"?20")) * chance.choice((1, 30, 3_000)) + b"\r\n"
        )
    elif kind == 5:
        lines[place] = line * chance.choice((2, 50, 400))
    else:
        chance.shuffle(lines)
    return b"".join(lines)


def _line_ends(data: bytes, chance: Random) -> bytes:
    """Other line ends, the same everywhere or mixed."""
    if chance.random() < 0.5:
        return chance.choice(_ENDS).join(data.splitlines())
    return b"".join(line + chance.choice(_ENDS) for line in data.splitlines())


def _text(data: bytes, chance: Random) -> bytes:
    return data.decode("utf-8", "replace").encode(chance.choice(_ENCODINGS), "replace")


def _cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _twice(data: bytes, chance: Random) -> bytes:
    return data * chance.choice((2, 3))


def _bytes(data: bytes, chance: Random) -> bytes:
    return mutated_bytes(data, chance)


_MUTATIONS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _number, _number, _number, _date, _date, _tag, _digit, _digit, _letter, _lines, _lines, _lines, _line_ends, _text, _cut, _twice,
    _bytes,
)  # fmt: skip


def _archive(data: bytes, chance: Random) -> bytes:
    """A workbook with one of its parts damaged."""
    held, out = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    chosen = chance.choice(held.namelist())
    with zipfile.ZipFile(out, "w") as made:
        for name in held.namelist():
            part = held.read(name)
            if name != chosen or chance.random() < 0.95:
                made.writestr(name, _plain(part, chance) if name == chosen else part)
    return out.getvalue()


def _plain(data: bytes, chance: Random) -> bytes:
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(_MUTATIONS)(data, chance)
    return data


def mutated_file(data: bytes, chance: Random) -> bytes:
    """The file with one to three changes; of XML often its elements, of a workbook often a part inside."""
    if data[:2] == b"PK" and chance.random() < 0.8:
        return _archive(data, chance)
    if data.lstrip()[:1] == b"<" and chance.random() < 0.5:
        root = mutated_tree(data, chance)
        if root is not None:
            return serialise(root)
    return _plain(data, chance)
