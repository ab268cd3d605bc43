"""Tables of the pages that are made from the code itself. One function a table, each gives Markdown.

What a column of the ledger means is told here, once; the build fails where a column has no meaning.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import pyarrow as pa

from electra_kernel.bank.explain import ORDER_TYPES
from electra_kernel.ebics.codes import CODES
from electra_kernel.formats import FORMATS
from electra_kernel.formats.payments import _NAMES, ColumnMap
from electra_kernel.formats.profiles.model import ENTRY_COLUMNS, ORDER_COLUMNS, STATEMENT_COLUMNS, TRANSACTION_COLUMNS
from electra_kernel.orders.kinds import KINDS
from electra_kernel.orders.rulebooks import NATIONAL, National
from electra_kernel.orders.rules import table
from electra_kernel.statements.columns import BALANCES, DETAILS, ENTRIES, PROBLEMS
from electra_kernel.vocabulary.faults import FAULTS

#: What each column of ``entries``, ``details``, ``balances`` and ``problems`` says.
MEANINGS: Mapping[str, str] = {
    "entry_id": "the key by which an entry is known however often it is imported",
    "detail": "the number of the payment inside its entry, from 0",
    "account": "IBAN, or the national number as the bank prints it",
    "currency": "ISO 4217 code",
    "statement": "the statement's identification",
    "sequence": "the statement's running number",
    "booking_date": "the day on which it was booked",
    "value_date": "the day from which it bears interest",
    "status": "`BOOK` booked, `PDNG` pending, `INFO` for information",
    "amount": "signed: credit positive, debit negative",
    "reversal": "whether the entry takes an earlier one back",
    "bank_transaction_code": "domain, family and sub-family of ISO 20022, such as `PMNT-RCDT-ESCT`",
    "proprietary_code": "the bank's own code",
    "bank_reference": "the bank's reference of the entry",
    "entry_reference": "the entry's reference inside its statement",
    "counterparty_name": "the other party",
    "counterparty_account": "the other party's account",
    "counterparty_bic": "the other party's bank",
    "counterparty_address": "the other party's address in one line",
    "remittance": "the text of the payment",
    "structured_reference": "creditor reference (ISO 11649) or the like",
    "end_to_end_id": "the payer's reference; travels unchanged from end to end",
    "mandate_id": "the mandate of a direct debit",
    "creditor_id": "the creditor's identifier of a direct debit",
    "original_amount": "the amount before conversion",
    "original_currency": "the currency before conversion",
    "exchange_rate": "the rate of the conversion",
    "charges": "charges inside the amount",
    "details": "how many payments the entry holds",
    "additional_information": "what else the bank says",
    "source": "SHA-256 of the file: its bytes are in the archive",
    "position": "byte offset in XML, line in text",
    "kind": "ISO 20022 balance type: `OPBD` opening, `CLBD` closing, `CLAV` available, …",
    "date": "the day of the balance",
    "field": "the field in question",
    "rule": "the short name of the rule that is broken",
    "text": "what is wrong",
    "repair": "what to do about it",
    "severity": "`error` or `warning`",
}

#: What each field of a payment means, for the table of recognised header names.
PAYMENT_FIELDS: Mapping[str, str] = {
    "name": "who is paid",
    "account": "the payee's account",
    "bic": "the payee's bank",
    "amount": "the amount",
    "currency": "the currency",
    "end_to_end_id": "your reference",
    "remittance": "text to the payee",
    "structured_reference": "creditor reference",
    "purpose": "purpose code",
    "instruction_id": "reference for the bank only",
    "street": "street",
    "building": "house number",
    "post_code": "post code",
    "town": "town",
    "country": "country code",
    "address": "address in one text",
    "identification": "the payee's identification",
    "ultimate_debtor": "on whose behalf",
    "ultimate_creditor": "for whom in the end",
}


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells may not break lines or columns."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def entries_columns() -> str:
    """The columns of the ledger's entries."""
    return _schema(ENTRIES)


def details_columns() -> str:
    """The columns by which details differ from entries."""
    return _schema(pa.schema([field for field in DETAILS if field.name in ("entry_id", "detail")]))


def balances_columns() -> str:
    """The columns of balances."""
    return _schema(BALANCES)


def problems_columns() -> str:
    """The columns of problems."""
    return _schema(PROBLEMS)


def _schema(schema: pa.Schema) -> str:
    rows = [(f"`{field.name}`", f"`{field.type}`", MEANINGS[field.name]) for field in schema]
    return markdown_table(("column", "type", "meaning"), rows)


def formats() -> str:
    """What is read and written."""
    rows = [
        (f"`{each.name}`", each.title, "yes", "yes" if each.write else "no", ", ".join(each.extensions))
        for each in FORMATS
    ]
    return markdown_table(("name", "what", "read", "written", "usual endings"), rows)


def payment_headers() -> str:
    """Header names that are recognised in a sheet of payments."""
    rows = [
        (f"`{each.name}`", PAYMENT_FIELDS[each.name], ", ".join(dict.fromkeys(_NAMES[each.name])))
        for each in fields(ColumnMap)
    ]
    return markdown_table(("field", "meaning", "header names"), rows)


