"""Client and bank engine as a pair, in memory: what they do together, what they refuse, and what a bad line cannot break."""

from __future__ import annotations

import contextlib
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from io import BytesIO
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from electra_kernel.ebics import authsignature, envelope
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.client import Client, Exchange, Subscriber
from electra_kernel.ebics.desk import KeyUse, TransactionRecord, Upload, UserState
from electra_kernel.ebics.documents import Answer, OrderDetails, Phase, Request
from electra_kernel.ebics.errors import (
    BankRefusal,
    BankSignatureInvalid,
    EbicsError,
    LocalProtocolError,
    OrderAlreadyThere,
    RemoteProtocolError,
    bank_refusal,
)
from electra_kernel.ebics.keys import BankKeys, TransportKeys, bare, certificate_der, certificate_for, generate_key
from electra_kernel.ebics.requests import read_request, write_request
from electra_kernel.ebics.responses import read_answer, write_answer
from electra_kernel.ebics.server import Limits, Server
from electra_kernel.ebics.signature import raw_digest
from electra_kernel.ebics.tree import serialise
from electra_kernel.ebics.version import H005, VERSIONS, EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml
from tests.ebics_house import (
    HOST,
    NOW,
    PARTNER,
    PAYMENTS,
    SECOND,
    STATEMENTS,
    USER,
    DictDesk,
    as_seen,
    bank_keys,
    certificate,
    client,
    clock,
    key,
    new_desk,
    noise,
    open_desk,
    run,
    server,
    signature,
    speak,
    spoken,
    transport_keys,
    upload,
)


@pytest.fixture(params=list(VERSIONS.values()), ids=lambda version: version.protocol, scope="module", autouse=True)
def version(request: pytest.FixtureRequest) -> Iterator[EbicsVersion]:
    """Every test of this file runs in every version."""
    yield speak(request.param)
    speak(H005)


def _codes(document: bytes) -> tuple[str, str]:
    answer = read_answer(parse_xml(document), spoken())
    return answer.technical, answer.business


def _keys_told() -> BankKeys:
    """What HPB brings a user who sent keys in the usual form: EBICS 2.5 does without certificates."""
    keys = bank_keys()
    return keys if spoken().services else BankKeys(bare(keys.authentication), bare(keys.encryption))


#: What a bank answers to an order it has already.
def _known_code() -> str:
    return spoken().code_stand_ins.get("091122", "091122")


def _opening(exchange: Exchange[object]) -> bytes:
    document = exchange.request()
    assert document is not None
    return document


# --- what goes well ------------------------------------------------------------------------------------------------


@pytest.mark.ebics(order_type="HEV", version=("H005", "H004"), side=("bank", "client"))
def test_hev_tells_the_versions_the_bank_speaks():
    exchange = client().hev()
    run(exchange, server(open_desk()))
    assert exchange.result == {"H005": "03.00", "H004": "02.50"}


@pytest.mark.ebics(order_type=("INI", "HIA", "HPB"), version=("H005", "H004"), side=("bank", "client"))
def test_a_new_user_becomes_ready_by_ini_hia_activation_and_hpb():
    desk = new_desk()
    bank = server(desk)
    user = Client(Subscriber(HOST, PARTNER, USER, spoken()), transport_keys(USER), None, clock)
    ini = user.ini(certificate(f"{USER}-a", KeyUse.SIGNATURE))
    run(ini, bank)
    assert ini.result == "A001"
    assert desk.users[PARTNER, USER].state is UserState.INI
    run(user.hia(), bank)
    assert desk.users[PARTNER, USER].state is UserState.INITIALISED
    with pytest.raises(BankRefusal) as caught:
        run(user.hpb(), bank)
    assert caught.value.code == "091002"
    desk.activate()
    hpb = user.hpb()
    run(hpb, bank)
    assert hpb.result == _keys_told()
    with pytest.raises(BankRefusal, match="091002"):
        run(user.ini(certificate(f"{USER}-a", KeyUse.SIGNATURE)), bank)


@pytest.mark.parametrize("scheme", ["A005", "A006"])
@pytest.mark.parametrize("segment_size", [400, 1_000_000])
@pytest.mark.ebics(order_type="BTU", version=("H005", "H004"), side=("bank", "client"))
def test_an_order_arrives_with_its_bytes_signers_and_parameters(scheme: str, segment_size: int):
    desk, data = open_desk(USER, SECOND), noise(5120) + b"\r\n\x1a"
    signatures = [signature(data, USER, scheme), signature(data, SECOND, scheme)]
    exchange = client(segment_size=segment_size).upload(
        PAYMENTS, data, signatures, file_name="április.xml", parameters={"TEST": "TRUE"}, request_eds=True
    )
    run(exchange, server(desk))
    (order,) = desk.orders
    assert order.data == data
    assert order.digest == exchange.digest
    assert order.signers == ((PARTNER, USER), (PARTNER, SECOND))
    name = "április.xml" if spoken().services else ""
    assert (order.service, order.file_name, order.parameters) == (as_seen(PAYMENTS), name, {"TEST": "TRUE"})
    assert (order.signature_flag, order.request_eds) == (True, True)
    assert exchange.result == "U001"
    assert exchange.sent == exchange.segments
    assert desk.records == {}


