"""Files too large for memory are read in parts, and end in the ledger exactly as others do, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from electra_kernel import Workbench, formats
from electra_kernel.cli.reading import read_files
from electra_kernel.formats import camt_pieces
from electra_kernel.statements.columns import ENTRIES
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.workbench import limits
from tests.test_formats_camt053 import _detail, _entry, _file


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large is a matter of measure; here every file is, and comes in several parts."""
    monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, large=1, piece=700))
    monkeypatch.setattr(camt_pieces, "PART", 700)


def _data() -> bytes:
    batch = f"<NtryDtls>{_detail('4.00', 'A')}{_detail('6.00', 'B')}</NtryDtls>"
    return _file(_entry(inside=batch) * 9 + _entry() * 9 + _entry("x"), closing="280.00")


@pytest.mark.usefixtures("small_is_large")
def test_a_large_file_ends_in_the_ledger_as_any_other_and_once(tmp_path: Path) -> None:
    file = tmp_path / "large.xml"
    file.write_bytes(_data())
    bench = Workbench.open(tmp_path / "treasury")
    first, again = bench.statements.read(file), bench.statements.read(file)
    assert (first["entries"].tolist(), first["new"].tolist(), again["new"].tolist()) == ([18], [18], [0])
    source = hashlib.sha256(_data()).hexdigest()
    assert bench.store.archive.get(source) == _data()
    whole = formats.read_tables(_data(), source)
    held = bench.store.ledger.entries().order_by("position").to_pyarrow().cast(ENTRIES)
    assert held.to_pylist() == whole.entries.sort_by("position").to_pylist()
    assert bench.store.ledger.details().count().execute() == 18
    assert bench.store.ledger.problems().rule.to_pyarrow().to_pylist() == whole.problems["rule"].to_pylist()


@pytest.mark.usefixtures("small_is_large")
def test_of_a_large_file_that_is_broken_nothing_is_kept_but_the_problem(tmp_path: Path) -> None:
    file = tmp_path / "broken.xml"
    bench = Workbench.open(tmp_path / "treasury")
    for damaged in (_data()[:-50], _data()[: len(_data()) // 2], _data().replace(b"BOOK", b"BO<OK", 20)):
        file.write_bytes(damaged)
        row = bench.statements.read(file)
        assert (row["entries"].tolist(), row["problems"].tolist()) == ([0], [1])
    assert bench.store.ledger.entries(everything=True).count().execute() == 0


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_the_shell_writes_a_large_file_part_by_part(tmp_path: Path, ending: str) -> None:
    file, out = tmp_path / "large.xml", tmp_path / f"out.{ending}"
    file.write_bytes(_data())
    assert read_files([file], out) == 1
    read = pyarrow.parquet.read_table(out) if ending == "parquet" else pyarrow.csv.read_csv(out)
    source = hashlib.sha256(_data()).hexdigest()
    assert read["entry_id"].to_pylist() == formats.read_tables(_data(), source).entries["entry_id"].to_pylist()
    assert read.column_names == ENTRIES.names
    assert read.num_rows == 18


def test_parts_of_any_size_give_the_same_cells_as_the_whole() -> None:
    data = _data()
    whole = formats.read_tables(data, "source")
    batches = formats.detect(data, "source").batches
    assert batches is not None
    for size in (1, 97, 600, 5000):
        parts = list(batches((data[at : at + size] for at in range(0, len(data), size)), "source"))
        for name in ("entries", "details", "balances", "problems", "statements"):
            joined = [row for part in parts for row in getattr(part, name).to_pylist()]
            assert joined == getattr(whole, name).to_pylist(), (size, name)


@pytest.mark.parametrize("size", [1, 10**9])
def test_a_statement_that_stands_twice_in_a_large_file_is_booked_once_as_in_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, large=size, piece=700))
    monkeypatch.setattr(camt_pieces, "PART", 700)
    start, end = _data().index(b"<Stmt>"), _data().index(b"</Stmt>") + len(b"</Stmt>")
    once = _data()[start:end]
    other = once.replace(b"280.00", b"281.00").replace(b"<Id>S1</Id>", b"<Id>S2</Id>", 1)
    file = tmp_path / "large.xml"
    file.write_bytes(_data()[:start] + once + other + once + _data()[end:])
    bench = Workbench.open(tmp_path / "treasury")
    row = bench.statements.read(file)
    assert (row["entries"].tolist(), row["new"].tolist()) == ([54], [36])
    assert bench.store.ledger.details(everything=True).count().execute() == 36
    assert bench.statements.read(file)["new"].tolist() == [0]


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_a_large_file_in_utf_16_is_read_in_parts_and_each_entry_has_its_place_in_the_bytes_that_came(
    order: str,
) -> None:
    text = "\ufeff" + _data().decode().replace("UTF-8", "UTF-16").replace("<CreDtTm>", "<!-- 💶 --><CreDtTm>", 1)
    data = text.encode(order)
    found = formats.detect(data, "source")
    assert found.batches is not None
    assert found.tables is not None
    whole = found.tables(data, "source")
    assert data[whole.entries["position"][3].as_py() :].decode(order).startswith("<Ntry>")
    for size in (1, 97, 1301, len(data)):
        parts = list(found.batches((data[at : at + size] for at in range(0, len(data), size)), "source"))
        for name in ("entries", "details", "balances", "problems", "statements"):
            joined = [row for part in parts for row in getattr(part, name).to_pylist()]
            assert joined == getattr(whole, name).to_pylist(), (size, name)
    with pytest.raises(UnreadableFile):
        list(found.batches(iter([data[:-1]]), "source"))


def test_memory_stays_bounded_where_one_entry_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camt_pieces, "_MOST", 100_000)
    start = _data()[: _data().index(b"<Amt")]
    found, taken = formats.detect(start, "source"), 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield start
        while True:
            taken += 10_000
            yield b"x" * 10_000

    assert found.batches is not None
    with pytest.raises(UnreadableFile, match="larger than any bank sends"):
        list(found.batches(endless(), "source"))
    assert taken < 400_000
