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
from monitor.text import fold, unify

_WORDS = re.compile("[A-Za-z\u00c0-\u024f][\\w'\u2019-]+")
# A title of fewer letters and digits says too little.
SHORT = 6
_RUNS = re.compile("[a-z0-9]+(?:['\u2019.&-][a-z0-9]+)*|[\u3400-\u9fff]+")
# 某地一工厂: where it was.
_SPOT = re.compile("([\u4e00-\u9fff]{2,6}?)一(?=[\u4e00-\u9fff]{2})(?![个家次直起些])")
_WORKS = re.compile("《([^》]{1,40})》")
_BREAK = re.compile("[^a-z0-9\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Wording:
    """``weights`` gives each word of meaning what it counts; ``order`` has them as they stand.

    ``names`` and ``acts`` are the keys by group, ``signs`` its characters and stems,
    ``proper`` English words that are written as names are.
    ``plain`` is the text without what frames it. ``short``: too little is said.
    """

    plain: str
    weights: dict[str, float]
    order: tuple[str, ...]
    names: dict[str, frozenset[str]]
    acts: dict[str, frozenset[str]]
    numbers: tuple[numbers.Quantity, ...]
    signs: frozenset[str]
    proper: frozenset[str]
    short: bool


@functools.lru_cache(maxsize=4096)
def grams(title: str) -> frozenset[int]:
    """What the window knows a title by: pairs of Chinese characters, stems of words."""
    found = set[int]()
    for run in _RUNS.findall(fold(title).text):
        if run[0] < "\u3400":
            gram = _latin_gram(run)
            if gram is not None:
                found.add(gram)
        else:
            codes = list(map(ord, run))
            found.update((one * 7919 + other) % BUCKETS for one, other in itertools.pairwise(codes))
    return frozenset(found)


@functools.lru_cache(maxsize=32_768)
def _latin_gram(word: str) -> int | None:
    """The bucket of an English word, the same for words of one meaning; None for a filler."""
    found = stem(word)
    terms = lexicon().latin.get((found,), ())
    if terms and terms[0].kind == "filler":
        return None
    return crc32((terms[0].key if terms else found).encode()) % BUCKETS


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
    weights: dict[str, float] = {}
    names: dict[str, set[str]] = {}
    acts: dict[str, set[str]] = {}
    order: list[str] = []
    signs: set[str] = set()
    for word, meanings in _items(_RUNS.findall(rest), known):
        if not meanings:
            weights[word] = _weight(word)
            order.append(word)
        elif meanings[0].kind == "filler":
            continue
        for term in meanings:
            weights[term.key] = _TERM_WEIGHTS[term.kind]
            order.append(term.key)
            if term.kind != "same":
                groups = names if term.kind == "name" else acts
                groups.setdefault(term.group, set()).add(term.key)
        if word[0] >= "\u3400":
            signs.update(word)
        else:
            signs.add(meanings[0].key if meanings else word)
    if works := _WORKS.findall(plain):
        names["work"] = {f"work:{work}" for work in works}
    if spot := _SPOT.match(plain):
        names["spot"] = {f"spot:{one}{other}" for one, other in itertools.pairwise(spot[1])}
    said = _BREAK.sub(" ", plain).strip()
    return Wording(
        said,
        weights,
        tuple(order),
        {group: frozenset(keys) for group, keys in names.items()},
        {group: frozenset(keys) for group, keys in acts.items()},
        quantities,
        frozenset(signs - known.function),
        frozenset(_proper(unify(title).text, known)),
        short=len(said) - said.count(" ") < SHORT,
    )


_TERM_WEIGHTS = {"name": 1.6, "act": 1.0, "same": 1.0}
Item = tuple[str, tuple[Term, ...]]


def _proper(title: str, known: Lexicon) -> Iterator[str]:
    """The stems of words with a capital, unless all have one, or a list knows them."""
    words = _WORDS.findall(title)
    capital = [word for word in words if word[0].isupper()]
    if len(words) < 3 or len(capital) > 0.7 * len(words):
        return
    for word in capital:
        found = stem(fold(word).text)
        if (found,) not in known.latin and (word != words[0] or found not in known.common):
            yield found


def _items(runs: list[str], known: Lexicon) -> list[Item]:
    """The words of a title with their meanings: English stems and phrases, Chinese words, and
    pairs of Chinese characters where no word is known."""
    items: list[Item] = []
    at = 0
    while at < len(runs):
        if runs[at][0] < "\u3400":
            at += _take_phrase(runs, at, known, items)
        else:
            _cut(runs[at], known, items)
            at += 1
    return items


def _take_phrase(runs: list[str], at: int, known: Lexicon, items: list[Item]) -> int:
    """Take the longest phrase that is known, or one word; returns of how many runs."""
    word = stem(runs[at])
    for size in range(min(known.phrases.get(word, 0), len(runs) - at), 0, -1):
        phrase = (word, *map(stem, runs[at + 1 : at + size]))
        if meanings := known.latin.get(phrase):
            items.append((word, meanings))
            return size
    items.append((word, ()))
    return 1


def _cut(run: str, known: Lexicon, items: list[Item]) -> None:
    """Cut a Chinese run into the words that are known, the longest first."""
    at, rest, end = 0, 0, len(run)
    while at < end:
        for size in known.sizes.get(run[at], ()):
            meanings = known.han.get(run[at : at + size])
            if meanings is not None and at + size <= end:
                if rest < at:
                    _pair(run[rest:at], items)
                items.append((run[at : at + size], meanings))
                at += size
                rest = at
                break
        else:
            at += 1
    if rest < end:
        _pair(run[rest:], items)


def _pair(run: str, items: list[Item]) -> None:
    if len(run) == 1:
        items.append((run, ()))
    items.extend((run[at : at + 2], ()) for at in range(len(run) - 1))


@functools.lru_cache(maxsize=65_536)
def _weight(word: str) -> float:
    """What sharing ``word`` says: from 0.1 for a frequent one to 2 for a rare one."""
    known = lexicon()
    rare = 1.0 - known.common.get(word, 0) / 10
    if word[0] < "\u3400":
        return 2.0 * max(rare, 0.1)
    if len(word) == 1:
        return 0.1 if word in known.function else 0.5
    if word[0] in known.function or word[1] in known.function:
        return 0.3 * max(rare, 0.2)
    return 1.2 * max(rare, 0.15)
