"""Payments in CSV and Excel sheets: what people and accounting programs export for a transfer run.

The rules.

* The header is the first of the first 30 rows in which an amount and an account or a name are recognised; rows above
  it are passed over. Header names count without case, accents and punctuation; a currency may stand in the amount's
  header (``Összeg (HUF)``).
* Columns that mean nothing here and hold something are named once in a warning; they are not read.
* CSV: the delimiter (comma, semicolon, tab, bar) is the one that makes the header with the most known columns. Text is
  UTF-8 (with or without mark) or UTF-16; what is not UTF-8 is Windows-1250 where a byte of 0x80–0x9F occurs and
  ISO-8859-2 otherwise, and a warning says so.
* Excel: the first sheet with a header. A numeric amount is the shortest decimal that stands for the stored number
  (Python's ``repr``); nothing is computed with it. It is refused where it has more decimals than the currency, as the
  result of a formula may. A number in a text column must be whole and below 10^15, which is what Excel keeps exactly.
  A cell with a formula's error (``#N/A``) is refused.
* A row with anything wrong is left out and told as a problem; nothing is ever cut or rounded. Empty rows are passed over.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import xlsxwriter
from schwifty import registry
from schwifty.exceptions import SchwiftyException

from electra_kernel.formats import grids, iso
from electra_kernel.formats.base import Problems, Reading, unreadable, without_collector
from electra_kernel.formats.grids import Cell, Row, plain
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

_HEADER_ROWS = 30
_EXACT_IN_EXCEL = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """Which column means what: for each field the name in the file's header; empty where it is to be recognised."""

    name: str = ""
    account: str = ""
    bic: str = ""
    amount: str = ""
    currency: str = ""
    end_to_end_id: str = ""
    remittance: str = ""
    structured_reference: str = ""
    purpose: str = ""
    instruction_id: str = ""
    street: str = ""
    building: str = ""
    post_code: str = ""
    town: str = ""
    country: str = ""
    address: str = ""
    identification: str = ""
    ultimate_debtor: str = ""
    ultimate_creditor: str = ""


