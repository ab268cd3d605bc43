"""CFONB 240, single operations that French banks report to their customers: transfers received, collections, rejects. Read and
written.

Source: CFONB, Opérations restituées à la clientèle au format interbancaire de 240 caractères, May 2004. Records of 240
characters: 31 heads a sequence of one account, 34 is an operation, 39 holds the sum.

The rules.

* A sequence is a notification; an operation is an entry. Its code says whether money comes in (transfers, and those that come
  back) or goes out (collections, TIP and télérèglement to pay, and one's own that come back).
* What stands in the columns of the bank's name is the payment's additional information. Behind the text stand the day on which
  the first operation was settled and its reference, and why one was rejected: these are the entry's, in words.
* Of the two parties of an operation the counterparty is the one whose account is not the sequence's. An account is
  bank, branch and number as they stand, as in a CFONB statement.
* Written, an entry keeps its operation where it has one that fits its sign. Otherwise a credit is a transfer received (20) or
  one that came back (21), a debit a collection paid (80, where a mandate or creditor says that it is one) or one's own that
  came back (81). The format has no other debits: a transfer sent is refused.
* Operations of a layout of their own (notices of APL, cheques, bills of exchange) and corrections without an amount are told
  and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from electra_kernel.formats import fixedwidth
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.cfonb160 import french
from electra_kernel.formats.fields import BadValue, LayoutError, Values, continued, format_date, reader_of
from electra_kernel.formats.fixedwidth import Field, Layout, Record, Total
from electra_kernel.formats.records import Row
from electra_kernel.statements.model import NOTIFICATION, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.money import currency_decimals, is_currency
from electra_kernel.vocabulary.parties import Party

_WIDTH = 240
#: Columns of a line of text, of one of an operation that comes back, and of a bank's name.
_LINE, _LINE_BACK, _DOMICILE = 32, 31, 24
#: Columns of the day and of the reference of the first operation.
_DAY, _REFERENCE = 6, 6
_read_day = reader_of(Field("first_day", 1, _DAY, "date", date="DDMMYY"))
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
        additional_information="" if original_currency else values["domicile"].strip(),
    )
    return Entry(
        amount=amount,
        currency=currency,
        booking_date=values["day"],
        value_date=None,
        reversal=back,
        proprietary_code=code,
        bank_reference=values["reference"],
        additional_information=_rest(values["text"], back=back),
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
    width = _LINE_BACK if back else _LINE
    return continued([raw[:width], raw[width : 2 * width]])


def _rest(raw: str, *, back: bool) -> str:
    """What stands behind the lines of text: the reason of a return, and when and as what the first operation was settled."""
    reason = [f"Rejected, reason {raw[74:76].strip()}".strip()] if back else []
    start = 2 * (_LINE_BACK if back else _LINE)
    settled, reference = raw[start : start + _DAY], raw[start + _DAY : start + _DAY + _REFERENCE].strip()
    try:
        day = _read_day(settled)
    except BadValue:
        return "; ".join([*reason, " ".join(raw[start : start + _DAY + _REFERENCE].split())])
    first = [f"First settled {day}"] if day else []
    return "; ".join([*reason, *first, *([f"First reference {reference}"] if reference else [])])


def _original(values: Values) -> tuple[Decimal | None, str]:
    found = _ORIGINAL.fullmatch(values["domicile"][:15])
    if found is None or not is_currency(found[1]):
        return None, ""
    return Decimal(f"{found[2]}.{found[3]}" if found[3] else found[2]), found[1]


def _statement(sequence: _Sequence) -> Statement:
    head = sequence.head.values
    day = sequence.foot.get("day") or head["day"]
    currencies = [entry.currency for entry in sequence.entries]
    return Statement(
        identification="-".join(part for part in (head["operation"], f"{day:%Y%m%d}" if day else "") if part),
        account=_account(head, "own"),
        currency=currencies[0] if currencies else _currency(head, head)[0],
        balances=(),
        entries=tuple(sequence.entries),
        from_date=day,
        to_date=day,
        owner=head["own_name"],
        kind=NOTIFICATION,
    )


# ------------------------------------------------------------------------------------------------------- write
_TRANSFER, _TRANSFER_BACK, _COLLECTION, _COLLECTION_BACK = "20", "21", "80", "81"
#: The identification of a sequence whose head names no operation.
_NO_CODE = re.compile("[0-9]{8}")
_REASON = re.compile("Rejected, reason (.{2})")
_SETTLED = re.compile("First settled ([0-9]{4}-[0-9]{2}-[0-9]{2})")
_FIRST_REFERENCE = re.compile(f"First reference ([^;]{{1,{_REFERENCE}}})(?:;|$)")


def write(statements: Sequence[Statement]) -> bytes:
    """Statements as sequences of operations, one each, in ISO 8859-1.

    Not carried: balances, value dates, end-to-end ids, references but the bank's, mandates, addresses, banks, batches (their
    total is an operation), accounts of counterparties that are not French, identifications.

    Raises:
        LayoutError: the account is not French; a debit that is no collection; an entry without a booking date, in another
            currency or of more than twelve digits; a text that is longer than its columns or not in ISO 8859-1.
    """
    return fixedwidth.write([row for statement in statements for row in _rows_of(statement)], _LAYOUT)


def _rows_of(statement: Statement) -> Iterator[tuple[str, Values]]:
    own = _party("own", statement.account) | {"own_name": statement.owner}
    entries = [(_code_of(entry), entry) for entry in statement.entries]
    codes = set() if _NO_CODE.fullmatch(statement.identification) else {code for code, _ in entries}
    day = statement.to_date or statement.from_date or max((_booked(entry) for _, entry in entries), default=None)
    frame = {"day": day, "operation": codes.pop() if len(codes) == 1 else "", **own}
    currency = _marks(statement.currency)
    yield "head", {"number": 1, **frame, **currency}
    for number, (code, entry) in enumerate(entries, 2):
        if entry.currency != statement.currency:
            said = f"An entry in {entry.currency} cannot stand among operations in {statement.currency}."
            raise LayoutError(said, where=f"operation {number}", repair="Write a file for each currency.")
        yield "operation", {"number": number, **currency, **_operation(entry, code, own)}
    yield "foot", {"number": len(entries) + 2, **frame}


def _marks(currency: str) -> Values:
    """The euro's mark, or decimals and code of another currency."""
    if currency == "EUR":
        return {"mark": "E", "foreign": ""}
    if not is_currency(currency):
        raise LayoutError(f"{currency[:20]!r} is not a currency.", repair="Say in which currency the statement is.")
    return {"mark": "", "foreign": f"{currency_decimals(currency)}{currency}"}


