"""A second reader for pairs of titles that the trees of ``compare`` are in doubt about. Pure.

It is asked where the settings say so (``[stories] reading``) and the extra ``reading`` is
installed, which brings the language model that it starts from: about 130 MB of memory once the
first pair is read, and some 20 ms a pair.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from io import BytesIO

from monitor.errors import NotFound
from monitor.stories.reading import base
from monitor.stories.reading.network import Network
from monitor.telemetry import logger

log = logger("stories")
LEARNT = "learnt.npz"
# Pairs whose log-odds are no further from even are read again. So much of the sum is the reader's;
# and the sum must be surer, since a wrong "same" costs an alert.
DOUBT, READ, CAUTION = 3.0, 0.7, 0.6
REMEMBERED = 20_000  # pairs


class Reader:
    """Reads pairs once it is asked to. May be shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._network: Network | None = None
        self._missing: str | None = None
        self._margins: OrderedDict[tuple[str, str], float] = OrderedDict()

    def margin(self, one: str, other: str) -> float | None:
        """Log-odds that two titles tell the same news; None where the model is missing, or so many
        pairs were read in this thread as ``at_most`` allows."""
        pair = (min(one, other), max(one, other))
        with self._lock:
            if pair in self._margins:
                self._margins.move_to_end(pair)
                return self._margins[pair]
        if not _allowance.take():
            return None
        found = self._read(*pair)
        if found is not None:
            with self._lock:
                self._margins[pair] = found
                if len(self._margins) > REMEMBERED:
                    self._margins.popitem(last=False)
        return found

    def _read(self, one: str, other: str) -> float | None:
        network = self._ready()
        return network.margin(one, other) if network else None

    @property
    def missing(self) -> str:
        """Why there is nobody to read; empty where somebody is."""
        self._ready()
        return self._missing or ""

    def _ready(self) -> Network | None:
        if self._network is None and self._missing is None:
            with self._lock:
                if self._network is None and self._missing is None:
                    try:
                        self._network = _load()
                    except NotFound as error:
                        self._missing = str(error)
                        log.warning("titles in doubt are compared without being read: %s", error)
        return self._network


def _load() -> Network:
    import numpy as np

    model = base.read(base.find())
    stored = files(__package__).joinpath(LEARNT).read_bytes()
    with np.load(BytesIO(stored), allow_pickle=False) as learnt:
        return Network(model, {name: learnt[name] for name in learnt.files})


class _Allowance(threading.local):
    """How many pairs more this thread may read; None: any number."""

    left: int | None = None

    def take(self) -> bool:
        if self.left is not None:
            if not self.left:
                return False
            self.left -= 1
        return True


_allowance = _Allowance()
_asked: Reader | None = None


def use(wanted: bool) -> None:
    """Whether pairs in doubt are read from now on, in this process."""
    global _asked  # noqa: PLW0603
    if wanted != (_asked is not None):
        _asked = Reader() if wanted else None


@contextmanager
def at_most(pairs: int) -> Iterator[None]:
    """Let this thread read so many pairs meanwhile; those that were read before cost nothing."""
    before, _allowance.left = _allowance.left, pairs
    try:
        yield
    finally:
        _allowance.left = before


def is_used() -> bool:
    """Whether pairs in doubt are read."""
    return _asked is not None


def missing() -> str:
    """Why nobody reads though somebody should, and the way out; empty where all is well."""
    problem = _asked.missing if _asked else ""
    return f"{problem}: pip install 'headline-monitor[reading]'" if problem else ""


def weigh(total: float, one: str, other: str) -> float:
    """The log-odds ``total`` of two titles after they were read again, if need be."""
    if _asked is None or abs(total) > DOUBT or (read := _asked.margin(one, other)) is None:
        return total
    return READ * read + (1.0 - READ) * total - CAUTION
