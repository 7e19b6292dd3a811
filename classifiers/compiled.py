"""A model as plain arrays, and the Scorer that reads them. Needs NumPy, never scikit-learn.

Where the compiled scanner was built (see ``native``), it does the work; what is written
here in NumPy gives the same numbers to 1e-6 and serves elsewhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from classifiers import native
from classifiers import release as releases
from classifiers.calibration import Calibration
from classifiers.errors import ReleaseError
from classifiers.lexicon import Lexicon, Weighted, batches
from classifiers.native import Floats, Parts, Scanner
from classifiers.text import Fold, TextSettings, encode, quick_table

_FEW = 6
_AT_ONCE = 512  # titles: their code points and margins stay in a processor's cache


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
    columns of ``margins``. ``quick`` is ``text.quick_table``'s. Without a ``scanner`` the
    NumPy code scores.
    """

    release: str
    sections: tuple[str, ...]
    lexicon: Lexicon
    steps: NDArray[np.int16]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    calibration: Calibration
    quick: Fold
    scanner: Scanner | None = None

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
                quick=arrays["quick"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ReleaseError(f"{folder}: the manifest lacks or misstates {error}") from error
        scorer.check(folder)
        return scorer.faster()

    def faster(self) -> Self:
        """The same with the compiled scanner, where there is one that can serve."""
        lexicon = self.lexicon
        parts = Parts(self.quick, lexicon.seen, lexicon.idf, self.steps, self.scale, self.bias)
        return replace(self, scanner=native.scanner(lexicon.settings, parts))

    def check(self, folder: Path) -> None:
        """Raise ReleaseError when the arrays do not fit each other."""
        sections, buckets = len(self.sections), self.lexicon.settings.buckets
        vectors = (self.scale, self.bias, self.calibration.thresholds)
        fits = (
            self.steps.shape == (buckets, sections)
            and self.lexicon.idf.shape == (buckets,)
            and self.lexicon.seen.shape == (_power_of_two(self.lexicon.seen.size),)
            and self.quick.shape == self.lexicon.fold.shape == (1 << 16,)
            and all(each.dtype == kind for each, kind in self._kinds())
            and self.calibration.curve.shape[:1] == (2,)
            and all(vector.shape == (sections,) for vector in vectors)
        )
        if not fits:
            raise ReleaseError(f"{folder}: its arrays do not fit its {sections} sections")

    def _kinds(self) -> tuple[tuple[NDArray[Any], type], ...]:
        """The arrays whose bytes the scanner reads, and what they must hold."""
        lexicon = self.lexicon
        single = [(each, np.float32) for each in (lexicon.idf, self.scale, self.bias)]
        double = [(each, np.uint16) for each in (self.quick, lexicon.fold)]
        return (*single, *double, (self.steps, np.int16), (lexicon.seen, np.uint8))

    def score(self, titles: Sequence[str]) -> list[Scored]:
        """One answer a title, in order. Any text is answered; strange text is unsure."""
        answers: list[Scored] = []
        for margins, familiarity in self._scored(titles):
            few = len(margins) < _FEW
            answers += (self._one_by_one if few else self._answers)(margins, familiarity)
        return answers

    def margins(self, titles: Sequence[str]) -> Floats:
        """The linear models' outputs, titles x sections, before calibration."""
        parts = [margins for margins, _ in self._scored(titles)]
        return np.concatenate([np.zeros((0, len(self.sections)), dtype=np.float32), *parts])

    def _scored(self, titles: Sequence[str]) -> Iterator[tuple[Floats, Floats]]:
        """Margins and familiarity, some titles at a time."""
        if self.scanner is None:
            for batch in batches(titles):
                weighted = self.lexicon.weigh(batch)
                yield self._margins(weighted), weighted.familiarity
            return
        for start in range(0, len(titles), _AT_ONCE):
            yield self._scan(self.scanner, titles[start : start + _AT_ONCE])

    def _scan(self, scanner: Scanner, titles: Sequence[str]) -> tuple[Floats, Floats]:
        """Margins and familiarity by the scanner; what it finds hard is folded for it."""
        found = scanner.raw(titles)
        if found.hard.any():
            hard = np.flatnonzero(found.hard)
            codes = encode([titles[at] for at in hard.tolist()], self.lexicon.fold)
            again = scanner.folded(codes, len(hard))
            found.margins[hard], found.familiarity[hard] = again.margins, again.familiarity
        return found.margins, found.familiarity

    def _margins(self, weighted: Weighted) -> Floats:
        rows = self.steps[weighted.buckets].astype(np.float64)
        values = weighted.values.astype(np.float64)
        sums = np.empty((len(weighted.familiarity), len(self.sections)))
        bounds = weighted.starts.tolist()
        for at, (start, end) in enumerate(itertools.pairwise(bounds)):
            np.dot(values[start:end], rows[start:end], out=sums[at])
        return (sums * self.scale + self.bias).astype(np.float32)

    def _answers(self, margins: Floats, familiarity: Floats) -> list[Scored]:
        best, probability = self.calibration.answer(margins)
        second = second_best(margins, best)
        unsure = self.calibration.unsure(best, probability, familiarity)
        names = np.array(self.sections, dtype=object)
        columns = (names[best], probability, names[second], unsure)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return list(map(Scored._make, rows))

    def _one_by_one(self, margins: Floats, familiarity: Floats) -> list[Scored]:
        """``_answers`` without arrays, which for a single title cost more than the work."""
        names = self.sections
        answers = []
        for row, known in zip(margins.tolist(), familiarity.tolist(), strict=True):
            best, probability, unsure = self.calibration.answer_one(row, known)
            row[best] = -math.inf
            answers.append(Scored(names[best], probability, names[row.index(max(row))], unsure))
        return answers


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
        quick=quick_table(model.lexicon_.fold),
    ).faster()


def _power_of_two(size: int) -> int:
    """``size`` where it is one that a filter of whole blocks may have, else -1."""
    return size if size >= 64 and not size & (size - 1) else -1
