"""Keys, envelopes, segments and signatures of the EBICS room, each against its specification or an independent judge."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import tracemalloc
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256, shake_256
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import KeyUsage, load_der_x509_certificate
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from electra_kernel.ebics import authsignature, envelope
from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.errors import LocalProtocolError, OrderSignatureInvalid, RemoteProtocolError
from electra_kernel.ebics.keys import UnusableCertificate, fingerprint, number_digest, read_certificate
from electra_kernel.ebics.segments import Counter, Outgoing, cut
from electra_kernel.ebics.signature import (
    OrderSignature,
    order_digest,
    raw_digest,
    read_signatures,
    verify_order_signature,
    write_signatures,
)
from electra_kernel.ebics.version import H005, VERSIONS, EbicsVersion
from tests.ebics_house import (
    USER,
    bank_keys,
    certificate,
    client,
    key,
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
from tests.shared import SHARED, needs_shared


@pytest.fixture(params=list(VERSIONS.values()), ids=lambda version: version.protocol)
def version(request: pytest.FixtureRequest) -> Iterator[EbicsVersion]:
    """The test runs in every version."""
    yield speak(request.param)
    speak(H005)


@needs_shared
def test_fingerprints_are_those_printed_on_the_letters_of_the_specification():
    vectors = json.loads((SHARED / "vectors" / "ebics30_spec_letter_certificates.json").read_text())["vectors"]
    assert len(vectors) == 3
    for vector in vectors:
        assert fingerprint(b64decode(vector["certificate_der_base64"])) == vector["expected_sha256"]


@needs_shared
def test_our_certificates_have_the_one_key_usage_bit_of_the_specifications_samples():
    vectors = json.loads((SHARED / "vectors" / "ebics30_spec_letter_certificates.json").read_text())["vectors"]
    uses = {"A006": KeyUse.SIGNATURE, "X002": KeyUse.AUTHENTICATION, "E002": KeyUse.ENCRYPTION}
    for vector in vectors:
        theirs = load_der_x509_certificate(b64decode(vector["certificate_der_base64"]))
        ours = load_der_x509_certificate(certificate("usage", uses[vector["version"]]))
        assert ours.extensions.get_extension_for_class(KeyUsage) == theirs.extensions.get_extension_for_class(KeyUsage)


def test_a_certificate_made_twice_is_the_same_to_the_byte():
    certificate.cache_clear()
    first = certificate("again", KeyUse.SIGNATURE)
    certificate.cache_clear()
    assert certificate("again", KeyUse.SIGNATURE) == first


def test_what_is_no_certificate_is_refused_with_words():
    with pytest.raises(UnusableCertificate) as caught:
        read_certificate(b"no certificate")
    assert caught.value.repair


def test_the_number_digest_hashes_exponent_and_modulus_in_lower_case_hexadecimal():
    numbers = key("numbers").public_key().public_numbers()
    assert number_digest(key("numbers").public_key()) == sha256(f"10001 {numbers.n:x}".encode()).digest()


@given(st.binary(max_size=2000))
@settings(max_examples=60, deadline=None)
def test_what_is_sealed_comes_out_again(data: bytes):
    transaction_key = envelope.new_key()
    assert envelope.unseal(envelope.seal(data, transaction_key), transaction_key) == data


@given(st.binary(min_size=1, max_size=200), st.data())
@settings(max_examples=80, deadline=None)
def test_a_damaged_envelope_never_gives_other_data(data: bytes, draw: st.DataObject):
    transaction_key = envelope.new_key()
    sealed = envelope.seal(data, transaction_key)
    cut = draw.draw(st.integers(0, len(sealed) - 1))
    damaged = (
        sealed[:cut]
        if draw.draw(st.booleans())
        else sealed[:cut] + ("A" if sealed[cut] != "A" else "B") + sealed[cut + 1 :]
    )
    with contextlib.suppress(envelope.EnvelopeDamaged, envelope.TooLarge):
        assert envelope.unseal(damaged, transaction_key) == data


@pytest.mark.parametrize("padding_bytes", [b"\x05" * 5, b"\x00\x00\x00\x00\x05", b"\x9a\x12\x77\xff\x05"])
def test_every_padding_seen_on_the_wire_is_stripped(padding_bytes: bytes):
    encryptor = Cipher(AES(b"k" * 16), CBC(bytes(16))).encryptor()
    encrypted = encryptor.update(b"hello world" + padding_bytes) + encryptor.finalize()
    assert envelope.decrypt(encrypted, b"k" * 16) == b"hello world"


@given(st.integers(1, 9), st.integers(0, 3))
@settings(max_examples=12, deadline=None)
def test_large_data_are_the_same_wherever_their_text_is_cut(seed: int, spaces: int):
    data, key = shake_256(bytes([seed])).digest(1_600_000 + seed), envelope.new_key()
    sealed = envelope.seal(data, key)
    assert envelope.unseal(sealed, key) == data
    cuts = [sealed[place : place + 100_000 * seed + 1] for place in range(0, len(sealed), 100_000 * seed + 1)]
    assert envelope.unseal([cut + "\n" * spaces for cut in cuts], key) == data
    with pytest.raises(envelope.EnvelopeDamaged):
        envelope.unseal([*cuts, "AAAA"], key)


def test_base64_that_ends_in_the_middle_is_refused():
    key = envelope.new_key()
    sealed = envelope.seal(b"x" * 40, key)
    for parts in (["QQ==", sealed], [sealed, "Q"], [sealed[:-1]], ["===="], [""], []):
        with pytest.raises(envelope.EnvelopeDamaged):
            envelope.unseal(parts, key)


def test_what_follows_the_compressed_data_costs_nothing_more():
    key = envelope.new_key()
    content = b64encode(envelope.encrypt(zlib.compress(b"data") + bytes(8 * 2**20), key)).decode()
    tracemalloc.start()
    try:
        assert envelope.unseal(content, key) == b"data"
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


def test_a_zip_bomb_is_refused_before_it_unfolds():
    bomb = zlib.compress(bytes(50 * 2**20), 9)
    with pytest.raises(envelope.TooLarge):
        envelope.inflate(bomb, 2**20)


def test_data_of_exactly_the_limit_are_taken():
    assert len(envelope.inflate(zlib.compress(bytes(1000)), 1000)) == 1000


def test_cut_compressed_data_are_refused():
    whole = zlib.compress(b"statement" * 100)
    with pytest.raises(envelope.EnvelopeDamaged):
        envelope.inflate(whole[:-3])


def test_a_transaction_key_for_somebody_else_opens_nothing():
    # About three of a thousand wrong keys come out with the right length, so enough are tried to meet some of them.
    refused = 0
    for _ in range(600):
        transaction_key = envelope.new_key()
        wrapped = envelope.wrap_key(transaction_key, key("theirs").public_key())
        content = envelope.seal(b"statement", transaction_key)
        with pytest.raises(envelope.EnvelopeDamaged) as refusal:
            envelope.unseal(content, envelope.unwrap_key(wrapped, key("ours")))
        refused += "encryption key" in refusal.value.cause
    assert refused > 500


@given(st.lists(st.binary(max_size=60), max_size=8), st.integers(1, 20).map(lambda n: 4 * n))
def test_segments_put_together_are_the_whole_whoever_cuts_them(pieces: list[bytes], size: int):
    parts, kept = list(cut(pieces, size)), Outgoing(BytesIO(), size)
    kept.fill(pieces)
    assert b64decode("".join(parts)) == b"".join(pieces)
    assert [kept[number] for number in range(1, len(kept) + 1)] == parts
    assert all(len(part) == size for part in parts[:-1])
    assert len(parts[-1]) <= size


def test_a_segment_size_that_would_tear_base64_groups_is_our_own_mistake():
    for size in (5, 0, -4):
        with pytest.raises(LocalProtocolError):
            Outgoing(BytesIO(), size)


def test_sealing_and_opening_in_pieces_hold_no_more_than_a_piece_beside_the_data():
    data, key = shake_256(b"long").digest(24 * 2**20), envelope.new_key()
    tracemalloc.start()
    try:
        opener, count = envelope.Opener(key), 0
        for part in cut(envelope.sealed(data, key)):
            opener.add(part)
            count += 1
        # The buffer of what was opened grows by an eighth at a time; the rest is a segment and what it is made from.
        assert tracemalloc.get_traced_memory()[1] < len(data) * 9 // 8 + 8 * 2**20
        assert opener.finish() == data
    finally:
        tracemalloc.stop()
    assert count == 34


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_a_counter_takes_segments_only_in_order_and_once(numbers: list[int]):
    counter = Counter(limit=5)
    for number in numbers:
        before = counter.received
        try:
            counter.add(number, "AAAA", last=False)
            assert number == before + 1 <= 5
        except RemoteProtocolError:
            assert counter.received == before
            assert number != before + 1 or number > 5


def test_the_order_hash_leaves_out_line_ends_and_ctrl_z_only():
    assert order_digest(b"a\r\nb\x1ac \t") == sha256(b"abc \t").digest()
    assert raw_digest(b"a\r\n") == sha256(b"a\r\n").digest()


@pytest.mark.parametrize("scheme", ["A005", "A006"])
def test_a_signature_holds_for_its_order_only(scheme: str):
    der, made = certificate(f"{USER}-a", KeyUse.SIGNATURE), signature(b"order", scheme=scheme)
    verify_order_signature(der, order_digest(b"order"), made.value, scheme)
    with pytest.raises(OrderSignatureInvalid):
        verify_order_signature(der, order_digest(b"another"), made.value, scheme)
    with pytest.raises(OrderSignatureInvalid):
        verify_order_signature(der, order_digest(b"order"), made.value, "A005" if scheme == "A006" else "A006")
    with pytest.raises(OrderSignatureInvalid):
        verify_order_signature(der, order_digest(b"order"), made.value, "A004")


@needs_shared
@pytest.mark.usefixtures("version")
def test_signatures_survive_their_document_and_the_schema_takes_it():
    made = (signature(b"order"), OrderSignature("A005", b"\x01\x02", "P2", "U2"))
    document = write_signatures(made, spoken())
    assert schema_errors(document) == []
    assert read_signatures(document, spoken()) == made


def test_an_incomplete_signature_document_is_refused():
    with pytest.raises(ValueError, match="not UserSignatureData"):
        read_signatures(b"<x/>", spoken())
    with pytest.raises(ValueError, match="lacks its version, value or user"):
        read_signatures(write_signatures([OrderSignature("A006", b"", "P", "U")], spoken()), spoken())


def _signed_documents() -> list[tuple[str, bytes]]:
    seen: list[bytes] = []
    desk = open_desk()
    desk.mail["HTD"] = b"x" * 1000
    download = client().download(admin_type="HTD")
    run(download, server(desk), seen)
    download.acknowledge(True)
    run(download, server(desk), seen)
    run(upload(b"payment order"), server(desk), seen)
    return [(("user", "bank")[position % 2], document) for position, document in enumerate(seen)]


def _xmlsec1(document: bytes, public_key: Path, folder: Path) -> bool:
    copy = folder / "document.xml"
    copy.write_bytes(re.sub(rb"(</?)(e:)?AuthSignature>", rb"\1ds:Signature>", document))
    command = ["xmlsec1", "--verify", "--pubkey-pem", str(public_key), str(copy)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


needs_xmlsec1 = pytest.mark.skipif(
    shutil.which("xmlsec1") is None, reason="xmlsec1, the independent judge of XML signatures, is not installed"
)


@needs_xmlsec1
@pytest.mark.usefixtures("version")
def test_xmlsec1_verifies_the_signatures_of_both_sides_and_refuses_a_changed_document(tmp_path: Path):
    pem = {}
    for side, name in (("user", USER), ("bank", "bank")):
        pem[side] = tmp_path / f"{side}.pem"
        public = transport_keys(name).authentication_key.public_key()
        pem[side].write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    documents = _signed_documents()
    assert len(documents) >= 8
    for side, document in documents:
        assert _xmlsec1(document, pem[side], tmp_path)
        assert _xmlsec1(_prefixed(document, USER if side == "user" else "bank"), pem[side], tmp_path)
        changed = document.replace(b"<TransactionPhase>", b"<TransactionPhase> ")
        assert changed != document
        assert not _xmlsec1(changed, pem[side], tmp_path)


def _prefixed(document: bytes, signer: str) -> bytes:
    # The same document as a client writes it that gives every element a prefix and indents, signed anew.
    sheet = b"""<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:e="urn:org:ebics:%s">
        <xsl:template match="e:*"><xsl:element name="e:{local-name()}"><xsl:copy-of select="@*"/><xsl:text>
        </xsl:text><xsl:apply-templates/></xsl:element></xsl:template>
        <xsl:template match="e:AuthSignature"/></xsl:stylesheet>""" % spoken().protocol.encode()
    plain = etree.tostring(etree.XSLT(etree.XML(sheet))(etree.fromstring(document)))
    declared = b'xmlns:e="urn:org:ebics:%s"' % spoken().protocol.encode()
    # xml:lang on the root is inherited by the signed parts (Canonical XML 1.0, 2.4).
    more = b' xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:unused="urn:unused" xml:lang="hu"'
    root = etree.fromstring(plain.replace(declared, declared + more, 1))
    authsignature.sign(root, transport_keys(signer).authentication_key)
    return etree.tostring(root)


@pytest.mark.usefixtures("version")
def test_signatures_hold_for_prefixed_and_indented_documents_too():
    for side, document in _signed_documents():
        name = USER if side == "user" else "bank"
        root = etree.fromstring(_prefixed(document, name))
        assert root.prefix == "e"
        authsignature.verify(root, transport_keys(name).authentication_key.public_key())


def test_another_key_does_not_verify():
    document = _signed_documents()[0][1]
    with pytest.raises(authsignature.AuthSignatureInvalid, match="another key"):
        authsignature.verify(etree.fromstring(document), key("stranger").public_key())


def _forgeries(document: bytes) -> list[tuple[str, etree._Element]]:
    header, signature_node, body = (spoken().tag(name) for name in ("header", "AuthSignature", "body"))
    forged: list[tuple[str, etree._Element]] = []

    def fresh() -> etree._Element:
        return etree.fromstring(document)

    def copy_of(node: etree._Element) -> etree._Element:
        return etree.fromstring(etree.tostring(node))

    root = fresh()
    original = copy_of(root.find(header))
    etree.SubElement(root.find(body), "{urn:x}wrapper").append(original)
    del root.find(header).attrib["authenticate"]
    root.find(header).find(f".//{spoken().tag('UserID')}").text = "MALLORY"
    forged.append(("the signed header moved into the body", root))
    root = fresh()
    extra = copy_of(root.find(header))
    del extra.attrib["authenticate"]
    root.insert(0, extra)
    forged.append(("a second header before the signed one", root))
    root = fresh()
    root.append(copy_of(root.find(signature_node)))
    forged.append(("a second signature", root))
    root = fresh()
    etree.SubElement(root.find(body), spoken().tag("TransferReceipt"))
    forged.append(("an unsigned receipt in the body", root))
    root = fresh()
    root.insert(2, copy_of(root.find(body)))
    forged.append(("two bodies", root))
    root = fresh()
    root.find(header).find(f".//{spoken().tag('UserID')}").text = "MALLORY"
    forged.append(("a changed user", root))
    for path, value in (
        ("Reference/Transforms/Transform", "http://www.w3.org/2000/09/xmldsig#enveloped-signature"),
        ("SignatureMethod", "http://www.w3.org/2000/09/xmldsig#hmac-sha1"),
        ("Reference/DigestMethod", "http://www.w3.org/2000/09/xmldsig#sha1"),
        ("CanonicalizationMethod", "http://www.w3.org/2001/10/xml-exc-c14n#"),
    ):
        root = fresh()
        full = "/".join("{http://www.w3.org/2000/09/xmldsig#}" + part for part in path.split("/"))
        root.find(f"{signature_node}/{{http://www.w3.org/2000/09/xmldsig#}}SignedInfo/{full}").set("Algorithm", value)
        forged.append((value, root))
    return forged


def test_signature_wrapping_and_weaker_algorithms_are_refused():
    document = _signed_documents()[0][1]
    public = transport_keys(USER).authentication_key.public_key()
    authsignature.verify(etree.fromstring(document), public)
    forged = _forgeries(document)
    assert len(forged) == 10
    for what, root in forged:
        received = etree.fromstring(etree.tostring(root))
        with pytest.raises(authsignature.AuthSignatureInvalid) as caught:
            authsignature.verify(received, public)
        assert str(caught.value), what


def test_the_banks_keys_have_fingerprints_for_the_letter():
    prints = bank_keys().fingerprints()
    assert all(len(each.split()) == 32 for each in prints)
    assert b64encode(sha256(bank_keys().encryption).digest()) == b64encode(bytes.fromhex(prints[1]))


@pytest.mark.parametrize("scheme", ["A005", "A006"])
def test_a_signature_written_without_its_leading_zeros_is_the_same_signature(scheme: str):
    # One in 256 signatures begins with a zero byte.
    tried = (b"order %d" % number for number in range(10_000))
    data, made = next((data, made) for data in tried if (made := signature(data, USER, scheme)).value[:1] == b"\x00")
    der = certificate(f"{USER}-a", KeyUse.SIGNATURE)
    verify_order_signature(der, order_digest(data), made.value.lstrip(b"\x00"), scheme)
    with pytest.raises(OrderSignatureInvalid):
        verify_order_signature(der, order_digest(data), made.value.lstrip(b"\x00")[:-1], scheme)
