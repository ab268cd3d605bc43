"""Customer statements, SWIFT MT940 and MT950: told apart, read (``mt_statements`` does it), and written.

What lives here: the writer of all statement messages; MT942 and MT941 use it too. Written is text without blocks, one
message after the other, each ended by a hyphen, as EBICS banks deliver it (order type STA, VMK): DFÜ-Abkommen annex 3,
chapter 8. Field 86 is written with numbered subfields and SEPA words, which ``mt_details`` reads back.

What an MT cannot carry: several payments inside one entry, addresses, ISO bank transaction codes, names over 54
characters, remittance over 14 lines of 27, signs outside the X character set (accents fall away), the account's
owner and bank, the moment of creation (MT940), exchange rates. ``write_told`` says for each statement what of that it
met; nothing is cut without a word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from electra_kernel.formats import mt_kinds, mt_letters, mt_statements, mt_values
from electra_kernel.formats.base import Problems
from electra_kernel.formats.mt_details import SUBFIELD
from electra_kernel.formats.mt_words import NO_CODE
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.errors import ElectraError, Problem

read = mt_statements.read
read_tables = mt_statements.read_tables

KINDS = ("940", "950")
_OTHER = "Choose camt.053 where this must be carried."


def detect(data: bytes) -> bool:
    """Whether the bytes are customer statements (MT940 or MT950)."""
    return mt_kinds.kind_of(data) in KINDS


# ------------------------------------------------------------------------------------------------------- writing
def write(statements: Sequence[Statement], *, kind: str = "940") -> bytes:
    """Statements as messages of one kind (``940`` or ``950``; ``mt942`` has the others).

    Raises:
        ElectraError: no statement, no opening or closing balance, several currencies in one, or an amount, account or
            reference that does not fit. What else an MT cannot carry is left out; ``write_told`` says what.
    """
    return write_told(statements, kind=kind)[0]


def write_told(statements: Sequence[Statement], *, kind: str = "940") -> tuple[bytes, tuple[Problem, ...]]:
    """As ``write``, and what was left out or changed, one row for each statement and reason."""
    if not statements:
        raise ElectraError("There is no statement to write.", repair="Give at least one.")
    written: list[str] = []
    told: list[Problem] = []
    for statement in statements:
        writer = _Writer(statement, kind)
        written.append(writer.message())
        told.extend(writer.told.rows())
    return "".join(written).encode("ascii"), tuple(told)


_IDENTIFIED = re.compile(r"(?:(.{1,16}) )?([0-9]{1,5})")
_TYPE = re.compile(r"[NFS][A-Z0-9]{3}")
_NATIONAL = re.compile(r"([0-9A-Z]{3,12})/([^/].*)")
_WORD = re.compile(r"(SVWZ|EREF|KREF|MREF|CRED|OAMT|COAM|ABWA|ABWE|IBAN|DEBT|RREF|BREF)\+")
_LINES = (*range(20, 30), *range(60, 64))
_MORE = 34
_SUMS = re.compile(r":(90[DC]):([0-9]{1,5}[A-Z]{3}[0-9]{1,15},[0-9]{0,2})(?!\S)")


class _Writer:
    """Writes one statement."""

    def __init__(self, statement: Statement, kind: str) -> None:
        self._statement, self._kind = statement, kind
        self.told = Problems(statement.identification)

    def _lost(self, field: str, rule: str, text: str) -> None:
        self.told.warn_once(field, rule, text, _OTHER)

    def message(self) -> str:
        statement = self._statement
        reference, number = self._identified()
        fields = [("20", reference), ("25", mt_letters.checked("25", statement.account, 35)), ("28C", f"{number}/1")]
        if not statement.account:
            raise ElectraError(
                f"Statement {statement.identification} names no account.",
                repair="Give the account; field 25 must name it.",
            )
        self._told_of_statement()
        entries = [entry for entry in statement.entries if self._fits(entry)]
        body = self._report(entries) if self._kind in ("941", "942") else self._booked(entries)
        return mt_letters.message_text([*fields, *body]) + "-\r\n"

    def _identified(self) -> tuple[str, str]:
        """Field 20 and the number for field 28C; an identification that is read from an MT gives both back."""
        statement = self._statement
        match = _IDENTIFIED.fullmatch(statement.identification)
        if match and statement.sequence == int(match[2]):
            reference, number = match[1] or "NONREF", match[2]
        else:
            reference, number = statement.identification, str(statement.sequence or 0)
            if len(number) > 5:
                raise ElectraError(
                    f"Statement {reference} has the number {number}; field 28C holds 5 digits.",
                    repair="Give it another number.",
                )
            if statement.sequence is not None:
                self._lost("28C", "identification", "The statement is known by its reference and number together.")
        written = mt_letters.plain(reference)[:16].strip("/ ").replace("//", "/") or "NONREF"
        if written != reference:
            self._lost("20", "identification", f"The reference {reference!r} is written as {written!r}.")
        return written, number

    def _told_of_statement(self) -> None:
        statement = self._statement
        for value, word in ((statement.owner, "owner"), (statement.bank_bic, "bank"), (statement.from_date, "period")):
            if value:
                self._lost("25", word, f"The account's {word} is not carried.")
        if statement.created and self._kind in KINDS:
            self._lost("13D", "created", "The moment of creation is not carried.")

    def _fits(self, entry: Entry) -> bool:
        if entry.currency and entry.currency != self._statement.currency:
            raise ElectraError(
                f"An entry of statement {self._statement.identification} is in {entry.currency}, the statement in "
                f"{self._statement.currency}.",
                repair="An MT statement holds one currency; write camt.053.",
            )
        if entry.status == "BOOK" or (entry.status == "PDNG" and self._kind == "942"):
            return True
        self._lost("61", "status", f"Entries with the status {entry.status} are left out.")
        return False

    # ------------------------------------------------------------------------------------------------ fields
    def _booked(self, entries: Sequence[Entry]) -> list[tuple[str, str]]:
        """Opening balance, entries, closing balance, available balances (MT940, MT950)."""
        statement = self._statement
        opening, closing = statement.balance("OPBD") or statement.balance("PRCD"), statement.balance("CLBD")
        inner = [balance for balance in statement.balances if balance.kind == "ITBD"]
        first = ("60F", opening) if opening else ("60M", inner[0]) if inner else None
        last = ("62F", closing) if closing else ("62M", inner[-1]) if len(inner) > (not opening) else None
        if last is None or (first is None and self._kind != "941"):
            raise ElectraError(
                f"Statement {statement.identification} has no opening or no closing balance.",
                repair="An MT940 must have both; write an MT942.",
            )
        ends = [each for each in (first, last) if each is not None]
        used = [balance for _, balance in ends]
        after = [("64", balance) for balance in statement.balances if balance.kind == "CLAV"][:1]
        if self._kind != "950":
            after += [("65", balance) for balance in statement.balances if balance.kind == "FWAV"]
        used += [balance for _, balance in after]
        if any(balance not in used for balance in statement.balances):
            self._lost("60F", "balance", "Balances of other kinds are not carried.")
        middle = [field for entry in entries for field in self._entry(entry)] + self._sums()
        fields = [(tag, self._balance(balance)) for tag, balance in (*ends, *after)]
        return [*fields[: len(ends) - 1], *middle, *fields[len(ends) - 1 :], *self._remark()]

    def _sums(self) -> list[tuple[str, str]]:
        """Number and sum of debits and credits (90D, 90C): counted, or in a balance report as the bank gave them."""
        if self._kind not in ("941", "942"):
            return []
        sums = []
        entries = [entry for entry in self._statement.entries if entry.status == "BOOK" or self._kind == "942"]
        for tag, own in (("90D", [e for e in entries if e.amount < 0]), ("90C", [e for e in entries if e.amount >= 0])):
            if own:
                total = sum((abs(entry.amount) for entry in own), Decimal(0))
                sums.append((tag, f"{len(own)}{self._statement.currency}{mt_letters.amount_text(total)}"))
        if self._kind == "941" and not entries:
            sums = _SUMS.findall(self._statement.additional_information)
        return sums

    def _report(self, entries: Sequence[Entry]) -> list[tuple[str, str]]:
        """Floor limits, moment, entries and sums (MT942); balances and sums (MT941)."""
        statement = self._statement
        moment = []
        if statement.created is not None:
            moment = [("13D", f"{statement.created:%y%m%d%H%M}+0000")]
        if self._kind == "941":
            if entries:
                self._lost("61", "entries", "An MT941 carries sums of entries, not the entries.")
            return [*moment, *self._booked([])]
        if statement.balances:
            self._lost("60F", "balance", "An MT942 carries no balances.")
        floor = re.findall(r":34F:([A-Z]{3}[CD]?[0-9]{1,12},[0-9]{0,2})", statement.additional_information)
        limits = [("34F", limit) for limit in floor[:2]] or [("34F", f"{statement.currency}0,")]
        listed = [field for entry in entries for field in self._entry(entry)]
        return [*limits, *moment, *listed, *self._sums(), *self._remark()]

    def _balance(self, balance: Balance) -> str:
        if balance.currency != self._statement.currency:
            raise ElectraError(
                f"Statement {self._statement.identification} has balances in {balance.currency} and {self._statement.currency}.",
                repair="An MT statement holds one currency; write camt.053.",
            )
        mark = "D" if balance.amount < 0 else "C"
        return f"{mark}{balance.date:%y%m%d}{balance.currency}{mt_letters.amount_text(balance.amount)}"

    def _remark(self) -> list[tuple[str, str]]:
        """What is said about the whole statement, as the last field 86: at most 6 lines of 65."""
        text = re.sub(r" ?:(?:34F|90[CD]):\S+", "", self._statement.additional_information).strip()
        if not text or self._kind == "950":
            return []
        lines = mt_letters.folded(self._plain("86", text), 65)
        if len(lines) > 6:
            self._lost("86", "length", "The text about the statement is cut at 6 lines of 65 characters.")
        return [("86", "\n".join(lines[:6]))]

    def _plain(self, field: str, text: str) -> str:
        written = mt_letters.plain(text.replace("\n", " ")).strip()
        if written != text:
            self._lost(field, "characters", f"{text[:40]!r} and the like are written in the X character set.")
        return written

    # ----------------------------------------------------------------------------------------------- an entry
    def _entry(self, entry: Entry) -> list[tuple[str, str]]:
        detail = entry.details[0] if len(entry.details) == 1 else EntryDetail()
        if len(entry.details) > 1:
            self._lost("86", "details", "The payments inside an entry are not carried, only their sum.")
        parts = _EntryParts(self, entry, detail)
        fields = [("61", parts.line(self._kind))]
        about = parts.about() if self._kind != "950" else ""
        if self._kind == "950" and entry.details:
            self._lost(
                "86", "details", "An MT950 carries no field 86: whom an entry is about, and its text, is left out."
            )
        return [*fields, ("86", about)]

    def day_of(self, entry: Entry) -> date:
        """The value date; the booking date, or the closing balance's, where there is none."""
        if entry.value_date is None:
            self._lost("61", "value-date", "Entries without a value date take the booking date.")
        day = entry.value_date or entry.booking_date
        closing = self._statement.balances[-1:] if day is None else ()
        day = day or next((balance.date for balance in closing), None)
        if day is None:
            raise ElectraError(
                f"An entry of statement {self._statement.identification} has no date.", repair="Give its value date."
            )
        return day

    def lost(self, field: str, rule: str, text: str) -> None:
        """Tell what is not carried, once for each rule and field."""
        self._lost(field, rule, text)

    def plain(self, field: str, text: str) -> str:
        """Text in the X character set; told where that changes it."""
        return self._plain(field, text)


