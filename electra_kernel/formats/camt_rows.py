"""From the entries of one part of a camt report to rows of the ledger: by whole columns, the odd ones the exact way.

What may live here: what each column of the ledger is made of, and which entries are not plain. Reading files is in
``camt_tables``, functions from columns to columns are in ``camt_columns``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats import camt, iso
from electra_kernel.formats.camt_columns import (
    ADDRESS_FIELDS,
    AMOUNT_PATTERN,
    BATCH_FIELDS,
    CODES,
    LARGEST,
    NULL_TEXT,
    RATE_PATTERN,
    RATES,
    SIDE_FIELDS,
    SIDES,
    SUM,
    Column,
    Columns,
    Indices,
    Mask,
    NotPlain,
    at,
    dates,
    decimals,
    gathered,
    joined,
    mapped,
    mask,
    parse,
    records,
    signed,
)
from electra_kernel.formats.camt_others import FAST_NAMES, NAMES
from electra_kernel.formats.camt_pieces import Part
from electra_kernel.statements.columns import AMOUNT, DETAILS, ENTRIES, RATE
from electra_kernel.statements.model import Entry, Statement
from electra_kernel.statements.tables import (
    details_of,
    entries_of,
)
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

if TYPE_CHECKING:
    from electra_kernel.formats.camt_tables import File

#: The raw tables of a part, and where its texts end.
Raw: TypeAlias = tuple[Mapping[str, Columns], Indices]


def raw_of(part: Part) -> Raw | None:
    """What a part holds, as texts; ``None`` where the exact way sees more.

    Raises:
        NotPlain: xml2arrow does not take it.
    """
    return (parse(part.document), part.ends_of_texts()) if part.plain() else None


@dataclass(frozen=True, slots=True)
class _Details:
    """The details' columns, the entry of each, and where each entry's begin."""

    columns: Mapping[str, Column]
    entry: Indices
    counts: Indices
    firsts: Indices


@dataclass(frozen=True, slots=True)
class Rows:
    """Entries and details in the ledger's columns, the number of each entry in its part, each detail's entry,
    and the report of each entry."""

    entries: pa.Table
    details: pa.Table
    numbers: Indices
    owners: Indices
    reports: Indices


def merged(parts: Sequence[Rows]) -> Rows:
    """Rows in the order of the file."""
    if len(parts) == 1:
        return parts[0]
    numbers, owners, reports = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("numbers", "owners", "reports")
    )
    order, owned = np.argsort(numbers, kind="stable"), np.argsort(owners, kind="stable")
    return Rows(
        entries=pa.concat_tables([part.entries for part in parts]).take(pa.array(order)),
        details=pa.concat_tables([part.details for part in parts]).take(pa.array(owned)),
        numbers=numbers[order],
        owners=owners[owned],
        reports=reports[order],
    )


class Exact:
    """Reads entries of one part by the one rule of the exact way."""

    def __init__(self, file: File, part: Part, places: Sequence[int | None]) -> None:
        self._file, self._part, self._places = file, part, places
        self._run = np.repeat(np.arange(len(part.counts)), part.counts)

    def rows(self, numbers: Indices) -> Rows:
        """Some entries of the part, by their numbers in it."""
        parts = [self._some(numbers[start : start + _BATCH]) for start in range(0, len(numbers), _BATCH)]
        return merged(parts) if parts else self._some(numbers)

    def _some(self, numbers: Indices) -> Rows:
        file, part = self._file, self._part
        rows: list[tuple[Statement, Entry]] = []
        kept: list[int] = []
        for run in np.unique(self._run[numbers]):
            head = file.heads[part.reports[run]]
            own = numbers[self._run[numbers] == run]
            for number, element in zip(own, self._cut_out(part.heads[run], own), strict=True):
                entry = camt.read_entry(file.message, element, head, self._places[number], file.found)
                if entry is not None:
                    rows.append((head, entry))
                    kept.append(int(number))
        details, owners = details_of(rows, file.source)
        kept_numbers = np.asarray(kept, np.int64)
        reports = np.asarray(part.reports, np.int64)[self._run[kept_numbers]]
        return Rows(
            entries=entries_of(rows, file.source),
            details=details,
            numbers=kept_numbers,
            owners=kept_numbers[np.asarray(owners, np.int64)],
            reports=reports,
        )

    def _cut_out(self, report: iso.Element, numbers: Indices) -> list[iso.Element]:
        """The elements of some entries, parsed from their own bytes under their report's namespaces."""
        spaces = "".join(
            f' xmlns{":" + prefix if prefix else ""}="{iso.escape(uri)}"'.replace('"', '"')
            for prefix, uri in report.nsmap.items()
        )
        texts = [self._part.entry(number) for number in numbers]
        try:
            root = parse_xml(b"".join([f"<entries{spaces}>".encode(), *texts, b"</entries>"]))
        except HostileXml as error:
            raise NotPlain(str(error), self._places[numbers[0]]) from error
        iso.plain_names(root)
        elements = list(root)
        if len(elements) != len(numbers):
            raise NotPlain("entries whose tags do not come in pairs")
        return elements


