"""What every channel offers, and how it fails. No protocol above bytes, no retries: whoever sends decides."""

from __future__ import annotations

from typing import Protocol

from electra_kernel.vocabulary.errors import ElectraError


class ChannelError(ElectraError):
    """The bytes did not make it there and back. Whether the bank acted on them is unknown, unless a subclass says so."""


class BankUnreachable(ChannelError):
    """No connection came about: the bank has seen nothing."""


class CertificateRejected(BankUnreachable):
    """The server could not prove that it is the bank; nothing was sent to it."""


class NotABank(ChannelError):
    """Something answered, but not as an EBICS bank does."""


class Channel(Protocol):
    """One line to one bank."""

    def exchange(self, document: bytes) -> bytes:
        """Send one document and return the answer.

        Raises:
            ChannelError: a typed failure with cause and repair.
        """

    def close(self) -> None:
        """Hang up."""
