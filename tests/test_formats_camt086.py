"""Bills of the bank's services: every service with its price, sign and tax, and nothing silently lost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from lxml import etree

from electra_kernel import formats
from electra_kernel.formats import camt086
from electra_kernel.statements.billing import billing_rows, billing_table
from electra_kernel.vocabulary.errors import UnreadableFile
from tests.shared import SHARED, needs_shared

_PARTY = "<Nm>{}</Nm><Id><OrgId><Othr><Id>1</Id></Othr></OrgId></Id>"


def _amount(name: str, amount: str, sign: str = "true", currency: str = "EUR") -> str:
    return f'<{name}><Amt Ccy="{currency}">{amount}</Amt><Sgn>{sign}</Sgn></{name}>'


def _service(
    code: str = "PAY1", charge: str = "2.50", *, volume: str = "10", price: str = "0.25", sign: str = "true"
) -> str:
    tax = f"<TaxId><Nb>1</Nb><Rate>27</Rate>{_amount('HstAmt', '0.68', currency='HUF')}</TaxId>"
    taxed = f"<SvcChrgHstAmt>{_amount('x', '1')[3:-4]}</SvcChrgHstAmt><SvcTax>{_amount('HstAmt', '0.68', currency='HUF')}</SvcTax>{tax}"
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
    schema = etree.XMLSchema(file=str(SHARED / "schemas" / "iso20022" / f"{version}.xsd"))
    schema.assertValid(etree.fromstring(_bill(_service() * 2, version)))


@pytest.mark.parametrize("version", [f"camt.086.001.{number:02}" for number in range(1, 6)])
def test_every_service_is_read_with_its_price_charge_and_tax(version: str) -> None:
    data = _bill(_service() + _service("BACK", "2.50", price="-", sign="false"), version)
    reading = formats.read(data, "bill.xml")
    assert (reading.format, reading.problems) == (version, ())
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
    assert [problem.rule for problem in reading.problems] == ["billing-price", "amount", "volume"]
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
