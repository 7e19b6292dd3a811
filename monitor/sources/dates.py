"""When a document says that something was published, in any of the ways they say it.

RFC 822 with its obsolete zones, ISO 8601 and RFC 3339 with missing parts, epoch seconds
and milliseconds, Chinese forms, and the asctime form. A time without a zone is UTC,
but for Chinese forms, which are China Standard Time (UTC+8).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_ZONES = {
    "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360,
    "pst": -480, "pdt": -420, "akst": -540, "akdt": -480, "hst": -600, "bst": 60,
    "cet": 60, "cest": 120, "met": 60, "mest": 120, "eet": 120, "eest": 180, "msk": 180,
    "ist": 330, "hkt": 480, "sgt": 480, "jst": 540, "kst": 540, "aest": 600, "aedt": 660,
    "nzst": 720, "nzdt": 780,
}  # fmt: skip
_CHINA_MIN = 480
_COMMON_ZONES = {"GMT": 0, "UTC": 0, "Z": 0, "+0000": 0, "+0800": 480}
_CLOCK = r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?"
_RFC822 = re.compile(
    r"(?:[^\W\d]{2,12}\.?,?\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[a-z]*\.?,?[\s-]+(\d{2,4})"
    rf"(?:,?[T\s]+(?:at\s+)?{_CLOCK}\s*(am|pm)?\s*(.*))?$",
    re.IGNORECASE | re.DOTALL,
)
_STRICT = re.compile(
    r"(?:[A-Z][a-z]{2}, )?(\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d:\d\d:\d\d) ([+-]\d{4}|GMT|UTC|Z)$",
    re.ASCII,
)
_ISO_MONTHS = {name.capitalize(): f"{number:02}" for name, number in _MONTHS.items()}
_ISO_ZONES = {"GMT": "Z", "UTC": "Z"}
_US = re.compile(
    r"(?:[A-Za-z]{3,9}\.?,?\s+)?([A-Za-z]{3})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(?:(\d{4}),?\s*)?"
    rf"(?:(?:at\s+)?{_CLOCK}\s*(am|pm)?\s*(.*))?$",
    re.IGNORECASE | re.DOTALL,
)
_ISO = re.compile(
    rf"(\d{{4}})[-/.](\d{{1,2}})(?:[-/.](\d{{1,2}}))?(?:[T\s_]+{_CLOCK}\s*(am|pm)?\s*(.*))?$",
    re.IGNORECASE | re.DOTALL,
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?)?\s*(Z|[+-]\d\d:?\d\d)?$")
_CHINESE = re.compile(
    r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号號]\s*(?:[（(]?(?:星期|周|週)[一二三四五六日天][）)]?)?"
    r"\s*(?:(上午|下午|晚上|中午|凌晨|早上)?\s*(\d{1,2})\s*[:：时時点點]\s*(?:(\d{1,2})\s*[:：分]?\s*(?:(\d{1,2})\s*秒?)?)?)?"
)
_OFFSET = re.compile(r"(?:GMT|UTC|Z)?\s*([+-])(\d{1,2}):?(\d{2})?", re.IGNORECASE)
_EPOCH = re.compile(r"\d{9,13}(?:\.\d+)?$")


def parse_date(text: str) -> datetime | None:
    """The instant that ``text`` names, aware UTC; None when it names none that can be true.

    Years outside 1990-2099 are not believed: they are unset clocks and typing errors.
    """
    text = text.strip()
    if len(text) > 100:
        text = " ".join(text.split())[:100]
    try:
        found = _quick(text) or _read(text)
    except (ValueError, OverflowError):
        return None
    if found is None or not _FIRST_YEAR <= found.year < _LAST_YEAR:
        return None
    return found


def from_epoch(seconds: float) -> datetime | None:
    """An instant from seconds, or from milliseconds where the number is too large for seconds."""
    if not 0 < seconds < 1e14:
        return None
    instant = datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    return instant if _FIRST_YEAR <= instant.year < _LAST_YEAR else None


def _quick(text: str) -> datetime | None:
    """The well-formed instants of RFC 822 and ISO 8601, which are nearly all, in C."""
    found = _STRICT.match(text)
    if found:
        day, month, year, clock, zone = found.groups()
        text = f"{year}-{_ISO_MONTHS.get(month)}-{day}T{clock}{_ISO_ZONES.get(zone, zone)}"
    elif text[4:5] != "-" or text[10:11] != "T":
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def _read(text: str) -> datetime | None:
    for pattern, reader in _READERS:
        found = pattern.match(text)
        if found:
            return reader(found)
    return None


def _rfc822(found: re.Match[str]) -> datetime | None:
    day, month, year, hour, minute, second, _, half, zone = found.groups()
    number = _MONTHS.get(month.lower())
    if number is None:
        return None
    return _instant((_century(year), number, int(day)), (hour, minute, second), half, _zone(zone))


def _us(found: re.Match[str]) -> datetime | None:
    """``November 13, 2025 11:39``, and asctime's ``Thu Nov 13 11:39:00 2025``."""
    month, day, year, hour, minute, second, _, half, rest = found.groups()
    number = _MONTHS.get(month.lower())
    if not year:
        tail = re.search(r"\b(\d{4})\s*$", rest or "")
        year, rest = (tail[1], (rest or "")[: tail.start()]) if tail else (None, rest)
    if number is None or year is None:
        return None
    return _instant((int(year), number, int(day)), (hour, minute, second), half, _zone(rest))


