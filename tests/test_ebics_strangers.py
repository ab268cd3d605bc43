"""The bank's engine and documents nobody well-meaning sends, and those that independent clients send in their own way."""

from __future__ import annotations

import re
import zlib
from base64 import b64encode
from dataclasses import replace
from io import BytesIO

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from electra_kernel.bank.database import Database
from electra_kernel.bank.desk import BankDesk
from electra_kernel.ebics import authsignature, envelope
from electra_kernel.ebics.client import Exchange
from electra_kernel.ebics.desk import DeskRefusal, KeyUse, UserState
from electra_kernel.ebics.errors import BankRefusal
from electra_kernel.ebics.gate import Limits
from electra_kernel.ebics.orderdata import SUSPENSION, SignatureKey, read_ini, write_ini
from electra_kernel.ebics.responses import read_answer
from electra_kernel.ebics.segments import Outgoing
from electra_kernel.ebics.signature import (
    OrderSignature,
    order_digest,
    raw_digest,
    read_signatures,
    write_signatures,
)
from electra_kernel.ebics.tree import find, serialise
from electra_kernel.ebics.version import H004, H005
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.xml import parse_xml
from tests.bank_house import STATEMENTS as FETCHED
from tests.bank_house import bank_at, clock, order, payment
from tests.ebics_house import (
    PARTNER,
    PAYMENTS,
    USER,
    DictDesk,
    certificate,
    client,
    key,
    new_desk,
    noise,
    open_desk,
    run,
    server,
    signature,
    transport_keys,
    upload,
)


def _codes(document: bytes) -> tuple[str, str]:
    answer = read_answer(parse_xml(document), H005)
    return answer.technical, answer.business


def _opening(exchange: Exchange[object]) -> bytes:
    document = exchange.request()
    assert document is not None
    return document


def _changed_and_signed(document: bytes, old: bytes, new: bytes) -> bytes:
    """What the user's own key signs after the change."""
    assert old in document
    return _resigned(document.replace(old, new))


def _resigned(document: bytes) -> bytes:
    root = parse_xml(document)
    root.remove(root[1])
    authsignature.sign(root, transport_keys(USER).authentication_key)
    return serialise(root)


# --- what must not get through ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fetching", ["HTD", "HAC", "PTK", "BTD"])
def test_order_data_do_not_come_in_under_the_name_of_a_download(fetching: str):
    desk = open_desk()
    document = _opening(upload(b"order"))
    details = re.search(rb"<OrderDetails>.*</OrderDetails>", document)
    assert details is not None
    other = f"<OrderDetails><AdminOrderType>{fetching}</AdminOrderType><StandardOrderParams/></OrderDetails>"
    if fetching == "BTD":
        other = details[0].decode().replace("BTU", "BTD")
    assert _codes(server(desk).handle(_changed_and_signed(document, details[0], other.encode())))[0] == "091112"
    assert desk.records == {}


@pytest.mark.parametrize(("admin_type", "service"), [("HTD", None), ("BTD", FETCHED), ("C53", FETCHED)])
def test_a_right_to_fetch_executes_no_payment(tmp_path, admin_type, service):
    with bank_at(tmp_path) as bank:
        before = bank.balance()
        sent = replace(bank.upload(order(payment("5"))), admin_type=admin_type, service=service, signers=())
        with pytest.raises(Exception, match="090003"):
            bank.desk.receive(sent, bank.fresh())
        assert bank.balance() == before
        assert [event.reason for event in bank.protocol()][-1:] == ["DS0A"]


@pytest.mark.parametrize("moment", [b"9999-12-31T23:59:59-14:00", b"0001-01-01T00:00:00+14:00", b"2026-03-02"])
def test_moments_outside_the_calendar_are_refused_like_any_wrong_time(moment: bytes):
    document = _changed_and_signed(_opening(upload(b"order")), b"2026-03-02T09:30:00Z", moment)
    assert _codes(server(open_desk()).handle(document))[0] in {"091010", "091103"}


def test_a_comment_inside_a_signed_value_does_not_change_what_is_read():
    desk = open_desk()
    exchange = upload(b"order")
    run(exchange, server(desk))
    document = _opening(client().download(service=PAYMENTS))
    cut = document.replace(b">pain.001<", b">pain<!-- -->.001<").replace(f">{USER}<".encode(), b">AN<!---->NA<")
    assert cut.count(b"<!--") == 2
    assert _codes(server(desk).handle(cut)) == ("000000", "090005")
    assert desk.asked[-1].service == PAYMENTS
    assert (desk.asked[-1].partner_id, desk.asked[-1].user_id) == (PARTNER, USER)


