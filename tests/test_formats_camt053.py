"""Statements: the exact way, the fast way, and that both say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from electra_kernel import formats
from electra_kernel.formats import camt052, camt053, camt054
from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS, StatementTables
from electra_kernel.statements.model import (
    NOTIFICATION,
    REPORT,
    STATEMENT,
    Balance,
    Entry,
    EntryDetail,
    Others,
    Statement,
)
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from electra_kernel.vocabulary.parties import Address, Party
from tests.shared import SHARED, needs_shared

CREATED = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
ACCOUNT = "HU42117730161111101800000000"
_TEXT = st.text(alphabet="ABCxyzáőű &<>'\"019/-", min_size=1, max_size=34).map(str.strip).filter(bool)
_MAYBE = st.one_of(st.just(""), _TEXT)
_AMOUNTS = st.decimals(min_value="0.01", max_value="999999999.99", places=2)
_DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def _parties() -> st.SearchStrategy[Party]:
    addresses = st.builds(
        Address,
        street=_MAYBE,
        town=_MAYBE,
        country=st.sampled_from(["", "HU", "DE"]),
        lines=st.lists(_TEXT, max_size=2).map(tuple),
    )
    return st.builds(
        Party,
        name=_TEXT,
        account=st.sampled_from(["", ACCOUNT, "123-456"]),
        bic=st.sampled_from(["", "OTPVHUHB"]),
        address=addresses,
    )


@st.composite
def _others(draw: st.DrawFn) -> Others:
    """What has no column, in the order in which it is told."""
    references = ("message", "payment block", "instruction", "transaction", "clearing reference", "cheque")
    named = [(name, draw(_MAYBE)) for name in references]
    named += [
        ("return reason", draw(st.sampled_from(["", "AC04"]))),
        ("purpose", draw(st.sampled_from(["", "SALA", "a b"]))),
    ]
    return tuple((name, text) for name, text in named if text)


@st.composite
def _details(draw: st.DrawFn, amount: Decimal) -> EntryDetail:
    original = draw(st.one_of(st.none(), _AMOUNTS))
    mandate = draw(_MAYBE)
    return EntryDetail(
        amount=amount,
        currency="EUR",
        counterparty=draw(st.one_of(st.none(), _parties())),
        remittance=draw(_MAYBE),
        structured_reference=draw(st.sampled_from(["", "RF18539007547034"])),
        end_to_end_id=draw(_MAYBE),
        mandate_id=mandate,
        creditor_id=draw(_MAYBE) if mandate else "",
        bank_reference=draw(_MAYBE),
        bank_transaction_code=draw(st.sampled_from(["", "PMNT-RCDT-ESCT"])),
        original_amount=None if original is None else original.copy_sign(amount),
        original_currency="" if original is None else "USD",
        exchange_rate=draw(st.sampled_from([None, Decimal("1.0825")])),
        charges=draw(st.sampled_from([None, None, Decimal("-1.50")])),
        additional_information=draw(_MAYBE),
        others=draw(_others()),
    )


@st.composite
def _entries(draw: st.DrawFn) -> Entry:
    sign = draw(st.sampled_from([1, -1]))
    parts = [sign * amount for amount in draw(st.lists(_AMOUNTS, max_size=3))]
    charges = draw(st.sampled_from([None, None, Decimal("-0.30")]))
    return Entry(
        amount=sum(parts, Decimal(0)) if parts else sign * draw(_AMOUNTS),
        currency="EUR",
        booking_date=draw(st.one_of(st.none(), _DAYS)),
        value_date=draw(st.one_of(st.none(), _DAYS)),
        status=draw(st.sampled_from(["BOOK", "BOOK", "PDNG", "INFO"])),
        reversal=draw(st.booleans()),
        bank_transaction_code=draw(st.sampled_from(["", "PMNT-ICDT-ESCT"])),
        proprietary_code=draw(_MAYBE),
        bank_reference=draw(st.one_of(st.sampled_from(["", "NONREF"]), _TEXT)),
        entry_reference=draw(_MAYBE),
        charges=charges,
        additional_information=draw(_MAYBE),
        details=tuple(draw(_details(part)) for part in parts),
    )


@st.composite
def _statements(draw: st.DrawFn) -> Statement:
    entries = tuple(draw(st.lists(_entries(), max_size=4)))
    opening = draw(st.decimals(min_value="-1000", max_value="1000", places=2))
    closing = opening + sum((entry.amount for entry in entries if entry.status == "BOOK"), Decimal(0))
    day = draw(_DAYS)
    return Statement(
        identification=draw(_TEXT),
        account=draw(st.sampled_from([ACCOUNT, "10300002-12345"])),
        currency="EUR",
        balances=(
            Balance(kind="OPBD", amount=opening, currency="EUR", date=day),
            Balance(kind="CLBD", amount=closing, currency="EUR", date=day),
        ),
        entries=entries,
        sequence=draw(st.one_of(st.none(), st.integers(0, 999))),
        created=CREATED,
        owner=draw(_MAYBE),
        bank_bic=draw(st.sampled_from(["", "OTPVHUHB"])),
    )


def _without_places(statement: Statement) -> Statement:
    return replace(statement, entries=tuple(replace(entry, position=None) for entry in statement.entries))


def assert_same(one: StatementTables, other: StatementTables) -> None:
    for name in ("entries", "details", "balances", "problems", "statements"):
        first, second = getattr(one, name), getattr(other, name)
        assert first.schema == second.schema
        for column in first.column_names:
            assert first[column].to_pylist() == second[column].to_pylist(), (name, column)


def both_ways(data: bytes) -> StatementTables:
    reading = camt053.read(data, "source")
    exact = tables_of(reading.statements, "source", reading.problems)
    assert_same(exact, camt053.read_tables(data, "source"))
    return exact


def _file(entries: str = "", head: str = "", version: str = "camt.053.001.02", closing: str = "100.00") -> bytes:
    balance = (
        '<Bal><Tp><CdOrPrtry><Cd>{}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        "<Dt><Dt>2026-01-31</Dt></Dt></Bal>"
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">'
        "<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId><CreDtTm>2026-01-31T06:00:00Z</CreDtTm></GrpHdr>"
        f"<Stmt><Id>S1</Id>{head}<CreDtTm>2026-01-31T06:00:00Z</CreDtTm>"
        f"<Acct><Id><IBAN>{ACCOUNT}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{balance.format('OPBD', '100.00')}{balance.format('CLBD', closing)}{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def _entry(amount: str = "10.00", mark: str = "CRDT", inside: str = "", currency: str = "EUR") -> str:
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd><Sts>BOOK</Sts>'
        f"<BookgDt><Dt>2026-01-31</Dt></BookgDt><ValDt><Dt>2026-01-31</Dt></ValDt>{inside}</Ntry>"
    )


def _detail(amount: str, name: str = "Partner") -> str:
    return (
        f'<TxDtls><AmtDtls><TxAmt><Amt Ccy="EUR">{amount}</Amt></TxAmt></AmtDtls>'
        f"<RltdPties><Dbtr><Nm>{name}</Nm></Dbtr></RltdPties></TxDtls>"
    )


def _rules(tables: StatementTables) -> list[str]:
    return list(tables.problems["rule"].to_pylist())


_ALL = [(module, version) for module in (camt052, camt053, camt054) for version in module.VERSIONS]


@needs_shared
@pytest.mark.parametrize(("module", "version"), _ALL, ids=[version for _, version in _ALL])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_written_is_valid_and_reads_back_the_same_both_ways(
    module: ModuleType, version: str, data: st.DataObject
) -> None:
    schema = _schema(version)
    statements = [_of_kind(each, module) for each in data.draw(st.lists(_statements(), min_size=1, max_size=3))]
    written = module.write(statements, message_id="M1", created=CREATED, version=version)
    schema.assertValid(etree.fromstring(written))
    assert b"\n" not in written
    reading = module.read(written, "source")
    assert reading.format == version
    assert [_without_places(statement) for statement in reading.statements] == statements
    assert_same(tables_of(reading.statements, "source", reading.problems), module.read_tables(written, "source"))


def _of_kind(statement: Statement, module: ModuleType) -> Statement:
    """The same as a report or notification; a notification has no balances."""
    kind = {camt052: REPORT, camt053: STATEMENT, camt054: NOTIFICATION}[module]
    return replace(statement, kind=kind, balances=() if kind == NOTIFICATION else statement.balances)


_SCHEMAS: dict[str, etree.XMLSchema] = {}


def _schema(version: str) -> etree.XMLSchema:
    if version not in _SCHEMAS:
        _SCHEMAS[version] = etree.XMLSchema(file=str(SHARED / "schemas" / "iso20022" / f"{version}.xsd"))
    return _SCHEMAS[version]


def test_the_tables_have_the_ledgers_columns() -> None:
    tables = both_ways(_file(_entry() * 2))
    assert (tables.entries.schema, tables.details.schema) == (ENTRIES, DETAILS)
    assert (tables.balances.schema, tables.problems.schema) == (BALANCES, PROBLEMS)


def test_two_identical_rows_stay_two_and_the_same_file_gives_the_same_ids() -> None:
    data = _file(_entry() * 2, closing="120.00")
    once, again = (camt053.read_tables(data, "source").entries["entry_id"].to_pylist() for _ in range(2))
    assert len(set(once)) == 2
    assert once == again


def test_a_batch_has_its_payments_in_the_details_and_a_wrong_sum_is_told() -> None:
    good = f"<NtryDtls>{_detail('4.00', 'A')}{_detail('6.00', 'B')}</NtryDtls>"
    wrong = f"<NtryDtls>{_detail('4.00')}{_detail('5.00')}</NtryDtls>"
    tables = both_ways(_file(_entry(inside=good) + _entry(inside=wrong), closing="120.00"))
    assert tables.details["counterparty_name"].to_pylist()[:2] == ["A", "B"]
    assert tables.details["detail"].to_pylist() == [0, 1, 0, 1]
    assert tables.entries["details"].to_pylist() == [2, 2]
    assert _rules(tables) == ["details-sum"]


def test_payments_in_several_detail_blocks_are_all_kept() -> None:
    blocks = f"<NtryDtls>{_detail('4.00', 'A')}</NtryDtls><NtryDtls>{_detail('6.00', 'B')}</NtryDtls>"
    tables = both_ways(_file(_entry(inside=blocks), closing="110.00"))
    assert tables.details["counterparty_name"].to_pylist() == ["A", "B"]


def test_a_debit_is_negative_and_its_counterparty_is_the_creditor() -> None:
    parties = "<RltdPties><Dbtr><Nm>We</Nm></Dbtr><Cdtr><Nm>They</Nm></Cdtr></RltdPties>"
    tables = both_ways(
        _file(_entry(mark="DBIT", inside=f"<NtryDtls><TxDtls>{parties}</TxDtls></NtryDtls>"), closing="90")
    )
    assert tables.entries["amount"].to_pylist() == [Decimal("-10.00000")]
    assert tables.entries["counterparty_name"].to_pylist() == ["They"]
    assert _rules(tables) == []


def test_a_statement_without_entries_is_legal() -> None:
    tables = both_ways(_file())
    assert tables.entries.num_rows == 0
    assert tables.balances.num_rows == 2
    assert _rules(tables) == []


def test_an_entry_whose_amount_is_garbled_is_left_out_and_told_with_its_text() -> None:
    data = _file(_entry() + _entry(amount="12..34"), closing="110.00")
    tables = both_ways(data)
    problem = tables.problems.to_pylist()[0]
    assert tables.entries.num_rows == 1
    assert (problem["rule"], "12..34" in problem["text"]) == ("amount", True)
    assert problem["position"] == data.rindex(b"<Ntry>")


def test_what_does_not_add_up_is_told_and_kept() -> None:
    tables = both_ways(_file(_entry(), closing="111.00"))
    assert tables.entries.num_rows == 1
    assert _rules(tables) == ["balance"]


def test_the_legal_sequence_number_in_a_wrong_place_is_read_and_told() -> None:
    head = "<LglSeqNb>7</LglSeqNb><ElctrncSeqNb>7</ElctrncSeqNb>"
    tables = both_ways(_file(_entry(), head=head, closing="110.00"))
    assert tables.entries["sequence"].to_pylist() == [7]
    assert _rules(tables) == ["element-order"]


def test_charges_are_signed_sums_in_both_versions() -> None:
    old = "<Chrgs><Amt Ccy='EUR'>1.00</Amt></Chrgs><Chrgs><Amt Ccy='EUR'>0.25</Amt><CdtDbtInd>CRDT</CdtDbtInd></Chrgs>"
    new = "<Chrgs><Rcrd><Amt Ccy='EUR'>1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></Rcrd></Chrgs>"
    total = "<Chrgs><TtlChrgsAndTaxAmt Ccy='EUR'>2.00</TtlChrgsAndTaxAmt></Chrgs>"
    tables = both_ways(_file("".join(_entry(inside=inside) for inside in (old, new, total)), closing="130.00"))
    assert tables.entries["charges"].to_pylist() == [Decimal("-0.75000"), Decimal("-1.00000"), Decimal("-2.00000")]


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "windows-1250", "iso-8859-2"])
def test_other_encodings_give_the_same_cells_and_offsets_in_the_original_bytes(encoding: str) -> None:
    detail = f"<NtryDtls>{_detail('10.00', 'Müller &amp; Söhne')}</NtryDtls>"
    text = _file(_entry(inside=detail) * 3, closing="130.00").decode().replace("UTF-8", encoding)
    data = text.encode(encoding)
    tables = both_ways(data)
    assert tables.entries["counterparty_name"].to_pylist() == ["Müller & Söhne"] * 3
    start = "<Ntry>".encode("utf-16-le" if encoding == "utf-16" else "ascii")
    for position in tables.entries["position"].to_pylist():
        assert data[position:].startswith(start)


@pytest.mark.parametrize(
    "change",
    [
        ("<Ntry>", "<!-- <Ntry> --><Ntry>"),
        ("<Sts>BOOK</Sts>", "<Sts><![CDATA[BOOK]]></Sts>"),
        ("<Sts>BOOK</Sts>", "<Sts>BO<!-- -->OK</Sts>"),
        ("<Sts>BOOK</Sts>", "<Sts>BOOK</Sts><Sts>PDNG</Sts>"),
        ("<Sts>BOOK</Sts>", "<Sts>&#66;OOK</Sts>"),
        ("<Sts>BOOK</Sts>", "<Sts>\r\n BOOK\r\n</Sts>"),
        ("<Document", "<?pi x?><Document"),
    ],
)
def test_unusual_xml_reads_the_same_both_ways(change: tuple[str, str]) -> None:
    data = _file(_entry() * 2, closing="120.00").decode().replace(*change).encode()
    tables = both_ways(data)
    assert tables.entries["status"].to_pylist() == ["BOOK", "BOOK"]


def test_prefixes_and_envelopes_do_not_matter() -> None:
    plain = _file(_entry(), closing="110.00").decode()
    body = plain[plain.index("<Document") :]
    enveloped = f"<Envelope><AppHdr/>{body}</Envelope>".encode()
    prefixed = body.replace("</", "</d:").replace("<", "<d:").replace("<d:/d:", "</d:").replace("xmlns=", "xmlns:d=")
    tables = [both_ways(data) for data in (plain.encode(), enveloped, prefixed.encode())]
    assert [table.entries.drop(["position"]).to_pylist() for table in tables[1:]] == [
        tables[0].entries.drop(["position"]).to_pylist()
    ] * 2


@pytest.mark.parametrize("read", [camt053.read, camt053.read_tables])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 50,
        _file(_entry()).replace(b"<Document", b'<!DOCTYPE a [<!ENTITY e "boom">]><Document', 1),
        _file(_entry()).replace(b"BOOK", b"&e;"),
        _file(_entry()).replace(b"BOOK", b"BO\0OK"),
        _file(_entry("1"))[:-30],
        _file(_entry()) + _file(_entry())[:-30],
    ],
)
def test_what_cannot_be_used_gives_one_clear_error(read: object, data: bytes) -> None:
    assert callable(read)
    with pytest.raises(UnreadableFile) as caught:
        read(data, "statement.xml")
    assert caught.value.problem.source == "statement.xml"
    assert caught.value.repair


@pytest.mark.parametrize(
    ("version", "told"),
    [(f"camt.053.001.{number:02}", False) for number in (2, 3, 5, 7, 9, 11, 12, 13)]
    + [("camt.053.001.01", True), ("camt.053.001.14", True), ("camt.052.001.08", True)],
)
def test_every_version_is_read_by_its_names_and_one_that_is_not_known_is_told(version: str, told: bool) -> None:
    data = _file(_entry(), closing="110.00", version=version)
    tables = both_ways(data)
    assert tables.entries["amount"].to_pylist() == [Decimal(10)]
    assert (_rules(tables), formats.read(data, "x").format) == (["version"] * told, version)


def test_a_file_cut_at_any_byte_is_refused_and_nothing_half_read_comes_back() -> None:
    data = _file(_entry(inside=f"<NtryDtls>{_detail('10.00')}</NtryDtls>"), closing="110.00")
    for length in range(0, len(data) - 1, 7):
        for read in (camt053.read, camt053.read_tables):
            with pytest.raises(UnreadableFile):
                read(data[:length], "cut")


@needs_shared
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_samples_read_the_same_both_ways_or_are_refused(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from(_small_samples())).read_bytes())
    found = formats.detect(bytes(damaged), "source")
    assert found.tables is not None
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        piece = data.draw(
            st.one_of(st.binary(max_size=3), st.sampled_from([b"<", b"&", b"</Ntry>", b"<Ntry>", b"]]>", b"-"]))
        )
        damaged[at : at + data.draw(st.integers(0, 3))] = piece
    try:
        reading = found.read(bytes(damaged), "source")
    except UnreadableFile:
        return
    fast = found.tables(bytes(damaged), "source")
    assert_same(tables_of(reading.statements, "source", reading.problems), fast)


def _small_samples() -> list[Path]:
    files = [file for folder in (SHARED / "samples").glob("camt.05[234].*") for file in folder.rglob("*.xml")]
    return sorted(file for file in files if file.stat().st_size < 14_000)


def test_writing_refuses_what_does_not_fit() -> None:
    with pytest.raises(ElectraError, match="no statement"):
        camt053.write([], message_id="M", created=CREATED)
    empty = Statement(identification="S", account=ACCOUNT, currency="EUR", balances=(), entries=())
    with pytest.raises(ElectraError, match="no balance"):
        camt053.write([empty], message_id="M", created=CREATED)


def test_sums_with_more_digits_than_an_amount_are_problems_and_no_crash() -> None:
    huge = "9999999999999.99999"
    parts = f"<NtryDtls>{_detail(huge) * 3}</NtryDtls>"
    charges = f'<Chrgs><Amt Ccy="EUR">{huge}</Amt></Chrgs>' * 3
    tables = both_ways(_file(_entry(inside=parts) + _entry(inside=charges), closing="120.00"))
    assert _rules(tables) == ["details-sum", "charges"]
    assert tables.entries["charges"].to_pylist() == [None, None]


@pytest.mark.parametrize("encoding", ["unicode_escape", "punycode"])
@pytest.mark.parametrize("read", [camt053.read, camt053.read_tables])
def test_a_codec_of_python_that_is_none_of_xml_is_refused_both_ways(read: object, encoding: str) -> None:
    assert callable(read)
    with pytest.raises(UnreadableFile, match="ncoding"):
        read(_file(_entry()).replace(b"UTF-8", encoding.encode()), "x")


@pytest.mark.parametrize(
    ("charges", "cell"),
    [
        ('<Agt/><Amt Ccy="EUR">1.00</Amt><Tp>x</Tp>', "-1"),
        ('<TtlChrgsAndTaxAmt Ccy="EUR">9</TtlChrgsAndTaxAmt><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>', "1"),
        (
            "<Rcrd><Tp/><Amt Ccy='EUR'>1</Amt></Rcrd><Rcrd><Tp/><Amt Ccy='EUR'>3</Amt><CdtDbtInd>CRDT</CdtDbtInd></Rcrd>",
            "2",
        ),
        ("<Rcrd><Amt Ccy='EUR'>1.00</Amt></Rcrd><Rcrd><Amt Ccy='USD'>1.00</Amt></Rcrd>", None),
        ("<Amt Ccy='EUR'>1..0</Amt>", None),
        ("<Amt Ccy='EUR'>1</Amt><Amt Ccy='EUR'>2</Amt>", "-1"),
    ],
)
@pytest.mark.parametrize("wrap", ["<Chrgs>{}</Chrgs>", "<NtryDtls><TxDtls><Chrgs>{}</Chrgs></TxDtls></NtryDtls>"])
def test_charges_of_every_shape_are_the_same_both_ways(charges: str, cell: str | None, wrap: str) -> None:
    tables = both_ways(_file(_entry() + _entry(inside=wrap.format(charges)) + _entry(), closing="130.00"))
    assert tables.entries["charges"].to_pylist() == [None, None if cell is None else Decimal(cell), None]


def test_payments_that_make_the_entry_before_or_after_charges_are_right_both_ways() -> None:
    charges = "<Chrgs><Amt Ccy='EUR'>0.50</Amt></Chrgs>"
    net = f"<NtryDtls>{_detail('4.50')}{_detail('6.00')}</NtryDtls>{charges}"
    inner = f"<NtryDtls>{_detail('4.50').replace('</TxDtls>', charges + '</TxDtls>')}{_detail('5.00')}</NtryDtls>"
    off = f"<NtryDtls>{_detail('4.50')}{_detail('6.10')}</NtryDtls>{charges}"
    tables = both_ways(_file("".join(_entry(inside=inside) for inside in (net, inner, off)), closing="130.00"))
    assert _rules(tables) == ["details-sum"]
    assert tables.details["charges"].to_pylist() == [None, None, Decimal("-0.50000"), None, None, None]


@pytest.mark.parametrize(
    ("written", "amount"),
    [(".50", "0.5"), ("12.", "12"), ("+1.5", "1.5"), ("1.000000", "1"), ("00000000000000001.5", "1.5")]
    + [(text, None) for text in (".", "+", "-1", "1.0000001", "12345678901234", "1e3", "1,5", "0x1", "+.", "٣")],
)
def test_every_way_xml_schema_writes_an_amount_is_read_and_no_other(written: str, amount: str | None) -> None:
    tables = both_ways(_file(_entry(amount=written)))
    assert tables.entries["amount"].to_pylist() == ([] if amount is None else [Decimal(amount)])
    assert ("amount" in _rules(tables)) == (amount is None)
