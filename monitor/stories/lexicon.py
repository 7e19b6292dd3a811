"""The words that ``lexicon.toml`` knows, ready to be looked up. Pure."""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

# The files of words of one meaning, by kind.
WORDS = {
    "deed": ("deeds", "deeds_zh", "deeds_more"),
    "turn": ("turns",),
    "react": ("reactions", "reactions_more"),
    "same": ("things", "things_zh", "things_en"),
}


class Term(NamedTuple):
    """``kind``: ``name``, ``act``, ``deed``, ``turn``, ``react``, ``same``, ``mark`` or
    ``filler``. ``key`` stands for all of its words. Before a mark, or behind it in Chinese,
    stands what is new."""

    kind: str
    group: str
    key: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    """``han`` by word; ``latin`` by stems, ``phrases`` by first stem: the most stems of a
    phrase."""

    han: dict[str, tuple[Term, ...]] = field(default_factory=dict)
    latin: dict[tuple[str, ...], tuple[Term, ...]] = field(default_factory=dict)
    phrases: dict[str, int] = field(default_factory=dict)
    function: frozenset[str] = frozenset()
    common: dict[str, int] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    within: dict[str, tuple[str, ...]] = field(default_factory=dict)
    before: re.Pattern[str] = re.compile("")
    behind: re.Pattern[str] = re.compile("")

    def meanings(self, word: str) -> tuple[Term, ...]:
        """What ``word``, or a phrase written with ``_``, means so far."""
        if word[0] >= "\u3400":
            return self.han.get(word, ())
        return self.latin.get(tuple(stem(part) for part in word.split("_")), ())

    def add(self, word: str, term: Term) -> None:
        """Know ``word`` as ``term`` too; a filler means nothing else."""
        if word[0] >= "\u3400":
            self.han[word] = _with(self.han.get(word, ()), term)
            return
        stems = tuple(stem(part) for part in word.split("_"))
        self.latin[stems] = _with(self.latin.get(stems, ()), term)
        self.phrases[stems[0]] = max(self.phrases.get(stems[0], 0), len(stems))


@functools.cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("lexicon.toml").read_text("utf-8"))


@functools.cache
def _irregular() -> dict[str, str]:
    """The plain form of each irregular one. Planes are no plans: they keep their e."""
    lines = _tables()["irregular"]["en"].split("\n")
    forms = {form: line.split()[0] for line in lines for form in line.split()}
    return {**forms, "plane": "aeroplane", "planes": "aeroplane"}


def _with(terms: tuple[Term, ...], term: Term) -> tuple[Term, ...]:
    others = tuple(each for each in terms if each.kind != "filler")
    return others if any(each.key == term.key for each in others) else (*others, term)


@functools.cache
def lexicon() -> Lexicon:
    """The bundled words."""
    folder = files(__package__)
    tables = _tables()
    common = dict[str, int]()
    for line in folder.joinpath("common.txt").read_text("utf-8").splitlines():
        level, _, words = line.partition(" ")
        common.update(dict.fromkeys(words.split(), int(level)))
    fillers = [word for text in tables["filler"].values() for word in text.split()]
    frame = tables["frame"]
    found = Lexicon(
        function=frozenset(word for word in fillers if len(word) == 1 and word >= "\u3400"),
        common=common,
        ranks={
            f"{group}:{key}": rank
            for group, stages in tables["stages"].items()
            for rank, keys in enumerate(stages.split())
            for key in keys.split("|")
        },
        within=_within(tables),
        before=_before(frame["before"].split(), frame["slugs"].split()),
        behind=_behind(frame["behind"].split()),
    )
    for word in fillers:
        if word not in found.function:
            found.add(word, Term("filler", "", ""))
    _add_meanings(found, tables)
    for kind, group in groups():
        _add_group(found, kind, group)
    for text in tables["mark"].values():
        for word in text.split():
            found.add(word, Term("mark", "", "mark"))
    return found


