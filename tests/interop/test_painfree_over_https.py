"""An independent EBICS 3.0 client, painfree's engine, against a sandbox bank process over https with the bank's CA."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from electra_kernel.bank.seed import MAIN_ACCOUNT
from electra_kernel.ebics.hac import read_hac
from electra_kernel.ebics.info import read_hkd
from electra_kernel.ebics.ptk import read_ptk
from electra_kernel.ebics.version import H005
from electra_kernel.formats import camt053, mt940, pain001, pain002
from electra_kernel.statements.proof import prove
from tests.bank_house import order, payment, unzip
from tests.bank_process import bank_command, running

painfree = pytest.importorskip("painfree.ebics3", reason="painfree is installed with the extra `test`")
requests = pytest.importorskip("painfree.ebics3.requests")
btf = pytest.importorskip("painfree.ebics3.btf")

USER = "PETRA"


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    with running(tmp_path_factory.mktemp("painfree") / "bank", "--admit") as process:
        yield process


def _post(bank, root):
    return bank.post(painfree.serialize_request(root))


def _context(bank, user):
    return painfree.RequestContext(bank.said["host"], bank.said["partner"], user, product=painfree.Product("painfree"))


def _keys(signature):
    name = painfree.subject_name("petra", "Duna Trading Kft.", "HU")
    return [painfree.EbicsKey.generate(version, subject=name) for version in (signature, "X002", "E002")]


def _initialise(bank, user, signature):
    context = _context(bank, user)
    own = _keys(signature)
    start = painfree.Initialisation(context, *own)
    while (request := start.next_request()) is not None:
        start.feed(_post(bank, request))
    return SimpleNamespace(context=context, keys=own, start=start, bank=start.bank_keys)


@pytest.fixture(scope="module")
def petra(bank):
    return _initialise(bank, USER, "A006")


def _bank_keys(petra):
    return {
        "bank_authentication_key": petra.bank.authentication,
        "bank_encryption_key": petra.bank.encryption,
    }


def _transaction(bank, petra, begin):
    transaction = painfree.DownloadTransaction(
        petra.context,
        authentication_key=petra.keys[1],
        encryption_key=petra.keys[2],
        bank_authentication_key=petra.bank.authentication,
    )
    last = transaction.feed(_post(bank, begin(transaction)))
    while (request := transaction.next_request()) is not None:
        last = transaction.feed(_post(bank, request))
    return transaction, last


def _download(bank, petra, service, **options):
    transaction, _ = _transaction(
        bank, petra, lambda opened: opened.initialisation_request(service, **_bank_keys(petra), **options)
    )
    return transaction.order_data if transaction.segments else b""


def _administrative(bank, petra, admin_type):
    transaction, last = _transaction(
        bank, petra, lambda opened: opened.admin_initialisation_request(admin_type, **_bank_keys(petra))
    )
    assert last.status.ends_transaction
    return transaction.order_data


def _upload(bank, petra, data, service, *, segment_size=painfree.SEGMENT_SIZE, **options):
    secured = painfree.secure_order_data(
        data,
        signature_key=petra.keys[0],
        bank_encryption_key=petra.bank.encryption,
        partner_id=petra.context.partner_id,
        user_id=petra.context.user_id,
    )
    upload = painfree.UploadTransaction.prepare(
        data, secured, petra.context, authentication_key=petra.keys[1], segment_size=segment_size
    )
    upload.bank_authentication_key = petra.bank.authentication
    upload.feed(_post(bank, upload.initialisation_request(service, **_bank_keys(petra), **options)))
    while (request := upload.next_request()) is not None:
        upload.feed(_post(bank, request))
    return upload


def _by_name(bank, petra, admin_type):
    def begin(_):
        # painfree builds HTD, HPD and HAA by name; the others are the same request with another order type.
        return requests._initialisation_request(
            petra.context,
            admin_type,
            authentication_key=petra.keys[1],
            **_bank_keys(petra),
            nonce=None,
            timestamp=None,
            schema_location=None,
            order_params=btf.append_standard_order_params,
        )

    transaction, _ = _transaction(bank, petra, begin)
    return transaction.order_data if transaction.segments else b""


def _hac(bank, petra):
    told = _by_name(bank, petra, "HAC")
    return read_hac(told) if told else ()


@pytest.mark.ebics(order_type=("INI", "HIA", "HPB"), version="H005", side="bank")
def test_the_banks_keys_arrive_and_are_those_of_its_letter(bank, petra):
    told = bank.said["fingerprints"]
    confirmed = petra.start.confirm_bank_keys(authentication=told["authentication"], encryption=told["encryption"])
    assert {role: bytes.fromhex(value) for role, value in confirmed.items()} == {
        role: bytes.fromhex(value) for role, value in told.items()
    }
    assert petra.start.ini_order_id != petra.start.hia_order_id


@pytest.mark.ebics(order_type=("HTD", "HPD", "HAA"), version="H005", side="bank")
def test_the_bank_tells_accounts_rights_and_parameters(bank, petra):
    told = painfree.parse_htd_order_data(_administrative(bank, petra, "HTD"))
    assert MAIN_ACCOUNT in repr(told)
    parameters = _administrative(bank, petra, "HPD")
    assert painfree.parse_hpd_order_data(parameters).host_id == bank.said["host"]
    assert bank.said["https"].encode() in parameters
    assert "camt.053" in repr(painfree.parse_haa_order_data(_administrative(bank, petra, "HAA")))


@pytest.mark.parametrize("request_eds", [None, False, True])
@pytest.mark.parametrize("segment_size", [painfree.SEGMENT_SIZE, 1_000])
@pytest.mark.ebics(order_type=("BTU", "BTD", "HAC"), version="H005", side="bank")
def test_an_order_is_executed_and_every_proof_of_it_comes_back(bank, petra, request_eds, segment_size):
    today = bank.today()
    sent = order(payment("4321"), payment("1234"), day=today, batch=False)
    service = painfree.Service("SCT", "pain.001", scope="HU")
    upload = _upload(
        bank, petra, pain001.write(sent), service, segment_size=segment_size, file_name="a.xml", request_eds=request_eds
    )
    events = [event for event in _hac(bank, petra) if event.order_id == upload.order_id]
    assert events[-1].action == "ORDER_HAC_FINAL_POS"

    reports = unzip(_download(bank, petra, painfree.Service("PSR", "pain.002", scope="HU", container="ZIP")))
    statuses = [
        (report.original_message_id, report.group_status)
        for data in reports
        for report in pain002.read(data, "r").reports
    ]
    assert statuses[-2:] == [(sent.message_id, "ACCP"), (sent.message_id, "ACSC")]

    bank_command("clock", "--data", str(bank.folder), "--advance", "1")
    period = (today.isoformat(), today.isoformat())
    statements = painfree.Service("EOP", "camt.053", scope="HU", container="ZIP")
    files = unzip(_download(bank, petra, statements, date_range=period))
    read = [statement for data in files for statement in camt053.read(data, "s").statements]
    assert [prove(statement) for statement in read] == [[], []]
    amounts = [entry.amount for one in read for entry in one.entries if entry.entry_reference == sent.payment_id]
    assert amounts == [-4321, -1234]


def test_statements_come_without_a_container_too_and_only_once(bank, petra):
    service = painfree.Service("EOP", "camt.053")
    whole = camt053.read(_download(bank, petra, service), "s").statements
    assert len(whole) > 100
    assert all(prove(statement) == [] for statement in whole)
    assert _download(bank, petra, service) == b""


def test_an_order_of_many_payments_signed_with_a005_travels_in_many_segments(bank):
    other = _initialise(bank, "OTTO", "A005")
    sent = order(*(payment("1") for _ in range(400)), day=bank.today())
    service = painfree.Service("SCT", "pain.001", scope="DE")
    upload = _upload(bank, other, pain001.write(sent), service, segment_size=1_000, request_eds=False)
    assert upload.num_segments >= 5
    assert [event.action for event in _hac(bank, other) if event.order_id == upload.order_id][
        -1
    ] == "ORDER_HAC_FINAL_POS"


def test_the_same_order_again_is_refused_as_known(bank, petra):
    data = pain001.write(order(payment("9"), day=bank.today()))
    service = painfree.Service("SCT", "pain.001", scope="HU")
    _upload(bank, petra, data, service, request_eds=False)
    with pytest.raises(painfree.BankRefusedError, match="091122"):
        _upload(bank, petra, data, service, request_eds=False)


def test_a_service_the_bank_does_not_have_is_refused(bank, petra):
    with pytest.raises(painfree.BankRefusedError, match="091005"):
        _download(bank, petra, painfree.Service("XXX", "camt.999"))


@pytest.mark.ebics(order_type=("HKD", "PTK"), version="H005", side="bank")
def test_the_customer_its_users_and_the_protocol_as_text_are_told(bank, petra):
    users = {each.user.user_id for each in read_hkd(_by_name(bank, petra, "HKD"), H005)}
    assert {USER, "ANNA", "BELA"} <= users
    assert USER in read_ptk(_by_name(bank, petra, "PTK"))


@pytest.mark.ebics(order_type="BTU", version="H005", side="bank")
@pytest.mark.parametrize("lost_after", [0, 1, 3])
def test_a_transfer_goes_on_at_the_segment_the_bank_names(bank, petra, lost_after):
    data = pain001.write(order(*(payment("1") for _ in range(400)), day=bank.today()))
    secured = painfree.secure_order_data(
        data,
        signature_key=petra.keys[0],
        bank_encryption_key=petra.bank.encryption,
        partner_id=petra.context.partner_id,
        user_id=petra.context.user_id,
    )
    upload = painfree.UploadTransaction.prepare(
        data, secured, petra.context, authentication_key=petra.keys[1], segment_size=800
    )
    upload.bank_authentication_key = petra.bank.authentication
    service = painfree.Service("SCT", "pain.001", scope="HU")
    upload.feed(_post(bank, upload.initialisation_request(service, **_bank_keys(petra), request_eds=False)))
    for _ in range(lost_after):
        upload.feed(_post(bank, upload.next_request()))
    # One segment never arrives; the client believes that it did.
    upload.cursor = lost_after + 1
    told = upload.feed(_post(bank, upload.next_request()))
    assert told.status.needs_recovery
    assert upload.cursor == lost_after
    while (request := upload.next_request()) is not None:
        upload.feed(_post(bank, request))
    assert [event.action for event in _hac(bank, petra) if event.order_id == upload.order_id][
        -1
    ] == "ORDER_HAC_FINAL_POS"


@pytest.mark.ebics(order_type="BTD", version="H005", side="bank")
def test_what_was_not_acknowledged_is_given_again(bank):
    other = _initialise(bank, "NORA", "A006")
    service = painfree.Service("EOP", "mt940", scope="DE")
    received = []
    for acknowledged, code in ((False, "011001"), (True, "011000")):

        def begin(opened, acknowledged=acknowledged):
            opened.acknowledged = acknowledged
            return opened.initialisation_request(service, **_bank_keys(other))

        transaction, last = _transaction(bank, other, begin)
        assert code in repr(last.status)
        received.append(transaction.order_data)
    assert received[0] == received[1]
    assert all(prove(statement) == [] for statement in mt940.read(received[0], "s").statements)
    assert _download(bank, other, service) == b""
