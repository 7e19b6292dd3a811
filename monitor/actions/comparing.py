"""Is a new release worse than the one that serves?

On held-out titles where there are at least 30, which neither has learnt. Corrections are
no such sample: people correct what was wrong, so the live release looks worse than it is.

Else on this project's own titles, each scored by a model that did not learn it: once
beside what was added, once without. That is the same for every retraining, so that small
losses cannot add up. It says nothing of corpora that only the live release learnt, so
losing one is a refusal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from classifiers.compiled import Scorer
from classifiers.examples import Example
from classifiers.release import Manifest

if TYPE_CHECKING:
    from classifiers.evaluate import Answers
    from classifiers.paired import Change
    from classifiers.train import TrainedModel

FEWEST_HELD = 30
# A new release may get this share more of the held-out titles wrong than right, or one
# standard error of that difference where that is more, before it is refused.
TOLERANCE = 0.005
# So much of the project's own titles, or one standard error, may what was added cost.
OWN_TOLERANCE = 0.01
# Where held-out titles are compared, wrong labels are as wrong in them. What costs so much of the
# own titles is labelled otherwise: public corpora cost 1.2 points at most. So many titles tell.
CONTRADICTION, FEW = 0.03, 20_000


@dataclass(frozen=True, slots=True)
class Compared:
    """Evaluations, as JSON, of what was there ``before`` and ``after``.

    On ``held-out`` titles, of which there were ``held_out``, these are the live and the new
    release; on ``own-titles`` the module says what. ``refusal`` says why the new release is
    worse; empty when it is not. ``answers`` are those that were measured, before and after,
    on the same titles in the same order; ``change`` and ``sections`` come from them.
    """

    compared_on: Literal["held-out", "own-titles"]
    held_out: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    refusal: str = ""
    answers: tuple[Answers, Answers] | None = field(default=None, repr=False, compare=False)

    @property
    def change(self) -> Change | None:
        """The change of the share right, over all titles."""
        from classifiers.paired import overall

        return overall(*self.answers) if self.answers else None

    @property
    def sections(self) -> dict[str, Change]:
        """The change of each section's share right (its recall)."""
        from classifiers.paired import per_section

        return per_section(*self.answers) if self.answers else {}

    def as_json(self) -> dict[str, Any]:
        """All but the answers, with what they came to; ``p_value`` is McNemar's."""
        names = [each.name for each in fields(self) if each.name != "answers"]
        change = self.change
        return {
            **{name: getattr(self, name) for name in names},
            "change": {**asdict(change), "p_value": mcnemar(change)} if change else None,
            "sections": {name: asdict(each) for name, each in self.sections.items()},
        }


def mcnemar(change: Change) -> float:
    """How likely so uneven a split of the titles that changed is by chance (exact, two-sided)."""
    from scipy.stats import binomtest

    changed = change.fixed + change.broken
    return float(binomtest(change.fixed, changed).pvalue) if changed else 1.0


@dataclass(frozen=True, slots=True)
class Corrected:
    """Of ``corrections``, how many the new release has right, and how many only it (``fixed``)
    or only the live one (``broken``, whose titles are ``unlearnt``)."""

    corrections: int = 0
    learnt: int = 0
    fixed: int = 0
    broken: int = 0
    unlearnt: tuple[str, ...] = ()


def on_held_out(
    live: Scorer, new: Scorer, held: Sequence[Example], moved: Mapping[str, str]
) -> Compared:
    """Both on titles that neither has learnt; ``moved`` leads from old sections to new ones."""
    from classifiers.evaluate import answers
    from classifiers.paired import overall

    pair = renamed(answers(live, held), moved), answers(new, held)
    was, now = (each.measured().as_json() for each in pair)
    refusal = _worse(overall(*pair))
    return Compared("held-out", len(held), was, now, refusal, pair)


def renamed(found: Answers, moved: Mapping[str, str]) -> Answers:
    """The answers in the sections of now; old ones that became one are one."""
    names = [moved.get(name, name) for name in found.names]
    kept = tuple(dict.fromkeys(names))
    places = np.asarray([kept.index(name) for name in names], dtype=np.intp)
    return replace(found, names=kept, best=places[found.best])


