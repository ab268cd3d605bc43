"""Grids: the rows of delimited text and of Excel workbooks, whatever they mean. Bytes in, rows of cells out.

What may live here: characters, delimiters, quotation marks, containers and their bounds. No format lives here; what
columns mean is said by ``payments`` and ``sheets``.
"""

from __future__ import annotations

import codecs
import csv
import io
import posixpath
import re
import tomllib
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from electra_kernel.formats import iso, xls_bounds
from electra_kernel.formats.base import unreadable
from electra_kernel.vocabulary.errors import ElectraError, Problem, UnreadableFile
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

Cell: TypeAlias = Any
#: A row's number in its file, and its cells.
Row: TypeAlias = tuple[int, Sequence[Cell]]

DELIMITERS = (",", ";", "\t", "|")
LIMITS: Mapping[str, int] = tomllib.loads(
    files("electra_kernel.formats").joinpath("sheet_limits.toml").read_text("utf-8")
)
#: What a cell with a formula's error holds.
ERROR_CELL = "\x00error"
#: Containers: what begins so and is no workbook is not read as text either.
_NO_TEXT = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_START = 65_536
_LOOKED_AT = 300
#: Letters that are no plain letter with an accent.
_LETTERS = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss", "æ": "ae", "Æ": "AE", "đ": "d", "Đ": "D", "ı": "i", "’": "'"}
)


def plain(name: object) -> str:
    """A header name without case, accents and punctuation, in any script."""
    text = str(name)
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.translate(_LETTERS))
        text = "".join(letter for letter in text if not unicodedata.combining(letter))
    return " ".join(_NO_LETTERS.sub(" ", text.lower()).split())


_NO_LETTERS = re.compile(r"[\W_]+")


def check_size(data: bytes, source: str) -> None:
    """Refuse what is too large, and containers that hold no workbook.

    Raises:
        UnreadableFile: with rule ``size`` or ``format``.
    """
    if len(data) > LIMITS["bytes"]:
        raise unreadable(source, "size", f"The file is larger than {LIMITS['bytes'] // 2**20} MB.", "Split it.")
    if data.startswith(_NO_TEXT) and not is_workbook(data):
        words = f"The file looks like {iso.looks_like(data)}."
        raise unreadable(source, "format", words, "Open it in a spreadsheet program and save it as .xlsx or CSV.")


def may_be_text(data: bytes) -> bool:
    """Whether the bytes are neither XML nor a container."""
    return not iso.looks_like_xml(data) and not data.startswith(_NO_TEXT)


def unread_columns(rows: Sequence[Row], taken: set[int]) -> list[str]:
    """Names of columns that nobody reads although a row has something in them.

    Args:
        rows: the header's row and all below it.
        taken: the places of columns that are read.
    """
    unread = Unread(rows[0][1], taken)
    unread.look(rows[1:])
    return unread.names()


class Unread:
    """Columns that nobody reads, by the header's cells and the places of those that are read."""

    def __init__(self, header: Sequence[Cell], taken: set[int]) -> None:
        self._names = {
            place: str(name).strip() for place, name in enumerate(header) if place not in taken and _filled(name)
        }
        self._left = set(self._names)

    def look(self, rows: Sequence[Row]) -> None:
        """Look at rows for something in them."""
        self._left -= {place for place in self._left if any(place < len(c) and _filled(c[place]) for _, c in rows)}

    def names(self) -> list[str]:
        """The names of those in which something was seen."""
        return [name for place, name in self._names.items() if place not in self._left]


def unread_words(names: Sequence[str]) -> str:
    """The sentence that names such columns."""
    shown = ", ".join(name[:40] for name in names[:20]) + (" …" if len(names) > 20 else "")
    return f"The columns that follow are not read: {shown}."


def _filled(cell: Cell) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip(" \t\r\n\xa0")))


