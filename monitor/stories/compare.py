"""Whether two titles tell the same news: features of the pair, and a fitted logistic score. Pure.

The features are documented one by one in ``docs/stories.md``.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.stories import alignment, finer, kin, numbers, reading, tense, trees
from monitor.stories.lexicon import lexicon
from monitor.stories.weights import BIAS, WEIGHTS
from monitor.stories.wording import Wording, is_short, lists, said, wording

SAME = 0.5
# From this sum of the first stage on the second one is asked; it sees sums of up to 12.
HOPELESS, SURE = -4.0, 12.0
# Of titles that share less it knows nothing.
SHARED = 0.5
# So much of the score is the second one's: alone it would trust what few pairs show.
SECOND = 0.7
WINDOW = timedelta(days=3)
# Portals tell the same news within hours; what resembles it later mostly tells what came of it.
# Log-odds for each doubling of the time between, from the one on and up to the other.
LATER = 0.75
SOON, LATE = timedelta(hours=6), timedelta(hours=48)
_DIGITS = re.compile("[0-9]{1,4000}")  # what int() takes
# Of these groups, two acts are opposites.
OPPOSED = frozenset({"direction", "answer", "warning", "bill", "staffing"})
# Of a pair that contradicts itself so no second reader is asked.
CONTRARY = ("places_differ", "numbers_differ", "turned", "contrary")
PLAYERS = frozenset({"team", "person", "country", "province", "city"})
# Where one title alone tells of these, it often tells what came of the other's news.
LONE_GROUPS = frozenset(
    {
        *("law", "office", "life", "deal", "search", "flight", "storm", "ruling", "works"),
        *("voyage", "launch", "bill", "title"),
    }
)
# Acts that undo what the rest of the title says.
UNDOING = frozenset(
    {
        *("answer:deny", "bill:lift", "bill:block", "deal:refuse", "deal:collapse", "law:acquit"),
        *("launch:call_off", "launch:delay"),
    }
)
# What befell people, and the words that tell it without a number.
CASUALTIES = {
    "dead": frozenset({"死亡", "kill", "life:die"}),
    "hurt": frozenset({"受伤", "injured"}),
    "missing": frozenset({"search:missing"}),
    "saved": frozenset({"search:rescue"}),
    "trapped": frozenset({"search:trapped"}),
}
# Acts of these groups often stand together in one piece of news, told by half in each title.
SOFT_GROUPS = frozenset({"stage", "disaster", "rates", "round", "work", "sequel"})


@dataclass(frozen=True, slots=True)
class Likeness:
    """``score`` is in [0, 1]; from one half on it is the ``same`` news."""

    same: bool
    score: float


def compare(
    one: str,
    other: str,
    one_at: datetime | None = None,
    other_at: datetime | None = None,
) -> Likeness:
    """How alike two titles are, whichever is given first.

    Titles of fewer than six letters and digits are never the same news, nor are titles
    that were published more than three days apart, that differ in nothing but numbers, or of
    which one alone lists several pieces of news. More than six hours apart speak against it,
    unless both say the same to the letter.
    """
    plain, other_plain = said(one), said(other)
    if is_short(plain) or is_short(other_plain):
        return Likeness(False, 0.0)
    apart = abs(one_at - other_at) if one_at and other_at else SOON
    if apart > WINDOW:
        return Likeness(False, 0.0)
    if plain == other_plain:
        return Likeness(True, 1.0)
    if _count_otherwise(plain, other_plain) or lists(one) != lists(other):
        return Likeness(False, 0.0)
    pair = paired(one, other)
    found = features(pair)
    total = likelihood(pair, found)
    if not any(found[name] for name in CONTRARY):
        total = reading.weigh(total, one, other)
    score = logistic(total - against(apart))
    return Likeness(score >= SAME, round(score, 4))


def _count_otherwise(one: str, other: str) -> bool:
    """Whether nothing but the numbers tells two texts apart: round 3 is not round 4."""
    if one == other or _DIGITS.sub("0", one) != _DIGITS.sub("0", other):
        return False
    return [int(digits) for digits in _DIGITS.findall(one)] != [
        int(digits) for digits in _DIGITS.findall(other)
    ]


def likelihood(pair: Pair, found: Mapping[str, float]) -> float:
    """The fitted log-odds of a pair: of the first stage alone where that leaves no hope."""
    first = linear(found)
    if is_hopeless(found, first):
        return first
    return added(first, trees.margin(finer_features(pair, found, first), trees.forest()))


def against(apart: timedelta) -> float:
    """What the time between two titles speaks against the same news, in log-odds."""
    return LATER * math.log2(max(min(apart, LATE) / SOON, 1.0))


def is_hopeless(found: Mapping[str, float], first: float) -> bool:
    """Whether the second stage need not be asked."""
    return first <= HOPELESS or found["shared"] < SHARED


def added(first: float, second: float) -> float:
    """The sum of both stages."""
    return SECOND * second + (1.0 - SECOND) * first


def logistic(total: float) -> float:
    """A sum as a score."""
    return 1.0 / (1.0 + math.exp(-max(min(total, 30.0), -30.0)))


def linear(found: Mapping[str, float]) -> float:
    """The first stage: the weighted sum of the features."""
    return BIAS + sum([WEIGHTS[name] * value for name, value in found.items()])


def finer_features(pair: Pair, found: Mapping[str, float], first: float) -> dict[str, float]:
    """What the second stage looks at: the features, and what the first one made of them."""
    both = (pair.a, pair.b, pair.told_a, pair.told_b)
    alone = finer.weighed(finer.alone(*both), trees.forest().alone)
    return {**found, **finer.features(*both), **alone, "first": bounded(first)}


def bounded(first: float) -> float:
    """The sum of the first stage as the second one sees it."""
    return max(min(first, SURE), -SURE)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two titles, and how far each tells the tokens of the other."""

    a: Wording
    b: Wording
    told_a: list[float]
    told_b: list[float]