def contradiction(
    compared: Compared, new: TrainedModel, own: Sequence[Example], added: Sequence[Example]
) -> Compared:
    """Refused as well where the ``added`` examples contradict the program's ``own`` titles."""
    if compared.refusal or not own:
        return compared
    from classifiers.corpus import position

    few = [each for each in added if position(each.title, b"few") < FEW / len(added)]
    before, after = (_unlearnt(own, some, new).measured().accuracy for some in ([], few))
    if after >= before - CONTRADICTION:
        return compared
    refusal = (
        f"with what was added, {after:.1%} of the program's own titles are right out of fold, "
        f"without it {before:.1%}: look at its labels"
    )
    return replace(compared, refusal=refusal)


def on_nothing(live: Manifest, new: TrainedModel, held: int) -> Compared:
    """There is nothing to compare on: refused, for a person to decide."""
    refusal = (
        f"only {held} titles could be held out, {FEWEST_HELD} are needed to compare; give more"
    )
    return Compared("held-out", held, live.metrics, new.manifest.metrics, refusal)


def on_own_titles(
    live: Manifest, new: TrainedModel, own: Sequence[Example], added: Sequence[Example], held: int
) -> Compared:
    """What the ``added`` examples do to the answers on ``own`` titles."""
    pair = _unlearnt(own, [], new), _unlearnt(own, added, new)
    before, after = (each.measured() for each in pair)
    margin = max(OWN_TOLERANCE, math.sqrt(before.accuracy * (1 - before.accuracy) / before.titles))
    refusal = ""
    if after.accuracy < before.accuracy - margin:
        refusal = (
            f"with what was added, {after.accuracy:.1%} of the program's own titles are right "
            f"out of fold, without it {before.accuracy:.1%}"
        )
    lost = sorted({origin_of(each) for each in live.corpora} - origins(new))
    if lost:
        refusal = f"the live one also learnt from {', '.join(lost)}: name that again"
    return Compared("own-titles", held, before.as_json(), after.as_json(), refusal, pair)


def _unlearnt(own: Sequence[Example], added: Sequence[Example], new: TrainedModel) -> Answers:
    """Answers on ``own`` titles by models that did not learn them; terms only teach."""
    from classifiers import train
    from classifiers.evaluate import Answers

    settings = train.TrainSettings(**new.manifest.settings)
    # Without their stories: groups take turns, and more of them would move the subtopics.
    teaching = [replace(each, term=True, group="") for each in added]
    classes = new.model.classes_
    unseen = train.out_of_fold([*own, *teaching], classes, settings)
    best, surest = train.calibrate(unseen, settings).answer(unseen.margins)
    return Answers(unseen.titles, unseen.labels, tuple(classes.tolist()), best, surest)


def origins(trained: TrainedModel) -> set[str]:
    """The folders that a model's titles stood in."""
    return {origin_of(each) for each in trained.manifest.corpora}


def origin_of(record: Mapping[str, Any]) -> str:
    """The folder that one record of a manifest's ``corpora`` is about."""
    return str(record["origin"])


def _worse(found: Change) -> str:
    """Why the new release is worse by more than chance; empty when it is not."""
    margin = max(TOLERANCE * found.titles, math.sqrt(found.fixed + found.broken))
    if found.broken - found.fixed <= margin:
        return ""
    return (
        f"of {found.titles} titles that neither has learnt it gets {found.broken} wrong that the "
        f"live one has right, and {found.fixed} right that the live one has wrong"
    )


def tally(
    live: Scorer, new: Scorer, examples: Sequence[Example], moved: Mapping[str, str]
) -> Corrected:
    """Count the corrections that either has right."""
    titles = [each.title for each in examples]
    was = [moved.get(scored.section, scored.section) for scored in live.score(titles)]
    now = [scored.section for scored in new.score(titles)]
    rows = list(zip(was, now, examples, strict=True))
    broken = [each for before, after, each in rows if before == each.label != after]
    return Corrected(
        corrections=len(rows),
        learnt=sum(after == each.label for _, after, each in rows),
        fixed=sum(before != each.label == after for before, after, each in rows),
        broken=len(broken),
        unlearnt=tuple(each.title for each in broken),
    )
