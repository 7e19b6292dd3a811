"""What two titles have and lack, told apart by kind: what the second stage looks at besides. Pure.

The features are documented together in ``docs/stories.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from monitor.stories import numbers, standing, tense
from monitor.stories.standing import Told
from monitor.stories.wording import Token, Wording

KINDS = ("deed", "thing", "name", "unknown", "react")
NAMES = frozenset(
    {"country", "province", "city", "team", "person", "company", "bank", "museum", "spot"}
)
# What a number counts, by what telling two of them means; others are units.
COUNTED = {
    **dict.fromkeys(("dead", "hurt", "missing", "人"), "toll"),
    **dict.fromkeys(("nth", "model", "day", "month", "year", "quarter", "hour", "age"), "label"),
    "%": "percent",
    "": "bare",
    **{kind: kind for kind in ("money", "score", "grade")},
}
SORTS = ("toll", "percent", "money", "score", "label", "grade", "bare", "unit")


def features(a: Wording, b: Wording, told_a: Told, told_b: Told) -> dict[str, float]:
    """What ``a`` and ``b`` have and lack; ``told_a``: how far ``b`` tells the tokens of ``a``."""
    lone_a, lone_b = _lone(a, told_a), _lone(b, told_b)
    return {
        **_by_kind(a, b, told_a, told_b),
        **_characters(a, b, lone_a, lone_b),
        **_deeds(a, told_a, lone_a, lone_b),
        **_shares(a, b, told_a, told_b),
        **_numbers(a, b),
        **_clauses(a, b, told_a, told_b),
        **standing.features(a, b, told_a, told_b),
        "hopes": float(tense.hopes(a.plain) != tense.hopes(b.plain)),
        "asks": float(("?" in a.marks) != ("?" in b.marks)),
        "colon": float((":" in a.marks) != (":" in b.marks)),
        "chinese": float(not (a.plain.isascii() and b.plain.isascii())),
    }


def alone(a: Wording, b: Wording, told_a: Told, told_b: Told) -> frozenset[str]:
    """What the words mean that one title alone has, but for names."""
    lone = (*_lone(a, told_a), *_lone(b, told_b))
    return frozenset([t.keys[0] for t in lone if t.keys[0].partition(":")[0] not in NAMES])


def weighed(keys: frozenset[str], weights: Mapping[str, float]) -> dict[str, float]:
    """What the words speak against that one title alone has: in all, most, and least."""
    found = [weights[key] for key in keys if key in weights]
    return {
        "alone": max(min(sum(found), 6.0), -6.0),
        "alone_most": max(found, default=0.0),
        "alone_least": min(found, default=0.0),
    }


def _lone(a: Wording, told: Told) -> list[Token]:
    return [token for token, share in zip(a.tokens, told, strict=True) if share < 0.5]


def _kind(token: Token) -> str:
    first = token.keys[0]
    if any(key.startswith("react:") for key in token.keys):
        return "react"
    if token.deed:
        return "deed"
    if token.keys == (token.surface,):
        return "unknown"
    return "name" if first.partition(":")[0] in NAMES else "thing"


def _by_kind(a: Wording, b: Wording, told_a: Told, told_b: Told) -> dict[str, float]:
    """By kind of word what both tell, and what each tells alone: the less, and the more."""
    both, alone_a, shared_b, alone_b = ({**dict.fromkeys(KINDS, 0.0)} for _ in range(4))
    for one, told, shared, alone in ((a, told_a, both, alone_a), (b, told_b, shared_b, alone_b)):
        for token, share in zip(one.tokens, told, strict=True):
            kind = _kind(token)
            if share < 0.5:
                alone[kind] += token.weight * (1.0 - share)
            else:
                shared[kind] += token.weight / 2
    found: dict[str, float] = {}
    for kind in KINDS:
        found[f"both_{kind}"] = both[kind] + shared_b[kind]
        found[f"less_{kind}"] = min(alone_a[kind], alone_b[kind], 6.0)
        found[f"more_{kind}"] = min(max(alone_a[kind], alone_b[kind]), 6.0)
    return found


def _han(text: str) -> set[str]:
    return {char for char in text if char >= "\u3400"}


def _characters(
    a: Wording, b: Wording, lone_a: list[Token], lone_b: list[Token]
) -> dict[str, float]:
    """The Chinese characters that both have, in all, and in words that are told by one alone;
    English words of those that begin alike."""
    all_a, all_b = _han(a.plain), _han(b.plain)
    own_a = {char for token in lone_a for char in _han(token.surface)}
    own_b = {char for token in lone_b for char in _han(token.surface)}
    both, less = own_a & own_b, min(len(own_a), len(own_b))
    heads = {token.surface[:4] for token in lone_b if _is_latin(token)}
    alike = sum(_is_latin(token) and token.surface[:4] in heads for token in lone_a)
    everything = max(len(all_a | all_b), 1)
    return {
        "lone_characters": min(len(both), 4),
        "lone_characters_share": len(both) / max(less, 1),
        "characters": len(all_a & all_b) / everything,
        "characters_share": len(all_a & all_b) / max(min(len(all_a), len(all_b)), 1),
        "lone_heads": min(alike, 2),
    }


def _is_latin(token: Token) -> bool:
    return token.surface[0] < "\u3400" and len(token.surface) >= 4


def _deeds(a: Wording, told_a: Told, lone_a: list[Token], lone_b: list[Token]) -> dict[str, float]:
    """How many deeds both tell, each alone, and one alone; those with a character in common."""
    mine, theirs = sum(t.deed for t in lone_a), sum(t.deed for t in lone_b)
    shared = sum(t.deed and share >= 0.5 for t, share in zip(a.tokens, told_a, strict=True))
    return {
        "deeds_both": min(shared, 3),
        "deeds_less": min(mine, theirs, 3),
        "deeds_more": min(max(mine, theirs), 4),
        "deeds_akin": min(_akin(lone_a, lone_b), _akin(lone_b, lone_a), 2),
    }


def _akin(lone_a: list[Token], lone_b: list[Token]) -> int:
    own = [_han(token.surface) for token in lone_b]
    return sum(
        token.deed and any(not each.isdisjoint(token.surface) for each in own) for token in lone_a
    )


def _shares(a: Wording, b: Wording, told_a: Told, told_b: Told) -> dict[str, float]:
    """How long the titles are, what share of each is told, what weighs most."""
    sizes = sorted((len(a.tokens), len(b.tokens)))
    shares = sorted((standing.share_of(a.tokens, told_a), standing.share_of(b.tokens, told_b)))
    best = sorted(
        (t.weight for t, s in zip(a.tokens, told_a, strict=True) if s >= 0.5), reverse=True
    )
    first, second, third = (*best[:3], 0.0, 0.0, 0.0)[:3]
    return {
        "words_less": sizes[0],
        "words_more": sizes[1],
        "words_ratio": sizes[0] / max(sizes[1], 1),
        "told_less": shares[0],
        "told_more": shares[1],
        "told_mean": math.sqrt(shares[0] * shares[1]),
        "rarest": first,
        "rarest_second": second,
        "rarest_third": third,
        "words_both": min(len(best), 8),
        "lone_rarest": min(_rarest(a, told_a), _rarest(b, told_b)),
    }


def _rarest(a: Wording, told: Told) -> float:
    alone = (t.weight * (1.0 - s) for t, s in zip(a.tokens, told, strict=True) if s < 0.5)
    return max(alone, default=0.0)


def _numbers(a: Wording, b: Wording) -> dict[str, float]:
    """What is counted where two numbers contradict each other."""
    mine, theirs = numbers.unmatched(a.numbers, b.numbers)
    against = {
        COUNTED.get(one.kind or other.kind, "unit") if one.kind == other.kind else "bare"
        for one in mine
        for other in theirs
        if one.kind == other.kind or not one.kind or not other.kind
    }
    return {
        **{f"differ_{sort}": float(sort in against) for sort in SORTS},
        "lone_numbers_less": min(len(mine), len(theirs), 2),
        "lone_numbers_more": min(max(len(mine), len(theirs)), 3),
        "differ_beside_same": float(bool(against) and len(mine) < len(a.numbers)),
    }


def _clauses(a: Wording, b: Wording, told_a: Told, told_b: Told) -> dict[str, float]:
    """How far the clauses of a title are told, where it has several: a clause that is told whole
    beside one that is not, as a turn is told behind what it turns on."""
    parted = [told for told in (_told(a, told_a), _told(b, told_b)) if len(told) > 1]
    if not parted:
        return dict.fromkeys(CLAUSES, -1.0)
    shares: list[list[float]] = [[share for share, _ in told] for told in parted]
    return {
        "clause_least": min(map(min, shares)),
        "clause_most": max(map(max, shares)),
        "clause_gap": max(max(each) - min(each) for each in shares),
        "clause_falls": max(each[0] - each[-1] for each in shares),
        "clause_new": max(new for told in parted for _, new in told),
    }


CLAUSES = ("clause_least", "clause_most", "clause_gap", "clause_falls", "clause_new")


def _told(a: Wording, told: Told) -> list[tuple[float, float]]:
    """How far each clause is told, and what it tells alone if something is done in it."""
    found = []
    for clause in a.clauses:
        inside = [(t, s) for t, s in zip(a.tokens, told, strict=True) if t.surface in clause]
        if weight := sum([t.weight for t, _ in inside]):
            share = sum([t.weight * s for t, s in inside]) / weight
            does = any(t.deed and s < 0.5 for t, s in inside)
            found.append((share, weight * (1.0 - share) * does))
    return found
