"""The labelled topics, and the pairs that are learnt from them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.benchmarks.story_topics import ALIKE, CONTRARY, OTHERS, chosen, files, pairs, topics


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_each_topic_tells_one_news_often_and_others(path: Path) -> None:
    found = topics(path)
    assert len(found) >= 40
    for topic in found:
        letters = [letter for letter, _ in topic]
        assert letters.count("A") >= 4
        assert len(set(letters)) >= 4
        assert len({title for _, title in topic}) == len(topic)


def test_pairs_of_one_letter_are_the_same_news(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text("# one\nA a\nA b\nB c\n\n# other\nA d\nB e f\n", "utf-8")
    found = topics(path)
    told = [[(each["a"], each["b"], each["same"]) for each in pairs(topic)] for topic in found]
    assert told == [
        [("a", "b", True), ("a", "c", False), ("b", "c", False)],
        [("d", "e f", False)],
    ]


@pytest.mark.parametrize("line", ["a small", "A", "AB two letters", "headline"])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "some.txt"
    path.write_text(f"# one\nA a\n{line}\n", "utf-8")
    with pytest.raises(ValueError, match=f"some.txt, line 3: .*{line}"):
        topics(path)


def test_so_many_pairs_of_a_topic_are_learnt_from() -> None:
    for topic in topics(files()[0]):
        found = chosen(topic, random.Random(1))
        same = sum(each["same"] for each in found)
        assert same <= ALIKE
        assert len(found) - same <= CONTRARY + OTHERS
        assert {(each["a"], each["b"]) for each in found} <= {
            (each["a"], each["b"]) for each in pairs(topic)
        }
