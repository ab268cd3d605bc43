"""Orders: what is signed and sent as one. Kinds, transactions, life cycle, rulebooks. No bank format, no I/O."""
