"""Trust: new origins neither dominate nor vanish, measured ones are worth what they showed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.hints import BLOCK, CATEGORY, KINDS, SOURCE, URL, Hint
from monitor.hints.trust import PRIORS, Count, Trust, choose, collect, mean, trust
from monitor.types import Prediction

SPORTS = Hint(SOURCE, "1", "sports")
counts = st.integers(0, 10**6).flatmap(
    lambda said: st.integers(0, said).map(lambda agreed: Count(said, agreed))
)


def answer(probability: float, *, unsure: bool = False, section: str = "finance") -> Prediction:
    return Prediction(section, probability, "tech", unsure, "release")


def measured(hint: Hint, said: int, agreed: int) -> Trust:
    return collect([(hint.kind, hint.key, Count(said, agreed))])


@given(st.floats(0.01, 0.99), counts)
def test_trust_is_a_share_below_the_mean(prior: float, count: Count) -> None:
    assert -1e-9 <= trust(prior, count) <= mean(prior, count) <= 1


def test_trust_by_hand() -> None:
    assert mean(0.8, Count()) == pytest.approx(0.8)
    assert mean(0.8, Count(10, 0)) == pytest.approx(0.4)
    assert trust(0.8, Count()) == pytest.approx(0.8 - (0.16 / 11) ** 0.5)
    assert trust(0.8, Count(10_000, 9_900)) == pytest.approx(0.99, abs=0.002)
    assert trust(0.8, Count(10_000, 100)) == pytest.approx(0.01, abs=0.002)


@given(counts)
def test_more_agreement_is_more_trust(count: Count) -> None:
    assert trust(0.8, Count(count.said + 1, count.agreed + 1)) > trust(0.8, count) - 1e-9
    assert trust(0.8, Count(count.said + 1, count.agreed)) < trust(0.8, count) + 1e-9


def test_a_new_origin_is_worth_a_little_less_than_its_kind() -> None:
    good = measured(Hint(URL, "a.example", "sports"), 1000, 990)
    bad = measured(Hint(URL, "a.example", "sports"), 1000, 200)
    new = Hint(URL, "b.example", "sports")
    assert bad.of(new) < Trust().of(new) < good.of(new) < good.expected[URL]
    assert good.expected[CATEGORY] == PRIORS[CATEGORY]


def test_one_origin_that_is_always_wrong_does_not_speak_for_its_kind() -> None:
    bad = measured(Hint(URL, "a.example", "sports"), 10**6, 0)
    assert 0.5 < bad.of(Hint(URL, "b.example", "sports")) < Trust().of(SPORTS)
    many = collect((URL, f"{n}.example", Count(20, 0)) for n in range(100))
    assert many.of(Hint(URL, "b.example", "sports")) < 0.1


def test_a_new_hint_counts_in_doubt_and_not_against_a_sure_answer() -> None:
    for kind in KINDS:
        hint = Hint(kind, "new", "sports")
        assert choose(answer(0.9, unsure=True), [hint], Trust()) == hint
        assert choose(answer(0.8), [hint], Trust()) is None


def test_a_proven_hint_outvotes_even_a_sure_answer() -> None:
    assert choose(answer(0.9), [SPORTS], measured(SPORTS, 2000, 1980)) == SPORTS
    assert choose(answer(0.995), [SPORTS], measured(SPORTS, 2000, 1980)) is None


def test_a_hint_that_was_mostly_wrong_is_not_shown_even_in_doubt() -> None:
    known = measured(SPORTS, 200, 40)
    assert choose(answer(0.2, unsure=True), [SPORTS], known) is None


def test_a_sure_answer_that_says_the_same_is_the_answer() -> None:
    known = measured(SPORTS, 2000, 2000)
    assert choose(answer(0.7, section="sports"), [SPORTS], known) is None
    assert choose(answer(0.7, unsure=True, section="sports"), [SPORTS], known) == SPORTS


def test_of_several_hints_the_most_trusted_is_shown() -> None:
    block = Hint(BLOCK, "1:tech", "tech")
    assert choose(answer(0.3, unsure=True), [SPORTS, block], Trust()) == block
    known = collect([(BLOCK, "1:tech", Count(100, 50)), (SOURCE, "1", Count(100, 95))])
    assert choose(answer(0.3, unsure=True), [block, SPORTS], known) == SPORTS
    assert choose(answer(0.3, unsure=True), [], known) is None


def test_kinds_of_a_later_version_are_ignored() -> None:
    assert choose(answer(0.3, unsure=True), [Hint("stars", "x", "sports")], Trust()) is None
    assert collect([("stars", "x", Count(5, 5))]) == Trust()
