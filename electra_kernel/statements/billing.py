"""What a bank bills for its services (ISO 20022 camt.086): statements of services, prices and taxes, as small values.

What may live here: what a billing statement says, and its table. Charges are as the bank writes them: positive is owed
to the bank, negative is given back. Figures are exact decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from electra_kernel.statements.columns import AMOUNT
from electra_kernel.vocabulary.parties import Party

#: A count of services; ISO 20022 allows 17 decimals.
VOLUME = pa.decimal128(36, 17)


#: Nobody that the bill names.
NOBODY = Party(name="")


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledTax:
    """One tax on a service.

    Attributes:
        number: the bank's number at the tax office.
        rate: in percent.
        amount: in the service's ``tax_currency``.
    """

    number: str
    rate: Decimal
    amount: Decimal
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledService:
    """One service on a bill.

    Attributes:
        service: the bank's code of the service; ``sub_service`` its part, empty where there is none, and
            ``sub_service_kind`` what that is (``LBOX``, ``STOR``, ``BILA``, ``SEQN``, ``MACT`` or the bank's word).
        common_code: the code of a public list, empty where the bank gives none; ``common_code_list`` names the list (AFP …).
        volume: how often it was used.
        unit_price: in ``price_currency``; ``method`` how it is priced (``UPRC`` by unit, ``FCHG``, tiers …), ``price_rule``
            the bank's word for the rule.
        charge: what the service costs before tax, in ``currency``.
        settled: the same in the currency of settlement, ``None`` where the bank gives none.
        balance: the balance that would pay for it, in ``balance_currency``, ``None`` where the bank gives none.
        tax: the whole tax on it, in ``tax_currency``, ``None`` where the bank gives none; ``taxes`` its parts.
        tax_code: ``TAXE`` taxable, ``XMPT`` exempt, ``ZERO`` at a rate of nothing.
        tax_method: ``A`` or ``B``: in the host currency of the bank; ``D``: in the currency of the price.
        tax_base: what is taxed, in ``tax_currency``; by method ``D`` the charge itself, and ``None`` here.
        tax_total: charge and tax together, in ``tax_currency``; by method ``A`` only.
        payment: how it is paid (``BCMP`` by balances, ``FLAT`` by charge, ``PVCH`` …).
        position: byte offset in the file.
    """

    service: str
    description: str
    charge: Decimal
    currency: str
    sub_service: str = ""
    sub_service_kind: str = ""
    service_type: str = ""
    common_code: str = ""
    common_code_list: str = ""
    bank_transaction_code: str = ""
    volume: Decimal | None = None
    unit_price: Decimal | None = None
    price_currency: str = ""
    method: str = ""
    price_rule: str = ""
    payment: str = ""
    settled: Decimal | None = None
    settlement_currency: str = ""
    balance: Decimal | None = None
    balance_currency: str = ""
    tax_code: str = ""
    tax: Decimal | None = None
    tax_currency: str = ""
    tax_method: str = ""
    tax_base: Decimal | None = None
    tax_total: Decimal | None = None
    taxes: tuple[BilledTax, ...] = ()
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledAmount:
    """A named amount on a bill: a balance, a part of what is to be settled, an adjustment.

    Attributes:
        kind: the bank's or ISO's code; of an adjustment ``LDGR``, ``FLOT`` … of a balance, ``COMP`` or ``NCMP`` of a service.
        group: ``balance``, ``compensation`` or ``adjustment``.
        currency_kind: whether the bank means the account's currency (``ACCT``), that of settlement (``STLM``), of prices
            (``PRCG``) or its own (``HOST``); empty where it does not say, and of adjustments.
        posted: the day an adjustment of a balance was posted.
        of: the day that an adjustment mends; ``None`` where the bank does not say.
    """

    group: str
    kind: str
    amount: Decimal
    currency: str
    description: str = ""
    currency_kind: str = ""
    posted: date | None = None
    of: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingStatement:
    """What one account is billed for a period.

    Attributes:
        group: the group the statement stands in; the bill of a group of companies has several.
        status: ``ORGN`` original, ``RPLC`` replaces one, ``TEST``.
        account: compact IBAN, or the number as the bank prints it; ``debited`` the account that pays, where it is another.
        level: ``DETL`` of this account alone, ``INTM`` or ``SMRY`` of those below it too.
        compensation: how it is settled: ``DBTD`` debited, ``DDBT`` debited later, ``INVD`` invoiced, ``NOCP`` not at all.
        sender: who bills, ``receiver`` who is billed: name, BIC and id.
    """

    identification: str
    group: str
    account: str
    currency: str
    from_date: date | None
    to_date: date | None
    created: datetime | None
    status: str
    debited: str = ""
    level: str = ""
    compensation: str = ""
    sender: Party = NOBODY
    receiver: Party = NOBODY
    services: tuple[BilledService, ...] = ()
    amounts: tuple[BilledAmount, ...] = ()

    def charged(self) -> dict[str, Decimal]:
        """The sum of the services' charges by currency, before tax."""
        sums: dict[str, Decimal] = {}
        for service in self.services:
            sums[service.currency] = sums.get(service.currency, Decimal(0)) + service.charge
        return sums


#: One row a service.
BILLING = pa.schema(
    [
        *((name, pa.string()) for name in ("account", "statement", "group", "status")),
        ("from_date", pa.date32()),
        ("to_date", pa.date32()),
        *((name, pa.string()) for name in ("service", "sub_service", "service_type", "description", "common_code")),
        ("bank_transaction_code", pa.string()),
        ("volume", VOLUME),
        ("unit_price", AMOUNT),
        ("price_currency", pa.string()),
        ("method", pa.string()),
        ("payment", pa.string()),
        ("charge", AMOUNT),
        ("currency", pa.string()),
        ("settled", AMOUNT),
        ("settlement_currency", pa.string()),
        ("tax_code", pa.string()),
        ("tax", AMOUNT),
        ("tax_currency", pa.string()),
        ("bank", pa.string()),
        ("source", pa.string()),
        ("position", pa.int64()),
    ]
)

_OF_STATEMENT = {"statement": "identification"} | {
    name: name for name in ("account", "group", "status", "from_date", "to_date")
}


def billing_table(statements: Sequence[BillingStatement], source: str = "") -> pa.Table:
    """Every billed service as a row, columns ``BILLING``; texts that the bank does not give are null."""
    rows = [
        {column: getattr(statement, name) for column, name in _OF_STATEMENT.items()}
        | {name: getattr(service, name) for name in BILLING.names if name not in (*_OF_STATEMENT, "bank", "source")}
        | {"bank": statement.sender.name, "source": source}
        for statement in statements
        for service in statement.services
    ]
    cells = [{name: None if value == "" else value for name, value in row.items()} for row in rows]
    return pa.Table.from_pylist(cells, schema=BILLING)


def beside_table(statements: Sequence[BillingStatement]) -> tuple[str, ...]:
    """What bills say that ``billing_table`` has no column for: fields, each with how often it is filled."""
    told = list[str]()
    services = [service for statement in statements for service in statement.services]
    kept = {*BILLING.names, *_OF_STATEMENT.values(), "sender", "services"}
    for items, noun in ((statements, "bills"), (services, "services")):
        for name in (field.name for field in (fields(items[0]) if items else ()) if field.name not in kept):
            filled = sum(getattr(item, name) not in (None, "", (), NOBODY) for item in items)
            told += [f"{name} in {filled} {noun}"] * bool(filled)
    return tuple(told)


def billing_rows(statements: Sequence[BillingStatement], source: str) -> list[dict[str, Any]]:
    """Every billed service in the columns of entries (``statements.columns.ENTRIES``), for information: what is owed is
    negative, as it will be when it is booked; the price and the tax are in words."""
    rows = []
    for statement in statements:
        for service in statement.services:
            rows.append(
                {
                    "entry_id": f"{source}:{service.position}",
                    "account": statement.account or None,
                    "currency": service.currency,
                    "statement": statement.identification,
                    "value_date": statement.to_date,
                    "status": "INFO",
                    "amount": -service.charge,
                    "bank_transaction_code": service.bank_transaction_code or None,
                    "proprietary_code": service.service or None,
                    "remittance": service.description or None,
                    "additional_information": _priced(service) or None,
                    "source": source,
                    "position": service.position,
                }
            )
    return rows


def _priced(service: BilledService) -> str:
    parts = []
    if service.volume is not None and service.unit_price is not None:
        parts.append(f"{service.volume:f} × {service.unit_price:f} {service.price_currency}".rstrip())
    if service.tax is not None:
        parts.append(f"tax {service.tax:f} {service.tax_currency}".rstrip())
    return ", ".join(parts)
