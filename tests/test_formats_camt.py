"""What banks make of camt.052, .053 and .054: dialects, summaries, batches; each is read both ways, and told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from electra_kernel import formats
from electra_kernel.formats import camt052, camt053, camt054
from electra_kernel.statements.columns import StatementTables
from electra_kernel.statements.model import NOTIFICATION, REPORT
from electra_kernel.statements.tables import tables_of
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from tests.test_formats_camt053 import ACCOUNT, CREATED, _detail, _entry, _file, _rules, assert_same, both_ways

_NAMES = {
    "052": ("BkToCstmrAcctRpt", "Rpt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def _as(number: str, data: bytes) -> bytes:
    """A statement of the helpers as another message."""
    body, report = _NAMES[number]
    text = data.decode().replace("BkToCstmrStmt", body).replace("camt.053", f"camt.{number}")
    return text.replace("<Stmt>", f"<{report}>").replace("</Stmt>", f"</{report}>").encode()


def _both(data: bytes) -> StatementTables:
    reading = formats.read(data, "source")
    exact = tables_of(reading.statements, "source", reading.problems)
    fast = formats.detect(data, "source").tables
    assert fast is not None
    assert_same(exact, fast(data, "source"))
    return exact


@pytest.mark.parametrize(("number", "kind"), [("052", REPORT), ("054", NOTIFICATION)])
def test_reports_and_notifications_are_read_like_statements_and_say_what_they_are(number: str, kind: str) -> None:
    inside = f"<NtryDtls>{_detail('4.00', 'A')}{_detail('6.00', 'B')}</NtryDtls>"
    tables = _both(_as(number, _file(_entry(inside=inside) + _entry())))
    assert tables.entries["amount"].to_pylist() == [Decimal(10), Decimal(10)]
    assert tables.details["counterparty_name"].to_pylist() == ["A", "B"]
    assert tables.statements["kind"].to_pylist() == [kind]
    assert all(entry.startswith(f"{kind}-") for entry in tables.entries["entry_id"].to_pylist())


def test_an_intraday_report_is_proved_where_it_can_be_and_a_notification_is_not() -> None:
    interim = _file(_entry(), closing="115.00").decode().replace("CLBD", "ITBD")
    assert _rules(_both(_as("052", interim.encode()))) == ["balance"]
    assert _rules(_both(_as("052", interim.replace("115.00", "110.00").encode()))) == []
    assert _rules(_both(_as("052", interim.replace("ITBD", "ITAV").encode()))) == []
    assert _rules(_both(_as("054", interim.encode()))) == []


def _summary(inside: str) -> str:
    return f"<TxsSummry>{inside}</TxsSummry>"


@pytest.mark.parametrize(
    ("summary", "rules"),
    [
        ("<TtlNtries><NbOfNtries>3</NbOfNtries><Sum>24.00</Sum></TtlNtries>", []),
        ("<TtlNtries><NbOfNtries>4</NbOfNtries></TtlNtries>", ["entry-count"]),
        ("<TtlNtries><Sum>23.99</Sum></TtlNtries>", ["entry-sum"]),
        ("<TtlNtries><TtlNetNtryAmt>16</TtlNetNtryAmt></TtlNtries>", []),
        ("<TtlNtries><TtlNetNtry><Amt>17</Amt><CdtDbtInd>CRDT</CdtDbtInd></TtlNetNtry></TtlNtries>", ["entry-sum"]),
        ("<TtlCdtNtries><NbOfNtries>2</NbOfNtries><Sum>20</Sum></TtlCdtNtries>", []),
        ("<TtlDbtNtries><NbOfNtries>2</NbOfNtries><Sum>5</Sum></TtlDbtNtries>", ["entry-count", "entry-sum"]),
    ],
)
@pytest.mark.parametrize("number", ["052", "053", "054"])
def test_the_banks_own_counts_and_sums_are_checked_in_all_three(number: str, summary: str, rules: list[str]) -> None:
    entries = _entry() * 2 + _entry("4.00", "DBIT")
    data = _file(_summary(summary) + entries, closing="116.00")
    assert _rules(_both(data if number == "053" else _as(number, data))) == rules


def test_a_bank_may_count_booked_entries_only_and_sums_of_several_currencies_are_not_compared() -> None:
    pending = _entry("7.00").replace("BOOK", "PDNG")
    booked = _summary("<TtlNtries><NbOfNtries>1</NbOfNtries><Sum>10</Sum></TtlNtries>")
    assert _rules(both_ways(_file(booked + _entry() + pending, closing="110.00"))) == []
    mixed = _summary("<TtlNtries><NbOfNtries>2</NbOfNtries><Sum>1</Sum></TtlNtries>")
    assert "entry-sum" not in _rules(both_ways(_file(mixed + _entry() + _entry(currency="USD"))))


def test_a_batch_that_lists_other_than_it_says_is_told_and_one_that_lists_nothing_is_not() -> None:
    def batch(said: int, details: str) -> str:
        return _entry(inside=f"<NtryDtls><Btch><MsgId>M</MsgId><NbOfTxs>{said}</NbOfTxs></Btch>{details}</NtryDtls>")

    two = _detail("4.00") + _detail("6.00")
    tables = both_ways(_file(batch(2, two) + batch(3, two) + batch(50, ""), closing="130.00"))
    assert _rules(tables) == ["batch-count"]
    assert tables.entries["details"].to_pylist() == [2, 2, 0]


def test_an_amount_without_currency_is_the_accounts_and_told_once() -> None:
    data = _file(_entry() * 3, closing="130.00").replace(b'<Ntry><Amt Ccy="EUR">', b"<Ntry><Amt>")
    tables = both_ways(data)
    assert (tables.entries["currency"].to_pylist(), _rules(tables)) == (["EUR"] * 3, ["currency"])


def test_structured_remittance_with_several_documents_and_references_is_kept_whole() -> None:
    documents = "".join(f"<RfrdDocInf><Nb>INV{number}</Nb></RfrdDocInf>" for number in (1, 2))
    strd = f"<Strd>{documents}<CdtrRefInf><Ref>RF1</Ref></CdtrRefInf><AddtlRmtInf>a</AddtlRmtInf><AddtlRmtInf>b</AddtlRmtInf></Strd>"
    other = "<Strd><CdtrRefInf><Ref>RF2</Ref></CdtrRefInf></Strd>"
    inside = f"<NtryDtls><TxDtls><RmtInf><Ustrd>free</Ustrd>{strd}{other}</RmtInf></TxDtls></NtryDtls>"
    tables = both_ways(_file(_entry(inside=inside) * 2, closing="120.00"))
    assert tables.entries["remittance"].to_pylist() == ["free INV1 INV2 a b"] * 2
    assert tables.entries["structured_reference"].to_pylist() == ["RF1 RF2"] * 2


@pytest.mark.parametrize("status", ["<Sts>PDNG</Sts>", "<Sts><Cd>PDNG</Cd></Sts>", "<Sts><Prtry>PDNG</Prtry></Sts>"])
def test_a_status_is_read_as_text_code_or_the_banks_own_word(status: str) -> None:
    tables = both_ways(_file(_entry().replace("<Sts>BOOK</Sts>", status)))
    assert tables.entries["status"].to_pylist() == ["PDNG"]


def test_several_accounts_in_one_file_keep_their_entries_and_empty_ones_are_legal() -> None:
    one = _file(_entry(), closing="110.00").decode()
    start, end = one.index("<Stmt>"), one.index("</Stmt>") + len("</Stmt>")
    empty = one[start:end].replace(_entry(), "").replace(ACCOUNT, "DE89370400440532013000").replace("110.00", "100.00")
    third = one[start:end].replace(ACCOUNT, "AT611904300234573201").replace("<Id>S1</Id>", "<Id>S3</Id>")
    tables = both_ways((one[:end] + empty + third + one[end:]).encode())
    assert tables.entries["account"].to_pylist() == [ACCOUNT, "AT611904300234573201"]
    assert tables.statements["entries"].to_pylist() == [1, 0, 1]
    assert _rules(tables) == []


def test_what_belongs_to_all_entries_may_stand_after_them() -> None:
    plain = _file(_entry(), closing="110.00").decode()
    account = plain[plain.index("<Acct>") : plain.index("</Acct>") + 7]
    moved = plain.replace(account, "").replace("</Stmt>", f"{account}</Stmt>")
    tables = both_ways(moved.encode())
    assert tables.entries["account"].to_pylist() == [ACCOUNT]
    assert _rules(tables) == ["element-order"]


@pytest.mark.parametrize(
    "inside",
    [
        "<x:Ntry xmlns:x='urn:x'><x:Amt>1</x:Amt></x:Ntry>",
        "<Other><Ntry/></Other>",
        "<!-- <Ntry></Ntry> -->",
        "<Ntry/>",
    ],
)
def test_entries_in_unusual_places_are_the_same_both_ways(inside: str) -> None:
    data = _file(_entry() + inside + _entry(), closing="120.00")
    assert both_ways(data).entries.num_rows >= 2


@pytest.mark.parametrize("number", ["052", "054"])
def test_cut_hostile_or_garbled_messages_are_refused_with_one_error(number: str) -> None:
    data = _as(number, _file(_entry(inside=f"<NtryDtls>{_detail('10.00')}</NtryDtls>")))
    cut = [data[:length] for length in range(0, len(data) - 1, 37)]
    bombs = [
        data.replace(b"<Document", b'<!DOCTYPE a [<!ENTITY e "boom">]><Document', 1),
        data.replace(b"BOOK", b"&e;"),
        data.replace(b"BOOK", b"BO\0OK"),
        data.replace(b"BOOK", b"B" * 11_000_000),
        b"<" * 3_000_000,
    ]
    for each in cut + bombs:
        with pytest.raises(UnreadableFile) as caught:
            {"052": camt052, "054": camt054}[number].read_tables(each, "source")
        assert caught.value.repair


def test_a_notification_cannot_carry_balances_and_a_version_that_is_not_written_is_named() -> None:
    statement = formats.read(_file(_entry(), closing="110.00"), "x").statements[0]
    with pytest.raises(ElectraError, match="balances"):
        camt054.write([statement], message_id="M", created=CREATED)
    with pytest.raises(ElectraError, match=r"camt\.052\.001\.03"):
        camt052.write([statement], message_id="M", created=CREATED, version="camt.052.001.03")


def test_a_text_cut_in_two_by_a_stray_element_is_read_whole_both_ways() -> None:
    tables = both_ways(_file(_entry().replace("10.00</Amt>", "10<x/>.00</Amt>") + _entry(), closing="120.00"))
    assert tables.entries["amount"].to_pylist() == [Decimal(10)] * 2


def test_a_mark_in_an_attribute_is_no_xml_and_one_in_a_text_is() -> None:
    with pytest.raises(UnreadableFile):
        camt053.read_tables(_file(_entry().replace("<Ntry>", '<Ntry a="<">')), "source")
    inside = "<AddtlNtryInf>a > b</AddtlNtryInf>"
    assert both_ways(_file(_entry(inside=inside), closing="110.00")).entries["additional_information"].to_pylist() == [
        "a > b"
    ]
