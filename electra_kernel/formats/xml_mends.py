"""XML that says something wrong of itself, made readable; every mend is told, and none touches an element.

What may live here: blanks before the declaration, padding after the end, a declaration of another encoding than the
bytes have, and several documents one after the other. Places in the file stay what they are wherever the encoding does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"
_LATE = re.compile(rb"((?:\xef\xbb\xbf|[ \t\r\n])+)(<\?xml[ \t\r\n][^>]{0,200}\?>)")
#: What mainframes and transfers fill a file up with.
_PADDING = b"\0\x1a \t\r\n"
_ENCODING = re.compile(
    rb"""^(?:\xef\xbb\xbf)?<\?xml[^>]{0,200}?([ \t\r\n]encoding\s{0,9}=\s{0,9}["']([\w.-]{1,40})["'])"""
)
_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[ \t\r\n][^>]{0,200}\?>")
_END = re.compile(rb"</(?:[\w.-]+:)?Document[ \t\r\n]*>")
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_WIDE = ("utf-16", "utf16", "ucs-2", "ucs2", "iso-10646-ucs-2")
#: The character set that is tried where the bytes are not what they are declared to be.
_OTHERWISE = "windows-1252"


@dataclass(frozen=True, slots=True)
class Mend:
    """What was wrong, by rule, place (byte offset or ``None``) and words, and what to do about it."""

    rule: str
    position: int | None
    text: str
    repair: str


def declared_first(data: bytes) -> bytes:
    """The same bytes with the XML declaration before the blanks that stand in front of it."""
    late = _LATE.match(data[:4096])
    if late is None or late[1] == _BOM:
        return data
    return late[2] + b" " * len(late[1]) + data[late.end() :]


def mended(data: bytes) -> tuple[bytes, list[Mend]]:
    """A document that a parser refused, with what can be mended mended; nothing where there is nothing to mend."""
    mends = []
    if (first := declared_first(data)) != data:
        text = "Something blank stands before the XML declaration, which has to be first; it was passed over."
        mends.append(Mend("xml-declaration", 0, text, "Nothing need be done; other programs may refuse the file."))
    whole = first.rstrip(_PADDING) if first[:2] not in _WIDE_MARKS and first[-1:] in (b"\0", b"\x1a") else first
    if whole != first:
        text = "The file is filled up after its end with bytes that are no XML; they were passed over."
        mends.append(Mend("padding", len(whole), text, "Nothing need be done; other programs may refuse the file."))
    coded, mend = _rightly_coded(whole)
    return coded, [*mends, mend] if mend else mends


def _rightly_coded(data: bytes) -> tuple[bytes, Mend | None]:
    found = _ENCODING.match(data[:512])
    name = found[2].decode().lower() if found else ""
    wide = name in _WIDE and 0 not in data[:64]
    if not wide and name not in ("", "utf-8", "utf8"):
        return data, None
    plain = data if found is None else data[: found.start(1)] + b" " * len(found[1]) + data[found.end(1) :]
    called = name.upper() or "UTF-8"
    try:
        data.decode()
    except UnicodeDecodeError as error:
        text = (
            f"The file is called {called} and is not; it was read as {_OTHERWISE}. Letters beyond the English ones may be "
            "wrong, amounts and dates are not."
        )
        repair = "Ask its maker to state the right encoding, or to write UTF-8."
        return _letters(plain.removeprefix(_BOM)).encode(), Mend("encoding", error.start, text, repair)
    if not wide:
        return data, None
    text = f"The file is called {called} and is UTF-8; it was read as that."
    return plain, Mend("encoding", None, text, "Nothing need be done; other programs may refuse the file.")


def _letters(data: bytes) -> str:
    try:
        return data.decode(_OTHERWISE)
    except UnicodeDecodeError:
        return data.decode("iso-8859-1")


def as_one(data: bytes) -> bytes | None:
    """Several documents one after the other as one, in an element of their own; ``None`` where there is one only."""
    if len(_DECLARATION.findall(data)) < 2 and len(_END.findall(data)) < 2:
        return None
    first = _DECLARATION.match(data)
    declaration = first[0].removeprefix(_BOM) if first else b""
    rest = _DECLARATION.sub(lambda match: b" " * len(match[0]), data)
    return declaration + b"<documents>" + rest + b"</documents>"
