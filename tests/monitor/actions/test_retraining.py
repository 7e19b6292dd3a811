"""Retraining: what is learnt, what it is compared on, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from classifiers.errors import CorpusError
from classifiers.registry import Registry
from classifiers.release import read_manifest
from classifiers.segment import use_words
from monitor.actions import retraining
from monitor.actions.comparing import Corrected
from monitor.actions.models import promote, releases
from monitor.actions.opening import sections_of
from monitor.actions.retraining import HELD_OUT, retrain
from monitor.config import Classifier as Sections
from monitor.config import Settings, Text
from monitor.model import Classifier, open_classifier
from tests.monitor.actions.conftest import Say, swapped, titles, write_corpus

ABSURD = [("央行今日降息", "sports"), ("球队夺冠", "food"), ("红烧火锅", "finance")]


def live(settings: Settings) -> str:
    return Classifier(settings.data / "models").scorer.release


def answers(settings: Settings, rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    found = Classifier(settings.data / "models")([title for title, _ in rows])
    return [(title, each.section) for (title, _), each in zip(rows, found, strict=True)]


def test_corrections_are_learnt_however_absurd(lite: Settings, base: str, say: Say) -> None:
    assert answers(lite, ABSURD) != ABSURD
    before = live(lite)
    say(lite, ABSURD)
    found = retrain(lite, [], base=base)
    assert found.corrected == Corrected(3, 3, 3, 0)
    assert (found.promoted, found.nothing_new, found.live_release) == (True, False, before)
    assert found.compared.compared_on == "own-titles"
    assert live(lite) == found.release
    assert answers(lite, ABSURD) == ABSURD


def test_the_same_again_is_nothing_new(lite: Settings, base: str, say: Say) -> None:
    same = retrain(lite, [], base=base)
    assert (same.nothing_new, same.promoted, same.release) == (True, False, live(lite))
    say(lite, ABSURD)
    retrain(lite, [], base=base)
    again = retrain(lite, [], base=base, force=True)
    assert (again.nothing_new, again.promoted) == (True, False)


def test_the_share_that_shall_be_right_is_what_retraining_aims_at(
    lite: Settings, base: str
) -> None:
    strict = replace(lite, classifier=replace(lite.classifier, answered_right=0.6))
    found = retrain(strict, [], base=base)
    assert (found.nothing_new, found.promoted) == (False, True)
    folder = lite.data / "models" / found.release
    assert read_manifest(folder).settings["precision"] == 0.6


def test_a_persons_word_outweighs_copies_elsewhere(
    lite: Settings, base: str, say: Say, tmp_path: Path
) -> None:
    copies = [(f"央行 今日，降息{'！' * number}", "finance") for number in range(50)]
    say(lite, [("央行今日降息", "food"), ("央行今日降息", "sports")])  # the later word counts
    retrain(lite, [write_corpus(tmp_path / "c" / "copies.jsonl", copies)], base=base)
    assert answers(lite, [("央行今日降息", "")]) == [("央行今日降息", "sports")]


def test_a_dry_run_keeps_nothing(lite: Settings, base: str, say: Say) -> None:
    before = [each.id for each in releases(lite)]
    say(lite, ABSURD)
    found = retrain(lite, [], base=base, dry_run=True, force=True)
    assert not found.promoted
    assert [each.id for each in releases(lite)] == before


def test_a_corpus_is_compared_on_titles_that_are_never_learnt(
    lite: Settings, base: str, tmp_path: Path
) -> None:
    rows = titles(600, seed=7)
    found = retrain(lite, [write_corpus(tmp_path / "good" / "x.jsonl", rows)], base=base)
    assert found.promoted
    assert found.compared.compared_on == "held-out"
    assert 0.5 * HELD_OUT * 600 < found.compared.held_out < 1.5 * HELD_OUT * 600
    assert found.compared.before["titles"] == found.compared.held_out
    manifest = next(each.manifest for each in releases(lite) if each.id == found.release)
    assert manifest
    learnt = {each["origin"]: each["titles"] for each in manifest.corpora}
    assert learnt["good/x.jsonl"] == 600 - found.compared.held_out


def test_a_worse_model_is_refused_and_force_overrules(
    lite: Settings, base: str, tmp_path: Path
) -> None:
    before = live(lite)
    bad = write_corpus(tmp_path / "bad" / "x.jsonl", swapped(titles(1_500, seed=8)))
    refused = retrain(lite, [bad], base=base)
    assert not refused.promoted
    assert "titles that neither has learnt" in refused.compared.refusal
    assert live(lite) == before
    assert refused.compared.after["accuracy"] < refused.compared.before["accuracy"]
    forced = retrain(lite, [bad], base=base, force=True)
    assert forced.promoted
    assert forced.compared.refusal == refused.compared.refusal
    assert (refused.forced, forced.forced) == (False, True)
    note = Registry(lite.data / "models").notes()[-1]
    assert note["by"] == "retrain"
    assert note["forced"] is True
    assert note["refusal"] == refused.compared.refusal
    told = refused.as_json()
    assert told["change"]["delta"] < told["change"]["high"] < 0
    assert told["change"]["p_value"] < 0.01
    assert set(told["sections"]) == {"sports", "finance", "food"}
    assert sum(each["titles"] for each in told["sections"].values()) == told["held_out"]
    assert live(lite) == forced.release == refused.release


def test_forgetting_a_corpus_is_refused_by_name(
    lite: Settings, base: str, say: Say, tmp_path: Path
) -> None:
    retrain(lite, [write_corpus(tmp_path / "portal2026" / "x.jsonl", titles(90, 9))], base=base)
    say(lite, ABSURD)
    found = retrain(lite, [], base=base)
    assert not found.promoted
    assert "portal2026" in found.compared.refusal


def test_declared_sections_are_learnt_when_asked(lite: Settings, base: str, declare: Say) -> None:
    declare(lite, [(f"新词{number}号公告", "sports") for number in range(80)])
    assert retrain(lite, [], base=base).nothing_new
    found = retrain(lite, [], base=base, from_feeds=True)
    assert found.promoted
    assert answers(lite, [("新词公告", "")]) == [("新词公告", "sports")]


def test_corrections_are_read_from_both_databases(settings: Settings, base: str, say: Say) -> None:
    say(settings, ABSURD)
    found = retrain(settings, [], base=base, force=True)
    assert found.corrected.learnt == 3


def test_the_first_promotion_keeps_a_way_back(settings: Settings, base: str, say: Say) -> None:
    starter = live(settings)
    say(settings, ABSURD)
    retrain(settings, [], base=base, force=True)
    assert live(settings) != starter
    assert Registry(settings.data / "models").rollback() == starter
    assert live(settings) == starter
    assert promote(settings, "starter") == starter


@pytest.mark.parametrize("part", [0, 1])
def test_hostile_3_killed_at_any_file_operation_the_old_or_the_new_release_is_whole(
    lite: Settings, base: str, say: Say, tmp_path: Path, part: int
) -> None:
    """Every operation below the models' folder is a point to be killed at; 12 are tried."""
    say(lite, ABSURD)
    before = live(lite)
    after = retrain(lite, [], base=base, dry_run=True).release
    driver = [sys.executable, "-m", "tests.monitor.actions.killing", str(lite.data), lite.database]
    done = subprocess.run(
        [*driver, base, str(tmp_path / "copies"), "6", str(part)],
        cwd=Path(__file__).parents[3], capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    points = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(points) == 6
    for point in points:
        assert point["killed"], point
        assert point["problems"] == [], point
        assert point["release"] in {before, after}, point
    assert points[0]["release"] == before


OWN = """
[[section]]
id = "money"
zh = "钱"
en = "Money"
from = ["finance"]

[[section]]
id = "rest"
zh = "其他"
en = "Rest"
from = ["sports", "food"]
"""


def with_sections(settings: Settings, text: str = OWN) -> Settings:
    path = settings.data.parent / "sections.toml"
    path.write_text(text, encoding="utf-8")
    return replace(settings, classifier=Sections(sections=path))


def test_a_users_own_sections_are_learnt_and_old_ones_move(
    lite: Settings, base: str, say: Say, tmp_path: Path
) -> None:
    own = with_sections(lite)
    before = open_classifier(own)([title for title, _ in titles(20, 3)])
    assert {each.section for each in before} == {"money", "rest"}
    say(lite, [("央行今日降息", "rest"), ("球队夺冠", "finance"), ("红烧火锅", "tech")])
    found = retrain(own, [write_corpus(tmp_path / "c" / "x.jsonl", titles(600, 7))], base=base)
    assert found.promoted, found.compared.refusal
    assert found.compared.before["accuracy"] > 0.9  # its sections were moved for the comparison
    assert found.dropped == 1
    assert answers(lite, [("央行今日降息", ""), ("球队夺冠", "")]) == [
        ("央行今日降息", "rest"), ("球队夺冠", "money"),
    ]  # fmt: skip
    assert sections_of(own) == ("money", "rest")


def test_native_labels_become_the_sections(lite: Settings, base: str, tmp_path: Path) -> None:
    rows = [(title, f"频道{section}") for title, section in titles(600, 7)]
    spec = write_corpus(tmp_path / "c" / "x.jsonl", rows)
    found = retrain(lite, [spec], base=base, labels="native", force=True)
    assert found.promoted
    assert set(sections_of(lite)) == {"频道sports", "频道finance", "频道food"}
    own = with_sections(lite)
    with pytest.raises(CorpusError, match=r"x.jsonl:1: '频道\w+' is no section of"):
        retrain(own, [spec], base=base, labels="native")


def test_too_few_native_titles_are_refused(lite: Settings, base: str, tmp_path: Path) -> None:
    rows = [(title, f"频道{section}") for title, section in titles(60, 7)]
    found = retrain(
        lite, [write_corpus(tmp_path / "c" / "x.jsonl", rows)], base=base, labels="native"
    )
    assert not found.promoted
    assert "could be held out, 30 are needed" in found.compared.refusal


def test_a_correction_that_contradicts_many_is_learnt_with_more_weight(
    lite: Settings, base: str, say: Say, tmp_path: Path
) -> None:
    """What the live model has right, on a person's word, must not be lost."""
    say(lite, [("央行今日降息", "finance")])
    rows = [(f"央行今日降息{chr(0x4E00 + n)}", "food") for n in range(1_500)]
    found = retrain(lite, [write_corpus(tmp_path / "c" / "x.jsonl", rows)], base=base, force=True)
    assert (found.corrected.learnt, found.corrected.broken) == (1, 0)


def test_the_manifest_says_what_it_was_made_with(lite: Settings, base: str, say: Say) -> None:
    say(lite, ABSURD)
    number = retrain(lite, [], base=base).release
    manifest = next(each.manifest for each in releases(lite) if each.id == number)
    assert manifest
    assert set(manifest.provenance) == {"versions", "program", "learnt_until"}
    assert {"numpy", "scikit-learn", "python"} <= set(manifest.provenance["versions"])
    assert {each["origin"] for each in manifest.corpora} >= {"corrections"}
    assert all(len(each["sha256"]) == 64 and each["titles"] for each in manifest.corpora)


def test_a_users_words_make_a_model_that_looks_at_words(
    lite: Settings, base: str, say: Say, tmp_path: Path
) -> None:
    (tmp_path / "words.txt").write_text("雾霾侠\n", encoding="utf-8")
    own = replace(lite, text=Text(words=tmp_path / "words.txt"))
    say(lite, ABSURD)
    retrain(own, [], base=base, force=True)
    assert open_classifier(own).scorer.lexicon.settings.words
    found = open_classifier(own)([title for title, _ in ABSURD])
    assert [each.section for each in found] == [section for _, section in ABSURD]
    use_words(None)


def test_a_damaged_release_is_no_obstacle_to_a_new_one(lite: Settings, base: str, say: Say) -> None:
    good = live(lite)
    say(lite, ABSURD)
    damaged = retrain(lite, [], base=base).release
    (lite.data / "models" / damaged / "manifest.json").unlink()
    assert live(lite) == good
    found = retrain(lite, [], base=base)
    assert (found.live_release, found.promoted) == (good, True)
    assert live(lite) == found.release == damaged


def test_labels_that_contradict_everything_known_are_refused(
    lite: Settings, base: str, tmp_path: Path
) -> None:
    """Held-out titles of such a corpus are labelled as wrongly, so they are no judge."""
    wrong = {"sports": "finance", "finance": "food", "food": "sports"}
    rows = [(title, wrong[section]) for title, section in titles(1_500, seed=9)]
    found = retrain(lite, [write_corpus(tmp_path / "wrong" / "x.jsonl", rows)], base=base)
    assert found.compared.after["accuracy"] > found.compared.before["accuracy"]
    assert "look at its labels" in found.compared.refusal
    assert not found.promoted


def test_what_was_promoted_meanwhile_is_not_overruled(
    lite: Settings, base: str, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by schedule is under way while a person retrains with a corpus."""
    say(lite, titles(20, 9))
    spec = write_corpus(tmp_path / "corpus.jsonl", titles(600, 5))
    by_hand = meanwhile(monkeypatch, lambda: retrain(lite, [spec], base=base).release)
    found = retrain(lite, [], base=base)
    assert by_hand == [live(lite)]
    assert not found.promoted
    assert "promoted meanwhile" in found.compared.refusal


def test_a_roll_back_during_a_retraining_stands(
    lite: Settings, base: str, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(lite, titles(20, 9))
    first = live(lite)
    assert retrain(lite, [], base=base).promoted
    say(lite, titles(20, 10))
    meanwhile(monkeypatch, lambda: Registry(lite.data / "models").rollback())
    retrain(lite, [], base=base)
    assert live(lite) == first


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> list[object]:
    """Let something be done once, when the next training has just ended; what it returned."""
    train, done = retraining._train, []

    def slow(*given: Any) -> Any:
        trained = train(*given)
        monkeypatch.setattr(retraining, "_train", train)
        done.append(act())
        return trained

    monkeypatch.setattr(retraining, "_train", slow)
    return done
