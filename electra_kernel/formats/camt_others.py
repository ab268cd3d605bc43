"""What entries and payments say that has no column: named, and kept beside the bank's own words.

What may live here: which elements a column carries, which only repeat what one carries, and what the others are called.
The rule. Every element below an entry or a payment that has a text is in a column, repeats one, or is kept here, as a
name and its text: ``UETR: 8a56…; return reason: AC04``. Elements without a name of ours go by their path (``RltdDts/TradDt``).

What only repeats: the account owner's own name, address and bank on its side of a payment (its account is kept where it
is another than the statement's), who issued a code, the kinds of documents and references, the total of charges whose
records are read, whether charges are in the amount, amounts that are the entry's, the payment's or its original, and that
a rate is from the original's currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from electra_kernel.formats import iso
from electra_kernel.statements.model import Others

#: The names of what is met often, in the order in which they are told. The first part is what the fast way knows.
FAST_NAMES: Mapping[str, str] = {
    "Refs/MsgId": "message",
    "Refs/PmtInfId": "payment block",
    "Refs/InstrId": "instruction",
    "Refs/TxId": "transaction",
    "Refs/UETR": "UETR",
    "Refs/ClrSysRef": "clearing reference",
    "Refs/ChqNb": "cheque",
    "RtrInf/Rsn/Cd": "return reason",
    "Purp/Cd": "purpose",
    "Purp/Prtry": "purpose",
    "RltdDts/AccptncDtTm": "accepted",
    "RltdDts/IntrBkSttlmDt": "settled",
}
NAMES: Mapping[str, str] = {
    **FAST_NAMES,
    "Refs/Prtry/Ref": "reference",
    "Refs/Prtry/Tp": "kind of reference",
    "Refs/AcctOwnrTxId": "owner's transaction",
    "Refs/AcctSvcrTxId": "bank's transaction",
    "Refs/PrcgId": "processing",
    "RtrInf/Rsn/Prtry": "return reason",
    "RtrInf/AddtlInf": "return text",
    "RltdPties/InitgPty/Nm": "initiator",
    "RltdPties/InitgPty/Pty/Nm": "initiator",
    "RltdPties/UltmtDbtr/Nm": "ultimate debtor",
    "RltdPties/UltmtDbtr/Pty/Nm": "ultimate debtor",
    "RltdPties/UltmtCdtr/Nm": "ultimate creditor",
    "RltdPties/UltmtCdtr/Pty/Nm": "ultimate creditor",
    "RltdAgts/DbtrAgt/FinInstnId/Nm": "bank",
    "RltdAgts/CdtrAgt/FinInstnId/Nm": "bank",
    "RltdAgts/DbtrAgt/FinInstnId/ClrSysMmbId/MmbId": "bank code",
    "RltdAgts/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId": "bank code",
    "AmtDtls/InstdAmt/CcyXchg/SrcCcy": "rate from",
    "AmtDtls/InstdAmt/CcyXchg/TrgtCcy": "rate to",
    "AmtDtls/TxAmt/Amt": "transaction amount",
    "AmtDtls/CntrValAmt/Amt": "counter value",
    "AmtDtls/AnncdPstngAmt/Amt": "announced amount",
    "AmtDtls/PrtryAmt/Amt": "amount of its own kind",
    "NtryDtls/Btch/MsgId": "batch message",
    "NtryDtls/Btch/PmtInfId": "batch",
    "NtryDtls/Btch/NbOfTxs": "payments in the batch",
    "NtryDtls/Btch/TtlAmt": "batch total",
    "BookgDt/DtTm": "booked",
    "ValDt/DtTm": "valued",
    "OWN": "own account",
    "Chrgs/Rcrd/Amt": "charge",
    "Chrgs/Amt": "charge",
}
_RANK = {name: rank for rank, name in enumerate(dict.fromkeys(NAMES.values()))}
_UNNAMED = len(_RANK)
#: Elements of entries and payments that columns carry whatever else stands there.
_CARRIED = frozenset(
    {
        *("Amt", "CdtDbtInd", "AmtDtls/InstdAmt/Amt", "Chrgs/CdtDbtInd", "Chrgs/Rcrd/CdtDbtInd"),
        *("BkTxCd/Domn/Cd", "BkTxCd/Domn/Fmly/Cd", "BkTxCd/Domn/Fmly/SubFmlyCd", "BkTxCd/Prtry/Cd"),
    }
)
_ENTRY = _CARRIED | {
    *("NtryRef", "RvslInd", "Sts", "Sts/Cd", "Sts/Prtry", "BookgDt/Dt", "ValDt/Dt", "AcctSvcrRef", "AddtlNtryInf"),
    *("NtryDtls/Btch/CdtDbtInd",),
}
_DETAIL = _CARRIED | {
    *("AddtlTxInf", "Refs/AcctSvcrRef", "Refs/EndToEndId", "Refs/MndtId", "RmtInf/Ustrd"),
    *("RmtInf/Strd/RfrdDocInf/Nb", "RmtInf/Strd/AddtlRmtInf", "RmtInf/Strd/CdtrRefInf/Ref"),
}
_RATES = tuple(f"AmtDtls/{kind}/CcyXchg/XchgRate" for kind in ("InstdAmt", "TxAmt", "CntrValAmt"))
#: Ends and beginnings of the paths of what only repeats.
REPEATS_END = ("/Issr", "/ChrgInclInd", "Chrgs/TtlChrgsAndTaxAmt", "/SchmeNm/Cd", "/SchmeNm/Prtry")
REPEATS_BEGIN = ("RmtInf/Strd/CdtrRefInf/Tp/", "RmtInf/Strd/RfrdDocInf/Tp/")
_ADDRESS = ("StrtNm", "BldgNb", "PstCd", "TwnNm", "Ctry", "AdrLine")
_SIDE_NAMES = ("{0}/Nm", "{0}/Pty/Nm", "{0}/Agt/FinInstnId/Nm", "Ultmt{0}/Nm", "Ultmt{0}/Pty/Nm")


def of_entry(element: iso.Element, amount: Decimal, currency: str) -> Others:
    """What an entry says that has no column. ``amount`` is without its sign."""
    leaves = list(iso.leaf_paths(element, {"NtryDtls"}))
    blocks = element.findall("NtryDtls")
    for block in blocks:
        listed = str(len(block.findall("TxDtls")))
        leaves += [
            (f"NtryDtls/{path}", leaf)
            for path, leaf in iso.leaf_paths(block, {"TxDtls"})
            if path != "Btch/NbOfTxs" or iso.text(leaf) != listed
        ]
    return _told(leaves, _ENTRY | _rate(element), [(amount, currency)], element)


def of_detail(element: iso.Element, amounts: Iterable[tuple[Decimal | None, str]], side: str, account: str) -> Others:
    """What a payment says that has no column.

    Args:
        element: ``TxDtls``.
        amounts: the entry's and its own, without sign, each with its currency.
        side: ``Dbtr`` or ``Cdtr``, whichever is the other party.
        account: the statement's.
    """
    own = "Cdtr" if side == "Dbtr" else "Dbtr"
    every = list(iso.leaf_paths(element, set()))
    said = frozenset(path for path, leaf in every if iso.text(leaf))
    accounts = (f"RltdPties/{own}Acct/Id/{kind}" for kind in ("IBAN", "Othr/Id"))
    own_account = iso.compact(next((iso.text(element, path) for path in accounts if path in said), ""))
    begins = (f"RltdPties/{own}/", f"RltdPties/{own}Acct/", f"RltdAgts/{own}Agt/")
    leaves = [leaf for leaf in every if leaf[0] in said and not leaf[0].startswith(begins)]
    told = _told(leaves, _DETAIL | _rate(element) | _party(element, side, said), list(amounts), element)
    return (*told, (NAMES["OWN"], own_account)) if own_account not in ("", iso.compact(account)) else told


def _rate(element: iso.Element) -> frozenset[str]:
    if element.find("AmtDtls") is None:
        return frozenset()
    return frozenset([path for path in _RATES if iso.text(element, path)][:1])


def _originals(element: iso.Element) -> Iterable[tuple[Decimal, str]]:
    found = element.find("AmtDtls/InstdAmt/Amt")
    if found is not None and (amount := iso.decimal_or_none(iso.text(found))) is not None:
        yield amount, currency_of(found)


def currency_of(amount: iso.Element | None) -> str:
    """The currency an amount names."""
    return "" if amount is None else str(amount.get("Ccy", "")).strip(" \t\r\n")


def _party(element: iso.Element, side: str, said: frozenset[str]) -> frozenset[str]:
    """The elements of the other party that columns carry: of several names and accounts, the first."""
    names = [path for name in _SIDE_NAMES if (path := f"RltdPties/{name.format(side)}") in said]
    accounts = [path for kind in ("IBAN", "Othr/Id") if (path := f"RltdPties/{side}Acct/Id/{kind}") in said]
    outer = element.find(f"RltdPties/{side}/PstlAdr") is not None
    address = f"RltdPties/{side}/PstlAdr" if outer else f"RltdPties/{side}/Pty/PstlAdr"
    bank = f"RltdAgts/{side}Agt/FinInstnId"
    carried = {*names[:1], *accounts[:1], *(f"{address}/{part}" for part in _ADDRESS), f"{bank}/BICFI", f"{bank}/BIC"}
    if "Refs/MndtId" in said:
        carried |= {f"RltdPties/Cdtr/{inside}Id/PrvtId/Othr/Id" for inside in ("", "Pty/")}
    return frozenset(carried)


def _told(
    leaves: Iterable[tuple[str, iso.Element]],
    carried: frozenset[str],
    amounts: list[tuple[Decimal | None, str]],
    element: iso.Element,
) -> Others:
    """The named texts of what is not carried: those with a name of ours first, the others as they stand.

    ``amounts`` begins with the entry's.
    """
    originals = list(_originals(element))
    known = {*amounts, *originals}
    source = (originals or amounts)[0][1]
    charges = element.find("Chrgs") is not None
    several = charges and len(element.findall("Chrgs/Rcrd/Amt")) + len(element.findall("Chrgs/Amt")) > 1
    told = []
    for path, leaf in leaves:
        value = iso.text(leaf)
        if not value or path in carried or path.endswith(REPEATS_END) or path.startswith(REPEATS_BEGIN):
            continue
        if path in ("Chrgs/Rcrd/Amt", "Chrgs/Amt") and not several:
            continue
        if path.endswith("/CcyXchg/SrcCcy") and value == source:
            continue
        currency = currency_of(leaf)
        if currency and path.startswith(("AmtDtls/", "NtryDtls/")) and (iso.decimal_or_none(value), currency) in known:
            continue
        told.append((NAMES.get(path, path), f"{value} {currency}".rstrip()))
    return tuple(sorted(told, key=lambda pair: _RANK.get(pair[0], _UNNAMED)))
