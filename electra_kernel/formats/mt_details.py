"""Field 86 of SWIFT statements: what a bank says about an entry, in the dialects that banks write, as columns.

What lives here: the dialects as data, and how texts of each become columns. A text is of one of two kinds:

* *numbered*: three digits of a transaction code, a separator, and subfields of two digits (``166?00…?20EREF+…?32…``):
  DFÜ-Abkommen annex 3, chapter 8.2.5, and the banks of Austria, Poland (``~``, ``^``, ``<``), the Netherlands (``>``),
  Hungary, the Czech Republic and Slovakia that follow it. Made into columns by whole-column arithmetic, because such
  files are large.
* everything else goes text by text (``mt_words``): code words between slashes, labels, free text.

Lines are folded at 65 characters: a full line goes on without a blank, a shorter one ends a word. In the same way a
numbered subfield of 27 characters (35 where a bank writes longer ones) goes on in the next. What is not understood
stays in ``additional_information`` as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats.mt import Bytes
from electra_kernel.formats.mt_columns import NULL, Column, Indices, Mask, firsts_of, joined, mask, nulled, slices
from electra_kernel.formats.mt_words import NO_CODE, read_row, symbols_in

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
#: Width of a numbered subfield (DFÜ-Abkommen annex 3), and of the longer ones that Polish and other banks write.
SUBFIELD, LONG_SUBFIELD = 27, 35

_SEPARATORS = "?~<>^@#*%&$!|;"
_NUMBERED = rf"^[ \n]*(?P<code>[0-9]{{3,4}})?\n?(?P<separator>[{re.escape(_SEPARATORS)}])\n?(?P<first>[0-9]\n?[0-9])"
#: Banks that set subfields apart by a plus, which stands in SEPA words too: a code and one of the first subfields.
_PLUSSED = r"^[ \n]*(?:[0-9]{3}|[A-Z]{3})\n?\+\n?[0-2]\n?0"
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
            *("counterparty_name", "key_extension", *COLUMNS, "unknown", "account_line", "party", "party_more"),
        )
    )
)
_PLACE = {name: place for place, name in enumerate(_TARGETS)}
_TARGET_OF = np.full(101, _PLACE["unknown"], np.int64)
for _number, _name in _SUBFIELDS.items():
    _TARGET_OF[_number] = _PLACE[_name]
#: Polish banks' separators. With these 26 is an account and 27 to 29 are the party's name and address in longer lines.
_POLISH = frozenset(map(ord, "~<^"))
_POLISH_LINES: Mapping[int, str] = {26: "account_line", 27: "party", 28: "party_more", 29: "party_more"}
_POLISH_TARGET_OF = _TARGET_OF.copy()
for _number, _name in _POLISH_LINES.items():
    _POLISH_TARGET_OF[_number] = _PLACE[_name]
_POLISH_REMITTANCE = _REMITTANCE.copy()
_POLISH_REMITTANCE[list(_POLISH_LINES)] = False
_WORDS = np.array(sorted(int.from_bytes(word.encode(), "big") for word in _SEPA_WORDS), np.int64)
_WORD_TARGETS = np.array(
    [_PLACE[_SEPA_WORDS[int(word).to_bytes(4, "big").decode()]] for word in _WORDS.tolist()], np.int64
)
_PARTY_TARGET = np.array([name in ("party", "party_more") for name in _TARGETS])
_TEXT_TARGET = np.array([name in _TEXTS or name == "unknown" for name in _TARGETS]) | _PARTY_TARGET
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
    alike = _all_alike(texts)
    if alike:
        return _with_symbols(_numbered(texts, alike))
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
        rest = texts.take(pa.array(others))
        plussed = mask(pc.match_substring_regex(rest, _PLUSSED))
        if plussed.any():
            parts.append((others[plussed], _numbered(rest.filter(pa.array(plussed)), ord("+"))))
            others, rest = others[~plussed], rest.filter(pa.array(~plussed))
        if len(others):
            parts.append((others, _by_row(rest.to_pylist())))
    return _with_symbols(_merged(parts, rows))


def _all_alike(texts: Column) -> int:
    """The separator, where every text begins with three digits, the same separator and two digits: 0 where not."""
    if texts.null_count or isinstance(texts, pa.ChunkedArray):
        return 0
    at, ends = _bounds_of(texts)[:-1], _bounds_of(texts)[1:]
    letters = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    if not (ends - at > 5).all():
        return 0
    separator = int(letters[at[0] + 3])
    digits = [letters[at + step] - np.uint8(48) < 10 for step in (0, 1, 2, 4, 5)]
    alike = (letters[at + 3] == separator).all() and all(each.all() for each in digits)
    return separator if alike and chr(separator) in _SEPARATORS else 0


def _bounds_of(texts: Column) -> Indices:
    """Where each text begins, and where the last one ends, in the buffer that holds them."""
    return np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)


def _by_row(texts: list[str]) -> dict[str, Column]:
    rows = [read_row(text) for text in texts]
    said: set[str] = set().union(*rows)
    return {
        name: pa.array([row.get(name) or None for row in rows], pa.string())
        if name in said
        else pa.nulls(len(rows), pa.string())
        for name in COLUMNS
    }


def _with_symbols(columns: dict[str, Column]) -> dict[str, Column]:
    """Czech and Slovak symbols, wherever they stand, as structured references too; the texts keep them."""
    spoken = [columns[name] for name in ("remittance", "end_to_end_id")]
    marked = [mask(pc.match_substring(each, "VS")) for each in spoken if each.null_count < len(each)]
    if any(each.any() for each in marked):
        rows = np.flatnonzero(np.logical_or.reduce(marked))
        texts, references = joined(spoken, " "), columns["structured_reference"].to_pylist()
        for row in rows.tolist():
            references[row] = references[row] or symbols_in(texts[row].as_py()) or None
        columns["structured_reference"] = pa.array(references, pa.string())
    return columns


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
    pieces = _Pieces(_flat(texts, separator), separator)
    columns = pieces.columns()
    before = pc.ascii_trim_whitespace(pieces.before())
    code = pc.utf8_slice_codeunits(before, 0, 3)
    coded = pc.match_substring_regex(code, "^[0-9]{3}$")
    rest = nulled(pc.if_else(coded, pc.utf8_slice_codeunits(before, 3), before))
    code = pc.if_else(coded, code, NULL)
    if rest.null_count < len(rest):
        longer = pc.match_substring_regex(before, "^[0-9]{4}$")
        code, rest = pc.if_else(longer, before, code), pc.if_else(longer, NULL, rest)
    columns["business_code"] = nulled(pc.if_else(pc.equal(code, NO_CODE), NULL, code))
    unknown = columns.pop("unknown")
    if separator in _POLISH:
        _put_polish(columns)
    columns["remains"] = joined((rest, columns["remains"], unknown), " ")
    return {name: columns[name] for name in COLUMNS}


def _put_polish(columns: dict[str, Column]) -> None:
    """Lines 26 to 29: the account of 26 digits, and name and address, which stand before 32 and 33 and are longer."""
    line, party, more = (columns[name] for name in ("account_line", "party", "party_more"))
    for source in (line, columns["iban"]):
        digits = pc.replace_substring(source, " ", "")
        national = pc.fill_null(pc.match_substring_regex(digits, "^[0-9]{26}$"), False)
        if mask(national).any():
            columns["counterparty_account"] = pc.if_else(national, digits, columns["counterparty_account"])
            columns["bank_code"] = pc.if_else(national, NULL, columns["bank_code"])
            if source is line:
                line = pc.if_else(national, NULL, line)
            else:
                columns["iban"] = pc.if_else(national, NULL, source)
    columns["remittance"] = joined([columns["remittance"], line], " ")
    if party.null_count == len(party) and more.null_count == len(more):
        return
    goes_on = pc.fill_null(pc.greater_equal(pc.utf8_length(party), LONG_SUBFIELD), False)
    whole = pc.coalesce(pc.binary_join_element_wise(party, more, ""), party, more)
    whole = pc.if_else(goes_on, whole, joined([party, more], " "))
    name = columns["counterparty_name"]
    named = pc.is_valid(name)
    columns["counterparty_name"] = pc.coalesce(name, party)
    columns["counterparty_address"] = pc.if_else(named, whole, pc.if_else(pc.is_valid(party), more, whole))


#: A line of field 86, and one so short that its end cannot be a full line from which blanks were taken away.
_LINE, _SHORT_LINE = 65, 60


def _flat(texts: Column, separator: int) -> Column:
    """Texts without line ends. A line may end anywhere; only one that ends before a word that did not fit is a blank."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    bounds = _bounds_of(texts)
    letters = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    ends = np.flatnonzero(letters[bounds[0] : bounds[-1]] == 10) + bounds[0]
    if not len(ends):
        return texts
    row = np.repeat(np.arange(len(texts)), np.diff(np.searchsorted(ends, bounds)))
    starts = np.maximum(bounds[row], np.concatenate(([0], ends[:-1] + 1)))
    width = ends - starts
    following = letters[np.minimum(ends + 1, len(letters) - 1)]
    short = np.flatnonzero((width < _SHORT_LINE) & (following != separator) & (ends + 1 < bounds[row + 1]))
    if len(short):
        wrapped = short[_wrapped(letters, bounds, ends[short], row[short], width[short])]
        if len(wrapped):
            changed = letters.copy()
            changed[ends[wrapped]] = 32
            buffers = [texts.buffers()[0], texts.buffers()[1], pa.py_buffer(changed)]
            texts = pa.Array.from_buffers(pa.string(), len(texts), buffers, texts.null_count, texts.offset)
    return pc.replace_substring(texts, "\n", "")


