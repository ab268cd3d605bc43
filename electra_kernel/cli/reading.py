"""``electra read``: statements and payments as one table in the shell, without a workbench."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel import formats
from electra_kernel.cli.notices import notices
from electra_kernel.cli.tables import ENTRY_COLUMNS, say, show, tell_problems, warn
from electra_kernel.formats.base import Format
from electra_kernel.formats.payment_tables import payment_entries
from electra_kernel.formats.places import places
from electra_kernel.statements.billing import billing_rows
from electra_kernel.statements.columns import ENTRIES
from electra_kernel.store.archive import hash_of
from electra_kernel.vocabulary.errors import Problem, UnreadableFile
from electra_kernel.workbench.files import frame_of, keep_sources, write_table
from electra_kernel.workbench.importing import FEW, MOST, Imported, import_frame, summary
from electra_kernel.workbench.large import batches, large_format, pieces, write_large
from electra_kernel.workbench.ownformats import own_of
from electra_kernel.workbench.progress import FilesBar
from electra_kernel.workbench.readers import read_in_turn
from electra_kernel.workbench.reading import FileRead, Own
from electra_kernel.workbench.sources import Found, Source, found_in, source_of, sources

#: A folder that is none: no formats of one's own.
_NONE = Path(os.devnull)
#: More rows than these are not shown, but counted; of each of several files as many problems.
_SHOWN, _TOLD = 200, 3


def read_files(
    files: Sequence[Path],
    out: Path | None,
    profile: Path | None = None,
    workbench: Path = _NONE,
    dates: str = "",
) -> int:
    """Read statements and payments into one table and show or write it; 1 where a file could not be read.

    Args:
        files: what to read; of folders and ZIP archives, every file in them that is not hidden.
        out: where to; shown where not given.
        profile: the format of all of them; told from the content where not given.
        workbench: the folder whose own formats count.
        dates: the order of day, month and year in sheets, where they do not tell.

    Raises:
        FileNotReadable: a file that was named cannot be opened.
        ElectraError: the table would be written over one of the files.
    """
    if out is not None:
        keep_sources(files, out)
    own = replace(own_of(workbench, profile), dates=dates)
    own.formats()  # what is wrong with what was asked is said before anything is read
    if not own.texts and len(files) == 1 and out is not None and out.suffix.lower() in (".parquet", ".csv"):
        large = large_format(files[0])
        if large is not None:
            return _read_large(files[0], large, out)
    found = [each for file in files for each in (found_in(file) if file.is_dir() else [Found(file.name, file)])]
    with FilesBar(len(found), terminal_only=True) as bar:
        job = _Job(own, bar)
        if any(file.is_dir() for file in files):
            job.take(sources(found, bar.more), len(found), sum(each.size for each in found))
        else:
            job.take((each for file in files for each in source_of(file, file.name, bar.more)), len(found), 0)
    return job.tell(out)


@dataclass(frozen=True, slots=True)
class _Given:
    """A file to read, and its place among the others."""

    number: int
    name: str
    data: bytes
    sha256: str


class _Job:
    """Reads what there is, and tells what came of it."""

    def __init__(self, own: Own, bar: FilesBar) -> None:
        self._own, self._bar = own, bar
        self._tables = dict[int, pa.Table]()
        self._done = dict[int, Imported]()
        #: Where the problems of each file stand, in words.
        self._places = dict[int, dict[int, str]]()

    def take(self, found: Iterable[Source], count: int, size: int) -> None:
        """Read what there is."""
        with closing(read_in_turn(self._given(found), self._own, count=count, size=size)) as results:
            for file, result in results:
                self._take(file, result)
                self._bar.step()

    def tell(self, out: Path | None) -> int:
        """Show or write the entries, then what is wrong, then what became of each file; 1 where anything is an error."""
        tables = [table for _, table in sorted(self._tables.items())]
        rows = pa.concat_tables(tables) if tables else ENTRIES.empty_table()
        if out is None:
            shown = frame_of(rows.slice(0, _SHOWN).select(ENTRY_COLUMNS))
            show(shown.dropna(axis="columns", how="all"), empty="No entries.")
            if rows.num_rows > _SHOWN:
                say(f"These are the first {_SHOWN} of {rows.num_rows:,} rows. --out entries.xlsx writes them all.")
        else:
            write_table(rows, out)
            say(f"{rows.num_rows} rows in {out}")
        done = [each for _, each in sorted(self._done.items())]
        problems = [problem for each in done for problem in each.problems]
        if len(done) > 1:
            _print_gravest([(each, self._places[number]) for number, each in sorted(self._done.items())])
            _show_files(done)
        else:
            tell_problems(problems, next(iter(self._places.values()), {}))
        return 1 if any(problem.severity == "error" for problem in problems) else 0

    def _given(self, found: Iterable[Source]) -> Iterator[_Given]:
        for number, each in enumerate(found):
            if each.problem is not None:
                self._refuse(number, each.name, each.problem)
            elif each.skipped:
                self._note(number, Imported("", each.name, 0, 0, False, (), skipped=each.skipped), ())
            elif each.container:
                pass  # its files come after it
            elif each.data is not None:
                yield _Given(number, each.name, each.data, hashlib.sha256(each.data).hexdigest())
                continue
            elif each.path is not None and each.format is not None:
                self._take_parts(number, each.name, each.path, each.format)
            self._bar.step()

    def _refuse(self, number: int, name: str, problem: Problem, data: Iterable[bytes] = ()) -> None:
        self._note(number, Imported("", name, 0, 0, False, (replace(problem, source=name),)), data)

    def _note(self, number: int, done: Imported, data: Iterable[bytes]) -> None:
        self._done[number] = done
        self._places[number] = _places(done.problems, data)

    def _take_parts(self, number: int, name: str, path: Path, found: Format) -> None:
        try:
            parts = list(batches(path, found, hash_of(path)))
        except UnreadableFile as error:
            self._refuse(number, name, error.problem, pieces(path))
            return
        told = tuple(problem for part in parts for problem in part.told(name))
        self._tables[number] = table = pa.concat_tables([part.entries for part in parts])
        self._note(number, Imported("", name, table.num_rows, 0, False, told, found.name), pieces(path))

    def _take(self, file: _Given, result: FileRead) -> None:
        if result.tables is not None:
            self._keep(file, result.format, result.tables.entries, result.tables.told(file.name))
        elif result.refusal is not None and result.refusal.rule == formats.NO_STATEMENTS:
            table, problems = _payments(file, result.format, self._own, alone=self._bar.count == 1)
            self._keep(file, result.format, table, problems)
        elif result.refusal is not None:
            self._refuse(file.number, file.name, result.refusal, [file.data])

    def _keep(self, file: _Given, known: str, table: pa.Table, problems: tuple[Problem, ...]) -> None:
        self._tables[file.number] = table
        self._note(file.number, Imported("", file.name, table.num_rows, 0, False, problems, known), [file.data])


def _places(problems: Iterable[Problem], data: Iterable[bytes]) -> dict[int, str]:
    return places({problem.position for problem in problems if problem.position is not None}, data)


def _print_gravest(done: Sequence[tuple[Imported, Mapping[int, str]]]) -> None:
    """Of several files: a few problems of each doubtful one, and how much there is to say about those that were read.

    The reason of a refused one stands in the table of files.
    """
    for file, place in done:
        if file.outcome == "doubtful":
            tell_problems(sorted(file.problems, key=lambda problem: problem.severity != "error")[:_TOLD], place)
            if len(file.problems) > _TOLD:
                warn(
                    f"{file.name}: and {len(file.problems) - _TOLD} more; electra read with this file alone tells them"
                )
    remarks = [len(file.problems) for file, _ in done if file.outcome == "read" and file.problems]
    if remarks:
        warn(
            f"{len(remarks)} files were read with {sum(remarks)} remarks; electra read with one of them alone tells its own"
        )


def _show_files(done: Sequence[Imported]) -> None:
    """What became of each file; of many, those that were not simply read."""
    rows = done if len(done) <= FEW else [each for each in done if each.outcome != "read"]
    shown = import_frame(rows[:MOST])[["name", "format", "outcome", "entries", "problems", "reason"]]
    if rows:
        show(shown, title="Files" if len(rows) == len(done) else "Files to look at")
    if len(rows) > MOST:
        say(f"… and {len(rows) - MOST:,} files more. Read parts of the folder to see them.")
    say(summary(done))


def _read_large(file: Path, found: Format, out: Path) -> int:
    """A file that is too large for memory, straight to its table."""
    rest = write_large(file, found, hash_of(file), out)
    say(f"{pc.sum(rest.statements['entries']).as_py()} rows in {out}")
    problems = rest.told(file.name)
    tell_problems(problems, _places(problems, pieces(file)))
    return 1 if any(problem.severity == "error" for problem in problems) else 0


def _payments(file: _Given, name: str, own: Own, *, alone: bool) -> tuple[pa.Table, tuple[Problem, ...]]:
    """A file's payments as the entries they will become, in the ledger's columns; answers and requests are said."""
    known = next(each for each in (*own.formats(), *formats.FORMATS) if each.name == name)
    reading = known.read(file.data, file.name)
    for line in notices(reading):
        say(line if alone else f"{file.name}: {line}")
    bills = [{field: row.get(field) for field in ENTRIES.names} for row in billing_rows(reading.billing, file.sha256)]
    entries = pa.concat_tables([payment_entries(reading, file.sha256), pa.Table.from_pylist(bills, schema=ENTRIES)])
    return entries, reading.problems
