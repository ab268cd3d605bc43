"""Calling orders back: requests and answers are written valid and read back the same; what is odd is told."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from electra_kernel import formats
from electra_kernel.formats import camt029, camt055, pain002
from electra_kernel.orders.cancellation import (
    CancellationAnswer,
    CancellationRequest,
    PaymentCancellation,
    TransactionCancellation,
    cancellation_of,
)
from electra_kernel.orders.status import PaymentStatus, StatusReason, StatusReport, TransactionStatus
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party
from tests.shared import SHARED, needs_shared
from tests.test_collections import collection

CREATED = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_TEXT = st.text(alphabet="ABxyáő &<>'\"019/-", min_size=1, max_size=34).map(str.strip).filter(bool)
_MAYBE = st.one_of(st.just(""), _TEXT)
_DAYS = st.one_of(st.none(), st.dates(date(2020, 1, 1), date(2030, 1, 1)))
_WHO = st.one_of(st.builds(Party, name=_TEXT), st.builds(Party, name=_MAYBE, bic=st.just("OTPVHUHB")))
_REASONS = st.lists(
    st.builds(StatusReason, code=st.sampled_from(["DUPL", "CUST", "the bank's own"]), text=_MAYBE), max_size=2
).map(tuple)
_AMOUNTS = st.one_of(st.none(), st.builds(Money, st.decimals("0.01", "999.99", places=2), st.just("EUR")))
_UETR = st.sampled_from(["", "e3bf1c2a-1111-4aaa-8bbb-1234567890ab"])
_PARTS = {
    "end_to_end_id": _MAYBE,
    "instruction_id": _MAYBE,
    "uetr": _UETR,
    "amount": _AMOUNTS,
    "execution_date": _DAYS,
    "reasons": _REASONS,
    "cancellation_id": _MAYBE,
}
_HEAD = {
    "message_id": _TEXT,
    "created": st.just(CREATED),
    "assigner": _WHO,
    "assignee": _WHO,
    "case": _MAYBE,
    "original_message_id": _TEXT,
    "original_format": st.just("pain.001.001.09"),
    "reasons": _REASONS,
}


@st.composite
def _requests(draw: st.DrawFn) -> CancellationRequest:
    ids = draw(st.lists(_TEXT, max_size=2, unique=True))
    blocks = tuple(
        draw(
            st.builds(
                PaymentCancellation,
                payment_id=st.just(name),
                whole=st.booleans(),
                reasons=_REASONS,
                cancellation_id=_MAYBE,
            )
        )
        for name in ids
    )
    lines = tuple(
        draw(st.builds(TransactionCancellation, payment_id=st.just(name), collection_date=_DAYS, **_PARTS))
        for name in ids
        for _ in range(draw(st.integers(0, 2)))
    )
    return draw(
        st.builds(
            CancellationRequest, whole=st.booleans(), payments=st.just(blocks), transactions=st.just(lines), **_HEAD
        )
    )


_BANKS_REQUESTS = st.builds(
    CancellationRequest,
    whole=st.booleans(),
    transactions=st.lists(st.builds(TransactionCancellation, transaction_id=_MAYBE, **_PARTS), max_size=3).map(tuple),
    **_HEAD,
)


@st.composite
def _answers(draw: st.DrawFn) -> CancellationAnswer:
    ids = draw(st.lists(_TEXT, max_size=2, unique=True))
    blocks = tuple(
        draw(
            st.builds(
                PaymentStatus, payment_id=st.just(name), status=st.sampled_from(["", "ACCR", "RJCR"]), reasons=_REASONS
            )
        )
        for name in ids
    )
    line = {
        "status": st.sampled_from(["ACCR", "RJCR", "PDCR"]),
        "end_to_end_id": _MAYBE,
        "instruction_id": _MAYBE,
        "reasons": _REASONS,
    }
    lines = [
        draw(st.builds(TransactionStatus, payment_id=st.just(name), **line))
        for name in ids
        for _ in range(draw(st.integers(0, 2)))
    ]
    alone = st.builds(TransactionStatus, payment_id=st.just(""), bank_reference=_MAYBE, **line)
    lines += draw(st.lists(alone, max_size=2))
    return draw(
        st.builds(
            CancellationAnswer,
            confirmation=st.sampled_from(["CNCL", "RJCR", "PDCR"]),
            group_status=st.sampled_from(["", "ACCR", "PACR"]),
            payments=st.just(blocks),
            transactions=st.just(tuple(lines)),
            **_HEAD,
        )
    )


_SCHEMAS: dict[str, etree.XMLSchema] = {}


def _assert_valid(data: bytes, version: str) -> None:
    if version not in _SCHEMAS:
        _SCHEMAS[version] = etree.XMLSchema(file=str(SHARED / "schemas" / "iso20022" / f"{version}.xsd"))
    _SCHEMAS[version].assertValid(etree.fromstring(data))


_QUICK = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@needs_shared
@_QUICK
@given(request=_requests())
def test_a_customers_request_is_written_valid_and_reads_back_the_same(request: CancellationRequest) -> None:
    data = camt055.write(request)
    _assert_valid(data, "camt.055.001.08")
    reading = formats.read(data, "x")
    assert reading.cancellations == (request,)
    assert (reading.format, reading.problems) == ("camt.055.001.08", ())


@needs_shared
@pytest.mark.parametrize("version", camt055.VERSIONS_BETWEEN_BANKS)
@_QUICK
@given(request=_BANKS_REQUESTS)
def test_a_request_between_banks_is_written_valid_and_reads_back_the_same(
    version: str, request: CancellationRequest
) -> None:
    data = camt055.write_between_banks(request, version=version)
    _assert_valid(data, version)
    reading = formats.read(data, "x")
    assert (reading.cancellations, reading.problems, reading.format) == ((request,), (), version)


@needs_shared
@_QUICK
@given(answer=_answers())
def test_an_answer_is_written_valid_and_reads_back_the_same(answer: CancellationAnswer) -> None:
    data = camt029.write(answer)
    _assert_valid(data, "camt.029.001.09")
    reading = formats.read(data, "x")
    assert (reading.answers, reading.problems, reading.format) == ((answer,), (), "camt.029.001.09")


def test_the_message_and_case_that_an_answers_transactions_name_alike_are_the_answers() -> None:
    line = (
        "<TxInfAndSts><RslvdCase><Id>{}</Id></RslvdCase><OrgnlGrpInf><OrgnlMsgId>{}</OrgnlMsgId><OrgnlMsgNmId>pacs.008"
        "</OrgnlMsgNmId></OrgnlGrpInf><OrgnlEndToEndId>E</OrgnlEndToEndId></TxInfAndSts>"
    )
    head = "<Assgnmt><Id>A</Id><CreDtTm>2026-03-02T06:00:00Z</CreDtTm></Assgnmt><Sts><Conf>CNCL</Conf></Sts>"

    def read(*lines: str) -> tuple[str, str, str, set[str]]:
        body = f"<RsltnOfInvstgtn>{head}<CxlDtls>{''.join(lines)}</CxlDtls></RsltnOfInvstgtn>"
        data = f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.029.001.09">{body}</Document>'
        reading = camt029.read(data.encode(), "x")
        [answer] = reading.answers
        named = answer.original_message_id, answer.original_format, answer.case
        return *named, {problem.field.rpartition("/")[2] for problem in reading.problems}

    assert read(line.format("C", "M"), line.format("C", "M")) == ("M", "pacs.008", "C", set())
    assert read(line.format("C", "M"), line.format("D", "N")) == ("", "pacs.008", "", {"OrgnlMsgId", "Id"})


def test_an_order_is_called_back_as_a_whole_or_in_part() -> None:
    made, reason = collection(), StatusReason(code="DUPL", text="Sent twice")
    whole = cancellation_of(made, message_id="C-1", created=CREATED, original_format="pain.008.001.08", reason=reason)
    assert (whole.original_message_id, whole.payments[0].whole, whole.transactions) == ("M-1", True, ())
    part = cancellation_of(
        made,
        message_id="C-2",
        created=CREATED,
        original_format="pain.008.001.08",
        reason=reason,
        transactions=made.transactions,
    )
    (line,) = part.transactions
    assert (line.end_to_end_id, line.collection_date, line.execution_date) == ("INV-7", made.execution_date, None)
    assert line.amount == Money(Decimal("12.50"), "EUR")
    assert camt055.read(camt055.write(part), "x").cancellations == (part,)


def test_requests_of_other_versions_are_read_by_their_names() -> None:
    whole = cancellation_of(
        collection(),
        message_id="C",
        created=CREATED,
        original_format="pain.008.001.08",
        reason=StatusReason(code="CUST"),
    )
    data = camt055.write(whole)
    for number in ("01", "05", "12"):
        reading = camt055.read(data.replace(b"055.001.08", f"055.001.{number}".encode()), "x")
        assert (reading.cancellations, reading.problems) == ((whole,), ())
    later = camt055.read(data.replace(b"055.001.08", b"055.001.77"), "x")
    assert [row.rule for row in later.problems] == ["version-unproved"]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"<PmtInfCxl>true", b"<PmtInfCxl>perhaps", "boolean"),
        (b"<CreDtTm>2026", b"<CreDtTm>20x6", "moment"),
        (b"<OrgnlMsgId>M-1</OrgnlMsgId>", b"", "missing"),
        (b"<CxlRsnInf>", b"<CxlRsnInf><Orgtr><Nm>He</Nm></Orgtr>", "element-not-carried"),
        (b"</CxlRsnInf></OrgnlPmtInfAndCxl>", b"</CxlRsnInf><TxInf><OrgnlInstdAmt Ccy='XX1'>1</OrgnlInstdAmt></TxInf></OrgnlPmtInfAndCxl>", "amount"),
        (b"</CxlRsnInf></OrgnlPmtInfAndCxl>", b"</CxlRsnInf><TxInf><OrgnlReqdColltnDt>2026-02-30</OrgnlReqdColltnDt></TxInf></OrgnlPmtInfAndCxl>", "date"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_request_is_told(old: bytes, new: bytes, rule: str) -> None:
    whole = cancellation_of(
        collection(),
        message_id="C",
        created=CREATED,
        original_format="pain.008.001.08",
        reason=StatusReason(code="CUST"),
    )
    data = camt055.write(whole)
    assert old in data
    assert {row.rule for row in camt055.read(data.replace(old, new), "x").problems} == {rule}


def test_what_a_message_cannot_hold_is_refused() -> None:
    request = CancellationRequest(
        message_id="C",
        created=CREATED,
        assigner=Party(name="We"),
        assignee=Party(name="", bic="OTPVHUHB"),
        original_message_id="M",
        original_format="",
        transactions=(TransactionCancellation(payment_id="P", transaction_id="T"),),
    )
    with pytest.raises(ElectraError, match="transaction id"):
        camt055.write(request)
    with pytest.raises(ElectraError, match="payment blocks"):
        camt055.write_between_banks(request)
    with pytest.raises(ElectraError, match="is not written"):
        camt055.write(request, version="camt.055.001.01")
    with pytest.raises(ElectraError, match="names nobody"):
        camt055.write(replace(request, transactions=(), assignee=Party(name="")))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_requests_and_answers_give_problems_or_one_error(data: st.DataObject) -> None:
    whole = cancellation_of(
        collection(),
        message_id="C",
        created=CREATED,
        original_format="pain.008.001.08",
        reason=StatusReason(code="CUST"),
    )
    answer = CancellationAnswer(
        message_id="A", created=CREATED, assigner=Party(name="B"), assignee=Party(name="C"), confirmation="CNCL"
    )
    damaged = bytearray(data.draw(st.sampled_from([camt055.write(whole), camt029.write(answer)])))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=4))
    with suppress(UnreadableFile):
        formats.read(bytes(damaged), "x")


# ------------------------------------------------------------------------------------- reports about collections
def test_a_rejected_and_a_returned_collection_are_read_with_their_reasons() -> None:
    lines = (
        TransactionStatus(payment_id="P-1", status="RJCT", end_to_end_id="INV-7", reasons=(StatusReason(code="MD01"),)),
        TransactionStatus(payment_id="P-1", status="RJCT", end_to_end_id="INV-8", reasons=(StatusReason(code="AM04"),)),
    )
    report = StatusReport(
        message_id="R", created=CREATED, original_message_id="M-1", original_format="pain.008.001.08",
        group_status="PART", payments=(PaymentStatus(payment_id="P-1", status="PART"),), transactions=lines,
    )  # fmt: skip
    assert formats.read(pain002.write(report), "x").reports == (report,)


def test_reports_of_every_version_are_read_and_what_is_not_carried_is_told_once() -> None:
    line = TransactionStatus(payment_id="P-1", status="RJCT")
    report = StatusReport(
        message_id="R", created=CREATED, original_message_id="M", original_format="", transactions=(line, line)
    )
    data = pain002.write(replace(report, original_format="pain.001.001.09"))
    for number in (b"04", b"15"):
        reading = pain002.read(data.replace(b"002.001.10", b"002.001." + number), "x")
        assert reading.reports[0].transactions == (line, line)
        assert reading.problems == ()
    more = data.replace(
        b"</TxSts>", b"</TxSts><AccptncDtTm>2026-01-01T00:00:00Z</AccptncDtTm><OrgnlTxRef><X>1</X></OrgnlTxRef>"
    )
    assert [row.field for row in pain002.read(more, "x").problems] == [
        "CstmrPmtStsRpt/OrgnlPmtInfAndSts/TxInfAndSts/AccptncDtTm"
    ]
