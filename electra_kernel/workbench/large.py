"""Files too large to be held in memory: read in parts to a place on the disk, and only when the whole file proved sound
handed on, so that nothing of a broken file is ever kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from electra_kernel import formats
from electra_kernel.formats.base import Format
from electra_kernel.statements.columns import ENTRIES, StatementTables
from electra_kernel.store.doubles import without_repeats
from electra_kernel.workbench import limits
from electra_kernel.workbench.files import exact_texts, whole_file


@dataclass(frozen=True, slots=True)
class Spooled:
    """A whole file as tables on the disk.

    Attributes:
        entries, details: Parquet files, in order; each fits into memory. Of a statement that stands in the file twice
            they have the entries once.
        rest: what is small: balances, problems and statements, with no entries.
        rows: how many entries the file has.
    """

    entries: tuple[Path, ...]
    details: tuple[Path, ...]
    rest: StatementTables
    rows: int


def batch_format(start: bytes) -> Format | None:
    """The format of a file that begins so, where it is one that can be read in parts; ``None`` for every other."""
    return next((each for each in formats.FORMATS if each.batches is not None and each.detect(start)), None)


def large_format(path: Path) -> Format | None:
    """The format of a large file, where it is one that can be read in parts; ``None`` for every other file."""
    try:
        if not path.is_file() or path.stat().st_size < limits.LIMITS.large:
            return None
        with path.open("rb") as file:
            return batch_format(file.read(limits.LIMITS.head))
    except OSError:
        return None


def pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a file, piece by piece."""
    with path.open("rb") as file:
        while piece := file.read(limits.LIMITS.piece):
            yield piece


def batches(path: Path, found: Format, source: str) -> Iterator[StatementTables]:
    """A large file's tables, in parts.

    Raises:
        UnreadableFile: broken; what came before must not be kept.
    """
    if found.batches is None:
        raise ValueError(f"{found.name} is read as a whole only")
    yield from found.batches(pieces(path), source)


@contextmanager
def spooled(path: Path, found: Format, source: str) -> Iterator[Spooled]:
    """A large file as tables on the disk, which are gone afterwards.

    Raises:
        UnreadableFile: the file is broken.
    """
    with tempfile.TemporaryDirectory(prefix="electra-") as name:
        folder, entries, details = Path(name), list[Path](), list[Path]()
        rows, rest = 0, None
        for number, part in enumerate(batches(path, found, source)):
            rest = part
            rows += part.entries.num_rows
            for kind, table, files in (("entries", part.entries, entries), ("details", part.details, details)):
                if table.num_rows:
                    files.append(folder / f"{kind}-{number}.parquet")
                    pa.parquet.write_table(table, files[-1], compression="zstd")
        if rest is None:
            raise ValueError("a reader in parts gives at least one")
        _without_repeats(entries, details, rest.statements)
        yield Spooled(tuple(entries), tuple(details), rest, rows)


def write_large(path: Path, found: Format, source: str, out: Path) -> StatementTables:
    """Write a large file's entries as ``.parquet`` or ``.csv``, whole or not at all; returns what stands beside them.

    Raises:
        UnreadableFile: the file is broken.
        ElectraError: it cannot be written there.
    """
    rest = None
    with whole_file(out) as part:
        writer = (
            pa.parquet.ParquetWriter(part, ENTRIES)
            if out.suffix.lower() == ".parquet"
            else pa.csv.CSVWriter(part, exact_texts(ENTRIES.empty_table()).schema)
        )
        with writer:
            for rest in batches(path, found, source):
                table = rest.entries
                writer.write_table(table if out.suffix.lower() == ".parquet" else exact_texts(table))
    if rest is None:
        raise ValueError("a reader in parts gives at least one")
    return rest


def _without_repeats(entries: list[Path], details: list[Path], statements: pa.Table) -> None:
    """Take statements that stand in the file before, the same in all that they say, out of its parts.

    The rule is the ledger's (``doubles.without_repeats``). It is asked with a digest of each row instead of the row, and
    of statements only that are named several times, so memory stays small.
    """
    named = statements.group_by(["account", "statement"]).aggregate([([], "count_all")])
    if not entries or pc.max(named["count_all"]).as_py() < 2:
        return
    listed = [str(file) for file in entries]
    columns = ", ".join(f"coalesce({name}::VARCHAR, chr(30))" for name in ENTRIES.names if name not in _OF_PLACE)
    with duckdb.connect() as query:
        query.register("named", named.filter(pc.greater(named["count_all"], 1)))
        thin = query.execute(
            f"SELECT source, account, statement, md5(concat_ws(chr(31), {columns})) AS said, entry_id, "  # noqa: S608
            "list_position(?, filename) AS file, file_row_number AS position "
            "FROM read_parquet(?, filename = true, file_row_number = true) e WHERE EXISTS (SELECT 1 FROM named n WHERE "
            "n.account IS NOT DISTINCT FROM e.account AND n.statement IS NOT DISTINCT FROM e.statement) "
            "ORDER BY file, position",
            [listed, listed],
        ).to_arrow_table()
    alike = thin.drop_columns(["file"])
    kept = without_repeats(statements, alike)
    gone = pc.invert(pc.is_in(thin["entry_id"], value_set=kept["entry_id"].combine_chunks()))
    left_out = thin.filter(gone)["entry_id"].combine_chunks()
    for file in [*entries, *details] if len(left_out) else []:
        table = pa.parquet.read_table(file)
        stays = pc.invert(pc.is_in(table["entry_id"], value_set=left_out))
        pa.parquet.write_table(table.filter(stays), file, compression="zstd")


#: What tells where a row stands, not what it says.
_OF_PLACE = ("entry_id", "position")
