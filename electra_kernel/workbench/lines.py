"""The line of one connection: its record, its journal, its opened keys, and conversations over a channel.

What may live here: what enrolment, changes of keys and daily work all stand on. What is said is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from electra_kernel.channels.base import Channel, NotABank
from electra_kernel.channels.internet import InternetChannel
from electra_kernel.ebics.client import Client, Download, Exchange, Subscriber
from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.errors import BankRefusal, BankSignatureInvalid, EbicsError, RemoteProtocolError
from electra_kernel.ebics.keys import TransportKeys, fingerprint, read_certificate
from electra_kernel.ebics.ordertypes import OrderTypes
from electra_kernel.ebics.version import H005, VERSIONS, EbicsVersion
from electra_kernel.store import ConnectionRecord, Store
from electra_kernel.store.journal import JournalEvent
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench import keyfiles, ordertypes
from electra_kernel.workbench.letters import sent_form
from electra_kernel.workbench.passwords import PasswordSource
from electra_kernel.workbench.standing import (
    CHANGING,
    REFUSED,
    RESTORED,
    Standing,
    certificates_of,
    of_this_life,
    standing,
)

#: Codes by which a bank says that it does not take this user or its keys: not (yet, any more) active, or others.
STATE_REFUSALS = frozenset({"091002", "091003", "091004", "061001"})

Result = TypeVar("Result")


class NotReady(ElectraError):
    """The connection's initialisation is not finished; the repair is the next step."""


class AccessRefused(BankRefusal):
    """The bank does not take this user, or its keys, any more."""

    def __init__(self, refusal: BankRefusal, user: str) -> None:
        super().__init__(refusal.code, refusal.report, level=refusal.level)
        self.what = f"The bank refuses {user}. {self.what}"
        self.repair = "See connection.next_step: it says what to do when the bank unlocks or resets you. " + self.repair


class Line:
    """What is known and open of one connection in this program."""

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        clock: Clock,
        passwords: PasswordSource,
        open_channel: Callable[[ConnectionRecord], Channel] | None = None,
    ) -> None:
        self.store, self.name, self.clock, self.passwords = store, name, clock, passwords
        self._open_channel = open_channel or internet
        self._opened: dict[tuple[bytes, bytes], TransportKeys] = {}

    @property
    def record(self) -> ConnectionRecord:
        """Addresses, ids and certificates as the workbench keeps them."""
        return self.store.connections.get(self.name)

    @property
    def version(self) -> EbicsVersion:
        """The protocol version spoken with this bank; EBICS 3.0 as long as the bank was not asked."""
        return version_of(self.record.protocol)

    @property
    def own_types(self) -> OrderTypes | None:
        """The order types only this bank has; ``None`` where it has none."""
        return ordertypes.own_types(self.store.folder, self.name)

    @property
    def standing(self) -> Standing:
        """Where the connection stands, by its journal."""
        return standing(self.events())

    def events(self, kind: str | None = None) -> list[JournalEvent]:
        """What happened to the connection, oldest first; of one kind where it is named."""
        told = of_this_life(self.store.journal.events(subject=self.subject))
        return [event for event in told if kind in (None, event.kind)]

    @property
    def subject(self) -> str:
        """The connection in the journal."""
        return f"connection:{self.name}"

    @property
    def letter_file(self) -> Path:
        """Where the letter is written."""
        return self.store.folder / "letters" / f"{quote(self.name, safe=' ')}.pdf"

    @property
    def by_numbers(self) -> bool:
        """Whether keys travel, and are named, by their numbers: in EBICS 2.5 without certificates."""
        return self.version.key_values and not self.record.certified

    def note(self, event: str, /, **data: object) -> None:
        """Write into the journal what happened to the connection."""
        self.store.journal.append(self.subject, event, data)

    def hashes(self, certificates: Mapping[KeyUse, bytes] | None = None) -> dict[str, str]:
        """The hash of each key as this version's letter prints it and the bank compares it; of the own ones by default."""
        held = self.record.certificates if certificates is None else certificates
        return {use.value: fingerprint(sent_form(der, by_numbers=self.by_numbers)) for use, der in held.items()}

    # -- keys ----------------------------------------------------------------------------------------------------------

    def password(self, ask: PasswordSource | None = None) -> str:
        """Ask for the password of the keys."""
        return (ask or self.passwords)(f"Password of {self.record.user} at {self.name}")

    def open_key(self, use: KeyUse, password: str, certificate: bytes | None = None) -> RSAPrivateKey:
        """The private key of a certificate, of the current one by default.

        Raises:
            WrongPassword: nothing was done; try again.
            KeyDiffers: no key file belongs to the certificate.
        """
        return keyfiles.open_own(self.store, self.name, use, certificate or self.record.certificates[use], password)

    def open_transport(self, certificates: Mapping[KeyUse, bytes], password: str) -> TransportKeys:
        """Open the transport keys of these certificates and keep them for this session."""
        place = certificates[KeyUse.AUTHENTICATION], certificates[KeyUse.ENCRYPTION]
        if place not in self._opened:
            self._opened[place] = TransportKeys(
                self.open_key(KeyUse.AUTHENTICATION, password, place[0]),
                read_certificate(place[0])[0],
                self.open_key(KeyUse.ENCRYPTION, password, place[1]),
                read_certificate(place[1])[0],
            )
        return self._opened[place]

    def unlock(self, ask: PasswordSource | None = None, *, only: Mapping[KeyUse, bytes] | None = None) -> None:
        """Ask for the password once, where it is needed, and keep the transport keys open for this session.

        Where a change of keys was cut off the new ones are opened too: the bank may have them already.
        """
        wanted = [each for each in ([only] if only else self._wanted()) if _place(each) not in self._opened]
        if wanted:
            password = self.password(ask)
            for certificates in wanted:
                self.open_transport(certificates, password)

    def _wanted(self) -> list[Mapping[KeyUse, bytes]]:
        current, changing = self.record.certificates, self.standing.changing
        # Keys of a new beginning lie under a password of their own.
        both = changing is not None and changing.data["kind"] != "INI"
        return [current, {**current, **certificates_of(changing)}] if changing and both else [current]

    # -- conversations -------------------------------------------------------------------------------------------------

    def talk(
        self,
        certificates: Mapping[KeyUse, bytes] | None = None,
        *,
        version: EbicsVersion | None = None,
        daily: bool = False,
        alone: bool = False,
    ) -> Conversation:
        """Open the line to the bank; a context manager that hangs up.

        Args:
            certificates: whose transport keys carry it; the current ones by default.
            version: of EBICS; the connection's by default.
            daily: whether a refusal of the user is news, to be noted and told.
            alone: whether only these keys are opened, and no others.
        """
        self.unlock(only=certificates if alone else None)
        record = self.record
        keys = self._opened[_place(certificates or record.certificates)]
        subscriber = Subscriber(record.host, record.partner, record.user, version or self.version)
        client = Client(
            subscriber=subscriber,
            keys=keys,
            bank=record.bank_keys,
            clock=self.clock,
            certificates=record.certified,
            issuers=record.issuers,
            profile=self.own_types,
        )
        return Conversation(client, self.open_channel(), line=self if daily else None)

    def open_channel(self) -> Channel:
        """A channel to the bank, without a word said."""
        return self._open_channel(self.record)

    def heard(self) -> None:
        """Note that the bank takes this user again."""
        self.note(RESTORED)

    def refused(self, refusal: BankRefusal) -> AccessRefused:
        """Note that the bank does not take this user, and give the error that says so."""
        before = self.standing.refused
        if before is None or before.data.get("code") != refusal.code:
            self.note(REFUSED, code=refusal.code, name=refusal.name)
        return AccessRefused(refusal, self.record.user)

    def changing(self, **facts: object) -> None:
        """Note new keys before they leave: from here on the bank may have them."""
        self.note(CHANGING, **facts)


