"""The classifier in a person's hands: classify, evaluate, and its releases.

``classify`` answers at once: what only the others need is imported where it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from classifiers.errors import ReleaseError
from classifiers.registry import Listed, Registry, starter_folder
from classifiers.release import read_manifest
from monitor.config import Settings
from monitor.errors import NotFound
from monitor.model import open_classifier
from monitor.types import Prediction

if TYPE_CHECKING:
    from classifiers.evaluate import Evaluation
    from classifiers.explain import Explanation

STARTER = "starter"
AT_ONCE = 1000


def registry(settings: Settings) -> Registry:
    """Where the releases of this installation are."""
    return Registry(settings.data / "models")


def classify(
    settings: Settings, titles: Iterable[str], at_once: int = AT_ONCE
) -> Iterator[tuple[str, Prediction]]:
    """Each title with its prediction; titles are read as they are needed, ``at_once`` a time."""
    classifier = open_classifier(settings)
    batch: list[str] = []
    for title in titles:
        batch.append(title)
        if len(batch) == at_once:
            yield from zip(batch, classifier(batch), strict=True)
            batch = []
    yield from zip(batch, classifier(batch), strict=True)


def explain(settings: Settings, titles: Iterable[str]) -> Iterator[tuple[str, Explanation]]:
    """Each title with why it went where it went; its sections are called as the user does."""
    from classifiers.compiled import Scored
    from classifiers.explain import explain as explain_one

    classifier = open_classifier(settings)
    for title in titles:
        answer = Scored(*classifier([title])[0][:4])
        yield title, replace(explain_one(classifier.scorer, title), answer=answer)


def evaluate(
    settings: Settings,
    train: Sequence[str],
    test: str,
    labels: Literal["native", "sections"],
    report: Path | None = None,
) -> Evaluation:
    """Train on some corpora, score another, and write a page on it into ``report``.

    Raises CorpusError, TrainingError, ReportError.
    """
    from classifiers.train import try_corpora
    from monitor.actions import reporting
    from monitor.actions.corpora import register_database

    register_database(settings)
    if report is not None:
        reporting.prepare(report)
    from monitor.actions.opening import taxonomy_of

    trial = try_corpora(train, test, labels, taxonomy_of(settings))
    if report is not None:
        reporting.on_trial(trial, settings, train, test, report)
    return trial.evaluation


def promote(settings: Settings, number: str, note: Mapping[str, object] | None = None) -> str:
    """Make a release live, ``starter`` being the one that was shipped; its id.

    The starter is the first of every history, so that there is a way back to it.
    Raises ReleaseError.
    """
    found = registry(settings)
    if number in {STARTER, read_manifest(starter_folder()).id}:
        number = found.add(starter_folder())
    found.get(number)
    try:
        is_first = found.current() is None
    except ReleaseError:  # what serves is gone: all the more reason to promote another
        is_first = False
    if is_first:
        found.promote(found.add(starter_folder()))
    found.promote(number, note or by_hand())
    return number


def by_hand() -> dict[str, object]:
    """What is kept of a promotion or a rollback that a person asked for."""
    return {"at": datetime.now(UTC).isoformat(timespec="seconds"), "by": "hand"}


def rollback(settings: Settings) -> str:
    """Return to the release that served before; its id. Raises ReleaseError."""
    return registry(settings).rollback(by_hand())


def releases(settings: Settings) -> list[Listed]:
    """The starter and every release of this installation."""
    found = registry(settings).list()
    serving = any(each.current for each in found)
    folder = starter_folder()
    return [Listed(STARTER, folder, not serving, read_manifest(folder)), *found]


def release(settings: Settings, number: str | None) -> Listed:
    """One release by its id; without one, the live one. Raises ReleaseError."""
    found = releases(settings)
    for each in found:
        names = {each.id, each.manifest.id if each.manifest else each.id}
        if number in names or (number is None and each.current):
            return each
    registry(settings).get(number or "")
    raise NotFound("no release is live: 'headlines models list' shows them")
