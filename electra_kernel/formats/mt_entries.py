"""Entries of SWIFT statements: field 61, and what fields 61 and 86 say together, in the ledger's columns.

What lives here: the grammar of field 61 (FIN, and what banks make of it) as whole-column work, and the rules by which
the parts of both fields become the ledger's columns. How field 86 is cut up is in ``mt_details``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats import mt_values
from electra_kernel.formats.base import Problems
from electra_kernel.formats.mt import ASK, NO_REFERENCE, Fields
from electra_kernel.formats.mt_columns import (
    NULL,
    Column,
    Indices,
    Mask,
    among,
    any_valid,
    joined,
    marked,
    mask,
    matched_in,
    nulled,
)
from electra_kernel.formats.mt_details import COLUMNS
from electra_kernel.statements.columns import AMOUNT, RATE
from electra_kernel.vocabulary.accounts import is_iban

# ------------------------------------------------------------------------------------------------------- field 61
#: FIN: 6!n[4!n]2a[1!a]15d1!a3!c16x[//16x][34x]. Read beyond it: longer references, a point for the comma.
#: The type must be there, so that an amount ends where it ends; lines without one go the loose way.
_LINE_61 = (
    r"^(?P<value>[0-9]{6})(?P<entry>[0-9]{4})?(?P<mark>R?[CD]|E[CD])(?P<funds>[A-Z])?"
    r"(?P<amount>[0-9]{1,13}(?:[,.][0-9]{0,4})?|[,.][0-9]{1,4})"
    r"(?P<type>[NFS](?:[A-Z0-9]{3}|[A-Z0-9]{2} ))"
    r"(?P<reference>[^\n]*?)(?://(?P<bank>[^\n]*))?(?:\n(?P<more>(?s:.*)))?$"
)
_LOOSE_61 = re.compile(
    # Some write the entry date with its year.
    r"\s*(?P<value>[0-9]{6})\s*(?P<entry>[0-9]{6}|[0-9]{4})?\s*(?P<mark>R?[CD]|E[CD])(?P<funds>[A-Z])?\s*"
    r"(?P<amount>[0-9.,]{1,60}+)(?:\s*(?P<type>[NFSK][A-Z0-9]{2}[A-Z0-9 ]))?"
    r"(?P<reference>[^\n]*?)(?://(?P<bank>[^\n]*))?(?:\n(?P<more>(?s:.*)))?",
    re.IGNORECASE,
)
#: What follows an amount that goes on: thousands set apart by a blank or an apostrophe.
_GROUPED = re.compile(r"[ '\u2019\xa0\u202f][0-9]")
_PARTS = ("value", "entry", "mark", "amount", "type", "reference", "bank", "more")
_OWN_REFERENCE = 16
#: Words in the reference that say: it stands in field 86.
_SEE_86 = {
    "customer_reference": ("KREF", "KREF+", "PREF"),
    "end_to_end_id": ("EREF", "EREF+"),
    "mandate_id": ("MARF", "MREF", "MREF+"),
}
_ORIGINAL = r"^/?(?:OCMT/)?\s*(?P<currency>[A-Z]{3})?\s*(?P<amount>[0-9]{1,13}(?:[,.][0-9]{0,5})?)/*$"
_IN_MORE = {"original": "OCMT", "compensation": "CHGS", "exchange_rate": "EXCH"}


class Lines:
    """Field 61 of every entry as columns. ``good`` says which could be read; the others are told and left out."""

    def __init__(self, found: Fields, numbers: Indices, problems: Problems) -> None:
        self._problems, self._lines = problems, found.lines[numbers]
        self._texts = pc.ascii_rtrim_whitespace(found.values(numbers))
        self.rows = len(numbers)
        self.good = np.ones(self.rows, np.bool_)
        # Where the file ends in a field, without an end of line, the last one may be cut off.
        self._unended = bool(self.rows) and int(found.ends[numbers[-1]]) == len(found.text)
        parts = self._parts()
        self.columns: dict[str, Column] = {}
        self._dates(parts)
        self._amounts(parts)
        self._references(parts)

    def _parts(self) -> dict[str, Column]:
        parts, odd = matched_in(self._texts, _LINE_61, _PARTS)
        if not len(odd):
            return parts
        rows = [_LOOSE_61.fullmatch(text) for text in self._texts.take(pa.array(odd)).to_pylist()]
        for number, row in zip(odd.tolist(), rows, strict=True):
            if row is None:
                self._leave_out(number, "is no entry")
            elif not row["type"] and row["amount"][-3:-2] not in (",", ".") and _GROUPED.match(row["reference"]):
                self._leave_out(number, "has no amount that can be read")
            elif self._unended and number == self.rows - 1 and not row["type"] and not row["reference"]:
                self._leave_out(number, "is cut off at the end of the file")
        rest = np.zeros(self.rows, np.bool_)
        rest[odd] = True
        for name in _PARTS:
            read = [None if row is None else _spelled(name, row[name] or "") for row in rows]
            parts[name] = pc.replace_with_mask(parts[name], pa.array(rest), pa.array(read, pa.string()))
        return parts

    def _leave_out(self, number: int, why: str) -> None:
        self.good[number] = False
        text = self._texts[number].as_py() or ""
        self._problems.error(
            int(self._lines[number]), "61", "entry", f"An entry is left out: {text[:120]!r} {why}.", ASK
        )

    def _dates(self, parts: Mapping[str, Column]) -> None:
        """Value and booking dates; there are few different ones, so each is made once."""
        both = pc.binary_join_element_wise(parts["value"], pc.fill_null(parts["entry"], ""), "|")
        coded = pc.dictionary_encode(both)
        days = [_days(text) for text in coded.dictionary.to_pylist()]
        place = coded.indices
        for at, name in enumerate(("value_date", "booking_date")):
            self.columns[name] = pa.array([each[at] for each in days], pa.date32()).take(place)
        wrong = {text for text, each in zip(coded.dictionary.to_pylist(), days, strict=True) if each[2]}
        if wrong:
            for number in np.flatnonzero(mask(pc.is_in(both, value_set=pa.array(sorted(wrong))))).tolist():
                if self.good[number]:
                    self._problems.warn(
                        int(self._lines[number]),
                        "61",
                        "date",
                        f"{(both[number].as_py() or '').replace('|', ' ').strip()!r} holds a day that does not exist; it is left out.",
                        "Ask the bank about it.",
                    )

    def _amounts(self, parts: Mapping[str, Column]) -> None:
        text = pc.replace_substring(parts["amount"], ",", ".")
        amounts: Column
        if mask(pc.match_substring_regex(text, r"^[0-9]{1,13}\.[0-9]{0,4}$")).all():
            amounts = pc.binary_join_element_wise(text, "0", "").cast(AMOUNT)
        else:
            read = [mt_values.amount_of(each) if each else None for each in parts["amount"].to_pylist()]
            for number in np.flatnonzero(np.array([each is None for each in read])).tolist():
                if self.good[number]:
                    self._leave_out(number, "has no amount that can be read")
            amounts = pa.array(read, AMOUNT)
        mark = parts["mark"]
        credit = among(mark, "C", "EC", "RD")
        self.columns["amount"] = pc.if_else(credit, amounts, pc.negate(amounts)).cast(AMOUNT)
        self.columns["reversal"] = among(mark, "RC", "RD")
        expected = among(mark, "EC", "ED")
        self.columns["status"] = pc.if_else(expected, "PDNG", "BOOK")

    def _references(self, parts: Mapping[str, Column]) -> None:
        kind, reference = parts["type"], parts["reference"]
        # No type, and the reference NONREF: its first letters look like one.
        if (untyped := mask(pc.equal(kind, "NONR")) & mask(pc.starts_with(reference, "EF"))).any():
            without = pa.array(untyped)
            reference = pc.if_else(without, pc.binary_join_element_wise(kind, reference, ""), reference)
            kind = pc.if_else(without, NULL, kind)
        bank, rest = _bank_reference_below(parts["bank"], parts["more"])
        more = [pc.utf8_trim_whitespace(rest)]
        long = mask(pc.greater(pc.utf8_length(reference), _OWN_REFERENCE))
        if long.any():
            reference = self._long_ones(reference, long, more)
        self.columns["type"] = nulled(kind)
        self.columns["entry_reference"] = nulled(reference, *NO_REFERENCE)
        self.columns["bank_reference"] = nulled(bank, *NO_REFERENCE)
        text = joined([nulled(pc.replace_substring(each, "\n", " ")) for each in more], " ")
        for name, word in _IN_MORE.items():
            text, self.columns[name] = _taken(text, word)
        self.columns["more"] = text

    def _long_ones(self, reference: Column, long: Mask, more: list[Column]) -> Column:
        """References over 16 characters: where blanks fill them up to 16, what follows is a text of its own."""
        padded = long & mask(pc.match_substring_regex(reference, r"^(?s:.{15}) "))
        kept = np.flatnonzero(long & ~padded & self.good)
        if len(kept):
            self._problems.warn_once(
                "61",
                "reference-length",
                f"A reference is longer than {_OWN_REFERENCE} characters; it is kept whole.",
                "Nothing need be done; other programs may refuse the file.",
                int(self._lines[kept[0]]),
            )
        if padded.any():
            rest = pc.utf8_slice_codeunits(reference, _OWN_REFERENCE)
            more.insert(0, pc.if_else(pa.array(padded), rest, NULL))
            short = pc.utf8_slice_codeunits(reference, 0, _OWN_REFERENCE)
            reference = pc.if_else(pa.array(padded), short, reference)
        return reference


def _spelled(name: str, value: str) -> str:
    return value.upper() if name in ("mark", "type") else value.strip() if name == "reference" else value


def _days(written: str | None) -> tuple[date | None, date | None, bool]:
    """Value date, booking date, and whether one of them does not exist."""
    if written is None:
        return None, None, False
    value, _, entry = written.partition("|")
    value_date = mt_values.day_of(value)
    if value_date is None:
        return None, None, True
    if not entry:
        return value_date, value_date, False
    booked = mt_values.day_of(entry) if len(entry) == 6 else mt_values.entry_day(entry, value_date)
    return value_date, booked or value_date, booked is None


def _bank_reference_below(bank: Column, more: Column) -> tuple[Column, Column]:
    """``//bank's reference`` at the beginning of the second line, where the first had no room: reference and rest."""
    below = mask(pc.starts_with(more, "//")) & mask(pc.is_null(nulled(bank)))
    if not below.any():
        return bank, more
    found = pc.extract_regex(more, r"^//(?P<bank>[^\n]*)\n?(?P<rest>(?s:.*))$")
    chosen = pa.array(below)
    bank = pc.if_else(chosen, pc.struct_field(found, "bank"), bank)
    return bank, pc.if_else(chosen, pc.struct_field(found, "rest"), more)


