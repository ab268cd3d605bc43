"""Bank services billing statement, camt.086, read: every version, by local names. The writer is in ``camt086_write``.

What is read: who bills whom, each account's bill with every billed service, its volume, price, charge and taxes, and the
balances, compensations and adjustments. A sign stands apart from its amount (``Sgn``); without one an amount counts as
positive. A bill is refused as a whole where it is no XML or no such message; a service without a readable charge is told
and left out. Whatever else a bill says is named in one problem a bill (``camt086_rest``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from lxml import etree

from electra_kernel.formats import camt086_rest, iso
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.camt086_rest import SIGNS
from electra_kernel.formats.camt086_write import VERSIONS, write
from electra_kernel.statements.billing import BilledAmount, BilledService, BilledTax, BillingStatement
from electra_kernel.vocabulary.parties import Party

__all__ = ["VERSIONS", "detect", "read", "write"]

BODY = "BkSvcsBllgStmt"
#: The versions known; others are read by the same names, and told.
PUBLISHED = range(1, 6)
ASSUMED = "camt.086.001.05"

#: Where the tax on a service stands, and its parts, by the method of its calculation (A, B: host currency; D: pricing currency).
_TAXES: Mapping[str, tuple[str, str]] = {
    "A": ("SvcTax/HstAmt", "HstAmt"),
    "B": ("SvcTax/HstAmt", "HstAmt"),
    "D": ("SvcTaxPricAmt", "PricgAmt"),
}
_CODES = tuple(f"SvcDtl/BkSvc/BkTxCd/Domn/{path}" for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd"))


def detect(data: bytes) -> bool:
    """Whether the bytes hold a bank services billing statement of any version."""
    return iso.head(data).body(BODY) is not None


def read(data: bytes, source: str) -> Reading:
    """Read a file into billing statements.

    Raises:
        UnreadableFile: not such a message, or broken, or without a bill.
    """
    problems = Problems(source)
    body = iso.the_one_body(iso.parsed(data, source, problems), source, BODY)
    version = _version(body, problems)
    iso.plain_names(body)
    found = [(group, element) for group in body.findall("BllgStmtGrp") for element in group.findall("BllgStmt")]
    if not found:
        raise unreadable(source, "incomplete", "The message holds no bill.", "Fetch it again.", field=BODY)
    services = sum(len(element.findall("Svc")) for _, element in found)
    places = iter(iso.offsets(data, "Svc", services))
    bills = tuple(_bill(group, element, places, problems) for group, element in found)
    told = set[iso.Element]()
    for (group, element), bill in zip(found, bills, strict=True):
        camt086_rest.tell(None if group in told else group, element, bill, problems)
        told.add(group)
    pages = (iso.text(body, "RptHdr/MsgPgntn/PgNb"), iso.text(body, "RptHdr/MsgPgntn/LastPgInd"))
    if pages not in (("", ""), ("1", "true"), ("1", "1")):
        problems.warn(
            None,
            "RptHdr/MsgPgntn",
            "pages",
            f"The file is page {pages[0][:5]} of several{'' if pages[1] in ('true', '1') else ', and not the last'}.",
            "Fetch the other pages too.",
        )
    return Reading(format=version, billing=bills, problems=problems.rows())


def _version(body: iso.Element, problems: Problems) -> str:
    version = iso.version_in(etree.QName(body.tag).namespace or "")
    if not version:
        iso.tell_unnamed(ASSUMED, problems)
    elif not version.startswith("camt.086.") or int(version[-2:]) not in PUBLISHED:
        problems.warn_once(
            "Document",
            "version",
            f"The file calls itself {version}, which is not known for a {BODY}; it was read by its elements' names.",
            "Compare a few services with the bank's own list.",
        )
    return version or ASSUMED


def _bill(
    group: iso.Element, element: iso.Element, places: Iterator[int | None], problems: Problems
) -> BillingStatement:
    text, account = iso.text, "AcctChrtcs/CshAcct"
    identification = text(element, "StmtId")
    number = iso.first_text(element, f"{account}/Id/IBAN", f"{account}/Id/Othr/Id", f"{account}/Prxy/Id")
    if not number:
        problems.error(
            None,
            "BllgStmt/AcctChrtcs/CshAcct",
            "missing",
            f"The bill {identification} names no account.",
            "Ask the bank which account it is for.",
        )
    currency = iso.first_text(element, "AcctChrtcs/AcctBalCcyCd", f"{account}/Ccy")
    services = (
        _service(service, identification, currency, next(places), problems) for service in element.findall("Svc")
    )
    return BillingStatement(
        identification=identification,
        group=text(group, "GrpId"),
        account=iso.compact(number) if text(element, f"{account}/Id/IBAN") else number,
        currency=currency,
        from_date=iso.date_or_none(text(element, "FrToDt/FrDt")),
        to_date=iso.date_or_none(text(element, "FrToDt/ToDt")),
        created=iso.moment_or_none(text(element, "CreDtTm")),
        status=text(element, "Sts"),
        debited=iso.first_text(element, "AcctChrtcs/DbtAcct/IBAN", "AcctChrtcs/DbtAcct/Othr/Id"),
        level=text(element, "AcctChrtcs/AcctLvl"),
        compensation=text(element, "AcctChrtcs/CompstnMtd"),
        sender=_party(group.find("Sndr")),
        receiver=_party(group.find("Rcvr")),
        services=tuple(service for service in services if service is not None),
        amounts=tuple(_amounts(element, currency, identification, problems)),
    )


def _party(element: iso.Element | None) -> Party:
    """Who bills or is billed, by its name, BIC and id."""
    return Party(
        name=iso.text(element, "Nm"),
        bic=iso.first_text(element, "Id/FIId/BICFI", "Id/FIId/BIC", "Id/OrgId/AnyBIC", "Id/OrgId/BICOrBEI"),
        identification=iso.first_text(element, "Id/FIId/Othr/Id", "Id/OrgId/Othr/Id"),
    )


def _service(
    element: iso.Element, bill: str, currency: str, place: int | None, problems: Problems
) -> BilledService | None:
    text, detail = iso.text, "SvcDtl/BkSvc"
    name = f"{text(element, f'{detail}/Id')} {text(element, f'{detail}/Desc')}".strip()
    charge = _signed(element, "OrgnlChrgPric", currency)
    if charge is None:
        problems.error(
            place,
            "BllgStmt/Svc/OrgnlChrgPric",
            "amount",
            f"The service {name[:60]!r} of the bill {bill} is left out: its charge "
            f"{text(element, 'OrgnlChrgPric/Amt')[:40]!r} cannot be read.",
            "Ask the bank for a corrected bill.",
        )
        return None
    price, settled = _signed(element, "Pric/UnitPric", ""), _signed(element, "OrgnlChrgSttlmAmt", currency)
    balance = _signed(element, "BalReqrdAcctAmt", currency)
    service = BilledService(
        service=text(element, f"{detail}/Id"),
        description=text(element, f"{detail}/Desc"),
        charge=charge[0],
        currency=charge[1],
        sub_service=text(element, f"{detail}/SubSvc/Id"),
        sub_service_kind=iso.first_text(element, f"{detail}/SubSvc/Issr/Cd", f"{detail}/SubSvc/Issr/Prtry"),
        service_type=text(element, f"{detail}/SvcTp"),
        common_code=text(element, f"{detail}/CmonCd/Id"),
        common_code_list=text(element, f"{detail}/CmonCd/Issr"),
        bank_transaction_code="-".join(part for path in _CODES if (part := text(element, path))),
        volume=_volume(element, place, problems),
        unit_price=price[0] if price else None,
        price_currency=(price[1] if price else "") or text(element, "Pric/Ccy"),
        method=text(element, "Pric/Mtd"),
        price_rule=text(element, "Pric/Rule"),
        payment=text(element, "PmtMtd"),
        settled=settled[0] if settled else None,
        settlement_currency=settled[1] if settled else "",
        balance=balance[0] if balance else None,
        balance_currency=balance[1] if balance else "",
        tax_code=text(element, "TaxDsgnt/Cd"),
        position=place,
    )
    for method in _TAXES:
        if (found := element.find(f"TaxClctn/Mtd{method}")) is not None:
            service = _taxed(service, method, found, currency)
    _check_price(service, bill, problems)
    return service


def _volume(element: iso.Element, place: int | None, problems: Problems) -> Decimal | None:
    written = iso.text(element, "SvcDtl/Vol")
    volume = iso.number_or_none(written)
    if written and volume is None:
        problems.warn(
            place,
            "BllgStmt/Svc/SvcDtl/Vol",
            "volume",
            f"{written[:40]!r} is no volume; it is left out.",
            "Ask the bank.",
        )
    return volume


def _taxed(service: BilledService, method: str, element: iso.Element, currency: str) -> BilledService:
    """A service with its tax. Base, total and parts in another currency than the tax itself are left out (``camt086_rest`` tells)."""
    path, part = _TAXES[method]
    whole = _signed(element, path, currency)
    if whole is None:
        return service
    base, total = _of(element, "SvcChrgHstAmt", whole[1]), _of(element, "TtlChrg/HstAmt", whole[1])
    parts = (
        (_of(each, part, whole[1]), iso.number_or_none(iso.text(each, "Rate")), each)
        for each in element.findall("TaxId")
    )
    return replace(
        service,
        tax=whole[0],
        tax_currency=whole[1],
        tax_method=method,
        tax_base=base if method != "D" else None,
        tax_total=total if method == "A" else None,
        taxes=tuple(
            BilledTax(number=iso.text(each, "Nb"), rate=rate, amount=amount, description=iso.text(each, "Desc"))
            for amount, rate, each in parts
            if amount is not None and rate is not None
        ),
    )


def _of(element: iso.Element, path: str, currency: str) -> Decimal | None:
    """An amount in this currency; ``None`` where it is not there, cannot be read, or is in another."""
    found = _signed(element, path, currency)
    return found[0] if found is not None and found[1] == currency else None


def _check_price(service: BilledService, bill: str, problems: Problems) -> None:
    """A service that is priced by the unit (``UPRC``) costs volume × unit price, to the last digit of the charge."""
    if service.method != "UPRC" or service.volume is None or service.unit_price is None:
        return
    if service.price_currency and service.price_currency != service.currency:
        return
    exponent = service.charge.as_tuple().exponent
    step = Decimal(1).scaleb(max(int(exponent), -5)) if isinstance(exponent, int) else Decimal(1)
    product = service.volume * service.unit_price
    if abs(product - service.charge) >= step:
        problems.warn(
            service.position,
            "BllgStmt/Svc/OrgnlChrgPric",
            "billing-price",
            f"The service {service.service} of the bill {bill} costs {service.charge:f}; {service.volume:f} times "
            f"{service.unit_price:f} makes {product.normalize():f}.",
            "Ask the bank how it is priced.",
        )


#: The groups of named amounts: the element, the group, its type, its amount, its words.
_NAMED = (
    ("Bal", "balance", ("Tp/Cd", "Tp/Prtry"), "Val", ""),
    ("Compstn", "compensation", ("Tp/Cd", "Tp/Prtry"), "Val", ""),
    ("BalAdjstmnt", "adjustment", ("Tp",), "BalAmt", "Desc"),
    ("SvcAdjstmnt", "adjustment", ("Tp",), "Amt", "Desc"),
)


def _amounts(element: iso.Element, currency: str, bill: str, problems: Problems) -> Iterator[BilledAmount]:
    for name, group, kinds, path, words in _NAMED:
        for child in element.findall(name):
            found = _signed(child, path, currency)
            if found is None:
                problems.error(
                    None,
                    f"BllgStmt/{name}",
                    "amount",
                    f"An amount of the bill {bill} is left out: {iso.text(child, f'{path}/Amt')[:40]!r} cannot be read.",
                    "Ask the bank for a corrected bill.",
                )
                continue
            yield BilledAmount(
                group=group,
                kind=iso.first_text(child, *kinds),
                amount=found[0],
                currency=found[1],
                description=iso.text(child, words) if words else "",
                currency_kind=iso.text(child, "CcyTp"),
                posted=iso.date_or_none(iso.text(child, "PstngDt")),
                of=iso.date_or_none(iso.text(child, "ErrDt")),
            )


def _signed(element: iso.Element, path: str, currency: str) -> tuple[Decimal, str] | None:
    """An amount with its sign and currency; ``None`` where it is not there or cannot be read."""
    found = element.find(path)
    inner = None if found is None else found.find("Amt")
    amount, sign = iso.decimal_or_none(iso.text(inner)), SIGNS.get(iso.text(found, "Sgn"))
    if inner is None or amount is None or sign is None:
        return None
    return sign * amount, str(inner.get("Ccy", "")).strip() or currency
