"""Hungarian formats: group messages, XML transfers, bank files by profile, payment codes; exact, counted, and told apart."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import giro, hctqr, pain001, pain008, profiles
from electra_kernel.formats.base import Reading
from electra_kernel.formats.carried import not_carried
from electra_kernel.formats.fields import LayoutError
from electra_kernel.formats.hctqr import PaymentCode, QrError
from electra_kernel.formats.hungarian import from_giro, to_giro
from electra_kernel.orders.model import NOT_PROVIDED, Mandate, Order, Transaction
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party
from tests.shared import SHARED, needs_shared

OURS, THEIRS, LONG = "HU42117730161111101800000000", "HU68100320000107686800000000", "HU86126000161042694795638648"
COMPANY = Party(name="Minta Kereskedelmi Kft.", account=OURS, identification="A12345678")


def _order(message: str = "ATUTAL", **change: object) -> Order:
    collects = message == "BESZED"
    first = Transaction(
        amount=Money(Decimal(125_000), "HUF"),
        counterparty=Party(name="Árvíztűrő Ödön", account=LONG, address=Address(lines=("1011 Budapest, Fő utca 1.",))),
        remittance="Munkabér 03",
        end_to_end_id=NOT_PROVIDED if collects else "D-0001",
        mandate=Mandate(identification="V-77") if collects else None,
        ultimate_creditor="" if collects else "Tükörfúró Éva",
        ultimate_debtor="Tükörfúró Éva" if collects else "",
    )
    second = replace(
        first,
        amount=Money(Decimal(1), "HUF"),
        counterparty=Party(name="Kiss Béla", account=THEIRS),
        remittance="",
        ultimate_creditor="",
        ultimate_debtor="",
        end_to_end_id=NOT_PROVIDED,
        mandate=Mandate() if collects else None,
    )
    order = Order(
        message_id="202603300007",
        payment_id="202603300007",
        kind="domestic-collection" if collects else "domestic",
        execution_date=date(2026, 4, 1),
        created=datetime(2026, 3, 30, tzinfo=UTC),
        transactions=(first, second),
        **({"creditor": COMPANY, "creditor_id": "A12345678"} if collects else {"debtor": COMPANY}),  # type: ignore[arg-type]
    )
    return replace(order, **change)  # type: ignore[arg-type]


def _bare(order: Order) -> Order:
    return replace(order, transactions=tuple(replace(item, position=None) for item in order.transactions))


# ------------------------------------------------------------------------------------------------- group messages
@pytest.mark.parametrize("message", giro.MESSAGES)
def test_a_group_message_is_written_by_the_standard_and_read_back(message: str) -> None:
    order = _order(message)
    data = giro.write(order, message=message)
    lines = data.decode("cp852").split("\r\n")
    assert [len(line) for line in lines] == [174, *[275 if message == "TOMEGA" else 249] * 2, 24, 0]
    day = "20260401"
    assert (
        lines[0][:104]
        == f"01{message}0A12345678    2026033000071177301611111018        {day}   {COMPANY.name:<35}"[:104]
    )
    assert lines[1][:50] == f"02000001{'        ' if message == 'ATUTAL' else day}0000125000126000161042694795638648"
    assert lines[3] == "030000020000000000125001"
    reading = giro.read(data, "file")
    assert (reading.format, reading.problems) == (message, ())
    assert [_bare(found) for found in reading.orders] == [order]
    assert giro.write(reading.orders, message=message) == data
    assert giro.detect(data)


@pytest.mark.parametrize("message", ["ATUTAL", "BESZED"])
def test_a_group_message_goes_by_way_of_iso_20022_and_comes_back_byte_for_byte(message: str) -> None:
    data = giro.write(_order(message))
    (order,) = giro.read(data, "file").orders
    iso = pain008.write(order, version="pain.008.001.08") if order.collects else pain001.write(order)
    (back,) = (pain008 if order.collects else pain001).read(iso, "file").orders
    assert giro.write(back) == data


def test_several_messages_in_a_file_are_several_orders_and_due_dates_split_a_collection() -> None:
    orders = [_order(), _order(message_id="202603300008", payment_id="202603300008")]
    assert len(giro.read(giro.write(orders), "file").orders) == 2
    lines = giro.write(_order("BESZED")).split(b"\r\n")
    lines[2] = lines[2][:8] + b"20260402" + lines[2][16:]
    first, second = giro.read(b"\r\n".join(lines), "file").orders
    assert (first.execution_date, second.execution_date) == (date(2026, 4, 1), date(2026, 4, 2))
    assert (first.message_id, second.message_id) == ("202603300007", "202603300007-2")


def test_what_lies_in_a_group_message_is_told_with_its_line() -> None:
    lines = giro.write(_order(), purpose="MUN", text="Kérjük").split(b"\r\n")
    lines[1] = lines[1].replace(b"0000125000", b"0000125001").replace(b"12600016", b"12600017")
    lines[2] = lines[2][:179] + b"a text of more than eighteen".ljust(70)
    problems = giro.read(b"\r\n".join([*lines[:2], lines[2], lines[3]]), "file").problems
    assert [(problem.position, problem.field, problem.rule) for problem in problems] == [
        (1, "head.purpose", "not-carried"),
        (1, "head.text", "not-carried"),
        (2, "item.account", "account"),
        (3, "item.text", "text-length"),
        (4, "foot.sum", "sum"),
    ]
    cut = giro.read(b"\r\n".join(lines[:2]), "file")
    assert [problem.rule for problem in cut.problems][-1] == "truncated"
    assert len(cut.orders[0].transactions) == 1
    broken = giro.read(lines[0].replace(b"20260330", b"20261330") + b"\r\n" + lines[1], "file")
    assert broken.orders == ()
    assert {"date", "head"} <= {problem.rule for problem in broken.problems}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"debtor": replace(COMPANY, identification="")}, "initiator's id"),
        ({"debtor": replace(COMPANY, account="DE89370400440532013000")}, "not a Hungarian account"),
        ({"debtor": replace(COMPANY, name="N" * 36)}, "36 characters where 35 fit"),
    ],
)
def test_what_a_group_message_cannot_carry_is_refused(change: dict[str, Party], said: str) -> None:
    with pytest.raises(LayoutError, match=said):
        giro.write(_order(**change))


def _lost(order: Order) -> str:
    """What a group message does not give back, in words."""
    told = not_carried(Reading(format="x", orders=(order,)), formats.read(giro.write(order), "x"))
    return ", ".join(told).replace("_", " ")


def test_what_a_group_message_leaves_out_is_named() -> None:
    order = _order()
    assert _lost(order) == _lost(_order("BESZED")) == ""
    assert "initiator" in _lost(replace(order, initiator="Somebody else"))
    signed = replace(order.transactions[0], mandate=Mandate(identification="1", signed=date(2026, 1, 1)))
    assert "mandate" in _lost(replace(_order("BESZED"), transactions=(signed,)))
    with pytest.raises(LayoutError, match="carries payments"):
        profiles.write([_order("BESZED")], next(each for each in profiles.shipped() if each.name == "huf-transactions"))
    item = replace(order.transactions[0], purpose="SALA", ultimate_debtor="X", structured_reference="RF18539007547034")
    other = replace(order, message_id="M-1", transactions=(item,))
    said = _lost(other)
    assert all(word in said for word in ("message", "purpose", "structured", "ultimate debtor")), said


@pytest.mark.parametrize("amount", ["1.50", "-1", "12345678901"])
def test_amounts_that_a_group_message_cannot_carry_are_refused(amount: str) -> None:
    item = replace(_order().transactions[0], amount=Money(Decimal(amount), "HUF"))
    with pytest.raises(LayoutError):
        giro.write(_order(transactions=(item,)))
    with pytest.raises(LayoutError):
        giro.write(_order(), message="BESZED")


_TEXT = st.text("abcÁÉŐŰ 019.,/-", max_size=35).map(str.strip)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(giro.MESSAGES),
    st.lists(
        st.tuples(st.integers(1, 10**10 - 1), _TEXT.filter(bool), _TEXT, _TEXT.map(lambda text: text[:24].strip())),
        min_size=1,
        max_size=5,
    ),
)
def test_any_order_a_group_message_can_carry_comes_back(message: str, items: list[tuple[int, str, str, str]]) -> None:
    base = _order(message)
    collects = message == "BESZED"
    transactions = tuple(
        replace(
            base.transactions[1],
            amount=Money(Decimal(amount), "HUF"),
            counterparty=Party(name=name, account=THEIRS),
            remittance=text,
            end_to_end_id=NOT_PROVIDED if collects or not number else number,
            mandate=Mandate(identification=number) if collects else None,
        )
        for amount, name, text, number in items
    )
    order = replace(base, transactions=transactions)
    reading = giro.read(giro.write(order, message=message), "file")
    assert [_bare(found) for found in reading.orders] == [order]
    assert {problem.rule for problem in reading.problems} <= {"text-length"}


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(giro.MESSAGES))
def test_no_bytes_break_the_reader_of_group_messages(noise: bytes, message: str) -> None:
    data = giro.write(_order(message), message=message)
    cut = len(noise) * 11 % len(data)
    for broken in (noise, data[:cut] + noise, data[:cut], data[:cut] + noise + data[cut:]):
        with suppress(UnreadableFile):
            giro.read(broken, "file")


def test_domestic_numbers_and_ibans_lead_to_one_another() -> None:
    assert from_giro("11773016-11111018") == (OURS, True)
    assert from_giro("12600016 10426947 95638648") == (LONG, True)
    assert from_giro("11773016-11111019") == ("1177301611111019", False)
    assert from_giro("") == ("", True)
    assert [to_giro(account) for account in (OURS, LONG, "DE89370400440532013000")] == [
        "1177301611111018",
        "126000161042694795638648",
        "DE89370400440532013000",
    ]


# --------------------------------------------------------------------------------------------------- bank files by profile
@needs_shared
def test_published_xml_transfers_are_read_and_one_with_a_document_type_is_refused() -> None:
    (profile,) = [profile for profile in profiles.shipped() if profile.name == "huf-transactions"]
    read = {}
    for file in sorted((SHARED / "samples" / "hu_xml").rglob("*.xml")):
        with suppress(UnreadableFile):
            data = file.read_bytes()
            reading = profiles.read(data, profile, file.name)
            read[file.name] = [len(order.transactions) for order in reading.orders]
            assert sum(read[file.name]) == data.count(b"<Transaction>")
            told = {problem.rule for problem in reading.problems}
            assert told <= {"length", "account"}
            total = sum(item.amount.amount for order in reading.orders for item in order.transactions)
            assert total > 0
    assert sorted(read) == ["example.xml", "test.xml"]


# ------------------------------------------------------------------------------------------------------ payment codes
SUMMER = timezone(timedelta(hours=2))
CODE = PaymentCode(
    bic="OTPVHUHB",
    name="Minta Kereskedelmi Kft.",
    account=OURS,
    until=datetime(2026, 7, 31, 23, 59, 59, tzinfo=SUMMER),
    amount=Decimal(14_990),
    purpose="GDSV",
    remittance="Számla 2026/17",
    shop="B1",
    reference="F-17",
)


def test_a_payment_code_has_seventeen_lines_and_becomes_a_payment() -> None:
    data = hctqr.write(CODE)
    lines = data.decode().split("\n")
    assert lines[:10] == ["HCT", "001", "1", "OTPVHUHB", "Minta Kereskedelmi Kft.", OURS, "HUF14990", "20260731235959+2", "GDSV", "Számla 2026/17"]  # fmt: skip
    assert lines[10:] == ["B1", "", "", "", "F-17", "", ""]
    assert hctqr.read(data, "code") == hctqr.read(data + b"\n", "code") == CODE
    for kept in (data, b"\xef\xbb\xbf" + data, data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r")):
        assert hctqr.detect(kept)
        assert hctqr.read(kept, "code") == CODE
    payment = CODE.as_transaction()
    assert (payment.amount, payment.counterparty.account, payment.end_to_end_id) == (
        Money(Decimal(14_990), "HUF"),
        OURS,
        "F-17",
    )
    assert hctqr.is_valid(CODE, datetime(2026, 7, 31, 21, tzinfo=UTC))
    assert not hctqr.is_valid(CODE, datetime(2026, 7, 31, 22, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"kind": "ABC"}, 1),
        ({"bic": "otpvhuhb"}, 4),
        ({"bic": "X"}, 4),
        ({"name": " "}, 5),
        ({"name": "N" * 71}, 5),
        ({"account": "DE89370400440532013000"}, 6),
        ({"account": OURS[:-1] + "1"}, 6),
        ({"amount": Decimal("1.5")}, 7),
        ({"amount": Decimal(0)}, 7),
        ({"until": datetime(2026, 1, 1)}, 8),
        ({"purpose": "G"}, 9),
        ({"remittance": "a\nb"}, 10),
        ({"loyalty": "L" * 36}, 16),
    ],
)
def test_a_payment_code_that_may_not_be_is_refused_with_its_line(change: dict[str, object], line: int) -> None:
    with pytest.raises(QrError) as caught:
        replace(CODE, **change)  # type: ignore[arg-type]
    assert caught.value.where == f"line {line}"
    assert caught.value.repair


def test_codes_that_are_too_long_or_broken_are_refused() -> None:
    long = replace(CODE, name="ő" * 70, remittance="ű" * 70, shop="é" * 35, loyalty="á" * 35)
    with pytest.raises(QrError, match="345"):
        hctqr.write(long)
    full = replace(
        CODE, name="N" * 70, remittance="T" * 70, shop="S" * 35, device="D" * 35, loyalty="L" * 27, customer="C" * 17
    )
    assert len(hctqr.write(full)) == 345
    assert hctqr.read(hctqr.write(full).replace(b"\n", b"\r\n"), "code") == full
    good = hctqr.write(CODE)
    for broken, rule in (
        (good.replace(b"HUF14990", b"EUR14990"), "value"),
        (good.replace(b"+2\n", b"\n"), "value"),
        (good.replace(b"001\n1", b"002\n1"), "version"),
        (good[:60], "length"),
        (good.replace(b"Sz", b"\xff"), "encoding"),
    ):
        with pytest.raises(UnreadableFile) as caught:
            hctqr.read(broken, "code")
        assert caught.value.problem.rule == rule
    with pytest.raises(QrError):
        replace(CODE, amount=None).as_transaction()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 200))
def test_no_bytes_break_the_reader_of_payment_codes(noise: bytes, place: int) -> None:
    good = hctqr.write(CODE)
    with suppress(UnreadableFile):
        hctqr.read(good[:place] + noise + good[place:], "code")


NETBANK = f"""<?xml version="1.0" encoding="utf-8"?>
<NetBankXML>
  <FEJLEC><KIBOCSATO><Nev>Minta Bank</Nev></KIBOCSATO><DokumentumInfo><SzamlaID>2026/01</SzamlaID></DokumentumInfo></FEJLEC>
  <SzamlaInfo><Szamlaszam>{to_giro(OURS)[:8]}-{to_giro(OURS)[8:16]}</Szamlaszam><Nev>Minta Kft.</Nev></SzamlaInfo>
  <EgyenlegInfo>
    <NyitoEgyenleg Devizanem="HUF">1000.00</NyitoEgyenleg><ZaroEgyenleg Devizanem="HUF">-2500.50</ZaroEgyenleg>
  </EgyenlegInfo>
  <Tranzakcio NBID="17"><Tranzakcioszam>18</Tranzakcioszam><Ellenpartner>Árvíztűrő Bt.</Ellenpartner>
    <Ellenszamla>{OURS}</Ellenszamla><Osszeg Devizanem="HUF">-4500.50</Osszeg><Kozlemeny>Számla 7</Kozlemeny>
    <Terhelesnap>2026.01.05.</Terhelesnap><Esedekessegnap>2026.01.06.</Esedekessegnap><Tipus>AFR</Tipus>
    <Jutalekosszeg>12.00</Jutalekosszeg></Tranzakcio>
  <Tranzakcio NBID="18"><Osszeg Devizanem="HUF">1000.00</Osszeg><Terhelesnap>2026.01.07.</Terhelesnap></Tranzakcio>
</NetBankXML>
"""


def test_a_statement_of_magnet_bank_is_read_by_its_profile_and_proved() -> None:
    reading = formats.read(NETBANK.encode(), "x")
    assert (reading.format, reading.problems) == ("magnet-netbank", ())
    (statement,) = reading.statements
    assert (statement.account, statement.owner, statement.currency) == (OURS, "Minta Kft.", "HUF")
    assert [balance.amount for balance in statement.balances] == [Decimal(1000), Decimal("-2500.50")]
    first, second = statement.entries
    assert (first.amount, first.booking_date, first.value_date) == (
        Decimal("-4500.50"),
        date(2026, 1, 5),
        date(2026, 1, 6),
    )
    assert first.details[0].counterparty == Party(name="Árvíztűrő Bt.", account=OURS)
    assert (first.charges, first.proprietary_code, second.amount) == (Decimal(12), "AFR", Decimal(1000))
    wrong = formats.read(NETBANK.replace(">1000.00</Osszeg>", ">1000.01</Osszeg>").encode(), "x")
    assert "balance" in {problem.rule for problem in wrong.problems}
