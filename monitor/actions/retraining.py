"""``headlines retrain``: learn, compare with what serves, and promote what is no worse.

The comparison is on titles that no release has learnt: a tenth of every corpus and of
what sources declare, chosen by the hash of the title, is held out of every training.
The project's own data and corrections are learnt whole, so titles that are in them are
not compared on. (Corrections would be no fair sample either: people correct what was
wrong.) Where fewer than 30 such titles are there, the releases' own figures on titles
outside the fold they learnt are compared, with a wider tolerance: they are measured on
sets that differ by what is new.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from classifiers.compiled import Scorer
from classifiers.examples import Example
from classifiers.registry import starter_folder
from classifiers.release import read_manifest
from monitor.actions.corpora import register_database, stored
from monitor.actions.models import promote as promote_release
from monitor.actions.models import registry, release
from monitor.actions.opening import opened
from monitor.config import Settings

if TYPE_CHECKING:
    from classifiers.train import TrainedModel, TrainSettings

HELD_OUT = 0.1
FEWEST_HELD = 30
# A new release may get this share more of the held-out titles wrong than right, or one
# standard error of that difference where that is more, before it is refused.
TOLERANCE = 0.005
# The same for figures that were measured on different titles.
OWN_TOLERANCE = 0.01
# As often as this does a correction count, so that it outweighs what the model believed.
CORRECTION_WEIGHT = 30.0
# So many titles are worth the larger model.
MANY_TITLES = 20_000


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


@dataclass(frozen=True, slots=True)
class Retrained:
    """What came of it. ``nothing_new``: the live release knows all of this already."""

    release: str
    live_release: str
    promoted: bool
    nothing_new: bool
    compared: Compared
    corrected: Corrected

    def as_json(self) -> dict[str, Any]:
        """One flat document."""
        return {
            "release": self.release,
            "live_release": self.live_release,
            "promoted": self.promoted,
            "nothing_new": self.nothing_new,
            **asdict(self.corrected),
            **asdict(self.compared),
        }


def retrain(
    settings: Settings,
    specs: Sequence[str],
    *,
    from_feeds: bool = False,
    dry_run: bool = False,
    force: bool = False,
    base: str = "builtin",
) -> Retrained:
    """Train on ``base``, the corrections, ``specs`` and what sources declare.

    Promotes the result unless it is refused or ``dry_run``; ``force`` overrules a refusal.
    Raises CorpusError, TrainingError, ReleaseError, StorageError.
    """
    from classifiers import train

    serving = release(settings, None)
    live, metrics = Scorer.load(serving.folder), read_manifest(serving.folder).metrics
    corrected, more = _gather(settings, specs, from_feeds)
    if not (corrected or more) and live.release == read_manifest(starter_folder()).id:
        same = Compared("out-of-fold", 0, metrics, metrics)
        return Retrained(live.release, live.release, False, True, same, Corrected())
    own = _load(base)
    rest, held = _hold_out(more, own, corrected)
    trained = train.train(_without(own + rest, corrected) + corrected, _size(len(rest)))
    compared = compare(live, metrics, trained, held)
    on_corrections = tally(live, trained.scorer, corrected)
    if on_corrections.broken > on_corrections.fixed and not compared.refusal:
        reason = f"it breaks {on_corrections.broken} corrections, and fixes {on_corrections.fixed}"
        compared = replace(compared, refusal=reason)
    wanted = not dry_run and (force or not compared.refusal)
    number = keep(settings, trained, add=not dry_run, promote=wanted, unless=live.release)
    nothing_new = number == live.release
    promoted = wanted and not nothing_new
    return Retrained(number, live.release, promoted, nothing_new, compared, on_corrections)


def keep(
    settings: Settings, trained: TrainedModel, *, add: bool, promote: bool, unless: str
) -> str:
    """Add a release and let it serve, as asked, unless it is the one named; its id.

    Killed at any point, what served before serves.
    """
    with tempfile.TemporaryDirectory(prefix="headlines-retrain-") as folder:
        written = Path(folder) / "release"
        number = trained.write(written).id
        if add and number != unless:
            registry(settings).add(written)
    if promote and number != unless:
        promote_release(settings, number)
    return number


# what is learnt


def _gather(
    settings: Settings, specs: Sequence[str], from_feeds: bool
) -> tuple[list[Example], list[Example]]:
    """Corrections with their weight, and all that is not this project's own."""
    register_database(settings)
    more = [each for spec in specs for each in _load(spec)]
    with opened(settings) as database:
        corrected = stored(database, "corrections")
        if from_feeds:
            more += stored(database, "feeds")
    latest = {_key(each): each for each in corrected}
    return [replace(each, weight=CORRECTION_WEIGHT) for each in latest.values()], more


def _load(spec: str) -> list[Example]:
    from classifiers import corpus

    return corpus.load(spec, "sections")


def _key(example: Example) -> str:
    from classifiers.text import identity_key

    return identity_key(example.title)


def _hold_out(
    more: Sequence[Example], own: Sequence[Example], corrected: Sequence[Example]
) -> tuple[list[Example], list[Example]]:
    """(to learn, to compare on): what is held out is in nothing that a release learns."""
    from classifiers import corpus

    rest, held = corpus.split([each for each in more if not each.term], HELD_OUT)
    learnt = {_key(each) for each in (*own, *corrected)}
    unseen = {_key(each): each for each in held if _key(each) not in learnt}
    return rest + [each for each in more if each.term], list(unseen.values())


def _without(examples: Sequence[Example], corrected: Sequence[Example]) -> list[Example]:
    """A person's word on a title is the only one on it."""
    known = {_key(each) for each in corrected}
    return [each for each in examples if each.term or _key(each) not in known]


def _size(titles: int) -> TrainSettings:
    from classifiers import train

    return train.TrainSettings() if titles >= MANY_TITLES else train.STARTER


# how the two compare


def compare(
    live: Scorer, metrics: Mapping[str, Any], new: TrainedModel, held: Sequence[Example]
) -> Compared:
    """Both on ``held`` titles where there are enough, else their own figures."""
    from classifiers.evaluate import evaluate

    if len(held) >= FEWEST_HELD:
        was, now = evaluate(live, held).as_json(), evaluate(new.scorer, held).as_json()
        return Compared("held-out", len(held), was, now, _worse_on(live, new.scorer, held))
    own = {key: value for key, value in new.evaluation.as_json().items() if key in metrics}
    refusal = ""
    if own["accuracy"] < metrics["accuracy"] - OWN_TOLERANCE:
        refusal = (
            f"out of fold it is {own['accuracy']:.1%} right, the live one "
            f"{metrics['accuracy']:.1%}; if that one learnt from corpora, name them again"
        )
    return Compared("out-of-fold", len(held), metrics, own, refusal)


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
