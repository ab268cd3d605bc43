"""DTAUS, the payment file of German banks until SEPA (Datenträgeraustausch): transfers and collections, read and written.

Source: Zentraler Kreditausschuss, Anlage 3 des DFÜ-Abkommens, section 1 (DTAUS0, the disk format). Blocks of 128
characters: record A heads a logical file, each C is a payment of 187 characters and up to 15 parts of 29 that say more
(two in its second block, four in each that follows), E holds the sums. A file may hold several logical files. The tape
format (DTAUS1, DTAUS3) is refused by name.

The rules.

* G… are transfers, L… collections. Each client's account of a logical file is one order; account numbers stand as bank
  code and number, ``37040044/0532013000`` without the number's leading zeros: no IBAN is made of them.
* Text is DIN 66003 (``[ \\ ] { | } ~`` are Ä Ö Ü ä ö ü ß) or, in bytes from 0x80 on, IBM 437. It is written in capitals.
* Lines of 27 characters that are full go on in the next without a blank.
* The mark ``1`` means euro, a blank the mark (DEM). Text key 53 is the purpose SALA, 54 CBFF; others are told.
* Positions are numbers of records; the client's own number of a payment is its instruction id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal

from electra_kernel.formats import fixedwidth
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.fields import LayoutError, Values, continued
from electra_kernel.formats.fixedwidth import Field, Group, Layout, Record, Total
from electra_kernel.formats.records import Row
from electra_kernel.orders.kinds import KINDS
from electra_kernel.orders.model import NOBODY, Mandate, Order, Transaction
from electra_kernel.vocabulary.accounts import is_iban
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

_BLOCK, _LINE, _PART, _FIXED, _MOST_PARTS = 128, 27, 29, 187, 15
_EURO, _MARK = "EUR", "DEM"
_NAME_MORE, _TEXT_MORE, _CLIENT_MORE = "01", "02", "03"
_MOST_TEXTS = 13
_KINDS = ("GK", "GB", "LK", "LB")
_DEBIT_KEYS = ("04", "05")
_PURPOSES = {"53": "SALA", "54": "CBFF"}
#: Before this day there was no euro, whatever field an amount stands in.
_FIRST_EURO = date(1999, 1, 1)
_HEAD = re.compile(rb"[\r\n\xef\xbb\xbf]*0128[AE]")
_TAPE = b"\0\x96\0\0\xc1"
_STARTS = re.compile("0128[AE]|[0-9]{4}C[0-9 ]{8}")
_ACCOUNT = re.compile("([0-9]{8})[/-]([0-9]{1,10})")
_ASK = "Have the file made again, or correct it."


def _parts_start() -> tuple[int, ...]:
    """The first column of each part that says more, counted through the blocks of its record."""
    later = range(2 * _BLOCK, 6 * _BLOCK, _BLOCK)
    starts = [_FIXED + 1, _FIXED + 1 + _PART, *(block + 1 + _PART * place for block in later for place in range(4))]
    return tuple(starts[:_MOST_PARTS])


def _digits(name: str, start: int, length: int, *, required: bool = False) -> Field:
    return Field(name, start, length, "digits", required=required)


def _euro(name: str, start: int, length: int, total: Total | None = None) -> Field:
    return Field(name, start, length, "amount", decimals=2, total=total)


def _sum(name: str, of: str, start: int, length: int) -> Field:
    return Field(name, start, length, "integer", total=Total(of=("payment",), field=of, since="head"))


_LAYOUT = Layout(
    name="DTAUS",
    encoding="utf-8",
    ends=("foot",),
    records=(
        Record(
            name="head",
            length=_BLOCK,
            shortest=60,
            marks=((1, ("0128",)), (5, ("A",))),
            after=("", "foot"),
            fields=(
                Field("kind", 6, 2, required=True, values=_KINDS),
                _digits("bank", 8, 8, required=True),
                Field("own_bank", 16, 8, default="00000000"),
                Field("name", 24, _LINE, "raw"),
                Field("made", 51, 6, "date", date="DDMMYY", pivot=70, required=True),
                _digits("account", 61, 10),
                _digits("reference", 71, 10),
                Field("day", 96, 8, "date", date="DDMMYYYY"),
                Field("currency", 128, 1, values=("1",)),
            ),
        ),
        Record(
            name="payment",
            length=6 * _BLOCK,
            shortest=_FIXED,
            marks=((5, ("C",)),),
            after=("head", "payment"),
            fields=(
                _digits("length", 1, 4),
                Field("first_bank", 6, 8, default="00000000"),
                _digits("bank", 14, 8, required=True),
                _digits("account", 22, 10, required=True),
                Field("number", 32, 13, "digits"),
                _digits("key", 45, 2, required=True),
                Field("key_more", 47, 3, default="000"),
                _euro("marks", 51, 11),
                _digits("client_bank", 62, 8, required=True),
                _digits("client_account", 70, 10, required=True),
                _euro("euros", 80, 11),
                Field("name", 94, _LINE, "raw"),
                Field("client", 129, _LINE, "raw"),
                Field("text", 156, _LINE, "raw"),
                Field("currency", 183, 1, values=("1",)),
                Field("parts", 186, 2, "integer"),
            ),
            groups=(
                Group(
                    name="more",
                    starts=_parts_start(),
                    length=_PART,
                    count="parts",
                    fields=(Field("kind", 1, 2), Field("text", 3, _LINE, "raw")),
                ),
            ),
        ),
        Record(
            name="foot",
            length=_BLOCK,
            shortest=64,
            marks=((1, ("0128",)), (5, ("E",))),
            after=("head", "payment"),
            fields=(
                Field("count", 11, 7, "integer", total=Total(of=("payment",), since="head")),
                _euro("marks", 18, 13, Total(of=("payment",), field="marks", since="head")),
                _sum("accounts", "account", 31, 17),
                _sum("banks", "bank", 48, 17),
                _euro("euros", 65, 13, Total(of=("payment",), field="euros", since="head")),
            ),
        ),
    ),
)


def detect(data: bytes) -> bool:
    """Whether the bytes begin with a record A or E of such a file (or its A of the tape format)."""
    return _HEAD.match(data[:16]) is not None or data.startswith(_TAPE)


# -------------------------------------------------------------------------------------------------------- read
@dataclass(slots=True)
class _File:
    """One logical file: its head, and its payments by the client's account."""

    head: Row
    place: int
    by_client: dict[tuple[str, str], list[Transaction]] = field(default_factory=dict)