def _iso(found: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute, second, _, half, zone = found.groups()
    when = (int(year), int(month), int(day or 1))
    return _instant(when, (hour, minute, second), half, _zone(zone))


def _compact(found: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute, second, zone = found.groups()
    return _instant((int(year), int(month), int(day)), (hour, minute, second), None, _zone(zone))


def _chinese(found: re.Match[str]) -> datetime | None:
    year, month, day, part, hour, minute, second = found.groups()
    half = None
    if part in {"下午", "晚上"} or (part == "中午" and hour != "11"):
        half = "pm" if int(hour) <= 12 else None
    when = (int(year), int(month), int(day))
    return _instant(when, (hour, minute, second), half, _CHINA_MIN)


def _epoch(found: re.Match[str]) -> datetime | None:
    return from_epoch(float(found[0]))


_READERS = (
    (_RFC822, _rfc822),
    (_ISO, _iso),
    (_CHINESE, _chinese),
    (_EPOCH, _epoch),
    (_COMPACT, _compact),
    (_US, _us),
)


def _instant(
    when: tuple[int, int, int],
    clock: tuple[str | None, str | None, str | None],
    half: str | None,
    zone_min: int,
) -> datetime:
    hour, minute, second = clock
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    local = datetime(*when, hours % 24, int(minute or 0), min(int(second or 0), 59), tzinfo=UTC)
    shift_min = (1440 if hours == 24 else 0) - zone_min
    return local + timedelta(minutes=shift_min) if shift_min else local


def _century(year: str) -> int:
    """RFC 2822, 4.3: two digits below 50 are 2000 and on; three count from 1900."""
    number = int(year)
    if len(year) == 4:
        return number
    return number + (2000 if len(year) == 2 and number < 50 else 1900)


def _zone(text: str | None) -> int:
    """Minutes east of UTC. An unknown or impossible zone counts as UTC."""
    if not text:
        return 0
    if text in _COMMON_ZONES:
        return _COMMON_ZONES[text]
    offset = _OFFSET.match(text)
    if offset:
        sign, hours, minutes = offset.groups()
        total = int(hours) * 60 + int(minutes or 0)
        return 0 if total >= 24 * 60 else (total if sign == "+" else -total)
    return _ZONES.get(text.split()[0].strip("()").lower(), 0) if text.strip() else 0