def groups() -> Iterator[tuple[str, list[str]]]:
    """The groups of words of one meaning, and of what kind each is."""
    folder = files(__package__).joinpath("words")
    for kind, names in WORDS.items():
        for name in names:
            for line in folder.joinpath(f"{name}.txt").read_text("utf-8").splitlines():
                if line and not line.startswith("#"):
                    yield kind, line.split()


@functools.cache
def sizes() -> Counter[str]:
    """How many words have each meaning, by its key."""
    known = lexicon()
    meanings = (*known.han.values(), *known.latin.values())
    return Counter(term.key for terms in meanings for term in terms)


def _add_group(found: Lexicon, kind: str, words: list[str]) -> None:
    """Let all ``words`` mean what the first one means already, or else one new thing; behind
    ``=`` one new thing besides.

    A word that is known for something else can mean both: that brings titles together, and
    is no contradiction to anything. Fillers stay fillers.
    """
    alone = words[0] == "="
    own = [Term(kind, "", f"{kind}:{'='.join(words[1:3]) if alone else words[0]}")]
    terms = [] if alone else [term for term in found.meanings(words[0]) if term.kind != "filler"]
    terms = [*terms, *own] if kind in ("react", "turn") else terms or own
    words = words[1:] if alone else words
    for word in words:
        meanings = found.meanings(word)
        if any(term.kind == "filler" for term in meanings):
            continue
        if alone and not meanings:
            for term in _inner(found, word):
                found.add(word, term)
        known = any(term.kind in ("act", "name") for term in found.meanings(word))
        for term in terms:
            found.add(word, Term(kind, "", term.key) if known else term)


def _inner(found: Lexicon, word: str) -> tuple[Term, ...]:
    """What the longest known part of a new Chinese word means, if something is done there or it
    is a name."""
    if word[0] < "\u3400":
        return ()
    for kinds in (("act", "name"), ("deed",)):
        for size in range(len(word) - 1, 1, -1):
            for at in range(len(word) - size + 1):
                terms = found.han.get(word[at : at + size], ())
                if any(term.kind in kinds for term in terms):
                    return terms
    return ()


def _add_meanings(found: Lexicon, tables: dict[str, Any]) -> None:
    """Words of one meaning, acts and names."""
    for places in tables["places"].values():
        for place in places.split():
            found.add(place, Term("name", "city", f"city:{place}"))
    for text in tables["same"].values():
        for line in text.strip().splitlines():
            words = line.split()
            for word in words:
                found.add(word, Term("same", "", words[0]))
    for kind, groups in (("act", tables["acts"]), ("name", tables["names"])):
        for group, members in groups.items():
            for key, words in members.items():
                term = Term(kind, group, f"{group}:{key}")
                own = [key] if kind == "name" and key.isascii() and _is_word(group, key) else []
                for word in (*own, *words.split()):
                    found.add(word, term)


