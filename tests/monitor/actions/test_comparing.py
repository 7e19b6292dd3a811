"""What the comparison of two releases is made on."""

from __future__ import annotations

from classifiers.corpus import load
from classifiers.examples import Example
from classifiers.train import STARTER, train
from monitor.actions.comparing import on_own_titles


def test_stories_do_not_change_which_subtopics_are_held_out(base: str) -> None:
    own = load(base, "sections")
    new = train(own, STARTER)
    stories = [
        Example(f"未见{number}", "food", weight=1e-6, group=f"a story/{number}")
        for number in range(7)
    ]
    found = on_own_titles(new.manifest, new, own, stories, held=0)
    assert found.answers is not None
    before, after = found.answers
    assert before.titles == after.titles
    assert before.sections() == after.sections()
