"""CFONB 240, single operations that French banks report to their customers: transfers received, collections, rejects. Read only,
as only banks make such files.

Source: CFONB, Opérations restituées à la clientèle au format interbancaire de 240 caractères, May 2004. Records of 240
characters: 31 heads a sequence of one account, 34 is an operation, 39 holds the sum.

The rules.

* A sequence is a notification; an operation is an entry. Its code says whether money comes in (transfers, and those that come
  back) or goes out (collections, TIP and télérèglement to pay, and one's own that come back).
* Of the two parties of an operation the counterparty is the one whose account is not the sequence's. An account is
  bank, branch and number as they stand, as in a CFONB statement.
* Operations of a layout of their own (notices of APL, cheques, bills of exchange) and corrections without an amount are told
  and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from electra_kernel.formats import fixedwidth
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.fields import Values, continued
from electra_kernel.formats.fixedwidth import Field, Layout, Record, Total
from electra_kernel.formats.records import Row
from electra_kernel.statements.model import NOTIFICATION, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.money import is_currency
from electra_kernel.vocabulary.parties import Party

_WIDTH = 240
_HEAD = re.compile(rb"[\r\n]*31[0-9]{6}.{2}[0-9 ]{6}[E ].{4}[0-9A-Z]{21}", re.DOTALL)
_ASK = "Fetch the file again, or ask the bank."

#: What comes in, what goes out; those that come back of either.
_CREDITS = frozenset({"20", "22", "27", "28", "73", "75", "76", "77", "78", "79"})
_DEBITS = frozenset({"70", "80", "82", "85", "86"})
_CREDITS_BACK = frozenset({"21", "24"})
_DEBITS_BACK = frozenset({"71", "81", "84", "88"})
_FROM_ABROAD = frozenset({"77", "79"})
_LEFT_OUT = {
    "23": "a corrected transfer",
    "33": "a notice of APL",
    "40": "a cheque",
    "41": "a returned cheque",
    "61": "a returned bill of exchange",
    "63": "a corrected bill of exchange",
    "83": "a corrected collection",
}
_ORIGINAL = re.compile("([A-Z]{3})([0-9]{1,12})(?:,([0-9]{0,5}))? *")


def _parties(*sides: tuple[str, int]) -> tuple[Field, ...]:
    return tuple(
        part
        for side, at in sides
        for part in (
            Field(f"{side}_bank", at, 5),
            Field(f"{side}_branch", at + 5, 5),
            Field(f"{side}_account", at + 10, 11),
            Field(f"{side}_name", at + 21, 24),
        )
    )


def _common() -> tuple[Field, ...]:
    return (
        Field("number", 3, 6, "integer", required=True),
        Field("operation", 9, 2),
        Field("day", 11, 6, "date", date="DDMMYY"),
    )


_LAYOUT = Layout(
    name="CFONB 240",
    encoding="iso-8859-1",
    ends=("foot",),
    records=(
        Record(
            name="head",
            length=_WIDTH,
            shortest=42,
            marks=((1, ("31",)),),
            after=("", "foot"),
            fields=(*_common(), Field("mark", 17, 1), Field("foreign", 18, 4), *_parties(("own", 22))),
        ),
        Record(
            name="operation",
            length=_WIDTH,
            marks=((1, ("34",)),),
            after=("head", "operation"),
            fields=(
                *_common(),
                Field("mark", 17, 1),
                Field("foreign", 18, 4),
                *_parties(("first", 22), ("second", 78)),
                Field("issuer", 67, 6),
                Field("reference", 123, 6),
                Field("domicile", 129, 24, "raw"),
                Field("text", 153, 76, "raw"),
                Field("amount", 229, 12, "integer", required=True),
            ),
        ),
        Record(
            name="foot",
            length=_WIDTH,
            marks=((1, ("39",)),),
            after=("head", "operation"),
            fields=(
                *_common(),
                *_parties(("own", 22)),
                Field("sum", 229, 12, "integer", total=Total(of=("operation",), field="amount", since="head")),
            ),
        ),
    ),
)


def detect(data: bytes) -> bool:
    """Whether the bytes begin with the head of a sequence of operations."""
    return _HEAD.match(data[: _WIDTH + 8]) is not None


@dataclass(slots=True)
class _Sequence:
    head: Row
    foot: Values = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


def read(data: bytes, source: str) -> Reading:
    """Read sequences of operations into notifications; one without operations is a notification without entries.

    Raises:
        UnreadableFile: it holds no sequence.
    """
    problems = Problems(source)
    found = _sequences(fixedwidth.read(data, _LAYOUT, problems), problems)
    if not found:
        raise unreadable(source, "incomplete", "The CFONB file holds no sequence of operations.", "Fetch it again.")
    statements = tuple(_statement(one) for one in found)
    return Reading(format="CFONB 240", statements=statements, problems=problems.rows())


def _sequences(rows: Iterable[Row], problems: Problems) -> list[_Sequence]:
    found: list[_Sequence] = []
    last = 0
    for row in rows:
        number = row.values["number"]
        if number is not None and number != last + 1 and not (row.record == "head" and number == 1):
            said = f"The record has the number {number} after {last}: records are missing or doubled."
            problems.error(row.line, f"{row.record}.number", "count", said, _ASK)
        last = number or last + 1
        if row.record == "head":
            found.append(_Sequence(row))
        elif not found:
            problems.error(row.line, row.record, "order", "It stands in no sequence; it is left out.", _ASK)
        elif row.record == "foot":
            _check_account(found[-1].head, row, problems)
            found[-1].foot = row.values
        elif (entry := _entry(row, found[-1].head.values, problems)) is not None:
            found[-1].entries.append(entry)
    return found


def _check_account(head: Row, row: Row, problems: Problems) -> None:
    if _account(row.values, "own") != _account(head.values, "own"):
        said = "The sum is of another account than the head of its sequence."
        problems.error(row.line, "foot.account", "account", said, _ASK)


def _account(values: Values, side: str) -> str:
    return f"{values[f'{side}_bank']}{values[f'{side}_branch']}{values[f'{side}_account']}"


def _currency(values: Values, head: Values) -> tuple[str, int]:
    """Currency and its decimals: euro, or what the reserved columns of the operation or of the head say."""
    for zone in (values["foreign"], head["foreign"]):
        if re.fullmatch("[0-5][A-Z]{3}", zone) and is_currency(zone[1:]):
            return zone[1:], int(zone[0])
    return "EUR", 2


def _entry(row: Row, head: Values, problems: Problems) -> Entry | None:
    values = row.values
    code = values["operation"]
    back = code in _CREDITS_BACK | _DEBITS_BACK
    if not (back or code in _CREDITS | _DEBITS):
        what = _LEFT_OUT.get(code, "none that is known")
        said = f"The operation {code!r} is {what} (amount {values['amount']}, in the smallest unit); it is left out."
        problems.error(row.line, "operation.operation", "operation", said, "Look at the bank's statement for it.")
        return None
    if values["amount"] is None:
        problems.error(row.line, "operation.amount", "amount", "Without its amount the entry is left out.", _ASK)
        return None
    currency, decimals = _currency(values, head)
    sign = 1 if code in _CREDITS | _CREDITS_BACK else -1
    amount = sign * Decimal(values["amount"]).scaleb(-decimals)
    other = "first" if _is_second(values, head, back=back, code=code) else "second"
    account = _account(values, other)
    original, original_currency = _original(values) if code in _FROM_ABROAD else (None, "")
    detail = EntryDetail(
        amount=amount,
        currency=currency,
        counterparty=Party(name=values[f"{other}_name"], account=account)
        if account or values[f"{other}_name"]
        else None,
        remittance=_text(values["text"], back=back),
        creditor_id=values["issuer"] if code not in _FROM_ABROAD else "",
        original_amount=original,
        original_currency=original_currency,
    )
    return Entry(
        amount=amount,
        currency=currency,
        booking_date=values["day"],
        value_date=None,
        reversal=back,
        proprietary_code=code,
        bank_reference=values["reference"],
        additional_information=f"Rejected, reason {values['text'][74:76].strip()}".strip() if back else "",
        details=(detail,),
        position=row.line,
    )


def _is_second(values: Values, head: Values, *, back: bool, code: str) -> bool:
    """Whether the account of the sequence is the operation's second; by its kind where neither or both of them are."""
    own = _account(head, "own")
    is_first, is_second = _account(values, "first") == own, _account(values, "second") == own
    if is_first != is_second:
        return is_second
    return not back and code in _CREDITS | _DEBITS


def _text(raw: str, *, back: bool) -> str:
    """Both lines of text: of 31 characters in an operation that comes back, else of 32."""
    width = 31 if back else 32
    return continued([raw[:width], raw[width : 2 * width]])


def _original(values: Values) -> tuple[Decimal | None, str]:
    found = _ORIGINAL.fullmatch(values["domicile"][:15])
    if found is None or not is_currency(found[1]):
        return None, ""
    return Decimal(f"{found[2]}.{found[3] or '0'}"), found[1]


def _statement(sequence: _Sequence) -> Statement:
    head = sequence.head.values
    day = sequence.foot.get("day") or head["day"]
    currencies = [entry.currency for entry in sequence.entries]
    return Statement(
        identification=f"{head['operation']}-{day:%Y%m%d}" if day else head["operation"],
        account=_account(head, "own"),
        currency=currencies[0] if currencies else _currency(head, head)[0],
        balances=(),
        entries=tuple(sequence.entries),
        from_date=day,
        to_date=day,
        owner=head["own_name"],
        kind=NOTIFICATION,
    )
