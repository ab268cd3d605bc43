"""Writing what the messages that initiate payments have in common: pain.001 and pain.008.

What may live here: the elements that both messages hold, as text in the schema's order. A version differs by its
``Spelling`` only. Nothing is ever cut: what does not fit is refused with the element's name.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from electra_kernel.formats import clearing, iso
from electra_kernel.orders.kinds import KINDS
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Party
from electra_kernel.vocabulary.references import is_qr_iban


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one version spells what differs: the BIC's element, and what stands around the execution date."""

    bic: str
    before_date: str = ""
    after_date: str = ""


_CHARGE_BEARERS = ("", "SLEV", "SHAR", "DEBT", "CRED")
_BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9](?:[A-Z0-9]{3})?")


def checked_orders(orders: Order | Sequence[Order], version: str, versions: tuple[str, ...]) -> tuple[Order, ...]:
    """The orders of one message, one payment block each.

    Raises:
        ElectraError: an unknown version, no order, one without transactions, or two with one payment id.
    """
    if version not in versions:
        raise ElectraError(f"{version!r} is not written.", repair=f"Use one of {', '.join(versions)}.")
    several = (orders,) if isinstance(orders, Order) else tuple(orders)
    if not several or not all(order.transactions for order in several):
        raise ElectraError("An order without transactions cannot be written.", repair="Add a transaction.")
    counted = Counter(order.payment_id for order in several)
    twice = next((name for name, count in counted.items() if count > 1), None)
    if twice is not None:
        raise ElectraError(f"Several orders have the payment id {twice[:35]!r}.", repair="Give each an id of its own.")
    return several


def group_header(orders: Sequence[Order]) -> str:
    """``GrpHdr`` of the message: the first order's id, time and initiating party, and the counts of all."""
    first = orders[0]
    return (
        f"<GrpHdr>{required('MsgId', first.message_id, 35)}<CreDtTm>{iso.moment_text(first.created)}</CreDtTm>"
        f"{counts_of(orders)}<InitgPty>{required('Nm', first.initiator or first.own.name, 140)}</InitgPty></GrpHdr>"
    )


def counts_of(orders: Sequence[Order]) -> str:
    """``NbOfTxs`` and ``CtrlSum``, as both the header and the block hold them."""
    count = sum(len(order.transactions) for order in orders)
    return f"<NbOfTxs>{count}</NbOfTxs><CtrlSum>{_control_sum(orders)}</CtrlSum>"


def block_head(order: Order, method: str, sequence: str = "") -> str:
    """The beginning of ``PmtInf`` up to the payment type."""
    batch = "" if order.batch_booking is None else f"<BtchBookg>{str(order.batch_booking).lower()}</BtchBookg>"
    return (
        f"{required('PmtInfId', order.payment_id, 35)}<PmtMtd>{method}</PmtMtd>{batch}{counts_of([order])}"
        f"{_payment_type(order, sequence)}"
    )


def _payment_type(order: Order, sequence: str) -> str:
    kind = KINDS.get(order.kind)
    level = order.service_level or (kind.service_level if kind else "")
    instrument = order.local_instrument or (kind.local_instrument if kind else "")
    inside = (
        _choice("SvcLvl", level, 4)
        + _choice("LclInstrm", instrument, 35)
        + iso.tag("SeqTp", sequence, 4)
        + _choice("CtgyPurp", order.category_purpose, 4)
    )
    return f"<PmtTpInf>{inside}</PmtTpInf>" if inside else ""


def _choice(name: str, code: str, limit: int) -> str:
    return f"<{name}>{iso.tag('Cd', code, limit)}</{name}>" if code else ""


def charges(bearer: str) -> str:
    """``ChrgBr``, or nothing."""
    if bearer not in _CHARGE_BEARERS:
        raise ElectraError(
            f"{bearer[:10]!r} does not say who bears the charges.",
            repair="Use SLEV, SHAR, DEBT, CRED, or leave it out.",
        )
    return iso.tag("ChrgBr", bearer)


