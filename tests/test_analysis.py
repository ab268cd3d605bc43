"""Positions, flows, reconciliation, interest and cash pools, on ledgers made for the purpose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import matplotlib as mpl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.analysis import (
    account_interest,
    concentration,
    counterparties,
    daily_balances,
    fees,
    flows,
    interest_for,
    notional_benefit,
    payments,
    position,
    reconcile,
    sent_transactions,
    sweep,
    top_counterparties,
    year_fraction,
)
from electra_kernel.analysis.cashpool import CashPoolError, Transfer
from electra_kernel.analysis.interest import days_30e_360, days_30e_360_isda
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

mpl.use("Agg")

A, B = "HU42117730161111101800000000", "DE89370400440532013000"
D = Decimal


def day(number: int) -> date:
    return date(2026, 3, 1) + timedelta(days=number - 1)


def table(schema: pa.Schema, rows: Iterable[dict[str, object]]) -> Any:
    return ibis.memtable(pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema))


def entry(amount: str, booked: int | None, value: int | None = None, **more: object) -> dict[str, object]:
    made = {
        "entry_id": f"{amount}@{booked}/{value}",
        "account": A,
        "currency": "HUF",
        "status": "BOOK",
        "amount": D(amount),
        "booking_date": day(booked) if booked else None,
        "value_date": day(value) if value else None,
        "details": 0,
    }
    return made | more


def balance(kind: str, amount: str, on: int, **more: object) -> dict[str, object]:
    made = {"account": A, "currency": "HUF", "statement": "1", "kind": kind, "date": day(on), "amount": D(amount)}
    return made | more


def entries_of(*rows: dict[str, object]) -> Any:
    return table(ENTRIES, rows)


def balances_of(*rows: dict[str, object]) -> Any:
    return table(BALANCES, rows)


def rows_of(expression: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = expression.to_pyarrow().to_pylist()
    return rows


def only(expression: Any) -> dict[str, Any]:
    (row,) = rows_of(expression)
    return row


def assert_exact(expression: Any, *columns: str) -> None:
    schema = expression.to_pyarrow().schema
    for column in columns:
        assert pa.types.is_decimal(schema.field(column).type), column


LEDGER = entries_of(
    entry("100", 2),
    entry("-30.5", 3, 5),
    entry("7", 4, 3),
    entry("1000", 4, status="PDNG"),
    entry("5", 6, account=B, currency="EUR"),
)
BOOKS = balances_of(
    balance("OPBD", "1000", 2), balance("CLBD", "1100", 2), balance("CLBD", "1069.5", 3), balance("CLAV", "900", 3)
)


def test_a_position_stands_on_the_last_closing_balance_and_what_is_booked_since() -> None:
    expression = position(LEDGER, BOOKS)
    unknown, known = rows_of(expression)
    assert known == {
        "account": A,
        "currency": "HUF",
        "on": day(4),
        "as_of": day(3),
        "closing_balance": D("1069.5"),
        "booked_since": D(7),
        "book_balance": D("1076.5"),
        "value_balance": D(1107),
        "available_balance": D(900),
    }
    assert (unknown["account"], unknown["booked_since"], unknown["as_of"], unknown["book_balance"]) == (
        B,
        D(5),
        None,
        None,
    )
    assert_exact(expression, "closing_balance", "booked_since", "book_balance", "value_balance", "available_balance")


def test_a_position_of_the_past_does_not_see_what_came_later() -> None:
    rows = {row["account"]: row for row in rows_of(position(LEDGER, BOOKS, on=day(2)))}
    assert (rows[A]["as_of"], rows[A]["book_balance"], rows[A]["available_balance"]) == (day(2), D(1100), None)
    assert rows[A]["value_balance"] == D(1100)
    before = {row["account"]: row for row in rows_of(position(LEDGER, BOOKS, on=day(3)))}
    assert before[A]["book_balance"] == D("1069.5")
    assert before[A]["value_balance"] == D(1107)  # without −30.5, valued on the 5th; with 7, valued on the 3rd


def test_of_several_statements_of_one_day_the_last_gives_the_closing_balance() -> None:
    books = balances_of(
        balance("CLBD", "1", 2, statement="9"),
        balance("CLBD", "3", 2, statement="11"),
        balance("CLBD", "2", 2, statement="10"),
    )
    assert only(position(entries_of(), books))["closing_balance"] == D(3)


def test_a_ledger_without_rows_gives_positions_and_balances_without_rows() -> None:
    assert rows_of(position(entries_of(), balances_of())) == []
    assert rows_of(daily_balances(entries_of(), balances_of())) == []


def test_daily_balances_run_over_every_calendar_day_by_booking_and_by_value() -> None:
    expression = daily_balances(LEDGER, BOOKS)
    rows = rows_of(expression)
    assert [(row["day"], row["booked"], row["book_balance"], row["value_balance"]) for row in rows] == [
        (day(1), D(0), D(1000), D(1000)),
        (day(2), D(100), D(1100), D(1100)),
        (day(3), D("-30.5"), D("1069.5"), D(1107)),
        (day(4), D(7), D("1076.5"), D(1107)),
    ]
    assert_exact(expression, "booked", "book_balance", "value_balance")


def test_a_missing_statement_does_not_shift_the_days_after_the_next_one() -> None:
    books = balances_of(balance("CLBD", "10", 1), balance("CLBD", "500", 4))
    rows = rows_of(daily_balances(entries_of(entry("1", 2), entry("2", 5)), books))
    assert [row["book_balance"] for row in rows] == [D(10), D(11), D(11), D(500), D(502)]


amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=2, allow_nan=False)
moves = st.lists(st.tuples(amounts, st.integers(2, 12), st.integers(1, 14)), max_size=12)


@settings(max_examples=25, deadline=None)
@given(moves, amounts)
def test_daily_balances_and_positions_agree_with_plain_sums(
    given_moves: Sequence[tuple[D, int, int]], opening: D
) -> None:
    entries = entries_of(*(entry(str(a), b, v, entry_id=str(n)) for n, (a, b, v) in enumerate(given_moves)))
    books = balances_of(balance("OPBD", str(opening), 2))
    daily = rows_of(daily_balances(entries, books))
    for row in daily:
        assert row["book_balance"] == opening + sum((a for a, b, _ in given_moves if day(b) <= row["day"]), D(0))
        assert row["value_balance"] == opening + sum((a for a, _, v in given_moves if day(v) <= row["day"]), D(0))
    closed = balances_of(balance("OPBD", str(opening), 2), balance("CLBD", str(daily[-1]["book_balance"]), 12))
    row = only(position(entries, closed))
    assert row["value_balance"] == opening + sum((a for a, _, v in given_moves if day(v) <= day(12)), D(0))


# Flows.


def bought(amount: str, name: str | None, account: str | None = None, **more: object) -> dict[str, object]:
    return (
        entry(amount, 2, counterparty_name=name, counterparty_account=account, entry_id=f"{amount}{name}{account}")
        | more
    )


def test_flows_are_summed_by_month_and_whatever_else_is_asked() -> None:
    entries = entries_of(
        entry("5", 1), entry("-2", 31), entry("-3.25", 32), entry("9", None, 33), entry("8", 1, status="INFO")
    )
    expression = flows(entries, by=["account"])
    march, april = rows_of(expression)
    assert (march["month"], march["inflow"], march["outflow"], march["net"], march["bookings"]) == (
        date(2026, 3, 1), D(5), D(2), D(3), 2
    )  # fmt: skip
    assert (april["month"], april["inflow"], april["outflow"], april["net"]) == (
        date(2026, 4, 1),
        D(9),
        D("3.25"),
        D("5.75"),
    )
    assert_exact(expression, "inflow", "outflow", "net")


def test_counterparties_are_told_apart_by_account_and_ranked() -> None:
    entries = entries_of(
        bought("-50", "Muster", B),
        bought("-25", "Muster GmbH", B),
        bought("-60", "Café"),
        bought("10", "Café"),
        bought("-1", None),
    )
    muster, cafe = rows_of(top_counterparties(entries))
    assert (muster["counterparty"], muster["counterparty_name"], muster["names"], muster["outflow"]) == (
        B,
        "Muster GmbH",
        2,
        D(75),
    )
    assert (cafe["counterparty"], cafe["outflow"], cafe["inflow"], cafe["net"]) == ("Café", D(60), D(10), D(-50))
    assert [row["counterparty"] for row in rows_of(top_counterparties(entries, 1, by="inflow"))] == ["Café"]


def test_concentration_is_one_when_all_hangs_on_one_and_a_share_each_when_evenly_spread() -> None:
    even = counterparties(entries_of(*(bought("-5", name) for name in "abcd")))
    assert only(concentration(even)) == {
        "currency": "HUF", "total": D(20), "parties": 4, "largest_share": D("0.25"), "hhi": D("0.25")
    }  # fmt: skip
    uneven = concentration(counterparties(entries_of(bought("-60", "a"), bought("-40", "b"))))
    assert only(uneven)["hhi"] == D("0.52")
    assert only(concentration(counterparties(entries_of(bought("-7", "a")))))["hhi"] == 1
    assert_exact(uneven, "total", "largest_share", "hhi")


def test_fees_are_what_is_booked_as_a_charge_and_what_is_taken_from_payments() -> None:
    entries = entries_of(
        entry("-12", 1, bank_transaction_code="ACMT-MDOP-CHRG"),
        entry("2", 2, bank_transaction_code="ACMT-MDOP-CHRG"),
        entry("-3", 3, proprietary_code="NCHG"),
        entry("-100", 3, bank_transaction_code="PMNT-ICDT-ESCT", charges=D("-0.5")),
        entry("-1", 40, bank_transaction_code="PMNT-ICDT-ESCT"),
        entry("-1", 41),
    )
    expression = fees(entries)
    assert only(expression) == {
        "month": date(2026, 3, 1), "account": A, "currency": "HUF", "booked": D(13), "taken": D("0.5"), "total": D("13.5")
    }  # fmt: skip
    assert_exact(expression, "booked", "taken", "total")


def test_payments_inside_a_batch_stand_in_its_place() -> None:
    entries = entries_of(entry("-30", 1, entry_id="batch", details=2), entry("-5", 2, entry_id="one", details=1))
    inside = [
        {"entry_id": "batch", "detail": n, "amount": D(-10 * (n + 1)), "counterparty_name": f"P{n}"} for n in range(2)
    ] + [{"entry_id": "one", "detail": 0, "amount": D(-5)}]
    rows = rows_of(payments(entries, table(DETAILS, inside)).order_by("amount"))
    assert [(r["entry_id"], r["detail"], r["amount"], r["counterparty_name"], r["booking_date"]) for r in rows] == [
        ("batch", 1, D(-20), "P1", day(1)),
        ("batch", 0, D(-10), "P0", day(1)),
        ("one", None, D(-5), None, day(2)),
    ]


# Reconciliation.


def order(*transactions: Transaction) -> Order:
    return Order(
        message_id="M", payment_id="P", kind="domestic", debtor=Party(name="E", account=A), execution_date=day(2),
        created=datetime(2026, 3, 1, tzinfo=UTC), transactions=transactions,
    )  # fmt: skip


def pay(amount: str, reference: str = "NOTPROVIDED") -> Transaction:
    return Transaction(amount=Money(D(amount), "HUF"), counterparty=Party(name="M", account=B), end_to_end_id=reference)


def booked_as(entry_id: str, amount: str, reference: str | None, account: str | None = B) -> dict[str, object]:
    return entry(amount, 3, entry_id=entry_id, end_to_end_id=reference, counterparty_account=account)


def test_sent_payments_find_their_bookings_once_each_and_with_a_reason() -> None:
    sent = sent_transactions([order(pay("10", "R1"), pay("10", "R1"), pay("20"), pay("30", "R3"), pay("40", "R4"))])
    entries = entries_of(
        booked_as("a", "-10", "R1"),
        booked_as("b", "-20", "NOTPROVIDED"),
        booked_as("c", "-31", "R3"),
        booked_as("d", "40", "R4"),
        booked_as("e", "-1", None, None),
    )
    result = rows_of(reconcile(sent, payments(entries, table(DETAILS, []))))
    assert {(r["number"], r["entry_id"], r["match"], r["reason"]) for r in result} == {
        (1, "a", "booked", "reference and amount"),
        (2, None, "open", "no booking with this reference and amount"),
        (3, "b", "booked", "account and amount"),
        (4, None, "open", "no booking with this reference and amount"),
        (5, None, "open", "no booking with this reference and amount"),
        (None, "c", "not ordered", "no sent payment with this reference and amount"),
        (None, "e", "not ordered", "no sent payment with this reference and amount"),
    }
    assert len(result) == 7
    assert rows_of(reconcile(sent_transactions([]), payments(entries_of(), table(DETAILS, [])))) == []


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["R1", "R2", "NOTPROVIDED"])), max_size=8),
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["R1", "R2", None])), max_size=8),
)
def test_every_sent_and_every_booked_payment_stands_in_exactly_one_row(
    sent: list[tuple[int, str]], booked: list[tuple[int, str | None]]
) -> None:
    orders = [order(*(pay(str(amount), reference) for amount, reference in sent))]
    entries = entries_of(*(booked_as(str(n), str(-amount), reference) for n, (amount, reference) in enumerate(booked)))
    rows = rows_of(reconcile(sent_transactions(orders), payments(entries, table(DETAILS, []))))
    assert sorted(r["number"] for r in rows if r["number"]) == list(range(1, len(sent) + 1))
    assert sorted(r["entry_id"] for r in rows if r["entry_id"]) == sorted(str(n) for n in range(len(booked)))
    assert all(r["amount"] == -r["booked_amount"] for r in rows if r["match"] == "booked")


# Interest.


def test_day_counts_agree_with_the_published_figures() -> None:
    assert float(year_fraction(date(2003, 11, 1), date(2004, 5, 1), "ACT/ACT")) == pytest.approx(
        0.497724380567, abs=1e-12
    )
    assert days_30e_360(date(2006, 8, 31), date(2007, 2, 28)) == 178
    assert days_30e_360(date(2006, 1, 31), date(2006, 2, 28)) == 28
    assert days_30e_360(date(2006, 2, 28), date(2006, 3, 3)) == 5
    assert days_30e_360_isda(date(2006, 8, 31), date(2007, 2, 28)) == 180
    assert year_fraction(date(2006, 8, 31), date(2007, 2, 28), "30E/360 ISDA") == Fraction(1, 2)


def test_interest_on_ten_million_over_183_days_agrees_with_the_published_figures() -> None:
    start = date(2026, 1, 1)
    end = start + timedelta(days=183)
    assert interest_for(D(10_000_000), D("0.016"), start, end, "ACT/360", "EUR") == D("81333.33")
    assert interest_for(D(10_000_000), D("0.016"), start, end, "ACT/365", "EUR") == D("80219.18")
    assert interest_for(D(-10_000_000), D("0.016"), start, end, "ACT/365", "EUR") == D("-80219.18")


def test_two_accounts_apart_cost_seventy_thousand_and_a_pool_gains_what_is_published() -> None:
    rates: dict[str, Any] = {"credit_rate": D("0.045"), "debit_rate": D("0.065")}
    apart = sum(
        account_interest([D(balance)] * 365, days_in_year=365, **rates).net for balance in (10_000_000, -8_000_000)
    )
    assert apart == D("-70000.00")
    assert notional_benefit([D(10_000_000), D(-8_000_000)], days=365, days_in_year=365, **rates) == D("160000.00")
    assert notional_benefit([D(5), D(6)], days=365, days_in_year=365, **rates) == D("0.00")


def test_rounding_daily_and_rounding_once_differ_and_both_are_exact() -> None:
    balances = [D("1000")] * 30
    rates: dict[str, Any] = {"credit_rate": D("0.02"), "debit_rate": D("0.1"), "days_in_year": 365}
    assert account_interest(balances, **rates).credit == D("1.64")  # 30 000 · 0.02 / 365 = 1.6438…
    assert account_interest(balances, rounded="daily", **rates).credit == D("1.50")  # 0.0548 a day, 0.05 each
    both = account_interest([D("1000"), D("-1000")], **rates)
    assert (both.credit, both.debit, both.net) == (D("0.05"), D("0.27"), D("-0.22"))
    with pytest.raises(ValueError, match="not float"):
        account_interest([0.1], **rates)  # type: ignore[list-item]


def test_interest_starts_from_the_value_dated_daily_balances_of_the_ledger() -> None:
    daily = rows_of(daily_balances(LEDGER, BOOKS))
    result = account_interest(
        (row["value_balance"] for row in daily), credit_rate=D("0.0365"), debit_rate=D(0), days_in_year=365, decimals=4
    )
    assert result.credit == D("0.4314")  # (1000 + 1100 + 1107 + 1107) · 0.0001


# Cash pools.


def test_a_zero_balancing_sweep_empties_every_account_into_the_header() -> None:
    result = sweep({"H": D("1"), "a": D("10.25"), "b": D("-4")}, header="H")
    assert result.transfers == (Transfer("a", "H", D("10.25")), Transfer("H", "b", D("4")))
    assert result.after == {"H": D("7.25"), "a": D(0), "b": D(0)}
    assert result.left == {}


def test_targets_least_multiple_and_direction_bound_a_sweep() -> None:
    pool = {"H": D(0), "a": D(1250), "b": D(-40), "c": D(105)}
    result = sweep(pool, header="H", targets={"a": D(100), "c": D(100)}, least=D(10), multiple=D(10))
    assert result.after == {"H": D(1110), "a": D(100), "b": D(0), "c": D(105)}
    small = sweep(pool, header="H", targets={"c": D(100)}, least=D(10))
    assert small.left == {"c": "The transfer would be below the least amount."}
    one_way = sweep(pool, header="H", two_way=False)
    assert one_way.after["b"] == D(-40)
    assert one_way.left == {"b": "The pool takes surpluses only."}


def test_a_header_gives_no_more_than_its_floor_allows() -> None:
    result = sweep({"H": D(100), "a": D(-60), "b": D(-60), "c": D(-60)}, header="H", header_floor=D(10))
    assert result.after == {"H": D(10), "a": D(0), "b": D(-30), "c": D(-60)}
    assert set(result.left) == {"b", "c"}


@pytest.mark.parametrize(
    ("pool", "more", "text"),
    [
        ({"a": D(1)}, {}, "not among the positions"),
        ({"H": D(1)}, {"targets": {"z": D(1)}}, "not in the pool"),
        ({"H": D(1)}, {"targets": {"H": D(1)}}, "The header has no target"),
        ({"H": D(1), "a": None}, {}, "not an exact amount"),
        ({"H": D(1), "a": 0.1}, {}, "not an exact amount"),
        ({"H": D(1), "a": D("NaN")}, {}, "not an exact amount"),
        ({"H": D(1)}, {"multiple": D(0)}, "above zero"),
    ],
)
def test_a_pool_that_makes_no_sense_is_refused(pool: dict[str, Any], more: dict[str, Any], text: str) -> None:
    with pytest.raises(CashPoolError, match=text):
        sweep(pool, header="H", **more)


money = st.decimals(min_value=-(10**12), max_value=10**12, places=5, allow_nan=False)


@given(
    st.dictionaries(st.sampled_from("abcde"), money, max_size=5), money, st.booleans(),
    st.one_of(st.none(), money), st.one_of(st.none(), st.decimals(min_value="0.01", max_value=1000, places=2)),
)  # fmt: skip
def test_a_sweep_keeps_the_pool_whole_and_its_journal_reproduces_every_position(
    children: dict[str, D], header: D, two_way: bool, floor: D | None, multiple: D | None
) -> None:
    pool = {"H": header, **children}
    result = sweep(pool, header="H", two_way=two_way, header_floor=floor, multiple=multiple)
    assert sum(result.after.values(), D(0)) == sum(pool.values(), D(0))
    replayed = dict(pool)
    for transfer in result.transfers:
        assert transfer.amount > 0
        assert "H" in (transfer.debtor, transfer.creditor)
        replayed[transfer.debtor] -= transfer.amount
        replayed[transfer.creditor] += transfer.amount
    assert replayed == result.after
    gave = any(transfer.debtor == "H" for transfer in result.transfers)
    assert floor is None or not gave or result.after["H"] >= floor
    if two_way and floor is None and multiple is None:
        assert all(result.after[account] == 0 for account in children)


# Pictures.


def test_pictures_take_frames_of_arrow_types_too() -> None:
    from matplotlib import pyplot as plt

    from electra_kernel.analysis.plots import plot_balances, plot_counterparties, plot_flows

    def arrow(expression: Any) -> Any:
        return expression.to_pyarrow().to_pandas(types_mapper=pd.ArrowDtype)

    figure, (top, middle, bottom) = plt.subplots(3)
    assert len(plot_balances(top, arrow(daily_balances(LEDGER, BOOKS)), currency="HUF")) == 1
    inflow, _ = plot_flows(middle, arrow(flows(LEDGER)), currency="HUF")
    assert [bar.get_height() for bar in inflow] == [107.0]
    assert (
        len(plot_counterparties(bottom, arrow(top_counterparties(entries_of(bought("-5", None, B)))), currency="HUF"))
        == 1
    )
    assert [label.get_text() for label in bottom.get_yticklabels()] == [B]
    figure.canvas.draw()
    plt.close(figure)


def test_pictures_show_every_account_month_and_counterparty_with_their_currency() -> None:
    from matplotlib import pyplot as plt

    from electra_kernel.analysis.plots import plot_balances, plot_counterparties, plot_flows

    figure, (top, middle, bottom) = plt.subplots(3)
    (line,) = plot_balances(top, daily_balances(LEDGER, BOOKS).to_pandas(), currency="HUF")
    assert list(line.get_ydata()) == [1000.0, 1100.0, 1069.5, 1076.5]
    inflow, outflow = plot_flows(middle, flows(LEDGER).to_pandas(), currency="HUF")
    assert [bar.get_height() for bar in (*inflow, *outflow)] == [107.0, -30.5]
    parties = top_counterparties(entries_of(bought("-5", "$x^2$ & Co"), bought("-9", "B" * 40)))
    bars = plot_counterparties(bottom, parties.to_pandas(), currency="HUF")
    assert [bar.get_width() for bar in bars] == [9.0, 5.0]
    assert [label.get_text() for label in bottom.get_yticklabels()] == ["B" * 31 + "…", "$x^2$ & Co"]
    assert (top.get_ylabel(), middle.get_ylabel(), bottom.get_xlabel()) == ("HUF", "HUF", "HUF")
    figure.canvas.draw()
    plt.close(figure)
