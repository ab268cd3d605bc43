"""What a user does: connect, import, check, sign, send, fetch, print."""

from electra_kernel.workbench.workbench import Workbench

__all__ = ["Workbench"]
