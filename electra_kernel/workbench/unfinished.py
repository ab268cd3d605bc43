"""Uploads under way, kept on the disk: one that a crash cut off goes on at the segment where it stopped.

What may live here: the two files of such an upload in ``outgoing/``. ``<order>.sealed`` is the order as it travels, encrypted
for the bank; ``<order>.json`` says how far it is. Neither holds a secret: the transaction key is not needed any more once
the bank has taken the announcement, and is never written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from electra_kernel.ebics.client import UploadState
from electra_kernel.store.files import PRIVATE_FILE, make_private_folder, write_private_file


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The files of one order's upload.

    Attributes:
        folder: the workbench's ``outgoing/``.
        order_id: of the workbench.
        way: which connection, user and service it goes by; a wish for another way begins anew.
    """

    folder: Path
    order_id: str
    way: str

    @contextmanager
    def begun(self) -> Iterator[BinaryIO]:
        """A new file for the sealed order, for the owner alone."""
        self.forget()
        make_private_folder(self.folder)
        with os.fdopen(os.open(self._sealed, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "w+b") as file:
            yield file

    def note(self, state: UploadState | None, file: BinaryIO) -> None:
        """Note how far the upload is. Where that cannot be written, it can only not be gone on with later."""
        if state is None:
            return
        with suppress(OSError):
            if state.arrived == 0:
                file.flush()
                os.fsync(file.fileno())
            write_private_file(self._state, json.dumps({"way": self.way, "upload": state.as_json()}).encode())

    @contextmanager
    def found(self, digest: bytes) -> Iterator[tuple[UploadState, BinaryIO] | None]:
        """The upload that was cut off, of the order with this hash, by this way; ``None`` where there is none."""
        try:
            kept = json.loads(self._state.read_bytes())
            state = UploadState.from_json(kept["upload"])
            file = self._sealed.open("rb")
        except (OSError, ValueError, KeyError, TypeError):
            yield None  # there is none, or the crash came before it was worth keeping
            return
        with file:
            yield (state, file) if (kept["way"], state.digest) == (self.way, digest.hex()) else None

    def forget(self) -> None:
        """Take the files away: the upload is over, or cannot be gone on with."""
        for path in (self._state, self._sealed):
            path.unlink(missing_ok=True)

    @property
    def _sealed(self) -> Path:
        return self.folder / f"{self.order_id}.sealed"

    @property
    def _state(self) -> Path:
        return self.folder / f"{self.order_id}.json"


def sweep(folder: Path, waiting: Callable[[], Collection[str]]) -> None:
    """Take away what is left of uploads of orders that do not wait to be sent any more; ``waiting`` gives their ids."""
    left = list(folder.glob("*.*")) if folder.exists() else []
    if not left:
        return
    still = waiting()
    for path in left:
        if path.stem not in still:
            path.unlink(missing_ok=True)
