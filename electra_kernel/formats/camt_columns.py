"""Columns of texts from XML, and arithmetic over whole columns, for the fast way of reading camt reports.

What may live here: what xml2arrow is asked for, its raw tables, and functions from columns to columns. What a column of
the ledger means is decided in ``camt_tables``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from xml2arrow import XmlToArrowParser
from xml2arrow.exceptions import Xml2ArrowError

from electra_kernel.formats import iso
from electra_kernel.formats.camt_others import FAST_NAMES
from electra_kernel.statements.columns import AMOUNT

Column: TypeAlias = pa.Array
Indices: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]


class NotPlain(Exception):
    """The file holds something that the fast way does not read; ``position`` is the byte offset it had come to."""

    def __init__(self, why: str, position: int | None = None) -> None:
        self.why, self.position = why, position
        super().__init__(why)


# --------------------------------------------------------------------------------------------- what xml2arrow reads
SIDES = ("Dbtr", "Cdtr")
CODES = ("BkTxCd/Domn/Cd", "BkTxCd/Domn/Fmly/Cd", "BkTxCd/Domn/Fmly/SubFmlyCd")
RATES = tuple(f"AmtDtls/{kind}/CcyXchg/XchgRate" for kind in ("InstdAmt", "TxAmt", "CntrValAmt"))
_BOTH = (
    "Amt",
    "Amt/@Ccy",
    "CdtDbtInd",
    "AmtDtls/InstdAmt/Amt",
    "AmtDtls/InstdAmt/Amt/@Ccy",
    *RATES,
    *CODES,
    *("BkTxCd/Prtry/Cd", "BkTxCd/Prtry/Issr", "AmtDtls/TxAmt/Amt", "AmtDtls/TxAmt/Amt/@Ccy"),
)
_ENTRY_FIELDS = (
    *("NtryRef", "RvslInd", "Sts", "Sts/Cd", "Sts/Prtry", "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm"),
    *("AcctSvcrRef", "AddtlNtryInf"),
    *_BOTH,
)
SIDE_FIELDS = (
    *("{0}/Nm", "{0}/Pty/Nm", "{0}/Agt/FinInstnId/Nm", "Ultmt{0}/Nm", "Ultmt{0}/Pty/Nm"),
    *("{0}Acct/Id/IBAN", "{0}Acct/Id/Othr/Id"),
)
BANK_FIELDS = ("BICFI", "BIC", "Nm", "ClrSysMmbId/MmbId")
_DETAIL_FIELDS = (
    *(
        "Refs/AcctSvcrRef",
        "Refs/EndToEndId",
        "Refs/MndtId",
        "AddtlTxInf",
    ),
    *("RltdPties/Cdtr/Id/PrvtId/Othr/Id", "RltdPties/Cdtr/Pty/Id/PrvtId/Othr/Id"),
    *(f"RltdPties/{path.format(side)}" for side in SIDES for path in SIDE_FIELDS),
    *(f"RltdAgts/{side}Agt/FinInstnId/{part}" for side in SIDES for part in BANK_FIELDS),
    *FAST_NAMES,
    *_BOTH,
)
_REMITTANCE_FIELDS = ("Ustrd",)
_STRUCTURED_FIELDS = (
    *("RfrdDocInf/Nb", "CdtrRefInf/Ref", "AddtlRmtInf"),
    *(f"CdtrRefInf/Tp/{part}" for part in ("CdOrPrtry/Cd", "CdOrPrtry/Prtry", "Issr")),
)
BATCH_FIELDS = tuple(f"NtryDtls/Btch/{part}" for part in ("MsgId", "PmtInfId", "NbOfTxs"))
ADDRESS_FIELDS = ("StrtNm", "BldgNb", "PstCd", "TwnNm", "Ctry", "AdrLine")
_ADDRESSES = tuple(f"{side}/{inside}PstlAdr" for side in SIDES for inside in ("", "Pty/"))


@lru_cache(maxsize=1)
def _parser() -> XmlToArrowParser:
    """The parser for entries below ``/B/S``; xml2arrow takes its tables from a file only."""
    path, entry = "/B", "/B/S/Ntry"
    detail = f"{entry}/NtryDtls/TxDtls"
    structured = f"{detail}/RmtInf/Strd"
    tables = [
        _table("reports", path, ("stmt",), "", ()),
        _table("entries", f"{path}/S", ("stmt", "ntry"), entry, _ENTRY_FIELDS),
        _table("details", f"{entry}/NtryDtls", ("stmt", "ntry", "tx"), detail, _DETAIL_FIELDS),
        _table("remittance", f"{detail}/RmtInf", _CHILD, f"{detail}/RmtInf", _REMITTANCE_FIELDS),
        _table("structured", structured, (*_CHILD, "part"), structured, _STRUCTURED_FIELDS),
        *(
            _table(name, f"{detail}/RltdPties/{name}", _CHILD, f"{detail}/RltdPties/{name}", ADDRESS_FIELDS)
            for name in _ADDRESSES
        ),
    ]
    for name, levels in CHARGES.items():
        below = f"{entry}/{name}"
        tables.append(_table(name, below, levels, below, (*_RECORD, "TtlChrgsAndTaxAmt")))
        tables.append(_table(f"{name}/Rcrd", f"{below}/Rcrd", (*levels, "part"), f"{below}/Rcrd", _RECORD))
    return _configured(tables)


@lru_cache(maxsize=1)
def _batch_parser() -> XmlToArrowParser:
    """A parser of its own for what batches say: known to the other one, they would count as payments there."""
    tables = [
        _table("reports", "/B", ("stmt",), "", ()),
        _table("batches", "/B/S", ("stmt", "ntry"), "/B/S/Ntry", BATCH_FIELDS),
    ]
    return _configured(tables)


def _configured(tables: Sequence[str]) -> XmlToArrowParser:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as config:
        config.write("tables:\n" + "".join(tables))
        config.flush()
        return XmlToArrowParser(config.name)


def parse(document: bytes) -> Mapping[str, Columns]:
    """The raw tables of a document ``<B><S>entries</S>…</B>``; ``batches`` only where it has any.

    Raises:
        NotPlain: an element stands twice where it may stand once, or the document is malformed.
    """
    try:
        tables = _parser().parse(document)
        if b"Btch>" in document:
            tables["batches"] = _batch_parser().parse(document)["batches"]
        return {name: Columns(batch) for name, batch in tables.items()}
    # xml2arrow lets TypeError and Arrow's own errors through for some malformed documents.
    except (Xml2ArrowError, pa.ArrowException, TypeError) as error:
        raise NotPlain(str(error)) from error


_CHILD = ("stmt", "ntry", "tx", "child")
_RECORD = ("Amt", "Amt/@Ccy", "CdtDbtInd")
CHARGES = {"Chrgs": ("stmt", "ntry", "child"), "NtryDtls/TxDtls/Chrgs": _CHILD}


def _table(name: str, path: str, levels: Sequence[str], below: str, names: Sequence[str]) -> str:
    rows = "".join(
        f'      - {{name: "{field}", xml_path: "{below}/{field}", data_type: Utf8, nullable: true}}\n'
        for field in names
    )
    fields = f"    fields:\n{rows}" if rows else "    fields: []\n"
    return f'  - name: "{name}"\n    xml_path: "{path}"\n    levels: [{", ".join(levels)}]\n{fields}'


class Columns:
    """One table of texts by path: trimmed, empty ones null; a column that is null throughout is told by ``has``."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        self._columns: dict[str, Column] = {}
        self.rows: int = batch.num_rows

    def has(self, path: str) -> bool:
        """Whether any row has a text there."""
        return bool(self._batch.column(path).null_count < self.rows)

    def level(self, name: str) -> Indices:
        """The number of each row's ancestor at a level, among its siblings."""
        return np.asarray(self._batch.column(f"<{name}>").to_numpy(), dtype=np.int64)

    def __getitem__(self, path: str) -> Column:
        if path not in self._columns:
            column = self._batch.column(path)
            if self.has(path):
                column = pc.ascii_trim(column, characters=" \t\r\n")
                if pc.min(pc.binary_length(column)).as_py() == 0:
                    column = pc.if_else(pc.equal(column, ""), NULL_TEXT, column)
            self._columns[path] = column
        return self._columns[path]

    def texts(self) -> dict[str, Column]:
        """The columns of texts that have any; attributes are none."""
        names = [field.name for field in self._batch.schema if field.name[0] != "<" and "@" not in field.name]
        return {name: self[name] for name in names if self.has(name)}

    def first(self, *paths: str) -> Column:
        """The first text that is not null among several paths, row by row."""
        present = [path for path in paths if self.has(path)]
        if not present:
            return pa.nulls(self.rows, pa.string())
        return self[present[0]] if len(present) == 1 else pc.coalesce(*(self[path] for path in present))


