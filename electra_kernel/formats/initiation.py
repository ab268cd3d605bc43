"""What the messages that initiate payments have in common: pain.001 (credit transfers) and pain.008 (direct debits).

Both hold a group header and payment blocks; a block becomes an order, its records the transactions. The messages
differ by the rows of ``Message`` only: which side is the customer's, and what stands where. What an ``Order`` does not
carry is told as a warning with the element's path, so that nothing is dropped without a word.
Source: ISO 20022 message definition reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime

from electra_kernel.formats import clearing, iso, skeletons
from electra_kernel.formats.base import Reading, unreadable, without_collector
from electra_kernel.formats.initiation_columns import Payments, payments_of
from electra_kernel.formats.initiation_records import (
    ADDRESS,
    CLEARING_MEMBER,
    CLEARING_SYSTEM,
    OTHER_ACCOUNTS,
    REFERENCE,
    SCHEME_ID,
    SHARED,
    Binding,
    Defaults,
    Message,
    Tally,
    Told,
    bind,
    is_implied,
    transaction,
)
from electra_kernel.formats.skeleton_columns import FEWEST, run_of
from electra_kernel.orders.model import NOBODY, Order, Transaction
from electra_kernel.vocabulary.accounts import is_iban
from electra_kernel.vocabulary.parties import Address, Party
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

#: ``Grpg``, of the first versions, says how the blocks are laid out, which they show themselves.
_GROUP_CARRIED = {"MsgId", "CreDtTm", "NbOfTxs", "CtrlSum", "InitgPty/Nm", "Grpg"}


def read(data: bytes, source: str, message: Message, *, columns_from: int = FEWEST) -> Reading:
    """Read a file into one order for each payment block.

    The orders of a file with several blocks share its message id. A creation time without an offset is taken for UTC.
    Several free texts of one payment are joined by a space. The transactions of a block of ``columns_from`` and more,
    with which nothing is wrong, are made from columns when they are first asked for.

    Raises:
        UnreadableFile: not such a message, or broken so that nothing can be used.
    """
    with without_collector():
        return _read(data, source, message, columns_from)


def _read(data: bytes, source: str, message: Message, columns_from: int) -> Reading:
    try:
        return _Reader(skeletons.cut(data, message.record), data, source, message, columns_from).reading()
    except skeletons.NotPlain:
        pass
    try:
        root = parse_xml(data)
    except HostileXml as error:
        raise iso.refused(error, data, source) from error
    count = sum(1 for _ in root.iter("{*}" + message.record))
    try:
        parsed = skeletons.cut_parsed(root, message.record, iso.offsets(data, message.record, count))
        return _Reader(parsed, data, source, message, columns_from).reading()
    except skeletons.NotPlain as error:
        text = "The payments stand one inside another, or their markup cannot be told apart."
        raise unreadable(source, "structure", text, "Export the file again.", field=message.record) from error


class _Reader(Told):
    """One file on its way to orders."""

    def __init__(self, document: skeletons.Cut, data: bytes, source: str, message: Message, columns_from: int) -> None:
        super().__init__(message, source)
        self.columns_from = columns_from
        self.source, self.records = source, document.records
        self.data, self.root = data, document.root
        self.places: list[int | None] = []
        self.block_count = sum(1 for _ in self.root.iter("{*}PmtInf"))
        self.blocks_read = 0
        self.bindings: dict[skeletons.Shape, Binding] = {}

    def reading(self) -> Reading:
        bodies = list(self.root.iter("{*}" + self.message.body, "{*}" + self.message.first_body))
        if not bodies:
            raise unreadable(
                self.source,
                "no-message",
                f"The file is XML but holds no {self.message.body}.",
                "Import a file of this kind.",
                field=self.message.body,
            )
        version = iso.known_version(bodies[0], self.message.versions, self.message.usual, self.problems)
        if len(bodies) > 1:
            text = f"The file holds {len(bodies)} messages; the payment blocks of all are read."
            self.problems.warn_once(self.message.body, "several-messages", text, "Check each of the orders.")
        orders = [order for body in bodies for order in self._orders(body)]
        if len(orders) > 1:
            self.problems.warn_once(
                "PmtInf",
                "several-blocks",
                f"The file holds {len(orders)} payment blocks; each becomes an order of its own.",
                "Check, sign and send each of the orders.",
            )
        return Reading(format=version, orders=tuple(orders), problems=self.problems.rows())

    def block_place(self, number: int) -> int | None:
        """The byte offset of a payment block; looked for only where there is something to tell."""
        if not self.places:
            self.places = iso.offsets(self.data, "PmtInf", self.block_count)
        return self.places[number]

    def _orders(self, body: iso.Element) -> Iterator[Order]:
        iso.plain_names(body)
        header, blocks = body.find("GrpHdr"), body.findall("PmtInf")
        if header is None or not blocks:
            text = "The file holds no group header or no payment block."
            raise unreadable(self.source, "incomplete", text, "Export it again.", field=self.message.body)
        self.tell_uncarried(header, "GrpHdr", _GROUP_CARRIED, _nowhere)
        for stray in body:
            if stray is not header and stray.tag != "PmtInf":
                self.not_carried(str(stray.tag), None)
        message_id, created = self._base(header)
        whole = Tally()
        for block in blocks:
            yield _Block(self, block, whole).order(message_id, created, iso.text(header, "InitgPty/Nm"))
            self.blocks_read += 1
        whole.check(header, "GrpHdr", _nowhere, self.problems)

    def _base(self, header: iso.Element) -> tuple[str, datetime]:
        message_id, written = iso.text(header, "MsgId"), iso.text(header, "CreDtTm")
        if not message_id:
            self.problems.error(None, "GrpHdr/MsgId", "missing", "The message has no id.", "Give it a unique id.")
        created = iso.moment_or_none(written)
        if created is None:
            text = f"{written[:40]!r} is not a date and time."
            self.problems.error(None, "GrpHdr/CreDtTm", "moment", text, "Write it as 2026-01-31T12:00:00Z.")
        return message_id, created or datetime.min.replace(tzinfo=UTC)

    def tell_uncarried(
        self, element: iso.Element, where: str, carried: set[str], place: Callable[[], int | None]
    ) -> None:
        """Tell every element with something in it that the order does not carry."""
        seen: set[str] = set()
        for path, leaf in iso.leaf_paths(element, {self.message.record}):
            value = (leaf.text or "").strip()
            if not value and not leaf.attrib:
                continue
            kind = _same(path)
            repeated = kind in seen and not path.endswith("PstlAdr/AdrLine")
            kept = path in carried or is_implied(path, value, iso.text(element, REFERENCE))
            if not kept or repeated:
                self.not_carried(f"{where}/{path}", place())
            seen.add(kind)

    def binding(self, shape: skeletons.Shape) -> Binding:
        found = self.bindings.get(shape)
        if found is None:
            found = bind(shape, self.message)
            if shape.pattern is not None:
                self.bindings[shape] = found
        return found


def _nowhere() -> None:
    """The place of what concerns the whole file."""
    return


def _same(path: str) -> str:
    """Two ways to write one value count as one: where both stand, one of them is not carried."""
    path = path.replace("FinInstnId/BICFI", "FinInstnId/BIC")
    owner, account, kind = path.partition("Acct/")
    return f"{owner}{account}Id/IBAN" if kind in OTHER_ACCOUNTS else path


# ------------------------------------------------------------------------------------------- one payment block
class _Block:
    """One payment block on its way to an order."""

    def __init__(self, reader: _Reader, block: iso.Element, whole: Tally) -> None:
        self.reader, self.element, self.whole = reader, block, whole
        self.message, self.problems = reader.message, reader.problems
        self.number = reader.blocks_read
        self.tally = Tally()

    def order(self, message_id: str, created: datetime, initiator: str) -> Order:
        block, message = self.element, self.message
        self.reader.tell_uncarried(block, "PmtInf", _carried_by_block(message), self.place)
        own = self._own_party()
        shared = _Shared([iso.text(block, path) for path in SHARED])
        transactions = self._transactions(shared)
        self.tally.check(block, "PmtInf", self.place, self.problems)
        self.whole.add(self.tally)
        level, instrument, category, bearer = shared.settled()
        currency = _currency(transactions)
        kind = message.kind(currency, level, instrument, own.account[:2])
        self._check_method()
        collects = message.own == "Cdtr"
        return Order(
            message_id=message_id,
            payment_id=iso.text(block, "PmtInfId"),
            kind=kind.code,
            debtor=NOBODY if collects else own,
            creditor=own if collects else None,
            creditor_id=iso.text(block, SCHEME_ID),
            execution_date=self._execution_date(),
            created=created,
            transactions=transactions,
            initiator=initiator,
            batch_booking=self._batch(),
            charge_bearer=bearer,
            service_level="" if level == kind.service_level else level,
            local_instrument="" if instrument == kind.local_instrument else instrument,
            category_purpose=category,
        )

    def place(self) -> int | None:
        return self.reader.block_place(self.number)

    def _transactions(self, shared: _Shared) -> Sequence[Transaction]:
        pays, party = self.message.own == "Dbtr", iso.text(self.element, f"{self.message.own_ultimate}/Nm")
        defaults = Defaults(
            payer=party if pays else "",
            payee="" if pays else party,
            sequence=iso.text(self.element, "PmtTpInf/SeqTp"),
            creditor_id=iso.text(self.element, SCHEME_ID),
        )
        runs = list(self.element.iterchildren(self.message.record))
        if len(runs) == 1:
            with suppress(skeletons.NotPlain):  # that is for the other way to find, which knows what to make of it
                quick = self._by_columns(runs[0], defaults, shared)
                if quick is not None:
                    return quick
        return self._one_by_one(runs, defaults, shared)

    def _by_columns(self, placeholder: iso.Element, defaults: Defaults, shared: _Shared) -> Payments | None:
        """All payments of a run at once; ``None`` where they are to be read one by one."""
        records = self.reader.records
        first, after = records.run(placeholder)
        run = run_of(records, first, after) if after - first >= self.reader.columns_from else None
        if run is None:
            return None
        places = records.found.starts[first:after] if records.positions is None else records.positions[first:after]
        found = payments_of(run, places, defaults, shared.block, self.tally, self.reader, self.reader.binding)
        if found is None:
            return None
        payments, shared.first = found
        return payments

    def _one_by_one(self, runs: Sequence[iso.Element], defaults: Defaults, shared: _Shared) -> tuple[Transaction, ...]:
        reader, found = self.reader, list[Transaction]()
        latest: skeletons.Shape | None = None
        for run in runs:
            for shape, values, place in reader.records.of(run):
                if shape is not latest:
                    latest, binding = shape, reader.binding(shape)
                values.append("")
                made = transaction(binding, values, place, defaults, self.tally, reader)
                shared.see(binding, values, place, reader)
                if made is not None:
                    found.append(made)
        return tuple(found)

    def _own_party(self) -> Party:
        block, own = self.element, self.message.own
        name = iso.text(block, f"{own}/Nm")
        if not name:
            text = "The party has no name."
            self.problems.error(self.place(), f"{own}/Nm", "missing", text, "Give the name of the party.")
        iban = "".join(iso.text(block, f"{own}Acct/Id/IBAN").split())
        other = iso.first_text(block, *(f"{own}Acct/{path}" for path in OTHER_ACCOUNTS))
        if iban and not is_iban(iban):
            text = f"{iban[:40]!r} is not an IBAN."
            self.problems.error(self.place(), f"{own}Acct/Id/IBAN", "account", text, "Copy the IBAN again.")
        system, member = (iso.text(block, f"{own}Agt/FinInstnId/{path}") for path in (CLEARING_SYSTEM, CLEARING_MEMBER))
        if (system or member) and (iban or not clearing.joined(system, member, other)):
            for path, value in ((CLEARING_MEMBER, member), (CLEARING_SYSTEM, system)):
                if value:
                    self.reader.not_carried(f"PmtInf/{own}Agt/FinInstnId/{path}", self.place())
        if not iban and not other:
            who, what = ("debtor", "debited") if own == "Dbtr" else ("creditor", "credited")
            text = f"The {who} has no account."
            self.problems.error(self.place(), f"{own}Acct", "missing", text, f"Give the account to be {what}.")
        where = block.find(f"{own}/PstlAdr")
        parts = {name: iso.text(where, tag) for tag, name in ADDRESS.items()}
        return Party(
            name=name,
            account=iban or clearing.joined(system, member, other) or other,
            bic=iso.first_text(block, f"{own}Agt/FinInstnId/BICFI", f"{own}Agt/FinInstnId/BIC"),
            address=Address(**parts, lines=tuple(iso.texts(where, "AdrLine"))),
            identification=iso.text(block, f"{own}/Id/OrgId/Othr/Id"),
        )

    def _check_method(self) -> None:
        method = iso.text(self.element, "PmtMtd")
        if method != self.message.method:
            text = f"The payment method {method[:10]!r} is no {self.message.method_words}."
            self.problems.error(self.place(), "PmtInf/PmtMtd", "payment-method", text, f"Use {self.message.method}.")

    def _execution_date(self) -> date:
        paths = self.message.dates
        written = iso.first_text(self.element, *paths)
        day = iso.date_or_none(written)
        if day is None:
            text = f"{written[:40]!r} is not a date." if written else "The execution date is missing."
            self.problems.error(self.place(), f"PmtInf/{paths[-1]}", "date", text, "Write the date as 2026-01-31.")
        return day or date.min

    def _batch(self) -> bool | None:
        known = {"": None, "true": True, "1": True, "false": False, "0": False}
        value = iso.text(self.element, "BtchBookg")
        if value not in known:
            text = f"{value[:20]!r} is not true or false."
            self.problems.error(self.place(), "PmtInf/BtchBookg", "boolean", text, "Correct it.")
        return known.get(value)


def _currency(transactions: Sequence[Transaction]) -> str:
    """The currency in which the first is paid and debited, empty where these are two; asking columns makes no objects."""
    if isinstance(transactions, Payments):
        return transactions.currency
    return transactions[0].amount.currency if transactions and not transactions[0].paid_in else ""


def _carried_by_block(message: Message) -> set[str]:
    own = message.own
    return {
        *("PmtInfId", "PmtMtd", "BtchBookg", "NbOfTxs", "CtrlSum", "PmtTpInf/SeqTp", SCHEME_ID, *SHARED),
        *(path for path in message.dates if not path.endswith("DtTm")),
        *(f"{message.own_ultimate}/Nm", f"{own}/Nm", f"{own}/PstlAdr/AdrLine", f"{own}/Id/OrgId/Othr/Id"),
        *(f"{own}/PstlAdr/{tag}" for tag in ADDRESS),
        *(f"{own}Agt/FinInstnId/{path}" for path in ("BIC", "BICFI", CLEARING_MEMBER, CLEARING_SYSTEM)),
        *(f"{own}Acct/{path}" for path in ("Id/IBAN", *OTHER_ACCOUNTS)),
    }


class _Shared:
    """What one order has once: the block's word or, where it says nothing, the first record's."""

    def __init__(self, block: list[str]) -> None:
        self.block = block
        self.first: tuple[str, ...] | None = None
        self.usual = False

    def see(self, binding: Binding, values: list[str], place: int | None, reader: _Reader) -> None:
        if binding.says_nothing_shared and self.usual:
            return
        record = binding.shared_of(values)
        if self.first is None:
            self.first = record
            self.usual = all(block or not own for block, own in zip(self.block, record, strict=True))
        for path, block, first, own in zip(SHARED, self.block, self.first, record, strict=True):
            if own not in (("", block) if block else (first,)):
                reader.not_carried(f"PmtInf/{reader.message.record}/{path}", place)

    def settled(self) -> list[str]:
        return [block or first for block, first in zip(self.block, self.first or ("",) * len(SHARED), strict=True)]