# -------------------------------------------------------------------------------------------------------- text
def decode(data: bytes, *, whole: bool) -> tuple[str, str]:
    """Text and encoding by the rule that ``payments`` states; a character cut at the end of a part is passed over."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(data, "utf-16", whole), "UTF-16"
    if data[:40].count(0) > len(data[:40]) // 3:
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
        return _decoded(data, encoding, whole), "UTF-16"
    try:
        return _decoded(data, "utf-8-sig", whole), "UTF-8"
    except UnicodeDecodeError:
        if re.search(rb"[\x80-\x9f]", data):
            return data.decode("cp1250"), "Windows-1250"
        return data.decode("iso8859-2"), "ISO-8859-2"


def _decoded(data: bytes, encoding: str, whole: bool) -> str:
    return codecs.getincrementaldecoder(encoding)().decode(data, whole)


def text_rows(text: str, delimiter: str, source: str, *, strict: bool = True) -> list[Row]:
    """Every row with the number of its first line; without ``strict`` a quotation mark may stand inside a text.

    Raises:
        UnreadableFile: with rule ``quotes``, where a cell has no end or goes on after its quotation mark.
    """
    return list(each_text_row(text, delimiter, source, strict=strict))


def each_text_row(text: str, delimiter: str, source: str, *, strict: bool = True) -> Iterator[Row]:
    """The same, one after another, so that they need not all be held; an error is raised where its row is reached."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    first = 1
    try:
        for cells in reader:
            yield first, cells
            first = reader.line_num + 1
    except csv.Error as error:
        raise unreadable(
            source,
            "quotes",
            f"A cell that begins here cannot be read: {error}.",
            "Close the quotation mark, or double one inside a cell.",
            position=first,
        ) from error


def first_rows(text: str, delimiter: str, count: int) -> Iterator[Row]:
    """The first rows, as many as can be read of the text's start."""
    reader = csv.reader(io.StringIO(text[:_START], newline=""), delimiter=delimiter)
    try:
        yield from zip(range(count), reader, strict=False)
    except csv.Error:
        return


# ------------------------------------------------------------------------------------------------------- Excel
def is_workbook(data: bytes) -> bool:
    """Whether the bytes are a workbook: Excel's (.xlsx, .xlsm, .xlsb, .xls) or an OpenDocument spreadsheet."""
    return bool(workbook_kind(data))


def workbook_kind(data: bytes) -> str:
    """``xlsx``, ``xlsb``, ``ods`` or ``xls``; empty where it is none of them."""
    if data[:8] == _OLE:
        return "xls" if any(name.encode("utf-16-le") in data for name in ("Workbook", "Book")) else ""
    if data[:4] != b"PK\x03\x04":
        return ""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as container:
            names = set(container.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RecursionError):
        return "xlsx" if b"xl/work" in data else ""  # a workbook that is damaged: reading it says so
    if "content.xml" in names and _SPREADSHEET in data[:200]:
        return "ods"
    return "xlsx" if "xl/workbook.xml" in names else "xlsb" if "xl/workbook.bin" in names else ""


