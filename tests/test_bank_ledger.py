"""The bank's books: balanced or not booked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.bank.database import Database, accounts
from electra_kernel.bank.ledger import (
    Booking,
    Posting,
    Unbalanced,
    account_of,
    balance,
    book,
    entries_of,
    own_account,
    totals,
)
from electra_kernel.statements.model import Entry, EntryDetail
from electra_kernel.vocabulary.parties import Address, Party

DAY = date(2026, 3, 2)
amounts = st.decimals("-9999999999.99999", "9999999999.99999", places=5)


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    database = Database(tmp_path_factory.mktemp("books"), create=True)
    with database.write() as connection:
        for currency in ("HUF", "EUR"):
            connection.execute(
                accounts.insert().values(
                    number=f"{currency} customer", currency=currency, name="", owner="Duna", partner_id="P"
                )
            )
    yield database
    database.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["HUF", "EUR"]), amounts), min_size=1, max_size=12))
def test_whatever_is_booked_the_books_add_up_to_nothing_and_the_balance_is_the_sum(books, moves):
    with books.write() as connection:
        before = {
            currency: balance(connection, account_of(connection, f"{currency} customer")) for currency, _ in moves
        }
        bookings = []
        for currency, amount in moves:
            customer = account_of(connection, f"{currency} customer")
            entry = Entry(amount=amount, currency=currency, booking_date=None, value_date=None)
            clearing = own_account(connection, "CLEARING", currency)
            bookings.append(Booking("test", (Posting(customer, amount, entry), Posting(clearing, -amount))))
        book(connection, DAY, bookings)
        for currency, start in before.items():
            moved = sum((amount for each, amount in moves if each == currency), Decimal(0))
            assert balance(connection, account_of(connection, f"{currency} customer")) == start + moved
        assert set(totals(connection).values()) == {Decimal(0)}


@settings(max_examples=30, deadline=None)
@given(amounts, amounts)
def test_a_booking_that_does_not_balance_leaves_nothing_behind(books, left, right):
    if left + right == 0:
        return
    with books.read() as connection:
        before = balance(connection, account_of(connection, "HUF customer"))
    with pytest.raises(Unbalanced):
        _book_good_and_bad(books, left, right)
    with books.read() as connection:
        assert balance(connection, account_of(connection, "HUF customer")) == before


def _book_good_and_bad(books, left, right):
    with books.write() as connection:
        customer, fees = account_of(connection, "HUF customer"), own_account(connection, "FEES", "HUF")
        good = Booking("good", (Posting(customer, left), Posting(fees, -left)))
        book(connection, DAY, [good, Booking("bad", (Posting(customer, left), Posting(fees, right)))])


def test_currencies_do_not_balance_each_other(books):
    with books.write() as connection:
        legs = (
            Posting(account_of(connection, "HUF customer"), Decimal(5)),
            Posting(account_of(connection, "EUR customer"), Decimal(-5)),
        )
        with pytest.raises(Unbalanced):
            book(connection, DAY, [Booking("exchange", legs)])


def test_an_entry_that_says_another_amount_than_its_posting_is_refused(books):
    with books.write() as connection:
        entry = Entry(amount=Decimal(6), currency="HUF", booking_date=None, value_date=None)
        customer, fees = account_of(connection, "HUF customer"), own_account(connection, "FEES", "HUF")
        with pytest.raises(Unbalanced, match="the entry says 6"):
            book(connection, DAY, [Booking("b", (Posting(customer, Decimal(5), entry), Posting(fees, Decimal(-5))))])


def test_an_entry_comes_out_of_the_books_as_it_went_in(books):
    day = date(2026, 3, 9)
    party = Party(
        name="Rheinwerk AG",
        account="DE89370400440532013000",
        bic="COBADEFF",
        address=Address(
            street="Hohe Straße", building="20", post_code="50667", town="Köln", country="DE", lines=("c/o X",)
        ),
    )
    detail = EntryDetail(
        amount=Decimal("12.345"),
        currency="EUR",
        counterparty=party,
        remittance="Invoice <1> & more",
        structured_reference="RF18539007547034",
        end_to_end_id="E",
        bank_reference="D1",
        additional_information="note",
    )
    entry = Entry(
        amount=Decimal("12.345"),
        currency="EUR",
        booking_date=day,
        value_date=date(2026, 3, 10),
        reversal=True,
        bank_transaction_code="PMNT-RCDT-ESCT",
        proprietary_code="X",
        bank_reference="R1",
        entry_reference="P1",
        additional_information="words",
        details=(detail,),
    )
    with books.write() as connection:
        customer, clearing = account_of(connection, "EUR customer"), own_account(connection, "CLEARING", "EUR")
        book(
            connection, day, [Booking("b", (Posting(customer, entry.amount, entry), Posting(clearing, -entry.amount)))]
        )
        assert entries_of(connection, customer, day) == (entry,)


def test_the_database_file_is_its_owners_alone(tmp_path: Path):
    Database(tmp_path / "new", create=True).close()
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new" / "bank.db").stat().st_mode & 0o077 == 0
