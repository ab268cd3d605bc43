"""DATEV booking batches (EXTF Buchungsstapel): what German bookkeeping exports and imports, read and written.

Source: DATEV-Format, developer.datev.de, header version 700, format 21 (Buchungsstapel), versions up to 13. Delimited text in
Windows-1252: a head of 31 fields, a line of headings, a booking a line with its fields in fixed places.

The rules.

* A batch is no bank statement. Each account of the ledger that is booked is read as a notification, its bookings as entries
  of status INFO: they are shown and searched, and never count in a balance.
* Debit of the account (S) is positive, credit (H) negative: what comes in and goes out, as the bank's statement of such
  an account says it. A general reversal turns the sign. The contra account is the counterparty's account.
* A date has no year: it is the one that puts it into the batch's period, else into its fiscal year.
* What a booking's text of 60 characters has no room for stands whole in the additional information, where it is read again.
* Master data, captions of accounts and the like are refused by name.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.everyday import decode, one_line
from electra_kernel.statements.model import NOTIFICATION, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import is_currency
from electra_kernel.vocabulary.parties import Party

_HEAD = re.compile(rb'(?:\xef\xbb\xbf)?[\r\n]*"?(?:EXTF|DTVF)"?;[0-9]{3};[0-9]{1,3};')
_BOOKINGS, _NEWEST, _HEADER_VERSION = "21", 13, 700
#: What the other formats of the family hold.
_OTHERS = {
    "16": "customers and suppliers",
    "20": "captions of accounts",
    "44": "text keys",
    "46": "terms of payment",
    "47": "notes on accounts",
    "48": "addresses",
    "62": "branches",
    "63": "fixed assets",
    "65": "recurring bookings",
    "67": "text constants",
}
_ASK = "Export the batch again, or correct the line."
_AMOUNT = re.compile("([0-9]{1,10})(?:,([0-9]{1,2}))?")
_RATE = re.compile("([0-9]{1,4}),([0-9]{1,6})")
_LEDGER = re.compile("[0-9]{1,9}")
_REFERENCE = re.compile(r"[A-Za-z0-9$%&*+/-]{0,36}")

_TEXTS, _TEXT_LENGTH, _INFORMATION_LENGTH = 20, 60, 210
_PURPOSE, _NAME, _IBAN, _OTHER_REFERENCE = "Verwendungszweck", "Name", "IBAN", "Referenz"


def _pairs(title: str, count: int) -> tuple[str, ...]:
    return tuple(f"{title} - {part} {place}" for place in range(1, count + 1) for part in ("Art", "Inhalt"))


#: The headings of version 13, in their places.
HEADINGS = (
    *(
        "Umsatz (ohne Soll/Haben-Kz)",
        "Soll/Haben-Kennzeichen",
        "WKZ Umsatz",
        "Kurs",
        "Basis-Umsatz",
        "WKZ Basis-Umsatz",
    ),
    *("Konto", "Gegenkonto (ohne BU-Schlüssel)", "BU-Schlüssel", "Belegdatum", "Belegfeld 1", "Belegfeld 2", "Skonto"),
    *("Buchungstext", "Postensperre", "Diverse Adressnummer", "Geschäftspartnerbank", "Sachverhalt", "Zinssperre"),
    *("Beleglink", *_pairs("Beleginfo", 8), "KOST1 - Kostenstelle", "KOST2 - Kostenstelle", "Kost-Menge"),
    *("EU-Land u. UStID (Bestimmung)", "EU-Steuersatz (Bestimmung)", "Abw. Versteuerungsart", "Sachverhalt L+L"),
    *("Funktionsergänzung L+L", "BU 49 Hauptfunktionstyp", "BU 49 Hauptfunktionsnummer", "BU 49 Funktionsergänzung"),
    *(*_pairs("Zusatzinformation", _TEXTS), "Stück", "Gewicht", "Zahlweise", "Forderungsart", "Veranlagungsjahr"),
    *("Zugeordnete Fälligkeit", "Skontotyp", "Auftragsnummer", "Buchungstyp", "USt-Schlüssel (Anzahlungen)"),
    *("EU-Land (Anzahlungen)", "Sachverhalt L+L (Anzahlungen)", "EU-Steuersatz (Anzahlungen)"),
    *("Erlöskonto (Anzahlungen)", "Herkunft-Kz", "Buchungs GUID", "KOST-Datum", "SEPA-Mandatsreferenz", "Skontosperre"),
    *("Gesellschaftername", "Beteiligtennummer", "Identifikationsnummer", "Zeichnernummer", "Postensperre bis"),
    *("Bezeichnung SoBil-Sachverhalt", "Kennzeichen SoBil-Buchung", "Festschreibung", "Leistungsdatum"),
    *("Datum Zuord. Steuerperiode", "Fälligkeit", "Generalumkehr (GU)", "Steuersatz", "Land", "Abrechnungsreferenz"),
    *("BVV-Position", "EU-Land u. UStID (Ursprung)", "EU-Steuersatz (Ursprung)", "Abw. Skontokonto"),
)
_PLACE = {heading: place for place, heading in enumerate(HEADINGS)}
_FIRST_INFORMATION = _PLACE["Zusatzinformation - Art 1"]
#: Whose blanks count: a long text goes on in the next.
_CONTENTS = frozenset(range(_FIRST_INFORMATION + 1, _FIRST_INFORMATION + 2 * _TEXTS, 2))
_REVERSAL, _MANDATE = _PLACE["Generalumkehr (GU)"], _PLACE["SEPA-Mandatsreferenz"]
_NEEDED = _PLACE["Buchungstext"] + 1
_READ = frozenset({*range(12), 13, *range(_FIRST_INFORMATION, _FIRST_INFORMATION + 2 * _TEXTS), _REVERSAL, _MANDATE})
#: Values that mean nothing is set.
_UNSET = frozenset({"", "0", "0,00"})


def detect(data: bytes) -> bool:
    """Whether the bytes begin with the head of a file of the DATEV format, of whatever content."""
    return _HEAD.match(data[:64]) is not None


# -------------------------------------------------------------------------------------------------------- read
@dataclass(slots=True)
class _Batch:
    """The head of a batch, and the entries of each account of the ledger."""

    title: str
    currency: str
    fiscal_year: date | None
    first: date | None
    last: date | None
    entries: dict[str, list[Entry]] = field(default_factory=dict)

    def day(self, text: str) -> date | None:
        """``DDMM`` in the year that fits the period, or else the fiscal year."""
        digits = text.zfill(4)
        if len(digits) != 4 or not (digits.isascii() and digits.isdigit()):
            return None
        year_end = None if self.fiscal_year is None else _year_after(self.fiscal_year) - timedelta(days=1)
        for first, last in ((self.first, self.last), (self.fiscal_year, year_end)):
            for year in range(first.year, last.year + 1) if first and last and last.year - first.year < 3 else ():
                day = _date(f"{year}{digits[2:]}{digits[:2]}")
                if day is not None and first is not None and last is not None and first <= day <= last:
                    return day
        return None


def read(data: bytes, source: str) -> Reading:
    """Read a booking batch: each booked account as a notification whose entries have the status INFO.

    Raises:
        UnreadableFile: of another format of the family, or without headings.
    """
    problems = Problems(source)
    rows = _rows(decode(data, problems, "cp1252"), problems)
    _, head = next(rows, (1, [""]))
    _check_kind(head, source)
    _, headings = next(rows, (2, [""]))
    if len(headings) < _NEEDED or not headings[0].startswith("Umsatz") or headings[6] != "Konto":
        said = "The line of headings is missing or has not the headings of a booking batch."
        raise unreadable(source, "heading", said, "Export the batch again.", position=2)
    batch = _batch_of(head, problems)
    for line, values in rows:
        _take(line, values, headings, batch, problems)
    if not batch.entries:
        problems.warn(None, "file", "empty", "The batch holds no booking that can be used.", _ASK)
    statements = tuple(_statement(account, batch) for account in batch.entries)
    return Reading(format="DATEV", statements=statements, problems=problems.rows())


def _rows(text: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text), delimiter=";")
    try:
        for values in reader:
            if any(value.strip() for value in values):
                yield reader.line_num, values
    except csv.Error as error:
        problems.error(reader.line_num, "line", "line", f"The line cannot be taken apart: {error}.", _ASK)


def _check_kind(head: list[str], source: str) -> None:
    category, name = head[2] if len(head) > 2 else "", head[3] if len(head) > 3 else ""
    if category != _BOOKINGS:
        what = _OTHERS.get(category, f"the format {category[:3]!r}")
        said = f"The DATEV file holds {what} ({name[:40]}), and no bookings."
        raise unreadable(source, "kind", said, "Export a booking batch (Buchungsstapel).", position=1)


def _batch_of(head: list[str], problems: Problems) -> _Batch:
    values = [*head, *[""] * (31 - len(head))]
    if len(head) < 22:
        problems.error(1, "head", "length", f"The head has {len(head)} of 31 fields.", _ASK)
    version = int(values[4]) if values[4].isascii() and values[4].isdigit() and len(values[4]) < 4 else 0
    if not 1 <= version <= _NEWEST:
        said = f"The version {values[4][:10]!r} of the format is not known; it was read as version {_NEWEST}."
        problems.warn(1, "head.version", "version", said, "Compare the bookings with those of the program.")
    currency = values[21] or "EUR"
    if not is_currency(currency):
        problems.error(1, "head.currency", "currency", f"{currency[:20]!r} is not a currency.", _ASK)
    days = {name: _date(values[place]) for name, place in (("fiscal year", 12), ("from", 14), ("to", 15))}
    for name, day in days.items():
        if day is None:
            said = f"The date {name!r} of the head cannot be read."
            problems.error(1, f"head.{name}", "date", said, _ASK)
    return _Batch(values[16], currency, days["fiscal year"], days["from"], days["to"])


def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date() if len(text) == 8 and text.isdigit() else None
    except ValueError:
        return None


def _take(line: int, values: list[str], headings: list[str], batch: _Batch, problems: Problems) -> None:
    if len(values) != len(headings):
        said = f"The line has {len(values)} of {len(headings)} fields."
        problems.error(line, "line", "length", said, "Check that nothing was cut off.")
    if len(values) < _NEEDED:
        return
    values = [value if place in _CONTENTS else value.strip() for place, value in enumerate(values)]
    amount, day = _amount(values[0]), batch.day(values[9])
    wrong = [
        (values[1] not in ("S", "H", ""), "side", f"{values[1][:10]!r} is neither S (debit) nor H (credit)"),
        (amount is None, "amount", f"{values[0][:40]!r} is not an amount"),
        (day is None, "date", f"{values[9][:10]!r} is no day of the batch's period or fiscal year"),
        (not _LEDGER.fullmatch(values[6]), "account", f"{values[6][:20]!r} is no account of the ledger"),
    ]
    for rule, said in [(rule, said) for is_wrong, rule, said in wrong if is_wrong]:
        problems.error(line, rule, rule, f"{said}; the booking is left out.", _ASK)
    if amount is None or any(is_wrong for is_wrong, *_ in wrong):
        return
    _tell_unread(line, values, headings, problems)
    batch.entries.setdefault(values[6], []).append(_entry(line, values, amount, day, batch))


def _amount(text: str) -> Decimal | None:
    found = _AMOUNT.fullmatch(text)
    return Decimal(f"{found[1]}.{(found[2] or '').ljust(2, '0')}") if found else None


def _tell_unread(line: int, values: list[str], headings: list[str], problems: Problems) -> None:
    for place, value in enumerate(values[: len(headings)]):
        if place not in _READ and value not in _UNSET:
            said = f"The column {headings[place][:60]!r} is not read; it holds {value[:40]!r} and perhaps more."
            problems.warn_once(headings[place], "not-carried", said, "Nothing to do where it is not needed.", line)


def _entry(line: int, values: list[str], amount: Decimal, day: date | None, batch: _Batch) -> Entry:
    reversal = len(values) > _REVERSAL and values[_REVERSAL] in ("G", "1")
    sign = (-1 if values[1] == "H" else 1) * (-1 if reversal else 1)
    currency, base, rate = values[2] or batch.currency, _amount(values[4]), _RATE.fullmatch(values[3])
    foreign = currency != batch.currency and base is not None
    booked = base if foreign and base is not None else amount
    said = _information(values)
    purpose, text = "".join(said.get(_PURPOSE, [])), values[13]
    detail = EntryDetail(
        amount=sign * booked,
        currency=batch.currency if foreign else currency,
        counterparty=Party(name=" ".join(said.get(_NAME, [])), account=values[7]),
        remittance=purpose or text,
        mandate_id=values[_MANDATE] if len(values) > _MANDATE else "",
        end_to_end_id=" ".join(said.get(_OTHER_REFERENCE, [])),
        original_amount=amount if foreign else None,
        original_currency=currency if foreign else "",
        exchange_rate=Decimal(f"{rate[1]}.{rate[2]}") if foreign and rate else None,
    )
    others = [f"{kind}: {' '.join(texts)}" for kind, texts in said.items() if kind not in _OURS]
    shown = text if purpose and not purpose.startswith(text) else ""
    return Entry(
        amount=sign * booked,
        currency=detail.currency,
        booking_date=day,
        value_date=None,
        status="INFO",
        reversal=reversal,
        proprietary_code=values[8],
        entry_reference=values[10],
        bank_reference=values[11],
        additional_information="; ".join(part for part in (shown, *others) if part),
        details=(detail,),
        position=line,
    )


_OURS = (_PURPOSE, _NAME, _OTHER_REFERENCE)


def _information(values: list[str]) -> dict[str, list[str]]:
    """The additional information by its kind."""
    found: dict[str, list[str]] = {}
    for place in range(_FIRST_INFORMATION, min(_FIRST_INFORMATION + 2 * _TEXTS, len(values) - 1), 2):
        if values[place] or values[place + 1]:
            found.setdefault(values[place], []).append(values[place + 1])
    return found


def _statement(account: str, batch: _Batch) -> Statement:
    return Statement(
        identification=batch.title,
        account=account,
        currency=batch.currency,
        balances=(),
        entries=tuple(batch.entries[account]),
        from_date=batch.first,
        to_date=batch.last,
        kind=NOTIFICATION,
    )


# ------------------------------------------------------------------------------------------------------- write
def write(
    statements: Sequence[Statement],
    *,
    accounts: Mapping[str, str],
    contra: str,
    consultant: int,
    client: int,
    fiscal_year: date,
    created: datetime,
    contras: Mapping[str, str] | None = None,
    length: int = 4,
    title: str = "",
) -> bytes:
    """Entries of statements as a booking batch of version 13, a line for each entry, or for each payment of a batch.

    Money that comes in is a debit (S) of the account's own ledger account. Not carried: balances, entries that are pending
    or of zero, value dates, BICs, addresses, charges. Letters that Windows-1252 lacks lose their accents.

    Args:
        statements: of one currency, booked within one fiscal year.
        accounts: the account of the ledger for each bank account.
        contra: the account of the ledger against which is booked where nothing else is known, such as one in transit.
        consultant, client: their numbers at DATEV (Berater, Mandant).
        fiscal_year: its first day.
        created: when the batch is made.
        contras: the contra account by the counterparty's account, or by its name.
        length: digits of the ledger's accounts (Sachkontenlänge, 4 to 8).
        title: what the batch is called, up to 30 characters.

    Raises:
        ElectraError: a bank account without an account of the ledger, several currencies, a day outside the fiscal year, an
            amount with more than two decimals or over ten digits, or nothing to write.
    """
    lines, days, currencies = list[str](), list[date](), set[str]()
    for statement in statements:
        own = _ledger_account(accounts.get(statement.account, ""), statement.account)
        for entry in statement.entries:
            if entry.status == "PDNG" or not entry.amount:
                continue
            day = _checked_day(entry, fiscal_year)
            days.append(day)
            currencies.add(entry.currency)
            for amount, detail in _parts(entry):
                lines.append(_line(entry, amount, detail, own, contras or {}, contra, day))
    if len(currencies) != 1:
        said = f"The entries are in {', '.join(sorted(currencies)) or 'no currency'}; a batch has one."
        raise ElectraError(said, repair="Write a batch for each currency.")
    if not 4 <= length <= 8 or len(title) > 30:
        raise ElectraError(
            "A batch has 4 to 8 digits an account, and a title of up to 30 characters.", repair="Correct it."
        )
    head = (
        f'"EXTF";{_HEADER_VERSION};{_BOOKINGS};"Buchungsstapel";{_NEWEST};{created:%Y%m%d%H%M%S}000;;"RE";"";"";'
        f"{consultant};{client};{fiscal_year:%Y%m%d};{length};{min(days):%Y%m%d};{max(days):%Y%m%d};{_quoted(title)};"
        f'"";1;0;0;"{currencies.pop()}";;"";;;"";;;"";""'
    )
    return _encoded("".join(f"{line}\r\n" for line in (head, ";".join(HEADINGS), *lines)))


def _ledger_account(number: str, account: str) -> str:
    if not _LEDGER.fullmatch(number):
        said = (
            f"The account {account[:40]} has no account of the ledger."
            if not number
            else f"{number[:20]!r} is no account."
        )
        raise ElectraError(said, repair="Give it in accounts={…}, as up to nine digits.")
    return number


def _checked_day(entry: Entry, fiscal_year: date) -> date:
    day = entry.booking_date or entry.value_date
    if day is None or not fiscal_year <= day < _year_after(fiscal_year):
        said = f"An entry of {day or 'an unknown day'} is not in the fiscal year from {fiscal_year}."
        raise ElectraError(said, repair="Write a batch for each fiscal year.")
    return day


def _year_after(day: date) -> date:
    return day.replace(year=day.year + 1, day=min(day.day, 28) if day.month == 2 else day.day)


def _parts(entry: Entry) -> list[tuple[Decimal, EntryDetail]]:
    """The payments of a batch where they add up to its amount; otherwise the entry as a whole."""
    amounts = [detail.amount for detail in entry.details]
    known = [amount for amount in amounts if amount]
    if len(amounts) > 1 and len(known) == len(amounts) and sum(known, Decimal(0)) == entry.amount:
        return list(zip(known, entry.details, strict=True))
    if len(entry.details) == 1:
        return [(entry.amount, entry.details[0])]
    return [(entry.amount, EntryDetail(remittance=entry.additional_information))]


def _line(
    entry: Entry, amount: Decimal, detail: EntryDetail, own: str, contras: Mapping[str, str], contra: str, day: date
) -> str:
    party = detail.counterparty or Party(name="")
    other = contras.get(party.account) or contras.get(party.name) or contra
    text = one_line(detail.remittance or entry.additional_information or party.name)
    reference = entry.entry_reference or detail.end_to_end_id
    plain = reference if _REFERENCE.fullmatch(reference) else ""
    cells = [""] * len(HEADINGS)
    cells[0], cells[1] = _amount_text(amount), '"S"' if amount > 0 else '"H"'
    cells[6], cells[7] = own, _ledger_account(other, party.account or party.name)
    cells[9], cells[10], cells[13] = f"{day:%d%m}", _quoted(plain), _quoted(text[:_TEXT_LENGTH])
    cells[_PLACE["Festschreibung"]] = "0"
    if detail.mandate_id:
        cells[_MANDATE] = _quoted(detail.mandate_id)
    said = [
        (_NAME, one_line(party.name)),
        (_IBAN, party.account),
        (_OTHER_REFERENCE, "" if plain else one_line(reference)),
    ]
    pieces = range(0, len(text), _INFORMATION_LENGTH) if len(text) > _TEXT_LENGTH else ()
    said = [pair for pair in said if pair[1]] + [(_PURPOSE, text[at : at + _INFORMATION_LENGTH]) for at in pieces]
    if len(said) > _TEXTS or any(len(what) > _INFORMATION_LENGTH for _, what in said):
        raise ElectraError(f"The text {text[:40]!r}… is too long for a booking.", repair="Shorten it.")
    for place, (kind, what) in enumerate(said):
        cells[_FIRST_INFORMATION + 2 * place : _FIRST_INFORMATION + 2 * place + 2] = [_quoted(kind), _quoted(what)]
    return ";".join(cells)


def _amount_text(amount: Decimal) -> str:
    whole, _, decimals = format(abs(amount).normalize(), "f").partition(".")
    if len(whole) > 10 or len(decimals) > 2:
        raise ElectraError(f"{amount} does not fit a booking.", repair="It has room for ten digits and two decimals.")
    return f"{whole},{decimals.ljust(2, '0')}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _encoded(text: str) -> bytes:
    try:
        return text.encode("cp1252")
    except UnicodeEncodeError:
        letters = (letter if _fits(letter) else unicodedata.normalize("NFKD", letter)[0] for letter in text)
        return "".join(letters).encode("cp1252", "replace")


def _fits(letter: str) -> bool:
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True
