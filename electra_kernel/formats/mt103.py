"""Customer credit transfers, SWIFT MT103: read into orders of one payment each, written. FIN, MT103.

The amount is the one of field 32A, which is settled; where field 33B names another, that is told. The sender's
reference (20) is the message's id; the customer's reference is the ``/ROC/`` of field 70.

What an MT103 cannot carry is what an MT101 cannot carry; ``write_told`` says what of that it met.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from electra_kernel.formats import mt
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.mt_orders import (
    CHARGES,
    kind_of_order,
    midnight,
    money_of,
    not_kept,
    own_reference,
    read_remittance,
    short_reference,
    tell_losses,
    write_charges,
    write_money,
    write_remittance,
)
from electra_kernel.formats.mt_parties import read_party, write_party
from electra_kernel.orders.model import NOBODY, NOT_PROVIDED, Order, Transaction
from electra_kernel.vocabulary.errors import ElectraError, Problem
from electra_kernel.vocabulary.parties import Party

_DATED = re.compile(r"([0-9]{6})([A-Z]{3}[0-9., ]+)")


def detect(data: bytes) -> bool:
    """Whether the bytes are customer credit transfers (MT103)."""
    return mt.kind_of(data) == "103"


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
        kind = message.kind or mt.kind_by_tags(found.tags(message.first, message.stop))
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


def _order(found: mt.Fields, message: mt.Message, problems: Problems) -> Order | None:
    values: dict[str, tuple[str, int]] = {}
    for number in range(message.first, message.stop):
        tag, line = found.tag(number), int(found.lines[number])
        if tag in values:
            not_kept(problems, line, tag, found.value(number))
        else:
            values[tag] = (found.value(number), line)
    line = int(found.lines[message.first])
    written = values.pop("32A", ("", 0))[0]
    match = _DATED.fullmatch(written)
    day, money = (mt.day_of(match[1]), money_of(match[2])) if match else (None, None)
    reference = values.pop("20", ("", 0))[0]
    if day is None or money is None:
        problems.error(
            line,
            "32A",
            "amount",
            f"Transfer {reference} is left out: {written[:40]!r} is no date with an amount above nothing.",
            "Correct the file, or ask its maker.",
        )
        return None
    parties = _parties(values, problems)
    remittance, customer_reference = read_remittance(values.pop("70", ("", 0))[0])
    charges = CHARGES.get(values.pop("71A", ("", 0))[0], "")
    if "33B" in values and money_of(values["33B"][0]) == money:
        del values["33B"]
    for tag, (value, at) in values.items():
        if tag == "72" and value.startswith("/RETN/"):
            problems.warn(
                at, tag, "return", f"Transfer {reference} returns an earlier one: {value[:60]!r}.", "Do not pay it."
            )
        elif tag != "23B":
            not_kept(problems, at, tag, value)
    debtor, counterparty = parties
    if counterparty == NOBODY:
        problems.error(line, "59", "missing", f"Transfer {reference} names no beneficiary.", "Ask its maker.")
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
        created=midnight(day),
        transactions=(transaction,),
        charge_bearer=charges,
    )


def _parties(values: dict[str, tuple[str, int]], problems: Problems) -> tuple[Party, Party]:
    """Who pays (50a) and who is paid (59a), each with its bank (52A, 57A); what is used is taken out of ``values``."""
    found = []
    for group, bank in (("50", "52A"), ("59", "57A")):
        tag = next((each for each in values if each[:2] == group), "")
        value, line = values.pop(tag, ("", 0))
        party, left = read_party(value)
        for text in left:
            not_kept(problems, line, tag, text)
        if not party.bic and bank in values:
            party = replace(party, bic=read_party(values.pop(bank)[0])[0].bic)
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
        ("32A", f"{order.execution_date:%y%m%d}{write_money(each.amount)}"),
        write_party("50", "K", debtor, told),
        ("52A", mt.checked("52A", debtor.bic, 11)),
        ("57A", mt.checked("57A", counterparty.bic, 11)),
        write_party("59", "", counterparty, told),
        ("70", write_remittance(each, mt.checked("70", own_reference(each), 35), told)),
        ("71A", write_charges(order.charge_bearer, told)),
    ]
    return mt.message_text(fields) + "-\r\n"
