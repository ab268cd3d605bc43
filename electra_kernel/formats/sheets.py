"""Account statements in delimited text and Excel sheets, as banks and finance programs export them; read only.

There is no standard; the rules are these.

* The header is the first of the first 60 rows that names a date and an amount (or debits and credits); names are known
  in many languages (``sheet_words``). What stands above it is kept as the statement's additional information; account
  and currency are looked for there too. Columns that mean nothing here are named once in a warning.
* A sheet of payments (``payments``) has a payee and an account in each row and positive amounts only. It is a statement
  only where it has booking dates, balances, debits and credits, or a mark of the direction.
* Dates and decimal signs are decided over whole columns (``sheet_values``).
* The direction is the amount's own sign, or the column (debit, credit), or the mark beside it. A mark that contradicts
  the amount's sign makes the row a problem; where all do, the marks count and a warning says so. Where only credits are
  marked, the others are debits, and a warning says so. A mark that says neither makes the row a problem.
* A column of balances proves the rows: each is the one before plus the amount (``sheet_balance``).
* A row with anything wrong is left out and told as a problem with its line; rows without date or money (page headers,
  sums) are passed over and told in one warning. One row of sums below all others must be their sum. Rows with nothing
  but text continue the text of the row above.
* Every sheet of a workbook that is a statement is read; a hidden one only where none that is shown is, which is told.
* Where nothing settles whether days or months come first, the user can (``dates``).
* A sheet without a header is read where its cells leave no choice (``sheet_bare``), and told.
* One statement for each account and currency. A sheet numbers no statements, so they have no identification: the same
  booking exported twice is one in the ledger.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats import grids, payments, sheet_bare, sheet_letters
from electra_kernel.formats.base import Problems, Reading, unreadable, without_collector
from electra_kernel.formats.grids import Cell, Row, plain
from electra_kernel.formats.sheet_balance import Moves, amount_of, proved_balances
from electra_kernel.formats.sheet_columns import STEPS, Columns, amounts_in, directions_of, ordinary_rows
from electra_kernel.formats.sheet_found import Found, found_of, joined
from electra_kernel.formats.sheet_names import FIELD_OF
from electra_kernel.formats.sheet_rows import Booked, RowReader, Way, text_of
from electra_kernel.formats.sheet_values import ORDERS, SERIAL, Dates, amounts_of, dates_of
from electra_kernel.formats.sheet_words import ACCOUNT_LABELS, CURRENCY_LABELS
from electra_kernel.statements.columns import DETAILS, ENTRIES, StatementTables
from electra_kernel.statements.keys import entry_ids
from electra_kernel.statements.model import Balance, Statement
from electra_kernel.statements.proof import prove, prove_totals
from electra_kernel.statements.tables import Span, balances_of, problems_of, statements_of, with_ids
from electra_kernel.vocabulary.errors import ElectraError, Problem, UnreadableFile
from electra_kernel.vocabulary.money import is_currency

_HEADER_ROWS = 60
#: Rows below the header that are looked at to tell statements from payments.
_LOOKED_AT = 200
_DATES = ("booking", "value", "date")
_MONEY = ("amount", "gross", "debit", "credit", "balance", "original_amount", "exchange_rate", "charges")
#: Fields of which several columns may be joined; of others, the first counts and the rest are told.
_JOINED = frozenset(("remittance", "proprietary_code", "time", "securities", "entry_reference", "bank_reference"))


# ------------------------------------------------------------------------------------------------------ header
@dataclass(frozen=True, slots=True)
class _Header:
    """The row of names: where each field stands, and the currency that a name states."""

    index: int
    cells: Sequence[Cell]
    places: Mapping[str, tuple[int, ...]]
    currency: str

    @property
    def is_strong(self) -> bool:
        """Whether no sheet of payments has such columns."""
        return bool({"booking", "balance", "sign"} & set(self.places)) or {"debit", "credit"} <= set(self.places)


def _meaning(name: str) -> tuple[str, str]:
    """The field of a header name, and the currency that it states: ``Paid in (SEK)``, ``Betrag in EUR``."""
    rest, _, stated = name.rpartition(" ")
    if name in FIELD_OF or not is_currency(stated.upper()):
        return FIELD_OF.get(name, ""), ""
    return FIELD_OF.get(rest) or FIELD_OF.get(rest.removesuffix(" in").removesuffix(" en"), ""), stated.upper()


def _as_header(index: int, cells: Sequence[Cell]) -> _Header | None:
    places, currency = defaultdict[str, list[int]](list), ""
    for place, cell in enumerate(cells):
        if not isinstance(cell, str):
            continue
        name = plain(cell)
        key, stated = _meaning(name)
        if key in _MONEY and not currency:
            currency = stated
        if key:
            places[key].append(place)
    named = set(places)
    if not named & set(_DATES) or not (named & {"amount", "gross"} or {"debit", "credit"} <= named):
        return None
    return _Header(index, cells, {key: tuple(found) for key, found in places.items()}, currency)


def _find_header(rows: Sequence[Row]) -> _Header | None:
    found = (_as_header(index, cells) for index, (_, cells) in enumerate(rows[:_HEADER_ROWS]))
    return next((header for header in found if header is not None), None)


def _is_statement(rows: Sequence[Row], header: _Header | None) -> bool:
    """Whether rows are a statement's and not payments'."""
    if header is None or _is_securities(header):
        return False
    if header.is_strong or not payments.pays_someone(rows[:_HEADER_ROWS]):
        return True
    amounts = amounts_of(Counter(_cells(rows[: header.index + _LOOKED_AT], header, ("amount",))))
    found = [amounts.amount(cell) for cell in _cells(rows[: header.index + _LOOKED_AT], header, ("amount",))]
    return any(amount.negative for amount in found if amount is not None)


def _is_securities(header: _Header) -> bool:
    """A register of securities and not of money: its amounts are the positions' changes."""
    names = {plain(header.cells[place]) for place in header.places.get("securities", ())}
    return "total shares" in names and "balance" not in header.places


