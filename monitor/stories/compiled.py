"""The window in C (``_window.c``): the same answers as ``window.Window``, in a tenth of the time.

It is used where it was built, as the classifier's compiled code is (see ``classifiers.native``).
"""

from __future__ import annotations

import ctypes
import functools
import weakref
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from classifiers.building import Code, is_wanted
from monitor.stories.window import BUCKETS, CAPACITY, NEAREST, NONE, Window

FOLDER = Path(__file__).parent
CODE = Code((FOLDER / "_window.c",), (), FOLDER / "_window.so", "window_digest")
_NO_MEMORY, _NO_GRAM = -1, -2
# Keeps the interpreter's lock: a call takes some microseconds.
Library = ctypes.PyDLL


class CompiledWindow:
    """See ``window.Window``. Not safe between threads. MemoryError when there is none left."""

    def __init__(self, library: Library, capacity: int = CAPACITY) -> None:
        self._library, self._window = library, library.window_new(max(capacity, 1))
        if not self._window:
            raise MemoryError("no memory for the window of stories")
        # At exit the system frees it: a thread may still be at work.
        weakref.finalize(self, library.window_free, self._window).atexit = False
        self._found = (ctypes.c_int64 * NEAREST)()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a compiled window cannot be copied")

    def __len__(self) -> int:
        return int(self._library.window_size(self._window))

    @property
    def last(self) -> int:
        """The entry that was added last; 0 for none."""
        return int(self._library.window_last(self._window))

    def add(self, entry_id: int, at: int, grams: Sequence[int], link: int = NONE) -> None:
        """Add an entry, first seen ``at``, that ``link`` stands for."""
        raw = array("I", grams).tobytes()
        _check(self._library.window_add(self._window, entry_id, at, raw, len(grams), link))

    def near(self, grams: Sequence[int], since: int, link: int = NONE) -> list[int]:
        """The entries first seen from ``since`` on that share rare grams, at most six."""
        raw, found = array("I", grams).tobytes(), self._found
        count = self._library.window_near(self._window, raw, len(grams), since, link, found)
        return found[: _check(count)]


def _check(answer: int) -> int:
    if answer == _NO_MEMORY:
        raise MemoryError("no memory for the window of stories")
    if answer == _NO_GRAM:
        raise ValueError(f"a gram or a link is not below {BUCKETS}")
    return answer


def load(path: Path = CODE.library) -> Library:
    """Open a library. OSError when it is none; ValueError when it is of another source."""
    found = CODE.open(Library, path)
    number, window = ctypes.c_int64, ctypes.c_void_p
    found.window_new.argtypes, found.window_new.restype = (number,), window
    found.window_free.argtypes, found.window_free.restype = (window,), None
    for count in (found.window_size, found.window_last):
        count.argtypes, count.restype = (window,), number
    grams = (ctypes.c_char_p, number)
    found.window_add.argtypes = (window, number, number, *grams, ctypes.c_int32)
    found.window_near.argtypes = (window, *grams, number, ctypes.c_int32, ctypes.c_void_p)
    return found


@functools.cache
def _opened() -> Library | None:
    try:
        return load(CODE.library) if CODE.library.exists() else None
    except (OSError, ValueError):
        return None


def new_window(capacity: int = CAPACITY) -> Window | CompiledWindow:
    """An empty window, compiled where that was built and is wanted."""
    library = _opened() if is_wanted() else None
    return Window(capacity) if library is None else CompiledWindow(library, capacity)
