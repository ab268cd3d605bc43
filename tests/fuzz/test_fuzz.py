"""A short campaign on both sides, and a test for every defect that the long one (`make fuzz`) found."""

from __future__ import annotations

import logging
import re
from contextlib import closing
from itertools import count
from random import Random

import pytest
from lxml import etree

from electra_kernel.ebics import authsignature
from electra_kernel.ebics.errors import BankSignatureInvalid
from electra_kernel.ebics.tree import serialise
from electra_kernel.ebics.version import VERSIONS, EbicsVersion
from electra_kernel.vocabulary.xml import parse_xml
from tests import ebics_house as house
from tests.fuzz.campaign import MEMORY, Campaign, Defect
from tests.fuzz.houses import TALKS, dictionaries
from tests.fuzz.watch import allowed_calls, calls_of, peak_memory

DOCUMENTS = 3_000


@pytest.mark.parametrize("version", VERSIONS.values(), ids=lambda version: version.protocol)
def test_every_order_type_is_talked_about(version: EbicsVersion):
    business = {"BTU", "BTD"} if version.services else {"CTV", "CIV", "C53", "VPZ", "WSS"}
    information = {"HTD", "HKD", "HPD", "HAA", "HAC", "PTK", "HVU", "HVZ", "HVD", "HVT", "HVE", "HVS"}
    missing = business | information | {"INI", "HIA", "H3K", "HPB", "PUB", "HCA", "HCS", "SPR"}
    chance, rounds = Random(1), count()
    with closing(dictionaries()) as home:
        while missing and next(rounds) < 100:
            for talk in dict.fromkeys(TALKS):
                for exchange, _ in talk(home, version, chance):
                    document = exchange.request()
                    assert document is not None
                    missing -= {found.decode() for found in re.findall(rb"OrderType>(\w+)<", document)}
    assert missing == set()


def test_damaged_documents_break_neither_side_and_become_no_order(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.CRITICAL)
    before = peak_memory()
    outcome = Campaign(7, DOCUMENTS).run()
    assert outcome.documents >= DOCUMENTS
    assert outcome.defects == []
    assert peak_memory() - before < MEMORY // 2
    # The copies came far: past the signature, into the envelope, to the order's own signature.
    assert {"061001", "061002", "090004", "091301", "000000"} <= set(outcome.codes)


def test_a_campaign_notices_an_order_that_nobody_signed(monkeypatch: pytest.MonkeyPatch):
    from electra_kernel.ebics import signers

    monkeypatch.setattr(signers, "verify_order_signature", lambda *_: None)
    outcome = Campaign(7, 1_500).run()
    assert "an order was taken that nobody signed" in {defect.what for defect in outcome.defects}


def test_a_campaign_notices_an_internal_error(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    from electra_kernel.ebics import gate

    caplog.set_level(logging.CRITICAL + 1)
    monkeypatch.setattr(gate.Gate, "check_bank_keys", lambda *_: 1 // 0)
    outcome = Campaign(7, 300).run()
    assert any("061099" in defect.what for defect in outcome.defects)
    assert isinstance(outcome.defects[0], Defect)


@pytest.mark.parametrize("body", [b"<a/>", b'<a authenticate="true"/>', b"<!--x-->", b"<a>x</a>\n"])
def test_a_document_of_many_elements_costs_no_more_than_its_size(body: bytes):
    document = house.client().download(admin_type="HTD").request()
    assert document is not None
    large = document.replace(b"<body/>", b"<body>" + body * (1_000_000 // len(body)) + b"</body>")
    bank = house.server(house.open_desk())
    assert calls_of(lambda: bank.handle(large)) <= allowed_calls(len(large))


def _relative(document: bytes) -> bytes:
    """A namespace name that is no absolute URI: Canonical XML has no form for it."""
    return document.replace(b"<static", b'<static xmlns:x="relative"', 1)


def test_a_request_without_a_canonical_form_is_refused_as_not_authentic():
    document = house.client().download(admin_type="HTD").request()
    assert document is not None
    answer = house.server(house.open_desk()).handle(_relative(document))
    assert etree.fromstring(answer).findtext(".//{*}ReturnCode") == "061001"


def test_an_answer_without_a_canonical_form_is_not_believed():
    exchange = house.client().download(admin_type="HTD")
    document = exchange.request()
    assert document is not None
    answer = house.server(house.open_desk()).handle(document)
    with pytest.raises(BankSignatureInvalid):
        exchange.answer(_relative(answer))


def test_signing_what_has_no_canonical_form_is_a_clear_error():
    root = parse_xml(b'<a xmlns="urn:a" xmlns:x="relative"><header authenticate="true"/><body/></a>')
    with pytest.raises(ValueError, match="no canonical form"):
        authsignature.sign(root, house.key("any"))
    assert serialise(root)
