"""Customer credit transfer initiation, pain.001.001.03 and .09: orders to bytes and back.

The versions differ by the rows of ``_VERSIONS`` only. What an ``Order`` does not carry is told as a warning with the
element's path, so that nothing is dropped without a word. Source: ISO 20022 message definition reports.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from electra_kernel.formats import iso
from electra_kernel.formats.base import Problems, Reading, unreadable
from electra_kernel.orders.kinds import KINDS, kind_for
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.vocabulary.accounts import is_iban
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money, currency_decimals, is_currency
from electra_kernel.vocabulary.parties import Address, Party

BODY = "CstmrCdtTrfInitn"


@dataclass(frozen=True, slots=True)
class _Version:
    """How one version spells what differs: the BIC's element, and what stands around the execution date."""

    bic: str
    before_date: str
    after_date: str


_VERSIONS = {
    "pain.001.001.03": _Version("BIC", "", ""),
    "pain.001.001.09": _Version("BICFI", "<Dt>", "</Dt>"),
}
VERSIONS = tuple(_VERSIONS)
#: The version that banks take today: what is written where none is asked for.
USUAL = "pain.001.001.09"
_CHARGE_BEARERS = ("", "SLEV", "SHAR", "DEBT", "CRED")
_BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9](?:[A-Z0-9]{3})?")


def detect(data: bytes) -> bool:
    """Whether the bytes hold a customer credit transfer initiation of any version."""
    return iso.head(data).body(BODY) is not None


# ------------------------------------------------------------------------------------------------------- write
def write(order: Order, *, version: str = USUAL) -> bytes:
    """One order as a schema-valid document: UTF-8, one line, the same bytes for the same order.

    Raises:
        ElectraError: an unknown version, an order without transactions, or a text the message cannot hold.
    """
    if version not in _VERSIONS:
        raise ElectraError(f"{version!r} is not written.", repair=f"Use one of {', '.join(VERSIONS)}.")
    if order.collects:
        raise ElectraError("A collection is no credit transfer.", repair="Write it as a pain.008.")
    if not order.transactions:
        raise ElectraError("An order without transactions cannot be written.", repair="Add a transaction.")
    spelling = _VERSIONS[version]
    head = f"<NbOfTxs>{len(order.transactions)}</NbOfTxs><CtrlSum>{_control_sum(order)}</CtrlSum>"
    body = (
        f"<{BODY}><GrpHdr>{_required('MsgId', order.message_id, 35)}"
        f"<CreDtTm>{iso.moment_text(order.created)}</CreDtTm>{head}"
        f"<InitgPty>{_required('Nm', order.initiator or order.debtor.name, 140)}</InitgPty></GrpHdr>"
        f"<PmtInf>{_payment_head(order, spelling, head)}"
        + "".join([_transaction(transaction, spelling) for transaction in order.transactions])
        + f"</PmtInf></{BODY}>"
    )
    return iso.document(version, body)


def _payment_head(order: Order, spelling: _Version, head: str) -> str:
    debtor, level = order.debtor, KINDS[order.kind].service_level if order.kind in KINDS else ""
    batch = "" if order.batch_booking is None else f"<BtchBookg>{str(order.batch_booking).lower()}</BtchBookg>"
    return (
        f"{_required('PmtInfId', order.payment_id, 35)}<PmtMtd>TRF</PmtMtd>{batch}{head}"
        + (f"<PmtTpInf><SvcLvl><Cd>{level}</Cd></SvcLvl></PmtTpInf>" if level else "")
        + f"<ReqdExctnDt>{spelling.before_date}{order.execution_date.isoformat()}{spelling.after_date}</ReqdExctnDt>"
        f"<Dbtr>{_party(debtor)}</Dbtr>"
        f"<DbtrAcct><Id>{_account(_given('DbtrAcct', debtor.account))}</Id></DbtrAcct>"
        f"<DbtrAgt>{_agent(debtor.bic, spelling)}</DbtrAgt>{_charges(order.charge_bearer)}"
    )


