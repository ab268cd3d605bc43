"""Where a connection stands: derived from its journal, never stored beside it, and told as the next step.

What may live here: the fold over a connection's events, and the words for what comes next. Nothing here speaks to a bank.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from electra_kernel.ebics.desk import KeyUse
from electra_kernel.store import ConnectionRecord
from electra_kernel.store.journal import JournalEvent

#: Steps after which the bank has, or will get, other keys.
KEY_EVENTS = frozenset({"keys-created", "ini-sent", "hia-sent", "h3k-sent", "keys-changed"})

#: New keys of a change, or of a new beginning, that the bank may or may not have.
CHANGING, CHANGED, KEPT = "keys-changing", "keys-changed", "keys-kept"
SUSPENDING, SUSPENDED, NOT_SUSPENDED = "suspending", "suspended", "not-suspended"
REFUSED, RESTORED = "access-refused", "access-restored"
#: The connection was taken out of the workbench. A later one of its name begins anew.
REMOVED = "removed"

#: What a change is called in words.
CHANGES = {
    "PUB": "the signature key",
    "HCA": "the keys for authentication and encryption",
    "HCS": "all keys",
    "INI": "all keys, from the beginning",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a connection stands.

    Attributes:
        steps: kinds of events since the newest keys were created.
        changing: the change of keys whose end is not known; ``None`` where there is none.
        suspending: giving up the access (SPR) whose end is not known.
        suspended: when the access was given up; ``None`` where it was not.
        refused: the bank's last word that it does not take these keys or this user, while it is its last.
        keys_at: when the newest keys went to the bank, or were made.
        version_known: whether it was settled which version of EBICS is spoken.
    """

    steps: frozenset[str] = frozenset()
    changing: JournalEvent | None = None
    suspending: JournalEvent | None = None
    suspended: datetime | None = None
    refused: JournalEvent | None = None
    keys_at: datetime | None = None
    version_known: bool = False

    @property
    def sent(self) -> bool:
        """Whether the bank has got the keys."""
        return {"ini-sent", "hia-sent"} <= self.steps or "h3k-sent" in self.steps

    @property
    def ready(self) -> bool:
        """Whether the initialisation is finished and was not given up."""
        return self.sent and "bank-keys-confirmed" in self.steps and self.suspended is None and self.suspending is None


def of_this_life(events: Iterable[JournalEvent]) -> list[JournalEvent]:
    """The events of a connection, oldest first, without those of an earlier one of its name that was removed."""
    told = list(events)
    removed = [place for place, event in enumerate(told, 1) if event.kind == REMOVED]
    return told[removed[-1] :] if removed else told


def standing(events: Iterable[JournalEvent]) -> Standing:
    """Where a connection stands after these events, oldest first."""
    now = Standing()
    for event in of_this_life(events):
        now = _after(now, event)
    return now


def _after(now: Standing, event: JournalEvent) -> Standing:
    if event.kind in KEY_EVENTS:
        # Restored keys went to the bank when they first did.
        now = replace(now, keys_at=datetime.fromisoformat(event.data.get("at") or event.at.isoformat()))
    if event.kind == "keys-created":
        sent = {"ini-sent"} if event.data.get("ini_sent") else set()
        steps = frozenset({"keys-created"} | sent)
        return Standing(steps=steps, keys_at=now.keys_at, version_known=now.version_known)
    moved = _MOVES[event.kind](now, event) if event.kind in _MOVES else now
    return replace(moved, steps=moved.steps | {event.kind})


_MOVES: dict[str, Callable[[Standing, JournalEvent], Standing]] = {
    "version-chosen": lambda now, _: replace(now, version_known=True),
    CHANGING: lambda now, event: replace(now, changing=event),
    CHANGED: lambda now, _: replace(now, changing=None, refused=None),
    KEPT: lambda now, _: replace(now, changing=None),
    SUSPENDING: lambda now, event: replace(now, suspending=event),
    SUSPENDED: lambda now, event: replace(now, suspending=None, suspended=event.at, refused=None),
    NOT_SUSPENDED: lambda now, _: replace(now, suspending=None),
    REFUSED: lambda now, event: replace(now, refused=event),
    RESTORED: lambda now, _: replace(now, refused=None),
}


