"""A row of a benchmark's table that is no comparison of seconds. Nothing else lives here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and the outcome in words."""

    name: str
    words: str

    def __str__(self) -> str:
        return f"{self.name:<52} {self.words}"
