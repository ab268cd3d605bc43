"""How far a long transfer is, shown where a person waits for it. Nothing else lives here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm.auto import tqdm

from electra_kernel.ebics.client import Exchange

#: Segments from which a bar is shown; each carries about 750 kB.
SHOWN_FROM = 4


@contextmanager
def shown(exchange: Exchange[Any], words: str) -> Iterator[None]:
    """Show a bar while ``exchange`` runs inside the block and has many segments; its watcher goes on being called."""
    bar: tqdm[Any] | None = None
    before = exchange.watcher

    def step(done: int, total: int) -> None:
        nonlocal bar
        if before is not None:
            before(done, total)
        if total >= SHOWN_FROM:
            bar = bar or tqdm(total=total, desc=words, unit="part", leave=False)
            bar.update(done - bar.n)

    exchange.watcher = step
    try:
        yield
    finally:
        exchange.watcher = before
        if bar is not None:
            bar.close()
