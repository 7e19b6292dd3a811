"""Titles -> hashed feature counts; training and scoring both use this.

What is written here in NumPy is the reference; ``_scan.c`` does the same and is used where
it was built (see ``native``).

A feature is a 64-bit key: a character n-gram (``BREAK`` at its ends marks the ends of the
title), a word, or a shape token. Keys are mixed into hashes; the top bits of a hash
number its bucket.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers import native
from classifiers.segment import user_words
from classifiers.text import BLANK, BREAK, Codes, Fold, TextSettings, decode, encode, word_lengths

Keys = NDArray[np.uint64]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

_SHIFT = np.uint64(21)  # a code point needs 21 bits: three make a key
_WORD = np.uint64(1 << 63)
_SHAPE = np.uint64(3 << 62)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_LONGEST_RUN = 7
_LETTER_GRAMS = (4, 5)


class Bag(NamedTuple):
    """The features of a batch, unsorted: the title's row, the hash, and whether the
    feature tells how familiar a title is (pairs of characters, and whole words)."""

    rows: Rows
    hashes: Keys
    telling: Mask


class Counts(NamedTuple):
    """Distinct buckets of each title with their counts, as compressed sparse rows."""

    starts: Rows
    buckets: NDArray[np.int64]
    counts: NDArray[np.int64]


def mix(keys: Keys) -> Keys:
    """Spread keys over 64 bits (multiply, xor-shift, twice)."""
    hashes = keys * _GOLDEN
    hashes ^= hashes >> _HALF
    hashes *= _MIX
    hashes ^= hashes >> _HALF
    hashes *= _GOLDEN
    return hashes


def extract(titles: Sequence[str], settings: TextSettings, fold: Fold) -> Bag:
    """All features of the titles, in any order. ``fold`` is ``text.fold_table``'s."""
    codes = encode(titles, fold)
    library = None if settings.words else native.library()
    if library is not None:
        return Bag(*native.extract(library, settings, codes, len(titles)))
    return extract_slowly(codes, settings)


def extract_slowly(codes: Codes, settings: TextSettings) -> Bag:
    """The same from ``text.encode``'s code points, in NumPy."""
    parts = _parts(_view(codes), settings)
    rows, keys, telling = (np.concatenate([part[at] for part in parts]) for at in range(3))
    return Bag(rows, mix(keys), telling)


def whole(titles: Sequence[str], settings: TextSettings, fold: Fold) -> tuple[Rows, Keys]:
    """The features that are all of a title, of two or more characters: title's number, hash."""
    view = _view(encode(titles, fold))
    edges = np.flatnonzero(view.breaks)
    rows: list[Rows] = []
    keys: list[Keys] = []
    for part in _parts(view, settings):
        fits = (part.starts == edges[part.rows] + 1) & (part.ends == edges[part.rows + 1])
        fits &= part.ends - part.starts > 1
        rows.append(part.rows[fits])
        keys.append(mix(part.keys[fits]))
    return np.concatenate(rows), np.concatenate(keys)


def make_up(titles: Sequence[str], fold: Fold) -> NDArray[np.float32]:
    """How many characters each title has, and how many of them are digits, blanks, letters and
    marks: titles x 5."""
    view = _view(encode(titles, fold))
    kinds = (~view.breaks, view.digits, view.codes == BLANK, view.letters, _is_mark(view))
    many = len(titles)
    found = [np.bincount(view.rows[kind], minlength=many)[:many] for kind in kinds]
    return np.column_stack(found).astype(np.float32)


def describe(title: str, settings: TextSettings, fold: Fold) -> list[tuple[int, str]]:
    """The hash of each feature of a title, and the feature for a reader.

    ``^`` and ``$`` stand for the title's ends.
    """
    codes = encode([title], fold)
    text = "^" + decode(codes)[1:-1] + "$"
    found: list[tuple[int, str]] = []
    for part in _parts(_view(codes), settings):
        spans = zip(part.starts.tolist(), part.ends.tolist(), strict=True)
        names = [f"({part.form})" if part.form else text[start:end] for start, end in spans]
        found += zip(mix(part.keys).tolist(), names, strict=True)
    return found


