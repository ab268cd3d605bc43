"""Statements of SWIFT messages but for their entries: heads, balances, pages, and what must add up.

What lives here: fields 20, 25, 28C, 60a, 62a, 64, 65, 13D, 34F, 90a and the texts about a whole statement (FIN,
MT940 to 942 and 950), how pages become one statement, and the proof of pages and of the bank's own sums.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from electra_kernel.formats import mt, mt_values
from electra_kernel.formats.base import Problems
from electra_kernel.formats.mt import ASK, NO_REFERENCE, Fields
from electra_kernel.statements.model import REPORT, STATEMENT, Balance, Statement
from electra_kernel.statements.proof import prove_totals

#: The messages that are statements.
KINDS = ("940", "941", "942", "950")
#: Sum and number of some entries.
Sum = tuple[Decimal, int]


# ------------------------------------------------------------------------------------------- what a statement says
@dataclass(slots=True)
class Page:
    """One message: the statement's head as its fields give it, and what must add up."""

    kind: str
    line: int
    reference: str = ""
    account: str = ""
    bic: str = ""
    number: str = ""
    page: str = ""
    created: datetime | None = None
    currency: str = ""
    balances: list[Balance] = field(default_factory=list)
    opening: tuple[str, Balance] | None = None
    closing: tuple[str, Balance] | None = None
    sums: list[tuple[int, int, Decimal]] = field(default_factory=list)
    sums_written: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    lists: bool = False

    @property
    def type(self) -> str:
        """The message type as the header names it, or as the fields show."""
        if self.kind in KINDS:
            return self.kind
        reports = bool(self.sums or self.created)
        if self.balances:
            return "941" if reports and not self.lists else "940"
        return "942" if reports else "940"

    @property
    def name(self) -> str:
        """What problems call it."""
        return " ".join(part for part in (self.reference, self.number) if part) or f"of line {self.line}"


_BALANCE = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9., ]+)")
_SUM = re.compile(r"([0-9]{1,9})([A-Z]{3})([0-9., ]+)")
_FLOOR = re.compile(r"[A-Z]{3}[CD]?[0-9., ]+")
_MOMENT = re.compile(r"([0-9]{6})([0-9]{2})([0-9]{2})(?:([+-])([0-9]{2})([0-9]{2}))?")
_NUMBER = re.compile(r"([0-9]{1,9})?(?:/([0-9]{1,9}))?")
_BALANCE_KINDS = {
    "60F": "OPBD",
    "62F": "CLBD",
    "60M": "ITBD",
    "62M": "ITBD",
    "64": "CLAV",
    "65": "FWAV",
    "60": "OPBD",
    "62": "CLBD",
}
_BANK_AND_ACCOUNT = re.compile(r"([A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)/(.+)")
_WITH_CURRENCY = re.compile(r"(.*[0-9])\s?([A-Z]{3})")


