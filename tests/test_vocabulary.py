"""Money, dates, accounts, errors, text and XML."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel.vocabulary.account_columns import are_ibans
from electra_kernel.vocabulary.accounts import (
    AccountError,
    format_account,
    hungarian_digits_agree,
    is_iban,
    parse_account,
    parse_bic,
)
from electra_kernel.vocabulary.dates import BusinessCalendar, system_clock
from electra_kernel.vocabulary.errors import ElectraError, Problem, UnreadableFile
from electra_kernel.vocabulary.money import AmountError, Money, currency_decimals, format_amount, parse_amount
from electra_kernel.vocabulary.text import escape, html_table
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

# Published accounts, and one that everybody uses as a dummy.
HUNGARIAN = (
    "10405004-00026542-00000005",
    "10032000-01076868",
    "11773425-00989949",
    "12600016-10426947-95638648",
    "10400023-53656565-85691020",
    "11111111-22222222-33333333",
)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1234.56", "1234.56"),
        ("1234,56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1 234,5", "1234.5"),
        ("1'234'567.00", "1234567.00"),
        ("1.234.567", "1234567"),
        ("1\u00a0234\u00a0567", "1234567"),
        ("0.001", "0.001"),
        (" 42 ", "42"),
    ],
)
def test_amounts_are_read_by_the_stated_rule(text: str, amount: str) -> None:
    assert parse_amount(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text", ["1e3", "NaN", "Infinity", "-5", "+5", "", " ", "1.234", "1.2.3", "1234 567", "٣", "5 EUR", "0x10", "1_000"]
)
def test_what_is_no_amount_is_refused_with_a_repair(text: str) -> None:
    with pytest.raises(AmountError) as refused:
        parse_amount(text)
    assert refused.value.repair


def test_amounts_that_the_ledger_cannot_hold_are_refused() -> None:
    for text in ("12345678901234", "0.123456"):
        with pytest.raises(AmountError, match="too many digits"):
            parse_amount(text)


@given(st.decimals(min_value=0, max_value=Decimal("9999999999999.99"), places=2))
def test_a_shown_amount_is_read_back_as_the_same_amount(amount: Decimal) -> None:
    assert parse_amount(format_amount(amount, "EUR")) == amount


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_an_amount_error(text: str) -> None:
    with suppress(AmountError):
        assert parse_amount(text) >= 0


def test_money_keeps_to_its_currency_and_to_decimals() -> None:
    assert Money(Decimal("1.10"), "EUR") + Money(Decimal("2.20"), "EUR") == Money(Decimal("3.30"), "EUR")
    assert str(-Money(Decimal(1234), "HUF")) == "-1 234.00 HUF"
    with pytest.raises(AmountError):
        Money(Decimal(1), "EUR") + Money(Decimal(1), "HUF")
    for wrong in (1.0, Decimal("NaN")):
        with pytest.raises(AmountError):
            Money(wrong, "EUR")  # type: ignore[arg-type]
    with pytest.raises(AmountError):
        Money(Decimal(1), "HUX")


def test_currencies_have_the_decimals_of_iso_4217() -> None:
    assert [currency_decimals(code) for code in ("EUR", "HUF", "JPY", "KWD", "CLF", "UYI")] == [2, 2, 0, 3, 4, 0]


def test_currencies_that_shops_round_keep_the_decimals_of_iso_4217() -> None:
    """CLDR gives dinars and leks none, by custom: a bank's cents of them would count a hundredfold."""
    assert [currency_decimals(code) for code in ("RSD", "ALL", "LBP", "IQD")] == [2, 2, 2, 3]
    assert [currency_decimals(code) for code in ("XAU", "XXX", "ITL", "XCG")] == [2, 2, 0, 2]


@pytest.mark.parametrize("number", HUNGARIAN)
def test_published_hungarian_accounts_have_agreeing_check_digits(number: str) -> None:
    assert hungarian_digits_agree(number.replace("-", ""))
    assert is_iban(parse_account(number))


@pytest.mark.parametrize("number", HUNGARIAN)
def test_one_wrong_digit_in_a_hungarian_account_is_found(number: str) -> None:
    digits = number.replace("-", "")
    for place in range(len(digits)):
        wrong = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]
        assert not hungarian_digits_agree(wrong)
        with pytest.raises(AccountError):
            parse_account(wrong)


