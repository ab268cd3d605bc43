"""Profiles: a bank's own format from a TOML file, in both directions; whatever is wrong in it is told with its line."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from electra_kernel import formats
from electra_kernel.cli.app import app
from electra_kernel.formats import payments, profiles
from electra_kernel.formats.base import Reading
from electra_kernel.formats.carried import not_carried
from electra_kernel.formats.fields import LayoutError
from electra_kernel.formats.profiles import ProfileError, toml
from electra_kernel.formats.profiles.propose import propose
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party
from electra_kernel.workbench.ownformats import own_formats, own_profiles

OURS, THEIRS = "HU42117730161111101800000000", "HU68100320000107686800000000"

FIXED = """
name = "house-bank"
title = "Statement of the House Bank"
shape = "fixed"
kind = "statement"
encoding = "cp852"
ends = ["foot"]

[[record]]
name = "head"
role = "statement"
marks = [{ at = 1, is = "1" }]
after = ["start", "foot"]
fields = [
  { name = "kind", length = 1, const = "1" },
  { name = "account", length = 24, to = "account", account = "giro" },
  { name = "currency", length = 3, to = "currency" },
  { name = "number", length = 5, to = "statement" },
  { name = "opened", length = 8, type = "date", to = "opening_date" },
  { name = "opening", length = 15, type = "amount", decimals = 2, sign = "trailing", to = "opening_balance" },
]

[[record]]
name = "entry"
role = "entry"
marks = [{ at = 1, is = "2" }]
after = ["head", "entry", "text"]
fields = [
  { name = "kind", length = 1, const = "2" },
  { name = "booked", length = 6, type = "date", date = "YYMMDD", to = "booking_date" },
  { name = "valued", length = 6, type = "date", date = "YYMMDD", to = "value_date" },
  { name = "amount", length = 12, type = "amount", decimals = 2, sign_field = "side", negative = ["D"], positive = ["C"], to = "amount" },
  { name = "side", length = 1 },
  { name = "code", length = 2, to = "bank_transaction_code", translate = { "01" = "PMNT-RCDT-ESCT", "02" = "PMNT-ICDT-ESCT" } },
  { name = "partner", length = 20, to = "counterparty_name" },
  { name = "text1", length = 10, to = "remittance" },
  { name = "text2", length = 10, to = "remittance" },
  { name = "reference", length = 8, to = "bank_reference" },
]

[[record]]
name = "text"
role = "detail"
marks = [{ at = 1, is = "3" }]
after = ["entry", "text"]
fields = [
  { name = "kind", length = 1, const = "3" },
  { name = "more", length = 30, to = "additional_information" },
]

[[record]]
name = "foot"
role = "end"
marks = [{ at = 1, is = "9" }]
after = ["head", "entry", "text"]
fields = [
  { name = "kind", length = 1, const = "9" },
  { name = "count", length = 5, type = "integer", count = "entry", since = "head" },
  { name = "sum", length = 15, type = "amount", decimals = 2, sign = "trailing", sum = "entry.amount", since = "head" },
  { name = "closed", length = 8, type = "date", to = "closing_date" },
  { name = "closing", length = 15, type = "amount", decimals = 2, sign = "trailing", to = "closing_balance" },
]
"""

DELIMITED = """
name = "web-export"
title = "Export of a web bank"
shape = "delimited"
kind = "statement"
encoding = "cp1250"
skip = 1
ignore = ["Row"]

[fixed]
currency = "HUF"

[[record]]
name = "row"
role = "entry"
fields = [
  { name = "account", column = "Account", to = "account" },
  { name = "day", column = "Booked", type = "date", date = "D.M.YYYY", to = "booking_date" },
  { name = "out", column = "Debit", type = "amount", point = ",", group = " ", decimals = 2, sign = "leading", to = "debit" },
  { name = "in", column = "Credit", type = "amount", point = ",", group = " ", decimals = 2, to = "credit" },
  { name = "left", column = "Balance", type = "amount", point = ",", group = " ", decimals = 2, sign = "leading", to = "balance" },
  { name = "partner", column = "Partner", to = "counterparty_name" },
  { name = "text", column = "Text", to = "remittance" },
]
"""

XML = """
name = "netbank"
title = "Statement of a net bank in XML"
shape = "xml"
kind = "statement"
root = "Bank"

[[record]]
name = "account"
role = "statement"
path = "Account"
fields = [
  { name = "number", path = "@iban", to = "account" },
  { name = "currency", path = "@ccy", to = "currency" },
  { name = "number2", path = "Id", to = "statement" },
  { name = "opening", path = "Opening", type = "amount", point = ".", decimals = 2, sign = "leading", to = "opening_balance" },
  { name = "closing", path = "Closing", type = "amount", point = ".", decimals = 2, sign = "leading", to = "closing_balance" },
]

[[record]]
name = "entry"
role = "entry"
path = "Account/Entries/Entry"
marks = [{ at = "@state", is = "booked" }]
fields = [
  { name = "state", path = "@state" },
  { name = "day", path = "Day", type = "date", date = "YYYY-MM-DD", to = "booking_date" },
  { name = "amount", path = "Amount", type = "amount", point = ".", decimals = 2, sign = "leading", to = "amount" },
  { name = "name", path = "Partner/Name", to = "counterparty_name" },
  { name = "text1", path = "Text[1]", length = 12, to = "remittance" },
  { name = "text2", path = "Text[2]", length = 12, to = "remittance" },
]

