"""The initialisation letters of EBICS 3.0 (spec 3.0.2, 11.5): one page a key, to be signed by hand and given to the bank."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime

from electra_kernel.ebics.keys import fingerprint
from electra_kernel.printing.paper import day, typeset
from electra_kernel.vocabulary.errors import ElectraError

#: What a key is for and which administrative order carries it, by the first letter of its version.
_USES = {
    "A": ("INI", "signature", "signs my orders"),
    "X": ("HIA", "authentication", "authenticates my messages"),
    "E": ("HIA", "encryption", "is used to encrypt what is meant for me"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterKey:
    """A key in a letter: its version (``A006``, ``X002``, ``E002``) and its certificate (X.509 DER) as sent."""

    version: str
    certificate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What an initialisation letter says.

    Attributes:
        bank: the bank's name; the host id where empty.
        host_id, partner_id, user_id: the subscription.
        user_name: the person who signs by hand; empty where unknown.
        ebics_version: such as ``H005``.
        sent: the aware moment at which the keys were sent; date and time of the letter.
        keys: one page each: A006 for INI, X002 and E002 for HIA.
    """

    bank: str
    host_id: str
    partner_id: str
    user_id: str
    user_name: str
    ebics_version: str
    sent: datetime
    keys: tuple[LetterKey, ...]


def letter_pdf(letter: Letter) -> bytes:
    """The letter as a PDF, one page a key, with the SHA-256 of each certificate in upper-case hex pairs.

    Raises:
        ElectraError: no key, or one whose version is not of EBICS.
    """
    if not letter.keys:
        raise ElectraError("A letter without a key has nothing to tell the bank.", repair="Make the keys first.")
    sent = letter.sent.astimezone(UTC)
    facts = [
        ("Bank", letter.bank),
        ("Host id", letter.host_id),
        ("Partner id", letter.partner_id),
        ("User id", letter.user_id),
        ("Name", letter.user_name),
        ("Date", day(sent.date())),
        ("Time", f"{sent:%H:%M:%S} UTC"),
        ("EBICS version", letter.ebics_version),
    ]
    data = {
        "bank": letter.bank or letter.host_id,
        "name": letter.user_name,
        "facts": [[name, value] for name, value in facts if value],
        "keys": [_key(key) for key in letter.keys],
    }
    return typeset("letter", data, letter.sent)


def _key(key: LetterKey) -> dict[str, object]:
    if key.version[:1] not in _USES:
        raise ElectraError(f"{key.version!r} is no key version of EBICS.", repair="Use A006, X002 or E002.")
    order, use, purpose = _USES[key.version[:1]]
    pairs = fingerprint(key.certificate).split()
    text = base64.b64encode(key.certificate).decode("ascii")
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return {
        "version": key.version,
        "order": order,
        "use": use,
        "purpose": purpose,
        "hash": [" ".join(pairs[i : i + 16]) for i in range(0, len(pairs), 16)],
        "pem": ["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"],
    }