def test_an_iban_is_read_in_any_spelling_and_shown_in_fours() -> None:
    assert parse_account("hu42 1177-3016 1111 1018 0000 0000") == "HU42117730161111101800000000"
    assert format_account("HU42117730161111101800000000") == "HU42 1177 3016 1111 1018 0000 0000"
    for wrong in ("HU43117730161111101800000000", "XX00", "", "DE89370400440532013001"):
        with pytest.raises(AccountError) as refused:
            parse_account(wrong)
        assert refused.value.repair


def test_a_bic_has_eight_or_eleven_characters() -> None:
    assert parse_bic("otpvhuhb") == "OTPVHUHB"
    with pytest.raises(AccountError):
        parse_bic("OTPVHU")


def test_business_days_follow_region_and_the_banks_own_days() -> None:
    hungary = BusinessCalendar("HU")
    assert hungary.next_business_day(date(2026, 10, 23)) == date(2026, 10, 26)
    assert not BusinessCalendar("TARGET").is_business_day(date(2026, 5, 1))
    saturday = date(2026, 8, 8)
    assert not hungary.is_business_day(saturday)
    assert BusinessCalendar("HU", opened=frozenset({saturday})).is_business_day(saturday)
    assert not BusinessCalendar("HU", closed=frozenset({date(2026, 8, 10)})).is_business_day(date(2026, 8, 10))


def test_the_clock_is_aware_and_in_utc() -> None:
    assert system_clock().utcoffset() is not None


def test_an_error_says_place_cause_and_repair() -> None:
    error = ElectraError("It failed.", where="a.csv", cause="no rows.", repair="Add rows.")
    assert str(error) == "a.csv: It failed. Cause: no rows. Repair: Add rows."
    problem = Problem(source="a.csv", position=3, field="amount", rule="amount", text="No amount.", repair="Add it.")
    assert str(problem) == "a.csv:3: amount: No amount. [amount] Repair: Add it."
    assert UnreadableFile(problem).problem is problem


def test_text_from_outside_is_escaped_in_html() -> None:
    hostile = "<img src=x onerror=alert(1)>\"'&"
    assert "<img" not in escape(hostile)
    assert "<img" not in html_table([hostile], [[hostile]], caption=hostile)
    assert escape(None) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \n",
        b"not xml",
        b"<a><b></a>",
        b"<a>\x00</a>",
        b'<?xml version="1.0" encoding="no-such-8"?><a/>',
        b"<a>\xff\xfe</a>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>',
        b"<a>" * 5000 + b"</a>" * 5000,
    ],
)
def test_hostile_xml_is_refused_with_one_clear_error(data: bytes) -> None:
    with pytest.raises(HostileXml) as refused:
        parse_xml(data)
    assert refused.value.repair


@given(
    st.sampled_from(["HU42117730161111101800000000", "DE89370400440532013000", "GB29NWBK60161331926819"]),
    st.integers(0, 27),
    st.sampled_from("0123456789AZaé٣ "),
)
def test_a_text_is_an_iban_exactly_when_it_is_read_as_itself(iban: str, at: int, letter: str) -> None:
    altered = iban[:at] + letter + iban[at + 1 :]
    read = ""
    with suppress(AccountError):
        read = parse_account(altered)
    assert is_iban(altered) == (read == altered)


_IBANS = (
    *("HU42117730161111101800000000", "DE89370400440532013000", "GB29NWBK60161331926819", "NL91ABNA0417164300"),
    *("FR1420041010050500013M02606", "CH9300762011623852957", "HU42117730161111101800000001", "DE89370400440532013001"),
    *("de89370400440532013000", "XX89370400440532013000", "DE8937040044053201300", "DE", "GB29NWBK6016133192681O", "ű"),
)


@given(texts=st.lists(st.one_of(st.just(""), st.sampled_from(_IBANS), st.from_regex(r"[A-Z0-9]{0,30}")), max_size=6))
def test_accounts_of_a_column_are_ibans_where_each_is_one(texts: list[str]) -> None:
    for some in (texts, [text for text in texts if is_iban(text)]):
        assert are_ibans(pa.array(some, pa.string())) == all(not text or is_iban(text) for text in some)


@given(number=st.integers(0, 10**10), changed=st.integers(0, 27), digit=st.integers(0, 9))
def test_a_mistyped_digit_is_found_in_a_column_as_in_one_account(number: int, changed: int, digit: int) -> None:
    domestic = f"{1177301611111018 - number % 10**9:016d}{number % 10**8:08d}"
    account = f"HU{98 - int(domestic + '173000') % 97:02d}{domestic}"
    other = "".join(str(digit) if place == changed and place > 1 else sign for place, sign in enumerate(account))
    assert [are_ibans(pa.array([text])) for text in (account, other)] == [is_iban(account), is_iban(other)]
