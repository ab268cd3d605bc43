"""Field 86 of SWIFT statements: what a bank says about an entry, in the dialects that banks write, as columns.

What lives here: the dialects as data, and how texts of each become columns. A text is of one of three kinds:

* *numbered*: three digits of a transaction code, a separator, and subfields of two digits (``166?00…?20EREF+…?32…``):
  DFÜ-Abkommen annex 3, chapter 8.2.5, and the banks of Austria, Poland (``~``, ``^``, ``<``), the Netherlands (``>``),
  Hungary, the Czech Republic and Slovakia that follow it. Made into columns by whole-column arithmetic, because such
  files are large.
* *words*: code words between slashes (``/EREF/…/CNTP/…/REMI/…``): the Dutch banks' SEPA layout, and FIN's own code
  words, which Swiss, Nordic and French banks use.
* *free*: anything else; labels that some banks print (``IBAN: … NAAM: …``) are understood.

Lines are folded at 65 characters: a full line goes on without a blank, a shorter one ends a word. In the same way a
numbered subfield of 27 characters goes on in the next. What is not understood stays in ``additional_information`` as
it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats.mt import unfolded
from electra_kernel.formats.mt_columns import NULL, Column, Indices, Mask, firsts_of, joined, mask, nulled, slices

Row: TypeAlias = dict[str, str]

#: The columns that field 86 can fill; all of them texts, null where nothing is said.
COLUMNS = (
    *("business_code", "prima_nota", "key_extension", "booking_text", "remittance", "end_to_end_id", "mandate_id"),
    *("creditor_id", "customer_reference", "structured_reference", "original", "compensation", "exchange_rate"),
    *("counterparty_name", "counterparty_account", "counterparty_bic", "counterparty_address", "bank_code"),
    *("iban", "ultimate", "bank_reference", "remains"),
)

# --------------------------------------------------------------------------------------------- numbered: the data
#: Subfield → column. 20–29 and 60–63 are remittance lines in which SEPA words may stand.
_SUBFIELDS: Mapping[int, str] = {
    0: "booking_text",
    10: "prima_nota",
    30: "bank_code",
    31: "counterparty_account",
    32: "counterparty_name",
    33: "counterparty_name",
    34: "key_extension",
    38: "iban",
    **dict.fromkeys((*range(20, 30), *range(60, 64)), "remittance"),
}
#: SEPA word before ``+`` → column. Words without a column of their own stay as they are written.
_SEPA_WORDS: Mapping[str, str] = {
    "SVWZ": "remittance",
    "EREF": "end_to_end_id",
    "KREF": "customer_reference",
    "MREF": "mandate_id",
    "CRED": "creditor_id",
    "OAMT": "original",
    "COAM": "compensation",
    "ABWA": "ultimate",
    "ABWE": "ultimate",
    "IBAN": "iban",
    "DEBT": "remains",
    "RREF": "remains",
    "BREF": "bank_reference",
}
#: Subfields whose lines are words: a line that is not full ends one.
_TEXTS = frozenset(("remittance", "counterparty_name", "booking_text", "ultimate", "remains"))
#: Width of a numbered subfield (DFÜ-Abkommen annex 3).
SUBFIELD = 27
#: A code that says that nothing is said (DFÜ-Abkommen: unstructured).
NO_CODE = "999"

_SEPARATORS = "?~<>^@#*%&$!|;"
_NUMBERED = rf"^[ \n]*(?P<code>[0-9]{{3}})?\n?(?P<separator>[{re.escape(_SEPARATORS)}])\n?(?P<first>[0-9]\n?[0-9])"
_KNOWN = np.zeros(100, np.bool_)
_KNOWN[[*_SUBFIELDS, 35, 36, *range(37, 40), *range(64, 80)]] = True
_REMITTANCE = np.zeros(101, np.bool_)
_REMITTANCE[[number for number, name in _SUBFIELDS.items() if name == "remittance"]] = True
#: In the order in which they usually come: so the pieces of most texts need no sorting.
_TARGETS = tuple(
    dict.fromkeys(
        (
            *("booking_text", "prima_nota", "end_to_end_id", "customer_reference", "mandate_id", "creditor_id"),
            *("original", "compensation", "remittance", "ultimate", "bank_code", "counterparty_account"),
            *("counterparty_name", "key_extension", *COLUMNS, "unknown"),
        )
    )
)
_PLACE = {name: place for place, name in enumerate(_TARGETS)}
_TARGET_OF = np.full(101, _PLACE["unknown"], np.int64)
for _number, _name in _SUBFIELDS.items():
    _TARGET_OF[_number] = _PLACE[_name]
_WORDS = np.array(sorted(int.from_bytes(word.encode(), "big") for word in _SEPA_WORDS), np.int64)
_WORD_TARGETS = np.array(
    [_PLACE[_SEPA_WORDS[int(word).to_bytes(4, "big").decode()]] for word in _WORDS.tolist()], np.int64
)
_TEXT_TARGET = np.array([name in _TEXTS or name == "unknown" for name in _TARGETS])
#: What is kept as it is written, with its mark before it.
_KEPT = np.array([name in ("remains", "unknown", "ultimate") for name in _TARGETS])
_KEPT[_PLACE["ultimate"]] = False


# ------------------------------------------------------------------------------------------------------- all of it
def columns_of(texts: Column) -> dict[str, Column]:
    """Texts of field 86 as columns.

    Args:
        texts: one text an entry, lines apart by line feeds; null where the entry has none.

    Returns:
        The columns of ``COLUMNS``, as long as ``texts``; nothing a text says is missing from all of them.
    """
    rows = len(texts)
    if texts.null_count == rows:
        return {name: pa.nulls(rows, pa.string()) for name in COLUMNS}
    head = pc.extract_regex(texts, _NUMBERED)
    is_numbered = mask(pc.is_valid(head))
    is_text = mask(pc.is_valid(texts))
    parts: list[tuple[Indices, dict[str, Column]]] = []
    separators = pc.struct_field(head, "separator")
    for separator in pc.unique(separators).drop_null().to_pylist():
        own = np.flatnonzero(is_numbered & mask(pc.equal(separators, separator)))
        chosen = texts if len(own) == rows else texts.take(pa.array(own))
        parts.append((own, _numbered(chosen, ord(separator))))
    others = np.flatnonzero(is_text & ~is_numbered)
    if len(others):
        parts.append((others, _by_row(texts.take(pa.array(others)).to_pylist())))
    return _merged(parts, rows)


def _merged(parts: list[tuple[Indices, dict[str, Column]]], rows: int) -> dict[str, Column]:
    if len(parts) == 1 and len(parts[0][0]) == rows:
        return parts[0][1]
    places = np.full(rows, -1, np.int64)
    before = 0
    for own, _ in parts:
        places[own] = np.arange(before, before + len(own))
        before += len(own)
    index = pa.array(places, mask=places < 0)
    return {name: pa.concat_arrays([columns[name] for _, columns in parts]).take(index) for name in COLUMNS}


# ------------------------------------------------------------------------------------------------------- numbered
def _numbered(texts: Column, separator: int) -> dict[str, Column]:
    """Texts with numbered subfields, all with the same separator."""
    flat = pc.replace_substring(texts, "\n", "")
    pieces = _Pieces(flat, separator)
    columns = pieces.columns()
    before = pc.ascii_trim_whitespace(pieces.before())
    code = pc.utf8_slice_codeunits(before, 0, 3)
    coded = pc.match_substring_regex(code, "^[0-9]{3}$")
    rest = nulled(pc.if_else(coded, pc.utf8_slice_codeunits(before, 3), before))
    code = pc.if_else(coded, code, NULL)
    columns["business_code"] = nulled(pc.if_else(pc.equal(code, NO_CODE), NULL, code))
    unknown = columns.pop("unknown")
    columns["remains"] = joined((rest, columns["remains"], unknown), " ")
    return {name: columns[name] for name in COLUMNS}


class _Pieces:
    """The subfields of many texts: where each begins and ends, whose it is, and the column it belongs to."""

    def __init__(self, flat: Column, separator: int) -> None:
        if isinstance(flat, pa.ChunkedArray):
            flat = flat.combine_chunks()
        self._rows = len(flat)
        offsets = np.frombuffer(flat.buffers()[1], np.int32)[flat.offset : flat.offset + self._rows + 1]
        self._bounds = offsets.astype(np.int64)
        self._buffer = flat.buffers()[2] or pa.py_buffer(b"")
        letters = np.frombuffer(self._buffer, np.uint8)
        self._letters = letters
        self._find(separator)

    def _find(self, separator: int) -> None:
        letters, bounds = self._letters, self._bounds
        at = np.flatnonzero(letters == separator)
        at = at[at + 2 < len(letters)]
        tens, ones = letters[at + 1] - np.uint8(48), letters[at + 2] - np.uint8(48)
        number = tens.astype(np.int64) * 10 + ones
        good = (tens < 10) & (ones < 10)
        good[good] = _KNOWN[number[good]]
        at, number = at[good], number[good]
        row = self._rows_of(at)
        inside = at + 3 <= bounds[row + 1]
        at, number, row = at[inside], number[inside], row[inside]
        words, word_target = self._words(at + 3)
        if len(words):
            at = np.concatenate((at, words))
            order = np.argsort(at, kind="stable")
            is_word = order >= len(number)
            number = np.concatenate((number, np.full(len(words), 100)))[order]
            target = np.concatenate((np.zeros(len(row), np.int64), word_target))[order]
            at = at[order]
            row = self._rows_of(at)
        else:
            is_word, target = np.zeros(len(at), np.bool_), np.zeros(len(at), np.int64)
        self._settle(at, number, row, is_word, target)

    def _rows_of(self, at: Indices) -> Indices:
        """The text in which each of some rising places lies."""
        counts = np.diff(np.searchsorted(at, self._bounds))
        return np.repeat(np.arange(self._rows), counts)

    def _words(self, begins: Indices) -> tuple[Indices, Indices]:
        """SEPA words at the beginning of a subfield or after a blank: where, and the column of each."""
        letters = self._letters
        plus = np.flatnonzero(letters == 43)
        plus = plus[plus >= 5]
        four = [letters[plus - 4 + step].astype(np.int64) for step in range(4)]
        word = (four[0] << 24) | (four[1] << 16) | (four[2] << 8) | four[3]
        place = np.minimum(np.searchsorted(_WORDS, word), len(_WORDS) - 1)
        known = _WORDS[place] == word
        plus, place = plus[known], place[known]
        start = plus - 4
        first = np.zeros(len(letters) + 1, np.bool_)
        first[begins] = True
        good = first[start] | (letters[start - 1] == 32)
        return start[good], _WORD_TARGETS[place[good]]

    def _settle(self, at: Indices, number: Indices, row: Indices, is_word: Mask, word_target: Indices) -> None:
        """Words stand in remittance subfields only; a remittance subfield goes on with the word before it."""
        if is_word.any():
            places = np.arange(len(at))
            last = np.maximum.accumulate(np.where(is_word, -1, places))
            keep = ~is_word | ((last >= 0) & (row[last] == row) & _REMITTANCE[number[last]])
            if not keep.all():
                kept = np.flatnonzero(keep)
                at, number, row, word_target = (each.take(kept) for each in (at, number, row, word_target))
                is_word = is_word.take(kept)
        following = np.append(at[1:], len(self._letters))
        self.row, self._is_word, self._marks = row, is_word, at
        self._starts = at + np.where(is_word, 5, 3)
        self._ends = np.minimum(following, self._bounds[row + 1])
        self._goes_on = np.zeros(len(at), np.bool_)
        self.target = self._spoken(number, word_target) if is_word.any() else _TARGET_OF[number]

    def _spoken(self, number: Indices, word_target: Indices) -> Indices:
        """The column of each piece, where words are among them. A reference ends with a line that is not full."""
        is_word, row, places = self._is_word, self.row, np.arange(len(number))
        spoken = np.maximum.accumulate(np.where(is_word, places, -1))
        target = np.where(is_word, word_target, _TARGET_OF[number])
        goes_on = ~is_word & _REMITTANCE[number] & (spoken >= 0) & (row[spoken] == row)
        said = target[spoken]
        # A blank at the end of a line may have been taken away.
        full = self._ends - np.where(is_word, self._marks, self._starts) >= SUBFIELD - 1
        ends = np.append(False, goes_on[1:] & ~_TEXT_TARGET[said[1:]] & ~full[:-1])
        if ends.any():
            goes_on &= np.maximum.accumulate(np.where(ends, places, -1)) < spoken
        self._goes_on = goes_on
        return np.where(goes_on, said, target)

    def before(self) -> Column:
        """What stands before the first subfield of each text."""
        ends = self._bounds[1:].copy()
        ends[firsts_of(self.row, self.row)] = firsts_of(self.row, self._marks)
        return slices(self._buffer, self._bounds[:-1], ends)

    def columns(self) -> dict[str, Column]:
        """One column for each target, ``unknown`` included."""
        columns = {name: pa.nulls(self._rows, pa.string()) for name in _TARGETS}
        # An empty piece says nothing; most of them are subfields that begin with a word.
        full = np.flatnonzero(self._ends > self._starts)
        if not len(full):
            return columns
        key = self.row[full] * len(_TARGETS) + self.target[full]
        order = full
        if not (key[1:] >= key[:-1]).all():
            by_key = np.argsort(key, kind="stable")
            order, key = full[by_key], key[by_key]
        last = np.concatenate((key[1:] != key[:-1], [True]))
        texts = self._texts(order)
        texts = self._spaced(texts, order, last)
        ends = np.flatnonzero(last) + 1
        if len(ends) < len(order):
            offsets = pa.array(np.concatenate(([0], ends)), pa.int32())
            texts = pc.binary_join(pa.ListArray.from_arrays(offsets, texts), "")
        texts = pc.ascii_trim_whitespace(texts)
        final = order[ends - 1]
        target, row = self.target[final], self.row[final]
        for place in np.flatnonzero(np.bincount(target)).tolist():
            own = np.flatnonzero(target == place)
            where = np.full(self._rows, -1, np.int64)
            where[row[own]] = own
            columns[_TARGETS[place]] = nulled(texts.take(pa.array(where, mask=where < 0)))
        return columns

    def _texts(self, order: Indices) -> Column:
        """The pieces' texts; those that are kept as written begin with their mark."""
        kept = _KEPT[self.target] & ~self._goes_on
        starts = np.where(kept, self._marks, self._starts)
        if np.all(order[1:] > order[:-1]):
            return slices(self._buffer, starts[order], self._ends[order])
        back = np.argsort(order)
        sorted_ones = order[back]
        inverse = np.empty(len(order), np.int64)
        inverse[back] = np.arange(len(order))
        return slices(self._buffer, starts[sorted_ones], self._ends[sorted_ones]).take(pa.array(inverse))

    def _spaced(self, texts: Column, order: Indices, last: Mask) -> Column:
        """A blank after each line of words that is not full and is not the last."""
        letters = self._letters
        ends, starts = self._ends[order], self._starts[order]
        width = ends - starts + np.where(self._is_word[order], 5, 0)
        if len(letters) and int(letters.max()) > 127:
            more = np.concatenate(([0], np.cumsum((letters & 0xC0) == 0x80)))
            width = width - (more[ends] - more[starts])
        open_line = ~last & _TEXT_TARGET[self.target[order]] & (width < SUBFIELD)
        open_line &= letters[ends - 1] != 32
        following = np.concatenate((starts[1:], starts[:1]))
        open_line &= letters[np.minimum(following, len(letters) - 1)] != 32
        # What is kept as written stays apart from its neighbour.
        open_line |= ~last & _KEPT[self.target[order]]
        if not open_line.any():
            return texts
        blank = pa.array(["", " "]).take(pa.array(open_line.astype(np.int8)))
        return pc.binary_join_element_wise(texts, blank, "")


