"""What a camt.052, .053 or .054 says beside its entries that has no field: named, and kept with the statement.

What may live here: which elements of a report are in a field, what the others are called, and which are told. The rule.
Every element of a report and of its header that has a text is in a field of ``Statement``, repeats one, is checked
(``camt_checks``), or is kept in ``Statement.others``, as a name and its text: ``credit line: 50000.00 EUR included, of CLBD``.
Elements without a name of ours go by their path. What a treasurer may have to act on is told as well, in one problem a
report, because the ledger has no column for it; what is known of the account, and marks of the file, are kept only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from electra_kernel.formats import iso
from electra_kernel.formats.base import Problems
from electra_kernel.formats.camt_messages import Message
from electra_kernel.formats.camt_others import currency_of
from electra_kernel.statements.model import Others, Statement

#: Children of a report that become one text each.
_WHOLE: Mapping[str, str] = {"Intrst": "interest", "RltdAcct": "related account"}
#: Names of what is kept and not told: marks of the file, and what repeats the entries.
_QUIET: Mapping[str, str] = {
    "LglSeqNb": "legal number",
    "RptgSrc/Cd": "source of the report",
    "RptgSrc/Prtry": "source of the report",
    "GrpHdr/AddtlInf": "note on the message",
}
#: What is known of the account; anything else below ``Acct`` goes by its path, and is not told either.
_ACCOUNT: Mapping[str, str] = {
    "Acct/Tp/Cd": "kind of account",
    "Acct/Tp/Prtry": "kind of account",
    "Acct/Nm": "name of the account",
    "Acct/Svcr/FinInstnId/Nm": "bank",
    "Acct/Svcr/FinInstnId/ClrSysMmbId/MmbId": "bank code",
}
_TIMES = {"FrDtTm": "from", "ToDtTm": "to"}
_TOLD_BY_PATH = {"CpyDplctInd": "copy", "RptgSeq": "sequence of reports"}
_NAMES: Mapping[str, str] = {**_QUIET, **_ACCOUNT, **_TOLD_BY_PATH}
_SILENT = frozenset(
    {
        *(*_QUIET.values(), *_ACCOUNT.values(), "from", "to", "time of the balance", "availability"),
        "sum of a kind of entries",
    }
)
#: Beginnings of the paths of what is kept and not told.
_SILENT_PATHS = ("Acct/", "GrpHdr/", "RptgSeq/")
_CARRIED = frozenset(
    {
        *("Acct/Ccy", "Acct/Ownr/Nm", "Acct/Svcr/FinInstnId/BICFI", "Acct/Svcr/FinInstnId/BIC"),
        *("Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/PrtryAcct/Id"),
        *("GrpHdr/MsgId", "GrpHdr/CreDtTm"),  # the file's own, made anew whenever one is written
    }
)
#: Of a page of a message or report: that it is the only one.
_ONE_PAGE = (("", ""), ("1", "true"), ("1", "1"))
#: How many letters of all that is told stand in the problem.
_TOLD = 1_000


def of_report(message: Message, element: iso.Element, statement: Statement, header: iso.Element | None) -> Others:
    """What a report says that has no field, in its order.

    Args:
        message: which of the messages it is.
        element: ``Stmt``, ``Rpt`` or ``Ntfctn`` with plain names, with or without its entries.
        statement: what its fields say.
        header: the message's ``GrpHdr``; ``None`` where there is none, or for all reports but the message's first.
    """
    carried, found = {*_PLAIN_CHILDREN, f"Addtl{message.report}Inf"}, list[tuple[str, str]]()
    for child in element:
        name = str(child.tag)
        if name in carried:
            continue
        if name in _WHOLE:
            found += [(_WHOLE[name], said)] if (said := _said(child)) else []
        elif name == f"{message.report}Pgntn":
            found += _page(child)
        elif name in _CHILDREN:
            found += _CHILDREN[name](child)
        else:
            found += _leaves(child, name, statement)
    return tuple(found if header is None else [*found, *_header(header)])


def _leaves(child: iso.Element, name: str, statement: Statement) -> Iterator[tuple[str, str]]:
    leaves = [(name, child)] if not len(child) else [(f"{name}/{path}", leaf) for path, leaf in _below(child)]
    for path, leaf in leaves:
        if path not in _CARRIED and (value := iso.text(leaf)) and not _is_kept(path, value, statement):
            yield _NAMES.get(path, path), value


def _is_kept(path: str, value: str, statement: Statement) -> bool:
    """Whether a field says it, or whatever stands in another place."""
    if path == "CreDtTm":
        return statement.created is not None
    if path == "LglSeqNb":
        return value.isascii() and value.isdigit() and int(value[:18]) == statement.sequence
    return path == "Acct/Prxy/Id" and value == statement.account


def told(others: Others) -> Others:
    """What of it a treasurer may have to act on."""
    return tuple(pair for pair in others if pair[0] not in _SILENT and not pair[0].startswith(_SILENT_PATHS))


def tell(message: Message, statement: Statement, problems: Problems) -> None:
    """Tell in one problem what a report says that the ledger has no column for, with its additional information."""
    loud = told(statement.others)
    if not loud and not statement.additional_information:
        return
    words = "; ".join([statement.additional_information] * bool(statement.additional_information) + _lines(loud))
    more = "… (all of it is in the file)" if len(words) > _TOLD else ""
    problems.warn(
        None,
        message.report,
        "beside-entries",
        f"The {message.kind} {statement.identification} also says: {words[:_TOLD]}{more}",
        "Nothing need be done; the ledger has no column for it.",
    )


def _lines(others: Others) -> list[str]:
    return [f"{name}: {value}" for name, value in others]


def _header(header: iso.Element) -> Iterator[tuple[str, str]]:
    for path, leaf in iso.leaf_paths(header, {"MsgPgntn"}):
        path = f"GrpHdr/{path}"
        if path not in _CARRIED and (value := iso.text(leaf)):
            yield _NAMES.get(path, path), value
    for pages in header.findall("MsgPgntn"):
        yield from _page(pages)


def _page(pages: iso.Element) -> Iterator[tuple[str, str]]:
    number, last = iso.text(pages, "PgNb"), iso.text(pages, "LastPgInd")
    if (number, last) not in _ONE_PAGE:
        yield "page", f"{number}{', the last' if last in ('true', '1') else ', others follow'}"


def _period(period: iso.Element) -> Iterator[tuple[str, str]]:
    """The times of day between which a report speaks, where they are not whole days, and what is no day."""
    for path, leaf in _below(period):
        value = iso.text(leaf)
        if value and iso.date_or_none(value) is None:
            yield f"FrToDt/{path}", value
        elif value[10:19] not in ("", "T00:00:00", "T23:59:59", "T24:00:00"):
            yield _TIMES.get(path, f"FrToDt/{path}"), value


def _summary(summary: iso.Element) -> Iterator[tuple[str, str]]:
    """The summary's sums by kind of entry; what it counts and sums of all entries is checked against them."""
    for child in summary:
        if child.tag == "TtlNtriesPerBkTxCd":
            yield "sum of a kind of entries", _said(child)
        elif child.tag not in ("TtlNtries", "TtlCdtNtries", "TtlDbtNtries"):
            yield f"TxsSummry/{child.tag}", _said(child)


