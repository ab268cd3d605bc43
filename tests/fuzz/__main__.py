"""The long campaign, on every core: ``python -m tests.fuzz [documents] [seed] [files]``. Exit status 0 only without a defect.

Documents are EBICS messages, files are bank files of every format.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from tempfile import mkdtemp

from tests.fuzz.campaign import MEMORY, Outcome, portion
from tests.fuzz.files import file_portion
from tests.fuzz.interleavings import MACHINES, interleave

DOCUMENTS, PORTION = 120_000, 5_000
FILES, FILE_PORTION = 30_000, 2_500
#: Interleavings of each machine in one round, and rounds, each with a seed of its own.
EXAMPLES, ROUNDS = 250, 4


class Tally:
    """What all portions together did and found; defects are kept as files."""

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="electra-fuzz-defects-"))
        self.defects = self.memory = 0
        self.documents = Counter[str]()
        self.codes: dict[str, Counter[str]] = {"documents": Counter(), "files": Counter()}

    def take(self, kind: str, seed: int, outcome: Outcome, peak: int) -> None:
        """One portion more."""
        self.documents[kind] += outcome.documents
        self.memory = max(self.memory, peak)
        self.codes[kind].update(outcome.codes)
        for defect in outcome.defects:
            place = self.folder / f"{kind}-{seed}-{self.defects}.bin"
            place.write_bytes(defect.document)
            print(f"DEFECT (seed {seed}): {defect.what}\n  {place}")
            self.defects += 1
        print(
            f"{self.documents[kind]:>8,} {kind}, {self.defects} defects, at most {outcome.most_calls:,} calls, {peak >> 20} MB",
            flush=True,
        )


def main(documents: int, seed: int, files: int) -> int:
    """Run portions with seeds one after the other until enough documents and files were tried."""
    tally = Tally()
    context = multiprocessing.get_context("spawn")
    seeds = range(seed, seed + -(-documents // PORTION))
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        machines = [pool.submit(interleave, name, each, EXAMPLES) for each in seeds[:ROUNDS] for name in MACHINES]
        portions = {pool.submit(portion, each, PORTION): "documents" for each in seeds}
        for each in range(seed, seed + -(-files // FILE_PORTION)):
            portions[pool.submit(file_portion, each, FILE_PORTION)] = "files"
        for done in as_completed(portions):
            tally.take(portions[done], *done.result())
        for machine in machines:
            if wrong := machine.result():
                print(f"DEFECT in an interleaving of loss, repetition and crash:\n{wrong}")
                tally.defects += 1
        print(f"{len(machines) * EXAMPLES:>8,} interleavings of loss, repetition, damage and crash", flush=True)
    for kind, title in (("documents", "Answers of the bank"), ("files", "Files by format")):
        print(f"{title}:", ", ".join(f"{code} × {count:,}" for code, count in sorted(tally.codes[kind].items())))
    if tally.memory > MEMORY:
        print(f"DEFECT: {tally.memory >> 20} MB of memory; {MEMORY >> 20} are allowed.")
    if not any(tally.folder.iterdir()):
        tally.folder.rmdir()
    return 1 if tally.defects or tally.memory > MEMORY else 0


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    sys.exit(main(*(given + [DOCUMENTS, 1, FILES][len(given) :])))
