"""The rows of a statement sheet: one row of cells to one booking, or to a problem with its line. The rules are told in
``sheets``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from electra_kernel.formats.base import Problems
from electra_kernel.formats.grids import ERROR_CELL, Cell, Row, plain
from electra_kernel.formats.sheet_values import Amounts, Dates
from electra_kernel.formats.sheet_words import CLOSINGS, CREDITS, DEBITS, NOT_BOOKED, OPENINGS, PENDING, SUMS, SYMBOLS
from electra_kernel.statements.model import Entry, EntryDetail
from electra_kernel.vocabulary.money import is_currency
from electra_kernel.vocabulary.parties import Address, Party

_REPAIR = "Correct the cell, or ask for the export again."
#: How many rows that were passed over are shown in the warning.
_SHOWN = 5
#: Decimals of an exchange rate that the ledger holds.
RATE_DECIMALS = 10
#: A cell that may say that its row is a sum: few letters, no digits.
_LABEL, _LETTERS = 40, re.compile(r"[^0-9]+$")
#: No text of a cell is kept longer.
LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class Way:
    """How a sheet is written: the places of its fields, its dates and amounts, and what stands above the header.

    Attributes:
        signed: whether amounts show the direction by their sign.
        debits_signed: whether the column of debits has negative amounts.
        marks: the place of the column that marks the direction, none where there is none.
        unmarked_debits: whether only credits are marked, so that amounts without a mark are debits.
        less_charges: whether the balances prove that charges are taken besides the amounts.
        marks_only: whether all signs contradict the marks, so that they mean something else.
    """

    places: Mapping[str, tuple[int, ...]]
    dates: Dates
    amounts: Amounts
    account: str
    currency: str
    signed: bool = False
    debits_signed: bool = False
    marks: tuple[int, ...] = ()
    unmarked_debits: bool = False
    marks_only: bool = False
    less_charges: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A row: a booking with the balance beside it, or (``kind`` is OPBD or CLBD) a balance alone.

    ``directed`` says that something beside the sign of the amount told its direction.
    """

    account: str
    currency: str
    position: int
    entry: Entry | None = None
    balance: Decimal | None = None
    kind: str = ""
    day: date | None = None
    directed: bool = False


class _Bad(Exception):
    """One thing wrong with a row; becomes its problem."""

    def __init__(self, field: str, rule: str, text: str, repair: str = _REPAIR) -> None:
        self.field, self.rule, self.text, self.repair = field, rule, text, repair
        super().__init__(text)


