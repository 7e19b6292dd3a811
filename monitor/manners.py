"""How a rule's alerts are told: modes, schedules, quiet hours, caps. Pure.

A rule's options are text as a person writes it (``RuleOptions``); ``manners_of`` reads them.
Clock times are those of a zone: 08:00 is 08:00 also on the days when clocks change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TypeVar

from monitor import options
from monitor.errors import SettingsError
from monitor.types import RuleOptions

MODES = ("now", "digest", "none")
LATER = ("none", "digest")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = {"minute": 60, "hour": 3_600, "day": 86_400}
FACTS = ("portals", "hot")
LARGEST_TOP = 100
DAY = timedelta(days=1)
NO_TIME = timedelta(0)
Value = TypeVar("Value")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_CAP = re.compile(r"\s*(\d{1,7})\s*/\s*([a-z]+)\s*", re.ASCII)
_ESCALATION = re.compile(r"\s*([a-z]+)\s*>=\s*(\d{1,6}(?:\.\d{1,6})?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a digest leaves: every full hour (``minute`` None), else every day, or one day a
    week, at a clock time. ``minute`` counts from midnight, ``weekday`` from Monday.
    """

    minute: int | None = None
    weekday: int | None = None

    def next_after(self, now: datetime, zone: tzinfo) -> datetime:
        """The first such instant after ``now``, in UTC."""
        local = now.astimezone(zone)
        if self.minute is None:
            past = timedelta(
                minutes=local.minute, seconds=local.second, microseconds=local.microsecond
            )
            return now.astimezone(UTC) - past + timedelta(hours=1)
        days = (local.date() + ahead * DAY for ahead in range(15))
        wanted = (day for day in days if self.weekday in {None, day.weekday()})
        return next(at for day in wanted if (at := clock_instant(day, self.minute, zone)) > now)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the day in which alerts wait, over midnight if need be; minutes from midnight."""

    start: int
    end: int

    def until(self, now: datetime, zone: tzinfo) -> datetime | None:
        """When the quiet hours that ``now`` lies in end, in UTC; None outside of them."""
        local = now.astimezone(zone)
        minute = local.hour * 60 + local.minute
        wraps = self.start > self.end
        if wraps:
            inside = minute >= self.start or minute < self.end
        else:
            inside = self.start <= minute < self.end
        if not inside:
            return None
        day = local.date() + (DAY if wraps and minute >= self.start else NO_TIME)
        # Where clocks went back, the end may come twice, and the first may have passed.
        ends = (clock_instant(day, self.end, zone, fold) for fold in (0, 1))
        return next((end for end in ends if end > now), None)


@dataclass(frozen=True, slots=True)
class Cap:
    """At most ``count`` messages within any ``window_s``."""

    count: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Escalation:
    """A story that was told is told once more when ``fact`` (portals or hot) reaches a number."""

    fact: str
    at_least: float


@dataclass(frozen=True, slots=True)
class Manners:
    """A rule's options, read; quiet hours are its own, or else those of the house."""

    mode: str = "now"
    schedule: Schedule = Schedule(8 * 60)
    urgent: bool = False
    quiet: Quiet | None = None
    caps: tuple[Cap, ...] = ()
    cooldown: timedelta = NO_TIME
    later: str = "none"
    escalation: Escalation | None = None
    top: int = 20


@dataclass(frozen=True, slots=True)
class House:
    """What holds for all rules: the user's zone, quiet hours, the caps of channels by name."""

    zone: tzinfo = UTC
    quiet: Quiet | None = None
    caps: Mapping[str, tuple[Cap, ...]] = field(default_factory=dict)


def read_options(table: Mapping[str, object], where: str) -> RuleOptions:
    """A table of a TOML or JSON file, checked; ``where`` names it in errors.

    Keys are those of RuleOptions (``cooldown`` takes "2h"); a digest sets the mode as well. Raises
    SettingsError.
    """
    if "digest" in table and "mode" not in table and table.get("later") != "digest":
        table = {**table, "mode": "digest"}  # as on the command line
    written = options.read(RuleOptions, table, where)
    manners_of(written, where=where)
    return written


def write_options(written: RuleOptions) -> dict[str, object]:
    """What differs from the defaults, as ``read_options`` takes it."""
    usual = RuleOptions()
    named = {item.name: getattr(written, item.name) for item in fields(RuleOptions)}
    changed = {name: value for name, value in named.items() if value != getattr(usual, name)}
    if "digest" in changed and written.mode == usual.mode and written.later != "digest":
        changed["mode"] = written.mode  # a digest alone would set it
    return {
        name.removesuffix("_s"): list(value) if isinstance(value, tuple) else value
        for name, value in changed.items()
    }


