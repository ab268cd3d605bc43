"""Benchmarks: what is fast stays fast. Ratios within one run, printed, never asserted."""
