"""Field 86 of SWIFT statements where it is not numbered: code words, labels, lines that mean something, free text.

What lives here: the dialects as data, and how one text of each becomes columns. Numbered texts are in ``mt_details``.

* *words*: code words between slashes (``/EREF/…/CNTP/…/REMI/…``): the Dutch banks' SEPA layout, and FIN's own code
  words, which Swiss, Nordic and French banks use.
* *labels*: ``IBAN: … NAAM: …`` of Dutch banks, ``Z RACH.: …; OD: …; TYT.: …`` of Polish ones.
* *lines*: the account and name on a line of their own (Dutch), or reference, account and name on three (Hungarian).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from electra_kernel.formats.mt_values import lines_of, unfolded

Row: TypeAlias = dict[str, str]

#: A code that says that nothing is said (DFÜ-Abkommen: unstructured).
NO_CODE = "999"
#: The first line where a bank counts the tag ``:86:`` among its 65 characters.
_FIRST = 61


def read_row(text: str) -> Row:
    """What one text says, by column; nothing it says is missing from all of them."""
    row: Row = {}
    body = text.strip("\n ")
    if body[:3] == NO_CODE and (body[3:4].isupper() or body[3:4] == "/"):
        body = body[3:]
    flat = unfolded(body)
    if _WORD_AT.match(flat):
        first, _, rest = body.partition("\n")
        _read_words(first + unfolded(rest) if len(first) == _FIRST else flat, row)
    elif not (_read_labels(flat, row) or _read_lines(body, row)):
        row["remittance"] = flat
    return row


def _account(row: Row, value: str) -> None:
    _put(row, "counterparty_account", value.replace(" ", "") if value[:2].isalpha() else value)


def _put(row: Row, name: str, value: str) -> None:
    value = value.strip(" ")
    if value:
        row[name] = f"{row[name]} {value}" if name in row else value


def _counterparty(row: Row, value: str) -> None:
    """``account/BIC/name/town``, each of them may be empty."""
    parts = [*(part.strip() for part in value.split("/")), "", "", ""]
    account, bic, names = parts[0], parts[1], parts[2:]
    if account:
        _account(row, account)
    _put(row, "counterparty_bic", bic)
    _put(row, "counterparty_name", names[0])
    _put(row, "counterparty_address", ", ".join(part for part in names[1:] if part))


def _remittance(row: Row, value: str) -> None:
    """Text, or ``USTD//text``, or ``STRD/issuer/reference``."""
    kind, _, rest = value.partition("/")
    if kind == "USTD":
        value = rest.lstrip("/")
    elif kind == "STRD":
        issuer, _, reference = rest.partition("/")
        _put(row, "structured_reference", reference.strip("/"))
        value = "" if reference.strip("/") else issuer
    _put(row, "remittance", value.removesuffix("/") if kind == "USTD" else value)


def _party(row: Row, value: str) -> None:
    """A party as FIN's code words give it: its account, when the text begins with one, and its name."""
    value = value.strip("/").removeprefix("NAME/")
    match = _ACCOUNT_FIRST.match(value)
    if match:
        _account(row, match[1])
        value = value[match.end() :].strip("/ ")
    # Lines after the name that begin with a slash are about the payment.
    name, _, about = value.partition(" /")
    _put(row, "counterparty_name", name)
    _put(row, "remittance", about)


_ACCOUNT_FIRST = re.compile(r"((?=[A-Z0-9]*[0-9]{5})[A-Z0-9]{8,34})(?: /|/| (?=/)|$)")


def _plain_word(name: str) -> Callable[[Row, str], None]:
    def put(row: Row, value: str) -> None:
        _put(row, name, value.strip("/ ") if name != "remittance" else value)

    return put


