"""MT940 with 100,000 entries and structured texts into the ledger's columns, against the parsers of other projects.

Peers that are not installed are named and left out. All of them must find the same number of entries and the same sum;
none of them takes field 86 apart as far as the ledger's columns ask.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from electra_kernel.formats import mt940
from electra_kernel.statements.model import Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.parties import Party
from tests.bench.measure import Result, compare

COUNT = 100_000
Found = tuple[int, Decimal]


def statement(count: int = COUNT) -> bytes:
    """One MT940 of ``count`` entries, each with about nine numbered subfields, as German banks write them."""
    entries = []
    for number in range(count):
        day = date(2026, 1, number % 28 + 1)
        detail = EntryDetail(
            counterparty=Party(
                name=f"Partner und Soehne {number % 977} Gesellschaft mbH",
                account="DE89370400440532013000",
                bic="COBADEFFXXX",
            ),
            remittance=f"Rechnung {number} vom Januar, Kunde {number * 7 % 100_000}, vielen Dank",
            end_to_end_id=f"E2E-{number}",
            mandate_id=f"MANDAT-{number % 977}" if number % 2 else "",
        )
        entries.append(
            Entry(
                amount=Decimal(number % 99_991 + 1) / 100 * (1 if number % 3 else -1),
                currency="EUR",
                booking_date=day,
                value_date=day,
                bank_reference=f"REF{number:012}",
                proprietary_code="NTRF+166+0399+011",
                additional_information="GUTSCHRIFT",
                details=(detail,),
            )
        )
    closing = sum((entry.amount for entry in entries), Decimal(0))
    whole = Statement(
        identification="STARTUMS 1",
        account="DE02120300000000202051",
        currency="EUR",
        sequence=1,
        balances=(
            Balance(kind="OPBD", amount=Decimal(0), currency="EUR", date=date(2026, 1, 1)),
            Balance(kind="CLBD", amount=closing, currency="EUR", date=date(2026, 1, 31)),
        ),
        entries=tuple(entries),
    )
    return mt940.write([whole])


def ours(data: bytes) -> Found:
    """This project's way into the ledger's columns."""
    entries = mt940.read_tables(data, "bench").entries
    return entries.num_rows, pc.sum(entries["amount"]).as_py()


def by_mt_940(data: bytes) -> Found:
    """mt-940."""
    found = list(_peer("mt940").parse(data.decode()))
    return len(found), sum((each.data["amount"].amount for each in found), Decimal(0))


def by_bankstatementparser(data: bytes) -> Found:
    """bankstatementparser, which reads files only."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "statement.mt940"
        path.write_bytes(data)
        table: pd.DataFrame = _peer("bankstatementparser").Mt940Parser(path).parse()
    return len(table), sum(table["amount"], Decimal(0))


_ENTRY = re.compile(r":61:(\d{6})(\d{4})?(R?[DC])([A-Z])?(\d+,\d*)([A-Z]\w{3})([^/\r\n]*)(?://(\w*))?\r\n:86:([^:]*)")


def by_one_expression(data: bytes) -> Found:
    """One regular expression over the whole file into a table: no line is understood, nothing is checked."""
    table = pd.DataFrame(_ENTRY.findall(data.decode()))
    amounts = [Decimal(f"{text.replace(',', '.')}0") for text in table[4]]
    signs = [-1 if mark in ("D", "RC") else 1 for mark in table[2]]
    return len(table), sum((sign * amount for sign, amount in zip(signs, amounts, strict=True)), Decimal(0))


def _peer(name: str) -> Any:
    return import_module(name)


#: Name, what must be installed, the work, and how many times faster this project has to be.
PEERS: tuple[tuple[str, str, Callable[[bytes], Found], int], ...] = (
    ("mt-940", "mt940", by_mt_940, 8),
    ("bankstatementparser", "bankstatementparser", by_bankstatementparser, 2),
    ("one regular expression", "re", by_one_expression, 0),
)


def run(count: int = COUNT) -> Iterator[Result]:
    """Reads against each peer, in turn.

    Raises:
        AssertionError: a peer finds another number of entries or another sum.
    """
    data = statement(count)
    expected = ours(data)
    for name, module, work, times in PEERS:
        if find_spec(module) is None:
            print(f"{name}: not installed", file=sys.stderr)
            continue
        found = work(data)
        assert found == expected, f"{name} finds {found}, not {expected}"
        bar = f"≤ {1 / times:.3f} × ({times} times faster)" if times else "none"
        yield compare(
            f"MT940, {count:,} entries, read",
            lambda: ours(data),
            name,
            lambda work=work: work(data),
            bar,  # type: ignore[misc]
        )
