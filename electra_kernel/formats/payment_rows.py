"""The rows of a sheet of payments: one row of cells to one transaction, or to problems with its line and column. The rules
are told in ``payments``; many ordinary rows at once are read by ``payment_columns``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from schwifty import registry
from schwifty.exceptions import SchwiftyException

from electra_kernel.formats import grids, iso
from electra_kernel.formats.base import Problems
from electra_kernel.formats.grids import Cell
from electra_kernel.orders.model import NOT_PROVIDED, Transaction
from electra_kernel.vocabulary.accounts import AccountError, parse_account, parse_bic
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import (
    MAX_FRACTION_DIGITS,
    MAX_INTEGER_DIGITS,
    AmountError,
    Money,
    currency_decimals,
    is_currency,
    parse_amount,
)
from electra_kernel.vocabulary.parties import Address, Party

_EXACT_IN_EXCEL = 10**15
#: What stands around a cell's text without being part of it.
BLANKS = " \t\r\n\xa0"
#: What a cell that is wrong counts as, so that it is not taken for an empty one; no good text can be it.
_WRONG = "\0"
#: The longest texts ISO 20022 carries; rulebooks may narrow them.
LIMITS = {
    "name": 140,
    "account": 34,
    "bic": 11,
    "end_to_end_id": 35,
    "remittance": 140,
    "structured_reference": 35,
    "purpose": 4,
    "instruction_id": 35,
    "street": 70,
    "building": 16,
    "post_code": 16,
    "town": 35,
    "country": 2,
    "address": 140,
    "identification": 35,
    "ultimate_debtor": 140,
    "ultimate_creditor": 140,
}


class BadCell(Exception):
    """One thing wrong with one cell; becomes a problem of its row."""

    def __init__(self, key: str, rule: str, text: str, repair: str) -> None:
        self.key, self.rule, self.text, self.repair = key, rule, text, repair
        super().__init__(text)


class RowReader:
    """Turns rows into transactions; keeps what one file's rows have in common.

    Args:
        places: the place of each field's column.
        width: how many cells the header has.
        currency: of rows that name none; empty where there is none.
        problems: is told what is wrong.
    """

    def __init__(self, places: Mapping[str, int], width: int, currency: str, problems: Problems) -> None:
        self.places, self.width, self.currency = places, width, currency
        self._problems = problems
        #: References, and the row in which each stands first.
        self.ids: dict[str, int] = {}

    def transaction(self, number: int, cells: Sequence[Cell]) -> Transaction | None:
        """The row's payment, or ``None`` where it is empty or wrong; every wrong cell is a problem."""
        if all(cell is None or (isinstance(cell, str) and not cell.strip(BLANKS)) for cell in cells):
            return None
        bad: list[BadCell] = []
        values = self._texts(cells, bad)
        money = self._caught(bad, self._money, cells, values)
        account = self._caught(bad, _account, values)
        bic = self._caught(bad, _bic, values)
        lines = self._caught(bad, _lines, values)
        self._check_row(number, cells, values, bad)
        for cell in bad:
            self._problems.error(number, cell.key, cell.rule, cell.text, cell.repair)
        if bad or money is None:
            return None
        return _transaction(number, values, money, account or "", bic or "", lines)

    def _texts(self, cells: Sequence[Cell], bad: list[BadCell]) -> dict[str, str]:
        values: dict[str, str] = {}
        for key, place in self.places.items():
            cell = cells[place] if place < len(cells) else ""
            if cell == "" or (key == "amount" and not isinstance(cell, str)):
                continue
            try:
                values[key] = text_of(key, cell)
            except BadCell as error:
                bad.append(error)
                values[key] = _WRONG
        return values

    @staticmethod
    def _caught(bad: list[BadCell], work: Any, *arguments: Any) -> Any:
        try:
            return work(*arguments)
        except BadCell as error:
            bad.append(error)
            return None

    def _money(self, cells: Sequence[Cell], values: Mapping[str, str]) -> Money | None:
        if _WRONG in (values.get("currency"), values.get("amount")):
            return None
        currency = values.get("currency", "").upper() or self.currency
        if not is_currency(currency):
            said = f"{currency[:10]!r} is not a currency." if currency else "The row names no currency."
            raise BadCell("currency", "currency", said, "Write a three-letter code such as EUR or HUF.")
        place = self.places["amount"]
        cell = cells[place] if place < len(cells) else ""
        return Money(amount_in(cell if not isinstance(cell, str) else values.get("amount", ""), currency), currency)

    def _check_row(self, number: int, cells: Sequence[Cell], values: Mapping[str, str], bad: list[BadCell]) -> None:
        if not values.get("name"):
            bad.append(
                BadCell("name", "missing", "The name is missing.", "Fill in the name of the party that is paid.")
            )
        if any(str(cell).strip() for cell in cells[self.width :]):
            bad.append(
                BadCell(
                    "row",
                    "too-many-cells",
                    f"The row has {len(cells)} cells; the header has {self.width}.",
                    "Put a text with the delimiter in it between quotation marks.",
                )
            )
        reference = values.get("end_to_end_id", "")
        if reference and reference not in (NOT_PROVIDED, _WRONG):
            first = self.ids.setdefault(reference, number)
            if first != number:
                bad.append(
                    BadCell(
                        "end_to_end_id",
                        "duplicate-end-to-end-id",
                        f"The reference {reference!r} stands in row {first} already.",
                        "Give every payment its own reference; remove the row if it is there twice.",
                    )
                )


