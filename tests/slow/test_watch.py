"""The bank tells and the workbench fetches: with the real bank as a process of its own, and with lines that break."""

from __future__ import annotations

import base64
import itertools
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from electra_kernel import Workbench
from electra_kernel.channels.base import CertificateRejected, ChannelError, NotABank
from electra_kernel.channels.websocket import WebSocketLine
from electra_kernel.ebics.notifications import (
    WSSPARAM,
    BankWords,
    NewData,
    NotificationAccess,
    read_access,
    read_message,
)
from electra_kernel.orders.lifecycle import State
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.connections import Connection, NotReady
from electra_kernel.workbench.sandbox import Sandbox, bank_command
from electra_kernel.workbench.watching import Line, News, Watch, notification_service
from tests.bank_process import running
from tests.ports import own_ports
from tests.slow.test_workbench_eds import of_the_letter
from tests.test_workbench import DEBTOR, PASSWORD, payment

#: Generous: two busy cores take many times as long as idle ones, and a wait that succeeds ends at once.
PATIENCE = 180.0
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("bank")
    with running(folder, "--port", str(own_ports(2))):
        pass  # it keeps its ports, which nobody takes while it is away
    sandbox = Sandbox.start(folder, admit=True)
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="module")
def treasury(tmp_path_factory: pytest.TempPathFactory, bank: Sandbox) -> Iterator[Workbench]:
    workbench = Workbench.open(tmp_path_factory.mktemp("treasury"), passwords=lambda _: PASSWORD)
    info = bank.info
    connection = workbench.connect(
        info.https, host=info.host, partner=info.partner, user=f"W{next(_numbers)}", ca=info.ca, name="bank"
    )
    assert connection.initialise(info.fingerprints) == ""
    workbench.statements.fetch()
    yield workbench
    workbench.close()


def access_of(connection: Connection) -> NotificationAccess:
    with connection.conversation() as talk:
        download = talk.client.download(service=notification_service(connection))
        talk.run(download)
        assert download.data is not None
        access = read_access(download.data)
        talk.acknowledge(download)
    return access


def line_of(access: NotificationAccess, bank: Sandbox, **changes: str) -> WebSocketLine:
    given = {"url": access.url, "name": access.name, "password": access.token, **changes}
    return WebSocketLine(given["url"], name=given["name"], password=given["password"], ca=bank.info.ca, timeout=60)


def until(happened: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def ways(workbench: Workbench) -> list[str]:
    """How the bank was watched, as the journal tells it; noted a moment after ``listening`` changed."""
    return [event.data["how"] for event in workbench.store.journal.events(kind="watching")]


# -- the bank's line ---------------------------------------------------------------------------------------------------


@pytest.mark.ebics(order_type="WSS", version="H005", side=("bank", "client"))
def test_the_bank_tells_of_statements_that_another_process_made(treasury: Workbench, bank: Sandbox) -> None:
    line = line_of(access_of(treasury.connections["bank"]), bank)
    assert line.receive(0.6) is None
    bank.run("clock", "--advance", "1")
    news = read_message(line.receive(PATIENCE) or "")
    assert isinstance(news, NewData)
    assert {service.message for service in news.services} == {"camt.053", "mt940"}
    words = read_message(line.receive(PATIENCE) or "")
    assert isinstance(words, BankWords)
    assert {language for language, _ in words.texts} == {"EN", "HU"}
    treasury.statements.fetch()
    # That a user fetched something is no news to it. Over a weekend the bank says more than once which day it is.
    while (text := line.receive(0.6)) is not None:
        assert isinstance(read_message(text), BankWords)
    line.close()
    with pytest.raises(ChannelError):
        line.receive(1)


def test_a_one_time_token_opens_one_line_and_no_token_of_anybody_else_does(treasury: Workbench, bank: Sandbox) -> None:
    access = access_of(treasury.connections["bank"])
    assert access.one_time
    for wrong in ({"password": "guessed"}, {"name": f"{access.partner_id}_ANNA"}, {"name": "OTHER"}, {"name": ""}):
        with pytest.raises(NotABank, match="no line") as error:
            line_of(access, bank, **wrong)
        assert "401" in error.value.cause
    line_of(access, bank, name=access.partner_id).close()
    with pytest.raises(NotABank):
        line_of(access, bank)


def test_the_bank_keeps_no_token(treasury: Workbench, bank: Sandbox) -> None:
    access = access_of(treasury.connections["bank"])
    files = [file for folder in (bank.data, treasury.folder) for file in folder.rglob("*") if file.is_file()]
    kept = [file.name for file in files if access.token.encode() in file.read_bytes()]
    # An exchange log of the bank may show what it answered; its database and the workbench never do.
    assert [name for name in kept if name.startswith("bank.db")] == []
    assert not any((treasury.folder / name).exists() for name in kept)


def test_news_travel_over_plain_ws_on_the_http_port_too(treasury: Workbench, bank: Sandbox) -> None:
    access = access_of(treasury.connections["bank"])
    line = line_of(access, bank, url=bank.info.http.replace("http:", "ws:") + "/notifications")
    assert line.receive(0.1) is None
    line.close()


def test_a_line_to_a_server_that_is_not_the_bank_is_not_opened(treasury: Workbench) -> None:
    access = access_of(treasury.connections["bank"])
    with pytest.raises(CertificateRejected):
        WebSocketLine(access.url, name=access.name, password=access.token)
    with pytest.raises(ElectraError, match="not a safe address"):
        WebSocketLine("ws://bank.example/n", name="a", password="b")


def test_the_bank_hangs_up_on_a_client_that_speaks(treasury: Workbench, bank: Sandbox) -> None:
    access = access_of(treasury.connections["bank"])
    port = int(bank.info.http.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), 10) as held:
        secret = base64.b64encode(f"{access.name}:{access.token}".encode()).decode()
        speaking = connect(
            f"ws://127.0.0.1:{port}/notifications", sock=held, additional_headers={"Authorization": f"Basic {secret}"}
        )
        with speaking as line:
            line.send("hello")
            with pytest.raises(ConnectionClosed):
                line.recv(PATIENCE)


