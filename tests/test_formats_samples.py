"""Every published sample of the versions that are read is read whole, whatever its name; other versions are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from electra_kernel import formats
from electra_kernel.formats import pain001, pain002
from electra_kernel.statements.tables import tables_of
from tests.shared import SHARED, needs_shared
from tests.test_formats_camt053 import assert_same

VERSIONS = ("camt.053.001.02", "camt.053.001.08", *pain001.VERSIONS, *pain002.VERSIONS)


def _samples() -> list[Path]:
    folders = (SHARED / "samples" / version for version in VERSIONS)
    return sorted(file for folder in folders for file in folder.rglob("*.xml"))


@needs_shared
def test_there_are_samples_of_every_version() -> None:
    assert {file.relative_to(SHARED / "samples").parts[0] for file in _samples()} == set(VERSIONS)


@needs_shared
@pytest.mark.parametrize("sample", _samples(), ids=lambda path: f"{path.parent.name}/{path.name}"[-60:])
def test_a_sample_is_read_whole(sample: Path) -> None:
    data = re.sub(rb"<!--.*?-->", b"", sample.read_bytes(), flags=re.DOTALL)
    reading = formats.read(data, "wrong-name.txt")
    assert len(reading.orders) + len(reading.statements) + len(reading.reports) >= 1
    kept = sum(len(order.transactions) for order in reading.orders)
    left_out = sum(problem.rule in ("amount", "currency") for problem in reading.problems) if reading.orders else 0
    assert kept + left_out == len(re.findall(rb"</(?:\w+:)?CdtTrfTxInf>", data))


def _reports() -> list[Path]:
    return sorted(file for folder in (SHARED / "samples").glob("camt.05[234].*") for file in folder.rglob("*.xml"))


@needs_shared
def test_both_ways_of_reading_agree_on_every_sample_of_statements_and_nothing_is_lost() -> None:
    """Counts are those of the tags, whatever the version; what an entry's payments lack of its amount is told."""
    samples = _reports()
    assert len(samples) > 50
    for sample in samples:
        data = sample.read_bytes()
        found = formats.detect(data, "source")
        reading = found.read(data, "source")
        exact = tables_of(reading.statements, "source", reading.problems)
        assert found.tables is not None
        assert_same(exact, found.tables(data, "source"))
        left_out = sum(problem.rule == "amount" for problem in reading.problems)
        assert exact.entries.num_rows + left_out == len(re.findall(rb"</(?:\w+:)?Ntry>", data)), sample
        details = sum(len(entry.details) for statement in reading.statements for entry in statement.entries)
        assert left_out or details == len(re.findall(rb"<(?:\w+:)?TxDtls[ >/]", data)), sample
        assert reading.format[:8] == sample.relative_to(SHARED / "samples").parts[0][:8]
