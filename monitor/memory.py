"""Freed memory goes back to the system, where the C library is glibc; elsewhere nothing is done.

Of what is freed after a storm of headlines glibc keeps tens of megabytes for later, a part of it
for each thread that worked.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

# After so many new entries there is something to give back.
UNTIDY = 1_000
_M_ARENA_MAX = -8
_ARENAS = 2


class Tidier:
    """Gives memory back after much was stored."""

    def __init__(self) -> None:
        self._before = 0

    def tidy(self, stored: int) -> None:
        """``stored`` is how many entries have been in all."""
        if stored - self._before >= UNTIDY:
            self._before = stored
            give_back()


def share_arenas() -> None:
    """Let all threads allocate from two pools; before they begin."""
    if change := _of_libc("mallopt"):
        change(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give back what is free; some milliseconds, in which others work on."""
    if trim := _of_libc("malloc_trim"):
        trim(ctypes.c_size_t(0))


def _of_libc(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