class Batch:
    """Makes the columns of one part."""

    def __init__(self, file: File, part: Part, raw: Raw, places: Sequence[int | None]) -> None:
        tables, self._ends = raw
        self._file, self._part, self._raw, self._places = file, part, tables, places
        self._source = file.source
        self._entries = tables["entries"]
        self._rows = self._entries.rows
        self._statement = self._entries.level("stmt")
        self._heads = [file.heads[report] for report in part.reports]
        self._counts = np.asarray(part.counts, np.int64)
        if not np.array_equal(np.bincount(self._statement, minlength=len(part.counts)), self._counts):
            raise NotPlain("entries in unusual places")
        #: Entries that the exact way reads.
        self._odd: Mask = np.zeros(self._rows, np.bool_)

    def rows(self) -> Rows:
        """The entries of the part, the odd ones among them read the exact way."""
        plain = self._plain_ones()
        odd = np.flatnonzero(self._odd)
        if not len(odd):
            return plain
        return merged([plain, Exact(self._file, self._part, self._places).rows(odd)])

    # ------------------------------------------------------------------------------------------ whole columns
    def _plain_ones(self) -> Rows:
        entries, details = self._entry_columns(), self._detail_columns()
        entries["charges"] = self._charges("Chrgs", self._rows, self._entry_of)
        charged = self._charges("NtryDtls/TxDtls/Chrgs", len(details.entry), self._owners, details.entry)
        details = replace(details, columns={**details.columns, "charges": charged})
        batches = self._batches(details)
        entries["additional_information"] = joined(
            [entries["additional_information"], *batches, *_named(self._entries, ("BookgDt/DtTm", "ValDt/DtTm"))],
            "; ",
        )
        self._check_sums(entries, details)
        self._check_all_told()
        numbers = np.flatnonzero(~self._odd)
        table = self._entry_table(entries, details)
        batched = (details.counts[details.entry] > 1) & ~self._odd[details.entry]
        return Rows(
            entries=table.filter(pa.array(~self._odd)) if self._odd.any() else table,
            details=self._detail_table(entries, details, np.flatnonzero(batched)),
            numbers=numbers,
            owners=details.entry[batched],
            reports=np.asarray(self._part.reports, np.int64)[self._statement[numbers]],
        )

    def _entry_columns(self) -> dict[str, Column]:
        raw = self._entries
        self._odd |= _differs(raw)
        positive, unmarked = self._signs(raw["CdtDbtInd"])
        amounts, odd = decimals(raw["Amt"], AMOUNT_PATTERN, AMOUNT)
        reversal = mapped(raw["RvslInd"], camt.REVERSAL.get, pa.bool_())
        booked, odd_booked = dates(raw.first("BookgDt/Dt", "BookgDt/DtTm"))
        valued, odd_valued = dates(raw.first("ValDt/Dt", "ValDt/DtTm"))
        status = raw.first("Sts/Cd", "Sts", "Sts/Prtry")
        self._odd |= odd | odd_booked | odd_valued | unmarked | mask(pc.is_null(amounts)) | mask(pc.is_null(status))
        self._odd |= mask(pc.is_null(raw["Amt/@Ccy"]))
        self._odd |= mask(pc.and_(pc.is_valid(raw["RvslInd"]), pc.is_null(reversal)))
        own = pa.array([head.currency or None for head in self._heads], pa.string()).take(pa.array(self._statement))
        shared, odd_shared = _shared(raw, positive)
        self._odd |= odd_shared
        self._positive, self._reversal = positive, mask(reversal)
        return {
            **shared,
            "currency": pc.coalesce(raw["Amt/@Ccy"], own),
            "booking_date": booked,
            "value_date": valued,
            "status": status,
            "amount": signed(amounts, positive),
            "reversal": pa.array(self._reversal),
            "bank_reference": raw["AcctSvcrRef"],
            "entry_reference": raw["NtryRef"],
            "additional_information": raw["AddtlNtryInf"],
        }

    def _signs(self, marks: Column) -> tuple[Mask, Mask]:
        """Which rows are credits, and which have neither mark."""
        credit, debit = mask(pc.equal(marks, "CRDT")), mask(pc.equal(marks, "DBIT"))
        return credit, ~(credit | debit)

    def _detail_columns(self) -> _Details:
        raw = self._raw["details"]
        before = np.concatenate(([0], np.cumsum(self._counts)))
        entry = before[raw.level("stmt")] + raw.level("ntry")
        counts = np.bincount(entry, minlength=self._rows)
        if len(counts) > self._rows or np.any(np.diff(entry) < 0):
            raise NotPlain("payments out of order")
        # The payments are numbered within each NtryDtls: an entry with several of these goes the exact way.
        self._odd |= np.bincount(entry[raw.level("tx") == 0], minlength=self._rows) > 1
        self._before, self._firsts = before, np.concatenate(([0], np.cumsum(counts)[:-1])) if self._rows else counts
        marked, unmarked = self._signs(raw["CdtDbtInd"])
        self._flag(entry, unmarked & mask(pc.is_valid(raw["CdtDbtInd"])))
        positive = np.where(unmarked, self._positive[entry], marked)
        amounts, odd = decimals(raw.first("Amt", "AmtDtls/TxAmt/Amt"), AMOUNT_PATTERN, AMOUNT)
        shared, odd_shared = _shared(raw, positive)
        debtor_is_other = pa.array(self._positive[entry] != self._reversal[entry])
        mandate = raw["Refs/MndtId"]
        creditor = raw.first("RltdPties/Cdtr/Id/PrvtId/Othr/Id", "RltdPties/Cdtr/Pty/Id/PrvtId/Othr/Id")
        currency = pc.if_else(pc.is_valid(raw["Amt"]), raw["Amt/@Ccy"], raw["AmtDtls/TxAmt/Amt/@Ccy"])
        unsaid = pc.and_(pc.is_valid(creditor), pc.and_(pc.is_null(mandate), pc.invert(debtor_is_other)))
        self._flag(
            entry,
            mask(unsaid)
            | _differs(raw)
            | _several(raw)
            | odd
            | odd_shared
            | mask(pc.and_(pc.is_valid(amounts), pc.is_null(currency))),
        )
        sides = {side: self._side(side, entry) for side in SIDES}
        other = {name: _either(debtor_is_other, sides["Dbtr"][name], sides["Cdtr"][name]) for name in sides["Dbtr"]}
        owns = [sides[side]["counterparty_account"] for side in ("Cdtr", "Dbtr")]
        columns = {
            **shared,
            **{name: column for name, column in other.items() if name in ENTRIES.names},
            **self._remittance(entry),
            "amount": signed(amounts, positive),
            "amount_currency": currency,
            "bank_reference": raw["Refs/AcctSvcrRef"],
            "end_to_end_id": raw["Refs/EndToEndId"],
            "mandate_id": mandate,
            "creditor_id": pc.if_else(pc.is_valid(mandate), creditor, NULL_TEXT),
            "additional_information": joined(
                [
                    raw["AddtlTxInf"],
                    *_named(raw, FAST_NAMES),
                    *self._ultimates(raw, debtor_is_other),
                    *(_label(name, other[name]) for name in ("bank", "bank code")),
                    _label(NAMES["OWN"], self._own_account(entry, _either(debtor_is_other, *owns))),
                ],
                "; ",
            ),
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
            "counterparty_name": raw.first(*(f"RltdPties/{path.format(side)}" for path in SIDE_FIELDS[:5])),
            "counterparty_account": pc.coalesce(iban, raw[f"RltdPties/{side}Acct/Id/Othr/Id"]),
            "counterparty_bic": raw.first(*(f"RltdAgts/{side}Agt/FinInstnId/{bic}" for bic in ("BICFI", "BIC"))),
            "counterparty_address": self._address(side, entry),
            "bank": raw[f"RltdAgts/{side}Agt/FinInstnId/Nm"],
            "bank code": raw[f"RltdAgts/{side}Agt/FinInstnId/ClrSysMmbId/MmbId"],
        }

    def _ultimates(self, raw: Columns, debtor_is_other: Column) -> list[Column]:
        """The ultimate parties that do not stand in for the other party's missing name."""
        told = []
        for side, other in zip(SIDES, (debtor_is_other, pc.invert(debtor_is_other)), strict=True):
            ultimate = raw.first(f"RltdPties/Ultmt{side}/Nm", f"RltdPties/Ultmt{side}/Pty/Nm")
            if ultimate.null_count < len(ultimate):
                unnamed = pc.is_null(raw.first(*(f"RltdPties/{path.format(side)}" for path in SIDE_FIELDS[:3])))
                ultimate = pc.if_else(pc.and_(other, unnamed), NULL_TEXT, ultimate)
                told.append(_label(NAMES[f"RltdPties/Ultmt{side}/Nm"], ultimate))
        return told

    def _own_account(self, entry: Indices, own: Column) -> Column:
        """The account on the owner's side of a payment where it is another than the statement's."""
        if own.null_count == len(own):
            return own
        accounts = pa.array([iso.compact(head.account) for head in self._heads], pa.string())
        own = pc.replace_substring_regex(own, r"[ \t\r\n]+", "")
        same = pc.equal(own, accounts.take(pa.array(self._statement[entry])))
        return pc.if_else(same, NULL_TEXT, own)

    def _owners(self, raw: Columns) -> Indices:
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
        for field in ADDRESS_FIELDS:
            separator = ", " if field == "AdrLine" else " "
            parts[field] = gathered(owners, raw[field], rows, separator)
            if field != "AdrLine":
                twice = np.bincount(owners[mask(pc.is_valid(raw[field]))], minlength=rows) > 1
                self._flag(entry, twice)
        street = joined((parts["StrtNm"], parts["BldgNb"]), " ")
        town = joined((parts["PstCd"], parts["TwnNm"]), " ")
        address = joined((parts["AdrLine"], street, town, parts["Ctry"]), ", ")
        return address, np.bincount(owners, minlength=rows) > 0

    def _remittance(self, entry: Indices) -> dict[str, Column]:
        raw, rows = self._raw["remittance"], len(entry)
        parts = self._raw["structured"]
        owners = self._owners(parts)
        free = [gathered(self._owners(raw), raw["Ustrd"], rows, " ")]
        free += [gathered(owners, parts[field], rows, " ") for field in ("RfrdDocInf/Nb", "AddtlRmtInf")]
        return {
            "remittance": joined(free, " "),
            "structured_reference": gathered(owners, parts["CdtrRefInf/Ref"], rows, " "),
        }

    def _batches(self, details: _Details) -> list[Column]:
        """What is told of batches. Those that do not say that they have the payments they list go the exact way."""
        if "batches" not in self._raw:
            return []
        raw = self._raw["batches"]
        said, counts = raw[BATCH_FIELDS[2]], pc.cast(pa.array(details.counts), pa.string())
        differs = pc.fill_null(pc.not_equal(said, counts), False)
        self._odd |= mask(differs) & (details.counts > 0)
        told = pc.if_else(differs, said, NULL_TEXT)
        return [*_named(raw, BATCH_FIELDS[:2]), _label(NAMES[BATCH_FIELDS[2]], told)]

    def _check_all_told(self) -> None:
        """Entries with an element that no column here is of go the exact way, which names it."""
        places = self._ends
        tables = [(raw, raw.texts()) for name, raw in self._raw.items() if name != "reports"]
        if len(places) == sum(len(text) - text.null_count for _, texts in tables for text in texts.values()):
            return
        entry = self._part.entry_of(places)
        counts = np.bincount(entry[entry >= 0], minlength=self._rows)
        if len(counts) > self._rows:
            raise NotPlain("entries whose tags do not come in pairs")
        for raw, texts in tables:
            owners = self._entry_of(raw)
            for text in texts.values():
                counts -= np.bincount(owners[mask(pc.is_valid(text))], minlength=self._rows)
        self._odd |= counts != 0

    def _check_sums(self, entries: Mapping[str, Column], details: _Details) -> None:
        """Entries whose payments do not make their amount go the exact way, which tells so."""
        if not len(details.entry):
            return
        currency = entries["currency"].take(pa.array(details.entry))
        own = details.columns["amount_currency"]
        alike = pc.or_(pc.is_null(own), pc.fill_null(pc.equal(own, currency), False))
        whole = mask(pc.and_(alike, pc.is_valid(details.columns["amount"])))
        partial = np.bincount(details.entry[~whole], minlength=self._rows) > 0
        numbers, sums = details.entry, details.columns["amount"]
        if len(np.unique(numbers)) < len(numbers):
            table = pa.table({"entry": numbers, "amount": sums}).group_by("entry").aggregate([("amount", "sum")])
            numbers, sums = table["entry"].to_numpy(), table["amount_sum"].combine_chunks()
        # A wrong sum may have more digits than an amount.
        sums, stated = sums.cast(SUM), entries["amount"].take(pa.array(numbers)).cast(SUM)
        charged = self._charges_of(entries, details).take(pa.array(numbers))
        differ = mask(pc.fill_null(pc.not_equal(sums, stated), False))
        if charged.null_count < len(charged):
            known = pc.fill_null(charged, Decimal(0))
            for netted in (pc.add(sums, known), pc.subtract(sums, known)):
                differ &= mask(pc.fill_null(pc.not_equal(netted, stated), False))
        odd = np.zeros(self._rows, np.bool_)
        odd[numbers[differ]] = True
        self._odd |= odd & ~partial

    def _charges_of(self, entries: Mapping[str, Column], details: _Details) -> Column:
        """The charges of each entry and of its payments together; null where it has none."""
        own, below = entries["charges"], details.columns["charges"]
        if below.null_count == len(below):
            return own.cast(SUM)
        owners = np.concatenate((np.arange(self._rows), details.entry))
        table = pa.table({"entry": owners, "charges": pa.concat_arrays([own, below]).cast(SUM)}).group_by("entry")
        sums = table.aggregate([("charges", "sum")]).sort_by("entry")
        return sums["charges_sum"].combine_chunks().cast(SUM)

    def _entry_of(self, raw: Columns) -> Indices:
        """The entry that each row of a child table belongs to."""
        numbers: Indices = self._before[raw.level("stmt")] + raw.level("ntry")
        return numbers

    def _charges(
        self, name: str, rows: int, owners_of: Callable[[Columns], Indices], entry: Indices | None = None
    ) -> Column:
        """Σ of each owner's records. Totals without a record, several currencies and odd values go the exact way."""
        flat, inner = self._raw[name], self._raw[f"{name}/Rcrd"]
        if not flat.rows:
            return pa.nulls(rows, AMOUNT)
        found = [records(flat, "child", owners_of(flat)), records(inner, "part", owners_of(inner))]
        owners = np.concatenate([part.owners for part in found])
        amount, currency, mark = (
            pa.concat_arrays([getattr(part, name) for part in found]) for name in ("amounts", "currencies", "marks")
        )
        credit, unmarked = self._signs(mark)
        amounts, odd = decimals(amount, AMOUNT_PATTERN, AMOUNT)
        odd |= (unmarked & mask(pc.is_valid(mark))) | mask(pc.is_null(currency))
        table = pa.table({"owner": owners, "amount": signed(amounts, credit), "currency": currency})
        sums = table.group_by("owner").aggregate([("amount", "sum"), ("currency", "count_distinct")])
        number = sums["owner"].to_numpy()
        total = sums["amount_sum"].combine_chunks().cast(SUM)
        mixed = mask(pc.greater(sums["currency_count_distinct"].combine_chunks(), 1))
        mixed |= mask(pc.greater(pc.abs(total), pa.scalar(LARGEST, SUM)))
        strange = np.zeros(rows, np.bool_)
        strange[owners[odd]] = True
        strange[number[mixed]] = True
        # What has no record at all may still have a total.
        strange[np.setdiff1d(owners_of(flat), number)] = True
        strange |= np.bincount(owners, minlength=rows) > 1
        for part in found:
            strange[part.unclear] = True
        if entry is None:
            self._odd |= strange
        else:
            self._flag(entry, strange)
        places = np.full(rows, -1, np.int64)
        places[number[~mixed]] = np.flatnonzero(~mixed)
        return at(pc.if_else(pa.array(mixed), pa.scalar(None, SUM), total).cast(AMOUNT), places)

    # ------------------------------------------------------------------------------------------------- tables
    def _entry_table(self, entries: Mapping[str, Column], details: _Details) -> pa.Table:
        places = np.where(details.counts == 1, details.firsts, -1)
        alone = len(details.entry) == self._rows and bool(np.all(details.counts == 1))

        def from_detail(name: str) -> Column:
            column = details.columns[name]
            return column if alone else at(column, places)

        columns = dict(entries)
        for name in _FROM_DETAIL:
            own = entries.get(name)
            columns[name] = from_detail(name) if own is None else pc.coalesce(own, from_detail(name))
        # The currency goes with its amount.
        columns["original_currency"] = pc.if_else(
            pc.is_valid(entries["original_amount"]), entries["original_currency"], from_detail("original_currency")
        )
        columns["additional_information"] = joined(
            (entries["additional_information"], from_detail("additional_information")), " "
        )
        statement = pa.array(self._statement)
        heads = self._heads
        columns["account"] = pa.array([head.account or None for head in heads], pa.string()).take(statement)
        columns["statement"] = pa.array([head.identification or None for head in heads], pa.string()).take(statement)
        columns["sequence"] = pa.array([head.sequence for head in heads], pa.int64()).take(statement)
        columns["details"] = pa.array(details.counts, pa.int32())
        columns["position"] = pa.array(self._places, pa.int64())
        return self._table(columns, ENTRIES, self._rows)

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


