"""A bank's own order types, read from a file: what the standard table does not know, or knows otherwise.

What may live here: the form of the file. It is TOML, one table ``[[order]]`` for each order type:

    [[order]]
    code = "XRC"                            # three letters or digits; or, for FUL and FDL:
    # file = "pain.001.001.03.sct"
    # country = "FR"
    direction = "upload"                    # or "download"
    service = "SCT"                         # the BTF: service and message; scope, option and container where it has them
    message = "pain.001"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from electra_kernel.ebics.btf import FileFormat, Service
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.ebics.ordertypes import DOWNLOAD, UPLOAD, Business, Code, OrderTypes
from electra_kernel.ebics.session import check_service
from electra_kernel.vocabulary.errors import cause_of

_DIRECTIONS = {"upload": UPLOAD, "download": DOWNLOAD}
_BTF = ("service", "message", "scope", "option", "container")
_FIELDS = frozenset({"code", "file", "country", "direction", *_BTF})
_CODE, _FILE, _COUNTRY = re.compile(r"[A-Z0-9]{3}"), re.compile(r"[a-zA-Z0-9._-]{1,40}"), re.compile(r"[A-Z]{2}")
#: Longer files are no list of order types.
_LONGEST, _MOST = 2**20, 1000


class ProfileUnreadable(EbicsError):
    """A file of order types that cannot be used. Nothing of it was."""


def read_profile(data: bytes, where: str) -> OrderTypes:
    """A bank's own order types.

    Args:
        data: the file; where: how to call it in an error.

    Raises:
        ProfileUnreadable: names the entry and the field that is missing or wrong.
    """
    try:
        read = tomllib.loads(data[: _LONGEST + 1].decode("utf-8")) if len(data) <= _LONGEST else None
    except (ValueError, RecursionError) as error:
        raise _unreadable(where, f"it is no TOML: {cause_of(error).rstrip('.')}") from None
    rows = None if read is None else read.get("order")
    if not isinstance(rows, list) or not rows or len(rows) > _MOST or set(read or ()) != {"order"}:
        raise _unreadable(where, f"it holds no list [[order]] of 1 to {_MOST} order types")
    types: dict[Code, Business] = {}
    for number, row in enumerate(rows, 1):
        code, business = _entry(row, f"{where}, order {number}")
        if code in types:
            raise _unreadable(f"{where}, order {number}", f"{code} stands there twice")
        types[code] = business
    return types


def _entry(row: object, where: str) -> tuple[Code, Business]:
    if not isinstance(row, dict) or not all(isinstance(value, str) for value in row.values()):
        raise _unreadable(where, "it is no table of texts")
    if odd := sorted(set(row) - _FIELDS):
        raise _unreadable(where, f"it has an unknown field: {', '.join(odd)}")
    way = _DIRECTIONS.get(row.get("direction", ""))
    if way is None:
        raise _unreadable(where, "direction is neither upload nor download")
    return _code(row, where), Business(way, _service(row, where))  # type: ignore[arg-type]  # of the two directions


def _code(row: Mapping[str, Any], where: str) -> Code:
    code, file, country = (row.get(name, "") for name in ("code", "file", "country"))
    if bool(code) == bool(file):
        raise _unreadable(where, "it needs a code, or a file for FUL and FDL, and not both")
    if (code and not _CODE.fullmatch(code)) or (code and country):
        raise _unreadable(where, "code is not three letters or digits, or stands beside a country")
    if (file and not _FILE.fullmatch(file)) or (country and not _COUNTRY.fullmatch(country)):
        raise _unreadable(where, "file is no file format, or country is no country code such as FR")
    return FileFormat(file, country) if file else str(code)


def _service(row: Mapping[str, Any], where: str) -> Service:
    name, message, scope, option, container = (row.get(field, "") for field in _BTF)
    service = Service(name, message, scope, option, container)
    try:
        check_service(service)
    except EbicsError as error:
        raise _unreadable(where, str(error)) from None
    return service


def _unreadable(where: str, cause: str) -> ProfileUnreadable:
    return ProfileUnreadable(
        "The bank's own order types cannot be read.",
        where=where,
        cause=f"{cause}.",
        repair="Write each as [[order]] with code (or file and country), direction, service and message.",
    )


def write_profile(types: OrderTypes) -> bytes:
    """The file that ``read_profile`` reads."""
    ways = {way: name for name, way in _DIRECTIONS.items()}
    rows = []
    for code, (way, service) in types.items():
        named = {"file": code.name, "country": code.country} if isinstance(code, FileFormat) else {"code": code}
        btf = (service.name, service.message, service.scope, service.option, service.container)
        row = {**named, "direction": ways[way], **dict(zip(_BTF, btf, strict=True))}
        # Nothing in an entry needs escaping: the forms of its fields have no quotes and no backslashes.
        rows.append("\n".join(["[[order]]", *(f'{name} = "{value}"' for name, value in row.items() if value)]))
    return ("\n\n".join(rows) + "\n").encode()
