"""NACHA files of the Automated Clearing House of the United States: transfers and collections in dollars, read and written.

Source: Nacha Operating Rules, appendix ACH File Exchange Specifications. Records of 94 characters, ten to a block: 1 heads
the file, 5 a batch, 6 is an entry, 7 what more is said of it, 8 and 9 hold counts, hash and sums of batch and file; lines
of nines fill the last block.

The rules.

* The credits of a batch are one order, its debits another: transfers, and collections. The company is the own side; the
  standard entry class is the local instrument; batch number and entry description make the payment id.
* An account stands as routing number and number, ``091000019/4711``; that of an international entry (IAT) as it is. The
  individual's number is the end-to-end id, the trace number the instruction id, the texts of addenda 05 the remittance.
* One entry against all others of a mixed batch that names the company is the company's own account, not a payment.
* Prenotes, returns (addenda 99) and changes (addenda 98) order nothing: they are told.
* A file that ends without a batch orders nothing, which is told; accounting advices (ADV), which only banks get, are refused.
* Accounts other than checking accounts are told, as an order has no place for it: ``write`` is given them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from electra_kernel.formats import fixedwidth
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.clearing import check_digit
from electra_kernel.formats.fields import LayoutError, Values, continued
from electra_kernel.formats.fixedwidth import Field, Layout, Record, Total, When
from electra_kernel.formats.records import Row
from electra_kernel.orders.kinds import KINDS
from electra_kernel.orders.model import NOBODY, NOT_PROVIDED, Mandate, Order, Transaction
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party

_WIDTH, _TEXT, _BLOCKING, _CURRENCY = 94, 80, 10, "USD"
_NINES = "9" * _WIDTH
#: Priority, and the sizes of records and blocks behind two names and the moment; a blank may be lost or too many there.
_HEAD = re.compile(rb"[\r\n\xef\xbb\xbf]*101[ 0-9].{8}[^\r\n]{19,23}[A-Z0-9 ]09410", re.DOTALL)
_ACCOUNT = re.compile("([0-9]{9})/([^/]{1,17})")
_ASK = "Fetch the file again, or ask who made it."

#: Kinds of accounts by the first digit of the transaction code.
TYPES = {"checking": "2", "savings": "3", "ledger": "4", "loan": "5"}
_CREDITS = ("22", "32", "42", "52")
_DEBITS = ("27", "37", "47", "55")
_PRENOTES = ("23", "28", "33", "38", "43", "48", "53")
_ZEROS = ("24", "29", "34", "39", "44", "49", "54")
_RETURNED_CREDITS, _RETURNED_DEBITS = ("21", "31", "41", "51"), ("26", "36", "46", "56")
_MIXED, _CREDITS_ONLY, _DEBITS_ONLY = "200", "220", "225"
_WRITTEN = ("PPD", "CCD", "CTX")
_RETURN, _CHANGE = "99", "98"
_ADVICES = "ADV"

#: The commonest reasons of returns and changes.
REASONS = {
    "R01": "insufficient funds",
    "R02": "account closed",
    "R03": "no such account",
    "R04": "invalid account number",
    "R06": "returned at the originator's bank's request",
    "R07": "authorisation revoked",
    "R08": "payment stopped",
    "R09": "uncollected funds",
    "R10": "not authorised by the customer",
    "R16": "account frozen",
    "R20": "no transaction account",
    "R23": "refused by the receiver",
    "R29": "not authorised by the company",
    "C01": "another account number",
    "C02": "another routing number",
    "C03": "another routing and account number",
    "C05": "another transaction code",
    "C06": "another account number and transaction code",
    "C07": "another routing and account number and transaction code",
}


def _counts(since: str, counted: int, hash_at: int, count_width: int) -> tuple[Field, ...]:
    """Count, hash and the two sums, which stand alike in batch and file control."""
    sums = hash_at + 10
    debit = When(field="code", values=(*_DEBITS, *_RETURNED_DEBITS))
    credit = When(field="code", values=(*_CREDITS, *_RETURNED_CREDITS))

    def total(name: str, start: int, where: When) -> Field:
        said = Total(of=("entry",), field="amount", since=since, where=where)
        return Field(name, start, 12, "amount", decimals=2, total=said)

    return (
        Field("count", counted, count_width, "integer", total=Total(of=("entry", "addendum"), since=since)),
        Field("hash", hash_at, 10, "integer", total=Total(of=("entry",), field="bank", since=since, modulo=True)),
        total("debits", sums, debit),
        total("credits", sums + 12, credit),
    )


_LAYOUT = Layout(
    name="NACHA",
    encoding="ascii",
    ends=("end", "filling"),
    records=(
        Record(name="filling", length=_WIDTH, marks=((1, (_NINES,)),), after=("end", "filling")),
        Record(
            name="file",
            length=_WIDTH,
            shortest=40,
            marks=((1, ("1",)),),
            after=("", "end", "filling"),
            fields=(
                Field("priority", 2, 2, default="01"),
                Field("destination", 4, 10, align="right"),
                Field("origin", 14, 10, align="right"),
                Field("made", 24, 6, "date", date="YYMMDD", required=True),
                Field("time", 30, 4),
                Field("modifier", 34, 1),
                Field("size", 35, 3, const="094"),
                Field("blocking", 38, 2, const="10"),
                Field("format", 40, 1, const="1"),
                Field("destination_name", 41, 23),
                Field("origin_name", 64, 23),
                Field("reference", 87, 8),
            ),
        ),
        Record(
            name="batch",
            length=_WIDTH,
            marks=((1, ("5",)),),
            after=("file", "control"),
            fields=(
                Field("service", 2, 3, required=True, values=(_MIXED, _CREDITS_ONLY, _DEBITS_ONLY, "280")),
                Field("company", 5, 16),
                Field("discretionary", 21, 20),
                Field("company_id", 41, 10),
                Field("class", 51, 3, required=True),
                Field("description", 54, 10),
                Field("described", 64, 6),
                Field("day", 70, 6, "date", date="YYMMDD"),
                Field("settled", 76, 3),
                Field("status", 79, 1, default="1"),
                Field("bank", 80, 8),
                Field("number", 88, 7, "integer"),
            ),
        ),
        Record(
            name="entry",
            length=_WIDTH,
            marks=((1, ("6",)),),
            after=("batch", "entry", "addendum"),
            fields=(
                Field("code", 2, 2, "digits", required=True),
                Field("bank", 4, 8, "digits", required=True),
                Field("check", 12, 1, "digits", required=True),
                Field("account", 13, 17),
                Field("amount", 30, 10, "amount", decimals=2, required=True),
                Field("number", 40, 15, "raw"),
                Field("name", 55, 22, "raw"),
                Field("discretionary", 77, 2),
                Field("more", 79, 1, values=("0", "1")),
                Field("trace", 80, 15, "digits"),
            ),
        ),
        Record(
            name="addendum",
            length=_WIDTH,
            marks=((1, ("7",)),),
            after=("entry", "addendum"),
            fields=(
                Field("kind", 2, 2, required=True),
                Field("text", 4, _TEXT, "raw"),
                Field("sequence", 84, 4),
                Field("of", 88, 7),
            ),
        ),
        Record(
            name="control",
            length=_WIDTH,
            marks=((1, ("8",)),),
            after=("batch", "entry", "addendum"),
            fields=(
                Field("service", 2, 3),
                *_counts("batch", 5, 11, 6),
                Field("company_id", 45, 10),
                Field("bank", 80, 8),
                Field("number", 88, 7, "integer"),
            ),
        ),
        Record(
            name="end",
            length=_WIDTH,
            shortest=55,
            marks=((1, ("9",)),),
            after=("file", "control"),
            fields=(
                Field("batches", 2, 6, "integer", total=Total(of=("batch",), since="file")),
                Field("blocks", 8, 6, "integer"),
                *_counts("file", 14, 22, 8),
            ),
        ),
    ),
)


def detect(data: bytes) -> bool:
    """Whether the bytes begin with the head of such a file."""
    return _HEAD.match(data[: _WIDTH + 8]) is not None


# -------------------------------------------------------------------------------------------------------- read
@dataclass(slots=True)
class _Entry:
    row: Row
    addenda: list[Row] = field(default_factory=list)

    def texts(self, kind: str) -> list[str]:
        """The texts of its addenda of one kind."""
        return [one.values["text"] for one in self.addenda if one.values["kind"] == kind]


@dataclass(slots=True)
class _Batch:
    head: Row
    file: Values
    entries: list[_Entry] = field(default_factory=list)


def read(data: bytes, source: str) -> Reading:
    """Read a file into orders, two for a batch that has both credits and debits.

    Raises:
        UnreadableFile: it holds accounting advices, or breaks off before any batch.
    """
    problems = Problems(source)
    rows = list(fixedwidth.read(data, _LAYOUT, problems))
    batches = _batches(rows, problems)
    if not batches and not any(row.record == "end" for row in rows):
        raise unreadable(source, "incomplete", "The NACHA file holds no batch and no end.", "Fetch it again.")
    if any(batch.head.values["class"] == _ADVICES for batch in batches):
        said = "The NACHA file holds accounting advices (ADV), by which the operator settles with banks; they are not read."
        raise unreadable(source, "advices", said, "Ask the bank for the entries themselves.")
    if not batches:
        problems.warn(1, "file", "empty", "The NACHA file holds no batch: it orders nothing.", "Nothing to do.")
    orders = tuple(order for batch in batches for order in _orders(batch, problems))
    return Reading(format="NACHA", orders=orders, problems=problems.rows())


def _batches(rows: Iterable[Row], problems: Problems) -> list[_Batch]:
    batches: list[_Batch] = []
    file, records, current = Values(), 0, None
    said: tuple[int, Any] = 0, None
    for row in rows:
        records += 1
        if row.record == "file":
            _check_blocks(said, records - 1, problems)
            file, records, said = row.values, 1, (0, None)
        elif row.record == "batch":
            current = _Batch(row, file)
            batches.append(current)
        elif row.record == "end":
            current, said = None, (row.line, row.values["blocks"])
        elif current is not None:
            _take(current, row, problems)
    _check_blocks(said, records, problems)
    return batches


def _check_blocks(said: tuple[int, Any], records: int, problems: Problems) -> None:
    line, blocks = said
    full = -(-records // _BLOCKING)
    if blocks is not None and blocks != full:
        text = f"The number of blocks is said to be {blocks} and is {full}."
        problems.error(line, "end.blocks", "count", text, _ASK)


def _take(batch: _Batch, row: Row, problems: Problems) -> None:
    if row.record == "entry":
        batch.entries.append(_Entry(row))
    elif row.record == "addendum" and batch.entries:
        batch.entries[-1].addenda.append(row)
    elif row.record == "control":
        for name, what in (("service", "service class"), ("number", "batch number"), ("company_id", "company id")):
            if name == "company_id" and not row.values[name]:
                said = "The control of a batch does not repeat the company's id."
                problems.warn_once("control.company_id", "missing", said, "Nothing to do.", row.line)
            elif row.values[name] != batch.head.values[name]:
                text = f"The {what} is {row.values[name]!r}, and {batch.head.values[name]!r} in the head of the batch."
                problems.error(row.line, f"control.{name}", "contradiction", text, _ASK)


def _orders(batch: _Batch, problems: Problems) -> Iterator[Order]:
    head, line = batch.head.values, batch.head.line
    day: date | None = head["day"] or batch.file.get("made")
    made: date | None = batch.file.get("made") or day
    if day is None or made is None:
        said = "Neither batch nor file say a day that can be read; the entries are left out."
        problems.error(line, "batch.day", "date", said, _ASK)
        return
    _tell_batch(batch, problems)
    sides: dict[bool, list[_Entry]] = {False: [], True: []}
    for entry in batch.entries:
        if _orders_something(entry, head, problems):
            sides[entry.row.values["code"] in _DEBITS].append(entry)
    own = _own_account(sides, head, problems)
    name = f"ACH{made:%y%m%d}{batch.file.get('time', '')}{batch.file.get('modifier', '')}-{head['number'] or line}"
    for collects, entries in sides.items():
        if not entries:
            continue
        side = Party(
            name=head["company"] if head["class"] != "IAT" else "", account=own, identification=head["company_id"]
        )
        yield Order(
            message_id=f"{name}-D" if collects and sides[False] else name,
            payment_id=f"{head['number'] or 0:07d} {head['description']}".strip(),
            kind=KINDS["collection" if collects else "cross-border"].code,
            debtor=NOBODY if collects else side,
            creditor=side if collects else None,
            execution_date=day,
            created=datetime.combine(made, _time(batch.file.get("time") or ""), UTC),
            transactions=tuple(_transaction(entry, head, collects=collects) for entry in entries),
            local_instrument=head["class"],
            category_purpose="SALA" if head["description"].upper() == "PAYROLL" else "",
        )


def _tell_batch(batch: _Batch, problems: Problems) -> None:
    head, line = batch.head.values, batch.head.line
    for name, what in (("discretionary", "discretionary data"), ("described", "descriptive date")):
        if head[name] and head["class"] != "IAT":
            said = f"The company's {what} {head[name]!r} have no place in an order and were not carried over."
            problems.warn_once(f"batch.{name}", "not-carried", said, "Nothing to do.", line)
    codes = {entry.row.values["code"] for entry in batch.entries}
    wrong = {_CREDITS_ONLY: codes & set(_DEBITS), _DEBITS_ONLY: codes & set(_CREDITS)}.get(head["service"] or "")
    if wrong:
        said = f"The service class {head['service']} does not allow the transaction codes {', '.join(sorted(wrong))}."
        problems.error(line, "batch.service", "service-class", said, _ASK)
    if head["class"] == "IAT" and (currency := batch.head.text[66:69]) not in (_CURRENCY, "   "):
        said = f"The receivers of this batch get {currency}; the amounts are in {_CURRENCY}."
        problems.warn(line, "batch.class", "currency", said, "Nothing to do.")


def _orders_something(entry: _Entry, head: Values, problems: Problems) -> bool:
    """Whether an entry is a payment or a collection; what it is otherwise, and what is wrong with it, is told."""
    values, line = entry.row.values, entry.row.line
    if entry.texts(_RETURN) or entry.texts(_CHANGE):
        _tell_return(entry, problems)
        return False
    code = values["code"]
    text = "".join(entry.texts("05")).strip()[:_TEXT]
    if code in _PRENOTES or code in _ZEROS:
        what = "a prenote: it tries the account" if code in _PRENOTES else f"a message without money: {text!r}"
        said = f"The entry for {values['name'].strip()!r} is {what} and orders nothing."
        problems.warn(line, "entry.code", "no-money", said, "Nothing to do.")
        return False
    if code not in (*_CREDITS, *_DEBITS) or values["amount"] is None or values["bank"] is None:
        said = f"The entry with the transaction code {code} cannot be read as a credit or debit; it is left out."
        problems.error(line, "entry", "entry", said, _ASK)
        return False
    if not values["amount"]:
        problems.error(line, "entry.amount", "amount", "The entry has no amount; it is left out.", _ASK)
        return False
    _check_entry(entry, head, problems)
    return True


def _tell_return(entry: _Entry, problems: Problems) -> None:
    values, changed = entry.row.values, bool(entry.texts(_CHANGE))
    text = (entry.texts(_CHANGE) or entry.texts(_RETURN))[0]
    reason = REASONS.get(text[:3], "")
    words = f"{text[:3]} {f'({reason})' if reason else ''}".strip()
    if changed:
        said = f"The receiver's bank asks for a change of {values['name'].strip()!r}, {words}: {text[32:61].strip()!r}."
        problems.warn(entry.row.line, "entry", "change", said, "Change it before the next payment.")
    else:
        amount = values["amount"] if values["amount"] is not None else "an unknown amount"
        said = (
            f"{amount} {_CURRENCY} of {values['name'].strip()!r} came back, reason {words}; trace {text[3:18].strip()}."
        )
        problems.warn(entry.row.line, "entry", "return", said, "Clear it with the receiver.")


def _check_entry(entry: _Entry, head: Values, problems: Problems) -> None:
    values, line = entry.row.values, entry.row.line
    if values["check"] is not None and values["check"] != check_digit(values["bank"]):
        said = f"The routing number {values['bank']}{values['check']} has a wrong check digit."
        problems.error(line, "entry.bank", "account", said, "Ask the partner for the routing number.")
    if values["code"][0] != TYPES["checking"]:
        kind = next(name for name, digit in TYPES.items() if digit == values["code"][0])
        said = f"It is a {kind} account, for which an order has no place."
        problems.warn_once(f"entry.{kind}", "not-carried", said, "Give it again when the file is written.", line)
    if values["discretionary"] and head["class"] not in ("IAT",):
        said = (
            f"The discretionary data {values['discretionary']!r} have no place in an order and were not carried over."
        )
        problems.warn_once("entry.discretionary", "not-carried", said, "Nothing to do.", line)
    if (values["more"] == "1") != bool(entry.addenda):
        said = (
            f"The entry says that {'' if values['more'] == '1' else 'no '}addenda follow, and {len(entry.addenda)} do."
        )
        problems.error(line, "entry.more", "addenda", said, _ASK)


def _own_account(sides: dict[bool, list[_Entry]], head: Values, problems: Problems) -> str:
    """The company's own account, where one entry against all others names it; that entry is taken out."""
    for side in (True, False):
        entries, others = sides[side], sides[not side]
        if len(entries) != 1 or not others or not head["company"]:
            continue
        (entry,) = entries
        total = sum((one.row.values["amount"] for one in others), Decimal(0))
        if entry.row.values["amount"] == total and _name(entry, head).upper() == head["company"].upper():
            sides[side] = []
            return _account(entry.row.values)
    return ""


