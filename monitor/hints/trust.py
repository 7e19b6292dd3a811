"""How far a hint is to be trusted, and which section is shown. Pure.

An origin is measured on entries that a person corrected and on those that the classifier is
sure of: ``said`` counts them, ``agreed`` those of which the hint said the same. A correction
counts as five entries. The share is drawn towards what is known already, as the mean of a
Beta distribution:

    kind = (100 · p + Σ n · agreed / said) / (100 + Σ n)     over the kind's origins
    mean = (10 · kind + agreed) / (10 + said)
    trust = mean - sqrt(mean · (1 - mean) / (11 + said))

with p from PRIORS and n the smaller of said and 10. So a new origin is worth a little less
than its kind, ten entries teach as much as that, and a thousand outvote it; and of a kind, ten
origins teach as much as the prior, but no single one much, however often it speaks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from monitor.hints import BLOCK, CATEGORY, KINDS, SOURCE, URL, Hint
from monitor.types import Prediction

PRIORS = {BLOCK: 0.8, SOURCE: 0.8, URL: 0.75, CATEGORY: 0.7}
STRENGTH = 10.0  # entries that what is expected of an origin stands for
KIND_STRENGTH = 100.0  # and what is expected of a kind
OF_AN_ORIGIN = 10  # entries that an origin counts as for its kind, at most
PERSON = 5  # entries that a correction counts as
# What the classifier's answer counts for at most where it is unsure, and the least trust with
# which a hint is shown in its stead.
DOUBT = 0.5
MODEL = "model"


class Count(NamedTuple):
    """Of ``said`` entries that could be judged, a hint was right of ``agreed``."""

    said: int = 0
    agreed: int = 0

    def plus(self, other: Count) -> Count:
        """Both together."""
        return Count(self.said + other.said, self.agreed + other.agreed)


@dataclass(frozen=True, slots=True)
class Trust:
    """What was measured, by kind and by ``(kind, key)``; nothing is as good as the priors.

    ``expected`` is what is expected of a kind's origins; ``figures`` and ``new`` are the trust
    in those that were measured and in others. ``collect`` makes them.
    """

    kinds: Mapping[str, Count] = field(default_factory=dict)
    origins: Mapping[tuple[str, str], Count] = field(default_factory=dict)
    expected: Mapping[str, float] = field(default_factory=lambda: PRIORS)
    figures: Mapping[tuple[str, str], float] = field(default_factory=dict)
    new: Mapping[str, float] = field(default_factory=lambda: _NEW)

    def of(self, hint: Hint) -> float:
        """Between 0 and 1: the formula above."""
        return self.figures.get(hint[:2], self.new[hint[0]])


def collect(counts: Iterable[tuple[str, str, Count]]) -> Trust:
    """From ``(kind, key, count)``; keys may come several times."""
    kinds: dict[str, Count] = {}
    origins: dict[tuple[str, str], Count] = {}
    for kind, key, count in counts:
        if kind in PRIORS:
            kinds[kind] = count.plus(kinds.get(kind, Count()))
            origins[kind, key] = count.plus(origins.get((kind, key), Count()))
    expected = {
        kind: _of_kind(prior, [count for at, count in origins.items() if at[0] == kind])
        for kind, prior in PRIORS.items()
    }
    return Trust(
        kinds,
        origins,
        expected,
        figures={at: trust(expected[at[0]], count) for at, count in origins.items()},
        new={kind: trust(share, Count()) for kind, share in expected.items()},
    )


def _of_kind(prior: float, counts: Iterable[Count]) -> float:
    said, agreed = KIND_STRENGTH, KIND_STRENGTH * prior
    for count in counts:
        heard = min(count.said, OF_AN_ORIGIN)
        said += heard
        agreed += heard * count.agreed / max(count.said, 1)
    return agreed / said


def mean(prior: float, count: Count) -> float:
    """The mean of the Beta distribution that ``count`` makes of the prior."""
    return (STRENGTH * prior + count.agreed) / (STRENGTH + count.said)


def trust(prior: float, count: Count) -> float:
    """That mean, less one standard deviation; never below 0."""
    middle = mean(prior, count)
    return max(0.0, middle - math.sqrt(middle * (1 - middle) / (STRENGTH + count.said + 1)))


_NEW: dict[str, float] = {kind: trust(prior, Count()) for kind, prior in PRIORS.items()}


class Voice(NamedTuple):
    """The hint that is shown, and its trust."""

    hint: Hint
    trust: float


def best(hints: Iterable[Hint], known: Trust) -> Voice | None:
    """The hint that is trusted most; of those that are alike, the first in KINDS."""
    found: Voice | None = None
    for hint in sorted(hints, key=_order):
        if hint[0] in PRIORS and (found is None or known.of(hint) > found.trust):
            found = Voice(hint, known.of(hint))
    return found


def _order(hint: Hint) -> int:
    return _PLACES.get(hint[0], len(_PLACES))


_PLACES = {kind: at for at, kind in enumerate(KINDS)}


def choose(prediction: Prediction, hints: Iterable[Hint], known: Trust) -> Hint | None:
    """The hint to show in the classifier's stead; None where its answer counts for more.

    A hint wins by more trust than the answer's probability, which where the classifier is
    unsure counts as a half at most. Of a sure answer that says the same, the answer is shown.
    """
    voice = best(hints, known)
    if voice is None or voice.trust < DOUBT:
        return None
    sure = not prediction.unsure
    if sure and voice.hint.section == prediction.section:
        return None
    worth = prediction.probability if sure else min(prediction.probability, DOUBT)
    return voice.hint if voice.trust > worth else None
