"""What the clerk of the sandbox bank decides: who is locked and begins anew, who may do what, and up to which amount."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from electra_kernel.bank.entitlement import Limit, lift_limits, set_accounts, set_limit
from electra_kernel.bank.information import STATUS, document
from electra_kernel.bank.people import give_back, lock, reset, withdraw
from electra_kernel.bank.seed import EURO_ACCOUNT, MAIN_ACCOUNT, PARTNER, grant
from electra_kernel.ebics.desk import KeyUse, UserState
from electra_kernel.ebics.info import read_htd
from electra_kernel.ebics.keys import bare, fingerprint
from electra_kernel.ebics.signature import order_digest
from electra_kernel.ebics.version import H004, H005
from electra_kernel.formats import pain001
from tests.bank_house import Counter, bank_at, order, payment
from tests.bank_process import bank_command
from tests.ebics_house import certificate
from tests.test_bank_eds import TRANSFERS, asked, decide, hand_in, listed, people, refused, told

ANNA, BELA = (PARTNER, "ANNA"), (PARTNER, "BELA")
KEYS = {use: certificate(f"clerk-{use.value}", use) for use in KeyUse}


@pytest.fixture
def bank(tmp_path):
    with bank_at(tmp_path) as counter:
        yield counter


def sure(bank: Counter, change, *arguments):
    with bank.database.write() as connection:
        return change(connection, *arguments)


def htd(bank: Counter, user: str, version=H005):
    bank.user = user
    with bank.database.read() as connection:
        return read_htd(document(connection, "HTD", PARTNER, user, version), version).user


# --- locked and reset -------------------------------------------------------------------------------------------------


def test_who_gave_up_begins_anew_at_once_and_who_was_locked_only_after_a_reset(bank):
    bank.desk.keep_certificates(*ANNA, KEYS)
    bank.desk.suspend(*ANNA)
    assert bank.desk.user(*ANNA).state is UserState.SUSPENDED
    bank.desk.keep_certificates(*ANNA, KEYS)
    assert bank.desk.user(*ANNA).state is UserState.INITIALISED
    sure(bank, lock, ANNA)
    with refused("091002"):
        bank.desk.keep_certificates(*ANNA, KEYS)
    assert bank.desk.user(*ANNA).certificates  # the bank still knows who knocks, and says no
    sure(bank, reset, ANNA)
    assert (bank.desk.user(*ANNA).state, bank.desk.user(*ANNA).certificates) == (UserState.NEW, {})
    bank.desk.keep_certificates(*ANNA, KEYS)


def test_every_state_has_a_number_of_its_own_and_ready_is_1(bank):
    assert set(STATUS) == {state.value for state in UserState}
    assert len(set(STATUS.values())) == len(STATUS)
    assert htd(bank, "ANNA").status == STATUS["new"] == 0
    sure(bank, lock, ANNA)
    assert [htd(bank, "ANNA", version).status for version in (H005, H004)] == [STATUS["locked"]] * 2


def test_the_clerk_locks_and_resets_and_says_what_comes_next(bank):
    data = ("--data", str(bank.database.folder), "--user", "ANNA")
    assert "electra bank reset" in bank_command("lock", *data).stdout
    assert "ANNA (Anna Kovács, locked" in bank_command("status", *data[:2]).stdout
    assert "cannot be activated" in bank_command("activate", *data).stderr
    assert "INI and HIA" in bank_command("reset", *data).stdout
    nobody = bank_command("lock", *data[:2], "--user", "NOBODY")
    assert (nobody.exit_code, "There is no user NOBODY" in nobody.stderr) == (1, True)


# --- letters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [lambda der: der, bare], ids=["certificate", "exponent and modulus"])
def test_a_letter_of_either_version_activates_whatever_form_the_keys_came_in(bank, form):
    bank.desk.keep_certificates(*ANNA, KEYS)
    given = [word for der in KEYS.values() for word in ("--hash", fingerprint(form(der)).lower())]
    done = bank_command("activate", "--data", str(bank.database.folder), "--user", "ANNA", *given)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.count("✓ as in the letter") == len(KEYS)
    assert bank.desk.user(*ANNA).state is UserState.READY


def test_a_key_that_came_without_a_certificate_has_one_hash(bank):
    bank.desk.keep_certificates(*ANNA, {use: bare(der) for use, der in KEYS.items()})
    data = ("--data", str(bank.database.folder), "--user", "ANNA")
    wrong = bank_command("activate", *data, "--hash", fingerprint(KEYS[KeyUse.SIGNATURE]))
    assert (wrong.exit_code, "belongs to none" in wrong.stderr) == (1, True)
    right = bank_command("activate", *data, "--hash", fingerprint(bare(KEYS[KeyUse.SIGNATURE])))
    assert (right.exit_code, "certificate" in right.stdout) == (0, False)


# --- rights -----------------------------------------------------------------------------------------------------------


def test_a_right_that_was_taken_is_refused_as_missing_until_it_is_given_back(bank):
    for user in (ANNA, BELA):
        sure(bank, withdraw, user, "SCT")
    with refused("090003"):
        bank.desk.may(*ANNA, "BTU", TRANSFERS)
    sure(bank, grant, *ANNA)  # as at the next start
    with refused("090003"):
        bank.desk.may(*ANNA, "BTU", TRANSFERS)
    assert TRANSFERS not in {each.service for each in htd(bank, "ANNA").permissions}
    sure(bank, give_back, ANNA, "SCT")
    bank.desk.may(*ANNA, "BTU", TRANSFERS)
    sure(bank, withdraw, ANNA, "HAC")
    with refused("090003"):
        bank.desk.may(*ANNA, "HAC", None)


def test_a_signer_without_the_right_authorises_nothing(bank):
    sure(bank, withdraw, BELA, "SCT")
    with refused("090003"):
        hand_in(bank, "ANNA", "BELA", eds_wanted=False)


# --- accounts and amounts ---------------------------------------------------------------------------------------------


def test_an_account_that_a_user_may_not_use_is_refused_and_told(bank):
    sure(bank, set_accounts, ANNA, [EURO_ACCOUNT])
    with refused("091302"):
        bank.send(order(payment("100")))
    assert told_last(bank) == ["FILE_UPLOAD TS01", "ES_VERIFICATION DS0H", "ORDER_HAC_FINAL_NEG DS0H"]
    bank.send(order(payment("100", currency="EUR"), account=EURO_ACCOUNT), service=TRANSFERS)
    sure(bank, set_accounts, ANNA, [])
    bank.send(order(payment("100")))


def told_last(bank: Counter) -> list[str]:
    rows = bank.protocol()
    return [f"{row.action} {row.reason}".strip() for row in rows if row.order_id == rows[-1].order_id]


def test_an_order_above_the_limit_is_refused_and_one_at_the_limit_taken(bank):
    sure(bank, set_limit, ANNA, Limit("HUF", Decimal(1000)))
    with refused("091303"):
        bank.send(order(payment("999"), payment("1.50")))
    assert told_last(bank)[1] == "ES_VERIFICATION AM21"
    bank.send(order(payment("999"), payment("1")))
    sure(bank, set_limit, ANNA, Limit("HUF", Decimal(5000), "DCT"))
    bank.send(order(payment("4000")))
    with refused("091303"):
        bank.send(order(payment("4001")), service=TRANSFERS)
    sure(bank, lift_limits, ANNA)
    bank.send(order(payment("4001")), service=TRANSFERS)


def test_an_order_above_the_sender_s_limit_waits_for_somebody_who_may(bank):
    people(bank, C1="E")
    for user in (ANNA, BELA):
        sure(bank, set_limit, user, Limit("HUF", Decimal(500)))
    order_id = hand_in(bank, "ANNA")
    assert listed(bank, "BELA") == ()
    with refused("091303"):
        decide(bank, "HVE", "BELA", order_id)
    with refused("091007"):
        asked(bank, "HVD", "BELA", service=TRANSFERS, order_id=order_id, partner_id=PARTNER)
    assert [each.order_id for each in listed(bank, "C1")] == [order_id]
    decide(bank, "HVE", "C1", order_id)
    assert told(bank, order_id)[-1] == "ORDER_HAC_FINAL_POS"


def test_htd_tells_accounts_and_limits_in_both_versions(bank):
    sure(bank, set_accounts, ANNA, [MAIN_ACCOUNT])
    sure(bank, set_limit, ANNA, Limit("HUF", Decimal("1000.50"), "SCT"))
    for version in (H005, H004):
        transfers = [each for each in htd(bank, "ANNA", version).permissions if each.service == TRANSFERS]
        assert [(each.account_id != "", each.limit, each.currency) for each in transfers] == [
            (True, Decimal("1000.50"), "HUF")
        ]
        others = {each.limit for each in htd(bank, "BELA", version).permissions}
        assert others == {None}


def test_sums_no_bank_can_book_are_compared_all_the_same(bank):
    sure(bank, set_limit, ANNA, Limit("HUF", Decimal(1000)))
    with refused("091303"):
        bank.send(order(*[payment("999999999999.99")] * 200))


def test_the_clerk_s_commands_refuse_what_is_none(bank):
    data = ("--data", str(bank.database.folder), "--user", "BELA")
    for command, words in (
        (("right", *data, "--withdraw", "XYZ"), "is no order type or service"),
        (("limit", *data, "--amount", "1.234"), "1.234"),
        (("limit", *data, "--amount", "5", "--currency", "QQQ"), "QQQ"),
        (("accounts", *data, "--account", "HU42"), "HU42"),
        (("accounts", *data, "--account", "DE89 3704 0044 0532 0130 00"), "No customer has the account"),
    ):
        done = bank_command(*command)
        assert (done.exit_code, words in done.stderr) == (1, True), (command, done.stderr)
    for command, words in (
        (("limit", *data, "--amount", "500000"), "up to 500 000.00 HUF"),
        (("limit", *data, "--none"), "any amount"),
        (("accounts", *data, "--account", MAIN_ACCOUNT), "BELA uses HU"),
        (("accounts", *data, "--all"), "all accounts"),
        (("right", *data, "--withdraw", "sct"), "no longer the right to SCT"),
        (("right", *data, "--give", "SCT"), "the right to SCT"),
    ):
        done = bank_command(*command)
        assert (done.exit_code, words in done.stdout) == (0, True), (command, done.output)


# --- the same order twice ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["raw", "stripped"])
def test_one_order_with_other_line_ends_and_another_hash_is_the_same_order(bank, first):
    data = pain001.write(order(payment("100"))).replace(b"><", b">\r\n<")
    other = data.replace(b"\r\n", b"\n")
    upload = bank.upload(data=data)
    assert upload.digest != order_digest(data)  # the hash of all bytes, as some clients make it
    stripped = replace(upload, data=other, digest=order_digest(other))
    one, two = (upload, stripped) if first == "raw" else (stripped, upload)
    bank.desk.receive(one, bank.fresh())
    assert bank.desk.order_known(PARTNER, order_digest(data))
    with refused("091122"):
        bank.desk.receive(two, bank.fresh())


# --- a folder of an older version ------------------------------------------------------------------------------------


def test_the_folder_of_an_older_version_is_brought_up_to_date_by_whichever_command_comes_first(tmp_path):
    with bank_at(tmp_path) as bank, bank.database.write() as connection:
        for table in ("notification_tokens", "withdrawn", "limits"):
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
    done = bank_command("right", "--data", str(bank.database.folder), "--user", "ANNA", "--withdraw", "HAC")
    assert (done.exit_code, done.output) == (0, "ANNA has no longer the right to HAC.\n")
    done = bank_command("limit", "--data", str(bank.database.folder), "--user", "ANNA", "--amount", "10")
    assert done.exit_code == 0, done.output
