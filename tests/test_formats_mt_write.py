"""SWIFT MT written and read again: the identity on everything an MT can carry, and a word on everything it cannot."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.cli.files import convert_file
from electra_kernel.formats import camt053, mt101, mt103, mt940, mt942
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.statements.model import REPORT, Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party

X = string.ascii_letters + string.digits + "/-?:().,'+ "
#: What a text of field 86 can hold: everything but what would begin a subfield or a SEPA word.
PLAIN = X.replace("?", "").replace("+", "")


def texts(longest: int, letters: str = PLAIN, least: int = 0) -> st.SearchStrategy[str]:
    return st.text(letters, min_size=least, max_size=longest).map(str.strip).filter(lambda text: len(text) >= least)


def references(longest: int = 16) -> st.SearchStrategy[str]:
    plain = st.text(string.ascii_uppercase + string.digits + "-. /", max_size=longest).map(
        lambda text: text.strip(" /")
    )
    return plain.filter(lambda text: "//" not in text and text not in ("NONREF", "NOREF", "KREF", "PREF"))


amounts = st.decimals(Decimal("-9999999999.99"), Decimal("9999999999.99"), places=2)
days = st.dates(date(2000, 1, 1), date(2079, 6, 1))
ibans = st.sampled_from(["DE89370400440532013000", "HU42117730161111101800000000", "GB29NWBK60161331926819"])
bics = st.sampled_from(["COBADEFFXXX", "OTPVHUHB"])
names = texts(54, least=1)


@st.composite
def parties(draw: st.DrawFn) -> Party:
    kind = draw(st.integers(0, 3))
    name = draw(names)
    if kind == 0:
        return Party(name=name)
    if kind == 1:
        return Party(name=name, account=draw(ibans), bic=draw(st.one_of(st.just(""), bics)))
    if kind == 2:
        return Party(name=name, account="10020030/1234567")
    return Party(name=name, account=draw(st.text(string.digits, min_size=1, max_size=24)), bic=draw(bics))


@st.composite
def details(draw: st.DrawFn) -> EntryDetail:
    return EntryDetail(
        counterparty=draw(st.one_of(st.none(), parties())),
        remittance=draw(texts(150)),
        end_to_end_id=draw(texts(35)),
        mandate_id=draw(texts(35)),
        creditor_id=draw(texts(35)),
    )


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    value = draw(days)
    detail = draw(st.one_of(st.none(), details().filter(lambda detail: detail != EntryDetail())))
    money: dict[str, object] = {}
    if draw(st.booleans()):
        money = {
            "original_amount": Decimal("12.5"),
            "original_currency": "USD",
            "charges": draw(st.sampled_from([None, Decimal("-0.5")])),
        }
    codes = ["", "NTRF", "NTRF+166", "NTRF+166+0399", "S103+201+0399+011", "FMSC++0399", "NTRF+166++011"]
    kind = draw(st.sampled_from(codes[1:]))
    amount = draw(amounts)
    if money:
        sign = 1 if amount >= 0 else -1
        money["original_amount"] = sign * Decimal("12.5")
    return Entry(
        amount=amount,
        currency="EUR",
        booking_date=value + timedelta(days=draw(st.integers(-150, 150))),
        value_date=value,
        reversal=draw(st.booleans()),
        proprietary_code=kind,
        bank_reference=draw(references()),
        entry_reference=draw(references()),
        additional_information=draw(texts(27)),
        details=() if detail is None else (detail,),
        **money,  # type: ignore[arg-type]
    )


def statement(own: list[Entry], opening: Decimal = Decimal("100"), **others: object) -> Statement:
    closing = opening + sum((entry.amount for entry in own if entry.status == "BOOK"), Decimal(0))
    facts: dict[str, object] = {
        "identification": "REF 00042",
        "account": "DE02120300000000202051",
        "currency": "EUR",
        "sequence": 42,
        "balances": (
            Balance(kind="OPBD", amount=opening, currency="EUR", date=date(2026, 1, 1)),
            Balance(kind="CLBD", amount=closing, currency="EUR", date=date(2026, 1, 31)),
        ),
        "entries": tuple(own),
    }
    return Statement(**{**facts, **others})  # type: ignore[arg-type]


def again(data: bytes) -> tuple[Statement, ...]:
    reading = formats.read(data, "file")
    assert not reading.problems
    return reading.statements


def without_places(statement: Statement) -> Statement:
    return replace(statement, entries=tuple(replace(entry, position=None) for entry in statement.entries))


# ----------------------------------------------------------------------------------------------------- statements
@settings(max_examples=40, deadline=None)
@given(st.lists(entries(), max_size=4), st.sampled_from(["", "Remark: of, several words"]))
def test_what_is_written_as_mt940_is_read_again(own: list[Entry], remark: str) -> None:
    whole = statement(own, additional_information=remark)
    data, told = mt940.write_told([whole])
    assert not told
    assert [without_places(each) for each in again(data)] == [whole]
    assert all(len(line) <= 65 + 4 for line in data.decode("ascii").split("\r\n"))


@settings(max_examples=30, deadline=None)
@given(st.lists(entries(), min_size=1, max_size=3), st.booleans())
def test_what_is_written_as_mt942_is_read_again(own: list[Entry], pending: bool) -> None:
    if pending:
        own[0] = replace(own[0], status="PDNG", reversal=False)
    whole = statement(
        own,
        balances=(),
        created=datetime(2026, 1, 2, 13, 30, tzinfo=UTC),
        additional_information=":34F:EURD5, :34F:EURC0,",
        kind=REPORT,
    )
    data, told = mt942.write_told([whole])
    assert not told
    reading = formats.read(data, "file")
    # The bank's own sums count what is booked; what is expected is pending here and there.
    assert [problem.rule for problem in reading.problems] in ([], ["entry-sum"], ["entry-sum", "entry-sum"])
    assert [without_places(each) for each in reading.statements] == [whole]


def test_long_references_stand_in_field_86_and_come_back() -> None:
    entry = Entry(
        amount=Decimal(1),
        currency="EUR",
        booking_date=date(2026, 1, 2),
        value_date=date(2026, 1, 2),
        proprietary_code="NTRF",
        bank_reference="BANK-REFERENCE-OF-MORE-THAN-16",
        entry_reference="OWN-REFERENCE-OF-MORE-THAN-16",
        details=(EntryDetail(remittance="x"),),
    )
    data, told = mt940.write_told([statement([entry])])
    assert not told
    assert b"NTRFKREF+\r\n" in data
    assert without_places(again(data)[0]).entries == (entry,)


def test_several_statements_and_available_balances_are_written() -> None:
    first = statement([])
    later = [
        Balance(kind=kind, amount=Decimal(7), currency="EUR", date=date(2026, 2, 2))
        for kind in ("CLAV", "FWAV", "FWAV")
    ]
    whole = replace(first, balances=(*first.balances, *later))
    data, told = mt940.write_told([first, whole])
    assert not told
    assert list(again(data)) == [first, whole]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"details": (EntryDetail(remittance="Grüße & Küsse"),)}, "characters"),
        ({"details": (EntryDetail(remittance="x " * 300),)}, "remittance"),
        ({"details": (EntryDetail(counterparty=Party(name="N" * 60)),)}, "name"),
        ({"details": (EntryDetail(counterparty=Party(name="N", address=Address(country="DE"))),)}, "address"),
        ({"details": (EntryDetail(structured_reference="RF18539007547034"),)}, "structured-reference"),
        ({"details": (EntryDetail(remittance="a"), EntryDetail(remittance="b"))}, "details"),
        ({"bank_transaction_code": "PMNT-RCDT-ESCT"}, "bank-transaction-code"),
        ({"exchange_rate": Decimal("1.5")}, "exchange-rate"),
        ({"charges": Decimal("2")}, "charges"),
        ({"status": "INFO"}, "status"),
        ({"proprietary_code": "something"}, "code"),
        ({"value_date": None}, "value-date"),
        ({"booking_date": date(2024, 1, 2)}, "booking-date"),
        ({"additional_information": "x" * 40}, "length"),
    ],
)
def test_what_an_mt940_cannot_carry_is_told(change: dict[str, object], rule: str) -> None:
    entry = Entry(
        amount=Decimal(1),
        currency="EUR",
        booking_date=date(2026, 1, 2),
        value_date=date(2026, 1, 2),
        proprietary_code="NTRF",
    )
    entry = replace(entry, **change)  # type: ignore[arg-type]
    data, told = mt940.write_told([statement([entry])])
    assert rule in [problem.rule for problem in told]
    assert all(problem.severity == "warning" and problem.repair for problem in told)
    assert formats.read(data, "file").statements


def test_what_the_statement_cannot_carry_is_told() -> None:
    whole = statement(
        [], owner="Owner", bank_bic="COBADEFF", created=datetime(2026, 1, 1, tzinfo=UTC), identification="2026-7"
    )
    _, told = mt940.write_told([whole])
    assert {problem.rule for problem in told} == {"owner", "bank", "created", "identification"}


def test_figures_that_would_be_wrong_are_refused() -> None:
    entry = Entry(amount=Decimal(1), currency="USD", booking_date=date(2026, 1, 2), value_date=date(2026, 1, 2))
    with pytest.raises(ElectraError, match="USD"):
        mt940.write([statement([entry])])
    with pytest.raises(ElectraError, match="no opening"):
        mt940.write([statement([], balances=())])
    with pytest.raises(ElectraError, match="15 characters"):
        mt940.write([statement([replace(entry, currency="EUR", amount=Decimal("123456789012.345"))])])
    with pytest.raises(ElectraError, match="no account"):
        mt940.write([statement([], account="")])
    with pytest.raises(ElectraError, match="no statement"):
        mt940.write([])


def test_mt941_and_mt950_are_written_and_read() -> None:
    entry = Entry(
        amount=Decimal(-5),
        currency="EUR",
        booking_date=date(2026, 1, 2),
        value_date=date(2026, 1, 2),
        proprietary_code="NTRF",
    )
    whole = statement([entry])
    assert without_places(again(mt940.write([whole], kind="950"))[0]) == whole
    report = formats.read(mt942.write([whole], kind="941"), "file")
    assert (report.format, report.problems) == ("mt941", ())
    assert report.statements[0].balances == whole.balances


@settings(max_examples=25, deadline=None)
@given(st.lists(entries(), max_size=4))
def test_what_is_written_as_mt950_is_read_again(own: list[Entry]) -> None:
    bare = [replace(each, details=(), proprietary_code=each.proprietary_code[:4]) for each in own]
    whole = statement([replace(each, additional_information="") for each in bare])
    data, told = mt940.write_told([whole, whole], kind="950")
    assert not told
    reading = formats.read(data, "file")
    assert [without_places(each) for each in reading.statements] == [whole, whole]
    assert b":86:" not in data


@settings(max_examples=25, deadline=None)
@given(amounts, amounts, st.booleans(), st.sampled_from(["", ":90D:3EUR12,5 :90C:1EUR7,"]), st.booleans())
def test_what_is_written_as_mt941_is_read_again(
    opening: Decimal, closing: Decimal, begins: bool, sums: str, dated: bool
) -> None:
    kinds = [("OPBD", opening)] * begins + [("CLBD", closing), ("CLAV", closing), ("FWAV", opening)]
    whole = statement(
        [],
        balances=tuple(Balance(kind=kind, amount=each, currency="EUR", date=date(2026, 1, 31)) for kind, each in kinds),
        additional_information=sums,
        created=datetime(2026, 1, 2, 13, 30, tzinfo=UTC) if dated or not sums else None,
        kind=REPORT,
    )
    data, told = mt940.write_told([whole], kind="941")
    assert not told
    assert again(data) == (whole,)


def test_a_name_in_other_letters_is_spelled_in_plain_ones() -> None:
    party = Party(name="Árvíztűrő Ødegård & Łąka ß")
    entry = Entry(
        amount=Decimal(1),
        currency="EUR",
        booking_date=date(2026, 1, 2),
        value_date=date(2026, 1, 2),
        details=(EntryDetail(counterparty=party),),
    )
    detail = again(mt940.write([statement([entry])]))[0].entries[0].details[0]
    assert detail.counterparty is not None
    assert detail.counterparty.name == "Arvizturo Odegard + Laka ss"


# --------------------------------------------------------------------------------------------------------- orders
order_names = texts(30, string.ascii_letters + " .", least=1)


@st.composite
def order_parties(draw: st.DrawFn) -> Party:
    lines = draw(st.sampled_from([(), ("Street 1",), ("Street 1", "10115 Berlin")]))
    structured = Address(street="Street 1", town="Berlin", country="DE")
    return Party(
        name=draw(order_names),
        account=draw(ibans),
        bic=draw(st.one_of(st.just(""), bics)),
        address=draw(st.sampled_from([structured, Address(lines=lines)])),
    )


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    instruction = draw(st.one_of(st.just(""), st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=16)))
    reference = draw(st.text(string.ascii_uppercase + string.digits + "-", min_size=1, max_size=35))
    return Transaction(
        amount=Money(draw(st.decimals(Decimal("0.01"), Decimal("9999999.99"), places=2)), "EUR"),
        counterparty=draw(order_parties()),
        remittance=draw(texts(80, string.ascii_letters + string.digits + " .,")),
        end_to_end_id=draw(st.sampled_from([reference, NOT_PROVIDED])),
        instruction_id=instruction if instruction not in ("NONREF", "NOREF") else "",
    )


def order(own: list[Transaction], debtor: Party, **others: object) -> Order:
    facts: dict[str, object] = {
        "message_id": "MSG-1",
        "payment_id": "MSG-1",
        "kind": "sepa",
        "debtor": debtor,
        "execution_date": date(2026, 2, 3),
        "created": datetime(2026, 2, 3, tzinfo=UTC),
        "transactions": tuple(own),
        "charge_bearer": "SHAR",
    }
    return Order(**{**facts, **others})  # type: ignore[arg-type]


def orders_again(data: bytes) -> list[Order]:
    reading = formats.read(data, "file")
    assert not reading.problems
    return [
        replace(each, transactions=tuple(replace(one, position=None) for one in each.transactions))
        for each in reading.orders
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(transactions(), min_size=1, max_size=3), order_parties(), st.booleans())
def test_what_is_written_as_mt101_is_read_again(own: list[Transaction], debtor: Party, batch: bool) -> None:
    whole = order(own, debtor, batch_booking=True if batch else None, payment_id="PAY-9" if batch else "MSG-1")
    data, told = mt101.write_told([whole, whole])
    assert not told
    assert orders_again(data) == [whole, whole]


@settings(max_examples=40, deadline=None)
@given(transactions(), order_parties(), st.sampled_from(["SHAR", "DEBT", "CRED"]))
def test_what_is_written_as_mt103_is_read_again(one: Transaction, debtor: Party, charges: str) -> None:
    whole = order([replace(one, instruction_id="")], debtor, charge_bearer=charges)
    data, told = mt103.write_told([whole])
    assert not told
    assert orders_again(data) == [whole]


def test_orders_tell_what_an_mt_cannot_carry() -> None:
    one = Transaction(
        amount=Money(Decimal(5), "EUR"),
        counterparty=Party(name="Gödör " * 20, account="DE89370400440532013000"),
        remittance="x" * 200,
        structured_reference="RF18539007547034",
        purpose="SALA",
        ultimate_debtor="Somebody",
    )
    whole = order(
        [one, one], Party(name="D", account="DE1"), charge_bearer="SLEV", category_purpose="SALA", batch_booking=False
    )
    _, told = mt101.write_told([whole])
    assert {problem.rule for problem in told} == {
        *("characters", "length", "structured-reference", "purpose", "ultimate", "charges", "service", "batch"),
    }
    data, told = mt103.write_told([whole])
    assert "order" in {problem.rule for problem in told}
    assert [each.message_id for each in formats.read(data, "file").orders] == ["MSG-1-1", "MSG-1-2"]


def test_collections_and_ids_that_do_not_fit_are_refused() -> None:
    one = Transaction(amount=Money(Decimal(5), "EUR"), counterparty=Party(name="A", account="DE1"))
    for write in (mt101.write, mt103.write):
        with pytest.raises(ElectraError, match="collections"):
            write([order([one], Party(name=""), creditor=Party(name="C", account="DE2"))])
        with pytest.raises(ElectraError, match="field 20"):
            write([order([one], Party(name="D", account="DE1"), message_id="M" * 17)])
        with pytest.raises(ElectraError, match="no order"):
            write([])


# --------------------------------------------------------------------------------------------------------- convert
def test_statements_and_orders_are_converted_and_losses_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = statement([], owner="Owner")
    source = tmp_path / "in.xml"
    source.write_bytes(camt053.write([whole], message_id="M", created=datetime(2026, 1, 1, tzinfo=UTC)))
    convert_file(source, tmp_path / "out.sta", "")
    assert "Not carried over: The account's owner is not carried." in capsys.readouterr().out
    assert again((tmp_path / "out.sta").read_bytes())[0].balances == whole.balances
    convert_file(tmp_path / "out.sta", tmp_path / "back.xml", "camt.053.001.08")
    assert formats.read((tmp_path / "back.xml").read_bytes(), "back").statements[0].balances == whole.balances
    one = Transaction(amount=Money(Decimal(5), "EUR"), counterparty=Party(name="A", account="DE89370400440532013000"))
    paid = order([one], Party(name="D", account="DE89370400440532013000"))
    (tmp_path / "in.101").write_bytes(mt101.write([paid]))
    convert_file(tmp_path / "in.101", tmp_path / "out.103", "mt103")
    assert orders_again((tmp_path / "out.103").read_bytes()) == [paid]