def _cells(rows: Sequence[Row], header: _Header, keys: Sequence[str]) -> Iterator[Cell]:
    places = [place for key in keys for place in header.places.get(key, ())]
    for _, cells in rows[header.index + 1 :]:
        yield from (cells[place] for place in places if place < len(cells))


# ------------------------------------------------------------------------------------------------------ detect
def with_dates(order: str) -> dict[str, Any]:
    """The readers of sheets whose dates are written in an order that the user says, by their names in ``Format``.

    Raises:
        ElectraError: there is no such order.
    """
    if order not in ORDERS:
        said = f"{order[:20]!r} is no order of day, month and year."
        raise ElectraError(said, repair=f"Write one of {', '.join(ORDERS)}.")
    return {"read": partial(read, dates=order), "tables": partial(read_tables, dates=order)}


def detect(data: bytes) -> bool:
    """Whether the bytes are a sheet with the header of an account statement."""
    return _looks(data) in ("statement", "bare")


def looks_like(data: bytes) -> str:
    """What a sheet that is no statement looks like, in words; empty where it is no sheet."""
    return {
        "securities": "a register of securities (shares, not money)",
        "balances": "a sheet of balances without bookings",
    }.get(_looks(data), "")


def _looks(data: bytes) -> str:
    if grids.is_workbook(data):
        found = {_kind_of(rows) for rows in grids.heads(data)}
        return next((kind for kind in ("statement", "bare") if kind in found), "")
    if not grids.may_be_text(data):
        return ""
    text = sheet_letters.start_of(data)
    kinds = {_kind_of(list(grids.first_rows(text, each, _HEADER_ROWS))) for each in grids.DELIMITERS}
    return next((kind for kind in ("statement", "securities", "balances", "bare") if kind in kinds), "")


def _kind_of(rows: Sequence[Row]) -> str:
    header = _find_header(rows)
    if _is_statement(rows, header):
        return "statement"
    if header is not None and _is_securities(header):
        return "securities"
    names = [{FIELD_OF.get(plain(cell), "") for cell in cells if isinstance(cell, str)} for _, cells in rows]
    if any("date" in each and "balance" in each for each in names):
        return "balances"
    return "bare" if header is None and sheet_bare.named(rows) is not None else ""