def _parts(view: _View, settings: TextSettings) -> list[_Part]:
    starts, ends = _runs(view.letters | view.digits)
    parts = [_grams(view, size, settings.letters) for size in range(1, settings.longest + 1)]
    if len(starts):
        if settings.letters:
            parts += [_letter_grams(view, size) for size in _LETTER_GRAMS]
        parts += [_spans(view, starts, ends, telling=True), _word_pairs(view, starts, ends)]
    if settings.words:
        parts.append(_segmented(view))
    if settings.shape:
        parts += [*_digits(view), _length(view), _marks(view)]
    return parts


def count(bag: Bag, titles: int, bits: int) -> Counts:
    """Fold a bag into buckets and count each bucket once a title."""
    pairs = (bag.rows << bits) | (bag.hashes >> np.uint64(64 - bits)).astype(np.int64)
    pairs.sort()
    first = np.ones(len(pairs), dtype=np.bool_)
    np.not_equal(pairs[1:], pairs[:-1], out=first[1:])
    places = np.flatnonzero(first)
    distinct = pairs[places]
    counts = np.diff(places, append=len(pairs))
    starts = np.searchsorted(distinct, np.arange(titles + 1, dtype=np.int64) << bits)
    return Counts(starts, distinct & ((1 << bits) - 1), counts)


class _View(NamedTuple):
    """Code points of a batch, the title's row of each, and which are of what kind."""

    codes: Keys
    rows: Rows
    breaks: Mask
    letters: Mask  # of alphabets: their words are told by blanks
    digits: Mask


class _Part(NamedTuple):
    """Features of one kind: row, key and telling mark of each, and where in the batch's code
    points it stands. ``form`` says what is meant, where that is not the characters there."""

    rows: Rows
    keys: Keys
    telling: Mask
    starts: Rows
    ends: Rows
    form: str = ""


def _view(codes: Codes) -> _View:
    breaks = codes == BREAK
    digits = (codes >= ord("0")) & (codes <= ord("9"))
    letters = (codes >= ord("a")) & (codes <= ord("z"))
    letters |= (codes >= 0xC0) & (codes < 0x600)  # accented Latin, Greek, Cyrillic, Hebrew
    return _View(codes.astype(np.uint64), np.cumsum(breaks) - 1, breaks, letters, digits)


def _grams(view: _View, size: int, letters: bool) -> _Part:
    """Character n-grams within a title, its two ends counting as characters. One or two letters
    say little; of three or more there are some only with ``letters``, beside whole words."""
    many = max(0, len(view.codes) - size + 1)
    windows = [slice(at, at + many) for at in range(size)]
    first, last = windows[0], windows[-1]
    keys = np.zeros(many, dtype=np.uint64)
    for window in windows:
        keys = (keys << _SHIFT) | view.codes[window]
    keep = np.ones(many, dtype=np.bool_)
    if size <= 2 or not letters:
        plain = view.breaks | view.letters | (view.codes == BLANK)
        keep = ~np.logical_and.reduce([plain[window] for window in windows])
    if size > 2:
        keep &= ~(view.breaks[first] & view.breaks[windows[1]])
    for window in windows[1:-1]:
        keep &= ~view.breaks[window]
    telling = np.full(many, size == 2)
    if size == 2:
        for window in (first, last):
            telling &= ~(view.letters | view.digits | view.breaks)[window]
    starts = np.flatnonzero(keep)
    return _Part(view.rows[starts], keys[keep], telling[keep], starts, starts + size)


def _letter_grams(view: _View, size: int) -> _Part:
    """Longer n-grams of a word in letters; a blank or a title's end may stand at its ends."""
    many = max(0, len(view.codes) - size + 1)
    edge = view.letters | (view.codes == BLANK) | view.breaks
    before = np.concatenate(([0], np.cumsum(view.letters)))
    inner = before[size - 1 : size - 1 + many] - before[1 : 1 + many] == size - 2
    starts = np.flatnonzero(inner & edge[:many] & edge[size - 1 :])
    return _spans(view, starts, starts + size, telling=False)


def _word_pairs(view: _View, starts: Rows, ends: Rows) -> _Part:
    """Neighbouring words with one character, most often a blank, between them."""
    near = (starts[1:] - ends[:-1] == 1) & (view.rows[starts[1:]] == view.rows[starts[:-1]])
    return _spans(view, starts[:-1][near], ends[1:][near], telling=False)


