"""How much of what one title says the other says too, in whatever words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.stories.lexicon import lexicon
from monitor.stories.wording import Token, Wording

# What a word counts that the other title has in a shorter form, or in another one.
SHORTENED = 0.7
AKIN = 0.8
# What one of the pairs counts into which an unknown Chinese word is cut.
PAIR = 0.6
# A word that says something weighs so much.
TELLING = 0.7
FATES = frozenset({"life:die", "kill", "死亡", "injured"})
NAMING = ("person", "company", "team")
PLACES = frozenset({"country", "province", "city"})
# A team plays for a place, who leads a country or its bank is told of as the country.
LYING = PLACES | {"team", "person", "bank", "museum"}
# So much of a title is nearly all of it.
NEARLY_ALL = 0.8
# What one of these words stands before is not, or no more.
UNDOING = frozenset(
    {
        *("not:not", "answer:deny", "bill:lift", "bill:block", "deal:refuse", "deal:collapse"),
        *("launch:call_off", "launch:delay", "halt", "grounded", "暂停"),
    }
)
ENDING = UNDOING | {"deed:end"}
# English words of one root begin with so many letters, and with so much of the longer one.
_ROOT = 5
_MOST_OF = 0.55


def told(a: Wording, b: Wording) -> list[float]:
    """For each token of ``a`` how far ``b`` tells it: from 0 to 1."""
    foreign = b.weights.keys().isdisjoint
    found = [0.0 if foreign(token.keys) else 1.0 for token in a.tokens]
    if all(found):
        return found
    named, around = _places(b)
    named -= _places(a)[0]
    return [
        share or _akin(token, a, b) or AKIN * _lies_there(token, named, around)
        for share, token in zip(found, a.tokens, strict=True)
    ]


def _places(one: Wording) -> tuple[set[str], set[str]]:
    """The places that a title names, and those in which they lie."""
    within = lexicon().within
    named = {key for group in LYING for key in one.names.get(group, ())}
    return named, {outer for key in named for outer in within.get(key, ())}


def _lies_there(token: Token, named: set[str], around: set[str]) -> bool:
    """Whether a place lies in one that the other title names, or one of those in it."""
    within = lexicon().within
    return bool(named) and any(
        key in around or any(outer in named for outer in within.get(key, ()))
        for key in token.keys
        if key.partition(":")[0] in LYING
    )


def places_differ(a: Wording, b: Wording, mine: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether each names a place that the other neither names nor lies in, of one kind or in
    one country."""
    within = lexicon().within
    return any(
        one.partition(":")[0] == other.partition(":")[0]
        or not set(within.get(one, ())).isdisjoint(within.get(other, ()))
        for one in _lone_places(a, mine)
        for other in _lone_places(b, theirs)
    )


def _lone_places(a: Wording, shares: Sequence[float]) -> list[str]:
    return [
        token.keys[0]
        for token, share in zip(a.tokens, shares, strict=True)
        if share < 0.5 and token.keys[0].partition(":")[0] in PLACES
    ]


def _akin(token: Token, a: Wording, b: Wording) -> float:
    word = token.surface
    if word[0] >= "\u3400":
        return 0.0 if token.deed else _written_otherwise(word, b.plain)
    if _is_short_for(word, a, b.plain) or any(
        word[0] in short and _is_short_for(short, b, a.plain) for short in b.capitals
    ):
        return AKIN
    if token.keys != (word,) or len(word) < _ROOT:
        return 0.0
    if _is_joined(word, b):
        return 1.0
    return AKIN * any(_one_root(word, other) for other in b.tokens)


def _written_otherwise(word: str, text: str) -> float:
    """How far a Chinese word stands in a text that cuts its words otherwise, as 武大 does in
    武汉大学."""
    if len(word) < 2:
        return 0.0
    if word in text:
        return 1.0
    at = text.find(word[0])
    short = len(word) == 2 and at >= 0 and text.find(word[1], at + 1, at + 6) > 0
    return SHORTENED if short else 0.0


def _is_short_for(word: str, one: Wording, text: str) -> bool:
    """Whether ``word``, which ``one`` has in capitals, is the initials of words of ``text``."""
    return word in one.capitals and word in one.weights and word in _initials(text)


def _is_joined(word: str, b: Wording) -> bool:
    """Whether a title writes a word with a hyphen, or without the one that it has."""
    if "-" in word:
        return word.replace("-", "") in b.weights
    return "-" in b.hyphened and word in b.hyphened.replace("-", "").split()


def _initials(text: str) -> str:
    return "".join([word[0] for word in text.split()])


def _one_root(word: str, other: Token) -> bool:
    text = other.surface
    if other.keys != (text,) or text[:_ROOT] != word[:_ROOT]:
        return False
    return _common_length(word, text) >= _MOST_OF * max(len(word), len(text))


def _common_length(one: str, other: str) -> int:
    size = min(len(one), len(other))
    return next((at for at in range(size) if one[at] != other[at]), size)


def weigh(a: Wording, shares: Sequence[float]) -> tuple[float, float]:
    """What is told of ``a``, and what is left of it."""
    common = left = 0.0
    for at, (token, share) in enumerate(zip(a.tokens, shares, strict=True)):
        common += token.weight * share
        if share < 1.0:
            left += token.weight * (1.0 - share) * _alone(a.tokens, shares, at)
    return common, left


def _alone(tokens: Sequence[Token], shares: Sequence[float], at: int) -> float:
    """What counts of a pair of characters that is not told: pairs overlap."""
    after = tokens[at + 1].joined if at + 1 < len(tokens) else False
    if not after and not tokens[at].joined:
        return 1.0
    covered = (tokens[at].joined and shares[at - 1] == 1.0) + (after and shares[at + 1] == 1.0)
    return PAIR * (1.0 - covered / 2)


