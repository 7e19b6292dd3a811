"""When something is done by a person's clock: every day or once a week. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EXPECTED = "'off', 'daily@04:00' or a day such as 'sunday@04:00' is expected"
_WRITTEN = re.compile(rf"(daily|{'|'.join(DAYS)})@([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Timetable:
    """A time of the day, on one ``day`` of the week (0 is Monday) or on every one (None)."""

    at: time
    day: int | None = None

    def after(self, instant: datetime, zone: tzinfo) -> datetime:
        """The first time after ``instant`` that a clock in ``zone`` shows this, in UTC.

        A time that the clock jumps over in spring counts as one hour later; of one that it
        shows twice in autumn, the first counts.
        """
        today = instant.astimezone(zone).date()
        for ahead in range(-1, 15):
            date = today + timedelta(days=ahead)
            found = datetime.combine(date, self.at, zone).astimezone(UTC)
            if found > instant and self.day in {None, date.weekday()}:
                return found
        raise AssertionError("no week without this day")


def parse(text: str) -> Timetable | None:
    """``daily@HH:MM`` or ``DAY@HH:MM``; None for ``off``. ValueError with a sentence."""
    if text == "off":
        return None
    found = _WRITTEN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"{EXPECTED}, not {text[:40]!r}")
    day, hour, minute = found.groups()
    return Timetable(time(int(hour), int(minute)), None if day == "daily" else DAYS.index(day))
