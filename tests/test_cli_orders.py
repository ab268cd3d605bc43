"""``electra read``, ``convert`` and ``check`` with collections, requests to call back, answers and reports."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from electra_kernel.cli.files import check_file, convert_file
from electra_kernel.cli.reading import read_files
from electra_kernel.formats import camt029, camt055, pain001, pain002, pain008
from electra_kernel.orders.cancellation import CancellationAnswer
from electra_kernel.orders.status import StatusReason, StatusReport, TransactionStatus
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Party
from tests.test_collections import collection
from tests.test_orders import euros, order

CREATED = datetime(2026, 7, 6, 8, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A collection, an order, an answer and a report as files."""
    answer = CancellationAnswer(
        message_id="A", created=CREATED, assigner=Party(name="", bic="OTPVHUHB"), assignee=Party(name="We"),
        confirmation="RJCR", original_message_id="M-1",
        transactions=(TransactionStatus(payment_id="P-1", status="RJCR", end_to_end_id="INV-7"),),
    )  # fmt: skip
    line = TransactionStatus(payment_id="P", status="RJCT", end_to_end_id="INV-7", reasons=(StatusReason(code="AM04"),))
    report = StatusReport(
        message_id="R", created=CREATED, original_message_id="M-1", original_format="pain.008.001.08",
        transactions=(line,),
    )  # fmt: skip
    for name, data in (
        ("collection.xml", pain008.write(collection())),
        ("order.xml", pain001.write(order(euros()))),
        ("answer.xml", camt029.write(answer)),
        ("report.xml", pain002.write(report)),
    ):
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_collections_are_read_as_money_that_comes_in_with_their_mandates(folder: Path) -> None:
    assert read_files([folder / "collection.xml"], folder / "out.csv") == 0
    (row,) = pd.read_csv(folder / "out.csv", dtype=str).to_dict("records")
    assert (row["amount"], row["mandate_id"], row["creditor_id"]) == ("12.50000", "M-7", "DE98ZZZ09999999999")
    assert row["account"] == "HU42117730161111101800000000"


def test_an_order_becomes_another_version_or_the_request_that_calls_it_back(folder: Path) -> None:
    convert_file(folder / "collection.xml", folder / "old.xml", "pain.008.001.02")
    assert pain008.read((folder / "old.xml").read_bytes(), "x").format == "pain.008.001.02"
    convert_file(folder / "order.xml", folder / "recall.xml", "camt.055.001.08")
    (request,) = camt055.read((folder / "recall.xml").read_bytes(), "x").cancellations
    assert (request.original_message_id, request.original_format) == ("M-1", "pain.001.001.09")
    assert [(part.payment_id, part.whole) for part in request.payments] == [("P-1", True)]


@pytest.mark.parametrize(
    ("name", "to", "words"),
    [
        ("collection.xml", "pain.001.001.09", "holds collections"),
        ("order.xml", "pain.008.001.08", "holds transfers only"),
        ("collection.xml", "csv", "cannot say that they are collections"),
        ("answer.xml", "pain.001.001.09", "cannot be written as"),
    ],
)
def test_what_cannot_become_something_is_refused_with_a_word(folder: Path, name: str, to: str, words: str) -> None:
    with pytest.raises(ElectraError, match=words):
        convert_file(folder / name, folder / "target", to)
    assert not (folder / "target").exists()


def test_reports_requests_and_answers_are_told_in_sentences(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convert_file(folder / "order.xml", folder / "recall.xml", "camt.055.001.08")
    assert read_files([folder / name for name in ("report.xml", "recall.xml", "answer.xml")], None) == 0
    told = capsys.readouterr().out
    assert "transaction INV-7: RJCT, because AM04" in told
    assert "all of payment P-1, because CUST" in told
    assert "Answer about calling back M-1: RJCR" in told


def test_a_country_may_be_named_for_its_rules_and_a_wrong_name_lists_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_file(folder / "order.xml", "hungarian-instant") == 1
    assert "Hungarian instant payments say nothing" in capsys.readouterr().out.replace("\n", " ")
    with pytest.raises(ElectraError) as caught:
        check_file(folder / "order.xml", "atlantis")
    assert all(name in caught.value.repair for name in ("sepa-core-collection", "german", "swiss"))
