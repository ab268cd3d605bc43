"""Two people, two workbenches, one real bank process: one prepares and signs, the other looks, signs or cancels."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from threading import Timer

import pytest
from typer.testing import CliRunner

from electra_kernel import Workbench
from electra_kernel.channels.base import Channel, ChannelError
from electra_kernel.channels.internet import InternetChannel
from electra_kernel.cli.app import app
from electra_kernel.ebics.errors import BankRefusal
from electra_kernel.ebics.profiles import ProfileUnreadable
from electra_kernel.orders.lifecycle import State
from electra_kernel.orders.model import Transaction
from electra_kernel.signing.passwordkey import WrongPassword
from electra_kernel.store import ConnectionRecord
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party
from electra_kernel.workbench.orders import TrackedOrder
from electra_kernel.workbench.sandbox import Sandbox
from electra_kernel.workbench.sending import NotSignedYet
from electra_kernel.workbench.waiting import NoSuchWaitingOrder, NotShownYet, OrderDiffers

DEBTOR = "HU42 1177 3016 1111 1018 0000 0000"
PASSWORD = "correct horse battery"
PAYEE = "Balatoni <b>Bútorgyár</b> Kft."
#: On a day on which the bank rests it only takes the order.
CARRIED_OUT = (State.ACCEPTED, State.EXECUTED)
_numbers = itertools.count(1)
#: Puts other bytes in the place of a small order's, which the bank keeps in one piece.
_PUT = 'UPDATE order_pieces SET piece = ? WHERE "order" = (SELECT id FROM orders WHERE order_id = ?)'


@dataclass
class Line:
    """A line on which an answer can get lost, after the bank has heard the question."""

    lose: int = 0
    kill_after: float = -1
    bank: Sandbox | None = None

    def open(self, record: ConnectionRecord) -> Channel:
        return _Losing(InternetChannel(record.url, ca=Path(record.ca_file or "")), self)


class _Losing:
    def __init__(self, channel: Channel, line: Line) -> None:
        self._channel, self._line = channel, line

    def exchange(self, document: bytes) -> bytes:
        # HVE and HVS are the only documents that announce no segments.
        decides = b"<NumSegments>0</NumSegments>" in document
        if decides and self._line.kill_after >= 0 and self._line.bank is not None:
            Timer(self._line.kill_after, self._line.bank._process.kill).start()  # type: ignore[union-attr]
        answer = self._channel.exchange(document)
        if decides and self._line.lose:
            self._line.lose -= 1
            raise ChannelError("The line broke.")
        return answer

    def close(self) -> None:
        self._channel.close()


@dataclass
class Office:
    """A bank and the workbenches of four people: classes A, B, T and E."""

    bank: Sandbox
    anna: Workbench
    bela: Workbench
    tom: Workbench
    line: Line

    def prepared(self, workbench: Workbench | None = None) -> TrackedOrder:
        """An order that one person has signed and sent."""
        order = (workbench or self.anna).orders.new([_payment(), _payment("2500")], debtor=DEBTOR)
        return order.sign().send()

    def restart(self) -> None:
        """The same bank again, after it was killed (-9)."""
        process = self.bank._process
        assert process is not None
        process.kill()
        process.wait(300)
        self.bank.stop()
        self.bank = Sandbox.start(self.bank.data, admit=True)
        info = self.bank.info
        for bench in (self.anna, self.bela, self.tom):
            record = bench.connections.default().record
            bench.connect(info.https, host=info.host, partner=info.partner, user=record.user, ca=info.ca)

    def paid(self, order: TrackedOrder) -> int:
        """How often the bank has booked an order: counted in its books, not by what anybody says."""
        with closing(sqlite3.connect(f"file:{self.bank.data / 'bank.db'}?mode=ro", uri=True)) as connection:
            query = "SELECT count(*) FROM bookings WHERE text LIKE ?"
            return int(connection.execute(query, (f"Order {order.record.message_id} %",)).fetchone()[0])


def _payment(amount: str = "1500") -> Transaction:
    party = Party(name=PAYEE, account="HU68100320000107686800000000")
    return Transaction(amount=Money(Decimal(amount), "HUF"), counterparty=party, remittance=f"Invoice {next(_numbers)}")


def _workbench(folder: Path, bank: Sandbox, user: str, line: Line) -> Workbench:
    workbench = Workbench.open(folder, passwords=lambda _: PASSWORD, open_channel=line.open)
    info = bank.info
    connection = workbench.connect(info.https, host=info.host, partner=info.partner, user=user, ca=info.ca)
    assert connection.initialise(info.fingerprints) == ""
    return workbench


def of_the_letter(house: Sandbox, release: str) -> dict[str, str]:
    """The hashes of the bank's keys as its letter shows them for one version."""
    lines = (house.data / "bank-letter.txt").read_text("utf-8").splitlines()
    return {
        line.split()[0].lower(): f"{lines[number + 1]} {lines[number + 2]}"
        for number, line in enumerate(lines)
        if f"(EBICS {release}," in line
    }


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    bank, line = Sandbox.start(tmp_path_factory.mktemp("bank"), admit=True), Line()
    for user, level in (("ANNA2", "A"), ("BELA2", "B"), ("TOM2", "T")):
        bank.run("user", "--user", user, "--name", f"{user} Kovács", "--class", level)
    benches = [
        _workbench(tmp_path_factory.mktemp(user), bank, user, line if user == "BELA2" else Line())
        for user in ("ANNA2", "BELA2", "TOM2")
    ]
    yield Office(bank, *benches, line)
    for bench in benches:
        bench.close()
    bank.stop()


