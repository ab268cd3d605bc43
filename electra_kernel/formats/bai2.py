"""BAI2 cash management balance reporting: read into objects and written.

Sources: BAI, Cash Management Balance Reporting Specifications version 2; ASC X9.121. Records of comma-separated fields
end with ``/``; record 88 goes on with the one before. Amounts are whole numbers of the currency's smallest unit; the
three digits of a type code say what they are: 010 to 099 balances, 100 to 399 credits, 400 to 699 debits, 720 to 759 and
760 to 799 what a loan gets and gives, 920 to 959 and 960 to 999 the bank's own credits and debits. The type code is the
entry's proprietary code, the text its remittance. Sums and counts of records 49, 98 and 99 are checked.

Where the physical records are of a fixed length, several stand in one line with blanks between them: they are read as
well. A line without a code goes on with the text of the record before it, where that has not ended.
"""

from __future__ import annotations

import re
import textwrap
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from electra_kernel.formats.base import Problems, Reading, proved, unreadable
from electra_kernel.formats.everyday import decode, one_line
from electra_kernel.statements.model import REPORT, STATEMENT, Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import MAX_INTEGER_DIGITS, currency_decimals, is_currency

_START = re.compile(rb"[\s\xef\xbb\xbf]*01 *,[^\n]{0,200},[^\n]{0,40}/")
_NUMBER = re.compile(r"([+-]?)([0-9]{1,18})")
#: Type codes of balances that the ledger keeps, by their ISO 20022 kinds.
BALANCES = {"010": "OPBD", "015": "CLBD", "030": "ITBD", "040": "OPAV", "045": "CLAV", "060": "ITAV"}
#: Type codes of the sums of all credits and all debits of an account.
_SUMS = {"100": 1, "400": -1}
_CREDIT = (range(100, 400), range(720, 760), range(920, 960))
_DEBIT = (range(400, 700), range(760, 800), range(960, 1000))
#: The end of a physical record and what fills it up, where another one follows in the same line.
_NEXT = re.compile(
    r"/[ \t]+(?=(?:01|02|98|99),[^,/]*,|03,[^,/]*,[A-Za-z]{0,3},|16,[0-9]{3},|49,[+-]?[0-9]*,[0-9]+ */|88,)"
)
_CODED = re.compile("[0-9]{2}(?:,|/|$)")
#: No amount of money: the record is a text.
_TEXT_ONLY = "890"
#: As-of-date modifiers of interim reports (section on record 02).
_INTERIM = frozenset({"1", "3"})
_GROUP_STATUS = {"2": "deletes an earlier report", "3": "corrects an earlier report", "4": "is a test"}
#: Groups that name no currency are in this one (specification, record 02).
_DEFAULT_CURRENCY = "USD"
_CENTURY = 70
_ASK = "Fetch the file again, or ask the bank for a corrected one."


def detect(data: bytes) -> bool:
    """Whether the bytes begin with the file header of BAI2."""
    return _START.match(data[:512]) is not None


@dataclass(slots=True)
class _Record:
    """One record with those that go on with it: its fields, the text of its last ones kept with their commas."""

    line: int
    code: str
    parts: list[str]
    #: Physical records it is made of.
    count: int = 1

    def fields(self) -> deque[str]:
        """The fields of all parts."""
        return deque(value.strip() for part in self.parts for value in part.split(","))


@dataclass(slots=True)
class _Sums:
    """What trailers are compared with."""

    total: int = 0
    records: int = 0
    members: int = 0


@dataclass(slots=True)
class _Group:
    status: str
    day: date | None
    currency: str
    interim: bool
    sums: _Sums = field(default_factory=_Sums)


@dataclass(slots=True)
class _Account:
    line: int
    number: str
    currency: str
    balances: list[Balance] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    reported: dict[int, tuple[int, int | None]] = field(default_factory=dict)
    sums: _Sums = field(default_factory=_Sums)


