"""The page about published samples is what reading them gives."""

from __future__ import annotations

from tests.samples import PAGE, page
from tests.shared import needs_shared


@needs_shared
def test_the_page_of_samples_is_what_reading_them_gives() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.samples"