def certificates_of(event: JournalEvent) -> dict[KeyUse, bytes]:
    """The new certificates (DER) that an event of a change tells of."""
    told = event.data.get("certificates") or {}
    return {KeyUse(use): base64.b64decode(text) for use, text in told.items()}


@dataclass(frozen=True, slots=True)
class Commands:
    """What a person types for each step: in a notebook, or in the shell."""

    initialise: str = "connection.initialise()"
    with_hashes: str = "connection.initialise() with the hashes from the bank's letter"
    renew: str = "connection.initialise(new_keys=True)"
    suspend: str = "connection.suspend()"
    finish: str = "connection.finish_change()"
    restore: str = "wb.restore_keys(…)"


PYTHON = Commands()
SHELL = Commands(
    initialise="electra connect, as before",
    with_hashes="electra connect once more, with --authentication and --encryption from the bank's letter",
    renew="electra keys renew",
    suspend="electra keys suspend",
    finish="electra keys change",
    restore="electra keys restore FILE",
)


def next_step(now: Standing, record: ConnectionRecord, letter: str, say: Commands = PYTHON) -> str:
    """What to do next, in words; empty where all is done.

    Args:
        now: where the connection stands; record: its ids.
        letter: name of the file with the letter.
        say: what a person types.
    """
    return (
        _given_up(now, say)
        or _begun_anew(now, say)
        or _first_steps(now, record, letter, say)
        or _refused(now, record, say)
        or _left_open(now, say)
    )


def _given_up(now: Standing, say: Commands) -> str:
    if now.suspended is not None:
        return (
            f"The access was given up on {now.suspended:%Y-%m-%d}. To begin again create new keys: {say.renew}; "
            "then send the new letter"
        )
    if now.suspending is not None:
        return f"It is not known whether the bank got that the access is given up: {say.suspend} asks and finishes it"
    return ""


def _begun_anew(now: Standing, say: Commands) -> str:
    if now.changing is not None and now.changing.data.get("kind") == "INI":
        return f"Sending the new keys was cut off: {say.renew} goes on with them"
    return ""


def _first_steps(now: Standing, record: ConnectionRecord, letter: str, say: Commands) -> str:
    if not record.certificates:
        asked = "" if record.protocol else " (it asks the bank first which version of EBICS it speaks)"
        return f"Create your keys: {say.initialise}{asked}"
    if not now.sent:
        return f"Send your keys to the bank: {say.initialise}"
    if "bank-keys-confirmed" in now.steps:
        return ""
    then = f"run {say.initialise if record.bank_keys else say.with_hashes}"
    if "h3k-sent" in now.steps:
        return (
            "The bank checks your certificates with the authority that issued them. Should it ask for a letter, print "
            f"{letter} and sign it. Once the bank has activated you, {then}"
        )
    return f"Print the letter {letter}, sign it, send it to the bank; once the bank has activated you, {then}"


def _refused(now: Standing, record: ConnectionRecord, say: Commands) -> str:
    if now.refused is None:
        return ""
    code = " ".join(str(now.refused.data.get(each, "")) for each in ("code", "name"))
    return (
        f"On {now.refused.at:%Y-%m-%d} the bank refused {record.user}: it has locked the user, or has other keys ({code}). "
        f"Ask the bank. If it unlocks you, go on as before; if it resets you, run {say.renew} and send the new letter; if the "
        f"keys were changed on another machine, take them from there: {say.restore}"
    )


def _left_open(now: Standing, say: Commands) -> str:
    if now.changing is None:
        return ""
    what = CHANGES.get(now.changing.data.get("kind", ""), "keys")
    return (
        f"A change of {what} was cut off. The next contact with the bank finds out which keys it has, and finishes it: "
        f"{say.finish}"
    )
