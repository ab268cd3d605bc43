"""100,000 records of fixed width through the engine, against a bare split into lines and slices; both read, and written.

The bare way makes the same values (texts without blanks, amounts, dates) and checks nothing: no marks, lengths, values, order,
counts or sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from electra_kernel.formats import fixedwidth, profiles
from electra_kernel.formats.base import Problems
from electra_kernel.formats.fixedwidth import Field, Layout, Record, Total
from tests.bench.measure import Result, compare

COUNT = 100_000

LAYOUT = Layout(
    name="bench",
    encoding="cp852",
    ends=("foot",),
    records=(
        Record(
            name="head", length=120, marks=((1, ("01",)),), after=("", "foot"), fields=(Field("day", 3, 8, "date"),)
        ),
        Record(
            name="item",
            length=120,
            marks=((1, ("02",)),),
            after=("head", "item"),
            fields=(
                Field("number", 3, 6, "integer", total=Total(of=("item",), since="head")),
                Field("day", 9, 8, "date", required=True),
                Field("amount", 17, 12, "amount", decimals=2, required=True),
                Field("account", 29, 24, "digits"),
                Field("name", 53, 32),
                Field("text", 85, 36),
            ),
        ),
        Record(
            name="foot",
            length=120,
            marks=((1, ("03",)),),
            after=("item",),
            fields=(
                Field("count", 3, 6, "integer", total=Total(of=("item",), since="head")),
                Field("sum", 9, 16, "amount", decimals=2, total=Total(of=("item",), field="amount", since="head")),
            ),
        ),
    ),
)

PROFILE = """
name = "bench"
shape = "fixed"
kind = "statement"
encoding = "cp852"

[fixed]
currency = "HUF"

[[record]]
name = "head"
length = 120
marks = [{ at = 1, is = "01" }]
fields = [{ name = "day", at = 3, length = 8, type = "date" }]

[[record]]
name = "item"
role = "entry"
length = 120
marks = [{ at = 1, is = "02" }]
fields = [
  { name = "number", at = 3, length = 6, type = "integer", count = "item", since = "head" },
  { name = "day", at = 9, length = 8, type = "date", to = "booking_date" },
  { name = "amount", at = 17, length = 12, type = "amount", decimals = 2, to = "amount" },
  { name = "partner", at = 29, length = 24, to = "counterparty_account" },
  { name = "name", at = 53, length = 32, to = "counterparty_name" },
  { name = "text", at = 85, length = 36, to = "remittance" },
]

[[record]]
name = "foot"
length = 120
marks = [{ at = 1, is = "03" }]
fields = [
  { name = "count", at = 3, length = 6, type = "integer", count = "item", since = "head" },
  { name = "sum", at = 9, length = 16, type = "amount", decimals = 2, sum = "item.amount", since = "head" },
]
"""


def rows(count: int = COUNT) -> Iterator[tuple[str, dict[str, Any]]]:
    """A head, items and a foot; counts and sums are filled in by the engine."""
    yield "head", {"day": date(2026, 1, 2)}
    for number in range(count):
        yield (
            "item",
            {
                "day": date(2026, 1, number % 28 + 1),
                "amount": Decimal(number % 99_991 + 1).scaleb(-2),
                "account": "117730161111101800000000",
                "name": f"Kőműves és Társa {number % 977} Kft.",
                "text": f"Számla {number}",
            },
        )
    yield "foot", {}


def bare(data: bytes) -> list[tuple[int, date, Decimal, str, str, str]]:
    """The items of a file, by splitting and slicing alone."""
    return [
        (
            int(line[2:8]),
            date(int(line[8:12]), int(line[12:14]), int(line[14:16])),
            Decimal(f"{line[16:26]}.{line[26:28]}"),
            line[28:52].strip(),
            line[52:84].strip(),
            line[84:120].strip(),
        )
        for line in data.decode("cp852").splitlines()
        if line.startswith("02")
    ]


def bare_written(items: list[dict[str, Any]]) -> bytes:
    """The same items, written by one pattern, without head, foot or any check."""
    return "".join(
        f"02{number:06d}{item['day']:%Y%m%d}{int(item['amount'] * 100):012d}{item['account']:<24}{item['name']:<32}"
        f"{item['text']:<36}\r\n"
        for number, item in enumerate(items, 1)
    ).encode("cp852")


def run() -> Iterator[Result]:
    """Reading, writing, and reading by a profile into statements."""
    given = list(rows())
    data = fixedwidth.write(given, LAYOUT)
    problems = Problems("bench")
    found = [row.values for row in fixedwidth.read(data, LAYOUT, problems) if row.record == "item"]
    assert [tuple(values.values()) for values in found] == bare(data)
    assert problems.rows() == ()
    items = [values for name, values in given if name == "item"]
    assert bare_written(items) in data
    profile = profiles.parse(PROFILE, "bench.toml")
    reading = profiles.read(data, profile, "bench")
    assert sum(entry.amount for entry in reading.statements[0].entries) == sum(item["amount"] for item in items)
    yield compare(
        "fixed width: 100,000 records read and checked",
        lambda: list(fixedwidth.read(data, LAYOUT, Problems("bench"))),
        "bare split and slices",
        lambda: bare(data),
        "≤ 6",
    )
    yield compare(
        "fixed width: 100,000 records written",
        lambda: fixedwidth.write(given, LAYOUT),
        "one pattern a line",
        lambda: bare_written(items),
        "≤ 12",
    )
    yield compare(
        "fixed width: 100,000 entries by a profile",
        lambda: profiles.read(data, profile, "bench"),
        "bare split and slices",
        lambda: bare(data),
        "≤ 15",
    )


if __name__ == "__main__":
    for result in run():
        print(result)