def _taken(text: Column, word: str) -> tuple[Column, Column]:
    """``/word/value/`` taken out of a text: the text without it, and the value."""
    if not mask(pc.match_substring(text, f"/{word}/")).any():
        return text, pa.nulls(len(text), pa.string())
    found = pc.extract_regex(text, rf"/{word}/(?P<value>[^/]*)")
    value = pc.struct_field(found, "value")
    return nulled(pc.replace_substring_regex(text, rf"/{word}/[^/]*/?", " ")), nulled(value)


# ----------------------------------------------------------------------------------------- both fields together
#: What the entry's one detail says; everything else is the entry's.
OF_DETAIL = ("remittance", "structured_reference", "end_to_end_id", "mandate_id", "creditor_id")
_PARTY = ("counterparty_name", "counterparty_account", "counterparty_bic", "counterparty_address")
_BIC = r"^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$"
_IBAN = r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}$"


def _parties(said: Mapping[str, Column]) -> dict[str, Column]:
    """Whom an entry is about. A bank code that is no BIC goes before the account, as German banks print accounts."""
    bank, account, iban = said["bank_code"], said["counterparty_account"], said["iban"]
    kept: list[Column] = []
    if iban.null_count < len(iban):
        compact = pc.replace_substring(iban, " ", "")
        good = pc.fill_null(pc.match_substring_regex(compact, _IBAN), False)
        kept.append(marked("IBAN+", pc.if_else(good, NULL, iban)))
        differs = pc.and_(good, pc.fill_null(pc.not_equal(account, compact), False))
        kept.append(marked("?31", pc.if_else(differs, account, NULL)))
        account = pc.if_else(good, compact, account)
    is_bic = pc.fill_null(pc.match_substring_regex(bank, _BIC), False)
    bic = pc.coalesce(said["counterparty_bic"], pc.if_else(is_bic, bank, NULL))
    national = pc.if_else(is_bic, NULL, bank)
    if national.null_count < len(national):
        before = pc.and_(
            pc.is_valid(national), pc.invert(pc.fill_null(pc.match_substring_regex(account, _IBAN), False))
        )
        usable = pc.and_(before, pc.is_valid(account))
        kept.append(marked("?30", pc.if_else(usable, NULL, national)))
        account = pc.if_else(usable, pc.binary_join_element_wise(national, account, "/"), account)
    ultimate, name = said["ultimate"], said["counterparty_name"]
    kept.append(marked("ABWA+", pc.if_else(pc.is_valid(name), ultimate, NULL)))
    return {
        "counterparty_name": pc.coalesce(name, ultimate),
        "counterparty_account": account,
        "counterparty_bic": bic,
        "counterparty_address": said["counterparty_address"],
        "kept": joined([*kept, said["remains"]], " "),
    }


