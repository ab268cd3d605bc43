"""Orders in the workbench: made from files or forms, checked, signed, and followed by their events.

What may live here: the collection and one order's own steps. Sending and following are in ``sending``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from electra_kernel import formats
from electra_kernel.ebics.signature import OrderSignature, order_digest
from electra_kernel.formats import pain001, payments
from electra_kernel.formats.payments import ColumnMap
from electra_kernel.orders.kinds import KINDS, TRANSFERS, kind_for
from electra_kernel.orders.lifecycle import EDITABLE_STATES, EventKind, OrderEvent, State, state_of
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.orders.rulebooks import check
from electra_kernel.printing import order_pdf
from electra_kernel.store import OrderRecord, Store
from electra_kernel.vocabulary.accounts import format_account, parse_account
from electra_kernel.vocabulary.dates import BusinessCalendar
from electra_kernel.vocabulary.errors import ElectraError, Problem
from electra_kernel.vocabulary.money import format_amount
from electra_kernel.vocabulary.parties import Party
from electra_kernel.vocabulary.text import html_table
from electra_kernel.workbench import namechecks, sending
from electra_kernel.workbench.containers import only_file
from electra_kernel.workbench.files import archive_file, problem_frame, read_file
from electra_kernel.workbench.ownformats import own_formats
from electra_kernel.workbench.passwords import PasswordSource
from electra_kernel.workbench.timeline import timeline

if TYPE_CHECKING:
    from electra_kernel.signing.passwordkey import PasswordKey
    from electra_kernel.workbench.connections import Connection
    from electra_kernel.workbench.workbench import Workbench

#: The message version in which orders are sent.
VERSION = pain001.USUAL

_SIGNABLE = frozenset({State.READY, State.PART_SIGNED})


class NoUsablePayments(ElectraError):
    """Not one line of the file can be paid; ``problems`` says why, line by line."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = str(self.problems[0]) if self.problems else "it has no payments."
        super().__init__(
            "The file has no payment that can be made.",
            where=source,
            cause=f"{len(self.problems)} problems; the first: {first}",
            repair="Correct the file and read it again.",
        )


class OrderNotReady(ElectraError):
    """The order is not in a state for this step."""


