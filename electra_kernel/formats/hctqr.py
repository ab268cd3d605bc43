"""The Hungarian payment QR code (MNB guideline of 2019, "qvik"): its text, read and written. Drawing the code is not done here.

Seventeen lines with line feeds between them, at most 345 bytes: kind (``HCT`` a payment order, ``RTP`` a request), version,
character set, BIC, name, IBAN, ``HUF`` and amount, end of validity in Budapest time with its offset in hours, purpose, text, and
seven identifiers. The BIC and the name must be there. What files add is read, too: other line ends, one after the last line, a
byte order mark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.formats.qr import first_lines, text_lines
from electra_kernel.orders.model import NOT_PROVIDED, Transaction
from electra_kernel.vocabulary.accounts import AccountError, parse_account, parse_bic
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

KINDS = ("HCT", "RTP")
MOST_BYTES = 345

_VERSION, _CHARACTER_SET, _LINES = "001", "1", 17
_AMOUNT = re.compile("HUF([0-9]{1,12})")
_UNTIL = re.compile("([0-9]{14})([+-][0-9]{1,2})")
_IDENTIFIERS = ("shop", "device", "receipt", "customer", "reference", "loyalty", "tax_authority_code")
#: The line each field stands on, for errors.
_LINE_OF = {"bic": 4, "name": 5, "account": 6, "amount": 7, "until": 8, "purpose": 9, "remittance": 10} | {
    name: 11 + place for place, name in enumerate(_IDENTIFIERS)
}
_LONGEST = {"name": 70, "purpose": 4, "remittance": 70} | dict.fromkeys(_IDENTIFIERS, 35)


class QrError(ElectraError):
    """A payment code that says something it may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCode:
    """What a payment code says; texts are empty where nothing is said.

    Attributes:
        kind: ``HCT``: the payer scans the payee's code; ``RTP``: the payee scans the payer's.
        bic, name, account: of the payee (``HCT``) or payer (``RTP``); the account is an IBAN.
        until: the end of validity, aware.
        amount: whole forints, or ``None`` where the payer fills it in.
        purpose: ISO external purpose code.
        shop, device, receipt, customer, reference, loyalty, tax_authority_code: identifiers of at most 35 characters.

    Raises:
        QrError: something does not fit; the error names the line and the field.
    """

    kind: str = "HCT"
    bic: str
    name: str
    account: str
    until: datetime
    amount: Decimal | None = None
    purpose: str = ""
    remittance: str = ""
    shop: str = ""
    device: str = ""
    receipt: str = ""
    customer: str = ""
    reference: str = ""
    loyalty: str = ""
    tax_authority_code: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise _wrong("kind", f"{self.kind!r} is not one of {', '.join(KINDS)}")
        _check_numbers(self)
        for name, most in _LONGEST.items():
            text = getattr(self, name)
            if len(text) > most:
                raise _wrong(name, f"it has {len(text)} characters where {most} fit")
            if not text.isprintable():
                raise _wrong(name, "it holds a line end or another control character")
        if not self.name.strip():
            raise _wrong("name", "it must be there")
        if self.purpose and not re.fullmatch("[A-Z0-9]{4}", self.purpose):
            raise _wrong("purpose", f"{self.purpose!r} is not a code of four letters")

    def as_transaction(self) -> Transaction:
        """The payment that a payer makes of it.

        Raises:
            QrError: the amount is left to the payer, or it is a request of the other direction.
        """
        if self.amount is None or self.kind != "HCT":
            raise _wrong("amount", "the code leaves it open" if self.amount is None else "the code is no payment order")
        return Transaction(
            amount=Money(self.amount, "HUF"),
            counterparty=Party(name=self.name, account=self.account, bic=self.bic),
            remittance=self.remittance,
            end_to_end_id=self.reference or NOT_PROVIDED,
            purpose=self.purpose,
        )


def _check_numbers(code: PaymentCode) -> None:
    try:
        if parse_bic(code.bic) != code.bic:
            raise _wrong("bic", f"{code.bic!r} is not written as a BIC is")
        if parse_account(code.account) != code.account or not code.account.startswith("HU"):
            raise _wrong("account", f"{code.account!r} is not a Hungarian IBAN")
    except AccountError as error:
        raise _wrong("account" if "BIC" not in error.what else "bic", error.what) from error
    amount = code.amount
    if amount is not None and (amount != int(amount) or not 0 < amount < 10**12):
        raise _wrong("amount", f"{amount} is not a number of whole forints of at most 12 digits")
    offset = code.until.utcoffset()
    if offset is None or offset % timedelta(hours=1) or code.until.microsecond:
        raise _wrong("until", "it needs an offset of whole hours and whole seconds")


