"""The classifier as the pipeline sees it: the promoted release, else the one that was shipped."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from classifiers.calibration import unknown
from classifiers.compiled import Scorer
from classifiers.errors import ReleaseError
from classifiers.registry import Registry, starter_folder
from classifiers.segment import use_words
from classifiers.taxonomy import Taxonomy, read_taxonomy
from monitor.config import Settings
from monitor.telemetry import logger
from monitor.types import Prediction

log = logger("model")
REFUSED_TURNS = 5

_new = tuple.__new__  # a named tuple's own constructor takes its fields one by one, in Python


def open_classifier(settings: Settings) -> Classifier:
    """The classifier of these settings: with the user's words and sections.

    Raises CorpusError when the file of the sections cannot be used, and ReleaseError.
    """
    use_words(settings.text.words)
    path = settings.classifier.sections
    moved = read_taxonomy(path).moved if path else {}
    return Classifier(settings.data / "models", settings.classifier.unsure_below, moved)


class Classifier:
    """Answers with the release that is promoted at the moment; ``refresh`` looks for a change.

    ``unsure_below`` replaces thresholds of the release (see ``Calibration.override``);
    ``moved`` leads from sections that the release may still know to the user's own.
    ``folder`` is that of the release which answers. Raises classifiers.errors.ReleaseError when
    not even the starter can be read.
    """

    def __init__(
        self,
        root: Path,
        unsure_below: Mapping[str, float] | None = None,
        moved: Mapping[str, str] | None = None,
    ) -> None:
        self._moved = moved or {}
        self.registry = Registry(root)
        self._unsure_below = unsure_below or {}
        self._told = ""
        self._wait = 0
        self.folder, self.scorer, refused = self._last_good()
        if refused:
            self._tell(refused)

    def _last_good(self) -> tuple[Path, Scorer, ReleaseError | None]:
        """The promoted release; where it cannot be used, the one before it, and at last the
        starter; and why the promoted one was refused."""
        refused: ReleaseError | None = None
        try:
            folders = self.registry.served()
        except ReleaseError as error:
            folders, refused = [], error
        for folder in folders:
            try:
                return folder, self._load(folder), refused
            except ReleaseError as error:
                refused = refused or error
        return starter_folder(), self._load(starter_folder()), refused

    def __call__(self, titles: Sequence[str]) -> list[Prediction]:
        scorer = self.scorer
        rows = zip(*scorer.columns(titles), itertools.repeat(scorer.release), strict=False)
        found = [_new(Prediction, row) for row in rows]
        return [self._renamed(each) for each in found] if self._moved else found

    def _renamed(self, found: Prediction) -> Prediction:
        section = self._moved.get(found.section, found.section)
        runner_up = self._moved.get(found.runner_up, found.runner_up)
        return found._replace(section=section, runner_up=runner_up)

    def names(self, taxonomy: Taxonomy | None = None) -> dict[str, str]:
        """What answers call sections: each of the live release's own, and default ones by way
        of the user's ``taxonomy``."""
        known = {self._moved.get(each, each) for each in self.scorer.sections}
        moved = taxonomy.moved if taxonomy else {}
        return {x: x for x in known} | {old: new for old, new in moved.items() if new in known}

    def refresh(self) -> bool:
        """Load the promoted release if it is another one; a damaged one is refused and told.

        One that was refused is looked at again every so often: somebody may have mended it.
        """
        if self._wait:
            self._wait -= 1
            return False
        try:
            folder = self.registry.current() or starter_folder()
            if folder == self.folder:
                self._told = ""
                return False
            self.scorer = self._load(folder)
        except ReleaseError as error:
            self._tell(error)
            self._wait = REFUSED_TURNS
            return False
        self.folder, self._told = folder, ""
        log.info("release %s is live", self.scorer.release)
        return True

    @property
    def refused(self) -> str:
        """Why the promoted release does not serve; empty while it does."""
        return self._told

    def _load(self, folder: Path) -> Scorer:
        scorer = Scorer.load(folder)
        if not self._unsure_below:
            return scorer
        if strange := unknown(scorer.sections, self._unsure_below):
            known = ", ".join(scorer.sections)
            log.warning(
                "classifier.unsure_below: %s is no section of release %s, which has %s",
                ", ".join(strange),
                scorer.release,
                known,
            )
        calibration = scorer.calibration.override(scorer.sections, self._unsure_below)
        return replace(scorer, calibration=calibration)

    def _tell(self, error: ReleaseError) -> None:
        """Once, however often it is met."""
        if str(error) != self._told:
            self._told = str(error)
            log.error("the promoted release is refused, %s serves: %s", self.scorer.release, error)
