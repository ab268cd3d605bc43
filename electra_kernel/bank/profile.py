"""The bank's own order types: those of every sandbox, and those of the profile a bank was started with.

What may live here: keeping the profile, and what of it this bank can carry out.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Connection

from electra_kernel.bank.database import Database, get_fact, set_fact
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.ordertypes import DOWNLOAD, UPLOAD, Business, OrderTypes, with_profile
from electra_kernel.ebics.profiles import read_profile

#: Order types of EBICS 2.5 that only this bank has.
PROFILE: OrderTypes = {"DCT": Business("BTU", Service("DCT", "pain.001"))}
_KEPT = "profile"
#: What this bank takes and gives; a profile may name more, which is then known and not offered.
_MESSAGES = {UPLOAD: frozenset({"pain.001"}), DOWNLOAD: frozenset({"camt.053", "mt940", "pain.002"})}
_CONTAINERS = {UPLOAD: frozenset({""}), DOWNLOAD: frozenset({"", "ZIP"})}


def keep(database: Database, data: bytes, where: str) -> None:
    """Keep a profile in the place of the one the bank had.

    Args:
        data: the file (see ``ebics.profiles``); where: how to call it in an error.

    Raises:
        ProfileUnreadable: nothing was changed.
    """
    read_profile(data, where)
    with database.write() as connection:
        set_fact(connection, _KEPT, data.decode("utf-8"))


@lru_cache(maxsize=8)
def _read(text: str) -> OrderTypes:
    return read_profile(text.encode(), "the bank's profile") if text else {}


def own_types(connection: Connection) -> OrderTypes:
    """The order types of this bank that go before the standard ones."""
    return {**_read(get_fact(connection, _KEPT)), **PROFILE}


def order_types(connection: Connection) -> OrderTypes:
    """Every order type this bank knows."""
    return with_profile(own_types(connection))


def offered(connection: Connection) -> list[Business]:
    """What of the kept profile this bank can carry out."""
    return [
        business
        for business in _read(get_fact(connection, _KEPT)).values()
        if business.service.message in _MESSAGES[business.admin_type]
        and business.service.container in _CONTAINERS[business.admin_type]
    ]


def has_option(connection: Connection, admin_type: str, service: Service) -> bool:
    """Whether the profile names this option of a service."""
    wanted = (admin_type, service.name, service.message, service.option)
    return any(
        (each.admin_type, each.service.name, each.service.message, each.service.option) == wanted
        for each in offered(connection)
    )
