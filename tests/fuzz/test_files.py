"""A short campaign against the readers of bank files, and a test for every defect that the long one (`make fuzz`) found."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from electra_kernel import formats
from electra_kernel.formats import camt053
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import UnreadableFile
from tests.fuzz.files import Files, strange_amounts
from tests.fuzz.seeds import files

DOCUMENTS = 200


def test_there_is_a_whole_file_of_every_format_and_it_is_read_without_an_error() -> None:
    missing = {known.name for known in formats.FORMATS}
    for name, data in files().items():
        known = formats.detect(data, name)
        reading = known.read(data, name)
        assert [problem for problem in reading.problems if problem.severity == "error" and known.name != "qif"] == [], (
            name
        )
        assert tables_of(reading.statements, name).entries.num_rows or not reading.statements or name == "mt941", name
        missing.discard(known.name)
    assert missing == set()


def test_damaged_files_are_read_or_refused_and_nothing_else() -> None:
    outcome = Files(7, DOCUMENTS).run()
    assert outcome.documents >= DOCUMENTS
    assert outcome.defects == []
    # The damage came behind the readers' doors: most files are still read, some are refused.
    assert sum(count for name, count in outcome.codes.items() if name.endswith("read")) > DOCUMENTS / 2


def _defects(**broken: Callable[[bytes, str], object]) -> str:
    """What the campaign says of a whole camt.053 where a part of its format is another."""
    whole = files()["camt.053.001.08 with 2"]
    run = Files(1, 1)
    run.attempt(replace(formats.detect(whole, "whole"), **broken), whole)  # type: ignore[arg-type]
    return " ".join(defect.what for defect in run.outcome.defects)


def test_a_campaign_notices_an_exception_a_float_and_two_ways_that_differ() -> None:
    assert _defects() == ""
    assert "ZeroDivisionError" in _defects(read=lambda data, source: 1 // 0)
    assert "differ in entries.amount" in _defects(
        tables=lambda data, source: camt053.read_tables(data.replace(b">12.75<", b">12.76<"), source)
    )
    assert "differ in entries.amount" in _defects(
        batches=lambda pieces, source: camt053.read_batches([b"".join(pieces).replace(b">12.75<", b">12.76<")], source)
    )
    assert "refused by the fast one" in _defects(tables=lambda data, source: camt053.read_tables(data[:-9], source))
    assert len(list(strange_amounts((1.5, (Decimal("NaN"),), Decimal(1))))) == 2


# ------------------------------------------------------------------------------------------------ defects found
def _book(old: bytes, new: bytes) -> bytes:
    """The workbook with something else in its sheet."""
    held, out = zipfile.ZipFile(io.BytesIO(files()["xlsx"])), io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in held.namelist():
            part = held.read(name)
            made.writestr(name, part.replace(old, new) if name == "xl/worksheets/sheet1.xml" else part)
    return out.getvalue()


@pytest.mark.parametrize(
    "place", [b'r="A999999999"', b"r='A4000000'", b'r = "zz9999999"', b'r="A%s"' % (b"9" * 30), b'r="AAAAAA1"']
)
def test_a_workbook_that_names_a_cell_beyond_every_sheet_is_refused(place: bytes) -> None:
    with pytest.raises(UnreadableFile, match="far apart"):
        formats.read(_book(b'r="A2"', place), "book.xlsx")


@pytest.mark.parametrize("inside", [b"<X>" * 300 + b"</X>" * 300, b'<X a="<">></X>'])
def test_both_ways_refuse_what_a_strict_parser_refuses_inside_an_entry(inside: bytes) -> None:
    data = files()["camt.053.001.08 with 1"].replace(b"<AcctSvcrRef>", inside + b"<AcctSvcrRef>", 1)
    for read in (camt053.read, camt053.read_tables):
        with pytest.raises(UnreadableFile):
            read(data, "file")
