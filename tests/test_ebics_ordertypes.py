"""Business by BTF, order type and file format, in every version: the bank's desk always sees the service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from lxml import etree

from electra_kernel.ebics import authsignature
from electra_kernel.ebics.btf import FileFormat, Service
from electra_kernel.ebics.client import Client
from electra_kernel.ebics.errors import BankRefusal, LocalProtocolError
from electra_kernel.ebics.ordertypes import ORDER_TYPES, Business, OrderTypes
from electra_kernel.ebics.responses import read_answer
from electra_kernel.ebics.server import Server
from electra_kernel.ebics.tree import serialise
from electra_kernel.ebics.version import H004, H005, VERSIONS, EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml
from tests.ebics_house import (
    HOST,
    USER,
    DictDesk,
    client,
    clock,
    open_desk,
    run,
    schema_errors,
    server,
    signature,
    speak,
    spoken,
    transport_keys,
)
from tests.shared import needs_shared

FRENCH = FileFormat("pain.001.001.03.sct", "FR")
FRENCH_STATEMENTS = FileFormat("camt.053.001.02.stm", "FR")
DAYS = {"start": date(2026, 1, 1), "end": date(2026, 1, 31)}


@pytest.fixture(params=list(VERSIONS.values()), ids=lambda version: version.protocol, scope="module", autouse=True)
def version(request: pytest.FixtureRequest) -> Iterator[EbicsVersion]:
    """Every test of this file runs in every version."""
    yield speak(request.param)
    speak(H005)


@pytest.mark.parametrize("what", ["CCT", "XE2", FRENCH, Service("SCT", "pain.001")])
@pytest.mark.ebics(order_type="BTU", version=("H005", "H004"), side=("bank", "client"))
@pytest.mark.ebics(order_type="FUL", version="H004", side=("bank", "client"))
def test_an_order_is_sent_by_whichever_name_it_has(what: str | FileFormat | Service):
    desk = open_desk()
    run(client().upload(what, b"order", [signature(b"order")]), server(desk))
    expected = what if isinstance(what, Service) else ORDER_TYPES[what].service
    assert [(order.admin_type, order.service) for order in desk.orders] == [("BTU", expected)]
    assert desk.orders[0].signature_flag is True


@pytest.mark.parametrize("what", ["C53", "Z01", FRENCH_STATEMENTS])
@pytest.mark.ebics(order_type="BTD", version=("H005", "H004"), side=("bank", "client"))
@pytest.mark.ebics(order_type="FDL", version="H004", side=("bank", "client"))
def test_data_are_fetched_by_whichever_name_they_have(what: str | FileFormat):
    desk, service = open_desk(), ORDER_TYPES[what].service
    desk.mail[service.name] = b"data"
    exchange = client().download(service=what, **DAYS)
    run(exchange, server(desk))
    assert exchange.data == b"data"
    assert [(asked.admin_type, asked.service, asked.start) for asked in desk.asked] == [("BTD", service, DAYS["start"])]


@needs_shared
@pytest.mark.parametrize("what", ["C53", FRENCH_STATEMENTS, FRENCH, "CCT"])
def test_documents_that_name_order_types_and_file_formats_validate(what: str | FileFormat):
    user, parameters = client(), {"TEST": "TRUE"}
    if ORDER_TYPES[what].admin_type == "BTU":
        document = user.upload(what, b"x", [signature(b"x")], parameters=parameters).request()
    else:
        document = user.download(service=what, **DAYS).request()
    assert document is not None
    assert schema_errors(document) == []
    if isinstance(what, FileFormat) and not spoken().services:
        assert f'<FileFormat CountryCode="FR">{what.name}</FileFormat>'.encode() in document


def _answered(document: bytes, desk: DictDesk) -> tuple[str, str]:
    root = parse_xml(document)
    root.remove(root[1])
    authsignature.sign(root, transport_keys(USER).authentication_key)
    answer = read_answer(parse_xml(server(desk).handle(serialise(root))), spoken())
    return answer.technical, answer.business


def test_order_types_of_ebics_2_5_are_understood_in_3_0_with_and_without_a_service():
    if not spoken().services:
        pytest.skip("this is about EBICS 3.0")
    for code in ("C53", "XE2"):
        admin_type, service = ORDER_TYPES[code]
        desk, user = open_desk(), client()
        desk.mail[service.name] = b"data"
        exchange = user.download(service=code) if admin_type == "BTD" else user.upload(code, b"x", [signature(b"x")])
        document = exchange.request()
        assert document is not None
        named = document.replace(f">{admin_type}<".encode(), f">{code}<".encode())
        assert named != document
        assert _answered(named, desk) == ("000000", "000000")
        if admin_type == "BTD":
            root = etree.fromstring(named)
            params = root.find(f".//{H005.tag('BTDOrderParams')}")
            params.tag = H005.tag("StandardOrderParams")
            for child in list(params):
                params.remove(child)
            # Each request is new to the bank only under another nonce.
            nonce = root.find(f".//{H005.tag('Nonce')}")
            nonce.text = "0" * 32
            assert _answered(etree.tostring(root), desk) == ("000000", "000000")
            assert [(asked.admin_type, asked.service) for asked in desk.asked] == [("BTD", service)] * 2


def test_a_banks_own_order_types_go_before_the_standard_ones():
    own: OrderTypes = {
        "XG1": Business("BTU", Service("SCT", "pain.001", "XG")),
        "CCT": Business("BTU", Service("DCT", "own")),
    }
    desk = open_desk()
    bank = Server(HOST, transport_keys("bank"), desk, clock, order_types=own)
    user = replace(client(), profile=own)
    for what in ("XG1", "CCT", Service("SCT", "pain.001", "XG")):
        data = repr(what).encode()
        run(user.upload(what, data, [signature(data)]), bank)
    assert [order.service.name for order in desk.orders if order.service] == ["SCT", "DCT", "SCT"]
    assert desk.orders[0].service == desk.orders[2].service == own["XG1"].service


def test_names_that_mean_nothing_here_are_our_own_mistake():
    user = client()
    for what in ("C53", "cct", "CCTX"):
        with pytest.raises(LocalProtocolError):
            user.upload(what, b"x", [signature(b"x")])
    with pytest.raises(LocalProtocolError):
        user.download(service="CCT")
    with pytest.raises(LocalProtocolError):
        user.download(service=FileFormat("camt.053.001.02.stm", "fr"))
    strange = Service("XYZ", "odd.001")
    if spoken().services:
        assert user.download(service=strange).request() is not None
        with pytest.raises(LocalProtocolError, match="no service is known"):
            user.upload("XX9", b"x", [signature(b"x")])
    else:
        with pytest.raises(LocalProtocolError, match="no order type"):
            user.download(service=strange)
        with pytest.raises(LocalProtocolError, match="not both"):
            user.download(service="C53", parameters={"A": "1"}, **DAYS)


def test_order_types_the_bank_does_not_know_reach_its_desk_and_unknown_file_formats_are_refused():
    if spoken().services:
        pytest.skip("EBICS 3.0 names services only")
    desk = open_desk()
    desk.mail["XX9"] = b"data"
    exchange = client().download(service="XX9")
    run(exchange, server(desk))
    assert exchange.data == b"data"
    with pytest.raises(BankRefusal, match="091005"):
        run(client().download(service=FileFormat("own.format", "HU")), server(desk))


@pytest.mark.parametrize("flag", [True, False])
def test_without_an_authorising_signature_the_order_attribute_or_the_flag_says_so(flag: bool):
    desk = open_desk()
    exchange = client().upload("CCT", b"x", [signature(b"x")], signature_flag=flag)
    document = exchange.request()
    assert document is not None
    if spoken() is H004:
        assert (b">OZHNN<" if flag else b">DZHNN<") in document
    run(exchange, server(desk))
    assert desk.orders[0].signature_flag is flag


def test_refusals_are_named_as_the_version_names_them():
    desk = open_desk()
    desk.forbidden = {"EOP": "091005", "SCT": "090003"}
    with pytest.raises(BankRefusal) as caught:
        run(client().download(service="C53"), server(desk))
    name = "EBICS_INVALID_ORDER_IDENTIFIER" if spoken().services else "EBICS_INVALID_ORDER_TYPE"
    assert caught.value.report.startswith(f"[{name}]")


def test_a_client_keeps_to_the_version_it_was_made_for():
    assert isinstance(client(), Client)
    document = client().hia().request()
    assert document is not None
    assert spoken().namespace.encode() in document
