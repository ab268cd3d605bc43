"""What a bank tells about itself and its customers, asked for over EBICS in every version, from the sandbox's own desk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from electra_kernel.bank.profile import PROFILE
from electra_kernel.bank.seed import PARTNER
from electra_kernel.ebics.client import Subscriber
from electra_kernel.ebics.hac import read_hac
from electra_kernel.ebics.info import read_haa, read_hpd, read_htd
from electra_kernel.ebics.server import Server
from electra_kernel.ebics.version import VERSIONS, EbicsVersion
from tests import bank_house, ebics_house

_VERSIONS = pytest.mark.parametrize("version", VERSIONS.values(), ids=lambda version: version.protocol)
_BANK = ebics_house.transport_keys("bank")


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """The sandbox behind its engine, with one user who is ready."""
    with bank_house.bank_at(tmp_path_factory.mktemp("information"), admit=True) as counter:
        server = Server(ebics_house.HOST, _BANK, counter.desk, bank_house.clock, order_types=PROFILE)
        own = _client(next(iter(VERSIONS.values())))
        certificate = ebics_house.certificate(f"{ebics_house.USER}-a", ebics_house.KeyUse.SIGNATURE)
        for exchange in (own.ini(certificate), own.hia()):
            ebics_house.run(exchange, server)
        yield server


def _client(version: EbicsVersion):
    subscriber = Subscriber(ebics_house.HOST, PARTNER, ebics_house.USER, version)
    return replace(ebics_house.client(), subscriber=subscriber)


def _fetched(bank: Server, version: EbicsVersion, kind: str) -> bytes:
    exchange = _client(version).download(admin_type=kind)
    ebics_house.run(exchange, bank)
    assert exchange.data is not None
    # Kept at the bank, so that the next version has something to fetch too.
    exchange.acknowledge(False)
    ebics_house.run(exchange, bank)
    return exchange.data


@pytest.mark.ebics(order_type=("HTD", "HKD"), version=("H005", "H004"), side=("bank", "client"))
@_VERSIONS
def test_a_user_learns_its_accounts_and_rights_and_those_of_its_customer(bank, version):
    own = read_htd(_fetched(bank, version, "HTD"), version)
    assert own.user.user_id == ebics_house.USER
    assert own.accounts
    assert own.orders
    assert ebics_house.USER.encode() in _fetched(bank, version, "HKD")


@pytest.mark.ebics(order_type="HPD", version=("H005", "H004"), side=("bank", "client"))
@_VERSIONS
def test_a_user_learns_what_the_bank_speaks(bank, version):
    assert set(read_hpd(_fetched(bank, version, "HPD"), version).protocols) == {
        each.protocol for each in VERSIONS.values()
    }


@pytest.mark.ebics(order_type="HAA", version=("H005", "H004"), side=("bank", "client"))
@_VERSIONS
def test_a_user_learns_for_what_data_wait(bank, version):
    assert "camt.053" in {service.message for service in read_haa(_fetched(bank, version, "HAA"), version)}


@pytest.mark.ebics(order_type=("HAC", "PTK"), version=("H005", "H004"), side=("bank", "client"))
@_VERSIONS
def test_the_protocol_is_fetched_as_events_and_as_text(bank, version):
    assert {event.user_id for event in read_hac(_fetched(bank, version, "HAC"))} == {ebics_house.USER}
    assert ebics_house.USER.encode() in _fetched(bank, version, "PTK")