def text_of(key: str, cell: Cell) -> str:
    """A cell as text: stripped, refused where it holds an error, a control character or too much."""
    if cell == grids.ERROR_CELL:
        raise BadCell(key, "formula-error", "The cell holds a formula's error.", "Correct the formula.")
    if isinstance(cell, str):
        value = cell.strip(BLANKS)
    elif isinstance(cell, bool):
        raise BadCell(key, "cell-type", f"{cell} is no text.", "Format the column as text and type it again.")
    elif isinstance(cell, int | float):
        value = _whole(key, cell)
    elif isinstance(cell, date | datetime):
        value = cell.isoformat()
    else:
        value = "" if cell is None else str(cell)
    if not value:
        return ""
    strange = "" if value.isprintable() else next(filter(_is_strange, value), "")
    if strange:
        raise BadCell(
            key,
            "control-character",
            f"The text holds the character U+{ord(strange):04X}, which no payment can carry.",
            "Remove it; a line break inside a cell is one too.",
        )
    limit = LIMITS.get(key, 0)
    if limit and len(value) > (limit if key != "account" else 60):
        raise BadCell(
            key,
            "too-long",
            f"The text has {len(value)} characters; the file for the bank holds {limit}.",
            "Shorten it yourself.",
        )
    return value


def _is_strange(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn")


def _whole(key: str, cell: float) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT_IN_EXCEL:
        return f"{cell:.0f}"
    exact = Decimal(repr(cell))
    if not exact.is_finite() or exact != exact.to_integral_value() or abs(exact) >= _EXACT_IN_EXCEL:
        raise BadCell(
            key,
            "number-as-text",
            f"{cell!r} is stored as a number, of which Excel keeps 15 digits only.",
            "Format the column as text and enter it again.",
        )
    return f"{exact:.0f}"


def amount_in(cell: Cell, currency: str) -> Decimal:
    """The amount of a cell (its text stripped) in a currency; refused where it has more decimals than that."""
    amount, decimals = _amount(cell), currency_decimals(currency) if is_currency(currency) else 0
    if -int(amount.normalize().as_tuple().exponent) > decimals:
        said = f"{amount:f} has more decimals than {currency} has."
        raise BadCell("amount", "amount-decimals", said, f"Round it to {decimals} decimals yourself.")
    return amount


def _amount(cell: Cell) -> Decimal:
    if isinstance(cell, bool) or cell is None or isinstance(cell, date):
        raise BadCell("amount", "amount", f"{cell} is not an amount.", "Write digits, such as 1234.56.")
    if not isinstance(cell, int | float | str):  # a time or a duration
        raise BadCell("amount", "amount", f"{cell} is not an amount.", "Format the column as a number.")
    if isinstance(cell, int | float):
        amount = Decimal(repr(cell))
        if not amount.is_finite() or amount.adjusted() >= MAX_INTEGER_DIGITS:
            raise BadCell("amount", "amount", f"{cell!r} is too large.", "Write digits, such as 1234.56.")
    else:
        amount = _amount_of_text(cell)
    if amount <= 0:
        raise BadCell("amount", "amount-not-positive", f"The amount is {amount:f}.", "Give a positive amount.")
    if -int(amount.as_tuple().exponent) > MAX_FRACTION_DIGITS + MAX_INTEGER_DIGITS:
        raise BadCell("amount", "amount-decimals", f"{cell!r} has too many decimals.", "Round it yourself.")
    return amount


def _amount_of_text(text: str) -> Decimal:
    if not text:
        raise BadCell("amount", "missing", "The amount is missing.", "Fill in the amount.")
    negative = re.match(r"[-−–(]", text) or text.endswith("-")
    if negative:
        raise BadCell("amount", "amount-not-positive", f"{text[:40]!r} is negative.", "Give a positive amount.")
    try:
        return parse_amount(text)
    except AmountError as error:
        raise BadCell("amount", "amount", error.what, error.repair) from error


def is_national(text: str, bic: str) -> bool:
    """Whether an account may be a national number: where the BIC's country has no IBANs."""
    country = bic[4:6].upper()
    return bool(country) and not has_ibans(country) and _NATIONAL.fullmatch(text) is not None


_NATIONAL = re.compile(r"[0-9A-Za-z /-]{1,34}")


@cache
def has_ibans(country: str) -> bool:
    """Whether accounts in a country have IBANs."""
    try:
        return bool(registry.get_iban_spec(country))
    except SchwiftyException:
        return False


def _account(values: Mapping[str, str]) -> str:
    """A compact IBAN; a national number only where the BIC's country has no IBANs."""
    text = values.get("account", "")
    if text == _WRONG:
        return ""
    if not text:
        raise BadCell("account", "missing", "The account is missing.", "Fill in the account number.")
    if is_national(text, values.get("bic", "")):
        return text
    try:
        return parsed_account(text)
    except AccountError as error:
        raise BadCell("account", "account", f"{error.what} {error.cause}".strip(), error.repair) from error


#: Suppliers are paid again and again: what was found good once need not be proved for each payment.
parsed_account = lru_cache(maxsize=65_536)(parse_account)
parsed_bic = lru_cache(maxsize=65_536)(parse_bic)


def _bic(values: Mapping[str, str]) -> str:
    text = values.get("bic", "")
    if text in ("", _WRONG):
        return ""
    try:
        return parsed_bic(text)
    except AccountError as error:
        raise BadCell("bic", "bic", error.what, error.repair) from error


def _lines(values: Mapping[str, str]) -> tuple[str, ...]:
    line = values.get("address", "")
    try:
        return () if line in ("", _WRONG) else address_lines(line)
    except ElectraError as error:
        raise BadCell("address", "address", error.what, error.repair) from error


def address_lines(text: str) -> tuple[str, ...]:
    """A free address as lines of at most 70 characters.

    Raises:
        ElectraError: a run of more characters than that without a space.
    """
    return tuple(iso.lines_of(text, 70))


def _transaction(
    number: int, values: Mapping[str, str], money: Money, account: str, bic: str, lines: tuple[str, ...]
) -> Transaction:
    def value(key: str) -> str:
        return values.get(key, "")

    return Transaction(
        amount=money,
        counterparty=Party(
            name=value("name"),
            account=account,
            bic=bic,
            address=Address(
                street=value("street"),
                building=value("building"),
                post_code=value("post_code"),
                town=value("town"),
                country=value("country").upper(),
                lines=lines,
            ),
            identification=value("identification"),
        ),
        remittance=value("remittance"),
        structured_reference=value("structured_reference"),
        end_to_end_id=value("end_to_end_id") or NOT_PROVIDED,
        instruction_id=value("instruction_id"),
        purpose=value("purpose"),
        ultimate_debtor=value("ultimate_debtor"),
        ultimate_creditor=value("ultimate_creditor"),
        position=number,
    )
