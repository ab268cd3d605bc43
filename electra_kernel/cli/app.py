"""The tree of commands. What may live here: names, options and help; the work is in the files beside this one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from electra_kernel.bank.cli import app as bank_app
from electra_kernel.cli import keys, ownformats

app = typer.Typer(
    name="electra",
    help="A treasury workbench: orders, statements and bank connections.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(bank_app, name="bank", help="The sandbox bank by itself.")
app.add_typer(keys.app, name="keys")
app.add_typer(ownformats.app, name="formats")
app.command()(keys.order)
app.command()(keys.watch)

_WORKBENCH = typer.Option("--workbench", "-w", envvar="ELECTRA_WORKBENCH", help="The workbench's folder.")
Folder = Annotated[Path, _WORKBENCH]
_TREASURY = Path("treasury")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where everything is kept; an earlier run there is gone on with.")] = Path(
        "electra-demo"
    ),
    seed: Annotated[int, typer.Option(help="Chooses the sandbox company and its payments.")] = 1,
) -> None:
    """The main job, headless: payments from Excel become a signed order at a sandbox bank and come back as a statement."""
    from electra_kernel.cli.demo import run_demo

    raise typer.Exit(0 if run_demo(out, seed) else 1)


@app.command()
def lab(
    folder: Annotated[Path, typer.Argument(help="Where your notebooks are.")] = Path(),
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """JupyterLab with the Electra kernel and a sandbox bank."""
    from electra_kernel.cli.lab import run_lab

    raise typer.Exit(run_lab(folder, browser=browser))


@app.command()
def read(
    files: Annotated[list[Path], typer.Argument(help="Bank files or payment files of any known format, or folders.")],
    out: Annotated[Path | None, typer.Option(help="Write .csv, .xlsx, .parquet or .json instead of showing.")] = None,
    profile: Annotated[
        Path | None, typer.Option(help="A profile (.toml) that says what the files are made of.")
    ] = None,
    dates: Annotated[
        str, typer.Option(metavar="ORDER", help="The order in the dates of sheets: dmy, mdy or ymd; else as they tell.")
    ] = "",
    workbench: Folder = _TREASURY,
) -> None:
    """Any bank file as a table, in the ledger's columns."""
    from electra_kernel.cli.reading import read_files

    raise typer.Exit(read_files(files, out, profile, workbench, dates))


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN")],
    target: Annotated[Path, typer.Argument(metavar="OUT")],
    to: Annotated[str, typer.Option(help="The format to write, as `electra formats` names it.")] = "",
    profile: Annotated[
        Path | None, typer.Option(help="A profile (.toml): of OUT where --to names it, else of IN.")
    ] = None,
    workbench: Folder = _TREASURY,
    debtor: Annotated[
        str, typer.Option(metavar="IBAN", help="Where IN does not say it: the account that pays, or that collects.")
    ] = "",
    debtor_name: Annotated[str, typer.Option(metavar="NAME", help="Likewise: whose account that is.")] = "",
    debtor_id: Annotated[
        str, typer.Option(metavar="ID", help="Likewise: that holder's id, for formats with one (GIRO: A12345678).")
    ] = "",
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day of payments without one; else the next business day."),
    ] = None,
) -> None:
    """From one format to another; says what the target cannot carry."""
    from electra_kernel.cli.files import convert_file, missing_of

    convert_file(source, target, to, profile, workbench, missing_of(debtor, debtor_name, debtor_id, on))


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A payment file: Excel, CSV or pain.001.")],
    rules: Annotated[
        str,
        typer.Option(
            help="The rulebook that holds as well (german, austrian, swiss, sepa-instant, hungarian-instant), or the "
            "kind of order, where the file does not tell; any other name lists the kinds."
        ),
    ] = "",
    profile: Annotated[Path | None, typer.Option(help="A profile (.toml) that says what the file is made of.")] = None,
    workbench: Folder = _TREASURY,
) -> None:
    """Problems of a file as line, rule and repair; exit status 1 when there are any."""
    from electra_kernel.cli.files import check_file

    raise typer.Exit(check_file(file, rules, profile, workbench))


@app.command()
def orders(workbench: Folder = _TREASURY) -> None:
    """The orders of a workbench and where they are."""
    from electra_kernel.cli.records import show_orders

    show_orders(workbench)


