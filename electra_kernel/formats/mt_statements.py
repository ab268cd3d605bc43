"""SWIFT MT 940, 941, 942 and 950 into the ledger's columns, and from these into objects: one way, whole columns at once.

What lives here: putting entries (``mt_entries``), details (``mt_details``) and heads (``mt_pages``) together. The
grammar of all messages is in ``mt``; writing is in ``mt940``.

What is read: the value date stands in for the booking date where the bank gives no entry date. The account owner's
reference is the ``entry_reference``, the bank's the ``bank_reference``; ``NONREF`` says that there is none. The SWIFT
transaction type, the business transaction code, the prima nota and the text key make the ``proprietary_code``, joined
by ``+`` as German banks do in camt.053. Expected entries (EC, ED) are pending. Pages of one statement (62M, then 60M)
become one statement. A statement is known by its reference (20) and number (28C).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats import mt, mt_values
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.mt import ASK, Fields
from electra_kernel.formats.mt_columns import FEW, Column, Indices, Mask, firsts_of, mask
from electra_kernel.formats.mt_details import columns_of
from electra_kernel.formats.mt_entries import OF_DETAIL, Lines, ledger_columns, with_notes
from electra_kernel.formats.mt_pages import KINDS, Heads, Page, check_sums, goes_on, prove_pages, statement_of
from electra_kernel.orders.model import NOBODY
from electra_kernel.statements.columns import AMOUNT, DETAILS, ENTRIES, StatementTables
from electra_kernel.statements.keys import entry_ids
from electra_kernel.statements.model import Entry, EntryDetail, Statement
from electra_kernel.statements.proof import continuity
from electra_kernel.statements.tables import Span, balances_of, no_rows, problems_of, statements_of, with_ids
from electra_kernel.vocabulary.parties import Address, Party


@dataclass(frozen=True, slots=True)
class Result:
    """What one file says: statements without their entries, the entries' table, and problems."""

    kind: str
    heads: tuple[Statement, ...]
    entries: pa.Table
    statement: Indices
    problems: Problems


def read_tables(data: bytes, source: str) -> StatementTables:
    """A file straight into the ledger's columns.

    Raises:
        UnreadableFile: no statement of this kind in it.
    """
    result = _read(data, source)
    return StatementTables(
        entries=result.entries,
        details=no_rows(DETAILS),
        balances=balances_of(result.heads),
        problems=problems_of(result.problems.rows()),
        statements=statements_of(list(zip(result.heads, _spans(result), strict=True)), source),
    )


def _spans(result: Result) -> list[Span]:
    """How many entries each statement has, and of which days."""
    if len(result.heads) == 1:
        first, last = pc.min_max(result.entries["booking_date"]).as_py().values()
        return [Span(result.entries.num_rows, first, last)]
    table = pa.table({"statement": result.statement, "day": result.entries["booking_date"]})
    wanted: list[Any] = [("day", "min"), ("day", "max"), ("statement", "count")]
    found = table.group_by("statement", use_threads=False).aggregate(wanted).to_pylist()
    spans = {row["statement"]: Span(row["statement_count"], row["day_min"], row["day_max"]) for row in found}
    return [spans.get(number, Span(0, None, None)) for number in range(len(result.heads))]


def read(data: bytes, source: str) -> Reading:
    """A file as statements: objects made of the same columns.

    Raises:
        UnreadableFile: no statement of this kind in it.
    """
    result = _read(data, source)
    entries: dict[int, list[Entry]] = defaultdict(list)
    for number, row in zip(result.statement.tolist(), result.entries.to_pylist(), strict=True):
        entries[number].append(_entry(row))
    statements = [replace(head, entries=tuple(entries[number])) for number, head in enumerate(result.heads)]
    return Reading(format=f"mt{result.kind}", statements=tuple(statements), problems=result.problems.rows())


_OF_ENTRY = ("proprietary_code", "bank_reference", "entry_reference", "original_currency", "additional_information")


