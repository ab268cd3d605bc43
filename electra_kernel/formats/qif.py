"""QIF, the Quicken Interchange Format: registers of bank, cash and card accounts, read into objects and written.

Source: Intuit's description of QIF: a line begins with the letter of its field, ``^`` ends a record, ``!`` names what
follows. QIF knows no currency, no balance beside an opening record, and no value date; a currency has to be told by
whoever reads the figures. Dates are written in the order of some country. The rule: the order in which every date of
the file is possible; where several are, months first (as the format's home writes them), with a warning where it matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.everyday import decode, near_amount, one_line, signed_amount, signed_text
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.parties import Address, Party

_START = re.compile(rb"(?:[\s\xef\xbb\xbf^]|#[^\n]*\n)*!(?:Type:|Account|Option:|Clear:)", re.IGNORECASE)
_DATE = re.compile(r"\s*([0-9]{1,4})\s*[/.' -]\s*([0-9]{1,2})\s*([/.' -])\s*([0-9]{1,4})\s*")
_EIGHT = re.compile(r"(?:19|20)[0-9]{6}")
#: Registers of money; others (securities, categories, prices) are told and left out.
_REGISTERS = frozenset({"bank", "cash", "ccard", "oth a", "oth l"})
#: A record whose payee says so gives the balance at the beginning.
_OPENING = "opening balance"
#: Years of two digits up to this one are of this century.
_CENTURY = 70
_FIRST_YEAR, _LAST_YEAR = 1900, 2099
_REPAIR = "Export the register again, with dates as 2026-01-31 where the program lets you choose."


def detect(data: bytes) -> bool:
    """Whether the bytes begin as QIF does."""
    return _START.match(data[:4096]) is not None


@dataclass(slots=True)
class _Record:
    line: int
    fields: dict[str, str] = field(default_factory=dict)
    address: list[str] = field(default_factory=list)
    #: Parts of a split: category, memo, amount.
    splits: list[dict[str, str]] = field(default_factory=list)

    def __getitem__(self, letter: str) -> str:
        return self.fields.get(letter, "")


@dataclass(slots=True)
class _Register:
    account: str
    records: list[_Record] = field(default_factory=list)


def read(data: bytes, source: str) -> Reading:
    """Read a file into statements, one an account; without a currency.

    Raises:
        UnreadableFile: no register of money is in it.
    """
    problems = Problems(source)
    registers = _registers(decode(data, problems), problems)
    if not registers:
        raise unreadable(
            source, "incomplete", "The QIF file holds no register of an account.", "Export a bank account's register."
        )
    order = _order_of_dates([record for register in registers for record in register.records], problems)
    problems.warn(
        None, "currency", "currency", "QIF does not say in which currency its amounts are.", "Keep the account apart."
    )
    statements = tuple(_statement(register, order, problems) for register in registers)
    return Reading(format="QIF", statements=statements, problems=problems.rows())


# ---------------------------------------------------------------------------------------------------- records
def _records(text: str, problems: Problems) -> Iterator[tuple[int, str, _Record | None]]:
    """Headers (with no record) and records (with no header), in the order of the file."""
    record: _Record | None = None
    number = 0
    for number, raw in enumerate(text.splitlines(), 1):
        letter, value = raw[:1], raw[1:].strip()
        if letter == "!":
            yield number, value, None
        elif letter == "^":
            yield number, "", record or _Record(number)
            record = None
        elif raw.strip() and (letter != "#" or record is not None):
            record = record or _Record(number)
            _take(record, letter, value)
    if record is not None:
        problems.error(number, "^", "truncated", "The file ends in the middle of a record.", _REPAIR)
        yield number, "", record


def _take(record: _Record, letter: str, value: str) -> None:
    if letter == "A":
        record.address.append(value)
    elif letter == "S":
        record.splits.append({"S": value})
    elif letter in ("E", "$") and record.splits:
        record.splits[-1].setdefault(letter, value)
    else:
        record.fields.setdefault(letter, value)


def _registers(text: str, problems: Problems) -> list[_Register]:
    registers: dict[tuple[str, str], _Register] = {}
    account, kind = "", ""
    for line, header, record in _records(text, problems):
        if record is None:
            kind = header.casefold()
            if kind.startswith("type:") and kind[5:].strip() in _REGISTERS:
                # Without a name, a register of another kind is another account.
                registers.setdefault((account, "" if account else kind), _Register(account))
            elif kind.startswith("type:"):
                _tell_left_out(line, header, problems)
        elif kind == "account":
            account = record["N"]
        elif kind.startswith("type:") and kind[5:].strip() in _REGISTERS and record.fields:
            registers[account, "" if account else kind].records.append(record)
    return list(registers.values())


def _tell_left_out(line: int, header: str, problems: Problems) -> None:
    problems.warn_once(
        header[:40], "not-read", f"The part {header[:40]!r} is no register of money; it is left out.", "None.", line
    )


# ------------------------------------------------------------------------------------------------------ dates
_ORDERS = ("mdy", "dmy", "ymd")


def _parts(text: str) -> tuple[str, str, str] | None:
    found = _DATE.fullmatch(text)
    return (found[1], found[2], found[4]) if found else None


def _date(text: str, order: str) -> date | None:
    if _EIGHT.fullmatch(text):  # as ISO 8601 writes it without hyphens: nobody writes another order so
        text, order = f"{text[:4]}-{text[4:6]}-{text[6:]}", "ymd"
    parts = _parts(text)
    if parts is None or ("'" in text and order == "ymd"):
        return None  # what follows an apostrophe is a year
    given = dict(zip(order, parts, strict=True))
    if len(given["d"]) > 2 or len(given["m"]) > 2 or len(given["y"]) not in (1, 2, 4):
        return None
    year = int(given["y"])
    if len(given["y"]) < 4:
        year += 2000 if year < _CENTURY else 1900
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    try:
        return date(year, int(given["m"]), int(given["d"]))
    except ValueError:
        return None


def _order_of_dates(records: Sequence[_Record], problems: Problems) -> str:
    """The order in which most dates are possible; the earlier of ``_ORDERS`` where they are equal."""
    written = {record["D"]: record.line for record in records if record["D"]}
    found = {order: {text: _date(text, order) for text in written} for order in _ORDERS}
    possible = {order: sum(day is not None for day in days.values()) for order, days in found.items()}
    best = max(_ORDERS, key=lambda order: possible[order])
    others = [order for order in _ORDERS if order != best and possible[order] == possible[best]]
    if any(found[order] != found[best] for order in others):
        first = next(text for text in written if any(found[order][text] != found[best][text] for order in others))
        problems.warn(
            written[first],
            "D",
            "date-order",
            f"The dates, such as {first}, are possible with the month first and with the day first; "
            f"{'the month' if best == 'mdy' else 'the day'} is taken to come first.",
            _REPAIR,
        )
    return best


# -------------------------------------------------------------------------------------------------- statements
def _statement(register: _Register, order: str, problems: Problems) -> Statement:
    entries, balances = list[Entry](), list[Balance]()
    for record in register.records:
        day = _date(record["D"], order)
        if day is None:
            problems.error(record.line, "D", "date", f"{record['D'][:40]!r} is not a date.", _REPAIR)
        amount = near_amount(record["T"] or record["U"], record.line, "T", problems)
        if amount is None:
            problems.error(
                record.line, "T", "amount", f"{record['T'][:40]!r} is no amount; the entry is left out.", _REPAIR
            )
        elif record["P"].casefold() == _OPENING and day is not None:
            balances.append(Balance(kind="OPBD", amount=amount, currency="", date=day))
        else:
            entries.append(_entry(record, day, amount, problems))
    days = [entry.booking_date for entry in entries if entry.booking_date is not None]
    return Statement(
        identification=f"{max(days):%Y%m%d}" if days else "",
        account=register.account,
        currency="",
        balances=tuple(balances),
        entries=tuple(entries),
        from_date=min(days, default=None),
        to_date=max(days, default=None),
    )


def _entry(record: _Record, day: date | None, amount: Decimal, problems: Problems) -> Entry:
    party = None
    if record["P"]:
        party = Party(name=record["P"], address=Address(lines=tuple(line for line in record.address if line)))
    whole = EntryDetail(amount=amount, counterparty=party, remittance=record["M"])
    return Entry(
        amount=amount,
        currency="",
        booking_date=day,
        value_date=None,
        proprietary_code=record["L"],
        entry_reference=record["N"],
        additional_information="" if not record["C"] else f"cleared {record['C']}",
        details=_split(record, amount, party, problems) or (whole,),
        position=record.line,
    )


def _split(record: _Record, amount: Decimal, party: Party | None, problems: Problems) -> tuple[EntryDetail, ...]:
    details = tuple(
        EntryDetail(
            amount=signed_amount(part.get("$", "")),
            counterparty=party,
            remittance=part.get("E", "") or record["M"],
            proprietary_code=part["S"],
        )
        for part in record.splits
    )
    known = [detail.amount for detail in details if detail.amount is not None]
    if details and sum(known) != amount:
        problems.warn(
            record.line,
            "$",
            "details-sum",
            f"The parts of the split make {sum(known, Decimal(0)):f}, the whole is {amount:f}.",
            "Correct the split where the register is kept.",
        )
    return details


# ------------------------------------------------------------------------------------------------------- write
def write(statements: Sequence[Statement]) -> bytes:
    """Registers in UTF-8, months first, years of four digits.

    QIF has no place for currencies, accounts and banks of counterparties, value dates, references beside one number,
    structured references, mandates, charges and closing balances.
    """
    out: list[str] = []
    for statement in statements:
        out += ["!Account", f"N{one_line(statement.account)}", "TBank", "^", "!Type:Bank"]
        opening = statement.balance("OPBD")
        if opening is not None:
            out += [_written_date(opening.date), f"T{signed_text(opening.amount)}", "POpening Balance", "^"]
        for entry in statement.entries:
            out += [line for line in _written(entry) if len(line) > 1] + ["^"]
    return "\r\n".join([*out, ""]).encode()


def _written(entry: Entry) -> Iterator[str]:
    first = entry.details[0] if entry.details else EntryDetail()
    day = entry.booking_date or entry.value_date
    yield _written_date(day) if day else "D"
    yield f"T{signed_text(entry.amount)}"
    yield f"N{one_line(entry.entry_reference)}"
    yield f"P{one_line(first.counterparty.name)}" if first.counterparty else "P"
    single = len(entry.details) == 1
    yield f"M{one_line(first.remittance if single else entry.additional_information)}"
    yield f"L{one_line(entry.proprietary_code)}"
    for detail in () if single else entry.details:
        yield f"S{one_line(detail.proprietary_code) or '-'}"
        yield f"E{one_line(detail.remittance)}"
        yield f"${signed_text(detail.amount)}" if detail.amount is not None else "$"


def _written_date(day: date) -> str:
    return f"D{day:%m/%d/%Y}"