[[record]]
name = "waiting"
path = "Account/Entries/Entry"
"""


def _statement(currency: str = "HUF", number: str = "00017") -> Statement:
    first, last = date(2026, 3, 1), date(2026, 3, 3)
    return Statement(
        identification=number,
        account=OURS,
        currency=currency,
        balances=(
            Balance(kind="OPBD", amount=Decimal("-100.00"), currency=currency, date=first),
            Balance(kind="CLBD", amount=Decimal("900.50"), currency=currency, date=last),
        ),
        entries=(
            Entry(
                amount=Decimal("1250.50"),
                currency=currency,
                booking_date=last,
                value_date=first,
                bank_transaction_code="PMNT-RCDT-ESCT",
                bank_reference="R-1",
                additional_information="Fee waived",
                details=(EntryDetail(currency=currency, counterparty=Party(name="Árvíz Kft."), remittance="Invoice 7 of March"),),
            ),
            Entry(
                amount=Decimal("-250.00"),
                currency=currency,
                booking_date=last,
                value_date=last,
                bank_transaction_code="PMNT-ICDT-ESCT",
            ),
        ),
    )  # fmt: skip


def _read(text: str, data: bytes) -> Reading:
    return profiles.read(data, profiles.parse(text, "own.toml"), "file")


def _rules(reading: Reading) -> list[tuple[int | None, str, str]]:
    return [(problem.position, problem.field, problem.rule) for problem in reading.problems]


def test_a_fixed_width_statement_is_written_and_read_back_and_proved() -> None:
    profile = profiles.parse(FIXED, "own.toml")
    data = profiles.write([_statement(), _statement(number="00018")], profile)
    assert data.startswith(b"1117730161111101800000000".replace(b"00000000", b"        ") + b"HUF0001720260301")
    reading = profiles.read(data, profile, "file")
    statement = reading.statements[0]
    assert _rules(reading) == []
    assert statement.account == OURS
    assert [balance.amount for balance in statement.balances] == [Decimal("-100.00"), Decimal("900.50")]
    entry = statement.entries[0]
    assert (entry.amount, entry.booking_date, entry.bank_transaction_code) == (
        Decimal("1250.50"),
        date(2026, 3, 3),
        "PMNT-RCDT-ESCT",
    )
    assert (entry.details[0].remittance, entry.additional_information) == ("Invoice 7 of March", "Fee waived")
    assert profiles.write(reading.statements, profile) == data
    assert profiles.as_format(profile).detect(data)


def test_counts_sums_and_proofs_of_a_footer_that_lies_are_told() -> None:
    data = profiles.write([_statement()], profiles.parse(FIXED, "own.toml"))
    lines = data.split(b"\r\n")
    reading = _read(FIXED, b"\r\n".join(lines[:3] + lines[4:]))
    assert _rules(reading) == [(4, "foot.count", "count"), (4, "foot.sum", "sum"), (None, "balance", "balance")]
    cut = _read(FIXED, b"\r\n".join(lines[:3]))
    assert (None, "file", "truncated") in _rules(cut)
    assert len(cut.statements[0].entries) == 1


def test_delimited_rows_with_debit_credit_and_balance_are_proved_in_either_direction() -> None:
    head = "My export of today\r\nRow;Account;Booked;Debit;Credit;Balance;Partner;Text\r\n"
    rows = [
        "1;HU1;3.1.2026;;1 000,50;1 500,50;Első Kft.;\"a;b\"\r\n",
        "2;HU1;4.1.2026;-200,00;;1 300,50;;c\r\n",
        "3;HU2;4.1.2026;;7;-3;;\r\n",
    ]  # fmt: skip
    for order in (rows, [rows[1], rows[0], rows[2]]):
        reading = _read(DELIMITED, (head + "".join(order)).encode("cp1250"))
        assert _rules(reading) == []
        first, second = reading.statements
        assert [balance.amount for balance in first.balances] == [Decimal("500.00"), Decimal("1300.50")]
        assert sorted(entry.amount for entry in first.entries) == [Decimal("-200.00"), Decimal("1000.50")]
        assert (second.account, second.entries[0].amount) == ("HU2", Decimal(7))
    broken = _read(DELIMITED, (head + rows[0] + rows[1].replace("1 300", "1 301")).encode("cp1250"))
    assert (4, "balance", "running-balance") in _rules(broken)


def test_the_balance_after_each_entry_is_written_and_proves_what_is_read_back() -> None:
    profile = profiles.parse(DELIMITED, "own.toml")
    whole = _statement()
    for known in (whole.balances, whole.balances[:1], whole.balances[1:]):
        data = profiles.write([replace(whole, balances=known)], profile)
        assert [line.split(";")[4] for line in data.decode("cp1250").splitlines()[2:]] == ["1150,50", "900,50"]
        reading = profiles.read(data, profile, "file")
        assert _rules(reading) == []
        assert [balance.amount for balance in reading.statements[0].balances] == [Decimal("-100.00"), Decimal("900.50")]
        assert (4, "balance", "running-balance") in _rules(
            profiles.read(data.replace(b"900,50", b"900,51"), profile, "x")
        )
    bare = profiles.write([replace(whole, balances=())], profile)
    assert [line.split(";")[4] for line in bare.decode("cp1250").splitlines()[2:]] == ["", ""]
    waiting = replace(whole, entries=(whole.entries[0], replace(whole.entries[1], status="PDNG")))
    written = profiles.write([waiting], profile)
    assert [line.split(";")[4] for line in written.decode("cp1250").splitlines()[2:]] == ["1150,50", ""]


def test_rows_of_delimited_text_that_are_wrong_are_told_with_line_and_column() -> None:
    head = "x\nRow;Account;Booked;Debit;Credit;Balance;Partner;Text;Colour\n"
    reading = _read(DELIMITED, (head + "1;HU1;31.2.2026;;12,5;12,5;;\n2;HU1;1.2.2026;;;1;;;;;;more\n").encode())
    assert set(_rules(reading)) >= {
        (None, "header", "columns"),
        (3, "row.day", "date"),
        (4, "row", "long-row"),
        (4, "amount", "no-amount"),
    }
    assert len(reading.statements[0].entries) == 1
    for data, rule in ((b"x\nAccount;Booked\n", "header"), (head.encode().replace(b"Row", b"Text"), "column-twice")):
        with pytest.raises(UnreadableFile) as caught:
            _read(DELIMITED, data)
        assert caught.value.problem.rule == rule
    assert (3, "record", "encoding") in _rules(_read(DELIMITED.replace("cp1250", "utf-8"), head.encode() + b"\xff;\n"))


def test_xml_by_paths_is_read_and_written_and_entries_that_do_not_count_are_passed_over() -> None:
    profile = profiles.parse(XML, "own.toml")
    statement = _statement("EUR")
    data = profiles.write([statement], profile)
    reading = profiles.read(data, profile, "file")
    assert _rules(reading) == []
    found = reading.statements[0]
    assert [entry.amount for entry in found.entries] == [Decimal("1250.50"), Decimal("-250.00")]
    assert found.entries[0].details[0].remittance == "Invoice 7 of March"
    assert b"<Text>Invoice 7 of</Text>" in data
    waiting = profiles.read(data.replace(b'state="booked"', b'state="open"', 1), profile, "file")
    assert len(waiting.statements[0].entries) == 1
    for data, rule in ((b"<Bank><Account></Bank>", "xml"), (b"<Other/>", "root"), (b"<!DOCTYPE a><Bank/>", "xml")):
        with pytest.raises(UnreadableFile) as caught:
            profiles.read(data, profile, "file")
        assert caught.value.problem.rule == rule


def test_what_a_format_cannot_carry_is_named() -> None:
    profile = profiles.parse(XML, "own.toml")
    read_back = profiles.read(profiles.write([_statement()], profile), profile, "x")
    told = not_carried(Reading(format="x", statements=(_statement(),)), read_back)
    assert {line.partition(" ")[0] for line in told} >= {
        "additional_information",
        "bank_reference",
        "bank_transaction_code",
        "value_date",
    }
    batch = replace(_statement().entries[0], details=(EntryDetail(), EntryDetail()))
    with pytest.raises(LayoutError, match="batch of 2"):
        profiles.write([replace(_statement(), entries=(batch,))], profile)
    with pytest.raises(LayoutError, match="carries statements"):
        profiles.write([_order()], profile)


# -------------------------------------------------------------------------------------------------------- payments
def _order(day: date = date(2026, 4, 1), **change: str) -> Order:
    item = Transaction(
        amount=Money(Decimal("1500.00"), "HUF"),
        counterparty=Party(name="Szállító Kft.", account=THEIRS),
        remittance="Számla 2026/17",
        end_to_end_id="A-1",
    )
    return Order(
        message_id=change.get("message_id", "M-1"),
        payment_id="M-1",
        kind="domestic",
        debtor=Party(name="", account=OURS),
        execution_date=day,
        created=datetime(2026, 3, 30, tzinfo=UTC),
        transactions=(item, replace(item, amount=Money(Decimal(2), "HUF"), end_to_end_id=NOT_PROVIDED, remittance="")),
    )


PAYMENTS = tuple(profile for profile in profiles.shipped() if profile.kind == "payment")


@pytest.mark.parametrize("profile", PAYMENTS, ids=lambda profile: profile.name)
def test_every_shipped_profile_writes_what_it_reads(profile: profiles.Profile) -> None:
    orders = [_order(), _order(date(2026, 4, 2))]
    data = profiles.write(orders, profile)
    assert profiles.as_format(profile).detect(data)
    assert [other.name for other in profiles.shipped() if profiles.as_format(other).detect(data)] == [profile.name]
    reading = profiles.read(data, profile, "file")
    assert reading.problems == ()
    assert [order.execution_date for order in reading.orders] == [order.execution_date for order in orders]
    for order, back in zip(orders, reading.orders, strict=True):
        assert back.debtor.account == order.debtor.account
        assert [replace(item, position=None) for item in back.transactions] == list(order.transactions)
    assert profiles.write(reading.orders, profile) == data


def test_a_long_text_is_spread_between_its_words_and_a_word_that_is_too_long_is_refused() -> None:
    (bank,) = [profile for profile in profiles.shipped() if profile.name == "huf-transactions"]
    order = _order()

    def written(text: str) -> bytes:
        return profiles.write([replace(order, transactions=(replace(order.transactions[0], remittance=text),))], bank)

    text = "A invoice-2026-0000001 and-its-annex-0001 of the long year and its months"
    (back,) = profiles.read(written(text), bank, "file").orders
    assert back.transactions[0].remittance == text
    for wrong in ("w" * 33 + " b", "a " + "w" * 33, " ".join(["w" * 30] * 5)):
        with pytest.raises(LayoutError, match="does not fit"):
            written(wrong)


def test_payments_without_an_account_that_pays_are_payments_and_no_order() -> None:
    text = 'name="p"\nshape="delimited"\nkind="payment"\n[[record]]\nname="row"\nrole="payment"\nfields=[{name="Name",to="counterparty_name"},{name="Sum",type="amount",point=".",to="amount"},{name="Ccy",to="currency"}]'
    reading = _read(text, b"Name;Sum;Ccy\nA;1.5;EUR\nB;;EUR\nC;2;XXXX\n")
    assert (len(reading.orders), len(reading.transactions)) == (0, 1)
    assert _rules(reading) == [(3, "row.amount", "amount"), (4, "row.amount", "amount")]


# ----------------------------------------------------------------------------------------------- profiles that are wrong
@pytest.mark.parametrize(
    ("old", "new", "placed", "said"),
    [
        ('shape = "fixed"', 'shape = "fixd"', True, "shape is 'fixd'"),
        ('kind = "statement"', "", False, "does not say its kind"),
        ('encoding = "cp852"', 'encoding = "cp8522"', True, "no known encoding"),
        ("encoding =", "encodng =", True, "Did you mean 'encoding'?"),
        ('to = "remittance"', 'to = "remitance"', True, "Did you mean 'remittance'?"),
        ("length = 5, to", 'length = "5", to', True, "must be a whole number"),
        ('role = "detail"', 'role = "details"', True, "Did you mean 'detail'?"),
        ("sum = \"entry.amount\"", 'sum = "entry.amonut"', True, "Did you mean 'amount'?"),
        ('count = "entry"', 'count = "entri"', True, "'entri' is no record"),
        ('type = "date", to = "closing_date"', 'to = "closing_date"', True, "wants a field of type date"),
        ('date = "YYMMDD", to = "value_date"', 'date = "YYMM", to = "value_date"', False, "not a date layout"),
        ('sign_field = "side"', 'sign_field = "sied"', False, "asks the field 'sied'"),
        ('ends = ["foot"]', 'ends = ["feet"]', True, "'feet' is no record"),
        ('after = ["entry", "text"]', 'after = ["entree"]', True, "'entree' is no record"),
        ('{ name = "side", length = 1 }', '{ name = "side", length = 1, at = 3 }', False, "overlap"),
        ('role = "entry"', "", False, "No record is the entry"),
        ("ends = [", "ends = [[", False, "not TOML"),
        ('marks = [{ at = 1, is = "3" }]', 'marks = [{ at = 1 }]', True, "A mark says where it stands"),
        ('account = "giro"', 'account = "iban"', True, "no form of account"),
    ],
)  # fmt: skip
def test_a_profile_that_is_wrong_is_refused_with_file_line_and_repair(
    old: str, new: str, placed: bool, said: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        profiles.parse(FIXED.replace(old, new, 1), "own.toml")
    line = FIXED[: FIXED.index(old)].count("\n") + 1
    assert said in str(caught.value)
    assert caught.value.where.startswith(f"own.toml, line {line}" if placed else "own.toml")
    assert caught.value.repair


def test_a_profile_that_is_not_utf8_or_contradicts_its_shape_is_refused() -> None:
    with pytest.raises(ProfileError, match="not UTF-8"):
        profiles.load(b"name = '\xff'", "own.toml")
    for old, new in (("column =", "at = 1, x ="), ('column = "Text"', 'path = "Text"'), ("[fixed]", "[fixd]")):
        with pytest.raises(ProfileError):
            profiles.parse(DELIMITED.replace(old, new), "own.toml")
    with pytest.raises(ProfileError, match="root"):
        profiles.parse(XML.replace('root = "Bank"', ""), "own.toml")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([FIXED, DELIMITED, XML]))
def test_no_bytes_break_a_profile(noise: bytes, text: str) -> None:
    profile = profiles.parse(text, "own.toml")
    good = profiles.write([replace(_statement("HUF"), owner="")], profile)
    cut = len(noise) * 7 % len(good)
    for data in (noise, good[:cut] + noise, good[:cut]):
        profiles.as_format(profile).detect(data)
        with suppress(UnreadableFile):
            profiles.read(data, profile, "file")


@settings(max_examples=60, deadline=None)
@given(st.text("abcdef[]{}=\"',.\n 0123456789", max_size=60), st.integers(0, 2_000))
def test_no_text_breaks_the_reader_of_profiles(noise: str, place: int) -> None:
    with suppress(ProfileError):
        profiles.parse(FIXED[:place] + noise + FIXED[place:], "own.toml")


# ------------------------------------------------------------------------------------------------------- proposals
HUNGARIAN = (
    "Kivonat 2026. március\r\n"
    "Könyvelés dátuma;Értéknap;Összeg;Devizanem;Partner neve;Partner számlaszáma;Közlemény\r\n"
    "2026.03.01;2026.03.02;-1 234,50;HUF;Árvíztűrő Kft.;11773016-11111018;x y\r\n"
    "2026.03.03;2026.03.02;1 000 234,00;HUF;Tükör Bt.;10032000-01076868;q\r\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "cp852", "cp1250", "utf-16"])
def test_a_proposal_from_a_csv_reads_it_at_once(encoding: str) -> None:
    data = HUNGARIAN.encode(encoding)
    proposal = propose(data, "kivonat.csv")
    assert proposal.found == "It reads 2 entries in the sample, with 0 errors."
    statement = profiles.read(data, profiles.parse(proposal.text, "own.toml"), "file").statements[0]
    assert [entry.amount for entry in statement.entries] == [Decimal("-1234.50"), Decimal("1000234.00")]
    first = statement.entries[0]
    assert (first.booking_date, first.value_date) == (date(2026, 3, 1), date(2026, 3, 2))
    assert first.details[0].counterparty == Party(name="Árvíztűrő Kft.", account=OURS)
    assert any(encoding in note for note in proposal.notes) or encoding == "utf-8"


def test_proposals_know_payments_xml_files_without_headers_and_fixed_records() -> None:
    (bank,) = [profile for profile in profiles.shipped() if profile.name == "kh-csv"]
    payments = propose(profiles.write([_order()], bank), "kh.csv")
    assert payments.found == "It reads 2 payments in the sample, with 0 errors."
    assert 'to = "debtor_account"' in payments.text
    xml = propose(profiles.write([_statement()], profiles.parse(XML, "own.toml")), "net.xml")
    assert xml.found == "It reads 2 entries in the sample, with 0 errors."
    bare = propose(b"2026-03-01,100.00,EUR,abc\n2026-03-02,-100.00,EUR,abd\n", "bare.csv")
    assert bare.found == "It reads 2 entries in the sample, with 0 errors."
    assert "column_2 was taken for the amount by its looks." in bare.notes
    fixed = propose(b"01HEAD 20260301\n02 20260302 -100,25 First \n02 20260303  250,00 Second\n03END", "f.txt")
    assert fixed.found == "It reads 2 entries in the sample, with 0 errors."
    assert "Records are told apart by their first 2 characters." in fixed.notes


def test_a_guess_that_the_sample_contradicts_is_taken_back_and_told() -> None:
    rows = b"Booked;Amount;Text\n" + b"2026-03-01;1.00;a\n" * 1_200 + b"yesterday;2.00;b\n"
    proposal = propose(rows, "long.csv")
    assert "booked of row looked like date at first; some of its texts do not." in proposal.notes
    assert proposal.found == "It reads 1201 entries in the sample, with 0 errors."
    for nothing in (b"", b" \r\n\0"):
        with pytest.raises(UnreadableFile, match="empty"):
            propose(nothing, "nothing.csv")


@settings(max_examples=120, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text('a1;,\n"<>/ .-', max_size=120).map(str.encode)))
def test_a_proposal_can_be_made_of_anything(noise: bytes) -> None:
    with suppress(UnreadableFile):
        profiles.parse(propose(noise, "noise.csv").text, "own.toml")


# ------------------------------------------------------------------------------------------------ the page and the shell
def test_the_page_on_formats_names_every_key_and_its_example_reads_its_sample() -> None:
    page = (Path(__file__).parents[1] / "docs" / "formats.md").read_text("utf-8")
    for keys in (toml._PROFILE_KEYS, toml._RECORD_KEYS, toml._FIELD_KEYS):
        assert [key for key in keys if f"`{key}`" not in page] == []
    pairs = re.findall(r"^```none\n([^`]*)^```\n\n```toml\n([^`]*)^```", page, re.MULTILINE)
    assert len(pairs) == page.count("```toml")
    found = []
    for sample, example in pairs:
        profile = profiles.parse(example, "page.toml")
        text = sample if profile.line_end else "".join(f"{line:<48}" for line in sample.splitlines())
        data = text.encode(profile.encoding)
        reading = profiles.read(data, profile, "page")
        assert (profile.name, reading.problems) == (profile.name, ())
        found.append([entry.amount for statement in reading.statements for entry in statement.entries])
        back = profiles.read(profiles.write(reading.statements or reading.orders, profile), profile, "page")
        assert back.problems == ()
        assert [each.balances for each in back.statements] == [each.balances for each in reading.statements]
        assert [len(each.transactions) for each in back.orders] == [len(each.transactions) for each in reading.orders]
    signed = [[Decimal(amount) for amount in amounts.split()] for amounts in ("1250.50 -250 ", "1250.50 -350.50")]
    assert found == [*signed, [Decimal("1250.50"), Decimal("-500.00")], []]


def test_the_shell_proposes_lists_reads_and_converts_with_profiles(tmp_path: Path) -> None:
    def electra(*words: str) -> str:
        done = CliRunner().invoke(
            app, [*words, "--workbench", str(tmp_path)] if words[:2] != ("formats", "new") else [*words]
        )
        assert done.exit_code == 0, done.output
        return done.output

    (tmp_path / "formats").mkdir()
    own, sample, out = tmp_path / "formats" / "own.toml", tmp_path / "kivonat.csv", tmp_path / "out.csv"
    sample.write_bytes(HUNGARIAN.encode("cp852"))
    assert "It reads 2 entries" in electra("formats", "new", "--from", str(sample), "--out", str(own))
    assert "own-kivonat" in electra("formats")
    electra("read", str(sample), "--out", str(out))
    assert "1000234.00" in out.read_text()
    net = tmp_path / "net.toml"
    net.write_text(XML)
    said = electra("convert", str(sample), str(tmp_path / "net.xml"), "--to", "netbank", "--profile", str(net))
    assert "Not carried over: counterparty_account in 2 entries." in said
    assert b"<Amount>-1234.50</Amount>" in (tmp_path / "net.xml").read_bytes()


def test_a_workbench_reads_the_formats_of_its_folder_and_names_are_taken_once(tmp_path: Path) -> None:
    folder = tmp_path / "formats"
    folder.mkdir()
    (folder / "a.toml").write_text(FIXED)
    assert [profile.name for profile in own_profiles(tmp_path)] == ["house-bank"]
    assert own_profiles(tmp_path / "nowhere") == ()
    data = profiles.write([_statement()], profiles.parse(FIXED, "a.toml"))
    assert formats.read_tables(data, "file", own_formats(tmp_path)).entries.num_rows == 2
    with pytest.raises(UnreadableFile):
        formats.read(data, "file")
    (folder / "b.toml").write_text(FIXED)
    with pytest.raises(ProfileError, match="taken"):
        own_profiles(tmp_path)


def test_a_file_holds_no_more_records_than_its_bank_takes() -> None:
    (bank,) = [profile for profile in profiles.shipped() if profile.name == "kh-csv"]
    order = _order()
    full = replace(order, transactions=order.transactions * 20)
    assert len(profiles.read(profiles.write([full], bank), bank, "file").orders[0].transactions) == 40
    with pytest.raises(LayoutError, match="at most 40"):
        profiles.write([full, order], bank)
    lines = profiles.write([full], bank).splitlines(keepends=True)
    assert (42, "transfer", "most") in _rules(profiles.read(b"".join([*lines, lines[1], lines[1]]), bank, "file"))


_WORDS = st.lists(st.text("abcÁÉŐŰ019.,/-;\"'&<>", min_size=1, max_size=7), min_size=1, max_size=4).map(" ".join)


@settings(max_examples=90, deadline=None)
@given(
    st.sampled_from(PAYMENTS),
    st.lists(
        st.tuples(st.integers(1, 10**9), _WORDS, st.one_of(st.just(""), _WORDS), st.sampled_from([THEIRS, OURS])),
        min_size=1,
        max_size=5,
    ),
)
def test_any_order_a_shipped_profile_can_carry_comes_back(
    profile: profiles.Profile, items: list[tuple[int, str, str, str]]
) -> None:
    order = replace(
        _order(),
        transactions=tuple(
            Transaction(
                amount=Money(Decimal(amount), "HUF"), counterparty=Party(name=name, account=account), remittance=text
            )
            for amount, name, text, account in items
        ),
    )
    (back,) = profiles.read(profiles.write([order], profile), profile, "file").orders
    assert [replace(item, position=None) for item in back.transactions] == list(order.transactions)


@settings(max_examples=90, deadline=None)
@given(
    st.sampled_from([FIXED, XML]),
    st.lists(
        st.tuples(st.integers(-(10**9), 10**9), _WORDS.map(lambda text: text[:18].strip())), min_size=1, max_size=5
    ),
)
def test_any_statement_a_profile_can_carry_comes_back(text: str, entries: list[tuple[int, str]]) -> None:
    profile, base = profiles.parse(text, "own.toml"), _statement()
    found = tuple(
        replace(
            base.entries[0],
            amount=Decimal(cents).scaleb(-2),
            details=(EntryDetail(currency="HUF", counterparty=Party(name=name)),) if name else (),
            bank_reference="",
            additional_information="",
        )
        for cents, name in entries
    )
    closing = Decimal("-100.00") + sum((entry.amount for entry in found), Decimal(0))
    statement = replace(base, entries=found, balances=(base.balances[0], replace(base.balances[1], amount=closing)))
    reading = profiles.read(profiles.write([statement], profile), profile, "file")
    assert reading.problems == ()
    (back,) = reading.statements
    assert [(entry.amount, entry.booking_date, entry.details) for entry in back.entries] == [
        (entry.amount, entry.booking_date, entry.details) for entry in found
    ]


def test_delimited_text_in_utf_8_where_another_set_is_agreed_on_is_read_as_what_it_is_and_told() -> None:
    (bank,) = [profile for profile in profiles.shipped() if profile.name == "kh-csv"]
    agreed = profiles.write([_order()], bank)
    assert b"\xc1" in agreed or b"\xe1" in agreed
    text = agreed.decode("iso-8859-2")
    for file in (text.encode(), text.encode("utf-8-sig")):
        assert profiles.as_format(bank).detect(file)
        reading = profiles.read(file, bank, "x")
        assert [(problem.rule, problem.position) for problem in reading.problems] == [("encoding", 1)]
        assert reading.orders[0].transactions == profiles.read(agreed, bank, "x").orders[0].transactions


HOUSE = (
    "HD00112233HUF20260301",
    "TR20260302000000012501CPARTNER ONE",
    "TR20260303000000250099DPARTNER TWO",
    "FT000002000000262600+9",
)


@pytest.mark.parametrize(("encoding", "end"), [("cp852", "\r\n"), ("cp500", ""), ("cp852", "")])
def test_a_proposal_finds_records_with_and_without_line_ends(encoding: str, end: str) -> None:
    lines = [f"{line:<80}" for line in (HOUSE[0], *HOUSE[1:3] * 3, HOUSE[3])]
    proposal = propose("".join(line + end for line in lines).encode(encoding), "house.txt")
    assert proposal.found == "It reads 6 entries in the sample, with 0 errors."
    profile = profiles.parse(proposal.text, "own.toml")
    assert {part.record.length for part in profile.parts} == {80}
    assert ("records were taken to have 80 characters" in " ".join(proposal.notes)) != bool(end)
    # The date of a booking stands where the foot has a count that is none: that is no fault of the booking's field.
    booking = next(part for part in profile.parts if part.role == "entry")
    assert "booking_date" in {meaning.column for meaning in booking.meanings.values()}


@pytest.mark.parametrize("marks", [("C", "D"), ("Bij", "Af"), ("J", "T"), ("+", "-"), ("Haben", "Soll")])
def test_a_proposal_takes_the_side_of_the_amount_from_the_field_that_names_it(marks: tuple[str, str]) -> None:
    sample = f"date;side;sum\n2026-01-02;{marks[0]};12,50\n2026-01-03;{marks[1]};7,00\n"
    proposal = propose(sample.encode(), "x.csv")
    assert f"sum was taken for negative where side is {marks[1]}." in proposal.notes
    (statement,) = _read(proposal.text, sample.encode()).statements
    assert [entry.amount for entry in statement.entries] == [Decimal("12.50"), Decimal("-7.00")]
    odd = propose(sample.replace(f";{marks[1]};", ";R;").replace(f";{marks[0]};", ";C;").encode(), "x.csv")
    assert 'side holds C and R: where they are the sides of the amount, write sign_field = "side"' in " ".join(
        odd.notes
    )


def test_a_proposal_knows_the_names_by_which_sheets_are_read_in_every_language() -> None:
    sample = "KNAB EXPORT;;;;\nTransactiedatum;CreditDebet;Bedrag (EUR);Tegenrekeninghouder;Omschrijving\n" + (
        "21-06-2026;D;827,75;Jansen;Huur\n22-06-2026;C;1.000,00;De Vries;\n"
    )
    proposal = propose(sample.encode(), "knab.csv")
    assert "skip = 1" in proposal.text
    (statement,) = _read(proposal.text, sample.encode()).statements
    first, second = statement.entries
    assert (first.amount, first.currency, first.booking_date) == (Decimal("-827.75"), "EUR", date(2026, 6, 21))
    assert [each.details[0].counterparty for each in (first, second)] == [Party(name="Jansen"), Party(name="De Vries")]
    french = "Date opération,Date valeur,Libellé,Débit,Crédit,Devise\n02/04/2026,03/04/2026,Loyer,10.50,,EUR\n"
    proposal = propose(french.encode("cp1252"), "releve.csv")
    assert "The days of date_operation may also be MM/DD/YYYY: DD/MM/YYYY was taken." in proposal.notes
    (statement,) = _read(proposal.text, french.encode("cp1252")).statements
    (entry,) = statement.entries
    assert (entry.amount, entry.booking_date, entry.value_date) == (
        Decimal("-10.50"),
        date(2026, 4, 2),
        date(2026, 4, 3),
    )


def test_a_sample_that_is_read_without_a_profile_is_told_so(tmp_path: Path) -> None:
    sample = tmp_path / "s.sta"
    sample.write_text(":20:A\n:25:DE89370400440532013000\n:28C:1\n:60F:C260301EUR1,\n:62F:C260301EUR1,\n-")
    done = CliRunner().invoke(app, ["formats", "new", "--from", str(sample)])
    assert done.exit_code == 0
    assert "read without a profile, as mt940 (Account statements (SWIFT MT940, MT950))" in done.output
    book = tmp_path / "s.xlsx"
    book.write_bytes(payments.write_xlsx([]))
    done = CliRunner().invoke(app, ["formats", "new", "--from", str(book)])
    assert "save it as CSV" in str(done.exception)


def test_lines_above_a_table_are_kept_when_it_is_written() -> None:
    profile = profiles.parse(CSV_BELOW_A_TITLE, "own.toml")
    data = profiles.write([_statement()], profile)
    (found,) = profiles.read(data, profile, "x").statements
    assert [entry.amount for entry in found.entries] == [entry.amount for entry in _statement().entries]


CSV_BELOW_A_TITLE = """
name = "own-titled"
shape = "delimited"
kind = "statement"
skip = 3

