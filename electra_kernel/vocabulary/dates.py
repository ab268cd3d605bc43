"""Clocks and bank calendars.

No code asks the machine for the time: it is handed a ``Clock``. ``system_clock`` is the one that does ask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TypeAlias

import holidays

#: Gives the present moment as an aware UTC datetime.
Clock: TypeAlias = Callable[[], datetime]


def system_clock() -> datetime:
    """The machine's time, aware, in UTC, whole microseconds."""
    return datetime.now(UTC)


@cache
def _holidays(region: str) -> holidays.HolidayBase:
    if region == "TARGET":
        return holidays.financial_holidays("XECB")
    return holidays.country_holidays(region)


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """The days on which a bank settles.

    Attributes:
        region: ``TARGET`` or an ISO 3166 country code such as ``HU``.
        closed: days this bank is closed beside the region's holidays.
        opened: days this bank works although the region rests (transferred working Saturdays).
    """

    region: str = "TARGET"
    closed: frozenset[date] = field(default=frozenset())
    opened: frozenset[date] = field(default=frozenset())

    def is_business_day(self, day: date) -> bool:
        """Whether the bank settles on ``day``."""
        if day in self.opened:
            return True
        return day.weekday() < 5 and day not in self.closed and day not in _holidays(self.region)

    def next_business_day(self, day: date) -> date:
        """``day`` itself where the bank settles on it, otherwise the first later day on which it does."""
        while not self.is_business_day(day):
            day += timedelta(days=1)
        return day
