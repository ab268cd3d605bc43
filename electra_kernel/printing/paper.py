"""From data to paper: typst with a template of this room, and how amounts, dates and accounts look in print."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import typst
from babel.dates import format_date

from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import format_amount, is_currency

_TEMPLATES = Path(__file__).parent / "templates"
_NO_BREAK_SPACE, _MINUS = "\u00a0", "\u2212"


class PrintingFailed(ElectraError):
    """The typesetter refused."""


def typeset(template: str, data: Mapping[str, object], printed: datetime) -> bytes:
    """The PDF a template makes of the data.

    Args:
        template: the name of a file in ``templates``, without its ending.
        data: what the template shows: texts, lists and mappings of them. Texts are data there, never markup.
        printed: aware moment that the paper and the PDF's properties name; the only time there is in it.

    Raises:
        PrintingFailed: the typesetter refused; says why.
    """
    values = {**_clean_mapping(data), "printed": moment(printed), "date": list(printed.astimezone(UTC).timetuple()[:6])}
    try:
        pdf = typst.compile(
            _TEMPLATES / f"{template}.typ",
            root=_TEMPLATES,
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(values)},
            timestamp=int(printed.timestamp()),
        )
    except typst.TypstError as error:
        raise PrintingFailed(
            "The paper could not be typeset.",
            cause=str(error).splitlines()[0],
            repair="Print fewer transactions at once, or report this text.",
        ) from error
    return bytes(pdf)


def amount(value: Decimal, currency: str) -> str:
    """An amount that never breaks over a line, with a true minus sign."""
    shown = format_amount(value, currency) if is_currency(currency) else str(value)
    return shown.replace(" ", _NO_BREAK_SPACE).replace("-", _MINUS)


def day(value: date | None, language: str = "en") -> str:
    """``23 November 2026``, or as the language writes it; empty for ``None``."""
    pattern = "d MMMM y" if language == "en" else "long"
    return "" if value is None else str(format_date(value, pattern, locale=language))


def short_day(value: date | None) -> str:
    """``2026-11-23``; empty for ``None``."""
    return "" if value is None else value.isoformat()


def moment(value: datetime) -> str:
    """``23 November 2026, 07:30 UTC``."""
    utc = value.astimezone(UTC)
    return f"{day(utc.date())}, {utc:%H:%M} UTC"


def joined(*parts: str) -> str:
    """The parts that say something, one a line."""
    return "\n".join(part for part in parts if part)


def _clean_mapping(data: Mapping[str, object]) -> dict[str, object]:
    return {key: _clean(value) for key, value in data.items()}


def _clean(value: object) -> object:
    """Control characters and halves of characters become the replacement character; the typesetter knows neither."""
    match value:
        case str():
            return value if value.isprintable() else "".join(map(_clean_letter, value))
        case Mapping():
            return _clean_mapping(value)
        case list() | tuple():
            return [_clean(item) for item in value]
        case _:
            return value


def _clean_letter(letter: str) -> str:
    return "\ufffd" if letter != "\n" and unicodedata.category(letter) in ("Cc", "Cs") else letter
