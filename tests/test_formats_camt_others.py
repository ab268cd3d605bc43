"""What camt entries and payments say beside the ledger's columns: named, kept, written again, the same in all three ways."""

from __future__ import annotations

from decimal import Decimal

import pytest
from lxml import etree

from electra_kernel import formats
from electra_kernel.formats import camt053, camt_others, iso
from electra_kernel.formats.camt_columns import parse
from electra_kernel.formats.camt_messages import STATEMENTS
from electra_kernel.formats.camt_pieces import Cutter
from electra_kernel.statements.columns import StatementTables
from electra_kernel.statements.tables import joined_tables
from tests.shared import needs_shared
from tests.test_formats_camt053 import ACCOUNT, CREATED, _entry, _file, _schema, assert_same, both_ways

_UETR = "8a562c67-ca16-48ba-b074-65581be6f011"
_REFERENCES = (
    f"<Refs><MsgId>M1</MsgId><PmtInfId>P1</PmtInfId><InstrId>I1</InstrId><UETR>{_UETR}</UETR><TxId>T1</TxId>"
    "<ChqNb>17</ChqNb><ClrSysRef>C1</ClrSysRef></Refs>"
)
_TOLD = f"message: M1; payment block: P1; instruction: I1; transaction: T1; UETR: {_UETR}; clearing reference: C1; cheque: 17"


def _of(inside: str, *, entry: str = "", mark: str = "CRDT", more: str = "") -> StatementTables:
    """A statement whose entry has one payment (and one after it), read in all three ways."""
    payments = f"<NtryDtls>{more}<TxDtls>{inside}</TxDtls></NtryDtls>" if inside or more else ""
    data = _file(
        _entry(mark=mark, inside=entry + payments) + _entry(), closing="120.00" if mark == "CRDT" else "100.00"
    )
    tables = both_ways(data)
    cut = (data[at : at + 67] for at in range(0, len(data), 67))
    assert_same(tables, joined_tables(list(camt053.read_batches(cut, "source"))))
    return tables


def _words(inside: str, *, entry: str = "", mark: str = "CRDT", more: str = "") -> str | None:
    found: str | None = _of(inside, entry=entry, mark=mark, more=more).entries["additional_information"][0].as_py()
    return found


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        (_REFERENCES + "<AddtlTxInf>a word</AddtlTxInf>", f"a word; {_TOLD}"),
        (
            "<Refs><Prtry><Tp>QRR</Tp><Ref>9</Ref></Prtry><Prtry><Tp>B</Tp><Ref>8</Ref></Prtry></Refs>",
            "reference: 9; reference: 8; kind of reference: QRR; kind of reference: B",
        ),
        (
            "<RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>closed</AddtlInf></RtrInf>",
            "return reason: AC04; return text: closed",
        ),
        ("<Purp><Cd>SALA</Cd></Purp>", "purpose: SALA"),
        ("<Purp><Prtry>wages of May</Prtry></Purp>", "purpose: wages of May"),
        ("<RltdDts><AccptncDtTm>2026-01-30T10:00:00</AccptncDtTm></RltdDts>", "accepted: 2026-01-30T10:00:00"),
        ("<RltdDts><TradDt>2026-01-30</TradDt></RltdDts>", "RltdDts/TradDt: 2026-01-30"),
        (
            "<Avlbty><Dt><NbOfDays>2</NbOfDays></Dt><Amt Ccy='EUR'>4</Amt></Avlbty>",
            "Avlbty/Dt/NbOfDays: 2; Avlbty/Amt: 4 EUR",
        ),
        ("<Unknown><Thing>x</Thing></Unknown>", "Unknown/Thing: x"),
    ],
)
def test_every_element_that_has_no_column_is_told_by_name_or_path(inside: str, told: str) -> None:
    assert _words(inside) == told


def _parties(inside: str) -> str:
    return f"<RltdPties>{inside}</RltdPties>"


