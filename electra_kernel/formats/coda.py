"""CODA, the coded statement of account of Belgian banks: read into objects and written.

Source: Febelfin, Coded statement of account (CODA), version 2.6. Records of 128 characters: 0 head, 1 old balance, 21 to 23
a movement, 31 to 33 what more is said of it, 4 a free message, 8 new balance, 9 foot. Amounts have three decimals.

The rules.

* A movement with the detail number 0 is an entry; those after it with the same number are its details, and a movement of
  the types 5 to 9 is never an entry of its own.
* The bank's reference of 21 characters is the bank reference, the eight digits of the transaction code are the
  proprietary code. A structured communication is read where its meaning is public: a Belgian reference (101, 102), a
  creditor reference (100), a SEPA direct debit (127); any other is kept as it stands, after its number.
* Where nothing is said of the character set it is ISO 8859-1, unless the bytes are UTF-8.

Written is what the records have a place for: not a counterparty's address, ISO transaction codes, original amounts,
charges, or texts over 149 characters, which are refused rather than cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from electra_kernel.formats import fixedwidth
from electra_kernel.formats.base import Problems, Reading, proved, unreadable
from electra_kernel.formats.everyday import decode
from electra_kernel.formats.fields import Values
from electra_kernel.formats.fixedwidth import Field, Layout, Record, Total
from electra_kernel.formats.records import Row
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Party

_WIDTH = 128
_HEAD = re.compile(rb"[\r\n\xef\xbb\xbf]*0[0-9 ]{4}[0-9]{6}.{3}[0-9 ]{2}[D ][ -\xff]{110}[0-9]", re.DOTALL)
_VERSIONS = ("1", "2")
_COUNTED = ("old", "movement", "movement2", "movement3", "info", "info2", "info3", "new")


def _signed(name: str, mark: str, start: int) -> tuple[Field, Field]:
    return (
        Field(mark, start, 1),
        Field(
            name,
            start + 1,
            15,
            "amount",
            decimals=3,
            sign_field=mark,
            positive=("0",),
            negative=("1",),
            required=True,
        ),
    )


def _numbers() -> tuple[Field, Field]:
    return Field("number", 3, 4, "integer", required=True), Field("detail", 7, 4, "integer", required=True)


_LAYOUT = Layout(
    name="CODA",
    encoding="utf-8",
    line_end="\n",
    ends=("foot",),
    records=(
        Record(
            name="head",
            length=_WIDTH,
            shortest=_WIDTH - 1,
            marks=((1, ("0",)),),
            after=("", "foot"),
            fields=(
                Field("created", 6, 6, "date", date="DDMMYY"),
                Field("bank", 12, 3),
                Field("duplicate", 17, 1),
                Field("reference", 25, 10),
                Field("addressee", 35, 26),
                Field("bic", 61, 11),
                Field("zeros", 2, 4, default="0000"),
                Field("application", 15, 2, default="05"),
                Field("version", 128, 1),
            ),
        ),
        Record(
            name="old",
            length=_WIDTH,
            shortest=125,
            marks=((1, ("1",)),),
            after=("head", "message"),
            fields=(
                Field("structure", 2, 1),
                Field("paper", 3, 3),
                Field("account", 6, 37, "raw"),
                *_signed("balance", "balance_sign", 43),
                Field("day", 59, 6, "date", date="DDMMYY"),
                Field("owner", 65, 26),
                Field("kind", 91, 35),
                Field("sequence", 126, 3, "integer", fill=" "),
            ),
        ),
        Record(
            name="movement",
            length=_WIDTH,
            shortest=126,
            marks=((1, ("21",)),),
            fields=(
                *_numbers(),
                Field("reference", 11, 21),
                *_signed("amount", "amount_sign", 32),
                Field("value", 48, 6, "date", date="DDMMYY"),
                Field("code", 54, 8, "digits", required=True),
                Field("structured", 62, 1),
                Field("communication", 63, 53, "raw"),
                Field("booked", 116, 6, "date", date="DDMMYY"),
                Field("paper", 122, 3),
                Field("globalised", 125, 1, default="0"),
                Field("goes_on", 126, 1, default="0"),
                Field("informed", 128, 1, default="0"),
            ),
        ),
        Record(
            name="movement2",
            length=_WIDTH,
            shortest=63,
            marks=((1, ("22",)),),
            after=("movement",),
            fields=(
                *_numbers(),
                Field("communication", 11, 53, "raw"),
                Field("customer_reference", 64, 35),
                Field("bic", 99, 11),
                Field("return_type", 113, 1),
                Field("return_reason", 114, 4),
                Field("purpose", 122, 4),
                Field("goes_on", 126, 1, default="0"),
                Field("informed", 128, 1, default="0"),
            ),
        ),
        Record(
            name="movement3",
            length=_WIDTH,
            shortest=47,
            marks=((1, ("23",)),),
            after=("movement", "movement2"),
            fields=(
                *_numbers(),
                Field("account", 11, 37, "raw"),
                Field("name", 48, 35),
                Field("communication", 83, 43, "raw"),
                Field("goes_on", 126, 1, default="0"),
                Field("informed", 128, 1, default="0"),
            ),
        ),
        Record(
            name="info",
            length=_WIDTH,
            shortest=63,
            marks=((1, ("31",)),),
            fields=(
                *_numbers(),
                Field("code", 32, 8),
                Field("structured", 40, 1),
                Field("communication", 41, 73, "raw"),
            ),
        ),
        Record(
            name="info2",
            length=_WIDTH,
            shortest=11,
            marks=((1, ("32",)),),
            after=("info",),
            fields=(*_numbers(), Field("communication", 11, 105, "raw")),
        ),
        Record(
            name="info3",
            length=_WIDTH,
            shortest=11,
            marks=((1, ("33",)),),
            after=("info", "info2"),
            fields=(*_numbers(), Field("communication", 11, 90, "raw")),
        ),
        Record(
            name="message",
            length=_WIDTH,
            shortest=33,
            marks=((1, ("4",)),),
            fields=(Field("text", 33, 80),),
        ),
        Record(
            name="new",
            length=_WIDTH,
            shortest=63,
            marks=((1, ("8",)),),
            fields=(
                Field("account", 5, 37, "raw"),
                *_signed("balance", "balance_sign", 42),
                Field("day", 58, 6, "date", date="DDMMYY"),
            ),
        ),
        Record(
            name="foot",
            length=_WIDTH,
            shortest=52,
            marks=((1, ("9",)),),
            after=("new", "message", "old"),
            fields=(
                Field("records", 17, 6, "integer", total=Total(of=_COUNTED, since="head")),
                Field("debits", 23, 15, "amount", decimals=3),
                Field("credits", 38, 15, "amount", decimals=3),
                Field("more", 128, 1),
            ),
        ),
    ),
)


def detect(data: bytes) -> bool:
    """Whether the bytes begin with the head of a coded statement."""
    return _HEAD.match(data[: _WIDTH + 8]) is not None


# -------------------------------------------------------------------------------------------------------- read
@dataclass(slots=True)
class _Movement:
    """Records 21 to 23 and 31 to 33 of one movement."""

    line: int
    first: Values
    more: Values = field(default_factory=dict)
    party: Values = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @property
    def communication(self) -> str:
        """The whole text, its columns kept."""
        return "".join(str(part.get("communication") or "") for part in (self.first, self.more, self.party))


@dataclass(slots=True)
class _Draft:
    """One statement while its records come."""

    head: Values
    old: Values = field(default_factory=dict)
    new: Values = field(default_factory=dict)
    movements: list[tuple[_Movement, list[_Movement]]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    latest: _Movement | None = None


def read(data: bytes, source: str) -> Reading:
    """Read a file into statements.

    Raises:
        UnreadableFile: it holds no statement.
    """
    problems = Problems(source)
    text = decode(data, problems, "iso-8859-1")
    drafts = _drafts(fixedwidth.read(text.encode(), _LAYOUT, problems), problems)
    if not drafts:
        raise unreadable(
            source, "incomplete", "The CODA file holds no statement.", "Fetch it again: records are missing."
        )
    statements = tuple(_statement(draft, problems) for draft in drafts)
    return proved("CODA", statements, problems)


def _drafts(rows: Iterable[Row], problems: Problems) -> list[_Draft]:
    drafts: list[_Draft] = []
    head: Values = {}
    for row in rows:
        if row.record == "head":
            head = row.values
            if head["version"] not in _VERSIONS:
                said = f"The file is of version {head['version']} of CODA; it was read as version {_VERSIONS[-1]}."
                problems.error(row.line, "head.version", "version", said, "Compare it with the bank's own statement.")
            if head["duplicate"] == "D":
                problems.warn(
                    row.line, "head", "duplicate", "The bank marks it as a duplicate.", "Keep one of the two."
                )
        elif row.record == "old":
            drafts.append(_Draft(head, row.values))
        elif not drafts:
            problems.error(row.line, row.record, "order", "It stands before any statement.", "Fetch the file again.")
        elif row.record == "foot":
            _check_sums(drafts[-1], row, problems)
        else:
            _take(drafts[-1], row, problems)
    return drafts


def _take(draft: _Draft, row: Row, problems: Problems) -> None:
    if row.record == "movement":
        _take_movement(draft, row, problems)
    elif row.record == "new":
        draft.new = row.values
        _check_account(draft, row, problems)
    elif row.record == "message":
        draft.messages.append(row.values["text"])
    elif draft.latest is None:
        problems.error(row.line, row.record, "order", "It belongs to no movement.", "Fetch the file again.")
    elif row.record == "movement2":
        draft.latest.more = row.values
    elif row.record == "movement3":
        draft.latest.party = row.values
    elif row.record == "info" and row.values["structured"] == "1":
        draft.latest.said.append(_named_information(row.values["communication"]))
    elif row.record == "info" or not draft.latest.said:
        draft.latest.said.append(row.values["communication"])
    else:
        draft.latest.said[-1] += row.values["communication"]


def _take_movement(draft: _Draft, row: Row, problems: Problems) -> None:
    draft.latest = movement = _Movement(row.line, row.values)
    if row.values["amount"] is None or row.values["number"] is None:
        problems.error(
            row.line,
            "movement",
            "amount",
            "The movement has no amount that can be read; it is left out.",
            "Ask the bank.",
        )
        return
    whole = draft.movements[-1] if draft.movements else None
    if not row.values["detail"]:
        draft.movements.append((movement, []))
    elif whole is not None and whole[0].first["number"] == row.values["number"]:
        whole[1].append(movement)
    else:
        problems.error(
            row.line, "movement.detail", "order", "A detail stands without its movement.", "Fetch the file again."
        )


def _check_account(draft: _Draft, row: Row, problems: Problems) -> None:
    old, new = (_account(values["account"], draft.old["structure"] or "")[0] for values in (draft.old, row.values))
    if old != new:
        said = f"The new balance is of the account {new}, in a statement of {old}."
        problems.error(row.line, "new.account", "account", said, "Fetch the file again, or ask the bank.")


def _check_sums(draft: _Draft, row: Row, problems: Problems) -> None:
    for name, sign, words in (("debits", -1, "debits"), ("credits", 1, "credits")):
        said = row.values[name]
        amounts = [whole.first["amount"] for whole, _ in draft.movements]
        total = sum((abs(amount) for amount in amounts if amount * sign > 0), Decimal(0))
        if said is not None and said != total:
            text = f"The sum of the {words} is said to be {said.normalize():f} and is {total.normalize():f}."
            problems.error(row.line, f"foot.{name}", "sum", text, "Movements are missing or doubled: fetch it again.")


# -------------------------------------------------------------------------------------------------- statements
def _account(text: str, structure: str) -> tuple[str, str]:
    """Account and currency from their 37 columns (record 1, account structure)."""
    if structure == "0":
        number, currency = text[:12], text[13:16]
    else:
        number, currency = text[:34], text[34:37]
    return number.replace(" ", ""), currency.strip()


def _statement(draft: _Draft, problems: Problems) -> Statement:
    account, currency = _account(draft.old["account"], draft.old["structure"] or "")
    balances = [
        Balance(kind=kind, amount=values["balance"], currency=currency, date=values["day"])
        for kind, values in (("OPBD", draft.old), ("CLBD", draft.new))
        if values.get("balance") is not None and values["day"] is not None
    ]
    created: date | None = draft.head.get("created")
    closed = draft.new.get("day") or created
    sequence = draft.old["sequence"]
    return Statement(
        identification=f"{closed:%Y}-{sequence or 0:03d}" if closed else str(sequence or ""),
        account=account,
        currency=currency,
        balances=tuple(balances),
        entries=tuple(_entry(whole, details, currency, problems) for whole, details in draft.movements),
        sequence=sequence,
        created=datetime.combine(created, time(), UTC) if created else None,
        to_date=closed,
        owner=draft.old["owner"] or draft.head.get("addressee", ""),
        bank_bic=draft.head.get("bic", ""),
        additional_information=" ".join(draft.messages),
    )


def _entry(whole: _Movement, parts: Sequence[_Movement], currency: str, problems: Problems) -> Entry:
    values = whole.first
    details = tuple(_detail(part, currency) for part in (parts or (whole,)))
    amounts = [detail.amount for detail in details if detail.amount is not None]
    if parts and sum(amounts) != values["amount"]:
        text = f"The details make {sum(amounts, Decimal(0)):f}, the movement is {values['amount']:f}."
        problems.warn(whole.line, "movement", "details-sum", text, "Ask the bank for what is missing.")
    return Entry(
        amount=values["amount"],
        currency=currency,
        booking_date=values["booked"],
        value_date=values["value"],
        reversal=bool(whole.more.get("return_type")),
        proprietary_code=values["code"] or "",
        bank_reference=values["reference"],
        additional_information=_words(_communication(whole)[0], *whole.said) if parts else "",
        details=details,
        position=whole.line,
    )


def _detail(movement: _Movement, currency: str) -> EntryDetail:
    text, known = _communication(movement)
    number, own_currency = _account(movement.party.get("account", ""), "")
    name = movement.party.get("name", "")
    bic = movement.more.get("bic", "")
    reason = movement.more.get("return_reason", "")
    reference = movement.more.get("customer_reference", "")
    return EntryDetail(
        amount=movement.first["amount"],
        currency=own_currency if len(own_currency) == 3 and own_currency != currency and not number else currency,
        counterparty=Party(name=name, account=number, bic=bic) if name or number else None,
        remittance=text,
        end_to_end_id="" if reference == "NOTPROVIDED" else reference,
        proprietary_code=movement.first["code"] or "",
        bank_reference=movement.first["reference"],
        additional_information=_words(*movement.said, f"Return reason {reason}" if reason else ""),
        **known,
    )


def _words(*texts: str) -> str:
    return " ".join(" ".join(text.split()) for text in texts if text.strip())


# ---------------------------------------------------------------------------------------------- communications
def _communication(movement: _Movement) -> tuple[str, dict[str, Any]]:
    """The text of a movement, and what of a structured one has a column of its own."""
    raw = movement.communication
    if movement.first["structured"] != "1":
        return _words(raw), {}
    kind, rest = raw[:3], raw[3:]
    reader = _STRUCTURED.get(kind)
    return reader(rest) if reader else (_words(f"[{kind}]", rest), {})


def _belgian_reference(text: str) -> tuple[str, dict[str, Any]]:
    digits = text[:12]
    if not digits.isdigit():
        return _words(text), {}
    return "", {"structured_reference": f"+++{digits[:3]}/{digits[3:7]}/{digits[7:]}+++"}


def _creditor_reference(text: str) -> tuple[str, dict[str, Any]]:
    return "", {"structured_reference": text.strip()}


def _direct_debit(text: str) -> tuple[str, dict[str, Any]]:
    """SEPA direct debit: day 6, type 1, scheme 1, reason 1, creditor 35, mandate 35, text 62."""
    return _words(text[79:141]), {"creditor_id": text[9:44].strip(), "mandate_id": text[44:79].strip()}


_STRUCTURED = {
    "100": _creditor_reference,
    "101": _belgian_reference,
    "102": _belgian_reference,
    "127": _direct_debit,
}


def _named_information(text: str) -> str:
    """Record 31 with a structured text: 001 names the counterparty, 008 and 009 the parties behind."""
    kind, rest = text[:3], text[3:]
    names = {"001": "Counterparty", "008": "Ordering party", "009": "Ultimate beneficiary"}
    return f"{names.get(kind, f'[{kind}]')}: {rest}"


# ------------------------------------------------------------------------------------------------------- write
_NO_CODE = {False: "00000000", True: "10000000"}
_DETAIL_TYPE = "5"
_GIVEN = re.compile(r"\+\+\+[0-9]{3}/[0-9]{4}/[0-9]{5}\+\+\+")


def write(statements: Sequence[Statement], *, created: date, bank_code: str = "000") -> bytes:
    """Statements as one file each after the other, in ISO 8859-1.

    Args:
        statements: with an opening and a closing balance.
        created: the day the file is made.
        bank_code: the Belgian identification number of the bank, three digits.

    Raises:
        LayoutError: something does not fit its columns.
        ElectraError: a statement without balances.
    """
    out = b""
    for number, statement in enumerate(statements, 1):
        rows = list(_rows_of(statement, created, bank_code, last=number == len(statements)))
        text = fixedwidth.write(rows, _LAYOUT)
        out += text.decode().encode("iso-8859-1", "replace")
    return out


def _rows_of(statement: Statement, created: date, bank_code: str, *, last: bool) -> Iterator[tuple[str, Values]]:
    opening, closing = statement.balance("OPBD"), statement.balance("CLBD")
    if opening is None or closing is None:
        raise ElectraError(
            f"The statement {statement.identification} has no opening or no closing balance; CODA needs both.",
            repair="Choose another format.",
        )
    account = f"{statement.account:<34}{statement.currency:<3}"
    yield (
        "head",
        {
            "created": created,
            "bank": bank_code,
            "addressee": statement.owner,
            "bic": statement.bank_bic,
            "version": "2",
        },
    )
    yield (
        "old",
        {
            "structure": "3",
            "account": account,
            "balance": opening.amount,
            "day": opening.date,
            "owner": statement.owner,
            "sequence": statement.sequence,
        },
    )
    for number, entry in enumerate(statement.entries, 1):
        yield from _rows_of_entry(number, entry)
    yield "new", {"account": account, "balance": closing.amount, "day": closing.date}
    amounts = [entry.amount for entry in statement.entries]
    yield (
        "foot",
        {
            "debits": -sum((amount for amount in amounts if amount < 0), Decimal(0)),
            "credits": sum((amount for amount in amounts if amount > 0), Decimal(0)),
            "more": "2" if last else "1",
        },
    )


def _rows_of_entry(number: int, entry: Entry) -> Iterator[tuple[str, Values]]:
    batch = len(entry.details) > 1
    code = entry.proprietary_code if _is_code(entry.proprietary_code) else _NO_CODE[batch]
    only = entry.details[0] if len(entry.details) == 1 else EntryDetail(remittance=entry.additional_information)
    reference = entry.bank_reference or only.bank_reference
    yield from _rows_of_payment(number, 0, entry, only, entry.amount, code, reference)
    for place, detail in enumerate(entry.details if batch else (), 1):
        own = detail.proprietary_code if _is_code(detail.proprietary_code) else _DETAIL_TYPE + code[1:]
        amount = detail.amount if detail.amount is not None else Decimal(0)
        yield from _rows_of_payment(number, place, entry, detail, amount, own, detail.bank_reference)


def _is_code(text: str) -> bool:
    return len(text) == 8 and text.isascii() and text.isdigit()


def _rows_of_payment(
    number: int, place: int, entry: Entry, detail: EntryDetail, amount: Decimal, code: str, reference: str
) -> Iterator[tuple[str, Values]]:
    structured, text = _written_communication(detail)
    parts = [text[:53], text[53:106], text[106:]]
    party = detail.counterparty or Party(name="")
    numbers = {"number": number, "detail": place}
    third = bool(parts[2] or party.name or party.account)
    second_needed = third or bool(parts[1] or detail.end_to_end_id or party.bic)
    yield (
        "movement",
        {
            **numbers,
            "reference": reference,
            "amount": amount,
            "value": entry.value_date,
            "code": code,
            "structured": structured,
            "communication": parts[0],
            "booked": entry.booking_date,
            "goes_on": "1" if second_needed else "0",
        },
    )
    if second_needed:
        second = {"customer_reference": detail.end_to_end_id, "bic": party.bic, "communication": parts[1]}
        second["goes_on"] = "1" if third else "0"
        yield "movement2", {**numbers, **second}
    if third:
        yield (
            "movement3",
            {**numbers, "account": f"{party.account:<34}", "name": party.name, "communication": parts[2]},
        )


def _written_communication(detail: EntryDetail) -> tuple[str, str]:
    """Whether it is structured, and its columns."""
    reference = detail.structured_reference
    if detail.mandate_id or detail.creditor_id:
        return "1", f"127{'':<9}{detail.creditor_id:<35}{detail.mandate_id:<35}{detail.remittance}"
    if _GIVEN.fullmatch(reference):
        return "1", "101" + re.sub("[+/]", "", reference)
    if reference:
        return "1", f"100{reference}"
    return "0", detail.remittance
