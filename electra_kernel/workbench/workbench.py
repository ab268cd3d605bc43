"""The workbench: the user's folder, opened. The front door to everything; each thing itself lives in its own file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from electra_kernel.analysis.position import position
from electra_kernel.channels.base import Channel
from electra_kernel.channels.internet import InternetChannel, ssl_context
from electra_kernel.ebics.client import Subscriber
from electra_kernel.store import ConnectionRecord, Store
from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.dates import Clock, system_clock
from electra_kernel.vocabulary.errors import ElectraError, Problem
from electra_kernel.vocabulary.text import html_table
from electra_kernel.workbench import ordertypes, versions
from electra_kernel.workbench.connections import Connection, Connections
from electra_kernel.workbench.importing import problems_only
from electra_kernel.workbench.keyfiles import restore_keys
from electra_kernel.workbench.lines import internet
from electra_kernel.workbench.orders import Orders
from electra_kernel.workbench.passwords import PasswordSource, ask_password
from electra_kernel.workbench.sandbox import Sandbox
from electra_kernel.workbench.statements import Statements, arrow_frame
from electra_kernel.workbench.waiting import ToSign
from electra_kernel.workbench.watching import EVERY, News, Watch

#: Names the workbench's folder where code names none.
FOLDER_VARIABLE = "ELECTRA_WORKBENCH"


class Workbench:
    """A treasury's folder: connections, orders, statements, and the journal of what happened.

    Several programs may have the same workbench open at the same time.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock = system_clock,
        passwords: PasswordSource = ask_password,
        open_channel: Callable[[ConnectionRecord], Channel] | None = None,
    ) -> None:
        self.store, self.clock, self._passwords, self._open_channel = store, clock, passwords, open_channel
        self.connections = Connections(store, self._connection)
        self.orders = Orders(self)
        self.statements = Statements(self)
        self._sandbox: Sandbox | None = None
        self._watches: list[Watch] = []

    @classmethod
    def open(
        cls,
        folder: str | Path | None = None,
        *,
        clock: Clock = system_clock,
        passwords: PasswordSource = ask_password,
        open_channel: Callable[[ConnectionRecord], Channel] | None = None,
    ) -> Workbench:
        """Open a workbench; its folder is made on first use.

        Args:
            folder: the user's folder; by default the one named by ``ELECTRA_WORKBENCH``, else ``treasury``.
            clock: what gives the time.
            passwords: where passwords come from; a masked prompt by default.
            open_channel: how to reach a bank; HTTPS by default.

        Raises:
            ElectraError: the folder cannot be used; the error says why and what to do.
        """
        place = folder or os.environ.get(FOLDER_VARIABLE) or "treasury"
        store = Store.open(Path(place), clock)
        return cls(store, clock=clock, passwords=passwords, open_channel=open_channel)

    @property
    def folder(self) -> Path:
        """Where everything of this workbench is kept."""
        return self.store.folder

    def today(self) -> date:
        """The date here and now."""
        return self.clock().astimezone().date()

    def connect(
        self,
        url: str,
        *,
        host: str,
        partner: str,
        user: str,
        ca: str | Path | None = None,
        name: str | None = None,
        version: str | None = None,
        certificates: bool | None = None,
        profile: str | Path | None = None,
    ) -> Connection:
        """Add (or find) a connection to a bank, with the ids of its letter; then ``connection.initialise()``.

        The bank is asked which versions of EBICS it speaks (HEV). One that cannot be reached now is asked at the first
        contact; one that does not answer the question is taken to speak the version named, or EBICS 3.0.

        Args:
            url: the bank's EBICS address.
            host, partner, user: host id, partner (customer) id and user id.
            ca: a PEM file of authorities to trust instead of the system's; a connection keeps the one it has.
            name: what to call the connection; ``HOST-USER`` by default.
            version: ``H005`` (EBICS 3.0) or ``H004`` (EBICS 2.5); by default the newest that both speak. It stays once
                the keys were sent; see ``connection.use_version``.
            certificates: whether EBICS 2.5 sends keys with their certificates, as French banks want it; EBICS 3.0 always
                does.
            profile: a TOML file of order types that only this bank has; a connection keeps the one it has.

        Raises:
            ProfileUnreadable: the file of order types is none. Nothing was kept.
            VersionNotSpoken: the bank does not speak this version, or none that is spoken here. Nothing was kept.
            BankRefusal: the bank does not know the host id. Nothing was kept.
        """
        called = name or f"{host}-{user}".lower()
        place: dict[str, Any] = {"ca_file": str(Path(ca).resolve())} if ca else {}
        place |= {} if certificates is None else {"certified": certificates}
        wanted = versions.spoken_here(version).protocol if version else ""
        # What is wrong with the letter's words is said before anything is kept and before a password is asked for.
        Subscriber(host, partner, user)
        InternetChannel(url, ca=Path(ca) if ca else None).close()
        types = ordertypes.read_file(Path(profile)) if profile else None
        known = self.store.connections.find(called)
        if known is not None:
            _must_be_the_same(known, (host, partner, user), version, certificates)
        found = None
        if known is None or not known.certificates:
            given = known or ConnectionRecord(
                name=called, url=url, host=host, partner=partner, user=user, created=self.clock(), protocol=""
            )
            found = versions.look(
                self._open_channel or internet, replace(given, url=url, **place), wanted or given.protocol
            )
            place |= {"protocol": found.protocol}
        if known is None:
            self.store.connections.add(called, url=url, host=host, partner=partner, user=user, **place)
        else:
            self.store.connections.update(called, url=url, **place)
        if types is not None:
            ordertypes.keep(self.folder, called, types)
        if found is not None and found.reached:
            versions.note(self.store, called, found)
        return self.connections[called]

    def connect_sandbox(self, *, seed: int = 1, day: date | None = None) -> Connection:
        """Start the sandbox bank of this workbench and connect to it as its first user.

        The bank ends with this program; what it knows stays in the workbench's folder ``sandbox``. The first time a
        password for the new keys is asked for.

        Args:
            seed: chooses the sandbox company and its history; counts for a new bank only.
            day: a new bank's first business date; today by default.
        """
        if self._sandbox is None or not self._sandbox.running:
            data = self.folder / "sandbox"
            self._sandbox = Sandbox.beside(data) or Sandbox.start(data, seed=seed, day=day, admit=True)
        info = self._sandbox.info
        connection = self.connect(
            info.https, host=info.host, partner=info.partner, user=info.users[0], ca=info.ca, name="sandbox"
        )
        connection.initialise(info.fingerprints)  # nothing is left to do where the bank is still the same
        return connection

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox bank this program started, for moving its clock.

        Raises:
            ElectraError: none was started.
        """
        if self._sandbox is None:
            raise ElectraError("No sandbox bank was started here.", repair="Run wb.connect_sandbox().")
        return self._sandbox

    def to_sign(self, connection: str | None = None) -> ToSign:
        """Orders that wait at the banks for signatures: two tables, for this user and for others.

        Look at one with ``to_sign[id].show()``, then ``to_sign[id].sign()`` or ``.cancel()``.

        Args:
            connection: ask this bank only; every connection that is ready by default.
        """
        lines = (
            [self.connections[connection]] if connection else [each for each in self.connections.values() if each.ready]
        )
        return ToSign(item for line in lines for item in line.waiting())

    def position(self, on: date | None = None) -> pd.DataFrame:
        """The cash position: one row an account and currency, with Arrow types.

        Args:
            on: as of the end of this day; the newest statement by default.
        """
        return arrow_frame(position(self.store.ledger.entries(), self.store.ledger.balances(), on))

    def restore_keys(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        ca: str | Path | None = None,
        ask: PasswordSource | None = None,
    ) -> Connection:
        """Bring back the keys that ``connection.export_keys`` wrote, with their connection.

        Args:
            path: the exported file.
            name: what to call the connection; as it was called by default.
            ca: a PEM file of authorities to trust instead of the system's.
            ask: where the passwords come from: that of the file, then a new one for the keys here.

        Raises:
            WrongPassword, WeakPassword: nothing was changed; try again.
            KeyFileError: the file is no export, is damaged, or was changed by somebody.
            ElectraError: the connection is here with other keys, or the file cannot be read.
        """
        place = Path(ca) if ca else None
        ssl_context(place)  # before anything is kept: what cannot be read is found when the bank is called
        return self.connections[restore_keys(self.store, Path(path), ask or self._passwords, name=name, ca=place)]

    def watch(
        self, connection: str | None = None, *, every: float = EVERY, on_news: Callable[[News], object] | None = None
    ) -> Watch:
        """Fetch statements and follow orders in the background, as soon as the bank tells of news, else at intervals.

        It runs until ``stop()``, the end of its ``with`` block, or ``wb.close()``.

        Args:
            connection: which bank, where there are several.
            every: seconds between two questions to a bank that does not tell by itself.
            on_news: called in the background with each ``News`` that brought something.

        Raises:
            NotReady: the connection's initialisation is not finished.
            WrongPassword: the keys were not opened; nothing was started.
        """
        watch = Watch(self, self.connections.default(connection), every=every, on_news=on_news)
        self._watches.append(watch.start())
        return watch

    def holder_of(self, account: str, connection: str | None = None) -> str:
        """The account holder's name as the bank knows it, else the company in ``electra.toml``.

        Raises:
            ElectraError: neither knows it.
        """
        lines = [self.connections[connection]] if connection else list(self.connections.values())
        for line in lines:
            accounts = line.info().accounts if line.ready else ()
            if holder := next((each.holder for each in accounts if account in (each.iban, each.national)), ""):
                return holder
        if company := self.store.settings.company:
            return company
        raise ElectraError(
            f"Who holds the account {format_account(account)} is not known.",
            repair='Say it: debtor_name="…", or write company = "…" into electra.toml.',
        )

    def report_problem(self, problem: Problem) -> None:
        """Put a problem into the ledger's ``problems``."""
        self.store.ledger.append(problems_only([problem]))

    def new_message_id(self) -> str:
        """An id no other message of this customer has (ISO 20022 MsgId, at most 35 characters)."""
        return f"EL{self.clock():%Y%m%d%H%M%S}{secrets.token_hex(6).upper()}"

    def close(self) -> None:
        """Stop what this program started and let go of the folder."""
        for watch in self._watches:
            watch.stop()
        if self._sandbox is not None:
            self._sandbox.stop()
        self.store.close()

    def _connection(self, name: str) -> Connection:
        return Connection(
            self.store, name, clock=self.clock, passwords=self._passwords, open_channel=self._open_channel
        )

    def __repr__(self) -> str:
        return f"Workbench {self.folder.name}: {len(self.connections)} connections, {len(self.orders)} orders"

    def _repr_html_(self) -> str:
        rows = [
            ("Folder", self.folder.name),
            ("Connections", len(self.connections)),
            ("Orders", len(self.orders)),
            ("In the outbox", len(self.orders.outbox())),
        ]
        return html_table(("", ""), rows, caption="Workbench")


def _must_be_the_same(
    known: ConnectionRecord, ids: tuple[str, str, str], version: str | None, certificates: bool | None
) -> None:
    """Refuse to make another connection of one that is there."""
    if (known.host, known.partner, known.user) != ids:
        raise ElectraError(
            f"The connection {known.name!r} exists for another user.", repair="Choose another name: name=…."
        )
    if known.certificates and version not in (None, known.protocol):
        raise ElectraError(
            f"The connection {known.name!r} speaks {known.protocol}, and its keys were sent in it.",
            repair=f'Go over to the other version: connection.use_version("{version}").',
        )
    if known.certificates and certificates not in (None, known.certified):
        raise ElectraError(
            f"The keys of the connection {known.name!r} were sent in the other form already.",
            repair="Connect once more under another name.",
        )