# -------------------------------------------------------------------------------------------------------- read
@dataclass(frozen=True, slots=True)
class _Sheet:
    """One sheet: its name, header, how it is written, the rows below the header and those above, and what is told of it."""

    tab: str
    header: _Header
    way: Way
    columns: Columns
    above: Sequence[Row]
    problems: Problems

    def told(self) -> Sequence[Problem]:
        """What is told of it, naming it where it is not the only one."""
        return grids.in_tab(self.problems.rows(), self.tab)


@without_collector()
def read(data: bytes, source: str, dates: str = "") -> Reading:
    """Read a sheet into statements, one for each account and currency.

    Args:
        data: delimited text or a workbook.
        source: its name, or the SHA-256 of its bytes.
        dates: the order of day, month and year in its dates (``ORDERS``), where the user says it.

    Raises:
        UnreadableFile: broken, too large, or no sheet of a statement.
    """
    problems, statements = Problems(source), list[Statement]()
    for sheet in _sheets(data, source, problems, dates):
        reader = RowReader(sheet.header.cells, sheet.way, sheet.problems)
        booked = list(reader.read(sheet.columns.rows))
        found = found_of(booked)
        _check_sums(reader.sums, found, sheet.problems)
        for group in _groups(found, sheet, sheet.problems):
            entries = [booked[row].entry for row in found.owners[group.rows]]
            statement = replace(group.statement, entries=tuple(entry for entry in entries if entry is not None))
            sheet.problems.extend(prove(statement, source))
            statements.append(statement)
        problems.extend(sheet.told())
    name = grids.workbook_kind(data) or "csv"
    return Reading(format=f"{name} statement", statements=tuple(statements), problems=problems.rows())


@without_collector()
def read_tables(data: bytes, source: str, dates: str = "") -> StatementTables:
    """The same into the ledger's columns, column by column.

    Raises:
        UnreadableFile: broken, too large, or no sheet of a statement.
    """
    problems, parts = Problems(source), list[pa.Table]()
    statements = list[tuple[Statement, Span]]()
    for sheet in _sheets(data, source, problems, dates):
        ordinary = ordinary_rows(sheet.columns, sheet.way)
        reader = RowReader(sheet.header.cells, sheet.way, sheet.problems, len(ordinary.amounts))
        found = joined(ordinary, list(reader.read(ordinary.rest)))
        _check_sums(reader.sums, found, sheet.problems)
        for group in _groups(found, sheet, sheet.problems):
            sheet.problems.extend(prove_totals(group.statement, group.totals, source))
            statements.append((group.statement, group.span))
            whole = len(group.rows) == len(found.entries)  # their order is that of the sheet
            parts.append(found.entries if whole else found.entries.take(pa.array(group.rows)))
        problems.extend(sheet.told())
    entries = pa.concat_tables(parts) if parts else ENTRIES.empty_table()
    entries = entries.set_column(ENTRIES.get_field_index("source"), "source", [pa.repeat(source, len(entries))])
    return StatementTables(
        entries=with_ids(entries, entry_ids(entries)),
        details=DETAILS.empty_table(),
        balances=balances_of([statement for statement, _ in statements]),
        problems=problems_of(problems.rows()),
        statements=statements_of(statements, source),
    )


def _sheets(data: bytes, source: str, problems: Problems, dates: str) -> Iterator[_Sheet]:
    """Every sheet of a statement, with what is to be told of its header."""
    grids.check_size(data, source)
    workbook = grids.is_workbook(data)
    for tab, rows in _excel(data, source, problems) if workbook else [("", _text(data, source, problems))]:
        header = _find_header(rows)
        if header is None:
            raise _no_header(source)
        below, told = _continued(rows[header.index + 1 :], header), Problems(source)
        columns = Columns(below, len(header.cells))
        header = _chosen(_by_content(header, columns), columns)
        _tell_columns(header, rows, told)
        way = _way_of(header, rows, columns, told, dates)
        yield _Sheet(tab, header, way, columns, rows[: header.index], told)


