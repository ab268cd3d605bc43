"""``electra to-sign`` and ``electra sign``: orders that wait at the bank, in the shell."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import typer

from electra_kernel.cli.records import opened
from electra_kernel.cli.tables import say, show

_SHOWN = ["order", "service", "total", "currency", "payments", "sender", "signed by", "missing", "connection"]


def show_waiting(folder: Path, connection: str | None) -> None:
    """Both tables of what waits."""
    with opened(folder) as workbench:
        waiting = workbench.to_sign(connection)
        for title, frame in (("Waits for you", waiting.mine), ("Waits for others", waiting.others)):
            show(_filled(frame[_SHOWN]), title=title, empty=f"{title}: nothing.")


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(object).where(frame.notna(), None)


def sign_waiting(folder: Path, order: str, connection: str | None, *, cancel: bool, yes: bool) -> None:
    """Show an order as it was sent; after a yes, sign or cancel it."""
    with opened(folder) as workbench:
        item = workbench.to_sign(connection)[order]
        for line in repr(item.show()).splitlines():
            say(line)
        wanted = "Cancel this order for good?" if cancel else "Sign this order?"
        if not (yes or typer.confirm(wanted)):
            say(f"Nothing was {'cancelled' if cancel else 'signed'}.")
        elif cancel:
            item.cancel()
            say(f"The order {item.id} is cancelled.")
        else:
            item.sign()
            say(f"The order {item.id} is signed.")