# -- the watch ---------------------------------------------------------------------------------------------------------


def test_news_wake_the_fetch_and_the_following_of_orders(treasury: Workbench, bank: Sandbox) -> None:
    order = treasury.orders.new([payment()], debtor=DEBTOR)
    order.sign()
    told: list[News] = []
    # An hour between two questions: what comes earlier was told by the bank.
    with treasury.watch(every=3600, on_news=told.append) as watch:
        until(lambda: watch.listening and watch.looks)
        before = len(treasury.statements.entries())
        order.send()
        # Where the bank's date is the execution date already, the order is accepted for a moment only.
        until(lambda: State.ACCEPTED in {event.data.get("state") for event in order.history})
        bank.run("clock", "--advance", "1")
        until(lambda: order.status is State.EXECUTED)
        until(lambda: len(treasury.statements.entries()) > before)
        until(lambda: watch.listening)
        assert watch.problem is None
        until(lambda: any(len(news.statements) for news in told))
        until(lambda: any(news.orders for news in told))
        assert "<table" in watch._repr_html_()
        assert "business date" in repr(watch)
    assert not watch.running
    assert not watch.listening


@pytest.mark.ebics(order_type=("BTD", "WSS"), version="H004", side=("bank", "client"))
def test_news_wake_the_fetch_in_ebics_2_5_too(tmp_path: Path, bank: Sandbox) -> None:
    workbench = Workbench.open(tmp_path, passwords=lambda _: PASSWORD)
    info = bank.info
    connection = workbench.connect(
        info.https, host=info.host, partner=info.partner, user="OLDER", ca=info.ca, version="H004"
    )
    assert connection.initialise(of_the_letter(bank, "2.5")) == ""
    assert notification_service(connection) == WSSPARAM
    with workbench.watch(every=3600) as watch:
        until(lambda: watch.listening and watch.looks)
        before, looks = len(workbench.statements.entries()), watch.looks
        bank.run("clock", "--advance", "1")
        until(lambda: len(workbench.statements.entries()) > before)
        until(lambda: watch.looks > looks)
        assert watch.problem is None
    workbench.close()


def test_an_order_that_begins_to_wait_for_a_signature_is_told_at_once(
    treasury: Workbench, tmp_path: Path, bank: Sandbox
) -> None:
    bank.run("user", "--user", "SENDER", "--class", "B")
    workbench = Workbench.open(tmp_path, passwords=lambda _: PASSWORD)
    info = bank.info
    connection = workbench.connect(info.https, host=info.host, partner=info.partner, user="SENDER", ca=info.ca)
    assert connection.initialise(info.fingerprints) == ""
    told: list[News] = []
    with treasury.watch(every=3600, on_news=told.append) as watch:
        until(lambda: watch.listening and watch.looks)
        sent = workbench.orders.new([payment()], debtor=DEBTOR).sign().send()
        until(lambda: sent.bank_id in {each for news in told for each in news.to_sign})
    workbench.close()


def test_what_happened_while_nobody_listened_is_fetched_when_a_watch_starts(treasury: Workbench, bank: Sandbox) -> None:
    bank.run("clock", "--advance", "1")
    with treasury.watch(every=3600) as watch:
        until(lambda: watch.news and len(watch.news.statements))


