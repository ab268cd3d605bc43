"""Exchanges explained: what the bank saw of a request, kept within bounds, told in words, followed as it happens."""

from __future__ import annotations

import io
import json
import os
import select
import subprocess
import sys
from dataclasses import replace
from itertools import islice

import pytest
from rich.console import Console

from electra_kernel.bank import cli
from electra_kernel.bank.exchanges import ExchangeLog, LogBounds, follow, log_path, older_path, read_log
from electra_kernel.bank.explain import BOUNDS, CHECKS, Explanation, Line, elided, explain, record_of, summary
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.client import Subscriber
from electra_kernel.ebics.codes import CODES
from electra_kernel.ebics.desk import UserState
from electra_kernel.ebics.errors import BankRefusal
from electra_kernel.ebics.keys import bare, fingerprint
from electra_kernel.ebics.server import Limits, Server
from electra_kernel.ebics.signature import raw_digest
from electra_kernel.ebics.version import H004, VERSIONS
from electra_kernel.ebics.witness import Check, Sight
from electra_kernel.formats import pain001
from tests.bank_house import order, payment
from tests.bank_process import bank_command, running
from tests.ebics_house import (
    HOST,
    NOW,
    PARTNER,
    PAYMENTS,
    STATEMENTS,
    USER,
    client,
    clock,
    new_desk,
    noise,
    open_desk,
    run,
    signature,
    transport_keys,
    upload,
)
from tests.processes import ROOT


class Watched:
    """A bank whose exchanges are kept in a list."""

    def __init__(self, desk=None, **options):
        self.sights: list[Sight] = []
        self.bank = Server(
            HOST, transport_keys("bank"), desk or open_desk(), clock, witness=self.sights.append, **options
        )

    def told(self, place: int = -1) -> str:
        return str(explain(record_of(self.sights[place], NOW)))

    def refused(self, exchange) -> str:
        with pytest.raises(BankRefusal):
            run(exchange, self.bank)
        return self.told()


def test_an_order_is_explained_from_its_announcement_to_its_order_id():
    watched, data = Watched(), pain001.write(order(payment(100), payment(23)))
    run(upload(data, segment_size=1_000_000), watched.bank)
    opening, transfer = watched.told(0), watched.told(1)
    assert opening.startswith(f"2026-03-02T09:30:00.000+00:00  BTU Initialisation: {USER} of {PARTNER} at {HOST} (H005")
    assert "1 segment announced" in opening
    assert "the signatures authorise the order" in opening
    assert "segment 1 of 1, the last" in transfer
    assert "2 payments, 123.00 HUF" in transfer
    assert f"{USER} of {PARTNER} with A006: valid, over the order without CR, LF and Ctrl-Z" in transfer
    assert "order id U001" in transfer
    assert "NOT" not in opening + transfer


def test_an_order_signed_over_its_raw_bytes_is_told_to_be_so():
    watched, data = Watched(), b"a\r\nb"
    run(client().upload(PAYMENTS, data, [signature(data, digest=raw_digest(data))]), watched.bank)
    assert "valid, over all bytes of the order" in watched.told()


def test_a_download_is_explained_with_what_was_sent_and_its_receipt():
    desk = open_desk()
    desk.mail["EOP"] = b"first line\nsecond line\n"
    watched = Watched(desk)
    exchange = client().download(service=STATEMENTS)
    run(exchange, watched.bank)
    exchange.acknowledge(True)
    run(exchange, watched.bank)
    assert "fetch data: EOP HU ZIP camt.053" in watched.told(0)
    assert "| second line" in watched.told(0)
    assert "carries segment 1 of 1, the last" in watched.told(0)
    assert "receipt: the data are safe" in watched.told(1)
    assert "The bank marked the data as fetched." in watched.told(1)


