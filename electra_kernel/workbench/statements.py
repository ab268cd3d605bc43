"""Statements in the workbench: fetched or read from files, proved, appended once to the ledger, asked for as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import pandas as pd
import pyarrow as pa
from tqdm.auto import tqdm

from electra_kernel import formats
from electra_kernel.formats.base import Format
from electra_kernel.printing import statement_pdf
from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS, StatementTables
from electra_kernel.statements.model import Statement
from electra_kernel.statements.proof import prove
from electra_kernel.vocabulary.accounts import parse_account
from electra_kernel.vocabulary.errors import ElectraError, Problem, UnreadableFile
from electra_kernel.vocabulary.text import html_table
from electra_kernel.workbench.fetching import Fetched, fetched
from electra_kernel.workbench.files import FileNotReadable, archive_file, frame_of, read_file
from electra_kernel.workbench.large import large_format, spooled
from electra_kernel.workbench.ownformats import own_formats
from electra_kernel.workbench.services import statement_services

if TYPE_CHECKING:
    from electra_kernel.store.ledger import Appended
    from electra_kernel.workbench.workbench import Workbench

#: The journal's subject under which imported statement files are listed.
_SUBJECT = "statements"

#: How many files, or bytes of them, are archived at once.
_AT_ONCE, _BYTES_AT_ONCE = 64, 16 * 2**20

#: The columns of the table of what was imported.
IMPORTED = ["name", "format", "outcome", "entries", "new", "balances_proved", "problems", "reason", "source"]

#: From how many files on a progress bar is worth its place.
SHOWN_FROM = 20


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


class Statements:
    """Every statement of the workbench."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._store = workbench, workbench.store

    def fetch(
        self, *, connection: str | None = None, since: date | None = None, until: date | None = None
    ) -> pd.DataFrame:
        """Fetch new statements (or those of a date range) from the bank and append them to the ledger once.

        Returns:
            One row a file: name, format, outcome (read, doubtful, skipped, refused), entries, new, balances_proved,
            problems, reason (the gravest problem in words), source (SHA-256).

        Raises:
            NotReady, ChannelError, EbicsError: nothing was lost; fetch again later.
        """
        line = self._workbench.connections.default(connection)
        done: list[Imported] = []
        with line.conversation() as talk:
            for service in statement_services(line.info()):
                with fetched(self._store, line, talk, service=service, since=since, until=until) as files:
                    done += self._take(files)
        return import_frame(done)

    def read(self, path: str | Path) -> pd.DataFrame:
        """Read a statement file, or every file of a folder, and append to the ledger once; returns as ``fetch`` does.

        A folder may hold any mix: each file is told by its content; payments and other kinds that are known and hold
        no statements are skipped with a word. Of a folder, hidden files and folders are left out, and a file that cannot be opened is a row among
        ``problems`` that does not keep the others out.

        Raises:
            ElectraError: the one file named cannot be read.
        """
        place = Path(path)
        if not place.is_dir():
            large = large_format(place)
            return import_frame([self._take_large(place, large)] if large else self._take([self._archived(place)]))
        files, closed = visible_files(place), list[Problem]()
        large_ones = [(file, found) for file in files if (found := large_format(file)) is not None]
        done = [self._take_large(file, found) for file, found in large_ones]
        others = [file for file in files if file not in {file for file, _ in large_ones}]
        shown = tqdm(others, total=len(others), disable=len(others) < SHOWN_FROM)
        return import_frame(done + self._take(self._openable(shown, closed), closed))

    def _take_large(self, file: Path, found: Format) -> Imported:
        """Archive a file that is too large for memory, and append it once it is known to be whole."""
        sha256 = self._store.archive.put_file(file, name=file.name)
        try:
            with spooled(file, found, sha256) as spool:
                appended = self._store.ledger.append_large(spool.entries, spool.details, spool.rest, source=sha256)
                told = tuple(Problem(**row) for row in spool.rest.problems.to_pylist()) + appended.conflicts
                proved = not any(problem.severity == "error" for problem in told)
                imported = Imported(sha256, file.name, spool.rows, appended.entries, proved, told, found.name)
        except UnreadableFile as error:
            self._store.ledger.append(problems_only([error.problem]))
            return Imported(sha256, file.name, 0, 0, False, (error.problem,))
        self._note([imported])
        return imported

    def _archived(self, file: Path) -> Fetched:
        data = read_file(file)
        return Fetched(file.name, data, archive_file(self._store, data, file.name))

    def _openable(self, files: Iterable[Path], closed: list[Problem]) -> Iterator[Fetched]:
        """The files that can be opened, archived a few at a time, as each time waits for the disk."""
        opened = list[tuple[str, bytes]]()
        for file in files:
            try:
                opened.append((file.name, read_file(file)))
            except FileNotReadable as error:
                closed.append(unopened(file.name, error))
            if len(opened) >= _AT_ONCE or sum(len(data) for _, data in opened) >= _BYTES_AT_ONCE:
                yield from self._all_archived(opened)
                opened = []
        yield from self._all_archived(opened)

    def _all_archived(self, opened: Sequence[tuple[str, bytes]]) -> Iterator[Fetched]:
        hashes = self._store.archive.put_many(opened)
        yield from (Fetched(name, data, sha256) for (name, data), sha256 in zip(opened, hashes, strict=True))

    def _take(self, files: Iterable[Fetched], closed: Sequence[Problem] = ()) -> list[Imported]:
        """Put archived files into the ledger, all in one append; what cannot be read becomes a problem there.

        ``closed`` are files that could not even be opened; it may grow while ``files`` is gone through.
        """
        read: list[tuple[Fetched, str, StatementTables]] = []
        refused: list[Imported] = []
        own = own_formats(self._store.folder)
        for file in files:
            name = ""
            try:
                found = formats.detect(file.data, file.sha256, own)
                name = found.name
                read.append((file, name, formats.tables_by(found, file.data, file.sha256)))
            except UnreadableFile as error:
                refused.append(_left_aside(file, name, error.problem))
        refused += [Imported("", problem.source, 0, 0, False, (problem,)) for problem in closed]
        strange = problems_only(problem for item in refused for problem in item.problems)
        sources = [file.sha256 for file, _, _ in read]
        appended = self._store.ledger.append(*(tables for _, _, tables in read), strange, sources=sources)
        imported, told = list[Imported](), set[str]()
        for file, name, tables in read:
            # The same bytes under another name bring nothing new.
            new = 0 if file.sha256 in told else appended.by_source.get(file.sha256, 0)
            imported.append(_imported(file, name, tables, new, appended))
            told.add(file.sha256)
        self._note(imported)
        return imported + refused

    def _note(self, imported: Iterable[Imported]) -> None:
        with self._store.lock("statements", purpose="noting imported statements", wait=60):
            known = {event.data["source"] for event in self._store.journal.events(subject=_SUBJECT)}
            new = {item.source: item for item in reversed(list(imported)) if item.source not in known}
            rows = [
                {"source": item.source, "name": item.name, "entries": item.entries, "new": item.new}
                for item in reversed(new.values())
            ]
            self._store.journal.append_many(_SUBJECT, "imported", rows)

    def entries(
        self, *, since: str | date | None = None, until: str | date | None = None, account: str | None = None
    ) -> pd.DataFrame:
        """Entries of the ledger, oldest first, in the ledger's columns with Arrow types.

        Args:
            since, until: first and last booking date, as dates or ``2026-01-31``.
            account: an account number in any usual spelling.
        """
        table = self._store.ledger.entries()
        if since is not None:
            table = table.filter(table.booking_date >= _day(since))
        if until is not None:
            table = table.filter(table.booking_date <= _day(until))
        if account is not None:
            table = table.filter(table.account == parse_account(account))
        return arrow_frame(table.order_by(["booking_date", "account", "statement", "position"]))

    def details(self) -> pd.DataFrame:
        """Payments inside batched bookings, in the ledger's columns."""
        return arrow_frame(self._store.ledger.details())

    def balances(self) -> pd.DataFrame:
        """Every balance the bank reported, in the ledger's columns."""
        return arrow_frame(self._store.ledger.balances().order_by(["account", "date", "kind"]))

    def problems(self) -> pd.DataFrame:
        """Everything that did not add up or could not be read, with its place and repair."""
        return arrow_frame(self._store.ledger.problems())

    def __iter__(self) -> Iterator[Statement]:
        """Every statement, read exactly from the archived bytes, oldest file first."""
        own = own_formats(self._store.folder)
        for event in self._store.journal.events(subject=_SUBJECT):
            source = event.data["source"]
            yield from formats.read(self._store.archive.get(source), source, own).statements

    def __getitem__(self, identification: str) -> Statement:
        found = next((statement for statement in self if statement.identification == identification), None)
        if found is None:
            raise ElectraError(f"There is no statement {identification!r}.", repair="See list(wb.statements).")
        return found

    def latest(self, account: str) -> Statement:
        """The newest statement of an account.

        Raises:
            ElectraError: there is none.
        """
        number = parse_account(account)
        found = [statement for statement in self if statement.account == number]
        if not found:
            raise ElectraError(f"There is no statement of {account}.", repair="Fetch first: wb.statements.fetch().")
        return max(found, key=lambda statement: (statement.to_date or date.min, statement.sequence or 0))

    def pdf(self, statement: Statement) -> bytes:
        """A statement as a PDF, with the proof of its balances."""
        return statement_pdf(statement, prove(statement), printed=self._workbench.clock())

    def __repr__(self) -> str:
        return f"Statements: {len(self._store.journal.events(subject=_SUBJECT))} files in the ledger"

    def _repr_html_(self) -> str:
        events = self._store.journal.events(subject=_SUBJECT)
        rows = [(event.at, event.data["name"], event.data["new"]) for event in events]
        return html_table(("Imported", "File", "New entries"), rows, caption="Statements")