#: Code word → what it fills. The Dutch banks' words, then FIN's and other banks'.
_CODE_WORDS: Mapping[str, Callable[[Row, str], None]] = {
    "TRTP": _plain_word("booking_text"),
    "IBAN": lambda row, value: _account(row, value.strip("/ ")),
    "BBAN": lambda row, value: _account(row, value.strip("/ ")),
    "BIC": _plain_word("counterparty_bic"),
    "NAME": _plain_word("counterparty_name"),
    "ADDR": _plain_word("counterparty_address"),
    "REMI": _remittance,
    "EREF": _plain_word("end_to_end_id"),
    "ROC": _plain_word("end_to_end_id"),
    "MARF": _plain_word("mandate_id"),
    "CSID": _plain_word("creditor_id"),
    "CNTP": _counterparty,
    "ORDP": _party,
    "BENM": _party,
    "BE": _party,
    "OB": _party,
    "PREF": _plain_word("customer_reference"),
    "KREF": _plain_word("customer_reference"),
    "CREF": _plain_word("structured_reference"),
    "ACNO": lambda row, value: _account(row, value.strip("/ ")),
    "OCMT": _plain_word("original"),
    "CHGS": _plain_word("compensation"),
    "EXCH": _plain_word("exchange_rate"),
}
#: Further words that begin a new part and are kept as they are written.
_OTHER_WORDS = (
    *(
        "BAI",
        "ISDT",
        "RTRN",
        "NRTX",
        "PURP",
        "ULTD",
        "ULTC",
        "ULTB",
        "UDTR",
        "UCRD",
        "TRCD",
        "SUM",
        "ID",
        "INST",
        "ACC",
    ),
    *("RREF", "IREF", "SVCL", "SVWZ", "OGB", "VA", "BUSP", "OCCD", "CHRG", "INTR", "MARK", "NAAM", "CDTRREFTP"),
)
_ALL_WORDS = "|".join(sorted({*_CODE_WORDS, *_OTHER_WORDS}, key=lambda word: (-len(word), word)))
_WORD_AT = re.compile(rf"/(?:{_ALL_WORDS}|[A-Z]{{4}})/")
_SPLIT = re.compile(rf"\s?/({_ALL_WORDS})/")


_PARTIES = frozenset(("ORDP", "BENM", "ULTD", "ULTC"))


def _read_words(text: str, row: Row) -> None:
    parts = _SPLIT.split(text)
    if parts[0].strip():
        _put(row, "remains", parts[0])
    pending = ""
    for word, value in zip(parts[1::2], parts[2::2], strict=True):
        # /ORDP//NAME/… and /BENM//NAME/…: the party's parts follow as words of their own.
        if word in _PARTIES and value.strip() in ("", "/"):
            pending = word
            continue
        if pending and word == "NAME" and pending[:3] == "ULT":
            _put(row, "ultimate", value.strip("/ "))
            pending = ""
            continue
        known = _CODE_WORDS.get(word)
        if known is None:
            _put(row, "remains", f"/{word}/{value}".rstrip())
        else:
            known(row, value)


#: Labels in free text → column: Dutch banks'.
_DUTCH: Mapping[str, str] = {
    "IBAN:": "counterparty_account",
    "REK:": "counterparty_account",
    "BIC:": "counterparty_bic",
    "NAAM:": "counterparty_name",
    "OMSCHRIJVING:": "remittance",
    "KENMERK:": "end_to_end_id",
    "BETALINGSKENM.:": "structured_reference",
    "MACHTIGING:": "mandate_id",
    "INCASSANT:": "creditor_id",
}
#: Polish banks'; those that fill ``remains`` are kept as they are written.
_POLISH: Mapping[str, str] = {
    "Z RACH.:": "counterparty_account",
    "NA RACH.:": "counterparty_account",
    "OD:": "counterparty_name",
    "DLA:": "counterparty_name",
    "TYT.:": "remittance",
    "ID IPH:": "remains",
    "DATA STEMPLA:": "remains",
    "TNR:": "remains",
}
#: Labels of a set of which one at least must be there.
_SURE = ((_DUTCH, ("IBAN:", "REK:", "NAAM:")), (_POLISH, ("Z RACH.:", "NA RACH.:", "TYT.:", "TNR:")))