def _continued(rows: Sequence[Row], header: _Header) -> Sequence[Row]:
    """Rows in which those that hold nothing but text are part of the text of the row above."""
    places = set(header.places.get("remittance", ()))
    if not places:
        return rows
    day = next((found[0] for key in _DATES if (found := header.places.get(key))), 0)
    if all(day < len(cells) and cells[day] for _, cells in rows):
        return rows
    joined: list[Row] = []
    for number, cells in rows:
        if day < len(cells) and cells[day]:
            joined.append((number, cells))
            continue
        filled = [place for place, cell in enumerate(cells) if cell != "" and text_of(cell)]
        if filled and joined and set(filled) <= places and len(joined[-1][1]) >= len(header.cells):
            above = list(joined[-1][1])
            if any(text_of(above[place]) for place in range(len(above)) if place not in places):
                for place in filled:
                    above[place] = f"{text_of(above[place])} {text_of(cells[place])}".strip()
                joined[-1] = (joined[-1][0], above)
                continue
        joined.append((number, cells))
    return joined


def _no_header(source: str) -> UnreadableFile:
    return unreadable(
        source,
        "header",
        "No row names the columns of a statement: a date, and an amount or debits and credits.",
        "Add a row of names above the rows, or describe the file once: electra formats new --from FILE.",
        field="header",
    )


def _excel(data: bytes, source: str, problems: Problems) -> Iterator[tuple[str, list[Row]]]:
    """The name and the rows of every sheet with a header of a statement, else those of the first that needs none."""
    bare, bare_tab = None, ""
    none = True
    for sheet in grids.sheets(data, source):
        shown, rows = sheet.shown, sheet.rows()
        header = _find_header(rows)
        if _is_statement(rows, header) and (shown or none):
            none = False
            yield sheet.tab, rows
        elif _is_statement(rows, header):
            said = "A hidden sheet has a statement too; it is not read."
            problems.warn_once("sheet", "hidden", said, "Show it where it counts.")
        elif header is None and bare is None:
            bare, bare_tab = sheet_bare.named(rows), sheet.tab
    if none and bare is None:
        raise _no_header(source)
    if none and bare is not None:
        yield bare_tab, _told_bare(bare, problems)


def _told_bare(rows: list[Row], problems: Problems) -> list[Row]:
    names = ", ".join(str(name) or "nothing" for name in rows[0][1])
    said = f"The sheet has no row of names; by what stands in them its columns are: {names}."
    problems.warn(None, "header", "no-names", said, "Add a row of names above the rows where this is wrong.")
    return rows


def _text(data: bytes, source: str, problems: Problems) -> list[Row]:
    text = sheet_letters.decoded(data, source, problems)
    best = max(grids.DELIMITERS, key=lambda each: _known(list(grids.first_rows(text, each, _HEADER_ROWS))))
    if not _known(list(grids.first_rows(text, best, _HEADER_ROWS))) and (bare := _bare(text, source)) is not None:
        return _told_bare(bare, problems)
    try:
        return grids.text_rows(text, best, source)
    except UnreadableFile as error:
        if "unexpected end" in error.problem.text or "field larger" in error.problem.text:
            raise
        problems.warn(
            error.problem.position,
            "row",
            "quotes",
            "A quotation mark stands inside a quoted text; what it belongs to was guessed here, and perhaps below.",
            "Ask for an export that doubles the quotation marks inside texts.",
        )
        return grids.text_rows(text, best, source, strict=False)


def _bare(text: str, source: str) -> list[Row] | None:
    """The rows of a sheet without names with names, where its cells tell them."""
    for delimiter in grids.DELIMITERS:
        head = list(grids.first_rows(text, delimiter, _HEADER_ROWS))
        if sheet_bare.named(head) is not None:
            return sheet_bare.named(grids.text_rows(text, delimiter, source))
    return None


def _known(rows: Sequence[Row]) -> int:
    header = _find_header(rows)
    return 0 if header is None else sum(map(len, header.places.values()))


