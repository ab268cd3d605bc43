"""How the benchmarks measure: medians of several runs, taken in turn, so that a busy machine slows both alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Result:
    """One row: what was measured, against what, the seconds of both and the bar for their ratio."""

    name: str
    seconds: float
    against: str
    baseline: float
    bar: str

    def __str__(self) -> str:
        ratio = self.seconds / self.baseline
        return f"{self.name:<52} {self.seconds:8.3f} s  {ratio:6.2f} × {self.against} ({self.baseline:.3f} s); bar {self.bar}"


def compare(name: str, work: Callable[[], object], against: str, baseline: Callable[[], object], bar: str) -> Result:
    """Medians of both, run in turn."""
    mine, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(seconds(baseline))
        mine.append(seconds(work))
    return Result(name, median(mine), against, median(theirs), bar)


def compare_with(
    name: str, work: Callable[[], object], others: Mapping[str, tuple[Callable[[], object], str]]
) -> list[Result]:
    """Medians of one work and of several others (by what they are: how, and the bar), all run in turn."""
    mine, theirs = list[float](), {label: list[float]() for label in others}
    for _ in range(ROUNDS):
        for label, (other, _) in others.items():
            theirs[label].append(seconds(other))
        mine.append(seconds(work))
    return [Result(name, median(mine), label, median(theirs[label]), bar) for label, (_, bar) in others.items()]


def seconds(work: Callable[[], object]) -> float:
    """How long it takes once."""
    start = perf_counter()
    work()
    return perf_counter() - start
