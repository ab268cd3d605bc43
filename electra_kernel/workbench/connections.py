"""Connections: a customer's subscription at one bank, from the first key to the daily conversation.

What may live here: what users see of a connection, each step over one function of the rooms beside: ``enrolment``,
``keychanges``, ``versions``, ``lines``. What is said in a conversation belongs to ``sending`` and ``fetching``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from electra_kernel.channels.base import Channel
from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.info import read_htd
from electra_kernel.ebics.ordertypes import OrderTypes, with_profile
from electra_kernel.ebics.version import EbicsVersion
from electra_kernel.printing import check_language
from electra_kernel.signing.passwordkey import PasswordKey
from electra_kernel.store import ConnectionRecord, Store
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.text import html_table
from electra_kernel.workbench import enrolment, keychanges, keyfiles, removal, versions
from electra_kernel.workbench.access import Access
from electra_kernel.workbench.enrolment import BankKeysDiffer
from electra_kernel.workbench.keyfiles import KeyDiffers
from electra_kernel.workbench.lines import Conversation, Line, NotReady, version_of
from electra_kernel.workbench.passwords import PasswordSource
from electra_kernel.workbench.standing import PYTHON, Commands, next_step
from electra_kernel.workbench.waiting import WaitingItem, waiting_items

__all__ = ["BankKeysDiffer", "Connection", "Connections", "Conversation", "KeyDiffers", "NotReady"]


class Connection:
    """One user's line to one bank.

    ``initialise`` goes on from wherever it stopped; ``next_step`` always says in words what is to be done.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        clock: Clock,
        passwords: PasswordSource,
        open_channel: Callable[[ConnectionRecord], Channel] | None = None,
    ) -> None:
        self._store, self.name, self._passwords = store, name, passwords
        self._line = Line(store, name, clock=clock, passwords=passwords, open_channel=open_channel)

    @property
    def record(self) -> ConnectionRecord:
        """Addresses, ids and certificates as the workbench keeps them."""
        return self._line.record

    @property
    def version(self) -> EbicsVersion:
        """The protocol version spoken with this bank; EBICS 3.0 as long as the bank was not asked."""
        return self._line.version

    def hashes(self) -> Mapping[str, str]:
        """The SHA-256 of each key as the letter prints it and the bank compares it.

        Of the certificate; in EBICS 2.5 without certificates of the key's numbers.
        """
        return self._line.hashes()

    def bank_hashes(self) -> Mapping[str, str]:
        """The SHA-256 of the bank's keys that are trusted, in the form of its letter; empty before there are any."""
        keys = self.record.bank_keys
        return {} if keys is None else enrolment.hashes_of(keys)

    @property
    def next_step(self) -> str:
        """What to do next, in words; empty when there is nothing to be done."""
        return self.step_for(PYTHON)

    def step_for(self, say: Commands) -> str:
        """The same, with what is to be typed where the person is: ``standing.PYTHON`` or ``standing.SHELL``."""
        step = next_step(self._line.standing, self.record, self.letter_file.name, say)
        if orders := self.void_orders():
            return (
                f"{step}. The orders {', '.join(orders)} carry a signature that is worth nothing now: cancel them "
                "(order.cancel()) and make them anew"
            )
        return step

    @property
    def ready(self) -> bool:
        """Whether the initialisation is finished, so that orders can be sent and statements fetched."""
        return self._line.standing.ready

    @property
    def begun(self) -> bool:
        """Whether the bank has got the user's keys, whatever came then."""
        now = self._line.standing
        return now.sent or now.suspended is not None

    @property
    def letter_file(self) -> Path:
        """Where the letter is written."""
        return self._line.letter_file

    # -- keys and the bank's trust in them -----------------------------------------------------------------------------

    def initialise(
        self,
        bank_hashes: Mapping[str, str] | None = None,
        *,
        language: str = "en",
        keys: Mapping[str, str | Path] | None = None,
        new_keys: bool = False,
    ) -> str:
        """Go as far as possible: create keys, send them, write the letter, fetch and compare the bank's keys.

        Args:
            bank_hashes: ``authentication`` and ``encryption``: the SHA-256 hashes printed on the bank's letter.
                Without them it stops before keys of the bank are trusted that were not trusted before. Hashes other than
                those trusted so far tell of new keys of the bank, which are then fetched, compared and trusted instead.
            language: of the letter: ``en``, ``de``, ``fr`` or ``hu``.
            keys: files with keys and certificates that an authority issued (PKCS#12 or PEM), by use: ``signature``,
                ``authentication``, ``encryption``. They are sent together (H3K) where the bank takes that, else as INI
                and HIA with their certificates. Without them keys are made here.
            new_keys: begin anew with new keys, after the bank has reset the user; the old ones stay until the bank has
                taken the new ones.

        Returns:
            The next step in words; empty when the connection is ready.

        Raises:
            BankKeysDiffer: the bank's keys are not those of its letter.
            VersionNotSpoken: the bank does not speak the version that was chosen, or none that is spoken here.
            ElectraError: says which step stopped and why; what was done before stays, and the next call goes on.
        """
        with self._locked():
            enrolment.go_on(self._line, bank_hashes, language=language, new_keys=new_keys, files=keys)
        if self.ready:
            self.info()  # from now on orders can be made and signed without a line to the bank
        return self.next_step

    def change_keys(
        self,
        what: str = "all",
        *,
        keys: Mapping[str, str | Path] | None = None,
        language: str = "en",
        ask: PasswordSource | None = None,
    ) -> Mapping[str, str]:
        """Exchange keys for new ones at the bank, which takes them at once: no letter, no waiting.

        The new keys lie on the disk, under the same password, before they are sent. Where the line breaks the next contact
        with the bank finds out which keys it has and finishes the change.

        Args:
            what: ``signature`` (PUB), ``transport`` (HCA: authentication and encryption) or ``all`` (HCS).
            keys: files with new keys and certificates, as in ``initialise``; made here by default.
            language: of the letter that shows the new keys.
            ask: where the password comes from instead of the workbench's own way.

        Returns:
            The hashes of the keys that count now.

        Raises:
            OrdersUnderWay: orders signed with the old key have not arrived; nothing was changed.
            NotReady: the initialisation is not finished. WrongPassword: nothing was changed.
            BankRefusal: the bank does not take the keys; the old ones stay.
            ChannelError, EbicsError: the line broke; see above.
        """
        kind, uses = keychanges.kind_of(what)
        check_language(language)
        with self._locked():
            self._must_be_ready()
            if keychanges.finish(self._line) and keys is None:
                enrolment.write_letter(self._line, language)
                return self.hashes()  # the change that was cut off is the one that is wanted
            if KeyUse.SIGNATURE in uses:
                keychanges.check_no_orders_wait(self._line)
            password = self._line.password(ask)
            self._line.open_key(KeyUse.SIGNATURE, password)
            new = enrolment.new_keys_for(self._line, uses, keys, ask)
            keychanges.change(self._line, kind, new, password)
            enrolment.write_letter(self._line, language)
        return self.hashes()

    def finish_change(self) -> Mapping[str, str]:
        """Bring a change of keys that was cut off to its end, and give the hashes of the keys that count now.

        Raises:
            BankRefusal: the bank does not take the new keys; the old ones stay.
            ChannelError, EbicsError: it is still not known which keys the bank has; nothing is lost.
        """
        with self._locked():
            keychanges.settle(self._line)
        return self.hashes()

    def suspend(self, *, ask: PasswordSource | None = None) -> str:
        """Give the access up at once (SPR), because a key may be in wrong hands: the bank takes nothing from it any more.

        To begin again: ``initialise()`` with new keys, and the letter.

        Returns:
            The next step in words.

        Raises:
            NotReady: the initialisation is not finished. WrongPassword: nothing was done.
            BankRefusal: the bank does not take it; the access stays.
            ChannelError, EbicsError: whether the bank got it is not known; call it again.
        """
        with self._locked():
            if not keychanges.finish_suspension(self._line):
                self._must_be_ready()
                keychanges.suspend(self._line, self._line.password(ask))
        return self.next_step

    def void_orders(self) -> list[str]:
        """After the access was given up: ids of orders that were signed with the old keys and have not arrived."""
        return keychanges.waiting_orders(self._line) if self._line.standing.suspended else []

    def use_version(self, version: str) -> str:
        """Speak another version of EBICS with this bank from now on, with the same keys.

        Args:
            version: ``H005`` (EBICS 3.0) or ``H004`` (EBICS 2.5).

        Returns:
            The next step in words; empty when the connection is ready.

        Raises:
            VersionNotSpoken: the bank does not speak it. NotReady: the keys are on their way in the old version.
            ElectraError: the bank sent other keys than those trusted. In each case nothing was changed.
        """
        with self._locked():
            versions.use(self._line, version)
        return self.next_step

    def letter(self, language: str = "en", format: str = "pdf") -> bytes:  # noqa: A002 - the user's word
        """The letter with the hashes the bank compares, of the keys that count now; the same however often it is asked.

        Args:
            language: ``en``, ``de``, ``fr`` or ``hu``.
            format: ``pdf`` or ``html``.

        Raises:
            ElectraError: there are no keys yet, or the language or the format is not there.
        """
        return enrolment.letter(self._line, language, format)

    def export_keys(self, path: str | Path, *, ask: PasswordSource | None = None) -> Path:
        """Write keys, certificates and particulars into one file under a password, for ``wb.restore_keys``.

        Args:
            path: the file; there must be none yet.
            ask: where the passwords come from: that of the keys, then the new one of the file.

        Raises:
            WrongPassword: nothing was written; try again.
            WeakPassword: the new password is too short; nothing was written.
            ElectraError: there are no keys yet, a change of keys was cut off, there is a file already, or it cannot be
                written.
        """
        return keyfiles.export_keys(self._store, self.name, Path(path), ask or self._passwords)

    def change_password(self, *, ask: PasswordSource | None = None) -> None:
        """Put the keys under another password; all of them, or none.

        Args:
            ask: where the passwords come from: the old one, then the new one.

        Raises:
            WrongPassword, WeakPassword: nothing was changed; try again.
        """
        keyfiles.change_password(self._store, self.name, ask or self._passwords)

    # -- daily work ----------------------------------------------------------------------------------------------------

    @property
    def order_types(self) -> OrderTypes:
        """Order types of this bank and the services they mean: its own ones, then the standard ones."""
        return with_profile(self._line.own_types)

    def info(self, *, refresh: bool = False) -> Access:
        """What the bank has on file: accounts, rights, limits, signature classes (HTD). Offline: as last fetched.

        Raises:
            NotReady, EbicsError, ChannelError: nothing fetched yet and the bank cannot be asked.
        """
        known = self._line.events("info")
        if known and not refresh:
            version = version_of(known[-1].data.get("version", self.record.protocol))
            return Access.of(read_htd(self._store.archive.get(known[-1].data["sha256"]), version, self.order_types))
        with self.conversation() as talk:
            download = talk.client.download(admin_type="HTD")
            talk.run(download)
            data = download.data
            if data is None:
                raise ElectraError(
                    f"The bank has nothing on file for {self.record.user}.", where=self.name, repair="Ask the bank."
                )
            sha = self._store.archive.put(data, name=f"{self.name}-HTD.xml", media_type="application/xml")
            talk.acknowledge(download)
        version = talk.client.subscriber.version
        self._line.note("info", sha256=sha, version=version.protocol)
        return Access.of(read_htd(data, version, self.order_types))

    def waiting(self) -> tuple[WaitingItem, ...]:
        """The orders at this bank that wait for signatures this user may give; see ``Workbench.to_sign``.

        Raises:
            NotReady, EbicsError, ChannelError: the bank cannot be asked, or offers no distributed signature.
        """
        return waiting_items(self, self._store)

    def signing_key(self, password: str) -> PasswordKey:
        """The signature key, opened for one use.

        Raises:
            WrongPassword: nothing was done; try again.
            KeyDiffers: the key file is not the one whose certificate the bank has.
        """
        return PasswordKey(self._line.open_key(KeyUse.SIGNATURE, password))

    def ask_signing_key(self, ask: PasswordSource | None = None) -> PasswordKey:
        """Ask for the password and open the signature key; see ``signing_key``.

        A change of keys that was cut off is finished first: a signature of the wrong key would be worth nothing.
        """
        self._settle()
        return self.signing_key(self._line.password(ask))

    def unlock(self, ask: PasswordSource | None = None) -> None:
        """Ask for the password once and keep the transport keys open for this session.

        Raises:
            WrongPassword: nothing was done; try again.
        """
        self._line.unlock(ask)

    def conversation(self) -> Conversation:
        """Open the line to the bank; a context manager that hangs up. What was cut off before is finished first.

        Raises:
            NotReady: the initialisation is not finished, or the access was given up.
        """
        self._settle()
        self._must_be_ready()
        return self._line.talk(daily=True)

    def _removed(self, *, erase_keys: bool) -> str:
        with self._locked():
            return removal.remove(self._line, erase_keys=erase_keys)

    def _settle(self) -> None:
        now = self._line.standing
        if now.changing is not None or now.suspending is not None:
            with self._locked():
                keychanges.settle(self._line)

    def _must_be_ready(self) -> None:
        if not self.ready:
            raise NotReady(f"The connection {self.name!r} is not ready.", repair=self.next_step + ".")

    def _locked(self) -> AbstractContextManager[None]:
        return self._store.lock(f"connection-{self.name}", purpose=f"keys of {self.name}")

    # -- shown ---------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """In a word: ``ready``, ``refused by the bank``, ``given up`` or ``being initialised``."""
        now = self._line.standing
        if now.suspended is not None or now.suspending is not None:
            return "given up"
        if now.refused is not None:
            return "refused by the bank"
        return "ready" if now.ready else "being initialised"

    def __repr__(self) -> str:
        record, step = self.record, self.next_step
        about = f"{record.user} of {record.partner} at {record.host}, {record.url}, {versions.named(record.protocol)}"
        return f"Connection {self.name}: {about}; {self.state}" + (f"; next: {step}" if step else "")

    def _repr_html_(self) -> str:
        record = self.record
        rows = [
            ("Bank", record.host),
            ("Address", record.url),
            ("Customer", record.partner),
            ("User", record.user),
            ("EBICS", versions.named(record.protocol)),
            ("State", self.state),
            ("Next step", self.next_step),
            *((f"Hash of the {use} key", value) for use, value in self.hashes().items()),
        ]
        return html_table(("", ""), [row for row in rows if row[1]], caption=f"Connection {self.name}")