def _name(entry: _Entry, head: Values) -> str:
    name: str = entry.row.values["name"]
    return name[4:20].strip() if head["class"] == "CTX" else name.strip()


def _account(values: Values) -> str:
    return f"{values['bank']}{values['check'] or ''}/{values['account']}"


def _time(text: str) -> time:
    found = re.fullmatch("([01][0-9]|2[0-3])([0-5][0-9])", text)
    return time(int(found[1]), int(found[2])) if found else time()


def _transaction(entry: _Entry, head: Values, *, collects: bool) -> Transaction:
    values = entry.row.values
    international = head["class"] == "IAT"
    return Transaction(
        amount=Money(values["amount"], _CURRENCY),
        counterparty=_abroad(entry) if international else Party(name=_name(entry, head), account=_account(values)),
        remittance=continued([*entry.texts("05"), *entry.texts("17")]),
        end_to_end_id=("" if international else values["number"].strip()) or NOT_PROVIDED,
        instruction_id=values["trace"] or "",
        mandate=Mandate() if collects else None,
        position=entry.row.line,
    )


def _abroad(entry: _Entry) -> Party:
    """The receiver of an international entry: name in addendum 10, bank in 14, address in 15 and 16."""
    name = "".join(entry.texts("10"))[43:78].strip()
    bank = "".join(entry.texts("14"))
    street, town = "".join(entry.texts("15"))[15:50], "".join(entry.texts("16"))
    lines = (street, town[:35], town[35:70])
    return Party(
        name=name,
        account=f"{entry.row.values['number']}{entry.row.values['name'][:20]}".strip(),
        bic=bank[37:71].strip() if bank[35:37] == "02" else "",
        address=Address(
            lines=tuple(line.replace("\\", "").replace("*", ", ").strip() for line in lines if line.strip())
        ),
    )