def test_an_order_without_the_signature_flag_says_so():
    desk = open_desk()
    run(client().upload(PAYMENTS, b"x", [signature(b"x")], signature_flag=False), server(desk))
    assert desk.orders[0].signature_flag is False


@pytest.mark.parametrize("size", [10, 5_000])
@pytest.mark.ebics(order_type="BTD", version=("H005", "H004"), side=("bank", "client"))
def test_data_are_fetched_kept_safe_and_only_then_acknowledged(size: int):
    desk = open_desk()
    desk.mail["EOP"] = noise(size)
    bank = server(desk, limits=Limits(segment_sent=400))
    exchange = client().download(service=STATEMENTS, start=date(2026, 1, 1), end=date(2026, 1, 31))
    run(exchange, bank)
    assert exchange.data == desk.mail["EOP"]
    assert exchange.received == exchange.segments
    assert desk.receipts == []
    assert desk.asked[0].service == as_seen(STATEMENTS)
    assert desk.asked[0].version == spoken()
    assert (desk.asked[0].start, desk.asked[0].end) == (date(2026, 1, 1), date(2026, 1, 31))
    exchange.acknowledge(True)
    run(exchange, bank)
    assert desk.receipts == [("EOP", True)]
    assert exchange.over
    assert exchange.request() is None


@pytest.mark.ebics(order_type="BTD", version=("H005", "H004"), side=("bank", "client"))
def test_a_negative_receipt_leaves_the_data_at_the_bank():
    desk = open_desk()
    desk.mail["HTD"] = b"data"
    exchange = client().download(admin_type="HTD")
    run(exchange, server(desk))
    exchange.acknowledge(False)
    run(exchange, server(desk))
    assert desk.receipts == [("HTD", False)]
    assert desk.mail["HTD"] == b"data"


def test_nothing_to_fetch_is_a_result_and_no_error():
    exchange = client().download(admin_type="HAC")
    run(exchange, server(open_desk()))
    assert exchange.result is None
    assert exchange.over
    with pytest.raises(LocalProtocolError):
        exchange.acknowledge(True)


def test_small_downloads_come_as_one_segment():
    desk = open_desk()
    desk.mail["HTD"] = b"x" * 100_000
    exchange = client().download(admin_type="HTD")
    run(exchange, server(desk))
    assert exchange.segments == 1


def test_many_users_are_served_at_the_same_time():
    desk = open_desk()
    bank = server(desk)
    orders = [upload(b"order %d" % number) for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda order: run(order, bank), orders))
    assert sorted(order.data for order in desk.orders) == sorted(b"order %d" % number for number in range(12))


def test_two_copies_of_one_order_sent_at_the_same_moment_give_one_order():
    desk = open_desk()
    bank = server(desk)

    def send(_: int) -> bool:
        return _refusal(lambda: run(upload(b"the one order" * 200), bank)) != _known_code()

    with ThreadPoolExecutor(4) as pool:
        arrived = list(pool.map(send, range(8)))
    assert arrived.count(True) == 1
    assert len(desk.orders) == 1


@dataclass
class _SlowDesk(DictDesk):
    """Takes an order only once somebody else has asked for its transaction."""

    taking: Event = field(default_factory=Event)
    asked_again: Event = field(default_factory=Event)

    def transaction(self, transaction_id: bytes) -> TransactionRecord | None:
        if self.taking.is_set():
            self.asked_again.set()
        return super().transaction(transaction_id)

    def receive(self, upload: Upload, transaction_id: bytes) -> str:
        self.taking.set()
        assert self.asked_again.wait(300)
        return super().receive(upload, transaction_id)


def test_a_last_segment_sent_again_while_the_bank_still_works_on_it_finds_the_transaction_done():
    desk = _SlowDesk(users=open_desk().users)
    bank, first, file = server(desk), upload(noise(1500)), BytesIO()
    while first.sent < first.segments - 1:
        document = first.request()
        assert document is not None
        first.answer(bank.handle(document))
    assert first.state is not None
    file.writelines(b64decode(first._segments[number]) for number in range(1, first.segments + 1))
    again = client().resume(first.state, file)
    with ThreadPoolExecutor(2) as pool:
        arriving = pool.submit(run, first, bank)
        assert desk.taking.wait(300)
        assert _refusal(lambda: run(again, bank)) == "091101"
        arriving.result()
    assert len(desk.orders) == 1
    # Nothing was refused, so the protocol must not tell of a refusal under the order's id.
    assert desk.told == []


@dataclass
class _DyingDesk(DictDesk):
    """The bank dies once, after it has taken the order and before it closes the transaction."""

    died: bool = False

    def close_transaction(self, transaction_id: bytes) -> None:
        if not self.died:
            self.died = True
            raise KeyboardInterrupt
        super().close_transaction(transaction_id)


def test_a_bank_that_died_before_it_closed_the_transaction_answers_the_repeat_with_the_orders_id():
    desk, sent = _DyingDesk(users=open_desk().users), upload(noise(1500))
    with pytest.raises(KeyboardInterrupt):
        run(sent, server(desk))
    run(sent, server(desk))
    assert sent.result == "U001"
    assert len(desk.orders) == 1
    assert (desk.told, desk.records) == ([], {})


# --- what real clients do and a bank tolerates -----------------------------------------------------------------------


