"""Customer credit transfers, SWIFT MT103: read into orders of one payment each, written. FIN, MT103.

The amount is the one of field 32A, which is settled; where field 33B names another, that and its rate (36) are told, as
are charges (71F, 71G). The sender's reference (20) is the message's id; the customer's reference is the ``/ROC/`` of
field 70, or of 72. Of the instructions (23E) SDVA and URGP are the order's service level, CORT and INTC its purpose.

What an MT103 cannot carry is what an MT101 cannot carry; ``write_told`` says what of that it met.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from electra_kernel.formats import mt, mt_kinds, mt_letters, mt_values
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.mt_orders import (
    CATEGORY_PURPOSES,
    CHARGES,
    SERVICE_LEVELS,
    bank_of,
    created,
    instructions,
    kind_of_order,
    midnight,
    money_of,
    not_kept,
    noted_reference,
    own_reference,
    read_remittance,
    short_reference,
    tell_finer,
    tell_losses,
    tell_services,
    tell_tracking,
    write_charges,
    write_money,
    write_remittance,
)
from electra_kernel.formats.mt_parties import read_party, write_party
from electra_kernel.orders.model import NOBODY, NOT_PROVIDED, Order, Transaction
from electra_kernel.vocabulary.errors import ElectraError, Problem
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

_DATED = re.compile(r"([0-9]{6})([A-Z]{3}[0-9., ]+)")


def detect(data: bytes) -> bool:
    """Whether the bytes are customer credit transfers (MT103)."""
    return mt_kinds.kind_of(data) == "103"


# --------------------------------------------------------------------------------------------------------- read
def read(data: bytes, source: str) -> Reading:
    """A file of transfers as orders of one payment each; messages of other types are told by name.

    Raises:
        UnreadableFile: no payment in it that can be read.
    """
    problems = Problems(source)
    found = mt.fields(data, problems)
    orders = []
    for message in mt.messages(found):
        kind = message.kind or mt_kinds.kind_by_tags(found.tags(message.first, message.stop))
        if kind != "103":
            mt.other_message(kind, found, message, problems)
            continue
        order = _order(found, message, problems)
        orders.extend([order] if order is not None else [])
    if not orders:
        why = next((problem.text for problem in problems.rows()), "")
        raise unreadable(
            source, "no-message", f"No payment in the file can be read. {why}".rstrip(), "Correct it.", field="32A"
        )
    return Reading(format="mt103", orders=tuple(orders), problems=problems.rows())


#: Field values by tag, each with its line; a field that may come several times has several.
_Values: TypeAlias = dict[str, list[tuple[str, int]]]


def _order(found: mt.Fields, message: mt.Message, problems: Problems) -> Order | None:
    values: _Values = {}
    for number in range(message.first, message.stop):
        values.setdefault(found.tag(number), []).append((found.value(number), int(found.lines[number])))
    line = int(found.lines[message.first])
    written, at = _first(values, "32A")
    match = _DATED.fullmatch(written)
    day, money = (mt_values.day_of(match[1]), money_of(match[2])) if match else (None, None)
    reference = _first(values, "20")[0]
    if day is None or money is None:
        problems.error(
            line,
            "32A",
            "amount",
            f"Transfer {reference} is left out: {written[:40]!r} is no date with an amount above nothing.",
            "Correct the file, or ask its maker.",
        )
        return None
    tell_finer(money, problems, at, "32A")
    tell_tracking(found, message, problems)
    if not reference:
        problems.error(line, "20", "missing", "The transfer has no reference.", "Ask its maker.")
    named = any(tag[:2] == "59" for tag in values)
    debtor, counterparty = _parties(values, problems)
    if not named or counterparty == NOBODY:
        problems.error(line, "59", "missing", f"Transfer {reference} names no beneficiary.", "Ask its maker.")
    remittance, customer_reference = read_remittance(_first(values, "70")[0])
    charges = CHARGES.get(_first(values, "71A")[0], "")
    codes = _instructions(values)
    customer_reference = customer_reference or _notes(values, reference, problems)
    _tell_rest(values, money, problems)
    transaction = Transaction(
        amount=money,
        counterparty=counterparty,
        remittance=remittance,
        end_to_end_id=customer_reference or NOT_PROVIDED,
        position=line,
    )
    return Order(
        message_id=reference,
        payment_id=reference,
        kind=kind_of_order(money.currency, debtor),
        debtor=debtor,
        execution_date=day,
        created=created(found, message) or midnight(day),
        transactions=(transaction,),
        charge_bearer=charges,
        service_level=next((code for code in codes if code in SERVICE_LEVELS), ""),
        category_purpose=next((code for code in codes if code in CATEGORY_PURPOSES), ""),
    )


def _first(values: _Values, tag: str) -> tuple[str, int]:
    """The first value of a field and its line; it is taken out of ``values``."""
    rows = values.get(tag)
    return rows.pop(0) if rows else ("", 0)


def _instructions(values: _Values) -> list[str]:
    """The instructions (23E) that an order has a place for: one of each kind, taken out of ``values``."""
    rows = values.get("23E", [])
    taken = [next((row for row in rows if row[0] in known), None) for known in (SERVICE_LEVELS, CATEGORY_PURPOSES)]
    values["23E"] = [row for row in rows if row not in taken]
    return [row[0] for row in taken if row]


def _notes(values: _Values, reference: str, problems: Problems) -> str:
    """Field 72: the customer's reference in it; a return is told, and the rest stays in ``values``."""
    value, line = _first(values, "72")
    if value.startswith("/RETN/"):
        text = f"Transfer {reference} returns an earlier one: {value[:60]!r}."
        problems.warn(line, "72", "return", text, "Do not pay it.")
        return ""
    found, notes = noted_reference(value)
    if notes:
        values.setdefault("72", []).insert(0, (notes, line))
    return found