def _party(side: str, account: str) -> Values:
    return {f"{side}_{name}": value for name, value in french(account).items()}


def _code_of(entry: Entry) -> str:
    """The operation of an entry: its own where it fits, else what its sign and its details mean."""
    incoming, outgoing = (_CREDITS_BACK, _DEBITS_BACK) if entry.reversal else (_CREDITS, _DEBITS)
    if entry.proprietary_code in (incoming if entry.amount > 0 else outgoing):
        return entry.proprietary_code
    if entry.amount > 0:
        return _TRANSFER_BACK if entry.reversal else _TRANSFER
    if entry.reversal:
        return _COLLECTION_BACK
    if any(detail.creditor_id or detail.mandate_id for detail in entry.details):
        return _COLLECTION
    raise LayoutError(
        f"The debit of {-entry.amount} {entry.currency} is no collection; CFONB 240 knows no other debits.",
        repair="Choose CFONB 120, or leave the entry out.",
    )


def _booked(entry: Entry) -> date:
    if entry.booking_date is None:
        raise LayoutError("An entry has no booking date; CFONB 240 needs one.", repair="Choose another format.")
    return entry.booking_date


def _operation(entry: Entry, code: str, own: Values) -> Values:
    detail = entry.details[0] if len(entry.details) == 1 else EntryDetail(remittance=entry.additional_information)
    party = detail.counterparty or Party(name="")
    try:
        other = _party("other", party.account)
    except LayoutError:
        other = {}
    sides = (own, "own"), (other | {"other_name": party.name}, "other")
    first, second = sides if entry.reversal else sides[::-1]
    abroad = code in _FROM_ABROAD
    return {
        "operation": code,
        "day": _booked(entry),
        **_renamed(*first, "first"),
        **_renamed(*second, "second"),
        "issuer": "" if abroad else detail.creditor_id,
        "reference": entry.bank_reference,
        "domicile": (_written_original(detail) if abroad else "") or _domicile(detail),
        "text": _written_text(detail.remittance, _written_rest(entry), back=entry.reversal),
        "amount": _cents(entry),
    }


def _renamed(values: Values, before: str, now: str) -> Values:
    return {name.replace(before, now, 1): value for name, value in values.items()}


def _cents(entry: Entry) -> int:
    cents = abs(entry.amount).scaleb(currency_decimals(entry.currency))
    if not cents or cents != int(cents):
        said = f"{entry.amount} {entry.currency} is no amount of whole units of the currency."
        raise LayoutError(said, repair="Leave the entry out, or round it before, knowingly.")
    return int(cents)


def _written_text(text: str, rest: str, *, back: bool) -> str:
    width, plain = (_LINE_BACK if back else _LINE), " ".join(text.split())
    if len(plain) > 2 * width:
        said = f"The text has {len(plain)} characters where {2 * width} fit."
        raise LayoutError(said, repair="Shorten it; nothing is cut by itself.")
    return f"{plain:<{2 * width}}{rest}"


def _written_rest(entry: Entry) -> str:
    """The columns behind the text: day and reference of the first operation, and the reason of a return."""
    said = entry.additional_information
    settled, reference = _SETTLED.search(said), _FIRST_REFERENCE.search(said)
    day = format_date(date.fromisoformat(settled[1]), "DDMMYY") if settled and _is_day(settled[1]) else ""
    reason = _REASON.search(said) if entry.reversal else None
    return f"{day:<{_DAY}}{reference[1] if reference else '':<{_REFERENCE}}{reason[1] if reason else ''}".rstrip()


def _is_day(text: str) -> bool:
    try:
        return 1970 <= date.fromisoformat(text).year <= 2069  # the file has two digits of the year
    except ValueError:
        return False


def _domicile(detail: EntryDetail) -> str:
    """What is said of a payment beside its text, where it is the name of a bank or as short."""
    return detail.additional_information if len(detail.additional_information) <= _DOMICILE else ""


def _written_original(detail: EntryDetail) -> str:
    if detail.original_amount is None or not detail.original_currency:
        return ""
    return f"{detail.original_currency}{detail.original_amount:f}".replace(".", ",")