def test_key_digests_by_exponent_and_modulus_are_taken_unless_the_bank_is_strict():
    desk = open_desk()
    desk.mail["HTD"] = b"data"
    exchange = client(number_digests=True).download(admin_type="HTD")
    run(exchange, server(desk))
    assert exchange.data == b"data"
    if spoken().key_values:
        run(client(number_digests=True).download(admin_type="HTD"), server(open_desk(), strict=True))
        return
    with pytest.raises(BankRefusal, match="091008"):
        run(client(number_digests=True).download(admin_type="HTD"), server(desk, strict=True))


def _resigned(document: bytes, old: bytes, new: bytes) -> bytes:
    assert old in document
    root = parse_xml(document.replace(old, new))
    root.remove(root[1])
    authsignature.sign(root, transport_keys(USER).authentication_key)
    return serialise(root)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b' Version="H00', b' Version="H10'),
        (b"<SignatureFlag/>", b"<SignatureFlag>true</SignatureFlag>"),
        (b"<SignatureFlag/>", b'<SignatureFlag requestEDS="1"/>'),
        (b"2026-03-02T09:30:00Z", b"2026-03-02T09:30:00.123Z"),
        (b"2026-03-02T09:30:00Z", b"2026-03-02T10:30:00+01:00"),
        (b"<Nonce>", b"<Nonce> "),
    ],
)
def test_what_real_clients_write_differently_is_understood(old: bytes, new: bytes):
    bank, document = server(open_desk()), _opening(upload(b"order"))
    if b"SignatureFlag" in old and not spoken().services:
        assert old not in document
        return
    document = _resigned(document, old, new)
    assert _codes(bank.handle(document)) == ("000000", "000000")


def test_a_nonce_in_lower_case_is_the_same_nonce():
    bank = server(open_desk())
    document = _opening(upload(b"order"))
    nonce = re.search(rb"<Nonce>(\w+)</Nonce>", document)
    assert nonce is not None
    lowered = _resigned(document, nonce[1], nonce[1].lower())
    assert _codes(bank.handle(lowered)) == ("000000", "000000")
    assert _codes(bank.handle(document)) == ("091103", "000000")


def test_an_order_signed_over_its_raw_bytes_is_taken_and_known_afterwards():
    desk, data = open_desk(), b"line\r\nline\r\n"
    exchange = client().upload(PAYMENTS, data, [signature(data, digest=raw_digest(data))])
    run(exchange, server(desk))
    assert desk.orders[0].data == data


# --- what is refused ---------------------------------------------------------------------------------------------------


def test_a_wrong_bank_key_is_noticed_in_every_signed_answer():
    desk = open_desk()
    other = BankKeys(certificate("impostor", KeyUse.AUTHENTICATION), bank_keys().encryption)
    exchange = client(bank=other).download(admin_type="HTD")
    with pytest.raises(BankSignatureInvalid) as caught:
        run(exchange, server(desk))
    assert "nother key" in caught.value.cause


def test_a_changed_answer_is_refused_and_the_true_one_still_counts():
    desk = open_desk()
    desk.mail["HTD"] = b"data"
    exchange = client().download(admin_type="HTD")
    answer = server(desk).handle(_opening(exchange))
    with pytest.raises(BankSignatureInvalid):
        exchange.answer(answer.replace(b">000000<", b">090005<"))
    with pytest.raises(BankSignatureInvalid):
        exchange.answer(re.sub(rb"<AuthSignature>.*</AuthSignature>", b"", answer))
    exchange.answer(answer)
    assert exchange.data == b"data"


def test_an_unsigned_refusal_proves_nothing():
    exchange = client().download(admin_type="HTD")
    _opening(exchange)
    with pytest.raises(BankSignatureInvalid, match="not proved") as caught:
        exchange.answer(serialise(write_answer(Answer(version=spoken(), technical="091008"))))
    assert "091008" in caught.value.cause
    assert not exchange.over


def _bank_says(answer: Answer) -> bytes:
    root = write_answer(answer)
    authsignature.sign(root, transport_keys("bank").authentication_key)
    return serialise(root)


@pytest.mark.parametrize("code", ["061001", "091002", "091005", "090003", "061099", "091122", "999999"])
def test_return_codes_become_typed_errors_in_words(code: str):
    exchange = upload(b"order")
    _opening(exchange)
    technical = bank_refusal(code).level == "technical"
    answer = Answer(
        version=spoken(),
        phase=Phase.INITIALISATION,
        technical=code if technical else "000000",
        business="000000" if technical else code,
        report="said",
    )
    with pytest.raises(BankRefusal) as caught:
        exchange.answer(_bank_says(answer))
    error = caught.value
    assert (error.code, error.report, error.level) == (code, "said", "technical" if technical else "business")
    assert isinstance(error, OrderAlreadyThere) is (code == "091122")
    assert error.repair
    assert code in str(error)
    assert exchange.over
    assert exchange.request() is None


@pytest.mark.ebics(order_type="BTU", version=("H005", "H004"), side=("bank", "client"))
def test_the_same_order_sent_again_is_refused_as_already_there():
    desk = open_desk()
    bank = server(desk)
    run(upload(b"order"), bank)
    with pytest.raises(BankRefusal) as caught:
        run(upload(b"order"), bank)
    assert caught.value.code == _known_code()
    assert isinstance(caught.value, OrderAlreadyThere) is spoken().data_digest
    assert len(desk.orders) == 1


