"""A campaign against the readers of bank files: whole files of every format, damaged, into every way of reading them.

What must hold of each: a clear error or a reading, never another exception; work in proportion to the size; amounts
that are finite decimals; the ledger's tables in their schemas; and, where a format is read in two ways, the same tables
or a refusal by both.
"""

from __future__ import annotations

import faulthandler
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from decimal import Decimal
from random import Random
from typing import Any, TypeAlias

from electra_kernel import formats
from electra_kernel.formats import Format, Reading
from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS, STATEMENTS, StatementTables
from electra_kernel.statements.tables import joined_tables, tables_of
from electra_kernel.vocabulary.errors import ElectraError
from tests.fuzz.campaign import COUNTED, PATIENCE, Defect, Outcome
from tests.fuzz.filemutations import mutated_file
from tests.fuzz.seeds import files
from tests.fuzz.watch import calls_of, peak_memory

Batches: TypeAlias = Callable[[Iterable[bytes], str], Iterator[StatementTables]]

#: Into how many pieces a file is cut for the readers of files of any size.
PIECES = 7
#: Where the files are said to come from.
SOURCE = "fuzz"
SCHEMAS = {"entries": ENTRIES, "details": DETAILS, "balances": BALANCES, "problems": PROBLEMS, "statements": STATEMENTS}
#: Seconds of processor time that a damaged file may cost, and per million bytes more; a whole one costs some thousandths.
#: A file of three million bytes whose calls are counted takes three on an idle machine.
LONGEST, PER_MILLION = 5.0, 10.0
#: Of every so many files one goes into the reader of a format that is not its own.
STRANGERS = 40


def allowed_calls(size: int) -> int:
    """What a file of ``size`` bytes may cost at most, read in all ways: in proportion to its size."""
    return 400_000 + 80 * size


class Files:
    """One run with one seed."""

    def __init__(self, seed: int, documents: int) -> None:
        self.chance, self.wanted, self.outcome = Random(seed), documents, Outcome()

    def run(self) -> Outcome:
        """Go on until enough files were tried, each format as often as the others."""
        while self.outcome.documents < self.wanted:
            for whole in files().values():
                self.attempt(formats.detect(whole, "whole"), mutated_file(whole, self.chance))
        return self.outcome

    def attempt(self, known: Format, data: bytes) -> None:
        """Read one file in every way and keep what is wrong with that."""
        self.outcome.documents += 1
        if not self.outcome.documents % STRANGERS:
            known = self.chance.choice(formats.FORMATS)
        begun = time.process_time()
        try:
            found = self._faults(known, data)
        except Exception as error:
            found = [_told(error)]
        except BaseException as error:
            # What a parser in another language throws when it panics is no Exception.
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            found = [_told(error)]
        spent = time.process_time() - begun
        if spent > LONGEST + PER_MILLION * len(data) / 1e6:
            found.append(f"{spent:.1f} seconds for {len(data)} bytes")
        self.outcome.defects += [Defect(f"{known.name}: {each}", data) for each in found]

    def _faults(self, known: Format, data: bytes) -> list[str]:
        watch = Ways(known, data)
        if self.outcome.documents % COUNTED:
            watch.go()
        else:
            calls = calls_of(watch.go)
            self.outcome.most_calls = max(self.outcome.most_calls, calls)
            if calls > allowed_calls(len(data)):
                watch.faults.append(f"{calls} calls for {len(data)} bytes")
        self.outcome.codes[f"{known.name} {'refused' if watch.reading is None else 'read'}"] += 1
        return watch.faults


def _told(error: BaseException) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:200]} ({place.filename.rpartition('/')[2]}:{place.lineno})"


class Ways:
    """One file read in every way there is, and what is wrong with that."""

    def __init__(self, known: Format, data: bytes) -> None:
        self._known, self._data = known, data
        self.reading: Reading | None = None
        self.faults: list[str] = []

    def go(self) -> None:
        """Detect, read, make tables, and compare."""
        with suppress(ElectraError):
            formats.detect(self._data, SOURCE)
        with suppress(ElectraError):
            self.reading = self._known.read(self._data, SOURCE)
        exact = None
        if self.reading is not None:
            self.faults += [f"an amount is {each!r}" for each in strange_amounts(self.reading)]
            self.faults += [
                f"a problem without words: {each}" for each in self.reading.problems if not (each.text and each.repair)
            ]
            exact = tables_of(self.reading.statements, SOURCE, self.reading.problems)
            self.faults += wrong_schemas(exact)
        if self._known.tables is not None:
            self._compare(exact, self._known.tables)
        if self._known.batches is not None:
            self._in_pieces(exact, self._known.batches)

    def _in_pieces(self, exact: StatementTables | None, read: Batches) -> None:
        """In pieces a file may be refused that is read as a whole; where it is read, it says the same."""
        size = 1 + len(self._data) // PIECES
        cut = (self._data[at : at + size] for at in range(0, len(self._data), size))
        with suppress(ElectraError):
            whole = joined_tables(list(read(cut, SOURCE)))
            self.faults += wrong_schemas(whole)
            self.faults += ["refused by one way, read in pieces"] if exact is None else _differences(exact, whole)

    def _compare(self, exact: StatementTables | None, read: Callable[[bytes, str], StatementTables]) -> None:
        try:
            fast = read(self._data, SOURCE)
        except ElectraError as error:
            if exact is not None:
                self.faults.append(f"read by one way, refused by the fast one: {error}")
            return
        if exact is None:
            self.faults.append("refused by one way, read by the fast one")
            return
        self.faults += wrong_schemas(fast)
        self.faults += _differences(exact, fast)


def _differences(one: StatementTables, other: StatementTables) -> list[str]:
    return [
        f"the two ways differ in {name}.{column}"
        for name in SCHEMAS
        for column in getattr(one, name).column_names
        if getattr(one, name)[column].to_pylist() != getattr(other, name)[column].to_pylist()
    ]


def wrong_schemas(tables: StatementTables) -> list[str]:
    """The tables that are not the ledger's."""
    return [f"{name} has another schema" for name, schema in SCHEMAS.items() if getattr(tables, name).schema != schema]


def strange_amounts(value: Any) -> Iterator[Any]:
    """Floats, and decimals that are no number, anywhere in what was read."""
    if isinstance(value, float) or (isinstance(value, Decimal) and not value.is_finite()):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from strange_amounts(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from strange_amounts(getattr(value, field.name))


def file_portion(seed: int, documents: int) -> tuple[int, Outcome, int]:
    """A campaign in a process of its own: its seed, what came of it, and the most memory it held, in bytes."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    outcome = Files(seed, documents).run()
    faulthandler.cancel_dump_traceback_later()
    return seed, outcome, peak_memory()
