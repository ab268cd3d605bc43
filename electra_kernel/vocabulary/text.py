"""Text for people: the one place where text from outside becomes HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape as _escape


def escape(value: object) -> str:
    """``value`` as text that is safe inside HTML elements and attributes; ``None`` is empty."""
    return "" if value is None else _escape(str(value), quote=True)


def html_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> str:
    """An HTML table of escaped cells, for notebook displays."""
    top = f"<caption>{escape(caption)}</caption>" if caption else ""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="electra">{top}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