def read(data: bytes, source: str) -> Reading:
    """Read logical files into orders, one for each account of a client.

    Raises:
        UnreadableFile: no logical file that says whether it orders transfers or collections, or the tape format.
    """
    if data.startswith(_TAPE):
        said = "The file is a DTAUS file for magnetic tapes (packed EBCDIC)."
        raise unreadable(source, "tape", said, "Export it in the disk format (DTAUS0).")
    problems = Problems(source)
    files = _files(fixedwidth.read_lines(_records(_decoded(data, problems)), _LAYOUT, problems), problems)
    if not files:
        first = next((found.text for found in problems.rows() if found.severity == "error"), "It is empty.")
        said = f"The DTAUS file has no head (record A) that says whether it orders transfers or collections. {first}"
        raise unreadable(source, "head", said, "Have it made again.")
    orders = tuple(order for one in files for order in _orders(one, problems))
    return Reading(format="DTAUS", orders=orders, problems=problems.rows())


_DIN = str.maketrans("[\\]{|}~", "ÄÖÜäöüß")
_LATIN_ONLY = re.compile(rb"[\x80-\xff]")
_LATIN = frozenset("ÄÖÜäöüß§".encode("iso-8859-1"))


def _decoded(data: bytes, problems: Problems) -> str:
    """One character for each byte."""
    strange = {found[0] for found in _LATIN_ONLY.findall(data)}
    if strange and strange <= _LATIN:
        said = "Umlauts stand in ISO 8859-1, which the standard does not know; they were read as such."
        problems.warn_once("file", "character-set", said, "Banks expect DIN 66003 or IBM 437.")
        return data.decode("iso-8859-1").translate(_DIN)
    return data.decode("cp437").translate(_DIN)


