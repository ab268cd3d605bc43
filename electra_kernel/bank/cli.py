"""The commands `electra bank …`: serve, clock, status, log. Arguments in, words out; the clerk's are in ``clerk``."""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import date
from pathlib import Path
from threading import Thread
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.text import Text
from sqlalchemy import select

from electra_kernel.bank import clock as bank_clock
from electra_kernel.bank import orderdata
from electra_kernel.bank.app import LOOPBACK, listen, make_app
from electra_kernel.bank.app import serve as serve_app
from electra_kernel.bank.clerk import COMMANDS, DEFAULT_FOLDER, Data, plain_errors
from electra_kernel.bank.database import Database, blocks, orders
from electra_kernel.bank.exchanges import follow as follow_log
from electra_kernel.bank.exchanges import read_log
from electra_kernel.bank.explain import Explanation, explain
from electra_kernel.bank.house import Bank, facts
from electra_kernel.bank.keys import bank_hashes, ebics_keys, public_keys, tls_context
from electra_kernel.bank.notifications import Offer, offer
from electra_kernel.bank.push import Announcer
from electra_kernel.bank.waiting import WAITS
from electra_kernel.bank.welcome import Running, describe, modes
from electra_kernel.ebics.server import Server
from electra_kernel.vocabulary.dates import system_clock

app = typer.Typer(no_args_is_help=True, help="The sandbox bank: a bank to practise with, on this machine only.")

for name, command in COMMANDS.items():
    app.command(name)(command)

AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a date; write YYYY-MM-DD.") from error


@app.command()
def serve(
    data: Data = DEFAULT_FOLDER,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of http; https takes the next. 0: free ones.")] = 0,
    seed: Annotated[str | None, typer.Option(help="What a new bank's history is drawn from.")] = None,
    admit: Annotated[bool, typer.Option("--admit", help="Enrol any user and activate it without a letter.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Take only what the specification says, and refuse clients' own ways.")
    ] = False,
    trust: Annotated[
        Path | None, typer.Option(help="A PEM file of authorities: users' certificates must be issued by one of them.")
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(help="A TOML file of order types only this bank has, or has otherwise.")
    ] = None,
    start: Annotated[str | None, typer.Option("--date", help="A new bank's first business date, YYYY-MM-DD.")] = None,
    until_eof: Annotated[
        bool, typer.Option("--until-eof", help="Also end when standard input ends: for programs that start the bank.")
    ] = False,
    notifications: Annotated[
        Offer, typer.Option(help="How clients may listen for news: with a token a connection, a token an hour, not.")
    ] = Offer.ONE_TIME,
    as_json: AsJson = False,
) -> None:
    """Run the bank on http and https of this machine until it is stopped (Ctrl-C)."""
    with plain_errors():
        day = _day(start) if start else None
        bank = Bank(data.absolute(), system_clock, seed=seed, start=day, own_types=profile)
        try:
            offer(bank.database, notifications)
            engine = bank.engine(admit=admit, strict=strict, trust=trust)
            running = Running(hashes=bank.hashes(), modes=modes(admit=admit, strict=strict, trust=trust))
            _serve(bank, engine, running, port, until_eof=until_eof, as_json=as_json)
        finally:
            bank.close()


def _serve(bank: Bank, engine: Server, running: Running, port: int, *, until_eof: bool, as_json: bool) -> None:
    context, ca = tls_context(bank.folder, bank.clock)
    before = facts(bank.database)
    plain = listen(port, remembered=urlsplit(before.http).port or 0)
    # The port after a given one is a wish only: it may be taken by somebody else.
    next_port = port + 1 if 0 < port < 65535 else 0
    secure = listen(0, remembered=next_port or urlsplit(before.https).port or 0)
    bank.remember_addresses(
        f"http://{LOOPBACK}:{plain.getsockname()[1]}", f"https://{LOOPBACK}:{secure.getsockname()[1]}"
    )

    def about() -> str:
        return describe(facts(bank.database), folder=bank.folder, running=running)

    def ready() -> None:
        if as_json:
            told = facts(bank.database).as_row()
            row = {**told, "ca": str(ca), "fingerprints": bank.fingerprints(), "users": _user_ids(told["users"])}
            typer.echo(json.dumps(row, ensure_ascii=True))
        else:
            typer.echo(about())
        sys.stdout.flush()
        if until_eof:
            Thread(target=_end_with_input, daemon=True).start()

    serve_app(
        make_app(engine.handle, about, [Announcer(bank.database, bank.clock).route]),
        (plain, secure),
        context,
        ready,
    )


