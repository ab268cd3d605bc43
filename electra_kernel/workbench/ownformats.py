"""The formats of a user's own: the profiles in the workbench's folder ``formats``, and one given by its file."""

from __future__ import annotations

from pathlib import Path

from electra_kernel import formats
from electra_kernel.formats import profiles
from electra_kernel.formats.base import Format
from electra_kernel.formats.profiles import Profile, ProfileError
from electra_kernel.workbench.files import read_file
from electra_kernel.workbench.reading import Own

#: The folder of a workbench that holds them.
FOLDER = "formats"


def load_profile(path: Path) -> Profile:
    """A profile from its file.

    Raises:
        FileNotReadable, ProfileError: it cannot be read, or is wrong; names file, line, key and repair.
    """
    return profiles.load(read_file(path), path.name)


def own_profiles(folder: Path) -> tuple[Profile, ...]:
    """The profiles of a workbench, in the order of their files' names.

    Args:
        folder: the workbench's; it need not be there.

    Raises:
        FileNotReadable, ProfileError: one is wrong, or bears a name that is taken.
    """
    taken = {known.name for known in formats.FORMATS}
    found = []
    for path in sorted((folder / FOLDER).glob("*.toml")):
        profile = load_profile(path)
        if profile.name in taken:
            raise ProfileError(
                f"The name {profile.name!r} is taken.", where=path.name, repair="Give the profile another name."
            )
        taken.add(profile.name)
        found.append(profile)
    return tuple(found)


def own_formats(folder: Path) -> tuple[Format, ...]:
    """The same, as rows of the table of formats."""
    return tuple(profiles.as_format(profile) for profile in own_profiles(folder))


def own_of(folder: Path, profile: Path | None = None) -> Own:
    """The same, for other processes too; or the one profile given, for whatever the files look like.

    Raises:
        FileNotReadable, ProfileError: as ``own_profiles``.
    """
    if profile is not None:
        load_profile(profile)
        return Own((_text_of(profile),), always=True)
    own_profiles(folder)
    return Own(tuple(_text_of(path) for path in sorted((folder / FOLDER).glob("*.toml"))))


def _text_of(path: Path) -> tuple[str, str]:
    return path.name, read_file(path).decode("utf-8-sig")