#: The magic number of Microsoft's compound files, and what an OpenDocument container begins with.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SPREADSHEET = b"application/vnd.oasis.opendocument.spreadsheet"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook that has been checked. An error cell holds ``ERROR_CELL``.

    Attributes:
        tab: its name; empty where it is the only one.
        shown: whether it is shown.
        cells: as the library holds them.
        errors: the columns of error cells by row.
    """

    tab: str
    shown: bool
    cells: CalamineSheet
    errors: Mapping[int, Sequence[int]]

    def head(self, count: int = _LOOKED_AT) -> list[Row]:
        """The first rows."""
        return self._numbered(self.cells.to_python(skip_empty_area=False, nrows=count))

    def rows(self) -> list[Row]:
        """All rows, from the first of the sheet on, with as many cells each."""
        return self._numbered(self.cells.to_python(skip_empty_area=False))

    def each(self) -> Iterator[Row]:
        """The same, one after another, so that they need not all be held."""
        before = [""] * self.cells.start[1] if self.cells.start else []
        for number, row in enumerate(self.cells.iter_rows(), 1):
            yield number, _with_errors([*before, *row] if before else row, self.errors.get(number))

    def _numbered(self, cells: Sequence[Sequence[Cell]]) -> list[Row]:
        if not self.errors:
            return list(enumerate(cells, 1))
        return [(number, _with_errors(row, self.errors.get(number))) for number, row in enumerate(cells, 1)]


def sheets(data: bytes, source: str) -> tuple[Sheet, ...]:
    """The sheets of a workbook, those that are shown first.

    Raises:
        UnreadableFile: damaged, or too large when inflated.
    """
    try:
        found = _opened(data)
    except UnreadableFile as error:
        raise UnreadableFile(replace(error.problem, source=source)) from error
    _opened.cache_clear()  # what was kept for telling formats apart is needed no longer
    return found


def in_tab(problems: Sequence[Problem], tab: str) -> Sequence[Problem]:
    """Problems of a sheet that name it, where it is not the only one."""
    return [replace(each, text=f"Sheet {tab!r}: {each.text}") for each in problems] if tab else problems


def heads(data: bytes) -> tuple[list[Row], ...]:
    """The first rows of each sheet of a workbook, to tell what it is; none where it cannot be read."""
    try:
        return tuple(sheet.head() for sheet in _opened(data))
    except UnreadableFile:
        return ()


@lru_cache(maxsize=1)
def _opened(data: bytes) -> tuple[Sheet, ...]:
    """The sheets of a workbook, kept from telling what it is until it is read."""
    errors = _check_container(data, "")
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        shown = {each.name: each.visible == SheetVisibleEnum.Visible for each in workbook.sheets_metadata}
        names = workbook.sheet_names
        found = [
            Sheet(
                tab=name if len(names) > 1 else "",
                shown=shown.get(name, True),
                cells=workbook.get_sheet_by_name(name),
                errors=errors.get(name, {}),
            )
            for name in names
        ]
    except (CalamineError, ValueError, OSError) as error:
        raise _broken_workbook("", str(error)) from error
    except BaseException as error:  # a Rust panic arrives as a BaseException of its own
        if type(error).__name__ != "PanicException":
            raise
        raise _broken_workbook("", "its structure is damaged") from error
    return tuple(sorted(found, key=lambda sheet: not sheet.shown))


def _broken_workbook(source: str, cause: str) -> ElectraError:
    return unreadable(
        source, "workbook", f"The Excel workbook cannot be read: {cause[:100]}.", "Open it in Excel and save it again."
    )


def _with_errors(row: Sequence[Cell], columns: Sequence[int] | None) -> Sequence[Cell]:
    if not columns:
        return row
    width = max(len(row), max(columns) + 1)
    cells = [*row, *[""] * (width - len(row))]
    for column in columns:
        cells[column] = ERROR_CELL
    return cells


_ERROR_TAG = re.compile(rb'<c\s(?=[^>]*\bt="e")[^>]*\br="([A-Z]{1,3})([0-9]{1,7})"')


def _check_container(data: bytes, source: str) -> dict[str, dict[int, list[int]]]:
    """Inflate every part once under a cap, and find the cells with errors: sheet name, row, column indices."""
    errors: dict[str, dict[int, list[int]]] = {}
    kind = workbook_kind(data)
    if kind == "xls":
        _check_old(data, source)
        return errors
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as container:
            _check_inflated(container, source)
            named = _sheets(container) if kind == "xlsx" else []
            if kind == "ods":
                _check_repeats(container.read("content.xml"), source)
            if kind == "xlsb":
                _check_binary(container, source)
            texts = _Shared(container) if kind == "xlsx" else None
            read = {path for _, path in named} | ({texts.part} if texts else set())
            for part in container.infolist():
                if part.filename not in read and not part.is_dir():
                    _check_part(container, part)
            for name, path in named:
                sheet = container.read(path)
                errors[name] = _errors_in(sheet, name, source)
                if texts is not None:
                    texts.check(sheet, source)
    except (zipfile.BadZipFile, KeyError, HostileXml, ValueError, OSError, EOFError, NotImplementedError) as error:
        raise _broken_workbook(source, str(error)) from error
    except (RuntimeError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise _broken_workbook(source, str(error)) from error
    return errors


def _check_old(data: bytes, source: str) -> None:
    """Refuse an .xls whose sheets take too much memory."""
    try:
        small = len(data) <= LIMITS["old_bytes"]
        found = xls_bounds.taken(data) if small else xls_bounds.Taken(0, 0)
    except ValueError as error:
        raise _broken_workbook(source, str(error)) from error
    if not small or found.cells > LIMITS["old_cells"] or found.texts > LIMITS["texts"]:
        said = "The .xls workbook is too large to be read, or its cells lie too far apart."
        raise unreadable(source, "size", said, "Save it as .xlsx, without what stands far from the rows.")


def _check_inflated(container: zipfile.ZipFile, source: str) -> None:
    if sum(part.file_size for part in container.infolist()) > LIMITS["inflated"]:
        raise unreadable(
            source,
            "size",
            f"The workbook inflates to more than {LIMITS['inflated'] // 2**20} MB.",
            "Split it, or save it again without unused sheets.",
        )


class _Shared:
    """The texts that cells share; in the library's hands each cell has its own, so a few long ones can fill any memory."""

    def __init__(self, container: zipfile.ZipFile) -> None:
        #: The name of their part; empty where there is none.
        self.part = next((name for name in container.namelist() if name.lower() == "xl/sharedstrings.xml"), "")
        whole = container.read(self.part) if self.part else b""
        self._whole, self._taken = whole, 0
        self._longest = max(map(len, whole.split(b"si>")))

    def check(self, sheet: bytes, source: str) -> None:
        """Refuse texts that would take too much, with those of the sheets before; the markup counts as text."""
        # Counting end tags is quick (a cell with a text has two), and up to half of what may be no text needs a look.
        most = self._taken + self._longest * (sheet.count(b"</") // 2)
        if most <= LIMITS["texts"] // 2:
            self._taken = most
            return
        lengths = list(map(len, re.split(rb"<(?:\w+:)?si[\s>]", self._whole)[1:]))
        for match in _INDEX.finditer(sheet):
            index = int(match[1])
            self._taken += lengths[index] if index < len(lengths) else 0
            if self._taken > LIMITS["texts"]:
                said = "The cells of the workbook repeat long texts too often to be read."
                raise unreadable(source, "size", said, "Shorten the texts, or split the workbook.")


_INDEX = re.compile(rb"<(?:\w+:)?v[^>]*>\s*([0-9]{1,9})\s*<")


def _errors_in(sheet: bytes, name: str, source: str) -> dict[int, list[int]]:
    if not _may_be_strange(sheet):
        return {}
    _check_area(sheet, name, source)
    return _error_cells(sheet)


def _check_part(container: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Read a part to its end, which checks its sum."""
    with container.open(part) as stream:
        while stream.read(1_048_576):
            pass


def _sheets(container: zipfile.ZipFile) -> list[tuple[str, str]]:
    """Names of the sheets and the paths of their parts."""
    relations = {
        str(relation.get("Id")): str(relation.get("Target"))
        for relation in parse_xml(container.read("xl/_rels/workbook.xml.rels"))
    }
    known = {name.lower(): name for name in container.namelist()}
    found = []
    for sheet in parse_xml(container.read("xl/workbook.xml")).iter("{*}sheet"):
        key = next((str(value) for name, value in sheet.attrib.items() if str(name).endswith("}id")), "")
        target = relations.get(key, "")
        # Programs write targets from the root with and without a slash; readers take both, and any case.
        paths = dict.fromkeys(posixpath.normpath(path).lower() for path in (target.lstrip("/"), f"xl/{target}"))
        found += [(str(sheet.get("name")), known[path]) for path in paths if path in known]
    return found


_REPEATS = re.compile(rb"""number-(rows|columns)-repeated\s*=\s*["']\s*([0-9]+)""")
_FILLED = re.compile(rb"(?:office:value|<text:p)")


def _check_repeats(content: bytes, source: str) -> None:
    """Refuse an OpenDocument sheet that repeats rows or cells with something in them beyond measure.

    Programs repeat empty rows and cells to the end of the sheet, which costs nothing; only repeats of something count.
    """
    rows = columns = 1
    for match in _REPEATS.finditer(content):
        count, is_row = int(match[2][:9]), match[1] == b"rows"
        until = content.find(b"table-row>" if is_row else b"table-cell", match.end())
        if count > 1 and _FILLED.search(content, match.end(), until if until >= 0 else len(content)):
            rows, columns = (max(rows, count), columns) if is_row else (rows, max(columns, count))
    if rows * columns > LIMITS["repeated"]:
        raise unreadable(source, "size", "The sheet repeats cells too often to be read.", "Save it as .xlsx.")


def _check_binary(container: zipfile.ZipFile, source: str) -> None:
    """Refuse a binary workbook (.xlsb) of which a sheet says that it spans too much (BrtWsDim, record 148)."""
    for part in container.infolist():
        if not part.filename.startswith("xl/worksheets/") or not part.filename.endswith(".bin"):
            continue
        head = container.read(part)
        at = head.find(b"\x94\x01\x10")
        first, last, left, right = (int.from_bytes(head[at + 3 + 4 * index :][:4], "little") for index in range(4))
        if at < 0 or part.file_size > LIMITS["binary"] or (last - first + 1) * (right - left + 1) > LIMITS["cells"]:
            raise unreadable(source, "size", "The binary workbook is too large to be read.", "Save it as .xlsx.")


#: A reference that may lead far out: of two or more letters, or of a million rows or more.
_FAR = re.compile(rb"""\br\s*=\s*["'](?:[A-Z]{2,}[0-9]|[A-Z]*[0-9]{7})""", re.IGNORECASE)
#: The same, or the type of an error cell.
_STRANGE = r"""\br\s*=\s*["'](?:[A-Za-z]{2,}[0-9]|[A-Za-z]*[0-9]{7})|\bt\s*=\s*["']e["']"""
_PLACES = re.compile(rb"""\br\s*=\s*["']([A-Z]*)([0-9]+)["']""", re.IGNORECASE)
#: Excel's own limits (ECMA-376); whoever names a place beyond them would have all of it held in memory.
_MAX_ROWS, _MAX_LETTERS = 1_048_576, 3


def _check_area(sheet: bytes, name: str, source: str) -> None:
    """Refuse a sheet whose outermost cells span too much; one of 26 columns and less than a million rows never does."""
    if not _FAR.search(sheet):
        return
    letters, rows = {b"A"}, 0
    for match in _PLACES.finditer(sheet):
        letters.add(match[1][: _MAX_LETTERS + 1])
        rows = max(rows, int(match[2][:20]))
    widest = 1 + max(_column_index(column.decode().upper()) for column in letters)
    if rows * widest > LIMITS["cells"] or rows > _MAX_ROWS or max(map(len, letters)) > _MAX_LETTERS:
        raise unreadable(
            source,
            "size",
            f"The sheet {name[:31]!r} has cells so far apart that it cannot be read.",
            "Delete what stands far below or far to the right of the payments.",
        )


def _may_be_strange(sheet: bytes) -> bool:
    """Whether a place may lie far out or a cell may hold an error: one quick look (RE2 scans in one pass)."""
    offsets = pa.py_buffer(np.array([0, len(sheet)], np.int64).tobytes())
    whole = pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(sheet)])
    return bool(pc.match_substring_regex(whole, _STRANGE)[0].as_py())


def _error_cells(sheet: bytes) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    if b't="e"' in sheet:
        for match in _ERROR_TAG.finditer(sheet):
            found.setdefault(int(match[2]), []).append(_column_index(match[1].decode()))
    return found


def _column_index(letters: str) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1
