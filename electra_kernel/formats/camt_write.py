"""Bank-to-customer reports written: camt.052, .053 and .054 in the versions whose schemas are spelled out here.

What lives here: one writer; what a version spells differently is a row of ``_SPELLINGS``. What a version cannot carry is
refused, never left out; only of what has no column (``others``) that is left out which has no element here and does not
fit into the additional text either.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from electra_kernel.formats import camt_reports, iso
from electra_kernel.formats.camt import NOBODY
from electra_kernel.formats.camt_messages import Message
from electra_kernel.statements.model import (
    NOTIFICATION,
    STATEMENT,
    Balance,
    Entry,
    EntryDetail,
    Others,
    Statement,
    in_words,
)
from electra_kernel.vocabulary.accounts import is_iban
from electra_kernel.vocabulary.errors import ElectraError


@dataclass(frozen=True, slots=True)
class _Spelling:
    """What a version spells in its own way.

    Attributes:
        bic: the element of a bank's code.
        coded: whether a status is a code element or plain text.
        wrapped: whether a party stands inside ``Pty``.
        charges: whether charges stand in records.
        amounts: of a payment: ``none`` has an amount with its mark, ``must`` has to have them, ``may`` can.
    """

    bic: str = "BICFI"
    coded: bool = False
    wrapped: bool = False
    charges: bool = True
    amounts: str = "must"


_SPELLINGS = {
    "02": _Spelling(bic="BIC", charges=False, amounts="none"),
    "04": _Spelling(),
    "06": _Spelling(),
    "08": _Spelling(coded=True, wrapped=True, amounts="may"),
    "10": _Spelling(coded=True, wrapped=True, amounts="may"),
}
NEWEST = "08"


def versions(message: Message) -> tuple[str, ...]:
    """The versions of a message that are written."""
    return tuple(f"{message.name}.001.{version}" for version in _SPELLINGS)


def write(
    message: Message, statements: Sequence[Statement], *, message_id: str, created: datetime, version: str = ""
) -> bytes:
    """Statements as one schema-valid document: UTF-8, one line, the same bytes for the same statements.

    Args:
        message: which message it becomes; what the statements were read from does not matter.
        statements: at least one. A statement (camt.053) needs balances.
        message_id: the message's id, at most 35 characters.
        created: when the message is made; also of statements that do not say so themselves.
        version: such as ``camt.053.001.02``; by default .08.

    Raises:
        ElectraError: an unknown version, no statement, a statement without balances, or what does not fit.
    """
    version = version or f"{message.name}.001.{NEWEST}"
    if version not in versions(message):
        raise ElectraError(f"{version!r} is not written.", repair=f"Use one of {', '.join(versions(message))}.")
    if not statements:
        raise ElectraError("There is no statement to write.", repair="Give at least one.")
    writer = _Writer(message, _SPELLINGS[version[-2:]])
    header = f"<GrpHdr>{iso.tag('MsgId', message_id, 35)}<CreDtTm>{iso.moment_text(created)}</CreDtTm></GrpHdr>"
    body = "".join([writer.statement(statement, created) for statement in statements])
    return iso.document(version, f"<{message.body}>{header}{body}</{message.body}>")


class _Writer:
    """Writes the reports of one message in one version."""

    def __init__(self, message: Message, spelling: _Spelling) -> None:
        self._message, self._spelling, self._bic = message, spelling, spelling.bic

    def statement(self, statement: Statement, created: datetime) -> str:
        self._check_balances(statement)
        tag, report = iso.tag, self._message.report
        sequence = "" if statement.sequence is None else f"<ElctrncSeqNb>{statement.sequence}</ElctrncSeqNb>"
        made = iso.moment_text(statement.created or created)
        owner = f"<Ownr>{tag('Nm', statement.owner, 140)}</Ownr>" if statement.owner else ""
        bank = (
            f"<Svcr><FinInstnId>{tag(self._bic, statement.bank_bic, 11)}</FinInstnId></Svcr>"
            if statement.bank_bic
            else ""
        )
        return (
            f"<{report}>{tag('Id', statement.identification or 'NOTPROVIDED', 35)}{sequence}<CreDtTm>{made}</CreDtTm>"
            f"{_period(statement)}<Acct><Id>{_account(statement.account)}</Id>{tag('Ccy', statement.currency, 3)}"
            f"{owner}{bank}</Acct>"
            + "".join([self._balance(balance) for balance in statement.balances])
            + "".join([self._entry(entry) for entry in statement.entries])
            + f"{tag(f'Addtl{report}Inf', _words(statement.additional_information, camt_reports.told(statement.others)), 500)}</{report}>"
        )

    def _check_balances(self, statement: Statement) -> None:
        if self._message.kind == STATEMENT and not statement.balances:
            raise ElectraError(
                f"Statement {statement.identification} has no balance.", repair="Give its opening and closing balance."
            )
        if self._message.kind == NOTIFICATION and statement.balances:
            raise ElectraError(
                f"Statement {statement.identification} has balances, which a {self._message.name} cannot carry.",
                repair="Write it as camt.052 or camt.053.",
            )

    def _balance(self, balance: Balance) -> str:
        return (
            f"<Bal><Tp><CdOrPrtry>{_kind(balance.kind)}</CdOrPrtry></Tp>{_amount('Amt', balance.amount, balance.currency)}"
            f"<CdtDbtInd>{_mark(balance.amount)}</CdtDbtInd><Dt><Dt>{balance.date.isoformat()}</Dt></Dt></Bal>"
        )

    def _entry(self, entry: Entry) -> str:
        tag = iso.tag
        status = f"<Cd>{iso.escape(entry.status)}</Cd>" if self._spelling.coded else iso.escape(entry.status)
        reversal = "<RvslInd>true</RvslInd>" if entry.reversal else ""
        booked = "" if entry.booking_date is None else f"<BookgDt><Dt>{entry.booking_date.isoformat()}</Dt></BookgDt>"
        valued = "" if entry.value_date is None else f"<ValDt><Dt>{entry.value_date.isoformat()}</Dt></ValDt>"
        details = "".join([self._detail(detail, entry) for detail in entry.details])
        return (
            f"<Ntry>{tag('NtryRef', entry.entry_reference, 35)}{_amount('Amt', entry.amount, entry.currency)}"
            f"<CdtDbtInd>{_mark(entry.amount)}</CdtDbtInd>{reversal}<Sts>{status}</Sts>{booked}{valued}"
            f"{tag('AcctSvcrRef', entry.bank_reference, 35)}{_bank_code(entry) or '<BkTxCd></BkTxCd>'}"
            f"{_amount_details(entry, entry)}"
            f"{self._charges(entry.charges, entry.currency)}"
            + (f"<NtryDtls>{details}</NtryDtls>" if details else "")
            + f"{tag('AddtlNtryInf', _words(entry.additional_information, entry.others), 500)}</Ntry>"
        )

    def _detail(self, detail: EntryDetail, entry: Entry) -> str:
        tag, currency = iso.tag, detail.currency or entry.currency
        others = _Named(detail.others)
        references = (
            f"{others.tag('MsgId', 'message')}{tag('AcctSvcrRef', detail.bank_reference, 35)}"
            f"{others.tag('PmtInfId', 'payment block')}{others.tag('InstrId', 'instruction')}"
            f"{tag('EndToEndId', detail.end_to_end_id, 35)}"
            f"{others.tag('UETR', 'UETR', _UETR) if self._spelling.coded else ''}{others.tag('TxId', 'transaction')}"
            f"{tag('MndtId', detail.mandate_id, 35)}{others.tag('ChqNb', 'cheque')}"
            f"{others.tag('ClrSysRef', 'clearing reference')}"
        )
        purpose = others.tag("Cd", "purpose", _CODE) or others.tag("Prtry", "purpose")
        reason = others.tag("Cd", "return reason", _CODE)
        amount, inside = self._detail_amount(detail, entry, currency)
        return (
            "<TxDtls>"
            + (f"<Refs>{references}</Refs>" if references else "")
            + f"{amount}{_amount_details(detail, entry, inside)}{_bank_code(detail)}{self._charges(detail.charges, currency)}{self._parties(detail, entry)}"
            + (f"<Purp>{purpose}</Purp>" if purpose else "")
            + _remittance(detail)
            + (f"<RtrInf><Rsn>{reason}</Rsn></RtrInf>" if reason else "")
            + f"{tag('AddtlTxInf', _words(detail.additional_information, others.rest()), 500)}</TxDtls>"
        )

    def _detail_amount(self, detail: EntryDetail, entry: Entry, currency: str) -> tuple[str, str]:
        """The payment's amount with its mark, or, where the version has no room for it, what goes into ``AmtDtls``."""
        if detail.amount is None:
            if self._spelling.amounts == "must":
                raise ElectraError(
                    "A payment without an amount cannot be written in this version.",
                    repair=f"Write it as {self._message.name}.001.{NEWEST}.",
                )
            return "", ""
        if self._spelling.amounts == "none":
            if (detail.amount < 0) != (entry.amount < 0):
                raise ElectraError(
                    "A payment with another sign than its entry cannot be written in this version.",
                    repair=f"Write it as {self._message.name}.001.{NEWEST}.",
                )
            return "", f"<TxAmt>{_amount('Amt', detail.amount, currency)}</TxAmt>"
        return f"{_amount('Amt', detail.amount, currency)}<CdtDbtInd>{_mark(detail.amount)}</CdtDbtInd>", ""

    def _charges(self, charges: Decimal | None, currency: str) -> str:
        if charges is None:
            return ""
        record = f"{_amount('Amt', charges, currency)}<CdtDbtInd>{_mark(charges)}</CdtDbtInd>"
        return f"<Chrgs><Rcrd>{record}</Rcrd></Chrgs>" if self._spelling.charges else f"<Chrgs>{record}</Chrgs>"

    def _parties(self, detail: EntryDetail, entry: Entry) -> str:
        side = "Dbtr" if (entry.amount >= 0) != entry.reversal else "Cdtr"
        party = detail.counterparty or NOBODY
        who = iso.tag("Nm", party.name, 140) + iso.address(party.address)
        creditor = ""
        if detail.creditor_id:
            creditor = f"<Id><PrvtId><Othr>{iso.tag('Id', detail.creditor_id, 35)}</Othr></PrvtId></Id>"
        account = f"<{side}Acct><Id>{_account(party.account)}</Id></{side}Acct>" if party.account else ""
        if side == "Dbtr":
            parties = self._party("Dbtr", who) + account + self._party("Cdtr", creditor)
        else:
            parties = self._party("Cdtr", who + creditor) + account
        agent = (
            f"<{side}Agt><FinInstnId>{iso.tag(self._bic, party.bic, 11)}</FinInstnId></{side}Agt>" if party.bic else ""
        )
        return (f"<RltdPties>{parties}</RltdPties>" if parties else "") + (
            f"<RltdAgts>{agent}</RltdAgts>" if agent else ""
        )

    def _party(self, side: str, inside: str) -> str:
        if not inside:
            return ""
        return f"<{side}><Pty>{inside}</Pty></{side}>" if self._spelling.wrapped else f"<{side}>{inside}</{side}>"


