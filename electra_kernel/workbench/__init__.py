"""What a user does: connect, import, check, sign, send, fetch, print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from electra_kernel.workbench.workbench import Workbench

__all__ = ["Workbench"]


def __getattr__(name: str) -> Any:
    """Load the workbench when it is first asked for: a process that only reads files needs none of it."""
    if name == "Workbench":
        from electra_kernel.workbench.workbench import Workbench

        return Workbench
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
