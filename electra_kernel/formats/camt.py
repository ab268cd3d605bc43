"""Bank-to-customer reports, read exactly: account report (camt.052), statement (camt.053), notification (camt.054).

What lives here: the one way to read the three messages, which differ in the names of their body and report only,
element by element after ISO 20022, and telling every oddity. The fast way into the ledger's columns is in
``camt_tables``; it hands every entry that is not plain back to ``read_entry``, so there is one rule for what an entry
says. The writer is in ``camt_write``. Every version is read, by local names, because banks mix them; the version only
names the reading.

What is read: the counterparty of a credit is the debtor and of a debit the creditor, the other way round for a
reversal; the ultimate party stands in where the party has no name. Free remittance texts, the numbers of the documents
it refers to, and the additional texts of structured remittance, are joined by a space, so are several creditor
references. What has no column is named beside the additional information (``camt_others``). Charges are signed like amounts: a charge is a debit unless the bank marks it as a credit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from lxml import etree

from electra_kernel.formats import camt_others, camt_reports, iso
from electra_kernel.formats.base import Problems, Reading
from electra_kernel.formats.camt_checks import check_batches, check_details, check_summary, figures_of
from electra_kernel.formats.camt_messages import MESSAGES, PUBLISHED, Message
from electra_kernel.formats.camt_others import currency_of
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.statements.proof import OPENING, continuity, prove
from electra_kernel.vocabulary.parties import Address, Party

_SIGNS = {"CRDT": 1, "DBIT": -1}
#: What the reversal mark says.
REVERSAL = {"": False, "false": False, "0": False, "true": True, "1": True}


def detect(message: Message, data: bytes) -> bool:
    """Whether the bytes hold this message, of any version."""
    return iso.head(data).body(message.body) is not None


# -------------------------------------------------------------------------------------------------------- read
def read(message: Message, data: bytes, source: str) -> Reading:
    """Read a file into statements, with the problems of its entries and of its proof.

    Several messages in one file are read as one; a message without a report is read, and told.

    Raises:
        UnreadableFile: not such a message, or broken so that nothing can be used.
    """
    problems, found = Problems(source), Problems(source)
    root = iso.parsed(data, source, problems)
    bodies = iso.bodies(root, source, message.body)
    version, *_ = [version_of(message, body, problems) for body in bodies]
    tell_others(message, root, problems)
    for body in bodies:
        iso.plain_names(body)
    elements = [element for body in bodies for element in body.findall(message.report)]
    headers = [header for body in bodies for header in headers_of(message, body)]
    entries = [element.findall("Ntry") for element in elements]
    places = iter(iso.offsets(data, "Ntry", sum(map(len, entries))))
    statements = []
    for element, own, header in zip(elements, entries, headers, strict=True):
        head = with_others(message, element, read_head(message, element, problems), header)
        read_ones = (read_entry(message, entry, head, next(places), found) for entry in own)
        statement = replace(head, entries=tuple(entry for entry in read_ones if entry is not None))
        statements.append(with_currency(statement, [entry.currency for entry in statement.entries]))
    tell_none(message, statements, problems)
    problems.extend(found.rows())
    for element, own, statement in zip(elements, entries, statements, strict=True):
        check_summary(message, element, statement.identification, len(own), figures_of(statement.entries), problems)
        camt_reports.tell(message, statement, problems)
        problems.extend(prove(statement, source))
    problems.extend(continuity(statements, source))
    return Reading(format=version, statements=tuple(statements), problems=problems.rows())


def version_of(message: Message, body: iso.Element, problems: Problems) -> str:
    """The version the file names; one that is not known, or not the message's, is told and read by its names."""
    version = iso.version_in(etree.QName(body.tag).namespace or "")
    if not version:
        iso.tell_unnamed(message.assumed, problems)
    elif not version.startswith(f"{message.name}.") or int(version[-2:]) not in PUBLISHED:
        problems.warn_once(
            "Document",
            "version",
            f"The file calls itself {version}, which is not known for a {message.body}; it was read by the names of its "
            "elements.",
            "Compare a few entries with the bank's own list.",
        )
    return version or message.assumed


