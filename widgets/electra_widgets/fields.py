"""The parts every form is made of: a field with its message, a password that is not kept, a status line, a busy state.

What may live here: widgets without any knowledge of orders. All text that comes from elsewhere is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Literal

import ipywidgets as widgets
import traitlets

from electra_kernel.vocabulary.errors import ElectraError, Severity
from electra_kernel.vocabulary.text import escape

Mood = Literal["", "done", "failed"]


class Field(widgets.VBox):  # type: ignore[misc]
    """An input with its label above and its message below; the message goes when the input changes."""

    def __init__(self, control: Any, label: str, *, width: str = "12em", grow: int = 1) -> None:
        self.control = control
        control.description = label
        control.add_class("electra-control")
        self.message = widgets.Label()
        self.message.add_class("electra-message")
        self.message.layout.display = "none"
        super().__init__([control, self.message], layout=widgets.Layout(flex=f"{grow} 1 {width}", min_width="0"))
        self.add_class("electra-field")
        control.observe(lambda _: self.tell(""), names="value")

    def tell(self, text: str, severity: Severity = "error") -> None:
        """Show a message under the input; an empty text takes it away."""
        self.message.value = text
        self.message.layout.display = "" if text else "none"
        for holder, name, is_on in (
            (self, "electra-wrong", bool(text) and severity == "error"),
            (self.message, "electra-warning", severity == "warning"),
        ):
            (holder.add_class if is_on else holder.remove_class)(name)


class Secret(widgets.Password):  # type: ignore[misc]
    """A masked input whose text leaves the kernel by ``take`` alone: it is neither echoed nor part of any saved state."""

    value = traitlets.Unicode("").tag(sync=True, echo_update=False)

    def take(self) -> str:
        """The password that was typed; the input is empty afterwards."""
        typed, self.value = self.value, ""
        return str(typed)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The state as front ends and saved notebooks get it: the text is always empty."""
        state: dict[str, Any] = super().get_state(key=key, drop_defaults=drop_defaults)
        return {name: "" if name == "value" else value for name, value in state.items()}


class Status(widgets.HTML):  # type: ignore[misc]
    """One line that says what is going on, read aloud by screen readers when it changes."""

    def __init__(self) -> None:
        super().__init__(layout=widgets.Layout(width="auto"))
        self.add_class("electra-status")
        self.say("")

    def say(self, text: str, mood: Mood = "") -> None:
        """Show a plain text; it is escaped."""
        kind = f"electra-note electra-note-{mood}" if mood else "electra-note" if text else ""
        lines = "<br>".join(escape(line) for line in text.splitlines())
        self.value = f'<div role="status" aria-live="polite" class="{kind}">{lines}</div>'

    def say_error(self, error: ElectraError) -> None:
        """Show an error: what, cause, repair, one line each."""
        what = f"{error.where}: {error.what}" if error.where else error.what
        parts = [
            what,
            f"Cause: {error.cause}" if error.cause else "",
            f"Repair: {error.repair}" if error.repair else "",
        ]
        self.say("\n".join(part for part in parts if part), "failed")


class Form(widgets.VBox):  # type: ignore[misc]
    """A form: a title, its parts, buttons, and a status line."""

    def __init__(self, title: str, parts: Sequence[Any], buttons: Sequence[Any]) -> None:
        self.status = Status()
        self._buttons = tuple(each for each in buttons if isinstance(each, widgets.Button))
        heading = widgets.HTML(f'<div role="heading" aria-level="3" class="electra-title">{escape(title)}</div>')
        bar = row(*buttons)
        bar.add_class("electra-buttons")
        super().__init__([style(), heading, *parts, bar, self.status])
        self.add_class("electra-form")

    def refresh(self) -> None:
        """Bring buttons and texts up to date; forms fill it in."""

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """No button can be pressed while the work goes on; an error of ours becomes the status line's text.

        Any other exception goes on to the kernel's log, and the status line says so.
        """
        for button in self._buttons:
            button.disabled = True
        self.status.say(text)
        try:
            yield
        except ElectraError as error:
            self.status.say_error(error)
        except Exception:
            self.status.say("An unexpected error. It stands in JupyterLab's log (View, Show Log Console).", "failed")
            raise
        finally:
            self.refresh()


def button(text: str, *, primary: bool = False) -> Any:
    """A push button."""
    return widgets.Button(description=text, button_style="primary" if primary else "")


def on_press(button: Any, action: Callable[[], object]) -> None:
    """Do ``action`` when the button is pressed; a second press that arrives after it was disabled does nothing."""
    button.on_click(lambda pressed: None if pressed.disabled else action())


def allow(button: Any, reason: str) -> None:
    """Let a button be pressed, or disable it and say why when the pointer rests on it."""
    button.disabled, button.tooltip = bool(reason), reason


def row(*parts: Any) -> Any:
    """Parts side by side, on several lines where there is no room."""
    box = widgets.HBox(parts)
    box.add_class("electra-row")
    return box


def facts_table(facts: Sequence[tuple[str, str]], *, monospace: Sequence[str] = ()) -> str:
    """Labels and texts as an HTML table; every text is escaped."""
    lines = "".join(
        f'<tr><th scope="row">{escape(label)}</th>'
        f"<td{_class('electra-hash' if label in monospace else '')}>{escape(text)}</td></tr>"
        for label, text in facts
    )
    return f'<table class="electra-facts"><tbody>{lines}</tbody></table>'


def rows_table(rows: Sequence[Sequence[str]], *, caption: str) -> str:
    """Rows whose last column is a figure, as an HTML table; every text is escaped."""
    lines = "".join(
        "<tr>"
        + "".join(
            f"<td{_class('electra-number' if i == len(cells) - 1 else '')}>{escape(c)}</td>"
            for i, c in enumerate(cells)
        )
        + "</tr>"
        for cells in rows
    )
    return f'<table class="electra-facts"><caption>{escape(caption)}</caption><tbody>{lines}</tbody></table>'


def style() -> Any:
    """The forms' style sheet as a widget that takes no room."""
    css = files("electra_widgets").joinpath("style.css").read_text("utf-8")
    return widgets.HTML(f"<style>{css}</style>", layout=widgets.Layout(display="none"))


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