def _runs(inside: Mask) -> tuple[Rows, Rows]:
    """Starts and ends of the runs of characters that are ``inside``."""
    edges = np.diff(inside.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _spans(view: _View, starts: Rows, ends: Rows, telling: bool) -> _Part:
    """One key a span: a polynomial over its mixed code points, from prefix sums."""
    size = len(view.codes)
    powers, inverses = _powers(1 << size.bit_length())
    sums = np.zeros(size + 1, dtype=np.uint64)
    np.cumsum(mix(view.codes) * powers[:size], out=sums[1:])
    keys = (sums[ends] - sums[starts]) * inverses[starts]
    marks = np.full(len(starts), telling)
    return _Part(view.rows[starts], keys | _WORD, marks, starts, ends)


@functools.lru_cache(maxsize=8)
def _powers(size: int) -> tuple[Keys, Keys]:
    """Powers of an odd number and of its inverse, modulo 2^64."""
    both = np.empty((2, size), dtype=np.uint64)
    both[:, 0] = 1
    both[:, 1:] = np.array([[int(_GOLDEN)], [pow(int(_GOLDEN), -1, 1 << 64)]], dtype=np.uint64)
    np.cumprod(both, axis=1, out=both)
    return both[0], both[1]


def _segmented(view: _View) -> _Part:
    """jieba's words of two characters and more; words of alphabets are there already."""
    ends = np.cumsum(word_lengths(view.codes.astype(np.uint32), user_words().segment))
    starts = np.concatenate(([0], ends[:-1]))
    plain = np.concatenate(([0], np.cumsum(view.letters | view.digits | view.breaks)))
    keep = (ends - starts > 1) & (plain[ends] == plain[starts])
    return _spans(view, starts[keep], ends[keep], telling=False)


def _digits(view: _View) -> Iterator[_Part]:
    """How long each number is, alone and with the characters beside it."""
    starts, ends = _runs(view.digits)
    run = np.minimum(ends - starts, _LONGEST_RUN).astype(np.uint64)
    around = (view.codes[starts - 1] << _SHIFT) | view.codes[ends]
    untold, rows = np.zeros(len(starts), dtype=np.bool_), view.rows[starts]
    yield _Part(rows, _kind(2) | run, untold, starts, ends)
    yield _Part(rows, mix(around) >> np.uint64(8) ^ run | _SHAPE, untold, starts - 1, ends + 1)


def _length(view: _View) -> _Part:
    titles = int(view.rows[-1])
    within = view.rows[~view.breaks]
    lengths = np.minimum(np.bincount(within, minlength=titles), 63)
    return _whole(view, _kind(1) | lengths.astype(np.uint64), "length")


def _marks(view: _View) -> _Part:
    """The row of punctuation marks."""
    marks = _is_mark(view)
    sums = np.zeros(int(view.rows[-1]), dtype=np.uint64)
    nth = (
        np.cumsum(marks)
        - np.searchsorted(np.flatnonzero(marks), np.flatnonzero(view.breaks))[view.rows]
    )
    powers, _ = _powers(1 << len(view.codes).bit_length())
    np.add.at(sums, view.rows[marks], mix(view.codes[marks]) * powers[nth[marks]])
    return _whole(view, sums | _SHAPE, "punctuation")


def _whole(view: _View, keys: Keys, form: str) -> _Part:
    """One feature a title."""
    rows = np.arange(len(keys))
    edges = np.flatnonzero(view.breaks)
    untold = np.zeros(len(keys), dtype=np.bool_)
    return _Part(rows, keys, untold, edges[:-1], edges[1:] + 1, form)


def _kind(number: int) -> np.uint64:
    return _SHAPE | np.uint64(number << 32)


def _is_mark(view: _View) -> Mask:
    """Neither letter, digit, blank nor ideograph: punctuation, near enough."""
    codes = view.codes
    ideograph = (codes >= 0x2E80) & ~((codes >= 0x3000) & (codes < 0x3040)) & (codes < 0xFE30)
    return np.asarray(~(ideograph | (codes == BLANK) | view.letters | view.digits | view.breaks))