def tell_others(message: Message, root: iso.Element, problems: Problems) -> None:
    """Tell the reports of another kind that stand in the same file and are not read with these."""
    for other in MESSAGES:
        if other is not message and (count := len(list(root.iter("{*}" + other.body)))):
            problems.error(
                None,
                other.body,
                "other-message",
                f"The file also holds {count} message{'s' * (count > 1)} {other.name}; only what is {message.name} was read.",
                "Split it into one file for each kind of message.",
            )


def tell_none(message: Message, statements: Sequence[Statement], problems: Problems) -> None:
    """Tell a message without a single report: it is whole, and says nothing."""
    if not statements:
        problems.error(
            None,
            message.body,
            "incomplete",
            f"The message holds no {message.kind}.",
            f"Fetch the {message.kind} again.",
        )


def headers_of(message: Message, body: iso.Element) -> list[iso.Element | None]:
    """For each report of a message the header whose words it carries: the first report the message's, the others none."""
    count = len(body.findall(message.report))
    return [body.find("GrpHdr"), *[None] * (count - 1)][:count]


def with_others(message: Message, element: iso.Element, head: Statement, header: iso.Element | None) -> Statement:
    """A report's head with what it says that has no field."""
    return replace(head, others=camt_reports.of_report(message, element, head, header))


def with_currency(statement: Statement, entries: Iterable[str]) -> Statement:
    """A statement whose account and balances name no currency takes its first entry's."""
    return statement if statement.currency else replace(statement, currency=next(iter(entries), ""))


def read_head(message: Message, element: iso.Element, problems: Problems) -> Statement:
    """What a report says beside its entries.

    Args:
        message: which of the messages it is.
        element: ``Stmt``, ``Rpt`` or ``Ntfctn``, with or without its entries.
        problems: takes what is odd.
    """
    identification = iso.text(element, "Id")
    balances = tuple(
        balance
        for child in element.findall("Bal")
        if (balance := _balance(message, child, element, problems)) is not None
    )
    account = iso.first_text(element, *_ACCOUNT)
    if not account:
        problems.error(
            None,
            f"{message.report}/Acct/Id",
            "missing",
            f"The {message.kind} {identification} names no account.",
            f"Ask the bank for a corrected {message.kind}.",
        )
    _check_order(message, element, problems)
    closing = next((balance.currency for balance in balances if balance.kind == "CLBD"), "")
    any_currency = next((balance.currency for balance in balances), "")
    return Statement(
        identification=identification,
        account=iso.compact(account) if iso.text(element, "Acct/Id/IBAN") else account,
        currency=iso.text(element, "Acct/Ccy") or closing or any_currency,
        balances=balances,
        entries=(),
        sequence=_sequence(message, element, problems),
        created=iso.moment_or_none(iso.text(element, "CreDtTm")),
        from_date=iso.date_or_none(iso.text(element, "FrToDt/FrDtTm")),
        to_date=iso.date_or_none(iso.text(element, "FrToDt/ToDtTm")),
        owner=iso.text(element, "Acct/Ownr/Nm"),
        bank_bic=iso.first_text(element, "Acct/Svcr/FinInstnId/BICFI", "Acct/Svcr/FinInstnId/BIC"),
        additional_information=iso.text(element, f"Addtl{message.report}Inf"),
        kind=message.kind,
    )


#: Where an account's number stands; the last two are those of version 1 and of accounts known by a proxy.
_ACCOUNT = ("Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/PrtryAcct/Id", "Acct/Prxy/Id")


def _sequence(message: Message, element: iso.Element, problems: Problems) -> int | None:
    written = iso.first_text(element, "ElctrncSeqNb", "LglSeqNb")
    if written.isascii() and written.isdigit() and len(written) <= 18:
        return int(written)
    if written:
        problems.warn_once(
            f"{message.report}/ElctrncSeqNb",
            "sequence",
            f"{written[:40]!r} is not a sequence number.",
            "Ask the bank about it.",
        )
    return None


def _check_order(message: Message, element: iso.Element, problems: Problems) -> None:
    names, highest = list(message.rank), 0
    for child in element:
        rank = message.rank.get(str(child.tag))
        if rank is None or child.tag == "Ntry":
            continue
        if rank < highest:
            problems.warn_once(
                f"{message.report}/{names[highest]}",
                "element-order",
                f"{names[highest]} stands before {child.tag}, which the schema puts first; it was read all the same.",
                "Nothing need be done; other programs may refuse the file.",
            )
        highest = max(highest, rank)


