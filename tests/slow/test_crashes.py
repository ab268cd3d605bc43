"""kill -9 of the client and of the bank in the middle of long transfers: exactly one order, and nothing fetched is lost."""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from electra_kernel import Workbench
from electra_kernel.ebics.version import H004, H005, EbicsVersion
from electra_kernel.orders.lifecycle import EventKind, State
from electra_kernel.workbench.orders import TrackedOrder
from tests.bank_process import BankProcess, bank_command, running
from tests.ports import own_ports
from tests.processes import start
from tests.test_workbench import ARRIVED, DEBTOR, PASSWORD, payment

#: A workbench's process that dies, or whose bank dies, at its n-th exchange with the bank.
_MORTAL = """
import signal, threading
from electra_kernel import Workbench
from electra_kernel.channels.internet import InternetChannel

_, order, victim, at, moment = sys.argv[1:]

def kill():
    os.kill(int(victim) or os.getpid(), signal.SIGKILL)

class Line:
    count = 0
    def __init__(self, record):
        self.line = InternetChannel(record.url, ca=Path(record.ca_file))
    def exchange(self, document):
        Line.count += 1
        now = Line.count == int(at)
        if now and moment == "before":
            kill()
        if now and moment == "meanwhile":
            threading.Timer(0.004, kill).start()
        answer = self.line.exchange(document)
        if now and moment == "after":
            kill()
        return answer
    def close(self):
        self.line.close()

workbench = Workbench.open(folder, passwords=lambda _: "correct horse battery", open_channel=Line)
workbench.orders[order].send() if order else workbench.statements.fetch()
"""
_MOMENTS = ("before", "meanwhile", "after")


def _workbench(place: Path) -> contextlib.closing[Workbench]:
    return contextlib.closing(Workbench.open(place / "wb", passwords=lambda _: PASSWORD))


@contextlib.contextmanager
def _connected(place: Path, version: EbicsVersion) -> Iterator[tuple[BankProcess, Workbench]]:
    # Ports that nobody takes while the bank is away: the workbench knows its address.
    with running(place / "bank", "--admit", "--port", str(own_ports(2))) as bank, _workbench(place) as mine:
        said = bank.said
        # With certificates the bank's keys have the same hashes in both versions.
        who = {"host": said["host"], "partner": said["partner"], "user": "U1", "ca": said["ca"]}
        connection = mine.connect(
            said["https"], **who, version=version.protocol, certificates=version.key_values or None
        )
        assert connection.initialise(said["fingerprints"]) == ""
        yield bank, mine


