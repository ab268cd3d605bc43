"""What a bank bills for its services (ISO 20022 camt.086): statements of services, prices and taxes, as small values.

What may live here: what a billing statement says, and its table. Charges are as the bank writes them: positive is owed
to the bank, negative is given back. Figures are exact decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from electra_kernel.statements.columns import AMOUNT

#: A count of services; ISO 20022 allows 17 decimals.
VOLUME = pa.decimal128(36, 17)


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledService:
    """One service on a bill.

    Attributes:
        service: the bank's code of the service; ``sub_service`` its part, empty where there is none.
        common_code: the code of a public list (AFP and others), empty where the bank gives none.
        volume: how often it was used.
        unit_price: in ``price_currency``; ``method`` how it is priced (``UPRC`` by unit, ``FLAT``, tiers …).
        charge: what the service costs before tax, in ``currency``.
        settled: the same in the currency of settlement, ``None`` where the bank gives none.
        tax: the tax on it, in the host currency of the bank, ``None`` where the bank gives none.
        payment: how it is paid (``BCMP`` by balances, ``FLAT`` by charge, ``PVCH`` …).
        position: byte offset in the file.
    """

    service: str
    description: str
    charge: Decimal
    currency: str
    sub_service: str = ""
    service_type: str = ""
    common_code: str = ""
    bank_transaction_code: str = ""
    volume: Decimal | None = None
    unit_price: Decimal | None = None
    price_currency: str = ""
    method: str = ""
    payment: str = ""
    settled: Decimal | None = None
    settlement_currency: str = ""
    tax_code: str = ""
    tax: Decimal | None = None
    tax_currency: str = ""
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledAmount:
    """A named amount on a bill: a balance, a part of what is to be settled, an adjustment.

    Attributes:
        kind: the bank's or ISO's code.
        group: ``balance``, ``compensation`` or ``adjustment``.
    """

    group: str
    kind: str
    amount: Decimal
    currency: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingStatement:
    """What one account is billed for a period.

    Attributes:
        group: the group the statement stands in; the bill of a group of companies has several.
        status: ``ORGN`` original, ``RPLC`` replaces one, ``TEST``.
        account: compact IBAN, or the number as the bank prints it; ``debited`` the account that pays, where it is another.
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
        | {name: getattr(service, name) for name in BILLING.names if name not in _OF_STATEMENT and name != "source"}
        | {"source": source}
        for statement in statements
        for service in statement.services
    ]
    cells = [{name: None if value == "" else value for name, value in row.items()} for row in rows]
    return pa.Table.from_pylist(cells, schema=BILLING)


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
