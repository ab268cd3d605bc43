"""Bringing files into the ledger: archived, read, appended together, noted; and one row each of what became of them.

What may live here: one import (``Import``) from files to rows. What there is to read is told by ``sources``, how a file is
read by ``reading``, by whom by ``readers``. Whatever ends an import in its midst leaves nothing half done: archived files
stay, each append is whole, and the same import again goes on where it stopped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa

from electra_kernel import formats
from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS, StatementTables
from electra_kernel.store import Store
from electra_kernel.vocabulary.errors import Problem, UnreadableFile
from electra_kernel.vocabulary.text import html_table
from electra_kernel.workbench import limits
from electra_kernel.workbench.large import spooled
from electra_kernel.workbench.ownformats import own_of
from electra_kernel.workbench.readers import read_in_turn
from electra_kernel.workbench.reading import FileRead
from electra_kernel.workbench.sources import Source

#: The journal's subject under which imported statement files are listed.
SUBJECT = "statements"

#: The columns of the table of what was imported.
IMPORTED = ["name", "format", "outcome", "entries", "new", "balances_proved", "problems", "reason", "source"]

#: What may become of a file.
OUTCOMES = ("read", "doubtful", "skipped", "refused")

#: Warnings after which a figure may still be other than it seems.
_DOUBTS = frozenset(("date-order", "sign", "running-balance", "amount-doubtful", "details-sum", "quotes"))


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file: how many entries it has, how many were new, and whether its balances add up.

    ``format`` is the name of its format where it has one; ``skipped`` says in words why a good file of another kind was
    left aside.
    """

    source: str
    name: str
    entries: int
    new: int
    balances_proved: bool
    problems: tuple[Problem, ...]
    format: str = ""
    skipped: str = ""

    @property
    def outcome(self) -> str:
        """``read``, ``doubtful`` (read, and something about it is wrong or uncertain), ``skipped`` or ``refused``."""
        if self.skipped:
            return "skipped"
        if not self.format:
            return "refused"
        doubted = any(problem.severity == "error" or problem.rule in _DOUBTS for problem in self.problems)
        return "doubtful" if doubted else "read"

    @property
    def reason(self) -> str:
        """The gravest problem in words, or why the file was skipped; empty where all is well."""
        worst = sorted(self.problems, key=lambda problem: problem.severity != "error")
        return self.skipped or (worst[0].text if worst else "")


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in the archive, with its place in the table of what became of each."""

    number: int
    name: str
    data: bytes
    sha256: str


class Import:
    """One import; ``done`` tells when a file more is finished."""

    def __init__(self, store: Store, done: Callable[[], object] = lambda: None) -> None:
        self._store, self._done = store, done
        self._rows = dict[int, Imported]()
        self._strange = list[Problem]()
        self._read = list[tuple[Kept, str, StatementTables]]()
        self._bytes = 0
        self._told = set[str]()

    def take(self, found: Iterable[Source], *, count: int = 0, size: int = 0) -> list[Imported]:
        """Import what there is; a row for each file, in their order.

        Args:
            found: what there is (``sources``).
            count, size: how many files there are at least, and how many bytes, as far as is known.
        """
        return self.take_kept(self._archived(found), count=count, size=size)

    def take_kept(self, files: Iterable[Kept], *, count: int = 0, size: int = 0) -> list[Imported]:
        """Import files that are in the archive already, as ``take`` does."""
        own = own_of(self._store.folder)
        with closing(read_in_turn(files, own, count=count, size=size)) as results:
            for file, result in results:
                self._note_read(file, result)
                self._done()
        self._append()
        return [row for _, row in sorted(self._rows.items())]

    # -------------------------------------------------------------------------------------------------- archive
    def _archived(self, found: Iterable[Source]) -> Iterator[Kept]:
        """Files that can be read, archived some at a time, as each time waits for the disk; others are noted."""
        waiting, size = list[tuple[int, Source]](), 0
        for number, each in enumerate(found):
            if each.path is not None:
                self._take_on_disk(number, each)
            elif each.data is None:
                self._leave_out(number, each)
            else:
                waiting.append((number, each))
                size += len(each.data)
            if len(waiting) >= limits.LIMITS.archive_files or size >= limits.LIMITS.archive_bytes:
                yield from self._put(waiting)
                waiting, size = [], 0
        yield from self._put(waiting)

    def _put(self, waiting: Sequence[tuple[int, Source]]) -> Iterator[Kept]:
        hashes = self._store.archive.put_many([(each.name, each.data or b"") for _, each in waiting])
        for (number, each), sha256 in zip(waiting, hashes, strict=True):
            if each.container:
                self._contained(number, each, sha256)
            else:
                yield Kept(number, each.name, each.data or b"", sha256)

    def _take_on_disk(self, number: int, each: Source) -> None:
        """A file that is not held: a container is kept, another read in parts once it is known to be whole."""
        assert each.path is not None
        sha256 = self._store.archive.put_file(each.path, name=each.name)
        if each.container:
            self._contained(number, each, sha256)
            return
        assert each.format is not None
        try:
            with spooled(each.path, each.format, sha256) as spool:
                appended = self._store.ledger.append_large(spool.entries, spool.details, spool.rest, source=sha256)
                told = spool.rest.told() + appended.conflicts
                proved = not any(problem.severity == "error" for problem in told)
                row = Imported(sha256, each.name, spool.rows, appended.entries, proved, told, each.format.name)
        except UnreadableFile as error:
            self._refuse(number, each.name, sha256, error.problem)
        else:
            self._rows[number] = row
            self._note([row])
        self._done()

    def _contained(self, number: int, each: Source, sha256: str) -> None:
        """A container that could be opened has no row of its own: its files have."""
        if each.problem is not None:
            self._refuse(number, each.name, sha256, replace(each.problem, source=sha256))
        self._done()

    def _leave_out(self, number: int, each: Source) -> None:
        if each.problem is not None:
            self._refuse(number, each.name, "", each.problem)
        else:
            self._rows[number] = Imported("", each.name, 0, 0, False, (), skipped=each.skipped)
        self._done()

    # --------------------------------------------------------------------------------------------------- ledger
    def _note_read(self, file: Kept, result: FileRead) -> None:
        if result.refusal is not None:
            if result.refusal.rule == formats.NO_STATEMENTS:
                skipped = result.refusal.text
                self._rows[file.number] = Imported(
                    file.sha256, file.name, 0, 0, False, (), result.format, skipped=skipped
                )
            else:
                self._refuse(file.number, file.name, file.sha256, result.refusal)
        elif result.tables is not None:
            self._read.append((replace(file, data=b""), result.format, result.tables))
            self._bytes += _size(result.tables)
            if self._bytes >= limits.LIMITS.append_bytes:
                self._append()

    def _refuse(self, number: int, name: str, sha256: str, problem: Problem) -> None:
        self._rows[number] = Imported(sha256, name, 0, 0, False, (problem,))
        self._strange.append(problem)

    def _append(self) -> None:
        """Put what was read so far into the ledger, all in one append, and note it."""
        if not self._read and not self._strange:
            return
        sources = [file.sha256 for file, _, _ in self._read]
        given = [tables for _, _, tables in self._read]
        appended = self._store.ledger.append(*given, problems_only(self._strange), sources=sources)
        conflicts = defaultdict[str, list[Problem]](list)
        for conflict in appended.conflicts:
            conflicts[conflict.source].append(conflict)
        rows = list[Imported]()
        for file, name, tables in self._read:
            # The same bytes under another name bring nothing new.
            new = 0 if file.sha256 in self._told else appended.by_source.get(file.sha256, 0)
            self._told.add(file.sha256)
            problems = (*tables.told(), *conflicts[file.sha256])
            proved = not any(problem.severity == "error" for problem in problems)
            row = Imported(file.sha256, file.name, tables.entries.num_rows, new, proved, problems, name)
            self._rows[file.number] = row
            rows.append(row)
        self._note(rows)
        self._read, self._strange, self._bytes = [], [], 0

    def _note(self, imported: Iterable[Imported]) -> None:
        with self._store.lock("statements", purpose="noting imported statements", wait=60):
            known = {event.data["source"] for event in self._store.journal.events(subject=SUBJECT)}
            new = {item.source: item for item in reversed(list(imported)) if item.source not in known}
            rows = [
                {"source": item.source, "name": item.name, "entries": item.entries, "new": item.new}
                for item in reversed(new.values())
            ]
            self._store.journal.append_many(SUBJECT, "imported", rows)


#: What the tables of a file weigh however few rows they have, what a row has about, and from how many rows on these are
#: counted rather than guessed: for small files counting is half of what is done here with them.
_FILE, _ROW, _COUNTED_FROM = 24_576, 1_024, 100


def _size(tables: StatementTables) -> int:
    """What is held with some tables, in bytes."""
    rows = tables.entries.num_rows + tables.details.num_rows
    cells: int = tables.entries.nbytes + tables.details.nbytes if rows >= _COUNTED_FROM else rows * _ROW
    return _FILE + cells


def problems_only(problems: Iterable[Problem]) -> StatementTables:
    """Problems as rows of the ledger's ``problems``, and nothing for its other tables."""
    rows = pa.Table.from_pylist([problem.as_row() for problem in problems], schema=PROBLEMS)
    return StatementTables(ENTRIES.empty_table(), DETAILS.empty_table(), BALANCES.empty_table(), rows)


