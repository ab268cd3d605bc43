"""What ``electra read --out`` writes is read back as it was, whatever the ending; hostile tables are refused."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
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
    told = [(problem.position, problem.field) for problem in reading.problems]
    assert told == [(2, "amount"), (1, "booking_date")]


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


_ROW = '"entry_id":"x","currency":"EUR","booking_date":"2026-01-02"'


def _told(data: bytes) -> tuple[list[Decimal], set[tuple[int | None, str, str]]]:
    tables = formats.read_tables(data, "t")
    problems = [(row["position"], row["field"], row["rule"]) for row in tables.problems.to_pylist()]
    return [amount.normalize() for amount in tables.entries["amount"].to_pylist()], set(problems)


@pytest.mark.parametrize(
    ("rest", "amounts", "problem"),
    [
        ('"amount":1.25e1', ["12.5"], None),
        ('"amount":1E+400', [], (1, "amount", "cell")),
        ('"amount":1e-7', [], (1, "amount", "cell")),
        ('"amount":"1e1"', [], (1, "amount", "cell")),
        ('"amount":"1.00","amount":"2.00"', [], (1, "row", "name-twice")),
        ('"amount":null', [], (1, "amount", "missing")),
        ('"amount":{"v":1}', [], (1, "amount", "cell")),
        ('"amount":10000000000000000000000000', [], (1, "amount", "cell")),
        ('"amount":5,"details":2.0', ["5"], (None, "details", "details-missing")),
        ('"amount":5,"status":"book"', [], (1, "status", "status")),
        ('"amount":5,"value_date":"2026-01-02xyz"', [], (1, "value_date", "cell")),
        ('"amount":5,"value_date":"2026-01-02T23:59:00+01:00"', ["5"], None),
        ('"amount":5,"currency":"XXQ"', [], (1, "row", "name-twice")),
        ('"amount":5,"remittance":1.5', [], (1, "remittance", "cell")),
    ],
)
def test_strange_json_gives_the_right_figure_or_a_problem(
    rest: str, amounts: list[str], problem: tuple[int | None, str, str] | None
) -> None:
    assert _told(f"[{{{_ROW},{rest}}}]".encode()) == ([Decimal(each) for each in amounts], {problem} - {None})


def test_a_json_row_that_lacks_what_others_have_is_told_and_half_characters_are_shown_as_such() -> None:
    rows = (
        f'[{{{_ROW},"amount":5,"remittance":"a\\ud800b"}},{{"entry_id":"y","note\\udc00":"n"}},{{{_ROW},"amount":"6"}}]'
    )
    assert _told(rows.encode()) == (
        [Decimal(5), Decimal(6)],
        {(2, "amount", "missing"), (None, "header", "column-unread")},
    )
    assert formats.read_tables(rows.encode(), "t").entries["remittance"].to_pylist() == ["a\ufffdb", None]


def test_rows_without_a_currency_or_a_day_are_kept_and_told() -> None:
    rows = '[{"entry_id":"x","currency":"","amount":"5"},{"entry_id":"x","currency":"eur","amount":"6"}]'
    told = {(1, "currency", "currency"), (1, "booking_date", "missing")}
    assert _told(rows.encode()) == ([Decimal(5), Decimal(6)], told)


def _parquet_of(**columns: object) -> bytes:
    out, day = io.BytesIO(), date(2026, 1, 2)
    first = {"entry_id": ["x", "y"], "currency": ["EUR", "EUR"], "booking_date": [day, day]}
    pa.parquet.write_table(pa.table(first | {"amount": ["1.50", "-2.25"]} | columns), out)
    return out.getvalue()


_NIGHT = [datetime(2026, 1, 2, 23, 30, tzinfo=UTC)] * 2
_RIGHT = [Decimal("1.5"), Decimal("-2.25")]


@pytest.mark.parametrize(
    ("columns", "amounts", "problems"),
    [
        ({"amount": [1.5, -2.25]}, _RIGHT, {(None, "amount", "binary-numbers")}),
        ({"amount": [1.5, float("nan")]}, _RIGHT[:1], {(None, "amount", "binary-numbers"), (2, "amount", "cell")}),
        ({"amount": pa.array([1, 2**64 - 1], pa.uint64())}, [Decimal(1)], {(2, "amount", "cell")}),
        ({"amount": pa.array(_RIGHT, pa.decimal256(60, 20))}, _RIGHT, set()),
        ({"amount": pa.array([Decimal("1.5"), Decimal("0.0000001")])}, _RIGHT[:1], {(2, "amount", "cell")}),
        ({"amount": pa.array(["1.50", "-2.25"]).dictionary_encode()}, _RIGHT, set()),
        ({"remittance": pa.array([b"a", b"\xff"])}, [], {(1, "remittance", "cell"), (2, "remittance", "cell")}),
        ({"remittance": [["a"], None]}, _RIGHT[1:], {(1, "remittance", "cell")}),
        ({"booking_date": pa.array(_NIGHT, pa.timestamp("ns", "UTC"))}, _RIGHT, {(None, "booking_date", "moments")}),
        ({"booking_date": pa.array([1, 2], pa.duration("s"))}, [], {(n, "booking_date", "cell") for n in (1, 2)}),
    ],
)
def test_strange_parquet_gives_the_right_figure_or_a_problem(
    columns: dict[str, object], amounts: list[Decimal], problems: set[tuple[int | None, str, str]]
) -> None:
    assert _told(_parquet_of(**columns)) == (amounts, problems)


def test_moments_of_parquet_are_the_days_of_their_zone() -> None:
    for zone, day in (("UTC", 2), ("Europe/Budapest", 3)):
        table = _parquet_of(booking_date=pa.array(_NIGHT, pa.timestamp("us", zone)))
        assert formats.read_tables(table, "t").entries["booking_date"].to_pylist() == [date(2026, 1, day)] * 2


def _with_columns_of_one_name() -> bytes:
    out = io.BytesIO()
    names = ["entry_id", "currency", "amount", "amount"]
    pa.parquet.write_table(pa.Table.from_arrays([pa.array(["x"])] * 2 + [pa.array(["1"]), pa.array(["2"])], names), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_parquet_of(amount=pa.array([1234567.89, 1], pa.float32())), "32 bits"),
        (_parquet_of(booking_date=pa.array(_NIGHT, pa.timestamp("us", "Mars/Olympus"))), "timezone"),
        (_with_columns_of_one_name(), "Several columns have the name amount"),
        (b"entry_id,amount,currency,amount\nx,1,EUR,2\n", "Several columns have the name amount"),
        (b"PARE" + _parquet_of()[4:-4] + b"PARE", "encrypted"),
        (_parquet_of()[:-9], "cannot be read"),
    ],
)
def test_tables_in_which_a_figure_would_be_chosen_or_guessed_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        formats.read_tables(data, "t")


def test_a_sheet_whose_first_letters_are_those_of_encrypted_parquet_is_a_sheet() -> None:
    data = b"PARENT;Date;Amount;Balance;Currency\nx;2026-01-02;1,50;1,50;EUR\n"
    assert formats.detect(data, "t").name == "sheet"
