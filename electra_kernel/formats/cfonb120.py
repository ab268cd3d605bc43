"""CFONB 120, the account statement of French banks (AFB 120): read into objects and written.

Source: CFONB, Relevé de compte sur support informatique, version 5. Records of 120 characters: 01 old balance, 04 movement,
05 what more is said of it, 07 new balance. The last digit of an amount is zoned with the sign; how many digits are
decimals stands in column 20.

The rules.

* An account is bank, branch and number as they stand (5, 5 and 11 characters). The bank's own operation code and the
  interbank code make the proprietary code.
* Of the qualifiers of record 05, LIB, LCC and LC2 are the text, LCS is the structured reference, RCN the end-to-end id,
  RUM the mandate, REF the bank's reference, NPY and NBE the counterparty of a credit and of a debit, MMO the original
  amount, FEE the charges; any other is kept as it stands, after its name.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from electra_kernel.formats import fixedwidth
from electra_kernel.formats.base import Problems, Reading, proved, unreadable
from electra_kernel.formats.everyday import decode
from electra_kernel.formats.fields import Values, reader_of
from electra_kernel.formats.fixedwidth import Field, Layout, Record
from electra_kernel.formats.records import Row
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import currency_decimals, is_currency
from electra_kernel.vocabulary.parties import Party

_WIDTH = 120
#: A record of any kind: a file that begins in the middle is told so.
_HEAD = re.compile(rb"[\r\n\xef\xbb\xbf]*0[1457][0-9A-Z]{5}.{4}[0-9A-Z]{5}[A-Z ]{3}.{13}", re.DOTALL)
_ASK = "Fetch the file again, or ask the bank."


def _identity(*, operation: bool) -> tuple[Field, ...]:
    return (
        Field("bank", 3, 5),
        *((Field("own_code", 8, 4),) if operation else ()),
        Field("branch", 12, 5),
        Field("currency", 17, 3),
        Field("decimals", 20, 1),
        Field("account", 22, 11),
        *((Field("code", 33, 2),) if operation else ()),
        Field("day", 35, 6, "date", date="DDMMYY", required=True),
    )


def _amount(name: str, start: int) -> Field:
    return Field(name, start, 14, "amount", decimals_field="decimals", sign="overpunch", required=True)


_LAYOUT = Layout(
    name="CFONB 120",
    encoding="utf-8",
    ends=("new",),
    records=(
        Record(
            name="old",
            length=_WIDTH,
            shortest=104,
            marks=((1, ("01",)),),
            after=("", "new"),
            fields=(*_identity(operation=False), _amount("balance", 91)),
        ),
        Record(
            name="movement",
            length=_WIDTH,
            shortest=104,
            marks=((1, ("04",)),),
            after=("old", "movement", "more"),
            fields=(
                *_identity(operation=True),
                Field("rejected", 41, 2),
                Field("value", 43, 6, "date", date="DDMMYY"),
                Field("label", 49, 31),
                Field("number", 82, 7, fill="0", align="right"),
                Field("exempt", 89, 1),
                Field("unavailable", 90, 1),
                _amount("amount", 91),
                Field("reference", 105, 16),
            ),
        ),
        Record(
            name="more",
            length=_WIDTH,
            shortest=48,
            marks=((1, ("05",)),),
            after=("movement", "more"),
            fields=(*_identity(operation=True), Field("qualifier", 46, 3), Field("text", 49, 70, "raw")),
        ),
        Record(
            name="new",
            length=_WIDTH,
            shortest=104,
            marks=((1, ("07",)),),
            after=("old", "movement", "more"),
            fields=(*_identity(operation=False), _amount("balance", 91)),
        ),
    ),
)


def detect(data: bytes) -> bool:
    """Whether the bytes begin with a record of such a statement."""
    return _HEAD.match(data[: _WIDTH + 8]) is not None


# -------------------------------------------------------------------------------------------------------- read
@dataclass(slots=True)
class _Movement:
    line: int
    values: Values
    #: Qualifier and text of its records 05.
    more: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Draft:
    old: Values
    line: int
    movements: list[_Movement] = field(default_factory=list)
    new: Values | None = None


def read(data: bytes, source: str) -> Reading:
    """Read a file into statements.

    Raises:
        UnreadableFile: it holds no statement.
    """
    problems = Problems(source)
    text = decode(data, problems, "cp1252")
    drafts = _drafts(fixedwidth.read(text.encode(), _LAYOUT, problems), problems)
    if not drafts:
        said = "The CFONB file holds no statement: neither an old balance nor a movement."
        raise unreadable(source, "incomplete", said, "Fetch it again.")
    statements = tuple(_statement(draft, problems) for draft in drafts)
    return proved("CFONB 120", statements, problems)


def _drafts(rows: Iterable[Row], problems: Problems) -> list[_Draft]:
    drafts: list[_Draft] = []
    for row in rows:
        if row.record == "old":
            drafts.append(_Draft(row.values, row.line))
        elif row.record == "movement" and (not drafts or drafts[-1].new is not None):
            # That it stands where it may not is told with the order of the records; it is kept without an opening balance.
            drafts.append(_Draft({**row.values, "balance": None, "day": None}, row.line))
            _take(drafts[-1], row, problems)
        elif not drafts or drafts[-1].new is not None:
            problems.error(row.line, row.record, "order", "It stands outside any statement; it is left out.", _ASK)
        else:
            _check_account(drafts[-1], row, problems)
            _take(drafts[-1], row, problems)
    return drafts


def _check_account(draft: _Draft, row: Row, problems: Problems) -> None:
    account = _account(draft.old)
    if _account(row.values) != account:
        said = f"It is of the account {_account(row.values)}, in a statement of {account}, where it is kept."
        problems.error(row.line, f"{row.record}.account", "account", said, _ASK)


def _take(draft: _Draft, row: Row, problems: Problems) -> None:
    if row.record == "new":
        draft.new = row.values
    elif row.record == "movement":
        if row.values["amount"] is None:
            problems.error(row.line, "movement.amount", "amount", "Without its amount the entry is left out.", _ASK)
        else:
            draft.movements.append(_Movement(row.line, row.values))
    elif draft.movements:
        draft.movements[-1].more.append((row.values["qualifier"], row.values["text"]))
    else:
        problems.error(row.line, "more", "order", "It says more of a movement that is not there.", _ASK)


def _account(values: Values) -> str:
    return f"{values['bank']}{values['branch']}{values['account']}"


def _statement(draft: _Draft, problems: Problems) -> Statement:
    new = draft.new or {}
    stated = [values["currency"] for values in (draft.old, new, *(one.values for one in draft.movements)) if values]
    currency = next((each for each in stated if each), "")
    if not currency:
        problems.error(draft.line, "currency", "currency", "The statement names no currency.", _ASK)
    kinds = (("OPBD", draft.old), ("CLBD", new))
    first, last = draft.old["day"], new.get("day")
    return Statement(
        identification=f"{last:%Y%m%d}" if last else f"{first:%Y%m%d}" if first else str(draft.line),
        account=_account(draft.old),
        currency=currency,
        balances=tuple(
            Balance(kind=kind, amount=_balance(values, currency), currency=currency, date=values["day"])
            for kind, values in kinds
            if values.get("balance") is not None and values["day"] is not None
        ),
        entries=tuple(_entry(movement, currency) for movement in draft.movements),
        from_date=first,
        to_date=last,
    )


def _balance(values: Values, currency: str) -> Decimal:
    """A balance whose record leaves out how many decimals it has, has those of its currency; two where that is unknown."""
    amount: Decimal = values["balance"]
    if values["decimals"]:
        return amount
    return amount.scaleb(-currency_decimals(currency) if is_currency(currency) else -2)


def _entry(movement: _Movement, currency: str) -> Entry:
    values = movement.values
    said = _Said(values["amount"] > 0)
    for qualifier, text in movement.more:
        said.take(qualifier, text)
    detail = EntryDetail(
        amount=values["amount"],
        currency=values["currency"] or currency,
        counterparty=said.counterparty(),
        remittance=" ".join(said.texts) or values["label"],
        **said.columns,
    )
    rejected = f"Rejected, reason {values['rejected']}" if values["rejected"].strip("0") else ""
    shown = values["label"] if said.texts else ""
    return Entry(
        amount=values["amount"],
        currency=values["currency"] or currency,
        booking_date=values["day"],
        value_date=values["value"],
        reversal=bool(rejected),
        proprietary_code=f"{values['own_code']}/{values['code']}".strip("/"),
        bank_reference=said.bank_reference,
        entry_reference=values["reference"] or values["number"],
        additional_information=" ".join(part for part in (shown, rejected, *said.others) if part),
        details=(detail,),
        position=movement.line,
    )


@dataclass(slots=True)
class _Said:
    """What the records 05 of a movement say, sorted into columns."""

    credit: bool
    texts: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    columns: dict[str, Any] = field(default_factory=dict)
    bank_reference: str = ""
    name: str = ""
    account: str = ""

    def take(self, qualifier: str, raw: str) -> None:
        """Take one record; what is said a second time is kept as it stands."""
        text = " ".join(raw.split())
        first = raw[:35].strip()
        if qualifier in _TEXTS:
            self.texts.append(text)
        elif qualifier in _COLUMNS and _COLUMNS[qualifier] not in self.columns:
            self.columns[_COLUMNS[qualifier]] = first
            self._keep(qualifier, raw[35:])
        elif qualifier in _AMOUNTS and self._amount(qualifier, raw):
            return
        elif qualifier == "REF" and not self.bank_reference:
            self.bank_reference = first
            self._keep(qualifier, raw[35:])
        elif qualifier == ("NPY" if self.credit else "NBE") and not self.name:
            self.name = text
        elif qualifier == ("CPY" if self.credit else "CBE") and not self.account:
            self.account = text.replace(" ", "")
        else:
            self._keep(qualifier, raw)

    def counterparty(self) -> Party | None:
        """Who paid or was paid, where the bank says it."""
        return Party(name=self.name, account=self.account) if self.name or self.account else None

    def _keep(self, qualifier: str, raw: str) -> None:
        if raw.strip():
            self.others.append(f"[{qualifier}] {' '.join(raw.split())}")

    def _amount(self, qualifier: str, raw: str) -> bool:
        """Currency, number of decimals, amount; whether that is what stands there."""
        currency, decimals, digits = raw[:3], raw[3:4], raw[4:18].strip()
        if not (currency.isalpha() and decimals.isdigit() and digits.isdigit() and int(decimals) <= 5):
            return False
        amount = _UNSIGNED(digits.rjust(int(decimals) + 1, "0")).scaleb(-int(decimals))
        if qualifier == "FEE":
            self.columns["charges"] = -amount
        else:
            self.columns |= {"original_amount": amount, "original_currency": currency}
            self._keep(qualifier, raw[18:])
        return True


_UNSIGNED = reader_of(Field("amount", 1, 14, "amount"))
_TEXTS = ("LIB", "LCC", "LC2")
_COLUMNS = {"LCS": "structured_reference", "RCN": "end_to_end_id", "RUM": "mandate_id", "ICS": "creditor_id"}
_AMOUNTS = ("MMO", "FEE")


# ------------------------------------------------------------------------------------------------------- write
_TEXT, _LABEL = 70, 31


def write(statements: Sequence[Statement]) -> bytes:
    """Statements in ISO 8859-1.

    Not carried: batches (their total is an entry), addresses, banks of counterparties, ISO transaction codes, rates.

    Raises:
        ElectraError: no opening or closing balance, or an account that is not bank, branch and number (21 characters).
        LayoutError: something does not fit its columns.
    """
    rows = [row for statement in statements for row in _rows_of(statement)]
    return fixedwidth.write(rows, _LAYOUT).decode().encode("iso-8859-1", "replace")


def _rows_of(statement: Statement) -> Iterator[tuple[str, Values]]:
    opening, closing, account = statement.balance("OPBD"), statement.balance("CLBD"), statement.account
    if opening is None or closing is None or len(account) != 21:
        raise ElectraError(
            f"The statement {statement.identification} cannot be written as CFONB 120.",
            cause="it needs an opening and a closing balance, and an account of 21 characters.",
            repair="Choose another format.",
        )
    identity = {
        "bank": account[:5],
        "branch": account[5:10],
        "account": account[10:],
        "currency": statement.currency,
        "decimals": str(currency_decimals(statement.currency)),
    }
    yield "old", {**identity, "day": opening.date, "balance": opening.amount}
    for entry in statement.entries:
        yield from _rows_of_entry(entry, identity)
    yield "new", {**identity, "day": closing.date, "balance": closing.amount}


def _rows_of_entry(entry: Entry, identity: Values) -> Iterator[tuple[str, Values]]:
    own, _, code = entry.proprietary_code.partition("/")
    detail = entry.details[0] if len(entry.details) == 1 else EntryDetail(remittance=entry.additional_information)
    same = {**identity, "own_code": own, "code": code, "day": entry.booking_date}
    label = entry.additional_information if len(entry.details) == 1 else ""
    short = detail.remittance if len(detail.remittance) <= _LABEL and not label else ""
    yield (
        "movement",
        {
            **same,
            "value": entry.value_date,
            "label": short or label[:_LABEL],
            "amount": entry.amount,
            "reference": entry.entry_reference,
        },
    )
    for qualifier, text in _said_of(entry, detail, short):
        yield "more", {**same, "qualifier": qualifier, "text": text}


def _said_of(entry: Entry, detail: EntryDetail, short: str) -> Iterator[tuple[str, str]]:
    text = "" if short else detail.remittance
    for place, line in enumerate(textwrap.wrap(text, _TEXT, break_on_hyphens=False)):
        yield ("LCC", "LC2")[min(place, 1)], line
    party = detail.counterparty
    if party is not None and party.name:
        yield "NPY" if entry.amount > 0 else "NBE", party.name
    if party is not None and party.account:
        yield "CPY" if entry.amount > 0 else "CBE", party.account
    for qualifier, name in _COLUMNS.items():
        if getattr(detail, name):
            yield qualifier, getattr(detail, name)
    if entry.bank_reference:
        yield "REF", entry.bank_reference
    for qualifier, currency, amount in (
        ("MMO", detail.original_currency, detail.original_amount),
        ("FEE", entry.currency, -detail.charges if detail.charges else None),
    ):
        if amount is not None:
            decimals = max(currency_decimals(currency), -int(amount.normalize().as_tuple().exponent))
            yield qualifier, f"{currency}{decimals}{int(amount.scaleb(decimals)):014d}"
