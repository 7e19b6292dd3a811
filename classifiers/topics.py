"""What the project's own terms are about: knowledge that a corpus lacks.

A corpus has seen few of the names that tomorrow's titles will have. The project's terms know
more: that a word is one of insurers, of finance. A model of a corpus learns what each such topic
says in *its* sections, and what that is goes into the weights of every n-gram that is a term,
those among them that the corpus never had. The sum is linear, so scoring does not change.
"""

from __future__ import annotations

import functools
import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from classifiers.examples import Example
from classifiers.features import Keys, whole
from classifiers.formats import read_builtin
from classifiers.text import TextSettings, fold_table

_ROOM = 2  # buckets for each term


class Topics(NamedTuple):
    """``hashes`` are of the features that are a whole term, ``topics`` what each is about: the
    numbers, below ``many``, of its section and its subtopic. ``digest``: SHA-256 of the terms."""

    hashes: Keys
    topics: NDArray[np.int32]
    many: int
    digest: str

    def fits(self, buckets: int) -> bool:
        """Whether there is room for the terms. A smaller table would know every feature, and
        mix most of what was learnt with terms."""
        return _ROOM * len(self.hashes) <= buckets

    def by_bucket(self, settings: TextSettings, share: float) -> csr_matrix:
        """``share`` where a term of a bucket is about a topic: buckets x topics."""
        buckets = (self.hashes >> np.uint64(64 - settings.bits)).astype(np.int64)
        places = np.unique(buckets[:, None] * self.many + self.topics)
        values = np.full(len(places), share, dtype=np.float32)
        where = (places // self.many, places % self.many)
        return csr_matrix((values, where), shape=(settings.buckets, self.many))


@functools.cache
def own_topics(simplify: bool) -> Topics:
    """Those of the bundled terms of two or more characters that are one n-gram, one word or a
    pair of words."""
    items = (item for item in read_builtin("") if isinstance(item, Example))
    terms = sorted({(item.title, item.label, item.group) for item in items if item.term})
    names = sorted({name for _, *about in terms for name in about})
    number = {name: at for at, name in enumerate(names)}
    about = np.array([(number[label], number[group]) for _, label, group in terms], np.int32)
    settings = TextSettings(simplify=simplify)
    rows, hashes = whole([term for term, *_ in terms], settings, fold_table(simplify))
    digest = hashlib.sha256("\n".join("\t".join(each) for each in terms).encode()).hexdigest()
    return Topics(hashes, about[rows], len(names), digest)
