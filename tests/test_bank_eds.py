"""The bank's side of the distributed signature: who may see, sign and cancel an order that waits, and when it is carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from electra_kernel.bank.authority import authorised, wanted
from electra_kernel.bank.database import Database, users
from electra_kernel.bank.desk import BankDesk
from electra_kernel.bank.notifications import mark, news
from electra_kernel.bank.people import Person, write_down
from electra_kernel.bank.profile import PROFILE
from electra_kernel.bank.seed import MAIN_ACCOUNT, PARTNER, want_signatures
from electra_kernel.ebics import eds
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.desk import Decision, DeskRefusal, DownloadRequest
from electra_kernel.ebics.edsparams import EdsParams
from electra_kernel.ebics.info import read_htd
from electra_kernel.ebics.ordertypes import with_profile
from electra_kernel.ebics.version import H004, H005
from electra_kernel.vocabulary.errors import ElectraError
from tests.bank_house import PAYMENTS, Counter, bank_at, clock, order, payment
from tests.bank_process import bank_command
from tests.ebics_house import schema_errors
from tests.shared import needs_shared

AUDIT = "AUDIT01"
TRANSFERS = Service("SCT", "pain.001")


@pytest.fixture
def bank(tmp_path):
    with bank_at(tmp_path) as counter:
        people(counter, A1="A", A2="A", B1="B", B2="B", T1="T")
        yield counter


def people(bank: Counter, **classes: str) -> None:
    with bank.database.write() as connection:
        for user, level in classes.items():
            write_down(connection, Person(user_id=user, level=level))


def hand_in(bank: Counter, sender: str, *signers: str, service: Service = TRANSFERS, eds_wanted: bool = True, count=1):
    """Send an order signed by these users (the sender where none is named)."""
    bank.user = sender
    upload = bank.upload(order(*(payment("1000") for _ in range(count))), service=service)
    people_signing = tuple((PARTNER, each) for each in signers or (sender,))
    return bank.desk.receive(replace(upload, signers=people_signing, request_eds=eds_wanted), bank.fresh())


def asked(bank: Counter, admin_type: str, user: str, *, partner: str = PARTNER, service=None, **params) -> bytes:
    request = DownloadRequest(
        partner_id=partner, user_id=user, admin_type=admin_type, service=service, eds=EdsParams(**params)
    )
    return bank.desk.deliver(request).data


def listed(bank: Counter, user: str, *, details: bool = False, partner: str = PARTNER, filters=()):
    try:
        data = asked(bank, "HVZ" if details else "HVU", user, partner=partner, filters=tuple(filters))
    except DeskRefusal as refusal:
        if refusal.code != "090005":
            raise
        return ()
    return eds.read_waiting(data, H005)


def decide(bank: Counter, kind: str, user: str, order_id: str, *, partner: str = PARTNER, service=TRANSFERS) -> str:
    """What the engine does with HVE and HVS once the signature is proved."""
    params = EdsParams(partner_id=PARTNER, order_id=order_id)
    digest, _ = bank.desk.waiting_digests(partner, user, service, params)
    return bank.desk.decide(
        Decision(partner_id=partner, user_id=user, admin_type=kind, service=service, eds=params, digest=digest)
    )


def refused(code: str):
    return pytest.raises(DeskRefusal, match=code)


def told(bank: Counter, order_id: str) -> list[str]:
    """What the protocol says of one order."""
    bank.user = "ANNA"
    return [f"{event.action} {event.reason}".strip() for event in bank.protocol() if event.order_id == order_id]


# --- the rule ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "needed", "enough"),
    [
        ("E", 1, True),
        ("A", 1, False),
        ("B", 1, False),
        ("T", 1, False),
        ("AB", 1, True),
        ("AA", 1, True),
        ("BB", 1, False),
        ("AT", 1, False),
        ("ET", 1, True),
        ("E", 2, False),
        ("EB", 2, True),
        ("EE", 2, True),
        ("BBA", 2, True),
        ("BBB", 2, False),
        ("AAB", 3, True),
        ("", 1, False),
    ],
)
def test_one_e_or_two_of_whom_one_is_first_authorise_and_t_never_counts(classes, needed, enough):
    assert authorised(list(classes), needed) is enough


@given(st.text("EABT", max_size=6), st.integers(1, 4))
def test_a_signature_more_never_takes_authority_away_and_the_number_told_is_true(classes, needed):
    have = list(classes)
    done = sum(each in "EAB" for each in have)
    assert (wanted(have, needed) <= done) == authorised(have, needed) or not done
    if authorised(have, needed):
        assert all(authorised([*have, more], needed) for more in "EABT")


def test_one_signature_of_class_e_is_enough_by_default(bank):
    bank.user = "ANNA"
    before = bank.balance()
    order_id = hand_in(bank, "ANNA")
    assert before - bank.balance() == 1000
    assert told(bank, order_id)[-1] == "ORDER_HAC_FINAL_POS"
    assert listed(bank, "BELA") == ()


def test_too_few_signatures_without_the_wish_to_wait_are_refused(bank):
    with refused("090003"):
        hand_in(bank, "A1", eds_wanted=False)
    with refused("090003"):
        hand_in(bank, "B1", "B1", "B2", eds_wanted=False)
    assert listed(bank, "ANNA") == ()


# --- waiting ----------------------------------------------------------------------------------------------------------


@pytest.mark.ebics(order_type=("HVZ", "HVE"), version="H005", side="bank")
def test_an_order_waits_is_listed_with_what_a_signer_must_know_and_is_carried_out_by_the_last_signature(bank):
    before = bank.balance()
    order_id = hand_in(bank, "A1")
    assert bank.balance() == before
    (mine,), (theirs,) = listed(bank, "A1"), listed(bank, "B1", details=True)
    assert (mine.order_id, mine.ready, mine.done, mine.required) == (order_id, False, 1, 2)
    assert [(each.user_id, each.level) for each in theirs.signers] == [("A1", "A")]
    assert (theirs.ready, theirs.originator.user_id, theirs.count, theirs.total, theirs.currency) == (
        True,
        "A1",
        1,
        1000,
        "HUF",
    )
    assert (theirs.first_account, theirs.first_party) == (MAIN_ACCOUNT, "Bakony Acél Kft.")
    assert decide(bank, "HVE", "B1", order_id) == order_id
    assert before - bank.balance() == 1000
    assert listed(bank, "B1") == ()
    assert told(bank, order_id) == [
        "FILE_UPLOAD TS01",
        "ES_VERIFICATION DS01",
        "VEU_FORWARDING DS06",
        "ES_UPLOAD TS01",
        "VEU_VERIFICATION DS01",
        "VEU_VERIFICATION_END DS05",
        "ORDER_HAC_FINAL_POS",
    ]


def test_two_of_class_b_wait_for_one_of_class_a_or_e(bank):
    order_id = hand_in(bank, "B1")
    decide(bank, "HVE", "B2", order_id)
    (waiting,) = listed(bank, "ANNA")
    assert (waiting.done, waiting.required) == (2, 3)
    decide(bank, "HVE", "A1", order_id)
    assert listed(bank, "ANNA") == ()


def test_a_transport_user_sends_and_others_sign(bank):
    before = bank.balance()
    order_id = hand_in(bank, "T1")
    assert listed(bank, "T1") == ()
    (waiting,) = listed(bank, "ANNA")
    assert (waiting.done, waiting.required, waiting.signers) == (0, 1, ())
    with refused("090003"):
        decide(bank, "HVE", "T1", order_id)
    decide(bank, "HVE", "ANNA", order_id)
    assert before - bank.balance() == 1000


def test_a_rule_for_two_signatures_counts_for_orders_that_come_later_and_for_users_enrolled_later(bank):
    earlier = hand_in(bank, "A1")
    with bank.database.write() as connection:
        assert want_signatures(connection, 2, "SCT") == 1
        write_down(connection, Person(user_id="EVA"))
    order_id = hand_in(bank, "EVA")
    assert [(each.order_id, each.required) for each in listed(bank, "BELA")] == [(earlier, 2), (order_id, 2)]
    hand_in(bank, "EVA", service=PAYMENTS)
    assert len(listed(bank, "BELA")) == 2
    decide(bank, "HVE", "BELA", order_id)
    assert [each.order_id for each in listed(bank, "BELA")] == [earlier]


def test_a_class_may_differ_by_service_and_htd_tells_it(bank):
    with bank.database.write() as connection:
        write_down(connection, Person(user_id="ANNA", level="B", service="SCT"))
    bank.user = "ANNA"
    info = read_htd(bank.fetch(admin_type="HTD"), H005)
    levels = {each.service.name: each.level for each in info.user.permissions if each.admin_type == "BTU"}
    assert (levels["SCT"], levels["DCT"]) == ("B", "E")
    hand_in(bank, "ANNA", service=PAYMENTS)
    assert listed(bank, "BELA") == ()
    hand_in(bank, "ANNA")
    assert len(listed(bank, "BELA")) == 1


def test_the_same_order_is_not_taken_twice_while_it_waits_but_again_after_it_was_cancelled(bank):
    bank.user = "A1"
    upload = replace(bank.upload(order(payment("5")), service=TRANSFERS), request_eds=True)
    order_id = bank.desk.receive(upload, bank.fresh())
    with refused("091122"):
        bank.desk.receive(upload, bank.fresh())
    decide(bank, "HVS", "B1", order_id)
    assert listed(bank, "B1") == ()
    assert bank.desk.receive(upload, bank.fresh()) != order_id


# --- looks ------------------------------------------------------------------------------------------------------------


def test_filters_list_what_fits_one_of_them(bank):
    first, second = hand_in(bank, "A1"), hand_in(bank, "A1", service=PAYMENTS)
    both = [first, second]
    for filters, found in (
        ([], both),
        ([Service("SCT", "")], [first]),
        ([Service("", "pain.001")], both),
        ([Service("SCT", ""), Service("DCT", "")], both),
        ([Service("SCT", "", scope="DE")], []),
        ([Service("SDD", "")], []),
    ):
        assert [each.order_id for each in listed(bank, "B1", filters=filters)] == found


@pytest.mark.ebics(order_type=("HVD", "HVT"), version="H005", side="bank")
def test_the_state_and_the_payments_are_told_in_pages_and_the_bytes_as_they_came(bank):
    order_id = hand_in(bank, "A1", count=5)
    look = {"service": TRANSFERS, "partner_id": PARTNER, "order_id": order_id}
    state = eds.read_state(asked(bank, "HVD", "B1", **look), H005)
    assert "5 payments" in state.display.decode()
    assert state.data_available
    total, page = eds.read_payments(asked(bank, "HVT", "B1", limit=2, offset=3, **look), H005)
    assert (total, len(page)) == (5, 2)
    assert (page[0].amount, page[0].payer_account, page[0].payee) == (1000, MAIN_ACCOUNT, "Bakony Acél Kft.")
    assert len(eds.read_payments(asked(bank, "HVT", "B1", **look), H005)[1]) == 5
    with refused("091112"):
        asked(bank, "HVT", "B1", offset=5, **look)
    data = asked(bank, "HVT", "B1", complete=True, **look)
    assert state.digest == sha256(data).digest()


@needs_shared
def test_what_the_bank_tells_of_waiting_orders_follows_the_schema(bank):
    order_id = hand_in(bank, "A1", count=2)
    look = {"service": TRANSFERS, "partner_id": PARTNER, "order_id": order_id}
    for kind, params in (("HVU", {}), ("HVZ", {}), ("HVD", look), ("HVT", look)):
        assert schema_errors(asked(bank, kind, "B1", **params)) == []


def test_who_may_not_sign_sees_nothing_and_learns_nothing(bank):
    order_id = hand_in(bank, "A1")
    own = {"service": TRANSFERS, "partner_id": PARTNER, "order_id": order_id}
    for kind in ("HVD", "HVT"):
        with refused("091007"):
            asked(bank, kind, "T1", **own)
        with refused("091114"):
            asked(bank, kind, "B1", **{**own, "order_id": "Z999"})
        with refused("091114"):
            asked(bank, kind, "B1", **{**own, "service": Service("DCT", "pain.001")})
        with refused("091114"):
            asked(bank, kind, "B1", **{**own, "partner_id": "OTHER"})
    with refused("091114"):
        decide(bank, "HVE", "B1", "Z999")


# --- decisions --------------------------------------------------------------------------------------------------------


def test_nobody_signs_twice_and_the_protocol_says_who_tried(bank):
    order_id = hand_in(bank, "A1")
    with refused("091306"):
        decide(bank, "HVE", "A1", order_id)
    (waiting,) = listed(bank, "B1")
    assert waiting.done == 1
    assert "VEU_VERIFICATION DS26" in told(bank, order_id)


@pytest.mark.ebics(order_type="HVS", version="H005", side="bank")
def test_a_cancelled_order_is_never_carried_out(bank):
    before = bank.balance()
    order_id = hand_in(bank, "A1")
    decide(bank, "HVS", "B1", order_id)
    for kind in ("HVE", "HVS"):
        with refused("091115"):
            decide(bank, kind, "A2", order_id)
    assert bank.balance() == before
    assert told(bank, order_id)[-2:] == ["VEU_CANCEL_ORDER DS02", "ORDER_HAC_FINAL_NEG DS02"]


def test_an_order_that_waited_past_its_account_is_refused_when_it_is_carried_out(bank):
    bank.user = "A1"
    foreign = replace(order(payment("5")), debtor=replace(order().debtor, account="HU93116000060000000012345676"))
    order_id = bank.desk.receive(replace(bank.upload(foreign, service=TRANSFERS), request_eds=True), bank.fresh())
    decide(bank, "HVE", "B1", order_id)
    assert told(bank, order_id)[-1] == "ORDER_HAC_FINAL_NEG DS0H"


def test_a_user_of_another_customer_signs_with_a_mandate_and_not_without(bank):
    with bank.database.write() as connection:
        assert write_down(connection, Person(user_id="DORA", partner_id=AUDIT, level="B"))
        write_down(connection, Person(user_id="A1", partner_id=AUDIT, level="A"))
    order_id = hand_in(bank, "A1")
    (waiting,) = listed(bank, "DORA", partner=AUDIT)
    assert (waiting.originator.partner_id, waiting.ready) == (PARTNER, True)
    # A1 of the auditors is another person than A1 of the company, who has signed already.
    decide(bank, "HVE", "A1", order_id, partner=AUDIT)
    with refused("091115"):
        decide(bank, "HVE", "DORA", order_id, partner=AUDIT)
    assert told(bank, order_id)[-1] == "ORDER_HAC_FINAL_POS"


def test_what_the_clerk_writes_down_wrongly_changes_nothing(bank):
    for person in (
        Person(user_id="no good"),
        Person(user_id="EVA", level="X"),
        Person(user_id="EVA", level="A", service="XXX"),
        Person(user_id="EVA", partner_id="a b"),
    ):
        with bank.database.write() as connection, pytest.raises(ElectraError):
            write_down(connection, person)
    assert bank.desk.user(PARTNER, "EVA") is None


def test_a_waiting_order_is_there_after_the_bank_was_opened_anew(bank):
    order_id = hand_in(bank, "A1")
    bank.database.close()
    database = Database(bank.database.folder)
    again = Counter(database, BankDesk(database, clock))
    before = again.balance()
    decide(again, "HVE", "B1", order_id)
    assert before - again.balance() == 1000
    database.close()


def test_an_order_of_a_kind_only_this_bank_has_is_listed_in_every_version(bank):
    hand_in(bank, "A1")
    hand_in(bank, "A1", service=PAYMENTS)
    assert not eds.nameable(PAYMENTS, H004)
    for version in (H005, H004):
        request = DownloadRequest(partner_id=PARTNER, user_id="B1", admin_type="HVZ", eds=EdsParams(), version=version)
        orders = eds.read_waiting(bank.desk.deliver(request).data, version, with_profile(PROFILE))
        assert [each.service for each in orders] == [TRANSFERS, PAYMENTS]


def test_an_order_that_begins_to_wait_is_news_to_those_whose_signature_it_needs(bank):
    with bank.database.write() as connection:
        connection.execute(update(users).values(state="ready"))
        before = mark(connection)
    hand_in(bank, "A1")
    with bank.database.read() as connection:
        told = {user: news(connection, PARTNER, user, before) for user in ("A1", "B1", "T1")}
        later = mark(connection)
        assert news(connection, PARTNER, "B1", later) == []
    types = {user: rows[0].admin_types for user, rows in told.items()}
    assert types == {"A1": ("HAC",), "B1": ("HAC", "HVU"), "T1": ("HAC",)}


# --- any order of events ----------------------------------------------------------------------------------------------

USERS = {"ANNA": "E", "BELA": "E", "A1": "A", "A2": "A", "B1": "B", "B2": "B", "T1": "T"}
STEPS = st.lists(st.tuples(st.sampled_from(["HVE", "HVE", "HVE", "HVS"]), st.sampled_from(sorted(USERS))), max_size=7)


@settings(max_examples=40, deadline=None)
@given(sender=st.sampled_from(["A1", "B1", "T1"]), steps=STEPS, needed=st.integers(1, 3))
def test_any_steps_by_anybody_end_as_the_rule_says(sender: str, steps: Sequence[tuple[str, str]], needed: int):
    with TemporaryDirectory() as folder, bank_at(Path(folder)) as bank:
        people(bank, A1="A", A2="A", B1="B", B2="B", T1="T")
        with bank.database.write() as connection:
            want_signatures(connection, needed)
        before = bank.balance()
        order_id = hand_in(bank, sender)
        signed = [sender] if USERS[sender] != "T" else []
        state = "waiting"
        for kind, user in steps:
            if user == "T1":
                expected = "090003"
            elif state != "waiting":
                expected = "091115"
            elif kind == "HVE" and user in signed:
                expected = "091306"
            else:
                expected = ""
            if expected:
                with refused(expected):
                    decide(bank, kind, user, order_id)
                continue
            decide(bank, kind, user, order_id)
            signed += [user] if kind == "HVE" else []
            state = "cancelled" if kind == "HVS" else state
            if kind == "HVE" and authorised([USERS[each] for each in signed], needed):
                state = "done"
        assert before - bank.balance() == (1000 if state == "done" else 0)
        assert bool(listed(bank, "ANNA")) == (state == "waiting")
        final = [each for each in told(bank, order_id) if "FINAL" in each]
        assert (
            final == {"done": ["ORDER_HAC_FINAL_POS"], "cancelled": ["ORDER_HAC_FINAL_NEG DS02"], "waiting": []}[state]
        )


# --- the clerk's commands ---------------------------------------------------------------------------------------------


def test_the_clerk_s_commands_add_people_set_rules_and_tell_what_waits(bank):
    folder = ("--data", str(bank.database.folder))
    assert "enrolled; it signs as A" in bank_command("user", *folder, "--user", "CILI", "--class", "a").output
    assert "known; it signs as B" in bank_command("user", *folder, "--user", "CILI", "--class", "B").output
    assert "5 kinds of order now need 2 signatures" in bank_command("rule", *folder, "--signatures", "2").output
    bank_command("user", *folder, "--user", "DORA", "--partner", AUDIT)
    order_id = hand_in(bank, "CILI")
    told = bank_command("status", *folder).output
    assert "CILI (CILI, new, signs as B)" in told
    assert f"DORA (DORA, new, signs as E) of the customer {AUDIT}" in told
    assert next(line for line in told.splitlines() if order_id in line).endswith("waiting for signatures")
    for words in (("user", "--user", "EVA", "--class", "X"), ("rule", "--signatures", "2", "--service", "XXX")):
        done = bank_command(words[0], *folder, *words[1:])
        assert done.exit_code == 1
        assert "Choose" in done.stderr
