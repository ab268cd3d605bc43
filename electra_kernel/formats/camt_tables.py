"""The fast way from camt.052, .053 and .054 into the ledger's columns: bytes to Arrow without an object an entry.

The bytes are cut at their entries (``camt_pieces``), and each part is read by xml2arrow while the one before becomes
columns by whole-column arithmetic (``camt_columns``), so memory does not grow with the file. An entry that is anything
but plain (an odd amount, date or mark, odd charges, payments that do not add up …) is cut out and given to
``camt.read_entry``, and so are all entries of a part that xml2arrow does not take: what an entry says, and every problem
it has, is decided in one place only. A file that is not plain around its entries is read the exact way as a whole. Both
ways give the same cells.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats import camt, camt_reports, iso
from electra_kernel.formats.base import Problems, unreadable
from electra_kernel.formats.camt_checks import Figures, check_summary
from electra_kernel.formats.camt_columns import (
    NotPlain,
)
from electra_kernel.formats.camt_messages import MESSAGES, Message
from electra_kernel.formats.camt_pieces import Cutter, FromUtf16, Part, encoding_of, from_utf16, is_utf16, pieces_of
from electra_kernel.formats.camt_rows import Batch, Exact, Raw, Rows, raw_of
from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS, StatementTables
from electra_kernel.statements.keys import Seen, entry_ids
from electra_kernel.statements.model import Statement
from electra_kernel.statements.proof import continuity, prove_totals
from electra_kernel.statements.tables import (
    Span,
    balances_of,
    joined_tables,
    problems_of,
    statements_of,
    tables_of,
    with_ids,
)


def read_tables(message: Message, data: bytes, source: str) -> StatementTables:
    """Read a file into the ledger's columns.

    Args:
        message: which of the messages it is.
        data: the file's bytes; kept whole in memory, beside the tables.
        source: SHA-256 of the archived bytes, or the file's name.

    Raises:
        UnreadableFile: not such a message, or broken so that nothing can be used; nothing half read is returned.
    """
    try:
        text, places = data, None
        if encoding_of(data) == "utf-16":
            text = from_utf16(data)
            places = iso.offsets(data, "Ntry", text.count(b"</Ntry>"))
        return joined_tables(list(File(message, source, places).batches(pieces_of(text))))
    except NotPlain:
        # The exact way knows what to make of it, or refuses it with place and cause.
        reading = camt.read(message, data, source)
        return tables_of(reading.statements, source, reading.problems)


def read_batches(message: Message, pieces: Iterable[bytes], source: str) -> Iterator[StatementTables]:
    """Read a file of any size, in pieces, into the ledger's columns, in parts; memory stays that of a few parts.

    The parts have entries and details; the last one has the balances, problems and statements of the whole file. Only
    when it has come is it known that the file is whole: until then nothing may be kept for good.

    Args:
        message: which of the messages it is.
        pieces: the file's bytes, in order, in pieces of any size.
        source: SHA-256 of the archived bytes, or the file's name.

    Raises:
        UnreadableFile: broken, or not plain around its entries: such a file is read as a whole only.
    """
    try:
        wide, given = is_utf16(pieces)
        text = FromUtf16(given) if wide else None
        yield from File(message, source, text.places if text else None).batches(text or given)
    except NotPlain as error:
        raise unreadable(
            source,
            "xml",
            f"The file is too large to be read other than in parts, and that stopped at: {error.why}.",
            "Fetch it again; if it stays so, ask the bank for smaller files, in UTF-8.",
            position=error.position,
        ) from error


class File:
    """One file on its way: what its parts have said so far."""

    def __init__(self, message: Message, source: str, places: Sequence[int | None] | None) -> None:
        self.message, self.source, self._places = message, source, places
        #: The reports' heads as they stood when their first entries came.
        self.heads: dict[int, Statement] = {}
        self.found = Problems(source)
        self._counts: dict[int, int] = {}
        self._figures: dict[int, dict[tuple[str, bool, int], tuple[int, Decimal]]] = {}
        self._days: dict[int, list[date]] = {}
        self._currencies: dict[int, str] = {}
        self._seen = Seen()
        self._taken = 0

    def batches(self, pieces: Iterable[bytes]) -> Iterator[StatementTables]:
        """The tables of every part, and those of what stands around the entries."""
        cutter = Cutter(self.message)
        waiting: deque[tuple[Part, Future[Raw | None]]] = deque()
        with ThreadPoolExecutor(1) as pool:
            for part in cutter.parts(pieces):
                self._note_heads(part)
                waiting.append((part, pool.submit(raw_of, part)))
                part.check_tags()
                if len(waiting) > 1:
                    yield self._tables(*waiting.popleft())
            while waiting:
                yield self._tables(*waiting.popleft())
        yield self._rest(cutter.root)

    def places(self, part: Part) -> list[int | None]:
        """The byte offset of each entry of the next part."""
        first, self._taken = self._taken, self._taken + len(part.starts)
        return part.starts.tolist() if self._places is None else list(self._places[first : self._taken])

    def _note_heads(self, part: Part) -> None:
        for report, element, count in zip(part.reports, part.heads, part.counts, strict=True):
            self._counts[report] = self._counts.get(report, 0) + count
            if report not in self.heads:
                head = deepcopy(element)
                iso.plain_names(head)
                self.heads[report] = camt.read_head(self.message, head, Problems(self.source))

    def _tables(self, part: Part, future: Future[Raw | None]) -> StatementTables:
        places = self.places(part)
        rows = None
        with suppress(NotPlain):
            if (raw := future.result()) is not None:
                rows = Batch(self, part, raw, places).rows()
        if rows is None:
            rows = Exact(self, part, places).rows(np.arange(len(part.starts)))
        self._sum(rows)
        ids = entry_ids(rows.entries, self.message.kind, self._seen)
        owners = np.searchsorted(rows.numbers, rows.owners)
        return StatementTables(
            entries=with_ids(rows.entries, ids),
            details=with_ids(rows.details, ids.take(pa.array(owners, pa.int64()))),
            balances=BALANCES.empty_table(),
            problems=PROBLEMS.empty_table(),
        )

    def _sum(self, rows: Rows) -> None:
        """Take the figures of some entries, by report: count, sums by currency and sign, booking dates, first currency."""
        entries = rows.entries
        positive = pc.greater(entries["amount"], Decimal(0)).cast(pa.int8())
        negative = pc.less(entries["amount"], Decimal(0)).cast(pa.int8())
        table = pa.table(
            {
                "report": rows.reports,
                "currency": pc.fill_null(entries["currency"], ""),
                "booked": pc.equal(entries["status"], "BOOK"),
                "sign": pc.subtract(positive, negative),
                "amount": entries["amount"],
                "day": entries["booking_date"],
            }
        )
        grouped = table.group_by(["report", "currency", "booked", "sign"], use_threads=False)
        wanted: list[Any] = [("amount", "sum"), ("amount", "count"), ("day", "min"), ("day", "max")]
        for row in grouped.aggregate(wanted).to_pylist():
            figures = self._figures.setdefault(row["report"], {})
            key = row["currency"], row["booked"], row["sign"]
            count, total = figures.get(key, (0, Decimal(0)))
            figures[key] = count + row["amount_count"], total + row["amount_sum"]
            self._currencies.setdefault(row["report"], row["currency"])
            days = [day for day in (row["day_min"], row["day_max"]) if day]
            self._days[row["report"]] = [*self._days.get(row["report"], []), *days]

    def _rest(self, root: iso.Element) -> StatementTables:
        """What stands around the entries, when all have come, with the problems of heads, entries and proof in this order."""
        bodies = list(root.iter("{*}" + self.message.body))
        names = ["{*}" + message.body for message in MESSAGES]
        if len(bodies) != 1 or len(list(root.iter(*names))) != 1:
            raise NotPlain("several messages, or none")
        problems = Problems(self.source)
        camt.version_of(self.message, bodies[0], problems)
        iso.plain_names(bodies[0])
        elements = bodies[0].findall(self.message.report)
        heads = [
            camt.with_others(self.message, element, camt.read_head(self.message, element, problems), header)
            for element, header in zip(elements, camt.headers_of(self.message, bodies[0]), strict=True)
        ]
        camt.tell_none(self.message, heads, problems)
        for report, early in self.heads.items():
            if any(getattr(early, name) != getattr(heads[report], name) for name in _IN_ROWS):
                raise NotPlain("what belongs to all entries stands after them")
        heads = [camt.with_currency(head, self._first_currency(number)) for number, head in enumerate(heads)]
        problems.extend(self.found.rows())
        for number, (head, element) in enumerate(zip(heads, elements, strict=True)):
            figures = self._figures.get(number, {})
            counted = self._counts.get(number, 0)
            check_summary(self.message, element, head.identification, counted, figures, problems)
            camt_reports.tell(self.message, head, problems)
            problems.extend(prove_totals(head, _booked(figures), self.source))
        problems.extend(continuity(heads, self.source))
        return StatementTables(
            entries=ENTRIES.empty_table(),
            details=DETAILS.empty_table(),
            balances=balances_of(heads),
            problems=problems_of(problems.rows()),
            statements=statements_of([(head, self._span(number)) for number, head in enumerate(heads)], self.source),
        )

    def _first_currency(self, report: int) -> list[str]:
        return [self._currencies[report]] if report in self._currencies else []

    def _span(self, report: int) -> Span:
        days = self._days.get(report, [])
        count = sum(count for count, _ in self._figures.get(report, {}).values())
        return Span(count, min(days, default=None), max(days, default=None))


#: What every row of a report carries of its head.
_IN_ROWS = ("identification", "account", "currency", "sequence")


def _booked(figures: Figures) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for (currency, booked, _), (_, total) in figures.items():
        if booked:
            totals[currency] = totals.get(currency, Decimal(0)) + total
    return totals