def _codes(kind: Column, said: Mapping[str, Column]) -> Column:
    """``NTRF+166+0399+011``: SWIFT type, business code, prima nota, text key; what is missing at the end is left out."""
    parts = [kind, said["business_code"], said["prima_nota"], said["key_extension"]]
    if all(part.null_count == len(part) for part in parts[1:]):
        return kind
    whole = pc.binary_join_element_wise(*[pc.fill_null(part, "") for part in parts], "+")
    return nulled(pc.utf8_trim(whole, "+"))


def _amounts_in(texts: Column) -> tuple[Column, Column, Column]:
    """Amount and currency of texts such as ``USD12,3``; what is none is handed back."""
    rows = len(texts)
    if texts.null_count == rows:
        return pa.nulls(rows, AMOUNT), pa.nulls(rows, pa.string()), texts
    found = pc.extract_regex(texts, _ORIGINAL)
    amount = pc.replace_substring(pc.struct_field(found, "amount"), ",", ".")
    amount = pc.if_else(pc.match_substring(amount, "."), pc.binary_join_element_wise(amount, "", ""), amount)
    read = pa.array([None if text is None else mt_values.amount_of(text) for text in amount.to_pylist()], AMOUNT)
    odd = pc.if_else(pc.is_valid(read), NULL, texts)
    currency = pc.if_else(pc.is_valid(read), nulled(pc.struct_field(found, "currency")), NULL)
    return read, currency, odd


