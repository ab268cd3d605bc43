"""Closing a day: what was booked becomes a statement of each account, with true balances, ready to be fetched.

What may live here: statements out of the books and their files. No booking.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL, Connection, func, select, type_coerce

from electra_kernel.bank.database import (
    Amount,
    accounts,
    bookings,
    documents,
    get_fact,
    insert_row,
    postings,
    statements,
)
from electra_kernel.bank.ledger import Account, customer_accounts, entries_of
from electra_kernel.formats import camt053, mt940
from electra_kernel.statements.model import Balance, Statement
from electra_kernel.vocabulary.errors import ElectraError

MESSAGE, MT940 = "camt.053", "mt940"
#: The forms of a statement, and how the names of their files end.
FORMS = {MESSAGE: "xml", MT940: "sta"}
#: When the bank makes its statements, UTC.
_CLOSING_TIME = time(21, 0, tzinfo=UTC)


class BooksBroken(ElectraError):
    """A closing balance that the entries do not explain: the day is not closed."""


def close_day(connection: Connection, day: date) -> int:
    """Make the statements of a business day, one for each customer's account.

    Returns:
        how many entries they hold.

    Raises:
        BooksBroken: opening balance and entries do not give the balance of the books.
    """
    count = 0
    for account in customer_accounts(connection):
        statement = _close(connection, account, day)
        count += len(statement.entries)
    return count


def _close(connection: Connection, account: Account, day: date) -> Statement:
    opening, sequence = _before(connection, account, day)
    closing = _booked_until(connection, account, day, inclusive=True)
    created = datetime.combine(day, _CLOSING_TIME)
    key = insert_row(
        connection,
        statements,
        account=account.id,
        sequence=sequence,
        day=day,
        opening=opening,
        closing=closing,
        created=created,
    )
    statement = read_statement(connection, key)
    if opening + sum((entry.amount for entry in statement.entries), Decimal(0)) != closing:
        raise BooksBroken(f"The entries of {account.number} on {day} do not explain its balance {closing}.")
    for form, ending in FORMS.items():
        connection.execute(
            documents.insert().values(
                partner_id=account.partner_id,
                message=form,
                day=day,
                created=created,
                name=f"{day:%Y-%m-%d}_{form}_{account.number}_{sequence:05d}.{ending}",
                data=write_file(connection, [statement], form),
                statement=key,
            )
        )
    return statement


def _before(connection: Connection, account: Account, day: date) -> tuple[Decimal, int]:
    """The last statement's closing balance and the next sequence number."""
    last = connection.execute(
        select(statements).where(statements.c.account == account.id).order_by(statements.c.sequence.desc()).limit(1)
    ).one_or_none()
    if last is None:
        return _booked_until(connection, account, day, inclusive=False), 1
    return last.closing, last.sequence + 1


def _booked_until(connection: Connection, account: Account, day: date, *, inclusive: bool) -> Decimal:
    total = type_coerce(func.coalesce(func.sum(postings.c.amount), 0), Amount)
    query = select(total).join(bookings, bookings.c.id == postings.c.booking).where(postings.c.account == account.id)
    value = connection.scalar(query.where(bookings.c.day <= day if inclusive else bookings.c.day < day))
    return Decimal(0) if value is None else value


def read_statement(connection: Connection, key: int) -> Statement:
    """A statement out of the books, as it was when the day was closed."""
    row: Any = connection.execute(
        select(statements, accounts)
        .join(accounts, accounts.c.id == statements.c.account)
        .where(statements.c.id == key)
        .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    ).one()
    account = Account(
        row.accounts_id,
        row.accounts_number,
        row.accounts_currency,
        row.accounts_name,
        row.accounts_owner,
        row.accounts_partner_id or "",
    )
    day = row.statements_day
    return Statement(
        identification=f"{day:%Y%m%d}-{account.id}-{row.statements_sequence}",
        account=account.number,
        currency=account.currency,
        balances=(
            Balance(kind="OPBD", amount=row.statements_opening, currency=account.currency, date=day),
            Balance(kind="CLBD", amount=row.statements_closing, currency=account.currency, date=day),
        ),
        entries=entries_of(connection, account, day),
        sequence=row.statements_sequence,
        created=row.statements_created,
        from_date=day,
        to_date=day,
        owner=account.owner,
        bank_bic=get_fact(connection, "bic"),
    )


def write_file(connection: Connection, made: Sequence[Statement], form: str = MESSAGE) -> bytes:
    """One camt.053 or MT940 of one or several statements; the same statements always give the same bytes."""
    if form == MT940:
        return mt940.write(made)
    first, last = made[0], made[-1]
    message_id = f"{get_fact(connection, 'bic')}-{first.identification}"
    if len(made) > 1:
        message_id = f"{message_id}+{len(made) - 1}"
    created = last.created or datetime.combine(date.min, _CLOSING_TIME)
    return camt053.write(made, message_id=message_id, created=created)
