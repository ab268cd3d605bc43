"""The clerk's commands: users activated, written down, locked and reset, and what they may do. Arguments in, words out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection, select

from electra_kernel.bank import clock as bank_clock
from electra_kernel.bank import entitlement, people
from electra_kernel.bank.database import Database, certificates, get_fact
from electra_kernel.bank.ledger import customer_accounts
from electra_kernel.bank.seed import want_signatures
from electra_kernel.bank.subscribers import activate as activate_user
from electra_kernel.ebics.keys import bare, fingerprint, is_bare
from electra_kernel.vocabulary.accounts import format_account, parse_account
from electra_kernel.vocabulary.dates import system_clock
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money, format_amount, parse_amount

DEFAULT_FOLDER = Path("electra-bank")
Data = Annotated[Path, typer.Option("--data", help="The bank's folder.")]
User = Annotated[str, typer.Option("--user", help="The user id.")]
Partner = Annotated[str, typer.Option("--partner", help="The user's customer, where it is not the company.")]


@contextmanager
def plain_errors() -> Iterator[None]:
    """One clear line instead of a traceback."""
    try:
        yield
    except ElectraError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error


@contextmanager
def _books(data: Path) -> Iterator[Connection]:
    """The bank's database, all or nothing; errors in words."""
    with plain_errors():
        database = Database(data)
        try:
            with database.write() as connection:
                yield connection
        finally:
            database.close()


# --------------------------------------------------------------------------------------------------- keys and states
def activate(
    user: User,
    data: Data = DEFAULT_FOLDER,
    partner: Partner = "",
    hashes: Annotated[
        list[str] | None,
        typer.Option("--hash", help="A hash from the user's letter, as either version prints it; once for each key."),
    ] = None,
) -> None:
    """Activate a user whose keys have arrived, after comparing them with the hashes of the letter."""
    with _books(data) as connection:
        partner = partner or get_fact(connection, "partner")
        query = select(certificates).where(certificates.c.partner_id == partner, certificates.c.user_id == user)
        arrived = {row.use: row.certificate for row in connection.execute(query)}
        compared = _compare(hashes or [], arrived)
        activate_user(connection, partner, user, at=bank_clock.bank_now(connection, system_clock))
    for use, der in sorted(arrived.items()):
        for form, value in _forms(der):
            mark = "  ✓ as in the letter" if value in compared else ""
            typer.echo(f"{use:15}{form:22}{value}{mark}")
    told = "compared with the letter" if hashes else "shown above; compare them with the letter"
    typer.echo(f"{user} is ready. Its hashes were {told}.")


def _forms(der: bytes) -> list[tuple[str, str]]:
    """A key's hashes as letters print them: of its certificate where it has one, and of its numbers."""
    numbers = ("exponent and modulus", fingerprint(bare(der)))
    return [numbers] if is_bare(der) else [("certificate", fingerprint(der)), numbers]


def _compare(given: list[str], arrived: dict[str, bytes]) -> set[str]:
    """The hashes that belong to a key that arrived; a letter may show either form of each."""
    known = {_bare(value): value for der in arrived.values() for _, value in _forms(der)}
    for value in given:
        if _bare(value) not in known:
            forms = (f"{use} {shown}" for use, der in sorted(arrived.items()) for _, shown in _forms(der))
            raise ElectraError(
                f"The hash {value[:23]}… belongs to none of the keys that arrived. The user is not activated.",
                cause="the letter is another user's, is mistyped, or somebody else sent the keys.",
                repair="Compare: " + "; ".join(forms),
            )
    return {known[_bare(value)] for value in given}


def _bare(text: str) -> str:
    return "".join(text.replace(":", " ").split()).upper()


def lock(user: User, data: Data = DEFAULT_FOLDER, partner: Partner = "") -> None:
    """Lock a user: nothing it sends or signs counts until the bank resets it."""
    with _books(data) as connection:
        people.lock(connection, people.known_user(connection, partner, user))
    typer.echo(f"{user} is locked. It can send nothing, not even new keys, until you run `electra bank reset`.")


def reset(user: User, data: Data = DEFAULT_FOLDER, partner: Partner = "") -> None:
    """Forget a user's keys, and let it begin anew with INI and HIA: after a lock, a lost key or a wrong letter."""
    with _books(data) as connection:
        people.reset(connection, people.known_user(connection, partner, user))
    typer.echo(f"{user} is new again: it sends INI and HIA (or H3K), and you activate it.")