def paired(one: str, other: str) -> Pair:
    """Two titles as they are compared, in an order that does not depend on who is first."""
    a, b = sorted((wording(one), wording(other)), key=lambda each: (each.plain, each.order))
    return Pair(a, b, kin.told(a, b), kin.told(b, a))


def features(pair: Pair) -> dict[str, float]:
    """What tells whether two titles are the same news: what the first stage looks at."""
    a, b = pair.a, pair.b
    (common_a, left_a), (common_b, left_b) = kin.weigh(a, pair.told_a), kin.weigh(b, pair.told_b)
    common = common_a / 2 + common_b / 2
    less, more = min(left_a, left_b), max(left_a, left_b, 0.0)
    containment = common / max(common + less, 0.1)
    lone_groups = min(len((a.acts.keys() ^ b.acts.keys()) & LONE_GROUPS), 3)
    return {
        "shared": math.sqrt(common),
        "containment": containment,
        "more": math.sqrt(more),
        "lone_groups": lone_groups * containment,
        "reworded": min(kin.reworded(a, b, pair.told_a), kin.reworded(b, a, pair.told_b), 3),
        **_order(pair, less),
        **_names_and_numbers(pair),
        **_deeds(pair, common / max(common + less + more, 0.1)),
        **_turns(pair),
    }


def _order(pair: Pair, less: float) -> dict[str, float]:
    """How the words stand to each other."""
    a, b = pair.a, pair.b
    shared = a.weights.keys() & b.weights.keys()
    return {
        "replaced": alignment.replaced(a, b, pair.told_a, pair.told_b),
        "template": alignment.in_order(a, b, shared) * min(less, 2.0),
        "runs": math.log1p(alignment.runs(a, b, shared)),
    }


