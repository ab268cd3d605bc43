"""The workbench's memory: database, journal, archive, ledger. No bank protocol and no user interface."""

from electra_kernel.store.archive import ArchivedFile
from electra_kernel.store.connections import ConnectionRecord
from electra_kernel.store.journal import JournalBroken, JournalEvent
from electra_kernel.store.locks import Busy
from electra_kernel.store.orders import OrderRecord
from electra_kernel.store.settings import Settings
from electra_kernel.store.store import Store

__all__ = [
    "ArchivedFile",
    "Busy",
    "ConnectionRecord",
    "JournalBroken",
    "JournalEvent",
    "OrderRecord",
    "Settings",
    "Store",
]