@app.command()
def send(
    order: Annotated[str, typer.Argument(metavar="ID", help="The order's id, as `electra orders` lists it.")],
    check_names: Annotated[
        bool | None,
        typer.Option("--check-names/--no-check-names", help="Let the bank check the payees' names, and wait for you."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Show it, but do not ask whether to go on.")] = False,
    workbench: Folder = _TREASURY,
) -> None:
    """Show an order, sign it where that is still to be done, and send it: once, however often this is run."""
    from electra_kernel.cli.signing import send_order

    send_order(workbench, order, check_names=check_names, yes=yes)


@app.command()
def cancel(
    order: Annotated[str, typer.Argument(metavar="ID", help="The order's id, as `electra orders` lists it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Show it, but do not ask whether to go on.")] = False,
    workbench: Folder = _TREASURY,
) -> None:
    """Give up an order that has not gone to the bank."""
    from electra_kernel.cli.signing import cancel_order

    cancel_order(workbench, order, yes=yes)


@app.command()
def names(
    order: Annotated[str, typer.Argument(metavar="ID", help="The order's id, as `electra orders` lists it.")],
    release: Annotated[bool, typer.Option("--release", help="Let the bank pay it.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Give it up, as a whole and for good.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Show the result, but do not ask whether to go on.")] = False,
    workbench: Folder = _TREASURY,
) -> None:
    """What the bank found out about the names of an order's payees; then release the order, or cancel it."""
    from electra_kernel.cli.signing import check_names

    if release and cancel:
        raise typer.BadParameter("Give --release or --cancel, not both.")
    check_names(workbench, order, release=release, cancel=cancel, yes=yes)


@app.command("to-sign")
def to_sign(
    connection: Annotated[str | None, typer.Option(help="Ask this bank only.")] = None,
    workbench: Folder = _TREASURY,
) -> None:
    """The orders that wait at the bank for signatures: yours, and those of others."""
    from electra_kernel.cli.signing import show_waiting

    show_waiting(workbench, connection)


@app.command()
def sign(
    order: Annotated[str, typer.Argument(help="The order's id, as `electra to-sign` lists it.")],
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel it, for everybody and for good.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Show it, but do not ask whether to go on.")] = False,
    connection: Annotated[str | None, typer.Option(help="Ask this bank only.")] = None,
    workbench: Folder = _TREASURY,
) -> None:
    """Show an order that waits at the bank as it was sent, then sign it (or cancel it)."""
    from electra_kernel.cli.signing import sign_waiting

    sign_waiting(workbench, order, connection, cancel=cancel, yes=yes)


@app.command()
def statements(
    workbench: Folder = _TREASURY,
    since: Annotated[str | None, typer.Option(help="First booking date, such as 2026-01-31.")] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Ask the bank for new statements first.")] = False,
    connection: Annotated[str | None, typer.Option(help="Which bank to ask, where there are several.")] = None,
) -> None:
    """The ledger's newest entries and the cash position."""
    from electra_kernel.cli.records import show_statements

    show_statements(workbench, since, fetch=fetch, connection=connection)


@app.command()
def connections(
    name: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    info: Annotated[bool, typer.Option("--info", help="What the bank has on file: accounts, rights, limits.")] = False,
    fetch: Annotated[bool, typer.Option("--fetch", help="The same, asked of the bank now.")] = False,
    workbench: Folder = _TREASURY,
) -> None:
    """The connections of a workbench and their next steps; or what a bank lets a user do."""
    from electra_kernel.cli.records import show_connections

    show_connections(workbench, name, info=info, fetch=fetch)


@app.command()
def disconnect(
    name: Annotated[str, typer.Argument(help="The connection, as `electra connections` lists it.")],
    erase_keys: Annotated[bool, typer.Option("--erase-keys", help="Erase its keys too, for good.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to go on.")] = False,
    workbench: Folder = _TREASURY,
) -> None:
    """Take a connection out of the workbench, such as one with a mistyped id; orders and statements stay."""
    from electra_kernel.cli.records import remove_connection

    remove_connection(workbench, name, erase_keys=erase_keys, yes=yes)


@app.command()
def connect(
    url: Annotated[str, typer.Argument(help="The bank's EBICS address.")],
    host: Annotated[str, typer.Option(help="Host id.")],
    partner: Annotated[str, typer.Option(help="Partner (customer) id.")],
    user: Annotated[str, typer.Option(help="User id.")],
    name: Annotated[str | None, typer.Option(help="What to call the connection; HOST-USER by default.")] = None,
    ca: Annotated[Path | None, typer.Option(help="PEM file of authorities to trust instead of the system's.")] = None,
    authentication: Annotated[str, typer.Option(help="Hash of the bank's X002 key, from its letter.")] = "",
    encryption: Annotated[str, typer.Option(help="Hash of the bank's E002 key, from its letter.")] = "",
    language: Annotated[str, typer.Option(help="Language of the letter: en, de, fr or hu.")] = "en",
    ebics: Annotated[
        str | None, typer.Option(help="H005 (EBICS 3.0) or H004 (EBICS 2.5); the newest both speak by default.")
    ] = None,
    certificates: Annotated[
        bool | None, typer.Option(help="Whether EBICS 2.5 sends keys with certificates.", show_default=False)
    ] = None,
    signature_key: Annotated[
        Path | None, typer.Option(help="File with a signature key and the certificate an authority issued for it.")
    ] = None,
    authentication_key: Annotated[Path | None, typer.Option(help="The same for authentication.")] = None,
    encryption_key: Annotated[Path | None, typer.Option(help="The same for encryption.")] = None,
    profile: Annotated[
        Path | None, typer.Option(help="A TOML file of order types only this bank has; the connection keeps it.")
    ] = None,
    workbench: Folder = _TREASURY,
) -> None:
    """Connect to a bank: creates keys, sends them, writes the letter; run again with the hashes once activated."""
    from electra_kernel.cli.records import connect_bank, key_files

    hashes = {"authentication": authentication, "encryption": encryption} if authentication or encryption else None
    connect_bank(
        workbench,
        url,
        host=host,
        partner=partner,
        user=user,
        name=name,
        ca=ca,
        hashes=hashes,
        language=language,
        version=ebics,
        certificates=certificates,
        keys=key_files(signature_key, authentication_key, encryption_key),
        profile=profile,
    )


@app.command()
def doctor(workbench: Folder = _TREASURY) -> None:
    """What is installed, reachable and misconfigured, and the repair."""
    from electra_kernel.cli.doctor import examine

    raise typer.Exit(0 if examine(workbench) else 1)
