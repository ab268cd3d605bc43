"""The bank as a process: what it says, how it is reached, and that nothing is lost when it is killed."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import date
from http.client import HTTPException
from random import Random
from typing import NoReturn
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from electra_kernel.bank.app import LOOPBACK, PortTaken, listen, make_app
from electra_kernel.bank.profile import PROFILE
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.client import Client, Exchange, Subscriber
from electra_kernel.ebics.documents import DOCUMENT_LIMIT
from electra_kernel.ebics.hac import read_hac
from electra_kernel.ebics.keys import BankKeys, fingerprint
from electra_kernel.ebics.notifications import WSSPARAM, read_access
from electra_kernel.ebics.profiles import read_profile
from electra_kernel.ebics.signature import OrderSignature
from electra_kernel.formats import camt053, pain001
from electra_kernel.vocabulary.dates import system_clock
from tests import ebics_house
from tests.bank_house import order, payment, unzip
from tests.bank_process import BankProcess, bank_command, running
from tests.fuzz import sockets
from tests.ports import own_ports

PAYMENTS = Service("DCT", "pain.001")
#: Lines with mischief on them; more with ELECTRA_FUZZ_LINES.
ATTACKS = int(os.environ.get("ELECTRA_FUZZ_LINES", "20"))


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    with running(tmp_path_factory.mktemp("served") / "bank", "--admit") as process:
        yield process


def _run(bank: BankProcess, exchange: Exchange, *, secure: bool = True) -> Exchange:
    while (document := exchange.request()) is not None:
        exchange.answer(bank.post(document, secure=secure))
    return exchange


def _client(bank: BankProcess, user: str, keys: BankKeys | None = None) -> Client:
    subscriber = Subscriber(bank.said["host"], bank.said["partner"], user)
    return Client(subscriber, ebics_house.transport_keys(user), keys, system_clock)


def _signature(bank: BankProcess, data: bytes, user: str) -> OrderSignature:
    signed = ebics_house.signature(data, user)
    return OrderSignature(signed.version, signed.value, bank.said["partner"], user)


def _enrol(bank: BankProcess, user: str) -> Client:
    newcomer = _client(bank, user)
    _run(bank, newcomer.ini(ebics_house.certificate(f"{user}-a", ebics_house.KeyUse.SIGNATURE)))
    _run(bank, newcomer.hia())
    return _client(bank, user, _run(bank, newcomer.hpb()).result)


def _send(bank: BankProcess, client: Client, data: bytes) -> str:
    user = client.subscriber.user_id
    return _run(bank, client.upload(PAYMENTS, data, [_signature(bank, data, user)])).result


def _fetch(bank: BankProcess, client: Client, **what) -> bytes | None:
    download = _run(bank, client.download(**what))
    if download.data is not None:
        download.acknowledge(True)
        _run(bank, download)
    return download.data


def test_the_first_line_says_all_that_a_client_needs(bank):
    assert {"http", "https", "ca", "host", "partner", "users", "fingerprints", "accounts"} <= set(bank.said)
    assert bank.said["users"] == ["ANNA", "BELA"]
    assert urlsplit(bank.said["http"]).hostname == urlsplit(bank.said["https"]).hostname == LOOPBACK
    letter = (bank.folder / "bank-letter.txt").read_text("utf-8")
    for value in bank.said["fingerprints"].values():
        assert all(half in letter for half in (value[:47], value[48:]))


def test_keys_orders_and_statements_travel_between_client_and_bank(bank):
    client = _enrol(bank, "CARL")
    told = bank.said["fingerprints"]
    assert client.bank.fingerprints() == (told["authentication"], told["encryption"])
    today = date.fromisoformat(bank.said["date"])
    sent = order(payment("4321"), day=today)
    order_id = _send(bank, client, pain001.write(sent))
    events = read_hac(_fetch(bank, client, admin_type="HAC"))
    assert [event.action for event in events if event.order_id == order_id][-1] == "ORDER_HAC_FINAL_POS"
    moved = bank_command("clock", "--data", str(bank.folder), "--advance", "1", "--json")
    assert date.fromisoformat(json.loads(moved.stdout)["date"]) > today, moved.stderr
    data = _fetch(bank, client, service=Service("EOP", "camt.053", "HU", container="ZIP"), start=today, end=today)
    entries = [
        entry for one in unzip(data) for statement in camt053.read(one, "s").statements for entry in statement.entries
    ]
    assert [entry.amount for entry in entries if entry.entry_reference == sent.payment_id] == [-4321]


def test_a_large_order_travels_in_segments(bank):
    client = replace(_enrol(bank, "DORA"), segment_size=1_000)
    day = date.fromisoformat(bank.said["date"])
    data = pain001.write(order(*(payment("1") for _ in range(300)), day=day))
    upload = client.upload(PAYMENTS, data, [_signature(bank, data, "DORA")])
    assert _run(bank, upload).result
    assert upload.segments > 2


def test_http_and_https_give_the_same_bank(bank):
    about = bank.ask("GET")[1]
    assert bank.ask("GET", secure=True)[1] == about
    assert bank.ask("GET", secure=True, host="localhost")[1] == about
    for word in ("host", "partner", "URL", bank.said["https"], bank.said["fingerprints"]["encryption"]):
        assert word in about.decode()


def test_what_is_no_ebics_is_answered_in_plain_words(bank):
    assert bank.ask("PUT", "/", b"x")[0] == 405
    assert bank.ask("GET", "/ebics")[0] == 405
    status, words = bank.ask("POST", "/elsewhere", b"x")
    assert (status, words) == (404, b"There is nothing here. EBICS documents go to / by POST.\n")
    assert b"061002" in bank.post(b"no xml", path="/ebics", secure=False)


def test_a_body_in_chunks_of_any_content_type_is_read(bank):
    hev = _client(bank, "CARL").hev()
    chunks = (bytes([byte]) for byte in hev.request())
    headers = {"Transfer-Encoding": "chunked", "Content-Type": "image/png"}
    status, answer = bank.ask("POST", "/", chunks, headers=headers, chunked=True)
    assert status == 200
    hev.answer(answer)
    assert "H005" in hev.result


def test_a_body_without_end_is_cut_off():
    client = TestClient(make_app(lambda document: document, lambda: "about"))
    assert client.post("/", content=b"x" * (DOCUMENT_LIMIT + 1)).status_code == 413
    assert client.post("/ebics", content=b"x" * DOCUMENT_LIMIT).status_code == 200


def test_private_keys_are_their_owners_alone(bank):
    files = sorted(path.name for path in (bank.folder / "keys").iterdir())
    assert files == ["authentication.pem", "encryption.pem", "tls-ca.pem", "tls-server.pem"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (bank.folder / "keys").iterdir())
    assert b"PRIVATE" not in (bank.folder / "ca.pem").read_bytes()


def test_a_killed_bank_comes_back_with_everything_and_the_same_address(tmp_path):
    with running(tmp_path / "bank", "--admit", "--port", str(own_ports(2))) as first:
        client = _enrol(first, "EVA")
        data = pain001.write(order(payment("55"), day=date.fromisoformat(first.said["date"])))
        order_id = _send(first, client, data)
        # Half an order: announced, one segment in, when the bank dies.
        half = pain001.write(order(*(payment("1") for _ in range(50)), day=date.fromisoformat(first.said["date"])))
        upload = replace(client, segment_size=400).upload(PAYMENTS, half, [_signature(first, half, "EVA")])
        for _ in range(2):
            upload.answer(first.post(upload.request()))
        first.kill()
    with running(tmp_path / "bank", "--admit", "--until-eof") as second:
        assert {key: second.said[key] for key in ("http", "https", "fingerprints", "host")} == {
            key: first.said[key] for key in ("http", "https", "fingerprints", "host")
        }
        assert _run(second, upload).result not in ("", order_id)
        events = read_hac(_fetch(second, client, admin_type="HAC"))
        finals = [event.order_id for event in events if event.action == "ORDER_HAC_FINAL_POS" and event.service]
        assert finals == [order_id, upload.result]
        second.process.stdin.close()
        assert second.process.wait(300) == 0


def test_a_bank_killed_again_and_again_while_orders_arrive_has_each_exactly_once(tmp_path):
    sent, client = [], None
    for _ in range(2):
        with running(tmp_path / "bank", "--admit") as process:
            client = client or _enrol(process, "FERI")
            day = date.fromisoformat(process.said["date"])
            # From the first order on: however slow the machine, there is one that arrived.
            sent.append(_order_of(day))
            _send(process, client, sent[-1])
            timer = threading.Timer(0.5, process.kill)
            timer.start()
            # It ends when the bank is gone in the middle of something.
            with pytest.raises((OSError, HTTPException)):
                _send_on_and_on(process, client, day, sent)
            timer.join()
    with running(tmp_path / "bank", "--admit") as process:
        before = json.loads(bank_command("status", "--data", str(process.folder), "--json").stdout)
        arrived = {row["message"] for row in before["orders"]}
        assert len(arrived) == len(before["orders"]) >= len(sent) - 2
        assert {row["state"] for row in before["orders"]} == {"executed"}


def _send_on_and_on(process: BankProcess, client: Client, day: date, sent: list[bytes]) -> NoReturn:
    while True:
        sent.append(_order_of(day))
        _send(process, client, sent[-1])


def _order_of(day: date) -> bytes:
    return pain001.write(order(payment("7"), day=day))


def test_the_clerk_activates_only_with_the_right_fingerprint(tmp_path):
    with running(tmp_path / "bank") as process:
        newcomer = _client(process, "ANNA")
        signature_certificate = ebics_house.certificate("ANNA-a", ebics_house.KeyUse.SIGNATURE)
        _run(process, newcomer.ini(signature_certificate))
        _run(process, newcomer.hia())
        data = ("--data", str(process.folder), "--user", "ANNA")
        wrong = bank_command("activate", *data, "--hash", "00 11")
        assert wrong.exit_code == 1
        assert "belongs to none of the keys" in wrong.stderr
        right = bank_command("activate", *data, "--hash", fingerprint(signature_certificate).lower())
        assert (right.exit_code, "ANNA is ready" in right.stdout) == (0, True), right.stderr
        assert _run(process, newcomer.hpb()).result.fingerprints()
        assert "cannot be activated" in bank_command("activate", *data).stderr
        assert process.stop() == 0


def test_a_newcomer_reads_in_plain_words_how_to_connect(bank):
    words = bank_command("status", "--data", str(bank.folder)).stdout
    for word in (bank.said["https"], bank.said["ca"], "ELECTRA", "ANNA", "HU42 1177 3016", "AC04", "camt.053 ZIP C53"):
        assert word in words
    assert all(value in words for value in bank.said["fingerprints"].values())


def test_the_running_bank_tells_its_hashes_in_both_forms_and_the_commands_that_go_with_its_folder(bank):
    words = bank.ask("GET")[1].decode()
    letter = (bank.folder / "bank-letter.txt").read_text("utf-8").replace("\n", " ")
    told = re.findall(r"(?:X002|E002), EBICS [23]\.[05].*?((?:[0-9A-F]{2} ?){32})", words)
    assert len(set(told)) == 4
    assert all(value.strip() in letter for value in told)
    assert f"electra bank activate --data {bank.folder} --user ANNA" in words
    assert f"electra bank log --data {bank.folder} --follow" in words
    assert "(--admit)" in words
    types = (bank.folder / "order-types.toml").read_bytes()
    assert read_profile(types, "order-types.toml") == PROFILE


def test_commands_for_a_folder_without_a_bank_say_what_to_do(tmp_path):
    for command in ("status", "clock"):
        done = bank_command(command, "--data", str(tmp_path / "nothing"))
        assert (done.exit_code, "There is no sandbox bank" in done.stderr) == (1, True)
    assert not (tmp_path / "nothing").exists()


def test_the_clock_command_tells_what_happened_and_refuses_to_go_back(bank):
    told = bank_command("clock", "--data", str(bank.folder), "--advance", "2").stdout
    assert "closed" in told
    assert "The bank's business date is" in told
    back = bank_command("clock", "--data", str(bank.folder), "--to", "2001-01-01")
    assert (back.exit_code, "cannot go back" in back.stderr) == (1, True)


def test_a_taken_port_is_one_clear_error_and_a_remembered_one_is_only_a_wish():
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            listen(port)
        with listen(0, remembered=port) as wished:
            assert wished.getsockname()[1] != port


def test_a_bank_takes_ports_that_no_client_is_lent_so_that_they_are_free_when_it_comes_back():
    with listen(0) as first, listen(0) as second:
        ports = {first.getsockname()[1], second.getsockname()[1]}
    assert len(ports) == 2
    assert all(1024 < port < 32_768 for port in ports)
    for port in ports:
        with listen(0, remembered=port) as again:
            assert again.getsockname()[1] == port


# --- the line for news ------------------------------------------------------------------------------------------------


def test_whoever_breaks_the_rules_of_the_news_line_is_hung_up_on_and_disturbs_nobody(bank):
    client = _enrol(bank, "LISTENER")
    port = urlsplit(bank.said["http"]).port
    assert port is not None

    def request() -> bytes:
        data = _fetch(bank, client, service=WSSPARAM)
        assert data is not None
        access = read_access(data)
        return sockets.upgrade(access.name, access.token)

    random = Random(7)
    with socket.create_connection((LOOPBACK, port), sockets.PATIENCE) as friend:
        friend.sendall(request())
        assert b"101 Switching" in friend.recv(4096)
        for _ in range(ATTACKS):
            said = sockets.mischief(port, request(), sockets.frames(random))
            assert said.startswith(b"HTTP/1.1 101")
        # Half open: the first half of a request, a line on which nothing is ever read, and both go away.
        silent = [socket.create_connection((LOOPBACK, port), sockets.PATIENCE) for _ in range(20)]
        for number, each in enumerate(silent):
            each.sendall(request()[: 40 + number] if number % 4 else request())
        for wrong in (b"", b"\x00" * 100_000, b"GET /notifications HTTP/1.1\r\n" + b"X: " + b"y" * 200_000):
            with socket.create_connection((LOOPBACK, port), sockets.PATIENCE) as each, suppress(OSError):
                each.sendall(wrong)
        assert b"401" in sockets.mischief(port, sockets.upgrade("ELECTRA01_LISTENER", "guessed"), b"")
        assert bank_command("clock", "--data", str(bank.folder), "--advance", "1").exit_code == 0
        friend.settimeout(sockets.PATIENCE)
        news = b""
        while b"business date" not in news:
            news += friend.recv(4096)
        assert b"camt.053" in news
        for each in silent:
            each.close()
    assert _fetch(bank, client, admin_type="HTD")
