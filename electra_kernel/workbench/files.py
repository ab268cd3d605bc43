"""Files on the user's disk: read with a clear error, archived before they are parsed; tables written exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from electra_kernel.statements.columns import PROBLEMS
from electra_kernel.store import Store
from electra_kernel.vocabulary.errors import ElectraError, Problem


def read_file(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        ElectraError: it is not there, is a folder, or may not be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ElectraError(
            "The file cannot be read.",
            where=str(path),
            cause=error.strerror or str(error),
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
        ElectraError: the ending is none of .csv, .xlsx, .parquet, .json.
    """
    writers: Mapping[str, Callable[[pa.Table, Path], object]] = {
        ".csv": lambda rows, file: pyarrow.csv.write_csv(_texts(rows), file),
        ".parquet": lambda rows, file: pyarrow.parquet.write_table(rows, file),
        ".json": lambda rows, file: frame_of(_texts(rows)).to_json(file, orient="records", force_ascii=False, indent=1),
        ".xlsx": _write_excel,
    }
    if (writer := writers.get(out.suffix.lower())) is None:
        raise ElectraError(f"{out.name} has no known ending.", repair=f"Use one of: {', '.join(writers)}.")
    part = out.with_name(f".{out.name}.part")
    try:
        writer(table, part)
        part.replace(out)
    finally:
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
        for number, row in enumerate(_texts(table).to_pylist(), 1):
            for column, name in enumerate(names):
                if row[name] is not None:
                    sheet.write_string(number, column, str(row[name]))


def _texts(table: pa.Table) -> pa.Table:
    """Amounts and dates as exact text: no format in between may turn them into floats."""
    keep = (pa.int32(), pa.int64(), pa.bool_())
    fields = [field if field.type in keep else pa.field(field.name, pa.string()) for field in table.schema]
    return table.cast(pa.schema(fields))


def frame_of(table: pa.Table) -> pd.DataFrame:
    """A DataFrame with Arrow types, so that amounts stay decimal."""
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame
