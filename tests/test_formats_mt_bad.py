"""SWIFT statements that are wrong in one way each: a problem with its line and a repair, and never a wrong figure."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import mt_entries, mt_kinds
from electra_kernel.formats.base import Reading
from electra_kernel.vocabulary.errors import UnreadableFile

HEAD = ":20:STARTUMS\r\n:25:DE02120300000000202051\r\n:28C:7/1\r\n"
ENTRIES = ":61:2601050105D10,50NTRFA1//B1\r\n:86:Miete Januar\r\n:61:2601060106C4,NTRFA2//B2\r\n:86:Gutschrift\r\n"
GOOD = f"{HEAD}:60F:C260101EUR100,\r\n{ENTRIES}:62F:C260131EUR93,5\r\n-\r\n"


def read(text: str | bytes) -> Reading:
    return formats.read(text.encode() if isinstance(text, str) else text, "file")


def figures(reading: Reading) -> list[Decimal]:
    return [entry.amount for statement in reading.statements for entry in statement.entries]


def told(reading: Reading) -> list[tuple[str, str, int | None]]:
    """Rule, field and line of each problem; every one of them names a repair."""
    assert all(problem.repair and problem.source == "file" for problem in reading.problems)
    return [(problem.rule, problem.field, problem.position) for problem in reading.problems]


def entry(line: str, *, currency: str = "EUR", closing: str = "") -> Reading:
    text = f"{HEAD}:60F:C260101{currency}100,\r\n:61:{line}\r\n:62F:C260131{currency}{closing or '100,'}\r\n-\r\n"
    return read(text)


# ---------------------------------------------------------------------------------------------- the same figures
@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\r\n", "\n"),
        GOOD.replace("\r\n", "\r"),
        GOOD.replace("\r\n", "\r\n\r\n"),
        GOOD.replace("\r\n", "  \r\n"),
        re.sub(r"(?m)^:", "\t:", GOOD),
        re.sub(r"(?m)^:", " " * 30 + ":", GOOD),
        GOOD.replace("-\r\n", ""),
        GOOD.replace("-\r\n", "-}"),
        "{1:F01BANKDEFFXXXX0000000000}{2:I940BANKDEFFXXXXN}{4:\r\n" + GOOD.removesuffix("-\r\n"),
        "{1:BANK}{2:940SI}{4:\r\n" + GOOD,
        "{4:" + GOOD,
        "BANKDEFF\r\n940\r\nBANKDEFF\r\n" + GOOD,
        "\ufeff" + GOOD,
        "\r\n\r\n" + GOOD + "\r\n\x1a",
        GOOD.replace(":28C:7/1", ":28:7"),
        GOOD.replace(":61:", ":61 :"),
        GOOD.replace("D10,50N", "d10,50n").replace("C4,N", "c4,n"),
        GOOD.replace("D10,50", "D 000010.50 ").replace("C4,", "C4 "),
        GOOD.replace("D10,50N", "DR10,50N").replace("C4,N", "CX4,N"),
        GOOD.replace("2601050105D", "260105D").replace("2601060106C", "260106260106C"),
    ],
    ids=range(21),
)
def test_what_is_only_untidy_is_read_as_if_it_were_tidy(text: str) -> None:
    reading = read(text)
    assert figures(reading) == [Decimal("-10.5"), Decimal(4)]
    assert [each.booking_date for each in reading.statements[0].entries] == [date(2026, 1, 5), date(2026, 1, 6)]
    assert [each.proprietary_code for each in reading.statements[0].entries] == ["NTRF", "NTRF"]
    assert not [problem for problem in reading.problems if problem.severity == "error"]


def test_several_messages_without_ends_are_several_statements() -> None:
    second = (
        GOOD.replace("7/1", "8/1").replace("C260101EUR100,", "C260131EUR93,5").replace("EUR93,5\r\n-", "EUR87,\r\n-")
    )
    reading = read((GOOD + second).replace("-\r\n", ""))
    assert [statement.sequence for statement in reading.statements] == [7, 8]
    assert told(reading) == []


# ------------------------------------------------------------------------------------------------- told, with line
def test_a_balance_that_comes_twice_counts_once_and_is_told() -> None:
    again = read(GOOD.replace("-\r\n", ":62F:C260131EUR93,5\r\n-\r\n"))
    assert told(again) == [("doubled", "62F", 10)]
    assert len(again.statements[0].balances) == 2
    other = read(GOOD.replace("-\r\n", ":62F:C260131EUR77,\r\n-\r\n"))
    assert told(other) == [("doubled", "62F", 10)]
    assert "C260131EUR77," in other.problems[0].text
    assert ":62F:C260131EUR77," in other.statements[0].additional_information


def test_a_text_after_the_closing_balance_is_the_statements() -> None:
    reading = read(GOOD.replace("-\r\n", ":86:Danke\r\n-\r\n"))
    assert reading.statements[0].additional_information == "Danke"
    assert reading.statements[0].entries[1].details[0].remittance == "Gutschrift"


@pytest.mark.parametrize(
    ("line", "amount", "problem"),
    [
        ("2601050105D10,50NTRFABCDEFGHIJKLMNOPQRS", "-10.5", ("reference-length", "61", 5)),
        ("2602290105D10,50NTRFX", "-10.5", ("date", "61", 5)),
        ("2601053002D10,50NTRFX", "-10.5", ("date", "61", 5)),
        ("2601050105D10,505NTRFX", "-10.505", ("decimals", "61", 5)),
        ("2601050105D1.234,50NTRFX", "-1234.5", None),
        ("2601050105D1234NTRFX", "-1234", None),
        ("2601050105D,5NTRFX", "-0.5", None),
        ("2601050105D10,50NTRFX//\r\n//BANK-1", "-10.5", None),
        ("2601050105D,NTRFX", None, ("entry", "61", 5)),
        ("2601050105DNTRFX", None, ("entry", "61", 5)),
        ("2601050105D1 234,50NTRFX", None, ("entry", "61", 5)),
        ("2601050105D1\u00a0234,50NTRFX", None, ("entry", "61", 5)),
        ("2601050105D1'234,50NTRFX", None, ("entry", "61", 5)),
        ("2601050105X10,50NTRFX", None, ("entry", "61", 5)),
        ("2601050105DDD10,50NTRFX", None, ("entry", "61", 5)),
        ("260105010510,50NTRFX", None, ("entry", "61", 5)),
        ("2601050105D-10,50NTRFX", None, ("entry", "61", 5)),
        ("2601050105D99999999999999999,NTRFX", None, ("entry", "61", 5)),
        ("٢٦٠١٠٥D10,50NTRFX", None, ("entry", "61", 5)),
    ],
)
def test_an_entry_that_is_wrong_is_read_as_written_or_left_out_and_told(
    line: str, amount: str | None, problem: tuple[str, str, int] | None
) -> None:
    closing = 100 + Decimal(amount or 0)
    reading = entry(line, closing=f"{closing:f}".replace(".", ",") if "." in f"{closing:f}" else f"{closing:f},")
    reading = reading if closing >= 0 else entry(line)
    assert figures(reading) == ([Decimal(amount)] if amount else [])
    rows = [row for row in told(reading) if row[0] not in ("balance", "decimals") or row == problem]
    assert rows == ([problem] if problem else [])


def test_the_banks_reference_may_stand_on_the_second_line() -> None:
    first, second = (
        entry("2601050105D10,50NTRFX\r\n//BANK-1\r\nmehr", closing="89,5").statements[0].entries[0],
        entry("2601050105D10,50NTRFX//B\r\n//kein Verweis", closing="89,5").statements[0].entries[0],
    )
    assert (first.bank_reference, first.additional_information) == ("BANK-1", "mehr")
    assert (second.bank_reference, second.additional_information) == ("B", "//kein Verweis")


@pytest.mark.parametrize(
    ("currency", "amount", "fine"),
    [
        ("JPY", "12,", True),
        ("JPY", "12,5", False),
        ("KWD", "1,234", True),
        ("TND", "1,2345", False),
        ("EUR", "1,234", False),
        ("EUR", "1,230", True),
        ("HUF", "12,34", True),
        ("XOF", "5,00", True),
    ],
)
def test_amounts_finer_than_their_currency_are_told(currency: str, amount: str, fine: bool) -> None:
    reading = entry(f"2601050105D{amount}NTRFX", currency=currency)
    assert figures(reading) == [-Decimal(amount.replace(",", "."))]
    assert (("decimals", "61", 5) in told(reading)) is not fine
    balance = read(f"{HEAD}:60F:C260101{currency}{amount}\r\n:62F:C260101{currency}{amount}\r\n-\r\n")
    assert (("decimals", "60F", 4) in told(balance)) is not fine


def test_an_entry_date_of_another_year_is_the_nearest_one() -> None:
    days = [("2601021231", date(2025, 12, 31)), ("2512310102", date(2026, 1, 2)), ("2403010229", date(2024, 2, 29))]
    for written, booked in days:
        assert entry(f"{written}D1,NTRFX").statements[0].entries[0].booking_date == booked


def test_the_account_below_an_entry_is_the_counterpartys_unless_it_is_the_statements_own() -> None:
    text = f"{HEAD}:60F:C260101EUR0,\r\n" + "".join(
        f":61:260105C1,N541NONREF\r\n{below}\r\n:86:/ORDP//NAME/A/REMI/b\r\n"
        for below in ("NL91ABNA0417164300", "DE02120300000000202051", "NL00ABNA0417164300")
    )
    reading = read(text + ":62F:C260105EUR3,\r\n-\r\n")
    found = [each.details[0].counterparty for each in reading.statements[0].entries]
    assert [party.account if party else "" for party in found] == ["NL91ABNA0417164300", "", ""]
    assert [each.additional_information for each in reading.statements[0].entries] == [
        "",
        "DE02120300000000202051",
        "NL00ABNA0417164300",
    ]


def test_a_reference_that_points_to_field_86_is_the_one_that_stands_there() -> None:
    body = ":61:260105C1,NTRFEREF\r\n:86:/EREF/E2E-1/\r\n:61:260105C1,NTRFEREF\r\n:86:Text\r\n"
    reading = read(f"{HEAD}:60F:C260101EUR0,\r\n{body}:62F:C260105EUR2,\r\n-\r\n")
    assert [each.entry_reference for each in reading.statements[0].entries] == ["E2E-1", "EREF"]


def test_an_old_interim_reports_moment_has_no_offset() -> None:
    text = (
        ":20:A\r\n:25:1234567\r\n:28C:1\r\n:34F:EUR0,\r\n:13:2601051059\r\n:61:260105C1,NTRFX\r\n:90C:1EUR1,\r\n-\r\n"
    )
    (statement,) = read(text).statements
    assert statement.created is not None
    assert statement.created.isoformat() == "2026-01-05T10:59:00+00:00"


# ------------------------------------------------------------------------------------------------------ no header
def test_entries_alone_are_a_statement_without_a_head() -> None:
    reading = read(":61:2601050105D10,50NTRFX\r\n")
    assert figures(reading) == [Decimal("-10.5")]
    assert ("missing", "25", 1) in told(reading)
    with pytest.raises(UnreadableFile):
        read(":61: kein Eintrag\r\n")


def test_a_request_without_a_header_that_may_pay_or_collect_is_refused_by_name() -> None:
    text = ":20:A\r\n:30:260105\r\n:50K:/DE1\r\nX\r\n:21:B\r\n:32B:EUR5,\r\n:59:/DE2\r\nY\r\n:71A:SHA\r\n-\r\n"
    with pytest.raises(UnreadableFile, match="does not say whether it pays or collects"):
        read(text)
    assert mt_kinds.kind_of(text.replace(":30:", ":28D:1/1\r\n:30:").encode()) == "101"
    assert mt_kinds.kind_of(b":20:A\r\n:32A:260105EUR5,\r\n:59:/DE2\r\nY\r\n-\r\n") == "103"
    assert mt_kinds.kind_of(b":20:A\r\n:21:B\r\n:30:260105\r\n:32A:260105EUR5,\r\n:59:Y\r\n-\r\n") == ""


# ------------------------------------------------------------------------------------------------- the two grammars
@given(
    st.from_regex(
        r"\A26010[1-9](010[1-9])?(R?[CD]|E[CD])[A-Z]?[0-9]{1,13},[0-9]{0,2}[NFS][A-Z0-9]{3}[A-Z0-9 ]{0,16}(//[A-Z0-9]{0,16})?\Z"
    )
)
def test_the_strict_and_the_loose_grammar_of_an_entry_agree(line: str) -> None:
    strict = re.match(mt_entries._LINE_61.replace("(?s:.*)", "[^$]*"), line)
    loose = mt_entries._LOOSE_61.fullmatch(line)
    assert strict is not None
    assert loose is not None
    for name in mt_entries._PARTS:
        assert (strict[name] or "") == (loose[name] or ""), name


def test_a_message_that_is_read_counts_before_one_of_another_kind() -> None:
    other = "{1:F01BANKDEFFXXXX0000000000}{2:I598BANKDEFFXXXXN}{4:\r\n:20:X\r\n:12:001\r\n:77E:text\r\n-}\r\n"
    reading = read(other + "{1:F01BANKDEFFXXXX0000000000}{2:I940BANKDEFFXXXXN}{4:\r\n" + GOOD)
    assert figures(reading) == [Decimal("-10.5"), Decimal(4)]
    assert told(reading) == [("message-type", "file", 2)]
    with pytest.raises(UnreadableFile, match="MT598"):
        read(other)


def test_a_message_on_one_line_is_refused_with_the_reason() -> None:
    text = "{1:F01BANKDEFFXXXX0000000000}{2:I103BANKDEFFXXXXN}{4: :20:A-1 :23B:CRED :32A:260105EUR5,1 :50K:/1 X :59:/2 Y -}"
    with pytest.raises(UnreadableFile, match="Several fields stand on one line"):
        read(text)


def test_a_lone_reference_before_a_message_is_told_and_the_message_is_read() -> None:
    reading = read(":20:FIRST\r\n:20:SECOND\r\n:32A:260105EUR5,\r\n:50K:/1\r\nX\r\n:59:/2\r\nY\r\n-\r\n")
    assert [order.message_id for order in reading.orders] == ["SECOND"]
    assert ("message-type", "file", 1) in told(reading)
