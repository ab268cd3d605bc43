"""OFX and its brand names QFX and QBO: statements as home and office programs download them, read into objects.

Source: Open Financial Exchange 1.6 (SGML) and 2.2 (XML), chapter 11 (banking) and 13.9 (investment account statements,
of which the movements of cash are read). Both spellings are read by one scan, because programs mix them: closing tags
left out, headers missing, in comments, or lying about the character set.

The bank's id of a transaction (FITID) is the bank reference, its type the proprietary code, the payee the counterparty,
the memo the remittance. A sign that contradicts the type is believed and told; an id that stands twice is told. Pending
transactions are read as such. OFX gives a balance at the end and none at the beginning, so nothing can be proved. Written is
the XML spelling. It has no place for batches, structured references, mandates, charges or a counterparty's bank.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.everyday import decode, near_amount, one_line, signed_amount, signed_text
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.statements.proof import prove
from electra_kernel.vocabulary.money import is_currency
from electra_kernel.vocabulary.parties import Address, Party

#: A file of another kind may speak of OFX far down; its own begins with it, after a header of a few lines.
_HEAD = 8_192
_START = re.compile(rb"<\s*OFX\s*>", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_CHARSET = re.compile(rb"""(?:CHARSET:\s*|<\?xml[^>]{1,80}?encoding\s*=\s*["'])([A-Za-z0-9_-]{1,20})""", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([A-Za-z0-9_.]{1,64})\s*/?>([^<]*)")
_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_LONGEST = 10_000
_TITLES = {"STMTRS": "bank", "CCSTMTRS": "card", "INVSTMTRS": "investment"}
_BALANCES = {"LEDGERBAL": "CLBD", "AVAILBAL": "CLAV"}
#: Aggregates that hold what is read; every other tag is a value or is passed through.
_KNOWN = frozenset({*_TITLES, *_BALANCES, "STMTTRN", "STMTTRNP", "PAYEE", "CURRENCY", "ORIGCURRENCY"})
#: A transaction, and one that is still pending (OFX 2.2, section 11.4.2.3).
_TRANSACTIONS = ("STMTTRN", "STMTTRNP")
_ACCOUNTS = frozenset({"BANKACCTFROM", "CCACCTFROM", "INVACCTFROM", "BANKACCTTO", "CCACCTTO"})
#: Movements of securities: told, not read.
_SECURITIES = re.compile(r"(?:BUY|SELL|POS)(?:MF|STOCK|DEBT|OPT|OTHER)|INCOME|REINVEST|TRANSFER|CLOSUREOPT|JRNLSEC")
#: Kinds of transactions that say which way the money went.
_OUT, _IN = frozenset({"DEBIT", "DIRECTDEBIT"}), frozenset({"CREDIT", "DIRECTDEP"})
#: Kinds of transactions (section 11.4.4.3).
_TYPES = frozenset(
    (
        *("CREDIT", "DEBIT", "INT", "DIV", "FEE", "SRVCHG", "DEP", "ATM", "POS", "XFER", "CHECK", "PAYMENT", "CASH"),
        *("DIRECTDEP", "DIRECTDEBIT", "REPEATPMT", "HOLD", "OTHER"),
    )
)
_CODE_PAGES = (
    {page: f"cp{page}" for page in ("1250", "1251", "1252", "1253", "1254", "1255", "1256", "1257")}
    | {f"WINDOWS-{page}": f"cp{page}" for page in ("1250", "1251", "1252", "1253", "1254", "1257")}
    | {"8859-1": "cp1252", "ISO-8859-1": "cp1252", "8859-2": "iso8859-2", "ISO-8859-2": "iso8859-2"}
    | {"ISO-8859-15": "iso8859-15", "8859-15": "iso8859-15"}
)
_ASK = "Download the file again, or ask the bank for a corrected one."


def detect(data: bytes) -> bool:
    """Whether the bytes are OFX: its root element stands near the beginning, after nothing but a header."""
    head = data[: 2 * _HEAD].replace(b"\0", b"")[:_HEAD] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else data[:_HEAD]
    return _START.search(head) is not None


@dataclass(slots=True)
class _Values:
    """The values of one aggregate by path, such as ``PAYEE/NAME``; the first of each counts."""

    line: int
    texts: dict[str, str] = field(default_factory=dict)
    pending: bool = False

    def __getitem__(self, name: str) -> str:
        return self.texts.get(name, "")

    def first(self, *names: str) -> str:
        return next((self.texts[name] for name in names if self.texts.get(name)), "")


@dataclass(slots=True)
class _Account:
    """One statement as it stands in the file."""

    head: _Values
    kind: str
    entries: list[_Values] = field(default_factory=list)


def read(data: bytes, source: str) -> Reading:
    """Read a file into statements, one an account.

    Raises:
        UnreadableFile: no statement of an account is in it.
    """
    problems = Problems(source)
    declared = _CHARSET.search(data[:_HEAD])
    code_page = _CODE_PAGES.get(declared[1].decode().upper(), "cp1252") if declared else "cp1252"
    accounts = _scan(decode(data, problems, code_page), problems)
    if not accounts:
        raise unreadable(
            source, "incomplete", "The OFX file holds no statement.", "Download a statement, not a list.", field="OFX"
        )
    statements = [_statement(number, account, problems) for number, account in enumerate(accounts, 1)]
    for statement in statements:
        problems.extend(prove(statement, source))
    return Reading(format="OFX", statements=tuple(statements), problems=problems.rows())


# -------------------------------------------------------------------------------------------------------- scan
def _tags(text: str) -> Iterator[tuple[int, bool, str, str]]:
    """Line, whether it closes, name and value of every tag."""
    text = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
    line, done = 1, 0
    for match in _TAG.finditer(text):
        line += text.count("\n", done, match.start())
        done = match.start()
        value = html.unescape(" ".join(match[3][:_LONGEST].split()))
        yield line, match[1] == "/", match[2].upper(), value


class _Scan:
    """Follows the aggregates that are read, wherever they stand; knows nothing of the others."""

    def __init__(self, problems: Problems) -> None:
        self.accounts: list[_Account] = []
        self._problems = problems
        self._inside: list[str] = []
        self._account: _Account | None = None
        self._entry: _Values | None = None

    def tag(self, line: int, closes: bool, name: str, value: str) -> None:
        """Take one tag."""
        if name in _KNOWN or name in _ACCOUNTS:
            self._close(name) if closes else self._open(line, name)
        elif not closes and self._account is not None and _SECURITIES.fullmatch(name):
            self._problems.warn_once(
                "INVTRANLIST",
                "securities",
                "The file tells of securities too; the movements of cash are read only.",
                "Take them from the broker's own report.",
                line,
            )
        elif not closes and value:
            self._value(name, value)

    def end(self, line: int) -> None:
        """What is still open was cut off."""
        if self._entry is not None:
            self._cut(line)

    def _cut(self, line: int) -> None:
        self._problems.error(
            line, "STMTTRN", "truncated", "The file ends, or goes on, in the middle of a transaction.", _ASK
        )

    def _open(self, line: int, name: str) -> None:
        if name in _TITLES:
            self._account = _Account(_Values(line), _TITLES[name])
            self.accounts.append(self._account)
            self._inside, self._entry = [], None
        elif name in _TRANSACTIONS:
            if self._entry is not None:
                self._cut(line)
            self._entry = _Values(line, pending=name == "STMTTRNP")
            if self._account is not None:
                self._account.entries.append(self._entry)
            self._inside = []
        else:
            self._inside.append(name)

    def _close(self, name: str) -> None:
        if name in _TITLES:
            self._account = self._entry = None
        elif name in _TRANSACTIONS:
            self._entry = None
        elif name in self._inside:
            del self._inside[self._inside.index(name) :]

    def _value(self, name: str, value: str) -> None:
        if self._account is None:
            return
        path = "/".join((*self._inside, name))
        (self._entry or self._account.head).texts.setdefault(path, value)


def _scan(text: str, problems: Problems) -> list[_Account]:
    scan, line, closed = _Scan(problems), 1, False
    for line, closes, name, value in _tags(text):
        scan.tag(line, closes, name, value)
        closed = closes and name == "OFX"
    scan.end(line)
    if not closed:
        problems.error(line, "OFX", "truncated", "The file ends before it says that it is complete (</OFX>).", _ASK)
    return scan.accounts


# --------------------------------------------------------------------------------------------------- statement
def _statement(number: int, account: _Account, problems: Problems) -> Statement:
    head = account.head
    holder = next((f"{name}/" for name in sorted(_ACCOUNTS) if head[f"{name}/ACCTID"]), "")
    currency = head["CURDEF"].upper()
    if not is_currency(currency):
        problems.error(head.line, "CURDEF", "currency", f"{currency[:20]!r} is not a currency.", _ASK)
    if not holder:
        problems.error(head.line, "ACCTID", "missing", "The statement names no account.", _ASK)
    entries = (_entry(values, currency, problems) for values in account.entries)
    _tell_signs(account.entries, problems)
    _tell_repeated(account.entries, problems)
    start, end = _day(head["DTSTART"]), _day(head["DTEND"])
    return Statement(
        identification=f"{end:%Y%m%d}-{number}" if end else str(number),
        account=head[f"{holder}ACCTID"].replace(" ", ""),
        currency=currency,
        balances=tuple(_balances(head, currency, end, problems)),
        entries=tuple(entry for entry in entries if entry is not None),
        from_date=start,
        to_date=end,
    )


def _balances(head: _Values, currency: str, end: date | None, problems: Problems) -> Iterator[Balance]:
    for name, kind in _BALANCES.items():
        written = head[f"{name}/BALAMT"]
        amount, day = near_amount(written, head.line, name, problems), _day(head[f"{name}/DTASOF"]) or end
        if amount is not None and day is not None:
            yield Balance(kind=kind, amount=amount, currency=currency, date=day)
        elif written:
            wrong = "has no date" if amount is not None else "is no amount"
            problems.warn(head.line, name, "balance", f"The balance {written[:40]!r} {wrong}; it is left out.", _ASK)


def _tell_signs(entries: Sequence[_Values], problems: Problems) -> None:
    """Amounts whose sign says another direction than their kind; the sign counts (section 11.4.4.1)."""
    against = []
    for values in entries:
        amount, kind = signed_amount(values["TRNAMT"]) or 0, values["TRNTYPE"].upper()
        if (kind in _OUT and amount > 0) or (kind in _IN and amount < 0):
            against.append(values)
    if against:
        first = against[0]
        problems.warn(
            first.line,
            "TRNAMT",
            "sign",
            f"{len(against)} of {len(entries)} amounts, first {first['TRNAMT'][:20]} of a {first['TRNTYPE'][:20]}, have a sign "
            "that contradicts their kind; the sign was believed.",
            "Compare them with the bank's own statement.",
        )


def _tell_repeated(entries: Sequence[_Values], problems: Problems) -> None:
    """Ids (FITID) that stand more than once in one account's list, where each should be one transaction's alone."""
    first: dict[str, int] = {}
    again = [
        values
        for values in entries
        if values["FITID"] and first.setdefault(values["FITID"], values.line) != values.line
    ]
    if again:
        said = f"{len(again)} transactions have an id that stands before, first {again[0]['FITID'][:40]!r} of line "
        problems.warn(
            again[0].line,
            "FITID",
            "repeated-id",
            f"{said}{first[again[0]['FITID']]}; all of them are kept.",
            "Compare them with the bank's own statement: they may be told twice.",
        )


def _entry(values: _Values, currency: str, problems: Problems) -> Entry | None:
    amount = near_amount(values["TRNAMT"], values.line, "TRNAMT", problems)
    if amount is None:
        problems.error(
            values.line, "TRNAMT", "amount", f"{values['TRNAMT'][:40]!r} is no amount; the entry is left out.", _ASK
        )
        return None
    booked = _day(values.first("DTPOSTED", "DTTRAN", "DTUSER") if values.pending else values["DTPOSTED"])
    if booked is None:
        problems.error(values.line, "DTPOSTED", "date", f"{values['DTPOSTED'][:40]!r} is not a date.", _ASK)
    original = values["ORIGCURRENCY/CURSYM"].upper()
    entry = Entry(
        amount=amount,
        currency=_currency(values, currency),
        booking_date=booked,
        value_date=_day(values["DTAVAIL"]),
        status="PDNG" if values.pending else "BOOK",
        proprietary_code=values["TRNTYPE"],
        bank_reference=values["FITID"],
        entry_reference=values.first("CHECKNUM", "REFNUM"),
        original_currency=original,
        additional_information=_correction(values),
        position=values.line,
    )
    detail = EntryDetail(
        amount=amount,
        currency=entry.currency,
        counterparty=_counterparty(values),
        remittance=values["MEMO"],
        original_currency=original,
        exchange_rate=_rate(values["ORIGCURRENCY/CURRATE"]),
    )
    return replace(entry, details=(detail,))


def _currency(values: _Values, default: str) -> str:
    """The amount is in another currency than the account's where the entry says so (CURRENCY, section 5.2)."""
    own = values["CURRENCY/CURSYM"].upper()
    return own if is_currency(own) else default


def _counterparty(values: _Values) -> Party | None:
    name = values.first("PAYEE/NAME", "NAME", "EXTDNAME")
    account = values.first("BANKACCTTO/ACCTID", "CCACCTTO/ACCTID").replace(" ", "")
    if not name and not account:
        return None
    lines = tuple(values[f"PAYEE/ADDR{number}"] for number in (1, 2, 3) if values[f"PAYEE/ADDR{number}"])
    address = Address(
        post_code=values["PAYEE/POSTALCODE"],
        town=values["PAYEE/CITY"],
        country=values["PAYEE/COUNTRY"],
        lines=lines,
    )
    return Party(name=name, account=account, address=address)


def _correction(values: _Values) -> str:
    if not values["CORRECTFITID"]:
        return ""
    done = {"REPLACE": "replaces", "DELETE": "deletes"}.get(values["CORRECTACTION"].upper(), "corrects")
    return f"The bank {done} transaction {values['CORRECTFITID']} by this one."


def _rate(text: str) -> Decimal | None:
    found = re.fullmatch(r"[0-9]{1,8}(?:[.,][0-9]{1,10})?", text)
    return Decimal(text.replace(",", ".")) if found else None


def _day(text: str) -> date | None:
    """The day of ``YYYYMMDD``, ``YYYYMMDDHHMMSS.XXX[-5:EST]`` (section 3.2.8), as the bank's own calendar has it."""
    found = _DAY.match(text)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


# ------------------------------------------------------------------------------------------------------- write
def write(statements: Sequence[Statement], *, created: datetime) -> bytes:
    """Statements as OFX 2.2 in UTF-8, one response an account; cards and investments as bank accounts.

    Args:
        statements: what OFX cannot carry (see above) is left out.
        created: when the file is made.
    """
    out = [
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>',
        '<?OFX OFXHEADER="200" VERSION="220" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>',
        "<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>"
        f"{_leaf('DTSERVER', f'{created:%Y%m%d%H%M%S}')}<LANGUAGE>ENG</LANGUAGE></SONRS></SIGNONMSGSRSV1>",
        "<BANKMSGSRSV1>",
    ]
    for number, statement in enumerate(statements, 1):
        out += _written(number, statement)
    return "\n".join([*out, "</BANKMSGSRSV1></OFX>", ""]).encode()


def _written(number: int, statement: Statement) -> Iterator[str]:
    days = [entry.booking_date for entry in statement.entries if entry.booking_date is not None]
    start = statement.from_date or min(days, default=None)
    end = statement.to_date or max(days, default=None)
    yield (
        f"<STMTTRNRS>{_leaf('TRNUID', str(number))}<STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>"
        f"<STMTRS>{_leaf('CURDEF', statement.currency)}"
        f"<BANKACCTFROM>{_leaf('BANKID', statement.bank_bic)}{_leaf('ACCTID', statement.account)}"
        "<ACCTTYPE>CHECKING</ACCTTYPE></BANKACCTFROM>"
    )
    yield f"<BANKTRANLIST>{_leaf('DTSTART', _written_day(start))}{_leaf('DTEND', _written_day(end))}"
    for entry in statement.entries:
        yield _written_entry(entry, statement.currency)
    yield "</BANKTRANLIST>"
    for name, kind in _BALANCES.items():
        balance = statement.balance(kind)
        if balance is not None:
            amount, day = _leaf("BALAMT", signed_text(balance.amount)), _leaf("DTASOF", _written_day(balance.date))
            yield f"<{name}>{amount}{day}</{name}>"
    yield "</STMTRS></STMTTRNRS>"


def _written_entry(entry: Entry, account_currency: str) -> str:
    detail = entry.details[0] if len(entry.details) == 1 else EntryDetail()
    party = detail.counterparty or Party(name="")
    kind = entry.proprietary_code if entry.proprietary_code in _TYPES else "CREDIT" if entry.amount > 0 else "DEBIT"
    parts = [
        _leaf("TRNTYPE", kind),
        _leaf("DTPOSTED", _written_day(entry.booking_date)),
        _leaf("DTAVAIL", _written_day(entry.value_date)),
        _leaf("TRNAMT", signed_text(entry.amount)),
        _leaf("FITID", entry.bank_reference or detail.bank_reference),
        _leaf("CHECKNUM", entry.entry_reference),
        _leaf("NAME", party.name),
        f"<BANKACCTTO>{_leaf('ACCTID', party.account)}</BANKACCTTO>" if party.account else "",
        _leaf("MEMO", detail.remittance or entry.additional_information),
        f"<CURRENCY><CURRATE>1</CURRATE>{_leaf('CURSYM', entry.currency)}</CURRENCY>"
        if entry.currency != account_currency
        else "",
    ]
    return f"<STMTTRN>{''.join(parts)}</STMTTRN>"


def _leaf(name: str, value: str) -> str:
    text = html.escape(one_line(value), quote=False)
    return f"<{name}>{text}</{name}>" if text else ""


def _written_day(day: date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""
