"""Where in two titles that stands which each tells alone, for the second stage. Pure.

Who follows up often begins with who does something now (``Universities warn …``) and tells the old
news behind. The features are documented together in ``docs/stories.md``.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.stories.wording import Token, Wording

ENDS = 2  # so many words are the beginning, and the end, of a title
Told = Sequence[float]


def features(a: Wording, b: Wording, told_a: Told, told_b: Told) -> dict[str, float]:
    """Each feature for the title that has less of it, and the one that has more."""
    both = ((a, told_a), (b, told_b))
    return {
        **_span("lead", *(share_of(one.tokens[:ENDS], told[:ENDS]) for one, told in both)),
        **_span("opening", *(told[0] if told else 0.0 for _, told in both)),
        **_span("tail", *(share_of(one.tokens[-ENDS:], told[-ENDS:]) for one, told in both)),
        **_span("lone_place", *(_place(one.tokens, told) for one, told in both)),
        **_span("lead_found", _found(a, b), _found(b, a)),
    }


def _span(name: str, one: float, other: float) -> dict[str, float]:
    return {f"{name}_less": min(one, other), f"{name}_more": max(one, other)}


def share_of(tokens: Sequence[Token], told: Told) -> float:
    """What share of the weight of ``tokens`` is told."""
    weight = sum([token.weight for token in tokens])
    both = sum([token.weight * share for token, share in zip(tokens, told, strict=True)])
    return both / weight if weight else 0.0


def _place(tokens: Sequence[Token], told: Told) -> float:
    """Where on average that stands which one title tells alone: 0 begins, 1 ends."""
    lone = [token.weight * (1.0 - share) for token, share in zip(tokens, told, strict=True)]
    weight, last = sum(lone), max(len(lone) - 1, 1)
    return sum([each * at for at, each in enumerate(lone)]) / last / weight if weight > 0.1 else 0.5


def _found(one: Wording, other: Wording) -> float:
    """Where in the other title the first word of this one stands; -1 where it does not."""
    first = one.tokens[0].keys if one.tokens else ()
    for at, token in enumerate(other.tokens):
        if any(key in token.keys for key in first):
            return at / len(other.tokens)
    return -1.0