def _by_content(header: _Header, columns: Columns) -> _Header:
    """A header by what its columns hold: a column of money may hold the currency, and the next one, without a name, the
    amount; ``Valuta`` is the value date in some languages and the currency in others."""
    places, moved = dict(header.places), False
    if {"booking", "date"} & set(places) and "value" in places and _only_currencies(columns, places["value"]):
        places["currency"], moved = places.pop("value"), True
    for key in ("amount", "balance"):
        here = places.get(key, ())
        following = str(header.cells[here[0] + 1]) if here and here[0] + 1 < len(header.cells) else "?"
        if not following.strip() and _only_currencies(columns, here):
            places.update({key: (here[0] + 1,)} | ({} if "currency" in places else {"currency": here[:1]}))
            moved = True
    return _Header(header.index, header.cells, places, header.currency) if moved else header


#: Names that may be the account holder's own as well as the other party's, where a plainer one stands beside them.
_EITHER = frozenset(
    (
        *("name", "naam", "nom", "nev", "nombre", "navn", "bic", "swift", "bic swift", "bic swift code", "blz"),
        *(
            "account number",
            "kontonummer",
            "kontonr",
            "rekening",
            "rekeningnummer",
            "konto",
            "compte",
            "cuenta",
            "conto",
        ),
        "counterparty",
    )
)
#: What a name has in it that may be the day of the deal, where another column has that of the booking.
_OF_DEAL = ("oper", "proveden", "transak", "verrichting", "deal")


def _chosen(header: _Header, columns: Columns) -> _Header:
    """A header in which, of several columns of one meaning, the one that says the most comes first: one that has
    something in it, and one whose name cannot mean the account holder's own."""
    places = dict(header.places)
    names = {place: plain(name) for place, name in enumerate(header.cells)}
    for key, several in header.places.items():
        if len(several) == 1 or key in _JOINED:
            continue
        filled = [place for place in several if any(text_of(cell) for cell in columns[place])] or list(several)
        either = [place for place in filled if names[place] in _EITHER]
        sure = [place for place in (filled if key == "account" else several) if names[place] not in _EITHER]
        places[key] = tuple(filled)
        if key in ("name", "other_bic") and sure and either:
            places[key] = tuple(sure)
        elif key == "account":
            sure.sort(key=lambda place: not _only_ibans(columns, place))
            places |= _own_and_other(sure, either, {"other_account", "payee_account"} & set(places))
        elif key == "booking":
            deals = [place for place in filled if any(word in names[place] for word in _OF_DEAL)]
            if deals and len(deals) < len(filled):
                places["booking"] = tuple(place for place in filled if place not in deals)
                places.setdefault("date", tuple(deals[:1]))
    named = places.get("name", ())
    if named and "other_account" not in places and _only_ibans(columns, named[0]):
        places["other_account"] = (named[0],)
        places["name"] = named[1:]
    return replace(header, places={key: found for key, found in places.items() if found})


def _own_and_other(
    sure: Sequence[int], either: Sequence[int], other_is_known: Collection[str]
) -> dict[str, tuple[int, ...]]:
    if sure and either and not other_is_known:
        return {"account": tuple(sure), "other_account": tuple(either[:1])}
    return {"account": (*sure, *either)}


def _only_ibans(columns: Columns, place: int) -> bool:
    texts = {text_of(cell) for cell in columns[place]} - {""}
    return bool(texts) and all(_IBAN.fullmatch(text) for text in texts)


def _only_currencies(columns: Columns, places: Sequence[int]) -> bool:
    """Whether nothing but currencies stands in some columns, and one at least."""
    texts = (str(cell).strip() for place in places for cell in columns[place])
    first = next((text for text in texts if text), "")
    return is_currency(first) and all(not text or is_currency(text) for text in texts)


def _tell_columns(header: _Header, rows: Sequence[Row], problems: Problems) -> None:
    taken = {place for places in header.places.values() for place in places}
    if left := grids.unread_columns(rows[header.index :], taken):
        problems.warn(None, "header", "column-unread", grids.unread_words(left), "Keep the file for what they say.")
    for key, places in header.places.items():
        names = [str(header.cells[place]).strip()[:40] for place in places]
        if len(places) > 1 and key not in _JOINED:
            said = f"Several columns mean the {key.replace('_', ' ')}: {', '.join(names)}; {names[0]} was read."
            problems.warn(None, key, "column-twice", said, "Remove or rename the columns that do not count.")
    if "securities" in header.places:
        said = "The sheet tells of securities; only the money of each row is read."
        problems.warn(None, "header", "securities", said, "None, where the money is what counts.")


