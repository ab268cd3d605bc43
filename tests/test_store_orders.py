"""Orders and connections as rows; an order's events."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.keys import BankKeys
from electra_kernel.orders.lifecycle import EventKind, State
from electra_kernel.store import OrderRecord, Store
from electra_kernel.store.archive import NotInArchive
from electra_kernel.store.connections import ConnectionExists, NoSuchConnection
from electra_kernel.store.orders import NoSuchOrder, OrderExists, OrderNotEditable
from electra_kernel.vocabulary.dates import system_clock
from tests.processes import finish, start


def _order(store: Store, message_id: str = "M-1", **more: str) -> OrderRecord:
    document = store.archive.put(message_id.encode(), name=f"{message_id}.xml")
    return store.orders.add(
        kind="sepa", message_id=message_id, document=document, format="pain.001.001.09", source_name="s.xlsx", **more
    )


def test_an_order_is_numbered_kept_and_journalled_in_one_step(tmp_path: Path) -> None:
    moments = [datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)]
    with Store.open(tmp_path, lambda: moments[0]) as store:
        first, second = _order(store), _order(store, "M-2")
        moments.pop(0)
        third = _order(store, "M-3")
        assert [order.id for order in (first, second, third)] == ["2026-0001", "2026-0002", "2027-0001"]
        assert store.orders.all() == [first, second, third]
        assert store.orders.get("2026-0002") == second == store.orders.find("M-2")
        (event,) = store.orders.events("2026-0001")
        assert (event.kind, event.at, event.data["document"]) == (EventKind.CREATED, first.created, first.document)
        assert store.orders.state("2026-0001") is State.DRAFT


def test_a_message_id_is_used_once(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        first = _order(store)
        with pytest.raises(OrderExists) as caught:
            _order(store)
        assert caught.value.order_id == first.id
        assert len(store.orders.all()) == len(store.journal.events()) == 1


def test_an_order_needs_an_archived_document_and_a_known_connection(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        with pytest.raises(NotInArchive):
            store.orders.add(kind="sepa", message_id="M", document="0" * 64, format="pain.001.001.09")
        with pytest.raises(NoSuchConnection):
            _order(store, connection="nowhere")
        assert store.orders.all() == []
        assert store.journal.events() == []
        with pytest.raises(NoSuchOrder):
            store.orders.get("2026-0001")
        with pytest.raises(NoSuchOrder):
            store.orders.record("2026-0001", EventKind.CANCELLED)


def test_an_edit_replaces_the_document_and_voids_the_signatures(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        order = _order(store)
        store.orders.record(order.id, EventKind.CHECKED, {"problems": 0})
        store.orders.record(order.id, EventKind.SIGNED, {"user": "USER1", "required": 2})
        assert store.orders.state(order.id) is State.PART_SIGNED
        document = store.archive.put(b"better", name="better.xml")
        edited = store.orders.replace_document(order.id, document, event={"left_out": 2})
        assert asdict(edited) == {**asdict(order), "document": document}
        assert store.orders.state(order.id) is State.DRAFT
        last = store.orders.events(order.id)[-1]
        assert (last.kind, last.data["before"], last.data["left_out"]) == (EventKind.EDITED, order.document, 2)


def test_a_queued_order_keeps_its_document(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        order, document = _order(store), store.archive.put(b"better", name="better.xml")
        store.orders.record(order.id, EventKind.CHECKED, {"problems": 0})
        store.orders.record(order.id, EventKind.SIGNED, {"user": "USER1", "required": 1})
        store.orders.record(order.id, EventKind.QUEUED)
        with pytest.raises(OrderNotEditable, match="queued"):
            store.orders.replace_document(order.id, document)
        assert store.orders.get(order.id) == order


def test_rows_of_other_kinds_do_not_move_an_order(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        order = _order(store)
        store.journal.append(f"order:{order.id}", "printed", {"pages": 1})
        assert [event.kind for event in store.orders.events(order.id)] == [EventKind.CREATED]


def test_processes_that_add_orders_at_once_get_different_numbers(tmp_path: Path) -> None:
    code = """
with Store.open(folder, system_clock) as store:
    for turn in range(20):
        document = store.archive.put(b"the same for all", name="file")
        store.orders.add(kind="sepa", message_id=f"{sys.argv[2]}-{turn}", document=document, format="pain.001.001.09")
"""
    Store.open(tmp_path, system_clock).close()
    for process in [start(code, tmp_path, name) for name in "ab"]:
        finish(process)
    with Store.open(tmp_path, system_clock) as store:
        orders = store.orders.all()
        year = orders[0].created.year
        assert [order.id for order in orders] == [f"{year}-{number:04d}" for number in range(1, 41)]
        assert all(len(store.orders.events(order.id)) == 1 for order in orders)
        store.journal.verify()


def test_a_connection_keeps_its_ids_certificates_and_bank_keys(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        added = store.connections.add("house bank", url="https://127.0.0.1/", host="H", partner="P", user="U")
        assert store.connections.get("house bank") == added
        assert (added.certificates, added.bank_keys) == ({}, None)
        store.connections.update("house bank", certificates={KeyUse.SIGNATURE: b"s", KeyUse.ENCRYPTION: b"e"})
        changed = store.connections.update("house bank", bank_keys=BankKeys(b"x", b"y"), ca_file="ca.pem")
        assert store.connections.all() == [changed]
        assert changed.certificates == {KeyUse.SIGNATURE: b"s", KeyUse.ENCRYPTION: b"e"}
        assert changed.bank_keys == BankKeys(b"x", b"y")
        order = store.orders.set_connection(_order(store).id, "house bank")
        assert order.connection == "house bank"


def test_a_connection_that_is_not_there_or_twice_there_is_refused(tmp_path: Path) -> None:
    with Store.open(tmp_path, system_clock) as store:
        store.connections.add("one", url="u", host="H", partner="P", user="U")
        with pytest.raises(ConnectionExists):
            store.connections.add("one", url="u", host="H", partner="P", user="U")
        with pytest.raises(NoSuchConnection, match="The connections are: one"):
            store.connections.get("two")
        with pytest.raises(NoSuchConnection):
            store.connections.update("two", url="v")
        with pytest.raises(TypeError, match="created"):
            store.connections.update("one", created=system_clock())
        assert store.connections.find("two") is None