@pytest.mark.parametrize(
    ("inside", "name", "told"),
    [
        ("<Dbtr><Nm>A</Nm></Dbtr><UltmtDbtr><Nm>B</Nm></UltmtDbtr>", "A", "ultimate debtor: B"),
        ("<UltmtDbtr><Nm>B</Nm></UltmtDbtr>", "B", None),
        ("<Dbtr><Nm>A</Nm></Dbtr><UltmtCdtr><Pty><Nm>C</Nm></Pty></UltmtCdtr>", "A", "ultimate creditor: C"),
        (
            "<InitgPty><Nm>I</Nm></InitgPty><Dbtr><Nm>A</Nm><CtryOfRes>DE</CtryOfRes></Dbtr>",
            "A",
            "initiator: I; RltdPties/Dbtr/CtryOfRes: DE",
        ),
        ("<Dbtr><Nm>A</Nm></Dbtr><Cdtr><Nm>Us</Nm><PstlAdr><TwnNm>Here</TwnNm></PstlAdr></Cdtr>", "A", None),
        (f"<Dbtr><Nm>A</Nm></Dbtr><CdtrAcct><Id><IBAN>{ACCOUNT}</IBAN></Id></CdtrAcct>", "A", None),
        (
            "<Dbtr><Nm>A</Nm></Dbtr><CdtrAcct><Id><Othr><Id>virtual 7</Id></Othr></Id></CdtrAcct>",
            "A",
            "own account: virtual7",
        ),
    ],
)
def test_of_the_parties_the_other_one_is_in_columns_and_the_owners_own_side_is_told_where_it_differs(
    inside: str, name: str, told: str | None
) -> None:
    tables = _of(_parties(inside))
    assert tables.entries["counterparty_name"][0].as_py() == name
    assert tables.entries["additional_information"][0].as_py() == told


def test_the_other_partys_bank_is_told_by_name_and_code_and_ones_own_is_not() -> None:
    bank = "<{0}><FinInstnId><Nm>Bank {0}</Nm><ClrSysMmbId><MmbId>77</MmbId></ClrSysMmbId></FinInstnId></{0}>"
    inside = f"<RltdAgts>{bank.format('DbtrAgt')}{bank.format('CdtrAgt')}</RltdAgts>"
    assert _words(inside) == "bank: Bank DbtrAgt; bank code: 77"
    assert _words(inside, mark="DBIT") == "bank: Bank CdtrAgt; bank code: 77"


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("<TxAmt><Amt Ccy='EUR'>10.00</Amt></TxAmt>", None),
        ("<TxAmt><Amt Ccy='EUR'>10</Amt></TxAmt><CntrValAmt><Amt Ccy='EUR'>10.00</Amt></CntrValAmt>", None),
        ("<CntrValAmt><Amt Ccy='USD'>11.00</Amt></CntrValAmt>", "counter value: 11.00 USD"),
        ("<InstdAmt><Amt Ccy='USD'>11.00</Amt></InstdAmt><CntrValAmt><Amt Ccy='USD'>11</Amt></CntrValAmt>", None),
        ("<AnncdPstngAmt><Amt Ccy='EUR'>9</Amt></AnncdPstngAmt>", "announced amount: 9 EUR"),
        (
            "<PrtryAmt><Tp>IBS</Tp><Amt Ccy='EUR'>8</Amt></PrtryAmt>",
            "amount of its own kind: 8 EUR; AmtDtls/PrtryAmt/Tp: IBS",
        ),
        (
            "<InstdAmt><Amt Ccy='USD'>11.00</Amt><CcyXchg><SrcCcy>USD</SrcCcy><TrgtCcy>EUR</TrgtCcy><XchgRate>1.1</XchgRate>"
            "<CtrctId>K</CtrctId></CcyXchg></InstdAmt>",
            "rate to: EUR; AmtDtls/InstdAmt/CcyXchg/CtrctId: K",
        ),
    ],
)
@pytest.mark.parametrize("where", ["entry", "payment"])
def test_an_amount_that_only_repeats_another_is_not_told_and_any_other_is(
    inside: str, told: str | None, where: str
) -> None:
    amounts = f"<AmtDtls>{inside}</AmtDtls>"
    assert (_words("", entry=amounts) if where == "entry" else _words(amounts)) == told


@pytest.mark.parametrize(
    "inside", ["<Purp><Cd>SALA<X><Y>z</Y></X></Cd></Purp>", "<Purp><Cd><X><Y>z</Y></X>SALA</Cd></Purp>"]
)
def test_an_element_inside_one_that_has_a_text_hides_nothing(inside: str) -> None:
    assert _words(inside) == "Purp/Cd/X/Y: z"


