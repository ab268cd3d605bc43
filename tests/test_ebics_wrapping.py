"""Signature wrapping and other disguises: a genuine signature never carries what its owner did not say, on either side."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
from lxml import etree

from electra_kernel.ebics.client import Exchange
from electra_kernel.ebics.errors import BankSignatureInvalid, RemoteProtocolError
from electra_kernel.ebics.version import H005, VERSIONS, EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml
from tests.ebics_house import client, noise, open_desk, server, speak, upload

Forge = Callable[[etree._Element, str], None]


@pytest.fixture(params=list(VERSIONS.values()), ids=lambda version: version.protocol, scope="module", autouse=True)
def version(request):
    yield speak(request.param)
    speak(H005)


def _at(root: etree._Element, path: str) -> etree._Element:
    found = root.find("/".join(f"{{*}}{name}" for name in path.split("/")))
    assert found is not None, path
    return found


def _false(node: etree._Element, says: str) -> etree._Element:
    """A copy that says something else: another user in a request, another return code in an answer."""
    copy = deepcopy(node)
    for each in copy.iter("{*}UserID", "{*}ReturnCode", "{*}TransactionID", "{*}SegmentNumber"):
        each.text = says
    return copy


def _beside(root: etree._Element, says: str) -> None:
    """A false header before the signed one."""
    root.insert(0, _false(_at(root, "header"), says))


def _behind(root: etree._Element, says: str) -> None:
    """A false header in its place, the signed one at the end."""
    header = _at(root, "header")
    root.replace(header, _false(header, says))
    root.append(header)


def _inside_the_body(root: etree._Element, says: str) -> None:
    """The signed header moved into the body, where nobody reads it."""
    header = _at(root, "header")
    root.replace(header, _false(header, says))
    _at(root, "body").append(header)


def _inside_the_signature(root: etree._Element, says: str) -> None:
    """The signed header moved into an Object of the signature."""
    header = _at(root, "header")
    root.replace(header, _false(header, says))
    etree.SubElement(_at(root, "AuthSignature"), "{http://www.w3.org/2000/09/xmldsig#}Object").append(header)


def _nested(root: etree._Element, says: str) -> None:
    """The false header around the signed one: both are marked."""
    header = _at(root, "header")
    outer = _false(header, says)
    root.replace(header, outer)
    outer.append(header)


def _unmarked(root: etree._Element, says: str) -> None:
    """The false header unmarked in its place, the signed one under another name of a namespace of its own."""
    header = _at(root, "header")
    outer = _false(header, says)
    del outer.attrib["authenticate"]
    root.replace(header, outer)
    header.tag = "{urn:x}header"
    root.append(header)


def _two_bodies(root: etree._Element, says: str) -> None:
    """A false body before the genuine one."""
    body = _at(root, "body")
    root.insert(list(root).index(body), _false(body, says))


def _in_a_marked_part(root: etree._Element, says: str) -> None:
    """Another part that is marked and was never signed."""
    etree.SubElement(_at(root, "header"), f"{{{etree.QName(root).namespace}}}static").set("authenticate", "true")


def _by_id(root: etree._Element, says: str) -> None:
    """Two elements of one id, and a reference that means the first or the last, as one likes."""
    header = _at(root, "header")
    root.replace(header, _false(header, says))
    root.append(header)
    for each in (root[0], header):
        each.set("Id", "one")
    reference = next(root.iter("{http://www.w3.org/2000/09/xmldsig#}Reference"))
    reference.set("URI", "#one")


def _without_a_signature(root: etree._Element, says: str) -> None:
    """Nothing signed at all."""
    root.remove(_at(root, "AuthSignature"))


def _two_references(root: etree._Element, says: str) -> None:
    """A second reference, to nothing."""
    info = next(root.iter("{http://www.w3.org/2000/09/xmldsig#}SignedInfo"))
    info.append(deepcopy(next(root.iter("{http://www.w3.org/2000/09/xmldsig#}Reference"))))


FORGERIES: tuple[Forge, ...] = (
    _beside,
    _behind,
    _inside_the_body,
    _inside_the_signature,
    _nested,
    _unmarked,
    _two_bodies,
    _in_a_marked_part,
    _by_id,
    _without_a_signature,
    _two_references,
)


def _forged(document: bytes, forge: Forge, says: str) -> bytes:
    root = parse_xml(document)
    forge(root, says)
    made = etree.tostring(root)
    assert made != etree.tostring(parse_xml(document))
    return made


def _request(exchange: Exchange[object]) -> bytes:
    document = exchange.request()
    assert document is not None
    return document


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_the_bank_takes_no_request_that_is_wrapped_around_a_genuine_one(forge: Forge, version: EbicsVersion):
    desk = open_desk()
    desk.mail["HTD"] = b"data"
    bank, started = server(desk), upload(noise(900))
    opening = _request(started)
    answer = parse_xml(bank.handle(_forged(opening, forge, "BELA")))
    codes = {each.text for each in answer.iter("{*}ReturnCode")}
    assert codes & {"061001", "061002", "091010"}, codes
    assert desk.records == {}
    assert desk.nonces == set()
    started.answer(bank.handle(opening))
    segment = _forged(_request(started), forge, "2")
    codes = {each.text for each in parse_xml(bank.handle(segment)).iter("{*}ReturnCode")}
    assert codes & {"061001", "061002", "091010", "091101"}, codes
    assert list(desk.parts.values()) == [{}]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_the_client_takes_no_answer_that_is_wrapped_around_a_genuine_one(forge: Forge, version: EbicsVersion):
    desk = open_desk()
    desk.mail["HTD"] = b"data of the bank"
    bank, exchange = server(desk), client().download(admin_type="HTD")
    answer = bank.handle(_request(exchange))
    with pytest.raises((BankSignatureInvalid, RemoteProtocolError)):
        exchange.answer(_forged(answer, forge, "090005"))
    assert exchange.data is None
    assert not exchange.over
    exchange.answer(answer)
    assert exchange.data == b"data of the bank"


@pytest.mark.parametrize("oddity", ["=", "====", "A", "AB=C", "A===", "-_-_", "\u00e1\u00e1\u00e1\u00e1", "AAAA=AAAA"])
def test_base64_that_two_readers_could_read_differently_is_refused(oddity: str, version: EbicsVersion):
    desk = open_desk()
    bank, started = server(desk), upload(b"order")
    started.answer(bank.handle(_request(started)))
    root = parse_xml(_request(started))
    data = _at(root, "body/DataTransfer/OrderData")
    data.text = f"{data.text}{oddity}"
    codes = [each.text for each in parse_xml(bank.handle(etree.tostring(root))).iter("{*}ReturnCode")]
    assert "090004" in codes, codes
    assert desk.orders == []


def test_a_comment_or_an_instruction_inside_order_data_neither_hides_nor_adds_anything(version: EbicsVersion):
    desk, data = open_desk(), b"the order"
    bank, started = server(desk), upload(data)
    started.answer(bank.handle(_request(started)))
    document = _request(started)
    at = document.index(b"<OrderData>") + len(b"<OrderData>") + 8
    started.answer(bank.handle(document[:at] + b"<!-- AAAA --><?x AAAA?>" + document[at:]))
    assert [order.data for order in desk.orders] == [data]
