"""One booking told by several files counts once: reports, notifications and statements, in any order, and in any dress."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.analysis import payments, position
from electra_kernel.statements.model import NOTIFICATION, REPORT, STATEMENT, Balance, Entry, EntryDetail, Statement
from electra_kernel.statements.tables import tables_of
from electra_kernel.store import ledger_tables, ledger_taking, standing
from electra_kernel.store.ledger import Ledger
from electra_kernel.store.locks import Locks
from electra_kernel.vocabulary.dates import system_clock
from electra_kernel.vocabulary.parties import Party

DAY, NEXT = date(2026, 3, 2), date(2026, 3, 3)


def _ledger(folder: Path) -> Ledger:
    return Ledger(folder / "ledger", Locks(folder / "locks", system_clock))


def _entry(amount: str, reference: str = "", **more: Any) -> Entry:
    given = {"booking_date": DAY, "value_date": DAY, **more}
    return Entry(amount=Decimal(amount), currency="EUR", bank_reference=reference, **given)


def _told(
    kind: str, entries: Sequence[Entry], *, day: date = DAY, hour: int = 20, name: str = "", opening: str = "0"
) -> Statement:
    booked = sum((entry.amount for entry in entries if entry.status == "BOOK"), Decimal(opening))
    balances = (
        Balance(kind="OPBD", amount=Decimal(opening), currency="EUR", date=day),
        Balance(kind="CLBD", amount=booked, currency="EUR", date=day),
    )
    return Statement(
        identification=name or f"{kind}-{day}-{hour}",
        account="A1",
        currency="EUR",
        balances=balances if kind == STATEMENT else (),
        entries=tuple(entries),
        created=datetime(day.year, day.month, day.day, hour, tzinfo=UTC),
        kind=kind,
    )


def _amounts(ledger: Ledger) -> list[str]:
    return sorted(f"{amount:.2f}" for amount in ledger.entries().amount.to_pyarrow().to_pylist())


def _append(ledger: Ledger, *statements: Statement) -> None:
    for statement in statements:
        source = f"{statement.identification}-{statement.kind}"
        ledger.append(tables_of([statement], source), sources=[source])


@pytest.mark.parametrize("references", [("R1", "R2"), ("", "")])
def test_the_statement_takes_the_place_of_the_days_reports_in_whatever_order_they_come(
    tmp_path: Path, references: tuple[str, str]
) -> None:
    first, second = (_entry(amount, reference) for amount, reference in zip(("10", "20"), references, strict=True))
    morning, noon = _told(REPORT, [first], hour=9), _told(REPORT, [first, second], hour=12)
    evening = _told(STATEMENT, [first, second, _entry("5")])
    for number, order in enumerate(permutations([morning, noon, evening])):
        ledger = _ledger(tmp_path / str(number))
        _append(ledger, *order)
        assert _amounts(ledger) == ["10.00", "20.00", "5.00"]
        assert position(ledger.entries(), ledger.balances(), DAY).book_balance.to_pyarrow().to_pylist() == [35]


def test_reports_stand_until_a_statement_covers_their_day(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    entry = _entry("10", "R1")
    _append(ledger, _told(REPORT, [entry], hour=9), _told(REPORT, [entry, _entry("7", "R2")], hour=12))
    assert _amounts(ledger) == ["10.00", "7.00"]
    later = _entry("1", "R3", booking_date=NEXT, value_date=NEXT)
    _append(ledger, _told(STATEMENT, [later], day=NEXT))
    assert _amounts(ledger) == ["1.00", "10.00", "7.00"]
    _append(ledger, _told(STATEMENT, [entry, _entry("7", "R2")]))
    assert _amounts(ledger) == ["1.00", "10.00", "7.00"]
    assert set(ledger.entries().source.to_pyarrow().to_pylist()) == {
        f"statement-{DAY}-20-statement",
        f"statement-{NEXT}-20-statement",
    }
    assert ledger.entries(everything=True).count().execute() == 5


def test_a_report_made_after_the_days_first_statement_still_counts(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    _append(ledger, _told(STATEMENT, [_entry("10", "R1")], hour=8), _told(REPORT, [_entry("7", "R2")], hour=12))
    assert _amounts(ledger) == ["10.00", "7.00"]


def test_a_pending_entry_gives_way_to_the_booked_one(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    pending = _entry("10", "R1", status="PDNG", booking_date=None)
    _append(ledger, _told(REPORT, [pending], hour=9), _told(REPORT, [_entry("10", "R1")], hour=10))
    assert ledger.entries().status.to_pyarrow().to_pylist() == ["BOOK"]
    _append(ledger, _told(STATEMENT, [_entry("10", "R1")]))
    assert _amounts(ledger) == ["10.00"]


def test_two_identical_rows_of_a_statement_are_two_payments_and_stay_two(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    twice = [_entry("10"), _entry("10")]
    _append(ledger, _told(REPORT, twice, hour=9), _told(REPORT, twice, hour=10))
    assert _amounts(ledger) == ["10.00", "10.00"]
    _append(ledger, _told(STATEMENT, twice), _told(STATEMENT, twice))
    assert _amounts(ledger) == ["10.00", "10.00"]


def _batch(*amounts: str) -> tuple[EntryDetail, ...]:
    return tuple(
        EntryDetail(
            amount=Decimal(amount), currency="EUR", counterparty=Party(name=f"P{number}"), end_to_end_id=f"E{number}"
        )
        for number, amount in enumerate(amounts)
    )


def test_a_notification_gives_its_payments_to_the_statements_batch_and_counts_once(tmp_path: Path) -> None:
    notified = _told(
        NOTIFICATION, [_entry("10", "R1", details=_batch("4", "6")), _entry("3", "R2", details=_batch("3"))], hour=9
    )
    booked = _told(STATEMENT, [_entry("10", "R1"), _entry("3", "R2"), _entry("2", "R9")])
    for number, order in enumerate(permutations([notified, booked])):
        ledger = _ledger(tmp_path / str(number))
        _append(ledger, *order)
        rows = {row["bank_reference"]: row for row in ledger.entries().to_pyarrow().to_pylist()}
        assert {key: row["details"] for key, row in rows.items()} == {"R1": 2, "R2": 1, "R9": 0}
        assert rows["R2"]["counterparty_name"] == "P0"
        details = ledger.details().to_pyarrow().to_pylist()
        assert [row["amount"] for row in details] == [4, 6]
        assert {row["entry_id"] for row in details} == {rows["R1"]["entry_id"]}
        assert sorted(payments(ledger.entries(), ledger.details()).amount.to_pyarrow().to_pylist()) == [2, 3, 4, 6]


def test_a_notification_counts_until_a_report_or_statement_tells_it(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    _append(ledger, _told(NOTIFICATION, [_entry("10", "R1")], hour=9), _told(NOTIFICATION, [_entry("7")], hour=11))
    assert _amounts(ledger) == ["10.00", "7.00"]
    _append(ledger, _told(REPORT, [_entry("10", "R1")], hour=10))
    assert _amounts(ledger) == ["10.00", "7.00"]
    _append(ledger, _told(STATEMENT, [_entry("10", "R1"), _entry("7")]))
    assert _amounts(ledger) == ["10.00", "7.00"]


def test_the_same_day_as_mt940_and_as_camt_is_booked_once_and_told(tmp_path: Path) -> None:
    camt = _told(STATEMENT, [_entry("10", "R1"), _entry("-4", "R2")], name="C1", opening="100")
    swift = replace(camt, identification="1/1", created=None, entries=(_entry("10", entry_reference="X"), _entry("-4")))
    for number, order in enumerate(permutations([camt, swift])):
        ledger = _ledger(tmp_path / str(number))
        _append(ledger, *order)
        assert _amounts(ledger) == ["-4.00", "10.00"]
        assert ledger.problems().rule.to_pyarrow().to_pylist() == ["same-statement"]
        _append(ledger, *order)
        assert _amounts(ledger) == ["-4.00", "10.00"]
    together = _ledger(tmp_path / "together")
    appended = together.append(tables_of([camt], "one"), tables_of([swift], "two"))
    assert (appended.entries, appended.known, _amounts(together)) == (2, 2, ["-4.00", "10.00"])


def test_a_statement_that_stays_is_no_double_when_it_is_given_again(tmp_path: Path) -> None:
    camt = _told(STATEMENT, [_entry("10", "R1")], name="C1", opening="100")
    swift = replace(camt, identification="1/1", created=None, entries=(_entry("10", entry_reference="X"),))
    ledger = _ledger(tmp_path)
    for _ in range(2):
        first, second = ledger.append(tables_of([camt], "one")), ledger.append(tables_of([swift], "two"))
        assert first.conflicts == ()
        assert [told.source for told in second.conflicts] == ["two"]
    assert _amounts(ledger) == ["10.00"]


def test_a_statement_that_stands_twice_in_one_file_is_booked_once_and_its_equal_entries_stay(tmp_path: Path) -> None:
    entry = ":61:2603020302C10,NTRFNONREF\r\n:86:text\r\n"
    head, foot = ":20:M1\r\n:25:A1\r\n:28C:1/1\r\n:60F:C260301EUR100,\r\n", ":62F:C260302EUR120,\r\n-\r\n"
    once = head + entry * 2 + foot
    for number, repeats in enumerate((1, 2, 3)):
        tables = formats.read_tables(once.encode() * repeats, "mt940")
        ledger = _ledger(tmp_path / str(number))
        ledger.append(tables)
        assert _amounts(ledger) == ["10.00", "10.00"]
        assert ledger.problems().rule.to_pyarrow().to_pylist() == ["same-statement"] * (repeats > 1)
    other = once.replace(":86:text", ":86:other", 1)
    ledger = _ledger(tmp_path / "other")
    ledger.append(formats.read_tables((once + other).encode(), "mt940"))
    assert len(_amounts(ledger)) == 4


@pytest.mark.parametrize("references", [(7, 8, 7), (7, 8), (7, 7, 8), (7, 8, 8, 7)])
def test_a_statement_that_comes_again_in_its_file_after_its_double_is_booked_all_the_same(
    tmp_path: Path, references: tuple[int, ...]
) -> None:
    head, foot = ":20:M\r\n:25:A1\r\n:28C:{0}/1\r\n:60F:C260301EUR100,\r\n", ":62F:C260302EUR110,\r\n-\r\n"
    text = head + ":61:2603020302C10,NTRFNONREF\r\n:86:text\r\n" + foot
    ledger = _ledger(tmp_path)
    ledger.append(formats.read_tables("".join(text.format(each) for each in references).encode(), "mt940"))
    assert _amounts(ledger) == ["10.00"]
    assert set(ledger.problems().rule.to_pyarrow().to_pylist()) == {"same-statement"}


def test_statements_that_only_look_alike_are_both_kept(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    still = [
        _told(STATEMENT, [_entry(amount), _entry(f"-{amount}")], name=name) for amount, name in (("5", "1"), ("6", "2"))
    ]
    _append(ledger, *still)
    assert _amounts(ledger) == ["-5.00", "-6.00", "5.00", "6.00"]
    broken = replace(_told(STATEMENT, [_entry("9")], name="3"), entries=())
    _append(ledger, broken, _told(STATEMENT, [_entry("9")], name="4"))
    assert "9.00" in _amounts(ledger)


_MT = """:20:{name}\r\n:25:A1\r\n:28C:1/1\r\n{opening}:61:2603020302C10,NTRFNONREF//{reference}\r\n:86:text\r\n{closing}"""