class Connections(Mapping[str, Connection]):
    """Every connection of the workbench by name."""

    def __init__(self, store: Store, make: Callable[[str], Connection]) -> None:
        self._store, self._make, self._open = store, make, dict[str, Connection]()

    def __getitem__(self, name: str) -> Connection:
        self._store.connections.get(name)
        return self._open.setdefault(name, self._make(name))

    def remove(self, name: str, *, erase_keys: bool = False) -> str:
        """Take a connection out of the workbench, such as one with a mistyped id. Nothing is told to the bank.

        Orders, statements and the journal stay as they are.

        Args:
            name: of the connection.
            erase_keys: whether its keys are erased; else they are kept under their password, in the folder ``keys``.

        Returns:
            What became of the keys, and what is left to do, in words.

        Raises:
            NoSuchConnection: says which names there are.
            OrdersWait: orders wait on it; nothing was changed.
            ElectraError: a change of keys was cut off, and its end is not known; nothing was changed.
        """
        told = self[name]._removed(erase_keys=erase_keys)
        self._open.pop(name, None)
        return told

    def __iter__(self) -> Iterator[str]:
        return (record.name for record in self._store.connections.all())

    def __len__(self) -> int:
        return len(self._store.connections.all())

    def default(self, name: str | None = None) -> Connection:
        """The named connection, or the only one there is; one whose keys never reached its bank bars no other.

        Raises:
            ElectraError: there is none, or several and no name.
        """
        if name is not None:
            return self[name]
        names = list(self)
        names = [each for each in names if self[each].begun] or names  # a mistyped user id leaves one behind
        if len(names) == 1:
            return self[names[0]]
        if not names:
            raise ElectraError(
                "There is no connection to a bank yet.",
                repair="Run wb.connect_sandbox(), or wb.connect(url, host=…, partner=…, user=…).",
            )
        raise ElectraError("There are several connections.", repair=f"Name one of: {', '.join(names)}.")

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.values())) or "No connections yet."

    def _repr_html_(self) -> str:
        rows = [
            (name, line.record.url, line.record.user, versions.named(line.record.protocol), line.state, line.next_step)
            for name, line in self.items()
        ]
        head = ("Name", "Address", "User", "EBICS", "State", "Next step")
        return html_table(head, rows, caption="Connections")
