"""Rows of a profile as statements, and statements as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from electra_kernel.formats.base import Problems
from electra_kernel.formats.fields import LayoutError, Values
from electra_kernel.formats.profiles.facts import Facts, facts_of, values_of
from electra_kernel.formats.profiles.model import ENTRY_COLUMNS, STATEMENT_COLUMNS, Part, Profile
from electra_kernel.formats.records import Row
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.statements.proof import CLOSING, OPENING, prove_all
from electra_kernel.vocabulary.money import MAX_INTEGER_DIGITS
from electra_kernel.vocabulary.parties import Address, Party

_TRUE = frozenset({"true", "1", "y", "yes", "x"})
_IDENTITY = ("account", "currency", "statement")
_ENTRY_TEXTS = (
    *("bank_transaction_code", "proprietary_code", "bank_reference", "entry_reference", "original_currency"),
    "additional_information",
)
#: From where on a number does not fit its column of the ledger.
_LARGEST = {
    **dict.fromkeys(("opening_balance", "closing_balance", "original_amount", "charges"), 10**MAX_INTEGER_DIGITS),
    "exchange_rate": 10**8,
    "sequence": 10**18,
}
_DETAIL_TEXTS = ("remittance", "structured_reference", "end_to_end_id", "mandate_id", "creditor_id")


@dataclass(slots=True)
class _Draft:
    """A statement while its rows come: what it says of itself, and its entries with their lines."""

    facts: Facts
    entries: list[tuple[int, Facts]] = field(default_factory=list)


def statements_of(rows: Iterable[Row], profile: Profile, source: str, problems: Problems) -> tuple[Statement, ...]:
    """The statements of a file, proved; what does not add up is a problem.

    A statement begins at a record of the role ``statement``, and wherever an entry names another account, currency or
    statement than the one before it.
    """
    parts = {part.record.name: part for part in profile.parts}
    common: Facts = {**profile.fixed}
    drafts: list[_Draft] = []
    for row in rows:
        _take(row, parts[row.record], common, drafts, problems)
    statements = tuple(_statement(draft, number, problems) for number, draft in enumerate(drafts, 1))
    problems.extend(prove_all(statements, source))
    return statements


def _take(row: Row, part: Part, common: Facts, drafts: list[_Draft], problems: Problems) -> None:
    if not part.role:
        return
    facts = facts_of(row, part, problems)
    if part.role == "file":
        common.update(facts)
    elif part.role == "statement":
        drafts.append(_Draft({**common, **facts}))
    elif part.role == "entry":
        _draft_for(facts, common, drafts).entries.append((row.line, facts))
    elif not drafts:
        problems.error(row.line, row.record, "order", "It belongs to no statement.", "Fetch the file again.")
    elif part.role == "end":
        drafts[-1].facts.update(facts)
    elif not drafts[-1].entries:
        problems.error(row.line, row.record, "order", "It says more of an entry that is not there.", "Fetch it again.")
    else:
        _add_detail(drafts[-1].entries[-1][1], facts, row, problems)


def _draft_for(facts: Facts, common: Facts, drafts: list[_Draft]) -> _Draft:
    said = {name: facts[name] for name in STATEMENT_COLUMNS if name in facts}
    if not drafts or any(name in said and said[name] != drafts[-1].facts.get(name) for name in _IDENTITY):
        drafts.append(_Draft({**common, **said}))
    return drafts[-1]


def _add_detail(entry: Facts, facts: Facts, row: Row, problems: Problems) -> None:
    """More of an entry: texts go on, everything else is said once."""
    for name, value in facts.items():
        if name not in entry or entry[name] == value:
            entry[name] = value
        elif isinstance(value, str):
            entry[name] = f"{entry[name]} {value}"
        else:
            said = f"{name} is {entry[name]} in the entry and {value} here; the entry's counts."
            problems.error(row.line, f"{row.record}.{name}", "twice", said, "Ask the bank which is right.")


# ------------------------------------------------------------------------------------------------------------- reading
def _statement(draft: _Draft, number: int, problems: Problems) -> Statement:
    facts = draft.facts
    currency = str(facts.get("currency", ""))
    if not currency:
        said = "Neither a field nor the profile names the currency."
        problems.error(None, "currency", "currency", said, 'Write [fixed] currency = "HUF" into the profile.')
    kept = [
        (line, said, amount) for line, said in draft.entries if (amount := _amount(line, said, problems)) is not None
    ]
    entries = tuple(_entry(line, said, amount, currency, problems) for line, said, amount in kept)
    days = [day for entry in entries if (day := entry.booking_date or entry.value_date)]
    facts = _kept_by_the_ledger(_with_running_balances(facts, kept, problems), None, problems)
    created = facts.get("created")
    return Statement(
        identification=str(facts.get("statement") or created or number),
        account=str(facts.get("account", "")),
        currency=currency,
        balances=_balances(facts, currency, days, problems),
        entries=entries,
        sequence=int(facts["sequence"]) if facts.get("sequence") else None,
        created=_midnight(created) if created else None,
        from_date=facts.get("from_date"),
        to_date=facts.get("to_date"),
        owner=str(facts.get("owner", "")),
        bank_bic=str(facts.get("bank_bic", "")),
    )


def _kept_by_the_ledger(facts: Facts, line: int | None, problems: Problems) -> Facts:
    """The facts without numbers that are larger than the ledger's columns; those are told."""
    large = [name for name, most in _LARGEST.items() if name in facts and abs(int(facts[name])) >= most]
    for name in large:
        said = f"{facts[name]} has more digits than the ledger keeps; it was left out."
        problems.error(line, name, "too-large", said, "Check the columns of this field.")
    return {name: value for name, value in facts.items() if name not in large}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _amount(line: int, facts: Facts, problems: Problems) -> Decimal | None:
    """The signed amount; an entry without one is left out and told."""
    credit, debit = facts.get("credit"), facts.get("debit")
    if "amount" in facts:
        amount = Decimal(facts["amount"])
    elif credit is not None or debit is not None:
        amount = abs(Decimal(credit or 0)) - abs(Decimal(debit or 0))
    else:
        said = "The entry has no amount that can be read; it was left out."
        problems.error(line, "amount", "no-amount", said, "Correct the file or the profile.")
        return None
    if abs(amount) >= 10**MAX_INTEGER_DIGITS:
        said = f"{amount} has more digits than the ledger keeps; the entry was left out."
        problems.error(line, "amount", "too-large", said, "Check the columns of the amount.")
        return None
    return amount


