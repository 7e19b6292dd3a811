"""The pictures of a report, as PNG. The only room that loads matplotlib.

Their letters come with matplotlib, whatever fonts a machine has. Those lack Chinese, so a
section is written by its id where that is plain ASCII and else by its number, which the
page's table of sections explains.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classifiers.evaluate import Answers, Bins, SectionScore
from classifiers.paired import Change
from classifiers.report.facts import OTHERS, Matrix, coverage_curve
from classifiers.report.learning import Learnt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,14}")
_DPI = 160
_WIDTH = 4.8  # inches; shown 460 px wide, or as wide as a telephone
_FAINT = 0.005  # a share of a section that is written in no cell


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours on a ground that shows through. ``good`` and ``bad`` are for right and wrong
    answers; ``over`` is written on either."""

    name: str
    ink: str
    muted: str
    grid: str
    good: str
    bad: str
    before: str
    over: str


LIGHT = Theme("light", "#1f2328", "#59636e", "#d8dee4", "#1f6feb", "#bc4c00", "#818b98", "#ffffff")
DARK = Theme("dark", "#f0f3f6", "#a5afbb", "#3d444d", "#6cb6ff", "#f69d50", "#8b949e", "#0d1117")
Cells = NDArray[Any]
Draw = Callable[[Theme], "Figure"]


def css_width(picture: bytes) -> int:
    """How wide to show a picture, in CSS pixels: an inch as 96, whatever its own pixels."""
    return int.from_bytes(picture[16:20]) * 96 // _DPI


def png(draw: Draw, theme: Theme) -> bytes:
    """A picture on a ground that shows through; the same bytes each time on a machine."""
    import matplotlib as mpl

    settings: Any = {
        "font.family": "DejaVu Sans", "font.size": 9, "text.parse_math": False,
        "text.color": theme.ink, "axes.labelcolor": theme.muted, "axes.edgecolor": theme.grid,
        "xtick.color": theme.muted, "ytick.color": theme.muted, "grid.color": theme.grid,
        "xtick.labelcolor": theme.ink, "ytick.labelcolor": theme.ink,
        "axes.spines.top": False, "axes.spines.right": False, "axes.facecolor": "none",
        "legend.frameon": False,
    }  # fmt: skip
    out = io.BytesIO()
    with mpl.rc_context(settings):
        draw(theme).savefig(
            out, format="png", dpi=_DPI, transparent=True, metadata={"Software": None}
        )
    return out.getvalue()


def written(names: Sequence[str], numbers: Mapping[str, int]) -> list[str]:
    """How the pictures name sections: by id, or as ``no. 3``."""
    return [
        name if _PLAIN.fullmatch(name) else OTHERS if name == OTHERS else f"no. {numbers[name]}"
        for name in names
    ]


def _axes(height: float, width: float = _WIDTH) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _percent(axis: Any) -> None:
    """Shares as ``92.5%``, at most six of them."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{round(100 * share, 1):g}%"))


def confusion(found: Matrix, rows: Sequence[str], columns: Sequence[str]) -> Draw:
    """Each row is a section's own titles; a cell, which share was answered so."""
    shares = found.counts / np.maximum(found.counts.sum(axis=1, keepdims=True), 1)
    right = np.equal.outer(np.asarray(found.rows), np.asarray(found.columns))
    strength = np.where(right, 0.9 * shares, np.minimum(0.9, 2.5 * shares))  # mistakes are rare

    def draw(theme: Theme) -> Figure:
        figure, axes = _axes(1.6 + 0.38 * len(rows), 1.9 + 0.38 * len(columns))
        image = _colours(strength, right, theme)
        axes.imshow(image, aspect="equal", interpolation="nearest")
        axes.set_xticks(range(len(columns)), columns, rotation=90)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
        axes.tick_params(which="both", length=0)
        axes.spines[:].set_visible(False)
        axes.grid(which="minor", linewidth=0.6)
        axes.set_xlabel("answered")
        axes.set_ylabel("in truth")
        for row, column in zip(*np.nonzero(shares >= _FAINT), strict=True):
            colour = theme.over if strength[row, column] > 0.55 else theme.ink
            label = f"{100 * shares[row, column]:.0f}"
            axes.text(column, row, label, ha="center", va="center", color=colour, fontsize=8)
        return figure

    return draw


def _colours(strength: Cells, right: Cells, theme: Theme) -> Cells:
    """Red, green, blue and how opaque, for each cell."""
    from matplotlib.colors import to_rgb

    colour = np.where(right[..., None], to_rgb(theme.good), to_rgb(theme.bad))
    return np.concatenate([colour, strength[..., None]], axis=2)