def test_several_charges_are_a_sum_in_the_column_and_each_is_told() -> None:
    record = "<Rcrd><Amt Ccy='EUR'>{}</Amt><CdtDbtInd>DBIT</CdtDbtInd><ChrgInclInd>true</ChrgInclInd></Rcrd>"
    total = "<TtlChrgsAndTaxAmt Ccy='EUR'>3.50</TtlChrgsAndTaxAmt>"
    tables = _of(f"<Chrgs>{total}{record.format('1.00')}{record.format('2.50')}</Chrgs>")
    assert tables.entries["charges"][0].as_py() == Decimal("-3.50")
    assert tables.entries["additional_information"][0].as_py() == "charge: 1.00 EUR; charge: 2.50 EUR"
    assert _words(f"<Chrgs>{record.format('1.00')}</Chrgs>") is None


def test_a_batch_tells_its_references_and_how_many_payments_it_has_where_they_are_not_listed() -> None:
    batch = "<Btch><MsgId>M</MsgId><PmtInfId>P</PmtInfId><NbOfTxs>{}</NbOfTxs><TtlAmt Ccy='EUR'>{}</TtlAmt></Btch>"
    assert _words("<Refs/>", more=batch.format(1, "10.00")) == "batch message: M; batch: P"
    told = "batch message: M; batch: P; payments in the batch: 3; batch total: 9 EUR"
    assert _words("", entry=f"<NtryDtls>{batch.format(3, '9')}</NtryDtls>") == told


def test_the_time_of_a_booking_is_kept() -> None:
    entry = _entry().replace("<BookgDt><Dt>2026-01-31</Dt>", "<BookgDt><DtTm>2026-01-31T09:15:00</DtTm>")
    words = both_ways(_file(entry, closing="110.00")).entries["additional_information"].to_pylist()
    assert words == ["booked: 2026-01-31T09:15:00"]


def test_payments_of_a_batch_keep_their_own_and_the_entry_its_own() -> None:
    more = "<TxDtls><Refs><TxId>A</TxId></Refs></TxDtls>"
    tables = _of("<Refs><TxId>B</TxId></Refs>", more=more, entry="<AddtlNtryInf>of all</AddtlNtryInf>")
    assert tables.details["additional_information"].to_pylist() == ["transaction: A", "transaction: B"]
    assert tables.entries["additional_information"][0].as_py() == "of all"


def test_what_the_fast_way_knows_it_reads_without_help() -> None:
    """Every leaf of a payment that is named there is in a column of its raw tables, so that none is left over."""
    inside = _REFERENCES + "<Purp><Cd>SALA</Cd></Purp><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"
    data = _file(_entry(inside=f"<NtryDtls><TxDtls>{inside}</TxDtls></NtryDtls>"))
    [part] = Cutter(STATEMENTS).parts([data])
    texts = [raw.texts() for name, raw in parse(part.document).items() if name != "reports"]
    known = sum(len(column) - column.null_count for columns in texts for column in columns.values())
    assert known == len(part.ends_of_texts()) == 5 + 7 + 2
    assert set(camt_others.FAST_NAMES) <= set(camt_others.NAMES)


@needs_shared
@pytest.mark.parametrize("version", ["camt.053.001.02", "camt.053.001.08"])
def test_what_has_an_element_is_written_into_it_and_the_rest_into_the_words_as_far_as_there_is_room(
    version: str,
) -> None:
    inside = (
        _REFERENCES + "<Purp><Cd>SALA</Cd></Purp><RltdDts><TradDt>2026-01-30</TradDt></RltdDts>"
        f"<AddtlTxInf>{'w' * 400}</AddtlTxInf><Long>{'x' * 300}</Long>"
    )
    data = _file(_entry(inside=f"<NtryDtls><TxDtls>{inside}</TxDtls></NtryDtls>"), closing="110.00")
    written = camt053.write(camt053.read(data, "x").statements, message_id="M", created=CREATED, version=version)
    _schema(version).assertValid(etree.fromstring(written))
    [entry] = camt053.read(written, "x").statements[0].entries
    uetr = [] if version.endswith("02") else [("UETR", _UETR)]
    others = [("message", "M1"), ("payment block", "P1"), ("instruction", "I1"), ("transaction", "T1"), *uetr]
    assert list(entry.details[0].others) == [
        *others,
        ("clearing reference", "C1"),
        ("cheque", "17"),
        ("purpose", "SALA"),
    ]
    assert "; RltdDts/TradDt: 2026-01-30" in entry.details[0].additional_information
    told = formats.convert(formats.read(data, "x"), version, now=CREATED)[1]
    assert told == ("additional_information as it was in 1 entries",)
    assert iso.head(written).body("BkToCstmrStmt") is not None


