"""Entry ids and the proof of statements."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.statements.proof import continuity, prove
from electra_kernel.statements.tables import tables_of

DAY = date(2026, 1, 31)
AMOUNTS = st.decimals(min_value="-9999999.99", max_value="9999999.99", places=2)


def _entry(amount: Decimal, **more: object) -> Entry:
    entry = Entry(amount=amount, currency="EUR", booking_date=DAY, value_date=DAY)
    return replace(entry, **more)  # type: ignore[arg-type]


def _statement(
    opening: Decimal, closing: Decimal, entries: list[Entry], day: date = DAY, name: str = "S1"
) -> Statement:
    return Statement(
        identification=name,
        account="A1",
        currency="EUR",
        balances=(
            Balance(kind="OPBD", amount=opening, currency="EUR", date=day),
            Balance(kind="CLBD", amount=closing, currency="EUR", date=day),
        ),
        entries=tuple(entries),
    )


def _ids(statement: Statement) -> list[str]:
    return list(tables_of([statement], "source").entries["entry_id"].to_pylist())


@given(st.lists(AMOUNTS, max_size=6), AMOUNTS, AMOUNTS)
def test_a_statement_is_proved_exactly_when_its_booked_entries_add_up(
    amounts: list[Decimal], opening: Decimal, off: Decimal
) -> None:
    entries = [_entry(amount) for amount in amounts] + [_entry(Decimal(5), status="PDNG")]
    closing = opening + sum(amounts, Decimal(0))
    assert prove(_statement(opening, closing, entries)) == []
    problems = prove(_statement(opening, closing + off, entries))
    assert [problem.rule for problem in problems] == (["balance"] if off else [])


def test_a_statement_without_a_closing_balance_cannot_be_proved_and_says_so() -> None:
    statement = _statement(Decimal(1), Decimal(1), [])
    (problem,) = prove(replace(statement, balances=statement.balances[:1]))
    assert (problem.rule, problem.severity) == ("balance-missing", "warning")


def test_a_statement_in_several_currencies_is_told_not_raised() -> None:
    (problem,) = prove(_statement(Decimal(1), Decimal(1), [_entry(Decimal(1), currency="USD")]))
    assert (problem.rule, problem.severity) == ("balance", "warning")


def test_a_gap_between_two_statements_is_told_whatever_their_order() -> None:
    first = _statement(Decimal(0), Decimal(10), [], date(2026, 1, 1))
    second = _statement(Decimal(10), Decimal(15), [], date(2026, 1, 2), "S2")
    late = _statement(Decimal(16), Decimal(16), [], date(2026, 1, 3), "S3")
    assert continuity([second, first]) == []
    assert [problem.rule for problem in continuity([first, first, second])] == ["same-statement"]
    (problem,) = continuity([late, first, second])
    assert problem.rule == "continuity"
    assert "S3" in problem.text


def test_an_entry_keeps_its_id_in_another_statement_when_the_bank_gives_a_reference() -> None:
    entry = _entry(Decimal(1), bank_reference="R1")
    one = _statement(Decimal(0), Decimal(1), [entry], name="intraday")
    other = _statement(Decimal(5), Decimal(7), [_entry(Decimal(1)), entry], name="end of day")
    assert _ids(one)[0] == _ids(other)[1]


def test_without_a_reference_the_statement_and_the_payment_tell_entries_apart() -> None:
    plain, none = _entry(Decimal(1)), _entry(Decimal(1), bank_reference="NONREF")
    paid = _entry(Decimal(1), details=(EntryDetail(end_to_end_id="E1"),))
    other = _entry(Decimal(1), details=(EntryDetail(end_to_end_id="E2"),))
    ids = _ids(_statement(Decimal(0), Decimal(4), [plain, none, paid, other]))
    assert len(set(ids)) == 4
    assert _ids(_statement(Decimal(0), Decimal(1), [plain], name="S2"))[0] not in ids


@given(st.lists(AMOUNTS, max_size=8))
def test_ids_are_all_different_and_the_same_each_time(amounts: list[Decimal]) -> None:
    statement = _statement(Decimal(0), Decimal(0), [_entry(amount) for amount in amounts])
    assert _ids(statement) == _ids(statement)
    assert len(set(_ids(statement))) == len(amounts)


def test_an_entry_with_one_payment_carries_its_columns_and_a_batch_does_not() -> None:
    one = _entry(
        Decimal(1), details=(EntryDetail(remittance="one", additional_information="b"),), additional_information="a"
    )
    two = _entry(Decimal(3), details=(EntryDetail(remittance="x"), EntryDetail(remittance="y")))
    tables = tables_of([_statement(Decimal(0), Decimal(4), [one, two])], "source")
    assert tables.entries["remittance"].to_pylist() == ["one", None]
    assert tables.entries["additional_information"].to_pylist() == ["a b", None]
    assert tables.entries["details"].to_pylist() == [1, 2]
    assert tables.details["remittance"].to_pylist() == ["x", "y"]
    assert tables.details["entry_id"].to_pylist() == [tables.entries["entry_id"][1].as_py()] * 2