def ledger_columns(lines: Lines, said: Mapping[str, Column], own: Column) -> dict[str, Column]:
    """The ledger's columns of all entries but for account, statement and source.

    Args:
        lines: field 61 of each.
        said: the columns of ``mt_details``, as long.
        own: the account of each entry's statement.
    """
    columns = {**lines.columns}
    columns.update({name: said[name] for name in OF_DETAIL})
    columns["proprietary_code"] = _codes(columns["type"], said)
    columns.update(_parties(said))
    _account_below(columns, own)
    kept = _money(columns, said)
    reference, other = columns["entry_reference"], said["customer_reference"]
    for name, words in _SEE_86.items():
        if said[name].null_count < len(reference):
            see = pc.and_(among(reference, *words), pc.is_valid(said[name]))
            reference = pc.if_else(see, said[name], reference)
    columns["entry_reference"] = pc.coalesce(reference, other)
    told = pc.fill_null(pc.equal(columns["entry_reference"], other), False)
    kept.append(marked("KREF+", pc.if_else(told, NULL, other)))
    columns["bank_reference"] = pc.coalesce(columns["bank_reference"], said["bank_reference"])
    texts = [columns["more"], said["booking_text"], *kept, columns.pop("kept")]
    columns["additional_information"] = joined(texts, " ")
    columns["details"] = any_valid([columns[name] for name in (*OF_DETAIL, *_PARTY)]).cast(pa.int32())
    return columns