# -------------------------------------------------------------------------------------------------------- read
def read(data: bytes, source: str) -> Reading:
    """Read a file into statements, one for each account and day.

    Raises:
        UnreadableFile: it names no account.
    """
    problems = Problems(source)
    reader = _Reader(problems)
    for record in _records(decode(data, problems), problems):
        reader.take(record)
    reader.end()
    if not reader.statements:
        raise unreadable(source, "incomplete", "The BAI2 file names no account.", _ASK)
    return proved("BAI2", reader.statements, problems)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Physical records that are not blank, with the lines they stand in."""
    for line, raw in enumerate(text.splitlines(), 1):
        start = 0
        for found in _NEXT.finditer(raw):
            yield line, raw[start : found.start() + 1].strip()
            start = found.end()
        if last := raw[start:].strip():
            yield line, last


def _records(text: str, problems: Problems) -> Iterator[_Record]:
    record: _Record | None = None
    ended = True
    for line, raw in _lines(text):
        code, _, rest = raw.partition(",")
        code = code.strip().rstrip("/")
        if code in _Reader.CODES:
            if record is not None:
                yield record
            record = _Record(line, code, [rest.removesuffix("/")])
        elif record is not None and code == "88":
            record.parts.append(rest.removesuffix("/"))
            record.count += 1
        elif record is not None and not ended and record.code == "16" and _CODED.match(raw) is None:
            record.parts.append(raw.removesuffix("/"))
            said = "The line has no code; it was read as more of the text before it."
            problems.warn_once("record", "line-break", said, "Compare the text with the bank's.", line)
        else:
            problems.error(line, "record", "record", f"A record {code[:10]!r} is none of BAI2; it is left out.", _ASK)
        ended = raw.endswith("/")
    if record is not None:
        yield record


class _Reader:
    """Follows a file: groups, their accounts, the accounts' transactions, and the trailers' sums."""

    CODES = frozenset({"01", "02", "03", "16", "49", "98", "99"})

    def __init__(self, problems: Problems) -> None:
        self.statements: list[Statement] = []
        self._problems = problems
        self._file = _Sums()
        self._group: _Group | None = None
        self._account: _Account | None = None
        self._version_seen = self._ended = False
        self._line = 1

    def take(self, record: _Record) -> None:
        """Take one record."""
        self._line = record.line
        for sums in self._open():
            sums.records += record.count
        getattr(self, f"_take_{record.code}")(record)

    def end(self) -> None:
        """What is missing at the end of the file."""
        if self._account is not None:
            self._close_account()
        if not self._ended:
            self._error(self._line, "file", "truncated", "The file ends without its trailer (record 99).")

    def _open(self) -> Iterator[_Sums]:
        yield self._file
        if self._group is not None:
            yield self._group.sums
        if self._account is not None:
            yield self._account.sums

    def _take_01(self, record: _Record) -> None:
        version = [*record.fields(), *[""] * 8][7]
        if version != "2":
            said = (
                f"The file says that it is version {version[:10]}, not 2." if version else "The file names no version."
            )
            self._error(record.line, "version", "version", said)

    def _take_02(self, record: _Record) -> None:
        values = [*record.fields(), *[""] * 7]
        day = _day(values[3])
        if day is None:
            self._error(record.line, "as-of date", "date", f"{values[3][:20]!r} is not a date.")
        if values[2] in _GROUP_STATUS:
            said = f"The group {_GROUP_STATUS[values[2]]}; its entries are read as they stand."
            self._problems.warn(record.line, "group status", "status", said, "Look whether they are to be kept.")
        self._group = _Group(values[2], day, values[5].upper(), values[6] in _INTERIM, _Sums(records=record.count))
        self._file.members += 1

    def _take_03(self, record: _Record) -> None:
        if self._account is not None:
            self._missing(record.line, "account", "49")
            self._close_account()
        values = record.fields()
        number, currency = values.popleft(), values.popleft().upper() if values else ""
        group = self._group or _Group("", None, "", interim=False)
        currency = currency or group.currency or _DEFAULT_CURRENCY
        if not is_currency(currency):
            self._error(record.line, "currency", "currency", f"{currency[:20]!r} is not a currency.")
        if not number:
            self._error(record.line, "account", "missing", "The record names no account.")
        self._account = _Account(record.line, number.replace(" ", ""), currency, sums=_Sums(records=record.count))
        group.sums.members += 1
        self._summaries(record.line, values, group)

    def _summaries(self, line: int, values: deque[str], group: _Group) -> None:
        """Type code, amount, number of items, funds; again and again."""
        account = self._account
        assert account is not None
        while values:
            code = values.popleft()
            if not code:
                continue
            amount = self._amount(line, values.popleft() if values else "")
            items = values.popleft() if values else ""
            _funds(values, group.day)
            if amount is None:
                continue
            account.sums.total += amount
            if code in BALANCES and group.day is not None:
                exact = _exact(amount, account.currency)
                account.balances.append(
                    Balance(kind=BALANCES[code], amount=exact, currency=account.currency, date=group.day)
                )
            elif code in _SUMS:
                account.reported[_SUMS[code]] = amount, int(items) if items.isascii() and items.isdigit() else None

    def _take_16(self, record: _Record) -> None:
        account, group = self._account, self._group or _Group("", None, "", interim=False)
        if account is None:
            self._error(record.line, "record", "order", "A transaction stands outside any account; it is left out.")
            return
        values = deque(record.parts[0].split(","))
        code = values.popleft().strip()
        amount = self._amount(record.line, values.popleft() if values else "", code)
        value_date = _funds(values, group.day)
        bank_reference = values.popleft().strip() if values else ""
        customer_reference = values.popleft().strip() if values else ""
        text = " ".join(part for part in (",".join(values).strip(), *map(str.strip, record.parts[1:])) if part)
        if amount is None:
            return
        account.sums.total += amount
        sign = _sign(code)
        if sign == 0:
            self._no_entry(record.line, code, text)
            return
        account.entries.append(
            Entry(
                amount=_exact(sign * amount, account.currency),
                currency=account.currency,
                booking_date=group.day,
                value_date=value_date,
                proprietary_code=code,
                bank_reference=bank_reference,
                entry_reference=customer_reference,
                details=(
                    EntryDetail(
                        amount=_exact(sign * amount, account.currency), currency=account.currency, remittance=text
                    ),
                ),
                position=record.line,
            )
        )

    def _no_entry(self, line: int, code: str, text: str) -> None:
        if code == _TEXT_ONLY:
            self._problems.warn(line, "text", "text", f"The bank says: {text[:200]}", "Nothing to do.")
        else:
            said = f"The type code {code[:10]!r} does not say whether it is a credit or a debit; the entry is left out."
            self._error(line, "type code", "type-code", said)

    def _take_49(self, record: _Record) -> None:
        if self._account is None:
            self._missing(record.line, "account", "03")
            return
        values = [*record.fields(), "", ""]
        self._compare(record.line, "account", self._account.sums, total=values[0], records=values[1])
        if self._group is not None:
            self._group.sums.total += self._account.sums.total
        self._close_account()

    def _take_98(self, record: _Record) -> None:
        if self._account is not None:
            self._missing(record.line, "account", "49")
            self._close_account()
        if self._group is None:
            self._missing(record.line, "group", "02")
            return
        values = [*record.fields(), "", "", ""]
        sums = self._group.sums
        self._compare(record.line, "group", sums, total=values[0], members=values[1], records=values[2])
        self._file.total += sums.total
        self._group = None

    def _take_99(self, record: _Record) -> None:
        if self._group is not None:
            self._missing(record.line, "group", "98")
        values = [*record.fields(), "", "", ""]
        self._compare(record.line, "file", self._file, total=values[0], members=values[1], records=values[2])
        self._ended = True

    def _compare(
        self, line: int, what: str, sums: _Sums, *, total: str, records: str, members: str | None = None
    ) -> None:
        wanted = [("sum", total, sums.total), ("number of records", records, sums.records)]
        if members is not None:
            wanted.insert(1, ("number of accounts" if what == "group" else "number of groups", members, sums.members))
        for name, said, counted in wanted:
            found = _NUMBER.fullmatch(said)
            if said and (found is None or int(said) != counted):
                words = f"The {name} of the {what} is said to be {said[:40]} and is {counted}."
                self._error(line, name, "sum" if name == "sum" else "count", words)

    def _close_account(self) -> None:
        account, group = self._account, self._group
        self._account = None
        if account is None:
            return
        self._check_sums(account)
        day = group.day if group else None
        self.statements.append(
            Statement(
                identification=f"{day:%Y%m%d}" if day else "",
                account=account.number,
                currency=account.currency,
                balances=tuple(account.balances),
                entries=tuple(account.entries),
                from_date=day,
                to_date=day,
                kind=REPORT if group is not None and group.interim else STATEMENT,
            )
        )

    def _check_sums(self, account: _Account) -> None:
        """The sums of all credits and debits, where the bank says how many they are and lists as many."""
        for sign, (amount, items) in account.reported.items():
            entries = [entry.amount for entry in account.entries if entry.amount * sign > 0]
            total = sign * sum(entries, Decimal(0))
            if entries and items == len(entries) and total != _exact(abs(amount), account.currency):
                which = "credits" if sign > 0 else "debits"
                said = f"The sum of the {which} is said to be {_exact(amount, account.currency)} and is {total}."
                self._error(account.line, which, "sum", said)

    def _amount(self, line: int, text: str, code: str = "") -> int | None:
        if not text.strip():
            if code and code != _TEXT_ONLY:
                self._error(line, "amount", "amount", "The transaction has no amount; it is left out.")
            return 0 if code == _TEXT_ONLY else None
        found = _NUMBER.fullmatch(text.strip())
        most = MAX_INTEGER_DIGITS + (_decimals(self._account.currency) if self._account else 0)
        if found is None or len(found[2].lstrip("0")) > most:
            self._error(line, "amount", "amount", f"{text[:40]!r} is not an amount in whole units; it is left out.")
            return None
        return int(found[0])

    def _missing(self, line: int, what: str, code: str) -> None:
        self._error(line, "record", "order", f"The {what} has no record {code} of its own before this one.")

    def _error(self, line: int, name: str, rule: str, text: str) -> None:
        self._problems.error(line, name, rule, text, _ASK)


def _sign(code: str) -> int:
    """+1 for the type code of a credit, -1 for a debit's, 0 for any other."""
    number = int(code) if len(code) == 3 and code.isascii() and code.isdigit() else -1
    if any(number in codes for codes in _CREDIT):
        return 1
    return -1 if any(number in codes for codes in _DEBIT) else 0