class Heads:
    """Reads everything beside the entries."""

    def __init__(self, found: Fields, problems: Problems) -> None:
        self._found, self._problems = found, problems
        self._line = 0

    def page(self, message: mt.Message, numbers: Iterable[int]) -> Page:
        """What one message says; ``numbers`` are its fields that belong to no entry."""
        page = Page(message.kind, int(self._found.lines[message.first]))
        for number in numbers:
            tag, value = self._found.tag(number), self._found.value(number)
            read = _READERS.get(tag) or _READERS.get(tag[:2])
            line = self._line = int(self._found.lines[number])
            if read is None:
                page.remarks.append(f":{tag}:{' '.join(mt_values.lines_of(value))[: mt.LONGEST_FIELD]}")
                self._problems.warn_once(
                    tag,
                    "unknown-field",
                    f"Field {tag} is not one of a statement; it is kept as it is written.",
                    "Nothing need be done.",
                    line,
                )
            elif self._cut_off(number, tag, value):
                text = f"{value[:60]!r} is cut off at the end of the file; field {tag} is left out."
                self._problems.error(line, tag, "truncated", text, "Fetch the file again.")
            elif not read(self, page, tag, value):
                page.remarks.append(f":{tag}:{value[:200]}")
                self._problems.error(line, tag, "field", f"{value[:60]!r} cannot be read as field {tag}.", ASK)
        return self._settled(page)

    def _cut_off(self, number: int, tag: str, value: str) -> bool:
        """Whether the file ends, without an end of line, in a balance whose amount may have had more digits.

        No statement ends with its opening balance, and no amount without its comma; the closing balance is proved.
        """
        if int(self._found.ends[number]) < len(self._found.text):
            return False
        return tag[:2] == "60" or (tag in ("64", "65") and "," not in value)

    def _settled(self, page: Page) -> Page:
        page.currency = next((balance.currency for balance in page.balances), page.currency)
        named = _WITH_CURRENCY.fullmatch(page.account)
        if named and named[2] == page.currency:
            page.account = named[1]
        if named and not page.currency:
            page.account, page.currency = named[1], named[2]
        return page

    def reference(self, page: Page, tag: str, value: str) -> bool:
        """Fields 20 and 21."""
        if tag == "20":
            page.reference = value.split("\n")[0]
        elif value not in NO_REFERENCE:
            page.remarks.append(f":21:{value}")
        return True

    def account(self, page: Page, tag: str, value: str) -> bool:
        """Field 25 or 25P: the account, with its bank where the bank writes that before a slash."""
        lines = mt_values.lines_of(value)
        if not lines or page.account:
            return False
        account = lines[0].removeprefix("/")
        named = _BANK_AND_ACCOUNT.fullmatch(account)
        if named:
            page.bic, account = named[1], named[2]
        elif tag == "25P" and len(lines) > 1:
            page.bic = lines[1]
        if len(lines) > 1 and tag != "25P":
            page.remarks.append(" ".join(lines[1:]))
        page.account = re.sub(r"\s", "", account) if re.match(r"[A-Z]{2}[0-9]{2}", account) else account
        return True

    def number(self, page: Page, tag: str, value: str) -> bool:
        """Field 28 or 28C: number and page."""
        match = _NUMBER.match(value)
        if match is None or not match[0]:
            page.number = value
            return False
        page.number, page.page = match[1] or "", match[2] or ""
        return True

    def balance(self, page: Page, tag: str, value: str) -> bool:
        """Fields 60a, 62a, 64 and 65."""
        match = _BALANCE.fullmatch(value)
        amount = mt_values.amount_of(match[4]) if match else None
        day = mt_values.day_of(match[2]) if match else None
        kind = _BALANCE_KINDS.get(tag)
        if match is None or amount is None or day is None or kind is None:
            return False
        signed = amount if match[1] == "C" else -amount
        balance = Balance(kind=kind, amount=signed, currency=match[3], date=day)
        before = {"60": page.opening, "62": page.closing}.get(tag[:2])
        if before is not None and before[0] == tag:
            return self._doubled(page, tag, value, same=before[1] == balance)
        if not mt_values.is_multiple(amount, match[3]):
            mt_values.tell_decimals(self._problems, tag, self._line, signed, match[3])
        page.balances.append(balance)
        if tag[:2] == "60":
            page.opening = (tag, balance)
        elif tag[:2] == "62":
            page.closing = (tag, balance)
        return True

    def _doubled(self, page: Page, tag: str, value: str, *, same: bool) -> bool:
        """A balance that the message gives a second time: the first one counts."""
        again = "again, with the same balance" if same else f"again, with another balance ({value[:40]})"
        text = f"Statement {page.name} gives field {tag} {again}; the first one counts."
        self._problems.warn(self._line, tag, "doubled", text, "Nothing need be done." if same else ASK)
        if not same:
            page.remarks.append(f":{tag}:{value}")
        return True

    def sums(self, page: Page, tag: str, value: str) -> bool:
        """Fields 90C and 90D: number, currency, sum."""
        match = _SUM.fullmatch(value)
        amount = mt_values.amount_of(match[3]) if match else None
        if match is None or amount is None:
            return False
        sign = -1 if tag == "90D" else 1
        page.sums.append((sign, int(match[1]), amount))
        page.sums_written.append(f":{tag}:{value}")
        page.currency = page.currency or match[2]
        return True

    def floor(self, page: Page, tag: str, value: str) -> bool:
        """Field 34F: the floor limit, kept as it is written."""
        if not _FLOOR.fullmatch(value):
            return False
        page.currency = page.currency or value[:3]
        page.remarks.append(f":{tag}:{value}")
        return True

    def moment(self, page: Page, tag: str, value: str) -> bool:
        """Field 13D: when the report was made, with its offset; 13, without, in older reports."""
        match = _MOMENT.fullmatch(value)
        day = mt_values.day_of(match[1]) if match else None
        if match is None or day is None or int(match[2]) > 23 or int(match[3]) > 59:
            return False
        shift = timedelta(hours=int(match[5] or 0), minutes=int(match[6] or 0))
        local = datetime(day.year, day.month, day.day, int(match[2]), int(match[3]), tzinfo=UTC)
        page.created = local - shift if match[4] != "-" else local + shift
        return True

    def remark(self, page: Page, tag: str, value: str) -> bool:
        """A text about the whole statement."""
        text = " ".join(mt_values.lines_of(value))[: mt.LONGEST_FIELD]
        if text:
            page.remarks.append(text if tag == "86" else f":{tag}:{text}")
        return True