def _entry(line: int, facts: Facts, amount: Decimal, currency: str, problems: Problems) -> Entry:
    facts = _kept_by_the_ledger(facts, line, problems)
    texts: dict[str, Any] = {name: str(facts.get(name, "")) for name in _ENTRY_TEXTS}
    name, account = str(facts.get("counterparty_name", "")), str(facts.get("counterparty_account", ""))
    bic, address = str(facts.get("counterparty_bic", "")), str(facts.get("counterparty_address", ""))
    party = None
    if name or account or bic or address:
        party = Party(name=name, account=account, bic=bic, address=Address(lines=(address,) if address else ()))
    said: dict[str, Any] = {text: str(facts.get(text, "")) for text in _DETAIL_TEXTS}
    detail = EntryDetail(counterparty=party, currency=currency, **said)
    return Entry(
        amount=amount,
        currency=str(facts.get("currency") or currency),
        booking_date=facts.get("booking_date"),
        value_date=facts.get("value_date"),
        status=str(facts.get("status") or "BOOK"),
        reversal=str(facts.get("reversal", "")).lower() in _TRUE,
        original_amount=facts.get("original_amount"),
        exchange_rate=facts.get("exchange_rate"),
        charges=facts.get("charges"),
        details=(detail,) if detail != EntryDetail(currency=currency) else (),
        position=line,
        **texts,
    )


def _with_running_balances(facts: Facts, kept: Sequence[tuple[int, Facts, Decimal]], problems: Problems) -> Facts:
    """Opening and closing balance from a balance in every row, whichever way the rows run; a break is told."""
    steps = [(line, said["balance"], amount) for line, said, amount in kept if "balance" in said]
    if not steps or len(steps) < len(kept) or "opening_balance" in facts or "closing_balance" in facts:
        return facts
    upwards = _first_break(steps)
    if upwards is not None and _first_break(steps[::-1]) is None:
        steps, upwards = steps[::-1], None
    if upwards is not None:
        said = "The balance of this row is not that of the row before it and the amount."
        problems.error(upwards, "balance", "running-balance", said, "Rows are missing or doubled: export it again.")
    return {**facts, "opening_balance": steps[0][1] - steps[0][2], "closing_balance": steps[-1][1]}


def _first_break(steps: Sequence[tuple[int, Decimal, Decimal]]) -> int | None:
    before: Decimal | None = None
    for line, balance, amount in steps:
        if before is not None and before + amount != balance:
            return line
        before = balance
    return None


