"""``electra orders``, ``statements``, ``connections`` and ``connect``: a workbench in the shell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import typer

from electra_kernel import Workbench
from electra_kernel.cli.tables import ENTRY_COLUMNS, say, show
from electra_kernel.vocabulary.errors import ElectraError

if TYPE_CHECKING:
    from electra_kernel.workbench.connections import Connection

#: How many of the newest entries a terminal shows.
_SHOWN = 40


@contextmanager
def opened(folder: Path, *, make: bool = False) -> Iterator[Workbench]:
    """The workbench in a folder, closed again at the end; without ``make`` it must be there already."""
    if not make and not (folder / "electra.toml").exists():
        raise ElectraError(
            "There is no workbench here.", where=str(folder), repair="Name its folder with --workbench DIR."
        )
    workbench = Workbench.open(folder)
    try:
        yield workbench
    finally:
        workbench.close()


def show_orders(folder: Path) -> None:
    """All orders as a table."""
    with opened(folder) as workbench:
        show(workbench.orders.table(), title="Orders", empty="No orders yet.")


def show_statements(folder: Path, since: str | None, *, fetch: bool, connection: str | None = None) -> None:
    """The newest entries and the position, after fetching where wished."""
    with opened(folder) as workbench:
        if fetch:
            fetched = workbench.statements.fetch(connection=connection).drop(columns="source")
            show(fetched, title="Fetched", empty="Nothing new at the bank.")
        entries = workbench.statements.entries(since=since)
        shown = entries[[name for name in ENTRY_COLUMNS if name != "counterparty_account"]]
        show(shown.tail(_SHOWN), title=f"Newest of {len(entries)} entries", empty="No entries yet.")
        columns = ["account", "currency", "as_of", "book_balance", "value_balance"]
        show(workbench.position()[columns], title="Position", empty="No balances yet.")


def show_connections(folder: Path, name: str | None = None, *, info: bool = False, fetch: bool = False) -> None:
    """All connections with their next steps; with ``info`` what a bank has on file for its user."""
    from electra_kernel.workbench.standing import SHELL
    from electra_kernel.workbench.versions import named

    with opened(folder) as workbench:
        if info or fetch:
            _show_access(workbench.connections.default(name), refresh=fetch)
            return
        lines = [workbench.connections[name]] if name else list(workbench.connections.values())
        rows = [
            (
                line.name,
                line.record.url,
                line.record.partner,
                line.record.user,
                named(line.record.protocol),
                line.state,
                line.step_for(SHELL),
            )
            for line in lines
        ]
        show(
            pd.DataFrame(rows, columns=["name", "address", "customer", "user", "EBICS", "state", "next step"]),
            empty="No connections yet: run electra connect.",
        )


def _show_access(line: Connection, *, refresh: bool) -> None:
    access = line.info(refresh=refresh)
    for name, value in access.about():
        say(f"{name}: {value}")
    show(access.accounts_table(), title="Accounts", empty="The bank names no accounts.")
    show(access.rights_table(), title="Rights", empty="The bank names no rights.")


def key_files(signature: Path | None, authentication: Path | None, encryption: Path | None) -> dict[str, Path] | None:
    """Key files by use, of those that were named; ``None`` where none was."""
    named = {"signature": signature, "authentication": authentication, "encryption": encryption}
    return {use: path for use, path in named.items() if path} or None


def say_next(line: Connection) -> None:
    """Where the letter is, and what to do next."""
    from electra_kernel.workbench.standing import SHELL

    step = line.step_for(SHELL)
    if line.letter_file.exists():
        say(f"Letter: {line.letter_file}")
    say(f"Next: {step}" if step else f"The connection {line.name} is ready.")


def remove_connection(folder: Path, name: str, *, erase_keys: bool, yes: bool) -> None:
    """Take a connection out of the workbench, after asking."""
    with opened(folder) as workbench:
        record = workbench.connections[name].record
        what = f"the connection {name} ({record.user} of {record.partner} at {record.url})"
        what += " and erase its keys for good" if erase_keys else ""
        if not (yes or typer.confirm(f"Remove {what}?")):
            say("Nothing was done.")
            return
        say(workbench.connections.remove(name, erase_keys=erase_keys))


def connect_bank(
    folder: Path,
    url: str,
    *,
    host: str,
    partner: str,
    user: str,
    name: str | None = None,
    ca: Path | None,
    hashes: Mapping[str, str] | None,
    language: str = "en",
    version: str | None = None,
    certificates: bool | None = None,
    keys: Mapping[str, Path] | None = None,
    profile: Path | None = None,
) -> None:
    """Go as far with a new connection as the bank lets us, and say what comes next."""
    from electra_kernel.workbench.versions import named

    with opened(folder, make=True) as workbench:
        connection = workbench.connect(
            url,
            host=host,
            partner=partner,
            user=user,
            name=name,
            ca=ca,
            version=version,
            certificates=certificates,
            profile=profile,
        )
        files = None if connection.record.certificates else keys
        connection.initialise(hashes, language=language, keys=files)
        say(f"EBICS: {named(connection.record.protocol)}")
        if hashes and not connection.ready:
            say("The bank has not activated you yet, so its keys could not be compared.")
        say_next(connection)
