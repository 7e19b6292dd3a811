"""Counts of tests that prove by repetition: small in ``make test``, full in ``make soak``."""

from __future__ import annotations

import os

FULL = bool(os.environ.get("SOAK"))


def count(usual: int, full: int) -> int:
    """How often, or how many: ``full`` under ``make soak``."""
    return full if FULL else usual
