"""Electra workbench: orders, statements and channels as objects, for notebooks, scripts and the shell."""
