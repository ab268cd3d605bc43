"""What the sandbox bank does with orders: reception, execution, refusals, reports."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, event, select, update

from electra_kernel.bank import orderdata
from electra_kernel.bank.database import order_pieces, orders
from electra_kernel.bank.seed import EURO_ACCOUNT, MAIN_ACCOUNT, TROUBLE
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.desk import DeskRefusal
from electra_kernel.formats import pain001
from tests.bank_house import CLOSED, START, bank_at, later, order, payment


@pytest.fixture
def bank(tmp_path):
    with bank_at(tmp_path) as counter:
        counter.protocol()
        yield counter
        assert set(counter.totals().values()) == {Decimal(0)}


def _statuses(bank):
    return [report.group_status for report in bank.reports()]


def _reasons(bank):
    return {
        reason.code
        for report in bank.reports()
        for status in (report, *report.transactions)
        for reason in status.reasons
    }


def test_an_order_for_today_is_accepted_and_executed_at_once(bank):
    before = bank.balance()
    order_id = bank.send(order(payment("1000"), payment("250.50")))
    assert bank.balance() == before - Decimal("1250.50")
    events = bank.protocol()
    assert [(event.action, event.reason) for event in events] == [
        ("FILE_UPLOAD", "TS01"),
        ("ES_VERIFICATION", "DS01"),
        ("ORDER_HAC_FINAL_POS", ""),
    ]
    assert {event.order_id for event in events} == {order_id}
    assert _statuses(bank) == ["ACCP", "ACSC"]


def test_the_final_report_names_every_transaction(bank):
    sent = order(payment("10"), payment("20", CLOSED), payment("30"))
    bank.send(sent)
    reception, final = bank.reports()
    assert reception.transactions == ()
    assert [(row.end_to_end_id, row.status) for row in final.transactions] == [
        (transaction.end_to_end_id, status)
        for transaction, status in zip(sent.transactions, ("ACSC", "RJCT", "ACSC"), strict=True)
    ]
    assert (final.group_status, final.original_message_id) == ("PART", sent.message_id)
    assert final.transactions[1].reasons[0].code == "AC04"


@pytest.mark.parametrize(("account", "code"), [(row[0], row[3]) for row in TROUBLE if row[2] == "HUF"])
def test_payments_to_the_accounts_of_trouble_always_fail(bank, account, code):
    before = bank.balance()
    bank.send(order(payment("10", account)))
    assert bank.balance() == before
    assert _reasons(bank) == {code}


def test_the_status_report_speaks_the_version_of_the_order(bank):
    bank.send(data=pain001.write(order(payment("10")), version="pain.001.001.03"))
    assert b"pain.002.001.03" in bank.fetch(Service("PSR", "pain.002"))


def test_money_that_is_not_there_is_not_paid(bank):
    before = bank.balance()
    bank.send(order(payment("1"), payment(str(before)), batch=True))
    assert bank.balance() == before
    assert _reasons(bank) == {"AM04"}


def test_single_bookings_are_paid_as_far_as_the_money_goes(bank):
    before = bank.balance()
    bank.send(order(payment("1"), payment(str(before)), payment("2"), batch=False))
    assert bank.balance() == before - 3
    assert _statuses(bank)[-1] == "PART"


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (order(payment("10"), account="DE89370400440532013000"), "AC01"),
        (order(payment("10", currency="EUR")), "AM03"),
        (order(payment("10", "HU00117730161111101800000000")), "AC03"),
        (order(payment("10", EURO_ACCOUNT)), "AM03"),
        (later(order(payment("10")), -16), "DT01"),
        (later(order(payment("10")), 366), "DT01"),
    ],
    ids=["foreign debtor", "wrong currency", "no account", "creditor in another currency", "too late", "too early"],
)
def test_orders_that_cannot_be_paid_are_rejected_with_the_reason(bank, made, code):
    before = bank.balance(), bank.balance(EURO_ACCOUNT)
    bank.send(made)
    reports = bank.reports()
    assert reports[-1].group_status == "RJCT"
    assert {reason.code for row in reports[-1].transactions for reason in row.reasons} == {code}
    assert (bank.balance(), bank.balance(EURO_ACCOUNT)) == before


def test_an_order_from_an_account_of_somebody_else_ends_badly_in_the_protocol(bank):
    bank.send(order(payment("10"), account="DE89370400440532013000"))
    last = bank.protocol()[-1]
    assert (last.action, last.reason) == ("ORDER_HAC_FINAL_NEG", "DS0H")


def test_an_order_that_is_a_little_late_is_paid_today(bank):
    before = bank.balance()
    bank.send(later(order(payment("10")), -3))
    assert bank.balance() == before - 10


def test_an_order_for_a_saturday_is_paid_on_the_next_business_day(bank):
    before = bank.balance()
    bank.send(order(payment("123456"), day=date(2026, 3, 7)))
    assert _statuses(bank) == ["ACCP"]
    bank.move(4)
    assert bank.today() == date(2026, 3, 6)
    assert _statuses(bank) == []
    days = bank.move(1)
    assert [day.executed for day in days] == [0, 0, 1]
    assert _statuses(bank) == ["ACSC"]
    booked = [entry for one in bank.statements(start=START, end=bank.today()) for entry in one.entries]
    assert all(entry.amount != -123456 for entry in booked), "it is on the statement of a day that is not closed yet"
    bank.move(1)
    monday = [
        one for one in bank.statements(start=date(2026, 3, 9), end=date(2026, 3, 9)) if one.account == MAIN_ACCOUNT
    ]
    assert [entry.amount for entry in monday[0].entries if entry.amount < 0][:1] == [Decimal(-123456)]
    assert bank.balance() != before


def test_a_payment_between_the_companys_own_accounts_is_booked_on_both(tmp_path, bank):
    before = bank.balance()
    bank.send(order(payment("500", MAIN_ACCOUNT)))
    assert bank.balance() == before
    bank.move()
    today = next(one for one in bank.statements(start=START, end=START) if one.account == MAIN_ACCOUNT)
    assert {Decimal(-500), Decimal(500)} <= {entry.amount for entry in today.entries}


@pytest.mark.parametrize(("batch", "amounts"), [(True, [-60]), (None, [-60]), (False, [-10, -20, -30])])
def test_batch_booking_is_honoured(bank, batch, amounts):
    sent = order(payment("10"), payment("20"), payment("30"), batch=batch)
    bank.send(sent)
    bank.move()
    today = next(one for one in bank.statements(start=START, end=START) if one.account == MAIN_ACCOUNT)
    mine = [entry for entry in today.entries if entry.entry_reference == sent.payment_id]
    assert [entry.amount for entry in mine] == amounts
    details = [detail for entry in mine for detail in entry.details]
    assert [detail.end_to_end_id for detail in details] == [each.end_to_end_id for each in sent.transactions]
    assert [detail.counterparty.name for detail in details] == ["Bakony Acél Kft."] * 3


def test_the_same_message_id_is_not_paid_twice(bank):
    first = order(payment("10"))
    bank.send(first)
    before = bank.balance()
    bank.send(data=pain001.write(first).replace(b"</Document>", b" </Document>"))
    assert bank.balance() == before
    assert _statuses(bank)[-1] == "RJCT"


def test_the_same_bytes_are_refused_as_known(bank):
    sent = order(payment("10"))
    bank.send(sent)
    assert bank.desk.order_known("ELECTRA01", bank.upload(sent).digest)
    with pytest.raises(DeskRefusal, match="091122"):
        bank.send(sent)


def test_the_same_transaction_handed_in_again_is_the_same_order(bank):
    upload, transaction = bank.upload(order(payment("10"))), bank.fresh()
    first = bank.desk.receive(upload, transaction)
    before = bank.balance()
    assert bank.desk.receive(upload, transaction) == first
    assert bank.balance() == before


def test_bytes_that_are_no_order_are_refused_and_the_protocol_says_so(bank):
    with pytest.raises(DeskRefusal, match="090004"):
        bank.send(data=b"<not-a-payment/>")
    assert [(event.action, event.reason) for event in bank.protocol()][-1] == ("ORDER_HAC_FINAL_NEG", "TD03")
    with pytest.raises(DeskRefusal, match="090004"):
        bank.send(data=b"<not-a-payment/>")


def test_a_file_that_contradicts_itself_is_rejected_as_a_whole(bank):
    before = bank.balance()
    data = pain001.write(order(payment("10"), payment("20"))).replace(b"<CtrlSum>30", b"<CtrlSum>31")
    bank.send(data=data)
    assert bank.balance() == before
    assert bank.protocol()[-1].action == "ORDER_HAC_FINAL_NEG"
    report = bank.reports()[-1]
    assert (report.group_status, report.reasons[0].code) == ("RJCT", "AM10")


def test_an_order_without_a_signature_of_somebody_who_may_sign_is_refused(bank):
    before = bank.balance()
    upload = replace(bank.upload(order(payment("10"))), signers=())
    with pytest.raises(DeskRefusal, match="090003"):
        bank.desk.receive(upload, bank.fresh())
    assert bank.balance() == before
    assert [event.reason for event in bank.protocol()] == ["TS01", "DS0A", "DS0A"]
    assert bank.desk.receive(bank.upload(order(payment("10"))), bank.fresh())


def test_an_order_authorised_on_paper_is_marked_so_in_the_protocol(bank):
    bank.send(order(payment("10")), flag=False)
    assert bank.protocol()[0].reason == "TS04"
    assert _statuses(bank)[-1] == "ACSC"


@pytest.mark.parametrize("what", ["name", "bic", "remittance", "message id", "payment id", "end to end id"])
def test_an_order_that_could_not_be_told_again_is_refused_and_the_day_still_closes(bank, what):
    made = order(payment("10"))
    only = made.transactions[0]
    old, new = {
        "name": (only.counterparty.name, "N" * 141),
        "bic": ("<Cdtr>", f"<CdtrAgt><FinInstnId><BICFI>{'B' * 40}</BICFI></FinInstnId></CdtrAgt><Cdtr>"),
        "remittance": (only.remittance, "R" * 300),
        "message id": (made.message_id, "M" * 36),
        "payment id": (made.payment_id, "P" * 36),
        "end to end id": (only.end_to_end_id, "E" * 36),
    }[what]
    with pytest.raises(DeskRefusal, match="090004"):
        bank.send(data=pain001.write(made).replace(old.encode(), new.encode()))
    assert bank.protocol()[-1].action == "ORDER_HAC_FINAL_NEG"
    assert bank.move()[0].entries is not None


def test_orders_that_arrive_at_the_same_moment_are_each_booked_once(bank):
    before = bank.balance()
    uploads = [bank.upload(order(payment("3"))) for _ in range(24)]
    # Every order is handed in twice, under two transactions: one of the two must be refused as known.
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda upload: _taken(bank, upload), [*uploads, *uploads]))
    assert sum(taken) == 24
    assert bank.balance() == before - 72


def _taken(bank, upload):
    try:
        return bool(bank.desk.receive(upload, bank.fresh()))
    except DeskRefusal as refusal:
        if refusal.code != "091122":
            raise
        return False


def test_a_large_order_is_kept_in_pieces_and_told_whole_and_one_of_an_older_bank_too(bank):
    filler = b"<!--%s-->" % (b"x" * 700_000)
    sent = pain001.write(order(payment("1000"))).replace(b"</Document>", filler + b"</Document>")
    before = bank.balance()
    order_id = bank.send(data=sent)
    assert bank.balance() == before - 1000
    query = select(orders.c.id, orderdata.SIZE).where(orders.c.order_id == order_id)
    with bank.database.write() as connection:
        key, size = connection.execute(query).one()
        assert size == len(sent)
        kept = connection.scalars(select(order_pieces.c.piece).where(order_pieces.c.order == key)).all()
        assert len(kept) == 3
        assert connection.scalar(select(orders.c.data).where(orders.c.id == key)) == b""
        assert orderdata.read(connection, key) == sent
        # As versions before kept it.
        connection.execute(delete(order_pieces).where(order_pieces.c.order == key))
        connection.execute(update(orders).where(orders.c.id == key).values(data=sent))
        assert connection.execute(query).one() == (key, len(sent))
        assert orderdata.read(connection, key) == sent


def test_looking_at_orders_never_loads_what_is_in_them(bank):
    sent = order(payment("10"))
    bank.send(replace(sent, execution_date=bank.today() + timedelta(days=7)))
    bank.send(order(payment("20")), service=Service("SCT", "pain.001", option="VOI"))
    seen = list[str]()
    event.listen(bank.database.engine, "before_cursor_execute", lambda *told: seen.append(told[2]))
    bank.move()
    asked = [words for words in seen if "orders" in words and words.startswith("SELECT")]
    assert asked
    assert not [words for words in asked if "orders.data" in words]
    # Once for each order, however many blocks it has, and only when its day has come.
    seen.clear()
    bank.move(7)
    assert sum(words.startswith("SELECT orders.data") for words in seen) == 1
