"""The workbench against a real sandbox bank process: connect, read, sign, send exactly once, follow, fetch, print."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel import Workbench
from electra_kernel.channels.base import BankUnreachable, Channel, ChannelError
from electra_kernel.channels.internet import InternetChannel
from electra_kernel.ebics.errors import EbicsError, RemoteProtocolError
from electra_kernel.ebics.hac import HacEvent
from electra_kernel.orders.lifecycle import EventKind, State
from electra_kernel.orders.model import Transaction
from electra_kernel.signing.passwordkey import WrongPassword
from electra_kernel.store import ConnectionRecord
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party
from electra_kernel.workbench.connections import BankKeysDiffer, KeyDiffers, NotReady
from electra_kernel.workbench.orders import NoUsablePayments, OrderNotReady, archive_order
from electra_kernel.workbench.passwords import PasswordsDiffer, ask_new_password, ask_password
from electra_kernel.workbench.sandbox import Sandbox
from electra_kernel.workbench.sending import NotSignedYet, proof_of_arrival

DEBTOR = "HU42 1177 3016 1111 1018 0000 0000"
PASSWORD = "correct horse battery"
ARRIVED = (State.RECEIVED, State.ACCEPTED)
_numbers = itertools.count(1)


@dataclass
class Line:
    """A line that can be made to fail at its n-th exchange."""

    fail_at: int = 0
    mode: str = ""
    count: int = 0

    def open(self, record: ConnectionRecord) -> Channel:
        return _Faulty(InternetChannel(record.url, ca=Path(record.ca_file or "")), self)


class _Faulty:
    def __init__(self, channel: Channel, line: Line) -> None:
        self._channel, self._line = channel, line

    def exchange(self, document: bytes) -> bytes:
        self._line.count += 1
        if self._line.count != self._line.fail_at:
            return self._channel.exchange(document)
        if self._line.mode == "unreached":
            raise BankUnreachable("The bank cannot be reached.")
        answer = self._channel.exchange(document)
        if self._line.mode == "answer lost":
            raise ChannelError("The line broke.")
        damage: dict[str, Callable[[bytes], bytes]] = {
            "truncated": lambda data: data[: len(data) // 2],
            "nonsense": lambda _: b"<html>maintenance</html>",
            "altered": lambda data: data.replace(b"000000", b"000001", 1),
        }
        return damage[self._line.mode](answer)

    def close(self) -> None:
        self._channel.close()


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox.start(tmp_path_factory.mktemp("bank"), admit=True)
    yield sandbox
    sandbox.stop()


def connected(folder: Path, bank: Sandbox, line: Line | None = None) -> Workbench:
    workbench = Workbench.open(folder, passwords=lambda _: PASSWORD, open_channel=(line or Line()).open)
    user = f"U{next(_numbers)}"
    info = bank.info
    connection = workbench.connect(info.https, host=info.host, partner=info.partner, user=user, ca=info.ca)
    assert connection.initialise(info.fingerprints) == ""
    return workbench


@pytest.fixture(scope="session")
def line() -> Line:
    return Line()


@pytest.fixture(scope="session")
def treasury(tmp_path_factory: pytest.TempPathFactory, bank: Sandbox, line: Line) -> Iterator[Workbench]:
    workbench = connected(tmp_path_factory.mktemp("treasury"), bank, line)
    yield workbench
    workbench.close()


def payment(amount: str = "1500", **more: str) -> Transaction:
    party = Party(name=more.pop("name", "Balatoni Bútorgyár Kft."), account="HU68100320000107686800000000")
    return Transaction(amount=Money(Decimal(amount), "HUF"), counterparty=party, **more)  # type: ignore[arg-type]


def orders_at_the_bank(bank: Sandbox, message_id: str) -> int:
    """Counted in the bank's own database, not by what anybody says."""
    (database,) = bank.data.glob("*.db")
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(orders)")]
        assert "message_id" in names, names
        (count,) = connection.execute("SELECT count(*) FROM orders WHERE message_id = ?", (message_id,)).fetchone()
    return int(count)