def _tell_rest(values: _Values, money: Money, problems: Problems) -> None:
    """Whatever is left has no place in an order; what says nothing new is passed over."""
    for tag, rows in values.items():
        for value, line in rows:
            same = (tag == "33B" and money_of(value) == money) or (tag == "23B" and value == "CRED")
            if not same:
                not_kept(problems, line, tag, value)


def _parties(values: _Values, problems: Problems) -> tuple[Party, Party]:
    """Who pays (50a) and who is paid (59a), each with its bank (52A, 57A); what is used is taken out of ``values``."""
    found = []
    for group, bank in (("50", "52A"), ("59", "57A")):
        tag = next((each for each in values if each[:2] == group), "")
        value, line = _first(values, tag)
        party, left = read_party(value)
        for text in left:
            not_kept(problems, line, tag, text)
        if not party.bic and values.get(bank):
            value, line = _first(values, bank)
            party = replace(party, bic=bank_of(problems, line, bank, value))
        found.append(party)
    return found[0], found[1]


# -------------------------------------------------------------------------------------------------------- write
def write(orders: Sequence[Order]) -> bytes:
    """Each payment as a message without blocks, ended by a hyphen.

    Raises:
        ElectraError: no order, a collection, or an id, account or amount that does not fit.
    """
    return write_told(orders)[0]


def write_told(orders: Sequence[Order]) -> tuple[bytes, tuple[Problem, ...]]:
    """As ``write``, and what was left out or changed, one row for each order and reason."""
    if not orders:
        raise ElectraError("There is no order to write.", repair="Give at least one.")
    written: list[str] = []
    rows: list[Problem] = []
    for order in orders:
        if order.collects:
            raise ElectraError("An MT103 carries no collections.", repair="Write them as pain.008.")
        problems = Problems(order.message_id)
        written.extend(_message(order, number, problems) for number in range(len(order.transactions)))
        rows.extend(problems.rows())
    return "".join(written).encode("ascii"), tuple(rows)


def _message(order: Order, number: int, problems: Problems) -> str:
    def told(tag: str, rule: str, text: str) -> None:
        problems.warn_once(tag, rule, text, "Choose pain.001 where this must be carried.")

    each = order.transactions[number]
    tell_losses(each, told)
    tell_services(order, told)
    reference = order.message_id
    if len(order.transactions) > 1:
        reference = each.instruction_id or f"{order.message_id[:10].rstrip('/')}-{number + 1}"
        told("20", "order", "Every payment becomes a message of its own; that they are one order is not carried.")
    elif each.instruction_id:
        told("20", "instruction", "The instruction's id is not carried.")
    if order.initiator or order.batch_booking is not None or order.payment_id != order.message_id:
        told("20", "order", "Initiator, batch booking and the payment's id are not carried.")
    debtor, counterparty = order.debtor, each.counterparty
    fields = [
        ("20", short_reference("20", reference)),
        ("23B", "CRED"),
        *instructions(order),
        ("32A", f"{order.execution_date:%y%m%d}{write_money(each.amount)}"),
        write_party("50", "K", debtor, told),
        ("52A", mt_letters.checked("52A", debtor.bic, 11)),
        ("57A", mt_letters.checked("57A", counterparty.bic, 11)),
        write_party("59", "", counterparty, told),
        ("70", write_remittance(each, mt_letters.checked("70", own_reference(each), 35), told)),
        ("71A", write_charges(order.charge_bearer, told)),
    ]
    return mt_letters.message_text(fields) + "-\r\n"
