"""CFONB 240: single operations as French banks report them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.cli.files import convert_file
from electra_kernel.formats import cfonb240
from electra_kernel.formats.fields import LayoutError
from electra_kernel.statements.model import NOTIFICATION, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.parties import Party

OURS, THEIRS = "300010012300000012345", "20041010050500013M026"


def head(number: int = 1, foreign: str = "E    ", code: str = "  ") -> str:
    return f"31{number:06d}{code}310126{foreign}{OURS}{'EXEMPLE SARL':24}".ljust(240)


def operation(
    number: int, code: str, cents: int, first: str, second: str, text: str = "", tail: str = "", foreign: str = "E    "
) -> str:
    parties = f"{first}{'DUPONT':24}123456     {second}{'EXEMPLE SARL':24}"
    return f"34{number:06d}{code}310126{foreign}{parties}REF001{'BANQUE':24}{text:62}{tail:>14}{cents:012d}"


def foot(number: int, cents: int) -> str:
    return f"39{number:06d}  310126     {OURS}{'EXEMPLE SARL':24}".ljust(228) + f"{cents:012d}"


def file_of(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("iso-8859-1")


FILE = file_of(
    head(),
    operation(2, "20", 12345, THEIRS, OURS, "FACTURE 4711"),
    operation(3, "80", 100, THEIRS, OURS, "ABONNEMENT"),
    operation(4, "21", 500, OURS, THEIRS, "RETOUR", "04"),
    operation(5, "81", 700, OURS, THEIRS),
    foot(6, 13645),
)


def test_operations_are_entries_with_their_sign_and_the_other_party() -> None:
    reading = formats.read(FILE, "x")
    assert reading.problems == ()
    (statement,) = reading.statements
    assert (statement.account, statement.currency, statement.kind) == (OURS, "EUR", NOTIFICATION)
    found = [(one.amount, one.proprietary_code, one.reversal, one.booking_date) for one in statement.entries]
    day = date(2026, 1, 31)
    assert found == [
        (Decimal("123.45"), "20", False, day),
        (Decimal("-1.00"), "80", False, day),
        (Decimal("5.00"), "21", True, day),
        (Decimal("-7.00"), "81", True, day),
    ]
    assert {one.details[0].counterparty.account for one in statement.entries if one.details[0].counterparty} == {THEIRS}
    assert [one.details[0].remittance for one in statement.entries[:3]] == ["FACTURE 4711", "ABONNEMENT", "RETOUR"]
    assert statement.entries[2].additional_information == "Rejected, reason 04"


@given(st.lists(st.tuples(st.sampled_from(["20", "28", "80", "86"]), st.integers(1, 10**10)), max_size=5))
def test_every_operation_is_an_entry_and_sums_are_checked(rows: list[tuple[str, int]]) -> None:
    lines = [operation(place, code, cents, THEIRS, OURS) for place, (code, cents) in enumerate(rows, 2)]
    total = sum(cents for _, cents in rows)
    (statement,) = formats.read(file_of(head(), *lines, foot(len(rows) + 2, total)), "x").statements
    signs = [(1 if code in ("20", "28") else -1) * Decimal(cents).scaleb(-2) for code, cents in rows]
    assert [entry.amount for entry in statement.entries] == signs
    wrong = formats.read(file_of(head(), *lines, foot(len(rows) + 2, total + 1)), "x")
    assert [problem.rule for problem in wrong.problems] == ["sum"]


def test_other_currencies_and_amounts_from_abroad_are_read() -> None:
    foreign = operation(2, "20", 12345, THEIRS, OURS, foreign=" 3TND")
    abroad = operation(3, "77", 100, THEIRS, OURS).replace("BANQUE         ", "USD150,5       ")
    (statement,) = formats.read(file_of(head(), foreign, abroad, foot(4, 12445)), "x").statements
    first, second = statement.entries
    assert (first.amount, first.currency) == (Decimal("12.345"), "TND")
    assert (second.details[0].original_amount, second.details[0].original_currency) == (Decimal("150.5"), "USD")


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        (b"000000013645", b"000000013646", "sum", 6),
        (b"34000003", b"34000004", "count", 3),
        (b"3400000380", b"3400000340", "operation", 3),
        (b"3400000380", b"3400000323", "operation", 3),
        (b"000000012345", b"0000000123X5", "number", 2),
        (b"31012" + b"6E    20041", b"310226E    20041", "date", 2),
        (b"39000006  310126     30001", b"39000006  310126     30002", "account", 6),
        (b"34000005", b"35000005", "record", 5),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: bytes, new: bytes, rule: str, line: int) -> None:
    reading = formats.read(FILE.replace(old, new, 1), "x")
    assert (rule, line) in {(problem.rule, problem.position) for problem in reading.problems}


# ------------------------------------------------------------------------------------------------------- written
DAY = date(2026, 1, 31)
#: Operations with the sign of their amounts and whether they come back.
OPERATIONS = {"20": (1, False), "79": (1, False), "80": (-1, False), "21": (1, True), "24": (1, True), "81": (-1, True)}


#: What may stand behind the text of an operation.
BEHIND = st.sampled_from([[], ["First settled 2026-01-30"], ["First settled 2026-01-30", "First reference A 1"]])


def packed(most: int) -> st.SearchStrategy[str]:
    return st.text("ABC abc 019.é-", max_size=most).map(lambda text: " ".join(text.split()))


@st.composite
def entries(draw: st.DrawFn, currency: str, decimals: int) -> Entry:
    code = draw(st.sampled_from(sorted(OPERATIONS)))
    sign, back = OPERATIONS[code]
    amount = Decimal(sign * draw(st.integers(1, 10**10))).scaleb(-decimals)
    original = draw(st.sampled_from([None, Decimal("150.5"), Decimal(7)])) if code == "79" else None
    detail = EntryDetail(
        amount=amount,
        currency=currency,
        counterparty=Party(name=draw(packed(24)), account=THEIRS),
        remittance=draw(packed(62 if back else 64)),
        creditor_id="" if code == "79" else draw(st.sampled_from(["", "123456"])),
        original_amount=original,
        original_currency="USD" if original is not None else "",
        additional_information="" if original is not None else draw(st.sampled_from(["", "BANQUE 1"])),
    )
    return Entry(
        amount=amount,
        currency=currency,
        booking_date=draw(st.dates(date(2000, 1, 1), date(2069, 12, 31))),
        value_date=None,
        reversal=back,
        proprietary_code=code,
        bank_reference=draw(st.sampled_from(["", "REF001"])),
        additional_information="; ".join(
            [*([draw(st.sampled_from(["Rejected, reason", "Rejected, reason 04"]))] if back else []), *draw(BEHIND)]
        ),
        details=(detail,),
    )


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    currency, decimals = draw(st.sampled_from([("EUR", 2), ("XPF", 0), ("TND", 3)]))
    booked = tuple(draw(st.lists(entries(currency, decimals), max_size=5)))
    codes = {entry.proprietary_code for entry in booked}
    return Statement(
        identification=f"{codes.pop()}-20260131" if len(codes) == 1 else "20260131",
        account=OURS,
        currency=currency,
        balances=(),
        entries=booked,
        from_date=DAY,
        to_date=DAY,
        owner=draw(packed(24)),
        kind=NOTIFICATION,
    )


def without_places(statement: Statement) -> Statement:
    return replace(statement, entries=tuple(replace(entry, position=None) for entry in statement.entries))


@given(st.lists(statements(), min_size=1, max_size=3))
def test_what_is_written_is_read_again(given_statements: list[Statement]) -> None:
    data = cfonb240.write(given_statements)
    assert {len(line) for line in data.split(b"\r\n")} == {240, 0}
    reading = formats.read(data, "x")
    assert reading.problems == ()
    assert [without_places(one) for one in reading.statements] == given_statements
    assert cfonb240.write(reading.statements) == data


def entry_of(amount: str, **said: object) -> Entry:
    detail = EntryDetail(**{"counterparty": Party(name="DUPONT"), **said})  # type: ignore[arg-type]
    return Entry(amount=Decimal(amount), currency="EUR", booking_date=DAY, value_date=None, details=(detail,))


def statement_of(*booked: Entry, account: str = "FR1420041010050500013M02606") -> Statement:
    return Statement(identification="1", account=account, currency="EUR", balances=(), entries=booked)


def test_entries_of_other_formats_get_the_operation_that_they_mean() -> None:
    booked = [entry_of("5"), replace(entry_of("5"), reversal=True), replace(entry_of("-5"), reversal=True)]
    booked.append(entry_of("-5", mandate_id="M"))
    (statement,) = formats.read(cfonb240.write([statement_of(*booked)]), "x").statements
    assert [entry.proprietary_code for entry in statement.entries] == ["20", "21", "81", "80"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (entry_of("-5"), "no collection"),
        (replace(entry_of("5"), booking_date=None), "no booking date"),
        (entry_of("5.001"), "whole units"),
        (replace(entry_of("5"), currency="USD"), "in USD"),
        (entry_of("5", remittance="X" * 65), "64 fit"),
        (entry_of("5", counterparty=Party(name="X" * 25)), "24 fit"),
        (entry_of("5", remittance="5 €"), "cannot be written"),
        (entry_of("12345678901"), "12 fit"),
    ],
)
def test_what_does_not_fit_is_refused(entry: Entry, said: str) -> None:
    with pytest.raises(LayoutError, match=said):
        cfonb240.write([statement_of(entry)])
    with pytest.raises(LayoutError, match="not a French account"):
        cfonb240.write([statement_of(account="DE89370400440532013000")])


def test_day_and_reference_of_the_first_operation_are_told_in_words_and_written_again() -> None:
    rest = "300126REF002"
    back = operation(3, "21", 100, OURS, THEIRS, "RETOUR").replace(
        " " * 14 + "000000000100", rest + "04" + "000000000100"
    )
    lines = [operation(2, "20", 100, THEIRS, OURS, "ABONNEMENT", rest), back]
    data = file_of(head(), *lines, foot(4, 200))
    (statement,) = formats.read(data, "x").statements
    assert [entry.additional_information for entry in statement.entries] == [
        "First settled 2026-01-30; First reference REF002",
        "Rejected, reason 04; First settled 2026-01-30; First reference REF002",
    ]
    written = cfonb240.write([statement]).split(b"\r\n")
    assert [line[214:240] for line in written[1:3]] == [line.encode()[214:240] for line in lines]
    (odd,) = formats.read(data.replace(rest.encode(), b"XX0126REF002"), "x").statements
    assert odd.entries[0].additional_information == "XX0126REF002"


def test_the_shell_writes_operations_and_says_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given_file, made = tmp_path / "given.txt", tmp_path / "made.txt"
    behind = operation(2, "20", 100, THEIRS, OURS, "ABONNEMENT", "XX0126REF002")
    given_file.write_bytes(file_of(head(), behind, foot(3, 100)))
    convert_file(given_file, made, "cfonb240")
    assert "Not carried over: additional_information as it was in 1 entries." in capsys.readouterr().out
    (entry,) = formats.read(made.read_bytes(), "x").statements[0].entries
    assert (entry.amount, entry.proprietary_code) == (Decimal("1.00"), "20")