def _funds(values: deque[str], day: date | None) -> date | None:
    """Take the funds type and what belongs to it; the value date where it says one."""
    kind = values.popleft().strip().upper() if values else ""
    if kind == "S":
        _drop(values, 3)
    elif kind == "D":
        pairs = values.popleft().strip() if values else ""
        _drop(values, 2 * int(pairs) if pairs.isascii() and pairs.isdigit() and len(pairs) < 4 else 0)
    elif kind == "V":
        when = _day(values.popleft()) if values else None
        _drop(values, 1)
        return when
    return day if kind == "0" else None


def _drop(values: deque[str], count: int) -> None:
    for _ in range(min(count, len(values))):
        values.popleft()


def _exact(units: int, currency: str) -> Decimal:
    return Decimal(units).scaleb(-_decimals(currency))


def _decimals(currency: str) -> int:
    return currency_decimals(currency) if is_currency(currency) else 2


def _day(text: str) -> date | None:
    """``YYMMDD``."""
    written = text.strip()
    if len(written) != 6 or not written.isascii() or not written.isdigit():
        return None
    year = int(written[:2])
    try:
        return date(year + (2000 if year < _CENTURY else 1900), int(written[2:4]), int(written[4:]))
    except ValueError:
        return None


# ------------------------------------------------------------------------------------------------------- write
_CODES = {kind: code for code, kind in BALANCES.items()}
_LINE = 80
_OTHER_CREDIT, _OTHER_DEBIT = "399", "699"


