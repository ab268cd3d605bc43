"""DTAUS: German payments and collections of the time before SEPA."""

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
from electra_kernel.formats import dtaus
from electra_kernel.formats.fields import LayoutError
from electra_kernel.orders.model import Mandate, Order, Transaction
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party
from tests.shared import SHARED, needs_shared

CLIENT = Party(name="MUSTER HANDEL GMBH", account="37040044/532013000")


def payment(
    cents: int = 12345, text: str = "RECHNUNG 4711", name: str = "BÄCKEREI GROß", number: str = "77"
) -> Transaction:
    return Transaction(
        amount=Money(Decimal(cents).scaleb(-2), "EUR"),
        counterparty=Party(name=name, account="50010517/648489890"),
        remittance=text,
        instruction_id=number,
    )


def order_of(*payments: Transaction, collects: bool = False, client: Party = CLIENT) -> Order:
    items = tuple(replace(item, mandate=Mandate() if collects else None) for item in payments)
    return Order(
        message_id="DTAUS030110-1-1",
        payment_id="4711",
        kind="collection" if collects else "cross-border",
        **({"creditor": client} if collects else {"debtor": client}),  # type: ignore[arg-type]
        execution_date=date(2003, 1, 15),
        created=datetime(2003, 1, 10, tzinfo=UTC),
        transactions=items,
    )


def bare(order: Order) -> Order:
    return replace(order, transactions=tuple(replace(item, position=None) for item in order.transactions))


LETTERS = "ABCXYZ0189.,&/+*$%-ÄÖÜß "
WORDS = st.text(LETTERS, max_size=378).map(lambda text: " ".join(text.split()))
NAMES = st.text(LETTERS, min_size=1, max_size=54).map(lambda text: " ".join(text.split()) or "X")
PAYMENTS = st.builds(
    payment, st.integers(1, 99_999_999_999), WORDS, NAMES, st.integers(0, 99_999_999_999).map(lambda n: str(n or ""))
)


@given(st.lists(PAYMENTS, min_size=1, max_size=4), st.booleans(), NAMES, st.sampled_from(["din66003", "cp437"]))
def test_what_is_written_is_read_again(payments: list[Transaction], collects: bool, name: str, encoding: str) -> None:
    order = order_of(*payments, collects=collects, client=replace(CLIENT, name=name))
    data = dtaus.write(order, encoding=encoding)
    assert len(data) % 128 == 0
    reading = formats.read(data, "x")
    assert reading.problems == ()
    assert [bare(found) for found in reading.orders] == [order]
    assert dtaus.write(reading.orders, encoding=encoding) == data


def test_a_file_has_the_records_of_the_standard() -> None:
    data = dtaus.write(order_of(payment(text="A" * 27 * 4))).decode("ascii")
    head, payment_, foot = data[:128], data[128:-128], data[-128:]
    assert head[:15] == "0128AGK37040044"
    assert head[50:56] == "100103"
    assert head[95:103] == "15012003"
    assert (head[60:80], head[127]) == ("05320130000000004711", "1")
    assert (payment_[:5], len(payment_)) == ("0274C", 384)
    assert payment_[13:61] == "500105170648489890000000000077051000 00000000000"
    assert payment_[61:90] == "37040044053201300000000012345"
    assert payment_[93:106] == "B[CKEREI GRO~"
    assert payment_[182:187] == "1  03"
    assert payment_[187:189] == "02"
    assert payment_[256:258] == "02"
    assert foot[:77] == "0128E     0000001" + "0" * 13 + "0648489890".zfill(17) + "50010517".zfill(17) + "12345".zfill(
        13
    )


def test_several_logical_files_and_clients_are_several_orders() -> None:
    other = order_of(payment(), client=Party(name="TOCHTER", account="37040044/1"))
    data = dtaus.write([order_of(payment(), collects=True), other])
    assert [found.collects for found in formats.read(data, "x").orders] == [True, False]
    mixed = data[:384] + dtaus.write(order_of(payment()))[128:384].replace(b"0532013000", b"0000000009") + data[384:]
    accounts = [found.own.account for found in formats.read(mixed, "x").orders]
    assert accounts == ["37040044/532013000", "37040044/9", "37040044/1"]


def test_a_purpose_is_a_text_key_and_an_iban_gives_its_bank_code_and_number() -> None:
    salary = replace(payment(), purpose="SALA", counterparty=Party(name="X", account="DE89370400440532013000"))
    data = dtaus.write(order_of(salary))
    assert data[128 + 44 : 128 + 49] == b"53000"
    (found,) = formats.read(data, "x").orders
    assert (found.transactions[0].purpose, found.transactions[0].counterparty.account) == ("SALA", "37040044/532013000")


def test_amounts_in_marks_stay_in_marks() -> None:
    old = replace(payment(), amount=Money(Decimal("99.90"), "DEM"))
    reading = formats.read(dtaus.write(order_of(old)), "x")
    assert (reading.problems, reading.orders[0].transactions[0].amount) == ((), old.amount)


def test_umlauts_are_read_in_either_set_and_lines_and_filling_do_not_matter() -> None:
    data = dtaus.write(order_of(payment()), encoding="cp437")
    latin = data.replace(b"\x8e", b"\xc4").replace(b"\xe1", b"\xdf")
    lines = b"\r\n".join(data[at : at + 128] for at in range(0, len(data), 128)) + b"\r\n\x1a"
    filled = data.rstrip() + b"\0" * 200
    for changed, rules in ((latin, ["character-set"]), (lines, []), (filled, [])):
        reading = formats.read(changed, "x")
        assert [problem.rule for problem in reading.problems] == rules
        assert [bare(found) for found in reading.orders] == [order_of(payment())]


