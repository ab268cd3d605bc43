"""One record of a message that initiates payments: where its values go, and the transaction they make.

What may live here: what ``initiation`` does for each payment or collection; it runs a hundred thousand times a file, so
what can be settled once for records of one shape is settled in a ``Binding``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter

from electra_kernel.formats import clearing, iso, skeletons
from electra_kernel.formats.base import Problems
from electra_kernel.orders.kinds import Kind
from electra_kernel.orders.model import NOT_PROVIDED, Amendment, Mandate, Transaction
from electra_kernel.vocabulary.accounts import is_iban
from electra_kernel.vocabulary.money import Money, currency_decimals, is_currency
from electra_kernel.vocabulary.parties import Address, Party
from electra_kernel.vocabulary.references import is_qr_iban


@dataclass(frozen=True, slots=True)
class Message:
    """How one message says what both say.

    Attributes:
        body, first_body: the message's element, and the one of its first version, which was named after itself.
        record: the element of one payment or collection.
        own, other: the elements of the customer's side and of the counterparty.
        amount: the path of a record's amount.
        dates: the paths of the execution date, the first that is there counts.
        method, method_words: the payment method that is read, and what it is in words.
        versions: the versions whose structure is known.
        usual: the version that is assumed where a file names none.
        kind: currency, service level, local instrument and the own account's country to the kind of order.
        own_ultimate: the element of the party behind the own side, in a block.
        equivalent: the path of an amount that is debited for a payment in another currency; empty where there is none.
    """

    body: str
    first_body: str
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
    equivalent: str = ""


#: What may be said for the whole block or for each record, and is one for the whole order.
SHARED = ("PmtTpInf/SvcLvl/Cd", "PmtTpInf/LclInstrm/Cd", "PmtTpInf/CtgyPurp/Cd", "ChrgBr")
ADDRESS = {
    "StrtNm": "street",
    "BldgNb": "building",
    "PstCd": "post_code",
    "TwnNm": "town",
    "Ctry": "country",
}
REFERENCE = "RmtInf/Strd/CdtrRefInf/Ref"
#: Where an account stands that is no IBAN; the messages' first versions told kinds apart.
OTHER_ACCOUNTS = ("Id/Othr/Id", "Id/BBAN", "Id/PrtryAcct/Id")
#: The bank of an account that is no IBAN, by its clearing system.
CLEARING_MEMBER, CLEARING_SYSTEM = "ClrSysMmbId/MmbId", "ClrSysMmbId/ClrSysId/Cd"
_MANDATE = "DrctDbtTx/MndtRltdInf"
_AMENDED = f"{_MANDATE}/AmdmntInfDtls"
_AMENDED_AT_ALL = f"{_MANDATE}/AmdmntInd"
SCHEME_ID = "CdtrSchmeId/Id/PrvtId/Othr/Id"
_TEXTS = {
    "PmtId/InstrId": "instruction_id",
    "PmtId/EndToEndId": "end_to_end_id",
    "UltmtDbtr/Nm": "ultimate_debtor",
    "UltmtCdtr/Nm": "ultimate_creditor",
    "Purp/Cd": "purpose",
    "RmtInf/Strd/CdtrRefInf/Ref": "structured_reference",
    "RmtInf/Strd/CdtrRefInf/CdtrRef": "structured_reference",
}
_MANDATE_TEXTS = {
    f"{_MANDATE}/MndtId": "identification",
    f"{_MANDATE}/DtOfSgntr": "signed",
    "PmtTpInf/SeqTp": "sequence",
    f"DrctDbtTx/{SCHEME_ID}": "creditor_id",
    f"{_AMENDED}/OrgnlMndtId": "mandate",
    f"{_AMENDED}/OrgnlCdtrSchmeId/Nm": "old_creditor_name",
    f"{_AMENDED}/OrgnlCdtrSchmeId/Id/PrvtId/Othr/Id": "old_creditor_id",
    f"{_AMENDED}/OrgnlDbtrAcct/Id/IBAN": "old_iban",
    f"{_AMENDED}/OrgnlDbtrAcct/Id/Othr/Id": "old_account",
    f"{_AMENDED}/OrgnlDbtrAgt/FinInstnId/BICFI": "old_bicfi",
    f"{_AMENDED}/OrgnlDbtrAgt/FinInstnId/BIC": "old_bic",
    f"{_AMENDED}/OrgnlDbtrAgt/FinInstnId/Othr/Id": "old_agent",
}

#: What says only what stands elsewhere, where its value is this.
_IMPLIED = {
    "RmtInf/Strd/CdtrRefInf/Tp/CdOrPrtry/Cd": "SCOR",
    "CdtrSchmeId/Id/PrvtId/Othr/SchmeNm/Prtry": "SEPA",
    f"DrctDbtTx/{SCHEME_ID.removesuffix('Id')}SchmeNm/Prtry": "SEPA",
    f"{_AMENDED}/OrgnlCdtrSchmeId/Id/PrvtId/Othr/SchmeNm/Prtry": "SEPA",
}


class Told:
    """What is told of a file on its way to orders."""

    def __init__(self, message: Message, source: str) -> None:
        self.message, self.problems = message, Problems(source)

    def not_carried(self, path: str, place: int | None) -> None:
        """Tell, once a file, that an element is not carried over."""
        self.problems.warn_once(
            path,
            "element-not-carried",
            f"{path} is not carried over into the order.",
            "Send the original file unchanged where this element matters.",
            place,
        )


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
class Tally:
    """Transactions and amounts as they stand in the file, whether they can be used or not."""

    count: int = 0
    total: Decimal = Decimal(0)
    sure: bool = True

    def add(self, other: Tally) -> None:
        """Add the figures of a part."""
        self.count, self.total, self.sure = self.count + other.count, self.total + other.total, self.sure and other.sure

    def check(self, element: iso.Element, where: str, place: Callable[[], int | None], problems: Problems) -> None:
        """Tell where the count or sum that an element states is not what stands below it."""
        number, total = iso.text(element, "NbOfTxs"), iso.text(element, "CtrlSum")
        if number and number.lstrip("0") != str(self.count).lstrip("0"):
            problems.error(
                place(),
                f"{where}/NbOfTxs",
                "transaction-count",
                f"The file counts {number[:20]}, and holds {self.count} transactions.",
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


# -------------------------------------------------------------------------------------------------- one record
@dataclass(frozen=True, slots=True)
class Defaults:
    """What a record says where it says nothing itself."""

    payer: str
    payee: str
    sequence: str
    creditor_id: str


@dataclass(slots=True)
class Binding:
    """Where the values of records of one shape go. A place of -1 is the empty text at the end of the values."""

    currency: str
    decimals: int
    amount: int
    paid_in: int
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
        """What the record says of ``SHARED``."""
        one, two, three, four = self.shared
        return values[one], values[two], values[three], values[four]


def bind(shape: skeletons.Shape, message: Message) -> Binding:
    """Where the values of records of a shape go."""
    other = message.other
    wanted = {
        **_TEXTS,
        **_MANDATE_TEXTS,
        f"{other}/Nm": "name",
        f"{other}/Id/OrgId/Othr/Id": "identification_of_party",
        f"{other}Acct/Id/IBAN": "iban",
        **{f"{other}Acct/{path}": "account" for path in OTHER_ACCOUNTS},
        f"{other}Agt/FinInstnId/BICFI": "bicfi",
        f"{other}Agt/FinInstnId/BIC": "bic",
        f"{other}Agt/FinInstnId/{CLEARING_MEMBER}": "member",
        f"{other}Agt/FinInstnId/{CLEARING_SYSTEM}": "system",
        **{f"{other}/PstlAdr/{tag}": name for tag, name in ADDRESS.items()},
        **{path: path for path in SHARED},
        message.amount: "amount",
    }
    if message.equivalent and message.amount not in shape.paths:
        wanted |= {f"{message.equivalent}/Amt": "amount", f"{message.equivalent}/CcyOfTrf": "paid_in"}
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
    of_party = [found.get(name, -1) for name in (*_PARTY_PLACES, *ADDRESS.values())]
    of_party += lists[f"{other}/PstlAdr/AdrLine"]
    binding = Binding(
        currency=currency,
        decimals=min(currency_decimals(currency), 2) if is_currency(currency) else -1,
        amount=amount,
        paid_in=found.get("paid_in", -1),
        places={name: found.get(name, -1) for name in (*_TEXTS.values(), *_PARTY_PLACES)},
        address={name: found[name] for name in ADDRESS.values() if name in found},
        address_lines=tuple(lists[f"{other}/PstlAdr/AdrLine"]),
        free=tuple(lists["RmtInf/Ustrd"]),
        mandate=mandate if message.own == "Cdtr" else {},
        shared=tuple(found.get(path, -1) for path in SHARED),
        uncarried=uncarried,
        party_values=itemgetter(*{-1, *of_party}),
        amended=any(path.startswith(_AMENDED) for path in shape.paths),
        says_nothing_shared=not any(path in found for path in SHARED),
    )
    for one, two in (("iban", "account"), ("bic", "bicfi")):
        if one in found and two in found:
            later = max(found[one], found[two])
            binding.twice.append((shape.paths[later], found[one], found[two]))
    return binding


_PARTY_PLACES = ("name", "identification_of_party", "iban", "account", "bicfi", "bic", "member", "system")
_PLAIN_AMOUNT = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,2})?")
_NO_ADDRESS = Address()
_MOST_PARTIES = 50_000


def transaction(
    binding: Binding, values: list[str], place: int | None, defaults: Defaults, tally: Tally, reader: Told
) -> Transaction | None:
    """The transaction of a record; ``None``, and told, where its amount cannot be used.

    ``values`` are the record's and the empty text at their end.
    """
    at = binding.places
    if binding.uncarried or binding.twice:
        _tell_uncarried(binding, values, place, reader)
    amount = _amount(binding, values[binding.amount], place, tally, reader)
    party = _party(binding, values, place, reader)
    paid_in = values[binding.paid_in]
    if amount is None or (paid_in and not _is_paid_in(paid_in, place, reader)):
        return None
    free = binding.free
    return Transaction(
        amount=amount,
        counterparty=party,
        remittance=values[free[0]] if len(free) == 1 else " ".join([values[i] for i in free if values[i]]),
        structured_reference=values[at["structured_reference"]],
        end_to_end_id=values[at["end_to_end_id"]] or NOT_PROVIDED,
        instruction_id=values[at["instruction_id"]],
        purpose=values[at["purpose"]],
        ultimate_debtor=values[at["ultimate_debtor"]] or defaults.payer,
        ultimate_creditor=values[at["ultimate_creditor"]] or defaults.payee,
        position=place,
        mandate=_mandate(binding, values, place, defaults, reader) if binding.mandate else None,
        paid_in=paid_in if paid_in != amount.currency else "",
    )


def _is_paid_in(written: str, place: int | None, reader: Told) -> bool:
    if is_currency(written):
        return True
    where = f"PmtInf/{reader.message.record}/{reader.message.equivalent}/CcyOfTrf"
    text = f"{written[:10]!r} is not a currency; the payment is left out."
    reader.problems.error(place, where, "currency", text, "Use a three-letter ISO 4217 code.")
    return False


def _tell_uncarried(binding: Binding, values: list[str], place: int | None, reader: Told) -> None:
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


def _amount(binding: Binding, written: str, place: int | None, tally: Tally, reader: Told) -> Money | None:
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


def _unusual_amount(amount: Decimal, currency: str, written: str, place: int | None, reader: Told) -> Money | None:
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


def _party(binding: Binding, values: list[str], place: int | None, reader: Told) -> Party:
    """The counterparty; a file names the same ones again and again, so those without a fault are made once."""
    key = binding.party_values(values)
    known = binding.parties.get(key)
    if known is not None:
        return known
    party, sound = _new_party(binding, values, place, reader)
    if sound and len(binding.parties) < _MOST_PARTIES:
        binding.parties[key] = party
    return party


def _new_party(binding: Binding, values: list[str], place: int | None, reader: Told) -> tuple[Party, bool]:
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
    account = iban or values[at["account"]]
    member, system = values[at["member"]], values[at["system"]]
    if member or system:
        domestic = "" if iban else clearing.joined(system, member, account)
        account = domestic or account
        if not domestic:
            sound = False
            for path, value in ((CLEARING_MEMBER, member), (CLEARING_SYSTEM, system)):
                if value:
                    reader.not_carried(f"PmtInf/{reader.message.record}/{other}Agt/FinInstnId/{path}", place)
    party = Party(
        name=name,
        account=account,
        bic=values[at["bicfi"]] or values[at["bic"]],
        address=address,
        identification=values[at["identification_of_party"]],
    )
    return party, sound


def _mandate(
    binding: Binding, values: list[str], place: int | None, defaults: Defaults, reader: Told
) -> Mandate | None:
    signed = values[binding.mandate["signed"]]
    if signed and _day(signed) is None:
        field = f"PmtInf/{reader.message.record}/{_MANDATE}/DtOfSgntr"
        reader.problems.error(place, field, "date", f"{signed[:40]!r} is not a date.", "Write it as 2026-01-31.")
    return mandate_of(binding.mandate, values, defaults, amended=binding.amended)


def mandate_of(at: Mapping[str, int], values: Sequence[str], defaults: Defaults, *, amended: bool) -> Mandate | None:
    """The mandate that some values make; ``None`` where they say nothing of one. ``at`` is where each stands."""
    creditor_id = values[at["creditor_id"]]
    mandate = Mandate(
        identification=values[at["identification"]],
        signed=_day(values[at["signed"]]),
        sequence=values[at["sequence"]] or defaults.sequence,
        creditor_id="" if creditor_id == defaults.creditor_id else creditor_id,
        amendment=_amendment(at, values) if amended else None,
    )
    return None if mandate == _NO_MANDATE else mandate


def _amendment(at: Mapping[str, int], values: Sequence[str]) -> Amendment | None:
    amendment = Amendment(
        mandate=values[at["mandate"]],
        creditor_id=values[at["old_creditor_id"]],
        creditor_name=values[at["old_creditor_name"]],
        debtor_account=values[at["old_iban"]] or values[at["old_account"]],
        debtor_bic=values[at["old_bicfi"]] or values[at["old_bic"]] or values[at["old_agent"]],
    )
    return None if amendment == _NO_AMENDMENT else amendment


_NO_AMENDMENT, _NO_MANDATE = Amendment(), Mandate()


@lru_cache(maxsize=4096)
def _day(written: str) -> date | None:
    return iso.date_or_none(written)
