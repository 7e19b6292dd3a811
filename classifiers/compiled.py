"""A model as plain arrays, and the Scorer that reads them. Needs NumPy, never scikit-learn."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from classifiers import release as releases
from classifiers.calibration import Calibration
from classifiers.errors import ReleaseError
from classifiers.lexicon import Lexicon, Weighted, batches
from classifiers.text import TextSettings


class Scored(NamedTuple):
    """An answer: ``probability`` is calibrated; ``unsure`` asks not to be relied on."""

    section: str
    probability: float
    runner_up: str
    unsure: bool


class Fitted(Protocol):
    """What compiling needs of a fitted model (``model.TopicClassifier`` has it)."""

    classes_: NDArray[np.str_]
    lexicon_: Lexicon
    steps_: NDArray[np.int16]
    scale_: NDArray[np.float32]
    intercept_: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scorer:
    """Answers for titles. Safe to share between threads; arrays are mapped, not copied.

    ``release`` is the id of the release, ``sections`` its sections in the order of the
    columns of ``margins``.
    """

    release: str
    sections: tuple[str, ...]
    lexicon: Lexicon
    steps: NDArray[np.int16]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    calibration: Calibration

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The Scorer of a release folder, whose every file is checked first.

        ReleaseError (DamagedReleaseError with the file) when it cannot be used.
        """
        manifest = releases.read_manifest(folder)
        arrays = releases.read_arrays(folder, manifest)
        try:
            settings = TextSettings(**manifest.text)
            lexicon = Lexicon(settings, arrays["fold"], arrays["idf"], arrays["seen"])
            scorer = cls(
                release=manifest.id,
                sections=manifest.sections,
                lexicon=lexicon,
                steps=arrays["steps"],
                scale=arrays["scale"],
                bias=arrays["bias"],
                calibration=Calibration(
                    manifest.sharpness,
                    arrays["curve"],
                    arrays["thresholds"],
                    manifest.familiarity,
                ),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ReleaseError(f"{folder}: the manifest lacks or misstates {error}") from error
        scorer.check(folder)
        return scorer

    def check(self, folder: Path) -> None:
        """Raise ReleaseError when the arrays do not fit each other."""
        sections, buckets = len(self.sections), self.lexicon.settings.buckets
        vectors = (self.scale, self.bias, self.calibration.thresholds)
        fits = (
            self.steps.shape == (buckets, sections)
            and self.lexicon.idf.shape == (buckets,)
            and self.calibration.curve.shape[:1] == (2,)
            and all(vector.shape == (sections,) for vector in vectors)
        )
        if not fits:
            raise ReleaseError(f"{folder}: its arrays do not fit its {sections} sections")

    def score(self, titles: Sequence[str]) -> list[Scored]:
        """One answer a title, in order. Any text is answered; strange text is unsure."""
        answers: list[Scored] = []
        for batch in batches(titles):
            weighted = self.lexicon.weigh(batch)
            answers += self._answers(self._margins(weighted), weighted.familiarity)
        return answers

    def margins(self, titles: Sequence[str]) -> NDArray[np.float32]:
        """The linear models' outputs, titles x sections, before calibration."""
        parts = [self._margins(self.lexicon.weigh(batch)) for batch in batches(titles)]
        return np.concatenate([np.zeros((0, len(self.sections)), dtype=np.float32), *parts])

    def _margins(self, weighted: Weighted) -> NDArray[np.float32]:
        rows = self.steps[weighted.buckets].astype(np.float32)
        sums = np.empty((len(weighted.familiarity), len(self.sections)), dtype=np.float32)
        bounds = weighted.starts.tolist()
        for at, (start, end) in enumerate(itertools.pairwise(bounds)):
            np.dot(weighted.values[start:end], rows[start:end], out=sums[at])
        return sums * self.scale + self.bias

    def _answers(
        self, margins: NDArray[np.float32], familiarity: NDArray[np.float32]
    ) -> list[Scored]:
        best, probability = self.calibration.answer(margins)
        second = second_best(margins, best)
        unsure = self.calibration.unsure(best, probability, familiarity)
        names = self.sections
        columns = (best.tolist(), probability.tolist(), second.tolist(), unsure.tolist())
        return [Scored(names[b], p, names[s], u) for b, p, s, u in zip(*columns, strict=True)]


def second_best(margins: NDArray[np.float32], best: NDArray[np.intp]) -> NDArray[np.intp]:
    """Columns of the second largest of each row, ``best`` being those of the largest."""
    rest = margins.copy()
    rest[np.arange(len(best)), best] = -np.inf
    return np.asarray(rest.argmax(axis=1))


def compile_model(model: Fitted, calibration: Calibration, release: str = "") -> Scorer:
    """The Scorer of a fitted model."""
    return Scorer(
        release=release,
        sections=tuple(str(name) for name in model.classes_),
        lexicon=model.lexicon_,
        steps=model.steps_,
        scale=model.scale_,
        bias=model.intercept_,
        calibration=calibration,
    )
