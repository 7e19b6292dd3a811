"""Titles as the classifier sees them: folded strings, code points, word boundaries."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifiers.segment import Segmenter

MAX_CHARS = 1000
BREAK = 10  # "\n": parts the titles of a batch, and marks a title's two ends
DROP, HARD = 0, 1  # in tables: drop the code point; leave its title to ``normalise``

BLANK = ord(" ")
_JAMO = ((0x1100, 0x1200), (0xA960, 0xA980), (0xD7B0, 0xD800))

Codes = NDArray[np.uint32]
Fold = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class TextSettings:
    """How titles become features; part of every release.

    ``buckets`` is a power of two. ``longest`` is the length of the longest character
    n-gram. ``shape`` adds tokens for length, digits and punctuation. ``letters`` adds n-grams
    of three to five letters, ``words`` the words that jieba finds. ``simplify`` reads
    traditional characters as simplified.
    """

    buckets: int = 1 << 18
    longest: int = 3
    shape: bool = False
    letters: bool = True
    words: bool = False
    simplify: bool = True

    def __post_init__(self) -> None:
        if self.buckets < 2 or self.buckets & (self.buckets - 1):
            raise ValueError(f"buckets must be a power of two, not {self.buckets}")
        if not 1 <= self.longest <= 3:
            raise ValueError(f"longest must be 1, 2 or 3, not {self.longest}")

    @property
    def bits(self) -> int:
        """How many bits number a bucket."""
        return self.buckets.bit_length() - 1


def normalise(title: str) -> str:
    """NFKC (so full width becomes half), lower case, single blanks, at most 1,000 characters."""
    folded = unicodedata.normalize("NFKC", title[:MAX_CHARS]).lower()
    return " ".join(folded.split())[:MAX_CHARS].strip()


def identity_key(title: str) -> str:
    """Equal for titles that are copies of each other: letters and digits alone."""
    folded = normalise(title)
    return "".join(char for char in folded if char.isalnum()) or folded


def fold_table(simplify: bool) -> Fold:
    """Code point -> code point for the basic plane; 0 stands for "drop it".

    Dropped are control and format characters (zero-width joiners, direction marks), which
    change no word. Needs OpenCC when ``simplify`` is true; scoring reads the table from
    the release instead.
    """
    table = np.arange(0x10000, dtype=np.uint16)
    for code in range(0x10000):
        if code != BREAK and unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs"}:
            table[code] = 0
    for code, simple in _simplified().items() if simplify else ():
        table[code] = simple
    return table


def quick_table(fold: Fold) -> Fold:
    """``normalise`` and ``fold`` in one step, for code points that need no neighbours.

    ``HARD`` are those that become several, or that may join with others (combining marks,
    jamo), or whose lower case depends on its place, or that a later Unicode may define.
    """
    table = np.full(0x10000, HARD, dtype=np.uint16)
    for code in range(0x10000):
        became = _alone(chr(code))
        if became is not None:
            table[code] = BLANK if became.isspace() else fold[ord(became)]
    return table


def _alone(char: str) -> str | None:
    """The one character of the basic plane that ``char`` becomes in any title, if so."""
    if unicodedata.category(char) == "Cn" or char in "\u03a3\u0130":
        return None
    became = unicodedata.normalize("NFKC", char).lower()
    if len(became) != 1 or ord(became) >= 0x10000 or _joins(char) or _joins(became):
        return None
    return became


def _joins(char: str) -> bool:
    jamo = any(start <= ord(char) < end for start, end in _JAMO)
    return jamo or unicodedata.category(char).startswith("M") or unicodedata.combining(char) > 0


@functools.cache
def _simplified() -> dict[int, int]:
    import opencc

    blocks = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00))
    chars = [chr(code) for start, end in blocks for code in range(start, end)]
    simple = opencc.OpenCC("t2s").convert("\n".join(chars)).split("\n")
    pairs = zip(chars, simple, strict=True)
    return {ord(a): ord(b) for a, b in pairs if a != b and len(b) == 1 and ord(b) < 0x10000}


def encode(titles: Sequence[str], fold: Fold) -> Codes:
    """All titles as one row of code points, each with a ``BREAK`` before and after it."""
    joined = "\n" + "\n".join(map(normalise, titles)) + "\n"
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    basic = codes < 0x10000
    folded = np.where(basic, fold[np.where(basic, codes, 0)], codes)
    kept: Codes = folded[folded != 0].astype(np.uint32, copy=False)
    return kept


def decode(codes: Codes) -> str:
    """The text that ``encode`` made these code points from."""
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def word_lengths(codes: Codes, segment: Segmenter) -> NDArray[np.int64]:
    """Lengths of the words of a batch, in order; together they cover ``codes``."""
    return np.fromiter(map(len, segment(decode(codes))), dtype=np.int64)