def test_new_keys_are_told_with_the_hashes_of_the_letter():
    watched, own = Watched(new_desk()), client()
    run(own.hia(), watched.bank)
    for der in (own.keys.authentication_der, own.keys.encryption_der):
        assert f"certificate {fingerprint(der)}" in watched.told()
        assert f"exponent and modulus {fingerprint(bare(der))}" in watched.told()


def test_keys_without_certificates_are_told_with_the_one_hash_they_have():
    watched = Watched(new_desk())
    own = replace(client(), subscriber=Subscriber(HOST, PARTNER, USER, H004))
    run(own.hia(), watched.bank)
    assert f"exponent and modulus {fingerprint(bare(own.keys.encryption_der))}" in watched.told()
    assert "certificate" not in watched.told().split("data ")[1].split("|")[0]


@pytest.mark.parametrize(("state", "words"), [("locked", "bank reset --user ANNA"), ("initialised", "bank activate")])
def test_the_clerk_reads_what_to_do_about_a_user_who_is_not_let_in(state: str, words: str):
    desk = open_desk()
    desk.users[PARTNER, USER] = replace(desk.users[PARTNER, USER], state=UserState(state))
    told = Watched(desk).refused(client().download(admin_type="HTD"))
    assert "091002" in told
    assert words in told


def test_the_clerk_reads_how_an_unknown_user_is_written_down():
    other = replace(client(), subscriber=Subscriber(HOST, PARTNER, "NOBODY"))
    assert (
        "clerk     Nobody is called NOBODY here. To write the user down: electra bank user --user NOBODY"
        in Watched().refused(other.hia())
    )


def test_questions_about_waiting_orders_tell_which_order_or_which_filters():
    watched, service = Watched(), Service("SCT", "pain.001")
    run(client().waiting_orders(filters=[service]), watched.bank)
    assert "fetch the orders that wait for signatures" in watched.told()
    assert "only orders like SCT pain.001" in watched.told()
    run(client().order_state(PARTNER, "A007", service), watched.bank)
    assert f"the order A007 of {PARTNER}" in watched.told()


@pytest.mark.parametrize("version", VERSIONS.values(), ids=lambda version: version.protocol)
def test_an_order_is_explained_in_every_version(version):
    watched, data = Watched(), pain001.write(order(payment(100)))
    own = replace(client(), subscriber=Subscriber(HOST, PARTNER, USER, version))
    run(own.upload(Service("SCT", "pain.001"), data, [signature(data)]), watched.bank)
    assert f"({version.protocol}, client Electra)" in watched.told(0)
    assert "hand in an order: SCT pain.001 (SEPA credit transfers)" in watched.told(0)
    assert "1 payment, 100.00 HUF" in watched.told()


def test_hev_is_explained_and_a_wrong_host_too():
    watched = Watched()
    run(client().hev(), watched.bank)
    assert "which versions of EBICS does the bank speak?" in watched.told()
    other = replace(client(), subscriber=Subscriber("ELSEWHERE", PARTNER, USER))
    assert "✗ NOT: the host id is this bank's" in watched.refused(other.hev())


def test_a_forged_request_tells_here_what_the_client_is_not_told():
    watched = Watched()
    forged = replace(client(), keys=transport_keys("SOMEBODY"))
    told = watched.refused(forged.download(admin_type="HTD"))
    assert "✗ NOT: the authentication key (X002) of the user signed the whole document (another key signed it)" in told
    assert "061001 EBICS_AUTHENTICATION_FAILED (technical)" in told
    stranger = replace(client(), subscriber=Subscriber(HOST, PARTNER, "NOBODY"))
    assert "(NOBODY of PARTNER1 is unknown)" in watched.refused(stranger.download(admin_type="HTD"))


def test_a_wrong_signature_is_told_with_its_signer_and_what_to_do():
    watched, data = Watched(), noise(500)
    told = watched.refused(client().upload(PAYMENTS, data, [signature(b"another order")]))
    assert "✗ NOT: every electronic signature fits the order" in told
    assert "A006: fits neither the order without CR, LF and Ctrl-Z nor all its bytes" in told
    assert CODES["091301"].repair in told


