"""How good a classifier is on titles whose sections are known."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import CorpusError

if TYPE_CHECKING:
    from classifiers.compiled import Scorer
    from classifiers.examples import Example

COVERAGES = (0.80, 0.90, 0.95)
_BINS = 15


@dataclass(frozen=True, slots=True)
class SectionScore:
    """One section: of the titles answered so, and of its own titles, the share right;
    ``count`` is how many titles are its own."""

    precision: float
    recall: float
    f1: float
    count: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``ece`` is the expected calibration error over 15 bins of equal width; ``coverage``
    says which share is right of the surest 80, 90 and 95 % of titles; ``macro_f1`` and
    ``per_section`` are over the sections that the titles have."""

    accuracy: float
    macro_f1: float
    ece: float
    titles: int
    train_seconds: float
    titles_per_second: float
    coverage: Mapping[str, float]
    per_section: Mapping[str, SectionScore]

    def as_json(self) -> dict[str, Any]:
        """The document that ``headlines evaluate --json`` prints."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model said of titles whose labels are known: of the title at ``i`` that it is
    of section ``names[best[i]]``, with probability ``surest[i]``."""

    titles: Sequence[str]
    labels: Sequence[str]
    names: tuple[str, ...]
    best: NDArray[np.intp]
    surest: NDArray[np.float32]

    def sections(self) -> list[str]:
        """The section that was answered for each title."""
        return [self.names[at] for at in self.best.tolist()]

    def measured(self) -> Evaluation:
        """How good the answers are; the times are left 0."""
        return measure(self.best, self.surest, self.names, self.labels)


def evaluate(
    scorer: Scorer,
    examples: Sequence[Example],
    *,
    only_present: bool = False,
    train_seconds: float = 0.0,
) -> Evaluation:
    """Score the titles of ``examples`` and compare with their labels, as ``answers`` does."""
    _, found = examine(scorer, examples, only_present=only_present)
    return replace(found, train_seconds=train_seconds)


def examine(
    scorer: Scorer,
    examples: Sequence[Example],
    *,
    only_present: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[Answers, Evaluation]:
    """The answers of ``answers``, and how good and how fast they were."""
    started = clock()
    found = answers(scorer, examples, only_present=only_present)
    seconds = max(clock() - started, 1e-9)
    return found, replace(found.measured(), titles_per_second=len(found.labels) / seconds)


def answers(scorer: Scorer, examples: Sequence[Example], *, only_present: bool = False) -> Answers:
    """What ``scorer`` says of the titles of ``examples``.

    With ``only_present`` the answer is looked for among the sections that the examples
    have (for a test set that knows fewer sections than the model). A label that the
    model does not know counts as wrong. CorpusError when there is nothing to compare.
    """
    if not examples:
        raise CorpusError("no labelled titles to evaluate on", "test set")
    titles = [example.title for example in examples]
    labels = [example.label for example in examples]
    margins, names = scorer.margins(titles), scorer.sections
    if only_present:
        columns = present(names, labels)
        margins, names = margins[:, columns], tuple(names[at] for at in columns)
    best, surest = scorer.calibration.answer(margins)
    return Answers(titles, labels, names, best, surest)


def present(names: Sequence[str], labels: Sequence[str]) -> list[int]:
    """The places of those ``names`` that are among ``labels``. CorpusError when none is."""
    known = set(labels)
    columns = [at for at, name in enumerate(names) if name in known]
    if not columns:
        raise CorpusError("its labels and the model's sections have none in common", "test set")
    return columns


def measure(
    best: NDArray[np.intp], surest: NDArray[np.float32], names: Sequence[str], labels: Sequence[str]
) -> Evaluation:
    """Compare answers (places in ``names``) and their probabilities with labels.

    The times are left 0.
    """
    numbers = {name: at for at, name in enumerate(names)}
    truth = np.asarray([numbers.get(label, -1) for label in labels])
    right = best == truth
    scores = _per_section(best, truth, names, labels)
    return Evaluation(
        accuracy=float(np.mean(right)),
        macro_f1=float(np.mean([score.f1 for score in scores.values()])),
        ece=calibration_error(surest, right),
        titles=len(labels),
        train_seconds=0.0,
        titles_per_second=0.0,
        coverage=coverage(surest, right),
        per_section=scores,
    )


@dataclass(frozen=True, slots=True)
class Bins:
    """Answers by their probability: how many, their mean probability, the share right.

    Bins that hold nothing are left out.
    """

    count: NDArray[np.intp]
    confidence: NDArray[np.float64]
    right: NDArray[np.float64]


def reliability(surest: NDArray[np.float32], right: NDArray[np.bool_]) -> Bins:
    """The bins, 15 of equal width, that the expected calibration error is made of."""
    at = np.minimum((surest * _BINS).astype(np.intp), _BINS - 1)
    count = np.bincount(at, minlength=_BINS)
    full = count > 0
    confidence = np.bincount(at, surest, minlength=_BINS)[full]
    hits = np.bincount(at, right, minlength=_BINS)[full]
    return Bins(count[full], confidence / count[full], hits / count[full])


def calibration_error(surest: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Expected calibration error of the answers' probabilities, 15 bins of equal width."""
    bins = reliability(surest, right)
    return float((bins.count * np.abs(bins.confidence - bins.right)).sum() / len(right))


def coverage(surest: NDArray[np.float32], right: NDArray[np.bool_]) -> dict[str, float]:
    """Of the surest 80, 90 and 95 % of titles, the share that is right."""
    ordered = right[np.argsort(-surest, kind="stable")]
    sizes = {share: max(1, round(share * len(ordered))) for share in COVERAGES}
    return {f"{share:.2f}": float(ordered[:size].mean()) for share, size in sizes.items()}


def _per_section(
    answers: NDArray[np.intp], truth: NDArray[np.intp], names: Sequence[str], labels: Sequence[str]
) -> dict[str, SectionScore]:
    scores = {}
    for at, name in enumerate(names):
        own, said = truth == at, answers == at
        if own.any():
            scores[name] = _section_score(own, said)
    for name in sorted(set(labels) - set(names)):
        scores[name] = SectionScore(0.0, 0.0, 0.0, labels.count(name))
    return scores


def _section_score(own: NDArray[np.bool_], said: NDArray[np.bool_]) -> SectionScore:
    hits = float(np.count_nonzero(own & said))
    precision = hits / max(1, int(np.count_nonzero(said)))
    recall = hits / int(np.count_nonzero(own))
    f1 = 2 * hits / int(np.count_nonzero(said) + np.count_nonzero(own))
    return SectionScore(precision, recall, f1, int(np.count_nonzero(own)))
