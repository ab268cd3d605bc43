"""NACHA: American transfers and collections."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import nacha
from electra_kernel.formats.fields import LayoutError
from electra_kernel.orders.model import NOT_PROVIDED, Mandate, Order, Transaction
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

COMPANY = Party(name="SAMPLE TRADING", identification="1234567890")
FROM: dict[str, Any] = {"destination": "091000019", "origin": "1234567890"}
#: Two batches: credits and debits with their own account, and collections with a text.
LINES = (
    f"101 0910000191234567890{'260130'}1215A094101{'BANK':23}{'SAMPLE TRADING':31}",
    f"5200{'SAMPLE TRADING':36}1234567890PPD{'PAYROLL':10}      260202   1091000010000001",
    f"622021000021{'111111':17}0000100000{'E-1':15}{'JANE DOE':24}0091000010000001",
    f"632021000021{'222222':17}0000050000{'E-2':15}{'JOHN DOE':24}0091000010000002",
    f"627091000019{'999999':17}0000150000{'':15}{'SAMPLE TRADING':24}0091000010000003",
    f"820000000300133000050000001500000000001500001234567890{'':25}091000010000001",
    f"5225{'SAMPLE TRADING':36}1234567890CCD{'FEES':10}      260203   1091000010000002",
    f"627021000021{'333333':17}0000000099{'C-7':15}{'CUSTOMER':24}1091000010000001",
    f"705{'INVOICE 12':80}00010000001",
    f"822500000200021000020000000000990000000000001234567890{'':25}091000010000002",
    f"9000002000002000000050015400007000000150099000000150000{'':39}",
    *["9" * 94] * 9,
)
FILE = "".join(f"{line}\r\n" for line in LINES).encode()


def payment(cents: int, text: str, name: str, number: str, reference: str) -> Transaction:
    return Transaction(
        amount=Money(Decimal(cents).scaleb(-2), "USD"),
        counterparty=Party(name=name, account=f"021000021/{number}"),
        remittance=text,
        end_to_end_id=reference or NOT_PROVIDED,
    )


def order_of(*payments: Transaction, sort: str = "CTX", collects: bool = False, number: int = 1) -> Order:
    items = tuple(
        replace(item, instruction_id=f"09100001{place:07d}", mandate=Mandate() if collects else None)
        for place, item in enumerate(payments, 1)
    )
    return Order(
        message_id=f"ACH2601301215A-{number}",
        payment_id=f"{number:07d} FEES",
        kind="collection" if collects else "cross-border",
        **({"creditor": COMPANY} if collects else {"debtor": COMPANY}),  # type: ignore[arg-type]
        execution_date=date(2026, 2, 2),
        created=datetime(2026, 1, 30, 12, 15, tzinfo=UTC),
        transactions=items,
        local_instrument=sort,
    )


def bare(order: Order) -> Order:
    return replace(order, transactions=tuple(replace(item, position=None) for item in order.transactions))


WORDS = st.text("ABCabc019 .*~\\>&-", max_size=330).map(lambda text: " ".join(text.split()))
NAMES = st.from_regex(r"[A-Za-z][A-Za-z .&]{0,14}", fullmatch=True).map(str.strip)
NUMBERS = st.from_regex(r"[A-Z0-9-]{1,17}", fullmatch=True)
REFERENCES = st.from_regex(r"[A-Z0-9-]{0,15}", fullmatch=True)
PAYMENTS = st.lists(
    st.builds(payment, st.integers(1, 9_999_999_999), WORDS, NAMES, NUMBERS, REFERENCES), min_size=1, max_size=4
)


@given(PAYMENTS, PAYMENTS)
def test_what_is_written_is_read_again(paid: list[Transaction], collected: list[Transaction]) -> None:
    orders = [order_of(*paid), order_of(*collected, collects=True, number=2)]
    data = nacha.write(orders, **FROM)
    assert len(data) % (10 * 96) == 0
    reading = formats.read(data, "x")
    assert reading.problems == ()
    assert [bare(found) for found in reading.orders] == orders
    assert nacha.write(reading.orders, **FROM) == data
    assert formats.read(data.replace(b"\r\n", b""), "x").orders[0].transactions[0].amount == paid[0].amount


def test_batches_are_orders_and_an_entry_against_all_others_is_the_companys_own_account() -> None:
    reading = formats.read(FILE, "x.ach")
    wages, fees = reading.orders
    assert (wages.collects, wages.own.account, wages.control_sum) == (False, "091000019/999999", Decimal("1500.00"))
    assert (wages.local_instrument, wages.category_purpose, wages.execution_date) == ("PPD", "SALA", date(2026, 2, 2))
    assert [item.counterparty.account for item in wages.transactions] == ["021000021/111111", "021000021/222222"]
    assert (fees.collects, fees.transactions[0].remittance, fees.control_sum) == (True, "INVOICE 12", Decimal("0.99"))
    assert [(problem.position, problem.rule) for problem in reading.problems] == [(4, "not-carried")]


def test_a_balanced_batch_is_read_with_its_own_account() -> None:
    order = replace(order_of(payment(5, "", "X", "1", "")), debtor=replace(COMPANY, account="091000019/42"))
    data = nacha.write(order, **FROM, balanced=True, types={"021000021/1": "savings"})
    lines = data.decode().split("\r\n")
    assert [line[:3] for line in lines[:6]] == ["101", "520", "632", "627", "820", "900"]
    assert lines[4][20:44] == "000000000005000000000005"
    (found,) = formats.read(data, "x").orders
    assert bare(found) == order


def test_international_entries_have_name_bank_and_text_in_their_addenda() -> None:
    def addendum(kind: int, text: str) -> bytes:
        return f"7{kind}{text:<80}    0000001\r\n".encode()

    body = b"622091000019" + b"0007" + b" " * 13 + b"0000002500" + b"DE89370400440532013000".ljust(35) + b"  0010000000"
    entry = body[:39] + b"DE89370400440532013000".ljust(35) + b"    1091000010000001\r\n"
    data = (
        FILE[:96]
        + f"5220{'':16}FF3{'':15}DE1234567890IAT{'TRADE':10}USDEUR260202   1091000010000001\r\n".encode()
        + entry
        + addendum(10, "BUS" + "2500".zfill(18) + " " * 22 + "MUSTER GMBH")
        + addendum(14, "BANK".ljust(35) + "02" + "COBADEFFXXX".ljust(34) + "DE ")
        + addendum(15, " " * 15 + "MAINZER 1")
        + addendum(16, "KOELN*NRW\\".ljust(35) + "DE*50667\\")
        + addendum(17, "INVOICE 9")
    )
    reading = formats.read(data, "x")
    (item,) = reading.orders[0].transactions
    assert (item.counterparty.name, item.counterparty.account) == ("MUSTER GMBH", "DE89370400440532013000")
    assert (item.counterparty.bic, item.remittance, item.amount.amount) == ("COBADEFFXXX", "INVOICE 9", Decimal(25))
    assert str(item.counterparty.address) == "MAINZER 1, KOELN, NRW, DE, 50667"
    assert {problem.rule for problem in reading.problems} == {"currency", "truncated"}


def test_prenotes_returns_and_changes_are_told_and_order_nothing() -> None:
    prenote = FILE.replace(b"632021000021222222           0000050000", b"633021000021222222           0000000000")
    assert (4, "no-money") in {(problem.position, problem.rule) for problem in formats.read(prenote, "x").problems}
    back = FILE.replace(b"705INVOICE 12" + b" " * 70, b"799R01091000010000055      02100002".ljust(83))
    back = back.replace(b"627021000021333333", b"626021000021333333")
    reading = formats.read(back, "x")
    assert len(reading.orders) == 1
    (told,) = (problem for problem in reading.problems if problem.rule == "return")
    assert (told.position, "R01 (insufficient funds); trace 091000010000055" in told.text) == (8, True)
    change = back.replace(b"799R01", b"798C01")
    assert "change" in {problem.rule for problem in formats.read(change, "x").problems}


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        (b"820000000300", b"820000000400", "count", 6),
        (b"8200000003001330000500", b"8200000003001330000600", "sum", 6),
        (b"82250000020002100002000000000099", b"82250000020002100002000000000098", "sum", 10),
        (b"9000002000002", b"9000002000003", "count", 11),
        (b"9000002000002", b"9000003000002", "count", 11),
        (b"622021000021", b"622021000022", "account", 3),
        (b"622021000021", b"622O21000021", "digits", 3),
        (b"5200SAMPLE", b"5220SAMPLE", "service-class", 2),
        (b"0000000099", b"0000000000", "amount", 8),
        (b"1091000010000001\r\n705", b"0091000010000001\r\n705", "addenda", 8),
        (b"627021000021", b"699021000021", "entry", 8),
        (b"260202", b"260230", "date", 2),
        (b"091000010000002\r\n9000002", b"091000010000003\r\n9000002", "contradiction", 10),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: bytes, new: bytes, rule: str, line: int) -> None:
    assert FILE.count(old) >= 1
    reading = formats.read(FILE.replace(old, new, 1), "x")
    assert (rule, line) in {(problem.rule, problem.position) for problem in reading.problems}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": Money(Decimal(1), "EUR")}, "positive dollars"),
        ({"counterparty": Party(name="X", account="021000022/1")}, "no routing number"),
        ({"counterparty": Party(name="X" * 17, account="021000021/1")}, "room for 16"),
        ({"end_to_end_id": "X" * 16}, "16 characters where 15 fit"),
        ({"remittance": "€"}, "cannot be written"),
        ({"amount": Money(Decimal(100_000_000), "USD")}, "where 10 fit"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(LayoutError, match=said):
        nacha.write(order_of(replace(payment(1, "", "X", "1", ""), **change)), **FROM)  # type: ignore[arg-type]


def test_a_long_text_wants_ctx_and_an_order_a_company_id() -> None:
    with pytest.raises(LayoutError, match="CTX"):
        nacha.write(order_of(payment(1, "X" * 81, "X", "1", ""), sort="CCD"), **FROM)
    with pytest.raises(LayoutError, match="company's id"):
        nacha.write(replace(order_of(payment(1, "", "X", "1", "")), debtor=Party(name="X")), **FROM)
    with pytest.raises(UnreadableFile, match="no batch"):
        formats.read(FILE[:96], "x")


@pytest.mark.parametrize("end", ["", "\r\n", "\n\n\n"])
@pytest.mark.parametrize("together", [10, 20])
def test_blocks_of_records_without_line_ends_are_read(end: str, together: int) -> None:
    blocks = ["".join(LINES[at : at + together]) for at in range(0, len(LINES), together)]
    reading = formats.read(("\n".join(blocks) + end).encode(), "x")
    plain = formats.read(FILE, "x")
    assert [problem.rule for problem in reading.problems] == [problem.rule for problem in plain.problems]
    assert [bare(order) for order in reading.orders] == [bare(order) for order in plain.orders]


def test_a_file_without_a_batch_orders_nothing_and_advices_for_banks_are_refused() -> None:
    empty = f"{LINES[0]}\r\n9{'0' * 5}0{'000001'}{'0' * 8}{'0' * 34}{'':39}\r\n".encode()
    reading = formats.read(empty, "x")
    assert (reading.orders, [problem.rule for problem in reading.problems]) == ((), ["empty"])
    with pytest.raises(UnreadableFile, match="no batch and no end"):
        formats.read(f"{LINES[0]}\r\n".encode(), "x")
    with pytest.raises(UnreadableFile, match="accounting advices"):
        formats.read(FILE.replace(b"1234567890CCD", b"1234567890ADV"), "x")


def test_an_unusual_head_is_still_a_head_and_a_control_without_company_is_told_once() -> None:
    other = FILE.replace(b"1215A094101", b"1215 094109", 1)
    assert "constant" in {problem.rule for problem in formats.read(other, "x").problems}
    bare_controls = FILE.replace(b"0001500001234567890", b"000150000          ").replace(
        b"0000000001234567890", b"000000000          "
    )
    told = [(problem.rule, problem.severity) for problem in formats.read(bare_controls, "x").problems]
    assert told.count(("missing", "warning")) == 1
    assert "contradiction" not in {rule for rule, _ in told}


def test_accents_in_utf_8_move_no_column() -> None:
    reading = formats.read(FILE.replace(b"JANE DOE", "JÁNE DOE".encode()), "x")
    assert [problem.rule for problem in reading.problems if problem.field == "file"] == ["encoding"]
    assert reading.orders[0].transactions[0].counterparty.name == "JÁNE DOE"


@pytest.mark.parametrize("change", [(b"101 ", b"101"), (b"101 ", b"101  ")])
def test_a_file_whose_head_lost_a_blank_or_has_one_too_many_is_read_and_told(change: tuple[bytes, bytes]) -> None:
    whole, shifted = nacha.read(FILE, "x"), FILE.replace(*change, 1)
    assert formats.detect(shifted, "x").name == "nacha"
    reading = formats.read(shifted, "x")
    assert [order.transactions for order in reading.orders] == [order.transactions for order in whole.orders]
    assert {problem.position for problem in reading.problems if problem.rule in ("length", "constant")} == {1}