def test_a_replayed_request_is_refused():
    bank = server(open_desk())
    document = _opening(upload(b"order"))
    assert _codes(bank.handle(document)) == ("000000", "000000")
    assert _codes(bank.handle(document)) == ("091103", "000000")


def test_a_request_from_another_time_is_refused_by_the_tolerance_given():
    document = _opening(upload(b"order"))

    def later() -> datetime:
        return NOW + timedelta(hours=2)

    assert _codes(server(open_desk(), at=later).handle(document)) == ("000000", "000000")
    strict = server(open_desk(), at=later, limits=Limits(clock_difference=timedelta(hours=1)))
    assert _codes(strict.handle(document)) == ("091103", "000000")


def test_an_unproved_request_does_not_use_up_a_nonce():
    desk = open_desk()
    bank, document = server(desk), _opening(upload(b"order"))
    forged = document.replace(b">SCT<", b">XCT<").replace(b">CCT<", b">CCU<")
    assert forged != document
    assert _codes(bank.handle(forged)) == ("061001", "000000")
    assert desk.nonces == set()
    assert _codes(bank.handle(document)) == ("000000", "000000")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"host_id": "OTHERBANK"}, "091011"),
        ({"user_id": "NOBODY"}, "061001"),
        ({"partner_id": "NOPARTNER"}, "061001"),
    ],
)
def test_who_is_unknown_learns_nothing(change: dict[str, str], code: str):
    subscriber = replace(client().subscriber, **change)
    with pytest.raises(BankRefusal, match=code):
        run(replace(client(), subscriber=subscriber).download(admin_type="HTD"), server(open_desk()))


def test_hev_of_another_host_is_refused():
    subscriber = replace(client().subscriber, host_id="OTHERBANK")
    with pytest.raises(BankRefusal, match="091011"):
        run(replace(client(), subscriber=subscriber).hev(), server(open_desk()))


def test_the_desk_decides_about_rights_and_kinds_of_orders():
    desk = open_desk()
    desk.forbidden = {"SCT": "090003", "HKD": "091006", "EOP": "091005"}
    for exchange, code, level in (
        (upload(b"order"), "090003", "business"),
        (client().download(admin_type="HKD"), "091006", "technical"),
        (client().download(service=STATEMENTS), "091005", "technical"),
    ):
        with pytest.raises(BankRefusal) as caught:
            run(exchange, server(desk))
        assert (caught.value.code, caught.value.level) == (code, level)
    assert desk.orders == []


def _refused_upload(desk: DictDesk, exchange: Exchange[str], limits: Limits | None = None) -> str:
    with pytest.raises(BankRefusal) as caught:
        run(exchange, server(desk, limits=limits))
    assert desk.orders == []
    assert desk.records == {}
    return caught.value.code


def test_orders_with_wrong_signatures_are_refused_and_nothing_stays():
    data, user = b"payment order", client()
    foreign = replace(signature(data), partner_id="PARTNER2")
    unknown = replace(signature(data), user_id="NOBODY")
    cases = {
        "091301": [signature(b"another order")],
        "091120": [foreign],
        "091304": [unknown],
        "091305": [signature(data, SECOND)],
        "091306": [signature(data), signature(data)],
    }
    for code, signatures in cases.items():
        desk = open_desk(USER, SECOND)
        desk.users[PARTNER, SECOND] = replace(desk.users[PARTNER, SECOND], state=UserState.SUSPENDED)
        assert _refused_upload(desk, user.upload(PAYMENTS, data, signatures)) == code


def test_orders_that_are_too_large_are_refused():
    big = noise(4000)
    assert _refused_upload(open_desk(), upload(big), Limits(order_data=1000)) == "091117"
    assert _refused_upload(open_desk(), upload(big), Limits(segments=2)) == "091118"
    desk = open_desk()
    with pytest.raises(BankRefusal, match="091009"):
        run(upload(big, segment_size=4000), server(desk, limits=Limits(segment=100)))
    with pytest.raises(BankRefusal, match="091009"):
        run(upload(big, segment_size=4000), server(desk, limits=Limits(document=500)))
    assert desk.orders == []


def test_a_zip_bomb_inside_an_order_is_refused():
    bomb = bytes(30 * 2**20)
    assert _refused_upload(open_desk(), upload(bomb, segment_size=1_000_000), Limits(order_data=2**20)) == "091117"


def test_a_zip_bomb_from_the_bank_is_refused_and_can_be_left_there():
    desk = open_desk()
    desk.mail["HTD"] = bytes(10 * 2**20)
    exchange = replace(client(), inflated_limit=2**20).download(admin_type="HTD")
    with pytest.raises(RemoteProtocolError, match="cannot be opened"):
        run(exchange, server(desk))
    assert exchange.data is None
    with pytest.raises(LocalProtocolError):
        exchange.acknowledge(True)
    exchange.acknowledge(False)
    run(exchange, server(desk))
    assert desk.receipts == [("HTD", False)]


def _transfer(bank: Server, exchange: Exchange[object], **changes: object) -> Answer:
    request = read_request(parse_xml(_opening(exchange)), Request(version=spoken()))
    root = write_request(replace(request, **changes))  # type: ignore[arg-type]
    authsignature.sign(root, transport_keys(USER).authentication_key)
    return read_answer(parse_xml(bank.handle(serialise(root))), spoken())


