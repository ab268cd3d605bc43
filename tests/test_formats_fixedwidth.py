"""Fixed-width layouts: read, written back, counted, summed; every fault has its line, columns, rule and repair."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.formats.base import Problems
from electra_kernel.formats.fixedwidth import Field, Group, Layout, LayoutError, Record, Row, Total, When, read, write

ITEMS = Layout(
    name="items",
    encoding="cp852",
    ends=("foot",),
    records=(
        Record(
            name="head",
            marks=((1, ("01",)),),
            after=("", "foot"),
            fields=(
                Field("", 1, 2, const="01"),
                Field("items", 3, 4, "integer", total=Total(of=("item",), since="head", ahead=True)),
                Field("day", 7, 8, "date", required=True),
                Field("owner", 15, 10),
            ),
        ),
        Record(
            name="item",
            length=50,
            shortest=40,
            marks=((1, ("02",)),),
            after=("head", "item"),
            fields=(
                Field("", 1, 2, const="02"),
                Field("number", 3, 4, "integer", total=Total(of=("item",), since="head")),
                Field("amount", 7, 10, "amount", decimals=2, sign_field="mark", negative=("D",), positive=("C",)),
                Field("mark", 17, 1),
                Field("day", 18, 5, "date", date="YYDDD"),
                Field("name", 23, 18),
                Field("kind", 41, 1, values=("A", "B")),
                Field("account", 42, 8, "digits", only_if=When(field="kind", values=("A",))),
                Field("card", 42, 8, only_if=When(field="kind", values=("A",), differs=True)),
            ),
        ),
        Record(
            name="foot",
            marks=((1, ("03",)),),
            after=("item",),
            fields=(
                Field("", 1, 2, const="03"),
                Field("count", 3, 4, "integer", total=Total(of=("item", "foot"), since="head")),
                Field("sum", 7, 12, "amount", decimals=2, sign="leading", total=Total(of=("item",), field="amount", since="head")),
                Field("hash", 19, 4, "digits", total=Total(of=("item",), field="account", since="head", modulo=True,
                      where=When(field="kind", values=("A",)))),
            ),
        ),
    ),
)  # fmt: skip

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("head", {"day": date(2026, 3, 1), "owner": "Árvíztűrő"}),
    (
        "item",
        {"amount": Decimal("12.50"), "day": date(2026, 12, 31), "name": "Első", "kind": "A", "account": "99998888"},
    ),
    ("item", {"amount": Decimal("-2.25"), "day": None, "name": "", "kind": "B", "card": "x 7"}),
    ("foot", {}),
]


def _read(data: bytes, layout: Layout = ITEMS) -> tuple[list[Row], list[tuple[int | None, str, str]]]:
    problems = Problems("file")
    rows = list(read(data, layout, problems))
    return rows, [(problem.position, problem.field, problem.rule) for problem in problems.rows()]


def test_a_file_is_written_with_marks_signs_counts_sums_and_hashes_and_read_back() -> None:
    data = write(GOOD, ITEMS)
    lines = data.decode("cp852").split("\r\n")
    assert lines[0] == "01000220260301Árvíztűrő "
    assert lines[1] == "0200010000001250C26365Első              A99998888 "
    assert lines[2] == "0200020000000225D" + " " * 23 + "Bx 7      "
    assert lines[3] == "0300030000000010258888"
    rows, problems = _read(data)
    assert problems == []
    assert rows[1].values["amount"] == Decimal("12.50")
    assert rows[1].values["day"] == date(2026, 12, 31)
    assert "card" not in rows[1].values
    assert rows[2].values | {"number": None} == GOOD[2][1] | {"mark": "D", "number": None}
    assert rows[3].values == {"count": 3, "sum": Decimal("10.25"), "hash": "8888"}
    assert write([(row.record, row.values) for row in rows], ITEMS) == data


def test_records_without_line_ends_and_with_any_line_ends_are_the_same_records() -> None:
    data = write(GOOD, ITEMS)
    expected = [row.values for row in _read(data)[0]]
    for end in (b"", b"\n", b"\r", b"\r\n\r\n"):
        rows, problems = _read(data.replace(b"\r\n", end) + b"\x1a")
        assert ([row.values for row in rows], problems) == (expected, [])


@pytest.mark.parametrize("encoding", ["cp037", "cp500", "cp1140", "iso-8859-2", "utf-8", "utf-16"])
def test_ebcdic_and_other_encodings_carry_the_same_rows(encoding: str) -> None:
    layout = Layout(name="e", encoding=encoding, records=ITEMS.records, line_end="")
    plain = {"Árvíztűrő": "Owner", "Első": "Name"}
    rows = [(name, {key: plain.get(str(value), value) for key, value in values.items()}) for name, values in GOOD]
    data = write(rows, layout)
    if encoding.startswith("utf-16"):
        data = write(rows, Layout(name="e", encoding="ascii", records=ITEMS.records)).decode().encode(encoding)
    found, problems = _read(data, layout)
    assert problems == []
    assert [row.record for row in found] == ["head", "item", "item", "foot"]
    assert layout.detect(data)


def test_sums_counts_and_promises_that_lie_are_told_at_their_line() -> None:
    lines = write(GOOD, ITEMS).split(b"\r\n")
    _, problems = _read(b"\r\n".join([lines[0], lines[1], lines[3]]))
    assert problems == [
        (3, "foot.count", "count"),
        (3, "foot.sum", "sum"),
        (1, "head.items", "count"),
    ]


def test_missing_doubled_and_unknown_records_are_told() -> None:
    lines = write(GOOD, ITEMS).split(b"\r\n")
    _, problems = _read(b"\r\n".join([lines[1], b"99 what is this", lines[2]]))
    assert (1, "item", "order") in problems
    assert (2, "record", "record") in problems
    assert (None, "file", "truncated") in problems
    rows, problems = _read(b"")
    assert rows == []
    assert problems == [(None, "file", "truncated")]


def test_values_that_cannot_be_read_are_nothing_and_a_problem_with_columns() -> None:
    line = b"0200010000O01250X26366" + b"N" * 18 + b"C1234567A "
    problems = Problems("file")
    (row,) = read(line, Layout(name="i", records=(ITEMS.records[1],)), problems)
    assert row.text.encode() == line
    assert {name: row.values[name] for name in ("amount", "day", "kind")} == {"amount": None, "day": None, "kind": None}
    said = {problem.rule: problem.text for problem in problems.rows()}
    assert said["number"] == "Columns 7–16: '0000O01250' is not a number."
    assert said["date"] == "Columns 18–22: '26366' is not a date that exists (YYDDD)."
    assert said["value"] == "Column 41: 'C' is not one of A, B."


def test_short_and_long_lines_control_characters_and_wrong_bytes_are_told_once_with_their_place() -> None:
    item = write(GOOD, ITEMS).split(b"\r\n")[1].replace(b"\x8b", b"o")
    layout = Layout(name="i", encoding="ascii", records=(replace(ITEMS.records[1], after=()),))
    assert _read(item[:40], layout)[1] == []
    assert _read(item[:30], layout)[1] == [(1, "item", "length")]
    assert _read(item.replace(b"E", b"\0") + b"!\r\n", layout)[1] == [(1, "record", "control"), (1, "item", "length")]
    assert _read(item.replace(b"E", b"\xff"), layout)[1] == [(1, "record", "encoding")]


def test_a_file_of_nonsense_has_a_thousand_problems_and_a_last_one_that_counts_the_rest() -> None:
    _, problems = _read(b"99\n" * 1_500)
    assert len(problems) == 1_001
    assert problems[-1] == (None, "file", "more-problems")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": Decimal("1.005")}, "more than 2 decimals"),
        ({"amount": Decimal("100000000.00")}, "11 characters where 10 fit"),
        ({"amount": Decimal("NaN")}, "not a number"),
        ({"amount": 1.5}, "not an exact number"),
        ({"name": "N" * 19}, "19 characters where 18 fit"),
        ({"name": "猫"}, "cannot be written in cp852"),
        ({"kind": "Z"}, "not one of A, B"),
        ({"account": "12A"}, "more than digits"),
        ({"day": "today"}, "not a date"),
        ({"nmae": "x"}, "Did you mean 'name'?"),
        ({"mark": "D"}, "contradicts"),
        ({"number": 7}, "is given as 7 and is 1"),
    ],
)
def test_what_does_not_fit_is_refused_and_never_cut(change: dict[str, Any], said: str) -> None:
    with pytest.raises(LayoutError) as caught:
        write([GOOD[0], ("item", GOOD[1][1] | change), GOOD[3]], ITEMS)
    assert said in str(caught.value)
    assert caught.value.repair


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (Record(name="r", fields=(Field("a", 1, 5), Field("b", 3, 5))), "overlap in column 3"),
        (Record(name="r", fields=(Field("a", 1, 5), Field("a", 6, 5))), "Two fields"),
        (Record(name="r", fields=(Field("a", 1, 5, "txet"),)), "Did you mean 'text'"),
        (Record(name="r", fields=(Field("a", 1, 5, "date", date="DDMM"),)), "not a date layout"),
        (Record(name="r", fields=(Field("a", 1, 0),)), "length"),
        (Record(name="r", length=3, fields=(Field("a", 1, 5),)), "ends in column 5"),
        (Record(name="r", fields=(Field("a", 1, 5, "amount", sign_field="b"),)), "asks the field 'b'"),
    ],
)
def test_a_layout_that_contradicts_itself_is_refused(record: Record, said: str) -> None:
    with pytest.raises(LayoutError) as caught:
        _ = Layout(name="l", records=(record,)).plans
    assert said in str(caught.value)


def test_an_encoding_that_is_none_is_refused() -> None:
    for encoding in ("cp8520", "rot13"):
        with pytest.raises(LayoutError, match="no known encoding"):
            Layout(name="l", records=(), encoding=encoding)


def test_repeating_groups_are_lists_as_long_as_their_count_says() -> None:
    parts = Group(name="parts", starts=(3, 10), length=6, fields=(Field("kind", 1, 2, "digits"), Field("text", 3, 4)))
    record = Record(name="r", fields=(Field("n", 1, 1, "integer"),), groups=(parts,), length=16)
    counted = Record(name="r", fields=(Field("n", 1, 1, "integer"),), length=16,
                     groups=(Group(name="parts", starts=(3, 10), length=6, fields=parts.fields, count="n"),))  # fmt: skip
    layout = Layout(name="g", records=(record,))
    values = {"n": 1, "parts": [{"kind": "02", "text": "ab"}, {"kind": "01", "text": "cd"}]}
    data = write([("r", values)], layout)
    assert data == b"1 02ab   01cd   \r\n"
    assert _read(data, layout)[0][0].values == values
    assert _read(data, Layout(name="g", records=(counted,)))[0][0].values["parts"] == values["parts"][:1]  # type: ignore[index]
    with pytest.raises(LayoutError, match="3 are given where 2 fit"):
        write([("r", {"parts": [{}] * 3})], layout)


def test_decimals_may_stand_in_another_field_and_signs_may_be_overpunched() -> None:
    spec = (
        Field("decimals", 1, 1, "digits"),
        Field("amount", 2, 8, "amount", decimals_field="decimals", sign="overpunch"),
    )
    layout = Layout(name="z", records=(Record(name="r", fields=spec),))
    data = write([("r", {"decimals": "3", "amount": Decimal("-1.230")})], layout)
    assert data == b"30000123}\r\n"
    assert _read(data, layout)[0][0].values["amount"] == Decimal("-1.230")
    assert _read(b"20000001C", layout)[0][0].values["amount"] == Decimal("0.13")
    assert [rule for *_, rule in _read(b"90000001C", layout)[1]] == ["decimals"]


# ------------------------------------------------------------------------------------ any layout, any rows
_ALPHABET = "ABCxyzáőű019 -+.,;"
_DATES = ("YYYYMMDD", "DDMMYY", "DD.MM.YYYY", "YYDDD", "YYYYDDD", "YYMMDD")


@st.composite
def _field(draw: st.DrawFn, number: int) -> Field:
    kind = draw(st.sampled_from(["text", "digits", "integer", "amount", "date"]))
    length = draw(st.integers(3, 14))
    name = f"f{number}"
    if kind == "date":
        layout = draw(st.sampled_from(_DATES))
        return Field(name, 0, len(layout), "date", date=layout)
    if kind in ("integer", "amount"):
        sign = draw(st.sampled_from(["", "leading", "trailing", "overpunch"]))
        decimals = draw(st.integers(0, 3)) if kind == "amount" else 0
        point = draw(st.sampled_from(["", ".", ","])) if decimals else ""
        fill = draw(st.sampled_from(["", " "]))
        return Field(name, 0, length + 4, kind, sign=sign, decimals=decimals, point=point, fill=fill)
    return Field(name, 0, length, kind, align=draw(st.sampled_from(["", "left", "right"])) if kind == "text" else "")


def _value(draw: st.DrawFn, spec: Field) -> Any:
    if spec.type == "date":
        return draw(st.one_of(st.none(), st.dates(date(1971, 1, 1), date(2069, 12, 31))))
    if spec.type == "digits":
        return draw(st.text("0123456789", min_size=spec.length, max_size=spec.length))
    if spec.type == "text":
        return draw(st.text(_ALPHABET, max_size=spec.length)).strip()
    digits = min(spec.length - 2 - spec.decimals, 12)
    whole = draw(st.integers(-(10**digits) + 1 if spec.sign else 0, 10**digits - 1))
    return whole if spec.type == "integer" else Decimal(whole).scaleb(-spec.decimals)


@st.composite
def _file(draw: st.DrawFn) -> tuple[Layout, list[tuple[str, dict[str, Any]]]]:
    records = []
    for number in range(draw(st.integers(1, 3))):
        fields = [Field("", 1, 1, const=str(number))]
        fields += [draw(_field(place)) for place in range(draw(st.integers(1, 6)))]
        records.append(Record(name=f"r{number}", marks=((1, (str(number),)),), fields=tuple(fields)))
    layout = Layout(
        name="any",
        records=tuple(records),
        encoding=draw(st.sampled_from(["cp852", "iso-8859-2", "utf-8"])),
        line_end=draw(st.sampled_from(["\r\n", "\n", ""])),
    )
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        record = draw(st.sampled_from(layout.records))
        rows.append((record.name, {spec.name: _value(draw, spec) for spec in record.fields if spec.name}))
    return layout, rows


@settings(max_examples=80, deadline=None)
@given(_file())
def test_whatever_a_layout_carries_comes_back_as_it_was(case: tuple[Layout, list[tuple[str, dict[str, Any]]]]) -> None:
    layout, rows = case
    data = write(rows, layout)
    found, problems = _read(data, layout)
    assert problems == []
    assert [(row.record, row.values) for row in found] == rows


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(noise: bytes) -> None:
    data = write(GOOD, ITEMS)
    cut = len(noise) % len(data)
    for broken in (noise, data[:cut] + noise, data[:cut]):
        _read(broken)
        ITEMS.detect(broken)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_utf_8_where_one_byte_a_character_is_agreed_on_is_read_as_what_it_is_and_told(mark: bytes) -> None:
    agreed = write(GOOD, ITEMS)
    file = mark + agreed.decode("cp852").encode()
    assert ITEMS.detect(agreed)
    assert ITEMS.detect(file)
    assert _read(agreed)[1] == []
    rows, told = _read(file)
    assert told == [(1, "file", "encoding")]
    assert [row.values for row in rows] == [row.values for row in _read(agreed)[0]]
    assert _read(agreed.replace(b"\x8b", b"\xff"))[1] == []  # cp852 knows every byte: no UTF-8, nothing to tell


def test_a_byte_order_mark_alone_is_told_and_counts_as_no_column() -> None:
    plain = write(
        [("item", {"amount": Decimal(1), "name": "Else", "kind": "B"})], replace(ITEMS, ends=(), records=LONE)
    )
    rows, told = _read(b"\xef\xbb\xbf" + plain, replace(ITEMS, ends=(), records=LONE))
    assert told == [(1, "file", "encoding")]
    assert rows[0].values["name"] == "Else"


def test_letters_that_happen_to_be_another_of_utf_8_are_read_as_agreed() -> None:
    alone = replace(ITEMS, ends=(), records=LONE)
    file = write([("item", {"amount": Decimal(1), "name": "ŰÁÁ", "kind": "B"})], alone)
    assert file.decode()  # valid UTF-8: a syllable of Korean, which nobody can have meant
    rows, told = _read(file, alone)
    assert (rows[0].values["name"], told) == ("ŰÁÁ", [])


def test_latin_letters_in_utf_8_that_the_agreed_set_does_not_have_are_read() -> None:
    alone = replace(ITEMS, ends=(), records=LONE)
    plain = write([("item", {"amount": Decimal(1), "name": "Soren", "kind": "B"})], alone)
    rows, told = _read(plain.replace(b"Soren    ", "Søren – €".encode()), alone)
    assert rows[0].values["name"] == "Søren – €"
    assert told == [(1, "file", "encoding")]


LONE = (replace(ITEMS.records[1], after=()),)


@given(st.integers(0, 60), st.sampled_from([b"", b"\r\n", b"\n\n"]), st.integers(1, 4))
def test_several_records_in_a_line_are_read_one_by_one(items: int, end: bytes, together: int) -> None:
    foot = replace(ITEMS.records[2], after=("item", "head"))
    layout = replace(ITEMS, records=(*ITEMS.records[:2], foot))
    rows = [GOOD[0], *[GOOD[1 + place % 2] for place in range(items)], ("foot", {})]
    lines = write(rows, layout).split(b"\r\n")[:-1]
    blocks = [b"".join(lines[at : at + together]) for at in range(0, len(lines), together)]
    found, told = _read(b"\r\n".join(blocks) + end, layout)
    assert told == []
    assert [row.record for row in found] == [name for name, _ in rows]
    if together >= len(lines):
        assert [row.line for row in found] == list(range(1, len(lines) + 1))
    assert _read(b"".join(lines) + end, layout)[1] == []
