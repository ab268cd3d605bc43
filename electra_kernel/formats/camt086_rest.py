"""What a bill of bank services (camt.086) says that no field keeps: named, in one problem a bill.

What may live here: which elements ``camt086`` keeps, and telling the others. The rule: every element with a text is kept,
or says only what a kept one says, or is named. So is a figure, sign or day of a kept element that cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from electra_kernel.formats import iso
from electra_kernel.formats.base import Problems
from electra_kernel.statements.billing import BillingStatement

#: What the sign of an amount may be; none is a plus.
SIGNS: Mapping[str, int] = {"": 1, "true": 1, "1": 1, "+": 1, "false": -1, "0": -1, "-": -1}
#: So many elements are named, the others counted.
_NAMED = 12


def _amounts(*paths: str) -> Iterator[str]:
    return (f"{path}/{part}" for path in paths for part in ("Amt", "Sgn"))


_PARTY = ("Nm", "Id/FIId/BICFI", "Id/FIId/BIC", "Id/FIId/Othr/Id", "Id/OrgId/AnyBIC", "Id/OrgId/BICOrBEI")
_GROUP = frozenset(
    {"GrpId", *(f"{side}/{path}" for side in ("Sndr", "Rcvr") for path in (*_PARTY, "Id/OrgId/Othr/Id"))}
)
_BILL = frozenset(
    {
        *("StmtId", "FrToDt/FrDt", "FrToDt/ToDt", "CreDtTm", "Sts"),
        *(
            f"AcctChrtcs/{path}"
            for path in ("AcctLvl", "CompstnMtd", "AcctBalCcyCd", "DbtAcct/IBAN", "DbtAcct/Othr/Id")
        ),
        *(f"AcctChrtcs/CshAcct/{path}" for path in ("Id/IBAN", "Id/Othr/Id", "Prxy/Id")),
        *(f"{group}/{path}" for group in ("Bal", "Compstn") for path in ("Tp/Cd", "Tp/Prtry", "CcyTp")),
        *(f"{group}/{path}" for group in ("BalAdjstmnt", "SvcAdjstmnt") for path in ("Tp", "Desc", "ErrDt")),
        *("BalAdjstmnt/PstngDt", *_amounts("Bal/Val", "Compstn/Val", "BalAdjstmnt/BalAmt", "SvcAdjstmnt/Amt")),
    }
)
_TAX = ("TaxId/Nb", "TaxId/Desc", "TaxId/Rate")
_HOST = ("SvcChrgHstAmt", "SvcTax/HstAmt", "TaxId/HstAmt")
_SERVICE = frozenset(
    {
        *(f"SvcDtl/BkSvc/{path}" for path in ("Id", "Desc", "SvcTp", "CmonCd/Issr", "CmonCd/Id")),
        *(f"SvcDtl/BkSvc/SubSvc/{path}" for path in ("Issr/Cd", "Issr/Prtry", "Id")),
        *(f"SvcDtl/BkSvc/BkTxCd/Domn/{path}" for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")),
        *("SvcDtl/Vol", "Pric/Ccy", "Pric/Mtd", "Pric/Rule", "PmtMtd", "TaxDsgnt/Cd"),
        *_amounts("Pric/UnitPric", "OrgnlChrgPric", "OrgnlChrgSttlmAmt", "BalReqrdAcctAmt"),
        *(f"TaxClctn/Mtd{method}/{path}" for method in "AB" for path in (*_TAX, *_amounts(*_HOST))),
        *_amounts("TaxClctn/MtdA/TtlChrg/HstAmt"),
        *(f"TaxClctn/MtdD/{path}" for path in (*_TAX, *_amounts("SvcTaxPricAmt", "TaxId/PricgAmt"))),
    }
)
#: Currencies that only matter where they are not the account's.
_CURRENCIES = frozenset(f"AcctChrtcs/{path}" for path in ("CshAcct/Ccy", "SttlmCcyCd", "HstCcyCd"))
#: What else cannot be read is told by the reader itself.
_TOLD_ELSEWHERE = ("Bal/", "Compstn/", "BalAdjstmnt/BalAmt", "SvcAdjstmnt/Amt", "Svc/OrgnlChrgPric")
_READ: Mapping[str, Callable[[str], object]] = {
    "Amt": iso.decimal_or_none,
    "Sgn": SIGNS.get,
    "CreDtTm": iso.moment_or_none,
    **dict.fromkeys(("FrDt", "ToDt", "PstngDt", "ErrDt"), iso.date_or_none),
}


def tell(group: iso.Element | None, element: iso.Element, bill: BillingStatement, problems: Problems) -> None:
    """Tell what is not kept of a bill, and of its group where ``group`` is one that nothing was told of yet."""
    found = list[str]()
    if group is not None:
        found += _unkept(iso.leaf_paths(group, {"BllgStmt"}), _GROUP)
        for path in (f"{side}/Id/{kind}/Othr" for side in ("Sndr", "Rcvr") for kind in ("OrgId", "FIId")):
            found += [f"{path}/Id"] * (len(group.findall(path)) > 1)
    leaves = (
        (path, leaf)
        for path, leaf in iso.leaf_paths(element, {"Svc"})
        if path not in _CURRENCIES or iso.text(leaf) != bill.currency
    )
    found += _unkept(leaves, _BILL)
    for service in element.findall("Svc"):
        found += [f"Svc/{path}" for path in _unkept(iso.leaf_paths(service, set()), _SERVICE, "Svc/")]
        found += ["Svc/TaxClctn"] * _mixed(service)
    names = list(dict.fromkeys(found))
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        problems.warn(
            None,
            "BllgStmt",
            "not-kept",
            f"The bill {bill.identification} also says what is not kept: {', '.join(names[:_NAMED])}{more}.",
            "Look into the file itself where these matter.",
        )


def _unkept(leaves: Iterable[tuple[str, iso.Element]], kept: frozenset[str], below: str = "") -> Iterator[str]:
    for path, leaf in leaves:
        value = iso.text(leaf)
        read = _READ.get(path.rpartition("/")[2]) if not f"{below}{path}".startswith(_TOLD_ELSEWHERE) else None
        if value and (path not in kept or (read is not None and read(value) is None)):
            yield path


def _mixed(service: iso.Element) -> bool:
    """Whether the figures of a tax are in several currencies, or a rate is none: such parts are left out."""
    found = service.find("TaxClctn")
    currencies = set[str]()
    for kind in ("SvcChrgHstAmt", "SvcTax/HstAmt", "TtlChrg/HstAmt", "TaxId/HstAmt"):
        amounts = [] if found is None else found.findall(f"*/{kind}/Amt")
        currencies |= {str(each.get("Ccy", "")).strip() for each in amounts}
    rates = iso.texts(found, "*/TaxId/Rate")
    return len(currencies) > 1 or not all(iso.number_or_none(rate) is not None for rate in rates)
