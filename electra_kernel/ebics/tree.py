"""Small helpers over lxml trees: children in one namespace, exact paths, canonical bytes. No EBICS rule lives here."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from copy import deepcopy
from typing import cast

from lxml import etree

_XML = "{http://www.w3.org/XML/1998/namespace}"


def _named(tag: str, spaces: Mapping[str | None, str]) -> etree._Element:
    # The stubs of lxml forget that a default namespace has the prefix None.
    return etree.Element(tag, nsmap=cast("Mapping[str, str]", spaces))


def start(tag: str, **prefixes: str) -> etree._Element:
    """A new root element ``{namespace}name`` whose namespace is the default one; ``prefixes`` are declared beside it."""
    spaces: dict[str | None, str] = {None: etree.QName(tag).namespace or ""}
    for prefix, space in prefixes.items():
        spaces[prefix] = space
    return _named(tag, spaces)


def add(
    parent: etree._Element, name: str, text: str | None = None, /, *, space: str = "", **attributes: str
) -> etree._Element:
    """A new last child of ``parent`` in its namespace (or in ``space``), with text and attributes."""
    namespace = space or etree.QName(parent).namespace
    child = etree.SubElement(parent, f"{{{namespace}}}{name}", attributes)
    child.text = text
    return child


def children(parent: etree._Element | None, name: str) -> list[etree._Element]:
    """The direct children called ``name`` in the parent's own namespace."""
    return [] if parent is None else list(parent.iterchildren(_beside(parent, name)))


def _beside(parent: etree._Element, name: str) -> str:
    space, brace, _ = parent.tag.rpartition("}")
    # Without a namespace there is nothing of ours below.
    return f"{space}{brace}{name}" if brace else f"{{none}}{name}"


def find(parent: etree._Element | None, path: str) -> etree._Element | None:
    """The element at an exact path such as ``header/static/HostID``; ``None`` where there is none."""
    for name in path.split("/"):
        if parent is None:
            return None
        parent = next(parent.iterchildren(_beside(parent, name)), None)
    return parent


def text(parent: etree._Element | None, path: str) -> str:
    """The stripped text at ``path``; empty where there is none."""
    node = find(parent, path)
    return "" if node is None else (node.text or "").strip()


def flag(value: str | None) -> bool:
    """An ``xs:boolean`` as some peers write it."""
    return (value or "").strip().lower() in {"true", "1"}


def binary(content: str) -> bytes:
    """Decode base64 whatever its line breaks.

    Raises:
        ValueError: it is not base64.
    """
    return b64decode("".join(content.split()), validate=True)


def serialise(root: etree._Element) -> bytes:
    """The document as it goes on the wire: UTF-8 with an XML declaration, not indented."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def local(node: etree._Element) -> str:
    """The element's name without its namespace; empty for comments."""
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


def _own_root(node: etree._Element) -> etree._Element:
    # lxml canonicalises a subtree without the namespaces that are only in scope, so the subtree becomes a root of its
    # own that declares them (Canonical XML 1.0, 2.4: an apex element renders every namespace in scope).
    root = _named(node.tag, node.nsmap)
    for name, value in node.attrib.items():
        root.set(name, value)
    for ancestor in node.iterancestors():
        for name, value in ancestor.attrib.items():
            if str(name).startswith(_XML) and root.get(name) is None:
                root.set(name, value)
    root.text = node.text
    root.extend(deepcopy(child) for child in node)
    return root


def canonical(node: etree._Element) -> bytes:
    """Inclusive canonical XML 1.0 without comments of one element of a document (W3C REC-xml-c14n-20010315).

    Raises:
        ValueError: it has no canonical form, as with a relative namespace name.
    """
    try:
        return etree.tostring(_own_root(node), method="c14n", exclusive=False, with_comments=False)
    except etree.C14NError as error:
        raise ValueError("a part of the document has no canonical form") from error
