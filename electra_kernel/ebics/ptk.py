"""PTK, the customer protocol as text for people (spec 2.5, 10.3): written by the bank, read as what it is.

It is ISO 8859-1; its layout differs from bank to bank, so nothing is picked out of it. ``hac`` tells the same as values.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from electra_kernel.ebics.hac import HacEvent
from electra_kernel.ebics.ordertypes import ORDER_TYPES, OrderTypes, code_of

CHARSET = "iso-8859-1"
_WIDTH = 78

#: What each action of HAC is called in the text.
_WORDS = {
    "FILE_UPLOAD": "File received",
    "FILE_DOWNLOAD": "File fetched",
    "ES_UPLOAD": "Signature received",
    "ES_DOWNLOAD": "Signature fetched",
    "ES_VERIFICATION": "Signature checked",
    "VEU_FORWARDING": "Waits for signatures",
    "VEU_VERIFICATION": "Signature added",
    "VEU_VERIFICATION_END": "All signatures are there",
    "VEU_CANCEL_ORDER": "Order cancelled",
    "ADDITIONAL": "Note",
    "ORDER_HAC_FINAL_POS": "Accepted",
    "ORDER_HAC_FINAL_NEG": "Refused",
}


def write_ptk(events: Sequence[HacEvent], *, bank: str, created: datetime, types: OrderTypes = ORDER_TYPES) -> bytes:
    """The protocol as text: a block for each event, oldest first. What the charset lacks becomes a question mark."""
    lines = [f"Customer protocol  {bank}", f"Made on {created:%Y-%m-%d %H:%M:%S} UTC", "=" * _WIDTH]
    for event in events:
        lines += [*_block(event, types), "-" * _WIDTH]
    return "\r\n".join([*lines, ""]).encode(CHARSET, "replace")


def _block(event: HacEvent, types: OrderTypes) -> list[str]:
    code = None if event.service is None else code_of(event.admin_type, event.service, types)
    kind = f"{code or event.admin_type}" + (f" ({event.service})" if event.service is not None else "")
    rows = {
        "Time": f"{event.at:%Y-%m-%d %H:%M:%S} UTC",
        "Event": f"{_WORDS.get(event.action, event.action)}{f'  [{event.reason}]' if event.reason else ''}",
        "Order": " ".join(filter(None, [kind, event.order_id])),
        "User": f"{event.partner_id} / {event.user_id}",
        "Hash": "" if event.digest is None else event.digest.hex().upper(),
    }
    told = [f"{name:<8}{value}" for name, value in rows.items() if value]
    return [*told, *(f"{'':8}{line}" for line in event.text.splitlines())]


def read_ptk(data: bytes) -> str:
    """The text, with plain line ends. Never fails: every byte is a character of ISO 8859-1."""
    return data.decode(CHARSET).replace("\r\n", "\n").replace("\r", "\n")
