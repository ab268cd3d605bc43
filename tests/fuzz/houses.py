"""Two banks to be fuzzed, one of dictionaries and the sandbox itself, and the talks clients have with them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import count
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any, NoReturn
from zipfile import ZipFile

from sqlalchemy import select

from electra_kernel.bank import orderdata as kept_orders
from electra_kernel.bank.database import Database, orders
from electra_kernel.bank.desk import BankDesk
from electra_kernel.bank.exchanges import ExchangeLog, LogBounds
from electra_kernel.bank.explain import explain, record_of
from electra_kernel.bank.people import Person, write_down
from electra_kernel.bank.profile import PROFILE
from electra_kernel.bank.waiting import WAITS
from electra_kernel.ebics import orderdata
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.client import Client, Subscriber
from electra_kernel.ebics.desk import DeskRefusal
from electra_kernel.ebics.server import Limits, Server
from electra_kernel.ebics.signature import OrderSignature, order_digest
from electra_kernel.ebics.version import VERSIONS, EbicsVersion
from electra_kernel.ebics.witness import Sight
from electra_kernel.formats import pain001
from tests import bank_house
from tests import ebics_house as house

LIMITS = Limits(order_data=8 * 2**20)
#: An exchange and the order data it brings to the bank.
Talk = tuple[Any, bytes]


#: A user who may not sign alone: such orders wait for others.
THIRD = "CECIL"


class FuzzedDesk(house.DictDesk):
    """The bank of dictionaries knows no waiting orders."""

    def waiting_digests(self, *_: object) -> NoReturn:
        raise DeskRefusal("091114")

    decide = waiting_digests


@dataclass
class House:
    """A bank, its clients, and what was truly signed."""

    bank: Server
    partner: str
    host: str
    accepted: Callable[[], list[tuple[bytes, tuple[tuple[str, str], ...]]]]
    refill: Callable[[], None]
    #: The bank's id of the order that came last.
    newest: Callable[[], str]
    #: Gives the way back to how the bank is now, where there is one.
    remember: Callable[[], Callable[[], None]]
    close: Callable[[], None] = lambda: None
    signed: dict[bytes, set[tuple[str, str]]] = field(default_factory=dict)
    real: bool = False
    failures: list[tuple[bytes, Exception]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def client(self, user: str, version: EbicsVersion, segment_size: int = 1_000_000, keys: str = "") -> Client:
        made = house.client(keys or user, segment_size=segment_size)
        return replace(made, subscriber=Subscriber(self.host, self.partner, user, version), profile=PROFILE)

    def sign(self, data: bytes, *users: str, scheme: str = "A006") -> list[OrderSignature]:
        """Signatures that hold, which are remembered: an order that is taken must have been signed here."""
        self.signed.setdefault(data, set()).update((self.partner, user) for user in users)
        return [self.signature(data, user, scheme) for user in users]

    def signature(self, data: bytes, user: str, scheme: str = "A006") -> OrderSignature:
        """A signature that holds, over data that are no order."""
        return replace(house.signature(data, user, scheme), partner_id=self.partner)

    def unsigned_orders(self) -> list[bytes]:
        """Orders the bank took although nobody, or somebody else, signed them."""
        return [
            data
            for data, signers in self.accepted()
            if not set(signers) <= self.signed.get(data, set()) or (self.real and data not in self.signed)
        ]


def dictionaries() -> House:
    """A bank of dictionaries: it takes whatever the engine lets pass."""
    ready = {(house.PARTNER, user): house.ready_user(user) for user in (house.USER, house.SECOND, THIRD)}
    desk = FuzzedDesk(users=dict(ready))
    new = house.new_desk().users[house.PARTNER, house.USER]
    taken: list[Any] = []

    def refill() -> None:
        zipped = BytesIO()
        with ZipFile(zipped, "w") as archive:
            archive.writestr("a.xml", b"<Document/>" * 50)
        desk.mail |= {
            "EOP": house.noise(1_500),
            "PSR": zipped.getvalue(),
            "HAC": b"<Document/>",
            "HTD": b"<x/>",
            "REP": b"<x/>",
            "OTH": b"{}",
        }
        desk.users |= {**ready, (house.PARTNER, "NEWCOMER"): replace(new, user_id="NEWCOMER")}

    def remember() -> Callable[[], None]:
        users, mail, records = dict(desk.users), dict(desk.mail), dict(desk.records)
        parts = {name: dict(segments) for name, segments in desk.parts.items()}
        known = list(desk.orders)

        def back() -> None:
            taken.extend(order for order in desk.orders if order not in known)
            desk.orders = list(known)
            desk.users, desk.mail, desk.records = dict(users), dict(mail), dict(records)
            desk.parts = {name: dict(segments) for name, segments in parts.items()}

        return back

    def accepted() -> list[tuple[bytes, tuple[tuple[str, str], ...]]]:
        new = [(order.data, order.signers) for order in (*taken, *desk.orders)]
        for held in (taken, desk.orders, desk.nonces):
            held.clear()
        return new

    bank = Server(house.HOST, house.transport_keys("bank"), desk, house.clock, limits=LIMITS, order_types=PROFILE)
    return House(bank, house.PARTNER, house.HOST, accepted, refill, lambda: "A001", remember)


def sandbox() -> House:
    """The sandbox bank with its database and its log, in memory where the machine has a place for that."""
    shared_memory = Path("/dev/shm")
    folder = Path(mkdtemp(prefix="electra-fuzz-", dir=shared_memory if shared_memory.is_dir() else None))
    shutil.copytree(bank_house._planted(), folder, dirs_exist_ok=True)
    database = Database(folder)
    desk = BankDesk(database, house.clock, admit=True)
    log = ExchangeLog(folder, house.clock, LogBounds(file=200_000))
    failures: list[tuple[bytes, Exception]] = []

    def witness(sight: Sight) -> None:
        try:
            log(sight)
            str(explain(record_of(sight, house.NOW)))
        except Exception as error:
            failures.append((sight.document, error))

    bank = Server(
        house.HOST, house.transport_keys("bank"), desk, house.clock, limits=LIMITS, witness=witness, order_types=PROFILE
    )
    seen = 0

    def accepted() -> list[tuple[bytes, tuple[tuple[str, str], ...]]]:
        nonlocal seen
        query = select(orders.c.id, orders.c.state).where(orders.c.id > seen)
        with database.read() as connection:
            rows = connection.execute(query).all()
            seen = max((row.id for row in rows), default=seen)
            return [(kept_orders.read(connection, row.id), ()) for row in rows if row.state == "taken"]

    def newest() -> str:
        with database.read() as connection:
            query = select(orders.c.order_id).where(orders.c.state == WAITS).order_by(orders.c.id.desc()).limit(1)
            return connection.scalar(query) or "A001"

    def close() -> None:
        database.close()
        shutil.rmtree(folder, ignore_errors=True)

    made = House(
        bank,
        bank_house.PARTNER,
        house.HOST,
        accepted,
        lambda: None,
        newest,
        lambda: lambda: None,
        close,
        real=True,
        failures=failures,
    )
    with database.write() as connection:
        write_down(connection, Person(user_id=THIRD, level="A"))
    for user in (house.USER, house.SECOND, THIRD):
        certificate = house.certificate(f"{user}-a", house.KeyUse.SIGNATURE)
        own = made.client(user, VERSIONS["urn:org:ebics:H005"])
        for exchange in (own.ini(certificate), own.hia()):
            house.run(exchange, bank)
    return made


# ----------------------------------------------------------------------------------------------------------- talks
def _payments(home: House) -> bytes:
    number = next(home.numbers)
    made = bank_house.order(bank_house.payment("1"), bank_house.payment("2.50"))
    return pain001.write(replace(made, message_id=f"FUZZ-{id(home) % 10**6}-{number}"))


def _upload(home: House, version: EbicsVersion, chance: Random) -> Iterator[Talk]:
    home.refill()
    data = _payments(home)
    users = chance.choice(((house.USER,), (house.USER, house.SECOND)))
    signatures = home.sign(data, *users, scheme=chance.choice(("A005", "A006")))
    own = home.client(house.USER, version, chance.choice((400, 1_000_000)))
    flags = {"signature_flag": chance.random() < 0.8, "request_eds": chance.random() < 0.3}
    yield own.upload(bank_house.PAYMENTS, data, signatures, file_name="a.xml", **flags), data


def _forgery(home: House, version: EbicsVersion, chance: Random) -> Iterator[Talk]:
    """An order under a signature that was made for another one."""
    home.refill()
    data, other = _payments(home), _payments(home)
    stolen = home.sign(other, house.USER)
    if chance.random() < 0.5:
        stolen = [replace(stolen[0], user_id=house.SECOND)]
    yield home.client(house.USER, version).upload(bank_house.PAYMENTS, data, stolen), data


def _download(home: House, version: EbicsVersion, chance: Random) -> Iterator[Talk]:
    home.refill()
    own = home.client(house.USER, version)
    service = chance.choice((Service("EOP", "camt.053", container="ZIP"), Service("PSR", "pain.002", container="ZIP")))
    dates = {"start": bank_house.START, "end": bank_house.START} if chance.random() < 0.3 else {}
    yield own.download(service=service, **dates), b""


def _information(home: House, version: EbicsVersion, chance: Random) -> Iterator[Talk]:
    home.refill()
    kind = chance.choice(("HAC", "HTD", "HKD", "HPD", "HAA", "PTK"))
    yield home.client(house.USER, version).download(admin_type=kind), b""


def _keys(home: House, version: EbicsVersion, chance: Random) -> Iterator[Talk]:
    home.refill()
    user = f"NEW{next(home.numbers)}" if home.real else "NEWCOMER"
    own = home.client(user, version, keys="NEWCOMER")
    certificate = house.certificate("NEWCOMER-a", house.KeyUse.SIGNATURE)
    steps = [own.ini(certificate), own.hia()]
    chance.shuffle(steps)
    yield from ((step, b"") for step in steps)
    yield home.client(house.USER, version).hpb(), b""
    yield own.hev(), b""


def _waiting(home: House, version: EbicsVersion, chance: Random) -> Iterator[Talk]:
    """An order that waits is listed, looked at, and signed or cancelled by another user."""
    home.refill()
    data, service = _payments(home), Service("SCT", "pain.001")
    sent = home.client(THIRD, version).upload(service, data, home.sign(data, THIRD), request_eds=True)
    yield sent, data
    order_id, own = home.newest(), home.client(house.USER, version)
    yield own.waiting_orders(details=chance.random() < 0.5, filters=(service,) if chance.random() < 0.5 else ()), b""
    yield own.order_state(home.partner, order_id, service), b""
    complete = chance.random() < 0.5
    yield own.order_transactions(home.partner, order_id, service, complete=complete, limit=chance.choice((0, 1))), b""
    (signature,) = home.sign(data, house.USER)
    decide = own.add_signature if chance.random() < 0.7 else own.cancel_order
    yield decide(home.partner, order_id, service, order_digest(data), signature), b""


def _checked(home: House, version: EbicsVersion, chance: Random) -> Iterator[Talk]:
    """An order whose payees' names are checked: it waits, its result is fetched, and it is released or cancelled."""
    home.refill()
    data, service = _payments(home), Service(chance.choice(("SCT", "SCI")), "pain.001", option="VOI")
    own = home.client(house.USER, version)
    yield own.upload(service, data, home.sign(data, house.USER)), data
    order_id = home.newest()
    yield own.download(service=Service("REP", "pain.002", option="VOP", container="ZIP")), b""
    yield own.waiting_orders(filters=(service,)), b""
    (signature,) = home.sign(data, house.USER)
    decide = own.add_signature if chance.random() < 0.7 else own.cancel_order
    yield decide(home.partner, order_id, service, order_digest(data), signature), b""


