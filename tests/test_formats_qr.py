"""Payment codes: what stands inside the squares of SEPA and of Switzerland."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import epcqr, swissqr
from electra_kernel.orders.model import Transaction
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party

WORDS = st.text(st.characters(categories=("Lu", "Ll", "Nd"), max_codepoint=0x17F), min_size=1, max_size=20)
CENTS = st.decimals(Decimal("0.01"), Decimal("999999999.99"), places=2)
SWISS, QR_IBAN, QRR = "CH5604835012345678009", "CH4431999123000889012", "210000000003139471430009017"


@given(CENTS, WORDS, st.sampled_from(["", "text", "reference"]), WORDS)
def test_a_sepa_code_that_is_written_is_read_again(amount: Decimal, name: str, how: str, words: str) -> None:
    payment = Transaction(
        amount=Money(amount, "EUR"),
        counterparty=Party(name=name, account="DE71110220330123456789", bic="BHBLDEHHXXX"),
        remittance=words if how == "text" else "",
        structured_reference=words if how == "reference" else "",
        purpose="GDDS",
    )
    reading = formats.read(epcqr.write(payment), "code.txt")
    assert (reading.format, reading.transactions, reading.problems) == ("EPC QR 002", (payment,), ())


@given(CENTS, WORDS, WORDS, st.sampled_from([(SWISS, ""), (SWISS, "RF18539007547034"), (QR_IBAN, QRR)]))
def test_a_swiss_bill_that_is_written_is_read_again(
    amount: Decimal, name: str, words: str, account: tuple[str, str]
) -> None:
    address = Address(street="Weg", building="1", post_code="3000", town="Bern", country="CH")
    payment = Transaction(
        amount=Money(amount, "CHF"),
        counterparty=Party(name=name, account=account[0], address=address),
        remittance=words,
        structured_reference=account[1],
    )
    reading = formats.read(swissqr.write(payment), "bill.txt")
    assert (reading.format, reading.transactions, reading.problems) == ("Swiss QR-bill 0200", (payment,), ())


SEPA = b"BCD\r\n001\r\n2\r\nSCT\r\nBHBLDEHH\r\nM\xfcller\r\nDE71110220330123456789\r\nEUR1e3\r\n\r\nRF18539007547034\r\nboth"


def test_what_is_wrong_with_a_code_is_told_by_line() -> None:
    reading = formats.read(SEPA, "code.txt")
    (payment,) = reading.transactions
    assert payment.counterparty.name == "Müller"
    assert [(problem.position, problem.rule) for problem in reading.problems] == [(10, "reference"), (8, "amount")]


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_an_amount_left_to_the_payer_is_asked_for_and_no_fault_of_the_code(end: bytes) -> None:
    code = SEPA.replace(b"EUR1e3", b"").replace(b"\r\nboth", b"").replace(b"\r\n", end)
    reading = formats.read(code, "code.txt")
    assert reading.transactions[0].amount.amount == 0
    assert reading.transactions[0].counterparty.name == "Müller"
    assert [(problem.rule, problem.severity) for problem in reading.problems] == [("amount-open", "warning")]


def test_a_code_too_long_or_in_other_letters_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="holds 331"):
        formats.read(SEPA + b"x" * 400, "code.txt")
    with pytest.raises(UnreadableFile, match="character set"):
        formats.read(SEPA.replace(b"\r\n2\r\n", b"\r\n1\r\n"), "code.txt")


@pytest.mark.parametrize(
    ("account", "reference", "rule"),
    [(SWISS, QRR, "QR-IBAN and a QR reference"), (QR_IBAN, "", "27 digits"), (QR_IBAN, QRR[:-1] + "1", "27 digits")],
)
def test_a_swiss_reference_goes_with_its_account_and_has_a_right_check_digit(
    account: str, reference: str, rule: str
) -> None:
    bill = [b"SPC", b"0200", b"1", account.encode(), b"K", b"A", b"Weg 1", b"3000 Bern", b"", b"", b"CH"]
    bill += [b""] * 7 + [b"12.50", b"CHF"] + [b""] * 7
    bill += [b"QRR" if reference or account == QR_IBAN else b"NON", reference.encode(), b"", b"EPD"]
    reading = formats.read(b"\n".join(bill), "bill.txt")
    assert reading.transactions[0].counterparty.address.lines == ("Weg 1", "3000 Bern")
    assert [problem.rule for problem in reading.problems] == ["reference"]
    assert rule in reading.problems[0].text


def test_a_bill_cut_off_says_so() -> None:
    whole = b"\n".join([b"SPC", b"0200", b"1", SWISS.encode(), b"S", b"A"])
    assert "truncated" in {problem.rule for problem in formats.read(whole, "bill.txt").problems}


@pytest.mark.parametrize(
    "money", [Money(Decimal("1.001"), "EUR"), Money(Decimal(-1), "EUR"), Money(Decimal(5), "HUF")], ids=str
)
def test_what_no_code_can_carry_is_not_written(money: Money) -> None:
    payment = Transaction(amount=money, counterparty=Party(name="A", account=SWISS))
    for write in (epcqr.write, swissqr.write):
        with pytest.raises(ElectraError, match="cannot carry"):
            write(payment)