[fixed]
currency = "HUF"

[[record]]
name = "row"
role = "entry"
fields = [
  { name = "day", column = "Day", type = "date", date = "YYYY-MM-DD", to = "booking_date" },
  { name = "amount", column = "Amount", type = "amount", point = ".", decimals = 2, sign = "leading", to = "amount" },
]
"""


def test_a_namespace_is_written_and_any_is_read() -> None:
    text = XML.replace('root = "Bank"', 'root = "Bank"\nnamespace = "urn:bank:own"')
    profile = profiles.parse(text, "own.toml")
    data = profiles.write([_statement()], profile)
    assert data.count(b'xmlns="urn:bank:own"') == data.count(b"xmlns") == 1
    amounts = [entry.amount for entry in _statement().entries]
    for file in (data, data.replace(b"urn:bank:own", b"urn:bank:other"), data.replace(b' xmlns="urn:bank:own"', b"")):
        (found,) = profiles.read(file, profile, "x").statements
        assert [entry.amount for entry in found.entries] == amounts
    assert 'namespace = "urn:bank:own"' in propose(data, "x.xml").text
    for wrong in ('namespace = "a b"', 'shape = "delimited"\nnamespace = "urn:x"'):
        with pytest.raises(ProfileError):
            profiles.parse(
                XML.replace('shape = "xml"', 'shape = "xml"\n' + wrong if "shape" not in wrong else wrong), "x.toml"
            )


# ------------------------------------------------------------------------------------------------- as users write them
MAINFRAME = """
name = "mainframe"
shape = "fixed"
kind = "statement"
encoding = "cp870"
line_end = "none"
ends = ["trailer"]