#: What settles the order of dates.
_SETTLE = (
    "Say which it is: electra read FILE --dates dmy (or mdy, ymd); "
    "for every such file: electra formats new --from FILE, and correct its date format."
)


def _way_of(header: _Header, rows: Sequence[Row], columns: Columns, problems: Problems, order: str) -> Way:
    amounts = amounts_in(columns, [place for key in _MONEY for place in header.places.get(key, ())])
    days = [columns[place] for key in _DATES for place in header.places.get(key, ())[:1]]
    dates = dates_of(days, months_first=amounts.point == "." and any("/" in str(cell) for cell in days[0][:50]))
    if order and dates.order != SERIAL:
        dates = Dates(order)
    if dates.doubt:
        problems.warn(None, "date", "date-order", dates.doubt, _SETTLE)
    account, currency = _above(rows[: header.index])
    places = dict(header.places)
    other = places.pop("some_account", ())
    if other:
        own = "account" not in places and not account
        if own and {"name", "payer", "payee"} & set(places) and _varies(columns[other[0]]):
            own = False
            said = f"The column {str(header.cells[other[0]])[:40]!r} changes from row to row: it was read as the other party's."
            problems.warn(None, "account", "account-column", said, "Name it Counterparty account, or Own account.")
        places.setdefault("account" if own else "other_account", other)
    # Several columns of one meaning were told: the first counts, where they are not parts of one text.
    places = {key: found if key in _JOINED or key == "sign" else found[:1] for key, found in places.items()}
    way = Way(places, dates, amounts, account, header.currency or currency)
    unnamed = [place for place, name in enumerate(header.cells) if not str(name).strip()]
    way = replace(way, **directions_of(columns, way, unnamed))
    if way.less_charges:
        said = "The balances prove that the charges are taken besides the amounts; each amount was read together with them."
        problems.warn(None, "charges", "charges", said, "None: the balances follow from each other so.")
    if way.marks_only:
        said = (
            "Signs and marks of all amounts contradict each other; the marks were believed, as on a card's statement."
        )
        problems.warn(None, "amount", "sign", said, "Ask the bank which is right.")
    if way.unmarked_debits:
        said = "Only credits are marked; amounts without a mark were taken as debits."
        problems.warn(None, "amount", "sign", said, "Ask for an export with signs.")
    return way


def _varies(cells: Sequence[Cell]) -> bool:
    values = {str(cell).strip() for cell in cells}
    return len(values) > 1 and len(values) * 2 > len(cells)


_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?\b")


def _looks_like_account(text: str) -> bool:
    return sum(map(str.isdigit, text)) >= 5 and not any(letter in text for letter in ",:")


def _above(rows: Sequence[Row]) -> tuple[str, str]:
    """Account and currency by the labels above the header."""
    account = currency = ""
    for (_, cells), (_, below) in zip(rows, [*rows[1:], (0, ())], strict=False):
        for place, cell in enumerate(cells[: len(below)]):
            under = str(below[place]).strip()[:60]
            if isinstance(cell, str) and plain(cell) in ACCOUNT_LABELS and _looks_like_account(under):
                account = account or under
        texts = [part.strip() for cell in cells if isinstance(cell, str) for part in cell.split(":", 1) if part.strip()]
        for label, text in pairwise(texts):
            name = plain(label)
            if name in ACCOUNT_LABELS:
                account = account or (text[:60] if any(map(str.isdigit, text)) else "")
            elif name in CURRENCY_LABELS and is_currency(text[:3].upper()):
                currency = currency or text[:3].upper()
        if not account and (match := _IBAN.search(" ".join(texts)[:400])):
            account = match[0]
    return "".join(account.split()) if _IBAN.fullmatch(account) else account, currency


