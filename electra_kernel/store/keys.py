"""The folder ``keys/``: private keys as files. What may live here: bytes in, bytes out; protecting them is the signer's."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from electra_kernel.store.files import write_private_file
from electra_kernel.vocabulary.errors import ElectraError

#: A folder of keys that hold already and are still to be moved to their places.
_CHANGE = ".change"


class NoSuchKey(ElectraError):
    """No key has this name."""


class KeyExists(ElectraError):
    """There is a key of this name already, and a lost private key never comes back."""


class Keys:
    """The key files of one workbench. Any text is a name; letters that a file name cannot have are written as %XX."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes, *, replace: bool = False) -> None:
        """Write a key, whole or not at all, mode 0600.

        Raises:
            KeyExists: there is one of this name and ``replace`` is not set.
        """
        self._finish_change()
        path = self._path(name)
        if path.exists() and not replace:
            raise KeyExists(
                f"There is a key named {name} already.",
                repair="Choose another name; replace a key only with the same key under a new password.",
                where=str(path),
            )
        write_private_file(path, data)

    def put_all(self, keys: Mapping[str, bytes]) -> None:
        """Write several keys in the place of the old ones, mode 0600: after a crash all are new, or all as before.

        Only one at a time may do this: the caller holds a lock.
        """
        self._finish_change()
        for abandoned in self._folder.glob(".change-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        staging = self._folder / f".change-{secrets.token_hex(8)}"
        for name, data in keys.items():
            write_private_file(staging / self._path(name).name, data)
        os.replace(staging, self._folder / _CHANGE)  # from here on the new ones hold
        self._finish_change()

    def _finish_change(self) -> None:
        """Bring a change to its end that was decided on; whoever comes first does it."""
        change = self._folder / _CHANGE
        if not change.is_dir():
            return
        with contextlib.suppress(FileNotFoundError):
            for file in sorted(change.iterdir()):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(file, self._folder / file.name)
            change.rmdir()

    def get(self, name: str) -> bytes:
        """The bytes of a key.

        Raises:
            NoSuchKey: there is none of this name.
        """
        self._finish_change()
        path = self._path(name)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise NoSuchKey(
                f"There is no key named {name}.",
                repair="Put it back from a backup, or make new keys and send them to the bank again.",
                where=str(path),
            ) from None
        except OSError as error:
            raise NoSuchKey(
                f"The key named {name} cannot be read.",
                cause=f"{error.strerror or error}.",
                repair="Check your rights to it, or put it back from a backup.",
                where=str(path),
            ) from error

    def has(self, name: str) -> bool:
        """Whether there is a key of this name."""
        self._finish_change()
        return self._path(name).exists()

    def remove(self, name: str) -> None:
        """Take a key away that is needed no more; nothing happens where there is none."""
        self._finish_change()
        self._path(name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """The names of all keys, sorted."""
        return sorted(unquote(path.stem) for path in self._folder.glob("*.key") if not path.name.startswith("."))

    def _path(self, name: str) -> Path:
        # No name may lead out of the folder or hide in it: neither a slash nor a leading dot survives.
        safe = quote(name, safe=" ")
        return self._folder / f"{'%2E' + safe[1:] if safe.startswith('.') else safe}.key"