def _charges(bearer: str) -> str:
    if bearer not in _CHARGE_BEARERS:
        raise ElectraError(
            f"{bearer[:10]!r} does not say who bears the charges.",
            repair="Use SLEV, SHAR, DEBT, CRED, or leave it out.",
        )
    return iso.tag("ChrgBr", bearer)


def _control_sum(order: Order) -> str:
    total = f"{order.control_sum:f}"
    if len(total.replace(".", "")) > 18:
        raise ElectraError(
            f"The amounts make {total}, which has more digits than the file holds.", repair="Divide the order."
        )
    return total


def _transaction(transaction: Transaction, spelling: _Version) -> str:
    tag, party, amount = iso.tag, transaction.counterparty, transaction.amount
    if amount.amount <= 0:
        raise ElectraError(f"The amount {amount} is not positive.", repair="Give a positive amount.")
    agent = f"<CdtrAgt>{_agent(party.bic, spelling)}</CdtrAgt>" if party.bic else ""
    account = f"<CdtrAcct><Id>{_account(party.account)}</Id></CdtrAcct>" if party.account else ""
    payer = (
        f"<UltmtDbtr>{tag('Nm', transaction.ultimate_debtor, 140)}</UltmtDbtr>" if transaction.ultimate_debtor else ""
    )
    payee = (
        f"<UltmtCdtr>{tag('Nm', transaction.ultimate_creditor, 140)}</UltmtCdtr>"
        if transaction.ultimate_creditor
        else ""
    )
    purpose = f"<Purp>{tag('Cd', transaction.purpose, 4)}</Purp>" if transaction.purpose else ""
    instruction = tag("InstrId", transaction.instruction_id, 35) if transaction.instruction_id else ""
    return (
        f"<CdtTrfTxInf><PmtId>{instruction}"
        f"{tag('EndToEndId', transaction.end_to_end_id or NOT_PROVIDED, 35)}</PmtId>"
        f'<Amt><InstdAmt Ccy="{amount.currency}">{iso.amount_text(amount.amount)}</InstdAmt></Amt>'
        f"{payer}{agent}<Cdtr>{_party(party)}</Cdtr>{account}{payee}{purpose}"
        f"{_remittance(transaction)}</CdtTrfTxInf>"
    )


def _remittance(transaction: Transaction) -> str:
    free, reference = transaction.remittance, transaction.structured_reference
    if not free and not reference:
        return ""
    unstructured = (
        iso.tag("Ustrd", free)
        if len(free) <= 140
        else "".join([iso.tag("Ustrd", line, 140) for line in iso.lines_of(free)])
    )
    if not reference:
        return f"<RmtInf>{unstructured}</RmtInf>"
    # ISO 11649 references are marked as such; other structured references (national ones) carry no code of ISO.
    kind = "<Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp>" if reference.startswith("RF") else ""
    return f"<RmtInf>{unstructured}<Strd><CdtrRefInf>{kind}{iso.tag('Ref', reference, 35)}</CdtrRefInf></Strd></RmtInf>"


def _party(party: Party) -> str:
    who = party.identification and f"<Id><OrgId><Othr>{iso.tag('Id', party.identification, 35)}</Othr></OrgId></Id>"
    name = iso.tag("Nm", party.name, 140) or _given("Nm", party.name)
    return f"{name}{iso.address(party.address)}{who}"


@lru_cache(maxsize=4096)  # a large order pays into few banks, and often into the same accounts
def _agent(bic: str, spelling: _Version) -> str:
    if bic:
        if not _BIC.fullmatch(bic):
            raise ElectraError(f"{bic[:20]!r} is not a BIC.", repair="A BIC has 8 or 11 letters and digits.")
        return f"<FinInstnId>{iso.tag(spelling.bic, bic, 11)}</FinInstnId>"
    return f"<FinInstnId><Othr><Id>{NOT_PROVIDED}</Id></Othr></FinInstnId>"


