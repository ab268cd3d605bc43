"""Payments in CSV and Excel sheets: what people and accounting programs export for a transfer run.

The rules.

* The header is the first of the first 30 rows in which an amount and an account or a name are recognised; rows above
  it are passed over. Header names count without case, accents and punctuation; a currency may stand in the amount's
  header (``Összeg (HUF)``).
* Columns that mean nothing here and hold something are named once in a warning; they are not read.
* CSV: the delimiter (comma, semicolon, tab, bar) is the one that makes the header with the most known columns. Text is
  UTF-8 (with or without mark) or UTF-16; what is not UTF-8 is Windows-1250 where a byte of 0x80–0x9F occurs and
  ISO-8859-2 otherwise, and a warning says so.
* Excel: the first sheet with a header; further ones with a header are told in a warning. A numeric amount is the shortest decimal that stands for the stored number
  (Python's ``repr``); nothing is computed with it. It is refused where it has more decimals than the currency, as the
  result of a formula may. A number in a text column must be whole and below 10^15, which is what Excel keeps exactly.
  A cell with a formula's error (``#N/A``) is refused.
* A row with anything wrong is left out and told as a problem; nothing is ever cut or rounded. Empty rows are passed over.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from itertools import chain, islice

import xlsxwriter

from electra_kernel.formats import grids, iso
from electra_kernel.formats.base import Problems, Reading, unreadable, without_collector
from electra_kernel.formats.grids import Cell, Row, plain
from electra_kernel.formats.payment_columns import AT_A_TIME, Reader
from electra_kernel.orders.model import Transaction
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import (
    is_currency,
)

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
    problems, told = Problems(source), Problems(source)
    given = columns or ColumnMap()
    if grids.is_workbook(data):
        sheet = _excel_sheet(data, source, given, problems)
        name, tab, rows = "xlsx", sheet.tab, sheet.each()
    else:
        text, delimiter = _csv_text(data, source, given, problems)
        name, tab, rows = "csv", "", grids.each_text_row(text, delimiter, source)
    head = list(islice(rows, _HEADER_ROWS))
    header = _find_header(head, given)
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
    cells = head[header.index][1]
    _check_doubled(header, cells, source, problems)
    unread = grids.Unread(cells, _taken(header))
    below = chain(head[header.index + 1 :], rows)
    reader = Reader(header.places, header.width, currency or header.currency, told)
    while some := list(islice(below, AT_A_TIME)):
        unread.look(some)
        reader.take(some)
    if left := unread.names():
        problems.warn(None, "header", "column-unread", grids.unread_words(left), "Rename those that should count.")
    problems.extend(grids.in_tab(told.rows(), tab))
    return Reading(format=name, transactions=reader.payments(), problems=problems.rows())


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
def _csv_text(data: bytes, source: str, columns: ColumnMap, problems: Problems) -> tuple[str, str]:
    """The text and its delimiter."""
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
    return text, delimiter


def _best_delimiter(text: str, columns: ColumnMap) -> str | None:
    best, most = None, 0
    for delimiter in grids.DELIMITERS:
        rows = list(grids.first_rows(text, delimiter, _HEADER_ROWS))
        header = _find_header(rows, columns)
        if header is not None and len(header.places) > most:
            best, most = delimiter, len(header.places)
    return best


def _excel_sheet(data: bytes, source: str, columns: ColumnMap, problems: Problems) -> grids.Sheet:
    """The first sheet with a header; others with one are told."""
    sheets = grids.sheets(data, source)
    found = [sheet for sheet in sheets if _find_header(sheet.head(_HEADER_ROWS), columns) is not None]
    if not found:
        raise _no_header(source, columns)
    if others := ", ".join(repr(sheet.tab[:31]) for sheet in found[1:21]):
        said = f"Further sheets have a header of payments; only {found[0].tab[:31]!r} was read, and not {others}."
        problems.warn(None, "sheet", "sheet-unread", said, "Save the sheets that count as files of their own.")
    return found[0]


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
