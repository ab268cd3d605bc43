"""``electra orders``, ``statements``, ``connections`` and ``connect``: a workbench in the shell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from electra_kernel import Workbench
from electra_kernel.cli.tables import ENTRY_COLUMNS, say, show
from electra_kernel.vocabulary.errors import ElectraError

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


def show_statements(folder: Path, since: str | None, *, fetch: bool) -> None:
    """The newest entries and the position, after fetching where wished."""
    with opened(folder) as workbench:
        if fetch:
            show(workbench.statements.fetch().drop(columns="source"), title="Fetched", empty="Nothing new at the bank.")
        entries = workbench.statements.entries(since=since)
        shown = entries[[name for name in ENTRY_COLUMNS if name != "counterparty_account"]]
        show(shown.tail(_SHOWN), title=f"Newest of {len(entries)} entries", empty="No entries yet.")
        columns = ["account", "currency", "as_of", "book_balance", "value_balance"]
        show(workbench.position()[columns], title="Position", empty="No balances yet.")


def show_connections(folder: Path) -> None:
    """All connections with their next steps."""
    with opened(folder) as workbench:
        rows = [
            (line.name, line.record.url, line.record.partner, line.record.user, line.next_step or "ready")
            for line in workbench.connections.values()
        ]
        show(
            pd.DataFrame(rows, columns=["name", "address", "customer", "user", "next step"]),
            empty="No connections yet: run electra connect.",
        )


def connect_bank(
    folder: Path,
    url: str,
    *,
    host: str,
    partner: str,
    user: str,
    ca: Path | None,
    hashes: Mapping[str, str] | None,
    language: str = "en",
    version: str | None = None,
) -> None:
    """Go as far with a new connection as the bank lets us, and say what comes next."""
    with opened(folder, make=True) as workbench:
        connection = workbench.connect(url, host=host, partner=partner, user=user, ca=ca, version=version)
        next_step = connection.initialise(hashes, language=language)
        say(f"Letter: {connection.letter_file}")
        say(f"Next: {next_step}" if next_step else f"The connection {connection.name} is ready.")
