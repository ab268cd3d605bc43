"""The ledger's columns, once, as Arrow schemas: every reader fills them and every analysis starts from them.

Amounts are decimal128(18, 5), signed, credit positive. A text that the bank does not give is null, never empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from electra_kernel.vocabulary.errors import Problem

AMOUNT = pa.decimal128(18, 5)
RATE = pa.decimal128(18, 10)

_FROM_AMOUNT_ON: list[tuple[str, pa.DataType]] = [
    ("amount", AMOUNT),
    ("reversal", pa.bool_()),
    ("bank_transaction_code", pa.string()),
    ("proprietary_code", pa.string()),
    ("bank_reference", pa.string()),
    ("entry_reference", pa.string()),
    ("counterparty_name", pa.string()),
    ("counterparty_account", pa.string()),
    ("counterparty_bic", pa.string()),
    ("counterparty_address", pa.string()),
    ("remittance", pa.string()),
    ("structured_reference", pa.string()),
    ("end_to_end_id", pa.string()),
    ("mandate_id", pa.string()),
    ("creditor_id", pa.string()),
    ("original_amount", AMOUNT),
    ("original_currency", pa.string()),
    ("exchange_rate", RATE),
    ("charges", AMOUNT),
    ("details", pa.int32()),
    ("additional_information", pa.string()),
    ("source", pa.string()),
    ("position", pa.int64()),
]

#: One row an entry. An entry with exactly one detail carries its columns; ``details`` is the number of details.
ENTRIES = pa.schema(
    [
        pa.field("entry_id", pa.string(), nullable=False),
        ("account", pa.string()),
        ("currency", pa.string()),
        ("statement", pa.string()),
        ("sequence", pa.int64()),
        ("booking_date", pa.date32()),
        ("value_date", pa.date32()),
        ("status", pa.string()),
        *_FROM_AMOUNT_ON,
    ]
)

#: One row a payment inside a batched booking; ``detail`` counts from 0.
DETAILS = pa.schema([pa.field("entry_id", pa.string(), nullable=False), ("detail", pa.int32()), *_FROM_AMOUNT_ON])

BALANCES = pa.schema(
    [
        ("account", pa.string()),
        ("currency", pa.string()),
        ("statement", pa.string()),
        ("kind", pa.string()),
        ("date", pa.date32()),
        ("amount", AMOUNT),
    ]
)

#: One row a statement, report or notification; the days it speaks of are worked out by ``statements.tables.period_of``.
STATEMENTS = pa.schema(
    [
        ("statement", pa.string()),
        ("account", pa.string()),
        ("currency", pa.string()),
        ("sequence", pa.int64()),
        ("kind", pa.string()),
        ("from_date", pa.date32()),
        ("to_date", pa.date32()),
        ("created", pa.timestamp("us", "UTC")),
        ("opening", AMOUNT),
        ("closing", AMOUNT),
        ("entries", pa.int64()),
        ("source", pa.string()),
    ]
)

PROBLEMS = pa.schema(
    [
        ("source", pa.string()),
        ("position", pa.int64()),
        ("field", pa.string()),
        ("rule", pa.string()),
        ("text", pa.string()),
        ("repair", pa.string()),
        ("severity", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class StatementTables:
    """What one file says, or a part of a large one, as Arrow tables in the schemas above."""

    entries: pa.Table
    details: pa.Table
    balances: pa.Table
    problems: pa.Table
    statements: pa.Table = field(default_factory=STATEMENTS.empty_table)

    def told(self, source: str = "") -> tuple[Problem, ...]:
        """The rows of ``problems`` as problems; with a file's name given, under that name and not the hash."""
        named = {"source": source} if source else {}
        rows = self.problems.to_pylist() if self.problems.num_rows else []
        return tuple(Problem(**{**row, **named}) for row in rows)
