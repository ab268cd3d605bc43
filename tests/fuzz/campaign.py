"""A campaign: true talks between client and bank, and before each true document many damaged copies of it.

What must hold: no exception, no internal error (061099), no work beyond proportion, no order that nobody signed, and on the
client's side the bank's true data or a clear error.
"""

from __future__ import annotations

import copy
import faulthandler
import logging
import re
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from lxml import etree

from electra_kernel.ebics import authsignature, envelope
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.ebics.keys import TransportKeys
from electra_kernel.ebics.signature import write_signatures
from electra_kernel.ebics.tree import binary, serialise
from electra_kernel.ebics.version import VERSIONS
from electra_kernel.vocabulary.errors import ElectraError
from tests import ebics_house as house
from tests.fuzz.houses import LIMITS, TALKS, House, dictionaries, sandbox
from tests.fuzz.mutations import Element, mutated_bytes, mutated_tree
from tests.fuzz.parsers import readers
from tests.fuzz.watch import allowed_calls, calls_of, peak_memory

#: Bytes of memory that a process of a campaign may hold.
MEMORY = 600 * 2**20
#: A portion of documents that takes longer than these seconds does not end at all.
PATIENCE = 1_800
#: Damaged copies before each true document.
COPIES = 24
_NONCE = re.compile(rb"<Nonce>\w+</Nonce>")
#: Every so many documents the work is counted; counting slows it down.
COUNTED = 8


@dataclass(frozen=True)
class Defect:
    """What must not happen, and the document that made it happen."""

    what: str
    document: bytes


def _own_keys(exchange: Any) -> TransportKeys:
    """The keys of the client that speaks; HEV is asked for without any."""
    session = getattr(exchange, "_session", None)
    return house.transport_keys(house.USER) if session is None else session.keys


@dataclass
class Outcome:
    """What a campaign did and found. ``codes`` counts the answers of the bank by return code."""

    documents: int = 0
    defects: list[Defect] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    most_calls: int = 0


@cache
def bombs() -> tuple[bytes, ...]:
    """Small data that unfold far beyond every limit, and nested ones."""
    zeros = zlib.compress(bytes(LIMITS.order_data + 2**20), 9)
    return (
        zeros,
        zlib.compress(zeros),
        zlib.compress(b"<a>" * 100_000),
        zlib.compress(b"<a>" + b"x" * 11_000_000),
        b"",
        zeros[:-4],
    )


