"""Files on the user's disk: read with a clear error, archived before they are parsed; tables written exactly."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from errno import EISDIR
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from electra_kernel.statements.columns import PROBLEMS
from electra_kernel.store import Store
from electra_kernel.vocabulary.errors import ElectraError, Problem


class FileNotReadable(ElectraError):
    """A file is not there, is a folder, or may not be read."""


def read_file(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        FileNotReadable: it is not there, is a folder, or may not be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileNotReadable(
            "The file cannot be read.",
            where=str(path),
            cause=f"{error.strerror or error}.",
            repair="Check the name and that you may read it.",
        ) from error


def archive_file(store: Store, data: bytes, name: str) -> str:
    """Keep the file's bytes before anything is done with them; returns their SHA-256."""
    return store.archive.put(data, name=name)


def problem_frame(problems: Sequence[Problem]) -> pd.DataFrame:
    """Problems as a table with the columns of the ledger's ``problems``."""
    return pd.DataFrame([problem.as_row() for problem in problems], columns=PROBLEMS.names)


def write_table(table: pa.Table, out: Path) -> None:
    """Write entries as the file's ending says.

    Raises:
        ElectraError: the ending is none of .csv, .xlsx, .parquet, .json, or it cannot be written there.
    """
    writers: Mapping[str, Callable[[pa.Table, Path], object]] = {
        ".csv": lambda rows, file: pyarrow.csv.write_csv(exact_texts(rows), file),
        ".parquet": lambda rows, file: pyarrow.parquet.write_table(rows, file),
        ".json": lambda rows, file: frame_of(exact_texts(rows)).to_json(
            file, orient="records", force_ascii=False, indent=1
        ),
        ".xlsx": _write_excel,
    }
    if (writer := writers.get(out.suffix.lower())) is None:
        raise ElectraError(f"{out.name} has no known ending.", repair=f"Use one of: {', '.join(writers)}.")
    with whole_file(out) as part:
        writer(table, part)


def table_bytes(table: pa.Table, ending: str) -> bytes:
    """Entries as the bytes of a file with this ending (``csv``, ``xlsx``, ``parquet``, ``json``)."""
    with tempfile.TemporaryDirectory(prefix="electra-") as folder:
        file = Path(folder) / f"table.{ending}"
        write_table(table, file)
        return file.read_bytes()


def keep_sources(files: Iterable[Path], out: Path) -> None:
    """Nothing is written over a file that it is made from: what cannot be carried over would be lost.

    Raises:
        ElectraError: ``out`` is one of the files.
    """
    if out.resolve() in {file.resolve() for file in files}:
        raise ElectraError(
            "The file would be written over itself.", where=str(out), repair="Give the new file another name."
        )


def write_file(data: bytes, out: Path) -> None:
    """Write a file whole or not at all; what stood there before stays until then.

    Raises:
        ElectraError: it cannot be written there.
    """
    with whole_file(out) as part:
        part.write_bytes(data)


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A file beside ``out`` to write into, which takes its place at the end; a device is written as it stands."""
    place = out.resolve()  # a link keeps pointing to where it points
    if place.exists() and not place.is_file() and not place.is_dir():
        yield place
        return
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    try:
        if place.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        part.touch()
        if place.exists():
            part.chmod(place.stat().st_mode & 0o777)
        yield part
        part.replace(place)
    except OSError as error:
        raise ElectraError(
            "The file cannot be written.",
            where=str(out),
            cause=f"{error.strerror or error}.",
            repair="Check the folder, your rights to it and the free space on its disk.",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _write_excel(table: pa.Table, file: Path) -> None:
    import xlsxwriter

    names = table.schema.names
    options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": True}
    with xlsxwriter.Workbook(str(file), options) as workbook:
        sheet = workbook.add_worksheet("entries")
        if table.num_rows >= sheet.xls_rowmax:
            raise ElectraError(
                f"{table.num_rows:,} rows do not fit an Excel sheet.",
                cause=f"it holds {sheet.xls_rowmax:,}.",
                repair="Write .parquet or .csv, or fewer rows.",
            )
        sheet.write_row(0, 0, names, workbook.add_format({"bold": True}))
        for number, row in enumerate(exact_texts(table).to_pylist(), 1):
            for column, name in enumerate(names):
                if row[name] is not None:
                    sheet.write_string(number, column, str(row[name]))


def exact_texts(table: pa.Table) -> pa.Table:
    """Amounts and dates as exact text: no format in between may turn them into floats."""
    keep = (pa.int32(), pa.int64(), pa.bool_())
    fields = [field if field.type in keep else pa.field(field.name, pa.string()) for field in table.schema]
    return table.cast(pa.schema(fields))


def frame_of(table: pa.Table) -> pd.DataFrame:
    """A DataFrame with Arrow types, so that amounts stay decimal."""
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame
