"""The signature X002 over a whole document (spec 3.0.2, 5.5.1.1): making it, and refusing all that is not exactly it.

The signed nodes are those marked ``authenticate="true"``. What a reader consumes must be those very nodes, so a document
is refused unless each marked node stands at its one place and each node at such a place is marked.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256 as HASH
from lxml import etree

from electra_kernel.ebics.tree import add, binary, canonical, children, find, local, text
from electra_kernel.ebics.version import C14N, DSIG, RSA_SHA256, SHA256

_REFERENCE = "#xpointer(//*[@authenticate='true'])"
#: Where marked nodes may stand, seen from the root.
_PLACES = (
    "header",
    "body/PreValidation",
    "body/DataTransfer/DataEncryptionInfo",
    "body/DataTransfer/SignatureData",
    "body/TransferReceipt",
    "body/ReturnCode",
    "body/TimestampBankParameter",
)


class AuthSignatureInvalid(Exception):
    """Why a document's AuthSignature is not accepted, in words."""


_marked_nodes = etree.XPath("//*[@authenticate='true']")


def _marked(root: etree._Element) -> list[etree._Element]:
    """The nodes that the reference means, in their order."""
    return cast("list[etree._Element]", _marked_nodes(root))


def _nodes_digest(nodes: list[etree._Element]) -> bytes:
    total = sha256()
    for node in nodes:
        total.update(canonical(node))
    return total.digest()


def _signed_info(signature: etree._Element, digest: bytes) -> etree._Element:
    info = add(signature, "SignedInfo", space=DSIG)
    add(info, "CanonicalizationMethod", Algorithm=C14N)
    add(info, "SignatureMethod", Algorithm=RSA_SHA256)
    reference = add(info, "Reference", URI=_REFERENCE)
    add(add(reference, "Transforms"), "Transform", Algorithm=C14N)
    add(reference, "DigestMethod", Algorithm=SHA256)
    add(reference, "DigestValue", b64encode(digest).decode("ascii"))
    return info


def sign(root: etree._Element, key: rsa.RSAPrivateKey) -> None:
    """Put the AuthSignature between header and body of a finished document that declares ``xmlns:ds`` on its root."""
    namespace = etree.QName(root).namespace
    signature: etree._Element = etree.Element(f"{{{namespace}}}AuthSignature")
    root.insert(1, signature)
    info = _signed_info(signature, _nodes_digest(_marked(root)))
    value = key.sign(canonical(info), padding.PKCS1v15(), HASH())
    add(signature, "SignatureValue", b64encode(value).decode("ascii"), space=DSIG)


def _require(condition: bool, why: str) -> None:
    if not condition:
        raise AuthSignatureInvalid(why)


def _check_shape(root: etree._Element, marked: list[etree._Element]) -> None:
    names = [local(node) for node in root if isinstance(node.tag, str)]
    _require(names == ["header", "AuthSignature", "body"], "the document is not header, one signature, body")
    allowed: list[etree._Element] = []
    for place in _PLACES:
        parent, _, name = place.rpartition("/")
        found = children(find(root, parent) if parent else root, name)
        _require(len(found) <= 1, f"{place} stands more than once")
        allowed += found
    _require(len(children(find(root, "body"), "DataTransfer")) <= 1, "DataTransfer stands more than once")
    _require(set(marked) == set(allowed), "a part that must be signed is not, or the signature covers another")
    _require(len(list(root.iter(f"{{{etree.QName(root).namespace}}}AuthSignature"))) == 1, "there are two signatures")


def _algorithm(info: etree._Element, path: str) -> str:
    node = find(info, path)
    return "" if node is None else node.get("Algorithm", "")


def _check_algorithms(info: etree._Element) -> None:
    references = children(info, "Reference")
    _require(len(references) == 1, "the signature has not exactly one reference")
    uri = (references[0].get("URI") or "").replace('"', "'").replace(" ", "")
    _require(uri == _REFERENCE, "the signature refers to other nodes")
    _require(_algorithm(info, "CanonicalizationMethod") == C14N, "the canonicalisation is another")
    _require(_algorithm(info, "SignatureMethod") == RSA_SHA256, "the signature method is another")
    transforms = children(find(references[0], "Transforms"), "Transform")
    _require([node.get("Algorithm") for node in transforms] == [C14N], "the transform is another")
    _require(_algorithm(references[0], "DigestMethod") == SHA256, "the digest method is another")


def verify(root: etree._Element, key: rsa.RSAPublicKey) -> None:
    """Check that the document as a whole, as its readers will read it, was signed with ``key``.

    Raises:
        AuthSignatureInvalid: it was not, says why.
    """
    marked = _marked(root)
    _check_shape(root, marked)
    signature = find(root, "AuthSignature")
    infos = [] if signature is None else signature.findall(f"{{{DSIG}}}SignedInfo")
    values = [] if signature is None else signature.findall(f"{{{DSIG}}}SignatureValue")
    _require(len(infos) == 1 and len(values) == 1, "the signature is not complete")
    _check_algorithms(infos[0])
    try:
        digest, value = binary(text(infos[0], "Reference/DigestValue")), binary(values[0].text or "")
        _require(digest == _nodes_digest(marked), "the content was changed after it was signed")
        key.verify(value, canonical(infos[0]), padding.PKCS1v15(), HASH())
    except InvalidSignature as error:
        raise AuthSignatureInvalid("another key signed it") from error
    except ValueError as error:
        raise AuthSignatureInvalid(f"the signature cannot be read ({error})") from error