def _names_and_numbers(pair: Pair) -> dict[str, float]:
    """Who, where and how many."""
    a, b = pair.a, pair.b
    names_same, names_differ = _names(a, b)
    same, labels, other, lone = numbers.agree(a.numbers, b.numbers)
    return {
        "names_same": min(names_same, 3),
        "proper_same": min(len(a.proper & b.proper), 3),
        "core": kin.named(a, pair.told_a) * min(kin.shared_deeds(a, pair.told_a), 2),
        "places_differ": float(kin.places_differ(a, b, pair.told_a, pair.told_b)),
        "names_differ": min(names_differ, 2),
        "numbers_same": min(same, 3),
        "labels_same": min(labels, 2),
        "numbers_differ": min(other, 2),
        "numbers_lone": min(lone, 2),
        "toll": float(_lone_toll(a, b) or _lone_toll(b, a)),
        "unplayed": float(_unplayed(a, b) or _unplayed(b, a)),
    }


def _deeds(pair: Pair, overlap: float) -> dict[str, float]:
    """What is done, and what is contradicted."""
    a, b = pair.a, pair.b
    other_a, other_b = kin.otherwise(a, b, pair.told_a), kin.otherwise(b, a, pair.told_b)
    by_group_a, by_group_b = _without(a.acts, other_a), _without(b.acts, other_b)
    turned = _roles(a, b)
    same, differ, soft_differ = _acts(by_group_a, by_group_b, turned)
    apart = _moved_apart(_moves(a, other_a), _moves(b, other_b))
    acts_a = {act for acts in by_group_a.values() for act in acts}
    acts_b = {act for acts in by_group_b.values() for act in acts}
    only_a, only_b = acts_a - acts_b, acts_b - acts_a
    sequels = sum(act.startswith("sequel:") for act in acts_a ^ acts_b)
    undone = 0 if only_a and only_b else min(len((only_a | only_b) & UNDOING), 2)
    return {
        "acts_same": min(same, 3),
        "acts_differ": min(differ, 2),
        "soft_differ": min(soft_differ, 2),
        "opposed": float(_opposed(by_group_a, by_group_b) or apart),
        "undone_in_frame": undone * overlap,
        "turned": float(turned == "against"),
        "hazard_differ": float(_other_hazard(a, b)),
        "sequel": min(sequels + kin.turns(a, pair.told_a) + kin.turns(b, pair.told_b), 2),
    }


def _turns(pair: Pair) -> dict[str, float]:
    """Whether one title is a turn further than the other."""
    a, b, told_a, told_b = pair.a, pair.b, pair.told_a, pair.told_b
    contrary = kin.is_contrary(a, b, told_a, told_b) or kin.is_contrary(b, a, told_b, told_a)
    return {
        "ahead": float(_ahead(a, b) or _ahead(b, a)),
        "plan_done": float(tense.differ(a.plain, b.plain)),
        "react": min(kin.reactions(a, told_a) + kin.reactions(b, told_b), 2),
        "negated": float(kin.negated(a, b, told_a) or kin.negated(b, a, told_b)),
        "contrary": float(contrary),
        "novel": float(kin.is_novel(a, told_a, b, told_b)),
        "aftermath": max(kin.aftermath(a, told_a), kin.aftermath(b, told_b)),
    }


def _names(a: Wording, b: Wording) -> tuple[int, int]:
    """Names that both have; groups, other than of places, in which they share none."""
    same = others = 0
    for group, mine in a.names.items():
        theirs = b.names.get(group)
        if theirs is not None:
            both = mine & theirs
            same += len(both)
            others += not both and group not in kin.PLACES
    return same, others


Acts = Mapping[str, frozenset[str]]


def _without(acts: Acts, others: set[str]) -> Acts:
    """The acts by group, without others."""
    if not others:
        return acts
    left = ((group, keys - others) for group, keys in acts.items())
    return {group: keys for group, keys in left if keys}


def _acts(a: Acts, b: Acts, turned: str) -> tuple[int, int, int]:
    """Acts that both tell; groups in which they tell different ones, hard and soft."""
    same = hard = soft = 0
    for group, mine in a.items():
        theirs = b.get(group)
        if theirs is None:
            continue
        both = mine & theirs
        same += len(both)
        if _stage(mine) != _stage(theirs):
            hard += group not in SOFT_GROUPS
            soft += group in SOFT_GROUPS
        elif not both and not _stage(mine) and not (group == "match" and turned == "with"):
            soft += group in SOFT_GROUPS
            hard += group not in SOFT_GROUPS and group not in OPPOSED
    return same, hard, soft


