"""Published SWIFT files of other projects: every one is read or refused by name, and figures agree with what lies beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from electra_kernel import formats
from electra_kernel.formats.base import Reading
from electra_kernel.statements.model import Entry, Statement
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import UnreadableFile
from tests.shared import SHARED, needs_shared

pytestmark = needs_shared

#: What lies beside samples and is none itself.
_BESIDE = (".json", ".yml", ".ofx", ".md")
#: Source code that quotes messages.
_SOURCES = (".bal", ".test")
_STATEMENTS = ("mt940", "mt941", "mt942", "mt950")
_MESSAGE = re.compile(r'^(?:final )?string (\w+) = ((?:"(?:[^"\\]|\\.)*"\s*\+?\s*)+);', re.MULTILINE)
_READ = {"101", "103", "900", "910", "940", "941", "942", "950"}


def _files(*kinds: str) -> list[Path]:
    folders = [SHARED / "samples" / kind for kind in kinds]
    found = (path for folder in folders for path in folder.rglob("*"))
    return sorted(path for path in found if path.is_file() and path.suffix not in (*_BESIDE, *_SOURCES))


def _quoted() -> Iterator[tuple[str, bytes]]:
    """The messages that source code among the samples quotes, with their type."""
    for path in sorted((SHARED / "samples").glob("mt*/**/*.bal")):
        for match in _MESSAGE.finditer(path.read_text(encoding="utf-8")):
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match[2])).replace("\\r", "\r").replace("\\n", "\n")
            if kind := re.search(r"\{2:[IO]([0-9]{3})", text):
                yield kind[1], text.encode()


def _entries(reading: Reading) -> list[Entry]:
    return [entry for statement in reading.statements for entry in statement.entries]


def test_there_are_samples() -> None:
    assert len(_files(*_STATEMENTS)) >= 80
    assert len(list(_quoted())) >= 50


def test_every_statement_is_read_and_holds_as_many_entries_as_tags() -> None:
    for path in _files(*_STATEMENTS):
        data = path.read_bytes()
        reading = formats.read(data, path.name)
        left_out = sum(problem.rule == "entry" for problem in reading.problems)
        assert len(_entries(reading)) + left_out == len(re.findall(rb"(?m)(?:^|\r)[ \t]*:61 ?:", data)), path
        assert left_out == 0, path
        assert all(statement.account for statement in reading.statements), path


def test_both_ways_of_reading_agree_on_every_statement() -> None:
    for path in _files(*_STATEMENTS):
        data = path.read_bytes()
        reading = formats.read(data, "source")
        exact, fast = tables_of(reading.statements, "source", reading.problems), formats.read_tables(data, "source")
        for name in ("entries", "details", "balances", "problems"):
            assert getattr(exact, name).equals(getattr(fast, name)), (path, name)


def test_no_word_of_a_text_is_lost() -> None:
    """Every word of five letters and more in a field 86 stands in some column of some entry or statement."""
    for path in _files("mt940", "mt942"):
        reading = formats.read(path.read_bytes(), path.name)
        tables = tables_of(reading.statements, "source", ())
        cells = [str(cell) for row in tables.entries.to_pylist() for cell in row.values()]
        cells += [statement.additional_information for statement in reading.statements]
        kept = re.sub(r"\W", "", " ".join(cells))
        data = path.read_bytes().replace(b"\r\n", b"\n")
        encoding = "utf-8" if not any(problem.rule == "encoding" for problem in reading.problems) else "cp1252"
        for text in re.findall(r"(?m)^:86:([^\n]*)$", data.decode(encoding)):
            for word in re.findall(r"[^\W\d_]{5,}", re.sub(r"[?~>^<][0-9]{2}", " ", text)):
                assert word in kept, (path, word)


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in _quoted()} if SHARED.is_dir() else ()))
def test_messages_quoted_in_source_code_are_read_or_refused_by_name(kind: str) -> None:
    for found, data in _quoted():
        if found != kind:
            continue
        if kind in _READ:
            reading = formats.read(data, kind)
            assert reading.format == f"mt{kind}"
            assert reading.orders or reading.statements
            assert not [problem for problem in reading.problems if problem.severity == "error"]
        else:
            with pytest.raises(UnreadableFile) as caught:
                formats.read(data, kind)
            assert f"an MT{kind} (" in caught.value.problem.text


def test_source_code_that_quotes_messages_is_refused_by_name() -> None:
    paths = [path for path in (SHARED / "samples").glob("mt*/**/*") if path.suffix in _SOURCES]
    assert paths
    for path in paths:
        with pytest.raises(UnreadableFile) as caught:
            formats.read(path.read_bytes(), path.name)
        assert "text that quotes SWIFT messages (MT" in caught.value.problem.text


def test_single_files_of_other_messages_are_read_or_refused_by_name() -> None:
    for path in _files("mt101", "mt103", "mt202"):
        kind = path.relative_to(SHARED / "samples").parts[0]
        if kind == "mt202":
            with pytest.raises(UnreadableFile, match="an MT202"):
                formats.read(path.read_bytes(), path.name)
        else:
            assert formats.read(path.read_bytes(), path.name).orders


# ----------------------------------------------------------------------------------------- results that lie beside
def _loaded(path: Path) -> Any:
    # One of the files has a comma too many.
    return json.loads(re.sub(r",(\s*[\]}])", r"\1", path.read_text(encoding="utf-8")), parse_float=Decimal)


def _beside(*projects: str) -> list[tuple[Path, Any]]:
    found = []
    for project in projects:
        for path in sorted((SHARED / "samples").glob(f"mt94*/{project}*/**/*.json")):
            samples = [other for other in path.parent.glob(f"{path.stem}.*") if other.suffix not in _BESIDE]
            found += [(sample, _loaded(path)) for sample in samples]
    return found


def _pages(data: bytes) -> int:
    return len(re.findall(rb"(?m)^:60[FM]:", data))


def test_figures_agree_with_results_of_the_first_project() -> None:
    """Amounts, dates, references, codes, counterparties and balances; texts but for their blanks."""
    pairs = _beside("svenstaro")
    assert len(pairs) >= 9
    for path, expected in pairs:
        reading = formats.read(path.read_bytes(), path.name)
        lines = [line for message in expected for line in message["statement_lines"]]
        for entry, line in zip(_entries(reading), lines, strict=True):
            assert _facts(entry) == _expected_facts(line), path
            _assert_details(entry, line["information_to_account_owner"])
        first = {(each["account_id"], each["opening_balance"]["amount"]) for each in expected}
        assert len({statement.account for statement in reading.statements}) == len({account for account, _ in first})
        if not any(each["opening_balance"]["is_intermediate"] for each in expected):
            _assert_balances(reading.statements, expected)


def _facts(entry: Entry) -> tuple[object, ...]:
    reference = entry.entry_reference
    return (entry.amount, entry.value_date, entry.booking_date, entry.bank_reference, reference, entry.reversal)


def _expected_facts(line: dict[str, Any]) -> tuple[object, ...]:
    mark = line["ext_debit_credit_indicator"]
    # It calls RC, the reversal of a credit, by the side that it books; the balances of its file say the same.
    sign = {"Credit": 1, "Debit": -1, "ReverseDebit": -1, "ReverseCredit": 1}[mark]
    value = date.fromisoformat(line["value_date"])
    booked = date.fromisoformat(line["entry_date"]) if line["entry_date"] else value
    reference = line["customer_ref"]
    details = line["information_to_account_owner"]
    own = reference if reference not in ("NONREF", "N") else ""
    if own == "KREF+" and isinstance(details, dict):
        # The word says that the reference stands in field 86.
        own = re.sub(r".*?KREF\+(.*?)(?:MTLG.*|SVWZ.*|$)", r"\1", str(details.get("purpose") or ""))
    bank = (line["bank_ref"] or "").strip()
    return (sign * Decimal(line["amount"]), value, booked, bank, own.strip(), mark.startswith("Reverse"))


def _squeezed(text: str | None) -> str:
    return re.sub(r"\s", "", text or "")


def _assert_details(entry: Entry, expected: Any) -> None:
    if not isinstance(expected, dict) or "transaction_code" not in expected:
        return
    codes = entry.proprietary_code.split("+")
    assert codes[1:2] == ([expected["transaction_code"]] if expected["transaction_code"] != "999" else [])
    party = entry.details[0].counterparty if entry.details else None
    assert _squeezed(party.name if party else "") == _squeezed(expected.get("applicant_name"))
    account = expected.get("applicant_iban") or ""
    assert (party.account if party else "").endswith(account) or "38" in str(expected)
    purpose = expected.get("purpose") or ""
    if entry.details and "+" not in purpose:
        assert _squeezed(entry.details[0].remittance) == _squeezed(purpose)


def _assert_balances(statements: tuple[Statement, ...], expected: list[dict[str, Any]]) -> None:
    assert len(statements) == len(expected)
    for statement, message in zip(statements, expected, strict=True):
        for kind, name in (
            ("OPBD", "opening_balance"),
            ("CLBD", "closing_balance"),
            ("CLAV", "closing_available_balance"),
        ):
            balance, said = statement.balance(kind), message[name]
            if said is None or said.get("is_intermediate"):
                continue
            assert balance is not None
            sign = 1 if said["debit_credit_indicator"] == "Credit" else -1
            assert (balance.amount, balance.currency) == (sign * Decimal(said["amount"]), said["iso_currency_code"])
            assert balance.date == date.fromisoformat(said["date"])


def test_figures_agree_with_results_of_the_second_project() -> None:
    pairs = _beside("webschik")
    assert len(pairs) >= 6
    for path, expected in pairs:
        reading = formats.read(path.read_bytes(), path.name)
        lines = [line for message in expected for line in message["transactions"]]
        for entry, line in zip(_entries(reading), lines, strict=True):
            sign = 1 if line["isCredit"] else -1
            assert entry.amount == sign * Decimal(str(line["amount"])), path
            assert entry.value_date == date.fromisoformat(line["valueDate"][:10]), path
            assert entry.currency == line["currency"]


def test_figures_agree_with_results_of_the_third_project() -> None:
    pairs = _beside("my-flow")
    assert len(pairs) >= 5
    for path, expected in pairs:
        reading = formats.read(path.read_bytes(), path.name)
        fields = [field for message in expected for field in message]
        lines = [field for field in fields if "swift_code" in field]
        for entry, line in zip(_entries(reading), lines, strict=True):
            sign = 1 if "credit" in line["funds_code"] else -1
            assert entry.amount == sign * Decimal(line["amount"]), path
            assert entry.value_date == date.fromisoformat(line["value_date"][:10]), path
            assert entry.booking_date == date.fromisoformat((line["entry_date"] or line["value_date"])[:10]), path


def test_figures_agree_with_results_of_the_fourth_project() -> None:
    """Its file of results is text of another language's objects: the entries' marks, cents and dates are picked out."""
    path = next((SHARED / "samples" / "mt940").glob("betterplace*/**/sepa_mt9401.txt"))
    text = path.with_suffix(".yml").read_text(encoding="utf-8")
    lines = re.findall(
        r"funds_code: :(\w+)\s+amount: (\d+)\s+swift_code: (\w+)(?:.(?!!ruby))*?\s+date: (\S+)\s+entry_date: (\S+)",
        text,
        re.DOTALL,
    )
    entries = _entries(formats.read(path.read_bytes(), path.name))
    assert len(entries) == len(lines)
    for entry, (mark, cents, code, value, booked) in zip(entries, lines, strict=True):
        # A return of a credit is a debit, and the other way round.
        sign = {"credit": 1, "debit": -1, "return_credit": -1, "return_debit": 1}[mark]
        assert entry.amount == sign * Decimal(cents) / 100
        assert (entry.value_date, entry.booking_date) == (date.fromisoformat(value), date.fromisoformat(booked))
        assert entry.proprietary_code.startswith(code)
