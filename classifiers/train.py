"""The training pipeline: load, split, fit, calibrate, evaluate, compile, register.

``python -m classifiers.train --starter OUT`` builds the release that is shipped.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from classifiers import corpus
from classifiers import release as releases
from classifiers.blend import BlendedClassifier
from classifiers.calibration import Calibration, fit_curve, fit_sharpness, fit_thresholds, softmax
from classifiers.compiled import Scorer, compile_model
from classifiers.corpus import Labels, position
from classifiers.errors import ClassifierError, TrainingError
from classifiers.evaluate import Answers, Evaluation, examine, measure
from classifiers.examples import Example
from classifiers.lexicon import Lexicon, batches
from classifiers.model import TopicClassifier
from classifiers.provenance import corpora_of, is_own, versions
from classifiers.release import Manifest
from classifiers.revision import Floats, beside
from classifiers.stacking import Unseen, second_look
from classifiers.strange import is_latin, limit, strange_titles
from classifiers.taxonomy import Taxonomy
from classifiers.text import MAX_CHARS, identity_key


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train.

    ``buckets``, ``shape``, ``letters``, ``words`` and ``C`` are ``TopicClassifier``'s; of
    ``buckets`` there are fewer where few titles are learnt, and ``letters`` are left to the titles
    where it is None. With ``bayes`` the model is a ``BlendedClassifier`` with this
    share of naive Bayes, and has no ``C``.
    ``folds`` many models, each without a part of the titles, give the margins that
    calibration needs.
    ``precision`` is the share of answers above a section's threshold that shall be right.
    ``familiarity`` is the least share of known n-grams that a sure title has. With ``strange``
    the model learns what titles of other languages look like, beside the project's own two.
    With ``revision`` a small network takes a second look at the margins, where there are titles
    enough to fit it to.
    """

    buckets: int = 1 << 20
    shape: bool = True
    letters: bool | None = None
    words: bool = False
    C: float = 1.0
    folds: int = 3
    precision: float = 0.95
    familiarity: float = 0.2
    bayes: float = 0.0
    strange: bool = False
    revision: bool = True


_LEAST_BUCKETS = 1 << 17  # as ``topics`` needs
_ENOUGH = 2_000  # titles to know words by
_MANY = 200_000  # titles: beyond, two fits at once would take too much memory
HELD_OUT = 0.2  # of a corpus that is both trained on and scored
STARTER = TrainSettings(
    buckets=1 << 18, shape=False, letters=True, folds=2, bayes=0.75, strange=True, revision=False
)


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A fitted model, its compiled Scorer, and how it did on titles that it had not seen.

    ``evaluation`` is of the out-of-fold answers: each title scored by a model that was
    trained without it and its copies.
    """

    model: TopicClassifier
    scorer: Scorer
    evaluation: Evaluation
    manifest: Manifest

    def write(self, folder: Path) -> Manifest:
        """Write the release into an empty folder; its manifest, with the id."""
        scorer = self.scorer
        arrays: dict[str, NDArray[Any]] = {
            "records": scorer.records.whole,
            "scale": scorer.scale,
            "bias": scorer.bias,
            "curve": scorer.calibration.curve,
            "thresholds": scorer.calibration.thresholds,
            "fold": scorer.lexicon.fold,
            "quick": scorer.quick,
        }
        if scorer.revision is not None:
            arrays |= scorer.revision.arrays
        return releases.write(folder, self.manifest, arrays)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One thread for the BLAS: with threads of its own it waits for them busily, on cores that
    others use five times as long. What runs at once here are the fits."""
    with threadpool_limits(1, user_api="blas"):
        yield


@alone()
def train(
    examples: Sequence[Example],
    settings: TrainSettings,
    clock: Callable[[], float] = time.perf_counter,
) -> TrainedModel:
    """Fit, calibrate and compile. TrainingError when the examples make no model."""
    started = clock()
    if len({each.label for each in examples}) < 2:
        raise TrainingError("at least two sections are needed to learn; give more examples")
    examples = sorted(
        examples, key=lambda each: (each.label, each.title, each.weight, each.term, each.group)
    )
    settings = replace(
        settings, buckets=_room(examples, settings.buckets), letters=_letters(examples, settings)
    )
    model = fit(examples, settings)
    unseen = out_of_fold(examples, model.classes_, settings)
    revision = None
    if settings.revision:
        revision, unseen = second_look(unseen)
    calibration = calibrate(unseen, settings)
    if settings.strange:  # from there on a title is strange: where its column is above 0
        model.intercept_[-1] -= limit(unseen.titles, unseen.strangeness)
    best, surest = calibration.answer(unseen.margins)
    evaluation = measure(best, surest, model.classes_.tolist(), unseen.labels)
    scorer = compile_model(model, calibration, revision)
    evaluation = replace(evaluation, train_seconds=clock() - started)
    manifest = _manifest(examples, settings, scorer, evaluation)
    if model.terms_:
        manifest = replace(manifest, provenance={**manifest.provenance, "terms": model.terms_})
    return TrainedModel(model, scorer, evaluation, manifest)


