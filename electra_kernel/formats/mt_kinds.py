"""Which SWIFT message a file holds: by block 2, by a bank's header line, or by the fields that only one type has.

What lives here: the types by name and by fields, and how a file is told. How it is cut into messages is in ``mt``.
Source: SWIFT User Handbook, FIN, categories 1, 2, 9 and common group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from electra_kernel.formats.wide import narrowed

#: What is looked at to tell what a file is.
_HEAD = 65_536

#: An advice without a header whose fields do not say whether it is an MT900 or an MT910: nobody guesses a sign.
DEBIT_OR_CREDIT = "900 or 910"
#: The same for orders: only field 28D tells a request for transfer from a request for debit transfer.
PAY_OR_COLLECT = "101 or 104"

#: Message types by name, for those that are read and for those that are refused by name (FIN, category 1, 2, 9 and common).
TITLES = {
    "101": "request for transfer",
    "102": "multiple customer credit transfer",
    "103": "customer credit transfer",
    "104": "direct debit",
    "107": "general direct debit",
    "110": "advice of cheques",
    "111": "request for stop payment of a cheque",
    "112": "status of a request for stop payment of a cheque",
    "200": "financial institution transfer for its own account",
    "202": "general financial institution transfer",
    "203": "multiple financial institution transfer",
    "204": "financial markets direct debit",
    "205": "financial institution transfer execution",
    "210": "notice to receive",
    "900": "confirmation of debit",
    DEBIT_OR_CREDIT: "confirmation that does not say whether of a debit or a credit; ask the bank for it with its header",
    PAY_OR_COLLECT: "request that does not say whether it pays or collects; field 28D or a header would say so",
    "910": "confirmation of credit",
    "920": "request message",
    "935": "rate change advice",
    "940": "customer statement",
    "941": "balance report",
    "942": "interim transaction report",
    "950": "statement",
    "970": "netting statement",
}
#: Common group messages: the last two digits say what it is, in every category.
_COMMON = {
    "90": "advice of charges",
    "91": "request for payment of charges",
    "92": "request for cancellation",
    "95": "queries",
    "96": "answers",
    "98": "proprietary message",
    "99": "free format message",
}


def title(kind: str) -> str:
    """What a message type is, in words; empty where it is not known."""
    return TITLES.get(kind) or _COMMON.get(kind[1:], "")


# -------------------------------------------------------------------------------------------------------- which
#: The messages that are read.
READ = ("101", "103", "900", "910", "940", "941", "942", "950")
#: Block 2 of FIN, which names the type of its message; a header line of a bank's own that does.
BLOCK_2 = re.compile(rb"\{2:[IO]([1-9][0-9]{2})")
_BLOCK_2_LINE = re.compile(rb"(?m)^[ \t\x01\x02]*\{.{0,200}?\{?2:[IO]([1-9][0-9]{2})")
HEADER_LINE = re.compile(rb"(?m)^:?(1[0-9]{2}|9[0-9]{2})(?: ?00)?:?[ \t]*\r?$")
_TAG_LINE = re.compile(rb"(?m)(?:^|\r|\{4:)[ \t]*:([0-9]{2}[A-Za-z]?|NS) ?:")
#: A statement of which only entries are left: dates, a mark and an amount.
_LONE_ENTRY = re.compile(rb"\s*:61 ?:\s*[0-9]{6}\s*(?:[0-9]{4})?\s*(?:R?[CD]|E[CD])[A-Z]?\s*[0-9]{1,15}[.,]")
#: Message types by the fields that only they have together: all of these tags, and none of those.
_BY_FIELDS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("101", ("28D", "32B"), ()),
    ("103", ("32A", "50", "59"), ()),
    ("103", ("32A", "59"), ("21", "30")),
    ("103", ("32A", "23B"), ("21", "30")),
    (PAY_OR_COLLECT, ("30", "32B", "50", "59"), ("25", "32A")),
    ("910", ("32A", "25", "50"), ()),
    ("910", ("32A", "25", "56"), ()),
    (DEBIT_OR_CREDIT, ("32A", "25"), ("60", "62", "61", "34F")),
    ("942", ("34F",), ("60", "62")),
    ("942", ("13D", "25"), ("60", "62")),
    ("941", ("60", "62", "90"), ("61",)),
    ("940", ("60",), ()),
    ("940", ("62",), ()),
    ("940", ("61", "25"), ()),
    ("940", ("61", "86"), ()),
)


def kind_of(data: bytes) -> str:
    """The type of the first SWIFT message in a file (``940``), or empty where there is none. Raises nothing.

    Where the first one is of a type that is not read and a later one is, the later one counts.
    """
    head = _head(data)
    if b":" not in head:
        return ""
    found = _TAG_LINE.search(head)
    block = _BLOCK_2_LINE.search(head)
    if block is not None and (found is None or block.start() < found.start()):
        named_ones = [each[1].decode() for each in _BLOCK_2_LINE.finditer(head)]
        return next((kind for kind in named_ones if kind in READ), named_ones[0])
    if found is None:
        return ""
    named = HEADER_LINE.search(head[max(0, found.start() - 512) : found.start()])
    by_fields = _kind_by_fields(head, found.start())
    if not by_fields and _LONE_ENTRY.match(head, found.start()):
        return "940"
    return named[1].decode() if named and by_fields else by_fields


def _head(data: bytes) -> bytes:
    return narrowed(data[:_HEAD])


def _kind_by_fields(head: bytes, start: int) -> str:
    tags: list[str] = []
    for match in _TAG_LINE.finditer(head, start):
        tag = match[1].decode().upper()
        if tag == "20" and len(tags) > 1:
            break
        tags.append(tag)
    return kind_by_tags(tags)


def kind_by_tags(tags: Iterable[str]) -> str:
    """The message type that has these fields, for messages without a header; empty where none has."""
    names = list(tags)
    found = {*names, *(tag[:2] for tag in names)}
    for kind, wanted, without in _BY_FIELDS:
        if found.issuperset(wanted) and found.isdisjoint(without):
            return kind
    return ""


def looks_like(data: bytes) -> str:
    """A SWIFT message that is not read, or text that quotes some, in words; empty where there is no trace of any."""
    kind = kind_of(data)
    if kind:
        return f"an MT{kind} ({title(kind) or 'a SWIFT message'})"
    quoted = dict.fromkeys(match.decode() for match in BLOCK_2.findall(_head(data)))
    if not quoted:
        return ""
    return (
        f"text that quotes SWIFT messages ({', '.join('MT' + each for each in list(quoted)[:5])}), not a file of them"
    )