def test_one_order_hashed_in_two_ways_is_taken_once_by_two_bank_processes(tmp_path):
    with bank_at(tmp_path) as bank:
        written = bank.upload(order(payment("5"))).data.replace(b"><", b">\r\n<")
        for digest, refused in ((raw_digest(written), False), (order_digest(written), True)):
            sent = replace(bank.upload(data=written), digest=digest)
            # Another process: a desk of its own, which did not see what the engine before it had looked up.
            desk = BankDesk(Database(tmp_path / "bank"), clock)
            if refused:
                with pytest.raises(DeskRefusal, match="091122"):
                    desk.receive(sent, bank.fresh())
            else:
                desk.receive(sent, bank.fresh())
        assert [event.action for event in bank.protocol()].count("ORDER_HAC_FINAL_POS") == 1


def test_of_an_order_that_is_too_large_no_more_is_read_than_the_bank_takes():
    class Reading(DictDesk):
        read = 0

        def segment(self, transaction_id: bytes, number: int) -> str | None:
            self.read += 1
            return super().segment(transaction_id, number)

    desk = Reading(users=open_desk().users)
    with pytest.raises(BankRefusal, match="091117"):
        run(upload(noise(900_000), segment_size=100_000), server(desk, limits=Limits(order_data=1000)))
    assert desk.orders == []
    assert desk.told == [("U001", "091117")]
    assert desk.read == 1


def test_what_follows_the_end_of_an_order_is_bounded_too():
    desk, data = open_desk(), b"order"
    bank, exchange = server(desk, limits=Limits(order_data=1000)), upload(data, segment_size=400_000)
    exchange._segments = Outgoing(BytesIO(), 400_000)
    exchange._segments.fill([envelope.encrypt(zlib.compress(data) + bytes(2**21), exchange._key)])
    with pytest.raises(BankRefusal, match="hold more"):
        run(exchange, bank)
    assert desk.orders == []


# --- what clients do in their own way --------------------------------------------------------------------------------