def write(statements: Sequence[Statement], *, sender: str, receiver: str, created: datetime) -> bytes:
    """Statements as one file, a group for each; lines of at most 80 characters, ASCII.

    BAI2 has no place for counterparties, batches, booking dates of single entries, charges and rates: texts only.

    Raises:
        ElectraError: a statement without a day or currency, or an amount with more decimals than its currency has.
    """
    lines = [f"01,{_word(sender)},{_word(receiver)},{created:%y%m%d},{created:%H%M},1,{_LINE},,2/"]
    total = 0
    for statement in statements:
        group, sum_of_group = _written_group(statement, sender, receiver)
        lines += group
        total += sum_of_group
    lines.append(f"99,{total},{len(statements)},{len(lines) + 1}/")
    return ("\r\n".join(lines) + "\r\n").encode("ascii", "replace")


def _written_group(statement: Statement, sender: str, receiver: str) -> tuple[list[str], int]:
    day = statement.to_date or next((balance.date for balance in reversed(statement.balances)), None)
    if day is None or not is_currency(statement.currency):
        raise ElectraError(
            f"The statement {statement.identification} names no day or no currency; BAI2 needs both.",
            repair="Choose another format.",
        )
    modifier = "3" if statement.kind == REPORT else "2"
    account, total = _written_account(statement)
    lines = [f"02,{_word(receiver)},{_word(sender)},1,{day:%y%m%d},2359,{statement.currency},{modifier}/", *account]
    lines.append(f"98,{total},1,{len(lines) + 1}/")
    return lines, total


