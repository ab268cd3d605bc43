"""Bills of the bank's services: every service with its price, sign and tax, and nothing silently lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from electra_kernel import formats
from electra_kernel.cli.files import convert_file
from electra_kernel.formats import camt086
from electra_kernel.formats.carried import not_carried
from electra_kernel.statements.billing import (
    BilledAmount,
    BilledService,
    BilledTax,
    BillingStatement,
    billing_rows,
    billing_table,
)
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from electra_kernel.vocabulary.parties import Party
from tests.shared import SHARED, needs_shared

_PARTY = "<Nm>{}</Nm><Id><OrgId><Othr><Id>1</Id></Othr></OrgId></Id>"


def _amount(name: str, amount: str, sign: str = "true", currency: str = "EUR") -> str:
    return f'<{name}><Amt Ccy="{currency}">{amount}</Amt><Sgn>{sign}</Sgn></{name}>'


def _service(
    code: str = "PAY1", charge: str = "2.50", *, volume: str = "10", price: str = "0.25", sign: str = "true"
) -> str:
    tax = f"<TaxId><Nb>1</Nb><Rate>27</Rate>{_amount('HstAmt', '0.68', currency='HUF')}</TaxId>"
    taxed = f"<SvcChrgHstAmt>{_amount('x', '1', currency='HUF')[3:-4]}</SvcChrgHstAmt><SvcTax>{_amount('HstAmt', '0.68', currency='HUF')}</SvcTax>{tax}"
    return (
        f"<Svc><SvcDtl><BkSvc><Id>{code}</Id><Desc>SEPA &amp; credit transfer</Desc><CmonCd><Issr>AFP</Issr><Id>250000</Id></CmonCd>"
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd></BkSvc>"
        f"<Vol>{volume}</Vol></SvcDtl><Pric><Ccy>EUR</Ccy>{_amount('UnitPric', price)}<Mtd>UPRC</Mtd></Pric>"
        f"<PmtMtd>FLAT</PmtMtd>{_amount('OrgnlChrgPric', charge, sign)}<TaxDsgnt><Cd>TAXE</Cd></TaxDsgnt>"
        f"<TaxClctn><MtdB>{taxed}</MtdB></TaxClctn></Svc>"
    )


def _bill(services: str, version: str = "camt.086.001.05") -> bytes:
    characteristics = (
        "<AcctChrtcs><AcctLvl>INTM</AcctLvl><CshAcct><Id><IBAN>HU42117730161111101800000000</IBAN></Id></CshAcct>"
        "<CompstnMtd>DBTD</CompstnMtd><AcctBalCcyCd>EUR</AcctBalCcyCd><AcctSvcrCtct><Nm>Desk</Nm></AcctSvcrCtct></AcctChrtcs>"
    )
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}"><BkSvcsBllgStmt><RptHdr><RptId>R1</RptId></RptHdr>'
        f"<BllgStmtGrp><GrpId>G1</GrpId><Sndr>{_PARTY.format('Bank')}</Sndr><Rcvr>{_PARTY.format('We')}</Rcvr>"
        "<BllgStmt><StmtId>B1</StmtId><FrToDt><FrDt>2026-01-01</FrDt><ToDt>2026-01-31</ToDt></FrToDt>"
        f"<CreDtTm>2026-02-01T06:00:00Z</CreDtTm><Sts>ORGN</Sts>{characteristics}"
        f"<Bal><Tp><Cd>ALDG</Cd></Tp>{_amount('Val', '1000', 'false')}</Bal>{services}"
        "</BllgStmt></BllgStmtGrp></BkSvcsBllgStmt></Document>"
    ).encode()


@needs_shared
@pytest.mark.parametrize("version", ["camt.086.001.03", "camt.086.001.05"])
def test_the_bill_read_here_is_one_the_schema_knows(version: str) -> None:
    _schema(version).assertValid(etree.fromstring(_bill(_service() * 2, version)))


@cache
def _schema(version: str) -> etree.XMLSchema:
    return etree.XMLSchema(file=str(SHARED / "schemas" / "iso20022" / f"{version}.xsd"))


@pytest.mark.parametrize("version", [f"camt.086.001.{number:02}" for number in range(1, 6)])
def test_every_service_is_read_with_its_price_charge_and_tax(version: str) -> None:
    data = _bill(_service() + _service("BACK", "2.50", price="0.25", sign="false").replace("UPRC", "FCHG"), version)
    reading = formats.read(data, "bill.xml")
    assert reading.format == version
    assert [(problem.rule, problem.severity) for problem in reading.problems] == [("not-kept", "warning")]
    assert reading.problems[0].text == "The bill B1 also says what is not kept: AcctChrtcs/AcctSvcrCtct/Nm."
    (bill,) = reading.billing
    assert (bill.account, bill.from_date, bill.to_date) == (
        "HU42117730161111101800000000",
        date(2026, 1, 1),
        date(2026, 1, 31),
    )
    first, back = bill.services
    assert (first.volume, first.unit_price, first.charge, first.tax, first.tax_currency) == (
        Decimal(10),
        Decimal("0.25"),
        Decimal("2.50"),
        Decimal("0.68"),
        "HUF",
    )
    assert (first.tax_method, first.tax_base, first.taxes) == (
        "B",
        Decimal(1),
        (BilledTax(number="1", rate=Decimal(27), amount=Decimal("0.68")),),
    )
    assert (bill.sender, bill.receiver) == (
        Party(name="Bank", identification="1"),
        Party(name="We", identification="1"),
    )
    assert (bill.level, bill.compensation, first.common_code_list) == ("INTM", "DBTD", "AFP")
    assert (first.common_code, first.bank_transaction_code, first.payment) == ("250000", "PMNT-ICDT-ESCT", "FLAT")
    assert (back.charge, bill.charged()) == (Decimal("-2.50"), {"EUR": Decimal(0)})
    assert [(each.group, each.kind, each.amount) for each in bill.amounts] == [("balance", "ALDG", Decimal(-1000))]
    assert data[first.position or 0 :].startswith(b"<Svc>")


def test_a_bill_becomes_a_table_and_rows_like_those_of_entries() -> None:
    bills = camt086.read(_bill(_service() * 2), "source").billing
    table = billing_table(bills, "source")
    assert (table.num_rows, table["charge"].to_pylist()) == (2, [Decimal("2.50")] * 2)
    rows = billing_rows(bills, "source")
    assert [row["amount"] for row in rows] == [Decimal("-2.50")] * 2
    assert rows[0]["additional_information"] == "10 × 0.25 EUR, tax 0.68 HUF"


def test_a_price_that_does_not_multiply_and_a_charge_that_is_none_are_told() -> None:
    reading = camt086.read(_bill(_service(charge="9.99") + _service(charge="x") + _service(volume="many")), "source")
    assert [problem.rule for problem in reading.problems] == ["billing-price", "amount", "volume", "not-kept"]
    assert len(reading.billing[0].services) == 2


def test_a_bill_cut_at_any_byte_or_without_a_statement_is_refused() -> None:
    data = _bill(_service())
    for length in range(0, len(data) - 1, 23):
        with pytest.raises(UnreadableFile):
            camt086.read(data[:length], "cut")
    with pytest.raises(UnreadableFile, match="no bill"):
        camt086.read(b"<Document><BkSvcsBllgStmt/></Document>", "empty")
    with pytest.raises(UnreadableFile, match="no statements"):
        formats.read_tables(data, "bill.xml")


def test_what_a_bill_says_beside_the_model_is_named_once_a_bill_and_what_cannot_be_read_too() -> None:
    rates = "<RateData><Id><Cd>ECRT</Cd></Id><Val>1.5</Val></RateData>"
    data = _bill(_service(price="cheap") + _service(price="cheap").replace("<Vol>", "<Odd>7</Odd><Vol>"))
    data = data.replace(b"<Bal>", rates.encode() + b"<Bal>").replace(
        b'<SvcTax><HstAmt><Amt Ccy="HUF">', b'<SvcTax><HstAmt><Amt Ccy="CZK">'
    )
    data = data.replace(
        b"<RptId>R1</RptId>", b"<RptId>R1</RptId><MsgPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></MsgPgntn>"
    )
    told, pages = camt086.read(data, "source").problems
    assert (pages.rule, "not the last" in pages.text) == ("pages", True)
    assert told.text == (
        "The bill B1 also says what is not kept: AcctChrtcs/AcctSvcrCtct/Nm, RateData/Id/Cd, RateData/Val, "
        "Svc/Pric/UnitPric/Amt, Svc/TaxClctn, Svc/SvcDtl/Odd."
    )


_TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=6)
_AMOUNTS = st.decimals(min_value="-9999999999999.99999", max_value="9999999999999.99999", places=5)
_NUMBERS = st.decimals(min_value=0, max_value="999", places=15)
_DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
_CURRENCIES = st.sampled_from(["EUR", "HUF", "JPY"])


def _or(strategy: st.SearchStrategy[Any], otherwise: Any = "") -> st.SearchStrategy[Any]:
    return st.one_of(st.just(otherwise), strategy)


_TAXES = st.lists(
    st.builds(BilledTax, number=_TEXT, rate=_NUMBERS, amount=_AMOUNTS, description=_or(_TEXT)), min_size=1, max_size=3
).map(tuple)


@st.composite
def _services(draw: st.DrawFn) -> BilledService:
    """A service with any of what the message can say of one."""
    filled: dict[str, Any] = {}
    if draw(st.booleans()):
        filled |= {"sub_service": draw(_TEXT), "sub_service_kind": draw(st.sampled_from(["LBOX", "MACT", "own word"]))}
    if draw(st.booleans()):
        filled |= {"common_code": draw(_TEXT), "common_code_list": draw(_TEXT)}
    for name, currency in (("unit_price", "price"), ("settled", "settlement"), ("balance", "balance")):
        if draw(st.booleans()):
            filled |= {name: draw(_AMOUNTS), f"{currency}_currency": draw(_CURRENCIES)}
    method = draw(st.sampled_from(["", "A", "B", "D"]))
    if method:
        filled |= {
            "tax_method": method,
            "tax": draw(_AMOUNTS),
            "tax_currency": draw(_CURRENCIES),
            "taxes": draw(_TAXES),
        }
    if method in ("A", "B"):
        filled["tax_base"] = draw(_AMOUNTS)
    if method == "A":
        filled["tax_total"] = draw(_AMOUNTS)
    return BilledService(
        service=draw(_TEXT),
        description=draw(_TEXT),
        charge=draw(_AMOUNTS),
        currency=draw(_CURRENCIES),
        service_type=draw(_or(_TEXT)),
        bank_transaction_code=draw(st.sampled_from(["", "PMNT-ICDT-ESCT"])),
        volume=draw(_or(_NUMBERS, None)),
        method=draw(st.sampled_from(["", "FCHG", "TIR9"])),
        price_rule=draw(_or(_TEXT)),
        payment=draw(st.sampled_from(["BCMP", "FREE"])),
        tax_code=draw(st.sampled_from(["XMPT", "ZERO", "TAXE"])),
        **filled,
    )


def _named(
    group: str, kinds: st.SearchStrategy[str], **more: st.SearchStrategy[Any]
) -> st.SearchStrategy[list[BilledAmount]]:
    one = st.builds(BilledAmount, group=st.just(group), kind=kinds, amount=_AMOUNTS, currency=_CURRENCIES, **more)
    return st.lists(one, max_size=2)


_ALL_AMOUNTS = st.tuples(
    _named("balance", _TEXT, currency_kind=st.sampled_from(["", "ACCT", "PRCG"])),
    _named("compensation", _TEXT, currency_kind=st.sampled_from(["", "STLM", "HOST"])),
    _named(
        "adjustment", st.sampled_from(["LDGR", "FLOT"]), description=_TEXT, posted=_DAYS, of=st.one_of(st.none(), _DAYS)
    ),
    _named("adjustment", st.sampled_from(["COMP", "NCMP"]), description=_TEXT, of=st.one_of(st.none(), _DAYS)),
).map(lambda groups: tuple(each for group in groups for each in group))
_PARTIES = st.builds(Party, name=_TEXT, bic=st.sampled_from(["", "OTPVHUHB", "COBADEFFXXX"]), identification=_or(_TEXT))
_BILLS = st.builds(
    BillingStatement,
    identification=_TEXT,
    group=st.sampled_from(["G1", "G2"]),
    account=st.sampled_from(["HU42117730161111101800000000", "10300002-12345"]),
    currency=_CURRENCIES,
    from_date=st.one_of(st.none(), _DAYS),
    to_date=_DAYS,
    created=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),
    status=st.sampled_from(["ORGN", "RPLC", "TEST"]),
    debited=st.sampled_from(["", "HU42117730161111101800000000", "4711"]),
    level=st.sampled_from(["DETL", "INTM", "SMRY"]),
    compensation=st.sampled_from(["NOCP", "DBTD", "INVD", "DDBT"]),
    sender=_PARTIES,
    receiver=_PARTIES,
    services=st.lists(_services(), max_size=3).map(tuple),
    amounts=_ALL_AMOUNTS,
)


@needs_shared
@pytest.mark.parametrize("version", camt086.VERSIONS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(bills=st.lists(_BILLS, min_size=1, max_size=3))
def test_what_is_written_is_valid_and_reads_back_the_same(version: str, bills: list[BillingStatement]) -> None:
    written = camt086.write(bills, message_id="M1", created=_CREATED, version=version)
    _schema(version).assertValid(etree.fromstring(written))
    reading = formats.read(written, "source")
    assert reading.format == version
    assert [_without_places(bill) for bill in reading.billing] == bills
    assert [problem for problem in reading.problems if problem.rule not in ("billing-price",)] == []


_CREATED = datetime(2026, 2, 1, 6, tzinfo=UTC)


def _without_places(bill: BillingStatement) -> BillingStatement:
    return replace(bill, services=tuple(replace(service, position=None) for service in bill.services))


def _sound() -> BillingStatement:
    return camt086.read(_bill(_service()), "source").billing[0]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"level": ""}, "AcctLvl"),
        ({"compensation": "LATER"}, "CompstnMtd"),
        ({"sender": Party(name="")}, "Nm"),
        ({"sender": Party(name="Bank", bic="none")}, "BIC"),
        ({"to_date": None}, "ToDt"),
        ({"account": ""}, "Id"),
        ({"currency": "eur"}, "currency"),
        ({"identification": "x" * 36}, "StmtId"),
        ({"amounts": (BilledAmount(group="adjustment", kind="ODD", amount=Decimal(1), currency="EUR"),)}, "ODD"),
        ({"amounts": (BilledAmount(group="adjustment", kind="LDGR", amount=Decimal(1), currency="EUR"),)}, "PstngDt"),
        (
            {"amounts": (BilledAmount(group="balance", kind="A", amount=Decimal(1), currency="EUR", description="w"),)},
            "words",
        ),
    ],
)
def test_a_bill_that_lacks_what_the_message_needs_is_refused_by_its_name(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ElectraError, match=word):
        camt086.write([replace(_sound(), **change)], message_id="M1", created=_CREATED)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"taxes": ()}, "parts"),
        ({"tax_base": None}, "SvcChrgHstAmt"),
        ({"tax_method": "A"}, "TtlChrg"),
        ({"tax_method": ""}, "TaxClctn"),
        ({"payment": ""}, "PmtMtd"),
        ({"common_code_list": ""}, "Issr"),
        ({"volume": Decimal("1e18")}, "digits"),
        ({"charge": Decimal("1e13")}, "digits"),
    ],
)
def test_a_service_that_lacks_what_the_message_needs_is_refused_by_its_name(change: dict[str, Any], word: str) -> None:
    bill = _sound()
    with pytest.raises(ElectraError, match=word):
        camt086.write(
            [replace(bill, services=(replace(bill.services[0], **change),))], message_id="M1", created=_CREATED
        )


def test_bills_are_converted_between_versions_and_into_tables_and_the_loss_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bill.xml").write_bytes(_bill(_service() * 2))
    convert_file(tmp_path / "bill.xml", tmp_path / "older.xml", "camt.086.001.03")
    older = formats.read((tmp_path / "older.xml").read_bytes(), "older.xml")
    assert (older.format, len(older.billing[0].services)) == ("camt.086.001.03", 2)
    assert "Not carried over" not in capsys.readouterr().out
    convert_file(tmp_path / "bill.xml", tmp_path / "bill.csv", "")
    assert (tmp_path / "bill.csv").read_text().count('"2.50000"') == 2
    assert "Not carried over: taxes in 2 services." in capsys.readouterr().out
    with pytest.raises(ElectraError, match="cannot be written as mt940"):
        convert_file(tmp_path / "bill.xml", tmp_path / "bill.txt", "mt940")


def test_what_another_bill_lacks_is_told_by_field() -> None:
    bill = _sound()
    before = formats.Reading(format="x", billing=(bill,))
    poorer = replace(bill, debited="", amounts=(), services=(replace(bill.services[0], tax=None, taxes=()),))
    assert not_carried(before, before) == ()
    assert not_carried(before, formats.Reading(format="x", billing=(poorer,))) == (
        "tax in 1 services of bills",
        "taxes in 1 services of bills",
        "1 of 1 amounts of bills as a whole",
    )
