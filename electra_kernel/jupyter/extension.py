"""The IPython extension: ``wb``, ``Workbench``, a few magics, and errors as plain sentences.

What may live here: what a notebook gets when Electra is loaded. Magics call public functions and nothing else. Nothing
heavy is imported before it is used: a kernel starts as fast as without Electra.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

import electra_kernel
from electra_kernel.jupyter.errors import show_error
from electra_kernel.jupyter.lazy import Lazy
from electra_kernel.vocabulary.errors import ElectraError

if TYPE_CHECKING:
    import pandas as pd

    from electra_kernel.workbench import Workbench

Magic: TypeAlias = Callable[[str], Any]


def load(ipython: Any) -> None:
    """Put ``wb``, ``Workbench`` and the magics into an IPython shell; a ``wb`` that is there already stays.

    ``wb`` is opened on first use: the folder named by ``ELECTRA_WORKBENCH``, else ``treasury``. Where it cannot be
    opened, that use says why; the kernel starts all the same.
    """
    namespace = ipython.user_ns
    for name, make in (
        ("Workbench", lambda: electra_kernel.Workbench),
        ("wb", lambda: electra_kernel.Workbench.open()),
    ):
        if name not in namespace:
            ipython.push({name: Lazy(namespace, name, make)}, interactive=False)
    ipython.set_custom_exc((ElectraError,), show_error)
    for magic in _magics(namespace):
        ipython.register_magic_function(magic, "line", magic.__name__)


def _magics(namespace: dict[str, Any]) -> tuple[Magic, ...]:
    def workbench() -> Workbench:
        wb: Workbench = namespace["wb"]
        return wb

    def orders(line: str) -> pd.DataFrame:
        """``%orders``: every order and where it is (``wb.orders.table()``)."""
        return workbench().orders.table()

    def outbox(line: str) -> pd.DataFrame:
        """``%outbox``: the orders that are signed and have still to arrive (``wb.orders.outbox()``)."""
        waiting = [order.id for order in workbench().orders.outbox()]
        table = workbench().orders.table()
        return table[table["id"].isin(waiting)]

    def position(line: str) -> pd.DataFrame:
        """``%position [2026-01-31]``: the cash position, of the newest statement or at the end of a day."""
        return workbench().position(_day(line))

    def fetch(line: str) -> pd.DataFrame:
        """``%fetch``: new statements from the bank (``wb.statements.fetch()``)."""
        return workbench().statements.fetch()

    return orders, outbox, position, fetch


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise ElectraError(f"{text.strip()!r} is not a date.", repair="Write it as 2026-01-31.") from error
