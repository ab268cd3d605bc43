"""Collections in ISO 20022: what is written is valid and reads back; both ways of reading agree; samples are read whole."""

from __future__ import annotations

import pickle
import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from electra_kernel import formats
from electra_kernel.formats import initiation, pain001, pain008
from electra_kernel.formats.base import Reading
from electra_kernel.formats.initiation_columns import Payments
from electra_kernel.formats.payment_tables import payment_entries
from electra_kernel.orders.model import NOT_PROVIDED, Amendment, Mandate, Order, Transaction
from electra_kernel.vocabulary.errors import ElectraError, Problem, UnreadableFile
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party
from tests.shared import SHARED, needs_shared
from tests.test_collections import collection

_TEXT = st.text(alphabet="ABxyáő &<>'\"019/-\n\r\t", min_size=1, max_size=34).map(str.strip).filter(bool)
_MAYBE = st.one_of(st.just(""), _TEXT)
_BICS = st.sampled_from(["", "OTPVHUHB"])
_PARTIES = st.builds(
    Party,
    name=_TEXT,
    account=st.sampled_from(["HU42117730161111101800000000", "DE89370400440532013000"]),
    bic=_BICS,
    identification=_MAYBE,
    address=st.builds(
        Address,
        street=_MAYBE,
        town=_MAYBE,
        country=st.sampled_from(["", "HU"]),
        lines=st.lists(_TEXT, max_size=2).map(tuple),
    ),
)
_AMENDMENTS = st.builds(
    Amendment,
    mandate=_MAYBE,
    creditor_id=_MAYBE,
    creditor_name=_MAYBE,
    debtor_account=st.sampled_from(["", "SMNDA", "DE89370400440532013000"]),
    debtor_bic=st.sampled_from(["", "SMNDA", "OTPVHUHB"]),
).filter(lambda made: made != Amendment())
_MANDATES = st.builds(
    Mandate,
    identification=_TEXT,
    signed=st.one_of(st.none(), st.dates(date(2020, 1, 1), date(2026, 1, 1))),
    sequence=st.sampled_from(["FRST", "RCUR", "OOFF", "FNAL"]),
    creditor_id=st.sampled_from(["", "AT61ZZZ01234567890"]),
    amendment=st.one_of(st.none(), _AMENDMENTS),
)
_TRANSACTIONS = st.builds(
    Transaction,
    amount=st.builds(Money, st.decimals("0.01", "999999999.99", places=2), st.just("EUR")),
    counterparty=_PARTIES,
    remittance=_MAYBE,
    structured_reference=st.sampled_from(["", "RF18539007547034"]),
    end_to_end_id=st.one_of(st.just(NOT_PROVIDED), _TEXT),
    instruction_id=_MAYBE,
    purpose=st.sampled_from(["", "GDDS"]),
    ultimate_debtor=_MAYBE,
    ultimate_creditor=_MAYBE,
    mandate=_MANDATES,
)
_COLLECTIONS = st.builds(
    Order,
    message_id=_TEXT,
    payment_id=_TEXT,
    kind=st.sampled_from(["sepa-core-collection", "sepa-b2b-collection"]),
    creditor=_PARTIES,
    creditor_id=st.sampled_from(["", "DE98ZZZ09999999999"]),
    execution_date=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    created=st.just(datetime(2026, 3, 2, 6, 0, 0, 123000, tzinfo=UTC)),
    transactions=st.lists(_TRANSACTIONS, min_size=1, max_size=3).map(tuple),
    initiator=_TEXT,
    batch_booking=st.sampled_from([None, True, False]),
    charge_bearer=st.sampled_from(["", "SLEV"]),
    category_purpose=st.sampled_from(["", "CASH"]),
)
_SCHEMAS: dict[str, etree.XMLSchema] = {}


def _assert_valid(data: bytes, version: str) -> None:
    schema = SHARED / "schemas" / "iso20022" / f"{version}.xsd"
    if not schema.is_file():  # the other versions differ from these by the rows of one table
        return
    if version not in _SCHEMAS:
        _SCHEMAS[version] = etree.XMLSchema(file=str(schema))
    _SCHEMAS[version].assertValid(etree.fromstring(data))


def _without_places(order: Order) -> Order:
    return replace(order, transactions=tuple(replace(line, position=None) for line in order.transactions))


