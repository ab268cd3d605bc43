"""``electra convert`` and ``check``: files in the shell, without a workbench."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from electra_kernel import formats
from electra_kernel.cli.tables import say, show_problems, tell_problems
from electra_kernel.formats import clearing, profiles
from electra_kernel.formats.base import Format, Reading
from electra_kernel.formats.conversion_orders import Missing, orders_of
from electra_kernel.formats.places import place_in, places
from electra_kernel.formats.profiles import Profile
from electra_kernel.orders.kinds import KINDS, kind_for
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.orders.rulebooks import NATIONAL, check
from electra_kernel.statements.billing import beside_table, billing_table
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.accounts import parse_account
from electra_kernel.vocabulary.dates import BusinessCalendar, system_clock
from electra_kernel.vocabulary.errors import ElectraError, Problem, UnreadableFile
from electra_kernel.vocabulary.parties import Party
from electra_kernel.workbench.containers import only_file
from electra_kernel.workbench.files import keep_sources, read_file, table_bytes, write_file
from electra_kernel.workbench.ownformats import load_profile, own_formats, own_profiles

#: A folder that is none: no formats of one's own.
_NONE = Path(os.devnull)
_NOTHING_MISSING = Missing()
#: Rules about what a sheet of payments does not say and whoever makes an order of it does.
_SAID_LATER = frozenset({"debtor-account", "debtor-name", "debtor-address", "business-day"})


def _own(profile: Path | None, workbench: Path) -> tuple[Format, ...]:
    """The formats that count before all others: the one profile given, whatever the file looks like, or the folder's."""
    if profile is not None:
        return (replace(profiles.as_format(load_profile(profile)), detect=lambda data: True),)
    return own_formats(workbench)


def missing_of(debtor: str, name: str, identification: str, day: datetime | None) -> Missing:
    """What the options of ``electra convert`` say for a file of payments that does not say it.

    Raises:
        AccountError: ``debtor`` is no account.
    """
    account = debtor if clearing.parted(debtor) or not debtor else parse_account(debtor)
    own = Party(name=name, account=account, identification=identification)
    return Missing(own=own, execution_date=day.date() if day else None)


def convert_file(
    source: Path,
    target: Path,
    to: str,
    profile: Path | None = None,
    workbench: Path = _NONE,
    missing: Missing = _NOTHING_MISSING,
) -> None:
    """Read one file and write what it says in another format, or its entries as a table.

    Args:
        source, target: the two files.
        to: the format to write; the target's ending where empty.
        profile: the format of the target where ``to`` is its name (and of a source that looks so), else of the source.
        workbench: the folder whose own formats count.
        missing: the debtor and the date, where a file of payments does not say them.

    Raises:
        ElectraError: the file's content has no place in the wanted format; says what has. Or the target is the source.
    """
    keep_sources([source], target)
    data, name = _opened(source)
    wanted = to or target.suffix.lower().lstrip(".")
    given = load_profile(profile) if profile else None
    known = [*profiles.shipped(), *own_profiles(workbench), *([given] if given else [])]
    written = next((each for each in reversed(known) if each.name == wanted), None)
    if given is not None and written is given:
        first: tuple[Format, ...] = (profiles.as_format(given), *own_formats(workbench))
    else:
        first = _own(profile, workbench)
    reading = _read(data, name, first)
    if written is not None:
        out = _by_profile(reading, written, missing)
        left = formats.lost(reading, profiles.as_format(written).read(out, "written"))
    elif reading.statements and wanted in ("csv", "xlsx", "parquet", "json"):
        out = table_bytes(tables_of(reading.statements, hashlib.sha256(data).hexdigest()).entries, wanted)
        left = formats.lost(reading, formats.read(out, "written"))
    elif reading.billing and wanted in ("csv", "xlsx", "parquet", "json"):
        out = table_bytes(billing_table(reading.billing, hashlib.sha256(data).hexdigest()), wanted)
        left = beside_table(reading.billing)
    else:
        own, day = missing.own, missing.execution_date
        out, left = formats.convert(reading, wanted, now=system_clock(), debtor=own, execution_date=day)
    write_file(out, target)
    if wanted.startswith("camt.055"):
        order = reading.orders[0].message_id
        say(f"The request calls back all of {order}; as it is the customer's wish, its reason is CUST.")
    for line in left:
        say(f"Not carried over: {line}.")
    tell_problems(reading.problems, _places(reading.problems, data))
    say(f"{target} written")


def _by_profile(reading: Reading, profile: Profile, missing: Missing) -> bytes:
    """What a file says, written by a profile."""
    if profile.kind == "statement":
        if not reading.statements:
            raise ElectraError(
                f"A {reading.format} cannot be written as {profile.name}, which is a format of statements.",
                repair="Choose a file of statements, or a format of payments.",
            )
        return profiles.write(reading.statements, profile)
    return profiles.write(orders_of(reading, system_clock(), missing), profile)


def check_file(file: Path, rules: str, profile: Path | None = None, workbench: Path = _NONE) -> int:
    """Show every problem of a payment file; 1 where there are errors. ``profile`` and ``workbench`` as in ``convert_file``."""
    data, name = _opened(file)
    reading = _read(data, name, _own(profile, workbench))
    problems = [*reading.problems, *_rule_problems(reading, rules, name)]
    show_problems(problems, file=name, place=_places(problems, data).__getitem__)
    return 1 if any(problem.severity == "error" for problem in problems) else 0


def _read(data: bytes, name: str, own: Sequence[Format]) -> Reading:
    """Read a file; where nothing can be used, that is all there is to say: no file was archived and no order was lost."""
    try:
        return formats.read(data, name, own)
    except UnreadableFile as error:
        raise _refused(error.problem, name, data) from error


def _opened(file: Path) -> tuple[bytes, str]:
    """A file's bytes and name, or those of the only file in a container."""
    data = read_file(file)
    try:
        return only_file(data, file.name)
    except UnreadableFile as error:
        raise _refused(error.problem, file.name, data) from error


def _refused(problem: Problem, name: str, data: bytes) -> ElectraError:
    where = name if problem.position is None else f"{name}, {place_in(data, problem.position)}"
    return ElectraError(problem.text, cause=f"rule {problem.rule}.", repair=problem.repair, where=where)


def _places(problems: Sequence[Problem], data: bytes) -> dict[int, str]:
    """Where problems stand in the file, in words, by their positions."""
    return places({problem.position for problem in problems if problem.position is not None}, [data])


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


def _as_order(transactions: Sequence[Transaction], today: date) -> Order:
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
