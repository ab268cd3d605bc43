"""Files in the shell: written whole or not at all, and every failure one line and exit status 1."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest

from electra_kernel import formats
from electra_kernel.cli.files import check_file, convert_file, missing_of
from electra_kernel.cli.reading import read_files
from electra_kernel.vocabulary.errors import ElectraError
from tests.processes import ROOT

PAYMENTS = "Name;Account;Amount;Currency\nEgri Nyomda Kft.;HU68100320000107686800000000;1500;HUF\n"


def electra(*arguments: object, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "electra_kernel", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
    )


def is_one_clear_error(done: subprocess.CompletedProcess[str]) -> bool:
    words = done.stderr.strip()
    return done.returncode == 1 and words.startswith("Error: ") and "Repair: " in words and "\n" not in words


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.csv").write_text(PAYMENTS)
    (tmp_path / "taken.csv").mkdir()
    return tmp_path


@pytest.mark.parametrize("target", ["nowhere/x.csv", "taken.csv", "/proc/x.csv"])
def test_a_place_that_cannot_be_written_is_one_clear_error(folder: Path, target: str) -> None:
    assert is_one_clear_error(electra("read", "p.csv", "--out", target, folder=folder))
    assert is_one_clear_error(electra("convert", "p.csv", target, folder=folder))
    assert sorted(path.name for path in folder.iterdir()) == ["p.csv", "taken.csv"]


def test_no_file_is_written_over_itself(folder: Path) -> None:
    (folder / "link.csv").symlink_to("p.csv")
    for target in ("p.csv", "./p.csv", "link.csv"):
        assert is_one_clear_error(electra("convert", "p.csv", target, folder=folder))
    assert is_one_clear_error(electra("read", "p.csv", "--out", "p.csv", folder=folder))
    assert is_one_clear_error(electra("formats", "new", "--from", "p.csv", "--out", "p.csv", folder=folder))
    assert (folder / "p.csv").read_text() == PAYMENTS


def test_payments_are_no_statements_of_ones_own_format(folder: Path) -> None:
    profile = folder / "bank.toml"
    fields = ['{ name = "day", column = "Day", type = "date", date = "YYYY-MM-DD", to = "booking_date" }']
    fields += ['{ name = "amount", column = "Amount", type = "amount", sign = "leading", to = "amount" }']
    profile.write_text(
        'name = "bank"\nkind = "statement"\nshape = "delimited"\nskip = 1\n[fixed]\ncurrency = "HUF"\n'
        f'[[record]]\nname = "row"\nrole = "entry"\nfields = [\n{", ".join(fields)}\n]\n'
    )
    with pytest.raises(ElectraError, match="cannot be written as bank"):
        convert_file(folder / "p.csv", folder / "out.csv", "bank", profile)
    assert not (folder / "out.csv").exists()


def test_a_full_disk_is_one_clear_error(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "electra_kernel", "formats"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_an_older_file_is_replaced_whole_and_a_link_still_points_to_it(folder: Path) -> None:
    (folder / "old.csv").write_text("old")
    (folder / "link.csv").symlink_to("old.csv")
    assert electra("convert", "p.csv", "link.csv", folder=folder).returncode == 0
    assert (folder / "link.csv").is_symlink()
    assert "Egri Nyomda" in (folder / "old.csv").read_text("utf-8")
    assert electra("convert", "p.csv", "/dev/null", "--to", "csv", folder=folder).returncode == 0
    assert Path("/dev/null").is_char_device()


def test_a_demonstration_without_a_folder_is_one_clear_error(folder: Path) -> None:
    assert is_one_clear_error(electra("demo", "--out", "p.csv", folder=folder))


def test_a_password_is_not_asked_for_where_it_could_be_seen(folder: Path) -> None:
    names = ("--host", "BANK", "--partner", "PARTNER", "--user", "USER")
    assert is_one_clear_error(electra("connect", "https://127.0.0.1:1/", *names, folder=folder))


def test_a_sheet_becomes_an_order_once_the_account_that_pays_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet, out = folder / "in.csv", folder / "out.xml"
    sheet.write_text("Name,Account,Amount,Currency\nPartner,DE89370400440532013000,12.50,EUR\n")
    with pytest.raises(ElectraError, match="does not say which account pays"):
        convert_file(sheet, out, "")
    assert not out.exists()
    convert_file(sheet, out, "", missing=missing_of(_HUNGARIAN, "Electra Kft.", "", datetime(2026, 12, 1)))
    (order,) = formats.read(out.read_bytes(), "out.xml").orders
    assert (order.debtor.name, order.debtor.account) == ("Electra Kft.", _HUNGARIAN.replace(" ", ""))
    assert order.execution_date == date(2026, 12, 1)
    assert capsys.readouterr().out.splitlines() == [f"{out} written"]


_HUNGARIAN = "HU42 1177 3016 1111 1018 0000 0000"


def test_a_check_tells_errors_first_lines_of_xml_and_what_is_not_carried_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet, out = folder / "in.csv", folder / "out.xml"
    sheet.write_text("Name,Account,Amount,Currency\nPartner,DE89370400440532013000,12.50,EUR\n")
    convert_file(sheet, out, "", missing=missing_of(_HUNGARIAN, "Electra Kft.", "", datetime(2026, 12, 1)))
    data = out.read_bytes().replace(b"<CdtTrfTxInf>", b"\n" * 9 + b"<CdtTrfTxInf>")
    data = data.replace(b"<Cdtr><Nm>Partner</Nm>", b"<Cdtr><Nm></Nm><CtryOfRes>DE</CtryOfRes>")
    out.write_bytes(data.replace(b"</InitgPty>", b"<CtryOfRes>HU</CtryOfRes></InitgPty>"))
    capsys.readouterr()
    assert check_file(out, "") == 1
    told = capsys.readouterr().out
    assert told.startswith("line 10, Cdtr/Nm: The party has no name.")
    assert (
        "file: warning: 2 elements are not carried over into the order:\n    GrpHdr/InitgPty/CtryOfRes, PmtInf/" in told
    )
    out.write_text("no file of any kind")
    with pytest.raises(ElectraError) as caught:
        check_file(out, "")
    assert "archive" not in str(caught.value)


def test_places_in_xml_are_told_as_lines_and_columns_and_kept_as_bytes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = '<Ntry><Amt Ccy="EUR">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts></Ntry>'
    data = (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>\n'
        "<Stmt><Id>ő</Id><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>\n"
        f"  {entry.format('abc')}ő {entry.format('1.x')}{entry.format('1.5')}\n</Stmt></BkToCstmrStmt></Document>"
    ).encode()
    file = folder / "report.xml"
    file.write_bytes(data)
    wanted = [data.index(b"<Ntry>"), data.index(b"<Ntry>", data.index(b"abc"))]
    assert [each.position for each in formats.read(data, "x").problems if each.rule == "amount"] == wanted
    assert read_files([file], None) == 1
    told = capsys.readouterr().err
    convert_file(file, folder / "out.csv", "")
    assert capsys.readouterr().err == told
    column = len(f"  {entry.format('abc')}ő ") + 1
    assert [line.split(": ")[0] for line in told.splitlines()][:2] == [
        "report.xml, line 3",
        f"report.xml, line 3, column {column}",
    ]
    own = folder / "own.toml"
    own.write_text(
        'name = "own"\nshape = "xml"\nkind = "statement"\nroot = "Bank"\n[fixed]\ncurrency = "EUR"\n[[record]]\nname = "row"\n'
        'role = "entry"\npath = "Row"\nfields = [{ name = "amount", path = "Amount", type = "amount", point = ".", to = "amount" }]\n'
    )
    file.write_text("<Bank>\n <Row><Amount>1.5</Amount></Row><Row><Amount>x</Amount></Row>\n</Bank>")
    assert read_files([file], None, own) == 1
    assert "report.xml, line 2, column 33: row.amount: Amount: 'x' is not a number" in capsys.readouterr().err


def test_the_order_of_dates_in_a_sheet_is_said_in_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet, out = tmp_path / "s.csv", tmp_path / "out.csv"
    sheet.write_text("Date,Amount,Balance,Currency\n04/03/2026,-5.25,10.00,EUR\n")
    assert read_files([sheet], out) == 0
    assert "--dates dmy" in " ".join(capsys.readouterr().err.split())
    for order, day in (("dmy", "2026-03-04"), ("mdy", "2026-04-03")):
        assert read_files([sheet], out, dates=order) == 0
        assert day in out.read_text()
        assert "--dates" not in capsys.readouterr().err
    assert is_one_clear_error(electra("read", sheet, "--dates", "first", folder=tmp_path))
