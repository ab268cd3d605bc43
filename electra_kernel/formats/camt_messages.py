"""The three bank-to-customer messages side by side: what each is called, and which versions are known. No reading here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from electra_kernel.statements.model import NOTIFICATION, REPORT, STATEMENT

#: Versions of the three messages that ISO has published; others are read by the same names, and told.
PUBLISHED = range(2, 14)


@dataclass(frozen=True)
class Message:
    """One of the three messages.

    Attributes:
        name: such as ``camt.053``.
        kind: what its reports are, as in ``Statement.kind``.
        body: the message's element.
        report: the element of one account's report; the names of elements in it contain it, such as ``AddtlStmtInf``.
    """

    name: str
    kind: str
    body: str
    report: str

    @cached_property
    def rank(self) -> Mapping[str, int]:
        """The place of each element of a report in the schema's sequence, all versions together."""
        names = (
            *("Id", f"{self.report}Pgntn", "ElctrncSeqNb", "RptgSeq", "LglSeqNb", "CreDtTm", "FrToDt", "CpyDplctInd"),
            *("RptgSrc", "Acct", "RltdAcct", "Intrst", "Bal", "TxsSummry", "Ntry", f"Addtl{self.report}Inf"),
        )
        return {name: rank for rank, name in enumerate(names)}

    @property
    def assumed(self) -> str:
        """The version a file without one is called by."""
        return f"{self.name}.001.08"


REPORTS = Message("camt.052", REPORT, "BkToCstmrAcctRpt", "Rpt")
STATEMENTS = Message("camt.053", STATEMENT, "BkToCstmrStmt", "Stmt")
NOTIFICATIONS = Message("camt.054", NOTIFICATION, "BkToCstmrDbtCdtNtfctn", "Ntfctn")
MESSAGES = (REPORTS, STATEMENTS, NOTIFICATIONS)