_LETTERS = {ord(letter): str(number) for number, letter in enumerate(string.ascii_uppercase, 10)}
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


@lru_cache(maxsize=4096)
def _account(account: str) -> str:
    # ISO 13616 modulo 97; the country's own rules are the rulebook's matter, not the file's.
    if _IBAN.fullmatch(account):
        number, checked = account[4:], account[:4].translate(_LETTERS)
        if int((number if number.isdigit() else number.translate(_LETTERS)) + checked) % 97 == 1:
            return f"<IBAN>{account}</IBAN>"
    return f"<Othr>{iso.tag('Id', account, 34)}</Othr>"


def _given(name: str, value: str) -> str:
    if not value:
        raise ElectraError(f"The order gives no {name}.", repair="Fill it in before the order is written.")
    return value


def _required(name: str, value: str, limit: int) -> str:
    return iso.tag(name, _given(name, value), limit)


# -------------------------------------------------------------------------------------------------------- read
_PARTY = {"Nm", "PstlAdr/StrtNm", "PstlAdr/BldgNb", "PstlAdr/PstCd", "PstlAdr/TwnNm", "PstlAdr/Ctry", "PstlAdr/AdrLine"}
_IDENTIFIED = {*_PARTY, "Id/OrgId/Othr/Id"}
_AGENT = {"FinInstnId/BIC", "FinInstnId/BICFI"}
_ACCOUNT = {"Id/IBAN", "Id/Othr/Id"}


def _below(name: str, paths: set[str]) -> set[str]:
    return {f"{name}/{path}" for path in paths}


_GROUP_CARRIED = {"MsgId", "CreDtTm", "NbOfTxs", "CtrlSum", "InitgPty/Nm"}
_PAYMENT_CARRIED = {
    *("PmtInfId", "PmtMtd", "BtchBookg", "NbOfTxs", "CtrlSum", "PmtTpInf/SvcLvl/Cd", "ReqdExctnDt", "ReqdExctnDt/Dt"),
    *("ChrgBr", "UltmtDbtr/Nm"),
    *_below("Dbtr", _IDENTIFIED),
    *_below("DbtrAcct", _ACCOUNT),
    *_below("DbtrAgt", _AGENT),
}
_TRANSACTION_CARRIED = {
    *("PmtId/InstrId", "PmtId/EndToEndId", "PmtTpInf/SvcLvl/Cd", "Amt/InstdAmt", "ChrgBr", "UltmtDbtr/Nm"),
    *("UltmtCdtr/Nm", "Purp/Cd", "RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref"),
    *_below("Cdtr", _IDENTIFIED),
    *_below("CdtrAcct", _ACCOUNT),
    *_below("CdtrAgt", _AGENT),
}
#: Two ways to write one value: where both stand, one of them is not carried.
_SAME = {
    "CdtrAcct/Id/Othr/Id": "CdtrAcct/Id/IBAN",
    "DbtrAcct/Id/Othr/Id": "DbtrAcct/Id/IBAN",
    "CdtrAgt/FinInstnId/BICFI": "CdtrAgt/FinInstnId/BIC",
    "DbtrAgt/FinInstnId/BICFI": "DbtrAgt/FinInstnId/BIC",
}
#: Elements whose text may stand several times in one transaction or payment block and is all carried.
_REPEATED = {"RmtInf/Ustrd", "Cdtr/PstlAdr/AdrLine", "Dbtr/PstlAdr/AdrLine"}


