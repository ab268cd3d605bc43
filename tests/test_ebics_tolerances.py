"""What clients do in their own way, one test each: a bank takes it, and a strict one refuses what the specification forbids.

Of the line itself (chunked bodies, content types, http beside https, HTTP 200 with every code) ``test_bank_serve`` tells, of
signatures that others verify byte by byte ``test_ebics_wire``, of padding ``test_ebics_crypto``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from electra_kernel.ebics import authsignature
from electra_kernel.ebics.desk import KeyUse, UserState
from electra_kernel.ebics.documents import Request
from electra_kernel.ebics.keys import number_digest, public_key_of
from electra_kernel.ebics.orderdata import SUSPENSION
from electra_kernel.ebics.requests import read_request, write_request
from electra_kernel.ebics.responses import read_answer
from electra_kernel.ebics.segments import SEGMENT_SIZE
from electra_kernel.ebics.server import Server
from electra_kernel.ebics.signature import raw_digest
from electra_kernel.ebics.tree import serialise
from electra_kernel.ebics.version import H005
from electra_kernel.vocabulary.xml import parse_xml
from tests.ebics_house import (
    PARTNER,
    PAYMENTS,
    STATEMENTS,
    USER,
    DictDesk,
    certificate,
    client,
    new_desk,
    noise,
    open_desk,
    run,
    server,
    signature,
    transport_keys,
)

OK = "000000"


def _codes(bank: Server, document: bytes) -> tuple[str, str]:
    answer = read_answer(parse_xml(bank.handle(document)), H005)
    return answer.technical, answer.business


def _first(exchange) -> bytes:
    document = exchange.request()
    assert document is not None
    return bytes(document)


def _signed(document: bytes) -> bytes:
    """A document that was changed, signed again as it is now."""
    root = parse_xml(document)
    root.remove(root[1])
    authsignature.sign(root, transport_keys(USER).authentication_key)
    return serialise(root)


def _order(data: bytes = b"order"):
    return client().upload(PAYMENTS, data, [signature(data)])


def _statements():
    return client().download(service=STATEMENTS)


def _written(pattern: bytes, by: bytes) -> Callable[[bytes], bytes]:
    def change(document: bytes) -> bytes:
        changed = re.sub(pattern, by, document, count=1)
        assert changed != document
        return changed

    return change


def _lower_nonce(document: bytes) -> bytes:
    return re.sub(rb"(?<=<Nonce>)\w+", lambda found: found[0].lower(), document)


#: Quirk, what it does to the first request of an upload, and what a strict bank says to it.
QUIRKS = [
    ("another Version attribute", _written(rb' Version="H005"', b' Version="H003"'), OK),
    ("a nonce in lower case", _lower_nonce, OK),
    ("milliseconds", _written(rb"(\d\d:\d\d:\d\d)Z", rb"\1.250Z"), OK),
    ("an offset instead of Z", _written(rb"09:30:00Z", b"10:30:00+01:00"), OK),
    ("a signature flag with text", _written(rb"<SignatureFlag/>", b"<SignatureFlag>true</SignatureFlag>"), "091010"),
    ("requestEDS", _written(rb"<SignatureFlag/>", b'<SignatureFlag requestEDS="true"/>'), OK),
    ("an order type of EBICS 2.5", _written(rb">BTU<", b">CCT<"), "091006"),
]


@pytest.mark.parametrize(("change", "strict"), [row[1:] for row in QUIRKS], ids=[row[0] for row in QUIRKS])
def test_a_first_request_is_understood_however_it_is_written(change, strict):
    document = _signed(change(_first(_order())))
    assert _codes(server(open_desk()), document) == (OK, OK)
    assert _codes(server(open_desk(), strict=True), document) == (strict, OK)


def test_a_legacy_code_fetches_too_and_names_what_it_fetches():
    for strict in (False, True):
        desk = open_desk()
        desk.mail["EOP"] = b"data"
        document = _signed(_written(rb">BTD<", b">C53<")(_first(_statements())))
        assert _codes(server(desk, strict=strict), document) == (("091006", OK) if strict else (OK, OK))
        assert [each.service and each.service.name for each in desk.asked] == ([] if strict else ["EOP"])


def test_both_forms_of_a_hash_name_the_bank_s_keys():
    request = read_request(parse_xml(_first(_order())), Request(version=H005))
    receiver = public_key_of(transport_keys("bank").encryption_der)
    assert request.encryption is not None
    named = replace(request, encryption=replace(request.encryption, receiver_digest=number_digest(receiver)))
    root = write_request(named)
    authsignature.sign(root, transport_keys(USER).authentication_key)
    for strict in (False, True):
        assert _codes(server(open_desk(), strict=strict), serialise(root)) == ("091008" if strict else OK, OK)


def _finish(desk: DictDesk, exchange, *, strict: bool) -> str:
    try:
        run(exchange, server(desk, strict=strict))
    except Exception as error:
        return str(getattr(error, "code", error))
    return OK


@pytest.mark.parametrize("announced", ["stripped", "raw"])
@pytest.mark.parametrize("scheme", ["A005", "A006"])
def test_the_hash_of_all_bytes_is_taken_in_the_announcement_and_in_the_signature(announced: str, scheme: str):
    data = b"one\r\ntwo\r\n"
    for strict in (False, True):
        desk = open_desk()
        desk.users[PARTNER, USER] = replace(desk.users[PARTNER, USER], signature_version=scheme)
        exchange = client().upload(PAYMENTS, data, [signature(data, scheme=scheme, digest=raw_digest(data))])
        if announced == "raw":
            exchange._digest = raw_digest(data)
        assert _finish(desk, exchange, strict=strict) == ("091301" if strict else OK)
        assert [order.data for order in desk.orders] == ([] if strict else [data])


@pytest.mark.parametrize("made_for", [KeyUse.ENCRYPTION, KeyUse.AUTHENTICATION])
def test_a_certificate_made_for_something_else_is_a_matter_of_strictness(made_for: KeyUse):
    for strict in (False, True):
        exchange = client(certificates=True).ini(certificate("other-use", made_for))
        assert _finish(new_desk(), exchange, strict=strict) == ("091210" if strict else OK)


def test_a_transfer_after_the_access_was_given_up_is_answered_and_a_strict_bank_knows_no_transaction():
    for strict in (False, True):
        desk = open_desk()
        exchange = client().suspend(signature(SUSPENSION))
        bank = server(desk, strict=strict)
        answer = read_answer(parse_xml(bank.handle(_first(exchange))), H005)
        assert (answer.technical, answer.order_id != "", answer.transaction_id != b"") == (OK, True, not strict)
        assert desk.users[PARTNER, USER].state is UserState.SUSPENDED


def test_a_small_download_is_one_segment_for_clients_that_can_do_no_more():
    for strict in (False, True):
        desk = open_desk()
        desk.mail["EOP"] = noise(SEGMENT_SIZE // 2)
        answer = read_answer(parse_xml(server(desk, strict=strict).handle(_first(_statements()))), H005)
        assert (answer.segments, answer.last_segment) == (1, True)


def test_receipts_may_come_late_while_further_downloads_are_open():
    for strict in (False, True):
        desk = open_desk()
        desk.mail |= {"EOP": b"statements", "HTD": b"rights"}
        bank, first, second = server(desk, strict=strict), _statements(), client().download(admin_type="HTD")
        run(first, bank)
        run(second, bank)
        assert (first.data, second.data, desk.receipts) == (b"statements", b"rights", [])
        for exchange in (first, second):
            exchange.acknowledge(True)
            run(exchange, bank)
        assert desk.receipts == [("EOP", True), ("HTD", True)]


def test_the_bank_s_keys_are_given_as_soon_as_the_user_is_ready():
    for strict in (False, True):
        desk = new_desk()
        bank, user = server(desk, strict=strict), client(certificates=True)
        run(user.hia(), bank)
        run(user.ini(certificate(f"{USER}-a", KeyUse.SIGNATURE)), bank)
        assert _finish(desk, user.hpb(), strict=strict) == "091002"
        desk.activate()
        assert _finish(desk, user.hpb(), strict=strict) == OK
