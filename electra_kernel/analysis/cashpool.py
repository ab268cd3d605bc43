"""Cash pools: which transfers bring every account to its target, and what pooling without transfers is worth.

Exact decimals throughout. One pool has one currency; positions come from ``position.position``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext

from electra_kernel.vocabulary.errors import ElectraError

#: Digits that a sum of the ledger's decimal(38, 5) and a rate can have; nothing is rounded on the way.
_DIGITS = 80


class CashPoolError(ElectraError):
    """A pool that cannot be swept as it is described."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One sweep: ``amount``, positive, from an account to another; one of the two is the pool's header."""

    debtor: str
    creditor: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Sweep:
    """A proposal.

    Attributes:
        transfers: surpluses to the header first, then what the header gives, each in the order of the accounts.
        after: every account's balance once all transfers are booked; sums to the same as before.
        left: why an account stays away from its target, by account.
    """

    transfers: tuple[Transfer, ...]
    after: Mapping[str, Decimal]
    left: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Book:
    """A proposal in the making."""

    least: Decimal
    after: dict[str, Decimal]
    left: dict[str, str] = field(default_factory=dict)
    transfers: list[Transfer] = field(default_factory=list)


def sweep(
    positions: Mapping[str, Decimal],
    *,
    header: str,
    targets: Mapping[str, Decimal] | None = None,
    least: Decimal = Decimal(0),
    multiple: Decimal | None = None,
    two_way: bool = True,
    header_floor: Decimal | None = None,
) -> Sweep:
    """Propose the transfers of a zero- or target-balancing pool.

    Args:
        positions: balance by account, all in one currency, the header's among them.
        header: the account that takes surpluses and covers deficits.
        targets: the balance an account is brought to; zero where none is named.
        least: transfers below this are left out.
        multiple: transfers are whole multiples of it (rounded towards nothing).
        two_way: whether the header covers deficits too.
        header_floor: the header gives no more than keeps it at this balance; deficits are then covered in the order of
            ``positions``, the last in part. ``None`` lets it go as low as needed.

    Raises:
        CashPoolError: no header, a target of an unknown account, an amount that is not a Decimal, a useless multiple.
    """
    targets = targets or {}
    _check(positions, header, targets, multiple)
    book = _Book(least, dict(positions))
    with localcontext(prec=_DIGITS):
        wanted = {a: balance - targets.get(a, Decimal(0)) for a, balance in positions.items() if a != header}
        for account, surplus in wanted.items():
            if surplus > 0:
                _move(book, account, Transfer(account, header, _whole(surplus, multiple)))
        for account, surplus in wanted.items():
            if surplus < 0 and not two_way:
                book.left[account] = "The pool takes surpluses only."
            elif surplus < 0:
                amount = _affordable(-surplus, account, book, header, header_floor)
                _move(book, account, Transfer(header, account, _whole(amount, multiple)))
    return Sweep(tuple(book.transfers), book.after, book.left)


def notional_benefit(
    balances: Iterable[Decimal],
    *,
    credit_rate: Decimal,
    debit_rate: Decimal,
    days: int,
    days_in_year: int,
    decimals: int = 2,
) -> Decimal:
    """What netting balances for interest is worth: min(ΣCredit, ΣDebit)·(rd − rc)·t, rounded half up.

    Args:
        balances: of all accounts, in one currency, held for ``days``.
        credit_rate, debit_rate: a year's rates as fractions.
        days, days_in_year: t = days / days_in_year.
        decimals: digits after the point of the result.
    """
    held = list(balances)
    with localcontext(prec=_DIGITS):
        credit = sum((balance for balance in held if balance > 0), Decimal(0))
        debit = -sum((balance for balance in held if balance < 0), Decimal(0))
        exact = min(credit, debit) * (debit_rate - credit_rate) * days / days_in_year
        return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _check(
    positions: Mapping[str, Decimal], header: str, targets: Mapping[str, Decimal], multiple: Decimal | None
) -> None:
    if header not in positions:
        raise CashPoolError(f"The header {header} is not among the positions.", repair="Name one of the accounts.")
    if unknown := sorted(targets.keys() - positions.keys()):
        raise CashPoolError(
            f"There is a target for {unknown[0]}, which is not in the pool.", repair="Remove the target."
        )
    if header in targets:
        raise CashPoolError("The header has no target: it holds what the others leave.", repair="Use header_floor.")
    for account, balance in (*positions.items(), *targets.items()):
        if not isinstance(balance, Decimal) or not balance.is_finite():
            raise CashPoolError(
                f"The position of {account} is not an exact amount.",
                cause=f"it is {balance!r}.",
                repair="Leave out accounts without a balance, and give Decimals.",
            )
    if multiple is not None and multiple <= 0:
        raise CashPoolError("A sweep multiple is above zero.", repair="Leave it out, or give one such as 1000.")


def _affordable(amount: Decimal, account: str, book: _Book, header: str, floor: Decimal | None) -> Decimal:
    if floor is None or book.after[header] - amount >= floor:
        return amount
    book.left[account] = "The header has too little to cover it."
    return max(book.after[header] - floor, Decimal(0))


def _whole(amount: Decimal, multiple: Decimal | None) -> Decimal:
    return amount if multiple is None else amount // multiple * multiple


def _move(book: _Book, child: str, transfer: Transfer) -> None:
    """Book a transfer, or leave it out where it is nothing or below the least."""
    if transfer.amount <= 0:
        return
    if transfer.amount < book.least:
        book.left.setdefault(child, "The transfer would be below the least amount.")
        return
    book.after[transfer.debtor] -= transfer.amount
    book.after[transfer.creditor] += transfer.amount
    book.transfers.append(transfer)
