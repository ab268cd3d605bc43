"""Watching a bank: new statements and orders' news are fetched as soon as the bank tells of them, or at intervals.

What may live here: when to fetch, and in whose thread. What is fetched is the business of ``statements`` and ``sending``.
Nothing is ever taken from a notification but that it is time to ask: data come by EBICS, signed and acknowledged.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, Protocol, TypeAlias

import pandas as pd

from electra_kernel.channels.websocket import WebSocketLine
from electra_kernel.ebics.notifications import WSSPARAM, BankWords, NotificationAccess, read_access, read_message
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.text import html_table
from electra_kernel.workbench import sending

if TYPE_CHECKING:
    from electra_kernel.ebics.btf import Service
    from electra_kernel.workbench.connections import Connection
    from electra_kernel.workbench.workbench import Workbench

#: Seconds between two questions to a bank that does not tell by itself.
EVERY = 300.0
#: Seconds until a line that broke is opened again; each time twice as long, up to ``EVERY``.
FIRST_RETRY = 1.0
#: However fast a bank tells news, it is asked at most once in so many seconds.
_PAUSE = 0.5
#: How many messages are taken together before the bank is asked.
_AT_ONCE = 100
_LONGEST_WAIT = 3600.0


class Line(Protocol):
    """A line on which a bank tells its news: ``channels.websocket.WebSocketLine``, or what a test puts there."""

    def receive(self, timeout: float) -> str | bytes | None:
        """The next text, or ``None``; raises ``ChannelError`` where the line is broken."""

    def close(self) -> None:
        """Hang up."""


OpenLine: TypeAlias = "Callable[[NotificationAccess, Path | None], Line]"


@dataclass(frozen=True, slots=True)
class News:
    """What one look at the bank brought.

    Attributes:
        at: aware UTC moment.
        statements: one row a file, as ``wb.statements.fetch()`` gives it.
        orders: how many orders had news.
        to_sign: ids at the bank of orders that began to wait for this user's signature (``wb.to_sign()``).
    """

    at: datetime
    statements: pd.DataFrame
    orders: int
    to_sign: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(len(self.statements) or self.orders or self.to_sign)

    def __str__(self) -> str:
        entries = int(self.statements["new"].sum()) if len(self.statements) else 0
        words = f"{len(self.statements)} statement files with {entries} new entries; news of {self.orders} orders"
        return f"{words}; to sign: {', '.join(self.to_sign)}" if self.to_sign else words


class Watch:
    """A bank being watched in the background; ends with ``stop()``, or with its ``with`` block.

    Use ``wb.watch()``. Whatever happens to the line, nothing is lost: the bank is asked when the watch starts, each time
    the line is opened, and at intervals.
    """

    def __init__(
        self,
        workbench: Workbench,
        connection: Connection,
        *,
        every: float = EVERY,
        on_news: Callable[[News], object] | None = None,
        open_line: OpenLine | None = None,
    ) -> None:
        self._workbench, self._connection, self._on_news = workbench, connection, on_news
        self._every = min(max(every, _PAUSE), _LONGEST_WAIT)
        self._open_line = open_line or _internet
        self._stopped, self._changed = Event(), Condition()
        self._line: Line | None = None
        self._due, self._dial_at = 0.0, 0.0
        self._patience = _Patience(self._every)
        self._retry = _Patience(self._every)
        self._thread: Thread | None = None
        self._waiting: set[str] = set()
        self.looks = 0
        self.words: tuple[tuple[str, str], ...] = ()
        self.problem: Exception | None = None
        self.news: News | None = None

    # -- what the user does ------------------------------------------------------------------------------------------

    def start(self) -> Watch:
        """Start watching in a thread of its own.

        Raises:
            NotReady: the connection's initialisation is not finished.
            WrongPassword: the keys were not opened; nothing was started.
        """
        with self._connection.conversation():
            pass  # asks for the password here, where a person can be asked
        if self._thread is None:
            self._thread = Thread(target=self._run, name=f"electra-watch-{self._connection.name}", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Stop; what is being fetched at the moment is fetched to its end."""
        self._stopped.set()
        if (line := self._line) is not None:
            line.close()
        if self._thread is not None:
            self._thread.join()

    def wait(self, looks: int, timeout: float) -> bool:
        """Wait until the bank has been asked so many times since the start; whether it was within ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self.looks >= looks or not self.running, timeout) and (
                self.looks >= looks
            )

    @property
    def running(self) -> bool:
        """Whether it still watches."""
        return not self._stopped.is_set() and self._thread is not None and self._thread.is_alive()

    @property
    def listening(self) -> bool:
        """Whether the bank tells its news by itself at the moment; otherwise it is asked at intervals."""
        return self._line is not None and self.running

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # -- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                if self._line is None and time.monotonic() >= self._dial_at:
                    self._dial()
                if time.monotonic() >= self._due and not self._stopped.is_set():
                    self._look()
                self._wait_for_news()
        finally:
            self._hang_up()
            self._tell()

    def _look(self) -> None:
        try:
            statements = self._workbench.statements.fetch(connection=self._connection.name)
            orders = sending.follow(self._workbench, self._connection)
            self.news = News(self._workbench.clock(), statements, orders, self._new_to_sign())
            if self.news and self._on_news is not None:
                self._on_news(self.news)
        except Exception as error:
            # Whatever it is, a watch that ended without a word would lose news: it says so and asks again.
            self.problem = error
            self._due = time.monotonic() + self._retry.next()
        else:
            self.problem = None
            self._retry.forget()
            self._due = time.monotonic() + self._every
        self.looks += 1
        self._tell()

    def _new_to_sign(self) -> tuple[str, ...]:
        """The orders that wait for this user's signature, and did not when the bank was asked before."""
        types = {permission.admin_type for permission in self._connection.info().user.permissions}
        if "HVZ" not in types:
            return ()
        now = {item.id for item in self._connection.waiting() if item.for_me}
        new, self._waiting = now - self._waiting, now
        return tuple(sorted(new))

    def _dial(self) -> None:
        try:
            access, ca = self._ask_where(), self._connection.record.ca_file
            self._line = self._open_line(access, Path(ca) if ca else None)
        except Exception as error:
            self._dial_at = time.monotonic() + self._patience.next()
            self._note("polling", str(error))
        else:
            # What happened before the line was open is not told on it.
            self._due = 0.0
            self._note("listening", access.url)

    def _ask_where(self) -> NotificationAccess:
        service = notification_service(self._connection)
        with self._connection.conversation() as talk:
            download = talk.client.download(service=service)
            talk.run(download)
            if download.data is None:
                raise ElectraError(
                    "The bank named no place to listen for its news.", repair="It is asked at intervals."
                )
            access = read_access(download.data)  # holds a secret: neither archived nor journalled
            talk.acknowledge(download)
        return access

    def _wait_for_news(self) -> None:
        if self._stopped.is_set():
            return
        seconds = max(min(self._due - time.monotonic(), _LONGEST_WAIT), 0.0)
        if self._line is None:
            self._stopped.wait(min(seconds, max(self._dial_at - time.monotonic(), 0.0)))
            return
        try:
            if self._heard(self._line, seconds):
                self._patience.forget()
                self._stopped.wait(_PAUSE)
                self._due = 0.0
        except ElectraError as error:
            self._hang_up()
            self._dial_at = time.monotonic() + self._patience.next()
            if not self._stopped.is_set():
                self._note("polling", str(error))

    def _heard(self, line: Line, seconds: float) -> bool:
        """Wait for a message, and take those that come with it; whether it is time to ask the bank."""
        text, ask = line.receive(seconds), False
        for _ in range(_AT_ONCE):
            if text is None:
                break
            message = read_message(text)
            if isinstance(message, BankWords):
                self.words = message.texts
            # A message of another class may mean news too; asking in vain costs little.
            ask = ask or not isinstance(message, BankWords)
            text = line.receive(0)
        return ask

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _note(self, how: str, what: str) -> None:
        """Journal whenever the way of watching changes, and no oftener."""
        subject, known = f"connection:{self._connection.name}", "watching"
        journal = self._workbench.store.journal
        last = journal.events(subject=subject, kind=known)
        if not last or last[-1].data["how"] != how:
            journal.append(subject, known, {"how": how, "what": what})
        self._tell()

    # -- showing -----------------------------------------------------------------------------------------------------

    def _facts(self) -> list[tuple[str, str]]:
        how = "as the bank tells" if self.listening else f"every {self._every:.0f} seconds"
        rows = [
            ("Connection", self._connection.name),
            ("Fetched", how if self.running else "no longer"),
            ("Asked", f"{self.looks} times"),
            ("Last news", f"{self.news}" if self.news else ""),
            ("The bank says", " / ".join(text for _, text in self.words)),
            ("Problem", str(self.problem or "")),
        ]
        return [(name, value) for name, value in rows if value]

    def __repr__(self) -> str:
        return "\n".join(f"{name:<15}{value}" for name, value in self._facts())

    def _repr_html_(self) -> str:
        return html_table(("", ""), self._facts(), caption="Watch")


class _Patience:
    """How long to wait before the next attempt: each time twice as long, up to a bound."""

    def __init__(self, longest: float) -> None:
        self._longest, self._seconds = longest, FIRST_RETRY

    def next(self) -> float:
        """Seconds to wait now."""
        seconds, self._seconds = self._seconds, self._seconds * 2
        self._seconds = min(self._seconds, self._longest)
        return min(seconds, self._longest)

    def forget(self) -> None:
        """Begin anew: it went well."""
        self._seconds = FIRST_RETRY


def notification_service(connection: Connection) -> Service:
    """The service by which the bank says where to listen.

    Raises:
        ElectraError: the bank does not offer it to this user.
    """
    for permission in connection.info().user.permissions:
        service = permission.service
        if service is not None and service.message == WSSPARAM.message:
            return service
    raise ElectraError(
        "The bank does not tell its news by itself.",
        cause="it gives this user no right to OTH wssparam.",
        repair="Nothing to do: it is asked at intervals.",
    )


def _internet(access: NotificationAccess, ca: Path | None) -> WebSocketLine:
    return WebSocketLine(access.url, name=access.name, password=access.token, ca=ca)
