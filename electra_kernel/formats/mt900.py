"""Advices of single bookings, SWIFT MT900 (debit) and MT910 (credit): told apart and read as entries. Not written.

Each message is a statement of one booked entry, without balances: nothing can be proved, and nothing is. The bank's
reference (20) is the entry's bank reference, the related reference (21) the entry's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from electra_kernel.formats import mt
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.mt_pages import Heads
from electra_kernel.formats.mt_parties import read_party
from electra_kernel.statements.model import NOTIFICATION, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.parties import Party

_SIGNS = {"900": -1, "910": 1}
_DATED_AMOUNT = re.compile(r"([0-9]{6})([A-Z]{3})([0-9., ]+)")
_HEAD = ("20", "25", "25P", "13D")


def detect(data: bytes) -> bool:
    """Whether the bytes are advices (MT900 or MT910)."""
    return mt.kind_of(data) in _SIGNS


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
        kind = message.kind or mt.kind_by_tags(found.tags(message.first, message.stop))
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
    texts: list[str] = field(default_factory=list)


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
        day = mt.day_of(said.amount[0]) if said.amount else None
        amount = mt.amount_of(said.amount[2]) if said.amount else None
        if said.amount is None or amount is None or day is None:
            self._problems.error(
                page.line, "32A", "amount", "An advice is left out: its date or amount cannot be read.", mt.ASK
            )
            return None
        if not page.account:
            self._problems.error(page.line, "25", "missing", f"Advice {page.reference} names no account.", mt.ASK)
        entry = Entry(
            amount=_SIGNS[self._kind] * amount,
            currency=said.amount[1],
            booking_date=day,
            value_date=day,
            bank_reference=page.reference,
            entry_reference=said.related if said.related not in mt.NO_REFERENCE else "",
            additional_information=" ".join([*said.texts, *page.remarks]),
            details=(EntryDetail(counterparty=said.party),) if said.party else (),
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
        match = _DATED_AMOUNT.fullmatch(value) if tag == "32A" else None
        if match:
            said.amount = (match[1], match[2], match[3])
        elif tag == "21":
            said.related = value
        elif tag[:2] == "50" and self._kind == "910":
            said.party, left = read_party(value)
            said.texts.extend(left)
        else:
            said.texts.append(f":{tag}:{mt.unfolded(value, 35)}")
