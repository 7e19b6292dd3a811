"""What training saw: the weight of each bucket, and a filter that knows unseen features.

A feature that training never saw is dropped, not left to collide with a seen one. Each bucket
has a Bloom filter of its own, four bits of thirty-two a feature: it lets through all that was
seen, and about one unseen feature in two hundred where there are as many seen ones as buckets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers.features import Bag, Keys, Rows, count, describe, extract, make_up
from classifiers.native import tf_weights
from classifiers.text import MAX_CHARS, Fold, TextSettings, fold_table

_BATCH_CHARS = 1 << 15
_PROBES = (0, 5, 10, 15)  # where in a hash each probe's five bits begin
_WITHIN = np.uint64(31)
_MOST_COUNTS = 1 << 14  # a title of 1,000 characters has fewer features
_TF = tf_weights(_MOST_COUNTS)
_LONG = 1000  # features, of some 350 characters: a title with more of them is no headline


class Weighted(NamedTuple):
    """Sparse unit vectors, one a title, and the share of each title that is familiar."""

    starts: Rows
    buckets: NDArray[np.int64]
    values: NDArray[np.float32]
    familiarity: NDArray[np.float32]


class Piece(NamedTuple):
    """An n-gram of a title, with its bucket and its TF-IDF. ``text`` names several, parted by
    ``|``, where they share the bucket."""

    text: str
    bucket: int
    value: float


@dataclass(frozen=True, slots=True)
class Lexicon:
    """``idf`` has one weight a bucket, ``seen`` one filter."""

    settings: TextSettings
    fold: Fold
    idf: NDArray[np.float32]
    seen: NDArray[np.uint32]

    def weigh(self, titles: Sequence[str]) -> Weighted:
        """TF-IDF with 1 + ln(tf), each title scaled to length 1. One batch: see ``batches``."""
        bag = extract(titles, self.settings, self.fold)
        known = self._knows(bag.hashes)
        starts, buckets, counts = count(_only(bag, known), len(titles), self.settings.bits)
        values = _TF[counts] * self.idf[buckets]
        rows = np.repeat(np.arange(len(titles)), np.diff(starts))
        norms = np.sqrt(np.bincount(rows, values * values, minlength=len(titles)))
        values /= norms[rows].astype(np.float32)
        return Weighted(starts, buckets, values, _familiarity(bag, known, len(titles)))

    def make_up(self, titles: Sequence[str]) -> NDArray[np.float32]:
        """``features.make_up`` of titles that are folded as this lexicon does."""
        return make_up(titles, self.fold)

    def pieces(self, title: str) -> list[Piece]:
        """What the title is made of, of what training saw; for people, not for speed."""
        weighted = self.weigh([title])
        names: dict[int, dict[str, None]] = {}
        for number, name in describe(title, self.settings, self.fold):
            if self._knows(np.array([number], dtype=np.uint64))[0]:
                names.setdefault(number >> (64 - self.settings.bits), {})[name] = None
        found = zip(weighted.buckets.tolist(), weighted.values.tolist(), strict=True)
        return [Piece(" | ".join(names[bucket]), bucket, value) for bucket, value in found]

    def _knows(self, hashes: Keys) -> NDArray[np.bool_]:
        """Which features training saw, with few errors and none of them a no."""
        masks = _masks(hashes)
        return np.asarray(self.seen[_buckets(hashes, self.settings)] & masks == masks)


def learn(
    titles: Sequence[str],
    settings: TextSettings,
    strange: Sequence[str] = (),
    terms: Keys | None = None,
) -> Lexicon:
    """The lexicon of training titles: idf = 1 + ln((1 + titles) / (1 + titles with it)).

    The features whose hashes are ``terms`` are known, too.
    Of ``strange`` titles it knows what stands in two of them: what one alone has would be no
    sign of anything, and change the weights of titles that are not strange.
    """
    fold = fold_table(settings.simplify)
    frequency = np.zeros(settings.buckets, dtype=np.int64)
    hashes: list[Keys] = []
    for batch in batches(titles):
        bag = extract(batch, settings, fold)
        found = count(bag, len(batch), settings.bits)
        frequency += np.bincount(found.buckets, minlength=settings.buckets)
        hashes.append(np.unique(bag.hashes))
    idf = 1 + np.log((1 + len(titles)) / (1 + frequency))
    hashes.append(_repeated(strange, settings, fold))
    if terms is not None:
        hashes.append(terms)
    distinct = np.unique(np.concatenate(hashes))
    seen = np.zeros(settings.buckets, dtype=np.uint32)
    np.bitwise_or.at(seen, _buckets(distinct, settings), _masks(distinct))
    return Lexicon(settings, fold, idf.astype(np.float32), seen)


def _repeated(titles: Sequence[str], settings: TextSettings, fold: Fold) -> Keys:
    """The features that more than one of the titles has."""
    found = [np.unique(extract([title], settings, fold).hashes) for title in titles]
    hashes, counts = np.unique(
        np.concatenate([np.zeros(0, dtype=np.uint64), *found]), return_counts=True
    )
    return hashes[counts > 1]


def batches(titles: Sequence[str]) -> Iterator[Sequence[str]]:
    """The titles in order, in runs whose work fits a processor's cache."""
    start = chars = 0
    for at, title in enumerate(titles):
        chars += min(len(title), MAX_CHARS) + 1
        if chars >= _BATCH_CHARS:
            yield titles[start : at + 1]
            start, chars = at + 1, 0
    if start < len(titles):
        yield titles[start:]


def _only(bag: Bag, keep: NDArray[np.bool_]) -> Bag:
    return Bag(bag.rows[keep], bag.hashes[keep], bag.telling[keep])


def _familiarity(bag: Bag, known: NDArray[np.bool_], titles: int) -> NDArray[np.float32]:
    told = np.bincount(bag.rows[bag.telling], minlength=titles)
    familiar = np.bincount(bag.rows[bag.telling & known], minlength=titles)
    share = (familiar / np.maximum(told, 1)).astype(np.float32)
    share[np.bincount(bag.rows, minlength=titles) > _LONG] = 0
    return np.asarray(share)


def _buckets(hashes: Keys, settings: TextSettings) -> Rows:
    return (hashes >> np.uint64(64 - settings.bits)).astype(np.int64)


def _masks(hashes: Keys) -> NDArray[np.uint32]:
    """The bits of a bucket's filter that are set where it holds the feature."""
    masks = np.zeros(len(hashes), dtype=np.uint32)
    for start in _PROBES:
        probe = (hashes >> np.uint64(start) & _WITHIN).astype(np.uint32)
        masks |= np.uint32(1) << probe
    return masks