def _entry(row: Mapping[str, Any]) -> Entry:
    party = Party(
        name=row["counterparty_name"] or "",
        account=row["counterparty_account"] or "",
        bic=row["counterparty_bic"] or "",
        address=Address(lines=(row["counterparty_address"],) if row["counterparty_address"] else ()),
    )
    texts: dict[str, Any] = {name: row[name] or "" for name in OF_DETAIL}
    own: dict[str, Any] = {name: row[name] or "" for name in _OF_ENTRY}
    detail = EntryDetail(counterparty=party if party != NOBODY else None, **texts)
    return Entry(
        amount=_short(row["amount"]),
        currency=row["currency"] or "",
        booking_date=row["booking_date"],
        value_date=row["value_date"],
        status=row["status"],
        reversal=row["reversal"],
        original_amount=_short_or_none(row["original_amount"]),
        exchange_rate=_short_or_none(row["exchange_rate"]),
        charges=_short_or_none(row["charges"]),
        details=(detail,) if row["details"] else (),
        position=row["position"],
        **own,
    )


def _short(amount: Decimal) -> Decimal:
    """An amount without the zeros that its column gave it."""
    short = amount.normalize()
    return short.quantize(Decimal(1)) if short.as_tuple().exponent > 0 else short  # type: ignore[operator]