def _left_aside(file: Fetched, name: str, problem: Problem) -> Imported:
    """A file without statements: skipped where it is sound and of another kind, else refused."""
    if problem.rule == formats.NO_STATEMENTS:
        return Imported(file.sha256, file.name, 0, 0, False, (), name, skipped=problem.text)
    return Imported(file.sha256, file.name, 0, 0, False, (problem,))


def _imported(file: Fetched, name: str, tables: StatementTables, new: int, appended: Appended) -> Imported:
    told = tuple(Problem(**row) for row in tables.problems.to_pylist())
    problems = told + tuple(conflict for conflict in appended.conflicts if conflict.source == file.sha256)
    proved = not any(problem.severity == "error" for problem in problems)
    return Imported(file.sha256, file.name, tables.entries.num_rows, new, proved, problems, name)


def arrow_frame(table: ibis.Table) -> pd.DataFrame:
    """Run an expression into a DataFrame with Arrow types, so that amounts stay decimal."""
    return frame_of(table.to_pyarrow())


def problems_only(problems: Iterable[Problem]) -> StatementTables:
    """Problems as rows of the ledger's ``problems``, and nothing for its other tables."""
    rows = pa.Table.from_pylist([problem.as_row() for problem in problems], schema=PROBLEMS)
    return StatementTables(ENTRIES.empty_table(), DETAILS.empty_table(), BALANCES.empty_table(), rows)


def unopened(name: str, error: FileNotReadable) -> Problem:
    """A file that cannot be opened, as a problem."""
    return Problem(
        source=name,
        position=None,
        field="file",
        rule="unreadable",
        text=f"The file cannot be opened: {error.cause}",
        repair=error.repair,
    )


def visible_files(folder: Path) -> list[Path]:
    """Every file under a folder, in order; what is hidden (a name with a leading dot, or in such a folder) is not meant."""
    found = (path for path in folder.rglob("*") if not path.is_dir() and (path.is_file() or path.is_symlink()))
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _day(day: str | date) -> date:
    if isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise ElectraError(f"{day!r} is not a date.", repair="Write it as 2026-01-31.") from error


def import_frame(done: Iterable[Imported]) -> pd.DataFrame:
    """One row a file, in the columns that ``fetch`` documents."""
    return pd.DataFrame(
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
