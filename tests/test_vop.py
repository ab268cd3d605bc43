"""Verification of payee for files: names are compared, the result is told, and the order waits for yes or no."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel.bank.payees import Match, compare
from electra_kernel.bank.seed import PARTNER, PAYEES, SLOW_PAYEES, want_signatures
from electra_kernel.ebics import eds
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.desk import Decision, DeskRefusal, DownloadRequest
from electra_kernel.ebics.edsparams import EdsParams
from electra_kernel.ebics.info import read_haa, read_htd
from electra_kernel.ebics.version import H004, H005
from electra_kernel.formats import pain002
from electra_kernel.orders.model import Order
from electra_kernel.orders.status import PaymentStatus, StatusReason, StatusReport, TransactionStatus
from tests.bank_house import SUPPLIER, Counter, bank_at, order, payment, unzip

CHECKED, INSTANT = Service("SCT", "pain.001", option="VOI"), Service("SCI", "pain.001", option="VOI")
RESULTS = Service("REP", "pain.002", option="VOP", container="ZIP")
PRINTER, HELD, _ = PAYEES[0]
(SLOW,) = SLOW_PAYEES


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "held", "found"),
    [
        ("Kék Duna Nyomda Kft.", "Kék Duna Nyomda Kft.", Match.MATCH),
        ("KEK DUNA NYOMDA", "Kék Duna Nyomda Kft.", Match.MATCH),
        ("Katalin Szabó", "Dr. Szabó Katalin", Match.MATCH),
        ("Mueller Maschinenbau", "Müller Maschinenbau GmbH", Match.CLOSE),
        ("Kék Duna Nyomda Zrt.", "Kék Duna Nyomda Kft.", Match.CLOSE),
        ("Kék Duna Nyomda Kft.", "Kék Duna Nyomdaipari Zrt.", Match.CLOSE),
        ("K. Szabó", "Dr. Szabó Katalin", Match.CLOSE),
        ("Kék Duna", "Kék Duna Nyomda Kft.", Match.CLOSE),
        ("Szabó", "Dr. Szabó Katalin", Match.NONE),
        ("Kft.", "Kék Duna Nyomda Kft.", Match.NONE),
        ("Tisza Gép Kft.", "Kék Duna Nyomda Kft.", Match.NONE),
        ("...", "Kék Duna Nyomda Kft.", Match.NONE),
    ],
)
def test_names_match_closely_match_or_do_not(asked: str, held: str, found: Match) -> None:
    assert compare(asked, held) is found


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_name_never_fails_to_be_compared_and_matches_itself_where_it_has_a_word(asked: str, held: str) -> None:
    assert compare(asked, held) in (Match.MATCH, Match.CLOSE, Match.NONE)
    assert compare(held, held) in (Match.MATCH, Match.NONE)
    assert compare(f"Kovács {held}", f"Kovács {held}") is Match.MATCH


_words = st.text("abcÁéőŰ .,<>&'", min_size=1, max_size=140).filter(lambda text: text.split())


@given(st.lists(st.tuples(st.sampled_from(list(Match)), _words), min_size=1, max_size=6))
def test_a_report_of_checked_names_is_read_as_it_was_written(rows: list[tuple[Match, str]]) -> None:
    report = StatusReport(
        message_id="VOP-1",
        created=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        original_message_id="MSG-1",
        original_format="pain.001.001.09",
        group_status="RVCM",
        payments=(PaymentStatus(payment_id="PMT-1", status="RVCM"),),
        transactions=tuple(
            TransactionStatus(
                payment_id="PMT-1",
                status=found.value,
                end_to_end_id=f"E2E-{number}",
                reasons=(StatusReason(text=" ".join(name.split())),) if found is Match.CLOSE else (),
            )
            for number, (found, name) in enumerate(rows)
        ),
    )
    reading = pain002.read(pain002.write(report), "report")
    assert reading.problems == ()
    assert reading.reports == (report,)


# --- the bank ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Counter]:
    with bank_at(tmp_path) as counter:
        yield counter


def four() -> Order:
    """A match, a close match, no match, and an account of which nothing is known."""
    return order(
        payment("100", PRINTER, name="kék duna nyomda"),
        payment("200", PRINTER, name="Kék Duna Nyomda Zrt."),
        payment("300", PRINTER, name="Somebody Else Ltd."),
        payment("400", SUPPLIER, name="Whoever Kft."),
    )


def decide(bank: Counter, kind: str, user: str, order_id: str) -> str:
    """What the engine does with HVE and HVS once the signature is proved."""
    params = EdsParams(partner_id=PARTNER, order_id=order_id)
    digest, _ = bank.desk.waiting_digests(PARTNER, user, CHECKED, params)
    return bank.desk.decide(
        Decision(partner_id=PARTNER, user_id=user, admin_type=kind, service=CHECKED, eds=params, digest=digest)
    )


def results(bank: Counter) -> list[StatusReport]:
    return [one for data in unzip(bank.fetch(RESULTS)) for one in pain002.read(data, "r").reports]


def waiting(bank: Counter, version=H005) -> tuple[eds.WaitingOrder, ...]:
    request = DownloadRequest(partner_id=PARTNER, user_id=bank.user, admin_type="HVU", eds=EdsParams(), version=version)
    try:
        return eds.read_waiting(bank.desk.deliver(request).data, version)
    except DeskRefusal as refusal:
        if refusal.code != "090005":
            raise
        return ()


def told(bank: Counter, order_id: str) -> list[str]:
    return [f"{event.action} {event.reason}".strip() for event in bank.protocol() if event.order_id == order_id]


@pytest.mark.parametrize("service", [CHECKED, INSTANT])
def test_names_are_checked_before_anything_is_paid_and_only_a_close_match_tells_the_held_name(bank, service) -> None:
    before, sent = bank.balance(), four()
    assert results(bank) == []
    bank.send(sent, service=service)
    assert bank.balance() == before
    (report,) = results(bank)
    assert (report.original_message_id, report.group_status) == (sent.message_id, "RVCM")
    assert [(row.status, *(reason.text for reason in row.reasons)) for row in report.transactions] == [
        ("RCVC",),
        ("RVMC", HELD),
        ("RVNM",),
        ("RVNA",),
    ]
    assert [row.end_to_end_id for row in report.transactions] == [each.end_to_end_id for each in sent.transactions]
    assert bank.reports() == []
    assert results(bank) == []


def test_an_order_whose_names_all_match_waits_for_its_release_too(bank) -> None:
    before = bank.balance()
    order_id = bank.send(order(payment("100", PRINTER, name=HELD)), service=CHECKED)
    (report,) = results(bank)
    assert (report.group_status, [row.status for row in report.payments]) == ("RCVC", ["RCVC"])
    assert (bank.balance(), [each.order_id for each in waiting(bank)]) == (before, [order_id])


def test_the_sender_releases_the_order_and_it_is_paid_as_always(bank) -> None:
    before, sent = bank.balance(), four()
    order_id = bank.send(sent, service=CHECKED)
    (listed,) = waiting(bank)
    assert (listed.service.option, listed.ready, listed.done, listed.required) == ("VOI", True, 0, 1)
    decide(bank, "HVE", "ANNA", order_id)
    assert before - bank.balance() == 1000
    with bank.database.read() as connection:
        booked = connection.exec_driver_sql(
            "SELECT count(*) FROM bookings WHERE text LIKE ?", (f"%{sent.message_id}%",)
        )
        assert booked.scalar() == 1
    assert [report.group_status for report in bank.reports()] == ["ACCP", "ACSC"]
    assert told(bank, order_id) == [
        "FILE_UPLOAD TS01",
        "ES_VERIFICATION DS01",
        "ADDITIONAL TS04",
        "VEU_FORWARDING DS06",
        "ES_UPLOAD TS01",
        "VEU_VERIFICATION DS01",
        "VEU_VERIFICATION_END DS05",
        "ORDER_HAC_FINAL_POS",
    ]


def test_a_cancelled_order_is_never_paid_and_may_come_again(bank) -> None:
    before, sent = bank.balance(), four()
    order_id = bank.send(sent, service=CHECKED)
    decide(bank, "HVS", "ANNA", order_id)
    with pytest.raises(DeskRefusal, match="091115"):
        decide(bank, "HVE", "ANNA", order_id)
    assert bank.balance() == before
    bank.move(3)
    assert told(bank, order_id)[-2:] == ["VEU_CANCEL_ORDER DS02", "ORDER_HAC_FINAL_NEG DS02"]
    assert [report for report in bank.reports() if report.original_message_id == sent.message_id] == []
    with bank.database.read() as connection:
        booked = connection.exec_driver_sql(
            "SELECT count(*) FROM bookings WHERE text LIKE ?", (f"%{sent.message_id}%",)
        )
        assert booked.scalar() == 0
    assert bank.send(sent, service=CHECKED) != order_id


def test_a_result_that_takes_a_day_is_told_as_open_and_then_as_a_whole_and_nothing_is_released_before(bank) -> None:
    order_id = bank.send(
        order(payment("100", PRINTER, name=HELD), payment("5", SLOW, name="Lassu Posta")), service=CHECKED
    )
    (report,) = results(bank)
    assert (report.group_status, [row.status for row in report.transactions]) == ("RVNC", ["RCVC", "PDNG"])
    with pytest.raises(DeskRefusal, match="090006"):
        decide(bank, "HVE", "ANNA", order_id)
    bank.move()
    (report,) = results(bank)
    assert (report.group_status, [row.status for row in report.transactions]) == ("RCVC", ["RCVC", "RCVC"])
    assert told(bank, order_id).count("ADDITIONAL TS04") == 2
    before = bank.balance()
    decide(bank, "HVE", "ANNA", order_id)
    assert before - bank.balance() == 105
    assert results(bank) == []


def test_an_order_given_up_before_its_result_is_complete_gets_no_second_report(bank) -> None:
    order_id = bank.send(order(payment("5", SLOW, name="Lassú Posta Kft.")), service=CHECKED)
    assert len(results(bank)) == 1
    decide(bank, "HVS", "ANNA", order_id)
    bank.move()
    assert results(bank) == []


def test_where_two_must_sign_both_sign_after_the_result(bank) -> None:
    with bank.database.write() as connection:
        want_signatures(connection, 2, "SCT")
    before, order_id = bank.balance(), bank.send(four(), service=CHECKED)
    decide(bank, "HVE", "ANNA", order_id)
    assert bank.balance() == before
    with pytest.raises(DeskRefusal, match="091306"):
        decide(bank, "HVE", "ANNA", order_id)
    decide(bank, "HVE", "BELA", order_id)
    assert before - bank.balance() == 1000


def test_every_user_of_the_customer_gets_the_report_once(bank) -> None:
    bank.send(four(), service=CHECKED)
    assert len(results(bank)) == 1
    bank.user = "BELA"
    assert len(results(bank)) == 1
    assert results(bank) == []


def test_without_the_option_nothing_is_checked_and_nothing_waits(bank) -> None:
    before = bank.balance()
    bank.send(four(), service=replace(CHECKED, option=""))
    assert before - bank.balance() == 1000
    assert (results(bank), waiting(bank)) == ([], ())


def test_a_file_that_cannot_be_read_is_refused_before_its_names_are_checked(bank) -> None:
    with pytest.raises(DeskRefusal, match="090004"):
        bank.send(data=b"<Document/>", service=CHECKED)
    assert results(bank) == []


@pytest.mark.parametrize(
    ("admin_type", "service"),
    [
        ("BTU", Service("XCT", "pain.001", option="VOI")),
        ("BTU", Service("SCT", "pain.001", option="VOP")),
        ("BTD", Service("REP", "pain.002", option="VOP")),
        ("BTD", Service("PSR", "pain.002", option="VOP", container="ZIP")),
    ],
)
def test_names_are_checked_only_where_the_bank_offers_it(bank, admin_type: str, service: Service) -> None:
    with pytest.raises(DeskRefusal, match="091005"):
        bank.desk.may(PARTNER, "ANNA", admin_type, service)


def test_both_versions_tell_the_right_and_what_is_new(bank) -> None:
    bank.send(four(), service=CHECKED)
    for version in (H005, H004):
        request = DownloadRequest(partner_id=PARTNER, user_id="ANNA", admin_type="HTD", version=version)
        told = read_htd(bank.desk.deliver(request).data, version)
        services = {(each.service.name, each.service.option) for each in told.user.permissions if each.service}
        assert services >= {("SCT", "VOI"), ("SCI", "VOI"), ("REP", "VOP")}
        request = replace(request, admin_type="HAA")
        new = read_haa(bank.desk.deliver(request).data, version)
        assert [(each.name, each.option) for each in new if each.message == "pain.002"] == [("REP", "VOP")]
        assert [each.service.option for each in waiting(bank, version)] == ["VOI"]
