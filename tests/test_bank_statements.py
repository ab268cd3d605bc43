"""Days close, balances are true, and the same seed gives the same bank."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from electra_kernel.bank.clock import ClockError, advance
from electra_kernel.bank.database import Database
from electra_kernel.bank.seed import EURO_ACCOUNT, MAIN_ACCOUNT, TROUBLE, plant
from electra_kernel.ebics.btf import Service
from electra_kernel.formats import camt053, mt940
from electra_kernel.statements.proof import prove
from electra_kernel.vocabulary.accounts import parse_account
from electra_kernel.vocabulary.dates import BusinessCalendar
from tests.bank_house import CLOSED, PAYMENTS, START, STATEMENTS, bank_at, clock, order, payment, unzip


def _proved(statements):
    for account in (MAIN_ACCOUNT, EURO_ACCOUNT):
        mine = [one for one in statements if one.account == account]
        assert [one.sequence for one in mine] == list(range(mine[0].sequence, mine[0].sequence + len(mine)))
        for one in mine:
            assert prove(one) == []
        for one, following in itertools.pairwise(mine):
            assert one.balance("CLBD").amount == following.balance("OPBD").amount


def test_a_new_bank_has_months_of_history_whose_balances_are_proved(tmp_path):
    with bank_at(tmp_path) as bank:
        statements = bank.statements()
        _proved(statements)
        days = {one.from_date for one in statements}
        calendar = BusinessCalendar("HU")
        assert min(days) < START - timedelta(days=110)
        assert max(days) < START
        assert all(calendar.is_business_day(day) for day in days)
        assert statements[-2].balance("CLBD").amount == bank.balance(MAIN_ACCOUNT)
        codes = {entry.bank_transaction_code for one in statements for entry in one.entries}
        assert {"PMNT-RCDT-DMCT", "PMNT-ICDT-SALA", "PMNT-MCRD-FEES", "ACMT-MCOP-INTR", "ACMT-MDOP-CHRG"} <= codes
        assert any(len(entry.details) > 5 for one in statements for entry in one.entries)


def test_every_counterparty_of_the_history_has_a_valid_account(tmp_path):
    with bank_at(tmp_path) as bank:
        numbers = {
            detail.counterparty.account
            for one in bank.statements()
            for entry in one.entries
            for detail in entry.details
        }
        assert len(numbers) > 20
        assert all(parse_account(number) == number for number in numbers | {row[0] for row in TROUBLE})


def test_the_companys_account_is_the_one_everybody_uses():
    assert MAIN_ACCOUNT == "HU42117730161111101800000000"


@settings(max_examples=6, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.lists(st.tuples(st.integers(1, 90_000_000), st.booleans()), min_size=1, max_size=4),
            st.sampled_from([True, False, None]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_is_ordered_the_days_balances_are_proved(tmp_path_factory, orders):
    with bank_at(tmp_path_factory.mktemp("days")) as bank:
        for days, amounts, batch in orders:
            payments = [payment(str(amount), *((CLOSED,) if closed else ())) for amount, closed in amounts]
            bank.send(order(*payments, day=bank.today(), batch=batch))
            bank.move(days)
        bank.move(1)
        _proved(bank.statements())
        assert set(bank.totals().values()) == {Decimal(0)}
        assert bank.balance() >= 0


def _bytes(folder, seed, start=START):
    database = Database(folder, create=True)
    with database.write() as connection:
        plant(connection, seed=seed, start=start)
    advance(database, clock, to=start + timedelta(days=5))
    with database.read() as connection:
        tables = {
            table: connection.execute(text(f"SELECT * FROM {table}")).all()
            for table in ("meta", "users", "rights", "counterparties", "postings", "entries", "details", "documents")
        }
    database.close()
    return tables


def test_the_same_seed_and_date_give_the_same_bank_to_the_byte(tmp_path):
    first = _bytes(tmp_path / "a", "7")
    assert first == _bytes(tmp_path / "b", "7")
    assert first["documents"] != _bytes(tmp_path / "c", "8")["documents"]


def test_a_bank_that_starts_on_a_sunday_opens_on_monday(tmp_path):
    assert ("date", "2026-03-02") in {tuple(row) for row in _planted_facts(tmp_path, date(2026, 3, 1))}


def _planted_facts(folder, start):
    database = Database(folder / "bank", create=True)
    with database.write() as connection:
        plant(connection, seed="1", start=start)
    with database.read() as connection:
        rows = connection.execute(text("SELECT key, value FROM meta")).all()
    database.close()
    return rows


def test_what_was_fetched_is_not_offered_again_to_the_same_user(tmp_path):
    with bank_at(tmp_path) as bank:
        assert bank.statements()
        assert bank.statements() == []
        bank.user = "BELA"
        assert bank.statements()


def test_without_a_positive_receipt_everything_is_offered_again(tmp_path):
    with bank_at(tmp_path) as bank:
        first = bank.fetch(STATEMENTS, positive=False)
        assert bank.fetch(STATEMENTS) == first


def test_dates_give_all_of_the_period_again_in_the_same_bytes(tmp_path):
    with bank_at(tmp_path) as bank:
        bank.statements()
        period = {"start": date(2026, 2, 2), "end": date(2026, 2, 6)}
        first = bank.fetch(STATEMENTS, **period)
        assert len(unzip(first)) == 10
        assert bank.fetch(STATEMENTS, **period) == first


def test_without_a_container_all_statements_come_in_one_file(tmp_path):
    with bank_at(tmp_path) as bank:
        period = {"start": date(2026, 2, 2), "end": date(2026, 2, 6)}
        whole = camt053.read(bank.fetch(Service("EOP", "camt.053"), **period), "s").statements
        apart = [one for data in unzip(bank.fetch(STATEMENTS, **period)) for one in camt053.read(data, "s").statements]
        assert [one.identification for one in whole] == [one.identification for one in apart]


@pytest.mark.parametrize("container", ["", "ZIP"])
def test_statements_come_in_the_form_of_swift_too_and_say_the_same(tmp_path, container):
    with bank_at(tmp_path) as bank:
        period = {"start": date(2026, 2, 2), "end": date(2026, 2, 6)}
        whole = camt053.read(bank.fetch(Service("EOP", "camt.053"), **period), "s").statements
        fetched = bank.fetch(Service("EOP", "mt940", "DE", container=container), **period)
        files = unzip(fetched) if container else [fetched]
        swift = [one for data in files for one in mt940.read(data, "s").statements]
        assert [(one.currency, one.sequence) for one in swift] == [(one.currency, one.sequence) for one in whole]
        assert [one.balance("CLBD").amount for one in swift] == [one.balance("CLBD").amount for one in whole]
        for one, other in zip(swift, whole, strict=True):
            assert prove(one) == []
            assert [entry.amount for entry in one.entries] == [entry.amount for entry in other.entries]
        # What was fetched in one form still waits in the other.
        assert bank.fetch(Service("EOP", "mt940")) != b""
        assert bank.fetch(Service("EOP", "mt940")) == b""
        assert bank.fetch(STATEMENTS) != b""


def test_without_a_container_status_reports_come_one_by_one(tmp_path):
    with bank_at(tmp_path) as bank:
        bank.send(order(payment("1")), service=PAYMENTS)
        service = Service("PSR", "pain.002")
        first, second = bank.fetch(service), bank.fetch(service)
        assert b"<GrpSts>ACCP" in first
        assert b"<GrpSts>ACSC" in second
        assert bank.fetch(service) == b""


def test_the_clock_never_goes_back(tmp_path):
    with bank_at(tmp_path) as bank:
        with pytest.raises(ClockError, match="cannot go back"):
            advance(bank.database, clock, to=START - timedelta(days=1))
        assert bank.today() == START
