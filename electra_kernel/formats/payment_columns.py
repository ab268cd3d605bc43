"""The rows of a sheet of payments as columns, some thousands at a time: the ordinary ones all at once; whatever is strange
about a row sends it to the reader of single rows (``payment_rows``), which takes it or tells what is wrong.

What may live here: cells of one column into texts and amounts, and the columns that ``initiation_columns.Payments`` makes
its objects of. What is right is decided by ``payment_rows``: for what is not plainly so, it is asked cell by cell. Both
ways give the same transactions and the same problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats.base import Problems
from electra_kernel.formats.grids import Cell, Row
from electra_kernel.formats.initiation_columns import Columns, Payments
from electra_kernel.formats.initiation_records import Defaults
from electra_kernel.formats.mt_columns import Column, Mask, mask
from electra_kernel.formats.payment_rows import (
    BLANKS,
    LIMITS,
    BadCell,
    RowReader,
    address_lines,
    amount_in,
    has_ibans,
    is_national,
    parsed_account,
    parsed_bic,
    text_of,
)
from electra_kernel.orders.model import NOT_PROVIDED, Transaction
from electra_kernel.vocabulary.accounts import AccountError, is_iban
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import currency_decimals, is_currency

#: Rows that are held as cells at a time; the columns made of them need a fraction of that.
AT_A_TIME = 16_384
_MOST_KNOWN = 65_536
_PLAIN_AMOUNT = r"^[0-9]{1,13}(?:[.,][0-9]{1,2})?$"
_TEXTS = (
    *("structured_reference", "end_to_end_id", "instruction_id", "purpose", "ultimate_debtor", "ultimate_creditor"),
    "remittance",
)
_PARTY = ("name", "identification", "street", "building", "post_code", "town")
_NOTHING = Defaults(payer="", payee="", sequence="", creditor_id="")


class _Known(dict[str, Any]):
    """What was made of a text before."""

    def __init__(self, work: Callable[[str], Any]) -> None:
        super().__init__()
        self._work = work

    def __missing__(self, text: str) -> Any:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        made = self[text] = self._work(text)
        return made


class Reader:
    """Takes the rows below a header part by part; keeps columns of the ordinary ones and transactions of the others.

    Args:
        places: the place of each field's column.
        width: how many cells the header has.
        currency: of rows that name none; empty where there is none.
        problems: is told what is wrong with a row, which is left out.
    """

    def __init__(self, places: Mapping[str, int], width: int, currency: str, problems: Problems) -> None:
        self._single = RowReader(places, width, currency, problems)
        self._parts: list[_Part] = []
        self._others: list[Transaction] = []
        self._accounts, self._bics, self._lines = _Known(_account), _Known(_bic), _Known(_address)

    def take(self, rows: Sequence[Row]) -> None:
        """Read some rows."""
        part = _Part(rows, self._single)
        self._check_references(part)
        currencies = part.currencies(self._single.currency)
        amounts = part.amounts(currencies)
        accounts = self._of_accounts(part)
        known = part.each("bic", self._bics)
        party = {key: part.texts(key) for key in _PARTY} | {"account": accounts, "bic": known}
        country = part.texts("country")
        party["country"] = None if country is None else list(map(str.upper, country))
        part.strange |= ~part.filled(party["name"])
        texts = {key: part.texts(key) for key in _TEXTS}
        lines = part.each("address", self._lines)
        part.keep(amounts, currencies, texts, party, lines)
        self._parts.append(part)
        for row in np.flatnonzero(part.strange).tolist():
            if (made := self._single.transaction(*rows[row])) is not None:
                self._others.append(made)

    def payments(self) -> Sequence[Transaction]:
        """Everything taken, in the order of the rows."""
        parts = [part for part in self._parts if len(part.numbers)]
        if not parts:
            return tuple(self._others)
        found = Payments(_joined(parts), np.concatenate([part.numbers for part in parts]))
        if not self._others:
            return found
        return tuple(sorted([*found, *self._others], key=lambda each: each.position or 0))

    def _check_references(self, part: _Part) -> None:
        """Send rows whose reference stands in a row above to the reader of single rows."""
        references = part.texts("end_to_end_id")
        if references is None:
            return
        ids, distinct = self._single.ids, set(references)
        if len(distinct) == len(references) and ids.keys().isdisjoint(distinct - {"", NOT_PROVIDED}):
            ids.update(zip(references, part.rows, strict=True))
        else:
            for row, reference in enumerate(references):
                first = ids.setdefault(reference, part.rows[row])
                if first != part.rows[row] and reference not in ("", NOT_PROVIDED):
                    part.strange[row] = True
        for none in ("", NOT_PROVIDED):
            ids.pop(none, None)

    def _of_accounts(self, part: _Part) -> list[str] | None:
        texts, bics = part.texts("account"), part.texts("bic")
        if texts is None:
            part.strange[:] = True
            return None
        known = list(map(self._accounts.__getitem__, texts))
        if bics is not None and any(country and not has_ibans(country.upper()) for country in {b[4:6] for b in bics}):
            for row, (text, bic) in enumerate(zip(texts, bics, strict=True)):
                if text and is_national(text, bic):
                    known[row] = text
        part.strange |= ~part.filled(known)
        return known


def _account(text: str) -> str:
    """An account as it is kept; empty where it is none."""
    try:
        return text if is_iban(text) else parsed_account(text) if text else ""
    except AccountError:
        return ""


def _bic(text: str) -> str | None:
    """A BIC as it is kept; ``None`` where it is none."""
    try:
        return parsed_bic(text) if text else ""
    except AccountError:
        return None


def _address(text: str) -> tuple[str, ...] | None:
    """A free address as lines; ``None`` where it cannot be."""
    try:
        return address_lines(text)
    except ElectraError:
        return None


class _Part:
    """Some rows, column by column; once ``keep`` was called, the columns of the ordinary ones only."""

    def __init__(self, rows: Sequence[Row], reader: RowReader) -> None:
        width, places = reader.width, reader.places
        self.rows = [number for number, _ in rows]
        self.strange: Mask = np.fromiter((_is_overlong(cells, width) for _, cells in rows), np.bool_, len(rows))
        fitted = [cells if len(cells) >= width else [*cells, *[""] * (width - len(cells))] for _, cells in rows]
        self._cells = {key: list(map(itemgetter(place), fitted)) for key, place in places.items()}
        self._texts: dict[str, list[str] | None] = {}
        self.numbers: Any = np.zeros(0, np.int64)
        self.columns: dict[str, Column] = {}
        self.lines: list[Column] = []

    def texts(self, key: str) -> list[str] | None:
        """The texts of a column, empty where a cell is wrong; ``None`` where there is nothing in it."""
        if key not in self._texts:
            self._texts[key] = self._read(key, self._cells[key]) if key in self._cells else None
        return self._texts[key]

    def _read(self, key: str, cells: Sequence[Cell]) -> list[str] | None:
        if set(map(type, cells)) == {str}:
            if not any(cells):
                return None
            texts = [cell.strip(BLANKS) for cell in cells]
        else:
            texts = [
                cell.strip(BLANKS) if type(cell) is str else self._one(key, cell, row) for row, cell in enumerate(cells)
            ]
        limit = LIMITS.get(key, 0)
        longest = max(map(len, texts))
        if (limit and longest > limit) or not all(map(str.isprintable, texts)):
            for row, text in enumerate(texts):
                if (limit and len(text) > limit) or not text.isprintable():
                    texts[row] = self._one(key, text, row)
        return texts if longest else None

    def _one(self, key: str, cell: Cell, row: int) -> str:
        try:
            return text_of(key, cell)
        except BadCell:
            self.strange[row] = True
            return ""

    def each(self, key: str, known: Mapping[str, Any]) -> list[Any] | None:
        """What is made of the texts of a column; where that is ``None`` the row is strange."""
        texts = self.texts(key)
        if texts is None:
            return None
        made = list(map(known.__getitem__, texts))
        if None in made:
            self.strange |= np.fromiter((each is None for each in made), np.bool_, len(made))
        return made

    def filled(self, texts: Sequence[str] | None) -> Mask:
        """Where a text is not empty."""
        count = len(self.rows)
        return np.zeros(count, np.bool_) if texts is None else np.fromiter(map(bool, texts), np.bool_, count)

    def currencies(self, usual: str) -> list[str]:
        """The currency of each row."""
        texts = self.texts("currency")
        codes = [usual] * len(self.rows) if texts is None else [text.upper() or usual for text in texts]
        if not all(map(is_currency, set(codes))):
            self.strange |= np.fromiter((not is_currency(code) for code in codes), np.bool_, len(codes))
        return codes

    def amounts(self, currencies: Sequence[str]) -> Column:
        """The amounts as plain digits with a point; where they are not plainly right the row is strange."""
        cells = self._cells["amount"]
        if set(map(type, cells)) == {str}:
            texts = cells
        else:
            texts = [repr(cell) if type(cell) is float else cell if type(cell) is str else "" for cell in cells]
        column = pa.array([text.strip(BLANKS) for text in texts], _STRING)
        plain = mask(pc.match_substring_regex(column, _PLAIN_AMOUNT))
        plain &= mask(pc.match_substring_regex(column, "[1-9]"))
        whole = {code for code in set(currencies) if is_currency(code) and currency_decimals(code) < 2}
        if whole:
            plain &= np.fromiter((code not in whole for code in currencies), np.bool_, len(plain))
        column = pc.replace_substring(column, ",", ".")
        if plain.all():
            return column
        found = column.to_pylist()
        for row in np.flatnonzero(~plain).tolist():
            found[row] = self._amount(row, cells[row], currencies[row])
        return pa.array(found, _STRING)

    def _amount(self, row: int, cell: Cell, currency: str) -> str:
        try:
            return f"{amount_in(text_of('amount', cell) if isinstance(cell, str) else cell, currency):f}"
        except BadCell:
            self.strange[row] = True
            return "0"

    def keep(
        self,
        amounts: Column,
        currencies: Sequence[str],
        texts: Mapping[str, list[str] | None],
        party: Mapping[str, list[str] | None],
        lines: Sequence[tuple[str, ...]] | None,
    ) -> None:
        """Make the columns of the ordinary rows, and forget the cells."""
        kept = None if not self.strange.any() else pa.array(~self.strange)
        found: dict[str, Any] = {"amount": amounts, "currency": currencies, **texts, **party}
        for key, column in found.items():
            if column is not None:
                made = pa.array(column, _STRING) if isinstance(column, list) else column
                self.columns[key] = made if kept is None else made.filter(kept)
        self.lines = [
            made if kept is None else made.filter(kept)
            for made in (pa.array(column, _STRING) for column in _side_by_side(lines or []))
        ]
        self.numbers = np.array(self.rows, np.int64)[~self.strange]
        self.rows, self._cells, self._texts = [], {}, {}


_STRING = pa.string()


def _is_overlong(cells: Sequence[Cell], width: int) -> bool:
    return len(cells) > width and any(str(cell).strip() for cell in cells[width:])


def _side_by_side(lines: Sequence[tuple[str, ...] | None]) -> Iterator[list[str]]:
    """The first line of each, the second of each …"""
    for number in range(max((len(each) for each in lines if each), default=0)):
        yield [each[number] if each and number < len(each) else "" for each in lines]


def _joined(parts: Sequence[_Part]) -> Columns:
    @cache
    def nothing(count: int) -> Column:
        return pa.array([""] * count, _STRING)

    def whole(found: Sequence[Column | None]) -> Column:
        filled = [nothing(len(part.numbers)) if each is None else each for part, each in zip(parts, found, strict=True)]
        return pa.concat_arrays(filled)

    columns = {
        key: whole([part.columns.get(key) for part in parts]) for key in {key for part in parts for key in part.columns}
    }
    most = max(len(part.lines) for part in parts)
    return Columns(
        amount=columns["amount"],
        currency=columns["currency"],
        texts={key: columns[key] for key in _TEXTS if key in columns},
        party={key: columns[key] for key in (*_PARTY, "account", "bic", "country") if key in columns},
        lines=[whole([part.lines[n] if n < len(part.lines) else None for part in parts]) for n in range(most)],
        mandate=None,
        amended=None,
        defaults=_NOTHING,
    )
