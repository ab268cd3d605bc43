"""Payments from every format into every other: what is not told as lost comes back the same; what is missing is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from electra_kernel import formats
from electra_kernel.formats import pain001, pain008
from electra_kernel.formats.base import Reading
from electra_kernel.formats.carried import in_words
from electra_kernel.formats.conversion_orders import WRITTEN_PAYMENTS
from electra_kernel.orders.model import Mandate, Order, Transaction
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party
from tests.shared import SHARED, needs_shared

_NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_GERMAN, _FRENCH = "DE89370400440532013000", "FR1420041010050500013M02606"
_HUNGARIAN = "HU42117730161111101800000000"
#: The accounts and the currency of formats that are for one country.
_NATIONAL = {"dtaus": (_GERMAN, "EUR"), "cfonb160": (_FRENCH, "EUR"), "epc-qr": (_GERMAN, "EUR")} | dict.fromkeys(
    ("atutal", "tomega", "beszed"), (_HUNGARIAN, "HUF")
)
_TRANSFERS = [
    name for name in WRITTEN_PAYMENTS if name not in ("pain.008", "camt.055", "beszed", "swiss-qr", "nacha", "hct-qr")
]
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


# ------------------------------------------------------------------------------------- accounts that are no IBANs, and codes
_AMERICAN = ("091000019/4711", "021000021/88-12")


def _american(*, collects: bool = False) -> Order:
    order = _transfers(_AMERICAN[1], "USD", [(Decimal("12.50"), "ALPHA", "RENT"), (Decimal("7.00"), "BETA", "FEE")])
    order = replace(order, kind="cross-border", debtor=Party(name="ELECTRA", account=_AMERICAN[0]))
    return _as_collection(order) if collects else order


@pytest.mark.parametrize("collects", [False, True])
@pytest.mark.parametrize("versions", [(pain001.USUAL, pain008.USUAL), ("pain.001.001.03", "pain.008.001.02")])
@needs_shared
def test_a_domestic_account_stands_in_a_message_with_the_code_of_its_bank_and_comes_back(
    collects: bool, versions: tuple[str, str]
) -> None:
    for own, other in (_AMERICAN, ("37040044/532013000", "10020030/1")):
        order = _american(collects=collects)
        side = {"creditor" if collects else "debtor": replace(order.own, account=own)}
        lines = tuple(
            replace(line, counterparty=replace(line.counterparty, account=other)) for line in order.transactions
        )
        order = replace(order, **side, transactions=lines)  # type: ignore[arg-type]
        module, version = (pain008, versions[1]) if collects else (pain001, versions[0])
        data = module.write([order], version=version)
        schema = etree.XMLSchema(file=str(SHARED / "schemas" / "iso20022" / f"{version}.xsd"))
        schema.assertValid(etree.fromstring(data))
        system = "USABA" if own == _AMERICAN[0] else "DEBLZ"
        member, _, number = other.partition("/")
        assert data.count(f"<ClrSysId><Cd>{system}</Cd></ClrSysId><MmbId>{member}</MmbId>".encode()) == 2
        assert f"<Othr><Id>{number}</Id></Othr>".encode() in data
        reading = formats.read(data, "x")
        assert [problem.rule for problem in reading.problems] == []
        (back,) = reading.orders
        assert back.own.account == own
        assert [line.counterparty.account for line in back.transactions] == [other, other]
        odd = formats.read(data.replace(f"<Cd>{system}<".encode(), b"<Cd>GBDSC<"), "x")
        assert {problem.rule for problem in odd.problems} == {"element-not-carried"}
        assert [line.counterparty.account for line in odd.orders[0].transactions] == [number, number]


@pytest.mark.parametrize("collects", [False, True])
def test_american_orders_go_between_nacha_and_messages(collects: bool) -> None:
    order, name = _american(collects=collects), "pain.008" if collects else "pain.001"
    message, _ = formats.convert(Reading(format="test", orders=(order,)), name, now=_NOW)
    no_id = replace(order, creditor_id="") if collects else order
    with pytest.raises(ElectraError, match="company's id") as caught:
        formats.convert(Reading(format="test", orders=(no_id,)), "nacha", now=_NOW)
    assert "--debtor-id" in caught.value.repair
    own = Party(name="", identification="1234567890")
    file, told = formats.convert(formats.read(message, "x"), "nacha", now=_NOW, debtor=own)
    assert not [line for line in told if "partner's account" in line or "amount" in line]
    (back,) = formats.read(file, "x").orders
    assert [line.amount for line in back.transactions] == [line.amount for line in order.transactions]
    assert [line.counterparty.account for line in back.transactions] == [_AMERICAN[1]] * 2
    again, _ = formats.convert(
        formats.read(file, "x"), name, now=_NOW, debtor=replace(own, name="ELECTRA", account=_AMERICAN[0])
    )
    assert [line.counterparty.account for line in formats.read(again, "x").orders[0].transactions] == [_AMERICAN[1]] * 2
    euro = Reading(format="test", orders=(_transfers(_GERMAN, "EUR", [(Decimal(1), "A", "B")]),))
    with pytest.raises(ElectraError, match="which one American bank"):
        formats.convert(euro, "nacha", now=_NOW, debtor=own)


def test_a_hungarian_payment_becomes_a_code_and_what_it_lacks_is_asked_for() -> None:
    order = _transfers(_HUNGARIAN, "HUF", [(Decimal(12500), "KIS", "RENT")])
    item = replace(order.transactions[0], counterparty=Party(name="KIS", account=_HUNGARIAN, bic="OTPVHUHB"))
    whole = Reading(format="test", orders=(replace(order, transactions=(item,)),))
    data, _ = formats.convert(whole, "hct-qr", now=_NOW)
    assert data.split(b"\n")[3:8] == [b"OTPVHUHB", b"KIS", _HUNGARIAN.encode(), b"HUF12500", b"20260303235959+1"]
    (back,) = formats.read(data, "x").transactions
    assert back == replace(item, position=None)
    loose = Reading(format="test", transactions=(item,))
    summer, _ = formats.convert(loose, "hct-qr", now=_NOW, execution_date=date(2026, 7, 1))
    assert b"20260701235959+2" in summer
    for wrong, said, repair in (
        (loose, "until when", "--on"),
        (Reading(format="test", orders=(order,)), "names the bank", "BIC"),
        (
            Reading(format="test", orders=(_transfers(_GERMAN, "EUR", [(Decimal(1), "A", "B")]),)),
            "names the bank",
            "BIC",
        ),
        (replace(whole, orders=(replace(order, transactions=(item, item)),)), "carries one payment", "of its own"),
        (
            replace(whole, orders=(replace(order, transactions=(replace(item, amount=Money(Decimal(1), "EUR")),)),)),
            "carries forints",
            "epc-qr",
        ),
    ):
        with pytest.raises(ElectraError, match=said) as caught:
            formats.convert(wrong, "hct-qr", now=_NOW)
        assert repair in caught.value.repair


@pytest.mark.parametrize(
    ("item", "name", "said"),
    [
        (
            Transaction(amount=Money(Decimal(5), "HUF"), counterparty=Party(name="A", account=_HUNGARIAN)),
            "epc-qr",
            "EUR",
        ),
        (
            Transaction(amount=Money(Decimal(5), "CHF"), counterparty=Party(name="A", account=_GERMAN)),
            "swiss-qr",
            "Switz",
        ),
        (
            Transaction(amount=Money(Decimal(5), "CHF"), counterparty=Party(name="A", account="CH9300762011623852957")),
            "swiss-qr",
            "post code, town and country",
        ),
    ],
)
def test_what_a_payment_lacks_for_a_code_is_said(item: Transaction, name: str, said: str) -> None:
    with pytest.raises(ElectraError) as caught:
        formats.convert(Reading(format="test", transactions=(item,)), name, now=_NOW)
    assert said in str(caught.value)