def _end_with_input() -> None:
    """Ask this process to end as SIGTERM would, once whoever started it is gone."""
    # The file and not the buffered stream: a thread that waits in a stream stops the interpreter from ending in peace.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _user_ids(rows: object) -> list[str]:
    return [str(row["user"]) for row in rows] if isinstance(rows, tuple | list) else []


@app.command()
def clock(
    data: Data = DEFAULT_FOLDER,
    advance: Annotated[int, typer.Option(help="Move on by so many business days.")] = 0,
    to: Annotated[str | None, typer.Option(help="Move on to this date, YYYY-MM-DD.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the bank's business date, or move it on: days close, statements appear, due payments are executed."""
    if advance and to:
        raise typer.BadParameter("Give --advance or --to, not both.")
    with plain_errors():
        database = Database(data)
        with database.read() as connection:
            goal = _day(to) if to else bank_clock.business_days_ahead(connection, advance)
        days = bank_clock.advance(database, system_clock, to=goal)
        with database.read() as connection:
            today = bank_clock.business_date(connection)
        database.close()
    if as_json:
        rows = [{"day": day.day.isoformat(), "entries": day.entries, "executed": day.executed} for day in days]
        typer.echo(json.dumps({"date": today.isoformat(), "days": rows}))
        return
    for day in days:
        typer.echo(str(day))
    typer.echo(f"The bank's business date is {today:%Y-%m-%d %a}.")


@app.command()
def status(data: Data = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Show the bank's date, users, accounts and orders."""
    with plain_errors():
        database = Database(data)
        told = facts(database)
        rows = _orders(database)
        database.close()
        hashes = bank_hashes(public_keys(ebics_keys(data, told.host, system_clock)))
    if as_json:
        typer.echo(json.dumps({**told.as_row(), "orders": rows}, ensure_ascii=True))
        return
    typer.echo(describe(told, folder=data.absolute(), running=Running(hashes=hashes, modes=())))
    typer.echo("Orders:" if rows else "No orders yet.")
    for row in rows:
        typer.echo(f"  {row['order']}  {row['received']}  {row['user']}  {row['message']}  {row['state']}")


def _orders(database: Database) -> list[dict[str, str]]:
    with database.read() as connection:
        states: dict[int, list[str]] = {}
        for row in connection.execute(select(blocks).order_by(blocks.c.id)):
            states.setdefault(row.order, []).append(row.state)
        return [
            {
                "order": row.order_id,
                "user": row.user_id,
                "message": row.message_id,
                "received": row.received.isoformat(timespec="seconds"),
                "state": "waiting for signatures"
                if row.state == WAITS
                else f"refused: {row.refusal}"
                if row.state == "refused"
                else ", ".join(states.get(row.id, [])),
            }
            for row in connection.execute(select(*orderdata.COLUMNS).order_by(orders.c.id))
        ]


@app.command()
def log(
    data: Data = DEFAULT_FOLDER,
    last: Annotated[int, typer.Option(min=0, help="How many of the latest exchanges; 0 for none.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with every new exchange until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with both documents.")] = False,
) -> None:
    """Show requests and answers decrypted and explained: what was asked, what was checked, what failed and why."""
    with plain_errors():
        Database(data).close()
    records = follow_log(data, last) if follow else read_log(data, last)
    console, any_shown = Console(highlight=False), False
    try:
        for record in records:
            told, any_shown = explain(record), True
            if as_json:
                typer.echo(json.dumps({**record, "explained": str(told).splitlines()}, ensure_ascii=True))
            else:
                _show(console, told)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return
    if not any_shown and not as_json:
        typer.echo("No request has arrived yet.")


_MOODS = {"good": "green", "bad": "bold red", "faint": "dim", "plain": ""}


def _show(console: Console, told: Explanation) -> None:
    # Text, not markup: the words of a client stay words.
    console.print(Text(told.title, style="bold" if told.good else "bold red"), soft_wrap=True)
    before = ""
    for line in told.lines:
        label = Text(f"  {line.label if line.label != before else '':<9} ", style="cyan")
        console.print(label.append(line.words, style=_MOODS[line.mood] or "default"), soft_wrap=True)
        before = line.label
    console.print()