_CODE = re.compile("[A-Z0-9]{1,4}")
_UETR = re.compile("[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")
_TEXT = re.compile(r"(?=\S)[^\n\r\t]{1,35}(?<=\S)")


class _Named:
    """What has no column, taken name by name; ``rest`` is what nobody took."""

    def __init__(self, others: Others) -> None:
        self._others = list(others)

    def tag(self, element: str, name: str, pattern: re.Pattern[str] = _TEXT) -> str:
        """The first text of a name as an element, where it is one that the element takes."""
        for pair in self._others:
            if pair[0] == name and pattern.fullmatch(pair[1]):
                self._others.remove(pair)
                return iso.tag(element, pair[1])
        return ""

    def rest(self) -> Others:
        return tuple(self._others)


def _words(text: str, others: Others) -> str:
    """The additional text with as many of the others as it has room for."""
    while others and len(in_words(text, others)) > 500:
        others = others[:-1]
    return in_words(text, others)


def _amount_details(owner: Entry | EntryDetail, entry: Entry, inside: str = "") -> str:
    """``AmtDtls``: the original amount with its rate, ``inside``, and the rate alone where there is no original."""
    original, rate = "", ""
    if owner.exchange_rate is not None:
        source = iso.tag("SrcCcy", owner.original_currency or entry.currency, 3)
        rate = f"<CcyXchg>{source}<XchgRate>{owner.exchange_rate:f}</XchgRate></CcyXchg>"
    if owner.original_amount is not None:
        currency = owner.original_currency or entry.currency
        original, rate = f"<InstdAmt>{_amount('Amt', owner.original_amount, currency)}{rate}</InstdAmt>", ""
    alone = f"<CntrValAmt>{_amount('Amt', entry.amount, entry.currency)}{rate}</CntrValAmt>" if rate else ""
    amounts = f"{original}{inside}{alone}"
    return f"<AmtDtls>{amounts}</AmtDtls>" if amounts else ""


