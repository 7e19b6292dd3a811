"""Numbers as lists write them for readers."""

from __future__ import annotations

import re

_COUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([万亿]?)")
_UNITS = {"": 1, "万": 10_000, "亿": 100_000_000}
_LONGEST = 16
_MOST = 10**15
_PLACE = re.compile(r"\d{1,4}")


def count_of(text: str) -> int | None:
    """The number in 6390 跟贴, 12.3万, 1.2亿热度; None where there is none, or none to believe."""
    match = _COUNT.search(text.replace(",", ""))
    if match is None or len(match[1]) >= _LONGEST:
        return None
    number = round(float(match[1]) * _UNITS[match[2]])
    return number if number <= _MOST else None


def rank_of(text: str, below: int) -> int | None:
    """The place that a list itself writes, from 1 on; None where it writes another thing."""
    place = int(text) if _PLACE.fullmatch(text) else 0
    return place if 0 < place < below else None
