"""The fast way from camt.053 into the ledger's columns: bytes to Arrow without an object an entry.

xml2arrow reads the entries while the bytes are looked through for what it would not see; the statements' heads are
parsed from the file with its entries cut out. Columns are made by whole-column arithmetic. An entry that is anything
but plain (an odd amount, date or mark, odd charges, payments that do not add up …) is cut out and given to
``camt053.read_entry``, so what an entry says, and every problem it has, is decided in one place only. A file that is
anything but plain (comments, CDATA, repeated elements) is read the exact way as a whole. Both ways give the same cells.
"""

from __future__ import annotations

import codecs
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree
from xml2arrow import XmlToArrowParser
from xml2arrow.exceptions import Xml2ArrowError

from electra_kernel.formats import camt053, iso
from electra_kernel.formats.base import Problems
from electra_kernel.statements.columns import AMOUNT, DETAILS, ENTRIES, RATE, StatementTables
from electra_kernel.statements.keys import entry_ids
from electra_kernel.statements.model import Entry, Statement
from electra_kernel.statements.proof import continuity, prove_totals
from electra_kernel.statements.tables import balances_of, details_of, entries_of, problems_of, tables_of, with_ids
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

Column: TypeAlias = pa.Array
Indices: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

_CHUNK = 4 * 2**20


def read_tables(data: bytes, source: str) -> StatementTables:
    """Read a file into the ledger's columns.

    Args:
        data: the file's bytes; kept whole in memory once, beside the tables.
        source: SHA-256 of the archived bytes, or the file's name.

    Raises:
        UnreadableFile: not such a message, or broken so that nothing can be used; nothing half read is returned.
    """
    try:
        text = _as_utf8(data)
        path = iso.head(text).path_to(camt053.BODY)
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(_parse, path, text)
            skeleton = _Skeleton(text, path)
            _check_characters(text)
            tables = future.result()
        return _Fast(data, text, source, skeleton, tables).tables()
    except (_NotPlain, HostileXml):
        # The exact way knows what to make of it, or refuses it with place and cause.
        reading = camt053.read(data, source)
        return tables_of(reading.statements, source, reading.problems)


class _NotPlain(Exception):
    """The file holds something that the fast way does not read."""


def _parse(path: str, text: bytes) -> Mapping[str, pa.RecordBatch]:
    try:
        tables: Mapping[str, pa.RecordBatch] = _parser_for(path).parse(text)
    # xml2arrow lets TypeError and Arrow's own errors through for some malformed documents.
    except (Xml2ArrowError, pa.ArrowException, TypeError) as error:
        raise _NotPlain from error
    return tables


# ------------------------------------------------------------------------------------------- the bytes themselves
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["'][^>]*\?>""")


#: Character sets that Python decodes as an XML parser does. It knows codecs beside them that are none of XML's, some of
#: which take the square of the length.
_CHARACTER_SET = re.compile(r"utf-16|iso-8859-[0-9]{1,2}|windows-125[0-9]")


def _as_utf8(data: bytes) -> bytes:
    """The document as UTF-8 with plain line ends; the same object where it is that already."""
    encoding = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else ""
    declared = _DECLARED.match(data[:512])
    if declared is not None:
        encoding = declared[1].decode().lower()
    elif not encoding and 0 in data[:4]:
        raise _NotPlain
    if encoding not in ("", "utf-8", "utf8", "us-ascii"):
        if not _CHARACTER_SET.fullmatch(encoding):
            raise _NotPlain
        data = _transcoded(data, encoding)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data


def _transcoded(data: bytes, encoding: str) -> bytes:
    try:
        text = data.decode(encoding)
    except (LookupError, UnicodeError) as error:
        raise _NotPlain from error
    return re.sub(r"^\ufeff?\s*<\?xml.*?\?>", "", text, count=1, flags=re.DOTALL).encode()


_CONTROLS = bytes(code for code in range(32) if code not in (9, 10, 13))
_STRANGE_REFERENCE = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)")


def _check_characters(text: bytes) -> None:
    """What a strict parser refuses anywhere in a document, and xml2arrow in the columns it reads only."""
    if _STRANGE_REFERENCE.search(text) or b"]]>" in text:
        raise _NotPlain
    decoder = codecs.getincrementaldecoder("utf-8")() if not text.isascii() else None
    for start in range(0, len(text), _CHUNK):
        piece = text[start : start + _CHUNK]
        if len(piece.translate(None, _CONTROLS)) != len(piece):
            raise _NotPlain
        if decoder is not None:
            try:
                decoded = decoder.decode(piece, start + _CHUNK >= len(text))
            except UnicodeDecodeError as error:
                raise _NotPlain from error
            if "\ufffe" in decoded or "\uffff" in decoded:
                raise _NotPlain


def _declarations(text: bytes, start: int, mark: bytes) -> bool:
    """Whether ``<`` followed by ``mark`` stands anywhere after ``start``; the rare second character is searched."""
    at = text.find(mark, start)
    while at > 0:
        if text[at - 1] == 0x3C:
            return True
        at = text.find(mark, at + 1)
    return False


