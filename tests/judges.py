"""What strangers say of everything that is sent in any test: the published schemas of every document and xmlsec1 of every signature.

The engines are listened to, not changed: each kind of document (its root, order type, phase and return codes) is judged some
times, its signature once, in every run of tests. What came damaged on purpose is not judged, only what our two sides send.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from electra_kernel.ebics.exchange import Exchange
from electra_kernel.ebics.server import Server
from electra_kernel.ebics.witness import Sight
from tests.ebics_house import SCHEMAS, schema_errors
from tests.shared import SHARED

#: How often a kind of document is shown to its schema, and its signature to xmlsec1.
SCHEMA_LOOKS, SIGNATURE_LOOKS = 25, 1
_KIND = re.compile(
    rb"<((?:AdminOrderType|OrderType|TransactionPhase|ReturnCode|ReceiptCode)[^>]*>[^<]*)<|<(ebics\w+) |(lastSegment=\"\w+\")"
)
#: The kind is told by the head and the end of a document; between them lie order data.
_HEAD, _END = 3_000, 600


class Judge:
    """Listens, and keeps what strangers find wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wrong: list[str] = []
        self.shown: Counter[tuple[str, str, bytes]] = Counter()
        self._judging = Lock()
        self.verifies = shutil.which("xmlsec1") is not None

    def sent(self, side: str, document: bytes, key: rsa.RSAPublicKey | None) -> None:
        """Judge a document as it goes out; ``key`` is the one its signature must fit. One at a time: the files are the same."""
        with self._judging:
            self._sent(side, document, key)

    def _sent(self, side: str, document: bytes, key: rsa.RSAPublicKey | None) -> None:
        kind = b" ".join(b"".join(found) for found in _KIND.findall(document[:_HEAD] + document[-_END:]))
        if SHARED.is_dir() and self._looks("schema", side, kind, SCHEMA_LOOKS):
            self.wrong += [f"{side}: {error}: {document[:_HEAD]!r}" for error in schema_errors(document)]
        signed = key is not None and b"AuthSignature>" in document
        if signed and self.verifies and self._looks("signature", side, kind, SIGNATURE_LOOKS):
            self._verify(side, document, key)

    def held(self, kind: str, content: bytes) -> None:
        """Judge the order data inside an answer, where there is a schema for them."""
        with self._judging:
            self._held(kind, content)

    def _held(self, kind: str, content: bytes) -> None:
        if not (SHARED.is_dir() and content.startswith(b"<?xml")):
            return
        if etree.QName(etree.fromstring(content)).namespace not in SCHEMAS:
            return
        if self._looks("schema", f"data of {kind}", b"", SCHEMA_LOOKS):
            self.wrong += [f"order data of {kind}: {error}" for error in schema_errors(content)]

    def _looks(self, what: str, side: str, kind: bytes, most: int) -> bool:
        self.shown[what, side, kind] += 1
        return self.shown[what, side, kind] <= most

    def _verify(self, side: str, document: bytes, key: rsa.RSAPublicKey) -> None:
        pem, copy = self.folder / "key.pem", self.folder / "document.xml"
        pem.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        copy.write_bytes(re.sub(rb"(</?)AuthSignature>", rb"\1ds:Signature>", document))
        command = ["xmlsec1", "--verify", "--pubkey-pem", str(pem), str(copy)]
        judged = subprocess.run(command, capture_output=True, check=False)
        if judged.returncode:
            self.wrong.append(f"{side}: {judged.stderr.decode()}: {document[:_HEAD]!r}")


@contextmanager
def listening(judge: Judge) -> Iterator[None]:
    """Everything that clients and banks of this process send goes by the judge."""
    asked, made, began = Exchange.request, Server.handle, Server.__init__

    def request(self: Any) -> bytes | None:
        document = asked(self)
        if document is not None:
            session = getattr(self, "_session", None)
            judge.sent("client", document, None if session is None else session.keys.authentication_key.public_key())
        return document

    def handle(self: Any, document: bytes) -> bytes:
        answer = made(self, document)
        judge.sent("bank", answer, self._gate.keys.authentication_key.public_key())
        return answer

    def begin(self: Any, *values: Any, **options: Any) -> None:
        began(self, *values, **options)
        self._witness = _also(judge, self._witness)

    Exchange.request, Server.handle, Server.__init__ = request, handle, begin  # type: ignore[method-assign]
    try:
        yield
    finally:
        Exchange.request, Server.handle, Server.__init__ = asked, made, began  # type: ignore[method-assign]


def _also(judge: Judge, witness: Callable[[Sight], None] | None) -> Callable[[Sight], None]:
    def both(sight: Sight) -> None:
        if sight.answer is not None and sight.answer.encryption is not None and sight.order_data:
            kind = "" if sight.request is None or sight.request.details is None else sight.request.details.admin_type
            judge.held(kind, sight.order_data)
        if witness is not None:
            witness(sight)

    return both
