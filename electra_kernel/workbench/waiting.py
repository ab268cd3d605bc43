"""Orders that wait at the bank for signatures: which, what they pay, and this user's signature or no (EBICS 3.0.2, chapter 8).

The rule: nobody signs what was not shown. The original bytes are fetched, must have the hash the bank names, and are shown;
only then is that hash signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd

from electra_kernel import formats
from electra_kernel.channels.base import ChannelError
from electra_kernel.ebics import eds
from electra_kernel.ebics.client import Download
from electra_kernel.ebics.errors import BankRefusal, EbicsError
from electra_kernel.ebics.signature import OrderSignature, order_digest, raw_digest
from electra_kernel.orders.model import Order
from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.errors import ElectraError, UnreadableFile
from electra_kernel.vocabulary.money import format_amount
from electra_kernel.vocabulary.text import escape, html_table
from electra_kernel.workbench.passwords import PasswordSource

if TYPE_CHECKING:
    from electra_kernel.store import Store
    from electra_kernel.workbench.connections import Connection, Conversation

#: The bank says that this user's signature is there already.
_SIGNED_BEFORE = "091306"
#: How much of an order in no known format is shown as text.
_SHOWN_BYTES = 4000
_COLUMNS = ["order", "service", "total", "currency", "payments", "sender", "sent", "signed by", "missing", "connection"]
_PAYMENTS = ["payee", "account", "amount", "currency", "date", "remittance"]


class OrderDiffers(ElectraError):
    """The order the bank gives is not the one whose hash it wants signed."""


class NotShownYet(ElectraError):
    """Nobody signs what was not shown."""


@dataclass(frozen=True)
class OriginalOrder:
    """An order as its sender sent it: the bytes, and what they say where the format is known."""

    title: str
    data: bytes
    orders: tuple[Order, ...]

    def table(self) -> pd.DataFrame:
        """Its payments, one row each: payee, account, amount, currency, date, remittance."""
        return pd.DataFrame(self._rows(), columns=_PAYMENTS)

    def _rows(self) -> list[tuple[object, ...]]:
        return [
            (
                payment.counterparty.name,
                format_account(payment.counterparty.account),
                payment.amount.amount,
                payment.amount.currency,
                order.execution_date,
                payment.remittance or payment.structured_reference,
            )
            for order in self.orders
            for payment in order.transactions
        ]

    def _facts(self) -> list[str]:
        return [
            f"From {order.debtor.name}, {format_account(order.debtor.account)}, on {order.execution_date}: "
            f"{len(order.transactions)} payments, {format_amount(order.control_sum, order.currency)} {order.currency}"
            for order in self.orders
        ]

    def _text(self) -> str:
        return self.data[:_SHOWN_BYTES].decode("utf-8", "replace")

    def __repr__(self) -> str:
        body = self.table().to_string(index=False) if self.orders else self._text()
        lines = "\n".join([self.title, *self._facts(), body])
        return "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in lines)

    def _repr_html_(self) -> str:
        facts = "".join(f"<div>{escape(fact)}</div>" for fact in self._facts())
        if not self.orders:
            return f"<div>{escape(self.title)}</div><pre>{escape(self._text())}</pre>"
        return facts + html_table(_PAYMENTS, self._rows(), caption=self.title)


class WaitingItem:
    """One order that waits, as one connection's user sees it: ``show`` it, then ``sign`` or ``cancel``.

    ``told`` is what the bank said when the list was made.
    """

    def __init__(self, connection: Connection, store: Store, told: eds.WaitingOrder) -> None:
        self.connection, self._store, self.told = connection, store, told

    @property
    def id(self) -> str:
        """The bank's id of the order."""
        return self.told.order_id

    @property
    def for_me(self) -> bool:
        """Whether this user's signature is what it waits for; else it waits for others'."""
        return self.told.ready

    @property
    def missing(self) -> int:
        """How many signatures it still needs."""
        return max(self.told.required - self.told.done, 0)

    def show(self) -> OriginalOrder:
        """Fetch the original order, check it against the hash that is to be signed, and show it.

        Raises:
            OrderDiffers: the bytes are not those of the hash; nothing is shown and nothing can be signed.
            EbicsError, ChannelError: the bank does not give it.
        """
        with self.connection.conversation() as talk:
            data = self._original(talk)
        return self._shown(data)

    def sign(self, *, ask: PasswordSource | None = None) -> WaitingItem:
        """Sign the order that was shown, at the bank. With the last signature the bank carries it out.

        Args:
            ask: where the password comes from instead of the workbench's own way.

        Raises:
            NotShownYet: look at it first.
            OrderDiffers: what the bank holds now is not what was shown.
            WrongPassword: nothing was done; try again.
            BankRefusal: signed before, cancelled, complete, or no right to it.
        """
        if not self._noted("waiting-shown"):
            raise NotShownYet(f"You have not looked at the order {self.id} yet.", repair="Run item.show(), then sign.")
        if not self.for_me:
            raise ElectraError(
                f"You have signed the order {self.id} already.",
                cause=f"{self.missing} signature{'' if self.missing == 1 else 's'} of others are missing.",
                repair="Let another user sign.",
            )
        self._decide("signed", ask)
        return self

    def cancel(self, *, ask: PasswordSource | None = None) -> WaitingItem:
        """Give the order up at the bank: for everybody, and for good. Asks for the password, as signing does.

        Raises:
            WrongPassword: nothing was done; try again.
            BankRefusal: it is complete or cancelled already, or this user has no right to it.
        """
        self._decide("cancelled", ask)
        return self

    def _decide(self, done: str, ask: PasswordSource | None) -> None:
        record, told = self.connection.record, self.told
        key = self.connection.ask_signing_key(ask)
        about = (told.originator.partner_id, told.order_id, told.service, told.digest)
        with self._store.lock(f"waiting-{self._subject}"), self.connection.conversation() as talk:
            if done == "signed":
                self._original(talk)  # once more: what is signed is what is there now
            value = key.sign(told.digest, record.signature_version)
            signature = OrderSignature(record.signature_version, value, record.partner, record.user)
            client = talk.client
            step = client.add_signature if done == "signed" else client.cancel_order
            tried = self._noted(f"waiting-{done}-sending")
            self._note(f"waiting-{done}-sending")
            try:
                talk.run(step(*about, signature))
            except BankRefusal as refusal:
                # An earlier attempt, whose answer was lost, did arrive.
                if not (tried and refusal.code == _SIGNED_BEFORE):
                    raise
        self._note(f"waiting-{done}")

    def _original(self, talk: Conversation) -> bytes:
        told = self.told
        download = talk.client.order_transactions(
            told.originator.partner_id, told.order_id, told.service, complete=True
        )
        data = _fetch(talk, download)
        if data is None or told.digest not in (order_digest(data), raw_digest(data)):
            raise OrderDiffers(
                f"The order {self.id} that the bank gives is not the one it wants signed.",
                where=self.connection.name,
                cause="its bytes do not have the hash the bank names.",
                repair="Sign nothing. Ask the sender and the bank.",
            )
        return data

    def _shown(self, data: bytes) -> OriginalOrder:
        sha = self._store.archive.put(data, name=f"{self.connection.name}-{self.id}.xml")
        try:
            orders = formats.read(data, sha).orders
        except UnreadableFile:
            orders = ()
        self._note("waiting-shown", sha256=sha)
        sender = self.told.originator
        title = f"Order {self.id}, {self.told.service}, sent by {sender.user_id} of {sender.partner_id}"
        return OriginalOrder(title, data, orders)

    @property
    def _subject(self) -> str:
        # The digest too: a bank may use an id again.
        return f"waiting:{self.connection.name}:{self.told.originator.partner_id}:{self.id}:{self.told.digest.hex()}"

    def _noted(self, kind: str) -> bool:
        return bool(self._store.journal.events(subject=self._subject, kind=kind))

    def _note(self, kind: str, **data: str) -> None:
        self._store.journal.append(self._subject, kind, {"order": self.id, "user": self.connection.record.user, **data})

    def row(self) -> tuple[object, ...]:
        """The order in the columns of ``ToSign``."""
        told, sender = self.told, self.told.originator
        return (
            self.id,
            str(told.service),
            told.total,
            told.currency,
            told.count,
            f"{sender.name or sender.user_id} ({sender.user_id} of {sender.partner_id})",
            sender.at,
            ", ".join(f"{each.user_id} ({each.level})" for each in told.signers),
            self.missing,
            self.connection.name,
        )

    def __repr__(self) -> str:
        total = "" if self.told.total is None else f", {_plain(self.told.total, self.told.currency)}"
        whom = "you" if self.for_me else "others"
        return f"Order {self.id} ({self.told.service}{total}) waits for {whom}; {self.missing} signatures missing"

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS, [self.row()], caption=f"Order {self.id}")


