"""What a bank's engine sees of one request while it answers: plain events for whoever watches (a log, a debugger).

The steps of the engine tell here which check comes next and what they found; without a witness nothing is kept. A check is
told before it is made, so the last one told is the one that failed. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum

from electra_kernel.ebics.desk import DeskRefusal, TransactionRecord
from electra_kernel.ebics.documents import Answer, Request


class Check(StrEnum):
    """What a request is proved against."""

    FORM = "form"
    HOST = "host"
    TIME = "time"
    AUTHENTICATION = "authentication"
    NONCE = "nonce"
    STATE = "state"
    BANK_KEYS = "bank-keys"
    RIGHT = "right"
    PARAMETERS = "parameters"
    ANNOUNCEMENT = "announcement"
    TRANSACTION = "transaction"
    SEGMENT = "segment"
    ENVELOPE = "envelope"
    DIGEST = "digest"
    SIGNATURES = "signatures"
    DOUBLE = "double"
    KEYS = "keys"
    DESK = "desk"


@dataclass(slots=True)
class Step:
    """One check and what was found while it was made."""

    check: Check
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SignatureSeen:
    """An electronic signature and the hash it fits: ``stripped`` (of CR, LF, Ctrl-Z), ``raw``, or ``none``."""

    partner_id: str
    user_id: str
    version: str
    fits: str


@dataclass(slots=True)
class Sight:
    """All that was seen of one request.

    Attributes:
        document: the request as it came; answer_document: the answer as it went.
        request: what it says, once it could be read.
        steps: the checks in their order; where ``refusal`` is set, the last one failed.
        transaction: the open transaction it belongs to.
        order_data: what came or goes, decrypted; never a key.
        signatures: electronic signatures over the order.
    """

    document: bytes
    request: Request | None = None
    steps: list[Step] = field(default_factory=list)
    transaction: TransactionRecord | None = None
    order_data: bytes | None = None
    signatures: list[SignatureSeen] = field(default_factory=list)
    refusal: DeskRefusal | None = None
    answer: Answer | None = None
    answer_document: bytes = b""


Witness = Callable[[Sight], None]

_sight: ContextVar[Sight | None] = ContextVar("sight", default=None)


@contextmanager
def watching(document: bytes, *, wanted: bool) -> Iterator[Sight]:
    """Everything told inside the block belongs to this document."""
    sight = Sight(document)
    token = _sight.set(sight if wanted else None)
    try:
        yield sight
    finally:
        _sight.reset(token)


def checking(check: Check) -> None:
    """Tell that this check comes next."""
    sight = _sight.get()
    if sight is not None:
        sight.steps.append(Step(check))


def remark(words: str) -> None:
    """Tell what was found in the check under way."""
    sight = _sight.get()
    if sight is not None and sight.steps:
        sight.steps[-1].words.append(words)


def belongs_to(transaction: TransactionRecord) -> None:
    """Tell which transaction the request opens or goes on with."""
    sight = _sight.get()
    if sight is not None:
        sight.transaction = transaction


def carries(order_data: bytes) -> None:
    """Tell the order data, decrypted and inflated."""
    sight = _sight.get()
    if sight is not None:
        sight.order_data = order_data


def signed(signature: SignatureSeen) -> None:
    """Tell an electronic signature and what it fits."""
    sight = _sight.get()
    if sight is not None:
        sight.signatures.append(signature)