# --------------------------------------------------------------------------------------------------- words, free
def _by_row(texts: list[str]) -> dict[str, Column]:
    rows = [_read_row(text) for text in texts]
    said: set[str] = set().union(*rows)
    return {
        name: pa.array([row.get(name) or None for row in rows], pa.string())
        if name in said
        else pa.nulls(len(rows), pa.string())
        for name in COLUMNS
    }


def _read_row(text: str) -> Row:
    row: Row = {}
    body = text.strip("\n ")
    if body[:3] == NO_CODE and (body[3:4].isupper() or body[3:4] == "/"):
        body = body[3:]
    flat = unfolded(body)
    words = _WORD_AT.match(flat)
    if words:
        _read_words(flat, row)
    elif not _read_labels(flat, row):
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


#: Labels in free text → column, the longest first.
_LABELS: Mapping[str, str] = {
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
_LABEL = re.compile(rf"(?:^|(?<=[ /]))({'|'.join(map(re.escape, sorted(_LABELS, key=len, reverse=True)))}) ?")


def _read_labels(text: str, row: Row) -> bool:
    """Text with at least an account's or a name's label."""
    if ":" not in text:
        return False
    parts = _LABEL.split(text)
    if len(parts) == 1 or not {"IBAN:", "REK:", "NAAM:"}.intersection(parts[1::2]):
        return False
    _put(row, "remittance", re.sub(" {2,}", " ", parts[0]))
    for label, value in zip(parts[1::2], parts[2::2], strict=True):
        name = _LABELS[label]
        value = re.sub(" {2,}", " ", value).strip(" /")
        if name == "counterparty_account":
            _account(row, value)
        else:
            _put(row, name, value)
    return True
