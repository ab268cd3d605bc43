"""Payments from every format into every other: what is not told as lost comes back the same; what is missing is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import pain001, pain008
from electra_kernel.formats.base import Reading
from electra_kernel.formats.carried import in_words
from electra_kernel.formats.conversion_orders import WRITTEN_PAYMENTS
from electra_kernel.orders.model import Mandate, Order, Transaction
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

_NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_GERMAN, _FRENCH = "DE89370400440532013000", "FR1420041010050500013M02606"
_HUNGARIAN = "HU42117730161111101800000000"
#: The accounts and the currency of formats that are for one country.
_NATIONAL = {"dtaus": (_GERMAN, "EUR"), "cfonb160": (_FRENCH, "EUR"), "epc-qr": (_GERMAN, "EUR")} | dict.fromkeys(
    ("atutal", "tomega", "beszed"), (_HUNGARIAN, "HUF")
)
_TRANSFERS = [name for name in WRITTEN_PAYMENTS if name not in ("pain.008", "camt.055", "beszed", "swiss-qr")]
_COLLECTIONS = ["pain.008", "beszed", "dtaus", "cfonb160"]
_WORDS = st.text(alphabet="ABCDXYZ 0189", min_size=1, max_size=18).map(lambda text: " ".join(text.split())).filter(bool)
_AMOUNTS = st.integers(1, 9_999_999).map(lambda whole: Decimal(whole * 100) / 100)


def _transfers(account: str, currency: str, words: Sequence[tuple[Decimal, str, str]]) -> Order:
    kind = "domestic" if currency == "HUF" else "sepa"
    return Order(
        message_id="A12345678T001",
        payment_id="A12345678T001",
        kind=kind,
        debtor=Party(name="ELECTRA", account=account),
        initiator="A12345678T001",
        execution_date=date(2026, 3, 3),
        created=_NOW,
        transactions=tuple(
            Transaction(
                amount=Money(amount, currency),
                counterparty=Party(name=name, account=account),
                remittance=text,
                end_to_end_id=f"E{number}",
            )
            for number, (amount, name, text) in enumerate(words)
        ),
    )


def _as_collection(order: Order) -> Order:
    lines = tuple(
        replace(line, mandate=Mandate(identification=f"M{number}")) for number, line in enumerate(order.transactions)
    )
    kind = "domestic-collection" if order.currency == "HUF" else "sepa-core-collection"
    return replace(
        order, kind=kind, debtor=Party(name=""), creditor=order.debtor, creditor_id="123456", transactions=lines
    )


def _converted(reading: Reading, name: str) -> tuple[Reading, tuple[str, ...]]:
    debtor = Party(name="ELECTRA", account=_own(reading), identification="A12345678")
    data, told = formats.convert(reading, name, now=_NOW, debtor=debtor)
    return formats.read(data, name), told


def _holds(name: str, account: str, currency: str) -> bool:
    """Whether a format holds accounts of this country and this currency; a payment code asks for euro only."""
    wanted, of = _NATIONAL.get(name, (account, currency))
    return of == currency and (wanted == account or name == "epc-qr")


def _own(reading: Reading) -> str:
    """The account that was there before a format without a debtor; the test's own partners bank where it does."""
    return reading.orders[0].own.account if reading.orders else reading.transactions[0].counterparty.account


def _payments(reading: Reading) -> list[Transaction]:
    return [*reading.transactions, *(item for order in reading.orders for item in order.transactions)]


