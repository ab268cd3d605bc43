"""Bank-to-customer statement, camt.053.001.02 and .08: read into objects, read into tables, written.

What lives here: the exact way (``read``), which follows ISO 20022 element by element and tells every oddity, and the
writer. The fast way into the ledger's columns is in ``camt053_tables``; it hands every entry that is not plain back to
``read_entry``, so there is one rule for what an entry says. Both versions are read by local names at once, because
banks mix them; the version only names the reading.

What is read: the counterparty of a credit is the debtor and of a debit the creditor, the other way round for a
reversal; the ultimate party stands in where the party has no name. Free remittance texts, and the additional texts of
structured remittance, are joined by a space, so are several creditor references. Charges are signed like amounts:
a charge is a debit unless the bank marks it as a credit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from electra_kernel.formats import iso
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.statements.proof import OPENING, continuity, prove
from electra_kernel.vocabulary.accounts import is_iban
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Address, Party

BODY = "BkToCstmrStmt"
VERSIONS = ("camt.053.001.02", "camt.053.001.08")

#: The schema's sequence of a statement's elements, both versions together.
_SEQUENCE = (
    *("Id", "StmtPgntn", "ElctrncSeqNb", "RptgSeq", "LglSeqNb", "CreDtTm", "FrToDt", "CpyDplctInd", "RptgSrc", "Acct"),
    *("RltdAcct", "Intrst", "Bal", "TxsSummry", "Ntry", "AddtlStmtInf"),
)
_RANK = {name: rank for rank, name in enumerate(_SEQUENCE)}
_SIGNS = {"CRDT": 1, "DBIT": -1}
#: What the reversal mark says.
REVERSAL = {"": False, "false": False, "0": False, "true": True, "1": True}


def detect(data: bytes) -> bool:
    """Whether the bytes hold a bank-to-customer statement of any version."""
    return iso.head(data).body(BODY) is not None


# -------------------------------------------------------------------------------------------------------- read
def read(data: bytes, source: str) -> Reading:
    """Read a file into statements, with the problems of its entries and of its proof.

    Raises:
        UnreadableFile: not such a message, or broken so that nothing can be used.
    """
    message = iso.parse_message(data, source, BODY, VERSIONS)
    problems, found = Problems(source), Problems(source)
    message.warn_unnamed(problems)
    elements = message.body.findall("Stmt")
    entries = [element.findall("Ntry") for element in elements]
    places = iter(iso.offsets(data, "Ntry", sum(map(len, entries))))
    statements = []
    for element, own in zip(elements, entries, strict=True):
        statement = read_head(element, len(own), problems)
        read_ones = (read_entry(entry, statement.currency, next(places), found) for entry in own)
        statement = replace(statement, entries=tuple(entry for entry in read_ones if entry is not None))
        statements.append(with_currency(statement, [entry.currency for entry in statement.entries]))
    check_any(statements, source)
    problems.extend(found.rows())
    for statement in statements:
        problems.extend(prove(statement, source))
    problems.extend(continuity(statements, source))
    return Reading(format=message.version, statements=tuple(statements), problems=problems.rows())


def check_any(statements: Sequence[Statement], source: str) -> None:
    """Refuse a message without a single statement."""
    if not statements:
        raise unreadable(
            source, "incomplete", "The message holds no statement.", "Fetch the statement again.", field=BODY
        )


def with_currency(statement: Statement, entries: Iterable[str]) -> Statement:
    """A statement whose account and balances name no currency takes its first entry's."""
    return statement if statement.currency else replace(statement, currency=next(iter(entries), ""))


