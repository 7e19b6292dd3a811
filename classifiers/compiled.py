"""A model as plain arrays, and the Scorer that reads them. Needs NumPy, never scikit-learn.

Where the compiled scanner was built (see ``native``), it does the work; what is written
here in NumPy gives the same numbers to 1e-6 and serves elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
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
from classifiers.native import Floats, Parts, Scanner, Text, folded_text, raw_text
from classifiers.records import Records, pack, unpack
from classifiers.revision import Revision, beside
from classifiers.text import Fold, TextSettings, encode, quick_table

_AT_ONCE = 512  # titles: their code points and answers stay in a processor's cache

Column = NDArray[Any]


class Scored(NamedTuple):
    """An answer: ``probability`` is calibrated; ``unsure`` asks not to be relied on."""

    section: str
    probability: float
    runner_up: str
    unsure: bool


class Columns(NamedTuple):
    """``Scored``'s fields, each of all titles."""

    sections: list[str]
    probabilities: list[float]
    runners_up: list[str]
    unsure: list[bool]

    def extend(self, more: Columns) -> None:
        """Add the answers of more titles."""
        self.sections.extend(more.sections)
        self.probabilities.extend(more.probabilities)
        self.runners_up.extend(more.runners_up)
        self.unsure.extend(more.unsure)


_new = tuple.__new__  # a named tuple's own constructor takes its fields one by one, in Python


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
    columns of ``margins``; the release's weights may have one more, which tells strange titles.
    ``quick`` is ``text.quick_table``'s. A ``revision`` takes a second look at the margins.
    Without a ``scanner`` the NumPy code scores.
    """

    release: str
    sections: tuple[str, ...]
    lexicon: Lexicon
    records: Records
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    calibration: Calibration
    quick: Fold
    revision: Revision | None = None
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
            records = unpack(arrays["records"], len(arrays["scale"]))
            scorer = cls(
                release=manifest.id,
                sections=manifest.sections,
                lexicon=Lexicon(settings, arrays["fold"], records.idf, records.seen),
                records=records,
                scale=arrays["scale"],
                bias=arrays["bias"],
                calibration=Calibration(
                    manifest.sharpness,
                    arrays["curve"],
                    arrays["thresholds"],
                    manifest.familiarity,
                ),
                quick=arrays["quick"],
                revision=_revision(arrays),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ReleaseError(f"{folder}: the manifest lacks or misstates {error}") from error
        scorer.check(folder)
        return scorer.faster()

    def faster(self) -> Self:
        """The same with the compiled scanner, where there is one that can serve."""
        sections = len(self.sections)
        parts = Parts(
            self.quick, self.records.whole, self.scale, self.bias, sections, self.revision
        )
        return replace(self, scanner=native.scanner(self.lexicon.settings, parts))

    def check(self, folder: Path) -> None:
        """Raise ReleaseError when the arrays do not fit each other."""
        sections, buckets = len(self.sections), self.lexicon.settings.buckets
        columns = len(self.scale)
        fits = (
            columns in {sections, sections + 1}
            and self.steps.shape == (buckets, columns)
            and self.quick.shape == self.lexicon.fold.shape == (1 << 16,)
            and all(each.dtype == kind for each, kind in self._kinds())
            and self.calibration.curve.shape[:1] == (2,)
            and self.calibration.thresholds.shape == (sections,)
            and self.scale.shape == self.bias.shape == (columns,)
            and (self.revision is None or self.revision.outer.shape[1] == sections)
        )
        if not fits:
            raise ReleaseError(f"{folder}: its arrays do not fit its {sections} sections")

    def _kinds(self) -> tuple[tuple[NDArray[Any], type], ...]:
        """The arrays whose bytes the scanner reads, and what they must hold."""
        single = [(each, np.float32) for each in (self.scale, self.bias)]
        return (*single, (self.quick, np.uint16), (self.lexicon.fold, np.uint16))

    @property
    def steps(self) -> NDArray[np.int16]:
        """The weights, buckets x columns, in steps of ``scale``."""
        return self.records.steps

    def score(self, titles: Sequence[str]) -> list[Scored]:
        """One answer a title, in order. Any text is answered; strange text is unsure."""
        return [_new(Scored, answer) for answer in zip(*self.columns(titles), strict=True)]

    def columns(self, titles: Sequence[str]) -> Columns:
        """The same a field at a time, for those who make records of their own of them."""
        parts = list((self._slowly if self.scanner is None else self._compiled)(titles))
        if len(parts) == 1:
            return parts[0]
        whole = Columns([], [], [], [])
        for part in parts:
            whole.extend(part)
        return whole

    def margins(self, titles: Sequence[str]) -> Floats:
        """The linear models' outputs, titles x sections, revised where there is a revision, and
        before calibration."""
        sections = len(self.sections)
        if self.scanner is None:
            parts = [self._weighed(batch)[0] for batch in batches(titles)]
        else:
            parts = [self._scan(self.scanner, batch) for batch in _parts(titles)]
        return np.concatenate([np.zeros((0, sections), dtype=np.float32), *parts])

    def familiarity(self, titles: Sequence[str]) -> Floats:
        """The share of each title's n-grams that training knew; 0 of strange titles."""
        parts = [self._weighed(batch)[1] for batch in batches(titles)]
        return np.concatenate([np.zeros(0, dtype=np.float32), *parts])

    def _weighed(self, batch: Sequence[str]) -> tuple[Floats, Floats]:
        """Margins and familiarity by NumPy."""
        weighted, sections = self.lexicon.weigh(batch), len(self.sections)
        outputs = self._weigh(weighted)
        margins = outputs[:, :sections].astype(np.float32)
        if self.revision is not None:
            made_of = beside(self.lexicon.make_up(batch), weighted.familiarity)
            margins = self.revision.revise(outputs[:, :sections], made_of)
        strange = (outputs[:, sections:] > 0).any(axis=1)
        return margins, np.where(strange, np.float32(0), weighted.familiarity)

    def _compiled(self, titles: Sequence[str]) -> Iterator[Columns]:
        """Answers by the scanner, some titles at a time; what it finds hard is folded for it."""
        assert self.scanner is not None
        for batch in _parts(titles):
            found = self.scanner.answers(raw_text(batch), self.calibration)
            if found.hard.any():
                again = self.scanner.answers(self._folded(batch, found.hard), self.calibration)
                for column, fresh in zip(found[:4], again[:4], strict=True):
                    column[found.hard] = fresh
            yield self._named(*found[:4])

    def _scan(self, scanner: Scanner, titles: Sequence[str]) -> Floats:
        """Margins likewise."""
        margins, hard = scanner.margins(raw_text(titles))
        if hard.any():
            margins[hard] = scanner.margins(self._folded(titles, hard)).margins
        return margins

    def _folded(self, titles: Sequence[str], hard: NDArray[np.bool_]) -> Text:
        found = [titles[at] for at in np.flatnonzero(hard).tolist()]
        return folded_text(encode(found, self.lexicon.fold), len(found))

    def _slowly(self, titles: Sequence[str]) -> Iterator[Columns]:
        """Answers by NumPy."""
        for batch in batches(titles):
            margins, familiarity = self._weighed(batch)
            best, probability = self.calibration.answer(margins)
            unsure = self.calibration.unsure(best, probability, familiarity)
            yield self._named(best, probability, second_best(margins, best), unsure)

    def _weigh(self, weighted: Weighted) -> NDArray[np.float64]:
        rows = self.steps[weighted.buckets].astype(np.float64)
        values = weighted.values.astype(np.float64)
        sums = np.empty((len(weighted.familiarity), len(self.scale)))
        bounds = weighted.starts.tolist()
        for at, (start, end) in enumerate(itertools.pairwise(bounds)):
            np.dot(values[start:end], rows[start:end], out=sums[at])
        return np.asarray(sums * self.scale + self.bias)

    def _named(self, best: Column, surest: Column, second: Column, unsure: Column) -> Columns:
        names = np.array(self.sections, dtype=object)
        columns = (names[best], surest, names[second], unsure)
        return Columns(*(column.tolist() for column in columns))


