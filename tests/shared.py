"""Where tests find the published samples, schemas and vectors that stand beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the samples, schemas and vectors folder `shared` is not beside the project"
)
