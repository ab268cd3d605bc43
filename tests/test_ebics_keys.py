"""Keys from INI to SPR, in every version: sent, changed, given up, begun anew; with certificates, with chains, without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from electra_kernel.ebics import authsignature
from electra_kernel.ebics.client import Client
from electra_kernel.ebics.desk import KeyUse, UserState
from electra_kernel.ebics.documents import Phase, Request
from electra_kernel.ebics.errors import BankRefusal, LocalProtocolError
from electra_kernel.ebics.keys import (
    bare,
    certificate_der,
    fingerprint,
    is_bare,
    key_digest,
    number_digest,
    public_key_of,
)
from electra_kernel.ebics.orderdata import (
    SUSPENSION,
    AllKeys,
    NoCertificate,
    SignatureKey,
    TransportCertificates,
    read_h3k,
    read_hcs,
    read_hia,
    read_ini,
    write_h3k,
    write_hcs,
    write_hia,
    write_ini,
)
from electra_kernel.ebics.requests import write_request
from electra_kernel.ebics.responses import read_answer
from electra_kernel.ebics.server import Server
from electra_kernel.ebics.signature import OrderSignature
from electra_kernel.ebics.tree import serialise
from electra_kernel.ebics.version import H004, H005, VERSIONS, EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml
from tests.ebics_house import (
    NOW,
    PARTNER,
    PAYMENTS,
    SECOND,
    USER,
    DictDesk,
    certificate,
    client,
    key,
    new_desk,
    open_desk,
    run,
    schema_errors,
    server,
    signature,
    speak,
    spoken,
    transport_keys,
    upload,
)
from tests.shared import needs_shared

NEW = "anna-new"


@pytest.fixture(params=list(VERSIONS.values()), ids=lambda version: version.protocol, scope="module", autouse=True)
def version(request: pytest.FixtureRequest) -> Iterator[EbicsVersion]:
    """Every test of this file runs in every version."""
    yield speak(request.param)
    speak(H005)


@cache
def _issued(name: str, use: KeyUse) -> tuple[bytes, bytes]:
    """A certificate that a CA made for the key ``name``, and the CA's own."""
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
    ca = key("ca")
    root = (
        x509.CertificateBuilder()
        .subject_name(authority)
        .issuer_name(authority)
        .public_key(ca.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(ca, hashes.SHA256())
    )
    own = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {use.value}")]))
        .issuer_name(authority)
        .public_key(key(name).public_key())
        .serial_number(2)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(ca, hashes.SHA256())
    )
    return certificate_der(own), certificate_der(root)


def _signature_key(user: str = USER) -> bytes:
    return certificate(f"{user}-a", KeyUse.SIGNATURE)


def _refusal(action: partial[None]) -> str:
    with pytest.raises(BankRefusal) as caught:
        action()
    return caught.value.code


def _initialise(user: Client, bank: Server, desk: DictDesk, own: bytes) -> None:
    run(user.ini(own), bank)
    run(user.hia(), bank)
    desk.activate()


def _fetches(user: Client, bank: Server, desk: DictDesk) -> bool:
    desk.mail["HTD"] = b"data"
    exchange = user.download(admin_type="HTD")
    run(exchange, bank)
    return exchange.data == b"data"


# --- in which form keys travel ---------------------------------------------------------------------------------------


def test_keys_are_kept_as_they_came_and_named_alike_by_both_sides():
    desk = new_desk()
    bank = server(desk)
    _initialise(client(), bank, desk, _signature_key())
    held = desk.users[PARTNER, USER].certificates
    assert {is_bare(der) for der in held.values()} == {not spoken().services}
    hpb = client().hpb()
    run(hpb, bank)
    assert is_bare(hpb.result.encryption) is not spoken().services
    user = replace(client(), bank=hpb.result)
    assert _fetches(user, bank, desk)
    run(user.upload(PAYMENTS, b"order", [signature(b"order")]), bank)
    assert len(desk.orders) == 1


