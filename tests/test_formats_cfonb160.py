"""CFONB 160: French transfers and collections of before SEPA."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.cli.files import convert_file
from electra_kernel.formats import cfonb160
from electra_kernel.formats.fields import LayoutError
from electra_kernel.orders.model import Mandate, Order, Transaction
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

COMPANY = Party(name="EXEMPLE SARL", account="300010012300000012345")


def payment(
    cents: int = 12345, text: str = "FACTURE 4711", name: str = "DUPONT", reference: str = "F4711"
) -> Transaction:
    return Transaction(
        amount=Money(Decimal(cents).scaleb(-2), "EUR"),
        counterparty=Party(name=name, account="20041010050500013M026"),
        remittance=text,
        instruction_id=reference,
    )


def order_of(*payments: Transaction, collects: bool = False) -> Order:
    items = tuple(replace(item, mandate=Mandate() if collects else None) for item in payments)
    return Order(
        message_id="CFONB260131-1",
        payment_id="R1",
        kind="collection" if collects else "cross-border",
        **({"creditor": COMPANY, "creditor_id": "123456"} if collects else {"debtor": COMPANY}),
        execution_date=date(2026, 1, 31),
        created=datetime(2026, 1, 31, tzinfo=UTC),
        transactions=items,
    )


def bare(order: Order) -> Order:
    return replace(order, transactions=tuple(replace(item, position=None) for item in order.transactions))


def packed(most: int) -> st.SearchStrategy[str]:
    return st.text("ABC abc 019.é-", max_size=most).map(lambda text: " ".join(text.split()))


PAYMENTS = st.lists(
    st.builds(payment, st.integers(1, 10**14), packed(62), packed(24), packed(12)), min_size=1, max_size=4
)


@given(PAYMENTS, st.booleans())
def test_what_is_written_is_read_again(payments: list[Transaction], collects: bool) -> None:
    order = order_of(*payments, collects=collects)
    data = cfonb160.write(order)
    assert {len(line) for line in data.split(b"\r\n")} == {160, 0}
    reading = cfonb160.read(data, "x", on(2026))
    assert [problem.rule for problem in reading.problems] == ["year"]
    assert [bare(found) for found in reading.orders] == [order]
    assert cfonb160.write(reading.orders) == data


def test_a_remittance_has_the_records_of_the_standard() -> None:
    data = cfonb160.write(order_of(payment(text="X" * 40), collects=True))
    head, item, more, total, _ = data.decode("latin-1").split("\r\n")
    assert head[:30] == "0308        123456       31016"
    assert (head[30:61], head[80], head[86:102], head[149:154]) == (
        f"{'EXEMPLE SARL':24}R1     ",
        "E",
        "0012300000012345",
        "30001",
    )
    assert (item[:54], item[102:118]) == (f"0608        123456F4711       {'DUPONT':24}", "0000000000012345")
    assert (item[86:102], item[149:154], item[118:149]) == ("010050500013M026", "20041", "X" * 31)
    assert (more[:4], more[118:149].rstrip(), total[:18], total[102:118]) == (
        "0708",
        "X" * 9,
        "0808        123456",
        "0000000000012345",
    )


def on(year: int, month: int = 11) -> Clock:
    return lambda: datetime(year, month, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("today", "day", "year"),
    [
        (on(2026), b"31016", 2026),
        (on(2026), b"31017", 2027),
        (on(2026), b"31018", 2018),
        (on(2026), b"31125", 2025),
        (on(2031), b"31016", 2026),
        (on(2039, 2), b"31010", 2040),
        (on(2026), b"29026", 2016),
        (on(1999), b"31016", 1996),
    ],
)
def test_the_decade_of_a_date_is_told_from_the_day_of_reading(today: Clock, day: bytes, year: int) -> None:
    data = cfonb160.write(order_of(payment())).replace(b"31016", day, 1)
    if b"311" in day:
        data = data.replace(b"31125", b"30115", 1)
    reading = cfonb160.read(data, "x", today)
    assert [order.execution_date.year for order in reading.orders] == [year]
    assert [problem.rule for problem in reading.problems] == ["year"]


def test_transfers_without_a_day_are_for_the_day_of_reading_and_collections_must_have_one() -> None:
    data = cfonb160.write(order_of(payment())).replace(b"31016", b"     ", 1)
    reading = cfonb160.read(data, "x", on(2026))
    assert [order.execution_date for order in reading.orders] == [date(2026, 11, 23)]
    assert [(problem.rule, problem.severity) for problem in reading.problems] == [("no-day", "warning")]
    with pytest.raises(UnreadableFile, match="no day"):
        formats.read(cfonb160.write(order_of(payment(), collects=True)).replace(b"31016", b"     ", 1), "x")


def test_francs_are_of_the_years_in_which_there_were_francs() -> None:
    francs = cfonb160.write(order_of(payment())).replace(b"E     00123", b"F     00123", 1)
    (order,) = cfonb160.read(francs, "x", on(2026)).orders
    assert (order.execution_date, order.currency) == (date(1996, 1, 31), "FRF")


def test_the_shell_writes_an_order_in_the_format(tmp_path: Path) -> None:
    given, made = tmp_path / "given.txt", tmp_path / "made.txt"
    given.write_bytes(cfonb160.write(order_of(payment(), collects=True)))
    convert_file(given, made, "cfonb160")
    assert made.read_bytes() == given.read_bytes()


def test_several_remittances_are_several_orders_and_an_iban_gives_its_parts() -> None:
    iban = replace(payment(), counterparty=Party(name="X", account="FR1420041010050500013M02606"))
    data = cfonb160.write([order_of(iban), order_of(payment(), collects=True)])
    first, second = formats.read(data, "x").orders
    assert first.transactions[0].counterparty.account == "20041010050500013M026"
    assert (first.collects, second.collects, second.creditor_id) == (False, True, "123456")


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        (b"0000000000066666", b"0000000000066667", "sum", 4),
        (b"0000000000012345", b"00000000000123X5", "number", 2),
        (b"0602", b"0608", "contradiction", 2),
        (b"0602", b"0902", "record", 2),
        (b"DUPONT" + b" " * 18, b"DUPONT" + b" " * 18 + b"BANQUE", "not-carried", 2),
        (b"E     00123", b"      00123", "currency", 1),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: bytes, new: bytes, rule: str, line: int) -> None:
    data = cfonb160.write(order_of(payment(), payment(54321)))
    at = data.rindex(old) if rule == "sum" else data.index(old)
    data = data[:at] + new + data[at + len(new) :]
    reading = formats.read(data, "x")
    assert (rule, line) in {(problem.rule, problem.position) for problem in reading.problems}


@pytest.mark.parametrize(
    ("old", "new", "said"), [(b"31016", b"31026", "no day"), (b"0302", b"0376", "'76' is not read")]
)
def test_a_remittance_without_a_day_or_of_another_operation_is_refused(old: bytes, new: bytes, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said):
        formats.read(cfonb160.write(order_of(payment())).replace(old, new, 1), "x")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"counterparty": Party(name="X", account="DE89370400440532013000")}, "not a French account"),
        ({"counterparty": Party(name="X" * 25, account="300010012300000012345")}, "24 fit"),
        ({"remittance": "X" * 63}, "62 fit"),
        ({"remittance": "5 €"}, "cannot be written"),
        ({"amount": Money(Decimal(1), "USD")}, "USD cannot"),
        ({"amount": Money(Decimal(-1), "EUR")}, "positive"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(LayoutError, match=said):
        cfonb160.write(order_of(replace(payment(), **change)))  # type: ignore[arg-type]
