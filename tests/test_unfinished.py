"""Uploads under way as they are kept on the disk: found again by whoever may go on with them, and by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from electra_kernel.ebics.client import UploadState
from electra_kernel.ebics.errors import LocalProtocolError
from electra_kernel.workbench.progress import shown
from electra_kernel.workbench.unfinished import Unfinished, sweep
from tests.ebics_house import client, noise, open_desk, server, upload

DIGEST = bytes(range(32))
STATE = UploadState(transaction_id="AB" * 16, digest=DIGEST.hex(), segments=3, segment_size=400, arrived=1)


def _kept(folder: Path, order: str = "2026-0001", way: str = "bank A") -> Unfinished:
    unfinished = Unfinished(folder, order, way)
    with unfinished.begun() as file:
        file.write(b"sealed")
        unfinished.note(STATE, file)
    return unfinished


def _found(unfinished: Unfinished, digest: bytes = DIGEST) -> tuple[UploadState, bytes] | None:
    with unfinished.found(digest) as kept:
        return None if kept is None else (kept[0], kept[1].read())


def test_an_upload_is_found_again_for_the_same_order_by_the_same_way_only(tmp_path):
    unfinished = _kept(tmp_path / "outgoing")
    assert _found(unfinished) == (STATE, b"sealed")
    assert _found(unfinished, bytes(32)) is None
    assert _found(Unfinished(tmp_path / "outgoing", "2026-0001", "bank B")) is None
    unfinished.forget()
    assert _found(unfinished) is None
    unfinished.forget()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b'{"way": "bank A", "upload": "{}"}', b"\xff", b"null"])
def test_what_a_crash_left_half_done_is_no_upload_to_go_on_with(tmp_path, damage: bytes):
    unfinished = _kept(tmp_path)
    (tmp_path / "2026-0001.json").write_bytes(damage)
    assert _found(unfinished) is None
    (tmp_path / "2026-0001.sealed").unlink()
    assert _found(unfinished) is None


def test_what_is_left_of_orders_that_wait_no_more_is_swept_away(tmp_path):
    kept, gone = _kept(tmp_path, "2026-0001"), _kept(tmp_path, "2026-0002")
    sweep(tmp_path, lambda: {"2026-0001"})
    assert _found(kept)
    assert _found(gone) is None
    sweep(tmp_path / "nowhere", lambda: pytest.fail("nothing is there to be compared"))


def test_a_sealed_order_that_is_not_whole_is_not_sent_on(tmp_path):
    with (tmp_path / "sealed").open("w+b") as file:
        file.write(bytes(100))
        with pytest.raises(LocalProtocolError, match="not whole"):
            client().resume(STATE, file)


def test_a_transfer_tells_how_far_it_is_and_a_bar_does_not_take_that_from_others(capsys):
    bank, exchange, seen = server(open_desk()), upload(noise(1500)), list[tuple[int, int]]()
    exchange.watcher = lambda done, total: seen.append((done, total))
    with shown(exchange, "Sending"):
        while (document := exchange.request()) is not None:
            exchange.answer(bank.handle(document))
    assert seen == [(done, exchange.segments) for done in range(exchange.segments + 1)]
    assert "Sending" in capsys.readouterr().err