@pytest.mark.parametrize(
    ("old", "new", "rule", "record"),
    [
        (b"0128E     0000001", b"0128E     0000002", "count", 3),
        (b"00000000012345   ", b"00000000012346   ", "sum", 3),
        (b"0128E     00000010000000000000000000006", b"0128E     00000010000000000000000000007", "sum", 3),
        (b"051000", b"004000", "text-key", 2),
        (b"0187C", b"0216C", "length", 2),
        (b"50010517", b"5001051X", "digits", 2),
        (b"15012003", b"31022003", "date", 1),
        (b"100103", b"      ", "required", 1),
        (b"0128E", b"0129E", "record", 3),
        (b"0128E", b"0128A", "required", 3),
        (b"RECHNUNG", b"RECH\0UNG", "control", 2),
    ],
)
def test_what_is_wrong_is_told_with_its_record(old: bytes, new: bytes, rule: str, record: int) -> None:
    data = dtaus.write(order_of(payment()))
    assert data.count(old) >= 1
    reading = formats.read(data.replace(old, new, 1), "x")
    assert (rule, record) in {(problem.rule, problem.position) for problem in reading.problems}


def test_a_file_that_says_not_when_it_was_made_is_of_its_day_of_execution_or_of_none() -> None:
    data = dtaus.write(order_of(payment()))
    undated = data.replace(b"100103", b"      ", 1)
    (order,) = formats.read(undated, "x").orders
    assert order.created.date() == order.execution_date == date(2003, 1, 15)
    reading = formats.read(undated.replace(b"15012003", b" " * 8, 1), "x")
    assert (reading.orders, "head" in {problem.rule for problem in reading.problems}) == ((), True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"counterparty": Party(name="X", account="HU42117730161111101800000000")}, "German account"),
        ({"counterparty": Party(name="X" * 55, account="50010517/1")}, "54 fit"),
        ({"remittance": "X" * 379}, "378 fit"),
        ({"remittance": "5 €"}, "cannot be written"),
        ({"amount": Money(Decimal(1), "USD")}, "euro or mark"),
        ({"amount": Money(Decimal("0.001"), "EUR")}, "more than 2 decimals"),
        ({"instruction_id": "A1"}, "not a number"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(LayoutError, match=said):
        dtaus.write(order_of(replace(payment(), **change)))  # type: ignore[arg-type]


def test_the_shell_writes_an_order_in_the_format(tmp_path: Path) -> None:
    given, made = tmp_path / "given.dta", tmp_path / "made.dta"
    given.write_bytes(dtaus.write(order_of(payment())))
    convert_file(given, made, "dtaus")
    assert made.read_bytes() == given.read_bytes()


def test_a_tape_is_refused_by_name() -> None:
    with pytest.raises(UnreadableFile, match="magnetic tapes"):
        formats.read(b"\0\x96\0\0\xc1\xd3\xd2" + b"\0" * 143, "x")


#: Of each sample what must be told, and the sum of what it orders.
SAMPLES = {
    "illegal_create_date_with_legal_transaction": ({"required", "head"}, "0"),
    "illegal_format_header": ({"head"}, ""),
    "invalid_header_also_when_spaces_allowed_for_a10_and_checksum": ({"digits", "empty"}, "0"),
    "legal_checksum_standalone": ({"head"}, ""),
    "legal_header_and_transaction_but_missing_checksum": ({"truncated", "not-carried", "account"}, "0.01"),
    "legal_header_standalone": ({"truncated", "empty"}, "0"),
    "unsupported_data_header": ({"head"}, ""),
    "valid_header_and_checksum": ({"empty"}, "0"),
    "valid_header_checksum_and_forbidden_transaction_ext": ({"text-key", "account"}, "777777777.77"),
    "valid_header_checksum_and_transaction": ({"account"}, "777777777.77"),
    "valid_header_checksum_and_transaction_ext": ({"account"}, "777777777.77"),
    "valid_header_checksum_and_transaction_missing_currency": ({"account", "currency-mark"}, "777777777.77"),
    "valid_header_checksum_and_transaction_missing_currency_valid": ({"account", "currency-mark"}, "777777777.77"),
    "valid_header_checksum_illegal_format_transaction": ({"digits", "number", "account", "payment", "empty"}, "0"),
    "valid_header_illegal_format_checksum": ({"number", "empty"}, "0"),
    "valid_header_when_spaces_allowed_for_a10_and_checksum": ({"empty"}, "0"),
    "empty_256_3": ({"head"}, ""),
}


def _samples() -> list[Path]:
    return sorted(file for file in (SHARED / "samples" / "dtaus").rglob("*") if file.is_file())


def _reading(file: Path) -> formats.Reading | UnreadableFile:
    try:
        return formats.read(file.read_bytes(), file.name)
    except UnreadableFile as refused:
        return refused


@needs_shared
def test_every_sample_is_read_or_refused_for_its_reason() -> None:
    files = _samples()
    assert {file.name.removeprefix("dtaus0_") for file in files} == set(SAMPLES)
    for file in files:
        rules, total = SAMPLES[file.name.removeprefix("dtaus0_")]
        reading = _reading(file)
        if isinstance(reading, UnreadableFile):
            assert (total, {reading.problem.rule}) == ("", rules), file.name
            continue
        assert reading.format == "DTAUS"
        assert {problem.rule for problem in reading.problems} == rules, file.name
        assert sum((order.control_sum for order in reading.orders), Decimal(0)) == Decimal(total), file.name
