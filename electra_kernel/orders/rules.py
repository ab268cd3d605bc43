"""The rules themselves: one small function a rule, and what they stand on.

What may live here: what every scheme has in common. Rules of one scheme live in ``scheme_rules``; which rulebook holds
which rules is said in ``rulebooks``, the limits are data, in ``limits.toml`` and ``national.toml``. A rule is handed the
case (or a transaction and the case) and yields faults; it never raises, never changes the order and never asks a clock.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple, TypeAlias

from electra_kernel.orders.kinds import KINDS
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.vocabulary.accounts import AccountError, is_iban, parse_account, parse_bic
from electra_kernel.vocabulary.dates import BusinessCalendar
from electra_kernel.vocabulary.errors import Severity
from electra_kernel.vocabulary.money import currency_decimals, format_amount
from electra_kernel.vocabulary.parties import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one rulebook; the meaning and source of each is in ``limits.toml``."""

    name: int
    remittance: int
    identification: int
    identification_characters: str
    structured_reference: int
    purpose: int
    amount_least: Decimal
    amount_most: Decimal
    decimals: int
    characters: str
    address_lines: int
    address_line: int
    unstructured_address_last_day: date
    hybrid_address_lines: int
    address_needed_in: list[str]
    account_countries: list[str]
    iban_only: bool
    charge_bearers: list[str]
    lead_days: int
    most_days_ahead: int
    sequences: list[str]
    qr_currencies: list[str]
    qr_amount_most: Decimal


def table(name: str) -> dict[str, Any]:
    """A table of data of this room, such as ``limits.toml``."""
    return tomllib.loads(files("electra_kernel.orders").joinpath(name).read_text("utf-8"))


@cache
def limits_of(rulebook: str, national: str = "") -> Limits:
    """The limits of a rulebook, narrowed or widened by a country's; those of ``common`` where they say nothing."""
    tables = table("limits.toml")
    own = table("national.toml")[national].get("limits", {}) if national else {}
    values = {**_with_those_before(tables, rulebook), **own}
    exact: dict[object, Callable[[str], object]] = {"Decimal": Decimal, "date": date.fromisoformat}
    for limit in fields(Limits):
        if limit.type in exact:
            values[limit.name] = exact[limit.type](values[limit.name])
    return Limits(**values)


def _with_those_before(tables: dict[str, Any], rulebook: str) -> dict[str, Any]:
    """What a rulebook says, with what it takes from the one it names, and from ``common``."""
    said = dict(tables.get(rulebook, {}))
    before = said.pop("as", "common")
    return {**(tables["common"] if before == "common" else _with_those_before(tables, before)), **said}


class Fault(NamedTuple):
    """One broken rule, before its place is known."""

    field: str
    text: str
    repair: str
    severity: Severity = "error"


@dataclass(slots=True)
class Case:
    """What a rule may look at beside the transaction, and what it has seen of the transactions before."""

    order: Order
    limits: Limits
    today: date
    calendar: BusinessCalendar
    place: int = 0
    seen: dict[tuple[object, ...], int] = field(default_factory=dict)

    @property
    def addresses_are_structured(self) -> bool:
        """Whether the order settles after the last day of unstructured addresses."""
        return self.order.execution_date > self.limits.unstructured_address_last_day


OrderRule: TypeAlias = Callable[[Case], Iterator[Fault]]
TransactionRule: TypeAlias = Callable[[Transaction, Case], Iterator[Fault]]


# Rules of an order as a whole.


def has_transactions(case: Case) -> Iterator[Fault]:
    """An order has at least one transaction."""
    if not case.order.transactions:
        yield Fault("transactions", "The order has no transaction.", "Add at least one payment.")


def kind_carries_currency(case: Case) -> Iterator[Fault]:
    """The kind of order carries the currency."""
    kind, currency = KINDS[case.order.kind], case.order.currency
    if currency and kind.currencies and currency not in kind.currencies:
        allowed = " or ".join(kind.currencies)
        yield Fault("currency", f"A {kind.title} carries {allowed}, not {currency}.", "Choose another kind of order.")


def own_account(case: Case) -> Iterator[Fault]:
    """The own account is there and right."""
    account, side = case.order.own.account, _own_side(case)
    if not account:
        what = "credit" if case.order.collects else "debit"
        yield Fault(f"{side}.account", f"The account to {what} is missing.", "Choose one of your accounts.")
    elif fault := _account_fault(account):
        yield Fault(f"{side}.account", *fault)