def test_one_signs_and_sends_and_the_other_looks_signs_and_the_bank_carries_it_out(office: Office) -> None:
    order = office.prepared()
    assert order.status is State.RECEIVED
    assert order.follow() is State.AWAITING_SIGNATURES
    mine = office.anna.to_sign()
    assert mine.mine.empty
    assert list(mine.others["order"]) == [order.bank_id]
    item = office.bela.to_sign()[order.bank_id]
    row = office.bela.to_sign().mine.iloc[0]
    assert (row["order"], row["total"], row["currency"], row["payments"], row["missing"]) == (
        order.bank_id,
        Decimal(4000),
        "HUF",
        2,
        1,
    )
    assert (row["sender"], row["signed by"]) == ("ANNA2 Kovács (ANNA2 of ELECTRA01)", "ANNA2 (A)")
    shown = item.show()
    assert shown.data == order.document
    assert list(shown.table()["amount"]) == [1500, 2500]
    item.sign()
    with pytest.raises(NoSuchWaitingOrder):
        office.bela.to_sign()[order.bank_id]
    assert order.follow() in CARRIED_OUT
    if order.status is not State.EXECUTED:
        office.bank.run("clock", "--to", order.order.execution_date.isoformat())
    assert order.follow() is State.EXECUTED
    assert office.paid(order) == 1


def test_what_is_shown_is_text_whatever_the_sender_wrote(office: Office) -> None:
    order = office.prepared()
    waiting = office.bela.to_sign()
    shown = waiting[order.bank_id].show()
    for page in (shown._repr_html_(), waiting._repr_html_(), waiting[order.bank_id]._repr_html_()):
        assert "<b>" not in page
    assert "&lt;b&gt;Bútorgyár" in shown._repr_html_()
    assert PAYEE in repr(shown)
    assert "Waits for you" in repr(waiting)
    waiting[order.bank_id].cancel()


