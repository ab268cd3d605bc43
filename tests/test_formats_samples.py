"""Every published sample of the versions that are read is read whole, whatever its name; other versions are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from electra_kernel import formats
from electra_kernel.formats import camt053, pain001, pain002
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import UnreadableFile
from tests.shared import SHARED, needs_shared
from tests.test_formats_camt053 import assert_same

VERSIONS = (*camt053.VERSIONS, *pain001.VERSIONS, *pain002.VERSIONS)


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


@needs_shared
@pytest.mark.parametrize("version", camt053.VERSIONS)
def test_both_ways_of_reading_agree_on_every_sample_of_statements(version: str) -> None:
    samples = [file for file in _samples() if version in file.parts]
    assert samples
    for sample in samples:
        data = sample.read_bytes()
        reading = camt053.read(data, "source")
        exact = tables_of(reading.statements, "source", reading.problems)
        assert_same(exact, formats.read_tables(data, "source"))
        left_out = sum(problem.rule == "amount" for problem in reading.problems)
        assert exact.entries.num_rows + left_out == len(re.findall(rb"</(?:\w+:)?Ntry>", data))


@needs_shared
@pytest.mark.parametrize("name", ["pain.001.001.05", "pain.001.001.12", "camt.053.001.04", "camt.052.001.06"])
def test_versions_and_messages_that_are_not_read_are_named(name: str) -> None:
    for sample in (SHARED / "samples" / name).rglob("*.xml"):
        with pytest.raises(UnreadableFile) as caught:
            formats.read(sample.read_bytes(), sample.name)
        assert caught.value.problem.rule in ("version", "format", "xml")
        if caught.value.problem.rule != "xml":
            assert name in caught.value.problem.text
