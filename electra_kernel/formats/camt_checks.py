"""What a camt.052, .053 or .054 says of itself against what it holds: its summary, its batches, its payments' sums.

What may live here: checks that need no more than an element and figures; each tells what differs and changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from electra_kernel.formats import iso
from electra_kernel.formats.base import Problems
from electra_kernel.formats.camt_messages import Message
from electra_kernel.statements.model import Entry

#: Entries by currency, whether booked, and sign: how many, and the sum of their amounts.
Figures: TypeAlias = Mapping[tuple[str, bool, int], tuple[int, Decimal]]


def figures_of(entries: Sequence[Entry]) -> Figures:
    """The figures of some entries."""
    figures: dict[tuple[str, bool, int], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for entry in entries:
        key = entry.currency, entry.status == "BOOK", (entry.amount > 0) - (entry.amount < 0)
        count, total = figures[key]
        figures[key] = count + 1, total + entry.amount
    return figures


def check_summary(
    message: Message, element: iso.Element, identification: str, entries: int, figures: Figures, problems: Problems
) -> None:
    """The bank's own count and sums (``TxsSummry``) against the entries; what differs is told.

    A bank may count every entry or the booked ones only; either is right. Sums are compared where every entry could be
    read and all are in one currency, those of credits and debits where no amount is zero.

    Args:
        entries: how many entries the report holds, with those that could not be read.
        figures: of those that could.
    """
    summary = element.find("TxsSummry")
    if summary is None:
        return
    whole = _Sums([(sign, figure) for (_, _, sign), figure in figures.items()])
    booked = _Sums([(sign, figure) for (_, is_booked, sign), figure in figures.items() if is_booked])
    said = iso.text(summary, "TtlNtries/NbOfNtries")
    if said.isascii() and said.isdigit() and int(said[:30]) not in (entries, booked.count):
        _tell_summary(message, "TtlNtries/NbOfNtries", "entry-count", identification, (said, str(entries)), problems)
    if whole.count != entries or len({currency for currency, _, _ in figures}) > 1:
        return
    for path in _SUMMED:
        if iso.first_text(summary, path, f"{path}/Amt"):
            _check_sum(message, path, identification, summary, (whole, booked), problems)


_SUMMED = (
    *("TtlNtries/Sum", "TtlNtries/TtlNetNtryAmt", "TtlNtries/TtlNetNtry"),
    *(f"Ttl{side}Ntries/{name}" for side in ("Cdt", "Dbt") for name in ("NbOfNtries", "Sum")),
)


class _Sums:
    """Count, credits and debits (positive) of some figures."""

    def __init__(self, figures: Sequence[tuple[int, tuple[int, Decimal]]]) -> None:
        self.count = sum(count for _, (count, _) in figures)
        self.sided = not any(sign == 0 for sign, _ in figures)
        self._counts = {side: sum(n for sign, (n, _) in figures if sign == side) for side in (1, -1)}
        self._totals = {side: sum((t for sign, (_, t) in figures if sign == side), Decimal(0)) for side in (1, -1)}

    def of(self, path: str) -> Decimal:
        """The figure that should stand at a path of the summary."""
        if path.startswith("TtlNtries/Ttl"):
            return abs(self._totals[1] + self._totals[-1])
        if path == "TtlNtries/Sum":
            return self._totals[1] - self._totals[-1]
        side = 1 if path.startswith("TtlCdt") else -1
        return Decimal(self._counts[side]) if path.endswith("NbOfNtries") else abs(self._totals[side])


def _check_sum(
    message: Message, path: str, identification: str, summary: iso.Element, sums: Sequence[_Sums], problems: Problems
) -> None:
    written = iso.first_text(summary, path, f"{path}/Amt")
    said, right = iso.decimal_or_none(written), [each.of(path) for each in sums]
    if not all(each.sided for each in sums) and not path.startswith("TtlNtries"):
        return
    if said is not None and said not in right:
        rule = "entry-count" if path.endswith("NbOfNtries") else "entry-sum"
        _tell_summary(message, path, rule, identification, (written, f"{right[0].normalize():f}"), problems)


def _tell_summary(
    message: Message, path: str, rule: str, identification: str, said: tuple[str, str], problems: Problems
) -> None:
    what = "entries" if rule == "entry-count" else "in sum"
    problems.error(
        None,
        f"{message.report}/TxsSummry/{path}",
        rule,
        f"The {message.kind} {identification} says it has {said[0][:40]} {what} and holds {said[1]}.",
        f"Ask the bank for the whole {message.kind}.",
    )


def check_details(message: Message, entry: Entry, problems: Problems) -> None:
    """Σ details must be the entry's amount, before or after charges, where every detail gives one in its currency."""
    amounts = [detail.amount for detail in entry.details if detail.currency in ("", entry.currency)]
    if not entry.details or len(amounts) != len(entry.details) or None in amounts:
        return
    total = sum((amount for amount in amounts if amount is not None), Decimal(0))
    charges = [entry.charges, *(detail.charges for detail in entry.details)]
    known = sum((charge for charge in charges if charge is not None), Decimal(0))
    if entry.amount not in (total, total + known, total - known):
        problems.warn(
            entry.position,
            f"{message.report}/Ntry/NtryDtls/TxDtls/Amt",
            "details-sum",
            f"The payments of the entry make {total}, the entry says {entry.amount}.",
            "Compare with the bank's own list of the batch.",
        )


def check_batches(message: Message, element: iso.Element, place: int | None, problems: Problems) -> None:
    """A batch whose payments are listed lists as many as it says it has."""
    for block in element.findall("NtryDtls"):
        said, listed = iso.text(block, "Btch/NbOfTxs"), len(block.findall("TxDtls"))
        if listed and said.isascii() and said.isdigit() and int(said[:30]) != listed:
            problems.warn(
                place,
                f"{message.report}/Ntry/NtryDtls/Btch/NbOfTxs",
                "batch-count",
                f"The batch says it has {said[:30]} payments and lists {listed}.",
                "Compare with the bank's own list of the batch.",
            )
