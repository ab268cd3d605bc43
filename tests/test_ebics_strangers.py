"""The bank's engine and documents nobody well-meaning sends, and those that independent clients send in their own way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from electra_kernel.ebics import authsignature
from electra_kernel.ebics.client import Exchange
from electra_kernel.ebics.responses import read_answer
from electra_kernel.ebics.tree import serialise
from electra_kernel.ebics.version import H005
from electra_kernel.vocabulary.xml import parse_xml
from tests.bank_house import STATEMENTS as FETCHED
from tests.bank_house import bank_at, order, payment
from tests.ebics_house import PARTNER, PAYMENTS, USER, client, open_desk, run, server, transport_keys, upload


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
    root = parse_xml(document.replace(old, new))
    root.remove(root[1])
    authsignature.sign(root, transport_keys(USER).authentication_key)
    return serialise(root)


# --- what must not get through ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fetching", [b"HTD", b"HAC", b"BTD", b"HVZ"])
def test_order_data_do_not_come_in_under_the_name_of_a_download(fetching: bytes):
    desk = open_desk()
    document = _changed_and_signed(_opening(upload(b"order")), b">BTU<", b">" + fetching + b"<")
    assert _codes(server(desk).handle(document)) == ("091112", "000000")
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
