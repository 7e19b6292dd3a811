"""A report: whole in itself, well-formed, and telling the figures that were measured."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from classifiers import paired
from classifiers.errors import ReportError
from classifiers.evaluate import Answers, evaluate, examine
from classifiers.examples import Example
from classifiers.report import Compared, Report, facts, learning_curve, prepare, write
from classifiers.train import TrainedModel, TrainSettings
from tests.classifiers.conftest import make_examples

XHTML = "{http://www.w3.org/1999/xhtml}"
HOSTILE = [
    "<script>alert(1)</script>",
    "\"onerror=x' & </style></title>",
    "{{ 7 * 7 }} {% raw %}",
    "$\\frac{1}{2}$ \x00\x1b[31m\u202egnp.exe\ud800",
    "https://evil.example/x.png",
]
PNG = b"\x89PNG\r\n\x1a\n"


def answers_of(rows: list[tuple[str, str, str, float]]) -> Answers:
    """From rows of title, label, answer, probability."""
    titles, labels, said, surest = zip(*rows, strict=True)
    names = tuple(sorted(set(said)))
    best = np.asarray([names.index(name) for name in said], dtype=np.intp)
    return Answers(titles, labels, names, best, np.asarray(surest, dtype=np.float32))


def told(trained: TrainedModel, examples: list[Example]) -> Report:
    answers, evaluation = examine(trained.scorer, examples)
    return Report(
        made_at=datetime(2026, 5, 4, 3, 2, tzinfo=UTC),
        learnt_from=("300 made examples", "300 条样本"),
        scored_on=("made", "自造"),
        answers=answers,
        evaluation=evaluation,
        learning=learning_curve(make_examples(200), examples, small_settings(), whole=0.75),
    )


def small_settings() -> TrainSettings:
    return TrainSettings(buckets=1 << 12)


def compared(report: Report, other: TrainedModel, examples: list[Example]) -> Report:
    before, evaluation = examine(other.scorer, examples)
    found = Compared("old", "new", before, evaluation, False, HOSTILE[0], (before, report.answers))
    return replace(report, compared=found)


def parsed(path: Path) -> ET.Element:
    return ET.fromstring(path.read_text("utf-8"))


def text_of(path: Path) -> str:
    return " ".join("".join(parsed(path).itertext()).split())


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    hostile = [Example(title, "food") for title in HOSTILE]
    return [*make_examples(150, seed=7, noise=0.4), *hostile]


@pytest.fixture(scope="module")
def page(
    trained: TrainedModel,
    other_trained: TrainedModel,
    examples: list[Example],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("report") / "deep" / "folder"
    return write(compared(told(trained, examples), other_trained, examples), folder)


def test_the_page_stands_alone(page: Path) -> None:
    for element in parsed(page).iter():
        for name, value in element.attrib.items():
            assert name not in {"href", "action", "background"} and not name.startswith("on")
            if name in {"src", "srcset"}:
                assert value.startswith("data:image/png;base64,")
    written = page.read_text("utf-8")
    assert "url(" not in written
    assert "@import" not in written
    assert "<script" not in written
    assert "default-src 'none'" in written


def test_every_picture_is_in_the_page_and_beside_it_for_light_and_dark(page: Path) -> None:
    root = parsed(page)
    inside = [each.get("src", "") for each in root.iter(f"{XHTML}img")]
    inside += [each.get("srcset", "") for each in root.iter(f"{XHTML}source")]
    embedded = {base64.b64decode(address.partition(",")[2]) for address in inside}
    beside = {path.name: path.read_bytes() for path in page.parent.glob("*.png")}
    names = {"changes", "confusion", "coverage", "learning", "reliability", "sections"}
    assert set(beside) == {f"{name}{dark}.png" for name in names for dark in ("", "-dark")}
    assert embedded == set(beside.values())
    assert all(content.startswith(PNG) for content in embedded)
    for source in root.iter(f"{XHTML}source"):
        assert source.get("media") == "(prefers-color-scheme: dark)"


def test_hostile_titles_are_text(page: Path) -> None:
    shown = text_of(page)
    for title in HOSTILE[:3]:
        assert " ".join(title.split()) in shown
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    assert "49" not in re.findall(r"\{\{[^}]*\}\}|\b49\b", shown)


def test_it_tells_the_figures_that_were_measured(
    page: Path, trained: TrainedModel, examples: list[Example]
) -> None:
    shown = text_of(page)
    found = evaluate(trained.scorer, examples).as_json()
    for name in ("accuracy", "macro_f1", "ece"):
        assert f"{100 * found[name]:.1f} %" in shown
    for share, right in found["coverage"].items():
        assert f"Of the surest {float(share):.0%}".replace("%", " %") in shown
        assert f"{100 * right:.1f} % are right" in shown
    rows = [
        [" ".join("".join(cell.itertext()).split()) for cell in row]
        for table in parsed(page).iter(f"{XHTML}table")
        for row in table.iter(f"{XHTML}tr")
    ]
    for section, score in found["per_section"].items():
        expected = [f"{100 * score[key]:.1f} %" for key in ("precision", "recall", "f1")]
        assert any(
            section in row[0].lower() and row[1:] == [*expected, f"{score['count']:,}"]
            for row in rows
        ), section


def test_both_languages_are_there_and_one_is_chosen(page: Path) -> None:
    root = parsed(page)
    chosen = [each for each in root.iter(f"{XHTML}input") if each.get("checked")]
    assert [each.get("id") for each in chosen] == ["en"]
    for language, words in (("zh-Hans", "混淆"), ("en", "confusions")):
        found = [each for each in root.iter(f"{XHTML}span") if each.get("lang") == language]
        assert any(words in (each.text or "") for each in found)


def test_an_evaluation_alone_has_no_old_model(trained: TrainedModel, tmp_path: Path) -> None:
    path = write(told(trained, make_examples(60, seed=3)), tmp_path)
    shown = text_of(path)
    assert "Old against new" not in shown
    assert "Nothing was answered wrong" in shown
    assert not (tmp_path / "changes.png").exists()
    write(told(trained, make_examples(60, seed=3)), tmp_path)
    assert not list(tmp_path.glob(".report-*"))


def test_labels_that_pictures_cannot_write_are_numbers(
    trained: TrainedModel, tmp_path: Path
) -> None:
    from classifiers.report import charts

    names = charts.written(["财经", "sports", "$x$", facts.OTHERS], {"财经": 1, "$x$": 3})
    assert names == ["no. 1", "sports", "no. 3", facts.OTHERS]
    odd = [replace(each, label="财 <经>") for each in make_examples(40, seed=3)]
    assert "财 <经>" in text_of(write(told(trained, odd), tmp_path))


def test_hundreds_of_labels_are_still_a_page(tmp_path: Path) -> None:
    rows = [(f"t{at}", f"label{at % 200}", f"label{at % 190}", 0.5) for at in range(600)]
    many = answers_of(rows)
    found = facts.matrix(many)
    assert len(found.rows) == len(found.columns) == facts.MOST_SECTIONS
    assert found.rows[-1] == found.columns[-1] == facts.OTHERS
    assert found.counts.sum() == 600
    report = Report(
        datetime(2026, 1, 1, tzinfo=UTC), ("a", "a"), ("b", "b"), many, many.measured(), []
    )
    assert "label199" in text_of(write(report, tmp_path))


def test_the_matrix_counts_by_hand() -> None:
    found = facts.matrix(
        answers_of([("a", "x", "x", 0.9), ("b", "x", "y", 0.8), ("c", "z", "y", 0.7)])
    )
    assert (found.rows, found.columns) == (("x", "z"), ("x", "y"))
    assert found.counts.tolist() == [[1, 1], [0, 1]]


def test_the_worst_pairs_come_first_with_their_surest_titles() -> None:
    rows = [(f"t{at}", "x", "y", 0.5 + at / 100) for at in range(8)]
    rows += [("t7", "x", "y", 0.57), ("u", "y", "x", 0.99), ("v", "y", "y", 0.99)]
    first, second = facts.worst_pairs(answers_of(rows))
    assert (first.section, first.answered, first.count) == ("x", "y", 9)
    assert [each.title for each in first.mistakes] == ["t7", "t6", "t5", "t4", "t3"]
    assert (second.section, second.count) == ("y", 1)


def test_titles_that_moved_are_told_apart() -> None:
    before = answers_of([("a", "x", "y", 0.9), ("b", "x", "x", 0.9), ("c", "x", "y", 0.9)])
    after = answers_of([("a", "x", "x", 0.9), ("b", "x", "y", 0.9), ("c", "x", "y", 0.9)])
    fixed, broken = facts.moved(before, after)
    assert [each.title for each in fixed] == ["a"]
    assert [each.title for each in broken] == ["b"]
    with pytest.raises(ValueError, match="different titles"):
        facts.moved(before, answers_of([("a", "x", "x", 0.9)]))


def test_the_coverage_curve_passes_through_the_printed_figures() -> None:
    random_ = np.random.default_rng(1)
    rows = [
        (f"t{at}", "x" if random_.random() < 0.8 else "y", "x", float(random_.random()))
        for at in range(400)
    ]
    answers = answers_of(rows)
    answered, right = facts.coverage_curve(answers)
    curve = {round(share, 4): kept for share, kept in zip(answered, right, strict=True)}
    for share, kept in answers.measured().coverage.items():
        assert curve[float(share)] == pytest.approx(kept)
    assert right[-1] == pytest.approx(answers.measured().accuracy)


def test_the_learning_curve_rises_and_ends_with_all(small: TrainSettings) -> None:
    learnt, held = make_examples(800, noise=0.2), make_examples(200, seed=8)
    points = learning_curve(learnt, held, small)
    assert points[-1].titles == 800
    assert [each.titles for each in points] == sorted(each.titles for each in points)
    assert 20 < points[0].titles < 90
    assert points[0].accuracy < points[-1].accuracy
    given = learning_curve(learnt, held, small, whole=0.5)
    assert given[:-1] == points[:-1]
    assert (given[-1].titles, given[-1].accuracy) == (800, 0.5)


def test_the_interval_of_a_change_keeps_its_promise() -> None:
    """Of many samples, about 95 % of the intervals hold the true change."""
    random_ = np.random.default_rng(2)
    for titles, up, down in ((40, 0.1, 0.05), (300, 0.02, 0.06), (1000, 0.1, 0.1)):
        held = 0
        for fixed, broken, _ in random_.multinomial(titles, [up, down, 1 - up - down], 1000):
            found = paired.change(titles, int(fixed), int(broken))
            assert found.low <= found.delta <= found.high
            held += found.low <= up - down <= found.high
        assert 0.93 < held / 1000 <= 1.0
    assert paired.change(100, 30, 0).low > 0
    assert paired.change(3, 0, 0).low < 0 < paired.change(3, 0, 0).high


def test_a_place_that_cannot_be_written_is_named_before_the_work(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder in (file, file / "below"):
        with pytest.raises(ReportError, match=re.escape(str(folder))):
            prepare(folder)
