"""How many messages left of late, and when there is room for another. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.manners import UNITS, Cap

WINDOWS_S = tuple(UNITS.values())


@dataclass(frozen=True, slots=True)
class Spent:
    """``count`` messages of ``rule`` to ``channel`` within ``window_s``, the first at a time."""

    channel: str
    rule: str
    window_s: int
    count: int
    oldest_at: datetime


class Usage:
    """What was sent within each window: of a rule to a channel, and to a channel in all."""

    def __init__(self, spent: Iterable[Spent] = ()) -> None:
        self._counts: dict[tuple[str, str | None, int], tuple[int, datetime]] = {}
        for each in spent:
            self._add(each)

    def _add(self, each: Spent) -> None:
        for rule in (each.rule, None):
            key = (each.channel, rule, each.window_s)
            count, oldest = self._counts.get(key, (0, each.oldest_at))
            self._counts[key] = (count + each.count, min(oldest, each.oldest_at))

    def add(self, channel: str, rule: str, now: datetime) -> None:
        """Count one more."""
        for window_s in WINDOWS_S:
            self._add(Spent(channel, rule, window_s, 1, now))

    def room_at(
        self, channel: str, rule: str | None, caps: Sequence[Cap], now: datetime
    ) -> datetime | None:
        """None when another message fits under ``caps``, else when there may be room.

        ``rule`` None asks for the channel in all.
        """
        full = [
            oldest + timedelta(seconds=cap.window_s)
            for cap in caps
            for count, oldest in (self._counts.get((channel, rule, cap.window_s), (0, now)),)
            if count >= cap.count
        ]
        return max(full, default=None)
