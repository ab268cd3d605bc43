"""The payment code for SEPA transfers (GiroCode): the text inside the QR square, read into a payment and written.

Source: EPC069-12 v3.1, Quick Response Code: Guidelines to enable data capture for the initiation of an SCT. Lines end
with LF or CRLF; what is empty at the end may be left out.
"""

from __future__ import annotations

from decimal import Decimal

from electra_kernel.formats.base import Problems, Reading
from electra_kernel.formats.qr import QrText, account_of, amount_of, first_lines, one_payment
from electra_kernel.orders.model import Transaction
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

_TAG = "BCD"
_FIELDS = (
    *("service", "version", "character set", "identification", "BIC", "name", "IBAN", "amount"),
    *("purpose", "reference", "text", "information"),
)
#: The numbers of the character sets (section 3, element 3).
_CHARACTER_SETS = {
    "1": "utf-8",
    "2": "iso8859-1",
    "3": "iso8859-2",
    "4": "iso8859-4",
    "5": "iso8859-5",
    "6": "iso8859-7",
    "7": "iso8859-10",
    "8": "iso8859-15",
}
_VERSIONS = ("001", "002")
_MOST_BYTES = 331
_LARGEST = Decimal("999999999.99")


def detect(data: bytes) -> bool:
    """Whether the bytes are the text of such a code."""
    head = first_lines(data)
    return len(head) > 4 and head[0] == _TAG and head[3] in ("SCT", "INST")


def read(data: bytes, source: str) -> Reading:
    """Read a code into one payment without a debtor; the amount is 0 where the code leaves it to the payer.

    Raises:
        UnreadableFile: longer than any code, or its letters are not those it names.
    """
    problems = Problems(source)
    number = [*first_lines(data), "", "", ""][2]
    text = QrText.parse(data, _FIELDS, source, encoding=_CHARACTER_SETS.get(number, "utf-8"), most_bytes=_MOST_BYTES)
    if text["version"] not in _VERSIONS:
        text.error(problems, "version", "version", f"{text['version'][:10]!r} is no version of this code.")
    if number not in _CHARACTER_SETS:
        text.warn(problems, "character set", f"{number[:10]!r} is no character set of this code; UTF-8 is taken.")
    currency, amount = text["amount"][:3], text["amount"][3:]
    if text["amount"] and currency != "EUR":
        text.error(problems, "amount", "currency", f"The amount {text['amount'][:40]!r} is not in EUR.")
    if text["reference"] and text["text"]:
        text.error(problems, "reference", "reference", "The code has both a reference and a text; one is allowed.")
    payment = Transaction(
        amount=Money(amount_of(text, problems, "amount", amount), "EUR"),
        counterparty=Party(
            name=text["name"], account=account_of(text, problems, "IBAN", text["IBAN"]), bic=text["BIC"].upper()
        ),
        remittance=text["text"],
        structured_reference=text["reference"],
        purpose=text["purpose"],
    )
    if text["information"]:
        text.warn(problems, "information", f"For the payer: {text['information'][:70]}")
    return one_payment(f"EPC QR {text['version']}", payment, problems)


def write(transaction: Transaction) -> bytes:
    """The text of the code of one payment, in UTF-8, version 002; an amount of 0 is left to the payer.

    Raises:
        ElectraError: not in EUR, too large, or too long for a code; or it has both a reference and a text.
    """
    money, party = transaction.amount, transaction.counterparty
    if money.currency != "EUR" or not 0 <= money.amount <= _LARGEST or money.amount != round(money.amount, 2):
        raise ElectraError(
            f"A SEPA payment code cannot carry {money}.", repair=f"It carries up to {_LARGEST} EUR, in whole cents."
        )
    if transaction.structured_reference and transaction.remittance:
        raise ElectraError(
            "A SEPA payment code carries a reference or a text, not both.", repair="Leave one of them out."
        )
    amount = f"EUR{money.amount:.2f}" if money.amount else ""
    values = ("002", "1", "SCT", party.bic, party.name, party.account, amount)
    more = (transaction.purpose, transaction.structured_reference, transaction.remittance)
    return QrText.write((_TAG, *values, *more), most_bytes=_MOST_BYTES)
