"""What ``electra read --out`` writes is read back as it was, whatever the ending; hostile tables are refused."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from electra_kernel import formats
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.workbench.files import write_table

_SHEET = (
    "Account;Booking date;Value date;Amount;Currency;Counterparty;Counterparty IBAN;Remittance;Transaction ID;Type;"
    "Original amount;Original currency;Exchange rate;End to end id;Mandate id\n"
    "HU42117730161111101800000000;2026-01-02;2026-01-03;-1234,50;HUF;Ő & Co;DE89370400440532013000;a;b1;TRF;3,20;EUR;"
    "385,78125;E1;M1\n"
    "HU42117730161111101800000000;2026-01-02;;5,00;HUF;;;\"=1+1\";;;;;;;\n"
    "HU42117730161111101800000000;2026-01-02;;5,00;HUF;;;\"=1+1\";;;;;;;\n"
)  # fmt: skip


def _table() -> pa.Table:
    return formats.read_tables(_SHEET.encode(), "sheet").entries


@pytest.mark.parametrize("ending", ["json", "parquet", "csv", "xlsx"])
def test_a_table_that_was_written_is_read_again_with_the_same_ids(tmp_path: Path, ending: str) -> None:
    table, file = _table(), tmp_path / f"table.{ending}"
    write_table(table, file)
    assert formats.detect(file.read_bytes(), "t").name == "table"
    again = formats.read_tables(file.read_bytes(), "t").entries
    for name in table.column_names:
        if name not in ("source", "position"):
            assert again[name].to_pylist() == table[name].to_pylist(), name


def test_a_wrong_cell_leaves_its_row_out_and_other_columns_are_named() -> None:
    text = (
        "entry_id,account,currency,booking_date,amount,mood\nx,A,EUR,2026-02-30,1.00,\ny,A,EUR,2026-02-28,1.00,good\n"
    )
    reading = formats.read(text.encode(), "t.csv")
    assert [(problem.position, problem.rule) for problem in reading.problems] == [(None, "column-unread"), (2, "cell")]
    assert [entry.amount for entry in reading.statements[0].entries] == [Decimal("1.00")]


def test_numbers_in_json_are_exact_and_what_is_none_is_told() -> None:
    rows = '[{"entry_id":"a","currency":"EUR","amount":0.10000},{"entry_id":"b","currency":"EUR","amount":1e400}]'
    reading = formats.read(rows.encode(), "t.json")
    assert [entry.amount for entry in reading.statements[0].entries] == [Decimal("0.1")]
    assert [(problem.position, problem.field) for problem in reading.problems] == [(2, "amount")]


def _parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pa.parquet.write_table(table, out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"PAR1" + b"\xff" * 50, "parquet"),
        (b'[{"entry_id":' + b"[" * 100_000, "json"),
        (b'[{"entry_id":1,"currency":"EUR","amount":NaN}]', "json"),
        (b'["entry_id"]', "json"),
        (b'[{"entry_id":"a"}]', "columns"),
        (_parquet(pa.table({"a": [1]})), "columns"),
    ],
)
def test_hostile_tables_are_refused(data: bytes, rule: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        formats.read(data, "t")
    assert caught.value.problem.rule == rule


def test_a_damaged_parquet_file_is_refused_or_read_never_a_crash() -> None:
    data = _parquet(_table())
    for place in range(4, len(data), max(1, len(data) // 60)):
        broken = data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
        try:
            reading = formats.read(broken, "t")
        except UnreadableFile:
            continue
        assert sum(len(statement.entries) for statement in reading.statements) <= 3
