"""Bank services billing statement, camt.086, written: in the versions whose schemas are spelled out here.

What lives here: one writer. What the message needs and a bill does not say, and what the message cannot carry, is refused,
never left out or made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from electra_kernel.formats import iso
from electra_kernel.statements.billing import BilledAmount, BilledService, BillingStatement
from electra_kernel.vocabulary.accounts import is_iban
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Party

#: The versions that are written; how long the id of an organisation may be in each.
_LONGEST_ID = {"camt.086.001.03": 35, "camt.086.001.05": 256}
VERSIONS = tuple(_LONGEST_ID)
NEWEST = VERSIONS[-1]

_BIC = re.compile("[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_CURRENCY = re.compile("[A-Z]{3}")
#: What the schema's lists of codes hold, by element.
_CODES: Mapping[str, tuple[str, ...]] = {
    "Sts": ("ORGN", "RPLC", "TEST"),
    "AcctLvl": ("DETL", "INTM", "SMRY"),
    "CompstnMtd": ("NOCP", "DBTD", "INVD", "DDBT"),
    "PmtMtd": ("BCMP", "FLAT", "PVCH", "INVS", "WVED", "FREE"),
    "Mtd": (
        *("UPRC", "STAM", "BCHG", "DPRC", "FCHG", "LPRC", "MCHG", "MXRD", "TPRC", "ZPRC", "BBSE"),
        *(f"TIR{number}" for number in range(1, 10)),
    ),
    "TaxDsgnt": ("XMPT", "ZERO", "TAXE"),
    "Bal": ("", "ACCT", "STLM", "PRCG"),
    "Compstn": ("", "ACCT", "STLM", "PRCG", "HOST"),
    "BalAdjstmnt": ("LDGR", "FLOT", "CLLD"),
    "SvcAdjstmnt": ("COMP", "NCMP"),
    "TaxClctn": ("A", "B", "D"),
}
#: Parts of a service that have a code of their own; others go by the bank's word.
_PARTS = ("LBOX", "STOR", "BILA", "SEQN", "MACT")
_MOST_TAXES = 3


def write(bills: Sequence[BillingStatement], *, message_id: str, created: datetime, version: str = NEWEST) -> bytes:
    """Bills as one schema-valid document: UTF-8, one line, the same bytes for the same bills.

    Bills that follow one another and are of one group, sender and receiver stand in one group of the message. The amounts of
    a bill go in the order balances, compensations, adjustments of balances, adjustments of services.

    Args:
        bills: at least one.
        message_id: the message's id, at most 35 characters.
        created: of bills that do not say so themselves; aware.
        version: one of ``VERSIONS``.

    Raises:
        ElectraError: an unknown version, no bill, something that the message needs is missing, or does not fit.
    """
    if version not in VERSIONS:
        raise ElectraError(f"{version!r} is not written.", repair=f"Use one of {', '.join(VERSIONS)}.")
    if not bills:
        raise ElectraError("There is no bill to write.", repair="Give at least one.")
    groups = groupby(bills, lambda each: (each.group, each.sender, each.receiver))
    longest = _LONGEST_ID[version]
    body = "".join([_group(*key, [_bill(each, created) for each in several], longest) for key, several in groups])
    header = f"<RptHdr>{_needed('RptId', message_id, 35)}</RptHdr>"
    return iso.document(version, f"<BkSvcsBllgStmt>{header}{body}</BkSvcsBllgStmt>")


def _group(group: str, sender: Party, receiver: Party, bills: Iterable[str], longest: int) -> str:
    return (
        f"<BllgStmtGrp>{_needed('GrpId', group, 35)}<Sndr>{_party(sender, 'FIId', 'BICFI', 35)}</Sndr>"
        f"<Rcvr>{_party(receiver, 'OrgId', 'AnyBIC', longest)}</Rcvr>{''.join(bills)}</BllgStmtGrp>"
    )


def _party(who: Party, kind: str, bic: str, longest: int) -> str:
    if who.bic and not _BIC.fullmatch(who.bic):
        raise ElectraError(f"{who.bic[:20]!r} is not a BIC.", repair="A BIC has 8 or 11 letters and digits.")
    other = iso.tag("Id", who.identification, longest)
    inside = iso.tag(bic, who.bic) + (f"<Othr>{other}</Othr>" if other else "")
    return f"{_needed('Nm', who.name, 140)}<Id><{kind}>{inside}</{kind}></Id>"


def _bill(bill: BillingStatement, created: datetime) -> str:
    period = iso.tag("FrDt", _day(bill.from_date)) + _needed("ToDt", _day(bill.to_date), 10)
    debited = f"<DbtAcct>{_account(bill.debited)}</DbtAcct>" if bill.debited else ""
    named = _Amounts(bill)
    return (
        f"<BllgStmt>{_needed('StmtId', bill.identification, 35)}<FrToDt>{period}</FrToDt>"
        f"<CreDtTm>{iso.moment_text(bill.created or created)}</CreDtTm>{_code('Sts', bill.status)}"
        f"<AcctChrtcs>{_code('AcctLvl', bill.level)}<CshAcct><Id>{_account(bill.account)}</Id></CshAcct>"
        f"{_code('CompstnMtd', bill.compensation)}{debited}<AcctBalCcyCd>{_currency(bill.currency)}</AcctBalCcyCd>"
        # Nobody to turn to is known; the element itself must be there.
        f"<AcctSvcrCtct></AcctSvcrCtct></AcctChrtcs>{named.balances}{named.compensations}"
        f"{''.join([_service(each) for each in bill.services])}{named.of_balances}{named.of_services}</BllgStmt>"
    )


class _Amounts:
    """The named amounts of a bill, each kind as its elements."""

    def __init__(self, bill: BillingStatement) -> None:
        self.balances = self.compensations = self.of_balances = self.of_services = ""
        for each in bill.amounts:
            if each.group == "balance":
                self.balances += _balance("Bal", each)
            elif each.group == "compensation":
                self.compensations += _balance("Compstn", each)
            elif each.group == "adjustment" and each.kind in _CODES["BalAdjstmnt"]:
                self.of_balances += _of_balance(each)
            elif each.group == "adjustment" and each.kind in _CODES["SvcAdjstmnt"]:
                self.of_services += _of_service(each)
            else:
                raise ElectraError(
                    f"The bill {bill.identification} holds an amount of the group {each.group!r} and the kind "
                    f"{each.kind!r}, which camt.086 cannot carry.",
                    repair="Use balance, compensation, or adjustment with LDGR, FLOT, CLLD, COMP or NCMP.",
                )


def _balance(name: str, each: BilledAmount) -> str:
    kind = iso.tag("Cd", each.kind) if len(each.kind) <= 4 else iso.tag("Prtry", each.kind, 35)
    if each.description or each.posted or each.of:
        raise ElectraError(
            f"The {each.group} {each.kind!r} has words or days, which camt.086 cannot carry.", repair="Leave them out."
        )
    currency = _checked(name, each.currency_kind) and f"<CcyTp>{each.currency_kind}</CcyTp>"
    return f"<{name}><Tp>{_given('Tp', kind)}</Tp>{_amount('Val', each.amount, each.currency)}{currency}</{name}>"


def _of_balance(each: BilledAmount) -> str:
    posted = _needed("PstngDt", _day(each.posted), 10)
    return (
        f"<BalAdjstmnt><Tp>{each.kind}</Tp>{_needed('Desc', each.description, 105)}{_without_kind(each)}"
        f"{_amount('BalAmt', each.amount, each.currency)}{iso.tag('ErrDt', _day(each.of))}{posted}</BalAdjstmnt>"
    )


def _of_service(each: BilledAmount) -> str:
    if each.posted:
        raise ElectraError("An adjustment of a service has no day of posting.", repair="Leave it out.")
    return (
        f"<SvcAdjstmnt><Tp>{each.kind}</Tp>{_needed('Desc', each.description, 140)}{_without_kind(each)}"
        f"{_amount('Amt', each.amount, each.currency)}{iso.tag('ErrDt', _day(each.of))}</SvcAdjstmnt>"
    )


def _without_kind(each: BilledAmount) -> str:
    if each.currency_kind:
        raise ElectraError("An adjustment says nothing of the kind of its currency.", repair="Leave it out.")
    return ""


# ------------------------------------------------------------------------------------------------- one service
def _service(each: BilledService) -> str:
    tag = iso.tag
    part = common = ""
    if each.sub_service:
        kind = "Cd" if each.sub_service_kind in _PARTS else "Prtry"
        issuer = f"<Issr>{_needed(kind, each.sub_service_kind, 35)}</Issr>"
        part = f"<SubSvc>{issuer}{tag('Id', each.sub_service, 35)}</SubSvc>"
    if each.common_code:
        common = f"<CmonCd>{_needed('Issr', each.common_code_list, 6)}{tag('Id', each.common_code, 8)}</CmonCd>"
    code = iso.domain(each.bank_transaction_code)
    volume = "" if each.volume is None else f"<Vol>{iso.number_text(each.volume)}</Vol>"
    return (
        f"<Svc><SvcDtl><BkSvc>{_needed('Id', each.service, 35)}{part}{_needed('Desc', each.description, 70)}{common}"
        f"{code and f'<BkTxCd>{code}</BkTxCd>'}{tag('SvcTp', each.service_type, 12)}</BkSvc>{volume}</SvcDtl>"
        f"{_price(each)}{_code('PmtMtd', each.payment)}{_amount('OrgnlChrgPric', each.charge, each.currency)}"
        f"{_maybe('OrgnlChrgSttlmAmt', each.settled, each.settlement_currency)}"
        f"{_maybe('BalReqrdAcctAmt', each.balance, each.balance_currency)}"
        f"<TaxDsgnt><Cd>{_checked('TaxDsgnt', each.tax_code)}</Cd></TaxDsgnt>{_tax(each)}</Svc>"
    )


def _price(each: BilledService) -> str:
    unit = _maybe("UnitPric", each.unit_price, each.price_currency or each.currency)
    currency = f"<Ccy>{_currency(each.price_currency)}</Ccy>" if each.price_currency else ""
    method = _code("Mtd", each.method) if each.method else ""
    inside = f"{currency}{unit}{method}{iso.tag('Rule', each.price_rule, 20)}"
    return f"<Pric>{inside}</Pric>" if inside else ""


def _tax(each: BilledService) -> str:
    """``TaxClctn``, or nothing.

    Raises:
        ElectraError: what its method needs is missing.
    """
    if each.tax is None:
        return ""
    method, currency = _checked("TaxClctn", each.tax_method), each.tax_currency
    if not 1 <= len(each.taxes) <= _MOST_TAXES:
        raise ElectraError(
            f"The tax on the service {each.service} has {len(each.taxes)} parts; the file holds one to {_MOST_TAXES}.",
            repair="Give number, rate and amount of each part.",
        )
    part = "PricgAmt" if method == "D" else "HstAmt"
    parts = "".join(
        [
            f"<TaxId>{_needed('Nb', tax.number, 35)}{iso.tag('Desc', tax.description, 40)}"
            f"<Rate>{iso.number_text(tax.rate)}</Rate>{_amount(part, tax.amount, currency)}</TaxId>"
            for tax in each.taxes
        ]
    )
    if method == "D":
        whole = _amount("SvcTaxPricAmt", each.tax, currency)
    else:
        base = _given("SvcChrgHstAmt", _maybe("SvcChrgHstAmt", each.tax_base, currency))
        whole = f"{base}<SvcTax>{_amount('HstAmt', each.tax, currency)}</SvcTax>"
    if method == "A":
        whole += f"<TtlChrg>{_given('TtlChrg', _maybe('HstAmt', each.tax_total, currency))}</TtlChrg>"
    return f"<TaxClctn><Mtd{method}>{whole}{parts}</Mtd{method}></TaxClctn>"


# ------------------------------------------------------------------------------------------------ plain values
def _maybe(name: str, amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else _amount(name, amount, currency)


def _amount(name: str, amount: Decimal, currency: str) -> str:
    sign = "true" if amount >= 0 else "false"
    digits = iso.amount_text(abs(amount))
    return f'<{name}><Amt Ccy="{_currency(currency)}">{digits}</Amt><Sgn>{sign}</Sgn></{name}>'


def _currency(code: str) -> str:
    if not _CURRENCY.fullmatch(code):
        raise ElectraError(f"{code[:10]!r} is not a currency.", repair="Use a three-letter ISO 4217 code.")
    return code


def _account(number: str) -> str:
    return f"<IBAN>{number}</IBAN>" if is_iban(number) else f"<Othr>{_needed('Id', number, 34)}</Othr>"


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _code(name: str, value: str) -> str:
    return f"<{name}>{_checked(name, value)}</{name}>"


def _checked(name: str, value: str) -> str:
    if value not in _CODES[name]:
        allowed = ", ".join(each for each in _CODES[name] if each)
        raise ElectraError(f"{value[:20]!r} is none of the codes of {name}.", repair=f"Use one of {allowed}.")
    return value


def _given(name: str, value: str) -> str:
    if not value:
        raise ElectraError(f"The bill gives no {name}, which a camt.086 needs.", repair="Fill it in.")
    return value


def _needed(name: str, value: str, limit: int) -> str:
    return _given(name, iso.tag(name, value, limit))