def _assert_carried(before: Reading, after: Reading, told: Sequence[str]) -> None:
    """Amounts and partners are there, and so is every text that is not told."""
    one, two = _payments(before), _payments(after)
    assert [item.amount for item in one] == [item.amount for item in two]
    for field, value in (
        ("counterparty_name", lambda item: item.counterparty.name),
        ("counterparty_account", lambda item: item.counterparty.account),
        ("remittance", lambda item: item.remittance),
        ("end_to_end_id", lambda item: item.end_to_end_id),
    ):
        changed = [value(item) for item in one] != [value(item) for item in two]
        filled = any(value(item) not in ("", "NOTPROVIDED") for item in one)
        assert (changed and filled) == any(line.startswith(in_words(field)) for line in told), (field, told)
    if before.orders and after.orders:
        days = [{order.execution_date for order in reading.orders} for reading in (before, after)]
        assert (days[0] != days[1]) == any(line.startswith("the order's execution date") for line in told)


@pytest.mark.parametrize("first", _TRANSFERS)
@settings(max_examples=2, deadline=None, phases=[Phase.generate])
@given(words=st.lists(st.tuples(_AMOUNTS, _WORDS, _WORDS), min_size=1, max_size=3, unique_by=lambda each: each[0]))
def test_transfers_go_from_every_format_into_every_other(first: str, words: list[tuple[Decimal, str, str]]) -> None:
    for second in _TRANSFERS:
        account, currency = _NATIONAL.get(first, _NATIONAL.get(second, (_HUNGARIAN, "HUF")))
        several = words[:1] if "epc-qr" in (first, second) else words
        original = Reading(format="test", orders=(_transfers(account, currency, several),))
        before, told = _converted(original, first)
        _assert_carried(original, before, told)
        if not _holds(second, account, currency):
            with pytest.raises(ElectraError):
                _converted(before, second)
            continue
        after, lost = _converted(before, second)
        if first in ("dtaus", "cfonb160") and second in ("csv", "xlsx"):  # a sheet takes no such account
            assert f"{len(several)} of {len(several)} payments as a whole" in lost
        else:
            _assert_carried(before, after, lost)


@pytest.mark.parametrize("first", _COLLECTIONS)
@settings(max_examples=2, deadline=None, phases=[Phase.generate])
@given(words=st.lists(st.tuples(_AMOUNTS, _WORDS, _WORDS), min_size=1, max_size=3, unique_by=lambda each: each[0]))
def test_collections_go_from_every_format_into_every_other(first: str, words: list[tuple[Decimal, str, str]]) -> None:
    for second in _COLLECTIONS:
        account, currency = _NATIONAL.get(first, _NATIONAL.get(second, (_HUNGARIAN, "HUF")))
        original = Reading(format="test", orders=(_as_collection(_transfers(account, currency, words)),))
        before, told = _converted(original, first)
        _assert_carried(original, before, told)
        if not _holds(second, account, currency):
            with pytest.raises(ElectraError):
                _converted(before, second)
            continue
        _assert_carried(before, *_converted(before, second))


_SHEET = b"Name,Account,Amount,Currency\nA,DE89370400440532013000,12.50,EUR\nB,HU42117730161111101800000000,5000,HUF\n"


def test_payments_without_a_debtor_become_a_message_with_a_block_for_each_currency() -> None:
    reading = formats.read(_SHEET, "x.csv")
    with pytest.raises(ElectraError, match="does not say which account pays") as caught:
        formats.convert(reading, "pain.001", now=_NOW)
    assert '--debtor IBAN --debtor-name "NAME"' in caught.value.repair
    with pytest.raises(ElectraError, match="does not say who pays"):
        formats.convert(reading, "pain.001", now=_NOW, debtor=Party(name="", account=_HUNGARIAN))
    we = Party(name="We", account=_HUNGARIAN)
    data, told = formats.convert(reading, "pain.001", now=_NOW, debtor=we)
    assert told == ()
    euro, forint = formats.read(data, "x").orders
    assert (euro.kind, euro.currency, forint.kind, forint.currency) == ("sepa", "EUR", "domestic", "HUF")
    assert euro.debtor == forint.debtor == we
    assert (euro.message_id, len({euro.payment_id, forint.payment_id})) == (forint.message_id, 2)
    assert euro.execution_date == date(2026, 3, 2)
    later, _ = formats.convert(reading, "pain.001.001.03", now=_NOW, debtor=we, execution_date=date(2026, 4, 1))
    assert {order.execution_date for order in formats.read(later, "x").orders} == {date(2026, 4, 1)}


