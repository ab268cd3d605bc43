"""SWIFT statements: the grammar of all messages, field 61, field 86 in its dialects, pages, proof, and bad input."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import mt, mt940, mt_columns, mt_entries, mt_kinds, mt_statements, mt_values
from electra_kernel.formats.base import Problems, Reading
from electra_kernel.formats.mt_details import columns_of
from electra_kernel.statements.model import Entry, EntryDetail
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.vocabulary.parties import Party

HEAD = ":20:STARTUMS\r\n:25:DE02120300000000202051\r\n:28C:7/1\r\n:60F:C260101EUR1000,00\r\n"
TAIL = ":62F:C260131EUR{}\r\n-\r\n"
#: Three statements of two accounts, pages, dialects, marks: a file that has most of what there is.
FILE = (
    HEAD
    + ":61:2601050105DR10,5NTRFNONREF//B1\r\n"
    + ":86:177?00UEBERWEISUNG?100399?20EREF+E2E-1?21MREF+M-1?22CRED+DE98ZZZ09999999999?23SVWZ+Rechnung 1?24zwei\r\n"
    + "?30COBADEFFXXX?31DE89370400440532013000?32Max Muster?34011\r\n"
    + ":61:2601060106RD3,25NSTOKREF+\r\n/OCMT/USD4,//CHGS/EUR0,5/\r\n:86:177?20KREF+PAY-77?32Anna\r\n"
    + ":62M:C260115EUR992,75\r\n-\r\n"
    + ":20:STARTUMS\r\n:25:DE02120300000000202051\r\n:28C:7/2\r\n:60M:C260115EUR992,75\r\n"
    + ":61:260120C7,NMSCREF 9//B3\r\n:86:/TRTP/IDEAL/IBAN/NL73ANDL0123456789/BIC/ANDLNL20/NAME/Jan/REMI/Factuur 9\r\n"
    + ":62F:C260131EUR999,75\r\n:64:C260131EUR900,\r\n:65:C260202EUR950,\r\n:86:Guten Tag\r\n-\r\n"
    + ":20:OTHER\r\n:25:10020030/1234567\r\n:28C:1\r\n:60F:D260101USD5,\r\n"
    + ":61:2601010102RC1,NTRFNONREF\r\n:86:free text\r\nof two lines\r\n:62F:D260101USD6,\r\n-"
).encode()


def read(text: str | bytes) -> Reading:
    return formats.read(text.encode() if isinstance(text, str) else text, "file")


def entries(body: str, closing: str = "1000,") -> tuple[tuple[Entry, ...], Reading]:
    reading = read(HEAD + body + TAIL.format(closing))
    return reading.statements[0].entries, reading


def rules(reading: Reading) -> list[str]:
    return [problem.rule for problem in reading.problems]


def assert_both_ways_agree(data: bytes) -> Reading:
    reading = formats.read(data, "file")
    exact = tables_of(reading.statements, "file", reading.problems)
    fast = formats.read_tables(data, "file")
    for name in ("entries", "details", "balances", "problems"):
        assert getattr(exact, name).equals(getattr(fast, name)), name
    return reading


# -------------------------------------------------------------------------------------------------- whole files
def test_several_statements_pages_and_dialects_in_one_file() -> None:
    reading = assert_both_ways_agree(FILE)
    first, second = reading.statements
    assert reading.format == "mt940"
    assert not reading.problems
    assert (first.identification, first.sequence, first.account, first.currency) == (
        "STARTUMS 7",
        7,
        "DE02120300000000202051",
        "EUR",
    )
    assert [(each.kind, each.amount) for each in first.balances] == [
        ("OPBD", Decimal("1000")),
        ("CLBD", Decimal("999.75")),
        ("CLAV", Decimal("900")),
        ("FWAV", Decimal("950")),
    ]
    assert first.additional_information == "Guten Tag"
    assert [entry.amount for entry in first.entries] == [Decimal("-10.5"), Decimal("3.25"), Decimal("7")]
    assert [entry.position for entry in first.entries] == [5, 8, 17]
    assert (second.account, second.currency) == ("10020030/1234567", "USD")
    assert second.entries[0].amount == Decimal("-1")
    assert second.entries[0].reversal


def test_an_entry_says_all_that_its_fields_say() -> None:
    entry = read(FILE).statements[0].entries[0]
    assert entry == Entry(
        amount=Decimal("-10.5"),
        currency="EUR",
        booking_date=date(2026, 1, 5),
        value_date=date(2026, 1, 5),
        proprietary_code="NTRF+177+0399+011",
        bank_reference="B1",
        additional_information="UEBERWEISUNG",
        details=(
            EntryDetail(
                counterparty=Party(name="Max Muster", account="DE89370400440532013000", bic="COBADEFFXXX"),
                remittance="Rechnung 1 zwei",
                end_to_end_id="E2E-1",
                mandate_id="M-1",
                creditor_id="DE98ZZZ09999999999",
            ),
        ),
        position=5,
    )


def test_reference_words_original_amounts_and_charges_are_understood() -> None:
    entry = read(FILE).statements[0].entries[1]
    assert entry.entry_reference == "PAY-77"
    assert (entry.original_amount, entry.original_currency, entry.charges) == (Decimal(4), "USD", Decimal("-0.5"))
    assert entry.additional_information == ""
    assert entry.reversal


@pytest.mark.parametrize("ends", [b"\n", b"\r", b"\r\n", b"\n\n"])
def test_line_ends_of_any_kind_give_the_same(ends: bytes) -> None:
    statements = read(FILE.replace(b"\r\n", ends)).statements
    plain = read(FILE).statements
    assert [len(each.entries) for each in statements] == [len(each.entries) for each in plain]
    assert [each.balances for each in statements] == [each.balances for each in plain]


@pytest.mark.parametrize(
    "around",
    [
        ("{1:F01COBADEFFAXXX0000000000}{2:I940COBADEFFXXXXN}{4:\r\n", "-}{5:{MAC:ABCD}}"),
        ("ABNANL2A\r\n940\r\nABNANL2A\r\n", "-"),
        ("0000 01INGBNL2AXXXX00001\r\n0000 01INGBNL2AXXXX00001\r\n940 00\r\n", "-XXX"),
        (":940:\r\n", ""),
        (
            "\r\n\r\n{1:F01AAAADEFFAXXX0000000000}\r\n{2:O9401157091028AAAADEFFAXXX00000000000910281157N}\r\n{4:\r\n",
            "-}",
        ),
    ],
)
def test_headers_and_ends_of_any_kind_are_no_part_of_the_statement(around: tuple[str, str]) -> None:
    body = HEAD.rstrip() + "\r\n:61:260102C5,NTRFNONREF\r\n:86:Text\r\n:62F:C260131EUR1005,\r\n"
    reading = read((around[0] + body + around[1] + "\r\n") * 2)
    assert reading.format == "mt940"
    assert [len(statement.entries) for statement in reading.statements] == [1, 1]
    assert reading.statements[1].entries[0].details[0].remittance == "Text"
    assert [rule for rule in rules(reading) if rule != "continuity"] == ["same-statement"]


def test_a_hyphen_on_a_line_of_its_own_inside_a_text_ends_nothing() -> None:
    found, reading = entries(":61:260102C5,NTRFNONREF\r\n:86:one\r\n-\r\ntwo\r\n:61:260102C6,NTRFNONREF\r\n", "1011,")
    assert found[0].details[0].remittance == "one - two"
    assert len(found) == 2
    assert not reading.problems


def test_words_before_the_first_message_are_told_once() -> None:
    reading = read("This is an example\r\nof a file\r\n" + HEAD + TAIL.format("1000,"))
    assert [(problem.rule, problem.position) for problem in reading.problems] == [("text-outside", 1)]


def test_an_unknown_field_is_kept_and_told() -> None:
    _, reading = entries("")
    reading = read(HEAD + ":99X:what is this\r\n" + TAIL.format("1000,"))
    assert reading.statements[0].additional_information == ":99X:what is this"
    assert rules(reading) == ["unknown-field"]


def test_a_field_that_cannot_be_read_is_kept_and_told_with_its_line() -> None:
    reading = read(HEAD + ":62F:C2601EUR10\r\n")
    assert ":62F:C2601EUR10" in reading.statements[0].additional_information
    assert [(problem.rule, problem.position) for problem in reading.problems] == [
        ("field", 5),
        ("balance-missing", None),
    ]


@pytest.mark.parametrize("tag", ["60Q", "64F", "62", "60f"])
def test_balances_with_other_options_are_told_or_read(tag: str) -> None:
    reading = read(HEAD + f":{tag}:C260131EUR1000,\r\n" + TAIL.format("1000,"))
    assert ("field" in rules(reading)) == (tag in ("60Q", "64F"))


@pytest.mark.parametrize(
    ("written", "account", "bic"),
    [
        (":25:DE02 1203 0000 0000 2020 51", "DE02120300000000202051", ""),
        (":25:NL50RABO0123456789 EUR", "NL50RABO0123456789", ""),
        (":25:1291.99.348EUR", "1291.99.348", ""),
        (":25:DABADKKK/1234567890", "1234567890", "DABADKKK"),
        (":25P:DE02120300000000202051\r\nBYLADEM1001", "DE02120300000000202051", "BYLADEM1001"),
        (":25:/11773016-11111018-00000000", "11773016-11111018-00000000", ""),
    ],
)
def test_accounts_as_banks_write_them(written: str, account: str, bic: str) -> None:
    text = HEAD.replace(":25:DE02120300000000202051", written) + TAIL.format("1000,")
    statement = read(text).statements[0]
    assert (statement.account, statement.bank_bic) == (account, bic)


@pytest.mark.parametrize(
    ("account", "encoding", "name"),
    [
        ("DE02120300000000202051", "cp1252", "Müller – Söhne"),
        ("PL89106000760000321000006053", "cp1250", "Łąka Śląska"),
        ("PL89106000760000321000006053", "iso8859_2", "Łąka Śląska"),
        ("HU42117730161111101800000000", "cp852", "Árvíztűrő tükörfúrógép"),
    ],
)
def test_text_that_is_not_utf_8_is_read_by_the_letters_of_the_accounts_country(
    account: str, encoding: str, name: str
) -> None:
    text = HEAD.replace("DE02120300000000202051", account) + f":61:260102C5,NTRFNONREF\r\n:86:{name}\r\n"
    reading = read((text + TAIL.format("1005,")).encode(encoding))
    assert reading.statements[0].entries[0].details[0].remittance == name
    assert [(problem.rule, problem.position) for problem in reading.problems] == [("encoding", 6)]


def test_utf_16_and_byte_order_marks_are_read() -> None:
    plain = read(FILE)
    assert read(FILE.decode().encode("utf-16")).statements == plain.statements
    assert read(b"\xef\xbb\xbf" + FILE).statements == plain.statements


def test_control_characters_are_told_with_their_line() -> None:
    reading = read(FILE.replace(b"Max Muster", b"Max\0Muster"))
    detail = reading.statements[0].entries[0].details[0]
    assert detail.counterparty is not None
    assert detail.counterparty.name == "Max Muster"
    assert [(problem.rule, problem.position) for problem in reading.problems] == [("control-character", 7)]


# ------------------------------------------------------------------------------------------------------ field 61
@pytest.mark.parametrize(
    ("line", "amount", "value", "booked", "code", "reference", "bank", "more"),
    [
        ("260102C5,NTRFNONREF", "5", (2026, 1, 2), (2026, 1, 2), "NTRF", "", "", ""),
        ("2601020105D,5NCHKABC//DEF", "-0.5", (2026, 1, 2), (2026, 1, 5), "NCHK", "ABC", "DEF", ""),
        ("2512310102CR1234,S103R", "1234", (2025, 12, 31), (2026, 1, 2), "S103", "R", "", ""),
        ("2601021231DR1,01FMSCR", "-1.01", (2026, 1, 2), (2025, 12, 31), "FMSC", "R", "", ""),
        ("260102RCR204,88NRTINONREF", "-204.88", (2026, 1, 2), (2026, 1, 2), "NRTI", "", "", ""),
        ("260102RD204,88NRTINONREF", "204.88", (2026, 1, 2), (2026, 1, 2), "NRTI", "", "", ""),
        ("260102D000000001213,28N044NONREF", "-1213.28", (2026, 1, 2), (2026, 1, 2), "N044", "", "", ""),
        ("260102C000000000300.00NMSC17", "300", (2026, 1, 2), (2026, 1, 2), "NMSC", "17", "", ""),
        ("260102D20,00NONREF", "-20", (2026, 1, 2), (2026, 1, 2), "", "", "", ""),
        ("260102D25,03NOV NONREF", "-25.03", (2026, 1, 2), (2026, 1, 2), "NOV", "", "", ""),
        ("260102D1.234,50NTRFNONREF", "-1234.5", (2026, 1, 2), (2026, 1, 2), "NTRF", "", "", ""),
        ("260102 0103 d5,5 ntrfx", "-5.5", (2026, 1, 2), (2026, 1, 3), "NTRF", "x", "", ""),
        ("260102C5", "5", (2026, 1, 2), (2026, 1, 2), "", "", "", ""),
        ("260102C5,NTRFA//B\r\nsupplementary", "5", (2026, 1, 2), (2026, 1, 2), "NTRF", "A", "B", "supplementary"),
        ("260102C5,S103494933/DEV//PO64118", "5", (2026, 1, 2), (2026, 1, 2), "S103", "494933/DEV", "PO64118", ""),
        (
            "260102C5,N0600733959555      T-MOBILE",
            "5",
            (2026, 1, 2),
            (2026, 1, 2),
            "N060",
            "0733959555",
            "",
            "T-MOBILE",
        ),
    ],
)
def test_entries_as_banks_write_them(
    line: str,
    amount: str,
    value: tuple[int, int, int],
    booked: tuple[int, int, int],
    code: str,
    reference: str,
    bank: str,
    more: str,
) -> None:
    found, _ = entries(f":61:{line}\r\n")
    entry = found[0]
    assert (entry.amount, entry.value_date, entry.booking_date) == (Decimal(amount), date(*value), date(*booked))
    assert (entry.proprietary_code, entry.entry_reference, entry.bank_reference) == (code, reference, bank)
    assert entry.additional_information == more
    assert not entry.details


def test_a_long_reference_is_kept_whole_and_told_once() -> None:
    found, reading = entries(":61:260102C5,NTRFABCDEFGHIJKLMNOPQRST\r\n" * 2, "1010,")
    assert [entry.entry_reference for entry in found] == ["ABCDEFGHIJKLMNOPQRST"] * 2
    assert [(problem.rule, problem.position) for problem in reading.problems] == [("reference-length", 5)]


def test_a_day_that_does_not_exist_is_left_out_and_told() -> None:
    found, reading = entries(":61:260230C5,NTRFNONREF\r\n:61:2601020230C5,NTRFNONREF\r\n", "1010,")
    assert [(entry.value_date, entry.booking_date) for entry in found] == [
        (None, None),
        (date(2026, 1, 2), date(2026, 1, 2)),
    ]
    assert [(problem.rule, problem.position) for problem in reading.problems] == [("date", 5), ("date", 6)]


@pytest.mark.parametrize("line", ["nothing", "260102X5,NTRF", "260102C12345678901234,NTRF", "", "260102C1,234567NTRF"])
def test_what_is_no_entry_is_told_with_its_text_and_the_balance_shows_it(line: str) -> None:
    found, reading = entries(f":61:{line}\r\n:86:x\r\n:61:260102C5,NTRFNONREF\r\n", "1006,")
    assert [entry.amount for entry in found] == [Decimal(5)]
    assert rules(reading) == ["entry", "balance"]
    assert line in reading.problems[0].text
    assert reading.problems[0].position == 5


def test_the_year_1999_is_of_the_last_century() -> None:
    assert mt_values.day_of("991231") == date(1999, 12, 31)
    assert mt_values.day_of("790101") == date(2079, 1, 1)


# ------------------------------------------------------------------------------------------------------ field 86
def said(text: str) -> dict[str, str]:
    columns = columns_of(pa.array([text]))
    return {name: column[0].as_py() for name, column in columns.items() if column[0].as_py() is not None}


def test_numbered_subfields_are_understood_whatever_the_separator() -> None:
    german = "166?00GUTSCHRIFT?100399?20EREF+E 1?21SVWZ+Text?30COBADEFF?31DE1?32Max?33Muster?34011"
    expected = said(german)
    assert expected == {
        "business_code": "166",
        "booking_text": "GUTSCHRIFT",
        "prima_nota": "0399",
        "end_to_end_id": "E 1",
        "remittance": "Text",
        "bank_code": "COBADEFF",
        "counterparty_account": "DE1",
        "counterparty_name": "Max Muster",
        "key_extension": "011",
    }
    for separator in "~<>^@#*%&$!|;":
        assert said(german.replace("?", separator)) == expected
    assert said(" " + german) == expected


def test_many_texts_of_many_dialects_are_each_read_as_if_alone() -> None:
    texts = [
        "166?00A?20EREF+1?21x",
        None,
        "/EREF/22/REMI/y",
        "020~00B~20text~38PL89106000760000321000006053",
        "free",
        "?20only?32Name",
        "",
    ] * 3
    together = columns_of(pa.array(texts))
    for number, text in enumerate(texts):
        alone = {
            name: column[number].as_py() for name, column in together.items() if column[number].as_py() is not None
        }
        assert alone == ({} if text is None else said(text))


def test_full_subfields_go_on_and_shorter_ones_end_a_word() -> None:
    assert said("177?20ABRECHNUNGSZEITRAUM VOM 01.?2107.2026")["remittance"] == "ABRECHNUNGSZEITRAUM VOM 01.07.2026"
    assert said("177?20Miete?21November")["remittance"] == "Miete November"
    assert said("177?20Miete ?21November")["remittance"] == "Miete November"
    assert said("177?20EREF+5820066700411906011717?2127")["end_to_end_id"] == "582006670041190601171727"
    assert said("177?20SVWZ+Grüße aus München an ?21alle")["remittance"] == "Grüße aus München an alle"


def test_a_reference_ends_with_a_line_that_is_not_full() -> None:
    found = said("191?20KREF+TFNr 01022 MSGID CTSc-?2101 EBB?22MTLG:Datei mit 0000001 Zahlu?23ngen")
    assert found["customer_reference"] == "TFNr 01022 MSGID CTSc-01 EBB"
    assert found["remittance"] == "MTLG:Datei mit 0000001 Zahlungen"


def test_lines_of_numbered_texts_break_anywhere() -> None:
    text = "166?00GUTSCHRIFT?20EREF+E2E-1?21SVWZ+Rechnung?32Muster"
    for at in range(4, len(text)):
        assert said(text[:at] + "\n" + text[at:]) == said(text)


def test_a_word_is_understood_at_the_beginning_of_a_subfield_or_after_a_blank_only() -> None:
    assert said("177?20SVWZ+a EREF+b")["end_to_end_id"] == "b"
    assert said("177?20SVWZ+aEREF+b") == {"business_code": "177", "remittance": "aEREF+b"}
    assert said("177?00EREF+b?20x") == {"business_code": "177", "booking_text": "EREF+b", "remittance": "x"}


def test_what_is_not_understood_stays_as_it_is_written() -> None:
    found = said("177?20DEBT+D1?21SVWZ+x?35one?36two?70three")
    assert found["remains"] == "DEBT+D1 ?35one ?36two ?70three"
    assert said("177?12ab?20x?99y") == {"business_code": "177", "remittance": "x?99y", "remains": "?12ab"}


def test_999_says_that_there_is_no_business_code() -> None:
    assert "business_code" not in said("999?20x")
    assert said("999PN5477SCHECK") == {"remittance": "PN5477SCHECK"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "/TRTP/SEPA INCASSO/CSID/NL36ZZZ1/NAME/Bank B.V./MARF/M1/REMI//INV/15/IBAN/NL37DEUT0123456789/BIC/DEUTNL2A/EREF/E1",
            {
                "booking_text": "SEPA INCASSO",
                "creditor_id": "NL36ZZZ1",
                "counterparty_name": "Bank B.V.",
                "mandate_id": "M1",
                "remittance": "/INV/15",
                "counterparty_account": "NL37DEUT0123456789",
                "counterparty_bic": "DEUTNL2A",
                "end_to_end_id": "E1",
            },
        ),
        (
            "/EREF/E1//CNTP/NL86INGB0002445588/INGBNL2A/BELASTING///REMI/USTD//Text/with/",
            {
                "end_to_end_id": "E1",
                "counterparty_account": "NL86INGB0002445588",
                "counterparty_bic": "INGBNL2A",
                "counterparty_name": "BELASTING",
                "remittance": "Text/with",
            },
        ),
        (
            "/REMI/STRD/CUR/123456/PREF/P1",
            {"structured_reference": "123456", "customer_reference": "P1"},
        ),
        (
            "/EREF/E/ORDP//NAME/A B/ADDR/Street 1/REMI/x/ISDT/2026-01-01",
            {
                "end_to_end_id": "E",
                "counterparty_name": "A B",
                "counterparty_address": "Street 1",
                "remittance": "x",
                "remains": "/ISDT/2026-01-01",
            },
        ),
        (
            "/BAI/399/CREDIT\n/ORDP/test rate\n/ACNO/12-3011",
            {"remains": "/BAI/399/CREDIT", "counterparty_name": "test rate", "counterparty_account": "12-3011"},
        ),
        (
            "/BENM/300000000000133\n/BANK AD\n/fee//16",
            {"counterparty_account": "300000000000133", "counterparty_name": "BANK AD", "remittance": "fee//16"},
        ),
        (
            "SEPA IDEAL                       IBAN: NL70ABNA0888888888        \nBIC: ABNANL2A                    NAAM: NS GROEP",
            {
                "remittance": "SEPA IDEAL",
                "counterparty_account": "NL70ABNA0888888888",
                "counterparty_bic": "ABNANL2A",
                "counterparty_name": "NS GROEP",
            },
        ),
        ("just\nsome words", {"remittance": "just some words"}),
        ("see http://a/b/c 12:30", {"remittance": "see http://a/b/c 12:30"}),
    ],
)
def test_words_between_slashes_labels_and_free_text(text: str, expected: dict[str, str]) -> None:
    assert said(text) == expected


def test_a_line_of_65_characters_goes_on_without_a_blank() -> None:
    line = "x" * 65
    assert said(f"{line}\nyz")["remittance"] == f"{line}yz"
    assert said(f"{line[:-1]}\nyz")["remittance"] == f"{line[:-1]} yz"


def test_several_texts_after_an_entry_are_one() -> None:
    found, _ = entries(":61:260102C5,NTRFNONREF\r\n:86:one\r\n:86:two\r\n:86:three\r\n", "1005,")
    assert found[0].details[0].remittance == "one two three"


def test_a_bank_code_that_is_no_bic_stands_before_the_account() -> None:
    found, _ = entries(":61:260102C5,NTRFNONREF\r\n:86:051?3050060400?310847564700?32MUELLER\r\n", "1005,")
    party = found[0].details[0].counterparty
    assert party == Party(name="MUELLER", account="50060400/0847564700")


def test_notes_of_german_banks_are_read() -> None:
    found, _ = entries(
        ":61:260102C5,S051NONREF\r\n:NS:01Verwendungszweck 1\r\n02Zweck 2\r\n15Meier\r\n17Text\r\n18123\r\n190815\r\n",
        "1005,",
    )
    entry = found[0]
    assert entry.details[0].remittance == "Verwendungszweck 1 Zweck 2"
    assert entry.details[0].counterparty == Party(name="Meier")
    assert (entry.additional_information, entry.proprietary_code) == ("Text :NS:190815", "S051++123")


# ------------------------------------------------------------------------------------------------ pages and proof
def test_a_statement_that_does_not_add_up_is_told_and_kept() -> None:
    found, reading = entries(":61:260102C5,NTRFNONREF\r\n", "1006,")
    assert len(found) == 1
    assert rules(reading) == ["balance"]


def test_a_page_that_does_not_join_is_told() -> None:
    reading = read(FILE.replace(b":60M:C260115EUR992,75", b":60M:C260115EUR992,76"))
    assert len(reading.statements) == 2
    assert rules(reading) == ["page"]


def test_pages_whose_others_are_missing_are_proved_by_themselves() -> None:
    page = HEAD.replace(":60F:", ":60M:").replace("7/1", "7/3")
    good = read(page + ":61:260102C5,NTRFNONREF\r\n:62M:C260131EUR1005,\r\n-\r\n")
    assert rules(good) == ["page"]
    assert [balance.kind for balance in good.statements[0].balances] == ["ITBD", "ITBD"]
    assert rules(read(page + ":61:260102C5,NTRFNONREF\r\n:62M:C260131EUR1006,\r\n-\r\n")) == ["page", "balance"]


def test_a_statement_without_entries_is_a_statement() -> None:
    found, reading = entries("")
    assert found == ()
    assert not reading.problems


def test_an_interim_report_is_checked_by_the_banks_own_sums() -> None:
    text = (
        ":20:1\r\n:25:DE02120300000000202051\r\n:28C:3/1\r\n:34F:EURD5,\r\n:34F:EURC0,\r\n:13D:2601021430+0100\r\n"
        ":61:260102C5,NTRFNONREF\r\n:61:260102ED6,NTRFNONREF\r\n:90D:{}\r\n:90C:1EUR5,\r\n-\r\n"
    )
    reading = assert_both_ways_agree(text.format("0EUR0,").encode())
    statement = reading.statements[0]
    assert (reading.format, statement.balances, reading.problems) == ("mt942", (), ())
    assert statement.created == datetime(2026, 1, 2, 13, 30, tzinfo=UTC)
    assert [entry.status for entry in statement.entries] == ["BOOK", "PDNG"]
    assert statement.additional_information == ":34F:EURD5, :34F:EURC0,"
    assert rules(read(text.format("2EUR9,"))) == ["entry-sum"]


def test_a_balance_report_is_not_proved_by_entries_it_does_not_list() -> None:
    text = (
        "{1:F01ABNANL2AXXXX0000000000}{2:O9410725221020INGBROBUXXXX00000000002210200725N}{4:\r\n:20:234567\r\n:21:765432\r\n"
        ":25:6894-77381\r\n:28:212\r\n:13D:0906041515+0200\r\n:60F:C090604EUR595771,95\r\n:90D:72EUR385920,\r\n"
        ":90C:44EUR450000,\r\n:62F:C090604EUR659851,95\r\n:64:C090604EUR480525,87\r\n-}"
    )
    reading = read(text)
    assert (reading.format, reading.problems) == ("mt941", ())
    assert [balance.kind for balance in reading.statements[0].balances] == ["OPBD", "CLBD", "CLAV"]
    assert read(text.replace("941072", "942072").replace("O942", "O941")).format == "mt941"


def test_the_same_file_gives_the_same_ids_and_identical_entries_stay_two() -> None:
    data = (HEAD + ":61:260102C5,NTRFNONREF\r\n:86:x\r\n" * 2 + TAIL.format("1010,")).encode()
    ids = formats.read_tables(data, "a").entries["entry_id"].to_pylist()
    assert len(set(ids)) == 2
    assert ids == formats.read_tables(data, "b").entries["entry_id"].to_pylist()


# --------------------------------------------------------------------------------------------------- other files
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "{1:F01BANKBEBBAXXX}{2:O1990725221020BANKDEFFXXXX2210200725N}{4:\r\n:20:A\r\n:79:hello\r\n-}",
            "MT199 (free format message)",
        ),
        ("{1:F01BANKBEBBAXXX}{2:I202BANKDEFFXXXXN}{4:\r\n:20:A\r\n:21:B\r\n:32A:260101EUR1,\r\n-}", "MT202 (general"),
        ("{1:F01BANKBEBBAXXX}{2:I920BANKDEFFXXXXN}{4:\r\n:20:A\r\n:12:940\r\n:25:1\r\n-}", "MT920 (request message)"),
        ('x = "{1:F01B}{2:I103BANKDEFFXXXXN}{4:\r\n:20:A"', "text that quotes SWIFT messages (MT103)"),
    ],
)
def test_other_messages_are_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(text)
    assert words in str(caught.value)


def test_an_advice_that_does_not_say_its_sign_is_refused_and_with_a_header_it_is_read() -> None:
    text = ":20:C1\r\n:21:R1\r\n:25:9-98\r\n:13D:2601051030+0100\r\n:32A:260105USD233530,\r\n:52A:CITIUS33\r\n"
    with pytest.raises(UnreadableFile, match=r"MT900 or 910 .*with its header"):
        read(text)
    (entry,) = read("900\r\n" + text).statements[0].entries
    assert (entry.amount, entry.currency) == (Decimal(-233530), "USD")
    (entry,) = read(text + ":56A:BKTRUS33\r\n").statements[0].entries
    assert entry.amount == Decimal(233530)


@pytest.mark.parametrize("amount", ["1'250,50", "1 250,50", "1.250 500,00"])
def test_an_amount_in_groups_that_nobody_can_be_sure_of_is_left_out_and_told(amount: str) -> None:
    found, reading = entries(f":61:2601050105C{amount}NTRFREF\r\n", "2250,5")
    assert not found
    assert rules(reading) == ["entry", "balance"]


def test_a_reference_after_a_blank_is_no_part_of_the_amount() -> None:
    (entry,), _ = entries(":61:2601050105C50,00 1234REF\r\n", "1050,")
    assert (entry.amount, entry.entry_reference) == (Decimal(50), "1234REF")


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        (HEAD + ":61:2601050105C50,", "entry", 5),
        (HEAD + ":61:2601050105C5", "entry", 5),
        (":20:A\n:25:1\n:60F:C260101EUR10", "truncated", 3),
        (HEAD + ":62F:C260131EUR1000,00\n:64:C260131EUR9", "truncated", 6),
    ],
)
def test_an_amount_in_which_the_file_ends_is_left_out_and_told(text: str, rule: str, line: int) -> None:
    reading = assert_both_ways_agree(text.encode())
    assert (rule, line) in [(problem.rule, problem.position) for problem in reading.problems]
    assert not reading.statements[0].entries
    assert all(balance.amount == 1000 for balance in reading.statements[0].balances)


def test_text_in_a_countrys_letters_is_known_by_the_currency_where_the_account_names_no_country() -> None:
    text = HEAD.replace("DE02120300000000202051", "11773425-00989949").replace("EUR", "HUF")
    reading = read((text + ":61:260105C5,NTRFNONREF\r\n:86:Árvíztűrő\r\n").encode("cp1250"))
    assert reading.statements[0].entries[0].details[0].remittance == "Árvíztűrő"


def test_a_party_whose_name_is_a_word_of_its_own_is_read_after_one_slash_too() -> None:
    (entry,), _ = entries(":61:260105C5,NTRFNONREF\r\n:86:/ORDP/NAME/DUPONT SARL/REMI/FACTURE 12\r\n", "1005,")
    assert entry.details[0].counterparty == Party(name="DUPONT SARL")
    assert entry.details[0].remittance == "FACTURE 12"


def test_another_message_among_statements_is_told_and_the_statements_are_read() -> None:
    other = "{1:F01BANKBEBBAXXX}{2:O1990725221020BANKDEFFXXXX2210200725N}{4:\r\n:20:A\r\n:79:hello\r\n-}\r\n"
    own = "{1:F01BANKBEBBAXXX}{2:I940BANKDEFFXXXXN}{4:\r\n" + HEAD + TAIL.format("1000,")
    reading = read(own + other + own)
    assert len(reading.statements) == 2
    assert [(problem.rule, problem.position) for problem in reading.problems] == [("message-type", 9)]


@pytest.mark.parametrize(
    "text",
    [
        "Date;Amount;Name\n:20:;:25:;x\n",
        "a,b\n1,2\n",
        "hello: world\n:smile: :20:\n",
        "{}",
        ":20:x\n",
        "12:30:00 log line\n12:31:00 log line\n",
    ],
)
def test_texts_with_colons_are_not_taken_for_statements(text: str) -> None:
    assert mt_kinds.kind_of(text.encode()) == ""


# ---------------------------------------------------------------------------------------------------- bad input
def test_a_file_cut_off_anywhere_is_read_or_refused_and_nothing_is_invented() -> None:
    whole = {entry.amount for statement in read(FILE).statements for entry in statement.entries}
    for length in range(0, len(FILE), 7):
        try:
            reading = mt940.read(FILE[:length], "file")
        except UnreadableFile:
            continue
        entries = [entry for statement in reading.statements for entry in statement.entries]
        # The amount of the last entry may be cut itself; then the balance is missing, and told.
        assert {entry.amount for entry in entries[:-1]} <= whole
        if length < len(FILE) - 10:
            assert reading.problems or len(entries) in (3, 4)


def test_damaged_files_never_crash_and_both_ways_agree() -> None:
    chance = random.Random(7)
    for _ in range(80):
        data = bytearray(FILE)
        for _ in range(chance.randint(1, 12)):
            at = chance.randrange(len(data))
            kind = chance.randrange(4)
            if kind == 0:
                data[at] = chance.randrange(256)
            elif kind == 1:
                del data[at : at + chance.randint(1, 40)]
            elif kind == 2:
                data[at:at] = chance.choice(
                    [b"\n:61:", b"\r\n:86:", b"?20", b"\n-\n", b"\n:20:", b"\xff\0", b":62F:", b"//"]
                )
            else:
                data[at:at] = data[at : at + 100]
        try:
            reading = mt940.read(bytes(data), "file")
        except UnreadableFile:
            continue
        tables = mt940.read_tables(bytes(data), "file")
        exact = tables_of(reading.statements, "file", reading.problems)
        assert exact.entries.equals(tables.entries)
        assert exact.problems.equals(tables.problems)


def test_one_line_of_megabytes_takes_no_more_than_its_length() -> None:
    for filling in (b"x", b"?", b"/", b"?20", b"EREF+", b"-", b" ", b":", b"0", b"//", b"/IBAN/"):
        data = HEAD.encode() + b":61:260102C5,NTRFNONREF\r\n:86:" + filling * (4_000_000 // len(filling))
        reading = mt940.read(data, "file")
        assert "field-length" in rules(reading)
        line = HEAD.encode() + b":61:260102C5,NTRF" + filling * (1_000_000 // len(filling))
        mt940.read(line, "file")


def test_a_file_of_line_ends_and_tags_alone_ends_in_one_clear_error() -> None:
    for data in (b":20:\n" * 1000, b"-\n" * 1000, b"\n" * 100_000, b"{1:" * 1000, b":86:\n" * 1000):
        with pytest.raises(UnreadableFile):
            mt940.read(data, "file")


def test_the_problems_of_a_file_name_it() -> None:
    found = mt.fields(b":20:x\n:61:\n", Problems("name"))
    assert [found.tag(0), found.tag(1)] == ["20", "61"]
    assert found.lines.tolist() == [1, 2]


_LINES = st.one_of(
    st.none(),
    st.text("0123456789CDRE,.NTFSMS/ \n-Aé", max_size=40),
    st.builds(
        "260105{}{}{}{}{}{}{}".format,
        st.sampled_from(["", "0105", "1231"]),
        st.sampled_from(["C", "D", "RC", "RD", "EC", "ED", "CR", "X"]),
        st.sampled_from(["10,5", "1234567890123,", ",5", "3.25", "7", "12.345,6"]),
        st.sampled_from(["NTRF", "S103", "FMSC", "NTR", ""]),
        st.sampled_from(["NONREF", "REF/1", "", "A/ /B"]),
        st.sampled_from(["", "//", "//BANK 1", "//B//C"]),
        st.sampled_from(["", "\n", "\nmore", "\n/OCMT/USD4,/\nand more\n"]),
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_LINES, max_size=8))
def test_few_lines_are_matched_by_python_as_many_are_by_arrow(lines: list[str | None]) -> None:
    texts = pa.array(lines, pa.string())
    many = pa.concat_arrays([texts, pa.nulls(mt_columns.FEW + 1, pa.string())])
    parts, odd = mt_columns.matched_in(texts, mt_entries._LINE_61, mt_entries._PARTS)
    parts_of_many, odd_of_many = mt_columns.matched_in(many, mt_entries._LINE_61, mt_entries._PARTS)
    assert {name: part.to_pylist() for name, part in parts.items()} == {
        name: part.to_pylist()[: len(lines)] for name, part in parts_of_many.items()
    }
    assert odd.tolist() == [row for row in odd_of_many.tolist() if row < len(lines)]


def test_few_entries_are_summed_as_many_are(monkeypatch: pytest.MonkeyPatch) -> None:
    few = formats.read_tables(FILE, "file")
    monkeypatch.setattr(mt_statements, "FEW", -1)
    monkeypatch.setattr(mt_columns, "FEW", -1)
    many = formats.read_tables(FILE, "file")
    wrong = FILE.replace(b"62F:C260131EUR999,75", b"62F:C260131EUR999,76")
    told = formats.read_tables(wrong, "file").problems
    monkeypatch.undo()
    for name in ("entries", "balances", "problems", "statements"):
        assert getattr(few, name).equals(getattr(many, name)), name
    assert "balance" in told["rule"].to_pylist()
    assert told.equals(formats.read_tables(wrong, "file").problems)