def read(data: bytes, source: str) -> Reading:
    """Read a file into one order for each payment block.

    The orders of a file with several blocks share its message id. A creation time without an offset is taken for UTC.
    Several free texts of one payment are joined by a space.

    Raises:
        UnreadableFile: not such a message, or broken so that nothing can be used.
    """
    message = iso.parse_message(data, source, BODY, VERSIONS)
    problems = Problems(source)
    message.warn_unnamed(problems)
    body = message.body
    transactions = list(body.iter("CdtTrfTxInf"))
    places = dict(zip(transactions, iso.offsets(data, "CdtTrfTxInf", len(transactions)), strict=True))
    header = body.find("GrpHdr")
    blocks = body.findall("PmtInf")
    if header is None or not blocks:
        raise unreadable(
            source, "incomplete", "The file holds no group header or no payment block.", "Export it again.", field=BODY
        )
    _report_uncarried(header, "GrpHdr", _GROUP_CARRIED, set(), problems)
    for stray in body:
        if stray is not header and stray.tag != "PmtInf":
            _not_carried(problems, str(stray.tag), None)
    _check_sums(header, transactions, "GrpHdr", problems)
    block_places = iso.offsets(data, "PmtInf", len(blocks))
    base = _base(header, problems)
    orders = []
    for block, place in zip(blocks, block_places, strict=True):
        orders.append(_order(block, place, base, places, problems))
    if len(blocks) > 1:
        problems.warn_once(
            "PmtInf",
            "several-blocks",
            f"The file holds {len(blocks)} payment blocks; each becomes an order of its own.",
            "Check, sign and send each of the orders.",
        )
    return Reading(format=message.version, orders=tuple(orders), problems=problems.rows())


@dataclass(frozen=True, slots=True)
class _Base:
    message_id: str
    created: datetime
    initiator: str


def _base(header: iso.Element, problems: Problems) -> _Base:
    message_id, created = iso.text(header, "MsgId"), iso.moment_or_none(iso.text(header, "CreDtTm"))
    if not message_id:
        problems.error(None, "GrpHdr/MsgId", "missing", "The message has no id.", "Give it a unique id.")
    if created is None:
        problems.error(
            None,
            "GrpHdr/CreDtTm",
            "moment",
            f"{iso.text(header, 'CreDtTm')[:40]!r} is not a date and time.",
            "Write it as 2026-01-31T12:00:00Z.",
        )
    return _Base(message_id, created or datetime.min.replace(tzinfo=UTC), iso.text(header, "InitgPty/Nm"))


def _order(
    block: iso.Element,
    place: int | None,
    base: _Base,
    places: dict[iso.Element, int | None],
    problems: Problems,
) -> Order:
    elements = block.findall("CdtTrfTxInf")
    _report_uncarried(block, "PmtInf", _PAYMENT_CARRIED, {"CdtTrfTxInf"}, problems, place)
    _check_sums(block, elements, "PmtInf", problems, place)
    debtor = _read_party(block, "Dbtr", place, problems)
    payer = iso.text(block, "UltmtDbtr/Nm")
    transactions = []
    for element in elements:
        transaction = _read_transaction(element, places.get(element), payer, problems)
        if transaction is not None:
            transactions.append(transaction)
    level = _service_level(block, elements, places, problems)
    currency = transactions[0].amount.currency if transactions else ""
    kind = kind_for(currency, level, debtor.account[:2]).code
    _check_method(block, level, kind, place, problems)
    return Order(
        message_id=base.message_id,
        payment_id=iso.text(block, "PmtInfId"),
        kind=kind,
        debtor=debtor,
        execution_date=_execution_date(block, place, problems),
        created=base.created,
        transactions=tuple(transactions),
        initiator=base.initiator,
        batch_booking=_batch(iso.text(block, "BtchBookg"), place, problems),
        charge_bearer=_charge_bearer(block, elements, place, problems),
    )


def _service_level(
    block: iso.Element, elements: list[iso.Element], places: dict[iso.Element, int | None], problems: Problems
) -> str:
    """The block's level or, where it states none, the first payment's; a payment that differs is told."""
    below = [iso.text(element, "PmtTpInf/SvcLvl/Cd") for element in elements]
    level = iso.text(block, "PmtTpInf/SvcLvl/Cd")
    alike = {"", level} if level else set(below[:1])
    for element, own in zip(elements, below, strict=True):
        if own not in alike:
            _not_carried(problems, "PmtInf/CdtTrfTxInf/PmtTpInf/SvcLvl/Cd", places.get(element))
    return level or next(iter(below), "")