def own_name(case: Case) -> Iterator[Fault]:
    """The own name is there and fits."""
    name, side = case.order.own.name, _own_side(case)
    if not name.strip():
        who = "collector" if case.order.collects else "payer"
        yield Fault(
            f"{side}.name", f"The name of the {who} is missing.", "Give the name the bank knows the customer by."
        )
    yield from _text(f"{side}.name", name, case.limits.name, case.limits)
    yield from _text("initiator", case.order.initiator, case.limits.name, case.limits)


def own_address(case: Case) -> Iterator[Fault]:
    """The own address is complete."""
    yield from _address(f"{_own_side(case)}.address", case.order.own.address, case)


def _own_side(case: Case) -> str:
    return "creditor" if case.order.collects else "debtor"


def side_fits_kind(case: Case) -> Iterator[Fault]:
    """Who pays does not collect and the other way round."""
    kind = KINDS[case.order.kind]
    if kind.collects and not case.order.collects:
        yield Fault("creditor", f"A {kind.title} needs a creditor: who collects.", "Name the creditor and its account.")
    elif case.order.collects and not kind.collects:
        yield Fault("kind", f"A {kind.title} pays and cannot collect.", "Choose a kind that collects.")


def order_ids(case: Case) -> Iterator[Fault]:
    """The order's identifications are there and fit."""
    for name, value in (("message_id", case.order.message_id), ("payment_id", case.order.payment_id)):
        if not value:
            yield Fault(name, "The identification is missing.", "Give every order an identification of its own.")
        yield from _identification(name, value, case.limits)


def execution_not_past(case: Case) -> Iterator[Fault]:
    """The execution date is not past."""
    day = case.order.execution_date
    if day < case.today:
        earliest = case.calendar.next_business_day(case.today)
        yield Fault("execution_date", f"The execution date {day} is past.", f"Choose {earliest} or later.")


def execution_on_business_day(case: Case) -> Iterator[Fault]:
    """The bank settles on the execution date."""
    day = case.order.execution_date
    if not case.calendar.is_business_day(day):
        following = case.calendar.next_business_day(max(day, case.today))
        yield Fault(
            "execution_date", f"The bank does not settle on {day}.", f"Choose {following}, the next one.", "warning"
        )


def charge_bearer(case: Case) -> Iterator[Fault]:
    """Who bears the charges is one of those the scheme knows."""
    bearer, known = case.order.charge_bearer, case.limits.charge_bearers
    if bearer and known and bearer not in known:
        repair = f"Use {' or '.join(known)}, or leave it out."
        yield Fault("charge_bearer", f"The scheme does not let charges be borne as {bearer[:10]}.", repair)


# Rules of a transaction.


