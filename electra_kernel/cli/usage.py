"""Wrong words on the command line, told as any other error: what is wrong, where, and what to do.

What may live here: the words. Which commands and options there are is said in ``app``.
"""

from __future__ import annotations

import re
from typing import Any, cast

import typer

#: What typer raises for a command line that it cannot use; the status it ends with is 2.
WrongUsage = cast("type[Exception]", typer.BadParameter.__mro__[1])

#: What the parser says, and what a person is told. Groups of the first are used in the second.
_SAYINGS = (
    (r"Missing (?:argument|option|parameter) '?([^'.]+)'?\..*", r"{name} is missing."),
    (r"No such option: (\S+).*", r"There is no option \1."),
    (r"No such command '(.*?)'\.(.*)", r"There is no command \1.\2"),
    (r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)", r"There is no place for \1."),
    (r"Option '(.*?)' requires (?:an argument|\d+ arguments)\.", r"\1 needs a value."),
    (r"Invalid value for '?([^':]+)'?: (?s:.*)valid integer(?s:.*)", r"{name} takes a whole number."),
    (r"Invalid value for '?([^':]+)'?: (?s:.*)valid number(?s:.*)", r"{name} takes a number."),
    (r"Invalid value for '?([^':]+)'?: Input should be less than or equal to (\S+)", r"{name} is \2 at most."),
    (r"Invalid value for '?([^':]+)'?: Input should be greater than or equal to (\S+)", r"{name} is \2 at least."),
    (r"Invalid value for '?([^':]+)'?: (?s:.*)does not match the formats?(?s:.*)", r"{name} takes a date."),
    (r"Invalid value for '?([^':]+)'?: (?:Value error, )?(?s:(.*))", r"{name}: \2"),
    (r"Invalid value: (?s:(.*))", r"\1"),
)


def words_of(error: Any) -> str:
    """The error as one line: the command, what is wrong with its words, and where to look up what it takes."""
    place = getattr(getattr(error, "ctx", None), "command_path", "electra")
    message = " ".join(str(error.format_message()).split())
    return f"{place}: {_plain(message)} Repair: See {place} --help."


def _plain(message: str) -> str:
    for pattern, plain in _SAYINGS:
        found = re.fullmatch(pattern, message)
        if found is not None:
            return found.expand(plain.replace("{name}", _name(found[1]))).strip()
    return message if message.endswith(".") else f"{message}."


def _name(word: str) -> str:
    """An option as it is typed; an argument in capitals, as the help shows it."""
    return word if word.startswith("-") else word.upper()
