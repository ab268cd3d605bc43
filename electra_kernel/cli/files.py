"""``electra convert`` and ``check``: files in the shell, without a workbench."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

from electra_kernel import formats
from electra_kernel.cli.tables import say, show_problems
from electra_kernel.formats import (
    camt055,
    cfonb160,
    dtaus,
    giro,
    mt101,
    mt103,
    mt940,
    pain001,
    pain008,
    payments,
    profiles,
)
from electra_kernel.formats.base import Format, Reading
from electra_kernel.formats.carried import not_carried
from electra_kernel.formats.conversion import written_statements
from electra_kernel.formats.profiles import Profile
from electra_kernel.orders.cancellation import cancellation_of
from electra_kernel.orders.kinds import KINDS, kind_for
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.orders.rulebooks import NATIONAL, check
from electra_kernel.orders.status import StatusReason
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.dates import BusinessCalendar, system_clock
from electra_kernel.vocabulary.errors import ElectraError, Problem
from electra_kernel.vocabulary.parties import Party
from electra_kernel.workbench.files import read_file, table_bytes, write_file
from electra_kernel.workbench.ownformats import load_profile, own_formats, own_profiles

#: A folder that is none: no formats of one's own.
_NONE = Path(os.devnull)
#: Rules about what a sheet of payments does not say and whoever makes an order of it does.
_SAID_LATER = frozenset({"debtor-account", "debtor-name", "debtor-address", "business-day"})


def _own(profile: Path | None, workbench: Path) -> tuple[Format, ...]:
    """The formats that count before all others: the one profile given, whatever the file looks like, or the folder's."""
    if profile is not None:
        return (replace(profiles.as_format(load_profile(profile)), detect=lambda data: True),)
    return own_formats(workbench)


def convert_file(source: Path, target: Path, to: str, profile: Path | None = None, workbench: Path = _NONE) -> None:
    """Read one file and write what it says in another format, or its entries as a table.

    Args:
        source, target: the two files.
        to: the format to write; the target's ending where empty.
        profile: the format of the target where ``to`` is its name, else of the source.
        workbench: the folder whose own formats count.

    Raises:
        ElectraError: the file's content has no place in the wanted format; says what has.
    """
    data = read_file(source)
    wanted = to or target.suffix.lower().lstrip(".")
    known = [*profiles.shipped(), *own_profiles(workbench), *([load_profile(profile)] if profile else [])]
    written = next((each for each in known if each.name == wanted), None)
    own = _own(None if written else profile, workbench)
    reading = formats.read(data, source.name, own)
    back: Format | None = None
    if written is not None:
        out, back = _by_profile(reading, written), profiles.as_format(written)
    elif reading.statements and wanted in ("csv", "xlsx", "parquet", "json"):
        out = table_bytes(tables_of(reading.statements, hashlib.sha256(data).hexdigest()).entries, wanted)
    else:
        out = _converted(reading, wanted, source.name)
    lost = _not_carried(reading, out, back)
    write_file(out, target)
    for line in lost:
        say(f"Not carried over: {line}.")
    for problem in reading.problems:
        print(problem, file=sys.stderr)  # noqa: T201 - the command line's own voice
    say(f"{target} written")


def _not_carried(reading: Reading, out: bytes, back: Format | None) -> tuple[str, ...]:
    """What is missing in the bytes that were made, told by reading them back; nothing for what is no statement or order."""
    again = back.read(out, "written") if back else formats.read(out, "written")
    if again.cancellations:
        return ()
    return not_carried(reading, again)


def _by_profile(reading: Reading, profile: Profile) -> bytes:
    """What a file says, written by a profile."""
    return profiles.write(reading.statements if profile.kind == "statement" else reading.orders, profile)


def _order_converted(reading: Reading, wanted: str, source: str) -> bytes | None:
    """Orders as the message that is wanted; ``None`` where it is none of those that carry an order."""
    if not reading.orders or wanted not in (*pain001.VERSIONS, *pain008.VERSIONS, *camt055.VERSIONS):
        return None
    if len(reading.orders) > 1:
        text = f"The file holds {len(reading.orders)} orders; one {wanted} carries one."
        raise ElectraError(text, where=source, repair="Read them with wb.orders.read_all(…) and write each.")
    order = reading.orders[0]
    if wanted in camt055.VERSIONS:
        request = cancellation_of(
            order,
            message_id=f"CXL{order.message_id}"[:35],
            created=system_clock().replace(microsecond=0),
            original_format=reading.format,
            reason=StatusReason(code="CUST"),
        )
        say(f"The request calls back all of {order.message_id}; as it is the customer's wish, its reason is CUST.")
        return camt055.write(request, version=wanted)
    if wanted in pain001.VERSIONS:
        return pain001.write(order, version=wanted)
    return pain008.write(order, version=wanted)