class _Skeleton:
    """The document without its entries: heads, and where in the bytes each entry starts and ends."""

    def __init__(self, text: bytes, path: str) -> None:
        first = re.search(rb"<((?:[\w.-]+:)?)Ntry[ >/\t\r\n]", text)
        self.prefix = first[1] if first else b""
        self.starts, self.ends = self._entries(text)
        body_starts = self.starts[0] if self.starts else len(text)
        if _declarations(text, body_starts, b"!") or _declarations(text, body_starts, b"?"):
            raise _NotPlain
        edges = zip([0, *self.ends], [*self.starts, len(text)], strict=True)
        pieces = [text[end:start] for end, start in edges]
        self.root = parse_xml(b"".join(pieces))
        bodies = list(self.root.iter("{*}" + camt053.BODY))
        if len(bodies) != 1:
            raise _NotPlain
        self.body = bodies[0]
        chain = [self.body, *self.body.iterancestors()]
        if path != "/" + "/".join(etree.QName(element.tag).localname for element in reversed(chain)):
            raise _NotPlain

    def _entries(self, text: bytes) -> tuple[list[int], list[int]]:
        """Where each entry starts and ends; refused where the tags do not come in pairs, one after the other."""
        name = self.prefix + b"Ntry"
        found = [match.start() for match in re.finditer(re.escape(name) + rb"[ >/\t\r\n]", text)]
        at, letters = np.asarray(found, np.int64), np.frombuffer(text, np.uint8)
        if not len(at) or at[0] < 2:
            return [], []
        before, two_before = letters[at - 1], letters[at - 2]
        opening = before == ord("<")
        closing = (before == ord("/")) & (two_before == ord("<"))
        at, opening = at[opening | closing], opening[opening | closing]
        ends = at[1::2] + len(name) + 1
        if len(at) % 2 or not opening[::2].all() or opening[1::2].any() or (letters[ends - 1] != ord(">")).any():
            raise _NotPlain
        return (at[::2] - 1).tolist(), ends.tolist()


# --------------------------------------------------------------------------------------------- what xml2arrow reads
_SIDES = ("Dbtr", "Cdtr")
_CODES = ("BkTxCd/Domn/Cd", "BkTxCd/Domn/Fmly/Cd", "BkTxCd/Domn/Fmly/SubFmlyCd")
_RATES = tuple(f"AmtDtls/{kind}/CcyXchg/XchgRate" for kind in ("InstdAmt", "TxAmt", "CntrValAmt"))
_BOTH = (
    "Amt",
    "Amt/@Ccy",
    "CdtDbtInd",
    "AmtDtls/InstdAmt/Amt",
    "AmtDtls/InstdAmt/Amt/@Ccy",
    *_RATES,
    *_CODES,
    "BkTxCd/Prtry/Cd",
)
_ENTRY_FIELDS = (
    *("NtryRef", "RvslInd", "Sts", "Sts/Cd", "Sts/Prtry", "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm"),
    *("AcctSvcrRef", "AddtlNtryInf"),
    *_BOTH,
)
_SIDE_FIELDS = (
    *("{0}/Nm", "{0}/Pty/Nm", "{0}/Agt/FinInstnId/Nm", "Ultmt{0}/Nm", "Ultmt{0}/Pty/Nm"),
    *("{0}Acct/Id/IBAN", "{0}Acct/Id/Othr/Id"),
)
_DETAIL_FIELDS = (
    *(
        "Refs/AcctSvcrRef",
        "Refs/EndToEndId",
        "Refs/MndtId",
        "AmtDtls/TxAmt/Amt",
        "AmtDtls/TxAmt/Amt/@Ccy",
        "AddtlTxInf",
    ),
    *("RltdPties/Cdtr/Id/PrvtId/Othr/Id", "RltdPties/Cdtr/Pty/Id/PrvtId/Othr/Id"),
    *(f"RltdPties/{path.format(side)}" for side in _SIDES for path in _SIDE_FIELDS),
    *(f"RltdAgts/{side}Agt/FinInstnId/{bic}" for side in _SIDES for bic in ("BICFI", "BIC")),
    *_BOTH,
)
_REMITTANCE_FIELDS = ("Ustrd", "Strd/CdtrRefInf/Ref", "Strd/AddtlRmtInf")
_ADDRESS_FIELDS = ("StrtNm", "BldgNb", "PstCd", "TwnNm", "Ctry", "AdrLine")
_ADDRESSES = tuple(f"{side}/{inside}PstlAdr" for side in _SIDES for inside in ("", "Pty/"))


