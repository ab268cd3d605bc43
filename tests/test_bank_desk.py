"""The desk: users and their keys, rights, nonces, transactions, order ids, what it tells of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from electra_kernel.bank.database import get_fact, set_fact
from electra_kernel.bank.desk import BankDesk
from electra_kernel.bank.seed import PARTNER
from electra_kernel.bank.subscribers import activate
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.desk import DeskRefusal, Direction, KeyUse, TransactionRecord, UserState
from electra_kernel.ebics.info import read_haa, read_hpd, read_htd
from electra_kernel.ebics.version import H005
from electra_kernel.formats import pain001
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.xml import parse_xml
from tests.bank_house import CLOSED, NOW, REPORTS, START, STATEMENTS, bank_at, clock, order, payment, unzip
from tests.ebics_house import schema
from tests.shared import needs_shared

SIGNATURE = {KeyUse.SIGNATURE: b"s"}
TRANSPORT = {KeyUse.AUTHENTICATION: b"x", KeyUse.ENCRYPTION: b"e"}


@pytest.fixture
def bank(tmp_path):
    with bank_at(tmp_path) as counter:
        yield counter


@pytest.mark.parametrize("keys", [(SIGNATURE, TRANSPORT), (TRANSPORT, SIGNATURE)], ids=["INI first", "HIA first"])
def test_keys_arrive_in_any_order_and_the_clerk_activates(bank, keys):
    states = []
    for brought in keys:
        bank.desk.keep_certificates(PARTNER, "ANNA", brought, "A006")
        states.append(bank.desk.user(PARTNER, "ANNA").state)
    assert states == [UserState.INI if keys[0] is SIGNATURE else UserState.HIA, UserState.INITIALISED]
    with bank.database.write() as connection:
        activate(connection, PARTNER, "ANNA", at=NOW)
    user = bank.desk.user(PARTNER, "ANNA")
    assert (user.state, dict(user.certificates), user.signature_version) == (
        UserState.READY,
        SIGNATURE | TRANSPORT,
        "A006",
    )
    assert [event.action for event in bank.protocol()] == ["FILE_UPLOAD"] * 2 + ["ORDER_HAC_FINAL_POS"] * 2


def test_keys_that_are_there_are_not_replaced(bank):
    bank.desk.keep_certificates(PARTNER, "ANNA", SIGNATURE)
    for brought in (SIGNATURE, {KeyUse.SIGNATURE: b"other"}):
        with pytest.raises(DeskRefusal, match="091002"):
            bank.desk.keep_certificates(PARTNER, "ANNA", brought)
    assert bank.desk.user(PARTNER, "ANNA").certificates == SIGNATURE


def test_a_user_whose_keys_are_missing_is_not_activated(bank):
    bank.desk.keep_certificates(PARTNER, "ANNA", SIGNATURE)
    with bank.database.write() as connection, pytest.raises(ElectraError, match="cannot be activated"):
        activate(connection, PARTNER, "ANNA", at=NOW)


def test_only_a_bank_that_admits_enrols_unknown_users_of_its_partner(bank):
    assert bank.desk.user(PARTNER, "CARL") is None
    admitting = BankDesk(bank.database, clock, admit=True)
    assert bank.desk.newcomer(PARTNER, "CARL") is None
    assert admitting.newcomer("OTHER", "CARL") is None
    assert admitting.newcomer(PARTNER, "not a user id") is None
    # Whoever only asks who is there enrols nobody.
    assert admitting.user(PARTNER, "CARL") is None
    assert admitting.newcomer(PARTNER, "CARL").state is UserState.NEW
    admitting.keep_certificates(PARTNER, "CARL", SIGNATURE)
    admitting.keep_certificates(PARTNER, "CARL", TRANSPORT)
    assert admitting.user(PARTNER, "CARL").state is UserState.READY


@pytest.mark.parametrize("scope", ["", "DE", "HU", "CH", "GLB"])
def test_any_scope_is_taken(bank, scope):
    for name in ("SCT", "SCI", "DCT", "XCT", "MCT"):
        bank.desk.may(PARTNER, "ANNA", "BTU", Service(name, "pain.001", scope))
    for container in ("", "ZIP"):
        bank.desk.may(PARTNER, "ANNA", "BTD", Service("EOP", "camt.053", scope, container=container))
        bank.desk.may(PARTNER, "ANNA", "BTD", Service("REP", "pain.002", scope, container=container))


@pytest.mark.parametrize(
    ("admin_type", "service", "code"),
    [
        ("BTU", Service("SDD", "pain.008"), "091005"),
        ("BTU", Service("DCT", "pain.001", option="VOI"), "091005"),
        ("BTU", Service("EOP", "camt.053"), "091005"),
        ("BTD", Service("EOP", "camt.053", container="XML"), "091005"),
        ("XYZ", None, "091006"),
    ],
)
def test_what_the_bank_does_not_offer_is_refused(bank, admin_type, service, code):
    with pytest.raises(DeskRefusal, match=code):
        bank.desk.may(PARTNER, "ANNA", admin_type, service)


def test_a_right_that_others_have_is_refused_as_missing(bank):
    with pytest.raises(DeskRefusal, match="090003"):
        bank.desk.may(PARTNER, "CARL", "HTD", None)


def test_legacy_codes_beside_a_service_are_understood(bank):
    bank.desk.may(PARTNER, "ANNA", "XE2", Service("MCT", "pain.001", "CH"))
    bank.desk.may(PARTNER, "ANNA", "C53", Service("EOP", "camt.053", "DE", container="ZIP"))


def test_a_nonce_is_taken_once_and_never_when_too_old_to_remember(bank):
    assert bank.desk.remember_nonce(b"n" * 16, NOW)
    assert not bank.desk.remember_nonce(b"n" * 16, NOW)
    assert not bank.desk.remember_nonce(b"o" * 16, NOW - timedelta(hours=25))
    tomorrow = BankDesk(bank.database, lambda: NOW + timedelta(hours=30))
    assert not tomorrow.remember_nonce(b"n" * 16, NOW)


def test_order_ids_are_four_characters_that_begin_with_a_letter_and_never_repeat(bank):
    made = [bank.send(order(payment("1"))) for _ in range(40)]
    assert len(set(made)) == 40
    assert all(len(one) == 4 and one[0].isalpha() and one.isalnum() and one == one.upper() for one in made)
    with bank.database.write() as connection:
        set_fact(connection, f"order-id {PARTNER}", str(36**3 - 1))
    assert [bank.send(order(payment("1"))) for _ in range(2)] == ["AZZZ", "B000"]


def _record(number, opened=NOW):
    return TransactionRecord(
        transaction_id=bytes([number]) * 16,
        direction=Direction.UPLOAD,
        partner_id=PARTNER,
        user_id="ANNA",
        segments=2,
        context='{"a": 1}',
        opened=opened,
    )


def test_a_transaction_and_its_segments_are_kept_until_it_is_closed(bank):
    record = _record(1)
    bank.desk.open_transaction(record, {1: "one"})
    bank.desk.keep_segment(record.transaction_id, 2, "two")
    bank.desk.keep_segment(record.transaction_id, 2, "two again")
    assert bank.desk.transaction(record.transaction_id) == record
    assert [bank.desk.segment(record.transaction_id, number) for number in (1, 2, 3)] == ["one", "two again", None]
    bank.desk.close_transaction(record.transaction_id)
    assert bank.desk.transaction(record.transaction_id) is None
    assert bank.desk.segment(record.transaction_id, 1) is None


def test_a_transaction_nobody_went_on_with_is_forgotten(bank):
    bank.desk.open_transaction(_record(1), {1: "one"})
    later = BankDesk(bank.database, lambda: NOW + timedelta(hours=7))
    assert later.transaction(_record(1).transaction_id) is None
    later.open_transaction(_record(2), {})
    assert later.segment(_record(1).transaction_id, 1) is None


def test_the_protocol_is_new_for_each_user_and_whole_for_a_period(bank):
    bank.send(order(payment("1")))
    assert len(bank.protocol()) == 3
    assert bank.protocol() == ()
    bank.user = "BELA"
    assert len(bank.protocol()) == 3
    assert bank.fetch(admin_type="HAC", start=START, end=START)
    assert bank.fetch(admin_type="HAC", start=START + timedelta(days=1), end=START + timedelta(days=2)) == b""


def test_the_order_in_the_protocol_is_known_by_its_hash(bank):
    upload = bank.upload(order(payment("1")))
    bank.desk.receive(upload, bank.fresh())
    assert {event.digest for event in bank.protocol()} == {upload.digest}


def test_the_bank_tells_accounts_rights_and_addresses(bank):
    with bank.database.write() as connection:
        set_fact(connection, "url-https", "https://127.0.0.1:1")
        host = get_fact(connection, "host")
    told = read_htd(bank.fetch(admin_type="HTD"), H005)
    assert [account.iban[:4] for account in told.accounts] == ["HU42", "HU59"]
    assert told.user.user_id == "ANNA"
    levels = {
        permission.service.message: permission.level for permission in told.user.permissions if permission.service
    }
    assert levels == {"pain.001": "E", "camt.053": "", "mt940": "", "pain.002": "", "wssparam": ""}
    assert {row.signatures for row in told.orders if row.admin_type == "BTU"} == {1}
    parameters = read_hpd(bank.fetch(admin_type="HPD"), H005)
    assert (parameters.urls, parameters.host_id) == (("https://127.0.0.1:1",), host)


def test_the_bank_tells_for_which_services_something_waits(bank):
    waiting = read_haa(bank.fetch(admin_type="HAA"), H005)
    assert {service.message for service in waiting} == {"camt.053", "mt940"}
    bank.statements()
    assert {service.message for service in read_haa(bank.fetch(admin_type="HAA"), H005)} == {"mt940"}
    assert bank.fetch(Service("EOP", "mt940")) != b""
    assert bank.fetch(admin_type="HAA") == b""


def test_a_failed_order_leaves_nothing_half_done(bank, monkeypatch):
    before = bank.balance()
    upload = bank.upload(order(payment("1")))
    bad = replace(upload, file_name=object())  # what SQLite cannot store fails in the middle of the transaction
    with pytest.raises(Exception, match="not supported"):
        bank.desk.receive(bad, bank.fresh())
    assert (bank.balance(), bank.protocol(), bank.reports()) == (before, (), [])
    assert bank.desk.receive(upload, bank.fresh()) == "A000"


@needs_shared
def test_everything_the_bank_hands_out_validates_against_the_published_schemas(bank):
    bank.send(order(payment("1"), payment("2", CLOSED)))
    bank.send(data=pain001.write(order(payment("1")), version="pain.001.001.03"))
    bank.move(22)
    with bank.database.write() as connection:
        set_fact(connection, "url-https", "https://127.0.0.1:1")
    for admin_type in ("HTD", "HPD", "HAA"):
        schema("ebics/H005/ebics_orders_H005.xsd").assertValid(parse_xml(bank.fetch(admin_type=admin_type)))
    schema("iso20022/pain.002.001.03.xsd").assertValid(parse_xml(bank.fetch(admin_type="HAC")))
    for service in (STATEMENTS, REPORTS):
        for data in unzip(bank.fetch(service)):
            document = parse_xml(data)
            name = str(document.tag).split("xsd:")[1].split("}")[0]
            schema(f"iso20022/{name}.xsd").assertValid(document)
