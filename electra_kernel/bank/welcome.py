"""What the bank says to a newcomer: all that is needed to connect any EBICS client, in plain words.

What may live here: words. The facts come from ``house``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from shlex import quote

from electra_kernel.bank.house import Facts, UserLine
from electra_kernel.ebics.version import VERSIONS
from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.money import format_amount

_ADMINISTRATIVE = (
    ("keys", "INI, HIA, H3K, HPB; PUB, HCA, HCS; SPR"),
    ("information", "HEV, HPD, HAA, HTD, HKD; HAC, PTK"),
    ("signatures", "HVU, HVZ, HVD, HVT, HVE, HVS"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What the bank's database does not know.

    Attributes:
        hashes: by title, the hash of each of its keys as one version shows it.
        modes: sentences about how it was started.
    """

    hashes: Mapping[str, str] = field(default_factory=dict)
    modes: Sequence[str] = ()


def modes(*, admit: bool, strict: bool, trust: Path | None) -> list[str]:
    """How the bank was started, in sentences."""
    return [
        "Any user id of the partner is enrolled, and active as soon as its keys have arrived (--admit)."
        if admit
        else "Users wait for the clerk, who is you (--admit does without).",
        "It takes only what the specification says (--strict)."
        if strict
        else "It understands the ways of real clients too (--strict does not).",
        *([f"It takes only keys in certificates that the authorities in {trust} issued (--trust)."] if trust else []),
    ]


def describe(told: Facts, *, folder: Path, running: Running | None = None) -> str:
    """Everything a newcomer needs."""
    parts = [_greeting(told, running), _address(told, folder), _steps(told, folder, running), _services(told)]
    return "\n\n".join("\n".join(part) for part in (*parts, _money(told), _practice(told))) + "\n"


def _greeting(told: Facts, running: Running | None) -> list[str]:
    return [
        f"{told.bank}: a bank to practise with, on this machine only. It speaks {_spoken()}.",
        f"Its business date is {told.date:%A, %d %B %Y}; `electra bank clock` moves it.",
        *(running.modes if running else ()),
    ]


def _address(told: Facts, folder: Path) -> list[str]:
    return [
        "What an EBICS client is told:",
        f"  URL      {told.https}   (or {told.http}, which needs no CA)",
        f"  CA       {folder / 'ca.pem'}",
        f"  host     {told.host}",
        f"  partner  {told.partner}",
        *_aligned([("  users" if not number else "", _person(user)) for number, user in enumerate(told.users)]),
        *(f"  also     {_person(user)} of the customer {user.partner}" for user in told.guests),
        f"  version  {' or '.join(f'{each.protocol} (release {each.release})' for each in VERSIONS.values())}",
        f"  keys     A005 or A006, X002, E002, RSA of {max(each.key_bits[0] for each in VERSIONS.values())} bits or more",
    ]


def _aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{label:<11}{words}" for label, words in rows]


def _steps(told: Facts, folder: Path, running: Running | None) -> list[str]:
    data = f"--data {quote(str(folder))}"
    user = next((each.user for each in told.users), "ANNA")
    lines = [
        "How it connects:",
        "  1. Send INI and HIA (or H3K).",
        f"  2. Activate the user: electra bank activate {data} --user {user}",
        "     With --hash, once for each key of its letter, the bank compares the letter first. With --admit it is active already.",
        "  3. Fetch the bank's keys with HPB, and compare their hashes:",
    ]
    lines += [f"       {title:<42}{value}" for title, value in (running.hashes if running else {}).items()]
    lines += [
        f"     They stand in {folder / 'bank-letter.txt'} too.",
        f"  4. Fetch HTD: it lists what {user} may send and fetch. Send an order, then fetch HAC: it tells what became of it.",
        f"  What went over the line, decrypted and explained: electra bank log {data} --follow",
    ]
    return lines


def _services(told: Facts) -> list[str]:
    rows = [
        (row.direction, row.service, row.option, row.message, row.container, row.order_type, row.description)
        for row in told.services
    ]
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(6)]
    return [
        "What may be sent and fetched: BTF (any scope), then the order type of EBICS 2.5 that means the same:",
        *(
            "  " + " ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)) + f"  {row[-1]}"
            for row in rows
        ),
        "Order types that are the same in both versions:",
        *(f"  {title:<13}{types}" for title, types in _ADMINISTRATIVE),
        "`order-types.toml` beside the CA file holds the order types that only this bank has.",
    ]


def _money(told: Facts) -> list[str]:
    return [
        f"Accounts of {told.company}:",
        *(
            f"  {format_account(each.account)}  {each.currency}  "
            f"{format_amount(Decimal(each.balance), each.currency)}  {each.name}"
            for each in told.accounts
        ),
    ]


def _practice(told: Facts) -> list[str]:
    return [
        "Payments to these accounts are always refused, to practise with:",
        *(f"  {format_account(row.account)}  {row.currency}  {row.reason}  {row.text}" for row in told.trouble),
        "",
        "Names that are easily mistaken, to practise having names checked (VOI):",
        *(f"  {format_account(row.account)}  {row.currency}  {row.name}" for row in told.payees),
    ]


def _person(user: UserLine) -> str:
    return f"{user.user} ({user.name}, {user.state}, signs as {user.level})"


def _spoken() -> str:
    # HEV prints releases as 03.00; people say 3.0.
    return " and ".join(
        f"EBICS {each.release.strip('0').ljust(3, '0')} ({each.protocol})" for each in VERSIONS.values()
    )