def _label(labels: Mapping[str, str]) -> re.Pattern[str]:
    return re.compile(rf"(?:^|(?<=[ /]))({'|'.join(map(re.escape, sorted(labels, key=len, reverse=True)))}) ?")


_PATTERNS = tuple((labels, sure, _label(labels)) for labels, sure in _SURE)
_CODE_FIRST = re.compile(r"([0-9]{3}) (.+)")


def _read_labels(text: str, row: Row) -> bool:
    """Text with labels that leave no doubt."""
    if ":" not in text:
        return False
    for labels, sure, pattern in _PATTERNS:
        parts = pattern.split(text)
        if len(parts) > 1 and not set(sure).isdisjoint(parts[1::2]):
            _put_labels(parts, labels, row)
            return True
    return False


def _put_labels(parts: list[str], labels: Mapping[str, str], row: Row) -> None:
    before = re.sub(" {2,}", " ", parts[0])
    if labels is _POLISH:
        code = _CODE_FIRST.fullmatch(before.strip(" ;"))
        _put(row, "business_code", code[1] if code else "")
        _put(row, "booking_text", code[2] if code else before.strip(" ;"))
    else:
        _put(row, "remittance", before)
    for label, value in zip(parts[1::2], parts[2::2], strict=True):
        name = labels[label]
        value = re.sub(" {2,}", " ", value).strip(" /;" if labels is _POLISH else " /")
        if name == "counterparty_account":
            _account(row, value)
        else:
            _put(row, name, f"{label} {value}" if name == "remains" else value)


_ACCOUNT_AND_NAME = re.compile(
    r"([A-Z]{2}[0-9]{2}[A-Z]{4}[A-Z0-9]{8,26}|[0-9]{7,10}) (\S[^\n]*)\n[ \t]*\n(.*)", re.DOTALL
)
_REFERENCE_LINE = re.compile(r"[A-Z0-9]{8,16}")
_HUNGARIAN_ACCOUNT = re.compile(r"[0-9]{16}|[0-9]{24}")


def _read_lines(body: str, row: Row) -> bool:
    """``account name``, an empty line, the text; or reference, Hungarian account, name and text, a line each."""
    match = _ACCOUNT_AND_NAME.fullmatch(body)
    if match:
        row["counterparty_account"], row["counterparty_name"] = match[1], match[2].strip()
        _put(row, "remittance", unfolded(match[3]))
        return True
    lines = lines_of(body)
    if len(lines) < 3 or not (_HUNGARIAN_ACCOUNT.fullmatch(lines[1]) and _REFERENCE_LINE.fullmatch(lines[0])):
        return False
    row["bank_reference"], row["counterparty_account"], row["counterparty_name"] = lines[:3]
    _put(row, "remittance", unfolded("\n".join(lines[3:])))
    return True


# ------------------------------------------------------------------------------------- Czech and Slovak symbols
_SYMBOL = re.compile(r"(?:(/)|(?<![A-Za-z0-9]))(VS|SS|KS)([:/]?) ?([0-9]{1,10})(?![0-9A-Za-z])")
#: The slash before the first symbol is taken for the end of the word before it.
_WITHOUT_SLASH = re.compile(r"(?:^|(?<= ))(?=VS[0-9]{1,10}/[SK]S)")


def symbols_in(text: str) -> str:
    """Variable, specific and constant symbol of a text as a structured reference (``/VS1/SS2/KS3``).

    A symbol must be marked (``VS:1``, ``/VS/1``, ``/VS1``); those that are zero are left out, and where there is no
    variable symbol there is no reference: empty.
    """
    found: dict[str, str] = {}
    for slash, name, mark, digits in _SYMBOL.findall(_WITHOUT_SLASH.sub("/", text)):
        if (slash or mark) and digits.strip("0"):
            found.setdefault(name, digits.lstrip("0"))
    return "".join(f"/{name}{found[name]}" for name in ("VS", "SS", "KS") if name in found) if "VS" in found else ""