def _check_method(block: iso.Element, level: str, kind: str, place: int | None, problems: Problems) -> None:
    method = iso.text(block, "PmtMtd")
    if method != "TRF":
        problems.error(
            place, "PmtInf/PmtMtd", "payment-method", f"The payment method {method[:10]!r} is no transfer.", "Use TRF."
        )
    if level and level != KINDS[kind].service_level:
        _not_carried(problems, "PmtInf/PmtTpInf/SvcLvl/Cd", place)


def _execution_date(block: iso.Element, place: int | None, problems: Problems) -> date:
    found = iso.first_text(block, "ReqdExctnDt/Dt", "ReqdExctnDt/DtTm", "ReqdExctnDt")
    day = iso.date_or_none(found)
    if day is None:
        problems.error(
            place,
            "PmtInf/ReqdExctnDt",
            "date",
            f"{found[:40]!r} is not a date." if found else "The execution date is missing.",
            "Write the date as 2026-01-31.",
        )
    return day or date.min


def _batch(value: str, place: int | None, problems: Problems) -> bool | None:
    known = {"": None, "true": True, "1": True, "false": False, "0": False}
    if value not in known:
        problems.error(place, "PmtInf/BtchBookg", "boolean", f"{value[:20]!r} is not true or false.", "Correct it.")
    return known.get(value)


def _charge_bearer(block: iso.Element, elements: list[iso.Element], place: int | None, problems: Problems) -> str:
    own = iso.text(block, "ChrgBr")
    below = {iso.text(element, "ChrgBr") for element in elements}
    if not own and len(below) == 1:
        own = next(iter(below))
    if below - {"", own}:
        _not_carried(problems, "PmtInf/CdtTrfTxInf/ChrgBr", place)
    return own


def _read_transaction(element: iso.Element, place: int | None, payer: str, problems: Problems) -> Transaction | None:
    _report_uncarried(element, "PmtInf/CdtTrfTxInf", _TRANSACTION_CARRIED, set(), problems, place)
    amount = _read_amount(element, place, problems)
    counterparty = _read_party(element, "Cdtr", place, problems)
    if amount is None:
        return None
    reference = iso.text(element, "RmtInf/Strd/CdtrRefInf/Ref")
    return Transaction(
        amount=amount,
        counterparty=counterparty,
        remittance=" ".join(iso.texts(element, "RmtInf/Ustrd")),
        structured_reference=reference,
        end_to_end_id=iso.text(element, "PmtId/EndToEndId") or NOT_PROVIDED,
        instruction_id=iso.text(element, "PmtId/InstrId"),
        purpose=iso.text(element, "Purp/Cd"),
        ultimate_debtor=iso.text(element, "UltmtDbtr/Nm") or payer,
        ultimate_creditor=iso.text(element, "UltmtCdtr/Nm"),
        position=place,
    )


def _read_amount(element: iso.Element, place: int | None, problems: Problems) -> Money | None:
    field = "PmtInf/CdtTrfTxInf/Amt/InstdAmt"
    found = element.find("Amt/InstdAmt")
    written, currency = iso.text(found), "" if found is None else str(found.get("Ccy", ""))
    amount = iso.decimal_or_none(written)
    if amount is None or amount <= 0:
        said = f"{written[:40]!r} is not a positive amount" if written else "There is no instructed amount"
        problems.error(
            place,
            field,
            "amount",
            f"{said}; the payment is left out.",
            "Write digits with a decimal point, like 12.50.",
        )
        return None
    if not is_currency(currency):
        problems.error(
            place,
            field,
            "currency",
            f"{currency[:10]!r} is not a currency; the payment is left out.",
            "Use a three-letter ISO 4217 code.",
        )
        return None
    if -int(amount.normalize().as_tuple().exponent) > currency_decimals(currency):
        problems.error(
            place,
            field,
            "amount-decimals",
            f"{written[:40]} has more decimals than {currency} has.",
            f"Write at most {currency_decimals(currency)} decimals.",
        )
    return Money(amount, currency)


