"""What is done to a document: its elements, attributes, texts and bytes are moved, lost, doubled, renamed and blown up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from random import Random

from lxml import etree

from electra_kernel.vocabulary.xml import HostileXml, parse_xml

Element = etree._Element

_NAMESPACES = (
    "urn:org:ebics:H005",
    "urn:org:ebics:H004",
    "http://www.ebics.org/H003",
    "http://www.ebics.org/H000",
    "http://www.ebics.org/S001",
    "http://www.ebics.org/S002",
    "http://www.w3.org/2000/09/xmldsig#",
    "urn:nobody",
    "relative/name",
    "",
)
_NAMES = (
    "header", "body", "static", "mutable", "AuthSignature", "DataTransfer", "OrderData", "SignatureData", "HostID",
    "PartnerID", "UserID", "TransactionID", "NumSegments", "SegmentNumber", "OrderDetails", "AdminOrderType", "Service",
    "ReturnCode", "DataEncryptionInfo", "X509Certificate", "Nonsense",
)  # fmt: skip
_ORDER_TYPES = [
    "HEV",
    "INI",
    "HIA",
    "H3K",
    "HPB",
    "PUB",
    "HCA",
    "HCS",
    "SPR",
    "BTU",
    "BTD",
    "FUL",
    "FDL",
    "HPD",
    "HAA",
    "HTD",
    "HKD",
    "HAC",
    "PTK",
    "HVU",
    "HVZ",
    "HVD",
    "HVT",
    "HVE",
    "HVS",
    "XXX",
]
_TEXTS = (
    "", " ", "0", "1", "-1", "00000000", "99999999999999999999", "1e9", "NaN", "٣", "true", "false", "%s%n", "../../x", "]]>",
    "\u202e", "𝔘", "A" * 70_000, "=", "====", "AAAA", "AA", "QUFBQQ==", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00", "2026-03-02T09:30:00Z", "2026-13-45", "24:00", "000000", "061099", "Initialisation",
    "Transfer", "Receipt", "X002", "E002", "A005", "A006", "[bold]x", "';--", "0" * 5_000,
)  # fmt: skip


def _any(root: Element, chance: Random) -> Element:
    return chance.choice([node for node in root.iter() if isinstance(node.tag, str)])


def _below(root: Element, chance: Random) -> Element:
    nodes = [node for node in root.iter() if isinstance(node.tag, str) and node is not root]
    return chance.choice(nodes) if nodes else root


def _drop(root: Element, chance: Random) -> None:
    node = _below(root, chance)
    if (parent := node.getparent()) is not None:
        parent.remove(node)


def _double(root: Element, chance: Random) -> None:
    node = _below(root, chance)
    if (parent := node.getparent()) is not None:
        parent.insert(chance.randrange(len(parent) + 1), deepcopy(node))


def _swap(root: Element, chance: Random) -> None:
    node = _any(root, chance)
    if len(node) > 1:
        node[:] = chance.sample(list(node), len(node))


def _move(root: Element, chance: Random) -> None:
    """An element somewhere else in the document: what signature wrapping is made of."""
    node, goal = _below(root, chance), _any(root, chance)
    if node.getparent() is not None and goal not in list(node.iter()):
        goal.insert(chance.randrange(len(goal) + 1), node)


def _wrap(root: Element, chance: Random) -> None:
    """The true, signed element is put aside and a changed copy takes its place."""
    node = _below(root, chance)
    parent = node.getparent()
    if parent is None:
        return
    aside = etree.SubElement(_any(root, chance), chance.choice(("aside", "{urn:x}Object")))
    parent.replace(node, copy := deepcopy(node))
    aside.append(node)
    if chance.random() < 0.5:
        copy.attrib.pop("authenticate", None)
    _text(copy, chance)


def _rename(root: Element, chance: Random) -> None:
    node = _any(root, chance)
    space = etree.QName(node).namespace
    name = chance.choice(_NAMES)
    node.tag = f"{{{space}}}{name}" if space else name


def _other_space(root: Element, chance: Random) -> None:
    space, whole = chance.choice(_NAMESPACES), chance.random() < 0.3
    for node in root.iter() if whole else [_any(root, chance)]:
        if isinstance(node.tag, str):
            name = etree.QName(node).localname
            node.tag = f"{{{space}}}{name}" if space else name


def _text(root: Element, chance: Random) -> None:
    node = _any(root, chance)
    node.text = chance.choice(_TEXTS)


def _flip(root: Element, chance: Random) -> None:
    """One character of a text becomes another: base64 that still looks like base64, a digit, a letter."""
    nodes = [node for node in root.iter() if isinstance(node.tag, str) and node.text]
    if not nodes:
        return
    node = chance.choice(nodes)
    place = chance.randrange(len(node.text or ""))
    node.text = f"{node.text[:place]}{chance.choice('ABCabc019+/=- ')}{node.text[place + 1 :]}"


def _cut_text(root: Element, chance: Random) -> None:
    nodes = [node for node in root.iter() if isinstance(node.tag, str) and node.text]
    if nodes:
        node = chance.choice(nodes)
        node.text = (node.text or "")[: chance.randrange(len(node.text or ""))]


def _attribute(root: Element, chance: Random) -> None:
    node = _any(root, chance)
    names = [*node.attrib, "authenticate", "Version", "Algorithm", "lastSegment", "Id", "requestEDS"]
    names.append("{http://www.w3.org/XML/1998/namespace}base")
    name = chance.choice(names)
    if chance.random() < 0.3:
        node.attrib.pop(name, None)
    else:
        node.set(name, chance.choice((*_TEXTS, "true")))


def _order_type(root: Element, chance: Random) -> None:
    for node in root.iter("{*}AdminOrderType", "{*}OrderType"):
        node.text = chance.choice(_ORDER_TYPES)


def _comment(root: Element, chance: Random) -> None:
    node = _any(root, chance)
    text = node.text or ""
    place = chance.randrange(len(text) + 1)
    comment: Element = etree.Comment("x") if chance.random() < 0.7 else etree.ProcessingInstruction("x", "y")
    comment.tail, node.text = text[place:], text[:place]
    node.insert(0, comment)


def _deep(root: Element, chance: Random) -> None:
    node = _any(root, chance)
    for _ in range(chance.choice((10, 200, 250, 300))):
        node = etree.SubElement(node, node.tag, {"authenticate": "true"} if chance.random() < 0.1 else {})


def _many(root: Element, chance: Random) -> None:
    node = _below(root, chance)
    if (parent := node.getparent()) is not None and len(etree.tostring(node)) < 2_000:
        parent.extend(deepcopy(node) for _ in range(chance.choice((2, 50, 500))))


TREE_MUTATIONS: tuple[Callable[[Element, Random], None], ...] = (
    _drop, _double, _swap, _move, _wrap, _rename, _other_space, _text, _flip, _cut_text, _attribute, _order_type, _comment,
    _deep, _many,
)  # fmt: skip


def mutated_tree(document: bytes, chance: Random) -> Element | None:
    """The document with one to three changes to its elements; ``None`` where it has none."""
    try:
        root = parse_xml(document)
    except HostileXml:
        return None
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        # Where elements would end inside themselves, or a name cannot be written, that change is left out.
        with suppress(ValueError):
            chance.choice(TREE_MUTATIONS)(root, chance)
    return root


_ENTITIES = (
    b'<!DOCTYPE x [<!ENTITY a "%s">%s]>'
    % (
        b"b" * 1_000,
        b"".join(
            b'<!ENTITY a%d "&a%s;&a%s;">' % (n, b"%d" % (n - 1) if n else b"", b"%d" % (n - 1) if n else b"")
            for n in range(30)
        ),
    ),
    b'<!DOCTYPE x SYSTEM "file:///etc/passwd">',
    b'<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1:1/x"> %a;]>',
)


def _encoded(document: bytes, chance: Random) -> bytes:
    text = document.decode("utf-8", "replace")
    name = chance.choice(("utf-16", "utf-16-be", "utf-32", "latin-1", "utf-7", "cp500", "utf-8-sig"))
    return text.encode(name, "replace")


def _claimed(document: bytes, chance: Random) -> bytes:
    name = chance.choice((b"UTF-16", b"ISO-8859-1", b"UTF-7", b"nonsense", b"", b"EBCDIC-CP-US"))
    return document.replace(b"encoding='UTF-8'", b"encoding='%s'" % name, 1)


def mutated_bytes(document: bytes, chance: Random) -> bytes:
    """The document with changes that no longer know what an element is."""
    kind, size = chance.randrange(9), max(len(document), 1)
    place = chance.randrange(size)
    if kind == 0:
        return document[:place]
    if kind == 1:
        return document[:place] + bytes([chance.randrange(256)]) + document[place + 1 :]
    if kind == 2:
        return _encoded(document, chance)
    if kind == 3:
        return _claimed(document, chance)
    if kind == 4:
        end = document.find(b"?>") + 2
        entity = chance.choice(_ENTITIES)
        return (
            document[:end] + entity + document[end:].replace(b"</", b"&a29;</" if chance.random() < 0.5 else b"</", 3)
        )
    if kind == 5:
        return document * chance.choice((2, 3))
    if kind == 6:
        other = chance.randrange(size)
        return document[:place] + document[other : other + chance.randrange(400)] + document[place:]
    if kind == 7:
        return chance.choice((b"", b"\x00", b"\xef\xbb\xbf", b" " * 100_000, b"<" * 50_000, b"<a>" * 50_000)) + document
    return (
        document.replace(b">", b"><![CDATA[", 1) if chance.random() < 0.5 else chance.randbytes(chance.randrange(600))
    )