@needs_shared
@pytest.mark.parametrize("version", pain008.VERSIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(order=_COLLECTIONS)
def test_a_collection_is_written_valid_on_one_line_and_reads_back_the_same(version: str, order: Order) -> None:
    written = pain008.write(order, version=version)
    _assert_valid(written, version)
    assert b"\n" not in written
    reading = formats.read(written, "collection.xml")
    assert tuple(map(_without_places, reading.orders)) == (order,)
    assert (reading.format, reading.problems) == (version, ())


def test_a_collection_in_forints_needs_no_scheme_and_reads_back() -> None:
    line = replace(
        collection().transactions[0], amount=Money(Decimal(990), "HUF"), mandate=Mandate(identification="77")
    )
    made = collection(kind="domestic-collection", creditor_id="", transactions=(line,), initiator="Electra Kft")
    assert tuple(map(_without_places, pain008.read(pain008.write(made), "x").orders)) == (made,)


def test_an_order_that_pays_is_no_direct_debit() -> None:
    payer = Party(name="Electra Kft", account="HU42117730161111101800000000")
    with pytest.raises(ElectraError, match="no direct debit"):
        pain008.write(collection(creditor=None, debtor=payer))


def test_sequences_that_differ_stand_with_each_collection() -> None:
    first = collection().transactions[0]
    assert first.mandate is not None
    second = replace(first, mandate=replace(first.mandate, sequence="FRST"))
    data = pain008.write(collection(transactions=(first, second)))
    assert data.count(b"<SeqTp>") == 2
    found = [line.mandate.sequence for line in pain008.read(data, "x").orders[0].transactions if line.mandate]
    assert found == ["RCUR", "FRST"]


# --------------------------------------------------------------------------- the quick way and the whole way agree
def _whole_way(data: bytes, source: str) -> Reading:
    """A processing instruction in the prologue makes the reader parse the document as a whole."""
    start = data.index(b"?>") + 2 if data.startswith(b"<?xml") else 0
    return formats.read(data[:start] + b"<?whole way?>" + data[start:], source)


def _facts(reading: Reading) -> tuple[object, ...]:
    problems = [replace(row, position=None) for row in reading.problems]
    return reading.format, tuple(map(_without_places, reading.orders)), problems


def _samples() -> list[Path]:
    folder = SHARED / "samples"
    return sorted(file for name in ("pain.001.*", "pain.008.*") for file in folder.glob(f"{name}/**/*.xml"))


@needs_shared
def test_every_sample_is_read_whole_and_all_ways_of_reading_agree_on_it() -> None:
    samples = _samples()
    assert len(samples) > 190
    for sample in samples:
        data = sample.read_bytes()
        reading = formats.read(data, "x")
        bare = re.sub(rb"<!--.*?-->", b"", data, flags=re.DOTALL)
        kept = sum(len(order.transactions) for order in reading.orders)
        left_out = sum(row.rule in ("amount", "currency") for row in reading.problems)
        assert kept + left_out == len(re.findall(rb"</(?:\w+:)?(?:CdtTrfTxInf|DrctDbtTxInf)\s*>", bare)), sample
        amounts = re.findall(rb"<(?:\w+:)?(?:InstdAmt|EqvtAmt>\s*<(?:\w+:)?Amt)[^>]*>\s*([0-9.]+)\s*<", bare)
        total = sum((order.control_sum for order in reading.orders), Decimal(0))
        assert left_out or total == sum((Decimal(amount.decode()) for amount in amounts), Decimal(0)), sample
        assert _facts(_whole_way(bare, "x")) == _facts(formats.read(bare, "x")) == _facts(reading), sample
        assert _by_columns(data, columns_from=1) == reading, sample
        starts = [line.position for order in reading.orders for line in order.transactions]
        assert all(re.match(rb"<(\w+:)?(CdtTrfTxInf|DrctDbtTxInf)", data[start or 0 :]) for start in starts), sample


@pytest.mark.parametrize("encoding", ["utf-8-sig", "iso-8859-2", "utf-16"])
def test_other_encodings_are_read_the_same(encoding: str) -> None:
    party = Party(name="Kőműves & Társa", account="DE89370400440532013000")
    made = collection(
        transactions=(replace(collection().transactions[0], counterparty=party),), initiator="Electra Kft"
    )
    text = pain008.write(made).decode().replace("UTF-8", encoding.removesuffix("-sig"))
    assert tuple(map(_without_places, pain008.read(text.encode(encoding), "x").orders)) == (made,)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<EndToEndId>INV-7</EndToEndId>", "<EndToEndId><![CDATA[INV-7]]></EndToEndId>"),
        ("<EndToEndId>INV-7</EndToEndId>", "<EndToEndId>IN<!-- </DrctDbtTxInf> -->V-7</EndToEndId>"),
        ("<EndToEndId>INV-7</EndToEndId>", "<EndToEndId>&#73;NV&#x2D;7</EndToEndId>"),
        ("<EndToEndId>INV-7</EndToEndId>", "<EndToEndId >INV-7</EndToEndId >"),
        ("<DrctDbtTxInf>", "<!-- <DrctDbtTxInf> --><DrctDbtTxInf>"),
        ('Ccy="EUR"', "Ccy='EUR'"),
        ("<DrctDbtTxInf>", '<DrctDbtTxInf xmlns="urn:iso:std:iso:20022:tech:xsd:pain.008.001.08">'),
    ],
)
def test_markup_that_says_the_same_is_read_the_same(old: str, new: str) -> None:
    data = pain008.write(collection()).decode()
    assert old in data
    reading = pain008.read(data.replace(old, new).encode(), "x")
    assert reading.problems == ()
    assert list(map(_without_places, reading.orders)) == list(
        map(_without_places, pain008.read(data.encode(), "x").orders)
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">INV-7<", ">INV&foo;7<"),
        (">INV-7<", ">INV & 7<"),
        (">INV-7<", ">INV\x007<"),
        (">INV-7<", ">INV]]>7<"),
        (">INV-7<", ">INV&#0;7<"),
        ("</EndToEndId>", "</EndToEndIdd>"),
        ("<EndToEndId>", '<EndToEndId a="1" a="2">'),
        ("<EndToEndId>", "<y:EndToEndId>"),
        ("<Document ", '<!DOCTYPE Document [<!ENTITY x "y">]><Document '),
    ],
)
def test_a_document_that_is_not_well_formed_or_hostile_is_refused(old: str, new: str) -> None:
    data = pain008.write(collection()).decode()
    assert old in data
    with pytest.raises(UnreadableFile) as caught:
        pain008.read(data.replace(old, new).encode(), "x")
    assert caught.value.problem.rule == "xml"


