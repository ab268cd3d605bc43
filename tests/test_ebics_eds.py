"""The distributed signature in memory: its documents, and client and bank engine as a pair."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from electra_kernel.ebics import eds, envelope
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.client import Client, Subscriber
from electra_kernel.ebics.desk import Decision, Delivery, DeskRefusal, DownloadRequest
from electra_kernel.ebics.documents import Kind, OrderDetails, Phase, Request
from electra_kernel.ebics.edsparams import DECISIONS, EDS_TYPES, LISTS, EdsParams
from electra_kernel.ebics.errors import BankRefusal, LocalProtocolError
from electra_kernel.ebics.requests import read_request, write_request
from electra_kernel.ebics.signature import OrderSignature, order_digest, raw_digest, write_signatures
from electra_kernel.ebics.tree import serialise
from electra_kernel.ebics.version import H004, H005, EbicsVersion
from electra_kernel.vocabulary.xml import HostileXml, parse_xml
from tests.ebics_house import (
    HOST,
    NOW,
    PARTNER,
    SECOND,
    USER,
    DictDesk,
    bank_keys,
    clock,
    noise,
    ready_user,
    run,
    schema,
    server,
    signature,
    transport_keys,
)
from tests.shared import needs_shared

TRANSFERS = Service("SCT", "pain.001")
ORDER_ID = "U001"
VERSIONS = pytest.mark.parametrize("version", [H005, H004], ids=["H005", "H004"])


# --- documents --------------------------------------------------------------------------------------------------------


def wrong(document: bytes, version: EbicsVersion) -> list[str]:
    """What the schema of a version finds wrong."""
    checker = schema(f"ebics/{version.protocol}/ebics_{version.protocol}.xsd")
    checker.validate(etree.fromstring(document))
    return [each.message for each in checker.error_log]


_words = st.text(st.characters(codec="latin-1", categories=("L", "Nd", "P")), min_size=1, max_size=30).map(
    lambda word: "".join(word.split()) or "x"
)
_ids = st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True)
_moments = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)).map(
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
_amounts = st.decimals(Decimal("0.01"), Decimal("99999999999.99"), places=2)
_numbers = st.sampled_from(["HU93116000060000000012345676", "DE75512108001245126199", "12345678", "GIRO 7"])
_people = st.builds(
    eds.Signer, partner_id=_ids, user_id=_ids, at=_moments, name=_words, level=st.sampled_from(["E", "A", "B", "T"])
)
_services = st.sampled_from([TRANSFERS, Service("SCI", "pain.001"), Service("SDD", "pain.008", option="COR")])
_short = st.builds(
    eds.WaitingOrder,
    service=_services,
    order_id=st.from_regex(r"[A-Z][A-Z0-9]{3}", fullmatch=True),
    size=st.integers(1, 10**9),
    ready=st.booleans(),
    required=st.integers(1, 9),
    done=st.integers(0, 9),
    originator=_people.map(lambda person: replace(person, level="")),
    signers=st.lists(_people, max_size=3).map(tuple),
)
_long = st.builds(
    lambda order, **more: replace(order, **more),
    _short,
    digest=st.binary(min_size=32, max_size=32),
    scheme=st.sampled_from(["A005", "A006"]),
    data_available=st.booleans(),
    details_available=st.booleans(),
    count=st.integers(0, 10**6) | st.none(),
    total=_amounts | st.none(),
    currency=st.sampled_from(["HUF", "EUR", ""]),
    first_party=_words,
    first_account=_numbers | st.just(""),
)
_states = st.builds(
    eds.OrderState,
    digest=st.binary(min_size=32, max_size=32),
    scheme=st.sampled_from(["A005", "A006"]),
    display=st.binary(max_size=60),
    size=st.integers(1, 10**9),
    data_available=st.booleans(),
    details_available=st.booleans(),
    signers=st.lists(_people, max_size=3).map(tuple),
)
_payments = st.builds(
    eds.Payment,
    amount=_amounts,
    currency=st.sampled_from(["HUF", "EUR"]),
    payer_account=_numbers,
    payee_account=_numbers,
    payer=_words,
    payee=_words | st.just(""),
    payee_bank=st.sampled_from(["", "OTPVHUHB"]),
    execution_date=st.dates(date(2000, 1, 1), date(2090, 1, 1)) | st.none(),
    purpose=_words | st.just(""),
)


@needs_shared
@VERSIONS
@settings(max_examples=40, deadline=None)
@given(short=st.lists(_short, min_size=1, max_size=3), long=st.lists(_long, min_size=1, max_size=3))
def test_lists_of_waiting_orders_come_back_as_they_went_and_follow_the_schema(version, short, long):
    for orders, details in ((short, False), (long, True)):
        document = eds.write_waiting(orders, version, details=details)
        assert list(eds.read_waiting(document, version)) == orders
        assert wrong(document, version) == []


@needs_shared
@VERSIONS
@settings(max_examples=40, deadline=None)
@given(state=_states, payments=st.lists(_payments, min_size=1, max_size=3), total=st.integers(0, 10**9))
def test_states_and_payments_come_back_as_they_went_and_follow_the_schema(version, state, payments, total):
    document = eds.write_state(state, version)
    assert eds.read_state(document, version) == state
    assert wrong(document, version) == []
    document = eds.write_payments(payments, total, version)
    assert eds.read_payments(document, version) == (total, tuple(payments))
    assert wrong(document, version) == []


def test_the_sender_s_words_travel_where_the_version_has_a_place_for_them():
    order = eds.WaitingOrder(
        service=TRANSFERS,
        order_id=ORDER_ID,
        size=1,
        ready=True,
        required=2,
        done=0,
        originator=eds.Signer(partner_id=PARTNER, user_id=USER, at=NOW),
        note="wages",
    )
    assert [
        eds.read_waiting(eds.write_waiting([order], version, details=False), version)[0].note
        for version in (H005, H004)
    ] == ["wages", ""]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), order=_long, state=_states)
def test_damaged_answers_are_refused_in_one_of_two_known_ways(data, order, state):
    for document, read in (
        (eds.write_waiting([order], H005, details=True), eds.read_waiting),
        (eds.write_state(state, H005), eds.read_state),
    ):
        at = data.draw(st.integers(0, len(document) - 1))
        damaged = document[:at] + data.draw(st.binary(max_size=3)) + document[at + 1 :]
        with contextlib.suppress(ValueError, HostileXml):
            read(damaged, H005)


@VERSIONS
@given(
    kind=st.sampled_from(sorted(EDS_TYPES)),
    filters=st.lists(_services, max_size=2, unique=True).map(tuple),
    complete=st.booleans(),
    limit=st.integers(0, 10**9),
    offset=st.integers(0, 10**9),
)
@settings(max_examples=60, deadline=None)
def test_what_is_asked_of_a_waiting_order_comes_back_as_it_went(version, kind, filters, complete, limit, offset):
    if kind in LISTS:
        params, service = EdsParams(filters=filters), None
    elif kind == "HVT":
        params = EdsParams(partner_id=PARTNER, order_id=ORDER_ID, complete=complete, limit=limit, offset=offset)
        service = TRANSFERS
    else:
        params, service = EdsParams(partner_id=PARTNER, order_id=ORDER_ID), TRANSFERS
    sent = Request(
        version=version,
        host_id=HOST,
        details=OrderDetails(admin_type=kind, service=service, eds=params),
        phase=Phase.INITIALISATION,
    )
    read = read_request(write_request(sent), Request(version=version))
    assert read.details is not None
    assert (read.details.admin_type, read.details.service, read.details.eds) == (kind, service, params)


# --- client and bank --------------------------------------------------------------------------------------------------


@dataclass
class WaitingDesk(DictDesk):
    """A desk at which one order waits."""

    data: bytes = b"an order\r\nthat waits\r\n"
    decisions: list[Decision] = field(default_factory=list)
    looked: list[DownloadRequest] = field(default_factory=list)

    def waiting_digests(
        self, partner_id: str, user_id: str, service: Service | None, params: EdsParams
    ) -> tuple[bytes, bytes]:
        if (params.partner_id, params.order_id) != (PARTNER, ORDER_ID):
            raise DeskRefusal("091114")
        return order_digest(self.data), raw_digest(self.data)

    def decide(self, decision: Decision) -> str:
        self.decisions.append(decision)
        return decision.eds.order_id

    def deliver(self, request: DownloadRequest) -> Delivery:
        self.looked.append(request)
        assert request.eds is not None
        return Delivery(data=self.data if request.eds.complete else self._told(request), token="t")

    def _told(self, request: DownloadRequest) -> bytes:
        order = eds.WaitingOrder(
            service=TRANSFERS,
            order_id=ORDER_ID,
            size=len(self.data),
            ready=True,
            required=2,
            done=1,
            originator=eds.Signer(partner_id=PARTNER, user_id=USER, at=NOW),
            digest=order_digest(self.data),
            scheme="A006",
        )
        if request.admin_type in LISTS:
            return eds.write_waiting([order], request.version, details=request.admin_type == "HVZ")
        state = eds.OrderState(digest=order.digest, scheme="A006", display=b"words", size=order.size)
        return eds.write_state(state, request.version)


def desk() -> WaitingDesk:
    return WaitingDesk(users={(PARTNER, user): ready_user(user) for user in (USER, SECOND)})


def second(version: EbicsVersion = H005) -> Client:
    return Client(Subscriber(HOST, PARTNER, SECOND, version), transport_keys(SECOND), bank_keys(), clock)


def signed(data: bytes, user: str = SECOND, scheme: str = "A006", digest: bytes | None = None) -> OrderSignature:
    return signature(data, user, scheme, digest=digest)


def fetched(exchange, bank) -> bytes:
    run(exchange, bank)
    assert exchange.data is not None
    exchange.acknowledge(True)
    run(exchange, bank)
    return exchange.data


@VERSIONS
@pytest.mark.ebics(
    order_type=("HVU", "HVZ", "HVD", "HVT", "HVE", "HVS"), version=("H005", "H004"), side=("bank", "client")
)
def test_a_client_lists_looks_signs_and_cancels(version):
    place = desk()
    bank, client = server(place), second(version)
    for details in (False, True):
        (order,) = eds.read_waiting(fetched(client.waiting_orders(details=details, filters=[TRANSFERS]), bank), version)
        assert order.order_id == ORDER_ID
    assert place.looked[0].eds == EdsParams(filters=(TRANSFERS,))
    about = (PARTNER, ORDER_ID, TRANSFERS)
    state = eds.read_state(fetched(client.order_state(*about), bank), version)
    data = fetched(client.order_transactions(*about, complete=True), bank)
    assert order_digest(data) == state.digest == order.digest
    for step in (client.add_signature, client.cancel_order):
        exchange = step(*about, state.digest, signed(data))
        with pytest.raises(LocalProtocolError):
            _ = exchange.result
        run(exchange, bank)
        assert (exchange.result, exchange.over, exchange.request()) == (ORDER_ID, True, None)
    assert [(each.admin_type, each.user_id, each.digest) for each in place.decisions] == [
        ("HVE", SECOND, state.digest),
        ("HVS", SECOND, state.digest),
    ]
    assert place.records == {}


@pytest.mark.parametrize("scheme", ["A005", "A006"])
def test_signatures_of_both_schemes_over_both_hashes_count(scheme):
    place = desk()
    for digest in (order_digest(place.data), raw_digest(place.data)):
        run(
            second().add_signature(PARTNER, ORDER_ID, TRANSFERS, digest, signed(b"", scheme=scheme, digest=digest)),
            server(place),
        )
    assert len(place.decisions) == 2


def refused(place: WaitingDesk, exchange, code: str) -> None:
    with pytest.raises(BankRefusal) as caught:
        run(exchange, server(place))
    assert caught.value.code == code
    assert exchange.over
    assert place.decisions == []


def test_a_signature_over_anything_else_is_refused():
    place = desk()
    about, right = (PARTNER, ORDER_ID, TRANSFERS), order_digest(place.data)
    other = order_digest(b"another order")
    refused(place, second().add_signature(*about, other, signed(b"", digest=other)), "091301")
    refused(place, second().add_signature(*about, right, signed(b"", digest=other)), "091301")
    forged = replace(signed(place.data, USER), user_id=SECOND)
    refused(place, second().add_signature(*about, right, forged), "091301")
    refused(place, second().cancel_order(*about, right, forged), "091301")
    stranger = replace(signed(place.data), user_id="CARL")
    refused(place, second().add_signature(*about, right, stranger), "091304")
    foreign = replace(signed(place.data), partner_id="OTHER")
    refused(place, second().add_signature(*about, right, foreign), "091120")
    refused(place, second().add_signature(PARTNER, "U002", TRANSFERS, right, signed(place.data)), "091114")


class _Bent:
    """A decision as no proper client sends it."""

    def __init__(self, client: Client, **changes: object) -> None:
        digest = order_digest(WaitingDesk.data)
        self.exchange = client.add_signature(PARTNER, ORDER_ID, TRANSFERS, digest, signed(WaitingDesk.data))
        self.changes = changes

    def send(self, place: WaitingDesk) -> tuple[str, str]:
        from electra_kernel.ebics import authsignature
        from electra_kernel.ebics.responses import read_answer

        document = self.exchange.request()
        assert document is not None
        request = read_request(parse_xml(document), Request(version=H005, kind=Kind.NORMAL))
        root = write_request(replace(request, **self.changes))  # type: ignore[arg-type]
        authsignature.sign(root, transport_keys(SECOND).authentication_key)
        answer = read_answer(parse_xml(server(place).handle(serialise(root))), H005)
        return answer.technical, answer.business


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"segments": 1}, "091113"),
        ({"encryption": None, "segments": 0}, "091112"),
        ({"signature_data": "AAAA"}, "091111"),
        ({"details": OrderDetails(admin_type="HVE", service=TRANSFERS, eds=EdsParams(partner_id=PARTNER))}, "091112"),
    ],
)
def test_a_decision_that_is_not_one_signature_over_one_order_is_refused(changes: Mapping[str, object], code: str):
    place = desk()
    assert code in _Bent(second(), **changes).send(place)
    assert place.decisions == []


def test_two_signatures_in_one_decision_are_refused():
    place = desk()
    exchange = second().add_signature(PARTNER, ORDER_ID, TRANSFERS, order_digest(place.data), signed(place.data))
    both = write_signatures([signed(place.data), signed(place.data, USER)], H005)
    bent = _Bent(second())
    bent.exchange = exchange
    bent.changes = {"signature_data": envelope.seal(both, exchange._key)}
    assert "091113" in bent.send(place)
    assert place.decisions == []


def test_a_list_or_a_look_carries_no_signature_and_opens_no_upload():
    place = desk()
    for kind in sorted(EDS_TYPES - DECISIONS):
        params = EdsParams() if kind in LISTS else EdsParams(partner_id=PARTNER, order_id=ORDER_ID)
        details = OrderDetails(admin_type=kind, service=None if kind in LISTS else TRANSFERS, eds=params)
        assert "091112" in _Bent(second(), details=details, segments=1).send(place)
    assert (place.orders, place.decisions, place.records) == ([], [], {})


def test_a_repeated_decision_is_refused_as_a_replay_and_decides_once():
    place = desk()
    bank = server(place)
    exchange = second().add_signature(PARTNER, ORDER_ID, TRANSFERS, order_digest(place.data), signed(place.data))
    document = exchange.request()
    assert document == exchange.request()
    assert document is not None
    bank.handle(document)
    with pytest.raises(BankRefusal, match="091103"):
        exchange.answer(bank.handle(document))
    assert len(place.decisions) == 1


def test_large_orders_come_in_segments_before_they_are_signed():
    place = desk()
    place.data = noise(5000)
    client = replace(second(), segment_size=400)
    assert fetched(client.order_transactions(PARTNER, ORDER_ID, TRANSFERS, complete=True), server(place)) == place.data


@needs_shared
@VERSIONS
def test_every_document_of_a_session_follows_the_schema(version):
    place, seen = desk(), list[bytes]()
    bank, about = server(place), (PARTNER, ORDER_ID, TRANSFERS)
    for exchange in (
        second(version).waiting_orders(
            filters=[Service("SCT", ""), Service("", "", scope="DE")] if version.services else [TRANSFERS]
        ),
        second(version).waiting_orders(details=True),
        second(version).order_state(*about),
        second(version).order_transactions(*about, limit=5, offset=0),
        second(version).add_signature(*about, order_digest(place.data), signed(place.data)),
        second(version).cancel_order(*about, order_digest(place.data), signed(place.data)),
    ):
        run(exchange, bank, seen)
    assert [errors for document in seen if (errors := wrong(document, version))] == []


def test_ids_that_are_none_are_not_sent():
    for partner, order_id in ((PARTNER, ""), (PARTNER, "TOOLONG"), ("", ORDER_ID)):
        with pytest.raises(LocalProtocolError):
            second().order_state(partner, order_id, TRANSFERS)