# -------------------------------------------------------------------------------------------------- statements
@dataclass(frozen=True, slots=True)
class _Group:
    """The rows of one account and currency: their places among the entries, and their statement without entries."""

    rows: Any
    statement: Statement
    totals: Mapping[str, Decimal]
    span: Span


def _groups(found: Found, sheet: _Sheet, problems: Problems) -> list[_Group]:
    keys = found.keys()
    if not keys:
        problems.warn(None, "row", "no-rows", "The sheet has a header and no bookings.", "None, where there were none.")
    if keys and not any(account for account, _ in keys):
        said = "The sheet does not say whose account it is."
        problems.warn(None, "account", "account", said, "Add a column Account, or keep its rows apart.")
    if any(not currency for _, currency in keys):
        said = "The sheet does not say in which currency its amounts are."
        problems.warn(None, "currency", "currency", said, "Add a column Currency, or keep its rows apart.")
    _tell_signs(found, problems)
    lines = (" ".join(str(cell).strip() for cell in cells if str(cell).strip()) for _, cells in sheet.above)
    text = "\n".join(lines).strip()[:2000]
    return [_group(key, rows, found, text, problems) for key, rows in keys.items()]


def _check_sums(sums: Sequence[tuple[int, Decimal]], found: Found, problems: Problems) -> None:
    """Where one row of sums stands below the rows: that it is the sum of all, of all debits or of all credits."""
    if len({number for number, _ in sums}) != 1 or sums[0][0] < max(found.positions.tolist(), default=0):
        return
    amounts = found.amounts.tolist()
    made = {abs(sum(amounts)), sum(each for each in amounts if each > 0), -sum(each for each in amounts if each < 0)}
    for number, told in sums:
        if abs(int(told * STEPS)) not in made:
            said = f"The row of sums says {told:f}, which is not what the rows above make."
            problems.warn(
                number, "amount", "sum", said, "A row is missing, doubled or changed: ask for the export again."
            )


def _tell_signs(found: Found, problems: Problems) -> None:
    """Positive amounts alone may be a card's expenses as well as an account's receipts."""
    if not found.directed.all() and not found.balanced.any() and not (found.amounts < 0).any():
        said = "No amount is negative and nothing marks debits: all were taken as credits."
        repair = "Where they are payments or expenses, export them with signs or with debits and credits."
        problems.warn(None, "amount", "sign", said, repair)


def _group(key: tuple[str, str], rows: Any, found: Found, text: str, problems: Problems) -> _Group:
    account, currency = key
    days = found.days.take(pa.array(rows))
    first, last = (pc.min_max(days)[name].as_py() for name in ("min", "max"))
    told = [each for each in found.told if (each.account, each.currency) == key]
    booked = rows[found.booked[rows]]
    balances: tuple[Balance, ...] = ()
    if len(booked):
        moves = Moves(
            positions=found.positions[booked],
            amounts=found.amounts[booked],
            balances=found.balances[booked],
            balanced=found.balanced[booked],
            first=first,
            last=last,
            backward=days[0].as_py() > days[-1].as_py(),
        )
        balances = proved_balances(moves, currency, problems)
    total = amount_of(sum(found.amounts[booked].tolist()))
    statement = Statement(
        identification="",
        account=account,
        currency=currency,
        balances=balances or _told_balances(told, currency, first, last),
        entries=(),
        from_date=first,
        to_date=last,
        additional_information=text,
    )
    return _Group(rows, statement, {currency: total} if len(booked) else {}, Span(len(rows), first, last))


def _told_balances(told: Sequence[Booked], currency: str, first: date | None, last: date | None) -> tuple[Balance, ...]:
    """Balances that rows of their own tell."""
    days = [each.day for each in told if each.day is not None]
    first, last = (
        min([*days, *([first] if first else [])], default=None),
        max([*days, *([last] if last else [])], default=None),
    )
    return tuple(
        Balance(kind=each.kind, amount=each.balance, currency=currency, date=day)
        for each in told
        if each.balance is not None and (day := each.day or (first if each.kind == "OPBD" else last)) is not None
    )
