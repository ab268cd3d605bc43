"""Rulebooks: what must be true of an order before it may be signed. Every broken rule is told, with a repair.

What may live here: the tables that say which rulebook holds which rules, and the check. A kind of order has its
rulebook; a country's rulebook (``national.toml``) narrows or widens those of the kinds it speaks of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache

from electra_kernel.orders import rules, scheme_rules
from electra_kernel.orders.kinds import KINDS
from electra_kernel.orders.model import Order
from electra_kernel.orders.rules import Case, Fault, OrderRule, TransactionRule, creditor_reference_agrees, limits_of
from electra_kernel.vocabulary.dates import BusinessCalendar
from electra_kernel.vocabulary.errors import ElectraError, Problem

__all__ = ["NATIONAL", "RULEBOOKS", "Rulebook", "check", "creditor_reference_agrees", "limits_of"]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of one kind of order, by their stable names."""

    order: dict[str, OrderRule]
    transaction: dict[str, TransactionRule]


@dataclass(frozen=True, slots=True, kw_only=True)
class National:
    """A country's rulebook, or a narrower scheme's: what is different there.

    Attributes:
        title: its name for people.
        source: who sets it, and where.
        kinds: the kinds of order it speaks of.
        rules: rules that hold beside those of the kind.
        without: rules of the kind that do not hold.
        limits: limits that differ, as in ``limits.toml``.
    """

    title: str
    source: str
    kinds: list[str]
    rules: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    limits: dict[str, object] = field(default_factory=dict)


#: The countries' rulebooks by name.
NATIONAL: dict[str, National] = {name: National(**values) for name, values in rules.table("national.toml").items()}


def check(
    order: Order, *, today: date, calendar: BusinessCalendar, source: str = "", national: str = ""
) -> list[Problem]:
    """Every problem of an order, in the order of its lines.

    Args:
        order: the order as it would be signed.
        today: the day on which it is checked, at the bank.
        calendar: the days on which the bank settles.
        source: the file it came from; the order's message id where empty.
        national: the country's rulebook that holds as well (a key of ``NATIONAL``); none where empty.

    Returns:
        One ``Problem`` a broken rule. ``position`` is the line (or byte offset) a transaction was read from, its number
        (from 1) where it was not read from a file, and ``None`` for the order as a whole. An order may be signed when
        none is an error.

    Raises:
        ElectraError: there is no such rulebook.
    """
    source, kind = source or order.message_id, KINDS.get(order.kind)
    if national and national not in NATIONAL:
        raise ElectraError(f"{national!r} is no set of rules.", repair=f"Choose one of: {', '.join(NATIONAL)}.")
    if kind is None:
        known = ", ".join(KINDS)
        fault = Fault("kind", f"{order.kind!r} is not a kind of order.", f"Use one of {known}.")
        return [_problem(source, None, "kind", fault)]
    if national and kind.code not in NATIONAL[national].kinds:
        spoken = ", ".join(KINDS[each].title for each in NATIONAL[national].kinds)
        text = f"The rules of {NATIONAL[national].title} say nothing of a {kind.title}."
        return [_problem(source, None, "kind", Fault("kind", text, f"They speak of: {spoken}."))]
    rulebook = _rulebook(kind.rulebook, national)
    case = Case(order, limits_of(kind.rulebook, national), today, calendar)
    problems = [_problem(source, None, name, fault) for name, rule in rulebook.order.items() for fault in rule(case)]
    each = list(rulebook.transaction.items())
    for number, transaction in enumerate(order.transactions, start=1):
        case.place = number if transaction.position is None else transaction.position
        for name, rule in each:
            for fault in rule(transaction, case):
                problems.append(_problem(source, case.place, name, fault))
    return problems


@cache
def _rulebook(name: str, national: str) -> Rulebook:
    """The rules of a kind's rulebook with what a country changes."""
    base = RULEBOOKS[name]
    if not national:
        return base
    there = NATIONAL[national]
    more = {rule: SCHEME_RULES[rule] for rule in there.rules}
    return Rulebook(
        {rule: work for rule, work in base.order.items() if rule not in there.without},
        {rule: work for rule, work in {**base.transaction, **more}.items() if rule not in there.without},
    )


def _problem(source: str, position: int | None, rule: str, fault: Fault) -> Problem:
    return Problem(
        source=source,
        position=position,
        field=fault.field,
        rule=rule,
        text=fault.text,
        repair=fault.repair,
        severity=fault.severity,
    )


# The tables. A rule's name is what a problem shows; it stays the same for ever. What each asks, and who says so, stands
# in ``rules.toml``.

_COMMON_ORDER: dict[str, OrderRule] = {
    "transactions-present": rules.has_transactions,
    "kind-currency": rules.kind_carries_currency,
    "kind-direction": rules.side_fits_kind,
    "debtor-account": rules.own_account,
    "debtor-name": rules.own_name,
    "debtor-address": rules.own_address,
    "identification": rules.order_ids,
    "execution-date-past": rules.execution_not_past,
    "business-day": rules.execution_on_business_day,
    "charge-bearer": rules.charge_bearer,
}
#: What the rules about the own side are called where that side collects.
_COLLECTED = {name: name.replace("debtor", "creditor") for name in ("debtor-account", "debtor-name", "debtor-address")}
_COLLECTION_ORDER: dict[str, OrderRule] = {_COLLECTED.get(name, name): rule for name, rule in _COMMON_ORDER.items()}
_COMMON_TRANSACTION: dict[str, TransactionRule] = {
    "amount-positive": rules.amount_positive,
    "amount-decimals": rules.amount_decimals,
    "amount-range": rules.amount_range,
    "one-currency": rules.one_currency,
    "name-present": rules.counterparty_name,
    "account": rules.counterparty_account,
    "bic": rules.counterparty_bank,
    "identification": rules.transaction_ids,
    "text": rules.texts,
    "creditor-reference": rules.creditor_reference,
    "address": rules.counterparty_address,
    "duplicate": rules.not_twice,
}
_SEPA_TRANSACTION = {**_COMMON_TRANSACTION, "one-remittance": rules.one_kind_of_remittance}
_SEPA_COLLECTION = Rulebook(
    {**_COLLECTION_ORDER, "creditor-id": scheme_rules.creditor_id, "due-date": scheme_rules.due_date},
    {
        **_SEPA_TRANSACTION,
        "mandate": scheme_rules.mandate,
        "sequence": scheme_rules.sequence,
        "address-needed": scheme_rules.address_needed,
    },
)

#: The rulebooks, by the name a kind of order gives.
RULEBOOKS: dict[str, Rulebook] = {
    "common": Rulebook(_COMMON_ORDER, _COMMON_TRANSACTION),
    "sepa": Rulebook(_COMMON_ORDER, _SEPA_TRANSACTION),
    "domestic": Rulebook(_COMMON_ORDER, _COMMON_TRANSACTION),
    "collection": Rulebook(_COLLECTION_ORDER, _COMMON_TRANSACTION),
    "sepa-core": _SEPA_COLLECTION,
    "sepa-b2b": _SEPA_COLLECTION,
    "domestic-collection": Rulebook(_COLLECTION_ORDER, _COMMON_TRANSACTION),
}
#: Rules that only some countries' rulebooks hold.
SCHEME_RULES: dict[str, TransactionRule] = {
    "qr-reference": scheme_rules.qr_reference,
    "instant-today": scheme_rules.instant_today,
}
