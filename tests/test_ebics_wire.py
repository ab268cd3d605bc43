"""Whole sessions over the real line, every document kept: each must validate and each signature must satisfy a stranger."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import date

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.client import Client, Exchange, Subscriber
from electra_kernel.ebics.errors import BankRefusal, OrderAlreadyThere
from electra_kernel.ebics.hac import read_hac
from electra_kernel.ebics.keys import public_key_of
from electra_kernel.ebics.signature import OrderSignature
from electra_kernel.formats import camt053, pain001, pain002
from electra_kernel.vocabulary.dates import system_clock
from tests import ebics_house
from tests.bank_house import CLOSED, order, payment, unzip
from tests.bank_process import BankProcess, running
from tests.ebics_house import schema, schema_errors
from tests.judges import Judge
from tests.shared import needs_shared

PAYMENTS = Service("SCT", "pain.001", "HU")
REPORTS, STATEMENTS = (
    Service("PSR", "pain.002", "HU", container="ZIP"),
    Service("EOP", "camt.053", "HU", container="ZIP"),
)


class _Line:
    """A client's line to a bank process that keeps what went over it and what was inside."""

    def __init__(self, bank: BankProcess, user: str) -> None:
        self.bank, self.user = bank, user
        self.requests: list[bytes] = []
        self.answers: list[bytes] = []
        self.contents: dict[str, bytes] = {}
        self.refusals: list[str] = []
        self.client = self._client()

    def _client(self, keys=None) -> Client:
        subscriber = Subscriber(self.bank.said["host"], self.bank.said["partner"], self.user)
        return Client(subscriber, ebics_house.transport_keys(self.user), keys, system_clock, segment_size=1_000)

    def run(self, exchange: Exchange) -> Exchange:
        while (document := exchange.request()) is not None:
            self.requests.append(document)
            self.answers.append(self.bank.post(document))
            exchange.answer(self.answers[-1])
        return exchange

    def enrol(self) -> None:
        self.run(self.client.hev())
        self.run(self.client.ini(ebics_house.certificate(f"{self.user}-a", ebics_house.KeyUse.SIGNATURE)))
        self.run(self.client.hia())
        self.client = self._client(self.run(self.client.hpb()).result)

    def send(self, data: bytes, service: Service = PAYMENTS, *, signed_instead: bytes = b"") -> Exchange:
        signed = ebics_house.signature(signed_instead or data, self.user)
        signature = OrderSignature(signed.version, signed.value, self.bank.said["partner"], self.user)
        return self.run(self.client.upload(service, data, [signature], file_name="wages & more.xml"))

    def fetch(self, name: str, *, positive: bool = True, **what) -> bytes:
        download = self.run(self.client.download(**what))
        if download.data is not None:
            download.acknowledge(positive)
            self.run(download)
        self.contents[name] = download.data or b""
        return self.contents[name]

    def refused(self, act) -> None:
        with pytest.raises(BankRefusal) as caught:
            act()
        self.refusals.append(caught.value.code)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A session with everything in it: keys, information, orders good and bad, files fetched, kept and refused."""
    with running(tmp_path_factory.mktemp("wire") / "bank", "--admit") as bank:
        line = _Line(bank, "WANDA")
        line.enrol()
        for name in ("HTD", "HPD", "HAA"):
            line.fetch(name, admin_type=name)
        day = date.fromisoformat(bank.said["date"])
        good = pain001.write(order(*(payment("7") for _ in range(200)), payment("9", CLOSED), day=day))
        line.upload = line.send(good)
        with pytest.raises(OrderAlreadyThere):
            line.send(good)
        line.refused(lambda: line.send(b"no payment file"))
        line.refused(lambda: line.send(b"an order", signed_instead=b"another order"))
        line.refused(lambda: line.send(good, Service("XXX", "pain.001")))
        line.refused(lambda: line.fetch("XYZ", admin_type="XYZ"))
        line.refused(
            lambda: line.run(line.client.ini(ebics_house.certificate("other-a", ebics_house.KeyUse.SIGNATURE)))
        )
        line.fetch("kept", service=REPORTS, positive=False)
        line.fetch("PSR", service=REPORTS)
        line.fetch("EOP", service=STATEMENTS, start=date(2000, 1, 1), end=day)
        line.fetch("HAC", admin_type="HAC")
        line.fetch("nothing", service=REPORTS)
        yield line


@pytest.mark.ebics(
    order_type=("HEV", "INI", "HIA", "HPB", "BTU", "BTD", "HTD", "HPD", "HAA", "HAC"),
    version="H005",
    side=("bank", "client"),
)
def test_a_whole_session_does_what_it_says(line):
    assert line.upload.segments > 2
    assert line.refusals == ["090004", "091301", "091005", "091006", "091002"]
    assert line.contents["kept"] == line.contents["PSR"]
    assert line.contents["nothing"] == b""
    reports = [report for data in unzip(line.contents["PSR"]) for report in pain002.read(data, "r").reports]
    assert {report.group_status for report in reports} >= {"ACCP", "PART"}
    statements = [one for data in unzip(line.contents["EOP"]) for one in camt053.read(data, "s").statements]
    assert len(statements) > 100


@needs_shared
def test_every_document_of_a_whole_session_validates(line):
    assert len(line.requests) == len(line.answers) > 25
    wrong = [errors for document in (*line.requests, *line.answers) if (errors := schema_errors(document))]
    assert wrong == []


@needs_shared
def test_everything_inside_the_answers_of_a_session_validates(line):
    for name in ("HTD", "HPD", "HAA", "HAC"):
        assert schema_errors(line.contents[name]) == [], name
    for name, path in (("PSR", "iso20022/pain.002.001.10.xsd"), ("EOP", "iso20022/camt.053.001.08.xsd")):
        files = unzip(line.contents[name])
        assert files
        for data in files[-5:]:
            schema(path).assertValid(etree.fromstring(data))


@pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1, an independent judge, is not installed")
def test_xmlsec1_verifies_every_signature_of_a_whole_session(line, tmp_path):
    own = ebics_house.transport_keys(line.user).authentication_key.public_key()
    for name, key, documents in (
        ("user", own, line.requests),
        ("bank", public_key_of(line.client.bank.authentication), line.answers),
    ):
        pem = tmp_path / f"{name}.pem"
        pem.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        signed = [document for document in documents if b"AuthSignature>" in document]
        # HEV, INI (twice) and HIA carry none; nor does the bank's answer to HPB.
        assert len(documents) - len(signed) == {"user": 4, "bank": 5}[name]
        for number, document in enumerate(signed):
            copy = tmp_path / f"{name}-{number}.xml"
            copy.write_bytes(re.sub(rb"(</?)AuthSignature>", rb"\1ds:Signature>", document))
            command = ["xmlsec1", "--verify", "--pubkey-pem", str(pem), str(copy)]
            judged = subprocess.run(command, capture_output=True, check=False)
            assert judged.returncode == 0, judged.stderr.decode()


@pytest.mark.ebics(order_type="HAC", version="H005", side=("bank", "client"))
def test_the_protocol_tells_everything_that_happened_in_a_session(line):
    events = read_hac(line.contents["HAC"])
    told = [(event.admin_type, event.action, event.reason) for event in events]
    for kind in ("INI", "HIA"):
        assert [row[1:] for row in told if row[0] == kind] == [("FILE_UPLOAD", "TS01"), ("ORDER_HAC_FINAL_POS", "")]
    mine = [event.action for event in events if event.order_id == line.upload.result]
    assert mine[0] == "FILE_UPLOAD"
    assert mine[-1] == "ORDER_HAC_FINAL_POS"
    assert ("BTU", "ORDER_HAC_FINAL_NEG", "TD03") in told
    unsigned = [row[1:] for row in told if row[2] == "DS0B"]
    assert unsigned == [("ES_VERIFICATION", "DS0B"), ("ORDER_HAC_FINAL_NEG", "DS0B")]
    assert [event.digest for event in events if event.reason == "DS0B"] == [None, None]
    fetched = [event.service.message for event in events if event.action == "FILE_DOWNLOAD" and event.service]
    assert fetched == ["pain.002", "camt.053"]


@needs_shared
def test_whatever_any_test_sends_is_judged_and_what_is_wrong_is_noticed(judge, tmp_path):
    bank, exchange = ebics_house.server(ebics_house.open_desk()), ebics_house.upload(b"order")
    before = sum(judge.shown.values())
    ebics_house.run(exchange, bank)
    assert sum(judge.shown.values()) - before >= 4
    assert judge.wrong == []
    document = ebics_house.upload(b"order").request()
    assert document is not None
    own = ebics_house.transport_keys(ebics_house.USER).authentication_key.public_key()
    for damaged, word in (
        (document.replace(b"<SecurityMedium>0000</SecurityMedium>", b""), "NumSegments"),
        (document.replace(b"<FileName>", b"<FileName> ").replace(b">ANNA<", b">BELA<"), "FAIL"),
    ):
        stranger = Judge(tmp_path)
        stranger.sent("client", damaged, own)
        if word == "NumSegments" or stranger.verifies:
            assert word in str(stranger.wrong)
    stranger = Judge(tmp_path)
    stranger.sent("client", document, own)
    assert stranger.wrong == []
