"""The bank's processes on the line: clients that speak odd HTTP, hang up, or send one order to two processes at once."""

from __future__ import annotations

import os
import select
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from threading import Barrier
from urllib.parse import urlsplit

import pytest

from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.client import Client, Subscriber
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.ebics.signature import OrderSignature
from electra_kernel.formats import pain001
from electra_kernel.vocabulary.dates import system_clock
from tests import ebics_house
from tests.bank_house import order, payment
from tests.bank_process import running

HEV = b'<ebicsHEVRequest xmlns="http://www.ebics.org/H000"><HostID>ELECTRA</HostID></ebicsHEVRequest>'


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    with running(tmp_path_factory.mktemp("line") / "bank", "--admit") as process:
        yield process


def _say(bank, *parts: bytes, until: bytes = b"") -> bytes:
    """Send, and read until the bank closes or says ``until`` for the last time."""
    with socket.create_connection(("127.0.0.1", urlsplit(bank.said["http"]).port), timeout=300) as line:
        heard = b""
        for part in parts:
            line.sendall(part)
        while not (until and heard.endswith(until)) and (more := line.recv(65536)):
            heard += more
        return heard


def _post(body: bytes, *headers: bytes) -> bytes:
    lines = (b"POST / HTTP/1.1", b"Host: bank", b"Content-Length: %d" % len(body), *headers)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def test_requests_one_behind_the_other_on_one_connection_are_all_answered(bank):
    heard = _say(bank, _post(HEV), _post(HEV), _post(HEV, b"Connection: close"))
    assert heard.count(b"HTTP/1.1 200") == heard.count(b"<ReturnCode>000000") == 3


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(bank):
    heard = _say(bank, _post(HEV, b"Expect: 100-continue", b"Connection: close"))
    assert heard.startswith(b"HTTP/1.1 100")
    assert b"<ReturnCode>000000" in heard


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"HEAD / HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n", b"200"),
        (b"GET /ebics HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n", b"405"),
        (_post(HEV, b"Content-Type: multipart/form-data; boundary=x", b"Connection: close"), b"200"),
        (_post(b"", b"Connection: close"), b"200"),
        (b"POST / HTTP/1.1\r\nHost: b\r\nContent-Length: -5\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
    ],
    ids=["HEAD", "GET", "multipart", "empty", "negative length", "broken chunk", "TLS on the plain port"],
)
def test_odd_http_gets_an_answer_and_never_an_internal_error(bank, request_, status):
    assert _say(bank, request_).split(b" ")[1] == status


def _complaints(bank) -> bytes:
    """What the bank has said on its console so far."""
    heard, pipe = b"", bank.process.stderr.fileno()
    while select.select([pipe], [], [], 0.3)[0]:
        heard += os.read(pipe, 65536)
    return heard


def test_a_client_that_hangs_up_in_the_middle_leaves_no_trace(bank):
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", urlsplit(bank.said["http"]).port)) as line:
            line.sendall(_post(HEV)[:-20])
    assert b"000000" in bank.post(HEV)
    assert b"Traceback" not in _complaints(bank)


def test_many_slow_clients_do_not_keep_others_waiting(bank):
    address = ("127.0.0.1", urlsplit(bank.said["http"]).port)
    slow = [socket.create_connection(address) for _ in range(100)]
    try:
        for line in slow:
            line.sendall(_post(HEV)[:-20])
        assert b"000000" in bank.post(HEV)
    finally:
        for line in slow:
            line.close()


def _enrolled(bank, user: str) -> Client:
    subscriber, keys = Subscriber(bank.said["host"], bank.said["partner"], user), ebics_house.transport_keys(user)
    newcomer = Client(subscriber, keys, None, system_clock)
    certificate = ebics_house.certificate(f"{user}-a", ebics_house.KeyUse.SIGNATURE)
    for exchange in (newcomer.ini(certificate), newcomer.hia(), hpb := newcomer.hpb()):
        while (document := exchange.request()) is not None:
            exchange.answer(bank.post(document))
    return Client(subscriber, keys, hpb.result, system_clock)


def test_a_strict_bank_refuses_what_a_tolerant_one_takes(bank, tmp_path):
    def codes(place) -> list[str]:
        ends = []
        for numbers in (False, True):
            asked = replace(_enrolled(place, f"URSULA{numbers:d}"), number_digests=numbers).download(admin_type="HPD")
            try:
                asked.answer(place.post(asked.request()))
                ends.append("")
            except EbicsError as error:
                ends.append(error.code)
        return ends

    assert codes(bank) == ["", ""]
    with running(tmp_path / "bank", "--admit", "--strict") as strict:
        assert codes(strict) == ["", "091008"]


def test_one_order_sent_at_once_to_two_processes_of_one_bank_is_taken_once(bank):
    with running(bank.folder, "--admit") as other:
        said = bank.said
        client = _enrolled(bank, "TILDA")
        for _ in range(3):
            data = pain001.write(order(payment("3"), day=date.fromisoformat(said["date"])))
            signed = ebics_house.signature(data, "TILDA")
            signature = OrderSignature(signed.version, signed.value, said["partner"], "TILDA")
            uploads = [client.upload(Service("DCT", "pain.001"), data, [signature]) for _ in range(4)]
            places = (bank, other, bank, other)
            for upload, place in zip(uploads, places, strict=True):
                upload.answer(place.post(upload.request()))
            together = Barrier(len(uploads))

            def finish(upload, place, together=together):
                document = upload.request()
                together.wait()
                try:
                    upload.answer(place.post(document))
                except EbicsError as error:
                    return error.code
                return "taken"

            with ThreadPoolExecutor(4) as pool:
                ends = list(pool.map(finish, uploads, places))
            assert sorted(ends) == ["091122"] * 3 + ["taken"]