def sections(scores: Sequence[SectionScore], names: Sequence[str]) -> Draw:
    """Precision and recall of each section, which has its number of titles beside it."""

    def draw(theme: Theme) -> Figure:
        figure, axes = _axes(1.1 + 0.27 * len(names))
        places = np.arange(len(names))
        precision = [each.precision for each in scores]
        recall = [each.recall for each in scores]
        axes.hlines(places, precision, recall, color=theme.before, linewidth=2, zorder=1)
        axes.scatter(precision, places, s=34, color=theme.good, label="precision", zorder=2)
        axes.scatter(recall, places, s=34, color=theme.bad, marker="D", label="recall", zorder=2)
        labels = [f"{name} ({each.count:,})" for name, each in zip(names, scores, strict=True)]
        axes.set_yticks(places, labels)
        axes.set_ylim(len(names) - 0.4, -0.6)
        _share_axis(axes, [*precision, *recall])
        axes.grid(axis="both", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
        return figure

    return draw


def _share_axis(axes: Axes, values: Sequence[float]) -> None:
    """From a round number below the least of the values to 100 %."""
    least = max(0.0, np.floor(min(values, default=0.0) * 10 - 0.5) / 10)
    axes.set_xlim(least - 0.02 * (1 - least), 1 + 0.02 * (1 - least))
    _percent(axes.xaxis)


def reliability(after: Bins, before: Bins | None = None) -> Draw:
    """How often answers of a probability are right; below, how many answers have it."""

    def draw(theme: Theme) -> Figure:
        from matplotlib.figure import Figure
        from matplotlib.ticker import StrMethodFormatter

        figure = Figure(figsize=(_WIDTH, 4.4), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1])
        upper.plot([0, 1], [0, 1], color=theme.muted, linewidth=1, linestyle=(0, (4, 3)))
        if before is not None:
            upper.plot(before.confidence, before.right, color=theme.before, marker="s",
                       markersize=4, label="before")  # fmt: skip
        upper.plot(after.confidence, after.right, color=theme.good, marker="o", markersize=5,
                   label="now" if before is not None else "answers")  # fmt: skip
        upper.set_ylim(-0.02, 1.02)
        upper.set_ylabel("right")
        if before is not None:
            upper.legend(loc="upper left")
        lower.bar(after.confidence, after.count, width=0.05, color=theme.good)
        lower.set_ylabel("answers")
        lower.set_xlabel("probability that the model gives")
        lower.set_xlim(-0.02, 1.02)
        for axes in (upper, lower):
            axes.grid(linewidth=0.6)
            axes.set_axisbelow(True)
        _percent(upper.yaxis)
        _percent(lower.xaxis)
        lower.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        return figure

    return draw


def coverage(after: Answers, before: Answers | None = None) -> Draw:
    """Which share is right when only the surest are answered."""

    def draw(theme: Theme) -> Figure:
        figure, axes = _axes(3.4)
        if before is not None:
            axes.plot(*coverage_curve(before), color=theme.before, linewidth=2, label="before")
        answered, right = coverage_curve(after)
        label = "now" if before is not None else "answers"
        axes.plot(answered, right, color=theme.good, linewidth=2, label=label)
        for share, kept in after.measured().coverage.items():
            axes.plot(float(share), kept, marker="o", color=theme.good)
        axes.set_xlabel("share answered, the surest first")
        axes.set_ylabel("right")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(top=1.01)
        _percent(axes.xaxis)
        _percent(axes.yaxis)
        axes.grid(linewidth=0.6)
        axes.set_axisbelow(True)
        if before is not None:
            axes.legend(loc="lower left")
        return figure

    return draw


def changes(found: Sequence[Change], names: Sequence[str]) -> Draw:
    """What a section gained or lost, with its 95 % interval."""

    def draw(theme: Theme) -> Figure:
        figure, axes = _axes(1.0 + 0.27 * len(names))
        places = np.arange(len(names))
        deltas = [each.delta for each in found]
        colours = [_change_colour(each, theme) for each in found]
        axes.axvline(0, color=theme.muted, linewidth=1)
        lows, highs = [each.low for each in found], [each.high for each in found]
        axes.hlines(places, lows, highs, colors=colours, linewidth=2)
        axes.scatter(deltas, places, s=34, c=colours, zorder=3)
        labels = [f"{name} ({each.titles:,})" for name, each in zip(names, found, strict=True)]
        axes.set_yticks(places, labels)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel("change of recall, with its 95 % interval")
        _percent(axes.xaxis)
        axes.grid(linewidth=0.6)
        axes.set_axisbelow(True)
        return figure

    return draw


def _change_colour(change: Change, theme: Theme) -> str:
    if change.low > 0:
        return theme.good
    return theme.bad if change.high < 0 else theme.before


def learning(points: Sequence[Learnt]) -> Draw:
    """How the share right grows with what is learnt."""

    def draw(theme: Theme) -> Figure:
        figure, axes = _axes(3.2)
        titles = [each.titles for each in points]
        right = [each.accuracy for each in points]
        axes.plot(titles, right, color=theme.good, linewidth=2, marker="o")
        axes.set_xscale("log")
        axes.set_xticks(titles, [f"{each:,}" for each in titles], rotation=25)
        axes.minorticks_off()
        axes.set_xlabel("titles and terms learnt")
        axes.set_ylabel("right")
        span = max(max(right) - min(right), 0.04)
        axes.set_ylim(max(0.0, min(right) - span / 3), min(1.0, max(right) + span / 3))
        _percent(axes.yaxis)
        axes.grid(linewidth=0.6)
        axes.set_axisbelow(True)
        return figure

    return draw