#: Header names by field, as ``_plain`` has them; the first of each is what ``write_csv`` and ``write_xlsx`` write.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "name": (
        *("name", "beneficiary", "beneficiary name", "creditor", "creditor name", "payee", "payee name", "recipient"),
        *("partner", "partner name", "supplier", "counterparty", "counterparty name", "nev", "kedvezmenyezett"),
        *("kedvezmenyezett neve", "partner neve", "partner nev", "szallito", "cimzett", "empfanger"),
        *("empfangername", "name des empfangers", "zahlungsempfanger", "beneficiaire", "nom du beneficiaire"),
        *("beneficiario", "nombre del beneficiario", "nome beneficiario", "begunstigde", "naam begunstigde"),
        *("odbiorca", "nazwa odbiorcy", "prijemce", "nazev prijemce", "mottagare"),
    ),
    "account": (
        *("account", "iban", "account number", "beneficiary account", "beneficiary iban", "creditor iban"),
        *("creditor account", "payee account", "counterparty account", "szamlaszam", "bankszamlaszam"),
        *("bankszamla", "kedvezmenyezett szamlaszama", "partner szamlaszama", "szamla"),
        *(
            "creditor account iban",
            "empfanger iban",
            "iban empfanger",
            "iban des empfangers",
            "iban beneficiaire",
            "iban du beneficiaire",
        ),
        *("iban beneficiario", "iban begunstigde", "rachunek odbiorcy", "numer rachunku odbiorcy", "ucet prijemce"),
    ),
    "bic": (
        "bic",
        "swift",
        "swift code",
        "bic code",
        "bank bic",
        "swift bic",
        "bic swift",
        "bic kod",
        "swift kod",
        "creditor bic",
        "creditor agent bic",
    ),
    "amount": (
        "amount",
        "sum",
        "total",
        "payment amount",
        "value",
        "osszeg",
        "fizetendo",
        "utalando osszeg",
        "utalando",
        "betrag",
        "montant",
        "importe",
        "importo",
        "bedrag",
        "kwota",
        "castka",
        "belopp",
    ),
    "currency": (
        "currency",
        "ccy",
        "currency code",
        "deviza",
        "devizanem",
        "penznem",
        "wahrung",
        "devise",
        "moneda",
        "valuta",
        "waluta",
        "mena",
    ),
    "end_to_end_id": (
        *("end to end id", "endtoendid", "end to end reference", "reference", "your reference", "payment reference"),
        *("reference number", "invoice number", "azonosito", "ugyfelazonosito", "tranzakcioazonosito", "hivatkozas"),
        *("szamlasorszam",),
    ),
    "remittance": (
        *("remittance", "remittance information", "details", "payment details", "description", "text", "message"),
        *("narrative", "memo", "kozlemeny", "megjegyzes", "verwendungszweck", "motif", "concepto", "causale"),
        *("omschrijving", "tytulem", "tytul", "zprava pro prijemce", "meddelande"),
    ),
    "structured_reference": ("creditor reference", "structured reference", "rf reference"),
    "purpose": ("purpose", "purpose code", "jogcim", "jogcim kod", "jogcimkod"),
    "instruction_id": ("instruction id", "instructionid", "instruction reference", "megbizas azonosito"),
    "street": ("street", "street name", "utca", "kozterulet"),
    "building": ("building", "building number", "house number", "hazszam"),
    "post_code": ("post code", "postcode", "postal code", "zip", "zip code", "iranyitoszam", "irsz"),
    "town": ("town", "city", "varos", "telepules"),
    "country": ("country", "country code", "orszag", "orszagkod"),
    "address": ("address", "beneficiary address", "creditor address", "cim", "kedvezmenyezett cime", "partner cime"),
    "identification": ("identification", "organisation id", "partner id", "adoszam"),
    "ultimate_debtor": ("ultimate debtor", "tenyleges fizeto"),
    "ultimate_creditor": ("ultimate creditor", "tenyleges kedvezmenyezett"),
}
_FIELD_OF = {name: key for key, names in _NAMES.items() for name in names}
#: The longest texts ISO 20022 carries; rulebooks may narrow them.
_LIMITS = {
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


def detect_csv(data: bytes) -> bool:
    """Whether the bytes are delimited text with a header of payments."""
    if iso.looks_like_xml(data) or data[:4] == b"PK\x03\x04":
        return False
    try:
        start, _ = grids.decode(data[:65_536], whole=False)
    except UnicodeDecodeError:
        return False
    return _best_delimiter(start, ColumnMap()) is not None


def pays_someone(rows: Sequence[Row]) -> bool:
    """Whether rows have a header of payments that names both who is paid and the account."""
    header = _find_header(rows, ColumnMap())
    return header is not None and {"name", "account"} <= set(header.places)


@without_collector()
def read(data: bytes, source: str, columns: ColumnMap | None = None, currency: str | None = None) -> Reading:
    """Read a sheet of payments: the good rows as transactions, everything else as problems.

    Args:
        data: CSV or Excel.
        source: the file's name or hash.
        columns: which column means what; recognised by the header where it says nothing.
        currency: for rows and files that name none.

    Raises:
        UnreadableFile: no sheet of payments: broken, too large, no header, or no currency anywhere.
    """
    grids.check_size(data, source)
    problems = Problems(source)
    given = columns or ColumnMap()
    if grids.is_workbook(data):
        name, rows = "xlsx", _excel_rows(data, source, given)
    else:
        name, rows = "csv", _csv_rows(data, source, given, problems)
    header = _find_header(rows, given)
    if header is None:
        raise _no_header(source, given)
    if not header.currency and currency is None and "currency" not in header.places:
        raise unreadable(
            source,
            "currency",
            "Neither a column nor the header names the currency.",
            "Add a column Currency, or write it into the amount's header: Amount EUR.",
            field="currency",
        )
    _check_doubled(header, rows[header.index][1], source, problems)
    if left := grids.unread_columns(rows[header.index :], _taken(header)):
        problems.warn(None, "header", "column-unread", grids.unread_words(left), "Rename those that should count.")
    reader = _RowReader(header, currency or header.currency, problems)
    found = [reader.transaction(number, cells) for number, cells in rows[header.index + 1 :]]
    good = tuple(transaction for transaction in found if transaction is not None)
    return Reading(format=name, transactions=good, problems=problems.rows())


# ------------------------------------------------------------------------------------------------------ header
@dataclass(frozen=True, slots=True)
class _Header:
    index: int
    places: Mapping[str, int]
    width: int
    currency: str
    #: Fields that several columns mean, with the names of the columns that were not taken.
    doubled: Mapping[str, Sequence[str]]
    doubled_places: Sequence[int] = ()


def _find_header(rows: Sequence[Row], columns: ColumnMap) -> _Header | None:
    for index, (_, cells) in enumerate(rows[:_HEADER_ROWS]):
        header = _as_header(index, cells, columns)
        if header is not None:
            return header
    return None


def _as_header(index: int, cells: Sequence[Cell], columns: ColumnMap) -> _Header | None:
    wanted = {plain(name): key for key, name in asdict(columns).items() if name}
    fixed = set(wanted.values())
    places: dict[str, int] = {}
    doubled: dict[str, list[str]] = {}
    doubled_places: list[int] = []
    currency = ""
    for place, cell in enumerate(cells):
        if not isinstance(cell, str):
            continue
        name = plain(cell)
        key = wanted.get(name) or _FIELD_OF.get(name, "")
        if not key and (match := re.fullmatch(r"(.+) ([a-z]{3})", name)):
            key = wanted.get(match[1]) or _FIELD_OF.get(match[1], "")
            stated = match[2].upper()
            if key != "amount" or not is_currency(stated):
                continue
            currency = currency or stated
        # A field that the map names is taken from the column it names alone.
        if key and (key not in fixed or name in wanted):
            if key in places:
                doubled.setdefault(key, []).append(cell.strip())
                doubled_places.append(place)
            places.setdefault(key, place)
    if not fixed <= set(places) or "amount" not in places or not {"account", "name"} & set(places):
        return None
    return _Header(index, places, len(cells), currency, doubled, doubled_places)


def _taken(header: _Header) -> set[int]:
    """The places of columns that were read or told already."""
    return {*header.places.values(), *header.doubled_places}


_DECIDES = ("amount", "currency", "account", "name")


def _check_doubled(header: _Header, cells: Sequence[Cell], source: str, problems: Problems) -> None:
    """Two columns for who gets how much are refused, not chosen from; others are told."""
    for key, others in header.doubled.items():
        taken = str(cells[header.places[key]]).strip()
        both = f"Several columns mean the {key.replace('_', ' ')}: {', '.join([taken, *others])[:100]}"
        repair = "Remove or rename the columns that do not count, or name the one that does in a column map."
        if key in _DECIDES:
            raise unreadable(source, "column-twice", f"{both}.", repair, field=key)
        problems.warn(None, key, "column-twice", f"{both}; {taken[:40]} was read.", repair)


def _no_header(source: str, columns: ColumnMap) -> ElectraError:
    asked = ", ".join(repr(name) for name in asdict(columns).values() if name)
    return unreadable(
        source,
        "header",
        f"No row with the columns {asked} was found."
        if asked
        else "No header with an amount and an account was found.",
        "Give the columns names such as Name, Account, Amount, Currency, Reference, Remittance.",
        field="header",
    )


# --------------------------------------------------------------------------------------------------------- CSV
def _csv_rows(data: bytes, source: str, columns: ColumnMap, problems: Problems) -> list[Row]:
    try:
        text, encoding = grids.decode(data, whole=True)
    except UnicodeDecodeError as error:
        raise unreadable(
            source, "encoding", "The file is not text in a known encoding.", "Save it as UTF-8.", position=error.start
        ) from error
    if encoding not in ("UTF-8", "UTF-16"):
        problems.warn(
            None,
            "file",
            "encoding",
            f"The file is not UTF-8; it was read as {encoding}.",
            "Check the accented letters.",
        )
    delimiter = _best_delimiter(text, columns)
    if delimiter is None:
        raise _no_header(source, columns)
    return grids.text_rows(text, delimiter, source)


def _best_delimiter(text: str, columns: ColumnMap) -> str | None:
    best, most = None, 0
    for delimiter in grids.DELIMITERS:
        rows = list(grids.first_rows(text, delimiter, _HEADER_ROWS))
        header = _find_header(rows, columns)
        if header is not None and len(header.places) > most:
            best, most = delimiter, len(header.places)
    return best


def _excel_rows(data: bytes, source: str, columns: ColumnMap) -> list[Row]:
    """The rows of the first sheet with a header."""
    found = (rows for rows in grids.sheets(data, source) if _find_header(rows, columns) is not None)
    if (rows := next(found, None)) is None:
        raise _no_header(source, columns)
    return rows


# -------------------------------------------------------------------------------------------------------- rows
class _BadCell(Exception):
    """One thing wrong with one cell; becomes a problem of its row."""

    def __init__(self, key: str, rule: str, text: str, repair: str) -> None:
        self.key, self.rule, self.text, self.repair = key, rule, text, repair
        super().__init__(text)


class _RowReader:
    """Turns rows into transactions; keeps what one file's rows have in common."""

    def __init__(self, header: _Header, currency: str, problems: Problems) -> None:
        self._header, self._currency, self._problems = header, currency, problems
        self._ids: dict[str, int] = {}

    def transaction(self, number: int, cells: Sequence[Cell]) -> Transaction | None:
        """The row's payment, or ``None`` where it is empty or wrong; every wrong cell is a problem."""
        if all(cell is None or (isinstance(cell, str) and not cell.strip(" \t\r\n\xa0")) for cell in cells):
            return None
        bad: list[_BadCell] = []
        values = self._texts(cells, bad)
        money = self._caught(bad, self._money, cells, values)
        account = self._caught(bad, _account, values)
        bic = self._caught(bad, _bic, values)
        self._check_row(number, cells, values, bad)
        for cell in bad:
            self._problems.error(number, cell.key, cell.rule, cell.text, cell.repair)
        if bad or money is None:
            return None
        return _transaction(number, values, money, account or "", bic or "")

    def _texts(self, cells: Sequence[Cell], bad: list[_BadCell]) -> dict[str, str]:
        values: dict[str, str] = {}
        for key, place in self._header.places.items():
            cell = cells[place] if place < len(cells) else ""
            if cell == "" or (key == "amount" and not isinstance(cell, str)):
                continue
            try:
                values[key] = _text(key, cell)
            except _BadCell as error:
                bad.append(error)
                values[key] = "?"
        return values

    @staticmethod
    def _caught(bad: list[_BadCell], work: Any, *arguments: Any) -> Any:
        try:
            return work(*arguments)
        except _BadCell as error:
            bad.append(error)
            return None

    def _money(self, cells: Sequence[Cell], values: Mapping[str, str]) -> Money | None:
        currency = values.get("currency", "").upper() or self._currency
        if not is_currency(currency):
            said = f"{currency[:10]!r} is not a currency." if currency else "The row names no currency."
            raise _BadCell("currency", "currency", said, "Write a three-letter code such as EUR or HUF.")
        place = self._header.places["amount"]
        cell = cells[place] if place < len(cells) else ""
        if values.get("amount") == "?":
            return None
        amount = _amount(cell if not isinstance(cell, str) else values.get("amount", ""))
        decimals = currency_decimals(currency)
        if -int(amount.normalize().as_tuple().exponent) > decimals:
            raise _BadCell(
                "amount",
                "amount-decimals",
                f"{amount:f} has more decimals than {currency} has.",
                f"Round it to {decimals} decimals yourself.",
            )
        return Money(amount, currency)

    def _check_row(self, number: int, cells: Sequence[Cell], values: Mapping[str, str], bad: list[_BadCell]) -> None:
        if not values.get("name"):
            bad.append(
                _BadCell("name", "missing", "The name is missing.", "Fill in the name of the party that is paid.")
            )
        if any(str(cell).strip() for cell in cells[self._header.width :]):
            bad.append(
                _BadCell(
                    "row",
                    "too-many-cells",
                    f"The row has {len(cells)} cells; the header has {self._header.width}.",
                    "Put a text with the delimiter in it between quotation marks.",
                )
            )
        reference = values.get("end_to_end_id", "")
        if reference and reference != NOT_PROVIDED:
            first = self._ids.setdefault(reference, number)
            if first != number:
                bad.append(
                    _BadCell(
                        "end_to_end_id",
                        "duplicate-end-to-end-id",
                        f"The reference {reference!r} stands in row {first} already.",
                        "Give every payment its own reference; remove the row if it is there twice.",
                    )
                )


def _text(key: str, cell: Cell) -> str:
    """A cell as text: stripped, refused where it holds an error, a control character or too much."""
    if cell == grids.ERROR_CELL:
        raise _BadCell(key, "formula-error", "The cell holds a formula's error.", "Correct the formula.")
    if isinstance(cell, str):
        value = cell.strip(" \t\r\n\xa0")
    elif isinstance(cell, bool):
        raise _BadCell(key, "cell-type", f"{cell} is no text.", "Format the column as text and type it again.")
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
        raise _BadCell(
            key,
            "control-character",
            f"The text holds the character U+{ord(strange):04X}, which no payment can carry.",
            "Remove it; a line break inside a cell is one too.",
        )
    limit = _LIMITS.get(key, 0)
    if limit and len(value) > (limit if key != "account" else 60):
        raise _BadCell(
            key,
            "too-long",
            f"The text has {len(value)} characters; the file for the bank holds {limit}.",
            "Shorten it yourself.",
        )
    return value


def _is_strange(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn")


def _whole(key: str, cell: float) -> str:
    exact = Decimal(repr(cell))
    if not exact.is_finite() or exact != exact.to_integral_value() or abs(exact) >= _EXACT_IN_EXCEL:
        raise _BadCell(
            key,
            "number-as-text",
            f"{cell!r} is stored as a number, of which Excel keeps 15 digits only.",
            "Format the column as text and enter it again.",
        )
    return f"{exact:.0f}"


def _amount(cell: Cell) -> Decimal:
    if isinstance(cell, bool) or cell is None or isinstance(cell, date):
        raise _BadCell("amount", "amount", f"{cell} is not an amount.", "Write digits, such as 1234.56.")
    if not isinstance(cell, int | float | str):  # a time or a duration
        raise _BadCell("amount", "amount", f"{cell} is not an amount.", "Format the column as a number.")
    if isinstance(cell, int | float):
        amount = Decimal(repr(cell))
        if not amount.is_finite() or amount.adjusted() >= MAX_INTEGER_DIGITS:
            raise _BadCell("amount", "amount", f"{cell!r} is too large.", "Write digits, such as 1234.56.")
    else:
        amount = _amount_of_text(cell)
    if amount <= 0:
        raise _BadCell("amount", "amount-not-positive", f"The amount is {amount:f}.", "Give a positive amount.")
    if -int(amount.as_tuple().exponent) > MAX_FRACTION_DIGITS + MAX_INTEGER_DIGITS:
        raise _BadCell("amount", "amount-decimals", f"{cell!r} has too many decimals.", "Round it yourself.")
    return amount


def _amount_of_text(text: str) -> Decimal:
    if not text:
        raise _BadCell("amount", "missing", "The amount is missing.", "Fill in the amount.")
    negative = re.match(r"[-−–(]", text) or text.endswith("-")
    if negative:
        raise _BadCell("amount", "amount-not-positive", f"{text[:40]!r} is negative.", "Give a positive amount.")
    try:
        return parse_amount(text)
    except AmountError as error:
        raise _BadCell("amount", "amount", error.what, error.repair) from error


@cache
def _has_ibans(country: str) -> bool:
    try:
        return bool(registry.get_iban_spec(country))
    except SchwiftyException:
        return False


def _account(values: Mapping[str, str]) -> str:
    """A compact IBAN; a national number only where the BIC's country has no IBANs."""
    text = values.get("account", "")
    if text == "?":
        return ""
    if not text:
        raise _BadCell("account", "missing", "The account is missing.", "Fill in the account number.")
    country = values.get("bic", "")[4:6].upper()
    if country and not _has_ibans(country) and re.fullmatch(r"[0-9A-Za-z /-]{1,34}", text):
        return text
    try:
        return _parsed_account(text)
    except AccountError as error:
        raise _BadCell("account", "account", f"{error.what} {error.cause}".strip(), error.repair) from error


#: Suppliers are paid again and again: what was found good once need not be proved for each payment.
_parsed_account = lru_cache(maxsize=65_536)(parse_account)
_parsed_bic = lru_cache(maxsize=65_536)(parse_bic)


def _bic(values: Mapping[str, str]) -> str:
    text = values.get("bic", "")
    if text in ("", "?"):
        return ""
    try:
        return _parsed_bic(text)
    except AccountError as error:
        raise _BadCell("bic", "bic", error.what, error.repair) from error


def _transaction(number: int, values: Mapping[str, str], money: Money, account: str, bic: str) -> Transaction:
    def value(key: str) -> str:
        return values.get(key, "")

    line = value("address")
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
                lines=tuple(iso.lines_of(line, 70)) if line else (),
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


# ------------------------------------------------------------------------------------------------------- write
_COLUMNS = tuple(column.name for column in fields(ColumnMap))


def _cells(transaction: Transaction) -> dict[str, str]:
    party, where = transaction.counterparty, transaction.counterparty.address
    return {
        "name": party.name,
        "account": party.account,
        "bic": party.bic,
        "amount": _amount_text(transaction.amount.amount),
        "currency": transaction.amount.currency,
        "end_to_end_id": transaction.end_to_end_id,
        "remittance": transaction.remittance,
        "structured_reference": transaction.structured_reference,
        "purpose": transaction.purpose,
        "instruction_id": transaction.instruction_id,
        "street": where.street,
        "building": where.building,
        "post_code": where.post_code,
        "town": where.town,
        "country": where.country,
        "address": " ".join(where.lines),
        "identification": party.identification,
        "ultimate_debtor": transaction.ultimate_debtor,
        "ultimate_creditor": transaction.ultimate_creditor,
    }


def _amount_text(amount: Decimal) -> str:
    # Three decimals could mean thousands to whoever reads the sheet: dinars get a fourth.
    written = iso.amount_text(amount)
    return f"{written}0" if len(written.partition(".")[2]) == 3 else written


def _titles() -> list[str]:
    return [_NAMES[column][0].capitalize() for column in _COLUMNS]


def write_csv(transactions: Sequence[Transaction]) -> bytes:
    """Payments as CSV in UTF-8 with a mark, comma and CRLF (RFC 4180), in the columns that ``read`` knows.

    Texts are written as they are. A spreadsheet program takes a text that begins with ``=`` for a formula;
    ``write_xlsx`` marks texts as such.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_titles())
    for transaction in transactions:
        cells = _cells(transaction)
        writer.writerow([cells[column] for column in _COLUMNS])
    return out.getvalue().encode("utf-8-sig")


def write_xlsx(transactions: Sequence[Transaction]) -> bytes:
    """Payments as an Excel workbook, every cell a text, amounts included: so no digit is ever changed by Excel."""
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    # The workbook's own date would make the same payments different bytes each time.
    workbook.set_properties({"created": datetime(2000, 1, 1)})
    sheet = workbook.add_worksheet("Payments")
    sheet.freeze_panes(1, 0)
    for place, title in enumerate(_titles()):
        sheet.write_string(0, place, title)
    for row, transaction in enumerate(transactions, 1):
        cells = _cells(transaction)
        for place, column in enumerate(_COLUMNS):
            if cells[column]:
                sheet.write_string(row, place, cells[column])
    workbook.close()
    return out.getvalue()