def _opened(desk: DictDesk, data: bytes = noise(1024)) -> tuple[Server, Exchange[object]]:
    bank, exchange = server(desk), upload(data)
    exchange.answer(bank.handle(_opening(exchange)))
    return bank, exchange


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"segments": None}, "091010"),
        ({"encryption": None}, "091010"),
        ({"segments": 0}, "091113"),
        ({"data_digest": b"x" * 31}, "091113"),
        ({"details": OrderDetails(admin_type="BTU")}, "091112"),
        ({"details": None}, "091010"),
        ({"phase": None}, "091010"),
        ({"nonce": b""}, "091010"),
    ],
)
def test_announcements_that_lack_something_are_refused(change: dict[str, object], code: str):
    desk = open_desk()
    if not spoken().services and ("data_digest" in change or getattr(change.get("details"), "admin_type", "") == "BTU"):
        pytest.skip("EBICS 2.5 announces no hash and has no services")
    assert _transfer(server(desk), upload(b"order"), **change).technical == code
    assert desk.records == {}


@pytest.mark.parametrize(("content", "code"), [(b"AAAA", "091111"), (b"", "")])
def test_signatures_that_cannot_be_read_are_refused_and_none_at_all_name_no_signer(content: bytes, code: str):
    desk = open_desk()
    bank, exchange = server(desk), upload(b"order")
    document = _opening(exchange)
    sent = re.search(rb">([^<]*)</SignatureData>", document)
    assert sent is not None
    exchange.answer(bank.handle(_resigned(document, sent[1], content)))
    assert _refusal(partial(run, exchange, bank)) == code
    assert [order.signers for order in desk.orders] == ([] if code else [()])


@pytest.mark.parametrize("number", [0, 99, 2])
def test_segments_a_download_does_not_have_are_refused(number: int):
    desk = open_desk()
    desk.mail["HTD"] = noise(2000)
    bank = server(desk, limits=Limits(segment_sent=400))
    exchange = client().download(admin_type="HTD")
    exchange.answer(bank.handle(_opening(exchange)))
    desk.parts[exchange.transaction_id].pop(2)
    code = {0: "091113", 99: "091104", 2: "091101"}[number]
    assert _transfer(bank, exchange, segment_number=number).technical == code


def test_segments_beyond_the_announced_number_are_refused():
    bank, exchange = _opened(open_desk())
    assert _transfer(bank, exchange, segment_number=99).technical == "091104"
    assert _transfer(bank, exchange, segment_number=0).technical == "091113"
    assert _transfer(bank, exchange, order_data="").technical == "091113"
    assert _transfer(bank, exchange, transaction_id=bytes(16)).technical == "091101"


def test_a_last_segment_that_comes_too_early_ends_in_no_order():
    desk = open_desk()
    bank, exchange = _opened(desk)
    answer = _transfer(bank, exchange, last_segment=True)
    assert answer.business == "090004"
    assert desk.orders == []
    assert desk.records == {}


def test_a_gap_between_segments_tells_the_recovery_point_and_the_client_goes_on_from_it():
    desk = open_desk()
    bank, exchange = _opened(desk)
    answer = _transfer(bank, exchange, segment_number=3)
    assert (answer.technical, answer.phase, answer.segment_number) == ("061101", Phase.INITIALISATION, None)
    exchange.answer(bank.handle(_opening(exchange)))
    exchange.answer(bank.handle(_opening(exchange)))
    (parts,) = desk.parts.values()
    del parts[2]
    run(exchange, bank)
    assert len(desk.orders) == 1


@pytest.mark.parametrize("kind", ["the last one that arrived", "the one that is due"])
def test_either_reading_of_a_recovery_point_gets_the_order_through(kind: str):
    desk = open_desk()
    bank, exchange = _opened(desk)
    exchange.answer(bank.handle(_opening(exchange)))
    for _ in range(2 if kind == "the one that is due" else 1):
        _opening(exchange)
        exchange.answer(
            _bank_says(
                Answer(version=spoken(), phase=Phase.TRANSFER, technical="061101", segment_number=2, report="[R]")
            )
        )
    document = _opening(exchange)
    expected = b">2</SegmentNumber>" if kind == "the one that is due" else b">3</SegmentNumber>"
    assert expected in document
    del desk.parts[next(iter(desk.parts))][1]
    run(exchange, bank)
    assert len(desk.orders) == 1


def test_a_bank_that_never_stops_recovering_is_given_up():
    _, exchange = _opened(open_desk())
    told = _bank_says(Answer(version=spoken(), phase=Phase.TRANSFER, technical="061101", segment_number=1))

    def go_on_for_ever() -> None:
        while exchange.request() is not None:
            exchange.answer(told)

    with pytest.raises(BankRefusal, match="061101"):
        go_on_for_ever()


def test_a_late_copy_of_an_earlier_answer_is_not_taken_for_the_answer():
    desk = open_desk()
    bank, exchange = server(desk), upload(noise(1024))
    first = bank.handle(_opening(exchange))
    exchange.answer(first)
    _opening(exchange)
    with pytest.raises(RemoteProtocolError, match="another request"):
        exchange.answer(first)
    second = bank.handle(_opening(exchange))
    exchange.answer(second)
    _opening(exchange)
    with pytest.raises(RemoteProtocolError, match="another request"):
        exchange.answer(second)
    run(exchange, bank)
    assert len(desk.orders) == 1


