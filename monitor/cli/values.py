"""What options may hold, as argparse types: each gives the value or says what was expected."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta

from monitor.options import duration_s

LONGEST = timedelta(days=36_500)
LARGEST = 1_000_000_000


def age(text: str) -> timedelta:
    """A span of time such as ``90s``, ``10m``, ``12h`` or ``7d``; at most 100 years."""
    try:
        seconds = duration_s(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    if seconds > LONGEST.total_seconds():
        raise ArgumentTypeError(f"at most {LONGEST.days} days are expected, not {text[:40]!r}")
    return timedelta(seconds=seconds)


def every(text: str) -> float:
    """An interval between two polls, in seconds: from one second to a hundred years."""
    seconds = age(text).total_seconds()
    if seconds < 1:
        raise ArgumentTypeError(f"at least one second is expected, not {text[:40]!r}")
    return seconds


def count(text: str) -> int:
    """A whole number from 1 to a thousand million."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= LARGEST):
        raise ArgumentTypeError(f"a number from 1 to {LARGEST:,} is expected, not {text[:40]!r}")
    return int(text)


def entry_number(text: str) -> int:
    """The number of an entry, as lists show it; what is too large for one is none."""
    if not (text.isascii() and text.isdecimal()):
        raise ArgumentTypeError(f"the number of an entry is expected, not {text[:40]!r}")
    return int(text[:19]) if len(text) < 19 else 0
