"""Connections: a customer's subscriptions at banks, as rows. What may live here: the rows of the table ``connections``.

Private keys are never here: they lie under a password in ``keys/``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Literal

from asn1crypto import pem
from sqlalchemy import Connection, Row, delete, insert, select, update

from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.keys import BankKeys
from electra_kernel.store.database import Database
from electra_kernel.store.tables import connections, orders
from electra_kernel.vocabulary.dates import Clock
from electra_kernel.vocabulary.errors import ElectraError


class NoSuchConnection(ElectraError, KeyError):
    """No connection has this name."""


class ConnectionExists(ElectraError):
    """There is a connection of this name already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRecord:
    """A subscription at one bank.

    Attributes:
        name: the user's name for it; unique.
        url: where the bank is reached.
        host, partner, user: the EBICS ids.
        created: aware UTC moment.
        ca_file: path of the PEM certificates that the bank's TLS certificate must chain to; the system's where ``None``.
        protocol: ``H005`` or ``H004``; empty until the bank was asked what it speaks.
        signature_version: ``A005`` or ``A006``.
        certificates: the user's X.509 certificates as DER, by use; empty until keys are made.
        bank_keys: the bank's certificates; ``None`` until they were fetched (HPB) and trusted.
        certified: whether keys travel with their certificates where the version also knows bare ones (EBICS 2.5).
        issuers: certificates of the authorities above the user's own ones, DER; empty where these are self-signed.
    """

    name: str
    url: str
    host: str
    partner: str
    user: str
    created: datetime
    ca_file: str | None = None
    protocol: str = "H005"
    signature_version: Literal["A005", "A006"] = "A006"
    certificates: Mapping[KeyUse, bytes] = field(default_factory=dict)
    bank_keys: BankKeys | None = None
    certified: bool = False
    issuers: tuple[bytes, ...] = ()


_CHANGEABLE = frozenset(each.name for each in fields(ConnectionRecord)) - {"name", "created"}


class Connections:
    """The connections of one workbench."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def add(self, name: str, *, url: str, host: str, partner: str, user: str, **more: Any) -> ConnectionRecord:
        """Keep a new connection; ``more`` are further attributes of ``ConnectionRecord``.

        Raises:
            ConnectionExists: the name is taken.
        """
        record = ConnectionRecord(
            name=name, url=url, host=host, partner=partner, user=user, created=self._clock(), **more
        )
        with self._database.write() as writing:
            if _find(writing, name) is not None:
                raise ConnectionExists(
                    f"There is a connection named {name} already.",
                    repair="Choose another name, or use that connection.",
                )
            writing.execute(insert(connections).values(**_columns(record)))
        return record

    def get(self, name: str) -> ConnectionRecord:
        """The connection of this name.

        Raises:
            NoSuchConnection: says which names there are.
        """
        with self._database.read() as reading:
            return _get(reading, name)

    def find(self, name: str) -> ConnectionRecord | None:
        """The connection of this name, or ``None``."""
        with self._database.read() as reading:
            return _find(reading, name)

    def update(self, name: str, **changes: Any) -> ConnectionRecord:
        """Change attributes of a connection, all or none; ``name`` and ``created`` stay.

        Raises:
            NoSuchConnection: no connection has this name.
            TypeError: a connection has no such attribute, or it never changes.
        """
        if strange := set(changes) - _CHANGEABLE:
            raise TypeError(f"a connection has nothing to change named {', '.join(sorted(strange))}")
        with self._database.write() as writing:
            record = replace(_get(writing, name), **changes)
            writing.execute(update(connections).where(connections.c.name == name).values(**_columns(record)))
        return record

    def remove(self, name: str) -> None:
        """Forget a connection; orders that named it name none any more.

        Raises:
            NoSuchConnection: no connection has this name.
        """
        with self._database.write() as writing:
            _get(writing, name)
            writing.execute(update(orders).where(orders.c.connection == name).values(connection=None))
            writing.execute(delete(connections).where(connections.c.name == name))

    def all(self) -> list[ConnectionRecord]:
        """Every connection, by name."""
        with self._database.read() as reading:
            return [_record(row) for row in reading.execute(select(connections).order_by(connections.c.name))]


def _find(connection: Connection, name: str) -> ConnectionRecord | None:
    row = connection.execute(select(connections).where(connections.c.name == name)).one_or_none()
    return None if row is None else _record(row)


def _get(connection: Connection, name: str) -> ConnectionRecord:
    if (record := _find(connection, name)) is not None:
        return record
    names = sorted(connection.execute(select(connections.c.name)).scalars())
    raise NoSuchConnection(
        f"There is no connection named {name}.",
        cause=f"The connections are: {', '.join(names)}." if names else "There is none yet.",
        repair="Use one of these names, or connect to the bank first.",
    )


def _columns(record: ConnectionRecord) -> dict[str, Any]:
    """The record as a row: one column a certificate."""
    row = {each.name: getattr(record, each.name) for each in fields(record)}
    certificates, bank = row.pop("certificates"), row.pop("bank_keys")
    row |= {f"{use.value}_certificate": certificates.get(use) for use in KeyUse}
    row["bank_authentication"] = bank.authentication if bank else None
    row["bank_encryption"] = bank.encryption if bank else None
    row["issuers"] = _pem(record.issuers)
    return row


def _pem(certificates: Iterable[bytes]) -> bytes | None:
    return b"".join(pem.armor("CERTIFICATE", der) for der in certificates) or None


def _record(row: Row[Any]) -> ConnectionRecord:
    values = dict(row._mapping)
    found = {use: values.pop(f"{use.value}_certificate") for use in KeyUse}
    authentication, encryption = values.pop("bank_authentication"), values.pop("bank_encryption")
    issuers = values.pop("issuers")
    return ConnectionRecord(
        **values,
        issuers=tuple(der for _, _, der in pem.unarmor(issuers, multiple=True)) if issuers else (),
        certificates={use: der for use, der in found.items() if der is not None},
        bank_keys=BankKeys(authentication, encryption) if authentication and encryption else None,
    )
