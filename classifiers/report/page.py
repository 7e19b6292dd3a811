"""The page of a report: what its template shows, and in which words."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from classifiers import paired
from classifiers.errors import CorpusError
from classifiers.evaluate import Answers, Bins, Evaluation, reliability
from classifiers.report import Report, charts, facts
from classifiers.report.charts import DARK, LIGHT, Draw
from classifiers.taxonomy import read_taxonomy

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Section:
    """A section by its place in the table, its id and its names."""

    number: int
    id: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure of the whole; ``change`` is what it gained, as it is printed."""

    en: str
    zh: str
    value: str
    change: str = ""
    better: bool | None = None


def pictures(report: Report) -> dict[str, bytes]:
    """File name -> PNG; each picture once for a light page and once for a dark one."""
    made = {}
    for name, draw in _drawings(report).items():
        made[f"{name}.png"] = charts.png(draw, LIGHT)
        made[f"{name}-dark.png"] = charts.png(draw, DARK)
    return made


def _drawings(report: Report) -> dict[str, Draw]:
    answers, compared = report.answers, report.compared
    before = compared.before if compared else None
    numbers = {name: each.number for name, each in known_sections(report).items()}

    def written(names: Sequence[str]) -> list[str]:
        return charts.written(names, numbers)

    found = facts.matrix(answers)
    scores = report.evaluation.per_section
    largest = _largest(answers)
    drawn = {
        "confusion": charts.confusion(found, written(found.rows), written(found.columns)),
        "sections": charts.sections([scores[name] for name in largest], written(largest)),
        "reliability": charts.reliability(_bins(answers), _bins(before) if before else None),
        "coverage": charts.coverage(answers, before),
    }
    if report.learning:
        drawn["learning"] = charts.learning(report.learning)
    if compared:
        gained = paired.per_section(compared.before, answers)
        drawn["changes"] = charts.changes([gained[name] for name in largest], written(largest))
    return drawn


def _bins(answers: Answers) -> Bins:
    return reliability(answers.surest, np.asarray(facts.correct(answers)))


def _largest(answers: Answers) -> list[str]:
    """The sections to draw, in the table's order: of very many, those with most titles."""
    sizes = Counter(answers.labels)
    ranked = sorted(sizes, key=lambda name: (-sizes[name], name))[: facts.MOST_SECTIONS]
    return [name for name in answers.measured().per_section if name in set(ranked)]


def known_sections(report: Report) -> dict[str, Section]:
    """Every section that the report names, numbered as in its table."""
    names = dict.fromkeys(report.evaluation.per_section)
    pairs = [report.answers]
    if report.compared:
        pairs += [report.compared.before, *(report.compared.corrections or ())]
    for answers in pairs:
        names.update(dict.fromkeys([*answers.names, *answers.labels]))
    titles = section_titles(report.sections)
    return {
        name: Section(number, name, *titles.get(name, (name, name)))
        for number, name in enumerate(names, start=1)
    }


def section_titles(path: Path | None = None) -> dict[str, tuple[str, str]]:
    """The names of sections, in English and Chinese; a page can do without."""
    try:
        return {each.id: (each.en, each.zh) for each in read_taxonomy(path).sections}
    except CorpusError:
        return {}


@dataclass(frozen=True, slots=True)
class Image:
    """A picture inside the page: a ``data:`` address, and how wide to show it."""

    address: str
    width: int

    @classmethod
    def of(cls, png: bytes) -> Self:
        encoded = base64.b64encode(png).decode()
        return cls(f"data:image/png;base64,{encoded}", charts.css_width(png))


def render(report: Report, pictures: Mapping[str, bytes]) -> str:
    """The page as HTML that is well-formed XML as well."""
    answers, compared = report.answers, report.compared
    return TEMPLATES.get_template("page.html").render(
        report=report,
        compared=compared,
        images={name: Image.of(png) for name, png in pictures.items()},
        sections=known_sections(report),
        tiles=tiles(report.evaluation, compared.evaluation if compared else None),
        matrix=facts.matrix(answers),
        others=facts.OTHERS,
        pairs=facts.worst_pairs(answers),
        wrong=sum(not right for right in facts.correct(answers)),
        moved=facts.moved(compared.before, answers) if compared else ([], []),
        most_moved=facts.MOST_MOVED,
        most_corrections=facts.MOST_CORRECTIONS,
        gained=paired.per_section(compared.before, answers) if compared else {},
        overall=paired.overall(compared.before, answers) if compared else None,
        corrections=_corrections(report),
        printable=facts.printable,
        percent=percent,
        whole=whole,
        signed=signed,
    )


def _corrections(report: Report) -> list[facts.Moved]:
    """Every correction, those that were broken or are still wrong first."""
    if report.compared is None or report.compared.corrections is None:
        return []
    found = facts.both(*report.compared.corrections)
    return sorted(found, key=_least_learnt)


def _least_learnt(each: facts.Moved) -> tuple[bool, bool, str]:
    return (each.after == each.section, each.before == each.section, each.title)


def tiles(now: Evaluation, before: Evaluation | None) -> list[Tile]:
    """The figures of the whole that are printed largest."""
    rows: list[tuple[str, str, Callable[[Evaluation], float], bool]] = [
        ("Accuracy", "准确率", lambda each: each.accuracy, True),
        ("Macro F1", "宏平均 F1", lambda each: each.macro_f1, True),
        ("Calibration error", "校准误差", lambda each: each.ece, False),
    ]
    found = []
    for en, zh, read, more_is_better in rows:
        if before is None:
            found.append(Tile(en, zh, percent(read(now))))
            continue
        gained = read(now) - read(before)
        better = None if round(gained, 3) == 0 else (gained > 0) == more_is_better
        found.append(Tile(en, zh, percent(read(now)), signed(gained), better))
    return [*found, Tile("Titles", "标题数", f"{now.titles:,}")]


def percent(share: float) -> str:
    """``0.9091`` as ``90.9 %``."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def whole(share: float) -> str:
    """``0.8`` as ``80 %``."""
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def signed(share: float) -> str:
    """A change in percentage points, with a true minus."""
    points = round(100 * share, 1)
    return f"{points:+.1f}".replace("-", "\N{MINUS SIGN}") if points else "0.0"
