"""Who waits for the only place gets it in the order of asking.

SQLite lets waiting writers poll for its lock: whoever asks again at once mostly gets it first,
and a small transaction may wait for many large ones.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """One thread at a time, in turn. May not be taken twice by one thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn; it ends with the block."""
        mine = self._ask()
        try:
            mine.wait()
            yield
        finally:
            self._end(mine)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def _ask(self) -> threading.Event:
        mine = threading.Event()
        with self._lock:
            if self._taken:
                self._waiting.append(mine)
            else:
                self._taken = True
                mine.set()
        return mine

    def _end(self, mine: threading.Event) -> None:
        with self._lock:
            if not mine.is_set():  # interrupted while it waited
                self._waiting.remove(mine)
            elif self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