class TrackedOrder:
    """One order of the workbench: its value, its events, and what can be done with it.

    The bytes that are signed and sent are fixed when the order is made; ``order`` is read back from them.
    """

    def __init__(self, workbench: Workbench, order_id: str) -> None:
        self._workbench, self._store, self.id = workbench, workbench.store, order_id
        self._value: tuple[str, Order] | None = None

    @property
    def record(self) -> OrderRecord:
        """The order's row in the database."""
        return self._store.orders.get(self.id)

    @property
    def connection(self) -> Connection:
        """The connection the order goes through: the one it names, else the only one there is.

        Raises:
            ElectraError: it names none, and there is none or more than one.
        """
        return self._workbench.connections.default(self.record.connection or None)

    @property
    def document(self) -> bytes:
        """The exact bytes that are signed and sent (pain.001)."""
        return self._store.archive.get(self.record.document)

    @property
    def order(self) -> Order:
        """The order as a value, read again once another program has changed it."""
        record = self.record
        if self._value is None or self._value[0] != record.document:
            self._value = (record.document, self._read(record))
        return self._value[1]

    def _read(self, record: OrderRecord) -> Order:
        (order,) = pain001.read(self._store.archive.get(record.document), self.id).orders
        lines = json.loads(
            self._store.archive.get(self._latest(EventKind.EDITED, EventKind.CREATED).data["lines_file"])
        )
        placed = (replace(item, position=line) for item, line in zip(order.transactions, lines, strict=True))
        return replace(order, kind=record.kind, transactions=tuple(placed))

    @property
    def digest(self) -> bytes:
        """The 32-byte hash that signatures cover (EBICS 3.0.2, chapter 14)."""
        return order_digest(self.document)

    @property
    def status(self) -> State:
        """Where the order is, derived from everything that happened to it."""
        return state_of(self.history)

    @property
    def history(self) -> list[OrderEvent]:
        """Everything that happened to the order, oldest first."""
        return self._store.orders.events(self.id)

    @property
    def bank_id(self) -> str:
        """The bank's id of the order; empty until it is known to have arrived, or where the bank told none."""
        arrived = [event.data.get("order_id", "") for event in self.history if event.kind is EventKind.RECEIVED]
        return str(arrived[-1]) if arrived else ""

    def events(self) -> pd.DataFrame:
        """The order's history in plain words, oldest first: at, event, what."""
        return timeline(self.history)

    # -- checking and correcting -------------------------------------------------------------------------------------

    def check(self) -> pd.DataFrame:
        """Every problem that must be solved before signing: one row each; empty when the order may be signed.

        Columns: source, position (line), field, rule, text, repair, severity.
        """
        errors = [problem for problem in self._problems() if problem.severity == "error"]
        self.note(EventKind.CHECKED, problems=len(errors))
        return problem_frame(errors)

    def warnings(self) -> pd.DataFrame:
        """What is worth a look but does not hinder signing, in the columns of ``check``."""
        return problem_frame([problem for problem in self._problems() if problem.severity == "warning"])

    def leave_out_problems(self) -> int:
        """Leave out every line that has an error and keep the good ones; returns how many lines were left out.

        The original file stays in the archive. Where lines are left out, signatures become void.

        Raises:
            OrderNotReady: the order has gone to the bank already.
            NoUsablePayments: no line would be left.
        """
        with self._store.lock(f"order-{self.id}"):
            self._must_be(EDITABLE_STATES, "changed")
            errors = [problem for problem in self._problems() if problem.severity == "error"]
            lines = {problem.position for problem in errors if problem.position is not None}
            if not lines:
                return 0
            kept = tuple(item for item in self.order.transactions if item.position not in lines)
            if not kept:
                raise NoUsablePayments(self.record.source_name, errors)
            archived = archive_order(self._store, replace(self.order, transactions=kept))
            self._store.orders.replace_document(
                self.id, str(archived["document"]), event={**archived, "left_out": len(lines)}
            )
        return len(lines)

    def _problems(self) -> list[Problem]:
        record = self.record
        kind = KINDS[record.kind]
        found = self._unread_lines() + self._workbench.orders.already_read(record)
        return found + check(
            self.order,
            today=self._workbench.today(),
            calendar=BusinessCalendar(kind.calendar),
            source=record.source_name,
        )

    def _unread_lines(self) -> list[Problem]:
        """Problems of lines that never became a transaction, until the user leaves them out."""
        sha = self._latest(EventKind.EDITED, EventKind.CREATED).data.get("problems_file")
        return [Problem(**row) for row in json.loads(self._store.archive.get(sha))] if sha else []

    def _latest(self, *kinds: EventKind) -> OrderEvent:
        return next(event for event in reversed(self.history) if event.kind in kinds)

    # -- signing and sending -----------------------------------------------------------------------------------------

    def sign(self, *, connection: str | None = None, ask: PasswordSource | None = None) -> TrackedOrder:
        """Check the order, ask for the password, and sign the exact bytes that will be sent.

        Args:
            connection: whose signature; the order's own connection, or the only one, by default.
            ask: where the password comes from instead of the workbench's own way.

        Raises:
            OrderNotReady: it has problems, is signed by this user already, or has gone to the bank.
            WrongPassword: nothing was done; try again.
        """
        line = self._workbench.connections.default(connection or self.record.connection or None)
        document = self.record.document
        self._may_be_signed_by(line)
        required = sending.signatures_needed(line, self.record.kind)
        key = line.ask_signing_key(ask)
        with self._store.lock(f"order-{self.id}"):
            self._must_be(_SIGNABLE, "signed")
            if self.record.document != document:
                raise OrderNotReady(
                    f"The order {self.id} was changed while you signed it.", repair="Look at it again, then sign."
                )
            self._note_signature(line, key, required)
        return self

    def _may_be_signed_by(self, line: Connection) -> None:
        user = line.record.user
        if not line.record.certificates:
            raise OrderNotReady(f"{user} has no keys at {line.name} yet.", repair=f"{line.next_step}.")
        problems = self.check()
        if len(problems):
            raise OrderNotReady(
                f"The order {self.id} has {len(problems)} problems.",
                cause=str(problems.iloc[0]["text"]),
                repair="See order.check(); correct the file, or leave the lines out with order.leave_out_problems().",
            )
        self._must_be(_SIGNABLE, "signed")
        if user in self.signers:
            raise OrderNotReady(f"{user} has signed the order {self.id} already.", repair="Let another user sign.")

    def _note_signature(self, line: Connection, key: PasswordKey, required: int) -> None:
        scheme, digest = line.record.signature_version, self.digest
        value = base64.b64encode(key.sign(digest, scheme)).decode()
        self.note(
            EventKind.SIGNED,
            user=line.record.user,
            partner=line.record.partner,
            connection=line.name,
            required=required,
            scheme=scheme,
            digest=digest.hex(),
            value=value,
        )

    @property
    def signatures(self) -> tuple[OrderSignature, ...]:
        """The signatures that hold: those made since the last edit, whatever became of the connections they were made on.

        ``partner_id`` is empty of one made before this was noted with it, on a connection that was removed since.
        """
        return tuple(
            OrderSignature(
                version=data["scheme"],
                value=base64.b64decode(data["value"]),
                partner_id=data.get("partner") or self._partner_at(data["connection"]),
                user_id=data["user"],
            )
            for data in self._signed_since_edit()
        )

    def _partner_at(self, connection: str) -> str:
        record = self._store.connections.find(connection)
        return record.partner if record else ""

    @property
    def signers(self) -> tuple[str, ...]:
        """Who signed, in order."""
        return tuple(data["user"] for data in self._signed_since_edit())

    def _signed_since_edit(self) -> list[Mapping[str, str]]:
        held: list[Mapping[str, str]] = []
        for event in self.history:
            if event.kind in (EventKind.CREATED, EventKind.EDITED):
                held = []
            elif event.kind is EventKind.SIGNED:
                held.append(event.data)
        return held

    def send(self, *, check_names: bool | None = None) -> TrackedOrder:
        """Send the signed order, exactly once however often this is called; see ``sending.send``.

        Args:
            check_names: whether the bank checks the names of payees and waits for ``release()`` before it pays.
        """
        sending.send(self._workbench, self, check_names=check_names)
        return self

    @property
    def checks_names(self) -> bool:
        """Whether the order was sent so that the bank checks the names of payees first."""
        return namechecks.choice(self.history)

    def name_checks(self) -> pd.DataFrame:
        """What the bank found out about each payee: payee, account, amount, currency, result, held name.

        Raises:
            NamesNotCheckedYet: the bank has told nothing; ``follow()`` asks.
        """
        return namechecks.name_checks(self)

    def release(self, *, ask: PasswordSource | None = None) -> TrackedOrder:
        """Let the bank pay an order whose names it has checked: asks for the password and signs it there (HVE).

        Args:
            ask: where the password comes from instead of the workbench's own way.

        Raises:
            NamesNotCheckedYet: the bank has not told its result.
            NothingToDecide: the order does not wait at the bank.
            WrongPassword: nothing was done; try again.
        """
        namechecks.release(self, ask)
        return self

    def cancel_at_bank(self, *, ask: PasswordSource | None = None) -> TrackedOrder:
        """Give up, as a whole and for good, an order that waits at the bank: asks for the password (HVS).

        Raises:
            NothingToDecide: the order does not wait at the bank.
            WrongPassword: nothing was done; try again.
        """
        namechecks.cancel(self, ask)
        return self

    def archived(self, sha: str) -> bytes:
        """A file of the order's history, such as the bank's report, by its SHA-256 in ``events()``."""
        return self._store.archive.get(sha)

    def follow(self) -> State:
        """Ask the bank for news of its orders (HAC, pain.002) and return this order's state."""
        sending.follow(self._workbench, self._workbench.connections.default(self.record.connection or None))
        return self.status

    def cancel(self) -> TrackedOrder:
        """Give the order up before it has gone to the bank.

        Raises:
            OrderNotReady: it has gone to the bank already.
        """
        with self._store.lock(f"order-{self.id}"):
            self.must_be_cancellable()
            self.note(EventKind.CANCELLED)
        return self

    def must_be_cancellable(self) -> None:
        """Pass where ``cancel`` can give the order up.

        Raises:
            OrderNotReady: it has gone to the bank already, or is cancelled.
        """
        self._must_be(EDITABLE_STATES | {State.QUEUED}, "cancelled")

    def pdf(self) -> bytes:
        """The order as a PDF."""
        return order_pdf(self.order, status=self.status.value, signers=self.signers, printed=self._workbench.clock())

    def note(self, kind: EventKind, **data: str | int) -> None:
        """Write one event of this order into the journal."""
        self._store.orders.record(self.id, kind, data)

    def _must_be(self, states: frozenset[State], done: str) -> None:
        status = self.status
        if status not in states:
            raise OrderNotReady(
                f"The order {self.id} cannot be {done}.",
                cause=f"it is {status.value}.",
                repair="See order.events() for what happened to it.",
            )

    # -- showing -----------------------------------------------------------------------------------------------------

    def _facts(self) -> list[tuple[str, str]]:
        order = self.order
        return [
            ("Order", self.id),
            ("Kind", KINDS[order.kind].title),
            ("From", f"{order.debtor.name}, {format_account(order.debtor.account)}"),
            ("Execution date", order.execution_date.isoformat()),
            ("Transactions", str(len(order.transactions))),
            ("Total", f"{format_amount(order.control_sum, order.currency)} {order.currency}"),
            ("Signed by", ", ".join(self.signers) or "nobody yet"),
            ("State", self.status.value),
        ]

    def __repr__(self) -> str:
        return "\n".join(f"{name:<15}{value}" for name, value in self._facts())

    def _repr_html_(self) -> str:
        return html_table(("", ""), self._facts(), caption=f"Order {self.id}")


