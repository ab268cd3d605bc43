"""Text for people: the one place where text from outside becomes HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape as _escape


def escape(value: object) -> str:
    """``value`` as text that is safe inside HTML elements and attributes; ``None`` is empty."""
    return "" if value is None else _escape(str(value), quote=True)


def html_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> str:
    """An HTML table of escaped cells, for notebook displays: texts to the left, numbers to the right."""
    top = f'<caption style="text-align:left">{escape(caption)}</caption>' if caption else ""
    names = "".join(_cell("th", name) for name in header)
    head = f"<thead><tr>{names}</tr></thead>" if any(header) else ""
    body = "".join("<tr>" + "".join(_cell("td", cell) for cell in row) + "</tr>" for row in rows)
    return f'<table class="electra">{top}{head}<tbody>{body}</tbody></table>'


def _cell(tag: str, value: object) -> str:
    # JupyterLab puts every cell to the right; a style of the cell's own is what overrules it.
    side = "right" if isinstance(value, (int, Decimal)) else "left"
    return f'<{tag} style="text-align:{side}">{escape(value)}</{tag}>'