_LINE = '<CdtLine><Incl>{}</Incl><Amt Ccy="EUR">50000.00</Amt></CdtLine>'
_FUNDS = '<Avlbty><Dt><NbOfDays>{}</NbOfDays></Dt><Amt Ccy="EUR">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Avlbty>'
_INTEREST = (
    "<Intrst><Tp><Cd>INDY</Cd></Tp><Rate><Tp><Pctg>0.25</Pctg></Tp></Rate><FrToDt><FrDtTm>2026-01-01T00:00:00</FrDtTm>"
    "<ToDtTm>2026-01-31T00:00:00</ToDtTm></FrToDt><Rsn>credit balance</Rsn></Intrst>"
)
_RELATED = f"<RltdAcct><Id><IBAN>{ACCOUNT}</IBAN></Id><Ccy>EUR</Ccy></RltdAcct>"
_BY_KIND = (
    "<TxsSummry><TtlNtriesPerBkTxCd><NbOfNtries>1</NbOfNtries><BkTxCd><Prtry><Cd>A</Cd></Prtry></BkTxCd>"
    "</TtlNtriesPerBkTxCd></TxsSummry>"
)


def _rich(version: str = "camt.053.001.02") -> bytes:
    """A statement that says all kinds of things beside its entries, in the schema's order."""
    data = _file(_BY_KIND + _entry(inside="<BkTxCd></BkTxCd>"), closing="110.00", version=version).decode()
    data = data.replace("</CreDtTm><Acct>", "</CreDtTm><CpyDplctInd>DUPL</CpyDplctInd><Acct>")
    data = data.replace(
        "<Ccy>EUR</Ccy></Acct>", f"<Tp><Cd>CACC</Cd></Tp><Ccy>EUR</Ccy><Nm>Payroll</Nm></Acct>{_RELATED}{_INTEREST}"
    )
    opening, closing, rest = data.split("<Amt Ccy", 2)
    data = f"{opening}{_LINE.format('true')}<Amt Ccy{closing}{_LINE.format('false')}<Amt Ccy{rest}"
    funds = _FUNDS.format(0, "110.00") + _FUNDS.format(2, "30.00")
    head, _, tail = data.rpartition("</Bal>")
    data = f"{head}{funds}</Bal>{tail}"
    return data.replace("</Stmt>", "<AddtlStmtInf>Fees change in May</AddtlStmtInf></Stmt>").encode()


_LOUD = (
    f"copy: DUPL; related account: {ACCOUNT} EUR; interest: INDY 0.25 % from 2026-01-01T00:00:00 to "
    "2026-01-31T00:00:00 because credit balance; credit line: included 50000.00 EUR, of OPBD; credit line: not included 50000.00 EUR, "
    "of CLBD; available: in 2 days 30.00 EUR credit, of CLBD"
)


