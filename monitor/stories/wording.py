"""A title as it is compared: its words by meaning, its names, its acts, its numbers. Pure."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from monitor.stories import numbers
from monitor.stories.address import canonical_url
from monitor.stories.lexicon import Lexicon, Term, lexicon, stem
from monitor.stories.window import BUCKETS
from monitor.text import fold

# A title of fewer letters and digits says too little.
SHORT = 6
_RUNS = re.compile("[a-z0-9]+(?:['\u2019.&-][a-z0-9]+)*|[\u3400-\u9fff]+")
_BREAK = re.compile("[^a-z0-9\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Wording:
    """``weights`` gives each word of meaning what it counts; ``order`` has them as they stand.

    ``names`` and ``acts`` are the keys by group, ``signs`` its characters and stems.
    ``plain`` is the text without what frames it. ``short``: too little is said.
    """

    plain: str
    weights: dict[str, float]
    order: tuple[str, ...]
    names: dict[str, frozenset[str]]
    acts: dict[str, frozenset[str]]
    numbers: tuple[numbers.Quantity, ...]
    signs: frozenset[str]
    short: bool


def grams(title: str) -> frozenset[int]:
    """What the window knows a title by: pairs of Chinese characters, stems of words."""
    found = set[int]()
    for run in _RUNS.findall(fold(title).text):
        if run[0] < "\u3400":
            found.add(_latin_gram(run))
        else:
            codes = list(map(ord, run))
            found.update((one * 7919 + other) % BUCKETS for one, other in itertools.pairwise(codes))
    return frozenset(found)


@functools.lru_cache(maxsize=32_768)
def _latin_gram(word: str) -> int:
    return crc32(stem(word).encode()) % BUCKETS


def link_gram(url: str) -> int:
    """The bucket of an address; -1 for none."""
    return crc32(canonical_url(url).encode("utf-8", "surrogatepass")) % BUCKETS if url else -1


def unframed(folded: str) -> str:
    """A folded title without who tells it, unless nothing else is there."""
    known = lexicon()
    inner = folded
    if match := known.before.match(inner):
        inner = inner[match.end() :]
    if match := known.behind.search(inner):
        inner = inner[: match.start()]
    return inner if len(inner) >= SHORT else folded


@functools.lru_cache(maxsize=4096)
def wording(title: str) -> Wording:
    """The wording of ``title``; the same for every spelling that folds alike."""
    known = lexicon()
    folded = fold(title).text
    plain = unframed(folded)
    quantities, rest = numbers.find(plain)
    terms = [item for run in _RUNS.findall(rest) for item in _meanings(run, known)]
    terms = list(_phrases(terms, known))
    weights: dict[str, float] = {}
    names: dict[str, set[str]] = {}
    acts: dict[str, set[str]] = {}
    order: list[str] = []
    for word, meanings in terms:
        if not meanings:
            weights[word] = max(_weight(word, known), weights.get(word, 0.0))
            order.append(word)
        for term in meanings:
            if term.kind == "filler":
                continue
            weights[term.key] = _TERM_WEIGHTS[term.kind]
            order.append(term.key)
            if term.kind != "same":
                groups = names if term.kind == "name" else acts
                groups.setdefault(term.group, set()).add(term.key)
    letters = sum(map(len, _RUNS.findall(plain)))
    return Wording(
        _BREAK.sub(" ", plain).strip(),
        weights,
        tuple(order),
        {group: frozenset(keys) for group, keys in names.items()},
        {group: frozenset(keys) for group, keys in acts.items()},
        quantities,
        frozenset(_signs(terms, known)),
        short=letters < SHORT,
    )


_TERM_WEIGHTS = {"name": 1.6, "act": 1.0, "same": 1.0}
Item = tuple[str, tuple[Term, ...]]


def _signs(terms: list[Item], known: Lexicon) -> Iterator[str]:
    """The Chinese characters and the English stems that say something by themselves."""
    for word, meanings in terms:
        if any(term.kind == "filler" for term in meanings):
            continue
        if word[0] < "\u3400":
            yield meanings[0].key if meanings else word
        else:
            yield from (char for char in word if char not in known.function)


def _meanings(run: str, known: Lexicon) -> Iterator[Item]:
    """The words of a run: an English one by its stem, Chinese ones longest first."""
    if run[0] < "\u3400":
        yield stem(run), ()
        return
    at, rest = 0, 0
    while at < len(run):
        for size in range(min(known.longest.get(run[at], 0), len(run) - at), 0, -1):
            meanings = known.han.get(run[at : at + size])
            if meanings is not None:
                yield from _pairs(run[rest:at])
                yield run[at : at + size], meanings
                at += size
                rest = at
                break
        else:
            at += 1
    yield from _pairs(run[rest:])


def _pairs(run: str) -> Iterator[Item]:
    if len(run) == 1:
        yield run, ()
    for at in range(len(run) - 1):
        yield run[at : at + 2], ()


def _phrases(items: list[Item], known: Lexicon) -> Iterator[Item]:
    """The same with English words and phrases that are known in their place."""
    at = 0
    while at < len(items):
        word, meanings = items[at]
        if not meanings and word[0] < "\u3400":
            size = min(known.phrases.get(word, 0), len(items) - at)
            for length in range(size, 0, -1):
                found = known.latin.get(tuple(item[0] for item in items[at : at + length]))
                if found is not None:
                    yield word, found
                    at += length
                    break
            else:
                yield word, ()
                at += 1
        else:
            yield word, meanings
            at += 1


def _weight(word: str, known: Lexicon) -> float:
    """What sharing ``word`` says: from 0.2 for a frequent one to 2 for a rare one."""
    rare = 1.0 - known.common.get(word, 0) / 10
    if word[0] < "\u3400":
        return 2.0 * max(rare, 0.1)
    if len(word) == 1:
        return 0.1 if word in known.function else 0.5
    if word[0] in known.function or word[1] in known.function:
        return 0.3 * max(rare, 0.2)
    return 1.2 * max(rare, 0.15)
