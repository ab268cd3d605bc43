"""``electra keys …``, ``electra order`` and ``electra watch``: letters, key files, changes of keys, an order's story.

What may live here: names, options and help of these commands, each over one public function.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Keys of a connection: letters, changes, copies, passwords.")

_TREASURY = Path("treasury")
Folder = Annotated[Path, typer.Option("--workbench", "-w", envvar="ELECTRA_WORKBENCH", help="The workbench's folder.")]
Name = Annotated[str | None, typer.Option("--connection", help="Which connection, where there are several.")]


@app.command()
def letter(
    file: Annotated[Path, typer.Argument(help="Where to write it; .pdf or .html.")],
    language: Annotated[str, typer.Option(help="en, de, fr or hu.")] = "en",
    connection: Name = None,
    workbench: Folder = _TREASURY,
) -> None:
    """Write the letter of the keys that count now, with exactly the hashes the bank compares."""
    from electra_kernel.cli.records import opened
    from electra_kernel.cli.tables import say

    with opened(workbench) as treasury:
        form = file.suffix.lstrip(".").lower() or "pdf"
        file.write_bytes(treasury.connections.default(connection).letter(language, form))
        say(f"Letter: {file}")


@app.command("export")
def export_(
    file: Annotated[Path, typer.Argument(help="The file to write; there must be none yet.")],
    connection: Name = None,
    workbench: Folder = _TREASURY,
) -> None:
    """Copy keys and certificates into one file under a password of its own."""
    from electra_kernel.cli.records import opened
    from electra_kernel.cli.tables import say

    with opened(workbench) as treasury:
        place = treasury.connections.default(connection).export_keys(file)
        say(f"Exported: {place}. Keep it where nobody else can read it.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The file that export wrote.")],
    name: Annotated[str | None, typer.Option(help="What to call the connection; as it was called by default.")] = None,
    ca: Annotated[Path | None, typer.Option(help="PEM file of authorities to trust instead of the system's.")] = None,
    workbench: Folder = _TREASURY,
) -> None:
    """Bring back exported keys with their connection."""
    from electra_kernel.cli.records import opened, say_next

    with opened(workbench, make=True) as treasury:
        say_next(treasury.restore_keys(file, name=name, ca=ca))


@app.command()
def password(connection: Name = None, workbench: Folder = _TREASURY) -> None:
    """Put the keys of a connection under another password."""
    from electra_kernel.cli.records import opened
    from electra_kernel.cli.tables import say

    with opened(workbench) as treasury:
        treasury.connections.default(connection).change_password()
        say("The keys are under the new password.")


@app.command()
def change(
    what: Annotated[str, typer.Argument(help="signature, transport (authentication and encryption) or all.")] = "all",
    signature: Annotated[Path | None, typer.Option(help="File with a new signature key and its certificate.")] = None,
    authentication: Annotated[Path | None, typer.Option(help="The same for authentication.")] = None,
    encryption: Annotated[Path | None, typer.Option(help="The same for encryption.")] = None,
    language: Annotated[str, typer.Option(help="Language of the letter: en, de, fr or hu.")] = "en",
    connection: Name = None,
    workbench: Folder = _TREASURY,
) -> None:
    """Exchange keys for new ones at the bank, which takes them at once; also finishes a change that was cut off."""
    from electra_kernel.cli.records import key_files, opened
    from electra_kernel.cli.tables import say

    with opened(workbench) as treasury:
        line = treasury.connections.default(connection)
        hashes = line.change_keys(what, keys=key_files(signature, authentication, encryption), language=language)
        for use, value in hashes.items():
            say(f"{use:15}{value}")
        say(f"The bank has the keys. Should it want a letter: {line.letter_file}")


@app.command()
def suspend(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to go on.")] = False,
    connection: Name = None,
    workbench: Folder = _TREASURY,
) -> None:
    """Give the access up at once (SPR), because a key may be in wrong hands."""
    from electra_kernel.cli.records import opened, say_next
    from electra_kernel.cli.tables import say

    with opened(workbench) as treasury:
        line = treasury.connections.default(connection)
        if not (yes or typer.confirm(f"Give up the access of {line.record.user} at {line.name}?")):
            say("Nothing was done.")
            return
        line.suspend()
        say_next(line)


@app.command()
def renew(
    signature: Annotated[Path | None, typer.Option(help="File with a signature key and its certificate.")] = None,
    authentication: Annotated[Path | None, typer.Option(help="The same for authentication.")] = None,
    encryption: Annotated[Path | None, typer.Option(help="The same for encryption.")] = None,
    language: Annotated[str, typer.Option(help="Language of the letter: en, de, fr or hu.")] = "en",
    connection: Name = None,
    workbench: Folder = _TREASURY,
) -> None:
    """Begin anew with new keys and a new letter, after the bank has reset the user or the access was given up."""
    from electra_kernel.cli.records import key_files, opened, say_next

    with opened(workbench) as treasury:
        line = treasury.connections.default(connection)
        files = key_files(signature, authentication, encryption)
        line.initialise(keys=files, new_keys=True, language=language)
        say_next(line)


@app.command()
def version(
    ebics: Annotated[str, typer.Argument(help="H005 (EBICS 3.0) or H004 (EBICS 2.5).")],
    connection: Name = None,
    workbench: Folder = _TREASURY,
) -> None:
    """Speak another version of EBICS with the bank from now on, with the same keys."""
    from electra_kernel.cli.records import opened, say_next

    with opened(workbench) as treasury:
        line = treasury.connections.default(connection)
        line.use_version(ebics)
        say_next(line)


def order(
    number: Annotated[str, typer.Argument(metavar="ID", help="The order's id, such as 2026-0001.")],
    workbench: Folder = _TREASURY,
) -> None:
    """One order and everything that happened to it, in plain words."""
    from electra_kernel.cli.records import opened
    from electra_kernel.cli.tables import say
    from electra_kernel.workbench.timeline import told

    with opened(workbench) as treasury:
        found = treasury.orders[number]
        for line in [*repr(found).splitlines(), "", *told(found.history).splitlines()]:
            say(line)


def watch(
    connection: Name = None,
    every: Annotated[float, typer.Option(help="Seconds between two questions to a bank that does not tell.")] = 300.0,
    workbench: Folder = _TREASURY,
) -> None:
    """Fetch statements and follow orders as soon as the bank tells of news, until Ctrl-C."""
    from electra_kernel.cli.records import opened
    from electra_kernel.cli.tables import say

    with opened(workbench) as treasury:
        line = treasury.connections.default(connection)
        with treasury.watch(
            line.name, every=every, on_news=lambda news: say(f"{news.at:%H:%M:%S} UTC  {news}")
        ) as seen:
            say(f"Watching {line.name}. Ctrl-C ends it.")
            try:
                while seen.running:
                    seen.wait(seen.looks + 1, 1.0)
            except KeyboardInterrupt:
                say(repr(seen))
