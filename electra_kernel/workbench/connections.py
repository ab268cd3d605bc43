"""Connections: a customer's subscription at one bank, from the first key to the daily conversation.

What may live here: initialisation step by step, unlocking keys, one conversation over a channel. What is said in a
conversation belongs to ``sending`` and ``fetching``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from electra_kernel.channels.base import Channel
from electra_kernel.channels.internet import InternetChannel
from electra_kernel.ebics.client import Client, Download, Exchange, Subscriber
from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.errors import BankRefusal
from electra_kernel.ebics.info import SubscriberInfo, read_htd
from electra_kernel.ebics.keys import (
    BankKeys,
    TransportKeys,
    certificate_der,
    certificate_for,
    fingerprint,
    generate_key,
    read_certificate,
)
from electra_kernel.ebics.version import VERSIONS, EbicsVersion
from electra_kernel.signing.passwordkey import PasswordKey, open_key, protect_key
from electra_kernel.store import ConnectionRecord, Store
from electra_kernel.store.files import write_private_file
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.text import html_table
from electra_kernel.workbench import keyfiles
from electra_kernel.workbench.letters import letter_of, sent_form
from electra_kernel.workbench.passwords import PasswordSource, ask_new_password
from electra_kernel.workbench.waiting import WaitingItem, waiting_items

#: Codes by which a bank says that a user's keys arrived earlier, or that it has not activated the user yet.
_STATE_REFUSALS = frozenset({"091002", "091004", "061001"})

#: Steps after which the bank has, or will get, other keys.
_KEY_EVENTS = frozenset({"keys-created", "ini-sent", "hia-sent", "h3k-sent", "keys-changed"})

Result = TypeVar("Result")


class NotReady(ElectraError):
    """The connection's initialisation is not finished; the repair is the next step."""


class BankKeysDiffer(ElectraError):
    """The keys the bank sent are not those of its letter."""


