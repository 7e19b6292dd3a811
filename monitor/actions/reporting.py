"""The page that ``evaluate --report`` and ``retrain --report`` write."""

from __future__ import annotations

import locale
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from classifiers import report as page
from classifiers.evaluate import Answers, answers
from classifiers.train import TrainSettings, Trial, first_fold
from monitor.config import Settings
from monitor.service import utc_now

if TYPE_CHECKING:
    from monitor.actions.comparing import Compared
    from monitor.actions.retraining import Material, Retrained

prepare = page.prepare
PAGE = page.PAGE


def on_trial(
    trial: Trial, settings: Settings, train: Sequence[str], test: str, folder: Path
) -> Path:
    """Tell how a model of the ``train`` corpora does on ``test``; the page's path."""
    points = page.learning_curve(
        trial.learnt,
        trial.test,
        TrainSettings(**trial.trained.manifest.settings),
        only_present=trial.only_present,
        whole=trial.evaluation.accuracy,
    )
    told = page.Report(
        made_at=utc_now(),
        learnt_from=_examples(train, len(trial.learnt)),
        scored_on=(test, test),
        answers=trial.answers,
        evaluation=trial.evaluation,
        learning=points,
        sections=settings.classifier.sections,
        language=language(),
    )
    return page.write(told, folder)


def on_retraining(result: Retrained, settings: Settings, folder: Path) -> Path | None:
    """Tell what a new model does better and worse than the live one; the page's path.

    None where nothing was learnt, or there were no titles to compare the two on.
    """
    material, compared = result.material, result.compared
    if material is None or compared.answers is None:
        return None
    before, after = compared.answers
    origins = [str(each["origin"]) for each in material.trained.manifest.corpora]
    learnt = len(material.own) + len(material.rest) + len(material.corrected)
    told = page.Report(
        made_at=utc_now(),
        learnt_from=_examples(origins, learnt),
        scored_on=_SCORED_ON[compared.compared_on],
        answers=after,
        evaluation=after.measured(),
        learning=_learning(material, compared),
        compared=page.Compared(
            live=result.live_release,
            new=result.release,
            before=before,
            evaluation=before.measured(),
            promoted=result.promoted,
            refusal=compared.refusal,
            corrections=_corrections(material),
        ),
        sections=settings.classifier.sections,
        language=language(),
    )
    return page.write(told, folder)


_SCORED_ON = {
    "held-out": ("titles that neither model has learnt", "两个模型都没有学过的标题"),
    "own-titles": (
        "the program's own titles, without and with what was added, none learnt by who answers",
        "程序自带的标题，对比加入新样本之前与之后；每条都由没有学过它的模型回答",
    ),
}


def _examples(names: Sequence[str], count: int) -> tuple[str, str]:
    """What was learnt from, in English and Chinese."""
    return f"{', '.join(names)}: {count:,} examples", f"{'、'.join(names)}：{count:,} 条样本"


def _corrections(material: Material) -> tuple[Answers, Answers] | None:
    if not material.corrected:
        return None
    return (
        answers(material.live, material.corrected),
        answers(material.trained.scorer, material.corrected),
    )


def _learning(material: Material, compared: Compared) -> list[page.Learnt]:
    """On what was held out; else on a part of the program's own titles, and not that part."""
    trained = material.trained
    chosen = TrainSettings(**trained.manifest.settings)
    own, more = material.own, [*material.rest, *material.corrected]
    if compared.compared_on == "held-out":
        whole = compared.after["accuracy"]
        return page.learning_curve([*own, *more], material.held, chosen, whole=whole)
    rest, held = first_fold(own, chosen.folds)
    return page.learning_curve([*rest, *more], held, chosen)


def language() -> Literal["en", "zh"]:
    """The language that a page opens in: that of the user's locale, which the machine need not
    have installed."""
    name, _ = locale.getlocale(locale.LC_CTYPE)
    wanted = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    return "zh" if _is_chinese(name or "") or _is_chinese(wanted) else "en"


def _is_chinese(name: str) -> bool:
    return name.lower().startswith(("zh", "chinese"))
