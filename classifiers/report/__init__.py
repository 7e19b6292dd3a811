"""A report that people look at: one page that stands alone, and its pictures beside it.

Nothing in it is fetched from anywhere. It is in Chinese and English, light and dark, and
fits a telephone.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from classifiers.errors import ReportError
from classifiers.evaluate import Answers, Evaluation
from classifiers.report.learning import Learnt, learning_curve

__all__ = ["PAGE", "Compared", "Learnt", "Report", "learning_curve", "prepare", "write"]

PAGE = "report.html"


@dataclass(frozen=True, slots=True)
class Compared:
    """What serves, beside the new model: its answers for the same titles.

    ``refusal`` says why the new one is worse; empty when it is not. ``corrections`` are both
    models' answers to what people corrected.
    """

    live: str
    new: str
    before: Answers
    evaluation: Evaluation
    promoted: bool
    refusal: str
    corrections: tuple[Answers, Answers] | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What is told. ``learnt_from`` and ``scored_on`` are for people, in English and Chinese;
    ``language`` is the one that the page opens in; ``sections`` is a ``sections.toml`` of the
    user's own."""

    made_at: datetime
    learnt_from: tuple[str, str]
    scored_on: tuple[str, str]
    answers: Answers
    evaluation: Evaluation
    learning: Sequence[Learnt]
    compared: Compared | None = None
    sections: Path | None = None
    language: Literal["en", "zh"] = "en"


def prepare(folder: Path) -> None:
    """Make the folder, before the work that is to be told there. ReportError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReportError(f"{folder}: no report can be written there: {reason}") from error


def write(report: Report, folder: Path) -> Path:
    """Write the page and its pictures into ``folder``, over older ones; the page's path.

    Raises ReportError.
    """
    from classifiers.report import page

    pictures = page.pictures(report)
    prepare(folder)
    try:
        for name, content in pictures.items():
            _replace(folder / name, content)
        _replace(folder / PAGE, page.render(report, pictures).encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReportError(f"{folder}: the report could not be written: {reason}") from error
    return folder / PAGE


def _replace(path: Path, content: bytes) -> None:
    """A reader sees the old file or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".report-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