def _parts(titles: Sequence[str]) -> Iterator[Sequence[str]]:
    return (titles[start : start + _AT_ONCE] for start in range(0, len(titles), _AT_ONCE))


def _revision(arrays: Mapping[str, Column]) -> Revision | None:
    if not arrays.keys() & set(releases.REVISION):
        return None
    return Revision.of(*(arrays[name] for name in releases.REVISION))


def second_best(margins: NDArray[np.float32], best: NDArray[np.intp]) -> NDArray[np.intp]:
    """Columns of the second largest of each row, ``best`` being those of the largest."""
    rest = margins.copy()
    rest[np.arange(len(best)), best] = -np.inf
    return np.asarray(rest.argmax(axis=1))


def compile_model(
    model: Fitted, calibration: Calibration, revision: Revision | None = None, release: str = ""
) -> Scorer:
    """The Scorer of a fitted model."""
    lexicon = model.lexicon_
    records = pack(lexicon.seen, lexicon.idf, model.steps_)
    return Scorer(
        release=release,
        sections=tuple(str(name) for name in model.classes_),
        lexicon=replace(lexicon, idf=records.idf, seen=records.seen),
        records=records,
        scale=model.scale_,
        bias=model.intercept_,
        calibration=calibration,
        quick=quick_table(lexicon.fold),
        revision=revision,
    ).faster()
