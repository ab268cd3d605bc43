"""The file ``electra.toml``: what the user may set for a workbench. What may live here: its words, defaults and checks."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from electra_kernel.store.files import write_private_file
from electra_kernel.vocabulary.errors import ElectraError, cause_of

EDITIONS = ("light", "standard", "xl")

_DEFAULT = """\
# This workbench's settings. Change them with any editor; they are read each time it is opened.

# Its name, for people.
name = {name}

# Who holds the accounts, as it stands in orders. Needed only where a bank does not tell it.
company = ""

# Which features are on: "light", "standard" or "xl".
edition = "standard"
"""


class BadSettings(ElectraError):
    """``electra.toml`` cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``electra.toml`` says.

    Attributes:
        name: the workbench's name.
        company: who holds the accounts; empty where the banks tell it.
        edition: ``light``, ``standard`` or ``xl``.
        more: whatever else stands in the file, as TOML gives it.
    """

    name: str
    company: str
    edition: str
    more: Mapping[str, Any] = field(default_factory=dict)


def write_default_settings(path: Path, name: str) -> None:
    """Write a new ``electra.toml`` with every setting and what it means, mode 0600."""
    # A JSON string of ASCII letters is a TOML string too (TOML 1.0, basic strings).
    write_private_file(path, _DEFAULT.format(name=json.dumps(_bmp(name))).encode())


def read_settings(path: Path) -> Settings:
    """Read ``electra.toml``.

    Raises:
        BadSettings: it is no TOML, or a setting has a value that means nothing; says which and what may stand there.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(
            "The workbench's settings cannot be read.",
            cause=cause_of(error),
            repair="Mend that line, or move the file away: it is written anew with the usual settings.",
            where=str(path),
        ) from error
    name, edition = said.get("name", path.parent.name), said.get("edition", "standard")
    company = said.get("company", "")
    for setting, value in (("name", name), ("company", company)):
        if not isinstance(value, str):
            raise _bad(path, setting, value, "a text in quotes")
    if edition not in EDITIONS:
        raise _bad(path, "edition", edition, "one of " + ", ".join(EDITIONS))
    more = {key: value for key, value in said.items() if key not in ("name", "company", "edition")}
    return Settings(name=name, company=company, edition=edition, more=more)


def _bad(path: Path, field: str, value: Any, allowed: str) -> BadSettings:
    return BadSettings(
        f"The setting {field} means nothing.", cause=f"it is {value!r}.", repair=f"Give {allowed}.", where=str(path)
    )


def _bmp(name: str) -> str:
    """JSON writes letters beyond U+FFFF as two escapes and stray surrogates as one; TOML takes neither."""
    return "".join(letter if ord(letter) < 0xD800 or 0xE000 <= ord(letter) <= 0xFFFF else "?" for letter in name)