#: Endings of files that mean a SWIFT message.
_SWIFT = {"sta": "mt940", "940": "mt940", "942": "mt942", "101": "mt101", "103": "mt103"}


def _swift_converted(reading: Reading, wanted: str) -> bytes | None:
    """Statements or orders as SWIFT messages, saying what these cannot carry; ``None`` where none is wanted."""
    wanted = _SWIFT.get(wanted, wanted)
    if reading.statements and wanted in ("mt940", "mt941", "mt942", "mt950"):
        data, told = mt940.write_told(reading.statements, kind=wanted[2:])
    elif reading.orders and wanted in ("mt101", "mt103"):
        data, told = (mt101 if wanted == "mt101" else mt103).write_told(reading.orders)
    else:
        return None
    for text in dict.fromkeys(problem.text for problem in told):
        say(f"Not carried over: {text}")
    return data


def _domestic_converted(reading: Reading, wanted: str) -> bytes | None:
    """Orders in a country's own format; ``None`` where none is wanted."""
    if not reading.orders:
        return None
    if wanted.upper() in giro.MESSAGES:
        return giro.write(reading.orders, message=wanted.upper())
    if wanted.lower() == "dtaus":
        return dtaus.write(reading.orders)
    return cfonb160.write(reading.orders) if wanted.lower() == "cfonb160" else None


def _converted(reading: Reading, wanted: str, source: str) -> bytes:
    if written := _order_converted(reading, wanted, source) or _swift_converted(reading, wanted):
        return written
    if any(order.collects for order in reading.orders) and wanted in ("csv", "xlsx"):
        text = "A sheet of payments cannot say that they are collections."
        raise ElectraError(text, where=source, repair="Make a table of them with electra read … --out.")
    payments_of = reading.transactions or tuple(item for order in reading.orders for item in order.transactions)
    if payments_of and wanted in ("csv", "xlsx"):
        if reading.orders:
            say("Not carried over: the debtor, the execution date and the message's ids.")
        return payments.write_csv(payments_of) if wanted == "csv" else payments.write_xlsx(payments_of)
    if (domestic := _domestic_converted(reading, wanted)) is not None:
        return domestic
    written_so = written_statements(reading.statements, wanted, system_clock()) if reading.statements else None
    if written_so is not None:
        return written_so
    raise ElectraError(
        f"A {reading.format} cannot become {wanted or 'a file without an ending'}.",
        where=source,
        repair="Orders become pain.001, pain.008, camt.055, mt101, mt103, dtaus, cfonb160, csv or xlsx; statements camt.052, camt.053, camt.054, mt940, mt942, csv, "
        "xlsx, parquet or json. "
        "Payments without a debtor become an order with wb.orders.read(…).",
    )


def check_file(file: Path, rules: str, profile: Path | None = None, workbench: Path = _NONE) -> int:
    """Show every problem of a payment file; 1 where there are errors. ``profile`` and ``workbench`` as in ``convert_file``."""
    reading = formats.read(read_file(file), file.name, _own(profile, workbench))
    problems = [*reading.problems, *_rule_problems(reading, rules, file.name)]
    show_problems(problems, file=file.name)
    return 1 if any(problem.severity == "error" for problem in problems) else 0


def _rule_problems(reading: Reading, rules: str, source: str) -> list[Problem]:
    if rules and rules not in KINDS and rules not in NATIONAL:
        raise ElectraError(f"{rules!r} is no set of rules.", repair=f"Choose one of: {', '.join((*KINDS, *NATIONAL))}.")
    kind, national = (rules, "") if rules in KINDS else ("", rules)
    today: date = system_clock().astimezone().date()
    orders, unsaid = list(reading.orders), frozenset[str]()
    if reading.transactions:
        orders, unsaid = [_as_order(reading.transactions, today)], _SAID_LATER
    found: list[Problem] = []
    for order in orders:
        judged = replace(order, kind=kind or order.kind)
        calendar = BusinessCalendar(KINDS[judged.kind].calendar)
        found += check(judged, today=today, calendar=calendar, source=source, national=national)
    return [problem for problem in found if problem.rule not in unsaid]


def _as_order(transactions: tuple[Transaction, ...], today: date) -> Order:
    """Payments without a debtor, as the order they may become."""
    kind = kind_for(transactions[0].amount.currency, "", transactions[0].counterparty.account[:2])
    return Order(
        message_id="CHECK",
        payment_id="CHECK",
        kind=kind.code,
        debtor=Party(name=""),
        execution_date=today,
        created=system_clock(),
        transactions=transactions,
    )