def _notified(home: House, version: EbicsVersion, chance: Random) -> Iterator[Talk]:
    """Where and with which token one listens for news; and the protocol of a period."""
    home.refill()
    own = home.client(house.USER, version)
    yield own.download(service=Service("OTH", "wssparam", "DE")), b""
    day = bank_house.START
    yield own.download(admin_type=chance.choice(("HAC", "PTK")), start=day, end=day), b""


def _new_keys(home: House, version: EbicsVersion, chance: Random) -> Iterator[Talk]:
    """Changes of keys, and the end of an access; in the sandbox of a user who is needed for nothing else."""
    home.refill()
    kind = chance.choice(("PUB", "HCA", "HCS", "SPR", "H3K"))
    user = f"KEY{next(home.numbers)}" if home.real else house.USER
    own = home.client(user, version, keys=house.USER)
    old = (house.certificate(f"{house.USER}-a", house.KeyUse.SIGNATURE), "A006")
    new = (house.certificate("NEWCOMER-a", house.KeyUse.SIGNATURE), "A005")

    def signed(data: bytes) -> OrderSignature:
        return replace(home.signature(data, house.USER), user_id=user)

    if kind == "H3K":
        data = own.h3k_data(*old)
        yield own.h3k(data, signed(data)), data
        return
    if home.real:
        yield own.ini(*old), b""
        yield own.hia(), b""
    if kind == "SPR":
        yield own.suspend(signed(orderdata.SUSPENSION)), orderdata.SUSPENSION
        return
    transport = None if kind == "PUB" else house.transport_keys("NEWCOMER")
    data = own.key_data(kind, signature=None if kind == "HCA" else new, transport=transport)
    yield own.change_keys(kind, data, signed(data)), data


TALKS: tuple[Callable[[House, EbicsVersion, Random], Iterator[Talk]], ...] = (
    _upload,
    _upload,
    _forgery,
    _download,
    _information,
    _keys,
    _waiting,
    _checked,
    _notified,
    _new_keys,
)
