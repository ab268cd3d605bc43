"""XML from outside: hostile until parsed here. No DTD, no entities, no network, bounded depth and text."""

from __future__ import annotations

from lxml import etree

from electra_kernel.vocabulary.errors import ElectraError


class HostileXml(ElectraError):
    """A document that is not well-formed, or carries what no bank document may carry.

    ``line`` is where the parser stopped, 1-based; 0 where it did not say.
    """

    def __init__(self, what: str, *, line: int = 0, repair: str) -> None:
        self.line = line
        super().__init__(what, where=f"line {line}" if line else "", repair=repair)


def parser() -> etree.XMLParser:
    """A parser that loads nothing, expands nothing and asks no network.

    Comments are left out, so that one inside a value cannot hide the value's end from a reader.
    """
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,
    )


def parse_xml(data: bytes) -> etree._Element:
    """Parse a whole document into its root element.

    Raises:
        HostileXml: empty, not well-formed, in a wrong encoding, with a document type or entities, or too deep.
    """
    if not data or data.isspace():
        raise HostileXml("The document is empty.", repair="Fetch or export the file again.")
    try:
        root = etree.fromstring(data, parser())
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        line = getattr(error, "lineno", None) or 0
        raise HostileXml(
            f"The document is not well-formed XML: {error}", line=line, repair="Fetch or export the file again."
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise HostileXml(
            "The document carries a document type declaration.",
            line=1,
            repair="Remove the DOCTYPE; bank documents have none.",
        )
    return root
