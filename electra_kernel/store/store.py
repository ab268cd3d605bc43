"""One workbench's folder, opened: the door to all the rooms' memory. What may live here: opening, closing and refusing.

The folder holds ``electra.toml``, ``electra.db``, ``ledger/``, ``archive/``, ``keys/`` and ``locks/``. Several
notebooks, a command line and a server may have it open at the same time.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from electra_kernel.store.archive import Archive
from electra_kernel.store.connections import Connections
from electra_kernel.store.database import Database
from electra_kernel.store.files import make_private_folder
from electra_kernel.store.journal import Journal
from electra_kernel.store.keys import Keys
from electra_kernel.store.locks import Locks
from electra_kernel.store.orders import Orders
from electra_kernel.store.settings import Settings, read_settings, write_default_settings
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError

if TYPE_CHECKING:
    from electra_kernel.store.ledger import Ledger


class NotAWorkbench(ElectraError):
    """The place cannot be a workbench."""


class Store:
    """A workbench's memory. ``Store.open`` makes one; ``close`` (or ``with``) gives its connections back.

    Attributes:
        folder: the workbench's folder, absolute.
        settings: what ``electra.toml`` says.
        journal, archive, orders, connections, keys: the rooms' memory.
    """

    def __init__(self, folder: Path, settings: Settings, database: Database, locks: Locks, clock: Clock) -> None:
        self.folder, self.settings = folder, settings
        self._database, self._locks = database, locks
        self.journal = Journal(database, clock)
        self.archive = Archive(folder / "archive", database, clock)
        self.connections = Connections(database, clock)
        self.orders = Orders(database, self.journal, clock)
        self.keys = Keys(folder / "keys")

    @classmethod
    def open(cls, folder: Path | str, clock: Clock) -> Store:
        """Open the workbench in ``folder``; make it where there is none. Safe when several processes do so at once.

        New folders have mode 0700, new files 0600; the data files under ``ledger/`` are shut off by their folder.

        Raises:
            NotAWorkbench: the place is a file, or cannot be written.
            BadSettings: ``electra.toml`` cannot be used.
            DamagedDatabase: ``electra.db`` is no whole database.
            NewerWorkbench: a newer version of the program made it.
            Busy: another process keeps opening it.
        """
        folder = Path(folder).expanduser().absolute()
        _make_folders(folder)
        locks = Locks(folder / "locks", clock)
        with locks.hold("open", purpose="opening the workbench", wait=60):
            settings_file = folder / "electra.toml"
            if not settings_file.exists():
                write_default_settings(settings_file, folder.name)
            settings = read_settings(settings_file)
            database = Database.in_file(folder / "electra.db")
            try:
                database.migrate()
            except BaseException:
                database.close()
                raise
        return cls(folder, settings, database, locks, clock)

    @cached_property
    def ledger(self) -> Ledger:
        """The table of every entry ever imported."""
        # Loaded on first use: the tables' libraries take longer to load than most commands take to run.
        from electra_kernel.store.ledger import Ledger

        return Ledger(self.folder / "ledger", self._locks)

    def lock(self, name: str, *, purpose: str = "", wait: float = 10.0) -> AbstractContextManager[None]:
        """Hold the lock ``name`` for a ``with`` block, alone among all processes; freed when the holder dies.

        Raises:
            Busy: still held by another after ``wait`` seconds; says by whom and what for.
        """
        return self._locks.hold(name, purpose=purpose, wait=wait)

    def close(self) -> None:
        """Give back the connections to the database. Nothing is lost without it."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _make_folders(folder: Path) -> None:
    try:
        if folder.exists() and not folder.is_dir():
            raise NotAWorkbench(
                "A workbench is a folder, and this is a file.",
                repair="Give the name of a folder; a new one is made.",
                where=str(folder),
            )
        for each in (folder, folder / "archive", folder / "keys", folder / "ledger", folder / "locks"):
            make_private_folder(each)
    except OSError as error:
        raise _not_writable(folder, error.strerror or str(error)) from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise _not_writable(folder, "you have no right to write in it")


def _not_writable(folder: Path, cause: str) -> NotAWorkbench:
    return NotAWorkbench(
        "The workbench's folder cannot be made or written.",
        cause=f"{cause}.",
        repair="Choose another folder, or get the right to write in this one.",
        where=str(folder),
    )
