"""A title as it is compared: its words by meaning, its names, its acts, its numbers. Pure."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

from monitor.stories import numbers
from monitor.stories.address import canonical_url
from monitor.stories.lexicon import (
    Lexicon,
    Term,
    han_words,
    lexicon,
    sizes,
    stem,
    without_end,
)
from monitor.stories.roundup import is_roundup
from monitor.stories.window import BUCKETS
from monitor.text import fold, unify

_WORDS = re.compile("[A-Za-z\u00c0-\u024f][\\w'\u2019-]+")
# A title of fewer letters and digits says too little.
SHORT = 6
# So much is remembered: a title with its words takes some 5 KB, a word 200 bytes. It is full
# after an hour of usual news, so that a storm of them adds nothing.
TITLES, WORDS = 1_024, 8_192
_RUNS = re.compile("[a-z0-9]+(?:['\u2019.&-][a-z0-9]+)*|[\u3400-\u9fff]+")
# 某地一工厂: where it was.
_SPOT = re.compile(
    "([\u4e00-\u9fff]{2,6}?)(?<![周期第之唯统])一(?=[\u4e00-\u9fff]{2})(?![个家次直起些])"
)
_COMPOUND = re.compile("[a-z]{4,}(?:-[a-z]{4,})+")
_WORKS = re.compile("《([^》]{1,40})》")
_CAPITALS = re.compile("\\b[A-Z]{2,5}\\b")
_BREAK = re.compile("[^a-z0-9\u3400-\u9fff]+")
# What parts clauses; a comma or colon between figures parts none.
_CLAUSE = re.compile(
    "[。;!?、|…—]+|(?<![0-9])[,:]|[,:](?![0-9])|(?<=[\u3400-\u9fff])\\s|\\s(?=[\u3400-\u9fff])"
)
# Without one of these nothing frames a title.
_FRAMES = re.compile("[-–—_|｜丨:：·!,()\\[\\]【】（）]")


class Token(NamedTuple):
    """A word as it stands, all that it may mean, and what it counts. ``deed``: something is
    done. ``joined``: a pair of characters of which the first ends the pair before."""

    surface: str
    keys: tuple[str, ...]
    weight: float
    deed: bool
    joined: bool


@dataclass(frozen=True, slots=True)
class Wording:
    """``tokens`` are its words, ``weights`` what each meaning counts, ``order`` has them as they
    stand.

    ``names`` and ``acts`` are the keys by group,
    ``proper`` English words that are written as names are, ``capitals`` short ones in capitals,
    ``surfaces`` the words as they stand.
    ``plain`` is the text without what frames it. ``short``: too little is said.
    ``news`` has the numbers of the tokens of the main clause, where another tells what was
    before; else it is empty. ``clauses`` are the parts between marks, ``marks`` which of ``?:``
    there are, ``hyphened`` the words with a hyphen.
    """

    plain: str
    tokens: tuple[Token, ...]
    news: range
    weights: dict[str, float]
    order: tuple[str, ...]
    names: dict[str, frozenset[str]]
    acts: dict[str, frozenset[str]]
    numbers: tuple[numbers.Quantity, ...]
    proper: frozenset[str]
    capitals: frozenset[str]
    surfaces: frozenset[str]
    short: bool
    clauses: tuple[str, ...]
    marks: str
    hyphened: str


def runs_of(title: str) -> list[str]:
    """The words and the Chinese runs of a title, folded."""
    return _RUNS.findall(fold(title).text)


@functools.lru_cache(maxsize=TITLES)
def grams(title: str) -> tuple[int, ...]:
    """What the window knows a title by, in order: known Chinese words by their meaning, pairs
    of Chinese characters elsewhere, stems of English words."""
    text = fold(title).text
    found = set[int]()
    if not text.isascii():
        text = _take_han(text, found)
    for run in _RUNS.findall(text):
        if run[0] < "\u3400":
            found.add(_latin_gram(run))
        else:
            codes = list(map(ord, run))
            found.update(
                [(one * 7919 + other) % BUCKETS for one, other in itertools.pairwise(codes)]
            )
    found.discard(_NO_GRAM)
    return tuple(sorted(found))


_NO_GRAM = -1


def _take_han(text: str, found: set[int]) -> str:
    """Put the grams of known Chinese words into ``found``; returns what is left of the text."""
    buckets, left, at = _han_grams(), list[str](), 0
    for index, start, end in han_words().find(text):
        found.add(buckets[index])
        left.append(text[at:start])
        at = end
    left.append(text[at:])
    return " ".join(left)


@functools.cache
def _han_grams() -> list[int]:
    """The bucket of each known Chinese word."""
    return [_term_gram(terms) for terms in han_words().terms]


@functools.lru_cache(maxsize=WORDS)
def _latin_gram(word: str) -> int:
    """The bucket of an English word, the same for words of one meaning."""
    found = stem(word)
    terms = lexicon().latin.get((found,))
    return _term_gram(terms) if terms else crc32(found.encode()) % BUCKETS


def _term_gram(terms: tuple[Term, ...]) -> int:
    """The bucket of what a word means; none for a filler. Of several meanings it is the one
    that most words have: another word of one of them most likely has that."""
    if terms[0].kind in ("filler", "mark"):
        return _NO_GRAM
    known = sizes()
    return crc32(max((known[term.key], term.key) for term in terms)[1].encode()) % BUCKETS


def link_gram(url: str) -> int:
    """The bucket of an address; -1 for none."""
    return crc32(canonical_url(url).encode("utf-8", "surrogatepass")) % BUCKETS if url else -1


def unframed(folded: str) -> str:
    """A folded title without who tells it, unless nothing else is there."""
    if not _FRAMES.search(folded):
        return folded
    known = lexicon()
    inner = folded
    if match := known.before.match(inner):
        inner = inner[match.end() :]
    inner = without_end(inner, known.behind)
    return inner if len(inner) >= SHORT else folded


def said(title: str) -> str:
    """What ``title`` says in plain words; two that say the same to the letter are equal here."""
    return _said(title)[1]


@functools.lru_cache(maxsize=TITLES)
def lists(title: str) -> bool:
    """Whether ``title`` lists several pieces of news."""
    return is_roundup(fold(title).text)


def is_short(said: str) -> bool:
    """Whether a title that says this says too little to be compared."""
    return len(said) - said.count(" ") < SHORT


@functools.lru_cache(maxsize=TITLES)
def _said(title: str) -> tuple[str, str]:
    """The folded title without what frames it, with marks and without."""
    plain = unframed(fold(title).text)
    return plain, _BREAK.sub(" ", plain).strip()


@dataclass(slots=True)
class _Reading:
    """What is gathered from the words of a title."""

    tokens: list[Token] = field(default_factory=list)
    told: set[tuple[str, ...]] = field(default_factory=set)
    weights: dict[str, float] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=dict)
    acts: dict[str, set[str]] = field(default_factory=dict)
    news: range = range(0)

    def take(self, word: str, meanings: tuple[Term, ...]) -> None:
        """Take the next word."""
        kind = meanings[0].kind if meanings else ""
        if kind == "filler":
            return
        if kind == "mark":
            self._split(word)
            return
        keys = tuple([term.key for term in meanings]) or (word,)
        weight = _known_weight(word, kind) if kind else _weight(word)
        if keys not in self.told:
            self.told.add(keys)
            deed = any(term.kind in _DOING for term in meanings)
            self.tokens.append(Token(word, keys, weight, deed, self._joins(word, kind)))
        for key in keys:
            self.weights[key] = weight
            self.order.append(key)
        for term in meanings:
            if term.kind in ("name", "act"):
                groups = self.names if term.kind == "name" else self.acts
                groups.setdefault(term.group, set()).add(term.key)

    def _joins(self, word: str, kind: str) -> bool:
        last = self.tokens[-1] if self.tokens else None
        return bool(
            last
            and not kind
            and len(word) == 2
            and word[0] >= "\u3400"
            and last.keys == (last.surface,)
            and last.surface[1:] == word[0]
        )

    def _split(self, word: str) -> None:
        """What is new stands before an English mark, and behind a Chinese one."""
        at = len(self.tokens)
        if at:
            self.news = range(at, 1_000) if word[0] >= "\u3400" else range(at)


@functools.lru_cache(maxsize=TITLES)
def wording(title: str) -> Wording:
    """The wording of ``title``; the same for every spelling that folds alike."""
    known = lexicon()
    plain, said = _said(title)
    quantities, rest = numbers.find(plain)
    read = _Reading()
    for word, meanings in _items(rest, known):
        read.take(word, meanings)
    if works := _WORKS.findall(plain):
        read.names["work"] = {f"work:{work}" for work in works}
    if spot := _SPOT.match(plain):
        read.names["spot"] = {f"spot:{one}{other}" for one, other in itertools.pairwise(spot[1])}
    return Wording(
        said,
        tuple(read.tokens),
        read.news,
        read.weights,
        tuple(read.order),
        {group: frozenset(keys) for group, keys in read.names.items()},
        {group: frozenset(keys) for group, keys in read.acts.items()},
        quantities,
        frozenset(_proper(title, known)),
        frozenset(word.lower() for word in _CAPITALS.findall(title)),
        frozenset(token.surface for token in read.tokens),
        short=is_short(said),
        clauses=tuple([part for part in map(str.strip, _CLAUSE.split(plain)) if len(part) > 1]),
        marks="".join(mark for mark in "?:" if mark in plain),
        hyphened=" ".join(word for word in read.weights if "-" in word) if "-" in plain else "",
    )


_NAME_WEIGHT = 1.6
# A known word counts so much at least, and at most.
_LEAST, _MOST = 0.8, 2.0
_DOING = frozenset({"act", "deed", "turn", "react"})
Item = tuple[str, tuple[Term, ...]]


def _proper(title: str, known: Lexicon) -> Iterator[str]:
    """The stems of words with a capital, unless all have one, or a list knows them."""
    words = _WORDS.findall(title if title.isascii() else unify(title).text)
    capital = [word for word in words if word[0].isupper()]
    if len(words) < 3 or len(capital) > 0.7 * len(words):
        return
    for word in capital:
        found = _folded_stem(word)
        if (found,) not in known.latin and (word != words[0] or found not in known.common):
            yield found


@functools.lru_cache(maxsize=WORDS)
def _folded_stem(word: str) -> str:
    return stem(fold(word).text)


def _items(text: str, known: Lexicon) -> list[Item]:
    """The words of a title with their meanings: English stems and phrases, Chinese words, and
    pairs of Chinese characters where no word is known."""
    items: list[Item] = []
    if text.isascii():
        _cut(text, known, items)
        return items
    han, at = han_words(), 0
    for index, start, end in han.find(text):
        if at < start:
            _cut(text[at:start], known, items)
        items.append((han.words[index], han.terms[index]))
        at = end
    if at < len(text):
        _cut(text[at:], known, items)
    return items


def _cut(text: str, known: Lexicon, items: list[Item]) -> None:
    """Take the words of a text in which there are no known Chinese ones."""
    runs, at = [part for run in _RUNS.findall(text) for part in _parts(run)], 0
    while at < len(runs):
        run = runs[at]
        if run[0] < "\u3400":
            at += _take_phrase(runs, at, known, items)
            continue
        if len(run) == 1:
            items.append((run, ()))
        items += [(run[place : place + 2], ()) for place in range(len(run) - 1)]
        at += 1


@functools.lru_cache(maxsize=WORDS)
def _parts(run: str) -> tuple[str, ...]:
    """A compound that is not known as one word, in its parts: farm-worker."""
    if "-" not in run or not _COMPOUND.fullmatch(run) or _latin(run)[1:] != (0, ()):
        return (run,)
    return tuple(run.split("-"))


def _take_phrase(runs: list[str], at: int, known: Lexicon, items: list[Item]) -> int:
    """Take the longest phrase that is known, or one word; returns of how many runs."""
    word, most, alone = _latin(runs[at])
    for size in range(min(most, len(runs) - at), 1, -1):
        phrase = (word, *[_latin(run)[0] for run in runs[at + 1 : at + size]])
        if meanings := known.latin.get(phrase):
            items.append((word, meanings))
            return size
    items.append((word, alone))
    return 1


@functools.lru_cache(maxsize=WORDS)
def _latin(run: str) -> tuple[str, int, tuple[Term, ...]]:
    """A word's stem, the most stems of a phrase that it begins, what it means alone."""
    word, known = stem(run), lexicon()
    return word, known.phrases.get(word, 0), known.latin.get((word,), ())


@functools.lru_cache(maxsize=WORDS)
def _known_weight(word: str, kind: str) -> float:
    """What sharing a known word says: by how rare it is, but a name by its kind."""
    if kind == "name":
        return _NAME_WEIGHT
    parts = [word] if word[0] < "\u3400" else [*map("".join, itertools.pairwise(word))]
    return min(max(sum(map(_weight, parts)), _LEAST), _MOST)


@functools.lru_cache(maxsize=WORDS)
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