class ToSign(Mapping[str, WaitingItem]):
    """Orders that wait, by their id at the bank: those that wait for the user, and those that wait for others.

    Where one id stands for several orders, each is found as ``connection:id``.
    """

    def __init__(self, items: Iterable[WaitingItem]) -> None:
        found = list(items)
        ids = [item.id for item in found]
        self._items = {
            item.id if ids.count(item.id) == 1 else f"{item.connection.name}:{item.id}": item for item in found
        }

    @property
    def mine(self) -> pd.DataFrame:
        """What waits for this user: order, service, total, currency, payments, sender, sent, signed by, missing, connection."""
        return pd.DataFrame(self._rows(for_me=True), columns=_COLUMNS)

    @property
    def others(self) -> pd.DataFrame:
        """What this user has signed and others have still to; columns as ``mine``."""
        return pd.DataFrame(self._rows(for_me=False), columns=_COLUMNS)

    def _rows(self, *, for_me: bool) -> list[tuple[object, ...]]:
        return [(key, *item.row()[1:]) for key, item in self._items.items() if item.for_me is for_me]

    def __getitem__(self, order_id: str) -> WaitingItem:
        try:
            return self._items[order_id]
        except KeyError:
            raise NoSuchWaitingOrder(order_id, list(self._items)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        parts = [
            f"{title}\n{frame.to_string(index=False) if len(frame) else 'nothing'}" for title, frame in self._tables()
        ]
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        return "".join(
            html_table(_COLUMNS, list(frame.itertuples(index=False)), caption=title)
            if len(frame)
            else f"<div>{escape(title)}: nothing.</div>"
            for title, frame in self._tables()
        )

    def _tables(self) -> Sequence[tuple[str, pd.DataFrame]]:
        return (("Waits for you", self.mine), ("Waits for others", self.others))


class NoSuchWaitingOrder(ElectraError, KeyError):
    """No order with this id waits."""

    def __init__(self, order_id: str, known: Sequence[str]) -> None:
        super().__init__(
            f"No order {order_id!r} waits for signatures.",
            cause="it was completed or cancelled, or never was there.",
            repair=f"Waiting are: {', '.join(known)}." if known else "Nothing waits now.",
        )


def waiting_items(connection: Connection, store: Store) -> tuple[WaitingItem, ...]:
    """Every order at this bank that waits for signatures this user may give (HVZ)."""
    with connection.conversation() as talk:
        data = _fetch(talk, talk.client.waiting_orders(details=True))
    if data is None:
        return ()
    listed = eds.read_waiting(data, connection.version, connection.order_types)
    return tuple(WaitingItem(connection, store, told) for told in listed)


def _fetch(talk: Conversation, download: Download) -> bytes | None:
    """What the bank has. The receipt only frees the bank: nothing of this is handed out once."""
    talk.run(download)
    if download.data is not None:
        with suppress(ChannelError, EbicsError):
            talk.acknowledge(download)
    return download.data


def _plain(amount: Decimal, currency: str) -> str:
    return f"{format_amount(amount, currency)} {currency}".strip() if currency else f"{amount:f}"
