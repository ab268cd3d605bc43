"""Analyses as Ibis expressions over the ledger's columns. No reading of files, no plots, no I/O of its own."""
