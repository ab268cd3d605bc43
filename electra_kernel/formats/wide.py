"""Text in UTF-16 with a byte order mark, as programs of Windows save it, is read as the same text in UTF-8: one rule for every
format of text. No format lives here.

XML stays as it is: it says its encoding itself, and its problems stand at the bytes as they came.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from electra_kernel.formats.base import Format, Reading
from electra_kernel.statements.columns import StatementTables
from electra_kernel.statements.tables import problems_of
from electra_kernel.vocabulary.errors import Problem

_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: Bytes in which text other than blanks begins.
_HEAD = 512


def narrowed(data: bytes) -> bytes:
    """A file as UTF-8 where it is text in UTF-16 with a mark, itself where not.

    ASCII gets no mark, other text the mark of UTF-8. What is no character becomes U+FFFD.
    """
    if (
        data[:2] not in _MARKS
        or data.startswith(codecs.BOM_UTF32_LE)
        or _decoded(data[:_HEAD]).lstrip().startswith("<")
    ):
        return data
    text = _decoded(data)
    return text.encode() if text.isascii() else codecs.BOM_UTF8 + text.encode()


def either_width(known: Format) -> Format:
    """A format whose readers take text in UTF-16, too."""
    return replace(
        known, read=_reader(known.read), tables=_tables_reader(known.tables) if known.tables is not None else None
    )


def _decoded(data: bytes) -> str:
    return data.decode("utf-16", "replace").lstrip("\ufeff")


def _reader(read: Callable[[bytes, str], Reading]) -> Callable[[bytes, str], Reading]:
    def read_either(data: bytes, source: str) -> Reading:
        narrow = narrowed(data)
        reading = read(narrow, source)
        broken = () if narrow is data else _broken(data, source)
        return replace(reading, problems=(*broken, *reading.problems)) if broken else reading

    return read_either


def _tables_reader(read: Callable[[bytes, str], StatementTables]) -> Callable[[bytes, str], StatementTables]:
    def read_either(data: bytes, source: str) -> StatementTables:
        narrow = narrowed(data)
        tables = read(narrow, source)
        broken = () if narrow is data else _broken(data, source)
        if not broken:
            return tables
        return replace(tables, problems=pa.concat_tables([problems_of(broken), tables.problems]))

    return read_either


def _broken(data: bytes, source: str) -> tuple[Problem, ...]:
    """What is said of a file in UTF-16 that is cut or damaged."""
    try:
        data.decode("utf-16")
    except UnicodeDecodeError as error:
        line = data[: error.start].decode("utf-16", "replace").count("\n") + 1
        said = f"In line {line} the UTF-16 of the file is cut or damaged; what is no character is shown as \ufffd."
        return (
            Problem(
                source=source,
                position=line,
                field="file",
                rule="character-set",
                text=said,
                repair="Fetch or export the file again.",
            ),
        )
    return ()