def otherwise(a: Wording, b: Wording, shares: Sequence[float]) -> set[str]:
    """The acts of words of ``a`` that ``b`` tells by what else they mean, in either title."""
    plainly = _plain_keys(a) & _plain_keys(b)
    return {
        key
        for token, share in zip(a.tokens, shares, strict=True)
        if token.deed and share >= 0.5 and plainly.isdisjoint(token.keys)
        for key in token.keys
    }


def _plain_keys(a: Wording) -> set[str]:
    return {key for groups in (a.acts, a.names) for keys in groups.values() for key in keys}


def reworded(a: Wording, b: Wording, shares: Sequence[float]) -> int:
    """How many words of ``a`` are told in other words in ``b``."""
    theirs = b.surfaces
    places = zip(a.tokens, shares, strict=True)
    return len([1 for token, share in places if share >= 0.5 and token.surface not in theirs])


def shared_deeds(a: Wording, shares: Sequence[float]) -> int:
    """How many deeds of ``a`` are told."""
    return sum(token.deed and share >= 0.5 for token, share in zip(a.tokens, shares, strict=True))


def named(a: Wording, shares: Sequence[float]) -> float:
    """How rare the names and unknown words are that are told: 0 for none, at most 1."""
    names = {key for group in NAMING for key in a.names.get(group, ())}
    found = sum(
        token.weight
        for token, share in zip(a.tokens, shares, strict=True)
        if share >= 0.5 and (token.keys == (token.surface,) or token.keys[0] in names)
    )
    return min(found / 2.4, 1.0)


def reactions(a: Wording, shares: Sequence[float]) -> int:
    """How many words of ``a`` for what is said and felt of news are not told."""
    return _alone_of(a, shares, "react:")


def turns(a: Wording, shares: Sequence[float]) -> int:
    """How many words of ``a`` for what came of news are not told."""
    return _alone_of(a, shares, "turn:")


def _alone_of(a: Wording, shares: Sequence[float], kind: str) -> int:
    return sum(
        share < 0.5 and any(key.startswith(kind) for key in token.keys)
        for token, share in zip(a.tokens, shares, strict=True)
    )


def aftermath(a: Wording, shares: Sequence[float]) -> float:
    """How far the other title tells what was before in ``a`` and not what is new: from 0 to 1.

    What is new are the deeds of the main clause, if there are any."""
    if not a.news or _is_fate(a):
        return 0.0
    new = [at for at in range(len(a.tokens)) if at in a.news]
    deeds = [at for at in new if a.tokens[at].deed]
    before = [at for at in range(len(a.tokens)) if at not in a.news]
    if _told_weight(a, shares, before) < 1.0 or not new:
        return 0.0
    return max(_told_share(a, shares, before) - _told_share(a, shares, deeds or new), 0.0)


def _told_weight(a: Wording, shares: Sequence[float], places: Sequence[int]) -> float:
    return sum([a.tokens[at].weight * shares[at] for at in places])


def _told_share(a: Wording, shares: Sequence[float], places: Sequence[int]) -> float:
    weight = sum([a.tokens[at].weight for at in places])
    return _told_weight(a, shares, places) / weight


def is_novel(a: Wording, mine: Sequence[float], b: Wording, theirs: Sequence[float]) -> bool:
    """Whether one title tells nearly all of the other, which does nothing else, and besides that
    something is done."""
    does_a, does_b = _has_own_deed(a, mine), _has_own_deed(b, theirs)
    if does_a == does_b:
        return False
    whole, shares = (b, theirs) if does_a else (a, mine)
    places = range(len(whole.tokens))
    return _told_share(whole, shares, places) > NEARLY_ALL if places else False


def _has_own_deed(a: Wording, shares: Sequence[float]) -> bool:
    return any(share < 0.5 and token.deed for token, share in zip(a.tokens, shares, strict=True))


def negated(a: Wording, b: Wording, shares: Sequence[float]) -> bool:
    """Whether ``a`` says of something that it is not, or is refused, and ``b`` that it is."""
    if not UNDOING.isdisjoint(b.weights):
        return False
    return any(
        _says(a, token, UNDOING)
        and any(share >= 0.5 for share in (*shares[max(at - 1, 0) : at], *shares[at + 1 : at + 2]))
        for at, token in enumerate(a.tokens)
        if shares[at] < 0.5
    )


def is_contrary(a: Wording, b: Wording, mine: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether ``a`` differs from ``b`` in nothing but that it is not, ends or is refused."""
    lone = _telling(a, mine)
    return (
        bool(lone)
        and not _telling(b, theirs)
        and ENDING.isdisjoint(b.weights)
        and all(_says(a, a.tokens[at], ENDING) for at in lone)
    )


def _says(a: Wording, token: Token, keys: frozenset[str]) -> bool:
    """Whether a token is one of ``keys``, in what it means first and foremost."""
    return any(
        key in a.acts.get(key.partition(":")[0], ()) or key.startswith("deed:") or ":" not in key
        for key in token.keys
        if key in keys
    )


def _telling(a: Wording, shares: Sequence[float]) -> set[int]:
    """The places of the words that say something and are not told."""
    return {
        at
        for at, (token, share) in enumerate(zip(a.tokens, shares, strict=True))
        if share < 0.5 and token.weight >= TELLING
    }


def _is_fate(a: Wording) -> bool:
    """Whether the main clause tells of deaths: what was before is how they came about."""
    return any(key in FATES for token in a.tokens[a.news.start : a.news.stop] for key in token.keys)
