"""Ages such as ``1d`` and ``12h`` on the command line."""

from __future__ import annotations

from datetime import timedelta

from monitor.errors import UsageError
from monitor.options import duration_s


def age(text: str) -> timedelta:
    """The span of time that ``text`` says. Raises UsageError."""
    try:
        return timedelta(seconds=duration_s(text))
    except (ValueError, OverflowError) as error:
        raise UsageError(str(error)) from error
