"""Parties in SWIFT MT: fields 50a, 52a, 56a, 57a and 59a with their options, read and written. FIN, field formats.

* no letter, H, K, D: ``/account``, then up to four lines of 35: the name, then the address;
* F: ``/account``, then numbered lines: 1 name, 2 street, 3 country and town, 6 and 7 ids;
* A, G, C: ``/account``, then a BIC; L: the instructing party's name.
"""

from __future__ import annotations

import re
from dataclasses import replace

from electra_kernel.formats import mt, mt_letters, mt_values
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Address, Party

_ACCOUNT = re.compile(r"/(?:[A-Z]/)?([^/].*)")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_NUMBERED = re.compile(r"([1-8])/(.*)")
#: Option F may begin with an id in place of the account, or give ids in lines 6 and 7, which line 8 goes on with.
_IDENTIFIER = re.compile(r"(?:ARNU|CCPT|CUST|DRLC|EMPL|NIDN|SOSE|TXID)/[A-Z]{2}/(.+)")
_ID_LINE = re.compile(r"[A-Z]{2}/(.+)")
_COUNTRY_TOWN = re.compile(r"([A-Z]{2})(?:/(.*))?")
_WIDTH, _NUMBERED_WIDTH, _LINES = 35, 33, 4


def read_party(value: str) -> tuple[Party, list[str]]:
    """A party field of any option, and the lines of it that a party has no room for.

    Args:
        value: the field's value, lines apart by line feeds.
    """
    lines, left = mt_values.lines_of(value), list[str]()
    account = ""
    while lines and lines[0].startswith("/"):
        match = _ACCOUNT.fullmatch(lines[0])
        if match and not account:
            account = match[1].strip()
        else:
            # A national clearing code (//CP0999): whose it is is told, not kept.
            left.append(lines[0])
        lines = lines[1:]
    account = re.sub(r"\s", "", account) if re.match("[A-Z]{2}[0-9]{2}", account) else account
    account = "" if account == "NOTPROVIDED" else account
    identified = _IDENTIFIER.fullmatch(lines[0]) if len(lines) > 1 and not account else None
    numbered = lines[1:] if identified else lines
    if numbered and all(_NUMBERED.fullmatch(line) for line in numbered):
        party = _numbered(account, numbered, left)
        return (replace(party, identification=identified[1].strip()) if identified else party), left
    if len(lines) == 1 and _BIC.fullmatch(lines[0]):
        return Party(name="", account=account, bic=lines[0]), left
    name, *address = lines or [""]
    return Party(name=name, account=account, address=Address(lines=tuple(address))), left


def _numbered(account: str, lines: list[str], left: list[str]) -> Party:
    name, street, country, towns = "", list[str](), "", list[str]()
    identification = ""
    for line in lines:
        number, text = line[0], line[2:].strip()
        match = _COUNTRY_TOWN.fullmatch(text)
        if number == "1":
            name = f"{name} {text}".strip()
        elif number == "2":
            street.append(text)
        elif number == "3" and match:
            country = match[1]
            towns.extend([match[2]] if match[2] else [])
        elif number == "3":
            towns.append(text)
        elif number in "67" and not identification and (named := _ID_LINE.fullmatch(text)):
            identification = named[1].rpartition("/")[2]
        elif number == "8" and identification and not left:
            identification += text
        else:
            left.append(line)
    address = Address(street=", ".join(street), town=" ".join(towns), country=country)
    return Party(name=name, account=account, address=address, identification=identification)


def write_party(tag: str, plain_option: str, party: Party, told: mt.Told) -> tuple[str, str]:
    """A party as the field ``tag`` and its value.

    Args:
        tag: ``50`` or ``59``.
        plain_option: the letter for free lines: ``H`` or ``K``; empty for 59.
        party: its account is not cut.
        told: takes field, rule and text of what is left out.

    Raises:
        ElectraError: an account that does not fit, or a party with neither account nor name.
    """
    if not party.account and not party.name:
        raise ElectraError(f"A party for field {tag} has neither account nor name.", repair="Give at least one.")
    if party.identification:
        told(tag, "identification", "A party's id beside its account is not carried.")
    account = [f"/{mt_letters.checked(tag, party.account, 34)}"] if party.account else []
    name, address = _plain(tag, party.name, told), party.address
    structured = any((address.street, address.building, address.post_code, address.town, address.country))
    if party.account and (structured or len(name) > _WIDTH):
        return f"{tag}F", "\n".join([*account, *_written(tag, name, address, told)])
    lines = [_plain(tag, line, told) for line in address.lines]
    if structured:
        lines = [_plain(tag, str(address), told)]
        told(tag, "address", "The address is written as lines.")
    folded = [part for line in (name, *lines) for part in mt_letters.folded(line, _WIDTH)]
    if len(folded) > _LINES:
        told(tag, "length", f"Name and address are cut at {_LINES} lines of {_WIDTH} characters.")
    return f"{tag}{plain_option}", "\n".join([*account, *folded[:_LINES]])


def _written(tag: str, name: str, address: Address, told: mt.Told) -> list[str]:
    """Numbered lines: at most four, of 33 characters each."""
    street = ", ".join(
        part for part in (" ".join(p for p in (address.street, address.building) if p), *address.lines) if part
    )
    town = " ".join(part for part in (address.post_code, address.town) if part)
    if address.building or address.post_code or address.lines:
        told(tag, "address", "Street and building, and post code and town, become one line each.")
    names = _words(name, 2)
    streets = _words(_plain(tag, street, told), 2 if len(names) == 1 else 1)
    lines = [*(f"1/{each}" for each in names), *(f"2/{each}" for each in streets)]
    if address.country:
        place = "/".join(part for part in (address.country, _plain(tag, town, told)) if part)
        lines.append(f"3/{place[:_NUMBERED_WIDTH]}")
    elif town:
        told(tag, "address", "A town without its country is not carried.")
    whole = (" ".join(names), ", ".join(streets)) == (name, _plain(tag, street, lambda *_: None))
    if not whole or len(f"{address.country}/{town}") > _NUMBERED_WIDTH:
        told(tag, "length", f"Name and address are cut at {_LINES} lines of {_NUMBERED_WIDTH} characters.")
    return lines


def _words(text: str, lines: int) -> list[str]:
    """Text in lines of 33 characters, broken at blanks where that fits; what does not fit is left out."""
    if not text:
        return []
    if len(text) <= _NUMBERED_WIDTH or lines == 1:
        return [text[:_NUMBERED_WIDTH].strip()]
    at = text.rfind(" ", 0, _NUMBERED_WIDTH + 1)
    at = at if at > 0 else _NUMBERED_WIDTH
    return [text[:at], text[at:].strip()[:_NUMBERED_WIDTH].strip()]


def _plain(tag: str, text: str, told: mt.Told) -> str:
    written = mt_letters.plain(text.replace("\n", " ")).strip().lstrip("/")
    if written != text:
        told(tag, "characters", f"{text[:40]!r} and the like are written in the X character set.")
    return written
