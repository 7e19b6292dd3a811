"""The classifier in a person's hands: classify, correct, retrain, evaluate, releases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifiers.compiled import Scorer
from classifiers.examples import Example
from classifiers.registry import Listed, Registry, starter_folder
from classifiers.release import read_manifest
from monitor.config import Settings
from monitor.errors import UsageError
from monitor.model import Classifier
from monitor.options import nearest
from monitor.service import open_database, utc_now
from monitor.storage import corrections
from monitor.types import Prediction

FROM_FEEDS_LIMIT = 200_000
HELD_OUT = 0.2
# A new model may be this much less accurate on the same titles before it is refused:
# within it, the difference is noise.
TOLERANCE = 0.005


def registry(settings: Settings) -> Registry:
    """Where the releases of this installation are."""
    return Registry(settings.data / "models")


def classify(settings: Settings, titles: Iterable[str]) -> Iterator[tuple[str, Prediction]]:
    """Each title with its prediction; titles are read as they are needed."""
    classifier = Classifier(settings.data / "models")
    batch: list[str] = []
    for title in titles:
        batch.append(title)
        if len(batch) == 1000:
            yield from zip(batch, classifier(batch), strict=True)
            batch = []
    yield from zip(batch, classifier(batch), strict=True)


def correct(settings: Settings, number: int, section: str) -> str:
    """Say that an entry belongs in ``section``; its title. Raises NotFound, UsageError."""
    known = Classifier(settings.data / "models").scorer.sections
    if section not in known:
        raise UsageError(f"there is no section {section!r}{nearest(section, known)}")
    database = open_database(settings)
    return database.run(
        lambda connection: corrections.correct(connection, number, section, utc_now())
    )


@dataclass(frozen=True, slots=True)
class Retrained:
    """A new model beside the live one, both scored on the same titles that neither may know.

    ``live`` and ``new`` are evaluations as JSON; ``fixed`` and ``broken`` count corrections.
    """

    release: str
    live_release: str
    promoted: bool
    refusal: str
    live: dict[str, Any]
    new: dict[str, Any]
    corrections: int
    fixed: int
    broken: int


def retrain(
    settings: Settings,
    specs: Sequence[str],
    *,
    from_feeds: bool = False,
    dry_run: bool = False,
    force: bool = False,
) -> Retrained:
    """Train on the builtin corpus, the corrections and ``specs``, and promote what is no worse.

    Both models are compared on held-out titles; the model that is promoted has seen all.
    """
    from classifiers import corpus, train
    from classifiers.evaluate import evaluate

    corrected = _stored(settings, "corrections")
    examples = [each for spec in ("builtin", *specs) for each in corpus.load(spec, "sections")]
    examples += corrected
    if from_feeds:
        examples += _stored(settings, "feeds")
    wanted = train.settings_for(["builtin", *specs])
    titles = [each for each in examples if not each.term]
    _, held_out = corpus.split(titles, HELD_OUT)
    held = {each.title for each in held_out}
    compared = train.train([each for each in examples if each.title not in held], wanted)
    live = Classifier(settings.data / "models").scorer
    scores_live = evaluate(live, held_out, only_present=True)
    scores_new = evaluate(compared.scorer, held_out, only_present=True)

    final = train.train(examples, wanted)
    fixed, broken = _on_corrections(live, final.scorer, corrected)
    refusal = _refusal(scores_live.accuracy, scores_new.accuracy, broken, fixed)
    release, promoted = _register(
        settings, final, promote=not dry_run and (force or not refusal), keep=not dry_run
    )
    return Retrained(
        release=release,
        live_release=live.release,
        promoted=promoted,
        refusal=refusal,
        live=scores_live.as_json(),
        new=scores_new.as_json(),
        corrections=len(corrected),
        fixed=fixed,
        broken=broken,
    )


def _stored(settings: Settings, kind: str) -> list[Example]:
    """Corrections, or entries whose source declares a section, as examples."""
    with open_database(settings).read() as connection:
        if kind == "corrections":
            rows = list(corrections.examples(connection))
        else:
            rows = list(corrections.declared(connection, FROM_FEEDS_LIMIT))
    return [Example(title, section, origin=f"database/{kind}") for title, section in rows]


def _on_corrections(live: Scorer, new: Scorer, corrected: Sequence[Example]) -> tuple[int, int]:
    """How many corrections only the new model gets right, and how many only the live one."""
    titles = [each.title for each in corrected]
    was = [scored.section for scored in live.score(titles)]
    now = [scored.section for scored in new.score(titles)]
    wanted = [each.label for each in corrected]
    rows = list(zip(was, now, wanted, strict=True))
    return (
        sum(before != label == after for before, after, label in rows),
        sum(before == label != after for before, after, label in rows),
    )


def _refusal(live: float, new: float, broken: int, fixed: int) -> str:
    """Why the new model shall not be promoted; empty when it may be."""
    if new < live - TOLERANCE:
        return f"on the same held-out titles it is {new:.1%} right, the live one {live:.1%}"
    if broken > fixed:
        return f"it breaks {broken} corrections that the live one got right, and fixes {fixed}"
    return ""


def _register(settings: Settings, trained: Any, *, promote: bool, keep: bool) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory() as folder:
        manifest = trained.write(Path(folder) / "release")
        if keep:
            releases = registry(settings)
            releases.add(Path(folder) / "release")
            if promote:
                releases.promote(manifest.id)
    return str(manifest.id), promote


def releases(settings: Settings) -> list[Listed]:
    """The starter and every release of this installation."""
    found = registry(settings).list()
    serving = any(each.current for each in found)
    folder = starter_folder()
    starter = Listed("starter", folder, not serving, read_manifest(folder))
    return [starter, *found]


def release(settings: Settings, number: str | None) -> Listed:
    """One release by its id; without one, the live one. Raises ReleaseError."""
    found = releases(settings)
    for each in found:
        if each.id == number or (number is None and each.current):
            return each
    registry(settings).get(number or "")
    raise UsageError(f"there is no release {number!r}")