def _blocks(text: str) -> Iterator[str]:
    """Pieces of 128 characters; what fills the last of them up does not count."""
    text = text.removeprefix("∩╗┐")  # a byte order mark, in IBM 437
    lines = re.split("[\r\n]+", text) if "\n" in text or "\r" in text else [text]
    for line in lines:
        for at in range(0, len(line), _BLOCK):
            block = line[at : at + _BLOCK].rstrip("\0\x1a")
            if block.strip():
                yield block.ljust(_BLOCK) if at + _BLOCK < len(line) else block


def _records(text: str) -> Iterator[tuple[int, str]]:
    """Records with their numbers: the blocks of a payment are put together."""
    number, parts, left = 0, list[str](), 0
    for block in _blocks(text):
        if left and not _STARTS.match(block):
            parts[-1] = parts[-1].ljust(_BLOCK)
            parts.append(block)
            left -= 1
            continue
        if parts:
            yield number, "".join(parts)
        number, parts = number + 1, [block]
        left = _blocks_after(block)
    if parts:
        yield number, "".join(parts)


def _blocks_after(block: str) -> int:
    """How many blocks a record has beside its first, by the length it states."""
    if block[4:5] != "C":
        return 0
    more = (int(block[:4]) - _FIXED) // _PART if block[:4].isascii() and block[:4].isdigit() else 0
    more = min(max(more, 0), _MOST_PARTS)
    return 1 + (max(more - 2, 0) + 3) // 4


def _files(rows: Iterable[Row], problems: Problems) -> list[_File]:
    files: list[_File] = []
    current: _File | None = None
    for row in rows:
        if row.record == "head":
            current = _File(row, len(files) + 1) if row.values["kind"] else None
            files += [current] if current else []
        elif row.record == "payment" and current is None:
            problems.error(row.line, "payment", "order", "It stands in no logical file; it is left out.", _ASK)
        elif row.record == "payment" and current is not None:
            _tell_payment(row, current.head.values, problems)
            _take(row, current, problems)
    return files


def _tell_payment(row: Row, head: Values, problems: Problems) -> None:
    """What a payment says that contradicts itself or its head, or that an order has no place for."""
    values, collects = row.values, head["kind"][0] == "L"
    stated, parts = values["length"], values["parts"]
    if stated and parts is not None and int(stated) != _FIXED + _PART * parts:
        said = f"Its length is said to be {int(stated)}; with {parts} parts it is {_FIXED + _PART * parts}."
        problems.error(row.line, "payment.length", "length", said, _ASK)
    key = values["key"] or ""
    if key and (key in _DEBIT_KEYS) != collects:
        what = "a file of collections" if collects else "a file of transfers"
        problems.error(row.line, "payment.key", "text-key", f"The text key {key} may not stand in {what}.", _ASK)
    elif key and key not in ("05", "51", *_PURPOSES):
        said = f"The text key {key} has no place in an order and was not carried over."
        problems.warn_once("payment.key", "not-carried", said, "Give it again when the file is written.", row.line)
    if values["key_more"].strip("0"):
        said = f"The text key's extension {values['key_more']} has no place in an order and was not carried over."
        problems.warn_once("payment.key_more", "not-carried", said, "Give it again at the bank.", row.line)
    own = (head["bank"], head["account"])
    if head["kind"][1] == "K" and (values["client_bank"], values["client_account"]) != own:
        said = "The account of the client differs from that of the head; the payment's counts."
        problems.warn_once("payment.client_account", "account", said, "Ask which of them is meant.", row.line)


def _take(row: Row, file: _File, problems: Problems) -> None:
    values = row.values
    money = _money(row, file.head.values, problems)
    if money is None or not (values["account"] and values["bank"] and values["client_account"]):
        said = "The payment has no amount or account that can be read; it is left out."
        problems.error(row.line, "payment", "payment", said, "Correct it and read the file again.")
        return
    more = _more(row, problems)
    collects = file.head.values["kind"][0] == "L"
    name = continued([values["name"], *more[_NAME_MORE]])
    client = (
        _account(values["client_bank"] or "", values["client_account"]),
        continued([values["client"], *more[_CLIENT_MORE]]),
    )
    file.by_client.setdefault(client, []).append(
        Transaction(
            amount=money,
            counterparty=Party(name=name, account=_account(values["bank"], values["account"])),
            remittance=continued([values["text"], *more[_TEXT_MORE]]),
            instruction_id=(values["number"] or "")[1:12].lstrip("0"),
            purpose=_PURPOSES.get(values["key"] or "", ""),
            position=row.line,
            mandate=Mandate() if collects else None,
        )
    )


