"""Statements in another format: which names mean which writer, and what a writer needs that a statement does not say.

What may live here: names, endings and defaults drawn from the statements. How a format is written is in its own file;
what it could not carry is told by ``carried``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from electra_kernel.formats import (
    abo,
    bai2,
    camt052,
    camt053,
    camt054,
    camt086,
    cfonb120,
    cfonb240,
    coda,
    mt900,
    mt940,
    norma43,
    ofx,
    qif,
)
from electra_kernel.statements.billing import BillingStatement
from electra_kernel.statements.model import Statement

_Statements = Sequence[Statement]
_Writer = Callable[[_Statements, datetime], bytes]
_SWIFT = ("mt940", "mt941", "mt942", "mt950")
_CAMT = {"camt.052": camt052, "camt.053": camt053, "camt.054": camt054}
#: Endings and other names by which people ask for a format.
OTHER_NAMES: Mapping[str, str] = {
    "xml": "camt.053",
    "sta": "mt940",
    "940": "mt940",
    "942": "mt942",
    **dict.fromkeys(("900", "910", "mt910"), "mt900"),
    "qfx": "ofx",
    "qbo": "ofx",
    "cod": "coda",
    "bc2": "coda",
    "cfonb": "cfonb120",
    "cfo": "cfonb120",
    "afb": "cfonb120",
    "n43": "norma43",
    "q43": "norma43",
    "gpc": "abo",
    "bai": "bai2",
}
_LONGEST_ID = 35


def written_statements(statements: _Statements, wanted: str, now: datetime) -> bytes | None:
    """Statements in the format of a name, as ``written_and_told``, which tells more."""
    found = written_and_told(statements, wanted, now)
    return None if found is None else found[0]


def written_and_told(statements: _Statements, wanted: str, now: datetime) -> tuple[bytes, tuple[str, ...]] | None:
    """Statements in the format of a name, and what its writer left out beside the ledger's columns.

    ``None`` where no statement is written so.

    Args:
        statements: at least one.
        wanted: a format's short name, an ending, or a camt message with its version.
        now: the file's making, where the statements say nothing of theirs.

    Raises:
        ElectraError: something that the format needs is missing or does not fit.
    """
    name = OTHER_NAMES.get(wanted.lower(), wanted.lower())
    named = [_named(statement, number) for number, statement in enumerate(statements, 1)]
    created = next((each.created for each in statements if each.created), now)
    family = _CAMT.get(name[:8])
    if family is not None and (name == name[:8] or name in family.VERSIONS):
        version = {} if name == name[:8] else {"version": name}
        if name.startswith("camt.054"):
            named = [replace(each, balances=()) for each in named]  # a notification has none
        message: bytes = family.write(named, message_id=named[0].identification[:35], created=created, **version)
        return message, ()
    if name in _SWIFT:
        data, told = mt940.write_told(named, kind=name.removeprefix("mt"))
        return data, tuple(dict.fromkeys(problem.text.removesuffix(".") for problem in told))
    writer = _WRITERS.get(name)
    return None if writer is None else (writer(statements, created), ())


def written_bills(bills: Sequence[BillingStatement], wanted: str, now: datetime) -> bytes | None:
    """Bills in the format of a name; ``None`` where no bill is written so.

    Args:
        bills: at least one.
        wanted: ``camt.086``, the same with its version, or ``xml``.
        now: the making of bills that say nothing of theirs.

    Raises:
        ElectraError: something that the format needs is missing or does not fit.
    """
    name = wanted.lower()
    if name not in ("camt.086", "xml", *camt086.VERSIONS):
        return None
    version = {"version": name} if name in camt086.VERSIONS else {}
    return camt086.write(bills, message_id=bills[0].identification[:_LONGEST_ID], created=now, **version)


def _named(statement: Statement, number: int) -> Statement:
    """A statement that has an identification: its account's end and its last day where the bank gave none."""
    if statement.identification:
        return statement
    day = statement.to_date or next((entry.booking_date for entry in reversed(statement.entries)), None)
    made = f"{statement.account[-16:] or 'ACCOUNT'}-{day:%Y%m%d}" if day else f"{statement.account[-16:]}-{number}"
    return replace(statement, identification=made[:_LONGEST_ID])


def _bai2(statements: _Statements, created: datetime) -> bytes:
    bank = statements[0].bank_bic or "BANK"
    return bai2.write(statements, sender=bank, receiver=statements[0].owner or "CUSTOMER", created=created)


_WRITERS: Mapping[str, _Writer] = {
    "mt900": lambda found, _: mt900.write(found),
    "ofx": lambda found, created: ofx.write(found, created=created),
    "qif": lambda found, _: qif.write(found),
    "coda": lambda found, created: coda.write(found, created=created.date()),
    "cfonb120": lambda found, _: cfonb120.write(found),
    "cfonb240": lambda found, _: cfonb240.write(found),
    "norma43": lambda found, _: norma43.write(found),
    "abo": lambda found, _: abo.write(found),
    "bai2": _bai2,
}
#: Every name that ``written_statements`` knows, apart from versions of camt messages.
WRITTEN = (*_CAMT, *_SWIFT, *_WRITERS)