def test_a_receipt_ends_a_download_only_and_once():
    desk = open_desk()
    bank, exchange = _opened(desk)
    assert (
        _transfer(bank, exchange, phase=Phase.RECEIPT, segment_number=None, order_data="", receipt=0).technical
        == "091113"
    )
    desk.mail["HTD"] = b"data"
    download = client().download(admin_type="HTD")
    run(download, bank)
    download.acknowledge(True)
    receipt = _opening(download)
    assert _codes(bank.handle(receipt))[0] == "011000"
    assert _codes(bank.handle(receipt))[0] == "091101"
    assert desk.receipts == [("HTD", True)]


def test_one_users_transaction_is_closed_to_another_user():
    desk = open_desk(USER, SECOND)
    bank, exchange = _opened(desk)
    root = parse_xml(_opening(exchange))
    root.remove(root[1])
    authsignature.sign(root, transport_keys(SECOND).authentication_key)
    assert _codes(bank.handle(serialise(root))) == ("061001", "000000")


def test_periods_that_end_before_they_start_are_our_own_mistake_and_the_banks_refusal():
    with pytest.raises(LocalProtocolError):
        client().download(admin_type="HAC", start=date(2026, 2, 1), end=date(2026, 1, 1))
    with pytest.raises(LocalProtocolError):
        client().download(admin_type="HAC", start=date(2026, 2, 1))
    good = client().download(admin_type="HAC", start=date(2026, 1, 1), end=date(2026, 2, 1))
    document = _resigned(_opening(good), b"<End>2026-02-01</End>", b"<End>2025-02-01</End>")
    assert _codes(server(open_desk()).handle(document)) == ("091112", "000000")


def test_exchanges_used_out_of_order_are_our_own_mistake():
    with pytest.raises(LocalProtocolError):
        client().download(service=STATEMENTS, admin_type="HTD")
    with pytest.raises(LocalProtocolError):
        client().download()
    with pytest.raises(LocalProtocolError):
        client().upload(PAYMENTS, b"x", [])
    with pytest.raises(LocalProtocolError):
        replace(client(), bank=None).download(admin_type="HTD")
    with pytest.raises(LocalProtocolError):
        client().hev().answer(b"<x/>")
    for exchange in (client().hev(), client().hia(), client().hpb(), upload(b"x"), client().download(admin_type="HTD")):
        with pytest.raises(LocalProtocolError):
            _ = exchange.result


@pytest.mark.parametrize(
    "change",
    [{"user_id": "ANNA_1"}, {"partner_id": ""}, {"host_id": "x" * 36}, {"user_id": "ANNA\n"}],
)
def test_identifications_the_schema_forbids_are_refused_before_anything_is_sent(change: dict[str, str]):
    with pytest.raises(LocalProtocolError) as caught:
        replace(client().subscriber, **change)
    assert caught.value.repair


@pytest.mark.parametrize(
    "service",
    [
        replace(PAYMENTS, name="sct"),
        replace(PAYMENTS, message="PAIN.001"),
        replace(PAYMENTS, scope="H"),
        replace(PAYMENTS, container="TAR"),
        replace(PAYMENTS, version="8"),
    ],
)
def test_services_the_schema_forbids_are_refused_before_anything_is_sent(service: Service):
    with pytest.raises(LocalProtocolError):
        client().download(service=service)
    with pytest.raises(LocalProtocolError):
        client().upload(service, b"x", [signature(b"x")])


@pytest.mark.parametrize("name", ["a\x00b", "a" * 257, "line\nline"])
def test_names_that_fit_into_no_document_are_refused_before_anything_is_sent(name: str):
    with pytest.raises(LocalProtocolError):
        client().upload(PAYMENTS, b"x", [signature(b"x")], file_name=name)
    with pytest.raises(LocalProtocolError):
        client().download(service=STATEMENTS, parameters={name: "1"})


@pytest.mark.parametrize("name", ["signature", "authentication", "encryption"])
def test_keys_that_are_too_short_are_refused(name: str):
    weak, codes = generate_key(1024), {"signature": "091204", "authentication": "091205", "encryption": "091206"}
    weak_certificate = certificate_for(weak, KeyUse(name), common_name="weak", not_before=NOW)
    strong = transport_keys(USER)
    keys = {
        "signature": strong,
        "authentication": TransportKeys(weak, weak_certificate, strong.encryption_key, strong.encryption_certificate),
        "encryption": TransportKeys(
            strong.authentication_key, strong.authentication_certificate, weak, weak_certificate
        ),
    }[name]
    user = replace(client(), keys=keys)
    exchange = user.ini(certificate_der(weak_certificate)) if name == "signature" else user.hia()
    desk = new_desk()
    with pytest.raises(BankRefusal, match=codes[name]):
        run(exchange, server(desk))
    assert desk.users[PARTNER, USER].state is UserState.NEW


def test_one_key_for_signing_and_authentication_is_refused():
    desk = new_desk()
    run(client().hia(), server(desk))
    with pytest.raises(BankRefusal, match="091218"):
        run(client().ini(certificate(f"{USER}-x", KeyUse.SIGNATURE)), server(desk))