def _comments(size: int, seed: int) -> bytes:
    chance = random.Random(seed)
    return b"".join(b"<!--%s-->" % b64encode(chance.randbytes(2**19)) for _ in range(size // 2**19)) + b"</Document>"


def _large_order(workbench: Workbench, seed: int) -> TrackedOrder:
    """An order of one payment that travels in five segments."""
    order = workbench.orders.new([payment()], debtor=DEBTOR)
    document = order.document.replace(b"</Document>", _comments(3 * 2**20, seed))
    event = dict(order.history[0].data) | {"document": workbench.store.archive.put(document, name="large.xml")}
    workbench.store.orders.replace_document(order.id, str(event["document"]), event=event)
    assert order.check().empty
    return order.sign()


def _die(folder: Path, order: str, victim: int, at: int, moment: str) -> None:
    process = start(_MORTAL, folder, order, victim, at, moment)
    _, errors = process.communicate(timeout=300)
    # The victim is the client itself, or the client is told that its bank is gone; or the talk was over before.
    assert process.returncode in ((0, 1) if victim else (0, -9)), errors
    assert process.returncode != 1 or "ChannelError" in errors or "BankUnreachable" in errors, errors


def _at_the_bank(bank: BankProcess, question: str) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{bank.folder}/bank.db?mode=ro", uri=True)) as database:
        return int(database.execute(question).fetchone()[0])


@pytest.mark.parametrize("version", [H005, H004], ids=lambda version: version.protocol)
@pytest.mark.ebics(order_type="BTU", version=("H005", "H004"), side=("bank", "client"))
def test_an_upload_cut_anywhere_by_the_clients_death_goes_on_and_arrives_once(tmp_path, version):
    chance = random.Random(version.protocol)
    with _connected(tmp_path, version) as (bank, workbench):
        gone_on = 0
        for round_ in range(2):
            order = _large_order(workbench, round_)
            for at in (3 + round_, chance.randint(1, 7)):
                _die(tmp_path / "wb", order.id, 0, at, chance.choice(_MOMENTS))
            order.send()
            assert order.status in ARRIVED
            gone_on += any(each.data.get("segment") for each in order.history if each.kind is EventKind.SENDING)
            assert _at_the_bank(bank, "SELECT count(*) FROM orders WHERE state != 'refused'") == round_ + 1
            assert _at_the_bank(bank, "SELECT count(*) FROM orders") == round_ + 1
            assert not list((tmp_path / "wb" / "outgoing").glob("*"))
        assert gone_on


@pytest.mark.parametrize("version", [H005, H004], ids=lambda version: version.protocol)
@pytest.mark.ebics(order_type="BTU", version=("H005", "H004"), side=("bank", "client"))
def test_an_upload_during_which_the_bank_dies_again_and_again_arrives_once(tmp_path, version):
    chance = random.Random(version.protocol)
    with _connected(tmp_path, version) as (bank, workbench):
        order = _large_order(workbench, 9)
    for _ in range(2):
        with running(tmp_path / "bank", "--admit") as bank:
            _die(tmp_path / "wb", order.id, bank.process.pid, chance.randint(1, 6), chance.choice(_MOMENTS))
    with (
        running(tmp_path / "bank", "--admit") as bank,
        _workbench(tmp_path) as wb,
    ):
        wb.orders[order.id].send()
        assert wb.orders[order.id].status in ARRIVED
        assert _at_the_bank(bank, "SELECT count(*) FROM orders") == 1


def test_what_is_left_of_an_upload_holds_no_key_and_is_its_owners_alone(tmp_path):
    with _connected(tmp_path, H005) as (_, workbench):
        order = _large_order(workbench, 5)
        _die(tmp_path / "wb", order.id, 0, 3, "after")
        assert order.status is State.SENT
        left = sorted((tmp_path / "wb" / "outgoing").iterdir())
        assert [path.suffix for path in left] == [".json", ".sealed"]
        assert {path.stat().st_mode & 0o777 for path in left} == {0o600}
        assert set(json.loads(json.loads(left[0].read_text())["upload"])) == {
            "transaction_id", "digest", "segments", "segment_size", "arrived", "order_id",
        }  # fmt: skip
        # A damaged file is no reason to be stuck: the bank refuses what it cannot open, and the order is sent anew.
        left[1].write_bytes(bytes(left[1].stat().st_size))
        with pytest.raises(Exception, match="090004"):
            order.send()
        order.send()
        assert order.status in ARRIVED


@pytest.mark.ebics(order_type="BTD", version=("H005", "H004"), side=("bank", "client"))
@pytest.mark.parametrize("version", [H005, H004], ids=lambda version: version.protocol)
def test_statements_fetched_by_clients_that_die_are_acknowledged_only_once_they_are_archived(tmp_path, version):
    chance = random.Random(version.protocol)
    with _connected(tmp_path, version) as (bank, workbench):
        assert bank_command("clock", "--data", str(bank.folder), "--advance", "1").exit_code == 0
        with contextlib.closing(sqlite3.connect(bank.folder / "bank.db")) as database, database:
            rows = database.execute("SELECT id, data FROM documents WHERE message = 'camt.053'").fetchall()
            large = {key: data.replace(b"</Document>", _comments(2**21, key)) for key, data in rows[-1:]}
            database.executemany("UPDATE documents SET data = ? WHERE id = ?", [(d, k) for k, d in large.items()])
        (wanted,) = large.values()
        had = "SELECT count(*) FROM fetched"
        for _ in range(3):
            _die(tmp_path / "wb", "", 0, chance.randint(1, 7), chance.choice(_MOMENTS))
            assert not _at_the_bank(bank, had) or workbench.store.archive.find(sha256(wanted).hexdigest())
        workbench.statements.fetch()
        assert workbench.store.archive.get(sha256(wanted).hexdigest()) == wanted
        assert _at_the_bank(bank, had)
        entries = workbench.statements.entries()
        assert len(entries) == entries["entry_id"].nunique() > 0
