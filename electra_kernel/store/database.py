"""The workbench's database: connections, transactions and migration. What may live here: nothing about any table.

SQLite in WAL mode, so that readers never wait for a writer; a writing transaction starts with BEGIN IMMEDIATE, so that
two writers queue at its start and never meet half-way. Callers see transactions only, so a PostgreSQL URL changes
nothing for them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError

from electra_kernel.store.files import PRIVATE_FILE
from electra_kernel.store.locks import Busy
from electra_kernel.store.tables import SCHEMA_VERSION
from electra_kernel.vocabulary.errors import ElectraError

#: How long a writer waits for another one, in milliseconds.
_BUSY_TIMEOUT = 30_000

#: Any number that nobody else in a PostgreSQL database uses for an advisory lock.
_WRITERS_QUEUE = 0x656C6563747261


class DamagedDatabase(ElectraError):
    """The database file is not, or no longer, a whole database."""


class NewerWorkbench(ElectraError):
    """The workbench was opened by a newer version of this program before."""


class Database:
    """One database and its transactions.

    Args:
        url: an SQLAlchemy URL, such as ``sqlite:////home/me/treasury/electra.db``.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.place = self.url.database or self.url.render_as_string(hide_password=True)
        self.engine = _sqlite_engine(url) if self.url.get_backend_name() == "sqlite" else create_engine(url)

    @classmethod
    def in_file(cls, path: Path) -> Database:
        """The SQLite database in ``path``, which is created for the owner alone where it is missing."""
        # SQLite gives its -wal and -shm files the mode of the database file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
        return cls(f"sqlite:///{path}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the database."""
        with self._errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that changes all it says or nothing, one writer at a time among all processes."""
        with self._errors(), self.engine.connect() as connection:
            writing = connection.execution_options(writes=True)
            with writing.begin():
                if self.url.get_backend_name() == "postgresql":
                    # What BEGIN IMMEDIATE is to SQLite: writers queue here until the one before has committed.
                    writing.execute(text("SELECT pg_advisory_xact_lock(:queue)"), {"queue": _WRITERS_QUEUE})
                yield writing

    def migrate(self) -> None:
        """Bring the tables to this version. The caller sees to it that only one process does so at a time.

        Raises:
            DamagedDatabase: the file is no whole database.
            NewerWorkbench: the tables are of a version that this program does not know.
        """
        with self._errors():
            self._prepare()
        with self.write() as connection:
            version = _version(connection)
            if version == SCHEMA_VERSION:
                return
            self._refuse_unknown(version)
            _upgrade(connection)

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    def _prepare(self) -> None:
        if self.url.get_backend_name() != "sqlite":
            return
        # The mode is a property of the file and stays; a transaction cannot change it, hence the bare connection.
        bare = sqlite3.connect(self.place, timeout=_BUSY_TIMEOUT / 1000, isolation_level=None)
        try:
            bare.execute("PRAGMA journal_mode = WAL")
            findings = bare.execute("PRAGMA quick_check(1)").fetchall()
        finally:
            bare.close()
        if findings != [("ok",)]:
            raise self._damaged(str(findings[0][0]) if findings else "the check said nothing")

    def _refuse_unknown(self, version: str | None) -> None:
        if version is None or version in _known_versions():
            return
        raise NewerWorkbench(
            "This workbench was made by a newer version of the program.",
            cause=f"its tables have version {version}, this program knows versions up to {SCHEMA_VERSION}.",
            repair="Install the newest version of electra-workbench and open it again.",
            where=self.place,
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say what the database's own errors mean."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise (self._explain(error) or error) from None
        except DatabaseError as error:
            explained = self._explain(error.orig)
            if explained is None:
                raise
            raise explained from error

    def _explain(self, error: BaseException | None) -> ElectraError | None:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return self._damaged(str(error))
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return Busy(
                "The workbench's database is busy.",
                cause=f"another process has been writing to it for more than {_BUSY_TIMEOUT // 1000} seconds.",
                repair="Wait until that work is done and try again.",
                where=self.place,
            )
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return ElectraError(
                "The workbench's database cannot be written.",
                cause=f"{error}.",
                repair="Check the free space on the disk and your rights to the folder, then try again.",
                where=self.place,
            )
        return None

    def _damaged(self, cause: str) -> DamagedDatabase:
        return DamagedDatabase(
            "The workbench's database is damaged.",
            cause=f"{cause}.",
            repair="Put electra.db back from a backup; the files in archive/ and ledger/ are not touched by this.",
            where=self.place,
        )


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT / 1000})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # The driver must not start transactions by itself: ``begin`` below says which kind.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _configuration() -> Any:
    # Imported here because only a new or an older workbench needs it, and it takes long to load.
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return configuration


def _known_versions() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(_configuration()).walk_revisions()}


def _upgrade(connection: Connection) -> None:
    from alembic import command

    configuration = _configuration()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