def read_head(element: iso.Element, entries: int, problems: Problems) -> Statement:
    """What a statement says beside its entries.

    Args:
        element: ``Stmt``, with or without its entries.
        entries: how many entries it holds.
        problems: takes what is odd.
    """
    identification = iso.text(element, "Id")
    balances = tuple(
        balance for child in element.findall("Bal") if (balance := _balance(child, element, problems)) is not None
    )
    account = iso.first_text(element, "Acct/Id/IBAN", "Acct/Id/Othr/Id")
    if not account:
        problems.error(
            None,
            "Stmt/Acct/Id",
            "missing",
            f"Statement {identification} names no account.",
            "Ask the bank for a corrected statement.",
        )
    _check_order(element, problems)
    _check_count(element, identification, entries, problems)
    closing = next((balance.currency for balance in balances if balance.kind == "CLBD"), "")
    any_currency = next((balance.currency for balance in balances), "")
    return Statement(
        identification=identification,
        account=iso.compact(account) if iso.text(element, "Acct/Id/IBAN") else account,
        currency=iso.text(element, "Acct/Ccy") or closing or any_currency,
        balances=balances,
        entries=(),
        sequence=_sequence(element, problems),
        created=iso.moment_or_none(iso.text(element, "CreDtTm")),
        from_date=iso.date_or_none(iso.text(element, "FrToDt/FrDtTm")),
        to_date=iso.date_or_none(iso.text(element, "FrToDt/ToDtTm")),
        owner=iso.text(element, "Acct/Ownr/Nm"),
        bank_bic=iso.first_text(element, "Acct/Svcr/FinInstnId/BICFI", "Acct/Svcr/FinInstnId/BIC"),
        additional_information=iso.text(element, "AddtlStmtInf"),
    )


def _sequence(element: iso.Element, problems: Problems) -> int | None:
    written = iso.first_text(element, "ElctrncSeqNb", "LglSeqNb")
    if written.isascii() and written.isdigit() and len(written) <= 18:
        return int(written)
    if written:
        problems.warn_once(
            "Stmt/ElctrncSeqNb", "sequence", f"{written[:40]!r} is not a sequence number.", "Ask the bank about it."
        )
    return None


def _check_order(element: iso.Element, problems: Problems) -> None:
    highest = 0
    for child in element:
        rank = _RANK.get(str(child.tag))
        if rank is None or child.tag == "Ntry":
            continue
        if rank < highest:
            problems.warn_once(
                f"Stmt/{_SEQUENCE[highest]}",
                "element-order",
                f"{_SEQUENCE[highest]} stands before {child.tag}, which the schema puts first; it was read all the same.",
                "Nothing need be done; other programs may refuse the file.",
            )
        highest = max(highest, rank)


def _check_count(element: iso.Element, identification: str, entries: int, problems: Problems) -> None:
    said = iso.text(element, "TxsSummry/TtlNtries/NbOfNtries")
    if said and said.isdigit() and int(said) != entries:
        problems.error(
            None,
            "Stmt/TxsSummry/TtlNtries/NbOfNtries",
            "entry-count",
            f"Statement {identification} says it has {said[:15]} entries and holds {entries}.",
            "Ask the bank for the whole statement.",
        )