def test_payments_inside_one_another_and_in_mixed_prefixes_are_refused_or_read_never_lost() -> None:
    data = pain008.write(collection())
    nested = data.replace(b"<PmtId>", b"<DrctDbtTxInf><InstdAmt Ccy='EUR'>1</InstdAmt></DrctDbtTxInf><PmtId>")
    with pytest.raises(UnreadableFile, match="inside another"):
        pain008.read(nested, "x")
    line = data[data.index(b"<DrctDbtTxInf>") : data.index(b"</PmtInf>")]
    mixed = (
        line.replace(b"<DrctDbtTxInf>", b"<n:DrctDbtTxInf>")
        .replace(b"</Drct", b"</n:Drct")
        .replace(b"</n:DrctDbtTx>", b"</DrctDbtTx>")
    )
    namespace = b' xmlns:n="urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"'
    both = data.replace(b"</PmtInf>", mixed + b"</PmtInf>").replace(b"<PmtInf>", b"<PmtInf" + namespace + b">")
    reading = pain008.read(both, "x")
    assert [line.end_to_end_id for line in reading.orders[0].transactions] == ["INV-7", "INV-7"]
    assert {row.rule for row in reading.problems} == {"transaction-count", "control-sum"}


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_collection_gives_problems_or_one_error_and_both_ways_the_same(data: st.DataObject) -> None:
    damaged = bytearray(pain008.write(collection(transactions=collection().transactions * 3)))
    start = damaged.index(b"?>") + 2  # an ordinary declaration, so that both ways see the same document
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(start, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 8))] = data.draw(
            st.sampled_from([b"", b"<", b">", b"&", b"]]>", b"\x01", b"\xff", b"x", b"<x/>", b"\r\n"])
        )
    with suppress(UnreadableFile):
        reading = pain008.read(bytes(damaged), "x")
        assert _facts(_whole_way(bytes(damaged), "x")) == _facts(reading)
    with suppress(UnreadableFile):
        _whole_way(bytes(damaged), "x")
        pain008.read(bytes(damaged), "x")


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 3000))
def test_a_file_that_ends_too_soon_is_refused(cut: int) -> None:
    data = pain008.write(collection(transactions=collection().transactions * 2))
    with pytest.raises(UnreadableFile):
        formats.read(data[: min(cut, len(data) - 1)], "x")