def _within(tables: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """By the key of each place the keys of those in which it lies."""
    names = tables["names"]
    key_of = {
        place: f"{group}:{place}"
        for group in ("person", "team", "bank", "museum", "province", "country")
        for place in names[group]
    }
    outer_of = {
        key_of.get(place, f"city:{place}"): key_of.get(outer, f"city:{outer}")
        for outer, places in (*tables["places"].items(), *tables["within"].items())
        for place in places.split()
    }
    provinces = (each for each in tables["places"] if len(each) <= 3)
    outer_of.update({f"province:{each}": "country:china" for each in provinces})
    found: dict[str, tuple[str, ...]] = {}
    for place, outer in outer_of.items():
        chain = [outer]
        while chain[-1] in outer_of and not place.startswith("team:"):
            chain.append(outer_of[chain[-1]])
        found[place] = tuple(chain)
    return found


# In these groups the key is the English word too.
_KEYS_ARE_WORDS = frozenset(
    {"country", "city", "company", "team", "person", "bank", "contest", "gauge"}
)
_ORGANS = frozenset({"un", "imf", "eu", "nato", "opec", "fda", "faa", "sec", "nasa"})


def _is_word(group: str, key: str) -> bool:
    return group in _KEYS_ARE_WORDS or key in _ORGANS


_DOTTED = re.compile(r"[a-z](?:\.[a-z])+")  # u.s, u.n


@functools.lru_cache(maxsize=8_192)
def stem(word: str) -> str:
    """An English word without its endings; the same for the forms of a regular word."""
    base = word.removesuffix("'s").removesuffix("\u2019s").rstrip("'\u2019.")
    if _DOTTED.fullmatch(base):
        base = base.replace(".", "")
    base = _irregular().get(base, base)
    if len(base) > 3 and not base.isdecimal():
        base = _without_ending(base)
    return base[:-1] if len(base) > 4 and base[-1] == "e" else base


def _without_ending(base: str) -> str:
    if base.endswith("ies") and len(base) > 4:
        return base[:-3] + "y"
    if base.endswith(("ches", "shes", "xes", "zes", "sses")):
        return base[:-2]
    if base.endswith("s") and not base.endswith(("ss", "us", "is")):
        base = base[:-1]
    for ending in ("ing", "ed"):
        if base.endswith(ending) and len(base) - len(ending) >= 3:
            return _root(base[: -len(ending)])
    return base


def _root(base: str) -> str:
    """The verb before its ending: bann is ban, nam is name."""
    if base[-1] == base[-2] and base[-1] not in "lsfz":
        return base[:-1]
    if (
        len(base) == 3
        and base[1] in "aeiou"
        and base[0] not in "aeiou"
        and base[2] not in "aeiouwxy"
    ):
        return base + "e"
    return base


class HanWords:
    """The Chinese words of the lexicon, found in a text from left to right, the longest first.

    ``words`` and ``terms`` are by the number with which ``find`` tells a word.
    """

    def __init__(self, han: dict[str, tuple[Term, ...]]) -> None:
        self.words = list(han)
        self.terms = list(han.values())
        self._automaton = AhoCorasick(self.words, matchkind=MatchKind.LeftmostLongest)

    def find(self, text: str) -> list[tuple[int, int, int]]:
        """Each word's number and span; none overlaps another."""
        return self._automaton.find_matches_as_indexes(text)


@functools.cache
def han_words() -> HanWords:
    """The bundled Chinese words."""
    return HanWords(lexicon().han)


def _any(words: list[str]) -> str:
    ordered = sorted((word.replace("_", " ") for word in words), key=len, reverse=True)
    return "|".join(map(re.escape, ordered))


def _before(words: list[str], slugs: list[str]) -> re.Pattern[str]:
    """What stands before a title: a known word with its mark, a short word in brackets, or an
    agency's slug with its hyphen."""
    return re.compile(
        rf"(?:\s*(?:[【\[(][^】\])]{{1,12}}[】\])]|(?:{_any(words)})\s*[!|｜丨:：·]"
        rf"|(?:{_any(slugs)})(?: \d+)?\s*-))+\s*"
    )


def _behind(words: list[str]) -> re.Pattern[str]:
    """One thing that stands behind: a known word, or a short name after a bar or an underline."""
    return re.compile(
        rf"(?:\s*[(\[（](?:update ?\d*|{_any(words)})[)\]）]"
        rf"|\s*[-–—:,]\s*(?:{_any(words)})"
        r"|\s*[|｜_]\s*[^|｜_]{1,20}|[-–—][\u3400-\u9fff]{2,6}[网报社]"
        rf"|[:,]\s(?:cnbc|espn|cnn|bbc)){_END}"
    )


_END = r"[\s!！。]*$"
# A short name after a dash.
_DASHED = re.compile(rf"\s+[-–—]\s+[^-–—]{{1,24}}{_END}")
# So many things may stand behind a title. One at a time: a pattern for all could try each way to
# part them.
_FRAMES = 6


def without_end(title: str, behind: re.Pattern[str]) -> str:
    """A folded title without what stands behind it, of names after a dash the last one alone:
    else ``– Milan flights in July - The Site`` were names."""
    dashes = 1
    for _ in range(_FRAMES):
        match = behind.search(title)
        if match is None and dashes:
            match, dashes = _DASHED.search(title), 0
        if match is None:
            break
        title = title[: match.start()]
    return title
