"""Tables in a terminal: plain text from outside is shown as text, never as markup."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text


def show(frame: pd.DataFrame, *, title: str = "", empty: str = "Nothing to show.") -> None:
    """Print a DataFrame; numbers to the right, missing values blank, control characters made harmless."""
    console = Console(soft_wrap=False)
    if frame.empty:
        console.print(Text(empty))
        return
    table = Table(title=title or None, title_justify="left")
    for name in frame.columns:
        numeric = frame[name].map(lambda value: isinstance(value, (int, Decimal)) and not isinstance(value, bool)).all()
        table.add_column(str(name), justify="right" if numeric else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(_plain(value)) for value in row))
    console.print(table)


def say(line: str) -> None:
    """Print one line as it is."""
    Console(soft_wrap=True).print(Text(_plain(line)))


def _plain(value: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    return "".join(letter if letter.isprintable() else "�" for letter in str(value))
