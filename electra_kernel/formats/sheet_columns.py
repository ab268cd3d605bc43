"""The rows of a statement sheet as columns: the ordinary ones all at once; whatever is strange about a row sends it to
the reader of single rows (``sheet_rows``), which tells what. The rules are told in ``sheets``.

What may live here: cells of one column into texts, days and amounts, and rows of them into the ledger's columns. What a
cell means is said by ``sheet_values``; it is asked once for each different text, and not at all for plain decimals.

Amounts are held as whole numbers of the ledger's smallest step (0.00001), so they stay exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats.grids import ERROR_CELL, Cell, Row, plain
from electra_kernel.formats.sheet_rows import LONGEST, RATE_DECIMALS, Way, compact, currency_code, kind_of, text_of
from electra_kernel.formats.sheet_values import Amount, Amounts, amounts_of
from electra_kernel.formats.sheet_words import CREDITS, DEBITS, NOT_BOOKED, PENDING
from electra_kernel.statements.columns import AMOUNT, ENTRIES, RATE
from electra_kernel.vocabulary.money import MAX_INTEGER_DIGITS

#: The ledger's smallest steps in one unit of money.
STEPS = 10**AMOUNT.scale
_DATE = pa.date32()
_MARKS = DEBITS | CREDITS
#: A number of a spreadsheet has 15 digits.
_EXACT = 10**15
_TEXTS = (
    *("proprietary_code", "bank_reference", "entry_reference", "structured_reference", "end_to_end_id", "mandate_id"),
    *("creditor_id", "remittance"),
)


class Columns:
    """The cells below a header, column by column; empty rows are left out."""

    def __init__(self, rows: Sequence[Row], width: int) -> None:
        self.rows = [row for row in rows if any(row[1]) or any(text_of(cell) for cell in row[1])]
        cells = [each if len(each) == width else _fitted(each, width) for _, each in self.rows]
        self._cells: list[Sequence[Cell]] = list(zip(*cells, strict=True)) if cells else [()] * width
        self._kinds: dict[int, set[type]] = {}
        self._arrays: dict[int, Any] = {}
        #: What was read of columns of amounts.
        self.steps: dict[tuple[int, Amounts], Steps] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Sequence[Cell]:
        return self._cells[place] if place < len(self._cells) else [""] * len(self)

    @cached_property
    def numbers(self) -> Any:
        """The line or row of each, as it stands in the file."""
        return np.array([number for number, _ in self.rows], np.int64)

    def kinds(self, place: int) -> set[type]:
        """The types of a column's cells."""
        if place not in self._kinds:
            self._kinds[place] = set(map(type, self[place]))
        return self._kinds[place]

    def array(self, place: int) -> Any:
        """The texts of a column as they are, empty where a cell is none."""
        if place not in self._arrays:
            cells = self[place]
            texts = cells if self.kinds(place) <= {str} else [cell if type(cell) is str else "" for cell in cells]
            self._arrays[place] = pa.array(texts, pa.string())
        return self._arrays[place]

    def each(self, place: int, work: Callable[[Cell], Any]) -> list[Any]:
        """What ``work`` makes of each cell; asked once for equal ones."""
        if bool in self.kinds(place):  # True is equal to 1
            return [work(cell) for cell in self[place]]
        return list(map(_Known(work).__getitem__, self[place]))

    def texts(self, place: int) -> Any:
        """A column as texts in one line each."""
        if self.kinds(place) - {str}:
            return pa.array(self.each(place, text_of), pa.string())
        column = self.array(place)
        ascii_only = (pc.sum(pc.binary_length(column)).as_py() or 0) == (pc.sum(pc.utf8_length(column)).as_py() or 0)
        if ascii_only and not pc.any(pc.match_substring_regex(column, r"[\x00-\x1f\x7f]")).as_py():
            return pc.utf8_trim(column, " ")
        coded = column.dictionary_encode()
        return pa.array([text_of(text) for text in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)

    @cached_property
    def overlong(self) -> Any:
        """Where a row has more than the header."""
        width = len(self._cells)
        if not any(len(cells) > width for _, cells in self.rows):
            return np.zeros(len(self), np.bool_)
        told = (len(cells) > width and any(text_of(cell) for cell in cells[width:]) for _, cells in self.rows)
        return np.fromiter(told, np.bool_, len(self))

    @cached_property
    def telling(self) -> Any:
        """Where a row has a cell that says it is a balance or a sum, or one with a formula's error."""
        found = np.zeros(len(self), np.bool_)
        for place in range(len(self._cells)):
            if str in self.kinds(place):
                found |= self._telling(self.array(place))
        return found

    def _telling(self, texts: Any) -> Any:
        coded = texts.dictionary_encode()
        words = coded.dictionary
        short = pc.and_(pc.less_equal(pc.utf8_length(words), 40), pc.invert(pc.match_substring_regex(words, "[0-9]")))
        strange = [index for index in np.flatnonzero(_mask(short)) if _tells(words[int(index)].as_py())]
        return np.isin(coded.indices.to_numpy(), strange) if strange else np.zeros(len(self), np.bool_)


def _tells(text: str) -> bool:
    return text == ERROR_CELL or bool(kind_of({plain(text)}))


def _fitted(cells: Sequence[Cell], width: int) -> list[Cell]:
    return [*cells[:width], *[""] * (width - len(cells))]


class _Known(dict[Any, Any]):
    """What was made of a cell before."""

    def __init__(self, work: Callable[[Cell], Any]) -> None:
        super().__init__()
        self._work = work

    def __missing__(self, cell: Cell) -> Any:
        made = self[cell] = self._work(cell)
        return made


def _mask(column: Any) -> Any:
    return np.asarray(column.fill_null(False)) if column.null_count else column.to_numpy(zero_copy_only=False)


# ----------------------------------------------------------------------------------------------------- amounts
@dataclass(frozen=True, slots=True)
class Steps:
    """A column of amounts.

    Attributes:
        steps: signed, in the ledger's smallest steps (int64).
        known: where there is an amount.
        signed: where a sign is written.
        bad: where something else stands.
        currency: the currency in the cell, by row, where there is one.
    """

    steps: Any
    known: Any
    signed: Any
    bad: Any
    currency: dict[int, str]

    @classmethod
    def none(cls, count: int) -> Steps:
        """A column that is not there."""
        known, signed, bad = (np.zeros(count, np.bool_) for _ in range(3))
        return cls(np.zeros(count, np.int64), known, signed, bad, {})


def steps_of(columns: Columns, place: int | None, amounts: Amounts) -> Steps:
    """A column of amounts as whole steps."""
    count = len(columns)
    if place is None:
        return Steps.none(count)
    if (place, amounts) in columns.steps:
        return columns.steps[place, amounts]
    found = columns.steps[place, amounts] = Steps.none(count)
    cells = columns[place]
    left = np.ones(count, np.bool_)
    if float in columns.kinds(place):
        left = _take_numbers(found, cells)
    if str in columns.kinds(place):
        strings = np.ones(count, np.bool_)
        if columns.kinds(place) != {str}:
            strings = np.fromiter((type(cell) is str for cell in cells), np.bool_, count)
        left &= _take_plain(found, columns.array(place), strings, amounts.point)
    known = _Known(amounts.amount)
    for row in np.flatnonzero(left).tolist():
        cell = cells[row]
        made = amounts.amount(cell) if isinstance(cell, bool) else known[cell]
        _take_one(found, row, cell, made)
    return found


def _take_one(found: Steps, row: int, cell: Cell, made: Amount | None) -> None:
    if made is None:
        found.bad[row] = bool(text_of(cell)) or cell == ERROR_CELL
        return
    found.steps[row] = int(made.signed * STEPS)
    found.known[row], found.signed[row] = True, made.negative is not None
    if made.currency:
        found.currency[row] = made.currency


def _take_numbers(found: Steps, cells: Sequence[Cell]) -> Any:
    """Take the numbers of a spreadsheet that are some whole number of cents; where is left to do.

    A stored number is the double nearest to its decimal of at most 15 digits. Where dividing the rounded cents by 100
    gives the same double again, they are that decimal: nothing is computed with the double itself.
    """
    numbers = np.array([cell if type(cell) is float else np.nan for cell in cells], np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        cents = np.rint(numbers * 100)
        exact = (cents / 100 == numbers) & (np.abs(cents) < _EXACT)
    found.steps[exact] = cents[exact].astype(np.int64) * (STEPS // 100)
    found.known[exact] = True
    found.signed[exact] = numbers[exact] < 0
    return ~exact


def _take_plain(found: Steps, texts: Any, strings: Any, point: str) -> Any:
    """Take plain decimals with this decimal sign, grouped or not; where is left to do."""
    column = pc.utf8_trim(texts, " ")
    sign, other = (r"\.", ",") if point == "." else (",", r"\.")
    grouped = rf"|[0-9]{{1,3}}(?:{other}[0-9]{{3}}){{1,3}}{sign}[0-9]{{1,5}}" if point else ""
    fraction = rf"(?:{sign}[0-9]{{1,5}})?" if point else ""
    right = pc.match_substring_regex(column, rf"^[+-]?(?:[0-9]{{1,{MAX_INTEGER_DIGITS}}}{fraction}{grouped})$")
    written = pc.if_else(right, column, pa.scalar(None, pa.string()))
    if point:
        written = pc.replace_substring(written, other[-1], "")
        written = pc.replace_substring(written, ",", ".")
    taken = _mask(right)
    found.steps[taken] = _words(pc.cast(written, AMOUNT))[taken]
    found.known[taken] = True
    found.signed[taken] = _mask(pc.match_substring_regex(column, "^[+-]"))[taken]
    return ~(taken | (strings & _mask(pc.equal(column, ""))))


def _words(column: Any) -> Any:
    """The steps of a decimal column of at most 18 digits: the lower half of each of its 128-bit integers."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    found = np.frombuffer(whole.buffers()[1], np.int64)[::2][whole.offset : whole.offset + len(whole)]
    return np.where(_mask(whole.is_valid()), found, 0)


def decimals_of(steps: Any, known: Any = None) -> Any:
    """Whole steps as a decimal column of the ledger; null where not known."""
    halves = np.empty((len(steps), 2), np.int64)
    halves[:, 0], halves[:, 1] = steps, np.asarray(steps) >> 63
    column = pa.Array.from_buffers(AMOUNT, len(steps), [None, pa.py_buffer(halves.tobytes())])
    return column if known is None else pc.if_else(pa.array(known), column, pa.scalar(None, AMOUNT))


def amounts_in(columns: Columns, places: Sequence[int]) -> Amounts:
    """How these columns of money are written; most cells prove it by their last digits alone."""
    votes, rest = [0, 0], Counter[Cell]()
    for place in places:
        if str not in columns.kinds(place):
            continue
        column = columns.array(place)
        left = pc.match_substring_regex(column, "[.,]")
        for index, sign in enumerate((r"\.", ",")):
            proof = pc.match_substring_regex(column, rf"^ *[+-]?[0-9]+{sign}(?:[0-9]{{1,2}}|[0-9]{{4,}}) *$")
            votes[index] += pc.sum(proof).as_py() or 0
            left = pc.and_not(left, proof)
        rest.update(column.filter(left).to_pylist())
    return amounts_of(rest, *votes)


def directions_of(columns: Columns, way: Way, unnamed: Sequence[int]) -> dict[str, Any]:
    """Where a sheet tells the direction of its amounts: fields of ``Way``.

    Args:
        columns: the sheet.
        way: what is known of it.
        unnamed: the places of columns without a name, which may hold marks.
    """
    first = {key: next(iter(way.places.get(key, ())), None) for key in ("amount", "debit")}
    amounts, debits = (steps_of(columns, first[key], way.amounts) for key in ("amount", "debit"))
    signed = bool((amounts.steps < 0).any())
    places = [(place, 1, 0.5) for place in way.places.get("sign", ())]
    if not signed:
        places += [(place, 1, 1.0) for place in unnamed]
        places += [(place, 3, 1.0) for key in ("proprietary_code", "remittance") for place in way.places.get(key, ())]
    marks = next((place for place, shortest, share in places if _are_marks(columns[place], shortest, share)), None)
    owed = debits.steps[debits.known & (debits.steps != 0)]
    return {
        "signed": signed,
        "debits_signed": bool(len(owed) and (owed < 0).all()),
        "marks": () if marks is None else (marks,),
        "less_charges": signed and _charges_count(columns, way, amounts),
        "marks_only": signed and marks is not None and _all_contradict(columns, marks, amounts.steps),
        "unmarked_debits": not signed and marks is not None and _only_credits(columns, marks, amounts.known),
    }


def _charges_count(columns: Columns, way: Way, amounts: Steps) -> bool:
    """Whether the balances follow from each other only where the charges are taken off the amounts."""
    places = [next(iter(way.places.get(key, ())), None) for key in ("balance", "charges")]
    balance, charges = (steps_of(columns, place, way.amounts) for place in places)
    rows = np.flatnonzero(amounts.known & balance.known)
    moves, after, taken = amounts.steps[rows], balance.steps[rows], np.abs(charges.steps[rows])
    return len(rows) > 1 and bool(taken.any()) and not _follow(moves, after) and _follow(moves - taken, after)


def _follow(moves: Any, after: Any) -> bool:
    forward = bool((after[1:] == after[:-1] + moves[1:]).all())
    return forward or bool((after[:-1] == after[1:] + moves[:-1]).all())


def _are_marks(cells: Sequence[Cell], shortest: int, share: float) -> bool:
    """Whether marks of the direction stand in a column, in this share of its filled cells at least; a lone letter may be
    any text."""
    known, found, others = _Known(plain), 0, 0
    for cell in cells:
        if word := known[cell]:
            if len(word) >= shortest and (word in DEBITS or word in CREDITS):
                found += 1
            elif share == 1:
                return False
            else:
                others += 1
    return found > 0 and found >= (found + others) * share


def _all_contradict(columns: Columns, place: int, steps: Any) -> bool:
    """Whether every amount is marked, each has the sign that its mark denies, and there are both kinds."""
    marks = columns.each(place, lambda cell: plain(text_of(cell)))
    pairs = {
        (mark in DEBITS, amount < 0) for mark, amount in zip(marks, steps.tolist(), strict=True) if mark and amount
    }
    return pairs == {(True, False), (False, True)} and all(marks) and set(marks) <= _MARKS


def _only_credits(columns: Columns, place: int, known: Any) -> bool:
    """Whether every mark of a column says credit, and some amounts have none."""
    marks = columns.each(place, lambda cell: plain(text_of(cell)))
    words = set(marks) - {""}
    return words <= CREDITS and any(not mark and one for mark, one in zip(marks, known.tolist(), strict=True))


# -------------------------------------------------------------------------------------------------------- rows
@dataclass(frozen=True, slots=True)
class Ordinary:
    """The ordinary rows of a sheet.

    Attributes:
        entries: columns ``ENTRIES``; ids, source and statement are still to be filled in.
        amounts, balances: in the ledger's smallest steps; ``balanced`` where there is a balance.
        directed: where something beside its sign told an amount's direction.
        rest: the rows that are not ordinary, for the reader of single rows.
    """

    entries: pa.Table
    amounts: Any
    balances: Any
    balanced: Any
    directed: Any
    rest: Sequence[Row]


def ordinary_rows(columns: Columns, way: Way) -> Ordinary:
    """Read all ordinary rows at once."""
    return _Reader(columns, way).read()


class _Reader:
    def __init__(self, columns: Columns, way: Way) -> None:
        self._columns, self._way = columns, way
        self._strange = columns.overlong | columns.telling

    def read(self) -> Ordinary:
        """Every row; the strange ones are handed back."""
        day, value, told = (self._days(key) for key in ("booking", "value", "date"))
        first = pc.coalesce(day, told, value)
        self._strange |= _mask(first.is_null())
        steps, directed, currencies = self._amounts()
        balance = self._steps("balance")
        if self._way.less_charges:
            steps = steps - np.abs(self._steps("charges").steps)
        rows = {
            "account": self._accounts(),
            "currency": self._currencies(currencies),
            "booking_date": first,
            "value_date": value,
            "status": self._statuses(),
            "amount": decimals_of(steps),
            "reversal": pa.array(np.zeros(len(self._columns), np.bool_)),
            **self._parties(steps),
            **{key: self._texts(key) for key in _TEXTS},
            **self._beside(),
            "details": pa.array(np.ones(len(self._columns), np.int32)),
            "additional_information": self._additional(day, told),
            "position": pa.array(self._columns.numbers),
        }
        kept = np.flatnonzero(~self._strange)
        rows["entry_id"] = pa.repeat("-", len(self._columns))
        made = [rows[name] if name in rows else pa.nulls(len(self._columns), kind) for name, kind in _SCHEMA]
        table = pa.Table.from_arrays(made, schema=ENTRIES)
        table = table if len(kept) == len(table) else table.take(kept)
        return Ordinary(
            entries=table,
            amounts=steps[kept],
            balances=balance.steps[kept],
            balanced=balance.known[kept],
            directed=directed[kept],
            rest=[self._columns.rows[row] for row in np.flatnonzero(self._strange)],
        )

    # ------------------------------------------------------------------------------------------------ cells
    def _place(self, key: str) -> int | None:
        return next(iter(self._way.places.get(key, ())), None)

    def _days(self, key: str) -> Any:
        place = self._place(key)
        if place is None:
            return pa.nulls(len(self._columns), _DATE)
        if self._columns.kinds(place) == {date}:
            return pa.array(self._columns[place], _DATE)
        return pa.array(self._columns.each(place, self._way.dates.day), _DATE)

    def _steps(self, key: str) -> Steps:
        return steps_of(self._columns, self._place(key), self._way.amounts)

    def _none(self) -> Any:
        return pa.nulls(len(self._columns), pa.string())

    def _texts(self, key: str) -> Any:
        """The texts of a field's columns, each once; null where there is none."""
        places = self._way.places.get(key, ())
        columns = [_or_null(self._columns.texts(place)) for place in places]
        if not columns:
            return self._none()
        for index, column in enumerate(columns):
            for earlier in columns[:index]:
                same = pc.equal(column, earlier).fill_null(False)
                columns[index] = column = pc.if_else(same, pa.scalar(None, pa.string()), column)
        joined = reduce(_both, columns)
        longest = pc.max(pc.utf8_length(joined)).as_py() or 0
        return pc.utf8_slice_codeunits(joined, 0, LONGEST) if longest > LONGEST else joined

    def _each(self, key: str, work: Callable[[str], Any]) -> list[Any]:
        """What ``work`` makes of each different text of a field's first column."""
        place = self._place(key)
        if place is None:
            return [work("")] * len(self._columns)
        return self._columns.each(place, lambda cell: work(text_of(cell)))

    # ----------------------------------------------------------------------------------------------- fields
    def _amounts(self) -> tuple[Any, Any, Mapping[int, str]]:
        """Signed steps, whether something told the direction, and currencies in the cells."""
        one = self._steps("amount" if self._place("amount") is not None else "gross")
        debit, credit = self._steps("debit"), self._steps("credit")
        two = ~one.known
        both = two & debit.known & credit.known & (debit.steps != 0) & (credit.steps != 0)
        self._strange |= one.bad | (two & (debit.bad | credit.bad)) | both
        taken = two & credit.known & ((credit.steps != 0) | ~debit.known)
        owed = debit.steps if self._way.debits_signed else -debit.steps
        steps = np.where(two, np.where(taken, credit.steps, owed), one.steps)
        self._strange |= two & ~taken & ~debit.known
        marked, debits, unknown = self._marks()
        if self._way.marks_only:
            steps = np.where(one.known, -steps, steps)
        elif self._way.signed:
            self._strange |= one.known & marked & ~unknown & (steps != 0) & ((steps < 0) != debits)
        else:
            self._strange |= one.known & unknown
            owed = debits | ~marked if self._way.unmarked_debits else marked & debits
            steps = np.where(one.known & owed, -steps, steps)
            marked = marked | self._way.unmarked_debits
        return steps, two | marked | one.signed, {**debit.currency, **credit.currency, **one.currency}

    def _marks(self) -> tuple[Any, Any, Any]:
        """Where a mark of the direction stands, where it says debit, and where it says neither."""
        count = len(self._columns)
        place = next(iter(self._way.marks), None)
        if place is None:
            return (np.zeros(count, np.bool_),) * 3
        marks = self._columns.each(place, lambda cell: plain(text_of(cell)))
        return (
            np.fromiter(map(bool, marks), np.bool_, count),
            np.fromiter((mark in DEBITS for mark in marks), np.bool_, count),
            np.fromiter((bool(mark) and mark not in _MARKS for mark in marks), np.bool_, count),
        )

    def _accounts(self) -> Any:
        own = self._way.account
        return _or_null(pa.array(self._each("account", lambda text: compact(text or own)), pa.string()))

    def _currencies(self, inside: Mapping[int, str]) -> Any:
        codes = self._each("currency", currency_code)
        if any(code is None for code in set(codes)):
            self._strange |= np.fromiter((code is None for code in codes), np.bool_, len(codes))
        codes = [code or self._way.currency for code in codes] if not inside else self._inside(codes, inside)
        return _or_null(pa.array(codes, pa.string()))

    def _inside(self, codes: Sequence[str], inside: Mapping[int, str]) -> list[str]:
        return [code or inside.get(row, "") or self._way.currency for row, code in enumerate(codes)]

    def _statuses(self) -> Any:
        if self._place("status") is None:
            return pa.array(["BOOK"]).take(pa.array(np.zeros(len(self._columns), np.int64)))
        words = [plain(text or "") for text in self._texts("status").to_pylist()]
        self._strange |= np.fromiter((word in NOT_BOOKED for word in words), np.bool_, len(words))
        return pa.array(["PDNG" if word in PENDING else "BOOK" for word in words], pa.string())

    def _parties(self, steps: Any) -> dict[str, Any]:
        side = pc.if_else(pa.array(steps < 0), self._texts("payee"), self._texts("payer"))
        other = pc.if_else(pa.array(steps < 0), self._texts("payee_account"), self._texts("payer_account"))
        account = pc.coalesce(self._texts("other_account"), other)
        if account.null_count < len(account):
            coded = account.dictionary_encode()
            account = pa.array([compact(text) for text in coded.dictionary.to_pylist()], pa.string())
            account = account.take(coded.indices)
        return {
            "counterparty_name": pc.coalesce(self._texts("name"), side),
            "counterparty_account": account,
            "counterparty_bic": self._texts("other_bic"),
            "counterparty_address": self._texts("address"),
        }

    def _beside(self) -> dict[str, Any]:
        """Numbers beside the amount."""
        original, charges = self._steps("original_amount"), self._steps("charges")
        self._strange |= original.bad | charges.bad
        currency = pc.if_else(pa.array(original.known), self._texts("original_currency"), pa.scalar(None, pa.string()))
        return {
            "original_amount": decimals_of(original.steps, original.known),
            "original_currency": currency,
            "exchange_rate": self._rates(),
            "charges": decimals_of(charges.steps, charges.known),
        }

    def _rates(self) -> Any:
        place = self._place("exchange_rate")
        if place is None:
            return pa.nulls(len(self._columns), RATE)
        bad = object()

        def rate(cell: Cell) -> Any:
            if not text_of(cell) and cell != ERROR_CELL:
                return None
            found = self._way.amounts.amount(cell, RATE_DECIMALS)
            return bad if found is None else found.signed

        rates = self._columns.each(place, rate)
        self._strange |= np.fromiter((each is bad for each in rates), np.bool_, len(rates))
        return pa.array([None if each is bad else each for each in rates], RATE)

    def _additional(self, day: Any, told: Any) -> Any:
        other = pc.not_equal(day, told).fill_null(False)
        time = self._texts("time")
        if not pc.any(other).as_py():
            return time
        moment = pc.binary_join_element_wise(pa.repeat("of", len(told)), told.cast(pa.string()), " ")
        moment = pc.if_else(other, moment, pa.scalar(None, pa.string()))
        return _both(moment, time)


_SCHEMA = [(field.name, field.type) for field in ENTRIES]


def _both(one: Any, other: Any) -> Any:
    """Two texts with a space between them, or the one there is."""
    return pc.coalesce(pc.binary_join_element_wise(one, other, " "), one, other)


def _or_null(column: Any) -> Any:
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