@lru_cache(maxsize=16)
def _parser_for(path: str) -> XmlToArrowParser:
    """The parser for statements below ``path``; xml2arrow takes its tables from a file only."""
    entry = f"{path}/Stmt/Ntry"
    detail = f"{entry}/NtryDtls/TxDtls"
    tables = [
        _table("statements", path, ("stmt",), "", ()),
        _table("entries", f"{path}/Stmt", ("stmt", "ntry"), entry, _ENTRY_FIELDS),
        _table("details", f"{entry}/NtryDtls", ("stmt", "ntry", "tx"), detail, _DETAIL_FIELDS),
        _table("remittance", f"{detail}/RmtInf", _CHILD, f"{detail}/RmtInf", _REMITTANCE_FIELDS),
        *(
            _table(name, f"{detail}/RltdPties/{name}", _CHILD, f"{detail}/RltdPties/{name}", _ADDRESS_FIELDS)
            for name in _ADDRESSES
        ),
    ]
    for name, levels in _CHARGES.items():
        below = f"{entry}/{name}"
        tables.append(_table(name, below, levels, below, (*_RECORD, "TtlChrgsAndTaxAmt")))
        tables.append(_table(f"{name}/Rcrd", f"{below}/Rcrd", (*levels, "part"), f"{below}/Rcrd", _RECORD))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as config:
        config.write("tables:\n" + "".join(tables))
        config.flush()
        return XmlToArrowParser(config.name)


_CHILD = ("stmt", "ntry", "tx", "child")
_RECORD = ("Amt", "Amt/@Ccy", "CdtDbtInd")
_CHARGES = {"Chrgs": ("stmt", "ntry", "child"), "NtryDtls/TxDtls/Chrgs": _CHILD}


def _table(name: str, path: str, levels: Sequence[str], below: str, names: Sequence[str]) -> str:
    rows = "".join(
        f'      - {{name: "{field}", xml_path: "{below}/{field}", data_type: Utf8, nullable: true}}\n'
        for field in names
    )
    fields = f"    fields:\n{rows}" if rows else "    fields: []\n"
    return f'  - name: "{name}"\n    xml_path: "{path}"\n    levels: [{", ".join(levels)}]\n{fields}'


