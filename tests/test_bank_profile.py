"""A bank's own order types: read from a file, known to the bank and its clients, and found wherever orders are named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.bank import profile
from electra_kernel.bank.people import Person, write_down
from electra_kernel.bank.seed import HOST, PARTNER, grant
from electra_kernel.ebics import eds
from electra_kernel.ebics.btf import FileFormat, Service
from electra_kernel.ebics.client import Client, Subscriber
from electra_kernel.ebics.hac import read_hac
from electra_kernel.ebics.info import read_htd
from electra_kernel.ebics.ordertypes import Business
from electra_kernel.ebics.profiles import ProfileUnreadable, read_profile, write_profile
from electra_kernel.ebics.server import Server
from electra_kernel.ebics.version import VERSIONS
from electra_kernel.formats import pain001
from tests.bank_house import START, bank_at, clock, order, payment
from tests.ebics_house import schema_errors, transport_keys
from tests.shared import needs_shared
from tests.test_bank_versions import Line

OWN = b"""
[[order]]
code = "XRC"
direction = "upload"
service = "XCT"
message = "pain.001"
scope = "HU"
option = "RTG"

[[order]]
file = "pain.001.001.09.xct"
country = "FR"
direction = "upload"
service = "XRF"
message = "pain.001"

[[order]]
file = "camt.053.001.08.eop"
country = "FR"
direction = "download"
service = "EOP"
message = "camt.053"
container = "ZIP"

[[order]]
code = "Q99"
direction = "upload"
service = "QQQ"
message = "mt101"
"""
FRENCH = FileFormat("pain.001.001.09.xct", "FR")


@pytest.fixture(params=list(VERSIONS.values()), ids=lambda version: version.protocol)
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    with bank_at(tmp_path, admit=True) as counter:
        profile.keep(counter.database, OWN, "own.toml")
        with counter.database.write() as connection:
            types = profile.own_types(connection)
            for user in ("ANNA", "BELA"):
                grant(connection, PARTNER, user)
        bank = Server(HOST, transport_keys("bank"), counter.desk, clock, order_types=types)
        user = Client(
            Subscriber(HOST, PARTNER, "CARL", request.param), transport_keys("carl"), None, clock, profile=types
        )
        made = Line(counter, bank, user, [])
        made.initialise()
        yield made


@needs_shared
@pytest.mark.parametrize("code", ["XRC", FRENCH], ids=str)
@pytest.mark.ebics(order_type="FUL", version="H004", side=("bank", "client"))
def test_an_order_type_of_the_bank_alone_is_sent_listed_looked_into_signed_and_told(line, code):
    with line.counter.database.write() as connection:
        write_down(connection, Person(user_id="CARL", level="A"))
        write_down(connection, Person(user_id="DORA", level="B"))
    version, types = line.user.subscriber.version, line.user.order_types
    service = types[code].service
    mine = read_htd(line.fetch("HTD"), version, types)
    assert service.name in {each.service.name for each in mine.user.permissions if each.service}
    data = pain001.write(order(payment("10")))
    order_id = line.run(line.user.upload(code, data, [line.sign(data)], request_eds=True)).result
    other = replace(line.user, subscriber=replace(line.user.subscriber, user_id="DORA"), bank=None)
    line.user = other
    line.initialise()
    for details, filters in ((False, ()), (True, ()), (True, (types[code].service,))):
        exchange = line.run(line.user.waiting_orders(details=details, filters=filters))
        (told,) = eds.read_waiting(exchange.data, version, types)
        assert (told.order_id, told.service) == (order_id, service)
    looked = line.run(line.user.order_transactions(PARTNER, order_id, told.service, complete=True))
    assert looked.data == data
    signed = replace(line.sign(data), user_id="DORA")
    line.run(line.user.add_signature(PARTNER, order_id, told.service, told.digest, signed))
    events = [each for each in read_hac(line.fetch("HAC"), types) if each.order_id == order_id]
    assert events[-1].action == "ORDER_HAC_FINAL_POS"
    assert {each.service.name for each in events if each.service} == {service.name}
    assert [schema_errors(each) for each in line.seen if schema_errors(each)] == []


@pytest.mark.ebics(order_type="FDL", version="H004", side=("bank", "client"))
def test_statements_are_fetched_by_a_file_format_of_the_bank_alone(line):
    exchange = line.run(line.user.download(service=FileFormat("camt.053.001.08.eop", "FR"), start=START, end=START))
    assert exchange.data is None
    days = {"start": START.replace(year=2020), "end": START}
    assert line.run(line.user.download(service=FileFormat("camt.053.001.08.eop"), **days)).data


def test_what_the_bank_cannot_carry_out_is_known_and_not_offered(line):
    with line.counter.database.read() as connection:
        assert {each.service.name for each in profile.offered(connection)} == {"XCT", "XRF", "EOP"}
        assert profile.order_types(connection)["Q99"] == Business("BTU", Service("QQQ", "mt101"))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (b"no toml", "no TOML"),
        (b"", "holds no list"),
        (b"order = 5", "holds no list"),
        (b"\xff", "no TOML"),
        (OWN.replace(b"upload", b"sideways"), "order 1.*direction"),
        (OWN.replace(b'"XRC"', b'"TOOLONG"'), "order 1.*three letters"),
        (OWN.replace(b'"pain.001.001.09.xct"', b'"a b"'), "order 2.*file format"),
        (OWN.replace(b'"FR"', b'"FRA"'), "order 2.*country"),
        (OWN.replace(b'"Q99"', b'"XRC"'), "order 4.*twice"),
        (OWN.replace(b'"QQQ"', b'"qqqq"'), "order 4.*name"),
        (OWN.replace(b"option", b"opinion"), "order 1.*opinion"),
        (OWN.replace(b'"HU"', b"5"), "order 1.*texts"),
    ],
)
def test_a_file_of_order_types_with_a_mistake_is_one_clear_error(tmp_path, changed, words):
    with pytest.raises(ProfileUnreadable, match=f"(?s){words}"):
        read_profile(changed, "own.toml")


_CODES = st.one_of(
    st.from_regex(r"[A-Z0-9]{3}", fullmatch=True),
    st.builds(FileFormat, st.from_regex(r"[a-z0-9.]{1,40}", fullmatch=True), st.sampled_from(["", "FR", "DE"])),
)
_KINDS = st.builds(
    Business,
    st.sampled_from(["BTU", "BTD"]),
    st.builds(
        Service,
        st.from_regex(r"[A-Z0-9]{3}", fullmatch=True),
        st.from_regex(r"[a-z.0-9]{1,10}", fullmatch=True),
        st.sampled_from(["", "HU", "GLB"]),
        st.sampled_from(["", "COR", "0CD1"]),
        st.sampled_from(["", "ZIP", "XML"]),
    ),
)


@settings(max_examples=50)
@given(st.dictionaries(_CODES, _KINDS, min_size=1, max_size=8))
def test_order_types_are_read_as_they_were_written(types):
    assert read_profile(write_profile(types), "own.toml") == types
