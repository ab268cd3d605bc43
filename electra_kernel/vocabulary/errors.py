"""Errors and problems.

What may live here: the base exception of the package and the ``Problem`` row. An exception stops one piece of
work and always carries a cause and a repair; a problem is data, for work where many are expected (checks, imports).
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning"]

#: What libraries put around their words: numbers and names of errors before, places in their source behind.
_MARKS = re.compile(r"\[(?:Errno -?\d+|[A-Z0-9: _]+)\] ?| \(_ssl\.c:\d+\)")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def cause_of(error: BaseException) -> str:
    """Why an error of the system or of a library came about, as words for the user, who need not know Python."""
    if isinstance(error, UnicodeError):
        return "it is not text in UTF-8."
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    words = _MARKS.sub("", told).strip() or _CAPITAL.sub(" ", type(error).__name__).lower()
    return words if words.endswith((".", "!", "?")) else f"{words}."


class ElectraError(Exception):
    """One clear error: what failed, why, and what the user can do about it.

    Args:
        what: one plain sentence that says what failed.
        cause: why it failed, in plain words; empty where ``what`` already says so.
        repair: what the user should do next.
        where: the place: a file, a line, a field, a bank.
    """

    def __init__(self, what: str, *, cause: str = "", repair: str = "", where: str = "") -> None:
        self.what, self.cause, self.repair, self.where = what, cause, repair, where
        super().__init__(what)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        cause = f" Cause: {self.cause}" if self.cause else ""
        repair = f" Repair: {self.repair}" if self.repair else ""
        return f"{place}{self.what}{cause}{repair}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a file or an order: a row of the ``problems`` table.

    Attributes:
        source: the file's name, or the SHA-256 of its bytes once it is archived.
        position: the line (1-based) in a text or sheet, the byte offset in XML; ``None`` for the whole file.
        field: the field in the user's words or the element's path.
        rule: a short stable name of the broken rule, such as ``amount-decimals``.
        text: what is wrong, one sentence.
        repair: what to do about it, one sentence.
        severity: ``error`` where the row or file cannot be used as it is, ``warning`` otherwise.
    """

    source: str
    position: int | None
    field: str
    rule: str
    text: str
    repair: str
    severity: Severity = "error"

    def as_row(self) -> dict[str, str | int | None]:
        """The problem as one row of the ``problems`` table."""
        return asdict(self)

    def __str__(self) -> str:
        place = self.source if self.position is None else f"{self.source}:{self.position}"
        return f"{place}: {self.field}: {self.text} [{self.rule}] Repair: {self.repair}"


class UnreadableFile(ElectraError):
    """A file from which nothing can be used; it carries the problem that says where and why."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        place = problem.source if problem.position is None else f"{problem.source}, position {problem.position}"
        super().__init__(
            problem.text, cause=f"rule {problem.rule}, field {problem.field}.", repair=problem.repair, where=place
        )
