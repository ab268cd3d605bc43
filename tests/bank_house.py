"""A sandbox bank for tests: its database is planted once a run and copied; its clock stands still."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from hashlib import sha256
from io import BytesIO
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from zipfile import ZipFile

from electra_kernel.bank import clock as bank_clock
from electra_kernel.bank.clock import DayReport, advance, business_days_ahead
from electra_kernel.bank.database import Database
from electra_kernel.bank.desk import BankDesk
from electra_kernel.bank.ledger import account_of, balance, totals
from electra_kernel.bank.seed import EURO_ACCOUNT, MAIN_ACCOUNT, PARTNER, TROUBLE, hungarian_account, plant
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.desk import DeskRefusal, DownloadRequest, Upload
from electra_kernel.ebics.hac import HacEvent, read_hac
from electra_kernel.formats import camt053, pain001, pain002
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.orders.status import StatusReport
from electra_kernel.statements.model import Statement
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

START = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SUPPLIER = hungarian_account("1040001", "1234567")
CLOSED = next(row[0] for row in TROUBLE if row[2] == "HUF")
PAYMENTS, REPORTS = Service("DCT", "pain.001"), Service("PSR", "pain.002", container="ZIP")
STATEMENTS = Service("EOP", "camt.053", container="ZIP")
_numbers = count(1)


@cache
def _planted() -> Path:
    folder = Path(mkdtemp(prefix="electra-bank-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database(folder, create=True)
    with database.write() as connection:
        plant(connection, seed="1", start=START)
    database.close()
    return folder


def clock() -> datetime:
    """The one time of these tests."""
    return NOW


@dataclass
class Counter:
    """A bank and one user who stands at its desk."""

    database: Database
    desk: BankDesk
    user: str = "ANNA"

    def send(self, *payments: Order, service: Service = PAYMENTS, data: bytes | None = None, flag: bool = True) -> str:
        """Hand in an order and return its order id."""
        return self.desk.receive(self.upload(*payments, service=service, data=data, flag=flag), self.fresh())

    def upload(
        self, *payments: Order, service: Service = PAYMENTS, data: bytes | None = None, flag: bool = True
    ) -> Upload:
        """What the engine hands to the desk for an order."""
        content = pain001.write(payments[0]) if data is None else data
        return Upload(
            partner_id=PARTNER,
            user_id=self.user,
            admin_type="BTU",
            service=service,
            data=content,
            digest=sha256(content).digest(),
            signers=((PARTNER, self.user),),
            signature_flag=flag,
        )

    @staticmethod
    def fresh() -> bytes:
        """A new transaction id."""
        return next(_numbers).to_bytes(16, "big")

    def fetch(
        self, service: Service | None = None, admin_type: str = "BTD", *, positive: bool = True, **dates: date
    ) -> bytes:
        """Fetch and acknowledge; empty bytes where nothing waits."""
        request = DownloadRequest(
            partner_id=PARTNER, user_id=self.user, admin_type=admin_type, service=service, **dates
        )
        try:
            delivery = self.desk.deliver(request)
        except DeskRefusal as refusal:
            if refusal.code != "090005":
                raise
            return b""
        self.desk.receipt(delivery.token, positive=positive)
        return delivery.data

    def statements(self, **dates: date) -> list[Statement]:
        """The statements that wait."""
        return [one for data in unzip(self.fetch(STATEMENTS, **dates)) for one in camt053.read(data, "s").statements]

    def reports(self) -> list[StatusReport]:
        """The status reports that wait."""
        return [one for data in unzip(self.fetch(REPORTS)) for one in pain002.read(data, "r").reports]

    def protocol(self) -> tuple[HacEvent, ...]:
        """The rows of the customer protocol that are new."""
        data = self.fetch(admin_type="HAC")
        return read_hac(data) if data else ()

    def move(self, days: int = 1) -> list[DayReport]:
        """Move the bank on by business days."""
        with self.database.read() as connection:
            goal = business_days_ahead(connection, days)
        return advance(self.database, clock, to=goal)

    def balance(self, number: str = MAIN_ACCOUNT) -> Decimal:
        """What is on a customer's account."""
        with self.database.read() as connection:
            account = account_of(connection, number)
            assert account is not None
            return balance(connection, account)

    def totals(self) -> dict[str, Decimal]:
        """The sum of all postings by currency."""
        with self.database.read() as connection:
            return totals(connection)

    def today(self) -> date:
        """The bank's business date."""
        with self.database.read() as connection:
            return bank_clock.business_date(connection)


@contextmanager
def bank_at(folder: Path, *, admit: bool = False) -> Iterator[Counter]:
    """A fresh copy of the planted bank."""
    target = folder / "bank"
    shutil.copytree(_planted(), target)
    database = Database(target)
    yield Counter(database, BankDesk(database, clock, admit=admit))
    database.close()


def unzip(data: bytes) -> list[bytes]:
    """The files of a container; none where there is no container."""
    if not data:
        return []
    with ZipFile(BytesIO(data)) as archive:
        return [archive.read(name) for name in archive.namelist()]


def payment(amount: str, account: str = SUPPLIER, currency: str = "HUF", name: str = "Bakony Acél Kft.") -> Transaction:
    """One payment."""
    number = next(_numbers)
    return Transaction(
        amount=Money(Decimal(amount), currency),
        counterparty=Party(name=name, account=account),
        remittance=f"Invoice {number}",
        end_to_end_id=f"E2E-{number}",
    )


def order(
    *transactions: Transaction, day: date = START, account: str = MAIN_ACCOUNT, batch: bool | None = None
) -> Order:
    """An order of the company."""
    number = next(_numbers)
    return Order(
        message_id=f"MSG-{number}",
        payment_id=f"PMT-{number}",
        kind="sepa" if account == EURO_ACCOUNT else "domestic",
        debtor=Party(name="Duna Trading Kft.", account=account),
        execution_date=day,
        created=NOW,
        transactions=transactions,
        batch_booking=batch,
    )


def later(what: Order, days: int) -> Order:
    """The order with a date some days on."""
    return replace(what, execution_date=what.execution_date + timedelta(days=days))
