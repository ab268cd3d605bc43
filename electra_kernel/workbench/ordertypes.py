"""A bank's own order types, as the bank handed them out: kept beside the connection, and known wherever orders are named.

What may live here: the file of a connection. What stands in it is told in ``ebics.profiles``.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from electra_kernel.ebics.ordertypes import OrderTypes
from electra_kernel.ebics.profiles import read_profile
from electra_kernel.store.files import make_private_folder, write_private_file
from electra_kernel.vocabulary.errors import ElectraError

_FOLDER = "order-types"


def own_types(folder: Path, connection: str) -> OrderTypes | None:
    """The order types only this connection's bank has; ``None`` where it has none."""
    place = _place(folder, connection)
    return read_profile(place.read_bytes(), place.name) if place.exists() else None


def read_file(path: Path) -> bytes:
    """A file of order types, once it is proved to be one.

    Raises:
        ElectraError: it cannot be read, or is none; the error says where and why.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ElectraError(
            "The bank's own order types cannot be read.",
            where=str(path),
            cause=f"{error.strerror}.",
            repair="Name another file.",
        ) from error
    read_profile(data, path.name)
    return data


def keep(folder: Path, connection: str, data: bytes) -> None:
    """Keep a file of order types for a connection, in the place of the one it had."""
    place = _place(folder, connection)
    make_private_folder(place.parent)
    write_private_file(place, data)


def forget(folder: Path, connection: str) -> None:
    """Take away the file of a connection that is no more."""
    _place(folder, connection).unlink(missing_ok=True)


def _place(folder: Path, connection: str) -> Path:
    return folder / _FOLDER / f"{quote(connection, safe=' ')}.toml"