# -------------------------------------------------------------------------------------------------- column tools
NULL_TEXT = pa.scalar(None, pa.string())


def mask(column: Any) -> Mask:
    """A boolean column as a mask; null counts as false."""
    values: Mask = np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), dtype=np.bool_)
    return values


def mapped(column: Column, work: Any, kind: pa.DataType) -> Column:
    """``work`` of every different text, spread over the rows; for columns with few different texts."""
    coded = column.dictionary_encode()
    values = pa.array([None if text is None else work(text) for text in coded.dictionary.to_pylist()], kind)
    return values.take(coded.indices)


def decimals(column: Column, pattern: str, kind: pa.DataType) -> tuple[Column, Mask]:
    """Numbers of the texts that match, null for the others, and which rows hold a text that does not match."""
    if column.null_count == len(column):
        return pa.nulls(len(column), kind), np.zeros(len(column), np.bool_)
    good = pc.match_substring_regex(column, pattern)
    return pc.if_else(good, column, NULL_TEXT).cast(kind), mask(pc.invert(good))


#: Holds any sum of amounts, and the sum or difference of two such.
SUM = pa.decimal128(36, 5)
LARGEST = Decimal("9999999999999.99999")
AMOUNT_PATTERN = r"^[0-9]{1,13}(\.[0-9]{1,5})?$"
RATE_PATTERN = r"^[0-9]{1,8}(\.[0-9]{1,10})?$"


