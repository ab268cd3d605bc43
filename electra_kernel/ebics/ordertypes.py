"""Order types of EBICS 2.5 and the BTFs that mean the same: one table, read both ways (EBICS external BTF code list).

What may live here: the table and looking things up in it. A bank's own order types are given as a profile, a mapping of
the same kind that goes before the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from electra_kernel.ebics.btf import FileFormat, Service

UPLOAD: Final = "BTU"
DOWNLOAD: Final = "BTD"
#: Order types that carry any file, named by a ``FileFormat``.
FILE_TYPES = {UPLOAD: "FUL", DOWNLOAD: "FDL"}


class Business(NamedTuple):
    """What an order type stands for: which way the data go (``BTU`` or ``BTD``) and the BTF."""

    admin_type: Literal["BTU", "BTD"]
    service: Service


#: An order type of three characters, or a file format for FUL or FDL.
Code: TypeAlias = str | FileFormat
#: A bank's own order types, or the standard ones.
OrderTypes: TypeAlias = Mapping[Code, Business]


def _up(name: str, message: str, scope: str = "", option: str = "", container: str = "") -> Business:
    return Business(UPLOAD, Service(name, message, scope, option, container))


def _down(name: str, message: str, scope: str = "", option: str = "", container: str = "ZIP") -> Business:
    return Business(DOWNLOAD, Service(name, message, scope, option, container))


#: The standard table. Where a BTF has several order types the first one is the one that is written.
ORDER_TYPES: OrderTypes = {
    "CCT": _up("SCT", "pain.001"),
    "CIP": _up("SCI", "pain.001"),
    "CTV": _up("SCT", "pain.001", option="VOI"),
    "CIV": _up("SCI", "pain.001", option="VOI"),
    "CCC": _up("SCT", "pain.001", "DE", container="XML"),
    "CCU": _up("XCT", "pain.001", "DE", "URG"),
    "AXZ": _up("XCT", "pain.001", "DE"),
    "AZV": _up("XCT", "dtazv", "DE"),
    "RFT": _up("RFT", "mt101"),
    "CDD": _up("SDD", "pain.008", option="COR"),
    "CDB": _up("SDD", "pain.008", option="B2B"),
    "CD1": _up("SDD", "pain.008", "BIL", "0CD1"),
    "XE2": _up("MCT", "pain.001", "CH"),
    "XE3": _up("SDD", "pain.008", "CH", "COR"),
    "XE4": _up("SDD", "pain.008", "CH", "B2B"),
    "XCT": _up("MCT", "pain.001", "CGI", "XCH"),
    "YCT": _up("MCT", "pain.001", "BIL"),
    "STA": _down("EOP", "mt940", "DE", container=""),
    "VMK": _down("STM", "mt942", "DE", container=""),
    "C52": _down("STM", "camt.052", "DE"),
    "C53": _down("EOP", "camt.053", "DE"),
    "C54": _down("STM", "camt.054", "DE"),
    "Z52": _down("STM", "camt.052", "CH"),
    "Z53": _down("EOP", "camt.053", "CH"),
    "Z54": _down("REP", "camt.054", "CH"),
    "ZS2": _down("REP", "camt.054", "CH", "XDCI"),
    "ZS3": _down("REP", "camt.054", "CH", "XDDD"),
    "ZS4": _down("REP", "camt.054", "CH", "XABK"),
    "ZQR": _down("REP", "camt.054", "CH", "XQRR"),
    "ZRF": _down("REP", "camt.054", "CH", "XSCR"),
    "Z01": _down("PSR", "pain.002", "CH"),
    "CRZ": _down("REP", "pain.002", "DE", "SCT"),
    "CDZ": _down("REP", "pain.002", "DE", "SDD"),
    "CIZ": _down("REP", "pain.002", "DE", "SCI"),
    "VPZ": _down("REP", "pain.002", "DE", "VOP"),
    "BKA": _down("EOP", "pdf", "DE"),
    "WSS": _down("OTH", "wssparam", "DE", container=""),
    FileFormat("pain.001.001.02.sct", "FR"): _up("SCT", "pain.001", "FR"),
    FileFormat("pain.001.001.03.sct", "FR"): _up("SCT", "pain.001", "FR"),
    FileFormat("pain.008.001.02.sdd", "FR"): _up("SDD", "pain.008", "FR", "COR"),
    FileFormat("pain.008.001.02.sbb", "FR"): _up("SDD", "pain.008", "FR", "B2B"),
    FileFormat("camt.xxx.cfonb120.stm", "FR"): _down("EOP", "cfonb120", "FR", container=""),
    FileFormat("camt.053.001.02.stm", "FR"): _down("EOP", "camt.053", "FR", container=""),
}


def with_profile(profile: OrderTypes | None) -> OrderTypes:
    """The standard table with a bank's own order types before it; the bank's word counts where both have one."""
    if not profile:
        return ORDER_TYPES
    return {**profile, **{code: kind for code, kind in ORDER_TYPES.items() if code not in profile}}


def business_of(code: Code, types: OrderTypes = ORDER_TYPES) -> Business | None:
    """What a code stands for; a file format without a country is found by its name alone. ``None`` where unknown."""
    found = types.get(code)
    if found is None and isinstance(code, FileFormat):
        found = next((kind for known, kind in types.items() if _same_file(code, known)), None)
    return found


def _same_file(wanted: FileFormat, known: Code) -> bool:
    return isinstance(known, FileFormat) and known.name == wanted.name and not (known.country and wanted.country)


def code_of(admin_type: str, service: Service, types: OrderTypes = ORDER_TYPES) -> Code | None:
    """The code for a BTF; ``None`` where there is none.

    Name, message and container must be the same, and the option where one is asked for. A code for the same scope goes
    before one for another: order types know no scope. Versions of the message never matter.
    """
    best, most = None, -1
    for code, kind in types.items():
        points = _likeness(kind, admin_type, service)
        if points > most:
            best, most = code, points
    return best


def _likeness(kind: Business, admin_type: str, service: Service) -> int:
    known = kind.service
    if kind.admin_type != admin_type or service.option not in {"", known.option}:
        return -1
    if (known.name, known.message, known.container) != (service.name, service.message, service.container):
        return -1
    return 4 * (known.option == service.option) + 2 * (known.scope == service.scope) + (not known.scope)