def test_nobody_signs_what_was_not_shown_nor_with_a_wrong_password(office: Office) -> None:
    order = office.prepared()
    item = office.bela.to_sign()[order.bank_id]
    with pytest.raises(NotShownYet):
        item.sign()
    item.show()
    with pytest.raises(WrongPassword):
        item.sign(ask=lambda _: "wrong")
    assert order.follow() is State.AWAITING_SIGNATURES
    # Who has looked need not look again in another session.
    office.bela.to_sign()[order.bank_id].sign()
    assert order.follow() in CARRIED_OUT


def test_an_order_with_another_hash_than_the_bank_names_is_neither_shown_nor_signed(office: Office) -> None:
    order = office.prepared()
    item = office.bela.to_sign()[order.bank_id]
    item.show()
    (database,) = office.bank.data.glob("bank.db")
    with sqlite3.connect(database) as connection:
        changed = order.document.replace(b"1500", b"9500")
        connection.execute(_PUT, (changed, order.bank_id))
    for step in (item.show, item.sign):
        with pytest.raises(OrderDiffers):
            step()
    assert order.follow() is State.AWAITING_SIGNATURES
    # Nor does the bank take a signature over the hash of anything but what it holds.
    item.told = replace(item.told, digest=b"\1" * 32)
    with pytest.raises(BankRefusal, match="091301"):
        item.cancel()
    with sqlite3.connect(database) as connection:
        connection.execute(_PUT, (order.document, order.bank_id))
    office.bela.to_sign()[order.bank_id].cancel()


def test_a_cancelled_order_is_told_to_its_sender_and_pays_nothing(office: Office) -> None:
    order = office.prepared()
    office.bela.to_sign()[order.bank_id].cancel()
    assert order.follow() is State.REJECTED
    assert "Cancelled by BELA2" in str(order.events().iloc[-1]["what"])
    assert order.bank_id not in office.anna.to_sign()
    assert office.paid(order) == 0
    assert order.send().status is State.REJECTED


def test_a_user_signs_once(office: Office) -> None:
    order = office.prepared(office.bela)
    item = office.bela.to_sign()[order.bank_id]
    assert not item.for_me
    item.show()
    with pytest.raises(ElectraError, match="signed the order"):
        item.sign()
    item.told = replace(item.told, ready=True)
    with pytest.raises(BankRefusal) as caught:
        item.sign()
    assert caught.value.code == "091306"
    item.cancel()


def test_a_signature_whose_answer_was_lost_is_not_given_twice_and_not_reported_as_failed(office: Office) -> None:
    order = office.prepared(office.tom)
    item = office.bela.to_sign()[order.bank_id]
    item.show()
    office.line.lose = 1
    with pytest.raises(ChannelError):
        item.sign()
    item.sign()
    (waiting,) = [each for each in office.anna.connections.default().waiting() if each.id == order.bank_id]
    assert [each.user_id for each in waiting.told.signers] == ["BELA2"]
    waiting.show()
    waiting.sign()
    assert order.follow() in CARRIED_OUT


def test_one_who_only_sends_sees_nothing_to_sign(office: Office) -> None:
    order = office.prepared(office.tom)
    assert order.follow() is State.AWAITING_SIGNATURES
    assert len(office.tom.to_sign()) == 0
    assert office.bela.to_sign()[order.bank_id].missing == 1
    office.anna.to_sign()[order.bank_id].cancel()


def test_where_every_order_needs_two_a_part_signed_order_is_sent_and_waits(office: Office) -> None:
    connection = office.anna.connections.default()
    office.bank.run("rule", "--signatures", "2")
    try:
        connection.info(refresh=True)
        order = office.anna.orders.new([_payment()], debtor=DEBTOR)
        with pytest.raises(NotSignedYet):
            order.send()
        assert order.sign().status is State.PART_SIGNED
        assert order.send().follow() is State.AWAITING_SIGNATURES
        item = office.bela.to_sign()[order.bank_id]
        item.show()
        item.sign()
        assert order.follow() in CARRIED_OUT
    finally:
        office.bank.run("rule", "--signatures", "1")
        connection.info(refresh=True)


