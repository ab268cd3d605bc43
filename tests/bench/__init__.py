"""Benchmarks: what is fast stays fast. Ratios within one run, printed, never asserted."""

import os

# What is measured shows its progress as ever, but into nothing: the table stays readable.
os.environ.setdefault("TQDM_DISABLE", "1")
