"""A second reader for pairs of titles that the trees of ``compare`` are in doubt about. Pure.

It is asked where the extra ``reading`` is installed, which brings the language model that it starts
from, unless the settings say no (``[stories] reading``): about 160 MB of memory once the first pair
is read, and some 20 ms a pair.
"""

from __future__ import annotations

import functools
import importlib.util
import struct
import threading
import time
import zipfile
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
# What a file that is cut short or unreadable comes to.
DAMAGED = (OSError, ValueError, LookupError, struct.error, zipfile.BadZipFile)
# Of a daemon's time so much may go into reading, of a processor, saved up to so many seconds; and
# so many seconds by the clock may be spent on what is stored at once: alerts wait for it.
SHARE, SAVED, AT_ONCE = 0.2, 30.0, 2.0


class Purse:
    """Seconds of a processor that may be spent: a share of the time that goes by. May be shared by
    threads."""

    def __init__(self) -> None:
        self._at, self._left = time.monotonic(), SAVED
        self._lock = threading.Lock()

    def left(self) -> float:
        """The seconds that may be spent now; below 0 where too many were."""
        with self._lock:
            now = time.monotonic()
            self._left = min(SAVED, self._left + SHARE * (now - self._at))
            self._at = now
            return self._left

    def spend(self, seconds: float) -> None:
        """Take out what was spent, be it more than there is."""
        with self._lock:
            self._left -= seconds


class Reader:
    """Reads pairs once it is asked to. May be shared by threads."""

    def __init__(self) -> None:
        self.purse = Purse()
        self._lock, self._loading = threading.Lock(), threading.Lock()
        self._network: Network | None = None
        self._missing: str | None = None
        self._margins: OrderedDict[tuple[str, str], float] = OrderedDict()

    def margin(self, one: str, other: str) -> float | None:
        """Log-odds that two titles tell the same news; None where the model is missing, or this
        thread may read no more (see ``only_known``, ``sparingly``)."""
        pair = (min(one, other), max(one, other))
        with self._lock:
            if pair in self._margins:
                self._margins.move_to_end(pair)
                return self._margins[pair]
        if not _allowance.is_left():
            return None
        found = self._read(*pair)
        if found is not None:
            with self._lock:
                self._margins[pair] = found
                if len(self._margins) > REMEMBERED:
                    self._margins.popitem(last=False)
        return found

    def _read(self, one: str, other: str) -> float | None:
        if (network := self._ready()) is None:
            return None
        began, worked = time.monotonic(), time.thread_time()
        found = network.margin(one, other)
        _allowance.spend(time.monotonic() - began)
        self.purse.spend(time.thread_time() - worked)
        return found

    @property
    def missing(self) -> str:
        """Why there is nobody to read; empty where somebody is."""
        self._ready()
        return self._missing or ""

    def _ready(self) -> Network | None:
        if self._network is None and self._missing is None:
            with self._loading:
                if self._network is None and self._missing is None:
                    try:
                        self._network = _load()
                    except (NotFound, *DAMAGED) as error:
                        self._missing = str(error) or type(error).__name__
                        if is_installed():
                            log.warning("titles in doubt are not read: %s", error)
        return self._network


def _load() -> Network:
    import numpy as np

    model = base.read(base.find())
    stored = files(__package__).joinpath(LEARNT).read_bytes()
    with np.load(BytesIO(stored), allow_pickle=False) as learnt:
        return Network(model, {name: learnt[name] for name in learnt.files})


class _Allowance(threading.local):
    """For how many seconds this thread may read; None: without end."""

    left: float | None = None

    def is_left(self) -> bool:
        return self.left is None or self.left > 0

    def spend(self, seconds: float) -> None:
        if self.left is not None:
            self.left -= seconds


_allowance = _Allowance()
_asked: Reader | None = None


def use(wanted: bool) -> None:
    """Whether pairs in doubt are read from now on, in this process."""
    global _asked  # noqa: PLW0603
    if wanted != (_asked is not None):
        _asked = Reader() if wanted else None


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    before, _allowance.left = _allowance.left, seconds
    try:
        yield
    finally:
        _allowance.left = before


@contextmanager
def only_known() -> Iterator[None]:
    """Let this thread read no pair meanwhile; those that were read before are known."""
    with _within(0.0):
        yield


@contextmanager
def sparingly() -> Iterator[None]:
    """Let this thread read meanwhile for no longer than others can wait."""
    with _within(AT_ONCE):
        yield


def has_time() -> bool:
    """Whether a pair would be read now, by this thread, for all that can be said without loading
    the model."""
    return is_used() and _allowance.is_left() and (_asked is None or _asked.purse.left() > 0)


def is_installed() -> bool:
    """Whether the package that brings the language model is there."""
    return _is_there(base.PACKAGE)


@functools.cache
def _is_there(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def is_used() -> bool:
    """Whether pairs in doubt are read, as far as can be said without loading the model."""
    return _asked is not None and is_installed()


def missing() -> str:
    """Why nobody reads though somebody should, and the way out; empty where all is well."""
    problem = _asked.missing if _asked else ""
    return f"{problem}: pip install 'headline-monitor[reading]'" if problem else ""


def weigh(total: float, one: str, other: str) -> float:
    """The log-odds ``total`` of two titles after they were read again, if need be."""
    if _asked is None or abs(total) > DOUBT or (read := _asked.margin(one, other)) is None:
        return total
    return READ * read + (1.0 - READ) * total - CAUTION