def test_every_refusal_names_the_check_that_failed():
    for action, check in (
        (lambda: client().upload(PAYMENTS, noise(50_000), [signature(noise(50_000))]), Check.ANNOUNCEMENT),
        (lambda: client().hpb(), Check.TIME),
    ):
        late = check is Check.TIME
        watched = Watched(limits=Limits(segments=3) if not late else Limits(clock_difference=NOW - NOW))
        exchange = action()
        if late:
            exchange._session = replace(client(), clock=lambda: NOW.replace(hour=8))
        told = watched.refused(exchange)
        assert f"✗ NOT: {CHECKS[check]}" in told
        assert watched.sights[-1].steps[-1].check is check


def test_every_check_of_the_engine_has_words():
    assert set(CHECKS) == set(Check)


def test_a_document_that_is_no_request_is_shown_as_far_as_it_can_be():
    watched = Watched()
    watched.bank.handle(b"\x00\xff<nonsense>\x1b[31m")
    told = watched.told()
    assert "a document that is no request" in told
    assert "061002" in told
    assert all(each.isprintable() for line in told.splitlines() for each in line)


def test_a_witness_that_fails_changes_no_answer():
    def fail(sight: Sight) -> None:
        raise ValueError(sight)

    bank = Server(HOST, transport_keys("bank"), open_desk(), clock, witness=fail)
    exchange = client().hev()
    run(exchange, bank)
    assert exchange.result["H005"] == "03.00"


def test_without_a_witness_nothing_is_kept():
    bank = Server(HOST, transport_keys("bank"), open_desk(), clock)
    exchange = client().hev()
    run(exchange, bank)
    assert exchange.over


def test_what_is_kept_is_bounded_whatever_comes(tmp_path):
    desk = open_desk()
    log = ExchangeLog(tmp_path, clock, LogBounds(file=100_000))
    bank = Server(HOST, transport_keys("bank"), desk, clock, witness=log)
    for number in range(12):
        run(upload(noise(30_000) + bytes([number]), segment_size=20_000), bank)
        bank.handle(b"<" * 3_000_000)
        bank.handle(b"<a>" + b"\xff" * 3_000_000)
    log_file = log_path(tmp_path)
    assert 0 < log_file.stat().st_size <= 100_000
    assert 0 < older_path(log_file).stat().st_size <= 100_000
    assert read_log(tmp_path, 2) == read_log(tmp_path)[-2:]
    assert {each["order"] for each in read_log(tmp_path) if each["kind"]} == {"BTU"}


def test_the_log_is_its_owners_alone_and_holds_no_key(tmp_path):
    log = ExchangeLog(tmp_path, clock)
    exchange = upload(noise(100))
    run(exchange, Server(HOST, transport_keys("bank"), open_desk(), clock, witness=log))
    assert log_path(tmp_path).stat().st_mode & 0o777 == 0o600
    kept = log_path(tmp_path).read_bytes()
    key = exchange._key
    assert key.hex().encode() not in kept.lower()
    assert b"PRIVATE" not in kept
    assert key not in kept


def test_a_line_torn_by_a_killed_bank_costs_only_itself(tmp_path):
    log = ExchangeLog(tmp_path, clock)
    bank = Server(HOST, transport_keys("bank"), open_desk(), clock, witness=log)
    run(client().hev(), bank)
    with log_path(tmp_path).open("ab") as torn:
        torn.write(b'{"at": "2026')
    assert len(read_log(tmp_path)) == 1
    run(client().hev(), bank)
    assert [each["order"] for each in read_log(tmp_path)] == ["HEV", "HEV"]


