"""Analyses over the ledger's columns (``statements.columns``): positions, flows, reconciliation, interest, cash pools.

What may live here: functions that take Ibis tables and give Ibis expressions, which the caller executes on whatever
engine holds the ledger; exact arithmetic over the few figures that come out; drawing them. No reading of files.
"""

from electra_kernel.analysis.cashpool import Sweep, Transfer, notional_benefit, sweep
from electra_kernel.analysis.flows import concentration, counterparties, fees, flows, payments, top_counterparties
from electra_kernel.analysis.interest import Interest, account_interest, interest_for, year_fraction
from electra_kernel.analysis.position import daily_balances, position
from electra_kernel.analysis.reconcile import reconcile, sent_transactions

__all__ = [
    "Interest",
    "Sweep",
    "Transfer",
    "account_interest",
    "concentration",
    "counterparties",
    "daily_balances",
    "fees",
    "flows",
    "interest_for",
    "notional_benefit",
    "payments",
    "position",
    "reconcile",
    "sent_transactions",
    "sweep",
    "top_counterparties",
    "year_fraction",
]
