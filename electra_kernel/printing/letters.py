"""The initialisation letters of EBICS: one page a key, to be signed by hand and given to the bank.

EBICS 3.0 (spec 3.0.2, 11.5) prints a certificate and its hash; EBICS 2.5 (spec 2.5, 11.5) the numbers of a key and theirs,
where keys travel without certificates. What may live here: what a letter says, as PDF and as HTML. Its words are data:
``letter_words.toml``.
"""

from __future__ import annotations

import base64
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from electra_kernel.ebics.keys import fingerprint, is_bare, public_key_of
from electra_kernel.printing.paper import day, typeset
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.text import escape

#: What a key is for, in the words' names, and which order carries it, by the first letter of its version.
_USES = {"A": ("INI", "signature"), "X": ("HIA", "authentication"), "E": ("HIA", "encryption")}
_WORDS = Path(__file__).with_name("letter_words.toml")
_PAIRS_A_ROW, _NUMBER_PAIRS_A_ROW = 16, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterKey:
    """A key in a letter: its version (``A006``, ``X002``, ``E002``) and its certificate (X.509 DER) as sent.

    Where the key was sent without a certificate, it is the bare key instead (``ebics.keys.bare``).
    """

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
        language: ``en``, ``de``, ``fr`` or ``hu``.
    """

    bank: str
    host_id: str
    partner_id: str
    user_id: str
    user_name: str
    ebics_version: str
    sent: datetime
    keys: tuple[LetterKey, ...]
    language: str = "en"


def languages() -> tuple[str, ...]:
    """The languages letters are written in, as two letters (ISO 639-1)."""
    return tuple(_all_words())


def letter_pdf(letter: Letter) -> bytes:
    """The letter as a PDF, one page a key, with the SHA-256 the bank compares in upper-case hex pairs.

    Raises:
        ElectraError: no key, one whose version is not of EBICS, or a language that is not there.
    """
    return typeset("letter", {**_said(letter), "language": letter.language}, letter.sent)


def letter_html(letter: Letter) -> str:
    """The letter as one HTML page that prints one sheet a key; it says the same as the PDF, and raises the same."""
    said = _said(letter)
    words, pages = said["words"], said["keys"]
    assert isinstance(words, Mapping)
    assert isinstance(pages, list)
    facts = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in _facts(letter))
    signer = f"{words['sign']}, {letter.user_name}" if letter.user_name else words["sign"]
    line = f"<div class='sign'><span>{escape(words['place'])}</span><span>{escape(signer)}</span></div>"
    body = "".join(_page_html(page, facts, line) for page in pages)
    head = f"<meta charset='utf-8'><title>{escape(words['letter'])}</title><style>{_STYLE}</style>"
    return f"<!DOCTYPE html>\n<html lang='{escape(letter.language)}'><head>{head}</head><body>{body}</body></html>\n"


_STYLE = (
    "@page{size:A4;margin:20mm}body{font:11pt/1.4 Georgia,serif;color:#1d2733;max-width:180mm;margin:0 auto;padding:8mm}"
    "section{page-break-after:always;break-after:page}section:last-child{page-break-after:auto;break-after:auto}"
    "h1{font-weight:normal;font-size:20pt;margin:0}h2{font-weight:normal;font-size:12pt;color:#66717e;margin:0 0 6mm}"
    "dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(38mm,1fr));gap:3mm}"
    "dt,h3{font-size:8.5pt;color:#66717e;font-weight:normal;margin:4mm 0 1mm}dd{margin:0;overflow-wrap:anywhere}"
    "pre{font:9pt/1.45 'DejaVu Sans Mono',Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}"
    "pre.hash{font-size:11pt;background:#f3f5f7;padding:4mm;text-align:center}pre.long{font-size:7.5pt}"
    ".sign{display:flex;gap:10mm;margin-top:16mm}.sign span{flex:1;border-top:.5pt solid #1d2733;font-size:9pt}"
)


def _page_html(page: Mapping[str, object], facts: str, line: str) -> str:
    blocks = page["blocks"]
    assert isinstance(blocks, list)
    shown = "".join(
        f"<h3>{escape(each['title'])}</h3><pre class='{each['kind']}'>{escape(chr(10).join(each['rows']))}</pre>"
        for each in blocks
    )
    return (
        f"<section><h1>{escape(page['heading'])}</h1><h2>{escape(page['use'])}</h2><dl>{facts}</dl>{shown}"
        f"<p>{escape(page['confirm'])}</p>{line}</section>"
    )


def _said(letter: Letter) -> dict[str, object]:
    """Everything that stands on the paper."""
    words = _words(letter.language)
    if not letter.keys:
        raise ElectraError("A letter without a key has nothing to tell the bank.", repair="Make the keys first.")
    return {
        "words": words,
        "name": letter.user_name,
        "facts": [[name, value] for name, value in _facts(letter)],
        "keys": [_page(key, words, letter.bank or letter.host_id) for key in letter.keys],
        "printed_words": words["printed"].format(moment=_moment(letter)),
    }


def _facts(letter: Letter) -> list[tuple[str, str]]:
    words, sent = _words(letter.language), letter.sent.astimezone(UTC)
    facts = [
        (words["bank"], letter.bank),
        (words["host"], letter.host_id),
        (words["partner"], letter.partner_id),
        (words["user"], letter.user_id),
        (words["name"], letter.user_name),
        (words["date"], day(sent.date(), letter.language)),
        (words["time"], f"{sent:%H:%M:%S} UTC"),
        (words["version"], letter.ebics_version),
    ]
    return [(name, value) for name, value in facts if value]


def _moment(letter: Letter) -> str:
    sent = letter.sent.astimezone(UTC)
    return f"{day(sent.date(), letter.language)}, {sent:%H:%M} UTC"


def _page(key: LetterKey, words: Mapping[str, str], bank: str) -> dict[str, object]:
    if key.version[:1] not in _USES:
        raise ElectraError(f"{key.version!r} is no key version of EBICS.", repair="Use A006, X002 or E002.")
    order, use = _USES[key.version[:1]]
    hashed = "hash_of_key" if is_bare(key.certificate) else "hash_of_certificate"
    pairs = _rows(fingerprint(key.certificate).split(), _PAIRS_A_ROW)
    return {
        "heading": words["heading"].format(order=order),
        "use": words[use].format(version=key.version),
        "confirm": words[f"confirm_{use}"].format(bank=bank),
        "blocks": [{"title": words[hashed], "rows": pairs, "kind": "hash"}, *_key_blocks(key, words)],
    }


def _key_blocks(key: LetterKey, words: Mapping[str, str]) -> list[dict[str, object]]:
    if is_bare(key.certificate):
        numbers = public_key_of(key.certificate).public_numbers()
        modulus = words["modulus"].format(bits=numbers.n.bit_length())
        return [
            {"title": words["exponent"], "rows": _rows(_pairs(numbers.e), _NUMBER_PAIRS_A_ROW), "kind": "long"},
            {"title": modulus, "rows": _rows(_pairs(numbers.n), _NUMBER_PAIRS_A_ROW), "kind": "long"},
        ]
    text = base64.b64encode(key.certificate).decode("ascii")
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    pem = ["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"]
    return [{"title": words["certificate"].format(version=key.version), "rows": pem, "kind": "long"}]


def _pairs(number: int) -> list[str]:
    """A number in hexadecimal pairs, upper case, without leading zero bytes."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big").hex(" ").upper().split()


def _rows(pairs: list[str], length: int) -> list[str]:
    return [" ".join(pairs[i : i + length]) for i in range(0, len(pairs), length)]


def check_language(language: str) -> None:
    """Pass where letters are written in this language.

    Raises:
        ElectraError: they are not.
    """
    if language not in _all_words():
        raise ElectraError(
            f"Letters are not written in {language!r}.", repair=f"Choose one of: {', '.join(languages())}."
        )


def _words(language: str) -> Mapping[str, str]:
    check_language(language)
    return _all_words()[language]


@cache
def _all_words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(_WORDS.read_text("utf-8"))