def kinds() -> str:
    """Kinds of orders."""
    rows = [
        (f"`{kind.code}`", kind.title, ", ".join(kind.currencies) or "any", f"`{kind.rulebook}`", kind.calendar)
        for kind in KINDS.values()
    ]
    return markdown_table(("kind", "what", "currency", "rules", "settlement days of"), rows)


def national_rules() -> str:
    """The countries' rulebooks."""
    rows = [
        (f"`{name}`", book.title, ", ".join(f"`{kind}`" for kind in book.kinds), _different(book), book.source)
        for name, book in NATIONAL.items()
    ]
    return markdown_table(("rules", "where", "of the kinds", "what is different", "set by"), rows)


def _different(book: National) -> str:
    limits = [f"{name.replace('_', ' ')} {value}" for name, value in book.limits.items() if name != "characters"]
    rules = [f"`{rule}` too" for rule in book.rules] + [f"no `{rule}`" for rule in book.without]
    return "; ".join([*rules, *limits, *(["characters of its own"] if "characters" in book.limits else [])])


def order_rules() -> str:
    """Every rule: what it asks, and who says so."""
    rows = [(f"`{name}`", row["what"], row["source"]) for name, row in table("rules.toml").items()]
    return markdown_table(("rule", "asks for", "source"), rows)


def faults() -> str:
    """Types of errors: whose fault, and what became of orders and data."""
    rows = [(f"`{name}`", fault.value, outcome) for name, (fault, outcome) in FAULTS.items()]
    return markdown_table(("error", "whose", "orders and data"), rows)


def return_codes() -> str:
    """EBICS return codes: what happened, whose fault, what to do."""
    rows = [
        (
            f"`{each.code}`",
            each.meaning,
            each.cause or "—",
            each.fault.value if each.fault else "—",
            each.repair or "Nothing.",
            each.name.replace("_", "\\_<wbr>"),
        )
        for each in sorted(CODES.values(), key=lambda each: each.code)
    ]
    return markdown_table(("code", "what happened", "why", "whose", "what to do", "name"), rows)


# What is proved is read from the marks on the tests (pytest.mark.ebics). They are read as text, so that the pages can be
# built without what the tests need.
TESTS = Path(__file__).resolve().parents[1] / "tests"

#: (order type, version, side) and the tests that prove it, as ``file::function``.
Proofs = Mapping[tuple[str, str, str], tuple[str, ...]]


def proofs(tests: Path = TESTS) -> Proofs:
    """What the marks below ``tests`` say."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for cell in _cells(node):
                    found[cell].append(f"{path.relative_to(tests).as_posix()}::{node.name}")
    return {cell: tuple(dict.fromkeys(names)) for cell, names in found.items()}


def _cells(function: ast.FunctionDef) -> Iterator[tuple[str, str, str]]:
    for mark in function.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.ebics":
            said = {word.arg: _words(word.value) for word in mark.keywords}
            for order_type in said["order_type"]:
                for version in said["version"]:
                    yield from ((order_type, version, side) for side in said["side"])


def _words(value: ast.expr) -> tuple[str, ...]:
    words = ast.literal_eval(value)
    return (words,) if isinstance(words, str) else tuple(words)


#: Order types that are business like any other and yet have rules of their own; in EBICS 3.0 they are services (BTF).
SERVICES: Mapping[str, str] = {
    "CTV": "hand in credit transfers and have the payees' names checked (BTU SCT VOI)",
    "VPZ": "fetch the result of checked names (BTD REP VOP)",
    "WSS": "fetch where to listen for news (BTD OTH wssparam)",
}
#: What is answered with a refusal, and never sent: whose side, and what is said.
REFUSED: Mapping[str, str] = {"HSA": "send keys under those of an earlier version: refused with 091006"}


def conformance() -> str:
    """Order type by version and side, with the tests that prove it."""
    rows, known = [], proofs()
    for order_type, words in {**ORDER_TYPES, **SERVICES, **REFUSED}.items():
        for version in ("H005", "H004"):
            for side in ("bank", "client"):
                tests = known.get((order_type, version, side), ())
                names = "<br>".join(f"{_sentence(each)}" for each in tests)
                if names:
                    rows.append((f"`{order_type}`", words, version, side, names))
    return markdown_table(("order type", "what", "version", "side", "tests"), rows)


def _sentence(test: str) -> str:
    return test.partition("::test_")[2].replace("_", " ")


#: The tables by the name under which a page uses them: ``{{ name }}``.
def profile_columns() -> str:
    """What a field of a profile may mean, by kind and level."""
    rows = [
        ("statement", "the statement", STATEMENT_COLUMNS),
        ("statement", "an entry", ENTRY_COLUMNS),
        ("payment", "the order", ORDER_COLUMNS),
        ("payment", "a payment", TRANSACTION_COLUMNS),
    ]
    return markdown_table(
        ("kind", "of", "columns"), [(kind, of, ", ".join(f"`{name}`" for name in names)) for kind, of, names in rows]
    )


TABLES: Mapping[str, Callable[[], str]] = {
    "entries_columns": entries_columns,
    "details_columns": details_columns,
    "balances_columns": balances_columns,
    "problems_columns": problems_columns,
    "faults": faults,
    "formats": formats,
    "payment_headers": payment_headers,
    "kinds": kinds,
    "national_rules": national_rules,
    "order_rules": order_rules,
    "profile_columns": profile_columns,
    "return_codes": return_codes,
    "conformance": conformance,
}