[[record]]
name = "header"
role = "statement"
length = 60
marks = [{ at = 1, is = "H1" }]
after = ["start", "trailer"]
fields = [
  { at = 1, length = 2, const = "H1" },
  { name = "account", at = 3, length = 28, to = "account" },
  { name = "currency", length = 3, to = "currency" },
  { name = "day", length = 7, type = "date", date = "YYYYDDD", to = "opening_date" },
  { name = "opening", length = 13, type = "amount", decimals = 2, sign = "overpunch", to = "opening_balance" },
  { name = "promised", length = 6, type = "integer", count = "booking", since = "header", ahead = true },
]

[[record]]
name = "booking"
role = "entry"
length = 60
marks = [{ at = 1, is = "B1" }]
after = ["header", "booking", "text"]
fields = [
  { at = 1, length = 2, const = "B1" },
  { name = "day", at = 3, length = 7, type = "date", date = "YYYYDDD", required = true, to = "booking_date" },
  { name = "amount", length = 13, type = "amount", decimals = 2, sign = "overpunch", required = true, to = "amount" },
  { name = "kind", length = 1, values = ["T", "C"], to = "proprietary_code" },
  { name = "partner", at = 24, length = 30, only_if = { field = "kind", is = "T" }, to = "counterparty_name" },
  { name = "cheque", at = 24, length = 10, only_if = { field = "kind", is = "C" }, to = "entry_reference" },
]

