"""Statements: what the bank reports of an account, its proof, and the columns of the ledger. No bank format, no I/O."""