def dates(column: Column) -> tuple[Column, Mask]:
    """Dates, and which rows hold a text that is none."""
    days = mapped(column, iso.date_or_none, pa.date32())
    return days, mask(pc.and_(pc.is_valid(column), pc.is_null(days)))


def signed(amounts: Column, positive: Mask) -> Column:
    """Amounts as they are for credits, negative for debits."""
    return pc.if_else(pa.array(positive), amounts, pc.negate(amounts)).cast(AMOUNT)


def joined(parts: Sequence[Column], separator: str) -> Column:
    """Texts side by side, without the null ones; null where all are.

    Pair by pair: Arrow's own way of skipping nulls loses the rows in which every part is null.
    """
    present = [part for part in parts if part.null_count < len(part)] or list(parts[:1])
    joined = present[0]
    for part in present[1:]:
        joined = pc.coalesce(pc.binary_join_element_wise(joined, part, separator), joined, part)
    return joined


def gathered(owners: Indices, texts: Column, rows: int, separator: str) -> Column:
    """All texts of one owner joined, in order, for each of ``rows`` owners; null where it has none."""
    there = mask(pc.is_valid(texts))
    owners = owners[there]
    if not len(owners):
        return pa.nulls(rows, pa.string())
    texts = texts.filter(pa.array(there)) if len(owners) < len(texts) else texts
    if np.any(np.diff(owners) < 0):
        raise NotPlain("rows out of order")
    counts = np.bincount(owners, minlength=rows)
    offsets = np.concatenate(([0], np.cumsum(counts)))
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts)
    return pc.if_else(pa.array(counts > 0), pc.binary_join(lists, separator), NULL_TEXT)


def at(column: Column, places: Indices) -> Column:
    """The values at some places; null where the place is negative."""
    if not len(column):
        return pa.nulls(len(places), column.type)
    return column.take(pa.array(places, mask=places < 0))


@dataclass(frozen=True, slots=True)
class Records:
    """Charges that have an amount: whose each is, its texts, and the owners of records that repeat an element."""

    owners: Indices
    amounts: Column
    currencies: Column
    marks: Column
    unclear: Indices


def records(raw: Columns, level: str, owners: Indices) -> Records:
    """The records of a table that has a row for each child of a record; the children are counted in ``level``."""
    record = np.cumsum(raw.level(level) == 0) - 1
    there, marked = mask(pc.is_valid(raw["Amt"])), mask(pc.is_valid(raw["CdtDbtInd"]))
    twice = [record[mask][np.diff(record[mask], prepend=-1) == 0] for mask in (there, marked)]
    mark = np.full(len(owners), -1, np.int64)
    mark[record[marked]] = np.flatnonzero(marked)
    first = np.flatnonzero(np.diff(record, prepend=-1))
    return Records(
        owners=owners[there],
        amounts=raw["Amt"].filter(pa.array(there)),
        currencies=raw["Amt/@Ccy"].filter(pa.array(there)),
        marks=at(raw["CdtDbtInd"], mark[record[there]]),
        unclear=owners[first[np.concatenate(twice)]],
    )
