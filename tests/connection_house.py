"""A workbench whose bank sits in the same process: a line that breaks where a test wants, and keys that are quickly made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest

from electra_kernel import Workbench
from electra_kernel.channels.base import BankUnreachable, Channel, ChannelError, NotABank
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.info import AccountInfo, OrderInfo, Permission, SubscriberInfo, UserInfo, write_htd
from electra_kernel.ebics.keys import BankKeys
from electra_kernel.ebics.server import Server
from electra_kernel.ebics.version import H005, EbicsVersion
from electra_kernel.signing.passwordkey import ScryptCost, protect_key
from electra_kernel.store import ConnectionRecord
from electra_kernel.workbench.connections import Connection
from electra_kernel.workbench.enrolment import hashes_of
from electra_kernel.workbench.letters import sent_form
from tests.ebics_house import HOST, NOW, PARTNER, USER, DictDesk, key, new_desk, server, transport_keys

PASSWORD = "correct horse battery"
URL = "https://bank.example/ebics"
PAYMENTS = Service(name="SCT", message="pain.001", scope="HU")


class Killed(BaseException):
    """The process ends here: no handler of the program runs on."""


@dataclass
class Line:
    """The line to a bank in this process; breaks at its n-th exchange, in one of several ways."""

    bank: Server
    fail_at: int = 0
    mode: str = ""
    count: int = 0
    seen: list[bytes] = field(default_factory=list)

    def open(self, record: ConnectionRecord) -> Channel:
        return self

    def break_in(self, exchanges: int, mode: str) -> None:
        """Break at the n-th exchange from now."""
        self.fail_at, self.mode = self.count + exchanges, mode

    def exchange(self, document: bytes) -> bytes:
        self.count += 1
        failing = self.count == self.fail_at
        if failing and self.mode == "unreached":
            raise BankUnreachable("The bank cannot be reached.")
        if failing and self.mode == "killed before":
            raise Killed
        self.seen.append(document)
        answer = self.bank.handle(document)
        if failing and self.mode == "answer lost":
            raise ChannelError("The line broke.")
        if failing and self.mode == "killed after":
            raise Killed
        if failing and self.mode == "maintenance":
            raise NotABank("The server answered with HTTP status 503.")
        return b"<html>maintenance</html>" if failing and self.mode == "nonsense" else answer

    def close(self) -> None:
        """Nothing to hang up."""


@pytest.fixture(autouse=True, name="quick_keys")
def quick_keys_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test of a file that imports this makes its keys quickly."""
    make_keys_quick(monkeypatch)


def make_keys_quick(monkeypatch: pytest.MonkeyPatch, store: str = "pool") -> None:
    """Keys from a store of a dozen real ones, and passwords as cheap as the key files still take."""
    pool = cycle(range(12))
    monkeypatch.setattr("electra_kernel.workbench.broughtkeys.generate_key", lambda bits: key(f"{store}-{next(pool)}"))
    monkeypatch.setattr("electra_kernel.workbench.keyfiles.protect_key", partial(protect_key, cost=ScryptCost(2**4)))


@pytest.fixture(name="desk")
def desk_fixture() -> DictDesk:
    """A bank that knows ANNA by name only."""
    return new_desk()


@pytest.fixture(name="line")
def line_fixture(desk: DictDesk) -> Line:
    """The line to that bank."""
    return Line(server(desk))


@pytest.fixture(name="workbench")
def workbench_fixture(tmp_path: Path, line: Line) -> Iterator[Workbench]:
    """A new workbench on that line."""
    with opened(tmp_path / "w", line) as found:
        yield found


@contextmanager
def opened(folder: Path, line: Line, password: str = PASSWORD) -> Iterator[Workbench]:
    """The workbench in a folder, as another process opens it: nothing is known but what is on the disk."""
    found = Workbench.open(folder, clock=lambda: NOW, passwords=lambda _: password, open_channel=line.open)
    try:
        yield found
    finally:
        found.close()


def connected(workbench: Workbench, desk: DictDesk, **options: object) -> Connection:
    """ANNA's connection, ready: keys sent, user activated, the bank's keys compared."""
    connection = workbench.connect(URL, host=HOST, partner=PARTNER, user=USER, **options)  # type: ignore[arg-type]
    connection.initialise()
    desk.activate()
    tell(desk, connection.version)
    assert connection.initialise(bank_hashes(connection)) == ""
    return connection


def bank_hashes(connection: Connection) -> dict[str, str]:
    """What the bank's letter for this connection prints."""
    keys, bare = transport_keys("bank"), connection.version.key_values and not connection.record.certified
    held = [sent_form(der, by_numbers=bare) for der in (keys.authentication_der, keys.encryption_der)]
    return hashes_of(BankKeys(*held))


def info() -> SubscriberInfo:
    """What the bank has on file for ANNA."""
    return SubscriberInfo(
        host_id=HOST,
        name="Duna <Kft.>",
        city="Budapest",
        country="HU",
        user=UserInfo(
            user_id=USER,
            name="Anna Kovács",
            permissions=(
                Permission(
                    admin_type="BTU",
                    service=PAYMENTS,
                    level="E",
                    account_id="A1",
                    limit=Decimal(5_000_000),
                    currency="HUF",
                ),
                Permission(admin_type="HAC"),
            ),
        ),
        accounts=(
            AccountInfo(
                id="A1", iban="HU42117730161111101800000000", currency="HUF", holder="Duna Kft.", bic="ELTRHUHB"
            ),
        ),
        orders=(
            OrderInfo(admin_type="BTU", service=PAYMENTS, description="Credit transfers", signatures=2),
            OrderInfo(admin_type="HAC", description="Protocol"),
        ),
    )


def tell(desk: DictDesk, version: EbicsVersion = H005) -> None:
    """Have the bank's data of the user ready to be fetched."""
    desk.mail["HTD"] = write_htd(info(), version)
