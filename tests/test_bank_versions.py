"""The whole bank behind its engine, in memory, spoken to in every version: information, protocols, keys, orders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from electra_kernel.bank.database import set_fact
from electra_kernel.bank.desk import BankDesk
from electra_kernel.bank.people import Person, write_down
from electra_kernel.bank.profile import PROFILE
from electra_kernel.bank.seed import HOST, MAIN_ACCOUNT, PARTNER
from electra_kernel.bank.subscribers import activate
from electra_kernel.ebics import eds
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.client import Client, Subscriber
from electra_kernel.ebics.desk import KeyUse, UserState
from electra_kernel.ebics.errors import BankRefusal, OrderAlreadyThere
from electra_kernel.ebics.hac import read_hac
from electra_kernel.ebics.info import read_haa, read_hkd, read_hpd, read_htd
from electra_kernel.ebics.orderdata import SUSPENSION
from electra_kernel.ebics.ptk import read_ptk
from electra_kernel.ebics.server import Server
from electra_kernel.ebics.signature import OrderSignature, order_digest
from electra_kernel.ebics.version import VERSIONS, EbicsVersion
from electra_kernel.formats import camt053, pain001
from electra_kernel.statements.proof import prove
from tests.bank_house import START, Counter, bank_at, clock, order, payment, unzip
from tests.ebics_house import certificate, run, schema_errors, signature, transport_keys
from tests.shared import needs_shared

VERSION_LIST = list(VERSIONS.values())


@dataclass
class Line:
    """A user called CARL, a bank, and everything that went between them."""

    counter: Counter
    bank: Server
    user: Client
    seen: list[bytes]

    def run(self, exchange):
        run(exchange, self.bank, self.seen)
        return exchange

    def fetch(self, what: str, **dates: date) -> bytes:
        named = {"service": what} if what in {"C53", "Z01"} else {"admin_type": what}
        exchange = self.run(self.user.download(**named, **dates))
        if exchange.data is None:
            return b""
        exchange.acknowledge(True)
        self.run(exchange)
        return exchange.data

    def sign(self, data: bytes, name: str = "carl") -> OrderSignature:
        return replace(signature(data, name), partner_id=PARTNER, user_id="CARL")

    def send(self, data: bytes, name: str = "carl") -> str:
        return self.run(self.user.upload("CCT", data, [self.sign(data, name)])).result

    def fetch_waiting(self) -> bytes:
        return self.run(self.user.waiting_orders(details=True)).data

    def look(self, kind: str, told: eds.WaitingOrder, **pages: int) -> bytes:
        return self.run(getattr(self.user, kind)(PARTNER, told.order_id, told.service, **pages)).data

    def initialise(self, name: str = "carl") -> None:
        self.run(self.user.ini(certificate(f"{name}-a", KeyUse.SIGNATURE)))
        self.run(self.user.hia())
        self.user = replace(self.user, bank=self.run(self.user.hpb()).result)


@pytest.fixture(params=VERSION_LIST, ids=lambda version: version.protocol)
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    version: EbicsVersion = request.param
    with bank_at(tmp_path, admit=True) as counter:
        with counter.database.write() as connection:
            set_fact(connection, "url-https", "https://127.0.0.1:8443")
        bank = Server(HOST, transport_keys("bank"), counter.desk, clock, order_types=PROFILE)
        subscriber = Subscriber(HOST, PARTNER, "CARL", version)
        made = Line(counter, bank, Client(subscriber, transport_keys("carl"), None, clock, profile=PROFILE), [])
        made.initialise()
        yield made


@needs_shared
def test_everything_a_user_asks_is_answered_in_its_version_and_validates(line):
    version = line.user.subscriber.version
    fetched = {kind: line.fetch(kind) for kind in ("HTD", "HKD", "HPD", "HAA", "HAC")}
    mine = read_htd(fetched["HTD"], version, line.user.order_types)
    assert MAIN_ACCOUNT in {account.iban for account in mine.accounts}
    services = {each.service.name for each in mine.orders if each.service is not None}
    assert {"SCT", "DCT", "EOP", "PSR"} <= services
    customer = read_hkd(fetched["HKD"], version, line.user.order_types)
    assert [each.user.user_id for each in customer] == ["CARL", "ANNA", "BELA"]
    assert customer[0].user == mine.user
    assert "camt.053" in {service.message for service in read_haa(fetched["HAA"], version)}
    assert set(read_hpd(fetched["HPD"], version).protocols) == {"H004", "H005"}
    told = [(event.action, event.admin_type) for event in read_hac(fetched["HAC"])]
    assert ("ORDER_HAC_FINAL_POS", "INI") in told
    documents = [*line.seen, *fetched.values()]
    assert [schema_errors(each) for each in documents if schema_errors(each)] == []


def test_an_order_type_brings_statements_that_are_proved(line):
    data = line.fetch("C53", start=date(2020, 1, 1), end=START)
    read = [one for each in unzip(data) for one in camt053.read(each, "s").statements]
    assert len(read) > 100
    assert all(prove(statement) == [] for statement in read)


def test_an_order_is_told_by_its_hash_in_the_protocol_so_that_none_need_be_sent_twice(line):
    data = pain001.write(order(payment("10")))
    order_id = line.send(data)
    events = [event for event in read_hac(line.fetch("HAC"), line.user.order_types) if event.order_id == order_id]
    assert {event.digest for event in events} == {order_digest(data)}
    assert events[-1].action == "ORDER_HAC_FINAL_POS"
    assert {event.service.name for event in events if event.service} == {"SCT"}
    with pytest.raises(BankRefusal) as caught:
        line.send(data)
    assert isinstance(caught.value, OrderAlreadyThere) is line.user.subscriber.version.data_digest


def test_the_protocol_as_text_has_a_mark_of_its_own(line):
    assert line.fetch("HAC")
    text = read_ptk(line.fetch("PTK"))
    assert "CARL" in text
    assert "Accepted" in text
    assert line.fetch("PTK") == b""
    order_id = line.send(pain001.write(order(payment("10"))))
    assert order_id in read_ptk(line.fetch("PTK"))
    assert order_id in {event.order_id for event in read_hac(line.fetch("HAC"))}


def test_new_keys_count_at_once_and_the_protocol_tells_of_them(line):
    data = line.user.key_data(
        "HCS", signature=(certificate("carl-new-a", KeyUse.SIGNATURE), "A006"), transport=transport_keys("carl-new")
    )
    order_id = line.run(line.user.change_keys("HCS", data, line.sign(data))).result
    with pytest.raises(BankRefusal, match="061001"):
        line.fetch("HTD")
    line.user = replace(line.user, keys=transport_keys("carl-new"))
    events = [event for event in read_hac(line.fetch("HAC")) if event.order_id == order_id]
    assert [event.action for event in events] == ["FILE_UPLOAD", "ES_VERIFICATION", "ORDER_HAC_FINAL_POS"]
    assert line.send(pain001.write(order(payment("10"))), "carl-new")


def test_a_user_who_gave_up_begins_anew_and_is_activated_by_the_clerk(line):
    line.counter.desk = BankDesk(line.counter.database, clock)
    line.bank = Server(HOST, transport_keys("bank"), line.counter.desk, clock)
    line.run(line.user.suspend(line.sign(SUSPENSION)))
    assert line.counter.desk.user(PARTNER, "CARL").state is UserState.SUSPENDED
    with pytest.raises(BankRefusal, match="091002"):
        line.fetch("HTD")
    line.user = replace(line.user, keys=transport_keys("carl-new"), bank=None)
    with pytest.raises(BankRefusal, match="091002"):
        line.initialise("carl-new")
    with line.counter.database.write() as connection:
        activate(connection, PARTNER, "CARL", at=clock())
    line.user = replace(line.user, bank=line.run(line.user.hpb()).result)
    told = [(event.action, event.admin_type) for event in read_hac(line.fetch("HAC"))]
    assert told.count(("ORDER_HAC_FINAL_POS", "SPR")) == 1
    assert line.send(pain001.write(order(payment("10"))), "carl-new")


def test_three_certificates_at_once_are_told_as_h3k(line):
    line.run(line.user.suspend(line.sign(SUSPENSION)))
    data = line.user.h3k_data(certificate("carl-a", KeyUse.SIGNATURE))
    line.run(line.user.h3k(data, line.sign(data)))
    assert line.counter.desk.user(PARTNER, "CARL").state is UserState.READY
    assert ("ORDER_HAC_FINAL_POS", "H3K") in [(e.action, e.admin_type) for e in read_hac(line.fetch("HAC"))]


@pytest.mark.ebics(order_type=("HVU", "HVZ", "HVD", "HVT", "HVE"), version=("H005", "H004"), side=("bank", "client"))
def test_two_customers_and_two_users_bring_an_order_to_its_end(line):
    with line.counter.database.write() as connection:
        write_down(connection, Person(user_id="CARL", level="A"))
        write_down(connection, Person(user_id="DORA", partner_id="AUDIT01", level="B"))
    sender, version = line.user, line.user.subscriber.version
    data = pain001.write(order(payment("10"), payment("20"), payment("30")))
    order_id = line.run(sender.upload("CCT", data, [line.sign(data)], request_eds=True)).result
    line.user = replace(sender, subscriber=Subscriber(HOST, "AUDIT01", "DORA", version), bank=None)
    line.initialise()
    kinds, types = [Service("SCT", "pain.001"), Service("XCT", "pain.001", "DE")], sender.order_types
    for details, filters, found in ((False, (), 1), (True, kinds[:1], 1), (True, kinds, 1), (False, kinds[1:], 0)):
        exchange = line.run(line.user.waiting_orders(details=details, filters=filters))
        assert len(eds.read_waiting(exchange.data, version, types) if exchange.data else ()) == found
    (told,) = eds.read_waiting(line.fetch_waiting(), version, types)
    assert (told.originator.partner_id, told.ready, told.required, told.done) == (PARTNER, True, 2, 1)
    assert eds.read_state(line.look("order_state", told), version).digest == order_digest(data)
    total, page = eds.read_payments(line.look("order_transactions", told, limit=1, offset=1), version)
    assert ([each.amount for each in page], total) == ([Decimal(20)], 3)
    with pytest.raises(BankRefusal, match="091112"):
        line.look("order_transactions", told, limit=1, offset=3)
    signed = replace(line.sign(data), partner_id="AUDIT01", user_id="DORA")
    line.run(line.user.add_signature(PARTNER, order_id, told.service, told.digest, signed))
    with pytest.raises(BankRefusal, match="091115"):
        line.run(line.user.cancel_order(PARTNER, order_id, told.service, told.digest, signed))
    line.user = replace(sender, bank=line.user.bank)
    events = [event for event in read_hac(line.fetch("HAC"), types) if event.order_id == order_id]
    assert [event.action for event in events][-2:] == ["VEU_VERIFICATION_END", "ORDER_HAC_FINAL_POS"]