def test_a_strict_bank_looks_at_key_usage_and_validity():
    user = client(certificates=True)
    wrong = certificate("strict", KeyUse.ENCRYPTION)
    with pytest.raises(BankRefusal, match="091210"):
        run(user.ini(wrong), server(new_desk(), strict=True))
    good = certificate("strict", KeyUse.SIGNATURE)
    with pytest.raises(BankRefusal, match="091209"):
        run(user.ini(good), server(new_desk(), strict=True, at=lambda: NOW - timedelta(days=1)))
    run(user.ini(wrong), server(new_desk()))
    run(user.ini(good), server(new_desk(), strict=True))


def test_key_data_that_cannot_be_read_or_unfold_too_far_are_refused():
    good = _opening(client().ini(certificate(f"{USER}-a", KeyUse.SIGNATURE)))
    bomb = b64encode(zlib.compress(bytes(5 * 2**20)))
    for content in (bomb, b"AAAA", b64encode(zlib.compress(b"<x/>")), b"?"):
        document = re.sub(rb"<OrderData>.*</OrderData>", b"<OrderData>" + content + b"</OrderData>", good)
        assert _codes(server(new_desk()).handle(document)) == ("000000", "090004")
    if spoken().services:
        with pytest.raises(BankRefusal, match="091219"):
            run(client().ini(b"no certificate"), server(new_desk()))
    with pytest.raises(BankRefusal, match="091201"):
        run(client().ini(certificate(f"{USER}-a", KeyUse.SIGNATURE), "A004"), server(new_desk()))


def test_hpb_for_another_host_or_another_key_is_not_believed():
    desk = open_desk()
    bank = Server(HOST, transport_keys("bank"), desk, clock)
    exchange = client().hpb()
    answer = bank.handle(_opening(exchange))
    stranger = replace(client(), keys=replace(transport_keys(USER), encryption_key=key("stranger"))).hpb()
    _opening(stranger)
    with pytest.raises(RemoteProtocolError):
        stranger.answer(answer)
    elsewhere = replace(client(), subscriber=replace(client().subscriber, host_id="OTHER")).hpb()
    _opening(elsewhere)
    with pytest.raises(RemoteProtocolError, match="host"):
        elsewhere.answer(answer)
    exchange.answer(answer)
    assert exchange.result == bank_keys()


def test_a_bank_with_short_keys_is_not_believed():
    weak = generate_key(1024)
    weak_certificate = certificate_for(weak, KeyUse.AUTHENTICATION, common_name="weak", not_before=NOW)
    keys = replace(transport_keys("bank"), authentication_key=weak, authentication_certificate=weak_certificate)
    with pytest.raises(RemoteProtocolError, match="1024 and 2048 bits"):
        run(client().hpb(), Server(HOST, keys, open_desk(), clock))


def test_an_internal_error_of_the_desk_is_an_answer_and_the_order_can_be_sent_again():
    class Failing(DictDesk):
        broken = True

        def receive(self, upload, transaction_id):  # type: ignore[no-untyped-def]
            if self.broken:
                raise RuntimeError("disk full")
            return super().receive(upload, transaction_id)

    desk = Failing(users=open_desk().users)
    bank, exchange = server(desk), upload(b"order")
    exchange.answer(bank.handle(_opening(exchange)))
    last = _opening(exchange)
    assert _codes(bank.handle(last)) == ("061099", "000000")
    desk.broken = False
    exchange.answer(bank.handle(last))
    assert exchange.result == "U001"


# --- a bad line and hostile documents ---------------------------------------------------------------------------------

_FAULTS = st.lists(
    st.sampled_from(
        ["fine", "request lost", "answer lost", "request twice", "request cut", "answer cut", "late answer"]
    ),
    max_size=25,
)


def _refusal(action: Callable[[], None]) -> str:
    """The return code ``action`` ends with; empty where all is well."""
    try:
        action()
    except BankRefusal as refusal:
        return refusal.code
    return ""


def _carry(exchange: Exchange[object], bank: Server, faults: list[str], cut: int) -> None:
    late = b""
    while (request := exchange.request()) is not None:
        fault = faults.pop(0) if faults else "fine"
        if fault == "request lost":
            continue
        answer = bank.handle(request[: cut % len(request)] if fault == "request cut" else request)
        if fault == "answer lost":
            continue
        if fault == "request twice":
            answer = bank.handle(request)
        given = {"answer cut": answer[: cut % len(answer)], "late answer": late or answer}.get(fault, answer)
        late = answer
        try:
            exchange.answer(given)
        except RemoteProtocolError:
            continue


