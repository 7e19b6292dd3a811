"""The page that ``evaluate --report`` and ``retrain --report`` write."""

from __future__ import annotations

import locale
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from classifiers import report as page
from monitor.service import utc_now

if TYPE_CHECKING:
    from classifiers.evaluate import Answers
    from classifiers.examples import Example
    from classifiers.train import TrainedModel, TrainSettings, Trial
    from monitor.actions.comparing import Compared

prepare = page.prepare


def on_trial(trial: Trial, train: Sequence[str], test: str, labels: str, folder: Path) -> Path:
    """Tell how a model of the ``train`` corpora does on ``test``; the page's path."""
    from classifiers.train import settings_for

    only_present = labels == "sections"
    points = page.learning_curve(
        trial.learnt,
        trial.test,
        settings_for(train),
        only_present=only_present,
        whole=trial.evaluation.accuracy,
    )
    count = len(trial.learnt)
    told = page.Report(
        made_at=utc_now(),
        learnt_from=(f"{', '.join(train)} ({count:,} examples)", f"{'、'.join(train)}（{count:,} 条样本）"),
        scored_on=(test, test),
        answers=trial.answers,
        evaluation=trial.evaluation,
        learning=points,
        language=language(),
    )
    return page.write(told, folder)


def language() -> Literal["en", "zh"]:
    """The language that a page opens in: that of the user's locale."""
    name, _ = locale.getlocale(locale.LC_CTYPE)
    return "zh" if (name or "").lower().startswith(("zh", "chinese")) else "en"
