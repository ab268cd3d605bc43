"""Statements in the workbench: fetched or read from files, proved, appended once to the ledger, asked for as tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from electra_kernel import formats
from electra_kernel.printing import statement_pdf
from electra_kernel.statements.model import Statement
from electra_kernel.statements.proof import prove
from electra_kernel.vocabulary.accounts import parse_account
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.text import html_table
from electra_kernel.workbench import limits
from electra_kernel.workbench.fetching import fetched
from electra_kernel.workbench.files import frame_of
from electra_kernel.workbench.importing import SUBJECT, Import, Imported, Kept, import_frame
from electra_kernel.workbench.ownformats import own_formats
from electra_kernel.workbench.progress import FilesBar
from electra_kernel.workbench.services import statement_services
from electra_kernel.workbench.sources import found_in, source_of, sources

if TYPE_CHECKING:
    from electra_kernel.workbench.workbench import Workbench


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
                    kept = (Kept(number, each.name, each.data, each.sha256) for number, each in enumerate(files))
                    done += Import(self._store).take_kept(kept)
        return import_frame(done)

    def read(self, path: str | Path) -> pd.DataFrame:
        """Read a statement file, or every file of a folder, and append to the ledger once; returns as ``fetch`` does.

        A folder may hold any mix, also in ZIP archives: each file is told by its content; payments and other kinds that
        are known and hold no statements are skipped with a word. Hidden files and folders are left out, and a file that
        cannot be opened is a row among ``problems`` that does not keep the others out. Many files are read by several
        processes, one a core.

        Raises:
            ElectraError: the one file named cannot be read.
        """
        place = Path(path)
        if not place.is_dir():
            with FilesBar(1) as bar:
                return import_frame(Import(self._store, bar.step).take(source_of(place, place.name, bar.more)))
        # Large ones come first: they are appended by themselves, the others together.
        found = sorted(found_in(place), key=lambda each: each.size < limits.LIMITS.large)
        with FilesBar(len(found)) as bar:
            job = Import(self._store, bar.step)
            size = sum(each.size for each in found)
            return import_frame(job.take(sources(found, bar.more), count=len(found), size=size))

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
        for event in self._store.journal.events(subject=SUBJECT):
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
        return f"Statements: {len(self._store.journal.events(subject=SUBJECT))} files in the ledger"

    def _repr_html_(self) -> str:
        events = self._store.journal.events(subject=SUBJECT)
        rows = [(event.at, event.data["name"], event.data["new"]) for event in events]
        return html_table(("Imported", "File", "New entries"), rows, caption="Statements")


def arrow_frame(table: ibis.Table) -> pd.DataFrame:
    """Run an expression into a DataFrame with Arrow types, so that amounts stay decimal."""
    return frame_of(table.to_pyarrow())


def _day(day: str | date) -> date:
    if isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise ElectraError(f"{day!r} is not a date.", repair="Write it as 2026-01-31.") from error