@given(_FAULTS, st.integers(1, 10**6), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
@pytest.mark.ebics(order_type="BTU", version=("H005", "H004"), side=("bank", "client"))
def test_whatever_a_bad_line_does_the_order_arrives_exactly_once(faults: list[str], cut: int, blocks: int):
    desk = open_desk()
    bank, data = server(desk), noise(256 * blocks)
    codes = [""]
    while codes[-1] not in {"091122", ""} or len(codes) == 1:
        # Before anything is sent again EBICS 2.5 asks for the protocol: only there it learns whether the order arrived.
        if not spoken().data_digest and any(order.data == data for order in desk.orders):
            break
        codes.append(_refusal(partial(_carry, upload(data), bank, faults, cut)))
        assert codes[-1] in {"", "091122", "061002", "091103", "091101"}
    assert [order.data for order in desk.orders] == [data]


@given(_FAULTS, st.integers(1, 10**6))
@settings(max_examples=40, deadline=None)
@pytest.mark.ebics(order_type="BTD", version=("H005", "H004"), side=("bank", "client"))
def test_whatever_a_bad_line_does_a_download_gives_the_data_or_a_clear_refusal(faults: list[str], cut: int):
    desk, data = open_desk(), noise(3000)
    desk.mail["HTD"] = data
    bank = server(desk, limits=Limits(segment_sent=400))
    exchange = client().download(admin_type="HTD")
    while code := _refusal(partial(_carry, exchange, bank, faults, cut)):
        assert code in {"061002", "091103"}
        assert exchange.data is None
        exchange = client().download(admin_type="HTD")
    assert exchange.data == data
    assert desk.receipts == []


@st.composite
def _mutations(draw: st.DrawFn) -> list[tuple[str, float, bytes]]:
    what = st.sampled_from(["flip", "cut", "insert", "copy", "drop tag"])
    return draw(
        st.lists(st.tuples(what, st.floats(0, 0.999), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4)
    )


def _mutated(document: bytes, mutations: list[tuple[str, float, bytes]]) -> bytes:
    for what, where, piece in mutations:
        at = int(where * len(document))
        if what == "flip":
            document = document[:at] + piece + document[at + len(piece) :]
        elif what == "cut":
            document = document[:at] + document[at + 40 :]
        elif what == "insert":
            document = document[:at] + piece + document[at:]
        elif what == "copy":
            document = document[:at] + document[at : at + 200] + document[at:]
        else:
            tags = [match.span() for match in re.finditer(rb"<[^<>]+>", document)]
            start, end = tags[int(where * len(tags))] if tags else (0, 0)
            document = document[:start] + document[end:]
    return document


@given(st.integers(0, 5), _mutations())
@settings(max_examples=200, deadline=None)
def test_mutated_documents_never_break_the_server_and_never_become_another_order(which: int, mutations):  # type: ignore[no-untyped-def]
    desk, data = open_desk(), b"payment order"
    desk.mail["HTD"] = b"data"
    bank, user = server(desk), client()
    started = upload(data)
    started.answer(bank.handle(_opening(started)))
    documents = (
        _opening(upload(b"another order")),
        _opening(started),
        _opening(user.download(admin_type="HTD")),
        _opening(user.hpb()),
        _opening(user.ini(certificate(f"{USER}-a", KeyUse.SIGNATURE))),
        _opening(user.hev()),
    )
    answer = parse_xml(bank.handle(_mutated(documents[which], mutations)))
    codes = {node.text for node in answer.iter() if etree.QName(node).localname == "ReturnCode"}
    assert codes
    assert "061099" not in codes
    assert [order.data for order in desk.orders] in ([], [data])


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\x00\xff",
        b"<a>" * 5000,
        b'<!DOCTYPE x [<!ENTITY e "e">]><x>&e;</x>',
        b"<ebicsRequest/>",
        b'<ebicsRequest xmlns="urn:org:ebics:H004"/>',
        b'<ebicsRequest xmlns="urn:org:ebics:H005"/>',
        b'<!-- c --><ebicsHEVRequest xmlns="http://www.ebics.org/H000"/>',
        b'<ebicsHEVResponse xmlns="http://www.ebics.org/H000"/>',
        b'<?xml version="1.0" encoding="klingon"?><x/>',
    ],
)
def test_documents_that_are_no_requests_get_a_clear_refusal(document: bytes):
    answer = parse_xml(server(open_desk()).handle(document))
    codes = {node.text for node in answer.iter() if etree.QName(node).localname == "ReturnCode"}
    assert codes & {"061002", "091010", "091011"}


@given(_mutations())
@settings(max_examples=80, deadline=None)
def test_mutated_answers_give_the_true_data_or_a_clear_error(mutations):  # type: ignore[no-untyped-def]
    desk = open_desk()
    desk.mail["HTD"] = b"data of the bank"
    exchange = client().download(admin_type="HTD")
    answer = server(desk).handle(_opening(exchange))
    with contextlib.suppress(EbicsError):
        exchange.answer(_mutated(answer, mutations))
    assert exchange.data in (None, b"data of the bank")


def test_an_envelope_made_for_the_bank_under_another_name_of_its_key_is_refused():
    exchange = client(bank=BankKeys(bank_keys().authentication, certificate("wrong-e", KeyUse.ENCRYPTION)))
    with pytest.raises(BankRefusal, match="091008"):
        run(exchange.upload(PAYMENTS, b"x", [signature(b"x")]), server(open_desk()))


def test_data_encrypted_for_another_user_are_not_taken():
    desk = open_desk()
    desk.mail["HTD"] = b"data"
    desk.users[PARTNER, USER] = replace(
        desk.users[PARTNER, USER],
        certificates={
            **desk.users[PARTNER, USER].certificates,
            KeyUse.ENCRYPTION: transport_keys(SECOND).encryption_der,
        },
    )
    with pytest.raises(RemoteProtocolError, match="another key"):
        run(client().download(admin_type="HTD"), server(desk))


def test_answers_larger_than_a_document_may_be_are_refused():
    exchange = client().hev()
    _opening(exchange)
    with pytest.raises(RemoteProtocolError, match="too large"):
        exchange.answer(b"<x>" + b" " * 5 * 2**20 + b"</x>")


def test_the_transaction_key_is_new_for_every_order():
    assert envelope.new_key() != envelope.new_key()
    assert _opening(upload(b"order")) != _opening(upload(b"order"))