class _Columns:
    """One table of texts by path: trimmed, empty ones null; a column that is null throughout is told by ``has``."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        self._columns: dict[str, Column] = {}
        self.rows: int = batch.num_rows

    def has(self, path: str) -> bool:
        return bool(self._batch.column(path).null_count < self.rows)

    def level(self, name: str) -> Indices:
        return np.asarray(self._batch.column(f"<{name}>").to_numpy(), dtype=np.int64)

    def __getitem__(self, path: str) -> Column:
        if path not in self._columns:
            column = self._batch.column(path)
            if self.has(path):
                column = pc.ascii_trim(column, characters=" \t\r\n")
                if pc.min(pc.binary_length(column)).as_py() == 0:
                    column = pc.if_else(pc.equal(column, ""), _NULL_TEXT, column)
            self._columns[path] = column
        return self._columns[path]

    def first(self, *paths: str) -> Column:
        """The first text that is not null among several paths, row by row."""
        present = [path for path in paths if self.has(path)]
        if not present:
            return pa.nulls(self.rows, pa.string())
        return self[present[0]] if len(present) == 1 else pc.coalesce(*(self[path] for path in present))


# -------------------------------------------------------------------------------------------------- column tools
_NULL_TEXT = pa.scalar(None, pa.string())


def _mask(column: Any) -> Mask:
    """A boolean column as a mask; null counts as false."""
    values: Mask = np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), dtype=np.bool_)
    return values


def _mapped(column: Column, work: Any, kind: pa.DataType) -> Column:
    """``work`` of every different text, spread over the rows; for columns with few different texts."""
    coded = column.dictionary_encode()
    values = pa.array([None if text is None else work(text) for text in coded.dictionary.to_pylist()], kind)
    return values.take(coded.indices)


def _decimals(column: Column, pattern: str, kind: pa.DataType) -> tuple[Column, Mask]:
    """Numbers of the texts that match, null for the others, and which rows hold a text that does not match."""
    if column.null_count == len(column):
        return pa.nulls(len(column), kind), np.zeros(len(column), np.bool_)
    good = pc.match_substring_regex(column, pattern)
    return pc.if_else(good, column, _NULL_TEXT).cast(kind), _mask(pc.invert(good))


#: Holds any sum of amounts, and the sum or difference of two such.
_SUM = pa.decimal128(36, 5)
_LARGEST = Decimal("9999999999999.99999")
_AMOUNT_PATTERN = r"^[0-9]{1,13}(\.[0-9]{1,5})?$"
_RATE_PATTERN = r"^[0-9]{1,8}(\.[0-9]{1,10})?$"


def _dates(column: Column) -> tuple[Column, Mask]:
    """Dates, and which rows hold a text that is none."""
    days = _mapped(column, iso.date_or_none, pa.date32())
    return days, _mask(pc.and_(pc.is_valid(column), pc.is_null(days)))


def _signed(amounts: Column, positive: Mask) -> Column:
    return pc.if_else(pa.array(positive), amounts, pc.negate(amounts)).cast(AMOUNT)


def _joined(parts: Sequence[Column], separator: str) -> Column:
    """Texts side by side, without the null ones; null where all are.

    Pair by pair: Arrow's own way of skipping nulls loses the rows in which every part is null.
    """
    present = [part for part in parts if part.null_count < len(part)] or list(parts[:1])
    joined = present[0]
    for part in present[1:]:
        joined = pc.coalesce(pc.binary_join_element_wise(joined, part, separator), joined, part)
    return joined


def _gathered(owners: Indices, texts: Column, rows: int, separator: str) -> Column:
    """All texts of one owner joined, in order, for each of ``rows`` owners; null where it has none."""
    there = _mask(pc.is_valid(texts))
    owners = owners[there]
    if not len(owners):
        return pa.nulls(rows, pa.string())
    texts = texts.filter(pa.array(there)) if len(owners) < len(texts) else texts
    if np.any(np.diff(owners) < 0):
        raise _NotPlain
    counts = np.bincount(owners, minlength=rows)
    offsets = np.concatenate(([0], np.cumsum(counts)))
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts)
    return pc.if_else(pa.array(counts > 0), pc.binary_join(lists, separator), _NULL_TEXT)


def _at(column: Column, places: Indices) -> Column:
    """The values at some places; null where the place is negative."""
    if not len(column):
        return pa.nulls(len(places), column.type)
    return column.take(pa.array(places, mask=places < 0))


@dataclass(frozen=True, slots=True)
class _Records:
    """Charges that have an amount: whose each is, its texts, and the owners of records that repeat an element."""

    owners: Indices
    amounts: Column
    currencies: Column
    marks: Column
    unclear: Indices


def _records(raw: _Columns, level: str, owners: Indices) -> _Records:
    """The records of a table that has a row for each child of a record; the children are counted in ``level``."""
    record = np.cumsum(raw.level(level) == 0) - 1
    there, marked = _mask(pc.is_valid(raw["Amt"])), _mask(pc.is_valid(raw["CdtDbtInd"]))
    twice = [record[mask][np.diff(record[mask], prepend=-1) == 0] for mask in (there, marked)]
    mark = np.full(len(owners), -1, np.int64)
    mark[record[marked]] = np.flatnonzero(marked)
    first = np.flatnonzero(np.diff(record, prepend=-1))
    return _Records(
        owners=owners[there],
        amounts=raw["Amt"].filter(pa.array(there)),
        currencies=raw["Amt/@Ccy"].filter(pa.array(there)),
        marks=_at(raw["CdtDbtInd"], mark[record[there]]),
        unclear=owners[first[np.concatenate(twice)]],
    )


# ----------------------------------------------------------------------------------------------------- the columns
@dataclass(frozen=True, slots=True)
class _Details:
    """The details' columns, the entry of each, and where each entry's begin."""

    columns: Mapping[str, Column]
    entry: Indices
    counts: Indices
    firsts: Indices


class _Fast:
    """Makes the tables of one plain file."""

    def __init__(
        self, data: bytes, text: bytes, source: str, skeleton: _Skeleton, tables: Mapping[str, pa.RecordBatch]
    ) -> None:
        self._data, self._text, self._source, self._skeleton = data, text, source, skeleton
        self._raw = {name: _Columns(batch) for name, batch in tables.items()}
        self._entries = self._raw["entries"]
        self._rows = self._entries.rows
        if self._rows != len(skeleton.starts):
            raise _NotPlain
        #: Entries that the exact way reads.
        self._odd: Mask = np.zeros(self._rows, np.bool_)
        self._problems = Problems(source)
        self._heads = self._read_heads()

    def _read_heads(self) -> list[Statement]:
        skeleton = self._skeleton
        namespace = etree.QName(skeleton.body.tag).namespace or ""
        version = iso.check_version(namespace, self._source, camt053.BODY, camt053.VERSIONS)
        self._nsmap = [dict(element.nsmap) for element in skeleton.body.iterfind("{*}Stmt")]
        iso.plain_names(skeleton.body)
        iso.Message(skeleton.body, version, bool(iso.version_in(namespace))).warn_unnamed(self._problems)
        elements = skeleton.body.findall("Stmt")
        statement = self._entries.level("stmt")
        self._counts = np.bincount(statement, minlength=len(elements))
        if len(self._counts) > len(elements):
            raise _NotPlain
        self._statement = statement
        return [
            camt053.read_head(element, int(count), self._problems)
            for element, count in zip(elements, self._counts, strict=True)
        ]

    def tables(self) -> StatementTables:
        """All four tables, with the problems of heads, entries and proof in this order."""
        camt053.check_any(self._heads, self._source)
        found = Problems(self._source)
        merged = self._with_odd_ones(self._plain_ones(), found)
        ids = entry_ids(merged.entries)
        heads = self._with_currencies(merged)
        totals = self._totals(merged)
        self._problems.extend(found.rows())
        for number, head in enumerate(heads):
            self._problems.extend(prove_totals(head, totals.get(number, {}), self._source))
        self._problems.extend(continuity(heads, self._source))
        owners = np.searchsorted(merged.numbers, merged.owners)
        return StatementTables(
            entries=with_ids(merged.entries, ids),
            details=with_ids(merged.details, ids.take(pa.array(owners, pa.int64()))),
            balances=balances_of(heads),
            problems=problems_of(self._problems.rows()),
        )

    # ------------------------------------------------------------------------------------------ whole columns
    def _plain_ones(self) -> _Rows:
        entries, details = self._entry_columns(), self._detail_columns()
        entries["charges"] = self._charges("Chrgs", self._rows, self._entry_of)
        charged = self._charges("NtryDtls/TxDtls/Chrgs", len(details.entry), self._owners, details.entry)
        details = replace(details, columns={**details.columns, "charges": charged})
        self._check_sums(entries, details)
        numbers = np.flatnonzero(~self._odd)
        table = self._entry_table(entries, details)
        batched = (details.counts[details.entry] > 1) & ~self._odd[details.entry]
        return _Rows(
            entries=table.filter(pa.array(~self._odd)) if self._odd.any() else table,
            details=self._detail_table(entries, details, np.flatnonzero(batched)),
            numbers=numbers,
            owners=details.entry[batched],
        )

    def _entry_columns(self) -> dict[str, Column]:
        raw = self._entries
        positive, unmarked = self._signs(raw["CdtDbtInd"])
        amounts, odd = _decimals(raw["Amt"], _AMOUNT_PATTERN, AMOUNT)
        reversal = _mapped(raw["RvslInd"], camt053.REVERSAL.get, pa.bool_())
        booked, odd_booked = _dates(raw.first("BookgDt/Dt", "BookgDt/DtTm"))
        valued, odd_valued = _dates(raw.first("ValDt/Dt", "ValDt/DtTm"))
        status = raw.first("Sts/Cd", "Sts", "Sts/Prtry")
        self._odd |= odd | odd_booked | odd_valued | unmarked | _mask(pc.is_null(amounts)) | _mask(pc.is_null(status))
        self._odd |= _mask(pc.is_null(raw["Amt/@Ccy"]))
        self._odd |= _mask(pc.and_(pc.is_valid(raw["RvslInd"]), pc.is_null(reversal)))
        own = pa.array([head.currency or None for head in self._heads], pa.string()).take(pa.array(self._statement))
        shared, odd_shared = _shared(raw, positive)
        self._odd |= odd_shared
        self._positive, self._reversal = positive, _mask(reversal)
        return {
            **shared,
            "currency": pc.coalesce(raw["Amt/@Ccy"], own),
            "booking_date": booked,
            "value_date": valued,
            "status": status,
            "amount": _signed(amounts, positive),
            "reversal": pa.array(self._reversal),
            "bank_reference": raw["AcctSvcrRef"],
            "entry_reference": raw["NtryRef"],
            "additional_information": raw["AddtlNtryInf"],
        }

    def _signs(self, marks: Column) -> tuple[Mask, Mask]:
        """Which rows are credits, and which have neither mark."""
        credit, debit = _mask(pc.equal(marks, "CRDT")), _mask(pc.equal(marks, "DBIT"))
        return credit, ~(credit | debit)

    def _detail_columns(self) -> _Details:
        raw = self._raw["details"]
        before = np.concatenate(([0], np.cumsum(self._counts)))
        entry = before[raw.level("stmt")] + raw.level("ntry")
        counts = np.bincount(entry, minlength=self._rows)
        if len(counts) > self._rows or np.any(np.diff(entry) < 0):
            raise _NotPlain
        # The payments are numbered within each NtryDtls: an entry with several of these goes the exact way.
        self._odd |= np.bincount(entry[raw.level("tx") == 0], minlength=self._rows) > 1
        self._before, self._firsts = before, np.concatenate(([0], np.cumsum(counts)[:-1])) if self._rows else counts
        marked, unmarked = self._signs(raw["CdtDbtInd"])
        self._flag(entry, unmarked & _mask(pc.is_valid(raw["CdtDbtInd"])))
        positive = np.where(unmarked, self._positive[entry], marked)
        amounts, odd = _decimals(raw.first("Amt", "AmtDtls/TxAmt/Amt"), _AMOUNT_PATTERN, AMOUNT)
        shared, odd_shared = _shared(raw, positive)
        currency = pc.if_else(pc.is_valid(raw["Amt"]), raw["Amt/@Ccy"], raw["AmtDtls/TxAmt/Amt/@Ccy"])
        self._flag(entry, odd | odd_shared | _mask(pc.and_(pc.is_valid(amounts), pc.is_null(currency))))
        debtor_is_other = pa.array(self._positive[entry] != self._reversal[entry])
        mandate = raw["Refs/MndtId"]
        creditor = raw.first("RltdPties/Cdtr/Id/PrvtId/Othr/Id", "RltdPties/Cdtr/Pty/Id/PrvtId/Othr/Id")
        sides = {side: self._side(side, entry) for side in _SIDES}
        other = {name: _either(debtor_is_other, sides["Dbtr"][name], sides["Cdtr"][name]) for name in sides["Dbtr"]}
        columns = {
            **shared,
            **other,
            **self._remittance(entry),
            "amount": _signed(amounts, positive),
            "amount_currency": currency,
            "bank_reference": raw["Refs/AcctSvcrRef"],
            "end_to_end_id": raw["Refs/EndToEndId"],
            "mandate_id": mandate,
            "creditor_id": pc.if_else(pc.is_valid(mandate), creditor, _NULL_TEXT),
            "additional_information": raw["AddtlTxInf"],
        }
        return _Details(columns, entry, counts, self._firsts)

    def _flag(self, entry: Indices, odd: Mask) -> None:
        self._odd[entry[odd]] = True

    def _side(self, side: str, entry: Indices) -> dict[str, Column]:
        raw = self._raw["details"]
        iban = raw[f"RltdPties/{side}Acct/Id/IBAN"]
        if iban.null_count < len(iban) and pc.any(pc.match_substring_regex(iban, r"\s")).as_py():
            iban = pc.replace_substring_regex(iban, r"[ \t\r\n]+", "")
        return {
            "counterparty_name": raw.first(*(f"RltdPties/{path.format(side)}" for path in _SIDE_FIELDS[:5])),
            "counterparty_account": pc.coalesce(iban, raw[f"RltdPties/{side}Acct/Id/Othr/Id"]),
            "counterparty_bic": raw.first(*(f"RltdAgts/{side}Agt/FinInstnId/{bic}" for bic in ("BICFI", "BIC"))),
            "counterparty_address": self._address(side, entry),
        }

    def _owners(self, raw: _Columns) -> Indices:
        """The detail that each row of a child table belongs to."""
        owners: Indices = self._firsts[self._before[raw.level("stmt")] + raw.level("ntry")] + raw.level("tx")
        return owners

    def _address(self, side: str, entry: Indices) -> Column:
        outer, outer_rows = self._address_in(f"{side}/PstlAdr", entry)
        inner, inner_rows = self._address_in(f"{side}/Pty/PstlAdr", entry)
        self._flag(entry, outer_rows & inner_rows)
        return pc.coalesce(outer, inner)

    def _address_in(self, name: str, entry: Indices) -> tuple[Column, Mask]:
        raw, rows = self._raw[name], len(entry)
        if not raw.rows:
            return pa.nulls(rows, pa.string()), np.zeros(rows, np.bool_)
        owners = self._owners(raw)
        parts = {}
        for field in _ADDRESS_FIELDS:
            separator = ", " if field == "AdrLine" else " "
            parts[field] = _gathered(owners, raw[field], rows, separator)
            if field != "AdrLine":
                twice = np.bincount(owners[_mask(pc.is_valid(raw[field]))], minlength=rows) > 1
                self._flag(entry, twice)
        street = _joined((parts["StrtNm"], parts["BldgNb"]), " ")
        town = _joined((parts["PstCd"], parts["TwnNm"]), " ")
        address = _joined((parts["AdrLine"], street, town, parts["Ctry"]), ", ")
        return address, np.bincount(owners, minlength=rows) > 0

    def _remittance(self, entry: Indices) -> dict[str, Column]:
        raw, rows = self._raw["remittance"], len(entry)
        owners = self._owners(raw)
        free = [_gathered(owners, raw[field], rows, " ") for field in ("Ustrd", "Strd/AddtlRmtInf")]
        return {
            "remittance": _joined(free, " "),
            "structured_reference": _gathered(owners, raw["Strd/CdtrRefInf/Ref"], rows, " "),
        }

    def _check_sums(self, entries: Mapping[str, Column], details: _Details) -> None:
        """Entries whose payments do not make their amount go the exact way, which tells so."""
        if not len(details.entry):
            return
        currency = entries["currency"].take(pa.array(details.entry))
        own = details.columns["amount_currency"]
        alike = pc.or_(pc.is_null(own), pc.fill_null(pc.equal(own, currency), False))
        whole = _mask(pc.and_(alike, pc.is_valid(details.columns["amount"])))
        partial = np.bincount(details.entry[~whole], minlength=self._rows) > 0
        numbers, sums = details.entry, details.columns["amount"]
        if len(np.unique(numbers)) < len(numbers):
            table = pa.table({"entry": numbers, "amount": sums}).group_by("entry").aggregate([("amount", "sum")])
            numbers, sums = table["entry"].to_numpy(), table["amount_sum"].combine_chunks()
        # A wrong sum may have more digits than an amount.
        sums, stated = sums.cast(_SUM), entries["amount"].take(pa.array(numbers)).cast(_SUM)
        charged = self._charges_of(entries, details).take(pa.array(numbers))
        differ = _mask(pc.fill_null(pc.not_equal(sums, stated), False))
        if charged.null_count < len(charged):
            known = pc.fill_null(charged, Decimal(0))
            for netted in (pc.add(sums, known), pc.subtract(sums, known)):
                differ &= _mask(pc.fill_null(pc.not_equal(netted, stated), False))
        odd = np.zeros(self._rows, np.bool_)
        odd[numbers[differ]] = True
        self._odd |= odd & ~partial

    def _charges_of(self, entries: Mapping[str, Column], details: _Details) -> Column:
        """The charges of each entry and of its payments together; null where it has none."""
        own, below = entries["charges"], details.columns["charges"]
        if below.null_count == len(below):
            return own.cast(_SUM)
        owners = np.concatenate((np.arange(self._rows), details.entry))
        table = pa.table({"entry": owners, "charges": pa.concat_arrays([own, below]).cast(_SUM)}).group_by("entry")
        sums = table.aggregate([("charges", "sum")]).sort_by("entry")
        return sums["charges_sum"].combine_chunks().cast(_SUM)

    def _entry_of(self, raw: _Columns) -> Indices:
        """The entry that each row of a child table belongs to."""
        numbers: Indices = self._before[raw.level("stmt")] + raw.level("ntry")
        return numbers

    def _charges(
        self, name: str, rows: int, owners_of: Callable[[_Columns], Indices], entry: Indices | None = None
    ) -> Column:
        """Σ of each owner's records. Totals without a record, several currencies and odd values go the exact way."""
        flat, records = self._raw[name], self._raw[f"{name}/Rcrd"]
        if not flat.rows:
            return pa.nulls(rows, AMOUNT)
        found = [_records(flat, "child", owners_of(flat)), _records(records, "part", owners_of(records))]
        owners = np.concatenate([part.owners for part in found])
        amount, currency, mark = (
            pa.concat_arrays([getattr(part, name) for part in found]) for name in ("amounts", "currencies", "marks")
        )
        credit, unmarked = self._signs(mark)
        amounts, odd = _decimals(amount, _AMOUNT_PATTERN, AMOUNT)
        odd |= (unmarked & _mask(pc.is_valid(mark))) | _mask(pc.is_null(currency))
        table = pa.table({"owner": owners, "amount": _signed(amounts, credit), "currency": currency})
        sums = table.group_by("owner").aggregate([("amount", "sum"), ("currency", "count_distinct")])
        number = sums["owner"].to_numpy()
        total = sums["amount_sum"].combine_chunks().cast(_SUM)
        mixed = _mask(pc.greater(sums["currency_count_distinct"].combine_chunks(), 1))
        mixed |= _mask(pc.greater(pc.abs(total), pa.scalar(_LARGEST, _SUM)))
        strange = np.zeros(rows, np.bool_)
        strange[owners[odd]] = True
        strange[number[mixed]] = True
        # What has no record at all may still have a total.
        strange[np.setdiff1d(owners_of(flat), number)] = True
        for part in found:
            strange[part.unclear] = True
        if entry is None:
            self._odd |= strange
        else:
            self._flag(entry, strange)
        places = np.full(rows, -1, np.int64)
        places[number[~mixed]] = np.flatnonzero(~mixed)
        return _at(pc.if_else(pa.array(mixed), pa.scalar(None, _SUM), total).cast(AMOUNT), places)

    # ------------------------------------------------------------------------------------------------- tables
    def _entry_table(self, entries: Mapping[str, Column], details: _Details) -> pa.Table:
        places = np.where(details.counts == 1, details.firsts, -1)
        alone = len(details.entry) == self._rows and bool(np.all(details.counts == 1))

        def from_detail(name: str) -> Column:
            column = details.columns[name]
            return column if alone else _at(column, places)

        columns = dict(entries)
        for name in _FROM_DETAIL:
            own = entries.get(name)
            columns[name] = from_detail(name) if own is None else pc.coalesce(own, from_detail(name))
        # The currency goes with its amount.
        columns["original_currency"] = pc.if_else(
            pc.is_valid(entries["original_amount"]), entries["original_currency"], from_detail("original_currency")
        )
        columns["additional_information"] = _joined(
            (entries["additional_information"], from_detail("additional_information")), " "
        )
        statement = pa.array(self._statement)
        heads = self._heads
        columns["account"] = pa.array([head.account or None for head in heads], pa.string()).take(statement)
        columns["statement"] = pa.array([head.identification or None for head in heads], pa.string()).take(statement)
        columns["sequence"] = pa.array([head.sequence for head in heads], pa.int64()).take(statement)
        columns["details"] = pa.array(details.counts, pa.int32())
        columns["position"] = self._positions()
        return self._table(columns, ENTRIES, self._rows)

    def _positions(self) -> Column:
        if self._text is self._data:
            self._places: list[int | None] = list(self._skeleton.starts)
        else:
            self._places = iso.offsets(self._data, "Ntry", self._rows)
        return pa.array(self._places, pa.int64())

    def _detail_table(self, entries: Mapping[str, Column], details: _Details, chosen: Indices) -> pa.Table:
        rows = pa.array(chosen)
        entry = pa.array(details.entry[chosen])
        columns = {name: column.take(rows) for name, column in details.columns.items() if name != "amount_currency"}
        columns["detail"] = pa.array(chosen - details.firsts[details.entry[chosen]], pa.int32())
        columns["reversal"] = entries["reversal"].take(entry)
        columns["position"] = pa.array(self._places, pa.int64()).take(entry)
        return self._table(columns, DETAILS, len(chosen))

    def _table(self, columns: Mapping[str, Column], schema: pa.Schema, rows: int) -> pa.Table:
        fixed = {"source": pa.repeat(self._source, rows), "entry_id": pa.repeat("-", rows)}
        arrays = []
        for field in schema:
            column = fixed[field.name] if field.name in fixed else columns.get(field.name)
            arrays.append(pa.nulls(rows, field.type) if column is None else column.cast(field.type))
        return pa.Table.from_arrays(arrays, schema=schema)

    # ---------------------------------------------------------------------------------------------- odd entries
    def _with_odd_ones(self, plain: _Rows, found: Problems) -> _Rows:
        parts = [plain]
        odd = np.flatnonzero(self._odd)
        for start in range(0, len(odd), _BATCH):
            parts.append(self._exactly(odd[start : start + _BATCH], found))
        if len(parts) == 1:
            return plain
        numbers = np.concatenate([part.numbers for part in parts])
        owners = np.concatenate([part.owners for part in parts])
        order, owned = np.argsort(numbers, kind="stable"), np.argsort(owners, kind="stable")
        return _Rows(
            entries=pa.concat_tables([part.entries for part in parts]).take(pa.array(order)),
            details=pa.concat_tables([part.details for part in parts]).take(pa.array(owned)),
            numbers=numbers[order],
            owners=owners[owned],
        )

    def _exactly(self, numbers: Indices, found: Problems) -> _Rows:
        """Some entries, read by the one rule of the exact way."""
        rows: list[tuple[Statement, Entry]] = []
        kept: list[int] = []
        for statement in np.unique(self._statement[numbers]):
            head = self._heads[statement]
            own = numbers[self._statement[numbers] == statement]
            for number, element in zip(own, self._cut_out(int(statement), own), strict=True):
                entry = camt053.read_entry(element, head.currency, self._places[number], found)
                if entry is not None:
                    rows.append((head, entry))
                    kept.append(int(number))
        details, owners = details_of(rows, self._source)
        kept_numbers = np.asarray(kept, np.int64)
        return _Rows(
            entries=entries_of(rows, self._source),
            details=details,
            numbers=kept_numbers,
            owners=kept_numbers[np.asarray(owners, np.int64)],
        )

    def _cut_out(self, statement: int, numbers: Indices) -> list[iso.Element]:
        """The elements of some entries of one statement, parsed from their own bytes under its namespaces."""
        spaces = "".join(
            f' xmlns{":" + prefix if prefix else ""}="{iso.escape(uri)}"'.replace('"', '"')
            for prefix, uri in self._nsmap[statement].items()
        )
        skeleton = self._skeleton
        pieces = [self._text[skeleton.starts[number] : skeleton.ends[number]] for number in numbers]
        root = parse_xml(b"".join([f"<entries{spaces}>".encode(), *pieces, b"</entries>"]))
        iso.plain_names(root)
        elements = list(root)
        if len(elements) != len(numbers):
            raise _NotPlain
        return elements

    # -------------------------------------------------------------------------------------------------- proof
    def _totals(self, merged: _Rows) -> dict[int, dict[str, Decimal]]:
        """For each statement the sum of its booked entries by currency."""
        booked = pc.equal(merged.entries["status"], "BOOK")
        table = pa.table(
            {
                "statement": self._statement[merged.numbers],
                "currency": pc.fill_null(merged.entries["currency"], ""),
                "amount": merged.entries["amount"],
            }
        ).filter(booked)
        totals: dict[int, dict[str, Decimal]] = {}
        for row in table.group_by(["statement", "currency"]).aggregate([("amount", "sum")]).to_pylist():
            totals.setdefault(row["statement"], {})[row["currency"]] = row["amount_sum"]
        return totals

    def _with_currencies(self, merged: _Rows) -> list[Statement]:
        heads = []
        statements = self._statement[merged.numbers]
        for number, head in enumerate(self._heads):
            if head.currency:
                heads.append(head)
                continue
            first = np.flatnonzero(statements == number)[:1]
            found = [merged.entries["currency"][int(row)].as_py() or "" for row in first]
            heads.append(camt053.with_currency(head, found))
        return heads