def _hashed_once(data: bytes) -> OrderSignature:
    value = key(f"{USER}-a").sign(data, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    return OrderSignature("A006", value, PARTNER, USER)


def test_an_a006_signature_hashed_once_is_taken_unless_the_bank_is_strict():
    data = b"payment order"
    desk = open_desk()
    run(client().upload(PAYMENTS, data, [_hashed_once(data)]), server(desk))
    assert desk.orders[0].signers == ((PARTNER, USER),)
    for signed, strict in ((data, True), (b"another order", False)):
        with pytest.raises(BankRefusal, match="091301"):
            run(client().upload(PAYMENTS, data, [_hashed_once(signed)]), server(open_desk(), strict=strict))


def test_a_signature_in_the_place_of_the_digest_is_taken_unless_the_bank_is_strict():
    desk, exchange = open_desk(), upload(b"order")
    bank = server(desk)
    document = _opening(exchange)
    digest = find(parse_xml(document), "body/DataTransfer/DataDigest")
    assert digest is not None
    assert digest.text is not None
    shown = document.replace(digest.text.encode(), b64encode(noise(256)))
    assert _codes(server(open_desk(), strict=True).handle(shown)) == ("091113", "000000")
    exchange.answer(bank.handle(shown))
    run(exchange, bank)
    assert (desk.orders[0].data, desk.orders[0].digest) == (b"order", order_digest(b"order"))


def _empty_digest(document: bytes) -> bytes:
    return re.sub(rb"(<DataDigest [^>]*)>[^<]*</DataDigest>", rb"\1/>", document)


def test_an_empty_digest_is_made_up_for_by_the_signature_unless_the_bank_is_strict():
    for strict in (False, True):
        suspended = _resigned(_empty_digest(_opening(client().suspend(signature(SUSPENSION)))))
        assert b"<DataDigest" in suspended
        desk = open_desk()
        assert _codes(server(desk, strict=strict).handle(suspended))[1] == ("091301" if strict else "000000")
        assert (desk.users[PARTNER, USER].state is UserState.READY) is strict
        desk, exchange = open_desk(), upload(b"order")
        bank = server(desk, strict=strict)
        first = bank.handle(_resigned(_empty_digest(_opening(exchange))))
        assert _codes(first)[0] == ("091113" if strict else "000000")
        if not strict:
            exchange.answer(first)
            run(exchange, bank)
            assert desk.orders[0].digest == order_digest(b"order")


def test_a_suspension_signed_over_something_else_is_refused_with_or_without_a_digest():
    for change in (bytes, _empty_digest):
        document = _opening(client().suspend(signature(b"no blank")))
        desk = open_desk()
        assert _codes(server(desk).handle(_resigned(change(document))))[1] == "091301"
        assert desk.users[PARTNER, USER].state is UserState.READY


def test_a_signature_in_the_namespace_of_the_other_version_is_taken_unless_the_bank_is_strict():
    made = write_signatures([signature(b"order")], H005)
    moved = made.replace(H005.signature_namespace.encode(), H004.signature_namespace.encode())
    assert moved != made
    assert read_signatures(moved, H005) == read_signatures(made, H005)
    with pytest.raises(ValueError, match="not UserSignatureData"):
        read_signatures(moved, H005, strict=True)
    with pytest.raises(ValueError, match="not UserSignatureData"):
        read_signatures(made.replace(b"UserSignatureData", b"OrderSignature"), H005)


def _sealed_with_zeros(made: bytes) -> bytes:
    return envelope.seal(made, bytes(envelope.KEY_BYTES)).encode()


def _in_the_other_namespace(made: bytes) -> bytes:
    moved = made.replace(H005.signature_namespace.encode(), H004.signature_namespace.encode())
    return b64encode(envelope.deflate(moved))


@pytest.mark.parametrize("packed", [_sealed_with_zeros, _in_the_other_namespace, None])
def test_keys_with_a_signature_packed_in_another_way_are_taken_unless_the_bank_is_strict(packed):
    user = client()
    data = user.h3k_data(certificate(f"{USER}-a", KeyUse.SIGNATURE))
    if packed is None:
        data = data.replace(b"?>\n", b"?>\r\n")
        assert raw_digest(data) != order_digest(data)
    made = signature(data, digest=None if packed else raw_digest(data))
    document = _opening(user.h3k(data, made))
    if packed:
        old = find(parse_xml(document), "body/DataTransfer/SignatureData")
        assert old is not None
        assert old.text is not None
        document = document.replace(old.text.encode(), packed(write_signatures([made], H005)))
    for strict in (False, True):
        technical, business = _codes(server(new_desk(), strict=strict).handle(document))
        assert "000000" in (technical, business)
        assert (technical == business) is not strict


@pytest.mark.parametrize("version", [H004, H005])
def test_a_certificate_that_is_the_text_of_a_file_is_the_certificate_in_it(version):
    own = SignatureKey(certificate(f"{USER}-a", KeyUse.SIGNATURE), "A006", PARTNER, USER)
    written = write_ini(own, version)
    file = load_der_x509_certificate(own.certificate).public_bytes(Encoding.PEM)
    told = written.replace(b64encode(own.certificate), b64encode(file))
    assert told != written
    assert read_ini(told, version) == own
    for damaged in (file.replace(b"END", b"\xff"), b"-----BEGIN CERTIFICATE-----" * 2):
        with pytest.raises((ValueError, ElectraError)):
            read_ini(written.replace(b64encode(own.certificate), b64encode(damaged)), version)


def test_a_signature_key_in_the_namespace_of_the_other_version_is_read():
    own = SignatureKey(certificate(f"{USER}-a", KeyUse.SIGNATURE), "A006", PARTNER, USER)
    for version, other in ((H004, H005), (H005, H004)):
        written = write_ini(own, version).replace(
            version.signature_namespace.encode(), other.signature_namespace.encode()
        )
        assert read_ini(written, version) == own
        with pytest.raises(ValueError, match="is not"):
            read_ini(written.replace(b"SignaturePubKeyOrderData", b"HIARequestOrderData"), version)


def test_keys_sent_with_another_order_attribute_are_taken_unless_the_bank_is_strict():
    user = replace(client(), subscriber=replace(client().subscriber, version=H004))
    data = user.h3k_data(certificate(f"{USER}-a", KeyUse.SIGNATURE))
    document = _opening(user.h3k(data, signature(data))).replace(b">OZNNN<", b">OZHNN<")
    for strict in (False, True):
        answer = read_answer(parse_xml(server(new_desk(), strict=strict).handle(document)), H004)
        assert answer.technical == ("091121" if strict else "000000")


def test_the_first_answer_to_an_upload_tells_the_order_id():
    desk, exchange = open_desk(), upload(noise(2000))
    bank = server(desk)
    first = bank.handle(_opening(exchange))
    exchange.answer(first)
    run(exchange, bank)
    assert exchange.result == "U001" == read_answer(parse_xml(first), H005).order_id == desk.orders[0].order_id
