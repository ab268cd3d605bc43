"""Verification of payee for files: are the names those under which the accounts are held? (Regulation (EU) 2024/886)

What may live here: which services ask for the check, how names are compared, and the report (pain.002) that tells the
result. That the order waits until it is released or cancelled is the business of ``desk`` and ``waiting``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, select

from electra_kernel.bank import orderdata
from electra_kernel.bank.database import (
    accounts,
    counterparties,
    documents,
    get_fact,
    next_number,
    open_checks,
    orders,
)
from electra_kernel.bank.reports import MESSAGE, Protocol, Subject, record, service_of
from electra_kernel.bank.seed import SLOW_PAYEES
from electra_kernel.ebics.btf import Service
from electra_kernel.formats import pain001, pain002
from electra_kernel.orders.model import Order
from electra_kernel.orders.status import PaymentStatus, StatusReason, StatusReport, TransactionStatus

#: Service options of the order whose names are checked, and of the report.
CHECKED, RESULT = "VOI", "VOP"
#: By admin type, service, message and container: the option that comes with a right to it.
_OFFERED = {
    ("BTU", "SCT", "pain.001", ""): CHECKED,
    ("BTU", "SCI", "pain.001", ""): CHECKED,
    ("BTD", "REP", MESSAGE, "ZIP"): RESULT,
}
_DESCRIPTIONS = {CHECKED: "names of payees checked", RESULT: "results of checked names"}
_VERSION = pain002.VERSIONS[-1]
#: From which likeness on (1 is equal) a name is a close match.
_CLOSE = 0.85
_FORMS = frozenset(
    {
        "ag",
        "as",
        "bt",
        "bv",
        "ev",
        "gmbh",
        "inc",
        "kft",
        "kg",
        "kkt",
        "llc",
        "limited",
        "ltd",
        "nv",
        "nyrt",
        "ohg",
        "plc",
    }
    | {"rt", "sa", "sarl", "sas", "spa", "srl", "sro", "ug", "zrt"}
)
_TITLES = frozenset({"dr", "mr", "mrs", "ms", "prof"})
_SILENT, _NOT_WORD = re.compile(r"[.'’]"), re.compile(r"[\W_]+")


class Match(StrEnum):
    """What the check of one name found (ISO 20022 ExternalPaymentTransactionStatus1Code)."""

    MATCH = "RCVC"
    CLOSE = "RVMC"
    NONE = "RVNM"
    NOT_POSSIBLE = "RVNA"
    PENDING = "PDNG"


# ---------------------------------------------------------------------------------------------------- services
def offers(admin_type: str, service: Service) -> bool:
    """Whether the service is one of verification of payee that comes with the right to the plain one."""
    place = (admin_type, service.name, service.message, service.container)
    return bool(service.option) and _OFFERED.get(place) == service.option


def asks(service: Service | None) -> bool:
    """Whether an order of this service has its names checked before it is released."""
    return service is not None and service.option == CHECKED


def granted(right: Any) -> list[tuple[Service, str]]:
    """The services that a row of ``rights`` gives, each with its description; none for administrative types."""
    if not right.service:
        return []
    plain = (Service(right.service, right.message, container=right.container), right.description)
    option = _OFFERED.get((right.admin_type, right.service, right.message, right.container))
    if option is None:
        return [plain]
    service = Service(right.service, right.message, option=option, container=right.container)
    return [plain, (service, f"{right.description}, {_DESCRIPTIONS[option]}")]


def kept_as(service: Service) -> str:
    """Under which name the documents of a download service are kept: these reports apart from the other ones."""
    return f"{service.message} {RESULT}" if service.option == RESULT else service.message


# ----------------------------------------------------------------------------------------------------- matching
def compare(asked: str, held: str) -> Match:
    """Compare the name in an order with the one the account is held under.

    Case, accents, punctuation, titles, the order of words and a legal form that is left out make no difference. Another
    legal form, a few other letters, an initial, or some words more or less are a close match.
    """
    words, forms = _parts(asked)
    true_words, true_forms = _parts(held)
    if not words:
        return Match.NONE
    if words == true_words:
        return Match.CLOSE if forms and true_forms and forms != true_forms else Match.MATCH
    close = _alike(words, true_words) or _some_of(words, true_words) or _initials(words, true_words)
    return Match.CLOSE if close else Match.NONE


def _parts(name: str) -> tuple[list[str], set[str]]:
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(letter)
    )
    words = set(_NOT_WORD.sub(" ", _SILENT.sub("", plain)).split()) - _TITLES
    return sorted(words - _FORMS), words & _FORMS


def _alike(words: Sequence[str], others: Sequence[str]) -> bool:
    return SequenceMatcher(None, " ".join(words), " ".join(others), autojunk=False).ratio() >= _CLOSE


def _some_of(words: Sequence[str], others: Sequence[str]) -> bool:
    """One word alone fits too many people to be told who it is."""
    return min(len(words), len(others)) > 1 and (set(words) <= set(others) or set(others) <= set(words))


def _initials(words: Sequence[str], others: Sequence[str]) -> bool:
    whole = [word for word in words if len(word) > 1]
    letters = sorted(word for word in words if len(word) == 1)
    left = sorted(word[0] for word in others if word not in whole)
    return bool(whole) and len(words) == len(others) and set(whole) <= set(others) and letters == left


# ------------------------------------------------------------------------------------------------------- report
@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: ``words`` for the customer protocol, and whether every bank that was asked has answered."""

    words: str
    complete: bool


