"""Real-time notifications: where a client listens for them (wssparam), and what the bank says there.

DK Anlage 2 (Echtzeitbenachrichtigungen), V1.0. The bank tells over a WebSocket that something can be fetched; the data
themselves are fetched by EBICS. What may live here: these JSON texts read and written, no line and no clock. Received
texts are read tolerantly where the standard is silent (further fields, a missing time), and bounded in every direction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.errors import RemoteProtocolError

#: The BTF that asks where to listen; order type WSS in EBICS 2.5.
WSSPARAM = Service("OTH", "wssparam", "DE")

#: The largest text taken. A message names what is new, it carries no data.
MESSAGE_LIMIT = 64 * 1024
_MOST_ITEMS = 200
_LONGEST = 2000
_VERSION = "1.0"
_ID = re.compile(r"[a-zA-Z0-9,=]{1,35}")
_NEWS, _WORDS = "EBICS-HAA", "INFO"


class NotificationUnreadable(RemoteProtocolError):
    """What the bank says about notifications, or in one, is not what the standard knows. Nothing of it was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationAccess:
    """Where and as whom a client listens.

    Attributes:
        url: WebSocket address, ``wss://…``.
        token: password of the upgrade request; a secret, so it is not shown.
        one_time: whether the token opens one connection only.
        valid_until: aware UTC moment; ``None`` where the bank names none.
        partner_id, user_id: whose news; the user may be left open.
    """

    url: str
    token: str = field(repr=False)
    one_time: bool
    valid_until: datetime | None
    partner_id: str
    user_id: str = ""

    @property
    def name(self) -> str:
        """The user name of the upgrade request (HTTP Basic): ``PARTNERID_USERID``, or ``PARTNERID``."""
        return f"{self.partner_id}_{self.user_id}" if self.user_id else self.partner_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NewData:
    """Something can be fetched (message class EBICS-HAA).

    Attributes:
        services: by BTF (BTD); admin_types: by order type, such as ``HAC``.
        at: when the bank says so; ``None`` where it does not say.
    """

    partner_id: str
    user_id: str = ""
    services: tuple[Service, ...] = ()
    admin_types: tuple[str, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankWords:
    """Words of the bank for people (message class INFO). ``texts`` by language code, such as ``EN``."""

    texts: tuple[tuple[str, str], ...]
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMessage:
    """A message of a class this program does not know; it is no error, and says nothing here."""

    names: tuple[str, ...]


Message: TypeAlias = NewData | BankWords | OtherMessage


def write_access(access: NotificationAccess) -> bytes:
    """The order data of a wssparam download."""
    said = {
        "URL": access.url,
        "TOKEN": access.token,
        "OTT": "Y" if access.one_time else "N",
        "VALIDITY": _moment(access.valid_until) if access.valid_until else "",
        "PARTNERID": access.partner_id,
        "USERID": access.user_id,
    }
    return _text({name: value for name, value in said.items() if value}).encode()


def read_access(data: bytes) -> NotificationAccess:
    """Read the order data of a wssparam download.

    Raises:
        NotificationUnreadable: names the field that is missing or wrong.
    """
    said = _object(data, "wssparam")
    url, token = _string(said, "URL", needed=True), _string(said, "TOKEN", needed=True)
    if not _is_address(url):
        raise _unreadable("URL", "it is no WebSocket address")
    if not token.isascii() or not token.isprintable():
        raise _unreadable("TOKEN", "it has letters that no token has")
    one_time = _string(said, "OTT") or "N"
    if one_time not in ("Y", "N"):
        raise _unreadable("OTT", "it is neither Y nor N")
    validity = _string(said, "VALIDITY")
    return NotificationAccess(
        url=url,
        token=token,
        one_time=one_time == "Y",
        valid_until=_read_moment(validity, "VALIDITY") if validity else None,
        partner_id=_id(said, "PARTNERID", needed=True),
        user_id=_id(said, "USERID"),
    )


def write_message(message: NewData | BankWords, *, at: datetime) -> str:
    """A message as it goes over the line.

    Args:
        at: the aware moment of the message, where it has none of its own.
    """
    stamp = _moment(message.at or at)
    if isinstance(message, BankWords):
        words = [{"LANG": language, "FREE": free} for language, free in message.texts]
        return _text({"MCLASS": _mclass(_WORDS, stamp), "INFO": words})
    said: dict[str, Any] = {"MCLASS": _mclass(_NEWS, stamp), "PARTNERID": message.partner_id}
    if message.user_id:
        said["USERID"] = message.user_id
    if message.services:
        said["BTF"] = [_service_row(service) for service in message.services]
    if message.admin_types:
        said["ORDERTYPE"] = list(message.admin_types)
    return _text(said)


def read_message(data: str | bytes) -> Message:
    """Read what came over the line.

    Raises:
        NotificationUnreadable: it is no message of the standard.
    """
    said = _object(data, "message")
    classes = _objects(said, "MCLASS")
    names = tuple(_string(each, "NAME", needed=True) for each in classes)
    at = next((_quiet_moment(each) for each in classes), None)
    if _NEWS in names:
        return NewData(
            partner_id=_id(said, "PARTNERID", needed=True),
            user_id=_id(said, "USERID"),
            services=tuple(_service(row) for row in _objects(said, "BTF")),
            admin_types=_strings(said, "ORDERTYPE"),
            at=at,
        )
    if _WORDS in names:
        rows = _objects(said, "INFO")
        texts = tuple((_string(row, "LANG"), _string(row, "FREE", needed=True)) for row in rows)
        return BankWords(texts=texts, at=at)
    if not names:
        raise _unreadable("MCLASS", "it is missing")
    return OtherMessage(names=names)


def _mclass(name: str, stamp: str) -> list[dict[str, str]]:
    return [{"NAME": name, "VERS": _VERSION, "TIMESTAMP": stamp}]


def _service_row(service: Service) -> dict[str, str]:
    row = {
        "SERVICE": service.name,
        "SCOPE": service.scope,
        "OPTION": service.option,
        "CONTTYPE": service.container,
        "MSGNAME": service.message,
    }
    return {name: value for name, value in row.items() if value}


def _service(row: dict[str, Any]) -> Service:
    return Service(
        name=_string(row, "SERVICE", needed=True),
        scope=_string(row, "SCOPE"),
        option=_string(row, "OPTION"),
        container=_string(row, "CONTTYPE"),
        message=_string(row, "MSGNAME", needed=True),
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("wss", "ws") and bool(parts.hostname) and parts.port != 0 and not parts.username
    except ValueError:
        return False


def _text(said: dict[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def _object(data: str | bytes, what: str) -> dict[str, Any]:
    if len(data) > MESSAGE_LIMIT:
        raise _unreadable(what, f"it is larger than {MESSAGE_LIMIT} bytes")
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _unreadable(what, f"it is no JSON: {str(error)[:100]}") from None
    if not isinstance(said, dict):
        raise _unreadable(what, "it is no JSON object")
    return said


def _string(said: dict[str, Any], name: str, *, needed: bool = False) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise _unreadable(name, "it is no text")
    if len(value) > _LONGEST:
        raise _unreadable(name, f"it is longer than {_LONGEST} letters")
    if needed and not value:
        raise _unreadable(name, "it is missing")
    return value


def _id(said: dict[str, Any], name: str, *, needed: bool = False) -> str:
    value = _string(said, name, needed=needed)
    if value and not _ID.fullmatch(value):
        raise _unreadable(name, "it is no EBICS id")
    return value


def _list(said: dict[str, Any], name: str) -> Sequence[Any]:
    value = said.get(name, [])
    if not isinstance(value, list) or len(value) > _MOST_ITEMS:
        raise _unreadable(name, f"it is no list of at most {_MOST_ITEMS}")
    return value


def _objects(said: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = _list(said, name)
    if not all(isinstance(row, dict) for row in rows):
        raise _unreadable(name, "it is no list of objects")
    return list(rows)


def _strings(said: dict[str, Any], name: str) -> tuple[str, ...]:
    rows = _list(said, name)
    if not all(isinstance(row, str) and len(row) <= _LONGEST for row in rows):
        raise _unreadable(name, "it is no list of texts")
    return tuple(rows)


def _moment(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _read_moment(value: str, name: str) -> datetime:
    try:
        read = datetime.fromisoformat(value)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _unreadable(name, "it is no moment") from None


def _quiet_moment(row: dict[str, Any]) -> datetime | None:
    """When a message says it was made. Nothing hangs on it, so an odd one is left out."""
    try:
        return _read_moment(_string(row, "TIMESTAMP"), "TIMESTAMP")
    except NotificationUnreadable:
        return None


def _unreadable(name: str, cause: str) -> NotificationUnreadable:
    return NotificationUnreadable(
        "The bank's real-time notifications cannot be read.",
        where=name,
        cause=f"{cause}.",
        repair="Nothing is lost: what is new is asked for at intervals. Tell the bank if it stays so.",
    )