# ------------------------------------------------------------------------------------------------------ who signs what
def user(
    user: User,
    data: Data = DEFAULT_FOLDER,
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    level: Annotated[
        str, typer.Option("--class", help="E signs alone, A and B with another (one of them A or E), T only sends.")
    ] = "",
    service: Annotated[str, typer.Option(help="The class counts for this service only, such as SCT.")] = "",
    partner: Annotated[str, typer.Option(help="Another customer, whose user may sign the company's orders.")] = "",
) -> None:
    """Add a user, or change its name or signature class."""
    with _books(data) as connection:
        person = people.Person(
            user_id=user, partner_id=partner, name=name, level=level.upper(), service=service.upper()
        )
        new = people.write_down(connection, person)
    typer.echo(f"{user} is {'enrolled' if new else 'known'}; it signs as {level.upper() or 'before'}.")


def rule(
    signatures: Annotated[int, typer.Option(min=1, max=9, help="How many signatures an order needs.")],
    data: Data = DEFAULT_FOLDER,
    service: Annotated[str, typer.Option(help="Orders of this service only, such as SCT.")] = "",
) -> None:
    """Say how many signatures orders need that come from now on."""
    with _books(data) as connection:
        people.check_service(connection, service.upper())
        kinds = want_signatures(connection, signatures, service.upper())
    typer.echo(f"{kinds} kinds of order now need {signatures} signature{'s' if signatures > 1 else ''}.")


def right(
    user: User,
    data: Data = DEFAULT_FOLDER,
    partner: Partner = "",
    withdraw: Annotated[str, typer.Option(help="Take the right to this service or order type, such as SCT.")] = "",
    give: Annotated[str, typer.Option(help="Give the right back.")] = "",
) -> None:
    """Take a right to a service or an order type from a user, or give it back."""
    if bool(withdraw) == bool(give):
        raise typer.BadParameter("Give --withdraw or --give.")
    with _books(data) as connection:
        signer = people.known_user(connection, partner, user)
        if withdraw:
            people.withdraw(connection, signer, withdraw.upper())
        else:
            people.give_back(connection, signer, give.upper())
    typer.echo(f"{user} has {'no longer the' if withdraw else 'the'} right to {(withdraw or give).upper()}.")


def limit(
    user: User,
    data: Data = DEFAULT_FOLDER,
    partner: Partner = "",
    amount: Annotated[str, typer.Option(help="Up to this amount the user signs one order, such as 500000.")] = "",
    currency: Annotated[str, typer.Option(help="The limit's currency.")] = "HUF",
    service: Annotated[str, typer.Option(help="Orders of this service only, such as SCT.")] = "",
    none: Annotated[bool, typer.Option("--none", help="Lift all limits of the user.")] = False,
) -> None:
    """Say up to which amount a user's signature is good for one order."""
    if bool(amount) == none:
        raise typer.BadParameter("Give --amount or --none.")
    with _books(data) as connection:
        signer = people.known_user(connection, partner, user)
        if none:
            entitlement.lift_limits(connection, signer)
            words = "any amount"
        else:
            people.check_service(connection, service.upper())
            money = Money(parse_amount(amount), currency.upper())
            given = entitlement.Limit(money.currency, money.amount, service.upper())
            entitlement.set_limit(connection, signer, given)
            words = f"up to {format_amount(money.amount, money.currency)} {money.currency}"
    typer.echo(f"{user} signs orders of {words}.")


def accounts(
    user: User,
    data: Data = DEFAULT_FOLDER,
    partner: Partner = "",
    account: Annotated[list[str] | None, typer.Option(help="An account the user may use; may be repeated.")] = None,
    every: Annotated[bool, typer.Option("--all", help="The user may use all of the customer's accounts.")] = False,
) -> None:
    """Say from which accounts a user may order payments."""
    if bool(account) == every:
        raise typer.BadParameter("Give --account or --all.")
    with _books(data) as connection:
        signer = people.known_user(connection, partner, user)
        numbers = [_customers_account(connection, number) for number in account or ()]
        entitlement.set_accounts(connection, signer, numbers)
    typer.echo(f"{user} uses {', '.join(map(format_account, numbers)) or 'all accounts'}.")


def _customers_account(connection: Connection, text: str) -> str:
    number, known = parse_account(text), [each.number for each in customer_accounts(connection)]
    if number not in known:
        raise ElectraError(
            f"No customer has the account {format_account(number)} here.",
            repair=f"Choose one of: {', '.join(map(format_account, known))}.",
        )
    return number


#: Every command by its name.
COMMANDS: Mapping[str, Callable[..., None]] = {
    "activate": activate,
    "lock": lock,
    "reset": reset,
    "user": user,
    "rule": rule,
    "right": right,
    "limit": limit,
    "accounts": accounts,
}
