"""Text in UTF-16 with a mark, as programs of Windows save it, is read in every format of text as the same text in bytes."""

from __future__ import annotations

import codecs

import pytest

from electra_kernel import formats
from electra_kernel.formats.profiles import as_format
from electra_kernel.formats.profiles.toml import parse
from electra_kernel.formats.wide import narrowed
from tests import test_formats_mt
from tests.test_formats_cut import CASES

_LITTLE, _BIG = (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")
_FILES = {
    **{name: case.data for name, case in CASES.items()},
    "mt940": test_formats_mt.FILE,
    "qif": b"!Type:Bank\nD01/31/2026\nT-10.00\nPCaf\xe9\n^\n",
    "epc-qr": b"BCD\n002\n1\nSCT\n\nEgri Nyomda\nHU42117730161111101800000000\nEUR12.50\n\n\nInvoice 7\n",
}


@pytest.mark.parametrize(("mark", "encoding"), [_LITTLE, _BIG])
@pytest.mark.parametrize("name", _FILES)
def test_a_file_in_utf_16_says_what_it_says_in_bytes(name: str, mark: bytes, encoding: str) -> None:
    data = _FILES[name]
    plain = formats.read(data, "x")
    wide = formats.read(mark + data.decode("cp1252").encode(encoding), "x")
    assert (wide.format, wide.statements, wide.orders, wide.transactions) == (
        plain.format,
        plain.statements,
        plain.orders,
        plain.transactions,
    )
    assert wide.statements or wide.orders or wide.transactions


@pytest.mark.parametrize(("mark", "encoding"), [_LITTLE, _BIG])
def test_letters_above_ascii_are_themselves_whatever_set_the_format_agrees_on(mark: bytes, encoding: str) -> None:
    text = CASES["abo"].data.decode("cp1250")
    name = text[19:39]
    data = mark + text.replace(name, "Řehoř Žluťoučký kůň ", 1).encode(encoding)
    assert formats.read(data, "x").statements[0].owner == "Řehoř Žluťoučký kůň"


def test_utf_16_that_is_cut_inside_a_character_is_told_and_gives_no_other_figure() -> None:
    whole = CASES["coda"].data.decode("cp1252").encode("utf-16")
    reading = formats.read(whole[:-1], "x")
    assert reading.problems[0].rule == "character-set"
    assert reading.statements[0].entries == formats.read(whole, "x").statements[0].entries
    tables = formats.read_tables(test_formats_mt.FILE.decode().encode("utf-16")[:-1], "x")
    assert tables.problems["rule"].to_pylist()[0] == "character-set"


def test_xml_and_what_has_no_mark_stay_as_they_are() -> None:
    for data in (
        b"",
        b"\xff",
        b"01,x",
        '<?xml version="1.0"?><a/>'.encode("utf-16"),
        "01,x".encode("utf-16-le"),
        "01,x".encode("utf-32"),
    ):
        assert narrowed(data) is data


@pytest.mark.parametrize("agreed", ["cp1250", "utf-16"])
def test_a_profile_reads_utf_16_where_it_agrees_on_it_and_where_not(agreed: str) -> None:
    profile = parse(
        f"""
name = "own"
title = "Own"
shape = "delimited"
kind = "payment"
encoding = "{agreed}"
separator = ";"
header = true
fixed = {{ currency = "HUF" }}

[[record]]
name = "row"
role = "payment"
fields = [
  {{ name = "name", column = "Name", to = "counterparty_name" }},
  {{ name = "iban", column = "Account", to = "counterparty_account" }},
  {{ name = "amount", column = "Amount", type = "amount", decimals = 0, to = "amount" }},
]
""",
        "own.toml",
    )
    text = "Name;Account;Amount\nKővári Zsuzsa;HU42117730161111101800000000;1500\n"
    reading = formats.read(text.encode("utf-16"), "x", [as_format(profile)])
    assert reading.format == "own"
    assert [item.counterparty.name for item in reading.transactions] == ["Kővári Zsuzsa"]