@dataclass(frozen=True, slots=True)
class _Rows:
    """Entries and details in the ledger's columns, the number of each entry in the file, and each detail's entry."""

    entries: pa.Table
    details: pa.Table
    numbers: Indices
    owners: Indices


_BATCH = 2_000
_FROM_DETAIL = (
    *("bank_transaction_code", "proprietary_code", "bank_reference", "counterparty_name", "counterparty_account"),
    *("counterparty_bic", "counterparty_address", "remittance", "structured_reference", "end_to_end_id", "mandate_id"),
    *("creditor_id", "original_amount", "exchange_rate", "charges"),
)


def _either(condition: Column, yes: Column, no: Column) -> Column:
    return pc.if_else(condition, yes, no)


def _shared(raw: _Columns, positive: Mask) -> tuple[dict[str, Column], Mask]:
    """Columns that entries and payments have alike, and which rows the exact way must read."""
    original, odd = _decimals(raw["AmtDtls/InstdAmt/Amt"], _AMOUNT_PATTERN, AMOUNT)
    rate, odd_rate = _decimals(raw.first(*_RATES), _RATE_PATTERN, RATE)
    columns = {
        "original_amount": _signed(original, positive),
        "original_currency": pc.if_else(pc.is_valid(original), raw["AmtDtls/InstdAmt/Amt/@Ccy"], _NULL_TEXT),
        "exchange_rate": rate,
        "bank_transaction_code": _joined([raw[path] for path in _CODES], "-"),
        "proprietary_code": raw["BkTxCd/Prtry/Cd"],
    }
    return columns, odd | odd_rate