def test_an_interim_mt942_gives_way_to_the_days_camt_statement(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    floor = ":34F:EUR0,\r\n:13D:2603021200+0000\r\n"
    interim = _MT.format(name="I1", opening=floor, reference="R1", closing=":90C:1EUR10,\r\n").encode()
    tables = formats.read_tables(interim, "mt942")
    assert tables.statements["kind"].to_pylist() == [REPORT]
    ledger.append(tables)
    assert _amounts(ledger) == ["10.00"]
    _append(ledger, _told(STATEMENT, [_entry("10", "other"), _entry("3", "R3")]))
    assert _amounts(ledger) == ["10.00", "3.00"]


def test_an_mt940_file_and_a_camt_of_the_same_day_are_booked_once(tmp_path: Path) -> None:
    opening, closing = ":60F:C260301EUR100,\r\n", ":62F:C260302EUR110,\r\n"
    swift = _MT.format(name="M1", opening=opening, reference="X", closing=closing).encode()
    ledger = _ledger(tmp_path)
    ledger.append(
        formats.read_tables(swift, "mt940"), tables_of([_told(STATEMENT, [_entry("10", "Y")], opening="100")], "camt")
    )
    assert (_amounts(ledger), ledger.problems().rule.to_pyarrow().to_pylist()) == (["10.00"], ["same-statement"])


_KINDS = (STATEMENT, REPORT, NOTIFICATION)


@st.composite
def _files_told(draw: st.DrawFn) -> list[Statement]:
    """Files of a few days, out of order, which tell the same few bookings in several dresses."""
    told = []
    for number in range(draw(st.integers(1, 7))):
        kind, day = draw(st.sampled_from(_KINDS)), date(2026, 3, draw(st.integers(1, 28)))
        entries = [
            _entry(
                str(draw(st.integers(1, 3))),
                draw(st.sampled_from(["R1", "R2", "NONREF", ""])),
                booking_date=draw(st.sampled_from([day, NEXT, None])),
                value_date=draw(st.sampled_from([day, None])),
                status=draw(st.sampled_from(["BOOK", "BOOK", "PDNG"])),
                details=_batch("1", "2") if draw(st.booleans()) else (),
            )
            for _ in range(draw(st.integers(0, 4)))
        ]
        told.append(_told(kind, entries, day=day, hour=draw(st.integers(1, 22)), name=f"{kind}-{number}"))
    return told


@settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(told=_files_told(), large=st.booleans())
def test_what_appends_decided_one_by_one_is_what_the_rules_say_of_everything_at_once(
    told: list[Statement], large: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = _ledger(Path(folder))
        if large:
            _append_large(ledger, Path(folder), told)
        else:
            _append(ledger, *told)
        everything, statements = ledger.entries(everything=True), ledger.statements()
        gone = set(standing.gone(everything, statements).to_pyarrow()["entry_id"].to_pylist())
        ids = set(everything.entry_id.to_pyarrow().to_pylist())
        stand = ledger.entries().to_pyarrow().to_pylist()
        assert {row["entry_id"] for row in stand} == ids - gone
        assert len(stand) == len(ids - gone)
        details = Counter(ledger.details().entry_id.to_pyarrow().to_pylist())
        assert details == {row["entry_id"]: row["details"] for row in stand if row["details"] > 1}
        bare = [row for row in stand if row["details"] == 0 and row["status"] == "BOOK"]
        givers = (
            everything.filter(everything.entry_id.isin(list(gone)), everything.details > 0).to_pyarrow().to_pylist()
        )
        assert not [row for row in bare if any(_gives(giver, row) for giver in givers)]


def _gives(giver: dict[str, Any], row: dict[str, Any]) -> bool:
    days = [each["booking_date"] or each["value_date"] for each in (giver, row)]
    near = None not in days and abs((days[0] - days[1]).days) <= standing.NEAR
    same: bool = row["bank_reference"] == giver["bank_reference"] and row["amount"] == giver["amount"]
    return near and same and row["bank_reference"] in ("R1", "R2")


def _append_large(ledger: Ledger, folder: Path, told: Sequence[Statement]) -> None:
    for statement in told:
        tables = tables_of([statement], statement.identification)
        places = {name: folder / f"{name}.parquet" for name in ("entries", "details")}
        for name, place in places.items():
            pq.write_table(getattr(tables, name), place)
        ledger.append_large([places["entries"]], [places["details"]], tables, source=statement.identification)


def test_a_reference_that_comes_again_a_month_later_is_another_booking(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    later = _entry("10", "RENT", booking_date=date(2026, 4, 2), value_date=date(2026, 4, 2))
    _append(ledger, _told(STATEMENT, [_entry("10", "RENT")]), _told(REPORT, [later], day=date(2026, 4, 2)))
    assert _amounts(ledger) == ["10.00", "10.00"]


def _open_files(folder: Path) -> set[str]:
    table, layout = ledger_tables.open_table(folder / "ledger", "entries"), ledger_tables.LAYOUTS["entries"]
    return {file.path for file in ledger_tables.files_of(table, layout) if file.part == ledger_tables.OPEN}


def test_what_gives_way_in_a_large_file_has_only_the_days_near_it_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_taking, "TIERS", (1,))
    ledger, days = _ledger(tmp_path), [DAY, NEXT, date(2026, 6, 2)]
    told = [_entry(str(number), f"R{number}", booking_date=day, details=_batch("1")) for number, day in enumerate(days)]
    _append(ledger, _told(REPORT, told, day=days[-1]))
    _append(ledger, _told(STATEMENT, [_entry("0", "R0")]))
    apart = _open_files(tmp_path)
    _append(ledger, _told(STATEMENT, [_entry("1", "R1", booking_date=NEXT)], day=NEXT))
    assert (len(apart), len(_open_files(tmp_path)), _open_files(tmp_path) < apart) == (2, 1, True)
    assert _amounts(ledger) == ["0.00", "1.00", "2.00"]
    assert ledger.entries(everything=True).count().execute() == 5


def test_an_entry_that_is_told_again_with_payments_counts_once(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    told = (_told(STATEMENT, [_entry("3", "R1", details=more)], name=str(len(more))) for more in ((), _batch("1", "2")))
    _append(ledger, *told)
    assert sorted(payments(ledger.entries(), ledger.details()).amount.to_pyarrow().to_pylist()) == [3]