# ------------------------------------------------------------------------------------------------------- write
def write(
    orders: Order | Iterable[Order],
    *,
    destination: str,
    origin: str,
    bank: str = "",
    destination_name: str = "",
    origin_name: str = "",
    company: str = "",
    company_id: str = "",
    description: str = "",
    types: Mapping[str, str] | None = None,
    balanced: bool = False,
    modifier: str = "A",
) -> bytes:
    """Orders as one file, a batch each, padded to blocks of ten lines.

    Not carried: addresses, banks by BIC, purposes, mandates, structured references, ultimate parties.

    Args:
        orders: transfers and collections in dollars; the local instrument says PPD, CCD or CTX, otherwise it is PPD for
            salaries and CCD for all else.
        destination: the routing number of the bank that gets the file.
        origin: who sends it, as agreed with that bank (up to ten characters).
        bank: the routing number of the originating bank; the destination where not given.
        destination_name, origin_name: their names.
        company, company_id: name (up to 16 characters) and id of the company where the order's own side has no short ones.
        description: the entry description (up to ten characters) where the payment id holds none.
        types: kinds of accounts (``TYPES``) by account, for those that are no checking accounts.
        balanced: whether each batch closes with an entry on the order's own account.
        modifier: tells the files of one day apart.

    Raises:
        LayoutError: something does not fit, another currency, or an account that is no routing number and number.
    """
    given = [orders] if isinstance(orders, Order) else list(orders)
    if not given:
        raise LayoutError("There is no order.", repair="Give one at least.")
    bank = (bank or destination)[:8]
    if not re.fullmatch("[0-9]{8}", bank):
        raise LayoutError(f"{bank!r} is no routing number.", repair="Give the nine digits of the originating bank.")
    head = {
        "destination": destination,
        "origin": origin,
        "made": given[0].created.date(),
        "time": f"{given[0].created:%H%M}",
        "modifier": modifier,
        "destination_name": destination_name,
        "origin_name": origin_name,
    }
    rows: list[tuple[str, Values]] = [("file", head)]
    for place, order in enumerate(given, 1):
        own = {"company": company or order.own.name, "company_id": company_id or order.own.identification}
        own["company_id"] = own["company_id"] or order.creditor_id
        rows += _rows_of(order, {**own, "bank": bank}, place, description, types or {}, balanced=balanced)
    records = len(rows) + 1
    rows.append(("end", {"blocks": -(-records // _BLOCKING)}))
    filling = f"{_NINES}\r\n" * (-records % _BLOCKING)
    return fixedwidth.write(rows, _LAYOUT) + filling.encode("ascii")


def _rows_of(
    order: Order, own: Values, place: int, description: str, types: Mapping[str, str], *, balanced: bool
) -> Iterator[tuple[str, Values]]:
    if not own["company_id"]:
        raise LayoutError("The order does not say the company's id.", repair="Give company_id=…")
    found = re.fullmatch("([0-9]{7})(?: (.{1,10}))?", order.payment_id)
    number = int(found[1]) if found and int(found[1]) else place
    salaries = order.category_purpose == "SALA"
    said = description or (found[2] if found and found[2] else "PAYROLL" if salaries else "PAYMENT")
    sort = order.local_instrument if order.local_instrument in _WRITTEN else "PPD" if salaries else "CCD"
    if order.local_instrument == "IAT":
        raise LayoutError("International entries (IAT) are not written.", repair="Give them to the bank as pain.001.")
    service = _MIXED if balanced else _DEBITS_ONLY if order.collects else _CREDITS_ONLY
    same = {"service": service, "company_id": own["company_id"], "bank": own["bank"], "number": number}
    yield "batch", {**same, "company": own["company"], "class": sort, "description": said, "day": order.execution_date}
    traces = _traces(order, own["bank"])
    for item, trace in zip(order.transactions, traces, strict=True):
        yield from _rows_of_entry(item, trace, sort, types, collects=order.collects)
    if balanced:
        total = Transaction(
            amount=Money(order.control_sum, _CURRENCY),
            counterparty=Party(name=own["company"], account=order.own.account),
        )
        last = f"{int(traces[-1]) + 1:015d}" if traces else f"{own['bank']}0000001"
        yield from _rows_of_entry(total, last, sort, types, collects=not order.collects)
    yield "control", same


def _traces(order: Order, bank: str) -> list[str]:
    """Trace numbers: the instruction ids where they are such, of this bank and ascending; numbers from one otherwise."""
    given = [item.instruction_id for item in order.transactions]
    if all(re.fullmatch("[0-9]{15}", each) and each.startswith(bank) for each in given) and given == sorted(set(given)):
        return given
    return [f"{bank}{place:07d}" for place in range(1, len(given) + 1)]


def _rows_of_entry(
    item: Transaction, trace: str, sort: str, types: Mapping[str, str], *, collects: bool
) -> Iterator[tuple[str, Values]]:
    money, party = item.amount, item.counterparty
    if money.currency != _CURRENCY or money.amount <= 0:
        raise LayoutError(f"{money} cannot be carried.", repair="NACHA files carry positive dollars.")
    found, kind = _ACCOUNT.fullmatch(party.account), types.get(party.account, "checking")
    if found is None or check_digit(found[1]) != found[1][8]:
        said = f"{party.account[:40]!r} is no routing number and account."
        raise LayoutError(said, repair="Give it as 091000019/4711.")
    if kind not in TYPES or (kind == "loan" and collects):
        raise LayoutError(f"{kind!r} is no kind of account here.", repair=f"Known are: {', '.join(TYPES)}.")
    text = " ".join(item.remittance.split())
    lines = [text[at : at + _TEXT] for at in range(0, len(text), _TEXT)]
    if len(lines) > (9_999 if sort == "CTX" else 1):
        said = f"The text of {len(text)} characters does not fit one addendum of {_TEXT}."
        raise LayoutError(said, repair="Shorten it, or write the order as CTX.")
    reference = "" if item.end_to_end_id == NOT_PROVIDED else item.end_to_end_id
    if sort == "CTX" and len(party.name) > 16:
        raise LayoutError(f"The name {party.name!r} has more than 16 characters.", repair="CTX has room for 16.")
    yield (
        "entry",
        {
            "code": TYPES[kind] + ("7" if collects else "2"),
            "bank": found[1][:8],
            "check": found[1][8],
            "account": found[2],
            "amount": money.amount,
            "number": reference,
            "name": f"{len(lines):04d}{party.name}" if sort == "CTX" else party.name,
            "more": "1" if lines else "0",
            "trace": trace,
        },
    )
    for place, line in enumerate(lines, 1):
        yield "addendum", {"kind": "05", "text": line, "sequence": f"{place:04d}", "of": trace[-7:]}
