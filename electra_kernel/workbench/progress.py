"""How far a long transfer or a long reading is, shown where a person waits for it. Nothing else lives here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm.auto import tqdm

from electra_kernel.ebics.client import Exchange

#: Segments from which a bar is shown; each carries about 750 kB.
SHOWN_FROM = 4
#: Files from which a bar is shown.
FILES_SHOWN_FROM = 20


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


class FilesBar:
    """A bar of files, for a ``with`` block; it appears when there are many, and counts those in containers too.

    Args:
        count: how many files there are, as far as is known.
        terminal_only: show none where nobody looks at a terminal.
    """

    def __init__(self, count: int, *, terminal_only: bool = False) -> None:
        self.count, self._done = count, 0
        self._bar: tqdm[Any] | None = None
        # Nothing is said of it otherwise, so that TQDM_DISABLE counts.
        self._options: dict[str, Any] = {"disable": None} if terminal_only else {}

    def more(self, count: int) -> None:
        """There are so many more."""
        self.count += count
        if self._bar is not None:
            self._bar.total = self.count

    def step(self) -> None:
        """One is done."""
        self._done += 1
        if self._bar is None and self.count >= FILES_SHOWN_FROM:
            self._bar = tqdm(total=self.count, unit="file", **self._options)
            self._bar.update(self._done - 1)
        if self._bar is not None:
            self._bar.update()

    def __enter__(self) -> FilesBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
