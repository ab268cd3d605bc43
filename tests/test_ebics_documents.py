"""Every document of the EBICS room, written, read again, and judged by the published schemas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.ebics import orderdata
from electra_kernel.ebics.btf import FileFormat, Service
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
    read_hkd,
    read_hpd,
    read_htd,
    write_haa,
    write_hkd,
    write_hpd,
    write_htd,
)
from electra_kernel.ebics.ordertypes import ORDER_TYPES, Business, Code, business_of, code_of, with_profile
from electra_kernel.ebics.ptk import read_ptk, write_ptk
from electra_kernel.ebics.requests import read_request, write_request
from electra_kernel.ebics.responses import read_answer, write_answer
from electra_kernel.ebics.tree import serialise
from electra_kernel.ebics.version import H005, VERSIONS, EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml
from tests.ebics_house import (
    HOST,
    NOW,
    PARTNER,
    PAYMENTS,
    STATEMENTS,
    USER,
    as_seen,
    certificate,
    client,
    new_desk,
    noise,
    run,
    schema_errors,
    server,
    signature,
    speak,
    spoken,
    upload,
)
from tests.shared import needs_shared


@pytest.fixture(params=list(VERSIONS.values()), ids=lambda version: version.protocol, scope="module", autouse=True)
def version(request: pytest.FixtureRequest) -> Iterator[EbicsVersion]:
    """Every test of this file runs in every version."""
    yield speak(request.param)
    speak(H005)


#: The version that is spoken while a value is drawn.
_versions = st.builds(spoken)
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


def _coded(code: Code, flagged: bool, days: tuple[date, date] | None, parameters: dict[str, str]) -> OrderDetails:
    """What EBICS 2.5 can say: an order type or a file format, a period or parameters, both with FDL only."""
    admin_type, service = ORDER_TYPES[code]
    asked = days if admin_type == "BTD" else None
    return OrderDetails(
        admin_type=admin_type,
        service=service,
        signature_flag=flagged,
        request_eds=flagged,
        start=asked[0] if asked else None,
        end=asked[1] if asked else None,
        parameters={} if asked and isinstance(code, str) else parameters,
        code=code,
    )


_parameters = st.dictionaries(_words, _words, max_size=2)
_details = _versions.flatmap(
    lambda spoken: (
        st.builds(_btu, _services, st.booleans(), st.booleans(), _words, _parameters)
        if spoken.services
        else st.builds(
            _coded, st.sampled_from(list(ORDER_TYPES)), st.booleans(), st.none() | st.tuples(_days, _days), _parameters
        )
    )
)


def _announced(strategy: st.SearchStrategy[Any], nothing: object) -> st.SearchStrategy[Any]:
    """What an upload of EBICS 3.0 announces and one of 2.5 does not."""
    return _versions.flatmap(lambda spoken: strategy if spoken.data_digest else st.just(nothing))


_uploads = st.builds(
    Request,
    version=_versions,
    host_id=st.just(HOST),
    partner_id=st.just(PARTNER),
    user_id=st.just(USER),
    product=_words,
    nonce=_sixteen,
    timestamp=st.just(NOW),
    phase=st.just(Phase.INITIALISATION),
    details=_details,
    bank_digests=st.builds(KeyDigests, authentication=_digests, encryption=_digests),
    segments=st.integers(1, 9999),
    encryption=_encryptions,
    signature_data=_base64,
    data_digest=_announced(_digests, b""),
    signature_version=_announced(st.sampled_from(["A005", "A006"]), ""),
)
_transfers = st.builds(
    Request,
    version=_versions,
    host_id=st.just(HOST),
    transaction_id=_sixteen,
    phase=st.just(Phase.TRANSFER),
    segment_number=st.integers(1, 9999),
    last_segment=st.booleans(),
    order_data=_base64,
)
_receipts = st.builds(
    Request,
    version=_versions,
    host_id=st.just(HOST),
    transaction_id=_sixteen,
    phase=st.just(Phase.RECEIPT),
    receipt=st.sampled_from([0, 1]),
)


@given(st.one_of(_uploads, _transfers, _receipts))
@settings(max_examples=80, deadline=None)
def test_a_request_written_and_read_is_the_same_request(request: Request):
    assert read_request(parse_xml(serialise(write_request(request))), Request(version=spoken())) == request


@given(
    st.builds(
        Answer,
        version=_versions,
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
    assert read_answer(parse_xml(serialise(write_answer(answer))), spoken()) == answer


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
    # EBICS 2.5 carries a period or parameters.
    both = {"A": "1"} if spoken().services else {}
    downloads = (
        user.download(service=STATEMENTS, parameters={"A": "1"}),
        user.download(admin_type="HTD"),
        user.download(service=STATEMENTS, start=date(2026, 1, 1), end=date(2026, 1, 31), parameters=both),
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
    hia = orderdata.TransportCertificates(der, certificate("other", KeyUse.ENCRYPTION), PARTNER, USER)
    hpb = orderdata.BankCertificates(der, der, HOST)
    assert orderdata.read_ini(orderdata.write_ini(ini, spoken()), spoken()) == ini
    assert orderdata.read_hia(orderdata.write_hia(hia, spoken()), spoken()) == hia
    assert orderdata.read_hpb(orderdata.write_hpb(hpb, spoken()), spoken()) == hpb
    for document in (
        orderdata.write_ini(ini, spoken()),
        orderdata.write_hia(hia, spoken()),
        orderdata.write_hpb(hpb, spoken()),
    ):
        assert schema_errors(document) == []
    with pytest.raises(ValueError, match=r"is not .*SignaturePubKeyOrderData"):
        orderdata.read_ini(orderdata.write_hia(hia, spoken()), spoken())


def _htd() -> SubscriberInfo:
    payments = as_seen(PAYMENTS)
    return SubscriberInfo(
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
            AccountInfo(
                id="2",
                national="11773016-11111018-00000000",
                national_format="GIRO",
                bic="OTPVHUHB",
                services=(payments,),
            ),
            AccountInfo(id="3", iban="HU42117730161111101800000000", bic="OTPVHUHB", services=()),
        ),
        orders=(
            OrderInfo(admin_type="BTU", description="Payments", service=payments, signatures=2),
            OrderInfo(admin_type="HAC", description="Protocol"),
        ),
        user=UserInfo(
            user_id=USER,
            name="Anna",
            status=1,
            permissions=(
                Permission(
                    admin_type="BTU",
                    service=payments,
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
    assert read_htd(write_htd(_htd(), spoken()), spoken()) == _htd()
    assert read_hpd(write_hpd(hpd, spoken()), spoken()) == hpd
    waiting = (as_seen(STATEMENTS),)
    assert read_haa(write_haa(waiting, spoken()), spoken()) == waiting
    assert read_haa(write_haa((), spoken()), spoken()) == ()
    for document in (write_htd(_htd(), spoken()), write_hpd(hpd, spoken()), write_haa(waiting, spoken())):
        assert schema_errors(document) == []


@needs_shared
def test_hkd_tells_every_user_of_the_customer_and_validates():
    anna = _htd()
    bela = replace(anna, user=replace(anna.user, user_id="BELA", name="Béla", permissions=anna.user.permissions[1:]))
    document = write_hkd((anna, bela), spoken())
    assert read_hkd(document, spoken()) == (anna, bela)
    assert schema_errors(document) == []
    with pytest.raises(ValueError, match="names no user"):
        read_hkd(document[: document.index(b"<UserInfo>")] + b"</HKDResponseOrderData>", spoken())


def test_what_has_no_order_type_is_left_out_of_what_ebics_2_5_is_told():
    strange = OrderInfo(admin_type="BTU", description="Strange", service=Service("XYZ", "strange.001"), signatures=1)
    told = read_htd(write_htd(replace(_htd(), orders=(*_htd().orders, strange)), spoken()), spoken())
    assert (strange in told.orders) is spoken().services
    assert set(_htd().orders) <= set(told.orders)


def test_a_banks_own_order_types_are_read_by_its_profile_and_kept_as_they_are_without():
    if spoken().services:
        pytest.skip("EBICS 3.0 has no order types")
    profile = with_profile(
        {"XG1": Business("BTU", Service("SCT", "pain.001", "XG")), FileFormat("own.fmt"): ORDER_TYPES["STA"]}
    )
    own = (
        OrderInfo(admin_type="BTU", description="Own", service=Service("SCT", "pain.001", "XG"), signatures=1),
        OrderInfo(
            admin_type="BTD", description="Own file", service=ORDER_TYPES["STA"].service, code=FileFormat("own.fmt")
        ),
    )
    document = write_htd(replace(_htd(), orders=own), spoken(), profile)
    assert read_htd(document, spoken(), profile).orders == own
    assert [order.code for order in read_htd(document, spoken()).orders] == ["XG1", FileFormat("own.fmt")]
    assert [order.service for order in read_htd(document, spoken()).orders] == [None, None]


def test_every_order_type_means_a_service_and_every_service_has_an_order_type():
    for code, (admin_type, service) in ORDER_TYPES.items():
        again = code_of(admin_type, service)
        assert again is not None
        assert business_of(again) == (admin_type, service), code
    assert business_of(FileFormat("pain.001.001.03.sct")) == ORDER_TYPES[FileFormat("pain.001.001.03.sct", "FR")]
    assert business_of(FileFormat("pain.001.001.03.sct", "DE")) is None
    assert code_of("BTD", Service("EOP", "camt.053", container="ZIP", version="08")) == "C53"
    assert code_of("BTD", Service("EOP", "camt.053", "CH", container="ZIP")) == "Z53"
    assert code_of("BTU", Service("SCT", "pain.001", "GLB")) == "CCT"
    assert code_of("BTU", Service("XYZ", "pain.001")) is None


def test_the_protocol_as_text_tells_what_happened():
    events = (_event(0, admin_type="BTD"), _event(1, action="ORDER_HAC_FINAL_POS", text="Kézbesítve — ő", service=None))
    document = write_ptk(events, bank="Electra Bank", created=NOW)
    read = read_ptk(document)
    for words in ("Electra Bank", "File received  [TS01]", "C53", "U001", "Accepted", "Kézbesítve ? ?", PARTNER):
        assert words in read
    assert document.decode("iso-8859-1").count("\r\n") == read.count("\n")


def test_an_optional_part_named_without_a_word_is_supported():
    document = write_hpd(BankParameters(urls=("https://x",), institute="B"), spoken())
    plain = document.replace(b'<Recovery supported="false"/>', b"<Recovery/>")
    assert plain != document
    assert read_hpd(plain, spoken()).supports == {"Recovery"}


def test_a_limit_that_is_no_amount_is_refused():
    document = write_htd(_htd(), spoken()).replace(b"1000000.50", b"a lot")
    with pytest.raises(ValueError, match="no amount"):
        read_htd(document, spoken())


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
    events = tuple(
        replace(each, service=None if each.service is None else as_seen(each.service), admin_type="BTD")
        for each in events
    )
    document = write_hac(events, bank_bic="ELECHUHB", message_id="HAC1", created=NOW, version=spoken())
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
    good = serialise(
        write_request(Request(version=spoken(), host_id=HOST, transaction_id=bytes(16), phase=Phase.TRANSFER))
    )
    for bad in (
        good.replace(b"static>", b"statik>"),
        good.replace(b"Transfer<", b"Transfert<"),
        good.replace(b"0000<", b"00<"),
    ):
        assert bad != good
        with pytest.raises(ValueError, match=r"."):
            read_request(parse_xml(bad), Request(version=spoken(), kind=Kind.NORMAL))