@contextmanager
def served(talk: Callable[[ServerConnection], None]) -> Iterator[str]:
    """A WebSocket server of somebody who is no friend; yields its address."""
    with serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


HOSTILE: dict[str, Callable[[ServerConnection], None]] = {
    "nonsense": lambda line: line.send("}{"),
    "binary": lambda line: line.send(b"\x00\xff"),
    "deep": lambda line: line.send("[" * 60_000),
    "too large": lambda line: line.send("x" * 200_000),
    "closes at once": lambda line: line.close(),
    "no message of ours": lambda line: line.send('{"MCLASS":[{"NAME":"EBICS-HAA"}],"PARTNERID":7}'),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_server_is_left_and_the_bank_is_asked_instead(treasury: Workbench, bank: Sandbox, name: str) -> None:
    def talk(line: ServerConnection) -> None:
        HOSTILE[name](line)
        line.recv(PATIENCE) if name != "closes at once" else None

    calls = []

    def open_line(access: NotificationAccess, ca: Path | None) -> Line:
        calls.append(time.monotonic())
        return WebSocketLine(address, name=access.name, password=access.token, timeout=60)

    with served(talk) as address:
        watch = Watch(treasury, treasury.connections["bank"], every=1.0, open_line=open_line)
        with watch.start():
            until(lambda: len(calls) >= 2)
            assert watch.wait(2, PATIENCE)
            assert watch.problem is None
    assert calls[1] - calls[0] >= 0.9


def test_a_server_that_never_stops_talking_makes_no_more_questions_than_one_in_a_while(treasury: Workbench) -> None:
    def talk(line: ServerConnection) -> None:
        while True:
            line.send('{"MCLASS":[{"NAME":"EBICS-HAA"}],"PARTNERID":"P"}')

    def open_line(access: NotificationAccess, ca: Path | None) -> Line:
        return WebSocketLine(address, name=access.name, password=access.token, timeout=60)

    with served(talk) as address:
        watch = Watch(treasury, treasury.connections["bank"], every=60, open_line=open_line)
        with watch.start():
            until(lambda: watch.looks)
            started, before = time.monotonic(), watch.looks
            time.sleep(1.5)
            looks, seconds = watch.looks - before, time.monotonic() - started
            assert looks <= seconds / 0.5 + 1


def test_an_error_in_the_background_is_kept_and_the_bank_is_asked_again(treasury: Workbench, bank: Sandbox) -> None:
    def fail(news: News) -> None:
        raise ValueError("mine")

    bank.run("clock", "--advance", "1")
    with treasury.watch(every=3600, on_news=fail) as watch:
        until(lambda: watch.looks)
        until(lambda: watch.looks >= 2 and watch.problem is None)


def test_a_connection_that_is_not_ready_is_not_watched(tmp_path: Path, bank: Sandbox) -> None:
    workbench = Workbench.open(tmp_path / "w", passwords=lambda _: PASSWORD)
    workbench.connect("https://bank.example/ebics", host="H", partner="P", user="U")
    with pytest.raises(NotReady):
        workbench.watch()
    workbench.close()


def test_closing_the_workbench_ends_its_watches(treasury: Workbench) -> None:
    workbench = Workbench.open(treasury.folder, passwords=lambda _: PASSWORD)
    watch = workbench.watch(every=3600)
    until(lambda: watch.listening)
    started = time.monotonic()
    workbench.close()
    assert not watch.running
    assert time.monotonic() - started < PATIENCE


@contextmanager
def served_again(bank: Sandbox, *options: str) -> Iterator[None]:
    """The same bank once more, on its ports of last time."""
    command = [*bank_command("serve", "--data", str(bank.data)), "--json", "--admit", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline())["https"] == bank.info.https
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)
        process.stdout.close()


def test_a_bank_that_goes_away_or_offers_nothing_is_asked_and_then_listened_to_again(
    treasury: Workbench, bank: Sandbox
) -> None:
    with treasury.watch(every=1.0) as watch:
        until(lambda: watch.listening and watch.looks)
        before = len(treasury.statements.entries())
        bank.stop()
        until(lambda: not watch.listening and watch.problem is not None)
        with served_again(bank, "--notifications", "off"):
            until(lambda: watch.problem is None)
            bank.run("clock", "--advance", "1")
            until(lambda: len(treasury.statements.entries()) > before)
            assert not watch.listening
        with served_again(bank, "--notifications", "reusable"):
            until(lambda: watch.listening)
            assert not access_of(treasury.connections["bank"]).one_time
            until(lambda: ways(treasury)[-3:] == ["listening", "polling", "listening"])