def _written_account(statement: Statement) -> tuple[list[str], int]:
    kept = [
        (_CODES[each.kind], _units(each.amount, each.currency)) for each in statement.balances if each.kind in _CODES
    ]
    lines = list(_folded(f"03,{_word(statement.account)},{statement.currency}", (f"{c},{a},," for c, a in kept)))
    total = sum(amount for _, amount in kept)
    for entry in statement.entries:
        amount = abs(_units(entry.amount, entry.currency))
        total += amount
        lines += _written_entry(entry, amount)
    lines.append(f"49,{total},{len(lines) + 1}/")
    return lines, total


def _written_entry(entry: Entry, amount: int) -> Iterator[str]:
    code = entry.proprietary_code
    if _sign(code) != (1 if entry.amount > 0 else -1):
        code = _OTHER_CREDIT if entry.amount > 0 else _OTHER_DEBIT
    funds = f"V,{entry.value_date:%y%m%d}," if entry.value_date else ""
    references = f"{_word(entry.bank_reference)},{_word(entry.entry_reference)}"
    yield f"16,{code},{amount},{funds},{references},/"
    said = (*(detail.remittance for detail in entry.details), entry.additional_information)
    text = one_line(" ".join(part for part in said if part))
    for piece in textwrap.wrap(text, _LINE - 4, break_on_hyphens=False):
        yield f"88,{piece}{'/' if piece.endswith('/') else ''}"


def _folded(line: str, values: Iterable[str]) -> Iterator[str]:
    for value in values:
        if len(line) + len(value) + 2 > _LINE:
            yield f"{line}/"
            line = "88"
        line = f"{line},{value}"
    yield f"{line}/"


def _units(amount: Decimal, currency: str) -> int:
    units = amount.scaleb(currency_decimals(currency))
    if units != int(units):
        raise ElectraError(f"{amount} {currency} has more decimals than the currency.", repair="Choose another format.")
    return int(units)


def _word(text: str) -> str:
    """A text inside a field: it may hold neither comma nor slash."""
    return one_line(text).replace(",", " ").replace("/", "-")
