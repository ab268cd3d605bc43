"""painfree, an independent EBICS 3.0 client, against our bank engine: from its first key to a fetched statement."""

from __future__ import annotations

from typing import Any

import pytest

from electra_kernel.ebics.desk import UserState
from electra_kernel.ebics.gate import Limits
from electra_kernel.ebics.info import (
    BankParameters,
    OrderInfo,
    Permission,
    SubscriberInfo,
    UserInfo,
    write_hpd,
    write_htd,
)
from electra_kernel.ebics.keys import fingerprint
from electra_kernel.ebics.server import Server
from electra_kernel.ebics.signature import raw_digest
from electra_kernel.ebics.version import H005
from electra_kernel.vocabulary.dates import system_clock
from tests.ebics_house import (
    HOST,
    PARTNER,
    PAYMENTS,
    STATEMENTS,
    USER,
    DictDesk,
    bank_keys,
    new_desk,
    noise,
    schema_errors,
    server,
    transport_keys,
)
from tests.shared import SHARED

painfree: Any = pytest.importorskip(
    "painfree.ebics3", reason="painfree, the independent EBICS client, is not installed"
)

CONTEXT = painfree.RequestContext(HOST, PARTNER, USER, painfree.Product("painfree", "en"))


def _own_keys() -> tuple[Any, Any, Any]:
    subject = painfree.subject_name("anna", "Minta Kft", "HU")
    a, x, e = (painfree.EbicsKey.generate(version, subject=subject) for version in ("A006", "X002", "E002"))
    return a, x, e


class _User:
    """painfree's keys and our bank, with the POST between them."""

    def __init__(self, bank: Server) -> None:
        self.bank = bank
        self.a, self.x, self.e = _own_keys()
        self.seen: list[bytes] = []

    def post(self, document: Any) -> bytes:
        request = painfree.serialize_request(document)
        answer = self.bank.handle(request)
        self.seen.append(answer)
        return answer

    def enrol(self, desk: DictDesk) -> None:
        initialisation = painfree.Initialisation(CONTEXT, self.a, self.x, self.e)
        while (document := initialisation.next_request()) is not None:
            if initialisation.next_step is painfree.Step.HPB:
                assert desk.users[PARTNER, USER].state is UserState.INITIALISED
                desk.activate()
            initialisation.feed(self.post(document))
        self.keys = {"bank_authentication_key": initialisation.bank_keys.authentication}
        self.keys["bank_encryption_key"] = initialisation.bank_keys.encryption
        prints = bank_keys().fingerprints()
        initialisation.confirm_bank_keys(authentication=prints[0], encryption=prints[1])
        assert initialisation.state is painfree.KeyState.READY

    def upload(self, service: Any, data: bytes, segment_size: int, **options: Any) -> Any:
        secured = painfree.secure_order_data(
            data,
            signature_key=self.a,
            bank_encryption_key=self.keys["bank_encryption_key"],
            partner_id=PARTNER,
            user_id=USER,
        )
        transaction = painfree.UploadTransaction.prepare(
            data, secured, CONTEXT, authentication_key=self.x, segment_size=segment_size
        )
        transaction.bank_authentication_key = self.keys["bank_authentication_key"]
        transaction.feed(self.post(transaction.initialisation_request(service, **self.keys, **options)))
        while (document := transaction.next_request()) is not None:
            transaction.feed(self.post(document))
        assert transaction.phase is painfree.Phase.DONE
        return transaction

    def download(self, wanted: Any) -> bytes:
        transaction = painfree.DownloadTransaction(CONTEXT, self.x, encryption_key=self.e)
        transaction.bank_authentication_key = self.keys["bank_authentication_key"]
        start = (
            transaction.admin_initialisation_request if isinstance(wanted, str) else transaction.initialisation_request
        )
        transaction.feed(self.post(start(wanted, **self.keys)))
        while (document := transaction.next_request()) is not None:
            transaction.feed(self.post(document))
        data = transaction.order_data
        assert isinstance(data, bytes)
        return data


@pytest.fixture(scope="module")
def enrolled() -> tuple[DictDesk, _User]:
    desk = new_desk()
    # This client signs the hash of the bytes as they are, line ends included: a strict bank refuses that.
    user = _User(server(desk, at=system_clock, limits=Limits(segment_sent=2000)))
    user.enrol(desk)
    return desk, user


