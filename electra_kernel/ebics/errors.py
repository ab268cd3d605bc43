"""What can go wrong when speaking EBICS: ours and theirs, told apart. Only exception types live here."""

from __future__ import annotations

import re

from electra_kernel.ebics.codes import ReturnCode, lookup
from electra_kernel.vocabulary.errors import ElectraError

_NAME = re.compile(r"\A\[EBICS_[A-Z0-9_]{1,80}\]")


class EbicsError(ElectraError):
    """Anything that stops an EBICS exchange."""


class LocalProtocolError(EbicsError):
    """This side was asked for something the protocol does not allow, or was used out of order."""


class RemoteProtocolError(EbicsError):
    """The other side sent something the protocol does not allow. Nothing of it was used."""


class BankSignatureInvalid(RemoteProtocolError):
    """An answer is not signed by the bank key that was confirmed, or was changed on its way."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            "The bank's answer is not proved to come from the bank; nothing of it was used.",
            cause=cause,
            repair="Try again. If it stays so, fetch the bank's keys anew and compare them with the bank's letter.",
        )


class OrderSignatureInvalid(EbicsError):
    """An electronic signature does not fit the order's bytes or the signer's certificate."""


class BankRefusal(EbicsError):
    """The bank answered with a return code that ends the exchange.

    Attributes:
        code: the six digits.
        name: the code's name, such as ``EBICS_INVALID_USER_STATE``.
        level: ``technical`` (from the header) or ``business`` (from the body).
        report: the bank's own text, as it came.
        fault: whose fault it is, by the code.
    """

    def __init__(self, code: str, report: str = "", *, level: str = "") -> None:
        known: ReturnCode = lookup(code)
        self.code, self.name, self.report, self.level = code, known.name, report, level or known.level
        self.fault = known.fault
        # Names differ between the versions, so whichever the bank writes is taken off.
        own_words = _NAME.sub("", report, count=1).strip()
        cause = known.cause
        if own_words and own_words != known.meaning:
            cause = f"{cause} The bank's words: {own_words}".strip()
        super().__init__(f"{known.meaning} ({code} {known.name})", cause=cause, repair=known.repair, where="bank")


class OrderAlreadyThere(BankRefusal):
    """The bank already has an order with exactly these bytes (091122): it arrived before, and exactly once."""


def bank_refusal(code: str, report: str = "", *, level: str = "") -> BankRefusal:
    """The exception for a return code."""
    kind = OrderAlreadyThere if code == "091122" else BankRefusal
    return kind(code, report, level=level)