def test_certificates_beside_the_numbers_are_kept_and_answered_with_certificates():
    desk = new_desk()
    bank, user = server(desk), client(certificates=True)
    _initialise(user, bank, desk, _signature_key())
    assert desk.users[PARTNER, USER].certificates[KeyUse.SIGNATURE] == _signature_key()
    hpb = user.hpb()
    run(hpb, bank)
    assert hpb.result.authentication == transport_keys("bank").authentication_der
    assert _fetches(replace(user, bank=hpb.result), server(desk, strict=True), desk)


def test_a_certificate_that_a_ca_issued_is_taken_with_its_chain():
    desk = new_desk()
    own, ca = _issued(f"{USER}-a", KeyUse.SIGNATURE)
    user = replace(client(certificates=True), issuers=(ca,))
    run(user.ini(own), server(desk))
    assert desk.users[PARTNER, USER].certificates[KeyUse.SIGNATURE] == own
    key_sent = SignatureKey(own, "A006", PARTNER, USER)
    written = write_ini(key_sent, spoken(), (ca,))
    assert read_ini(written, spoken()) == key_sent
    assert written.count(b"</ds:X509Certificate>") == 2


def test_a_key_that_is_not_the_one_in_its_certificate_is_refused():
    if spoken().services:
        pytest.skip("EBICS 3.0 sends certificates only")
    mine = write_ini(SignatureKey(_signature_key(), "A006", PARTNER, USER), spoken())
    other = write_ini(SignatureKey(_signature_key(SECOND), "A006", PARTNER, USER), spoken())
    value = other[other.index(b"<PubKeyValue") : other.index(b"</PubKeyValue>")]
    mixed = mine[: mine.index(b"<PubKeyValue")] + value + mine[mine.index(b"</PubKeyValue>") :]
    with pytest.raises(ValueError, match="not the one in its certificate"):
        read_ini(mixed, spoken())


def test_a_version_with_certificates_refuses_bare_keys_on_both_sides():
    if not spoken().services:
        pytest.skip("EBICS 2.5 sends bare keys")
    with pytest.raises(NoCertificate):
        client().ini(bare(_signature_key()))
    der = _signature_key()
    full = write_ini(SignatureKey(der, "A006", PARTNER, USER), H005)
    empty = full[: full.index(b"<ds:X509Data>")] + full[full.index(b"</ds:X509Data>") + len(b"</ds:X509Data>") :]
    exchange = client().ini(der)
    exchange._data = empty
    assert _refusal(partial(run, exchange, server(new_desk()))) == "091217"


def test_a_fingerprint_is_that_of_the_certificate_or_of_the_numbers():
    der = _signature_key()
    assert fingerprint(bare(der)) == number_digest(public_key_of(der)).hex(" ").upper()
    assert fingerprint(der) != fingerprint(bare(der))
    assert key_digest(bare(der)) == number_digest(public_key_of(der))


# --- changes of keys -------------------------------------------------------------------------------------------------


def _changed(kind: str, user: Client) -> bytes:
    signature_key = (certificate(f"{NEW}-a", KeyUse.SIGNATURE), "A005") if kind in {"PUB", "HCS"} else None
    return user.key_data(kind, signature=signature_key, transport=transport_keys(NEW) if kind != "PUB" else None)


@pytest.mark.parametrize("kind", ["PUB", "HCA", "HCS"])
@pytest.mark.ebics(order_type=("PUB", "HCA", "HCS"), version=("H005", "H004"), side=("bank", "client"))
def test_new_keys_count_as_soon_as_they_arrived_and_the_old_ones_no_more(kind: str):
    desk = open_desk()
    bank, user = server(desk), client()
    data = _changed(kind, user)
    change = user.change_keys(kind, data, signature(data))
    run(change, bank)
    assert change.over
    later = user if kind == "PUB" else replace(user, keys=transport_keys(NEW))
    assert _fetches(later, bank, desk)
    signer = USER if kind == "HCA" else NEW
    order = replace(signature(b"order", signer), user_id=USER)
    run(later.upload(PAYMENTS, b"order", [order]), bank)
    assert len(desk.orders) == 1
    if kind == "PUB":
        assert _refusal(partial(run, upload(b"other"), bank)) == "091301"
    else:
        assert _refusal(partial(run, user.download(admin_type="HTD"), bank)) == "061001"


