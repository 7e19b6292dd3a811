"""Titles as the model's pieces: the likeliest way to put them together from its vocabulary. Pure.

A unigram language model (T. Kudo, Subword Regularization, 2018), as SentencePiece has it: letters
are normalised by a table, blanks become ``▁``, one stands before all, and the pieces whose
log-probabilities sum to most are found by dynamic programming (Viterbi).
"""

from __future__ import annotations

import itertools
import struct
from array import array
from typing import NamedTuple

BLANK = "▁"
# A letter that no piece has costs so much more than the rarest piece.
UNKNOWN_COSTS = 10.0


class Special(NamedTuple):
    """The numbers of the pieces that mark the beginning and end of a text, and of no piece."""

    begin: int
    end: int
    pad: int
    unknown: int


class Pieces:
    """The vocabulary of a model file's tokenizer: five integers (pieces and ``Special``), the size
    of their text, its offsets, their scores, the text, and letters with their substitutes."""

    def __init__(self, raw: memoryview) -> None:
        count, *special = struct.unpack_from("<5i", raw, 0)
        self.special = Special(*special)
        (size,) = struct.unpack_from("<Q", raw, 20)
        at = 28
        offsets = struct.unpack_from(f"<{count + 1}I", raw, at)
        at += 4 * (count + 1)
        self._scores = array("f", struct.unpack_from(f"<{count}f", raw, at))
        at += 4 * count
        text = bytes(raw[at : at + size])
        # Of pieces that read the same the first counts.
        self._numbers: dict[str, int] = {}
        for number, (start, end) in enumerate(itertools.pairwise(offsets)):
            if end > start:
                self._numbers.setdefault(text[start:end].decode(), number)
        self._numbers.pop(text[offsets[special[3]] : offsets[special[3] + 1]].decode(), None)
        self._longest = max(map(len, self._numbers))
        self._unknown = min(self._scores) - UNKNOWN_COSTS
        self._normal = _read_normaliser(raw, at + size)

    def numbers(self, title: str) -> list[int]:
        """The pieces of a title, without marks of beginning and end."""
        text = " ".join(part for part in title.translate(self._normal).split(" ") if part)
        return self._likeliest(BLANK + text.replace(" ", BLANK)) if text else []

    def _likeliest(self, text: str) -> list[int]:
        best = [0.0] + [-1e30] * len(text)
        came: list[tuple[int, int]] = [(0, 0)] * (len(text) + 1)
        for start in range(len(text)):
            so_far = best[start]
            for end in range(start + 1, min(start + self._longest, len(text)) + 1):
                number = self._numbers.get(text[start:end])
                if number is not None and so_far + self._scores[number] > best[end]:
                    best[end], came[end] = so_far + self._scores[number], (start, number)
            if so_far + self._unknown > best[start + 1]:
                best[start + 1] = so_far + self._unknown
                came[start + 1] = (start, self.special.unknown)
        found, at = [], len(text)
        while at:
            at, number = came[at]
            found.append(number)
        return found[::-1]


def _read_normaliser(raw: memoryview, at: int) -> dict[int, str]:
    """Letters and what stands for them: each a code point, a count, and so many code points."""
    (count,) = struct.unpack_from("<i", raw, at)
    at += 8
    found: dict[int, str] = {}
    for _ in range(count):
        letter, length = struct.unpack_from("<IB", raw, at)
        found[letter] = "".join(map(chr, struct.unpack_from(f"<{length}I", raw, at + 5)))
        at += 5 + 4 * length
    return found