def manners_of(written: RuleOptions, house: House | None = None, where: str = "rule") -> Manners:
    """What ``written`` asks for. Raises SettingsError that lists every problem."""
    problems: list[tuple[str, str]] = []

    def tried(name: str, read: Callable[[], Value], instead: Value) -> Value:
        try:
            return read()
        except ValueError as error:
            problems.append(("rules.options", f"{where}.{name}: {error}"))
            return instead

    usual = Manners()
    shared = house.quiet if house else None
    manners = Manners(
        mode=tried("mode", lambda: one_of(written.mode, MODES), usual.mode),
        schedule=tried("digest", lambda: read_schedule(written.digest), usual.schedule),
        urgent=written.urgent,
        quiet=tried("quiet", lambda: read_quiet(written.quiet) if written.quiet else shared, None),
        caps=tried("caps", lambda: read_caps(written.caps), ()),
        cooldown=timedelta(seconds=written.cooldown_s),
        later=tried("later", lambda: one_of(written.later, LATER), usual.later),
        escalation=tried("escalate", lambda: read_escalation(written.escalate), None),
        top=tried("top", lambda: read_top(written.top), usual.top),
    )
    if problems:
        raise SettingsError(problems)
    return manners


def one_of(word: str, known: Sequence[str]) -> str:
    """``word`` if it is known. Raises ValueError."""
    if word not in known:
        raise ValueError(f"{' or '.join(known)} is expected, not {word!r}")
    return word


def read_schedule(text: str) -> Schedule:
    """``hourly``, ``daily@08:00`` or ``weekly@mon 08:00``. Raises ValueError."""
    name, _, when = text.strip().lower().partition("@")
    day, _, clock = when.strip().rpartition(" ")
    if name == "hourly" and not when:
        return Schedule()
    try:
        if name == "daily" and not day:
            return Schedule(read_clock(clock))
        if name == "weekly" and day.strip()[:3] in DAYS:
            return Schedule(read_clock(clock), DAYS.index(day.strip()[:3]))
    except ValueError:
        pass
    raise ValueError(f"hourly, daily@08:00 or weekly@mon 08:00 is expected, not {text!r}")


def read_clock(text: str) -> int:
    """Minutes from midnight, of ``08:00``. Raises ValueError."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"a time of day such as 08:00 is expected, not {text!r}")
    return int(found[1]) * 60 + int(found[2])


def read_quiet(text: str) -> Quiet | None:
    """``22:00-07:00``; None for ``off``. Raises ValueError."""
    if text.strip().lower() == "off":
        return None
    start, _, end = text.partition("-")
    try:
        quiet = Quiet(read_clock(start), read_clock(end))
    except ValueError:
        raise ValueError(f"22:00-07:00 or off is expected, not {text!r}") from None
    if quiet.start == quiet.end:
        raise ValueError(f"quiet hours that begin and end at one time are none: {text!r}")
    return quiet


def read_caps(texts: Sequence[str]) -> tuple[Cap, ...]:
    """``10/minute``, ``60/hour``, ``200/day``. Raises ValueError."""
    return tuple(read_cap(text) for text in texts)


def read_cap(text: str) -> Cap:
    """One cap. Raises ValueError."""
    found = _CAP.fullmatch(text.lower())
    if found is None or found[2] not in UNITS or not int(found[1]):
        raise ValueError(f"a cap such as 10/minute, 60/hour or 200/day is expected, not {text!r}")
    return Cap(int(found[1]), UNITS[found[2]])


def read_escalation(text: str) -> Escalation | None:
    """``portals>=5`` or ``hot>=0.8``; None for nothing. Raises ValueError."""
    if not text.strip():
        return None
    found = _ESCALATION.fullmatch(text.lower())
    if found is None or found[1] not in FACTS:
        raise ValueError(f"portals>=5 or hot>=2.5 is expected, not {text!r}")
    return Escalation(found[1], float(found[2]))


def read_top(number: int) -> int:
    """How many headlines a digest lists. Raises ValueError."""
    if not 1 <= number <= LARGEST_TOP:
        raise ValueError(f"a number from 1 to {LARGEST_TOP} is expected, not {number}")
    return number


def clock_instant(day: date, minute: int, zone: tzinfo, fold: int = 0) -> datetime:
    """When clocks of ``zone`` show ``minute`` (from midnight) of ``day``, in UTC.

    A time that occurs twice is the first or the second by ``fold``. A time that is skipped
    is the instant at which clocks go forward.
    """
    wanted = datetime.combine(day, time(minute // 60, minute % 60))
    at = wanted.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wanted:
        return at
    early = wanted.replace(tzinfo=zone, fold=1).astimezone(UTC)
    late = wanted.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return _offset_change(early, late, zone)


def _offset_change(early: datetime, late: datetime, zone: tzinfo) -> datetime:
    """The instant between the two at which the offset of ``zone`` changes, to the second."""
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
