"""What holds for every test: strangers judge whatever our two sides of EBICS send, whichever test sends it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.judges import Judge, listening


@pytest.fixture(scope="session", autouse=True)
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """Fails at the end of a run in which a document broke its schema, or xmlsec1 found a signature wrong."""
    listener = Judge(tmp_path_factory.mktemp("judged"))
    with listening(listener):
        yield listener
    assert listener.wrong == []
