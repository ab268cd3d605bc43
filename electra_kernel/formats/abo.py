"""ABO, also called GPC, the account statement of Czech and Slovak banks: read into objects and written.

Source: ABO interface descriptions of Czech banks (records 074 and 075, with 076, 078 and 079 for more). Records of 128
characters: 074 head with both balances and the turnovers, 075 movement, 076 its identification at the bank, 078 and 079
texts for the payer and the payee.

The rules.

* The account is its 16 digits as they stand. A counterparty's account is ``prefix-number/bank``, without leading zeros.
* Code 1 is a debit, 2 a credit, 4 a debit taken back, 5 a credit taken back.
* Variable, specific and constant symbol are the structured reference, as ``/VS1/SS2/KS3``; those that are zero are left out.
* Texts are Windows-1250, unless the bytes are UTF-8.
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
from electra_kernel.formats.fixedwidth import Field, Layout, Record
from electra_kernel.formats.records import Row
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import currency_of_number, number_of_currency
from electra_kernel.vocabulary.parties import Party

_WIDTH, _TEXT = 128, 35
_HEAD = re.compile(rb"[\r\n\xef\xbb\xbf]*074[0-9]{16}.{20,40}?[0-9]{20}[-+ 0][0-9]{14}[-+ 0]", re.DOTALL)
_DEBIT, _CREDIT, _DEBIT_BACK, _CREDIT_BACK = "1", "2", "4", "5"
_SIGNS = {_DEBIT: -1, _CREDIT: 1, _DEBIT_BACK: 1, _CREDIT_BACK: -1}
_DEFAULT_CURRENCY = "CZK"
_SYMBOLS = re.compile(r"(?:/VS([0-9]{1,10}))?(?:/SS([0-9]{1,10}))?(?:/KS([0-9]{1,4}))?")
_ACCOUNT = re.compile(r"(?:([0-9]{1,6})-)?([0-9]{1,10})(?:/([0-9]{4}))?")
_ASK = "Fetch the file again, or ask the bank."


def _day(name: str, start: int) -> Field:
    return Field(name, start, 6, "date", date="DDMMYY")


def _signed(name: str, start: int) -> tuple[Field, Field]:
    """Fourteen digits and a sign after them, which some banks leave blank or zero for a plus."""
    mark = f"{name}_sign"
    signed = Field(name, start, 14, "amount", decimals=2, sign_field=mark, negative=("-",), positive=("+", "0", ""))
    return Field(mark, start + 14, 1), signed


def _texts(name: str, code: str) -> Record:
    return Record(
        name=name,
        length=_WIDTH,
        shortest=4,
        marks=((1, (code,)),),
        after=("movement", "identification", "text1", "text2"),
        fields=(Field("first", 4, _TEXT, "raw"), Field("second", 39, _TEXT, "raw")),
    )


_LAYOUT = Layout(
    name="ABO",
    encoding="utf-8",
    records=(
        Record(
            name="head",
            length=_WIDTH,
            shortest=114,
            marks=((1, ("074",)),),
            fields=(
                Field("account", 4, 16, "digits", required=True),
                Field("owner", 20, 20),
                _day("first", 40),
                *_signed("opening", 46),
                *_signed("closing", 61),
                *_signed("debits", 76),
                *_signed("credits", 91),
                Field("sequence", 106, 3, "integer"),
                _day("last", 109),
                Field("rest", 115, 14),
            ),
        ),
        Record(
            name="movement",
            length=_WIDTH,
            shortest=122,
            marks=((1, ("075",)),),
            after=("head", "movement", "identification", "text1", "text2"),
            fields=(
                Field("account", 4, 16, "digits", required=True),
                Field("party", 20, 16),
                Field("reference", 36, 13, align="right", fill="0"),
                Field("amount", 49, 12, "amount", decimals=2, required=True),
                Field("code", 61, 1, values=tuple(_SIGNS), required=True),
                Field("variable", 62, 10, align="right", fill="0"),
                Field("bank", 72, 6, align="right", fill="0"),
                Field("constant", 78, 4, align="right", fill="0"),
                Field("specific", 82, 10, align="right", fill="0"),
                _day("value", 92),
                Field("name", 98, 20),
                Field("currency", 118, 5, align="right", fill="0"),
                _day("booked", 123),
            ),
        ),
        Record(
            name="identification",
            length=_WIDTH,
            shortest=4,
            marks=((1, ("076",)),),
            after=("movement",),
            fields=(Field("reference", 4, 26), _day("day", 30), Field("text", 36, 92)),
        ),
        _texts("text1", "078"),
        _texts("text2", "079"),
    ),
)


def detect(data: bytes) -> bool:
    """Whether the bytes begin with the head of such a statement."""
    return _HEAD.match(data[: _WIDTH + 40]) is not None


# -------------------------------------------------------------------------------------------------------- read
@dataclass(slots=True)
class _Movement:
    line: int
    values: Values
    texts: list[str] = field(default_factory=list)
    reference: str = ""


@dataclass(slots=True)
class _Draft:
    head: Values
    line: int
    movements: list[_Movement] = field(default_factory=list)


def read(data: bytes, source: str) -> Reading:
    """Read a file into statements.

    Raises:
        UnreadableFile: it holds no statement.
    """
    problems = Problems(source)
    text = decode(data, problems, "cp1250")
    drafts: list[_Draft] = []
    for row in fixedwidth.read(text.encode(), _LAYOUT, problems):
        if row.record == "head":
            drafts.append(_Draft(row.values, row.line))
        elif drafts:
            _take(drafts[-1], row, problems)
    if not drafts:
        raise unreadable(source, "incomplete", "The ABO file holds no statement.", "Fetch it again.")
    statements = tuple(_statement(draft, problems) for draft in drafts)
    return proved("ABO", statements, problems)


def _take(draft: _Draft, row: Row, problems: Problems) -> None:
    if row.record == "movement":
        if row.values["account"] != draft.head["account"]:
            said = f"It is of the account {row.values['account']}, in a statement of another, where it is kept."
            problems.error(row.line, "movement.account", "account", said, _ASK)
        if row.values["amount"] is None or row.values["code"] is None:
            said = "Without its amount and its side the entry is left out."
            problems.error(row.line, "movement.amount", "amount", said, _ASK)
        else:
            draft.movements.append(_Movement(row.line, row.values))
    elif draft.movements and row.record == "identification":
        draft.movements[-1].reference = row.values["reference"]
        draft.movements[-1].texts.append(row.values["text"])
    elif draft.movements:
        draft.movements[-1].texts += [row.values["first"], row.values["second"]]


def _statement(draft: _Draft, problems: Problems) -> Statement:
    head = draft.head
    currencies = [currency_of_number(one.values["currency"].zfill(3)) for one in draft.movements]
    currency = next((each for each in currencies if each), _DEFAULT_CURRENCY)
    _check_turnovers(draft, problems)
    kinds = (("OPBD", head["opening"], head["first"]), ("CLBD", head["closing"], head["last"]))
    last, sequence = head["last"], head["sequence"] or None
    return Statement(
        identification=f"{last:%Y}-{sequence:03d}" if last and sequence else f"{last:%Y%m%d}" if last else "",
        account=head["account"] or "",
        currency=currency,
        balances=tuple(
            Balance(kind=kind, amount=amount, currency=currency, date=day)
            for kind, amount, day in kinds
            if amount is not None and day is not None
        ),
        entries=tuple(_entry(one, own or currency) for one, own in zip(draft.movements, currencies, strict=True)),
        sequence=sequence,
        from_date=head["first"],
        to_date=last,
        owner=head["owner"],
    )


def _check_turnovers(draft: _Draft, problems: Problems) -> None:
    for name, codes in (("debits", (_DEBIT, _DEBIT_BACK)), ("credits", (_CREDIT, _CREDIT_BACK))):
        said = draft.head[name]
        amounts = [
            one.values["amount"] * (1 if one.values["code"] == codes[0] else -1)
            for one in draft.movements
            if one.values["code"] in codes
        ]
        if said is not None and abs(said) != abs(sum(amounts)):
            text = f"The sum of the {name} is said to be {abs(said)} and is {abs(sum(amounts, Decimal(0)))}."
            problems.error(draft.line, f"head.{name}", "sum", text, "Movements are missing or doubled: fetch it again.")


def _entry(movement: _Movement, currency: str) -> Entry:
    values = movement.values
    amount = values["amount"] * _SIGNS[values["code"]]
    party = _party(values)
    text = " ".join(" ".join(part.split()) for part in movement.texts if part.strip())
    name = values["name"]
    symbols = ("/VS", values["variable"]), ("/SS", values["specific"]), ("/KS", values["constant"])
    detail = EntryDetail(
        amount=amount,
        currency=currency,
        counterparty=Party(name=name, account=party) if party else None,
        remittance=text or ("" if party else name),
        structured_reference="".join(f"{mark}{symbol}" for mark, symbol in symbols if symbol),
    )
    return Entry(
        amount=amount,
        currency=currency,
        booking_date=values["booked"],
        value_date=values["value"],
        reversal=values["code"] in (_DEBIT_BACK, _CREDIT_BACK),
        bank_reference=movement.reference or values["reference"],
        additional_information=name if text and not party else "",
        details=(detail,),
        position=movement.line,
    )


def _party(values: Values) -> str:
    digits = values["party"]
    if not digits.isdigit() or not digits.strip("0"):
        return ""
    prefix, number = digits[:6].lstrip("0"), digits[6:].lstrip("0")
    bank = f"/{values['bank'].zfill(4)}" if values["bank"] else ""
    return f"{prefix}-{number}{bank}" if prefix else f"{number}{bank}"


# ------------------------------------------------------------------------------------------------------- write
def write(statements: Sequence[Statement]) -> bytes:
    """Statements in Windows-1250.

    Not carried: batches (their total is an entry), end-to-end ids, mandates, charges, rates, banks outside the country,
    names over 20 characters beside an account, transaction codes, and texts over 140 characters.

    Raises:
        ElectraError: no opening or closing balance, or an account that is not 16 digits.
        LayoutError: something does not fit its columns.
    """
    rows = [row for statement in statements for row in _rows_of(statement)]
    return fixedwidth.write(rows, _LAYOUT).decode().encode("cp1250", "replace")


def _rows_of(statement: Statement) -> Iterator[tuple[str, Values]]:
    opening, closing = statement.balance("OPBD"), statement.balance("CLBD")
    number = number_of_currency(statement.currency)
    if opening is None or closing is None or not re.fullmatch("[0-9]{16}", statement.account) or not number:
        raise ElectraError(
            f"The statement {statement.identification} cannot be written as ABO.",
            cause="it needs an opening and a closing balance, a currency, and an account of 16 digits.",
            repair="Choose another format.",
        )
    coded = [(entry, _code(entry)) for entry in statement.entries]
    yield (
        "head",
        {
            "account": statement.account,
            "owner": statement.owner[:20],
            "first": statement.from_date or opening.date,
            "opening": opening.amount,
            "closing": closing.amount,
            "debits": _turnover(coded, _DEBIT, _DEBIT_BACK),
            "credits": _turnover(coded, _CREDIT, _CREDIT_BACK),
            "sequence": statement.sequence,
            "last": statement.to_date or closing.date,
        },
    )
    for entry, code in coded:
        yield from _rows_of_entry(entry, code, statement.account)


def _code(entry: Entry) -> str:
    if entry.reversal:
        return _DEBIT_BACK if entry.amount > 0 else _CREDIT_BACK
    return _CREDIT if entry.amount > 0 else _DEBIT


def _turnover(coded: Iterable[tuple[Entry, str]], plain: str, back: str) -> Decimal:
    signs = {plain: 1, back: -1}
    return sum((abs(entry.amount) * signs[code] for entry, code in coded if code in signs), Decimal(0))


def _rows_of_entry(entry: Entry, code: str, account: str) -> Iterator[tuple[str, Values]]:
    detail = entry.details[0] if len(entry.details) == 1 else EntryDetail(remittance=entry.additional_information)
    party = detail.counterparty or Party(name="")
    found = _ACCOUNT.fullmatch(party.account)
    prefix, number, bank = found.groups(default="") if found else ("", "", "")
    symbols = _SYMBOLS.fullmatch(detail.structured_reference)
    variable, specific, constant = symbols.groups(default="") if symbols else ("", "", "")
    name = party.name[:20] if found else (entry.additional_information or party.name)[:20]
    yield (
        "movement",
        {
            "account": account,
            "party": f"{prefix.zfill(6)}{number.zfill(10)}",
            "reference": entry.bank_reference if len(entry.bank_reference) <= 13 else "",
            "amount": abs(entry.amount),
            "code": code,
            "variable": variable,
            "bank": bank,
            "constant": constant,
            "specific": specific,
            "value": entry.value_date,
            "name": name,
            "currency": number_of_currency(entry.currency),
            "booked": entry.booking_date,
        },
    )
    if len(entry.bank_reference) > 13:
        yield "identification", {"reference": entry.bank_reference}
    lines = textwrap.wrap(detail.remittance, _TEXT, break_on_hyphens=False)
    for record, place in (("text1", 0), ("text2", 2)):
        if lines[place : place + 2]:
            first, second = (*lines[place : place + 2], "")[:2]
            yield record, {"first": first, "second": second}