[[record]]
name = "text"
role = "detail"
length = 60
marks = [{ at = 1, is = "B2" }]
after = ["booking", "text"]
fields = [
  { at = 1, length = 2, const = "B2" },
  { name = "text", at = 3, length = 58, to = "remittance" },
]

[[record]]
name = "trailer"
role = "end"
length = 60
marks = [{ at = 1, is = "T9" }]
after = ["header", "booking", "text"]
fields = [
  { at = 1, length = 2, const = "T9" },
  { name = "count", length = 6, type = "integer", count = "booking", since = "header" },
  { name = "sum", length = 15, type = "amount", decimals = 2, sign = "overpunch", sum = "booking.amount", since = "header" },
  { name = "hash", length = 15, type = "amount", decimals = 2, sum = "booking.amount", absolute = true, since = "header" },
  { name = "closing", length = 13, type = "amount", decimals = 2, sign = "overpunch", to = "closing_balance" },
  { name = "day", length = 7, type = "date", date = "YYYYDDD", to = "closing_date" },
]
"""


@pytest.mark.parametrize("encoding", ["cp870", "cp1141", "cp273", "cp500", "cp037"])
def test_signs_of_a_mainframe_are_its_zoned_bytes_in_every_national_set(encoding: str) -> None:
    profile = profiles.parse(MAINFRAME.replace("cp870", encoding), "own.toml")
    entry = replace(
        _statement().entries[0],
        bank_transaction_code="",
        proprietary_code="T",
        bank_reference="",
        additional_information="",
        details=(EntryDetail(currency="HUF", counterparty=Party(name="Kis Ádám"), remittance="Rent"),),
    )
    cheque = replace(entry, amount=Decimal("-350.12"), proprietary_code="C", entry_reference="0000004711", details=())
    balances = (_statement().balances[0], replace(_statement().balances[1], amount=Decimal("800.38")))
    statement = replace(_statement(), identification="1", entries=(entry, cheque), balances=balances)
    data = profiles.write([statement], profile)
    assert len(data) == 5 * 60
    assert (data[60 + 21], data[3 * 60 + 21]) == (0xC0, 0xD2)
    reading = profiles.read(data, profile, "file")
    assert reading.problems == ()
    (back,) = reading.statements
    assert [replace(each, position=None, value_date=entry.value_date) for each in back.entries] == [entry, cheque]
    damaged = bytes([*data[: 60 + 21], 0x4A, *data[60 + 22 :]])
    assert (2, "booking.amount", "number") in _rules(profiles.read(damaged, profile, "file"))
    assert (1, "header.promised", "count") in _rules(profiles.read(data[:60] + data[3 * 60 :], profile, "file"))


def test_a_balance_that_nobody_gives_is_left_blank_and_not_said_to_be_zero() -> None:
    profile = profiles.parse(MAINFRAME, "own.toml")
    bare = replace(_statement(), balances=(), entries=(replace(_statement().entries[1], proprietary_code="C"),))
    (back,) = profiles.read(profiles.write([bare], profile), profile, "file").statements
    assert back.balances == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('length = 7, type = "date", date = "YYYYDDD", required', 'type = "date", date = "YYYYDDD", required', 32, "'day' has no length"),
        ('values = ["T", "C"]', 'sign_field = "side"', 34, "asks the field 'side'"),
        ('sign = "overpunch", required', 'sign = "over", required', 33, "Did you mean 'overpunch'?"),
        ('date = "YYYYDDD", required', 'date = "YYYYMMM", required', 32, "not a date layout"),
        ('name = "partner", at = 24', 'name = "partner", at = 22', 35, "overlap in column 22"),
        ('kind = "statement"', 'kind = "statement"]', 4, "line 4, column 19: The profile is not TOML"),
        ('[[record]]\\nname = "header"', '[record]\\nname = "header"', 9, "with two brackets"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_field_is_told_with_the_line_of_that_field(old: str, new: str, line: int, said: str) -> None:
    text = MAINFRAME.replace(old.replace("\\n", "\n"), new.replace("\\n", "\n"), 1)
    if "[record]\n" in text and "two brackets" in said:
        text = text[: text.index("[[record]]")]
    with pytest.raises(ProfileError) as caught:
        profiles.parse(text, "own.toml")
    assert f"own.toml, line {line}" in str(caught.value)
    assert said in str(caught.value)


def test_one_profile_is_that_of_the_source_and_of_the_target(tmp_path: Path) -> None:
    own, sample, out, other = (tmp_path / name for name in ("own.toml", "in.csv", "out.csv", "kh.csv"))
    own.write_text(DELIMITED)
    sample.write_bytes(profiles.write([_statement()], profiles.parse(DELIMITED, "own.toml")))
    for target, name in ((out, "web-export"), (tmp_path / "out.xml", "camt.053")):
        words = ["convert", str(sample), str(target), "--to", name, "--profile", str(own)]
        done = CliRunner().invoke(app, [*words, "--workbench", str(tmp_path)])
        assert (done.exit_code, done.output) == (0, f"{target} written\n")
    assert out.read_bytes() == sample.read_bytes()
    pay = tmp_path / "pay.toml"
    pay.write_text(
        'name = "pay"\nshape = "delimited"\nkind = "payment"\nheader = false\n[[record]]\nname = "row"\nrole = "payment"\n'
        'fields = [\n  { name = "from", column = 1, to = "debtor_account" },\n'
        '  { name = "day", column = 2, type = "date", to = "execution_date" },\n'
        '  { name = "to", column = 3, to = "counterparty_account" },\n  { name = "name", column = 4, to = "counterparty_name" },\n'
        '  { name = "amount", column = 5, type = "amount", to = "amount" },\n  { name = "in", column = 6, to = "currency" },\n]\n'
    )
    sample.write_text(f"{OURS};20261201;{THEIRS};Alpha;1500;HUF\n")
    done = CliRunner().invoke(app, ["convert", str(sample), str(other), "--to", "kh-csv", "--profile", str(pay)])
    assert done.exit_code == 0, done.output
    assert b"Alpha;1500;HUF" in other.read_bytes()


@pytest.mark.parametrize(
    ("first", "second", "keys"),
    [
        ("$1,020.00", "-$3.50", 'before = "$"'),
        ("1.020,00 EUR", "-3,50 EUR", 'behind = " EUR"'),
        ("1 020,00 Ft", "-3,50 Ft", 'behind = " Ft"'),
        ("€ 1.020,00", "-€ 3,50", 'before = "€ "'),
    ],
)
def test_what_stands_at_a_number_is_read_away_proposed_and_written(first: str, second: str, keys: str) -> None:
    sample = f'Date;Description;Amount\r\n2026-03-01;A;"{first}"\r\n2026-03-02;B;"{second}"\r\n'
    proposal = propose(sample.encode(), "x.csv")
    assert keys in proposal.text
    profile = profiles.parse(proposal.text, "own.toml")
    (statement,) = profiles.read(sample.encode(), profile, "x").statements
    assert [entry.amount for entry in statement.entries] == [Decimal("1020.00"), Decimal("-3.50")]
    assert statement.currency == {"$": "USD", "F": "HUF", "E": "EUR", "€": "EUR"}[keys.split('"')[1].strip()[0]]
    written = profiles.write([statement], profile)
    assert f";{second}\r\n".encode() in written
    (back,) = profiles.read(written, profile, "x").statements
    assert back.entries == statement.entries
