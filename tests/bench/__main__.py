"""Runs every benchmark and prints a table: ``python -m tests.bench``."""

from __future__ import annotations

from tests.bench import camt053, ebics, fixedwidth, folder, ledger, mt940, pain, sheets

BENCHES = (camt053, mt940, ledger, folder, ebics, pain, sheets, fixedwidth)

if __name__ == "__main__":
    for bench in BENCHES:
        for result in bench.run():
            print(result, flush=True)