class _EntryParts:
    """One entry's fields 61 and 86."""

    def __init__(self, writer: _Writer, entry: Entry, detail: EntryDetail) -> None:
        self._writer, self._entry, self._detail = writer, entry, detail
        codes = (entry.proprietary_code or detail.proprietary_code).split("+")
        kind, self._code, self._prima_nota, self._key = [*codes, "", "", ""][:4]
        self._type = kind if _TYPE.fullmatch(kind) else "NMSC"
        odd = self._code and not re.fullmatch("[0-9]{3}", self._code)
        if (kind and self._type != kind) or odd or len(codes) > 4 or len(self._prima_nota) > 10 or len(self._key) > 3:
            writer.lost(
                "61", "code", f"The code {entry.proprietary_code[:40]!r} is no SWIFT type; it is written as NMSC."
            )
            self._type, self._code, self._prima_nota, self._key = "NMSC", "", "", ""
        if entry.bank_transaction_code or detail.bank_transaction_code:
            writer.lost("61", "bank-transaction-code", "ISO bank transaction codes are not carried.")
        self._words: list[tuple[str, str]] = []
        self._reference = self._short("entry_reference", entry.entry_reference, "KREF")
        self._bank = self._short("bank_reference", entry.bank_reference or detail.bank_reference, "BREF")
        self._text, self._more = self._information()

    def _short(self, name: str, value: str, word: str) -> str:
        """A reference for field 61: 16 characters; a longer one stands in field 86 behind its word."""
        written = self._writer.plain("61", value)
        fits = len(written) <= 16 and "//" not in written and written[:1] != "/" and written[-1:] != "/"
        if fits:
            return written
        self._words.append((word, written))
        return f"{word}+" if word == "KREF" else ""

    def _information(self) -> tuple[str, str]:
        """Additional information for subfield ?00 (27 characters) and for the second line of field 61 (34)."""
        entry, detail, writer = self._entry, self._detail, self._writer
        text = " ".join(part for part in (entry.additional_information, detail.additional_information) if part)
        text = writer.plain("86", text)
        more = self._amounts()
        alone = not entry.details and not self._words and not self._code and not self._prima_nota and not self._key
        if text and not more and len(text) <= _MORE and (alone or len(text) > SUBFIELD):
            return "", text
        if len(text) > SUBFIELD:
            writer.lost("86", "length", f"Additional information is cut at {SUBFIELD} characters.")
        return text[:SUBFIELD].rstrip(), more

    def _amounts(self) -> str:
        """Original amount and charges as code words (DFÜ-Abkommen annex 3, subfield 9 of field 61)."""
        entry, detail, writer = self._entry, self._detail, self._writer
        original, currency = entry.original_amount, entry.original_currency
        if original is None:
            original, currency = detail.original_amount, detail.original_currency
        charges = detail.charges if entry.charges is None else entry.charges
        if entry.exchange_rate is not None or detail.exchange_rate is not None:
            writer.lost("61", "exchange-rate", "Exchange rates are not carried.")
        text = "" if original is None else f"/OCMT/{currency}{mt_letters.amount_text(original)}/"
        if charges is not None:
            fee = f"/CHGS/{entry.currency}{mt_letters.amount_text(charges)}/"
            if charges > 0 or len(text + fee) > _MORE:
                writer.lost(
                    "61",
                    "charges",
                    "Charges that are credits, or do not fit beside the original amount, are not carried.",
                )
            else:
                text += fee
        return text

    def line(self, kind: str) -> str:
        """Field 61 with its second line."""
        entry, writer = self._entry, self._writer
        value = writer.day_of(entry)
        booked = f"{entry.booking_date:%m%d}" if entry.booking_date else ""
        if entry.booking_date and mt_values.entry_day(booked, value) != entry.booking_date:
            writer.lost(
                "61", "booking-date", "Booking dates more than half a year from the value date lose their year."
            )
        if entry.status == "PDNG":
            mark = "ED" if entry.amount < 0 else "EC"
        elif entry.reversal:
            mark = "RC" if entry.amount < 0 else "RD"
        else:
            mark = "D" if entry.amount < 0 else "C"
        bank = f"//{self._bank}" if self._bank else ""
        more = f"\n{self._more}" if self._more else ""
        amount = mt_letters.amount_text(entry.amount)
        return f"{value:%y%m%d}{booked}{mark}{amount}{self._type}{self._reference or 'NONREF'}{bank}{more}"

    def about(self) -> str:
        """Field 86 with numbered subfields; empty where there is nothing to say."""
        pieces = self._pieces()
        if not pieces and not self._code:
            return ""
        subfields = [f"?{number:02}{piece}" for number, piece in pieces] or ["?00"]
        text = "".join([self._code or NO_CODE, *subfields])
        return "\n".join(mt_letters.folded(text, 65))

    def _pieces(self) -> list[tuple[int, str]]:
        detail, writer = self._detail, self._writer
        party = detail.counterparty
        pieces = [(0, _quiet(self._text)), (10, self._prima_nota), *self._remittance()]
        if party is not None:
            if str(party.address):
                writer.lost("86", "address", "Addresses are not carried.")
            national = _NATIONAL.fullmatch(party.account) if not party.bic else None
            bank, account = (national[1], national[2]) if national else (party.bic, party.account)
            name = _quiet(writer.plain("86", party.name))
            if len(name) > 2 * SUBFIELD:
                writer.lost("86", "name", f"Names are cut at {2 * SUBFIELD} characters.")
            pieces += [(30, mt_letters.checked("86", bank, 12)), (31, mt_letters.checked("86", account, 34))]
            pieces += [(32, name[:SUBFIELD]), (33, name[SUBFIELD : 2 * SUBFIELD])]
        pieces.append((34, self._key))
        return [piece for piece in pieces if piece[1]]

    def _remittance(self) -> list[tuple[int, str]]:
        """SEPA words, each from the beginning of a subfield, and the text; 14 lines of 27."""
        detail, writer = self._detail, self._writer
        words = [
            ("EREF", detail.end_to_end_id),
            *self._words,
            ("MREF", detail.mandate_id),
            ("CRED", detail.creditor_id),
        ]
        spoken = [f"{word}+{_quiet(writer.plain('86', value))}" for word, value in words if value]
        text = detail.remittance
        if detail.structured_reference:
            writer.lost("86", "structured-reference", "Structured references become part of the text.")
            text = f"{text} {detail.structured_reference}".lstrip()
        text = _quiet(writer.plain("86", text))
        if text:
            spoken.append(f"SVWZ+{text}" if spoken else text)
        lines = [each[at : at + SUBFIELD] for each in spoken for at in range(0, len(each), SUBFIELD)]
        if len(lines) > len(_LINES):
            writer.lost("86", "remittance", f"Remittance is cut at {len(_LINES)} lines of {SUBFIELD} characters.")
        return list(zip(_LINES, lines, strict=False))


def _quiet(text: str) -> str:
    """Text in which nothing looks like a subfield or a SEPA word."""
    if "?" not in text and "+" not in text:
        return text
    return _WORD.sub(r"\1 ", text.replace("?", "."))