def test_an_order_under_way_while_its_signature_key_changes_is_refused_whole():
    desk = open_desk()
    bank, user = server(desk), client()
    order = upload(b"order")
    request = order.request()
    assert request is not None
    order.answer(bank.handle(request))
    data = _changed("PUB", user)
    run(user.change_keys("PUB", data, signature(data)), bank)
    assert _refusal(partial(run, order, bank)) == "091301"
    assert desk.orders == []
    assert desk.records == {}


@pytest.mark.ebics(order_type=("PUB", "HCA", "HCS"), version=("H005", "H004"), side="bank")
def test_a_change_of_keys_under_another_signature_is_refused():
    desk = open_desk(USER, SECOND)
    bank, user = server(desk), client()
    data = _changed("HCA", user)
    for made in (signature(data, SECOND), signature(b"other")):
        before = dict(desk.users)
        assert _refusal(partial(run, user.change_keys("HCA", data, made), bank)) in {"090003", "091301"}
        assert desk.users == before


def test_a_change_that_brings_other_keys_than_it_says_is_our_own_mistake():
    for kind, transport in (("PUB", transport_keys(NEW)), ("HCA", None), ("HCS", transport_keys(NEW))):
        with pytest.raises(LocalProtocolError, match="does not bring"):
            client().key_data(kind, transport=transport)


def test_a_change_that_would_make_one_key_sign_and_authenticate_is_refused():
    desk = open_desk()
    data = client().key_data("PUB", signature=(certificate(f"{USER}-x", KeyUse.SIGNATURE), "A006"))
    assert _refusal(partial(run, client().change_keys("PUB", data, signature(data)), server(desk))) == "091218"
    assert _refusal(partial(run, client().change_keys("HCA", b"<x/>", signature(b"<x/>")), server(desk))) == "090004"


# --- giving up and beginning anew ------------------------------------------------------------------------------------


def _suspend(user: Client, bank: Server) -> str:
    exchange = user.suspend(signature(SUSPENSION))
    run(exchange, bank)
    return exchange.result


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.ebics(order_type="SPR", version=("H005", "H004"), side=("bank", "client"))
def test_a_user_who_gave_up_is_suspended_and_begins_anew_with_new_keys(strict: bool):
    desk = open_desk()
    bank, user = server(desk), client(certificates=True)
    assert _suspend(user, server(desk, strict=strict)) == "A009"
    assert desk.users[PARTNER, USER].state is UserState.SUSPENDED
    for exchange in (
        upload(b"order"),
        user.download(admin_type="HTD"),
        user.hpb(),
        user.suspend(signature(SUSPENSION)),
    ):
        assert _refusal(partial(run, exchange, bank)) == "091002"
    anew = replace(user, keys=transport_keys(NEW))
    _initialise(anew, bank, desk, certificate(f"{NEW}-a", KeyUse.SIGNATURE))
    assert desk.users[PARTNER, USER].certificates[KeyUse.AUTHENTICATION] == transport_keys(NEW).authentication_der
    assert _fetches(anew, bank, desk)


@pytest.mark.ebics(order_type="SPR", version=("H005", "H004"), side="bank")
def test_giving_up_is_signed_over_one_blank_by_the_user_alone():
    desk = open_desk(USER, SECOND)
    for made in (signature(b"x"), signature(SUSPENSION, SECOND)):
        assert _refusal(partial(run, client().suspend(made), server(desk))) in {"091301", "090003"}
    assert desk.users[PARTNER, USER].state is UserState.READY


def test_a_transfer_after_giving_up_is_answered_with_the_order_id():
    desk = open_desk()
    bank, exchange = server(desk), client().suspend(signature(SUSPENSION))
    request = exchange.request()
    assert request is not None
    opened = read_answer(parse_xml(bank.handle(request)), spoken())
    transfer = Request(
        version=spoken(),
        host_id=client().subscriber.host_id,
        transaction_id=opened.transaction_id,
        phase=Phase.TRANSFER,
        segment_number=1,
        last_segment=True,
        order_data="QUJD",
    )
    root = write_request(transfer)
    authsignature.sign(root, transport_keys(USER).authentication_key)
    document = serialise(root)
    answer = read_answer(parse_xml(bank.handle(document)), spoken())
    assert (answer.technical, answer.business, answer.order_id) == ("000000", "000000", "A009")
    assert read_answer(parse_xml(bank.handle(document)), spoken()).technical == "091101"


