"""Orders and status reports in ISO 20022: what is written is valid and reads back; what is odd is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from electra_kernel import formats
from electra_kernel.formats import initiation, pain001, pain002
from electra_kernel.formats.payment_tables import payment_entries
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.orders.status import PaymentStatus, StatusReason, StatusReport, TransactionStatus
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party
from tests.shared import SHARED, needs_shared

CREATED = datetime(2026, 3, 2, 6, 0, 0, 123000, tzinfo=UTC)
_TEXT = st.text(alphabet="ABCxyzáőű &<>'\"019/-\n", min_size=1, max_size=34).map(str.strip).filter(bool)
_MAYBE = st.one_of(st.just(""), _TEXT)
_PARTIES = st.builds(
    Party,
    name=_TEXT,
    account=st.sampled_from(["HU42117730161111101800000000", "DE89370400440532013000"]),
    bic=st.sampled_from(["", "OTPVHUHB"]),
    identification=_MAYBE,
    address=st.builds(
        Address,
        street=_MAYBE,
        building=st.sampled_from(["", "12/B"]),
        post_code=st.sampled_from(["", "1051"]),
        town=_MAYBE,
        country=st.sampled_from(["", "HU"]),
        lines=st.lists(_TEXT, max_size=2).map(tuple),
    ),
)
_LONG = st.lists(st.text(alphabet="abc&", min_size=1, max_size=60), max_size=12).map(" ".join)
_TRANSACTIONS = st.builds(
    Transaction,
    amount=st.builds(Money, st.decimals("0.01", "999999999.99", places=2), st.just("EUR")),
    counterparty=_PARTIES,
    remittance=st.one_of(_MAYBE, _LONG),
    structured_reference=st.sampled_from(["", "RF18539007547034", "210000000003139471430009017"]),
    end_to_end_id=st.one_of(st.just(NOT_PROVIDED), _TEXT),
    instruction_id=_MAYBE,
    purpose=st.sampled_from(["", "SALA"]),
    ultimate_debtor=_MAYBE,
    ultimate_creditor=_MAYBE,
)
_ORDERS = st.builds(
    Order,
    message_id=_TEXT,
    payment_id=_TEXT,
    kind=st.just("sepa"),
    debtor=_PARTIES,
    execution_date=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    created=st.just(CREATED),
    transactions=st.lists(_TRANSACTIONS, min_size=1, max_size=3).map(tuple),
    initiator=_TEXT,
    batch_booking=st.sampled_from([None, True, False]),
    charge_bearer=st.sampled_from(["", "SLEV", "SHAR"]),
    local_instrument=st.sampled_from(["", "INST"]),
    category_purpose=st.sampled_from(["", "SALA"]),
)
_SCHEMAS: dict[str, etree.XMLSchema] = {}


def _assert_valid(data: bytes, version: str) -> None:
    schema = SHARED / "schemas" / "iso20022" / f"{version}.xsd"
    if not schema.is_file():  # the other versions are the same but for the rows of one table
        return
    if version not in _SCHEMAS:
        _SCHEMAS[version] = etree.XMLSchema(file=str(schema))
    _SCHEMAS[version].assertValid(etree.fromstring(data))


def _order(**changes: object) -> Order:
    party = Party(name="Partner Kft.", account="DE89370400440532013000")
    transaction = Transaction(amount=Money(Decimal("12.50"), "EUR"), counterparty=party, end_to_end_id="E1")
    order = Order(
        message_id="M1",
        payment_id="P1",
        kind="sepa",
        debtor=Party(name="We", account="HU42117730161111101800000000"),
        execution_date=date(2026, 3, 3),
        created=CREATED,
        transactions=(transaction, replace(transaction, end_to_end_id="E2")),
        initiator="We",
    )
    return replace(order, **changes)  # type: ignore[arg-type]


def _rules(data: bytes) -> list[str]:
    return [problem.rule for problem in pain001.read(data, "order.xml").problems]


@needs_shared
@pytest.mark.parametrize("version", pain001.VERSIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(order=_ORDERS)
def test_an_order_is_written_valid_on_one_line_and_reads_back_the_same(version: str, order: Order) -> None:
    written = pain001.write(order, version=version)
    _assert_valid(written, version)
    assert b"\n" not in written
    assert b"\r" not in written
    assert written == pain001.write(order, version=version)
    reading = formats.read(written, "order.xml")
    (back,) = reading.orders
    back = replace(back, transactions=tuple(replace(line, position=None) for line in back.transactions))
    assert back == order
    assert reading.format == version
    assert reading.problems == ()


def test_positions_are_the_byte_offsets_of_the_transactions() -> None:
    data = pain001.write(_order())
    positions = [line.position for line in pain001.read(data, "x").orders[0].transactions]
    assert all(data[position:].startswith(b"<CdtTrfTxInf>") for position in positions if position is not None)
    assert None not in positions


def test_sums_and_counts_that_disagree_with_the_content_are_told() -> None:
    data = pain001.write(_order())
    assert _rules(data.replace(b"<CtrlSum>25.00", b"<CtrlSum>25.01", 1)) == ["control-sum"]
    assert _rules(data.replace(b"<NbOfTxs>2", b"<NbOfTxs>3")) == ["transaction-count", "transaction-count"]


def test_an_element_that_is_not_carried_is_told_once_with_its_path() -> None:
    data = pain001.write(_order()).replace(
        b"</InstdAmt></Amt>", b"</InstdAmt></Amt><ChqInstr><ChqNb>1</ChqNb></ChqInstr>"
    )
    problems = pain001.read(data, "x").problems
    assert [(row.rule, row.severity, row.field) for row in problems] == [
        ("element-not-carried", "warning", "PmtInf/CdtTrfTxInf/ChqInstr/ChqNb")
    ]


_EQUIVALENT = b'<EqvtAmt><Amt Ccy="EUR">12.50</Amt><CcyOfTrf>USD</CcyOfTrf></EqvtAmt>'


@pytest.mark.parametrize("version", ["pain.001.001.03", "pain.001.001.09", "pain.001.001.12"])
def test_an_amount_that_is_paid_in_another_currency_is_read_and_written_as_such(version: str) -> None:
    plain = pain001.write(_order(), version=version)
    data = plain.replace(b'<InstdAmt Ccy="EUR">12.50</InstdAmt>', _EQUIVALENT)
    reading = pain001.read(data, "x")
    (order,) = reading.orders
    assert not reading.problems
    assert order.kind == "cross-border"
    assert {(str(line.amount), line.paid_in) for line in order.transactions} == {("12.50 EUR", "USD")}
    again = pain001.write(order, version=version)
    assert again.count(_EQUIVALENT) == 2
    _assert_valid(again, version)
    assert [line.paid_in for line in pain001.read(again, "x").orders[0].transactions] == ["USD", "USD"]
    table = payment_entries(reading, "x")
    assert table["additional_information"].to_pylist() == ["paid in USD"] * 2
    same = pain001.read(data.replace(b">USD<", b">EUR<"), "x").orders[0]
    assert {line.paid_in for line in same.transactions} == {""}


def test_a_currency_of_transfer_that_is_none_leaves_the_payment_out_and_conversions_name_what_they_lose() -> None:
    data = pain001.write(_order()).replace(b'<InstdAmt Ccy="EUR">12.50</InstdAmt>', _EQUIVALENT)
    wrong = pain001.read(data.replace(b">USD<", b">XYQ<", 1), "x")
    assert [line.end_to_end_id for line in wrong.orders[0].transactions] == ["E2"]
    assert [(row.rule, row.field) for row in wrong.problems] == [
        ("currency", "PmtInf/CdtTrfTxInf/Amt/EqvtAmt/CcyOfTrf")
    ]
    _, told = formats.convert(pain001.read(data, "x"), "xlsx", now=CREATED)
    assert [line for line in told if "currency in which it is paid" in line]
    both = data.replace(b"</EqvtAmt>", b'</EqvtAmt><InstdAmt Ccy="EUR">9.00</InstdAmt>', 1)
    assert "element-not-carried" in _rules(both)


def test_a_payment_that_cannot_be_used_is_left_out_and_told() -> None:
    data = pain001.write(_order()).replace(b">12.50<", b">-12.50<", 1)
    reading = pain001.read(data, "x")
    assert [line.end_to_end_id for line in reading.orders[0].transactions] == ["E2"]
    assert [problem.rule for problem in reading.problems] == ["amount"]


def test_several_payment_blocks_become_several_orders() -> None:
    data = pain001.write(_order())
    block = data[data.index(b"<PmtInf>") : data.index(b"</CstmrCdtTrfInitn>")]
    reading = pain001.read(data.replace(block, block * 2), "x")
    assert len(reading.orders) == 2
    assert "several-blocks" in [problem.rule for problem in reading.problems]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"transactions": ()}, "without transactions"),
        ({"message_id": "M" * 36}, "36 characters"),
        ({"message_id": ""}, "MsgId"),
        ({"initiator": "bell\x07"}, r"U\+0007"),
        ({"initiator": "nul\x00"}, r"U\+0000"),
        ({"created": datetime(2026, 1, 1)}, "time zone"),
    ],
)
def test_writing_refuses_what_the_message_cannot_hold(change: dict[str, object], words: str) -> None:
    with pytest.raises(ElectraError, match=words):
        pain001.write(_order(**change))


def test_writing_refuses_an_unknown_version() -> None:
    with pytest.raises(ElectraError, match=r"pain\.001\.001\.02") as caught:
        pain001.write(_order(), version="pain.001.001.02")
    assert all(version in caught.value.repair for version in pain001.VERSIONS)


def test_a_version_that_came_later_is_read_by_its_names_and_told() -> None:
    data = pain001.write(_order()).replace(b"001.001.09", b"001.001.14")
    reading = pain001.read(data, "x")
    assert [(row.rule, row.severity) for row in reading.problems] == [("version-unproved", "warning")]
    assert reading.format == "pain.001.001.14"
    assert reading.orders == pain001.read(pain001.write(_order()), "x").orders


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_order_gives_problems_or_one_error_never_another_exception(data: st.DataObject) -> None:
    damaged = bytearray(pain001.write(_order()))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=4))
    with suppress(UnreadableFile):
        assert pain001.read(bytes(damaged), "x").orders
    with suppress(UnreadableFile):
        formats.read(bytes(damaged), "x")


_CODES = st.sampled_from(["ACCP", "ACSC", "RJCT", "PDNG", "ACWC"])
_REASONS = st.lists(
    st.builds(StatusReason, code=st.sampled_from(["AC01", "NARR", "longer code"]), text=_LONG), max_size=2
).map(tuple)


@st.composite
def _reports(draw: st.DrawFn) -> StatusReport:
    ids = draw(st.lists(_TEXT, max_size=2, unique=True))
    payments = tuple(
        PaymentStatus(payment_id=name, status=draw(st.one_of(st.just(""), _CODES)), reasons=draw(_REASONS))
        for name in ids
    )
    lines = tuple(
        TransactionStatus(
            payment_id=name,
            status=draw(_CODES),
            end_to_end_id=draw(_MAYBE),
            instruction_id=draw(_MAYBE),
            reasons=draw(_REASONS),
            bank_reference=draw(_MAYBE),
        )
        for name in ids
        for _ in range(draw(st.integers(0, 2)))
    )
    return StatusReport(
        message_id=draw(_TEXT),
        created=CREATED,
        original_message_id=draw(_TEXT),
        original_format="pain.001.001.09",
        group_status=draw(st.sampled_from(["", "ACCP", "PART", "RJCT"])),
        reasons=draw(_REASONS),
        payments=payments,
        transactions=lines,
    )


@needs_shared
@pytest.mark.parametrize("version", pain002.VERSIONS)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(report=_reports())
def test_a_status_report_is_written_valid_and_reads_back_the_same(version: str, report: StatusReport) -> None:
    written = pain002.write(report, version=version)
    _assert_valid(written, version)
    reading = formats.read(written, "report.xml")
    assert reading.reports == (report,)
    assert reading.format == version


def test_the_older_report_refuses_statuses_it_does_not_know() -> None:
    line = TransactionStatus(payment_id="P", status="RVNM")
    report = StatusReport(
        message_id="M", created=CREATED, original_message_id="O", original_format="", transactions=(line,)
    )
    with pytest.raises(ElectraError, match="RVNM"):
        pain002.write(report, version="pain.002.001.03")
    assert pain002.read(pain002.write(report), "x").reports[0].transactions == (line,)


def test_a_report_without_an_original_message_is_refused() -> None:
    data = b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt/></Document>'
    with pytest.raises(UnreadableFile, match="original message"):
        formats.read(data, "x")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b"</CstmrCdtTrfInitn>", b"<SplmtryData><Envlp>x</Envlp></SplmtryData></CstmrCdtTrfInitn>", "SplmtryData"),
        (b"<PmtInf>", b"<GrpHdr><MsgId>Z</MsgId></GrpHdr><PmtInf>", "GrpHdr"),
        (b"<IBAN>DE", b"<Othr><Id>77</Id></Othr><IBAN>DE", "PmtInf/CdtTrfTxInf/CdtrAcct/Id/IBAN"),
    ],
)
def test_what_stands_beside_the_blocks_or_twice_in_another_spelling_is_told(old: bytes, new: bytes, field: str) -> None:
    data = pain001.write(_order())
    assert old in data
    problems = pain001.read(data.replace(old, new, 1), "x").problems
    assert [(row.rule, row.field) for row in problems] == [("element-not-carried", field)]


@pytest.mark.parametrize("columns_from", [1, 1_000])
@pytest.mark.parametrize(
    ("before", "new", "field"),
    [
        (b"</PmtId>", b"<UETR>8a562c67-ca16-48ba-b074-65581be6f011</UETR>", "PmtId/UETR"),
        (b"<Cdtr>", b"<ChrgBr>CRED</ChrgBr>", "ChrgBr"),
        (b"<Cdtr>", b"<XchgRateInf><XchgRate>1.1</XchgRate></XchgRateInf>", "XchgRateInf/XchgRate"),
    ],
)
def test_a_tracking_id_a_rate_and_a_payments_own_bearer_of_charges_are_told(
    before: bytes, new: bytes, field: str, columns_from: int
) -> None:
    data = pain001.write(_order())
    at = data.rindex(before)
    data = data[:at] + new + data[at:]
    problems = initiation.read(data, "x", pain001.MESSAGE, columns_from=columns_from).problems
    assert [(row.rule, row.field, row.position) for row in problems] == [
        ("element-not-carried", f"PmtInf/CdtTrfTxInf/{field}", data.rindex(b"<CdtTrfTxInf>"))
    ]


def test_a_payment_with_another_service_level_than_its_block_is_told_with_its_place() -> None:
    data = pain001.write(_order())
    at = data.rindex(b"</PmtId>") + len(b"</PmtId>")
    data = data[:at] + b"<PmtTpInf><SvcLvl><Cd>URGP</Cd></SvcLvl></PmtTpInf>" + data[at:]
    problems = pain001.read(data, "x").problems
    assert [(row.field, row.position) for row in problems] == [
        ("PmtInf/CdtTrfTxInf/PmtTpInf/SvcLvl/Cd", data.rindex(b"<CdtTrfTxInf>"))
    ]


@pytest.mark.parametrize(
    ("party", "words"),
    [
        ({"bic": "cobadeff"}, "not a BIC"),
        ({"address": Address(country="hu")}, "no country"),
        ({"address": Address(lines=tuple("abcdefgh"))}, "8 lines"),
    ],
)
def test_writing_refuses_what_would_break_the_schema(party: dict[str, object], words: str) -> None:
    order = _order()
    line = replace(order.transactions[0], counterparty=replace(order.transactions[0].counterparty, **party))
    with pytest.raises(ElectraError, match=words):
        pain001.write(replace(order, transactions=(line,)))


def test_writing_refuses_a_charge_bearer_and_a_sum_that_the_schema_does_not_hold() -> None:
    order = _order()
    with pytest.raises(ElectraError, match="charges"):
        pain001.write(replace(order, charge_bearer="FOO"))
    huge = replace(order.transactions[0], amount=Money(Decimal("9999999999999.99999"), "EUR"))
    with pytest.raises(ElectraError, match="digits"):
        pain001.write(replace(order, transactions=(huge, huge)))


_FIRST = b"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:swift:xsd:$pain.001.001.02"><pain.001.001.02>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2009-03-02T06:00:00</CreDtTm><NbOfTxs>1</NbOfTxs><Grpg>MIXD</Grpg>
<InitgPty><Nm>We</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>P1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt>2009-03-03</ReqdExctnDt><Dbtr><Nm>We</Nm></Dbtr>
<DbtrAcct><Id><PrtryAcct><Id>117730161111101800000000</Id></PrtryAcct></Id></DbtrAcct>
<DbtrAgt><FinInstnId><BIC>OTPVHUHB</BIC></FinInstnId></DbtrAgt>
<CdtTrfTxInf><PmtId><EndToEndId>E1</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">12.50</InstdAmt></Amt>
<Cdtr><Nm>Partner</Nm></Cdtr><CdtrAcct><Id><BBAN>370400440532013000</BBAN></Id></CdtrAcct>
<RmtInf><Strd><CdtrRefInf><CdtrRef>RF18539007547034</CdtrRef></CdtrRefInf></Strd></RmtInf></CdtTrfTxInf>
</PmtInf></pain.001.001.02></Document>"""