class RowReader:
    """Reads the rows below a header; keeps what they have in common."""

    def __init__(self, header: Sequence[Cell], way: Way, problems: Problems, booked: int = 0) -> None:
        self._header = [text_of(cell) for cell in header]
        self._way, self._problems = way, problems
        self._passed: list[tuple[int, str]] = []
        self._moneyless, self._booked = 0, booked
        #: Sums that rows of their own tell: line and amount.
        self.sums: list[tuple[int, Decimal]] = []

    def read(self, rows: Sequence[Row]) -> Iterator[Booked]:
        """Every row that is a booking or a balance, in the order of the sheet."""
        for number, cells in rows:
            texts = [text_of(cell) for cell in cells]
            if not any(texts):
                continue
            if texts[: len(self._header)] == self._header:
                self._passed.append((number, "the header again"))
                continue
            try:
                booked = self._row(number, cells)
            except _Bad as bad:
                self._problems.error(number, bad.field, bad.rule, bad.text, bad.repair)
            else:
                if booked is not None:
                    self._booked += 1
                    yield booked
        self._tell_passed()
        if self._moneyless and not self._booked:
            said = "No row has an amount in the column that is named so."
            self._problems.error(self._moneyless, "amount", "no-amounts", said, "Ask for the export again.")

    def _row(self, number: int, cells: Sequence[Cell]) -> Booked | None:
        if any(text_of(cell) for cell in cells[len(self._header) :]):
            said = f"The row has {len(cells)} cells; the header has {len(self._header)}."
            raise _Bad("row", "too-many-cells", said, "Put texts with the delimiter between quotation marks.")
        kind = self._kind(cells)
        if kind == "sum":
            self._take_sums(number, cells)
            return None
        day, value = self._day(cells, "booking"), self._day(cells, "value")
        told = self._day(cells, "date")
        amount, currency, directed = self._amount(cells)
        kind, first = self._kind(cells), day or told or value
        if (
            kind == "sum"
            or (not kind and first is None and amount is None)
            or (not kind and first is None and self._sums_up(cells))
        ):
            self._passed.append((number, _shown(cells)))
            return None
        account = self._account(cells)
        currency = self._currency(cells) or currency or self._way.currency
        if kind:
            told_balance = self._balance(cells) if amount is None else amount
            if told_balance is not None:
                return Booked(
                    account=account, currency=currency, position=number, balance=told_balance, kind=kind, day=first
                )
        if first is None and amount is None:
            self._passed.append((number, _shown(cells)))
            return None
        if first is None:
            raise _Bad("date", "date", f"{self._raw(cells, 'booking', 'date', 'value')!r} is no date.")
        if amount is None:
            self._moneyless = self._moneyless or number
            self._passed.append((number, _shown(cells)))
            return None
        status = self._status(cells)
        if status is None:
            self._passed.append((number, _shown(cells)))
            return None
        moment = told if day is not None and told is not None and told != day else None
        return Booked(
            account=account,
            currency=currency,
            position=number,
            entry=self._entry(number, cells, amount, currency, first, value, status, moment),
            balance=self._balance(cells),
            day=first,
            directed=directed,
        )

    def _take_sums(self, number: int, cells: Sequence[Cell]) -> None:
        self._passed.append((number, _shown(cells)))
        for key in ("amount", "debit", "credit"):
            try:
                found = self._number(cells, key)[0]
            except _Bad:
                continue
            if found:
                self.sums.append((number, found))

    # ------------------------------------------------------------------------------------------------ cells
    def _cell(self, cells: Sequence[Cell], key: str) -> Cell:
        place = next(iter(self._way.places.get(key, ())), len(cells))
        cell = cells[place] if place < len(cells) else ""
        if cell == ERROR_CELL:
            raise _Bad(key, "formula-error", "The cell holds a formula's error.", "Correct the formula.")
        return cell

    def _value(self, cells: Sequence[Cell], key: str) -> str:
        """The texts of a field's columns, each once."""
        if key not in self._way.places:
            return ""
        texts = [text_of(cells[place]) for place in self._way.places.get(key, ()) if place < len(cells)]
        return " ".join(dict.fromkeys(text for text in texts if text))[:LONGEST]

    def _raw(self, cells: Sequence[Cell], *keys: str) -> str:
        return next((text for key in keys if (text := self._value(cells, key))), "")[:40]

    def _day(self, cells: Sequence[Cell], key: str) -> date | None:
        cell = self._cell(cells, key)
        return self._way.dates.day(cell)

    def _number(self, cells: Sequence[Cell], key: str) -> tuple[Decimal | None, bool | None, str]:
        """A cell's amount with its sign, whether a sign is written, and its currency."""
        if key not in self._way.places:
            return None, None, ""
        cell = self._cell(cells, key)
        if not text_of(cell):
            return None, None, ""
        found = self._way.amounts.amount(cell, *((RATE_DECIMALS,) if key == "exchange_rate" else ()))
        if found is None:
            text = text_of(cell)[:40]
            if not self._way.amounts.point and any(letter in text for letter in ".,") and any(map(str.isdigit, text)):
                said = f"{text!r} may mean thousands or decimals, and no other amount tells which."
                raise _Bad(key, "amount-doubtful", said, "Export amounts with two decimals.")
            raise _Bad(key, "amount", f"{text!r} is no amount that is written as the others are.")
        return found.signed, found.negative, found.currency

    def _amount(self, cells: Sequence[Cell]) -> tuple[Decimal | None, str, bool]:
        """Signed amount, currency, and whether something beside its sign told the direction."""
        amount, currency, directed = self._amount_alone(cells)
        if self._way.less_charges and amount is not None:
            amount -= abs(self._quiet(cells, "charges") or Decimal(0))
        return amount, currency, directed

    def _amount_alone(self, cells: Sequence[Cell]) -> tuple[Decimal | None, str, bool]:
        amount, negative, currency = self._number(cells, "amount")
        if amount is None and not self._way.places.get("amount"):
            amount, negative, currency = self._number(cells, "gross")
        if amount is None:
            return self._two_columns(cells)
        mark = plain(self._mark(cells))
        if not mark:
            if self._way.unmarked_debits and amount:
                return -amount, currency, True
            return amount, currency, negative is not None
        if mark not in DEBITS and mark not in CREDITS:
            if self._way.signed:
                return amount, currency, True
            said = f"{self._mark(cells)[:20]!r} says neither debit nor credit."
            raise _Bad("amount", "mark", said, "Ask the bank what it means.")
        if not self._way.signed:
            return (-amount if mark in DEBITS and amount else amount), currency, True
        if self._way.marks_only:
            return (-amount if amount else amount), currency, True
        if amount and (amount < 0) != (mark in DEBITS):
            said = f"The amount {amount:f} and its mark {self._mark(cells)[:20]!r} contradict each other."
            raise _Bad("amount", "sign", said, "Ask the bank which is right.")
        return amount, currency, True

    def _mark(self, cells: Sequence[Cell]) -> str:
        return next((text_of(cells[place]) for place in self._way.marks if place < len(cells)), "")

    def _two_columns(self, cells: Sequence[Cell]) -> tuple[Decimal | None, str, bool]:
        debit, _, first = self._number(cells, "debit")
        credit, _, second = self._number(cells, "credit")
        if debit and credit:
            said = f"The row is both a debit of {debit:f} and a credit of {credit:f}."
            raise _Bad("amount", "debit-and-credit", said, "Ask for the export again, one booking a row.")
        if credit or debit is None:
            return credit, second, True
        return (debit if self._way.debits_signed or not debit else -debit), first, True

    def _balance(self, cells: Sequence[Cell]) -> Decimal | None:
        try:
            return self._number(cells, "balance")[0]
        except _Bad:
            return None  # the chain of balances tells where one is missing

    def _currency(self, cells: Sequence[Cell]) -> str:
        text = (
            self._value(cells, "currency")
            if len(self._way.places.get("currency", ())) < 2
            else text_of(self._cell(cells, "currency"))
        )
        code = currency_code(text)
        if code is None:
            raise _Bad("currency", "currency", f"{text[:20]!r} is no currency.", "Write a code such as EUR or HUF.")
        return code

    def _account(self, cells: Sequence[Cell]) -> str:
        return compact(text_of(self._cell(cells, "account")) or self._way.account)

    def _status(self, cells: Sequence[Cell]) -> str | None:
        """BOOK or PDNG; ``None`` for what never was booked."""
        words = plain(self._value(cells, "status"))
        if words in NOT_BOOKED:
            return None
        return "PDNG" if words in PENDING else "BOOK"

    def _kind(self, cells: Sequence[Cell]) -> str:
        """Whether a row tells a balance or a sum, by a cell that says so and nothing else."""
        words = {
            plain(cell) for cell in cells if isinstance(cell, str) and len(cell) <= _LABEL and _LETTERS.match(cell)
        }
        return kind_of(words)

    @staticmethod
    def _sums_up(cells: Sequence[Cell]) -> bool:
        first = next((plain(cell) for cell in cells if isinstance(cell, str) and plain(cell)), "")
        return first.startswith((*SUMS, *OPENINGS, *CLOSINGS))

    # ------------------------------------------------------------------------------------------------ entry
    def _entry(
        self,
        number: int,
        cells: Sequence[Cell],
        amount: Decimal,
        currency: str,
        booked: date,
        value: date | None,
        status: str,
        moment: date | None,
    ) -> Entry:
        extra = [f"of {moment:%Y-%m-%d}" if moment else "", self._value(cells, "time")]
        original = self._quiet(cells, "original_amount")
        detail = EntryDetail(
            amount=amount,
            currency=currency,
            counterparty=self._party(cells, amount),
            remittance=self._value(cells, "remittance"),
            structured_reference=self._value(cells, "structured_reference"),
            end_to_end_id=self._value(cells, "end_to_end_id"),
            mandate_id=self._value(cells, "mandate_id"),
            creditor_id=self._value(cells, "creditor_id"),
            original_amount=original,
            original_currency=self._value(cells, "original_currency") if original is not None else "",
            exchange_rate=self._quiet(cells, "exchange_rate"),
            charges=self._quiet(cells, "charges"),
        )
        return Entry(
            amount=amount,
            currency=currency,
            booking_date=booked,
            value_date=value,
            status=status,
            proprietary_code=self._value(cells, "proprietary_code"),
            bank_reference=self._value(cells, "bank_reference"),
            entry_reference=self._value(cells, "entry_reference"),
            additional_information=" ".join(part for part in extra if part),
            details=(detail,),
            position=number,
        )

    def _quiet(self, cells: Sequence[Cell], key: str) -> Decimal | None:
        """A number beside the amount; what is none becomes a warning and the row stays."""
        try:
            return self._number(cells, key)[0]
        except _Bad as bad:
            self._problems.warn_once(key, bad.rule, bad.text, bad.repair)
            return None

    def _party(self, cells: Sequence[Cell], amount: Decimal) -> Party | None:
        name = self._value(cells, "name") or self._value(cells, "payee" if amount < 0 else "payer")
        side = self._value(cells, "payee_account" if amount < 0 else "payer_account")
        account, bic = compact(self._value(cells, "other_account") or side), self._value(cells, "other_bic")
        where = self._value(cells, "address")
        if not (name or account or bic or where):
            return None
        return Party(name=name, account=account, bic=bic, address=Address(lines=(where,) if where else ()))

    def _tell_passed(self) -> None:
        if not self._passed:
            return
        shown = "; ".join(f"line {number}: {text}" for number, text in self._passed[:_SHOWN])
        more = f" and {len(self._passed) - _SHOWN} more" if len(self._passed) > _SHOWN else ""
        said = f"Rows without a booking were passed over: {shown}{more}."
        self._problems.warn(self._passed[0][0], "row", "row-passed", said, "None, where they are sums or headings.")


