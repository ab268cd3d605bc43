"""What stands on paper, as a PDF reader finds it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.orders.model import Order, Transaction
from electra_kernel.printing import Letter, LetterKey, letter_pdf, order_pdf, statement_pdf
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError, Problem
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party
from tests.shared import SHARED, needs_shared

HU, DE = "HU42117730161111101800000000", "DE89370400440532013000"
PRINTED = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
HOSTILE = '#import "x": * *bold* _it_ <script> $x^2$ \\ // /* @a = b `c` ~ #read("/etc/passwd")'

needs_pdftotext = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler) is not installed")


def text_of(pdf: bytes, *options: str) -> str:
    run = subprocess.run(["pdftotext", *options, "-", "-"], input=pdf, capture_output=True, check=True)
    return run.stdout.decode("utf-8").replace("\u00a0", " ")


def pages_of(pdf: bytes) -> int:
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def transaction(number: int = 1, **changes: object) -> Transaction:
    made = Transaction(
        amount=Money(Decimal(number) + Decimal("1234.5"), "EUR"),
        counterparty=Party(
            name="Árvíztűrő Tükörfúrógép Kft", account=DE, bic="COBADEFFXXX", address=Address(town="Győr", country="HU")
        ),
        remittance=f"Invoice {number}",
        end_to_end_id=f"E2E-{number}",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def order(*transactions: Transaction) -> Order:
    return Order(
        message_id="ELX-1",
        payment_id="P-1",
        kind="sepa",
        debtor=Party(name="Őrségi Fűrészáru Zrt", account=HU),
        execution_date=date(2026, 11, 24),
        created=PRINTED,
        transactions=transactions,
        batch_booking=True,
        charge_bearer="SLEV",
    )


def statement(*entries: Entry, **changes: object) -> Statement:
    made = Statement(
        identification="STM-9",
        account=HU,
        currency="HUF",
        sequence=214,
        owner="Őrségi Fűrészáru Zrt",
        balances=(
            Balance(kind="OPBD", amount=Decimal("1000"), currency="HUF", date=date(2026, 11, 1)),
            Balance(kind="CLBD", amount=Decimal("-34567"), currency="HUF", date=date(2026, 11, 22)),
        ),
        entries=entries,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def entry(amount: str, *details: EntryDetail, **changes: object) -> Entry:
    day = date(2026, 11, 3)
    made = Entry(amount=Decimal(amount), currency="HUF", booking_date=day, value_date=day, details=details)
    return replace(made, **changes)  # type: ignore[arg-type]


@needs_pdftotext
def test_an_order_on_paper_shows_payer_payees_amounts_total_status_and_signers() -> None:
    text = text_of(
        order_pdf(
            order(transaction(1), transaction(2)), status="part-signed", signers=["Kovács Ágnes"], printed=PRINTED
        )
    )
    for shown in (
        "SEPA transfer", "ELX-1", "PART-SIGNED", "Őrségi Fűrészáru Zrt", "HU42 1177 3016 1111 1018 0000 0000",
        "24 November 2026", "Árvíztűrő Tükörfúrógép Kft", "DE89 3704 0044 0532 0130 00", "Győr, HU", "Invoice 2", "E2E-2",
        "1 235.50 EUR", "1 236.50 EUR", "2 472.00 EUR", "Kovács Ágnes", "one for all payments",
        "Printed 23 November 2026, 07:30 UTC", "Page 1 of 1",
    ):  # fmt: skip
        assert shown in text


@needs_pdftotext
def test_text_from_outside_prints_literally_and_never_as_markup() -> None:
    hostile = transaction(counterparty=Party(name=HOSTILE, account=DE), remittance=HOSTILE)
    pdf = order_pdf(replace(order(hostile), message_id=HOSTILE), status=HOSTILE, signers=[HOSTILE], printed=PRINTED)
    literal = "".join(HOSTILE.split())
    assert "".join(text_of(pdf).split()).count(literal) == 4
    detail = EntryDetail(counterparty=Party(name=HOSTILE), remittance=HOSTILE)
    text = text_of(
        statement_pdf(statement(entry("1", detail), owner=HOSTILE, additional_information=HOSTILE), printed=PRINTED)
    )
    assert "".join(text.split()).count(literal) == 4


def test_the_same_input_gives_the_same_bytes_and_another_moment_gives_others() -> None:
    def printed(at: datetime) -> bytes:
        return order_pdf(order(transaction()), status="draft", signers=[], printed=at)

    assert printed(PRINTED) == printed(PRINTED)
    assert printed(PRINTED) != printed(PRINTED + timedelta(minutes=1))


@needs_pdftotext
def test_a_text_without_spaces_wraps_and_is_found_whole() -> None:
    word = "0123456789ABCDEF" * 8
    text = text_of(order_pdf(order(transaction(remittance=word)), status="draft", signers=[], printed=PRINTED))
    assert word in "".join(text.split())
    layout = text_of(
        order_pdf(order(transaction(remittance=word)), status="draft", signers=[], printed=PRINTED), "-layout"
    )
    assert not re.search(r"[0-9A-F]{40}", layout)


@needs_pdftotext
def test_a_long_order_runs_over_pages_with_its_head_and_total_kept() -> None:
    many = order(*(transaction(n) for n in range(600)))
    pdf = order_pdf(many, status="signed", signers=["A", "B"], printed=PRINTED)
    pages = pages_of(pdf)
    text = text_of(pdf)
    assert pages > 20
    assert f"Page {pages} of {pages}" in text
    assert text.count("PAYEE") == pages
    assert all(f"E2E-{n}\n" in text for n in range(600))
    assert "920 400.00 EUR" in text.rsplit("TOTAL", 1)[1]


@needs_pdftotext
def test_an_order_that_mixes_currencies_shows_no_total() -> None:
    mixed = order(transaction(), transaction(amount=Money(Decimal(5), "USD")))
    assert "TOTAL" not in text_of(order_pdf(mixed, status="draft", signers=[], printed=PRINTED))


def test_empty_orders_and_statements_print() -> None:
    assert pages_of(order_pdf(order(), status="draft", signers=[], printed=PRINTED)) == 1
    assert pages_of(statement_pdf(statement(balances=()), printed=PRINTED)) == 1


@needs_pdftotext
def test_a_statement_on_paper_shows_balances_bookings_payments_and_what_does_not_add_up() -> None:
    one = EntryDetail(counterparty=Party(name="Muster GmbH", account=DE), remittance="Rent", end_to_end_id="E-1")
    abroad = EntryDetail(original_amount=Decimal("10.5"), original_currency="USD", exchange_rate=Decimal("350.25"))
    batch = tuple(EntryDetail(amount=Decimal(-n), counterparty=Party(name=f"Payee {n}")) for n in (1, 2))
    problem = Problem(
        source="x", position=None, field="CLBD", rule="b", text="The sum is wrong.", repair="Ask the bank."
    )
    pdf = statement_pdf(
        statement(
            entry("-500", one),
            entry("-3", *batch),
            entry("12.25", abroad, status="PDNG", additional_information="Card"),
            entry("7.5", currency="USD", bank_reference="REF7"),
        ),
        [problem],
        printed=PRINTED,
    )
    text = text_of(pdf)
    for shown in (
        "Statement of account", "HU42 1177 3016 1111 1018 0000 0000", "214", "STM-9", "Opening balance", "1 000.00 HUF",
        "−34 567.00 HUF", "22 November 2026", "Muster GmbH", "Rent", "E-1", "−500.00", "Payee 1", "Payee 2", "−2.00",
        "12.25", "pending", "10.50 USD at 350.25", "7.50 USD", "REF7", "2026-11-03", "The sum is wrong.", "Ask the bank.",
        "2 bookings", "−503.00 HUF",
    ):  # fmt: skip
        assert shown in text


@needs_shared
@needs_pdftotext
def test_the_letters_of_the_specification_print_with_their_hashes_and_certificates() -> None:
    vectors = json.loads((SHARED / "vectors/ebics30_spec_letter_certificates.json").read_text())["vectors"]
    keys = tuple(
        LetterKey(version=v["version"], certificate=base64.b64decode(v["certificate_der_base64"])) for v in vectors
    )
    pdf = letter_pdf(
        Letter(
            bank="Őrség Bank",
            host_id="HOST",
            partner_id="PARTNER",
            user_id="USER",
            user_name="Kovács Ágnes",
            ebics_version="H005",
            sent=PRINTED,
            keys=keys,
        )
    )
    assert pages_of(pdf) == 3
    pages = text_of(pdf, "-layout").split("\f")
    for page, vector in zip(pages, vectors, strict=False):
        flat = "".join(page.split())
        assert vector["expected_sha256"].replace(" ", "") in flat
        assert vector["certificate_der_base64"] in flat
        assert f"({vector['letter']})" in page
        assert f"version {vector['version']}" in page
        for shown in (
            "Őrség Bank",
            "HOST",
            "PARTNER",
            "USER",
            "Kovács Ágnes",
            "23 November 2026",
            "07:30:00 UTC",
            "H005",
        ):
            assert shown in page
        assert "Place, date" in page


def test_a_letter_needs_keys_of_ebics() -> None:
    letter = Letter(
        bank="", host_id="H", partner_id="P", user_id="U", user_name="", ebics_version="H005", sent=PRINTED, keys=()
    )
    with pytest.raises(ElectraError, match="without a key"):
        letter_pdf(letter)
    with pytest.raises(ElectraError, match="no key version"):
        letter_pdf(replace(letter, keys=(LetterKey(version="Z9", certificate=b"x"),)))


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=60), st.text(max_size=200), st.text(max_size=20))
def test_no_text_stops_the_typesetter(name: str, remittance: str, status: str) -> None:
    hostile = transaction(counterparty=Party(name=name, account=status), remittance=remittance)
    assert pages_of(order_pdf(order(hostile), status=status, signers=[name], printed=PRINTED)) >= 1