def _letters(examples: Sequence[Example], settings: TrainSettings) -> bool:
    """Whether n-grams of letters are worth their time: words are enough where there are many
    titles, most of them of letters, and n-grams would be most of what is looked up."""
    if settings.letters is not None:
        return settings.letters
    latin = sum(is_latin(each.title) for each in examples)
    return len(examples) < _ENOUGH or latin < len(examples) / 2


def _room(examples: Sequence[Example], most: int) -> int:
    """One a character, to the next power of two: more are slower, and no more often right."""
    characters = sum(min(len(each.title), MAX_CHARS) for each in examples)
    return min(most, max(_LEAST_BUCKETS, 1 << (characters - 1).bit_length()))


@alone()
def out_of_fold(
    examples: Sequence[Example], classes: NDArray[Any], settings: TrainSettings
) -> Unseen:
    """Margins of every title that is no term, from models that lack its fold."""
    if all(each.term for each in examples):
        raise TrainingError("terms alone cannot be calibrated; give some titles as well")
    folds = _folds(examples, settings.folds)
    titles: list[str] = []
    labels: list[str] = []
    own: list[bool] = []
    pairs: list[tuple[list[Example], list[Example]]] = []
    for fold in range(settings.folds):
        rest = [each for each, its in zip(examples, folds, strict=True) if its != fold]
        held = [e for e, its in zip(examples, folds, strict=True) if its == fold and not e.term]
        if not held:
            continue
        titles += [each.title for each in held]
        labels += [each.label for each in held]
        own += [is_own(each) for each in held]
        pairs.append((rest, held))
    with ThreadPoolExecutor(2 if len(examples) <= _MANY else 1) as pool:
        parts = list(
            pool.map(lambda pair: _outputs_without(pair[0], pair[1], classes, settings), pairs)
        )
    truth = np.searchsorted(classes, np.asarray(labels))
    outputs, made_of = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Unseen(titles, labels, truth, outputs[:, :-1], outputs[:, -1], made_of, np.asarray(own))


def _folds(examples: Sequence[Example], folds: int) -> list[int]:
    """A fold for each example: groups take turns, other titles go by their hash.

    Holding whole subtopics out, of headlines and terms alike, is what makes the figures
    of small authored data those of titles on subjects that nobody wrote about.
    """
    groups = sorted({each.group for each in examples if each.group})
    turns = {group: turn % folds for turn, group in enumerate(groups)}
    return [
        turns[each.group] if each.group else int(position(each.title, b"fold") * folds)
        for each in examples
    ]


def first_fold(examples: Sequence[Example], folds: int) -> tuple[list[Example], list[Example]]:
    """(the other folds, the first fold's titles): what ``out_of_fold`` begins with."""
    numbered = list(zip(examples, _folds(examples, folds), strict=True))
    rest = [each for each, fold in numbered if fold]
    return rest, [each for each, fold in numbered if not fold and not each.term]


def _outputs_without(
    rest: Sequence[Example],
    held: Sequence[Example],
    classes: NDArray[Any],
    settings: TrainSettings,
) -> tuple[NDArray[np.float64], Floats]:
    """Margins and, last, strangeness; and what a second look sees beside them. A section that
    the rest lacks gets the margin of a clear no."""
    outputs = np.full((len(held), len(classes) + 1), -1.0)
    if len({each.label for each in rest}) < 2:
        raise TrainingError("too few titles to calibrate on; give at least ten a section")
    model = fit(rest, settings)
    titles = [each.title for each in held]
    found = model.outputs(titles)
    columns = np.searchsorted(classes, model.classes_)
    outputs[:, columns] = found[:, : len(columns)]
    outputs[:, -1:] = found[:, len(columns) :] if settings.strange else 0.0
    return outputs, _made_of(model.lexicon_, titles) if settings.revision else outputs[:, :0]


def _made_of(lexicon: Lexicon, titles: Sequence[str]) -> Floats:
    return np.concatenate(
        [beside(lexicon.make_up(part), lexicon.weigh(part).familiarity) for part in batches(titles)]
    )


