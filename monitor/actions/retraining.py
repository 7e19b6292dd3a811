"""``headlines retrain``: learn, compare with what serves, and promote what is no worse.

A part of every corpus and of what sources declare is held out of every training (see
monitor.actions.splitting): no release has learnt it, so releases are compared on it. The
project's own data and corrections are learnt whole; titles that are in them are not
compared on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifiers.compiled import Scorer
from classifiers.examples import Example
from classifiers.registry import starter_folder
from classifiers.release import Manifest, read_manifest
from classifiers.segment import use_words, user_words
from monitor import __version__
from monitor.actions.comparing import (
    FEWEST_HELD,
    Compared,
    Corrected,
    contradiction,
    on_held_out,
    on_nothing,
    on_own_titles,
    tally,
)
from monitor.actions.lessons import Agreement, Lessons, gather
from monitor.actions.models import promote, registry
from monitor.actions.opening import taxonomy_of
from monitor.actions.splitting import HELD_OUT, Split, hold_out
from monitor.config import Settings
from monitor.model import Classifier
from monitor.service import utc_now

if TYPE_CHECKING:
    from classifiers.corpus import Labels
    from classifiers.train import TrainedModel, TrainSettings

__all__ = ["HELD_OUT", "Material", "Retrained", "retrain"]
# So many titles are worth the larger model.
MANY_TITLES = 20_000
# Corrections that a first training does not learn count so much more in the next one.
EMPHASIS = 4.0
TRAININGS = 3


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
    is no ``material``. ``dropped`` corrections name sections that there are no more."""

    release: str
    live_release: str
    promoted: bool
    nothing_new: bool
    compared: Compared
    corrected: Corrected
    feeds: Sequence[Agreement] = ()
    dropped: int = 0
    material: Material | None = field(default=None, repr=False, compare=False)

    @property
    def forced(self) -> bool:
        """Whether it was promoted against a refusal."""
        return self.promoted and bool(self.compared.refusal)

    def as_json(self) -> dict[str, Any]:
        """One flat document, without the material."""
        return {
            "release": self.release,
            "live_release": self.live_release,
            "promoted": self.promoted,
            "nothing_new": self.nothing_new,
            "forced": self.forced,
            **asdict(self.corrected),
            "dropped": self.dropped,
            "feeds": [asdict(each) for each in self.feeds],
            **self.compared.as_json(),
        }


def retrain(
    settings: Settings,
    specs: Sequence[str],
    *,
    from_feeds: bool = False,
    labels: Labels = "sections",
    dry_run: bool = False,
    force: bool = False,
    base: str = "builtin",
) -> Retrained:
    """Train on ``base``, the corrections, ``specs`` and what sources declare.

    Promotes the result unless it is refused or ``dry_run``; ``force`` overrules a refusal.
    Raises CorpusError, TrainingError, ReleaseError, StorageError.
    """
    use_words(settings.text.words)
    serving = Classifier(settings.data / "models").folder  # not what was promoted, if damaged
    live, manifest = Scorer.load(serving), read_manifest(serving)
    lessons = gather(settings, specs, base=base, from_feeds=from_feeds, labels=labels)
    taxonomy = taxonomy_of(settings)
    moved = taxonomy.moved if taxonomy else {}
    same = Compared("own-titles", 0, manifest.metrics, manifest.metrics)
    nothing_new = Retrained(live.release, live.release, False, True, same, Corrected())
    if _knows_all(live, lessons, settings):
        return nothing_new
    split = _split(lessons, manifest)
    lessons = replace(lessons, own=_without(lessons.own, lessons.corrected))
    trained, on_corrections = _train(live, lessons, split, moved, settings)
    with registry(settings).workshop() as folder:
        written = trained.write(folder / "release")
        number = written.id
        if _same(written, manifest):
            return nothing_new
        compared = _compare(live, manifest, trained, lessons, split, moved)
        compared = _refuse_broken(compared, on_corrections)
        compared = _refuse_overtaken(compared, serving, settings)
        promoted = not dry_run and (force or not compared.refusal)
        if promoted:  # killed at any point of this, what served before serves
            registry(settings).add(folder / "release")
            promote(settings, number, note_of(compared, utc_now()))
    material = Material(live, trained, lessons.own, split.rest, split.held, lessons.corrected)
    return Retrained(
        number, live.release, promoted, False, compared, on_corrections,
        lessons.feeds, lessons.dropped, material,
    )  # fmt: skip