class Conversation:
    """An open line and the protocol engine that speaks on it."""

    def __init__(self, client: Client, channel: Channel, *, line: Line | None = None) -> None:
        self.client, self._channel, self._line = client, channel, line
        self._was_refused = line is not None and line.standing.refused is not None

    def run(self, exchange: Exchange[Result]) -> Result:
        """Carry an exchange's documents to the bank and back until it has nothing more to send."""
        try:
            while (document := exchange.request()) is not None:
                exchange.answer(self._channel.exchange(document))
        except (EbicsError, NotABank) as error:
            self._explain(error)
            raise
        if self._line is not None and self._was_refused:
            self._line.heard()
            self._was_refused = False
        return exchange.result

    def _explain(self, error: ElectraError) -> None:
        """Raise what lies behind an error, where more can be known than the error says."""
        if self._line is None:
            return
        if isinstance(error, BankRefusal) and error.code in STATE_REFUSALS:
            raise self._line.refused(error) from error
        if may_be_of_the_version(error):
            from electra_kernel.workbench.versions import check_still_spoken

            check_still_spoken(self._line, self._channel, error)

    def acknowledge(self, download: Download, *, positive: bool = True) -> None:
        """Send the receipt of a download whose data are safe (or are not)."""
        download.acknowledge(positive)
        self.run(download)

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *exc: object) -> None:
        self._channel.close()


def may_be_of_the_version(error: ElectraError) -> bool:
    """Whether a bank that does not speak our version any more may be behind this."""
    if isinstance(error, BankRefusal):
        return error.code in {"061002", "091010"}
    return isinstance(error, RemoteProtocolError | BankSignatureInvalid | NotABank)


def version_of(protocol: str) -> EbicsVersion:
    """The version of this name; EBICS 3.0 where none is chosen yet."""
    return next((version for version in VERSIONS.values() if version.protocol == protocol), H005)


def internet(record: ConnectionRecord) -> Channel:
    """HTTPS to the bank's address."""
    return InternetChannel(record.url, ca=Path(record.ca_file) if record.ca_file else None)


def _place(certificates: Mapping[KeyUse, bytes]) -> tuple[bytes, bytes]:
    return certificates[KeyUse.AUTHENTICATION], certificates[KeyUse.ENCRYPTION]