def _stage(acts: frozenset[str]) -> int:
    """How far a story is whose acts follow one another; 0 where they do not."""
    ranks = lexicon().ranks
    return max(ranks.get(act, -1) for act in acts) + 1


def _opposed(a: Acts, b: Acts) -> bool:
    return any(group in a and group in b and not a[group] & b[group] for group in OPPOSED)


def _moves(one: Wording, others: set[str]) -> dict[str, set[str]]:
    """Which way each thing goes: the word before, and the act."""
    found: dict[str, set[str]] = {}
    ways = one.acts.get("direction", frozenset()) - others
    for before, act in itertools.pairwise(one.tokens):
        if own := ways.intersection(act.keys):
            for key in before.keys:
                found.setdefault(key, set()).update(own)
    return found


def _moved_apart(mine: Mapping[str, set[str]], theirs: Mapping[str, set[str]]) -> bool:
    return any(not mine[key] & theirs[key] for key in mine.keys() & theirs.keys())


def _ahead(a: Wording, b: Wording) -> bool:
    """Whether ``a`` alone looks ahead."""
    mine, theirs = a.acts.get("stage", ()), b.acts.get("stage", ())
    return "stage:ahead" in mine and "stage:ahead" not in theirs and not tense.looks_ahead(b.plain)


def _lone_toll(a: Wording, b: Wording) -> bool:
    """Whether ``a`` counts casualties where ``b`` tells of none, in words or numbers."""
    tolls = {number.value for number in a.numbers if number.kind in CASUALTIES}
    told = {number.kind for number in b.numbers} & CASUALTIES.keys()
    in_words = any(
        CASUALTIES.get(number.kind, frozenset()) & b.weights.keys() for number in a.numbers
    )
    return (
        bool(tolls)
        and not told
        and not in_words
        and not tolls & {number.value for number in b.numbers}
    )


def _unplayed(a: Wording, b: Wording) -> bool:
    """Whether ``a`` has a result where ``b`` knows of none."""
    has_score = any(number.kind == "score" for number in a.numbers)
    knows = {"match", "title"} & b.acts.keys() or any(each.kind == "score" for each in b.numbers)
    return has_score and not knows


def _roles(a: Wording, b: Wording) -> str:
    """Whether winner and loser change places between the titles.

    ``against``: who wins in one, loses in the other. ``with``: one says that A won, the
    other that B lost. Empty: neither.
    """
    mine, theirs = _sides(a), _sides(b)
    if mine is None or theirs is None:
        return ""
    (win_a, before_a, after_a), (win_b, before_b, after_b) = mine, theirs
    crossed = len(before_a & after_b) + len(after_a & before_b)
    straight = len(before_a & before_b) + len(after_a & after_b)
    if crossed == straight:
        return ""
    if win_a == win_b:
        return "against" if crossed > straight else ""
    return "with" if crossed > straight else "against"


def _other_hazard(a: Wording, b: Wording) -> bool:
    """Whether what befell them is another thing, as a fire is no crash."""
    mine, theirs = a.acts.get("disaster"), b.acts.get("disaster")
    return bool(mine and theirs and not mine & theirs)


def _sides(one: Wording) -> tuple[bool, set[str], set[str]] | None:
    """Whether it tells of a victory, and who stands before and behind that."""
    for at, token in enumerate(one.tokens):
        if "match:win" in token.keys or "match:lose" in token.keys:
            before = {key for each in one.tokens[:at] for key in each.keys if _may_play(key)}
            after = {key for each in one.tokens[at + 1 :] for key in each.keys if _may_play(key)}
            return "match:win" in token.keys, before - after, after - before
    return None


def _may_play(key: str) -> bool:
    group, colon, _ = key.partition(":")
    return not colon or group in PLAYERS