_READERS = {
    **dict.fromkeys(("20", "21"), Heads.reference),
    **dict.fromkeys(("25", "25P"), Heads.account),
    **dict.fromkeys(("28", "28C"), Heads.number),
    **dict.fromkeys(_BALANCE_KINDS, Heads.balance),
    **dict.fromkeys(("90C", "90D"), Heads.sums),
    "34F": Heads.floor,
    **dict.fromkeys(("13D", "13"), Heads.moment),
    "86": Heads.remark,
    "NS": Heads.remark,
}


# --------------------------------------------------------------------------------------------------------- pages
def goes_on(before: Page, after: Page) -> bool:
    """Whether a message is the next page of the statement that the one before began."""
    if before.account != after.account or before.number != after.number:
        return False
    left_open = before.closing is not None and before.closing[0] == "62M"
    taken_up = after.opening is not None and after.opening[0] == "60M"
    return left_open and taken_up


def statement_of(pages: Sequence[Page]) -> Statement:
    """The statement that some pages make, without its entries; balances between pages are left out."""
    first, last = pages[0], pages[-1]
    balances: list[Balance] = []
    for page in pages:
        for balance in page.balances:
            inner = balance.kind == "ITBD" and (
                (page is not first and page.opening and balance is page.opening[1])
                or (page is not last and page.closing and balance is page.closing[1])
            )
            if not inner:
                balances.append(balance)
    digits = first.number.isdigit()
    # A balance report lists no entries: what the bank counted is all there is of them.
    remarks = [
        remark for page in pages for remark in (*page.remarks, *(page.sums_written if page.type == "941" else ()))
    ]
    return Statement(
        identification=" ".join(part for part in (first.reference, first.number) if part),
        account=first.account,
        currency=next((page.currency for page in pages if page.currency), ""),
        balances=tuple(balances),
        entries=(),
        sequence=int(first.number) if digits else None,
        created=first.created,
        bank_bic=first.bic,
        additional_information=" ".join(dict.fromkeys(remarks)),
        kind=REPORT if first.type in ("941", "942") else STATEMENT,
    )


# ----------------------------------------------------------------------------------------------------- the proof
def check_sums(page: Page, credit: Sum | None, debit: Sum | None, problems: Problems) -> None:
    """The bank's own number and sum of debits (90D) and credits (90C), for messages that list their entries."""
    if not (credit or debit):
        return
    for sign, count, amount in page.sums:
        total, number = (credit if sign > 0 else debit) or (Decimal(0), 0)
        if (abs(total), number) != (amount, count):
            word = "credits" if sign > 0 else "debits"
            problems.warn(
                page.line,
                "90C" if sign > 0 else "90D",
                "entry-sum",
                f"Statement {page.name} says it has {count} {word} of {amount:f}; it holds {number} of {abs(total):f}.",
                "Ask the bank for the whole report.",
            )


def prove_pages(pages: Sequence[Page], head: Statement, totals: Mapping[str, Decimal], problems: Problems) -> None:
    """Page after page, then opening + entries = closing. Reports (MT941, 942) list no entries or no balances.

    Args:
        pages: of one statement.
        head: the statement they make.
        totals: the sum of its booked entries by currency.
        problems: takes what does not add up.
    """
    for before, after in pairwise(pages):
        if before.closing and after.opening and before.closing[1].amount != after.opening[1].amount:
            problems.error(
                after.line,
                after.opening[0],
                "page",
                f"Statement {after.name}: a page opens with {after.opening[1].amount:f}, but the page before closed "
                f"with {before.closing[1].amount:f}.",
                "Ask the bank for the missing page.",
            )
    if pages[0].type not in ("940", "950"):
        return
    first, last = pages[0].opening, pages[-1].closing
    open_ends = [balance[0] for balance in (first, last) if balance is not None and balance[0].endswith("M")]
    if open_ends:
        _prove_part(pages, (first, last), sum(totals.values(), Decimal(0)), open_ends[0], problems)
    else:
        problems.extend(prove_totals(head, totals, problems.source))


def _prove_part(
    pages: Sequence[Page],
    ends: tuple[tuple[str, Balance] | None, tuple[str, Balance] | None],
    total: Decimal,
    tag: str,
    problems: Problems,
) -> None:
    """Pages of a statement that begins or ends in another file."""
    name, line = pages[0].name, pages[0].line
    side = "before" if tag == "60M" else "after"
    problems.warn(
        line,
        tag,
        "page",
        f"Statement {name} is not whole: pages {side} it are not in the file.",
        "Import the other pages too.",
    )
    first, last = ends
    if first is None or last is None:
        return
    expected = first[1].amount + total
    if expected != last[1].amount:
        problems.error(
            line,
            last[0],
            "balance",
            f"Statement {name} does not add up: opening and entries make {expected:f}, the page says "
            f"{last[1].amount:f}.",
            "Ask the bank for the missing page or a corrected one.",
        )