def _balance(message: Message, element: iso.Element, statement: iso.Element, problems: Problems) -> Balance | None:
    identification = iso.text(statement, "Id")
    kind = iso.first_text(element, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry")
    found, mark = element.find("Amt"), iso.text(element, "CdtDbtInd")
    amount, sign = amount_of(iso.text(found), mark, f"{message.report}/Bal/Amt", problems), _SIGNS.get(mark or "CRDT")
    day = _balance_day(message, element, statement, kind, problems)
    if amount is None or sign is None or day is None:
        problems.error(
            None,
            f"{message.report}/Bal",
            "balance-unreadable",
            f"The balance {kind} of the {message.kind} {identification} is left out: its amount {iso.text(found)[:40]!r}, mark "
            f"{mark[:10]!r} or date cannot be read.",
            f"Ask the bank for a corrected {message.kind}.",
        )
        return None
    if not mark:
        problems.warn_once(
            f"{message.report}/Bal/CdtDbtInd",
            "balance-mark",
            "A balance has no credit-debit mark; it counts as a credit.",
            "See whether it adds up; ask the bank about the mark.",
        )
    return Balance(kind=kind, amount=sign * amount, currency=currency_of(found), date=day)


def _balance_day(
    message: Message, element: iso.Element, statement: iso.Element, kind: str, problems: Problems
) -> date | None:
    """The balance's date; where the bank gives none, the end of the statement's period on its side."""
    written = iso.first_text(element, "Dt/Dt", "Dt/DtTm")
    if written:
        return iso.date_or_none(written)
    side = "FrToDt/FrDtTm" if kind in OPENING else "FrToDt/ToDtTm"
    day = iso.date_or_none(iso.first_text(statement, side, "CreDtTm"))
    if day is not None:
        problems.warn_once(
            f"{message.report}/Bal/Dt",
            "balance-date",
            "A balance has no date; it takes the statement's.",
            "Nothing need be done; ask the bank about the date.",
        )
    return day


def amount_of(written: str, mark: str, field: str, problems: Problems, place: int | None = None) -> Decimal | None:
    """An amount without its sign. A minus is none that ISO 20022 knows: it is read where a debit's mark says the same."""
    amount = iso.decimal_or_none(written)
    if amount is None and mark == "DBIT" and written.startswith("-"):
        amount = iso.decimal_or_none(written[1:])
        if amount is not None:
            problems.warn_once(
                field,
                "amount-sign",
                f"The amount {written[:40]} has a minus of its own beside the mark DBIT; it was taken for a debit.",
                "See whether the balances add up; ask the bank about the sign.",
                place,
            )
    return amount


# ------------------------------------------------------------------------------------------------- one booking
def read_entry(
    message: Message, element: iso.Element, head: Statement, place: int | None, problems: Problems
) -> Entry | None:
    """One booking, or ``None`` where its amount or its credit-debit mark cannot be read: a problem then keeps its text.

    Args:
        message: which of the messages it stands in.
        element: ``Ntry`` with plain local names.
        head: its statement, whose currency an amount has that names none.
        place: byte offset of the entry.
        problems: takes what is odd.
    """
    found, currency, account = element.find("Amt"), head.currency, head.account
    written, mark = iso.text(found), iso.text(element, "CdtDbtInd")
    amount, sign = amount_of(written, mark, f"{message.report}/Ntry/Amt", problems, place), _SIGNS.get(mark)
    if amount is None or sign is None:
        problems.error(
            place,
            f"{message.report}/Ntry/{'Amt' if amount is None else 'CdtDbtInd'}",
            "amount",
            f"An entry is left out: its amount {written[:40]!r} with the mark {mark[:10]!r} cannot be read.",
            f"Ask the bank for a corrected {message.kind}.",
        )
        return None
    reading = _EntryReading(message, place, problems)
    if not currency_of(found):
        reading.no_currency(currency)
    reversal = reading.flag(iso.text(element, "RvslInd"))
    whole = _Whole(sign, amount, currency_of(found), "Dbtr" if (sign > 0) != reversal else "Cdtr", account)
    details = tuple(_detail(detail, whole, reading) for detail in element.findall("NtryDtls/TxDtls"))
    original, original_currency = reading.original(element, sign)
    entry = Entry(
        amount=sign * amount,
        currency=currency_of(found) or currency,
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
        others=camt_others.of_entry(element, amount, currency_of(found)),
        details=details,
        position=place,
    )
    check_details(message, entry, problems)
    check_batches(message, element, place, problems)
    return entry


class _EntryReading:
    """Reads values of one entry and tells the ones that cannot be read."""

    def __init__(self, message: Message, place: int | None, problems: Problems) -> None:
        self._place, self._problems, self._path = place, problems, f"{message.report}/Ntry"

    def _odd(self, field: str, rule: str, value: str, so: str) -> None:
        self._problems.warn(
            self._place,
            f"{self._path}/{field}",
            rule,
            f"{value[:40]!r} cannot be read; {so}.",
            "Ask the bank about it.",
        )

    def no_currency(self, currency: str) -> None:
        so = f"it was taken to be {currency}, as the account is" if currency else "and neither does the account"
        self._problems.warn_once(
            f"{self._path}/Amt",
            "currency",
            f"An amount names no currency; {so}.",
            "Ask the bank about it.",
            self._place,
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

    def money(self, element: iso.Element | None, field: str, mark: str = "") -> Decimal | None:
        value = iso.text(element)
        amount = amount_of(value, mark, f"{self._path}/{field}", self._problems, self._place)
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
        return (None, "") if amount is None else (sign * amount, currency_of(found))

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
            (amount, self.sign(child, -1), currency_of(found))
            for child, found in records
            if (amount := self.money(found, "Chrgs/Amt")) is not None
        ]
        if not amounts:
            totals = [
                (child, self.money(child, "Chrgs/TtlChrgsAndTaxAmt"))
                for child in element.findall("Chrgs/TtlChrgsAndTaxAmt")
            ]
            amounts = [(amount, -1, currency_of(child)) for child, amount in totals if amount is not None]
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


@dataclass(frozen=True, slots=True)
class _Whole:
    """The entry that payments stand in: its sign and amount, which side the other party is on, and whose account it is."""

    sign: int
    amount: Decimal
    currency: str
    side: str
    account: str


def _detail(element: iso.Element, whole: _Whole, reading: _EntryReading) -> EntryDetail:
    sign = reading.sign(element, whole.sign)
    found = element.find("Amt")
    if not iso.text(found):
        found = element.find("AmtDtls/TxAmt/Amt")
    amount = reading.money(found, "NtryDtls/TxDtls/Amt", "DBIT" if sign < 0 else "")
    mandate = iso.text(element, "Refs/MndtId")
    creditor_id = iso.first_text(element, "RltdPties/Cdtr/Id/PrvtId/Othr/Id", "RltdPties/Cdtr/Pty/Id/PrvtId/Othr/Id")
    original, original_currency = reading.original(element, sign)
    free = [text for path in _FREE for text in iso.texts(element, path)]
    return EntryDetail(
        amount=None if amount is None else sign * amount,
        currency="" if amount is None else currency_of(found),
        counterparty=_counterparty(element, whole.side),
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
        others=camt_others.of_detail(
            element, ((whole.amount, whole.currency), (amount, currency_of(found))), whole.side, whole.account
        ),
    )


_FREE = ("RmtInf/Ustrd", "RmtInf/Strd/RfrdDocInf/Nb", "RmtInf/Strd/AddtlRmtInf")


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
    return party if party != NOBODY else None


#: A party of whom nothing is known.
NOBODY = Party(name="")


def _address(parties: iso.Element | None, side: str) -> Address:
    found = None
    if parties is not None:
        found = parties.find(f"{side}/PstlAdr")
        found = parties.find(f"{side}/Pty/PstlAdr") if found is None else found
    if found is None:
        return NOBODY.address
    return Address(
        street=iso.text(found, "StrtNm"),
        building=iso.text(found, "BldgNb"),
        post_code=iso.text(found, "PstCd"),
        town=iso.text(found, "TwnNm"),
        country=iso.text(found, "Ctry"),
        lines=tuple(iso.texts(found, "AdrLine")),
    )