class KeyDiffers(ElectraError):
    """A key file does not belong to the certificate that was sent to the bank."""


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
        self._store, self.name, self._clock, self._passwords = store, name, clock, passwords
        self._open_channel = open_channel or _internet
        self._transport: TransportKeys | None = None

    @property
    def record(self) -> ConnectionRecord:
        """Addresses, ids and certificates as the workbench keeps them."""
        return self._store.connections.get(self.name)

    @property
    def version(self) -> EbicsVersion:
        """The protocol version spoken with this bank."""
        return next(version for version in VERSIONS.values() if version.protocol == self.record.protocol)

    def hashes(self) -> Mapping[str, str]:
        """SHA-256 of each certificate, or of its key's numbers in EBICS 2.5, as the letter prints them."""
        by_numbers = self.version.key_values
        return {
            use.value: fingerprint(sent_form(der, by_numbers=by_numbers))
            for use, der in self.record.certificates.items()
        }

    @property
    def next_step(self) -> str:
        """What to do next, in words; empty once the connection is ready."""
        done = self._done()
        if not self.record.certificates:
            return "Create your keys: connection.initialise()"
        if not {"ini-sent", "hia-sent"} <= done:
            return "Send your keys to the bank: connection.initialise()"
        if "bank-keys-confirmed" not in done:
            return (
                f"Print the letter {self.letter_file.name}, sign it, send it to the bank; once the bank has activated you, "
                "run connection.initialise() with the hashes from the bank's letter"
            )
        return ""

    @property
    def ready(self) -> bool:
        """Whether orders can be sent and statements fetched."""
        return not self.next_step

    @property
    def letter_file(self) -> Path:
        """Where the initialisation letter is written."""
        return self._store.folder / "letters" / f"{quote(self.name, safe=' ')}.pdf"

    def initialise(self, bank_hashes: Mapping[str, str] | None = None, *, language: str = "en") -> str:
        """Go as far as possible: create keys, send INI and HIA, write the letter, fetch and compare the bank's keys.

        Args:
            bank_hashes: ``authentication`` and ``encryption``: the SHA-256 hashes printed on the bank's letter.
                Without them it stops before the bank's keys are trusted. Hashes other than those trusted so far tell
                of new keys of the bank, which are then fetched, compared and trusted instead.
            language: of the letter: ``en``, ``de``, ``fr`` or ``hu``.

        Returns:
            The next step in words; empty when the connection is ready.

        Raises:
            BankKeysDiffer: the bank's keys are not those of its letter.
        """
        with self._store.lock(f"connection-{self.name}"):
            if not self.record.certificates:
                self._create_keys()
            self._send_keys("ini", lambda client: client.ini(self.record.certificates[KeyUse.SIGNATURE]))
            self._send_keys("hia", lambda client: client.hia())
            self._write_letter(language)
            if bank_hashes is not None and not self._trusts(bank_hashes):
                self._fetch_bank_keys(bank_hashes)
        if self.ready:
            self.info()  # from now on orders can be made and signed without a line to the bank
        return self.next_step

    def letter(self, language: str = "en", format: str = "pdf") -> bytes:  # noqa: A002 - the user's word
        """The initialisation letter, with exactly the hashes the bank compares; the same letter however often it is asked.

        Args:
            language: ``en``, ``de``, ``fr`` or ``hu``.
            format: ``pdf`` or ``html``.

        Raises:
            ElectraError: there are no keys yet, or the language or the format is not there.
        """
        return letter_of(
            self.record, by_numbers=self.version.key_values, sent=self._keys_sent(), language=language, form=format
        )

    def _keys_sent(self) -> datetime:
        """When the newest keys went to the bank, or were made; now where neither is known."""
        known = [event for event in self._store.journal.events(subject=self._subject) if event.kind in _KEY_EVENTS]
        if not known:
            return self._clock()
        # Restored keys went to the bank when they first did.
        return datetime.fromisoformat(known[-1].data.get("at") or known[-1].at.isoformat())

    def export_keys(self, path: str | Path, *, ask: PasswordSource | None = None) -> Path:
        """Write keys, certificates and particulars into one file under a password, for ``wb.restore_keys``.

        Args:
            path: the file; there must be none yet.
            ask: where the passwords come from: that of the keys, then the new one of the file.

        Raises:
            WrongPassword: nothing was written; try again.
            WeakPassword: the new password is too short; nothing was written.
            ElectraError: there are no keys yet, there is a file already, or it cannot be written.
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

    def info(self, *, refresh: bool = False) -> SubscriberInfo:
        """What the bank has on file: accounts, rights, signature classes (HTD). Offline: as last fetched.

        Raises:
            NotReady, EbicsError, ChannelError: nothing fetched yet and the bank cannot be asked.
        """
        known = self._store.journal.events(subject=self._subject, kind="info")
        if known and not refresh:
            return read_htd(self._store.archive.get(known[-1].data["sha256"]), self.version)
        with self.conversation() as talk:
            download = talk.client.download(admin_type="HTD")
            talk.run(download)
            data = download.data
            assert data is not None
            sha = self._store.archive.put(data, name=f"{self.name}-HTD.xml", media_type="application/xml")
            talk.acknowledge(download)
        self._note("info", sha256=sha)
        return read_htd(data, self.version)

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
        return PasswordKey(self._open_key(KeyUse.SIGNATURE, password))

    def _open_key(self, use: KeyUse, password: str) -> RSAPrivateKey:
        name = keyfiles.key_name(self.name, use)
        key = open_key(self._store.keys.get(name), password)
        if key.public_key() != read_certificate(self.record.certificates[use])[1]:
            raise KeyDiffers(
                f"The key {name} is not the one the bank knows.",
                cause="another key file was put in its place.",
                repair="Put the right key file back from a backup.",
            )
        return key

    def ask_signing_key(self, ask: PasswordSource | None = None) -> PasswordKey:
        """Ask for the password and open the signature key; see ``signing_key``."""
        return self.signing_key((ask or self._passwords)(f"Password of {self.record.user} at {self.name}"))

    def unlock(self, ask: PasswordSource | None = None) -> None:
        """Ask for the password once and keep the transport keys open for this session.

        Raises:
            WrongPassword: nothing was done; try again.
        """
        if self._transport is None:
            password = (ask or self._passwords)(f"Password of {self.record.user} at {self.name}")
            certificates = self.record.certificates
            self._transport = TransportKeys(
                self._open_key(KeyUse.AUTHENTICATION, password),
                read_certificate(certificates[KeyUse.AUTHENTICATION])[0],
                self._open_key(KeyUse.ENCRYPTION, password),
                read_certificate(certificates[KeyUse.ENCRYPTION])[0],
            )

    def conversation(self) -> Conversation:
        """Open the line to the bank; a context manager that hangs up.

        Raises:
            NotReady: initialisation is not finished.
        """
        if not self.ready:
            raise NotReady(f"The connection {self.name!r} is not ready.", repair=self.next_step + ".")
        return self._converse()

    def _converse(self) -> Conversation:
        self.unlock()
        record = self.record
        assert self._transport is not None
        subscriber = Subscriber(record.host, record.partner, record.user, self.version)
        client = Client(subscriber=subscriber, keys=self._transport, bank=record.bank_keys, clock=self._clock)
        return Conversation(client, self._open_channel(record))

    def _create_keys(self) -> None:
        record = self.record
        password = ask_new_password(self._passwords, f"New password for the keys of {record.user} at {self.name}")
        certificates = {}
        for use in KeyUse:
            key = generate_key()
            # Keys whose certificates were never noted were never sent: an earlier attempt was cut off here.
            self._store.keys.put(keyfiles.key_name(self.name, use), protect_key(key, password), replace=True)
            certificates[use] = certificate_der(
                certificate_for(key, use, common_name=f"{record.partner} {record.user}", not_before=self._clock())
            )
        self._store.connections.update(self.name, certificates=certificates)
        self._note("keys-created", **self.hashes())

    def _send_keys(self, name: str, exchange: Callable[[Client], Exchange[str]]) -> None:
        done = self._done()
        if f"{name}-sent" in done:
            return
        self._note(f"{name}-sending")
        try:
            with self._converse() as talk:
                order_id = talk.run(exchange(talk.client))
        except BankRefusal as refusal:
            if refusal.code not in _STATE_REFUSALS or f"{name}-sending" not in done:
                raise
            order_id = ""  # an earlier attempt, cut off before its answer, did arrive
        self._note(f"{name}-sent", order_id=order_id)

    def _write_letter(self, language: str) -> None:
        if self.letter_file.exists():
            return
        write_private_file(self.letter_file, self.letter(language))
        self._note("letter-written", file=self.letter_file.name)

    def _fetch_bank_keys(self, expected: Mapping[str, str]) -> None:
        try:
            with self._converse() as talk:
                keys = talk.run(talk.client.hpb())
        except BankRefusal as refusal:
            if refusal.code in _STATE_REFUSALS and not self.ready:
                return  # not activated yet: the next step says so
            raise
        self._compare(keys, expected)
        self._store.connections.update(self.name, bank_keys=keys)
        self._note("bank-keys-confirmed", **_hashes(keys))

    def _trusts(self, expected: Mapping[str, str]) -> bool:
        """Whether the bank's keys with these hashes are the ones that are trusted already."""
        keys = self.record.bank_keys
        if keys is None or "bank-keys-confirmed" not in self._done():
            return False
        return all(_digits(expected.get(use, "")) == _digits(known) for use, known in _hashes(keys).items())

    def _compare(self, keys: BankKeys, expected: Mapping[str, str]) -> None:
        for use, received in _hashes(keys).items():
            if _digits(expected.get(use, "")) != _digits(received):
                raise BankKeysDiffer(
                    f"The bank's {use} key is not the one of its letter.",
                    where=self.name,
                    cause=f"the bank sent {received}, the letter says {expected.get(use) or 'nothing'}.",
                    repair="Do not use this connection. Compare the letter once more, then call the bank.",
                )

    def _done(self) -> set[str]:
        return {event.kind for event in self._store.journal.events(subject=self._subject)}

    def _note(self, kind: str, **data: str) -> None:
        self._store.journal.append(self._subject, kind, data)

    @property
    def _subject(self) -> str:
        return f"connection:{self.name}"

    def __repr__(self) -> str:
        record = self.record
        state = "ready" if self.ready else f"next: {self.next_step}"
        return f"Connection {self.name}: {record.user} of {record.partner} at {record.host}, {record.url}; {state}"

    def _repr_html_(self) -> str:
        record = self.record
        rows = [
            ("Bank", record.host),
            ("Address", record.url),
            ("Customer", record.partner),
            ("User", record.user),
            ("State", "ready" if self.ready else "being initialised"),
            ("Next step", self.next_step),
        ]
        return html_table(("", ""), [row for row in rows if row[1]], caption=f"Connection {self.name}")