def test_a_message_from_before_messages_had_names_is_read_and_told() -> None:
    reading = formats.read(_FIRST, "x")
    assert reading.format == "pain.001.001.02"
    assert [problem.rule for problem in reading.problems] == ["version-unproved"]
    (order,) = reading.orders
    assert order.debtor == Party(name="We", account="117730161111101800000000", bic="OTPVHUHB")
    (line,) = order.transactions
    assert (line.counterparty.account, line.structured_reference) == ("370400440532013000", "RF18539007547034")
    collection = (
        _FIRST.replace(b"pain.001.001.02", b"pain.008.001.01")
        .replace(b"ReqdExctnDt", b"ReqdColltnDt")
        .replace(b"CdtTrfTxInf", b"DrctDbtTxInf")
        .replace(b">TRF<", b">DD<")
        .replace(b"<Amt>", b"")
        .replace(b"</Amt>", b"")
        .replace(b"Dbtr", b"Xxxx")
        .replace(b"Cdtr", b"Dbtr")
        .replace(b"Xxxx", b"Cdtr")
        .replace(b"DbtrRef", b"CdtrRef")
    )
    reading = formats.read(collection, "x")
    assert reading.format == "pain.008.001.01"
    assert [problem.rule for problem in reading.problems] == ["version-unproved"]
    assert reading.orders[0].creditor == order.debtor


class _OnDemand(tuple[Transaction, ...]):
    """Payments whose objects live only while somebody looks at them."""

    def __iter__(self) -> Iterator[Transaction]:
        for each in super().__iter__():
            yield replace(each, counterparty=replace(each.counterparty))


def test_payees_whose_objects_come_and_go_are_not_taken_for_one_another():
    payees = [Party(name=f"Payee {number}") for number in range(2_000)]
    payments = [Transaction(amount=Money(Decimal("1.00"), "EUR"), counterparty=payee) for payee in payees]
    (order,) = pain001.read(pain001.write(_order(transactions=_OnDemand(payments))), "x").orders
    assert [each.counterparty.name for each in order.transactions] == [payee.name for payee in payees]