def _control_sum(orders: Sequence[Order]) -> str:
    total = f"{sum((order.control_sum for order in orders), Decimal(0)):f}"
    if len(total.replace(".", "")) > 18:
        raise ElectraError(
            f"The amounts make {total}, which has more digits than the file holds.", repair="Divide the order."
        )
    return total


def ultimate(name: str, party: str) -> str:
    """``UltmtDbtr`` or ``UltmtCdtr``, or nothing."""
    return f"<{name}>{iso.tag('Nm', party, 140)}</{name}>" if party else ""


def remittance(transaction: Transaction) -> str:
    """``RmtInf``, or nothing."""
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
    # ISO 11649 references are marked as such, Swiss QR references as theirs; other national ones carry no mark.
    kind = "<Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp>" if reference.startswith("RF") else ""
    if not kind and is_qr_iban(transaction.counterparty.account):
        kind = "<Tp><CdOrPrtry><Prtry>QRR</Prtry></CdOrPrtry></Tp>"
    return f"<RmtInf>{unstructured}<Strd><CdtrRefInf>{kind}{iso.tag('Ref', reference, 35)}</CdtrRefInf></Strd></RmtInf>"


def party(who: Party) -> str:
    """What stands inside a party's element."""
    known_as = who.identification and f"<Id><OrgId><Othr>{iso.tag('Id', who.identification, 35)}</Othr></OrgId></Id>"
    name = iso.tag("Nm", who.name, 140) or given("Nm", who.name)
    return f"{name}{iso.address(who.address)}{known_as}"


def is_bic(text: str) -> bool:
    """Whether it has a BIC's shape (ISO 9362)."""
    return _BIC.fullmatch(text) is not None


@lru_cache(maxsize=4096)  # a large order pays into few banks, and often into the same accounts
def agent(bic: str, spelling: Spelling) -> str:
    """``FinInstnId``: the bank by its BIC, or the word that none is given."""
    if bic:
        if not _BIC.fullmatch(bic):
            raise ElectraError(f"{bic[:20]!r} is not a BIC.", repair="A BIC has 8 or 11 letters and digits.")
        return f"<FinInstnId>{iso.tag(spelling.bic, bic, 11)}</FinInstnId>"
    return f"<FinInstnId><Othr><Id>{NOT_PROVIDED}</Id></Othr></FinInstnId>"


def bank_of(who: Party, spelling: Spelling) -> str:
    """``FinInstnId`` of a party's bank: by its BIC, by its clearing system where the account names that, or by both."""
    domestic = clearing.parted(who.account)
    if domestic is None:
        return agent(who.bic, spelling)
    member = (
        f"<ClrSysMmbId><ClrSysId><Cd>{domestic.system}</Cd></ClrSysId><MmbId>{domestic.member}</MmbId></ClrSysMmbId>"
    )
    named = agent(who.bic, spelling) if who.bic else "<FinInstnId></FinInstnId>"
    return named.replace("</FinInstnId>", f"{member}</FinInstnId>")


_LETTERS = {ord(letter): str(number) for number, letter in enumerate(string.ascii_uppercase, 10)}
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


@lru_cache(maxsize=4096)
def account(number: str) -> str:
    """``IBAN`` where it is one, else ``Othr``: without the bank's code where that stands beside it (``bank_of``)."""
    # ISO 13616 modulo 97; the country's own rules are the rulebook's matter, not the file's.
    if _IBAN.fullmatch(number):
        domestic, checked = number[4:], number[:4].translate(_LETTERS)
        if int((domestic if domestic.isdigit() else domestic.translate(_LETTERS)) + checked) % 97 == 1:
            return f"<IBAN>{number}</IBAN>"
    parts = clearing.parted(number)
    return f"<Othr>{iso.tag('Id', parts.number if parts else number, 34)}</Othr>"


def given(name: str, value: str) -> str:
    """The value.

    Raises:
        ElectraError: it is empty.
    """
    if not value:
        raise ElectraError(f"The order gives no {name}.", repair="Fill it in before the order is written.")
    return value


def required(name: str, value: str, limit: int) -> str:
    """An element that must not be empty."""
    return iso.tag(name, given(name, value), limit)
