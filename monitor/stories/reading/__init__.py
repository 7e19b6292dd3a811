"""A second reader for pairs of titles that the trees of ``compare`` are in doubt about. Pure.

It is asked where the settings say so (``[stories] reading``) and the extra ``reading`` is
installed, which brings the language model that it starts from: about 130 MB of memory once the
first pair is read, and some 20 ms a pair.
"""

from __future__ import annotations

import functools
import threading
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
REMEMBERED = 20_000  # pairs; what is read ahead of a transaction is not read in it


class Reader:
    """Reads pairs once it is asked to. May be shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._network: Network | None = None
        self._missing: str | None = None
        self._remembered = functools.lru_cache(REMEMBERED)(self._read)

    def margin(self, one: str, other: str) -> float | None:
        """Log-odds that two titles tell the same news; None where the model is missing."""
        return self._remembered(min(one, other), max(one, other))

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


_asked: Reader | None = None


def use(wanted: bool) -> None:
    """Whether pairs in doubt are read from now on, in this process."""
    global _asked  # noqa: PLW0603
    if wanted != (_asked is not None):
        _asked = Reader() if wanted else None


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
