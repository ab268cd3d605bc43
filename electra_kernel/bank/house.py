"""The whole bank in one folder: opened, told about, and put behind an EBICS engine.

What may live here: putting the rooms of the bank together, and what is told to those who want to connect.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cryptography import x509
from sqlalchemy import literal_column, select

from electra_kernel.bank import profile
from electra_kernel.bank.clock import bank_now, business_date
from electra_kernel.bank.database import Database, counterparties, get_fact, rights, set_fact, users
from electra_kernel.bank.desk import BankDesk
from electra_kernel.bank.exchanges import ExchangeLog
from electra_kernel.bank.keys import bank_hashes, bank_letter, ebics_keys, public_keys, write_private
from electra_kernel.bank.ledger import balance, customer_accounts
from electra_kernel.bank.payees import granted
from electra_kernel.bank.payments import execute_due
from electra_kernel.bank.seed import DEFAULT_SEED, PAYEES, grant, introduce, plant
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.keys import BankServerKeys
from electra_kernel.ebics.ordertypes import FILE_TYPES, OrderTypes, code_of
from electra_kernel.ebics.profiles import write_profile
from electra_kernel.ebics.server import Server
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A customer's account as it is told: ``balance`` is text, credit positive."""

    account: str
    currency: str
    name: str
    owner: str
    balance: str


@dataclass(frozen=True, slots=True)
class UserLine:
    """A user as it is told: ``level`` is the usual signature class, ``partner`` its customer."""

    user: str
    name: str
    state: str
    level: str = "E"
    partner: str = ""


@dataclass(frozen=True, slots=True)
class TroubleLine:
    """An account that refuses every payment."""

    account: str
    name: str
    currency: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """What customers may ``send`` or ``fetch``: a BTF without scope, and the order type of EBICS 2.5 for the same."""

    direction: str
    service: str
    message: str
    container: str
    order_type: str
    description: str
    option: str = ""


@dataclass(frozen=True, slots=True)
class PayeeLine:
    """An account with the name under which it is held, to practise having names checked."""

    account: str
    name: str
    currency: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the bank tells of itself."""

    bank: str
    host: str
    bic: str
    partner: str
    company: str
    date: date
    users: tuple[UserLine, ...]
    guests: tuple[UserLine, ...]
    accounts: tuple[AccountLine, ...]
    trouble: tuple[TroubleLine, ...]
    payees: tuple[PayeeLine, ...]
    services: tuple[ServiceLine, ...]
    http: str
    https: str

    def as_row(self) -> dict[str, object]:
        """For JSON: dates and amounts as text."""
        return {**asdict(self), "date": self.date.isoformat()}


class Bank:
    """A sandbox bank in a folder.

    Args:
        folder: holds everything; made where it is not there.
        seed, start: what an empty folder is filled with; an existing bank keeps its own.
        own_types: a file of order types of this bank (see ``ebics.profiles``); an existing bank keeps what it has.

    Raises:
        ElectraError: the folder holds a bank of another seed, or the file of order types cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        seed: str | None = None,
        start: date | None = None,
        own_types: Path | None = None,
    ) -> None:
        self.folder, self.clock = folder, clock
        self.database = Database(folder, create=True)
        try:
            if own_types is not None:
                profile.keep(self.database, _file(own_types), own_types.name)
            host, name = self._open(seed, start)
        except BaseException:
            self.database.close()
            raise
        self.host = host
        self.keys: BankServerKeys = ebics_keys(folder, host, clock)
        with self.database.read() as connection:
            self.own_types = profile.own_types(connection)
        write_private(folder / "order-types.toml", write_profile(self.own_types))
        write_private(folder / "bank-letter.txt", bank_letter(name, host, public_keys(self.keys)).encode())

    def _open(self, seed: str | None, start: date | None) -> tuple[str, str]:
        """Fill an empty bank, or go on with the one that is there; gives its host id and name."""
        with self.database.write() as connection:
            planted = get_fact(connection, "seed")
            if not get_fact(connection, "date"):
                plant(connection, seed=seed or DEFAULT_SEED, start=start or self.clock().date())
            elif seed is not None and seed != planted:
                raise ElectraError(
                    f"The bank in {self.folder} was made with the seed {planted!r}.",
                    repair="Leave --seed out, or name an empty folder.",
                )
            # A bank of an earlier release learns the order types and the payees that came since.
            for row in connection.execute(select(users)).all():
                grant(connection, row.partner_id, row.user_id)
            introduce(connection)
            # What was due when the bank was last stopped in the middle of its work.
            execute_due(connection, bank_now(connection, self.clock))
            return get_fact(connection, "host"), get_fact(connection, "bank")

    def engine(self, *, admit: bool = False, strict: bool = False, trust: Path | None = None) -> Server:
        """The EBICS engine with this bank behind it.

        Args:
            admit: enrol every user id of the partner and activate it as soon as its keys have arrived.
            strict: take only what the specification says, not what clients do in their own way.
            trust: a PEM file of authorities; users' certificates must be issued by one of them.

        Raises:
            ElectraError: the file holds no certificates.
        """
        authorities = _authorities(trust) if trust else []
        desk, log = BankDesk(self.database, self.clock, admit=admit), ExchangeLog(self.folder, self.clock)
        return Server(
            self.host,
            self.keys,
            desk,
            self.clock,
            strict=strict,
            order_types=self.own_types,
            witness=log,
            authorities=authorities,
        )

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of the bank's certificates, upper-case hex pairs."""
        authentication, encryption = public_keys(self.keys).fingerprints()
        return {"authentication": authentication, "encryption": encryption}

    def hashes(self) -> dict[str, str]:
        """The hash of each of the bank's keys as each version shows it, by title."""
        return bank_hashes(public_keys(self.keys))

    def remember_addresses(self, http: str, https: str) -> None:
        """Keep where the bank is reached: HPD tells it, and the next start prefers the same ports."""
        with self.database.write() as connection:
            set_fact(connection, "url-http", http)
            set_fact(connection, "url-https", https)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def _authorities(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_file(path))
    except ValueError as error:
        raise ElectraError(
            "A file of authorities cannot be read.",
            where=str(path),
            cause="it holds no PEM certificate.",
            repair="Name a file with one certificate or more, each between BEGIN and END CERTIFICATE.",
        ) from error


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ElectraError(
            "A file cannot be read.", where=str(path), cause=error.strerror or "", repair="Name another file."
        ) from error


