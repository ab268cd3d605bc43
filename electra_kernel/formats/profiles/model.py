"""What a profile is: a bank's own format as a user describes it, and what its fields mean to the workbench.

What may live here: the profile as a value, its words and their limits. TOML is read in ``toml``, files in ``cutting``; what
rows mean is in ``facts``, ``statements`` and ``orders``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from electra_kernel.formats.fields import Field
from electra_kernel.formats.fixedwidth import Layout
from electra_kernel.formats.records import Record
from electra_kernel.vocabulary.errors import ElectraError

SHAPES = ("fixed", "delimited", "xml")
KINDS = ("statement", "payment")
ROLES: Mapping[str, tuple[str, ...]] = {
    "statement": ("file", "statement", "entry", "detail", "end"),
    "payment": ("file", "order", "payment", "end"),
}

#: What a field of a statement may mean, by level.
STATEMENT_COLUMNS = (
    *("account", "currency", "statement", "sequence", "owner", "bank_bic", "created", "from_date", "to_date"),
    *("opening_balance", "opening_date", "closing_balance", "closing_date"),
)
ENTRY_COLUMNS = (
    *("booking_date", "value_date", "status", "amount", "debit", "credit", "balance", "reversal"),
    *("bank_transaction_code", "proprietary_code", "bank_reference", "entry_reference"),
    *("counterparty_name", "counterparty_account", "counterparty_bic", "counterparty_address", "remittance"),
    *("structured_reference", "end_to_end_id", "mandate_id", "creditor_id", "original_amount", "original_currency"),
    *("exchange_rate", "charges", "additional_information"),
)
#: What a field of a payment file may mean, by level.
ORDER_COLUMNS = (
    *("message_id", "payment_id", "debtor_name", "debtor_account", "debtor_bic", "debtor_identification"),
    *("debtor_address", "execution_date", "created", "initiator"),
)
TRANSACTION_COLUMNS = (
    *("amount", "currency", "counterparty_name", "counterparty_account", "counterparty_bic", "counterparty_address"),
    *("counterparty_identification", "remittance", "structured_reference", "end_to_end_id", "instruction_id"),
    *("purpose", "ultimate_debtor", "ultimate_creditor"),
)
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "statement": (*STATEMENT_COLUMNS, *ENTRY_COLUMNS),
    "payment": (*ORDER_COLUMNS, *TRANSACTION_COLUMNS),
}
#: The type a column wants; text where it is not named.
COLUMN_TYPES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("amount", "debit", "credit", "balance", "opening_balance", "closing_balance"), ("amount", "integer")
    ),
    **dict.fromkeys(("original_amount", "charges", "exchange_rate"), ("amount", "integer")),
    **dict.fromkeys(("booking_date", "value_date", "from_date", "to_date", "opening_date", "closing_date"), ("date",)),
    **dict.fromkeys(("created", "execution_date"), ("date",)),
    "sequence": ("integer", "digits"),
}
#: Columns whose parts are joined without a blank.
JOINED = frozenset({"account", "counterparty_account", "debtor_account", "message_id", "statement", "bank_reference"})


class ProfileError(ElectraError):
    """A profile that says something wrong, or too little; names the file, the line, the key and the repair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What one field of a record means.

    Attributes:
        column: the ledger's column, or the order's field.
        account: ``giro`` where a Hungarian account stands as 16 or 24 digits; it is an IBAN in the workbench.
        translate: the bank's words to the workbench's.
    """

    column: str
    account: str = ""
    translate: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind of record of a profile: how it looks, what it is for, and what its fields mean.

    Attributes:
        record: marks, fields, order.
        role: ``file`` (says something for all that follows), ``statement`` or ``order`` (begins one), ``entry`` or
            ``payment``, ``detail`` (says more of the entry before it), ``end``; empty where it only frames.
        meanings: by field name.
        fixed: columns that are the same for every such record and stand in no field.
        path: XML only: where its elements are, from the root (``.`` is the root).
    """

    record: Record
    role: str = ""
    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A format of a bank's or a program's own, as data.

    Attributes:
        name, title: for people and for ``electra convert --to``.
        shape: ``fixed``, ``delimited`` or ``xml``.
        kind: ``statement`` or ``payment``.
        parts: its records, in the order in which their marks are tried.
        separator, quote, header, skip: delimited text: header says whether one row of column names precedes the records,
            skip how many lines stand above it.
        ignore: columns of the header that are knowingly not read.
        root: XML: the local name of the root element.
        namespace: XML: the namespace that is written; whatever stands in a file is read.
        layout: fixed width: the same records, compiled.
        fixed: columns that are the same for the whole file.
    """

    name: str
    title: str
    shape: str
    kind: str
    parts: tuple[Part, ...]
    encoding: str = "utf-8"
    line_end: str = "\r\n"
    extensions: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    separator: str = ";"
    quote: str = '"'
    header: bool = True
    skip: int = 0
    ignore: tuple[str, ...] = ()
    root: str = ""
    namespace: str = ""
    fixed: Mapping[str, str] = field(default_factory=dict)
    layout: Layout | None = None

    def part(self, name: str) -> Part:
        """The part whose record has this name."""
        return next(part for part in self.parts if part.record.name == name)

    def of_role(self, role: str) -> Part | None:
        """The first part of a role, or ``None``."""
        return next((part for part in self.parts if part.role == role), None)

    @property
    def columns(self) -> frozenset[str]:
        """Every column that some field of it carries."""
        return frozenset(meaning.column for part in self.parts for meaning in part.meanings.values())


def fields_of(record: Record) -> Mapping[str, Field]:
    """The fields of a record by name."""
    return {spec.name: spec for spec in record.fields if spec.name}
