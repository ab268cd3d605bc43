"""An error of ours in a notebook: what, cause and repair in plain sentences, where other errors show a traceback."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.faults import explain
from electra_kernel.vocabulary.text import escape

_BOX = "border-left:4px solid #b3261e;padding:.4em .8em;margin:.2em 0;line-height:1.5"


def error_text(error: ElectraError) -> str:
    """The error in plain text, one line each for what, cause, whose fault, what became of orders, and repair."""
    return "\n".join(f"{label}: {text}" if label else text for label, text in _parts(error))


def error_html(error: ElectraError) -> str:
    """The error as HTML; every text is escaped."""
    lines = [f"<b>{escape(label)}</b> {escape(text)}" if label else escape(text) for label, text in _parts(error)]
    return f'<div class="electra-error" role="alert" style="{_BOX}">{"<br>".join(lines)}</div>'


def show_error(
    shell: Any,
    kind: type[BaseException],
    error: ElectraError,
    traceback: TracebackType | None,
    tb_offset: int | None = None,
) -> list[str]:
    """Show an error in the cell that raised it; a handler for ``InteractiveShell.set_custom_exc``.

    The cell still counts as failed, so that what runs several cells stops there.
    """
    text = error_text(error)
    shell.display_pub.publish({"text/plain": text, "text/html": error_html(error)})
    # What a kernel answers to whoever runs the notebook without a browser (nbclient, nbval).
    shell._last_traceback = [text]
    return [text]


def _parts(error: ElectraError) -> list[tuple[str, str]]:
    return explain(error).lines()
