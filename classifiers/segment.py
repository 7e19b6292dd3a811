"""Words of a text: jieba's, with the user's own words; rjieba where it gives the same.

The user's words stand in one file, one a line, in jieba's form ``word [frequency] [tag]``.
``use_words`` names the file for this process; it is read again when it changes.

rjieba (in Rust, some twenty times as fast) is used where it is installed, unless a word of
the user is in the dictionary already: the two weigh such a word differently.
"""

from __future__ import annotations

import functools
import logging
import re
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from classifiers.errors import CorpusError

Segmenter = Callable[[str], list[str]]

logger = logging.getLogger(__name__)
_WRITTEN = re.compile(r"(?P<word>.+?)(?: (?P<frequency>[0-9]{1,9}))?(?: (?P<tag>[a-z]+))?")
_LONGEST_WORD = 100


class UserWord(NamedTuple):
    """A word; without a ``frequency`` it gets one by which it is always found."""

    word: str
    frequency: int | None = None


def read_words(path: Path) -> tuple[UserWord, ...]:
    """The words of a file, each once; blank lines and ``# comments`` are left out.

    CorpusError names the line that is no word, and what a word looks like.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror})", path) from error
    except UnicodeDecodeError as error:
        raise CorpusError("not UTF-8; save the file as UTF-8", path) from error
    found: dict[str, UserWord] = {}
    for number, line in enumerate(lines, 1):
        text = " ".join(line.split())
        if text and not text.startswith("#"):
            word = _word(text, path, number)
            found.setdefault(word.word, word)
    return tuple(found.values())


def _word(text: str, path: Path, number: int) -> UserWord:
    match = _WRITTEN.fullmatch(text)
    word = match["word"] if match else ""
    frequency = int(match["frequency"]) if match and match["frequency"] else None
    if " " in word or not any(char.isalnum() for char in word) or len(word) > _LONGEST_WORD:
        raise CorpusError(
            f"{text[:40]!r} is no word: write one a line, then a frequency if you like, "
            "as in 'word 100'",
            path,
            number,
        )
    if frequency == 0:
        raise CorpusError("a frequency is 1 or more; leave the line out instead", path, number)
    return UserWord(word, frequency)


def make_segmenter(words: Sequence[UserWord] = ()) -> Segmenter:
    """Cuts texts into words that cover them. The first one made takes about a second."""
    return fast_segmenter(words) or plain_segmenter(words)


def fast_segmenter(words: Sequence[UserWord] = ()) -> Segmenter | None:
    """rjieba's words; None where it is not installed or would differ from jieba's."""
    try:
        import rjieba
    except ImportError:
        return None
    engine = rjieba.Jieba()
    if any(engine.has_word(each.word) for each in words):
        return None
    for each in words:
        engine.add_word(each.word, each.frequency, None)

    def cut(text: str) -> list[str]:
        return list(engine.cut(text, False))

    return cut


def plain_segmenter(words: Sequence[UserWord] = ()) -> Segmenter:
    """jieba's words."""
    shipped = _jieba()
    engine = shipped
    if words:
        engine = type(shipped)()
        engine.FREQ, engine.total, engine.initialized = dict(shipped.FREQ), shipped.total, True
    for each in words:
        engine.add_word(each.word, each.frequency)

    def cut(text: str) -> list[str]:
        return list(engine.cut(text, HMM=False))

    return cut


@functools.cache
def _jieba() -> Any:
    """jieba's own tokenizer, with its dictionary read (about a second)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba still asks for pkg_resources
        import jieba

    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba.dt


class WordFile:
    """A file of user's words, and the segmenter that knows them; both follow the file."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._state: tuple[int, ...] | None = None
        self._segmenter: Segmenter | None = None
        self.words: tuple[UserWord, ...] = ()

    @property
    def path(self) -> Path | None:
        """Where the words stand; None when the user has none."""
        return self._path

    def refresh(self) -> bool:
        """Read the file if it has changed; whether the words are others now.

        A file that cannot be used is logged once, and the words stay what they were.
        """
        with self._lock:
            state = self._look()
            if state == self._state:
                return False
            self._state, before = state, self.words
            try:
                self.words = read_words(self._path) if self._path else ()
            except CorpusError as error:
                logger.error("the words stay as they were: %s", error)
            if self.words != before:
                self._segmenter = None
            return self.words != before

    def segment(self, text: str) -> list[str]:
        """The words of ``text``, by the file as it is now."""
        self.refresh()
        if self._segmenter is None:
            with self._lock:
                self._segmenter = self._segmenter or make_segmenter(self.words)
        return self._segmenter(text)

    def _look(self) -> tuple[int, ...]:
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return (-1,)
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else ()


_files = [WordFile()]


def use_words(path: Path | None) -> WordFile:
    """Let the words of ``path`` (None: jieba's alone) count from now on in this process."""
    if _files[0].path != path:
        _files[0] = WordFile(path)
    _files[0].refresh()
    return _files[0]


def user_words() -> WordFile:
    """The file that ``use_words`` named last."""
    return _files[0]
