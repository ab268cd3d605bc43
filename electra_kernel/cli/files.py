"""``electra read``, ``convert`` and ``check``: files in the shell, without a workbench."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from tqdm.auto import tqdm

from electra_kernel import formats
from electra_kernel.cli.notices import notices
from electra_kernel.cli.tables import ENTRY_COLUMNS, say, show, show_problems
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
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.orders.rulebooks import NATIONAL, check
from electra_kernel.orders.status import StatusReason
from electra_kernel.statements.billing import billing_rows
from electra_kernel.statements.columns import ENTRIES
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.dates import BusinessCalendar, system_clock
from electra_kernel.vocabulary.errors import ElectraError, Problem, UnreadableFile
from electra_kernel.vocabulary.parties import Party
from electra_kernel.workbench.files import FileNotReadable, frame_of, read_file, table_bytes, write_file, write_table
from electra_kernel.workbench.large import large_format, write_large
from electra_kernel.workbench.ownformats import load_profile, own_formats, own_profiles
from electra_kernel.workbench.statements import SHOWN_FROM, Imported, import_frame, unopened, visible_files

#: A folder that is none: no formats of one's own.
_NONE = Path(os.devnull)
#: Rules about what a sheet of payments does not say and whoever makes an order of it does.
_SAID_LATER = frozenset({"debtor-account", "debtor-name", "debtor-address", "business-day"})


def read_files(files: Sequence[Path], out: Path | None, profile: Path | None = None, workbench: Path = _NONE) -> int:
    """Read statements and payments into one table and show or write it; 1 where a file could not be read.

    Args:
        files: what to read; of folders, every file that is not hidden.
        out: where to; shown where not given.
        profile: the format of all of them; told from the content where not given.
        workbench: the folder whose own formats count.
    """
    read, problems = list[pa.Table](), list[Problem]()
    own = _own(profile, workbench)
    if not own and len(files) == 1 and out is not None and out.suffix.lower() in (".parquet", ".csv"):
        large = large_format(files[0])
        if large is not None:
            return _read_large(files[0], large, out)
    several = [each for file in files for each in (visible_files(file) if file.is_dir() else [file])]
    done = list[Imported]()
    for file in tqdm(several, disable=None if len(several) >= SHOWN_FROM else True):
        try:
            table, found, name = _as_table(read_file(file), file.name, own)
        except (UnreadableFile, FileNotReadable) as error:
            if isinstance(error, FileNotReadable) and not any(each.is_dir() for each in files):
                raise
            told = error.problem if isinstance(error, UnreadableFile) else unopened(file.name, error)
            problems.append(told)
            done.append(Imported("", file.name, 0, 0, False, (told,)))
            continue
        read.append(table)
        problems += found
        done.append(Imported("", file.name, table.num_rows, 0, False, tuple(found), name))
    rows = pa.concat_tables(read) if read else ENTRIES.empty_table()
    if out is None:
        show(frame_of(rows.select(ENTRY_COLUMNS)).dropna(axis="columns", how="all"), empty="No entries.")
    else:
        write_table(rows, out)
        say(f"{rows.num_rows} rows in {out}")
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 - the command line's own voice
    if len(several) > 1:
        show(import_frame(done)[["name", "format", "outcome", "entries", "problems", "reason"]], title="Files")
    return 1 if any(problem.severity == "error" for problem in problems) else 0


def _read_large(file: Path, found: Format, out: Path) -> int:
    """A file that is too large for memory, straight to its table."""
    with file.open("rb") as bytes_of:
        sha = hashlib.file_digest(bytes_of, "sha256").hexdigest()
    rest = write_large(file, found, sha, out)
    say(f"{pc.sum(rest.statements['entries']).as_py()} rows in {out}")
    problems = [Problem(**{**row, "source": file.name}) for row in rest.problems.to_pylist()]
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 - the command line's own voice
    return 1 if any(problem.severity == "error" for problem in problems) else 0


def _own(profile: Path | None, workbench: Path) -> tuple[Format, ...]:
    """The formats that count before all others: the one profile given, whatever the file looks like, or the folder's."""
    if profile is not None:
        return (replace(profiles.as_format(load_profile(profile)), detect=lambda data: True),)
    return own_formats(workbench)


def _as_table(data: bytes, name: str, own: Sequence[Format]) -> tuple[pa.Table, list[Problem], str]:
    """A file's entries, or its payments as the entries they will become, in the ledger's columns; problems; format."""
    sha = hashlib.sha256(data).hexdigest()
    try:
        known = formats.detect(data, sha, own)
        tables = formats.tables_by(known, data, sha)
        told = [Problem(**{**row, "source": name}) for row in tables.problems.to_pylist()]
        return tables.entries, told, known.name
    except UnreadableFile as error:
        if error.problem.rule != formats.NO_STATEMENTS:
            raise UnreadableFile(replace(error.problem, source=name)) from error
    reading = known.read(data, name)
    for line in notices(reading):
        say(line)
    rows = [_payment_row(item, sha, None) for item in reading.transactions]
    rows += [_payment_row(item, sha, order) for order in reading.orders for item in order.transactions]
    rows += billing_rows(reading.billing, sha)
    filled = [{field: row.get(field) for field in ENTRIES.names} for row in rows]
    return pa.Table.from_pylist(filled, schema=ENTRIES), list(reading.problems), known.name


def _payment_row(item: Transaction, sha: str, order: Order | None) -> dict[str, object]:
    party, mandate, collects = item.counterparty, item.mandate, order is not None and order.collects
    given = {
        "account": order.own.account if order else None,
        "currency": item.amount.currency,
        "value_date": order.execution_date if order else None,
        "status": "INFO",
        "amount": item.amount.amount if collects else -item.amount.amount,
        "counterparty_name": party.name,
        "counterparty_account": party.account,
        "counterparty_bic": party.bic,
        "counterparty_address": str(party.address),
        "remittance": item.remittance,
        "structured_reference": item.structured_reference,
        "end_to_end_id": "" if item.end_to_end_id == NOT_PROVIDED else item.end_to_end_id,
        "mandate_id": mandate.identification if mandate else "",
        "creditor_id": (mandate.creditor_id if mandate else "") or (order.creditor_id if order else ""),
        "source": sha,
        "position": item.position,
    }
    return {"entry_id": f"{sha}:{item.position}"} | {name: value for name, value in given.items() if value != ""}


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
    """Show every problem of a payment file; 1 where there are errors. ``profile`` and ``workbench`` as in ``read_files``."""
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
