"""SWIFT MT, written: the X character set, lines that begin no field by accident, amounts, and fields as the text of a message.

Source: SWIFT User Handbook, FIN (character set X, field formats).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

from electra_kernel.formats.mt_values import GOES_ON, NARRATIVE
from electra_kernel.vocabulary.errors import ElectraError

_NARRATIVE_LINES = 6
_X = re.compile(r"[^A-Za-z0-9/\-?:().,'+ \n]")
_SPELLED = str.maketrans(
    {
        "ß": "ss",
        "ø": "o",
        "Ø": "O",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "þ": "th",
        "Þ": "TH",
        "ð": "d",
        "ı": "i",
        "&": "+",
        "_": "-",
        "–": "-",
        "—": "-",
        "’": "'",
        "‘": "'",
        "“": "'",
        "”": "'",
        "„": "'",
        '"': "'",
        "`": "'",
        ";": ",",
        "@": "(at)",
        "€": "EUR",
        "\t": " ",
        "\r": " ",
        "=": "-",
        "*": ".",
        "%": ".",
        "$": "S",
        "#": ".",
        "!": ".",
        "|": "/",
        "\\": "/",
        "\xa0": " ",
        "[": "(",
        "]": ")",
        "{": "(",
        "}": ")",
        "<": "(",
        ">": ")",
    }
)


def plain(text: str) -> str:
    """Text in the X character set: accents fall away, other signs are spelled or become a full stop."""
    if text.isascii() and not _X.search(text):
        return text
    spelled = unicodedata.normalize("NFKD", text.translate(_SPELLED))
    return _X.sub(".", "".join(each for each in spelled if not unicodedata.combining(each)))


def folded(text: str, width: int) -> list[str]:
    """Text as lines of at most ``width``; none begins with a colon or hyphen, which would begin or end a field."""
    lines: list[str] = []
    at = 0
    while at < len(text):
        stop = min(at + width, len(text))
        while stop < len(text) and text[stop] in ":-" and stop > at + 1:
            stop -= 1
        lines.append(text[at:stop])
        at = stop
    return lines


def message_text(parts: Iterable[tuple[str, str]]) -> str:
    """Fields as the text of a message: ``:tag:value`` on lines of their own, CR LF at the end of each."""
    return "".join([f":{tag}:{value}\r\n" for tag, value in parts if value]).replace("\r\n", "\n").replace("\n", "\r\n")


def checked(tag: str, value: str, limit: int) -> str:
    """A value that must not be cut.

    Raises:
        ElectraError: longer than ``limit``, or with characters outside the X set.
    """
    if len(value) > limit or _X.search(value):
        raise ElectraError(
            f"{value[:40]!r} does not fit into field {tag} of an MT message: at most {limit} plain characters.",
            repair="Shorten it, and use letters A to Z, digits and / - ? : ( ) . , ' + only.",
        )
    return value


def amount_text(amount: Decimal, limit: int = 15) -> str:
    """An amount as FIN writes it: no sign, no groups, always a comma.

    Raises:
        ElectraError: more than ``limit`` characters.
    """
    whole, _, fraction = f"{abs(amount):f}".partition(".")
    written = f"{whole},{fraction.rstrip('0')}"
    if len(written) > limit:
        raise ElectraError(
            f"The amount {amount:f} has more than the {limit} characters of an MT field.",
            repair="Split the payment, or choose another format.",
        )
    return written


def narrative_lines(text: str) -> list[str]:
    """A text as the lines of field 72; what six lines do not hold is left out."""
    step = NARRATIVE - len(GOES_ON)
    text = text.lstrip("/") if text.startswith(GOES_ON) else text
    first, rest = text[:NARRATIVE], text[NARRATIVE:]
    more = [f"{GOES_ON}{rest[at : at + step]}" for at in range(0, len(rest), step)]
    return [first, *more][:_NARRATIVE_LINES] if first else []