class Campaign:
    """One run with one seed."""

    def __init__(self, seed: int, documents: int) -> None:
        self.chance, self.wanted, self.outcome = Random(seed), documents, Outcome()

    def run(self) -> Outcome:
        """Go on until enough documents were tried."""
        with closing(dictionaries()) as plain, closing(sandbox()) as real:
            while self.outcome.documents < self.wanted:
                self._parse()
                home = self.chance.choice((plain, plain, plain, real))
                version = self.chance.choice(tuple(VERSIONS.values()))
                for exchange, data in self.chance.choice(TALKS)(home, version, self.chance):
                    self._talk(home, exchange, data)
                for order in home.unsigned_orders():
                    self.outcome.defects.append(Defect("an order was taken that nobody signed", order))
                for document, error in home.failures:
                    self.outcome.defects.append(Defect(f"the log failed: {error!r}", document))
                home.failures.clear()
        return self.outcome

    # ------------------------------------------------------------------------------------------------- one talk
    def _talk(self, home: House, exchange: Any, data: bytes) -> None:
        believed: list[bytes] = []
        try:
            self._carry(home, exchange, data, believed)
            if (fetched := getattr(exchange, "data", None)) is not None:
                exchange.acknowledge(self.chance.random() < 0.5)
                self._carry(home, exchange, data, believed)
        except EbicsError:
            # A damaged copy may have done the work of the true document, which then comes too late.
            return
        for each in believed:
            if each != fetched:
                self.outcome.defects.append(Defect("the client believed data the bank did not send", each))

    def _carry(self, home: House, exchange: Any, data: bytes, believed: list[bytes]) -> None:
        while (request := exchange.request()) is not None:
            back = home.remember()
            for _ in range(COPIES):
                self._to_bank(home, self._damaged_request(self._renewed(request), exchange, data))
                back()
            answer = home.bank.handle(request)
            for _ in range(COPIES):
                self._to_client(exchange, *self._damaged_answer(answer, exchange), believed)
            exchange.answer(answer)

    def _to_bank(self, home: House, document: bytes) -> None:
        answer = self._tried(document, lambda: home.bank.handle(document))
        if answer is None:
            return
        root = etree.fromstring(answer)
        codes = [node.text or "" for node in root.iter("{*}ReturnCode")]
        self.outcome.codes.update(codes[:2])
        if not codes or "061099" in codes:
            self.outcome.defects.append(Defect(f"the bank answered {codes}", document))

    def _to_client(self, exchange: Any, document: bytes, proved: bool, believed: list[bytes]) -> None:
        tried = copy.copy(exchange)
        if hasattr(tried, "_collector"):
            tried._collector = copy.deepcopy(exchange._collector)

        def take() -> None:
            with suppress(EbicsError):
                tried.answer(document)

        self._tried(document, take)
        if not proved and getattr(tried, "data", None) is not None:
            believed.append(tried.data)

    def _tried(self, document: bytes, work: Callable[[], Any]) -> Any:
        self.outcome.documents += 1
        result: list[Any] = [None]

        def keep() -> None:
            result[0] = work()

        try:
            if self.outcome.documents % COUNTED:
                keep()
            else:
                calls = calls_of(keep)
                self.outcome.most_calls = max(self.outcome.most_calls, calls)
                if calls > allowed_calls(len(document)):
                    self.outcome.defects.append(Defect(f"{calls} calls for {len(document)} bytes", document))
        except Exception as error:
            self.outcome.defects.append(Defect(f"{type(error).__name__}: {error}", document))
        return result[0]

    # ---------------------------------------------------------------------------------------------- damaged copies
    def _renewed(self, document: bytes) -> bytes:
        # A copy that is still whole must not use up the nonce of the true document.
        return _NONCE.sub(b"<Nonce>%s</Nonce>" % self.chance.randbytes(16).hex().upper().encode(), document)

    def _damaged_request(self, document: bytes, exchange: Any, data: bytes) -> bytes:
        kind = self.chance.random()
        if kind < 0.2:
            return mutated_bytes(document, self.chance)
        if kind < 0.5:
            root = mutated_tree(document, self.chance)
        elif kind < 0.75:
            root = mutated_tree(document, self.chance)
            self._sign(root, _own_keys(exchange).authentication_key)
        else:
            root = etree.fromstring(document)
            self._other_content(root, exchange, data)
            self._sign(root, _own_keys(exchange).authentication_key)
        return document if root is None else serialise(root)

    def _damaged_answer(self, document: bytes, exchange: Any) -> tuple[bytes, bool]:
        kind = self.chance.random()
        if kind < 0.25:
            return mutated_bytes(document, self.chance), False
        if kind < 0.6:
            root = mutated_tree(document, self.chance)
            return (document if root is None else serialise(root)), False
        root = mutated_tree(document, self.chance) if kind < 0.8 else etree.fromstring(document)
        if kind >= 0.8 and root is not None:
            self._other_delivery(root, exchange)
        self._sign(root, house.transport_keys("bank").authentication_key)
        return (document if root is None else serialise(root)), True

    def _sign(self, root: Element | None, key: Any) -> None:
        """Sign anew, so that the damage is found behind the signature and not by it."""
        if root is None or root.find("{*}AuthSignature") is None:
            return
        for old in root.findall("{*}AuthSignature"):
            root.remove(old)
        # What cannot be canonicalised cannot be signed; it goes out without a signature.
        with suppress(ValueError):
            authsignature.sign(root, key)

    def _content(self, data: bytes) -> bytes:
        """Compressed order data of another kind: damaged, or a bomb."""
        kind = self.chance.random()
        if kind < 0.08:
            return self.chance.choice(bombs())
        if kind < 0.7 and (root := mutated_tree(data, self.chance)) is not None:
            return envelope.deflate(serialise(root))
        return envelope.deflate(mutated_bytes(data, self.chance))

    def _sealed(self, data: bytes, key: bytes) -> str:
        content = envelope.encrypt(self._content(data), key)
        return b64encode(content[: self.chance.choice((len(content), len(content), 16, 15))]).decode()

    def _other_content(self, root: Element, exchange: Any, data: bytes) -> None:
        key = getattr(exchange, "_key", None)
        for node in root.iter("{*}OrderData"):
            if key is None:
                node.text = b64encode(self._content(envelope.inflate(binary(node.text or "")))).decode()
            else:
                node.text = self._sealed(data, key)
                for number in root.iter("{*}SegmentNumber"):
                    number.set("lastSegment", "true")
        for node in root.iter("{*}SignatureData"):
            signatures = getattr(exchange, "_signatures", ()) or (exchange._signature,)
            node.text = self._sealed(write_signatures(signatures, exchange._version), key or bytes(16))

    def _other_delivery(self, root: Element, exchange: Any) -> None:
        wrapped = root.find(".//{*}TransactionKey")
        content = root.find(".//{*}OrderData")
        if wrapped is None or content is None:
            return
        key = envelope.unwrap_key(binary(wrapped.text or ""), _own_keys(exchange).encryption_key)
        try:
            data = envelope.unseal(content.text or "", key)
        except EbicsError:
            data = b"<x/>"
        content.text = self._sealed(data, key)

    # ------------------------------------------------------------------------------------------------- order data
    def _parse(self) -> None:
        """Order data of every kind, damaged, straight into their readers."""
        for _, sample, read in readers():
            for _ in range(4):
                root = mutated_tree(sample, self.chance) if self.chance.random() < 0.7 else None
                document = mutated_bytes(sample, self.chance) if root is None else serialise(root)
                self._tried(document, lambda document=document, read=read: _read(read, document))


def _read(read: Callable[[bytes], object], document: bytes) -> None:
    with suppress(ElectraError, ValueError):
        read(document)


def portion(seed: int, documents: int) -> tuple[int, Outcome, int]:
    """A campaign in a process of its own: its seed, what came of it, and the most memory it held, in bytes."""
    # The engine tells of refused signatures; here there are many.
    logging.disable(logging.ERROR)
    # Whoever waits for a document that never ends learns where it hangs.
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    outcome = Campaign(seed, documents).run()
    faulthandler.cancel_dump_traceback_later()
    return seed, outcome, peak_memory()
