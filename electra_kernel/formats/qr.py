"""What the texts of payment codes (QR) share: lines with a fixed meaning each, one payment. No code lives here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.orders.model import Transaction
from electra_kernel.vocabulary.accounts import AccountError, parse_account
from electra_kernel.vocabulary.errors import ElectraError

_ASK = "Ask whoever made the code for a corrected one."
_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,2})?")
_CONTROLS = re.compile("[\x00-\x1f\x7f]")
_LINE_END = re.compile(r"\r\n|\n|\r")


def first_lines(data: bytes) -> list[str]:
    """The first lines of a text, whatever ends them, without blanks around them; the last may be cut."""
    start = data[:64].removeprefix(b"\xef\xbb\xbf").decode("ascii", "replace")
    return [line.strip() for line in _LINE_END.split(start)]


def text_lines(text: str) -> list[str]:
    """The lines of a text, whatever ends them."""
    return _LINE_END.split(text)


@dataclass(frozen=True, slots=True)
class QrText:
    """The lines of a code by the names of their fields; a line that is not there is empty."""

    names: tuple[str, ...]
    lines: tuple[str, ...]

    def __getitem__(self, name: str) -> str:
        place = self.names.index(name)
        return self.lines[place] if place < len(self.lines) else ""

    @classmethod
    def parse(
        cls, data: bytes, names: Sequence[str], source: str, *, encoding: str = "utf-8", most_bytes: int
    ) -> QrText:
        """Split a text into its lines.

        Raises:
            UnreadableFile: longer than a code can be, or not in its character set.
        """
        if len(data) > most_bytes + 16:  # a mark and line ends that no code has, but files do
            raise unreadable(source, "too-long", f"The text has {len(data)} bytes; a code holds {most_bytes}.", _ASK)
        try:
            text = data.removeprefix(b"\xef\xbb\xbf").decode(encoding)
        except UnicodeDecodeError as error:
            raise unreadable(
                source, "character-set", "The text is not in the character set that it names.", _ASK
            ) from error
        lines = text_lines(text)
        return cls(tuple(names), tuple(_CONTROLS.sub(" ", line).strip() for line in lines))

    @staticmethod
    def write(values: Sequence[str], *, most_bytes: int) -> bytes:
        """Lines to a text; empty ones at the end are left out.

        Raises:
            ElectraError: longer than a code can be.
        """
        text = "\n".join(" ".join(_CONTROLS.sub(" ", value).split()) for value in values).rstrip("\n").encode()
        if len(text) > most_bytes:
            raise ElectraError(
                f"The payment needs {len(text)} bytes; a code holds {most_bytes}.", repair="Shorten its text or name."
            )
        return text

    def error(self, problems: Problems, name: str, rule: str, words: str) -> None:
        """Something about a field that keeps the payment from being made as it is."""
        problems.error(self.names.index(name) + 1, name, rule, words, _ASK)

    def warn(self, problems: Problems, name: str, words: str) -> None:
        """Something the user should know."""
        problems.warn(self.names.index(name) + 1, name, "not-carried", words, "Nothing to do.")


def amount_of(text: QrText, problems: Problems, name: str, written: str) -> Decimal:
    """The amount of a field; 0 where it is left to the payer, as it may be, or is none; both are told."""
    if _AMOUNT.fullmatch(written):
        return Decimal(written)
    if written:
        text.error(problems, name, "amount", f"{written[:40]!r} is not an amount.")
    else:
        said = "The code leaves the amount to the payer."
        problems.warn(text.names.index(name) + 1, name, "amount-open", said, "Enter it.")
    return Decimal(0)


def account_of(text: QrText, problems: Problems, name: str, written: str) -> str:
    """The IBAN of a field, as it stands with a problem where it is none."""
    try:
        return parse_account(written)
    except AccountError as error:
        text.error(problems, name, "account", error.what)
        return written


def one_payment(format_name: str, payment: Transaction, problems: Problems) -> Reading:
    """The reading of a code."""
    return Reading(format=format_name, transactions=(payment,), problems=problems.rows())