def _short_or_none(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else _short(amount)


def _read(data: bytes, source: str) -> Result:
    problems = Problems(source)
    found = mt.fields(data, problems)
    for line, text in found.strange:
        problems.warn_once(
            "file",
            "text-outside",
            f"{text[:80]!r} and the like belong to no field and are left out.",
            "Nothing need be done.",
            line,
        )
    chosen = _statements_in(found, problems)
    if not chosen:
        raise unreadable(
            source, "no-message", "The file holds no SWIFT statement.", "Import an MT940, 941, 942 or 950.", field="20"
        )
    return _Reader(found, chosen, source, problems).result()


def _statements_in(found: Fields, problems: Problems) -> list[mt.Message]:
    """The messages that are statements, in order; others are told by name."""
    chosen = []
    for message in mt.messages(found):
        tags = {tag[:2] for tag in found.tags(message.first, message.stop)}
        kind = message.kind
        if kind and kind not in KINDS and not tags & {"60", "61", "62"}:
            mt.other_message(kind, found, message, problems)
            continue
        if not tags & {"25", "60", "61", "62", "34", "90"}:
            problems.error(
                int(found.lines[message.first]),
                found.tag(message.first),
                "message",
                "A message without an account, balance or entry is left out.",
                "Fetch the statement again; the file may be cut off.",
            )
            continue
        chosen.append(message)
    return chosen


#: Entries from which on two threads pay; that many at a time stay in the processor's cache.
_LARGE = 5_000


class _Reader:
    """Reads the statements of one file."""

    def __init__(self, found: Fields, chosen: list[mt.Message], source: str, problems: Problems) -> None:
        self._found, self._messages, self._source, self._problems = found, chosen, source, problems
        self._firsts = np.array([message.first for message in chosen], np.int64)
        self._stops = np.array([message.stop for message in chosen], np.int64)

    def result(self) -> Result:
        owner = self._owners()
        is_entry = (self._found.codes == mt.code_of("61")) & (owner >= 0)
        numbers = np.flatnonzero(is_entry)
        attached = self._attached(is_entry, owner)
        lines, pages, columns = self._parts(numbers, owner, is_entry, attached)
        accounts = pa.array([page.account for page in pages], pa.string()).take(pa.array(owner[numbers]))
        columns = ledger_columns(lines, columns, accounts)
        entries, page_of = self._entries(lines, columns, numbers, owner[numbers])
        for page in firsts_of(page_of, page_of).tolist():
            pages[page].lists = True
        heads, places = self._joined_pages(pages)
        statement = places[page_of]
        entries = self._with_statements(entries, heads, statement)
        self._check(pages, heads, places, page_of, entries)
        return Result(pages[0].type, tuple(heads), entries, statement, self._problems)

    def _parts(
        self, numbers: Indices, owner: Indices, is_entry: Mask, attached: Indices
    ) -> tuple[Lines, list[Page], dict[str, Column]]:
        """Field 61, the heads, and field 86; of large files at the same time, on two cores."""
        texts = self._texts(numbers, attached)
        rows = len(numbers)
        if rows < _LARGE:
            lines, columns = Lines(self._found, numbers, self._problems), columns_of(texts)
        else:
            with ThreadPoolExecutor(2) as pool:
                work = [pool.submit(columns_of, texts[at : at + _LARGE]) for at in range(0, rows, _LARGE)]
                lines = Lines(self._found, numbers, self._problems)
                done = [part.result() for part in work]
            columns = {name: pa.concat_arrays([part[name] for part in done]) for name in done[0]}
        notes = np.flatnonzero((attached >= 0) & (self._found.codes == mt.code_of("NS")))
        if len(notes):
            columns = with_notes(columns, np.searchsorted(numbers, attached[notes]), self._found.values(notes))
        return lines, self._pages(owner, is_entry, attached), columns

    def _owners(self) -> Indices:
        """The message of each field, −1 for fields of messages that are left out."""
        numbers = np.arange(len(self._found))
        owner = np.searchsorted(self._firsts, numbers, side="right") - 1
        owner[(owner >= 0) & (numbers >= self._stops[np.maximum(owner, 0)])] = -1
        return owner

    def _attached(self, is_entry: Any, owner: Indices) -> Indices:
        """For each field 86 or NS after an entry the number of that entry's field, −1 for all others."""
        codes = self._found.codes
        about = (codes == mt.code_of("86")) | (codes == mt.code_of("NS"))
        places = np.arange(len(codes))
        last = np.maximum.accumulate(np.where(about, -1, places)) if len(codes) else places
        good = about & (last >= 0)
        good[good] = is_entry[last[good]] & (owner[last[good]] == owner[good])
        return np.where(good, last, -1)

    def _texts(self, numbers: Indices, attached: Indices) -> Column:
        """Field 86 of each entry; several are one text."""
        found = self._found
        own = np.flatnonzero((attached >= 0) & (found.codes == mt.code_of("86")))
        texts = found.values(own)
        row = np.searchsorted(numbers, attached[own])
        if not np.all(row[1:] != row[:-1]):
            starts = np.flatnonzero(np.concatenate(([True], row[1:] != row[:-1])))
            offsets = pa.array(np.concatenate((starts, [len(row)])), pa.int32())
            texts = pc.binary_join(pa.ListArray.from_arrays(offsets, texts), "\n")
            row = row[starts]
        where = np.full(len(numbers), -1, np.int64)
        where[row] = np.arange(len(row))
        whole = len(row) == len(numbers)
        spread = texts if whole else texts.take(pa.array(where, mask=where < 0))
        if len(spread) and (pc.max(pc.binary_length(spread)).as_py() or 0) > mt.LONGEST_FIELD:
            spread = self._cut(spread, numbers)
        return spread

    def _cut(self, texts: Column, numbers: Indices) -> Column:
        long = mask(pc.greater(pc.binary_length(texts), mt.LONGEST_FIELD))
        for number in np.flatnonzero(long).tolist():
            self._problems.error(
                int(self._found.lines[numbers[number]]),
                "86",
                "field-length",
                f"Field 86 has more than {mt.LONGEST_FIELD} characters; the rest is left out.",
                ASK,
            )
        return pc.if_else(pa.array(long), pc.utf8_slice_codeunits(texts, 0, mt.LONGEST_FIELD), texts)

    def _pages(self, owner: Indices, is_entry: Any, attached: Indices) -> list[Page]:
        heads = Heads(self._found, self._problems)
        rest = np.flatnonzero((owner >= 0) & ~is_entry & (attached < 0))
        bounds = np.searchsorted(rest, np.concatenate((self._firsts, [len(self._found)])))
        return [
            heads.page(message, rest[first:stop].tolist())
            for message, first, stop in zip(self._messages, bounds, bounds[1:], strict=False)
        ]

    # ---------------------------------------------------------------------------------------------- the entries
    def _entries(
        self, lines: Lines, columns: dict[str, Column], numbers: Indices, page_of: Indices
    ) -> tuple[pa.Table, Indices]:
        """The ledger's columns but for account and statement, and the page of each entry that could be read."""
        columns["position"] = pa.array(self._found.lines[numbers], pa.int64())
        fixed = {"source": pa.repeat(self._source, lines.rows), "entry_id": pa.repeat("-", lines.rows)}
        arrays = []
        for each in ENTRIES:
            column = fixed[each.name] if each.name in fixed else columns.get(each.name)
            column = pa.nulls(lines.rows, each.type) if column is None else column
            arrays.append(column if column.type == each.type else column.cast(each.type))
        table = pa.Table.from_arrays(arrays, schema=ENTRIES)
        if lines.good.all():
            return table, page_of
        good = np.flatnonzero(lines.good)
        return table.take(pa.array(good)), page_of[good]

    def _with_statements(self, entries: pa.Table, heads: Sequence[Statement], statement: Indices) -> pa.Table:
        place = pa.array(statement)
        values = {
            "account": pa.array([head.account or None for head in heads], pa.string()),
            "currency": pa.array([head.currency or None for head in heads], pa.string()),
            "statement": pa.array([head.identification or None for head in heads], pa.string()),
            "sequence": pa.array([head.sequence for head in heads], pa.int64()),
        }
        for name, column in values.items():
            at = ENTRIES.get_field_index(name)
            entries = entries.set_column(at, ENTRIES.field(at), column.take(place))
        return with_ids(entries, entry_ids(entries, [heads[number].kind for number in statement.tolist()]))

    # ------------------------------------------------------------------------------------------- pages and proof
    def _joined_pages(self, pages: Sequence[Page]) -> tuple[list[Statement], Indices]:
        """Statements, and the statement of each page."""
        groups: list[list[Page]] = []
        places = []
        for page in pages:
            if not (groups and goes_on(groups[-1][-1], page)):
                groups.append([])
            groups[-1].append(page)
            places.append(len(groups) - 1)
        return [statement_of(group) for group in groups], np.array(places, np.int64)

    def _check(
        self,
        pages: Sequence[Page],
        heads: Sequence[Statement],
        statement: Indices,
        page_of: Indices,
        entries: pa.Table,
    ) -> None:
        """Proves pages, statements, and what the bank counted itself."""
        sums = _sums_by_page(page_of, entries)
        totals: dict[int, dict[str, Decimal]] = defaultdict(dict)
        groups: dict[int, list[Page]] = defaultdict(list)
        for number, page in enumerate(pages):
            at = int(statement[number])
            groups[at].append(page)
            for side in (1, -1):
                if (number, side) in sums:
                    currency = heads[at].currency
                    totals[at][currency] = totals[at].get(currency, Decimal(0)) + sums[number, side][0]
            if page.type != "941":
                check_sums(page, sums.get((number, 1)), sums.get((number, -1)), self._problems)
            if not page.account:
                self._problems.error(page.line, "25", "missing", f"Statement {page.name} names no account.", ASK)
        for at, head in enumerate(heads):
            prove_pages(groups[at], head, totals[at], self._problems)
        self._tell_decimals(entries)
        self._problems.extend(continuity(heads, self._source))

    def _tell_decimals(self, entries: pa.Table) -> None:
        """Amounts with more decimal places than their currency has (FIN, error T43): a comma between thousands?"""
        for currency in pc.unique(entries["currency"]).drop_null().to_pylist():
            fine = mt_values.too_fine(entries["amount"], currency)
            if not mask(fine).any():
                continue
            odd = entries.filter(pc.and_(fine, pc.equal(entries["currency"], currency)))
            if odd.num_rows:
                amount, line = odd["amount"][0].as_py(), odd["position"][0].as_py()
                mt_values.tell_decimals(self._problems, "61", line, amount, currency, odd.num_rows)


def _sums_by_page(page_of: Indices, entries: pa.Table) -> dict[tuple[int, int], tuple[Decimal, int]]:
    """For each page the sum and number of its booked credits (1) and debits (−1)."""
    amount = entries["amount"]
    if entries.num_rows <= FEW:
        found: dict[tuple[int, int], tuple[Decimal, int]] = {}
        for page, each, status in zip(page_of.tolist(), amount.to_pylist(), entries["status"].to_pylist(), strict=True):
            if status == "BOOK" and each is not None:
                key = page, -1 if each < 0 else 1
                total, count = found.get(key, (Decimal(0), 0))
                found[key] = total + each, count + 1
        return found
    side = pc.if_else(pc.less(amount, pa.scalar(Decimal(0), AMOUNT)), -1, 1)
    table = pa.table({"page": page_of, "side": side, "amount": amount.cast(pa.decimal128(36, 5))})
    table = table.filter(pc.equal(entries["status"], "BOOK"))
    grouped = table.group_by(["page", "side"], use_threads=False).aggregate([("amount", "sum"), ("amount", "count")])
    return {(row["page"], row["side"]): (row["amount_sum"], row["amount_count"]) for row in grouped.to_pylist()}