def calibrate(unseen: Unseen, settings: TrainSettings) -> Calibration:
    """Sharpness, curve and thresholds from titles that the model had not seen."""
    sharpness = fit_sharpness(unseen.margins, unseen.truth)
    raw = softmax(unseen.margins, sharpness).max(axis=1)
    curve = fit_curve(raw, unseen.margins.argmax(axis=1) == unseen.truth)
    sections = unseen.margins.shape[1]
    open_ = Calibration(sharpness, curve, np.zeros(sections, np.float32), settings.familiarity)
    best, surest = open_.answer(unseen.margins)
    thresholds = fit_thresholds(best, surest, unseen.truth, sections, settings.precision)
    return replace(open_, thresholds=thresholds)


def build_starter(out: Path) -> Manifest:
    """Train the shipped release from the project's own data into ``out``, replacing it."""
    trained = train(corpus.load("builtin", "sections"), STARTER)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".starter-", dir=out.parent) as folder:
        manifest = trained.write(Path(folder) / "new")
        if out.exists():
            out.rename(Path(folder) / "old")
        (Path(folder) / "new").rename(out)
    return manifest


def settings_for(specs: Sequence[str]) -> TrainSettings:
    """The starter's settings for the project's own data alone, else those for corpora."""
    own = all(corpus.parse_spec(spec).format == "builtin" for spec in specs)
    return STARTER if own else TrainSettings()


@dataclass(frozen=True, slots=True)
class Trial:
    """A model, the examples that it learnt, and how it did on ``test``.

    ``only_present``: only sections of the test set competed.
    """

    trained: TrainedModel
    learnt: Sequence[Example]
    test: Sequence[Example]
    only_present: bool
    answers: Answers
    evaluation: Evaluation


def evaluate_corpora(
    train_specs: Sequence[str], test_spec: str, labels: Labels = "native"
) -> Evaluation:
    """Train on some corpora, score another, as ``try_corpora`` does."""
    return try_corpora(train_specs, test_spec, labels).evaluation


def try_corpora(
    train_specs: Sequence[str],
    test_spec: str,
    labels: Labels = "native",
    taxonomy: Taxonomy | None = None,
) -> Trial:
    """Train on some corpora, score another: what ``headlines evaluate`` does.

    Sections are those of ``taxonomy`` (None: the default one).

    A corpus that is named on both sides is split by a hash of its titles, a fifth being
    scored. Titles of the test set (but not terms) never stand in the training set.
    """
    test = corpus.load(test_spec, labels, taxonomy)
    if test_spec in train_specs:
        _, test = corpus.split([each for each in test if not each.term], HELD_OUT)
    copies = {identity_key(each.title) for each in test}
    examples = [each for spec in train_specs for each in corpus.load(spec, labels, taxonomy)]
    apart = [each for each in examples if each.term or identity_key(each.title) not in copies]
    if not {each.label for each in apart} & {each.label for each in test}:
        raise TrainingError(
            f"{test_spec} has none of the sections that are learnt: {labels!r} labels do not fit "
            "each other; --labels sections maps both to the sections of the program"
        )
    trained = train(apart, settings_for(train_specs))
    only_present = labels == "sections"
    found, evaluation = examine(trained.scorer, test, only_present=only_present)
    evaluation = replace(evaluation, train_seconds=trained.evaluation.train_seconds)
    return Trial(trained, apart, test, only_present, found, evaluation)


def fit(examples: Sequence[Example], settings: TrainSettings) -> TopicClassifier:
    """A model of these examples, not calibrated."""
    model = _unfitted(settings)
    titles, labels, weights = zip(*((e.title, e.label, e.weight) for e in examples), strict=True)
    return model.fit(titles, labels, weights, strange_titles() if settings.strange else ())


def _unfitted(settings: TrainSettings) -> TopicClassifier:
    text = {name: getattr(settings, name) for name in ("buckets", "shape", "words")}
    text["letters"] = settings.letters is not False
    if settings.bayes > 0:
        return BlendedClassifier(**text, bayes=settings.bayes)
    return TopicClassifier(**text, C=settings.C)


def _manifest(
    examples: Sequence[Example], settings: TrainSettings, scorer: Scorer, found: Evaluation
) -> Manifest:
    metrics = found.as_json()
    for measured in ("train_seconds", "titles_per_second"):  # differ from run to run
        del metrics[measured]
    return Manifest(
        id="",
        sections=scorer.sections,
        text=asdict(scorer.lexicon.settings),
        sharpness=scorer.calibration.sharpness,
        familiarity=scorer.calibration.familiarity,
        corpora=corpora_of(examples),
        settings=asdict(settings),
        metrics=metrics,
        provenance={"versions": versions()},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the starter release; 0 when it is there."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.train")
    parser.add_argument("--starter", metavar="OUT", type=Path, required=True)
    out = parser.parse_args(arguments).starter
    try:
        manifest = build_starter(out)
    except ClassifierError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"release {manifest.id} in {out}: {manifest.metrics['accuracy']:.1%} out of fold")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
