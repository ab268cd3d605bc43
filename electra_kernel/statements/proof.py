"""The proof of statements: opening + booked entries = closing, and closing of one = opening of the next.

One rule for objects and for tables: both hand the sum of the booked entries to ``prove_totals``. What does not add up
is told as a problem and kept; nothing here raises.

An intraday report is proved where it gives two balances to stand between (opening booked or the first interim, and the
last interim booked); as banks may report only what is new since the last report, a difference there is a warning. A
notification gives no balances and has no proof.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from electra_kernel.statements.model import REPORT, STATEMENT, Balance, Statement
from electra_kernel.vocabulary.errors import Problem, Severity
from electra_kernel.vocabulary.money import format_amount, is_currency

#: Kinds of balances that open and close a statement (ISO 20022 balance types), in order of preference.
OPENING = ("OPBD", "PRCD")
CLOSING = ("CLBD",)
#: The booked balance at the moment of a report.
INTERIM = "ITBD"


def prove(statement: Statement, source: str = "") -> list[Problem]:
    """What does not add up inside one statement (rules ``balance``, ``balance-missing``)."""
    return prove_totals(statement, booked_totals(statement), source)


def booked_totals(statement: Statement) -> dict[str, Decimal]:
    """The sum of the booked entries for each currency."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for entry in statement.entries:
        if entry.status == "BOOK":
            totals[entry.currency] += entry.amount
    return dict(totals)


def prove_totals(statement: Statement, totals: Mapping[str, Decimal], source: str = "") -> list[Problem]:
    """The same proof where the entries are not at hand but their sums are.

    Args:
        statement: its balances are looked at, its entries are not.
        totals: the sum of the booked entries for each currency.
        source: what the problems name as their source.
    """
    if statement.kind != STATEMENT:
        return _prove_report(statement, totals, source) if statement.kind == REPORT else []
    opening, closing = opening_of(statement), closing_of(statement)
    if opening is None or closing is None:
        which = " and ".join(word for word, balance in (("opening", opening), ("closing", closing)) if balance is None)
        return [
            _problem(source, statement, "balance-missing", f"gives no {which} balance; it cannot be proved", "warning")
        ]
    strange = set(totals) - {opening.currency}
    if opening.currency != closing.currency or strange:
        found = ", ".join(sorted({closing.currency, *totals}))
        return [_problem(source, statement, "balance", f"mixes the currencies {found}; it cannot be proved", "warning")]
    said = _difference(opening, closing, totals)
    return [_problem(source, statement, "balance", f"does not add up: {said}", "error")] if said else []


def _prove_report(statement: Statement, totals: Mapping[str, Decimal], source: str) -> list[Problem]:
    interim = [balance for balance in statement.balances if balance.kind == INTERIM]
    opening = opening_of(statement) or (interim[0] if len(interim) > 1 else None)
    closing = interim[-1] if interim else closing_of(statement)
    if opening is None or closing is None or {opening.currency, *totals} != {closing.currency}:
        return []
    said = _difference(opening, closing, totals)
    if not said:
        return []
    return [
        _problem(source, statement, "balance", f"does not add up: {said} (it may tell only what is new)", "warning")
    ]


def _difference(opening: Balance, closing: Balance, totals: Mapping[str, Decimal]) -> str:
    """What opening and entries make, where it is not the closing balance."""
    expected = opening.amount + totals.get(opening.currency, Decimal(0))
    if expected == closing.amount:
        return ""
    shown = [_shown(amount, opening.currency) for amount in (expected, closing.amount, closing.amount - expected)]
    return f"opening and entries make {shown[0]}, the closing balance says {shown[1]}; {shown[2]} differ"


def prove_all(statements: Sequence[Statement], source: str = "") -> list[Problem]:
    """What does not add up in the statements of one file, each by itself and then one after the other."""
    inside = [problem for statement in statements for problem in prove(statement, source)]
    return inside + continuity(statements, source)


def continuity(statements: Sequence[Statement], source: str = "") -> list[Problem]:
    """Where a statement does not open with what the one before closed with (rule ``continuity``).

    Statements of one account and currency are put in order by the date of their opening balance, then sequence, then
    as they come. A statement that the bank gives twice is looked at once, and told (rule ``same-statement``).
    """
    problems = []
    chains: dict[tuple[str, str], list[Statement]] = defaultdict(list)
    for statement in statements:
        if statement.kind == STATEMENT and opening_of(statement) is not None and closing_of(statement) is not None:
            chains[statement.account, statement.currency].append(statement)
    for chain in chains.values():
        chain.sort(key=_place)
        for before, after in pairwise(chain):
            problems.extend(_joint(before, after, source))
    return problems


def _joint(before: Statement, after: Statement, source: str) -> list[Problem]:
    closing, opening = closing_of(before), opening_of(after)
    if before.balances == after.balances:
        again = before.identification == after.identification and _moved(after)
        return [_told_twice(source, after)] if again else []
    if closing is None or opening is None or closing.currency != opening.currency:
        return []
    if closing.amount == opening.amount:
        return []
    said = (
        f"opens with {_shown(opening.amount, opening.currency)}, but statement {before.identification} "
        f"closed with {_shown(closing.amount, closing.currency)}"
    )
    return [_problem(source, after, "continuity", said, "error")]


def _moved(statement: Statement) -> bool:
    opening, closing = opening_of(statement), closing_of(statement)
    return opening is not None and closing is not None and opening.amount != closing.amount


def _told_twice(source: str, statement: Statement) -> Problem:
    return Problem(
        source=source,
        position=None,
        field=f"statement {statement.identification}",
        rule="same-statement",
        text=f"Statement {statement.identification} of account {statement.account} stands in the file more than once, with "
        "the same balances.",
        repair="Nothing need be done where its entries are the same too: the ledger takes them once. Otherwise ask the bank.",
        severity="warning",
    )


def _place(statement: Statement) -> tuple[str, int]:
    opening, closing = opening_of(statement), closing_of(statement)
    dates = [balance.date.isoformat() for balance in (closing, opening) if balance is not None]
    return "".join(dates), statement.sequence or 0


def opening_of(statement: Statement) -> Balance | None:
    """The opening booked balance, or the previous closing one where the bank gives that instead."""
    return _first(statement, OPENING)


def closing_of(statement: Statement) -> Balance | None:
    """The closing booked balance."""
    return _first(statement, CLOSING)


def _first(statement: Statement, kinds: Sequence[str]) -> Balance | None:
    return next((balance for kind in kinds if (balance := statement.balance(kind)) is not None), None)


def _shown(amount: Decimal, currency: str) -> str:
    return f"{format_amount(amount, currency)} {currency}" if is_currency(currency) else f"{amount:f} {currency}"


def _problem(source: str, statement: Statement, rule: str, said: str, severity: Severity) -> Problem:
    return Problem(
        source=source,
        position=None,
        field="balance",
        rule=rule,
        text=f"Statement {statement.identification} of account {statement.account} {said}.",
        repair="Ask the bank for the missing statement or a corrected one.",
        severity=severity,
    )
