"""Customer direct debit initiation, pain.008.001.02 to .11 and the German .002.02 and .003.02: collections to bytes and back.

The versions differ by the rows of ``_SPELLINGS`` only. Source: ISO 20022 message definition reports; EPC130-08 and
EPC131-08 for what SEPA puts into them. The national versions are cut-down copies of .02 (Deutsche Kreditwirtschaft,
DFÜ-Abkommen annex 3) and are read, not written. So is pain.008.001.01, by the
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
    agent,
    bank_of,
    block_head,
    charges,
    checked_orders,
    given,
    group_header,
    is_bic,
    party,
    remittance,
    ultimate,
)
from electra_kernel.orders.kinds import KINDS, collection_kind_for
from electra_kernel.orders.model import NOT_PROVIDED, Amendment, Mandate, Order, Transaction
from electra_kernel.vocabulary.errors import ElectraError

BODY = "CstmrDrctDbtInitn"
_FIRST_BODY = "pain.008.001.01"  # of a time before messages had names

_SPELLINGS = {
    "pain.008.001.02": Spelling("BIC"),
    **{f"pain.008.001.{number:02}": Spelling("BICFI") for number in range(3, 12)},
}
#: The versions that are written; the versions that are read whole; the one that banks take today.
VERSIONS = tuple(_SPELLINGS)
READ = (*VERSIONS, "pain.008.002.02", "pain.008.003.02")
USUAL = "pain.008.001.08"


def detect(data: bytes) -> bool:
    """Whether the bytes hold a customer direct debit initiation of any version."""
    head = iso.head(data)
    return head.body(BODY) is not None or head.body(_FIRST_BODY) is not None


# ------------------------------------------------------------------------------------------------------- write
def write(orders: Order | Sequence[Order], *, version: str = USUAL) -> bytes:
    """One collection, or several as payment blocks of one message, schema-valid: UTF-8, one line, the same bytes each time.

    A sequence that all transactions of an order share stands once, in the payment block. Several orders go under the
    first one's message id, creation time and initiating party.

    Raises:
        ElectraError: an unknown version, an order that pays, no order, one without transactions, two with one payment
            id, or a text the message cannot hold.
    """
    several = checked_orders(orders, version, VERSIONS)
    blocks = chain.from_iterable(_block(order, _SPELLINGS[version]) for order in several)
    return iso.document(version, f"<{BODY}>{group_header(several)}", *blocks, f"</{BODY}>")


def _block(order: Order, spelling: Spelling) -> Iterator[str]:
    if order.creditor is None:
        raise ElectraError("An order that pays is no direct debit.", repair="Write it as a pain.001.")
    creditor, scheme = order.creditor, _scheme(order)
    sequences = {_sequence(transaction) for transaction in order.transactions}
    sequence = sequences.pop() if len(sequences) == 1 else ""
    yield (
        f"<PmtInf>{block_head(order, 'DD', sequence)}"
        f"<ReqdColltnDt>{order.execution_date.isoformat()}</ReqdColltnDt>"
        f"<Cdtr>{party(creditor)}</Cdtr>"
        f"<CdtrAcct><Id>{account(given('CdtrAcct', creditor.account))}</Id></CdtrAcct>"
        f"<CdtrAgt>{bank_of(creditor, spelling)}</CdtrAgt>{charges(order.charge_bearer)}"
        f"{_creditor_id('CdtrSchmeId', order.creditor_id, scheme)}"
    )
    for transaction in order.transactions:
        yield _transaction(transaction, spelling, scheme, own_sequence=not sequence)
    yield "</PmtInf>"


def _sequence(transaction: Transaction) -> str:
    return transaction.mandate.sequence if transaction.mandate else ""


def _scheme(order: Order) -> str:
    """The scheme that gives creditors their ids."""
    kind = KINDS.get(order.kind)
    return "SEPA" if "SEPA" in (order.service_level, kind.service_level if kind else "") else ""


def _creditor_id(name: str, creditor_id: str, scheme: str, creditor: str = "") -> str:
    named = iso.tag("Nm", creditor, 140)
    if not creditor_id and not named:
        return ""
    of_scheme = f"<SchmeNm><Prtry>{scheme}</Prtry></SchmeNm>" if scheme else ""
    who = f"<Id><PrvtId><Othr>{iso.tag('Id', creditor_id, 35)}{of_scheme}</Othr></PrvtId></Id>" if creditor_id else ""
    return f"<{name}>{named}{who}</{name}>"


def _transaction(transaction: Transaction, spelling: Spelling, scheme: str, *, own_sequence: bool) -> str:
    tag, who, amount = iso.tag, transaction.counterparty, transaction.amount
    if amount.amount <= 0:
        raise ElectraError(f"The amount {amount} is not positive.", repair="Give a positive amount.")
    sequence = _sequence(transaction) if own_sequence else ""
    payment_type = f"<PmtTpInf>{tag('SeqTp', sequence, 4)}</PmtTpInf>" if sequence else ""
    purpose = f"<Purp>{tag('Cd', transaction.purpose, 4)}</Purp>" if transaction.purpose else ""
    return (
        f"<DrctDbtTxInf><PmtId>{tag('InstrId', transaction.instruction_id, 35)}"
        f"{tag('EndToEndId', transaction.end_to_end_id or NOT_PROVIDED, 35)}</PmtId>{payment_type}"
        f'<InstdAmt Ccy="{amount.currency}">{iso.amount_text(amount.amount)}</InstdAmt>'
        f"{_mandate(transaction.mandate, spelling, scheme) if transaction.mandate else ''}"
        f"{ultimate('UltmtCdtr', transaction.ultimate_creditor)}"
        f"<DbtrAgt>{bank_of(who, spelling)}</DbtrAgt><Dbtr>{party(who)}</Dbtr>"
        f"<DbtrAcct><Id>{account(given('DbtrAcct', who.account))}</Id></DbtrAcct>"
        f"{ultimate('UltmtDbtr', transaction.ultimate_debtor)}{purpose}{remittance(transaction)}</DrctDbtTxInf>"
    )


def _mandate(mandate: Mandate, spelling: Spelling, scheme: str) -> str:
    tag = iso.tag
    signed = mandate.signed.isoformat() if mandate.signed else ""
    related = (
        f"{tag('MndtId', mandate.identification, 35)}{tag('DtOfSgntr', signed)}"
        f"{_amendment(mandate.amendment, spelling, scheme) if mandate.amendment else ''}"
    )
    inside = (f"<MndtRltdInf>{related}</MndtRltdInf>" if related else "") + _creditor_id(
        "CdtrSchmeId", mandate.creditor_id, scheme
    )
    return f"<DrctDbtTx>{inside}</DrctDbtTx>" if inside else ""


def _amendment(before: Amendment, spelling: Spelling, scheme: str) -> str:
    bic = before.debtor_bic
    bank = agent(bic, spelling) if is_bic(bic) else f"<FinInstnId><Othr>{iso.tag('Id', bic, 35)}</Othr></FinInstnId>"
    return (
        f"<AmdmntInd>true</AmdmntInd><AmdmntInfDtls>{iso.tag('OrgnlMndtId', before.mandate, 35)}"
        f"{_creditor_id('OrgnlCdtrSchmeId', before.creditor_id, scheme, before.creditor_name)}"
        + (f"<OrgnlDbtrAcct><Id>{account(before.debtor_account)}</Id></OrgnlDbtrAcct>" if before.debtor_account else "")
        + (f"<OrgnlDbtrAgt>{bank}</OrgnlDbtrAgt>" if bic else "")
        + "</AmdmntInfDtls>"
    )


# -------------------------------------------------------------------------------------------------------- read
#: What of the message the reader has to know.
MESSAGE = Message(
    body=BODY,
    first_body=_FIRST_BODY,
    record="DrctDbtTxInf",
    own="Cdtr",
    other="Dbtr",
    amount="InstdAmt",
    dates=("ReqdColltnDt",),
    method="DD",
    method_words="direct debit",
    versions=READ,
    usual=USUAL,
    kind=collection_kind_for,
    own_ultimate="UltmtCdtr",
)


def read(data: bytes, source: str) -> Reading:
    """Read a file into one collection for each payment block, as ``initiation.read`` tells.

    Raises:
        UnreadableFile: not such a message, or broken so that nothing can be used.
    """
    return initiation.read(data, source, MESSAGE)
