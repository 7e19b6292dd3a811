"""``headlines retrain``: learn, compare with what serves, and promote what is no worse.

A tenth of every corpus and of what sources declare, chosen by the hash of the title, is
held out of every training: no release has learnt it, so releases are compared on it. The
project's own data and corrections are learnt whole; titles that are in them are not
compared on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifiers.compiled import Scorer
from classifiers.examples import Example
from classifiers.registry import starter_folder
from classifiers.release import read_manifest
from monitor.actions.comparing import (
    FEWEST_HELD,
    Compared,
    Corrected,
    on_held_out,
    on_own_titles,
    tally,
)
from monitor.actions.corpora import register_database, stored
from monitor.actions.models import promote, registry, release
from monitor.actions.opening import opened
from monitor.config import Settings

if TYPE_CHECKING:
    from classifiers.train import TrainedModel, TrainSettings

HELD_OUT = 0.1
# As often as this does a correction count, so that it outweighs what the model believed.
CORRECTION_WEIGHT = 30.0
# So many titles are worth the larger model.
MANY_TITLES = 20_000


@dataclass(frozen=True, slots=True)
class Material:
    """What a report on a retraining is made of: both models, and the examples.

    ``rest`` is what was learnt of corpora and feeds, ``held`` what was held out of it.
    """

    live: Scorer
    trained: TrainedModel
    own: Sequence[Example]
    rest: Sequence[Example]
    held: Sequence[Example]
    corrected: Sequence[Example]


@dataclass(frozen=True, slots=True)
class Retrained:
    """What came of it. ``nothing_new``: the live release knows all of this already, and there
    is no ``material``."""

    release: str
    live_release: str
    promoted: bool
    nothing_new: bool
    compared: Compared
    corrected: Corrected
    material: Material | None = field(default=None, repr=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """One flat document, without the material."""
        return {
            "release": self.release,
            "live_release": self.live_release,
            "promoted": self.promoted,
            "nothing_new": self.nothing_new,
            **asdict(self.corrected),
            **self.compared.as_json(),
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
    live, manifest = Scorer.load(serving.folder), read_manifest(serving.folder)
    corrected, more = _gather(settings, specs, from_feeds)
    same = Compared("own-titles", 0, manifest.metrics, manifest.metrics)
    nothing_new = Retrained(live.release, live.release, False, True, same, Corrected())
    wanted = _settings(len(more), settings)
    as_shipped = wanted == train.STARTER and not (corrected or more)
    if as_shipped and live.release == read_manifest(starter_folder()).id:
        return nothing_new
    rest, held = _hold_out(more, own := _load(base), corrected)
    rest, own = _without(rest, corrected), _without(own, corrected)
    trained = train.train([*own, *rest, *corrected], _settings(len(rest), settings))
    with tempfile.TemporaryDirectory(prefix="headlines-retrain-") as folder:
        number = trained.write(Path(folder) / "release").id
        if number == live.release:
            return nothing_new
        if len(held) >= FEWEST_HELD:
            compared = on_held_out(live, trained.scorer, held)
        else:
            compared = on_own_titles(manifest, trained, own, [*rest, *corrected], len(held))
        on_corrections = tally(live, trained.scorer, corrected)
        compared = _refuse_broken(compared, on_corrections)
        promoted = not dry_run and (force or not compared.refusal)
        if promoted:  # killed at any point of this, what served before serves
            registry(settings).add(Path(folder) / "release")
            promote(settings, number)
    material = Material(live, trained, own, rest, held, corrected)
    return Retrained(number, live.release, promoted, False, compared, on_corrections, material)


def _refuse_broken(compared: Compared, found: Corrected) -> Compared:
    """A model that unlearns more corrections than it learns is worse, whatever else it is."""
    if found.broken <= found.fixed or compared.refusal:
        return compared
    return replace(
        compared, refusal=f"it breaks {found.broken} corrections, and fixes {found.fixed}"
    )


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


def _settings(titles: int, settings: Settings) -> TrainSettings:
    from classifiers import train

    kind = train.TrainSettings() if titles >= MANY_TITLES else train.STARTER
    return replace(kind, precision=settings.classifier.answered_right)
