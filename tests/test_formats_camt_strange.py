"""Files that banks and programs make strangely: exact, fast and in pieces, all read the same, or refused by one error."""

from __future__ import annotations

from decimal import Decimal

import pytest

from electra_kernel import formats
from electra_kernel.formats import camt053, iso, pain002, xml_mends
from electra_kernel.statements.columns import StatementTables
from electra_kernel.statements.tables import joined_tables
from electra_kernel.vocabulary.errors import UnreadableFile
from tests.test_formats_camt053 import _detail, _entry, _file, _rules, assert_same, both_ways

_PLAIN = _file(
    _entry(inside=f"<NtryDtls>{_detail('4.00', 'Á')}{_detail('6.00', 'B')}</NtryDtls>") + _entry(), closing="120.00"
)
_TEXT = _PLAIN.decode()
_BARE = _TEXT.partition("?>")[2].strip()
_NOTIFIED = _BARE.replace("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn").replace("Stmt>", "Ntfctn>").replace(".053", ".054")


def _pieces(data: bytes, size: int = 61) -> StatementTables:
    return joined_tables(
        list(camt053.read_batches((data[at : at + size] for at in range(0, len(data), size)), "source"))
    )


def _three_ways(data: bytes) -> StatementTables:
    """All three ways, which agree."""
    exact = both_ways(data)
    assert_same(exact, _pieces(data))
    assert formats.detect(data, "x").name == "camt.053"
    return exact


def _in_two(data: bytes) -> StatementTables:
    """As a whole, both ways; such a file is not read in pieces."""
    with pytest.raises(UnreadableFile, match="too large"):
        _pieces(data)
    assert formats.detect(data, "x").name == "camt.053"
    return both_ways(data)


@pytest.mark.parametrize(
    "data",
    [
        _TEXT.replace("><", "><!-- c --><"),
        _TEXT.replace("><", "><?note x?><").replace("?><?note x?>", "?>", 1),
        _TEXT.replace("Á", "&#xC1;").replace(">B<", ">B&#32;<"),
        _TEXT.replace(">B<", "><![CDATA[B]]><").replace("<Id>S1</Id>", "<Id><![CDATA[S1]]></Id>"),
        _TEXT.replace("BOOK", "BO<!-- x -->OK").replace("10.00", "10<?x y?>.00"),
        _TEXT.replace("</Stmt>", "<!-- <Stmt> --></Stmt>"),
    ],
)
def test_comments_sections_and_references_anywhere_change_nothing_and_pieces_are_read_too(data: str) -> None:
    tables = _three_ways(data.encode())
    for name in ("entries", "details"):
        read, expected = (getattr(each, name).drop(["position"]) for each in (tables, both_ways(_PLAIN)))
        assert read.to_pylist() == expected.to_pylist()
    assert _rules(tables) == []


@pytest.mark.parametrize(
    "data",
    [
        _TEXT.replace("</Ntry><Ntry>", "</Ntry><!-- <Ntry>x</Ntry> --><Ntry>", 1),
        _TEXT.replace("</Ntry><Ntry>", "<!--</Ntry><Ntry>--></Ntry><Ntry>", 1),
        _TEXT.replace(">B<", "><![CDATA[</Ntry><Ntry>]]><"),
        _TEXT.replace("</CstmrStmt>", "<!--</CstmrStmt>-->").replace("<Acct>", "<!-- <Ntry> --><Acct>"),
    ],
)
def test_entries_that_are_hidden_are_none_and_a_file_that_hides_some_is_read_as_a_whole(data: str) -> None:
    assert _in_two(data.encode()).entries["amount"].to_pylist() == [Decimal(10)] * 2


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"\r\n " + _PLAIN, "xml-declaration"),
        (b"\xef\xbb\xbf\n" + _PLAIN, "xml-declaration"),
        (b"\xef\xbb\xbf\xef\xbb\xbf" + _PLAIN, "xml-declaration"),
        (_PLAIN + b"\0" * 20, "padding"),
        (_PLAIN + b"\r\n\x1a", "padding"),
        (_PLAIN.replace(b"UTF-8", b"UTF-16"), "encoding"),
        (_TEXT.encode("iso-8859-1"), "encoding"),
        (b"\n" + _TEXT.replace("UTF-8", "utf-16").encode("cp1252"), "encoding"),
    ],
)
def test_what_a_file_says_wrong_of_itself_is_mended_and_told(data: bytes, rule: str) -> None:
    tables = _in_two(data) if rule != "padding" else both_ways(data)
    assert rule in _rules(tables)
    assert tables.details["counterparty_name"].to_pylist() == ["Á", "B"]
    if not data.lstrip(b"\n").startswith(b"<?xml") or rule == "padding":
        places = tables.entries["position"].to_pylist()
        assert [data[place : place + 6] for place in places] == [b"<Ntry>"] * 2