_BATCH = 2_000
_FROM_DETAIL = (
    *("bank_transaction_code", "proprietary_code", "bank_reference", "counterparty_name", "counterparty_account"),
    *("counterparty_bic", "counterparty_address", "remittance", "structured_reference", "end_to_end_id", "mandate_id"),
    *("creditor_id", "original_amount", "exchange_rate", "charges"),
)


def _label(name: str, column: Column) -> Column:
    return pc.binary_join_element_wise(pa.scalar(f"{name}: "), column, "")


def _named(raw: Columns, paths: Iterable[str]) -> list[Column]:
    return [_label(NAMES[path], raw[path]) for path in paths if raw.has(path)]


def _differs(raw: Columns) -> Mask:
    """Rows that give more than one amount of the same kind, or more than one rate: the exact way tells them apart."""
    second = pc.and_(pc.is_valid(raw["AmtDtls/TxAmt/Amt"]), pc.is_valid(raw["Amt"]))
    alike = pc.and_(
        pc.equal(raw["AmtDtls/TxAmt/Amt"], raw["Amt"]), pc.equal(raw["AmtDtls/TxAmt/Amt/@Ccy"], raw["Amt/@Ccy"])
    )
    return mask(pc.and_(second, pc.invert(pc.fill_null(alike, False)))) | _twice(raw, RATES)


