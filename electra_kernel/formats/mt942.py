"""Interim reports, SWIFT MT942 (transactions) and MT941 (balances): told apart, read and written.

Reading is in ``mt_statements``, the writer of all statement messages in ``mt940``. An MT942 has no balances, so what is
proved is the bank's own count and sum of debits and credits (90D, 90C).
"""

from __future__ import annotations

from collections.abc import Sequence

from electra_kernel.formats import mt940, mt_kinds, mt_statements
from electra_kernel.statements.model import Statement
from electra_kernel.vocabulary.errors import Problem

read = mt_statements.read
read_tables = mt_statements.read_tables

KINDS = ("942", "941")


def detect(data: bytes) -> bool:
    """Whether the bytes are interim reports (MT942 or MT941)."""
    return mt_kinds.kind_of(data) in KINDS


def write(statements: Sequence[Statement], *, kind: str = "942") -> bytes:
    """Statements as interim reports (``942``) or balance reports (``941``).

    Raises:
        ElectraError: as ``mt940.write``.
    """
    return mt940.write(statements, kind=kind)


def write_told(statements: Sequence[Statement], *, kind: str = "942") -> tuple[bytes, tuple[Problem, ...]]:
    """As ``write``, and what was left out or changed."""
    return mt940.write_told(statements, kind=kind)
