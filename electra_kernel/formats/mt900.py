"""Advices of single bookings, SWIFT MT900 (debit) and MT910 (credit): told apart, read as entries, and written.

Each message is a statement of one booked entry, without balances: nothing can be proved, and nothing is. The bank's
reference (20) is the entry's bank reference, the related reference (21) the entry's own. Who paid (50a, and its bank in
52a) is the counterparty of a credit; field 72 is the entry's text.

What an advice cannot carry: whom a debit went to, several payments in one booking, original amounts, charges and
codes; remittance becomes part of the text. ``write_told`` says what of that it met.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from electra_kernel.formats import mt, mt_kinds, mt_letters, mt_values
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.mt_pages import Heads
from electra_kernel.formats.mt_parties import read_party, write_party
from electra_kernel.statements.model import NOTIFICATION, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError, Problem
from electra_kernel.vocabulary.parties import Party

_SIGNS = {"900": -1, "910": 1}
_DATED_AMOUNT = re.compile(r"([0-9]{6})([A-Z]{3})([0-9., ]+)")
_HEAD = ("20", "25", "25P", "13D")


def detect(data: bytes) -> bool:
    """Whether the bytes are advices (MT900 or MT910)."""
    return mt_kinds.kind_of(data) in _SIGNS


# --------------------------------------------------------------------------------------------------------- read
def read(data: bytes, source: str) -> Reading:
    """A file of advices as statements of one entry each; messages of other types are told by name.

    Raises:
        UnreadableFile: no advice in it that can be read.
    """
    problems = Problems(source)
    found = mt.fields(data, problems)
    statements = []
    first = ""
    for message in mt.messages(found):
        kind = message.kind or mt_kinds.kind_by_tags(found.tags(message.first, message.stop))
        if kind not in _SIGNS:
            mt.other_message(kind, found, message, problems)
            continue
        statement = _Advice(kind, found, message, problems).statement()
        first = first or kind
        statements.extend([statement] if statement is not None else [])
    if not statements:
        raise unreadable(
            source, "no-message", "The file holds no advice that can be read.", "Fetch it again.", field="32A"
        )
    return Reading(format=f"mt{first}", statements=tuple(statements), problems=problems.rows())


@dataclass(slots=True)
class _Said:
    related: str = ""
    amount: tuple[str, str, str] | None = None
    party: Party | None = None
    bank: Party | None = None
    texts: list[str] = field(default_factory=list)

    def counterparty(self) -> Party | None:
        """Who paid, with its bank; the bank itself where nobody else is named."""
        if self.party is None or self.bank is None:
            return self.party or self.bank
        return replace(self.party, bic=self.party.bic or self.bank.bic)


class _Advice:
    """Reads one message."""

    def __init__(self, kind: str, found: mt.Fields, message: mt.Message, problems: Problems) -> None:
        self._kind, self._found, self._message, self._problems = kind, found, message, problems

    def statement(self) -> Statement | None:
        """The message as a statement; ``None``, and a problem, where its amount cannot be read."""
        numbers = range(self._message.first, self._message.stop)
        head = [number for number in numbers if self._found.tag(number) in _HEAD]
        page = Heads(self._found, self._problems).page(self._message, head)
        said = _Said()
        for number in numbers:
            if number not in head:
                self._field(said, self._found.tag(number), self._found.value(number))
        day = mt_values.day_of(said.amount[0]) if said.amount else None
        amount = mt_values.amount_of(said.amount[2]) if said.amount else None
        if said.amount is None or amount is None or day is None:
            self._problems.error(
                page.line, "32A", "amount", "An advice is left out: its date or amount cannot be read.", mt.ASK
            )
            return None
        if not page.account:
            self._problems.error(page.line, "25", "missing", f"Advice {page.reference} names no account.", mt.ASK)
        if not mt_values.is_multiple(amount, said.amount[1]):
            mt_values.tell_decimals(self._problems, "32A", page.line, amount, said.amount[1])
        party = said.counterparty()
        entry = Entry(
            amount=_SIGNS[self._kind] * amount,
            currency=said.amount[1],
            booking_date=day,
            value_date=day,
            bank_reference=page.reference,
            entry_reference=said.related if said.related not in mt.NO_REFERENCE else "",
            additional_information=" ".join([*said.texts, *page.remarks]),
            details=(EntryDetail(counterparty=party),) if party else (),
            position=page.line,
        )
        return Statement(
            identification=page.reference,
            account=page.account,
            currency=said.amount[1],
            balances=(),
            entries=(entry,),
            created=page.created,
            bank_bic=page.bic,
            kind=NOTIFICATION,
        )

    def _field(self, said: _Said, tag: str, value: str) -> None:
        match = _DATED_AMOUNT.fullmatch(value) if tag == "32A" and said.amount is None else None
        if match:
            said.amount = (match[1], match[2], match[3])
        elif tag == "21":
            said.related = value
        elif tag == "72":
            said.texts.append(mt_values.narrative(value))
        elif self._kind == "910" and tag[:2] == "50" and said.party is None:
            said.party, left = read_party(value)
            said.texts.extend(left)
        elif self._kind == "910" and tag[:2] == "52" and said.bank is None:
            said.bank, left = read_party(value)
            said.texts.extend([*left, *_beside(said.bank)])
        else:
            said.texts.append(f":{tag}:{mt_values.unfolded(value, 35)}")


def _beside(bank: Party) -> list[str]:
    """What of a bank has no room beside its customer: its own name, address and account."""
    return [] if bank.bic and not bank.account else [f":52D:{bank.account} {bank.name} {bank.address}".strip()]


# -------------------------------------------------------------------------------------------------------- write
def write(statements: Sequence[Statement]) -> bytes:
    """Each booked entry as a message without blocks, MT900 or MT910 by its sign, ended by a hyphen.

    A header line before each message says which of both it is.

    Raises:
        ElectraError: no entry, or an account, reference or amount that does not fit.
    """
    return write_told(statements)[0]


def write_told(statements: Sequence[Statement]) -> tuple[bytes, tuple[Problem, ...]]:
    """As ``write``, and what was left out or changed, one row for each statement and reason."""
    written: list[str] = []
    rows: list[Problem] = []
    for statement in statements:
        problems = Problems(statement.identification)
        written += [
            _Message(statement, entry, problems).text() for entry in statement.entries if _booked(entry, problems)
        ]
        rows.extend(problems.rows())
    if not written:
        raise ElectraError(
            "There is no booked entry to write an advice of.", repair="Choose a statement that has entries."
        )
    return "".join(written).encode("ascii"), tuple(rows)


def _booked(entry: Entry, problems: Problems) -> bool:
    if entry.status == "BOOK":
        return True
    _lost(problems, "32A", "status", f"Entries with the status {entry.status} are left out.")
    return False


def _lost(problems: Problems, tag: str, rule: str, text: str) -> None:
    problems.warn_once(tag, rule, text, "Choose camt.054 where this must be carried.")


class _Message:
    """Writes one entry."""

    def __init__(self, statement: Statement, entry: Entry, problems: Problems) -> None:
        self._statement, self._entry, self._problems = statement, entry, problems
        self._detail = entry.details[0] if len(entry.details) == 1 else EntryDetail()
        self._kind = "910" if entry.amount >= 0 else "900"

    def _told(self, tag: str, rule: str, text: str) -> None:
        _lost(self._problems, tag, rule, text)

    def text(self) -> str:
        """The message with its header line."""
        statement, entry = self._statement, self._entry
        if not statement.account:
            raise ElectraError(
                f"Statement {statement.identification} names no account.",
                repair="Give the account; field 25 must name it.",
            )
        day = entry.value_date or entry.booking_date
        if day is None:
            raise ElectraError(
                f"An entry of statement {statement.identification} has no date.", repair="Give its value date."
            )
        self._tell()
        reference = self._reference("20", entry.bank_reference or statement.identification)
        account = mt_letters.checked("25", statement.account, 35)
        fields = [
            ("20", reference),
            ("21", self._reference("21", entry.entry_reference)),
            ("25P", f"{account}\n{statement.bank_bic}") if statement.bank_bic else ("25", account),
            ("13D", f"{statement.created:%y%m%d%H%M}+0000" if statement.created else ""),
            ("32A", f"{day:%y%m%d}{entry.currency or statement.currency}{mt_letters.amount_text(entry.amount)}"),
            *self._party(),
            ("72", self._narrative()),
        ]
        return f":{self._kind}:\r\n{mt_letters.message_text(fields)}-\r\n"

    def _reference(self, tag: str, value: str) -> str:
        written = mt_letters.plain(value)[:16].strip("/ ").replace("//", "/") or "NONREF"
        if written != value and value:
            self._told(tag, "reference", f"The reference {value!r} is written as {written!r}.")
        return written

    def _party(self) -> list[tuple[str, str]]:
        party = self._detail.counterparty
        if party is None:
            return []
        if self._kind == "900":
            self._told("50", "counterparty", "Whom a debit went to is not carried.")
            return []
        named = [write_party("50", "K", party, self._told)] if party.name or party.account else []
        return [*named, ("52A", mt_letters.checked("52A", party.bic, 11))]

    def _narrative(self) -> str:
        detail, texts = self._detail, [self._entry.additional_information]
        for value in (detail.remittance, detail.structured_reference):
            if value:
                self._told("72", "remittance", "Remittance becomes part of the bank's text.")
                texts.append(value)
        text = " ".join(each for each in texts if each)
        written = mt_letters.plain(text.replace("\n", " ")).strip()
        lines = mt_letters.narrative_lines(written)
        if written != text:
            self._told("72", "characters", f"{text[:40]!r} and the like are written in the X character set.")
        if mt_values.narrative("\n".join(lines)) != written:
            self._told("72", "length", "The text is cut at six lines of 35 characters.")
        return "\n".join(lines)

    def _tell(self) -> None:
        statement, entry, detail = self._statement, self._entry, self._detail
        if len(entry.details) > 1:
            self._told("72", "details", "The payments inside an entry are not carried, only their sum.")
        if statement.balances:
            self._told("32A", "balance", "An advice carries no balances.")
        if entry.booking_date and entry.value_date and entry.booking_date != entry.value_date:
            self._told("32A", "booking-date", "The value date is carried, the booking date is not.")
        if entry.bank_reference and entry.bank_reference != statement.identification:
            self._told("20", "identification", "Every entry becomes a message known by the bank's reference.")
        beside = (entry.reversal, entry.proprietary_code, entry.bank_transaction_code, entry.charges, detail.charges)
        ids = (detail.end_to_end_id, detail.mandate_id, detail.creditor_id)
        amounts = (entry.original_amount, detail.original_amount, entry.exchange_rate, detail.exchange_rate)
        if any(beside) or any(ids) or any(each is not None for each in amounts):
            self._told("32A", "more", "Codes, ids, charges, original amounts and rates are not carried.")
        if statement.owner or statement.from_date or statement.to_date:
            self._told("25", "owner", "The account's owner and the period are not carried.")