def _balances(facts: Facts, currency: str, days: Sequence[date], problems: Problems) -> tuple[Balance, ...]:
    found = []
    first = facts.get("from_date") or min(days, default=None)
    last = facts.get("to_date") or facts.get("created") or max(days, default=None)
    for kind, name, day in (
        ("OPBD", "opening", facts.get("opening_date") or first or last),
        ("CLBD", "closing", facts.get("closing_date") or last or first),
    ):
        amount = facts.get(f"{name}_balance")
        if amount is None:
            continue
        if day is None:
            said = f"The {name} balance {amount} has no date and was left out."
            problems.error(None, f"{name}_date", "balance-date", said, "Add a field for its date to the profile.")
        else:
            found.append(Balance(kind=kind, amount=Decimal(amount), currency=currency, date=day))
    return tuple(found)


# ------------------------------------------------------------------------------------------------------------- writing
def rows_for(statements: Sequence[Statement], profile: Profile) -> Iterator[tuple[str, Values]]:
    """The rows that say these statements.

    Raises:
        LayoutError: an entry is a batch, or statements differ in what the profile says once for all.
    """
    if (head := profile.of_role("file")) is not None:
        yield head.record.name, values_of(_one_for_all(statements, head), head)
    start, entry_part, end = profile.of_role("statement"), profile.of_role("entry"), profile.of_role("end")
    detail = profile.of_role("detail")
    if entry_part is None:
        raise LayoutError("The profile has no record of the role 'entry'.", repair="Add one.")
    for statement in statements:
        facts = _statement_facts(statement)
        if start is not None:
            yield start.record.name, values_of(facts, start)
        for entry, balance in zip(statement.entries, _running_balances(statement), strict=True):
            said = facts | _entry_facts(entry) | {"balance": balance}
            yield entry_part.record.name, values_of(said, entry_part)
            if detail is not None and (more := values_of(said, detail)):
                yield detail.record.name, more
        if end is not None:
            yield end.record.name, values_of(facts, end)


def _running_balances(statement: Statement) -> Iterator[Decimal | None]:
    """The account's balance after each entry that is booked; ``None`` where the statement gives none to begin with."""
    opening = next((each for kind in OPENING if (each := statement.balance(kind))), None)
    closing = next((each for kind in CLOSING if (each := statement.balance(kind))), None)
    known = opening or closing
    if known is None or any(entry.currency != known.currency for entry in statement.entries):
        yield from [None] * len(statement.entries)
        return
    booked = [entry.amount for entry in statement.entries if entry.status == "BOOK"]
    now = opening.amount if opening else known.amount - sum(booked, Decimal(0))
    for entry in statement.entries:
        now += entry.amount if entry.status == "BOOK" else 0
        yield now if entry.status == "BOOK" else None


def _one_for_all(statements: Sequence[Statement], head: Part) -> Facts:
    columns = {meaning.column for meaning in head.meanings.values()}
    said = [{name: value for name, value in _statement_facts(each).items() if name in columns} for each in statements]
    if any(each != said[0] for each in said):
        raise LayoutError(
            "The file names account or date once, and the statements differ.", repair="Write one file each."
        )
    return said[0] if said else {}


def _statement_facts(statement: Statement) -> Facts:
    opening = next((each for kind in OPENING if (each := statement.balance(kind))), None)
    closing = next((each for kind in CLOSING if (each := statement.balance(kind))), None)
    created = statement.created.date() if statement.created else closing.date if closing else None
    return {
        "account": statement.account,
        "currency": statement.currency,
        "statement": statement.identification,
        "sequence": statement.sequence,
        "owner": statement.owner,
        "bank_bic": statement.bank_bic,
        "created": created,
        "from_date": statement.from_date or (opening.date if opening else None),
        "to_date": statement.to_date or (closing.date if closing else None),
        "opening_balance": opening.amount if opening else None,
        "opening_date": opening.date if opening else None,
        "closing_balance": closing.amount if closing else None,
        "closing_date": closing.date if closing else None,
    }


def _entry_facts(entry: Entry) -> Facts:
    if len(entry.details) > 1:
        raise LayoutError(
            f"An entry of {entry.amount} is a batch of {len(entry.details)} payments.",
            cause="the format has one row for a booking.",
            repair="Write camt.053, Parquet or Excel instead.",
        )
    detail = entry.details[0] if entry.details else EntryDetail()
    party = detail.counterparty or Party(name="")
    facts: Facts = {name: getattr(entry, name, "") or getattr(detail, name, "") for name in ENTRY_COLUMNS}
    facts.update(
        counterparty_name=party.name,
        counterparty_account=party.account,
        counterparty_bic=party.bic,
        counterparty_address=str(party.address),
        credit=entry.amount if entry.amount >= 0 else None,
        debit=-entry.amount if entry.amount < 0 else None,
        amount=entry.amount,
        reversal="true" if entry.reversal else "",
        currency=entry.currency,
        original_currency=entry.original_currency or detail.original_currency,
    )
    return facts