def test_several_messages_in_one_container_are_all_read() -> None:
    inner = pain001.write(
        collection(kind="sepa", creditor=None, creditor_id="", debtor=Party(name="E", account="DE89370400440532013000"))
    )
    inner = inner[inner.index(b"<Document") :]
    reading = pain001.read(
        b"<conxml><MsgPain001>" + inner + b"</MsgPain001><MsgPain001>" + inner + b"</MsgPain001></conxml>", "x"
    )
    assert len(reading.orders) == 2
    assert {row.rule for row in reading.problems} == {"several-messages", "several-blocks"}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"<DtOfSgntr>2026-01-05", b"<DtOfSgntr>2026-02-30", "date"),
        (b"<ReqdColltnDt>2026-07-07", b"<ReqdColltnDt>tomorrow", "date"),
        (b">12.50</InstdAmt>", b">-12.50</InstdAmt>", "amount"),
        (b"<PmtMtd>DD", b"<PmtMtd>TRF", "payment-method"),
        (b"<CtrlSum>12.50", b"<CtrlSum>12.51", "control-sum"),
        (b"<NbOfTxs>1", b"<NbOfTxs>2", "transaction-count"),
        (b"<MndtId>", b"<ElctrncSgntr>x</ElctrncSgntr><MndtId>", "element-not-carried"),
        (b"<MndtId>", b"<AmdmntInd>true</AmdmntInd><MndtId>", "element-not-carried"),
    ],
)
def test_what_is_wrong_with_a_collection_is_told_with_its_place(old: bytes, new: bytes, rule: str) -> None:
    data = pain008.write(collection())
    assert old in data
    problems = pain008.read(data.replace(old, new), "x").problems
    assert {row.rule for row in problems} == {rule}
    assert all(row.text and row.repair for row in problems)


# ------------------------------------------------------------- whole columns and payment by payment agree
def _by_columns(data: bytes, columns_from: int) -> Reading:
    message = pain001.MESSAGE if pain001.detect(data) else pain008.MESSAGE
    return initiation.read(data, "x", message, columns_from=columns_from)


def _assert_both_agree(data: bytes) -> Reading | None:
    """The reading of both ways; ``None`` where both refuse the file, in the same words."""
    found = list[Reading | Problem]()
    for columns_from in (10**9, 1):
        try:
            found.append(_by_columns(data, columns_from))
        except UnreadableFile as error:
            found.append(error.problem)
    one, many = found
    if isinstance(one, Reading) and isinstance(many, Reading):
        assert payment_entries(many, "x") == payment_entries(one, "x")  # while there are no objects yet
    assert many == one
    assert one == many
    return many if isinstance(many, Reading) else None


@settings(max_examples=30, deadline=None)
@given(order=_COLLECTIONS, indented=st.booleans(), data=st.data())
def test_collections_read_by_columns_are_what_was_written(order: Order, indented: bool, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, len(order.transactions) - 1), min_size=1, max_size=40))
    made = replace(order, transactions=tuple(order.transactions[number] for number in numbers))
    written = pain008.write(made)
    if indented:
        root = etree.fromstring(written)
        etree.indent(root)
        written = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    reading = _assert_both_agree(written)
    assert reading is not None
    assert tuple(map(_without_places, reading.orders)) == (made,)
    assert isinstance(reading.orders[0].transactions, Payments)


