"""``electra send``, ``names``, ``to-sign`` and ``sign``: orders sent, released, signed and given up in the shell."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import typer

from electra_kernel.cli.records import opened
from electra_kernel.cli.tables import say, show
from electra_kernel.orders.lifecycle import EDITABLE_STATES, State

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


def send_order(folder: Path, order: str, *, check_names: bool | None, yes: bool) -> None:
    """Show an order; after a yes, sign it where that is still to be done, and bring it to the bank."""
    with opened(folder) as workbench:
        found = workbench.orders[order]
        for line in repr(found).splitlines():
            say(line)
        signed = found.status is State.SIGNED or found.connection.record.user in found.signers
        to_sign = found.status in EDITABLE_STATES and not signed
        wanted = "Sign and send this order?" if to_sign else "Send this order?"
        if found.status is State.CANCELLED:
            yes = True  # there is nothing to ask: it cannot be sent
        if not (yes or typer.confirm(wanted)):
            say("Nothing was sent.")
            return
        if to_sign:
            found.sign()
        found.send(check_names=check_names)
        say(f"The order {found.id} is {found.status.value}.")
        if found.checks_names:
            say(f"The bank checks the names of the payees first: electra names {found.id}")


def cancel_order(folder: Path, order: str, *, yes: bool) -> None:
    """Show an order that has not gone to the bank; after a yes, give it up."""
    with opened(folder) as workbench:
        found = workbench.orders[order]
        found.must_be_cancellable()
        for line in repr(found).splitlines():
            say(line)
        if not (yes or typer.confirm("Cancel this order for good?")):
            say("Nothing was cancelled.")
            return
        found.cancel()
        say(f"The order {found.id} is cancelled.")


def check_names(folder: Path, order: str, *, release: bool, cancel: bool, yes: bool) -> None:
    """What the bank found out about the payees of an order; after a yes, release it or give it up."""
    with opened(folder) as workbench:
        found = workbench.orders[order]
        found.follow()
        if not cancel or found.status is State.NAME_CHECK_PENDING:
            show(_filled(found.name_checks()), title=f"Names of the payees of {found.id}")
        wanted = "Cancel this order for good?" if cancel else "Release this order, so that the bank pays it?"
        if not (release or cancel):
            say(f"The order {found.id} is {found.status.value}.")
        elif not (yes or typer.confirm(wanted)):
            say(f"Nothing was {'cancelled' if cancel else 'released'}.")
        else:
            decided = found.cancel_at_bank() if cancel else found.release()
            say(f"The order {decided.id} is {decided.status.value}.")
