"""Electra workbench: orders, statements and channels as objects, for notebooks, scripts and the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from electra_kernel.workbench import Workbench

__all__ = ["Workbench"]


def __getattr__(name: str) -> Any:
    """Load the workbench when it is first asked for: the sandbox bank and the formats need none of it."""
    if name == "Workbench":
        from electra_kernel.workbench import Workbench

        return Workbench
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext electra_kernel``: see ``electra_kernel.jupyter``."""
    from electra_kernel.jupyter.extension import load

    load(ipython)
