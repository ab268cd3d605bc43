"""Customer credit transfer initiation, pain.001.001.03 to .12 and the German .002.03 and .003.03: orders to bytes and back.

The versions differ by the rows of ``_SPELLINGS`` only. Source: ISO 20022 message definition reports; the national
versions are cut-down copies of .03 (Deutsche Kreditwirtschaft, DFÜ-Abkommen annex 3) and are read, not written. So is pain.001.001.02, by the
names that it shares with later ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from electra_kernel.formats import initiation, iso
from electra_kernel.formats.base import Reading
from electra_kernel.formats.initiation_records import Message
from electra_kernel.formats.initiation_write import (
    Spelling,
    account,
    bank_of,
    block_head,
    charges,
    checked_orders,
    given,
    group_header,
    party,
    remittance,
    ultimate,
)
from electra_kernel.orders.kinds import Kind, kind_for
from electra_kernel.orders.model import NOT_PROVIDED, Order, Transaction
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

BODY = "CstmrCdtTrfInitn"
_FIRST_BODY = "pain.001.001.02"  # of a time before messages had names

_CHOICE = Spelling("BICFI", "<Dt>", "</Dt>")
_SPELLINGS = {
    "pain.001.001.03": Spelling("BIC"),
    **{f"pain.001.001.{number:02}": Spelling("BICFI") for number in range(4, 8)},
    **{f"pain.001.001.{number:02}": _CHOICE for number in range(8, 13)},
}
#: The versions that are written; the versions that are read whole; the one that banks take today.
VERSIONS = tuple(_SPELLINGS)
READ = (*VERSIONS, "pain.001.002.03", "pain.001.003.03")
USUAL = "pain.001.001.09"


def detect(data: bytes) -> bool:
    """Whether the bytes hold a customer credit transfer initiation of any version."""
    head = iso.head(data)
    return head.body(BODY) is not None or head.body(_FIRST_BODY) is not None


# ------------------------------------------------------------------------------------------------------- write
def write(orders: Order | Sequence[Order], *, version: str = USUAL) -> bytes:
    """One order, or several as payment blocks of one message, schema-valid: UTF-8, one line, the same bytes each time.

    Several orders go under the first one's message id, creation time and initiating party.

    Raises:
        ElectraError: an unknown version, a collection, no order, one without transactions, two with one payment id, or
            a text the message cannot hold.
    """
    several = checked_orders(orders, version, VERSIONS)
    if any(order.collects for order in several):
        raise ElectraError("A collection is no credit transfer.", repair="Write it as a pain.008.")
    blocks = chain.from_iterable(_block(order, _SPELLINGS[version]) for order in several)
    return iso.document(version, f"<{BODY}>{group_header(several)}", *blocks, f"</{BODY}>")


def _block(order: Order, spelling: Spelling) -> Iterator[str]:
    payees = dict[int, tuple[Party, str]]()
    yield (
        f"<PmtInf>{block_head(order, 'TRF')}"
        f"<ReqdExctnDt>{spelling.before_date}{order.execution_date.isoformat()}{spelling.after_date}</ReqdExctnDt>"
        f"<Dbtr>{party(order.debtor)}</Dbtr>"
        f"<DbtrAcct><Id>{account(given('DbtrAcct', order.debtor.account))}</Id></DbtrAcct>"
        f"<DbtrAgt>{bank_of(order.debtor, spelling)}</DbtrAgt>{charges(order.charge_bearer)}"
    )
    for transaction in order.transactions:
        yield _transaction(transaction, spelling, payees)
    yield "</PmtInf>"


def _transaction(transaction: Transaction, spelling: Spelling, payees: dict[int, tuple[Party, str]]) -> str:
    """One payment. ``payees`` keeps each party of this order and what was written of it: many orders pay the same again.

    The parties are kept too: as long as one lives, its ``id`` is that of no other.
    """
    tag, who, amount = iso.tag, transaction.counterparty, transaction.amount
    if amount.amount <= 0:
        raise ElectraError(f"The amount {amount} is not positive.", repair="Give a positive amount.")
    _, written = payees.get(id(who), (who, ""))
    if not written:
        bank = f"<CdtrAgt>{bank_of(who, spelling)}</CdtrAgt>" if who.bic or "/" in who.account else ""
        number = f"<CdtrAcct><Id>{account(who.account)}</Id></CdtrAcct>" if who.account else ""
        written = f"{bank}<Cdtr>{party(who)}</Cdtr>{number}"
        payees[id(who)] = who, written
    payer = ultimate("UltmtDbtr", transaction.ultimate_debtor) if transaction.ultimate_debtor else ""
    payee = ultimate("UltmtCdtr", transaction.ultimate_creditor) if transaction.ultimate_creditor else ""
    purpose = f"<Purp>{tag('Cd', transaction.purpose, 4)}</Purp>" if transaction.purpose else ""
    instruction = tag("InstrId", transaction.instruction_id, 35) if transaction.instruction_id else ""
    return (
        f"<CdtTrfTxInf><PmtId>{instruction}"
        f"{tag('EndToEndId', transaction.end_to_end_id or NOT_PROVIDED, 35)}</PmtId>"
        f"<Amt>{_amount(amount, transaction.paid_in)}</Amt>"
        f"{payer}{written}{payee}{purpose}"
        f"{remittance(transaction)}</CdtTrfTxInf>"
    )


def _amount(amount: Money, paid_in: str) -> str:
    """What is paid, or what is debited for a payment in another currency."""
    figure = iso.amount_text(amount.amount)
    if not paid_in:
        return f'<InstdAmt Ccy="{amount.currency}">{figure}</InstdAmt>'
    return f'<EqvtAmt><Amt Ccy="{amount.currency}">{figure}</Amt>{iso.tag("CcyOfTrf", paid_in, 3)}</EqvtAmt>'


# -------------------------------------------------------------------------------------------------------- read
def _kind(currency: str, level: str, _instrument: str, country: str) -> Kind:
    return kind_for(currency, level, country)


#: What of the message the reader has to know.
MESSAGE = Message(
    body=BODY,
    first_body=_FIRST_BODY,
    record="CdtTrfTxInf",
    own="Dbtr",
    other="Cdtr",
    amount="Amt/InstdAmt",
    dates=("ReqdExctnDt/Dt", "ReqdExctnDt/DtTm", "ReqdExctnDt"),
    method="TRF",
    method_words="transfer",
    versions=READ,
    usual=USUAL,
    kind=_kind,
    own_ultimate="UltmtDbtr",
    equivalent="Amt/EqvtAmt",
)


def read(data: bytes, source: str) -> Reading:
    """Read a file into one order for each payment block, as ``initiation.read`` tells.

    Raises:
        UnreadableFile: not such a message, or broken so that nothing can be used.
    """
    return initiation.read(data, source, MESSAGE)
