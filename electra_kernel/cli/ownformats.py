"""``electra formats``: what is read and written, the user's own profiles, and a first profile from a sample file.

What may live here: names, options and help of these commands, each over one public function.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from electra_kernel.formats.base import Format

app = typer.Typer(help="What is read and written; profiles of your bank's own formats.", invoke_without_command=True)

_TREASURY = Path("treasury")
Folder = Annotated[Path, typer.Option("--workbench", "-w", envvar="ELECTRA_WORKBENCH", help="The workbench's folder.")]


@app.callback()
def listed(context: typer.Context, workbench: Folder = _TREASURY) -> None:
    """Every format, shipped profile and profile of your own, with what is done with it."""
    if context.invoked_subcommand is not None:
        return
    import pandas as pd

    from electra_kernel import formats
    from electra_kernel.cli.tables import show
    from electra_kernel.formats import profiles
    from electra_kernel.workbench.ownformats import own_profiles

    shipped = {profile.name for profile in profiles.shipped()}
    rows = [
        (each.name, each.title, "yes", "yes" if each.write else "no", "profile" if each.name in shipped else "built in")
        for each in formats.FORMATS
    ]
    rows += [(each.name, each.title, "yes", "yes", "your own") for each in own_profiles(workbench)]
    show(pd.DataFrame(rows, columns=["name", "what", "read", "written", "kind"]))


@app.command()
def new(
    sample: Annotated[Path, typer.Option("--from", help="A file of the format, as your bank or program writes it.")],
    out: Annotated[Path | None, typer.Option(help="Where the profile is written; shown where not given.")] = None,
) -> None:
    """Propose a profile from a sample file, and say what to check in it."""
    from electra_kernel.cli.tables import say
    from electra_kernel.formats.profiles.propose import propose
    from electra_kernel.workbench.containers import only_file
    from electra_kernel.workbench.files import keep_sources, read_file, write_file

    if out is not None:
        keep_sources([sample], out)
    data, name = only_file(read_file(sample), sample.name)
    proposal = propose(data, name)
    if out is None:
        print(proposal.text)  # noqa: T201 - the command line's own voice
    else:
        write_file(proposal.text.encode(), out)
        say(f"{out} written")
        for note in proposal.notes:
            say(f"Check: {note}")
    print(proposal.found, file=sys.stderr)  # noqa: T201 - beside the profile, which may go into a file
    if (known := _read_already(data, name)) is not None:
        said = f"Such files are read without a profile, as {known.name} ({known.title})."
        print(said, file=sys.stderr)  # noqa: T201 - beside the profile, too


def _read_already(data: bytes, name: str) -> Format | None:
    """The format by which a sample is read without a profile; ``None`` where it is none, or a sheet that profiles may describe."""
    from electra_kernel import formats
    from electra_kernel.vocabulary.errors import UnreadableFile

    try:
        found = formats.detect(data, name)
    except UnreadableFile:
        return None
    return None if found.name in ("csv", "xlsx") else found