_ODD = (
    (b">12.50</InstdAmt>", (b">0</InstdAmt>", b">12.5</InstdAmt>", b"> 7 </InstdAmt>", b">1e3</InstdAmt>")),
    (b'Ccy="EUR"', (b'Ccy="USD"', b'Ccy="JPY"', b'Ccy="EUX"')),
    (b"<MndtId>", (b"<ElctrncSgntr>x</ElctrncSgntr><MndtId>", b"<ElctrncSgntr/><MndtId>")),
    (b"<DtOfSgntr>2026-01-05", (b"<DtOfSgntr>2026-02-30", b"<DtOfSgntr>")),
    (b"<EndToEndId>INV-7", (b"<EndToEndId>&amp;&#x41; \r\n", b"<EndToEndId>\xc5\xb1 ]", b"<EndToEndId>&bad;")),
    (b"</PmtId>", (b"</PmtId><PmtTpInf><SeqTp>FNAL</SeqTp></PmtTpInf>", b"</PmtId><ChrgBr>SLEV</ChrgBr>")),
    (b"</DbtrAgt><Dbtr>", (b"</DbtrAgt> <Dbtr>", b"</DbtrAgt>\n\t<Dbtr>", b"</DbtrAgt>x<Dbtr>")),
    (b"</DrctDbtTxInf>", (b"</DrctDbtTxInf>\n", b"<!-- x --></DrctDbtTxInf>", b"</DrctDbtTxInf><Other>x</Other>")),
    (b"<DrctDbtTxInf>", (b"<DrctDbtTxInf >", b"<DrctDbtTxInf/><DrctDbtTxInf>", b'<DrctDbtTxInf a="&gt;">')),
    (b"<Dbtr><Nm>", (b"<Dbtr><CtryOfRes>DE</CtryOfRes><Nm>", b"<Dbtr><Nm> ", b"<Dbtr><Nm></Nm><Nm>")),
)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_odd_collections_among_others_read_the_same_by_columns(data: st.DataObject) -> None:
    whole = pain008.write(collection())
    start, end = whole.index(b"<DrctDbtTxInf>"), whole.index(b"</PmtInf>")
    record = whole[start:end]
    kinds = [record]
    for _ in range(data.draw(st.integers(1, 3))):
        old, news = data.draw(st.sampled_from(_ODD))
        kinds.append(data.draw(st.sampled_from(kinds)).replace(old, data.draw(st.sampled_from(news))))
    records = [kinds[number] for number in data.draw(st.lists(st.integers(0, len(kinds) - 1), min_size=1, max_size=30))]
    _assert_both_agree(whole[:start] + b"".join(records) + whole[end:])


def test_payments_of_columns_are_a_sequence_like_any_other() -> None:
    lines = tuple(
        replace(collection().transactions[0], end_to_end_id=f"INV-{number}", position=None) for number in range(300)
    )
    payments = pain008.read(pain008.write(collection(transactions=lines)), "x").orders[0].transactions
    assert isinstance(payments, Payments)
    assert not payments.made
    assert (len(payments), payments.currency) == (300, "EUR")
    assert not payments.made
    assert [line.end_to_end_id for line in payments[-2:]] == ["INV-298", "INV-299"]
    assert payments[7] is payments[7]
    assert payments.made
    assert pickle.loads(pickle.dumps(payments)) == payments
    assert hash(payments) == hash(tuple(payments))
    assert payments != lines  # those have no places
    assert tuple(replace(line, position=None) for line in payments) == lines


@pytest.mark.parametrize("kind", ["white space", "long element", "many shapes", "few of many shapes"])
def test_collections_that_are_not_alike_are_left_to_the_other_way(kind: str) -> None:
    whole = pain008.write(collection())
    start, end = whole.index(b"<DrctDbtTxInf>"), whole.index(b"</PmtInf>")
    record = whole[start:end]
    many = [record.replace(b"<MndtId>", b"<X%d>x</X%d><MndtId>" % (number, number)) for number in range(60)]
    records = {
        "white space": [record] * 300 + [record.replace(b"Muster", b" " * 100_000 + b"Muster")],
        "long element": [record.replace(b"<MndtId>", b'<X a="' + b"a" * 100_000 + b'"/><MndtId>')] + [record] * 300,
        "many shapes": many * 5,
        "few of many shapes": [record] * 700 + many,
    }[kind]
    reading = _assert_both_agree(whole[:start] + b"".join(records) + whole[end:])
    assert reading is not None
    assert len(reading.orders[0].transactions) == len(records)
    assert isinstance(reading.orders[0].transactions, Payments) == (kind == "long element")
