"""The bank's one SQLite file: its tables, how it is opened, and the small facts (host, date, counters) it keeps.

What may live here: tables, types and the two ways to open a database transaction. No business.
Several processes may have the file open: WAL, a busy timeout, and writers that take their lock at the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Date,
    Dialect,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    create_engine,
    event,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert

from electra_kernel.vocabulary.errors import ElectraError

#: Amounts are whole numbers of 0.00001, so that SQLite adds them exactly (the ledger's decimal128(18, 5)).
_SCALE = 5
_BUSY_MILLISECONDS = 60_000
#: More than the web server has threads: nobody waits for a connection, only for the writer before.
_CONNECTIONS = 50

metadata = MetaData()


class Amount(TypeDecorator[Decimal]):
    """A Decimal, kept as a 64-bit integer of 0.00001."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """The stored integer; refuses what would need rounding."""
        if value is None:
            return None
        scaled = value.scaleb(_SCALE)
        if scaled != int(scaled):
            raise ValueError(f"{value} has more than {_SCALE} decimals")
        return int(scaled)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        """The Decimal, with the two decimals people expect or more where needed."""
        if value is None:
            return None
        amount = Decimal(int(value)).scaleb(-_SCALE)
        hundredths = amount.quantize(Decimal("0.01"))
        return hundredths if hundredths == amount else amount.normalize()


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as ISO 8601 text that sorts."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """The stored text."""
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """The aware moment."""
        return None if value is None else datetime.fromisoformat(str(value))


meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))

users = Table(
    "users",
    metadata,
    Column("partner_id", String, primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("state", String, nullable=False),
    Column("signature_version", String, nullable=False, default=""),
    Column("authorisation", String, nullable=False),
)

certificates = Table(
    "certificates",
    metadata,
    Column("partner_id", String, primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("use", String, primary_key=True),
    Column("certificate", LargeBinary, nullable=False),
)

#: Who may do what. ``service`` and ``message`` are empty for administrative types; ``signatures`` counts for uploads.
rights = Table(
    "rights",
    metadata,
    Column("partner_id", String, primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("admin_type", String, primary_key=True),
    Column("service", String, primary_key=True),
    Column("message", String, primary_key=True),
    Column("container", String, primary_key=True),
    Column("signatures", Integer, nullable=False),
    Column("description", String, nullable=False),
)

#: The bank's own accounts (clearing, fees, …) have no partner.
accounts = Table(
    "accounts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", String, nullable=False, unique=True),
    Column("currency", String, nullable=False),
    Column("name", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("partner_id", String),
)

#: Accounts at other banks. ``refusal`` is the ISO 20022 reason for which a payment to the account always fails.
counterparties = Table(
    "counterparties",
    metadata,
    Column("account", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("bic", String, nullable=False),
    Column("street", String, nullable=False),
    Column("post_code", String, nullable=False),
    Column("town", String, nullable=False),
    Column("country", String, nullable=False),
    Column("role", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("refusal", String, nullable=False, default=""),
    Column("refusal_text", String, nullable=False, default=""),
)

bookings = Table(
    "bookings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("day", Date, nullable=False),
    Column("text", String, nullable=False),
)

postings = Table(
    "postings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("booking", ForeignKey("bookings.id"), nullable=False, index=True),
    Column("account", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("amount", Amount, nullable=False),
)

#: What the customer is told of a posting. Its amount and account are the posting's.
entries = Table(
    "entries",
    metadata,
    Column("posting", ForeignKey("postings.id"), primary_key=True),
    Column("booking_date", Date, nullable=False, index=True),
    Column("value_date", Date, nullable=False),
    Column("reversal", Integer, nullable=False),
    Column("bank_transaction_code", String, nullable=False),
    Column("proprietary_code", String, nullable=False),
    Column("bank_reference", String, nullable=False, unique=True),
    Column("entry_reference", String, nullable=False),
    Column("information", String, nullable=False),
)

details = Table(
    "details",
    metadata,
    Column("posting", ForeignKey("entries.posting"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("amount", Amount),
    Column("currency", String, nullable=False),
    Column("name", String, nullable=False),
    Column("account", String, nullable=False),
    Column("bic", String, nullable=False),
    Column("street", String, nullable=False),
    Column("building", String, nullable=False),
    Column("post_code", String, nullable=False),
    Column("town", String, nullable=False),
    Column("country", String, nullable=False),
    Column("lines", JSON, nullable=False),
    Column("remittance", String, nullable=False),
    Column("structured_reference", String, nullable=False),
    Column("end_to_end_id", String, nullable=False),
    Column("bank_reference", String, nullable=False),
    Column("information", String, nullable=False),
)

statements = Table(
    "statements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", ForeignKey("accounts.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("day", Date, nullable=False),
    Column("opening", Amount, nullable=False),
    Column("closing", Amount, nullable=False),
    Column("created", Moment, nullable=False),
    UniqueConstraint("account", "day"),
    UniqueConstraint("account", "sequence"),
)

#: What waits to be fetched. The bytes stay as they were first made.
documents = Table(
    "documents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("partner_id", String, nullable=False),
    Column("message", String, nullable=False),
    Column("day", Date, nullable=False),
    Column("created", Moment, nullable=False),
    Column("name", String, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("statement", ForeignKey("statements.id")),
    Index("documents_by_partner", "partner_id", "message", "day"),
)

fetched = Table(
    "fetched",
    metadata,
    Column("document", ForeignKey("documents.id"), primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("at", Moment, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("partner_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("order_id", String, nullable=False),
    Column("admin_type", String, nullable=False),
    Column("service", JSON),
    Column("digest", LargeBinary, nullable=False),
    Column("transaction_id", LargeBinary, nullable=False, unique=True),
    Column("message_id", String, nullable=False),
    Column("format", String, nullable=False),
    Column("file_name", String, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("received", Moment, nullable=False),
    Column("state", String, nullable=False),
    Column("refusal", String, nullable=False),
    UniqueConstraint("partner_id", "order_id"),
)
#: Double-upload control: the same data are taken once; what was refused may come again.
Index(
    "orders_once",
    orders.c.partner_id,
    orders.c.digest,
    unique=True,
    sqlite_where=orders.c.state != "refused",
)

#: Signatures on an order that needs more than it came with, in the order they were given.
signatures = Table(
    "signatures",
    metadata,
    Column("order", ForeignKey("orders.id"), primary_key=True),
    Column("partner_id", String, primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("level", String, nullable=False),
    Column("at", Moment, nullable=False),
)

#: What is asked of a waiting order: how many signatures its kind needed when it came, and its payments in short.
waiting = Table(
    "waiting",
    metadata,
    Column("order", ForeignKey("orders.id"), primary_key=True),
    Column("needed", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("total", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("payer", String, nullable=False),
    Column("first_payee", String, nullable=False),
)

#: Signature classes that differ from the user's usual one, by service.
levels = Table(
    "levels",
    metadata,
    Column("partner_id", String, primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("service", String, primary_key=True),
    Column("level", String, nullable=False),
)

#: Rights the clerk has taken from a user: of one order type or service, by its name.
withdrawn = Table(
    "withdrawn",
    metadata,
    Column("partner_id", String, primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("name", String, primary_key=True),
)

#: The accounts a user may order payments from; a user without a row may use all of the customer's.
account_rights = Table(
    "account_rights",
    metadata,
    Column("partner_id", String, primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("account", String, primary_key=True),
)

#: Up to which amount a user's signature is good for one order, by currency; an empty service stands for all.
limits = Table(
    "limits",
    metadata,
    Column("partner_id", String, primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("service", String, primary_key=True),
    Column("currency", String, primary_key=True),
    Column("amount", String, nullable=False),
)

#: What an order pays in all, by account and currency: what rights to accounts and limits are compared with. The amount is
#: text: an order that is refused may name any.
order_sums = Table(
    "order_sums",
    metadata,
    Column("order", ForeignKey("orders.id"), primary_key=True),
    Column("account", String, primary_key=True),
    Column("currency", String, primary_key=True),
    Column("amount", String, nullable=False),
)

#: The hash of an order without CR, LF and Ctrl-Z, whatever hash its sender announced.
order_hashes = Table(
    "order_hashes",
    metadata,
    Column("order", ForeignKey("orders.id"), primary_key=True),
    Column("digest", LargeBinary, nullable=False, index=True),
)

#: The bytes of orders, piece by piece from 0; ``orders.data`` holds those of orders that an older version took.
order_pieces = Table(
    "order_pieces",
    metadata,
    Column("order", ForeignKey("orders.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("piece", LargeBinary, nullable=False),
)

#: Orders of which some payees' banks have not answered yet whether the names are right.
open_checks = Table("open_checks", metadata, Column("order", ForeignKey("orders.id"), primary_key=True))

#: Users who may sign orders of another customer, the owner.
mandates = Table(
    "mandates",
    metadata,
    Column("partner_id", String, primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("owner", String, primary_key=True),
)

#: One payment block (PmtInf) of an order; executed as one on its date.
blocks = Table(
    "blocks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("order", ForeignKey("orders.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("payment_id", String, nullable=False),
    Column("execution_date", Date, nullable=False),
    Column("state", String, nullable=False, index=True),
    UniqueConstraint("order", "number"),
)

#: Transactions of a block that were refused, by their place in it (0…n−1).
rejections = Table(
    "rejections",
    metadata,
    Column("block", ForeignKey("blocks.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("code", String, nullable=False),
    Column("text", String, nullable=False),
)

#: The customer protocol (HAC). Rows are only ever added.
events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("partner_id", String, nullable=False, index=True),
    Column("user_id", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("action", String, nullable=False),
    Column("admin_type", String, nullable=False),
    Column("order_id", String, nullable=False),
    Column("service", JSON),
    Column("digest", LargeBinary),
    Column("reason", String, nullable=False),
    Column("text", String, nullable=False),
)

#: Up to which event a user has the protocol, as HAC and as PTK.
protocol_marks = Table(
    "protocol_marks_by_type",
    metadata,
    Column("partner_id", String, primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("admin_type", String, primary_key=True),
    Column("event", Integer, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("token", String, primary_key=True),
    Column("partner_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("admin_type", String, nullable=False),
    Column("service", JSON),
    Column("documents", JSON, nullable=False),
    Column("event", Integer),
    Column("made", Moment, nullable=False),
)

nonces = Table(
    "nonces",
    metadata,
    Column("nonce", LargeBinary, primary_key=True),
    Column("timestamp", Moment, nullable=False, index=True),
)

transactions = Table(
    "transactions",
    metadata,
    Column("transaction_id", LargeBinary, primary_key=True),
    Column("direction", String, nullable=False),
    Column("partner_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("context", String, nullable=False),
    Column("opened", Moment, nullable=False),
)

segments = Table(
    "segments",
    metadata,
    Column("transaction_id", LargeBinary, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", String, nullable=False),
)


class NoBank(ElectraError):
    """A folder in which no bank was ever started."""


class Database:
    """The bank's file in ``folder``.

    Args:
        folder: made with mode 0700 where it is not there.
        create: whether a new file may be made.

    Raises:
        NoBank: there is no bank in the folder and ``create`` is false.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        path = folder / "bank.db"
        if not create and not path.exists():
            raise NoBank(
                f"There is no sandbox bank in {folder}.",
                repair="Start one with `electra bank serve --data DIR`, or name another folder.",
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self.engine = _engine(path)
        # The folder of an older version lacks the tables that are new since then; whoever opens it first makes them.
        if create or not metadata.tables.keys() <= set(inspect(self.engine).get_table_names()):
            with self.write() as connection:
                metadata.create_all(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view that never waits for writers."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """All or nothing: commits at the end, leaves no trace when an exception passes.

        Args:
            durable: whether it must outlive a power cut. What a client sends or asks again in that case need not: it
                outlives the end of the process only, and does not wait for the disk.
        """
        options = {"electra_writes": True, "electra_durable": durable}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        self.engine.dispose()


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": _BUSY_MILLISECONDS / 1000}, pool_size=_CONNECTIONS
    )

    @event.listens_for(engine, "connect")
    def _open(connection: Any, _: Any) -> None:
        # The driver would begin transactions by itself, and late: a reader that turns writer can then only fail.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {_BUSY_MILLISECONDS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        writes = options.get("electra_writes")
        if writes:
            connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if options['electra_durable'] else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def get_fact(connection: Connection, key: str, default: str = "") -> str:
    """One of the bank's small facts."""
    value = connection.scalar(select(meta.c.value).where(meta.c.key == key))
    return default if value is None else str(value)


def set_fact(connection: Connection, key: str, value: str) -> None:
    """Keep one of the bank's small facts."""
    statement = insert(meta).values(key=key, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))


def next_number(connection: Connection, key: str) -> int:
    """The next number of a series, from 1; inside a write transaction it is given once."""
    number = int(get_fact(connection, key, "0")) + 1
    set_fact(connection, key, str(number))
    return number


def next_id(connection: Connection, table: Table) -> int:
    """The first free key of a table with one integer key, for rows that are inserted in bulk."""
    return int(connection.scalar(text(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {table.name}")) or 1)  # noqa: S608 - our own table


def insert_row(connection: Connection, table: Table, **values: Any) -> int:
    """Insert one row into a table with one integer key, and return the key."""
    key = connection.execute(table.insert().values(**values)).inserted_primary_key
    if key is None:
        raise LookupError(f"{table.name} gave no key")
    return int(key[0])
