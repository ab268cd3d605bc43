"""Tables and problems in a terminal: text from outside is shown as text, never as markup."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
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


def show_problems(problems: Sequence[Problem], *, file: str, place: Callable[[int], str] = "line {}".format) -> None:
    """Print each problem on two lines: where and what, then the repair and the rule; errors come first.

    Elements that are not carried over differ by their names only, so they are one problem here.

    Args:
        problems: what is wrong.
        file: the file's name.
        place: a problem's position in words.
    """
    if not problems:
        say(f"{file}: no problems.")
    left_out = [problem for problem in problems if problem.rule == _NOT_CARRIED]
    for problem in sorted(problems, key=lambda each: each.severity == "warning"):
        if problem.rule == _NOT_CARRIED and len(left_out) > 1:
            continue
        where = "file" if problem.position is None else place(problem.position)
        warning = "warning: " if problem.severity == "warning" else ""
        say(f"{where}, {problem.field}: {warning}{problem.text}")
        say(f"    {problem.repair} [{problem.rule}]")
    if len(left_out) > 1:
        say(f"file: warning: {len(left_out)} elements are not carried over into the order:")
        say(f"    {', '.join(problem.field for problem in left_out)}.")
        say(f"    {left_out[0].repair} [{_NOT_CARRIED}]")


_NOT_CARRIED = "element-not-carried"


def tell_problems(problems: Iterable[Problem], place: Mapping[int, str]) -> None:
    """Print each problem on one line beside the command's output: file, line and column, field, text, rule, repair.

    Args:
        problems: what is wrong.
        place: the words for their positions (``formats.places``).
    """
    for each in problems:
        where = each.source if each.position is None else f"{each.source}, {place[each.position]}"
        warn(f"{where}: {each.field}: {each.text} [{each.rule}] Repair: {each.repair}")


def warn(line: str) -> None:
    """Print one line beside the command's output."""
    print(_plain(line), file=sys.stderr)  # noqa: T201 - the command line's own voice


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