# --- H3K -------------------------------------------------------------------------------------------------------------


def _h3k(user: Client, *, made: OrderSignature | None = None) -> partial[None]:
    data = user.h3k_data(_signature_key())
    return partial(run, user.h3k(data, made or signature(data)))


@pytest.mark.ebics(order_type="H3K", version=("H005", "H004"), side=("bank", "client"))
def test_three_certificates_at_once_initialise_a_user():
    desk = new_desk()
    bank = server(desk)
    _h3k(client())(bank)
    assert desk.users[PARTNER, USER].state is UserState.INITIALISED
    assert set(desk.users[PARTNER, USER].certificates) == set(KeyUse)
    desk.activate()
    assert _fetches(client(certificates=True), bank, desk)
    assert _refusal(partial(_h3k(client()), bank)) == "091002"


def test_three_certificates_that_their_own_key_did_not_sign_are_refused():
    desk = new_desk()
    assert _refusal(partial(_h3k(client(), made=signature(b"other")), server(desk))) == "091301"
    assert desk.users[PARTNER, USER].state is UserState.NEW


# --- what the schemas and the reader say -----------------------------------------------------------------------------


@needs_shared
@pytest.mark.parametrize("certificates", [True, False])
def test_every_document_of_key_management_validates_against_the_published_schemas(certificates: bool):
    desk, seen = new_desk(), list[bytes]()
    bank, user = server(desk), client(certificates=certificates)
    run(user.ini(_signature_key()), bank, seen)
    run(user.hia(), bank, seen)
    desk.activate()
    run(user.hpb(), bank, seen)
    for kind in ("PUB", "HCA", "HCS"):
        desk = open_desk()
        data = _changed(kind, user)
        seen.append(data)
        run(user.change_keys(kind, data, signature(data)), server(desk), seen)
    run(client().suspend(signature(SUSPENSION)), server(open_desk()), seen)
    data = user.h3k_data(_signature_key())
    seen.append(data)
    run(user.h3k(data, signature(data)), server(new_desk()), seen)
    assert [(document, schema_errors(document)) for document in seen if schema_errors(document)] == []


def test_order_data_of_every_key_order_is_read_as_it_was_written():
    form = (lambda der: der) if spoken().services else bare
    own = SignatureKey(form(_signature_key()), "A005", PARTNER, USER)
    keys = transport_keys(USER)
    transport = TransportCertificates(form(keys.authentication_der), form(keys.encryption_der), PARTNER, USER)
    assert read_ini(write_ini(own, spoken()), spoken()) == own
    assert read_hia(write_hia(transport, spoken()), spoken()) == transport
    name = "HCARequestOrderData"
    assert read_hia(write_hia(transport, spoken(), name=name), spoken(), name=name) == transport
    assert read_hcs(write_hcs(AllKeys(own, transport), spoken()), spoken()) == AllKeys(own, transport)
    whole = AllKeys(
        replace(own, certificate=_signature_key()),
        replace(transport, authentication=keys.authentication_der, encryption=keys.encryption_der),
    )
    assert read_h3k(write_h3k(whole, spoken()), spoken()) == whole
    if spoken() is H004:
        with pytest.raises(NoCertificate):
            write_h3k(AllKeys(own, transport), spoken())


def test_order_attributes_that_do_not_fit_are_refused():
    if spoken().services:
        pytest.skip("EBICS 3.0 has no order attributes")
    ini = client().ini(_signature_key())
    download = client().download(admin_type="HTD")
    for exchange, old, new in ((ini, b"DZNNN", b"OZHNN"), (download, b"DZHNN", b"OZHNN")):
        request = exchange.request()
        assert request is not None
        root = parse_xml(request.replace(old, new))
        if exchange is download:
            root.remove(root[1])
            authsignature.sign(root, transport_keys(USER).authentication_key)
        desk = new_desk() if exchange is ini else open_desk()
        answer = read_answer(parse_xml(server(desk).handle(serialise(root))), spoken())
        assert answer.technical == "091121"