def archive_order(store: Store, order: Order) -> dict[str, str | int]:
    """Archive the bytes to be signed, and beside them the line of the source file of each transaction.

    Returns:
        What the journal says of them: where they are, and the figures that tables show of an order.
    """
    lines = json.dumps([item.position for item in order.transactions]).encode()
    return {
        "document": store.archive.put(
            pain001.write(order, version=VERSION), name=f"{order.message_id}.xml", media_type="application/xml"
        ),
        "lines_file": store.archive.put(lines, name=f"{order.message_id}.lines.json", media_type="application/json"),
        "debtor": order.debtor.account,
        "execution_date": order.execution_date.isoformat(),
        "transactions": len(order.transactions),
        "total": str(order.control_sum),
        "currency": order.currency,
    }


class Orders(Mapping[str, TrackedOrder]):
    """Every order of the workbench by id, and the ways to make one."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._store = workbench, workbench.store

    def __getitem__(self, order_id: str) -> TrackedOrder:
        self._store.orders.get(order_id)
        return TrackedOrder(self._workbench, order_id)

    def __iter__(self) -> Iterator[str]:
        return (record.id for record in self._store.orders.all())

    def __len__(self) -> int:
        return len(self._store.orders.all())

    def read(
        self,
        path: str | Path,
        *,
        debtor: str | None = None,
        debtor_name: str | None = None,
        kind: str | None = None,
        execution_date: date | None = None,
        columns: ColumnMap | None = None,
        connection: str | None = None,
    ) -> TrackedOrder:
        """Make one order from a file of payments (Excel, CSV) or a pain.001 file with one order.

        Lines that cannot be read are problems in ``order.check()``, never silently dropped. The file is archived first.

        Args:
            path: the file.
            debtor: the account to debit; needed where the file names none (Excel, CSV).
            debtor_name: the account holder; by default as the bank knows it, or as in ``electra.toml``.
            kind: a key of ``KINDS``; by default told from currency and account.
            execution_date: by default the next business day from today on.
            columns: which column means what; by default told from the header.
            connection: the bank to send it to, where there are several.

        Raises:
            UnreadableFile, NoUsablePayments: nothing in the file can be used.
            ElectraError: the file holds several orders (use ``read_all``), or names no debtor.
        """
        made = self.read_all(
            path,
            debtor=debtor,
            debtor_name=debtor_name,
            kind=kind,
            execution_date=execution_date,
            columns=columns,
            connection=connection,
            limit=1,
        )
        return made[0]

    def read_all(
        self,
        path: str | Path,
        *,
        debtor: str | None = None,
        debtor_name: str | None = None,
        kind: str | None = None,
        execution_date: date | None = None,
        columns: ColumnMap | None = None,
        connection: str | None = None,
        limit: int | None = None,
    ) -> list[TrackedOrder]:
        """Make every order of a file; arguments and errors as in ``read``."""
        data, name = read_file(Path(path)), Path(path).name
        sha = archive_file(self._store, data, name)
        data, name = only_file(data, name)
        own = own_formats(self._store.folder)
        reading = payments.read(data, name, columns) if columns else formats.read(data, name, own)
        if reading.transactions:
            debit = self._debtor(debtor, debtor_name, connection)
            orders = [self._order(debit, reading.transactions, kind, execution_date)]
        else:
            orders = [self._with_new_ids(order, kind, execution_date) for order in reading.orders]
        if not orders:
            raise NoUsablePayments(name, reading.problems)
        if any(order.collects for order in orders):
            raise ElectraError(
                "The file holds collections (direct debits), which a workbench does not send.",
                where=name,
                repair="Look at it with electra read or electra check; give the file to the bank as it is.",
            )
        if limit is not None and len(orders) > limit:
            raise ElectraError(
                f"The file holds {len(orders)} orders.", where=name, repair="Read them with wb.orders.read_all(…)."
            )
        return [
            self._keep(order, connection, source=sha, name=name, problems=reading.problems if not i else ())
            for i, order in enumerate(orders)
        ]

    def new(
        self,
        transactions: Sequence[Transaction],
        *,
        debtor: str,
        debtor_name: str | None = None,
        kind: str | None = None,
        execution_date: date | None = None,
        connection: str | None = None,
    ) -> TrackedOrder:
        """Make an order from transactions, as a form does.

        Raises:
            ElectraError: no transactions, or an account that is none.
        """
        if not transactions:
            raise ElectraError("An order needs at least one payment.", repair="Add a payment.")
        order = self._order(self._debtor(debtor, debtor_name, connection), transactions, kind, execution_date)
        return self._keep(order, connection, source="", name="form", problems=())

    def outbox(self) -> list[TrackedOrder]:
        """Orders that are signed and have still to arrive at the bank."""
        return [self[order_id] for order_id, state in self._store.orders.states().items() if state in sending.WAITING]

    def send_outbox(self) -> list[TrackedOrder]:
        """Send whatever waits in the outbox; returns what has arrived."""
        return [order.send() for order in self.outbox()]

    def find(self, source: str | Path) -> TrackedOrder | None:
        """The latest order made from a file with the same bytes, or ``None``."""
        sha = self._store.archive.hash(read_file(Path(source)))
        made = [record for record in self._store.orders.all() if record.source == sha]
        return self[made[-1].id] if made else None

    def already_read(self, record: OrderRecord) -> list[Problem]:
        """A warning for each other order that was made from the same file."""
        twins = [other for other in self._store.orders.all() if record.source and other.source == record.source]
        return [
            Problem(
                source=record.source_name,
                position=None,
                field="file",
                rule="file-read-before",
                text=f"The order {twin.id} was made from the same file.",
                repair=f"Cancel this order if {twin.id} already pays it.",
                severity="warning",
            )
            for twin in twins
            if twin.id != record.id and self[twin.id].status is not State.CANCELLED
        ]

    def table(self) -> pd.DataFrame:
        """All orders: id, kind, debtor, execution date, transactions, total, currency, state."""
        rows = [_row(order) for order in self.values()]
        names = ["id", "kind", "debtor", "execution_date", "transactions", "total", "currency", "state"]
        return pd.DataFrame(rows, columns=names)

    def __repr__(self) -> str:
        return self.table().to_string(index=False) if len(self) else "No orders yet."

    def _repr_html_(self) -> str:
        table = self.table()
        return html_table(list(table.columns), table.itertuples(index=False), caption="Orders")

    def _debtor(self, account: str | None, name: str | None, connection: str | None) -> Party:
        if account is None:
            raise ElectraError(
                "The file does not say which account pays.", repair='Name it: wb.orders.read(…, debtor="HU42 …").'
            )
        number = parse_account(account)
        return Party(name=name or self._workbench.holder_of(number, connection), account=number)

    def _order(
        self, debtor: Party, transactions: Sequence[Transaction], kind: str | None, execution_date: date | None
    ) -> Order:
        code = kind or kind_for(transactions[0].amount.currency, "", debtor.account[:2]).code
        if code not in TRANSFERS:
            raise ElectraError(f"{code!r} is no kind of payment.", repair=f"Choose one of: {', '.join(TRANSFERS)}.")
        calendar = BusinessCalendar(KINDS[code].calendar)
        message_id = self._workbench.new_message_id()
        return Order(
            message_id=message_id,
            payment_id=f"{message_id}-1",
            kind=code,
            debtor=debtor,
            execution_date=execution_date or calendar.next_business_day(self._workbench.today()),
            created=self._workbench.clock().replace(microsecond=0),
            transactions=tuple(transactions),
        )

    def _with_new_ids(self, order: Order, kind: str | None, execution_date: date | None) -> Order:
        """Each order of a file becomes a message of its own: ids must not repeat at the bank."""
        message_id = self._workbench.new_message_id()
        return replace(
            order,
            message_id=message_id,
            payment_id=f"{message_id}-1",
            kind=kind or order.kind,
            execution_date=execution_date or order.execution_date,
            created=self._workbench.clock().replace(microsecond=0),
        )

    def _keep(
        self, order: Order, connection: str | None, *, source: str, name: str, problems: Sequence[Problem]
    ) -> TrackedOrder:
        archived = archive_order(self._store, order)
        data: dict[str, str | int] = {**archived, "source": source}
        if problems:
            rows = json.dumps([problem.as_row() for problem in problems], ensure_ascii=False).encode()
            data |= {
                "problems": len(problems),
                "problems_file": self._store.archive.put(rows, name=f"{name}.problems.json"),
            }
        record = self._store.orders.add(
            kind=order.kind,
            message_id=order.message_id,
            document=str(archived["document"]),
            format=VERSION,
            connection=connection,
            source=source,
            source_name=name,
            event=data,
        )
        return self[record.id]


def _row(order: TrackedOrder) -> tuple[object, ...]:
    history = order.history
    made = next(event.data for event in reversed(history) if event.kind in (EventKind.CREATED, EventKind.EDITED))
    return (
        order.id,
        order.record.kind,
        made["debtor"],
        date.fromisoformat(made["execution_date"]),
        made["transactions"],
        Decimal(made["total"]),
        made["currency"],
        state_of(history).value,
    )
