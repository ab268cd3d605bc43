"""What the messages that initiate payments have in common: pain.001 (credit transfers) and pain.008 (direct debits).

Both hold a group header and payment blocks; a block becomes an order, its records the transactions. The messages
differ by the rows of ``Message`` only: which side is the customer's, and what stands where. What an ``Order`` does not
carry is told as a warning with the element's path, so that nothing is dropped without a word.
Source: ISO 20022 message definition reports.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter

from electra_kernel.formats import iso, skeletons
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.orders.kinds import Kind
from electra_kernel.orders.model import NOBODY, NOT_PROVIDED, Amendment, Mandate, Order, Transaction
from electra_kernel.vocabulary.accounts import is_iban
from electra_kernel.vocabulary.money import Money, currency_decimals, is_currency
from electra_kernel.vocabulary.parties import Address, Party
from electra_kernel.vocabulary.references import is_qr_iban
from electra_kernel.vocabulary.xml import HostileXml, parse_xml


@dataclass(frozen=True, slots=True)
class Message:
    """How one message says what both say.

    Attributes:
        body: the message's element.
        record: the element of one payment or collection.
        own, other: the elements of the customer's side and of the counterparty.
        amount: the path of a record's amount.
        dates: the paths of the execution date, the first that is there counts.
        method, method_words: the payment method that is read, and what it is in words.
        versions: the versions whose structure is known.
        usual: the version that is assumed where a file names none.
        kind: currency, service level, local instrument and the own account's country to the kind of order.
        own_ultimate: the element of the party behind the own side, in a block.
    """

    body: str
    record: str
    own: str
    other: str
    amount: str
    dates: tuple[str, ...]
    method: str
    method_words: str
    versions: tuple[str, ...]
    usual: str
    kind: Callable[[str, str, str, str], Kind]
    own_ultimate: str


#: What may be said for the whole block or for each record, and is one for the whole order.
_SHARED = ("PmtTpInf/SvcLvl/Cd", "PmtTpInf/LclInstrm/Cd", "PmtTpInf/CtgyPurp/Cd", "ChrgBr")
_ADDRESS = {
    "StrtNm": "street",
    "BldgNb": "building",
    "PstCd": "post_code",
    "TwnNm": "town",
    "Ctry": "country",
}
_MANDATE = "DrctDbtTx/MndtRltdInf"
_AMENDED = f"{_MANDATE}/AmdmntInfDtls"
_AMENDED_AT_ALL = f"{_MANDATE}/AmdmntInd"
_SCHEME_ID = "CdtrSchmeId/Id/PrvtId/Othr/Id"
_TEXTS = {
    "PmtId/InstrId": "instruction_id",
    "PmtId/EndToEndId": "end_to_end_id",
    "UltmtDbtr/Nm": "ultimate_debtor",
    "UltmtCdtr/Nm": "ultimate_creditor",
    "Purp/Cd": "purpose",
    "RmtInf/Strd/CdtrRefInf/Ref": "structured_reference",
}
_MANDATE_TEXTS = {
    f"{_MANDATE}/MndtId": "identification",
    f"{_MANDATE}/DtOfSgntr": "signed",
    "PmtTpInf/SeqTp": "sequence",
    f"DrctDbtTx/{_SCHEME_ID}": "creditor_id",
    f"{_AMENDED}/OrgnlMndtId": "mandate",
    f"{_AMENDED}/OrgnlCdtrSchmeId/Nm": "old_creditor_name",
    f"{_AMENDED}/OrgnlCdtrSchmeId/Id/PrvtId/Othr/Id": "old_creditor_id",
    f"{_AMENDED}/OrgnlDbtrAcct/Id/IBAN": "old_iban",
    f"{_AMENDED}/OrgnlDbtrAcct/Id/Othr/Id": "old_account",
    f"{_AMENDED}/OrgnlDbtrAgt/FinInstnId/BICFI": "old_bicfi",
    f"{_AMENDED}/OrgnlDbtrAgt/FinInstnId/BIC": "old_bic",
    f"{_AMENDED}/OrgnlDbtrAgt/FinInstnId/Othr/Id": "old_agent",
}
_GROUP_CARRIED = {"MsgId", "CreDtTm", "NbOfTxs", "CtrlSum", "InitgPty/Nm"}
#: What says only what stands elsewhere, where its value is this.
_IMPLIED = {
    "RmtInf/Strd/CdtrRefInf/Tp/CdOrPrtry/Cd": "SCOR",
    "CdtrSchmeId/Id/PrvtId/Othr/SchmeNm/Prtry": "SEPA",
    f"DrctDbtTx/{_SCHEME_ID.removesuffix('Id')}SchmeNm/Prtry": "SEPA",
    f"{_AMENDED}/OrgnlCdtrSchmeId/Id/PrvtId/Othr/SchmeNm/Prtry": "SEPA",
}


def read(data: bytes, source: str, message: Message) -> Reading:
    """Read a file into one order for each payment block.

    The orders of a file with several blocks share its message id. A creation time without an offset is taken for UTC.
    Several free texts of one payment are joined by a space.

    Raises:
        UnreadableFile: not such a message, or broken so that nothing can be used.
    """
    with skeletons.without_collector():
        return _read(data, source, message)


def _read(data: bytes, source: str, message: Message) -> Reading:
    try:
        return _Reader(skeletons.cut(data, message.record), data, source, message).reading()
    except skeletons.NotPlain:
        pass
    try:
        root = parse_xml(data)
    except HostileXml as error:
        raise iso.refused(error, data, source) from error
    count = sum(1 for _ in root.iter("{*}" + message.record))
    try:
        parsed = skeletons.cut_parsed(root, message.record, iso.offsets(data, message.record, count))
        return _Reader(parsed, data, source, message).reading()
    except skeletons.NotPlain as error:
        text = "The payments stand one inside another, or their markup cannot be told apart."
        raise unreadable(source, "structure", text, "Export the file again.", field=message.record) from error


class _Reader:
    """One file on its way to orders."""

    def __init__(self, document: skeletons.Cut, data: bytes, source: str, message: Message) -> None:
        self.message, self.source, self.records = message, source, document.records
        self.data, self.root = data, document.root
        self.places: list[int | None] = []
        self.block_count = sum(1 for _ in self.root.iter("{*}PmtInf"))
        self.problems = Problems(source)
        self.blocks_read = 0
        self.bindings: dict[skeletons.Shape, _Binding] = {}

    def reading(self) -> Reading:
        bodies = list(self.root.iter("{*}" + self.message.body))
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
        whole = _Tally()
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
            kept = path in carried or is_implied(path, value, iso.text(element, _REFERENCE))
            if not kept or repeated:
                self.not_carried(f"{where}/{path}", place())
            seen.add(kind)

    def not_carried(self, path: str, place: int | None) -> None:
        self.problems.warn_once(
            path,
            "element-not-carried",
            f"{path} is not carried over into the order.",
            "Send the original file unchanged where this element matters.",
            place,
        )

    def binding(self, shape: skeletons.Shape) -> _Binding:
        found = self.bindings.get(shape)
        if found is None:
            found = _bind(shape, self.message)
            if shape.pattern is not None:
                self.bindings[shape] = found
        return found


_REFERENCE = "RmtInf/Strd/CdtrRefInf/Ref"


def _nowhere() -> None:
    """The place of what concerns the whole file."""
    return


def _same(path: str) -> str:
    """Two ways to write one value count as one: where both stand, one of them is not carried."""
    return path.replace("FinInstnId/BICFI", "FinInstnId/BIC").replace("Acct/Id/Othr/Id", "Acct/Id/IBAN")


def is_implied(path: str, value: str, reference: str, account: str = "") -> bool:
    """Whether an element says only what the writer says by itself."""
    if value == "QRR":
        return path == "RmtInf/Strd/CdtrRefInf/Tp/CdOrPrtry/Prtry" and is_qr_iban(account)
    if path.endswith("Agt/FinInstnId/Othr/Id"):
        return value == NOT_PROVIDED
    if path == _AMENDED_AT_ALL:
        return value in ("false", "0")
    return _IMPLIED.get(path) == value and (value != "SCOR" or reference.startswith("RF"))


@dataclass(slots=True)
class _Tally:
    """Transactions and amounts as they stand in the file, whether they can be used or not."""

    count: int = 0
    total: Decimal = Decimal(0)
    sure: bool = True

    def add(self, other: _Tally) -> None:
        self.count, self.total, self.sure = self.count + other.count, self.total + other.total, self.sure and other.sure

    def check(self, element: iso.Element, where: str, place: Callable[[], int | None], problems: Problems) -> None:
        number, total = iso.text(element, "NbOfTxs"), iso.text(element, "CtrlSum")
        if number and number.lstrip("0") != str(self.count).lstrip("0"):
            problems.error(
                place(),
                f"{where}/NbOfTxs",
                "transaction-count",
                f"The file says {number[:20]} transactions and holds {self.count}.",
                "Ask for the whole file again.",
            )
        if total and self.sure and iso.decimal_or_none(total) != self.total:
            problems.error(
                place(),
                f"{where}/CtrlSum",
                "control-sum",
                f"The control sum says {total[:40]}; the amounts make {self.total}.",
                "Ask for the whole file again.",
            )


# ------------------------------------------------------------------------------------------- one payment block
class _Block:
    """One payment block on its way to an order."""

    def __init__(self, reader: _Reader, block: iso.Element, whole: _Tally) -> None:
        self.reader, self.element, self.whole = reader, block, whole
        self.message, self.problems = reader.message, reader.problems
        self.number = reader.blocks_read
        self.tally = _Tally()

    def order(self, message_id: str, created: datetime, initiator: str) -> Order:
        block, message = self.element, self.message
        self.reader.tell_uncarried(block, "PmtInf", _carried_by_block(message), self.place)
        own = self._own_party()
        shared = _Shared([iso.text(block, path) for path in _SHARED])
        transactions = self._transactions(shared)
        self.tally.check(block, "PmtInf", self.place, self.problems)
        self.whole.add(self.tally)
        level, instrument, category, bearer = shared.settled()
        currency = transactions[0].amount.currency if transactions else ""
        kind = message.kind(currency, level, instrument, own.account[:2])
        self._check_method()
        collects = message.own == "Cdtr"
        return Order(
            message_id=message_id,
            payment_id=iso.text(block, "PmtInfId"),
            kind=kind.code,
            debtor=NOBODY if collects else own,
            creditor=own if collects else None,
            creditor_id=iso.text(block, _SCHEME_ID),
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

    def _transactions(self, shared: _Shared) -> tuple[Transaction, ...]:
        reader, found = self.reader, list[Transaction]()
        defaults = _Defaults(
            ultimate=iso.text(self.element, f"{self.message.own_ultimate}/Nm"),
            sequence=iso.text(self.element, "PmtTpInf/SeqTp"),
            creditor_id=iso.text(self.element, _SCHEME_ID),
        )
        latest: skeletons.Shape | None = None
        for run in self.element.iterchildren(self.message.record):
            for shape, values, place in reader.records.of(run):
                if shape is not latest:
                    latest, binding = shape, reader.binding(shape)
                values.append("")
                transaction = _transaction(binding, values, place, defaults, self.tally, reader)
                shared.see(binding, values, place, reader)
                if transaction is not None:
                    found.append(transaction)
        return tuple(found)

    def _own_party(self) -> Party:
        block, own = self.element, self.message.own
        name = iso.text(block, f"{own}/Nm")
        if not name:
            text = "The party has no name."
            self.problems.error(self.place(), f"{own}/Nm", "missing", text, "Give the name of the party.")
        iban = "".join(iso.text(block, f"{own}Acct/Id/IBAN").split())
        other = iso.text(block, f"{own}Acct/Id/Othr/Id")
        if iban and not is_iban(iban):
            text = f"{iban[:40]!r} is not an IBAN."
            self.problems.error(self.place(), f"{own}Acct/Id/IBAN", "account", text, "Copy the IBAN again.")
        if not iban and not other:
            who, what = ("debtor", "debited") if own == "Dbtr" else ("creditor", "credited")
            text = f"The {who} has no account."
            self.problems.error(self.place(), f"{own}Acct", "missing", text, f"Give the account to be {what}.")
        where = block.find(f"{own}/PstlAdr")
        parts = {name: iso.text(where, tag) for tag, name in _ADDRESS.items()}
        return Party(
            name=name,
            account=iban or other,
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


def _carried_by_block(message: Message) -> set[str]:
    own = message.own
    return {
        *("PmtInfId", "PmtMtd", "BtchBookg", "NbOfTxs", "CtrlSum", "PmtTpInf/SeqTp", _SCHEME_ID, *_SHARED),
        *(path for path in message.dates if not path.endswith("DtTm")),
        *(f"{message.own_ultimate}/Nm", f"{own}/Nm", f"{own}/PstlAdr/AdrLine", f"{own}/Id/OrgId/Othr/Id"),
        *(f"{own}/PstlAdr/{tag}" for tag in _ADDRESS),
        *(f"{own}Agt/FinInstnId/BIC", f"{own}Agt/FinInstnId/BICFI"),
        *(f"{own}Acct/Id/IBAN", f"{own}Acct/Id/Othr/Id"),
    }


class _Shared:
    """What one order has once: the block's word or, where it says nothing, the first record's."""

    def __init__(self, block: list[str]) -> None:
        self.block = block
        self.first: tuple[str, ...] | None = None
        self.usual = False

    def see(self, binding: _Binding, values: list[str], place: int | None, reader: _Reader) -> None:
        if binding.says_nothing_shared and self.usual:
            return
        record = binding.shared_of(values)
        if self.first is None:
            self.first = record
            self.usual = any(self.block) or not any(record)
        for path, block, first, own in zip(_SHARED, self.block, self.first, record, strict=True):
            if own not in (("", block) if block else (first,)):
                reader.not_carried(f"PmtInf/{reader.message.record}/{path}", place)

    def settled(self) -> list[str]:
        return [block or first for block, first in zip(self.block, self.first or ("",) * len(_SHARED), strict=True)]


# -------------------------------------------------------------------------------------------------- one record
@dataclass(frozen=True, slots=True)
class _Defaults:
    """What a record says where it says nothing itself."""

    ultimate: str
    sequence: str
    creditor_id: str


@dataclass(slots=True)
class _Binding:
    """Where the values of records of one shape go. A place of -1 is the empty text at the end of the values."""

    currency: str
    decimals: int
    amount: int
    places: dict[str, int]
    address: dict[str, int]
    address_lines: tuple[int, ...]
    free: tuple[int, ...]
    mandate: dict[str, int]
    shared: tuple[int, ...]
    uncarried: list[tuple[str, int, bool]]
    amended: bool
    says_nothing_shared: bool
    party_values: Callable[[list[str]], object]
    parties: dict[object, Party] = field(default_factory=dict)
    twice: list[tuple[str, int, int]] = field(default_factory=list)

    def shared_of(self, values: list[str]) -> tuple[str, ...]:
        one, two, three, four = self.shared
        return values[one], values[two], values[three], values[four]


def _bind(shape: skeletons.Shape, message: Message) -> _Binding:
    other = message.other
    wanted = {
        **_TEXTS,
        **_MANDATE_TEXTS,
        f"{other}/Nm": "name",
        f"{other}/Id/OrgId/Othr/Id": "identification_of_party",
        f"{other}Acct/Id/IBAN": "iban",
        f"{other}Acct/Id/Othr/Id": "account",
        f"{other}Agt/FinInstnId/BICFI": "bicfi",
        f"{other}Agt/FinInstnId/BIC": "bic",
        **{f"{other}/PstlAdr/{tag}": name for tag, name in _ADDRESS.items()},
        **{path: path for path in _SHARED},
        message.amount: "amount",
    }
    found: dict[str, int] = {}
    lists: dict[str, list[int]] = {"RmtInf/Ustrd": [], f"{other}/PstlAdr/AdrLine": []}
    uncarried = []
    for place, (path, attributes) in enumerate(zip(shape.paths, shape.attributes, strict=True)):
        name = wanted.get(path, "")
        if path in lists:
            lists[path].append(place)
        elif name and name not in found:
            found[name] = place
        elif path != _AMENDED_AT_ALL or not any(path.startswith(_AMENDED) for path in shape.paths):
            uncarried.append((path, place, bool(attributes)))
    amount = found.get("amount", -1)
    currency = shape.attributes[amount].get("Ccy", "") if amount >= 0 else ""
    mandate = {name: found.get(name, -1) for name in _MANDATE_TEXTS.values()}
    of_party = [found.get(name, -1) for name in (*_PARTY_PLACES, *_ADDRESS.values())]
    of_party += lists[f"{other}/PstlAdr/AdrLine"]
    binding = _Binding(
        currency=currency,
        decimals=min(currency_decimals(currency), 2) if is_currency(currency) else -1,
        amount=amount,
        places={name: found.get(name, -1) for name in (*_TEXTS.values(), *_PARTY_PLACES)},
        address={name: found[name] for name in _ADDRESS.values() if name in found},
        address_lines=tuple(lists[f"{other}/PstlAdr/AdrLine"]),
        free=tuple(lists["RmtInf/Ustrd"]),
        mandate=mandate if message.own == "Cdtr" else {},
        shared=tuple(found.get(path, -1) for path in _SHARED),
        uncarried=uncarried,
        party_values=itemgetter(*{-1, *of_party}),
        amended=any(path.startswith(_AMENDED) for path in shape.paths),
        says_nothing_shared=not any(path in found for path in _SHARED),
    )
    for one, two in (("iban", "account"), ("bic", "bicfi")):
        if one in found and two in found:
            later = max(found[one], found[two])
            binding.twice.append((shape.paths[later], found[one], found[two]))
    return binding


_PARTY_PLACES = ("name", "identification_of_party", "iban", "account", "bicfi", "bic")
_PLAIN_AMOUNT = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,2})?")
_NO_ADDRESS = Address()
_MOST_PARTIES = 50_000


def _transaction(
    binding: _Binding, values: list[str], place: int | None, defaults: _Defaults, tally: _Tally, reader: _Reader
) -> Transaction | None:
    at = binding.places
    if binding.uncarried or binding.twice:
        _tell_uncarried(binding, values, place, reader)
    amount = _amount(binding, values[binding.amount], place, tally, reader)
    party = _party(binding, values, place, reader)
    if amount is None:
        return None
    payer, payee = values[at["ultimate_debtor"]], values[at["ultimate_creditor"]]
    if defaults.ultimate:
        if reader.message.own == "Dbtr":
            payer = payer or defaults.ultimate
        else:
            payee = payee or defaults.ultimate
    free = binding.free
    return Transaction(
        amount=amount,
        counterparty=party,
        remittance=values[free[0]] if len(free) == 1 else " ".join([values[i] for i in free if values[i]]),
        structured_reference=values[at["structured_reference"]],
        end_to_end_id=values[at["end_to_end_id"]] or NOT_PROVIDED,
        instruction_id=values[at["instruction_id"]],
        purpose=values[at["purpose"]],
        ultimate_debtor=payer,
        ultimate_creditor=payee,
        position=place,
        mandate=_mandate(binding, values, place, defaults, reader) if binding.mandate else None,
    )


def _tell_uncarried(binding: _Binding, values: list[str], place: int | None, reader: _Reader) -> None:
    reference, account = values[binding.places["structured_reference"]], values[binding.places["iban"]]
    where = f"PmtInf/{reader.message.record}"
    for each in list(binding.uncarried):
        path, number, marked = each
        if (values[number] or marked) and not is_implied(path, values[number], reference, account):
            reader.not_carried(f"{where}/{path}", place)
            binding.uncarried.remove(each)
    for path, one, two in binding.twice:
        if values[one] and values[two]:
            reader.not_carried(f"{where}/{path}", place)


def _amount(binding: _Binding, written: str, place: int | None, tally: _Tally, reader: _Reader) -> Money | None:
    tally.count += 1
    if binding.decimals == 2 and _PLAIN_AMOUNT.fullmatch(written):
        amount = Decimal(written)
        tally.total += amount
        if amount:
            return Money(amount, binding.currency)
    else:
        found = iso.decimal_or_none(written)
        if found is None:
            tally.sure = False
        else:
            tally.total += found
            if found:
                return _unusual_amount(found, binding.currency, written, place, reader)
    said = f"{written[:40]!r} is not a positive amount" if written else "There is no instructed amount"
    reader.problems.error(
        place,
        f"PmtInf/{reader.message.record}/{reader.message.amount}",
        "amount",
        f"{said}; the payment is left out.",
        "Write digits with a decimal point, like 12.50.",
    )
    return None


def _unusual_amount(amount: Decimal, currency: str, written: str, place: int | None, reader: _Reader) -> Money | None:
    where = f"PmtInf/{reader.message.record}/{reader.message.amount}"
    if not is_currency(currency):
        text = f"{currency[:10]!r} is not a currency; the payment is left out."
        reader.problems.error(place, where, "currency", text, "Use a three-letter ISO 4217 code.")
        return None
    if -int(amount.normalize().as_tuple().exponent) > currency_decimals(currency):
        text = f"{written[:40]} has more decimals than {currency} has."
        repair = f"Write at most {currency_decimals(currency)} decimals."
        reader.problems.error(place, where, "amount-decimals", text, repair)
    return Money(amount, currency)


def _party(binding: _Binding, values: list[str], place: int | None, reader: _Reader) -> Party:
    """The counterparty; a file names the same ones again and again, so those without a fault are made once."""
    key = binding.party_values(values)
    known = binding.parties.get(key)
    if known is not None:
        return known
    party, sound = _new_party(binding, values, place, reader)
    if sound and len(binding.parties) < _MOST_PARTIES:
        binding.parties[key] = party
    return party


def _new_party(binding: _Binding, values: list[str], place: int | None, reader: _Reader) -> tuple[Party, bool]:
    """The counterparty, and whether nothing is wrong with it."""
    at, other, sound = binding.places, reader.message.other, True
    name, iban = values[at["name"]], values[at["iban"]]
    if not name:
        sound = False
        reader.problems.error(place, f"{other}/Nm", "missing", "The party has no name.", "Give the name of the party.")
    if iban and not iban.isalnum():
        iban = "".join(iban.split())
    if iban and not is_iban(iban):
        sound, text = False, f"{iban[:40]!r} is not an IBAN."
        reader.problems.error(place, f"{other}Acct/Id/IBAN", "account", text, "Copy the IBAN again.")
    address = _NO_ADDRESS
    if binding.address or binding.address_lines:
        parts = {part: values[number] for part, number in binding.address.items()}
        address = Address(**parts, lines=tuple([values[i] for i in binding.address_lines if values[i]]))
    party = Party(
        name=name,
        account=iban or values[at["account"]],
        bic=values[at["bicfi"]] or values[at["bic"]],
        address=address,
        identification=values[at["identification_of_party"]],
    )
    return party, sound


def _mandate(
    binding: _Binding, values: list[str], place: int | None, defaults: _Defaults, reader: _Reader
) -> Mandate | None:
    at = binding.mandate
    creditor_id, signed = values[at["creditor_id"]], values[at["signed"]]
    mandate = Mandate(
        identification=values[at["identification"]],
        signed=_signed(signed, place, reader) if signed else None,
        sequence=values[at["sequence"]] or defaults.sequence,
        creditor_id="" if creditor_id == defaults.creditor_id else creditor_id,
        amendment=_amendment(at, values) if binding.amended else None,
    )
    return None if mandate == _NO_MANDATE else mandate


def _amendment(at: dict[str, int], values: list[str]) -> Amendment | None:
    amendment = Amendment(
        mandate=values[at["mandate"]],
        creditor_id=values[at["old_creditor_id"]],
        creditor_name=values[at["old_creditor_name"]],
        debtor_account=values[at["old_iban"]] or values[at["old_account"]],
        debtor_bic=values[at["old_bicfi"]] or values[at["old_bic"]] or values[at["old_agent"]],
    )
    return None if amendment == _NO_AMENDMENT else amendment


_NO_AMENDMENT, _NO_MANDATE = Amendment(), Mandate()


def _signed(written: str, place: int | None, reader: _Reader) -> date | None:
    day = _day(written)
    if day is None:
        field = f"PmtInf/{reader.message.record}/{_MANDATE}/DtOfSgntr"
        reader.problems.error(place, field, "date", f"{written[:40]!r} is not a date.", "Write it as 2026-01-31.")
    return day


@lru_cache(maxsize=4096)
def _day(written: str) -> date | None:
    return iso.date_or_none(written)