class Conversation:
    """An open line and the protocol engine that speaks on it."""

    def __init__(self, client: Client, channel: Channel) -> None:
        self.client, self._channel = client, channel

    def run(self, exchange: Exchange[Result]) -> Result:
        """Carry an exchange's documents to the bank and back until it has nothing more to send."""
        while (document := exchange.request()) is not None:
            exchange.answer(self._channel.exchange(document))
        return exchange.result

    def acknowledge(self, download: Download, *, positive: bool = True) -> None:
        """Send the receipt of a download whose data are safe (or are not)."""
        download.acknowledge(positive)
        self.run(download)

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *exc: object) -> None:
        self._channel.close()


class Connections(Mapping[str, Connection]):
    """Every connection of the workbench by name."""

    def __init__(self, store: Store, make: Callable[[str], Connection]) -> None:
        self._store, self._make, self._open = store, make, dict[str, Connection]()

    def __getitem__(self, name: str) -> Connection:
        self._store.connections.get(name)
        return self._open.setdefault(name, self._make(name))

    def __iter__(self) -> Iterator[str]:
        return (record.name for record in self._store.connections.all())

    def __len__(self) -> int:
        return len(self._store.connections.all())

    def default(self, name: str | None = None) -> Connection:
        """The named connection, or the only one there is.

        Raises:
            ElectraError: there is none, or several and no name.
        """
        if name is not None:
            return self[name]
        names = list(self)
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
        rows = [(name, self[name].record.url, self[name].record.user, self[name].next_step or "ready") for name in self]
        return html_table(("Name", "Address", "User", "State or next step"), rows, caption="Connections")


def _internet(record: ConnectionRecord) -> Channel:
    return InternetChannel(record.url, ca=Path(record.ca_file) if record.ca_file else None)


def _hashes(keys: BankKeys) -> dict[str, str]:
    return {"authentication": fingerprint(keys.authentication), "encryption": fingerprint(keys.encryption)}


def _digits(hash_text: str) -> str:
    return "".join(character for character in hash_text.upper() if character.isalnum())
