"""Whose fault an error is, and what it means for an order: one table by type of error, for every place that shows errors.

What may live here: the table, and looking an error up in it. Types are known by name, so that nothing heavy is loaded to
tell a person what happened; a type that is not in the table is told as the nearest of its bases that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from electra_kernel.vocabulary.errors import ElectraError


class Fault(StrEnum):
    """Whose fault it is, in words for people."""

    INPUT = "what was given: a file, a word or a number"
    STEP = "the step comes too early or too late"
    RIGHTS = "the bank has not given you the right"
    ACCESS = "the access: the bank does not know, has not activated or has locked this user or its keys"
    LINE = "the line between you and the bank"
    BANK = "the bank"
    STRANGER = "somebody who is not proved to be the bank"
    PROGRAM = "this program"
    MACHINE = "this machine: its files, or another program on it"


_AS_BEFORE = "Nothing was changed."
_NOTHING_THERE = "The bank has got nothing; an order that was to be sent stays in the outbox."
_ASKS_FIRST = (
    "An order that was being sent stays in the outbox; the next send() asks the bank first whether it arrived."
)
_BACKUP = "What was told before stands in the journal; go on with a backup."

#: By type of error: whose fault, and what became of orders and data.
FAULTS: dict[str, tuple[Fault, str]] = {
    "ElectraError": (Fault.INPUT, _AS_BEFORE),
    "UnreadableFile": (Fault.INPUT, "No order was made; the file is in the archive."),
    "NoUsablePayments": (Fault.INPUT, "No order was made; the file is in the archive."),
    "ProfileUnreadable": (Fault.INPUT, _AS_BEFORE),
    "WrongPassword": (Fault.INPUT, "Nothing was changed, and no attempt is counted."),
    "OrderNotReady": (Fault.STEP, "The order is as it was."),
    "NotSignedYet": (Fault.STEP, "The order is as it was."),
    "OrderNotEditable": (Fault.STEP, "The order is as it was."),
    "NotShownYet": (Fault.STEP, "The order is as it was."),
    "NotReady": (Fault.STEP, "Nothing was sent; orders that are signed stay signed."),
    "OrdersWait": (Fault.STEP, "The orders and the connection are as they were."),
    "OrdersUnderWay": (Fault.STEP, "The orders and the keys are as they were."),
    "VersionNotSpoken": (Fault.BANK, "Keys and orders are as they were."),
    "AccessRefused": (Fault.ACCESS, _NOTHING_THERE),
    "NotPermitted": (Fault.RIGHTS, "The order is as it was."),
    "ChannelError": (Fault.LINE, _ASKS_FIRST),
    "BankUnreachable": (Fault.LINE, _NOTHING_THERE),
    "CertificateRejected": (Fault.STRANGER, _NOTHING_THERE),
    "NotABank": (Fault.STRANGER, _ASKS_FIRST),
    "EbicsError": (Fault.PROGRAM, _ASKS_FIRST),
    "LocalProtocolError": (Fault.PROGRAM, _NOTHING_THERE),
    "ImpossibleForm": (Fault.INPUT, _AS_BEFORE),
    "RemoteProtocolError": (Fault.BANK, _ASKS_FIRST),
    "EnvelopeDamaged": (Fault.BANK, _ASKS_FIRST),
    "BankSignatureInvalid": (Fault.STRANGER, _ASKS_FIRST),
    "BankKeysDiffer": (Fault.STRANGER, "The keys are not trusted; nothing is sent to this bank."),
    "OrderDiffers": (Fault.BANK, "Nothing was signed."),
    "BankRefusal": (Fault.INPUT, _NOTHING_THERE),
    "OrderAlreadyThere": (Fault.STEP, "The bank has the order, exactly once."),
    "PrintingFailed": (Fault.PROGRAM, _AS_BEFORE),
    "Busy": (Fault.MACHINE, "Nothing was changed."),
    "JournalBroken": (Fault.MACHINE, _BACKUP),
    "ArchiveDamaged": (Fault.MACHINE, _BACKUP),
    "DamagedLedger": (Fault.MACHINE, _BACKUP),
    "DamagedDatabase": (Fault.MACHINE, _BACKUP),
    "NoSuchKey": (Fault.MACHINE, "Nothing was sent or signed."),
    "KeyDiffers": (Fault.MACHINE, "Nothing was sent or signed."),
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """An error in words: what happened, why, whose fault it is, what became of orders and data, and what to do."""

    what: str
    cause: str
    fault: str
    outcome: str
    repair: str

    def lines(self) -> list[tuple[str, str]]:
        """Each part with its label, those that say something; the first has none."""
        parts = [
            ("", self.what),
            ("Cause", self.cause),
            ("Whose", self.fault),
            ("Orders and data", self.outcome),
            ("Repair", self.repair),
        ]
        return [(label, text) for label, text in parts if text]

    def line(self) -> str:
        """All of it in one line, for terminals and logs."""
        return " ".join(_sentence(f"{label}: {text}" if label else text) for label, text in self.lines())

    def __str__(self) -> str:
        return "\n".join(f"{label}: {text}" if label else text for label, text in self.lines())


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def explain(error: BaseException) -> Explanation:
    """What happened, whose fault it is, and what to do, of any error; one that is not ours is the program's."""
    if not isinstance(error, ElectraError):
        words = f"{type(error).__name__}: {error}"
        return Explanation(
            "Something went wrong that this program did not expect.",
            words,
            Fault.PROGRAM.value,
            "Look before you repeat: orders tell in their history how far they came.",
            "Report it with this text.",
        )
    fault, outcome = _of(error)
    what = f"{error.where}: {error.what}" if error.where else error.what
    return Explanation(what, error.cause, fault.value, outcome, error.repair)


def _of(error: ElectraError) -> tuple[Fault, str]:
    name = next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in FAULTS)
    fault, outcome = FAULTS[name]
    # A bank's return code knows better than the type of the error whose fault it is.
    told = getattr(error, "fault", None)
    return (told if isinstance(told, Fault) else fault), outcome
