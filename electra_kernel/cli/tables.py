"""Tables and problems in a terminal: text from outside is shown as text, never as markup."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from electra_kernel.vocabulary.errors import Problem

#: Columns that hold sentences. Only these may take several lines: a number cut in two cannot be read.
_SENTENCES = frozenset(
    {
        "text",
        "repair",
        "reason",
        "what",
        "next step",
        "remittance",
        "counterparty_name",
        "address",
        "service",
        "right",
        "services",
        "class",
    }
)

#: A bound for a line, far beyond any real table.
_WIDEST = 10_000

#: What of an entry fits a terminal.
ENTRY_COLUMNS = [
    "booking_date",
    "account",
    "amount",
    "currency",
    "counterparty_name",
    "counterparty_account",
    "remittance",
]


def show(frame: pd.DataFrame, *, title: str = "", empty: str = "Nothing to show.") -> None:
    """Print a DataFrame: amounts in groups and to the right, missing values blank; as wide as its numbers need."""
    console = Console()
    if frame.empty:
        console.print(Text(empty))
        return
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in frame.columns:
        numeric = frame[name].map(lambda value: isinstance(value, (int, Decimal)) and not isinstance(value, bool)).all()
        sentence = name in _SENTENCES
        table.add_column(
            str(name).replace("_", " "),
            justify="right" if numeric else "left",
            no_wrap=not sentence,
            min_width=16 if sentence else max(len(str(name)), *map(len, map(_plain, frame[name]))),
            overflow="fold",
        )
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(_plain(value)) for value in row))
    least = Measurement.get(console, console.options.update(max_width=_WIDEST), table)
    console.width = max(console.width, least.minimum)
    console.print(table)


def show_problems(problems: Sequence[Problem], *, file: str) -> None:
    """Print each problem on two lines: where and what, then the repair and the rule."""
    if not problems:
        say(f"{file}: no problems.")
    for problem in problems:
        place = "file" if problem.position is None else f"line {problem.position}"
        warning = "warning: " if problem.severity == "warning" else ""
        say(f"{place}, {problem.field}: {warning}{problem.text}")
        say(f"    {problem.repair} [{problem.rule}]")


def say(line: str) -> None:
    """Print one line as it is."""
    print(_plain(line), file=sys.stdout, flush=True)  # noqa: T201 - the command line's own voice


def _plain(value: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, Decimal):
        decimals = max(2, -int(value.normalize().as_tuple().exponent))
        return f"{value:,.{decimals}f}".replace(",", " ")
    return "".join(letter if letter.isprintable() else "�" for letter in str(value))