def _money(row: Row, head: Values, problems: Problems) -> Money | None:
    """The amount of the field that the mark means, or, where that is zero, of the other."""
    marks, euros, is_euro = row.values["marks"], row.values["euros"], row.values["currency"] == "1"
    amount, other = (euros, marks) if is_euro else (marks, euros)
    currency = _EURO if is_euro else _MARK
    if not amount and other:
        amount = other
        before = head["made"] is not None and head["made"] < _FIRST_EURO
        currency = _MARK if is_euro or before else _EURO
        said = f"The mark of its currency does not fit the field in which the amount stands; it was read as {currency}."
        problems.warn(row.line, "payment.currency", "currency-mark", said, "Ask in which currency it is.")
    return Money(amount, currency) if amount else None


def _more(row: Row, problems: Problems) -> dict[str, list[str]]:
    """The texts of the parts that say more, by what they say it of."""
    found: dict[str, list[str]] = {_NAME_MORE: [], _TEXT_MORE: [], _CLIENT_MORE: []}
    for part in row.values["more"]:
        if part["kind"] in found:
            found[part["kind"]].append(part["text"])
        else:
            said = f"A part of the kind {part['kind']!r} is not known; its text {part['text'].strip()!r} is left out."
            problems.error(row.line, "payment.more", "part", said, _ASK)
    return found


def _account(bank: str, number: str) -> str:
    return f"{bank}/{number.lstrip('0') or '0'}"


def _orders(file: _File, problems: Problems) -> Iterator[Order]:
    head, line = file.head.values, file.head.line
    made: date | None = head["made"] or head["day"]  # that the first cannot be read is told
    if made is None:
        said = "The day on which the file was made cannot be read; its payments are left out."
        problems.error(line, "head.made", "head", said, "Correct it and read the file again.")
        return
    if not file.by_client:
        problems.warn(line, "head", "empty", "The logical file holds no payment that can be used.", _ASK)
    reference = (head["reference"] or "").lstrip("0")
    message, sender = f"DTAUS{made:%y%m%d}-{file.place}", continued([head["name"]])
    for place, ((account, name), payments) in enumerate(file.by_client.items(), 1):
        own = Party(name=name or sender, account=account)
        collects = head["kind"][0] == "L"
        yield Order(
            message_id=f"{message}-{place}",
            payment_id=reference or f"{message}-{place}",
            kind=KINDS["collection" if collects else "cross-border"].code,
            debtor=NOBODY if collects else own,
            creditor=own if collects else None,
            execution_date=head["day"] or made,
            created=datetime.combine(made, time(), UTC),
            transactions=tuple(payments),
            initiator="" if own.name.startswith(sender) else sender,
        )


# ------------------------------------------------------------------------------------------------------- write
_TO_DIN = str.maketrans("ÄÖÜß", "[\\]~")
_CHARACTERS = re.compile(r"[A-Z0-9 .,&/+*$%ÄÖÜß-]*")
_PAYMENT_ID = re.compile("[0-9]{1,10}")
_KEYS = {purpose: key for key, purpose in _PURPOSES.items()}


def write(orders: Order | Iterable[Order], *, text_key: str = "", encoding: str = "din66003") -> bytes:
    """Orders as logical files in the disk format, one each.

    Not carried: addresses, mandates, ids but the instruction id (up to 11 digits), structured references, ultimate
    parties. Letters become capitals, as the standard knows no others.

    Args:
        orders: transfers or collections in euro (or, for archives, in marks).
        text_key: the text key of every payment; otherwise 05 for collections, and for transfers 53 (purpose SALA), 54
            (CBFF) or 51.
        encoding: ``din66003`` or ``cp437``.

    Raises:
        LayoutError: a text is too long or has other characters, an account is not German, an amount does not fit.
    """
    if encoding not in ("din66003", "cp437"):
        raise LayoutError(f"DTAUS is not written in {encoding!r}.", repair="Choose din66003 or cp437.")
    rows: list[tuple[str, Values]] = []
    for order in [orders] if isinstance(orders, Order) else orders:
        rows.append(("head", _head(order)))
        rows += [("payment", _payment(item, order, text_key)) for item in order.transactions]
        rows.append(("foot", {}))
    lines = fixedwidth.write(rows, _LAYOUT).decode().split("\r\n")[:-1]
    text = "".join(line if line[4] != "C" else line[: _BLOCK * (1 + _blocks_after(line))] for line in lines)
    return text.translate(_TO_DIN).encode("ascii") if encoding == "din66003" else text.encode("cp437")