def _several(raw: Columns) -> Mask:
    """Payments that name a party or its account twice."""
    found = np.zeros(raw.rows, np.bool_)
    for side in SIDES:
        paths = [f"RltdPties/{path.format(side)}" for path in SIDE_FIELDS]
        for group in (paths[:3], paths[3:5], paths[5:]):
            found |= _twice(raw, group)
    return found


def _twice(raw: Columns, paths: Sequence[str]) -> Mask:
    present = [mask(pc.is_valid(raw[path])).astype(np.int8) for path in paths if raw.has(path)]
    twice: Mask = np.sum(present, axis=0) > 1 if len(present) > 1 else np.zeros(raw.rows, np.bool_)
    return twice


def _either(condition: Column, yes: Column, no: Column) -> Column:
    return pc.if_else(condition, yes, no)


def _shared(raw: Columns, positive: Mask) -> tuple[dict[str, Column], Mask]:
    """Columns that entries and payments have alike, and which rows the exact way must read."""
    original, odd = decimals(raw["AmtDtls/InstdAmt/Amt"], AMOUNT_PATTERN, AMOUNT)
    rate, odd_rate = decimals(raw.first(*RATES), RATE_PATTERN, RATE)
    columns = {
        "original_amount": signed(original, positive),
        "original_currency": pc.if_else(pc.is_valid(original), raw["AmtDtls/InstdAmt/Amt/@Ccy"], NULL_TEXT),
        "exchange_rate": rate,
        "bank_transaction_code": joined([raw[path] for path in CODES], "-"),
        "proprietary_code": raw["BkTxCd/Prtry/Cd"],
    }
    return columns, odd | odd_rate