def check(
    connection: Connection, subject: Subject, read: Sequence[Order], *, at: datetime, slow_too: bool = False
) -> Checked:
    """Check every name of an order, and keep the report for fetching.

    Args:
        slow_too: whether the banks that answer a day later have answered.
    """
    held, known = _holders(connection), dict[tuple[str, str], Match]()
    silent = frozenset() if slow_too else SLOW_PAYEES
    told = [_verify(order, held, known, silent) for order in read]
    every = [row for rows in told for row in rows]
    number = next_number(connection, "report")
    made = StatusReport(
        message_id=f"{get_fact(connection, 'bic')}-{RESULT}-{number:08d}",
        created=at,
        original_message_id=subject.message_id,
        original_format=subject.format,
        group_status=_group(every),
        payments=tuple(
            PaymentStatus(payment_id=order.payment_id, status=_group(rows))
            for order, rows in zip(read, told, strict=True)
        ),
        transactions=tuple(every),
    )
    connection.execute(
        documents.insert().values(
            partner_id=subject.partner_id,
            message=kept_as(Service("REP", MESSAGE, option=RESULT)),
            day=at.date(),
            created=at,
            name=f"{at:%Y-%m-%d}_{MESSAGE}_{RESULT}_{number:08d}.xml",
            data=pain002.write(made, version=_VERSION),
        )
    )
    return Checked(_summary(row.status for row in every), all(row.status != Match.PENDING for row in every))


def leave_open(connection: Connection, key: int) -> None:
    """Remember that some banks have still to answer for an order."""
    connection.execute(open_checks.insert().values(order=key))


def is_open(connection: Connection, key: int) -> bool:
    """Whether some banks have still to answer for an order."""
    return connection.scalar(select(open_checks.c.order).where(open_checks.c.order == key)) is not None


def complete(connection: Connection, *, now: datetime, at: datetime) -> None:
    """The banks that had to answer have: tell the whole result of every order that still waits.

    Args:
        now: real time, for the customer protocol; at: the bank's time.
    """
    rows = connection.execute(select(*orderdata.COLUMNS).join(open_checks, open_checks.c.order == orders.c.id)).all()
    connection.execute(delete(open_checks))
    for row in rows:
        if row.state != "waiting":
            continue
        subject = Subject(partner_id=row.partner_id, message_id=row.message_id, format=row.format)
        read = pain001.read(orderdata.read(connection, row.id), row.order_id)
        checked = check(connection, subject, read.orders, at=at, slow_too=True)
        whose = Protocol(
            partner_id=row.partner_id,
            user_id=row.user_id,
            admin_type=row.admin_type,
            service=service_of(row.service),
            order_id=row.order_id,
            digest=row.digest,
        )
        record(connection, whose, "ADDITIONAL", at=now, reason="TS04", text=checked.words)


def _holders(connection: Connection) -> dict[str, str]:
    """The names this bank gets to know: of its own customers' accounts and of those at the banks it asks."""
    elsewhere = select(counterparties.c.account, counterparties.c.name)
    here = select(accounts.c.number, accounts.c.owner).where(accounts.c.partner_id.is_not(None))
    rows = [*connection.execute(elsewhere).all(), *connection.execute(here).all()]
    return {row[0]: row[1] for row in rows}


def _verify(
    order: Order, held: Mapping[str, str], known: dict[tuple[str, str], Match], silent: frozenset[str]
) -> list[TransactionStatus]:
    """The status of each payment of a block; of a close match the held name comes with it, and of no other."""
    rows = []
    for payment in order.transactions:
        name, account = payment.counterparty.name, payment.counterparty.account
        holder = held.get(account, "")
        found = known.get((name, account)) or (compare(name, holder) if holder else Match.NOT_POSSIBLE)
        found = Match.PENDING if account in silent else found
        known[name, account] = found
        rows.append(
            TransactionStatus(
                payment_id=order.payment_id,
                status=found.value,
                end_to_end_id=payment.end_to_end_id,
                instruction_id=payment.instruction_id,
                reasons=(StatusReason(text=holder),) if found is Match.CLOSE else (),
            )
        )
    return rows


def _group(rows: Sequence[TransactionStatus]) -> str:
    """``RVNC`` while answers are missing, ``RCVC`` where every name matches, else ``RVCM`` (ISO 20022
    ExternalPaymentGroupStatus1Code)."""
    if any(row.status == Match.PENDING for row in rows):
        return "RVNC"
    return "RCVC" if all(row.status == Match.MATCH for row in rows) else "RVCM"


def _summary(statuses: Iterable[str]) -> str:
    count = Counter(statuses)
    words = {
        Match.MATCH: "match",
        Match.CLOSE: "close match",
        Match.NONE: "no match",
        Match.NOT_POSSIBLE: "not possible",
        Match.PENDING: "not answered yet",
    }
    told = ", ".join(f"{count[kind.value]} {word}" for kind, word in words.items() if count[kind.value])
    return f"Names of payees checked: {told}."
