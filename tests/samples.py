"""Every published sample, through detection and reading: ``python -m tests.samples`` writes docs/samples.md.

What may live here: the run over ``../shared/samples`` and its table. The samples themselves, and their names, are no
part of the project; the table tells kinds and counts only.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from electra_kernel import formats
from electra_kernel.formats.base import Reading
from electra_kernel.vocabulary.errors import UnreadableFile
from tests.shared import SHARED

PAGE = Path(__file__).parent.parent / "docs" / "samples.md"
#: What lies beside samples and is none: expected results, programs, descriptions.
_BESIDE = frozenset((".py", ".json", ".yaml", ".yml", ".md", ".rules", ".beancount", ".adoc", ".xsd", ".html", ".php"))
#: Where every row is counted in the raw bytes: a pattern for each folder (by its beginning).
_RAW = {
    "camt.05": rb"<(?:\w+:)?Ntry[ >]",
    "pain.001": rb"<(?:\w+:)?CdtTrfTxInf[ >]",
    "pain.008": rb"<(?:\w+:)?DrctDbtTxInf[ >]",
    "mt940": rb"(?m)^:61:",
    "mt942": rb"(?m)^:61:",
    "ofx": rb"(?i)<STMTTRN>",
}

_HEAD = """# Samples

Files that other projects publish as samples are read on every run of the tests, where they are at hand; they are no part
of this project. This table is made by `python -m tests.samples`.

*Whole* means without a problem of severity error; *with problems* means read, with every problem told at its place;
*refused* files have the rule that they break. *Rows* are the entries and payments that were read, *raw* counts the same
in the bytes, where a mark of each row can be counted; both over the files that are read.

| kind | files | whole | with problems | refused, by rule | rows | raw |
|---|---|---|---|---|---|---|
"""


@dataclass(slots=True)
class _Kind:
    files: int = 0
    whole: int = 0
    troubled: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    raw: int | None = None


def samples() -> Iterator[tuple[str, Path]]:
    """Each sample with its kind (the folder it lies in)."""
    for folder in sorted((SHARED / "samples").iterdir()):
        for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if file.is_file() and file.suffix.lower() not in _BESIDE and file.stat().st_size:
                yield folder.name, file


def rows_of(reading: Reading) -> int:
    """Entries and payments that a file says."""
    entries = sum(len(statement.entries) for statement in reading.statements)
    return entries + len(reading.transactions) + sum(len(order.transactions) for order in reading.orders)


def _raw(kind: str, data: bytes) -> int | None:
    pattern = next((pattern for start, pattern in _RAW.items() if kind.startswith(start)), None)
    bare = re.sub(rb"<!--.*?-->", b"", data, flags=re.DOTALL)
    return None if pattern is None else len(re.findall(pattern, bare))


def judged() -> dict[str, _Kind]:
    """What became of every sample, by kind."""
    kinds = defaultdict[str, _Kind](_Kind)
    for kind, file in samples():
        found, data = kinds[kind], file.read_bytes()
        found.files += 1
        try:
            reading = formats.read(data, "sample")
        except UnreadableFile as error:
            found.refused[error.problem.rule] += 1
            continue
        troubled = any(problem.severity == "error" for problem in reading.problems)
        found.troubled += troubled
        found.whole += not troubled
        found.rows += rows_of(reading)
        if (raw := _raw(kind, data)) is not None:
            found.raw = (found.raw or 0) + raw
    return dict(kinds)


def page() -> str:
    """The page as it should be."""
    kinds = judged()
    lines = [
        f"| {name} | {one.files} | {one.whole} | {one.troubled} | "
        f"{', '.join(f'{count} {rule}' for rule, count in sorted(one.refused.items()))} | {one.rows} | "
        f"{'' if one.raw is None else one.raw} |"
        for name, one in kinds.items()
    ]
    total = [
        sum(values)
        for values in zip(*((k.files, k.whole, k.troubled, k.refused.total()) for k in kinds.values()), strict=True)
    ]
    lines.append(f"| all | {total[0]} | {total[1]} | {total[2]} | {total[3]} | | |")
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
