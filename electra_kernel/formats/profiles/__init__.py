"""Custom formats: a bank's or a program's own file as a profile in TOML, read and written without code.

``load`` reads a profile, ``read`` and ``write`` use it, ``as_format`` puts it beside the formats that are built in; ``shipped``
are those that come with the workbench. How a profile is written: docs/formats.md.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from functools import cache, partial
from hashlib import sha256
from importlib import resources

from electra_kernel.formats.base import Format, Problems, Reading
from electra_kernel.formats.fields import LayoutError
from electra_kernel.formats.profiles import orders, statements
from electra_kernel.formats.profiles.cutting import bytes_of, looks_right, rows_of
from electra_kernel.formats.profiles.model import Profile, ProfileError
from electra_kernel.formats.profiles.toml import parse
from electra_kernel.formats.wide import either_width
from electra_kernel.orders.model import Order
from electra_kernel.statements.model import Statement

__all__ = ["Profile", "ProfileError", "as_format", "load", "parse", "read", "shipped", "write"]


def load(data: bytes, file: str) -> Profile:
    """A profile from the bytes of a TOML file.

    Raises:
        ProfileError: not UTF-8, not TOML, or wrong; names file, line, key and repair.
    """
    try:
        return parse(data.decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProfileError(
            "The profile is not UTF-8.", where=f"{file}, line {line}", repair="Save it as UTF-8."
        ) from error


@cache
def shipped() -> tuple[Profile, ...]:
    """The profiles that come with the workbench, by name."""
    files = [file for file in resources.files(__package__).iterdir() if file.name.endswith(".toml")]
    return tuple(load(file.read_bytes(), file.name) for file in sorted(files, key=lambda each: each.name))


def as_format(profile: Profile) -> Format:
    """A profile as one row of the table of formats."""
    known = Format(
        name=profile.name,
        title=profile.title,
        extensions=profile.extensions,
        detect=partial(_detect, profile),
        read=partial(_read, profile),
        write=partial(_write, profile),
    )
    return known if codecs.lookup(profile.encoding).name.startswith("utf-16") else either_width(known)


def _detect(profile: Profile, data: bytes) -> bool:
    return looks_right(data, profile)


def _read(profile: Profile, data: bytes, source: str) -> Reading:
    return read(data, profile, source)


def _write(profile: Profile, content: Sequence[Order] | Sequence[Statement]) -> bytes:
    return write(content, profile)


def read(data: bytes, profile: Profile, source: str) -> Reading:
    """Read a file by a profile.

    Args:
        data: the file's bytes.
        profile: what it is made of and what that means.
        source: the file's name or hash, for problems.

    Raises:
        UnreadableFile: a header without the columns of the profile; XML that is broken or of another root.
    """
    problems = Problems(source)
    rows = rows_of(data, profile, source, problems)
    if profile.kind == "statement":
        found = statements.statements_of(rows, profile, source, problems)
        return Reading(format=profile.name, statements=found, problems=problems.rows())
    made, loose = orders.orders_of(rows, profile, sha256(data).hexdigest(), problems)
    return Reading(format=profile.name, orders=made, transactions=loose, problems=problems.rows())


def write(content: Sequence[Order] | Sequence[Statement], profile: Profile) -> bytes:
    """Write orders or statements by a profile; what it has no field for is told by ``formats.carried``.

    Raises:
        LayoutError: something does not fit its field, or is of the other kind.
    """
    made = [each for each in content if isinstance(each, Order)]
    told = [each for each in content if isinstance(each, Statement)]
    if (profile.kind == "payment") != bool(made) or (made and told):
        wanted = "orders" if profile.kind == "payment" else "statements"
        raise LayoutError(f"{profile.name} carries {wanted}.", repair=f"Give one or more {wanted}.")
    rows = orders.rows_for(made, profile) if made else statements.rows_for(told, profile)
    return bytes_of(rows, profile)