def test_following_goes_on_over_a_full_file(tmp_path):
    log = ExchangeLog(tmp_path, clock, LogBounds(file=4_000))
    bank = Server(HOST, transport_keys("bank"), open_desk(), clock, witness=log)
    run(client().hev(), bank)
    records = follow(tmp_path, 1)
    assert next(records)["order"] == "HEV"
    for _ in range(9):
        run(client().hev(), bank)
        assert next(records)["order"] == "HEV"
    records.close()
    assert older_path(log_path(tmp_path)).exists()


def test_following_waits_for_a_bank_that_has_not_heard_anything(tmp_path):
    records = follow(tmp_path)
    bank = Server(HOST, transport_keys("bank"), open_desk(), clock, witness=ExchangeLog(tmp_path, clock))
    run(client().hev(), bank)
    assert [each["order"] for each in islice(records, 1)] == ["HEV"]


def test_order_data_of_any_kind_get_a_summary():
    assert summary(b"")["size"] == 0
    assert summary(b"PK\x05\x06" + bytes(18))["kind"] == "ZIP"
    assert summary(b"PK\x03\x04 damaged")["kind"] == "text or binary data"
    large = pain001.write(order(payment(100))).replace(b"</Document>", b" " * BOUNDS.parsed + b"</Document>")
    assert summary(large)["facts"] == ["1 payments, as its header says", "100 in all, as its header says"]
    assert all(len(line) <= BOUNDS.line + 1 for line in summary(noise(100_000))["lines"])


def test_long_texts_of_a_document_are_cut_and_short_ones_stay():
    text = elided(b"<a><b>" + b"x" * 5_000 + b"</b><c>short</c></a>")
    assert text == f"<a><b>{'x' * (BOUNDS.text // 2)}...</b><c>short</c></a>"


def test_the_words_of_a_client_are_no_markup():
    console = Console(record=True, force_terminal=True, width=200, file=io.StringIO())
    cli._show(console, Explanation("[bold]title[/bold]", True, (Line("asks", "[link=http://x]words[/link]"),)))
    shown = console.export_text()
    assert "[bold]title[/bold]" in shown
    assert "[link=http://x]words[/link]" in shown


def test_the_command_shows_what_a_running_bank_was_asked(tmp_path):
    folder = tmp_path / "bank"
    with running(folder, "--admit") as bank:
        assert bank_command("log", "--data", str(folder)).output == "No request has arrived yet.\n"
        bank.post(b'<ebicsHEVRequest xmlns="http://www.ebics.org/H000"><HostID>WRONG</HostID></ebicsHEVRequest>')
        shown = bank_command("log", "--data", str(folder)).output
        assert "091011 EBICS_INVALID_HOST_ID" in shown
        assert "\x1b" not in shown
        (row,) = map(json.loads, bank_command("log", "--data", str(folder), "--json").output.splitlines())
        assert row["refusal"]["code"] == "091011"
        assert "<HostID>WRONG</HostID>" in row["request_xml"]
        assert row["explained"][0].endswith("HEV: WRONG (H005)")
        assert b"061002 EBICS_INVALID_REQUEST" in _followed(bank, b"<nonsense>")


def _followed(bank, document: bytes) -> bytes:
    """What ``log --follow`` shows of a document; it is sent until it is shown, for nobody knows when it began to look."""
    command = [sys.executable, "-c", "from electra_kernel.bank.cli import app; app()", "log", "--follow", "--last=0"]
    seen = b""
    with subprocess.Popen([*command, "--data", str(bank.folder)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            for _ in range(1_200):
                bank.post(document)
                while select.select([process.stdout], [], [], 0.25)[0] and b"answer" not in seen:
                    said = os.read(process.stdout.fileno(), 65_536)
                    assert said, seen  # it ended
                    seen += said
                if b"answer" in seen:
                    break
        finally:
            process.terminate()
    return seen


def test_the_command_for_a_folder_without_a_bank_says_what_to_do(tmp_path):
    outcome = bank_command("log", "--data", str(tmp_path))
    assert outcome.exit_code == 1
    assert "There is no sandbox bank" in outcome.output