@pytest.mark.ebics(order_type=("INI", "HIA", "HPB"), version="H005", side="bank")
def test_painfree_enrols_and_its_letter_shows_the_certificates_the_bank_keeps(enrolled: tuple[DictDesk, _User]):
    desk, user = enrolled
    kept = desk.users[PARTNER, USER].certificates
    letter = painfree.build_ini_letter(CONTEXT, user.a, user.x, user.e)
    shown = {entry.fingerprint_formatted.upper() for entry in letter.keys}
    assert shown == {fingerprint(der) for der in kept.values()}


@pytest.mark.parametrize("segment_size", [400, 1_048_576])
@pytest.mark.ebics(order_type="BTU", version="H005", side="bank")
def test_painfree_uploads_an_order_in_one_and_in_many_segments(enrolled: tuple[DictDesk, _User], segment_size: int):
    desk, user = enrolled
    data = b"<pain.001>\r\n" + noise(3000) + str(segment_size).encode()
    service = painfree.Service(name="SCT", msg_name="pain.001", scope="HU")
    transaction = user.upload(service, data, segment_size, request_eds=True, file_name="wages.xml")
    order = desk.orders[-1]
    assert (order.data, order.service, order.signers) == (data, PAYMENTS, ((PARTNER, USER),))
    assert order.digest == raw_digest(data)
    assert order.file_name == "wages.xml"
    assert transaction.order_id == f"U{len(desk.orders):03d}"
    assert (transaction.num_segments > 5) is (segment_size == 400)


def test_painfree_learns_that_an_order_is_already_there(enrolled: tuple[DictDesk, _User]):
    _, user = enrolled
    service = painfree.Service(name="SCT", msg_name="pain.001", scope="HU")
    user.upload(service, b"sent once", 400)
    with pytest.raises(painfree.BankRefusedError) as caught:
        user.upload(service, b"sent once", 400)
    assert "091122" in str(caught.value)


@pytest.mark.parametrize("size", [100, 20_000])
@pytest.mark.ebics(order_type="BTD", version="H005", side="bank")
def test_painfree_fetches_statements_in_one_and_in_many_segments(enrolled: tuple[DictDesk, _User], size: int):
    desk, user = enrolled
    desk.mail["EOP"] = data = noise(size)
    service = painfree.Service(name="EOP", msg_name="camt.053", scope="HU", container="ZIP", msg_version="08")
    before = len(user.seen)
    assert user.download(service) == data
    assert (len(user.seen) - before > 3) is (size > 2000)
    assert desk.asked[-1].service == STATEMENTS
    assert desk.receipts[-1] == ("EOP", True)
    assert "EOP" not in desk.mail


@pytest.mark.ebics(order_type=("HTD", "HPD"), version="H005", side="bank")
def test_painfree_reads_what_the_bank_tells_about_itself(enrolled: tuple[DictDesk, _User]):
    desk, user = enrolled
    info = SubscriberInfo(
        host_id=HOST,
        name="Minta Kft",
        orders=(OrderInfo(admin_type="BTU", description="Payments", service=PAYMENTS, signatures=1),),
        user=UserInfo(user_id=USER, permissions=(Permission(admin_type="BTU", service=PAYMENTS, level="E"),)),
    )
    desk.mail["HTD"] = write_htd(info, H005)
    desk.mail["HPD"] = write_hpd(BankParameters(urls=("https://localhost",), institute="Electra Bank"), H005)
    told = painfree.parse_htd_order_data(user.download("HTD"))
    assert told.offers(painfree.Service(name="SCT", msg_name="pain.001", scope="HU"))
    assert painfree.parse_hpd_order_data(user.download("HPD")) is not None


def test_every_answer_painfree_got_validates(enrolled: tuple[DictDesk, _User]):
    if not SHARED.is_dir():
        pytest.skip("the schemas folder `shared` is not beside the project")
    _, user = enrolled
    assert user.seen
    assert [errors for answer in user.seen if (errors := schema_errors(answer))] == []


def test_painfree_refuses_answers_signed_by_another_bank(enrolled: tuple[DictDesk, _User]):
    desk, user = enrolled
    impostor = Server(HOST, transport_keys("impostor"), desk, system_clock)
    transaction = painfree.DownloadTransaction(CONTEXT, user.x, encryption_key=user.e)
    transaction.bank_authentication_key = user.keys["bank_authentication_key"]
    request = painfree.serialize_request(transaction.admin_initialisation_request("HTD", **user.keys))
    with pytest.raises(painfree.TransactionError):
        transaction.feed(impostor.handle(request))