def amount_positive(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """An amount is above zero."""
    if transaction.amount.amount <= 0:
        yield Fault("amount", f"The amount {transaction.amount} is not above zero.", "Give a positive amount.")


def amount_decimals(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """An amount has no more decimals than its currency or scheme."""
    amount, currency = transaction.amount.amount, transaction.amount.currency
    decimals = _decimals(currency) if case.limits.decimals < 0 else case.limits.decimals
    if -int(amount.as_tuple().exponent) <= decimals or _fraction_digits(amount) <= decimals:
        return
    whole = "a whole amount" if decimals == 0 else f"at most {decimals} decimals"
    yield Fault("amount", f"{currency} {amount} has too many decimals.", f"Give {whole}.")


def amount_range(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """An amount is within the scheme's limits."""
    money, least, most = transaction.amount, case.limits.amount_least, case.limits.amount_most
    if money.amount > 0 and not least <= money.amount <= most:
        span = f"{format_amount(least, money.currency)} and {format_amount(most, money.currency)} {money.currency}"
        yield Fault("amount", f"{money} is outside what one payment may carry.", f"Give between {span}, or split it.")


def one_currency(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """An order carries one currency."""
    currency, first = transaction.amount.currency, case.order.currency
    if currency != first:
        text = f"{currency} stands among payments in {first}."
        yield Fault("currency", text, "Move it to an order of its own: one order carries one currency.")
    kind = KINDS[case.order.kind]
    if transaction.paid_in and kind.currencies:
        text = f"It is to be paid in {transaction.paid_in}; a {kind.title} pays the amount that it debits."
        yield Fault("currency", text, "Give the amount that is to be paid, or choose another kind of order.")


def counterparty_name(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """The counterparty is named."""
    if not transaction.counterparty.name.strip():
        yield Fault(
            "counterparty.name", f"The name of the {_other(case)} is missing.", "Give the account holder's name."
        )


def _other(case: Case) -> str:
    return "debtor" if case.order.collects else "payee"


def counterparty_account(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """The counterparty's account is there and right."""
    account, countries = transaction.counterparty.account, case.limits.account_countries
    if not account:
        where = "mandate" if case.order.collects else "invoice"
        yield Fault(
            "counterparty.account", f"The {_other(case)}'s account is missing.", f"Give the account from the {where}."
        )
        return
    if not case.limits.iban_only and not _looks_like_iban(account):
        return
    if fault := _account_fault(account):
        yield Fault("counterparty.account", *fault)
    elif countries and account[:2].isalpha() and account[:2] not in countries:
        where = countries[0] if len(countries) == 1 else "a country of the scheme"
        other = "a collection of another kind" if case.order.collects else "a cross-border transfer"
        yield Fault("counterparty.account", f"The account {account} is not in {where}.", f"Send it as {other}.")


def counterparty_bank(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """The counterparty's bank is known where its account does not tell."""
    party = transaction.counterparty
    if party.bic:
        if fault := _bic_fault(party.bic):
            yield Fault("counterparty.bic", *fault)
    elif party.account and not case.limits.iban_only and not _looks_like_iban(party.account):
        text = "An account that is not an IBAN needs the BIC of its bank."
        yield Fault("counterparty.bic", text, "Give the bank's BIC of 8 or 11 letters and digits.")


def transaction_ids(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """A transaction's identifications are there and fit."""
    end_to_end_id, limits = transaction.end_to_end_id, case.limits
    if not end_to_end_id:
        yield Fault("end_to_end_id", "The reference is missing.", "Give one, or NOTPROVIDED.")
    elif not _is_plain_identification(end_to_end_id, limits):
        yield from _identification("end_to_end_id", end_to_end_id, limits)
    if transaction.instruction_id and not _is_plain_identification(transaction.instruction_id, limits):
        yield from _identification("instruction_id", transaction.instruction_id, limits)


def texts(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """Texts fit in length and characters."""
    limits = case.limits
    for name, value, most in (
        ("counterparty.name", transaction.counterparty.name, limits.name),
        ("remittance", transaction.remittance, limits.remittance),
        ("structured_reference", transaction.structured_reference, limits.structured_reference),
        ("ultimate_debtor", transaction.ultimate_debtor, limits.name),
        ("ultimate_creditor", transaction.ultimate_creditor, limits.name),
        ("purpose", transaction.purpose, limits.purpose),
    ):
        if value and not _is_plain_text(value, most, limits):
            yield from _text(name, value, most, limits)


def creditor_reference(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """A creditor reference has right check digits."""
    reference = transaction.structured_reference
    if reference[:2].upper() == "RF" and not creditor_reference_agrees(reference):
        text = f"The check digits of the reference {reference[:40]} do not agree (ISO 11649)."
        yield Fault("structured_reference", text, "Copy the reference from the invoice again.")


def one_kind_of_remittance(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """A payment carries a text or a reference."""
    if transaction.remittance and transaction.structured_reference:
        text = "A SEPA payment carries a text or a structured reference, not both."
        yield Fault("remittance", text, "Keep the reference and remove the text: the bank may drop either.", "warning")


def counterparty_address(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """The counterparty's address is complete."""
    if transaction.counterparty.address != _NO_ADDRESS:
        yield from _address("counterparty.address", transaction.counterparty.address, case)


def not_twice(transaction: Transaction, case: Case) -> Iterator[Fault]:
    """The same payment does not stand twice."""
    money = transaction.amount
    key = (
        transaction.counterparty.account,
        money.amount,
        money.currency,
        transaction.remittance,
        transaction.structured_reference,
    )
    first = case.seen.get(key)
    if first is None:
        case.seen[key] = case.place
    else:
        text = f"{money} to {transaction.counterparty.name} stands already at {first}, with the same text."
        yield Fault("amount", text, "Remove one of them, unless both are owed.", "warning")


# What the rules stand on.

_NO_ADDRESS = Address()
_COUNTRY = re.compile(r"[A-Z]{2}")
_ACCOUNT_MISTYPED = "Copy the account from the invoice again."


def creditor_reference_agrees(reference: str) -> bool:
    """Whether a creditor reference ``RF…`` of 5 to 25 characters has right check digits (ISO 11649, mod 97-10)."""
    compact = reference.replace(" ", "").upper()
    if not re.fullmatch(r"RF[0-9]{2}[0-9A-Z]{1,21}", compact):
        return False
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


def _identification(name: str, value: str, limits: Limits) -> Iterator[Fault]:
    if len(value) > limits.identification:
        text = f"{value[:40]!r} has {len(value)} characters."
        yield Fault(name, text, f"Use at most {limits.identification} characters.")
    if wrong := _outside(value, limits.identification_characters):
        text = f"{value[:40]!r} has characters that no identification carries: {wrong}."
        yield Fault(name, text, _suggest(value, limits.identification_characters))
    yield from _slashes(name, value)


def _text(name: str, value: str, most: int, limits: Limits) -> Iterator[Fault]:
    if len(value) > most:
        yield Fault(name, f"The text has {len(value)} characters.", f"Use at most {most} characters.")
    if limits.characters:
        if wrong := _outside(value, limits.characters):
            yield Fault(name, f"The scheme does not carry {wrong}.", _suggest(value, limits.characters))
        yield from _slashes(name, value)
    elif any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value):
        yield Fault(name, "The text has a line break or a control character.", "Write it on one line.")


def _slashes(name: str, value: str) -> Iterator[Fault]:
    if value.startswith("/") or value.endswith("/") or "//" in value:
        yield Fault(name, 'A "/" stands first or last, or two in a row.', "Remove it: banks read it as a code word.")


def _address(name: str, address: Address, case: Case) -> Iterator[Fault]:
    """Structured, hybrid or (until its last day) free lines. Hybrid: town and country, and two lines at most."""
    limits = case.limits
    if address == _NO_ADDRESS:
        return
    if address.country and not _COUNTRY.fullmatch(address.country):
        yield Fault(name, f"{address.country!r} is not a country.", "Use the two-letter code, such as HU.")
    structured = bool(address.town and address.country)
    if case.addresses_are_structured and not structured:
        text = f"After {limits.unstructured_address_last_day} an address has its town and country in their own fields."
        yield Fault(name, text, "Fill in town and country; up to two lines may stay as they are.")
    most = limits.hybrid_address_lines if structured else limits.address_lines
    if len(address.lines) > most:
        yield Fault(name, f"The address has {len(address.lines)} lines.", f"Keep at most {most}.")
    fields_of = (address.town, address.country, address.post_code) if address.lines else ()
    own_fields = {part.casefold() for part in fields_of if part}
    for line in address.lines:
        if not _is_plain_text(line, limits.address_line, limits):
            yield from _text(name, line, limits.address_line, limits)
        if line.strip().casefold() in own_fields:
            text = f"The line {line[:40]!r} repeats what stands in a field of its own."
            yield Fault(name, text, "Remove the line.", "warning")
    for part in (address.street, address.building, address.post_code, address.town):
        if part and not _is_plain_text(part, limits.address_line, limits):
            yield from _text(name, part, limits.address_line, limits)


@cache
def _not_in(characters: str) -> re.Pattern[str]:
    return re.compile(f"[^{characters}]")


@cache
def _decimals(currency: str) -> int:
    return currency_decimals(currency)


def _fraction_digits(amount: Decimal) -> int:
    """Digits after the point without trailing zeros; ``normalize`` would round what is longer than the context."""
    _, digits, exponent = amount.as_tuple()
    text = "".join(map(str, digits))
    return -int(exponent) - (len(text) - len(text.rstrip("0")))


def _outside(value: str, characters: str) -> str:
    return " ".join(sorted(set(_not_in(characters).findall(value)))[:10])


def _is_plain_text(value: str, most: int, limits: Limits) -> bool:
    """The quick way past the rules for texts: most of 100,000 payments break none."""
    if len(value) > most or "/" in value:
        return False
    return not _not_in(limits.characters).search(value) if limits.characters else value.isprintable()


def _is_plain_identification(value: str, limits: Limits) -> bool:
    if len(value) > limits.identification or "/" in value:
        return False
    return not _not_in(limits.identification_characters).search(value)


def _suggest(value: str, characters: str) -> str:
    """``Kovács & Társa`` as ``Kovacs   Tarsa`` would be right: letters lose their accents, the rest becomes a space."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", value) if unicodedata.category(letter) != "Mn")
    return f"Write {' '.join(_not_in(characters).sub(' ', plain).split())[:140]!r}."


def _looks_like_iban(account: str) -> bool:
    return re.match(r"[A-Za-z]{2}[0-9]{2}", account) is not None


@lru_cache(maxsize=65536)
def _account_fault(account: str) -> tuple[str, str] | None:
    """What is wrong with an account number and its repair, or ``None``."""
    if is_iban(account):
        return None
    try:
        parse_account(account)
    except AccountError as error:
        return f"{error.what} {error.cause}".strip(), error.repair or _ACCOUNT_MISTYPED
    return None


@lru_cache(maxsize=4096)
def _bic_fault(bic: str) -> tuple[str, str] | None:
    try:
        parse_bic(bic)
    except AccountError as error:
        return f"{error.what} {error.cause}".strip(), error.repair
    return None