def kind_of(words: AbstractSet[str]) -> str:
    """Whether plain words say that their row is a balance (OPBD, CLBD) or a ``sum``; empty where they do not."""
    if not words:
        return ""
    return "OPBD" if words & _OPENINGS else "CLBD" if words & _CLOSINGS else "sum" if words & _SUMS else ""


_OPENINGS, _CLOSINGS, _SUMS = frozenset(OPENINGS), frozenset(CLOSINGS), frozenset(SUMS)


def currency_code(text: str) -> str | None:
    """The currency that a text means, empty where it is empty, ``None`` where it is none."""
    code = SYMBOLS.get(text, text.upper())
    return code if not code or is_currency(code) else None


def text_of(cell: Cell) -> str:
    """A cell as text in one line, without what no text should hold."""
    if cell is None or cell == ERROR_CELL:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return f"{cell:.0f}"
    if not isinstance(cell, str):
        return str(cell)
    if cell.isprintable():
        return cell.strip() if cell.isascii() else " ".join(cell.split())
    return " ".join("".join(letter if letter.isprintable() or letter == "\xa0" else " " for letter in cell).split())


def _shown(cells: Sequence[Cell]) -> str:
    return repr(" ".join(text for cell in cells if (text := text_of(cell)))[:60])


def compact(account: str) -> str:
    """An account number; an IBAN without its spaces."""
    account = account.strip("\"'")
    bare = "".join(account.split())
    return bare if bare[:2].isalpha() and bare[2:4].isdigit() and bare.isalnum() else account
