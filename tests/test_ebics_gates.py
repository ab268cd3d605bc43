"""The gates of the bank in their order: of all that is wrong with a request, the first gate that notices says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from lxml import etree

from electra_kernel.ebics import authsignature
from electra_kernel.ebics.desk import KeyUse, UserState
from electra_kernel.ebics.errors import BankRefusal
from electra_kernel.ebics.keys import certificate_der, certificate_for
from electra_kernel.ebics.responses import read_answer
from electra_kernel.ebics.server import Server
from electra_kernel.ebics.tree import serialise
from electra_kernel.ebics.version import H005, VERSIONS, EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml
from tests.ebics_house import (
    HOST,
    NOW,
    PARTNER,
    PAYMENTS,
    SECOND,
    STATEMENTS,
    USER,
    DictDesk,
    as_seen,
    client,
    clock,
    key,
    new_desk,
    open_desk,
    run,
    server,
    signature,
    speak,
    spoken,
    transport_keys,
)


@pytest.fixture(params=list(VERSIONS.values()), ids=lambda version: version.protocol, scope="module", autouse=True)
def version(request: pytest.FixtureRequest) -> Iterator[EbicsVersion]:
    """Every test of this file runs in every version."""
    yield speak(request.param)
    speak(H005)


# --- the first request of a transaction -------------------------------------------------------------------------------


def _set(path: str, value: str) -> Callable[[etree._Element, DictDesk], None]:
    """Put a value into the first element of a name, wherever it stands."""

    def change(root: etree._Element, _: DictDesk) -> None:
        node = root.find(f".//{{{root.nsmap[None]}}}{path}")
        assert node is not None
        node.text = value

    return change


def _unknown_phase(root: etree._Element, desk: DictDesk) -> None:
    _set("TransactionPhase", "Begin")(root, desk)


def _seen_before(root: etree._Element, desk: DictDesk) -> None:
    desk.nonces.add(bytes.fromhex(root.findtext(f".//{{{root.nsmap[None]}}}Nonce") or ""))


def _suspended(_: etree._Element, desk: DictDesk) -> None:
    desk.users[PARTNER, USER] = replace(desk.users[PARTNER, USER], state=UserState.SUSPENDED)


def _locked(_: etree._Element, desk: DictDesk) -> None:
    desk.users[PARTNER, USER] = replace(desk.users[PARTNER, USER], state=UserState.LOCKED)


def _other_bank_keys(root: etree._Element, desk: DictDesk) -> None:
    _set(f"BankPubKeyDigests/{{{root.nsmap[None]}}}Authentication", "QUFB")(root, desk)


def _no_right(_: etree._Element, desk: DictDesk) -> None:
    desk.forbidden[as_seen(STATEMENTS).name] = "090003"


def _not_offered(_: etree._Element, desk: DictDesk) -> None:
    desk.forbidden[as_seen(STATEMENTS).name] = "091005"


@dataclass(frozen=True)
class Gate:
    """What is wrong, and what the bank says: technical code, business code."""

    name: str
    wrong: Callable[[etree._Element, DictDesk], None]
    technical: str
    business: str = "000000"


#: In the order of the checks. Whoever stands further below is never asked while somebody above refuses.
GATES = (
    Gate("form", _unknown_phase, "091010"),
    Gate("host", _set("HostID", "OTHERBANK"), "091011"),
    Gate("time", _set("Timestamp", "2020-01-01T00:00:00Z"), "091103"),
    Gate("user", _set("UserID", "NOBODY"), "061001"),
    Gate("replay", _seen_before, "091103"),
    Gate("state", _suspended, "091002"),
    Gate("bank keys", _other_bank_keys, "091008"),
    Gate("right", _no_right, "000000", "090003"),
    Gate("parameters", _set("Start", "2026-02-01"), "091112"),
)


def _asked(desk: DictDesk, *gates: Gate) -> tuple[str, str]:
    """The answer to a download with everything wrong that these gates look at, signed as it is."""
    document = client().download(service=STATEMENTS, start=date(2026, 1, 1), end=date(2026, 1, 31)).request()
    assert document is not None
    root = parse_xml(document)
    for gate in gates:
        gate.wrong(root, desk)
    root.remove(root[1])
    authsignature.sign(root, transport_keys(USER).authentication_key)
    answer = read_answer(parse_xml(server(desk).handle(serialise(root))), spoken())
    return answer.technical, answer.business


@pytest.mark.parametrize("first", range(len(GATES)), ids=[gate.name for gate in GATES])
def test_of_all_that_is_wrong_the_first_gate_in_the_order_says_so(first: int):
    expected = GATES[first].technical, GATES[first].business
    assert _asked(open_desk(), GATES[first]) == expected
    assert _asked(open_desk(), *GATES[first:]) == expected


def test_with_nothing_wrong_there_is_only_nothing_to_fetch():
    assert _asked(open_desk()) == ("000000", "090005")


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [(_locked, ("091002", "000000")), (_not_offered, ("091005", "000000"))],
    ids=["locked by the bank", "not offered"],
)
def test_further_reasons_of_the_same_gate(wrong, expected):
    assert _asked(open_desk(), Gate("", wrong, *expected)) == expected


def test_a_signature_of_another_key_is_the_same_as_no_user():
    document = client().download(admin_type="HTD").request()
    assert document is not None
    root = parse_xml(document)
    root.remove(root[1])
    authsignature.sign(root, transport_keys(SECOND).authentication_key)
    answer = read_answer(parse_xml(server(open_desk()).handle(serialise(root))), spoken())
    assert answer.technical == "061001"


# --- the last request of an upload ------------------------------------------------------------------------------------


def _sent(desk: DictDesk, data: bytes, *signatures, strict: bool = False) -> tuple[str, str]:
    with pytest.raises(BankRefusal) as caught:
        run(client(segment_size=100_000).upload(PAYMENTS, data, list(signatures)), server(desk, strict=strict))
    return caught.value.code, caught.value.level


def test_the_last_segment_tells_what_is_wrong_with_signatures_as_a_matter_of_business():
    data = b"an order"
    cases = [
        ("091120", [replace(signature(data), partner_id="PARTNER2")]),
        ("091304", [replace(signature(data), user_id="NOBODY")]),
        ("091305", [signature(data, SECOND)]),
        ("091301", [signature(b"another order")]),
        ("091306", [signature(data), signature(data)]),
    ]
    for code, signatures in cases:
        desk = open_desk(USER, SECOND)
        desk.users[PARTNER, SECOND] = replace(desk.users[PARTNER, SECOND], state=UserState.LOCKED)
        assert _sent(desk, data, *signatures) == (code, "technical" if code == "091120" else "business")
        assert (desk.orders, [told for _, told in desk.told]) == ([], [code])


def test_a_signature_of_another_scheme_than_the_key_was_sent_for_is_refused_by_a_strict_bank():
    data, desk = b"an order", open_desk()
    assert _sent(desk, data, signature(data, scheme="A005"), strict=True) == ("091301", "business")
    run(client().upload(PAYMENTS, data, [signature(data, scheme="A005")]), server(desk))


# --- keys that come for the first time --------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [UserState.LOCKED, UserState.READY, UserState.INITIALISED])
def test_keys_of_a_user_in_the_wrong_state_are_not_taken(state: UserState):
    desk = open_desk()
    desk.users[PARTNER, USER] = replace(desk.users[PARTNER, USER], state=state)
    before = desk.users[PARTNER, USER]
    for exchange in (client().ini(before.certificates[KeyUse.SIGNATURE]), client().hia()):
        with pytest.raises(BankRefusal) as caught:
            run(exchange, server(desk))
        assert (caught.value.code, caught.value.level) == ("091002", "technical")
    assert desk.users[PARTNER, USER] == before


@pytest.mark.ebics(order_type="HSA", version=("H005", "H004"), side="bank")
@pytest.mark.parametrize("kind", ["ebicsUnsecuredRequest", "ebicsUnsignedRequest"])
def test_keys_sent_as_in_the_first_versions_are_an_order_type_this_bank_does_not_offer(kind: str):
    document = client().hia().request()
    assert document is not None
    sent = document.replace(b">HIA<", b">HSA<").replace(b"ebicsUnsecuredRequest", kind.encode())
    answer = read_answer(parse_xml(server(new_desk()).handle(sent)), spoken())
    assert (answer.technical, "INI and HIA" in answer.report) == ("091006", True)


def test_a_version_the_bank_does_not_speak_is_no_request_it_knows():
    document = client().hia().request()
    assert document is not None
    sent = document.replace(spoken().namespace.encode(), b"http://www.ebics.org/H003")
    assert read_answer(parse_xml(server(new_desk()).handle(sent)), H005).technical == "061002"


def _authority(name: str) -> x509.Certificate:
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(own).issuer_name(own).public_key(key(name).public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
        key(name), hashes.SHA256()
    )


def _issued(by: str, issuer: x509.Certificate, use: KeyUse) -> bytes:
    own = certificate_for(key(f"{USER}-a"), use, common_name=USER, not_before=NOW)
    builder = x509.CertificateBuilder(
        issuer.subject, own.subject, own.public_key(), 2, NOW, NOW + timedelta(days=1), list(own.extensions)
    )
    return certificate_der(builder.sign(key(by), hashes.SHA256()))


def test_a_bank_that_trusts_authorities_takes_their_certificates_only():
    trusted = _authority("authority")
    bank = Server(HOST, transport_keys("bank"), new_desk(), clock, authorities=[trusted])
    user = client(certificates=True)
    good = _issued("authority", trusted, KeyUse.SIGNATURE)
    # A certificate that only names the authority as its issuer was not made by it.
    for bad in (_issued("stranger", trusted, KeyUse.SIGNATURE), client_certificate()):
        with pytest.raises(BankRefusal, match="091214"):
            run(user.ini(bad), bank)
    if spoken().key_values:
        with pytest.raises(BankRefusal, match="091217"):
            run(client().hia(), bank)
    run(user.ini(good), bank)


def client_certificate() -> bytes:
    return certificate_der(certificate_for(key(f"{USER}-a"), KeyUse.SIGNATURE, common_name=USER, not_before=NOW))


@pytest.mark.parametrize(("days", "code"), [(-1, "091209"), (0, ""), (2, "091208")])
def test_a_strict_bank_takes_certificates_in_their_time_only(days: int, code: str):
    certificate = _issued("authority", _authority("authority"), KeyUse.SIGNATURE)
    for strict in (True, False):
        bank = server(new_desk(), strict=strict, at=lambda: NOW + timedelta(days=days))
        exchange = client(certificates=True).ini(certificate)
        if code and strict:
            with pytest.raises(BankRefusal, match=code):
                run(exchange, bank)
        else:
            run(exchange, bank)