def test_an_order_is_made_signed_sent_and_followed_to_its_execution(treasury: Workbench, bank: Sandbox) -> None:
    order = treasury.orders.new([payment(), payment("2500")], debtor=DEBTOR)
    assert order.check().empty
    assert order.status is State.READY
    order.sign()
    assert order.status is State.SIGNED
    order.send()
    assert order.status is State.RECEIVED
    assert orders_at_the_bank(bank, order.record.message_id) == 1
    # West of the bank the day may not have begun at which the bank is already.
    if order.follow() is not State.EXECUTED:
        bank.run("clock", "--to", order.order.execution_date.isoformat())
    assert order.follow() is State.EXECUTED
    order.send()
    assert orders_at_the_bank(bank, order.record.message_id) == 1


@settings(max_examples=12, deadline=None)
@given(
    faults=st.lists(
        st.tuples(
            st.integers(min_value=1, max_value=4),
            st.sampled_from(["unreached", "answer lost", "truncated", "nonsense", "altered"]),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_whatever_breaks_on_the_line_exactly_one_order_is_at_the_bank_in_the_end(
    treasury: Workbench, bank: Sandbox, line: Line, faults: list[tuple[int, str]]
) -> None:
    order = treasury.orders.new([payment(remittance=f"Order {next(_numbers)}")], debtor=DEBTOR)
    order.sign()
    for at, mode in faults:
        line.fail_at, line.mode = line.count + at, mode
        try:
            order.send()
        except (ChannelError, EbicsError):
            assert order.status in (State.QUEUED, State.SENT)
            assert order.id in [waiting.id for waiting in treasury.orders.outbox()]
        else:
            assert order.status in ARRIVED
    line.fail_at = 0
    order.send()
    assert order.status in ARRIVED
    assert orders_at_the_bank(bank, order.record.message_id) == 1


def test_an_attempt_that_the_bank_refused_is_no_proof_of_arrival() -> None:
    at, digest = datetime(2026, 1, 5, tzinfo=UTC), b"d" * 32
    upload = HacEvent(action="FILE_UPLOAD", at=at, order_id="A001", digest=digest)
    refused = HacEvent(action="ORDER_HAC_FINAL_NEG", at=at, order_id="A001")
    again = HacEvent(action="FILE_UPLOAD", at=at, order_id="A002", digest=digest)
    assert proof_of_arrival([], digest) is None
    assert proof_of_arrival([upload], digest) is upload
    assert proof_of_arrival([upload, refused], digest) is None
    assert proof_of_arrival([upload, refused, again], digest) is again
    assert proof_of_arrival([upload], b"x" * 32) is None


def test_an_altered_answer_is_not_believed_and_the_order_stays_in_the_outbox(treasury: Workbench, line: Line) -> None:
    order = treasury.orders.new([payment()], debtor=DEBTOR)
    order.sign()
    line.fail_at, line.mode = line.count + 1, "altered"
    with pytest.raises(RemoteProtocolError) as error:
        order.send()
    line.fail_at = 0
    assert error.value.repair
    assert order.status is State.SENT
    order.send()
    assert order.status in ARRIVED


def test_a_wrong_password_says_so_and_costs_nothing(treasury: Workbench) -> None:
    order = treasury.orders.new([payment()], debtor=DEBTOR)
    with pytest.raises(WrongPassword):
        order.sign(ask=lambda _: "not the password")
    assert order.status is State.READY
    assert order.signers == ()
    order.sign()
    assert order.status is State.SIGNED


def test_an_order_is_not_sent_before_it_is_signed_nor_signed_twice_by_one_user(treasury: Workbench) -> None:
    order = treasury.orders.new([payment()], debtor=DEBTOR)
    with pytest.raises(NotSignedYet):
        order.send()
    order.sign()
    with pytest.raises(OrderNotReady):
        order.sign()


def test_a_file_with_wrong_lines_tells_each_and_goes_on_with_the_good_ones(treasury: Workbench, tmp_path: Path) -> None:
    file = tmp_path / "suppliers.csv"
    file.write_text(
        "Name;Account;Amount;Currency;Remittance\n"
        "Egri Nyomda Kft.;HU68100320000107686800000000;1500;HUF;Invoice 1\n"
        "Tiszai Zrt.;HU68100320000107686800000001;1500;HUF;Invoice 2\n"
        "Dunai Bt.;HU68100320000107686800000000;-5;HUF;Invoice 3\n"
        "Csepeli Kft.;HU68100320000107686800000000;0.001;HUF;Invoice 4\n",
        "utf-8",
    )
    order = treasury.orders.read(file, debtor=DEBTOR)
    problems = order.check()
    assert sorted(problems["position"]) == [3, 4, 5]
    assert all(problems["repair"])
    with pytest.raises(OrderNotReady):
        order.sign()
    assert order.leave_out_problems() == 3
    assert order.check().empty
    assert [item.remittance for item in order.order.transactions] == ["Invoice 1"]
    again = treasury.orders.read(file, debtor=DEBTOR)
    assert "file-read-before" in list(again.warnings()["rule"])
    assert treasury.store.archive.get(again.record.source) == file.read_bytes()


def test_leaving_lines_out_voids_the_signatures(treasury: Workbench, tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("Name;Account;Amount;Currency\nA;HU68100320000107686800000000;7;HUF\nB;;8;HUF\n")
    order = treasury.orders.read(file, debtor=DEBTOR)
    order.leave_out_problems()
    order.sign()
    assert order.signers
    edit = archive_order(treasury.store, order.order)
    treasury.store.orders.replace_document(order.id, order.record.document, event=edit)
    assert order.signers == ()
    assert order.status is State.DRAFT


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.xlsx", b""),
        ("broken.xml", b"<Document><CstmrCdtTrfInitn>"),
        ("hostile.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><Document>&b;</Document>'),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\x00\x00"),
        ("words.txt", "Kedves Kollégák!".encode("utf-16")),
        ("zeros.xlsx", bytes(1000)),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_error_and_is_archived(
    treasury: Workbench, tmp_path: Path, name: str, data: bytes
) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    before = len(treasury.orders), len(treasury.statements.entries())
    with pytest.raises((UnreadableFile, NoUsablePayments)) as error:
        treasury.orders.read(file, debtor=DEBTOR)
    assert error.value.repair
    assert treasury.store.archive.get(treasury.store.archive.hash(data)) == data
    result = treasury.statements.read(file)
    assert list(result["balances_proved"]) == [False]
    assert (len(treasury.orders), len(treasury.statements.entries())) == before
    assert treasury.store.archive.hash(data) in list(treasury.statements.problems()["source"])


def test_statements_are_fetched_proved_and_appended_once(treasury: Workbench, bank: Sandbox) -> None:
    bank.run("clock", "--advance", "1")
    fetched = treasury.statements.fetch()
    assert len(fetched)
    assert fetched["balances_proved"].all()
    entries = treasury.statements.entries()
    assert len(entries) == int(fetched["new"].sum())
    assert treasury.statements.fetch().empty
    days = entries["booking_date"]
    again = treasury.statements.fetch(since=days.min(), until=days.max())
    assert int(again["new"].sum()) == 0
    assert len(treasury.statements.entries()) == len(entries)
    position = treasury.position()
    assert set(position["currency"]) == {"HUF", "EUR"}
    assert all(isinstance(amount, Decimal) for amount in position["book_balance"])
    latest = treasury.statements.latest(DEBTOR)
    assert treasury.statements.pdf(latest).startswith(b"%PDF")


def test_a_bank_that_is_not_the_one_of_the_letter_is_not_trusted(tmp_path: Path, bank: Sandbox) -> None:
    workbench = Workbench.open(tmp_path / "w", passwords=lambda _: PASSWORD)
    info = bank.info
    connection = workbench.connect(info.https, host=info.host, partner=info.partner, user="MALLORY", ca=info.ca)
    wrong = {**info.fingerprints, "encryption": "00 " * 32}
    with pytest.raises(BankKeysDiffer):
        connection.initialise(wrong)
    assert not connection.ready
    with pytest.raises(NotReady):
        workbench.statements.fetch()
    assert connection.letter_file.read_bytes().startswith(b"%PDF")
    workbench.close()


def test_initialisation_that_was_cut_off_goes_on_where_it_stopped(tmp_path: Path, bank: Sandbox) -> None:
    for mode, at in (("answer lost", 1), ("answer lost", 2), ("nonsense", 3)):
        broken = Line(mode=mode)
        folder = tmp_path / f"{mode}-{at}"
        workbench = Workbench.open(folder, passwords=lambda _: PASSWORD, open_channel=broken.open)
        info, user = bank.info, f"CUT{next(_numbers)}"
        connection = workbench.connect(info.https, host=info.host, partner=info.partner, user=user, ca=info.ca)
        broken.fail_at = broken.count + at
        with pytest.raises(ElectraError):
            connection.initialise(info.fingerprints)
        assert connection.next_step
        assert connection.initialise(info.fingerprints) == ""
        workbench.close()


def test_a_new_password_that_is_typed_in_two_ways_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["correct horse battery", "correct horse batterie", "correct horse battery", "correct horse battery"])
    monkeypatch.delenv("ELECTRA_PASSWORD_FILE", raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    with pytest.raises(PasswordsDiffer):
        ask_new_password(ask_password, "New password")
    assert ask_new_password(ask_password, "New password") == "correct horse battery"


def test_the_table_of_orders_tells_their_figures(treasury: Workbench) -> None:
    order = treasury.orders.new([payment("1500"), payment("2500")], debtor=DEBTOR)
    row = treasury.orders.table().set_index("id").loc[order.id]
    assert (row["transactions"], row["total"], row["currency"], row["state"]) == (2, Decimal(4000), "HUF", "draft")
    assert row["execution_date"] == order.order.execution_date


def test_a_connection_keeps_the_version_of_ebics_its_keys_were_sent_in(treasury: Workbench, bank: Sandbox) -> None:
    (line,) = treasury.connections.values()
    record, ids = line.record, ("host", "partner", "user")
    same = {name: getattr(record, name) for name in ids} | {"name": line.name}
    assert treasury.connect(record.url, **same, version="H005").version.protocol == "H005"
    with pytest.raises(ElectraError, match="speaks H005"):
        treasury.connect(record.url, **same, version="H004")
    with pytest.raises(ElectraError, match="no version"):
        treasury.connect(record.url, **same, version="H003")


def test_a_password_is_nowhere_in_the_workbench(treasury: Workbench) -> None:
    for file in treasury.folder.rglob("*"):
        if file.is_file():
            assert PASSWORD.encode() not in file.read_bytes(), file


def test_everything_shown_in_a_notebook_is_escaped(treasury: Workbench) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    order = treasury.orders.new([payment(name=hostile)], debtor=DEBTOR, debtor_name=hostile)
    shown = [
        order,
        treasury.orders,
        treasury,
        treasury.connections,
        treasury.statements,
        *treasury.connections.values(),
    ]
    for thing in shown:
        html = thing._repr_html_()
        assert "<table" in html
        assert "<img" not in html
        assert repr(thing)
    assert hostile in repr(order)


def test_no_order_is_made_without_an_account_that_pays(treasury: Workbench, tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("Name;Account;Amount;Currency\nA;HU68100320000107686800000000;1;HUF\n")
    with pytest.raises(ElectraError, match="which account pays"):
        treasury.orders.read(file)
    with pytest.raises(ElectraError):
        treasury.orders.read(file, debtor="HU00")
    with pytest.raises(ElectraError, match="cannot be read"):
        treasury.orders.read(tmp_path / "missing.csv", debtor=DEBTOR)


def test_another_key_put_in_place_of_the_signature_key_signs_nothing(treasury: Workbench) -> None:
    order = treasury.orders.new([payment()], debtor=DEBTOR)
    (connection,) = treasury.connections.values()
    keys, name = treasury.store.keys, f"{connection.name}-signature"
    right = keys.get(name)
    keys.put(name, keys.get(f"{connection.name}-authentication"), replace=True)
    with pytest.raises(KeyDiffers):
        order.sign()
    keys.put(name, right, replace=True)
    assert order.sign().status is State.SIGNED


def test_leaving_out_problems_where_there_are_none_keeps_the_signatures(treasury: Workbench) -> None:
    order = treasury.orders.new([payment()], debtor=DEBTOR).sign()
    assert order.leave_out_problems() == 0
    assert order.status is State.SIGNED


def test_hidden_and_closed_files_of_a_folder_do_not_keep_the_others_out(treasury: Workbench, tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"hidden")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "index").write_bytes(b"hidden too")
    (tmp_path / "empty.xml").write_bytes(b"")
    (tmp_path / "gone.xml").symlink_to(tmp_path / "nowhere.xml")
    result = treasury.statements.read(tmp_path)
    assert sorted(result["name"]) == ["empty.xml", "gone.xml"]
    problems = treasury.statements.problems()
    assert "gone.xml" in list(problems[problems["rule"] == "unreadable"]["source"])


def test_an_order_that_arrived_on_a_later_day_of_the_bank_is_not_sent_again(tmp_path: Path, bank: Sandbox) -> None:
    broken = Line()
    workbench = connected(tmp_path / "w", bank, broken)
    order = workbench.orders.new([payment("77", remittance=f"Order {next(_numbers)}")], debtor=DEBTOR)
    order.sign()
    bank.run("clock", "--advance", "20")
    broken.fail_at, broken.mode = broken.count + 2, "answer lost"
    with pytest.raises(ChannelError):
        order.send()
    order.send()
    assert order.status in ARRIVED
    assert [event.data["proof"] for event in order.history if event.kind is EventKind.RECEIVED] == ["HAC"]
    assert orders_at_the_bank(bank, order.record.message_id) == 1
    workbench.close()


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:99999/", "https://[::1/", "https:///", "http://bank.example/", "bank"]
)
def test_an_address_that_is_none_is_told_before_anything_is_kept(tmp_path: Path, url: str) -> None:
    workbench = Workbench.open(tmp_path / "w", passwords=lambda _: PASSWORD)
    with pytest.raises(ElectraError, match="not a safe address"):
        workbench.connect(url, host="BANK", partner="PARTNER", user="USER")
    with pytest.raises(EbicsError):
        workbench.connect("https://bank.example/", host="BANK", partner="not a partner", user="USER")
    assert len(workbench.connections) == 0
    workbench.close()


def test_a_connection_named_again_without_its_ca_file_keeps_it(treasury: Workbench) -> None:
    (known,) = treasury.connections.values()
    record = known.record
    again = treasury.connect(record.url, host=record.host, partner=record.partner, user=record.user)
    assert again.record == record


def test_hashes_of_new_bank_keys_are_compared_with_what_the_bank_sends(treasury: Workbench, bank: Sandbox) -> None:
    (connection,) = treasury.connections.values()
    with pytest.raises(BankKeysDiffer):
        connection.initialise(dict.fromkeys(bank.info.fingerprints, "00" * 32))
    assert connection.ready
    assert connection.initialise(bank.info.fingerprints) == ""


def test_the_journal_holds_after_all_this(treasury: Workbench) -> None:
    treasury.store.journal.verify()
    assert treasury.today() >= date(2026, 1, 1)