def test_a_byte_that_is_no_letter_of_the_encoding_is_told_with_its_place() -> None:
    data = _TEXT.replace("Á", "\x81").encode("iso-8859-1")
    [problem] = [each for each in camt053.read(data, "x").problems if each.rule == "encoding"]
    assert data[problem.position or 0] == 0x81


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "iso-8859-2", "windows-1250"])
def test_encodings_of_one_two_and_four_bytes_a_letter_are_read(encoding: str) -> None:
    tables = both_ways(_TEXT.replace("UTF-8", encoding).encode(encoding))
    if encoding == "utf-16":
        assert_same(both_ways(_TEXT.encode(encoding)), _pieces(_TEXT.encode(encoding)))
    assert (tables.details["counterparty_name"].to_pylist(), _rules(tables)) == (["Á", "B"], [])


@pytest.mark.parametrize(
    "data",
    [
        _TEXT + _TEXT,
        _TEXT + "\n" + _TEXT,
        _BARE + _BARE,
        "\ufeff" + _TEXT + "\ufeff" + _TEXT,
        f"<x>{_BARE}{_BARE}</x>",
    ],
)
def test_several_messages_in_one_file_are_all_read(data: str) -> None:
    tables = _in_two(data.replace("<Id>S1</Id>", "<Id>S2</Id>", 1).encode())
    assert tables.statements["statement"].to_pylist() == ["S2", "S1"]
    assert tables.entries["statement"].to_pylist() == ["S2", "S2", "S1", "S1"]


def test_a_message_of_another_kind_beside_it_is_told_and_not_lost_in_silence() -> None:
    tables = _in_two(f"<x>{_BARE}{_NOTIFIED}</x>".encode())
    assert (tables.entries.num_rows, _rules(tables)) == (2, ["other-message"])
    reading = formats.read((_NOTIFIED + _BARE).encode(), "x")
    assert (reading.format[:8], [each.rule for each in reading.problems]) == ("camt.054", ["other-message"])


@pytest.mark.parametrize("data", ["words " + _TEXT + _TEXT, _TEXT + "words" + _TEXT, _TEXT + _TEXT + "words"])
def test_words_around_several_messages_are_none_that_may_be_lost(data: str) -> None:
    with pytest.raises(UnreadableFile):
        camt053.read(data.encode(), "x")


def test_several_orders_or_answers_in_one_file_are_refused_in_plain_words() -> None:
    one = b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt/></Document>'
    with pytest.raises(UnreadableFile, match="holds 2 messages"):
        pain002.read(one + one, "x")


@pytest.mark.parametrize("message", ["<BkToCstmrStmt/>", "<BkToCstmrStmt><GrpHdr/></BkToCstmrStmt>"])
def test_a_message_without_a_report_is_read_and_told(message: str) -> None:
    data = f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">{message}</Document>'
    tables = _three_ways(data.encode())
    assert (tables.statements.num_rows, _rules(tables)) == (0, ["incomplete"])


def test_a_minus_beside_the_mark_of_a_debit_is_a_debit_and_told_and_one_beside_a_credit_is_none() -> None:
    inside = f"<NtryDtls>{_detail('-4.00')}{_detail('-6.00')}</NtryDtls>"
    tables = _three_ways(_file(_entry("-10.00", "DBIT", inside) + _entry("-5.00"), closing="90.00"))
    assert tables.entries["amount"].to_pylist() == [Decimal(-10)]
    assert tables.details["amount"].to_pylist() == [Decimal(-4), Decimal(-6)]
    assert _rules(tables) == ["amount-sign", "amount-sign", "amount"]


@pytest.mark.parametrize("written", ["20260131", "2026-01-31Z", "2026-01-31+01:00", " 2026-01-31\n", "20260131T101500"])
def test_a_date_in_the_basic_form_or_with_a_zone_is_a_date(written: str) -> None:
    entry = _entry().replace("2026-01-31", written)
    assert written in entry
    tables = _three_ways(_file(entry, closing="110.00"))
    assert str(tables.entries["booking_date"][0]) == "2026-01-31"
    assert [iso.date_or_none(each) for each in ("202601311", "20261331")] == [None, None]


def test_where_an_element_stands_twice_the_first_with_a_text_counts_every_way() -> None:
    entry = _entry().replace("<BookgDt>", "<BookgDt><Dt></Dt></BookgDt><BookgDt>", 1)
    tables = _three_ways(_file(entry, closing="110.00"))
    assert str(tables.entries["booking_date"][0]) == "2026-01-31"


def test_mending_takes_time_in_proportion_and_changes_no_sound_file() -> None:
    assert xml_mends.mended(_PLAIN) == (_PLAIN, [])
    assert xml_mends.as_one(_PLAIN) is None
    for hostile in (
        b"<?xml " * 500_000,
        b"<!--" * 1_000_000 + b"<Ntry>",
        b"\xef\xbb\xbf" * 500_000 + b"</Document" * 300_000,
    ):
        with pytest.raises(UnreadableFile):
            camt053.read_tables(hostile, "x")


@pytest.mark.parametrize("version", ["", "+7", "1"])
def test_a_damaged_declaration_in_utf16_is_refused_by_every_way(version: str) -> None:
    declared = f'<?xml version="{version}" encoding="UTF-16"?>'
    data = (declared + _TEXT.partition("?>")[2]).encode("utf-16")
    for read in (camt053.read, camt053.read_tables, lambda data, source: list(camt053.read_batches([data], source))):
        with pytest.raises(UnreadableFile):
            read(data, "x")
