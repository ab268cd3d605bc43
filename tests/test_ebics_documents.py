"""Every document of the EBICS room, written, read again, and judged by the published schemas."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.ebics import orderdata
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.codes import CODES, lookup
from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.documents import (
    Answer,
    Encryption,
    KeyDigests,
    Kind,
    OrderDetails,
    Phase,
    Request,
    read_moment,
)
from electra_kernel.ebics.errors import BankRefusal
from electra_kernel.ebics.hac import HacEvent, read_hac, write_hac
from electra_kernel.ebics.info import (
    AccountInfo,
    BankParameters,
    OrderInfo,
    Permission,
    SubscriberInfo,
    UserInfo,
    read_haa,
    read_hpd,
    read_htd,
    write_haa,
    write_hpd,
    write_htd,
)
from electra_kernel.ebics.requests import read_request, write_request
from electra_kernel.ebics.responses import read_answer, write_answer
from electra_kernel.ebics.tree import serialise
from electra_kernel.ebics.version import H005
from electra_kernel.vocabulary.xml import parse_xml
from tests.ebics_house import (
    HOST,
    NOW,
    PARTNER,
    PAYMENTS,
    STATEMENTS,
    USER,
    certificate,
    client,
    new_desk,
    noise,
    run,
    schema_errors,
    server,
    signature,
    upload,
)
from tests.shared import needs_shared

_words = st.text(alphabet="ABCDEF ghij áűß<&\"'", min_size=1, max_size=20).map(str.strip).filter(bool)
_services = st.builds(
    Service,
    name=st.from_regex(r"[A-Z0-9]{3}", fullmatch=True),
    message=st.from_regex(r"[a-z.0-9]{1,10}", fullmatch=True),
    scope=st.sampled_from(["", "HU", "GLB"]),
    option=st.sampled_from(["", "COR", "URGENT"]),
    container=st.sampled_from(["", "ZIP", "XML", "SVC"]),
    variant=st.sampled_from(["", "001"]),
    version=st.sampled_from(["", "08"]),
    format=st.sampled_from(["", "XML"]),
)
_days = st.dates(date(2020, 1, 1), date(2030, 1, 1))
_sixteen = st.binary(min_size=16, max_size=16)
_digests = st.binary(min_size=32, max_size=32)
_encryptions = st.builds(Encryption, receiver_digest=_digests, wrapped_key=st.binary(min_size=1, max_size=256))
_base64 = st.sampled_from(["QUJD", "QUJDREVG"])


def _btu(service: Service, flagged: bool, eds: bool, name: str, parameters: dict[str, str]) -> OrderDetails:
    return OrderDetails(
        admin_type="BTU",
        service=service,
        signature_flag=flagged,
        request_eds=flagged and eds,
        file_name=name,
        parameters=parameters,
    )


_uploads = st.builds(
    Request,
    version=st.just(H005),
    host_id=st.just(HOST),
    partner_id=st.just(PARTNER),
    user_id=st.just(USER),
    product=_words,
    nonce=_sixteen,
    timestamp=st.just(NOW),
    phase=st.just(Phase.INITIALISATION),
    details=st.builds(
        _btu, _services, st.booleans(), st.booleans(), _words, st.dictionaries(_words, _words, max_size=2)
    ),
    bank_digests=st.builds(KeyDigests, authentication=_digests, encryption=_digests),
    segments=st.integers(1, 9999),
    encryption=_encryptions,
    signature_data=_base64,
    data_digest=_digests,
    signature_version=st.sampled_from(["A005", "A006"]),
)
_transfers = st.builds(
    Request,
    version=st.just(H005),
    host_id=st.just(HOST),
    transaction_id=_sixteen,
    phase=st.just(Phase.TRANSFER),
    segment_number=st.integers(1, 9999),
    last_segment=st.booleans(),
    order_data=_base64,
)
_receipts = st.builds(
    Request,
    version=st.just(H005),
    host_id=st.just(HOST),
    transaction_id=_sixteen,
    phase=st.just(Phase.RECEIPT),
    receipt=st.sampled_from([0, 1]),
)


@given(st.one_of(_uploads, _transfers, _receipts))
@settings(max_examples=80, deadline=None)
def test_a_request_written_and_read_is_the_same_request(request: Request):
    assert read_request(parse_xml(serialise(write_request(request))), Request(version=H005)) == request


@given(
    st.builds(
        Answer,
        version=st.just(H005),
        phase=st.sampled_from([None, *Phase]),
        order_id=st.sampled_from(["", "A001"]),
        technical=st.sampled_from(sorted(CODES)),
        business=st.sampled_from(sorted(CODES)),
        report=_words.map(lambda words: " ".join(words.split())),
        encryption=_encryptions,
        order_data=_base64,
    )
)
@settings(max_examples=60, deadline=None)
def test_an_answer_written_and_read_is_the_same_answer(answer: Answer):
    assert read_answer(parse_xml(serialise(write_answer(answer))), H005) == answer


def test_times_are_read_with_and_without_milliseconds_and_zones():
    expected = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    for written in (
        "2026-03-02T09:30:00Z",
        "2026-03-02T09:30:00.000Z",
        "2026-03-02T10:30:00+01:00",
        "2026-03-02T09:30:00",
    ):
        assert read_moment(written) == expected


@needs_shared
def test_every_document_of_both_sides_validates_against_the_published_schemas():
    desk, seen = new_desk(), list[bytes]()
    desk.mail |= {"HTD": b"t" * 900, "EOP": noise(2048)}
    bank, user = server(desk), client()
    for exchange in (user.hev(), user.ini(certificate(f"{USER}-a", KeyUse.SIGNATURE)), user.hia()):
        run(exchange, bank, seen)
    with pytest.raises(BankRefusal):
        run(user.hpb(), bank, seen)
    desk.activate()
    run(user.hpb(), bank, seen)
    downloads = (
        user.download(admin_type="HTD"),
        user.download(service=STATEMENTS, start=date(2026, 1, 1), end=date(2026, 1, 31), parameters={"A": "1"}),
        user.download(admin_type="HAC"),
    )
    for download in downloads:
        run(download, bank, seen)
        if download.data is not None:
            download.acknowledge(True)
            run(download, bank, seen)
    run(upload(noise(1024)), bank, seen)
    with pytest.raises(BankRefusal, match="091301"):
        run(user.upload(PAYMENTS, b"x", [signature(b"y")], file_name="x.xml", request_eds=True), bank, seen)
    seen += [bank.handle(b"no xml"), bank.handle(b"<x/>")]
    assert [(document, schema_errors(document)) for document in seen if schema_errors(document)] == []
    assert len(seen) > 30


@needs_shared
def test_order_data_of_key_management_round_trip_and_validate():
    der = certificate("orderdata", KeyUse.SIGNATURE)
    ini = orderdata.SignatureKey(der, "A006", PARTNER, USER)
    hia = orderdata.TransportCertificates(der, der + b"\x00", PARTNER, USER)
    hpb = orderdata.BankCertificates(der, der, HOST)
    assert orderdata.read_ini(orderdata.write_ini(ini, H005), H005) == ini
    assert orderdata.read_hia(orderdata.write_hia(hia, H005), H005) == hia
    assert orderdata.read_hpb(orderdata.write_hpb(hpb, H005), H005) == hpb
    for document in (orderdata.write_ini(ini, H005), orderdata.write_hia(hia, H005), orderdata.write_hpb(hpb, H005)):
        assert schema_errors(document) == []
    with pytest.raises(ValueError, match=r"is not .*SignaturePubKeyOrderData"):
        orderdata.read_ini(orderdata.write_hia(hia, H005), H005)


_HTD = SubscriberInfo(
    host_id=HOST,
    name="Minta Kft.",
    street="Fő utca 1.",
    post_code="1011",
    city="Budapest",
    country="HU",
    accounts=(
        AccountInfo(
            id="1",
            iban="HU42117730161111101800000000",
            bic="OTPVHUHB",
            holder="Minta Kft.",
            currency="HUF",
            description="Main",
        ),
        AccountInfo(id="2", national="11773016-11111018-00000000", national_format="GIRO", services=(PAYMENTS,)),
        AccountInfo(id="3", iban="HU42117730161111101800000000", services=()),
    ),
    orders=(
        OrderInfo(admin_type="BTU", description="Payments", service=PAYMENTS, signatures=2),
        OrderInfo(admin_type="HAC", description="Protocol"),
    ),
    user=UserInfo(
        user_id=USER,
        name="Anna",
        status=1,
        permissions=(
            Permission(
                admin_type="BTU",
                service=PAYMENTS,
                level="A",
                account_id="1",
                limit=Decimal("1000000.50"),
                currency="HUF",
            ),
            Permission(admin_type="HAC"),
        ),
    ),
)


@needs_shared
def test_htd_hpd_and_haa_round_trip_and_validate():
    hpd = BankParameters(
        urls=("https://localhost/ebics",), institute="Electra Bank", host_id=HOST, supports=frozenset({"Recovery"})
    )
    assert read_htd(write_htd(_HTD, H005), H005) == _HTD
    assert read_hpd(write_hpd(hpd, H005), H005) == hpd
    assert read_haa(write_haa((PAYMENTS, STATEMENTS), H005), H005) == (PAYMENTS, STATEMENTS)
    assert read_haa(write_haa((), H005), H005) == ()
    for document in (write_htd(_HTD, H005), write_hpd(hpd, H005), write_haa((PAYMENTS,), H005)):
        assert schema_errors(document) == []


def test_an_optional_part_named_without_a_word_is_supported():
    document = write_hpd(BankParameters(urls=("https://x",), institute="B"), H005)
    plain = document.replace(b'<Recovery supported="false"/>', b"<Recovery/>")
    assert plain != document
    assert read_hpd(plain, H005).supports == {"Recovery"}


def test_a_limit_that_is_no_amount_is_refused():
    document = write_htd(_HTD, H005).replace(b"1000000.50", b"a lot")
    with pytest.raises(ValueError, match="no amount"):
        read_htd(document, H005)


def _event(number: int, **changes: object) -> HacEvent:
    event = HacEvent(
        action="FILE_UPLOAD",
        at=NOW + timedelta(seconds=number),
        admin_type="BTU",
        order_id="U001",
        partner_id=PARTNER,
        user_id=USER,
        service=STATEMENTS,
        digest=bytes(range(32)),
        reason="TS01",
        text="The file is whole.\nSecond line.",
    )
    return replace(event, **changes)  # type: ignore[arg-type]


@needs_shared
def test_hac_events_round_trip_and_validate():
    events = (
        _event(0),
        _event(1, action="ORDER_HAC_FINAL_POS", reason="", text="", digest=None, service=None),
        _event(2, action="ORDER_HAC_FINAL_NEG", reason="DS0B"),
    )
    document = write_hac(events, bank_bic="ELECHUHB", message_id="HAC1", created=NOW)
    assert read_hac(document) == events
    assert schema_errors(document) == []
    assert [event.final for event in events] == [False, True, True]


def test_hac_lines_longer_than_the_schema_allows_are_broken_at_blanks():
    long = " ".join(["word"] * 60)
    event = read_hac(write_hac([_event(0, text=long)], bank_bic="B", message_id="M", created=NOW))[0]
    assert event.text.split() == long.split()
    assert max(len(line) for line in event.text.splitlines()) <= 105


def test_hac_of_another_bank_with_the_digest_as_identification_is_understood():
    document = write_hac([_event(0, digest=None)], bank_bic="B", message_id="M", created=NOW)
    other = b"<Othr><Id>AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=</Id><SchmeNm><Prtry>DataDigest</Prtry></SchmeNm></Othr>"
    plain = document.replace(b"</OrgId></Id></Orgtr>", other + b"</OrgId></Id></Orgtr>")
    assert plain != document
    assert read_hac(plain)[0].digest == bytes(range(32))


def test_hac_refuses_other_documents_and_events_without_a_time():
    with pytest.raises(ValueError, match="not a pain"):
        read_hac(b"<Document/>")
    document = write_hac([_event(0)], bank_bic="B", message_id="M", created=NOW)
    with pytest.raises(ValueError, match=r"[Ii]nvalid"):
        read_hac(document.replace(b"TimeStamp", b"TimeStomp"))


def test_every_refusal_code_has_a_meaning_and_every_level_is_known():
    assert len(CODES) > 60
    for code, row in CODES.items():
        assert len(code) == 6
        assert row.name.startswith("EBICS_")
        assert row.meaning.endswith(".")
    assert lookup("999999").name == "UNKNOWN"
    assert lookup("090005").level == "business"
    assert lookup("091122").level == "technical"


def test_a_request_without_header_or_with_a_crooked_value_is_refused():
    good = serialise(write_request(Request(version=H005, host_id=HOST, transaction_id=bytes(16), phase=Phase.TRANSFER)))
    for bad in (
        good.replace(b"static>", b"statik>"),
        good.replace(b"Transfer<", b"Transfert<"),
        good.replace(b"0000<", b"00<"),
    ):
        assert bad != good
        with pytest.raises(ValueError, match=r"."):
            read_request(parse_xml(bad), Request(version=H005, kind=Kind.NORMAL))
