"""Norma 43 (Cuaderno 43), the account statement of Spanish banks: read into objects and written.

Source: AEB, Cuaderno 43, Información normalizada de cuenta corriente, version of June 2012. Records of 80 characters: 11
head with the opening balance, 22 movement, 23 its texts (two of 38 characters), 24 its original amount, 33 foot with sums
and the closing balance, 88 end of the file.

The rules.

* The account is bank, branch and number as they stand (4, 4 and 10 digits, without the check digits the file leaves out).
* Common and own concept make the proprietary code, such as ``04/016``; the second reference is the bank's reference, the
  first the entry reference; references of zeros are none. Texts of records 23 are joined by a space.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from electra_kernel.formats import fixedwidth
from electra_kernel.formats.base import Problems, Reading, proved, unreadable
from electra_kernel.formats.everyday import decode
from electra_kernel.formats.fields import Values
from electra_kernel.formats.fixedwidth import Field, Layout, Record, Total
from electra_kernel.formats.records import Row
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import currency_of_number, number_of_currency

_WIDTH, _TEXT = 80, 38
_DAY = rb"[0-9]{2}(?:0[0-9]|1[0-2])[0-3][0-9]"
_HEAD = re.compile(
    rb"[\r\n\xef\xbb\xbf]*11[0-9]{18}" + _DAY + _DAY + rb"[12][0-9]{14}([0-9]{3})[^\r\n]{0,30}[\r\n]*([0-9]{0,2})"
)
#: What may follow a head.
_SECOND = (b"22", b"33")
_NINES = "9" * 18
_DEBIT, _CREDIT = "1", "2"
_ASK = "Fetch the file again, or ask the bank."
_COUNTED = ("head", "movement", "texts", "original", "foot")


def _signed(name: str, mark: str, at: int, start: int) -> tuple[Field, Field]:
    return (
        Field(mark, at, 1),
        Field(
            name,
            start,
            14,
            "amount",
            decimals=2,
            required=True,
            sign_field=mark,
            negative=(_DEBIT,),
            positive=(_CREDIT,),
        ),
    )


def _account() -> tuple[Field, ...]:
    return Field("bank", 3, 4), Field("branch", 7, 4), Field("number", 11, 10)


def _day(name: str, start: int) -> Field:
    return Field(name, start, 6, "date", date="YYMMDD")


_LAYOUT = Layout(
    name="Norma 43",
    encoding="utf-8",
    ends=("end", "foot"),
    records=(
        Record(
            name="head",
            length=_WIDTH,
            shortest=50,
            marks=((1, ("11",)),),
            after=("", "foot"),
            fields=(
                *_account(),
                _day("first", 21),
                _day("last", 27),
                *_signed("balance", "balance_sign", 33, 34),
                Field("currency", 48, 3, "digits", required=True),
                Field("mode", 51, 1, default="3"),
                Field("owner", 52, 26),
            ),
        ),
        Record(
            name="movement",
            length=_WIDTH,
            shortest=52,
            marks=((1, ("22",)),),
            after=("head", "movement", "texts", "original"),
            fields=(
                Field("branch", 7, 4),
                _day("booked", 11),
                _day("value", 17),
                Field("common", 23, 2),
                Field("own", 25, 3),
                *_signed("amount", "amount_sign", 28, 29),
                Field("document", 43, 10, align="right", fill="0"),
                Field("reference1", 53, 12, align="right", fill="0"),
                Field("reference2", 65, 16),
            ),
        ),
        Record(
            name="texts",
            length=_WIDTH,
            shortest=4,
            marks=((1, ("23",)),),
            after=("movement", "texts", "original"),
            fields=(Field("order", 3, 2), Field("text1", 5, _TEXT, "raw"), Field("text2", 43, _TEXT, "raw")),
        ),
        Record(
            name="original",
            length=_WIDTH,
            shortest=21,
            marks=((1, ("24",)),),
            after=("movement", "texts"),
            fields=(
                Field("order", 3, 2, default="01"),
                Field("currency", 5, 3, "digits"),
                Field("amount", 8, 14, "amount", decimals=2),
            ),
        ),
        Record(
            name="foot",
            length=_WIDTH,
            shortest=76,
            marks=((1, ("33",)),),
            after=("head", "movement", "texts", "original"),
            fields=(
                *_account(),
                Field("debits", 21, 5, "integer"),
                Field("debit_sum", 26, 14, "amount", decimals=2),
                Field("credits", 40, 5, "integer"),
                Field("credit_sum", 45, 14, "amount", decimals=2),
                *_signed("balance", "balance_sign", 59, 60),
                Field("currency", 74, 3, "digits"),
            ),
        ),
        Record(
            name="end",
            length=_WIDTH,
            shortest=26,
            marks=((1, ("88",)),),
            after=("foot",),
            fields=(
                Field("nines", 3, 18, default=_NINES),
                Field("records", 21, 6, "integer", total=Total(of=_COUNTED)),
            ),
        ),
    ),
)


def detect(data: bytes) -> bool:
    """Whether the bytes begin with the head of such a statement."""
    found = _HEAD.match(data[: _WIDTH + 8])
    return found is not None and (found[2] in _SECOND or bool(currency_of_number(found[1].decode())))


# -------------------------------------------------------------------------------------------------------- read
@dataclass(slots=True)
class _Movement:
    line: int
    values: Values
    texts: list[str] = field(default_factory=list)
    original: Values = field(default_factory=dict)


@dataclass(slots=True)
class _Draft:
    head: Values
    movements: list[_Movement] = field(default_factory=list)
    foot: Values = field(default_factory=dict)


def read(data: bytes, source: str) -> Reading:
    """Read a file into statements.

    Raises:
        UnreadableFile: it holds no statement.
    """
    problems = Problems(source)
    text = decode(data, problems, "iso-8859-1")
    drafts = _drafts(fixedwidth.read(text.encode(), _LAYOUT, problems), problems)
    if not drafts:
        raise unreadable(source, "incomplete", "The Norma 43 file holds no statement.", "Fetch it again.")
    statements = tuple(_statement(draft, problems) for draft in drafts)
    return proved("Norma 43", statements, problems)


def _drafts(rows: Iterable[Row], problems: Problems) -> list[_Draft]:
    drafts: list[_Draft] = []
    for row in rows:
        if row.record == "head":
            drafts.append(_Draft(row.values))
        elif row.record == "end":
            continue
        elif not drafts:
            problems.error(row.line, row.record, "order", "It stands before any statement; it is left out.", _ASK)
        elif row.record == "foot":
            drafts[-1].foot = row.values
            _check_sums(drafts[-1], row, problems)
        else:
            _take(drafts[-1], row, problems)
    return drafts


def _take(draft: _Draft, row: Row, problems: Problems) -> None:
    if row.record == "movement":
        if row.values["amount"] is None:
            problems.error(row.line, "movement.amount", "amount", "Without its amount the entry is left out.", _ASK)
        else:
            draft.movements.append(_Movement(row.line, row.values))
    elif not draft.movements:
        problems.error(row.line, row.record, "order", "It says more of a movement that is not there.", _ASK)
    elif row.record == "texts":
        draft.movements[-1].texts += [row.values["text1"], row.values["text2"]]
    else:
        draft.movements[-1].original = row.values


def _check_sums(draft: _Draft, row: Row, problems: Problems) -> None:
    for words, mark in (("debits", _DEBIT), ("credits", _CREDIT)):
        amounts = [one.values["amount"] for one in draft.movements if one.values["amount_sign"] == mark]
        said = {"count": row.values[words], "sum": row.values[f"{words.removesuffix('s')}_sum"]}
        found = {"count": len(amounts), "sum": abs(sum(amounts, Decimal(0)))}
        for rule, counted in found.items():
            if said[rule] is not None and said[rule] != counted:
                text = f"The {'number' if rule == 'count' else 'sum'} of {words} is said to be {said[rule]} and is {counted}."
                problems.error(row.line, f"foot.{words}", rule, text, _ASK)


def _statement(draft: _Draft, problems: Problems) -> Statement:
    head, foot = draft.head, draft.foot
    currency = currency_of_number(head["currency"] or "")
    if not currency:
        problems.error(1, "head.currency", "currency", f"{head['currency']!r} is no number of a currency.", _ASK)
    first, last = head["first"], head["last"]
    kinds = (("OPBD", head, first), ("CLBD", foot, last))
    return Statement(
        identification=f"{last:%Y%m%d}" if last else "",
        account=f"{head['bank']}{head['branch']}{head['number']}",
        currency=currency,
        balances=tuple(
            Balance(kind=kind, amount=values["balance"], currency=currency, date=day)
            for kind, values, day in kinds
            if values.get("balance") is not None and day is not None
        ),
        entries=tuple(_entry(movement, currency) for movement in draft.movements),
        from_date=first,
        to_date=last,
        owner=head["owner"],
    )


def _entry(movement: _Movement, currency: str) -> Entry:
    values, original = movement.values, movement.original
    text = " ".join(" ".join(part.split()) for part in movement.texts if part.strip())
    foreign = currency_of_number(original.get("currency") or "")
    detail = EntryDetail(
        amount=values["amount"],
        currency=currency,
        remittance=text,
        original_amount=original.get("amount") if foreign else None,
        original_currency=foreign,
    )
    document = f"Document {values['document']}" if values["document"] else ""
    return Entry(
        amount=values["amount"],
        currency=currency,
        booking_date=values["booked"],
        value_date=values["value"],
        proprietary_code=f"{values['common']}/{values['own']}".strip("/"),
        bank_reference=values["reference2"].strip("0") and values["reference2"],
        entry_reference=values["reference1"],
        additional_information=document,
        details=(detail,),
        position=movement.line,
    )


# ------------------------------------------------------------------------------------------------------- write
def write(statements: Sequence[Statement]) -> bytes:
    """Statements in ISO 8859-1.

    Not carried: counterparties, batches (their total is an entry), references but two, mandates, charges, rates.

    Raises:
        ElectraError: no opening or closing balance, no day, or an account that is not bank, branch and number (18 digits).
        LayoutError: something does not fit its columns.
    """
    rows = [row for statement in statements for row in _rows_of(statement)]
    return fixedwidth.write([*rows, ("end", {})], _LAYOUT).decode().encode("iso-8859-1", "replace")


def _rows_of(statement: Statement) -> Iterator[tuple[str, Values]]:
    opening, closing, account = statement.balance("OPBD"), statement.balance("CLBD"), statement.account
    number = number_of_currency(statement.currency)
    if opening is None or closing is None or len(account) != 18 or not number:
        raise ElectraError(
            f"The statement {statement.identification} cannot be written as Norma 43.",
            cause="it needs an opening and a closing balance, a currency, and an account of 18 digits.",
            repair="Choose another format.",
        )
    identity = {"bank": account[:4], "branch": account[4:8], "number": account[8:]}
    days = {"first": statement.from_date or opening.date, "last": statement.to_date or closing.date}
    yield "head", {**identity, **days, "balance": opening.amount, "currency": number, "owner": statement.owner}
    for entry in statement.entries:
        yield from _rows_of_entry(entry, account[4:8])
    amounts = [entry.amount for entry in statement.entries]
    debits, credits_ = ([one for one in amounts if one * sign > 0] for sign in (-1, 1))
    yield (
        "foot",
        {
            **identity,
            "debits": len(debits),
            "debit_sum": -sum(debits, Decimal(0)),
            "credits": len(credits_),
            "credit_sum": sum(credits_, Decimal(0)),
            "balance": closing.amount,
            "currency": number,
        },
    )


def _rows_of_entry(entry: Entry, branch: str) -> Iterator[tuple[str, Values]]:
    common, _, own = entry.proprietary_code.partition("/")
    detail = entry.details[0] if len(entry.details) == 1 else EntryDetail(remittance=entry.additional_information)
    yield (
        "movement",
        {
            "branch": branch,
            "booked": entry.booking_date,
            "value": entry.value_date,
            "common": common,
            "own": own,
            "amount": entry.amount,
            "reference1": entry.entry_reference,
            "reference2": entry.bank_reference,
        },
    )
    lines = textwrap.wrap(detail.remittance, _TEXT, break_on_hyphens=False)
    for place in range(0, len(lines), 2):
        first, second = (*lines[place : place + 2], "")[:2]
        yield "texts", {"order": f"{place // 2 + 1:02d}", "text1": first, "text2": second}
    if detail.original_amount is not None and number_of_currency(detail.original_currency):
        number = number_of_currency(detail.original_currency)
        yield "original", {"currency": number, "amount": detail.original_amount}
