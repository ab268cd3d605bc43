"""From one format to another: what the target lacks is told by reading it back, column by column."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from electra_kernel import formats
from electra_kernel.cli.files import convert_file
from electra_kernel.formats.base import Reading
from electra_kernel.formats.carried import not_carried
from electra_kernel.formats.conversion import WRITTEN, written_statements
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.statements.proof import booked_totals
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Party

_ACCOUNTS = {
    "cfonb120": "300040027400012345678",
    "cfonb240": "300040027400012345678",
    "norma43": "210004180200051332",
    "abo": "0000000000123456",
    "coda": "BE68539007547034",
}


def _statement(account: str = "DE89370400440532013000") -> Statement:
    party = Party(name="Partner", account="DE02120300000000202051", bic="BYLADEM1001")
    details = (EntryDetail(amount=Decimal("-12.50"), counterparty=party, remittance="invoice 1", mandate_id="M1"),)
    entry = Entry(
        amount=Decimal("-12.50"),
        currency="EUR",
        booking_date=date(2026, 1, 5),
        value_date=date(2026, 1, 5),
        bank_transaction_code="PMNT-ICDT-ESCT",
        bank_reference="B1",
        details=details,
    )
    days = {"OPBD": date(2026, 1, 4), "CLBD": date(2026, 1, 5)}
    amounts = {"OPBD": Decimal("100.00"), "CLBD": Decimal("87.50")}
    balances = tuple(Balance(kind=kind, amount=amounts[kind], currency="EUR", date=day) for kind, day in days.items())
    return Statement(
        identification="S1", account=account, currency="EUR", sequence=1, balances=balances, entries=(entry,)
    )


@pytest.mark.parametrize("name", WRITTEN)
def test_every_format_that_is_written_keeps_account_and_sum_and_tells_the_rest(name: str) -> None:
    before = Reading(format="x", statements=(_statement(_ACCOUNTS.get(name, "DE89370400440532013000")),))
    data = written_statements(before.statements, name, datetime(2026, 1, 6, tzinfo=UTC))
    assert data is not None
    after = formats.read(data, "written")
    told = not_carried(before, after)
    if name == "mt941":  # a balance report has no entries, and says so
        assert "1 of 1 entries as a whole" in told
        return
    amounts = [total for each in after.statements for total in booked_totals(each).values()]
    assert amounts == [Decimal("-12.50")]
    assert not any("as a whole" in line for line in told)
    detail = [detail for each in after.statements for entry in each.entries for detail in entry.details]
    kept = any(each.mandate_id == "M1" for each in detail)
    assert kept != any(line.startswith("mandate_id") for line in told)


def test_a_notebook_converts_statements_and_gets_the_same_words() -> None:
    now = datetime(2026, 1, 6, tzinfo=UTC)
    data, told = formats.convert(Reading(format="x", statements=(_statement(),)), "qif", now=now)
    assert formats.detect(data, "x").name == "qif"
    assert "counterparty_bic in 1 entries" in told
    with pytest.raises(ElectraError, match="cannot be written as"):
        formats.convert(Reading(format="x"), "camt.053", now=now)


def test_nothing_is_told_of_what_is_carried_whole() -> None:
    before = Reading(format="x", statements=(_statement(),))
    assert not_carried(before, before) == ()


def test_lost_and_changed_columns_missing_entries_and_balances_are_counted() -> None:
    one = _statement()
    other = Statement(
        identification="S1", account=one.account, currency="EUR", sequence=1, balances=one.balances[:1], entries=()
    )
    assert not_carried(Reading(format="x", statements=(one,)), Reading(format="x", statements=(other,))) == (
        "1 of 1 entries as a whole",
        "1 of 2 balances (CLBD)",
    )


@pytest.mark.parametrize("ending", ["ofx", "qif", "sta", "json", "parquet", "csv", "xlsx", "bai"])
def test_the_shell_converts_a_sheet_and_tells_what_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    sheet = tmp_path / "in.csv"
    sheet.write_text(
        "Account;Booking date;Amount;Balance;Currency;Counterparty;Counterparty IBAN;Text\n"
        "DE89370400440532013000;2026-01-05;-12,50;87,50;EUR;Partner;DE02120300000000202051;invoice\n"
    )
    out = tmp_path / f"out.{ending}"
    convert_file(sheet, out, "")
    assert sum(len(each.entries) for each in formats.read(out.read_bytes(), "out").statements) == 1
    told = capsys.readouterr().out
    assert "written" in told
    expected = {"qif": "counterparty_account in 1 entries", "json": "2 of 2 balances"}
    assert expected.get(ending, "") in told