def test_the_same_in_the_shell(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    monkeypatch.setenv("ELECTRA_PASSWORD_FILE", str(secret))
    first, second = office.prepared(), office.prepared()

    def shell(*words: str, typed: str = "") -> str:
        done = CliRunner().invoke(app, [*words, "--workbench", str(office.bela.folder)], input=typed)
        assert done.exit_code == 0, done.output
        return done.output

    assert first.bank_id in shell("to-sign")
    looked = shell("sign", first.bank_id, typed="n\n")
    assert PAYEE in looked
    assert "Nothing was signed" in looked
    assert first.follow() is State.AWAITING_SIGNATURES
    shell("sign", first.bank_id, typed="y\n")
    assert first.follow() in CARRIED_OUT
    shell("sign", second.bank_id, "--cancel", "--yes")
    assert second.follow() is State.REJECTED
    missing = CliRunner().invoke(app, ["sign", "Z999", "--workbench", str(office.bela.folder)])
    assert isinstance(missing.exception, NoSuchWaitingOrder)


def test_a_user_of_another_customer_signs_where_the_company_wishes_it(office: Office, tmp_path: Path) -> None:
    office.bank.run("user", "--user", "DORA", "--partner", "AUDIT01", "--class", "B")
    auditor = Workbench.open(tmp_path, passwords=lambda _: PASSWORD, open_channel=Line().open)
    info = office.bank.info
    connection = auditor.connect(info.https, host=info.host, partner="AUDIT01", user="DORA", ca=info.ca)
    assert connection.initialise(info.fingerprints) == ""
    order = office.prepared()
    item = auditor.to_sign()[order.bank_id]
    assert item.told.originator.partner_id == info.partner
    assert item.show().data == order.document
    item.sign()
    assert order.follow() in CARRIED_OUT
    auditor.close()


def test_an_order_type_of_the_bank_alone_is_sent_listed_and_signed_in_ebics_2_5(office: Office, tmp_path: Path) -> None:
    own = office.bank.data / "order-types.toml"
    info, benches = office.bank.info, []
    for user, level in (("OLD1", "A"), ("OLD2", "B")):
        office.bank.run("user", "--user", user, "--class", level)
        bench = Workbench.open(tmp_path / user, passwords=lambda _: PASSWORD)
        at = {"host": info.host, "partner": info.partner, "user": user, "ca": info.ca, "version": "H004"}
        with pytest.raises(ProfileUnreadable):
            bench.connect(info.https, **at, profile=info.ca)
        assert len(bench.connections) == 0
        connection = bench.connect(info.https, **at, profile=own)
        assert connection.initialise(of_the_letter(office.bank, "2.5")) == ""
        assert "DCT" in {each.service.name for each in connection.info().user.permissions if each.service}
        benches.append(bench)
    order = office.prepared(benches[0])
    item = benches[1].to_sign()[order.bank_id]
    assert item.told.service.name == "DCT"
    item.show()
    item.sign()
    assert order.follow() in CARRIED_OUT
    for bench in benches:
        bench.close()


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_a_bank_killed_while_it_takes_the_last_signature_carries_the_order_out_once(
    office: Office, seconds: float
) -> None:
    order = office.prepared()
    item = office.bela.to_sign()[order.bank_id]
    item.show()
    office.line.bank, office.line.kill_after = office.bank, seconds
    with suppress(ChannelError):
        item.sign()
    office.line.kill_after = -1
    office.restart()
    # Either the signature is there, whole, with all that follows from it, or the order waits as it did.
    waiting = office.bela.to_sign()
    if order.bank_id in waiting:
        assert waiting[order.bank_id].for_me
        assert office.paid(order) == 0
        waiting[order.bank_id].sign()
    assert order.follow() in CARRIED_OUT
    assert office.paid(order) == (1 if order.status is State.EXECUTED else 0)
    assert order.bank_id not in office.bela.to_sign()
