"""Reasons are the model's own numbers: they sum to the margins that it gives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.explain import ALWAYS, explain
from classifiers.train import TrainedModel
from tests.classifiers.conftest import make_examples

TITLE = st.text(st.characters(codec=None), max_size=40) | st.lists(
    st.sampled_from(["足球", "降息", "bank", "goal ", "12%", "「", "红烧"]), max_size=9
).map("".join)


@settings(max_examples=100, deadline=None)
@given(title=TITLE)
def test_weights_sum_to_the_difference_of_the_margins(title: str, trained: TrainedModel) -> None:
    scorer = trained.scorer
    margins = dict(zip(scorer.sections, scorer.margins([title])[0].tolist(), strict=True))
    found = explain(scorer, title)
    best, second = found.answer.section, found.answer.runner_up
    assert found.margin == pytest.approx(margins[best] - margins[second], abs=1e-5)
    assert sum(each.weight for each in found.reasons) == pytest.approx(found.margin, abs=1e-9)
    assert sum(each.speaks_for for each in found.reasons) == pytest.approx(margins[best], abs=1e-5)
    assert sum(each.against for each in found.reasons) == pytest.approx(margins[second], abs=1e-5)


def test_the_words_that_decide_stand_first(trained: TrainedModel) -> None:
    found = explain(trained.scorer, "今天 足球 联赛")
    heaviest = {each.text for each in found.reasons[:6]}
    assert any("足球" in text or "联赛" in text for text in heaviest)
    assert all(each.weight > 0 for each in found.reasons[:3])
    assert found.familiarity > 0.5


def test_each_kind_of_feature_has_a_name(trained: TrainedModel) -> None:
    title = make_examples()[12].title
    flat = {
        part for each in explain(trained.scorer, title).reasons for part in each.text.split(" | ")
    }
    assert {ALWAYS, "(length)", "(punctuation)", f"^{title[:2]}", "12", " 12$"} <= flat


def test_what_training_never_saw_is_no_reason(trained: TrainedModel) -> None:
    found = explain(trained.scorer, "饕餮貔貅")
    assert not [each for each in found.reasons if "饕" in each.text]
    assert found.answer.unsure