def _below(element: iso.Element) -> Iterator[tuple[str, iso.Element]]:
    return iso.leaf_paths(element, set())


# --------------------------------------------------------------------------------------------------- a balance
_OF_BALANCE = frozenset({"Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry", "Amt", "CdtDbtInd", "Dt/Dt"})


def _balance(element: iso.Element) -> Iterator[tuple[str, str]]:
    for child in element:
        name = str(child.tag)
        if name in ("Amt", "CdtDbtInd") or (name in ("Tp", "Dt") and [each.tag for each in child] in _USUAL):
            continue
        kind = iso.first_text(element, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry")
        if name == "CdtLine":
            yield "credit line", f"{_said(child)}, of {kind}"
        elif name == "Avlbty":
            yield ("availability" if _at_once(child, element) else "available"), f"{_said(child)}, of {kind}"
        else:
            yield from _part_of_balance(child, name, kind)


#: What a balance's kind and day nearly always hold.
_USUAL = (["CdOrPrtry"], ["Dt"])


def _part_of_balance(child: iso.Element, name: str, kind: str) -> Iterator[tuple[str, str]]:
    for path, leaf in [(name, child)] if not len(child) else [(f"{name}/{path}", leaf) for path, leaf in _below(child)]:
        value = iso.text(leaf)
        if value and path == "Dt/DtTm":
            yield "time of the balance", f"{kind} {value}"
        elif value and path not in _OF_BALANCE:
            yield ("sub-kind of balance" if path.startswith("Tp/SubTp/") else f"Bal/{path}"), f"{value}, of {kind}"


def _at_once(funds: iso.Element, balance: iso.Element) -> bool:
    """Whether the whole balance is available at once, which says nothing new."""
    mark = iso.text(funds, "CdtDbtInd") or "CRDT"
    same = iso.text(funds, "Amt") == iso.text(balance, "Amt") and mark == (iso.text(balance, "CdtDbtInd") or "CRDT")
    day = iso.text(funds, "Dt/ActlDt")
    return same and (iso.text(funds, "Dt/NbOfDays").strip("+0") == "" if not day else day == iso.text(balance, "Dt/Dt"))


# ----------------------------------------------------------------------------------------- an element in words
#: What is said with a word before or after it, by the ends of paths.
_WORDED: Mapping[str, str] = {
    "NbOfDays": "in {} days",
    "FrDtTm": "from {}",
    "ToDtTm": "to {}",
    "Pctg": "{} %",
    "NbOfNtries": "{} entries",
    "Sum": "{} in sum",
    "TtlNetNtryAmt": "{} net",
    "Rsn": "because {}",
}
#: What says enough by itself.
_PLAIN = frozenset(("Cd", "Prtry", "Amt", "Dt", "DtTm", "ActlDt", "IBAN", "Ccy", "Nm", "SubFmlyCd"))
_MARKS: Mapping[tuple[str, str], str] = {
    ("CdtDbtInd", "CRDT"): "credit",
    ("CdtDbtInd", "DBIT"): "debit",
    **{("Incl", said): "included" for said in ("true", "1")},
    **{("Incl", said): "not included" for said in ("false", "0")},
}


def _said(element: iso.Element) -> str:
    """All texts of an element in one line: ``50000.00 EUR included``."""
    return " ".join(_worded(iso.leaf_paths(element, set())))


def _worded(leaves: Iterable[tuple[str, iso.Element]]) -> Iterator[str]:
    for path, leaf in leaves:
        if not (value := iso.text(leaf)):
            continue
        name, currency = path.rpartition("/")[2], currency_of(leaf)
        if (name, value) in _MARKS:
            yield _MARKS[name, value]
        elif name in _WORDED:
            yield _WORDED[name].format(value)
        else:
            yield " ".join(
                part for part in ("" if name in _PLAIN or path == "Id/Othr/Id" else path, value, currency) if part
            )


#: Children of a report that are read apart; those that a field carries whole, or that are no part of its head.
_CHILDREN: Mapping[str, Callable[[iso.Element], Iterator[tuple[str, str]]]] = {
    "Bal": _balance,
    "FrToDt": _period,
    "TxsSummry": _summary,
}
_PLAIN_CHILDREN = ("Ntry", "Id", "ElctrncSeqNb")