def _account_below(columns: dict[str, Column], own: Column) -> None:
    """An IBAN alone on the second line of field 61 is the counterparty's (Rabobank), where field 86 names none."""
    more = columns["more"]
    if more.null_count == len(more):
        return
    alone = mask(pc.match_substring_regex(more, _IBAN)) & ~mask(pc.is_valid(columns["counterparty_account"]))
    alone &= ~mask(pc.equal(more, own))
    rows = [row for row in np.flatnonzero(alone).tolist() if is_iban(more[row].as_py())]
    if not rows:
        return
    chosen = np.zeros(len(more), np.bool_)
    chosen[rows] = True
    columns["counterparty_account"] = pc.if_else(pa.array(chosen), more, columns["counterparty_account"])
    columns["more"] = pc.if_else(pa.array(chosen), NULL, more)


def _money(columns: dict[str, Column], said: Mapping[str, Column]) -> list[Column]:
    """Original amount, charges and rate; texts that cannot be read as such are handed back to be kept."""
    original = pc.coalesce(columns.pop("original"), said["original"])
    amount, currency, no_original = _amounts_in(original)
    credit = pc.greater_equal(columns["amount"], pa.scalar(Decimal(0), AMOUNT))
    columns["original_amount"] = pc.if_else(credit, amount, pc.negate(amount)).cast(AMOUNT)
    columns["original_currency"] = currency
    charges = pc.coalesce(columns.pop("compensation"), said["compensation"])
    amount, _, no_charges = _amounts_in(charges)
    columns["charges"] = pc.negate(amount).cast(AMOUNT)
    rate = pc.coalesce(columns["exchange_rate"], said["exchange_rate"])
    columns["exchange_rate"], no_rate = _rates_in(rate)
    return [marked("/OCMT/", no_original), marked("/CHGS/", no_charges), marked("/EXCH/", no_rate)]


def _rates_in(texts: Column) -> tuple[Column, Column]:
    """Rates such as ``1,0525``; what is none is handed back."""
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), RATE), texts
    rates = [None if text is None else _rate(text) for text in texts.to_pylist()]
    read = pa.array(rates, RATE)
    return read, pc.if_else(pc.is_valid(read), NULL, texts)


def _rate(text: str) -> Decimal | None:
    match = re.fullmatch(r"([0-9]{1,8})(?:[.,]([0-9]{0,10}))?", text)
    return Decimal(f"{match[1]}.{match[2] or 0}") if match else None


# ---------------------------------------------------------------------------------------------------- :NS: notes
_NOTE = re.compile(r"([0-9]{2})(.*)")
_NOTE_COLUMNS = {15: "counterparty_name", 16: "counterparty_name", 17: "booking_text", 18: "prima_nota"}


def with_notes(columns: dict[str, Column], rows: Indices, texts: Column) -> dict[str, Column]:
    """Field NS after an entry, the German banks' own: 01–14 remittance, 15 and 16 the name, 17 text, 18 prima nota."""
    values = {name: columns[name].to_pylist() for name in COLUMNS}
    for row, text in zip(rows.tolist(), texts.to_pylist(), strict=True):
        for line in mt_values.lines_of(text):
            match = _NOTE.fullmatch(line)
            number = int(match[1]) if match else 99
            name = "remittance" if 1 <= number <= 14 else _NOTE_COLUMNS.get(number, "remains")
            said = match[2].strip() if match and name != "remains" else f":NS:{line}"
            values[name][row] = " ".join(part for part in (values[name][row], said) if part) or None
    return {name: pa.array(column, pa.string()) for name, column in values.items()}