def test_a_file_that_names_another_account_than_is_said_is_not_converted() -> None:
    reading = Reading(format="x", orders=(_transfers(_GERMAN, "EUR", [(Decimal(5), "A", "B")]),))
    with pytest.raises(ElectraError, match="says that the account is DE89"):
        formats.convert(reading, "pain.001", now=_NOW, debtor=Party(name="We", account=_HUNGARIAN))


@pytest.mark.parametrize("collects", [False, True])
def test_several_orders_become_one_message_and_come_back_each(collects: bool) -> None:
    one = _transfers(_GERMAN, "EUR", [(Decimal(5), "A", "B"), (Decimal(6), "C", "D")])
    two = replace(_transfers(_GERMAN, "EUR", [(Decimal(7), "E", "F")]), execution_date=date(2026, 4, 1))
    orders = tuple(map(_as_collection, (one, two))) if collects else (one, two)
    writer = pain008 if collects else pain001
    with pytest.raises(ElectraError, match="payment id"):
        writer.write(orders)
    name = "pain.008" if collects else "pain.001"
    reading = Reading(format="x", orders=orders)
    data, told = formats.convert(reading, name, now=_NOW)
    assert told == ("the order's payment block id as it was (1 of 2 orders)",)
    back = formats.read(data, "x")
    assert [order.execution_date for order in back.orders] == [date(2026, 3, 3), date(2026, 4, 1)]
    assert [order.payment_id for order in back.orders] == ["A12345678T001", "A12345678T001-2"]
    assert [problem.rule for problem in back.problems] == ["several-blocks"]
    assert data.count(b"<NbOfTxs>3</NbOfTxs><CtrlSum>18</CtrlSum>") == 1
    other = "pain.001" if collects else "pain.008"
    with pytest.raises(ElectraError, match=f"Write it as a {name}"):
        formats.convert(reading, other, now=_NOW)
    mixed = Reading(format="x", orders=(one, _as_collection(two)))
    assert "1 of 3 payments as a whole" in formats.convert(mixed, "pain.001", now=_NOW)[1]


def test_what_is_lost_is_told_in_words_and_once() -> None:
    made = _transfers(_GERMAN, "EUR", [(Decimal(5), "A", "B"), (Decimal(6), "C", "D")])
    _, told = formats.convert(Reading(format="x", orders=(made,)), "csv", now=_NOW)
    assert told == (
        "the order's message id (1 order)",
        "the order's payment block id (1 order)",
        "the order's kind (1 order)",
        "the debtor's name (1 order)",
        "the debtor's account (1 order)",
        "the order's execution date (1 order)",
        "the order's creation time (1 order)",
        "the order's initiator (1 order)",
    )
    assert in_words("counterparty_address_building") == "the partner's house number"
    assert in_words("mandate_amendment_debtor_bic") == "the mandate's earlier debtor's bank"
    assert in_words("order_creditor_id") == "the creditor's scheme id"
    assert in_words("remittance") == "the text to the partner"


def test_nothing_but_payments_and_statements_is_converted() -> None:
    with pytest.raises(ElectraError, match=r"cannot be written as pain\.001"):
        formats.convert(Reading(format="pain.002"), "pain.001", now=_NOW)
    with pytest.raises(ElectraError, match="cannot be written as a file without an ending") as caught:
        formats.convert(formats.read(_SHEET, "x.csv"), "", now=_NOW)
    assert "pain.001" in caught.value.repair
    with pytest.raises(ElectraError, match="carries one payment; the file holds 2"):
        formats.convert(formats.read(_SHEET, "x.csv"), "epc-qr", now=_NOW)
