"""What can go wrong here, as one tree.

ClassifierError
├── CorpusError     labelled data that cannot be read; names the file and the line
├── TrainingError   data that can be read and gives no model
├── ReportError     a report that cannot be written
└── ReleaseError    a release that is missing, damaged or of another format
    └── DamagedReleaseError   names the damaged file
"""

from __future__ import annotations

from pathlib import Path


class ClassifierError(Exception):
    """Base of all errors raised by this package; its text is a sentence for the user."""


class CorpusError(ClassifierError):
    """A corpus, or a line of it, cannot be used. ``line`` counts from 1; 0 is the whole file."""

    def __init__(self, message: str, path: Path | str, line: int = 0) -> None:
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {message}")
        self.path = Path(path)
        self.line = line


class TrainingError(ClassifierError, ValueError):
    """The examples do not make a model: too few, or of a single section."""


class ReportError(ClassifierError):
    """A report cannot be written; names the folder."""


class ReleaseError(ClassifierError):
    """A release cannot be found or used."""


class DamagedReleaseError(ReleaseError):
    """A file of a release is missing or differs from its manifest."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}; restore the release, or promote another one")
        self.path = path
        self.reason = reason