def _balance(element: iso.Element, statement: iso.Element, problems: Problems) -> Balance | None:
    identification = iso.text(statement, "Id")
    kind = iso.first_text(element, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry")
    found, mark = element.find("Amt"), iso.text(element, "CdtDbtInd")
    amount, sign = iso.decimal_or_none(iso.text(found)), _SIGNS.get(mark or "CRDT")
    day = _balance_day(element, statement, kind, problems)
    if amount is None or sign is None or day is None:
        problems.error(
            None,
            "Stmt/Bal",
            "balance-unreadable",
            f"The balance {kind} of statement {identification} is left out: its amount {iso.text(found)[:40]!r}, mark "
            f"{mark[:10]!r} or date cannot be read.",
            "Ask the bank for a corrected statement.",
        )
        return None
    if not mark:
        problems.warn_once(
            "Stmt/Bal/CdtDbtInd",
            "balance-mark",
            "A balance has no credit-debit mark; it counts as a credit.",
            "See whether the statement adds up; ask the bank about the mark.",
        )
    return Balance(kind=kind, amount=sign * amount, currency=_currency(found), date=day)


def _balance_day(element: iso.Element, statement: iso.Element, kind: str, problems: Problems) -> date | None:
    """The balance's date; where the bank gives none, the end of the statement's period on its side."""
    written = iso.first_text(element, "Dt/Dt", "Dt/DtTm")
    if written:
        return iso.date_or_none(written)
    side = "FrToDt/FrDtTm" if kind in OPENING else "FrToDt/ToDtTm"
    day = iso.date_or_none(iso.first_text(statement, side, "CreDtTm"))
    if day is not None:
        problems.warn_once(
            "Stmt/Bal/Dt",
            "balance-date",
            "A balance has no date; it takes the statement's.",
            "Nothing need be done; ask the bank about the date.",
        )
    return day


def _currency(amount: iso.Element | None) -> str:
    return "" if amount is None else str(amount.get("Ccy", "")).strip(" \t\r\n")


# ------------------------------------------------------------------------------------------------- one booking
def read_entry(element: iso.Element, currency: str, place: int | None, problems: Problems) -> Entry | None:
    """One booking, or ``None`` where its amount or its credit-debit mark cannot be read: a problem then keeps its text.

    Args:
        element: ``Ntry`` with plain local names.
        currency: the account's, for an amount that names none.
        place: byte offset of the entry.
        problems: takes what is odd.
    """
    found = element.find("Amt")
    written, mark = iso.text(found), iso.text(element, "CdtDbtInd")
    amount, sign = iso.decimal_or_none(written), _SIGNS.get(mark)
    if amount is None or sign is None:
        problems.error(
            place,
            "Stmt/Ntry/Amt" if amount is None else "Stmt/Ntry/CdtDbtInd",
            "amount",
            f"An entry is left out: its amount {written[:40]!r} with the mark {mark[:10]!r} cannot be read.",
            "Ask the bank for a corrected statement.",
        )
        return None
    reading = _EntryReading(place, problems)
    reversal = reading.flag(iso.text(element, "RvslInd"))
    debtor_is_other = (sign > 0) != reversal
    details = tuple(_detail(detail, sign, debtor_is_other, reading) for detail in element.findall("NtryDtls/TxDtls"))
    original, original_currency = reading.original(element, sign)
    entry = Entry(
        amount=sign * amount,
        currency=_currency(found) or currency,
        booking_date=reading.day(element, "BookgDt"),
        value_date=reading.day(element, "ValDt"),
        status=reading.status(element),
        reversal=reversal,
        bank_transaction_code=_code(element),
        proprietary_code=iso.text(element, "BkTxCd/Prtry/Cd"),
        bank_reference=iso.text(element, "AcctSvcrRef"),
        entry_reference=iso.text(element, "NtryRef"),
        original_amount=original,
        original_currency=original_currency,
        exchange_rate=reading.rate(element),
        charges=reading.charges(element),
        additional_information=iso.text(element, "AddtlNtryInf"),
        details=details,
        position=place,
    )
    _check_details(entry, problems)
    return entry


class _EntryReading:
    """Reads values of one entry and tells the ones that cannot be read."""

    def __init__(self, place: int | None, problems: Problems) -> None:
        self._place, self._problems = place, problems

    def _odd(self, field: str, rule: str, value: str, so: str) -> None:
        self._problems.warn(
            self._place, f"Stmt/Ntry/{field}", rule, f"{value[:40]!r} cannot be read; {so}.", "Ask the bank about it."
        )

    def flag(self, value: str) -> bool:
        if value not in REVERSAL:
            self._odd("RvslInd", "boolean", value, "the entry counts as no reversal")
        return REVERSAL.get(value, False)

    def day(self, element: iso.Element, name: str) -> date | None:
        value = iso.first_text(element, f"{name}/Dt", f"{name}/DtTm")
        day = iso.date_or_none(value)
        if value and day is None:
            self._odd(name, "date", value, "the date is left out")
        return day

    def status(self, element: iso.Element) -> str:
        status = iso.first_text(element, "Sts/Cd", "Sts", "Sts/Prtry")
        if not status:
            self._odd("Sts", "status", status, "the entry counts as booked")
        return status or "BOOK"

    def money(self, element: iso.Element | None, field: str) -> Decimal | None:
        value = iso.text(element)
        amount = iso.decimal_or_none(value)
        if value and amount is None:
            self._odd(field, "amount", value, "the amount is left out")
        return amount

    def sign(self, element: iso.Element, otherwise: int) -> int:
        mark = iso.text(element, "CdtDbtInd")
        if mark and mark not in _SIGNS:
            self._odd("NtryDtls/TxDtls/CdtDbtInd", "amount", mark, "the payment is signed like its entry")
        return _SIGNS.get(mark, otherwise)

    def original(self, element: iso.Element, sign: int) -> tuple[Decimal | None, str]:
        found = element.find("AmtDtls/InstdAmt/Amt")
        amount = self.money(found, "AmtDtls/InstdAmt/Amt")
        return (None, "") if amount is None else (sign * amount, _currency(found))

    def rate(self, element: iso.Element) -> Decimal | None:
        value = iso.first_text(
            element,
            "AmtDtls/InstdAmt/CcyXchg/XchgRate",
            "AmtDtls/TxAmt/CcyXchg/XchgRate",
            "AmtDtls/CntrValAmt/CcyXchg/XchgRate",
        )
        rate = iso.rate_or_none(value)
        if value and rate is None:
            self._odd("AmtDtls/CcyXchg/XchgRate", "rate", value, "the rate is left out")
        return rate

    def charges(self, element: iso.Element) -> Decimal | None:
        """Σ of the records; the total where the bank gives no records. ``None`` where they name several currencies."""
        records = [(child, child.find("Amt")) for child in [*element.findall("Chrgs"), *element.findall("Chrgs/Rcrd")]]
        amounts = [
            (amount, self.sign(child, -1), _currency(found))
            for child, found in records
            if (amount := self.money(found, "Chrgs/Amt")) is not None
        ]
        if not amounts:
            totals = [
                (child, self.money(child, "Chrgs/TtlChrgsAndTaxAmt"))
                for child in element.findall("Chrgs/TtlChrgsAndTaxAmt")
            ]
            amounts = [(amount, -1, _currency(child)) for child, amount in totals if amount is not None]
        if len({currency for _, _, currency in amounts}) > 1:
            self._odd("Chrgs", "charges-currency", "charges in several currencies", "they are left out")
            return None
        total = sum((sign * amount for amount, sign, _ in amounts), Decimal(0))
        if iso.decimal_or_none(f"{abs(total):f}") is None:
            self._odd("Chrgs", "charges", f"{total:f}", "the charges are left out")
            return None
        return total if amounts else None


def _code(element: iso.Element) -> str:
    parts = ("BkTxCd/Domn/Cd", "BkTxCd/Domn/Fmly/Cd", "BkTxCd/Domn/Fmly/SubFmlyCd")
    return "-".join(part for path in parts if (part := iso.text(element, path)))


def _detail(element: iso.Element, entry_sign: int, debtor_is_other: bool, reading: _EntryReading) -> EntryDetail:
    sign = reading.sign(element, entry_sign)
    found = element.find("Amt")
    if not iso.text(found):
        found = element.find("AmtDtls/TxAmt/Amt")
    amount = reading.money(found, "NtryDtls/TxDtls/Amt")
    mandate = iso.text(element, "Refs/MndtId")
    creditor_id = iso.first_text(element, "RltdPties/Cdtr/Id/PrvtId/Othr/Id", "RltdPties/Cdtr/Pty/Id/PrvtId/Othr/Id")
    original, original_currency = reading.original(element, sign)
    free = iso.texts(element, "RmtInf/Ustrd") + iso.texts(element, "RmtInf/Strd/AddtlRmtInf")
    return EntryDetail(
        amount=None if amount is None else sign * amount,
        currency="" if amount is None else _currency(found),
        counterparty=_counterparty(element, "Dbtr" if debtor_is_other else "Cdtr"),
        remittance=" ".join(free),
        structured_reference=" ".join(iso.texts(element, "RmtInf/Strd/CdtrRefInf/Ref")),
        end_to_end_id=iso.text(element, "Refs/EndToEndId"),
        mandate_id=mandate,
        # The creditor's private id is a SEPA creditor id only where a mandate stands beside it.
        creditor_id=creditor_id if mandate else "",
        bank_reference=iso.text(element, "Refs/AcctSvcrRef"),
        bank_transaction_code=_code(element),
        proprietary_code=iso.text(element, "BkTxCd/Prtry/Cd"),
        original_amount=original,
        original_currency=original_currency,
        exchange_rate=reading.rate(element),
        charges=reading.charges(element),
        additional_information=iso.text(element, "AddtlTxInf"),
    )


def _counterparty(element: iso.Element, side: str) -> Party | None:
    parties = element.find("RltdPties")
    iban, other = iso.text(parties, f"{side}Acct/Id/IBAN"), iso.text(parties, f"{side}Acct/Id/Othr/Id")
    party = Party(
        name=iso.first_text(
            parties,
            *(f"{side}/Nm", f"{side}/Pty/Nm", f"{side}/Agt/FinInstnId/Nm", f"Ultmt{side}/Nm", f"Ultmt{side}/Pty/Nm"),
        ),
        account=iso.compact(iban) or other,
        bic=iso.first_text(element, f"RltdAgts/{side}Agt/FinInstnId/BICFI", f"RltdAgts/{side}Agt/FinInstnId/BIC"),
        address=_address(parties, side),
    )
    return party if party != _NOBODY else None


_NOBODY = Party(name="")


def _address(parties: iso.Element | None, side: str) -> Address:
    found = None
    if parties is not None:
        found = parties.find(f"{side}/PstlAdr")
        found = parties.find(f"{side}/Pty/PstlAdr") if found is None else found
    if found is None:
        return _NOBODY.address
    return Address(
        street=iso.text(found, "StrtNm"),
        building=iso.text(found, "BldgNb"),
        post_code=iso.text(found, "PstCd"),
        town=iso.text(found, "TwnNm"),
        country=iso.text(found, "Ctry"),
        lines=tuple(iso.texts(found, "AdrLine")),
    )


def _check_details(entry: Entry, problems: Problems) -> None:
    """Σ details must be the entry's amount, before or after charges, where every detail gives one in its currency."""
    amounts = [detail.amount for detail in entry.details if detail.currency in ("", entry.currency)]
    if not entry.details or len(amounts) != len(entry.details) or None in amounts:
        return
    total = sum((amount for amount in amounts if amount is not None), Decimal(0))
    charges = [entry.charges, *(detail.charges for detail in entry.details)]
    known = sum((charge for charge in charges if charge is not None), Decimal(0))
    if entry.amount not in (total, total + known, total - known):
        problems.warn(
            entry.position,
            "Stmt/Ntry/NtryDtls/TxDtls/Amt",
            "details-sum",
            f"The payments of the entry make {total}, the entry says {entry.amount}.",
            "Compare with the bank's own list of the batch.",
        )


# ------------------------------------------------------------------------------------------------------- write
def write(
    statements: Sequence[Statement], *, message_id: str, created: datetime, version: str = "camt.053.001.08"
) -> bytes:
    """Statements as one schema-valid document: UTF-8, one line, the same bytes for the same statements.

    Raises:
        ElectraError: an unknown version, no statement, a statement without balances, or a text that does not fit.
    """
    if version not in VERSIONS:
        raise ElectraError(f"{version!r} is not written.", repair=f"Use one of {', '.join(VERSIONS)}.")
    if not statements:
        raise ElectraError("There is no statement to write.", repair="Give at least one.")
    writer = _Writer(modern=version == VERSIONS[1])
    header = f"<GrpHdr>{iso.tag('MsgId', message_id, 35)}<CreDtTm>{iso.moment_text(created)}</CreDtTm></GrpHdr>"
    body = "".join([writer.statement(statement, created) for statement in statements])
    return iso.document(version, f"<{BODY}>{header}{body}</{BODY}>")


class _Writer:
    """Spells one version: ``modern`` is .08, otherwise .02."""

    def __init__(self, *, modern: bool) -> None:
        self._modern = modern
        self._bic = "BICFI" if modern else "BIC"

    def statement(self, statement: Statement, created: datetime) -> str:
        if not statement.balances:
            raise ElectraError(
                f"Statement {statement.identification} has no balance.", repair="Give its opening and closing balance."
            )
        tag = iso.tag
        sequence = "" if statement.sequence is None else f"<ElctrncSeqNb>{statement.sequence}</ElctrncSeqNb>"
        made = iso.moment_text(statement.created or created)
        owner = f"<Ownr>{tag('Nm', statement.owner, 140)}</Ownr>" if statement.owner else ""
        bank = (
            f"<Svcr><FinInstnId>{tag(self._bic, statement.bank_bic, 11)}</FinInstnId></Svcr>"
            if statement.bank_bic
            else ""
        )
        return (
            f"<Stmt>{tag('Id', statement.identification or 'NOTPROVIDED', 35)}{sequence}<CreDtTm>{made}</CreDtTm>"
            f"{_period(statement)}<Acct><Id>{_account(statement.account)}</Id>{tag('Ccy', statement.currency, 3)}"
            f"{owner}{bank}</Acct>"
            + "".join([self._balance(balance) for balance in statement.balances])
            + "".join([self._entry(entry) for entry in statement.entries])
            + f"{tag('AddtlStmtInf', statement.additional_information, 500)}</Stmt>"
        )

    def _balance(self, balance: Balance) -> str:
        return (
            f"<Bal><Tp><CdOrPrtry>{_kind(balance.kind)}</CdOrPrtry></Tp>{_amount('Amt', balance.amount, balance.currency)}"
            f"<CdtDbtInd>{_mark(balance.amount)}</CdtDbtInd><Dt><Dt>{balance.date.isoformat()}</Dt></Dt></Bal>"
        )

    def _entry(self, entry: Entry) -> str:
        tag = iso.tag
        status = f"<Cd>{iso.escape(entry.status)}</Cd>" if self._modern else iso.escape(entry.status)
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
            + f"{tag('AddtlNtryInf', entry.additional_information, 500)}</Ntry>"
        )

    def _detail(self, detail: EntryDetail, entry: Entry) -> str:
        tag, currency = iso.tag, detail.currency or entry.currency
        references = (
            f"{tag('AcctSvcrRef', detail.bank_reference, 35)}{tag('EndToEndId', detail.end_to_end_id, 35)}"
            f"{tag('MndtId', detail.mandate_id, 35)}"
        )
        if detail.amount is not None and not self._modern and (detail.amount < 0) != (entry.amount < 0):
            raise ElectraError(
                "A payment with another sign than its entry cannot be written in this version.",
                repair=f"Write it as {VERSIONS[1]}.",
            )
        amount = inside = ""
        if detail.amount is not None and self._modern:
            amount = f"{_amount('Amt', detail.amount, currency)}<CdtDbtInd>{_mark(detail.amount)}</CdtDbtInd>"
        elif detail.amount is not None:
            inside = f"<TxAmt>{_amount('Amt', detail.amount, currency)}</TxAmt>"
        return (
            "<TxDtls>"
            + (f"<Refs>{references}</Refs>" if references else "")
            + f"{amount}{_amount_details(detail, entry, inside)}{_bank_code(detail)}{self._charges(detail.charges, currency)}{self._parties(detail, entry)}"
            + f"{_remittance(detail)}{tag('AddtlTxInf', detail.additional_information, 500)}</TxDtls>"
        )

    def _charges(self, charges: Decimal | None, currency: str) -> str:
        if charges is None:
            return ""
        record = f"{_amount('Amt', charges, currency)}<CdtDbtInd>{_mark(charges)}</CdtDbtInd>"
        return f"<Chrgs><Rcrd>{record}</Rcrd></Chrgs>" if self._modern else f"<Chrgs>{record}</Chrgs>"

    def _parties(self, detail: EntryDetail, entry: Entry) -> str:
        side = "Dbtr" if (entry.amount >= 0) != entry.reversal else "Cdtr"
        party = detail.counterparty or _NOBODY
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
        return f"<{side}><Pty>{inside}</Pty></{side}>" if self._modern else f"<{side}>{inside}</{side}>"


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
    domain, proprietary = "", ""
    if owner.bank_transaction_code:
        # The schema wants all three parts; NTAV is ISO's word for a part that is not available.
        codes = [iso.escape(code) for code in [*owner.bank_transaction_code.split("-"), "NTAV", "NTAV"]]
        family = f"<Fmly><Cd>{codes[1]}</Cd><SubFmlyCd>{codes[2]}</SubFmlyCd></Fmly>"
        domain = f"<Domn><Cd>{codes[0]}</Cd>{family}</Domn>"
    if owner.proprietary_code:
        proprietary = f"<Prtry>{iso.tag('Cd', owner.proprietary_code, 35)}</Prtry>"
    return f"<BkTxCd>{domain}{proprietary}</BkTxCd>" if domain or proprietary else ""


def _remittance(detail: EntryDetail) -> str:
    free = "".join([iso.tag("Ustrd", line, 140) for line in iso.lines_of(detail.remittance)])
    reference = iso.tag("Ref", detail.structured_reference, 35)
    structured = f"<Strd><CdtrRefInf>{reference}</CdtrRefInf></Strd>" if reference else ""
    return f"<RmtInf>{free}{structured}</RmtInf>" if free or structured else ""
