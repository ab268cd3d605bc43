"""What every format has in common: what one file says (``Reading``), one row of the table of formats (``Format``),
the one way to refuse a file, and how many small values are made quickly. No format lives here."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from electra_kernel.orders.cancellation import CancellationAnswer, CancellationRequest
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.orders.status import StatusReport
from electra_kernel.statements.billing import BillingStatement
from electra_kernel.statements.columns import StatementTables
from electra_kernel.statements.model import Statement
from electra_kernel.statements.proof import prove_all
from electra_kernel.vocabulary.errors import Problem, UnreadableFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one file says.

    Attributes:
        format: the format and version found, such as ``camt.053.001.08``.
        orders: whole orders.
        transactions: payments of a file that names no debtor (CSV, Excel): not yet an order. A tuple, or what is equal
            to one and makes its objects only when asked for them.
        statements: account statements.
        reports: a bank's answers to orders.
        cancellations: requests to call payments back.
        answers: answers to such requests.
        billing: a bank's bills for its services.
        problems: everything that is wrong with the file or was not carried over.
    """

    format: str
    orders: tuple[Order, ...] = ()
    transactions: Sequence[Transaction] = ()
    statements: tuple[Statement, ...] = ()
    reports: tuple[StatusReport, ...] = ()
    cancellations: tuple[CancellationRequest, ...] = ()
    answers: tuple[CancellationAnswer, ...] = ()
    billing: tuple[BillingStatement, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format that is read, and written where ``write`` is given.

    Attributes:
        name: its short name, such as ``camt.053``.
        title: its name for people.
        extensions: usual endings of its files; for saving, never for telling formats apart.
        detect: whether these bytes are of this format; looks at the content, is quick, raises nothing.
        read: bytes and source (name or SHA-256 of the file) to a Reading; raises UnreadableFile.
        write: objects to bytes, with the arguments its module documents; ``None`` where it is not written.
        tables: bytes and source straight to the ledger's columns; ``None`` where there is no fast way.
        tables_from: from how many bytes on ``tables`` is faster than ``read``; both give the same cells.
        batches: pieces of the bytes, in order, and source, to the ledger's columns in parts, for files of any size;
            ``None`` where a file is read as a whole only.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    detect: Callable[[bytes], bool]
    read: Callable[[bytes, str], Reading]
    write: Callable[..., bytes] | None = None
    tables: Callable[[bytes, str], StatementTables] | None = None
    tables_from: int = 0
    batches: Callable[[Iterable[bytes], str], Iterator[StatementTables]] | None = None


def proved(format: str, statements: Sequence[Statement], problems: Problems) -> Reading:  # noqa: A002
    """A reading of statements, with what does not add up in and between them among its problems."""
    problems.extend(prove_all(statements, problems.source))
    return Reading(format=format, statements=tuple(statements), problems=problems.rows())


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause the cyclic garbage collector: a million small values without cycles would be walked through again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def unreadable(
    source: str, rule: str, text: str, repair: str, *, field: str = "file", position: int | None = None
) -> UnreadableFile:
    """The one error for a file from which nothing can be used."""
    return UnreadableFile(Problem(source=source, position=position, field=field, rule=rule, text=text, repair=repair))


class Problems:
    """Collects the problems of one file; a rule with a key is told once only."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._rows: list[Problem] = []
        self._told: set[tuple[str, str]] = set()

    def error(self, position: int | None, field: str, rule: str, text: str, repair: str) -> None:
        """Something that makes the row or file unusable as it is."""
        self._rows.append(
            Problem(source=self.source, position=position, field=field, rule=rule, text=text, repair=repair)
        )

    def warn(self, position: int | None, field: str, rule: str, text: str, repair: str) -> None:
        """Something the user should know; the row stays usable."""
        self._rows.append(
            Problem(
                source=self.source,
                position=position,
                field=field,
                rule=rule,
                text=text,
                repair=repair,
                severity="warning",
            )
        )

    def warn_once(self, field: str, rule: str, text: str, repair: str, position: int | None = None) -> None:
        """A warning that is told once for each rule and field of the file, with the place of the first."""
        if (rule, field) not in self._told:
            self._told.add((rule, field))
            self.warn(position, field, rule, text, repair)

    def extend(self, problems: Any) -> None:
        """Take over problems found elsewhere."""
        self._rows.extend(problems)

    def rows(self) -> tuple[Problem, ...]:
        """Everything found, in the order found."""
        return tuple(self._rows)
