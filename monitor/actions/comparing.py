"""Is a new release worse than the one that serves?

On held-out titles where there are at least 30, which neither has learnt. Corrections are
no such sample: people correct what was wrong, so the live release looks worse than it is.

Else on figures out of fold, with a wider tolerance, since what was added is scored as
well: the live release's own where it learnt the same data of this project, else those of
this project's data alone. They say nothing of corpora that only the live release learnt,
so losing one is a refusal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from classifiers.compiled import Scorer
from classifiers.examples import Example
from classifiers.release import Manifest

if TYPE_CHECKING:
    from classifiers.train import TrainedModel

FEWEST_HELD = 30
# A new release may get this share more of the held-out titles wrong than right, or one
# standard error of that difference where that is more, before it is refused.
TOLERANCE = 0.005
# The same for figures that were measured on different titles.
OWN_TOLERANCE = 0.01
OWN_ORIGINS = {"headlines", "terms"}  # the folders of the project's own data


@dataclass(frozen=True, slots=True)
class Compared:
    """The live and the new release, as evaluations in JSON: on the same ``held_out`` titles,
    or else each on its own, as ``compared_on`` says. ``refusal`` says why the new one is
    worse; empty when it is not.
    """

    compared_on: Literal["held-out", "out-of-fold"]
    held_out: int
    live: Mapping[str, Any]
    new: Mapping[str, Any]
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Corrected:
    """Of ``corrections``, how many the new release has right, and how many only it (``fixed``)
    or only the live one (``broken``)."""

    corrections: int = 0
    learnt: int = 0
    fixed: int = 0
    broken: int = 0


def on_held_out(live: Scorer, new: Scorer, held: Sequence[Example]) -> Compared:
    """Both on titles that neither has learnt."""
    from classifiers.evaluate import evaluate

    was, now = evaluate(live, held).as_json(), evaluate(new, held).as_json()
    return Compared("held-out", len(held), was, now, _worse_on(live, new, held))


def out_of_fold(live: Manifest, new: TrainedModel, own: Sequence[Example], held: int) -> Compared:
    """Figures on titles outside the fold that a model learnt; the module says whose."""
    from classifiers import train

    before, after = _records(live), _records(new.manifest)
    reference, figures = "the live one", live.metrics
    if any(before.get(name) != after[name] for name in OWN_ORIGINS & after.keys()):
        alone = train.train(own, train.STARTER)
        reference, figures = "the program's own data alone", alone.manifest.metrics
    refusal = ""
    if new.manifest.metrics["accuracy"] < figures["accuracy"] - OWN_TOLERANCE:
        refusal = (
            f"out of fold it is {new.manifest.metrics['accuracy']:.1%} right, "
            f"{reference} {figures['accuracy']:.1%}"
        )
    lost = sorted(before.keys() - after.keys())
    if lost:
        refusal = f"the live one also learnt from {', '.join(lost)}: name that again"
    return Compared("out-of-fold", held, figures, new.manifest.metrics, refusal)


def _records(manifest: Manifest) -> dict[str, str]:
    """Where a release's titles came from, with the digest of each part."""
    return {str(each["origin"]): str(each["sha256"]) for each in manifest.corpora}


def _worse_on(live: Scorer, new: Scorer, held: Sequence[Example]) -> str:
    """Why ``new`` is worse on these titles by more than chance; empty when it is not."""
    found = tally(live, new, held)
    margin = max(TOLERANCE * len(held), math.sqrt(found.fixed + found.broken))
    if found.broken - found.fixed <= margin:
        return ""
    return (
        f"of {len(held)} titles that neither has learnt it gets {found.broken} wrong that the "
        f"live one has right, and {found.fixed} right that the live one has wrong"
    )


def tally(live: Scorer, new: Scorer, examples: Sequence[Example]) -> Corrected:
    """Count the examples that either has right."""
    titles = [each.title for each in examples]
    was = [scored.section for scored in live.score(titles)]
    now = [scored.section for scored in new.score(titles)]
    rows = list(zip(was, now, (each.label for each in examples), strict=True))
    return Corrected(
        corrections=len(rows),
        learnt=sum(after == label for _, after, label in rows),
        fixed=sum(before != label == after for before, after, label in rows),
        broken=sum(before == label != after for before, after, label in rows),
    )