def _amount(name: str, amount: Decimal, currency: str) -> str:
    return f'<{name} Ccy="{iso.escape(currency)}">{iso.amount_text(abs(amount))}</{name}>'


def _mark(amount: Decimal) -> str:
    return "CRDT" if amount >= 0 else "DBIT"


def _kind(kind: str) -> str:
    known = len(kind) == 4 and kind.isupper()
    return iso.tag("Cd", kind, 4) if known else iso.tag("Prtry", kind or "NOTPROVIDED", 35)


def _account(account: str) -> str:
    return f"<IBAN>{account}</IBAN>" if is_iban(account) else f"<Othr>{iso.tag('Id', account, 34)}</Othr>"


def _period(statement: Statement) -> str:
    if statement.from_date is None or statement.to_date is None:
        return ""
    first, last = statement.from_date.isoformat(), statement.to_date.isoformat()
    return f"<FrToDt><FrDtTm>{first}T00:00:00</FrDtTm><ToDtTm>{last}T23:59:59</ToDtTm></FrToDt>"


def _bank_code(owner: Entry | EntryDetail) -> str:
    domain, proprietary = iso.domain(owner.bank_transaction_code), ""
    if owner.proprietary_code:
        proprietary = f"<Prtry>{iso.tag('Cd', owner.proprietary_code, 35)}</Prtry>"
    return f"<BkTxCd>{domain}{proprietary}</BkTxCd>" if domain or proprietary else ""


def _remittance(detail: EntryDetail) -> str:
    free = "".join([iso.tag("Ustrd", line, 140) for line in iso.lines_of(detail.remittance)])
    reference = iso.tag("Ref", detail.structured_reference, 35)
    structured = f"<Strd><CdtrRefInf>{reference}</CdtrRefInf></Strd>" if reference else ""
    return f"<RmtInf>{free}{structured}</RmtInf>" if free or structured else ""
