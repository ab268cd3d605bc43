"""The schemes' and the countries' rules, each with an order that keeps it and one that breaks it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from electra_kernel.cli.app import app
from electra_kernel.formats import pain001
from electra_kernel.orders import rules
from electra_kernel.orders.kinds import KINDS
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.orders.rulebooks import NATIONAL, RULEBOOKS, SCHEME_RULES, check, limits_of
from electra_kernel.vocabulary.dates import BusinessCalendar
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party
from electra_kernel.vocabulary.references import creditor_id_agrees, is_qr_iban, is_qr_reference
from tests.test_collections import TODAY, collection
from tests.test_orders import HU, euros, forints, order

QR_IBAN, CH_IBAN, QRR = "CH4431999123000889012", "CH9300762011623852957", "210000000003139471430009017"
AUSTRIAN = {"structured_reference": "123456789012345678901234567890123", "remittance": ""}


def _rules(checked: Order, national: str = "", today: date = TODAY) -> list[str]:
    calendar = BusinessCalendar(KINDS[checked.kind].calendar)
    return [row.rule for row in check(checked, today=today, calendar=calendar, national=national)]


def _mandated(**changes: Any) -> Order:
    line = collection().transactions[0]
    assert line.mandate is not None
    return collection(transactions=(replace(line, mandate=replace(line.mandate, **changes)),))


def _paid(party: Party, reference: str, currency: str = "CHF") -> Transaction:
    return euros(
        counterparty=party, structured_reference=reference, remittance="", amount=Money(Decimal("12.50"), currency)
    )


def test_every_rule_says_what_it_asks_and_who_says_so() -> None:
    told = rules.table("rules.toml")
    held = {name for book in RULEBOOKS.values() for name in (*book.order, *book.transaction)} | set(SCHEME_RULES)
    assert set(told) == held
    assert all(row["what"] and row["source"] for row in told.values())
    for book in NATIONAL.values():
        assert book.title
        assert book.source
        assert set(book.kinds) <= set(KINDS)
        assert set(book.rules) <= set(SCHEME_RULES)
        assert set(book.without) <= held


@pytest.mark.parametrize(
    ("order", "rule"),
    [
        (_mandated(identification=""), "mandate"),
        (_mandated(signed=None), "mandate"),
        (_mandated(signed=TODAY + timedelta(days=30)), "mandate"),
        (_mandated(identification="M&7"), "mandate"),
        (_mandated(identification="M" * 36), "mandate"),
        (_mandated(sequence=""), "sequence"),
        (_mandated(sequence="RPRE"), "sequence"),
        (_mandated(creditor_id="DE99ZZZ09999999999"), "creditor-id"),
        (collection(transactions=(replace(collection().transactions[0], mandate=None),)), "mandate"),
        (collection(creditor_id=""), "creditor-id"),
        (collection(creditor_id="DE97ZZZ09999999999"), "creditor-id"),
        (collection(execution_date=TODAY), "due-date"),
        (collection(execution_date=TODAY + timedelta(days=15)), "due-date"),
        (collection(execution_date=TODAY - timedelta(days=3)), "execution-date-past"),
        (collection(charge_bearer="SHAR"), "charge-bearer"),
        (collection(creditor=Party(name="Electra Kft")), "creditor-account"),
        (collection(creditor=Party(name="", account=HU)), "creditor-name"),
    ],
)
def test_a_collection_that_breaks_a_rule_is_told_so(order: Order, rule: str) -> None:
    assert _rules(collection()) == []
    assert _rules(replace(order, kind="sepa-b2b-collection")) == _rules(order) == [rule]


def test_a_collection_too_far_ahead_is_a_warning_and_the_next_banking_day_is_in_time() -> None:
    friday = date(2026, 7, 10)
    assert _rules(collection(execution_date=date(2026, 7, 13)), today=friday) == []
    far = collection(execution_date=TODAY + timedelta(days=15))
    (told,) = check(far, today=TODAY, calendar=BusinessCalendar("TARGET"))
    assert told.severity == "warning"


def test_a_creditor_identifier_has_check_digits_that_leave_the_business_code_out() -> None:
    assert creditor_id_agrees("DE98ZZZ09999999999")
    assert creditor_id_agrees("DE98ABC09999999999")
    assert not creditor_id_agrees("DE98ZZZ09999999998")
    assert not creditor_id_agrees("DE98")


def test_sepa_charges_are_borne_as_the_scheme_says() -> None:
    assert _rules(order(euros(), charge_bearer="SLEV")) == []
    assert _rules(order(euros(), charge_bearer="DEBT")) == ["charge-bearer"]
    abroad = Party(name="Acme Inc", account="000123456789", bic="CHASUS33XXX")
    assert _rules(order(euros(counterparty=abroad), kind="cross-border", charge_bearer="DEBT")) == []


def test_german_banks_take_umlauts_that_sepa_alone_does_not_promise() -> None:
    made = order(euros(remittance="Rechnung für Müller & Söhne"))
    assert _rules(made) == ["text"]
    assert _rules(made, "german") == []
    assert _rules(order(euros(remittance="Számla ő")), "german") == ["text"]


def test_a_payment_reference_may_be_longer_than_an_iso_reference_unless_it_says_to_be_one() -> None:
    assert _rules(order(euros(**AUSTRIAN))) == []
    assert _rules(order(euros(structured_reference=f"RF18{'1' * 22}", remittance=""))) == ["creditor-reference"]
    assert _rules(order(euros(**AUSTRIAN)), "austrian") == []
    longer = {**AUSTRIAN, "structured_reference": "1" * 36}
    assert _rules(order(euros(**longer)), "austrian") == ["text"]


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        (_paid(Party(name="Zürich AG", account=QR_IBAN), QRR), []),
        (_paid(Party(name="Zürich AG", account=QR_IBAN), QRR, "EUR"), []),
        (_paid(Party(name="Zürich AG", account=CH_IBAN), ""), []),
        (_paid(Party(name="Zürich AG", account=CH_IBAN), "RF18539007547034"), []),
        (_paid(Party(name="Zürich AG", account=QR_IBAN), ""), ["qr-reference"]),
        (_paid(Party(name="Zürich AG", account=QR_IBAN), "RF18539007547034"), ["qr-reference"]),
        (_paid(Party(name="Zürich AG", account=QR_IBAN), QRR[:-1] + "8"), ["qr-reference"]),
        (_paid(Party(name="Zürich AG", account=QR_IBAN), QRR, "USD"), ["qr-reference"]),
        (_paid(Party(name="Zürich AG", account=CH_IBAN), QRR), ["qr-reference"]),
        (_paid(Party(name="東京", account=CH_IBAN), ""), ["text"]),
        (_paid(Party(name="Z" * 140, account=CH_IBAN), ""), []),
        (_paid(Party(name="Z" * 141, account=CH_IBAN), ""), ["text"]),
    ],
)
def test_swiss_payments_keep_the_rules_of_the_qr_bill(line: Transaction, broken: list[str]) -> None:
    assert _rules(order(line, kind="cross-border"), "swiss") == broken


def test_a_qr_iban_is_not_paid_by_sepa_nor_above_what_a_qr_bill_carries() -> None:
    line = _paid(Party(name="Zuerich AG", account=QR_IBAN), QRR, "EUR")
    assert _rules(order(line), "swiss") == ["qr-reference"]
    assert _rules(
        order(replace(line, counterparty=Party(name="Z" * 71, account=CH_IBAN), structured_reference="")), "swiss"
    ) == ["text"]
    most = replace(line, amount=Money(Decimal("999999999.99"), "EUR"))
    assert _rules(order(most, kind="cross-border"), "swiss") == []
    above = replace(line, amount=Money(Decimal("1000000000.00"), "EUR"))
    assert _rules(order(above, kind="cross-border"), "swiss") == ["qr-reference"]


def test_a_sepa_payment_goes_to_a_country_of_the_scheme() -> None:
    serbia, turkey = "RS35260005601001611379", "TR330006100519786457841326"
    assert _rules(order(euros(counterparty=Party(name="Firma", account=serbia)))) == []
    (told,) = check(
        order(euros(counterparty=Party(name="Firma", account=turkey))), today=TODAY, calendar=BusinessCalendar("TARGET")
    )
    assert (told.rule, told.severity) == ("account", "error")
    assert "cross-border" in told.repair
    assert len(limits_of("sepa").account_countries) == len(set(limits_of("sepa").account_countries)) == 42


def test_a_debtor_outside_the_european_economic_area_is_collected_from_with_an_address_only() -> None:
    line = collection().transactions[0]
    abroad = replace(line.counterparty, account=CH_IBAN, address=Address())
    assert _rules(collection(transactions=(replace(line, counterparty=abroad),))) == ["address-needed"]
    housed = replace(abroad, address=Address(town="Bern", country="CH"))
    assert _rules(collection(transactions=(replace(line, counterparty=housed),))) == []


def test_sepa_instant_transfers_are_made_on_sundays_and_have_no_amount_of_their_own() -> None:
    sunday = date(2026, 7, 5)
    made = order(euros(amount=Money(Decimal("250000.00"), "EUR")), execution_date=sunday)
    assert _rules(made, today=sunday) == ["business-day"]
    assert _rules(made, "sepa-instant", today=sunday) == []


def test_a_rulebook_takes_what_it_does_not_say_from_the_one_it_names() -> None:
    core, business = limits_of("sepa-core"), limits_of("sepa-b2b")
    assert core == business
    assert (core.name, core.lead_days, core.account_countries) == (70, 1, limits_of("sepa").account_countries)


def test_a_qr_reference_is_marked_as_such_in_the_file_and_reads_back() -> None:
    made = order(_paid(Party(name="Zürich AG", account=QR_IBAN), QRR), kind="cross-border", initiator="Electra Kft")
    data = pain001.write(made)
    assert b"<Prtry>QRR</Prtry>" in data
    reading = pain001.read(data, "x")
    assert (reading.problems, reading.orders[0].transactions[0].structured_reference) == ((), QRR)
    elsewhere = data.replace(QR_IBAN.encode(), CH_IBAN.encode())
    assert [row.rule for row in pain001.read(elsewhere, "x").problems] == ["element-not-carried"]


def test_qr_ibans_and_qr_references_are_told_from_others() -> None:
    assert is_qr_iban(QR_IBAN)
    assert not is_qr_iban(CH_IBAN)
    assert not is_qr_iban("CH4431999123000889013")
    assert is_qr_reference(QRR)
    assert not is_qr_reference(QRR[:-1] + "8")


@pytest.mark.parametrize(
    ("amount", "day", "broken"),
    [
        ("20000000", TODAY, []),
        ("20000001", TODAY, ["amount-range"]),
        ("1000.50", TODAY, ["amount-decimals"]),
        ("1000", TODAY + timedelta(days=1), ["instant-today"]),
    ],
)
def test_hungarian_instant_payments_have_a_limit_and_no_later_day(amount: str, day: date, broken: list[str]) -> None:
    made = order(forints(amount=Money(Decimal(amount), "HUF")), kind="domestic", execution_date=day)
    assert _rules(made, "hungarian-instant") == broken


def test_hungarian_instant_payments_are_settled_on_sundays_too() -> None:
    sunday = date(2026, 7, 5)
    made = order(forints(), kind="domestic", execution_date=sunday)
    assert _rules(made, today=sunday) == ["business-day"]
    assert _rules(made, "hungarian-instant", today=sunday) == []


def test_a_countrys_rules_say_of_which_kinds_they_speak() -> None:
    (told,) = check(order(euros()), today=TODAY, calendar=BusinessCalendar("TARGET"), national="hungarian-instant")
    assert (told.rule, told.severity) == ("kind", "error")
    assert "HUF transfer" in told.repair
    with pytest.raises(ElectraError, match="no set of rules"):
        check(order(euros()), today=TODAY, calendar=BusinessCalendar("TARGET"), national="atlantis")


def test_addresses_in_free_lines_end_a_day_earlier_outside_sepa() -> None:
    days = {name: limits_of(name).unstructured_address_last_day for name in ("common", "sepa", "sepa-core")}
    assert days == {"common": date(2026, 11, 13), "sepa": date(2026, 11, 14), "sepa-core": date(2026, 11, 14)}
    assert limits_of("sepa", "swiss").unstructured_address_last_day == date(2026, 11, 13)


@pytest.mark.parametrize(
    ("day", "broken"), [(date(2026, 11, 13), []), (date(2026, 11, 16), ["address"]), (date(2026, 11, 23), ["address"])]
)
def test_addresses_in_free_lines_end_on_the_day_the_data_names(day: date, broken: list[str]) -> None:
    free = Party(name="Muster GmbH", account="DE89370400440532013000", address=Address(lines=("10115 Berlin",)))
    made = order(euros(counterparty=free), execution_date=day)
    assert _rules(made, today=day) == broken
    whole = replace(free, address=Address(lines=("Hauptstrasse 5",), town="Berlin", country="DE"))
    assert _rules(order(euros(counterparty=whole), execution_date=day), today=day) == []
    assert limits_of("sepa").unstructured_address_last_day == date(2026, 11, 14)


def test_the_help_of_check_names_every_rulebook() -> None:
    told = " ".join(CliRunner().invoke(app, ["check", "--help"], env={"COLUMNS": "400"}).output.split())
    assert "(" + ", ".join(NATIONAL) + ")" in told