def facts(database: Database) -> Facts:
    """What the bank tells of itself now."""
    with database.read() as connection:
        # In the order they were enrolled: who starts the sandbox is its first user, whoever came later.
        people = connection.execute(select(users).order_by(literal_column("users.rowid"))).all()
        partner = get_fact(connection, "partner")
        refusing = select(counterparties).where(counterparties.c.refusal != "").order_by(counterparties.c.account)
        return Facts(
            bank=get_fact(connection, "bank"),
            host=get_fact(connection, "host"),
            bic=get_fact(connection, "bic"),
            partner=partner,
            company=get_fact(connection, "company"),
            date=business_date(connection),
            users=tuple(_user_line(row) for row in people if row.partner_id == partner),
            guests=tuple(_user_line(row) for row in people if row.partner_id != partner),
            accounts=tuple(
                AccountLine(
                    account.number,
                    account.currency,
                    account.name,
                    account.owner,
                    f"{balance(connection, account):f}",
                )
                for account in customer_accounts(connection)
            ),
            trouble=tuple(
                TroubleLine(row.account, row.name, row.currency, row.refusal, row.refusal_text)
                for row in connection.execute(refusing)
            ),
            payees=tuple(PayeeLine(*row) for row in PAYEES),
            services=tuple(
                line
                for row in connection.execute(_SERVICES)
                for line in _service_lines(row, profile.order_types(connection))
            ),
            http=get_fact(connection, "url-http"),
            https=get_fact(connection, "url-https"),
        )


_SERVICES = (
    select(rights.c.admin_type, rights.c.service, rights.c.message, rights.c.container, rights.c.description)
    .where(rights.c.service != "")
    .distinct()
    .order_by(rights.c.admin_type.desc(), rights.c.message, rights.c.service, rights.c.container)
)


def _service_lines(row: Any, types: OrderTypes) -> list[ServiceLine]:
    return [_service_line(row.admin_type, service, words, types) for service, words in granted(row)]


def _service_line(admin_type: str, service: Service, description: str, types: OrderTypes) -> ServiceLine:
    code = code_of(admin_type, service, types)
    return ServiceLine(
        "send" if admin_type == "BTU" else "fetch",
        service.name,
        service.message,
        service.container,
        code if isinstance(code, str) else f"{FILE_TYPES[admin_type]} {code}" if code else "",
        description,
        service.option,
    )


def _user_line(row: Any) -> UserLine:
    return UserLine(row.user_id, row.name, row.state, row.authorisation, row.partner_id)
