"""The workbench's memory: database, journal, archive, ledger. No bank protocol and no user interface."""
