"""How the client names business to a bank: whatever the caller says, in the words of the version that is spoken."""

from __future__ import annotations

import re

from electra_kernel.ebics.btf import FileFormat, Service
from electra_kernel.ebics.documents import OrderDetails, known_code
from electra_kernel.ebics.ordertypes import Code, OrderTypes, business_of
from electra_kernel.ebics.session import check_service, check_text
from electra_kernel.ebics.version import EbicsVersion

_ORDER_TYPE = re.compile(r"[A-Z0-9]{3}")
_COUNTRY = re.compile(r"[A-Z]{2}|")


def name_business(admin_type: str, what: Service | Code, version: EbicsVersion, types: OrderTypes) -> OrderDetails:
    """Details of an upload (``BTU``) or download (``BTD``) of a service, an order type, or a file format.

    Order types and file formats that are in no table go to a bank of EBICS 2.5 as they are: it may have its own.

    Raises:
        ValueError: the version has no name for it, or it goes the other way.
        LocalProtocolError: its form is none EBICS allows.
    """
    if isinstance(what, Service):
        check_service(what)
        code = None if version.services else known_code(admin_type, what, types)
        return OrderDetails(admin_type=admin_type, service=what, code=code)
    _check_code(what)
    known = business_of(what, types)
    if known is not None and known.admin_type != admin_type:
        raise ValueError("it goes the other way")
    if version.services:
        if known is None:
            raise ValueError("no service is known that it stands for")
        return OrderDetails(admin_type=admin_type, service=known.service)
    if known is None and isinstance(what, str):
        return OrderDetails(admin_type=what)
    return OrderDetails(admin_type=admin_type, service=None if known is None else known.service, code=what)


def _check_code(code: Code) -> None:
    if isinstance(code, FileFormat):
        check_text(code.name, "file format", 256)
        if not _COUNTRY.fullmatch(code.country):
            raise ValueError("its country is no ISO 3166 code of two letters")
    elif not _ORDER_TYPE.fullmatch(code):
        raise ValueError("an order type has three characters, A to Z and 0 to 9")
