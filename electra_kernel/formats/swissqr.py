"""The Swiss QR-bill: the text inside the square with the Swiss cross, read into a payment and written.

Source: SIX, Swiss Implementation Guidelines for the QR-bill, version 2.3 (structured addresses); combined addresses of
versions before are still read. An account whose bank code lies between 30000 and 31999 (QR-IBAN) carries a reference of
27 digits (QRR), any other account a creditor reference (SCOR, ISO 11649) or none (NON).
"""

from __future__ import annotations

from decimal import Decimal

from electra_kernel.formats.base import Problems, Reading
from electra_kernel.formats.qr import QrText, account_of, amount_of, first_lines, one_payment
from electra_kernel.orders.model import Transaction
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party
from electra_kernel.vocabulary.references import is_qr_iban, is_qr_reference

_TAG, _VERSION, _UTF8, _TRAILER = "SPC", "0200", "1", "EPD"
_ADDRESS = ("address type", "name", "street", "building", "post code", "town", "country")
_FIELDS = (
    *("type", "version", "coding", "account"),
    *(f"creditor {part}" for part in _ADDRESS),
    *(f"ultimate creditor {part}" for part in _ADDRESS),
    *("amount", "currency"),
    *(f"debtor {part}" for part in _ADDRESS),
    *("reference type", "reference", "text", "trailer", "bill information", "procedure 1", "procedure 2"),
)
_CURRENCIES = ("CHF", "EUR")
_MOST_BYTES = 4 * 997
_LARGEST = Decimal("999999999.99")


def detect(data: bytes) -> bool:
    """Whether the bytes are the text of a QR-bill."""
    head = first_lines(data)
    return len(head) > 2 and head[0] == _TAG and head[1][:2].isdigit()


def read(data: bytes, source: str) -> Reading:
    """Read a bill into one payment without a debtor; the amount is 0 where the bill leaves it to the payer.

    Raises:
        UnreadableFile: longer than any bill, or not UTF-8.
    """
    problems = Problems(source)
    text = QrText.parse(data, _FIELDS, source, most_bytes=_MOST_BYTES)
    if text["version"][:2] != _VERSION[:2]:
        text.error(problems, "version", "version", f"{text['version'][:10]!r} is no version of the QR-bill.")
    if text["trailer"] != _TRAILER:
        text.error(problems, "trailer", "truncated", "The text is cut off: it does not end with EPD.")
    currency = text["currency"]
    if currency not in _CURRENCIES:
        text.error(problems, "currency", "currency", f"{currency[:10]!r} is not CHF or EUR.")
    account = account_of(text, problems, "account", text["account"])
    _check_reference(text, account, problems)
    amount = amount_of(text, problems, "amount", text["amount"])
    payment = Transaction(
        amount=Money(amount, currency if currency in _CURRENCIES else "CHF"),
        counterparty=Party(name=text["creditor name"], account=account, address=_address(text, "creditor")),
        remittance=text["text"],
        structured_reference=text["reference"],
        ultimate_debtor=text["debtor name"],
        ultimate_creditor=text["ultimate creditor name"],
    )
    for name in ("bill information", "procedure 1", "procedure 2"):
        if text[name]:
            text.warn(problems, name, f"The payment does not carry the {name}: {text[name][:100]}")
    return one_payment(f"Swiss QR-bill {text['version']}", payment, problems)


def _address(text: QrText, whose: str) -> Address:
    street, building, post_code, town, country = (text[f"{whose} {part}"] for part in _ADDRESS[2:])
    if text[f"{whose} address type"] == "K":
        return Address(lines=tuple(line for line in (street, building) if line), country=country)
    return Address(street=street, building=building, post_code=post_code, town=town, country=country)


def _check_reference(text: QrText, account: str, problems: Problems) -> None:
    kind, reference = text["reference type"], text["reference"]
    wrong = ""
    if kind == "QRR" and not is_qr_reference(reference):
        wrong = f"{reference[:40]!r} is no QR reference: 27 digits with a check digit."
    elif kind not in ("QRR", "SCOR", "NON"):
        wrong = f"{kind[:10]!r} is no type of reference."
    elif (kind == "QRR") != is_qr_iban(account):
        wrong = "A QR-IBAN and a QR reference belong together; here is one without the other."
    elif (kind == "NON") == bool(reference):
        wrong = "The type of reference says that there is " + ("none; there is one." if reference else "one.")
    if wrong:
        text.error(problems, "reference", "reference", wrong)


def write(transaction: Transaction) -> bytes:
    """The text of the bill of one payment, version 2.3; an amount of 0 is left to the payer.

    Raises:
        ElectraError: the account is not Swiss, the currency not CHF or EUR, the address not structured, the reference
            does not go with the account, or the bill would be too long.
    """
    money, party = transaction.amount, transaction.counterparty
    if money.currency not in _CURRENCIES or not 0 <= money.amount <= _LARGEST or money.amount != round(money.amount, 2):
        raise ElectraError(f"A QR-bill cannot carry {money}.", repair=f"It carries up to {_LARGEST} CHF or EUR.")
    if party.account[:2] not in ("CH", "LI"):
        raise ElectraError("A QR-bill needs an account in Switzerland or Liechtenstein.", repair="Give its IBAN.")
    reference = transaction.structured_reference
    kind = "QRR" if is_qr_iban(party.account) else "SCOR" if reference else "NON"
    if kind == "QRR" and not is_qr_reference(reference):
        raise ElectraError("A QR-IBAN needs a QR reference of 27 digits.", repair="Give it, or another account.")
    where = party.address
    if not (where.post_code and where.town and where.country):
        raise ElectraError(
            "A QR-bill needs the creditor's post code, town and country.", repair="Give the address in its parts."
        )
    amount = f"{money.amount:.2f}" if money.amount else ""
    creditor = ("S", party.name, where.street, where.building, where.post_code, where.town, where.country)
    nobody = ("",) * len(_ADDRESS)
    values = (_TAG, _VERSION, _UTF8, party.account, *creditor, *nobody, amount, money.currency, *nobody)
    return QrText.write((*values, kind, reference, transaction.remittance, _TRAILER), most_bytes=_MOST_BYTES)