def _same(one: Manifest, other: Manifest) -> bool:
    """Whether two releases answer alike, by whatever version they were made."""
    names = ("files", "sections", "settings")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _knows_all(live: Scorer, lessons: Lessons, settings: Settings) -> bool:
    """Whether there is nothing but what the starter has learnt already, and in the same way."""
    from classifiers import train

    new = bool(lessons.corrected or lessons.more or settings.classifier.sections)
    as_shipped = not new and _settings(lessons, 0, settings) == train.STARTER
    return as_shipped and live.release == read_manifest(starter_folder()).id


def _split(lessons: Lessons, live: Manifest) -> Split:
    """A person's word on a title is the only one on it."""
    until = float(live.provenance.get("learnt_until") or 0.0)
    split = hold_out(lessons.more, [*lessons.own, *lessons.corrected], until)
    return replace(split, rest=_without(split.rest, lessons.corrected))


def _train(
    live: Scorer, lessons: Lessons, split: Split, moved: Mapping[str, str], settings: Settings
) -> tuple[TrainedModel, Corrected]:
    """Train; and again, with more weight on corrections that the live one has right and the
    new one has not."""
    from classifiers import train

    corrected = lessons.corrected
    for left in reversed(range(TRAININGS)):
        examples = [*lessons.own, *split.rest, *corrected]
        trained = train.train(examples, _settings(lessons, len(split.rest), settings))
        found = tally(live, trained.scorer, corrected, moved)
        if not found.broken or not left:
            break
        weak = set(found.unlearnt)
        corrected = [
            replace(each, weight=each.weight * EMPHASIS) if each.title in weak else each
            for each in corrected
        ]
    made = {"program": __version__, "learnt_until": split.learnt_until}
    provenance = {**trained.manifest.provenance, **made}
    return replace(trained, manifest=replace(trained.manifest, provenance=provenance)), found


def _compare(
    live: Scorer,
    manifest: Manifest,
    trained: TrainedModel,
    lessons: Lessons,
    split: Split,
    moved: Mapping[str, str],
) -> Compared:
    added = [*split.rest, *lessons.corrected]
    if len(split.held) >= FEWEST_HELD:
        compared = on_held_out(live, trained.scorer, split.held, moved)
        return contradiction(compared, trained, lessons.own, added)
    if not lessons.own:
        return on_nothing(manifest, trained, len(split.held))
    return on_own_titles(manifest, trained, lessons.own, added, len(split.held))


def _refuse_broken(compared: Compared, found: Corrected) -> Compared:
    """A model that unlearns what a person said is worse, whatever else it is."""
    if not found.broken or compared.refusal:
        return compared
    first = found.unlearnt[0]
    refusal = f"it breaks {found.broken} corrections that the live one has right, as of {first!r}"
    return replace(compared, refusal=refusal)


def _refuse_overtaken(compared: Compared, before: Path, settings: Settings) -> Compared:
    """What somebody promoted meanwhile was not compared with."""
    serving = Classifier(settings.data / "models").folder
    if serving == before or compared.refusal:
        return compared
    refusal = f"release {serving.name} was promoted meanwhile, and was not compared with"
    return replace(compared, refusal=refusal)


def note_of(compared: Compared, now: datetime) -> dict[str, object]:
    """What is kept of a promotion, beside the pointer."""
    return {
        "at": now.isoformat(timespec="seconds"),
        "by": "retrain",
        "forced": bool(compared.refusal),
        "refusal": compared.refusal,
        "accuracy": [compared.before.get("accuracy"), compared.after.get("accuracy")],
    }


def _without(examples: Sequence[Example], corrected: Sequence[Example]) -> list[Example]:
    from classifiers.text import identity_key

    known = {identity_key(each.title) for each in corrected}
    return [each for each in examples if each.term or identity_key(each.title) not in known]


def _settings(lessons: Lessons, titles: int, settings: Settings) -> TrainSettings:
    """Small for few titles. Who gives words of their own gets a model that looks at words. What
    is strange is known where the project's own titles are learnt, of which we know the languages.
    """
    from classifiers import train

    kind = train.TrainSettings() if titles >= MANY_TITLES else train.STARTER
    words = bool(user_words().words)
    precision = settings.classifier.answered_right
    return replace(kind, words=words, precision=precision, strange=bool(lessons.own))