def _head(order: Order) -> Values:
    bank, account = _german(order.own.account)
    reference = order.payment_id if _PAYMENT_ID.fullmatch(order.payment_id) else ""
    return {
        "kind": "LK" if order.collects else "GK",
        "bank": bank,
        # The payments carry all of a long name of the client's own.
        "name": _lines(order.initiator, 1, "initiator")[0] if order.initiator else _capitals(order.own.name)[:_LINE],
        "made": order.created.date(),
        "account": account,
        "reference": reference,
        "day": None if order.execution_date == order.created.date() else order.execution_date,
        "currency": "1" if order.currency in (_EURO, "") else "",
    }


def _payment(item: Transaction, order: Order, text_key: str) -> Values:
    money, party = item.amount, item.counterparty
    if money.currency not in (_EURO, _MARK) or money.amount <= 0 or money.currency != order.currency:
        said = f"{money} cannot be carried."
        raise LayoutError(said, repair="DTAUS carries positive amounts of one currency, euro or mark.")
    number = item.instruction_id
    if number and not re.fullmatch("[0-9]{1,11}", number):
        raise LayoutError(f"The instruction id {number[:40]!r} is not a number.", repair="Up to 11 digits fit.")
    bank, account = _german(party.account)
    client_bank, client_account = _german(order.own.account)
    name, client = _lines(party.name, 2, "name"), _lines(order.own.name, 2, "client's name")
    text = _lines(item.remittance, 1 + _MOST_TEXTS, "text")
    more = [(_NAME_MORE, line) for line in name[1:]] + [(_TEXT_MORE, line) for line in text[1:]]
    more += [(_CLIENT_MORE, line) for line in client[1:]]
    is_euro = money.currency == _EURO
    return {
        "length": str(_FIXED + _PART * len(more)),
        "bank": bank,
        "account": account,
        "number": f"0{number.rjust(11, '0')}0",
        "key": text_key or ("05" if order.collects else _KEYS.get(item.purpose or order.category_purpose, "51")),
        "marks": Decimal(0) if is_euro else money.amount,
        "client_bank": client_bank,
        "client_account": client_account,
        "euros": money.amount if is_euro else Decimal(0),
        "name": name[0],
        "client": client[0],
        "text": text[0],
        "currency": "1" if is_euro else "",
        "parts": len(more),
        "more": [{"kind": kind, "text": line} for kind, line in more],
    }


def _german(account: str) -> tuple[str, str]:
    """Bank code and number of an account: given so, or as a German IBAN, which is made of them."""
    if account.startswith("DE") and is_iban(account):
        return account[4:12], account[12:]
    if (found := _ACCOUNT.fullmatch(account)) is None:
        raise LayoutError(
            f"{account[:40]!r} is not a German account.", repair="Give bank code/number, or a German IBAN."
        )
    return found[1], found[2]


def _lines(text: str, most: int, what: str) -> list[str]:
    """A text in lines of 27 characters; at least one, at most so many."""
    capitals = _capitals(text)
    lines = [capitals[at : at + _LINE] for at in range(0, len(capitals), _LINE)] or [""]
    if len(lines) > most:
        raise LayoutError(
            f"The {what} {text[:40]!r}… has {len(capitals)} characters where {most * _LINE} fit.",
            repair="Shorten it; nothing is cut by itself.",
        )
    return lines


def _capitals(text: str) -> str:
    capitals = "".join(letter if letter == "ß" else letter.upper() for letter in " ".join(text.split()))
    if _CHARACTERS.fullmatch(capitals) is None:
        strange = "".join(sorted(set(_CHARACTERS.sub("", capitals))))
        raise LayoutError(
            f"{strange!r} in {text[:40]!r} cannot be written.",
            repair="DTAUS knows letters, digits, Ä Ö Ü ß and . , & - / + * $ % only.",
        )
    return capitals
