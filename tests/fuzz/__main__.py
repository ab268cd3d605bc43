"""The long campaign, on every core: ``python -m tests.fuzz [documents] [seed]``. Exit status 0 only without a defect."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from tempfile import mkdtemp

from tests.fuzz.campaign import MEMORY, portion
from tests.fuzz.interleavings import MACHINES, interleave

DOCUMENTS, PORTION = 120_000, 5_000
#: Interleavings of each machine in one round, and rounds, each with a seed of its own.
EXAMPLES, ROUNDS = 250, 4


def main(documents: int, seed: int) -> int:
    """Run portions with seeds one after the other until enough documents were tried."""
    total, memory, codes = 0, 0, Counter[str]()
    folder, defects = Path(mkdtemp(prefix="electra-fuzz-defects-")), 0
    context = multiprocessing.get_context("spawn")
    seeds = range(seed, seed + -(-documents // PORTION))
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        machines = [pool.submit(interleave, name, each, EXAMPLES) for each in seeds[:ROUNDS] for name in MACHINES]
        for done in as_completed([pool.submit(portion, each, PORTION) for each in seeds]):
            used, outcome, peak = done.result()
            total, memory = total + outcome.documents, max(memory, peak)
            codes.update(outcome.codes)
            for defect in outcome.defects:
                place = folder / f"{used}-{defects}.bin"
                place.write_bytes(defect.document)
                print(f"DEFECT (seed {used}): {defect.what}\n  {place}")
                defects += 1
            print(
                f"{total:>8,} documents, {defects} defects, at most {outcome.most_calls:,} calls, {peak >> 20} MB",
                flush=True,
            )
        for machine in machines:
            if wrong := machine.result():
                print(f"DEFECT in an interleaving of loss, repetition and crash:\n{wrong}")
                defects += 1
        print(f"{len(machines) * EXAMPLES:>8,} interleavings of loss, repetition, damage and crash", flush=True)
    print("Answers of the bank:", ", ".join(f"{code} × {count:,}" for code, count in sorted(codes.items())))
    if memory > MEMORY:
        print(f"DEFECT: {memory >> 20} MB of memory; {MEMORY >> 20} are allowed.")
    if not any(folder.iterdir()):
        folder.rmdir()
    return 1 if defects or memory > MEMORY else 0


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    sys.exit(main(*(given + [DOCUMENTS, 1][len(given) :])))