def _wrong(name: str, said: str) -> QrError:
    line = _LINE_OF.get(name, 1)
    return QrError(
        f"The {name.replace('_', ' ')} is wrong: {said.rstrip('.')}.",
        where=f"line {line}",
        repair="Correct it, or ask for a new code.",
    )


def detect(data: bytes) -> bool:
    """Whether the bytes begin as the text of a payment code does."""
    return first_lines(data)[:2] in ([kind, _VERSION] for kind in KINDS)


def read(data: bytes, source: str) -> PaymentCode:
    """Read the text of a payment code.

    Raises:
        UnreadableFile: it is none, or a line of it is wrong; the error names the line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(source, "encoding", "The code is not UTF-8.", data.count(b"\n", 0, error.start) + 1) from error
    lines = text_lines(text)
    if lines[-1] == "" and len(lines) > _LINES:
        lines.pop()
    size = len("\n".join(lines).encode())
    if size > MOST_BYTES or len(lines) != _LINES:
        said = f"The code has {len(lines)} lines and {size} bytes; it must have {_LINES} and at most {MOST_BYTES}."
        raise _refused(source, "length", said, None)
    if lines[0] not in KINDS or lines[1:3] != [_VERSION, _CHARACTER_SET]:
        said = f"The code begins with {' '.join(lines[:3])[:40]!r}: kind, version and character set are not known."
        raise _refused(source, "version", said, 1)
    try:
        return _code(lines)
    except QrError as error:
        line = int(error.where.rpartition(" ")[2])
        raise _refused(source, "value", error.what, line) from error


def _refused(source: str, rule: str, said: str, line: int | None) -> ElectraError:
    return unreadable(source, rule, said, "Scan it again, or ask for a new code.", field="code", position=line)


def _code(lines: Sequence[str]) -> PaymentCode:
    amount = _AMOUNT.fullmatch(lines[6])
    if lines[6] and amount is None:
        raise _wrong("amount", f"{lines[6][:20]!r} is not HUF and whole forints")
    return PaymentCode(
        kind=lines[0],
        bic=lines[3],
        name=lines[4],
        account=lines[5],
        amount=Decimal(amount[1]) if amount else None,
        until=_moment(lines[7]),
        purpose=lines[8],
        remittance=lines[9],
        **dict(zip(_IDENTIFIERS, lines[10:], strict=True)),
    )


def _moment(text: str) -> datetime:
    found = _UNTIL.fullmatch(text)
    try:
        if found is not None:
            zone = timezone(timedelta(hours=int(found[2])))
            return datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=zone)
    except ValueError:
        pass
    raise _wrong("until", f"{text[:20]!r} is not a moment such as 20260331235959+2")


def write(code: PaymentCode) -> bytes:
    """The text of a payment code, as the QR code carries it.

    Raises:
        QrError: it is longer than a code may be.
    """
    offset = code.until.utcoffset() or timedelta()
    moment = f"{code.until:%Y%m%d%H%M%S}{int(offset / timedelta(hours=1)):+d}"
    amount = "" if code.amount is None else f"HUF{int(code.amount)}"
    lines = [code.kind, _VERSION, _CHARACTER_SET, code.bic, code.name, code.account, amount, moment, code.purpose]
    lines += [code.remittance, *(getattr(code, name) for name in _IDENTIFIERS)]
    data = "\n".join(lines).encode()
    if len(data) > MOST_BYTES:
        raise QrError(f"The code has {len(data)} bytes where {MOST_BYTES} fit.", repair="Shorten its texts.")
    return data


def is_valid(code: PaymentCode, now: datetime) -> bool:
    """Whether the code may still be paid at a moment."""
    return now.astimezone(UTC) <= code.until.astimezone(UTC)


def read_payment(data: bytes, source: str) -> Reading:
    """A code as a payment without a debtor; the amount is 0 where the code leaves it to the payer.

    Raises:
        UnreadableFile: as ``read``; and a code by which a payer is asked to pay is no payment of ours.
    """
    code = read(data, source)
    if code.kind != "HCT":
        raise _refused(source, "request", "The code shows who is to pay (RTP); it is no payment of yours.", 1)
    problems = Problems(source)
    if code.amount is None:
        problems.warn(7, "amount", "amount-open", "The code leaves the amount to the payer.", "Enter it.")
    payment = replace(code, amount=code.amount or Decimal(1)).as_transaction()
    if code.amount is None:
        payment = replace(payment, amount=Money(Decimal(0), "HUF"))
    return Reading(format="hct-qr", transactions=(payment,), problems=problems.rows())