def _wrapped(letters: Bytes, bounds: Indices, ends: Indices, row: Indices, width: Indices) -> Mask:
    """Which line ends stand for a blank: the next word would not have fitted, and lines are not all as short."""
    stops = np.flatnonzero((letters == 32) | (letters == 10))
    place = np.searchsorted(stops, ends + 1)
    stop = np.where(place < len(stops), stops[np.minimum(place, len(stops) - 1)], len(letters))
    word = np.minimum(stop, bounds[row + 1]) - ends - 1
    wrapped = width + 1 + word > _LINE
    lengths, counts = np.unique(width[wrapped], return_counts=True)
    if counts.sum() > 3 and counts.max() * 2 > counts.sum():
        wrapped &= width != lengths[counts.argmax()]
    return wrapped


class _Pieces:
    """The subfields of many texts: where each begins and ends, whose it is, and the column it belongs to."""

    def __init__(self, flat: Column, separator: int) -> None:
        if isinstance(flat, pa.ChunkedArray):
            flat = flat.combine_chunks()
        self._rows = len(flat)
        self._bounds = _bounds_of(flat)
        self._buffer = flat.buffers()[2] or pa.py_buffer(b"")
        letters = np.frombuffer(self._buffer, np.uint8)
        self._letters = letters
        polish = separator in _POLISH
        self._target_of = _POLISH_TARGET_OF if polish else _TARGET_OF
        self._remittance = _POLISH_REMITTANCE if polish else _REMITTANCE
        self._heal(separator)
        self._find(separator)

    def _heal(self, separator: int) -> None:
        """SEPA words that the end of a subfield cut in two (``S?21VWZ+``) are put together (``?21SVWZ+``)."""
        plus = self._pluses()
        plus = plus[~_is_word(self._four_before(plus)) & (plus >= 7)]
        letters = self._letters
        for tail in (1, 2, 3):
            mark = plus - tail - 3
            cut = plus[(letters[mark] == separator) & (letters[mark + 1] - np.uint8(48) < 10)]
            cut = cut[letters[cut - tail - 1] - np.uint8(48) < 10]
            if not len(cut):
                continue
            places = cut[:, None] + np.array([*range(-7, -tail - 3), *range(-tail, 0)])
            words = letters[places].astype(np.int64) @ np.array([1 << 24, 1 << 16, 1 << 8, 1])
            cut = cut[_is_word(words)]
            cut = cut[self._row_at(cut - 7) == self._row_at(cut)]
            if len(cut):
                letters = letters.copy()
                healed = [*range(-tail - 3, -tail), *range(-7, -tail - 3)]
                letters[cut[:, None] + np.arange(-7, -tail)] = letters[cut[:, None] + np.array(healed)]
                self._letters, self._buffer = letters, pa.py_buffer(letters)

    def _pluses(self) -> Indices:
        plus = np.flatnonzero(self._letters == 43)
        return plus[plus >= 5]

    def _row_at(self, at: Indices) -> Indices:
        rows: Indices = np.searchsorted(self._bounds, at, side="right")
        return rows

    def _find(self, separator: int) -> None:
        letters, bounds = self._letters, self._bounds
        at = np.flatnonzero(letters == separator)
        at = at[at + 2 < len(letters)]
        if separator == 43:
            at = at[~self._after_word(at)]
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
        plus = self._pluses()
        word = self._four_before(plus)
        place = np.minimum(np.searchsorted(_WORDS, word), len(_WORDS) - 1)
        known = _WORDS[place] == word
        plus, place = plus[known], place[known]
        start = plus - 4
        first = np.zeros(len(letters) + 1, np.bool_)
        first[begins] = True
        good = first[start] | (letters[start - 1] == 32)
        return start[good], _WORD_TARGETS[place[good]]

    def _four_before(self, at: Indices) -> Indices:
        four = [self._letters[at - 4 + step].astype(np.int64) for step in range(4)]
        return (four[0] << 24) | (four[1] << 16) | (four[2] << 8) | four[3]

    def _after_word(self, at: Indices) -> Mask:
        return (at >= 4) & _is_word(self._four_before(np.maximum(at, 4)))

    def _settle(self, at: Indices, number: Indices, row: Indices, is_word: Mask, word_target: Indices) -> None:
        """Words stand in remittance subfields only; a remittance subfield goes on with the word before it."""
        if is_word.any():
            last = _last(~is_word)
            keep = ~is_word | ((last >= 0) & (row[last] == row) & self._remittance[number[last]])
            if not keep.all():
                kept = np.flatnonzero(keep)
                at, number, row, word_target = (each.take(kept) for each in (at, number, row, word_target))
                is_word = is_word.take(kept)
        following = np.append(at[1:], len(self._letters))
        self.row, self._is_word, self._marks = row, is_word, at
        self._starts = at + np.where(is_word, 5, 3)
        self._ends = np.minimum(following, self._bounds[row + 1])
        # Where the subfield begins in which a piece stands: that is what is full or not.
        self._lines = self._starts[_last(~is_word)] if is_word.any() else self._starts
        self._width = self._widths()
        self._limit = self._limits(number)
        self._goes_on = np.zeros(len(at), np.bool_)
        self.target = self._spoken(number, word_target) if is_word.any() else self._target_of[number]

    def _widths(self) -> Indices:
        """Characters from the beginning of its subfield to the end of each piece."""
        letters, ends, lines = self._letters, self._ends, self._lines
        width: Indices = ends - lines
        if len(letters) and int(letters.max()) > 127:
            more = np.concatenate(([0], np.cumsum((letters & 0xC0) == 0x80)))
            width -= more[ends] - more[lines]
        return width

    def _limits(self, number: Indices) -> Indices | int:
        """How wide a subfield can be: longer lines than the standard's say that a bank has lines of its own width."""
        about = self._is_word | self._remittance[number]
        party = _PARTY_TARGET[self._target_of[number]] if self._target_of is _POLISH_TARGET_OF else None
        wide = self._width > SUBFIELD
        if party is None and not (wide.any() and (wide & about).any()):
            return SUBFIELD
        begins = np.flatnonzero(np.concatenate(([True], self.row[1:] != self.row[:-1])))
        widest = np.maximum.reduceat(np.where(about, self._width, 0), begins) if len(begins) else begins
        # A character or two too many are a slip, not a width.
        limit = np.where(widest >= LONG_SUBFIELD - 2, np.maximum(widest, LONG_SUBFIELD), SUBFIELD)
        spread = np.where(about, np.repeat(limit, np.diff(np.append(begins, len(number)))), SUBFIELD)
        return spread if party is None else np.where(party, LONG_SUBFIELD, spread)

    def _spoken(self, number: Indices, word_target: Indices) -> Indices:
        """The column of each piece, where words are among them. A reference ends with a line that is not full."""
        is_word, row, places = self._is_word, self.row, np.arange(len(number))
        spoken = _last(is_word)
        target = np.where(is_word, word_target, self._target_of[number])
        goes_on = ~is_word & self._remittance[number] & (spoken >= 0) & (row[spoken] == row)
        said = target[spoken]
        # A blank at the end of a line may have been taken away.
        full = self._width >= self._limit - 1
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
        full = self._width >= self._limit
        open_line = ~last & _TEXT_TARGET[self.target[order]] & ~full[order]
        open_line &= letters[ends - 1] != 32
        following = np.concatenate((starts[1:], starts[:1]))
        open_line &= letters[np.minimum(following, len(letters) - 1)] != 32
        # What is kept as written stays apart from its neighbour.
        open_line |= ~last & _KEPT[self.target[order]]
        if not open_line.any():
            return texts
        blank = pa.array(["", " "]).take(pa.array(open_line.astype(np.int8)))
        return pc.binary_join_element_wise(texts, blank, "")


def _is_word(letters: Indices) -> Mask:
    """Which numbers of four letters are SEPA words."""
    known: Mask = _WORDS[np.minimum(np.searchsorted(_WORDS, letters), len(_WORDS) - 1)] == letters
    return known


def _last(chosen: Mask) -> Indices:
    """For each place the last chosen one up to it; −1 where there is none."""
    last: Indices = np.maximum.accumulate(np.where(chosen, np.arange(len(chosen)), -1))
    return last