class ImportedFrame(pd.DataFrame):
    """The table of what became of files: in a notebook what is to be looked at comes first, every reason in full."""

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def _repr_html_(self) -> str:
        shown = self if len(self) <= FEW else self[self["outcome"] != "read"]
        columns = [name for name in IMPORTED if name != "source"]
        order = {word: place for place, word in enumerate(reversed(OUTCOMES))}
        rows = sorted(shown[columns].head(MOST).itertuples(index=False), key=lambda row: order[str(row.outcome)])
        names = [name.replace("_", " ") for name in columns]
        said = [_count(len(self), self["outcome"], int(self["entries"].sum()))]
        if len(rows) < len(self):
            said.append(f"Shown: {len(rows):,}; the table holds all.")
        cells = [["yes" if cell is True else "no" if cell is False else cell for cell in row] for row in rows]
        return html_table(names, cells, caption=" ".join(said))


#: So many files are shown one by one; of more, those that were not simply read, and not more than these.
FEW, MOST = 50, 200


def import_frame(done: Iterable[Imported]) -> ImportedFrame:
    """One row a file, in the columns ``IMPORTED``."""
    return ImportedFrame(
        [
            {
                "name": item.name,
                "format": item.format,
                "outcome": item.outcome,
                "entries": item.entries,
                "new": item.new,
                "balances_proved": item.balances_proved,
                "problems": len(item.problems),
                "reason": item.reason,
                "source": item.source,
            }
            for item in done
        ],
        columns=IMPORTED,
    )


def summary(done: Sequence[Imported]) -> str:
    """How many files were read, doubted, skipped and refused, in one line."""
    return _count(len(done), (each.outcome for each in done), sum(each.entries for each in done))


def _count(files: int, outcomes: Iterable[str], entries: int) -> str:
    counts = Counter(outcomes)
    said = ", ".join(f"{counts[word]:,} {word}" for word in OUTCOMES if counts[word])
    return f"{files:,} file{'s' if files != 1 else ''}: {said or 'nothing'}; {entries:,} entries."
