"""SWIFT statements beside the parsers of other projects, on published files: no fewer files, the same counts and sums.

Peers that are not installed are left out, with a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from electra_kernel import formats
from electra_kernel.vocabulary.errors import UnreadableFile
from tests.shared import SHARED, needs_shared

pytestmark = needs_shared
Found = tuple[int, Decimal]
_RARE_MARKS = re.compile(rb"(?m)^:61:[0-9]{6,10}(?:R[CD]|[cd])")
_BESIDE = (".json", ".yml", ".ofx", ".bal", ".test", ".md")


def _samples() -> list[Path]:
    found = (path for kind in ("mt940", "mt942") for path in (SHARED / "samples" / kind).rglob("*"))
    return sorted(path for path in found if path.is_file() and path.suffix not in _BESIDE)


def _ours(path: Path) -> Found | None:
    try:
        entries = formats.read_tables(path.read_bytes(), path.name).entries
    except UnreadableFile:
        return None
    return entries.num_rows, sum(entries["amount"].to_pylist(), Decimal(0))


def _mt_940(path: Path) -> Found | None:
    try:
        found = [each for each in import_module("mt940").parse(str(path)) if each.data.get("amount") is not None]
    except Exception:  # whatever it refuses a file with
        return None
    return len(found), sum((each.data["amount"].amount for each in found), Decimal(0))


def _bankstatementparser(path: Path) -> Found | None:
    module = import_module("bankstatementparser")
    parser = module.Mt942Parser if "mt942" in path.parts else module.Mt940Parser
    try:
        table = parser(path).parse()
    except Exception:  # whatever it refuses a file with
        return None
    return len(table), sum((Decimal(str(amount)) for amount in table["amount"]), Decimal(0)) if len(table) else Decimal(
        0
    )


def _tags(path: Path) -> int:
    return len(re.findall(rb"(?m)(?:^|\r)[ \t]*:61 ?:", path.read_bytes()))


@pytest.mark.parametrize(
    ("module", "peer"),
    [("mt940", _mt_940), ("bankstatementparser", _bankstatementparser)],
    ids=["mt-940", "bankstatementparser"],
)
def test_no_peer_reads_more_and_none_finds_other_figures(module: str, peer: Callable[[Path], Found | None]) -> None:
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    samples = _samples()
    theirs = {path: peer(path) for path in samples}
    mine = {path: _ours(path) for path in samples}
    read = [path for path in samples if theirs[path] is not None]
    whole = [path for path in read if theirs[path][0] == _tags(path)]  # type: ignore[index]
    assert sum(found is not None for found in mine.values()) >= len(read)
    assert all(found is not None and found[0] == _tags(path) for path, found in mine.items())
    # One peer books the reversal of a credit, and marks in small letters, on the wrong side: the balances say so.
    other = [path for path in whole if theirs[path] != mine[path] and not _RARE_MARKS.search(path.read_bytes())]
    print(f"{module}: {len(read)} of {len(samples)} read, {len(whole)} with all entries; other sums: {other}")
    assert not other