def _read_party(element: iso.Element, side: str, place: int | None, problems: Problems) -> Party:
    name = iso.text(element, f"{side}/Nm")
    if not name:
        problems.error(place, f"{side}/Nm", "missing", "The party has no name.", "Give the name of the party.")
    address = element.find(f"{side}/PstlAdr")
    return Party(
        name=name,
        account=_read_account(element, side, place, problems),
        bic=iso.first_text(element, f"{side}Agt/FinInstnId/BICFI", f"{side}Agt/FinInstnId/BIC"),
        address=Address()
        if address is None
        else Address(
            street=iso.text(address, "StrtNm"),
            building=iso.text(address, "BldgNb"),
            post_code=iso.text(address, "PstCd"),
            town=iso.text(address, "TwnNm"),
            country=iso.text(address, "Ctry"),
            lines=tuple(iso.texts(address, "AdrLine")),
        ),
        identification=iso.text(element, f"{side}/Id/OrgId/Othr/Id"),
    )


def _read_account(element: iso.Element, side: str, place: int | None, problems: Problems) -> str:
    iban = "".join(iso.text(element, f"{side}Acct/Id/IBAN").split())
    other = iso.text(element, f"{side}Acct/Id/Othr/Id")
    if iban and not is_iban(iban):
        problems.error(
            place, f"{side}Acct/Id/IBAN", "account", f"{iban[:40]!r} is not an IBAN.", "Copy the IBAN again."
        )
    if not iban and not other and side == "Dbtr":
        problems.error(place, "DbtrAcct", "missing", "The debtor has no account.", "Give the account to be debited.")
    return iban or other


def _check_sums(
    element: iso.Element, transactions: list[iso.Element], where: str, problems: Problems, place: int | None = None
) -> None:
    number, total = iso.text(element, "NbOfTxs"), iso.text(element, "CtrlSum")
    if number and number != str(len(transactions)) and number.lstrip("0") != str(len(transactions)):
        problems.error(
            place,
            f"{where}/NbOfTxs",
            "transaction-count",
            f"The file says {number[:20]} transactions and holds {len(transactions)}.",
            "Ask for the whole file again.",
        )
    amounts = [iso.decimal_or_none(iso.text(transaction, "Amt/InstdAmt")) for transaction in transactions]
    if not total or None in amounts:
        return
    said = iso.decimal_or_none(total)
    held = sum((amount for amount in amounts if amount is not None), Decimal(0))
    if said != held:
        problems.error(
            place,
            f"{where}/CtrlSum",
            "control-sum",
            f"The control sum says {total[:40]}; the amounts make {held}.",
            "Ask for the whole file again.",
        )


def _report_uncarried(
    element: iso.Element,
    where: str,
    carried: set[str],
    apart: set[str],
    problems: Problems,
    place: int | None = None,
) -> None:
    seen: set[str] = set()
    for path, leaf in iso.leaf_paths(element, apart):
        value = (leaf.text or "").strip()
        if not value and not leaf.attrib:
            continue
        kept = path in carried or _implied(path, value, element)
        kind = _SAME.get(path, path)
        if not kept or (kind in seen and path not in _REPEATED):
            _not_carried(problems, f"{where}/{path}", place)
        seen.add(kind)


def _implied(path: str, value: str, element: iso.Element) -> bool:
    """Whether the element says only what the writer says by itself."""
    if path.endswith("Agt/FinInstnId/Othr/Id"):
        return value == NOT_PROVIDED
    if path == "RmtInf/Strd/CdtrRefInf/Tp/CdOrPrtry/Cd":
        return value == "SCOR" and iso.text(element, "RmtInf/Strd/CdtrRefInf/Ref").startswith("RF")
    return False


def _not_carried(problems: Problems, path: str, place: int | None) -> None:
    problems.warn_once(
        path,
        "element-not-carried",
        f"{path} is not carried over into the order.",
        "Send the original file unchanged where this element matters.",
        place,
    )