@needs_shared
def test_what_a_statement_says_beside_its_entries_is_kept_by_name_and_told_in_one_row() -> None:
    data = _rich()
    _schema("camt.053.001.02").assertValid(etree.fromstring(data))
    tables = both_ways(data)
    [row] = tables.problems.to_pylist()
    assert (row["rule"], row["severity"]) == ("beside-entries", "warning")
    assert row["text"] == f"The statement S1 also says: Fees change in May; {_LOUD}"
    [statement] = camt053.read(data, "x").statements
    assert dict(statement.others)["kind of account"] == "CACC"
    assert dict(statement.others)["sum of a kind of entries"] == "1 entries A"
    assert dict(statement.others)["availability"] == "in 0 days 110.00 EUR credit, of CLBD"
    assert "credit line" in repr(statement)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("<Id>S1</Id>", "<Id>S1</Id><StmtPgntn><PgNb>2</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>", "page: 2, others follow"),
        ("<MsgId>M</MsgId>", "<MsgId>M</MsgId><MsgPgntn><PgNb>2</PgNb><LastPgInd>true</LastPgInd></MsgPgntn>", "page: 2, the last"),
        ("<CreDtTm>2026-01-31T06:00:00Z</CreDtTm><Acct>", "<CreDtTm>lately</CreDtTm><Acct>", "CreDtTm: lately"),
        ("<Acct>", "<FrToDt><FrDtTm>May</FrDtTm></FrToDt><Acct>", "FrToDt/FrDtTm: May"),
        ("<Acct>", "<Odd><Of>this bank</Of></Odd><Acct>", "Odd/Of: this bank"),
        ("</Cd></CdOrPrtry>", "</Cd></CdOrPrtry><SubTp><Cd>BLCK</Cd></SubTp>", "sub-kind of balance: BLCK, of OPBD"),
        ("<Dt><Dt>2026-01-31</Dt></Dt></Bal>", "<Dt><Dt>2026-01-31</Dt></Dt><Odd>1</Odd></Bal>", "Bal/Odd: 1, of OPBD"),
        ("</Stmt>", f"<AddtlStmtInf>{'w' * 2000}</AddtlStmtInf></Stmt>", f"{'w' * 1000}… (all of it is in the file)"),
    ],
)  # fmt: skip
def test_what_a_report_says_in_an_odd_place_is_told_too(old: str, new: str, told: str) -> None:
    data = _file(_entry(), closing="110.00").decode().replace(old, new, 1).encode()
    [row] = [row for row in both_ways(data).problems.to_pylist() if row["rule"] == "beside-entries"]
    assert row["text"] == f"The statement S1 also says: {told}"


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("<Acct>", "<Acct><Nm>Payroll</Nm>", ("name of the account", "Payroll")),
        ("</Acct>", "<Ownr><Nm>We</Nm><PstlAdr><TwnNm>Pécs</TwnNm></PstlAdr></Ownr></Acct>", ("Acct/Ownr/PstlAdr/TwnNm", "Pécs")),
        ("<Acct>", "<FrToDt><FrDtTm>2026-01-31T08:00:00</FrDtTm></FrToDt><Acct>", ("from", "2026-01-31T08:00:00")),
        ("<Dt><Dt>2026-01-31</Dt></Dt>", "<Dt><DtTm>2026-01-31T08:00:00</DtTm></Dt>", ("time of the balance", "OPBD 2026-01-31T08:00:00")),
        ("</MsgId>", "</MsgId><AddtlInf>EODY</AddtlInf>", ("note on the message", "EODY")),
        ("<Id>S1</Id>", "<Id>S1</Id><ElctrncSeqNb>3</ElctrncSeqNb><LglSeqNb>2</LglSeqNb>", ("legal number", "2")),
    ],
)  # fmt: skip
def test_what_is_known_of_the_account_and_marks_of_the_file_are_kept_and_not_told(
    old: str, new: str, kept: tuple[str, str]
) -> None:
    data = _file(_entry(), closing="110.00").decode().replace(old, new, 1).encode()
    assert both_ways(data).problems.num_rows == 0
    assert camt053.read(data, "x").statements[0].others == (kept,)


def test_what_says_nothing_new_is_not_kept() -> None:
    plain = "<MsgPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></MsgPgntn>"
    data = _file(_entry(), head="<LglSeqNb>7</LglSeqNb>", closing="110.00").replace(
        b"</MsgId>", f"</MsgId>{plain}".encode()
    )
    [statement] = camt053.read(data, "x").statements
    assert (statement.sequence, statement.others) == (7, ())


@needs_shared
@pytest.mark.parametrize("version", ["camt.053.001.02", "camt.053.001.08"])
def test_what_stands_beside_the_entries_is_written_into_the_words_and_what_is_not_is_told(version: str) -> None:
    data, told = formats.convert(formats.read(_rich(), "x"), version, now=CREATED)
    _schema(version).assertValid(etree.fromstring(data))
    words = f"Fees change in May; {_LOUD}"
    assert camt053.read(data, "x").statements[0].additional_information == words
    assert told == ("what stands beside entries and balances in 1 statement",)
    assert formats.convert(formats.read(data, "x"), version, now=CREATED)[1] == ()
